"""The batch: reports that go to CMP in one request, and what CMP answers to each of them.

Pure: no I/O, no clock.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from cmp_relay.fields import at, identifier, text
from cmp_relay.report import Report, Verdict

EXISTS = "metadata-exists"
DIFFERS = "metadata_exists_differs"
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_QUERY = re.compile(r"\?\S*")
_LONGEST_WORDS = 200


class Problem(NamedTuple):
    """Why CMP refuses a report: its error code and its words."""

    code: str
    words: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """Reports that say the same, to be sent once."""

    reports: tuple[Report, ...]

    @property
    def first(self) -> Report:
        """Return one of them."""
        return self.reports[0]

    def amended(self, problems: Iterable[Problem]) -> "Draft | None":
        """Return the draft as CMP wants it, None if that is not known."""
        like = self.first.amended([problem.code for problem in problems])
        if like is None:
            return None
        same = [replace(each, entry=like.entry, changed=like.changed) for each in self.reports]
        return Draft(tuple(same))

    def taken(self, row: Mapping[str, Any]) -> list[Report]:
        """Return the reports after CMP has taken them, as it shows them."""
        result = _shown(row)
        if self.first.changed:
            result["changed"] = sorted(self.first.changed)
        return [report.ended(Verdict("applied", result=result)) for report in self.reports]

    def refused(self, reason: str, detail: str | None) -> list[Report]:
        """Return the reports after CMP has refused them."""
        verdict = Verdict("dead_lettered", detail, reason)
        return [report.ended(verdict) for report in self.reports]

    def refused_for(self, problems: Sequence[Problem]) -> list[Report]:
        """Return the reports after CMP has refused them, for what they could not do without."""
        hard = [problem for problem in problems if self.amended([problem]) is None]
        return self.refused(*(hard or problems)[0])

    def compared(self, rows: Sequence[Mapping[str, Any]]) -> list[Report]:
        """Return the reports after a look at what CMP has of their asset already.

        Only what they say is compared: CMP can know more.
        """
        told = {name: self.first.entry.get(name) for name in ("status", "public_url")}
        for row in rows:
            if all(value is None or row.get(name) == value for name, value in told.items()):
                return self.taken(row)
        there = sorted({text(row.get("status")) or "another" for row in rows})
        detail = f"CMP has a report of this asset that differs ({', '.join(there)})"
        return [
            report.ended(
                Verdict("superseded", detail)
                if report.keep_existing
                else Verdict("dead_lettered", detail, DIFFERS)
            )
            for report in self.reports
        ]


class Said(NamedTuple):
    """What CMP's answer says of one draft: the entry that it made, or why it did not."""

    draft: Draft
    row: Mapping[str, Any] | None
    problems: tuple[Problem, ...]


def covered(reports: Iterable[Report]) -> Iterator[Report]:
    """Yield the waiting reports that need not be sent, with their verdicts.

    Of each place the newest report holds, one that CMP has taken already included.
    """
    for rivals in _by_place(reports).values():
        newest = rivals[-1]
        known = max((one for one in rivals if one.verdict), key=lambda one: one.age, default=None)
        for report in rivals:
            if report.verdict:
                continue
            if known and known.says(newest) and report.says(newest):
                yield replace(report, verdict=known.verdict)
            elif not report.says(newest):
                detail = "a newer report of this asset and locale takes its place"
                yield report.ended(Verdict("superseded", detail))


def drafts(reports: Iterable[Report]) -> list[Draft]:
    """Put the waiting reports together that say the same."""
    same: dict[object, list[Report]] = defaultdict(list)
    for report in reports:
        if report.verdict is None:
            same[(report.link, frozenset(report.entry.items()))].append(report)
    return [Draft(tuple(some)) for some in same.values()]


def batches(some: Iterable[Draft], most: int) -> list[list[Draft]]:
    """Divide drafts into requests of at most so many, none with two of one place.

    CMP would refuse the second (`duplicate-metadata`); reports that lost their locale meet so.
    """
    rounds: list[list[Draft]] = []
    seen: dict[object, int] = defaultdict(int)
    for draft in some:
        number = seen[draft.first.place]
        seen[draft.first.place] += 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(draft)
    return [each[start : start + most] for each in rounds for start in range(0, len(each), most)]


def halves(batch: list[Draft]) -> tuple[list[Draft], list[Draft]]:
    """Divide a batch of two or more."""
    middle = len(batch) // 2
    return batch[:middle], batch[middle:]


def read(answer: Mapping[str, object], batch: Sequence[Draft]) -> list[Said]:
    """Find what CMP's answer to a batch says of each draft; of some it may say nothing."""
    made, errors = rows(answer), rows(answer, "errors")
    alone = [draft.first.entry["asset_id"] for draft in batch]
    said = []
    for draft in batch:
        is_alone = alone.count(draft.first.entry["asset_id"]) == 1
        own = about(made, draft, any_locale=is_alone)
        problems = [_problem(row) for row in about(errors, draft, any_locale=is_alone)]
        said.append(Said(draft, own[0] if own else None, tuple(problems)))
    return said


def about(
    some: Iterable[Mapping[str, Any]], draft: Draft, *, any_locale: bool
) -> list[Mapping[str, Any]]:
    """Return the rows about a draft's asset and locale; about its asset if none tells more."""
    asset_id, locale = draft.first.entry["asset_id"], draft.first.entry.get("locale")
    mine = [row for row in some if identifier(row.get("asset_id")) == asset_id]
    exact = [row for row in mine if text(row.get("locale")) == locale]
    return exact or (mine if any_locale else [])


def known(some: Iterable[Mapping[str, Any]], draft: Draft) -> list[Mapping[str, Any]]:
    """Return the rows of CMP's list that can be what a draft says."""
    return about(some, draft, any_locale="locale" not in draft.first.entry)


def rows(answer: Mapping[str, object], name: str = "data") -> list[Mapping[str, Any]]:
    """Return the objects of a list in an answer."""
    found = answer.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _by_place(reports: Iterable[Report]) -> dict[object, list[Report]]:
    """Return reports by place, oldest first; those that CMP refused say nothing of it."""
    found: dict[object, list[Report]] = defaultdict(list)
    for report in sorted(reports, key=lambda one: one.age):
        if report.verdict is None or report.verdict.outcome == "applied":
            found[report.place].append(report)
    return found


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a sender is told of the entry that CMP has, with no URL but CMP's own."""
    return {
        "id": identifier(row.get("id")),
        "status": text(row.get("status")),
        "locale": text(row.get("locale")),
        "link": text(at(row, "links", "self")),
    }


def _problem(row: Mapping[str, Any]) -> Problem:
    code, words = text(row.get("error_code")), text(row.get("message"))
    return Problem(
        code if code and _CODE.fullmatch(code) else "request_refused",
        _QUERY.sub("", words)[:_LONGEST_WORDS] if words else None,
    )
