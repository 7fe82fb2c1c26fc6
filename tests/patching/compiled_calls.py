"""Calls of compiled code in NumPy and SciPy, and a program that makes all of them.

Run as a program, it prints one line for each call: on constants that the program makes inside a
derivative, and with `traced` on traced values.
"""

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.cluster.hierarchy
import scipy.cluster.vq
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.sparse
import scipy.sparse.csgraph
import scipy.sparse.linalg
import scipy.spatial
import scipy.special
import scipy.stats

import dualdiff as dd

S = scipy
Makes = Callable[[], Any]


def points() -> Any:
    return np.array([[0.0, 0.0], [1.0, 0.1], [0.1, 1.0], [1.2, 1.1], [0.4, 0.5], [0.7, 0.2]])


def spd() -> Any:
    return np.eye(3) * 2 + np.full((3, 3), 0.1)


def grid() -> Any:
    return np.linspace(0.0, 1.0, 8)


def rng() -> Any:
    return np.random.default_rng(0)


# The functions take the array; `total` makes one number of its result.
CALLS: dict[str, tuple[Makes, Callable[[Any], Any]]] = {
    "random.rand": (grid, lambda a: np.random.RandomState(0).rand(3) + 0 * a[:3]),
    "random.choice": (lambda: np.full(5, 0.2), lambda a: rng().choice(np.arange(5.0), p=a)),
    "random.normal": (grid, lambda a: rng().normal(a, 1.0)),
    "random.multivariate_normal": (spd, lambda a: rng().multivariate_normal(a[0], a)),
    "random.shuffle": (grid, lambda a: rng().shuffle(a)),
    "random.permutation": (grid, lambda a: rng().permutation(a)),
    "random.dirichlet": (lambda: np.ones(3), lambda a: rng().dirichlet(a)),
    "np.linalg.solve": (spd, lambda a: np.linalg.solve(a, np.ones(3))),
    "np.linalg.svd": (spd, lambda a: np.linalg.svd(a)[1]),
    "np.fft.rfft": (grid, lambda a: np.abs(np.fft.rfft(a))),
    "linalg.solve": (spd, lambda a: S.linalg.solve(a, np.ones(3))),
    "linalg.inv": (spd, S.linalg.inv),
    "linalg.det": (spd, S.linalg.det),
    "linalg.expm": (spd, S.linalg.expm),
    "linalg.sqrtm": (spd, S.linalg.sqrtm),
    "linalg.logm": (spd, S.linalg.logm),
    "linalg.eigh": (spd, lambda a: S.linalg.eigh(a)[0]),
    "linalg.svd": (spd, lambda a: S.linalg.svd(a)[1]),
    "linalg.cholesky": (spd, S.linalg.cholesky),
    "linalg.cho_solve": (spd, lambda a: S.linalg.cho_solve(S.linalg.cho_factor(a), np.ones(3))),
    "linalg.lu": (spd, lambda a: S.linalg.lu(a)[2]),
    "linalg.qr": (spd, lambda a: S.linalg.qr(a)[1]),
    "linalg.schur": (spd, lambda a: S.linalg.schur(a)[0]),
    "linalg.lapack": (spd, lambda a: S.linalg.lapack.dpotrf(a)[0]),
    "linalg.blas": (spd, lambda a: S.linalg.blas.dgemm(1.0, a, a)),
    "linalg.solve_banded": (spd, lambda a: S.linalg.solve_banded((1, 1), a, np.ones(3))),
    "linalg.solve_toeplitz": (
        lambda: np.array([2.0, 0.1, 0.2]),
        lambda a: S.linalg.solve_toeplitz(a, np.ones(3)),
    ),
    "spatial.ConvexHull": (points, lambda a: S.spatial.ConvexHull(a).volume),
    "spatial.Delaunay": (points, lambda a: S.spatial.Delaunay(a).simplices * 1.0),
    "spatial.Voronoi": (points, lambda a: S.spatial.Voronoi(a).vertices),
    "spatial.cKDTree": (points, lambda a: S.spatial.cKDTree(a).query(a, 2)[0]),
    "spatial.KDTree": (points, lambda a: S.spatial.KDTree(a).query(a, 2)[0]),
    "spatial.cdist": (points, lambda a: S.spatial.distance.cdist(a, a)),
    "spatial.pdist": (points, lambda a: S.spatial.distance.pdist(a)),
    "spatial.Rotation": (
        lambda: np.array([0.1, 0.2, 0.3]),
        lambda a: S.spatial.transform.Rotation.from_rotvec(a).as_matrix(),
    ),
    "spatial.procrustes": (points, lambda a: S.spatial.procrustes(a, a[::-1])[2]),
    "interpolate.CubicSpline": (grid, lambda a: S.interpolate.CubicSpline(grid(), a)(0.3)),
    "interpolate.PchipInterpolator": (
        grid,
        lambda a: S.interpolate.PchipInterpolator(grid(), a)(0.3),
    ),
    "interpolate.interp1d": (grid, lambda a: S.interpolate.interp1d(grid(), a)(0.3)),
    "interpolate.make_interp_spline": (
        grid,
        lambda a: S.interpolate.make_interp_spline(grid(), a)(0.3),
    ),
    "interpolate.UnivariateSpline": (
        grid,
        lambda a: S.interpolate.UnivariateSpline(grid(), a, s=0)(0.3),
    ),
    "interpolate.griddata": (points, lambda a: S.interpolate.griddata(a, a[:, 0], (0.5, 0.5))),
    "interpolate.LinearNDInterpolator": (
        points,
        lambda a: S.interpolate.LinearNDInterpolator(a, a[:, 1])(0.5, 0.5),
    ),
    "interpolate.RBFInterpolator": (
        points,
        lambda a: S.interpolate.RBFInterpolator(a, a[:, 1])(a[:2]),
    ),
    "interpolate.RegularGridInterpolator": (
        grid,
        lambda a: S.interpolate.RegularGridInterpolator((grid(),), a)([0.3]),
    ),
    "sparse.csr_array": (spd, lambda a: S.sparse.csr_array(a).toarray()),
    "sparse.csc_matrix": (spd, lambda a: S.sparse.csc_matrix(a) @ np.ones(3)),
    "sparse.spsolve": (spd, lambda a: S.sparse.linalg.spsolve(S.sparse.csc_array(a), np.ones(3))),
    "sparse.diags": (grid, lambda a: S.sparse.diags(a).toarray()),
    "sparse.eigsh": (spd, lambda a: S.sparse.linalg.eigsh(a, 1, v0=np.ones(3))[0]),
    "sparse.cg": (spd, lambda a: S.sparse.linalg.cg(a, np.ones(3))[0]),
    "csgraph.dijkstra": (spd, lambda a: S.sparse.csgraph.dijkstra(a)),
    "signal.lfilter": (grid, lambda a: S.signal.lfilter([1.0, 0.5], [1.0, 0.2], a)),
    "signal.sosfilt": (grid, lambda a: S.signal.sosfilt(S.signal.butter(2, 0.3, output="sos"), a)),
    "signal.filtfilt": (
        lambda: np.linspace(0.0, 1.0, 30),
        lambda a: S.signal.filtfilt([1.0, 0.5], [1.0, 0.2], a),
    ),
    "signal.savgol_filter": (grid, lambda a: S.signal.savgol_filter(a, 5, 2)),
    "signal.convolve": (grid, lambda a: S.signal.convolve(a, a)),
    "signal.welch": (grid, lambda a: S.signal.welch(a, nperseg=8)[1]),
    "signal.hilbert": (grid, lambda a: np.abs(S.signal.hilbert(a))),
    "signal.resample": (grid, lambda a: S.signal.resample(a, 5)),
    "signal.find_peaks": (grid, lambda a: S.signal.find_peaks(a)[0] * 1.0),
    "signal.medfilt": (grid, lambda a: S.signal.medfilt(a, 3)),
    "ndimage.gaussian_filter": (spd, lambda a: S.ndimage.gaussian_filter(a, 1.0)),
    "ndimage.label": (spd, lambda a: S.ndimage.label(a > 1)[0] * 1.0),
    "ndimage.map_coordinates": (
        spd,
        lambda a: S.ndimage.map_coordinates(a, np.array([[0.5, 1.2], [0.3, 1.1]])),
    ),
    "ndimage.zoom": (spd, lambda a: S.ndimage.zoom(a, 2.0)),
    "ndimage.convolve": (spd, lambda a: S.ndimage.convolve(a, np.ones((3, 3)))),
    "fft.fft": (grid, lambda a: np.abs(S.fft.fft(a))),
    "fft.dct": (grid, S.fft.dct),
    "optimize.nnls": (spd, lambda a: S.optimize.nnls(a, np.ones(3))[0]),
    "optimize.linprog": (
        spd,
        lambda a: S.optimize.linprog(np.ones(3), A_ub=-a, b_ub=-np.ones(3)).x,
    ),
    "optimize.minimize": (
        lambda: np.array([2.0, 3.0]),
        lambda a: S.optimize.minimize(lambda x: np.sum((x - a) ** 2), np.zeros(2), tol=1e-12).x,
    ),
    "optimize.least_squares": (
        lambda: np.array([2.0, 3.0]),
        lambda a: S.optimize.least_squares(lambda x: x - a, np.zeros(2)).x,
    ),
    "optimize.root": (
        lambda: np.array([2.0, 3.0]),
        lambda a: S.optimize.root(lambda x: x**3 - a, np.ones(2)).x,
    ),
    "optimize.brentq": (
        lambda: np.ones(2),
        lambda a: S.optimize.brentq(lambda t: t**3 - a[0], 0.0, 2.0),
    ),
    "optimize.linear_sum_assignment": (spd, lambda a: S.optimize.linear_sum_assignment(a)[1] * 1.0),
    "optimize.curve_fit": (grid, lambda a: S.optimize.curve_fit(lambda t, k: k * t, grid(), a)[0]),
    "integrate.solve_ivp": (
        lambda: np.ones(2),
        lambda a: S.integrate.solve_ivp(lambda t, y: -y, (0.0, 1.0), a).y,
    ),
    "integrate.odeint": (
        lambda: np.ones(2),
        lambda a: S.integrate.odeint(lambda y, t: -y, a, np.array([0.0, 1.0])),
    ),
    "integrate.quad": (
        lambda: np.ones(2),
        lambda a: S.integrate.quad(lambda t: t * a[0], 0.0, 1.0)[0],
    ),
    "integrate.simpson": (grid, S.integrate.simpson),
    "special.ellipj": (grid, lambda a: S.special.ellipj(a, 0.3)[0]),
    "special.logsumexp": (grid, S.special.logsumexp),
    "stats.norm.cdf": (grid, S.stats.norm.cdf),
    "stats.gaussian_kde": (grid, lambda a: S.stats.gaussian_kde(a)(0.3)),
    "stats.spearmanr": (grid, lambda a: S.stats.spearmanr(a, a[::-1])[0]),
    "stats.rankdata": (grid, S.stats.rankdata),
    "cluster.linkage": (points, lambda a: S.cluster.hierarchy.linkage(a)),
    "cluster.vq": (points, lambda a: S.cluster.vq.vq(a, a[:2])[1]),
}


def total(result: Any) -> Any:
    """One number of a result."""
    if result is None:
        return 0.0
    return np.sum(np.nan_to_num(np.sum(result) * 1.0))


def on_constants(make: Makes, call: Callable[[Any], Any]) -> str:
    """The call on an array that the program makes inside a derivative, beside a plain run."""
    plain = total(call(make()))
    with dd.patch():
        slope = dd.grad(lambda x: x * total(call(make())))(1.0)
    return "right" if np.isclose(slope, plain, rtol=1e-12, atol=1e-12) else f"{slope} for {plain}"


def on_traced(make: Makes, call: Callable[[Any], Any]) -> str:
    """The call on a traced array: right, or an error that says so."""
    a = make()
    f = lambda s: total(call(a * s))  # noqa: E731
    h = 1e-6
    try:
        with dd.patch():
            slope = dd.grad(f)(1.0)
    except dd.DualdiffError as error:
        return f"clear {type(error).__name__}: {error}"
    except Exception as error:
        return f"unclear {type(error).__name__}: {error}"
    numerical = (f(1 + h) - f(1 - h)) / (2 * h)
    right = np.isclose(slope, numerical, rtol=1e-4, atol=1e-4)
    return "right" if right else f"wrong: {slope} for {numerical}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    mode = on_traced if "traced" in sys.argv else on_constants
    for name, (make, call) in CALLS.items():
        print(name, end=": ", flush=True)
        try:
            print(mode(make, call), flush=True)
        except Exception as error:
            print(f"failed {type(error).__name__}: {error}", flush=True)
