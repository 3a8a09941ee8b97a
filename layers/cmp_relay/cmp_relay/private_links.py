"""Private files: download URLs with a token, which CMP gives for the files' guids.

Which guid a file goes by is not documented (facts.md 7), so all that it may be are asked for, and
those of all files at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cmp_relay import file_sources
from cmp_relay.file_sources import Source
from cmp_relay.open_api import OpenApi
from cmp_relay.permits import Keeper, Permits

MOST_GUIDS = 100
"""For one request: CMP's own limit is not documented."""


@dataclass(frozen=True, slots=True)
class PrivateLinks:
    """CMP's links to private files; they are used at once, never logged or stored."""

    api: OpenApi
    permits: Permits

    def links(self, asset_id: str, sources: Sequence[Source], lease: Keeper) -> dict[str, str]:
        """Return URLs with a token for files whose own URLs are refused, by slot.

        A file that CMP knows by none of its guids has none. Raises PostponedError and the ApiErrors
        of `open_api`.
        """
        guids = {source.slot: _guids(asset_id, source) for source in sources}
        wanted = list(dict.fromkeys(guid for each in guids.values() for guid in each))
        batches = [
            wanted[start : start + MOST_GUIDS] for start in range(0, len(wanted), MOST_GUIDS)
        ]
        api = self.api.behind(self.permits.of(lease, max(1, len(batches))))
        urls = {guid: url for batch in batches for guid, url in api.file_urls(batch).items()}
        known = {slot: [guid for guid in each if guid in urls] for slot, each in guids.items()}
        return {slot: urls[each[0]] for slot, each in known.items() if each}


def _guids(asset_id: str, source: Source) -> tuple[str, ...]:
    # A picture in an article is no asset of its own.
    return file_sources.guids(asset_id if source.slot == file_sources.OWN else None, source.url)
