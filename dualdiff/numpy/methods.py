"""Methods and attributes of `numpy.ndarray` on traced arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.boxes import attach, plain
from ..core.shapes import cast
from ..kinds import linear
from . import manipulation, reductions

astype_p = linear(
    lambda x, dtype: x.astype(dtype), lambda g, x_spec: cast(g, x_spec.dtype), name="astype",
    structure="elementwise",
)
copy_p = linear(lambda x: np.copy(x), lambda g: g, name="copy", structure="elementwise")


def _astype(self: Any, dtype: Any, *args: Any, **kwargs: Any) -> Any:
    dtype = np.dtype(dtype)
    if dtype.kind not in "fc":
        return plain(self).astype(dtype, *args, **kwargs)
    return astype_p(self, dtype=dtype)


def _reshape(self: Any, *shape: Any, order: Any = "C", copy: Any = None) -> Any:
    return manipulation.reshape(self, shape[0] if len(shape) == 1 else shape, order)


def _transpose(self: Any, *axes: Any) -> Any:
    return manipulation.transpose(self, axes[0] if len(axes) == 1 else axes or None)


attach(
    astype=_astype,
    reshape=_reshape,
    transpose=_transpose,
    T=property(manipulation.transpose),
    sum=reductions.sum,
    copy=lambda self, order="C": copy_p(self),
)
