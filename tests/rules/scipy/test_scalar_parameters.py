"""Numbers beside the arrays: each parameter of SciPy's functions has its derivative alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import fft, integrate, interpolate, linalg, signal, sparse, spatial, special, stats

import dualdiff as dd
from tests.rules.checks import check_close, difference
from tests.rules.rows import A
from tests.versions import before

X = np.linspace(0.0, 1.0, 9)
Y = np.sin(3 * X) + 0.1 * A(9, seed=1)
IMAGE, KERNEL = A(5, 6, seed=2), A(3, 2, seed=3)
SITES, HEIGHTS = A(20, 2, seed=4, low=0.0, high=1.0), A(20, seed=5)
AT = np.array([[3.0, 3.0], [0.5, 0.5]])  # the first lies beyond the data
M, B = A(5, 5, seed=6) + 5 * np.eye(5), A(5, seed=7)

PARAMETERS: dict[str, Callable[[Any], Any]] = {
    "convolve2d": lambda a: signal.convolve2d(IMAGE, KERNEL, boundary="fill", fillvalue=a).sum(),
    "correlate2d": lambda a: signal.correlate2d(IMAGE, KERNEL, boundary="fill", fillvalue=a).sum(),
    "interp1d": lambda a: interpolate.interp1d(X, Y, bounds_error=False, fill_value=a)(
        [-1.0, 0.5, 2]
    ).sum(),
    "interp1d-pair": lambda a: interpolate.interp1d(X, Y, bounds_error=False, fill_value=(a, a**2))(
        [-1.0, 0.5, 2]
    ).sum(),
    "griddata": lambda a: interpolate.griddata(SITES, HEIGHTS, AT, fill_value=a).sum(),
    "RegularGridInterpolator": lambda a: interpolate.RegularGridInterpolator(
        (X, X), np.outer(Y, Y), bounds_error=False, fill_value=a
    )(AT).sum(),
    "LinearNDInterpolator": lambda a: interpolate.LinearNDInterpolator(
        SITES, HEIGHTS, fill_value=a
    )(AT).sum(),
    "RBFInterpolator-smoothing": lambda a: interpolate.RBFInterpolator(SITES, HEIGHTS, smoothing=a)(
        [[0.3, 0.3]]
    ).sum(),
    "RBFInterpolator-epsilon": lambda a: interpolate.RBFInterpolator(
        SITES, HEIGHTS, kernel="gaussian", epsilon=a * 5
    )([[0.3, 0.3]]).sum(),
    "Rbf": lambda a: interpolate.Rbf(SITES[:, 0], SITES[:, 1], HEIGHTS, epsilon=0.1 * a)(0.3, 0.3),
    "make_smoothing_spline": lambda a: interpolate.make_smoothing_spline(X, Y, lam=a * 1e-3)(0.33),
    "lsqr": lambda a: sparse.linalg.lsqr(M, B, damp=a)[0].sum(),
    "lsmr": lambda a: sparse.linalg.lsmr(M, B, damp=a)[0].sum(),
    "lfilter_zi-first": lambda a: signal.lfilter_zi([0.2, 0.3], np.array([a / 1.3, 0.4])).sum(),
    "lfiltic-first": lambda a: signal.lfiltic([0.2, 0.3], np.array([a / 1.3, 0.4]), [0.7]).sum(),
    "sosfilt_zi-first": lambda a: signal.sosfilt_zi(
        np.array([[0.2, 0.3, 0.1, a / 1.3, 0.4, 0.1]])
    ).sum(),
    "lp2hp-at-1": lambda a: signal.lp2hp([1.0, 0.3], [1.0, 0.8, 2.0], a / 1.3)[1].sum(),
    "chirp-log": lambda a: signal.chirp(X, a, 1.0, 3.0, "log").sum(),
    "peak_widths-rel_height": lambda a: signal.peak_widths(np.sin(9 * X), [1], a / 2)[0].sum(),
    "savgol_filter-cval": lambda a: signal.savgol_filter(Y, 5, 2, mode="constant", cval=a).sum(),
    "savgol_filter-delta": lambda a: signal.savgol_filter(Y, 5, 2, deriv=1, delta=a).sum(),
    "upfirdn": lambda a: signal.upfirdn([1.0, 2], Y * a).sum(),
    "kaiser": lambda a: signal.windows.kaiser(9, a).sum(),
    "gaussian": lambda a: signal.windows.gaussian(9, a).sum(),
    "tukey": lambda a: signal.windows.tukey(9, a * 0.3).sum(),
    "firwin": lambda a: signal.firwin(9, a * 0.2) @ np.arange(9.0),
    "butter": lambda a: signal.butter(3, a * 0.2)[1].sum(),
    "get_window": lambda a: signal.get_window(("kaiser", a), 9).sum(),
    "welch": lambda a: signal.welch(Y, fs=a, nperseg=4)[1].sum(),
    "periodogram": lambda a: signal.periodogram(Y, fs=a)[1].sum(),
    "detrend": lambda a: signal.detrend(Y * a**2).sum() + signal.detrend(Y * a)[2],
    "lfiltic": lambda a: signal.lfiltic([1.0, a], [1.0, -0.5], [a]).sum(),
    "lfilter": lambda a: signal.lfilter([1.0, a], [1.0, -0.5], Y).sum(),
    "chirp": lambda a: signal.chirp(X, a, 1, 3.0).sum(),
    "gausspulse": lambda a: signal.gausspulse(X, fc=a).sum(),
    "sawtooth": lambda a: signal.sawtooth(X * 3, width=a * 0.4).sum(),
    "sweep_poly": lambda a: signal.sweep_poly(X, np.poly1d([a, 1.0])).sum(),
    "expect": lambda a: stats.norm(0, 1).expect(lambda z: z**2 * a),
    "boxcox": lambda a: stats.boxcox(Y + 3, a).sum(),
    "solve_banded": lambda a: linalg.solve_banded(
        (1, 1), np.array([[0, 1, 1], [4 * a, 4, 4], [1, 1, 0.0]]), np.ones(3)
    ).sum(),
    "expm_frechet": lambda a: linalg.expm_frechet(M / 9 * a, M / 9)[1].sum(),
    "fractional_matrix_power": lambda a: linalg.fractional_matrix_power(M, a).sum(),
    "sqrtm": lambda a: linalg.sqrtm(M * a).sum().real,
    "fht": lambda a: fft.fht(Y, 0.1, mu=a).sum(),
    "fht-offset": lambda a: fft.fht(Y, 0.1, mu=0.5, offset=a * 0.1).sum(),
    "minkowski": lambda a: spatial.distance.minkowski(Y[:4], Y[4:8], p=a + 1),
    "cdist-p": lambda a: spatial.distance.cdist(SITES, SITES, "minkowski", p=a + 1).sum(),
    "cdist-w": lambda a: spatial.distance.cdist(
        SITES, SITES, "euclidean", w=np.array([1.0, 2]) * a
    ).sum(),
    "huber": lambda a: special.huber(a * 0.3, Y).sum(),
    "simpson": lambda a: integrate.simpson(Y, dx=a),
    "cumulative_trapezoid": lambda a: integrate.cumulative_trapezoid(Y, dx=a, initial=0).sum(),
    "romb": lambda a: integrate.romb(Y, dx=a),
    "quad-args": lambda a: integrate.quad(lambda t, q: np.exp(-q * t), 0, 1, args=(a,))[0],
    "fixed_quad": lambda a: integrate.fixed_quad(lambda t: np.exp(-a * t), 0, a)[0],
    "Slerp": lambda a: (
        spatial.transform.Slerp(
            [0, 1.0], spatial.transform.Rotation.from_rotvec([[0, 0, 0], [0, a, 0.3]])
        )(0.4)
        .as_rotvec()
        .sum()
    ),
    "dijkstra": lambda a: sparse.csgraph.dijkstra(
        sparse.csr_matrix(np.abs(M)) * a, indices=0
    ).sum(),
    "expm_multiply": lambda a: sparse.linalg.expm_multiply(M / 9, B, start=0, stop=a, num=3).sum(),
    "freqz": lambda a: signal.freqz([1.0, a], [1.0], worN=[0.3, 0.4])[1].real.sum(),
    "freqz-fs": lambda a: signal.freqz([1.0, 0.3], [1.0], worN=[0.3, 0.4], fs=a * 6)[1].real.sum(),
    "lsim": lambda a: signal.lsim(([1.0], [1.0, a]), np.ones(9), X)[1].sum(),
    "cont2discrete": lambda a: signal.cont2discrete(([1.0], [1.0, a]), 0.1)[0].sum(),
    "cont2discrete-dt": lambda a: signal.cont2discrete(([1.0], [1.0, 0.3]), a)[1].sum(),
    "iirnotch": lambda a: signal.iirnotch(a * 0.2, 30.0)[0].sum(),
}


WHOLE_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "CubicSpline": lambda a: interpolate.CubicSpline([0, 1, 2, 3], [0, a, 2, 4])([1, 2]).sum(),
    "CubicSpline-integral": lambda a: interpolate.CubicSpline(X, a * Y).integrate(0, 1),
    "PchipInterpolator": lambda a: interpolate.PchipInterpolator(X, a * Y)(1),
    "PPoly": lambda a: interpolate.PPoly(a * np.ones((3, 2)), [0, 1, 2])(1),
    "BPoly": lambda a: interpolate.BPoly(a * np.ones((3, 2)), [0, 1, 2])(1),
    "BSpline": lambda a: interpolate.BSpline([0, 0, 0, 1, 2, 2, 2], a * A(4), 2)(1),
    "interp1d": lambda a: interpolate.interp1d([0, 1, 2], [0, a, 3])(1),
    "RegularGridInterpolator": lambda a: interpolate.RegularGridInterpolator(
        ([0, 1, 2], [0, 1]), a * A(3, 2)
    )([[1, 1]]),
    "RectBivariateSpline": lambda a: interpolate.RectBivariateSpline(
        range(5), range(5), a * A(5, 5)
    )(1, 2),
}
PARAMETERS.update({f"{name}-whole": f for name, f in WHOLE_NUMBERS.items()})


MARKS = {
    "Slerp": before("1.17.0", "its rotations are compiled code"),
    "lfiltic-first": before("1.17.0", "its result does not depend on the first coefficient"),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=MARKS.get(n, [])) for n in PARAMETERS])
def test_a_parameter_alone_has_its_derivative(name: str) -> None:
    function = PARAMETERS[name]

    def f(a: Any) -> tuple[Any, ...]:
        return (np.sum(function(a)),)

    (expected,) = difference(f, [1.3], [1.0])
    assert expected != 0
    check_close(dd.jvp(lambda a: f(a)[0], (1.3,), (1.0,))[1], expected, 1e-6, "forward")
    check_close(dd.grad(lambda a: f(a)[0])(1.3), expected, 1e-6, "reverse")


def test_a_logarithmic_chirp_between_equal_frequencies_is_refused() -> None:
    with pytest.raises(dd.errors.MissingRuleError, match="equal frequencies"):
        dd.grad(lambda f: signal.chirp(X, 3.0, 1.0, f, "log").sum())(3.0)
