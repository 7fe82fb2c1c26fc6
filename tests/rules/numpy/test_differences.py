"""Differences, finite-difference gradients and the trapezoidal rule."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

COORDINATES = np.array([0.0, 0.4, 1.1, 1.5])
EVEN = np.linspace(0.0, 1.5, 4)

ROWS = [
    row(np.diff, A(5)),
    row(np.diff, A(3, 4), n=2, axis=0),
    row(np.diff, A(4), n=0),
    row(
        np.diff,
        A(3, 4),
        axis=0,
        prepend=0.3,
        append=A(2, 4),
        _argnums=(0, "prepend", "append"),
        _complex=False,
    ),
    row(np.ediff1d, A(2, 3)),
    row(np.ediff1d, A(4), A(2, seed=1), 0.5, _complex=False),
    row(np.gradient, A(5)),
    row(np.gradient, A(3, 4)),
    row(np.gradient, A(4, 3), 0.5, axis=0, edge_order=2, _complex=False),
    row(np.gradient, A(4), 0.5, _argnums=0, edge_order=2),
    row(np.gradient, A(2, 4), COORDINATES, axis=1, _complex=False),
    row(np.gradient, A(4), COORDINATES, edge_order=2, _complex=False),
    row(np.gradient, A(4), EVEN, edge_order=2, _argnums=0),
    row(np.gradient, A(4), EVEN, edge_order=2, _complex=False, _exact=False),
    row(np.gradient, A(4, 3), COORDINATES, 0.7, _complex=False),
    row(np.trapezoid, A(5)),
    row(np.trapezoid, A(3, 4), dx=0.3, axis=0, _argnums=(0, "dx")),
    row(np.trapezoid, A(4, 3), A(4), axis=0),
    row(np.trapezoid, A(3, 4), A(3, 4, seed=1)),
]
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.diff(x, n=-1), ValueError, "order must be non-negative"),
        (lambda x: np.diff(x[0]), ValueError, "at least one dim"),
        (lambda x: np.gradient(x, 1.0, 2.0), TypeError, "invalid number of arguments"),
        (lambda x: np.gradient(x, np.ones(7)), ValueError, "must match the length"),
        (lambda x: np.gradient(x, np.ones((2, 2))), ValueError, "either scalars or 1d"),
        (lambda x: np.gradient(x, edge_order=3), ValueError, "greater than 2"),
        (lambda x: np.gradient(x[:2], edge_order=2), ValueError, "too small"),
        (lambda x: np.ediff1d(x, to_end=1j), TypeError, "`to_end` must be compatible"),
    ],
)
def test_errors_are_those_of_numpy(call, error, text):
    for f in (call, lambda x: dd.vjp(call, x)):
        with pytest.raises(error, match=text):
            f(np.ones(4))
