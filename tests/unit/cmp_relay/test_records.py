from dataclasses import replace
from typing import Any

import pytest

from cmp_relay.bus import Bus
from cmp_relay.catalogue import Catalogue, Record
from cmp_relay.errors import LeaseHeldError
from cmp_relay.file_queue import FileQueue
from cmp_relay.jobs import Asset, read_file_job
from cmp_relay.leases import Leases
from cmp_relay.records import Records
from tests.support import environment
from tests.support.killer import ProcessKilled
from tests.support.worker_stack import WorkerStack, clients

IMAGE = Asset(id="image-1", type="image")


def records(stack: WorkerStack, *, mirrors: bool = True) -> Records:
    """Build the records as a new execution environment would."""
    table, _, bus, queues = clients("workers")
    queue = FileQueue(queues, environment.queue_url("asset-file"), stack.clock)
    return Records(
        catalogue=Catalogue(table, "catalogue"),
        bus=Bus(bus, "bus"),
        leases=Leases(table, "catalogue", now=stack.lease_clock.seconds),
        files=queue if mirrors else None,
    )


def change(stack: WorkerStack, *, mirrors: bool = True, **fields: Any) -> None:  # noqa: ANN401
    """Change the asset as a worker does."""
    at_work = records(stack, mirrors=mirrors)
    with at_work.held(IMAGE) as (record, _):
        changed = replace(record.asset, **fields)
        at_work.write(record, Record(changed, record.publications))


def asked(stack: WorkerStack) -> list[int]:
    """Take the file jobs off their queue and return the changes that they are for."""
    return [read_file_job(body).wanted for body in stack.file_jobs()]


def test_one_worker_at_a_time_holds_a_record(stack: WorkerStack) -> None:
    with records(stack).held(IMAGE), pytest.raises(LeaseHeldError), records(stack).held(IMAGE):
        pass
    assert stack.items("LEASE#") == []


@pytest.mark.parametrize(
    "fields",
    [
        {"files": "others"},
        {"files": None},
        {"library": "removed"},
        {"published": True},
        {"expired": True},
        {"expires_at": 1},
    ],
    ids=str,
)
def test_what_decides_about_files_asks_for_them(fields: dict[str, Any], stack: WorkerStack) -> None:
    change(stack, files="some", library="present")
    assert asked(stack) == [1]

    change(stack, **fields)

    assert asked(stack) == [2]


def test_what_decides_nothing_about_files_asks_for_none(stack: WorkerStack) -> None:
    change(stack, files="some", library="present")
    asked(stack)

    change(stack, title="Another", modified_at=1, heard_at=2)

    assert asked(stack) == []


def test_an_asset_without_files_asks_for_none(stack: WorkerStack) -> None:
    change(stack, library="present")
    change(stack, library="removed", published=True)

    assert asked(stack) == []


@pytest.mark.parametrize("after", [False, True], ids=["before the send", "after the send"])
def test_a_file_job_that_was_owed_when_the_worker_died_is_asked_for_by_the_next(
    after: bool, stack: WorkerStack
) -> None:
    stack.killer.kill_at("SendMessage", after=after)
    with pytest.raises(ProcessKilled):
        change(stack, files="some", library="present")
    stack.killer.spare()
    stack.sleep(3600)

    with records(stack).held(IMAGE) as (record, _):
        assert not record.asset.owes_files

    assert asked(stack) == ([1, 1] if after else [1])
    with records(stack).held(IMAGE):
        assert asked(stack) == []


def test_what_is_owed_while_no_files_are_mirrored_is_paid_once_they_are(
    stack: WorkerStack,
) -> None:
    change(stack, mirrors=False, files="some", library="present")
    change(stack, mirrors=False, published=True)
    assert asked(stack) == []

    with records(stack).held(IMAGE):
        assert asked(stack) == [2]
