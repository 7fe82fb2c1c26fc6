"""Stores of traced values into plain arrays that have only one name."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd

B = np.arange(1.0, 7.0).reshape(2, 3)
X = np.array([0.5, 1.2, -0.7])


def _places(x: Any) -> Any:
    a, c, m = B.copy(), B * 2, B / 2
    i = np.array([0, 1])
    a[0, 1] = x[0]
    a[1] = x
    a[:, 2] *= x[1]
    a[0, 0] += x[2]
    c[i, i] = x[:2]
    m[m > 1] = x[0]
    m[0:1, 0:1] += x[1]
    m[-1, i[0] + 1] = x[1] * x[2]
    return np.sum(a**2) + np.sum(c * c) + np.sum(m**2)


def _closure(x: Any) -> Any:
    a = B.copy()

    def total() -> Any:
        return a.sum() ** 2

    for k in range(3):
        a[0, k] = x[k] * a[1, k]
    return total()


class State:
    """An object whose array is made by NumPy from a plain one."""

    def __init__(self) -> None:
        self.P = B.copy()

    def run(self, x: Any) -> Any:
        self.P[0] = x
        self.P[1, 1] *= x[0]
        return np.sum(self.P**2)


def _attribute(x: Any) -> Any:
    return State().run(x)


def _determinant(x: Any) -> Any:
    m = B[:, :2] / 2.0
    m[0:1, 0:1] += x[:1]
    return np.linalg.slogdet(m)[1]


PROGRAMS = [_places, _closure, _attribute, _determinant]


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_a_plain_array_with_one_name_takes_traced_values(f: Callable[[Any], Any]) -> None:
    h = 1e-6
    expected = [(f(X + h * e) - f(X - h * e)) / (2 * h) for e in np.eye(3)]
    with dd.patch():
        np.testing.assert_allclose(dd.grad(f)(X), expected, atol=1e-7)
        np.testing.assert_allclose(dd.jacobian(f, mode="forward")(X), expected, atol=1e-7)
    assert B.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def _other_name(x: Any) -> Any:
    a = B.copy()
    b = a
    a[0] = x
    return b.sum()


def _view(x: Any) -> Any:
    a = B.copy()
    row = a[0]
    row[1] = x[0]
    return a.sum()


def _seen_by_a_view(x: Any) -> Any:
    a = B.copy()
    row = a[0]
    a[0, 1] = x[0]
    return row.sum()


def _in_a_list(x: Any) -> Any:
    arrays = [B.copy()]
    a = arrays[0]
    a[0] = x
    return arrays[0].sum()


def _held_by_a_caller(x: Any) -> Any:
    def fill(target: Any) -> None:
        target[0] = x

    a = B.copy()
    fill(a)
    return a.sum()


def _attribute_with_a_name(x: Any) -> Any:
    state = State()
    held = state.P
    state.run(x)
    return held.sum()


@pytest.mark.parametrize(
    "f",
    [_other_name, _view, _seen_by_a_view, _in_a_list, _held_by_a_caller, _attribute_with_a_name],
    ids=lambda f: f.__name__,
)
def test_an_array_that_others_see_refuses_them(f: Callable[[Any], Any]) -> None:
    with dd.patch(), pytest.raises(TypeError, match="cannot be assigned traced values"):
        dd.grad(f)(X)


def test_an_argument_of_the_caller_does_not_change() -> None:
    a = B.copy()

    def f(x: Any, a: Any) -> Any:
        a[0] = x
        return np.sum(a)

    with dd.patch(), pytest.raises(TypeError, match="cannot be assigned traced values"):
        dd.grad(f)(X, a)
    assert a.tolist() == B.tolist()


def test_a_wrong_place_raises_as_in_numpy() -> None:
    def beyond(x: Any) -> Any:
        a = B.copy()
        a[5] = x
        return a

    with dd.patch(), pytest.raises((IndexError, TypeError)):
        dd.grad(beyond)(X)


class _Slotted:
    __slots__ = ("P",)

    def __init__(self) -> None:
        self.P = np.eye(2)


def test_objects_that_outlive_the_derivative_hold_plain_arrays_afterwards() -> None:
    class Model(_Slotted):
        def __init__(self) -> None:
            super().__init__()
            self.Q, self.table = np.eye(2), {"R": np.eye(2)}

    def f(q: Any) -> Any:
        model.P += q * np.ones((2, 2))
        model.Q[0, 1] = q
        model.table["R"] *= q
        return np.sum(model.P) + np.sum(model.Q) + np.sum(model.table["R"])

    model = Model()
    with dd.patch():
        assert dd.grad(f)(0.5) == 4.0 + 1.0 + 2.0
    for array, expected in (
        (model.P, [[1.5, 0.5], [0.5, 1.5]]),
        (model.Q, [[1.0, 0.5], [0.0, 1.0]]),
        (model.table["R"], [[0.5, 0.0], [0.0, 0.5]]),
    ):
        assert type(array) is np.ndarray
        assert array.tolist() == expected
