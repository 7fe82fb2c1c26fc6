"""`scipy.special` on traced arrays: its whole namespace, one file of rules per family.

Its universal functions may be called as SciPy's own (``scipy.special.erf(x)``). `logsumexp`,
`softmax`, `log_softmax`, `polygamma` and others are Python functions there, which make plain arrays
of their arguments: use the ones of `dualdiff.scipy.special`. Derivatives follow the NIST
Digital Library of Mathematical Functions (DLMF). docs/accuracy.md says how accurate they are.
"""

from __future__ import annotations

import types
from typing import Any

from scipy import special

from . import (  # noqa: F401  # their rules
    bessel,
    bessel_relatives,
    distributions,
    elementary,
    elliptic,
    error,
    harmonics,
    hypergeometric,
    incomplete_beta,
    incomplete_gamma,
    integrals,
    noncentral,
    polynomials,
    private_distributions,
    student,
)
from .gamma_beta import factorial, multigammaln, polygamma
from .log_sums import log_softmax, logsumexp, softmax
from .zeta_functions import zeta

__all__ = ["factorial", "log_softmax", "logsumexp", "multigammaln", "polygamma", "softmax", "zeta"]


def __getattr__(name: str) -> Any:
    """SciPy's functions that are written in Python run on traced values by their copies."""
    found = None if name.startswith("_") else getattr(special, name, None)
    if not isinstance(found, types.FunctionType):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ..rebinding import on_traced  # which knows this module

    copy = globals()[name] = on_traced(found, f"scipy.special.{name}")
    return copy
