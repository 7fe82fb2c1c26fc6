"""Universal functions: a row for each use, then kinks, corners, dtypes and keywords."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, Row, row, rule_tests

POSITIVE = {"low": 0.3, "high": 2.0}
INSIDE = {"low": -0.8, "high": 0.8}
UNIT = {"low": 0.1, "high": 0.9}

UNARY: list[tuple[Any, dict[str, float], bool]] = [
    (np.positive, {}, True),
    (np.negative, {}, True),
    (np.conjugate, {}, True),
    (np.absolute, {}, True),
    (np.fabs, {}, False),
    (np.sign, {}, True),
    (np.exp, {}, True),
    (np.exp2, {}, True),
    (np.expm1, {}, True),
    (np.log, POSITIVE, True),
    (np.log2, POSITIVE, True),
    (np.log10, POSITIVE, True),
    (np.log1p, {"low": -0.6, "high": 1.5}, True),
    (np.sqrt, POSITIVE, True),
    (np.cbrt, {}, False),
    (np.square, {}, True),
    (np.reciprocal, {}, True),
    (np.sin, {}, True),
    (np.cos, {}, True),
    (np.tan, {"low": -1.2, "high": 1.2}, True),
    (np.arcsin, INSIDE, True),
    (np.arccos, INSIDE, True),
    (np.arctan, {}, True),
    (np.sinh, {}, True),
    (np.cosh, {}, True),
    (np.tanh, {}, True),
    (np.arcsinh, {}, True),
    (np.arccosh, {"low": 1.2, "high": 3.0}, True),
    (np.arctanh, INSIDE, True),
    (np.deg2rad, {}, False),
    (np.radians, {}, False),
    (np.rad2deg, {}, False),
    (np.degrees, {}, False),
    (np.modf, UNIT, False),
    (np.frexp, {"low": 0.55, "high": 0.95}, False),
    (np.floor, UNIT, False),
    (np.ceil, UNIT, False),
    (np.trunc, UNIT, False),
    (np.rint, {"low": 0.6, "high": 1.4}, False),
]

BINARY: list[tuple[Any, dict[str, float], dict[str, float], bool]] = [
    (np.add, {}, {}, True),
    (np.subtract, {}, {}, True),
    (np.multiply, {}, {}, True),
    (np.divide, {}, {}, True),
    (np.power, POSITIVE, {}, True),
    (np.float_power, POSITIVE, {}, True),
    (np.remainder, {"low": 1.2, "high": 1.8}, {"low": -1.1, "high": -0.95}, False),
    (np.fmod, {"low": -1.8, "high": -1.2}, {"low": 0.95, "high": 1.1}, False),
    (np.divmod, {"low": 1.2, "high": 1.8}, {"low": -1.1, "high": -0.95}, False),
    (np.floor_divide, {"low": 1.2, "high": 1.8}, {"low": -1.1, "high": -0.95}, False),
    (np.copysign, {}, {}, False),
    (np.hypot, {}, {}, False),
    (np.arctan2, {}, {}, False),
    (np.logaddexp, {}, {}, False),
    (np.logaddexp2, {}, {}, False),
    (np.maximum, {}, {}, True),
    (np.minimum, {}, {}, True),
    (np.fmax, {}, {}, True),
    (np.fmin, {}, {}, True),
    (np.heaviside, {}, {}, False),
    (np.nextafter, {}, {}, False),
]


def _number(seed: int = 3, **bounds: float) -> float:
    return float(A(1, seed=seed, **bounds)[0])


def _unary_rows() -> list[Row]:
    rows = []
    for ufunc, bounds, is_complex in UNARY:
        rows.append(row(ufunc, A(2, 3, **bounds), _complex=is_complex))
        rows.append(row(ufunc, _number(**bounds), _complex=is_complex))
    return rows


def _binary_rows() -> list[Row]:
    rows = []
    for ufunc, x, y, is_complex in BINARY:
        for operands in (
            (A(2, 3, **x), A(2, 3, seed=1, **y)),
            (A(3, **x), A(2, 3, **y)),
            (A(2, 1, **x), A(1, 3, **y)),
            (A(3, **x), _number(4, **y)),
            (_number(**x), A(3, **y)),
            (_number(**x), _number(4, **y)),
        ):
            rows.append(row(ufunc, *operands, _complex=is_complex))
    return rows


ROWS = [
    *_unary_rows(),
    *_binary_rows(),
    row(np.multiply, np.zeros((0, 3)), A(3)),
    row(np.sin, np.float64(0.7)),
    row(np.sin, np.array(0.7)),
    row(np.multiply, np.array(0.7), A(1, 1, 1)),
    row(np.power, A(3), 2),
    row(np.power, A(3), 3),
    row(np.power, A(3), -2.0),
    row(np.power, A(3), 0),
    row(np.power, A(3), 1),
    row(np.power, A(3), np.array([2, 0, 3])),
    row(np.power, A(2, 3), np.array([2.0, -3.0, 0.0]), _argnums=0),
    row(np.power, 2, A(3)),
    row(np.power, np.array([0.0, 2.0, 0.0]), A(3, low=0.5, high=2.0), _argnums=1),
    row(np.multiply, A(3), np.array([1, 2, 3])),
    row(np.subtract, True, A(3)),
    # ldexp takes no complex numbers; its exponents are integers.
    row(np.ldexp, A(3), np.array([1, -2, 3]), _complex=False),
    row(np.ldexp, A(3), np.array([[1], [-2]]), _complex=False),
    row(np.ldexp, 0.7, 3, _complex=False),
    row(np.sqrt, A(3), out=None, _id="sqrt-out-None"),
    row(lambda x: np.sin(x, dtype=complex), A(3), _id="sin-dtype-complex", _float32=False),
    row(lambda x: np.multiply(x, 1 + 2j), A(3), _id="real-to-complex", _complex=False),
    row(lambda x: np.exp(x, order="F", subok=False, casting="unsafe"), A(2, 3), _id="exp-order"),
    row(lambda x, y: np.hypot.outer(x, y), A(2), A(3), _id="hypot.outer", _complex=False),
    row(lambda x, y: np.multiply.outer(x, y), A(2, 2), 1.5, _id="multiply.outer-scalar"),
    row(lambda x: np.power.outer(x, [1.0, 2.0]), A(3), _id="power.outer-list"),
    row(lambda x: np.real(np.tan(x)), A(3, complex=True), _id="tan-complex"),
    row(lambda x: np.real(np.arccosh(x)), A(3, complex=True), _id="arccosh-complex"),
]


def _log_where_positive(x: Any) -> Any:
    out = 2 * x
    return np.log(x, out=out, where=dd.value_of(x) > 0)


def _into_part(x: Any, y: Any) -> Any:
    out = dd.numpy.zeros((2, 3), dtype=np.result_type(x, y))
    np.multiply(x, y, out=out[1])
    np.add(x, y, out=out[0], where=[True, False, True])
    return out


def _modf_out(x: Any) -> Any:
    first, second = 3 * x, 1 * x
    np.modf(x, out=(first, second))
    return first * x + second


ROWS += [
    row(_log_where_positive, A(4), _complex=False),
    row(_into_part, A(3), A(3, seed=1)),
    row(_modf_out, A(3, **UNIT), _complex=False),
]

TestRules = rule_tests(ROWS)


def first(f: Any, x: float) -> float:
    """The derivative at a scalar, once both modes agree."""
    forward = dd.jvp(f, (x,), (1.0,))[1]
    reverse = dd.grad(f)(x)
    assert forward == pytest.approx(reverse, rel=1e-14)
    return float(reverse)


def second(f: Any, x: float) -> float:
    """The second derivative at a scalar, once all four pairs of modes agree."""

    def pushed(x: Any) -> Any:
        return dd.jvp(f, (x,), (1.0,))[1]

    found = [first(g, x) for g in (pushed, dd.grad(f))]
    assert found[0] == pytest.approx(found[1], rel=1e-14)
    return found[0]


@pytest.mark.parametrize("r", ROWS, ids=[r.id for r in ROWS])
def test_derivatives_raise_no_floating_point_error(r: Row) -> None:
    vs = tuple(np.ones_like(x) if isinstance(x, np.ndarray) else type(x)(1) for x in r.leaves)
    with np.errstate(all="raise"):
        value, _ = dd.jvp(r, tuple(r.leaves), vs)
        _, pullback = dd.vjp(r, *r.leaves)
        pullback(tuple(np.ones_like(v) if isinstance(v, np.ndarray) else type(v)(1) for v in value))


KINKS = [
    (np.abs, 0.0, 0.0),
    (np.fabs, 0.0, 0.0),
    (np.sign, 0.0, 0.0),
    (lambda x: np.hypot(x, 0.0), 0.0, 0.0),
    (lambda x: np.hypot(0.0, x), 0.0, 0.0),
    (lambda x: np.arctan2(x, 0.0), 0.0, 0.0),
    (lambda x: np.arctan2(0.0, x), 0.0, 0.0),
    (lambda x: np.maximum(x, 0.0), 0.0, 0.5),
    (lambda x: np.maximum(1.0, x), 1.0, 0.5),
    (lambda x: np.minimum(x, 0.0), 0.0, 0.5),
    (lambda x: np.fmax(x, 0.0), 0.0, 0.5),
    (lambda x: np.fmin(0.0, x), 0.0, 0.5),
    (lambda x: np.maximum(x, x), 2.0, 1.0),
    (lambda x: np.fmax(x, np.nan), 2.0, 1.0),
    (lambda x: np.fmin(np.nan, x), 2.0, 1.0),
    (lambda x: np.maximum(x, np.nan), 2.0, 0.0),
    (lambda x: x**0, 0.0, 0.0),
    (lambda x: x**0.0, np.inf, 0.0),
    (lambda x: np.power(x, np.array(0)), 0.0, 0.0),
    (lambda x: x**1, 0.0, 1.0),
    (lambda x: np.power(x, np.array([1.0]))[0], 0.0, 1.0),
    (lambda x: x**2, 0.0, 0.0),
    (lambda x: 0.0**x, 2.0, 0.0),
    (lambda x: np.power(0.0, x), 0.0, 0.0),
    (lambda x: x**3, -2.0, 12.0),
    (lambda x: x**3.0, -2.0, 12.0),
    (lambda x: x**-2, -2.0, 0.25),
    (lambda x: np.power(x, np.array([3]))[0], -2.0, 12.0),
    (lambda x: np.float_power(x, 3), -2.0, 12.0),
    (lambda x: np.logaddexp(x, -np.inf), -np.inf, 0.5),
    (lambda x: np.logaddexp(-np.inf, x), -np.inf, 0.5),
    (lambda x: np.logaddexp2(x, -np.inf), -np.inf, 0.5),
    (lambda x: np.logaddexp(x, -np.inf), 1.0, 1.0),
    (lambda x: np.logaddexp(x, 1.0), -np.inf, 0.0),
    (lambda x: np.logaddexp(x, 1.0), np.inf, 1.0),
    (lambda x: np.logaddexp(x, np.inf), np.inf, 0.5),
    (lambda x: np.logaddexp(x, np.inf), 1.0, 0.0),
    (lambda x: np.logaddexp(x, 0.0), 40.0, 1.0),
    (lambda x: np.remainder(x, 3.0), -1.0, 1.0),
    (lambda x: np.remainder(-1.0, x), 3.0, 1.0),
    (lambda x: np.remainder(7.0, x), -2.0, 4.0),
    (lambda x: np.fmod(-7.0, x), 2.0, 3.0),
    (lambda x: np.fmod(7.0, x), -2.0, 3.0),
    (lambda x: np.heaviside(x, 0.5), 0.0, 0.0),
    (lambda x: np.heaviside(0.0, x), 0.5, 1.0),
    (lambda x: np.copysign(x, -1.0), 2.0, -1.0),
    (lambda x: np.copysign(x, -1.0), -2.0, 1.0),
    (lambda x: np.copysign(2.0, x), -3.0, 0.0),
    (lambda x: np.ldexp(x, 3), 1.5, 8.0),
    (lambda x: np.ldexp(x, -3), 0.0, 0.125),
    (lambda x: np.frexp(x)[0], 5.0, 0.125),
    (lambda x: np.frexp(x)[0], 0.0, 1.0),
    (lambda x: np.modf(x)[0], -1.5, 1.0),
    (lambda x: np.modf(x)[1], -1.5, 0.0),
    (lambda x: np.divmod(x, 2.0)[0], -1.5, 0.0),
    (lambda x: np.sqrt(x), 0.0, np.inf),
    (lambda x: np.cbrt(x), 0.0, np.inf),
    (lambda x: np.log1p(x), 1e300, 1e-300),
    (lambda x: np.expm1(x), -40.0, np.exp(-40.0)),
    (lambda x: np.log(x), 1e-310, np.inf),
    (lambda x: np.arctan(x), 1e200, 0.0),
    (lambda x: np.nextafter(x, 2.0), 1.0, 1.0),
    (lambda x: np.spacing(x), 1.0, 0.0),
]


@pytest.mark.parametrize(("f", "x", "expected"), KINKS)
def test_kinks_and_corners_have_the_documented_derivative(
    f: Any, x: float, expected: float
) -> None:
    with np.errstate(all="raise"):
        assert first(f, x) == pytest.approx(expected, rel=1e-14)
        array = dd.jacobian(lambda v: f(v[0]), mode="forward")(np.array([x]))
        assert array[0] == pytest.approx(expected, rel=1e-14)


SECOND = [
    (lambda x: np.abs(x), 0.0, 0.0),
    (lambda x: x**0, 0.0, 0.0),
    (lambda x: x**1, 0.0, 0.0),
    (lambda x: x**2, 0.0, 2.0),
    (lambda x: np.power(x, np.array([2.0]))[0], 0.0, 2.0),
    (lambda x: np.power(x, np.array([3.0]))[0], -2.0, -12.0),
    (lambda x: 0.0**x, 2.0, 0.0),
    (lambda x: np.logaddexp(x, 1.0), 1.0, 0.25),
    (lambda x: np.logaddexp(x, -np.inf), -np.inf, 0.0),
    (lambda x: np.logaddexp(x, np.inf), np.inf, 0.0),
    (lambda x: np.logaddexp2(x, 1.0), 1.0, 0.25 * np.log(2.0)),
    (lambda x: np.maximum(x * x, 0.0), 2.0, 2.0),
]


def test_the_second_derivative_of_hypot_at_its_kink_is_nan() -> None:
    assert np.isnan(dd.grad(dd.grad(lambda x: np.hypot(x, 0.0)))(0.0))
    assert dd.grad(dd.grad(lambda x: np.hypot(x, 0.0) ** 2))(0.0) == pytest.approx(2.0)


@pytest.mark.parametrize(("f", "x", "expected"), SECOND)
def test_second_derivatives_at_kinks_are_finite(f: Any, x: float, expected: float) -> None:
    assert second(f, x) == pytest.approx(expected, rel=1e-14)


def test_fmod_takes_the_quotient_of_its_own_piece() -> None:
    assert 0.5 / 0.1 == 5.0  # rounded up: 0.1 is a little more than a tenth
    assert np.fmod(0.5, 0.1) > 0.09
    assert first(lambda y: np.fmod(0.5, y), 0.1) == -4.0
    assert first(lambda y: np.remainder(0.5, y), 0.1) == -4.0


def test_complex_absolute_and_sign_have_derivative_zero_at_zero() -> None:
    z = np.array([0j, 3 + 4j])
    for f in (np.abs, np.sign):
        for g in (dd.jvp(f, (z,), (np.ones(2) + 0j,))[1], dd.vjp(f, z)[1](f(z) * 0 + 1)[0]):
            assert g[0] == 0
            assert np.isfinite(g[1])
            assert g[1] != 0


def test_grad_of_absolute_is_the_conjugate_of_the_steepest_ascent() -> None:
    assert dd.grad(np.abs)(3 + 4j) == pytest.approx((3 - 4j) / 5)


def test_power_of_a_negative_base_with_a_complex_exponent_uses_the_complex_logarithm() -> None:
    y = 0.5 + 0.3j
    expected = np.power(-2.0 + 0j, y) * np.log(-2.0 + 0j)
    assert dd.jvp(lambda y: np.power(-2.0, y), (y,), (1 + 0j,))[1] == pytest.approx(expected)
    assert dd.grad(lambda y: np.power(-2.0, y))(y) == pytest.approx(expected)


def test_sqrt_at_zero_gives_the_value_without_a_warning() -> None:
    with np.errstate(all="raise"):
        value, gradient = dd.value_and_grad(lambda x: np.sum(np.sqrt(x)))(np.array([0.0, 4.0]))
    assert value == 2.0
    np.testing.assert_equal(gradient, [np.inf, 0.25])


def test_an_error_of_the_function_itself_is_still_raised() -> None:
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        dd.grad(np.log)(-1.0)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        dd.grad(np.log)(0.0)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.divide, np.power, np.hypot, np.maximum])
def test_operands_of_different_dtypes_get_derivatives_in_their_own(ufunc: Any, mode: str) -> None:
    x, y = A(3, low=0.5, high=2.0).astype(np.float32), A(3, seed=1, low=0.5, high=2.0)
    exact = dd.jacobian(ufunc, argnums=(0, 1))(x.astype(float), y)
    pulled = dd.vjp(ufunc, x, y)[1](np.ones(3))
    assert [g.dtype for g in pulled] == [np.float32, np.float64]
    found = dd.jacobian(ufunc, argnums=(0, 1), mode=mode)(x, y)
    assert [j.dtype for j in found] == [np.float64, np.float64]
    for j, e in zip(found, exact, strict=True):
        np.testing.assert_allclose(j, e, rtol=1e-6)


@pytest.mark.parametrize("scalar", [2, 2.0, True, np.float32(2), np.int64(2)])
def test_scalar_operands_promote_as_in_numpy(scalar: Any) -> None:
    x = A(3, low=0.5, high=2.0).astype(np.float32)
    for ufunc in (np.add, np.multiply, np.divide, np.power, np.maximum, np.arctan2):
        for f in (lambda x, u=ufunc: u(x, scalar), lambda x, u=ufunc: u(scalar, x)):
            value, tangent = dd.jvp(f, (x,), (np.ones_like(x),))
            assert value.dtype == tangent.dtype == f(x).dtype
            assert dd.elementwise_grad(f)(x).dtype == np.float32


def test_comparisons_and_tests_give_plain_values() -> None:
    def f(x: Any) -> Any:
        assert type(np.greater(x, 0)) is np.ndarray
        assert type(np.isfinite(x)) is np.ndarray
        assert type(np.logical_and(x > 0, x < 1)) is np.ndarray
        return np.where(np.signbit(x), -x, 2 * x)

    np.testing.assert_equal(dd.elementwise_grad(f)(np.array([-1.0, 1.0])), [-1.0, 2.0])


def test_out_may_be_an_operand() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        np.multiply(y, y, out=y)
        same = np.sin(y, out=y)
        assert same is y
        return np.sum(y)

    x = A(3)
    np.testing.assert_allclose(dd.grad(f)(x), 2 * x * np.cos(x * x), rtol=1e-13)


def test_out_is_cast_and_broadcast_to() -> None:
    def f(x: Any) -> Any:
        out = dd.numpy.zeros((2, 3), dtype=np.float32)
        np.add(x, 1.0, out=out)
        return out

    value, tangent = dd.jvp(f, (A(3),), (np.ones(3),))
    assert value.dtype == tangent.dtype == np.float32
    np.testing.assert_array_equal(tangent, np.ones((2, 3)))


def test_constant_function_into_a_traced_array_cuts_the_derivative() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        np.floor(y, out=y)
        return np.sum(y * x)

    np.testing.assert_array_equal(dd.grad(f)(np.array([1.5, 2.5])), [1.0, 2.0])


def test_traced_result_into_a_plain_array_is_refused() -> None:
    unbox = np.zeros(3)
    for where in (True, np.array([True, False, True])):
        with pytest.raises(TypeError, match=r"dualdiff\.numpy\.zeros"):
            dd.grad(lambda x, w=where: np.sum(np.sin(x, out=unbox, where=w)))(A(3))
    assert not unbox.any()


def test_plain_result_goes_into_a_plain_array() -> None:
    unbox = np.zeros(3, dtype=bool)
    dd.grad(lambda x: np.sum(x * np.greater(x, 0, out=unbox)))(np.array([1.0, -1.0, 2.0]))
    np.testing.assert_array_equal(unbox, [True, False, True])


def test_where_without_out_is_refused_because_elements_are_uninitialised() -> None:
    with pytest.raises(TypeError, match="pass out="):
        dd.grad(lambda x: np.sum(np.log(x, where=x > 0)))(np.array([1.0, -1.0]))


def test_where_that_holds_everywhere_needs_no_out() -> None:
    x = A(3, low=0.5, high=2.0)
    np.testing.assert_array_equal(dd.grad(lambda x: np.sum(np.log(x, where=x > 0)))(x), 1 / x)


def test_where_does_not_evaluate_the_function_off_the_mask() -> None:
    def f(x: Any) -> Any:
        out = np.zeros_like(x)
        np.divide(1.0, x, out=out, where=x != 0)
        return out

    x = np.array([2.0, 0.0, -4.0])
    expected = np.diag([-0.25, 0.0, -0.0625])
    with np.errstate(all="raise"):
        for mode in ("forward", "reverse"):
            np.testing.assert_array_equal(dd.jacobian(f, mode=mode)(x), expected)


def test_where_that_holds_nowhere_leaves_out_as_it_is() -> None:
    def f(x: Any) -> Any:
        out = 3 * x
        return np.log(x, out=out, where=False)

    np.testing.assert_array_equal(dd.elementwise_grad(f)(np.array([-1.0, 0.0])), [3.0, 3.0])


def test_dtype_keyword_converts_operands() -> None:
    value, tangent = dd.jvp(lambda x: np.add(x, 0.1, dtype=np.float32), (A(3),), (np.ones(3),))
    assert value.dtype == tangent.dtype == np.float32
    np.testing.assert_array_equal(value, np.add(A(3), 0.1, dtype=np.float32))


WRONG_CALLS = [
    (lambda x: np.add(x, 1, out=dd.numpy.zeros(2)), ValueError, "shape"),
    (lambda x: np.add(x, 1, out=dd.numpy.zeros((1,))), ValueError, "shape"),
    (lambda x: np.add(x, 1j, dtype=float), TypeError, "same_kind"),
    (lambda x: np.add(x, 1, out=dd.numpy.zeros(3, dtype=int)), TypeError, "same_kind"),
    (lambda x: np.add(x, 1, signature="DD->d"), TypeError, "signature"),
    (lambda x: np.add(x, 1, signature="dd->d", dtype=float), TypeError, "both"),
    (lambda x: np.add(x, 1, unknown=1), TypeError, "unknown"),
    (lambda x: np.add(x, 1, out=[0.0]), TypeError, "ArrayType"),
]


@pytest.mark.parametrize(("f", "error", "text"), WRONG_CALLS)
def test_wrong_keywords_raise_numpys_kind_of_error(f: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        dd.grad(lambda x: np.sum(f(x)))(A(3))


ZERO = np.zeros(2, dtype=np.float32)
INFINITE = np.full(2, -np.inf, dtype=np.float32)
MASKED = [
    (np.abs, ZERO.astype(np.complex64)),
    (np.sign, ZERO.astype(np.complex64)),
    (lambda x: np.hypot(x, 0.0), ZERO),
    (lambda x: np.arctan2(x, 0.0), ZERO),
    (lambda x: np.power(x, ZERO), ZERO),
    (lambda x: np.power(x, 0), ZERO),
    (lambda x: np.power(ZERO, x), ZERO),
    (lambda x: np.maximum(x, 0), ZERO),
    (lambda x: np.logaddexp(x, x), INFINITE),
    (lambda x: np.logaddexp2(x, 1), INFINITE),
    (lambda x: np.heaviside(1, x), ZERO),
    (lambda x: np.ldexp(x, 2), ZERO),
    (np.sinc, ZERO),
    (np.nan_to_num, INFINITE),
]


@pytest.mark.parametrize(("f", "x"), MASKED)
def test_single_precision_is_kept_at_kinks(f: Any, x: Any) -> None:
    seen = []

    def watched(x: Any) -> Any:
        y = f(x)
        seen.append(y.payload)  # not yet cast by the operator
        return y

    value, _ = dd.jvp(watched, (x,), (np.ones_like(x),))
    assert seen[0].dtype == value.dtype == f(x).dtype
    assert dd.vjp(f, x)[1](np.ones_like(value))[0].dtype == x.dtype
    assert value.dtype == np.float32 or value.dtype == np.complex64
