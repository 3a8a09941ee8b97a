"""From a code to stored tokens: what CMP or AWS can do amid it, and what is stored then."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from cmp_relay.credentials import Credentials
from cmp_relay.errors import LeaseHeldError, SettingsError
from cmp_relay.leases import Leases
from cmp_relay.tokens import Token, TokenSecret
from cmp_relay_cli import browser, login_command, loopback, output
from cmp_relay_cli.app import app
from cmp_relay_cli.errors import OperatorError, UsageError
from cmp_relay_cli.login import Login, authorization_url, code_of
from cmp_relay_cli.loopback import Reply
from cmp_relay_cli.stack import Choice, Stack
from tests.unit.cli.test_loopback import free_port

NOW = 1_800_000_000.0
LEASE = "refresh_token"
PARAMETERS = {
    "CmpGrantType": "refresh_token",
    "CmpTokenUrl": "https://accounts.example/o/oauth2/v1/token",
}
CALLBACK = "http://127.0.0.1:8765/callback"
CLIENT = Credentials("id", "a-client-secret")
FILLED_IN = {
    "client_id": CLIENT.client_id,
    "client_secret": CLIENT.client_secret,
    "refresh_token": "r0",
    "note": "ours",
}
GRANTED = {"access_token": "a1", "expires_in": 3599, "refresh_token": "r1"}


@dataclass
class Place:
    """A stack that stands for a person, with CMP beside it, which gives one answer."""

    stack: Stack
    now: float = NOW
    answer: Callable[[], httpx.Response] = lambda: httpx.Response(200, json=GRANTED)
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    naps: list[Callable[[], None]] = field(default_factory=list)

    def http(self) -> httpx.Client:
        """Return a client that reaches CMP alone."""
        return httpx.Client(transport=httpx.MockTransport(self._respond))

    def login(self) -> Login:
        """Return a login."""
        return Login(self.stack, self.http(), now=lambda: self.now, sleep=self._sleep)

    def leases(self) -> Leases:
        """Return the leases as the scheduled function has them."""
        return Leases(self.stack.dynamodb, self.stack.table, now=lambda: self.now)

    def token(self) -> TokenSecret:
        """Return the token's secret as the scheduled function has it."""
        return TokenSecret(self.stack.secrets, self.stack.outputs["TokenSecretArn"])

    def put(self, content: object) -> None:
        """Store the credentials."""
        self.stack.secrets.put_secret_value(
            SecretId="credentials", SecretString=json.dumps(content)
        )

    def stored(self) -> Any:  # noqa: ANN401 - JSON can be anything
        """Return the stored credentials."""
        return json.loads(
            self.stack.secrets.get_secret_value(SecretId="credentials")["SecretString"]
        )

    def refuse(self, put: int, error: BaseException | None = None) -> None:
        """Let the put of this number (1 is the next one) fail."""
        left = [put]

        def fail(**_: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise error or ClientError(
                    {"Error": {"Code": "AccessDeniedException"}}, "PutSecretValue"
                )

        events = self.stack.secrets.meta.events
        events.register("before-call.secrets-manager.PutSecretValue", fail, unique_id="refuse")

    def allow(self) -> None:
        """Let every put succeed again."""
        events = self.stack.secrets.meta.events
        events.unregister("before-call.secrets-manager.PutSecretValue", unique_id="refuse")

    def amid(self, moment: str, content: object) -> None:
        """Let somebody else store credentials `before` or `after` the next put."""

        def store(**_: object) -> None:
            events.unregister(name, unique_id="amid")
            other = self.stack.session.client("secretsmanager")
            other.put_secret_value(SecretId="credentials", SecretString=json.dumps(content))

        events = self.stack.secrets.meta.events
        name = f"{moment}-call.secrets-manager.PutSecretValue"
        events.register(name, store, unique_id="amid")

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.forms.append(parse_qs(request.content.decode(), strict_parsing=True))
        with pytest.raises(LeaseHeldError):
            self.leases().acquire(LEASE, "the scheduled function", 40)
        return self.answer()

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.naps:
            self.naps.pop(0)()


@pytest.fixture
def place(stack: Stack) -> Iterator[Place]:
    secret = stack.secrets.create_secret(Name="credentials")
    outputs = {**stack.outputs, "CredentialsSecretArn": secret["ARN"]}
    made = Place(replace(stack, outputs=outputs, parameters=PARAMETERS))
    made.put(FILLED_IN)
    yield made
    made.leases().acquire(LEASE, "the scheduled function", 40)  # whatever happened


def finish(place: Place) -> Token:
    return place.login().finish(CLIENT, "c1", CALLBACK)


def test_a_code_becomes_tokens_that_are_stored_alone(place: Place) -> None:
    place.token().write(Token("a0", "", NOW + 100, NOW - 3000, forced_at=(NOW - 50,)))

    token = finish(place)

    assert place.forms == [
        {
            "grant_type": ["authorization_code"],
            "client_id": ["id"],
            "client_secret": ["a-client-secret"],
            "code": ["c1"],
            "redirect_uri": [CALLBACK],
        }
    ]
    assert place.stored() == {**FILLED_IN, "refresh_token": "r1"}
    assert place.token().read() == token
    assert (token.value, token.expires_at, token.forced_at) == ("a1", NOW + 3599, (NOW - 50,))


def test_a_client_that_was_asked_for_is_stored_with_its_tokens(place: Place) -> None:
    place.put({"client_id": "<yours>", "note": "ours"})
    assert place.login().known() is None

    finish(place)

    assert place.stored() == {**FILLED_IN, "refresh_token": "r1"}
    assert place.login().known() == CLIENT


def test_a_refresh_that_is_under_way_is_waited_for(place: Place) -> None:
    other = place.leases().acquire(LEASE, "the scheduled function", 40)
    place.naps = [lambda: None, lambda: place.leases().release(other)]

    finish(place)

    assert place.naps == []
    assert place.stored() == {**FILLED_IN, "refresh_token": "r1"}


def test_who_holds_the_lease_for_too_long_is_not_disturbed(place: Place) -> None:
    place.leases().acquire(LEASE, "the scheduled function", 100)

    with pytest.raises(OperatorError, match="nothing was changed"):
        finish(place)

    assert (place.forms, place.stored()) == ([], FILLED_IN)
    place.now += 100


def test_whether_tokens_can_be_stored_is_tried_without_changing_them(place: Place) -> None:
    place.login().prepare()
    assert place.stored() == FILLED_IN

    place.refuse(1)
    with pytest.raises(ClientError, match="PutSecretValue"):
        place.login().prepare()


@pytest.mark.parametrize("text", [None, "not JSON"])
def test_a_secret_that_holds_nothing_is_left_alone_until_there_is_something(
    place: Place, text: str | None
) -> None:
    secrets = place.stack.secrets
    arn = secrets.create_secret(Name="empty")["ARN"]
    if text:
        secrets.put_secret_value(SecretId=arn, SecretString=text)
    outputs = {**place.stack.outputs, "CredentialsSecretArn": arn}
    place.stack = replace(place.stack, outputs=outputs)

    place.login().prepare()

    versions = secrets.list_secret_version_ids(SecretId=arn)["Versions"]
    assert len(versions) == (1 if text else 0)
    finish(place)
    assert "r1" in secrets.get_secret_value(SecretId=arn)["SecretString"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), "400 invalid_grant"),
        (httpx.Response(401, json={"error": "c1"}), "callback address"),
        (httpx.Response(429), "log in again later"),
    ],
)
def test_what_cmp_refuses_changes_nothing(place: Place, answer: httpx.Response, told: str) -> None:
    place.answer = lambda: answer

    with pytest.raises(OperatorError, match=told) as caught:
        finish(place)

    assert str(caught.value).endswith("nothing was changed")
    assert "c1" not in str(caught.value)
    assert place.stored() == FILLED_IN
    assert place.token().read() is None


def lose_the_answer() -> httpx.Response:
    raise httpx.ReadTimeout("c1")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lose_the_answer, "CMP gave no tokens"),
        (lambda: httpx.Response(500), "500"),
        (lambda: httpx.Response(200, json={"refresh_token": "r1"}), "no usable access_token"),
        (
            lambda: httpx.Response(200, json={"access_token": "a1", "expires_in": 1}),
            "no refresh token",
        ),
    ],
)
def test_who_gets_no_tokens_for_a_code_hears_that_those_from_before_may_be_over(
    place: Place, answer: Callable[[], httpx.Response], told: str
) -> None:
    place.answer = answer

    with pytest.raises(OperatorError, match=rf"{told}.*may have ended: log in again$") as caught:
        finish(place)

    for hidden in ("c1", "r1", "nothing was changed"):
        assert hidden not in str(caught.value)
    assert (place.stored(), place.token().read()) == (FILLED_IN, None)


def test_a_refresh_token_that_cannot_be_stored_is_told(place: Place) -> None:
    place.refuse(1)

    with pytest.raises(OperatorError, match=r"refresh token could not be stored.*log in again"):
        finish(place)

    assert (place.stored(), place.token().read()) == (FILLED_IN, None)


@pytest.mark.parametrize("others", [{**FILLED_IN, "refresh_token": "r0-next"}, {"note": "emptied"}])
def test_a_refresh_token_that_another_one_took_the_place_of_is_told(
    place: Place, others: dict[str, str]
) -> None:
    place.amid("after", others)

    with pytest.raises(OperatorError, match=r"another refresh token.*: log in again$"):
        finish(place)

    assert place.stored() == others


def test_trying_the_store_does_not_put_a_refresh_token_back(place: Place) -> None:
    others = {**FILLED_IN, "refresh_token": "r0-next"}
    place.amid("before", others)

    place.login().prepare()

    assert place.stored() == others


def test_an_access_token_that_cannot_be_stored_does_no_harm(place: Place) -> None:
    place.refuse(2)

    with pytest.raises(OperatorError, match=r"you are logged in, but .*PutSecretValue"):
        finish(place)

    assert place.stored() == {**FILLED_IN, "refresh_token": "r1"}


@pytest.mark.parametrize("put", [1, 2])
def test_repeating_a_login_that_was_killed_mends_it(place: Place, put: int) -> None:
    place.refuse(put, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        finish(place)
    assert place.stored()["refresh_token"] == {1: "r0", 2: "r1"}[put]
    place.allow()

    token = finish(place)

    assert place.stored() == {**FILLED_IN, "refresh_token": "r1"}
    assert place.token().read() == token


def test_a_stack_that_stands_for_itself_takes_no_login(place: Place) -> None:
    own = {**PARAMETERS, "CmpGrantType": "client_credentials"}
    place.stack = replace(place.stack, parameters=own)

    with pytest.raises(OperatorError, match="CmpGrantType=refresh_token"):
        place.login()


def test_a_token_address_that_would_show_the_secret_is_refused(place: Place) -> None:
    place.stack = replace(
        place.stack, parameters={**PARAMETERS, "CmpTokenUrl": "http://accounts.example/token"}
    )

    with pytest.raises(SettingsError):
        place.login()


@pytest.mark.parametrize(
    ("given", "place_of_login"),
    [
        (None, "https://accounts.example/o/oauth2/v1/auth"),
        ("https://login.example/start?tenant=7", "https://login.example/start"),
    ],
)
def test_the_address_names_all_that_cmp_wants_to_know(
    place: Place, given: str | None, place_of_login: str
) -> None:
    url = httpx.URL(authorization_url(place.stack, given, "i d&", CALLBACK, "s"))

    assert str(url.copy_with(query=None)) == place_of_login
    assert dict(url.params) == {
        **({"tenant": "7"} if given else {}),
        "client_id": "i d&",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile offline_access",
        "state": "s",
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("http://login.example", "not https"),
        ("https://user@login.example", "not https"),
        ("https://login.example\t", "not a URL"),
        (None, "where does CMP log people in"),
    ],
)
def test_an_address_that_cannot_be_trusted_is_refused(
    place: Place, given: str | None, told: str
) -> None:
    stack = replace(place.stack, parameters={"CmpTokenUrl": "https://accounts.example/oauth"})

    with pytest.raises(UsageError, match=told):
        authorization_url(stack, given, "id", CALLBACK)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (None, "within 30 seconds"),
        (Reply(error="access_denied"), "access_denied"),
        (Reply(), "do not know"),
    ],
)
def test_without_a_code_nothing_was_changed(reply: Reply | None, told: str) -> None:
    with pytest.raises(OperatorError, match=f"{told}.*nothing was changed"):
        code_of(reply, 30)


@dataclass
class Terminal:
    """Somebody at a terminal, with a browser that goes where it is sent."""

    place: Place
    port: int = field(default_factory=free_port)
    opened: list[httpx.URL] = field(default_factory=list)
    query: dict[str, str] = field(default_factory=lambda: {"code": "c1"})

    def visit(self, url: str) -> None:
        """Open a page, and come back from it at once."""
        self.opened.append(httpx.URL(url))
        asked = self.opened[-1].params
        back = self.query | {"state": asked["state"]}
        assert httpx.get(asked["redirect_uri"], params=back, trust_env=False).status_code == 200

    def run(self, *words: str, keys: str = "") -> Result:
        """Run the command."""
        arguments = ["login", "--port", str(self.port), *words]
        return CliRunner().invoke(app, arguments, input=keys)


@pytest.fixture
def terminal(place: Place, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    made, keyboard = Terminal(place), SimpleNamespace(isatty=lambda: True)
    screen = SimpleNamespace(stdin=keyboard, stdout=None)
    place.now = time.time()
    monkeypatch.setattr(Choice, "find", lambda _: place.stack)
    monkeypatch.setattr(login_command, "build_client", place.http)
    monkeypatch.setattr(login_command, "sys", screen)
    monkeypatch.setattr(output, "sys", screen)
    monkeypatch.setattr(browser, "visit", made.visit)
    return made


@pytest.mark.enable_socket
def test_the_browser_is_opened_and_what_is_missing_is_asked_for(terminal: Terminal) -> None:
    terminal.place.put({"note": "ours"})

    ended = terminal.run(keys="y\nid\na-client-secret\n")

    assert ended.exit_code == 0, ended.output
    assert terminal.place.stored() == {**FILLED_IN, "refresh_token": "r1"}
    (url,) = terminal.opened
    assert url.params["redirect_uri"] == loopback.address(terminal.port)
    assert len(url.params["state"]) > 40
    assert str(url) in ended.stderr
    for hidden in ("a-client-secret", "c1", "r1", "a1"):
        assert hidden not in ended.output.replace(str(url), "")


@pytest.mark.enable_socket
def test_each_login_has_a_state_of_its_own(terminal: Terminal) -> None:
    for _ in range(2):
        assert terminal.run("--yes").exit_code == 0

    first, second = (url.params["state"] for url in terminal.opened)
    assert first != second


@pytest.mark.parametrize("stdin", [None, SimpleNamespace(isatty=lambda: False)])
def test_nobody_is_asked_for_the_client_who_is_not_at_a_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, stdin: object
) -> None:
    terminal.place.put({"note": "ours"})
    monkeypatch.setattr(login_command, "sys", SimpleNamespace(stdin=stdin))

    ended = terminal.run("--yes")

    assert isinstance(ended.exception, OperatorError), ended.output
    assert "at a terminal" in str(ended.exception)
    assert terminal.opened == []


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ((), "n\n"),
        (("--dry-run",), ""),
        (("--yes", "--auth-url", "x"), ""),
        (("--yes", "--timeout", "99999999999"), ""),
        (("--yes", "--no-browser", "--timeout", "1"), ""),
    ],
)
@pytest.mark.enable_socket
def test_who_does_not_mean_it_changes_nothing(
    terminal: Terminal, words: tuple[str, ...], keys: str
) -> None:
    terminal.run(*words, keys=keys)

    assert (terminal.opened, terminal.place.forms) == ([], [])
    assert terminal.place.stored() == FILLED_IN
