"""`cmp-relay assets`: what it says when CMP or the file is in the way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cmp_relay.errors import RequestRefusedError, UnavailableError
from cmp_relay_cli import cmp
from cmp_relay_cli.app import main
from cmp_relay_cli.stack import Choice, Stack


@dataclass
class Library:
    """CMP's library in place of CMP: it raises what it is told to raise."""

    error: Exception | None = None
    uploaded: list[Path] = field(default_factory=list)

    def upload(self, path: Path, _: str | None, **__: object) -> dict[str, Any]:
        self.uploaded.append(path)
        if self.error:
            raise self.error
        return {"id": "a1", "title": path.name}


@pytest.fixture
def library(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library()

    @contextmanager
    def connected(_: Stack) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(assets=made)

    monkeypatch.setattr(Choice, "find", lambda _: stack)
    monkeypatch.setattr(cmp, "connected", connected)
    return made


@pytest.fixture
def complaint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    def told(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["cmp-relay", "assets", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 1
        return capsys.readouterr().err.strip()

    return told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            UnavailableError("POST https://cmp.example/v3/assets: 502", status=502),
            "it is not known whether hero.png is uploaded (POST https://cmp.example/v3/assets: "
            "502): look at `cmp-relay assets list --limit 5` before you do it again",
        ),
        (
            RequestRefusedError("POST https://cmp.example/v3/assets: 422", status=422),
            "CMP does not do it: POST https://cmp.example/v3/assets: 422",
        ),
    ],
)
def test_who_uploads_is_told_to_look_first_where_nobody_knows(
    library: Library, complaint: Callable[..., str], tmp_path: Path, error: Exception, told: str
) -> None:
    file = tmp_path / "hero.png"
    file.write_bytes(b"picture")
    library.error = error

    assert complaint("upload", str(file), "--yes") == f"✗ {told}"
    assert library.uploaded == [file]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("hero.png has changed"), "hero.png has changed"),
        (
            PermissionError(13, "Permission denied", "hero.png"),
            "hero.png: Permission denied; see whether it is there, and yours to use",
        ),
        (OSError(28, "No space left on device"), "this machine does not do it: No space left"),
    ],
)
def test_what_the_machine_objects_to_is_told_with_the_file(
    library: Library, complaint: Callable[..., str], tmp_path: Path, error: Exception, told: str
) -> None:
    file = tmp_path / "hero.png"
    file.write_bytes(b"picture")
    library.error = error

    assert complaint("upload", str(file), "--yes").startswith(f"✗ {told}")
