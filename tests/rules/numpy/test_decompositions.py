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


TURN = np.array([[0.0, -2.0, 0.3], [1.5, 0.0, 0.1], [0.2, 0.4, 3.0]])


def parts(z):
    return np.real(z), np.imag(z)


def eigvals_of(x):
    return parts(np.linalg.eigvals(x))


def eig_projectors(x):
    """What eig gives but for the phases."""
    w, v = np.linalg.eig(x)
    return *parts(w), *parts(np.einsum("...ik,...jk->...kij", v, np.conjugate(v)))


def eig_vectors(x):
    """Real eigenvectors, with a sign that does not jump."""
    w, v = np.linalg.eig(x)
    return w, v * np.sign(v[:1])


def svd_vectors(x):
    """Real singular vectors, whose signs do not jump."""
    return tuple(np.linalg.svd(x, full_matrices=False))


def svd_projectors(x):
    """What svd gives but for the phases: singular values, and products of their two vectors."""
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
    row(eigvals_of, A(3, 3), _prims=("eigvals",)),
    row(eigvals_of, TURN),
    row(eigvals_of, A(2, 2, 2)),
    row(eig_projectors, A(3, 3), _prims=("eig",)),
    row(eig_projectors, TURN),
    row(eig_projectors, A(2, 2, 2)),
    row(eig_vectors, np.diag([1.0, 2.0, 3.0]) + 0.1 * A(3, 3), _complex=False),
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


def spd(n):
    return A(n, n) @ A(n, n).T + np.eye(n)


@pytest.mark.parametrize("upper", [False, True])
def test_cholesky_cotangent_is_symmetric_and_right_for_symmetric_changes(upper):
    x, h = spd(3), 1e-6
    t = A(3, 3, seed=1) + A(3, 3, seed=1).T
    g = A(3, 3, seed=2)
    factor = np.linalg.cholesky
    (c,) = dd.vjp(lambda x: factor(x, upper=upper), x)[1](g)
    slope = (factor(x + h * t, upper=upper) - factor(x - h * t, upper=upper)) / (2 * h)
    assert np.array_equal(c, c.T)
    assert np.isclose(np.sum(c * t), np.sum(g * slope), rtol=1e-8)


def test_cholesky_of_an_indefinite_matrix_raises_numpys_error():
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        dd.grad(lambda x: np.sum(np.linalg.cholesky(x)))(-np.eye(2))


def test_log_determinant_by_cholesky_has_the_inverse_as_its_gradient():
    gradient = dd.grad(lambda x: 2 * np.sum(np.log(np.diag(np.linalg.cholesky(x)))))(spd(4))
    assert np.allclose(gradient, np.linalg.inv(spd(4)))


@pytest.mark.parametrize("function", [np.linalg.eigvalsh, lambda x: np.linalg.eigh(x)[0]])
def test_sum_of_equal_eigenvalues_is_differentiable(function):
    assert np.allclose(dd.grad(lambda x: np.sum(function(x)))(np.eye(3)), np.eye(3))
    jacobian = dd.jvp(function, (np.diag([2.0, 2.0, 3.0]),), (np.ones((3, 3)),))[1]
    assert np.isclose(np.sum(jacobian), 3)


def test_eigenvectors_of_equal_eigenvalues_have_no_finite_derivative():
    gradient = dd.grad(lambda x: np.sum(np.linalg.eigh(x)[1][:, 0]))(np.eye(2))
    assert not np.any(np.isfinite(gradient))


def test_matrix_function_at_equal_eigenvalues_is_not_silently_wrong():
    def square(x):
        w, v = np.linalg.eigh(x)
        return np.sum(A(2, 2) * ((v * w**2) @ v.T))

    assert not np.any(np.isfinite(dd.grad(square)(np.eye(2))))


def test_phase_dependent_eigenvector_loss_raises_in_reverse_mode():
    x = hermitian(A(3, 3, complex=True))
    with pytest.raises(
        UnsupportedInputError, match=r"phase of complex vectors of numpy\.linalg\.eigh"
    ):
        dd.grad(lambda x: np.real(np.linalg.eigh(x)[1][1, 1]))(x)
    invariant = dd.grad(lambda x: np.abs(np.linalg.eigh(x)[1][1, 1]))(x)
    assert np.all(np.isfinite(invariant))


def test_phase_dependent_singular_vector_loss_raises_in_reverse_mode():
    x = A(3, 2, complex=True)
    with pytest.raises(
        UnsupportedInputError, match=r"phase of complex vectors of numpy\.linalg\.svd"
    ):
        dd.grad(lambda x: np.real(np.linalg.svd(x, full_matrices=False)[0][0, 1]))(x)


def test_phase_dependent_loss_of_eig_raises_in_reverse_mode():
    with pytest.raises(
        UnsupportedInputError, match=r"phase of complex vectors of numpy\.linalg\.eig"
    ):
        dd.grad(lambda x: np.imag(np.linalg.eig(x)[1][1, 0]))(TURN)


def test_defective_matrix_has_no_derivative_of_eigenvalues():
    gradient = dd.grad(lambda x: np.real(np.linalg.eigvals(x)[0]))
    assert np.all(np.isnan(gradient(np.array([[0.0, 1.0], [0.0, 0.0]]))))


def test_tangent_of_complex_eigenvectors_has_no_part_along_the_phase():
    x, t = hermitian(A(3, 3, complex=True)), hermitian(A(3, 3, seed=1, complex=True))
    (_, v), (_, tv) = dd.jvp(lambda x: tuple(np.linalg.eigh(x)), (x,), (t,))
    assert np.allclose(np.sum(np.conjugate(v) * tv, axis=0), 0)


def test_sum_of_equal_singular_values_is_differentiable():
    gradient = dd.grad(lambda x: np.sum(np.linalg.svd(x, compute_uv=False)))(2 * np.eye(3))
    assert np.allclose(gradient, np.eye(3))


def test_singular_value_zero_has_derivative_zero():
    gradient = dd.grad(lambda x: np.sum(np.linalg.svdvals(x)))(np.zeros((2, 3)))
    assert np.all(gradient == 0)


def test_full_matrices_that_are_not_unique_raise():
    with pytest.raises(UnsupportedInputError, match="pass full_matrices=False"):
        dd.grad(lambda x: np.sum(np.linalg.svd(x)[1]))(A(3, 2))


def test_hermitian_svd_raises():
    with pytest.raises(UnsupportedInputError, match="hermitian=True"):
        dd.grad(lambda x: np.sum(np.linalg.svd(x, hermitian=True)[1]))(spd(2))


@pytest.mark.parametrize("mode", ["complete", "raw"])
def test_qr_modes_without_a_rule_raise(mode):
    with pytest.raises(UnsupportedInputError, match=r"use mode='reduced' or mode='r'"):
        dd.grad(lambda x: np.sum(np.linalg.qr(x, mode)[0]))(A(3, 2))


def test_qr_of_dependent_columns_has_no_finite_derivative():
    gradient = dd.grad(lambda x: np.sum(np.linalg.qr(x)[0]))(np.zeros((3, 2)))
    assert not np.any(np.isfinite(gradient))


def test_results_have_numpys_names():
    assert dd.jvp(np.linalg.eigh, (spd(2),), (spd(2),))[0].eigenvalues.shape == (2,)
    assert dd.jvp(np.linalg.svd, (spd(2),), (spd(2),))[1].Vh.shape == (2, 2)
    assert dd.jvp(np.linalg.qr, (spd(2),), (spd(2),))[1].R.shape == (2, 2)


@pytest.mark.parametrize("function", [np.linalg.eigh, np.linalg.eig, np.linalg.svd])
def test_second_derivatives_survive_where_first_ones_are_zero(function):
    def f(x):
        return sum(np.sum(part**2 * A(2, 2)) for part in function(x + x.T)[:2])

    x = np.diag([1.0, 2.0])
    hessians = [
        dd.jacobian(dd.jacobian(f, mode=inner), mode=outer)(x)
        for inner in ("forward", "reverse")
        for outer in ("forward", "reverse")
    ]
    for hessian in hessians:
        assert np.allclose(hessian, hessian.transpose(2, 3, 0, 1))
        assert np.allclose(hessian, hessians[0])
    t, h = A(2, 2, seed=1), 1e-3
    second = (f(x + h * t) - 2 * f(x) + f(x - h * t)) / h**2
    assert np.isclose(np.einsum("ij,ijkl,kl", t, hessians[0], t), second, rtol=1e-4)
