from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import pointers

DOCUMENT = {"a/b": [{"m~n": 1}, 2], "": {"~1": 3}, "01": 4}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [("", DOCUMENT), ("/a~1b/0/m~0n", 1), ("/a~1b/1", 2), ("//~01", 3), ("/01", 4)],
)
def test_resolves_as_rfc_6901_says(pointer: str, value: object) -> None:
    assert pointers.resolve(DOCUMENT, pointer) == value


@pytest.mark.parametrize("pointer", ["/x", "/a~1b/2", "/a~1b/-1", "/a~1b/²", "/01/0", "/a~1b/x"])
def test_a_pointer_to_nothing_is_an_error(pointer: str) -> None:
    with pytest.raises(LookupError):
        pointers.resolve(DOCUMENT, pointer)


@given(st.lists(st.text(), max_size=5))
def test_any_name_can_be_pointed_at(names: list[str]) -> None:
    document: Any = "found"
    for name in reversed(names):
        document = {name: document}

    assert pointers.resolve(document, pointers.join("", *names)) == "found"
