"""`debug_nans`: the first operation that makes a NaN or an infinity, with the user's line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .array.box import unbox
from .array.guards import Guards
from .array.stores import Place
from .core.batch import Shape, quiet
from .core.calls import ELEMENTWISE, OPAQUE
from .core.dual import Dual, ForwardTrace, new_trace
from .core.primitive import OWNERS, TAKERS
from .core.tape import Entry, Tape, new_tape, replay, slots_of
from .errors import _LIBRARIES, NonFiniteError, describe, user_line


@contextmanager
def debug_nans() -> Any:
    """Raise at the first NaN or infinity in a value or a derivative.

    Inside the `with` block, the derivatives of this thread check every operation, and are slower.
    Raises: NonFiniteError, which names the operation, its operands and the user's line.

    >>> import numpy as np, dualdiff as dd
    >>> with dd.debug_nans():
    ...     dd.grad(lambda x: np.sum(np.sqrt(x)))(np.array([0.0, 1.0]))
    Traceback (most recent call last):
    ...
    dualdiff.errors.NonFiniteError: the pullback of sqrt ...
    """
    token, forward = new_tape.set(_DebugTape), new_trace.set(_DebugForwardTrace)
    try:
        yield
    finally:
        new_tape.reset(token)
        new_trace.reset(forward)


def _finite(values: Iterable[Any]) -> bool:
    return all(v is None or bool(np.all(np.isfinite(unbox(v)))) for v in values)


def _several(ans: Any) -> tuple[Any, ...]:
    return ans if type(ans) is tuple else (ans,)


def _line() -> str:
    """The user's line; inside a pullback, which may be differentiated again, its entry's line."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_LIBRARIES):
        if frame.f_code is replay.__code__:
            tape = getattr(frame.f_locals["observer"], "__self__", None)
            if type(tape) is _DebugTape:
                return tape.lines.get(frame.f_locals["out"]) or user_line()
        frame = frame.f_back
    return user_line()


def _error(what: str, operands: Iterable[Any], where: str) -> NonFiniteError:
    shapes = ", ".join(describe(unbox(a)) for a in operands)
    return NonFiniteError(f"{what} gave a NaN or an infinity, {where} (operands: {shapes})")


def _check_primal(prim: Any, args: Sequence[Any], ans: Any) -> None:
    if _finite(args) and not _finite(_several(ans)):
        raise _error(f"{prim.name}", args, _line())


class _DebugTape(Tape):
    """A tape that knows the user's line of each entry and checks the results."""

    __slots__ = ("lines",)

    def __init__(self, guards: Guards | None = None) -> None:
        super().__init__(guards)
        self.fast = False
        self.lines: dict[int, str] = {}

    def process(self, prim: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        with quiet():
            ans = super().process(prim, args, params)
        _check_primal(prim, args, ans)
        self.lines[self.entries[-1 if prim.outputs == 1 else -1 - prim.outputs][1]] = _line()
        return ans

    def store(self, content: Any, place: Place, v: Any, owned: bool) -> Any:
        ans = super().store(content, place, v, owned)
        self.lines[self.entries[-1][1]] = _line()
        return ans

    def pull(
        self,
        seeds: Iterable[tuple[int, Any]],
        inputs: Sequence[int],
        batch: Shape,
        spend: bool = False,
    ) -> list[Any]:
        return self.pull_observed(seeds, inputs, batch, self.check)

    def check(self, entry: Entry, ct: list[Any], new: list[Any]) -> None:
        """Raise if an entry has made a cotangent that is not finite."""
        code, out = entry[:2]
        owner = entry[3][0] if code in (OPAQUE, ELEMENTWISE) else OWNERS[code]
        if out in self.lines and owner is not None:
            arrived = [ct[slot] for slot in slots_of(entry) if slot]
            arrived = [c.release() if type(c) in TAKERS else c for c in arrived]
            if not _finite(arrived):
                raise _error(f"the pullback of {owner.name}", arrived, self.lines[out])


class _DebugForwardTrace(ForwardTrace):
    """A forward trace that checks the value and the tangent of each operation."""

    __slots__ = ()

    def __init__(self, batch: Shape = ()) -> None:
        super().__init__(batch)
        self.fast = False

    def process(self, prim: Any, args: Sequence[Any], params: dict[str, Any]) -> Any:
        with quiet():
            ans = super().process(prim, args, params)
        _check_primal(prim, args, ans)
        tangents = [a.payload for a in args if issubclass(type(a), Dual) and a.owner is self]
        if _finite(tangents) and not _finite(a.payload for a in _several(ans)):
            raise _error(f"the pushforward of {prim.name}", args, _line())
        return ans
