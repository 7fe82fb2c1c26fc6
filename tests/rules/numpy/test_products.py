"""Products of arrays."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

INTERLEAVED = row(
    lambda x, y: np.einsum(x, [0, Ellipsis, 1], y, [1, 2], [Ellipsis, 2, 0]),
    A(2, 2, 3),
    A(3, 2, seed=1),
    _id="einsum-interleaved",
)


def outer_of(x, y):
    return np.einsum("i,j", x, y, optimize=True)


ROWS = [
    # every pair of ranks that matmul tells apart, and broadcasting on either side
    row(np.matmul, A(3), A(3, seed=1), _prims=("matmul",)),
    row(np.matmul, A(3), A(3, 2)),
    row(np.matmul, A(3), A(2, 3, 2)),
    row(np.matmul, A(2, 3), A(3)),
    row(np.matmul, A(2, 3), A(3, 4)),
    row(np.matmul, A(2, 3), A(2, 3, 2)),
    row(np.matmul, A(2, 2, 3), A(3)),
    row(np.matmul, A(2, 2, 3), A(3, 2)),
    row(np.matmul, A(2, 1, 2, 3), A(2, 3, 2)),
    row(np.matmul, A(2, 3), A(2, 1, 3, 2)),
    row(np.matmul, A(2, 1, 2, 3), A(1, 2, 3, 1)),
    row(np.linalg.matmul, A(2, 3), A(3, 2)),
    row(np.dot, A(3), A(3, seed=1), _prims=("dot",)),
    row(np.dot, A(2, 3), A(3)),
    row(np.dot, A(2), A(2, 3)),
    row(np.dot, A(2, 3), A(3, 2)),
    row(np.dot, A(2, 2, 3), A(3), _prims=("einsum",)),
    row(np.dot, A(3), A(2, 3, 2)),
    row(np.dot, A(2, 2, 3), A(2, 3, 2)),
    row(np.dot, 1.5, A(2, 2), _float32=False),  # NumPy makes float64 of a float
    row(np.dot, A(2), 1.5, _float32=False),
    row(np.inner, A(3), A(3, seed=1)),
    row(np.inner, A(2, 3), A(2, 2, 3)),
    row(np.inner, A(2, 3), 1.5, _float32=False),
    row(np.outer, A(2, 2), A(3)),
    row(np.linalg.outer, A(2), A(3)),
    row(np.vdot, A(2, 2), A(2, 2, seed=1)),
    row(np.vecdot, A(2, 3), A(3)),
    row(np.linalg.vecdot, A(3, 2), A(3, 1), axis=0),
    row(np.matvec, A(2, 2, 3), A(3)),
    row(np.vecmat, A(2, 1, 3), A(2, 3, 2)),
    row(np.tensordot, A(2, 3), A(2, 3, 2), axes=2),
    row(np.tensordot, A(2), A(3), axes=0),
    row(np.tensordot, A(2, 3, 2), A(3, 4, 2), axes=([1, -1], [0, 2])),
    row(np.tensordot, A(2, 3), A(4, 2), axes=(0, 1)),
    row(np.linalg.tensordot, A(2, 3), A(3, 2), axes=1),
    row(np.kron, A(2), A(3)),
    row(np.kron, A(2, 2), A(3)),
    row(np.kron, A(1, 2), A(2, 2, 2)),
    row(np.cross, A(3), A(3, seed=1)),
    row(np.cross, A(2, 3), A(3)),
    row(np.cross, A(3, 2), A(2, 3), axisa=0, axisc=0),
    row(np.cross, A(3, 2), A(3, 2, seed=1), axis=0),
    row(np.linalg.cross, A(3, 2), A(3, 2, seed=1), axis=0),
    row(np.linalg.multi_dot, [A(2, 3), A(3, 2), A(2, 2)]),
    row(np.linalg.multi_dot, [A(2), A(2, 3), A(3, 2), A(2, seed=1)]),
    row(lambda x, y: np.linalg.multi_dot([x, y]), A(2, 3), A(3), _id="multi_dot"),
    # einsum: permuting, summing out, traces, diagonals
    row(np.einsum, "ij->ji", A(2, 3), _prims=("einsum_of_one",)),
    row(np.einsum, "ij->", A(2, 3)),
    row(np.einsum, "ijk->j", A(2, 3, 2)),
    row(np.einsum, "ii", A(3, 3)),
    row(np.einsum, "ii->i", A(3, 3)),
    row(np.einsum, "iij->ij", A(2, 2, 3)),
    row(np.einsum, "iii->i", A(2, 2, 2)),
    row(np.einsum, "ijij->j", A(2, 3, 2, 3)),
    row(np.einsum, "ba", A(2, 3)),
    row(np.einsum, "...ij->...", A(2, 2, 3)),
    row(np.einsum, "i...->...", A(2, 3)),
    row(np.einsum, "...ii", A(2, 3, 3)),
    # two operands
    row(np.einsum, "ij,jk->ik", A(2, 3), A(3, 2)),
    row(np.einsum, "ij,jk->ik", A(2, 3), A(3, 2), optimize=True),
    row(np.einsum, "ij,kj", A(2, 3), A(2, 3, seed=1)),
    row(np.einsum, "ij,kl->i", A(2, 3), A(2, 2)),
    row(np.einsum, "i,i", A(3), A(3, seed=1)),
    row(np.einsum, "ii,jj->ij", A(2, 2), A(3, 3)),
    row(np.einsum, "ii,i->i", A(3, 3), A(3)),
    row(np.einsum, "iji,jk->k", A(2, 3, 2), A(3, 2)),
    row(np.einsum, "...i,...i->...", A(2, 3), A(3)),
    row(np.einsum, "...ij,jk", A(2, 2, 3), A(3, 2)),
    row(np.einsum, "b...,...->b...", A(2, 3), A(3)),
    row(np.einsum, "...a,...b->ba...", A(2, 1, 3), A(2, 2)),
    row(np.einsum, "ij,ij->ij", A(1, 3), A(2, 3)),
    row(np.einsum, "ij,ij->", A(2, 1), A(2, 3)),
    row(np.einsum, "ij,ij->i", A(1, 3), A(1, 1)),
    row(np.einsum, ",i->i", 1.5, A(3), _float32=False),
    row(outer_of, A(2), A(3), _exact=True),
    INTERLEAVED,
    # more
    row(np.einsum, "i,ij,j->", A(2), A(2, 3), A(3)),
    row(np.einsum, "ij,jk,kl->il", A(2, 3), A(3, 2), A(2, 2), optimize="greedy"),
    row(np.einsum, "i,i,i,j->i", A(2), A(2, seed=1), A(2, seed=2), A(3)),
]

TestRules = rule_tests(ROWS)
