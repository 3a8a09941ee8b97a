"""Private files: a download URL with a token, which CMP gives for a file's guid.

Which guid it goes by is not documented (facts.md 7), so one request asks for all that it may be.
"""

from dataclasses import dataclass

from cmp_relay import file_sources
from cmp_relay.errors import FileGuidUnknownError
from cmp_relay.open_api import OpenApi
from cmp_relay.permits import Keeper, Permits


@dataclass(frozen=True, slots=True)
class PrivateLinks:
    """CMP's links to private files; they are used at once, never logged or stored."""

    api: OpenApi
    permits: Permits

    def link(self, asset_id: str | None, url: str, lease: Keeper) -> str:
        """Return a URL with a token for a file whose own URL is refused.

        `asset_id` is None for a file that is no asset of its own.
        Raises FileGuidUnknownError, PostponedError and the ApiErrors of `open_api`.
        """
        guids = file_sources.guids(asset_id, url)
        urls = self.api.behind(self.permits.of(lease, 1)).file_urls(guids)
        for guid in guids:
            if guid in urls:
                return urls[guid]
        raise FileGuidUnknownError(f"CMP has no file of the guids {', '.join(guids)}")
