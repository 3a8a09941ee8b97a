import pytest

from cmp_relay.catalogue import AssetState
from cmp_relay.file_queue import FileQueue
from cmp_relay.jobs import read_file_job
from tests.support import environment
from tests.support.clock import NOON
from tests.support.worker_stack import WorkerStack


@pytest.mark.parametrize("asset_id", ["image-1", "ä/\U0001f600 #..", "9" * 256])
def test_asks_with_a_job_that_the_worker_of_files_reads(asset_id: str, stack: WorkerStack) -> None:
    asset = AssetState(asset_id, "image", organization_id="organization-1", files_wanted=7)

    FileQueue(stack.sqs, environment.queue_url("asset-file"), stack.clock).ask(asset)

    (body,) = stack.file_jobs()
    job = read_file_job(body)
    assert job.job_id == job.delivery_id == f"asset_file.{asset_id}.7"
    assert (job.asset.id, job.asset.type, job.wanted) == (asset_id, "image", 7)
    assert (job.cause, job.event_name, job.archive_key) == ("files", "asset_file", None)
    assert (job.organization_id, job.received_at) == ("organization-1", NOON)
