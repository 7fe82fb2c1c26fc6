"""After a pass that gave a NaN: the same derivative with masks of structural zeros, or as a limit.

Every operator takes the straight way first. Only if its derivatives hold a NaN, it comes here:

1. The pass runs again with masks of the elements that may differ from zero (`masks`), on the same
   recording. The function itself runs again only for dual numbers, for a recording that released
   its entries, or if it takes derivatives of its own, which then carry masks too.
2. If eigenvalues or singular values coincide, cotangents do not determine the derivative of
   ``(v * f(w)) @ v.T``. The function runs on dual numbers whose tangents split the values. The
   limits along two random directions must agree; they differ if there is no derivative.
3. If a root of 0 makes the NaN, such as a norm's second derivative, the function runs at points
   beside the root (`beside`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from ..array.box import is_box, unbox
from ..core import trace as levels
from ..core.batch import dtype_of, shape_of
from ..core.dual import ForwardTrace
from ..core.trace import materialize
from ..core.types import Value
from ..rules.numpy.linalg.splitting import NotSplitError, is_splitting, splitting
from .beside import is_beside
from .inputs import Inputs, Outputs, any_nan
from .masks import uses_masks, zero_masks
from .record import Recording, agree, warn_of_other_results

_NEARLY = 1e-8  # the relative difference of values that may count as equal: it is the error
_DIRECTIONS = 12  # tries, since along some directions real eigenvalues become complex


class Derivatives(NamedTuple):
    """Derivatives as leaves, the results of the function, and the recording of both."""

    leaves: Sequence[Any]
    outputs: Outputs
    aux: Any = None
    recording: Recording | None = None
    structure: Any = None


def rescue(
    found: Derivatives,
    met: tuple[int, int],
    derive: Callable[[Recording], Sequence[Any]] | None,
    run: Callable[[], Derivatives],
    limit: Callable[[Derivatives], Sequence[Any] | None],
    near: Callable[[], Sequence[Any] | None],
) -> Derivatives:
    """Compute derivatives with a NaN again: with masks, and as a limit.

    Derivatives without a NaN that lost digits, since eigenvalues nearly coincide, are extrapolated
    from nearby matrices if they have such a limit.
    Arguments: `found`, the derivatives of the straight way; `met`, what `core.trace.doubts` gave
    before it; `derive`, the pass on a recording, or None without one; `run`,
    the straight way; `limit`, the leaves as a limit where values coincide, or None without a limit;
    `near`, the leaves as a limit beside roots of 0, or None.
    Returns: the derivatives; `found` itself if the function gives other results than before.
    """
    cancelled, first = levels.cancellations != met[1], found.outputs
    if any_nan(found.leaves) and not uses_masks():
        masked = _with_masks(found, derive, run)
        if masked is None:
            return found
        found = masked
    is_nan = any_nan(found.leaves)
    if is_splitting() or is_beside() or not (is_nan or cancelled):
        return found
    if any(map(is_box, found.leaves)):
        return found  # the outer operator comes here as well
    if found.outputs is first:  # no second run has shown that the function repeats its results
        with zero_masks():
            again = run()
        if not _repeats(found, again):
            return found
    leaves = None
    if levels.degeneracies != met[0] and not cancelled:
        leaves = _limit(found, limit)
    if leaves is None:
        with zero_masks():
            leaves = near()
    if leaves is None and cancelled:
        leaves = _limit(found, limit, _NEARLY)
    return found if leaves is None else found._replace(leaves=leaves)


def _limit(
    found: Derivatives, limit: Callable[[Derivatives], Sequence[Any] | None], share: float = 0.0
) -> Sequence[Any] | None:
    with splitting(share), zero_masks(), suppress(NotSplitError):
        return limit(found)
    return None


def _with_masks(
    found: Derivatives,
    derive: Callable[[Recording], Sequence[Any]] | None,
    run: Callable[[], Derivatives],
) -> Derivatives | None:
    """The derivatives by a masked pass, or None if the function does not repeat its results."""
    recording = found.recording
    with zero_masks():
        if derive is not None and recording is not None and not recording.spent:
            leaves = derive(recording)
            if not recording.nested or not any_nan(leaves):
                return found._replace(leaves=leaves)
        again = run()
    return again if _repeats(found, again) else None


def _repeats(found: Derivatives, again: Derivatives) -> bool:
    """Whether a second run has the results of the first one; warns if not."""
    same = agree(again.outputs.values, found.outputs.values)
    if not same:
        warn_of_other_results("to find out what a NaN or a loss of digits stands for")
    return same


def continued(found: Derivatives, run: Callable[[], Derivatives]) -> Sequence[Any] | None:
    """Tangents with vectors that continue along the direction, unless the result depends on them.

    Arguments: `found`, the results; `run`, the same run on dual numbers once more.
    """
    other = run()
    same = all(map(close, found.outputs.values, other.outputs.values))
    return other.leaves if same and not any_nan(other.leaves) else None


def limit_of(inputs: Inputs, derive: Callable[[Inputs], Sequence[Any]]) -> list[Any] | None:
    """Derivatives as the limit of nearby arguments, or None if there is no limit.

    Arguments: `inputs` of plain values; `derive`, which returns arrays for such inputs.
    """
    if any(map(is_box, inputs.values)):
        return None
    rng = np.random.default_rng(0)
    found: list[list[Any]] = []
    for _ in range(_DIRECTIONS):
        try:
            found.append(_along(inputs, derive, rng))
        except NotSplitError:
            continue
        if len(found) == 2:
            first, second = found
            return first if all(map(close, first, second)) else None
    return None


def _along(
    inputs: Inputs, derive: Callable[[Inputs], Sequence[Any]], rng: np.random.Generator
) -> list[Any]:
    """The limit along one random direction."""
    trace = ForwardTrace(())
    try:
        boxes = [None if v is None else trace.box(v, _direction(v, rng)) for v in inputs.values]
        leaves = [materialize(x) if is_box(x) else x for x in derive(inputs.at(boxes))]
        return [x.primal if is_box(x) and x.owner is trace else x for x in leaves]
    finally:
        trace.close()


def _direction(v: Value, rng: np.random.Generator) -> Any:
    dtype, shape = dtype_of(v), shape_of(v)
    t = rng.normal(size=shape)
    if dtype.kind == "c":
        t = t + 1j * rng.normal(size=shape)
    return np.asarray(t, dtype)[()] if shape == () else t.astype(dtype)


def close(a: Value, b: Value) -> bool:
    """Whether two arrays, or None, are finite and equal up to rounding."""
    if a is None or b is None:
        return a is b
    a, b = np.asarray(unbox(a)), np.asarray(unbox(b))
    if a.shape != b.shape or a.dtype.kind not in "fc":
        return a.shape == b.shape and bool(np.all(a == b))
    finite = bool(np.isfinite(a).all() and np.isfinite(b).all())
    scale = np.abs(a).max(initial=0.0)
    return finite and bool(np.all(np.abs(a - b) <= np.finfo(a.dtype).eps ** 0.4 * scale))
