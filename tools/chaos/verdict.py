"""The verdict: what a run left behind against what must be true. Pure; every problem a sentence."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jsonschema

from cmp_relay import times
from cmp_relay.catalogue import NEVER_MODIFIED
from tools.chaos import economy, file_verdict, talk_verdict
from tools.chaos.file_verdict import DEAD_LETTERS, FILES_CHANGED
from tools.chaos.world import QUARANTINE
from tools.local_stack.folders import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from tools.chaos.observation import Message, Observation
    from tools.chaos.talk_truth import TalkTruth
    from tools.chaos.talks import Publication
    from tools.chaos.truth import Expected
    from tools.stand_in.records import DeliveryRecord

    Problems = Iterator[str]

SCHEMAS = PROJECT / "docs" / "events"
TOLD = ("reason", "detail", "attempts")
TOLD_OF_JOBS = (*TOLD, "job_id", "delivery_id", "event_name")
MOST_REQUESTS_PER_STATE = 1.1


@dataclass(frozen=True)
class Case:
    """What the verdict is about: the truth, CMP's views of each asset, and the observation.

    `talk` is what was said, `publications` are those that programs reported. `promised` are the
    troubles of the plan, `met` how often each was met.
    """

    expected: Sequence[Expected]
    views: Mapping[str, Sequence[Mapping[str, Any]]]
    deliveries: Sequence[DeliveryRecord]
    strays: Mapping[str, str]
    promised: AbstractSet[str]
    met: Mapping[str, int]
    found: Observation
    talk: TalkTruth
    publications: Sequence[Publication]


@dataclass(frozen=True)
class Verdict:
    """The problems of each check, none of them if it holds."""

    problems: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Tell whether every check holds."""
        return not any(self.problems.values())


def judge(case: Case) -> Verdict:
    """Judge a run."""
    checks: dict[str, Callable[[Case], Problems]] = {
        "nothing is lost": nothing_is_lost,
        "the ledger adds up": ledger_adds_up,
        "nothing is in flight": nothing_in_flight,
        "final states are CMP's": final_states,
        "details are CMP's": details,
        "published entries are the latest": entries,
        "the bus tells the truth": bus,
        "only the poisoned are dead letters": dead_letters,
        "strays are where they belong": strays,
        "files are CMP's": file_verdict.contents,
        "copies are where the rules want them": file_verdict.copies,
        "claims and objects agree": file_verdict.claims,
        "file jobs add up": file_verdict.jobs,
        "no file is a dead letter": file_verdict.dead_letters,
        "the bus tells the files": file_verdict.bus,
        "file hosts see no token of ours": file_verdict.hosts,
        "comments are once on either side": talk_verdict.comments,
        "steps and tickets have one end": talk_verdict.steps,
        "Jira's webhooks were taken": talk_verdict.webhooks,
        "the bus tells of steps, and no echo": talk_verdict.bus,
        "every command has one outcome": talk_verdict.commands,
        "jobs of talks add up": talk_verdict.jobs,
        "every report is once in CMP": talk_verdict.reports,
        "the bus tells of all other events": talk_verdict.others,
        "CMP is asked once per state": requests,
        "CMP's limits are kept": talk_verdict.limits,
        "every trouble was met": troubles,
        "no secret is in a log": lambda each: iter(each.found.leaks),
    }
    return Verdict({name: list(check(case)) for name, check in checks.items()})


def nothing_is_lost(case: Case) -> Problems:
    """Every delivery was accepted in the end, and a worker has seen every job accepted."""
    seen = {item.job_id for item in case.found.seen}
    for delivery in case.deliveries:
        if not delivery["delivered"]:
            yield f"CMP gave up on a delivery of {delivery['event_name']}"
            continue
        answer = delivery["response"]
        for number in range(answer["jobs"]):
            if f"{answer['delivery_id']}.{number}" not in seen:
                yield f"job {answer['delivery_id']}.{number} was accepted and never seen"


def ledger_adds_up(case: Case) -> Problems:
    """Received = applied + superseded + dead-lettered + in flight + sent again; counts agree."""
    yield from case.found.ledger.problems


def nothing_in_flight(case: Case) -> Problems:
    """Every job has its outcome, and the work queues are empty."""
    for job_id in case.found.ledger.in_flight:
        yield f"job {job_id} has no outcome"
    if case.found.waiting:
        yield f"{case.found.waiting} messages in the work queues"


def final_states(case: Case) -> Problems:
    """Published and library state of every asset are CMP's."""
    for one in case.expected:
        items = case.found.items[one.asset.id]
        asset = items.get("ASSET")
        if asset is None:
            if one.poison is None:
                yield f"{_name(one)}: not in the catalogue"
            continue
        if one.poison is not None:
            yield f"{_name(one)}: in the catalogue in spite of its poison"
        if asset["published"] != one.published:
            yield f"{_name(one)}: published is {asset['published']}"
        opened = {
            item["publishing_event_id"]
            for item in items.values()
            if item.get("status") == "published"
        }
        if opened != one.open_events:
            yield f"{_name(one)}: open are {sorted(opened)}, not {sorted(one.open_events)}"
        if asset.get("library") not in _library_states(one):
            yield f"{_name(one)}: library is {asset.get('library')}"


def details(case: Case) -> Problems:
    """What is kept is what CMP shows, or showed once if nobody announced the latest change."""
    for one in case.expected:
        asset = case.found.items[one.asset.id].get("ASSET")
        if asset is None:
            continue
        views = [_comparable(view) for view in case.views[one.asset.id]]
        document = case.found.documents.get(str(asset.get("details_key")))
        if document is None:
            if one.is_current and one.in_library:
                yield f"{_name(one)}: no details"
            continue
        kept = _comparable(document["asset"])
        if one.is_current and one.in_library:
            if document["details_source"] != "library":
                yield f"{_name(one)}: details come from {document['details_source']}"
            elif kept != views[-1]:
                yield f"{_name(one)}: {kept.get('title')!r} is kept, not {views[-1]['title']!r}"
        elif not _was_shown(kept, views, whole=document["details_source"] == "library"):
            yield f"{_name(one)}: CMP never showed what is kept"


def entries(case: Case) -> Problems:
    """Of an open publication, the latest entry that was received is kept."""
    latest: dict[tuple[str, str], int] = {}
    seen = {item.job_id for item in case.found.seen}
    for job in case.found.received:
        if job.job_id in seen and job.publishing_event_id and job.announced:
            key = str(job.asset_id), job.publishing_event_id
            latest[key] = max(latest.get(key, 0), times.read(job.announced) or 0)
    for one in case.expected:
        for item in case.found.items[one.asset.id].values():
            event = item.get("publishing_event_id")
            if event not in one.open_events:
                continue
            entry = case.found.documents.get(str(item.get("entry_key")), {})
            if times.read(entry.get("modified_at")) != latest.get((one.asset.id, event)):
                yield f"{_name(one)}: the entry of {event} is not the latest"


def bus(case: Case) -> Problems:
    """Every event is valid and was true, and the last one of each asset tells its final state."""
    last: dict[str, Mapping[str, Any]] = {}
    titles = {name: {view["title"] for view in views} for name, views in case.views.items()}
    for event in case.found.events:
        detail = event["detail"]
        yield from _invalid(event)
        if "asset" not in detail:
            continue  # of steps, commands and all else: `talk_verdict`
        asset = detail["asset"]
        if asset["title"] is not None and asset["title"] not in titles[asset["id"]]:
            yield f"{asset['id']}: the bus tells the title {asset['title']!r}"
        if event["detail-type"] == FILES_CHANGED:
            continue  # with a sequence of its own: `file_verdict`
        before = last.get(asset["id"])
        if before is None or detail["sequence"] >= before["sequence"]:
            last[asset["id"]] = detail
    for one in case.expected:
        item = case.found.items[one.asset.id].get("ASSET")
        yield from _untold(one, item, last.get(one.asset.id)) if item else ()


def dead_letters(case: Case) -> Problems:
    """The poisoned jobs are dead letters with all that a person needs, and no others are."""
    letters = [one for one in case.found.messages if one.queue.endswith("DEAD_LETTER")]
    poisoned: dict[str, str] = {one.asset.id: one.poison for one in case.expected if one.poison}
    poisoned |= {one.command_id: one.reason for one in case.talk.commands if one.reason}
    stray = [letter for letter in letters if letter.body == case.strays["no_job"]]
    yield from _stray_letters(stray)
    met = set()
    for letter in letters:
        if letter in stray:
            continue
        if letter.queue == DEAD_LETTERS:
            yield from _missing(letter, TOLD_OF_JOBS)
            continue
        subject = _subject_of(letter)
        reason = letter.attributes.get("reason")
        if poisoned.get(subject) != reason:
            detail = letter.attributes.get("detail")
            yield f"{letter.queue}: {subject} became a dead letter: {reason}: {detail}"
        met.add(subject)
        yield from _missing(letter, TOLD_OF_JOBS)
    for subject in poisoned.keys() - met:
        yield f"{subject} did not become a dead letter"


def strays(case: Case) -> Problems:
    """What cannot be read is in quarantine, and nothing else is."""
    messages = [one for one in case.found.messages if one.queue == QUARANTINE]
    if not messages:
        yield f"{QUARANTINE} is empty"
    for message in messages:
        archived = json.loads(message.body)["archive_key"]
        if case.found.bodies.get(archived) != case.strays["unreadable_delivery"]:
            yield f"{QUARANTINE} holds what does not belong there: {archived}"


def requests(case: Case) -> Problems:
    """Successful requests per state that had to be fetched are few enough."""
    spent = economy.of(case.found)
    if spent.ratio > MOST_REQUESTS_PER_STATE:
        yield f"{spent.asked} requests for {spent.needed} states: {spent.ratio:.2f} each"


def troubles(case: Case) -> Problems:
    """Everything that was to go wrong went wrong."""
    for name in sorted(case.promised):
        if not case.met.get(name):
            yield f"{name}: nothing met it"


def _library_states(one: Expected) -> tuple[str | None, ...]:
    if not one.in_library:
        return ("removed",)
    return ("present",) if one.is_current else ("present", None)


def _untold(one: Expected, item: Mapping[str, Any], detail: Mapping[str, Any] | None) -> Problems:
    if detail is None:
        yield f"{_name(one)}: the bus never told of it"
        return
    told = detail["asset"]
    for name in ("published", "title", "modified_at", "library"):
        known = None if item.get(name) == NEVER_MODIFIED else item.get(name)
        if name in told and told[name] != known:
            yield f"{_name(one)}: the last event tells {name} {told[name]}, not {known}"


def _invalid(event: Mapping[str, Any]) -> Problems:
    schema = json.loads((SCHEMAS / f"{event['detail-type']}.schema.json").read_text())
    for error in jsonschema.Draft202012Validator(schema).iter_errors(event["detail"]):
        yield f"{event['detail-type']} {event['detail']['id']}: {error.message}"


def _stray_letters(stray: Sequence[Message]) -> Problems:
    if not stray:
        yield "the message that is no job did not become a dead letter"
    for letter in stray:
        yield from _missing(letter, TOLD)


def _missing(letter: Message, names: Sequence[str]) -> Problems:
    for name in names:
        if not letter.attributes.get(name):
            yield f"a dead letter in {letter.queue} does not tell its {name}"


def _subject_of(letter: Message) -> str:
    job = json.loads(letter.body)
    return str(job.get("command_id") or job.get("asset", {}).get("id") or job.get("job_id"))


def _comparable(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return a view with one of CMP's two hosts in every link."""
    plain: dict[str, Any] = json.loads(json.dumps(view).replace("//localhost:", "//127.0.0.1:"))
    return plain


def _was_shown(kept: Mapping[str, Any], views: Sequence[Mapping[str, Any]], *, whole: bool) -> bool:
    """Tell whether CMP showed that; a delivery shows less of an asset, but its title."""
    return kept in views if whole else kept.get("title") in {view["title"] for view in views}


def _name(one: Expected) -> str:
    return f"{one.asset.id} ({one.story})"
