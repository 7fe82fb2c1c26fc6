"""NumPy's functions of lists of traced numbers, inside and outside of `dd.patch`."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numdifftools as nd
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
import scipy.special as sp

import dualdiff as dd
from dualdiff.errors import ConversionError

X = np.array([0.3, 0.7, 1.1])
NEW_NUMPY = np.lib.NumpyVersion(np.__version__) >= "2.5.0"
WEIGHTS = np.arange(1.0, 40.0)


class Point(NamedTuple):
    x: Any
    y: Any
    z: Any


def w(a: Any) -> Any:
    """A number that depends on every element."""
    flat = np.ravel(a)
    return np.sum(flat * WEIGHTS[: np.size(flat)])


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "block": lambda x: w(
        np.block([[x[0] * np.eye(2), np.ones((2, 1)) * x[1]], [np.ones((1, 2)), x[2]]])
    ),
    "block1": lambda x: w(np.block([x[0], x[1], 2.0])),
    "hdd": lambda x: np.histogramdd(([x[0], x[1]], [x[1], x[2]]), bins=2)[0].sum() * x[0],
    "piecewise": lambda x: w(
        np.piecewise(np.arange(4.0), [np.arange(4) < 2, np.arange(4) >= 2], [x[0], x[1]])
    ),
    "piecewise2": lambda x: w(np.piecewise(x, [x < 0.5, x >= 0.5], [lambda v: v * v, x[1]])),
    "pad": lambda x: w(np.pad(x, 1, constant_values=(x[0] ** 2, x[1]))),
    "pad2": lambda x: w(np.pad(x, 1, mode="linear_ramp", end_values=(x[0], 2.0))),
    "select": lambda x: w(
        np.select([np.arange(3) < 1, np.arange(3) < 2], [[x[0], x[1], x[2]], x * 2], default=x[1])
    ),
    "choose": lambda x: w(np.choose([0, 1, 0], [[x[0], x[1], x[2]], x * 2])),
    "interp": lambda x: w(np.interp([0.2, x[1]], [0.0, x[0], 2.0], [x[2], 1.0, x[0]])),
    "polyfit": lambda x: w(np.polyfit([0.0, 1.0, 2.0], [x[0], x[1], x[2]], 1)),
    "solve": lambda x: w(np.linalg.solve([[x[0], 1.0], [2.0, x[1]]], [x[2], 1.0])),
    "lstsq": lambda x: w(
        np.linalg.lstsq([[x[0], 1.0], [2.0, x[1]], [1.0, 1.0]], [x[2], 1.0, 0.0], rcond=None)[0]
    ),
    "fft": lambda x: w(np.abs(np.fft.fft([x[0], x[1], x[2], 1.0]))),
    "fft2": lambda x: w(np.abs(np.fft.fft2([[x[0], x[1]], [x[2], 1.0]]))),
    "insert": lambda x: w(np.insert([1.0, 2.0], 1, [x[0], x[1]])),
    "append": lambda x: w(np.append([x[0]], [x[1], x[2]])),
    "where": lambda x: w(np.where([True, False, True], [x[0], x[1], x[2]], 0.0)),
    "clip": lambda x: w(np.clip([x[0], x[1], x[2]], [0.4, 0.1, 0.2], [x[1], x[2], 3.0])),
    "named": lambda x: w(np.sum(Point(x[0], x[1], x[2]))),
    "stack": lambda x: w(np.stack([[x[0], 1.0], [2.0, x[1]]])),
    "multi": lambda x: w(
        np.linalg.multi_dot([[[x[0], 1.0], [2.0, x[1]]], [[1.0, x[2]], [0.0, 1.0]], [[1.0], [2.0]]])
    ),
    "tile": lambda x: w(np.tile([x[0], x[1]], 2)),
    "repeat": lambda x: w(np.repeat([x[0], x[1]], 2)),
    "diag": lambda x: w(np.diag([x[0], x[1]])) + w(np.kron([x[0], x[1]], [1.0, x[2]])),
    "average": lambda x: np.average([1.0, 2.0, 3.0], weights=[x[0], x[1], x[2]]),
    "hist": lambda x: w(np.histogram([0.1, 0.5, 0.9], bins=3, weights=[x[0], x[1], x[2]])[0]),
    "trapz": lambda x: np.trapezoid([x[0], x[1], x[2]], [0.0, x[0], 2.0]),
    "gradient": lambda x: w(np.gradient([x[0], x[1], x[2]], [0.0, x[0], 2.0])),
    "meshgrid": lambda x: w(np.meshgrid([x[0], x[1]], [x[2], 1.0])[0]),
    "einsum": lambda x: np.einsum("i,i", [x[0], x[1]], [1.0, x[2]]),
    "cross": lambda x: w(np.cross([x[0], x[1], x[2]], [1.0, 2.0, x[0]])),
    "ndarray": lambda x: w(np.array([[x[0], x[1]], [x[2], 1]])),
    "real": lambda x: (
        w(np.real([x[0] + 1j * x[1], 2j * x[2]])) + w(np.imag([x[0] + 1j * x[1], 2j * x[2]]))
    ),
    "size": lambda x: (
        np.size([x[0], x[1]]) * x[0] + np.shape([[x[0]], [x[1]]])[0] * x[1] + np.ndim([x[0]]) * x[2]
    ),
    "quantile": lambda x: (
        np.quantile([x[0], x[1], x[2]], [0.2, 0.5]).sum() + np.median([x[0], x[1], x[2]])
    ),
    "maximum": lambda x: (
        w(np.maximum([x[0], x[1], x[2]], 0.5))
        + w(np.exp([x[0], x[1]]))
        + w(np.hypot([x[0], x[1]], 1.0))
    ),
    "argmax": lambda x: x[np.argmax([x[0], x[1], x[2]])],
    "unique": lambda x: w(np.unique([x[0], x[1], x[0]])),
    "sort": lambda x: w(np.sort([x[2], x[1], x[0]])) + w(np.flip([x[2], x[1], x[0]])),
    "polygamma": lambda x: w(sp.polygamma(1, [x[0], x[1]])),
    "multigammaln": lambda x: w(sp.multigammaln([x[0] + 3, x[1] + 3], 2)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_lists_of_traced_numbers_are_arrays_inside_a_patch(name: str) -> None:
    f = PROGRAMS[name]
    with dd.patch():
        value, gradient = dd.value_and_grad(f)(X)
        tangent = dd.jvp(f, (X,), (np.ones(3),))[1]
    assert value == pytest.approx(f(X), rel=1e-14)
    np.testing.assert_allclose(gradient, nd.Gradient(f, base_step=0.01)(X), rtol=1e-7, atol=1e-9)
    assert tangent == pytest.approx(np.sum(gradient), rel=1e-10, abs=1e-12)


def _waves(x: Any) -> Any:
    phases = np.exp(1j * np.array([x[0], x[1]]))
    return np.abs(phases.real).sum()


def _imaginary(x: Any) -> Any:
    return np.sum(np.imag([x[0] + 1j * x[1], 2j * x[2]])) + x[0]


@pytest.mark.parametrize("f", [_waves, _imaginary])
@pytest.mark.parametrize(
    "derivative",
    [
        lambda f: dd.grad(f)(X),
        lambda f: dd.hessian(f)(X),
        lambda f: dd.jvp(f, (X,), (X,)),
        lambda f: dd.jvp(dd.grad(f), (X,), (X,)),
        lambda f: dd.jacobian(lambda x: f(x) * x)(X),
    ],
)
def test_parts_of_arrays_of_objects_are_right_or_errors(f: Any, derivative: Any) -> None:
    with dd.patch():
        expected = derivative(f)
    if NEW_NUMPY:  # arrays of objects have real and imaginary parts
        found = derivative(f)
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-12)
        return
    with pytest.raises(ConversionError, match="array of objects"):
        derivative(f)


def test_an_array_of_objects_that_is_right_is_no_error() -> None:
    def f(x: Any) -> Any:
        k = np.array([x[0], x[1] * x[2]])
        return np.sum(np.sin(k) * k)

    def noisy(x: Any) -> Any:
        return f(x) * np.random.default_rng().uniform(1.0, 2.0)

    np.testing.assert_allclose(dd.grad(f)(X), nd.Gradient(f)(X), rtol=1e-8)
    assert np.all(np.isfinite(dd.grad(noisy)(X)))


def test_scipy_special_takes_lists_outside_of_a_patch() -> None:
    f = PROGRAMS["polygamma"]
    np.testing.assert_allclose(dd.grad(f)(X), nd.Gradient(f, base_step=0.01)(X), rtol=1e-8)
    g = PROGRAMS["multigammaln"]
    np.testing.assert_allclose(dd.grad(g)(X), nd.Gradient(g, base_step=0.01)(X), rtol=1e-8)


SPARSE = scipy.sparse.csr_array(2 * np.eye(3) + 1.0)
OF_SPARSE: dict[str, Callable[[Any], Any]] = {
    "A @ list": lambda x: w(SPARSE @ x),
    "list @ A": lambda x: w(x @ SPARSE),
    "A.dot(list)": lambda x: w(SPARSE.dot(x)),
    "matrix * list": lambda x: w(scipy.sparse.csr_matrix(SPARSE) * x),
    "cg": lambda x: w(scipy.sparse.linalg.cg(SPARSE, x, rtol=1e-14)[0]),
    "lsqr": lambda x: w(scipy.sparse.linalg.lsqr(SPARSE, x, atol=1e-14, btol=1e-14)[0]),
    "cho_solve_banded": lambda x: w(scipy.linalg.cho_solve_banded(([x], True), [1.0, 2.0, 3.0])),
}


@pytest.mark.parametrize("patched", [False, True])
@pytest.mark.parametrize("name", OF_SPARSE)
def test_sparse_matrices_and_solvers_take_lists(name: str, patched: bool) -> None:
    def f(x: Any) -> Any:
        return OF_SPARSE[name]([x[0], x[1], x[2]])

    found = dd.grad(dd.patch()(f) if patched else f)(X)
    np.testing.assert_allclose(found, nd.Gradient(f, base_step=0.01)(X), rtol=1e-7, atol=1e-9)


def test_a_function_with_arrays_of_objects_runs_once_when_it_has_agreed() -> None:
    runs = []

    def f(x: Any) -> Any:
        runs.append(1)
        return np.sum(np.array([x[0], x[1]]) ** 2)

    for _ in range(3):
        np.testing.assert_array_equal(dd.grad(f)(X), [0.6, 1.4, 0.0])
    assert len(runs) == 4  # the first call compares


def _real_waves(x: Any) -> Any:
    return np.sum(np.abs(np.exp(1j * np.array([x[0], x[1]])).real))


@pytest.mark.skipif(NEW_NUMPY, reason="arrays of objects have real and imaginary parts")
def test_agreement_inside_a_patch_counts_there_alone() -> None:
    def stores(x: Any) -> Any:
        a = np.zeros(1)
        a[0] = x[0]
        return a[0]

    with dd.patch():
        dd.grad(stores)(X)  # from here on compiled code could read memory
        dd.grad(_real_waves)(X)
    with pytest.raises(ConversionError, match="array of objects"):
        dd.grad(_real_waves)(X)


def test_an_array_of_objects_that_a_universal_function_makes_of_a_list_is_one_array() -> None:
    rows = np.vander(np.arange(3.0), 2)

    def f(x: Any) -> Any:
        slope = np.linalg.lstsq(rows, np.log10([x[0], x[1], x[0] * x[1]]), rcond=None)[0]
        return np.sum(slope**2) + np.linalg.norm(np.sqrt([x[0], x[1]]))

    x, step = np.array([2.0, 3.0]), 1e-6 * np.eye(2)
    expected = [(f(x + e) - f(x - e)) / 2e-6 for e in step]
    with dd.patch():
        np.testing.assert_allclose(dd.grad(f)(x), expected, rtol=1e-7)
        np.testing.assert_allclose(dd.jacobian(f, mode="forward")(x), expected, rtol=1e-7)
