"""Memory that is used again: derivatives allocate and release arrays of the same sizes."""

from __future__ import annotations

import numpy as np

LARGEST = 2**25  # bytes: glibc raises its threshold up to here, and no further


def keep_released_memory() -> None:
    """Let the allocator keep the memory of released arrays instead of giving it back each time.

    glibc adapts: once a block of some size was released, blocks up to it come from memory that the
    process keeps (mallopt(3), M_MMAP_THRESHOLD). Fresh memory costs a page fault per 4 kB, many
    times the arithmetic on it. One array that is never touched says so before the first derivative;
    other allocators do not notice.
    """
    np.empty(LARGEST - 2**14, dtype=np.uint8)
