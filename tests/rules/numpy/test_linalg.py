"""Linear algebra."""

import tracemalloc

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from tests.rules.table import A, row, rule_tests


def least_squares(a, b, **options):
    """The results of lstsq without the rank, which is an integer."""
    x, residuals, _, s = np.linalg.lstsq(a, b, **options)
    return x, residuals, s


def smallest_solution(x, y, b):
    """Of equations of rank one; the singular value 0 has no derivative."""
    return np.linalg.lstsq(np.outer(x, y), b, rcond=1e-5)[0]


def pinv_of_rank_one(x, y):
    return np.linalg.pinv(np.outer(x, y), rcond=1e-5)


def det_at_rank_three(x, y):
    """The derivative of det in a direction, where det is 0."""
    matrix = np.stack([x, y, np.arange(1.0, 5.0), np.zeros(4)])
    return dd.jvp(np.linalg.det, (matrix,), (A(4, 4, seed=2),))[1]


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
    row(np.linalg.det, A(2, 4, 4)),
    row(np.linalg.det, A(1, 1)),
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
    row(np.linalg.pinv, A(2, 3, 2), rcond=np.array([1e-3, 1e-5])),
    row(np.linalg.pinv, A(3, 2), rtol=1e-5),
    row(det_at_rank_three, A(4), A(4, seed=1), _prims=("cofactors",), _order=1),  # third of det
    row(np.linalg.cond, A(3, 3)),
    row(np.linalg.cond, A(2, 3, 2), p=-2),
    row(np.linalg.cond, A(3, 3), p="fro"),
    *(row(np.linalg.cond, A(3, 3), p=p) for p in (2, 1, -1, np.inf, -np.inf, "nuc")),
    row(least_squares, A(4, 2), A(4), _prims=("pinv",)),
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


def singular(n):
    x = A(n, n)
    x[-1] = 0.0
    return x


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


@pytest.mark.parametrize("n", [3, 4])
def test_det_gradient_at_a_singular_complex_matrix_is_the_cofactors(n):
    x = singular(n) * np.array([1, 1j, 2 - 1j, 1 + 1j])[:n]
    assert np.allclose(dd.grad(np.linalg.det)(x), adjugate_transposed(x))


@pytest.mark.parametrize("dtype", [float, complex])
def test_det_gradient_at_a_large_matrix_is_the_cofactors(dtype):
    x = (A(70, 70, low=-1.0) + (1j * A(70, 70, seed=1, low=-1.0) if dtype is complex else 0)) / 8
    value, pullback = dd.vjp(np.linalg.det, x)
    expected = value * np.linalg.inv(x).T
    (found,) = pullback(np.ones_like(value))
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize("n", [3, 4])
def test_det_of_a_stack_with_one_singular_matrix_is_right_for_all(n):
    x = np.stack([singular(n), A(n, n)])
    exact = np.stack([adjugate_transposed(m) for m in x])
    assert np.allclose(dd.grad(lambda x: np.sum(np.linalg.det(x)))(x), exact)


def second_minors(x):
    """The Hessian of det by its definition: signed minors without two rows and two columns."""
    n = len(x)
    out = np.zeros((n,) * 4, x.dtype)
    for i, j, k, m in np.ndindex(out.shape):
        if i != k and j != m:
            rest = np.delete(np.delete(x, [i, k], 0), [j, m], 1)
            sign = (-1) ** (i + j + k + m + (k > i) + (m > j))
            out[i, j, k, m] = sign * np.linalg.det(rest)
    return out


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_second_derivative_of_det_is_right_at_any_rank(rank):
    x = [np.zeros((4, 4)), np.outer([1.0, 2, 3, 4], [1.0, 1, 2, 0]), np.diag([1.0, 2, 0, 0])][
        : rank + 1
    ][-1] + (rank == 3) * np.diag([0, 0, 3.0, 0])
    assert np.linalg.det(x) == 0
    for inner in ("forward", "reverse"):
        for outer in ("forward", "reverse"):
            hessian = dd.jacobian(dd.jacobian(np.linalg.det, mode=inner), mode=outer)(x)
            assert np.allclose(hessian, second_minors(x), atol=1e-12)


@pytest.mark.parametrize("size", [0.0, 1e-17, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_derivatives_of_det_are_right_near_singular_matrices(n, size):
    x = A(n, n)
    x[-1] = size * A(n) + (x[: n - 1].T @ np.arange(1.0, n) if n > 1 else 0.0)
    assert np.allclose(dd.grad(np.linalg.det)(x), adjugate_transposed(x), rtol=0, atol=1e-11)
    for inner in ("forward", "reverse"):
        for outer in ("forward", "reverse"):
            hessian = dd.jacobian(dd.jacobian(np.linalg.det, mode=inner), mode=outer)(x)
            assert np.allclose(hessian, second_minors(x), rtol=0, atol=1e-9)


def test_third_derivative_of_det_at_a_singular_matrix_raises_beyond_three_rows():
    with pytest.raises(UnsupportedInputError, match="third derivative rule at a singular matrix"):
        dd.jacobian(dd.hessian(np.linalg.det))(singular(4))
    third = dd.jacobian(dd.hessian(np.linalg.det))(SINGULAR)
    assert [third[0, 0, 1, 1, 2, 2], third[0, 1, 1, 0, 2, 2], third[0, 0, 0, 1, 2, 2]] == [1, -1, 0]


@pytest.mark.parametrize("p", [None, "fro", 1])
def test_cond_of_a_singular_matrix_is_infinite_with_nan_for_its_derivative(p):
    x = np.stack([np.diag([1.0, 2.0, 0.0]), A(3, 3)])
    value, gradient = dd.value_and_grad(lambda x: np.sum(1 / np.linalg.cond(x, p)))(x)
    assert value == np.sum(1 / np.linalg.cond(x, p))
    assert np.any(np.isnan(gradient[0]))
    single = dd.grad(lambda x: 1 / np.linalg.cond(x, p))(A(3, 3))
    assert np.allclose(gradient[1], single, rtol=1e-13)


@pytest.mark.parametrize("complex", [False, True])
def test_hermitian_pinv_has_the_derivative_through_the_lower_triangle(complex):
    x, t = (A(3, 3, seed=s, complex=complex) for s in (0, 1))
    x, t = x + np.conjugate(x.T), t + np.conjugate(t.T)
    weight, h = A(3, 3, seed=2), 1e-6

    def f(x):
        return np.sum(weight * np.real(np.linalg.pinv(x, hermitian=True)))

    slope = (f(x + h * t) - f(x - h * t)) / (2 * h)
    for given in (x, np.tril(x)):  # the upper triangle is not read
        gradient = dd.grad(f)(given)
        assert np.all(np.triu(gradient, 1) == 0)
        assert np.isclose(np.real(np.sum(gradient * t)), slope, rtol=1e-7)
        assert np.isclose(dd.jvp(f, (given,), (t,))[1], slope, rtol=1e-7)


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


def test_matrix_power_is_the_array_itself_for_the_exponent_one_as_in_numpy():
    def f(x):
        y = np.linalg.matrix_power(x, 1)
        y[0, 0] = 0.0
        return np.sum(x)

    value, grad = dd.value_and_grad(f)(A(2, 2))
    assert value == f(A(2, 2).copy())
    np.testing.assert_array_equal(grad, [[0.0, 1.0], [1.0, 1.0]])


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


@pytest.mark.parametrize("function", [np.linalg.inv, np.linalg.det, np.linalg.solve])
def test_operands_may_be_passed_by_keyword(function):
    other = {"b": A(3)} if function is np.linalg.solve else {}
    expected = dd.grad(lambda x: np.sum(function(x, *other.values())))(A(3, 3))
    found = dd.grad(lambda x: np.sum(function(a=x, **other)))(A(3, 3))
    assert np.array_equal(found, expected)


def test_matrix_rank_is_numpys_and_constant():
    value, gradient = dd.value_and_grad(lambda x: np.sum(x) * np.linalg.matrix_rank(x))(SINGULAR)
    assert value == 2 * np.sum(SINGULAR)
    assert np.all(gradient == 2)


@pytest.mark.parametrize("shape", [(3000, 3), (3, 3000)])
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_pinv_of_a_long_matrix_takes_no_more_memory_than_some_of_them(shape, mode):
    x = A(*shape)

    def run():
        if mode == "forward":
            return dd.jvp(np.linalg.pinv, (x,), (x,))[1]
        return dd.grad(lambda x: np.sum(np.linalg.pinv(x)))(x)

    run()
    tracemalloc.start()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * x.nbytes  # a square matrix of the longer side takes 1000
