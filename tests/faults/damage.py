"""Ways in which a disk spoils a file."""

from __future__ import annotations

import random
from collections.abc import Callable

Damage = Callable[[bytes, random.Random], bytes]


def truncated(data: bytes, rng: random.Random) -> bytes:
    """Cut anywhere, the last byte at the latest."""
    return data[: rng.randrange(len(data))]


def flipped(data: bytes, rng: random.Random) -> bytes:
    """One bit is another."""
    damaged = bytearray(data)
    damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def zeroed(data: bytes, rng: random.Random) -> bytes:
    """As long as it was, all zeros: what some file systems leave of a file after a power cut."""
    return bytes(len(data))


def emptied(data: bytes, rng: random.Random) -> bytes:
    return b""


DAMAGES: tuple[Damage, ...] = (truncated, flipped, zeroed, emptied)
