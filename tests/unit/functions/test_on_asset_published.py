import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import boto3
import pytest

from functions.on_asset_published import app
from tests.support import samples
from tests.support.cmp_transport import CmpTransport
from tests.support.log_lines import log_lines
from tests.support.publish_jobs import API, body, entry, link, receipt
from tests.support.worker_stack import CONTEXT, WorkerStack, worker_stack

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

PLANTED = "-".join(["must", "not", "show"])


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerStack]:
    with worker_stack(monkeypatch) as made:
        made.clock.milliseconds = now()
        secrets: SecretsManagerClient = boto3.client("secretsmanager")
        token = {"access_token": f"token-{PLANTED}", "expires_at": time.time() + 3600}
        secrets.create_secret(Name="token", SecretString=json.dumps(token))
        yield made


def invoke(stack: WorkerStack, *messages: str) -> list[dict[str, str]]:
    answer = app.handler(stack.event(*messages), CONTEXT)
    return cast("list[dict[str, str]]", answer["batchItemFailures"])


@pytest.mark.parametrize("name", ["asset_published", "asset_published.old"])
def test_brings_every_kind_of_asset(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    delivered = samples.sample(name)["data"]["assets"]
    entries = [one for kind in delivered.values() for one in kind]
    cmp = CmpTransport({one["links"]["self"]: one for one in entries})
    cmp.install(monkeypatch)
    messages = stack.deliver(samples.raw(name), receipt(name, now()))

    came_back = invoke(stack, *messages)

    assert came_back == []
    assert [url for url, _ in cmp.asked] == [one["links"]["self"] for one in entries]
    assert {token for _, token in cmp.asked} == {f"Bearer token-{PLANTED}"}
    assert stack.counts() == {"applied": len(entries)}
    assert {event["detail"]["asset"]["id"] for event in stack.announced()} == {
        one["id"] for one in entries
    }
    assert len(stack.documents()) == 2 * len(entries)


def test_tells_nobody_what_only_cmp_and_the_catalogue_may_know(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = {
        "html_body": f"<p>body-{PLANTED}</p>",
        "url": f"https://files.cmp.optimizely.com/x?token=query-{PLANTED}",
    }
    kept = entry("image-1", **secret)
    elsewhere = entry("image-2", links={"self": f"https://example.com/x?key=link-{PLANTED}"})
    broken = entry("image-3", **secret)
    CmpTransport({link("image-1"): kept, link("image-3"): [PLANTED]}).install(monkeypatch)
    raw = body("asset_published", [kept, elsewhere, broken])
    messages = stack.deliver(raw, receipt("planted", now()))

    with log_lines() as lines:
        came_back = invoke(stack, *messages)

    assert len(came_back) == 1
    told = lines.text + "".join(capsys.readouterr())
    assert "JobsApplied" in told
    ((letter, why),) = stack.dead_letters()
    assert why["reason"] == "untrusted_link"
    assert PLANTED in letter  # the job itself is kept as it is, else it could not be sent back
    for place in (told, str(why), str(stack.announced()), str(stack.items(""))):
        assert PLANTED not in place
    assert PLANTED in str(stack.documents())


def test_the_token_goes_to_no_other_origin(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cmp = CmpTransport({})
    cmp.install(monkeypatch)
    raw = body("asset_published", [entry(links={"self": "https://example.com/v3/images/1"})])

    came_back = invoke(stack, *stack.deliver(raw, receipt("elsewhere", now())))

    assert (came_back, cmp.asked) == ([], [])
    assert stack.outcomes() == {"elsewhere.0": "dead_lettered"}


def test_an_asset_that_is_gone_is_looked_for_twice_and_kept_as_delivered(
    stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cmp = CmpTransport({})
    cmp.install(monkeypatch)
    (message,) = stack.deliver(body("asset_published", [entry()]), receipt("gone", now()))

    first = invoke(stack, message)
    second = invoke(stack, message)

    assert (len(first), second) == (1, [])
    assert [url for url, _ in cmp.asked] == [
        link("image-1"),
        link("image-1"),
        f"{API}/asset-urls/image-1",
    ]
    assert stack.asset()["details_source"] == "delivery"
    assert stack.counts() == {"applied": 1}
