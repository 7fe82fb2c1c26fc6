"""Elementwise functions at some 70 arguments: tiny, huge, beside zeros and poles, infinite.

Each case names a function of one argument, the same in mpmath, and its first two derivatives there
as closed forms, which `test_closed_forms_of_the_sweep_are_derivatives` compares with differences.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from mpmath import mp

import dualdiff as dd

DIGITS = 50
ORDERS = (1, 2)
Form = Callable[[Any], Any]


@dataclass(frozen=True)
class Case:
    """A function of one argument and its derivatives; `odd` says where conventions differ."""

    name: str
    fn: Callable[[Any], Any]
    exact: Form
    forms: tuple[Form, Form]
    is_complex: bool = True
    conventions: dict[tuple[int, float], float] = field(default_factory=dict)


def _case(name: str, fn: Any, exact: Form, first: Form, second: Form, **options: Any) -> Case:
    return Case(name, fn, exact, (first, second), **options)


def _named(name: str, exact: Form, first: Form, second: Form, **options: Any) -> Case:
    return _case(name, getattr(np, name), exact, first, second, **options)


def _sech2(x: Any) -> Any:
    return mp.sech(x) ** 2


def _sec2(x: Any) -> Any:
    return mp.sec(x) ** 2


def _sinc(order: int) -> Form:
    """``sin(pi x) / (pi x)`` by its Taylor series where that converges fast, else directly."""

    def at(x: Any) -> Any:
        z = mp.pi * x
        if abs(z) < 1:
            terms = range(60)
            scale = [mp.mpf(-1) ** k / mp.factorial(2 * k + 1) for k in terms]
            falling = [mp.ff(2 * k, order) for k in terms]
            powers = [z ** (2 * k - order) if 2 * k >= order else 0 for k in terms]
            products = zip(scale, falling, powers, strict=True)
            return mp.pi**order * mp.fsum(s * f * p for s, f, p in products)
        s, c = mp.sinpi(x), mp.cospi(x)
        if order == 0:
            return s / z
        first = (c - s / z) / z
        if order == 1:
            return mp.pi * first
        return mp.pi**2 * (-s / z - 2 * first / z)

    return at


def _root(k: Any, a: Any = 1) -> Form:
    """``a * cbrt(x) * x**k`` with the real cube root."""
    return lambda x: a * mp.sign(x) * mp.cbrt(abs(x)) * x**k


def _power(p: float) -> tuple[Form, Form, Form]:
    q = mp.mpf(p)

    def form(scale: Any, exponent: Any) -> Form:
        return lambda x: mp.mpf(0) if scale == 0 else scale * x**exponent

    return form(mp.mpf(1), q), form(q, q - 1), form(q * (q - 1), q - 2)


def _hypot(b: float) -> tuple[Form, Form, Form]:
    c = mp.mpf(b)
    return (
        lambda x: mp.hypot(x, c),
        lambda x: x / mp.hypot(x, c),
        lambda x: c * c / mp.hypot(x, c) ** 3,
    )


def _arctan2(b: float, first: bool) -> tuple[Form, Form, Form]:
    c = mp.mpf(b)
    sign = 1 if first else -1
    return (
        (lambda x: mp.atan2(x, c)) if first else (lambda x: mp.atan2(c, x)),
        lambda x: sign * c / (x * x + c * c),
        lambda x: -2 * sign * c * x / (x * x + c * c) ** 2,
    )


def _logaddexp(b: float, base: Any = None) -> tuple[Form, Form, Form]:
    scale = mp.mpf(1) if base is None else mp.log(base)

    def share(d: Any) -> Any:
        return 1 / (1 + mp.exp(-scale * d))

    return (
        lambda x: max(x, b) + mp.log1p(mp.exp(-scale * abs(x - b))) / scale,
        lambda x: share(x - b),
        lambda x: scale * share(x - b) * share(b - x),
    )


def _exponential(base: float) -> tuple[Form, Form, Form]:
    scale = mp.log(mp.mpf(base))
    return tuple(lambda x, k=k: scale**k * mp.mpf(base) ** x for k in range(3))  # type: ignore[return-value]


def _bessel(form: Form, parity: int) -> Form:
    """A Bessel function, infinite where doubles are."""
    return lambda x: form(x) if abs(x) < 800 else mp.inf * (parity if x < 0 else 1)


def cases() -> list[Case]:
    """One case for each elementwise function, some more where there are two operands."""
    real: Any = {"is_complex": False}
    ln2, ln10, degree = mp.log(2), mp.log(10), mp.pi / 180
    zero: Form = lambda x: mp.mpf(0)  # noqa: E731
    one: Form = lambda x: mp.mpf(1)  # noqa: E731
    kink: Any = {"is_complex": False, "conventions": {(1, 0.0): 0.0, (2, 0.0): 0.0}}
    root: Any = {"is_complex": False, "conventions": {(1, 0.0): 0.0, (2, 0.0): float("nan")}}
    found = [
        _named("positive", lambda x: x, one, zero),
        _named("negative", lambda x: -x, lambda x: -one(x), zero),
        _named("absolute", abs, mp.sign, zero, **kink),
        _named("fabs", abs, mp.sign, zero, **kink),
        _named("exp", mp.exp, mp.exp, mp.exp),
        _named("exp2", *_exponential(2)),
        _named("expm1", mp.expm1, mp.exp, mp.exp),
        _named("log", mp.log, lambda x: 1 / x, lambda x: -1 / x**2),
        _named("log2", lambda x: mp.log(x) / ln2, lambda x: 1 / x / ln2, lambda x: -1 / x**2 / ln2),
        _named("log10", mp.log10, lambda x: 1 / x / ln10, lambda x: -1 / x**2 / ln10),
        _named("log1p", mp.log1p, lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2),
        _named("sqrt", mp.sqrt, lambda x: 1 / mp.sqrt(x) / 2, lambda x: -1 / mp.sqrt(x) / x / 4),
        _named("cbrt", _root(0), _root(-1, mp.mpf(1) / 3), _root(-2, mp.mpf(-2) / 9), **real),
        _named("square", lambda x: x * x, lambda x: 2 * x, lambda x: mp.mpf(2)),
        _named("reciprocal", lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3),
        _named("sin", mp.sin, mp.cos, lambda x: -mp.sin(x)),
        _named("cos", mp.cos, lambda x: -mp.sin(x), lambda x: -mp.cos(x)),
        _named("tan", mp.tan, _sec2, lambda x: 2 * mp.tan(x) * _sec2(x)),
        _named(
            "arcsin",
            mp.asin,
            lambda x: 1 / (mp.sqrt(1 - x) * mp.sqrt(1 + x)),
            lambda x: x / (mp.sqrt(1 - x) * mp.sqrt(1 + x)) ** 3,
        ),
        _named(
            "arccos",
            mp.acos,
            lambda x: -1 / (mp.sqrt(1 - x) * mp.sqrt(1 + x)),
            lambda x: -x / (mp.sqrt(1 - x) * mp.sqrt(1 + x)) ** 3,
        ),
        _named("arctan", mp.atan, lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
        _named("sinh", mp.sinh, mp.cosh, mp.sinh),
        _named("cosh", mp.cosh, mp.sinh, mp.cosh),
        _named("tanh", mp.tanh, _sech2, lambda x: -2 * mp.tanh(x) * _sech2(x)),
        _named(
            "arcsinh",
            mp.asinh,
            lambda x: 1 / mp.sqrt(1 + x * x),
            lambda x: -x / mp.sqrt(1 + x * x) ** 3,
        ),
        _named(
            "arccosh",
            mp.acosh,
            lambda x: 1 / (mp.sqrt(x - 1) * mp.sqrt(x + 1)),
            lambda x: -x / (mp.sqrt(x - 1) * mp.sqrt(x + 1)) ** 3,
        ),
        _named(
            "arctanh",
            mp.atanh,
            lambda x: 1 / ((1 - x) * (1 + x)),
            lambda x: 2 * x / ((1 - x) * (1 + x)) ** 2,
        ),
        *(
            _named(name, lambda x: x * degree, lambda x: degree, zero, **real)
            for name in ("deg2rad", "radians")
        ),
        *(
            _named(name, lambda x: x / degree, lambda x: 1 / degree, zero, **real)
            for name in ("rad2deg", "degrees")
        ),
        _named("sinc", _sinc(0), _sinc(1), _sinc(2)),
        _named(
            "i0",
            _bessel(lambda x: mp.besseli(0, x), 1),
            _bessel(lambda x: mp.besseli(1, x), -1),
            _bessel(lambda x: (mp.besseli(0, x) + mp.besseli(2, x)) / 2, 1),
            **real,
        ),
        _case("abs(x + 1j)", lambda x: np.abs(x + 1j), *_hypot(1.0), **real),
        _case("angle(x + 1j)", lambda x: np.angle(x + 1j), *_arctan2(1.0, False), **real),
        _case(
            "angle(1 + 1j x)", lambda x: np.angle(1 + 1j * x), *_arctan2(1.0, first=True), **real
        ),
        _case("norm([x, 1])", _norm_with_one, *_hypot(1.0), **real),
        _case("x / 3", lambda x: x / 3, lambda x: x / 3, lambda x: mp.mpf(1) / 3, zero),
        _case("1 / x", lambda x: 1 / x, lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3),
        _case("2**x", lambda x: 2**x, *_exponential(2)),
        _case("0.5**x", lambda x: 0.5**x, *_exponential(0.5)),
    ]
    for p in (0.5, 1.5, 2.0, 3.0, -1.0, -0.5, 1.0, 0.0):
        found.append(_case(f"x**{p}", lambda x, p=p: x**p, *_power(p)))
        found.append(_case(f"power(x, {p})", lambda x, p=p: np.power(x, p), *_power(p)))
        found.append(_case(f"float_power(x, {p})", lambda x, p=p: np.float_power(x, p), *_power(p)))
    for b in (1.0, 0.0, 1e200):
        found.append(
            _case(
                f"hypot(x, {b})", lambda x, b=b: np.hypot(x, b), *_hypot(b), **(real if b else root)
            )
        )
    for b in (1.0, -3.0):
        found.append(
            _case(f"arctan2(x, {b})", lambda x, b=b: np.arctan2(x, b), *_arctan2(b, True), **real)
        )
        found.append(
            _case(f"arctan2({b}, x)", lambda x, b=b: np.arctan2(b, x), *_arctan2(b, False), **real)
        )
    for b in (0.0, 1e3):
        for name, base in (("logaddexp", None), ("logaddexp2", 2)):
            fn, forms = getattr(np, name), _logaddexp(b, base)
            found.append(_case(f"{name}(x, {b})", lambda x, f=fn, b=b: f(x, b), *forms, **real))
            found.append(_case(f"{name}({b}, x)", lambda x, f=fn, b=b: f(b, x), *forms, **real))
            found.append(
                _case(
                    f"{name}.reduce([x, {b}])",
                    lambda x, f=fn, b=b: _reduced(f, b, x),
                    *forms,
                    **real,
                )
            )
    return found


def _norm_with_one(x: Any) -> Any:
    return np.linalg.norm(np.stack([x, np.ones_like(dd.value_of(x))]), axis=0)


def _reduced(ufunc: Any, b: float, x: Any) -> Any:
    return ufunc.reduce(np.stack([x, np.full_like(dd.value_of(x), b)]), axis=0)


MAGNITUDES = (
    1e-310, 1e-300, 1e-200, 1e-160, 1e-100, 1e-40, 1e-20, 1e-12, 1e-8, 1e-5, 1e-3, 0.1, 0.5, 0.9,
    1 - 1e-9, 1.0, 1 + 1e-9, 1.1, 1.5707963267948966, 2.0, 3.141592653589793, 10.0, 20.0, 40.0,
    100.0, 354.0, 700.0, 745.0, 1e3, 1e5, 1e8, 1e16, 1e50, 1e100, 1e160, 1e200, 1e300,
)  # fmt: skip
REAL = np.array([s * m for m in (0.0, *MAGNITUDES, np.inf) for s in (1, -1)])
_PARTS = (0.0, 1e-200, 1e-20, 1e-8, 0.5, 1.0, 2.0, 40.0, 800.0, 1e10, 1e200)
COMPLEX = np.array(
    [complex(s * a, r * b) for s in (1, -1) for r in (1, -1) for a in _PARTS for b in _PARTS]
)


def arguments(dtype: Any) -> Any:
    """The arguments of a dtype, each once."""
    if np.dtype(dtype).kind == "c":
        with np.errstate(all="ignore"):
            z = COMPLEX.astype(dtype)
        return z[np.isfinite(z) & ((z != 0) | (COMPLEX == 0))]
    with np.errstate(all="ignore"):
        x = REAL.astype(dtype)
    keep = np.isinf(REAL) | (np.isfinite(x) & ((x != 0) | (REAL == 0)))
    return x[keep]


@cache
def _limits() -> tuple[Any, Any]:
    return mp.mpf(10) ** 5000, mp.mpf(10) ** 6000


def _real_points(x: float) -> list[Any]:
    """Where to look for the limit at x: further and further out, or nearer and nearer."""
    near, nearer = _limits()
    if np.isinf(x):
        return [near, nearer] if x > 0 else [-near, -nearer]
    if x == 0:
        return [1 / nearer] if not np.signbit(x) else [-1 / nearer]
    return [mp.mpf(float(x))]


def _value(form: Form, x: Any) -> Any:
    try:
        return form(x)
    except ZeroDivisionError:
        return mp.inf


@dataclass
class Expected:
    """The right derivative, and how far rounding of the argument alone moves it, per unit."""

    value: Any
    condition: float


def _moved(form: Form, x: Any, value: Any) -> float:
    if not mp.isfinite(value) or value == 0:
        return 0.0
    h = mp.pi * mp.mpf(10) ** -20
    parts = [x * (1 + h)] if isinstance(x, mp.mpf) else [
        mp.mpc(x.real * (1 + h), x.imag), mp.mpc(x.real, x.imag * (1 + h))]  # fmt: skip
    moved = [abs(_value(form, part) - value) / abs(value) / h for part in parts]
    return float(min(max(moved), mp.mpf(1e250)))


def expected_real(case: Case, order: int, x: float) -> Expected | None:
    """The derivative at x or its limit there; None where there is none."""
    if (order, float(abs(x))) in case.conventions:
        value = case.conventions[order, float(abs(x))]
        return None if np.isnan(value) else Expected(value, 0.0)  # NaN: there is none
    form = case.forms[order - 1]
    # As many digits more as a period of sinc has of an argument.
    digits = int(np.log10(abs(x))) if case.name == "sinc" and 1 < abs(x) < np.inf else 0
    with mp.workdps(DIGITS + digits):
        points = _real_points(x)
        if any(isinstance(_value(case.exact, p), mp.mpc) for p in points):
            return None
        values = [_value(form, p) for p in points]
        if not mp.isfinite(values[0]):  # a pole that is a double: from inside of the domain
            nudges = [points[0] * (1 + s * mp.mpf(10) ** -1000) for s in (1, -1)]
            with mp.workdps(1100):
                nudges = [mp.mpf(float(x)) * (1 + s * mp.mpf(10) ** -1000) for s in (1, -1)]
                inside = [p for p in nudges if not isinstance(_value(case.exact, p), mp.mpc)]
                values = [_value(form, p) for p in inside]
        numbers = {float(v) for v in values if not isinstance(v, mp.mpc)}
        if len(numbers) != 1:
            return None
        return Expected(values[0], _moved(form, points[0], values[0]))


def expected_complex(case: Case, order: int, z: complex) -> Expected | None:
    """The derivative at z, on the side of a branch cut that signed zeros say."""
    form = case.forms[order - 1]
    tiny = mp.mpf(10) ** -400
    if case.name == "sinc" and abs(z) > 1e3:  # where mpmath takes long
        return None
    with mp.workdps(DIGITS):
        re, im = (
            mp.mpf(v) if v else tiny * mp.mpf(np.copysign(1, v))
            for v in (float(z.real), float(z.imag))
        )
        value = _value(form, mp.mpc(re, im))
        at_pole = 0 in (z.real, z.imag) and abs(value) > mp.mpf(10) ** 150
        if at_pole or not mp.isfinite(value):  # complex infinities are of many kinds
            return None
        if z == 0 and abs(value) < mp.mpf(10) ** -150:
            value = mp.mpf(0)
        return Expected(value, _moved(form, mp.mpc(re, im), value))


def is_right(found: Any, wanted: Expected, dtype: Any) -> bool:
    """Whether a derivative is right to the precision that its dtype and condition allow."""
    limits = np.finfo(dtype)
    tolerance = 1e-12 if limits.eps < 1e-10 else 1e-5
    size = abs(wanted.value)
    if size > limits.max / 4 and limits.dtype.kind == "f" and np.iscomplexobj(found):
        return True  # infinities of complex numbers are of many kinds
    if size > limits.max / 4:
        return bool(
            (np.isinf(found) and (size > limits.max)) or _close(found, wanted, tolerance, 0)
        )
    return _close(found, wanted, tolerance, float(limits.tiny) * 16)


def _close(found: Any, wanted: Expected, tolerance: float, floor: float) -> bool:
    if not np.isfinite(found):
        return bool(
            not mp.isfinite(wanted.value) and np.sign(found) == np.sign(float(wanted.value))
        )
    value = mp.mpmathify(complex(found) if np.iscomplexobj(found) else float(found))
    allowed = tolerance * (1 + wanted.condition) * abs(wanted.value) + floor
    return bool(abs(value - wanted.value) <= allowed)


def forward(fn: Any, x: Any, order: int) -> Any:
    """The derivative by forward mode."""
    ones = np.ones_like(x)
    if order == 1:
        return dd.jvp(fn, (x,), (ones,))[1]
    return dd.jvp(lambda y: dd.jvp(fn, (y,), (ones,))[1], (x,), (ones,))[1]


def reverse(fn: Any, x: Any, order: int) -> Any:
    """The derivative by reverse mode."""
    ones = np.ones_like(x)
    if order == 1:
        return dd.vjp(fn, x)[1](ones)[0]
    return dd.vjp(lambda y: dd.vjp(fn, y)[1](ones)[0], x)[1](ones)[0]


def faults(case: Case, dtype: Any, every: int = 1) -> Iterator[str]:
    """The errors of a case, at every n-th argument of a dtype."""
    # Another part of them for each case.
    xs = arguments(dtype)[len(case.name) % every :: every]
    expected = expected_complex if xs.dtype.kind == "c" else expected_real
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        values = case.fn(xs)
        for order in ORDERS:
            found = {m.__name__: m(case.fn, xs, order) for m in (forward, reverse)}
            for i, x in enumerate(xs):
                wanted = None if np.isnan(values[i]) else expected(case, order, x)
                if wanted is None:
                    continue
                for mode, slopes in found.items():
                    if not is_right(slopes[i], wanted, dtype):
                        value = mp.nstr(wanted.value, 8)
                        yield f"order {order}, {mode}, at {x}: {slopes[i]}, right is {value}"
