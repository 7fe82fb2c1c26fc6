"""autograd.numpy.numpy_wrapper: NumPy's functions made differentiable."""

from __future__ import annotations

import types
from typing import Any

import numpy as _np

from .... import numpy as _numpy
from ....core.batch import dtype_of, shape_of
from ....errors import user_line
from .._primitives import Primitive
from ..tracer import notrace_primitive, primitive

__all__ = [
    "make_diagonal",
    "metadata",
    "notrace_primitive",
    "primitive",
    "wrap_intdtype",
    "wrap_namespace",
]


def make_diagonal(D: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Matrices with the last axis of an array on their diagonals.

    Arguments: `D`; the others as in autograd, which has ``offset=0, axis1=-1, axis2=-2`` only.
    """
    if (offset, axis1, axis2) != (0, -1, -2):
        raise NotImplementedError(
            f"make_diagonal takes offset=0, axis1=-1, axis2=-2 only, {user_line()}; np.diag makes "
            f"one matrix of a vector"
        )
    return _np.where(_np.eye(shape_of(D)[-1], dtype=bool), D[..., None, :], 0.0)


def metadata(A: Any) -> tuple[tuple[int, ...], int, Any, bool]:
    """Shape, number of axes, dtype of an array, and whether it is complex."""
    shape, dtype = shape_of(A), dtype_of(A)
    return shape, len(shape), dtype, dtype.kind == "c"


def _astype_of(
    A: Any,
    dtype: Any,
    order: Any = "K",
    casting: Any = "unsafe",
    subok: bool = True,
    copy: bool = True,
) -> Any:
    return A.astype(dtype, order=order, casting=casting, subok=subok, copy=copy)


# Packages give it rules of their own.
_astype = Primitive(_astype_of, _astype_of)


def wrap_intdtype(cls: type) -> type:
    """An integer type itself: its constructor needs no wrapper."""
    return cls


def wrap_namespace(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Copy a namespace, its functions made primitives: rules are declared with `defvjp`.

    Arguments: `old`, the ``__dict__`` of a module; `new`, the one that is filled.
    """
    for name, found in old.items():
        if isinstance(found, (types.FunctionType, types.BuiltinFunctionType, _np.ufunc)):
            new[name] = primitive(found)
        elif isinstance(found, (int, float, type, type(None))):
            new[name] = found


def __getattr__(name: str) -> Any:
    return getattr(_numpy, name)
