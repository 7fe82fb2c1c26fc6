"""Elementwise functions have the right derivatives over the whole range of their arguments."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mp

import dualdiff as dd
from dualdiff.rules.declare import Elementwise
from dualdiff.rules.numpy import elementwise, ufuncs
from tests.rules.numpy.sweep import Case, cases, faults

CASES = cases()
COMPLEX_CASES = [c for c in CASES if c.is_complex]
# Elementwise functions of NumPy that are in no case, each with its reason.
WITHOUT_CASE = {
    **dict.fromkeys(("add", "subtract", "multiply", "conjugate"), "a sum, a product"),
    **dict.fromkeys(("remainder", "fmod", "modf", "ldexp", "nextafter"), "piecewise linear"),
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin", "heaviside"), "a choice of operands"),
    **dict.fromkeys(("copysign", "real", "imag", "nan_to_num", "unwrap"), "a choice of parts"),
}


def _id(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_derivatives_are_right_over_the_range_of_doubles(case: Case) -> None:
    assert not list(faults(case, np.float64, every=2))


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_derivatives_are_right_over_the_range_of_float32(case: Case) -> None:
    assert not list(faults(case, np.float32, every=4))


@pytest.mark.parametrize("case", COMPLEX_CASES, ids=_id)
def test_derivatives_are_right_at_complex_numbers(case: Case) -> None:
    assert not list(faults(case, np.complex128, every=37))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.complex64])
@pytest.mark.parametrize("case", CASES, ids=_id)
def test_derivatives_are_right_at_every_argument(case: Case, dtype: Any) -> None:
    if case.is_complex or np.dtype(dtype).kind == "f":
        assert not list(faults(case, dtype))


def test_every_elementwise_function_is_in_the_sweep() -> None:
    named = {c.name.partition("(")[0].partition(".")[0] for c in CASES} | {"divide"}
    of_numpy = {p.name: p for p in (*ufuncs.PRIMITIVES, elementwise.sinc, elementwise.i0_p)}
    assert of_numpy.keys() <= named | set(WITHOUT_CASE)
    assert all(isinstance(p, Elementwise) for name, p in of_numpy.items() if name in named)


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_closed_forms_of_the_sweep_are_derivatives(case: Case) -> None:
    with mp.workdps(60):
        for x in (mp.mpf("0.7"), mp.mpf("1.3")):
            if isinstance(case.exact(x), mpmath.mpc):
                continue
            for order, form in enumerate(case.forms, start=1):
                assert mp.almosteq(mp.diff(case.exact, x, order), form(x), 1e-15, 1e-15)


# Python's numbers, at which NumPy's functions give infinities and Python's operators raise.
OF_NUMBERS = [
    (np.log, 0.0, (np.inf, -np.inf)),
    (np.log2, 0.0, (np.inf, -np.inf)),
    (np.log10, 0.0, (np.inf, -np.inf)),
    (np.log1p, -1.0, (np.inf, -np.inf)),
    (np.sqrt, 0.0, (np.inf, -np.inf)),
    (np.cbrt, 0.0, (np.inf, -np.inf)),
    (lambda x: x**0.5, 0.0, (np.inf, -np.inf)),
    (lambda x: x**1.5, 0.0, (0.0, np.inf)),
    (lambda x: np.float_power(x, 0.5), 0.0, (np.inf, -np.inf)),
    (np.reciprocal, 0.0, (-np.inf, np.inf)),
    (lambda x: np.divide(1.0, x), 0.0, (-np.inf, np.inf)),
    (np.arctanh, 1.0, (np.inf, np.inf)),
    (np.arcsin, 1.0, (np.inf, np.inf)),
    (np.arccos, 1.0, (-np.inf, -np.inf)),
    (np.arccosh, 1.0, (np.inf, -np.inf)),
]


@pytest.mark.parametrize(("fn", "x", "expected"), OF_NUMBERS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_python_numbers_at_poles_have_infinite_derivatives(
    fn: Any, x: float, expected: tuple[float, float]
) -> None:
    assert dd.grad(fn)(x) == expected[0]
    assert dd.derivative(fn)(x) == expected[0]
    assert dd.grad(dd.grad(fn))(x) == expected[1]
    assert dd.derivative(dd.derivative(fn))(x) == expected[1]
    assert dd.hessian(fn)(x) == expected[1]


@pytest.mark.parametrize("ufunc", [np.logaddexp, np.logaddexp2])
@pytest.mark.parametrize("x", [1e10, 1e15, 1e50, 1e300, -1e50])
def test_shares_of_equal_exponents_add_up_to_one(ufunc: np.ufunc, x: float) -> None:
    assert dd.grad(lambda x: ufunc(x, x))(x) == 1
    for n in (2, 3, 10):
        line = lambda x, n=n: np.stack([x] * n)  # noqa: E731
        assert dd.grad(lambda x, line=line: ufunc.reduce(line(x)))(x) == pytest.approx(1, 1e-14)
        assert dd.grad(lambda x, line=line: ufunc.accumulate(line(x))[-1])(x) == pytest.approx(1)
        assert dd.grad(lambda x, line=line: ufunc.reduceat(line(x), [0])[0])(x) == pytest.approx(1)
    assert dd.grad(lambda x: np.sum(ufunc.outer(line(x), line(x))))(x) == pytest.approx(100)
    assert dd.jacobian(lambda x: ufunc.reduce(x))(np.full(4, x)) == pytest.approx(np.full(4, 0.25))


@pytest.mark.parametrize(("ufunc", "base"), [(np.logaddexp, mp.e), (np.logaddexp2, 2)])
@pytest.mark.parametrize("options", [{}, {"initial": 45.0}, {"where": [True, False, True, True]}])
def test_hessians_of_log_sum_exp_keep_small_shares(
    ufunc: np.ufunc, base: Any, options: dict[str, Any]
) -> None:
    x = np.array([40.0, 3.0, -20.0, 0.5])
    hessian = dd.hessian(lambda x: ufunc.reduce(x, **options))(x)
    with mp.workdps(60):
        scale = mp.log(base)
        taken = options.get("where", [True] * 4)
        weights = [
            mp.exp(scale * mp.mpf(v)) if t else mp.mpf(0) for v, t in zip(x, taken, strict=True)
        ]
        total = mp.fsum(weights) + (mp.exp(45 * scale) if "initial" in options else 0)
        p = [w / total for w in weights]
        exact = [
            [float(scale * ((i == j) * p[i] - p[i] * p[j])) for j in range(4)] for i in range(4)
        ]
    # Of the diagonal, ``p - p**2`` is exact here: it loses nothing in so many digits.
    assert hessian == pytest.approx(np.array(exact), rel=1e-12, abs=0)


def test_norm_of_large_and_small_vectors_has_its_gradient() -> None:
    for scale in (1e-200, 1e-160, 1e160, 1e200):
        with np.errstate(over="ignore"):
            g = dd.grad(np.linalg.norm)(scale * np.array([3.0, -4.0]))
        assert g == pytest.approx([0.6, -0.8], rel=1e-14)
    assert dd.grad(np.linalg.norm)(np.array([np.inf, 1.0])).tolist() == [1, 0]


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e160, 1e200])
@pytest.mark.parametrize("axis", [None, 0])
def test_norms_and_deviations_of_large_and_small_numbers_have_their_derivatives(
    scale: float, axis: int | None
) -> None:
    x = np.array([1.0, 2.0, 4.0])
    cubes = np.array([1.0, 4.0, 16.0]) / 73.0 ** (2 / 3)
    deviations = (x - 7 / 3) / (3 * np.sqrt(14 / 9))
    with np.errstate(all="ignore"):
        found = dd.grad(lambda x: np.linalg.norm(x, 3, axis))(scale * x)
        assert found == pytest.approx(cubes, rel=1e-13)
        value, found = dd.value_and_grad(lambda x: np.std(x, axis))(scale * x)
        assert value == np.std(scale * x)
        assert found == pytest.approx(deviations, rel=1e-13)
        found = dd.grad(lambda x: np.nanstd(x, axis))(scale * np.append(x, np.nan))
        assert found == pytest.approx([*deviations, 0], rel=1e-13)


def test_hessian_of_norm_keeps_small_entries() -> None:
    x = np.array([1e8, 1.0, -2.0])
    r = np.hypot(np.hypot(*x[:2]), x[2])
    exact = np.array([[5.0, -1e8, 2e8], [-1e8, 1e16 + 4, 2.0], [2e8, 2.0, 1e16 + 1]]) / r**3
    for f in (np.linalg.norm, np.hypot.reduce):
        assert dd.hessian(f)(x) == pytest.approx(exact, rel=1e-13, abs=0)


def test_derivatives_at_infinity_are_limits() -> None:
    assert dd.grad(np.abs)(complex(np.inf, 0)) == 1
    assert dd.grad(lambda x: np.hypot(x, 1.0))(np.inf) == 1
    assert dd.grad(np.hypot, argnums=(0, 1))(-np.inf, 2.0) == (-1, 0)
    assert dd.grad(np.arctan2, argnums=(0, 1))(np.inf, 2.0) == (0, 0)
    assert dd.grad(lambda x: np.angle(x + 1j))(np.inf) == 0


def test_sign_of_complex_numbers_keeps_small_turns() -> None:
    t = dd.jvp(np.sign, (1e8 + 1j,), (1.0 + 0j,))[1]
    z = mpmath.mpc(1e8, 1)
    exact = complex(1 / abs(z) - z * z.real / abs(z) ** 3)
    assert t.real == pytest.approx(exact.real, rel=1e-13)
    assert t.imag == pytest.approx(exact.imag, rel=1e-13)


@pytest.mark.parametrize("name", ["arcsin", "arccos", "arcsinh", "arccosh", "arctanh", "arctan"])
@pytest.mark.parametrize("turn", [1, -1, 1j, -1j])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_branch_cuts_are_on_the_side_of_signed_zeros(name: str, turn: complex, zero: float) -> None:
    z = complex(2.0 * turn.real, zero) if turn.imag == 0 else complex(zero, 2.0 * turn.imag)
    f, step = getattr(np, name), 1e-6 * turn
    side = complex(2.0 * turn.real, np.copysign(1e-9, zero))
    if turn.imag:
        side = complex(np.copysign(1e-9, zero), 2.0 * turn.imag)
    difference = (f(side + step) - f(side - step)) / (2 * step)
    for order in (dd.jvp(f, (z,), (1.0 + 0j,))[1], dd.grad(f, holomorphic=True)(z)):
        assert order == pytest.approx(difference, rel=1e-6)


def test_long_double_constants_are_long() -> None:
    x, one = np.longdouble(0.75), np.longdouble(1)
    ln2, ln10 = np.log(np.longdouble(2)), np.log(np.longdouble(10))
    eps = np.finfo(np.longdouble).eps
    for f, exact in (
        (np.exp2, np.exp2(x) * ln2),
        (lambda x: 2**x, np.exp2(x) * ln2),
        (np.log2, one / (x * ln2)),
        (np.log10, one / (x * ln10)),
    ):
        assert abs(dd.grad(f)(x) / exact - 1) < 4 * eps
    assert dd.grad(np.i0)(x).dtype == np.longdouble
