import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NoReturn

import pytest
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError, EndpointConnectionError

from cmp_relay import patience, permits
from cmp_relay.breaker import FAILURES, Breaker
from cmp_relay.budget import Budget
from cmp_relay.errors import (
    AppointmentError,
    CmpRelayError,
    CredentialsError,
    NotAskedError,
    NotFoundError,
    PostponedError,
    QuotaError,
    RateLimitedError,
    UnavailableError,
)
from cmp_relay.open_api import OpenApi
from cmp_relay.patience import Patience
from cmp_relay.permits import Permit, Permits
from cmp_relay.slots import Limits, State
from tests.support.clock import Clock
from tests.support.fake_open_api import FakeOpenApi
from tools.simulation.memory_store import MemoryStore

LINK = "https://api.cmp.optimizely.com/v3/images/1"
LIMITS = Limits(per_second=10, per_minute=100, per_month=1000, bulk_share=0.7)


@dataclass
class Waiting:
    """A caller whose waiting moves the clock on."""

    clock: Clock = field(default_factory=Clock)
    slept: list[float] = field(default_factory=list)
    store: MemoryStore = field(default_factory=MemoryStore)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    def alone(self, seconds: float = 120) -> Patience:
        return Patience(None, seconds, lambda: self.clock() / 1000, self.sleep)

    def beside(self, limits: Limits = LIMITS) -> Patience:
        budget = Budget(self.store, limits, now=self.clock)
        breaker = Breaker(self.store, limits, now=self.clock)
        permits = Permits(budget, breaker, "bulk", self.clock, self.sleep)
        return Patience(permits, 120, lambda: self.clock() / 1000, self.sleep)


def raising(*errors: Exception) -> Callable[[OpenApi], str]:
    left = list(errors)

    def request(_: OpenApi) -> str:
        if left:
            raise left.pop(0)
        return "given"

    return request


def limited(retry_after: float | None) -> RateLimitedError:
    return RateLimitedError("GET: 429", retry_after=retry_after)


@pytest.mark.parametrize(
    ("errors", "slept"),
    [
        ([], []),
        ([limited(7)], [7]),
        ([limited(0)], [1]),
        ([limited(None)] * 6, [1, 2, 4, 8, 16, 30]),
        ([PostponedError("the token is being refreshed", delay=2)], [2]),
    ],
)
def test_what_was_not_done_is_asked_again_when_it_may_be(
    errors: list[Exception], slept: list[float]
) -> None:
    caller = Waiting()

    assert caller.alone().ask(FakeOpenApi(), raising(*errors)) == "given"
    assert caller.slept == slept


@pytest.mark.parametrize(
    "error",
    [
        CredentialsError("refused", delay=5),
        NotAskedError("the stack has stopped asking CMP"),
        UnavailableError("POST: 503", status=503),
        QuotaError("the month is used up", delay=86_400),
        limited(121),
    ],
)
def test_nobody_waits_for_what_will_not_come_or_may_be_done(error: CmpRelayError) -> None:
    caller = Waiting()

    with pytest.raises(type(error)):
        caller.alone().ask(FakeOpenApi(), raising(error))

    assert caller.slept == []


def test_patience_ends() -> None:
    caller = Waiting()

    with pytest.raises(RateLimitedError):
        caller.alone(seconds=60).ask(FakeOpenApi(), raising(*[limited(25)] * 9))

    assert caller.slept == [25, 25]


def test_beside_a_stack_requests_keep_its_limits() -> None:
    caller = Waiting()
    patience, api = caller.beside(), FakeOpenApi()
    api.resources[LINK] = {"id": "1"}
    moments = []

    for _ in range(250):
        patience.ask(api, lambda api: api.get(LINK))
        moments.append(caller.clock())

    apart = [after - before for before, after in pairwise(moments)]
    assert min(apart[1:]) >= LIMITS.spacing
    assert moments[-1] - moments[0] <= 250 * LIMITS.spacing / LIMITS.bulk_share + 2000


def test_a_429_puts_back_the_slots_of_all_who_share_the_budget() -> None:
    caller = Waiting()
    api = FakeOpenApi()
    api.resources[LINK] = limited(150)
    began = caller.clock()

    with pytest.raises(RateLimitedError):
        caller.beside().ask(api, lambda gated: gated.get(LINK))
    caller.clock.advance(100)
    api.resources[LINK] = {"id": "1"}
    caller.beside().ask(api, lambda gated: gated.get(LINK))

    assert caller.clock() - began >= 150_000
    assert api.asked == [LINK, LINK]


def test_a_write_that_may_be_done_is_not_repeated_when_the_breaker_opens() -> None:
    caller = Waiting()
    patience, api = caller.beside(), FakeOpenApi()
    api.is_up = False

    for _ in range(FAILURES):
        with pytest.raises(UnavailableError):
            patience.ask(api, lambda gated: gated.tell("POST", LINK, {}))
    with pytest.raises(AppointmentError):
        patience.ask(api, lambda gated: gated.tell("POST", LINK, {}))
    assert len(api.asked) == FAILURES

    api.is_up = True
    patience.ask(api, lambda gated: gated.tell("POST", LINK, {}))
    assert len(api.told) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem"),
        EndpointConnectionError(endpoint_url="https://dynamodb.example"),
        PostponedError("too many others wanted a slot", delay=1),
        QuotaError("the month is used up", delay=86_400),
    ],
)
def test_a_budget_that_cannot_be_told_of_an_answer_does_not_take_its_place(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def troubled(*_: object) -> None:
        raise trouble

    for name in ("answered", "throttled", "failed"):
        monkeypatch.setattr(Permit, name, troubled)
    beside, done, limit, lost = Waiting().beside(), FakeOpenApi(), FakeOpenApi(), FakeOpenApi()
    limit.resources[LINK] = limited(150)
    lost.is_up = False

    assert beside.ask(done, lambda gated: gated.tell("POST", LINK, {})) == {}
    with pytest.raises(RateLimitedError):
        beside.ask(limit, lambda gated: gated.get(LINK))
    with pytest.raises(UnavailableError):
        beside.ask(lost, lambda gated: gated.tell("POST", LINK, {}))
    assert (len(done.told), len(limit.asked), len(lost.asked)) == (1, 1, 1)


def test_a_lost_answer_to_the_last_request_of_the_month_is_a_lost_answer() -> None:
    caller, api = Waiting(), FakeOpenApi()
    api.is_up = False
    beside = caller.beside(replace(LIMITS, per_month=FAILURES))

    for _ in range(FAILURES):
        with pytest.raises(UnavailableError):
            beside.ask(api, lambda gated: gated.tell("POST", LINK, {}))

    assert caller.store.state.open_reason == "unavailable"


@pytest.mark.parametrize(
    "answer", [{"id": "1"}, NotFoundError("GET: 404"), limited(150), UnavailableError("GET: 503")]
)
def test_the_answers_of_another_api_count_and_tell_nothing(
    answer: Mapping[str, str] | Exception,
) -> None:
    caller, api = Waiting(), FakeOpenApi()
    patience = caller.beside().counting()
    api.resources[LINK] = answer
    caller.store.change(put={"failures": 1, "throttles": 1})
    caller.store.writes = 0

    for _ in range(FAILURES):
        with nullcontext() if isinstance(answer, Mapping) else pytest.raises(type(answer)):
            patience.ask(api, lambda gated: gated.get(LINK))

    state = caller.store.state
    assert [*state.used.values()] == [FAILURES]
    assert (state.failures, state.throttles, state.open_reason) == (1, 1, None)
    assert (state.pauses, state.resume_at, caller.store.writes) == (0, 0, FAILURES)


@pytest.mark.parametrize("is_up", [True, False])
def test_an_open_breaker_stays_as_it_is_whatever_another_api_answers(is_up: bool) -> None:
    caller, api = Waiting(), FakeOpenApi()
    api.is_up, api.resources[LINK] = is_up, {"id": "1"}
    Breaker(caller.store, LIMITS, now=caller.clock).open("unavailable")
    opened = caller.store.state

    with nullcontext() if is_up else pytest.raises(UnavailableError):
        caller.beside().counting().ask(api, lambda gated: gated.get(LINK))

    state = caller.store.state
    assert api.asked == [LINK]
    assert state == replace(opened, bulk_next=state.bulk_next, used=state.used, starts=1)


def test_who_asks_another_api_waits_for_a_token_before_a_slot() -> None:
    caller = Waiting()

    for error in (UnavailableError("POST: 404", status=404), CredentialsError("401", delay=5)):
        with pytest.raises(type(error)) as caught:
            caller.beside().counting().ask(Tokenless(error), lambda gated: gated.get(LINK))
        assert caught.value is error

    assert caller.store.state == State()


def test_what_a_guest_alone_saw_is_nothing_to_the_workers() -> None:
    caller, api = Waiting(), FakeOpenApi()
    patience = caller.beside().visiting()
    api.is_up = False

    for _ in range(2 * FAILURES):
        with pytest.raises(UnavailableError):
            patience.ask(api, lambda gated: gated.get(LINK))

    assert len(api.asked) == 2 * FAILURES
    assert (caller.store.state.failures, caller.store.state.open_reason) == (0, None)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (CredentialsError("client_id is missing", delay=5), CredentialsError),
        (UnavailableError("refresh_token not reached: ClientError"), NotAskedError),
    ],
)
def test_a_guest_without_a_token_learns_why_at_once_and_takes_no_slot(
    error: Exception, told: type[Exception]
) -> None:
    caller = Waiting()

    with pytest.raises(told, match=str(error)):
        caller.beside().visiting().ask(Tokenless(error), lambda gated: gated.get(LINK))

    assert (caller.slept, caller.store.state) == ([], State())


def test_a_guest_learns_of_an_open_breaker_at_once_and_does_not_probe() -> None:
    caller, api = Waiting(), FakeOpenApi()
    Breaker(caller.store, LIMITS, now=caller.clock).open("unavailable")
    opened = caller.store.state
    caller.clock.advance(3600)

    with pytest.raises(NotAskedError, match="stopped asking CMP \\(unavailable\\)"):
        caller.beside().visiting().ask(api, lambda gated: gated.get(LINK))

    assert (api.asked, caller.slept, caller.store.state) == ([], [], opened)


def test_a_429_that_a_guest_gets_holds_for_all_until_cmp_answers() -> None:
    caller, api = Waiting(), FakeOpenApi()
    patience = caller.beside().visiting()
    api.resources[LINK] = limited(150)
    began = caller.clock()

    with pytest.raises(RateLimitedError):
        patience.ask(api, lambda gated: gated.get(LINK))
    assert caller.store.state.throttles == 1
    assert caller.store.state.resume_at >= began + 150_000

    caller.clock.advance(151)
    api.resources[LINK] = {"id": "1"}
    patience.ask(api, lambda gated: gated.get(LINK))
    assert caller.store.state.throttles == 0


class Tokenless(FakeOpenApi):
    """An API for which there is no token."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def get(self, _: str) -> Mapping[str, str]:
        return self._gate.take(self._token, lambda: True)

    def _token(self) -> NoReturn:
        raise self.error


@pytest.fixture
def own_metrics() -> Iterator[Metrics]:
    made = Metrics(namespace="Shop", service="orders")
    made.clear_metrics()
    made.add_metric(name="OrdersPlaced", unit=MetricUnit.Count, value=3)
    yield made
    made.clear_metrics()


def test_the_metrics_of_the_program_stay_as_they_are(
    own_metrics: Metrics, capsys: pytest.CaptureFixture[str]
) -> None:
    beside, api = Waiting().beside(), FakeOpenApi()
    api.resources[LINK] = {"id": "1"}

    for _ in range(150):  # a hundred values of a name are all that Powertools keeps
        beside.ask(api, lambda gated: gated.get(LINK))

    assert {name: one["Value"] for name, one in own_metrics.metric_set.items()} == {
        "OrdersPlaced": [3.0]
    }
    assert capsys.readouterr().out == ""


def test_every_metric_of_a_permit_is_known() -> None:
    names = re.findall(r'add_metric\(\s*name="(\w+)"', inspect.getsource(permits))

    assert {*names} == {*patience.MEASURES}
