"""Derivatives where eigenvalues or singular values coincide, as limits along random directions.

Cotangents at such a matrix do not tell the derivative of ``(v * f(w)) @ v.T``. Operators that find
a NaN for this reason run once more on dual numbers whose tangents split the values. The limit must
be the same along two directions: where there is no derivative, it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from ..array.box import is_box
from ..core.batch import dtype_of, shape_of
from ..core.dual import ForwardTrace
from ..core.trace import resolve
from ..rules.numpy.linalg.gauge import meetings
from ..rules.numpy.linalg.splitting import NotSplitError, is_splitting, splitting
from .inputs import Inputs
from .masks import again_if_nan, careful, has_nan

T = TypeVar("T")
_TRIES = 12  # directions along which real eigenvalues may become complex


def or_limit(
    run: Callable[[], T],
    leaves: Callable[[T], Sequence[Any]],
    limit: Callable[[T], T | None],
) -> T:
    """What `run` gives, with care for structural zeros, or the limit where values coincide."""
    before = meetings()
    found = again_if_nan(run, leaves)
    if meetings() == before or is_splitting() or not any(map(has_nan, leaves(found))):
        return found
    with splitting(), careful():
        try:
            other = limit(found)
        except NotSplitError:
            other = None
    return found if other is None else other


def limit_of(inputs: Inputs, derive: Callable[[Inputs], Sequence[Any]]) -> list[Any] | None:
    """What `derive` gives, in the limit of arguments near by, or None where there is no limit.

    Arguments: `inputs` of plain values; `derive`, which gives arrays for inputs like them.
    """
    if any(map(is_box, inputs.values)):
        return None
    rng = np.random.default_rng(0)
    found: list[list[Any]] = []
    for _ in range(_TRIES):
        try:
            found.append(_along(inputs, derive, rng))
        except NotSplitError:
            continue
        if len(found) == 2:
            first, second = found
            return first if _all_close(first, second) else None
    return None


def _along(
    inputs: Inputs, derive: Callable[[Inputs], Sequence[Any]], rng: np.random.Generator
) -> list[Any]:
    """The limit along one random direction."""
    trace = ForwardTrace(())
    try:
        boxes = [None if v is None else trace.box(v, _direction(v, rng)) for v in inputs.values]
        leaves = [resolve(x) if is_box(x) else x for x in derive(inputs.at(boxes))]
        return [x.value if is_box(x) and x.scope is trace else x for x in leaves]
    finally:
        trace.close()


def _direction(v: Any, rng: np.random.Generator) -> Any:
    dtype, shape = dtype_of(v), shape_of(v)
    t = rng.normal(size=shape)
    if dtype.kind == "c":
        t = t + 1j * rng.normal(size=shape)
    return np.asarray(t, dtype)[()] if shape == () else t.astype(dtype)


def agree(a: Any, b: Any) -> bool:
    """Whether two arrays, or None, are finite and equal but for rounding."""
    if a is None or b is None:
        return a is b
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype.kind not in "fc":
        return a.shape == b.shape and bool(np.all(a == b))
    finite = bool(np.isfinite(a).all() and np.isfinite(b).all())
    scale = np.abs(a).max(initial=0.0)
    return finite and bool(np.all(np.abs(a - b) <= np.finfo(a.dtype).eps ** 0.4 * scale))


def _all_close(first: Sequence[Any], second: Sequence[Any]) -> bool:
    return all(agree(a, b) for a, b in zip(first, second, strict=True))
