"""run_command: what a program puts into the queue is told to CMP, its end on the bus."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from cmp_relay import marks
from functions.run_command import app
from tests.support.publish_jobs import API
from tests.support.worker_stack import CONTEXT, WorkerStack, worker_stack

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

STEP = f"{API}/tasks/t/steps/s/sub-steps/ss"


class Cmp:
    """Answers each request as it is told, else with 200 and nothing; remembers what it was told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, Callable[[Any], httpx.Response]] = {}
        self.told: list[tuple[str, str, Any]] = []
        self.with_token: list[str] = []

        def respond(_transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            content = request.read()
            is_json = request.headers.get("content-type") == "application/json"
            body = json.loads(content) if is_json else content or None
            self.told.append((request.method, str(request.url), body))
            if "authorization" in request.headers:
                self.with_token.append(str(request.url))
            answer = self.answers.get(f"{request.method} {request.url}")
            return answer(body) if answer else httpx.Response(200, json={})

        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", respond)

    def answer(self, method: str, url: str, status: int, content: Mapping[str, Any]) -> None:
        """Let a request be answered like this."""
        self.answers[f"{method} {url}"] = lambda _: httpx.Response(status, json=content)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerStack]:
    with worker_stack(monkeypatch) as made:
        made.clock.milliseconds = time.time_ns() // 1_000_000
        secrets: SecretsManagerClient = boto3.client("secretsmanager")
        token = {"access_token": "token", "expires_at": time.time() + 3600}
        secrets.create_secret(Name="token", SecretString=json.dumps(token))
        yield made


@pytest.fixture
def cmp(monkeypatch: pytest.MonkeyPatch) -> Cmp:
    return Cmp(monkeypatch)


def command(name: str, command_id: str = "c-1", **arguments: object) -> str:
    envelope = {
        "schema": 1,
        "command_id": command_id,
        "command": name,
        "issued_at": "2026-11-21T12:00:00Z",
        "arguments": arguments,
    }
    return json.dumps(envelope)


def run(stack: WorkerStack, *bodies: str) -> list[dict[str, Any]]:
    """Run commands to their ends and return what the bus was told of each."""
    answer = app.handler(stack.event(*bodies), CONTEXT)
    assert answer == {"batchItemFailures": []}
    told = stack.announced()
    assert {event["detail-type"] for event in told} <= {"CommandResult"}
    return [event["detail"] for event in told]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            command("link_ticket", external_work_link=f"{STEP}/external-work", status="Done"),
            [("PATCH", f"{STEP}/external-work", {"status": "Done"})],
        ),
        (command("start", sub_step_link=STEP), [("PATCH", STEP, {"is_in_progress": True})]),
        (command("complete", sub_step_link=STEP), [("PATCH", STEP, {"is_completed": True})]),
        (command("skip", sub_step_link=STEP), [("PATCH", STEP, {"is_skipped": True})]),
        (
            command("assign", sub_step_link=STEP, assignee_id=None),
            [("PATCH", STEP, {"assignee_id": None})],
        ),
        (
            command("assign", sub_step_link=STEP, assignee_id="team-1", assignee_type="team"),
            [("PATCH", STEP, {"assignee_id": "team-1", "assignee_type": "team"})],
        ),
        (
            command(
                "update_asset",
                asset_id="../a",
                asset_type="raw_file",
                changes={"title": "New"},
                fields=[{"id": "f", "type": "label", "values": ["v"]}],
            ),
            [
                ("PATCH", f"{API}/raw-files/%2E%2E%2Fa", {"title": "New"}),
                (
                    "PUT",
                    f"{API}/assets/%2E%2E%2Fa/fields/f",
                    {"type": "label", "values": ["v"]},
                ),
            ],
        ),
    ],
)
def test_tells_cmp_what_the_command_says(
    stack: WorkerStack, cmp: Cmp, body: str, told: list[tuple[str, str, Any]]
) -> None:
    (result,) = run(stack, body)

    assert cmp.told == told
    assert (result["command_id"], result["outcome"], result["reason"]) == ("c-1", "applied", None)


def test_a_report_waits_for_others_of_its_publishing_event(stack: WorkerStack, cmp: Cmp) -> None:
    link = f"{API}/publishing-events/e/publishing-metadata"
    report = command(
        "report_publication",
        publishing_metadata_link=link,
        publishing_event_id="e",
        asset_id="a",
        status="published",
    )

    answer = app.handler(stack.event(report), CONTEXT)

    assert len(answer["batchItemFailures"]) == 1
    assert [item["sk"] for item in stack.items("REPORTS#e")] == ["FLUSH", "REPORT#command.c-1"]
    assert (cmp.told, stack.announced()) == ([], [])


def test_a_command_that_has_ended_is_not_run_again(stack: WorkerStack, cmp: Cmp) -> None:
    body = command("complete", sub_step_link=STEP)
    run(stack, body)

    assert run(stack, body) == []
    assert len(cmp.told) == 1


def test_a_comment_carries_a_mark_and_its_result_the_id(stack: WorkerStack, cmp: Cmp) -> None:
    link = f"{STEP}/comments"
    cmp.answer("POST", link, 201, {"id": "comment-1", "links": {"self": f"{link}/comment-1"}})

    (result,) = run(stack, command("comment", comments_link=link, text="Please look."))

    ((_, _, body),) = cmp.told
    assert body == {"value": f"Please look.\n\ncmp-relay:{marks.of('c-1')}"}
    assert result["result"] == {"id": "comment-1", "link": f"{link}/comment-1"}


def test_what_was_so_before_is_applied(stack: WorkerStack, cmp: Cmp) -> None:
    cmp.answer("PATCH", STEP, 422, {"message": "completed already"})
    cmp.answer("GET", STEP, 200, {"id": "ss", "is_completed": True})

    (result,) = run(stack, command("complete", sub_step_link=STEP))

    assert (result["outcome"], result["result"]["is_completed"]) == ("applied", True)


def test_a_step_that_is_completed_by_now_has_been_started(stack: WorkerStack, cmp: Cmp) -> None:
    cmp.answer("PATCH", STEP, 422, {"message": "completed already"})
    cmp.answer("GET", STEP, 200, {"id": "ss", "is_completed": True, "is_in_progress": False})

    (result,) = run(stack, command("start", sub_step_link=STEP))

    assert result["outcome"] == "applied"


def test_a_refusal_is_a_dead_letter_in_cmps_words(stack: WorkerStack, cmp: Cmp) -> None:
    cmp.answer("PATCH", STEP, 422, {"message": "Not in order: https://x.test/?token=secret"})
    cmp.answer("GET", STEP, 200, {"id": "ss", "is_completed": False})

    (result,) = run(stack, command("complete", sub_step_link=STEP))

    assert (result["outcome"], result["reason"]) == ("dead_lettered", "request_refused")
    assert result["detail"].endswith("422 'Not in order: https://x.test/'")
    assert [why["reason"] for _, why in stack.dead_letters()] == ["request_refused"]


@pytest.mark.parametrize(
    ("spelling", "body"),
    [
        ("documented", {"acknowledged_by": "site", "content_hash": "h"}),
        ("seen", {"acknowledgedBy": "site", "content_hash": "h"}),
    ],
)
def test_a_preview_is_acknowledged_in_the_spelling_that_cmp_takes(
    stack: WorkerStack, cmp: Cmp, spelling: str, body: dict[str, str]
) -> None:
    link = f"{API}/structured-content/contents/c/versions/v/previews/p/acknowledge"
    key = "acknowledged_by" if spelling == "documented" else "acknowledgedBy"
    cmp.answers[f"POST {link}"] = lambda told: httpx.Response(202 if key in told else 422)
    asked = command(
        "acknowledge_preview", acknowledge_link=link, acknowledged_by="site", content_hash="h"
    )

    (result,) = run(stack, asked)

    assert result["outcome"] == "applied"
    assert cmp.told[-1][2] == body


def test_previews_are_completed(stack: WorkerStack, cmp: Cmp) -> None:
    link = f"{API}/structured-content/contents/c/versions/v/previews/p/complete"
    previews = {"Website": "https://preview.test/1"}

    run(stack, command("complete_preview", complete_link=link, keyed_previews=previews))

    assert cmp.told == [("POST", link, {"keyed_previews": previews})]


def test_a_preview_that_cmp_refuses_for_another_reason_is_told_once(
    stack: WorkerStack, cmp: Cmp
) -> None:
    link = f"{API}/structured-content/contents/c/versions/v/previews/p/complete"
    cmp.answer("POST", link, 409, {"message": "completed already"})
    previews = {"Website": "https://preview.test/1"}

    (result,) = run(stack, command("complete_preview", complete_link=link, keyed_previews=previews))

    assert (result["reason"], len(cmp.told)) == ("request_refused", 1)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (command("sing"), "there is no such command"),
        (command("complete"), "sub_step_link: Field required"),
        (command("complete", sub_step_link=STEP, by="me"), "by: Extra inputs are not permitted"),
        (
            command("complete", sub_step_link=f"{STEP}/external-work"),
            "sub_step_link: Value error, no link of CMP to such a resource",
        ),
        (
            command("link_ticket", external_work_link=f"{STEP}/external-work"),
            "arguments: Value error, at least one of identifier, title, status and url",
        ),
        (
            command("update_asset", asset_id="a", asset_type="image", changes={"labels": []}),
            "arguments: Value error, labels are fields: CMP takes them as changes no more",
        ),
        (
            command("update_asset", asset_id="a", asset_type="image"),
            "arguments: Value error, at least one of changes and fields",
        ),
    ],
)
def test_who_gives_a_command_that_cannot_be_run_hears_why(
    stack: WorkerStack, cmp: Cmp, body: str, detail: str
) -> None:
    (result,) = run(stack, body)

    assert (result["outcome"], result["reason"]) == ("dead_lettered", "invalid_command")
    assert result["detail"] == detail
    assert cmp.told == []


def test_a_link_out_of_cmp_is_never_followed(stack: WorkerStack, cmp: Cmp) -> None:
    link = "https://evil.test/v3/tasks/t/steps/s/sub-steps/ss"

    (result,) = run(stack, command("complete", sub_step_link=link))

    assert (result["reason"], cmp.told) == ("untrusted_link", [])


def changed(**parts: object) -> str:
    """Return a good command with other parts in its envelope; None takes a part away."""
    envelope = {**json.loads(command("complete", sub_step_link=STEP)), **parts}
    return json.dumps({key: value for key, value in envelope.items() if value is not None})


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (changed(schema=2), "schema: Input should be 1"),
        (changed(more=1), "more: Extra inputs are not permitted"),
        (changed(issued_at=None), "issued_at: Field required"),
        (changed(issued_at="2026-11-21T12:00:00"), "issued_at: Input should have timezone info"),
        (changed(issued_at="2099-01-01T00:00:00Z"), "issued_at: more than a day ahead"),
        (changed(issued_at="9999-12-31T00:00:00Z"), "issued_at: more than a day ahead"),
        (changed(arguments=[]), "arguments: Input should be an object"),
        (changed(command=None), "command: Field required"),
    ],
)
def test_who_sends_a_message_in_another_shape_hears_why(
    stack: WorkerStack, cmp: Cmp, body: str, detail: str
) -> None:
    (result,) = run(stack, body)

    assert (result["reason"], result["detail"]) == ("invalid_command", detail)
    assert (cmp.told, list(stack.outcomes().values())) == ([], ["dead_lettered"])


def test_thousands_of_mistakes_fit_into_an_event(stack: WorkerStack, cmp: Cmp) -> None:
    arguments = {f"mistake-{number}": 1 for number in range(10_000)}

    (result,) = run(stack, changed(arguments=arguments))

    assert result["reason"] == "invalid_command"
    assert len(result["detail"]) <= 600


def test_a_command_is_as_old_as_its_message(
    stack: WorkerStack, cmp: Cmp, capsys: pytest.CaptureFixture[str]
) -> None:
    run(stack, changed(issued_at="2020-01-01T00:00:00Z"))

    (told,) = [
        json.loads(line) for line in capsys.readouterr().out.splitlines() if "JobAgeSeconds" in line
    ]
    assert told["JobAgeSeconds"][0] < 3600


@pytest.mark.parametrize("body", ["[]", "{}", command("complete", command_id="not an id")])
def test_a_message_that_does_not_name_itself_is_a_dead_letter_without_result(
    stack: WorkerStack, cmp: Cmp, body: str
) -> None:
    assert run(stack, body) == []
    assert [why["reason"] for _, why in stack.dead_letters()] == ["unreadable_job"]
    assert cmp.told == []


class Storage:
    """CMP's storage and an image, to which versions are added."""

    def __init__(self, cmp: Cmp) -> None:
        self.version = 1
        self.image: dict[str, Any] = {"title": "old.jpg", "file_size": 3}
        self.crash = False
        form = {"key": "upload-1", "policy": "p", "x-amz-signature": "s"}
        where = {"url": f"{UPLOADS}/", "upload_meta_fields": form}
        cmp.answers[f"GET {API}/images/a"] = lambda _: httpx.Response(
            200, json={**self.image, "version_number": self.version}
        )
        cmp.answer("GET", f"{API}/upload-url", 200, where)
        cmp.answers[f"POST {UPLOADS}/"] = lambda _: httpx.Response(204)
        cmp.answers[f"POST {API}/assets/a/versions"] = self._add

    def _add(self, told: Any) -> httpx.Response:  # noqa: ANN401 - JSON can be anything
        self.version += 1
        self.image = {"title": told["title"], "file_size": len(PICTURE)}
        if self.crash:
            self.crash = False
            return httpx.Response(502)
        return httpx.Response(201, json={"version_number": self.version})


UPLOADS = "https://cmp-files.s3-accelerate.amazonaws.com"
PICTURE = b"a new picture"


def add_version(key: str = "incoming/new.jpg") -> str:
    return command("add_version", asset_id="a", asset_type="image", title="new.jpg", key=key)


def test_adds_an_object_as_a_version(stack: WorkerStack, cmp: Cmp) -> None:
    stack.s3.put_object(Bucket="assets", Key="incoming/new.jpg", Body=PICTURE)
    Storage(cmp)

    (result,) = run(stack, add_version())

    assert result["result"] == {"version": "2"}
    upload = next(body for _, url, body in cmp.told if url == f"{UPLOADS}/")
    names = re.findall(rb'; name="([^"]+)"', upload)
    assert names == [b"key", b"policy", b"x-amz-signature", b"file"]
    assert PICTURE in upload
    assert cmp.told[-1][2] == {"key": "upload-1", "title": "new.jpg"}
    assert [url for url in cmp.with_token if not url.startswith(API)] == []


def test_adds_it_once_though_the_answer_was_lost(stack: WorkerStack, cmp: Cmp) -> None:
    stack.s3.put_object(Bucket="assets", Key="incoming/new.jpg", Body=PICTURE)
    storage = Storage(cmp)
    storage.crash = True

    assert app.handler(stack.event(add_version()), CONTEXT)["batchItemFailures"]
    (result,) = run(stack, add_version())

    assert result["result"] == {"version": "2"}
    assert storage.version == 2


def test_adds_it_after_a_version_of_somebody_else(stack: WorkerStack, cmp: Cmp) -> None:
    stack.s3.put_object(Bucket="assets", Key="incoming/new.jpg", Body=PICTURE)
    storage = Storage(cmp)
    cmp.answers[f"POST {UPLOADS}/"] = lambda _: httpx.Response(503)
    assert app.handler(stack.event(add_version()), CONTEXT)["batchItemFailures"]
    storage.version, storage.image = 2, {"title": "other.jpg", "file_size": 4}
    cmp.answers[f"POST {UPLOADS}/"] = lambda _: httpx.Response(204)

    (result,) = run(stack, add_version())

    assert result["result"] == {"version": "3"}


def test_a_version_without_its_object_is_a_dead_letter(stack: WorkerStack, cmp: Cmp) -> None:
    (result,) = run(stack, add_version("incoming/none.jpg"))

    assert (result["reason"], cmp.told) == ("invalid_command", [])
    assert result["detail"] == "key: there is no such object"


def test_an_object_that_is_too_large_is_not_sent(
    stack: WorkerStack, cmp: Cmp, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.s3.put_object(Bucket="assets", Key="incoming/new.jpg", Body=PICTURE)
    monkeypatch.setattr("cmp_relay.uploads.LARGEST", len(PICTURE) - 1)

    (result,) = run(stack, add_version())

    assert (result["reason"], cmp.told) == ("invalid_command", [])


def test_nothing_is_uploaded_to_a_host_that_is_not_listed(stack: WorkerStack, cmp: Cmp) -> None:
    stack.s3.put_object(Bucket="assets", Key="incoming/new.jpg", Body=PICTURE)
    Storage(cmp)
    form = {"url": "https://evil.test/", "upload_meta_fields": {"key": "upload-1"}}
    cmp.answer("GET", f"{API}/upload-url", 200, form)

    (result,) = run(stack, add_version())

    assert result["reason"] == "untrusted_link"
    assert all("evil.test" not in url for _, url, _ in cmp.told)


def test_a_form_that_is_none_is_asked_for_again(stack: WorkerStack, cmp: Cmp) -> None:
    stack.s3.put_object(Bucket="assets", Key="incoming/new.jpg", Body=PICTURE)
    Storage(cmp)
    cmp.answer("GET", f"{API}/upload-url", 200, {"url": f"{UPLOADS}/"})

    answer = app.handler(stack.event(add_version()), CONTEXT)

    assert len(answer["batchItemFailures"]) == 1
