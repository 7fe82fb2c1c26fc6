"""Arrays made from traced ones by NumPy itself, under `install`, and by autograd.numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.sparse

import dualdiff as dd
import dualdiff.compat
import dualdiff.compat.autograd.numpy as anp
import dualdiff.numpy as dnp
from dualdiff.errors import ConversionError, MissingRuleError
from tests.compat.checks import X, assert_right

A = np.array([1.0, 2.0, 3.0])


def objects(x: Any) -> Any:
    a = np.array(x)
    assert type(a) is np.ndarray
    assert a.dtype == (object if dd.value_of(x) is not x else float)
    return a[0] * np.sum(a * a) + a.sum() ** 3


def objects_from_a_list(x: Any) -> Any:
    a = np.asarray([[x[0], 1.0], [2.0, x[1] * x[2]]])
    return np.sum((a @ a) ** 2)


def into_functions_of_numpy(x: Any) -> Any:
    return np.sum(anp.exp(np.array(x)) * x) + anp.linalg.norm(np.array([x, 2 * x]))


def vectorized(x: Any) -> Any:
    return np.sum(np.vectorize(lambda v: v * v)(x))


@pytest.mark.parametrize("f", [objects, objects_from_a_list, into_functions_of_numpy, vectorized])
@pytest.mark.usefixtures("installed")
def test_numpys_array_of_a_traced_one_has_traced_elements(f: Any) -> None:
    assert_right(f)


@pytest.mark.parametrize(
    "loses",
    [
        lambda x: np.array(x, dtype=float),
        lambda x: np.asarray(x).astype(float),
        lambda x: np.random.default_rng(0).normal(x),
        lambda x: float(np.array(x)[0]),
        lambda x: np.fromiter(x, float),
    ],
)
@pytest.mark.usefixtures("installed")
def test_a_conversion_to_plain_numbers_is_an_error(loses: Any) -> None:
    with pytest.raises(ConversionError):
        dd.grad(lambda x: np.sum(loses(x) * x))(X)


@pytest.mark.usefixtures("installed")
def test_functions_of_scipy_that_would_lose_the_derivative_are_named() -> None:
    with pytest.raises(MissingRuleError, match=r"scipy\.ndimage\.distance_transform_bf has no"):
        dd.grad(
            lambda x: np.sum(scipy.ndimage.distance_transform_bf(np.ones((3, 3)), sampling=x[:2]))
        )(X)


@pytest.mark.usefixtures("installed")
def test_products_of_sparse_matrices_with_traced_and_assigned_arrays_are_right() -> None:
    matrix = scipy.sparse.csr_array(np.array([[1.0, 2.0, 0.0], [0.0, 3.0, 1.0]]))

    def f(x: Any) -> Any:
        y = dnp.zeros(3) if dd.value_of(x) is not x else np.zeros(3)
        y[:] = x * x
        return np.sum((matrix @ x) * (matrix @ y) ** 2)

    assert_right(f)


def test_without_install_numpys_array_of_a_traced_one_raises() -> None:
    dualdiff.compat.install()
    dualdiff.compat.uninstall()
    with pytest.raises(ConversionError, match="cannot become a plain NumPy array without losing"):
        dd.grad(lambda x: np.sum(np.array(x)))(X)


CREATED = {
    "array": lambda: anp.array([1.0, 2.0]),
    "asarray": lambda: anp.asarray([1.0, 2.0]),
    "zeros": lambda: anp.zeros(2),
    "ones": lambda: anp.ones((2, 2)),
    "empty": lambda: anp.empty(2),
    "full": lambda: anp.full(2, 1.0),
    "eye": lambda: anp.eye(2),
    "identity": lambda: anp.identity(2),
    "arange": lambda: anp.arange(2.0),
    "linspace": lambda: anp.linspace(0.0, 1.0, 3),
    "zeros_like": lambda: anp.zeros_like(A),
    "ones_like": lambda: anp.ones_like(A),
    "full_like": lambda: anp.full_like(A, 2.0),
    "empty_like": lambda: anp.empty_like(A),
}


@pytest.mark.parametrize("name", CREATED)
def test_arrays_made_of_plain_values_are_numpys_own_within_a_derivative(name: str) -> None:
    def f(x: Any) -> Any:
        made = CREATED[name]()
        assert type(made) is np.ndarray
        return np.sum(x) + 0.0 * made.size

    assert dd.grad(f)(X).tolist() == [1.0, 1.0, 1.0]


def test_arrays_made_of_traced_values_carry_the_derivative() -> None:
    def f(x: Any) -> Any:
        parts = anp.array([x[0], 2.0, x[1]]), anp.full(3, x[2]), anp.linspace(x[0], x[1], 3)
        return anp.sum(parts[0] * parts[1] * parts[2])

    assert_right(f)
