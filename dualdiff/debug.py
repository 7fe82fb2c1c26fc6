"""`debug_nans` and `debug_paths`: the line where a NaN begins, or where a program takes a branch
that it does not take on plain values."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

import numpy as np
import optree

from .array.box import unbox
from .array.guards import Guards
from .array.stores import Place
from .core.batch import Shape, quiet
from .core.calls import ELEMENTWISE, OPAQUE
from .core.dual import Dual, ForwardTrace, new_trace
from .core.primitive import OWNERS, TAKERS
from .core.tape import Entry, Tape, new_tape, replay, slots_of
from .errors import (
    _LIBRARIES,
    NonFiniteError,
    PathError,
    describe,
    is_library,
    line_text,
    user_line,
)
from .trees import flatten


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
    while frame is not None and is_library(frame.f_code.co_filename):
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


_OPTREE = os.path.dirname(optree.__file__) + os.sep
_STANDARD = os.path.dirname(os.__file__) + os.sep
# A step of a program: a file, the first line of a function, and two instructions with their lines.
Step = tuple[str, int, tuple[int, int], tuple[int, int]]
compares_paths: ContextVar[bool] = ContextVar("compares_paths", default=False)


@contextmanager
def debug_paths() -> Any:
    """Raise where a program takes another branch because its values are traced.

    Inside the `with` block, each derivative of this thread also runs its function on plain values,
    instruction by instruction, and is much slower. A branch that asks for the type of a value
    differs, and so does the result, without any other error.
    Raises: PathError, which names the line where the two runs part, or says that the results do.

    >>> import numpy as np, dualdiff as dd
    >>> def f(x):
    ...     return x**2 if type(x) is np.float64 else 3 * x
    >>> with dd.debug_paths():
    ...     dd.grad(f)(np.float64(1.0))
    Traceback (most recent call last):
    ...
    dualdiff.errors.PathError: the program ... because its values are traced, ...
    """
    token = compares_paths.set(True)
    try:
        yield
    finally:
        compares_paths.reset(token)


def _is_of_library(file: str) -> bool:
    standard = file.startswith(_STANDARD) and "site-packages" not in file
    return standard or file.startswith((*_LIBRARIES, _OPTREE, "<"))


def _steps_of(call: Callable[[], Any]) -> tuple[Any, dict[Step, None]]:
    """The result of a call, and the steps of the user's code in it, each once, in their order."""
    steps: dict[Step, None] = {}

    def enter(frame: FrameType, event: str, arg: Any) -> Any:
        code = frame.f_code
        if _is_of_library(code.co_filename):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        last = (-1, code.co_firstlineno)

        def follow(frame: FrameType, event: str, arg: Any) -> Any:
            nonlocal last
            if event == "opcode":
                now = (frame.f_lasti, frame.f_lineno)
                steps[code.co_filename, code.co_firstlineno, last, now] = None
                last = now
            return follow

        return follow

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        return call(), steps
    finally:
        sys.settrace(before)


def on_one_path(traced: Callable[[], Any], plain: Callable[[], Any]) -> Any:
    """The result of a run on traced values, which must take the path of one on plain values."""
    token = compares_paths.set(False)  # for derivatives within
    try:
        if sys.version_info >= (3, 12):
            _steps_of(plain)  # Python reports all steps from the second run on
        expected, ways = _steps_of(plain)
        result, taken = _steps_of(traced)
    finally:
        compares_paths.reset(token)
    parting = next((step for step in taken if step not in ways), None)
    if parting is not None:
        file, _, (_, line), (_, now) = parting
        others = [there[1] for *here, there in ways if tuple(here) == parting[:3]]
        instead = f", and on plain values to line {others[0]}" if others else ""
        raise PathError(
            f"the program takes another path because its values are traced, "
            f"{line_text(file, line)}: it goes on to line {now}{instead}. Ask for values and "
            f"shapes in the place of types, or run it inside `with dualdiff.patch():`."
        )
    pairs = list(zip(flatten(result)[0], flatten(expected)[0], strict=False))
    if any(not same(unbox(a), unbox(b)) for a, b in pairs):
        raise PathError(
            f"the program returns another value because its values are traced, {user_line()}, "
            f"although it takes the same path."
        )
    return result


def same(a: Any, b: Any) -> bool:
    """Whether two results agree but for rounding; other objects than numbers do."""
    numbers = (np.ndarray, np.number, int, float, complex)
    if not (isinstance(a, numbers) and isinstance(b, numbers)) or np.shape(a) != np.shape(b):
        return True
    kind = np.result_type(a, b, np.float32)
    if kind.kind not in "fc":
        return True
    eps = float(np.finfo(kind).eps)
    return bool(np.allclose(a, b, rtol=eps**0.5, atol=0.0, equal_nan=True))
