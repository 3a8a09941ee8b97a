"""The items of tickets: who writes second is refused, who gives up too late changes nothing."""

from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from cmp_relay.errors import ConflictError
from cmp_relay.ticket_table import TicketState, TicketTable, Written
from tests.support import catalogue_table
from tests.support.clock import NOON

STATE = TicketState(
    sub_step_id="sub-1",
    sub_step_link="https://cmp/sub-steps/sub-1",
    external_work_link="https://cmp/sub-steps/sub-1/external-work",
    comments_link="https://cmp/sub-steps/sub-1/comments",
    claimed_at=NOON,
    opened_by="job-1",
)


@pytest.fixture
def table() -> Iterator[TicketTable]:
    with mock_aws():
        client = boto3.client("dynamodb")
        catalogue_table.create(client)
        yield TicketTable(client, "catalogue")


def test_what_is_written_is_read(table: TicketTable) -> None:
    full = replace(
        STATE, ticket_id="10000", status="Done", verdict="done", pending=({"command": "complete"},)
    )

    assert table.read("sub-1") is None
    assert table.write(full) == table.read("sub-1") == replace(full, revision=1)


def test_who_has_not_seen_the_newest_state_does_not_write(table: TicketTable) -> None:
    table.write(table.write(STATE))

    with pytest.raises(ConflictError):
        table.write(replace(STATE, revision=1))


def test_a_claim_is_given_up_unless_it_has_changed(table: TicketTable) -> None:
    claim = table.write(STATE)
    opened = table.write(replace(claim, ticket_id="10000"))

    table.drop(claim)
    assert table.read("sub-1") == opened

    table.drop(opened)
    wanted = table.read("sub-1")
    assert wanted
    assert wanted.claimed_at is None


def test_a_ticket_leads_to_its_sub_step(table: TicketTable) -> None:
    table.lead_back("10000", "sub-1")

    assert (table.sub_step_of("10000"), table.sub_step_of("10001")) == ("sub-1", None)


def test_a_comment_is_on_record_from_its_first_attempt_on(table: TicketTable) -> None:
    assert table.comment("sub-1", "mark") is None
    assert table.expect_comment("sub-1", "mark", NOON) is None
    assert table.expect_comment("sub-1", "mark", NOON + 1) == Written(NOON)

    table.note_comment("sub-1", "mark", "10100")

    assert table.expect_comment("sub-1", "mark", NOON + 2) == Written(NOON, "10100")
    assert table.comment("sub-2", "mark") is None

    table.forget_comment("sub-1", "mark")

    assert table.comment("sub-1", "mark") is None
