"""A person logs in to a running stack: httpx plays the browser, the stand-in plays CMP."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.operator import Operator, visitor
from tests.e2e.relay import Relay, started

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

PATIENCE_SECONDS = 60
PARAMETERS = {"CmpGrantType": "refresh_token", "MirrorFiles": "false"}
RIGHTS = (  # as docs/operations.md has them
    *("cloudformation:DescribeStacks", "dynamodb:UpdateItem", "dynamodb:DeleteItem"),
    *("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"),
)
URL = "Log in to CMP at "


@pytest.fixture(scope="module")
def person_relay(request: pytest.FixtureRequest) -> Iterator[Relay]:
    """A stack of its own: it stands for a person, who has not logged in yet."""
    with started("login", PARAMETERS, request.session) as relay:
        yield relay


@dataclass
class Attempt:
    """A `cmp-relay login` that is under way."""

    process: subprocess.Popen[str]
    url: str
    callback: str

    def browse(self) -> httpx.Response:
        """Go where the command says, and back where CMP says."""
        return httpx.get(self.url, follow_redirects=True, trust_env=False)

    def end(self, code: int = 0) -> tuple[str, str]:
        """Wait until it has ended, and return what it printed and its last words."""
        stdout, stderr = self.process.communicate(timeout=PATIENCE_SECONDS)
        assert self.process.returncode == code, stderr
        return stdout, stderr


@dataclass
class Person:
    """Somebody who logs in, and looks at what is stored."""

    operator: Operator
    port: int

    @property
    def relay(self) -> Relay:
        """Return the relay."""
        return self.operator.relay

    @contextmanager
    def login(self, *words: str) -> Iterator[Attempt]:
        """Start a login and read where it leads."""
        command = ["login", "--no-browser", "--port", str(self.port), "--yes", *words]
        process = subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, "-W", "error", "-m", "cmp_relay_cli", *command],
            cwd=self.operator.folder,
            env=self.operator.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr
            first, second = (process.stderr.readline() for _ in range(2))
            assert second.startswith(URL), first + second
            yield Attempt(process, second.removeprefix(URL).strip(), first.split()[-1])
        finally:
            process.kill()
            process.communicate()

    def stored(self, output: str) -> Any:  # noqa: ANN401 - JSON can be anything
        """Return a secret's JSON document, None if it has no value."""
        secrets = self.relay.stack.boto("secretsmanager")
        try:
            answer = secrets.get_secret_value(SecretId=self.relay.stack.outputs[output])
        except secrets.exceptions.ResourceNotFoundException:
            return None
        return json.loads(answer["SecretString"])

    def put(self, output: str, document: object) -> None:
        """Store a JSON document as a secret's value."""
        self.relay.stack.boto("secretsmanager").put_secret_value(
            SecretId=self.relay.stack.outputs[output], SecretString=json.dumps(document)
        )

    def secrets(self) -> tuple[Any, Any]:
        """Return all that a login may change."""
        return self.stored("CredentialsSecretArn"), self.stored("TokenSecretArn")


@pytest.fixture
def person(person_relay: Relay, tmp_path: Path) -> Person:
    relay = person_relay
    relay.cmp.reset()
    relay.register_webhook()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    relay.cmp.set_oauth(callback_url=f"http://127.0.0.1:{port}/callback")
    return Person(Operator(relay, tmp_path), port)


def test_who_has_logged_in_once_is_refreshed_by_the_schedule(person: Person) -> None:
    relay = person.relay
    client = {**person.stored("CredentialsSecretArn"), "note": "ours"}
    person.put("CredentialsSecretArn", client)

    with person.login("--json") as attempt:
        page = attempt.browse()
        stdout, stderr = attempt.end()

    assert (page.status_code, "close this page" in page.text) == (200, True)
    credentials, token = person.secrets()
    assert credentials == {**client, "refresh_token": credentials["refresh_token"]}
    assert json.loads(stdout)["callback_url"] == attempt.callback
    code = page.request.url.params["code"]
    for hidden in (code, token["access_token"], credentials["refresh_token"]):
        assert hidden not in stdout + stderr + page.text
    assert 3500 < token["expires_at"] - time.time() < 3600

    sent = relay.cmp.publish([relay.cmp.add_asset("image")["id"]])
    assert relay.outcomes(sent) == ["applied"]
    assert len(relay.cmp.requests("/o/oauth2/v1/token")) == 1

    person.put("TokenSecretArn", {**token, "obtained_at": 0.0, "expires_at": time.time() + 900})
    relay.stack.functions.invoke("refresh_token", {"source": "schedule"})
    rotated, renewed = person.secrets()
    assert renewed["access_token"] != token["access_token"]
    assert rotated["refresh_token"] != credentials["refresh_token"]
    assert rotated["note"] == "ours"


BROWSER = f"""#!{sys.executable}
import pathlib, sys, time, urllib.request
print("Opening in existing browser session.", flush=True)
urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(sys.argv[1]).read()
closed = pathlib.Path(__file__).with_name("closed")
while not closed.exists():
    time.sleep(0.1)
"""


def test_a_browser_that_prints_and_stays_open_disturbs_no_login(
    person: Person, tmp_path: Path
) -> None:
    file = tmp_path / "browser"
    file.write_text(BROWSER)
    file.chmod(0o700)
    person.operator.environment["BROWSER"] = str(file)
    try:
        told = person.operator.json("login", "--yes", "--port", str(person.port))
    finally:
        (tmp_path / "closed").touch()

    assert told["token_expires_at"]
    assert len(person.relay.cmp.requests("/o/oauth2/v1/token")) == 1


def test_a_login_takes_the_place_of_the_one_before(person: Person) -> None:
    for _ in range(2):
        with person.login() as attempt:
            attempt.browse()
            attempt.end()
    (credentials, token) = person.secrets()
    person.put("TokenSecretArn", {**token, "obtained_at": 0.0, "expires_at": time.time() + 900})

    answer = person.relay.stack.functions.invoke("refresh_token", {"source": "schedule"})

    assert not answer.failed
    assert person.stored("CredentialsSecretArn")["refresh_token"] != credentials["refresh_token"]


def test_what_another_page_sends_does_not_count(person: Person) -> None:
    with person.login() as attempt:
        forged = httpx.get(attempt.callback, params={"code": "forged", "state": "guessed"})
        elsewhere = httpx.get(attempt.callback.replace("/callback", "/<b>"))
        denial = httpx.get(attempt.callback, params={"error": "access_denied"})
        waiting = attempt.process.poll()
        attempt.browse()
        attempt.end()

    assert [each.status_code for each in (forged, elsewhere, denial)] == [400, 404, 400]
    assert waiting is None
    assert {forged.text} == {elsewhere.text, denial.text}
    codes = person.relay.cmp.requests("/o/oauth2/v1/token")
    assert len(codes) == 1


def deny(person: Person) -> None:
    person.relay.cmp.set_oauth(deny=True)


def give_no_refresh_token(person: Person) -> None:
    person.relay.cmp.set_oauth(offline=False)


def mistake_the_secret(person: Person) -> None:
    person.relay.cmp.set_oauth(client_secret="another one")  # noqa: S106 - made up


UNCHANGED = "nothing was changed"
IN_DOUBT = "which this login may have ended: log in again"


@pytest.mark.parametrize(
    ("circumstance", "told", "end"),
    [
        (deny, "CMP does not let the app in: access_denied", UNCHANGED),
        (give_no_refresh_token, "no refresh token", IN_DOUBT),
        (mistake_the_secret, "401 invalid_client", UNCHANGED),
    ],
)
def test_what_cmp_refuses_leaves_the_stack_as_it_was(
    person: Person, circumstance: Callable[[Person], None], told: str, end: str
) -> None:
    before = person.secrets()
    circumstance(person)

    with person.login() as attempt:
        attempt.browse()
        stdout, stderr = attempt.end(1)

    assert stdout == ""
    (sentence,) = stderr.strip().splitlines()
    assert told in sentence
    assert sentence.endswith(end)
    assert person.secrets() == before


def test_nobody_logs_in_in_time(person: Person) -> None:
    before = person.secrets()

    with person.login("--timeout", "1") as attempt:
        stdout, stderr = attempt.end(1)

    assert (stdout, "nobody has logged in within 1 seconds" in stderr) == ("", True)
    assert person.secrets() == before


def test_a_port_that_is_taken(person: Person) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", person.port))
        other.listen()
        told = person.operator.complaint("login", "--yes", "--port", str(person.port))

    assert f"port {person.port} cannot be used" in told
    assert "--port" in told


def test_who_may_not_store_the_tokens_is_not_sent_to_cmp(person: Person) -> None:
    before = person.secrets()
    actions = [action for action in RIGHTS if not action.endswith("PutSecretValue")]

    with visitor(person.operator, *actions) as reader:
        told = reader.complaint("login", "--no-browser", "--yes", "--port", str(person.port))

    assert "may not do PutSecretValue" in told
    assert person.secrets() == before
    assert person.relay.cmp.requests("/o/oauth2") == []


def test_what_the_documentation_names_is_all_that_a_login_may_do(person: Person) -> None:
    with visitor(person.operator, *RIGHTS) as own, Person(own, person.port).login() as attempt:
        attempt.browse()
        attempt.end()


def test_credentials_that_end_amid_a_login_leave_the_one_before_as_it_was(person: Person) -> None:
    before = person.secrets()

    with ExitStack() as shift:
        own = shift.enter_context(visitor(person.operator, *RIGHTS))
        with Person(own, person.port).login() as attempt:
            shift.close()
            attempt.browse()
            stdout, stderr = attempt.end(1)

    assert (stdout, "does not know these credentials" in stderr) == ("", True)
    assert person.secrets() == before
    assert person.relay.cmp.requests("/o/oauth2/v1/token") == []


def test_a_dry_run_tells_where_it_would_lead(person: Person) -> None:
    before = person.secrets()

    told = person.operator.json("login", "--dry-run")
    asked = person.operator.complaint("login", code=2)

    url = httpx.URL(told["authorization_url"])
    assert str(url).startswith(f"{person.relay.stack.cmp_url}/o/oauth2/v1/auth?")
    assert dict(url.params) == {
        "client_id": person.stored("CredentialsSecretArn")["client_id"],
        "redirect_uri": "http://127.0.0.1:8765/callback",
        "response_type": "code",
        "scope": "openid profile offline_access",
    }
    assert "--yes" in asked
    assert person.secrets() == before


def test_a_client_that_is_not_filled_in_is_asked_for_at_a_terminal_alone(person: Person) -> None:
    good = person.stored("CredentialsSecretArn")
    person.put("CredentialsSecretArn", {**good, "client_secret": "<yours>"})
    try:
        told = person.operator.complaint("login", "--yes", "--port", str(person.port))
    finally:
        person.put("CredentialsSecretArn", good)

    assert "at a terminal" in told


def test_a_stack_that_stands_for_itself_takes_no_login(operator: Operator) -> None:
    told = operator.complaint("login", "--yes")

    assert "asks CMP with client_credentials and takes no login" in told
    assert "CmpGrantType=refresh_token" in told
