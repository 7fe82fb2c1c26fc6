"""Distributions of several variables: multivariate_normal and dirichlet."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import is_box, observe, unbox
from ....core.batch import shape_of
from ....core.types import Cotangent, Tangent, Value
from ...declare import rule
from ...numpy.creation import contains_box
from .. import special as _rules  # noqa: F401  # those that the formulas need
from ..arguments import any_traced
from ..rebinding import explained, instance_of, replace
from . import t_cdf as _t_cdf  # noqa: F401  # what copies call
from .compiled import LOG_2PI
from .distributions import double
from .normal_cdf import normal_cdf
from .values import with_value


class Multivariate:
    """A distribution of several variables: SciPy's methods, on traced values by their copies."""

    def __init__(self, source: Any, name: str) -> None:
        self.source = source
        self.name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.source, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        def method(*args: Any, **kwargs: Any) -> Any:
            if not any_traced((*args, *kwargs.values())):
                return found(*args, **kwargs)
            what = f"scipy.stats.{self.name}.{name}"
            return explained(getattr(instance_of(self.source), name), what, args, kwargs)

        return method

    def __dir__(self) -> list[str]:
        return dir(self.source)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The distribution with its parameters fixed."""
        if not any_traced((*args, *kwargs.values())):
            return self.source(*args, **kwargs)
        call = inspect.signature(type(self.source).__call__)
        given = call.bind(self.source, *args, **kwargs).arguments
        named = {**given, **given.get("kwds", {})}
        return FrozenMultivariate(self, {k: v for k, v in named.items() if k not in NOT_GIVEN})

    freeze = __call__


# What freezes a distribution beside its parameters.
NOT_GIVEN = ("self", "seed", "kwds")


class FrozenMultivariate:
    """A distribution of several variables with its parameters, of which some are traced."""

    holds_traced = True

    def __init__(self, distribution: Any, parameters: dict[str, Any]) -> None:
        self.dist, self.parameters = distribution, parameters

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self.parameters:
            return self.parameters[name]
        method = getattr(self.dist, name)
        if not callable(method):
            return method
        takes = inspect.signature(getattr(self.dist.source, name)).parameters
        known = {k: v for k, v in self.parameters.items() if k in takes}
        return lambda *args, **kwargs: method(*args, **known, **kwargs)


def _parameters(mean: Any, cov: Any, ndim: int) -> tuple[Any, Any]:
    """Mean vector and covariance matrix, from what SciPy takes for them."""
    cov = getattr(cov, "covariance", cov)  # of an object of scipy.stats.Covariance
    mean, cov = None if mean is None else double(mean), double(cov)
    sizes = [shape_of(p)[-1] for p in (mean, cov) if p is not None and np.ndim(p)]
    # With a scalar mean (or none) and a scalar variance SciPy has one dimension: x are its points.
    n = sizes[0] if sizes else (1 if mean is not None or ndim == 0 else max(ndim, 1))
    if np.ndim(cov) < 2:
        cov = cov * np.eye(n)
    if shape_of(cov) != (n, n):
        raise ValueError(f"the covariance must be of shape {(n, n)}, not {shape_of(cov)}")
    mean = np.zeros(n) if mean is None else np.broadcast_to(mean, (n,))
    return mean, cov


def _points(x: Value, n: int) -> Any:
    """x as points of n dimensions in its last axis, as SciPy reads it."""
    if np.ndim(x) == 0:
        return np.reshape(x, (1, 1))
    if np.ndim(x) == 1:
        return np.reshape(x, (-1, 1) if n == 1 else (1, -1))
    return x


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


def _density_jvp(ts: Any, x: Value, y: Value) -> Tangent:
    inverse = np.linalg.inv(y)
    a = np.matmul(x, inverse)
    out: Any = 0.0 if ts[0] is None else -np.sum(ts[0] * a, axis=-1)
    if ts[1] is not None:
        trace = np.sum(inverse * np.swapaxes(ts[1], -1, -2), axis=(-1, -2))
        square = np.sum(np.matmul(a, ts[1]) * a, axis=-1)
        out = out + 0.5 * (square - (trace[..., None] if np.ndim(x) > 1 else trace))
    return out


def _density_vjp(g: Cotangent, x: Value, y: Value, active: Any) -> Cotangent:
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


density_p = rule(_density, jvp=_density_jvp, vjp=_density_vjp, name="multivariate_normal")


def _singular_density(deviation: Any, cov: Any, rank: int) -> Any:
    """The density on the range of a covariance of constant rank, -inf outside it."""
    values, vectors = np.linalg.eigh(observe(cov))
    null = vectors[:, : len(values) - rank]
    distance = np.sum(np.matmul(deviation, np.linalg.pinv(cov)) * deviation, axis=-1)
    logdet = np.sum(np.log(np.linalg.eigvalsh(cov)[len(values) - rank :]))
    off = np.linalg.norm(unbox(deviation) @ null, axis=-1)
    density = -0.5 * (rank * LOG_2PI + logdet + distance)
    return np.where(off < 1e3 * _threshold(values), density, -np.inf)


class _MultivariateNormal(Multivariate):
    """scipy.stats.multivariate_normal, with derivatives of densities, probabilities and entropy.

    All entries of the covariance count as independent: for a symmetric one the derivative is
    symmetric. Where `allow_singular` meets a singular covariance, its rank counts as constant.
    """

    def logpdf(self, x: Value, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
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
        if not any_traced((x, mean, cov)):
            return self.source.logpdf(x, mean, cov, allow_singular)
        x = double(x)
        x = x if hasattr(x, "dtype") else np.asarray(x, dtype=float)
        mean, cov = _parameters(mean, cov, shape_of(x)[-1] if np.ndim(x) else 1)
        n = shape_of(mean)[0]
        deviation = _points(x, n) - mean
        shape = shape_of(deviation)[:-1]
        shape = () if np.prod(shape) == 1 else shape
        if allow_singular:
            values = np.linalg.eigvalsh(observe(cov))
            rank = int(np.sum(values > _threshold(values)))
            if rank < n:
                return np.reshape(_singular_density(deviation, cov, rank), shape)
        flat = deviation if np.ndim(deviation) == 2 else np.reshape(deviation, (-1, n))
        return np.reshape(density_p(flat, cov), shape)

    def pdf(self, x: Value, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """The density; see `logpdf`."""
        if not any_traced((x, mean, cov)):
            return self.source.pdf(x, mean, cov, allow_singular)
        return np.exp(self.logpdf(x, mean, cov, allow_singular))

    def cdf(
        self,
        x: Value,
        mean: Any = None,
        cov: Any = 1,
        *args: Any,
        lower_limit: Any = None,
        **kw: Any,
    ) -> Any:
        """The distribution function, in x, `lower_limit`, `mean` and `cov`; see `logpdf`.

        The value is SciPy's, who integrates by random points from three dimensions on. Derivatives
        are exact up to six of them, and go by random points beyond.
        """
        if not any_traced((x, mean, cov, lower_limit)):
            return self.source.cdf(x, mean, cov, *args, lower_limit=lower_limit, **kw)
        x, lower = double(x), None if lower_limit is None else double(lower_limit)
        mean, cov = _parameters(mean, cov, shape_of(x)[-1] if np.ndim(x) else 1)
        x = _points(x, shape_of(mean)[0])
        lower = None if lower is None else _points(lower, shape_of(mean)[0]) - mean
        value = self.source.cdf(
            unbox(x),
            unbox(mean),
            unbox(cov),
            *args,
            lower_limit=None if lower is None else unbox(lower + mean),
            **kw,
        )
        return with_value(value, np.reshape(normal_cdf(x - mean, lower, cov), np.shape(value)))

    def logcdf(self, x: Value, mean: Any = None, cov: Any = 1, *args: Any, **kw: Any) -> Any:
        """The logarithm of `cdf`."""
        if not any_traced((x, mean, cov, kw.get("lower_limit"))):
            return self.source.logcdf(x, mean, cov, *args, **kw)
        return np.log(self.cdf(x, mean, cov, *args, **kw))

    def entropy(self, mean: Any = None, cov: Any = 1) -> Any:
        """The differential entropy, ``log(det(2 pi e cov)) / 2``."""
        if not any_traced((mean, cov)):
            return self.source.entropy(mean, cov)
        mean, cov = _parameters(mean, cov, 1)
        self.source(
            np.zeros(shape_of(mean)), np.asarray(observe(cov))
        )  # SciPy checks the arguments
        return 0.5 * (shape_of(mean)[0] * (LOG_2PI + 1) + np.linalg.slogdet(cov)[1])


class _Dirichlet(Multivariate):
    """scipy.stats.dirichlet, with derivatives of pdf and logpdf."""

    def logpdf(self, x: Value, alpha: Any) -> Any:
        """The logarithm of the density.

        Arguments: `x`, of shape (k,) or (k, m), whose columns add up to 1, or without the last row;
        `alpha`, of shape (k,).
        Returns: a number or an array of shape (m,).
        Raises: ValueError where x is not in the simplex. In x, all given entries count as
        independent.

        >>> import numpy as np, dualdiff as dd
        >>> f = lambda a: dd.scipy.stats.dirichlet.logpdf(np.array([0.25, 0.75]), a)
        >>> dd.grad(f)(np.array([2.0, 2.0]))
        array([-0.552961,  0.545652])
        """
        if not any(map(contains_box, (x, alpha))):
            return self.source.logpdf(x, alpha)
        x, alpha = double(x), double(alpha)
        self.source.logpdf(unbox(x), unbox(alpha))  # SciPy checks the arguments
        if shape_of(x)[0] == shape_of(alpha)[0] - 1:
            x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
        norm = np.sum(special.gammaln(alpha)) - special.gammaln(np.sum(alpha))
        logs = np.sum(special.xlogy(alpha - 1, np.transpose(x)), axis=-1) - norm
        return np.reshape(logs, ()) if shape_of(logs) == (1,) else logs

    def pdf(self, x: Value, alpha: Any) -> Any:
        """The density; see `logpdf`."""
        if not any(map(contains_box, (x, alpha))):
            return self.source.pdf(x, alpha)
        return np.exp(self.logpdf(x, alpha))


multivariate_normal = _MultivariateNormal(stats.multivariate_normal, "multivariate_normal")
dirichlet = _Dirichlet(stats.dirichlet, "dirichlet")


def _wishart_var(self: Any, dim: int, df: Value, scale: Value) -> Any:
    """SciPy's changes an array in place, which may be plain where df is not."""
    diagonal = np.diagonal(scale)
    return df * (scale**2 + diagonal[:, None] * diagonal)


_wishart: Any = type(stats.wishart)
replace(_wishart._var, _wishart_var)
replace(stats.multivariate_normal, multivariate_normal)  # as SciPy's own code calls it
