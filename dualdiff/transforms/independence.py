"""Results that do not depend on an argument: a warning that names the line where they lost it.

An iteration that stops by value, such as a bisection, returns a number that no change of its
argument moves: all derivatives are 0. If a derivative finds that no path leads from a leaf of the
arguments to the result, the function runs once more, on values that only know the leaves that they
come from (`Looker`). The last line that looked at the number of such a value is the one to name.
There is no warning for a function that never looked, since it does not use the leaf, and none for a
Hessian of a function that is linear in it.
"""

from __future__ import annotations

import inspect
import operator
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

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
# The leaves that a function was found not to use: no later call looks again.
_unused: WeakKeyDictionary[Any, set[tuple[int, ...]]] = WeakKeyDictionary()


def enable(is_on: bool) -> None:
    """Turn the warning on or off."""
    errors.warns_of_independence = is_on


def is_enabled() -> bool:
    """Whether the warning is on."""
    return errors.warns_of_independence


def _compare(op: Callable[[Any, Any], Any]) -> Any:
    return lambda self, other: op(observe(self), observe(other))


class _Looked(Traced):
    """A value whose payload is the set of leaves it comes from; a comparison tells the trace."""

    __slots__ = ()
    __hash__ = Traced.__hash__

    def as_constant(self) -> Any:
        """The value for `stop_gradient`, by which a program says itself that it is constant."""
        return to_user(unbox(self))


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(_Looked, f"__{_name}__", _compare(getattr(operator, _name)))


class Looker(Trace):
    """A run that notes the last of its `lines` that looked at a value of each leaf, in order."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        self.open()
        self.fast = False
        self.lines: dict[int, str] = {}

    def box(self, value: Value, leaves: frozenset[int] = frozenset()) -> _Looked:
        """A value that comes from some leaves."""
        out = _new(_Looked)
        out.primal, out.payload, out.owner = value, leaves, self
        return out

    def constant(self, value: Value) -> _Looked:
        return self.box(value)

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        ans = prim.evaluate([a.primal if self._owns(a) else freeze(a) for a in args], params)
        leaves = self._leaves_of(*args)
        if prim.outputs > 1:
            return tuple(self.box(a, leaves) for a in ans)
        return self.box(ans, leaves)

    def store(self, content: Value, place: Place, v: Value, owned: bool) -> Any:
        value = content.primal if self._owns(content) else freeze(content)
        stored = store(value, place, v.primal if self._owns(v) else freeze(v), owned)
        return self.box(stored, self._leaves_of(content, v))

    def _owns(self, x: Value) -> bool:
        return issubclass(type(x), _Looked) and x.owner is self

    def _leaves_of(self, *args: Value) -> frozenset[int]:
        return frozenset().union(*(a.payload for a in args if self._owns(a)))

    def leaves_behind(self, x: Value) -> frozenset[int]:
        """The leaves that x comes from."""
        while is_box(x) and not self._owns(x):
            x = x.primal
        return self._leaves_of(x)

    def watch(self, x: Value) -> None:
        """Note the user's line for the leaves that x comes from."""
        for leaf in self.leaves_behind(x):
            self.lines.pop(leaf, None)
            self.lines[leaf] = user_line()


def lost_lines(inputs: Inputs, lost: Sequence[int]) -> dict[int, str]:
    """The last line that looked at each of some leaves, in order; the function runs once more.

    Leaves at which it did not look are left out, and those whose derivative alone is constant.
    """
    unused = _unused_by(inputs.f)
    if tuple(lost) in unused:
        return {}
    trace = Looker()
    WATCHERS.append(trace.watch)
    try:
        again = inputs.on_copies()
        again.f = program_of(inputs)
        boxes = list(again.values)
        for i in lost:
            boxes[i] = trace.box(boxes[i], frozenset({i}))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            out = again.call(boxes)
    except Exception:  # the run serves the message alone: an error means that no line is known
        return {}
    finally:
        WATCHERS.remove(trace.watch)
        trace.close()
    reached = frozenset().union(*map(trace.leaves_behind, flatten(out)[0]))
    if not trace.lines and not reached:
        unused.add(tuple(lost))
    # A function that takes derivatives of its own may well have a constant result.
    if levels.latest != trace.level:
        return {}
    return {i: line for i, line in trace.lines.items() if i not in reached}


def _unused_by(f: Callable[..., Any]) -> set[tuple[int, ...]]:
    with suppress(TypeError):  # no hash, or no weak references
        return _unused.setdefault(f, set())
    return set()


def program_of(inputs: Inputs) -> Callable[..., Any]:
    """The function inside the operators: a Hessian is the Jacobian of a gradient."""
    f = inputs.f
    while isinstance(f, Transform):
        f = f.f
    return f


def _named(f: Callable[..., Any], position: int | str, path: str = "") -> str:
    if isinstance(position, str):
        return f"argument {position!r}" + (f" at {path}" if path else "")
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if position < len(names):
        name = f"{names[position]}{path}" if path else repr(names[position])
        return f"argument {position} ({name})"
    return f"argument {position}" + (f" at {path}" if path else "")


def report(inputs: Inputs, lost: Iterable[int]) -> str:
    """What to say of arguments, and of leaves of them, that are lost, or "".

    An int that is lost alone counts as a setting of the program. Arguments: `inputs`; `lost`, the
    positions of the leaves without a path to the result.
    """
    if any(is_box(v) for v in inputs.values):
        return ""  # a derivative inside another: its results may well be constant
    missing, texts, start = set(lost), [], 0
    found = lost_lines(inputs, sorted(missing))
    for position, structure in zip(inputs.positions, inputs.structures, strict=True):
        leaves = range(start, start + structure.num_leaves)
        start = leaves.stop
        looked = [i for i in found if i in leaves]
        if not looked:
            continue
        names = {_named(inputs.f, position): looked[-1]}
        if not all(i in missing or inputs.values[i] is None for i in leaves):
            names = {
                _named(inputs.f, position, structure.paths[i - leaves.start]): i
                for i in looked
                if type(inputs.leaves[i]) is not int
            }
        texts += [f"{name}: the last look at it was {found[i]}" for name, i in names.items()]
    if not texts:
        return ""
    return (
        f"the result of {getattr(inputs.f, '__name__', 'the function')} does not depend on "
        f"{'; nor on '.join(texts)}. Its derivative is 0, since a comparison, a rounding, an index "
        f"or an integer keeps none. If an iteration stops by such a look, give it the derivative "
        f"of the equation that it solves, with dualdiff.implicit (docs/conventions.md)"
    )


def warn(inputs: Inputs, lost: Iterable[int]) -> None:
    """Warn of arguments, and leaves of them, that the result looked at and does not depend on."""
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
