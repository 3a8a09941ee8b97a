from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import pytest

from cmp_relay import times
from cmp_relay.catalogue import AssetState, Catalogue, Record
from cmp_relay.errors import StorageError
from cmp_relay.gaps import Known
from cmp_relay.reconcile_table import Expiry, ReconcileTable
from tests.support.clock import NOON
from tests.support.worker_stack import WorkerStack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def table(stack: WorkerStack) -> ReconcileTable:
    return ReconcileTable(stack.dynamodb, "catalogue")


def store(stack: WorkerStack, asset_id: str, **fields: Any) -> None:  # noqa: ANN401
    catalogue = Catalogue(stack.dynamodb, "catalogue")
    kind = fields.pop("type", "image")
    catalogue.write(
        Record(AssetState(asset_id, kind)), Record(AssetState(asset_id, kind, **fields))
    )


class Reluctant:
    """A table that gives one item at a time, or none."""

    def __init__(self, *, gives: int) -> None:
        self.gives = gives

    def batch_get_item(self, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        wanted = RequestItems["catalogue"]
        given, left = wanted["Keys"][: self.gives], wanted["Keys"][self.gives :]
        unprocessed = {"catalogue": {**wanted, "Keys": left}} if left else {}
        items = [
            {
                "asset_id": {"S": key["pk"]["S"].removeprefix("ASSET#")},
                "type": {"S": "image"},
                "modified_at": {"S": times.iso(NOON)},
            }
            for key in given
        ]
        return {"Responses": {"catalogue": items}, "UnprocessedKeys": unprocessed}


def reluctant(*, gives: int) -> ReconcileTable:
    return ReconcileTable(cast("DynamoDBClient", Reluctant(gives=gives)), "catalogue")


def test_what_is_known_of_an_asset(table: ReconcileTable, stack: WorkerStack) -> None:
    known = Known(
        "image-1",
        "image",
        library="present",
        modified_at=NOON,
        seen_at=NOON + 1,
        removed_at=NOON + 2,
        href="link",
        organization_id="organization-1",
    )
    fields = {name: getattr(known, name) for name in Known.__slots__}
    store(stack, **fields)
    store(stack, "image-2")

    found = table.known(["image-1", "image-2", "image-3"])

    assert found == {"image-1": known, "image-2": Known("image-2", "image")}


def test_more_assets_than_one_request_can_ask_for(
    table: ReconcileTable, stack: WorkerStack
) -> None:
    store(stack, "image-149")

    assert table.known(f"image-{number}" for number in range(150)).keys() == {"image-149"}


def test_what_dynamodb_leaves_out_is_asked_for_again() -> None:
    assert reluctant(gives=1).known(["image-1", "image-2"]).keys() == {"image-1", "image-2"}


def test_what_dynamodb_never_gives_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)

    with pytest.raises(StorageError):
        reluctant(gives=0).known(["image-1"])


def test_lists_what_may_be_in_the_library(table: ReconcileTable, stack: WorkerStack) -> None:
    store(stack, "present", library="present")
    store(stack, "archived", library="archived")
    store(stack, "removed", library="removed")
    store(stack, "published", library="present", published=True)
    store(stack, "hologram", library="present", type="hologram")

    assert set(table.listed({"image"})) == {"present", "archived", "published"}
    assert "hologram" in set(table.listed({"image", "hologram"}))


def test_tells_which_jobs_have_ended(table: ReconcileTable, stack: WorkerStack) -> None:
    ended: dict[str, dict[str, Any]] = {
        "gone": {"outcome": {"S": "applied"}, "reason": {"S": "gone"}},
        "there": {"outcome": {"S": "applied"}, "reason": {"NULL": True}},
        "in-flight": {},
    }
    for job_id, more in ended.items():
        key: dict[str, Any] = {"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}}
        stack.dynamodb.put_item(TableName="catalogue", Item={**key, **more})

    found = table.outcomes(["gone", "there", "in-flight", "unseen"])

    assert found == {"gone": ("applied", "gone"), "there": ("applied", None)}


def test_an_expiry_is_listed_from_its_moment_on_until_it_was_told(
    table: ReconcileTable, stack: WorkerStack
) -> None:
    store(stack, "image-1", expires_at=NOON)
    expiry = Expiry("image-1", NOON)

    assert table.expired(NOON - 1) == []
    assert table.expired(NOON) == [expiry]

    table.told(expiry)
    assert table.expired(NOON) == []


def test_an_expiry_that_was_put_off_meanwhile_stays_listed(
    table: ReconcileTable, stack: WorkerStack
) -> None:
    store(stack, "image-1", expires_at=NOON + 1)

    table.told(Expiry("image-1", NOON))

    assert table.expired(NOON + 1) == [Expiry("image-1", NOON + 1)]
