"""Running sums, products and extrema."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

NAN = np.array([[0.3, np.nan, -1.2, 0.7], [np.nan, 0.4, 0.9, 1.3]])


def with_nans(function):
    """`function` of an array whose elements are partly replaced by NaN."""

    def f(x, **kwargs):
        return function(np.where(np.isnan(NAN), np.nan, x), **kwargs)

    f.__name__ = function.__name__
    return f


ROWS = [
    row(np.cumsum, A(3, 4), _prims=("cumsum",)),
    row(np.cumsum, A(3, 4), axis=0),
    row(np.cumsum, A(3, 4), axis=-1, dtype=np.float64, _complex=False),
    row(np.cumsum, 1.5),
    row(np.add.accumulate, A(3, 4), _id="add.accumulate"),
    row(np.cumprod, A(2, 3), _prims=("cumprod",)),
    row(np.cumprod, A(5, 2), axis=0),
    row(np.cumprod, A(2, 5), axis=-1, dtype=np.float64, _complex=False),
    row(np.multiply.accumulate, A(3, 4), axis=1, _id="multiply.accumulate"),
    row(np.maximum.accumulate, A(7), _id="maximum.accumulate", _prims=("maximum.accumulate",)),
    row(np.maximum.accumulate, A(3, 5), axis=1, _id="maximum.accumulate"),
    row(np.minimum.accumulate, A(7), _id="minimum.accumulate", _prims=("minimum.accumulate",)),
    row(np.minimum.accumulate, A(5, 3), axis=0, _id="minimum.accumulate"),
    row(with_nans(np.nancumsum), A(2, 4), axis=1),
    row(with_nans(np.nancumprod), A(2, 4), axis=1),
]
if hasattr(np, "cumulative_sum"):
    ROWS += [
        row(np.cumulative_sum, A(3, 4), axis=0, include_initial=True),
        row(np.cumulative_prod, A(4), include_initial=True),
        row(np.cumulative_prod, A(3, 4), axis=1),
    ]
TestRules = rule_tests(ROWS)
