"""What makes two deliveries of an asset the same: its entry, whatever host its links name."""

import hashlib
import json
import re

# In JSON text a string ends at its quote, and a backslash begins an escaped character.
URL = re.compile(r"""https?://[^\s"'<>\\/?#]*([^\s"'<>\\?#]*)(?:\?[^\s"'<>\\#]*)?""", re.IGNORECASE)


def entry_hash(entry: object) -> str:
    """Return the SHA-256 (hex) of an entry's canonical JSON without host and query of any URL.

    CMP links the same thing under two API hosts, and queries may carry tokens that change.
    """
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(URL.sub(r"\1", text).encode("utf-8", "surrogatepass")).hexdigest()
