"""The guids of files, and how download URLs hold them.

An image's URL ends in base64 of `g=<guid>`, any other in the guid itself (the documentation's
examples). That a guid is not the asset's id is a guess: no source says it.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from hashlib import sha256

PREFIX = "g="


def guid_of(asset_id: str, part: str = "file") -> str:
    """Tell the guid of one file of an asset, the same each time."""
    return sha256(f"{part} of {asset_id}".encode()).hexdigest()[:32]


def in_base64(guid: str) -> str:
    """Write a guid as the URLs of images do."""
    return b64encode(f"{PREFIX}{guid}".encode()).decode()


def guid_in(name: str) -> str:
    """Read the guid that the last part of a download URL holds."""
    try:
        text = b64decode(name, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return name
    return text.removeprefix(PREFIX) if text.startswith(PREFIX) else name
