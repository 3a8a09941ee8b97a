"""A file that is larger than the function's memory comes through it, also if the worker dies."""

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cmp_relay.file_store import PART_BYTES
from tests.e2e.relay import Relay
from tools.stand_in.contents import Content
from tools.stand_in.files import own_content

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.enable_socket,
    pytest.mark.long,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc"),
]

SIZE = 600_000_000
COPIED = "/Press"
"""A folder of which a rule of this stack wants copies."""
MEMORY_MEGABYTES = 512
MOST_MEGABYTES = 400
REDELIVERY_SECONDS = "10"


@pytest.fixture
def impatient_queue(relay: Relay) -> Iterator[None]:
    """Let the queue give a dead worker's messages back soon."""
    sqs, url = relay.stack.boto("sqs"), relay.stack.env["ASSET_FILE_QUEUE_URL"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": REDELIVERY_SECONDS})
    yield
    sqs.set_queue_attributes(QueueUrl=url, Attributes={**before["Attributes"]})


def bring(relay: Relay, kind: str, **fields: object) -> dict[str, Any]:
    """Tell the relay of a new asset; its file follows in its own time."""
    asset = relay.cmp.add_asset(kind, **fields)
    (sent,) = relay.cmp.announce_library("asset_added", asset["id"])
    assert [job.outcome for job in relay.ended(sent["response"])] == ["applied"]
    return asset


def forget(relay: Relay, asset: dict[str, Any]) -> None:
    """Let the large file go again: the local S3 keeps it in memory."""
    relay.cmp.move_asset(asset["id"], "deleted")
    relay.cmp.announce_library("asset_removed", asset["id"])
    relay.wait(lambda: asset["id"] not in "".join(relay.objects("")), "the large file's end")


def peaks(relay: Relay) -> dict[int, float]:
    """Return the largest memory in MB that each worker has ever had."""
    found = {}
    for pid in relay.stack.functions.processes("on_asset_file"):
        (kilobytes,) = re.findall(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        found[pid] = int(kilobytes) * 1024 / 1e6
    return found


def parts(relay: Relay, asset_id: str) -> int:
    """Count the parts that S3 has of an upload that was begun."""
    item = relay.item(f"FILES#{asset_id}", "FILES")
    if item is None or "unfinished" not in item:
        return 0
    listed = relay.stack.boto("s3").list_parts(
        Bucket=relay.stack.env["ASSET_BUCKET"],
        Key=item["unfinished"]["key"],
        UploadId=item["unfinished"]["upload_id"],
    )
    return len(listed.get("Parts", []))


def end_lease(relay: Relay, name: str) -> None:
    """Let a dead worker's lease end as it would a quarter of an hour later."""
    relay.stack.boto("dynamodb").update_item(
        TableName=relay.stack.env["CATALOGUE_TABLE"],
        Key={"pk": {"S": f"LEASE#{name}"}, "sk": {"S": "LEASE"}},
        UpdateExpression="SET ends_at = :now",
        ExpressionAttributeValues={":now": {"N": "0"}},
    )


def checksum(content: Content) -> str:
    """Return the checksum that S3 gives to a file in parts."""
    digests, part = [], bytearray()
    for piece in content.pieces():
        part += piece
        while len(part) >= PART_BYTES:
            digests.append(sha256(part[:PART_BYTES]).digest())
            del part[:PART_BYTES]
    if part:
        digests.append(sha256(part).digest())
    return f"{b64encode(sha256(b''.join(digests)).digest()).decode()}-{len(digests)}"


def stored_digest(relay: Relay, key: str) -> str:
    body = relay.stack.boto("s3").get_object(Bucket=relay.stack.env["ASSET_BUCKET"], Key=key)
    digest = sha256()
    for chunk in body["Body"].iter_chunks(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def assert_whole(relay: Relay, asset: dict[str, Any]) -> None:
    """Hold object, copy and event against what the file host has."""
    (event,) = relay.events(asset["id"], count=1, of_files=True)
    (file,) = event["detail"]["files"]
    content = own_content(asset)
    assert content
    assert (file["size"], file["checksum"]) == (content.size, checksum(content))
    digests = {stored_digest(relay, file[where]["key"]) for where in ("object", "copy")}
    assert digests == {content.sha256()}


def test_a_file_larger_than_the_functions_memory_comes_through_it(
    relay: Relay, capsys: pytest.CaptureFixture[str]
) -> None:
    functions = relay.stack.boto("lambda")
    name = relay.stack.functions.physical_name("on_asset_file")
    config = functions.get_function_configuration(FunctionName=name)
    assert config["MemorySize"] == MEMORY_MEGABYTES
    small = bring(relay, "image")
    relay.events(small["id"], count=1, of_files=True)
    before = peaks(relay)

    asset = bring(relay, "video", file_size=SIZE, file_location=COPIED)

    assert_whole(relay, asset)
    after = peaks(relay)
    pid = max(after, key=lambda each: after[each] - before.get(each, 0))
    with capsys.disabled():
        print(  # noqa: T201 - the number is what this test is for
            f"\n{SIZE / 1e6:.0f} MB mirrored: peak {after[pid]:.0f} MB of {MEMORY_MEGABYTES} MB,"
            f" {before.get(pid, 0):.0f} MB of it before the file"
        )
    assert max(after.values()) < MOST_MEGABYTES
    forget(relay, asset)


@pytest.mark.usefixtures("impatient_queue")
def test_a_worker_killed_half_way_fetches_only_what_is_missing(relay: Relay) -> None:
    asset = bring(relay, "video", file_size=SIZE, file_location=COPIED)
    half = SIZE // PART_BYTES // 2
    relay.wait(lambda: parts(relay, asset["id"]) >= half, "half of the file")

    assert relay.restart("on_asset_file") > 0

    there = parts(relay, asset["id"]) * PART_BYTES
    assert there < SIZE, "the worker was to be killed before its end"
    end_lease(relay, f"files#{asset['id']}")
    assert_whole(relay, asset)
    first, second = relay.cmp.downloads(asset["id"])
    assert (first["range"], second["range"]) == (None, f"bytes={there}-")
    # One part was on its way to S3 and one was coming, beside what the connection holds.
    assert first["sent_bytes"] - there < 3 * PART_BYTES
    assert second["sent_bytes"] == SIZE - there
    forget(relay, asset)
