"""Filters of `scipy.ndimage`: linear ones, and those that choose an element of each window."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from ....array.box import unbox
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import user_line
from ...numpy.creation import array, asarray, given, zeros
from ..bodies import agreed, runs_body
from ..rebinding import rebound
from .correlation import (
    Edges,
    axes_of,
    edges_of,
    extended,
    filtered,
    finished,
    sequence,
    turned,
)
from .images import of_image

_ndimage: Any = ndimage  # SciPy's stubs do not know all modes
_filters: Any = ndimage._filters  # nor private functions

# Their code calls correlations and each other.
FUNCTIONS = {
    name: runs_body(getattr(ndimage, name), calls=calls)
    for name, calls in (
        ("generic_laplace", "derivative2"),
        ("generic_gradient_magnitude", "derivative"),
        ("gaussian_gradient_magnitude", ""),
        ("vectorized_filter", "function"),
    )
    if hasattr(ndimage, name)
}


FUNCTIONS |= {
    name: runs_body(getattr(ndimage, name), affine_in="input")
    for name in ("laplace", "gaussian_laplace")
}


@of_image(ndimage.gaussian_filter1d, affine_in="input")
def gaussian_filter1d(
    input: Any,
    sigma: Any,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
) -> Any:
    """``scipy.ndimage.gaussian_filter1d``, differentiable in `input` and `sigma`.

    Convention: the number of weights, which jumps with `sigma`, counts as constant.
    """
    reach = int(truncate * float(unbox(sigma)) + 0.5) if radius is None else radius
    weights = rebound(_filters._gaussian_kernel1d)(sigma, order, reach)[::-1]
    return filtered(input, weights, output, mode, cval, 0, axes_of(input, axis))


@of_image(ndimage.gaussian_filter, affine_in="input")
def gaussian_filter(
    input: Any,
    sigma: Any,
    order: Any = 0,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
    axes: Any = None,
) -> Any:
    """``scipy.ndimage.gaussian_filter``; see `gaussian_filter1d`."""
    chosen = axes_of(input, axes)
    parts = (sequence(v, len(chosen)) for v in (sigma, order, mode, radius))
    ans = input
    for axis, width, k, m, r in zip(chosen, *parts, strict=True):
        if unbox(width) > 1e-15:
            ans = gaussian_filter1d(ans, width, axis, k, None, m, cval, truncate, radius=r)
    return finished(ans, input, output)


def _slope(name: str, smooth: Sequence[float]) -> Any:
    """A difference along one axis, smoothed along the others."""

    def function(
        input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0
    ) -> Any:
        (along,) = axes_of(input, axis)
        modes = sequence(mode, np.ndim(input))
        ans = filtered(input, [-1.0, 0.0, 1.0], None, modes[along], cval, 0, (along,))
        for i in range(np.ndim(input)):
            if i != along:
                ans = filtered(ans, smooth, None, modes[i], cval, 0, (i,))
        return finished(ans, input, output)

    function.__name__ = name
    function.__doc__ = f"``scipy.ndimage.{name}``."
    return of_image(getattr(ndimage, name), affine_in="input")(function)


sobel, prewitt = _slope("sobel", [1.0, 2.0, 1.0]), _slope("prewitt", [1.0, 1.0, 1.0])


@of_image(ndimage.uniform_filter1d, affine_in="input")
def uniform_filter1d(
    input: Any,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Any:
    """``scipy.ndimage.uniform_filter1d``: the mean of each window along one axis."""
    value = _ndimage.uniform_filter1d(unbox(input), size, axis, None, mode, unbox(cval), origin)
    weights = np.full(size, 1.0 / size)
    ans = filtered(input, weights, None, mode, cval, origin, axes_of(input, axis))
    return finished(given(ans, value), input, output)


@of_image(ndimage.uniform_filter, affine_in="input")
def uniform_filter(
    input: Any,
    size: Any = 3,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    """``scipy.ndimage.uniform_filter``: the mean of each window."""
    chosen = axes_of(input, axes)
    parts = (sequence(v, len(chosen)) for v in (size, mode, origin))
    ans = input
    for axis, n, m, o in zip(chosen, *parts, strict=True):
        if n > 1:
            ans = uniform_filter1d(ans, int(n), axis, None, m, cval, int(o))
    return finished(ans, input, output)


def ranked(x: Value, footprint: Any, rank: int, edges: Edges) -> Any:
    """The element of a rank in each window; of equal ones the first gets the derivative."""
    shape, values = footprint.shape, np.asarray(unbox(x))
    plain = extended(values, shape, edges._replace(cval=unbox(edges.cval)))
    count = int(footprint.sum())
    if count == footprint.size and rank % count in (0, count - 1):
        values, places = plain, None
        for axis in reversed(range(plain.ndim)):  # so that the first of the window wins
            n = footprint.shape[axis]
            if n == 1:
                continue
            parts = [_cut(values, axis, i, n) for i in range(n)]
            best = functools.reduce(np.minimum if rank == 0 else np.maximum, parts)
            grid = np.arange(values.size).reshape(values.shape)
            step = grid.strides[axis] // grid.itemsize
            own = _cut(grid, axis, 0, n) + step * _first_of(best, parts).astype(np.intp)
            places = own if places is None else np.ravel(places)[own]
            values = best
        return x if places is None else _gathered(x, places, shape, edges)
    filtered = _ndimage.rank_filter(plain, rank, footprint=footprint)
    inner = tuple(
        slice(n // 2, n // 2 + size) for n, size in zip(footprint.shape, shape_of(x), strict=True)
    )
    grid, starts = np.arange(plain.size).reshape(plain.shape), np.argwhere(footprint)
    windows = [
        tuple(slice(i, i + size) for i, size in zip(start, shape_of(x), strict=True))
        for start in starts
    ]
    found = _first_of(filtered[inner], [plain[w] for w in windows])
    steps = starts @ (np.array(grid.strides) // grid.itemsize)
    corner = tuple(slice(size) for size in shape_of(x))
    return _gathered(x, grid[corner] + steps[found], shape, edges)


def _gathered(x: Value, places: Any, window: Any, edges: Edges) -> Any:
    """The elements of an array at places of its continuation, which is not made."""
    numbers = np.arange(np.size(x)).reshape(shape_of(x))
    origin = np.ravel(extended(numbers, window, edges._replace(cval=-1)))[places]
    flat = np.ravel(x)
    if (origin < 0).any():  # beyond the edges the constant stands, here behind the elements
        flat = np.concatenate([flat, np.reshape(edges.cval, (1,))])
    return flat[origin]


def _cut(x: Any, axis: int, start: int, window: int) -> Any:
    """The elements that stand in one place of the windows along an axis."""
    return x[(slice(None),) * axis + (slice(start, x.shape[axis] - window + 1 + start),)]


def _first_of(values: Any, parts: Sequence[Any]) -> Any:
    """For each value the number of the first of some arrays in which it stands."""
    count, kind = len(parts), np.min_scalar_type(len(parts))
    left = np.zeros(values.shape, kind)  # masks would take ten times as long
    nans = np.isnan(values)
    is_number = not nans.any()
    for i, part in enumerate(parts):
        same = part == values
        same = same if is_number else same | (nans & np.isnan(part))
        np.maximum(left, same * kind.type(count - i), out=left)
    return kind.type(count) - left


def windows_of(
    x: Value, size: Any, footprint: Any, mode: Any, cval: Any, origin: Any, axes: Any
) -> tuple[Any, Edges]:
    """The footprint with an axis for each of x, and how x is continued."""
    ndim, chosen = np.ndim(x), axes_of(x, axes)
    if footprint is None:
        if size is None:
            raise RuntimeError(f"no footprint or filter size provided, {user_line()}")
        footprint = np.ones(sequence(size, len(chosen)), bool)
    footprint = np.asarray(footprint, bool)
    shape = [1] * ndim
    for axis, n in zip(chosen, footprint.shape, strict=True):
        shape[axis] = n
    return footprint.reshape(shape), edges_of(ndim, chosen, mode, origin, cval)


def _by_rank(name: str, rank_of: Callable[..., int]) -> Any:
    """A filter that chooses by a rank; `rank_of` finds it from the size of a window."""
    original = getattr(ndimage, name)

    def function(
        input: Any,
        size: Any = None,
        footprint: Any = None,
        output: Any = None,
        mode: Any = "reflect",
        cval: Any = 0.0,
        origin: Any = 0,
        axes: Any = None,
        **options: Any,
    ) -> Any:
        parameters = {k: unbox(v) for k, v in options.items()}  # a rank, or a percentage
        plain = {"mode": mode, "cval": unbox(cval), "origin": origin, **parameters}
        if axes is not None:
            plain["axes"] = axes
        value = original(unbox(input), size=size, footprint=footprint, **plain)
        window, edges = windows_of(input, size, footprint, mode, cval, origin, axes)
        rank = rank_of(int(window.sum()), *parameters.values())
        return finished(given(ranked(input, window, rank, edges), value), input, output)

    function.__name__ = name
    function.__doc__ = f"``scipy.ndimage.{name}``; of equal elements the first gets the derivative."
    return of_image(original)(function)


def _percentage(count: int, percentile: float) -> int:
    share = percentile + 100.0 if percentile < 0 else percentile
    return count - 1 if share == 100 else int(float(count) * share / 100.0)


minimum_filter = _by_rank("minimum_filter", lambda count: 0)
maximum_filter = _by_rank("maximum_filter", lambda count: count - 1)
median_filter = _by_rank("median_filter", lambda count: count // 2)
rank_filter = _by_rank("rank_filter", lambda count, rank: int(rank))
percentile_filter = _by_rank("percentile_filter", _percentage)


def _along(name: str, which: int) -> Any:
    """The smallest or largest element of each window along one axis."""
    original = getattr(ndimage, name)

    def function(
        input: Any,
        size: int,
        axis: int = -1,
        output: Any = None,
        mode: str = "reflect",
        cval: Any = 0.0,
        origin: int = 0,
    ) -> Any:
        value = original(unbox(input), size, axis, None, mode, unbox(cval), origin)
        window, edges = windows_of(input, size, None, mode, cval, origin, axis)
        return finished(given(ranked(input, window, which, edges), value), input, output)

    function.__name__ = name
    function.__doc__ = f"``scipy.ndimage.{name}``; of equal elements the first gets the derivative."
    return of_image(original)(function)


minimum_filter1d, maximum_filter1d = _along("minimum_filter1d", 0), _along("maximum_filter1d", -1)


def eroded(
    x: Value, size: Any, footprint: Any, structure: Any, mode: Any, cval: Any, origin: Any,
    axes: Any, sign: int = 1,
) -> Any:  # fmt: skip
    """The smallest of ``x - structure`` in each window, or the largest of ``x + structure``."""
    chosen = axes_of(x, axes)
    if structure is not None:
        structure = asarray(structure)
        if footprint is None:
            footprint = np.ones(shape_of(structure), bool)
    elif footprint is None:
        footprint = np.ones(sequence(size, len(chosen)), bool)
    footprint = np.asarray(footprint, bool)
    if sign < 0:  # a dilation turns the window
        origin = turned(origin, footprint.shape)
        footprint = np.flip(footprint)
        structure = None if structure is None else np.flip(structure)
    window, edges = windows_of(x, None, footprint, mode, cval, origin, axes)
    if structure is None:
        return ranked(x, window, 0 if sign > 0 else -1, edges)
    padded, sizes = extended(x, window.shape, edges), shape_of(x)
    raised = np.reshape(structure, window.shape)
    parts = [
        padded[tuple(slice(i, i + n) for i, n in zip(place, sizes, strict=True))]
        - sign * raised[place]
        for place in np.ndindex(*window.shape)
        if window[place]
    ]
    return np.min(np.stack(parts), 0) if sign > 0 else np.max(np.stack(parts), 0)


def _morphology(name: str, steps: Callable[..., Any]) -> Any:
    """A function of erosions and dilations: ``steps(x, erosion, dilation)``."""
    original = getattr(ndimage, name)

    def function(
        input: Any,
        size: Any = None,
        footprint: Any = None,
        structure: Any = None,
        output: Any = None,
        mode: Any = "reflect",
        cval: Any = 0.0,
        origin: Any = 0,
        axes: Any = None,
    ) -> Any:
        def step(sign: int) -> Callable[[Value], Any]:
            return lambda x: eroded(x, size, footprint, structure, mode, cval, origin, axes, sign)

        plain = {"mode": mode, "cval": unbox(cval), "origin": origin}
        if axes is not None:
            plain["axes"] = axes
        shape = None if structure is None else unbox(asarray(structure))
        value = original(unbox(input), size, footprint, shape, **plain)
        ans = steps(input, step(1), step(-1))
        return finished(agreed(ans, value, name), input, output)

    function.__name__ = name
    function.__doc__ = f"``scipy.ndimage.{name}``; of equal elements the first gets the derivative."
    return of_image(original)(function)


grey_erosion = _morphology("grey_erosion", lambda x, erode, dilate: erode(x))
grey_dilation = _morphology("grey_dilation", lambda x, erode, dilate: dilate(x))
grey_opening = _morphology("grey_opening", lambda x, erode, dilate: dilate(erode(x)))
grey_closing = _morphology("grey_closing", lambda x, erode, dilate: erode(dilate(x)))
white_tophat = _morphology("white_tophat", lambda x, erode, dilate: x - dilate(erode(x)))
black_tophat = _morphology("black_tophat", lambda x, erode, dilate: erode(dilate(x)) - x)
morphological_gradient = _morphology(
    "morphological_gradient", lambda x, erode, dilate: dilate(x) - erode(x)
)
morphological_laplace = _morphology(
    "morphological_laplace", lambda x, erode, dilate: dilate(x) + erode(x) - 2 * x
)


@of_image(ndimage.generic_filter, calls="function")
def generic_filter(
    input: Any,
    function: Callable[..., Any],
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    extra_arguments: Sequence[Any] = (),
    extra_keywords: dict[str, Any] | None = None,
    axes: Any = None,
) -> Any:
    """``scipy.ndimage.generic_filter``: a function of each window, which may be traced."""
    window, edges = windows_of(input, size, footprint, mode, cval, origin, axes)
    padded, shape = extended(input, window.shape, edges), shape_of(input)
    values = [
        function(
            padded[tuple(slice(i, i + n) for i, n in zip(place, window.shape, strict=True))][
                window
            ],
            *extra_arguments,
            **(extra_keywords or {}),
        )
        for place in np.ndindex(*shape)
    ]
    return finished(np.reshape(array(values), shape), input, output)


@of_image(ndimage.generic_filter1d, calls="function")
def generic_filter1d(
    input: Any,
    function: Callable[..., Any],
    filter_size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
    extra_arguments: Sequence[Any] = (),
    extra_keywords: dict[str, Any] | None = None,
) -> Any:
    """``scipy.ndimage.generic_filter1d``: a function of each line, which may be traced.

    The function stores its result into its second argument, which takes traced values.
    """
    (along,) = axes_of(input, axis)
    edges = edges_of(np.ndim(input), (along,), mode, origin, cval)
    sizes = [filter_size if i == along else 1 for i in range(np.ndim(input))]
    lines = np.moveaxis(extended(input, sizes, edges), along, -1)
    *lead, length = shape_of(np.moveaxis(input, along, -1))
    results = []
    for place in np.ndindex(*lead):
        results.append(zeros(length))
        function(lines[place], results[-1], *extra_arguments, **(extra_keywords or {}))
    ans = np.reshape(np.stack(results), (*lead, length))
    return finished(np.moveaxis(ans, -1, along), input, output)
