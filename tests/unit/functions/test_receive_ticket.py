import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import archive, jira_webhook, ticket_reception
from cmp_relay.errors import StorageError, UnverifiedCallerError
from cmp_relay.ticket_jobs import read_ticket_job
from cmp_relay.verification import SecretCache, Secrets
from functions.receive_ticket import app
from tests.support.context import LambdaContext
from tests.support.http_api import http_api_event
from tests.support.receiver_stack import OLD_SECRET, SECRET, ReceiverStack, receiver_stack

ROUTE = "POST /webhooks/jira"
ISSUE = {"id": "10000", "key": "CMP-1", "fields": {"summary": "Review"}}
COMMENTED = {
    "webhookEvent": "comment_created",
    "comment": {"id": "10100", "body": "Words that only Jira holds"},
    "issue": ISSUE,
}
MOVED = {
    "webhookEvent": "jira:issue_updated",
    "issue": ISSUE,
    "changelog": {"id": "10106", "items": [{"field": "status", "fieldId": "status"}]},
}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReceiverStack]:
    with receiver_stack(monkeypatch) as made:
        monkeypatch.setattr(app, "reception", replace(app.reception, secrets=SecretCache()))
        yield made


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()


def post(
    body: Mapping[str, Any] | bytes, *, signature: str | None = None, route: str = ROUTE
) -> tuple[int, dict[str, Any]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-Hub-Signature": sign(raw) if signature is None else signature}
    event = http_api_event(raw, headers=headers, route=route, base64=True)
    answer = app.handler(event, LambdaContext())
    return answer["statusCode"], json.loads(answer["body"])


def test_a_comment_becomes_a_job_without_its_words(stack: ReceiverStack) -> None:
    status, answer = post(COMMENTED)

    (job,) = stack.messages("ticket")
    assert (status, answer) == (202, {"delivery_id": job["delivery_id"], "jobs": 1})
    read = read_ticket_job(json.dumps(job))
    assert (read.kind, read.cause, read.channel) == ("ticket_commented", "ticket", "jira")
    assert read.ticket
    assert read.comment
    assert (read.ticket.id, read.ticket.key, read.comment.id) == ("10000", "CMP-1", "10100")
    assert "Words" not in json.dumps(job)
    assert job["archive_key"].startswith("tickets/")
    archived = stack.archived_at(job["archive_key"])
    assert json.loads(archive.raw_body(archived)) == COMMENTED


@pytest.mark.parametrize("field", [{"field": "status"}, {"fieldId": "resolution", "field": "X"}])
def test_a_change_of_state_becomes_a_job(stack: ReceiverStack, field: dict[str, str]) -> None:
    post({**MOVED, "changelog": {"id": 10106, "items": [{"field": "rank"}, field]}})

    (job,) = stack.messages("ticket")
    assert job["kind"] == "ticket_changed"
    assert job["ticket"] == {"id": "10000", "key": "CMP-1"}


@pytest.mark.parametrize(
    "body",
    [
        {"webhookEvent": "jira:issue_created", "issue": ISSUE},
        {"webhookEvent": "jira:issue_updated", "issue": ISSUE},
        {**MOVED, "changelog": {"items": [{"field": "summary"}, "odd"]}},
        {**MOVED, "changelog": {"items": "odd"}},
        {"webhookEvent": "comment_updated", "comment": {"id": "1"}, "issue": ISSUE},
        {"webhookEvent": "of tomorrow"},
    ],
)
def test_what_does_not_concern_us_is_archived_alone(
    stack: ReceiverStack, body: dict[str, Any]
) -> None:
    assert post(body)[1]["jobs"] == 0

    assert len(stack.archived()) == 1
    assert stack.messages("ticket") == stack.messages("quarantine") == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"[1]",
        b"[" * 100_000,
        {"webhookEvent": 7},
        {**COMMENTED, "comment": {}},
        {**COMMENTED, "issue": None},
        {**MOVED, "issue": {"id": {}}},
        {**MOVED, "changelog": {"items": [{"field": ["status"]}]}},
    ],
)
def test_what_nobody_can_read_is_quarantined(
    stack: ReceiverStack, body: dict[str, Any] | bytes
) -> None:
    status, answer = post(body)

    assert (status, answer["jobs"]) == (202, 0)
    (message,) = stack.messages("quarantine")
    assert message["reason"] == "unreadable_delivery"
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert archive.raw_body(stack.archived_at(message["archive_key"])) == raw
    assert len(stack.items()) == 1


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_each_accepted_secret_signs(stack: ReceiverStack, secret: str) -> None:
    raw = json.dumps(MOVED).encode()

    assert post(raw, signature=sign(raw, secret))[0] == 202


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        SECRET,
        sign(b"another body"),
        sign(json.dumps(MOVED).encode(), "another secret"),
        sign(json.dumps(MOVED).encode(), ""),
        sign(json.dumps(MOVED).encode()).replace("sha256", "sha1"),
        "sha1=" + hmac.new(SECRET.encode(), json.dumps(MOVED).encode(), "sha1").hexdigest(),
    ],
)
def test_who_is_not_jira_leaves_nothing(stack: ReceiverStack, signature: str) -> None:
    assert post(MOVED, signature=signature) == (401, {"message": "Unauthorized"})

    assert stack.is_empty()


@given(body=st.binary(min_size=1, max_size=60), place=st.integers(0), bit=st.integers(0, 7))
def test_one_bit_of_the_body_is_enough_to_be_refused(body: bytes, place: int, bit: int) -> None:
    changed = bytearray(body)
    changed[place % len(body)] ^= 1 << bit
    secrets = Secrets((("current", SECRET),))
    signature = sign(body)

    assert jira_webhook.verify(signature, body, secrets) == "current"
    with pytest.raises(UnverifiedCallerError):
        jira_webhook.verify(signature, bytes(changed), secrets)


def test_without_jira_there_is_no_such_route(
    stack: ReceiverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(app.reception.settings, jira_base_url="")
    monkeypatch.setattr(app, "reception", replace(app.reception, settings=settings))

    assert post(MOVED)[0] == 404
    assert stack.is_empty()


def test_another_route_is_not_ours(stack: ReceiverStack) -> None:
    assert post(MOVED, route="POST /webhooks/cmp")[0] == 404
    assert stack.is_empty()


def test_a_body_that_is_too_large_is_not_reckoned_with(
    stack: ReceiverStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_reception, "LARGEST_BODY", 10)

    assert post(MOVED)[0] == 413
    assert stack.is_empty()


@pytest.mark.parametrize("method", ["put_object", "send_messages", "secret"])
def test_jira_is_asked_to_send_again_what_is_not_durable(
    stack: ReceiverStack,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
) -> None:
    def fail(*_: object) -> None:
        raise StorageError("aws: away")

    with monkeypatch.context() as broken:
        broken.setattr(f"cmp_relay.aws.Aws.{method}", fail)
        assert post(MOVED)[0] == 503
    assert stack.messages("ticket") == []

    assert post(MOVED)[0] == 202
    assert SECRET not in "".join(str(vars(record)) for record in caplog.records)
