"""What tests and tools say to a running stand-in's admin side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from types import TracebackType

PATIENCE = httpx.Timeout(10.0, read=300.0)  # who asks for webhooks waits for the last retry


class StandInJira:
    """A stand-in at a base URL; every method raises httpx.HTTPStatusError if it is refused."""

    def __init__(self, base_url: str) -> None:
        """Open the connection pool."""
        self.base_url = base_url.rstrip("/")
        self._http = httpx.Client(
            base_url=f"{self.base_url}/_admin", timeout=PATIENCE, trust_env=False
        )

    def __enter__(self) -> StandInJira:
        """Use it as a context manager."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def reset(self) -> None:
        """Forget everything."""
        self._send("POST", "/reset")

    def register(self, url: str, **options: object) -> None:
        """Register the webhook; options as in `webhooks.Registration`."""
        self._send("PUT", "/webhook", {"url": url, **options})

    def webhooks(self) -> list[dict[str, Any]]:
        """Wait until everything was told, and answer what was sent."""
        return self._list("/webhooks")

    def index_after(self, seconds: float) -> None:
        """Set how late a search sees what was opened."""
        self._send("PUT", "/rules", {"index_seconds": seconds})

    def fault(self, kind: str, **options: object) -> None:
        """Let a fault befall the next requests to the API, as in `tools.stand_in.faults.Fault`."""
        self._send("POST", "/faults", {"kind": kind, **options})

    def requests(self) -> list[dict[str, Any]]:
        """Tell what was asked of the API."""
        return self._list("/requests")

    def issues(self) -> list[dict[str, Any]]:
        """Tell every issue with its comments, the oldest first."""
        return self._list("/issues")

    def delete(self, issue: str) -> None:
        """Delete an issue as a person does."""
        self._send("DELETE", f"/issues/{issue}")

    def comment(self, issue: str, text: str, **options: object) -> dict[str, Any]:
        """Comment on an issue as a person does; options as in `admin.Words`."""
        answer: dict[str, Any] = self._send(
            "POST", f"/issues/{issue}/comments", {"text": text, **options}
        ).json()
        return answer

    def move(self, issue: str, status: str) -> str:
        """Move an issue to another status as a person does; answer the id of the change."""
        change = self._send("PUT", f"/issues/{issue}/status", {"status": status}).json()["change"]
        return str(change)

    def _list(self, path: str) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self._send("GET", path).json()
        return answer

    def _send(self, method: str, path: str, order: object = None) -> httpx.Response:
        return self._http.request(method, path, json=order).raise_for_status()
