"""autograd.numpy.numpy_jvps: helpers for forward-mode rules of functions of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....core.batch import dtype_of, shape_of
from ..core import def_linear, defjvp, defjvp_argnum, vspace
from .numpy_vjps import match_complex, untake

__all__ = [
    "broadcast",
    "def_linear",
    "defjvp",
    "defjvp_argnum",
    "match_complex",
    "untake",
    "vspace",
]


def broadcast(x: Any, target: Any) -> Any:
    """A tangent repeated to the shape of `target`, and complex if that is."""
    x = np.broadcast_to(x, shape_of(target))
    return x + 0j if dtype_of(target).kind == "c" and dtype_of(x).kind != "c" else x
