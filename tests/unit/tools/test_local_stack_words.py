"""What the words of the local stack say to a person who has typed something else."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tools.local_stack import __main__ as words
from tools.local_stack.folders import StackFolder
from tools.local_stack.ministack import MiniStack
from tools.local_stack.stack import LocalStack


def complaint(
    arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Run a word that has to fail, and return its sentence."""
    monkeypatch.setattr("sys.argv", ["local_stack", *arguments])
    with pytest.raises(SystemExit) as ended:
        words.main()
    assert ended.value.code == 1
    return capsys.readouterr().err


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackFolder:
    """The folder of `make up`, in which nothing may start; SIGTERM stays pytest's."""
    own = StackFolder(tmp_path)
    monkeypatch.setattr(words, "DEFAULT_FOLDER", own)
    monkeypatch.setattr(LocalStack, "start", lambda **_: pytest.fail("a stack is started"))
    monkeypatch.setattr(words, "end_in_good_order", lambda: None)
    return own


def test_invoke_without_a_function_lists_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = complaint(["invoke", ""], monkeypatch, capsys)

    assert said.startswith("✗ FUNCTION is one of on_asset_file, on_asset_published, ")
    assert "refresh_token" in said


def test_rules_that_cannot_be_read_are_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RULES", "kind=images -> a/")

    assert complaint(["up"], monkeypatch, capsys) == (
        "✗ FOLDER_RULES: rule 1: kind is not one of article, image, raw_file, video\n"
    )


def test_up_throws_no_running_stack_away(
    folder: StackFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = MiniStack(folder).process
    process.start(["sleep", "60"], env={}, cwd=folder.root, is_ready=lambda: True)
    try:
        assert "`make down`" in complaint(["up"], monkeypatch, capsys)
    finally:
        process.stop()
