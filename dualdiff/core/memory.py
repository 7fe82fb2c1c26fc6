"""Reuse of memory: derivatives allocate and release arrays of the same sizes."""

from __future__ import annotations

import numpy as np

LARGEST = 2**25  # bytes: glibc raises its threshold up to here, and no further


def keep_released_memory() -> None:
    """Let the allocator keep the memory of released arrays instead of giving it back each time.

    glibc adapts: after the release of a block, smaller blocks come from memory that the process
    keeps (mallopt(3), M_MMAP_THRESHOLD). Fresh memory costs a page fault per 4 kB, many times the
    arithmetic on it. So one large array, which is never touched, is released before the first
    derivative. Other allocators ignore it.
    """
    np.empty(LARGEST - 2**14, dtype=np.uint8)
