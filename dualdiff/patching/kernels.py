"""What takes the place of pandas' compiled functions where their arguments are traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..array.box import observe
from ..array.made import boxed, contains_box
from ..core.types import Value
from ..errors import UnsupportedInputError, user_line

Function = Callable[..., Any]


def _correlation(original: Function) -> Function:
    def correlate(mat: Any, cov: bool = False, minp: int | None = None) -> Any:
        """Correlations or covariances of columns, each of the rows that both columns have."""
        if not contains_box(mat):
            return original(mat, cov=cov, minp=minp)
        x = boxed(mat)
        known = np.isfinite(observe(x))
        rows = [[np.nan] * x.shape[1] for _ in range(x.shape[1])]
        for i in range(x.shape[1]):
            for j in range(i + 1):
                both = np.flatnonzero(known[:, i] & known[:, j])
                if both.size >= max(1 if minp is None else minp, 1):
                    rows[i][j] = rows[j][i] = _of_pair(x[both, i], x[both, j], cov, i == j)
        return np.stack([np.stack(row) for row in rows])

    return correlate


def _of_pair(x: Value, y: Value, cov: bool, same: bool) -> Any:
    x, y = x - np.mean(x), y - np.mean(y)
    if cov:
        return np.sum(x * y) / (len(x) - 1) if len(x) > 1 else np.nan
    squares = np.sum(x * x) * np.sum(y * y)
    if observe(squares) == 0:
        return np.nan
    return 1.0 if same else np.sum(x * y) / np.sqrt(squares)


def _ranks(original: Function) -> Function:
    """Ranks are steps of the values."""
    return lambda values, *rest, **options: original(observe(boxed(values)), *rest, **options)


def _floats(original: Function) -> Function:
    return lambda x: boxed(x).astype(np.float64) if contains_box(x) else original(x)


def skew(x: Value) -> Any:
    """The third moment of a sample, without bias."""
    n = len(x)
    if n < 3:
        return np.nan
    d = x - np.mean(x)
    squares = np.sum(d**2)
    if observe(squares) == 0:
        return 0.0
    return n * np.sqrt(n - 1.0) / (n - 2) * np.sum(d**3) / squares**1.5


def kurt(x: Value) -> Any:
    """The fourth moment of a sample less that of a normal distribution, without bias."""
    n = len(x)
    if n < 4:
        return np.nan
    d = x - np.mean(x)
    squares, rest = np.sum(d**2), (n - 2.0) * (n - 3.0)
    if observe(squares) == 0:
        return 0.0
    return n * (n + 1.0) * (n - 1.0) / rest * np.sum(d**4) / squares**2 - 3 * (n - 1.0) ** 2 / rest


def moments(moment: Function) -> Callable[[Function], Function]:
    """A moment of all values, or along an axis."""

    def make(original: Function) -> Function:
        def call(
            values: Any, *, axis: int | None = None, skipna: bool = True, mask: Any = None
        ) -> Any:
            if not contains_box(values):
                return original(values, axis=axis, skipna=skipna, mask=mask)
            x, found = boxed(values), []
            for line in [np.ravel(x)] if axis is None or x.ndim == 1 else np.moveaxis(x, axis, -1):
                missing = np.isnan(observe(line))
                known = line[~missing] if skipna else line
                found.append(np.nan if missing.any() and not skipna else moment(known))
            return found[0] if axis is None or x.ndim == 1 else np.stack(found)

        return call

    return make


# By their names in pandas._libs.algos.
COMPILED: dict[str, Callable[[Function], Function]] = {
    "nancorr": _correlation,
    "rank_1d": _ranks,
    "rank_2d": _ranks,
    "ensure_float64": _floats,
}


def fill_along(original: Function) -> Function:
    def pad_or_backfill(self: Any, **options: Any) -> Any:
        """Missing values from their neighbours: pandas fills in the numbers of their places."""
        if not contains_box(self.values):
            return original(self, **options)
        x = boxed(self.values)
        places = np.arange(float(x.size)).reshape(x.shape)
        places[np.isnan(observe(x))] = np.nan
        numbers = self.make_block_same_class(places)
        (filled,) = original(numbers, **{**options, "inplace": False})
        found = np.asarray(filled.values)
        missing = np.isnan(found)
        taken = np.ravel(x)[np.where(missing, 0, found).astype(int)]
        return [self.make_block_same_class(np.where(missing, np.nan, taken))]

    return pad_or_backfill


def exponential_mean(func: Function, x: Value, start: Any, end: Any, few: int, *rest: Any) -> Any:
    """An exponentially weighted mean: ``y[i] = (1 - b[i]) * y[i - 1] + b[i] * x[i]``.

    pandas' own means of two known sequences give the weights b, and where the mean is missing.
    """
    from ..rules.scipy.linalg.banded import solve_banded  # it loads SciPy

    plain = np.asarray(observe(x), float)
    expected = func(plain, start, end, few, *rest)
    missing = np.isnan(plain)
    if missing.all():
        return expected
    probe = np.where(missing, np.nan, 1.0 - 2.0 * (np.arange(plain.size) % 2))
    mean = func(probe, start, end, 0, *rest)
    before = np.concatenate([[0.0], mean[:-1]])
    weights = np.where(missing, 0.0, (mean - before) / (probe - before))
    weights[np.argmin(missing)] = 1.0
    weights[: np.argmin(missing)] = 0.0
    band = np.stack([np.ones(plain.size), np.append(weights[1:] - 1.0, 0.0)])
    found = solve_banded((1, 0), band, weights * np.where(missing, 0.0, x))
    found = np.where(np.isnan(expected), np.nan, found)
    if not np.allclose(observe(found), expected, rtol=1e-9, atol=0.0, equal_nan=True):
        raise UnsupportedInputError(
            f"an exponentially weighted mean of traced values is not that of pandas, "
            f"{user_line()}; write it with NumPy's functions on x.to_numpy()"
        )
    return found
