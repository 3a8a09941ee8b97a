"""The mark of our own comments: found again at the end, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import marks

MARK = "0123456789abcdef"
CAUSES = st.text(max_size=40)


@given(st.text(), CAUSES)
def test_a_mark_is_found_again_and_taken_off(text: str, cause: str) -> None:
    marked = marks.add(text, marks.of(cause))

    assert marks.mark_of(marked) == marks.of(cause)
    assert marks.strip(marked) == text.rstrip()


@given(CAUSES, CAUSES)
def test_a_mark_is_always_the_same_and_that_of_one_cause(one: str, other: str) -> None:
    assert (marks.of(one) == marks.of(other)) == (one == other)


@pytest.mark.parametrize(
    "text",
    [
        f"cmp-relay:{MARK}",
        f"Fine.\n\ncmp-relay:{MARK}",
        f"Fine.\r\ncmp-relay:{MARK}\r\n",
        f"Fine. cmp-relay:{MARK}  ",
    ],
)
def test_what_other_systems_do_to_line_breaks_does_not_hide_it(text: str) -> None:
    assert marks.mark_of(text) == MARK
    assert marks.strip(text) in {"", "Fine."}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Fine.",
        f"cmp-relay:{MARK} is what it ended with",
        f"xcmp-relay:{MARK}",
        f"cmp-relay:{MARK}0",
        "cmp-relay:0123456789ABCDEF",
        "cmp-relay:",
    ],
)
def test_no_other_text_has_one(text: str) -> None:
    assert marks.mark_of(text) is None
    assert marks.strip(text) == text
