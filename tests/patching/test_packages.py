"""Programs like those of packages: lists for NumPy's functions, errors within packages."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numdifftools as nd
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import dualdiff as dd
from dualdiff import errors

X = np.array([0.5, 1.2, -0.7])
A = np.arange(1.0, 10.0).reshape(3, 3)


def _contracted(x: Any) -> Any:
    h = np.tensordot([x[0], x[1], 2.0], A, axes=1)
    h += np.einsum("i,ij->j", [x[2], 1.0, x[0]], A)
    return h @ h


OF_LISTS: list[Callable[[Any], Any]] = [
    _contracted,
    lambda x: np.sum(np.cross([x[0], 1.0, x[1]], [2.0, x[2], 0.5]) * X),
    lambda x: np.sum(np.kron([x[0], 2.0], [x[1], x[2]]) ** 2),
    lambda x: np.sum(np.outer([x[0], 2.0], x) @ x),
    lambda x: np.trace(np.linalg.multi_dot([[[x[0], 1.0], [2.0, x[1]]], [[x[2], 1], [0, 3]]])),
    lambda x: np.sum(np.where([True, False], [x[0], x[1]], [x[2], 2 * x[0]]) ** 2),
    lambda x: np.sum(np.polyval([x[0], x[1], 1.0], X) * X),
    lambda x: np.sum(np.diag([x[0], x[1]]) @ np.transpose([[x[2], 1.0], [2.0, x[0]]])),
    lambda x: np.sum(np.tile([x[0], x[1]], 2)[1:] * X),
]


def _converted_by_map(x: Any) -> Any:
    u, v = map(np.asarray, (x, [x[0], 2.0, x[1]]))
    first, *rest = map(np.atleast_1d, (x, 2 * x))
    total = np.zeros(3)
    for part in map(np.array, (u, v, first, *[*map(np.asarray, rest)])):
        total += part**2
    return np.sum(total * u)


OF_LISTS.append(_converted_by_map)


@pytest.mark.parametrize("f", OF_LISTS)
def test_functions_of_arrays_take_lists_of_traced_numbers(f: Callable[[Any], Any]) -> None:
    with dd.patch():
        gradient = dd.grad(f)(X)
        _, slope = dd.jvp(f, (X,), (np.ones(3),))
    expected = nd.Gradient(f)(X)
    np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(slope, expected.sum(), rtol=1e-7, atol=1e-9)


def _series(x: Any) -> Any:
    return pd.Series(x * 2, index=["a", "b", "c"])


def _frame(x: Any) -> Any:
    return pd.DataFrame({"u": x, "v": x**2, "w": np.cos(x)})


OF_CONTAINERS: list[Callable[[Any], Any]] = [
    lambda x: np.dot(_series(x), X) * np.vdot(X, _series(x)),
    lambda x: np.sum(np.diff(_series(x)) ** 2) + np.trapezoid(_series(x)),
    lambda x: np.percentile(_series(x), 30) + np.median(_series(x)) + np.quantile(_series(x), 0.6),
    lambda x: np.cov(_frame(x).T)[0, 1] + np.corrcoef(_series(x), X[::-1])[0, 1],
    lambda x: np.linalg.norm(_series(x)) + np.sum(np.linalg.inv(_frame(x) + np.eye(3)) @ X),
    lambda x: np.linalg.cholesky(_frame(x).T @ _frame(x) + np.eye(3))[2, 1],
    lambda x: np.sum(np.vstack([_series(x), _series(x) ** 2])[1] * X),
    lambda x: np.sum(np.array([_series(x), [x[0], 1.0, 2.0]]) ** 2),
    lambda x: np.interp(0.5, [0.0, 1.0, 2.0], _series(x)) + np.nanmean(_series(x) ** 2),
    lambda x: np.sum(np.where(_series(x) > 0, _series(x), 0.0)) + np.std(_series(x)),
    lambda x: np.polyfit([0.0, 1.0, 2.0], _series(x), 1)[0] * np.ptp(_series(x)),
]


@pytest.mark.parametrize("f", OF_CONTAINERS)
def test_functions_of_arrays_take_series_and_frames(f: Callable[[Any], Any]) -> None:
    with dd.patch():
        found = dd.grad(f)(X)
    np.testing.assert_allclose(found, nd.Gradient(f)(X), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(
    "make",
    [
        lambda a: np.where(a > 2, a, 0.0),
        lambda a: np.vstack([a, a]),
        lambda a: np.c_[a, np.zeros((3, 0))],
        lambda a: np.r_[a, a],
        lambda a: np.linalg.inv(a + np.eye(3)),
        lambda a: np.einsum("ij,jk->ik", a, a),
    ],
)
def test_new_arrays_of_numpys_functions_take_traced_values(make: Callable[[Any], Any]) -> None:
    def f(x: Any) -> Any:
        held = {"matrix": make(np.array(A))}
        matrix = held["matrix"]  # a second name
        matrix[0] = x
        return np.sum(held["matrix"] ** 2)

    with dd.patch():
        np.testing.assert_allclose(dd.grad(f)(X), 2 * X)


def test_a_sparse_array_with_traced_places_and_constant_entries_is_scipys_own() -> None:
    def f(x: Any) -> Any:
        table = np.array([[0.0, 2.0], [0.0, 0.0], [0.0, 1.0]])
        table[:, 0] = x
        places = scipy.sparse.csr_matrix((range(3), (table[:, 1], np.zeros(3))), shape=(3, 1))
        order = np.array(places.todense().flatten())[0].astype(int)
        return np.sum(table[order, 0] ** 2 * np.array([1.0, 2.0, 3.0]))

    with dd.patch():
        np.testing.assert_allclose(dd.grad(f)(X), 2 * X * [3.0, 1.0, 2.0])


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module that counts as one of an installed package."""
    (tmp_path / "borderlib.py").write_text(
        "import ctypes\n\n\ndef asks(x):\n    if 'float' not in type(x).__name__:\n"
        "        raise ValueError('x is no float')\n    return x * x\n\n\n"
        "def joins(a, b):\n    if type(a) is type(b):\n        return a * b\n"
        "    return a.dot(b.reshape(1, -1))\n\n\n"
        "def fills(x):\n    out = ctypes.c_double(0.0)\n    out.value = x\n    return out.value\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(errors, "_INSTALLED", str(tmp_path))
    yield __import__("borderlib")
    del sys.modules["borderlib"]


def test_an_error_names_the_line_of_the_program_and_that_of_the_package(package: Any) -> None:
    def f(x: Any) -> Any:
        return package.fills(x)

    with pytest.raises(dd.DualdiffError) as caught:
        dd.grad(f)(2.0)
    assert "test_packages.py" in str(caught.value)
    assert "`out.value = x`" in str(caught.value)


@pytest.mark.parametrize("operator", [dd.grad, dd.hessian])
def test_a_package_that_complains_of_a_traced_value_is_named_at_each_order(
    package: Any, operator: Any
) -> None:
    def f(x: Any) -> Any:
        return package.asks(2.0 * x)

    with pytest.raises(dd.DualdiffError, match="x is no float"):
        operator(f)(2.0)


def test_a_branch_of_a_package_by_types_that_ends_in_numpys_complaint_is_named(
    package: Any,
) -> None:
    def f(x: Any) -> Any:
        return np.sum(package.joins(x, np.ones(3)))

    with pytest.raises(dd.DualdiffError, match=r"not of the plain one.*with dualdiff.patch"):
        dd.grad(f)(X)
    with dd.patch():
        assert dd.grad(f)(X).tolist() == [1.0, 1.0, 1.0]
