"""Tasks of the stand-in: what people and the app do to external steps, and what is told of it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support import samples
from tests.support.stub_server import StubServer, stub_server
from tools.stand_in.subjects import hold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.stand_in.client import StandIn
    from tools.stand_in.records import ExternalStep
    from tools.stand_in.task_client import StepAction

pytestmark = pytest.mark.enable_socket

PATIENCE = 10.0  # s
TOO_LONG = {"identifier": "x" * 51, "title": "x" * 129, "status": "x" * 129}


@pytest.fixture
def webhook() -> Iterator[StubServer]:
    with stub_server() as started:
        yield started


@pytest.fixture
def step(stand_in: StandIn, webhook: StubServer) -> ExternalStep:
    stand_in.register_webhook(webhook.url, attempts=1)
    return stand_in.tasks.add("Jira", title="Legal review")


def told(webhook: StubServer) -> list[dict[str, Any]]:
    return [json.loads(asked.body) for asked in webhook.asked]


def wait_for(webhook: StubServer, count: int) -> list[str]:
    """Wait until so many deliveries have come, and tell their events."""
    deadline = time.monotonic() + PATIENCE
    while len(webhook.asked) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return [delivery["event_name"] for delivery in told(webhook)]


@pytest.mark.parametrize(
    ("what", "event", "shown"),
    [
        ("start", "external_sub_step_started", "is_in_progress"),
        ("complete", "external_sub_step_completed", "is_completed"),
        ("skip", "external_sub_step_completed", "is_skipped"),
        ("modify", "external_sub_step_modified", "is_external"),
    ],
)
def test_what_a_person_does_to_a_step_is_told(
    stand_in: StandIn,
    step: ExternalStep,
    webhook: StubServer,
    what: StepAction,
    event: str,
    shown: str,
) -> None:
    (delivery,) = stand_in.tasks.act(what, step["sub_step_id"], channel="tasks")

    assert (delivery["event_name"], delivery["channel"]) == (event, "tasks")
    assert told(webhook)[0]["data"]["sub_step"]["links"]["self"] == step["links"]["sub_step"]
    assert stand_in.tasks.show(step["sub_step_id"])[shown]


def test_the_deliveries_are_those_of_the_samples(stand_in: StandIn) -> None:
    sample = samples.sample("external_sub_step_comment_added")["data"]
    ids = {"task": sample["task"]["id"], "step": sample["step"]["id"]}
    sub_step = sample["sub_step"]["id"]
    stand_in.tasks.add(id=ids["task"], step_id=ids["step"], sub_step_id=sub_step)
    comment = sample["comment"]["id"]

    bodies = {
        "external_sub_step_started": stand_in.tasks.body("start", sub_step),
        "external_sub_step_completed": stand_in.tasks.body("complete", sub_step),
        "external_sub_step_modified": stand_in.tasks.body("modify", sub_step),
        "external_sub_step_comment_added": stand_in.tasks.comment(
            sub_step, "Please hurry", id=comment, send=False
        )["body"],
        "external_sub_step_comment_modified": stand_in.tasks.change_comment(
            sub_step, comment, "Thank you", send=False
        )["body"],
        "external_sub_step_comment_removed": stand_in.tasks.remove_comment(
            sub_step, comment, send=False
        )["body"],
    }

    for name, body in bodies.items():
        at_home = json.dumps(body).replace(stand_in.base_url, "https://api.cmp.optimizely.com")
        assert json.loads(at_home) == samples.sample(name)


def test_the_name_of_a_modification_can_be_misspelt(stand_in: StandIn, step: ExternalStep) -> None:
    body = stand_in.tasks.body("modify", step["sub_step_id"], assignee_id="ada", misspelt=True)

    assert body["event_name"] == "external_sub_step_modfied"
    assert stand_in.tasks.show(step["sub_step_id"])["assignee_id"] == "ada"


@pytest.mark.parametrize(
    ("change", "event"),
    [
        ({"is_in_progress": True}, "external_sub_step_started"),
        ({"is_completed": True}, "external_sub_step_completed"),
        ({"is_skipped": True}, "external_sub_step_completed"),
        ({"assignee_id": "42", "assignee_type": "team"}, "external_sub_step_modified"),
        ({"assignee_id": None}, "external_sub_step_modified"),
    ],
)
def test_what_the_app_does_to_a_step_comes_back_as_an_echo(
    open_api: httpx.Client,
    step: ExternalStep,
    webhook: StubServer,
    change: dict[str, Any],
    event: str,
) -> None:
    changed = open_api.patch(step["links"]["sub_step"], json=change)

    assert changed.status_code == 200
    assert {key: changed.json()[key] for key in change} == change
    assert wait_for(webhook, 1) == [event]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 422),
        ({"is_completed": True, "is_skipped": True}, 422),
        ({"is_completed": True, "assignee_id": "42"}, 422),
        ({"assignee_type": "team"}, 422),
        ({"is_completed": False}, 400),
        ({"is_done": True}, 400),
    ],
)
def test_one_thing_at_a_time_can_be_changed(
    open_api: httpx.Client, step: ExternalStep, change: dict[str, Any], status: int
) -> None:
    assert open_api.patch(step["links"]["sub_step"], json=change).status_code == status


@pytest.mark.parametrize(("repeats", "status"), [("refused", 422), ("accepted", 200)])
def test_what_has_ended_does_not_end_again(
    stand_in: StandIn, open_api: httpx.Client, step: ExternalStep, repeats: str, status: int
) -> None:
    stand_in.tasks.set_rules(repeats=repeats, echoes="first")
    open_api.patch(step["links"]["sub_step"], json={"is_completed": True})

    repeated = open_api.patch(step["links"]["sub_step"], json={"is_completed": True})
    other = open_api.patch(step["links"]["sub_step"], json={"is_skipped": True})

    assert [repeated.status_code, other.status_code] == [status, status]
    assert open_api.get(step["links"]["sub_step"]).json()["is_completed"]
    assert len(stand_in.deliveries()) == 1


def test_a_task_is_completed_with_its_last_step(open_api: httpx.Client, step: ExternalStep) -> None:
    before = open_api.get(step["links"]["task"]).json()

    open_api.patch(step["links"]["sub_step"], json={"is_completed": True})

    after = open_api.get(step["links"]["task"]).json()
    assert (before["status"], after["status"]) == ("In Progress", "Completed")
    assert [one["is_completed"] for one in after["steps"]] == [True, True]
    assert after["modified_at"] > before["modified_at"]


def test_an_internal_step_is_not_told(open_api: httpx.Client, step: ExternalStep) -> None:
    drafting = open_api.get(step["links"]["task"]).json()["steps"][0]["sub_steps"][0]
    url = drafting["links"]["self"]

    changed = open_api.patch(url, json={"assignee_id": "42"})
    commented = open_api.post(f"{url}/comments", json={"value": "Done"})

    assert [changed.status_code, commented.status_code] == [200, 201]
    assert drafting["links"]["external_work"] is None
    assert open_api.get(f"{url}/external-work").status_code == 404
    assert open_api.patch(f"{url}/external-work", json={}).status_code == 404


def test_external_work_is_linked_and_taken_back(open_api: httpx.Client, step: ExternalStep) -> None:
    ticket = {"identifier": "LEG-7", "title": "Check it", "url": "https://jira.example/LEG-7"}
    url = step["links"]["external_work"]

    open_api.patch(url, json=ticket)
    open_api.patch(url, json={"status": "Open", "title": None})

    shown = open_api.get(url).json()
    assert shown == {
        **ticket,
        "title": None,
        "status": "Open",
        "external_system": "Jira",
        "links": {"self": url},
    }


@pytest.mark.parametrize(
    ("change", "status"),
    [
        *(({key: value}, 400) for key, value in TOO_LONG.items()),
        *(({key: ""}, 400) for key in TOO_LONG),
        ({"url": f"https://jira.example/{'x' * 500}"}, 400),
        ({"url": "http://jira.example/LEG-7"}, 422),
        ({"assignee": "Ada"}, 400),
    ],
)
def test_external_work_has_limits(
    open_api: httpx.Client, step: ExternalStep, change: dict[str, Any], status: int
) -> None:
    assert open_api.patch(step["links"]["external_work"], json=change).status_code == status


def test_comments_of_the_app_come_back_as_echoes(
    open_api: httpx.Client, step: ExternalStep, webhook: StubServer
) -> None:
    added = open_api.post(step["links"]["comments"], json={"value": "On it"})
    url = added.json()["links"]["self"]
    assert wait_for(webhook, 1) == ["external_sub_step_comment_added"]

    changed = open_api.patch(url, json={"value": "Done"})
    assert wait_for(webhook, 2)[1:] == ["external_sub_step_comment_modified"]
    removed = open_api.delete(url)
    assert wait_for(webhook, 3)[2:] == ["external_sub_step_comment_removed"]

    assert [one.status_code for one in (added, changed, removed)] == [201, 200, 204]
    assert told(webhook)[0]["data"]["comment"]["links"]["self"] == url
    assert open_api.get(url).status_code == 404


def test_only_its_author_tells_a_comment_of_the_app(
    stand_in: StandIn, open_api: httpx.Client, step: ExternalStep
) -> None:
    stand_in.tasks.comment(step["sub_step_id"], "Is it legal?")
    open_api.post(step["links"]["comments"], json={"value": "It is"})

    first, second = open_api.get(step["links"]["comments"]).json()["data"]

    assert (first["value"], second["value"]) == ("Is it legal?", "It is")
    assert first["links"]["comment_by"] != second["links"]["comment_by"]
    assert stand_in.tasks.show(step["sub_step_id"])["comments"] == [first, second]


def test_an_echo_can_come_before_the_answer(
    stand_in: StandIn, open_api: httpx.Client, step: ExternalStep, webhook: StubServer
) -> None:
    stand_in.tasks.set_rules(echoes="first", channel="tasks", copies=2)

    open_api.post(step["links"]["comments"], json={"value": "On it"})

    assert [asked.path for asked in webhook.asked] == ["/tasks", "/tasks"]


def test_echoes_can_be_called_off(
    stand_in: StandIn, open_api: httpx.Client, step: ExternalStep, webhook: StubServer
) -> None:
    stand_in.tasks.set_rules(echoes="none")
    open_api.post(step["links"]["comments"], json={"value": "On it"})
    stand_in.tasks.set_rules(echoes="first")
    open_api.patch(step["links"]["sub_step"], json={"is_completed": True})

    assert wait_for(webhook, 1) == ["external_sub_step_completed"]


def test_a_reply_is_no_event_and_answers_a_comment_that_is_there(
    stand_in: StandIn, open_api: httpx.Client, step: ExternalStep
) -> None:
    stand_in.tasks.set_rules(echoes="first")
    comment = stand_in.tasks.comment(step["sub_step_id"], "Is it legal?")["comment"]

    reply = {"value": "It is", "parent_comment_id": comment["id"]}
    answered = open_api.post(step["links"]["comments"], json=reply)
    lost = open_api.post(step["links"]["comments"], json={**reply, "parent_comment_id": "gone"})

    assert [answered.status_code, lost.status_code] == [201, 422]
    assert len(stand_in.deliveries()) == 1


def test_more_than_ten_comments_come_in_pages(
    stand_in: StandIn, open_api: httpx.Client, step: ExternalStep
) -> None:
    for number in range(11):
        stand_in.tasks.comment(step["sub_step_id"], f"{number}", send=False)

    first = open_api.get(step["links"]["comments"]).json()
    second = open_api.get(first["pagination"]["next"]).json()

    values = [one["value"] for page in (first, second) for one in page["data"]]
    assert values == [f"{number}" for number in range(11)]


def test_a_task_holds_the_assets_that_it_is_given(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    asset, other = (stand_in.add_asset("image")["id"] for _ in range(2))
    step = stand_in.tasks.add(asset_ids=[asset])

    (row,) = open_api.get(f"{step['links']['task']}/assets").json()["data"]

    assert row["id"] == asset
    assert open_api.get(row["links"]["self"]).json()["id"] == asset
    assert open_api.get(f"/images/{asset}").status_code == 404
    assert open_api.get(f"/images/{other}").status_code == 200


def test_a_comment_on_a_work_request_needs_one(stand_in: StandIn) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        stand_in.tasks.add_resource("work_request_comment")


def test_nobody_can_work_on_what_is_not_there(
    stand_in: StandIn, open_api: httpx.Client, step: ExternalStep
) -> None:
    elsewhere = step["links"]["sub_step"].replace(step["task_id"], "4567m4749")
    comment = f"{step['links']['comments']}/gone"
    answers = [
        open_api.patch(elsewhere, json={"is_completed": True}),
        open_api.post(f"{elsewhere}/comments", json={"value": "x"}),
        open_api.patch(comment, json={"value": "x"}),
        open_api.delete(comment),
    ]

    assert {answer.status_code for answer in answers} == {404}
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        stand_in.tasks.show("gone")
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        stand_in.tasks.change_comment(step["sub_step_id"], "gone", "x")
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        stand_in.tasks.remove_comment(step["sub_step_id"], "gone")
    stand_in.reset()
    assert open_api.get(step["links"]["sub_step"]).status_code == 404


LINKED = ("self", "brief", "comments", "assets", "custom_fields", "external_work", "task")
"""The links of deliveries that lead to something that can be read."""
OF_TASKS = sorted(
    name
    for name in samples.names()
    if name.startswith(("task_", "workflow_", "external_", "campaign_", "work_request_", "event_"))
)


@pytest.mark.parametrize("name", OF_TASKS)
def test_the_links_of_every_sample_can_be_read(
    stand_in: StandIn, open_api: httpx.Client, name: str
) -> None:
    data = samples.sample(name)["data"]
    hold(stand_in, data)
    parts = [part for part in data.values() if isinstance(part, dict)]
    parts += data.get("modified_custom_fields", [])

    links = [link for part in parts for key, link in part.get("links", {}).items() if key in LINKED]

    paths = [httpx.URL(link).path.removeprefix("/v3") for link in links]
    assert {open_api.get(path).status_code for path in paths} <= {200}
    assert paths or name.endswith("_removed")
