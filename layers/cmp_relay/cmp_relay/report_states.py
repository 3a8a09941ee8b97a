"""What CMP is to know of an asset's publications, as far as the relay reports by itself.

Pure: no I/O, no clock.
"""

from cmp_relay.catalogue import Record
from cmp_relay.publications import Publication, is_open

KINDS = frozenset({"image", "video", "raw_file"})
"""What has a file of its own: articles and structured contents are reported by who shows them."""
UNPUBLISHED = "unpublished"


def states(record: Record) -> dict[tuple[str, str], str]:
    """Return the status of each publication by channel and publishing event."""
    if record.asset.type not in KINDS:
        return {}
    facts = record.facts()
    return {
        key: _state(publication.facts, facts)
        for key, publication in record.publications.items()
        if publication.metadata_href
    }


def _state(publication: Publication, siblings: list[Publication]) -> str:
    if not is_open(publication, siblings):
        return UNPUBLISHED
    synced, published = publication.synced_at or 0, publication.published_at or 0
    return "synced" if synced > published else "published"
