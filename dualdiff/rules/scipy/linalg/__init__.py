"""`scipy.linalg` on traced arrays: its whole namespace, one file of rules per family.

Formulas follow the rules of `numpy.linalg`; values are SciPy's. The functions that have no rule
raise an error for a traced array.
"""

from __future__ import annotations

from scipy import linalg as _linalg

from ..pieces import constants
from .banded import cho_solve_banded, cholesky_banded, solve_banded, solveh_banded
from .cosine_sine import cossin
from .eigenvalues import (
    eig,
    eig_banded,
    eigh,
    eigh_tridiagonal,
    eigvals,
    eigvals_banded,
    eigvalsh,
    eigvalsh_tridiagonal,
)
from .equations import (
    solve_continuous_are,
    solve_continuous_lyapunov,
    solve_discrete_are,
    solve_discrete_lyapunov,
    solve_lyapunov,
    solve_sylvester,
)
from .factors import (
    cho_factor,
    cholesky,
    ldl,
    lu,
    lu_factor,
    null_space,
    orth,
    orthogonal_procrustes,
    polar,
    qr,
    qr_multiply,
    rq,
    subspace_angles,
    svd,
    svdvals,
)
from .functions import (
    coshm,
    cosm,
    expm,
    expm_cond,
    expm_frechet,
    fractional_matrix_power,
    funm,
    logm,
    signm,
    sinhm,
    sinm,
    sqrtm,
    tanhm,
    tanm,
)
from .schur_forms import cdf2rdf, hessenberg, matrix_balance, ordqz, qz, rsf2csf, schur
from .special_matrices import (
    block_diag,
    circulant,
    companion,
    convolution_matrix,
    diagsvd,
    fiedler,
    fiedler_companion,
    hankel,
    khatri_rao,
    leslie,
    toeplitz,
)
from .systems import (
    cho_solve,
    det,
    inv,
    lstsq,
    lu_solve,
    matmul_toeplitz,
    norm,
    pinv,
    pinvh,
    solve,
    solve_circulant,
    solve_toeplitz,
    solve_triangular,
)
from .updates import qr_delete, qr_insert, qr_update

CONSTANTS = constants(_linalg, "bandwidth ishermitian issymmetric", "a")
globals().update(CONSTANTS)
__all__ = [
    "block_diag", "cdf2rdf", "cho_factor", "cho_solve", "cho_solve_banded", "cholesky",
    "cholesky_banded", "circulant", "companion", "convolution_matrix", "coshm", "cosm",
    "cossin", "det",
    "diagsvd", "eig", "eig_banded", "eigh", "eigh_tridiagonal", "eigvals", "eigvals_banded",
    "eigvalsh", "eigvalsh_tridiagonal", "expm", "expm_cond", "expm_frechet", "fiedler",
    "fiedler_companion", "fractional_matrix_power", "funm", "hankel", "hessenberg", "inv",
    "khatri_rao", "ldl", "leslie", "logm", "lstsq", "lu", "lu_factor", "lu_solve",
    "matmul_toeplitz", "matrix_balance", "norm", "null_space", "ordqz", "orth",
    "orthogonal_procrustes", "pinv", "pinvh", "polar", "qr", "qr_delete", "qr_insert",
    "qr_multiply", "qr_update", "qz", "rq", "rsf2csf",
    "schur", "signm", "sinhm", "sinm", "solve", "solve_banded", "solve_circulant",
    "solve_continuous_are", "solve_continuous_lyapunov", "solve_discrete_are",
    "solve_discrete_lyapunov", "solve_lyapunov", "solve_sylvester", "solve_toeplitz",
    "solve_triangular", "solveh_banded", "sqrtm", "subspace_angles", "svd", "svdvals", "tanhm",
    "tanm", "toeplitz", *CONSTANTS,
]  # fmt: skip
