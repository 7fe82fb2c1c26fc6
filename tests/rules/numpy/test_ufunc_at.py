"""`ufunc.at`: repeated indices count, and what is not supported is refused."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests


def at(ufunc, index):
    """A function that applies ``ufunc.at`` to a copy of x."""

    def f(x, y):
        out = dd.numpy.array(x, dtype=np.result_type(x, y))
        ufunc.at(out, index, y)
        return out

    return f


ROWS = [
    row(at(np.add, [0, 0, 2]), A(4), A(3, seed=1), _id="add-repeats", _complex=False),
    row(at(np.subtract, ([0, 1], [2, 2])), A(2, 3), A(2, seed=1), _id="subtract", _complex=False),
    row(at(np.multiply, [0, 2]), A(4), A(2, seed=1), _id="multiply", _complex=False),
]
TestRules = rule_tests(ROWS)


def test_repeated_indices_are_refused_where_they_would_not_add_up() -> None:
    with pytest.raises(TypeError, match="repeated indices"):
        dd.grad(lambda x: np.sum(at(np.multiply, [0, 0])(x, np.ones(2))))(np.ones(3))
