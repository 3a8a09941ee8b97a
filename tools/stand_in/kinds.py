"""The five kinds of assets: how CMP calls each in types, paths and deliveries.

Sources: the official specification (task fields), the documented publish events (entry fields).
"""

from __future__ import annotations

from dataclasses import dataclass

DELIVERED = ("id", "title", "mime_type", "created_at", "modified_at", "file_size", "url", "labels")


@dataclass(frozen=True)
class Kind:
    """One kind: its type, its path segment, its key in a delivery, and the fields shown where."""

    name: str
    segment: str
    collection: str
    entry_fields: tuple[str, ...]
    task_fields: tuple[str, ...]
    mime_type: str = ""
    """What lists show for a kind without files; it is not documented."""


ARTICLE = Kind(
    "article",
    "articles",
    "articles",
    ("id", "title", "created_at", "modified_at", "html_body", "images", "labels"),
    ("id", "title", "created_at", "modified_at", "html_body", "url", "labels"),
    "text/html",
)
IMAGE = Kind(
    "image",
    "images",
    "images",
    (*DELIVERED, "image_resolution"),
    (*DELIVERED, "image_resolution"),
)
VIDEO = Kind("video", "videos", "videos", DELIVERED, DELIVERED)
RAW_FILE = Kind("raw_file", "raw-files", "raw_files", DELIVERED, DELIVERED)
STRUCTURED_CONTENT = Kind(
    "structured_content",
    "structured-contents",
    "structured_contents",
    ("id", "title", "labels", "created_at", "modified_at"),
    (),
    "application/json",
)

KINDS = (ARTICLE, IMAGE, VIDEO, RAW_FILE, STRUCTURED_CONTENT)
BY_NAME = {kind.name: kind for kind in KINDS}
