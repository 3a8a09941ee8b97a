import boto3
import pytest
from botocore.stub import Stubber

from cmp_relay.bus import Bus
from cmp_relay.catalogue import Announcement
from cmp_relay.errors import AnnouncementError
from tests.support.worker_stack import WorkerStack, clients

ANNOUNCEMENT = Announcement("job", "AssetPublished", '{"id": "job"}')


def test_what_is_put_is_heard(stack: WorkerStack) -> None:
    Bus(clients("workers").bus, "bus").put(ANNOUNCEMENT)

    (event,) = stack.announced()
    assert (event["source"], event["detail-type"], event["detail"]) == (
        "cmp-relay",
        "AssetPublished",
        {"id": "job"},
    )


def test_what_the_bus_did_not_take_is_an_error() -> None:
    client = boto3.client("events")
    refusal = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
    with Stubber(client) as stubber:
        stubber.add_response("put_events", {"FailedEntryCount": 1, "Entries": [refusal]})

        with pytest.raises(
            AnnouncementError, match="the bus answered ThrottlingException"
        ) as caught:
            Bus(client, "bus").put(ANNOUNCEMENT)

    assert caught.value.retryable
