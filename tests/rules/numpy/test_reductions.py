"""Reductions, their ufunc methods and running versions."""

import numpy as np
import pytest
import scipy.special

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

MASK = np.array([[True, False, True, True], [True, True, True, True], [False, False, True, False]])
NAN = np.array([[0.3, np.nan, -1.2, 0.7], [np.nan, 0.4, 0.9, 1.3]])


def with_nans(function):
    """`function` of an array whose elements are partly replaced by NaN."""

    def f(x, **kwargs):
        return function(np.where(np.isnan(NAN), np.nan, x), **kwargs)

    f.__name__ = function.__name__
    return f


def positional_sum(x):
    """All arguments by position."""
    return np.sum(x, 0, np.float64, None, True)


def started(function):
    """`function` along the last axis, with an `initial` that is traced too."""

    def f(x, **kwargs):
        return function(x[:, 1:], axis=1, initial=x[0, 0], **kwargs)

    f.__name__ = f"{function.__name__}-initial"
    return f


ROWS = [
    row(np.sum, A(3, 4), _prims=("sum",)),
    row(np.sum, A(3, 4), axis=0, keepdims=True),
    row(np.sum, A(2, 3, 4), axis=(0, -1)),
    row(np.sum, A(3, 4), axis=()),
    row(np.sum, 1.5),
    row(np.sum, A(3, 4), axis=1, where=MASK, initial=0.7),
    row(started(np.sum), A(3, 4), _exact=False),
    row(np.sum, A(3, 4), dtype=np.float64, _complex=False),
    row(
        lambda x: np.sum(x, 0, np.float64, None, True),
        A(3, 4),
        _id="sum-positional",
        _complex=False,
    ),
    row(np.add.reduce, A(3, 4), _id="add.reduce"),
    row(np.add.reduce, A(3, 4), axis=None, where=MASK, _id="add.reduce"),
    row(np.prod, A(3, 4), _prims=("prod",)),
    row(np.prod, A(2, 3, 4), axis=(0, -1), keepdims=True),
    row(np.prod, A(3, 4), axis=-1, where=MASK, initial=0.7),
    row(started(np.prod), A(3, 4), _exact=False),
    row(np.prod, A(4), dtype=np.float64, _complex=False),
    row(np.multiply.reduce, A(3, 4), _id="multiply.reduce"),
    row(np.max, A(3, 4), _prims=("max",)),
    row(np.max, A(3, 4), axis=0, keepdims=True),
    row(np.max, A(3, 4), axis=1, where=MASK, initial=-0.5),
    row(started(np.max), A(3, 4), where=MASK[:, 1:]),
    row(np.amax, A(3, 4), axis=1),
    row(np.maximum.reduce, A(3, 4), _id="maximum.reduce"),
    row(np.fmax.reduce, A(3, 4), axis=None, _id="fmax.reduce", _prims=("fmax.reduce",)),
    row(np.min, A(3, 4), axis=(0, 1), _prims=("min",)),
    row(np.min, A(3, 4), axis=1, where=MASK, initial=0.5),
    row(started(np.min), A(3, 4), where=MASK[:, 1:]),
    row(np.amin, A(3, 4), axis=1),
    row(np.minimum.reduce, A(3, 4), axis=-1, _id="minimum.reduce"),
    row(np.fmin.reduce, A(3, 4), _id="fmin.reduce", _prims=("fmin.reduce",)),
    row(np.ptp, A(3, 4), axis=0, keepdims=True),
    row(
        np.logaddexp.reduce,
        A(3, 4),
        _id="logaddexp.reduce",
        _complex=False,
        _prims=("logaddexp.reduce",),
    ),
    row(
        np.logaddexp.reduce,
        A(3, 4),
        axis=1,
        where=MASK,
        initial=0.2,
        _complex=False,
        _id="logaddexp.reduce",
    ),
    row(
        np.logaddexp2.reduce,
        A(3, 4),
        axis=-1,
        _id="logaddexp2.reduce",
        _complex=False,
        _prims=("logaddexp2.reduce",),
    ),
    row(np.hypot.reduce, A(3, 4), _id="hypot.reduce", _complex=False, _prims=("hypot.reduce",)),
    row(with_nans(np.nansum), A(2, 4), axis=0),
    row(with_nans(np.nanprod), A(2, 4), axis=1, keepdims=True),
    row(with_nans(np.nanmax), A(2, 4), axis=0, _prims=("nanmax",)),
    row(with_nans(np.nanmin), A(2, 4), axis=1, _prims=("nanmin",)),
    row(started(np.nanmax), A(2, 4)),
    row(started(np.logaddexp.reduce), A(3, 4), _complex=False, _exact=False),
]
TestRules = rule_tests(ROWS)


def others(x, *skipped):
    """The product of all elements but some, element by element."""
    return np.prod([e for i, e in enumerate(x.flat) if i not in skipped])


ZEROS = [
    np.array([2.0, 0.0, 3.0, -1.0]),
    np.array([0.0, 2.0, 0.0, 3.0]),
    np.array([0.0, 0.0, 0.0]),
    np.array([[2.0, 0.0], [3.0, 5.0]]),
    np.array([2.0, 0.0, 1.0 + 2.0j]),
]


@pytest.mark.parametrize("x", ZEROS)
def test_prod_with_zeros_has_the_derivatives_of_a_polynomial(x):
    with np.errstate(all="raise"):
        value, pullback = dd.vjp(np.prod, x)
        gradient = pullback(np.ones_like(value))[0]
        tangents = [
            dd.jvp(np.prod, (x,), (t.reshape(x.shape),))[1] for t in np.eye(x.size, dtype=x.dtype)
        ]
    expected = np.array([others(x, i) for i in range(x.size)])
    np.testing.assert_array_equal(gradient.ravel(), expected)
    np.testing.assert_array_equal(tangents, expected)


@pytest.mark.parametrize("x", [x for x in ZEROS if x.dtype == float])
def test_prod_with_zeros_has_the_second_derivatives_of_a_polynomial(x):
    n = x.size
    expected = [[others(x, i, j) if i != j else 0.0 for j in range(n)] for i in range(n)]
    np.testing.assert_array_equal(dd.hessian(np.prod)(x).reshape(n, n), expected)


def test_prod_with_zeros_has_the_third_derivatives_of_a_polynomial():
    x = np.array([0.0, 0.0, 0.0, 2.0])
    third = dd.jacobian(dd.hessian(np.prod))(x)
    assert third[0, 1, 2] == third[2, 0, 1] == 2.0
    assert third[0, 0, 1] == third[0, 1, 3] * 0 == 0.0


def test_prod_of_extreme_elements_has_a_finite_gradient():
    x = np.array([1e-200, 1e-200, 1e300])
    np.testing.assert_allclose(dd.grad(np.prod)(x), [1e100, 1e100, 0.0], rtol=1e-14)


@pytest.mark.parametrize(
    "function", [np.max, np.amax, np.maximum.reduce, np.nanmax, np.fmax.reduce]
)
def test_ties_of_max_share_the_derivative_equally(function):
    x = np.array([2.0, 1.0, 2.0, 2.0])
    np.testing.assert_allclose(dd.grad(function)(x), [1 / 3, 0.0, 1 / 3, 1 / 3], rtol=1e-15)
    tangent = dd.jvp(function, (x,), (np.array([3.0, 9.0, 6.0, 0.0]),))[1]
    assert tangent == pytest.approx(3.0, rel=1e-15)


@pytest.mark.parametrize(
    "function", [np.min, np.amin, np.minimum.reduce, np.nanmin, np.fmin.reduce]
)
def test_ties_of_min_share_the_derivative_equally(function):
    x = np.array([[1.0, 1.0], [2.0, 3.0]])
    gradient = dd.grad(lambda x: function(x, axis=None))(x)
    np.testing.assert_array_equal(gradient, [[0.5, 0.5], [0.0, 0.0]])
    np.testing.assert_array_equal(
        dd.hessian(lambda x: function(x, axis=None))(x), np.zeros((2, 2, 2, 2))
    )


def test_an_initial_value_takes_its_share_of_a_tie():
    gradient = dd.grad(lambda x: np.max(x, initial=2.0))(np.array([2.0, 1.0]))
    np.testing.assert_array_equal(gradient, [0.5, 0.0])
    gradient = dd.grad(lambda x: np.max(x, initial=3.0))(np.array([2.0, 1.0]))
    np.testing.assert_array_equal(gradient, [0.0, 0.0])


def test_max_passes_over_infinite_derivatives_of_smaller_elements():
    gradient = dd.grad(lambda x: np.max(np.sqrt(x)))(np.array([0.0, 4.0]))
    assert gradient[1] == 0.25
    assert dd.jvp(lambda x: np.max(np.sqrt(x)), (np.array([0.0, 4.0]),), (np.ones(2),))[1] == 0.25


def test_max_of_a_nan_gives_the_derivative_to_the_nan():
    gradient = dd.grad(np.max)(np.array([1.0, np.nan, 3.0]))
    np.testing.assert_array_equal(gradient, [0.0, 1.0, 0.0])


def test_masked_elements_have_derivative_zero_whatever_they_are():
    x = np.array([2.0, np.nan, np.inf, 3.0])
    where = np.array([True, False, False, True])
    for function, expected in (
        (np.sum, [1.0, 0.0, 0.0, 1.0]),
        (np.prod, [3.0, 0.0, 0.0, 2.0]),
        (np.max, [0.0, 0.0, 0.0, 1.0]),
        (np.min, [1.0, 0.0, 0.0, 0.0]),
        (np.hypot.reduce, np.array([2.0, 0.0, 0.0, 3.0]) / np.sqrt(13)),
        (np.logaddexp.reduce, [1 / (1 + np.e), 0.0, 0.0, 1 / (1 + 1 / np.e)]),
    ):
        start = (
            {"initial": 2.5}
            if function is np.max
            else {"initial": 9.0}
            if function is np.min
            else {}
        )
        gradient = dd.grad(lambda x: function(x, where=where, **start))(x)  # noqa: B023
        np.testing.assert_allclose(gradient, expected, rtol=1e-14)


def test_a_mask_that_changes_after_the_call_does_not_change_the_derivative():
    where = np.array([True, False])

    def f(x):
        ans = np.sum(x, where=where) + np.prod(x, where=where)
        where[:] = False
        return ans

    np.testing.assert_array_equal(dd.grad(f)(np.array([2.0, 3.0])), [2.0, 0.0])


@pytest.mark.parametrize("x", [[-np.inf, -np.inf], [np.inf, np.inf], [-np.inf, np.inf]])
def test_logaddexp_of_infinities_has_a_finite_derivative(x):
    gradient = dd.grad(np.logaddexp.reduce)(np.array(x))
    np.testing.assert_array_equal(gradient, [0.0, 1.0] if x[0] != x[1] else [0.5, 0.5])
    assert np.all(np.isfinite(dd.hessian(np.logaddexp.reduce)(np.array(x))))


def test_hypot_at_the_origin_has_derivative_zero():
    np.testing.assert_array_equal(dd.grad(np.hypot.reduce)(np.zeros(3)), np.zeros(3))


@pytest.mark.parametrize("function", [np.sum, np.prod, np.nansum, np.nanprod])
def test_reductions_of_nothing_have_an_empty_derivative(function):
    assert dd.grad(function)(np.zeros(0)).shape == (0,)
    assert dd.grad(lambda x: np.sum(function(x, axis=0)))(np.zeros((0, 3))).shape == (0, 3)
    assert dd.jvp(function, (np.zeros(0),), (np.zeros(0),))[1] == 0


def test_max_of_nothing_is_the_error_of_numpy():
    with pytest.raises(ValueError, match="zero-size array to reduction operation maximum"):
        dd.grad(np.max)(np.zeros(0))


@pytest.mark.parametrize("function", [np.sum, np.prod, np.max, np.min, np.nansum, np.nanmax])
def test_out_takes_the_result_and_its_derivative(function):
    def f(x):
        out = dd.numpy.zeros(2)
        ans = function(x, axis=1, out=out)
        assert ans is out
        return np.sum(out**2)

    x = A(2, 3)
    expected = dd.grad(lambda x: np.sum(function(x, axis=1) ** 2))(x)
    np.testing.assert_array_equal(dd.grad(f)(x), expected)
    with pytest.raises(dd.DualdiffError, match="cannot be assigned traced values"):
        dd.grad(lambda x: np.sum(function(x, axis=1, out=np.zeros(2))))(x)


def test_ufunc_methods_reduce_the_first_axis_unless_told_otherwise():
    value, _ = dd.vjp(lambda x: (np.add.reduce(x), np.maximum.reduce(x), x.sum(0)), A(2, 3))
    for part, expected in zip(value, (A(2, 3).sum(0), A(2, 3).max(0), A(2, 3).sum(0)), strict=True):
        np.testing.assert_array_equal(part, expected)


def test_a_sum_in_integers_has_no_derivative():
    value, gradient = dd.value_and_grad(lambda x: np.sum(x, dtype=int) * x[0])(np.array([1.5, 2.5]))
    assert value == 4.5
    np.testing.assert_array_equal(gradient, [3.0, 0.0])


def test_all_nan_slices_warn_as_in_numpy():
    x = np.array([[np.nan, np.nan], [1.0, np.nan]])
    with pytest.warns(RuntimeWarning, match="All-NaN slice encountered"):
        gradient = dd.grad(lambda x: np.nanmax(x, axis=1)[1])(x)
    np.testing.assert_array_equal(gradient, [[0.0, 0.0], [1.0, 0.0]])


def test_an_unknown_ufunc_method_is_refused_by_name():
    with pytest.raises(dd.DualdiffError, match=r"scipy\.special\.xlogy\.outer has no derivative"):
        dd.grad(lambda x: np.sum(scipy.special.xlogy.outer(x, x)))(np.ones(3))
