"""NumPy on traced arrays: its whole namespace, with creation functions that take traced values.

Importing it registers the rules, so that plain `numpy` works on traced arrays as well.
"""

from typing import Any

import numpy as _numpy

from ..core import indexing  # noqa: F401  # attaches indexing to boxes
from . import (  # noqa: F401  # rules
    copying,
    correlation,
    cumulative,
    decompositions,
    differences,
    eigen,
    einstein,
    elementwise,
    emath,
    fft,
    functional,
    index_tricks,
    joining,
    linalg,
    logic,
    manipulation,
    methods,
    norms,
    operators,
    padding,
    polynomials,
    products,
    reductions,
    sampling,
    selection,
    sets,
    sorting,
    statistics,
    strides,
    svd,
    ufunc_at,
    ufunc_calls,
    ufunc_methods,
    ufuncs,
)
from .copying import copy, empty_like, full_like, ones_like, zeros_like
from .creation import (
    arange,
    array,
    asanyarray,
    asarray,
    asarray_chkfinite,
    ascontiguousarray,
    asfortranarray,
    empty,
    eye,
    full,
    geomspace,
    identity,
    linspace,
    logspace,
    ones,
    require,
    tri,
    zeros,
)
from .functional import fromiter, frompyfunc, kaiser, vectorize
from .index_tricks import broadcast, c_, ndenumerate, nditer, r_
from .namespace import mirror as _mirror
from .strides import LIB as lib

__all__ = [
    "arange",
    "array",
    "asanyarray",
    "asarray",
    "asarray_chkfinite",
    "ascontiguousarray",
    "asfortranarray",
    "broadcast",
    "c_",
    "copy",
    "empty",
    "empty_like",
    "eye",
    "fromiter",
    "frompyfunc",
    "full",
    "full_like",
    "geomspace",
    "identity",
    "kaiser",
    "lib",
    "linspace",
    "logspace",
    "ndenumerate",
    "nditer",
    "ones",
    "ones_like",
    "r_",
    "require",
    "tri",
    "vectorize",
    "zeros",
    "zeros_like",
]


def __getattr__(name: str) -> Any:
    found = globals()[name] = _mirror(_numpy, name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_numpy)})
