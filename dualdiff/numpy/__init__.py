"""NumPy on traced arrays: its whole namespace, with creation functions that take traced values.

Plain `numpy` works on traced arrays too, but for the functions that make arrays.
"""

import numpy as _numpy

from ..rules.numpy.creation import (
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
from ..rules.numpy.functional import fromiter, frompyfunc, kaiser, vectorize
from ..rules.numpy.index_tricks import broadcast, c_, ndenumerate, nditer, r_
from ..rules.numpy.namespace import mirrored as _mirrored
from ..rules.numpy.stores import copy, empty_like, full_like, ones_like, zeros_like
from ..rules.numpy.strides import LIB as lib
from . import emath, fft, linalg

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
    "emath",
    "empty",
    "empty_like",
    "eye",
    "fft",
    "fromiter",
    "frompyfunc",
    "full",
    "full_like",
    "geomspace",
    "identity",
    "kaiser",
    "lib",
    "linalg",
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

__getattr__, __dir__ = _mirrored(_numpy, globals())
