import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmp_relay import publications
from cmp_relay.publications import (
    MOST_REMEMBERED,
    REMEMBERED,
    REPEAT_MILLISECONDS,
    Notice,
    Publication,
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
    if own and repeated(own, told, now=now):
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

    unpublish = notice("asset_unpublished", job_id="again", received_at=APPLIED + 3)
    superseded = tell(known, unpublish, APPLIED + 4)

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
    copy = replace(told, job_id="copy")

    within = repeated(known, copy, now=APPLIED + REPEAT_MILLISECONDS - 1)
    later = repeated(known, copy, now=APPLIED + REPEAT_MILLISECONDS)

    assert within is not None
    assert (within.job_id, within.at, within.superseded) == (told.job_id, APPLIED, None)
    assert later is None


def test_a_job_that_comes_back_repeats_itself_whatever_came_between() -> None:
    known = closed()
    tell(known, again(), now=APPLIED + 2)
    unpublish = notice("asset_unpublished", received_at=RECEIVED + 1)

    for now in (APPLIED + 3, APPLIED + REPEAT_MILLISECONDS):
        assert tell(known, unpublish, now=now) == "repeat"
    assert opened(known) == {"1"}


def test_an_equal_unpublish_tells_until_when_it_was_unpublished() -> None:
    known = closed()
    copy = notice("asset_unpublished", job_id="copy", received_at=APPLIED + 5)
    superseded = tell(known, copy, now=APPLIED + 6)

    tell(known, again(received_at=APPLIED + 4), now=APPLIED + 7)

    assert superseded == "this publication has been unpublished already"
    assert opened(known) == set()


def test_an_equal_unpublish_with_an_id_of_its_own_ends_nothing_more() -> None:
    known = after([notice("asset_unpublished", "own")])
    tell(known, notice("asset_published", received_at=RECEIVED + 1))

    copy = notice("asset_unpublished", "own", job_id="copy", received_at=RECEIVED + 2)

    assert tell(known, copy) == "repeat"
    assert opened(known) == {"1"}


def test_a_repeat_remembers_why_the_first_changed_nothing() -> None:
    told = notice("asset_published", modified_at=9)
    known = after([notice("asset_synced", modified_at=10), told])

    ended = repeated(known["default", "1"], told, now=APPLIED)

    assert ended is not None
    assert ended.superseded == "a newer version of this publication has been applied"


@pytest.mark.parametrize(
    ("event_name", "entry_hash"), [("asset_synced", "hash"), ("asset_published", "other")]
)
def test_another_event_or_another_entry_is_no_repeat(event_name: str, entry_hash: str) -> None:
    (known,) = after([notice("asset_published", entry_hash="hash")]).values()

    assert repeated(known, notice(event_name, entry_hash=entry_hash), now=APPLIED) is None


@pytest.mark.parametrize(
    ("jobs", "pause", "remembered"),
    [
        (2 * REMEMBERED, 1, 2 * REMEMBERED),
        (2 * REMEMBERED, REPEAT_MILLISECONDS, REMEMBERED),
        (MOST_REMEMBERED + 2, 1, MOST_REMEMBERED),
    ],
)
def test_the_newest_repeats_are_remembered_and_of_four_days_as_many_as_an_item_holds(
    jobs: int, pause: int, remembered: int
) -> None:
    known: Known = {}
    for number in range(jobs):
        told = notice("asset_published", entry_hash=str(number), modified_at=number)
        tell(known, told, now=APPLIED + number * pause)

    names = [f"asset_published#{number}" for number in range(jobs)]
    assert list(known["default", "1"].identities) == names[-remembered:]


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


# Replays

HOUR = 3600 * 1000
DAY = 24 * HOUR
PAUSES = st.sampled_from([1, HOUR, HOUR, HOUR, 2 * DAY, 5 * DAY])
"""Between two deliveries; five days are longer than a repeat is known."""
NAMES = ("asset_published", "asset_synced", "asset_unpublished")


@st.composite
def histories(draw: st.DrawFn) -> list[Notice]:
    """Draw all that came of an asset, in order of receipt: other versions, copies, equal ids."""
    received_at, told = RECEIVED, []
    for number in range(2, draw(st.integers(3, 10))):
        received_at += draw(PAUSES)
        name = draw(st.sampled_from(NAMES))
        newer = st.sampled_from([number, number, number, 1, None])
        version = None if name == NAMES[2] else draw(newer)
        one = Notice(
            job_id=f"job-{number}",
            event_name=name,
            channel=draw(st.sampled_from(["default", "default", "default", "other"])),
            publishing_event_id=draw(st.sampled_from("1112")),
            entry_hash=f"{version}{draw(st.sampled_from('aab')) if version else ''}",
            received_at=received_at,
            modified_at=version,
        )
        told.append(one)
    return told


def worked_on(told: Sequence[Notice], waits: Sequence[int]) -> Known:
    """Apply notices that waited for a worker (ms), each when it is its turn."""
    known: Known = {}
    turns = [(one.received_at + wait, one) for one, wait in zip(told, waits, strict=True)]
    for now, one in sorted(turns, key=lambda turn: turn[0]):
        tell(known, one, now)
    return known


def replay(known: Known, told: Iterable[Notice], now: int, run: str = "run") -> None:
    for one in told:
        tell(known, replace(one, job_id=f"replay.{run}.{one.job_id}"), now)


@st.composite
def kept(draw: st.DrawFn) -> tuple[list[Notice], list[int], list[Notice], int]:
    """Draw a history, how long its jobs waited, what of it is replayed, and how much later."""
    told = draw(histories())
    waits = draw(st.lists(st.just(1) | PAUSES, min_size=len(told), max_size=len(told)))
    return told, waits, draw(st.lists(st.sampled_from(told), max_size=20)), draw(PAUSES)


@settings(max_examples=300, deadline=None)
@given(kept(), st.none() | st.integers(1, 5))
def test_a_replay_of_what_was_received_leaves_what_is_kept_as_it_was(
    drawn: tuple[list[Notice], list[int], list[Notice], int], version: int | None
) -> None:
    told, waits, replayed, later = drawn
    known, untouched = worked_on(told, waits), worked_on(told, waits)
    now = last(told, waits) + later

    replay(known, replayed, now)

    assert everything(known) == everything(untouched)
    for event_name in NAMES:  # also what comes next finds it as it was
        new = notice(event_name, job_id="new", received_at=now + 1, modified_at=version)
        for each in (known, untouched):
            tell(each, new, now + 2)
        assert state(known) == state(untouched)


@settings(max_examples=300, deadline=None)
@given(kept())
def test_a_replay_shows_nothing_else_although_most_jobs_are_forgotten(
    drawn: tuple[list[Notice], list[int], list[Notice], int],
) -> None:
    told, waits, replayed, later = drawn
    with patch.object(publications, "REMEMBERED", 2):
        known, untouched = worked_on(told, waits), worked_on(told, waits)

        replay(known, replayed, last(told, waits) + later)

    assert shown(known) == shown(untouched)


def last(told: Sequence[Notice], waits: Sequence[int]) -> int:
    """Return when the last of them was worked on."""
    return max(one.received_at + wait for one, wait in zip(told, waits, strict=True))


def shown(known: Known) -> dict[str, int | None]:
    """Return which version is open."""
    return {name: version for name, (is_open_, version) in state(known).items() if is_open_}


def everything(known: Known) -> dict[tuple[str, str], tuple[bool, Publication]]:
    """Return of each publication whether it is open, and its facts."""
    return {key: (is_open(one, known.values()), one) for key, one in known.items()}


def test_a_replay_opens_nothing_of_which_too_much_is_forgotten() -> None:
    syncs = [
        notice("asset_synced", entry_hash=f"{n}", received_at=RECEIVED + n * DAY, modified_at=n)
        for n in range(1, REMEMBERED + 2)
    ]
    end = RECEIVED + (REMEMBERED + 2) * DAY
    told = [
        notice("asset_published", modified_at=0),
        *syncs,
        notice("asset_unpublished", received_at=end),
        # Published again as it was: it ends superseded, and is the newest publish all the same.
        replace(syncs[-1], event_name="asset_published", job_id="again", received_at=end + DAY),
    ]
    known = worked_on(told, [1] * len(told))

    replay(known, told, end + 2 * DAY)

    assert opened(known) == set()


PUBLISHED = Notice("1", "asset_published", "default", "1", "a", RECEIVED, 10)
UNPUBLISHED = replace(
    PUBLISHED,
    job_id="2",
    event_name="asset_unpublished",
    entry_hash="",
    received_at=RECEIVED + HOUR,
    modified_at=None,
)
REPUBLISHED = replace(
    PUBLISHED, job_id="3", entry_hash="b", received_at=RECEIVED + 2 * HOUR, modified_at=20
)
UNPUBLISHED_AGAIN = replace(UNPUBLISHED, job_id="4", received_at=RECEIVED + 3 * HOUR)
PUBLISHED_LAST = replace(
    PUBLISHED, job_id="5", entry_hash="c", received_at=RECEIVED + 4 * HOUR, modified_at=30
)
LIFE = [PUBLISHED, UNPUBLISHED, REPUBLISHED, UNPUBLISHED_AGAIN, PUBLISHED_LAST]


@pytest.mark.parametrize("length", range(1, len(LIFE) + 1))
@pytest.mark.parametrize("later", [DAY, 10 * DAY])
def test_what_was_lost_is_open_if_it_was_whatever_order_it_is_replayed_in(
    length: int, later: int
) -> None:
    told = LIFE[:length]
    live = worked_on(told, [1] * length)

    for order in itertools.permutations(told):
        known: Known = {}
        replay(known, order, RECEIVED + later)
        assert opened(known) == opened(live)
        replay(known, reversed(order), RECEIVED + later, "another run")
        assert opened(known) == opened(live)
    assert bool(opened(live)) is (length % 2 == 1)


@settings(max_examples=300, deadline=None)
@given(histories())
def test_what_was_lost_is_as_it_was_if_it_is_replayed_in_order_of_receipt(
    told: list[Notice],
) -> None:
    # An unpublish with an id of its own that CMP repeats reaches further than it did.
    told = [one for n, one in enumerate(told) if not one.unpublishes or is_matched(one, told[:n])]
    live = worked_on(told, [0] * len(told))
    known: Known = {}

    replay(known, told, told[-1].received_at + 10 * DAY if told else 0)

    assert state(known) == state(live)


def is_matched(unpublish: Notice, earlier: Iterable[Notice]) -> bool:
    place = (unpublish.channel, unpublish.publishing_event_id)
    published = [one for one in earlier if not one.unpublishes]
    return any((one.channel, one.publishing_event_id) == place for one in published)
