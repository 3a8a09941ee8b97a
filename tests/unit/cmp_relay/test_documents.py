import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from cmp_relay import documents
from cmp_relay.documents import Documents, Stored
from cmp_relay.errors import ConflictError
from tests.support.worker_stack import WorkerStack, clients

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "assets/image/1/details.json"


@pytest.fixture
def stored(stack: WorkerStack) -> Documents:
    return Documents(clients("workers").objects, "assets")


def there(stack: WorkerStack) -> Any:  # noqa: ANN401
    return stack.documents().get(KEY)


def test_the_first_document_is_written(stored: Documents, stack: WorkerStack) -> None:
    written = stored.put(KEY, {"title": "Ä\ud800"}, order=1, etag=None)

    found = stack.s3.get_object(Bucket="assets", Key=KEY)
    assert (found["ETag"], found["ContentType"]) == (written.etag, "application/json")
    assert found["Metadata"] == {"order": "1"}
    assert not written.newer
    assert json.loads(found["Body"].read().decode("utf-8", "surrogatepass")) == {"title": "Ä\ud800"}


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("known", ["right", "none", "stale", "invented"])
def test_one_of_the_same_or_a_higher_order_replaces_it_whatever_was_known(
    stored: Documents, stack: WorkerStack, order: int, known: str
) -> None:
    etag = known_etag(stored, known)

    written = stored.put(KEY, {"new": True}, order=order, etag=etag)

    assert there(stack) == {"new": True}
    assert written == Stored(stack.s3.head_object(Bucket="assets", Key=KEY)["ETag"])


@pytest.mark.parametrize("known", ["none", "stale", "invented"])
def test_one_of_a_lower_order_never_replaces_it(
    stored: Documents, stack: WorkerStack, known: str
) -> None:
    etag = known_etag(stored, known)

    written = stored.put(KEY, {"old": True}, order=1, etag=etag)

    assert there(stack) == {"at": "second"}
    assert written == Stored(stack.s3.head_object(Bucket="assets", Key=KEY)["ETag"], newer=True)


def known_etag(stored: Documents, known: str) -> str | None:
    """Write twice, of order 0 and 2, and return what a worker may take for the current ETag."""
    first = stored.put(KEY, {"at": "first"}, order=0, etag=None).etag
    second = stored.put(KEY, {"at": "second"}, order=2, etag=first).etag
    return {"right": second, "none": None, "stale": first, "invented": '"0"'}[known]


def test_a_document_that_was_deleted_meanwhile_is_written_again(
    stored: Documents, stack: WorkerStack
) -> None:
    etag = stored.put(KEY, {"at": "first"}, order=5, etag=None).etag
    stack.s3.delete_object(Bucket="assets", Key=KEY)

    written = stored.put(KEY, {"at": "second"}, order=1, etag=etag)

    assert there(stack) == {"at": "second"}
    assert not written.newer


def test_a_document_without_an_order_gives_way(stored: Documents, stack: WorkerStack) -> None:
    stack.s3.put_object(Bucket="assets", Key=KEY, Body=b"{}")

    stored.put(KEY, {"new": True}, order=1, etag=None)

    assert there(stack) == {"new": True}


def test_of_many_writers_at_once_the_highest_order_stays(
    stored: Documents, stack: WorkerStack
) -> None:
    barrier = threading.Barrier(8)
    ends: dict[int, Stored | ConflictError] = {}

    def write(order: int) -> None:
        barrier.wait()
        try:
            ends[order] = stored.put(KEY, {"order": order}, order=order, etag=None)
        except ConflictError as error:
            ends[order] = error

    threads = [threading.Thread(target=write, args=(order,)) for order in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Who met others too often has to come back; what is there is never older than what was written
    written = [order for order, end in ends.items() if isinstance(end, Stored) and not end.newer]
    assert there(stack) == {"order": max(written)}
    assert len(ends) == 8


def test_gives_up_while_others_keep_writing(
    stored: Documents, stack: WorkerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.put(KEY, {}, order=0, etag=None)
    really: Callable[..., Any] = stack.s3.put_object
    orders = iter(range(1, 100))

    def write_first(**_: object) -> None:
        order = next(orders)
        body = json.dumps(order).encode()
        really(Bucket="assets", Key=KEY, Body=body, Metadata={"order": str(order)})

    events = clients("workers").objects.meta.events
    events.register("before-call.s3.PutObject", write_first)
    try:
        with pytest.raises(ConflictError):
            stored.put(KEY, {"mine": True}, order=50, etag=None)
    finally:
        events.unregister("before-call.s3.PutObject", write_first)

    assert there(stack) == documents.TRIES


@pytest.mark.parametrize("operation", ["PutObject", "HeadObject"])
def test_other_errors_of_s3_are_passed_on(
    stored: Documents, stack: WorkerStack, operation: str
) -> None:
    stored.put(KEY, {}, order=0, etag=None)

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, operation)

    events = clients("workers").objects.meta.events
    events.register(f"before-call.s3.{operation}", refuse)
    try:
        with pytest.raises(ClientError, match="AccessDenied"):
            stored.put(KEY, {"mine": True}, order=1, etag=None)
    finally:
        events.unregister(f"before-call.s3.{operation}", refuse)


def test_ids_of_any_shape_stay_one_step_of_the_key() -> None:
    assert documents.details_key("raw_file", "a/../b") == "assets/raw_file/a%2F..%2Fb/details.json"
    assert (
        documents.entry_key("im/age", "ä", "e#1")
        == "assets/im%2Fage/%C3%A4/publications/e%231.json"
    )
