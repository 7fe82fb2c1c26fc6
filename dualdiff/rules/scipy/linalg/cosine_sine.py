"""`cossin`: the decomposition of a unitary matrix in four blocks by cosines and sines.

Cosines are the singular values of the first block, sines those of the block below, and the factors
their vectors (G. W. Stewart, "Computing the CS decomposition of a partitioned orthonormal matrix",
1982). The derivative is along changes that keep the matrix unitary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from ....array.box import is_box
from ....core.batch import shape_of
from ....core.types import Value
from ...numpy.creation import asarray
from ..arguments import by_scipy, plain
from ..bodies import agreed
from ..dispatch import implements, missing
from .gauges import order_of, phases
from .stacks import over_stack

SMALL = 1e-2  # a sine below it loses digits as a divisor


def _blocks(X: Any, p: Any, q: Any) -> list[Any]:
    """The four blocks of a matrix, or those that are given."""
    if p is None and q is None:
        return [np.atleast_2d(asarray(x)) for x in X]
    p, q, X = int(p or 1), int(q or 1), asarray(X)
    return [X[..., :p, :q], X[..., :p, q:], X[..., p:, :q], X[..., p:, q:]]


def _pairs(block: Value, left: Any, right: Any, cosines: Any) -> tuple[Any, Any]:
    """The singular vectors of a block, in the order and with the signs of plain ones."""
    u, c, vh = np.linalg.svd(block)
    order = order_of(c, cosines)
    u, v = u[:, order], np.conj(vh.T)[:, order]
    return u * phases(u, left), v * phases(v, right)


@implements(linalg.cossin)
def cossin(
    X: Any,
    p: Any = None,
    q: Any = None,
    separate: bool = False,
    swap_sign: bool = False,
    compute_u: bool = True,
    compute_vh: bool = True,
) -> Any:
    """``scipy.linalg.cossin``: angles for all sizes of blocks, and factors for four square ones.

    Raises: MissingRuleError for the factors of blocks that are not square, whose further vectors
    are arbitrary; take `separate` with `compute_u` and `compute_vh` False for the angles alone.

    >>> import numpy as np, dualdiff as dd
    >>> from scipy import linalg
    >>> def angle(t):
    ...     turn = np.stack([np.stack([np.cos(t), -np.sin(t)]), np.stack([np.sin(t), np.cos(t)])])
    ...     return linalg.cossin(turn, 1, 1, separate=True)[1][0]
    >>> round(float(dd.grad(angle)(0.3)), 12)
    1.0
    """
    blocks = _blocks(X, p, q)
    if len(shape_of(blocks[0])) > 2:
        if separate:
            raise missing("scipy.linalg.cossin", "stacks have no rule for separate=True")

        def each(*four: Any) -> Any:
            return cossin(four, None, None, False, swap_sign, compute_u, compute_vh)

        return over_stack(each, *((block, 2) for block in blocks))
    (u1, u2), angles, (v1h, v2h) = by_scipy(
        linalg.cossin, tuple(plain(b) for b in blocks), separate=True, swap_sign=swap_sign
    )
    first, _, below, last = blocks
    count = len(angles)
    cosines = np.linalg.svd(first, compute_uv=False)[-count:]  # the others are 1
    sines = np.linalg.svd(below, compute_uv=False)[-count:][::-1]
    theta = np.arctan2(sines, cosines)
    theta = agreed(theta[order_of(theta, angles)], angles, "cossin")
    factors: list[Any] = [np.empty((0, 0))] * 4
    if compute_u or compute_vh:
        factors = _factors(blocks, theta, (u1, u2, v1h, v2h), swap_sign)
    left, right = (
        tuple(np.empty((0, 0)) for _ in pair) if not is_wanted else tuple(pair)
        for pair, is_wanted in ((factors[:2], compute_u), (factors[2:], compute_vh))
    )
    if separate:
        return left, theta, right
    c, s = np.diag(np.cos(theta)), np.diag(np.sin(theta)) * (-1.0 if swap_sign else 1.0)
    if set(shape_of(first) + shape_of(last)) != {count}:
        raise missing("scipy.linalg.cossin", "blocks that are not square need separate=True")
    middle = np.concatenate([np.concatenate([c, -s], 1), np.concatenate([s, c], 1)])
    whole = [linalg.block_diag(*pair) if is_wanted else np.empty((0, 0))
             for pair, is_wanted in ((left, compute_u), (right, compute_vh))]  # fmt: skip
    return whole[0], middle, whole[1]


def _factors(blocks: list[Any], theta: Any, found: Any, swap_sign: bool) -> list[Any]:
    """U1, U2, V1 and V2, the last two as SciPy gives them."""
    first, beside, below, last = blocks
    count = shape_of(theta)[0]
    if set(shape_of(first) + shape_of(last)) != {count}:
        raise missing(
            "scipy.linalg.cossin",
            "the factors of blocks that are not square contain arbitrary vectors; take "
            "separate=True with compute_u=False and compute_vh=False, or singular values of blocks",
        )
    left1, left2, right1h, right2h = found
    sign = -1.0 if swap_sign else 1.0
    cosines, sines = np.cos(theta), np.sin(theta) * sign
    plain_cosines, plain_sines = np.asarray(plain(cosines)), np.asarray(plain(sines))
    u1, v1 = _pairs(first, left1, np.conj(right1h.T), plain_cosines)
    if np.abs(plain_sines).min(initial=1.0) > SMALL:
        u2 = below @ v1 / sines
        v2 = np.conj(last.T) @ u2 * cosines - np.conj(beside.T) @ u1 * sines
    elif any(np.iscomplexobj(plain(b)) for b in blocks):
        raise missing("scipy.linalg.cossin", "an angle of 0 between complex blocks leaves a phase")
    else:
        u2, v2 = _pairs(last, left2, np.conj(right2h.T), plain_cosines)
    made = [u1, u2, np.conj(v1.T), np.conj(v2.T)]
    return [agreed(m, f, "cossin") if is_box(m) else f for m, f in zip(made, found, strict=True)]
