"""A process that dies in the middle of its calls to AWS."""

from typing import Any


class ProcessKilled(BaseException):
    """What a killed process does not live to see: no `except Exception`, no `finally` helps."""


class Killer:
    """Kills at one call, before or after it takes effect; then nothing goes out any more."""

    def __init__(self) -> None:
        """Kill nobody yet."""
        self.calls: list[str] = []
        self._at: int | str | None = None
        self._after = False
        self._dead = False

    def watch(self, client: Any) -> None:  # noqa: ANN401 - any of boto3's
        """Count the calls of a client."""
        client.meta.events.register("before-call", self._before_call)
        client.meta.events.register("after-call", self._after_call)

    def leave(self, client: Any) -> None:  # noqa: ANN401
        """Count the calls of a client no more."""
        client.meta.events.unregister("before-call", self._before_call)
        client.meta.events.unregister("after-call", self._after_call)

    def kill_at(self, call: int | str, *, after: bool) -> None:
        """Kill at the n-th call from now (the first is 0), or at the first of a name."""
        self.calls, self._at, self._after, self._dead = [], call, after, False

    def spare(self) -> None:
        """Let the next process live."""
        self._at, self._dead = None, False

    def _before_call(self, model: Any, **_: object) -> None:  # noqa: ANN401
        if self._dead:
            raise ProcessKilled
        self.calls.append(model.name)
        if not self._after:
            self._strike()

    def _after_call(self, **_: object) -> None:
        if self._after:
            self._strike()

    def _strike(self) -> None:
        if self._at in {len(self.calls) - 1, self.calls[-1]}:
            self._dead = True
            raise ProcessKilled
