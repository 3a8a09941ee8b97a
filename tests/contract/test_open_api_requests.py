"""Every request of the client, and what commands tell, is as the official specification says.

All of it is done on the stand-in, and what is sent is kept: path, query and body. Without
`CMP_OPENAPI_SPEC` the same is done, and only not compared.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from jsonschema import Draft202012Validator, ValidationError

from cmp_relay import cmp_v3, listing
from cmp_relay.asset_changes import AssetChanges
from cmp_relay.cmp_assets import CHANGEABLE, Assets
from cmp_relay.commands import read_command_job
from cmp_relay.comments import Comments
from cmp_relay.credentials import Credentials
from cmp_relay.exchanges import build_client
from cmp_relay.external_links import ExternalLinks
from cmp_relay.file_uploads import FileUploads
from cmp_relay.lookup import Access
from cmp_relay.previews import Previews
from cmp_relay.sub_steps import SubSteps
from cmp_relay.told_links import Told
from tests.contract.conftest import OPERATION
from tests.contract.test_stand_in import (
    COMMENTS,
    PREVIEW,
    SUB_STEP,
    WORK,
    Specification,
    formats,
)
from tools.stand_in.channels import WEBSITE
from tools.stand_in.folder_tree import CAMPAIGNS, MARKETING
from tools.stand_in.kinds import KINDS
from tools.stand_in.process import running
from tools.stand_in.task_pages import CUSTOM_FIELD
from tools.stand_in.tasks import CAMPAIGN

if TYPE_CHECKING:
    from cmp_relay.cmp_v3 import Cmp
    from cmp_relay.desk import Desk
    from cmp_relay.echoes import Echoes
    from cmp_relay.open_api import OpenApi
    from cmp_relay.outcomes import Attempt
    from cmp_relay.permits import Permits
    from cmp_relay.running import Hand
    from cmp_relay.told_links import ToldLinks
    from tools.stand_in.client import StandIn

pytestmark = pytest.mark.enable_socket

FIELD = "/tasks/{task_id}/custom-fields/{custom_field_id}"
INTENTS = "/tasks/{task_id}/publishing-intents"
PARTS = "/multipart-uploads/{id}"
MOMENT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
EXPECTED = {
    "POST /file-urls",
    "GET /asset-urls/{asset_id}",
    "GET /assets/{asset_id}/renditions",
    f"PATCH {SUB_STEP}",
    f"PATCH {WORK}",
    f"POST {COMMENTS}",
    f"POST {PREVIEW}/acknowledge",
    f"POST {PREVIEW}/complete",
    "GET /assets",
    "POST /assets",
    "GET /assets/{asset_id}/fields",
    "PUT /assets/{asset_id}/fields/{field_id}",
    "POST /assets/{asset_id}/versions",
    *(f"GET /{kind.segment}/{{id}}" for kind in KINDS),
    *(f"PATCH /{kind}/{{id}}" for kind in ("images", "videos", "raw-files")),
    "GET /folders",
    "POST /folders",
    "GET /folders/{id}",
    "PATCH /folders/{id}",
    "GET /label-groups",
    "POST /multipart-uploads",
    "POST /multipart-uploads/{id}/complete",
    "GET /multipart-uploads/{id}/status",
    "GET /publishing-channels",
    "GET /publishing-events/{publishing_event_id}",
    "GET /publishing-events/{publishing_event_id}/publishing-metadata",
    "POST /publishing-events/{publishing_event_id}/publishing-metadata",
    "GET /settings",
    "POST /settings",
    "GET /tasks",
    "GET /tasks/{id}",
    "PATCH /tasks/{id}",
    "GET /tasks/{id}/assets",
    "GET /tasks/{id}/custom-fields",
    "PATCH /tasks/{task_id}/custom-fields/{custom_field_id}",
    "POST /tasks/{task_id}/publishing-intents",
    "GET /upload-url",
}


@dataclass
class Conversation:
    """A client of the stand-in, and the answers that it heard from the Open API."""

    stand_in: StandIn
    cmp: Cmp
    base: str
    folder: Path
    heard: list[httpx.Response] = field(default_factory=list)

    def file(self, name: str, size: int = 9) -> Path:
        """Write a file and tell where it is."""
        path = self.folder / name
        path.write_bytes(b"x" * size)
        return path


Scene = Callable[[Conversation], None]


def assets_are_listed(talk: Conversation) -> None:
    for kind in KINDS:
        talk.stand_in.add_asset(kind.name)

    found = talk.cmp.assets.list(
        kinds=["image", "video"],
        labels={"123123": ["234234"], "123124": []},
        fields={"64be245ec0d79e79fdf1ad84": ["SPRING-26"]},
        created_from=datetime(2020, 1, 1, tzinfo=UTC),
        created_to=datetime(2100, 1, 1, tzinfo=UTC),
        modified_from=datetime(2020, 1, 1, tzinfo=UTC),
        modified_to=datetime(2100, 1, 1, tzinfo=UTC),
        folder_id=CAMPAIGNS,
        subfolders=False,
        text="sample",
        campaign_id=CAMPAIGN,
    )

    assert {asset["type"] for asset in found} == {"image", "video"}
    assert len([*talk.cmp.assets.list()]) == len(KINDS)


def assets_are_read(talk: Conversation) -> None:
    for kind in KINDS:
        asset_id = talk.stand_in.add_asset(kind.name)["id"]

        assert talk.cmp.assets.get(kind.name, asset_id)["id"] == asset_id
        assert talk.cmp.assets.find(asset_id)["id"] == asset_id


def assets_are_changed(talk: Conversation) -> None:
    changes = {"title": "Renamed", "expires_at": "2026-12-24T17:00:00Z", "tags": ["spring"]}
    for kind in CHANGEABLE:
        asset_id = talk.stand_in.add_asset(kind)["id"]

        talk.cmp.assets.update(kind, asset_id, changes)

        assert talk.cmp.assets.get(kind, asset_id)["title"] == "Renamed"


def fields_are_set(talk: Conversation) -> None:
    asset_id = talk.stand_in.add_asset("image")["id"]
    before = [*talk.cmp.assets.fields(asset_id)]

    talk.cmp.assets.set_field(asset_id, before[0]["id"], "text", ["1204 views"])
    talk.cmp.assets.set_field(asset_id, "123124", "label", ["234236"])

    after = {one["id"]: one["values"] for one in talk.cmp.assets.fields(asset_id)}
    assert after == {before[0]["id"]: ["1204 views"], before[1]["id"]: before[1]["values"]}


def files_are_uploaded(talk: Conversation) -> None:
    made = talk.cmp.assets.upload(talk.file("hero.png"), folder_id=CAMPAIGNS)
    added = talk.cmp.assets.add_version(made["id"], talk.file("next.png"), "Hero, once more")

    assert (made["title"], made["type"], made["folder_id"]) == ("hero.png", "image", CAMPAIGNS)
    assert (added["asset_id"], added["version_number"]) == (made["id"], 2)


def large_files_are_uploaded_in_parts(talk: Conversation) -> None:
    storage = talk.cmp.assets.uploads.storage
    uploads = FileUploads(talk.cmp.endpoint, storage, 1, 5 * 2**20, sleep=lambda _: None)
    path = talk.file("film.mp4", 5 * 2**20 + 1)

    made = Assets(talk.cmp.endpoint, uploads).upload(path, "Film")

    asset = talk.cmp.assets.get("raw_file", made["id"])
    assert httpx.get(asset["url"]).content == path.read_bytes()


def folders_are_read_and_made(talk: Conversation) -> None:
    made = talk.cmp.folders.add("Spring", MARKETING)
    talk.cmp.folders.rename(made["id"], "Summer")

    assert talk.cmp.folders.get(made["id"])["path"] == "/Marketing/Summer"
    assert {one["name"] for one in talk.cmp.folders.list(MARKETING)} == {"Campaigns", "Summer"}
    assert len([*talk.cmp.folders.list()]) == 3


def labels_are_listed(talk: Conversation) -> None:
    assert [one["name"] for one in talk.cmp.labels.list()] == ["Content Format", "Review"]


def tasks_are_read_and_changed(talk: Conversation) -> None:
    own = talk.stand_in.tasks.add(title="A page for spring")["task_id"]
    asset = talk.stand_in.add_asset("image")["id"]
    talk.stand_in.tasks.add(title="Another", asset_ids=[asset])
    statuses = ["In Progress", "Overdue"]

    task = talk.cmp.tasks.get(own)
    found = [
        one["id"]
        for one in talk.cmp.tasks.list(
            statuses=statuses,
            title="spring",
            campaign_id=CAMPAIGN,
            workflow_id=task["workflow_id"],
            milestone_id="m",
            starts_at=MOMENT,
            due_at=MOMENT,
        )
    ]
    talk.cmp.tasks.update(own, {"title": "Renamed", "due_at": "2026-12-24T17:00:00Z"})
    talk.cmp.tasks.set_custom_field(own, CUSTOM_FIELD, ["1204 views"])

    assert found == [own]
    assert talk.cmp.tasks.get(own)["title"] == "Renamed"
    assert [one["values"] for one in talk.cmp.tasks.custom_fields(own)] == [
        [{"id": None, "name": "1204 views"}]
    ]
    assert [*talk.cmp.tasks.assets(own)] == []
    assert len([*talk.cmp.tasks.list()]) == 2


def tasks_are_published(talk: Conversation) -> None:
    task = talk.stand_in.tasks.add()["task_id"]
    channels = {one["name"]: one["id"] for one in talk.cmp.channels.list()}

    intent = talk.cmp.channels.publish(task, channels["Website"])

    assert talk.stand_in.programs.intents() == [
        {"id": intent["id"], "task_id": task, "channel_id": WEBSITE}
    ]


def publishing_events_are_read_and_reported(talk: Conversation) -> None:
    asset = talk.stand_in.add_asset("image")["id"]
    body = talk.stand_in.body("publish", [asset])
    event = body["data"]["publishing_event"]["id"]
    report = {"asset_id": asset, "status": "published", "public_url": "https://example.com/a"}

    answer = talk.cmp.events.report(event, [report, {**report, "asset_id": "gone"}])

    assert [one["error_code"] for one in answer["errors"]] == ["unknown-asset"]
    assert talk.cmp.events.get(event)["assets"][0]["id"] == asset
    listed = talk.cmp.events.reports(
        event, status="published", kind="image", asset_id=asset, locale=None
    )
    assert [one["public_url"] for one in listed] == ["https://example.com/a"]
    assert [*talk.cmp.events.reports(event, locale="de")] == []


def settings_are_read_and_changed(talk: Conversation) -> None:
    webhook = {
        "name": "CMP Relay",
        "description": "",
        "callback_url": "https://relay.example/webhooks/cmp",
        "secret": "s" * 32,
        "event_names": ["asset_added"],
    }
    more = {**webhook, "event_names": ["asset_removed"]}

    first = talk.cmp.settings.preview({"webhooks": [webhook]})
    before = talk.cmp.settings.get()
    talk.cmp.settings.apply({"webhooks": [webhook]})
    talk.cmp.settings.apply({"webhooks": [more]}, overwrite_workflows=True)

    assert first["changeset"]["create"]["webhooks"] == ["CMP Relay"]
    assert before["resources"]["webhooks"] == []
    after = talk.cmp.settings.get()["resources"]["webhooks"]
    assert [one["event_names"] for one in after] == [["asset_added", "asset_removed"]]


class Unshared:
    """What workers share with each other, where there is but one: a desk, echoes, told links."""

    def __init__(self, api: OpenApi, base: str) -> None:
        self.access = Access(api, cast("Permits", None), base, 100)
        self._api = api

    @contextmanager
    def at(self, _resource: str, _errand: int) -> Iterator[OpenApi]:
        yield self._api

    def expect_comment(self, *_: object) -> bool:
        return False

    def expect(self, *_: object) -> None: ...

    def note_comment(self, *_: object) -> None: ...

    def read(self, _link: str) -> Told:
        return Told()

    def write(self, *_: object) -> None: ...


def commands_are_told(talk: Conversation) -> None:
    alone = Unshared(talk.cmp.endpoint.api, talk.base)
    desk, echoes = cast("Desk", alone), cast("Echoes", alone)
    sub_steps, previews = SubSteps(desk, echoes), Previews(desk)
    asset, content = (
        talk.stand_in.add_asset(kind)["id"] for kind in ("image", "structured_content")
    )
    links = talk.stand_in.tasks.add()["links"]
    preview = talk.stand_in.publishing.request_preview(content, send=False)["body"]["data"]["links"]
    ticket = {"identifier": "LEG-7", "title": None, "status": "Open", "url": "https://jira.example"}
    views = {"id": "64be245ec0d79e79fdf1ad84", "type": "text", "values": ["1204 views"]}
    step: dict[str, object] = {"sub_step_link": links["sub_step"]}
    told: list[tuple[str, Hand, dict[str, object]]] = [
        (
            "link_ticket",
            ExternalLinks(desk, cast("ToldLinks", alone)),
            {"external_work_link": links["external_work"], **ticket},
        ),
        ("comment", Comments(desk, echoes), {"comments_link": links["comments"], "text": "On it"}),
        ("assign", sub_steps, {**step, "assignee_id": "ada", "assignee_type": "user"}),
        ("start", sub_steps, step),
        ("complete", sub_steps, step),
        (
            "update_asset",
            AssetChanges(desk),
            {
                "asset_id": asset,
                "asset_type": "image",
                "changes": {"title": "Renamed"},
                "fields": [views],
            },
        ),
        (
            "acknowledge_preview",
            previews,
            {
                "acknowledge_link": preview["acknowledge"],
                "acknowledged_by": "site",
                "content_hash": "0f0f",
            },
        ),
        (
            "complete_preview",
            previews,
            {
                "complete_link": preview["complete"],
                "keyed_previews": {"Desktop": "https://site.example/desktop"},
            },
        ),
    ]

    for name, hand, arguments in told:
        envelope = {"schema": 1, "command_id": name, "command": name, "arguments": arguments}
        job = read_command_job(json.dumps({**envelope, "issued_at": MOMENT.isoformat()}))
        assert hand.run(job, cast("Attempt", None)).outcome == "applied"


def the_library_is_read_as_workers_do(talk: Conversation) -> None:
    asset = talk.stand_in.add_asset("image", is_public=False)["id"]
    talk.stand_in.set_renditions(asset, "Square")
    since = round(MOMENT.timestamp() * 1000)

    for whole in (listing.first(talk.base, since), listing.first(talk.base, None)):
        assert listing.read(talk.cmp.endpoint.get(whole)).total is not None
    renditions = talk.cmp.endpoint.rows(f"{talk.base}/assets/{asset}/renditions")
    assert [one["name"] for one in renditions] == ["Square"]
    assert asset in talk.cmp.endpoint.ask(lambda api: api.file_urls([asset, "gone"]))


SCENES: list[Scene] = [
    commands_are_told,
    the_library_is_read_as_workers_do,
    assets_are_listed,
    assets_are_read,
    assets_are_changed,
    fields_are_set,
    files_are_uploaded,
    large_files_are_uploaded_in_parts,
    folders_are_read_and_made,
    labels_are_listed,
    tasks_are_read_and_changed,
    tasks_are_published,
    publishing_events_are_read_and_reported,
    settings_are_read_and_changed,
]


class Requests:
    """The official specification, asked whether a request is one that it describes."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.answers = Specification(document)
        # Allows nothing but `type`, and demands `values` beside it.
        del self.answers.components["schemas"]["AssetFieldUpdateRequest"]["additionalProperties"]
        self.operations = [
            (verb.upper(), template, _pattern(template), operation)
            for template, item in document["paths"].items()
            for verb, operation in item.items()
            if verb in {"get", "post", "put", "patch", "delete"}
        ]

    def check(self, response: httpx.Response, base: str) -> str:
        """Check a request and its answer, and name the operation."""
        request = response.request
        path = request.url.raw_path.decode().partition("?")[0].removeprefix(_path(base))
        fitting = [
            (len(re.findall("{", template)), template, operation)
            for verb, template, pattern, operation in self.operations
            if verb == request.method and pattern.fullmatch(path)
        ]
        assert fitting, f"{request.method} {path} is not in the specification"
        _, template, operation = min(fitting, key=lambda one: one[0])
        self._check_query(request.url.params, operation)
        self._check_body(request, operation)
        self.answers.check(response, template)
        return f"{request.method} {template}"

    def _check_query(self, params: httpx.QueryParams, operation: dict[str, Any]) -> None:
        known = {
            one["name"]: one["schema"]
            for one in map(self._resolved, operation.get("parameters", []))
            if one["in"] == "query"
        }
        assert {*params} <= {*known}, f"unknown parameters: { ({*params} - {*known}) }"
        for name, schema in known.items():
            if name in params:
                self._validate(_read(name, params.get_list(name), schema), schema)

    def _check_body(self, request: httpx.Request, operation: dict[str, Any]) -> None:
        if "requestBody" not in operation:
            assert request.content == b""
            return
        body = self._resolved(operation["requestBody"])
        assert request.headers["content-type"] == "application/json"
        self._validate(json.loads(request.content), body["content"]["application/json"]["schema"])

    def _validate(self, value: object, schema: dict[str, Any]) -> None:
        whole = {**schema, "components": self.answers.components}
        Draft202012Validator(whole, format_checker=formats).validate(value)

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        return self.answers._resolved(node)


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{\w+}", "[^/]+", template))


def _path(base: str) -> str:
    return httpx.URL(base).path


def _read(name: str, given: list[str], schema: dict[str, Any]) -> object:
    """Read a parameter as the specification's description says that it is written."""
    if name == "fields":
        assert len(given) == 1
        return json.loads(base64.b64decode(given[0]))
    if name == "label":
        return [json.loads(one) for one in given]
    if schema["type"] == "array":
        return given
    assert len(given) == 1
    return json.loads(given[0]) if schema["type"] in {"integer", "boolean"} else given[0]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with running("client", "secret") as started:
        yield started


@pytest.fixture(scope="module")
def requests() -> Requests | None:
    """Read the specification, if there is one."""
    named = os.environ.get("CMP_OPENAPI_SPEC")
    return Requests(json.loads(Path(named).read_text())) if named else None


@contextmanager
def talking(stand_in: StandIn, folder: Path) -> Iterator[Conversation]:
    """Connect a client to an empty stand-in, and keep what it hears."""
    stand_in.reset()
    base = f"{stand_in.base_url}/v3"
    with build_client() as client:
        cmp = cmp_v3.connect(
            Credentials("client", "secret"),
            base=base,
            token_url=f"{stand_in.base_url}/o/oauth2/v1/token",
            origins=(stand_in.base_url,),
            upload_origins=(stand_in.files_origin,),
            client=client,
        )
        talk = Conversation(stand_in, cmp, base, folder)

        def hear(response: httpx.Response) -> None:
            if str(response.request.url).startswith(f"{base}/"):
                response.read()
                talk.heard.append(response)

        client.event_hooks = {"response": [hear]}
        yield talk


@contextmanager
def authorized(stand_in: StandIn) -> Iterator[httpx.Client]:
    """Open a plain client with a token."""
    form = {"client_id": "client", "client_secret": "secret", "grant_type": "client_credentials"}
    granted = httpx.post(f"{stand_in.base_url}/o/oauth2/v1/token", data=form).json()
    headers = {"Authorization": f"Bearer {granted['access_token']}"}
    with httpx.Client(base_url=f"{stand_in.base_url}/v3", headers=headers) as client:
        yield client


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_requests_are_those_of_the_specification(
    stand_in: StandIn, requests: Requests | None, tmp_path: Path, scene: Scene
) -> None:
    with talking(stand_in, tmp_path) as talk:
        scene(talk)

    assert all(response.is_success or response.is_redirect for response in talk.heard)
    for response in talk.heard if requests else ():
        assert requests
        requests.check(response, talk.base)


def test_the_operations_covered(
    stand_in: StandIn,
    requests: Requests | None,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    if requests is None:
        pytest.skip("CMP_OPENAPI_SPEC names no specification")
    covered = set()
    for scene in SCENES:
        with talking(stand_in, tmp_path) as talk:
            scene(talk)
        covered |= {requests.check(response, talk.base) for response in talk.heard}

    for one in sorted(covered, key=lambda one: one.partition(" ")[::-1]):
        record_property(OPERATION, one)  # the end of the run shows them
    assert covered == EXPECTED


@pytest.mark.parametrize(
    ("method", "path", "body", "template", "status"),
    [
        ("GET", "/publishing-channels?page_size=1001", None, "/publishing-channels", 400),
        ("GET", "/label-groups?source_org_type=x", None, "/label-groups", 400),
        ("POST", "/folders", {"name": ""}, "/folders", 400),
        ("POST", "/folders", {"name": "x", "parent_folder_id": "gone"}, "/folders", 404),
        ("PATCH", "/folders/gone", {"name": "x"}, "/folders/{id}", 404),
        ("PATCH", "/tasks/gone", {"title": "x"}, "/tasks/{id}", 404),
        ("PATCH", "/tasks/{task}", {"status": "Completed"}, "/tasks/{id}", 400),
        ("PATCH", f"/tasks/{{task}}/custom-fields/{CUSTOM_FIELD}", {"values": []}, FIELD, 400),
        ("PATCH", "/tasks/{task}/custom-fields/gone", {"values": ["x"]}, FIELD, 404),
        ("POST", "/tasks/gone/publishing-intents", {"channel_id": WEBSITE}, INTENTS, 404),
        ("POST", "/tasks/{task}/publishing-intents", {"channel_id": "gone"}, INTENTS, 404),
        ("POST", "/tasks/{task}/publishing-intents", {}, INTENTS, 400),
        ("POST", "/multipart-uploads", {"file_size": 0}, "/multipart-uploads", 400),
        ("POST", "/multipart-uploads", {"file_size": 10**12}, "/multipart-uploads", 422),
        ("POST", "/multipart-uploads/gone/complete", None, f"{PARTS}/complete", 404),
        ("GET", "/multipart-uploads/gone/status", None, f"{PARTS}/status", 404),
        ("POST", "/settings", {"webhooks": []}, "/settings", 422),
    ],
)
def test_the_stand_in_refuses_in_the_documented_words(
    stand_in: StandIn,
    requests: Requests | None,
    method: str,
    path: str,
    body: object,
    template: str,
    status: int,
) -> None:
    stand_in.reset()
    task = stand_in.tasks.add()["task_id"]
    with authorized(stand_in) as client:
        response = client.request(method, path.replace("{task}", task), json=body)

    assert response.status_code == status
    if requests:
        requests.answers.check(response, template)


def test_an_upload_whose_parts_are_missing_cannot_be_completed(
    stand_in: StandIn, requests: Requests | None
) -> None:
    stand_in.reset()
    stand_in.programs.set_multipart_rules(polls=0, fails=True)
    with authorized(stand_in) as client:
        told = client.post("/multipart-uploads", json={"file_size": 3}).json()
        early = client.post(told["links"]["complete"])
        without_signature = httpx.put(told["upload_part_urls"][0].partition("?")[0], content=b"abc")
        httpx.put(told["upload_part_urls"][0], content=b"abc")
        before = client.get(told["links"]["status"])
        completed = client.post(told["links"]["complete"])
        twice = client.post(told["links"]["complete"])
        failed = client.get(told["links"]["status"])
        unusable = client.post("/assets", json={"key": completed.json()["key"], "title": "x"})

    answers = (early, without_signature, completed, twice, unusable)
    assert [one.status_code for one in answers] == [422, 403, 202, 422, 400]
    states = [one.json()["status"].rpartition("UPLOAD_COMPLETION_")[2] for one in (before, failed)]
    assert states == ["NOT_STARTED", "FAILED"]
    for one, name in ((early, "complete"), (before, "status"), (failed, "status")):
        if requests:
            requests.answers.check(one, f"{PARTS}/{name}")


def test_webhooks_are_found_by_their_names(stand_in: StandIn, tmp_path: Path) -> None:
    with talking(stand_in, tmp_path) as talk:
        one = {"description": "", "callback_url": "https://x", "secret": "s", "event_names": ["a"]}
        twins = [{**one, "name": "twin"}] * 2
        stand_in.programs.register_webhooks(*twins, {**one, "name": "single"})
        changed = [{**one, "name": name, "event_names": ["b"]} for name in ("twin", "single")]

        changeset = talk.cmp.settings.apply({"webhooks": changed})["changeset"]

    assert (changeset["create"]["webhooks"], changeset["update"]["webhooks"]) == (
        ["twin"],
        ["single"],
    )
    after = [(one["name"], one["event_names"]) for one in stand_in.programs.webhooks()]
    assert after == [("twin", ["a"]), ("twin", ["a"]), ("single", ["a", "b"]), ("twin", ["b"])]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/assets?sort=title", None),
        ("GET", "/assets?page_size=1000", None),
        ("GET", "/assets?label=Review", None),
        ("GET", "/metrics", None),
        ("POST", "/folders", {"title": "Spring"}),
    ],
)
def test_a_wrong_request_is_found(
    requests: Requests | None, method: str, path: str, body: object
) -> None:
    if requests is None:
        pytest.skip("CMP_OPENAPI_SPEC names no specification")
    request = httpx.Request(method, f"{cmp_v3.BASE}{path}", json=body)

    with pytest.raises((AssertionError, ValidationError, ValueError)):
        requests.check(httpx.Response(200, json={}, request=request), cmp_v3.BASE)
