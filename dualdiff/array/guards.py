"""Plain arrays that a tape keeps as residuals, against changes that the user makes afterwards.

A small array is copied. A large one is kept as it is, with a fingerprint that is compared before
the tape is used: sums over all elements, exact, so that hardly any change stays unseen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ..errors import DualdiffError, describe, line_text, user_frame

COPIED = 512
BUDGET = 2**19  # elements that one tape copies beyond small arrays: a quarter of two fingerprints
_ROW = 1021  # a prime: no pattern of a grid repeats with it
_WORDS = {4: np.uint32, 8: np.uint64, 16: np.uint64, 32: np.uint64}  # by bytes of an element
Fingerprint = tuple[bytes, ...]


class ChangedResidualError(DualdiffError, RuntimeError):
    """A plain array was changed in place between its use and the backward pass."""


def fingerprint(a: ndarray) -> Fingerprint:
    """A value that changes when an element does, or when two elements change places.

    The sums of rows and columns are taken over the bits as integers: exact, whatever the values.
    """
    word = _WORDS.get(a.dtype.itemsize)
    if word is None or not (a.flags.c_contiguous or a.flags.f_contiguous):
        return (np.ascontiguousarray(a).tobytes(),)
    flat = a.ravel(order="K").view(word)
    stop = flat.size - flat.size % _ROW
    table = flat[:stop].reshape(-1, _ROW)
    rows = np.add.reduce(table, axis=1, dtype=word)
    columns = np.add.reduce(table, axis=0, dtype=word)
    return rows.tobytes(), columns.tobytes(), flat[stop:].tobytes()


class Guards:
    """The large plain arrays that one tape keeps."""

    __slots__ = ("budget", "kept")

    def __init__(self) -> None:
        self.budget = BUDGET
        self.kept: dict[int, tuple[ndarray, Fingerprint, tuple[str, int]]] = {}

    def keep(self, a: ndarray) -> ndarray:
        """An array to be used as a residual: a copy of `a`, or `a` under guard."""
        if a.size <= COPIED:
            return a.copy(order="K")
        if a.size <= self.budget:
            self.budget -= a.size
            return a.copy(order="K")
        self.watch(a)
        return a

    def watch(self, a: ndarray) -> None:
        """Put an array under guard."""
        if id(a) not in self.kept:
            self.kept[id(a)] = (a, fingerprint(a), user_frame())

    def check(self) -> None:
        """Raise where an array under guard has changed."""
        for a, mark, where in self.kept.values():
            if fingerprint(a) != mark:
                raise ChangedResidualError(
                    f"a plain array ({describe(a)}) was changed in place after it was used "
                    f"{line_text(*where)}; "
                    f"the derivative there needs its old values. Use a copy (x * c.copy()), or "
                    f"make a new array instead of changing this one."
                )


def holds(saved: Any, a: ndarray) -> bool:
    """Whether residuals hold an array itself."""
    if saved is a:
        return True
    if type(saved) is dict:
        return any(holds(s, a) for s in saved.values())
    return isinstance(saved, (tuple, list)) and any(holds(s, a) for s in saved)
