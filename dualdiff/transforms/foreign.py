"""Jacobians of functions with foreign arrays, direction by direction.

A foreign array, such as dask's, takes no batch of directions: each pass has one direction, and the
passes of a lazy array share what they have in common when they are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, prod
from typing import Any

import numpy as np

from ..array.kinds import beside, has_foreign, is_foreign, to_numpy
from ..core.batch import cast, dtype_of, is_complex, shape_of
from ..core.types import Value
from ..errors import UnsupportedInputError, user_line
from .record import Recording


def _unit(values: Sequence[Value], which: int, k: int) -> list[Any]:
    """The direction that is 1 in element `k` of one leaf."""
    value = values[which]
    shape, dtype = shape_of(value), dtype_of(value)
    unit = np.zeros(prod(shape), dtype)
    unit[k] = 1
    seeds: list[Any] = [None] * len(values)
    seeds[which] = beside(unit.reshape(shape), value) if shape else beside(unit[0], value)
    return seeds


def _sizes(values: Sequence[Value]) -> list[int]:
    shapes = [() if v is None else shape_of(v) for v in values]
    if any(isnan(n) for shape in shapes for n in shape):
        raise UnsupportedInputError(
            f"a Jacobian needs known sizes, but an array has the shape {shapes[0]}, {user_line()}; "
            f"call compute_chunk_sizes() on it first"
        )
    return [0 if v is None else prod(s) for v, s in zip(values, shapes, strict=True)]


def _block(passes: list[Any], end: Value, other: Value, is_forward: bool) -> Any:
    """One block of the Jacobian from the parts of its directions, one for each element of `end`."""
    result, value = (other, end) if is_forward else (end, other)
    dtype = np.result_type(dtype_of(result), dtype_of(value))
    zeros = None
    if any(p is None for p in passes):
        zeros = beside(np.zeros(shape_of(other), dtype), other)
    rows = [cast(zeros if p is None else p, dtype) for p in passes]
    shape = shape_of(result) + shape_of(value)
    if not shape_of(end):
        return rows[0]
    return np.reshape(np.stack(rows, axis=-1 if is_forward else 0), shape)


def foreign_blocks(recording: Recording, mode: str) -> Any:
    """The Jacobian as blocks of results and arguments; a block is foreign if its argument is."""
    inputs, outputs = recording.inputs, recording.outputs
    values, results = inputs.values, outputs.values
    if any(map(is_complex, (*values, *results))):
        raise UnsupportedInputError(
            f"a Jacobian of complex foreign arrays is not defined here, {user_line()}; use jvp or "
            f"vjp"
        )
    sizes, counts = _sizes(values), _sizes(results)
    is_forward = mode == "forward" or (mode == "auto" and sum(sizes) < sum(counts))
    ends, others = (values, results) if is_forward else (results, values)
    apply = recording.push if is_forward else recording.pull
    table: dict[tuple[int, int], Any] = {}
    for i, end in enumerate(ends):
        if end is None:
            continue
        passes = [apply(_unit(ends, i, k)) for k in range(prod(shape_of(end)))]
        for j, other in enumerate(others):
            if other is not None:
                key = (j, i) if is_forward else (i, j)
                table[key] = _block([p[j] for p in passes], end, other, is_forward)
    plain = [key for key, b in table.items() if is_foreign(b) and not has_foreign(values[key[1]])]
    table |= zip(plain, to_numpy([table[key] for key in plain]), strict=True)
    rows = [[table.get((i, j)) for j in range(len(values))] for i in range(len(results))]
    pairs = zip(results, rows, strict=True)
    return outputs.tree([None if r is None else inputs.result(row) for r, row in pairs])
