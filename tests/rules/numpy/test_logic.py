"""Choosing between values, and the functions that see plain values."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

CONDITION = np.array([[True, False, True], [False, True, True]])

ROWS = [
    row(np.where, CONDITION, A(2, 3), A(2, 3, seed=1), _prims=("where",)),
    row(np.where, CONDITION, A(3), A(2, 1)),
    row(np.where, CONDITION[0], A(2, 1), 1.5, _float32=False),
    row(np.where, True, A(2), A(2, 1)),
    row(np.where, CONDITION[:, :0], A(2, 0), A(1)),
    row(lambda x: np.where(CONDITION, x, 2.5), A(2, 3), _id="where-constant"),
    row(lambda x: np.where(CONDITION, 1, x), A(3), _id="where-integer"),
    row(lambda x: np.where(x > 0, x**2, np.sin(x)), A(2, 3), _complex=False, _id="where-by-value"),
    row(lambda x: np.where(x[0], x, 1.0), A(2, 3), _id="where-nonzero"),
    row(lambda x: np.where(CONDITION, [x[0], x[1]], x), A(2, 3), _id="where-list"),
]
TestRules = rule_tests(ROWS)


def test_where_gives_exact_zeros_to_the_branch_not_chosen():
    x = np.array([-1.0, 0.0, 4.0])
    with np.errstate(all="ignore"):
        _, pullback = dd.vjp(lambda x, u, v: np.where(x > 0, u, v), x, np.log(x), x)
    gx, gu, gv = pullback(np.array([np.inf, np.nan, 2.0]))
    np.testing.assert_array_equal(gx, np.zeros(3))
    np.testing.assert_array_equal(gu, [0, 0, 2])
    np.testing.assert_array_equal(gv, [np.inf, np.nan, 0])
    tangent = dd.jvp(lambda u, v: np.where(x > 0, u, v), (x, x), (np.full(3, np.nan), x))[1]
    np.testing.assert_array_equal(tangent, [-1, 0, np.nan])


def test_where_with_a_condition_alone_gives_indices():
    def f(x):
        (i,) = np.where(x > 0)
        return x[i] ** 2, i

    (value, index), (tangent, _) = dd.jvp(f, (np.array([-1.0, 3.0]),), (np.ones(2),))
    np.testing.assert_array_equal(index, [1])
    np.testing.assert_array_equal(value, [9])
    np.testing.assert_array_equal(tangent, [6])


def test_where_takes_exactly_one_or_three_arguments():
    for wrong in (lambda x: np.where(x > 0, x), lambda x: np.where(x, x, x, x)):
        with pytest.raises((TypeError, ValueError)):
            dd.jvp(wrong, (np.ones(2),), (np.ones(2),))


X = A(2, 3)
OF_VALUES = {
    "all": np.all,
    "any": lambda x: np.any(x > 1, axis=0),
    "allclose": lambda x: np.allclose(x, x + 1e-12),
    "isclose": lambda x: np.isclose(x, X),
    "array_equal": lambda x: np.array_equal(x, X),
    "array_equiv": lambda x: np.array_equiv(x, X[0]),
    "isposinf": np.isposinf,
    "isneginf": lambda x: np.isneginf(-x / 0.0),
    "iscomplexobj": np.iscomplexobj,
    "isrealobj": np.isrealobj,
    "iscomplex": np.iscomplex,
    "isreal": np.isreal,
    "isin": lambda x: np.isin(x, x[0]),
    "argmax": lambda x: np.argmax(x, axis=1),
    "argmin": np.argmin,
    "nanargmax": np.nanargmax,
    "nanargmin": lambda x: np.nanargmin(x, 0),
    "argsort": np.argsort,
    "argpartition": lambda x: np.argpartition(x, 1, axis=0),
    "argwhere": lambda x: np.argwhere(x > 0),
    "nonzero": np.nonzero,
    "flatnonzero": lambda x: np.flatnonzero(x > 0),
    "searchsorted": lambda x: np.searchsorted(np.sort(X[0]), x),
    "digitize": lambda x: np.digitize(x, np.array([-1.0, 0.0, 1.0])),
    "count_nonzero": lambda x: np.count_nonzero(x > 0, axis=1),
    "lexsort": lambda x: np.lexsort(x),
    "diag_indices_from": lambda x: np.diag_indices_from(x[:, :2]),
    "tril_indices_from": np.tril_indices_from,
    "triu_indices_from": lambda x: np.triu_indices_from(x, 1),
    "matrix_rank": np.linalg.matrix_rank,
    "around": lambda x: np.around(x, 1),
    "round": np.round,
    "fix": np.fix,
    "shape": np.shape,
    "ndim": np.ndim,
    "size": lambda x: np.size(x, 1),
    "result_type": lambda x: np.result_type(x, np.float32),
    "can_cast": lambda x: np.can_cast(x.dtype, float),
    "common_type": np.common_type,
    "min_scalar_type": lambda x: np.min_scalar_type(x),
    "may_share_memory": lambda x: np.may_share_memory(x, x[0]),
    "shares_memory": lambda x: np.shares_memory(x, x + 1),
    "array2string": np.array2string,
    "array_repr": np.array_repr,
    "array_str": np.array_str,
    "einsum_path": lambda x: np.einsum_path("ij,kj->ik", x, x),
    "ix_": lambda x: np.ix_(np.zeros_like(x, dtype=bool)[0], [True, False]),
    "bitwise_and": lambda x: np.bitwise_and(np.ones_like(x, dtype=int), 1),
    "invert": lambda x: ~(x > 0),
    "isscalar": lambda x: np.isscalar(x[0, 0]),
    "iterable": np.iterable,
    "isfortran": lambda x: np.isfortran(x.T),
    "broadcast_shapes": lambda x: np.broadcast_shapes(x.shape, (5, 1, 1)),
}


@pytest.mark.parametrize("f", OF_VALUES.values(), ids=OF_VALUES.keys())
@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
def test_functions_without_derivative_see_the_plain_values(f):
    seen = []

    def traced(x):
        seen.append(f(x))
        return x

    dd.jvp(traced, (X,), (X,))
    dd.vjp(traced, X)
    dd.hessian(lambda x: np.sum(traced(x)))(X)
    expected = f(X)
    for result in seen:
        assert type(result) is type(expected)
        np.testing.assert_equal(result, expected)
    assert len(seen) == 3


def test_rounding_has_derivative_zero():
    np.testing.assert_array_equal(dd.grad(lambda x: np.sum(np.round(x) * x))(X), np.round(X))


def test_rounding_writes_into_a_traced_out():
    def f(x):
        out = x * 2
        np.round(x, 1, out=out)
        return out

    value, tangent = dd.jvp(f, (X,), (X,))
    np.testing.assert_array_equal(value, np.round(X, 1))
    np.testing.assert_array_equal(tangent, np.zeros((2, 3)))
