"""What only dask has, on traced arrays: chunks, `rechunk`, `persist`, `compute`, `from_array`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...array.box import Box, is_box
from ...array.kinds import has_foreign, is_lazy
from ...core.types import Cotangent, Tangent, Value
from ..declare import linear
from ..structures import Elementwise
from .blocks import map_blocks


def _unchanged(g: Cotangent) -> Any:
    return g


def _from_array(x: Value, chunks: Any) -> Any:
    from dask.array import from_array

    if has_foreign(x):
        return x
    return from_array_p(x, chunks=chunks) if is_box(x) else from_array(np.asarray(x), chunks)


def _persist(x: Value) -> Any:
    return persist_p(x) if is_box(x) else x.persist() if is_lazy(x) else x


def _compute(x: Value) -> Any:
    return compute_p(x) if is_box(x) else x.compute() if is_lazy(x) else x


def _rechunked(t: Tangent, x_spec: Any, chunks: Any) -> Any:
    return t.rechunk(chunks) if is_lazy(t) and t.ndim == len(x_spec.shape) else t


# The elements stay in their places. So a cotangent stays as it is; `grad` gives it the library and
# the chunks of its argument.
rechunk_p = linear(
    lambda x, chunks: x.rechunk(chunks),
    _unchanged,
    jvp=_rechunked,
    name="dask.rechunk",
    structure=Elementwise(),
)
persist_p = linear(_persist, _unchanged, name="dask.persist", structure=Elementwise())
compute_p = linear(_compute, _unchanged, name="dask.compute", structure=Elementwise())
from_array_p = linear(
    _from_array,
    _unchanged,
    jvp=_unchanged,
    name="dask.from_array",
    structure=Elementwise(),
)


def rechunk(x: Value, chunks: Any = "auto", **options: Any) -> Any:
    """``x.rechunk(chunks)``."""
    return rechunk_p(x, chunks=chunks)


def persist(x: Value, **options: Any) -> Any:
    """``x.persist()``: the primal is computed and stays in the memory of the workers."""
    return persist_p(x)


def compute(x: Value, **options: Any) -> Any:
    """``x.compute()``: a traced array of NumPy's."""
    return compute_p(x)


def from_array(x: Value, chunks: Any = "auto", **options: Any) -> Any:
    """``dask.array.from_array(x, chunks)``."""
    return from_array_p(x, chunks=chunks)


def asarray(a: Value, dtype: Any = None, **options: Any) -> Any:
    """``dask.array.asarray(a)`` of a traced array, or of a list with traced numbers."""
    a = from_array(a if is_box(a) else np.stack(a), chunks=-1)
    return a if dtype is None else a.astype(dtype)


def _where(condition: Value, **parts: Value) -> Any:
    return np.where(condition, *parts.values())


def _cholesky(a: Value, lower: bool = False) -> Any:
    """``dask.array.linalg.cholesky``, which gives the upper factor unless asked."""
    factor = np.linalg.cholesky(a)
    return factor if lower else np.swapaxes(factor, -1, -2)


def counterparts() -> dict[str, Callable[..., Any]]:
    """The functions of `dask.array` that NumPy does not have, or has in another sense."""
    return {
        "rechunk": rechunk,
        "map_blocks": map_blocks,
        "from_array": from_array,
        "asarray": asarray,
        "asanyarray": asarray,
        "array": asarray,
        "where": _where,
        "linalg.cholesky": _cholesky,
        "linalg.svd": partial(np.linalg.svd, full_matrices=False),
    }


def _map_blocks(x: Value, func: Any, *args: Value, **options: Any) -> Any:
    return map_blocks(func, x, *args, **options)


_METHODS: dict[str, Callable[..., Any]] = {
    "rechunk": rechunk,
    "persist": persist,
    "compute": compute,
    "map_blocks": _map_blocks,
}
_FORM = frozenset(("chunks", "chunksize", "numblocks", "npartitions"))


def attribute(box: Box, value: Value, name: str) -> Any:
    """An attribute that only dask's arrays have, of a traced one."""
    if name in _FORM:
        return getattr(value, name)
    if name in _METHODS:
        return partial(_METHODS[name], box)
    raise AttributeError(f"a traced array of dask's has no attribute {name!r}")
