"""Digital filters of `scipy.signal`: one primitive, y = b / a applied to x.

The result solves ``a * y = b * x``, a convolution on either side. Its derivatives are filters with
the same a, and the cotangents run through them backward in time (A. V. Oppenheim, R. W. Schafer,
"Discrete-Time Signal Processing", section 5).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import signal

from ....array.box import is_box, unbox
from ....core.batch import shape_of
from ....core.types import Cotangent, Tangent, Value
from ....errors import user_line
from ...declare import linear
from ...numpy.creation import given
from ..arguments import holds_traced
from ..bodies import agreed
from ..dispatch import implements
from ..leaves import leaf

_ONE = np.ones(1)
_signal: Any = signal  # SciPy's overloads do not take boxes


def _filtered(b: Value, a: Value, x: Value) -> Any:
    """y = b / a applied to x along the last axis, from rest."""
    if is_box(b) or is_box(a):
        return filter_p(b, a, x)
    return fixed_p(x, b=b, a=a) if is_box(x) else _signal.lfilter(b, a, x)


def _backward(g: Value, b: Value, a: Value) -> Any:
    """The transpose of the filter: it runs from the end to the beginning."""
    return np.flip(_filtered(b, a, np.flip(g, -1)), -1)


fixed_p = linear(lambda x, b, a: _filtered(b, a, x), _backward, name="signal.fixed_filter")


def _lagged(g: Value, x: Value, count: int) -> Any:
    """The sums of ``g[n] x[n - k]`` for k < count."""
    size = shape_of(x)[-1]
    sums = [np.sum(g[..., k:] * x[..., : max(size - k, 0)]) for k in range(count)]
    return np.stack(sums)


def _jvp(ts: Any, x: Value, y: Value, z: Value, ans: Value) -> Tangent:
    """The tangent; x and y are the coefficients b and a, z the data."""
    tb, ta, tz = ts
    out: Any = 0.0
    if tb is not None:
        out = out + _filtered(tb, y, z)
    if tz is not None:
        out = out + _filtered(x, y, tz)
    return out if ta is None else out - _filtered(ta, y, ans)


def _vjp(g: Cotangent, x: Value, y: Value, z: Value, ans: Value) -> Cotangent:
    h = _backward(g, _ONE, y)
    gz = _backward(h, x, _ONE)
    return _lagged(h, z, shape_of(x)[0]), -_lagged(h, ans, shape_of(y)[0]), gz


filter_p = leaf(_signal.lfilter, jvp=_jvp, vjp=_vjp, name="signal.lfilter")


def _extended(x: Value, count: int) -> Any:
    """x with zeros behind it along the last axis, or the beginning of it."""
    size = shape_of(x)[-1]
    if count <= size:
        return x[..., :count]
    return np.pad(x, [(0, 0)] * (len(shape_of(x)) - 1) + [(0, count - size)])


def _from_state(b: Value, a: Value, x: Value, zi: Value) -> tuple[Any, Any]:
    """The result for an initial state, and the final state, along the last axis."""
    b, a = b / a[0], a / a[0]
    size = shape_of(x)[-1]
    order = max(shape_of(b)[0], shape_of(a)[0]) - 1
    zi = np.broadcast_to(zi, (*shape_of(x)[:-1], order))
    driven = _filtered(b, _ONE, _extended(x, size + order)) + _extended(zi, size + order)
    y = _filtered(_ONE, a, driven[..., :size])
    left = driven - _filtered(a, _ONE, _extended(y, size + order))
    return y, left[..., size:]


def _checked(name: str, x: Value) -> Any:
    if not shape_of(x):
        raise ValueError(f"{name} needs x with at least one axis, {user_line()}")
    return x


@implements(signal.lfilter, arrays="b a x zi")
def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """``scipy.signal.lfilter``: a digital filter along one axis.

    Arguments: `b`, `a`, coefficients of the numerator and the denominator, of shape (m,) and (n,);
    `x`, the data; `axis`; `zi`, the initial state. All are differentiable, real or complex.
    Returns: an array of the shape of x; with `zi` also the final state.
    Raises: ValueError as SciPy does.

    >>> import numpy as np, dualdiff as dd
    >>> from scipy.signal import lfilter
    >>> x = np.array([1.0, 0.0, 0.0])
    >>> dd.jacobian(lambda a: lfilter([1.0], np.stack([1.0, -a]), x))(0.5)
    array([0., 1., 1.])
    """
    b, a = np.ravel(b), np.ravel(a)  # SciPy takes numbers for arrays of one element
    x = np.moveaxis(_checked("lfilter", x), axis, -1)
    if zi is None:
        return np.moveaxis(_filtered(b, a, x), -1, axis)
    value = _signal.lfilter(unbox(b), unbox(a), unbox(x), -1, np.moveaxis(unbox(zi), axis, -1))
    found = _from_state(b, a, x, np.moveaxis(zi, axis, -1))
    return tuple(np.moveaxis(given(f, v), -1, axis) for f, v in zip(found, value, strict=True))


@implements(signal.sosfilt, arrays="sos x zi", affine_in="x")
def sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """``scipy.signal.sosfilt``: a filter in sections of second order, one after the other.

    Arguments: `sos`, of shape (sections, 6); `x`, `axis`, `zi` as those of `lfilter`, with a first
    axis for the sections. Returns: the filtered array; with `zi` also the final state.
    Raises: ValueError as SciPy does. The elements ``sos[:, 3]`` must be 1: they count as constant.
    """
    value = _signal.sosfilt(unbox(sos), unbox(x), axis, None if zi is None else unbox(zi))
    sos, x = np.atleast_2d(sos), np.moveaxis(_checked("sosfilt", x), axis, -1)
    left = []
    for k in range(shape_of(sos)[0]):
        b, a = sos[k, :3], np.concatenate([_ONE, sos[k, 4:]])  # SciPy wants 1, and reads no other
        if zi is None:
            x = _filtered(b, a, x)
        else:
            x, state = _from_state(b, a, x, np.moveaxis(zi[k], axis, -1))
            left.append(np.moveaxis(state, -1, axis))
    out = np.moveaxis(x, -1, axis)
    if zi is None:
        return given(out, value)
    return given(out, value[0]), given(np.stack(left), value[1])


@implements(signal.upfirdn, arrays="h x", affine_in="x")
def upfirdn(
    h: Any,
    x: Any,
    up: int = 1,
    down: int = 1,
    axis: int = -1,
    mode: str = "constant",
    cval: Any = 0,
) -> Any:
    """``scipy.signal.upfirdn``: zeros are inserted, a filter is applied, elements are left out.

    Arguments: `h`, the filter, of shape (n,), `x` and `cval` are differentiable; `up`, `down`,
    `axis`; `mode`, how x goes on beyond its ends. Returns: an array.
    """
    value = _signal.upfirdn(unbox(h), unbox(x), up, down, axis, mode, unbox(cval))
    x = np.moveaxis(x, axis, -1)
    taps, before = shape_of(h)[0], 0
    if mode not in ("constant", None) or holds_traced(cval) or cval != 0:
        reach = -((1 - taps) // up)  # elements beyond each end that the filter meets
        before = -(-reach // down) * down
        x = _continued(x, before, reach, mode, cval)
    shape, size = shape_of(x)[:-1], shape_of(x)[-1]
    if up > 1:
        x = np.concatenate([x[..., None], np.zeros((*shape, size, up - 1))], -1)
        x = np.reshape(x, (*shape, size * up))[..., : (size - 1) * up + 1]
    full = _filtered(h, _ONE, _extended(x, (size - 1) * up + taps))
    stop = before * up + (value.shape[axis] - 1) * down + 1
    out = full[..., before * up : stop : down]
    return agreed(np.moveaxis(out, -1, axis), value, "upfirdn")


def _continued(x: Value, before: int, after: int, mode: Any, cval: Any) -> Any:
    """x with elements before and after it along the last axis, as `upfirdn` continues it."""
    widths: Any = [(0, 0)] * (np.ndim(x) - 1) + [(before, after)]
    if mode in ("constant", None):
        ends = (cval * np.ones((*shape_of(x)[:-1], n)) for n in (before, after))
        return np.concatenate([next(ends), x, next(ends)], axis=-1)
    if mode == "antisymmetric":
        n = shape_of(x)[-1]
        is_odd = np.arange(-before, n + after) // n % 2 == 1
        return np.pad(x, widths, "symmetric") * np.where(is_odd, -1.0, 1.0)
    if mode == "antireflect":
        return np.pad(x, widths, "reflect", reflect_type="odd")
    if mode in ("line", "smooth"):
        n = shape_of(x)[-1]
        i, j = (n - 1, 0) if mode == "line" else (1, n - 2)
        first = (x[..., i : i + 1] - x[..., :1]) / i * np.arange(-before, 0)
        last = (x[..., -1:] - x[..., j : j + 1]) / (n - 1 - j) * np.arange(1, after + 1)
        return np.concatenate([x[..., :1] + first, x, x[..., -1:] + last], axis=-1)
    return np.pad(x, widths, mode)
