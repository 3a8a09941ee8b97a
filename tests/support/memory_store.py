"""The budget's store in memory, with a hook where another process may come in between."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cmp_relay.slots import State


class MemoryStore:
    """Changes its state as DynamoDB would; `meanwhile` runs between any two of its calls."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Hold a budget that was never used."""
        self.state = State()
        self.writes = 0
        self._meanwhile = meanwhile

    def read(self) -> State:
        """Return the state."""
        state = self.state
        self._meanwhile()
        return state

    def change(
        self,
        *,
        add: Mapping[str, int] | None = None,
        put: Mapping[str, int | str | None] | None = None,
        when: Mapping[str, int] | None = None,
    ) -> tuple[State, bool]:
        """Change attributes, unless one of `when` differs."""
        self._meanwhile()
        self.writes += 1
        if any(getattr(self.state, name) != value for name, value in (when or {}).items()):
            return self.state, False
        used = dict(self.state.used)
        changes: dict[str, Any] = dict(put or {})
        for name, value in (add or {}).items():
            if name.startswith("used#"):
                month = name.removeprefix("used#")
                used[month] = used.get(month, 0) + value
            else:
                changes[name] = getattr(self.state, name) + value
        self.state = replace(self.state, used=used, **changes)
        return self.state, True
