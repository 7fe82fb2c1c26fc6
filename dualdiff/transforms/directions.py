"""Passes of directions: their seeds, and the joined results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import is_box
from ..core.batch import dtype_of, is_complex, is_inexact, shape_of
from ..core.tangents import Diagonal
from ..core.trace import to_user
from ..core.types import Value
from ..errors import MissingPackageError, UnsupportedInputError, user_line

Span = tuple[int, int]
LARGE = 4096  # least elements of a seed that is kept as a diagonal


def sizes_of(values: Sequence[Value]) -> list[int]:
    """The number of elements of each leaf."""
    return [v.size if type(v) is ndarray else _size_of(v) for v in values]


def _size_of(v: Value) -> int:
    return 0 if v is None else prod(shape_of(v))


def size_of(values: Sequence[Value]) -> int:
    """The number of elements of all leaves."""
    return sum(sizes_of(values))


def any_complex(values: Sequence[Value]) -> bool:
    """Whether a leaf is complex."""
    return any(map(is_complex, values))


def _diagonal_of(array: ndarray, first: int, size: int) -> ndarray:
    """A view of the flat element k of `size` in row ``first + k`` of a contiguous array."""
    rows = len(array)
    start, stop = max(0, -first), min(size, rows - first)
    flat = array.reshape(-1)[(first + start) * size + start :: size + 1]
    return flat[: max(0, stop - start)]


def identity(values: Sequence[Value], start: int, stop: int) -> list[Any]:
    """Rows `start` to `stop` of the identity over all leaves, split into one array per leaf.

    Parts of at least LARGE elements are a `Diagonal`.
    """
    seeds: list[Any] = []
    offset, rows = 0, stop - start
    for v in values:
        if v is None:
            seeds.append(None)
            continue
        shape, dtype = shape_of(v), dtype_of(v)
        size = prod(shape)
        if rows * size >= LARGE and shape:
            seeds.append(Diagonal(np.ones(shape, dtype), offset - start, rows))
        else:
            seed = np.zeros((rows, *shape), dtype)
            _diagonal_of(seed, offset - start, size)[...] = 1
            seeds.append(seed)
        offset += size
    return seeds


def split(matrix: ndarray, values: Sequence[Value]) -> list[Any]:
    """Directions over all leaves, one per row, as one array per leaf with a batch axis."""
    seeds: list[Any] = []
    start = 0
    for v, size in zip(values, sizes_of(values), strict=True):
        if v is None:
            seeds.append(None)
            continue
        part = matrix[:, start : start + size].astype(dtype_of(v), copy=False)
        seeds.append(part.reshape((len(matrix), *shape_of(v))))
        start += size
    return seeds


def joined(parts: Sequence[Any], values: Sequence[Value], count: int) -> ndarray:
    """The inverse of `split`, with zeros for a part that is None."""
    flat = [
        np.zeros((count, size), dtype_of(v) if is_inexact(v) else float)
        if p is None
        else np.reshape(p, (count, size))
        for p, v, size in zip(parts, values, sizes_of(values), strict=True)
        if v is not None
    ]
    return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)


def own(x: Value) -> Any:
    """A copy of an array or box that shares no memory."""
    if is_box(x):
        return to_user(x)
    return x if x.base is None and x.flags.owndata else np.array(x)


def one_pass(
    apply: Callable[..., list[Any]], values: Sequence[Value], span: Span, holomorphic: bool = False
) -> list[Any]:
    """Push or pull rows of the identity; for complex leaves also i times them, as ``d - i d_i``.

    This gives du/dx - i du/dy for a complex argument, and du/dx + i dv/dx for a complex result. For
    a `holomorphic` function the identity alone is enough.
    """
    batch = (span[1] - span[0],)
    seeds = identity(values, *span)
    parts = apply(seeds, batch, identity=True)
    if holomorphic or not any_complex(values):
        return parts
    turned = [1j * s if s is not None and s.dtype.kind == "c" else None for s in seeds]
    others = apply(turned, batch, identity=True)
    return [
        p if o is None else (0 if p is None else p) - 1j * o
        for p, o in zip(parts, others, strict=True)
    ]


def refuse_complex_result(inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """The two modes agree on a complex-to-complex matrix only for holomorphic functions."""
    if any_complex(inputs) and any_complex(outputs):
        raise UnsupportedInputError(
            f"the Jacobian of a complex result with respect to a complex argument is one matrix "
            f"only where the function is holomorphic, {user_line()}. Say holomorphic=True if it is "
            f"(which is verified); else take the pair df/dz, df/dz* from dualdiff.wirtinger, or "
            f"the real blocks with as_real=True."
        )


def progress_bar() -> Any:
    """tqdm's progress bar, which is imported when one is wanted."""
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise MissingPackageError(
            "progress=True shows a bar by tqdm, which is not installed; run `pip install tqdm` "
            "(or install dualdiff[progress]), or leave progress=False"
        ) from error
    return tqdm


def shown(spans: Iterable[Span], progress: bool) -> Iterator[Span]:
    """The spans, with a progress bar that counts directions if there are several."""
    spans = list(spans)
    if not progress or len(spans) < 2:
        yield from spans
        return
    with progress_bar()(total=spans[-1][1], desc="derivative", unit="directions") as bar:
        for span in spans:
            yield span
            bar.update(span[1] - span[0])
