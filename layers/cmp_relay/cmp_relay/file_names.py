"""Names under which files are stored: ASCII letters, digits, `.`, `-` and `_`, whatever CMP says.

Pure: no I/O.
"""

import re
import unicodedata

from cmp_relay.fields import text

LONGEST = 120
NAMELESS = "file"

_MIME_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")
_EXTENSION = re.compile(r"\.[a-z0-9]{1,10}\Z", re.IGNORECASE)
# Python's own table depends on the machine and on the version; names have to stay what they are.
_BY_MIME_TYPE = {
    "application/json": ".json",
    "application/msword": ".doc",
    "application/pdf": ".pdf",
    "application/postscript": ".eps",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/zip": ".zip",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "image/avif": ".avif",
    "image/bmp": ".bmp",
    "image/gif": ".gif",
    "image/heic": ".heic",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/tiff": ".tif",
    "image/webp": ".webp",
    "text/csv": ".csv",
    "text/plain": ".txt",
    "video/mp4": ".mp4",
    "video/mpeg": ".mpg",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "video/x-msvideo": ".avi",
}


def safe(title: object, told_extension: object, mime_type: str | None) -> str:
    """Name a file by its title; it ends in the extension that CMP tells, else in its type's.

    A title that ends in one already keeps it, if CMP tells neither.
    """
    plain = unicodedata.normalize("NFKD", text(title) or "").encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9._]+", "-", plain).rstrip("-.")
    ending = _ending(told_extension) or _BY_MIME_TYPE.get(mime_type or "") or extension(words)
    ending = ending or extension(words.lstrip("-.")[:LONGEST].rstrip("-."))
    if words.lower().endswith(ending):
        words = words[: len(words) - len(ending)]
    return (words.strip("-.")[: LONGEST - len(ending)].rstrip("-.") or NAMELESS) + ending


def extension(name: str) -> str:
    """Return what a name ends in, such as `.jpg`, in lower case; nothing if it has no extension."""
    found = _EXTENSION.search(name)
    return found[0].lower() if found else ""


def mime_type(value: object) -> str | None:
    """Return a MIME type in lower case and without parameters, None for what is none."""
    told = (text(value) or "").partition(";")[0].strip().lower()
    return told if _MIME_TYPE.fullmatch(told) else None


def _ending(told: object) -> str:
    ending = "." + (text(told) or "").strip().removeprefix(".").lower()
    return ending if _EXTENSION.fullmatch(ending) else ""
