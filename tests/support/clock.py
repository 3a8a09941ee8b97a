"""A clock that moves when it is told to."""

NOON = 1_795_262_400_000  # 2026-11-21T12:00:00Z in ms


class Clock:
    """Milliseconds as the workers read them; seconds for who counts in those."""

    def __init__(self, milliseconds: int = NOON) -> None:
        """Stand still at a moment."""
        self.milliseconds = milliseconds

    def __call__(self) -> int:
        """Return the moment in ms."""
        return self.milliseconds

    def seconds(self) -> float:
        """Return the moment in seconds."""
        return self.milliseconds / 1000

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.milliseconds += int(seconds * 1000)
