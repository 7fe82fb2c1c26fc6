"""Distributions at the ends of their supports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from ....array.box import is_box, unbox
from ....core.trace import value_of
from ....core.types import Value
from ....transforms.implicit import levels_of
from ...numpy.kinks import corner
from ..arguments import plain
from ..special.kinds import partial
from ..special.known import lost
from .formulas import EXTREME, FORMULAS
from .values import with_value

STEPS = (1e-60, 1e-20, 1e-6)  # beside an end at 0; powers overflow at the first ones
FURTHER = 1e5  # such steps, where a derivative that has its limit is nearly the same
LARGE, TINY = 1e4, 1e-8  # derivatives beside an end that count as infinite and as 0


def at_ends(
    distribution: Any, name: str, z: Value, shapes: Any, scale: Any, masks: Any,
    shape: tuple[int, ...],
) -> Any:  # fmt: skip
    """A function some of whose points are ends of the support, from the inside.

    SciPy's formula may be 0 * inf in the derivative there, or another one than beside it: then it
    is taken a tiny step off.
    """
    inside, below, above, at_end = masks
    pz, values = unbox(z), [unbox(s) for s in shapes]
    source, key = distribution.source, (distribution.name, name)
    if name == "logpdf":
        closed = np.asarray(source._support_mask(pz, *values), bool)  # or without the ends
        inside, below = inside & closed, below | at_end & ~closed
        at_end = at_end & closed
    with np.errstate(all="ignore"):
        edge = getattr(source, name)(pz, *values)
        found = distribution.scattered(name, z, shapes, scale, inside, below, above, shape)
    at_end = np.broadcast_to(at_end, shape)
    beside = at_end
    sign = np.where(pz == source._get_support(*values)[0], 1.0, -1.0)
    if (name != "pdf" or key in FORMULAS) and (name not in ("cdf", "sf") or key not in EXTREME):
        with np.errstate(all="ignore"):
            off = np.abs(_of_scale(name, unbox(found), 1 / unbox(scale)) - edge)
        wrong = ~(off <= 1e-7 * np.abs(edge)) & (unbox(found) != edge)
        wrong = wrong | np.isinf(edge) & (name == "pdf")
        least = sign * np.where(pz == 0, STEPS[0], np.abs(pz) * 2.0**-52)
        points = (pz, pz + least, pz + FURTHER * least)
        beside = at_end & (wrong | _is_apart(distribution, name, z, points, shapes, at_end))
    if not np.any(beside):
        return found
    near, left = z, beside
    for size in STEPS:
        step = sign * np.where(pz == 0, size, np.abs(pz) * 2.0**-52)
        near = np.where(left, z + step, near)
        left = left & _is_lost(distribution, name, z, pz + step, shapes, left)
        if not np.any(left & (pz == 0)):
            break
    value = distribution.scattered(name, near, shapes, scale, inside, below, above, shape)
    further = pz + FURTHER * (unbox(near) - pz)
    value = _without_far(value, distribution, name, near, further, shapes, beside)
    return with_value(np.where(beside, _of_scale(name, edge, unbox(scale)), unbox(value)), value)


def _of_scale(name: str, value: Any, scale: Any) -> Any:
    """The value for a scale, of the standard one; by one over the scale, the way back."""
    with np.errstate(all="ignore"):
        if name == "pdf":
            return value / scale
        if name == "logpdf":
            return value - np.log(scale)
    return value


def _slopes(
    distribution: Any, name: str, z: Value, at: Any, shapes: Sequence[Any], chosen: Any
) -> Iterator[tuple[tuple[int, ...], Any]]:
    """The derivatives of the formula that are taken, and by which arguments, at the elements
    chosen."""
    points = [np.broadcast_to(unbox(a), chosen.shape)[chosen] for a in (at, *shapes)]

    def function(*given: Value) -> Any:
        return distribution.formula(name, given[0], given[1:])

    given = [a for a in (z, *shapes) if is_box(a)]
    traced = [i for i, a in enumerate((z, *shapes)) if is_box(a)]
    for count in range(1, min(levels_of(sum(given)), 2) + 1):
        for which in combinations_with_replacement(traced, count):
            slope: Any = function
            for i in which:
                slope = partial(slope, i)
            with np.errstate(all="ignore"):  # not around the yield: generators take turns
                taken = slope(*points)
            yield which, taken


def _is_lost(
    distribution: Any, name: str, z: Value, at: Any, shapes: Sequence[Any], chosen: Any
) -> Any:
    """Where a derivative of the formula is not a number, of the elements chosen."""
    is_lost = np.zeros(np.shape(chosen), bool)
    if np.any(chosen):
        for _, slope in _slopes(distribution, name, z, at, shapes, chosen):
            is_lost[chosen] |= np.isnan(slope)
    return is_lost


def _is_apart(
    distribution: Any, name: str, z: Value, points: Sequence[Any], shapes: Sequence[Any],
    chosen: Any,
) -> Any:  # fmt: skip
    """Where a derivative of the formula at an end is not a number, or finite and not that of two
    points beside it."""
    is_apart = np.zeros(np.shape(chosen), bool)
    if np.any(chosen):
        found = [_slopes(distribution, name, z, x, shapes, chosen) for x in points]
        for (_, at), (_, near), (_, further) in zip(*found, strict=True):
            least = 1e-3 * np.abs(near) + TINY
            stands = np.isfinite(at) & (np.abs(near - further) <= least)
            is_apart[chosen] |= np.isnan(at) | stands & (np.abs(at - near) > least)
    return is_apart


def _without_far(
    value: Value, distribution: Any, name: str, near: Value, further: Any, shapes: Sequence[Any],
    chosen: Any,
) -> Any:  # fmt: skip
    """NaN for derivatives beside an end that are far from their limit, as a logarithm is."""
    given = (near, *shapes)
    both = [_slopes(distribution, name, near, x, shapes, chosen) for x in (unbox(near), further)]
    for (which, a), (_, b) in zip(*both, strict=True):
        size = np.abs(a)
        far = np.zeros(np.shape(chosen), bool)
        far[chosen] = (np.abs(a - b) > 1e-3 * size) & (size > TINY) & (size < LARGE)
        if len(which) == 1 and np.any(far):
            value = value + lost(far, given[which[0]])
    return value


def quantiles_of_ends(distribution: Any, name: str, q: Value, shapes: Sequence[Any]) -> Any:
    """Quantiles of 0 and 1: the ends of the support, with the slope 1 / density in q."""
    low, high = distribution.copy._get_support(*shapes)
    is_low = unbox(q) == (0.0 if name == "ppf" else 1.0)
    end = np.where(is_low, low, high)
    with np.errstate(all="ignore"):
        density = distribution.source.pdf(unbox(end), *map(unbox, shapes))
        slope = (1.0 if name == "ppf" else -1.0) / density
        steep = np.isfinite(slope)
        moved = end + (q - value_of(q)) * np.where(steep, slope, 1.0)
        infinite = with_value(unbox(end), corner(q, True) * slope)
    if not is_box(q):
        return end
    for _ in range(levels_of(sum(shapes, q)) - 1):  # the slope moves with the end
        share = distribution.evaluate("cdf" if name == "ppf" else "sf", moved, *shapes) - q
        moved = moved - np.where(steep, share - plain(share), 0.0) * np.where(steep, slope, 0.0)
    return np.where(steep, moved, infinite)
