"""Derivatives at roots of 0 as limits from beside them.

The Hessian of ``norm(x)**2 / 2`` at 0 is the identity, but the chain rule multiplies 0 and
infinity. At the distance 1e-60 from 0 it is right to the last digit, since numbers near 0 are as
accurate as others. So the function runs again, with the operand of each root moved away from 0 by
such a step. At a real kink the result depends on the step, or it jumps near the arguments: steps in
other directions and larger ones, also of the arguments themselves, must lead to the same
derivative. Where the program subtracts nearly equal numbers beside the root, the limit is
extrapolated from larger steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import comb
from typing import Any

import numpy as np

from ..array.box import is_box, unbox
from ..array.guards import Guards
from ..array.layout import copy_with_strides
from ..core.batch import Shape, dtype_of, quiet, shape_of
from ..core.dual import ForwardTrace, new_trace
from ..core.primitive import Primitive
from ..core.tape import Tape, new_tape
from ..core.trace import materialize
from ..core.types import Value
from ..rules.numpy.kinks import Step, moved, step_taken
from .inputs import Inputs, any_nan

_TINY = 2.0**-200
_BASES, _STEPS = [2.0**-k for k in (8, 10, 12, 14, 20)], 8  # of the steps to extrapolate
# How far limits may lie apart, relative to the largest: of a good base, and of the best one.
_GOOD, _GOOD_ENOUGH, _SINGLE = 1e-8, 1e-6, 2e-3
# Powers of the precision: the distances of other arguments, a larger and a smaller one.
_SMALL, _LARGE = (0.35, 0.47), (0.15, 0.23)
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
    step = Step(_TINY, 0)
    found = _stepped(inputs, derive, step)
    if step.taken and _is_one(found, inputs, derive) and _is_limit(found, inputs, derive, _SMALL):
        return found
    limit = extrapolated(inputs, derive)
    distances = (_SMALL, _LARGE) if step.taken else (_LARGE,)
    if limit is not None and _is_limit(limit, inputs, derive, *distances):
        return limit
    return None


def _is_one(
    found: Sequence[Any], inputs: Inputs, derive: Callable[[Inputs], Sequence[Any]]
) -> bool:
    """Whether derivatives are the same at the opposite place and in another direction."""

    def same(a: Value, b: Value) -> bool:
        is_same = _apart(a, b) <= _GOOD
        if is_same or a is None or b is None:
            return is_same
        rest = Step(_TINY, 0).of(np.finfo(dtype_of(a)).dtype) ** 0.25  # of a limit that is 0
        return bool(np.max(np.abs(unbox(a) - unbox(b)), initial=0.0) <= rest)

    others = (Step(_TINY, 0, -1), Step(_TINY, 1))
    return all(all(map(same, found, _stepped(inputs, derive, step))) for step in others)


def _is_limit(
    found: Sequence[Any],
    inputs: Inputs,
    derive: Callable[[Inputs], Sequence[Any]],
    *distances: tuple[float, float],
) -> bool:
    """Whether derivatives near the arguments, on one side, tend to `found`.

    On the other side the domain of the function may end, or another branch begin, but they must not
    tend to another value there.
    """
    eps = max((float(np.finfo(dtype_of(v)).eps) for v in inputs.values if v is not None), default=0)
    for powers in distances:
        around = [
            [_at_distance(inputs, derive, sign * eps**power) for power in powers]
            for sign in (1, -1)
        ]
        tends = any(all(map(_shrinks, found, *side)) for side in around)
        if tends and not any(any(map(_contradicts, found, *side)) for side in around):
            return True
    return False


def _stepped(
    inputs: Inputs, derive: Callable[[Inputs], Sequence[Any]], step: Step
) -> Sequence[Any]:
    with _beside(step):
        return derive(inputs.at(inputs.values))


def _at_distance(
    inputs: Inputs, derive: Callable[[Inputs], Sequence[Any]], distance: float
) -> Sequence[Any]:
    """Derivatives at other arguments; NaN outside of the domain."""
    rng = np.random.default_rng(1)
    values = [None if v is None else _moved_value(v, distance, rng) for v in inputs.values]
    try:
        with _beside(Step(abs(distance), 2)), quiet():
            return derive(inputs.at(values))
    except (ArithmeticError, ValueError):  # of f, which is not defined there
        return [np.nan] * len(inputs.values)


def extrapolated(inputs: Inputs, derive: Callable[[Inputs], Sequence[Any]]) -> Sequence[Any] | None:
    """The limit of larger steps, where numbers cancel beside the point, or None.

    The limits along two random directions, and of one step less, must agree.
    """

    def at(size: float, seed: int) -> Sequence[Any] | None:
        step = Step(size, seed)
        leaves = _stepped(inputs, derive, step)
        return leaves if step.taken and not any_nan(leaves) else None

    best, least = None, np.inf
    for base in _BASES:
        limits: list[Sequence[Any]] = []
        for seed in (3, 4):
            ends = at(base, seed), at(base * _STEPS, seed)
            if ends[0] is None or ends[1] is None or any(map(_grows, ends[0], ends[1])):
                break
            between = [at(base * k, seed) for k in range(2, _STEPS)]
            steps = [s for s in (ends[0], *between, ends[1]) if s is not None]
            if len(steps) < _STEPS:
                break
            limits += [_polynomial_at_zero(steps), _polynomial_at_zero(steps[:-1])]
        else:
            apart = max(max(map(_apart, limits[0], other)) for other in limits[1:])
            if apart <= _GOOD:
                return limits[0]
            if apart < least:
                best, least = limits[0], apart
    return best if least <= _GOOD_ENOUGH else None


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


def _apart(a: Value, b: Value) -> float:
    """The distance of two limits, relative to the largest entry and to the precision."""
    if a is None or b is None:
        return 0.0 if a is b else np.inf
    a, b = unbox(a), unbox(b)
    size, distance = (float(np.max(np.abs(x), initial=0.0)) for x in (a, a - b))
    is_double = dtype_of(a).itemsize > 4 * (1 + (dtype_of(a).kind == "c"))
    return distance / (size or 1.0) * (1.0 if is_double else _GOOD / _SINGLE) if distance else 0.0


def _moved_value(v: Value, size: float, rng: np.random.Generator) -> Any:
    if is_box(v):
        return v
    dtype = dtype_of(v)
    scale = float(np.max(np.abs(v), initial=0.0)) or 1.0
    change: Any = size * scale * rng.uniform(0.5, 1.5, shape_of(v))
    if dtype.kind == "c":
        change = change * (1 + 0.3j)
    if shape_of(v) == ():
        return type(v)(v + change) if type(v) is float else dtype.type(v + change)
    made = copy_with_strides(v, writable=True)  # the layout decides what is a view
    made += change.astype(dtype)
    return made


def _contradicts(found: Any, far: Any, near: Any) -> bool:
    """Whether derivatives at two steps agree with each other, but not with `found`."""
    if found is None or near is None or far is None:
        return False
    limit, first, second = (np.asarray(unbox(x)) for x in (found, far, near))
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return False
    apart = np.abs(first - second).max(initial=0.0)
    off = np.abs(second - limit).max(initial=0.0)
    return bool(apart < 1e-2 * off and off > 1e-2 * np.abs(limit).max(initial=0.0))


def _shrinks(found: Any, far: Any, near: Any) -> bool:
    """Whether a smaller step brings a derivative nearer to `found`, up to rounding."""
    if found is None or far is None or near is None:
        return found is near
    plain: list[Any] = [np.asarray(unbox(x)) for x in (found, far, near)]
    if not all(np.isfinite(x).all() for x in plain):
        return False
    first, second = (np.abs(x - plain[0]).max(initial=0.0) for x in plain[1:])
    noise = _NOISE if plain[0].dtype.itemsize > 4 else 1e-2
    return bool(second <= 0.3 * first or second <= noise * np.abs(plain[0]).max(initial=0.0))
