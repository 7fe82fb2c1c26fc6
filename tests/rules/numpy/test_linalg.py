"""Linear algebra."""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.core.errors import UnsupportedInputError
from tests.rules.table import A, row, rule_tests


def least_squares(a, b, **options):
    """What lstsq gives but for the rank, which is an integer."""
    x, residuals, _, s = np.linalg.lstsq(a, b, **options)
    return x, residuals, s


def pinv_of_rank_one(x, y):
    return np.linalg.pinv(np.outer(x, y), rcond=1e-5)


ROWS = [
    row(np.linalg.solve, A(3, 3), A(3), _prims=("solve",)),
    row(np.linalg.solve, A(3, 3), A(3, 2)),
    row(np.linalg.solve, A(2, 2, 2), A(2)),
    row(np.linalg.solve, A(2, 2, 2), A(2, 3)),
    row(np.linalg.solve, A(2, 2), A(2, 2, 1)),
    row(np.linalg.solve, A(2, 1, 2, 2), A(3, 2, 1)),
    row(np.linalg.inv, A(3, 3), _prims=("inv",)),
    row(np.linalg.inv, A(2, 2, 2)),
    row(np.linalg.det, A(3, 3), _prims=("det",)),
    row(np.linalg.det, A(2, 2, 2)),
    row(np.linalg.slogdet, A(3, 3), _prims=("slogdet",)),
    row(np.linalg.slogdet, -A(2, 3, 3)),
    row(np.linalg.matrix_power, A(2, 2), 3),
    row(np.linalg.matrix_power, A(2, 2), 6),
    row(np.linalg.matrix_power, A(2, 2, 2), -2),
    row(np.linalg.matrix_power, A(2, 2), 1),
    row(np.linalg.trace, A(2, 3, 3), offset=1),
    row(np.linalg.pinv, A(3, 3), _prims=("pinv",)),
    row(np.linalg.pinv, A(3, 2)),
    row(np.linalg.pinv, A(2, 2, 3)),
    row(pinv_of_rank_one, A(3), A(2)),
    row(least_squares, A(4, 2), A(4), _prims=("lstsq",)),
    row(least_squares, A(4, 2), A(4, 2, seed=1)),
    row(least_squares, A(2, 3), A(2)),
    row(least_squares, A(3, 3), A(3, 1)),
    row(lambda x, y, b: least_squares(np.outer(x, y), b, rcond=1e-5), A(3), A(2), A(3, seed=1), _id="of_rank_one"),
    row(np.linalg.tensorinv, A(4, 2, 2)[..., :, :] + A(4, 2, 2, seed=1), ind=1),
    row(np.linalg.tensorsolve, A(2, 2, 4) + A(2, 2, 4, seed=2), A(2, 2)),
    row(np.linalg.tensorsolve, A(2, 4, 2) + A(2, 4, 2, seed=2), A(2, 2), axes=(1,)),
]

TestRules = rule_tests(ROWS)
