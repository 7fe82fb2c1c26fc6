"""Decompositions of matrices."""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from tests.rules.table import A, row, rule_tests


def cholesky_of(x, upper=False):
    """Positive definite for any x, Hermitian for any perturbation."""
    spd = x @ np.conjugate(np.matrix_transpose(x)) + np.eye(x.shape[-1], dtype=np.int8)
    return np.linalg.cholesky(spd, upper=upper)


def complete_projectors(x):
    """The results of qr without the basis of the additional vectors."""
    q, r = np.linalg.qr(x, "complete")
    n = x.shape[-1]
    further = q[..., n:]
    return q[..., :n], r, further @ np.conjugate(np.matrix_transpose(further))


ROWS = [
    row(cholesky_of, A(3, 3), _prims=("cholesky",)),
    row(cholesky_of, A(2, 2, 2), upper=True),
    row(np.linalg.qr, A(3, 3), _prims=("qr",)),
    row(np.linalg.qr, A(4, 2)),
    row(np.linalg.qr, A(2, 3)),
    row(np.linalg.qr, A(2, 3, 2), mode="r"),
    row(np.linalg.qr, A(2, 3), mode="complete"),
    *(row(np.linalg.qr, A(*shape), "raw") for shape in ((3, 2), (2, 3), (3, 3), (2, 3, 2))),
    row(complete_projectors, A(4, 2), _prims=("qr_complete",)),
    row(complete_projectors, A(2, 3, 1)),
    row(np.linalg.qr, A(3, 2), "complete", _complex=False),  # one vector more has a sign only
]

TestRules = rule_tests(ROWS)


def spd(n):
    return A(n, n) @ A(n, n).T + np.eye(n)


@pytest.mark.parametrize("upper", [False, True])
def test_cholesky_has_the_derivative_through_the_triangle_that_it_reads(upper):
    x, h = spd(3), 1e-6
    t = A(3, 3, seed=1)
    g = A(3, 3, seed=2)
    factor = np.linalg.cholesky
    (c,) = dd.vjp(lambda x: factor(x, upper=upper), x)[1](g)
    slope = (factor(x + h * t, upper=upper) - factor(x - h * t, upper=upper)) / (2 * h)
    assert np.array_equal(c, np.triu(c) if upper else np.tril(c))
    assert np.isclose(np.sum(c * t), np.sum(g * slope), rtol=1e-8)
    pushed = dd.jvp(lambda x: factor(x, upper=upper), (x,), (t,))[1]
    assert np.allclose(pushed, slope, rtol=1e-8)


def test_cholesky_of_an_indefinite_matrix_raises_numpys_error():
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        dd.grad(lambda x: np.sum(np.linalg.cholesky(x)))(-np.eye(2))


def test_log_determinant_by_cholesky_has_the_inverse_as_its_gradient():
    def log_det(x):
        return 2 * np.sum(np.log(np.diag(np.linalg.cholesky(x))))

    inverse = np.linalg.inv(spd(4))
    assert np.allclose(dd.grad(lambda x: log_det(dd.symmetrize(x)))(spd(4)), inverse)
    triangle = np.tril(2 * inverse) - np.diag(np.diag(inverse))
    assert np.allclose(dd.grad(log_det)(spd(4)), triangle)


def test_functions_of_one_triangle_see_no_other():
    def matrix(a):
        return np.tril(a * np.ones((2, 2)) + 2 * np.eye(2))

    # a / sqrt(2 + a) of [[2 + a, a], [a, 2 + a]], whose eigenvalues are 2 and 2 + 2 a.
    slope_of_factor = 1 / 2.5**0.5 - 0.25 / 2.5**1.5
    cases = [
        (lambda a: np.linalg.cholesky(matrix(a))[1, 0], slope_of_factor),
        (lambda a: np.linalg.cholesky(matrix(a).T, upper=True)[0, 1], slope_of_factor),
        (lambda a: np.linalg.eigvalsh(matrix(a))[0], 0.0),
        (lambda a: np.linalg.eigvalsh(matrix(a).T, "U")[1], 2.0),
        (lambda a: np.linalg.eigh(matrix(a))[0][1], 2.0),
        (lambda a: np.linalg.svd(matrix(a), compute_uv=False, hermitian=True)[0], 2.0),
        (lambda a: np.linalg.svd(matrix(a), hermitian=True)[1][1], 0.0),
        (lambda a: np.trace(np.linalg.pinv(matrix(a), hermitian=True)), -2.0 / 9),
    ]
    for f, slope in cases:
        assert np.isclose(dd.grad(f)(0.5), slope, rtol=1e-12, atol=1e-14)
        assert np.isclose(dd.derivative(f)(0.5), slope, rtol=1e-12, atol=1e-14)


def test_qr_of_dependent_columns_has_no_finite_derivative():
    gradient = dd.grad(lambda x: np.sum(np.linalg.qr(x)[0]))(np.zeros((3, 2)))
    assert not np.any(np.isfinite(gradient))


def test_results_have_numpys_names():
    assert dd.jvp(np.linalg.eigh, (spd(2),), (spd(2),))[0].eigenvalues.shape == (2,)
    assert dd.jvp(np.linalg.svd, (spd(2),), (spd(2),))[1].Vh.shape == (2, 2)
    assert dd.jvp(np.linalg.qr, (spd(2),), (spd(2),))[1].R.shape == (2, 2)


def test_reflectors_of_a_column_that_is_a_multiple_of_an_axis_jump():
    x = np.array([[2.0, 1.0], [0.0, 3.0], [0.0, 4.0]])
    h, tau = np.linalg.qr(x, "raw")
    value, tangent = dd.jvp(lambda x: np.linalg.qr(x, "raw"), (x,), (np.ones_like(x),))
    np.testing.assert_array_equal(value[0], h)
    np.testing.assert_array_equal(value[1], tau)
    assert np.all(np.isnan(tangent[1]))


def test_qr_with_an_unknown_mode_raises_numpys_error():
    with pytest.raises(ValueError, match="Unrecognized mode"):
        dd.grad(lambda x: np.sum(np.linalg.qr(x, "other")[0]))(A(3, 2))


def test_qr_result_that_depends_on_the_basis_of_additional_vectors_raises_in_reverse_mode():
    with pytest.raises(UnsupportedInputError, match="basis of the additional vectors"):
        dd.grad(lambda x: np.linalg.qr(x, "complete")[0][0, -1])(A(4, 2))


def test_tangent_of_additional_vectors_of_qr_has_no_part_along_their_basis():
    (q, _), (tq, tr) = dd.jvp(
        lambda x: tuple(np.linalg.qr(x, "complete")), (A(5, 2),), (A(5, 2, seed=1),)
    )
    assert np.allclose(q[:, 2:].T @ tq[:, 2:], 0)
    assert np.allclose(q.T @ tq + tq.T @ q, 0)
    assert np.all(tr[2:] == 0)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (0, 2, 2), (2, 0, 3)])
@pytest.mark.parametrize("mode", ["reduced", "complete", "r"])
def test_qr_of_empty_matrices_has_empty_derivatives(shape, mode):
    def f(x):
        parts = np.linalg.qr(x, mode)
        return np.sum(parts if mode == "r" else parts[1])

    assert dd.grad(f)(np.zeros(shape)).shape == shape
    assert dd.jvp(f, (np.zeros(shape),), (np.zeros(shape),))[1] == 0


def test_cholesky_of_empty_matrices_has_empty_derivatives():
    for shape in ((0, 0), (0, 2, 2)):
        assert dd.grad(lambda x: np.sum(np.linalg.cholesky(x)))(np.zeros(shape)).shape == shape


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128, np.complex64])
def test_cholesky_of_a_large_matrix_has_the_derivative_of_its_product(upper, dtype):
    rng = np.random.default_rng(0)
    x, t, g = (rng.normal(size=(2, 70, 70)) for _ in range(3))
    x, t, g = ((m[0] + 1j * m[1] if dtype != np.float64 else m[0]).astype(dtype) for m in (x, t, g))
    x = x @ np.conjugate(x.T) + 70 * np.eye(70, dtype=dtype)
    t = t + np.conjugate(t.T)
    factor, tangent = dd.jvp(lambda x: np.linalg.cholesky(x, upper=upper), (x,), (t,))
    lower, tlower = (np.conjugate(m.T) if upper else m for m in (factor, tangent))
    product = tlower @ np.conjugate(lower.T) + lower @ np.conjugate(tlower.T)
    tolerance = 1e-4 if dtype == np.complex64 else 1e-12
    assert np.allclose(product, t, atol=tolerance)
    assert np.all(np.triu(tlower, 1) == 0)
    (c,) = dd.vjp(lambda x: np.linalg.cholesky(x, upper=upper), x)[1](g)
    assert c.dtype == dtype
    assert np.isclose(np.sum(c * t).real, np.sum(g * tangent).real, rtol=tolerance)


def test_qr_of_columns_that_are_dependent_but_for_rounding_has_no_derivative():
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=3)
        for mode in ("forward", "reverse"):
            jacobian = dd.jacobian(lambda x: np.linalg.qr(np.outer(x, x))[0], mode=mode)(x)
            assert np.all(np.isnan(jacobian[:, 1:]))
