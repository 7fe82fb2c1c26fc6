"""Guards of plain arrays that a tape keeps as residuals, against later changes by the program.

Small arrays are copied. Large ones are copied too, within a budget, or kept with a fingerprint of
all elements, which is compared before the tape is used. Both take time in proportion to the size.
An array that came through a derivative unchanged, and outlives it, takes none: its next use in a
derivative of one call makes it read-only until the end of that call, which stops a writer at its
own line. A few of its elements are compared.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..core.types import Residuals, Value
from ..errors import ChangedResidualError, describe, line_text, user_frame
from .kinds import PLAIN, is_foreign

COPIED = 512
QUICK = 2**14  # elements below which a copy is as fast as a lock
BUDGET = 2**19  # elements that one tape copies beyond small arrays: a quarter of two fingerprints
_ROW = 1021  # a prime: no pattern of a grid repeats with it
_WORDS = {4: np.uint32, 8: np.uint64, 16: np.uint64, 32: np.uint64}  # by bytes of an element
_SAMPLES = 256  # elements of a locked array that are compared
_FULL_AGAIN = 32  # every element is compared in the first use, and in use 32, 32**2, ...
Fingerprint = tuple[bytes, ...]


def fingerprint(a: ndarray) -> Fingerprint:
    """A value that changes with each element, and with the order of elements.

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


def sample(a: ndarray, turn: int) -> Fingerprint:
    """The bits of some elements, different ones in each turn."""
    step = max(1, a.size // _SAMPLES)
    return (a.flat[turn * 7919 % step :: step].tobytes(),)


def owner_of(a: ndarray) -> ndarray:
    """The array at the bottom of a chain of views."""
    while type(a.base) is ndarray:
        a = a.base
    return a


class _Known:
    """An array that came through a derivative unchanged."""

    __slots__ = ("full_at", "lockable", "owner", "references", "uses")

    def __init__(self, owner: ndarray) -> None:
        key = id(owner)
        self.owner = weakref.ref(owner, lambda _: _known.pop(key, None))
        self.lockable = True
        self.uses, self.full_at, self.references = 0, _FULL_AGAIN, 0

    def is_full_turn(self, references: int) -> bool:
        """Whether to compare every element, for example after a new view of the memory."""
        self.uses += 1
        full = references > self.references or self.uses == self.full_at
        self.references = max(self.references, references)
        if self.uses == self.full_at:
            self.full_at *= _FULL_AGAIN
        return full


_known: dict[int, _Known] = {}  # by the identity of the array that owns the memory


def known_of(owner: ndarray) -> _Known | None:
    """The record of an array that owns its memory."""
    found = _known.get(id(owner))
    return found if found is not None and found.owner() is owner else None


_mutex = threading.RLock()
# The arrays made read-only: the owner of the memory, all that were writeable, and who wants it.
_locked: dict[int, tuple[ndarray, list[ndarray], set[int]]] = {}


class Locks:
    """The arrays that one call has made read-only. Others may have locked the same ones."""

    __slots__ = ("__weakref__", "owners")

    def __init__(self) -> None:
        self.owners: list[ndarray] = []

    def lock(self, owner: ndarray, a: ndarray) -> bool:
        """Make an array and the owner of its memory read-only; False if that is impossible."""
        with _mutex:
            held = _locked.get(id(owner))
            if held is None:
                if not owner.flags.owndata:
                    return False
                if not owner.flags.writeable:  # by the hand of the user
                    return not a.flags.writeable
                held = _locked[id(owner)] = (owner, [], set())
            self.owners.append(owner)
            held[2].add(id(self))
            for array in (owner, a):
                if array.flags.writeable:
                    held[1].append(array)
                    array.flags.writeable = False
        return True

    def release(self) -> None:
        """Make the arrays writeable again that nobody else has locked."""
        with _mutex:
            while self.owners:
                owner = self.owners[-1]
                held = _locked.get(id(owner))
                if held is not None:
                    held[2].discard(id(self))
                    if not held[2]:
                        for array in held[1]:
                            array.flags.writeable = True
                        del _locked[id(owner)]
                self.owners.pop()

    __del__ = release  # where an interrupt came between the tape and what ends it


class Guards:
    """The large plain arrays that one tape keeps.

    A tape that ends with the call that made it `may_lock`, and `learns` for later calls; the call
    releases them. With `copies` every array that may change is copied.
    """

    __slots__ = (
        "budget",
        "copied",
        "copies",
        "entries",
        "expect",
        "kept",
        "learns",
        "locks",
        "may_lock",
        "values",
    )

    def __init__(self, may_lock: bool = False, copies: bool = False, learns: bool = False) -> None:
        self.budget = BUDGET
        self.locks: Locks | None = None
        self.may_lock, self.copies, self.learns = may_lock, copies, learns
        # By identity: the array, the turn of its sample or None, its fingerprint, and where.
        self.kept: dict[int, tuple[ndarray, int | None, Fingerprint, tuple[str, int]]] = {}
        self.copied: list[tuple[Any, ndarray]] = []
        self.expect: Callable[[Guards], None] | None = None  # what checks a second run
        self.entries: Sequence[tuple[Any, ...]] = ()  # of the tape
        self.values: list[Any] | None = None  # of the function, when it has returned

    def keep(self, a: Value) -> Any:
        """An operand to be used as a residual: a copy of `a`, or `a` under guard."""
        if type(a) is not ndarray:
            return KEEPERS[type(a)](self, a)
        if a.size <= COPIED:
            return a.copy(order="K")
        quick = a.size <= QUICK and a.size <= self.budget
        if id(a) in self.kept or (not quick and self._lock(a)):
            return a
        if self.copies or a.size <= self.budget:
            self.budget -= a.size
            copy = a.copy(order="K")
            if self.learns and (not quick or not self.may_lock):
                self.copied.append((weakref.ref(a) if a.base is None else a, copy))
            return copy
        self._watch(a, None)
        return a

    def keep_params(self, params: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a primitive as residuals, where one is of a type in KEPT."""
        return {k: self.keep(v) if type(v) in KEEPERS else v for k, v in params.items()}

    def watch(self, a: ndarray) -> None:
        """Put an array under guard that residuals hold."""
        if id(a) not in self.kept and not self._lock(a):
            self._watch(a, None)

    def hold(self, a: Value) -> bool:
        """Put an argument of the function under guard, which only other names can change; False if
        it must be copied."""
        if type(a) is not ndarray:
            return type(a) in PLAIN or not is_foreign(a)
        if a.size <= COPIED or self.copies:
            return False
        quick = a.size <= QUICK and a.size <= self.budget
        if not quick and self._make_read_only(owner_of(a), a):
            self._watch(a, 0)
        elif a.size <= self.budget:
            self.budget -= a.size
            return False
        else:
            self._watch(a, None)
        return True

    def _lock(self, a: ndarray) -> bool:
        """Make an array read-only that did not change in earlier calls."""
        if not self.may_lock or not _known:
            return False
        owner = owner_of(a)
        found = known_of(owner)
        if found is None or not found.lockable or not self._make_read_only(owner, a):
            return False
        full = found.is_full_turn(sys.getrefcount(owner))
        self._watch(a, None if full else found.uses)
        return True

    def _make_read_only(self, owner: ndarray, a: ndarray) -> bool:
        if not self.may_lock:
            return False
        with _mutex:
            if self.locks is None:
                self.locks = Locks()
            return self.locks.lock(owner, a)

    def _watch(self, a: ndarray, turn: int | None) -> None:
        mark = fingerprint(a) if turn is None else sample(a, turn)
        self.kept[id(a)] = (a, turn, mark, user_frame())

    def changed(self) -> Iterator[tuple[ndarray, tuple[str, int]]]:
        """The arrays under guard that have changed, and the lines of their use."""
        for a, turn, mark, where in self.kept.values():
            if (fingerprint(a) if turn is None else sample(a, turn)) != mark:
                yield a, where

    def check(self) -> None:
        """Raise if an array under guard has changed."""
        if not self.kept:
            return
        for a, where in self.changed():
            raise ChangedResidualError(
                f"a plain array ({describe(a)}) was changed in place after it was used "
                f"{line_text(*where)}; "
                f"the derivative there needs its old values. Use a copy (x * c.copy()), or "
                f"make a new array instead of changing this one."
            )

    def learn(self) -> bool:
        """After the last use of the tape: remember the arrays that outlive it unchanged, and return
        whether one has changed."""
        moved = False
        for source, copy in self.copied:
            a = source if type(source) is ndarray else source()
            if a is None:
                continue
            if a.tobytes(order="A") == copy.tobytes(order="A"):
                _learn(owner_of(a))
            else:
                moved = True
                _known.pop(id(owner_of(a)), None)
        for a, turn, _, _ in self.kept.values():
            if turn is None:
                _learn(owner_of(a))
        return moved


def _learn(owner: ndarray) -> None:
    if owner.flags.owndata and known_of(owner) is None:
        _known[id(owner)] = _Known(owner)


# How parameters are kept, by type, and these types; SciPy's sparse matrices are added.
KEEPERS: dict[type, Callable[[Guards, Any], Any]] = {ndarray: Guards.keep}
KEPT: set[type] = {ndarray}


def keeper(kinds: Iterable[type], keep: Callable[[Guards, Any], Any]) -> None:
    """Register how parameters of some types are kept as residuals."""
    KEEPERS.update(dict.fromkeys(kinds, keep))
    KEPT.update(kinds)


def holds(saved: Residuals, a: ndarray) -> bool:
    """Whether residuals hold an array itself."""
    if saved is a:
        return True
    if type(saved) is dict:
        return any(holds(s, a) for s in saved.values())
    return isinstance(saved, (tuple, list)) and any(holds(s, a) for s in saved)
