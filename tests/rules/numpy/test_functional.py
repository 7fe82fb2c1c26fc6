"""Python functions applied to parts of an array."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests


def scalar(x):
    return x * x if np.real(x) > 0 else 3.0 * x


def two(x, y):
    return x * y, x + np.sin(y)


def along(func, axis, **kwargs):
    def f(x):
        return np.apply_along_axis(func, axis, x, **kwargs)

    f.__name__ = "apply_along_axis"
    return f


def over(axes):
    def f(x):
        return np.apply_over_axes(np.sum, x, axes)

    f.__name__ = "apply_over_axes"
    return f


ROWS = [
    row(along(np.sum, 0), A(3, 2)),
    row(along(np.cumsum, 1), A(2, 3, 2)),
    row(along(np.outer, -1, b=np.array([1.0, 2.0])), A(2, 3)),
    row(along(lambda v: v[0] * v[-1], 1), A(2, 3)),
    row(over([0, 2]), A(2, 3, 2)),
    row(over(-1), A(2, 3)),
    row(lambda x, y: dd.numpy.vectorize(two)(x, y), A(3), A(2, 1, seed=1), _id="vectorize-two"),
    row(lambda x: dd.numpy.vectorize(scalar)(x), A(2, 3), _complex=False, _id="vectorize"),
    row(lambda b: dd.numpy.kaiser(7, b), 2.3, _complex=False, _float32=False, _id="kaiser"),
    row(lambda x: np.fromfunction(lambda i, j: i * x + j * x**2, (2, 3)), A(), _id="fromfunction"),
]  # fmt: skip
TestRules = rule_tests(ROWS)

X = np.array([0.5, -1.5, 2.0])


def test_frompyfunc_calls_the_function_for_each_element():
    square = dd.numpy.frompyfunc(scalar, 1, 1)
    np.testing.assert_array_equal(dd.elementwise_grad(square)(X), [1.0, 3.0, 4.0])
    assert square(X).dtype == object  # without traced arguments it is NumPy's


def test_fromiter_takes_traced_elements():
    def f(x):
        return np.prod(dd.numpy.fromiter((x[i] ** 2 for i in range(3)), float))

    np.testing.assert_allclose(dd.grad(f)(X), 2 * np.prod(X**2) / X)


def test_vectorize_leaves_excluded_arguments_whole():
    poly = dd.numpy.vectorize(lambda p, x: np.polyval(p, x), excluded={0})
    expected = np.vectorize(lambda p, x: np.polyval(p, x), excluded={0})(X, X)
    value, gradient = dd.value_and_grad(lambda p: np.sum(poly(p, X)))(X)
    assert value == pytest.approx(np.sum(expected))
    np.testing.assert_allclose(gradient, [np.sum(X**2), np.sum(X), 3.0])


def test_under_patch_numpy_numpys_own_names_take_traced_arrays():
    @dd.patch_numpy()
    def f(x):
        windows = np.lib.stride_tricks.as_strided(x.copy(), (2, 2), (8, 8))
        total = np.sum(np.vectorize(scalar)(x)) + np.sum(np.r_[x[0], x, 2.0]) + np.sum(windows)
        for (i,), element in np.ndenumerate(x):
            total = total + i * element
        return total

    np.testing.assert_allclose(dd.grad(f)(X), [1 + 2 + 1, 3 + 1 + 2 + 1, 4 + 1 + 1 + 2])
    assert type(np.r_).__name__ == "RClass"  # as before


def test_a_vectorized_function_of_numbers_has_several_results() -> None:
    def f(x: float) -> float:
        a, b = np.vectorize(lambda u, v: (u * v, u + 1.0))(x, 2.0)
        return a * b

    with dd.patch():
        assert dd.grad(f)(3.0) == 14.0
