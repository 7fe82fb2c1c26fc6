"""Interpolation, convolution, correlation, counting and histograms."""

from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, Row, row, rule_tests

XP = np.array([-1.0, -0.2, 0.5, 1.4])
FP = np.array([0.3, -0.7, 1.1, 0.2])
MOVED = A(4, low=0.0, high=0.1) + XP
OUTSIDE = A(5, low=-3.0, high=3.0)
P = A(5, low=0.5, high=1.5)
SIZES = ((5, 3), (3, 6), (4, 4), (2, 7))
MODES = ["full", "same", "valid"]
BINS = np.array([0, 2, 2, 1, 4])


def real_row(*args: Any, **kwargs: Any) -> Row:
    """A row for a function that refuses complex data."""
    return row(*args, _complex=False, **kwargs)


def weighted(function: Any, *static: Any, **kwargs: Any) -> Any:
    """The counts of a histogram as a function of the weights."""

    def f(w: Any) -> Any:
        return function(*static, weights=w, **kwargs)[0]

    f.__name__ = function.__name__
    return f


def density_in_edges(edges: Any) -> Any:
    """The density of the samples in given bins."""
    return np.histogram(S, edges, density=True)[0]


S = np.array([0.05, 0.3, 0.31, 0.9, 0.55])
T = np.array([0.2, 0.8, 0.75, 0.1, 0.45])
ROWS = [
    *(real_row(np.interp, A(n, low=-2.0, high=2.0), XP, FP, _float32=False) for n in (3, 1)),
    real_row(np.interp, A(4, low=-0.9, high=1.3), XP, FP, _float32=False),
    real_row(np.interp, A(2, 3, low=-2.0, high=2.0), MOVED, A(4, seed=2), _float32=False),
    real_row(np.interp, 0.1, XP, A(4, seed=2), _float32=False),
    real_row(np.interp, OUTSIDE, XP, A(4), left=A(seed=4), right=-2.0, _float32=False),
    real_row(np.interp, OUTSIDE, XP, A(4), period=2.9, _float32=False),
    row(np.interp, np.array([0.1, 0.7]), XP, A(4, complex=True), _complex=False, _float32=False),
    real_row(np.interp, A(3), np.array([0.5]), A(1, seed=1), _float32=False),
    *(row(np.convolve, A(n), A(m, seed=1), mode) for n, m in SIZES for mode in MODES),
    *(row(np.correlate, A(n), A(m, seed=1), mode) for n, m in SIZES for mode in MODES),
    row(np.convolve, A(5), A(3, seed=1), _prims=("convolve",)),
    row(np.correlate, A(2), A(5, seed=1), _prims=("correlate",)),
    row(np.correlate, A(4, complex=True), A(3, seed=1), "same"),
    real_row(np.bincount, BINS, A(5), _float32=False, _prims=("bincount",)),  # always double
    real_row(np.bincount, BINS, A(5), 7, _float32=False),
    real_row(weighted(np.histogram, S, bins=4), A(5), _prims=("histogram",), _float32=False),
    real_row(weighted(np.histogram, S, [0.0, 0.3, 0.6]), A(5), _float32=False),
    real_row(weighted(np.histogram, S, 3, density=True), P, _float32=False),
    real_row(weighted(np.histogram2d, S, T, bins=3), A(5), _float32=False),
    real_row(weighted(np.histogramdd, np.stack([S, T], 1), (2, 3)), A(5), _float32=False),
    real_row(weighted(np.histogramdd, [S, T], 2, density=True), P, _float32=False),
    real_row(np.histogram_bin_edges, A(6), 4),
    real_row(np.histogram_bin_edges, A(6), 4, _id="histogram_bin_edges-range", range=(-1.0, 2.0)),
    real_row(lambda a, b: np.histogram(S, 3, (a, b))[1], 0.0, 1.0, _id="histogram-range"),
    real_row(density_in_edges, np.array([0.01, 0.22, 0.5, 0.83]), _id="histogram-density-edges"),
]  # fmt: skip
TestRules = rule_tests(ROWS)


def test_at_a_knot_the_slope_is_that_on_the_right_and_at_the_last_on_the_left() -> None:
    slopes = np.diff(FP) / np.diff(XP)
    gradient = dd.elementwise_grad(lambda x: np.interp(x, XP, FP))(XP)
    np.testing.assert_allclose(gradient, [*slopes, slopes[-1]], rtol=1e-14)
    np.testing.assert_array_equal(dd.jvp(lambda x: np.interp(x, XP, FP), (XP,), (XP,))[0], FP)


def test_two_knots_at_one_place_are_a_jump_without_nan() -> None:
    x, xp, fp = np.array([-1.0, 0.5]), np.array([-2.0, 0.0, 0.0, 1.0]), np.array([0.0, 1, 3, 5])
    gradient = dd.grad(lambda fp: np.sum(np.interp(x, xp, fp)))(fp)
    np.testing.assert_allclose(gradient, [0.5, 0.5, 0.5, 0.5])
    np.testing.assert_allclose(dd.elementwise_grad(lambda x: np.interp(x, xp, fp))(x), [0.5, 2.0])


def test_counts_follow_no_sample_and_their_edges_do() -> None:
    counts = dd.jacobian(lambda a: np.histogram(a, 3)[0] * 1.0, mode="forward")(S)
    assert not np.any(counts)
    edges = dd.jacobian(lambda a: np.histogram(a, 2)[1])(S)
    np.testing.assert_allclose(edges, [[1, 0, 0, 0, 0], [0.5, 0, 0, 0.5, 0], [0, 0, 0, 1, 0]])


def test_numpys_own_errors_come_through() -> None:
    with pytest.raises(ValueError, match="mode must be one of"):
        dd.grad(lambda a: np.sum(np.convolve(a, a, "all")))(S)
    with pytest.raises(ValueError, match="cannot be empty"):
        dd.grad(lambda a: np.sum(np.convolve(a, a[:0])))(S)
    with pytest.raises(ValueError, match="same length"):
        dd.grad(lambda w: np.sum(np.bincount(BINS, w)))(np.ones(3))
