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


def test_an_array_that_is_its_own_operand_is_read_before_the_stores() -> None:
    def f(x):
        np.multiply.at(x, [1, 2, 1], x)
        return np.sum(x * np.array([1.0, 10.0, 100.0]))

    x = np.array([2.0, 3.0, 5.0])
    assert dd.value_and_grad(f)(x)[0] == f(x.copy()) == 1802.0
    # x0 + 10 x1 x0 x2 + 100 x2 x1
    np.testing.assert_allclose(dd.grad(f)(x), [1 + 150, 10 * 10 + 500, 60 + 300])
