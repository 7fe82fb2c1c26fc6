"""Reductions, their ufunc methods and running versions."""

import numpy as np
import pytest

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
