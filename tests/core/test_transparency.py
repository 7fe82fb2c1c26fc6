"""A box behaves as the array it stands for, in Python and in plain NumPy."""

from __future__ import annotations

import copy
import functools
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import dualdiff as dd

X = np.array([0.5, -1.25, 2.0])


def inside(check: Callable[[Any], Any], x: Any = X) -> Any:
    """What `check` gives on the box of x, in both modes; they must be equal."""
    seen: list[Any] = []

    def f(x: Any) -> Any:
        seen.append(check(x))
        return x * 1.0

    dd.vjp(f, x)
    dd.jvp(f, (x,), (x,))
    assert repr(seen[0]) == repr(seen[1])
    return seen[0]


@pytest.mark.parametrize(
    "check",
    [
        lambda x: isinstance(x, np.ndarray),
        lambda x: isinstance(x, float),
        lambda x: isinstance(x[0], float),
        lambda x: isinstance(x[0], np.float64),
        lambda x: isinstance(x[0], np.ndarray),
        lambda x: isinstance(x, (list, tuple, dict, str)),
        lambda x: len(x),
        lambda x: (x.shape, x.ndim, x.size, x.dtype, x.nbytes, x.itemsize, x.strides),
        lambda x: x.flags.c_contiguous,
        lambda x: bool(x[0]),
        lambda x: [bool(e) for e in x > 0],
        lambda x: (x == x).all() and (x != 0).all() and not (x < -5).any(),
        lambda x: 0.0 < x[0] < 1.0 <= x[2],
        lambda x: str(x),
        lambda x: f"{x[0]:.3f} {x[1]:+.1e} {x}",
        lambda x: "%s" % x[0],  # noqa: UP031  # the old form is what is tested
        lambda x: 2.0 in x,
        lambda x: (np.shape(x), np.ndim(x), np.size(x), np.argmax(x), np.isfinite(x).all()),
        lambda x: np.argsort(x).tolist(),
        lambda x: x.argmin(),
        lambda x: np.isscalar(x[0]),
        lambda x: round(x[1]),
        lambda x: np.floor(x).tolist(),
        lambda x: x.astype(int).tolist(),
        lambda x: callable(x),
    ],
)
def test_what_needs_no_derivative_is_as_on_the_value(check: Callable[[Any], Any]) -> None:
    assert repr(inside(check)) == repr(check(X))


GRADIENTS: list[tuple[str, Callable[[Any], Any], list[float]]] = [
    ("sum", lambda x: sum(x), [1, 1, 1]),
    ("max", lambda x: max(x), [0, 0, 1]),
    ("min", lambda x: min(x), [0, 1, 0]),
    ("abs", lambda x: abs(x[1]) + abs(x).sum(), [1, -2, 1]),
    ("divmod", lambda x: divmod(x[2], 0.75)[1], [0, 0, 1]),
    ("rdivmod", lambda x: divmod(7.0, x[2])[1], [0, 0, -3]),
    ("iteration", lambda x: [e * 1.0 for e in x][1], [0, 1, 0]),
    ("unpacking", lambda x: (lambda a, b, c: a * c)(*x), [2, 0, 0.5]),
    ("reversed", lambda x: next(reversed(x)), [0, 0, 1]),
    ("enumerate", lambda x: sum(i * e for i, e in enumerate(x)), [0, 1, 2]),
    ("item", lambda x: x[1:2].item() * x.item(2), [0, 2, -1.25]),
    ("tolist", lambda x: x.tolist()[2] ** 2, [0, 0, 4]),
    ("deepcopy", lambda x: np.sum(copy.deepcopy({"a": x})["a"] * x), [1, -2.5, 4]),
    ("copy", lambda x: np.sum(copy.copy(x) * 3.0), [3, 3, 3]),
    ("reflected", lambda x: (1.0 - x[0]) / 2.0 + 3.0 * x[1] + 2.0 ** x[2] * 0, [-0.5, 3, 0]),
    ("int power", lambda x: x[2] ** 3, [0, 0, 12]),
    ("matmul", lambda x: x @ np.ones(3) + np.eye(3)[0] @ x, [2, 1, 1]),
    ("sparse", lambda x: np.sum(scipy.sparse.eye_array(3, format="csr") @ x), [1, 1, 1]),
    ("object array", lambda x: np.sum(np.array([x[0], 2 * x[1]]) * np.ones(2)), [1, 2, 0]),
    ("returned object array", lambda x: np.array([x[0], x[2]])[1] * 1.0, [0, 0, 1]),
    ("list operand", lambda x: np.sum(x * [1.0, 2.0, 3.0]), [1, 2, 3]),
    ("list of traced", lambda x: np.sum(np.stack([x[0], x[2]])), [1, 0, 1]),
    ("sorted", lambda x: sorted(x)[0] * 2.0, [0, 2, 0]),
    ("conditional", lambda x: x[0] ** 2 if x[1] < 0 else x[2], [1, 0, 0]),
    ("ufunc out", lambda x: np.sum(np.multiply(x, 2.0, out=dd.numpy.zeros(3))), [2, 2, 2]),
    ("reduce", lambda x: np.add.reduce(x) + np.multiply.reduce(x), [-1.5, 2, 0.375]),
    ("augmented", lambda x: _augmented(x), [6, 6, 6]),
    ("scalar +=", lambda x: _scalar_augmented(x), [1, 0, 0]),
]


def _augmented(x: Any) -> Any:
    y = x.copy()
    alias = y
    y += x
    y *= 3.0
    return np.sum(alias)


def _scalar_augmented(x: Any) -> Any:
    y = x[0]
    z = y
    y += 10.0 * x[1]
    return z


@pytest.mark.parametrize(
    ("f", "expected"), [g[1:] for g in GRADIENTS], ids=[g[0] for g in GRADIENTS]
)
def test_python_and_numpy_idioms_carry_derivatives(
    f: Callable[[Any], Any], expected: list[float]
) -> None:
    np.testing.assert_allclose(dd.grad(f)(X), expected, atol=1e-15)
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(X), expected, atol=1e-15)


def test_a_function_may_return_an_object_array_of_traced_scalars() -> None:
    f = lambda x: np.array([x[0] * x[1], 3.0 * x[2]])  # noqa: E731  # as users write it
    expected = [[-1.25, 0.5, 0], [0, 0, 3]]
    for mode in ("forward", "reverse"):
        np.testing.assert_array_equal(dd.jacobian(f, mode=mode)(X), expected)


def test_a_box_cannot_be_pickled() -> None:
    with pytest.raises(dd.DualdiffError, match="cannot be pickled"):
        dd.grad(lambda x: pickle.dumps(x))(X)


def test_patch_numpy_makes_creation_functions_see_traced_arrays_and_restores_them() -> None:
    originals = {name: getattr(np, name) for name in ("array", "asarray", "zeros", "arange")}

    def library(x: Any) -> Any:
        x = np.asarray(x, dtype=float)
        out = np.zeros(len(x))
        for i in range(len(x)):
            out[i] = x[i] ** 2
        matrix = np.array([[out[0], 1.0], [x[1], out[2]]])
        return np.sum(matrix) + np.sum(np.full(2, x[0])) + np.sum(np.ascontiguousarray(x))

    with pytest.raises(dd.DualdiffError):
        dd.grad(library)(X)
    with dd.patch_numpy(), dd.patch_numpy():
        np.testing.assert_allclose(dd.grad(library)(X), [2 * X[0] + 3, 2, 2 * X[2] + 1])
        assert type(np.zeros(3)) is np.ndarray
    np.testing.assert_allclose(dd.grad(dd.patch_numpy()(library))(X)[1], 2)
    assert all(getattr(np, name) is original for name, original in originals.items())
    assert library(X) == pytest.approx(library(list(X)))


def test_dualdiff_numpy_mirrors_numpy_and_takes_lists_of_traced_values() -> None:
    dnp = dd.numpy
    f = lambda x: dnp.sum(dnp.sin([x[0], x[1] * x[2]])) + dnp.mean([x[0], x[1]])  # noqa: E731
    expected = [np.cos(0.5) + 0.5, 2 * np.cos(-2.5) + 0.5, -1.25 * np.cos(-2.5)]
    np.testing.assert_allclose(dd.grad(f)(X), expected)
    assert dnp.pi == np.pi
    assert dnp.float64 is np.float64
    np.testing.assert_array_equal(dnp.zeros(3), np.zeros(3))
    assert type(dnp.array([1.0, 2.0])) is np.ndarray
    missing = [n for n in np.__all__ if not n.startswith("__") and not hasattr(dnp, n)]
    assert missing == []


@pytest.mark.parametrize(
    "make",
    [
        lambda d, x: d.zeros(3),
        lambda d, x: d.ones(3),
        lambda d, x: d.empty(3),
        lambda d, x: d.full(3, 7.0),
        lambda d, x: d.full(3, x[0]),
        lambda d, x: d.array([1.0, 2.0, 3.0]),
        lambda d, x: d.array(x),
        lambda d, x: d.asarray(x).copy(),
        lambda d, x: d.eye(3)[0],
        lambda d, x: d.arange(3.0),
        lambda d, x: np.zeros_like(x),
        lambda d, x: np.empty_like(x),
        lambda d, x: np.ones_like(x),
        lambda d, x: np.copy(x),
        lambda d, x: d.linspace(0.0, 1.0, 3),
    ],
)
def test_every_way_of_making_an_array_gives_one_that_takes_traced_values(make: Any) -> None:
    def f(x: Any) -> Any:
        out = make(dd.numpy, x)
        out[:] = 0.0
        out[0] = x[0] * x[1]
        out[1:] = x[1:] ** 2
        return np.sum(out)

    np.testing.assert_allclose(dd.grad(f)(X), [X[1], X[0] + 2 * X[1], 2 * X[2]])
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(X), [X[1], X[0] + 2 * X[1], 2 * X[2]])


def test_products_of_zero_dimensional_arrays_have_tangents_of_every_type() -> None:
    x, y = np.array(2.0), np.array(3.0)
    for t in (1.0, np.float64(1.0), np.array(1.0)):
        assert dd.jvp(lambda x: x * x, (x,), (t,)) == (4.0, 4.0)
        assert dd.jvp(lambda x, y: x * y, (x, y), (t, t)) == (6.0, 5.0)
        assert dd.jvp(lambda x: x * (x * 1.0), (x,), (t,)) == (4.0, 4.0)
        assert dd.jvp(lambda x: (x * 1.0) * x, (x,), (t,)) == (4.0, 4.0)
    assert dd.derivative(lambda x: x * x)(x) == 4.0
    ones = np.ones(3)
    product = dd.hvp(lambda a: np.tensordot(a, ones, 1) * np.tensordot(a, ones, 1))
    np.testing.assert_array_equal(product(np.arange(3.0), ones), 6 * ones)


def test_an_equal_traced_value_is_not_taken_for_another_by_a_cache() -> None:
    square = functools.cache(lambda x: x**2)
    with pytest.raises(TypeError, match=r"cache .here: square., at test_transp.*value_of"):
        dd.grad(lambda x, y: square(x) * square(y), (0, 1))(1.0, 1.0)  # was (4, 0)
    for use in (lambda x: {x: 1}, lambda x: {1.0: 1}[x], lambda x: x in {1.0}):
        with pytest.raises(TypeError, match="key of a dict"):
            dd.derivative(use)(1.0)
    with pytest.raises(TypeError, match="unhashable"):
        dd.grad(hash)(X)
    assert dd.derivative(lambda x: {1.0: 2.0}[dd.value_of(x)] * x)(1.0) == 2.0


@pytest.mark.parametrize("at", [X, 1.5, np.float32(1.5)], ids=["array", "float", "float32"])
def test_assertions_of_numpy_see_the_value(at: Any) -> None:
    def f(x: Any) -> Any:
        np.testing.assert_allclose(x, at)
        np.testing.assert_allclose(x * 2.0, at * 2.0)
        np.testing.assert_array_equal(x, x)
        np.testing.assert_array_less(x, x + 1.0)
        with pytest.raises(AssertionError, match="Mismatched"):
            np.testing.assert_allclose(x, at + 1.0)
        return np.sum(x)

    inside(f, at)


@pytest.mark.parametrize(
    "pack",
    [
        lambda x: x,
        lambda x: np.array([x[0], x[1], x[2]]),
        lambda x: [x[0], x[1], x[2]],
        lambda x: {"a": (x, None)},
    ],
    ids=["array", "object array", "list", "dict"],
)
def test_value_of_is_constant_also_in_containers(pack: Any) -> None:
    for constant in (dd.value_of, dd.stop_gradient):

        def f(x: Any, constant: Any = constant) -> Any:
            c = constant(pack(x))
            return np.sum(x * (c["a"][0] if isinstance(c, dict) else np.array(c)))

        np.testing.assert_array_equal(dd.grad(f)(X), X)


def test_compiled_modules_may_be_imported_under_patch_numpy() -> None:
    program = (
        "import dualdiff as dd, numpy as np\n"
        "with dd.patch_numpy():\n"
        "    import scipy.optimize, pandas\n"  # Cython asks for the type np.broadcast
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_traced_exponent_of_a_plain_array_does_not_run_the_function_twice() -> None:
    """NumPy before 2.2 asks an exponent for an index first."""
    calls = []

    def f(x: Any) -> Any:
        calls.append(x)
        return np.sum(np.array([2.0, 3.0]) ** x)

    np.testing.assert_allclose(dd.grad(f)(np.array([1.0, 2.0])), [2 * np.log(2), 9 * np.log(3)])
    assert len(calls) == 1


def test_traced_numbers_are_not_iterable() -> None:
    def f(x: Any) -> Any:
        assert not np.iterable(x)
        with pytest.raises(TypeError, match="'float' object is not iterable"):
            iter(x)
        return x

    assert dd.grad(f)(0.5) == 1.0


def test_traced_numbers_have_no_attributes_of_sequences() -> None:
    def f(x: Any) -> Any:
        assert not hasattr(x, "__iter__")
        assert not hasattr(x, "__len__")
        return x

    assert dd.grad(f)(0.5) == 1.0
