"""`scipy.special` on traced arrays: its whole namespace, one file of rules per family.

Its universal functions may be called as SciPy's own (``scipy.special.erf(x)``). `logsumexp`,
`softmax`, `log_softmax`, `polygamma` and others are Python functions there, which make plain arrays
of their arguments: use the ones of `dualdiff.scipy.special`. Derivatives follow the NIST
Digital Library of Mathematical Functions (DLMF). docs/accuracy.md says how accurate they are.
"""

from __future__ import annotations

import functools
import types
from typing import Any

from scipy import special

from ....array.box import is_box
from ....errors import UnsupportedInputError, user_line
from . import (  # noqa: F401  # their rules
    bessel,
    bessel_integrals,
    bessel_relatives,
    beta_distributions,
    distributions,
    elementary,
    elliptic,
    error,
    gamma_ratios,
    harmonics,
    hypergeometric,
    incomplete_beta,
    incomplete_gamma,
    integrals,
    mathieu,
    noncentral,
    polynomials,
    private_distributions,
    spheroidal_second,
    student,
)
from .elementary import diric
from .gamma_beta import factorial, factorial2, factorialk, multigammaln, polygamma
from .lame import ellip_harm_2, ellip_normal
from .log_sums import log_softmax, logsumexp, softmax
from .sequences import (
    lmbda,
    lqmn,
    lqn,
    mathieu_even_coef,
    mathieu_odd_coef,
    obl_cv_seq,
    pbdn_seq,
    pbdv_seq,
    pbvv_seq,
    pro_cv_seq,
    riccati_jn,
    riccati_yn,
)
from .zeta_functions import zeta

__all__ = [
    "diric", "ellip_harm_2", "ellip_normal", "factorial", "factorial2", "factorialk", "lmbda",
    "log_softmax", "logsumexp", "lqmn", "lqn", "mathieu_even_coef", "mathieu_odd_coef",
    "multigammaln", "obl_cv_seq", "pbdn_seq", "pbdv_seq", "pbvv_seq", "polygamma", "pro_cv_seq",
    "riccati_jn", "riccati_yn", "softmax", "zeta",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """SciPy's functions that are written in Python run on traced values by their copies."""
    found = None if name.startswith("_") else getattr(special, name, None)
    if not isinstance(found, types.FunctionType):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .. import array_api  # noqa: F401  # replacements that all copies need
    from ..rebinding import on_traced  # which knows this module

    copy: Any = on_traced(found, f"scipy.special.{name}")
    if name.startswith("spherical_"):
        copy = _of_integer_order(copy, name)
    globals()[name] = copy
    return copy


def _of_integer_order(function: Any, name: str) -> Any:
    """A function whose first argument SciPy rounds to an integer."""

    @functools.wraps(function)
    def checked(n: Any, *args: Any, **kwargs: Any) -> Any:
        if is_box(n):
            raise UnsupportedInputError(
                f"the order n of scipy.special.{name} is an integer: it has no derivative, "
                f"{user_line()}; pass dualdiff.value_of(n), or use a Bessel function of the order "
                f"n + 1/2"
            )
        return function(n, *args, **kwargs)

    return checked
