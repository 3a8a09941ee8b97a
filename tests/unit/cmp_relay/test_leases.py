from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from cmp_relay.errors import LeaseHeldError
from cmp_relay.leases import Lease, Leases
from cmp_relay.slots import Slot
from tests.support import catalogue_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Clock:
    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def table() -> Iterator["DynamoDBClient"]:
    with mock_aws():
        client = boto3.client("dynamodb")
        catalogue_table.create(client)
        yield client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(table: "DynamoDBClient", clock: Clock) -> Leases:
    return Leases(table, "catalogue", now=clock)


def test_one_owner_at_a_time(leases: Leases, clock: Clock) -> None:
    leases.acquire("fetch#1", "first", 30)
    clock.time += 10

    with pytest.raises(LeaseHeldError) as caught:
        leases.acquire("fetch#1", "second", 30)

    assert caught.value.delay == pytest.approx(20, abs=0.01)
    leases.acquire("fetch#2", "second", 30)


def test_the_loser_waits_a_second_at_least(leases: Leases, clock: Clock) -> None:
    leases.acquire("fetch#1", "first", 30)
    clock.time += 29.9

    with pytest.raises(LeaseHeldError) as caught:
        leases.acquire("fetch#1", "second", 30)

    assert caught.value.delay == 1


def test_a_call_that_is_repeated_for_a_lost_answer_has_the_lease(leases: Leases) -> None:
    leases.acquire("fetch#1", "first", 30)

    assert leases.acquire("fetch#1", "first", 30).owner == "first"


def test_a_lease_that_ran_out_is_free(leases: Leases, clock: Clock) -> None:
    leases.acquire("fetch#1", "first", 30)
    clock.time += 30.1

    leases.acquire("fetch#1", "second", 30)

    with pytest.raises(LeaseHeldError):
        leases.acquire("fetch#1", "first", 30)


def test_who_is_late_cannot_release_the_lease_of_another(leases: Leases, clock: Clock) -> None:
    first = leases.acquire("fetch#1", "first", 30)
    clock.time += 31
    leases.acquire("fetch#1", "second", 30)

    leases.release(first)

    with pytest.raises(LeaseHeldError):
        leases.acquire("fetch#1", "third", 30)


def test_a_block_releases_its_lease_when_it_fails(leases: Leases) -> None:
    with pytest.raises(ZeroDivisionError), leases.held("fetch#1", "first", 30):
        raise ZeroDivisionError

    leases.acquire("fetch#1", "second", 30)


def test_a_lease_that_cannot_be_given_back_fails_nothing(
    leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Lease) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "DeleteItem")

    monkeypatch.setattr(leases, "release", fail)

    with leases.held("fetch#1", "first", 30) as lease:
        assert lease.owner == "first"


def test_the_item_says_who_until_when(
    leases: Leases, table: "DynamoDBClient", clock: Clock
) -> None:
    leases.acquire("fetch#1", "first", 30)

    (item,) = table.scan(TableName="catalogue")["Items"]

    assert item == {
        "pk": {"S": "LEASE#fetch#1"},
        "sk": {"S": "LEASE"},
        "owner": {"S": "first"},
        "ends_at": {"N": str(int((clock.time + 30) * 1000))},
        "expires_at": {"N": str(int(clock.time) + 30 + 86_400)},
    }


# The slot that is kept for the next owner


def slot(clock: Clock, seconds: float = 20) -> Slot:
    due = int((clock.time + seconds) * 1000)
    return Slot("bulk", first=due - 7, month="2027-01", due=due, count=3)


def test_the_next_owner_finds_the_slot_that_is_kept(leases: Leases, clock: Clock) -> None:
    with leases.held("fetch#1", "first", 30) as lease:
        lease.kept = slot(clock)

    assert leases.acquire("fetch#1", "second", 30).kept == slot(clock)


def test_a_slot_is_found_once(leases: Leases, clock: Clock) -> None:
    with leases.held("fetch#1", "first", 30) as lease:
        lease.kept = slot(clock)
    with leases.held("fetch#1", "second", 30) as lease:
        lease.kept = None

    assert leases.acquire("fetch#1", "third", 30).kept is None


def test_a_slot_whose_time_is_over_is_not_kept(leases: Leases, clock: Clock) -> None:
    with leases.held("fetch#1", "first", 30) as lease:
        lease.kept = slot(clock, 0)

    assert leases.acquire("fetch#1", "second", 30).kept is None


def test_a_kept_slot_waits_in_an_item_that_nobody_owns(
    leases: Leases, table: "DynamoDBClient", clock: Clock
) -> None:
    with leases.held("fetch#1", "first", 30) as lease:
        lease.kept = slot(clock)

    (item,) = table.scan(TableName="catalogue")["Items"]
    assert "owner" not in item
    assert item["ends_at"] == {"N": "0"}
    assert item["expires_at"] == {"N": str(int(clock.time) + 20 + 86_400)}


def test_a_slot_outlives_an_owner_that_crashed(leases: Leases, clock: Clock) -> None:
    with leases.held("fetch#1", "first", 30) as lease:
        lease.kept = slot(clock)
    leases.acquire("fetch#1", "crashes", 30)
    clock.time += 31

    assert leases.acquire("fetch#1", "third", 30).kept == slot(clock, 20 - 31)


def test_who_is_late_cannot_leave_a_slot_to_another(leases: Leases, clock: Clock) -> None:
    first = leases.acquire("fetch#1", "first", 30)
    clock.time += 31
    second = leases.acquire("fetch#1", "second", 30)
    first.kept = slot(clock)

    leases.release(first)

    leases.release(second)
    assert leases.acquire("fetch#1", "third", 30).kept is None
