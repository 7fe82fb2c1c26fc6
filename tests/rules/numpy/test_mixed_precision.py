"""Operands of few digits beside doubles: derivatives have the digits of the result."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import dualdiff as dd

X = np.linspace(0.3, 1.7, 4)
NARROW = {
    "float32": np.array([0.3, 0.7, 1.1, 1.9], np.float32),
    "float16": np.array([0.3, 0.7, 1.1, 1.9], np.float16),
    "uint8": np.array([1, 2, 3, 4], np.uint8),
    "int16": np.array([1, 2, 3, 4], np.int16),
    "complex64": np.array([0.3, 0.7, 1.1, 1.9], np.complex64),
}
BINARY = [
    np.add, np.subtract, np.multiply, np.divide, np.power, np.float_power, np.arctan2, np.hypot,
    np.logaddexp, np.logaddexp2, np.maximum, np.fmod, np.remainder, np.copysign,
]  # fmt: skip


@pytest.mark.parametrize("of_numbers", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("fn", BINARY, ids=lambda fn: fn.__name__)
def test_a_narrow_constant_gives_the_derivative_of_the_same_constant_in_double_precision(
    fn: Any, name: str, swapped: bool, of_numbers: bool
) -> None:
    x, narrow = (X[1], NARROW[name][1]) if of_numbers else (X, NARROW[name])
    wide = narrow.astype(np.complex128 if narrow.dtype.kind == "c" else np.float64)
    if narrow.dtype.kind == "c" and fn not in (np.multiply, np.divide, np.power, np.float_power):
        pytest.skip("no rule, or no loop, for complex numbers")

    def f(x: Any, c: Any) -> Any:
        return np.sum(np.real(fn(c, x) if swapped else fn(x, c)))

    expected = dd.grad(f)(x, wide)
    np.testing.assert_allclose(dd.grad(f)(x, narrow), expected, rtol=1e-14)
    tangent = dd.jvp(lambda x: f(x, narrow), (x,), (x,))[1]
    np.testing.assert_allclose(tangent, np.sum(expected * x), rtol=1e-14)


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.uint8, lambda v: np.array(v, "f4")])
def test_a_cotangent_of_a_python_number_is_not_narrowed_by_a_constant(kind: Any) -> None:
    c = kind(0.3) if kind is not np.uint8 else np.uint8(3)
    with dd.patch():
        slope = dd.grad(lambda x: math.sin(x * c))(np.float64(0.5))
    assert math.isclose(slope, math.cos(0.5 * float(c)) * float(c), rel_tol=1e-14)


def test_a_narrow_traced_operand_beside_a_double_has_the_digits_of_the_result() -> None:
    narrow, wide = NARROW["float32"], NARROW["float32"].astype(float)
    g = dd.grad(lambda x, c: np.sum(x / c), argnums=(0, 1))(X, narrow)
    np.testing.assert_allclose(g[0], 1 / wide, rtol=1e-15)
    assert g[1].dtype == np.float32


def test_the_exponent_of_ldexp_stays_an_integer() -> None:
    for kind in (np.int8, np.uint8, np.int64):
        g = dd.grad(lambda x, n: np.sum(np.ldexp(x, n)))(X, np.array([1, 2, 3, 4], kind))
        np.testing.assert_array_equal(g, [2.0, 4.0, 8.0, 16.0])
