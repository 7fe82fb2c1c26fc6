"""Operators in place on plain arrays under `install`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
import dualdiff.compat
import dualdiff.numpy as dnp
from dualdiff.array import box as boxes
from dualdiff.array import conversion
from dualdiff.array.dispatch import UFUNC_METHODS
from dualdiff.errors import ConversionError
from tests.compat.checks import X, assert_right

A = np.array([1.0, 2.0, 3.0])


def adds(x: Any) -> Any:
    a = A.copy()
    a += x
    return np.sum(a**3 * x)


def subtracts(x: Any) -> Any:
    a = A.copy()
    a -= x
    return np.sum(a**3 * x)


def multiplies(x: Any) -> Any:
    a = A.copy()
    a *= x
    return np.sum(a**3 * x)


def divides(x: Any) -> Any:
    a = A.copy()
    a /= x
    return np.sum(a**2 * x)


def floor_divides(x: Any) -> Any:
    a = 7.1 * A
    a //= x
    return np.sum(a**2 * x)


def takes_the_remainder(x: Any) -> Any:
    a = 7.1 * A
    a %= x
    return np.sum(a**2 * x)


def takes_the_power(x: Any) -> Any:
    a = A.copy()
    a **= x
    return np.sum(a**2 * x)


def multiplies_matrices(x: Any) -> Any:
    a = np.ones((3, 3)) + np.diag(A)
    a @= np.outer(x, x)
    return np.sum(a**2 * x)


def adds_a_number(x: Any) -> Any:
    a = A.copy()
    a += x[0]
    return np.sum(a**3 * x)


def adds_to_an_array_without_axes(x: Any) -> Any:
    a = np.array(2.0)
    a += x[0]
    return a**3 * x[1]


def accumulates_and_is_assigned_to(x: Any) -> Any:
    a = np.zeros(3)
    for i in range(3):
        a += i * x
        a[1:] *= x[0]
        a[0] = x[1] * x[2]
    b = a
    a += x  # as NumPy has it, b sees it
    return np.sum(a * b * x)


def reshaped(x: Any) -> Any:
    a = np.arange(6.0).reshape(2, 3)
    a += x
    return np.sum(a**3)


def held_by_containers_and_attributes(x: Any) -> Any:
    class Holder:
        a = A + 1

    holder, table, row = Holder(), {"a": A.copy()}, [A * 2]
    holder.a += x
    table["a"] *= x
    row[0] -= x
    return np.sum(holder.a * table["a"] * row[0])


def in_a_closure(x: Any) -> Any:
    total = np.zeros(3)

    def add(v: Any) -> None:
        nonlocal total
        total += v

    add(x)
    add(x**2)
    return np.sum(total * x)


RIGHT = [
    adds,
    subtracts,
    multiplies,
    divides,
    floor_divides,
    takes_the_remainder,
    takes_the_power,
    multiplies_matrices,
    adds_a_number,
    adds_to_an_array_without_axes,
    accumulates_and_is_assigned_to,
    reshaped,
    held_by_containers_and_attributes,
    in_a_closure,
]


@pytest.mark.parametrize("f", RIGHT, ids=lambda f: f.__name__)
@pytest.mark.usefixtures("installed")
def test_an_operator_in_place_on_a_plain_array_without_another_name_is_right(f: Any) -> None:
    assert_right(f)


# The result of `//` is constant, so that a plain array takes it.
@pytest.mark.parametrize(
    "f", [f for f in RIGHT if f is not floor_divides], ids=lambda f: f.__name__
)
def test_without_install_an_operator_in_place_on_a_plain_array_raises(f: Any) -> None:
    dualdiff.compat.install()
    dualdiff.compat.uninstall()
    with pytest.raises(ConversionError, match="write `a = a \\+ x`"):
        dd.grad(f)(X)


def has_another_name(x: Any) -> Any:
    a = A.copy()
    b = a
    a += x
    return np.sum(b * x)


def is_the_callers(x: Any) -> Any:
    def add_to(a: Any, x: Any) -> None:
        a += x

    a = A.copy()
    add_to(a, x)
    return np.sum(a * x)


def is_a_view(x: Any) -> Any:
    a = A.copy()
    v = a[1:]
    v *= x[1:]
    return np.sum(a * x)


def has_a_view(x: Any) -> Any:
    a = A.copy()
    v = a[1:]
    a -= x
    return np.sum(v * x[1:])


def is_a_row_of_a_matrix(x: Any) -> Any:
    a = np.ones((2, 3))
    for row in a:
        row += x
    return np.sum(a * x)


def is_an_element_of_a_list(x: Any) -> Any:
    parts = [A.copy()]
    for part in parts:
        part += x
    return np.sum(parts[0] * x)


def stands_twice_in_a_list(x: Any) -> Any:
    parts = [A.copy()] * 2
    parts[0] += x
    return np.sum(parts[1] * x)


def is_a_default(x: Any) -> Any:
    def add(x: Any, a: Any = np.zeros(3)) -> Any:  # noqa: B008  # the point
        a += x
        return a

    return np.sum(add(x) * add(x))


def is_a_slice(x: Any) -> Any:
    a = A.copy()
    a[1:] += x[1:]
    return np.sum(a * x)


def is_all_of_it(x: Any) -> Any:
    a = A.copy()
    a[...] += x
    return np.sum(a * x)


def is_an_element(x: Any) -> Any:
    a = A.copy()
    a[1] += x[1]
    return np.sum(a * x)


def is_chosen_by_a_mask(x: Any) -> Any:
    a = A.copy()
    a[a > 1] *= x[1:]
    return np.sum(a * x)


def is_chosen_by_indices(x: Any) -> Any:
    a = A.copy()
    a[[0, 2]] += x[:2]
    return np.sum(a * x)


def is_a_real_part(x: Any) -> Any:
    a = A + 1j
    a.real += x
    return np.sum(np.abs(a) * x)


def is_read_only(x: Any) -> Any:
    a = np.broadcast_to(1.0, 3)
    a += x
    return np.sum(a)


def is_named_as_out(x: Any) -> Any:
    a = A.copy()
    np.add(a, x, out=a)
    return np.sum(a * x)


def is_filled(x: Any) -> Any:
    a = A.copy()
    a[:] = x
    return np.sum(a * x)


REFUSED = [
    has_another_name,
    is_the_callers,
    is_a_view,
    has_a_view,
    is_a_row_of_a_matrix,
    is_an_element_of_a_list,
    stands_twice_in_a_list,
    is_a_default,
    is_a_slice,
    is_all_of_it,
    is_an_element,
    is_chosen_by_a_mask,
    is_chosen_by_indices,
    is_a_real_part,
    is_read_only,
    is_named_as_out,
    is_filled,
]


@pytest.mark.parametrize("f", REFUSED, ids=lambda f: f.__name__)
@pytest.mark.usefixtures("installed")
def test_a_change_that_another_name_would_see_is_an_error(f: Any) -> None:
    with pytest.raises(ConversionError, match="cannot be assigned traced values"):
        dd.grad(f)(X)


@pytest.mark.usefixtures("installed")
def test_numpys_own_errors_of_operators_in_place_stay() -> None:
    def of(start: Any, factor: Any) -> Callable[[Any], Any]:
        def f(x: Any) -> Any:
            a = start.copy()
            a += factor * x
            return np.sum(np.abs(a))

        return f

    for dtype in (int, bool):
        with pytest.raises(TypeError, match="same_kind"):
            dd.grad(of(A.astype(dtype), 1.0))(X)
    with pytest.raises(TypeError, match="same_kind"):
        dd.grad(of(A, 1j))(X)
    with pytest.raises(ValueError, match="non-broadcastable output operand"):
        dd.grad(of(A, np.ones((2, 1))))(X)


@pytest.mark.usefixtures("installed")
def test_the_array_keeps_its_dtype_and_the_callers_stays_as_it_was() -> None:
    start = A.astype(np.float32)

    def f(x: Any) -> Any:
        a = start.copy()
        a += x
        assert a.dtype == np.float32
        return np.sum(a)

    assert dd.grad(f)(X).tolist() == [1.0, 1.0, 1.0]
    assert start.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.usefixtures("installed")
def test_an_array_that_holds_nothing_traced_is_added_in_place() -> None:
    def f(x: Any) -> Any:
        a = A.copy()
        b = a
        a += dnp.ones(3)
        return np.sum(b * x)

    np.testing.assert_array_equal(dd.grad(f)(X), A + 1)


@pytest.mark.usefixtures("installed")
def test_operators_in_place_are_right_to_second_order() -> None:
    def f(x: Any) -> Any:
        a = np.ones(3)
        a *= x
        a *= x
        return np.sum(a * x)

    np.testing.assert_allclose(dd.hessian(f)(X), np.diag(6 * X), atol=1e-14)


def test_uninstall_leaves_everything_as_it_was() -> None:
    importlib.import_module("dualdiff.compat.autograd")

    def state() -> tuple[Any, ...]:
        return dict(vars(boxes.Box)), dict(UFUNC_METHODS), conversion.FACES, list(sys.meta_path)

    before = state()
    dualdiff.compat.install()
    assert all(now != then for now, then in zip(state(), before, strict=True))
    dualdiff.compat.uninstall()
    assert state() == before
