"""`scipy.stats` on traced arrays: its whole namespace, with rules for the distributions below.

SciPy's own distributions make plain arrays of what they are given: take these from here. Their
other methods (`rvs`, `fit`, ...) are SciPy's.
"""

from __future__ import annotations

from .multivariate import dirichlet, multivariate_normal
from .univariate import beta, chi2, gamma, norm, poisson, t

__all__ = ["beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"]
