"""The adapter of Jira, against a Jira that behaves as its documentation says."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, cast

import boto3
import httpx
import pytest
from moto import mock_aws

from cmp_relay import marks
from cmp_relay.errors import (
    ApiError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    RequestRefusedError,
    SettingsError,
    TicketsBusyError,
    UnavailableError,
)
from cmp_relay.exchanges import build_client
from cmp_relay.jira import Jira
from cmp_relay.jira_credentials import JiraCredentials
from cmp_relay.tickets import Draft
from tests.support.stub_server import stub_server
from tools.stand_in_jira.app import SITE
from tools.stand_in_jira.client import StandInJira
from tools.stand_in_jira.process import API_TOKEN, EMAIL, running

pytestmark = pytest.mark.enable_socket

MARK = "0123456789abcdef"
OTHER = "other"
GOOD = {"email": EMAIL, "api_token": API_TOKEN}
DRAFT = Draft("cmp-relay-1", "A title\nof two lines", "Please look.\n\nIn CMP: https://cmp/1")


class Secret:
    """The secret of the credentials, and the client that shows them."""

    def __init__(self) -> None:
        """Create it without a value."""
        self.http = build_client()
        self.client = boto3.client("secretsmanager")
        self.client.create_secret(Name="jira")

    def fill(self, **content: str) -> None:
        """Let a person put in a value."""
        self.client.put_secret_value(SecretId="jira", SecretString=json.dumps(content))


@pytest.fixture(scope="module")
def server() -> Iterator[StandInJira]:
    with running() as started:
        yield started


@pytest.fixture
def stand_in(server: StandInJira) -> StandInJira:
    server.reset()
    server.index_after(0)
    return server


@pytest.fixture
def secret() -> Iterator[Secret]:
    with mock_aws():
        secret = Secret()
        with secret.http:
            yield secret


def adapter(secret: Secret, base: str, **changes: Any) -> Jira:  # noqa: ANN401
    options: dict[str, Any] = {"project": "CMP", "issue_type": "Task", **changes}
    return Jira(secret.http, JiraCredentials(secret.client, "jira"), base, **options)


@pytest.fixture
def at_jira(stand_in: StandInJira, secret: Secret) -> Jira:
    secret.fill(**GOOD)
    return adapter(secret, stand_in.base_url)


def test_an_issue_is_opened_and_read(at_jira: Jira, stand_in: StandInJira) -> None:
    ticket = at_jira.read(at_jira.open(DRAFT))

    assert (ticket.key, ticket.title, ticket.status) == ("CMP-1", "A title of two lines", "To Do")
    assert (ticket.done, ticket.resolution) == (False, None)
    assert ticket.url == f"{SITE}/browse/CMP-1"
    assert ticket.labels == {"cmp-relay", "cmp-relay-1"}
    (issue,) = stand_in.issues()
    assert issue["description"] == DRAFT.text


def test_an_issue_is_followed_to_its_end(at_jira: Jira, stand_in: StandInJira) -> None:
    ticket_id = at_jira.open(DRAFT)
    stand_in.move(ticket_id, "Rejected")

    ticket = at_jira.read(ticket_id)

    assert (ticket.status, ticket.done, ticket.resolution) == ("Rejected", True, "Won't Do")


def test_a_search_finds_what_the_index_knows(at_jira: Jira, stand_in: StandInJira) -> None:
    ticket_id = at_jira.open(DRAFT)

    assert at_jira.find("cmp-relay-1") == ticket_id
    assert at_jira.find("cmp-relay-2") is None
    stand_in.index_after(60)
    assert at_jira.find("cmp-relay-1") is None


def test_comments_come_page_by_page_the_newest_first(at_jira: Jira, stand_in: StandInJira) -> None:
    ticket_id = at_jira.open(DRAFT)
    ours = at_jira.comment(ticket_id, "Ours", MARK)
    for number in range(110):
        stand_in.comment(ticket_id, f"Comment {number}")

    comments = list(at_jira.comments(ticket_id))

    assert [comment.text for comment in comments[:2]] == ["Comment 109", "Comment 108"]
    assert len({comment.id for comment in comments}) == 111
    assert (comments[-1].id, comments[-1].text) == (ours, marks.add("Ours", MARK))


def test_a_comment_tells_who_may_see_it(at_jira: Jira, stand_in: StandInJira) -> None:
    ticket_id = at_jira.open(DRAFT)
    shown = stand_in.comment(ticket_id, "For all", author="Grace")
    hidden = stand_in.comment(ticket_id, "For few", visibility="Administrators")

    read = at_jira.one_comment(ticket_id, shown["id"])
    assert (read.text, read.author, read.restricted) == ("For all", "Grace", False)
    assert read.created_at is not None
    assert at_jira.one_comment(ticket_id, hidden["id"]).restricted
    with pytest.raises(NotFoundError):
        at_jira.one_comment(ticket_id, "1")


def test_a_bearer_token_is_shown_as_one(stand_in: StandInJira, secret: Secret) -> None:
    secret.fill(token=API_TOKEN)

    assert adapter(secret, f"{stand_in.base_url}/").find("cmp-relay-1") is None


@pytest.mark.parametrize(
    "content",
    [None, {}, {"email": EMAIL}, {"email": EMAIL, "api_token": "<token>"}, {"token": "two words"}],
)
def test_without_credentials_jobs_wait_for_a_person(
    stand_in: StandInJira, secret: Secret, content: dict[str, str] | None
) -> None:
    if content is not None:
        secret.fill(**content)

    with pytest.raises(CredentialsError):
        adapter(secret, stand_in.base_url).find("cmp-relay-1")
    assert stand_in.requests() == []


def test_refused_credentials_are_read_anew(stand_in: StandInJira, secret: Secret) -> None:
    secret.fill(email=EMAIL, api_token=OTHER)
    waiting = adapter(secret, stand_in.base_url)
    with pytest.raises(CredentialsError) as caught:
        waiting.find("cmp-relay-1")
    assert caught.value.delay == 660
    assert len(stand_in.requests()) == 1

    secret.fill(**GOOD)

    assert waiting.find("cmp-relay-1") is None


def test_credentials_that_are_replaced_by_bad_ones_are_refused(
    stand_in: StandInJira, at_jira: Jira, secret: Secret
) -> None:
    at_jira.find("cmp-relay-1")
    secret.fill(email=EMAIL, api_token=OTHER)
    stand_in.fault("unauthorized", count=2)

    with pytest.raises(CredentialsError, match="refuses"):
        at_jira.find("cmp-relay-1")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 403}, ForbiddenError),
        ({"status": 404}, NotFoundError),
        ({"status": 410}, NotFoundError),
        ({"status": 422}, RequestRefusedError),
        ({"status": 408}, UnavailableError),
        ({"status": 500}, UnavailableError),
        ({"status": 503}, UnavailableError),
    ],
)
def test_each_status_is_its_error(
    at_jira: Jira, stand_in: StandInJira, fault: dict[str, int], error: type[ApiError]
) -> None:
    stand_in.fault("status", **fault)

    with pytest.raises(error) as caught:
        at_jira.find("cmp-relay-1")
    assert caught.value.status == fault["status"]
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("status", "retry_after", "delay"),
    [(429, "17", 17), (429, None, 60), (503, "0", 1), (429, "999999", 21_600)],
)
def test_jira_says_when_to_come_back(
    at_jira: Jira, stand_in: StandInJira, status: int, retry_after: str | None, delay: int
) -> None:
    stand_in.fault("status", status=status, retry_after=retry_after)

    with pytest.raises(TicketsBusyError) as caught:
        at_jira.find("cmp-relay-1")
    assert caught.value.delay == delay


@pytest.mark.parametrize("kind", ["malformed", "disconnect"])
def test_half_an_answer_leaves_open_what_was_done(
    at_jira: Jira, stand_in: StandInJira, kind: str
) -> None:
    stand_in.fault(kind)

    with pytest.raises(UnavailableError):
        at_jira.open(DRAFT)


def test_a_refusal_names_fields_and_no_values(stand_in: StandInJira, secret: Secret) -> None:
    secret.fill(**GOOD)
    elsewhere = adapter(secret, stand_in.base_url, project="NONE", issue_type="Nothing")

    with pytest.raises(RequestRefusedError, match=r"400 \(issuetype, project\)$"):
        elsewhere.open(DRAFT)


def test_credentials_go_nowhere_but_to_jira(at_jira: Jira, stand_in: StandInJira) -> None:
    with stub_server() as elsewhere:
        stand_in.fault("redirect", location=f"{elsewhere.url}/rest/api/3/search/jql")

        with pytest.raises(UnavailableError, match="redirects"):
            at_jira.find("cmp-relay-1")

        assert elsewhere.asked == []


def test_no_error_tells_a_secret_or_a_query(at_jira: Jira, stand_in: StandInJira) -> None:
    stand_in.fault("status", status=500)

    with pytest.raises(UnavailableError) as caught:
        at_jira.read("10000")

    told = str(caught.value)
    assert told == f"GET {stand_in.base_url}/rest/api/3/issue/10000: 500"
    assert b64encode(API_TOKEN.encode()).decode() not in told


def test_an_id_is_never_a_path(at_jira: Jira, stand_in: StandInJira) -> None:
    with pytest.raises(NotFoundError):
        at_jira.read("../myself")

    assert stand_in.requests()[0]["path"].startswith("/rest/api/3/issue/")


@pytest.mark.parametrize(
    "base",
    [
        "",
        "jira",
        "http://jira.example.com",
        "https://user:password@jira.example.com",
        "https://jira.example.com/?a=b",
        "https://jira.example.com/#a",
        "https://[",
    ],
)
def test_an_address_that_is_not_private_is_no_setting(secret: Secret, base: str) -> None:
    with pytest.raises(SettingsError):
        adapter(secret, base)


@pytest.mark.parametrize("answer", [b"[]", b"{}", b'{"fields": {}}', b'{"total": "3"}'])
def test_an_answer_in_another_shape_is_no_answer(secret: Secret, answer: bytes) -> None:
    secret.fill(**GOOD)

    def handle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=answer)

    client = httpx.Client(transport=httpx.MockTransport(handle))
    odd = Jira(
        client,
        JiraCredentials(secret.client, "jira"),
        "https://jira.example.com",
        project="CMP",
        issue_type="Task",
    )
    for ask in (
        lambda: odd.open(DRAFT),
        lambda: odd.find("cmp-relay-1"),
        lambda: odd.read("1"),
        lambda: odd.comment("1", "words", MARK),
        lambda: list(odd.comments("1")),
        lambda: odd.one_comment("1", "2"),
    ):
        with pytest.raises(UnavailableError):
            cast("Any", ask)()


@pytest.mark.parametrize(
    ("server_info", "url"),
    [
        (
            (200, {"baseUrl": "https://acme.atlassian.net/"}),
            "https://acme.atlassian.net/browse/A-1",
        ),
        ((403, {}), "https://jira.example.com/ex/browse/A-1"),
        ((200, {"baseUrl": "http://inside"}), None),
    ],
)
def test_people_look_where_jira_says(
    secret: Secret, server_info: tuple[int, Any], url: str | None
) -> None:
    secret.fill(**GOOD)
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path.endswith("serverInfo"):
            return httpx.Response(server_info[0], json=server_info[1])
        fields = {"summary": "S", "status": {"name": "Open", "statusCategory": {"key": "new"}}}
        return httpx.Response(200, json={"id": "1", "key": "A-1", "fields": fields})

    client = httpx.Client(transport=httpx.MockTransport(handle))
    credentials = JiraCredentials(secret.client, "jira")
    base = "https://jira.example.com/ex"
    at = Jira(client, credentials, base, project="A", issue_type="Task")

    assert [at.read("1").url, at.read("1").url] == [url, url]
    assert len([path for path in asked if path.endswith("serverInfo")]) == 1
