"""A second run, on copies, of a function that writes to arrays that its derivative needs.

A tape that ends with its call makes constant arrays read-only (`array.guards`). If the function
itself writes to one of them, NumPy refuses, or a fingerprint changes. Then the function runs once
more on copies. The second run must repeat the first one, as far as that went: a function that
consumes an iterator or changes its own data would give another result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from numpy import ndarray

from ..array.box import is_box, unbox
from ..array.guards import ChangedResidualError, Guards, known_of, owner_of
from ..core.types import Value
from ..errors import NotRepeatedError, UnsupportedInputError, line_text, user_frame_of
from .functions import code_of
from .inputs import Inputs

T = TypeVar("T")
# The errors of NumPy, and of users of its buffers, for a store into a read-only array.
_REFUSALS = ("read-only", "readonly", "read-write", "writable", "writeable")
_WRITERS = 256  # most functions that are remembered
writers: set[Any] = set()  # the codes of functions that write to arrays that they use


def is_refusal(error: Exception, guards: Guards) -> bool:
    """Whether an error comes from an array that this call has locked or that has changed."""
    if isinstance(error, ChangedResidualError):
        return not isinstance(error, NotRepeatedError)
    return guards.locks is not None and any(words in str(error) for words in _REFUSALS)


def _captured(f: Any) -> Iterable[Any]:
    for cell in getattr(f, "__closure__", None) or ():
        try:
            yield cell.cell_contents
        except ValueError:  # empty as yet
            continue


def _is_consumed(x: Value) -> bool:
    return not is_box(x) and hasattr(type(x), "__next__")


class Rerun:
    """A second run, on copies, of a function that wrote to an array, and a record of the first."""

    def __init__(self, inputs: Inputs, guards: Guards, first: Exception) -> None:
        self.inputs, self.first = inputs, first
        self.held = [a for a, *_ in guards.kept.values()]
        self.values = guards.values
        self.entries: Sequence[Any] = ()
        self.frozen: dict[int, tuple[ndarray, ndarray]] = {}
        if self.values is None:  # else some of the arrays have changed
            self.entries = guards.entries
            self.frozen = {id(a): (a, a.copy()) for a in self.held}

    def run(self, run: Callable[[Inputs, Guards], T]) -> T:
        """The derivative from the second run, or the error of the first."""
        inputs, first = self.inputs, self.first
        if any(map(_is_consumed, chain(inputs.args, inputs.kwargs.values(), _captured(inputs.f)))):
            raise self.refusal("an argument or a captured variable is an iterator") from first
        guards = Guards(copies=True, learns=True)
        guards.expect = self.check
        try:
            found = run(inputs, guards)
        except (NotRepeatedError, UnsupportedInputError):
            raise
        except Exception:
            raise first  # noqa: B904  # the error of the first run says more
        finally:
            del self.first  # whose traceback holds this
        if len(writers) >= _WRITERS:
            writers.clear()
        writers.add(code_of(inputs.f))
        if not guards.learn() and not isinstance(first, ChangedResidualError):
            # Nothing has changed: a library that only reads needs a writeable array.
            for known in map(known_of, map(owner_of, self.held)):
                if known is not None:
                    known.lockable = False
        return found

    def refusal(self, why: str) -> NotRepeatedError:
        """The error if no second run can be trusted."""
        text = str(self.first)
        if not isinstance(self.first, ChangedResidualError):
            line = line_text(*user_frame_of(self.first))
            text = (
                f"a plain array was written to {line}, after it was used in a derivative that "
                f"needs its old values. Use a copy (x * c.copy()), or make a new array instead."
            )
        return NotRepeatedError(f"{text} The function was not run again with copies, since {why}.")

    def check(self, guards: Guards) -> None:
        """Raise unless the second run repeats the first, as far as that went."""
        if self.values is not None:
            same = self._same(self.values, guards.values)
        else:
            same = self._same(self.entries, guards.entries[: len(self.entries)])
        if not same:
            raise self.refusal("it did not compute the same a second time") from self.first

    def _same(self, old: Any, new: Any) -> bool:
        if id(old) in self.frozen and self.frozen[id(old)][0] is old:
            old = self.frozen[id(old)][1]
        old, new = unbox(old), unbox(new)
        if type(old) is not type(new):
            return False
        if isinstance(old, (tuple, list)):
            return len(old) == len(new) and all(map(self._same, old, new))
        if type(old) is dict:
            return old.keys() == new.keys() and all(self._same(old[k], new[k]) for k in old)
        if isinstance(old, (ndarray, np.generic, float, complex, int)):
            return _equal(old, new)
        return True


def _equal(old: Any, new: Any) -> bool:
    if np.shape(old) != np.shape(new):
        return False
    return bool(np.all((old == new) | ((old != old) & (new != new))))
