"""What the stand-in's files hold: bytes that follow from a seed, made as they are needed.

A test knows the digest of a file without having downloaded it, and no file is ever held whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256, shake_256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 1 << 18
STAMP = 8  # bytes of a block's number: a block that is lost, doubled or moved changes the digest


@dataclass(frozen=True)
class Content:
    """`size` bytes that follow from the seed; a shorter content is the beginning of a longer."""

    seed: str
    size: int

    def pieces(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Make the bytes from `start` up to `end`, a block at a time."""
        stop = self.size if end is None else min(end, self.size)
        for number in range(start // BLOCK, -(-stop // BLOCK)):
            first = number * BLOCK
            yield self._block(number)[max(start - first, 0) : stop - first]

    def sha256(self) -> str:
        """Tell the digest of the whole in hexadecimal."""
        digest = sha256()
        for piece in self.pieces():
            digest.update(piece)
        return digest.hexdigest()

    @property
    def etag(self) -> str:
        """Tell the strong validator that the file host gives."""
        return f'"{sha256(f"{self.seed} {self.size}".encode()).hexdigest()[:32]}"'

    def _block(self, number: int) -> bytes:
        return number.to_bytes(STAMP, "big") + self._pattern

    @cached_property
    def _pattern(self) -> bytes:
        return shake_256(self.seed.encode()).digest(max(0, min(self.size, BLOCK) - STAMP))


@dataclass(frozen=True)
class Given(Content):
    """Bytes that somebody uploaded."""

    data: bytes = b""

    @classmethod
    def of(cls, data: bytes) -> Given:
        """Keep these bytes; the seed is their digest."""
        return cls(sha256(data).hexdigest(), len(data), data)

    def pieces(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Hand out the bytes from `start` up to `end`."""
        yield self.data[start:end]
