"""What tickets and comments say, also of events that hold next to nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import commands, ticket_texts
from cmp_relay.tickets import Ticket, TicketComment
from tests.support.external_steps import WORK

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["task", "step", "sub_step", "title", "assets", "comment", "value"]),
            inner,
        )
    ),
    max_leaves=15,
)


def ticket(**changes: Any) -> Ticket:  # noqa: ANN401
    facts: dict[str, Any] = {"key": "CMP-1", "title": "Title", "status": "Open", "done": False}
    return Ticket(id="1", **{**facts, **changes})


@given(JSON)
def test_any_event_makes_a_ticket_and_a_comment(event: Any) -> None:  # noqa: ANN401
    draft = ticket_texts.draft(event, "label")

    assert draft.title.strip()
    assert draft.text.strip()
    assert ticket_texts.comment_for_ticket(event).strip()
    assert ticket_texts.completed(event).endswith("completed in CMP.")


def test_a_ticket_names_its_step_when_it_has_no_title_itself() -> None:
    event = {"task": {"title": " A \n task"}, "sub_step": {"title": None}, "step": {"title": "S"}}

    assert ticket_texts.draft(event, "label").title == "A task: S"


def test_a_ticket_lists_so_many_assets() -> None:
    event = {"assets": [{"title": f"Asset {number}"} for number in range(53)] + [{"id": "last"}]}

    text = ticket_texts.draft(event, "label").text

    assert "- Asset 49\n- and 4 more" in text


def test_a_comment_that_the_event_could_not_hold_is_to_be_read_in_cmp() -> None:
    assert "read it in CMP" in ticket_texts.comment_for_ticket({"comment": {"value": None}})


@pytest.mark.parametrize(
    ("text", "said"),
    [(" Fine \n", "Fine"), ("", "(no text)"), ("x" * 30_000, f"{'x' * 19_000}\n\n[…]")],
)
def test_a_comment_for_cmp_fits_into_the_command(text: str, said: str) -> None:
    comment = TicketComment("1", text, "Ada " * 100, None)

    words = ticket_texts.comment_for_cmp("CMP-1", comment)

    assert words.endswith(f" commented on CMP-1:\n\n{said}")
    assert len(words) <= 20_000
    assert ticket_texts.comment_for_cmp("CMP-1", TicketComment("1", "a", None, None)).startswith(
        "Somebody commented"
    )


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"status": "Declined"}, "Declined"),
        ({"status": "Done", "done": True, "resolution": "Won't Do"}, "Won't Do"),
        ({"status": "Rejected", "done": True}, "Rejected"),
        ({"status": "Reopened", "resolution": "Won't Do"}, "Reopened"),
    ],
)
def test_a_refusal_says_how(facts: dict[str, Any], said: str) -> None:
    told = ticket_texts.rejected(ticket(**facts))

    assert told == f"CMP-1 was rejected: {said}. This step stays open."


@given(
    key=st.text(min_size=1, max_size=60),
    title=st.text(min_size=1, max_size=300),
    status=st.text(min_size=1, max_size=300),
    url=st.none() | st.integers(1, 600).map(lambda size: "https://a/" + "b" * size),
)
def test_what_cmp_is_to_show_of_a_ticket_is_within_its_limits(
    key: str, title: str, status: str, url: str | None
) -> None:
    shown = ticket_texts.link(ticket(key=key, title=title, status=status, url=url))

    told = commands.LinkTicket(external_work_link=WORK, **shown)
    assert told.status == status[:128]
    assert ("identifier" in shown) == (len(key) <= 50)
