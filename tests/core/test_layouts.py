"""Copies of arguments lie in memory as the caller's arrays do, so that views stay views."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.array.layout import copy_with_strides
from dualdiff.core.batch import handed_out

BASE = np.arange(1.0, 121.0)
CUBE = BASE.reshape(4, 5, 6)
ARRAYS = {
    "every other": BASE[::2],
    "reversed": BASE[::-1],
    "every third, reversed": BASE[::-3],
    "transposed": CUBE.T,
    "gap between rows": CUBE[:, :, 1:4],
    "gap between planes": CUBE[:, 1:3],
    "gap at both": CUBE[:, ::2, ::2],
    "both axes reversed": BASE.reshape(10, 12)[::-1, ::-1],
    "rows reversed": BASE.reshape(10, 12)[::-1],
    "columns reversed": BASE.reshape(10, 12)[:, ::-1],
    "middle axis first": CUBE.transpose(1, 0, 2),
    "axes of length 1": CUBE[:, 2:3, ::2],
    "repeated": np.broadcast_to(BASE[:6], (4, 6)),
    "overlapping": np.lib.stride_tricks.sliding_window_view(BASE[:9], 3),
    "fortran": np.asfortranarray(CUBE),
}
VIEWS: dict[str, Any] = {
    "ravel": lambda a: a.ravel(),
    "ravel F": lambda a: a.ravel("F"),
    "ravel K": lambda a: a.ravel("K"),
    "ravel of the transpose": lambda a: a.T.ravel(),
    "ravel of all axes reversed": lambda a: a[(slice(None, None, -1),) * a.ndim].ravel(),
    "first two axes as one": lambda a: a.reshape(-1, *a.shape[2:]),
    "last two axes as one": lambda a: a.reshape(*a.shape[:-2], -1),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", ARRAYS)
def test_a_copy_has_views_where_the_array_has(name: str, view: str) -> None:
    a, take = ARRAYS[name], VIEWS[view]
    twin = copy_with_strides(a)
    np.testing.assert_array_equal(twin, a)
    assert not np.shares_memory(twin, a)
    assert np.shares_memory(take(twin), twin) == np.shares_memory(take(a), a)
    assert take(twin).strides == take(a).strides or not take(a).flags.c_contiguous


@pytest.mark.parametrize("name", ARRAYS)
def test_each_element_of_a_writable_copy_has_its_own_place(name: str) -> None:
    twin = copy_with_strides(ARRAYS[name], writable=True)
    np.testing.assert_array_equal(twin, ARRAYS[name])
    twin[...] = np.arange(twin.size).reshape(twin.shape)
    assert len(np.unique(twin)) == twin.size


def store_through_ravel(x: Any) -> Any:
    y = x.ravel()
    y[0] = 100.0  # into x, or into a copy, as the strides of x are
    return np.sum(x**2)


def store_after_a_store(x: Any) -> Any:
    x[(1,) * x.ndim] = 0.5
    return store_through_ravel(x)


def store_through_a_turned_array(x: Any) -> Any:
    y = np.flip(x).ravel()  # lies in order where x runs backwards along all axes
    y[0] = 100.0
    return np.sum(x**2)


def store_through_turned_rows(x: Any) -> Any:
    y = x[::-1].reshape(-1)
    y[1] = 100.0
    return np.sum(x**2)


STORES = [
    store_through_ravel,
    store_after_a_store,
    store_through_a_turned_array,
    store_through_turned_rows,
]
SMALL = {
    "every other": np.arange(1.0, 7.0)[::2],
    "reversed": np.arange(1.0, 5.0)[::-1],
    "both axes reversed": np.arange(1.0, 7.0).reshape(2, 3)[::-1, ::-1],
    "rows reversed": np.arange(1.0, 7.0).reshape(2, 3)[::-1],
    "rows of the transpose reversed": np.arange(1.0, 7.0).reshape(3, 2).T[::-1],
    "gap between rows": np.arange(1.0, 11.0).reshape(2, 5)[:, 1:4],
    "transposed": np.arange(1.0, 7.0).reshape(3, 2).T,
}


@pytest.mark.parametrize("f", STORES)
@pytest.mark.parametrize("name", SMALL)
def test_views_of_an_argument_are_views_in_every_operator(name: str, f: Any) -> None:
    x = SMALL[name]
    kept = x.copy()
    value = f(copy_with_strides(x))
    changed = np.zeros(x.shape)
    for index in np.ndindex(x.shape):  # the elements that the result does not depend on
        for step in (1e-3, -1e-3):
            moved = copy_with_strides(x)
            moved[index] += step
            changed[index] += (f(moved) - value) / step / 2
    gradient = 2 * x * (np.abs(changed) > 1e-6)
    np.testing.assert_allclose(changed, gradient, rtol=1e-5, atol=1e-5)
    ones = np.ones(x.shape)
    assert dd.value_and_grad(f)(x)[0] == value
    assert dd.vjp(f, x)[0] == value
    assert dd.linearize(f, x)[0] == value
    np.testing.assert_allclose(dd.grad(f)(x), gradient)
    np.testing.assert_allclose(dd.jvp(f, (x,), (ones,))[1], gradient.sum())
    for mode in ("forward", "reverse", "auto"):
        np.testing.assert_allclose(dd.jacobian(f, mode=mode)(x), gradient)
    hessian = dd.hessian(f)(x).reshape(x.size, x.size)
    np.testing.assert_allclose(hessian, np.diag(2.0 * (gradient.ravel() != 0)))
    pattern = dd.sparsity(f, x).toarray().ravel()
    np.testing.assert_array_equal(pattern.astype(bool), gradient.ravel() != 0)
    np.testing.assert_array_equal(x, kept)


COMPLEX = {
    "every other": (np.arange(6.0) + 1j)[::2],
    "gap between rows": (np.arange(10.0) + 1j).reshape(2, 5)[:, 1:4],
    "transposed": (np.arange(6.0) + 1j).reshape(3, 2).T,
}


@pytest.mark.parametrize("name", COMPLEX)
def test_views_of_a_complex_argument_are_views_in_its_real_parts(name: str) -> None:
    def f(z: Any) -> Any:
        y = z.ravel("K")
        y[0] = 0.0
        return np.sum(z)

    z = COMPLEX[name]
    kept = z.copy()
    changes = np.zeros(z.shape)
    for index in np.ndindex(z.shape):
        moved = copy_with_strides(z)
        moved[index] += 1.0
        changes[index] = np.real(f(moved) - f(copy_with_strides(z)))
    np.testing.assert_allclose(dd.jacobian(f, as_real=True)(z)[0, 0], changes)
    np.testing.assert_array_equal(z, kept)


def test_an_array_is_handed_out_without_a_copy_where_nobody_else_has_it():
    def passed_on(a):
        return handed_out(a)

    kept, whole = np.ones(4), np.ones(4)
    arrays = [np.zeros(3), kept, whole, whole[1:], np.broadcast_to(1.0, (3,))]
    places = [a.ctypes.data for a in arrays]
    found = list(map(passed_on, arrays))
    is_same = [a.ctypes.data == place for a, place in zip(found, places, strict=True)]
    assert is_same == [True, False, False, False, False]


@pytest.mark.parametrize(
    "f", [lambda x: x @ BASE[:9], lambda x: np.sum(x * BASE[:9]), np.sum, np.max]
)
def test_gradients_share_no_memory_with_constants_or_each_other(f):
    x = 1.0 + np.arange(9.0)
    gradient, pull = dd.grad(f), dd.vjp(f, x)[1]
    found = [gradient(x), gradient(x), *pull(1.0), *pull(1.0)]
    for i, a in enumerate(found):
        assert a.flags.writeable
        assert not any(np.may_share_memory(a, b) for b in (x, BASE, *found[:i]))
    for a in found:
        a[...] = np.nan
    assert np.isfinite(gradient(x)).all()
    assert np.isfinite(BASE).all()
