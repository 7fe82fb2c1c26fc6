"""`reduce`, `accumulate` and `reduceat` of the ufuncs that have no rule of their own for them.

They do what NumPy says they do, apply the ufunc to one element after the other; sums over segments
have a rule.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..core.boxes import seen
from ..core.dispatch import UFUNC_METHODS
from ..core.shapes import Spec, cast, shape_of
from ..core.traces import resolve
from ..kinds import linear
from ._common import axis_of, into, on_values, strip
from .reductions import NoValue, along, converted

_WITHOUT_DERIVATIVE = "?bBhHiIlLqQ"  # codes of the dtypes of results that have none
_STEPS = (np.floor_divide, np.heaviside)


def _reduce(
    ufunc: np.ufunc,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = NoValue,
    where: Any = True,
) -> Any:
    """``ufunc.reduce`` along one axis, from the first element to the last."""
    array = converted(resolve(array), dtype)
    options: Any = {} if initial is NoValue else {"initial": strip(initial)}
    if where is not True:
        options["where"] = strip(where)
    # NumPy itself says what is wrong with the arguments.
    expected = ufunc.reduce(seen(array), axis, keepdims=keepdims, **options)
    axis = axis_of(0 if axis is None else axis[0] if type(axis) is tuple else axis, array.ndim)
    elements = list(np.moveaxis(array, axis, 0))
    masks = np.moveaxis(np.broadcast_to(strip(where), array.shape), axis, 0)
    ans = elements.pop(0) if initial is NoValue else cast(initial, expected.dtype)
    masks = masks[len(masks) - len(elements) :]
    for element, mask in zip(elements, masks, strict=True):
        new = ufunc(ans, element)
        ans = new if where is True else np.where(mask, new, ans)
    return into(out, np.reshape(ans, expected.shape))


def _accumulate(
    ufunc: np.ufunc, array: Any, axis: int = 0, dtype: Any = None, out: Any = None
) -> Any:
    """``ufunc.accumulate``."""
    array = converted(resolve(array), dtype)
    if np.ndim(array) == 0:
        raise TypeError("cannot accumulate on a scalar")
    axis = axis_of(axis, array.ndim)
    parts: list[Any] = []
    for element in np.moveaxis(array, axis, 0):
        parts.append(ufunc(parts[-1], element) if parts else element)
    return into(out, np.stack(parts, axis=axis) if parts else array)


def _segments(array: Any, indices: Any, axis: int) -> tuple[Any, Any]:
    """The elements of each segment that ``reduceat`` means, and where each segment starts."""
    n = shape_of(array)[axis]
    starts = np.asarray(strip(indices), dtype=np.intp)
    stops = np.append(starts[1:], n)
    lengths = np.where(starts < stops, stops - starts, 1)
    begins = np.cumsum(lengths) - lengths
    positions = np.arange(np.sum(lengths)) + np.repeat(starts - begins, lengths)
    return np.take(array, positions, axis=axis), begins


def _sums_transposed(g: Any, x_spec: Spec, begins: Any, axis: int) -> Any:
    lengths = np.diff(np.append(begins, x_spec.shape[axis]))
    return np.repeat(g, lengths, axis=axis)


segment_sums_p = linear(
    lambda x, begins, axis: np.add.reduceat(x, begins, axis=axis),
    _sums_transposed,
    name="add.reduceat",
    structure="axis",
)


def _reduceat(
    ufunc: np.ufunc,
    array: Any,
    indices: Any,
    axis: int = 0,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """``ufunc.reduceat``."""
    array = converted(resolve(array), dtype)
    ufunc.reduceat(seen(array), strip(indices), axis)  # NumPy says what is wrong
    axis = axis_of(axis, np.ndim(array))
    elements, begins = _segments(array, indices, axis)
    if ufunc is np.add:
        return into(out, segment_sums_p(elements, begins=begins, axis=axis))
    stops = [*begins[1:], shape_of(elements)[axis]]
    parts = [
        ufunc.reduce(elements[along(axis, slice(a, b))], axis=axis)
        for a, b in zip(begins, stops, strict=True)
    ]
    return into(out, np.stack(parts, axis=axis))


def _has_no_derivative(ufunc: np.ufunc) -> bool:
    results = {loop.partition("->")[2] for loop in ufunc.types} - {"O"}
    return ufunc in _STEPS or all(r in _WITHOUT_DERIVATIVE for r in results)


METHODS: dict[str, Callable[..., Any]] = {
    "reduce": _reduce,
    "accumulate": _accumulate,
    "reduceat": _reduceat,
}
for _ufunc in vars(np).values():
    if isinstance(_ufunc, np.ufunc) and _ufunc.nin == 2 and _ufunc.nout == 1:
        if _ufunc.signature is not None:
            continue
        for _name, _method in METHODS.items():
            if _has_no_derivative(_ufunc):
                UFUNC_METHODS[_ufunc, _name] = on_values(getattr(_ufunc, _name))
            elif (_ufunc, _name) not in UFUNC_METHODS:
                UFUNC_METHODS[_ufunc, _name] = partial(_method, _ufunc)
