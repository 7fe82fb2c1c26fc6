"""Hyperbolic distributions: densities of Bessel functions, probabilities by quadrature.

SciPy integrates compiled code, and over the longer tail it may miss the peak. The value of a
probability is SciPy's, its derivative that of an integral over the shorter tail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....array.box import unbox
from ....core.types import Value
from ....transforms.implicit import corrected
from .quadrature import adaptive, elementwise
from .values import with_value

LOG_2PI = float(np.log(2 * np.pi))


def genhyperbolic_logpdf(x: Value, p: Value, a: Value, b: Value) -> Any:
    """The logarithm of the density of the generalised hyperbolic distribution."""
    root, far = np.sqrt((a - b) * (a + b)), np.hypot(1.0, x)
    of_x = np.log(special.kve(p - 0.5, a * far)) - a * far + b * x
    scale = np.log(special.kve(p, root)) - root + 0.5 * LOG_2PI - p * np.log(root)
    return of_x + (p - 0.5) * np.log(far / a) - scale


def norminvgauss_logpdf(x: Value, a: Value, b: Value) -> Any:
    """The logarithm of the density of the normal inverse Gaussian distribution."""
    root, far = np.sqrt((a - b) * (a + b)), np.hypot(1.0, x)
    return np.log(a / np.pi) + np.log(special.k1e(a * far) / far) + b * x - a * far + root


def _probability(source: Any, logpdf: Callable[..., Any], upper: bool) -> Callable[..., Any]:
    def one(x: Value, *shapes: Value) -> Any:
        def density(t: Value) -> Any:
            return np.exp(logpdf(t, *shapes))

        beyond = bool(unbox(x) > source.mean(*map(unbox, shapes)))
        tail = adaptive(density, x, np.inf) if beyond else adaptive(density, -np.inf, x)
        return tail if beyond == upper else 1 - tail

    def probability(x: Value, *shapes: Value) -> Any:
        traced = elementwise(one)(x, *shapes)
        scipys = source.sf if upper else source.cdf
        return with_value(scipys(*map(unbox, (x, *shapes))), traced)

    return probability


def _log_probability(source: Any, logpdf: Callable[..., Any], upper: bool) -> Callable[..., Any]:
    own, other = (_probability(source, logpdf, side) for side in (upper, not upper))

    def logarithm(x: Value, *shapes: Value) -> Any:
        mean = source.mean(*map(unbox, shapes))
        likely = (unbox(x) > mean) != upper
        rest, tail = other(np.where(likely, x, mean), *shapes), np.where(likely, mean, x)
        return np.where(likely, np.log1p(-rest), np.log(own(tail, *shapes)))

    return logarithm


def _quantile(source: Any, logpdf: Callable[..., Any], upper: bool) -> Callable[..., Any]:
    probability = _probability(source, logpdf, upper)

    def quantile(q: Value, *shapes: Value) -> Any:
        values = [unbox(s) for s in shapes]
        x = (source.isf if upper else source.ppf)(unbox(q), *values)
        slope = np.exp(logpdf(x, *values)) * (-1.0 if upper else 1.0)
        return corrected(lambda x: probability(x, *shapes) - q, x, lambda rest: rest / slope)

    return quantile


HYPERBOLIC: dict[tuple[str, str], Callable[..., Any]] = {
    ("norminvgauss", "logpdf"): norminvgauss_logpdf,
    ("genhyperbolic", "logpdf"): genhyperbolic_logpdf,
    ("genhyperbolic", "pdf"): lambda *at: np.exp(genhyperbolic_logpdf(*at)),
}
for _name, _logpdf in (
    ("genhyperbolic", genhyperbolic_logpdf),
    ("norminvgauss", norminvgauss_logpdf),
):
    for _is_upper, _functions in (
        (False, ("cdf", "logcdf", "ppf")),
        (True, ("sf", "logsf", "isf")),
    ):
        _kinds = (_probability, _log_probability, _quantile)
        for _function, _make in zip(_functions, _kinds, strict=True):
            HYPERBOLIC[_name, _function] = _make(getattr(stats, _name), _logpdf, _is_upper)
