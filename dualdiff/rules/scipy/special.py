"""`scipy.special` on traced arrays: its whole namespace, with rules for the functions below.

Its universal functions may be called as SciPy's own (``scipy.special.erf(x)``). `logsumexp`,
`softmax`, `log_softmax` and `polygamma` are Python functions there that make plain arrays of what
they are given: take those from here. Derivatives follow the NIST Digital Library of Mathematical
Functions (DLMF). Orders of Bessel functions, and the parameters of `gammainc`, `betainc` and
`polygamma`, are constants.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ...array.box import is_box, plain, seen
from ...array.dispatch import register
from ...core.batch import dtype_of
from ...core.primitive import Primitive
from ...core.tangents import take_diagonals
from ...errors import UnsupportedInputError, user_line
from ..declare import Derivative, elementwise, rule
from ..numpy.common import Axes, axes_of, expand_dims
from ..numpy.creation import contains_box
from ..numpy.manipulation import as_operand
from ..structures import Axis, Reduction

__all__ = ["log_softmax", "logsumexp", "multigammaln", "polygamma", "softmax"]

TWO_BY_SQRT_PI = 1.1283791670955126
SQRT_PI_BY_2 = 0.886226925452758
SQRT_2_PI = 2.5066282746310002
SQRT_2_BY_PI = 0.7978845608028654
SQRT_HALF = 0.7071067811865476
LN2 = 0.6931471805599453
LN10 = 2.302585092994046


def _rule(name: str, *derivatives: Derivative) -> Primitive:
    """Declare the derivatives of a universal function of SciPy's, and register it."""
    ufunc = getattr(special, name)
    primitive = elementwise(ufunc, *derivatives, name=f"special.{name}")
    register(ufunc, primitive.bind)
    return primitive


def _is_complex(x: Any) -> bool:
    return dtype_of(x).kind == "c"


def _ratio(a: Any, b: Any) -> Any:
    """``a / b``, and 0 with derivative 0 where both are 0."""
    neither = (plain(a) == 0) & (plain(b) == 0)
    return np.where(neither, 0, a / np.where(neither, 1, b)) if np.any(neither) else a / b


def polygamma(n: Any, x: Any) -> Any:
    """The n-th derivative of the digamma function, as ``scipy.special.polygamma``.

    Arguments: `n`, constant integers; `x`, real, an array that broadcasts with n.
    Returns: an array of their common shape. Raises: MissingRuleError for a traced n.

    >>> import dualdiff as dd
    >>> round(float(dd.grad(lambda x: dd.scipy.special.polygamma(1, x))(1.0)), 6)
    -2.404114
    """
    return _polygamma(n, x) if is_box(n) or is_box(x) else special.polygamma(n, x)


_polygamma = elementwise(
    polygamma, None, lambda x, y: polygamma(x + 1, y), name="special.polygamma"
)


def _trigamma(x: Any) -> Any:
    if _is_complex(x):
        raise UnsupportedInputError(
            f"scipy.special has no polygamma function of complex numbers, which the derivative of "
            f"digamma needs, {user_line()}"
        )
    return polygamma(1, x)


# Error functions (DLMF 7.2, 7.10, 7.17) and the normal distribution.
_rule("erf", lambda x: TWO_BY_SQRT_PI * np.exp(-x * x))
_rule("erfc", lambda x: -TWO_BY_SQRT_PI * np.exp(-x * x))
_rule("erfi", lambda x: TWO_BY_SQRT_PI * np.exp(x * x))
_rule("erfcx", lambda x, ans: 2 * x * ans - TWO_BY_SQRT_PI)
_rule("dawsn", lambda x, ans: 1 - 2 * x * ans)
_rule("erfinv", lambda ans: SQRT_PI_BY_2 * np.exp(ans * ans))
_rule("erfcinv", lambda ans: -SQRT_PI_BY_2 * np.exp(ans * ans))
_rule("ndtr", lambda x: np.exp(-0.5 * x * x) / SQRT_2_PI)
_rule("log_ndtr", lambda x: SQRT_2_BY_PI / special.erfcx(-SQRT_HALF * x))
_rule("ndtri", lambda ans: SQRT_2_PI * np.exp(0.5 * ans * ans))

# The logistic function: ans * (1 - ans) would lose the small differences.
_rule("expit", lambda x, ans: ans * special.expit(-x))
_rule("logit", lambda x: 1 / (x * (1 - x)))
_rule("log_expit", lambda x: special.expit(-x))

# Gamma and beta functions (DLMF 5.2, 5.9, 5.12, 8.8, 8.17).
_rule("gamma", lambda x, ans: ans * special.psi(x))
_rule("gammaln", lambda x: special.psi(x))
_rule("loggamma", lambda x: special.psi(x))
_rule("psi", _trigamma)
_rule(
    "beta",
    lambda ans, x, y: ans * (special.psi(x) - special.psi(x + y)),
    lambda ans, x, y: ans * (special.psi(y) - special.psi(x + y)),
)
_rule(
    "betaln",
    lambda x, y: special.psi(x) - special.psi(x + y),
    lambda x, y: special.psi(y) - special.psi(x + y),
)


def _gamma_density(x: Any, y: Any) -> Any:
    return np.exp(special.xlogy(x - 1, y) - y - special.gammaln(x))


def _beta_density(x: Any, y: Any, z: Any) -> Any:
    return np.exp(special.xlogy(x - 1, z) + special.xlog1py(y - 1, -z) - special.betaln(x, y))


_rule("gammainc", None, _gamma_density)
_rule("gammaincc", None, lambda x, y: -_gamma_density(x, y))
_rule("betainc", None, None, _beta_density)

# Exponentials and logarithms.
_rule("expm1", lambda ans: ans + 1)
_rule("log1p", lambda x: 1 / (1 + x))
_rule("exp2", lambda ans: LN2 * ans)
_rule("exp10", lambda ans: LN10 * ans)
_rule("cbrt", lambda ans: 1 / (3 * ans * ans))
_rule("cosm1", lambda x: -np.sin(x))
_rule("hyp1f1", None, None, lambda x, y, z: x / y * special.hyp1f1(x + 1, y + 1, z))
_rule("exprel", lambda x: 0.5 * special.hyp1f1(2.0, 3.0, x))  # DLMF 13.3.15, 13.6.2
_rule("exp1", lambda x: -np.exp(-x) / x)
_rule("expi", lambda x: np.exp(x) / x)
_rule("xlogy", lambda y: np.log(y), lambda x, y: _ratio(x, y))
_rule("xlog1py", lambda y: np.log1p(y), lambda x, y: _ratio(x, 1 + y))
_rule("entr", lambda x: -np.log(x) - 1)
_rule("rel_entr", lambda x, y: np.log(x / y) + 1, lambda x, y: -_ratio(x, y))
_rule("kl_div", lambda x, y: np.log(x / y), lambda x, y: 1 - _ratio(x, y))

# Losses.
_rule(
    "huber",
    lambda x, y: np.where(np.abs(plain(y)) > plain(x), np.abs(y) - x, 0),
    lambda x, y: np.clip(y, -x, x),
)
_rule(
    "pseudo_huber",
    lambda x, y: 2 * x * (np.hypot(1, y / x) - 1) - y * y / (x * np.hypot(1, y / x)),
    lambda x, y: y / np.hypot(1, y / x),
)

# Bessel functions (DLMF 10.6, 10.29).
_rule("j0", lambda x: -special.j1(x))
_rule("j1", lambda x: 0.5 * (special.j0(x) - special.jv(2, x)))
_rule("jv", None, lambda x, y: 0.5 * (special.jv(x - 1, y) - special.jv(x + 1, y)))
_rule("y0", lambda x: -special.y1(x))
_rule("y1", lambda x: 0.5 * (special.y0(x) - special.yv(2, x)))
_rule("yv", None, lambda x, y: 0.5 * (special.yv(x - 1, y) - special.yv(x + 1, y)))
_rule("i0", lambda x: special.i1(x))
_rule("i1", lambda x: 0.5 * (special.i0(x) + special.iv(2, x)))
_rule("iv", None, lambda x, y: 0.5 * (special.iv(x - 1, y) + special.iv(x + 1, y)))
_rule("k0", lambda x: -special.k1(x))
_rule("k1", lambda x: -0.5 * (special.k0(x) + special.kv(2, x)))
_rule("kv", None, lambda x, y: -0.5 * (special.kv(x - 1, y) + special.kv(x + 1, y)))
_rule("i0e", lambda x, ans: special.i1e(x) - np.sign(plain(x)) * ans)


def _i1e_dx(x: Any, ans: Any) -> Any:
    zero = plain(x) == 0
    by_x = np.where(zero, 0.5, ans / np.where(zero, 1, x)) if np.any(zero) else ans / x
    return special.i0e(x) - np.sign(plain(x)) * ans - by_x


_rule("i1e", _i1e_dx)


def _shares(x: Any, ans: Any, axes: Axes, keepdims: bool, sign: Any) -> Any:
    """``sign * exp(x - ans)``; all that attain an infinite maximum share it equally."""
    if not keepdims:
        ans = expand_dims(ans, axes, np.ndim(x))
        sign = sign if sign is None else expand_dims(sign, axes, np.ndim(x))
    shares = np.exp(x - ans)
    infinite = np.isinf(plain(ans))
    if np.any(infinite):
        ties = plain(x) == plain(ans)
        count = np.sum(ties, axis=axes, keepdims=True, dtype=dtype_of(x))
        shares = np.where(infinite, ties / np.where(count == 0, 1, count), shares)
    return shares if sign is None else sign * shares


def _logsumexp_push(ts: Any, x: Any, y: Any, ans: Any, axis: Any, keepdims: bool, sign: Any) -> Any:
    axes = axes_of(axis, np.ndim(x))
    t = 0.0 if ts[0] is None else ts[0] * y
    if ts[1] is not None:
        t = t + ts[1]
    return np.sum(t * _shares(x, ans, axes, keepdims, sign), axis=axes, keepdims=keepdims)


def _logsumexp_pull(
    g: Any, x: Any, y: Any, ans: Any, axis: Any, keepdims: bool, sign: Any, active: Any
) -> Any:
    axes = axes_of(axis, np.ndim(x))
    g = g if keepdims else expand_dims(g, axes, np.ndim(x))
    c = g * _shares(x, ans, axes, keepdims, sign)
    return c * y, c if active[1] else None


def _logsumexp(x: Any, y: Any, weighted: bool, sign: Any, **options: Any) -> Any:
    if is_box(x) or is_box(y):
        return logsumexp_p(x, y, weighted=weighted, sign=sign, **options)
    b = y if weighted else None
    if sign is None:
        return special.logsumexp(x, b=b, **options)
    return special.logsumexp(x, b=b, return_sign=True, **options)[0]


logsumexp_p = rule(
    _logsumexp,
    push=_logsumexp_push,
    pull=_logsumexp_pull,
    name="special.logsumexp",
    structure=Reduction(),
)
take_diagonals(logsumexp_p)


def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
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
        plainly: Any = special.logsumexp  # its many overloads do not take a bool
        return plainly(a, axis, b, keepdims, return_sign)
    weighted, sign = b is not None, None
    a, b = as_operand(a), as_operand(b) if weighted else 1.0
    if weighted:
        shape = np.broadcast_shapes(np.shape(a), np.shape(b))
        a, b = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
    axis = _axis_of(a, axis)
    if return_sign:
        if _is_complex(a) or _is_complex(b):
            raise UnsupportedInputError(
                f"logsumexp with return_sign=True has no rule for complex numbers, {user_line()}; "
                f"leave return_sign out: the logarithm is complex then"
            )
        factors = plain(b) if weighted else None
        _, sign = special.logsumexp(seen(a), axis, factors, keepdims, return_sign=True)
    ans = logsumexp_p(a, b, weighted=weighted, sign=sign, axis=axis, keepdims=keepdims)
    return (ans, sign) if return_sign else ans


def _axis_of(x: Any, axis: Any) -> Any:
    """The axis of a sum; SciPy takes one of a number too."""
    return None if np.ndim(x) == 0 and axis in (0, -1) else axis


def _centred(t: Any, weights: Any, axis: Any, ndim: int) -> Any:
    """`t` without its weighted mean."""
    return t - np.sum(weights * t, axis=axes_of(axis, ndim), keepdims=True)


def _softmax_both(t: Any, ans: Any, axis: Any) -> Any:
    return ans * _centred(t, ans, axis, np.ndim(ans))


softmax_p = rule(
    lambda x, axis: softmax(x, axis),
    push=_softmax_both,  # its own transpose
    pull=_softmax_both,
    name="special.softmax",
    structure=Axis(),
)


def softmax(x: Any, axis: Any = None) -> Any:
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


def _log_softmax_pull(g: Any, ans: Any, axis: Any) -> Any:
    axes = axes_of(axis, np.ndim(ans))
    return g - np.exp(ans) * np.sum(g, axis=axes, keepdims=True)


log_softmax_p = rule(
    lambda x, axis: log_softmax(x, axis),
    push=lambda t, ans, axis: _centred(t, np.exp(ans), axis, np.ndim(ans)),
    pull=_log_softmax_pull,
    name="special.log_softmax",
    structure=Axis(),
)


def log_softmax(x: Any, axis: Any = None) -> Any:
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


from .special_families import multigammaln  # noqa: E402  # rules that belong to this module
