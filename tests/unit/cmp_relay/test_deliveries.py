import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmp_relay import deliveries, pointers
from cmp_relay.deliveries import Delivery, Receipt, Split
from cmp_relay.errors import UnreadableDeliveryError
from cmp_relay.jobs import ExternalWorkJob, Job, LibraryJob, PublishJob
from tests.support import samples

RECEIPT = Receipt("id", 1_700_000_000_000, "default", "deliveries/2023/11/14/id.json")
PUBLISHING = {"id": "p1", "links": {"self": "https://h/p1"}}
NAMES = st.sampled_from(
    [
        *("event_name", "data", "assets", "images", "boxes", "publishing_event"),
        *("asset", "type", "id", "links", "self"),
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["asset_published", "asset_syned", "asset_modified", "image"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=25,
)
READABLE = st.fixed_dictionaries({"id": st.text("abc", min_size=1) | st.integers()})
ENTRIES = st.lists(READABLE | JSON, max_size=5)
ASSETS = st.dictionaries(st.sampled_from(["images", "articles", "raw_files", "boxes"]), ENTRIES)


def publish(assets: object, **data: object) -> Delivery:
    return Delivery("asset_published", {"assets": assets, "publishing_event": PUBLISHING, **data})


def split(assets: object, **data: object) -> Split:
    return deliveries.split(publish(assets, **data), RECEIPT)


# Reading


@pytest.mark.parametrize(
    "raw",
    [
        b'\xef\xbb\xbf{"event_name": "asset_added"}',
        b' {"event_name": "wrong", "event_name": "asset_added", "data": null}\r\n',
        b'{"event_name": "asset_added", "huge": 1e300, "long": ' + b"1" * 4000 + b"}",
    ],
    ids=["byte order mark", "duplicate keys", "huge numbers"],
)
def test_odd_json_is_json(raw: bytes) -> None:
    assert deliveries.read(raw) == Delivery("asset_added", None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe{}",
        b'{"event_name": "asset_added", "data": NaN}',
        b'{"event_name": "asset_added", "data": 1e999}',
        b'{"event_name": "asset_added", "data": ' + b"1" * 5000 + b"}",
        b"[" * 1_000_000,
        b'{"a":' * 100_000,
        b'{"event_name": 7}',
        b'{"event_name": ""}',
        b'{"event_name": "\\ud800"}',
        b'{"event_name": "' + b"x" * 513 + b'"}',
        b'"asset_added"',
    ],
)
def test_what_is_no_event_is_unreadable(raw: bytes) -> None:
    with pytest.raises(UnreadableDeliveryError):
        deliveries.read(raw)


def receive(raw: bytes) -> None:
    try:
        result = deliveries.split(deliveries.read(raw), RECEIPT)
    except UnreadableDeliveryError:
        return
    for job in result.jobs:
        Job.model_validate_json(json.dumps(job))


@given(st.binary())
def test_no_bytes_raise_anything_but_unreadable(raw: bytes) -> None:
    receive(raw)


@settings(max_examples=300)
@given(JSON)
def test_no_json_raises_anything_but_unreadable(document: object) -> None:
    receive(json.dumps(document).encode())


@settings(max_examples=300)
@given(JSON, JSON, JSON)
def test_no_publish_event_raises_anything_but_unreadable(
    assets: object, event: object, source: object
) -> None:
    data = {"assets": assets, "publishing_event": event, "triggered_from": source}
    receive(json.dumps({"event_name": "asset_syned", "data": data}).encode())


@settings(max_examples=300)
@given(JSON | st.fixed_dictionaries({"id": JSON, "type": JSON}, optional={"links": JSON}))
def test_a_library_event_is_one_job_or_unreadable(asset: object) -> None:
    delivery = Delivery("asset_modified", {"asset": asset})

    try:
        [job] = deliveries.split(delivery, RECEIPT).jobs
    except UnreadableDeliveryError:
        return

    LibraryJob.model_validate_json(json.dumps(job))


@pytest.mark.parametrize("depth", [500, 900, 990, 100_000])
def test_deep_nesting_is_a_problem_and_no_crash(depth: int) -> None:
    deep = '{"id": "a", "x": ' + "[" * depth + "]" * depth + "}"
    publishing = json.dumps(PUBLISHING)
    raw = (
        f'{{"event_name": "asset_synced", "data": '
        f'{{"assets": {{"images": [{deep}]}}, "publishing_event": {publishing}}}}}'
    )

    receive(raw.encode())


def test_an_entry_too_deep_to_be_hashed_is_a_problem() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    [problem] = split({"images": [{"id": "a", "x": deep}]}).problems

    assert problem.reason == "nested too deeply"


# Splitting


@given(ASSETS)
def test_no_entry_of_a_readable_delivery_is_lost(assets: dict[str, list[Any]]) -> None:
    result = split(assets)

    found = [job["entry"] for job in result.jobs] + [problem.pointer for problem in result.problems]
    expected = [
        pointers.join("/data/assets", name, index)
        for name, entries in assets.items()
        for index in range(len(entries))
    ]
    assert sorted(found) == sorted(expected)
    assert [job["job_id"] for job in result.jobs] == [f"id.{n}" for n in range(len(result.jobs))]


@given(st.lists(READABLE, max_size=30))
def test_every_readable_entry_becomes_a_job(entries: list[dict[str, Any]]) -> None:
    result = split({"videos": entries})

    assert not result.problems
    assert [job["asset"]["id"] for job in result.jobs] == [str(entry["id"]) for entry in entries]
    for job in result.jobs:
        PublishJob.model_validate_json(json.dumps(job))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("articles", "article"),
        ("raw_files", "raw_file"),
        ("structured_contents", "structured_content"),
        ("holograms", "hologram"),
        ("media", "media"),
        ("s", "s"),
        ("a/b~s", "a/b~"),
    ],
)
def test_a_kind_is_named_by_its_list(name: str, kind: str) -> None:
    [job] = split({name: [{"id": "a"}]}).jobs

    assert job["asset"]["type"] == kind
    assert pointers.resolve({"data": {"assets": {name: ["x"]}}}, job["entry"]) == "x"


@pytest.mark.parametrize("assets", [None, {}, {"images": [], "videos": None, "total": 3, "x": {}}])
def test_a_delivery_without_assets_has_no_jobs(assets: object) -> None:
    assert split(assets) == Split()


@pytest.mark.parametrize("value", [[{"guid": "x"}], ["id-1"], {"items": [{"id": "a"}]}])
def test_an_unknown_kind_without_ids_is_a_problem_beside_the_jobs(value: object) -> None:
    result = split({"images": [{"id": "a"}], "podcasts": value})

    assert len(result.jobs) == 1
    assert [problem.pointer.split("/")[3] for problem in result.problems] == ["podcasts"]


@pytest.mark.parametrize("asset_id", ["😀" * 40, "/" * 90, "a" * 257])
def test_an_id_too_long_for_a_key_is_a_problem(asset_id: str) -> None:
    [problem] = split({"images": [{"id": asset_id}]}).problems

    assert problem.reason == "no usable id"


def test_a_single_object_is_a_list_of_one() -> None:
    [job] = split({"images": {"id": 5}}).jobs

    assert (job["entry"], job["asset"]["id"]) == ("/data/assets/images", "5")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("text", "not an object"),
        ({}, "no usable id"),
        ({"id": None}, "no usable id"),
        ({"id": True}, "no usable id"),
        ({"id": 1.5}, "no usable id"),
        ({"id": ""}, "no usable id"),
        ({"id": "x" * 513}, "no usable id"),
        ({"id": 10**512}, "no usable id"),
        ({"id": "\ud800"}, "no usable id"),
        ({"id": "a", "links": {"self": "x" * 210_000}}, "larger than a message"),
    ],
)
def test_an_entry_that_is_no_asset_is_named_with_its_reason(entry: object, reason: str) -> None:
    result = split({"images": [entry, {"id": "good"}]})

    assert result.problems == [deliveries.Problem("/data/assets/images/0", reason)]
    assert [job["entry"] for job in result.jobs] == ["/data/assets/images/1"]


def test_an_unusable_kind_is_a_problem() -> None:
    assert split({"x" * 600: [{"id": "a"}]}).problems[0].reason == "no usable kind"


@pytest.mark.parametrize("links", [None, {}, {"self": None}, {"self": 7}, [], {"self": "\udc00"}])
def test_an_asset_may_come_without_a_link(links: object) -> None:
    [job] = split({"images": [{"id": "a", "links": links}]}).jobs

    assert "href" not in job["asset"]
    assert PublishJob.model_validate(job).asset.href is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"publishing_event": {"id": None}, "assets": {}},
        {"publishing_event": PUBLISHING, "assets": [1]},
        {"publishing_event": PUBLISHING, "assets": "x"},
    ],
)
def test_a_publish_event_of_another_shape_is_unreadable(data: object) -> None:
    with pytest.raises(UnreadableDeliveryError):
        deliveries.split(Delivery("asset_synced", data), RECEIPT)


def test_a_library_event_names_its_asset() -> None:
    links = {"self": "https://h/a"}
    asset = {"id": 5, "type": "image", "owner_organization_id": "o", "links": links}

    [job] = deliveries.split(Delivery("asset_added", {"asset": asset}), RECEIPT).jobs

    assert job == {
        "schema": 1,
        "delivery_id": "id",
        "job_id": "id.0",
        "received_at": RECEIPT.received_at,
        "event_name": "asset_added",
        "channel": "default",
        "organization_id": "o",
        "archive_key": RECEIPT.archive_key,
        "entry": "/data/asset",
        "asset": {"id": "5", "type": "image", "href": "https://h/a"},
    }


def test_the_organization_of_a_delivery_goes_before_the_owner_of_its_asset() -> None:
    asset = {"id": "a", "type": "image", "owner_organization_id": "owner"}
    data = {"asset": asset, "organization": {"id": "own"}}

    [job] = deliveries.split(Delivery("asset_removed", data), RECEIPT).jobs

    assert job["organization_id"] == "own"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "id"),
        ([], "id"),
        ({"asset": None}, "id"),
        ({"asset": ["x"]}, "id"),
        ({"asset": {"type": "image"}}, "id"),
        ({"asset": {"id": "x" * 257, "type": "image"}}, "id"),
        ({"asset": {"id": "a"}}, "type"),
        ({"asset": {"id": "a", "type": ["image"]}}, "type"),
        ({"asset": {"id": "a", "type": "image", "links": {"self": "x" * 210_000}}}, "larger"),
    ],
)
def test_a_library_event_without_a_usable_asset_is_unreadable(data: object, reason: str) -> None:
    with pytest.raises(UnreadableDeliveryError, match=reason):
        deliveries.split(Delivery("asset_modified", data), RECEIPT)


@pytest.mark.parametrize(
    ("data", "entry"), [(None, ""), ([], "/data"), ({"organization": {"id": "o"}}, "/data")]
)
def test_any_other_event_is_one_job(data: object, entry: str) -> None:
    [job] = deliveries.split(Delivery("task_added", data), RECEIPT).jobs

    assert (job["job_id"], job["entry"]) == ("id.0", entry)
    Job.model_validate(job)


def test_a_job_is_the_same_under_both_hosts_but_for_its_links() -> None:
    old = samples.sample("asset_published.old")
    current = deepcopy(samples.sample("asset_published"))
    del current["data"]["assets"]["structured_contents"]

    hashes = [
        [job["asset"]["entry_hash"] for job in split(body["data"]["assets"]).jobs]
        for body in (old, current)
    ]

    assert hashes[0] == hashes[1]


# External steps

COMMENT_ADDED = "external_sub_step_comment_added"


@pytest.mark.parametrize(
    ("event_name", "missing"),
    [
        ("external_sub_step_started", "task"),
        ("external_sub_step_started", "sub_step"),
        (COMMENT_ADDED, "comment"),
    ],
)
def test_an_external_step_without_an_id_that_no_job_can_do_without_is_unreadable(
    event_name: str, missing: str
) -> None:
    data = deepcopy(samples.sample(event_name)["data"])
    del data[missing]["id"]

    with pytest.raises(UnreadableDeliveryError, match=f"there is no usable data.{missing}.id"):
        deliveries.split(Delivery(event_name, data), RECEIPT)


def test_what_is_too_long_for_a_link_or_a_name_is_none() -> None:
    data = deepcopy(samples.sample("external_sub_step_started")["data"])
    data["task"]["links"]["self"] = f"https://h/{'x' * 3000}"
    data["external_work"]["external_system"] = "J" * 300

    (job,) = deliveries.split(Delivery("external_sub_step_started", data), RECEIPT).jobs

    assert "href" not in job["task"]
    assert "external_system" not in job["external_work"]


PART = st.fixed_dictionaries({"id": st.text(max_size=3) | JSON}, optional={"links": JSON})


@given(
    st.sampled_from(["external_sub_step_started", COMMENT_ADDED]),
    JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(("task", "sub_step", "comment"), PART)),
)
def test_any_external_step_is_a_job_or_unreadable(event_name: str, data: object) -> None:
    try:
        found = deliveries.split(Delivery(event_name, data), RECEIPT)
    except UnreadableDeliveryError:
        return

    (job,) = [ExternalWorkJob.model_validate(each) for each in found.jobs]
    assert (job.comment is not None) is (event_name == COMMENT_ADDED)
