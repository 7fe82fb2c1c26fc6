"""`ufunc.at`: repeated indices count, for every ufunc."""

import numpy as np

import dualdiff as dd
from tests.rules.table import A, row, rule_tests


def at(ufunc, index):
    """A function that applies ``ufunc.at`` to a copy of x."""

    def f(x, *y):
        out = dd.numpy.array(x, dtype=np.result_type(x, *y))
        ufunc.at(out, index, *y)
        return out

    return f


REPEATS = [0, 2, 0, 0]
ROWS = [
    row(at(np.add, [0, 0, 2]), A(4), A(3, seed=1), _id="add-repeats", _complex=False),
    row(at(np.subtract, ([0, 1], [2, 2])), A(2, 3), A(2, seed=1), _id="subtract", _complex=False),
    row(at(np.multiply, [0, 2]), A(4), A(2, seed=1), _id="multiply", _complex=False),
    row(at(np.multiply, REPEATS), A(3), A(4, seed=1), _id="multiply-repeats", _complex=False),
    row(at(np.divide, REPEATS), A(3), A(4, seed=1), _id="divide-repeats", _complex=False),
    row(at(np.power, [1, 1]), A(3, low=0.5, high=1.5), 1.3, _id="power-repeats", _complex=False),
    row(at(np.maximum, REPEATS), A(3), A(4, seed=1), _id="maximum-repeats", _complex=False),
    row(at(np.hypot, REPEATS), A(3), A(4, seed=1), _id="hypot-repeats", _complex=False),
    row(at(np.logaddexp, REPEATS), A(3), A(4, seed=1), _id="logaddexp-repeats", _complex=False),
    row(at(np.sin, [1, 1, 1]), A(3), _id="sin-repeats", _complex=False),
    row(at(np.exp, np.array([True, False, True])), A(3), _id="exp-mask", _complex=False),
    row(at(np.negative, (0, [1, 1, 2])), A(2, 3), _id="negative-repeats", _complex=False),
]
TestRules = rule_tests(ROWS)
