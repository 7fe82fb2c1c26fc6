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
    """What qr gives but for the basis of the additional vectors."""
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
