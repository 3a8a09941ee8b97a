"""The examples of docs/api.md run as they stand, against the stand-in."""

import os
import re
import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from cmp_relay import cmp_v3, content_api
from cmp_relay.exchanges import build_client
from cmp_relay_cli.app import main
from tests.support import environment
from tests.template import snapshot
from tools.stand_in.channels import WEBSITE
from tools.stand_in.client import StandIn
from tools.stand_in.process import running

pytestmark = pytest.mark.enable_socket

TEXT = (snapshot.PROJECT / "docs" / "api.md").read_text()
STEPS = re.findall(r"```yaml\n- run: cmp-relay (.*)", TEXT)
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
VIEWS = {"id": "64be245ec0d79e79fdf1ad86", "name": "Views", "type": "simple_number", "values": []}


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with running("client", "secret") as started:
        yield started


@pytest.fixture
def client(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """Lead the examples' connections to the stand-in."""
    origin = stand_in.base_url
    with build_client() as made:
        connect = partial(
            cmp_v3.connect,
            base=f"{origin}/v3",
            token_url=f"{origin}/o/oauth2/v1/token",
            origins=[origin],
            upload_origins=[stand_in.files_origin],
            client=made,
        )
        monkeypatch.setattr(cmp_v3, "connect", connect)
        connect_content = partial(content_api.connect, base=origin, client=made)
        monkeypatch.setattr(content_api, "connect", connect_content)
        yield made


@pytest.mark.usefixtures("client")
def test_the_examples_do_what_they_say(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = stand_in.add_asset("image")["id"]
    stand_in.set_custom_fields(asset, VIEWS)
    task = stand_in.tasks.add(status="Overdue")["task_id"]
    item = stand_in.programs.add_content(title="Spring")["id"]
    picture = tmp_path / "hero.png"
    picture.write_bytes(b"picture")
    given = {
        "CMP_CLIENT_ID": "client",
        "CMP_CLIENT_SECRET": "secret",
        "ASSET_ID": asset,
        "CONTENT_ID": item,
        "PICTURE": str(picture),
        "TASK_ID": task,
    }
    for name, value in {**environment.FUNCTIONS, **given}.items():
        monkeypatch.setenv(name, value)
    known: dict[str, Any] = {}

    for example in EXAMPLES:
        exec(compile(example, "docs/api.md", "exec"), known)  # noqa: S102 - our own examples

    assert known["changed"] == {"image": 1}
    assert len(known["overdue"]) == 1
    assert known["approved"] == ["Spring"]
    assert [one["task_id"] for one in stand_in.programs.intents()] == [task]
    (publication,) = stand_in.programs.content_publications()
    assert (publication["channel_id"], publication["status"]) == (WEBSITE, "scheduled")
    assert known["picture"]["title"] == "Hero of the spring campaign"
    assert {*known["board"]} == {task}
    assert known["cmp"].tasks.get(task)["due_at"] == "2026-12-24T17:00:00Z"
    assert [one["values"] for one in known["cmp"].assets.fields(asset)] == [["1204"]]

    # The stand-in's tasks have a custom field of another name.
    exec(EXAMPLES[-1].replace("Views", "Campaign code"), known)  # noqa: S102
    (shown,) = known["cmp"].tasks.custom_fields(task)
    assert shown["values"] == [{"id": None, "name": "1204"}]


def test_the_pipeline_step_does_what_it_says(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.reset()
    given = {
        "CMP_CLIENT_ID": "client",
        "CMP_CLIENT_SECRET": "secret",
        "CHANNEL_ID": WEBSITE,
        "CONTENT_ID": stand_in.programs.add_content()["id"],
        "PUBLISH_AT": "2099-12-01T09:00+01:00",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    (step,) = STEPS
    words = [os.path.expandvars(word) for word in shlex.split(step)]
    monkeypatch.setattr("sys.argv", ["cmp-relay", *words, "--api", stand_in.base_url])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 0
    (publication,) = stand_in.programs.content_publications()
    assert publication["schedule_at"] == "2099-12-01T08:00:00Z"
    assert (publication["channel_id"], publication["target_location"]) == (WEBSITE, "/blog")
