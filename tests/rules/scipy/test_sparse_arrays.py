"""Sparse arrays with traced values: products, operators, conversions, construction, systems."""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from dualdiff.scipy import sparse as sp
from tests.rules.table import A, Newer, row, rule_tests
from tests.versions import OLD_SCIPY

MASK = np.abs(A(4, 3, seed=3)) > 0.8
CSR = scipy.sparse.csr_array(np.where(MASK, A(4, 3), 0.0))
CSC = scipy.sparse.csc_array(CSR)
ROWS_OF, COLUMNS_OF = CSR.tocoo().coords
OTHER = scipy.sparse.csr_array(np.where(A(4, 3, seed=5) > 0.3, A(4, 3, seed=5), 0.0))
SQUARE = scipy.sparse.csc_array(np.where(np.abs(A(4, 4, seed=3)) > 0.9, A(4, 4), 0.0))
NNZ, OTHER_NNZ, SQUARE_NNZ = CSR.nnz, OTHER.nnz, SQUARE.nnz


def csr(d):
    return sp.csr_array((d, CSR.indices, CSR.indptr), shape=CSR.shape)


def csc(d):
    return sp.csc_array((d, CSC.indices, CSC.indptr), shape=CSC.shape)


def coo(d, kind="coo_array"):
    return getattr(sp, kind)((d, (ROWS_OF[::-1], COLUMNS_OF[::-1])), shape=CSR.shape)


def repeated(d):
    """With entries that stand at the same place."""
    rows, columns = np.append(ROWS_OF, ROWS_OF[:2]), np.append(COLUMNS_OF, COLUMNS_OF[:2])
    return sp.coo_array((np.concatenate([d, 2.0 * d[:2]]), (rows, columns)), shape=CSR.shape)


def other(d):
    return sp.csr_array((d, OTHER.indices, OTHER.indptr), shape=OTHER.shape)


def square(d):
    return sp.csc_array((d, SQUARE.indices, SQUARE.indptr), shape=SQUARE.shape)


def times(d, x):
    return csr(d) @ x


def times_transposed(d, x):
    return csr(d).T @ x


def csc_times(d, x):
    return csc(d) @ x


def coo_times(d, x):
    return coo(d).dot(x)


def repeated_times(d, x):
    return repeated(d) @ x


def from_right(d, x):
    return x @ csr(d)


def sparse_times_sparse(d, e):
    return (csr(d).T @ other(e)).toarray()


def sum_of_two(d, e):
    return (csr(d) + other(e)).toarray()


def difference_of_two(d, e):
    return (csr(d) - 2.0 * other(e)).toarray()


def product_of_two(d, e):
    return traced(d, e).multiply(other(e)).toarray()


def traced(d, x):
    """Traced where x alone is: SciPy's own operators do not take traced operands."""
    return csr(d + 0.0 * np.sum(x))


def alike(d, e):
    return (csr(d) + csr(e)).data


def times_dense(d, x):
    return (traced(d, x) * x).toarray()


def plus_dense(d, x):
    return traced(d, x) + x


def scaled(d, s):
    return (traced(d, s) * s / (s + 3.0)).toarray()


def sums(d):
    a = coo(d)
    return a.sum(), a.sum(axis=0), a.sum(axis=1), a.mean(axis=0)


def functions(d):
    a = repeated(d)
    return (-abs(a)).toarray(), a.sin().toarray(), a.power(2).toarray()


def parts(d):
    a = csr(d)
    return (
        a[1:3].toarray(),
        a[2, 1],
        a[:, [2, 0]].toarray(),
        a.diagonal(),
        a.trace(),
        a.reshape(2, 6).toarray(),
    )


def joined(d, e):
    a, b = csr(d), other(e)
    whole = sp.block_array([[a, None], [OTHER, b.tocsc()]])
    return whole.toarray(), sp.vstack([a, b]).toarray(), sp.block_diag([a, b[:1]]).toarray()


def triangles(d):
    return sp.tril(csr(d), -1).toarray(), sp.triu(coo(d)).toarray(), sp.kron(CSR, csr(d)).toarray()


def diagonals(d, e):
    a = sp.diags_array([d, e], offsets=[0, -1])
    return a.toarray(), sp.diags(e[:1], 1, shape=(3, 4)).toarray(), sp.diags_array(d).toarray()


def from_dense(x):
    return (sp.csr_array(x).T @ sp.csc_array(x)).toarray()


def solve(d, b):
    return sp.linalg.spsolve(square(d), b)


def solve_constant(b):
    return sp.linalg.spsolve(SQUARE, b)


def solve_with_factors(d, b):
    lu = sp.linalg.splu(square(d))
    return lu.solve(b), lu.solve(b, "T"), lu.solve(b, "H")


def solve_again(b):
    return sp.linalg.factorized(SQUARE)(b)


D, E = A(NNZ), A(OTHER_NNZ, seed=1)
S = SQUARE.data * (1.0 + 0.1 * A(SQUARE_NNZ))

# `_exact=False`: SciPy multiplies complex numbers, and factorises, in another order.
ROWS = [
    row(times, D, A(3), _prims=("sparse_matmul", "sampled_product")),
    row(times, D, A(3, 2), _prims=("sparse_matmul", "sampled_product")),
    row(times_transposed, D, A(4)),
    row(times_transposed, D, A(4, 2)),
    row(csc_times, D, A(3)),
    row(csc_times, D, A(3, 1)),
    # Before SciPy 1.15 the product lies in memory by columns, and complex means round otherwise.
    Newer("coo_times", "SciPy before 1.15") if OLD_SCIPY else row(coo_times, D, A(3, 2)),
    row(repeated_times, D, A(3)),
    row(from_right, D, A(4)),
    row(from_right, D, A(2, 4)),
    row(sparse_times_sparse, D, E, _exact=False),
    row(sum_of_two, D, E),
    row(difference_of_two, D, E),
    row(product_of_two, D, E, _exact=False),
    row(alike, D, A(NNZ, seed=7)),
    row(times_dense, D, A(4, 3)),
    row(times_dense, D, A(3)),
    row(plus_dense, D, A(4, 3)),
    row(scaled, D, 1.5, _exact=False),
    row(sums, D, _complex=not OLD_SCIPY),
    row(functions, D, _complex=False),
    row(parts, D),
    row(joined, D, E),
    row(triangles, D),
    row(diagonals, A(4), A(3)),
    row(from_dense, A(3, 2), _exact=False),
    row(solve, S, A(4), _prims=("sparse.linalg.spsolve",), _exact=False),
    row(solve, S, A(4, 2), _exact=False),
    row(solve_constant, A(4), _exact=False),
    row(solve_with_factors, S, A(4), _exact=False),
    row(solve_again, A(4, 2), _exact=False),
]

TestRules = rule_tests(ROWS)
