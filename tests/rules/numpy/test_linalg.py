"""Linear algebra."""

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


def eigvalsh_of(x, uplo="L"):
    return np.linalg.eigvalsh(hermitian(x), uplo)


ROWS = [
    row(np.linalg.solve, A(3, 3), A(3), _prims=("solve",)),
    row(np.linalg.solve, A(3, 3), A(3, 2)),
    row(np.linalg.solve, A(2, 2, 2), A(2)),
    row(np.linalg.solve, A(2, 2, 2), A(2, 3)),
    row(np.linalg.solve, A(2, 2), A(2, 2, 1)),
    row(np.linalg.solve, A(2, 1, 2, 2), A(3, 2, 1)),
    row(np.linalg.inv, A(3, 3), _prims=("inv",)),
    row(np.linalg.inv, A(2, 2, 2)),
    row(np.linalg.det, A(3, 3), _prims=("det",)),
    row(np.linalg.det, A(2, 2, 2)),
    row(np.linalg.slogdet, A(3, 3), _prims=("slogdet",)),
    row(np.linalg.slogdet, -A(2, 3, 3)),
    row(cholesky_of, A(3, 3), _prims=("cholesky",)),
    row(cholesky_of, A(2, 2, 2), upper=True),
    row(eigh_projectors, A(3, 3), _prims=("eigh",)),
    row(eigh_projectors, A(2, 2, 2), uplo="U"),
    row(eigh_vectors, A(3, 3), _complex=False),
    row(eigvalsh_of, A(3, 3), _prims=("eigvalsh",)),
    row(eigvalsh_of, A(2, 2, 2), uplo="U"),
    row(np.linalg.matrix_power, A(2, 2), 3),
    row(np.linalg.matrix_power, A(2, 2), 6),
    row(np.linalg.matrix_power, A(2, 2, 2), -2),
    row(np.linalg.matrix_power, A(2, 2), 1),
    row(np.linalg.trace, A(2, 3, 3), offset=1),
]

TestRules = rule_tests(ROWS)
