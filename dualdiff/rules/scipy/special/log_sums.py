"""`logsumexp`, `softmax` and `log_softmax`, whose shares come from differences of the operands.

The rounded result would not do: ``exp(x - logsumexp(x))`` has the rounding error of large x.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, observe, unbox
from ....core.batch import dtype_of
from ....core.types import Cotangent, Tangent, Value
from ....errors import UnsupportedInputError, user_line
from ...declare import rule
from ...numpy.common import Axes, axes_of, expand_dims
from ...numpy.creation import contains_box
from ...numpy.manipulation import as_operand
from ...structures import Axis, Reduction


def _shares(x: Value, y: Value, axes: Axes) -> Any:
    """``exp(x) / sum(y exp(x))``; elements that attain an infinite maximum share it equally."""
    real = np.real(unbox(x))
    weighted = np.where(np.not_equal(unbox(y), 0), real, -np.inf)
    top = np.max(weighted, axis=axes, keepdims=True, initial=-np.inf)
    infinite = np.isinf(top)
    e = np.exp(x - np.where(infinite, 0, top).astype(dtype_of(real)))
    total = np.sum(y * e, axis=axes, keepdims=True)
    if not np.any(infinite):
        return e / total
    ties = real == top
    count = np.sum(ties, axis=axes, keepdims=True, dtype=dtype_of(x))
    shared = ties / np.where(count == 0, 1, count)
    return np.where(infinite, shared, e / np.where(infinite, 1, total))


def _logsumexp_jvp(ts: Any, x: Value, y: Value, axis: Any, keepdims: bool) -> Tangent:
    axes = axes_of(axis, np.ndim(x))
    t = 0.0 if ts[0] is None else ts[0] * y
    if ts[1] is not None:
        t = t + ts[1]
    return np.sum(t * _shares(x, y, axes), axis=axes, keepdims=keepdims)


def _logsumexp_vjp(
    g: Cotangent, x: Value, y: Value, axis: Any, keepdims: bool, active: Any
) -> Cotangent:
    axes = axes_of(axis, np.ndim(x))
    g = g if keepdims else expand_dims(g, axes, np.ndim(x))
    c = g * _shares(x, y, axes)
    return c * y, c if active[1] else None


def _logsumexp(x: Value, y: Value, weighted: bool, signed: bool, **options: Any) -> Any:
    if is_box(x) or is_box(y):
        return logsumexp_p(x, y, weighted=weighted, signed=signed, **options)
    b = y if weighted else None
    if not signed:
        return special.logsumexp(x, b=b, **options)
    return special.logsumexp(x, b=b, return_sign=True, **options)[0]


logsumexp_p = rule(
    _logsumexp,
    jvp=_logsumexp_jvp,
    vjp=_logsumexp_vjp,
    name="special.logsumexp",
    structure=Reduction(),
)


def logsumexp(
    a: Value, axis: Any = None, b: Value = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """``scipy.special.logsumexp``: the logarithm of ``sum(b * exp(a))``, without overflow.

    Arguments: `a`, of any shape; `axis`, None, an integer or a tuple; `b`, factors that broadcast
    with a and may be traced too; `keepdims`; `return_sign`, for real a and b, to get the
    logarithm of the absolute value, and the sign.
    Returns: an array without the axes, or a pair of them. The sign is constant.
    Kinks: elements that attain an infinite maximum share the derivative equally.

    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(dd.scipy.special.logsumexp)(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    if not (contains_box(a) or contains_box(b)):
        plainly: Any = special.logsumexp  # SciPy's many overloads do not take a bool
        return plainly(a, axis, b, keepdims, return_sign)
    weighted, sign = b is not None, None
    a, b = as_operand(a), as_operand(b) if weighted else 1.0
    if weighted:
        shape = np.broadcast_shapes(np.shape(a), np.shape(b))
        a, b = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
    axis = _axis_of(a, axis)
    if return_sign:
        if "c" in (dtype_of(a).kind, dtype_of(b).kind):
            raise UnsupportedInputError(
                f"logsumexp with return_sign=True has no rule for complex numbers, {user_line()}; "
                f"leave return_sign out: the logarithm is complex then"
            )
        factors = unbox(b) if weighted else None
        _, sign = special.logsumexp(observe(a), axis, factors, keepdims, return_sign=True)
    options = {"axis": axis, "keepdims": keepdims}
    ans = logsumexp_p(a, b, weighted=weighted, signed=return_sign, **options)
    return (ans, sign) if return_sign else ans


def _axis_of(x: Value, axis: Any) -> Any:
    """The axis of a sum; SciPy takes one of a number too."""
    return None if np.ndim(x) == 0 and axis in (0, -1) else axis


def _centred(t: Tangent, weights: Any, axis: Any, ndim: int) -> Any:
    """`t` without its weighted mean."""
    return t - np.sum(weights * t, axis=axes_of(axis, ndim), keepdims=True)


def _softmax_both(t: Tangent, ans: Value, axis: Any) -> Any:
    return ans * _centred(t, ans, axis, np.ndim(ans))


softmax_p = rule(
    lambda x, axis: softmax(x, axis),
    jvp=_softmax_both,  # its own transpose
    vjp=_softmax_both,
    name="special.softmax",
    structure=Axis(),
)


def softmax(x: Value, axis: Any = None) -> Any:
    """``scipy.special.softmax``: ``exp(x) / sum(exp(x))``.

    Arguments: `x`, of any shape; `axis` of the sum: None, an integer or a tuple.
    Returns: an array of the shape of x.

    >>> import numpy as np, dualdiff as dd
    >>> dd.jacobian(dd.scipy.special.softmax)(np.zeros(2))
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    if contains_box(x):
        x = as_operand(x)
        return softmax_p(x, axis=_axis_of(x, axis))
    return special.softmax(x, axis)


def _largest(ans: Value, axis: Any) -> tuple[Axes, Any]:
    """The axes, and ones at the first of the largest elements along them, zeros elsewhere."""
    axes, values = axes_of(axis, np.ndim(ans)), unbox(ans)
    inner = tuple(a % np.ndim(ans) for a in axes)
    outer = [a for a in range(np.ndim(ans)) if a not in inner]
    rows = np.transpose(values, (*outer, *inner))
    flat = rows.reshape((*rows.shape[: len(outer)], -1))
    one = np.zeros(flat.shape, dtype_of(values))
    if flat.size:
        np.put_along_axis(one, np.argmax(flat, axis=-1, keepdims=True), 1, axis=-1)
    return axes, np.transpose(one.reshape(rows.shape), np.argsort((*outer, *inner)))


def _log_softmax_jvp(t: Tangent, ans: Value, axis: Any) -> Tangent:
    """``t - sum(share t)`` with t counted from that of the largest element, so as not to cancel."""
    axes, one = _largest(ans, axis)
    t = t - np.sum(one * t, axis=axes, keepdims=True)
    return t - np.sum(np.exp(ans) * t, axis=axes, keepdims=True)


def _log_softmax_vjp(g: Cotangent, ans: Value, axis: Any) -> Cotangent:
    axes, one = _largest(ans, axis)
    c = (1 - one) * (g - np.exp(ans) * np.sum(g, axis=axes, keepdims=True))
    return c - one * np.sum(c, axis=axes, keepdims=True)


log_softmax_p = rule(
    lambda x, axis: log_softmax(x, axis),
    jvp=_log_softmax_jvp,
    vjp=_log_softmax_vjp,
    name="special.log_softmax",
    structure=Axis(),
)


def log_softmax(x: Value, axis: Any = None) -> Any:
    """``scipy.special.log_softmax``: the logarithm of `softmax`, without underflow.

    Arguments: `x`, of any shape; `axis` of the sum: None, an integer or a tuple.
    Returns: an array of the shape of x.

    >>> import numpy as np, dualdiff as dd
    >>> dd.jacobian(dd.scipy.special.log_softmax)(np.zeros(2))
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    if contains_box(x):
        x = as_operand(x)
        return log_softmax_p(x, axis=_axis_of(x, axis))
    return special.log_softmax(x, axis)
