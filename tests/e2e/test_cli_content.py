"""Seed 001 ("CMP REST API Integration") from its first step to its last, at the command line.

By the stack's own app, and as a pipeline does it, which has CMP's credentials and no AWS at all.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest

from cmp_relay import content_api
from cmp_relay.content_api import ContentApi
from cmp_relay.credentials import Credentials
from cmp_relay.errors import ForbiddenError
from cmp_relay.exchanges import build_client
from tests.e2e.operator import Operator, visitor
from tests.e2e.test_cli_failures import EXPIRED
from tests.support.stub_server import stub_server
from tools.stand_in.channels import WEBSITE

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

PATHS = "/v1/cmp"
LATER = "2099-04-01T11:00+02:00"
UNKNOWN = "6410b1a2c3d4e5f607182999"


@pytest.fixture(autouse=True)
def address(operator: Operator) -> None:
    """Say where the tutorial's API is."""
    operator.environment["CMP_CONTENT_API"] = operator.relay.cmp.base_url


@pytest.fixture
def credentials(operator: Operator) -> Credentials:
    """Read what CMP knows the relay's app by."""
    stack = operator.relay.stack
    arn = stack.resources.output("CredentialsSecretArn")
    text = stack.boto("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    known = json.loads(text)
    return Credentials(known["client_id"], known["client_secret"])


@pytest.fixture
def pipeline(operator: Operator, credentials: Credentials) -> Operator:
    """A step of a pipeline, whose environment holds nothing of AWS."""
    own = Operator(operator.relay, operator.folder)
    of_aws = [name for name in own.environment if name.startswith("AWS_")]
    for name in (*of_aws, "CMP_RELAY_STACK"):
        del own.environment[name]
    own.environment |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "CMP_CONTENT_API": operator.relay.cmp.base_url,
        "CMP_CLIENT_ID": credentials.client_id,
        "CMP_CLIENT_SECRET": credentials.client_secret,
    }
    return own


@contextmanager
def connected(operator: Operator, credentials: Credentials) -> Iterator[ContentApi]:
    """Do it from Python."""
    with build_client() as client:
        yield content_api.connect(credentials, base=operator.relay.cmp.base_url, client=client)


@pytest.fixture
def api(operator: Operator, credentials: Credentials) -> Iterator[ContentApi]:
    with connected(operator, credentials) as made:
        yield made


def asked(operator: Operator, path: str = PATHS) -> list[tuple[str, int | None]]:
    """Return method and status of the requests to CMP since the last time."""
    found = [(one["method"], one["status"]) for one in operator.relay.cmp.requests(path)]
    operator.relay.cmp.clear_requests()
    return found


def test_authenticate_and_query_content_items_by_filters(operator: Operator) -> None:
    wanted = {"status": "approved", "content_type": "blog-post", "campaign_id": "spring"}
    add = operator.relay.cmp.programs.add_content
    fitting = [add(**wanted, title=f"Post {number}")["id"] for number in range(2)]
    for name in wanted:
        add(**{**wanted, name: "other"})
    chosen = ("--status", "approved", "--type", "blog-post", "--campaign", "spring")

    listed = operator.json("content", "list", *chosen)
    shown = operator.run("content", "list", *chosen, "--limit", "1")

    assert [each["id"] for each in listed] == fitting
    assert "Post 0" in shown.stdout
    assert "Post 1" not in shown.stdout
    assert "--limit shows more" in shown.stderr
    assert asked(operator, "/oauth/token") == [("POST", 200)] * 2


def test_handle_pagination_until_has_next_is_false(operator: Operator) -> None:
    add = operator.relay.cmp.programs.add_content
    ids = [add()["id"] for _ in range(201)]
    operator.relay.cmp.clear_requests()

    assert [each["id"] for each in operator.json("content", "list", "--limit", "999")] == ids
    assert asked(operator) == [("GET", 200)] * 3
    assert len(operator.json("content", "list", "--limit", "100")) == 100
    assert asked(operator) == [("GET", 200)]


def test_get_a_content_item_with_its_workflow_state(operator: Operator) -> None:
    operator.relay.cmp.programs.add_content(id="a..b", status="in_review", body="Hello")

    item = operator.json("content", "get", "a..b")

    assert (item["body"], item["workflow"]) == ("Hello", {"state": "in_review"})


def test_upload_an_asset_with_title_description_tags_and_folder(
    operator: Operator, api: ContentApi
) -> None:
    file = operator.folder / "hero.png"
    file.write_bytes(b"picture")
    words = ("--title", "Hero", "--description", "A hero", "--tag", "spring", "--tag", "é")
    upload = partial(operator.json, "content", "upload", str(file), *words, "--folder", "f1")

    assert upload("--dry-run")["bytes"] == 7
    assert "--yes" in operator.complaint("content", "upload", str(file), code=2)
    made = upload("--yes")
    same = api.upload(file, "Hero", description="A hero", tags=["spring", "é"], folder_id="f1")

    assert operator.relay.cmp.programs.content_assets() == [made, same]
    assert {**made, "id": ""} == {**same, "id": ""}
    assert (made["tags"], made["folder_id"], made["file_size"]) == (["spring", "é"], "f1", 7)


def test_trigger_publishing_now(operator: Operator) -> None:
    item = operator.relay.cmp.programs.add_content(title="Spring")["id"]
    publish = partial(operator.json, "content", "publish", item, "--channel", WEBSITE)
    before = operator.json("status")["budget"]["used"]

    dry = publish("--dry-run")
    asking = operator.complaint("content", "publish", item, "--channel", WEBSITE, code=2)
    assert operator.relay.cmp.programs.content_publications() == []
    done = publish("--yes")

    assert (dry["title"], dry["status"], dry["schedule_at"]) == ("Spring", "approved", None)
    assert f"Publish 'Spring' on {WEBSITE} now?" in asking
    assert operator.relay.cmp.programs.content_publications() == [done["answer"]]
    assert done["answer"]["status"] == "published"
    assert operator.json("status")["budget"]["used"] >= before + 4


def test_trigger_publishing_from_a_pipeline_later_at_a_location_without_aws(
    pipeline: Operator,
) -> None:
    item = pipeline.relay.cmp.programs.add_content()["id"]
    words = ("content", "publish", item, "--channel", WEBSITE, "--at", LATER, "--target", "/blog")

    ended = pipeline.run(*words, "--yes")

    assert ended.returncode == 0, ended.stderr
    assert "has taken it, to publish it at 2099-04-01T09:00:00Z, and says" in ended.stdout
    assert '"status": "scheduled"' in ended.stdout
    (publication,) = pipeline.relay.cmp.programs.content_publications()
    assert publication["schedule_at"] == "2099-04-01T09:00:00Z"
    assert (publication["status"], publication["target_location"]) == ("scheduled", "/blog")
    assert "no AWS credentials" in pipeline.complaint("assets", "list", "--region", "us-east-1")


def test_400_says_what_cmp_says(operator: Operator) -> None:
    operator.relay.cmp.add_fault("status", status=400, path=PATHS)

    told = operator.complaint("content", "list")

    assert "400 'Injected fault'; check the body and the query parameters" in told


def test_401_of_an_expired_token_gets_another_one(api: ContentApi, operator: Operator) -> None:
    item = operator.relay.cmp.programs.add_content()["id"]
    api.get(item)
    operator.relay.cmp.expire_tokens()
    operator.relay.cmp.clear_requests()
    api.get(item)
    assert asked(operator) == [("GET", 401), ("GET", 200)]

    operator.relay.cmp.add_fault("unauthorized", path=PATHS)
    assert operator.json("content", "get", item)["id"] == item
    assert asked(operator) == [("GET", 401), ("GET", 200)]


def test_401_of_wrong_credentials_and_of_an_app_that_is_refused(pipeline: Operator) -> None:
    wrong = pipeline.complaint("content", "list", CMP_CLIENT_SECRET="wrong-one")  # noqa: S106
    half = pipeline.complaint("content", "list", code=2, CMP_CLIENT_SECRET="")
    pipeline.relay.cmp.add_fault("unauthorized", path=PATHS, count=9)
    refused = pipeline.complaint("content", "list")

    assert "401 invalid_client; check the client id and the client secret" in wrong
    assert "wrong-one" not in wrong
    assert "CMP_CLIENT_ID is set, CMP_CLIENT_SECRET is not" in half
    assert "the access token is refused, a fresh one too" in refused


def test_403_names_the_scopes(
    operator: Operator, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = operator.relay.cmp.programs.add_content()["id"]
    operator.relay.cmp.add_fault("status", status=403, path=PATHS)

    told = operator.complaint("content", "get", item)

    assert "verify what the app may do: its role, and the scopes of its token" in told
    monkeypatch.setattr(content_api, "SCOPE", "cmp:read")
    with connected(operator, credentials) as reader:
        assert reader.get(item)["id"] == item
        with pytest.raises(ForbiddenError, match="scopes"):
            reader.publish(item, WEBSITE)
    assert operator.relay.cmp.programs.content_publications() == []


def test_404_tells_an_unknown_item_from_an_unknown_channel(operator: Operator) -> None:
    item = operator.relay.cmp.programs.add_content()["id"]
    publish = partial(operator.complaint, "content", "publish")

    assert "no content item nobody" in operator.complaint("content", "get", "nobody")
    assert "no content item nobody" in publish("nobody", "--channel", WEBSITE, "--yes")
    assert f"no channel {UNKNOWN}" in publish(item, "--channel", UNKNOWN, "--yes")
    assert operator.relay.cmp.programs.content_publications() == []


def test_422_of_content_that_is_not_approved_says_so(operator: Operator) -> None:
    item = operator.relay.cmp.programs.add_content(status="in_review")["id"]
    words = ("content", "publish", item, "--channel", WEBSITE)

    told = operator.complaint(*words, "--yes")

    assert operator.json(*words, "--dry-run")["status"] == "in_review"
    assert "422 'Content is in the workflow state in_review; only approved is published'" in told
    assert operator.relay.cmp.programs.content_publications() == []


def test_429_is_waited_out_and_every_request_counts_in_the_budget(operator: Operator) -> None:
    item = operator.relay.cmp.programs.add_content()["id"]
    before = operator.json("status")["budget"]["used"]
    operator.relay.cmp.set_limits(per_second=1)
    operator.relay.cmp.clear_requests()

    operator.json("content", "publish", item, "--channel", WEBSITE, "--yes")

    requests = asked(operator)
    assert requests[0] == ("GET", 200)
    assert ("POST", 429) in requests
    assert requests[-1] == ("POST", 200)
    assert operator.json("status")["budget"]["used"] >= before + len(requests)
    assert len(operator.relay.cmp.programs.content_publications()) == 1


def test_429_is_not_waited_for_longer_than_two_minutes(pipeline: Operator) -> None:
    pipeline.relay.cmp.add_fault("status", status=429, retry_after=600, path=PATHS)

    assert "429; wait and ask again" in pipeline.complaint("content", "list")


@pytest.mark.parametrize("kind", ["lost", "disconnect"])
def test_a_lost_answer_is_told_as_such_and_can_be_looked_up(operator: Operator, kind: str) -> None:
    item = operator.relay.cmp.programs.add_content()["id"]
    operator.relay.cmp.add_fault(kind, path=PATHS, method="POST")

    told = operator.complaint("content", "publish", item, "--channel", WEBSITE, "--yes")

    assert f"not known whether {item} is published" in told
    assert f"`cmp-relay content get {item}`" in told
    assert len(operator.relay.cmp.programs.content_publications()) == (kind == "lost")
    assert operator.json("content", "get", item)["id"] == item


def test_the_local_stack_asks_its_stand_in(operator: Operator) -> None:
    item = operator.relay.cmp.programs.add_content()["id"]
    operator.at_home()
    del operator.environment["CMP_CONTENT_API"]

    assert operator.json("--local", "content", "get", item)["id"] == item


class TestWithoutTheStack:
    """What each command says when it cannot have the stack's credentials; nothing is written."""

    @pytest.fixture
    def commands(self, operator: Operator) -> Iterator[list[list[str]]]:
        item = operator.relay.cmp.programs.add_content()["id"]
        file = operator.folder / "hero.png"
        file.write_bytes(b"picture")
        publish = ["publish", item, "--channel", WEBSITE, "--yes"]
        yield [["list"], ["get", item], publish, ["upload", str(file), "--yes"]]
        assert operator.relay.cmp.programs.content_publications() == []
        assert operator.relay.cmp.programs.content_assets() == []
        assert asked(operator) == []

    def test_no_stack(self, operator: Operator, commands: list[list[str]]) -> None:
        for told in complaints(operator, commands, "--stack-name", "nowhere"):
            assert "no stack nowhere in us-east-1" in told

    def test_no_permission_to_the_secret(
        self, operator: Operator, commands: list[list[str]]
    ) -> None:
        with visitor(operator, "cloudformation:*", "dynamodb:*") as stranger:
            for told in complaints(stranger, commands):
                assert "may not do GetSecretValue" in told

    def test_no_permission_to_the_budget(
        self, operator: Operator, commands: list[list[str]]
    ) -> None:
        with visitor(operator, "cloudformation:*", "secretsmanager:*") as stranger:
            for told in complaints(stranger, commands):
                assert "may not do GetItem" in told

    def test_expired_credentials_of_aws(
        self, operator: Operator, commands: list[list[str]]
    ) -> None:
        with stub_server() as aws:
            aws.answers = [(403, EXPIRED)]
            operator.environment["AWS_ENDPOINT_URL"] = aws.url
            for told in complaints(operator, commands):
                assert "AWS credentials have expired" in told


def complaints(operator: Operator, commands: list[list[str]], *words: str) -> list[str]:
    """Return the one sentence with which each command fails."""

    def complaint(command: list[str]) -> str:
        place = operator.relay.cmp.base_url
        return operator.complaint("content", *command, *words, "--api", place)

    with ThreadPoolExecutor(2) as pool:
        return [*pool.map(complaint, commands)]
