"""Functions of SciPy's whose derivative by one argument does not depend on that argument.

Linear filters, transforms and interpolations are of this kind, whatever SciPy's own code does
within. Such a function is one primitive. Its primal is SciPy's own call and nothing else. Its
derivative is a tape: the function runs on traced values once for each shape and dtype of the
argument and each value of the others, and the tape is pulled and pushed again in later calls.
The value on traced values is compared with SciPy's when the tape is made.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Any

import numpy as np

from ...array.box import is_box
from ...core.batch import Shape, shape_of, spec_of
from ...core.dual import Dual
from ...core.tape import Tape, Var
from ...core.trace import materialize
from ...core.types import Cotangent, Tangent, Value
from ..declare import linear
from ..numpy.kinks import step_taken
from .arguments import IN_BODY, IN_RULE, as_array, by_scipy, holds_traced, signature_of
from .in_place import original_of

LIMIT = 2**22  # elements of the arguments of all tapes that are kept
_COUNT = 64  # tapes
_LARGEST = 2**20  # elements of an array among the other arguments
_SIMPLE = (int, float, complex, str, bool, type(None), np.generic, np.dtype, type)
Key = tuple[Any, ...]


def affine(
    original: Any, argument: str, run: Callable[..., Any], unless: dict[str, Sequence[Any]]
) -> Callable[..., Any]:
    """The implementation `run` of a function of SciPy's, which is affine in one argument.

    Arguments: `original`; `argument`, its name; `run`, which takes traced values; `unless`, values
    of other arguments with which the function is not affine.
    Returns: an implementation, which asks `run` where other arguments are traced.
    """
    function, signature = original_of(original), signature_of(original)
    if signature is None or argument not in signature.parameters:  # of another release
        return run

    @functools.wraps(run)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        x = materialize(as_array(given.pop(argument)))
        key = None
        stores = any(type(given.get(name)) is np.ndarray for name in ("output", "out"))
        if _is_plain_below(x) and not stores:
            differs = any(given.get(name) in values for name, values in unless.items())
            key = None if differs else _key_of(given)
        if key is not None:
            spec = spec_of(x)
            case = _kept((function, *spec, key), int(np.prod(spec.shape)), lambda: Case(
                run, function, argument, given, x))  # fmt: skip
            if case.slots is not None:
                return case.completed(affine_p(x, case=case))
        return run(*args, **kwargs)

    return call


class Case:
    """A function with values for all arguments but one, and a tape of its derivative.

    It has no slots where the tape cannot serve: the result is not one traced array, alone or among
    others that are plain.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        function: Callable[..., Any],
        argument: str,
        given: dict[str, Any],
        x: Value,
    ) -> None:
        self.function, self.argument = function, argument
        self.given = {name: _copied(v) for name, v in given.items()}
        self.place: int | None = None  # of the array among several results
        self.others: tuple[Any, ...] = ()
        self.slots: tuple[int, int] | None = None
        while is_box(x):
            x = x.primal
        copy_context().run(self._record, run, np.array(x))

    def _record(self, run: Callable[..., Any], x: Any) -> None:
        step_taken.set(None)  # the tape serves other calls, too
        IN_RULE.set(False)
        IN_BODY.set(False)
        self.tape = tape = Tape()
        try:
            slot = tape.next()
            with np.errstate(all="ignore"):
                out = run(**self.given, **{self.argument: tape.box(x, slot)})
            parts = list(out) if type(out) is tuple else [out]
            traced = [i for i, part in enumerate(parts) if holds_traced(part)]
            if len(traced) == 1 and is_box(parts[traced[0]]):
                y = materialize(parts[traced[0]])
                self.place = traced[0] if type(out) is tuple else None
                self.others = tuple(None if i == self.place else p for i, p in enumerate(parts))
                self.slots = slot, y.payload
                self.shapes = x.shape, shape_of(y)
        finally:
            tape.close()
            tape.guards.kept.clear()  # nobody else has the arrays

    def value(self, x: Any) -> Any:
        """SciPy's own result."""
        y = by_scipy(self.function, **self.given, **{self.argument: x})
        y = y if self.place is None else y[self.place]
        return y.copy() if isinstance(y, np.ndarray) and np.may_share_memory(x, y) else y

    def completed(self, y: Value) -> Any:
        """The results, with those that do not depend on the argument."""
        if self.place is None:
            return y
        return tuple(y if i == self.place else _copied(v) for i, v in enumerate(self.others))

    def pull(self, g: Cotangent, batch: Shape) -> Cotangent:
        source, target = self.slots or (0, 0)
        found = self.tape.pull([(target, g)], [source], batch)[0]
        return np.zeros(batch + self.shapes[0]) if found is None else found

    def push(self, t: Tangent, batch: Shape) -> Tangent:
        source, target = self.slots or (0, 0)
        found = self.tape.push([(source, t)], [target], batch)[0]
        return np.zeros(batch + self.shapes[1]) if found is None else found


def _applied(x: Value, case: Case) -> Any:
    return affine_p(x, case=case) if is_box(x) else case.value(x)


affine_p = linear(
    _applied,
    lambda g, case, batch: case.pull(g, batch),
    jvp=lambda t, case, batch: case.push(t, batch),
    name="affine",
)

_cases: OrderedDict[Key, tuple[Case, int]] = OrderedDict()
_mutex = threading.Lock()


def _kept(key: Key, size: int, make: Callable[[], Case]) -> Case:
    """The case of a key, made at its first use; the cases used last are kept."""
    with _mutex:
        found = _cases.pop(key, None)
        if found is not None:
            _cases[key] = found
            return found[0]
    case = make()
    with _mutex:
        _cases[key] = case, size
        total = sum(size for _, size in _cases.values())
        while len(_cases) > 1 and (total > LIMIT or len(_cases) > _COUNT):
            total -= _cases.popitem(last=False)[1][1]
    return case


def _is_plain_below(x: Value) -> bool:
    """Whether only derivatives, forward or reverse, stand above a plain array of floats."""
    if type(x) not in (Var, Dual):
        return False
    while type(x) in (Var, Dual):
        x = x.primal
    return isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fc" and x.size <= LIMIT


def _key_of(x: Any) -> Any:
    """A key that is equal for equal arguments, or None where there is none."""
    if issubclass(type(x), _SIMPLE):  # isinstance asks the face of a box
        return type(x), x
    if type(x) is np.ndarray and x.dtype.kind in "biufc" and x.size <= _LARGEST:
        return x.shape, x.dtype, x.tobytes()
    if isinstance(x, dict):
        keys = (*x, *map(_key_of, x.values()))
    elif type(x) in (list, tuple):
        keys = (type(x), *map(_key_of, x))
    else:
        return None
    return None if None in keys else keys


def _copied(x: Any) -> Any:
    if type(x) is np.ndarray:
        return x.copy()
    if type(x) in (list, tuple):
        return type(x)(map(_copied, x))
    return {k: _copied(v) for k, v in x.items()} if type(x) is dict else x
