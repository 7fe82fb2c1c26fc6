"""The rules of NumPy. Importing them makes plain `numpy` work on traced arrays."""

from ...array import indexing
from ..operators import shorten_operators
from . import (
    correlation,
    cumulative,
    differences,
    einsum,
    elementwise,
    emath,
    fft,
    functional,
    index_tricks,
    joining,
    linalg,
    manipulation,
    padding,
    polynomials,
    products,
    reductions,
    sampling,
    selection,
    sets,
    sorting,
    statistics,
    stores,
    strides,
    ufunc_at,
    ufunc_calls,
    ufunc_methods,
    ufuncs,
    where,
)

__all__ = [
    "correlation", "cumulative", "differences", "einsum", "elementwise", "emath", "fft",
    "functional", "index_tricks", "indexing", "joining", "linalg", "manipulation", "padding",
    "polynomials", "products", "reductions", "sampling", "selection", "sets", "sorting",
    "statistics", "stores", "strides", "ufunc_at", "ufunc_calls", "ufunc_methods", "ufuncs",
    "where",
]  # fmt: skip

shorten_operators()
