"""What the stand-in takes and refuses of what it is told: reports of publications, previews."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support import samples
from tools.stand_in.subjects import hold

if TYPE_CHECKING:
    from tools.stand_in.client import StandIn

pytestmark = pytest.mark.enable_socket

NOW = "2026-11-22T05:00:00Z"


def published(stand_in: StandIn, count: int) -> tuple[list[str], str, str]:
    """Publish images; tell their ids, the publishing event and where reports of it go."""
    ids = stand_in.add_assets([{"kind": "image"} for _ in range(count)])
    event = stand_in.body("publish", ids)["data"]["publishing_event"]
    return ids, event["id"], event["links"]["publishing_metadata"]


def codes(response: httpx.Response) -> dict[str, str]:
    return {one["asset_id"]: one["error_code"] for one in response.json()["errors"]}


@pytest.mark.parametrize("status", [400, 413])
def test_a_request_holds_as_many_reports_as_are_allowed(
    stand_in: StandIn, open_api: httpx.Client, status: int
) -> None:
    ids, event, url = published(stand_in, 3)
    stand_in.publishing.set_rules(most=2, too_many=status)
    reports = [{"asset_id": one, "status": "published"} for one in ids]

    refused = open_api.post(url, json={"data": reports})
    taken = open_api.post(url, json={"data": reports[:2]})

    assert [refused.status_code, taken.status_code] == [status, 200]
    assert [one["asset_id"] for one in stand_in.publishing.reports(event)] == ids[:2]


def test_more_than_a_hundred_reports_are_too_many(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    ids, _, url = published(stand_in, 101)
    reports = [{"asset_id": one, "status": "published"} for one in ids]

    assert open_api.post(url, json={"data": reports}).status_code == 400
    assert open_api.post(url, json={"data": reports[1:]}).status_code == 200


@pytest.mark.parametrize("code", ["unknown-asset", "domain-not-whitelisted", "invalid-status"])
def test_an_ordered_refusal_is_of_that_asset_alone(
    stand_in: StandIn, open_api: httpx.Client, code: str
) -> None:
    (good, bad), event, url = published(stand_in, 2)
    stand_in.publishing.set_rules(refusals={bad: code})

    told = open_api.post(
        url, json={"data": [{"asset_id": one, "status": "published"} for one in (good, bad)]}
    )

    assert told.status_code == 200
    assert codes(told) == {bad: code}
    assert [one["asset_id"] for one in stand_in.publishing.reports(event)] == [good]


@pytest.mark.parametrize(
    ("code", "field", "value"),
    [
        ("missing-public-url", "public_url", "https://cdn.example/a.jpg"),
        ("missing-locale", "locale", "de"),
        ("missing-publishing-destination-updated-at", "publishing_destination_updated_at", NOW),
        ("public-url-not-allowed", "public_url", "https://cdn.example/a.jpg"),
        ("locale-not-allowed", "locale", "de"),
        ("publishing-destination-updated-at-not-allowed", "publishing_destination_updated_at", NOW),
    ],
)
def test_a_refusal_for_a_field_ends_with_its_cause(
    stand_in: StandIn, open_api: httpx.Client, code: str, field: str, value: str
) -> None:
    (asset,), _, url = published(stand_in, 1)
    stand_in.publishing.set_rules(refusals={asset: code})
    bare = {"asset_id": asset, "status": "published"}
    first, second = (bare, {**bare, field: value})
    if code.endswith("not-allowed"):
        first, second = second, first

    refused = open_api.post(url, json={"data": [first]})
    taken = open_api.post(url, json={"data": [second]})

    assert codes(refused) == {asset: code}
    assert codes(taken) == {}


@pytest.mark.parametrize(("existing", "later"), [("status", None), ("strict", "metadata-exists")])
def test_what_a_report_has_to_differ_in_is_a_rule(
    stand_in: StandIn, open_api: httpx.Client, existing: str, later: str | None
) -> None:
    (asset,), _, url = published(stand_in, 1)
    stand_in.publishing.set_rules(existing=existing)

    def report(status: str, **more: str) -> str | None:
        entry = {"asset_id": asset, "status": status, **more}
        return codes(open_api.post(url, json={"data": [entry]})).get(asset)

    assert report("published") is None
    assert report("published") == "metadata-exists"
    assert report("published", locale="de") is None
    assert report("synced") == later


def test_a_report_that_is_twice_in_a_request_is_refused_twice(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    (asset,), event, url = published(stand_in, 1)
    report = {"asset_id": asset, "status": "published"}

    told = open_api.post(url, json={"data": [report, report]})

    assert [one["error_code"] for one in told.json()["errors"]] == ["duplicate-metadata"] * 2
    assert stand_in.publishing.reports(event) == []


def preview(stand_in: StandIn) -> tuple[str, dict[str, str]]:
    content = stand_in.add_asset("structured_content")["id"]
    asked = stand_in.publishing.request_preview(content, send=False)
    return asked["preview_id"], asked["body"]["data"]["links"]


SPEC = {
    "acknowledge": {"acknowledged_by": "site", "content_hash": "0f0f"},
    "complete": {"keyed_previews": {"Desktop": "https://site.example/preview"}},
}
LIVE = {
    "acknowledge": {"acknowledgedBy": "site", "content_hash": "0f0f"},
    "complete": {"keyedPreviews": {"Desktop": "https://site.example/preview"}},
}


@pytest.mark.parametrize(
    ("reading", "taken", "refused", "status"),
    [("spec", SPEC, LIVE, 200), ("live", LIVE, SPEC, 202)],
)
def test_a_preview_is_told_of_in_one_spelling(
    stand_in: StandIn,
    open_api: httpx.Client,
    reading: str,
    taken: dict[str, Any],
    refused: dict[str, Any],
    status: int,
) -> None:
    stand_in.publishing.set_preview_rules(reading=reading)
    preview_id, links = preview(stand_in)

    for what in ("acknowledge", "complete"):
        assert open_api.post(links[what], json=refused[what]).status_code == 422
        assert open_api.post(links[what], json=taken[what]).status_code == status

    told = stand_in.publishing.preview(preview_id)
    assert told["acknowledged"] == taken["acknowledge"]
    assert told["completed"] == taken["complete"]


@pytest.mark.parametrize("repeated", [409, 422])
def test_a_preview_is_acknowledged_once(
    stand_in: StandIn, open_api: httpx.Client, repeated: int
) -> None:
    stand_in.publishing.set_preview_rules(repeated=repeated)
    preview_id, links = preview(stand_in)
    open_api.post(links["acknowledge"], json=SPEC["acknowledge"])

    other = {"acknowledged_by": "other", "content_hash": "0f0f"}
    second = open_api.post(links["acknowledge"], json=other)

    assert second.status_code == repeated
    assert stand_in.publishing.preview(preview_id)["acknowledged"] == SPEC["acknowledge"]


def test_a_preview_that_nobody_asked_for_is_not_found(
    stand_in: StandIn, open_api: httpx.Client
) -> None:
    preview_id, links = preview(stand_in)

    for what, link in links.items():
        assert open_api.post(link.replace(preview_id, "gone"), json=SPEC[what]).status_code == 404
        elsewhere = link.replace("/versions/", "/versions/other")
        assert open_api.post(elsewhere, json=SPEC[what]).status_code == 404


@pytest.mark.parametrize("name", ["content_preview_requested", "content_preview_requested.old"])
def test_the_previews_of_the_samples_can_be_held(
    stand_in: StandIn, open_api: httpx.Client, name: str
) -> None:
    data = samples.sample(name)["data"]

    hold(stand_in, data)

    for what, link in data["links"].items():
        path = httpx.URL(link).path.removeprefix("/v3")
        assert open_api.post(path, json=SPEC[what]).status_code == 200


def keys_of(value: object) -> object:
    """Reduce a body to its keys, and lists to what their first element is like."""
    if isinstance(value, dict):
        return {key: keys_of(item) for key, item in value.items()}
    return [keys_of(item) for item in value[:1]] if isinstance(value, list) else None


def test_a_preview_is_asked_for_as_in_the_sample(stand_in: StandIn) -> None:
    content = stand_in.add_asset("structured_content", modified_at="2025-12-12T18:24:35Z")["id"]

    body = stand_in.publishing.request_preview(content, send=False)["body"]

    sample = samples.sample("content_preview_requested")
    told = [one["data"]["assets"]["structured_contents"][0] for one in (body, sample)]
    own, samples_own = (one.pop("content_body") for one in told)
    assert keys_of(body) == keys_of(sample)
    assert "fields_version" in own.keys() & samples_own.keys()
    assert told[0]["modified_at"] == told[1]["modified_at"]
    assert "{cmp}" not in json.dumps(body)
