"""Replacements of helpers of scipy.stats that make plain arrays, and of methods of base classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.linalg
import scipy.special
import scipy.stats
from scipy.stats import _distn_infrastructure as infrastructure
from scipy.stats import _kde

from ....array.box import is_box, unbox
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ....transforms.implicit import corrected
from .. import array_api  # noqa: F401  # replacements that all copies need
from .. import linalg as linalg_rules
from .. import special as special_rules
from ..rebinding import AFTER, REBUILT_MODULES, deep_plain, rebound, replace
from ..solving import by_scipy
from .quadrature import adaptive, beyond_reach, elementwise, quad
from .values import with_value

REBUILT_MODULES.update(
    f"scipy.stats._{name}"
    for name in (
        "distn_infrastructure", "continuous_distns", "discrete_distns", "multivariate",
        "covariance", "levy_stable", "kde", "distribution_infrastructure", "new_distributions",
        "probability_distribution",
    )
)  # fmt: skip


class _WithFixedQuantiles:
    """A copied distribution in SciPy's `expect`: it integrates between quantiles, which must not
    move, since the integrand may jump at fixed places."""

    def __init__(self, copy: Any) -> None:
        self._copy = copy

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._copy, name)
        return (lambda *args: unbox(found(*map(unbox, args)))) if name == "_ppf" else found


def expect(self: Any, *args: Any, **kwargs: Any) -> Any:
    """``rv_continuous.expect`` of a copy."""
    if is_box(getattr(self, "_hbins", None)):
        raise UnsupportedInputError(
            f"rv_histogram.expect has no derivative in the edges of bins, {user_line()}, at which "
            f"the density jumps; add up the integrals over the bins"
        )
    return _scipys_expect(_WithFixedQuantiles(self), *args, **kwargs)


_scipys_expect: Any = rebound(scipy.stats.rv_continuous.expect)
replace(scipy.stats.rv_continuous.expect, expect)


def entropy(self: Any, *args: Any) -> Any:
    """``rv_continuous._entropy`` of a copy: it moves with the density where the density is 1."""

    def density(x: Value) -> Any:
        return self._pdf(x, *args)

    low, high = self._get_support(*args)
    found = adaptive(lambda x: scipy.special.entr(density(x)), low, high, density)
    return _scipys_entropy(self, *args) if np.isnan(unbox(found)) else found


_entropy = vars(infrastructure.rv_continuous)["_entropy"]
_scipys_entropy: Any = rebound(_entropy)
replace(_entropy, entropy)


def moment(self: Any, order: Any, *args: Any, **kwargs: Any) -> Any:
    """``moment`` of a copy, by powers of a traced `loc`, which SciPy leaves out where it is 0."""
    shapes, loc, scale = self._parse_args(*args, **kwargs)
    if not is_box(loc):
        return _scipys_moment(self, order, *args, **kwargs)
    unmoved = (*shapes, 0.0) if hasattr(self, "pmf") else (*shapes, 0.0, scale)
    total = _scipys_moment(self, order, *unmoved)
    for k in range(int(order)):
        ways = math.comb(int(order), k)
        total = total + ways * loc ** (int(order) - k) * _scipys_moment(self, k, *unmoved)
    return total


_scipys_moment: Any = rebound(scipy.stats.rv_continuous.moment)
replace(scipy.stats.rv_continuous.moment, moment)


def argsreduce(cond: Any, *args: Any) -> list[Any]:
    """The elements of the arguments where `cond` holds."""
    given = [np.atleast_1d(a) for a in args]
    *given, cond = np.broadcast_arrays(*given, unbox(cond))
    cond = np.asarray(unbox(cond)).astype(bool)
    return [np.ravel(a) for a in given] if np.all(cond) else [a[cond] for a in given]


replace(infrastructure.argsreduce, argsreduce)


def get_blas_funcs(names: Any, arrays: Any = (), **options: Any) -> Any:
    """`trsm` for traced matrices, in the place of the compiled one."""
    if names in ("trsm", ("trsm",)):
        return trsm
    return scipy.linalg.get_blas_funcs(names, deep_plain(arrays), **options)


def trsm(alpha: Any, a: Value, b: Value, side: int = 0, lower: int = 0) -> Any:
    """``alpha x`` with ``a x = b``, or ``x a = b`` on the other side, for a triangular matrix."""
    if side:
        return np.transpose(trsm(alpha, np.transpose(a), np.transpose(b), lower=not lower))
    return alpha * linalg_rules.solve_triangular(a, b, lower=bool(lower))


replace(scipy.linalg.get_blas_funcs, get_blas_funcs)


# Kernel density estimates, which SciPy evaluates by compiled code.
class KernelEstimate:
    """``gaussian_kernel_estimate[dtype](data, weights, points, factor, dtype)``."""

    def __init__(self, log: bool) -> None:
        self.log = log

    def __getitem__(self, kind: str) -> Any:
        return self._estimate

    def _estimate(self, data: Any, weights: Any, points: Any, factor: Any, dtype: Any) -> Any:
        """By whitened distances, of shape (points, data)."""
        white = np.linalg.solve(factor, np.transpose(data))
        at = np.linalg.solve(factor, np.transpose(points))
        square = np.sum((at[:, :, None] - white[:, None, :]) ** 2, axis=0)
        constant = np.sum(np.log(np.diagonal(factor))) + 0.5 * len(factor) * np.log(2 * np.pi)
        if self.log:
            return special_rules.logsumexp(
                -0.5 * square, axis=1, b=np.transpose(weights), keepdims=True
            ) - constant  # fmt: skip
        return np.matmul(np.exp(-0.5 * square), weights) * np.exp(-constant)


for _name, _log in (("gaussian_kernel_estimate", False), ("gaussian_kernel_estimate_log", True)):
    if hasattr(_kde, _name):
        replace(getattr(_kde, _name), KernelEstimate(_log))
_get_output_dtype: Any = getattr(_kde, "_get_output_dtype", None)
replace(_get_output_dtype, lambda covariance, points: (float, "double"))


# Methods that the base classes of distributions apply to each element.
def _moment(copy: Any, order: Any, *shapes: Any) -> Any:
    """A moment by the density, or by the distribution function if the density is too steep."""
    low, high = getattr(copy, "_moment_limits", copy._get_support)(*shapes)

    def by_density(x: Value) -> Any:
        return x**order * copy.pdf(x, *shapes)

    steep = np.isfinite(unbox(low)) and np.isfinite(unbox(high))
    if steep and beyond_reach(by_density, low, high) > 1e-11:
        rest = quad(lambda x: order * x ** (order - 1) * copy.cdf(x, *shapes), low, high)[0]
        return high**order - rest
    return quad(by_density, low, high)[0]


def _finish(new: Any, original: Any) -> None:
    """Quantiles by the implicit function theorem, other loops element by element."""
    if not isinstance(original, (scipy.stats.rv_continuous, scipy.stats.rv_discrete)):
        return
    source: Any = original

    def quantile(q: Any, *args: Any) -> Any:
        values = [unbox(a) for a in args]
        x = by_scipy(source._ppfvec, unbox(q), *values)
        slope = by_scipy(source._pdf, x, *values)
        traced = corrected(lambda x: new._cdf(x, *args) - q, x, lambda rest: rest / slope)
        return with_value(x, traced)  # the density may be 0

    def step(q: Any, *args: Any) -> Any:
        return by_scipy(source._ppfvec, *map(unbox, (q, *args)))

    new._ppfvec = quantile if isinstance(source, scipy.stats.rv_continuous) else step
    if isinstance(source, scipy.stats.rv_continuous):
        new.generic_moment = elementwise(lambda *args: _moment(new, *args))
    elif "generic_moment" in vars(type(source)):  # of given probabilities
        pass
    elif "_drv2_moment" in vars(infrastructure):
        moment = rebound(vars(infrastructure)["_drv2_moment"])
        new.generic_moment = elementwise(lambda *args: moment(new, *args))
    new._cdfvec = elementwise(lambda *args: new._cdf_single(*args))
    new.vecentropy = elementwise(lambda *args: new._entropy(*args))


AFTER.append(_finish)
