"""The transposes of selections by index arrays and masks, block by block."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np

from ...array.kinds import Chunked, is_lazy
from ...core.batch import Shape
from ...core.types import Cotangent
from ...errors import UnsupportedInputError, user_line


def _added(g: Any, *places: Any, index: Any, axis: int) -> Any:
    """One block of the cotangent: the parts of g whose indices lie among the places of the block.

    There is one vector of places, and one of indices, for each of some axes from `axis` on.
    """
    starts = [int(p[0]) if len(p) else 0 for p in places]
    inside = [
        (i >= start) & (i < start + len(p))
        for i, p, start in zip(index, places, starts, strict=True)
    ]
    chosen = np.flatnonzero(np.logical_and.reduce(inside))
    out = np.zeros((*g.shape[:axis], *map(len, places), *g.shape[axis + 1 :]), g.dtype)
    own = (i[chosen] - start for i, start in zip(index, starts, strict=True))
    np.add.at(out, (*(slice(None),) * axis, *own), np.take(g, chosen, axis))
    return out


def _filled(mask: Any, g: Any) -> Any:
    """One block of the cotangent of ``x[mask]``."""
    out = np.zeros(mask.shape + g.shape[1:], g.dtype)
    out[mask] = g
    return out


def _refused(index: Any) -> UnsupportedInputError:
    what = (
        "a mask"
        if getattr(getattr(index, "dtype", None), "kind", "") == "b"
        else "several index arrays"
    )
    return UnsupportedInputError(
        f"the derivative of a selection from an array of dask by {what} is not known, "
        f"{user_line()}; write np.where(mask, x, 0), or select by one index array along one axis"
    )


def scattered(g: Cotangent, index: Any, shape: Shape, batch: Shape) -> Any:
    """Zeros of a shape with `g` added at an index that is no slice."""
    items = list(index) if type(index) is tuple else [index]
    gaps = [k for k, i in enumerate(items) if i is Ellipsis]
    if gaps:
        items[gaps[0] : gaps[0] + 1] = [slice(None)] * (len(shape) - len(items) + 1)
    arrays = [i for i in items if not isinstance(i, slice)]
    axes = [k for k, i in enumerate(items) if not isinstance(i, slice)]
    whole = all(i == slice(None) for i in items if isinstance(i, slice))
    if batch or not arrays or not whole or axes != list(range(axes[0], axes[0] + len(axes))):
        raise _refused(index)
    if is_lazy(arrays[0]):
        return _filled_by_blocks(g, arrays[0], axes)
    indices = [np.asarray(i) for i in arrays]
    if len(indices) == 1 and indices[0].dtype == bool:
        indices = [np.flatnonzero(indices[0])]
    if any(i.dtype.kind not in "iu" or i.ndim != 1 for i in indices) or any(map(isnan, shape)):
        raise _refused(index)
    return _added_by_blocks(g, indices, shape, axes)


def _added_by_blocks(g: Cotangent, indices: list[Any], shape: Any, axes: list[int]) -> Any:
    import dask.array as da

    axis, labels = axes[0], tuple(range(g.ndim))
    chunks = shape.chunks if type(shape) is Chunked else tuple((n,) for n in shape)
    places = [da.from_array(np.arange(shape[a]), chunks=(chunks[a],)) for a in axes]
    index = [np.where(i < 0, i + shape[a], i) for i, a in zip(indices, axes, strict=True)]
    new = tuple(range(-len(axes), 0))
    pairs = [part for p, label in zip(places, new, strict=True) for part in (p, (label,))]
    return da.blockwise(
        _added, (*labels[:axis], *new, *labels[axis + 1 :]), g, labels, *pairs, index=index,
        axis=axis, dtype=g.dtype, concatenate=True, meta=np.empty((0,) * len(shape), g.dtype),
    )  # fmt: skip


def _filled_by_blocks(g: Cotangent, mask: Any, axes: list[int]) -> Any:
    """Each block of `g` belongs to the block of the mask in its place."""
    import dask.array as da

    if axes != [0] or mask.dtype != bool or mask.ndim != 1 or g.numblocks[0] != mask.numblocks[0]:
        raise _refused(mask)
    labels = tuple(range(g.ndim))
    return da.blockwise(
        _filled, labels, mask, (0,), g, labels, dtype=g.dtype, align_arrays=False,
        adjust_chunks={0: mask.chunks[0]}, meta=np.empty((0,) * g.ndim, g.dtype),
    )  # fmt: skip
