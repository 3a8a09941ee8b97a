from dataclasses import replace

import pytest

from cmp_relay.catalogue import Announcement
from cmp_relay.errors import ConflictError
from cmp_relay.file_store import Stored, Unfinished
from cmp_relay.files import Files, FilesState, MirroredFile, Place, Told
from tests.support.worker_stack import WorkerStack

OBJECT = Place("assets", "assets/image/image-1/7/Harbour.jpg")
COPY = Place("repository", "website/images/image-1.jpg")
STORED = Stored(OBJECT.key, etag='"e1"', size=5_000_000_000, checksum="c-597", mime_type="image/x")
UNFINISHED = Unfinished(OBJECT.key, "upload-1", "7", "image/x", '"1"', size=5_000_000_000)
FULL = FilesState(
    "image-1",
    done=4,
    files={"file": MirroredFile("7", STORED, COPY), "image-1": MirroredFile("8", STORED)},
    claims=frozenset({OBJECT, COPY}),
    unfinished=UNFINISHED,
    sequence=3,
    told="what the bus was told",
    pending=Announcement("asset_file.image-1.4", "AssetFilesChanged", "{}"),
    reported={"default#event-1": Told("published", 1)},
    commands=('{"command": "report_publication"}',),
)


@pytest.fixture
def files(stack: WorkerStack) -> Files:
    return Files(stack.dynamodb, "catalogue")


def test_the_files_of_an_asset_that_has_none_are_blank(files: Files) -> None:
    assert files.read("image-1") == FilesState("image-1")


@pytest.mark.parametrize(
    "state",
    [
        FULL,
        FilesState("image-1"),
        replace(FULL, unfinished=replace(UNFINISHED, validator=None, size=None)),
    ],
    ids=["everything", "nothing", "an upload of unknown length"],
)
def test_reads_what_it_wrote(state: FilesState, files: Files) -> None:
    written = files.write(state)

    assert written == replace(state, revision=1)
    assert files.read("image-1") == written


def test_what_is_over_is_read_no_more(files: Files) -> None:
    written = files.write(FULL)

    files.write(replace(written, unfinished=None, pending=None, told=None))

    found = files.read("image-1")
    assert (found.unfinished, found.pending, found.told) == (None, None, None)


@pytest.mark.parametrize("known", [True, False])
def test_refuses_to_build_on_what_another_has_changed(known: bool, files: Files) -> None:
    read = files.write(FULL) if known else files.read("image-1")
    files.write(replace(read, done=5))

    with pytest.raises(ConflictError):
        files.write(replace(read, done=6))
    assert files.read("image-1").done == 5


def test_the_fingerprint_tells_files_apart_and_nothing_else() -> None:
    moved = {**FULL.files, "file": MirroredFile("7", STORED, OBJECT)}

    assert replace(FULL, revision=9, done=9, claims=frozenset()).fingerprint() == FULL.fingerprint()
    assert replace(FULL, files=moved).fingerprint() != FULL.fingerprint()
    assert FilesState("image-1").fingerprint() is None
