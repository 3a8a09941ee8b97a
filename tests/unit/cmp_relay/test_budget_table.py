from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from cmp_relay.budget_table import KEY, BudgetTable
from cmp_relay.slots import State, Store
from tests.support import catalogue_table
from tools.simulation.memory_store import MemoryStore


@pytest.fixture(params=["table", "memory"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with mock_aws():
        client = boto3.client("dynamodb")
        catalogue_table.create(client)
        yield BudgetTable(client, "catalogue")


def test_a_budget_that_was_never_used_has_its_defaults(store: Store) -> None:
    assert store.read() == State()


def test_returns_the_state_after_a_change(store: Store) -> None:
    after, changed = store.change(add={"live_next": 5}, put={"live_at": 7})

    assert (after, changed) == (State(live_next=5, live_at=7), True)
    assert store.read() == after


def test_adds_to_what_is_there_and_replaces_it(store: Store) -> None:
    store.change(add={"live_next": 5, "lost": 1}, put={"resume_at": 7})

    after, _ = store.change(add={"live_next": 5, "lost": -1}, put={"resume_at": 1})

    assert after == State(live_next=10, resume_at=1)


def test_counts_by_month(store: Store) -> None:
    store.change(add={"used#2026-11": 3})

    after, _ = store.change(add={"used#2026-11": -1, "used#2026-12": 1})

    assert after.used == {"2026-11": 2, "2026-12": 1}


def test_has_a_reason_or_none(store: Store) -> None:
    opened, _ = store.change(put={"open_reason": "unavailable", "probes": 0})
    closed, _ = store.change(put={"open_reason": None})

    assert (opened.open_reason, closed.open_reason) == ("unavailable", None)
    assert store.read() == State()


def test_what_was_never_written_counts_as_zero(store: Store) -> None:
    _, changed = store.change(put={"probes": 1}, when={"generation": 0, "live_next": 0})

    assert changed


def test_changes_under_a_condition_that_holds(store: Store) -> None:
    store.change(add={"generation": 2, "starts": 0})

    after, changed = store.change(add={"generation": 1}, when={"generation": 2, "starts": 0})

    assert (after.generation, changed) == (3, True)


@pytest.mark.parametrize(
    "when", [{"generation": 1}, {"generation": 0}, {"generation": 2, "lost": 1}]
)
def test_a_change_that_is_refused_tells_the_state_as_it_is(
    store: Store, when: dict[str, int]
) -> None:
    before, _ = store.change(add={"generation": 2, "used#2026-11": 4}, put={"open_reason": "why"})

    after, changed = store.change(add={"generation": 1}, put={"live_at": 1}, when=when)

    assert (after, changed) == (before, False)
    assert store.read() == before


def test_a_change_of_what_was_never_written_can_be_refused(store: Store) -> None:
    assert store.change(add={"lost": 1}, when={"generation": 1}) == (State(), False)


@mock_aws
def test_other_attributes_of_the_item_are_left_alone() -> None:
    client = boto3.client("dynamodb")
    catalogue_table.create(client)
    client.put_item(TableName="catalogue", Item={**KEY, "note": {"S": "by hand"}})

    after, _ = BudgetTable(client, "catalogue").change(add={"lost": 1})

    assert after == State(lost=1)
    assert client.get_item(TableName="catalogue", Key=KEY)["Item"]["note"] == {"S": "by hand"}
