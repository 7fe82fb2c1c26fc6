"""Losses that are sums over parts of the data, each part in a task of its own.

A task gets plain arguments and one part, takes the derivative there, and returns plain numbers; so
it may run in a thread, in another process or on another machine. One pass over the parts gives the
value and the gradient. Derivatives of higher order are passes of their own, over functions that are
derivatives of the loss.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

import numpy as np

from ..array.box import is_box
from ..array.kinds import compute
from ..core.batch import Shape, cast, dtype_of, is_inexact, looped, shape_of, spec_of
from ..core.calls import SingleCall, refuse_captured
from ..core.tape import Tape
from ..core.trace import materialize, top_trace
from ..core.types import Cotangent, Residuals, Tangent, Value
from ..errors import UnsupportedInputError, user_line
from ..trees import flatten
from .jvp_vjp import jvp, vjp

GROUP = 8  # results of dask's tasks that one task adds up


class _Loss:
    """The loss as a function of its differentiated leaves and of one part."""

    def __init__(self, loss: Any, structure: Any, leaves: Sequence[Any], places: Any) -> None:
        self.loss, self.structure = loss, structure
        self.leaves, self.places = leaves, places
        self.name = getattr(loss, "__name__", "loss")

    def __call__(self, operands: Sequence[Value], part: Any) -> Any:
        leaves = list(self.leaves)
        for i, x in zip(self.places, operands, strict=True):
            leaves[i] = x
        args, kwargs = self.structure.unflatten(leaves)
        value = self.loss(*args, part, **kwargs)
        if isinstance(value, (list, tuple, dict)):
            raise UnsupportedInputError(
                f"{self.name} returned a {type(value).__name__}, {user_line()}: a loss of "
                f"map_reduce returns a number or an array, which is added up over the parts"
            )
        return value


class _Derived:
    """A push or pull of a function of leaves and a part, as such a function.

    The leaves of a push are followed by tangents of the leaves `active`, those of a pull by the
    cotangent of the result; the pull returns the cotangents in one vector.
    """

    def __init__(self, function: Any, active: tuple[int, ...], pulls: bool) -> None:
        self.function, self.active, self.pulls = function, active, pulls
        self.name = function.name

    def __call__(self, operands: Sequence[Value], part: Any) -> Any:
        count = len(operands) - (1 if self.pulls else len(self.active))
        primals, directions = operands[:count], operands[count:]

        def of_part(*leaves: Value) -> Any:
            return self.function(leaves, part)

        if not self.pulls:
            return jvp(of_part, primals, directions, argnums=self.active)[1]
        _, pullback = vjp(of_part, *primals, argnums=self.active)
        return _raveled(pullback(directions[0]))


class _ValueAndGradient:
    """The value of a loss and, if it is one number, its gradient in one vector behind it."""

    def __init__(self, function: Any) -> None:
        self.function, self.name = function, function.name

    def __call__(self, operands: Sequence[Value], part: Any) -> Any:
        value, pullback = vjp(lambda *xs: self.function(xs, part), *operands)
        if shape_of(value) != () or not is_inexact(value):
            return [value]
        one = 1.0 if isinstance(value, float) else dtype_of(value).type(1)
        return [value, _raveled(pullback(one))]


def _raveled(leaves: Sequence[Any]) -> Any:
    return np.concatenate([np.reshape(x, -1) for x in leaves])


def _added(results: Iterable[Any]) -> Any:
    """The sum of arrays, or of lists of arrays, in their order."""
    total: Any = None
    for result in results:
        if total is None:
            total = result
        elif isinstance(result, list):
            total = [a + b for a, b in zip(total, result, strict=True)]
        else:
            total = total + result
    return total


def _apply(function: Any, operands: Sequence[Value], part: Any, has_items: bool) -> Any:
    """The task: the function on one part, or its sum over the items of the part."""
    parts = part if has_items else [part]
    total = _added(function(operands, item) for item in parts)
    refuse_captured(total[0] if isinstance(total, list) else total, f"map_reduce({function.name})")
    return total


class Parts:
    """Some data in parts, and what runs a task for each."""

    def __init__(self, data: Any, executor: Any) -> None:
        self.executor = executor
        self.has_items = hasattr(data, "to_delayed") and hasattr(data, "npartitions")
        self.parts = list(data.to_delayed() if self.has_items else data)
        self.is_lazy = executor is None and any(hasattr(p, "__dask_graph__") for p in self.parts)
        known = executor is None or hasattr(executor, "submit") or self._is_joblib()
        if not known:
            raise TypeError(
                f"the executor of map_reduce is a {type(executor).__name__}, {user_line()}; pass "
                f"one of concurrent.futures, a joblib.Parallel or a distributed.Client"
            )
        if not self.parts:
            raise ValueError(f"map_reduce has no parts of the data to add up, {user_line()}")

    def _is_joblib(self) -> bool:
        return type(self.executor).__module__.startswith("joblib")

    def total(self, function: Any, operands: Sequence[Value]) -> Any:
        """The sum of a function over all parts, at plain operands."""
        if self.is_lazy:
            return self._by_dask(function, operands)
        tasks = [(_apply, function, operands, part, self.has_items) for part in self.parts]
        if self.executor is None:
            return _added(task(*args) for task, *args in tasks)
        if self._is_joblib():
            delayed = sys.modules["joblib"].delayed
            return _added(self.executor(delayed(task)(*args) for task, *args in tasks))
        futures = [self.executor.submit(*task) for task in tasks]
        return _added(future.result() for future in futures)

    def _by_dask(self, function: Any, operands: Sequence[Value]) -> Any:
        """As tasks of dask, which add up in groups, so that no worker holds all results."""
        from dask import delayed

        apply, add = delayed(_apply, pure=False), delayed(_added, pure=False)
        shared = delayed(function, pure=False, traverse=False)
        given = delayed(list(operands), pure=False, traverse=False)
        results = [apply(shared, given, part, self.has_items) for part in self.parts]
        while len(results) > 1:
            groups = range(0, len(results), GROUP)
            results = [add(results[i : i + GROUP]) for i in groups]
        (total,) = compute(results)
        return total


class _Sum(SingleCall):
    """The sum of a function over the parts, as one operation on traced leaves."""

    def __init__(self, parts: Parts, function: Any) -> None:
        super().__init__(lambda *xs: self._at(xs), f"map_reduce({function.name})")
        self.parts, self.function = parts, function

    def _at(self, operands: Sequence[Value]) -> Any:
        if any(map(is_box, operands)):
            return _Sum(self.parts, self.function)(*operands)
        return self.parts.total(self.function, operands)

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        _, args, chosen, spec = saved
        known = tuple(i for i in chosen if tangents[i] is not None)
        pushed = _Sum(self.parts, _Derived(self.function, known, pulls=False))

        def one(ts: Sequence[Tangent], batch: Shape) -> Any:
            return cast(pushed(*args, *(ts[i] for i in known)), spec.dtype)

        return looped(one, tangents, batch)

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        _, args, chosen, _ = saved
        pulled = _Sum(self.parts, _Derived(self.function, chosen, pulls=True))

        def one(gs: Sequence[Cotangent], batch: Shape) -> Any:
            return _split(pulled(*args, gs[0]), args, chosen)

        return list(looped(one, [g], batch))


class _Known(SingleCall):
    """A value whose gradient was computed with it."""

    def __init__(self, value: Value, gradients: Sequence[Any], name: str) -> None:
        super().__init__(lambda *xs: value, name)
        self.gradients = gradients

    def save(self, ans: Value, args: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        return (self,)

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        return [np.multiply.outer(g, c) for c in self.gradients]

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        pairs = zip(tangents, self.gradients, strict=True)
        axes = {i: tuple(range(-np.ndim(c), 0)) for i, c in enumerate(self.gradients)}
        terms = [np.sum(t * c, axis=axes[i]) for i, (t, c) in enumerate(pairs) if t is not None]
        return _added(terms)


def _split(flat: Any, args: Sequence[Any], chosen: Sequence[int]) -> tuple[Any, ...]:
    """The parts of a vector in the shapes and dtypes of some operands; None for the others."""
    out: list[Any] = [None] * len(args)
    start = 0
    for i in chosen:
        shape, dtype = spec_of(args[i])
        stop = start + prod(shape)
        out[i] = cast(np.reshape(flat[start:stop], shape), dtype)
        start = stop
    return tuple(out)


class MapReduce:
    """The sum of a loss over the parts of some data, as a function of its other arguments."""

    def __init__(self, loss: Callable[..., Any], parts: Parts) -> None:
        self.loss, self.parts = loss, parts
        self.__name__ = getattr(loss, "__name__", "loss")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten((args, kwargs))
        leaves = [materialize(x) if is_box(x) else x for x in leaves]
        places = [i for i, x in enumerate(leaves) if is_box(x)]
        operands = [leaves[i] for i in places]
        constants = [None if is_box(x) else x for x in leaves]
        function = _Loss(self.loss, structure, constants, places)
        if not operands:
            return self.parts.total(function, ())
        trace = top_trace(operands)
        values = [x.primal if x.owner is trace else x for x in operands]
        if not isinstance(trace, Tape) or any(map(is_box, values)):
            return _Sum(self.parts, function)(*operands)
        value, *gradient = self.parts.total(_ValueAndGradient(function), values)
        if not gradient:
            return _Sum(self.parts, function)(*operands)
        gradients = _split(gradient[0], values, range(len(values)))
        return _Known(value, gradients, f"map_reduce({function.name})")(*operands)


def map_reduce(loss: Callable[..., Any], data: Any, executor: Any = None) -> Callable[..., Any]:
    """The sum of a loss over the parts of some data, with a task for each part.

    Arguments: `loss(*args, part)`, a Python function of any kind that returns a number or an array;
    `data`, a sequence of parts, a sequence of dask's delayed objects, or a dask bag, whose items
    are the parts; `executor`, which runs the tasks: one of `concurrent.futures`, a
    `joblib.Parallel` or a `distributed.Client`. Without one, dask runs the tasks of its own
    objects, and others run here, one after the other.
    Returns: a function ``total(*args)`` for `grad`, `value_and_grad`, `jvp`, `hvp` and the other
    operators. The tasks take the derivatives; a value with its gradient takes one pass over the
    data, a product with the Hessian one more.
    Raises: CaptureError if the loss reads a traced value that is no argument. What goes to another
    process must be picklable; a bag, and a list of delayed objects, may hold more.

    >>> import numpy as np, dualdiff as dd
    >>> parts = [np.array([1.0, 2.0]), np.array([3.0])]
    >>> total = dd.map_reduce(lambda w, part: np.sum((w * part) ** 2), parts)
    >>> value, gradient = dd.value_and_grad(total)(0.5)
    >>> float(value), gradient
    (3.5, 14.0)
    """
    if not callable(loss):
        raise TypeError(f"map_reduce takes the loss first, not a {type(loss).__name__}")
    return MapReduce(loss, Parts(data, executor))
