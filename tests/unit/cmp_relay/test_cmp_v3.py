from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cmp_relay import cmp_v3
from cmp_relay.breaker import Breaker
from cmp_relay.budget import Budget
from cmp_relay.cmp_v3 import Cmp
from cmp_relay.credentials import Credentials
from cmp_relay.errors import QuotaError, SettingsError
from cmp_relay.lookup import Access
from cmp_relay.permits import Permits
from cmp_relay.slots import Limits
from tests.support.clock import Clock
from tests.support.fake_open_api import FakeOpenApi
from tools.simulation.memory_store import MemoryStore

BASE = cmp_v3.BASE
CREDENTIALS = Credentials("client", "secret")
LIMITS = Limits(per_second=10, per_minute=100, per_month=2, bulk_share=1)


def beside(api: FakeOpenApi, store: MemoryStore) -> Cmp:
    clock = Clock()
    budget = Budget(store, LIMITS, now=clock)
    permits = Permits(budget, Breaker(store, LIMITS, now=clock), "bulk", clock, clock.advance)
    return cmp_v3.beside(Access(api, permits, f"{BASE}/", 100))


def connected(respond: Callable[[httpx.Request], httpx.Response]) -> Cmp:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "a1", "expires_in": 3599})
        return respond(request)

    client = httpx.Client(transport=httpx.MockTransport(answer))
    return cmp_v3.connect(CREDENTIALS, client=client)


def test_beside_a_stack_its_budget_is_used() -> None:
    api, store = FakeOpenApi(), MemoryStore()
    api.resources[f"{BASE}/images/1"] = {"id": "1"}
    cmp = beside(api, store)

    assert [cmp.assets.get("image", "1")["id"] for _ in range(LIMITS.per_month)] == ["1", "1"]
    with pytest.raises(QuotaError):
        cmp.assets.get("image", "1")


def test_an_asset_of_an_unknown_kind_is_found_where_it_lives() -> None:
    asked = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if "asset-urls" in request.url.path:
            target = "https://api.welcomesoftware.com/v3/tasks/t1/images/1"
            return httpx.Response(302, headers={"Location": target})
        return httpx.Response(200, json={"id": "1"})

    assert connected(respond).assets.find("1") == {"id": "1"}
    assert asked == ["/v3/asset-urls/1", "/v3/tasks/t1/images/1"]


@pytest.mark.parametrize(
    "call",
    [
        lambda cmp: cmp.assets.get("folder", "1"),
        lambda cmp: cmp.assets.update("article", "1", {"title": "x"}),
        lambda cmp: cmp.assets.update("structured_content", "1", {"title": "x"}),
    ],
)
def test_what_cmp_has_no_operation_for_is_not_asked(call: Callable[[Cmp], Any]) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    with pytest.raises(ValueError, match=r"kind|changed"):
        call(connected(respond))


def test_a_long_file_name_becomes_a_title_that_cmp_takes(tmp_path: Path) -> None:
    path = tmp_path / f"{'long' * 40}.png"
    path.write_bytes(b"x")
    form = {
        "url": "https://cmp-files.s3-accelerate.amazonaws.com",
        "upload_meta_fields": {"key": "k1"},
    }
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=form if request.method == "GET" else {"id": "1"})

    connected(respond).assets.upload(path)

    assert len(httpx.Response(200, content=seen[-1].content).json()["title"]) == 100


@pytest.mark.parametrize(
    "settings",
    [
        {"token_url": "http://accounts.cmp.optimizely.com/token"},
        {"origins": ["http://api.cmp.optimizely.com"]},
        {"upload_origins": ["https://*.com"]},
    ],
)
def test_urls_that_would_show_secrets_are_refused(settings: dict[str, Any]) -> None:
    with httpx.Client() as client, pytest.raises(SettingsError):
        cmp_v3.connect(CREDENTIALS, client=client, **settings)
