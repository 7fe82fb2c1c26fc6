"""Elementwise functions that are no ufuncs: complex parts, sinc, i0, nan_to_num."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...array.box import is_box, observe, unbox
from ...core.batch import cast, dtype_of, is_complex
from ...core.types import Tangent, Value
from ...errors import UnsupportedInputError, user_line
from ..declare import Linear, elementwise, linear, rule
from ..structures import Elementwise
from .common import implements, into, strip
from .slopes import PI, is_real

real_p = Linear(np.real, lambda g: g, None, "real", Elementwise(), view=True)
imag_p = Linear(np.imag, lambda g: -1j * g, None, "imag", Elementwise(), view=True)
imag_p.view_sign = -1  # Re(g t) pairs the imaginary part of t with the negated imaginary part of g


@implements(np.real)
def real(val: Any) -> Any:
    """``numpy.real``: a view of a complex array, or the array itself if it is real."""
    return real_p(val) if is_complex(val) else val


@implements(np.imag)
def imag(val: Any) -> Any:
    """``numpy.imag``: the tangent's imaginary part; constant if the array is real."""
    return imag_p(val) if is_complex(val) else np.imag(unbox(val))


@implements(np.angle)
def angle(z: Value, deg: bool = False) -> Any:
    """``numpy.angle``, with derivative 0 at 0."""
    ans = np.arctan2(np.imag(z) if is_complex(z) else 0, np.real(z))
    return ans * (180 / PI) if deg else ans


@implements(np.real_if_close)
def real_if_close(a: Value, tol: float = 100) -> Any:
    """``numpy.real_if_close``: decides by the value."""
    return a if np.iscomplexobj(np.real_if_close(observe(a), tol)) else np.real(a)


def _sinc_dx(x: Value) -> Any:
    """``-pi j1(pi x)`` with the spherical Bessel function j1 (DLMF 10.49.3, near 0 by 10.53.1)."""
    z = PI * x
    near = np.abs(unbox(z)) < 0.5
    far = np.where(near, 1.0, z)
    w = np.where(near, z, 0.0)
    w2 = w * w
    series: Any = 1.0
    for k in (6, 5, 4, 3, 2, 1):
        series = 1.0 - series * w2 / (2 * k * (2 * k + 3))
    angle = PI * (x - 2 * np.rint(unbox(x) / 2)) if is_real(x) else z  # exact where x is large
    wave = np.cos(angle) - np.sin(angle) / far
    return PI * np.where(near, -w * series / 3, wave / far)


sinc = elementwise(np.sinc, _sinc_dx, name="sinc")


def _bessel(x: Value, order: int) -> Any:
    from scipy import special  # SciPy loads when first needed

    dtype = dtype_of(x)
    x = cast(x, np.dtype(float)) if dtype.char == "g" else x
    if order < 2:
        ans: Value = special.i1(x) if order else special.i0(x)
    else:  # iv leaves out tiny x: the first term of the series there (DLMF 10.25.2)
        ans = np.where(np.abs(x) < 1e-8, (0.5 * x) ** order / math.factorial(order),
                       special.iv(order, x))  # fmt: skip
    return cast(np.where(np.isinf(x), np.sign(x) ** order * np.inf, ans)[()], dtype)


def _bessel_step(t: Tangent, x: Value, order: int) -> Any:
    """``(I[n-1] + I[n+1]) / 2`` (DLMF 10.29.1), where ``I[-1] = I[1]``."""
    return t * (0.5 * (bessel_i(x, order=abs(order - 1)) + bessel_i(x, order=order + 1)))


bessel_i = rule(
    _bessel, jvp=_bessel_step, vjp=_bessel_step, name="bessel_i", structure=Elementwise()
)
i0_p = elementwise(np.i0, lambda x: bessel_i(x, order=1), name="i0")

implements(np.sinc)(sinc.bind)
implements(np.i0)(i0_p.bind)


def _keep_finite(t: Tangent, x: Value) -> Any:
    """The parts of `t` where `x` is finite, else 0; its own transpose."""
    x = unbox(x)
    if not is_complex(x):
        return np.where(np.isfinite(x), t, 0)
    real = np.where(np.isfinite(x.real), np.real(t), 0)
    return real + 1j * np.where(np.isfinite(x.imag), np.imag(t), 0)


nan_to_num_p = rule(
    lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    jvp=_keep_finite,
    vjp=_keep_finite,
    name="nan_to_num",
    structure=Elementwise(),
)


def _refuse_traced(**options: Any) -> None:
    for name, value in options.items():
        if is_box(value):
            raise UnsupportedInputError(
                f"{name}= must not be traced, {user_line()}; pass dualdiff.value_of({name}) if it "
                f"is to count as constant, or write the function with np.where"
            )


@implements(np.nan_to_num)
def nan_to_num(
    x: Value, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """``numpy.nan_to_num``: derivative 1 where x is finite, 0 where it is replaced."""
    given = {"nan": nan, "posinf": posinf, "neginf": neginf}
    if is_complex(x):
        _refuse_traced(**given)
    ans = nan_to_num_p(x, **{name: strip(v) for name, v in given.items()})
    masks: Any = {"nan": np.isnan, "posinf": np.isposinf, "neginf": np.isneginf}
    for name, value in given.items():
        if is_box(value):
            ans = np.where(masks[name](unbox(x)), value, ans)
    return ans if copy else into(x, ans)


unwrap_p = linear(np.unwrap, lambda g: g, jvp=lambda t: t, name="unwrap", structure=Elementwise())


@implements(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * PI) -> Any:
    """``numpy.unwrap``: adds constants, so the derivative is 1."""
    _refuse_traced(discont=discont)
    plain_period = strip(period)
    ans = unwrap_p(p, discont=discont, axis=axis, period=plain_period)
    if not is_box(period):
        return ans
    turns = np.rint((unbox(ans) - unbox(p)) / plain_period)
    return ans + turns * (period - plain_period)
