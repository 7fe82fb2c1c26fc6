"""autograd.scipy.signal: convolution over some axes, products over others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....core.batch import shape_of
from ....errors import user_line

__all__ = ["convolve"]


def _axes(axes: Any, dot_axes: Any, ndims: tuple[int, int]) -> tuple[list[Any], list[Any]]:
    """The axes to convolve and to contract, of each operand, counted from the left."""
    if axes is None:
        if ndims[0] != ndims[1]:
            raise ValueError(
                f"convolve of arrays with {ndims[0]} and {ndims[1]} axes needs `axes`, the axes of "
                f"each to be convolved, {user_line()}"
            )
        axes = (range(ndims[0]), range(ndims[1]))
    pairs = [
        [[int(a) % n for a in part] for part, n in zip(pair, ndims, strict=True)]
        for pair in (axes, dot_axes)
    ]
    for pair, what in zip(pairs, ("axes", "dot_axes"), strict=True):
        if len(pair[0]) != len(pair[1]):
            raise ValueError(f"convolve needs as many {what} of one array as of the other")
    return pairs[0], pairs[1]


def convolve(
    A: Any,
    B: Any,
    axes: Sequence[Sequence[int]] | None = None,
    dot_axes: Sequence[Sequence[int]] = ((), ()),
    mode: str = "full",
) -> Any:
    """Convolve two arrays over some axes, contract them over others, and keep all the rest.

    It has autograd's arguments, not SciPy's: that one is `dualdiff.scipy.signal.convolve`.
    Arguments: `A`, `B`; `axes`, a pair of lists of axes to be convolved (all by default);
    `dot_axes`, a pair of lists of axes to be multiplied and summed; `mode`, "full", "valid" or
    "same".
    Returns: an array with A's remaining axes, B's remaining axes, and the convolved ones.

    >>> convolve([1.0, 2.0, 3.0], [1.0, 1.0], mode="valid")
    array([3., 5.])
    """
    A, B = (x if hasattr(x, "dtype") else np.array(x, dtype=float) for x in (A, B))
    convolved, dotted = _axes(axes, dot_axes, (np.ndim(A), np.ndim(B)))
    if mode == "same":  # the middle of "full", of A's size, as in SciPy
        full = convolve(A, B, axes, dot_axes, "full")
        rows = [shape_of(A)[a] for a in convolved[0]]
        starts = [(shape_of(B)[b] - 1) // 2 for b in convolved[1]]
        middle = [slice(start, start + n) for start, n in zip(starts, rows, strict=True)]
        return full[(Ellipsis, *middle)]
    if mode not in ("full", "valid"):
        raise ValueError(
            f"convolve has the modes 'full', 'same' and 'valid', not {mode!r}, {user_line()}"
        )
    sizes = [(shape_of(A)[a], shape_of(B)[b]) for a, b in zip(*convolved, strict=True)]
    if mode == "valid" and sizes and all(n < m for n, m in sizes):
        outer = [
            np.ndim(x) - len(c) - len(d) for x, c, d in zip((A, B), convolved, dotted, strict=True)
        ]
        swapped = convolve(B, A, convolved[::-1], dotted[::-1], mode)
        order = [
            *range(outer[1], sum(outer)),
            *range(outer[1]),
            *range(sum(outer), sum(outer) + len(sizes)),
        ]
        return np.transpose(swapped, order)
    if mode == "valid" and any(n < m for n, m in sizes):
        raise ValueError(
            f"convolve in mode 'valid' needs one array to be the larger along all convolved axes, "
            f"whose sizes are {sizes}, {user_line()}"
        )
    if mode == "full":
        widths = [(0, 0)] * np.ndim(A)
        for a, (_, m) in zip(convolved[0], sizes, strict=True):
            widths[a] = (m - 1, m - 1)
        A = np.pad(A, widths)
    windows = np.lib.stride_tricks.sliding_window_view(
        A, [m for _, m in sizes], axis=tuple(convolved[0])
    )
    ndim = np.ndim(A)
    flipped = np.flip(B, tuple(convolved[1]))
    left = [*range(ndim, ndim + len(sizes)), *dotted[0]]
    product = np.tensordot(windows, flipped, (left, [*convolved[1], *dotted[1]]))
    kept = [a for a in range(ndim) if a not in dotted[0]]
    where = [kept.index(a) for a in convolved[0]]
    return np.moveaxis(product, where, range(-len(sizes), 0)) if sizes else product
