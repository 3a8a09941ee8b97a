"""Who asks for content, with which moments, and what is told of an answer that is lost."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay.breaker import FAILURES
from cmp_relay.budget_table import BudgetTable
from cmp_relay.endpoint import moment
from cmp_relay.errors import AppointmentError
from cmp_relay_cli import content, moments
from cmp_relay_cli.errors import OperatorError, UsageError
from cmp_relay_cli.output import Output
from cmp_relay_cli.session import Session
from cmp_relay_cli.stack import Choice, Stack
from tests.unit.cli.conftest import Run

API = "https://api.optimizely.com"
ITEM = {"id": "content-123", "title": "Spring", "status": "approved"}
PUBLISH = ["publish", "content-123", "--channel", "channel-cms-prod"]
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


class Cmp:
    """Answers a publication as it is told, all else as the tutorial does; remembers requests."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.item: Exception | None = None
        self.publications: list[httpx.Response | BaseException] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "hidden-token", "expires_in": 3600})
        if self.item:
            raise self.item
        if request.method == "GET":
            is_list = request.url.path.endswith("/content")
            return httpx.Response(200, json={"items": [ITEM]} if is_list else ITEM)
        found = self.publications.pop(0) if self.publications else {"status": "published"}
        if isinstance(found, BaseException):
            raise found
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found)

    def told(self) -> list[str]:
        return [f"{one.method} {one.url}" for one in self.requests]


@pytest.fixture
def cmp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cmp]:
    """CMP instead of the network, asked with the environment's credentials."""
    monkeypatch.setenv("CMP_CLIENT_ID", "client")
    monkeypatch.setenv("CMP_CLIENT_SECRET", "hidden-secret")
    made = Cmp()
    with httpx.Client(transport=httpx.MockTransport(made.answer)) as client:

        @contextmanager
        def built() -> Iterator[httpx.Client]:
            yield client

        monkeypatch.setattr(content, "build_client", built)
        yield made


@pytest.fixture
def run(run: Run) -> Run:
    """Return the command of this file."""
    return partial(run, "content")


def test_a_publication_is_what_the_tutorial_shows(cmp: Cmp, run: Run) -> None:
    ended = run(*PUBLISH, "--at", "2099-04-01T11:00+02:00", "--target", "/blog", "--yes", "--json")

    assert ended.code == 0, ended.err
    assert cmp.told() == [
        f"POST {API}/oauth/token",
        f"GET {API}/v1/cmp/content/content-123",
        f"POST {API}/v1/cmp/content/content-123/publish",
    ]
    body = {
        "channel_id": "channel-cms-prod",
        "schedule_at": "2099-04-01T09:00:00Z",
        "target_location": "/blog",
    }
    assert json.loads(cmp.requests[-1].content) == body
    shown = {"content_id": "content-123", "title": "Spring", "status": "approved", **body}
    answer = {"status": "published"}
    assert json.loads(ended.out) == {"dry_run": False, **shown, "answer": answer}


@pytest.mark.parametrize("answer", [{"status": "failed", "why": "no \x9b2J place"}, {}])
def test_a_person_reads_what_cmp_answers_and_no_more(
    cmp: Cmp, run: Run, answer: Mapping[str, str]
) -> None:
    cmp.publications = [httpx.Response(200, json=answer), httpx.Response(200, json=answer)]

    now, then = run(*PUBLISH, "--yes"), run(*PUBLISH, "--yes", "--at", "2099-04-01T09:00Z")

    assert (now.code, then.code) == (0, 0)
    assert "CMP has taken it, to publish it now, and says:" in now.out
    assert "CMP has taken it, to publish it at 2099-04-01T09:00:00Z, and says:" in then.out
    assert now.out.count("published") == 0
    said = json.loads(now.out[now.out.index("{") :])
    assert said == {name: value.replace("\x9b", "�") for name, value in answer.items()}


def test_nothing_is_published_without_a_yes(cmp: Cmp, run: Run) -> None:
    asked, dry = run(*PUBLISH), run(*PUBLISH, "--dry-run")

    assert (asked.code, dry.code) == (2, 0)
    assert "Publish 'Spring' on channel-cms-prod now? Say --yes" in asked.err
    assert "would be published now; CMP publishes only what is approved" in dry.out
    assert {one.method for one in cmp.requests if "content" in one.url.path} == {"GET"}


@pytest.mark.parametrize(
    "lost", [httpx.Response(503), httpx.Response(200, text="<p>"), httpx.ReadTimeout("hidden-url")]
)
def test_a_lost_answer_leaves_open_what_became_of_it_and_nothing_is_sent_twice(
    cmp: Cmp, run: Run, lost: httpx.Response | Exception
) -> None:
    cmp.publications = [lost]

    ended = run(*PUBLISH, "--yes")

    assert (ended.code, ended.out) == (1, "")
    assert "it is not known whether content-123 is published" in ended.err
    assert "`cmp-relay content get content-123`" in ended.err
    assert "hidden" not in ended.err
    assert cmp.told().count(f"POST {API}/v1/cmp/content/content-123/publish") == 1


def test_who_interrupts_a_publication_is_told_that_nobody_knows(cmp: Cmp, run: Run) -> None:
    cmp.publications = [KeyboardInterrupt()]

    ended = run(*PUBLISH, "--yes")

    assert (ended.code, ended.out) == (130, "")
    assert "it is not known whether content-123 is published (interrupted): see `cmp" in ended.err


def test_who_does_not_answer_is_told_by_its_place(cmp: Cmp, run: Run) -> None:
    cmp.item = httpx.ConnectError("hidden-url")

    ended = run("get", "content-123")

    assert (ended.code, ended.out) == (1, "")
    assert f"CMP does not answer in good order (GET {API}/v1/cmp/content/content-123" in ended.err
    assert "hidden" not in ended.err


def test_the_words_of_cmp_are_told_and_no_secret_in_them(cmp: Cmp, run: Run) -> None:
    words = f"not approved, Bearer hidden-token https://x/?key=hidden {'.' * 999}end"
    cmp.publications = [httpx.Response(422, json={"message": words})]

    ended = run(*PUBLISH, "--yes")

    assert ended.code == 1
    assert "422 'not approved, Bearer" in ended.err
    assert "what CMP says of the request tells what to change" in ended.err
    assert "hidden" not in ended.err
    assert "end" not in ended.err.partition("what CMP says")[0].rpartition("approved")[2]


def test_a_limit_is_waited_out_aloud(cmp: Cmp, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    limits = ("7", "0")
    cmp.publications = [httpx.Response(429, headers={"Retry-After": one}) for one in limits]

    ended = run(*PUBLISH, "--yes", "--json")

    assert (ended.code, slept) == (0, [7, 1])
    assert json.loads(ended.out)["answer"] == {"status": "published"}
    assert ended.err.splitlines() == ["waiting 7 s, as CMP or the API budget asks"]


def test_nobody_waits_for_ever(cmp: Cmp, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    cmp.publications = [httpx.Response(429, headers={"Retry-After": "600"})]

    ended = run(*PUBLISH, "--yes")

    assert (ended.code, slept) == (1, [])
    assert "not before 600 s" in ended.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--at", "2099-04-01T09:00"], "no moment with a zone"),
        (["--at", "tomorrow"], "no moment with a zone"),
        (["--at", "9999-12-31T23:59-14:00"], "no moment with a zone"),
        (["--at", "2026-04-01T09:00:00Z"], "2026-04-01T09:00:00Z has passed"),
        (["--channel", ""], "--channel is empty"),
        (["--api", "http://api.optimizely.com"], "--api needs an address with https"),
        (["--api", "https://u:hidden@x.example"], "--api needs an address with https"),
        (["--api", "https://x.example/v1?key=hidden"], "--api needs an address with https"),
    ],
)
def test_a_wrong_command_line_asks_nobody(cmp: Cmp, run: Run, words: list[str], told: str) -> None:
    ended = run(*PUBLISH, *words, "--yes")

    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert "hidden" not in ended.err
    assert cmp.requests == []


@pytest.mark.parametrize("words", [(), ("--json",)])
@pytest.mark.parametrize("command", [["get", "content-123"], ["list"], [*PUBLISH, "--dry-run"]])
def test_what_others_have_written_does_not_steer_the_terminal(
    cmp: Cmp, run: Run, command: list[str], words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    steering = "\x1b]0;x\x07\x9b2J\u202e\u2066\x7f"
    monkeypatch.setitem(ITEM, "title", f"{steering}Spring")

    ended = run(*command, *words)

    assert ended.code == 0
    assert "Spring" in ended.out
    assert not ({*steering} - {*"]0;x2J"}) & {*ended.out}


def test_an_empty_id_is_not_the_list(cmp: Cmp, run: Run) -> None:
    assert run("get", " ").code == 2
    assert cmp.requests == []


@given(st.datetimes(datetime(2090, 1, 2), datetime(9998, 12, 30), timezones=OFFSETS))
def test_a_moment_to_come_is_told_in_utc(then: datetime) -> None:
    found = moments.ahead(then.isoformat())

    assert found == then
    assert found is not None
    assert moment(found) == then.astimezone(UTC).isoformat()[:19] + "Z"


def test_without_a_moment_there_is_none() -> None:
    assert moments.ahead(None) is None


@pytest.mark.parametrize("environment", [{}, {"CMP_CLIENT_ID": "", "CMP_CLIENT_SECRET": " "}])
def test_an_environment_can_hold_no_credentials(environment: Mapping[str, str]) -> None:
    assert content.of_environment(environment) is None


@pytest.mark.parametrize(
    ("given", "lacking"),
    [("CMP_CLIENT_ID", "CMP_CLIENT_SECRET"), ("CMP_CLIENT_SECRET", "CMP_CLIENT_ID")],
)
def test_half_of_the_credentials_is_a_mistake(given: str, lacking: str) -> None:
    with pytest.raises(UsageError, match=f"{given} is set, {lacking} is not") as caught:
        content.of_environment({given: "hidden", lacking: ""})

    assert "hidden" not in str(caught.value)


@pytest.fixture
def session(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session whose stack has a credentials secret without a value."""
    for name in (content.ID, content.SECRET):
        monkeypatch.delenv(name, raising=False)
    limits = {"ApiRequestsPerSecond": "999", "ApiRequestsPerMinute": "59999", "BulkShare": "50"}
    arn = stack.secrets.create_secret(Name="credentials")["ARN"]
    made = replace(
        stack,
        outputs={**stack.outputs, "CredentialsSecretArn": arn},
        parameters={**stack.parameters, **limits},
    )
    monkeypatch.setattr(Choice, "find", lambda _: made)
    return Session(Choice(), Output())


@pytest.mark.parametrize("value", [None, '{"client_id": "app", "client_secret": "REPLACE ME"}'])
def test_a_stack_without_credentials_says_what_to_do(session: Session, value: str | None) -> None:
    stack = session.stack()
    if value:
        arn = stack.outputs["CredentialsSecretArn"]
        stack.secrets.put_secret_value(SecretId=arn, SecretString=value)

    connecting = content.connected(session, API)
    with pytest.raises(OperatorError, match="put CMP's credentials in, or set CMP_CLIENT_ID"):
        connecting.__enter__()


def test_a_budget_without_a_slot_in_time_is_told(session: Session) -> None:
    stack = session.stack()
    stack.secrets.put_secret_value(
        SecretId=stack.outputs["CredentialsSecretArn"],
        SecretString='{"client_id": "app", "client_secret": "secret", "refresh_token": ""}',
    )

    connecting = content.connected(session, API)

    assert connecting.__enter__().endpoint.patience.permits is not None
    with pytest.raises(OperatorError, match="no slot within 120 s"):
        connecting.gen.throw(AppointmentError("the next slot is not near", delay=900))


TOKEN = httpx.Response(200, json={"access_token": "hidden-token", "expires_in": 3600})
SILENCE = httpx.ReadTimeout("hidden-url")


@pytest.mark.parametrize(
    ("token", "answer", "told"),
    [
        (httpx.Response(404), TOKEN, "oauth/token: 404"),
        (httpx.Response(401, json={"error": "invalid_client"}), TOKEN, "401 invalid_client"),
        (SILENCE, TOKEN, "oauth/token: "),
        (TOKEN, httpx.Response(404), "content: 404"),
        (TOKEN, httpx.Response(401), "refused"),
        (TOKEN, httpx.Response(429, headers={"Retry-After": "600"}), "not before 600 s"),
        (TOKEN, SILENCE, "content: "),
        (TOKEN, httpx.Response(503), "content: 503"),
    ],
)
def test_what_the_tutorials_api_answers_is_told_to_the_person_and_to_no_worker(
    session: Session,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    token: httpx.Response | Exception,
    answer: httpx.Response | Exception,
    told: str,
) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        found = token if request.url.path == "/oauth/token" else answer
        if isinstance(found, Exception):
            raise found
        return found

    transport = httpx.MockTransport(respond)
    monkeypatch.setattr(content, "build_client", lambda: httpx.Client(transport=transport))
    stack = session.stack()
    stack.secrets.put_secret_value(
        SecretId=stack.outputs["CredentialsSecretArn"],
        SecretString='{"client_id": "app", "client_secret": "hidden-secret"}',
    )
    budget = BudgetTable(stack.dynamodb, stack.table)

    ended = [run("list") for _ in range(FAILURES)]

    assert {one.code for one in ended} == {1}
    assert all(told in one.err and "hidden" not in one.err for one in ended), ended
    state = budget.read()
    assert (state.open_reason, state.failures, state.throttles) == (None, 0, 0)
    assert (state.resume_at, state.pauses) == (0, 0)
