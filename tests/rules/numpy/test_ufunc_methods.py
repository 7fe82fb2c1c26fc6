"""Methods of ufuncs: reductions, running results and segments."""

import numdifftools as nd
import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

P = {"low": 0.6, "high": 1.4}
ORDERED = [np.subtract, np.divide, np.power, np.float_power, np.arctan2, np.fmod, np.remainder]
NO_COMPLEX = {"_complex": False}
SEGMENTS = {
    f: [0, 2, 1]
    for f in (*ORDERED, np.multiply, np.maximum, np.minimum, np.logaddexp, np.hypot, np.fmax)
}
# NumPy 2.4.6 computes these two wrongly on longer segments where the processor has AVX-512: it
# applies the ufunc to the first and the last element only.
SEGMENTS[np.power] = SEGMENTS[np.arctan2] = [0, 2, 3]


def named(ufunc, method):
    return f"{ufunc.__name__}.{method}"


ROWS = [
    *(
        row(f.reduce, A(3, 2, **P), _id=named(f, "reduce"), **NO_COMPLEX)
        for f in (*ORDERED, np.copysign, np.nextafter)
    ),
    *(
        row(f.accumulate, A(3, 2, **P), axis=-2, _id=named(f, "accumulate"), **NO_COMPLEX)
        for f in (*ORDERED, np.copysign, np.logaddexp, np.logaddexp2, np.hypot, np.fmax, np.fmin)
    ),
    *(
        row(f.reduceat, A(5, 2, **P), indices, _id=named(f, "reduceat"), **NO_COMPLEX)
        for f, indices in SEGMENTS.items()
    ),
    row(np.subtract.reduce, A(2, 3), axis=1, keepdims=True, _id="subtract.reduce"),
    row(np.subtract.reduce, A(2, 3), initial=A(seed=3), _id="subtract.reduce", **NO_COMPLEX),
    row(np.subtract.accumulate, A(4), _id="subtract.accumulate"),
    row(np.add.reduceat, A(6), [0, 3, 1, 5], _id="add.reduceat", _prims=("add.reduceat",)),
    row(np.add.reduceat, A(2, 5), [1, 3], axis=1, _id="add.reduceat"),
    row(np.add.reduceat, A(5, 2), [4, 0, 2], axis=-2, _id="add.reduceat"),
    row(np.multiply.reduceat, A(4), [2, 1, 3], _id="multiply.reduceat"),
]
TestRules = rule_tests(ROWS)

X = np.array([[3.0, 1.5], [2.0, -1.0], [0.5, 2.5]])


@pytest.mark.parametrize("ufunc", [np.power, np.arctan2])
def test_reduceat_takes_one_element_after_the_other_where_numpys_loop_may_not(
    ufunc: np.ufunc,
) -> None:
    x = np.linspace(0.6, 1.4, 5)

    def by_loop(x):
        return ufunc(ufunc(ufunc(x[1], x[2]), x[3]), x[4])

    def last_segment(x):
        return ufunc.reduceat(x, [0, 1])[1]

    value, gradient = dd.value_and_grad(last_segment)(x)
    steps = 1e-30j * np.eye(5)
    if ufunc is np.power:
        expected = [by_loop(x + step).imag / 1e-30 for step in steps]
    else:  # it takes no complex numbers
        expected = nd.Gradient(by_loop)(x)
    np.testing.assert_allclose(value, by_loop(x), rtol=1e-15)
    np.testing.assert_allclose(gradient, expected, atol=1e-10)
    np.testing.assert_allclose(dd.jacobian(last_segment, mode="forward")(x), expected, atol=1e-10)


@pytest.mark.parametrize("method", ["reduce", "accumulate", "reduceat"])
@pytest.mark.parametrize(
    "ufunc", [np.logical_and, np.logical_xor, np.floor_divide, np.heaviside, np.less]
)
def test_methods_without_derivative_give_numpys_values(ufunc: np.ufunc, method: str) -> None:
    args = ([0, 2],) if method == "reduceat" else ()
    apply = getattr(ufunc, method)
    if ufunc is np.less:  # NumPy has no reduction of numbers by comparison
        with pytest.raises(TypeError):
            dd.jvp(lambda x: apply(x, *args), (X,), (X,))
        return
    value, tangent = dd.jvp(lambda x: apply(x, *args), (X,), (X,))
    np.testing.assert_array_equal(value, apply(X, *args))
    assert not np.any(tangent)


def test_integer_ufuncs_have_their_methods_on_arrays_made_inside_f() -> None:
    def f(x):
        bits = dd.numpy.array([6, 3, 5])
        return x * np.bitwise_or.reduce(bits) + np.gcd.accumulate(bits)[2]

    assert dd.grad(f)(2.0) == 7.0


def test_a_mask_leaves_elements_out_of_an_ordered_reduction() -> None:
    where = np.array([[True], [False], [True]])

    def f(x):
        return np.sum(np.subtract.reduce(x, axis=0, initial=1.0, where=where))

    np.testing.assert_array_equal(dd.grad(f)(X), -np.broadcast_to(where, X.shape).astype(float))


def test_numpys_own_errors_come_through() -> None:
    with pytest.raises(ValueError, match="not reorderable"):
        dd.jvp(lambda x: np.subtract.reduce(x, axis=(0, 1)), (X,), (X,))
    with pytest.raises(IndexError):
        dd.jvp(lambda x: np.add.reduceat(x, [0, 7]), (X,), (X,))
    with pytest.raises(TypeError, match="cannot accumulate on a scalar"):
        dd.jvp(lambda x: np.subtract.accumulate(x), (np.float64(1),), (np.float64(1),))


@pytest.mark.parametrize(
    "ufunc", [np.fmax, np.fmin, np.logaddexp, np.hypot, np.subtract, np.divide, np.arctan2]
)
def test_accumulate_takes_few_operations(ufunc):
    x = A(300, low=0.5, high=2.0)
    _, linear = dd.linearize(ufunc.accumulate, x)
    assert len(linear._recording.tape.entries) <= 2
    dd.check_grads(lambda x: ufunc.accumulate(x), (x[:6],))


def test_running_fmax_passes_over_nans():
    x = np.array([np.nan, 1.0, np.nan, 3.0, 2.0])
    gradient = dd.grad(lambda x: np.sum(np.fmax.accumulate(x)[1:]))(x)
    assert gradient.tolist() == [0, 2, 0, 2, 0]
