"""The verdict on talks: comments, tickets, steps, commands, reports and other events. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cmp_relay import marks, tickets
from cmp_relay.cmp_events import CMP_EVENT
from cmp_relay.routing import canonical
from tools.chaos.talks import url_of
from tools.ledger.ledger import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tools.chaos.talk_truth import StepTruth
    from tools.chaos.verdict import Case

    Problems = Iterator[str]

RESULT = "CommandResult"
EXTERNAL = "ExternalWork"
DONE = "Done"
UNATTENDED: set[tuple[str, str | None]] = {("applied", None), ("superseded", None)}


def comments(case: Case) -> Problems:
    """What was said on one side is there once, and once on the other side; nothing else is."""
    for truth in case.talk.steps:
        in_cmp = _words(
            one["value"] for one in case.found.talk.steps[truth.sub_step_id]["comments"]
        )
        yield from _differences(truth, "CMP", in_cmp, truth.step.said("cmp", "jira", "program"))
        for issue in _issues(case, truth):
            in_jira = _words(one["body"] for one in issue["comments"])
            yield from _differences(truth, "Jira", in_jira, truth.step.said("cmp", "jira"))


def steps(case: Case) -> Problems:
    """Each step for Jira has one ticket, CMP shows it as it is, and every step is completed."""
    for truth in case.talk.steps:
        shown, issues = case.found.talk.steps[truth.sub_step_id], _issues(case, truth)
        if len(issues) != truth.step.has_ticket:
            yield f"{truth.step.name}: {len(issues)} tickets"
        for issue in issues:
            work = shown["external_work"]
            if (work["identifier"], work["status"]) != (issue["key"], DONE):
                yield f"{truth.step.name}: CMP shows {work['identifier']}, {work['status']}"
        if not shown["is_completed"]:
            yield f"{truth.step.name}: not completed"


def webhooks(case: Case) -> Problems:
    """The relay took every webhook of Jira's in the end."""
    for sent in case.found.talk.webhooks:
        if sent["status"] not in {HTTPStatus.OK, HTTPStatus.ACCEPTED}:
            yield f"Jira gave up on {sent['event']} of {sent['issue']}: {sent['status']}"


def bus(case: Case) -> Problems:
    """The bus tells what people did in CMP, and none of what the relay itself told CMP."""
    told: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
    for event in case.found.events:
        if event["detail-type"].startswith(EXTERNAL):
            detail = event["detail"]
            comment = detail.get("comment") or {}
            words = comment.get("value")
            told[detail["sub_step"]["id"]].add((event["detail-type"], words))
    for truth in case.talk.steps:
        expected: set[tuple[str, str | None]] = {
            (f"{EXTERNAL}CommentAdded", words) for words in truth.step.said("cmp")
        }
        if truth.step.has_ticket:
            expected.add((f"{EXTERNAL}Started", None))
        for kind, words in sorted(told[truth.sub_step_id] ^ expected, key=str):
            yield f"{truth.step.name}: {kind} {words or ''} is told by one of bus and people alone"


def commands(case: Case) -> Problems:
    """Every command has one result with one outcome: those of programs the one that it has to have.

    Of the relay's own, an older one may be covered by a newer one.
    """
    results: dict[str, set[tuple[str, str, str | None]]] = defaultdict(set)
    for event in case.found.events:
        if event["detail-type"] == RESULT:
            detail = event["detail"]
            end = detail["id"], detail["outcome"], detail["reason"]
            results[detail["command_id"]].add(end)
    wanted = {one.command_id: _wanted(one.reason) for one in case.talk.commands}
    for command_id in sorted(wanted.keys() | results.keys()):
        found = results[command_id]
        ends = {(outcome, reason) for _, outcome, reason in found}
        if len(found) != 1 or not ends <= wanted.get(command_id, UNATTENDED):
            yield f"{command_id}: {len(found)} results: {sorted(ends, key=str)}"


def jobs(case: Case) -> Problems:
    """Every command and every job of a ticket ended and is counted."""
    for job in case.found.talk.jobs:
        if job.outcome is None:
            yield f"{job.job_id} has no outcome"
    ended = Counter(job.outcome for job in case.found.talk.jobs)
    for outcome in OUTCOMES:
        counted = case.found.talk.counted.get(outcome, 0)
        if counted != ended[outcome]:
            yield f"{counted} counted as {outcome}, but {ended[outcome]} items say so"


def reports(case: Case) -> Problems:
    """CMP has each report once, as it was given."""
    for publication in case.publications:
        found = case.found.talk.reports[publication.event]
        entries = Counter(
            (one["asset_id"], one["locale"], one["status"], one["public_url"]) for one in found
        )
        given = Counter(
            (asset_id, locale, "published", url_of(asset_id, locale))
            for asset_id, locale in publication.reports()
        )
        for entry in sorted({*entries, *given}):
            if entries[entry] != given[entry]:
                yield f"{publication.event}: {entries[entry]} entries {entry}"


def others(case: Case) -> Problems:
    """The bus tells of every other event, with the data as CMP sent them."""
    told: dict[str, Any] = {}
    for event in case.found.events:
        if event["detail-type"] == CMP_EVENT:
            detail = event["detail"]
            told[_subject(detail)] = (detail["event_name"], detail["data"])
    for subject, body in case.talk.others.items():
        if told.pop(subject, None) != (canonical(body["event_name"]), body["data"]):
            yield f"the bus does not tell of {body['event_name']} of {subject}"
    for name, _ in told.values():
        yield f"the bus tells of an event that nobody sent: {name}"


def limits(case: Case) -> Problems:
    """CMP never had to say that its own limits were exceeded."""
    exceeded = sum(
        one["status"] == HTTPStatus.TOO_MANY_REQUESTS and not one["fault"]
        for one in case.found.requests
    )
    if exceeded:
        yield f"CMP answered 429 {exceeded} times for its own limits"


def _wanted(reason: str | None) -> set[tuple[str, str | None]]:
    return {("dead_lettered", reason) if reason else ("applied", None)}


def _issues(case: Case, truth: StepTruth) -> list[Mapping[str, Any]]:
    label = tickets.label_of(truth.sub_step_id)
    return [issue for issue in case.found.talk.issues if label in issue["labels"]]


def _words(texts: Iterable[str]) -> Counter[str]:
    """Count the last words: those that were said, whatever the relay wrote before them."""
    return Counter(marks.strip(text).split()[-1] for text in texts)


def _differences(truth: StepTruth, where: str, found: Counter[str], said: list[str]) -> Problems:
    for words in sorted({*found, *said}):
        if found[words] != said.count(words):
            yield f"{truth.step.name}: {words} is {found[words]} times in {where}"


def _subject(detail: Mapping[str, Any]) -> str:
    data = detail["data"]
    return str(data.get("task", {}).get("id")) if isinstance(data, dict) else str(data)
