"""`scipy.signal`: convolutions."""

import numpy as np
import pytest
import scipy.signal

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

S = dd.scipy.signal
SHAPES = [((5,), (3,)), ((3,), (5,)), ((4, 3), (2, 2))]
ROWS = [
    *(
        # SciPy's "valid" and "same" are cut from another sum where the second array is larger.
        row(f, A(*a), A(*b, seed=1), mode, method, _exact=False)
        for f in (S.convolve, S.correlate)
        for a, b in SHAPES
        for mode in ("full", "same", "valid")
        for method in ("direct", "fft")
    ),
    row(S.convolve, A(4), A(3, seed=1), _exact=False),
    row(S.convolve, A(), A(seed=1), _exact=False),
    row(S.fftconvolve, A(4), A(3, seed=1), "same", _exact=False, _float32=False),
    row(S.oaconvolve, A(4), A(3, seed=1), _exact=False, _float32=False),
]
TestRules = rule_tests(ROWS)


def test_what_cannot_be_convolved_says_so():
    ones = np.ones(3)
    for args, match in [
        ((np.ones((2, 2)),), "same number of axes"),
        ((ones, "none"), "not 'none'"),
    ]:
        with pytest.raises(ValueError, match=match):
            dd.grad(lambda x: np.sum(S.convolve(x, *args)))(ones)  # noqa: B023
    with pytest.raises(ValueError, match="larger along all axes"):
        dd.grad(lambda x: np.sum(S.convolve(x, np.ones((1, 3)), "valid")))(np.ones((3, 2)))


def test_the_rest_of_the_namespace_is_scipys():
    np.testing.assert_array_equal(S.windows.hann(4), scipy.signal.windows.hann(4))
    assert S.get_window.__module__.startswith("scipy.signal")


def test_the_cotangent_of_a_small_kernel_takes_no_sum_over_pairs_of_pixels():
    # Beside an image of 1e5 pixels such a sum has 1e10 terms.
    image, kernel = A(316, 316), A(3, 3)
    gradient = dd.grad(lambda k: np.sum(scipy.signal.convolve2d(image, k)))(kernel)
    np.testing.assert_allclose(gradient, np.full((3, 3), image.sum()), rtol=1e-9)
