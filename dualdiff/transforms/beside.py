"""Derivatives at roots of 0 as limits from beside them.

The Hessian of ``norm(x)**2 / 2`` at 0 is the identity, but the chain rule multiplies 0 and
infinity. At the distance 1e-60 from 0 it is right to the last digit, since numbers near 0 are as
accurate as others. So the function runs again, with the operand of each root moved away from 0 by
such a step. At a real kink the result depends on the step, or it jumps near the arguments: larger
steps, also of the arguments themselves, must lead to the same derivative. Where the program
subtracts nearly equal numbers beside the root, the limit is extrapolated from larger steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import comb
from typing import Any

import numpy as np

from ..array.box import is_box, unbox
from ..array.guards import Guards
from ..core.batch import Shape, dtype_of, quiet, shape_of
from ..core.dual import ForwardTrace, new_trace
from ..core.primitive import Primitive
from ..core.tape import Tape, new_tape
from ..core.trace import materialize
from ..rules.numpy.kinks import Step, moved, step_taken
from .inputs import Inputs, any_nan

_TINY = 2.0**-200
_BASES, _STEPS = (2.0**-6, 2.0**-14, 2.0**-22), 8  # of the steps to extrapolate
_NOISE = 1e-6  # of derivatives at the larger steps, relative to the largest


def is_beside() -> bool:
    """Whether the operands of roots move away from 0."""
    return step_taken.get() is not None


class _TapeBeside(Tape):
    __slots__ = ()

    def __init__(self, guards: Guards | None = None) -> None:
        super().__init__(guards)
        self.fast = False

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        return super().process(prim, [materialize(a) for a in moved(prim, args, params)], params)


class _ForwardTraceBeside(ForwardTrace):
    __slots__ = ()

    def __init__(self, batch: Shape = ()) -> None:
        super().__init__(batch)
        self.fast = False

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        return super().process(prim, [materialize(a) for a in moved(prim, args, params)], params)


@contextmanager
def _beside(step: Step) -> Iterator[None]:
    taken = step_taken.set(step)
    tape, forward = new_tape.set(_TapeBeside), new_trace.set(_ForwardTraceBeside)
    try:
        yield
    finally:
        step_taken.reset(taken)
        new_tape.reset(tape)
        new_trace.reset(forward)


def limit_beside(inputs: Inputs, derive: Callable[[Inputs], Sequence[Any]]) -> Sequence[Any] | None:
    """Derivatives as the limit beside roots of 0, or None if there is none.

    Arguments: `inputs`; `derive`, which returns arrays for such inputs.
    """
    eps = max((float(np.finfo(dtype_of(v)).eps) for v in inputs.values if v is not None), default=0)
    step = Step(_TINY, 0)
    found = _stepped(inputs, derive, step)
    if not step.taken:
        return None
    # The domain of the function may end at the point.
    sides = [_around(inputs, derive, eps**0.5), _around(inputs, derive, -(eps**0.5))]
    if any(all(map(_shrinks, found, *side)) for side in sides):
        return found
    limit = _extrapolated(inputs, derive)
    if limit is not None and any(all(map(_shrinks, limit, *side)) for side in sides):
        return limit
    return None


def _stepped(
    inputs: Inputs, derive: Callable[[Inputs], Sequence[Any]], step: Step
) -> Sequence[Any]:
    with _beside(step):
        return derive(inputs.at(inputs.values))


def _around(
    inputs: Inputs, derive: Callable[[Inputs], Sequence[Any]], size: float
) -> list[Sequence[Any]]:
    """Derivatives at a larger and at a smaller distance on one side; NaN outside of the domain."""
    found = []
    for distance in (256 * size, 4 * size):
        rng = np.random.default_rng(1)
        values = [None if v is None else _moved_value(v, distance, rng) for v in inputs.values]
        try:
            with _beside(Step(abs(distance), 2)), quiet():
                found.append(derive(inputs.at(values)))
        except (ArithmeticError, ValueError):  # of f, which is not defined there
            found.append([np.nan] * len(inputs.values))
    return found


def _extrapolated(
    inputs: Inputs, derive: Callable[[Inputs], Sequence[Any]]
) -> Sequence[Any] | None:
    """The limit of larger steps, where numbers cancel beside the root, or None.

    The limits along two random directions, and of one step less, must agree.
    """
    for base in _BASES:
        limits = []
        for seed in (3, 4):
            steps = [_stepped(inputs, derive, Step(base * k, seed)) for k in range(1, _STEPS + 1)]
            if any(map(any_nan, steps)) or any(map(_grows, steps[0], steps[-1])):
                return None
            limits += [_polynomial_at_zero(steps), _polynomial_at_zero(steps[:-1])]
        if all(all(map(_equal, limits[0], other)) for other in limits[1:]):
            return limits[0]
    return None


def _polynomial_at_zero(steps: Sequence[Sequence[Any]]) -> list[Any]:
    """The values at 0 of the polynomials through values at 1, 2, 3, ..."""
    n = len(steps)
    weights = [(-1) ** k * comb(n, k + 1) for k in range(n)]
    return [
        None if leaf[0] is None else sum(w * x for w, x in zip(weights, leaf, strict=True))
        for leaf in zip(*steps, strict=True)
    ]


def _grows(near: Any, far: Any) -> bool:
    size = [0.0 if x is None else float(np.max(np.abs(unbox(x)), initial=0.0)) for x in (near, far)]
    return bool(size[0] > 4 * size[1] > 0)


def _equal(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    a, b = unbox(a), unbox(b)
    return bool(np.all(np.abs(a - b) <= 1e-8 * np.max(np.abs(a), initial=0.0)))


def _moved_value(v: Any, size: float, rng: np.random.Generator) -> Any:
    if is_box(v):
        return v
    dtype = dtype_of(v)
    change: Any = size * rng.uniform(0.5, 1.5, shape_of(v))
    if dtype.kind == "c":
        change = change * (1 + 0.3j)
    if shape_of(v) == ():
        return type(v)(v + change) if type(v) is float else dtype.type(v + change)
    return v + change.astype(dtype)


def _shrinks(found: Any, far: Any, near: Any) -> bool:
    """Whether a smaller step brings a derivative nearer to `found`, up to rounding."""
    if found is None:
        return near is None
    plain: list[Any] = [np.asarray(unbox(x)) for x in (found, far, near)]
    if not all(np.isfinite(x).all() for x in plain):
        return False
    first, second = (np.abs(x - plain[0]).max(initial=0.0) for x in plain[1:])
    noise = _NOISE if plain[0].dtype.itemsize > 4 else 1e-2
    return bool(second <= 0.3 * first or second <= noise * np.abs(plain[0]).max(initial=0.0))
