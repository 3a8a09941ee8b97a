"""on_ticket: what CMP told of an external step is told to Jira, as the function is wired."""

import json
import time
from collections.abc import Iterator
from importlib import reload
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from functions.on_ticket import app
from tests.support.worker_stack import CONTEXT, WorkerStack, worker_stack

SAMPLE = Path(__file__).parents[3] / "events" / "invoke" / "on_ticket.json"
ISSUE = {
    "id": "10000",
    "key": "CMP-1",
    "fields": {
        "summary": "Spring campaign: Legal review",
        "status": {"name": "To Do", "statusCategory": {"key": "new"}},
    },
}
INFO = {"baseUrl": "https://acme.atlassian.net"}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerStack]:
    with worker_stack(monkeypatch) as made:
        made.clock.milliseconds = time.time_ns() // 1_000_000
        secrets = boto3.client("secretsmanager")
        credentials = {"email": "relay@example.com", "api_token": "token"}
        secrets.create_secret(Name="jira-credentials", SecretString=json.dumps(credentials))
        yield made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """Let a Jira answer, and return what it is asked."""
    found: list[tuple[str, str, Any]] = []

    def respond(_transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        content = request.read()
        found.append((request.method, request.url.path, json.loads(content) if content else None))
        assert request.url.host == "jira.example.com"
        return httpx.Response(200, json=INFO if "serverInfo" in request.url.path else ISSUE)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", respond)
    return found


def message() -> str:
    record: dict[str, str] = json.loads(SAMPLE.read_text())["Records"][0]
    return record["body"]


def commands(stack: WorkerStack) -> list[dict[str, Any]]:
    return [json.loads(each["Body"]) for each in stack._messages("command")]


def test_opens_a_ticket_and_lets_cmp_know(
    stack: WorkerStack, asked: list[tuple[str, str, Any]]
) -> None:
    answer = app.handler(stack.event(message()), CONTEXT)

    assert answer == {"batchItemFailures": []}
    method, path, body = asked[0]
    assert (method, path) == ("POST", "/rest/api/3/issue")
    assert body["fields"]["project"] == {"key": "CMP"}
    assert body["fields"]["summary"] == "Spring campaign: Legal review"
    (command,) = commands(stack)
    step = json.loads(message())["sub_step"]
    assert command["command"] == "link_ticket"
    assert command["arguments"] == {
        "external_work_link": step["external_work_href"],
        "identifier": "CMP-1",
        "title": "Spring campaign: Legal review",
        "status": "To Do",
        "url": "https://acme.atlassian.net/browse/CMP-1",
    }
    assert set(stack.outcomes().values()) == {"applied"}


@pytest.fixture
def reloaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Let the function start anew with other variables, and afterwards as it was."""
    with monkeypatch.context() as changed:
        yield changed
    reload(app)


def test_does_nothing_without_jira(
    stack: WorkerStack, asked: list[tuple[str, str, Any]], reloaded: pytest.MonkeyPatch
) -> None:
    reloaded.setenv("JIRA_BASE_URL", "")
    reload(app)

    assert app.handler(stack.event(message()), CONTEXT) == {"batchItemFailures": []}

    assert asked == []
    assert commands(stack) == stack.items("TICKET#") == []
    assert set(stack.outcomes().values()) == {"superseded"}


@pytest.mark.parametrize(
    ("name", "value"), [("JIRA_PROJECT", ""), ("JIRA_BASE_URL", "http://jira.example.com")]
)
def test_waits_while_settings_cannot_work(
    stack: WorkerStack, reloaded: pytest.MonkeyPatch, name: str, value: str
) -> None:
    reloaded.setenv(name, value)
    reload(app)

    answer = app.handler(stack.event(message()), CONTEXT)

    assert len(answer["batchItemFailures"]) == 1
    (job,) = stack.items("JOB#")
    assert (job.get("outcome"), job["attempts"], job["waits_for"]) == (None, 0, "wrong_settings")
