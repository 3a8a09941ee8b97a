import logging
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmp_relay import slots
from cmp_relay.slots import Lane, Limits
from cmp_relay.telemetry import metrics
from tests.support.budget_world import BudgetWorld, Faults, Job, Resource, Span, most_within
from tests.support.clock import NOON

DEFAULT = Limits(per_second=10, per_minute=100, per_month=200_000, bulk_share=0.7)
DECEMBER = slots.next_month(NOON)
SECOND, MINUTE = 1_000, 60_000


@pytest.fixture(autouse=True, scope="module")
def silence() -> Iterator[None]:
    """Tell nobody of the thousands of requests."""
    logging.disable()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "add_metric", lambda **_: None)
        yield
    logging.disable(logging.NOTSET)


# Whatever happens


def spans() -> st.SearchStrategy[tuple[Span, ...]]:
    """Make up when something is not to be had: up to ten minutes of the first quarter hour."""
    begin, length = st.integers(0, 5 * MINUTE), st.integers(SECOND, 10 * MINUTE)
    return st.tuples(begin, length).map(lambda span: ((span[0], sum(span)),)) | st.just(())


def limits() -> st.SearchStrategy[Limits]:
    return st.builds(
        Limits,
        per_second=st.sampled_from([2, 3, 5, 10]),
        per_minute=st.sampled_from([2, 3, 20, 60, 100, 600]),
        per_month=st.sampled_from([40, 10**6]),
        bulk_share=st.sampled_from([0.5, 0.7, 1]),
    )


def faults() -> st.SearchStrategy[Faults]:
    return st.builds(
        Faults,
        slow=st.sampled_from([0, 0.1, 0.5]),
        throttled=st.sampled_from([0, 0.05]),
        failed=st.sampled_from([0, 0.1]),
        late=st.sampled_from([0, 0.3]),
        lost=st.sampled_from([0, 0.1]),
        crashed=st.sampled_from([0, 0.01]),
        outages=spans(),
        refused=spans(),
    )


@st.composite
def worlds(draw: st.DrawFn) -> BudgetWorld:
    """Make up workers and messages, beginning in the last minutes of a month as a rule."""
    limited = draw(limits())
    world = BudgetWorld(
        limited,
        Random(draw(st.integers(0, 2**32))),  # noqa: S311 - not a secret
        start=DECEMBER - draw(st.sampled_from([0, 5 * SECOND, MINUTE, 5 * MINUTE, 20 * MINUTE])),
        faults=draw(faults()),
        workers=draw(st.sampled_from([1, 5, 20, 100])),
    )
    shared = Resource()
    # Requests in a row wait for each other for five seconds at most.
    errands = [1, 1, 3] if limited.spacing < 5 * SECOND else [1]
    for _ in range(draw(st.integers(1, 60))):
        world.send(
            Job(
                lane=draw(st.sampled_from(["live", "bulk"])),
                errand=draw(st.sampled_from(errands)),
                resource=shared if draw(st.booleans()) else Resource(),
            ),
            at=draw(st.just(0) | st.integers(0, 5 * MINUTE)),
        )
    return world


def given_out(world: BudgetWorld) -> list[tuple[Lane, int]]:
    spacing = world.limits.spacing
    return [
        (slot.lane, slot.first + number * spacing)
        for slot in world.given
        for number in range(slot.count)
    ]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(world=worlds())
def test_no_limit_is_ever_exceeded_and_everything_is_sent(world: BudgetWorld) -> None:
    world.run()

    assert world.most_within(SECOND) <= world.limits.per_second
    assert world.most_within(MINUTE) <= world.limits.per_minute
    assert all(count <= world.limits.per_month for count in world.by_month().values())
    assert all(job.is_done for job in world.jobs if not job.is_lost)
    slots_given = given_out(world)
    assert len(slots_given) == len(set(slots_given))


# The two lanes


@pytest.mark.parametrize("per_minute", [20, 100, 600])
def test_a_live_job_goes_out_at_once_behind_300_waiting_bulk_jobs(per_minute: int) -> None:
    limited = Limits(per_second=10, per_minute=per_minute, per_month=10**6, bulk_share=0.7)
    world = BudgetWorld(limited, Random(1), start=NOON)  # noqa: S311 - not a secret
    for _ in range(300):
        world.send(Job("bulk"))
    published = [world.send(Job("live"), at=number * 20_300 + MINUTE // 10) for number in range(10)]

    world.run()

    waits = [job.sent_at[0] - job.began_at for job in published]
    assert max(waits) <= 2 * limited.spacing + SECOND


@pytest.mark.parametrize(("share", "gap"), [(0.7, 700), (0.5, 2_000), (0.7, 9_900)])
def test_bulk_has_no_more_than_its_share_while_live_asks_every_ten_seconds(
    share: float, gap: int
) -> None:
    limited = Limits(per_second=10, per_minute=100, per_month=10**6, bulk_share=share)
    world = BudgetWorld(limited, Random(1), start=NOON)  # noqa: S311 - not a secret
    for _ in range(350):
        world.send(Job("bulk"))
    for number in range(6 * MINUTE // gap):
        world.send(Job("live"), at=number * gap)

    world.run()

    sent = [moment for moment in world.sent("bulk") if moment < NOON + 6 * MINUTE - slots.IDLE]
    for window in (MINUTE, 5 * MINUTE):
        # What bulk has had since live's last slot is made up for with the next one.
        allowed = share * window + (1 - share) * slots.IDLE
        assert most_within(sent, window) <= allowed / limited.spacing + 2


def test_bulk_may_have_everything_while_live_is_idle() -> None:
    world = BudgetWorld(DEFAULT, Random(1), start=NOON)  # noqa: S311 - not a secret
    for _ in range(200):
        world.send(Job("bulk"))

    world.run()

    assert world.most_within(MINUTE) >= 0.95 * DEFAULT.per_minute
