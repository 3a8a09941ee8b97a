"""The tutorial of seed 001, from its first request to its last, on the stand-in."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from cmp_relay import content_api
from cmp_relay.breaker import Breaker
from cmp_relay.budget import Budget
from cmp_relay.content_api import ContentApi
from cmp_relay.credentials import Credentials
from cmp_relay.errors import (
    CircleError,
    CmpRelayError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    QuotaError,
    RateLimitedError,
    RequestRefusedError,
    SettingsError,
    UnauthorizedError,
    UnavailableError,
)
from cmp_relay.exchanges import build_client
from cmp_relay.open_api import OpenApi
from cmp_relay.patience import Patience
from cmp_relay.permits import Permits
from cmp_relay.slots import Limits
from tools.simulation.memory_store import MemoryStore
from tools.stand_in.channels import WEBSITE
from tools.stand_in.client import StandIn
from tools.stand_in.process import running

pytestmark = pytest.mark.enable_socket

CREDENTIALS = Credentials("client", "secret")
AT = datetime(2026, 4, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with running("client", "secret") as started:
        yield started


@pytest.fixture
def stand_in(server: StandIn) -> StandIn:
    server.reset()
    return server


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with build_client() as made:
        yield made


@pytest.fixture
def api(stand_in: StandIn, client: httpx.Client) -> ContentApi:
    base = f"{stand_in.base_url}/"
    return impatient(content_api.connect(CREDENTIALS, base=base, client=client))


def impatient(api: ContentApi) -> ContentApi:
    return ContentApi(replace(api.endpoint, patience=Patience(seconds=0)))


def test_content_is_listed_by_what_it_is(stand_in: StandIn, api: ContentApi) -> None:
    wanted = {"status": "approved", "content_type": "blog-post", "campaign_id": "c1"}
    fitting = [stand_in.programs.add_content(**wanted)["id"] for _ in range(3)]
    for name in wanted:
        stand_in.programs.add_content(**{**wanted, name: "other"})

    page = api.page(1, 2, **wanted)
    last = api.page(2, 2, **wanted)

    assert [item["id"] for item in page["items"]] == fitting[:2]
    assert [item["id"] for item in last["items"]] == fitting[2:]
    assert [one["pagination"]["has_next"] for one in (page, last)] == [True, False]
    assert [item["id"] for item in api.list(**wanted)] == fitting


def test_the_default_page_is_the_tutorials(stand_in: StandIn, api: ContentApi) -> None:
    for _ in range(26):
        stand_in.programs.add_content()

    assert len(api.page()["items"]) == 25


def test_all_pages_are_read_as_long_as_there_are_more(stand_in: StandIn, api: ContentApi) -> None:
    ids = [stand_in.programs.add_content()["id"] for _ in range(2 * content_api.PER_PAGE + 1)]
    stand_in.clear_requests()

    assert [item["id"] for item in api.list()] == ids
    assert len(stand_in.requests("/v1/cmp/content")) == 3


def test_content_is_shown_with_its_workflow(stand_in: StandIn, api: ContentApi) -> None:
    stand_in.programs.add_content(id="a..b", status="in_review", campaign_id="c1", body="Hello")

    item = api.get("a..b")

    assert (item["body"], item["campaigns"]) == ("Hello", ["c1"])
    assert item["workflow"] == {"state": "in_review"}


def test_an_asset_is_uploaded(stand_in: StandIn, api: ContentApi, tmp_path: Path) -> None:
    path = tmp_path / "hero.png"
    path.write_bytes(b"picture" * 50_000)

    made = api.upload(path, "Hero", description="A hero", tags=["spring", "é"], folder_id="f1")
    plain = api.upload(path)

    assert stand_in.programs.content_assets() == [made, plain]
    assert made["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert {name: made[name] for name in ("title", "description", "tags", "folder_id")} == {
        "title": "Hero",
        "description": "A hero",
        "tags": ["spring", "é"],
        "folder_id": "f1",
    }
    assert (plain["title"], plain["description"], plain["tags"]) == ("hero.png", "", [])


def test_approved_content_is_published_now_or_later(stand_in: StandIn, api: ContentApi) -> None:
    item = stand_in.programs.add_content()["id"]

    now = api.publish(item, WEBSITE)
    later = api.publish(item, WEBSITE, schedule_at=AT, target_location="/blog")

    assert stand_in.programs.content_publications() == [now, later]
    assert (now["schedule_at"], now["target_location"]) == (None, None)
    assert (later["schedule_at"], later["target_location"]) == ("2026-04-01T09:00:00Z", "/blog")


def test_content_that_is_not_approved_is_not_published(stand_in: StandIn, api: ContentApi) -> None:
    item = stand_in.programs.add_content(status="in_review")["id"]

    with pytest.raises(
        RequestRefusedError, match=r"workflow state in_review.*what to change"
    ) as it:
        api.publish(item, WEBSITE)

    assert it.value.status == 422
    assert stand_in.programs.content_publications() == []


def test_a_moment_without_a_zone_is_not_sent(stand_in: StandIn, api: ContentApi) -> None:
    item = stand_in.programs.add_content()["id"]

    with pytest.raises(ValueError, match="zone"):
        api.publish(item, WEBSITE, schedule_at=AT.replace(tzinfo=None))

    assert stand_in.programs.content_publications() == []


def test_what_is_not_there_is_not_found(stand_in: StandIn, api: ContentApi) -> None:
    item = stand_in.programs.add_content()["id"]

    with pytest.raises(NotFoundError, match="check the id"):
        api.get("gone")
    with pytest.raises(NotFoundError, match="check the id"):
        api.publish(item, "gone")


def test_a_wrong_query_is_refused(stand_in: StandIn, api: ContentApi) -> None:
    with pytest.raises(RequestRefusedError, match="check the body and the query") as caught:
        api.page(0)

    assert caught.value.status == 400


def test_a_limit_is_waited_for(stand_in: StandIn, api: ContentApi) -> None:
    item = stand_in.programs.add_content()["id"]
    stand_in.set_limits(per_minute=1)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        stand_in.set_limits()

    with_patience = ContentApi(replace(api.endpoint, patience=Patience(sleep=sleep)))
    api.get(item)
    with pytest.raises(RateLimitedError, match=r"wait and ask again .* not before") as caught:
        api.publish(item, WEBSITE)
    with_patience.publish(item, WEBSITE)

    assert caught.value.retry_after is not None
    assert len(slept) == 1
    assert 50 < slept[0] <= 60
    assert len(stand_in.programs.content_publications()) == 1


def test_an_expired_token_is_renewed(stand_in: StandIn, api: ContentApi) -> None:
    item = stand_in.programs.add_content()["id"]
    api.get(item)
    stand_in.expire_tokens()

    assert api.get(item)["id"] == item
    assert len(stand_in.requests("/oauth/token")) >= 1


def test_an_upload_is_whole_after_a_new_token_too(
    stand_in: StandIn, api: ContentApi, tmp_path: Path
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"film" * 100_000)
    api.upload(path)
    stand_in.expire_tokens()

    made = api.upload(path)

    assert made["sha256"] == sha256(path.read_bytes()).hexdigest()
    statuses = [one["status"] for one in stand_in.requests("/v1/cmp/assets")]
    assert statuses == [201, 401, 201]


def test_requests_can_count_in_the_budget_of_a_stack(
    stand_in: StandIn, client: httpx.Client
) -> None:
    store, limits = MemoryStore(), Limits(per_second=10, per_minute=100, per_month=2, bulk_share=1)
    permits = Permits(Budget(store, limits), Breaker(store, limits), "bulk")
    patience = Patience(permits)
    api = content_api.connect(CREDENTIALS, base=stand_in.base_url, client=client, patience=patience)
    item = stand_in.programs.add_content()["id"]

    assert [api.get(item)["id"] for _ in range(limits.per_month)] == [item] * 2
    with pytest.raises(QuotaError):
        api.get(item)


def test_a_token_that_is_refused_each_time_is_an_error(stand_in: StandIn, api: ContentApi) -> None:
    stand_in.add_fault("unauthorized", path="/v1/cmp", count=9)

    with pytest.raises(UnauthorizedError, match="check the app"):
        api.get("content-123")


def test_wrong_credentials_are_an_error(stand_in: StandIn, client: httpx.Client) -> None:
    wrong = Credentials("client", "wrong")
    api = content_api.connect(wrong, base=stand_in.base_url, client=client)

    with pytest.raises(CredentialsError, match="401 invalid_client; check the client id"):
        api.get("content-123")


def test_a_token_without_the_scope_is_forbidden(
    stand_in: StandIn, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_api, "SCOPE", "cmp:read")
    api = content_api.connect(CREDENTIALS, base=stand_in.base_url, client=client)
    item = stand_in.programs.add_content()["id"]

    assert api.get(item)["id"] == item
    with pytest.raises(ForbiddenError, match="scopes"):
        api.publish(item, WEBSITE)


@pytest.mark.parametrize("base", ["http://api.optimizely.com", "api.optimizely.com", "https://"])
def test_a_base_that_would_show_the_secret_is_refused(base: str) -> None:
    with pytest.raises(SettingsError):
        content_api.connect(CREDENTIALS, base=base)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({}, UnavailableError),
        ({"items": "none"}, UnavailableError),
        ({"items": ["id"]}, UnavailableError),
        ({"items": [], "pagination": {"has_next": True}}, UnavailableError),
    ],
)
def test_what_is_no_page_is_an_error(
    api: ContentApi, monkeypatch: pytest.MonkeyPatch, answer: object, error: type[CmpRelayError]
) -> None:
    monkeypatch.setattr(OpenApi, "get", lambda *_: answer)

    with pytest.raises(error):
        [*api.list()]


def test_a_page_that_comes_again_ends_the_list(
    api: ContentApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def get(_: OpenApi, href: str) -> dict[str, object]:
        asked.append(href)
        return {"items": [{"id": "c1"}], "pagination": {"has_next": True}}

    monkeypatch.setattr(OpenApi, "get", get)

    with pytest.raises(CircleError, match="page 2 of the content"):
        [*api.list()]
    assert len(asked) == 2


def test_the_token_request_names_its_scopes() -> None:
    forms = []

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            forms.append(request.content.decode())
            return httpx.Response(200, json={"access_token": "a1", "expires_in": 3600})
        return httpx.Response(200, json={"id": "1"})

    client = httpx.Client(transport=httpx.MockTransport(respond))
    content_api.connect(CREDENTIALS, client=client).get("1")

    assert httpx.QueryParams(forms[0])["scope"] == "cmp:read cmp:write"
