"""Distributions of several variables: multivariate_normal and dirichlet."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import is_box, plain, seen
from ....core.batch import shape_of
from ....errors import MissingRuleError, user_line
from ...declare import rule
from ...numpy.creation import contains_box
from .. import special as _rules  # noqa: F401  # those that the formulas need
from .distribution import Frozen, double

LOG_2PI = 1.8378770664093453


class _Mirror:
    """A distribution of scipy.stats; functions without a rule refuse traced values."""

    source: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.source, name)

        def method(*args: Any, **kwargs: Any) -> Any:
            if any(map(contains_box, (*args, *kwargs.values()))):
                what = type(self.source).__name__.removesuffix("_gen")
                raise MissingRuleError(
                    f"scipy.stats.{what}.{name} has no derivative rule, {user_line()}; pass "
                    f"dualdiff.value_of(x) to count x as constant."
                )
            return found(*args, **kwargs)

        return method if callable(found) else found

    def __dir__(self) -> list[str]:
        return dir(self.source)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The distribution with its parameters fixed."""
        if any(map(contains_box, (*args, *kwargs.values()))):
            return Frozen(self, args, kwargs)  # type: ignore[arg-type]
        return self.source(*args, **kwargs)


def _parameters(mean: Any, cov: Any, ndim: int) -> tuple[Any, Any]:
    """Mean vector and covariance matrix, from SciPy's short forms."""
    mean, cov = None if mean is None else double(mean), double(cov)
    sizes = [shape_of(p)[-1] for p in (mean, cov) if p is not None and np.ndim(p)]
    n = sizes[0] if sizes else max(ndim, 1)
    if np.ndim(cov) < 2:
        cov = cov * np.eye(n)
    if shape_of(cov) != (n, n):
        raise ValueError(f"the covariance must be of shape {(n, n)}, not {shape_of(cov)}")
    mean = np.zeros(n) if mean is None else np.broadcast_to(mean, (n,))
    return mean, cov


def _threshold(eigenvalues: Any) -> Any:
    """Below it an eigenvalue counts as zero, as in SciPy."""
    return 1e6 * np.finfo(float).eps * np.max(np.abs(eigenvalues))


def _density(deviation: Any, cov: Any) -> Any:
    """The logarithm of the density for a positive definite covariance, computed as in SciPy."""
    if is_box(deviation) or is_box(cov):
        return density_p(deviation, cov)
    values, vectors = np.linalg.eigh(cov)
    if not values[0] > _threshold(values):
        stats.multivariate_normal(np.zeros(len(cov)), cov)  # SciPy checks the arguments
    scaled = np.matmul(deviation, vectors * np.sqrt(1 / values))
    distance = np.sum(np.square(scaled), axis=-1)
    return -0.5 * (len(cov) * LOG_2PI + np.sum(np.log(values)) + distance)


def _density_push(ts: Any, x: Any, y: Any) -> Any:
    inverse = np.linalg.inv(y)
    a = np.matmul(x, inverse)
    out: Any = 0.0 if ts[0] is None else -np.sum(ts[0] * a, axis=-1)
    if ts[1] is not None:
        trace = np.sum(inverse * np.swapaxes(ts[1], -1, -2), axis=(-1, -2))
        square = np.sum(np.matmul(a, ts[1]) * a, axis=-1)
        out = out + 0.5 * (square - (trace[..., None] if np.ndim(x) > 1 else trace))
    return out


def _density_pull(g: Any, x: Any, y: Any, active: Any) -> Any:
    """Petersen and Pedersen, The Matrix Cookbook, 2012, equations 57, 61 and 81."""
    inverse = np.linalg.inv(y)
    a = np.matmul(x, inverse)
    weighted = g[..., None] * a
    if not active[1]:
        return -weighted, None
    if np.ndim(x) == 1:
        outer, total = weighted[..., :, None] * a, g
    else:
        outer, total = np.matmul(np.swapaxes(weighted, -1, -2), a), np.sum(g, axis=-1)
    return -weighted, 0.5 * (outer - total[..., None, None] * inverse)


density_p = rule(_density, push=_density_push, pull=_density_pull, name="multivariate_normal")


def _singular_density(deviation: Any, cov: Any, rank: int) -> Any:
    """The density on the range of a covariance of constant rank, -inf outside it."""
    values, vectors = np.linalg.eigh(seen(cov))
    null = vectors[:, : len(values) - rank]
    distance = np.sum(np.matmul(deviation, np.linalg.pinv(cov)) * deviation, axis=-1)
    logdet = np.sum(np.log(np.linalg.eigvalsh(cov)[len(values) - rank :]))
    off = np.linalg.norm(plain(deviation) @ null, axis=-1)
    density = -0.5 * (rank * LOG_2PI + logdet + distance)
    return np.where(off < 1e3 * _threshold(values), density, -np.inf)


class _MultivariateNormal(_Mirror):
    """scipy.stats.multivariate_normal, with derivatives of pdf, logpdf and entropy.

    All entries of the covariance count as independent: for a symmetric covariance the derivative is
    symmetric. With `allow_singular`, the rank of a singular covariance counts as constant.
    """

    source = stats.multivariate_normal

    def logpdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """The logarithm of the density.

        Arguments: `x`, of shape (..., n); `mean`, a vector, a number, or None for 0; `cov`, a
        matrix, its diagonal, or a number.
        Returns: an array of x's shape without the last axis.
        Raises: numpy.linalg.LinAlgError for a singular covariance, unless `allow_singular`.

        >>> import numpy as np, dualdiff as dd
        >>> normal = dd.scipy.stats.multivariate_normal
        >>> dd.grad(lambda m: normal.logpdf(np.array([1.0, 2.0]), m, 2.0))(np.zeros(2))
        array([0.5, 1. ])
        """
        if not any(map(contains_box, (x, mean, cov))):
            return self.source.logpdf(x, mean, cov, allow_singular)
        x = double(x)
        x = x if hasattr(x, "dtype") else np.asarray(x, dtype=float)
        mean, cov = _parameters(mean, cov, shape_of(x)[-1] if np.ndim(x) else 1)
        n = shape_of(mean)[0]
        if np.ndim(x) == 0 or (np.ndim(x) == 1 and n == 1):
            x = np.reshape(x, (*shape_of(x), 1))
        deviation = x - mean
        if allow_singular:
            values = np.linalg.eigvalsh(seen(cov))
            rank = int(np.sum(values > _threshold(values)))
            if rank < n:
                return _singular_density(deviation, cov, rank)
        if np.ndim(deviation) <= 2:
            return density_p(deviation, cov)
        rows = density_p(np.reshape(deviation, (-1, n)), cov)
        return np.reshape(rows, shape_of(deviation)[:-1])

    def pdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """The density; see `logpdf`."""
        if not any(map(contains_box, (x, mean, cov))):
            return self.source.pdf(x, mean, cov, allow_singular)
        return np.exp(self.logpdf(x, mean, cov, allow_singular))

    def entropy(self, mean: Any = None, cov: Any = 1) -> Any:
        """The differential entropy, ``log(det(2 pi e cov)) / 2``."""
        if not any(map(contains_box, (mean, cov))):
            return self.source.entropy(mean, cov)
        mean, cov = _parameters(mean, cov, 1)
        self.source(np.zeros(shape_of(mean)), np.asarray(seen(cov)))  # SciPy checks the arguments
        return 0.5 * (shape_of(mean)[0] * (LOG_2PI + 1) + np.linalg.slogdet(cov)[1])


class _Dirichlet(_Mirror):
    """scipy.stats.dirichlet, with derivatives of pdf and logpdf."""

    source = stats.dirichlet

    def logpdf(self, x: Any, alpha: Any) -> Any:
        """The logarithm of the density.

        Arguments: `x`, of shape (k,) or (k, m), whose columns add up to 1, or without the last row;
        `alpha`, of shape (k,).
        Returns: a number or an array of shape (m,).
        Raises: ValueError if x is not in the simplex. All given entries of x count as
        independent.

        >>> import numpy as np, dualdiff as dd
        >>> f = lambda a: dd.scipy.stats.dirichlet.logpdf(np.array([0.25, 0.75]), a)
        >>> dd.grad(f)(np.array([2.0, 2.0]))
        array([-0.552961,  0.545652])
        """
        if not any(map(contains_box, (x, alpha))):
            return self.source.logpdf(x, alpha)
        x, alpha = double(x), double(alpha)
        self.source.logpdf(plain(x), plain(alpha))  # SciPy checks the arguments
        if shape_of(x)[0] == shape_of(alpha)[0] - 1:
            x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
        norm = np.sum(special.gammaln(alpha)) - special.gammaln(np.sum(alpha))
        return np.sum(special.xlogy(alpha - 1, np.transpose(x)), axis=-1) - norm

    def pdf(self, x: Any, alpha: Any) -> Any:
        """The density; see `logpdf`."""
        if not any(map(contains_box, (x, alpha))):
            return self.source.pdf(x, alpha)
        return np.exp(self.logpdf(x, alpha))


multivariate_normal = _MultivariateNormal()
dirichlet = _Dirichlet()
