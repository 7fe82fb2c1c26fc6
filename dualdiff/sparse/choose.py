"""The directions of a sparse derivative: columns, rows, or some of both."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from ..errors import PatternError, user_line
from ..transforms.plan import CACHE, COTANGENT, LEAST_BUDGET, TANGENT, Plan, way
from .color.coloring import Coloring, color_both, color_columns, color_rows, color_symmetric
from .compression import Compression, by_both, by_columns, by_rows, by_symmetry, canonical

FULL = 0.5  # the fraction of nonzeros above which a pattern counts as dense
Found = tuple[float, str, Compression]


def given_pattern(pattern: Any, n: int, symmetric: bool) -> csr_array:
    """The user's pattern, checked, for a derivative with respect to n elements."""
    if not issparse(pattern):
        pattern = np.asarray(pattern)
    if pattern.ndim != 2 or not (issparse(pattern) or pattern.dtype.kind in "biuf"):
        raise PatternError(
            f"a pattern is a matrix of numbers or truth values, sparse or dense, not an array "
            f"of shape {pattern.shape} and dtype {pattern.dtype}, {user_line()}"
        )
    out = canonical(pattern)
    if out.shape[1] != n or (symmetric and out.shape[0] != n):
        raise PatternError(
            f"the pattern has the shape {out.shape}, but there are {n} inputs, {user_line()}; "
            f"it needs a row for each element of the results and a column for each element of "
            f"the differentiated arguments"
        )
    return canonical(out + out.T) if symmetric else out


def compress(
    pattern: csr_array, mode: str, symmetric: bool, chunk: int | None, budget: int | None
) -> tuple[Compression, Plan]:
    """The cheapest compression of a pattern in a mode, and the plan of its passes."""
    m, n = pattern.shape
    budget = budget or LEAST_BUDGET
    if symmetric:
        colors = color_symmetric(pattern)
        way_of, each = ("reverse", COTANGENT) if mode == "reverse" else ("forward", TANGENT)
        found = [(colors.count * each, way_of, by_symmetry(pattern, colors))]
        reason = f"a star colouring ({colors.order} order) of the symmetric pattern"
    elif pattern.nnz > FULL * m * n and mode != "mixed":
        found = [_all(pattern, mode)]
        reason = f"more than {FULL:.0%} of the pattern is nonzero, so no directions can be shared"
    else:
        found = sorted(_candidates(pattern, mode), key=lambda candidate: candidate[0])
        reason = f"mode={mode!r} was asked for"
        if mode == "auto":
            reason = "these directions are the cheapest"
    cost, chosen, best = found[0]
    reason += f"; without the pattern it would take {min(n, m)}"
    size = 8 * max(m, n, 1)
    # Each pass of a pushed Hessian records the gradient again: few passes are best.
    quickest = None if symmetric else max(1, CACHE // 2 // size)
    ways = [way(name, _count(c), size, budget, chunk, quickest) for _, name, c in found]
    if mode == "auto" and not symmetric:
        ways += [
            way(name, count, size, budget, chunk, quickest, bound=True)
            for name, count in _fullest(pattern).items()
            if name not in [w.mode for w in ways]
        ]
    first = ways[0]
    plan = Plan(
        mode=chosen,
        inputs=n,
        outputs=m,
        directions=first.directions,
        chunk=first.chunk,
        passes=first.passes,
        reason=reason,
        memory=first.memory,
        cost=cost,
        alternatives=tuple(ways[1:]),
    )
    return best, plan


def saves_nothing(plan: Plan) -> bool:
    """Whether a dense Jacobian takes no more directions."""
    return plan.cost >= min(plan.inputs * TANGENT, plan.outputs * COTANGENT)


def _count(compression: Compression) -> int:
    return sum(c.count for c in (compression.columns, compression.rows) if c is not None)


def _all(pattern: csr_array, mode: str) -> Found:
    """Each direction by itself."""
    m, n = pattern.shape
    if mode == "forward" or (mode == "auto" and n * TANGENT <= m * COTANGENT):
        return n * TANGENT, "forward", by_columns(pattern, Coloring(np.arange(n), n, "dense"))
    return m * COTANGENT, "reverse", by_rows(pattern, Coloring(np.arange(m), m, "dense"))


def _fullest(pattern: csr_array) -> dict[str, int]:
    """The nonzeros of the fullest row and column, a lower bound of the numbers of colours."""
    return {
        "forward": int(np.diff(pattern.indptr).max(initial=1)),
        "reverse": int(np.bincount(pattern.indices, minlength=1).max()),
    }


def _candidates(pattern: csr_array, mode: str) -> list[Found]:
    """The compressions among which the cheapest is, for a mode."""
    least = _fullest(pattern)
    fullest = {"forward": least["forward"] * TANGENT, "reverse": least["reverse"] * COTANGENT}
    found: list[Found] = []
    for name in sorted(fullest, key=fullest.__getitem__):
        below = min((cost for cost, _, _ in found), default=np.inf)
        if mode != name and (mode != "auto" or fullest[name] >= below):
            continue
        if name == "forward":
            colors = color_columns(pattern)
            found.append((colors.count * TANGENT, name, by_columns(pattern, colors)))
        else:
            colors = color_rows(pattern)
            found.append((colors.count * COTANGENT, name, by_rows(pattern, colors)))
    if mode in ("auto", "mixed"):
        below = min((cost for cost, _, _ in found), default=np.inf)
        mixed = color_both(pattern, TANGENT, COTANGENT, below)
        if mixed is not None:
            cost = mixed.columns.count * TANGENT + mixed.rows.count * COTANGENT
            found.append((cost, "mixed", by_both(pattern, mixed)))
        elif mode == "mixed":
            raise PatternError(
                f"all rows and columns of this pattern are alike, so that it cannot be split into "
                f"rows and columns, {user_line()}; use mode='auto'"
            )
    return found
