"""The budget's item in memory, changed as DynamoDB would change it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cmp_relay.slots import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

USED = "used#"


@dataclass
class MemoryStore:
    """The store of `budget.Budget`; `meanwhile` runs before each of its calls takes effect."""

    meanwhile: Callable[[], None]
    state: State = field(default_factory=State)

    def read(self) -> State:
        """Return the state."""
        self.meanwhile()
        return self.state

    def change(
        self,
        *,
        add: Mapping[str, int] | None = None,
        put: Mapping[str, int | str | None] | None = None,
        when: Mapping[str, int] | None = None,
    ) -> tuple[State, bool]:
        """Change attributes, unless one of `when` differs."""
        self.meanwhile()
        if any(getattr(self.state, name) != value for name, value in (when or {}).items()):
            return self.state, False
        used = dict(self.state.used)
        changes: dict[str, Any] = dict(put or {})
        for name, step in (add or {}).items():
            if name.startswith(USED):
                month = name.removeprefix(USED)
                used[month] = used.get(month, 0) + step
            else:
                changes[name] = getattr(self.state, name) + step
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
