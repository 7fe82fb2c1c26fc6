"""Zeros, infinities and kinds of numbers: replays treat them as NumPy and Python do."""

from __future__ import annotations

import math

import numpy as np
import pytest

import dualdiff as dd
from tests.compiled.helpers import assert_same, calls_agree, replays


def bits(x: object) -> bytes:
    return np.asarray(x).tobytes()


def test_sums_with_zeros_keep_the_sign_of_a_zero() -> None:
    def number(x):
        return x + 0, 0 + x, 0.0 - x, x - 0.0, x + -0.0, -x, math.atan2(float(x + 0.0), -1.0)

    def array(x):
        zeros = np.zeros(3)
        return x + zeros, zeros + x, np.sum(x), np.sum(x, keepdims=True), x @ np.ones(3), x - zeros

    for f, points in (
        (number, (-0.0, 0.0, 1.0)),
        (array, (np.full(3, -0.0), np.zeros(3), np.array([-0.0, 1.0, 0.0]))),
    ):
        g = dd.compile(f)
        for x in points * 4:
            assert list(map(bits, g(x))) == list(map(bits, f(x)))
        assert replays(g)


@pytest.mark.parametrize("backend", ["python", None])
def test_numbers_that_become_complex_make_another_recording(backend: str | None) -> None:
    root = dd.compile(lambda x: x**0.5, backend=backend)
    for x in (4.0, 4.0, 4.0, 4.0, -4.0, 4.0, -4.0, -4.0, -4.0, 4.0):
        assert root(x) == x**0.5
        assert type(root(x)) is type(x**0.5)


@pytest.mark.parametrize(
    ("f", "points"),
    [
        (np.linalg.eigvals, [[[1.0, 2.0], [2.0, 1.0]], [[1.0, 2.0], [-2.0, 1.0]]]),
        (lambda a: np.linalg.eig(a)[0], [[[1.0, 2.0], [2.0, 1.0]], [[1.0, 2.0], [-2.0, 1.0]]]),
        (np.roots, [[1.0, 3.0, 1.0], [1.0, 1.0, 3.0], [0.0, 1.0, 3.0]]),
        (lambda a: np.linalg.lstsq(a, a[:, 0])[1], [[[1.0, 2.0], [2.0, 1.0], [3.0, 1.0]],
                                                    [[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]]),
    ],
)  # fmt: skip
def test_results_whose_type_or_length_depends_on_numbers(f, points) -> None:
    g = dd.compile(f)
    first, *others = map(np.array, points)
    for x in (first, first, first, first, *others, first, *others, *others, *others, first):
        assert_same(g(x), f(x))


def test_the_logarithm_of_a_sum_of_equal_infinities() -> None:
    def f(x, y):
        return np.where(np.isnan(np.logaddexp(x, y)), 1.0, 2.0)

    g = dd.compile(f)
    calls_agree(g, f, [(np.float64(v), np.float64(v)) for v in (0.5, 1.0, 2.0, -np.inf, np.inf)])
    assert replays(g) == 4


def test_large_integers_are_compared_exactly() -> None:
    def f(x):
        return x * 2.0 if x < 2**53 + 1 else x

    g = dd.compile(f)
    calls_agree(g, f, [(v,) for v in (1.0, 2.0, 3.0, 4.0, 2.0**53, 2.0**53 + 2)])
