"""Talks of a chaos run: the plan of them, and a verdict that fails for each thing that is wrong."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cmp_relay import marks, tickets
from tests.unit.tools import test_chaos_verdict as whole
from tools.chaos import injections, lives, talks, troubles, verdict
from tools.chaos.observation import Message, TalkObservation
from tools.chaos.plan import Asset, Kill, TalkFault
from tools.chaos.talk_truth import Command, StepTruth, TalkTruth
from tools.chaos.talks import Publication, Saying, Step, url_of
from tools.ledger.ledger import Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.chaos.verdict import Case

MARK = "0123456789abcdef"
STEP = Step(
    "t",
    "Jira",
    0.0,
    (Saying(1, "cmp", "t-cmp"), Saying(2, "jira", "t-jira"), Saying(3, "program", "t-program")),
    9.0,
)
OWN = Step("own", "Ours", 0.0, (), 9.0)
PUBLICATION = Publication(0.0, "e", ("a",))
OTHER = {"event_name": "task_metadata_modifed", "data": {"task": {"id": "other"}}}
COMMANDS = [Command("done"), Command("nowhere", "not_found")]


def relayed(words: str) -> str:
    return marks.add(f"Somebody said:\n\n{words}", MARK)


def steps() -> dict[str, Any]:
    values = ["t-cmp", relayed("t-jira"), marks.add("t-program", MARK)]
    work = {"identifier": "CMP-1", "status": "Done"}
    comments = [{"value": value} for value in values]
    shown = {"external_work": work, "is_completed": True, "comments": comments}
    own = {"external_work": {**work, "identifier": "own"}, "is_completed": True, "comments": []}
    return {"step": shown, "own": own}


def issue(**changes: object) -> dict[str, Any]:
    comments = [{"body": relayed("t-cmp")}, {"body": "t-jira"}]
    made = {"key": "CMP-1", "labels": [tickets.label_of("step")], "comments": comments}
    return {**made, **changes}


def entries() -> list[dict[str, Any]]:
    return [
        {
            "asset_id": "a",
            "locale": locale,
            "status": "published",
            "public_url": url_of("a", locale),
        }
        for locale in talks.LOCALES
    ]


def observed(**changes: Any) -> TalkObservation:  # noqa: ANN401 - as dataclasses.replace
    made = TalkObservation(
        steps=steps(),
        issues=[issue()],
        webhooks=[{"event": "comment_created", "issue": "CMP-1", "status": 200}],
        reports={"e": entries()},
        jobs=[Seen("command.done", "applied")],
        counted={"applied": 1},
        requests=[],
    )
    return replace(made, **changes)


def sample(name: str, **detail: object) -> dict[str, Any]:
    """Return an event with so much of its detail; the schemas are judged elsewhere."""
    return {"detail-type": name, "detail": {"id": f"{name}.1", **detail}}


def started() -> dict[str, Any]:
    return sample("ExternalWorkStarted", sub_step={"id": "step"})


def commented(words: str = "t-cmp") -> dict[str, Any]:
    return sample("ExternalWorkCommentAdded", sub_step={"id": "step"}, comment={"value": words})


def result(command_id: str, outcome: str = "applied", **changes: object) -> dict[str, Any]:
    reason = None if outcome == "applied" else "not_found"
    made = sample("CommandResult", command_id=command_id, outcome=outcome, reason=reason)
    made["detail"] |= changes
    return made


def other(**changes: object) -> dict[str, Any]:
    made = sample("CmpEvent", event_name="task_metadata_modified", data=OTHER["data"])
    made["detail"] |= changes
    return made


def events() -> list[dict[str, Any]]:
    ended = [result("done"), result("done"), result("nowhere", "dead_lettered")]
    return [started(), commented(), commented(), *ended, other()]


def case(**changes: Any) -> Case:  # noqa: ANN401
    """Return a run that is right but for its talks' observation."""
    made = whole.case()
    letter = whole.letter("", reason="not_found")
    nowhere = Message("COMMAND_DEAD_LETTER", '{"command_id": "nowhere"}', letter.attributes)
    found = replace(
        made.found,
        talk=observed(**changes),
        events=[*made.found.events, *events()],
        messages=[*made.found.messages, nowhere],
    )
    truths = [StepTruth(STEP, "step", "CMP-1"), StepTruth(OWN, "own")]
    truth = TalkTruth(steps=truths, commands=[*COMMANDS], others={"other": OTHER})
    return replace(made, found=found, talk=truth, publications=[PUBLICATION])


def with_events(*told: dict[str, Any]) -> Case:
    made = case()
    return replace(made, found=replace(made.found, events=told))


def with_step(**changes: object) -> Case:
    made = steps()
    made["step"] |= changes
    return case(steps=made)


def with_comment(value: str) -> Case:
    made = deepcopy(steps())
    made["step"]["comments"].append({"value": value})
    return case(steps=made)


def problems(judged: Case) -> dict[str, Any]:
    found = dict(verdict.judge(judged).problems)
    # Events of talks are cut short here: `whole` has such with all keys.
    found.pop("the bus tells the truth")
    return found


def test_talks_in_which_everything_is_right_pass() -> None:
    assert not any(problems(case()).values()), problems(case())


MISTAKES: list[tuple[str, Callable[[], Case]]] = [
    ("comments are once on either side", lambda: with_step(comments=[])),
    ("comments are once on either side", lambda: with_comment(relayed("t-jira"))),
    ("comments are once on either side", lambda: with_comment(relayed("t-cmp"))),
    ("comments are once on either side", lambda: with_comment("The step is completed.")),
    ("comments are once on either side", lambda: case(issues=[issue(comments=[])])),
    ("steps and tickets have one end", lambda: case(issues=[])),
    ("steps and tickets have one end", lambda: case(issues=[issue(), issue()])),
    (
        "steps and tickets have one end",
        lambda: case(issues=[issue(), issue(labels=[tickets.label_of("own")])]),
    ),
    ("steps and tickets have one end", lambda: with_step(is_completed=False)),
    (
        "steps and tickets have one end",
        lambda: with_step(external_work={"identifier": "CMP-1", "status": "To Do"}),
    ),
    (
        "Jira's webhooks were taken",
        lambda: case(webhooks=[{"event": "comment_created", "issue": "CMP-1", "status": 503}]),
    ),
    ("the bus tells of steps, and no echo", lambda: with_events(started())),
    (
        "the bus tells of steps, and no echo",
        lambda: with_events(started(), commented(), commented(relayed("t-jira"))),
    ),
    (
        "the bus tells of steps, and no echo",
        lambda: with_events(
            *events(), sample("ExternalWorkCompleted", sub_step={"id": "step"}, comment=None)
        ),
    ),
    ("every command has one outcome", lambda: with_events(result("done"))),
    (
        "every command has one outcome",
        lambda: with_events(*events(), result("done", id="CommandResult.2")),
    ),
    (
        "every command has one outcome",
        lambda: with_events(*events(), result("done", "dead_lettered")),
    ),
    (
        "every command has one outcome",
        lambda: with_events(*events(), result("jira.1.comment.2", "dead_lettered")),
    ),
    ("jobs of talks add up", lambda: case(jobs=[Seen("command.done", None)])),
    ("jobs of talks add up", lambda: case(counted={})),
    ("every report is once in CMP", lambda: case(reports={"e": entries()[:1]})),
    ("every report is once in CMP", lambda: case(reports={"e": [*entries(), *entries()[:1]]})),
    (
        "every report is once in CMP",
        lambda: case(reports={"e": [{**entries()[0], "status": "failed"}, entries()[1]]}),
    ),
    ("the bus tells of all other events", lambda: with_events()),
    ("the bus tells of all other events", lambda: with_events(other(data={"task": {}}))),
    ("the bus tells of all other events", lambda: with_events(other(), other(data="never sent"))),
    (
        "only the poisoned are dead letters",
        lambda: replace(case(), talk=replace(case().talk, commands=[Command("done")])),
    ),
    (
        "only the poisoned are dead letters",
        lambda: replace(
            case(), talk=replace(case().talk, commands=[*COMMANDS, Command("more", "not_found")])
        ),
    ),
    (
        "CMP's limits are kept",
        lambda: replace(
            case(),
            found=replace(case().found, requests=[whole.request(whole.SECONDS, status=429)]),
        ),
    ),
]


@pytest.mark.parametrize(("check", "mistaken"), MISTAKES)
def test_a_mistake_is_found_by_its_check(check: str, mistaken: Callable[[], Case]) -> None:
    assert problems(mistaken())[check]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_talks_are_the_same_for_a_seed_and_have_everything(seed: int) -> None:
    drawn = lives.draw(seed, assets=60, deliveries=300)

    made = talks.draw(seed, drawn)

    assert made == talks.draw(seed, drawn)
    assert made != talks.draw(seed + 1, drawn)
    assert {step.system for step in made.steps} == {"Jira", "Ours"}
    assert all(step.said("cmp") and step.said("jira") for step in made.steps if step.has_ticket)
    texts = [saying.text for step in made.steps for saying in step.sayings]
    assert len(texts) == len({*texts})
    assert len(made.publications) == len(talks.REPORTED)
    published = {act.publishing_event: act.at for life in drawn for act in life.acts[:1]}
    assert all(published[one.event] < one.at for one in made.publications)
    assert {"never_heard_of", "task_metadata_modifed"} <= {one.name for one in made.others}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_talks_meet_their_own_troubles(seed: int) -> None:
    drawn = troubles.draw(seed, [Asset("a", "image")], [Asset("a", "image")])

    faults = {(one.where, one.kind) for one in drawn if isinstance(one, TalkFault)}
    assert faults >= {
        (where, kind) for where in ("CMP tasks", "Jira") for kind in ("status", "timeout", "lost")
    }
    assert ("CMP reports", "lost") in faults
    assert {one.function for one in drawn if isinstance(one, Kill) and one.queue} == {
        "run_command",
        "on_external_work",
        "on_other_event",
        "on_ticket",
    }


def test_what_befalls_talks_is_named_by_where_it_does() -> None:
    paths = ("/v3/tasks/t", "/v3/publishing-events/e", "/rest/api/3/issue", "/v3/images/a")
    requests = [whole.request(0.0, path=path, fault="lost") for path in paths]

    met = injections.met(requests, [], {}, {})

    assert met == {"CMP tasks lost": 1, "CMP reports lost": 1, "Jira lost": 1, "CMP lost": 1}
