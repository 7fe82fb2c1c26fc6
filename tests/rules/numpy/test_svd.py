"""Singular values and singular vectors."""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from tests.rules.table import A, row, rule_tests


def svd_vectors(x):
    """Real singular vectors, whose signs do not jump."""
    return tuple(np.linalg.svd(x, full_matrices=False))


def svd_projectors(x):
    """The results of svd without the phases: singular values, and products of their vectors."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    pairs = np.einsum("...ik,...kj->...kij", u, vh)
    return s, pairs, np.einsum("...ik,...jk->...kij", u, np.conjugate(u))


def additional_projectors(x):
    """The results of the full matrices without phases and bases."""
    u, s, vh = np.linalg.svd(x)
    left, right = u[..., s.shape[-1] :], vh[..., s.shape[-1] :, :]
    v = np.conjugate(np.matrix_transpose(right))
    return s, left @ np.conjugate(np.matrix_transpose(left)), v @ right


def all_vectors(x):
    """Of a real matrix with one row or column more, whose signs do not jump."""
    return tuple(np.linalg.svd(x))


def hermitian_svd(x, compute_uv):
    x = x + np.conjugate(np.matrix_transpose(x))
    if not compute_uv:
        return np.linalg.svd(x, compute_uv=False, hermitian=True)
    u, s, vh = np.linalg.svd(x, hermitian=True)
    return s, np.einsum("...ik,...kj->...kij", u, vh)


INDEFINITE = A(3, 3) - np.diag([1.0, 6.0, 2.0])

ROWS = [
    row(np.linalg.svd, A(3, 2), compute_uv=False, _prims=("svdvals",)),
    row(np.linalg.svd, A(2, 2, 3), compute_uv=False),
    row(np.linalg.svdvals, A(3, 3)),
    row(svd_projectors, A(3, 3), _prims=("svd",)),
    row(svd_projectors, A(4, 2)),
    row(svd_projectors, A(2, 2, 3)),
    row(svd_vectors, A(3, 3), _complex=False),
    row(svd_vectors, A(2, 3), _complex=False),
    row(additional_projectors, A(4, 2)),
    row(additional_projectors, A(2, 2, 4)),
    row(all_vectors, A(3, 2), _complex=False),
    row(all_vectors, A(2, 3), _complex=False),
    row(hermitian_svd, INDEFINITE, True, _prims=("eigh",)),
    row(hermitian_svd, INDEFINITE, False, _prims=("eigvalsh",)),
]

TestRules = rule_tests(ROWS)


def test_phase_dependent_singular_vector_loss_raises_in_reverse_mode():
    x = A(3, 2, complex=True)
    with pytest.raises(
        UnsupportedInputError, match=r"phase of complex vectors of numpy\.linalg\.svd"
    ):
        dd.grad(lambda x: np.real(np.linalg.svd(x, full_matrices=False)[0][0, 1]))(x)


@pytest.mark.parametrize(("x", "vectors"), [(A(4, 2), 0), (A(2, 4), 2), (A(3, 2, complex=True), 0)])
def test_result_that_depends_on_the_basis_of_additional_vectors_raises_in_reverse_mode(x, vectors):
    with pytest.raises(UnsupportedInputError, match="basis of the additional vectors"):
        dd.grad(lambda x: np.real(np.linalg.svd(x)[vectors][-1, -1]))(x)


def test_tangents_of_additional_vectors_have_no_part_along_their_basis():
    (u, _, _), (tu, _, _) = dd.jvp(
        lambda x: tuple(np.linalg.svd(x)), (A(5, 2),), (A(5, 2, seed=1),)
    )
    assert np.allclose(u[:, 2:].T @ tu[:, 2:], 0)
    assert np.allclose(u.T @ tu + tu.T @ u, 0)


def test_sum_of_equal_singular_values_is_differentiable():
    gradient = dd.grad(lambda x: np.sum(np.linalg.svd(x, compute_uv=False)))(2 * np.eye(3))
    assert np.allclose(gradient, np.eye(3))
    gradient = dd.grad(lambda x: np.sum(np.linalg.svd(x)[1]))(2 * np.eye(3))
    assert np.allclose(gradient, np.eye(3))


def test_singular_value_zero_has_derivative_zero():
    gradient = dd.grad(lambda x: np.sum(np.linalg.svdvals(x)))(np.zeros((2, 3)))
    assert np.all(gradient == 0)


def polar(x):
    """The unitary factor, which does not depend on the basis of equal singular values."""
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    return u @ vh


@pytest.mark.parametrize("complex", [False, True])
@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 4)])
def test_polar_factor_at_equal_singular_values_has_its_derivative(shape, complex):
    u, _, vh = np.linalg.svd(A(*shape, complex=complex), full_matrices=False)
    x, weight, t = 2 * u @ vh, A(*shape, seed=4), A(*shape, seed=5, complex=complex)
    h = 1e-5
    slope = (polar(x + h * t) - polar(x - h * t)) / (2 * h)
    gradient = dd.grad(lambda x: np.sum(weight * np.real(polar(x))))(x)
    assert np.isclose(np.real(np.sum(gradient * t)), np.sum(weight * np.real(slope)), rtol=1e-8)


def test_range_of_a_matrix_of_rank_one_has_the_derivative_at_constant_rank():
    x, y = A(4), A(3)
    weight = A(4, 4, seed=2)

    def f(x):
        u = np.linalg.svd(np.outer(x, y))[0][:, :1]
        return np.sum(weight * (u @ u.T))

    exact = dd.grad(lambda x: x @ weight @ x / (x @ x))(x)
    assert np.allclose(dd.grad(f)(x), exact)


def test_product_of_vectors_and_values_of_a_singular_matrix():
    def f(x):
        u, s, vh = np.linalg.svd(x, full_matrices=False)
        return ((u * s) @ vh)[2, 1]  # is x[2, 1]

    assert np.isclose(dd.grad(f)(A(3, 2))[2, 1], 1)
    expected = np.zeros((3, 2))
    expected[2, 1] = 1
    assert np.allclose(dd.grad(f)(np.outer(A(3), A(2))), expected)


def test_wide_hermitian_values_share_ties():
    x = np.diag([2.0, -2.0, 1.0])
    gradient = dd.grad(lambda x: np.linalg.svd(x, compute_uv=False, hermitian=True)[0])(x)
    assert np.allclose(gradient, np.diag([0.5, -0.5, 0]))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (0, 2, 2), (2, 0, 3)])
@pytest.mark.parametrize("part", [0, 1, 2])
def test_empty_matrices_have_empty_derivatives(shape, part):
    def f(x):
        return np.sum(np.linalg.svd(x, full_matrices=False)[part])

    assert dd.grad(f)(np.zeros(shape)).shape == shape
    assert dd.jvp(f, (np.zeros(shape),), (np.zeros(shape),))[1] == 0
