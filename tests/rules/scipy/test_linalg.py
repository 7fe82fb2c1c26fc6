"""`scipy.linalg`: functions of matrices, triangular and Sylvester equations."""

import numpy as np
import pytest
import scipy.linalg

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

L = dd.scipy.linalg
POSITIVE = 3.0 * np.eye(3) + 0.3 * A(3, 3)
ROWS = [
    row(L.expm, 0.3 * A(3, 3)),
    row(L.sqrtm, POSITIVE, _complex=False),
    row(L.sqrtm, A(2, 2, complex=True), _float32=False),
    row(L.solve_sylvester, A(3, 3), A(2, 2, seed=1), A(3, 2, seed=2)),
    *(
        row(L.solve_triangular, A(3, 3), b, trans, lower, _id="solve_triangular")
        for b in (A(3, seed=1), A(3, 2, seed=1))
        for trans in (0, 1, 2)
        for lower in (False, True)
    ),
    row(L.solve_triangular, A(3, 3), A(3, seed=1), "T", True, True, _id="solve_triangular-unit"),
    *(
        row(L.solve_banded, (lower, upper), ab, b, _id="solve_banded", _argnums=(1, 2))
        for lower, upper in ((1, 1), (2, 1), (0, 2), (5, 0))
        for b in (A(4, seed=1), A(4, 2, seed=1))
        for ab in [
            3.0 * (np.arange(lower + upper + 1) == upper)[:, None] + 0.5 * A(lower + upper + 1, 4)
        ]
    ),
    row(L.block_diag, A(2, 3), A(2, seed=1), A(seed=2)),
]
TestRules = rule_tests(ROWS)


def test_the_derivative_of_expm_is_scipys():
    a, e = 0.5 * A(4, 4), A(4, 4, seed=1)
    tangent = dd.jvp(L.expm, (a,), (e,))[1]
    np.testing.assert_allclose(tangent, scipy.linalg.expm_frechet(a, e)[1], rtol=1e-12)


def test_the_triangle_that_is_not_read_has_derivative_zero():
    gradient = dd.grad(lambda a: np.sum(L.solve_triangular(a, np.ones(3), lower=True)))(A(3, 3))
    assert not np.any(np.triu(gradient, 1))
    assert np.all(gradient[np.tril_indices(3)] != 0)


def test_the_rest_of_the_namespace_is_scipys_and_refuses_traced_arrays():
    np.testing.assert_array_equal(L.hilbert(3), scipy.linalg.hilbert(3))
    with pytest.raises(TypeError, match=r"scipy\.linalg\.logm was called on a traced array"):
        dd.grad(lambda a: np.sum(L.logm(a)))(POSITIVE)
    with pytest.raises(ValueError, match="one square matrix"):
        dd.grad(lambda a: np.sum(L.expm(a)))(A(2, 3))


def test_a_sylvester_equation_of_real_and_complex_matrices_is_solved():
    a, b, q = A(3, 3, complex=True), A(2, 2, seed=1), A(3, 2, seed=2)
    b[0, 1] *= -5.0  # complex eigenvalues
    x = L.solve_sylvester(a, b, q)
    np.testing.assert_allclose(a @ x + x @ b, q, atol=1e-13)
