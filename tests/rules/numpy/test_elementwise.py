"""Functions of single elements that are no ufuncs."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

SPOILED = np.array([1.5, np.nan, -np.inf, np.inf, -2.5])

ROWS = [
    row(np.sinc, A(2, 3)),
    row(np.sinc, A(4, low=-0.15, high=0.15)),
    row(np.sinc, np.array([0.0, 1e-3, 3.0])),
    row(np.sinc, 0.3),
    # NumPy's i0 takes real numbers only.
    row(np.i0, A(2, 3), _complex=False),
    row(np.i0, 9.5, _complex=False),
    row(np.real, A(2, 3)),
    row(np.imag, A(2, 3)),
    row(np.real, 0.7),
    row(np.imag, A(3, complex=True)[0], _id="imag-scalar"),
    row(np.angle, A(2, 3)),
    row(np.angle, A(3, complex=True), deg=True),
    row(lambda z: np.angle(z, deg=True) + np.imag(z) ** 2, A(3, complex=True), _id="angle+imag"),
    row(np.real_if_close, A(3)),
    row(
        lambda z: np.real_if_close(z.real + 1e-16j * np.real(z)), A(3), _id="close", _float32=False
    ),
    row(np.nan_to_num, A(2, 3)),
    row(np.nan_to_num, 0.7),
    # unwrap orders its argument, and complex numbers have no phases.
    row(np.unwrap, np.array([0.1, 3.0, -3.0, 0.4, 6.9]), _complex=False),
    row(np.unwrap, 9 * A(2, 4), axis=0, period=4.0, _complex=False),
]
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize("x", [0.0, 1e-12, 1e-3, 0.1, 0.159, 0.16, 0.5, 1.0, 7.3])
def test_first_three_derivatives_of_sinc_match_mpmath(x: float) -> None:
    f: Any = np.sinc
    for order in (1, 2, 3):
        f = dd.grad(f)
        expected = float(mpmath.diff(lambda t: mpmath.sincpi(t), x, order))
        assert f(x) == pytest.approx(expected, rel=1e-11, abs=1e-13)


def test_sinc_is_differentiable_at_zero_in_an_array_in_all_modes() -> None:
    x = np.array([0.0, 0.5])
    expected = [-(np.pi**2) / 3, float(mpmath.diff(mpmath.sincpi, 0.5, 2))]
    for inner in ("forward", "reverse"):
        for outer in ("forward", "reverse"):
            first = dd.jacobian(np.sinc, mode=inner)
            second = dd.jacobian(first, mode=outer)(x)
            np.testing.assert_allclose([second[0, 0, 0], second[1, 1, 1]], expected, rtol=1e-12)


def test_nan_to_num_passes_the_derivative_where_the_value_is_kept() -> None:
    expected = [1.0, 0.0, 0.0, 0.0, 1.0]
    for mode in ("forward", "reverse"):
        found = dd.jacobian(np.nan_to_num, mode=mode)(SPOILED)
        np.testing.assert_array_equal(found, np.diag(expected))
    value, _ = dd.vjp(lambda x: np.nan_to_num(x, nan=7.0, posinf=8.0, neginf=9.0), SPOILED)
    np.testing.assert_array_equal(value, [1.5, 7.0, 9.0, 8.0, -2.5])


def test_nan_to_num_treats_the_parts_of_complex_numbers_separately() -> None:
    z = np.array([complex(np.nan, 2.0), complex(1.0, np.inf), 1 + 2j])
    t = np.array([3 + 4j, 5 + 6j, 7 + 8j])
    kept = np.array([4j, 5 + 0j, 7 + 8j])
    np.testing.assert_array_equal(dd.jvp(np.nan_to_num, (z,), (t,))[1], kept)
    np.testing.assert_array_equal(dd.vjp(np.nan_to_num, z)[1](t)[0], kept)


def test_nan_to_num_in_place_changes_its_argument() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        same = np.nan_to_num(y, copy=False, posinf=1.0, neginf=-1.0)
        assert same is y
        return y * 2.0

    value, tangent = dd.jvp(f, (SPOILED,), (np.ones(5),))
    assert np.all(np.isfinite(value))
    np.testing.assert_array_equal(tangent, [2.0, 0.0, 0.0, 0.0, 2.0])


def test_traced_options_are_refused() -> None:
    for f in (
        lambda x: np.nan_to_num(x + 1j, nan=x),
        lambda x: np.unwrap(np.ones(2) * x, discont=x),
    ):
        with pytest.raises(TypeError, match="value_of"):
            dd.jvp(f, (2.0,), (1.0,))


def test_angle_has_derivative_zero_at_zero() -> None:
    assert dd.grad(np.angle)(0j) == 0
    assert dd.grad(np.angle)(-1.0) == 0


def test_real_part_is_a_view_that_writes_through() -> None:
    def f(z: Any) -> Any:
        w = z * 1.0
        np.real(w)[0] = 5.0
        return w

    z = np.array([1 + 2j, 3 + 4j])
    value, tangent = dd.jvp(f, (z,), (np.array([1 + 1j, 1 + 1j]),))
    np.testing.assert_array_equal(value, [5 + 2j, 3 + 4j])
    np.testing.assert_array_equal(tangent, [1j, 1 + 1j])
    (gradient,) = dd.vjp(f, z)[1](np.array([1 + 1j, 1 + 1j]))
    np.testing.assert_array_equal(gradient, [1j, 1 + 1j])


def test_real_and_imag_of_real_numbers() -> None:
    x = A(3)
    np.testing.assert_array_equal(dd.elementwise_grad(np.real)(x), np.ones(3))
    np.testing.assert_array_equal(dd.elementwise_grad(np.imag)(x), np.zeros(3))
