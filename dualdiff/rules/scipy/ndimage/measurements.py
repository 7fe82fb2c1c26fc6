"""Measurements of `scipy.ndimage`: sums, means and ranks of labelled parts of an array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage

from ....array.box import is_box, observe, unbox
from ....core.batch import shape_of
from ....core.types import Value
from ...numpy.creation import array, asarray
from ..arguments import as_plain_function, by_scipy, plain
from ..bodies import agreed
from ..dispatch import implements


def parts_of(x: Value, labels: Any, index: Any) -> tuple[list[Any], bool]:
    """The elements of each labelled part, and whether there is one part alone."""
    if labels is None:
        return [np.ravel(x)], True
    labels = np.broadcast_to(np.asarray(unbox(labels)), shape_of(x))
    if index is None:
        return [x[labels > 0]], True
    masks = [labels == i for i in np.atleast_1d(index)]
    return [x[mask] for mask in masks], np.ndim(index) == 0


def _measure(name: str, of: Callable[[Any], Any]) -> Any:
    original = getattr(ndimage, name)

    def function(input: Any, labels: Any = None, index: Any = None) -> Any:
        parts, is_one = parts_of(input, labels, index)
        found = [of(part) for part in parts]
        value = original(unbox(input), labels, index)
        return agreed(found[0] if is_one else array(found), value, name)

    function.__name__ = name
    function.__doc__ = f"``scipy.ndimage.{name}`` of the whole array or of labelled parts."
    return implements(original, arrays="input")(function)


sum = sum_labels = _measure("sum_labels", np.sum)
mean, median = _measure("mean", np.mean), _measure("median", np.median)
variance, standard_deviation = _measure("variance", np.var), _measure("standard_deviation", np.std)
minimum, maximum = _measure("minimum", np.min), _measure("maximum", np.max)


@implements(ndimage.extrema, arrays="input")
def extrema(input: Any, labels: Any = None, index: Any = None) -> Any:
    """``scipy.ndimage.extrema``: smallest and largest elements, and their places."""
    places = ndimage.extrema(unbox(input), labels, index)[2:]
    return minimum(input, labels, index), maximum(input, labels, index), *places


@implements(ndimage.center_of_mass, arrays="input")
def center_of_mass(input: Any, labels: Any = None, index: Any = None) -> Any:
    """``scipy.ndimage.center_of_mass``: the mean place, weighted by the elements."""
    weights, is_one = parts_of(input, labels, index)
    axes = [parts_of(i, labels, index)[0] for i in np.indices(shape_of(input), float)]
    found = [
        tuple(np.sum(w * p) / np.sum(w) for p in places)
        for w, *places in zip(weights, *axes, strict=True)
    ]
    value = ndimage.center_of_mass(unbox(input), labels, index)
    return agreed(found[0] if is_one else found, value, "center_of_mass")


@implements(ndimage.labeled_comprehension, calls="func")
def labeled_comprehension(
    input: Any,
    labels: Any,
    index: Any,
    func: Callable[..., Any],
    out_dtype: Any,
    default: Any,
    pass_positions: bool = False,
) -> Any:
    """``scipy.ndimage.labeled_comprehension``: a function of each part, which may be traced."""
    input = asarray(input)
    parts, is_one = parts_of(input, labels, index)
    places = np.arange(int(np.prod(shape_of(input)))).reshape(shape_of(input))
    positions = parts_of(places, labels, index)[0]
    found = [
        (func(p, q) if pass_positions else func(p)) if shape_of(p)[0] else default
        for p, q in zip(parts, positions, strict=True)
    ]
    plain = unbox(input), labels, index, as_plain_function(func)
    options = out_dtype, unbox(default), pass_positions
    value = by_scipy(ndimage.labeled_comprehension, *plain, *options)
    return agreed(found[0] if is_one else array(found), value, "labeled_comprehension")


@implements(ndimage.distance_transform_edt)
def distance_transform_edt(
    input: Any, sampling: Any = None, return_distances: bool = True, return_indices: bool = False
) -> Any:
    """``scipy.ndimage.distance_transform_edt``; the distances are differentiable in `sampling`,
    and constant in the input. Convention: the derivative at distance 0 is 0."""
    spacing: Any = None if sampling is None else asarray(sampling)
    transform: Any = ndimage.distance_transform_edt
    plain_input = np.asarray(plain(observe(input) if is_box(input) else input))
    distances, nearest = by_scipy(transform, plain_input, unbox(spacing), True, True)
    if is_box(spacing):
        shape = plain_input.shape
        steps = nearest - np.indices(shape)
        units = np.reshape(np.broadcast_to(spacing, (len(shape),)), (-1,) + (1,) * len(shape))
        made = np.linalg.norm(steps * units, axis=0)
        distances = agreed(made, distances, "distance_transform_edt")
    wanted = [v for v, is_wanted in ((distances, return_distances), (nearest, return_indices))
              if is_wanted]  # fmt: skip
    return wanted[0] if len(wanted) == 1 else tuple(wanted)
