"""autograd.scipy: `dualdiff.scipy` under autograd's names."""

from .... import scipy as _scipy
from .._mirrors import mirrored
from . import signal

DISTRIBUTIONS = (
    "beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t",
)  # fmt: skip
integrate = mirrored(__name__, "integrate", _scipy.integrate)
linalg = mirrored(__name__, "linalg", _scipy.linalg)
special = mirrored(__name__, "special", _scipy.special)
stats = mirrored(__name__, "stats", _scipy.stats)
stats.__path__ = []  # a package, whose modules are the distributions
for _name in DISTRIBUTIONS:
    setattr(stats, _name, mirrored(stats.__name__, _name, getattr(_scipy.stats, _name)))

__all__ = ["integrate", "linalg", "signal", "special", "stats"]
