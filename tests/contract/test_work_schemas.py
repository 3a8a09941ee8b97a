"""What the bus carries of external steps keeps its schemas, and they promise nothing else."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cmp_relay import commands, deliveries, work_events
from cmp_relay.jobs import read_external_work_job
from cmp_relay.work_views import WorkView
from tests.contract.test_bus_schemas import ONLY_IF_TOO_LARGE, RECEIPT, documented, emitted, schema
from tests.support import external_steps, samples
from tests.support.external_steps import ASSETS, COMMENT, RESOURCES, SUB_STEP, TASK, WORK
from tests.support.publish_jobs import receipt
from tools.schemas import events

SHOWN = WorkView(
    began_at=1,
    sub_step=RESOURCES[SUB_STEP],
    external_work=RESOURCES[WORK],
    task=RESOURCES[TASK],
    assets=(RESOURCES[ASSETS]["data"][0],),
    comment=work_events.comment(RESOURCES[COMMENT]),
)
NOTHING = WorkView(began_at=1)
SAMPLES = [name for name in samples.names() if name.startswith("external_")]


def of(raw: bytes, view: WorkView) -> dict[str, Any]:
    """Return what the bus is told of a delivery if CMP shows that."""
    (job,) = deliveries.split(deliveries.read(raw), RECEIPT).jobs
    read = read_external_work_job(json.dumps(job))
    told = work_events.facts(read, view)
    composed = work_events.compose(read, told, sequence=1, found=view is SHOWN)
    detail: dict[str, Any] = json.loads(composed.detail)
    return detail


@pytest.mark.parametrize("event_name", work_events.DETAIL_TYPES)
def test_what_is_told_of_external_steps_is_what_is_documented(event_name: str) -> None:
    told = of(external_steps.body(event_name), SHOWN)

    document = schema(work_events.DETAIL_TYPES[event_name])
    events.check(work_events.DETAIL_TYPES[event_name], told)
    assert set(emitted(told)) == set(documented(document)) - ONLY_IF_TOO_LARGE
    for name in told:
        less = {key: value for key, value in told.items() if key != name}
        assert not Draft202012Validator(document).is_valid(less), name


@pytest.mark.parametrize("view", [SHOWN, NOTHING], ids=["shown", "not shown"])
@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_told_of_every_sample_keeps_its_schema(name: str, view: WorkView) -> None:
    told = of(samples.raw(name), view)

    events.check(work_events.DETAIL_TYPES[name.removesuffix(".old")], told)


@pytest.mark.parametrize("event_name", work_events.DETAIL_TYPES)
def test_what_is_too_large_keeps_the_schema(event_name: str) -> None:
    task = {**RESOURCES[TASK], "title": "x" * 300_000}
    view = WorkView(began_at=1, task=task, assets=(RESOURCES[ASSETS]["data"][0],))

    told = of(external_steps.body(event_name), view)

    events.check(work_events.DETAIL_TYPES[event_name], told)
    assert set(emitted(told)) >= ONLY_IF_TOO_LARGE


@pytest.mark.parametrize("name", SAMPLES)
def test_commands_take_the_links_of_events(name: str) -> None:
    told = of(samples.raw(name), NOTHING)

    step, work = told["sub_step"]["link"], told["external_work"]["link"]
    assert commands.MoveSubStep(sub_step_link=step).sub_step_link == step
    assert commands.LinkTicket(external_work_link=work, status="Open").status == "Open"
    assert commands.Comment(comments_link=told["sub_step"]["comments_link"], text="Hi").text == "Hi"


def test_a_job_of_every_sample_holds_what_was_delivered() -> None:
    for name in SAMPLES:
        (job,) = deliveries.split(deliveries.read(samples.raw(name)), receipt()).jobs
        data = samples.sample(name)["data"]

        read = read_external_work_job(json.dumps(job))

        assert (read.task.href, read.task.assets_href) == (
            data["task"]["links"]["self"],
            data["task"]["links"]["assets"],
        )
        assert read.step is not None
        assert read.step.id == data["step"]["id"]
        assert read.sub_step.href == data["sub_step"]["links"]["self"]
        assert read.sub_step.external_work_href == data["sub_step"]["links"]["external_work"]
        assert read.sub_step.comments_href == data["sub_step"]["links"].get("comments")
        if "comment" in data:
            assert read.comment is not None
            assert read.comment.href == data["comment"]["links"].get("self")
        else:
            assert read.external_work is not None
            assert read.external_work.external_system == data["external_work"]["external_system"]
