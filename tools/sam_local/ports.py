"""Ports of the loopback: a free one, and whether somebody listens on one."""

from __future__ import annotations

import socket

from tools.sam_local.loopback import LOOPBACK

CONNECT_SECONDS = 1.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Tell whether somebody listens on a port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=CONNECT_SECONDS):
            return True
    except OSError:
        return False
