from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from cmp_relay.errors import LeaseHeldError
from cmp_relay.leases import Leases
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
