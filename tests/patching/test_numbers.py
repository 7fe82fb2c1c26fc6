"""Programs in which numbers go between Python's `math` and rules of arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

import dualdiff as dd

A = np.array([[2.0, 0.3], [0.1, 1.5]])


def stored(x: Any) -> Any:
    out = np.zeros((2, 2))
    out[0, 0] = math.sin(x[0])
    out[1] = math.exp(x[1])
    out[:, 1] += x
    return math.sqrt(np.sum(out * out))


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "det": lambda x: math.log(np.linalg.det(A * x[0])),
    "norm": lambda x: math.sin(np.linalg.norm(x)),
    "dot": lambda x: math.exp(x @ x),
    "sum": lambda x: math.sqrt(np.sum(x)),
    "trace": lambda x: math.sqrt(np.trace(np.outer(x, x))),
    "prod": lambda x: math.tan(np.prod(x)),
    "var": lambda x: math.atan(np.var(x)),
    "array": lambda x: np.sum(np.array([math.sin(x[0]), x[1], 2.0]) ** 2),
    "matrix": lambda x: np.linalg.norm(np.array([[math.sin(x[0]), x[1]], [1.0, math.cos(x[1])]])),
    "median": lambda x: math.log(np.median(x)),
    "erf": lambda x: math.erf(math.sin(x[0])) * math.gamma(x[1]),
    "interp": lambda x: math.exp(np.interp(math.sin(x[0]), [0.0, 1.0, 2.0], [1.0, 3.0, 4.0])),
    "einsum": lambda x: math.log(np.einsum("i,i", x, x)),
    "eigvalsh": lambda x: math.exp(np.linalg.eigvalsh(A * x[0])[0]),
    "where": lambda x: math.sin(np.where(x[0] > 0, x[1], x[0])),
    "complex": lambda x: abs(complex(math.sin(x[0]), x[1])),
    "two operands": lambda x: math.atan2(x[0], x[1]) + math.hypot(*x) + math.pow(x[0], x[1]),
    "log of a base": lambda x: math.log(x[0], 3.0) + math.log(2.0, x[1]) + math.fmod(x[1], 0.3),
    "cumsum": lambda x: math.sqrt(np.cumsum(x)[-1]),
    "sort": lambda x: math.sqrt(np.sort(x)[0]),
    "stored": stored,
    "logsumexp": lambda x: math.sqrt(special.logsumexp(x)),
    "0-d": lambda x: math.sin(np.array(x[0])) + math.sin(np.reshape(x[1], ())),
    "full": lambda x: np.sum(np.full(3, math.sin(x[0])) * np.tile(math.cos(x[1]), 3)),
    "outer": lambda x: np.sum(np.outer([math.sin(x[0]), 1.0], x)),
    "polyval": lambda x: np.polyval([math.sin(x[0]), x[1], 1.0], math.cos(x[1])),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_numbers_may_pass_between_math_and_arrays(name: str) -> None:
    f, x = PROGRAMS[name], np.array([0.7, 1.3])
    with dd.patch():
        dd.check_grads(f, (x,))
        expected = dd.grad(f)(x)
        for mode in ("forward", "reverse"):
            np.testing.assert_allclose(dd.jacobian(f, mode=mode)(x), expected, rtol=1e-12)
        for kind in (float, np.float64):
            of_numbers = dd.grad(lambda a, b: f(np.array([a, b])), (0, 1))
            np.testing.assert_allclose(of_numbers(*map(kind, x)), expected, rtol=1e-12)


def test_a_users_rule_gets_cotangents_with_a_dtype() -> None:
    seen = []

    @dd.extend.custom_vjp
    def twice(x: Any) -> Any:
        return 2.0 * x

    @twice.defvjp
    def twice_vjp(x: Any) -> Any:
        def pull(g: Any) -> Any:
            seen.append(g.dtype)
            return (2.0 * g,)

        return 2.0 * x, pull

    with dd.patch():
        assert dd.grad(lambda x: math.sin(twice(x)))(0.3) == pytest.approx(2 * math.cos(0.6))
    assert seen == [np.dtype(float)]
