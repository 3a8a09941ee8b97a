"""The budget's store in memory, with a hook where another process may come in between."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cmp_relay.slots import State


class MemoryStore:
    """Changes its state as DynamoDB would; `meanwhile` runs on the way of each call and back."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Hold a budget that was never used."""
        self.state = State()
        self.writes = 0
        self._meanwhile = meanwhile

    def read(self) -> State:
        """Return the state."""
        self._meanwhile()
        state = self._state()
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
        answer = self._change(add or {}, put or {}, when or {})
        self._meanwhile()
        return answer

    def _state(self) -> State:
        return self.state

    def _change(
        self,
        add: Mapping[str, int],
        put: Mapping[str, int | str | None],
        when: Mapping[str, int],
    ) -> tuple[State, bool]:
        self.writes += 1
        if any(getattr(self.state, name) != value for name, value in when.items()):
            return self.state, False
        used = dict(self.state.used)
        changes: dict[str, Any] = dict(put)
        for name, value in add.items():
            if name.startswith("used#"):
                month = name.removeprefix("used#")
                used[month] = used.get(month, 0) + value
            else:
                changes[name] = getattr(self.state, name) + value
        self.state = replace(self.state, used=used, **changes)
        return self.state, True


@dataclass
class CountedStore:
    """One worker's way to the store, with the number of its writes, refused ones included."""

    store: MemoryStore
    writes: int = 0

    def read(self) -> State:
        """Return the state."""
        return self.store.read()

    def change(
        self,
        *,
        add: Mapping[str, int] | None = None,
        put: Mapping[str, int | str | None] | None = None,
        when: Mapping[str, int] | None = None,
    ) -> tuple[State, bool]:
        """Count the write and pass it on."""
        self.writes += 1
        return self.store.change(add=add, put=put, when=when)
