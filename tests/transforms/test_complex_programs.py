"""Random complex programs against the same programs written for pairs of real numbers.

The reference uses real arithmetic only, so that no complex rule takes part in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, note, settings

import dualdiff as dd

N = 3
Pair = tuple[Any, Any]


def _polar_root(x: Any, y: Any) -> Pair:
    root, half = np.sqrt(np.hypot(x, y)), np.arctan2(y, x) / 2
    return root * np.cos(half), root * np.sin(half)


def _quotient(p: Pair, q: Pair) -> Pair:
    (a, b), (c, d) = p, q
    size = c * c + d * d
    return (a * c + b * d) / size, (b * c - a * d) / size


def _tanh(x: Any, y: Any) -> Pair:
    below = np.cosh(2 * x) + np.cos(2 * y)
    return np.sinh(2 * x) / below, np.sin(2 * y) / below


class Op(NamedTuple):
    """An operation on complex arrays, and on their real and imaginary parts."""

    whole: Callable[..., Any]
    parts: Callable[..., Pair]


UNARY: dict[str, Op] = {
    "conj": Op(np.conj, lambda x, y: (x, -y)),
    "real": Op(lambda z: np.real(z) + 0j, lambda x, y: (x, 0 * y)),
    "imag": Op(lambda z: 1j * np.imag(z), lambda x, y: (0 * x, y)),
    "abs": Op(lambda z: np.abs(z) + 0j, lambda x, y: (np.hypot(x, y), 0 * y)),
    "abs2": Op(lambda z: np.abs(z) ** 2 * 1j, lambda x, y: (0 * x, x * x + y * y)),
    "angle": Op(lambda z: np.angle(z) + z, lambda x, y: (np.arctan2(y, x) + x, y)),
    "exp": Op(np.exp, lambda x, y: (np.exp(x) * np.cos(y), np.exp(x) * np.sin(y))),
    "log": Op(np.log, lambda x, y: (np.log(x * x + y * y) / 2, np.arctan2(y, x))),
    "sin": Op(np.sin, lambda x, y: (np.sin(x) * np.cosh(y), np.cos(x) * np.sinh(y))),
    "cos": Op(np.cos, lambda x, y: (np.cos(x) * np.cosh(y), -np.sin(x) * np.sinh(y))),
    "tanh": Op(np.tanh, _tanh),
    "sqrt": Op(np.sqrt, _polar_root),
    "square": Op(np.square, lambda x, y: (x * x - y * y, 2 * x * y)),
    "negative": Op(np.negative, lambda x, y: (-x, -y)),
    "reciprocal": Op(np.reciprocal, lambda x, y: _quotient((1.0, 0.0), (x, y))),
    "sum": Op(lambda z: np.sum(z) + z, lambda x, y: (np.sum(x) + x, np.sum(y) + y)),
    "roll": Op(lambda z: np.roll(z, 1), lambda x, y: (np.roll(x, 1), np.roll(y, 1))),
    "times real": Op(lambda z: z * np.real(z), lambda x, y: (x * x, x * y)),
}
BINARY: dict[str, Op] = {
    "add": Op(np.add, lambda p, q: (p[0] + q[0], p[1] + q[1])),
    "subtract": Op(np.subtract, lambda p, q: (p[0] - q[0], p[1] - q[1])),
    "multiply": Op(
        np.multiply, lambda p, q: (p[0] * q[0] - p[1] * q[1], p[0] * q[1] + p[1] * q[0])
    ),
    "divide": Op(np.divide, _quotient),
    "vdot": Op(
        lambda z, w: np.vdot(z, w) * w,
        lambda p, q: BINARY["multiply"].parts(
            (np.sum(p[0] * q[0] + p[1] * q[1]), np.sum(p[0] * q[1] - p[1] * q[0])), q
        ),
    ),
}
Step = tuple[str, int, int]


def _tamed(value: np.ndarray) -> tuple[float, complex]:
    """A scale and a shift that bring values to where every operation is smooth and of size 1."""
    size = float(np.max(np.abs(value)))
    scale = 1.0 if 0.3 < size < 3.0 else 1.0 / max(size, 1e-3)
    moved = value * scale
    near = np.min(np.abs(moved)) < 0.1 or np.any((np.abs(moved.imag) < 0.05) & (moved.real < 0.05))
    return scale, (1.4 + 0.6j) if near else 0j


def _constants(program: list[Step], z: np.ndarray) -> list[tuple[float, complex]]:
    values, constants = [z], []
    for name, i, j in program:
        args = [values[i % len(values)]] + ([values[j % len(values)]] if name in BINARY else [])
        value = {**UNARY, **BINARY}[name].whole(*args)
        constants.append(_tamed(value))
        values.append(value * constants[-1][0] + constants[-1][1])
    return constants


def _whole(program: list[Step], constants: Any, z: Any) -> Any:
    values = [z]
    for (name, i, j), (scale, shift) in zip(program, constants, strict=True):
        x = values[i % len(values)]
        value = UNARY[name].whole(x) if name in UNARY else None
        if value is None:
            value = BINARY[name].whole(x, values[j % len(values)])
        values.append(value * scale + shift)
    return values[-1]


def _in_parts(program: list[Step], constants: Any, r: Any) -> Any:
    values: list[Pair] = [(r[0], r[1])]
    for (name, i, j), (scale, shift) in zip(program, constants, strict=True):
        p = values[i % len(values)]
        if name in UNARY:
            x, y = UNARY[name].parts(*p)
        else:
            x, y = BINARY[name].parts(p, values[j % len(values)])
        values.append((x * scale + shift.real, y * scale + shift.imag))
    return np.stack(values[-1])


STEPS = st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 6), st.integers(0, 6))
PROGRAMS = st.lists(STEPS, min_size=1, max_size=7)


def check_program(program: list[Step], seed: int) -> None:
    """Compare the derivatives of a program with those of its real parts."""
    rng = np.random.default_rng(seed)
    z = rng.uniform(0.3, 1.5, N) + 1j * rng.uniform(0.2, 1.2, N)
    constants = _constants(program, z)
    real = np.stack([z.real, z.imag])

    def whole(z: Any) -> Any:
        return _whole(program, constants, z)

    def in_parts(r: Any) -> Any:
        return _in_parts(program, constants, r)

    expected = dd.jacobian(in_parts, mode="forward")(real)
    tolerance = 1e-10 * max(1.0, float(np.max(np.abs(expected))))
    np.testing.assert_allclose(in_parts(real), np.stack([whole(z).real, whole(z).imag]), atol=1e-11)
    for mode in ("forward", "reverse"):
        found = dd.jacobian(whole, mode=mode, as_real=True)(z)
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    weights = rng.normal(size=(2, N))
    gradient = dd.grad(lambda z: np.sum(weights[0] * np.real(whole(z))))(z)
    parts = dd.grad(lambda r: np.sum(weights[0] * in_parts(r)[0]))(real)
    np.testing.assert_allclose(gradient, parts[0] - 1j * parts[1], rtol=0, atol=tolerance)
    direction = weights[0] + 1j * weights[1]
    second = dd.hvp(lambda z: np.sum(np.imag(whole(z))))(z, direction)
    parts = dd.hvp(lambda r: np.sum(in_parts(r)[1]))(real, weights)
    tolerance = 1e-9 * max(1.0, float(np.max(np.abs(parts))))  # second derivatives: one digit less
    np.testing.assert_allclose(second, parts[0] - 1j * parts[1], rtol=0, atol=tolerance)


@settings(max_examples=150)
@given(PROGRAMS, st.integers(0, 2**32 - 1))
def test_complex_programs_have_the_derivatives_of_their_real_parts(
    program: list[Step], seed: int
) -> None:
    note(f"program {program}, seed {seed}")
    check_program(program, seed)


@pytest.mark.slow
@settings(max_examples=5000)
@given(PROGRAMS, st.integers(0, 2**32 - 1))
def test_thousands_of_complex_programs_have_the_derivatives_of_their_real_parts(
    program: list[Step], seed: int
) -> None:
    note(f"program {program}, seed {seed}")
    check_program(program, seed)
