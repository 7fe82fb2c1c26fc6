"""Densities whose derivatives lose digits, or are 0 * inf on the edge, if SciPy's code is traced.

The values of logarithms are SciPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from ....core.types import Value
from ..rebinding import AFTER
from ..special.incomplete_beta import beta_density, score_a, score_b
from ..special.incomplete_gamma import gamma_density, score
from ..special.kinds import declared
from ..special.student import t_score
from .compiled import COMPILED


def _values(distribution: Any) -> Callable[..., Any]:
    def logpdf(*args: Any) -> Any:
        *shapes, x = (np.asarray(a, float) for a in args)
        with np.errstate(all="ignore"):
            return np.asarray(distribution._logpdf(x, *shapes))[()]

    return logpdf


gamma_logpdf = declared(
    _values(stats.gamma),
    lambda x, y: score(x, y),
    lambda x, y: (x - 1 - y) / y,
    name="stats.gamma.logpdf",
)
beta_logpdf = declared(
    _values(stats.beta),
    lambda x, y, z: score_a(x, y, z),
    lambda x, y, z: score_b(x, y, z),
    lambda x, y, z: (x - 1) / z - (y - 1) / (1 - z),
    name="stats.beta.logpdf",
)
t_logpdf = declared(
    _values(stats.t),
    lambda x, y: t_score(x, y * y),
    lambda x, y: -(x + 1) * y / (x + y * y),
    name="stats.t.logpdf",
)


def _skewnorm_logpdf(x: Value, a: Value) -> Any:
    """SciPy takes the normal density at a = 0, which does not contain a."""
    return np.log(2 / np.sqrt(2 * np.pi)) - 0.5 * x * x + special.log_ndtr(a * x)


FORMULAS: dict[tuple[str, str], Callable[..., Any]] = COMPILED | {
    ("t", "logpdf"): lambda x, df: t_logpdf(df, x),
    ("t", "pdf"): lambda x, df: np.exp(t_logpdf(df, x)),
    ("gamma", "logpdf"): lambda x, a: gamma_logpdf(a, x),
    ("gamma", "pdf"): lambda x, a: gamma_density(a, x),
    ("chi2", "pdf"): lambda x, df: 0.5 * gamma_density(df / 2, x / 2),
    ("erlang", "pdf"): lambda x, a: gamma_density(a, x),
    ("beta", "logpdf"): lambda x, a, b: beta_logpdf(a, b, x),
    ("beta", "pdf"): lambda x, a, b: beta_density(a, b, x),
    ("skewnorm", "logpdf"): _skewnorm_logpdf,
    ("skewnorm", "pdf"): lambda x, a: np.exp(_skewnorm_logpdf(x, a)),
    ("cosine", "logpdf"): lambda x: 2 * np.log(np.cos(x / 2)) - np.log(np.pi),
    ("cosine", "pdf"): lambda x: np.cos(x / 2) ** 2 / np.pi,
    ("poisson", "pmf"): lambda k, mu: gamma_density(k + 1, mu),
}

# Values of the shapes at which SciPy's code takes a limit that does not contain them.
LIMITS: dict[str, tuple[float | None, ...]] = {
    "genextreme": (0.0,),
    "genpareto": (0.0,),
    "kappa4": (0.0, 0.0),
    "tukeylambda": (0.0,),
}


def _use(new: Any, original: Any) -> None:
    """Let a copied distribution compute by these formulas."""
    name = getattr(original, "name", None)
    if isinstance(name, str) and type(getattr(stats, name, None)) is type(original):
        for (distribution, method), formula in FORMULAS.items():
            if distribution == name:
                setattr(new, f"_{method}", formula)


AFTER.append(_use)
