"""Results that do not depend on an argument: a warning that names the line where they lost it.

An iteration that stops by value, such as a bisection, returns a number that no change of its
argument moves: all derivatives are 0. If a derivative finds that no path leads from the argument to
the result, the function runs once more, on values that only know that they come from the argument
(`Looker`). The last line that looked at the number of such a value is the one to name. There is
no warning for a function that never looked, since it does not use the argument, and none for a
Hessian of a function that is linear in it.
"""

from __future__ import annotations

import inspect
import operator
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import errors
from ..array.box import WATCHERS, is_box, observe, unbox
from ..array.stores import Place, store
from ..core import trace as levels
from ..core.primitive import Primitive
from ..core.trace import Trace, Traced, freeze, to_user
from ..core.types import Value
from ..errors import IndependentResultWarning, user_line
from ..trees import flatten
from .inputs import Inputs
from .transform import Transform

_new = object.__new__


def enable(is_on: bool) -> None:
    """Turn the warning on or off."""
    errors.warns_of_independence = is_on


def is_enabled() -> bool:
    """Whether the warning is on."""
    return errors.warns_of_independence


def _compare(op: Callable[[Any, Any], Any]) -> Any:
    return lambda self, other: op(observe(self), observe(other))


class _Looked(Traced):
    """A value that comes from an argument; a comparison tells the trace."""

    __slots__ = ()
    __hash__ = Traced.__hash__

    def as_constant(self) -> Any:
        """The value for `stop_gradient`, by which a program says itself that it is constant."""
        return to_user(unbox(self))


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(_Looked, f"__{_name}__", _compare(getattr(operator, _name)))


class Looker(Trace):
    """A run that notes the last `line` that looked at a value of the argument."""

    __slots__ = ("line",)

    def __init__(self) -> None:
        self.open()
        self.fast = False
        self.line = ""

    def box(self, value: Value) -> _Looked:
        """A value that comes from the argument."""
        out = _new(_Looked)
        out.primal, out.payload, out.owner = value, None, self
        return out

    def constant(self, value: Value) -> _Looked:
        return self.box(value)

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        ans = prim.evaluate([a.primal if self._owns(a) else freeze(a) for a in args], params)
        return tuple(map(self.box, ans)) if prim.outputs > 1 else self.box(ans)

    def store(self, content: Value, place: Place, v: Value, owned: bool) -> Any:
        value = content.primal if self._owns(content) else freeze(content)
        return self.box(store(value, place, v.primal if self._owns(v) else freeze(v), owned))

    def _owns(self, x: Value) -> bool:
        return issubclass(type(x), _Looked) and x.owner is self

    def is_from(self, x: Value) -> bool:
        """Whether x comes from the argument."""
        while is_box(x):
            if self._owns(x):
                return True
            x = x.primal
        return False

    def watch(self, x: Value) -> None:
        """Note the user's line if x comes from the argument."""
        if self.is_from(x):
            self.line = user_line()


def lost_line(inputs: Inputs, leaves: Sequence[int]) -> str:
    """The last line that looked at one of some leaves, or ""; the function runs once more."""
    trace = Looker()
    WATCHERS.append(trace.watch)
    try:
        again = inputs.on_copies()
        again.f = program_of(inputs)
        boxes = [trace.box(v) if i in leaves else v for i, v in enumerate(again.values)]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            out = again.call(boxes)
        if any(trace.is_from(x) for x in flatten(out)[0]):
            return ""  # only the derivative is constant
    except Exception:  # the run serves the message alone: an error means that no line is known
        return ""
    finally:
        WATCHERS.remove(trace.watch)
        trace.close()
    # A function that takes derivatives of its own may well have a constant result.
    return "" if levels.latest != trace.level else trace.line


def program_of(inputs: Inputs) -> Callable[..., Any]:
    """The function inside the operators: a Hessian is the Jacobian of a gradient."""
    f = inputs.f
    while isinstance(f, Transform):
        f = f.f
    return f


def _named(f: Callable[..., Any], position: int | str) -> str:
    if isinstance(position, str):
        return f"argument {position!r}"
    try:
        names = list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        names = []
    return f"argument {position}" + (f" ({names[position]!r})" if position < len(names) else "")


def report(inputs: Inputs, lost: Iterable[int]) -> str:
    """What to say of arguments of which all leaves are lost, or "".

    Arguments: `inputs`; `lost`, the positions of the leaves without a path to the result.
    """
    if any(is_box(v) for v in inputs.values):
        return ""  # a derivative inside another: its results may well be constant
    missing, texts, start = set(lost), [], 0
    for position, structure in zip(inputs.positions, inputs.structures, strict=True):
        leaves = range(start, start + structure.num_leaves)
        start = leaves.stop
        mine = [i for i in leaves if inputs.values[i] is not None]
        if mine and missing.issuperset(mine):
            line = lost_line(inputs, mine)
            if line:
                texts.append(f"{_named(inputs.f, position)}: the last look at it was {line}")
    if not texts:
        return ""
    return (
        f"the result of {getattr(inputs.f, '__name__', 'the function')} does not depend on "
        f"{'; nor on '.join(texts)}. Its derivative is 0, since a comparison, a rounding, an index "
        f"or an integer keeps none. If an iteration stops by such a look, give it the derivative "
        f"of the equation that it solves, with dualdiff.implicit (docs/conventions.md)"
    )


def warn(inputs: Inputs, lost: Iterable[int]) -> None:
    """Warn of arguments that the result looked at and does not depend on."""
    if not errors.warns_of_independence:
        return
    if text := report(inputs, lost):
        warnings.warn(
            f"{text}. dualdiff.config(independence=False) turns this warning off.",
            IndependentResultWarning,
            stacklevel=_depth(),
        )


def _depth() -> int:
    """The number of frames up to the user's, for `warnings.warn` in the caller."""
    frame, depth = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").startswith("dualdiff"):
        frame, depth = frame.f_back, depth + 1
    return depth
