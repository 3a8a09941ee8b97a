"""The stand-in answers as the official specification of CMP's Open API says.

The specification is not ours to copy: `CMP_OPENAPI_SPEC` names the file that holds it.
"""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from tools.stand_in.kinds import IMAGE, KINDS, RAW_FILE, VIDEO
from tools.stand_in.process import running
from tools.stand_in.report_rules import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.stand_in.client import StandIn
    from tools.stand_in.kinds import Kind
    from tools.stand_in.world import Place

pytestmark = pytest.mark.enable_socket

IN_TASK = {
    "articles": "/tasks/{task_id}/articles/{article_id}",
    "images": "/tasks/{task_id}/images/{image_id}",
    "videos": "/tasks/{task_id}/videos/{video_id}",
    "raw-files": "/tasks/{task_id}/raw-files/{raw_file_id}",
    "structured-contents": "/tasks/{task_id}/structured-contents/{content_id}",
}
FOLDER, FILE_URLS = "/folders/{id}", "/file-urls"
RENDITIONS, RENDITION = "/assets/{asset_id}/renditions", "/renditions/{id}"
FIELDS, VERSIONS = "/assets/{asset_id}/fields", "/assets/{asset_id}/versions"
EVENT = "/publishing-events/{publishing_event_id}"
METADATA = f"{EVENT}/publishing-metadata"
ONE_METADATA = f"{EVENT}/assets/{{asset_id}}/publishing-metadata/{{publishing_metadata_id}}"
TASK = "/tasks/{id}"
TASK_FIELD = "/tasks/{task_id}/custom-fields/{custom_field_id}"
SUB_STEP = "/tasks/{task_id}/steps/{step_id}/sub-steps/{sub_step_id}"
WORK, COMMENTS = f"{SUB_STEP}/external-work", f"{SUB_STEP}/comments"
COMMENT = f"{COMMENTS}/{{comment_id}}"
PREVIEW = "/structured-content/contents/{content_id}/versions/{version_id}/previews/{preview_id}"
ONE_REMARK = "/work-requests/{work_request_id}/comments/{comment_id}"
EVERY_GET = [
    *(f"/{kind.segment}/{{id}}" for kind in KINDS),
    *IN_TASK.values(),
    "/asset-urls/{asset_id}",
    FOLDER,
    RENDITIONS,
    RENDITION,
    FIELDS,
    EVENT,
    METADATA,
    ONE_METADATA,
    TASK,
    *(f"{TASK}/{part}" for part in ("assets", "brief", "custom-fields")),
    TASK_FIELD,
    SUB_STEP,
    WORK,
    COMMENTS,
    COMMENT,
    "/campaigns/{id}",
    "/campaigns/{id}/brief",
    "/work-requests/{id}",
    "/work-requests/{id}/comments",
    ONE_REMARK,
    "/events/{id}",
    "/users/{id}",
]
CODES = get_args(ErrorCode)
FORBIDDEN = ("public_url", "locale", "publishing_destination_updated_at")
KIND_NAMES = [kind.name for kind in KINDS]
formats = FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


class Specification:
    """The official specification, asked whether a response is one that it describes."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.components = _json_schema(document["components"])
        # Allow nothing but their own properties, and are extended by others that have more.
        for name in ("BaseAssetRenditionResponse", "TaskAssetResponse", "BaseAssetField"):
            del self.components["schemas"][name]["additionalProperties"]
        # Demands two properties of each field of a brief that it then does not allow.
        brief = self.components["schemas"]["TaskBriefResponse"]["properties"]
        del brief["fields"]["items"]["additionalProperties"]

    def check(self, response: httpx.Response, template: str) -> None:
        method = response.request.method.lower()
        described = self._resolved(
            self.document["paths"][template][method]["responses"][str(response.status_code)]
        )
        for name, header in described.get("headers", {}).items():
            self._validate(response.headers[name], header["schema"])
        if "content" in described:
            self._validate(response.json(), described["content"]["application/json"]["schema"])
        else:
            assert response.content == b""

    def _validate(self, value: object, schema: dict[str, Any]) -> None:
        whole = {**_json_schema(schema), "components": self.components}
        Draft202012Validator(whole, format_checker=formats).validate(value)

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in node:
            return node
        found = self.document
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return found


def _json_schema(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Say OpenAPI 3.0's `nullable` and `discriminator` as JSON Schema does."""
    if isinstance(node, list):
        return [_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: _json_schema(value) for key, value in node.items() if key != "nullable"}
    if node.get("nullable") is True:
        schema["type"] = [node["type"], "null"]
    if "discriminator" in node and schema.pop("oneOf", None):
        name, kinds = node["discriminator"]["propertyName"], node["discriminator"]["mapping"]
        schema["allOf"] = [
            {"if": {"properties": {name: {"const": kind}}}, "then": {"$ref": reference}}
            for kind, reference in kinds.items()
        ]
        schema["properties"] = {name: {"enum": [*kinds]}}
    return schema


@pytest.fixture(scope="module")
def specification() -> Specification:
    path = os.environ.get("CMP_OPENAPI_SPEC")
    if not path:
        pytest.skip(
            "Set CMP_OPENAPI_SPEC to specification/openapi.json of Optimizely's public repository "
            "newscred/opti-cmp-sdk, kept outside this project."
        )
    return Specification(json.loads(Path(path).read_text()))


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with running("local", "local") as started:
        yield started


@pytest.fixture
def open_api(stand_in: StandIn) -> Iterator[httpx.Client]:
    stand_in.reset()
    form = {"client_id": "local", "client_secret": "local", "grant_type": "client_credentials"}
    token = httpx.post(f"{stand_in.base_url}/o/oauth2/v1/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{stand_in.base_url}/v3", headers=headers) as client:
        yield client


@pytest.mark.parametrize("kind", KINDS, ids=KIND_NAMES)
def test_the_library_shows_an_asset_of_each_kind(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification, kind: Kind
) -> None:
    asset = stand_in.add_asset(kind.name)

    response = open_api.get(f"/{kind.segment}/{asset['id']}")

    assert response.status_code == 200
    specification.check(response, f"/{kind.segment}/{{id}}")


def test_a_field_that_the_specification_lacks_would_be_found(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    asset = stand_in.add_asset("image", invented="field")

    response = open_api.get(f"/images/{asset['id']}")

    with pytest.raises(ValidationError, match="invented"):
        specification.check(response, "/images/{id}")


@pytest.mark.parametrize("kind", KINDS, ids=KIND_NAMES)
def test_a_task_shows_an_asset_of_each_kind(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification, kind: Kind
) -> None:
    asset = stand_in.add_asset(kind.name)
    task = stand_in.move_asset(asset["id"], "task")["task_id"]

    response = open_api.get(f"/tasks/{task}/{kind.segment}/{asset['id']}")

    assert response.status_code == 200
    specification.check(response, IN_TASK[kind.segment])


@pytest.mark.parametrize("place", ["library", "task"])
def test_asset_urls_redirect_to_where_the_asset_lives(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification, place: Place
) -> None:
    asset = stand_in.add_asset("image")
    stand_in.move_asset(asset["id"], place)

    response = open_api.get(f"/asset-urls/{asset['id']}")

    assert response.headers["X-Resource-Location"] == place
    specification.check(response, "/asset-urls/{asset_id}")
    assert open_api.get(response.headers["Location"]).json()["id"] == asset["id"]


def test_the_list_of_assets_shows_each_kind(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    stand_in.add_assets([{"kind": kind.name} for kind in KINDS])

    first = open_api.get("/assets", params={"page_size": 3})
    second = open_api.get(first.json()["pagination"]["next"])

    for response in (first, second):
        specification.check(response, "/assets")
    rows = first.json()["data"] + second.json()["data"]
    assert {row["type"] for row in rows} == set(KIND_NAMES)
    assert all(open_api.get(row["links"]["self"]).json()["id"] == row["id"] for row in rows)


def test_folders_are_shown_alone_and_as_a_list(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    folder = stand_in.add_folder("icons")

    one, every = open_api.get(folder["links"]["self"]), open_api.get("/folders")

    specification.check(one, FOLDER)
    specification.check(every, "/folders")
    assert one.json() == every.json()["data"][0] == folder


def test_renditions_are_shown_alone_and_as_a_list(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    asset = stand_in.add_asset("image")
    renditions = stand_in.set_renditions(asset["id"], "Facebook", "Square")

    every = open_api.get(f"/assets/{asset['id']}/renditions")
    one = open_api.get(f"/renditions/{renditions[1]['id']}")

    specification.check(every, RENDITIONS)
    specification.check(one, RENDITION)
    assert [rendition["name"] for rendition in every.json()["data"]] == ["Facebook", "Square"]
    assert one.json() == renditions[1]


def test_custom_fields_are_shown(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    asset = stand_in.add_asset("article")

    response = open_api.get(f"/assets/{asset['id']}/fields")

    specification.check(response, FIELDS)
    assert [field["type"] for field in response.json()["data"]] == ["text", "date"]


def test_download_urls_are_given_by_guid(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    assets = [stand_in.add_asset("image", is_public=public) for public in (True, False)]
    guids = [*(asset["id"] for asset in assets), "nobody"]

    response = open_api.post(FILE_URLS, json={"guids": guids})

    specification.check(response, FILE_URLS)
    public, private, unknown = (response.json()["urls"][guid] for guid in guids)
    assert public == assets[0]["url"]
    assert private.startswith(f"{assets[1]['url']}?token=")
    assert unknown is None


@pytest.mark.parametrize("path", ["/assets?page_size=101", "/folders?offset=-1", "/assets?x=1"])
def test_a_list_that_cannot_be_asked_for_is_a_client_error(
    open_api: httpx.Client, specification: Specification, path: str
) -> None:
    response = open_api.get(path)

    assert response.status_code == 400
    specification.check(response, path.partition("?")[0])


def test_guids_that_cannot_be_read_are_a_client_error(
    open_api: httpx.Client, specification: Specification
) -> None:
    response = open_api.post(FILE_URLS, json={"guids": []})

    assert response.status_code == 400
    specification.check(response, FILE_URLS)


def test_publishing_events_and_their_metadata_are_shown(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    ids = [stand_in.add_asset(kind.name)["id"] for kind in KINDS]
    links = stand_in.body("publish", ids)["data"]["publishing_event"]["links"]
    reports = [
        {"asset_id": ids[0], "status": "published", "public_url": "https://example.com/a"},
        {"asset_id": ids[1], "status": "failed", "status_message": "no room", "locale": "de"},
        {"asset_id": "4567m4749", "status": "published"},
    ]

    reported = open_api.post(links["publishing_metadata"], json={"data": reports})
    event = open_api.get(links["self"])
    listed = open_api.get(links["publishing_metadata"], params={"status": "failed"})
    one = open_api.get(listed.json()["data"][0]["links"]["self"])

    specification.check(reported, METADATA)
    specification.check(event, EVENT)
    specification.check(listed, METADATA)
    specification.check(one, ONE_METADATA)
    assert [entry["error_code"] for entry in reported.json()["errors"]] == ["unknown-asset"]
    assert [len(asset["publishing_metadata"]) for asset in event.json()["assets"]] == [
        1,
        1,
        0,
        0,
        0,
    ]


def test_a_report_that_is_already_there_is_refused(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    asset = stand_in.add_asset("image")
    links = stand_in.body("publish", [asset["id"]])["data"]["publishing_event"]["links"]
    report = {"data": [{"asset_id": asset["id"], "status": "published"}]}
    open_api.post(links["publishing_metadata"], json=report)

    repeated = open_api.post(links["publishing_metadata"], json=report)

    specification.check(repeated, METADATA)
    assert repeated.json()["errors"][0]["error_code"] == "metadata-exists"


def test_a_report_that_cannot_be_read_is_a_client_error(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    asset = stand_in.add_asset("image")
    links = stand_in.body("publish", [asset["id"]])["data"]["publishing_event"]["links"]

    response = open_api.post(links["publishing_metadata"], json={"data": [{"status": None}]})

    assert response.status_code == 400
    specification.check(response, METADATA)


def test_every_refusal_of_a_report_has_a_documented_code(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    refusals = dict(zip(stand_in.add_assets([{"kind": "image"}] * len(CODES)), CODES, strict=True))
    link = stand_in.body("publish", list(refusals))["data"]["publishing_event"]["links"]
    stand_in.publishing.set_rules(refusals=refusals)
    reports = [
        {"asset_id": one, "status": "published"}
        | (dict.fromkeys(FORBIDDEN, "x") if code.endswith("-not-allowed") else {})
        for one, code in refusals.items()
    ]

    response = open_api.post(link["publishing_metadata"], json={"data": reports})

    specification.check(response, METADATA)
    told = {one["asset_id"]: one["error_code"] for one in response.json()["errors"]}
    assert told == refusals


def test_previews_are_acknowledged_and_completed(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    content = stand_in.add_asset("structured_content")["id"]
    asked = stand_in.publishing.request_preview(content, send=False)
    links = asked["body"]["data"]["links"]
    own = {"acknowledged_by": "site", "content_hash": "0f0f"}
    keyed = {
        "Desktop": "https://site.example/desktop",
        "Mobile": {"completed": "https://site.example/mobile", "locale": "en"},
        "Watch": {"error": "https://site.example/error"},
    }

    responses = {
        f"{PREVIEW}/acknowledge": [
            open_api.post(links["acknowledge"], json={"acknowledgedBy": "site"}),
            open_api.post(links["acknowledge"], json=own),
            open_api.post(links["acknowledge"], json=own),
        ],
        f"{PREVIEW}/complete": [
            open_api.post(links["complete"], json={"keyed_previews": {"Desktop": 1}}),
            open_api.post(links["complete"], json={"keyed_previews": keyed}),
        ],
    }

    for template, answers in responses.items():
        for answer in answers:
            specification.check(answer, template)
    statuses = [one.status_code for answers in responses.values() for one in answers]
    assert statuses == [422, 200, 422, 422, 200]


@pytest.mark.parametrize(
    ("kind", "name", "mime_type"),
    [
        ("image", "hero.png", "image/png"),
        ("video", "film.mp4", "video/mp4"),
        ("raw_file", "paper.pdf", "application/pdf"),
    ],
)
def test_assets_and_versions_are_made_of_uploads(
    stand_in: StandIn,
    open_api: httpx.Client,
    specification: Specification,
    kind: str,
    name: str,
    mime_type: str,
) -> None:
    form = open_api.get("/upload-url")
    fields = form.json()["upload_meta_fields"]
    httpx.post(form.json()["url"], data=fields, files={"file": (name, b"content")})
    order = {"key": fields["key"], "title": "Hero"}

    made = open_api.post("/assets", json=order)
    added = open_api.post(f"/assets/{made.json()['id']}/versions", json=order)
    refused = open_api.post(f"/assets/{made.json()['id']}/versions", json={**order, "key": "x"})

    specification.check(form, "/upload-url")
    specification.check(made, "/assets")
    specification.check(added, VERSIONS)
    specification.check(refused, VERSIONS)
    specification.check(open_api.post("/assets", json={"key": "x", "title": "x"}), "/assets")
    assert (made.json()["type"], added.json()["mime_type"]) == (kind, mime_type)


@pytest.mark.parametrize("kind", [IMAGE, VIDEO, RAW_FILE], ids=lambda kind: kind.name)
def test_assets_are_changed(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification, kind: Kind
) -> None:
    path = f"/{kind.segment}/{stand_in.add_asset(kind.name)['id']}"
    changes = [
        ({"title": "Renamed", "expires_at": "2026-12-24T17:00:00Z", "tags": ["spring"]}, 200),
        ({"labels": [{"group": "a" * 32, "values": ["b" * 32]}]}, 200),
        ({"titel": "Renamed"}, 400),
        ({"folder_id": "gone"}, 422),
    ]

    for change, status in changes:
        response = open_api.patch(path, json=change)
        assert response.status_code == status
        specification.check(response, f"/{kind.segment}/{{id}}")


def test_fields_are_replaced(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    url = f"/assets/{stand_in.add_asset('image')['id']}/fields"
    review = {"id": "123124", "type": "label", "values": ["234236"]}

    every = open_api.put(url, json=[review])
    one = open_api.put(f"{url}/123124", json=review)
    wrong = open_api.put(url, json=[{**review, "values": ["gone"]}])

    specification.check(every, FIELDS)
    specification.check(one, f"{FIELDS}/{{field_id}}")
    specification.check(wrong, FIELDS)
    assert [answer.status_code for answer in (every, one, wrong)] == [200, 200, 400]


def test_a_task_and_what_belongs_to_it_are_shown(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    assets = stand_in.add_assets([{"kind": kind.name} for kind in KINDS])
    step = stand_in.tasks.add(asset_ids=assets)
    stand_in.tasks.body("modify", step["sub_step_id"], assignee_id="ada")

    task = open_api.get(step["links"]["task"])
    links = task.json()["links"]
    fields = open_api.get(links["custom_fields"])
    listed = open_api.get(links["assets"])

    specification.check(task, TASK)
    specification.check(open_api.get(links["brief"]), f"{TASK}/brief")
    specification.check(listed, f"{TASK}/assets")
    specification.check(fields, f"{TASK}/custom-fields")
    specification.check(open_api.get(fields.json()["data"][0]["links"]["self"]), TASK_FIELD)
    assert [row["type"] for row in listed.json()["data"]] == KIND_NAMES


def test_what_is_planned_around_tasks_is_shown(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    work_request = stand_in.tasks.add_resource("work_request")
    added = {
        "/campaigns/{id}": stand_in.tasks.add_resource("campaign")["links"]["self"],
        "/campaigns/{id}/brief": stand_in.tasks.add_resource("campaign")["links"]["brief"],
        "/work-requests/{id}": work_request["links"]["self"],
        "/work-requests/{id}/comments": work_request["links"]["comments"],
        "/events/{id}": stand_in.tasks.add_resource("event")["links"]["self"],
    }
    comment = stand_in.tasks.add_resource(
        "work_request_comment", work_request_id=work_request["id"], value="Tomorrow"
    )
    added[ONE_REMARK] = f"{work_request['links']['comments']}/{comment['id']}"
    added["/users/{id}"] = comment["links"]["comment_by"]

    shown = {template: open_api.get(link) for template, link in added.items()}

    for template, response in shown.items():
        assert response.status_code == 200
        specification.check(response, template)
    assert shown["/work-requests/{id}/comments"].json()["data"] == [comment]
    assert shown[ONE_REMARK].json()["value"] == "Tomorrow"


def test_a_sub_step_and_its_external_work_are_shown_and_changed(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    links = stand_in.tasks.add()["links"]
    ticket = {"identifier": "LEG-7", "status": "Open", "url": "https://jira.example/LEG-7"}

    checked = {
        SUB_STEP: [
            open_api.get(links["sub_step"]),
            open_api.patch(links["sub_step"], json={"assignee_id": "ada"}),
            open_api.patch(links["sub_step"], json={"is_completed": True}),
            open_api.patch(links["sub_step"], json={"is_completed": True}),
            open_api.patch(links["sub_step"], json={"is_completed": False}),
        ],
        WORK: [
            open_api.get(links["external_work"]),
            open_api.patch(links["external_work"], json=ticket),
            open_api.patch(links["external_work"], json={"url": "http://jira.example"}),
            open_api.patch(links["external_work"], json={"identifier": ""}),
        ],
    }

    for template, responses in checked.items():
        for response in responses:
            specification.check(response, template)
    assert [one.status_code for one in checked[SUB_STEP]] == [200, 200, 200, 422, 400]
    assert [one.status_code for one in checked[WORK]] == [200, 200, 422, 400]


def test_comments_are_shown_added_changed_and_removed(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification
) -> None:
    url = stand_in.tasks.add()["links"]["comments"]
    attachment = {"key": "ce8995aea58b11ea8cd90242ac120005", "name": "contract.pdf"}

    added = open_api.post(url, json={"value": "On it", "attachments": [attachment]})
    own = added.json()["links"]["self"]

    specification.check(added, COMMENTS)
    specification.check(open_api.get(url), COMMENTS)
    specification.check(open_api.post(url, json={"value": ""}), COMMENTS)
    specification.check(open_api.post(url, json={"value": "x", "parent_comment_id": "y"}), COMMENTS)
    specification.check(open_api.get(own), COMMENT)
    specification.check(open_api.patch(own, json={"value": "Done"}), COMMENT)
    specification.check(open_api.patch(own, json={"text": "Done"}), COMMENT)
    specification.check(open_api.delete(own), COMMENT)
    specification.check(open_api.delete(own), COMMENT)


@pytest.mark.parametrize("template", EVERY_GET)
def test_every_route_refuses_in_the_documented_words(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification, template: str
) -> None:
    path = re.sub(r"{\w+}", "4567m4749", template)

    missing = open_api.get(path)
    without_token = open_api.get(path, headers={"Authorization": ""})
    stand_in.expire_tokens()
    expired = open_api.get(path)

    assert [missing.status_code, without_token.status_code, expired.status_code] == [404, 401, 401]
    for response in (missing, without_token, expired):
        specification.check(response, template)


@pytest.mark.parametrize("kind", KINDS, ids=KIND_NAMES)
def test_a_forbidden_asset_is_refused_in_the_documented_words(
    stand_in: StandIn, open_api: httpx.Client, specification: Specification, kind: Kind
) -> None:
    asset = stand_in.add_asset(kind.name)
    task = stand_in.move_asset(asset["id"], "forbidden")["task_id"]

    in_library = open_api.get(f"/{kind.segment}/{asset['id']}")
    in_task = open_api.get(f"/tasks/{task}/{kind.segment}/{asset['id']}")
    located = open_api.get(f"/asset-urls/{asset['id']}")

    assert {in_library.status_code, in_task.status_code, located.status_code} == {403}
    specification.check(in_library, f"/{kind.segment}/{{id}}")
    specification.check(in_task, IN_TASK[kind.segment])
    specification.check(located, "/asset-urls/{asset_id}")
