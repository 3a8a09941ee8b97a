"""Files come from CMP's file hosts into the bucket, and go where and when their asset does."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.relay import Relay
from tools.stand_in.deliveries import LibraryEventName
from tools.stand_in.files import own_content

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

LABELS = [{"group": {"id": "1", "name": "Web"}, "values": [{"id": "2", "name": "Ready to go"}]}]


def tell(relay: Relay, event_name: LibraryEventName, asset_id: str) -> None:
    (sent,) = relay.cmp.announce_library(event_name, asset_id)
    assert [job.outcome for job in relay.ended(sent["response"])] == ["applied"]


def keys(relay: Relay, asset_id: str) -> set[str]:
    """Return the keys of all files of an asset, wherever they are."""
    return {key for key in relay.objects("") if asset_id in key}


def become(relay: Relay, asset_id: str, wanted: set[str]) -> None:
    relay.wait(lambda: keys(relay, asset_id) == wanted, f"{wanted}")


def mirrored(relay: Relay, **fields: object) -> tuple[dict[str, Any], str, str]:
    """Bring a labelled image; return it with the keys of its object and of its copy."""
    asset = relay.cmp.add_asset("image", **{"labels": LABELS, **fields})
    tell(relay, "asset_added", asset["id"])
    stored = f"assets/image/{asset['id']}/{asset['version_id']}/Sample-Image.jpg"
    copied = f"website/images/{asset['id']}.jpg"
    become(relay, asset["id"], {stored, copied})
    return asset, stored, copied


def test_brings_a_file_and_copies_it_to_the_folder_of_its_rule(relay: Relay) -> None:
    asset, stored, copied = mirrored(relay)

    (event,) = relay.events(asset["id"], count=1, of_files=True)
    (file,) = event["detail"]["files"]
    assert (file["object"]["key"], file["copy"]["key"]) == (stored, copied)
    content = own_content(asset)
    assert content is not None
    digest = bytes.fromhex(content.sha256())
    assert file["checksum"] == base64.b64encode(digest).decode()
    assert file["size"] == asset["file_size"] == relay.objects(stored)[stored]
    (download,) = relay.cmp.downloads(asset["id"])
    assert not download["authorization"]
    assert not download["cookie"]


@pytest.mark.parametrize(
    "change",
    [{"labels": []}, {"is_archived": True}, {"expires_at": "2020-01-01T00:00:00Z"}],
    ids=["relabelled", "archived", "expired"],
)
def test_a_copy_goes_within_one_job_once_its_rule_does_not_match(
    relay: Relay, change: dict[str, Any]
) -> None:
    asset, stored, _ = mirrored(relay)

    relay.cmp.change_asset(asset["id"], **change)
    tell(relay, "asset_modified", asset["id"])

    become(relay, asset["id"], {stored})
    assert len(relay.cmp.downloads(asset["id"])) == 1


def test_a_copy_goes_when_the_publication_ends(relay: Relay) -> None:
    asset = relay.cmp.add_asset("raw_file")
    copied = f"published/{asset['id']}.pdf"
    assert relay.outcomes(relay.cmp.publish([asset["id"]])) == ["applied"]
    relay.wait(lambda: copied in keys(relay, asset["id"]), copied)

    assert relay.outcomes(relay.cmp.unpublish([asset["id"]])) == ["applied"]

    relay.wait(lambda: copied not in keys(relay, asset["id"]), f"the end of {copied}")


def test_a_copy_moves_with_its_asset(relay: Relay) -> None:
    asset, stored, _ = mirrored(relay)

    relay.cmp.change_asset(asset["id"], labels=[], file_location="/Press/2026")
    tell(relay, "asset_modified", asset["id"])

    become(relay, asset["id"], {stored, f"press/{asset['id']}.jpg"})


def test_an_asset_expires_without_a_word_of_cmp(relay: Relay) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=8)
    asset, stored, _ = mirrored(relay, expires_at=soon.strftime("%Y-%m-%dT%H:%M:%SZ"))
    relay.wait(lambda: datetime.now(UTC) > soon, "its time")

    relay.stack.functions.invoke("reconcile_library", {"source": "schedule"})

    become(relay, asset["id"], {stored})
    assert relay.asset(asset["id"])["expired"] is True


def test_nothing_is_left_of_an_asset_that_is_removed(relay: Relay) -> None:
    asset, _, _ = mirrored(relay)

    relay.cmp.move_asset(asset["id"], "deleted")
    tell(relay, "asset_removed", asset["id"])

    become(relay, asset["id"], set())


def test_a_private_file_is_fetched_by_a_link_that_is_stored_nowhere(relay: Relay) -> None:
    asset, stored, _ = mirrored(relay, is_public=False)

    assert relay.objects(stored)[stored] == asset["file_size"]
    assert len(relay.cmp.requests("/v3/file-urls")) == 1
    assert [one["token"] for one in relay.cmp.downloads(asset["id"])] == [False, True]
    table = relay.stack.boto("dynamodb").scan(TableName=relay.stack.env["CATALOGUE_TABLE"])
    assert "token=" not in str(table["Items"])


def test_the_pictures_of_an_article_are_its_files(relay: Relay) -> None:
    article = relay.cmp.add_asset("article")
    tell(relay, "asset_added", article["id"])

    (event,) = relay.events(article["id"], count=1, of_files=True)

    assert {file["object"]["key"] for file in event["detail"]["files"]} == keys(
        relay, article["id"]
    )
    assert len(event["detail"]["files"]) == len(article["images"]) > 0
