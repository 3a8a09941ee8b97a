import pytest

from cmp_relay.desk import LONGEST_NAME, Desk
from cmp_relay.errors import LeaseHeldError
from tests.support.publish_jobs import API
from tests.support.worker_stack import WorkerStack

SHORT = f"step#{'s' * (LONGEST_NAME - 5)}"
LONG = f"step#{API}/tasks/{'ü' * 2000}"
QUERY = f"step#{API}/tasks/t?token=abc"


@pytest.fixture
def desk(stack: WorkerStack) -> Desk:
    return stack.desk()


def test_a_short_name_stands_for_itself(desk: Desk, stack: WorkerStack) -> None:
    with desk.at(SHORT, 1):
        (lease,) = stack.items("LEASE#")

    assert lease["pk"] == f"LEASE#{SHORT}"


@pytest.mark.parametrize("name", [f"{SHORT}s", LONG, QUERY], ids=["one more", "long", "a query"])
def test_what_is_too_long_or_not_to_be_read_has_another_name(
    desk: Desk, stack: WorkerStack, name: str
) -> None:
    with desk.at(name, 1):
        (lease,) = stack.items("LEASE#")

    assert lease["pk"].startswith("LEASE#step#")
    assert len(lease["pk"]) == len("LEASE#step#") + 64


def test_one_worker_at_a_time_is_at_a_long_name(desk: Desk) -> None:
    with desk.at(LONG, 1):
        with pytest.raises(LeaseHeldError) as refused, desk.at(LONG, 1):
            pass
        with desk.at(f"{LONG}2", 1):
            pass

    assert API not in str(refused.value)
