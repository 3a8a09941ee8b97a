import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay.errors import StorageError, UnverifiedCallerError
from cmp_relay.verification import SecretCache, Secrets, verify


def secrets(current: str = "new", *accepted: str) -> Secrets:
    return Secrets.of(json.dumps({"current": current, "accepted": accepted}))


@pytest.mark.parametrize(
    ("shown", "name"), [("new", "current"), ("old", "accepted-1"), ("older", "accepted-2")]
)
def test_tells_which_secret_matched(shown: str, name: str) -> None:
    assert verify([shown], secrets("new", "old", "older")) == name


def test_any_of_the_shown_values_may_match() -> None:
    assert verify(["", "old"], secrets("new", "old")) == "accepted-1"


@pytest.mark.parametrize("shown", ["", "ne", "new ", "NEW", "\ud800"])
def test_refuses_anything_but_the_exact_secret(shown: str) -> None:
    with pytest.raises(UnverifiedCallerError):
        verify([shown], secrets("new", "old", ""))


def test_an_empty_secret_matches_nothing() -> None:
    with pytest.raises(UnverifiedCallerError):
        verify(["", ""], secrets("", "", ""))


@given(st.text(), st.lists(st.text()))
def test_accepts_exactly_what_is_listed(shown: str, accepted: list[str]) -> None:
    listed = Secrets((("current", "new"), *((f"accepted-{n}", s) for n, s in enumerate(accepted))))

    if shown and shown in ["new", *accepted]:
        assert verify([shown], listed)
    else:
        with pytest.raises(UnverifiedCallerError):
            verify([shown], listed)


def test_never_shows_a_secret() -> None:
    assert "new" not in repr(secrets("new"))


def test_finds_a_secret_inside_other_text() -> None:
    assert secrets("new", "").appear_in("?key=new&x=1")
    assert not secrets("new", "").appear_in("?key=other")


@pytest.mark.parametrize(
    "text",
    ["", "plain", "[]", '{"current": 1}', '{"current": "a", "accepted": "b"}', '{"accepted": [1]}'],
)
def test_refuses_a_secret_of_another_shape(text: str) -> None:
    with pytest.raises(StorageError):
        Secrets.of(text)


class Store:
    """A secret that can be changed and taken away."""

    def __init__(self) -> None:
        self.value: str | None = '{"current": "first"}'
        self.reads = 0

    def fetch(self) -> Secrets:
        self.reads += 1
        if self.value is None:
            raise StorageError("away")
        return Secrets.of(self.value)


def test_the_secret_is_read_once_a_minute() -> None:
    now, store = [0.0], Store()
    cache = SecretCache(lambda: now[0])
    cache.get(store.fetch)
    store.value = '{"current": "second"}'

    now[0] = 59.9
    verify(["first"], cache.get(store.fetch))
    assert store.reads == 1
    now[0] = 60.0
    verify(["second"], cache.get(store.fetch))


@pytest.mark.parametrize("broken", [None, "not JSON"])
def test_the_last_good_secret_outlives_a_failure(broken: str | None) -> None:
    now, store = [0.0], Store()
    cache = SecretCache(lambda: now[0])
    cache.get(store.fetch)
    store.value = broken

    now[0] = 60.0
    verify(["first"], cache.get(store.fetch))
    verify(["first"], cache.get(store.fetch))
    assert store.reads == 2  # not at every delivery of an outage
    store.value = '{"current": "second"}'
    now[0] = 120.0
    verify(["second"], cache.get(store.fetch))


def test_there_is_nothing_to_verify_with_before_the_first_good_secret() -> None:
    store = Store()
    store.value = None

    with pytest.raises(StorageError):
        SecretCache().get(store.fetch)
