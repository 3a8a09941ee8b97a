"""The stand-in's limits, second by second."""

from __future__ import annotations

from tools.stand_in.limits import LimitRules, Limits


class Clock:
    def __init__(self) -> None:
        self.moment = 1_000_000.0

    def __call__(self) -> float:
        return self.moment


def limits(clock: Clock, rules: LimitRules) -> Limits:
    return Limits(rules=rules, now=clock)


def test_lets_everything_through_without_rules() -> None:
    free = limits(Clock(), LimitRules())

    assert all(free.refusal() is None for _ in range(100))


def test_refuses_what_is_beyond_the_limit_of_any_sliding_second() -> None:
    clock = Clock()
    strict = limits(clock, LimitRules(per_second=2))
    strict.refusal()
    clock.moment += 0.6
    strict.refusal()

    clock.moment += 0.3
    within = strict.refusal()
    clock.moment += 0.2
    beyond = strict.refusal()

    assert within is not None
    assert within.status_code == 429
    assert beyond is None


def test_refused_requests_do_not_count() -> None:
    clock = Clock()
    strict = limits(clock, LimitRules(per_second=1))
    strict.refusal()
    clock.moment += 0.9
    assert strict.refusal() is not None

    clock.moment += 0.2

    assert strict.refusal() is None


def test_tells_the_seconds_until_the_minute_has_room() -> None:
    clock = Clock()
    strict = limits(clock, LimitRules(per_second=10, per_minute=1))
    strict.refusal()

    clock.moment += 20.5
    refusal = strict.refusal()

    assert refusal is not None
    assert refusal.headers["Retry-After"] == "40"


def test_tells_the_time_as_an_http_date() -> None:
    strict = limits(Clock(), LimitRules(per_minute=0, retry_after="date"))

    refusal = strict.refusal()

    assert refusal is not None
    assert refusal.headers["Retry-After"] == "Mon, 12 Jan 1970 13:47:40 GMT"


def test_can_leave_the_time_out() -> None:
    strict = limits(Clock(), LimitRules(per_second=0, retry_after="none"))

    refusal = strict.refusal()

    assert refusal is not None
    assert "Retry-After" not in refusal.headers
