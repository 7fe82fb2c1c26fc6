"""Object arrays made of traced ones: their elements are traced, or an error says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numdifftools as nd
import numpy as np
import pytest

import dualdiff as dd
import dualdiff.numpy as dnp
from dualdiff.errors import UnsupportedInputError

X = np.array([1.5, 0.7, 2.5])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x.astype(object) ** 2 * x),
        lambda x: np.sum(np.outer(x, x).astype("O") ** 2),
        lambda x: np.sum(np.astype(x, object) ** 2),
        lambda x: x[0].astype(object) ** 3,
        lambda x: np.sum(dnp.array([x[0], 2.0, x[1] ** 2], dtype=object) * x),
        lambda x: np.sum(dnp.asarray(x, dtype=object) ** 2),
        lambda x: np.sum(dnp.array(dnp.array([x[0], x[2]], dtype=object).ravel(), dtype=float)),
        lambda x: np.sum(dnp.full(3, x[0] * x[1], dtype=object) * x),
        lambda x: np.sum(np.multiply(x, x**2, dtype=object)),
    ],
)
def test_objects_made_of_traced_elements_carry_the_derivative(f: Callable[[Any], Any]) -> None:
    expected = nd.Gradient(f)(X)
    np.testing.assert_allclose(dd.grad(f)(X), expected, atol=1e-8)
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(X), expected, atol=1e-8)


def test_an_array_of_objects_is_numpys_own_and_has_the_shape() -> None:
    def f(x: Any) -> Any:
        made = np.outer(x, x[:2]).astype(object)
        assert type(made) is np.ndarray
        assert made.dtype == object
        assert made.shape == (3, 2)
        return made[2, 1]

    np.testing.assert_allclose(dd.grad(f)(X), [0.0, 2.5, 0.7])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x, dtype=object),
        lambda x: x.sum(dtype="O"),
        lambda x: np.sum(np.cumsum(x, dtype=object)),
        lambda x: np.sum(np.stack([x, x], dtype=object)),
        lambda x: np.sum(np.concatenate([x, x], dtype=object)),
        lambda x: np.sum(dnp.linspace(x[0], x[1], 3, dtype=object)),
    ],
)
def test_results_of_objects_are_refused_and_not_taken_for_constants(
    f: Callable[[Any], Any],
) -> None:
    with pytest.raises(UnsupportedInputError, match="leave dtype=object out"):
        dd.grad(f)(X)
