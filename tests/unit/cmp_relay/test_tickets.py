"""What the state of a ticket means, and which label its sub-step gives it."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import tickets
from cmp_relay.tickets import Ticket

REJECTED = frozenset({"declined", "won't do"})


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({"status": "In Progress", "done": False}, "open"),
        ({"status": "Done", "done": True}, "done"),
        ({"status": "Done", "done": True, "resolution": "Done"}, "done"),
        ({"status": "DECLINED", "done": True}, "rejected"),
        ({"status": "Declined", "done": False}, "rejected"),
        ({"status": "Done", "done": True, "resolution": "Won't do"}, "rejected"),
    ],
)
def test_a_ticket_is_open_done_or_rejected(facts: dict[str, Any], verdict: str) -> None:
    ticket = Ticket(id="1", key="A-1", title="T", **facts)

    assert tickets.verdict(ticket, REJECTED) == verdict


@given(st.text(), st.text())
def test_a_label_is_that_of_one_sub_step_and_a_word_of_jql(one: str, other: str) -> None:
    label = tickets.label_of(one)

    assert re.fullmatch(r"cmp-relay-[0-9a-f]{16}", label)
    assert (label == tickets.label_of(other)) == (one == other)
