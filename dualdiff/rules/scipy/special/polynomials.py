"""Orthogonal polynomials (DLMF 18): in x by a relative of lower degree, in parameters by the
three-term recurrence (18.9), in the degree and for other than whole degrees by the hypergeometric
functions of section 18.5, which SciPy evaluates there."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ....array.box import is_box, unbox
from ....core.types import Value
from .kinds import closed, formula, partial, where

MOST = 10_000  # steps of a recurrence


def _lower(x: Value, factor: Any, polynomial: Callable[[Any], Any]) -> Any:
    """``factor * polynomial(n - 1)``, 0 for n = 0."""
    n = unbox(x)
    n = np.asarray(n).astype(int) if _is_whole(n) else n  # SciPy has a recurrence for integers
    if not np.any(np.equal(n, 0)):
        return factor * polynomial(n - 1)
    return np.where(np.equal(n, 0), 0.0, factor * polynomial(np.where(np.equal(n, 0), 0, n - 1)))


def _is_whole(n: Any) -> bool:
    return not is_box(n) and bool(np.all((n == np.floor(n)) & np.less_equal(0, n) & (n <= MOST)))


def _by_recurrence(n: Any, first: Any, second: Any, step: Callable[..., Any]) -> Any:
    """The polynomial of degree n from those of degree 0 and 1."""
    out = np.where(np.equal(n, 0), first, second)
    for k in range(1, int(np.max(n, initial=0))):
        first, second = second, step(k, first, second)
        out = np.where(np.equal(n, k + 1), second, out)
    return out


def _jacobi(n: Any, a: Value, b: Value, x: Value) -> Any:
    """DLMF 18.9.2, 18.5.7."""
    if not _is_whole(n):
        rest = special.hyp2f1(-n, n + a + b + 1, a + 1, (1 - x) / 2)
        return special.binom(n + a, n) * rest

    def step(k: int, p: Any, q: Any) -> Any:
        s = 2 * k + a + b
        middle = (s + 1) * (s * (s + 2) * x + a * a - b * b)
        return (middle * q - 2 * (k + a) * (k + b) * (s + 2) * p) / (
            2 * (k + 1) * (k + a + b + 1) * s
        )

    return _by_recurrence(n, 1.0 + 0 * (a + b + x), a + 1 + (a + b + 2) * (x - 1) / 2, step)


def _laguerre(n: Any, a: Value, x: Value) -> Any:
    if not _is_whole(n):
        return special.binom(n + a, n) * special.hyp1f1(-n, a + 1, x)

    def step(k: int, p: Any, q: Any) -> Any:
        return ((2 * k + 1 + a - x) * q - (k + a) * p) / (k + 1)

    return _by_recurrence(n, 1.0 + 0 * (a + x), 1 + a - x, step)


def _gegenbauer(n: Any, a: Value, x: Value) -> Any:
    if not _is_whole(n):
        front = special.gamma(n + 2 * a) * special.rgamma(2 * a) * special.rgamma(n + 1)
        return front * special.hyp2f1(-n, n + 2 * a, a + 0.5, (1 - x) / 2)

    def step(k: int, p: Any, q: Any) -> Any:
        return (2 * (k + a) * x * q - (k + 2 * a - 1) * p) / (k + 1)

    return _by_recurrence(n, 1.0 + 0 * (a + x), 2 * a * x, step)


def _shifted_jacobi(n: Any, p: Any, q: Any, x: Value) -> Any:
    return _jacobi(n, p - q, q - 1, 2 * x - 1) / special.binom(2 * n + p - 1, n * 1.0)


def _chebyshev(n: Any, x: Value) -> Any:
    return special.hyp2f1(-n, n, 0.5, (1 - x) / 2)


def _second_chebyshev(n: Any, x: Value) -> Any:
    return (n + 1) * special.hyp2f1(-n, n + 2, 1.5, (1 - x) / 2)


def _legendre(n: Any, x: Value) -> Any:
    return special.hyp2f1(-n, n + 1, 1.0, (1 - x) / 2)


DEGREES: dict[str, Callable[..., Any]] = {
    "chebyt": _chebyshev,
    "chebyu": _second_chebyshev,
    "chebyc": lambda n, x: 2 * _chebyshev(n, x / 2),
    "chebys": lambda n, x: _second_chebyshev(n, x / 2),
    "sh_chebyt": lambda n, x: _chebyshev(n, 2 * x - 1),
    "sh_chebyu": lambda n, x: _second_chebyshev(n, 2 * x - 1),
    "legendre": _legendre,
    "sh_legendre": lambda n, x: _legendre(n, 2 * x - 1),
    "laguerre": lambda n, x: special.hyp1f1(-n, 1.0, x),
    "genlaguerre": _laguerre,
    "gegenbauer": _gegenbauer,
    "jacobi": _jacobi,
    "sh_jacobi": _shifted_jacobi,
}


def _by_degree(name: str) -> Any:
    """The derivative in the degree."""
    value = DEGREES[name]
    n = len(inspect.signature(value).parameters)
    return formula(n, partial(value, 0))


jacobi_a, jacobi_b = partial(_jacobi, 1), partial(_jacobi, 2)
shifted_p, shifted_q = partial(_shifted_jacobi, 1), partial(_shifted_jacobi, 2)
laguerre_a, gegenbauer_a = partial(_laguerre, 1), partial(_gegenbauer, 1)

closed(
    "eval_chebyt",
    _by_degree("chebyt"),
    lambda x, y: _lower(x, unbox(x), lambda n: special.eval_chebyu(n, y)),
)
closed(
    "eval_chebyu",
    _by_degree("chebyu"),
    lambda x, y: _lower(x, 2, lambda n: special.eval_gegenbauer(n, 2.0, y)),
)
closed(
    "eval_chebyc",
    _by_degree("chebyc"),
    lambda x, y: _lower(x, unbox(x), lambda n: special.eval_chebys(n, y)),
)
closed(
    "eval_chebys",
    _by_degree("chebys"),
    lambda x, y: _lower(x, 1, lambda n: special.eval_gegenbauer(n, 2.0, y / 2)),
)
closed(
    "eval_sh_chebyt",
    _by_degree("sh_chebyt"),
    lambda x, y: _lower(x, 2 * unbox(x), lambda n: special.eval_sh_chebyu(n, y)),
)
closed(
    "eval_sh_chebyu",
    _by_degree("sh_chebyu"),
    lambda x, y: _lower(x, 4, lambda n: special.eval_gegenbauer(n, 2.0, 2 * y - 1)),
)
closed(
    "eval_legendre",
    _by_degree("legendre"),
    lambda x, y: _lower(x, 1, lambda n: special.eval_gegenbauer(n, 1.5, y)),
)
closed(
    "eval_sh_legendre",
    _by_degree("sh_legendre"),
    lambda x, y: _lower(x, 2, lambda n: special.eval_gegenbauer(n, 1.5, 2 * y - 1)),
)
closed(
    "eval_hermite", None, lambda x, y: _lower(x, 2 * unbox(x), lambda n: special.eval_hermite(n, y))
)
closed(
    "eval_hermitenorm",
    None,
    lambda x, y: _lower(x, unbox(x), lambda n: special.eval_hermitenorm(n, y)),
)
closed(
    "eval_laguerre",
    _by_degree("laguerre"),
    lambda x, y: _lower(x, -1, lambda n: special.eval_genlaguerre(n, 1.0, y)),
)
closed(
    "eval_genlaguerre",
    _by_degree("genlaguerre"),
    lambda x, y, z: laguerre_a(x, y, z),
    lambda x, y, z: _lower(x, -1, lambda n: special.eval_genlaguerre(n, y + 1, z)),
)
closed(
    "eval_gegenbauer",
    _by_degree("gegenbauer"),
    lambda x, y, z: gegenbauer_a(x, y, z),
    lambda x, y, z: _lower(x, 2 * y, lambda n: special.eval_gegenbauer(n, y + 1, z)),
)
closed(
    "eval_jacobi",
    _by_degree("jacobi"),
    lambda x, y, z, w: jacobi_a(x, y, z, w),
    lambda x, y, z, w: jacobi_b(x, y, z, w),
    lambda x, y, z, w: _lower(
        x, 0.5 * (unbox(x) + y + z + 1), lambda n: special.eval_jacobi(n, y + 1, z + 1, w)
    ),
)
closed(
    "eval_sh_jacobi",
    _by_degree("sh_jacobi"),
    lambda x, y, z, w: shifted_p(x, y, z, w),
    lambda x, y, z, w: shifted_q(x, y, z, w),
    lambda x, y, z, w: _lower(
        x,
        (unbox(x) + y) / special.binom(2 * unbox(x) + y - 1, unbox(x) * 1.0),
        lambda n: special.eval_jacobi(n, y - z + 1, z, 2 * w - 1),
    ),
)


def legendre_slope(v: Any, z: Value) -> Any:
    """The derivative of ``P_v(z)``, a Gegenbauer function (DLMF 18.9.19), also beside z = 1."""
    return _lower(v, 1, lambda n: special.eval_gegenbauer(n, 1.5, z))


def _associated_slope(m: Any, v: Any, z: Value, ans: Value) -> Any:
    """``(v x P - (v + m) P(v - 1)) / (x**2 - 1)`` (DLMF 14.10.5)."""
    least = np.equal(v, 0) | np.equal(v, -m)  # SciPy has NaN for a degree below the order
    lower = special.lpmv(m, np.where(least, v, v - 1), z)
    return (v * z * ans - (v + m) * lower) / (z * z - 1)


MIDDLE = 0.3


def associated_at_ends(m: Any, n: Any, z: Value, value: Callable[[float], Any]) -> Any:
    """The derivative at 1 and -1 of functions of whole degree (DLMF 14.6.1, 18.9.19).

    `value` is the function of z, which has the factor that makes it one of a norm and a sign.
    """
    order = np.abs(m)
    degree = np.maximum(n - order, 0).astype(int)

    def form(z: Value) -> Any:
        return (1 - z * z) ** (order / 2) * special.eval_gegenbauer(degree, order + 0.5, z)

    return value(MIDDLE) / form(MIDDLE) * partial(form, 0)(z)


def _lpmv(x: Value, y: Value, z: Value, ans: Value) -> Any:
    end = (np.abs(unbox(z)) == 1) & (unbox(x) != 0)
    if np.any(end) and _is_whole(unbox(y)):
        m, v, z, ans, end = np.broadcast_arrays(unbox(x), unbox(y), z, ans, end)
        at_end = associated_at_ends(
            m, v, np.where(end, z, 1.0), lambda middle: special.lpmv(m, v, middle)
        )
        inner = np.where(end, MIDDLE, z)
        return np.where(end, at_end, _lpmv_inside(m, v, inner, np.where(end, 0.0, ans)))
    return _lpmv_inside(x, y, z, ans)


def _lpmv_inside(x: Value, y: Value, z: Value, ans: Value) -> Any:
    m, v = unbox(x), unbox(y)
    # The series of other than whole degrees cancel far from 1.
    near = _is_whole(v) | (v * v * (1 - unbox(z)) < 1)
    return where(
        near & np.equal(m, 0), lambda m, v, z, ans: legendre_slope(v, z), _associated_slope,
        m, v, z, ans, fill=0.0,
    )  # fmt: skip


closed("lpmv", None, None, _lpmv)
