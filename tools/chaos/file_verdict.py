"""The verdict on files: objects, copies, claims, jobs and events. Pure; every problem a sentence.

What the catalogue knows of an asset is judged by `verdict`; here it is what files are held against.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tools.chaos import file_truth
from tools.ledger.ledger import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.chaos.truth import Expected
    from tools.chaos.verdict import Case

    Problems = Iterator[str]

FILES_CHANGED = "AssetFilesChanged"
DEAD_LETTERS = "ASSET_FILE_DEAD_LETTER"
GONE = "file_not_found"


def contents(case: Case) -> Problems:
    """Every asset that is to be shown has the files that CMP has, and no other asset has any."""
    for one in case.expected:
        asset = case.found.items[one.asset.id].get("ASSET")
        if asset is None:
            continue
        held = [case.found.files.objects.get(key) for key in _held(case, one)]
        found = [file.sha256 for file in held if file]
        views = [file_truth.digests(one.asset.kind, view) for view in case.views[one.asset.id]]
        if not (asset["published"] or asset.get("library") == "present"):
            if found:
                yield f"{one.asset.id}: {len(found)} files though it is not to be shown"
        elif one.is_current and one.in_library:
            if sorted(found) != sorted(views[-1]):
                yield f"{one.asset.id} ({one.story}): its files are not CMP's"
        else:
            if not set(found) <= set().union(*views):
                yield f"{one.asset.id} ({one.story}): CMP never had what its files hold"
            if views[-1] and not found and not _is_gone(case, one):
                yield f"{one.asset.id} ({one.story}): it has no files"


def copies(case: Case) -> Problems:
    """Every file has the copy that the first matching rule wants, and the copy holds the same."""
    for one in case.expected:
        asset = case.found.items[one.asset.id].get("ASSET")
        if asset is None or not _is_followed(case, one):
            continue
        details = case.found.documents.get(str(asset.get("details_key")), {}).get("asset", {})
        for slot, file in _files(case, one).items():
            key, copy = file["stored"]["key"], (file["copy"] or {}).get("key")
            wanted = file_truth.copy(asset, details.get("labels"), slot, key)
            if copy != wanted:
                yield f"{one.asset.id}: the copy is at {copy}, not at {wanted}"
            elif copy and case.found.files.objects.get(copy) != case.found.files.objects.get(key):
                yield f"{one.asset.id}: {copy} is not a copy of {key}"


def claims(case: Case) -> Problems:
    """Claims, objects and files agree, checksums too, and no upload is unfinished."""
    found = case.found.files
    claimed: set[str] = set()
    for one in case.expected:
        item = found.items.get(one.asset.id, {})
        own = {place["key"] for place in item.get("claims", [])}
        claimed |= own
        if not _is_followed(case, one):
            continue
        held = {*_held(case, one), *_copied(case, one)}
        for key in sorted(own ^ held):
            yield f"{one.asset.id}: {key} is {'claimed' if key in own else 'held'} alone"
        for key in sorted(own - found.objects.keys()):
            yield f"{one.asset.id}: {key} is claimed and not there"
        if item.get("unfinished"):
            yield f"{one.asset.id}: its upload is unfinished"
        yield from _checksums(case, one)
    for key in sorted(found.objects.keys() - claimed):
        yield f"{key} is there and nobody claims it"
    for key, parts in found.uploads.items():
        # One without any is what is left if S3 began it and could not say so; it holds nothing.
        if parts:
            yield f"{parts} parts of an upload of {key} are left behind"


def jobs(case: Case) -> Problems:
    """Every file job ended and is counted, and the files follow the last change of each asset."""
    found = case.found.files
    for job in found.jobs:
        if job.outcome is None:
            yield f"{job.job_id} has no outcome"
    ended = Counter(job.outcome for job in found.jobs)
    for outcome in OUTCOMES:
        if ended[outcome] != found.counted.get(outcome, 0):
            counted = found.counted.get(outcome, 0)
            yield f"{counted} file jobs counted as {outcome}, but {ended[outcome]} items say so"
    for one in case.expected:
        asset = case.found.items[one.asset.id].get("ASSET", {})
        if asset.get("files_asked", 0) != asset.get("files_wanted", 0):
            yield f"{one.asset.id}: a file job is still owed"
        if not (_is_followed(case, one) or _is_gone(case, one)):
            yield f"{one.asset.id} ({one.story}): its files do not follow the last change"
        if "pending" in found.items.get(one.asset.id, {}):
            yield f"{one.asset.id}: an event of its files is still owed"


def dead_letters(case: Case) -> Problems:
    """No file job is a dead letter, but for a file that CMP itself had deleted."""
    deleted = {one.asset.id for one in case.expected if one.was_deleted}
    for letter in case.found.messages:
        if letter.queue != DEAD_LETTERS:
            continue
        asset_id, reason = json.loads(letter.body)["asset"]["id"], letter.attributes.get("reason")
        if reason != GONE or asset_id not in deleted:
            detail = letter.attributes.get("detail")
            yield f"{asset_id}: its file job became a dead letter: {reason}: {detail}"


def bus(case: Case) -> Problems:
    """The last event of each asset's files tells the files that there are."""
    last: dict[str, Mapping[str, Any]] = {}
    for event in case.found.events:
        if event["detail-type"] == FILES_CHANGED:
            detail = event["detail"]
            asset_id = detail["asset"]["id"]
            before = last.get(asset_id)
            if before is None or detail["sequence"] >= before["sequence"]:
                last[asset_id] = detail
    for one in case.expected:
        if not _is_followed(case, one):
            continue
        there = {
            (
                slot,
                file["stored"]["key"],
                file["stored"]["checksum"],
                (file["copy"] or {}).get("key"),
            )
            for slot, file in _files(case, one).items()
        }
        told = {
            (file["slot"], file["object"]["key"], file["checksum"], (file["copy"] or {}).get("key"))
            for file in last.get(one.asset.id, {"files": []})["files"]
        }
        if told != there:
            yield f"{one.asset.id}: the last event tells of {len(told)} other files"


def hosts(case: Case) -> Problems:
    """No file host was shown a token of ours, and private files came by a link with a token."""
    private = {one.asset.id for one in case.expected if one.asset.is_private}
    for download in case.found.files.downloads:
        if download["authorization"] or download["cookie"]:
            yield f"{download['asset_id']}: the file host was shown a token"
    got = {
        one["asset_id"]
        for one in case.found.files.downloads
        if one["token"] and one["status"] == HTTPStatus.OK
    }
    for one in case.expected:
        if one.asset.id in private and _held(case, one) and one.asset.id not in got:
            yield f"{one.asset.id}: its file is private, and came without a token"


def _checksums(case: Case, one: Expected) -> Problems:
    for file in _files(case, one).values():
        stored = file["stored"]
        there = case.found.files.objects.get(stored["key"])
        if there is None:
            continue
        whole = b64encode(bytes.fromhex(there.sha256)).decode()
        if there.size != stored["size"] or stored["checksum"] not in {whole, _composite(stored)}:
            yield f"{one.asset.id}: {stored['key']} is not what was noted of it"


def _composite(stored: Mapping[str, Any]) -> str | None:
    """Return a checksum of parts as it is: its bytes are judged by `contents`."""
    return str(stored["checksum"]) if "-" in stored["checksum"] else None


def _is_followed(case: Case, one: Expected) -> bool:
    asset = case.found.items[one.asset.id].get("ASSET", {})
    done = case.found.files.items.get(one.asset.id, {}).get("done", 0)
    return bool(done == asset.get("files_wanted", 0))


def _is_gone(case: Case, one: Expected) -> bool:
    """Tell whether CMP has no file any more of what is still published."""
    return not one.in_library and any(
        letter.queue == DEAD_LETTERS and json.loads(letter.body)["asset"]["id"] == one.asset.id
        for letter in case.found.messages
    )


def _files(case: Case, one: Expected) -> Mapping[str, Any]:
    files: Mapping[str, Any] = case.found.files.items.get(one.asset.id, {}).get("files", {})
    return files


def _held(case: Case, one: Expected) -> list[str]:
    return [file["stored"]["key"] for file in _files(case, one).values()]


def _copied(case: Case, one: Expected) -> list[str]:
    return [file["copy"]["key"] for file in _files(case, one).values() if file["copy"]]
