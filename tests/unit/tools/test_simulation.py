from collections.abc import Callable

import pytest

from tools.simulation import baselines, burst, relay
from tools.simulation.burst import Function, Plan, World
from tools.simulation.comparison import Row, rows
from tools.simulation.measures import Measures
from tools.simulation.virtual_time import BEGIN, VirtualTime

PLAN = Plan(assets=200, per_second=10, per_minute=100, seed=1)


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, int], Row]:
    return {(row.kind, row.workers): row for row in rows(PLAN, [5, 20, 50])}


def test_the_relay_uses_what_cmp_allows(found: dict[tuple[str, int], Row]) -> None:
    assert found["relay", 20].misses == []


@pytest.mark.parametrize("workers", [5, 20, 50])
def test_the_relay_is_never_refused_and_writes_little(
    found: dict[tuple[str, int], Row], workers: int
) -> None:
    # In so small a burst, the slots that cold starts and first visits cost weigh much.
    row = found["relay", workers]

    assert set(row.misses) <= {"used rate"}
    assert 0.93 <= row.measures.used_rate <= 1
    assert row.measures.writes_median <= 2
    assert row.measures.writes_p99 <= 4


@pytest.mark.parametrize("workers", [5, 20, 50])
def test_workers_that_back_off_from_429_without_a_budget_are_worse(
    found: dict[tuple[str, int], Row], workers: int
) -> None:
    ours, theirs = found["relay", workers].measures, found["back-off", workers].measures

    assert "429s" in found["back-off", workers].misses
    assert theirs.used_rate < ours.used_rate
    assert theirs.receives_max > ours.receives_max
    # Five of ours wait in the function about as long as theirs ask in vain.
    assert workers == 5 or theirs.lambda_seconds > ours.lambda_seconds


def test_two_workers_without_a_budget_meet_429_too(found: dict[tuple[str, int], Row]) -> None:
    assert found["fixed", 2].measures.refused > found["relay", 5].measures.refused == 0


@pytest.mark.parametrize("prepare", [relay.prepare, baselines.backing_off])
def test_the_same_seed_gives_the_same_burst(
    prepare: Callable[[World], Callable[[], Function]],
) -> None:
    plan = Plan(assets=30, per_second=10, per_minute=100, seed=7)

    def measured() -> Measures:
        with relay.quiet():
            return burst.run(plan, 5, prepare)

    assert measured() == measured()


def test_processes_take_turns_in_the_order_of_their_moments() -> None:
    time = VirtualTime()
    seen: list[tuple[str, float]] = []

    def sleeper(name: str, seconds: float) -> Callable[[], None]:
        def work() -> None:
            for _ in range(2):
                time.sleep(seconds)
                seen.append((name, time.now - BEGIN))

        return work

    time.start(sleeper("slow", 3))
    time.start(sleeper("quick", 2))
    time.run()

    assert seen == [("quick", 2), ("slow", 3), ("quick", 4), ("slow", 6)]


def test_what_a_process_raises_ends_the_run() -> None:
    time = VirtualTime()

    def fail() -> None:
        time.sleep(1)
        raise ValueError("broken")

    time.start(fail)

    with pytest.raises(ValueError, match="broken"):
        time.run()
