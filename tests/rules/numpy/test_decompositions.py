"""Decompositions of matrices."""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.core.errors import UnsupportedInputError
from tests.rules.table import A, row, rule_tests


def cholesky_of(x, upper=False):
    """Positive definite for any x, Hermitian for any perturbation."""
    spd = x @ np.conjugate(np.matrix_transpose(x)) + np.eye(x.shape[-1], dtype=np.int8)
    return np.linalg.cholesky(spd, upper=upper)


def hermitian(x):
    return x + np.conjugate(np.matrix_transpose(x))


def eigh_projectors(x, uplo="L"):
    """What eigh gives but for the phases: eigenvalues and the projections on each vector."""
    w, v = np.linalg.eigh(hermitian(x), uplo)
    return w, np.einsum("...ik,...jk->...kij", v, np.conjugate(v))


def eigh_vectors(x):
    """Real eigenvectors, whose signs do not jump."""
    return tuple(np.linalg.eigh(hermitian(x)))


def svd_vectors(x):
    """Real singular vectors, whose signs do not jump."""
    return tuple(np.linalg.svd(x, full_matrices=False))


def svd_projectors(x):
    """What svd gives but for the phases: singular values, and products of the two vectors of each."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    pairs = np.einsum("...ik,...kj->...kij", u, vh)
    return s, pairs, np.einsum("...ik,...jk->...kij", u, np.conjugate(u))


def eigvalsh_of(x, uplo="L"):
    return np.linalg.eigvalsh(hermitian(x), uplo)


ROWS = [
    row(cholesky_of, A(3, 3), _prims=("cholesky",)),
    row(cholesky_of, A(2, 2, 2), upper=True),
    row(eigh_projectors, A(3, 3), _prims=("eigh",)),
    row(eigh_projectors, A(2, 2, 2), uplo="U"),
    row(eigh_vectors, A(3, 3), _complex=False),
    row(eigvalsh_of, A(3, 3), _prims=("eigvalsh",)),
    row(eigvalsh_of, A(2, 2, 2), uplo="U"),
    row(np.linalg.svd, A(3, 2), compute_uv=False, _prims=("svdvals",)),
    row(np.linalg.svd, A(2, 2, 3), compute_uv=False),
    row(np.linalg.svdvals, A(3, 3)),
    row(svd_projectors, A(3, 3), _prims=("svd",)),
    row(svd_projectors, A(4, 2)),
    row(svd_projectors, A(2, 2, 3)),
    row(svd_vectors, A(3, 3), _complex=False),
    row(svd_vectors, A(2, 3), _complex=False),
    row(np.linalg.qr, A(3, 3), _prims=("qr",)),
    row(np.linalg.qr, A(4, 2)),
    row(np.linalg.qr, A(2, 3)),
    row(np.linalg.qr, A(2, 3, 2), mode="r"),
    row(np.linalg.qr, A(2, 3), mode="complete"),
]

TestRules = rule_tests(ROWS)
