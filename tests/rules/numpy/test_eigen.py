"""Eigenvalues and eigenvectors."""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from dualdiff.rules.numpy.linalg import eigen
from tests.rules.table import A, row, rule_tests

TURN = np.array([[0.0, -2.0, 0.3], [1.5, 0.0, 0.1], [0.2, 0.4, 3.0]])


def hermitian(x):
    return x + np.conjugate(np.matrix_transpose(x))


def eigh_projectors(x, uplo="L"):
    """The results of eigh without the phases: eigenvalues and the projections on each vector."""
    w, v = np.linalg.eigh(hermitian(x), uplo)
    return w, np.einsum("...ik,...jk->...kij", v, np.conjugate(v))


def eigh_vectors(x):
    """Real eigenvectors, whose signs do not jump."""
    return tuple(np.linalg.eigh(hermitian(x)))


def eigvalsh_of(x, uplo="L"):
    return np.linalg.eigvalsh(hermitian(x), uplo)


def parts(z):
    return np.real(z), np.imag(z)


def eigvals_of(x):
    return parts(np.linalg.eigvals(x))


def eig_projectors(x):
    """The results of eig without the phases."""
    w, v = np.linalg.eig(x)
    return *parts(w), *parts(np.einsum("...ik,...jk->...kij", v, np.conjugate(v)))


def eig_vectors(x):
    """Real eigenvectors, with a sign that does not jump."""
    w, v = np.linalg.eig(x)
    return w, v * np.sign(v[:1])


ROWS = [
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
]

TestRules = rule_tests(ROWS)


@pytest.mark.parametrize("function", [np.linalg.eigvalsh, lambda x: np.linalg.eigh(x)[0]])
def test_sum_of_equal_eigenvalues_is_differentiable(function):
    assert np.allclose(dd.grad(lambda x: np.sum(function(x)))(np.eye(3)), np.eye(3))
    jacobian = dd.jvp(function, (np.diag([2.0, 2.0, 3.0]),), (np.ones((3, 3)),))[1]
    assert np.isclose(np.sum(jacobian), 3)


def test_eigenvectors_of_equal_eigenvalues_have_no_finite_derivative():
    gradient = dd.grad(lambda x: np.sum(np.linalg.eigh(x)[1][:, 0]))(np.eye(2))
    assert not np.any(np.isfinite(gradient[np.tri(2, dtype=bool)]))


def test_phase_dependent_eigenvector_loss_raises_in_reverse_mode():
    x = hermitian(A(3, 3, complex=True))
    with pytest.raises(
        UnsupportedInputError, match=r"phase of complex vectors of numpy\.linalg\.eigh"
    ):
        dd.grad(lambda x: np.real(np.linalg.eigh(x)[1][1, 1]))(x)
    invariant = dd.grad(lambda x: np.abs(np.linalg.eigh(x)[1][1, 1]))(x)
    assert np.all(np.isfinite(invariant))


def test_phase_dependent_loss_of_eig_raises_in_reverse_mode():
    with pytest.raises(
        UnsupportedInputError, match=r"phase of complex vectors of numpy\.linalg\.eig"
    ):
        dd.grad(lambda x: np.imag(np.linalg.eig(x)[1][1, 0]))(TURN)


def test_defective_matrix_has_no_derivative_of_eigenvalues():
    gradient = dd.grad(lambda x: np.real(np.linalg.eigvals(x)[0]))
    assert np.all(np.isnan(gradient(np.array([[0.0, 1.0], [0.0, 0.0]]))))


def test_a_nearly_defective_matrix_has_no_derivative_in_which_few_digits_are_left():
    cubes = dd.grad(lambda x: np.real(np.sum(np.linalg.eigvals(x) ** 3)))
    assert np.all(np.isnan(cubes(np.array([[1.0, 0.01], [0.0, 1.0]]))))


def test_eigenvectors_follow_eigenvalues_that_were_found_in_another_order():
    x, order = A(2, 4, 4), [2, 0, 3, 1]
    w, v = np.linalg.eig(x)
    np.testing.assert_allclose(eigen._vectors_of(x, w[..., order]), v[..., order])


def test_tangent_of_complex_eigenvectors_has_no_part_along_the_phase():
    x, t = hermitian(A(3, 3, complex=True)), hermitian(A(3, 3, seed=1, complex=True))
    (_, v), (_, tv) = dd.jvp(lambda x: tuple(np.linalg.eigh(x)), (x,), (t,))
    assert np.allclose(np.sum(np.conjugate(v) * tv, axis=0), 0)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_phase_is_refused_whatever_the_scale_of_the_result(scale):
    x = hermitian(A(3, 3, complex=True))
    with pytest.raises(UnsupportedInputError, match="phase"):
        dd.grad(lambda x: scale * np.real(np.linalg.eigh(x)[1][1, 1]))(x)


def repeated(complex=False):
    """A Hermitian matrix with eigenvalues 2, 2, 5, up to rounding, and the vectors of 2."""
    q, _ = np.linalg.qr(A(3, 3, complex=complex))
    return (q * [2.0, 2.0, 5.0]) @ np.conjugate(q.T), q


@pytest.mark.parametrize("complex", [False, True])
@pytest.mark.parametrize("function", [np.linalg.eigh, lambda x: np.linalg.svd(x, hermitian=True)])
def test_projector_on_all_vectors_of_a_repeated_eigenvalue_has_its_derivative(function, complex):
    x, q = repeated(complex)
    weight, t = A(3, 3, seed=3), hermitian(A(3, 3, seed=1, complex=complex))
    descending = function is not np.linalg.eigh

    def f(x):
        v = function(x)[0 if descending else 1]
        v = v[:, 1:] if descending else v[:, :2]
        return np.real(np.sum(weight * (v @ np.conjugate(v.T))))

    # P' = sum over pairs of |i><i| t |j><j| / (w_i - w_j), and its adjoint (perturbation theory)
    p, rest = q[:, :2], q[:, 2:]
    coupling = p @ (np.conjugate(p.T) @ t @ rest) @ np.conjugate(rest.T) / (2 - 5)
    exact = np.real(np.sum(weight * (coupling + np.conjugate(coupling.T))))
    assert np.isclose(np.real(np.sum(dd.grad(f)(x) * t)), exact, rtol=1e-12)


def test_vectors_equal_up_to_rounding_have_no_finite_derivative():
    x, _ = repeated()
    gradient = dd.grad(lambda x: np.linalg.eigh(x)[1][0, 0])(x)
    assert not np.any(np.isfinite(gradient[np.tri(3, dtype=bool)]))


def test_only_the_repeated_matrix_of_a_stack_has_no_derivative():
    x = np.stack([np.eye(3), hermitian(A(3, 3))])
    gradient = dd.grad(lambda x: np.sum(np.linalg.eigh(x)[1][..., 0]))(x)
    assert np.all(np.isnan(gradient[0][np.tri(3, dtype=bool)]))
    assert np.all(np.isfinite(gradient[1]))


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


@pytest.mark.parametrize("function", [np.linalg.eigvalsh, lambda x: np.linalg.eigh(x)[1]])
def test_empty_matrices_have_empty_derivatives(function):
    for shape in ((0, 0), (0, 2, 2), (2, 0, 0)):
        assert dd.grad(lambda x: np.sum(function(x)))(np.zeros(shape)).shape == shape


def test_second_derivative_of_the_eigenvalue_of_one_complex_number():
    x, t = np.array([[1.3 + 0.4j]]), np.array([[0.6 - 1.1j]])
    gradient = dd.grad(lambda x: np.real(np.linalg.eigvals(x)[0] ** 3))
    assert np.allclose(dd.jvp(gradient, (x,), (t,))[1], 6 * x * t)
    along = dd.grad(lambda x: np.real(np.sum(gradient(x) * t)))
    assert np.allclose(along(x), 6 * x * t)


def test_projector_on_vectors_of_a_repeated_eigenvalue_of_a_nonnormal_matrix():
    s, t, weight = A(4, 4), A(4, 4, seed=1), A(4, 4, seed=2)
    x = s @ np.diag([2.0, 2.0, 3.0, 5.0]) @ np.linalg.inv(s)

    def f(x):
        w, v = np.linalg.eig(x)
        chosen = np.flatnonzero(np.abs(dd.value_of(w) - 2) < 0.1)
        return np.real(np.sum(weight * (v[:, chosen] @ np.linalg.inv(v)[chosen])))

    # Kato, Perturbation Theory for Linear Operators, II.2.14
    inverse, within = np.linalg.inv(s), np.diag([1.0, 1.0, 0.0, 0.0])
    reduced = s @ np.diag([0, 0, 1 / (3 - 2), 1 / (5 - 2)]) @ inverse
    p = s @ within @ inverse
    exact = np.sum(weight * (-p @ t @ reduced - reduced @ t @ p))
    assert np.isclose(np.sum(dd.grad(f)(x) * t), exact, rtol=1e-9)


def test_defective_matrix_has_no_derivative_of_its_vectors():
    x = np.array([[0.0, 1.0], [0.0, 0.0]])
    with np.errstate(all="raise"):
        assert np.all(np.isnan(dd.grad(lambda x: np.linalg.eig(x)[1][0, 0])(x)))


def of_lower_triangle(x):
    """Half of the gradient of the sum of squares of the matrix that a lower triangle stands for."""
    return np.tril(x) + np.tril(x, -1)


@pytest.mark.parametrize("inner", ["forward", "reverse"])
@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize(
    ("values", "exact"),
    [
        (np.linalg.eigvalsh, of_lower_triangle),
        (lambda x: np.linalg.eigh(x)[0], of_lower_triangle),
        (np.linalg.eigvals, np.transpose),
        (np.linalg.svdvals, np.asarray),
    ],
)
def test_second_derivative_at_equal_values(values, exact, inner, outer):
    """The gradient of the sum of squares is linear: of the lower triangle, the transpose, x."""
    first = dd.jacobian(lambda x: np.sum(np.real(values(x)) ** 2), mode=inner)
    second = dd.jacobian(first, mode=outer)(np.eye(2))
    for i, j in np.ndindex(2, 2):
        unit = np.zeros((2, 2))
        unit[i, j] = 1.0
        np.testing.assert_allclose(second[..., i, j], 2 * exact(unit), atol=1e-13)


@pytest.mark.parametrize("ulps", [1, 2, 8, 16])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exact_eigenvalues_a_few_ulps_apart_are_told_apart(dtype, ulps):
    start = dtype(2) ** (24 if dtype == np.float32 else 53)
    x = np.diag(start + np.array([0, 1, 2], dtype) * 2 * ulps)

    def ratio(x):
        v = np.linalg.eigh(x)[1]
        return v[0, 2] / v[2, 2]

    t = np.zeros((3, 3), dtype)
    t[2, 0] = 1
    # First-order perturbation: 1 over the difference of the first and the third value.
    assert dd.grad(ratio)(x)[2, 0] == pytest.approx(1 / (4 * ulps), rel=1e-6)
    assert dd.jvp(ratio, (x,), (t,))[1] == pytest.approx(1 / (4 * ulps), rel=1e-6)
