"""A browser that prints, and that stays open: the command neither shows it nor waits for it."""

import sys
import time
from pathlib import Path

import pytest

from cmp_relay_cli import browser

PATIENCE_SECONDS = 30
CHATTY = """#!/bin/sh
echo Opening in existing browser session.
echo a warning >&2
printf %s "$1" > visited.part && mv visited.part visited
until [ -e closed ]; do sleep 0.05; done
"""
PLANTED = "open('planted', 'w')"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a module that only looks like Python's own."""
    file = tmp_path / "chatty"
    file.write_text(CHATTY)
    file.chmod(0o700)
    (tmp_path / "webbrowser.py").write_text(PLANTED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROWSER", str(file))
    return tmp_path


@pytest.mark.skipif(sys.platform == "win32", reason="the browser is a shell script")
def test_nobody_waits_for_a_browser_or_hears_it(
    desk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    url = "https://accounts.example/auth?state=s&scope=a%20b"
    try:
        browser.visit(url)
        end = time.monotonic() + PATIENCE_SECONDS
        while not (desk / "visited").exists():
            assert time.monotonic() < end, "no browser was opened"
            time.sleep(0.05)
    finally:
        (desk / "closed").touch()

    assert (desk / "visited").read_text() == url
    assert not (desk / "planted").exists()
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_browser_that_cannot_be_started_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/not/there")
    started: list[object] = []
    monkeypatch.setattr(browser, "Thread", lambda **_: started.append(1))

    browser.visit("https://accounts.example/auth")

    assert started == []
