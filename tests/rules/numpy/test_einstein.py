"""Einstein sums."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

INTERLEAVED = row(
    lambda x, y: np.einsum(x, [0, Ellipsis, 1], y, [1, 2], [Ellipsis, 2, 0]),
    A(2, 2, 3),
    A(3, 2, seed=1),
    _id="einsum-interleaved",
)


def outer_of(x, y):
    return np.einsum("i,j", x, y, optimize=True)


ROWS = [
    # einsum: permuting, summing out, traces, diagonals
    row(np.einsum, "ij->ji", A(2, 3), _prims=("einsum_of_one",)),
    row(np.einsum, "ij->", A(2, 3)),
    row(np.einsum, "ijk->j", A(2, 3, 2)),
    row(np.einsum, "ii", A(3, 3)),
    row(np.einsum, "ii->i", A(3, 3)),
    row(np.einsum, "iij->ij", A(2, 2, 3)),
    row(np.einsum, "iii->i", A(2, 2, 2)),
    row(np.einsum, "ijij->j", A(2, 3, 2, 3)),
    row(np.einsum, "ba", A(2, 3)),
    row(np.einsum, "...ij->...", A(2, 2, 3)),
    row(np.einsum, "i...->...", A(2, 3)),
    row(np.einsum, "...ii", A(2, 3, 3)),
    # two operands
    row(np.einsum, "ij,jk->ik", A(2, 3), A(3, 2)),
    row(np.einsum, "ij,jk->ik", A(2, 3), A(3, 2), optimize=True),
    row(np.einsum, "ij,kj", A(2, 3), A(2, 3, seed=1)),
    row(np.einsum, "ij,kl->i", A(2, 3), A(2, 2)),
    row(np.einsum, "i,i", A(3), A(3, seed=1)),
    row(np.einsum, "ii,jj->ij", A(2, 2), A(3, 3)),
    row(np.einsum, "ii,i->i", A(3, 3), A(3)),
    row(np.einsum, "iji,jk->k", A(2, 3, 2), A(3, 2)),
    row(np.einsum, "...i,...i->...", A(2, 3), A(3)),
    row(np.einsum, "...ij,jk", A(2, 2, 3), A(3, 2)),
    row(np.einsum, "b...,...->b...", A(2, 3), A(3)),
    row(np.einsum, "...a,...b->ba...", A(2, 1, 3), A(2, 2)),
    row(np.einsum, "ij,ij->ij", A(1, 3), A(2, 3)),
    row(np.einsum, "ij,ij->", A(2, 1), A(2, 3)),
    row(np.einsum, "ij,ij->i", A(1, 3), A(1, 1)),
    row(np.einsum, ",i->i", 1.5, A(3), _float32=False),
    row(outer_of, A(2), A(3), _exact=True),
    INTERLEAVED,
    # more
    row(np.einsum, "i,ij,j->", A(2), A(2, 3), A(3)),
    row(np.einsum, "ij,jk,kl->il", A(2, 3), A(3, 2), A(2, 2), optimize="greedy"),
    row(np.einsum, "i,i,i,j->i", A(2), A(2, seed=1), A(2, seed=2), A(3)),
]

TestRules = rule_tests(ROWS)


def test_einsum_diagonal_is_a_view_that_writes_through():
    def f(x):
        y = x + 0
        np.einsum("ii->i", y)[:] = 0
        return np.sum(y)

    assert np.array_equal(dd.grad(f)(A(3, 3)), 1 - np.eye(3))


def test_einsum_of_many_operands_takes_the_same_letters_again():
    x = A(2)
    gradient = dd.grad(lambda x: np.einsum("i,i,i,i->", x, x, x, x))(x)
    assert np.allclose(gradient, 4 * x**3)


def test_einsum_large_enough_for_a_search_is_right():
    x, y = A(60, 50), A(50, 40)
    gradient = dd.grad(lambda x: np.einsum("ij,jk->", x, y))(x)
    assert np.allclose(gradient, np.ones((60, 1)) * y.sum(1))


def test_einsum_path_sees_values():
    paths = []

    def f(x):
        paths.append(np.einsum_path("ij,jk->ik", x, x)[0])
        return np.sum(x)

    dd.grad(f)(A(2, 2))
    assert paths == [["einsum_path", (0, 1)]]


def test_einsum_with_wrong_subscripts_raises_numpys_error():
    with pytest.raises(ValueError, match=r"einstein sum|operand|subscripts"):
        dd.grad(lambda x: np.sum(np.einsum("ijk,j", x, x)))(A(2, 2))
