import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay.publications import (
    REPEAT_MILLISECONDS,
    Notice,
    Publication,
    identity,
    is_open,
    judge,
    repeated,
)

RECEIVED = 1_000_000
APPLIED = 2_000_000
Known = dict[tuple[str, str], Publication]


def notice(event_name: str, event_id: str = "1", **changes: object) -> Notice:
    name = f"{event_name}-{event_id}"
    made = Notice(name, event_name, "default", event_id, name, RECEIVED)
    return replace(made, **changes)  # type: ignore[arg-type]


def tell(known: Known, told: Notice, now: int = APPLIED) -> str | None:
    """Apply a notice as a worker does; return why it changed nothing, if so."""
    key = (told.channel, told.publishing_event_id)
    own = known.get(key)
    if own and repeated(own, told.identity, now=now):
        return "repeat"
    verdict = judge(told, known.values(), now=now)
    known[key] = verdict.publication
    return verdict.superseded


def after(told: Iterable[Notice], now: int = APPLIED) -> Known:
    known: Known = {}
    for one in told:
        tell(known, one, now)
    return known


def state(known: Known) -> dict[str, tuple[bool, int | None]]:
    """Return of each publication whether it is open, and which version it holds."""
    return {
        one.publishing_event_id: (is_open(one, known.values()), one.modified_at)
        for one in known.values()
    }


def opened(known: Known) -> set[str]:
    return {name for name, (is_open_, _) in state(known).items() if is_open_}


# Any order, any repeats

MOMENTS = st.none() | st.integers(1, 5)
RECEIPTS = st.permutations([RECEIVED, RECEIVED + 1, RECEIVED + 2])


@st.composite
def one_publication(draw: st.DrawFn) -> tuple[list[Notice], list[Notice], list[Notice]]:
    """Draw the notices of one publishing event, and two orders of them with repeats."""
    first, second, third = draw(RECEIPTS)
    notices = [
        notice("asset_published", received_at=first, modified_at=draw(MOMENTS)),
        notice("asset_synced", received_at=second, modified_at=draw(MOMENTS)),
        notice("asset_unpublished", received_at=third),
    ]
    return notices, draw(shuffled(notices)), draw(shuffled(notices))


def shuffled(notices: Sequence[Notice]) -> st.SearchStrategy[list[Notice]]:
    copies = st.lists(st.sampled_from(notices), max_size=5)
    return copies.flatmap(lambda more: st.permutations([*notices, *more]))


@given(one_publication())
def test_one_publishing_event_ends_the_same_in_any_order(
    drawn: tuple[list[Notice], list[Notice], list[Notice]],
) -> None:
    notices, one, other = drawn

    assert state(after(one)) == state(after(other))
    assert opened(after(one)) == set()
    versions = [each.modified_at for each in notices if each.modified_at]
    assert state(after(one))["1"][1] == (max(versions) if versions else None)


@given(one_publication())
def test_without_unpublish_it_is_open_in_its_newest_version_in_any_order(
    drawn: tuple[list[Notice], list[Notice], list[Notice]],
) -> None:
    for order in drawn[1:]:
        known = after(each for each in order if each.event_name != "asset_unpublished")

        versions = [each.modified_at for each in order if each.modified_at]
        assert state(known) == {"1": (True, max(versions) if versions else None)}


@given(st.data(), RECEIPTS, MOMENTS, MOMENTS)
def test_an_unpublish_with_an_id_of_its_own_ends_the_same_in_any_order(
    data: st.DataObject, receipts: list[int], published: int | None, synced: int | None
) -> None:
    first, second, third = receipts
    notices = [
        notice("asset_published", received_at=first, modified_at=published),
        notice("asset_synced", received_at=second, modified_at=synced),
        notice("asset_unpublished", "2", received_at=third),
    ]

    one, other = (after(data.draw(shuffled(notices))) for _ in range(2))

    assert state(one) == state(other)
    assert opened(one) == ({"1"} if first > third else set())


# Unpublishing under either reading of its id


def test_the_same_id_closes_its_own_publication_alone() -> None:
    known = after([notice("asset_published", "1"), notice("asset_published", "2")])

    tell(known, notice("asset_unpublished", "1", received_at=RECEIVED + 1))

    assert opened(known) == {"2"}


def test_an_id_of_its_own_ends_what_its_channel_received_before_it() -> None:
    known = after(
        [
            notice("asset_published", "before", received_at=RECEIVED - 1),
            notice("asset_published", "same moment", received_at=RECEIVED),
            notice("asset_published", "after", received_at=RECEIVED + 1),
            notice("asset_published", "elsewhere", received_at=RECEIVED - 1, channel="other"),
            notice("asset_unpublished", "own", received_at=RECEIVED),
        ]
    )

    assert opened(known) == {"same moment", "after", "elsewhere"}


def test_a_publication_that_comes_after_an_unmatched_unpublish_is_judged_by_its_receipt() -> None:
    known = after([notice("asset_unpublished", "own", received_at=RECEIVED)])

    late = tell(known, notice("asset_published", "late", received_at=RECEIVED - 1))
    new = tell(known, notice("asset_published", "new", received_at=RECEIVED + 1))

    assert (late, new) == ("an unpublish received later has ended this publication", None)
    assert opened(known) == {"new"}


def test_an_unpublish_stops_ending_others_once_its_own_publication_turns_up() -> None:
    unpublish = notice("asset_unpublished", "1", received_at=RECEIVED + 1)
    known = after([notice("asset_published", "2"), unpublish])
    assert opened(known) == set()

    superseded = tell(known, notice("asset_published", "1"))

    assert superseded == "this publication has been unpublished"
    assert opened(known) == {"2"}


def test_a_later_unmatched_unpublish_reaches_further() -> None:
    known = after([notice("asset_unpublished", "own")])
    tell(known, notice("asset_published", "2", received_at=RECEIVED + 1))

    again = notice("asset_unpublished", "own", entry_hash="other", received_at=RECEIVED + 2)
    superseded = tell(known, again)

    assert superseded is None
    assert opened(known) == set()


@pytest.mark.parametrize("matched", [False, True])
def test_unpublishing_what_is_unpublished_changes_nothing(matched: bool) -> None:
    known = after([notice("asset_unpublished", received_at=RECEIVED + 5)])
    if matched:
        tell(known, notice("asset_published"))
    before = state(known)

    superseded = tell(known, notice("asset_unpublished", entry_hash="other", received_at=RECEIVED))

    assert superseded == "this publication has been unpublished already"
    assert state(known) == before


# Publishing again


def test_the_same_unpublish_ends_again_what_was_published_again() -> None:
    known = closed()
    again = notice("asset_published", entry_hash="b", received_at=APPLIED + 1, modified_at=20)
    tell(known, again, APPLIED + 2)
    assert opened(known) == {"1"}

    superseded = tell(known, notice("asset_unpublished", received_at=APPLIED + 3), APPLIED + 4)

    assert superseded is None
    assert opened(known) == set()


def test_a_republish_older_than_a_later_unpublish_opens_nothing() -> None:
    known = closed()
    tell(known, notice("asset_unpublished", entry_hash="b", received_at=APPLIED + 9), APPLIED + 9)

    late = notice("asset_published", entry_hash="c", received_at=APPLIED + 5, modified_at=20)
    superseded = tell(known, late, APPLIED + 10)

    assert superseded == "this publication has been unpublished"
    assert opened(known) == set()


def closed(modified_at: int | None = 10) -> Known:
    return after(
        [
            notice("asset_published", modified_at=modified_at),
            notice("asset_unpublished", received_at=RECEIVED + 1),
        ]
    )


def again(event_name: str = "asset_published", **changes: object) -> Notice:
    later = {"job_id": "again", "entry_hash": "2", "received_at": APPLIED + 1, "modified_at": 11}
    return replace(notice(event_name), **{**later, **changes})  # type: ignore[arg-type]


def test_a_newer_publish_received_after_both_were_applied_opens_it_again() -> None:
    known = closed()

    superseded = tell(known, again(), now=APPLIED + 2)

    assert superseded is None
    assert state(known) == {"1": (True, 11)}


@pytest.mark.parametrize(
    "told",
    [
        again(received_at=APPLIED),
        again(modified_at=10),
        again(modified_at=9),
        again(modified_at=None),
        again("asset_synced"),
        again("asset_synced", modified_at=99),
    ],
    ids=["received before", "same version", "older", "no version", "sync", "much newer sync"],
)
def test_nothing_else_opens_it_again(told: Notice) -> None:
    known = closed()

    superseded = tell(known, told, now=APPLIED + 2)

    assert superseded == "this publication has been unpublished"
    assert opened(known) == set()


def test_a_late_sync_does_not_stand_in_the_way_of_publishing_again() -> None:
    known = closed()
    tell(known, again("asset_synced", received_at=APPLIED + 1, modified_at=11), now=APPLIED + 2)

    tell(known, again(received_at=APPLIED + 3, modified_at=11), now=APPLIED + 4)

    assert opened(known) == {"1"}


def test_the_first_publish_to_come_after_the_unpublish_is_none_again() -> None:
    known = after([notice("asset_unpublished")])

    tell(known, again(received_at=APPLIED + 1), now=APPLIED + 2)
    assert opened(known) == set()

    tell(known, again(received_at=APPLIED + 3, modified_at=12, entry_hash="3"), now=APPLIED + 4)
    assert opened(known) == {"1"}


def test_a_publish_received_before_both_were_applied_is_none_again() -> None:
    known = after([notice("asset_unpublished")])
    tell(known, notice("asset_published", modified_at=10), now=APPLIED + 10)

    tell(known, again(received_at=APPLIED + 5, modified_at=11), now=APPLIED + 20)

    assert opened(known) == set()


def test_what_was_published_again_can_be_unpublished_again() -> None:
    known = closed()
    tell(known, again(), now=APPLIED + 2)

    late = notice("asset_unpublished", entry_hash="late", received_at=APPLIED + 3)
    superseded = tell(known, late, now=APPLIED + 4)

    assert superseded is None
    assert opened(known) == set()


def test_an_older_version_is_superseded_by_a_newer_one() -> None:
    known = after([notice("asset_synced", modified_at=10)])

    superseded = tell(known, notice("asset_published", modified_at=9))

    assert superseded == "a newer version of this publication has been applied"
    assert state(known) == {"1": (True, 10)}


def test_publishing_after_an_unmatched_unpublish_opens_and_syncing_does_not() -> None:
    known = after(
        [notice("asset_published"), notice("asset_unpublished", "2", received_at=APPLIED)]
    )

    synced = tell(known, again("asset_synced"), now=APPLIED + 2)
    assert (synced, opened(known)) == (
        "an unpublish received later has ended this publication",
        set(),
    )

    published = tell(known, again(modified_at=12), now=APPLIED + 3)
    assert (published, opened(known)) == (None, {"1"})


# Repeats


def test_a_repeat_is_known_for_four_days() -> None:
    told = notice("asset_published", modified_at=10)
    (known,) = after([told]).values()

    within = repeated(known, told.identity, now=APPLIED + REPEAT_MILLISECONDS - 1)
    later = repeated(known, told.identity, now=APPLIED + REPEAT_MILLISECONDS)

    assert within is not None
    assert (within.job_id, within.at, within.superseded) == (told.job_id, APPLIED, None)
    assert later is None


def test_a_repeat_remembers_why_the_first_changed_nothing() -> None:
    told = notice("asset_published", modified_at=9)
    known = after([notice("asset_synced", modified_at=10), told])

    ended = repeated(known["default", "1"], told.identity, now=APPLIED)

    assert ended is not None
    assert ended.superseded == "a newer version of this publication has been applied"


@pytest.mark.parametrize(
    ("event_name", "entry_hash"), [("asset_synced", "hash"), ("asset_published", "other")]
)
def test_another_event_or_another_entry_is_no_repeat(event_name: str, entry_hash: str) -> None:
    (known,) = after([notice("asset_published", entry_hash="hash")]).values()

    assert repeated(known, identity(event_name, entry_hash), now=APPLIED) is None


def test_identities_are_forgotten_when_they_make_no_repeat_any_more() -> None:
    known = after([notice("asset_published", entry_hash="old")])
    later = APPLIED + REPEAT_MILLISECONDS

    tell(known, notice("asset_published", entry_hash="new", received_at=later), now=later)

    assert set(known["default", "1"].identities) == {"asset_published#new"}


def test_channels_and_publishing_events_are_kept_apart() -> None:
    told = [
        notice("asset_published", event_id, channel=channel)
        for event_id, channel in itertools.product(("1", "2"), ("default", "other"))
    ]

    known = after([*told, notice("asset_unpublished", "1", received_at=RECEIVED + 1)])

    assert {key for key, one in known.items() if is_open(one, known.values())} == {
        ("default", "2"),
        ("other", "1"),
        ("other", "2"),
    }
