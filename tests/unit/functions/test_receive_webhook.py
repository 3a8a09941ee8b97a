import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cmp_relay import archive
from cmp_relay.verification import SecretCache
from functions.receive_webhook import app
from tests.support import samples
from tests.support.context import LambdaContext
from tests.support.http_api import http_api_event
from tests.support.receiver_stack import OLD_SECRET, SECRET, ReceiverStack, receiver_stack

PROJECT = Path(__file__).resolve().parents[3]
CMP = {"Callback-Secret": SECRET}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReceiverStack]:
    with receiver_stack(monkeypatch) as made:
        monkeypatch.setattr(app, "reception", replace(app.reception, secrets=SecretCache()))
        yield made


@pytest.fixture
def url_secret_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(app.reception.settings, allow_url_secret=True)
    monkeypatch.setattr(app, "reception", replace(app.reception, settings=settings))


def post(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = app.handler(event, LambdaContext())
    assert answer["headers"] == {"content-type": "application/json"}
    return answer["statusCode"], json.loads(answer["body"])


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the metrics of one invocation by name."""
    found: dict[str, Any] = {}
    for line in capsys.readouterr().out.splitlines():
        record = json.loads(line)
        if "_aws" in record:
            found |= record
    return found


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Return all that was logged, with every key."""
    return "".join(str(vars(record)) for record in caplog.records)


# Accepted


@pytest.mark.parametrize("name", samples.publish_names())
def test_a_publish_delivery_becomes_a_job_for_each_asset(stack: ReceiverStack, name: str) -> None:
    status, body = post(http_api_event(samples.raw(name), headers=CMP))

    jobs = stack.messages(name.removesuffix(".old").replace("_", "-"))
    assert (status, body["jobs"]) == (202, len(jobs))
    assert len(jobs) == (4 if name.endswith(".old") else 5)
    assert {job["delivery_id"] for job in jobs} == {body["delivery_id"]}
    assert {job["channel"] for job in jobs} == {"default"}
    assert not stack.messages("quarantine")


@pytest.mark.parametrize("name", samples.library_names())
def test_a_library_delivery_becomes_a_job(stack: ReceiverStack, name: str) -> None:
    status, body = post(http_api_event(samples.raw(name), headers=CMP))

    (job,) = stack.messages("library-asset")
    assert (status, body["jobs"]) == (202, 1)
    assert (job["event_name"], job["job_id"]) == (name, f"{body['delivery_id']}.0")
    assert not stack.messages("quarantine")


def test_a_library_delivery_without_an_asset_is_quarantined(stack: ReceiverStack) -> None:
    raw = b'{"event_name": "asset_modified", "data": {"asset": {"type": "image"}}}'

    status, body = post(http_api_event(raw, headers=CMP))

    assert (status, body["jobs"]) == (202, 0)
    (message,) = stack.messages("quarantine")
    assert message["reason"] == "unreadable_delivery"
    assert not stack.messages("library-asset")


def test_the_archive_holds_the_raw_body_but_no_secret(stack: ReceiverStack) -> None:
    raw = samples.raw("asset_published.old")
    headers = {
        **CMP,
        "Cookie": "a=b",
        "Authorization": "Basic x",
        "X-Echo": f"my {SECRET}",
        "X-Kept": "1",
    }

    _, body = post(http_api_event(raw, headers=headers, query={"key": OLD_SECRET}))

    [job, *_] = stack.messages("asset-published")
    document = stack.archived_at(job["archive_key"])
    assert archive.raw_body(document) == raw
    assert document["headers"] == {
        "content-type": "application/json",
        "user-agent": "cmp",
        "x-kept": "1",
    }
    assert document["delivery_id"] == body["delivery_id"]
    assert document["request_id"] == "JKJaXmPLvHcESHA="
    assert SECRET not in json.dumps(document)
    assert OLD_SECRET not in json.dumps(document)
    assert job["archive_key"].startswith("deliveries/")
    assert job["archive_key"].endswith(f"/{body['delivery_id']}.json")


def test_a_base64_body_is_the_same_as_text(stack: ReceiverStack) -> None:
    raw = samples.raw("asset_synced.old")

    status, _ = post(http_api_event(raw, headers=CMP, base64=True))

    assert status == 202
    assert len(stack.messages("asset-synced")) == 4
    assert archive.raw_body(stack.archived()[0]) == raw


def test_the_channel_is_the_last_part_of_the_path(stack: ReceiverStack) -> None:
    post(http_api_event(samples.raw("asset_synced"), headers=CMP, channel="web site#1"))

    assert {job["channel"] for job in stack.messages("asset-synced")} == {"web%20site%231"}
    assert stack.archived()[0]["channel"] == "web%20site%231"


def test_an_unknown_event_goes_to_the_other_events(stack: ReceiverStack) -> None:
    body = json.dumps({"event_name": "asset_teleported", "data": {"organization": {"id": 7}}})

    status, answer = post(http_api_event(body, headers=CMP))

    [job] = stack.messages("other-event")
    assert (status, answer["jobs"]) == (202, 1)
    assert (job["event_name"], job["entry"]) == ("asset_teleported", "/data")
    assert job["organization_id"] == "7"
    assert "asset" not in job


def test_a_delivery_without_assets_is_counted(
    stack: ReceiverStack, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"event_name": "asset_published", "data": {"publishing_event": {"id": "p"}}}

    status, answer = post(http_api_event(json.dumps(body), headers=CMP))

    assert (status, answer["jobs"]) == (202, 0)
    assert len(stack.archived()) == 1
    assert metrics(capsys)["DeliveriesWithoutAssets"] == [1.0]


@pytest.mark.parametrize(
    ("shown", "name"), [(SECRET, "current"), (OLD_SECRET, "accepted-1")], ids=["current", "old"]
)
def test_a_metric_says_which_secret_matched(
    stack: ReceiverStack, capsys: pytest.CaptureFixture[str], shown: str, name: str
) -> None:
    post(http_api_event(samples.raw("asset_synced"), headers={"callback-secret": shown}))

    found = metrics(capsys)
    assert found["secret"] == name
    assert found["service"] == "tests"
    assert (found["DeliveriesAccepted"], found["JobsQueued"]) == ([1.0], [5.0])


# Quarantined


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the body is not JSON"),
        (b"<xml/>", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"[1]", "the body is not an object"),
        (b'{"data": {}}', "there is no usable event_name"),
        (b'{"event_name": "asset_synced"}', "there is no usable data.publishing_event.id"),
        (
            b'{"event_name":"asset_synced","data":{"publishing_event":{"id":1},"assets":[1]}}',
            "data.assets is not an object",
        ),
    ],
)
def test_an_unreadable_delivery_is_kept_for_a_person(
    stack: ReceiverStack, raw: bytes, reason: str
) -> None:
    status, answer = post(http_api_event(raw, headers=CMP))

    [message] = stack.messages("quarantine")
    [item] = stack.items()
    assert (status, answer["jobs"]) == (202, 0)
    assert message["reason"] == "unreadable_delivery"
    assert message["detail"] == [{"pointer": "", "reason": reason}]
    assert archive.raw_body(stack.archived_at(message["archive_key"])) == raw
    assert item["pk"] == {"S": f"QUARANTINE#{answer['delivery_id']}"}
    assert item["sk"] == {"S": "QUARANTINE"}
    assert item["archive_key"] == {"S": message["archive_key"]}
    assert item["detail"] == {"L": [{"M": {"pointer": {"S": ""}, "reason": {"S": reason}}}]}


def test_a_body_that_is_no_text_is_archived_byte_for_byte(stack: ReceiverStack) -> None:
    raw = b"\xff\xfe\x00{"

    status, _ = post(http_api_event(raw, headers=CMP, base64=True))

    assert status == 202
    assert archive.raw_body(stack.archived()[0]) == raw


def test_readable_assets_do_not_wait_for_unreadable_ones(stack: ReceiverStack) -> None:
    body = samples.sample("asset_published.old")
    body["data"]["assets"]["images"] += [{"title": "no id"}, "private words"]

    status, answer = post(http_api_event(json.dumps(body), headers=CMP))

    [message] = stack.messages("quarantine")
    assert (status, answer["jobs"], len(stack.messages("asset-published"))) == (202, 4, 4)
    assert message["reason"] == "unreadable_entries"
    assert message["event_name"] == "asset_published"
    assert message["detail"] == [
        {"pointer": "/data/assets/images/1", "reason": "no usable id"},
        {"pointer": "/data/assets/images/2", "reason": "not an object"},
    ]
    assert "private words" not in json.dumps([message, stack.items()])


# Refused


@pytest.mark.parametrize(
    "headers",
    [{}, {"Callback-Secret": ""}, {"Callback-Secret": "wrong"}, {"Callback-Secret": f"{SECRET} "}],
    ids=["missing", "empty", "wrong", "longer"],
)
def test_a_stranger_learns_nothing_and_leaves_nothing(
    stack: ReceiverStack, capsys: pytest.CaptureFixture[str], headers: dict[str, str]
) -> None:
    event = http_api_event("untouched", headers=headers, query={"key": SECRET}, base64=True)
    event["body"] = "not base64"

    assert post(event) == (401, {"message": "Unauthorized"})
    assert stack.is_empty()
    assert metrics(capsys)["DeliveriesRejected"] == [1.0]


@pytest.mark.usefixtures("url_secret_allowed")
@pytest.mark.parametrize(
    ("key", "expected"), [(SECRET, 202), (OLD_SECRET, 202), ("", 401), ("wrong", 401)]
)
def test_the_secret_may_come_in_the_url_where_that_is_allowed(
    stack: ReceiverStack,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    key: str,
    expected: int,
) -> None:
    status, _ = post(http_api_event(samples.raw("asset_synced"), query={"key": key}))

    assert status == expected
    assert SECRET not in capsys.readouterr().out + logged(caplog)
    assert SECRET not in json.dumps(stack.archived())


def test_another_route_is_not_found(stack: ReceiverStack) -> None:
    status, _ = post(http_api_event("{}", headers=CMP, route="$default"))

    assert status == 404
    assert stack.is_empty()


# Not stored


def test_cmp_has_to_retry_while_the_archive_is_away(stack: ReceiverStack) -> None:
    stack.s3.delete_bucket(Bucket="archive")

    status, _ = post(http_api_event(samples.raw("asset_synced"), headers=CMP))

    assert status == 503
    assert not stack.messages("asset-synced")


def test_cmp_has_to_retry_while_a_queue_is_away(
    stack: ReceiverStack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.sqs.delete_queue(QueueUrl=app.reception.settings.asset_synced_queue_url)

    status, answer = post(http_api_event(samples.raw("asset_synced"), headers=CMP))

    assert (status, answer) == (503, {"message": "Service Unavailable"})
    assert metrics(capsys)["DeliveriesNotStored"] == [1.0]


def test_cmp_has_to_retry_while_the_quarantine_is_away(stack: ReceiverStack) -> None:
    stack.dynamodb.delete_table(TableName="catalogue")

    status, _ = post(http_api_event("not JSON", headers=CMP))

    assert status == 503


def test_cmp_has_to_retry_while_the_secret_was_never_read(stack: ReceiverStack) -> None:
    stack.secrets.delete_secret(SecretId="webhook", ForceDeleteWithoutRecovery=True)

    status, _ = post(http_api_event(samples.raw("asset_synced"), headers=CMP))

    assert status == 503
    assert stack.is_empty()


def test_deliveries_are_taken_while_the_secret_cannot_be_read_again(
    stack: ReceiverStack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    cache = SecretCache(lambda: now[0])
    monkeypatch.setattr(app, "reception", replace(app.reception, secrets=cache))
    post(http_api_event(samples.raw("asset_synced"), headers=CMP))
    stack.secrets.put_secret_value(SecretId="webhook", SecretString=f"spoilt {SECRET}")

    now[0] = 61.0
    status, _ = post(http_api_event(samples.raw("asset_synced"), headers=CMP))

    assert status == 202
    assert "webhook secret not read" in caplog.text
    assert SECRET not in logged(caplog)


# Cold start


def test_the_receiver_imports_nothing_that_it_can_do_without() -> None:
    code = "import sys; from functions.receive_webhook import app; print(*sys.modules)"
    path = f"import sys; sys.path[:0] = {[str(PROJECT), str(PROJECT / 'layers/cmp_relay')]}; "

    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", path + code], check=True, capture_output=True, text=True
    )

    imported = {name.split(".")[0] for name in run.stdout.split()}
    assert not imported & {"boto3", "httpx", "pydantic", "requests", "s3transfer"}
    assert "botocore.client" not in run.stdout.split()
