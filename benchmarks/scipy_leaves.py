"""Compiled leaves of SciPy for `functions`, and the gradients of some, written by hand."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import fft, linalg, ndimage, signal
from scipy.linalg.blas import get_blas_funcs
from scipy.linalg.lapack import get_lapack_funcs
from scipy.spatial import distance

N = 300
FILTER = signal.butter(4, 0.2)
SECTIONS = signal.butter(4, 0.2, output="sos")
Case = tuple[str, Callable[..., Any], tuple[np.ndarray, ...]]


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def _matrix(n: int = N, m: int = N) -> np.ndarray:
    return _rng().normal(size=(n, m))


def _positive() -> np.ndarray:
    A = _matrix()
    return A @ A.T / N + np.eye(N)


def _first(f: Callable[..., Any], i: int = 0, **options: Any) -> Callable[..., Any]:
    return lambda *x: f(*x, **options)[i]


def _with(f: Callable[..., Any], *more: Any, **options: Any) -> Callable[..., Any]:
    return lambda *x: f(*x, *more, **options)


def _linalg() -> list[Case]:
    A, P, b = _matrix() / 10 + np.eye(N), _positive(), _rng().normal(size=N)
    column, tall = 0.5 ** np.arange(N) + np.eye(N)[0], _matrix(N, N // 2)
    band = np.stack([0.3 * np.ones(20_000), 2.0 + np.arange(20_000) % 3])
    long = _rng().normal(size=20_000)
    factor = linalg.cho_factor(P)
    lower = np.tril(P)
    return [
        ("linalg.solve", linalg.solve, (P, P[:, ::-1].copy())),
        ("linalg.solve, pos", _with(linalg.solve, assume_a="pos"), (P, b)),
        ("linalg.inv", linalg.inv, (P,)),
        ("linalg.det", linalg.det, (P / 2,)),
        ("linalg.lstsq", _first(linalg.lstsq), (tall, b)),
        ("linalg.pinv", linalg.pinv, (tall,)),
        ("linalg.norm", linalg.norm, (P,)),
        ("linalg.cholesky", linalg.cholesky, (P,)),
        ("linalg.cho_solve", lambda b: linalg.cho_solve(factor, b), (P,)),
        ("linalg.solve_triangular", _with(linalg.solve_triangular, lower=True), (lower, P)),
        ("linalg.lu", lambda A: np.sum(linalg.lu(A)[1]) + linalg.lu(A)[2], (A,)),
        ("linalg.lu_factor", _first(linalg.lu_factor), (A,)),
        ("linalg.ldl", _first(linalg.ldl), (P,)),
        ("linalg.qr, economic", _first(linalg.qr, mode="economic"), (tall,)),
        ("linalg.qr, r", _first(linalg.qr, mode="r"), (tall,)),
        ("linalg.svd", _first(linalg.svd, 1), (A,)),
        ("linalg.svdvals", linalg.svdvals, (A,)),
        ("linalg.eigh", _first(linalg.eigh, 1), (P,)),
        ("linalg.eigvalsh", linalg.eigvalsh, (P,)),
        ("linalg.eigvals", _with(lambda A: np.real(linalg.eigvals(A))), (A,)),
        ("linalg.polar", _first(linalg.polar), (A,)),
        ("linalg.expm", linalg.expm, (A / 10,)),
        ("linalg.sqrtm", linalg.sqrtm, (P,)),
        ("linalg.logm", linalg.logm, (P,)),
        ("linalg.toeplitz", linalg.toeplitz, (column,)),
        ("linalg.solve_toeplitz", linalg.solve_toeplitz, (column, b)),
        ("linalg.solve_banded", lambda a, b: linalg.solveh_banded(a, b), (band, long)),
        ("linalg.solve_sylvester", _with(linalg.solve_sylvester, P, P), (P + 1.0,)),
        ("linalg.block_diag", lambda x, y: linalg.block_diag(x, y), (tall[:150], tall[150:])),
    ]


def _fft() -> list[Case]:
    x = _rng().normal(size=100_000)
    image = _matrix(316, 316)
    return [
        ("fft.fft", lambda x: np.real(fft.fft(x)), (x,)),
        ("fft.rfft", lambda x: np.real(fft.rfft(x)), (x,)),
        ("fft.irfft", fft.irfft, (fft.rfft(x),)),
        ("fft.fft2", lambda x: np.real(fft.fft2(x)), (image,)),
        ("fft.dct", fft.dct, (x,)),
        ("fft.dst, type 4", _with(fft.dst, type=4), (x,)),
        ("fft.dctn", fft.dctn, (image,)),
        ("fft.fht", _with(fft.fht, 0.01, 0.5), (x,)),
    ]


def _ndimage() -> list[Case]:
    image, kernel = _matrix(316, 316), _matrix(5, 5)
    places = np.indices((316, 316)) * 0.9 + 0.3
    return [
        ("ndimage.gaussian_filter", _with(ndimage.gaussian_filter, 2.0), (image,)),
        ("ndimage.uniform_filter", _with(ndimage.uniform_filter, 5), (image,)),
        ("ndimage.convolve", ndimage.convolve, (image, kernel)),
        ("ndimage.correlate1d", ndimage.correlate1d, (image, kernel[0])),
        ("ndimage.sobel", ndimage.sobel, (image,)),
        ("ndimage.laplace", ndimage.laplace, (image,)),
        ("ndimage.median_filter", _with(ndimage.median_filter, 3), (image,)),
        ("ndimage.maximum_filter", _with(ndimage.maximum_filter, 5), (image,)),
        ("ndimage.grey_opening", _with(ndimage.grey_opening, (3, 3)), (image,)),
        ("ndimage.zoom", _with(ndimage.zoom, 1.5), (image,)),
        ("ndimage.rotate", _with(ndimage.rotate, 20.0), (image,)),
        ("ndimage.shift", _with(ndimage.shift, 0.3), (image,)),
        ("ndimage.map_coordinates", _with(ndimage.map_coordinates, places), (image,)),
        ("ndimage.map_coordinates by places", lambda p: ndimage.map_coordinates(image, p),
         (places,)),
        ("ndimage.spline_filter", ndimage.spline_filter, (image,)),
    ]  # fmt: skip


def _signal() -> list[Case]:
    x, y, image = _rng().normal(size=100_000), _rng().normal(size=1000), _matrix(316, 316)
    b, a = FILTER
    return [
        ("signal.lfilter", lambda x: signal.lfilter(b, a, x), (x,)),
        ("signal.lfilter by all", signal.lfilter, (b, a, x)),
        ("signal.sosfilt", lambda x: signal.sosfilt(SECTIONS, x), (x,)),
        ("signal.filtfilt", lambda x: signal.filtfilt(b, a, x), (x,)),
        ("signal.fftconvolve", signal.fftconvolve, (x, y)),
        ("signal.oaconvolve", signal.oaconvolve, (x, y)),
        ("signal.convolve2d", signal.convolve2d, (image, _matrix(5, 5))),
        ("signal.resample", _with(signal.resample, 50_000), (x,)),
        ("signal.resample_poly", _with(signal.resample_poly, 2, 3), (x,)),
        ("signal.hilbert", lambda x: np.imag(signal.hilbert(x)), (x,)),
        ("signal.detrend", signal.detrend, (x,)),
        ("signal.savgol_filter", _with(signal.savgol_filter, 11, 3), (x,)),
        ("signal.medfilt", _with(signal.medfilt, 5), (x,)),
        ("signal.welch", _first(signal.welch, 1), (x,)),
        ("signal.csd", lambda x: np.real(signal.csd(x, x[::-1])[1]), (x,)),
        ("signal.stft", lambda x: np.real(signal.stft(x)[2]), (x,)),
        ("signal.spectrogram", _first(signal.spectrogram, 2), (x,)),
    ]


def _spatial() -> list[Case]:
    points, others = _matrix(N, 3), _matrix(N, 3)[::-1] + 0.1
    return [
        ("spatial.distance.pdist", distance.pdist, (points,)),
        ("spatial.distance.cdist", distance.cdist, (points, others)),
        ("spatial.distance.cdist, cityblock", _with(distance.cdist, metric="cityblock"),
         (points, others)),
    ]  # fmt: skip


# Values and gradients of ``np.sum(f(x))``, as one writes them who knows what is asked for.
def _det(A: Any) -> Any:
    functions: Any = get_lapack_funcs(("getrf", "getri"), (A,))
    getrf, getri = functions
    factors, pivots, _ = getrf(A.T)
    value = np.prod(np.diag(factors)) * (-1) ** np.sum(pivots != np.arange(len(A)))
    return value * getri(factors, pivots, lwork=64 * len(A), overwrite_lu=1)[0].T


def _lu_factor(A: Any) -> Any:
    packed, pivots = linalg.lu_factor(A)
    g = np.full(packed.shape, np.ones_like(np.sum(packed)))
    functions: Any = get_blas_funcs(("trmm", "trsm"), (packed,))
    trmm, trsm = functions
    left = trmm(1.0, packed.T, np.tril(g, -1).T, side=1, trans_a=1, diag=1).T
    right = trmm(1.0, packed.T, np.triu(g).T, lower=1, trans_a=1).T
    half = trsm(1.0, packed.T, (np.tril(left, -1) + np.triu(right)).T, lower=1, trans_a=1)
    order = np.arange(len(A))
    for i, j in enumerate(pivots):
        order[[i, j]] = order[[j, i]]
    out = np.empty_like(A)
    out[order] = trsm(1.0, packed.T, half, side=1, diag=1, trans_a=1).T
    return out


def _ldl(A: Any) -> Any:
    low, d, order = linalg.ldl(A)
    g, low = np.full(low.shape, np.ones_like(np.sum(low))), low[order]
    middle = np.tril((low.T @ g) / np.diag(d), -1)
    options = {"trans": 1, "lower": True, "unit_diagonal": True}
    half = linalg.solve_triangular(low, middle, **options)
    out = np.empty_like(A)
    out[np.ix_(order, order)] = linalg.solve_triangular(low, half.T, **options).T
    return np.tril(out) + np.tril(out.T, -1)


def _qr_r(A: Any) -> Any:
    q, r = linalg.qr(A, mode="economic")
    m = r @ np.triu(np.ones_like(r)).T
    return linalg.solve_triangular(r, (q @ (np.tril(m) + np.tril(m, -1).T)).T).T


def _eigvalsh(A: Any) -> Any:
    v = linalg.eigh(A)[1]
    return v @ v.T


def _svdvals(A: Any) -> Any:
    u, _, vh = linalg.svd(A)
    return u @ vh


def _eigvals(A: Any) -> Any:
    _, left, right = linalg.eig(A, left=True)
    left = np.conj(left) / np.sum(np.conj(left) * right, axis=0)
    return np.real(left @ right.T)


def _toeplitz(c: Any) -> Any:
    n, g = len(c), np.ones_like(linalg.toeplitz(c))
    wide = np.zeros((n, 2 * n))
    wide[:, :n] = g[:, ::-1]
    sums = np.lib.stride_tricks.as_strided(wide, (n, 2 * n - 1), (16 * n - 8, 8)).sum(axis=0)
    return sums[n - 1 :] + np.concatenate([[0.0], sums[: n - 1][::-1]])


def _solveh_banded(a: Any, b: Any) -> Any:
    factor = linalg.cholesky_banded(a), False
    x = linalg.cho_solve_banded(factor, b)
    g = linalg.cho_solve_banded(factor, np.ones_like(x))
    beside = np.concatenate([[0.0], -g[1:] * x[:-1] - g[:-1] * x[1:]])
    return np.stack([beside, -g * x]), g


def _folded(g: Any, axis: int, k: int) -> Any:
    """The transpose of reflection at both ends of an axis."""
    g = np.moveaxis(g, axis, 0)
    g[k : 2 * k] += g[:k][::-1]
    g[-2 * k : -k] += g[-k:][::-1]
    return np.moveaxis(g[k:-k], 0, axis)


def _filtered_back(g: Any, weights: Any, axis: int) -> Any:
    k = len(weights) // 2
    g = np.pad(g, [(k, k) if i == axis else (0, 0) for i in range(2)])
    return _folded(ndimage.convolve1d(g, weights, axis, mode="constant"), axis, k)


def _uniform_filter(x: Any) -> Any:
    g = np.pad(np.ones_like(ndimage.uniform_filter(x, 5)), 2)
    return _folded(_folded(ndimage.uniform_filter(g, 5, mode="constant"), 0, 2), 1, 2)


def _correlate1d(x: Any, w: Any) -> Any:
    g, n = np.ones_like(ndimage.correlate1d(x, w)), x.shape[1]
    wide = np.pad(x, [(0, 0), (2, 2)], mode="symmetric")
    own = [np.einsum("ij,ij->", wide[:, i : i + n], g) for i in range(len(w))]
    return _filtered_back(g, w, 1), np.array(own)


def _maximum_filter(x: Any) -> Any:
    ndimage.maximum_filter(x, 5)
    wide, (m, n) = np.pad(x, 2, mode="symmetric"), x.shape
    across = [wide[:, i : i + n] for i in range(5)]
    best, column = _first_largest(across)
    _, row = _first_largest([best[i : i + m] for i in range(5)])
    row += np.arange(m)[:, None]
    places = row * wide.shape[1] + column[row, np.arange(n)] + np.arange(n)
    g = np.bincount(places.ravel(), np.ones(x.size), wide.size).reshape(wide.shape)
    return _folded(_folded(g, 0, 2), 1, 2)


def _first_largest(parts: list[Any]) -> tuple[Any, Any]:
    best = functools.reduce(np.maximum, parts)
    left = np.zeros(best.shape, np.uint8)
    for i, part in enumerate(parts):
        np.maximum(left, (part == best) * np.uint8(len(parts) - i), out=left)
    return best, len(parts) - left.astype(np.intp)


def _spectrogram(x: Any) -> Any:
    signal.spectrogram(x)
    n, hop = 256, 224
    window = signal.get_window(("tukey", 0.25), n)
    parts = np.lib.stride_tricks.sliding_window_view(x, n)[::hop]
    z = fft.rfft(window * (parts - parts.mean(axis=1)[:, None]))
    g = fft.irfft(z * (2 * n / np.sum(window**2)), n) * window
    g -= g.mean(axis=1)[:, None]
    out = np.zeros_like(x)
    whole = out[: hop * len(g)].reshape(len(g), hop)
    whole += g[:, :hop]
    whole[1:, : n - hop] += g[:-1, hop:]
    out[hop * len(g) : hop * len(g) + n - hop] += g[-1, hop:]
    return out


def _sobel(x: Any) -> Any:
    g = np.ones_like(ndimage.sobel(x))
    return _filtered_back(_filtered_back(g, [-1.0, 0.0, 1.0], 1), [1.0, 2.0, 1.0], 0)


def _laplace(x: Any) -> Any:
    g = np.ones_like(ndimage.laplace(x))
    return sum(_filtered_back(g, [1.0, -2.0, 1.0], axis) for axis in (0, 1))


def _lfilter(b: Any, a: Any, x: Any) -> Any:
    y = signal.lfilter(b, a, x)
    h = signal.lfilter([1.0], a, np.ones_like(y))[::-1]
    lagged = [[h[i:] @ z[: len(z) - i] for i in range(len(b))] for z in (x, -y)]
    return np.array(lagged[0]), np.array(lagged[1]), signal.lfilter(b, [1.0], h[::-1])[::-1]


def _sosfilt(x: Any) -> Any:
    y = signal.sosfilt(SECTIONS, x)
    return signal.sosfilt(SECTIONS, np.ones_like(y))[::-1].copy()


def _convolve2d(x: Any, k: Any) -> Any:
    g = np.ones_like(signal.convolve2d(x, k))
    return tuple(signal.convolve2d(g, np.flip(z), "valid") for z in (k, x))


def _oaconvolve(x: Any, y: Any) -> Any:
    g = np.ones_like(signal.oaconvolve(x, y))
    return signal.oaconvolve(g, y[::-1], "valid"), signal.fftconvolve(g, x[::-1], "valid")


def _pdist(x: Any) -> Any:
    w = distance.squareform(1 / distance.pdist(x))
    return w.sum(axis=1)[:, None] * x - w @ x


def _cdist(x: Any, y: Any) -> Any:
    w = 1 / distance.cdist(x, y)
    return w.sum(axis=1)[:, None] * x - w @ y, w.sum(axis=0)[:, None] * y - w.T @ x


def _cityblock(x: Any, y: Any) -> Any:
    g = np.ones_like(distance.cdist(x, y, "cityblock"))
    signs = [np.sign(a[:, None] - b) * g for a, b in zip(x.T, y.T, strict=True)]
    return tuple(s * np.stack([p.sum(axis=i) for p in signs], 1) for s, i in ((1, 1), (-1, 0)))


def _norm(A: Any) -> Any:
    return A / linalg.norm(A)


def _solve_positive(P: Any, b: Any) -> Any:
    factor = linalg.cho_factor(P)
    x = linalg.cho_solve(factor, b)
    g = linalg.cho_solve(factor, np.ones_like(x))
    own = -np.outer(g, x)
    return np.triu(own + own.T) - np.diag(np.diag(own)), g


def _inverse(P: Any) -> Any:
    inverse = linalg.inv(P)
    return -np.outer(inverse.sum(axis=1), inverse.sum(axis=0)).T


def _lstsq(A: Any, b: Any) -> Any:
    q, r = linalg.qr(A, mode="economic")
    x = linalg.solve_triangular(r, q.T @ b)
    h = linalg.solve_triangular(r, np.ones_like(x), trans=1)
    g = q @ h
    return np.outer(b - A @ x, linalg.solve_triangular(r, h)) - np.outer(g, x), g


def _block_diag(x: Any, y: Any) -> Any:
    g = np.ones_like(linalg.block_diag(x, y))
    m, n = x.shape
    return g[:m, :n].copy(), g[m:, n:].copy()


def _dct(x: Any) -> Any:
    g = np.ones_like(fft.dct(x))
    g[0] *= 2
    return fft.dct(g, type=3)


def _convolve(x: Any, w: Any) -> Any:
    g = np.ones_like(ndimage.convolve(x, w))
    k, (m, n) = len(w) // 2, x.shape
    back = ndimage.correlate(np.pad(g, k), w, mode="constant")
    wide = np.pad(x, k, mode="symmetric")
    own = [
        [np.einsum("ij,ij->", wide[i : i + m, j : j + n], g) for j in range(len(w))]
        for i in range(len(w))
    ]
    return _folded(_folded(back, 0, k), 1, k), np.flip(own)


def _fftconvolve(x: Any, y: Any) -> Any:
    size = len(x) + len(y) - 1
    n = fft.next_fast_len(size, True)
    a, b = fft.rfft(x, n), fft.rfft(y, n)
    g = fft.rfft(np.ones_like(fft.irfft(a * b, n)[:size]), n)
    return fft.irfft(g * b.conj(), n)[: len(x)], fft.irfft(g * a.conj(), n)[: len(y)]


def _savgol(x: Any) -> Any:
    g = np.ones_like(signal.savgol_filter(x, 11, 3))
    basis = np.vander(np.arange(11) - 5.0, 4)
    ends = basis @ np.linalg.pinv(basis)
    inner = g.copy()
    inner[:5] = inner[-5:] = 0
    out = ndimage.correlate1d(inner, signal.savgol_coeffs(11, 3), mode="constant")
    out[:11] += ends[:5].T @ g[:5]
    out[-11:] += ends[-5:].T @ g[-5:]
    return out


def _cholesky(A: Any) -> Any:
    low = linalg.cholesky(A).T
    middle = np.tril(low.T @ np.tril(np.ones_like(low)))
    middle[np.diag_indices(len(A))] /= 2
    half = linalg.solve_triangular(low, middle, trans=1, lower=True)
    out = linalg.solve_triangular(low, half.T, trans=1, lower=True)
    return np.triu(out + out.T) - np.diag(np.diag(out))


def _logm(A: Any) -> Any:
    n = len(A)
    linalg.logm(A)
    blocks = np.block([[A.T, np.ones((n, n))], [np.zeros((n, n)), A.T]])
    return linalg.logm(blocks)[:n, n:]


BY_HAND: dict[str, Callable[..., Any]] = {
    "linalg.solve, pos": _solve_positive,
    "linalg.inv": _inverse,
    "linalg.cholesky": _cholesky,
    "linalg.logm": _logm,
    "linalg.lstsq": _lstsq,
    "linalg.block_diag": _block_diag,
    "fft.dct": _dct,
    "ndimage.convolve": _convolve,
    "signal.fftconvolve": _fftconvolve,
    "signal.savgol_filter": _savgol,
    "linalg.det": _det,
    "linalg.norm": _norm,
    "linalg.lu_factor": _lu_factor,
    "linalg.ldl": _ldl,
    "linalg.qr, r": _qr_r,
    "linalg.eigvalsh": _eigvalsh,
    "linalg.svdvals": _svdvals,
    "linalg.eigvals": _eigvals,
    "linalg.toeplitz": _toeplitz,
    "linalg.solve_banded": _solveh_banded,
    "ndimage.uniform_filter": _uniform_filter,
    "ndimage.correlate1d": _correlate1d,
    "ndimage.maximum_filter": _maximum_filter,
    "signal.spectrogram": _spectrogram,
    "ndimage.sobel": _sobel,
    "ndimage.laplace": _laplace,
    "signal.lfilter by all": _lfilter,
    "signal.sosfilt": _sosfilt,
    "signal.convolve2d": _convolve2d,
    "signal.oaconvolve": _oaconvolve,
    "spatial.distance.pdist": _pdist,
    "spatial.distance.cdist": _cdist,
    "spatial.distance.cdist, cityblock": _cityblock,
}


def cases() -> list[Case]:
    """A name, a function and its differentiated arguments for each row of the table."""
    return [*_linalg(), *_fft(), *_ndimage(), *_signal(), *_spatial()]
