"""The stand-in Jira does what Jira's documentation says of the part that a ticket needs."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.stub_server import stub_server
from tools.stand_in_jira.app import SITE
from tools.stand_in_jira.process import API_TOKEN, EMAIL, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.stand_in_jira.client import StandInJira

pytestmark = pytest.mark.enable_socket

SECRET = "webhook-secret"  # noqa: S105
DOCUMENT = {
    "type": "doc",
    "version": 1,
    "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Words"}]}],
}
FIELDS = {
    "project": {"key": "CMP"},
    "issuetype": {"name": "Task"},
    "summary": "A title",
    "description": DOCUMENT,
    "labels": ["cmp-relay", "mine"],
}


@pytest.fixture(scope="module")
def server() -> Iterator[StandInJira]:
    with running() as started:
        yield started


@pytest.fixture
def jira(server: StandInJira) -> StandInJira:
    server.reset()
    return server


@pytest.fixture
def rest(jira: StandInJira) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{jira.base_url}/rest/api/3", auth=(EMAIL, API_TOKEN), trust_env=False
    ) as client:
        yield client


def opened(rest: httpx.Client) -> dict[str, Any]:
    answer = rest.post("/issue", json={"fields": FIELDS})
    assert answer.status_code == 201
    issue: dict[str, Any] = answer.json()
    return issue


def test_an_issue_is_opened_and_shows_the_fields_that_are_asked_for(rest: httpx.Client) -> None:
    issue = opened(rest)

    assert issue.keys() == {"id", "key", "self"}
    shown = rest.get(f"/issue/{issue['key']}", params={"fields": "summary,status"}).json()
    assert shown["id"] == issue["id"]
    status = {"id": "10000", "name": "To Do", "statusCategory": {"key": "new"}}
    assert shown["fields"] == {"summary": "A title", "status": status}
    assert rest.get(f"/issue/{issue['id']}").json()["fields"]["labels"] == FIELDS["labels"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("project", {"key": "OTHER"}),
        ("issuetype", {"name": "Wish"}),
        ("summary", "two\nlines"),
        ("summary", "x" * 256),
        ("summary", ""),
        ("description", "a plain text"),
        ("description", {"type": "doc", "version": 1, "content": [{"type": "text", "text": ""}]}),
        ("labels", ["two words"]),
    ],
)
def test_an_issue_is_refused_by_the_name_of_its_field(
    rest: httpx.Client, field: str, value: object
) -> None:
    answer = rest.post("/issue", json={"fields": {**FIELDS, field: value}})

    assert answer.status_code == 400
    assert answer.json()["errors"].keys() == {field}


def test_a_search_sees_an_issue_late(jira: StandInJira, rest: httpx.Client) -> None:
    query = {"jql": 'labels = "mine" ORDER BY created ASC', "fields": ["labels"]}
    jira.index_after(3600)
    issue = opened(rest)
    assert rest.post("/search/jql", json=query).json() == {"issues": [], "isLast": True}

    jira.index_after(0)

    (found,) = rest.post("/search/jql", json=query).json()["issues"]
    assert (found["id"], found["fields"]) == (issue["id"], {"labels": FIELDS["labels"]})
    assert rest.post("/search/jql", json={"jql": "ORDER BY created"}).status_code == 400


def test_comments_come_in_pages_and_in_the_order_that_is_asked_for(rest: httpx.Client) -> None:
    path = f"/issue/{opened(rest)['id']}/comment"
    made = [rest.post(path, json={"body": DOCUMENT}).json()["id"] for _ in range(3)]

    page = rest.get(path, params={"orderBy": "-created", "maxResults": 2}).json()

    assert [comment["id"] for comment in page["comments"]] == [made[2], made[1]]
    assert (page["startAt"], page["maxResults"], page["total"]) == (0, 2, 3)
    rest_of_it = rest.get(path, params={"startAt": 2}).json()
    assert [comment["id"] for comment in rest_of_it["comments"]] == [made[2]]
    assert rest.post(path, json={"body": "text"}).json()["errors"].keys() == {"comment"}
    assert rest.get(f"{path}/1").status_code == 404


def test_a_transition_changes_status_and_resolution(rest: httpx.Client) -> None:
    path = f"/issue/{opened(rest)['id']}"
    names = {
        one["name"]: one["id"] for one in rest.get(f"{path}/transitions").json()["transitions"]
    }

    moved = rest.post(f"{path}/transitions", json={"transition": {"id": names["Rejected"]}})

    assert moved.status_code == 204
    fields = rest.get(path).json()["fields"]
    assert (fields["status"]["name"], fields["resolution"]) == ("Rejected", {"name": "Won't Do"})
    assert rest.post(f"{path}/transitions", json={"transition": {"id": "7"}}).status_code == 400


def test_nobody_is_answered_without_credentials(jira: StandInJira, rest: httpx.Client) -> None:
    address = f"{jira.base_url}/rest/api/3/myself"
    with httpx.Client(trust_env=False) as anybody:
        assert anybody.get(address).status_code == 401
        assert anybody.get(address, auth=(EMAIL, "other")).status_code == 401
        bearer = {"Authorization": f"Bearer {API_TOKEN}"}
        assert anybody.get(address, headers=bearer).status_code == 200
    assert rest.get("/serverInfo").json()["baseUrl"] == SITE
    assert rest.get("/issue/1").json()["errorMessages"] == [
        "Issue does not exist or you do not have permission to see it."
    ]


def test_what_happens_is_told_signed(jira: StandInJira, rest: httpx.Client) -> None:
    with stub_server() as hooks:
        jira.register(hooks.url, secret=SECRET, label="cmp-relay")
        issue = opened(rest)
        rest.post(f"/issue/{issue['id']}/comment", json={"body": DOCUMENT})
        change = jira.move(issue["id"], "Done")
        sent = jira.webhooks()

    told = {
        (body["webhookEvent"], body.get("issue_event_type_name")): body for body in bodies(sent)
    }
    assert told.keys() == {
        ("jira:issue_created", None),
        ("comment_created", None),
        ("jira:issue_updated", "issue_commented"),
        ("jira:issue_updated", "issue_generic"),
    }
    comment = told["comment_created", None]
    assert comment["comment"]["body"] == "Words"
    assert "labels" not in comment["issue"]["fields"]
    log = told["jira:issue_updated", "issue_generic"]["changelog"]
    assert log["id"] == change
    assert [item["fieldId"] for item in log["items"]] == ["status", "resolution"]
    for asked in hooks.asked:
        digest = hmac.new(SECRET.encode(), asked.body, "sha256").hexdigest()
        assert asked.headers["x-hub-signature"] == f"sha256={digest}"


def test_a_webhook_is_sent_again_as_the_same_one(jira: StandInJira, rest: httpx.Client) -> None:
    with stub_server() as hooks:
        hooks.answers = [(503, b""), (429, b""), (202, b"{}")]
        jira.register(hooks.url, retry_seconds=0)
        opened(rest)
        (sent,) = jira.webhooks()

    assert (sent["status"], sent["attempts"]) == (202, 3)
    identifiers = {asked.headers["x-atlassian-webhook-identifier"] for asked in hooks.asked}
    assert len(identifiers) == 1


def test_a_webhook_that_is_refused_is_not_sent_again(jira: StandInJira, rest: httpx.Client) -> None:
    with stub_server() as hooks:
        hooks.answers = [(401, b"")]
        jira.register(hooks.url, copies=2)
        opened(rest)
        sent = jira.webhooks()

    assert [(one["status"], one["attempts"]) for one in sent] == [(401, 1)] * 2


def test_people_work_on_issues(jira: StandInJira, rest: httpx.Client) -> None:
    with stub_server() as hooks:
        jira.register(hooks.url, label="other")
        issue = opened(rest)
        jira.comment(issue["key"], "One\nTwo", author="Grace", visibility="Administrators")
        jira.move(issue["key"], "In Progress")
        assert jira.webhooks() == []

    (shown,) = jira.issues()
    (comment,) = shown["comments"]
    assert (shown["status"], comment["author"], comment["body"]) == (
        "In Progress",
        "Grace",
        "One\n\nTwo",
    )
    with pytest.raises(httpx.HTTPStatusError):
        jira.move(issue["key"], "Nowhere")
    with pytest.raises(httpx.HTTPStatusError):
        jira.comment(issue["key"], "Words", mood="good")
    jira.delete(issue["id"])
    assert jira.issues() == []


def bodies(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [json.loads(one["body"]) for one in sent]
