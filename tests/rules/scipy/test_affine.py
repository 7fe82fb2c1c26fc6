"""Functions whose derivative does not depend on their argument: one tape for many calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import linalg, ndimage, signal

import dualdiff as dd
from dualdiff.rules.scipy import affine

Function = Callable[[Any], Any]
SECTIONS = signal.butter(2, 0.3, output="sos")
LINE = np.random.default_rng(0).normal(size=24)
LINEAR: dict[str, Function] = {
    "savgol_filter": lambda x: signal.savgol_filter(x, 5, 2),
    "detrend": signal.detrend,
    "filtfilt": lambda x: signal.filtfilt([0.5, 0.5], [1.0, -0.2], x),
    "hilbert": lambda x: np.imag(signal.hilbert(x)),
    "resample": lambda x: signal.resample(x, 13),
    "stft": lambda x: np.real(signal.stft(x, nperseg=8)[2]).ravel(),
    "sosfilt": lambda x: signal.sosfilt(SECTIONS, x),
    "gaussian_filter": lambda x: ndimage.gaussian_filter(x, 1.5, mode="mirror"),
    "sobel": lambda x: ndimage.sobel(np.reshape(x, (4, 6)), 0, mode="reflect").ravel(),
    "zoom": lambda x: ndimage.zoom(x, 0.5, order=2),
    "toeplitz": lambda x: linalg.toeplitz(x, LINE).ravel(),
}


@pytest.mark.parametrize("name", LINEAR)
def test_the_jacobian_is_the_matrix_of_the_function_in_every_call(name: str) -> None:
    function = LINEAR[name]
    start = function(np.zeros(24))
    matrix = np.stack([function(unit) - start for unit in np.eye(24)], axis=1)
    for x in (LINE, 3.0 * LINE[::-1]):
        for mode in ("forward", "reverse"):
            assert np.allclose(dd.jacobian(function, mode=mode)(x), matrix, atol=1e-12)
        assert np.array_equal(dd.jvp(function, (x,), (x,))[0], function(x))
    y = matrix @ LINE + start
    hessian = dd.hessian(lambda x: np.sum(function(x) ** 3))(LINE)
    assert np.allclose(hessian, 6.0 * (matrix.T * y) @ matrix)


def test_a_gradient_calls_scipy_once_from_the_second_on() -> None:
    calls: list[Any] = []

    def counted(**given: Any) -> Any:
        calls.append(given)
        return original(**given)

    gradient = dd.grad(lambda x: np.sum(signal.detrend(x) ** 2))
    gradient(LINE)
    case = next(reversed(affine._cases.values()))[0]
    original, case.function = case.function, counted
    try:
        gradient(2.0 * LINE)
    finally:
        case.function = original
    assert len(calls) == 1


def test_other_arguments_of_other_values_have_tapes_of_their_own() -> None:
    weights = np.array([1.0, 2.0, 1.0])
    for _ in range(2):
        slope = dd.grad(lambda x: ndimage.gaussian_filter1d(x, 1.0)[3])(LINE)
        wide = dd.grad(lambda x: ndimage.gaussian_filter1d(x, 2.0)[3])(LINE)
        assert slope[3] > wide[3]
        single = dd.grad(lambda x: ndimage.gaussian_filter1d(x, 1.0)[3])(LINE.astype(np.float32))
        assert single.dtype == np.float32
    response = dd.grad(lambda x: signal.filtfilt(weights, [2.0], x)[12])
    before = response(LINE)
    weights *= 2.0
    assert np.allclose(response(LINE), 4.0 * before)


def test_a_filter_that_pads_by_an_element_is_no_linear_one() -> None:
    def function(x: Any) -> Any:
        return signal.resample_poly(x, 2, 3, padtype="maximum")

    dd.check_grads(function, (LINE,), order=1)
    dd.check_grads(function, (LINE[::-1].copy(),), order=1)


def test_a_tape_leaves_patterns_and_traced_options_as_they_are() -> None:
    assert dd.sparsity(LINEAR["toeplitz"], LINE).nnz == 300
    dd.check_grads(lambda s, x: ndimage.gaussian_filter1d(x, s), (1.3, LINE))
    dd.check_grads(lambda s, x: signal.sosfilt(s * SECTIONS[:, :3] @ np.eye(3, 6) + [
        0.0, 0.0, 0.0, 1.0, -0.2, 0.1], x), (1.3, LINE[:6]))  # fmt: skip


def test_a_result_is_stored_into_the_array_that_is_given() -> None:
    def function(x: Any) -> Any:
        out = dd.numpy.zeros(24)
        ndimage.sobel(x, output=out)
        return np.sum(out**2)

    dd.check_grads(function, (LINE,))
