"""The mark at the end of a comment that the relay wrote, by which it knows its own again.

It is text, since that is all that CMP and a ticket system both keep of a comment, and it names what
the comment was written for, so that a repeated attempt finds what the one before it left behind.
"""

import hashlib
import re

_MARK = re.compile(r"(?:\A|\s)cmp-relay:([0-9a-f]{16})\s*\Z")


def of(purpose: str) -> str:
    """Return the mark for what a comment is written for: the same one for the same purpose."""
    return hashlib.sha256(purpose.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def add(text: str, mark: str) -> str:
    """Return the text with its mark in a line of its own at the end."""
    return f"{text.rstrip()}\n\ncmp-relay:{mark}"


def mark_of(text: str) -> str | None:
    """Return the mark that a text ends with; one that is quoted further up is none."""
    match = _MARK.search(text)
    return match[1] if match else None


def strip(text: str) -> str:
    """Return the text without the mark that it ends with."""
    return _MARK.sub("", text).rstrip()
