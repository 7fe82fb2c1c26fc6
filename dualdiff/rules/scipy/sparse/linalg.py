"""`scipy.sparse.linalg` on traced arrays, with rules for the functions below."""

from . import operators_linear  # noqa: F401  # methods of LinearOperator
from .lu import factorized, spilu, splu, spsolve
from .operators_linear import aslinearoperator
from .solvers import (
    bicg,
    bicgstab,
    cg,
    cgs,
    eigs,
    eigsh,
    expm,
    expm_multiply,
    gcrotmk,
    gmres,
    inv,
    lgmres,
    lobpcg,
    lsmr,
    lsqr,
    minres,
    norm,
    onenormest,
    qmr,
    spsolve_triangular,
    svds,
    tfqmr,
)

__all__ = [
    "aslinearoperator", "bicg", "bicgstab", "cg", "cgs", "eigs", "eigsh", "expm", "expm_multiply",
    "factorized", "gcrotmk", "gmres", "inv", "lgmres", "lobpcg", "lsmr", "lsqr", "minres", "norm",
    "onenormest", "qmr", "spilu", "splu", "spsolve", "spsolve_triangular", "svds", "tfqmr",
]  # fmt: skip
