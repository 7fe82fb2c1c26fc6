"""Linear algebra."""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.core.errors import UnsupportedInputError
from tests.rules.table import A, row, rule_tests


def least_squares(a, b, **options):
    """What lstsq gives but for the rank, which is an integer."""
    x, residuals, _, s = np.linalg.lstsq(a, b, **options)
    return x, residuals, s


def smallest_solution(x, y, b):
    """Of equations of rank one; the singular value 0 has no derivative."""
    return np.linalg.lstsq(np.outer(x, y), b, rcond=1e-5)[0]


def pinv_of_rank_one(x, y):
    return np.linalg.pinv(np.outer(x, y), rcond=1e-5)


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
    row(np.linalg.matrix_power, A(2, 2), 3),
    row(np.linalg.matrix_power, A(2, 2), 6),
    row(np.linalg.matrix_power, A(2, 2, 2), -2),
    row(np.linalg.matrix_power, A(2, 2), 1),
    row(np.linalg.trace, A(2, 3, 3), offset=1),
    row(np.linalg.pinv, A(3, 3), _prims=("pinv",)),
    row(np.linalg.pinv, A(3, 2)),
    row(np.linalg.pinv, A(2, 2, 3)),
    row(pinv_of_rank_one, A(3), A(2)),
    row(np.linalg.cond, A(3, 3)),
    row(np.linalg.cond, A(2, 3, 2), p=-2),
    row(np.linalg.cond, A(3, 3), p="fro"),
    row(np.linalg.cond, A(3, 3), p=1),
    row(least_squares, A(4, 2), A(4), _prims=("lstsq",)),
    row(least_squares, A(4, 2), A(4, 2, seed=1)),
    row(least_squares, A(2, 3), A(2)),
    row(least_squares, A(3, 3), A(3, 1)),
    row(smallest_solution, A(3), A(2), A(3, seed=1)),
    row(np.linalg.tensorinv, A(4, 2, 2)[..., :, :] + A(4, 2, 2, seed=1), ind=1),
    row(np.linalg.tensorsolve, A(2, 2, 4) + A(2, 2, 4, seed=2), A(2, 2)),
    row(np.linalg.tensorsolve, A(2, 4, 2) + A(2, 4, 2, seed=2), A(2, 2), axes=(1,)),
]

TestRules = rule_tests(ROWS)


SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])


def adjugate_transposed(x):
    """Cofactors by their definition, from minors."""
    n = len(x)
    minor = [[np.delete(np.delete(x, i, 0), j, 1) for j in range(n)] for i in range(n)]
    return np.array(
        [[(-1) ** (i + j) * np.linalg.det(minor[i][j]) for j in range(n)] for i in range(n)]
    )


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_det_gradient_at_a_singular_matrix_is_the_cofactors(rank):
    x = {0: np.zeros((3, 3)), 1: np.outer([1.0, 2, 3], [1.0, 1, 2]), 2: SINGULAR}[rank]
    assert np.linalg.det(x) == 0
    exact = adjugate_transposed(x)
    assert np.allclose(dd.grad(np.linalg.det)(x), exact, atol=1e-13)
    t = A(3, 3)
    assert np.isclose(dd.jvp(np.linalg.det, (x,), (t,))[1], np.sum(exact * t))


def test_det_gradient_at_a_singular_complex_matrix_is_the_cofactors():
    x = SINGULAR * np.array([[1, 1j, 2 - 1j]])
    assert np.allclose(dd.grad(np.linalg.det)(x), adjugate_transposed(x))


def test_det_of_a_stack_with_one_singular_matrix_is_right_for_all():
    x = np.stack([SINGULAR, A(3, 3)])
    exact = np.stack([adjugate_transposed(m) for m in x])
    assert np.allclose(dd.grad(lambda x: np.sum(np.linalg.det(x)))(x), exact)


def test_second_derivative_of_det_at_a_singular_matrix_raises():
    with pytest.raises(UnsupportedInputError, match="second derivative rule at a singular matrix"):
        dd.hessian(np.linalg.det)(SINGULAR)


def test_slogdet_derivative_is_nan_at_singular_matrices_alone():
    x = np.stack([SINGULAR, A(3, 3)])
    gradient = dd.grad(lambda x: np.sum(np.linalg.slogdet(x).logabsdet))(x)
    assert np.all(np.isnan(gradient[0]))
    assert np.allclose(gradient[1], np.linalg.inv(A(3, 3)).T)


def test_slogdet_result_has_numpys_names():
    _, (sign, logabsdet) = dd.jvp(np.linalg.slogdet, (A(3, 3),), (A(3, 3, seed=1),))
    assert sign == 0
    assert np.isclose(logabsdet, np.trace(np.linalg.inv(A(3, 3)) @ A(3, 3, seed=1)))


def test_solve_takes_a_stack_of_vectors_for_matrices_as_numpy_does():
    a, b = A(2, 2, 2), A(2, 2)
    value, _ = dd.vjp(np.linalg.solve, a, b)
    assert np.array_equal(value, np.linalg.solve(a, b))


def test_solve_of_a_singular_matrix_raises_numpys_error():
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        dd.grad(lambda x: np.sum(np.linalg.solve(x, np.ones(3))))(SINGULAR)


def test_matrix_power_zero_is_constant():
    assert np.all(dd.grad(lambda x: np.sum(np.linalg.matrix_power(x, 0)))(A(2, 2)) == 0)


def test_matrix_power_copies_for_the_exponent_one():
    def f(x):
        y = np.linalg.matrix_power(x, 1)
        y[0, 0] = 0.0
        return np.sum(x)

    assert np.all(dd.grad(f)(A(2, 2)) == 1)


def test_tensorsolve_raises_numpys_error_for_a_wrong_shape():
    with pytest.raises(np.linalg.LinAlgError, match="prod"):
        dd.grad(lambda x: np.sum(np.linalg.tensorsolve(x, np.ones(3))))(A(3, 2))


def test_empty_matrices_have_empty_derivatives():
    assert dd.grad(np.linalg.det)(np.zeros((0, 0))).shape == (0, 0)
    assert dd.grad(lambda x: np.sum(np.linalg.inv(x)))(np.zeros((0, 2, 2))).shape == (0, 2, 2)
    assert dd.grad(lambda b: np.sum(np.linalg.solve(A(2, 2), b)))(np.zeros((2, 0))).shape == (2, 0)


def test_derivatives_raise_no_floating_point_error_of_their_own():
    with np.errstate(all="raise"):
        assert np.all(np.isfinite(dd.grad(np.linalg.det)(np.zeros((2, 2)))))
        assert np.all(np.isnan(dd.grad(lambda x: np.linalg.slogdet(x)[1])(np.zeros((2, 2)))))


def test_namespace_of_dualdiff_has_all_of_numpys():
    assert dd.numpy.linalg.LinAlgError is np.linalg.LinAlgError
    assert dd.numpy.linalg.norm([3.0, 4.0]) == 5
    gradient = dd.grad(lambda x: dd.numpy.linalg.det([[x[0], 1.0], [2.0, x[1]]]))(
        np.array([3.0, 5.0])
    )
    assert np.allclose(gradient, [5, 3])
