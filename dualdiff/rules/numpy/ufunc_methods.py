"""`reduce`, `accumulate` and `reduceat` of the ufuncs that have no rule of their own for them.

They apply the ufunc to one element after the other, as NumPy documents; sums over segments have a
rule.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...array.box import observe, unbox
from ...array.dispatch import UFUNC_METHODS
from ...core.batch import Spec, cast, dtype_of, shape_of
from ...core.trace import materialize
from ...core.types import Cotangent, Tangent, Value
from ..declare import Elementwise, linear, rule
from ..structures import Axis, Cumulative
from .common import axis_of, for_target, into, strip, target_of, zero_derivative
from .creation import given
from .cumulative import recurrence, recurrence_vjp
from .reductions import BUT_FIRST, BUT_LAST, NoValue, along, converted
from .ufuncs import PRIMITIVES

_WITHOUT_DERIVATIVE = "?bBhHiIlLqQ"  # codes of dtypes of results without a derivative
_STEPS = (np.floor_divide, np.heaviside)


# NumPy 2.4.6 takes no more than the first and the last element where the processor has AVX-512.
WRONG = (np.power, np.arctan2)


def _buffer(out: Any) -> Any:
    """An array like `out` for NumPy itself to write to."""
    out = target_of(out)
    return None if out is None else np.empty(out.shape, out.dtype)


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
    array = materialize(array)
    options: Any = {} if initial is NoValue else {"initial": strip(initial)}
    if where is not True:
        options["where"] = strip(where)
    options |= {"axis": axis, "dtype": dtype, "out": _buffer(out), "keepdims": keepdims}
    made = ufunc.reduce(observe(array), **options)
    array = converted(for_target(array, out, dtype), dtype)
    if np.ndim(array) == 0:  # NumPy treats a number as a vector of one element
        array, axis = np.reshape(array, 1), 0
    axis = axis_of(0 if axis is None else axis[0] if type(axis) is tuple else axis, array.ndim)
    elements = list(np.moveaxis(array, axis, 0))
    masks = np.moveaxis(np.broadcast_to(strip(where), array.shape), axis, 0)
    first = initial is NoValue or initial is None
    ans = elements.pop(0) if first else cast(initial, dtype_of(made))
    masks = masks[len(masks) - len(elements) :]
    for element, mask in zip(elements, masks, strict=True):
        new = ufunc(ans, element)
        ans = new if where is True else np.where(mask, new, ans)
    if np.size(ans) != np.size(made):  # a result without elements
        ans = np.broadcast_to(ans, shape_of(made))
    ans = np.reshape(ans, shape_of(made))
    return into(out, ans if ufunc in WRONG else given(ans, made), "unsafe")


def _partials(ufunc: np.ufunc, x: Value, ans: Value, axis: int) -> tuple[Any, Any]:
    """Derivatives of each step of ``accumulate`` by the result before it and by the element."""
    before, after = ans[along(axis, BUT_LAST)], ans[along(axis, BUT_FIRST)]
    values = {"x": before, "y": x[along(axis, BUT_FIRST)], "ans": after}

    def at(derivative: Any, factor: Any) -> Any:
        if factor is not None:
            derivative = derivative(**{name: values[name] for name in factor.names})
        elif isinstance(derivative, str):
            derivative = values[derivative]
        return cast(np.broadcast_to(derivative, shape_of(after)), dtype_of(ans))

    step = _STEPPED[ufunc]
    dx, dy = map(at, step.derivatives, step.factors)
    return dx, np.concatenate([np.ones_like(unbox(x[along(axis, slice(None, 1))])), dy], axis=axis)


def _accumulate_jvp(t: Tangent, x: Value, ans: Value, ufunc: np.ufunc, axis: int) -> Tangent:
    a, b = _partials(ufunc, x, ans, axis)
    return recurrence(a, b * t, axis)


def _accumulate_vjp(g: Cotangent, x: Value, ans: Value, ufunc: np.ufunc, axis: int) -> Cotangent:
    a, b = _partials(ufunc, x, ans, axis)
    return b * recurrence_vjp(a, g, axis)


_STEPPED = {p.fn: p for p in PRIMITIVES if isinstance(p, Elementwise) and len(p.derivatives) == 2}
accumulate_p = rule(
    lambda x, ufunc, axis: ufunc.accumulate(x, axis=axis),
    jvp=_accumulate_jvp,
    vjp=_accumulate_vjp,
    name="accumulate",
    structure=Cumulative(),
)


def _accumulate(
    ufunc: np.ufunc, array: Any, axis: int = 0, dtype: Any = None, out: Any = None
) -> Any:
    """``ufunc.accumulate``."""
    array = materialize(array)
    made = ufunc.accumulate(observe(array), axis, dtype, _buffer(out))
    array = converted(for_target(array, out, dtype), dtype)
    axis = axis_of(axis, array.ndim)
    if ufunc in _STEPPED and dtype_of(array) == made.dtype and made.size:
        return into(out, accumulate_p(array, ufunc=ufunc, axis=axis), "unsafe")
    parts: list[Any] = []
    for element in np.moveaxis(array, axis, 0):
        parts.append(ufunc(parts[-1], element) if parts else element)
    return into(out, given(np.stack(parts, axis=axis), made) if parts else made, "unsafe")


def _segments(array: Any, indices: Any, axis: int) -> tuple[Any, Any]:
    """The elements of each segment of ``reduceat``, and the start of each segment."""
    n = shape_of(array)[axis]
    starts = np.asarray(strip(indices), dtype=np.intp)
    stops = np.append(starts[1:], n)
    lengths = np.where(starts < stops, stops - starts, 1)
    begins = np.cumsum(lengths) - lengths
    positions = np.arange(np.sum(lengths)) + np.repeat(starts - begins, lengths)
    return np.take(array, positions, axis=axis), begins


def _sums_transposed(g: Cotangent, x_spec: Spec, begins: Any, axis: int) -> Any:
    lengths = np.diff(np.append(begins, x_spec.shape[axis]))
    return np.repeat(g, lengths, axis=axis)


segment_sums_p = linear(
    lambda x, begins, axis: np.add.reduceat(x, begins, axis=axis),
    _sums_transposed,
    name="add.reduceat",
    structure=Axis(),
)


def _reduceat(ufunc: np.ufunc, array: Any, *args: Any, **kwargs: Any) -> Any:
    """``ufunc.reduceat``."""
    if args:
        kwargs.pop("indices", None)  # NumPy passes it twice if it was a keyword
    return _of_segments(ufunc, array, *args, **kwargs)


def _of_segments(
    ufunc: np.ufunc,
    array: Any,
    indices: Any,
    axis: int = 0,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    array = materialize(array)
    made = ufunc.reduceat(observe(array), strip(indices), axis, dtype, _buffer(out))
    array = converted(for_target(array, out, dtype), dtype)
    axis = axis_of(axis, np.ndim(array))
    elements, begins = _segments(array, indices, axis)
    if not begins.size:
        return into(out, made, "unsafe")
    if ufunc is np.add:
        return into(out, segment_sums_p(elements, begins=begins, axis=axis), "unsafe")
    stops = [*begins[1:], shape_of(elements)[axis]]
    parts = [
        ufunc.reduce(elements[along(axis, slice(a, b))], axis=axis)
        for a, b in zip(begins, stops, strict=True)
    ]
    ans = np.stack(parts, axis=axis)
    return into(out, ans if ufunc in WRONG else given(ans, made), "unsafe")


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
                UFUNC_METHODS[_ufunc, _name] = zero_derivative(getattr(_ufunc, _name))
            elif (_ufunc, _name) not in UFUNC_METHODS:
                UFUNC_METHODS[_ufunc, _name] = partial(_method, _ufunc)
