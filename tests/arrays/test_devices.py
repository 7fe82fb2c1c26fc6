"""Arrays of a device, by a strict library that implements NumPy's protocols and nothing else.

The same tests run on CuPy where there is a device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd

from . import strict

pytest.importorskip("dask.array", reason="the functions are those of the tests of dask")
from .test_dask import FUNCTIONS as OF_DASK


def _cupy() -> Any:
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    try:
        cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        pytest.skip(f"CuPy finds no device: {error}")
    return cupy.asarray


def _read_only(x: Any) -> Any:
    return strict.array(x, writeable=False)


LIBRARIES: dict[str, Callable[[], Callable[[Any], Any]]] = {
    "strict": lambda: strict.array,
    "read-only": lambda: _read_only,
    "cupy": _cupy,
}
# These stand for functions with unknown sizes, or mix arrays of NumPy's into the function.
NOT_HERE = ("mask of unknown size", "rows of unknown number", "special")
NUMPYS = ("broadcast", "solve")
FUNCTIONS = {k: v for k, v in OF_DASK.items() if k not in (*NOT_HERE, *NUMPYS)}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_stay_on_the_device(name: str, library: str) -> None:
    make = LIBRARIES[library]()
    f, *arrays = FUNCTIONS[name]
    which = tuple(range(len(arrays)))
    expected = dd.grad(f, which)(*arrays)
    on_device = [make(x) for x in arrays]
    strict.TRANSFERS.clear()
    found = dd.grad(f, which)(*on_device)
    assert not strict.TRANSFERS
    assert [type(g) for g in found] == [type(x) for x in on_device]
    for g, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(g.get(), e, rtol=1e-10, atol=1e-12)


def test_the_other_operators_stay_on_the_device() -> None:
    def f(x: Any) -> Any:
        y = np.zeros_like(x)
        y[:] = np.sin(x)
        return y * x

    def loss(x: Any) -> Any:
        return np.sum(f(x) ** 2)

    plain = np.linspace(0.1, 1.0, 6)
    x, v = strict.array(plain), strict.array(np.arange(6.0))
    strict.TRANSFERS.clear()
    found = [dd.value_and_grad(loss)(x)[1], dd.jvp(f, (x,), (v,))[1], dd.hvp(loss)(x, v)]
    found += [dd.vjp(f, x)[1](v)[0], dd.linearize(f, x)[1].jvp(v)]
    assert not strict.TRANSFERS
    slope = (np.cos(plain) * plain + np.sin(plain)) * np.arange(6)
    product = dd.hvp(loss)(plain, np.arange(6.0))
    expected = [dd.grad(loss)(plain), slope, product, slope, slope]
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.get(), e, rtol=1e-10)


def test_libraries_that_do_not_mix_are_named_with_the_way_out() -> None:
    x = strict.array(np.ones(3))
    with pytest.raises(dd.errors.UnsupportedInputError, match=r"tests and of numpy.*x\.get\(\)"):
        dd.grad(lambda x: np.sum(np.dot(x, np.arange(3.0))))(x)


def test_a_function_that_the_library_lacks_is_named() -> None:
    x = strict.array(np.ones(3))
    with pytest.raises(dd.errors.MissingRuleError, match="sort"):
        dd.grad(lambda x: np.sum(np.sort(x) * x))(x)
    with pytest.raises(dd.errors.MissingRuleError, match=r"rule of solve .*of tests"):
        dd.grad(lambda x: np.sum(dd.scipy.linalg.solve(np.outer(x, x), x)))(x)
    with pytest.raises(dd.errors.UnsupportedInputError, match=r"x0 is an array of tests.*get\(\)"):
        dd.optimize.minimize(lambda x: np.sum(x**2), x)


def test_a_constant_that_changes_afterwards_does_not_reach_the_gradient() -> None:
    constant = strict.array(np.arange(3.0))

    def f(x: Any) -> Any:
        y = np.sum(x * constant)
        constant[:] = 0.0
        return y

    found = dd.grad(f)(strict.array(np.ones(3)))
    np.testing.assert_array_equal(found.get(), np.arange(3.0))


class OfJax:
    """Stands for an array of JAX."""

    __array_priority__ = 100

    def __rmul__(self, other: Any) -> Any:
        raise AssertionError


OfJax.__module__ = "jaxlib._jax"


def test_arrays_of_jax_and_torch_are_refused_with_the_name_of_the_bridge() -> None:
    with pytest.raises(dd.errors.UnsupportedInputError, match=r"dualdiff\.from_jax"):
        dd.grad(lambda x: x * OfJax())(2.0)
    with pytest.raises(dd.errors.UnsupportedInputError, match=r"dualdiff\.from_jax"):
        dd.grad(lambda x: x)(OfJax())


PLAIN = np.arange(12.0).reshape(4, 3) % 5


@pytest.mark.parametrize(
    "f",
    [
        lambda s, w: np.sum((s @ w) ** 2),
        lambda s, w: np.sum((w @ s.T) ** 2),
        lambda s, w: np.sum(np.dot(s, w) ** 2),
        lambda s, w: np.sum(s * w),
        lambda s, w: np.sum(np.tensordot(s, w, axes=1) ** 2),
    ],
)
def test_sparse_arrays_of_pydata_are_constants(f: Any) -> None:
    sparse = pytest.importorskip("sparse", reason="sparse is not installed")
    constant, w = sparse.COO.from_numpy(PLAIN), np.array([1.0, -2.0, 0.5])
    found = dd.grad(lambda w: f(constant, w))(w)
    np.testing.assert_allclose(found, dd.grad(lambda w: f(PLAIN, w))(w))


def _through_a_slice(x: Any) -> Any:
    y = x * 1.0
    y[1:][1:][0] = x[0] * x[1]
    part = y[::2]
    part += x[1::2]
    return np.sum(y**3)


def _through_a_shape(x: Any) -> Any:
    y = x * 1.0
    np.reshape(y, (2, -1))[1] = x[:3] * 2
    return np.sum(y**3)


def _through_a_transpose(x: Any) -> Any:
    y = np.reshape(x * 1.0, (2, -1))
    y.T[0] = x[:2] ** 2
    return np.sum(y**3)


def _into_zeros(x: Any) -> Any:
    y = np.zeros_like(x)
    part, same = y[1:], y
    part[:] = x[1:] * x[:-1]
    same += x
    return np.sum(y**3)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    "f", [_through_a_slice, _through_a_shape, _through_a_transpose, _into_zeros]
)
def test_stores_into_views_reach_their_base(f: Any, library: str) -> None:
    make = LIBRARIES[library]()
    plain, v = np.linspace(0.5, 2.0, 6), np.arange(6.0)
    x, direction = make(plain), make(v)
    strict.TRANSFERS.clear()
    found = [dd.grad(f)(x), dd.jvp(f, (x,), (direction,))[1], dd.hvp(f)(x, direction)]
    assert not strict.TRANSFERS
    gradient = dd.grad(f)(plain)
    expected = [gradient, gradient @ v, dd.hvp(f)(plain, v)]
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.get(), e, rtol=1e-12)
