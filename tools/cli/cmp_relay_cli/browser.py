"""The browser of who sits at the terminal."""

import subprocess
import sys
from contextlib import suppress
from threading import Thread

OPEN = "import sys, webbrowser; webbrowser.open(sys.argv[1])"


def visit(url: str) -> None:
    """Open a page and wait for nothing; whether there is a browser at all, nobody learns.

    It opens in a process of its own: a browser may print, which is no result of the command, or
    return when it is closed, or end with the command's Ctrl-C. `-I` keeps modules out that lie in
    the folder where the command was given. Other users of the machine can see the address.
    """
    with suppress(OSError):
        process = subprocess.Popen(  # noqa: S603 - no shell, and the address is one word
            [sys.executable, "-I", "-c", OPEN, url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        Thread(target=process.wait, daemon=True).start()
