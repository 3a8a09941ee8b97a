"""What CMP shows of an external step: the sub-step, its external work, its task, and their like.

Each part stands behind a link of its own. A part that CMP does not show is none; that one is not
found is believed only when it is asked for again later (design.md rule 5).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cmp_relay.errors import ForbiddenError, NotFoundError, RequestRefusedError
from cmp_relay.fields import at, text
from cmp_relay.jobs import ExternalWorkJob
from cmp_relay.open_api import OpenApi

MOST_PAGES = 10
"""Of a task's assets."""
ERRAND = 4
"""Requests for a step with a page of assets; a comment is one more."""

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WorkView:
    """The bodies that CMP showed, as far as it did, to whoever began to look at `began_at` (ms)."""

    began_at: int
    sub_step: Body | None = None
    external_work: Body | None = None
    task: Body | None = None
    assets: tuple[Body, ...] | None = None
    comment: Body | None = None


@dataclass(frozen=True, slots=True)
class Views:
    """Looks at CMP through `api`; if it is `last`, what is not found is not there.

    Every look raises NotFoundError before the last one, and what `OpenApi.get` raises.
    """

    api: OpenApi
    last: bool
    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def of(self, job: ExternalWorkJob, comment: Body | None, began_at: int) -> WorkView:
        """Look at all that a job links but its comment, which is known by now."""
        return WorkView(
            began_at=began_at,
            sub_step=self.part(job.sub_step.href),
            external_work=self.part(job.sub_step.external_work_href),
            task=self.part(job.task.href),
            assets=self._assets(job.task.assets_href),
            comment=comment,
        )

    def part(self, href: str | None) -> Body | None:
        """Return what CMP shows at a link, None if it shows nothing or there is no link."""
        try:
            return self.api.get(href) if href else None
        except NotFoundError:
            if not self.last:
                raise
        except (ForbiddenError, RequestRefusedError):
            pass
        return None

    def _assets(self, href: str | None) -> tuple[Body, ...] | None:
        """Return a task's assets, None if there is no telling which ones it has."""
        rows: list[Body] = []
        pages: set[str] = set()
        link = href
        while link and link not in pages and len(pages) < MOST_PAGES:
            pages.add(link)
            page = self.part(link)
            data = at(page, "data")
            if not isinstance(data, list):
                return None
            rows += [row for row in data if isinstance(row, dict)]
            link = text(at(page, "pagination", "next"))
        return tuple(rows) if href else None
