"""Spline interpolation of `scipy.ndimage`: images at traced coordinates.

Coefficients of B-splines come from a filter whose matrix is symmetric, up to a factor 2 at the ends
where the image is mirrored at its last elements. A value is a sum of coefficients around a place,
weighted by the centred B-spline (M. Unser, "Splines: a perfect fit for signal and image
processing", 1999), so the derivatives by the image and by the coordinates are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from ....array.box import is_box, unbox
from ....core.batch import dtype_of, shape_of
from ....core.trace import settle
from ....core.types import Cotangent, Value
from ....transforms.checkpoint import value_of
from ...declare import linear
from ...numpy.creation import array, asarray
from ...numpy.padding import pad
from ..arguments import as_plain_function, by_scipy
from ..bodies import agreed
from ..dispatch import implements
from ..formulas import known_result
from .correlation import PADDED, finished, sequence
from .images import of_image
from .places import Spline, at_fixed_places, at_places, moving_p

_ndimage: Any = ndimage  # SciPy's stubs do not know all modes
_MIRRORED = ("mirror", "constant", "wrap", "grid-constant")  # for the filter of coefficients
_SHORT = 64  # elements of a line on which SciPy's filter cuts its sums off visibly
_BORDER = 12  # elements that SciPy adds where the image goes on beyond its edges


def _coefficients(x: Value, order: int, mode: str) -> Any:
    """The coefficients of splines along the last axis."""
    if is_box(x):
        return coefficients_p(x, order=order, mode=mode)
    kind = np.complex128 if x.dtype.kind == "c" else np.float64
    return _ndimage.spline_filter1d(x, order, -1, kind, mode)


def _coefficients_transposed(g: Cotangent, order: int, mode: str) -> Any:
    size = shape_of(g)[-1]
    if size <= _SHORT:
        return g @ _ndimage.spline_filter1d(np.eye(size), order, 0, np.float64, mode)
    if mode not in _MIRRORED:
        return _coefficients(g, order, mode)
    ends = np.ones(size)
    ends[0] = ends[-1] = 0.5
    return ends * _coefficients(g / ends, order, mode)


coefficients_p = linear(_coefficients, _coefficients_transposed, name="ndimage.spline_filter1d")


@implements(ndimage.spline_filter1d, arrays="input")
def spline_filter1d(
    input: Any, order: int = 3, axis: int = -1, output: Any = np.float64, mode: str = "mirror"
) -> Any:
    """``scipy.ndimage.spline_filter1d``: coefficients of B-splines along one axis."""
    if order in (0, 1):
        return finished(input, input, output)
    x = np.moveaxis(_floats(input), axis, -1)
    ans = np.moveaxis(coefficients_p(x, order=order, mode=mode), -1, axis)
    is_complex = dtype_of(x).kind == "c" and output is np.float64
    return finished(ans, ans, None if is_complex else output)


@implements(ndimage.spline_filter, arrays="input")
def spline_filter(
    input: Any, order: int = 3, output: Any = np.float64, mode: str = "mirror"
) -> Any:
    """``scipy.ndimage.spline_filter``: coefficients of B-splines along all axes."""
    ans = input
    if order > 1:
        for axis in range(np.ndim(input)):
            ans = spline_filter1d(ans, order, axis, np.float64, mode)
    is_complex = dtype_of(ans).kind == "c" and output is np.float64
    return finished(ans, ans, None if is_complex else output)


def _floats(x: Value) -> Any:
    return x if dtype_of(x).kind in "fc" else x.astype(float)


def interpolated(
    x: Value, coordinates: Any, order: int, mode: str, cval: Any, prefilter: bool, value: Any = None
) -> Any:
    """The values of an image at places, given by an array of coordinates for each axis.

    Where they are traced alone, the plain `value` is not computed again.
    """
    coefficients, x = x, _floats(x)
    if prefilter and order > 1:
        if mode in ("nearest", "grid-constant"):
            options = {"constant_values": cval} if mode == "grid-constant" else {}
            x = pad(x, _BORDER, PADDED[mode], **options)
            coordinates = coordinates + float(_BORDER)
        coefficients = spline_filter(x, order, np.float64, mode)
    coefficients = _floats(coefficients)
    coordinates = settle(coordinates) if is_box(coordinates) else coordinates
    if is_box(coordinates) and not any(map(is_box, (coefficients, cval))) and value is not None:
        spline = Spline((0,) * np.ndim(x), order, mode, cval)
        if value.dtype == np.result_type(coefficients, cval, float):
            return known_result(moving_p, value, coordinates, c=coefficients, spline=spline)
    function = at_places if is_box(coordinates) else at_fixed_places
    spline = Spline((0,) * np.ndim(x), order, mode, 0.0)
    if not is_box(cval):
        return function(coefficients, coordinates, spline=spline._replace(cval=cval))
    zeros = np.zeros(shape_of(coefficients))
    beyond = function(zeros, coordinates, spline=spline._replace(cval=1.0))
    return function(coefficients, coordinates, spline=spline) + cval * beyond


@of_image(ndimage.map_coordinates, arrays="input coordinates", affine_in="input")
def map_coordinates(
    input: Any,
    coordinates: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    """``scipy.ndimage.map_coordinates``: an image at coordinates, by splines.

    Arguments: `input`, real or complex; `coordinates`, of shape (axes of the image, ...): both are
    differentiable, and so is `cval`; `order`, 0 to 5; `mode`; `prefilter`.
    Returns: an array of shape ``coordinates.shape[1:]``.
    Convention: order 0 is constant by pieces in the coordinates, order 1 has kinks at the elements,
    where the derivative is that of the piece to the right.
    """
    options = {"order": order, "mode": mode, "cval": unbox(cval), "prefilter": prefilter}
    value = _ndimage.map_coordinates(unbox(input), unbox(coordinates), **options)
    ans = interpolated(input, coordinates, order, mode, cval, prefilter, value)
    return finished(agreed(ans, value, "map_coordinates"), input, output)


def _grid(shape: Sequence[int]) -> list[Any]:
    return list(np.indices(tuple(shape), float))


@of_image(ndimage.affine_transform, arrays="input matrix", affine_in="input")
def affine_transform(
    input: Any,
    matrix: Any,
    offset: Any = 0.0,
    output_shape: Any = None,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    """``scipy.ndimage.affine_transform``; the image, the matrix and the offset are differentiable.

    See `map_coordinates`.
    """
    ndim = np.ndim(input)
    offset = offset if is_box(offset) else asarray(offset)
    rest = (output_shape, None, order, mode, unbox(cval), prefilter)
    plain = unbox(offset) if np.ndim(offset) else float(unbox(offset))
    value = _ndimage.affine_transform(unbox(input), unbox(matrix), plain, *rest)
    if np.ndim(matrix) == 2 and shape_of(matrix)[1] == ndim + 1:
        matrix, offset = matrix[:ndim, :ndim], matrix[:ndim, ndim]
    grid, start = _grid(value.shape), sequence(offset, ndim)
    if np.ndim(matrix) == 2:
        # In SciPy's order: a rounding decides whether a place on the border is outside.
        places = [
            sum((matrix[i, j] * g for j, g in enumerate(grid)), start[i]) for i in range(ndim)
        ]
    else:
        places = [matrix[i] * g + start[i] for i, g in enumerate(grid)]
    ans = interpolated(input, np.stack(places), order, mode, cval, prefilter)
    return finished(agreed(ans, value, "affine_transform"), input, output)


@of_image(ndimage.shift, affine_in="input")
def shift(
    input: Any,
    shift: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    """``scipy.ndimage.shift``; the image and the shift are differentiable; see
    `map_coordinates`."""
    steps = sequence(asarray(shift), np.ndim(input))
    plain = [float(unbox(s)) for s in steps]
    value = _ndimage.shift(unbox(input), plain, None, order, mode, unbox(cval), prefilter)
    places = [g - s for g, s in zip(_grid(value.shape), steps, strict=True)]
    ans = interpolated(input, np.stack(places), order, mode, cval, prefilter)
    return finished(agreed(ans, value, "shift"), input, output)


@of_image(ndimage.zoom, affine_in="input")
def zoom(
    input: Any,
    zoom: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
    *,
    grid_mode: bool = False,
) -> Any:
    """``scipy.ndimage.zoom``; the image is differentiable, and the factor, which determines a
    number of elements, is constant by pieces."""
    factor = unbox(zoom)
    rest = (factor, None, order, mode, unbox(cval), prefilter)
    value = _ndimage.zoom(unbox(input), *rest, grid_mode=grid_mode)
    places = []
    for g, n, m in zip(_grid(value.shape), shape_of(input), value.shape, strict=True):
        step = n / m if grid_mode else (n - 1) / (m - 1) if m > 1 else 1.0
        places.append((g + 0.5) * step - 0.5 if grid_mode else g * step)
    ans = interpolated(input, np.stack(places), order, mode, cval, prefilter)
    return finished(agreed(ans, value, "zoom"), input, output)


@of_image(ndimage.rotate, affine_in="input")
def rotate(
    input: Any,
    angle: Any,
    axes: tuple[int, int] = (1, 0),
    reshape: bool = True,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    """``scipy.ndimage.rotate``; the image and the angle (degrees) are differentiable.

    Convention: the shape of the result, which jumps with the angle, counts as constant.
    """
    rest = (axes, reshape, None, order, mode, unbox(cval), prefilter)
    value = _ndimage.rotate(unbox(input), float(unbox(angle)), *rest)
    first, second = sorted(i % np.ndim(input) for i in axes)
    x = np.moveaxis(input, (first, second), (-2, -1))
    *before, n, m = shape_of(x)
    height, width = value.shape[first], value.shape[second]
    radians = angle * (np.pi / 180.0)
    c, s = np.cos(radians), np.sin(radians)
    rows, columns = _grid((height, width))
    rows, columns = rows - (height - 1) / 2, columns - (width - 1) / 2
    places = [c * rows + s * columns + (n - 1) / 2, -s * rows + c * columns + (m - 1) / 2]
    planes, coordinates = np.reshape(x, (-1, n, m)), np.stack(places)
    turned = [
        interpolated(planes[k], coordinates, order, mode, cval, prefilter)
        for k in range(shape_of(planes)[0])
    ]
    ans = np.reshape(np.stack(turned), (*before, height, width))
    ans = np.moveaxis(ans, (-2, -1), (first, second))
    return finished(agreed(ans, value, "rotate"), input, output)


@of_image(ndimage.geometric_transform, calls="mapping")
def geometric_transform(
    input: Any,
    mapping: Any,
    output_shape: Any = None,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
    extra_arguments: tuple[Any, ...] = (),
    extra_keywords: Any = None,
) -> Any:
    """``scipy.ndimage.geometric_transform``; the image is differentiable, and so is all that the
    mapping reads."""
    keywords = extra_keywords or {}
    shape = shape_of(input) if output_shape is None else tuple(output_shape)
    rest = (order, mode, unbox(cval), prefilter, value_of(extra_arguments), value_of(keywords))
    plain = as_plain_function(mapping)
    value = by_scipy(_ndimage.geometric_transform, unbox(input), plain, shape, None, *rest)
    points = [mapping(place, *extra_arguments, **keywords) for place in np.ndindex(*shape)]
    places = [np.reshape(array([p[axis] for p in points]), shape) for axis in range(np.ndim(input))]
    ans = interpolated(input, np.stack(places), order, mode, cval, prefilter)
    return finished(agreed(ans, value, "geometric_transform"), input, output)
