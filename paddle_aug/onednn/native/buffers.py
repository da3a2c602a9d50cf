"""Memory of a plan: laid out once, and used again in each step.

A training step uses hundreds of megabytes, and new pages from the system cost more than many of the
operations on them. Therefore a plan's arrays have fixed places in one block of huge pages, arrays
that are not needed at the same time share a place, and the block is used again in the next step.
"""

import contextlib
import ctypes
import mmap
from typing import Any

import numpy as np

ALIGNMENT = 64  # bytes of a cache line; best for oneDNN's vector code
_HUGE_PAGE = 1 << 21


class Slot:
    """A place in a block: its size, when it is in use, and its offset once the layout is done."""

    __slots__ = ("end", "offset", "size", "start")

    def __init__(self, size: int, start: int):
        self.size, self.start = size, start
        self.end = _FOREVER
        self.offset = -1


_FOREVER = 1 << 62


class Layout:
    """Gives out slots while a plan is made, in the order in which the plan will run.

    `finish` decides where they lie, when the time of use of each is known.
    """

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self._clock = 0

    def take(self, size: int) -> Slot:
        """A slot of `size` bytes, in use from now on."""
        self._clock += 1
        slot = Slot(-(-max(size, 1) // ALIGNMENT) * ALIGNMENT, self._clock)
        self.slots.append(slot)
        return slot

    def give(self, slot: Slot) -> None:
        """Mark `slot` as unused from now on."""
        self._clock += 1
        slot.end = self._clock

    def finish(self) -> int:
        """Fix all offsets; returns the size of the block in bytes.

        The largest slots first, each at the lowest place that is free while it is in use; this is
        near the smallest possible size (Pisarchyk and Lee 2020, arXiv 2001.03288).
        """
        count = len(self.slots)
        starts, ends, lows, highs = (np.zeros(count, np.int64) for _ in range(4))
        size = 0
        for placed, slot in enumerate(sorted(self.slots, key=lambda slot: -slot.size)):
            together = (starts[:placed] < slot.end) & (ends[:placed] > slot.start)
            slot.offset = _lowest_gap(lows[:placed][together], highs[:placed][together], slot.size)
            starts[placed], ends[placed] = slot.start, slot.end
            lows[placed], highs[placed] = slot.offset, slot.offset + slot.size
            size = max(size, slot.offset + slot.size)
        return size


def _lowest_gap(lows: np.ndarray, highs: np.ndarray, size: int) -> int:
    """Lowest offset of `size` free bytes between occupied ranges [low, high)."""
    order = np.argsort(lows)
    ends = np.concatenate([[0], np.maximum.accumulate(highs[order])])
    nexts = np.concatenate([lows[order], [_FOREVER]])
    return int(ends[np.argmax(nexts - ends >= size)])


class Block:
    """Memory in huge pages, where the system has them."""

    def __init__(self, size: int):
        self.size = size
        self._map = mmap.mmap(-1, size + _HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if hasattr(mmap, "MADV_HUGEPAGE") and size >= _HUGE_PAGE:
            # A kernel without huge pages: ordinary ones work, too, but slower.
            with contextlib.suppress(OSError):
                self._map.madvise(mmap.MADV_HUGEPAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        self.address = -(-start // _HUGE_PAGE) * _HUGE_PAGE


class Loan:
    """A block in use; returned to its pool by `release`, or when nothing refers to it any more.

    NumPy makes arrays on it through `__array_interface__`, and Paddle tensors on those; then it
    lasts as long as any of them.
    """

    def __init__(self, pool: "Pool", block: Block):
        self._pool = pool
        self.block: Block | None = block
        self.address = block.address

    @property
    def __array_interface__(self) -> dict[str, Any]:
        size = self.block.size if self.block else 0
        return {"version": 3, "typestr": "|u1", "shape": (size,), "data": (self.address, False)}

    def release(self) -> None:
        """Return the block; a second call does nothing."""
        block, self.block = self.block, None
        if block is not None:
            self._pool.take_back(block)

    def __del__(self) -> None:
        self.release()


class Pool:
    """Lends blocks. Keeps one unused block at most, so that memory does not pile up."""

    def __init__(self) -> None:
        self._spare: Block | None = None

    def lend(self, size: int) -> Loan:
        """A block of at least `size` bytes, with undefined content."""
        block, self._spare = self._spare, None
        if block is None or block.size < size:
            del block  # freed before the larger one is made
            block = Block(size)
        return Loan(self, block)

    def take_back(self, block: Block) -> None:
        """Keep the larger of this block and the unused one."""
        if self._spare is None or self._spare.size < block.size:
            self._spare = block


def return_freed_memory() -> None:
    """Give the system what was freed in small parts, where the C library can (glibc)."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
