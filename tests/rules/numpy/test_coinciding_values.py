"""Derivatives where eigenvalues or singular values coincide, of results that do not depend on the
basis of their vectors: finite and right; of others: NaN."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import scipy.linalg

import dualdiff as dd
from tests.rules.table import A

Loss = Callable[[Any], Any]


def adjoint(x: Any) -> Any:
    return np.conjugate(np.matrix_transpose(x))


def hermitian(x: Any) -> Any:
    return 0.5 * (x + adjoint(x))


def weighted(x: Any, seed: int) -> Any:
    """A real number that depends on every entry."""
    return np.real(np.sum(A(*x.shape, seed=seed, complex=True) * x))


def central(f: Loss, x: np.ndarray, t: np.ndarray) -> float:
    """The slope of f along t by differences, which cross no eigenvalues at x itself."""
    h = 1e-5
    return float(
        (8 * (f(x + h * t) - f(x - h * t)) - (f(x + 2 * h * t) - f(x - 2 * h * t))) / h / 12
    )


def check(f: Loss, x: np.ndarray, t: np.ndarray, rtol: float = 1e-7) -> None:
    """Both modes, and a pullback, against differences."""
    expected = central(f, x, t)
    bound = rtol * (abs(expected) + 1)
    for gradient in (dd.grad(f)(x), dd.vjp(f, x)[1](1.0)[0], dd.jacobian(f)(x)):
        assert abs(np.real(np.sum(gradient * t)) - expected) <= bound
    assert abs(dd.jvp(f, (x,), (t,))[1] - expected) <= bound


def normal_matrix(values: list[float], complex: bool) -> np.ndarray:
    q, _ = np.linalg.qr(A(len(values), len(values), complex=complex))
    return hermitian((q * np.array(values)) @ adjoint(q))


def one_call(x: Any) -> Any:
    w, v = np.linalg.eigh(x)
    return weighted((v * np.exp(w)) @ adjoint(v), 1)


def separate_calls(x: Any) -> Any:
    w, v = np.linalg.eigvalsh(x), np.linalg.eigh(x)[1]
    return weighted((v * np.sin(w)) @ adjoint(v), 1) + np.sum(w**3)


def values_by_products(x: Any) -> Any:
    """Eigenvalues that come from the matrix itself, not from the decomposition."""
    x = hermitian(x)
    v = np.linalg.eigh(x)[1]
    w = np.real(np.diagonal(adjoint(v) @ x @ v))
    return weighted((v * w**2) @ adjoint(v), 1)


def hermitian_svd(x: Any) -> Any:
    u, s, _ = np.linalg.svd(x, hermitian=True)
    return weighted((u * s**2) @ adjoint(u), 1)


@pytest.mark.parametrize("complex", [False, True])
@pytest.mark.parametrize("values", [[2, 2, 5], [1, 1, 1], [0, 0, 3], [2, 2, 5, 5], [-1, -1, 1, 0]])
@pytest.mark.parametrize("f", [one_call, separate_calls, values_by_products, hermitian_svd])
def test_functions_of_a_hermitian_matrix(f: Loss, values: list[float], complex: bool) -> None:
    x = normal_matrix(values, complex)
    check(f, x, hermitian(A(*x.shape, seed=2, complex=complex)))


@pytest.mark.parametrize("x", [np.eye(3), np.zeros((3, 3)), np.diag([1.0, 1.0, 2.0])])
def test_matrix_exponential_by_eigenvectors(x: np.ndarray) -> None:
    gradient = dd.grad(lambda x: one_call(hermitian(x)))(x)
    weight = np.real(A(3, 3, seed=1, complex=True))
    expected = hermitian(scipy.linalg.expm_frechet(x, weight, compute_expm=False))
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12)


SHAPES = [
    ((3, 3), [2, 2, 1]),
    ((4, 3), [2, 2, 2]),
    ((3, 4), [2, 2, 0]),
    ((4, 3), [3, 0, 0]),
    ((3, 3), [0, 0, 0]),
    ((5, 2), [0, 0]),
    ((2, 5), [1, 0]),
]


def odd_function(x: Any, full: bool) -> Any:
    k = min(x.shape)
    u, s, vh = np.linalg.svd(x, full_matrices=full)
    return weighted((u[:, :k] * np.sin(s)) @ vh[:k], 1)


def separate_svdvals(x: Any, full: bool) -> Any:
    k = min(x.shape)
    u, _, vh = np.linalg.svd(x, full_matrices=full)
    return weighted((u[:, :k] * np.linalg.svdvals(x) ** 3) @ vh[:k], 1)


def left_vectors(x: Any, full: bool) -> Any:
    k = min(x.shape)
    u, s, _ = np.linalg.svd(x, full_matrices=full)
    return weighted((u[:, :k] * s**2) @ adjoint(u[:, :k]), 1)


@pytest.mark.parametrize("complex", [False, True])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("shape", "values"), SHAPES)
@pytest.mark.parametrize("f", [odd_function, separate_svdvals, left_vectors])
def test_functions_of_singular_values_and_vectors(
    f: Callable[[Any, bool], Any],
    shape: tuple[int, int],
    values: list[float],
    full: bool,
    complex: bool,
) -> None:
    u, _, vh = np.linalg.svd(A(*shape, complex=complex), full_matrices=False)
    x = (u * np.array(values, float)) @ vh
    check(lambda x: f(x, full), x, A(*shape, seed=2, complex=complex))


def nonnormal_function(x: Any) -> Any:
    w, v = np.linalg.eig(x)
    return weighted((v * np.exp(w)) @ np.linalg.inv(v), 1)


def separate_eigvals(x: Any) -> Any:
    v = np.linalg.eig(x)[1]
    return weighted((v * np.linalg.eigvals(x) ** 2) @ np.linalg.inv(v), 1)


@pytest.mark.parametrize("complex", [False, True])
@pytest.mark.parametrize("values", [[2.0, 2.0, 3.0], [2.0, 2.0, 2.0]])
@pytest.mark.parametrize("f", [nonnormal_function, separate_eigvals])
def test_functions_of_a_matrix_with_coinciding_eigenvalues(
    f: Loss, values: list[float], complex: bool
) -> None:
    s = A(3, 3, complex=complex)
    x = s @ np.diag(values) @ np.linalg.inv(s)
    t = A(3, 3, seed=2, complex=complex)
    gradient = dd.grad(f)(x)
    assert np.isclose(np.real(np.sum(gradient * t)), central(f, x, t), rtol=1e-5)


def test_matrices_of_a_stack_each_have_theirs() -> None:
    x = np.stack([np.eye(3), normal_matrix([1, 2, 3], False), np.zeros((3, 3))])

    def f(x: Any) -> Any:
        w, v = np.linalg.eigh(x)
        return weighted((v * np.exp(w)[..., None, :]) @ np.matrix_transpose(v), 1)

    check(f, x, hermitian(A(3, 3, 3, seed=2)))


def test_parameters_of_a_matrix_that_keep_values_together() -> None:
    """One parameter splits the values, one shifts them all, one does neither."""
    b = hermitian(A(3, 3))

    def f(p: Any) -> Any:
        w, v = np.linalg.eigh(np.eye(3) + p[0] * b + p[1] ** 2 * np.eye(3))
        return p[2] * weighted((v / np.sqrt(w)) @ v.T, 1)

    p = np.array([0.0, 1.0, 2.0])
    for t in np.eye(3):
        check(f, p, t)
    only_shift = dd.grad(lambda s: f(np.array([0.0, 1.0, 2.0]) + s * np.array([0.0, 1.0, 0.0])))
    assert np.isclose(only_shift(0.0), central(f, p, np.array([0.0, 1.0, 0.0])), rtol=1e-7)


@pytest.mark.parametrize("values", [[1.0, 1.0, 2.0], [0.0, 0.0, 2.0]])
def test_a_single_vector_beside_coinciding_others(values: list[float]) -> None:
    x = normal_matrix(values, False)

    def f(x: Any) -> Any:
        v = np.linalg.eigh(x)[1][:, -1]
        return v @ A(3, 3) @ v

    check(f, x, hermitian(A(3, 3, seed=2)))


def test_a_branch_that_is_not_taken_beside_coinciding_values() -> None:
    def f(x: Any) -> Any:
        w, v = np.linalg.eigh(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            return weighted((v * np.exp(w)) @ v.T, 1) + np.sum(np.where(x < 0.5, x, np.log(x)))

    check(f, np.eye(3), hermitian(A(3, 3, seed=2)))


def depends_on_basis(x: Any) -> Any:
    w, v = np.linalg.eigh(x)
    return weighted((v * np.array([1.0, 2.0, 3.0]) * w) @ v.T, 1)


def depends_on_order(x: Any) -> Any:
    """The smallest eigenvalue has a kink where two coincide."""
    w, v = np.linalg.eigh(x)
    return weighted((v * w) @ v.T, 1) + w[0]


@pytest.mark.parametrize("f", [depends_on_basis, depends_on_order])
@pytest.mark.parametrize("x", [np.eye(3), np.diag([1.0, 1.0, 2.0])])
def test_what_has_no_derivative_is_nan(f: Loss, x: np.ndarray) -> None:
    for gradient in (dd.grad(f)(x), dd.vjp(f, x)[1](1.0)[0]):
        assert np.all(np.isnan(gradient[np.tri(3, dtype=bool)]))


@pytest.mark.parametrize("k", [0, 1])
def test_one_of_equal_values_has_an_element_of_the_generalised_gradient(k: int) -> None:
    x = normal_matrix([2.0, 2.0, 5.0], False)

    def f(x: Any) -> Any:
        return np.linalg.eigvalsh(hermitian(x))[k]

    gradient = dd.grad(f)(x)
    np.testing.assert_allclose(np.linalg.eigvalsh(gradient), [0.0, 0.0, 1.0], atol=1e-14)
    np.testing.assert_allclose(x @ gradient, 2.0 * gradient, atol=1e-14)
    assert np.isnan(dd.hessian(f)(x)).any()


def test_aux_and_value_are_those_of_numpys_vectors() -> None:
    def f(x: Any) -> Any:
        w, v = np.linalg.eigh(x)
        return weighted((v * np.exp(w)) @ v.T, 1), v

    value, gradient, v = dd.value_and_grad(f, has_aux=True)(np.eye(3))
    assert value == f(np.eye(3))[0]
    assert np.all(np.isfinite(gradient))
    np.testing.assert_array_equal(v, np.linalg.eigh(np.eye(3))[1])


def expm_weighted(x: Any) -> Any:
    """The loss `one_call` by the power series of the exponential."""
    x, total, power = hermitian(x), np.eye(len(x)), np.eye(len(x))
    for k in range(1, 40):
        power = power @ x / k
        total = total + power
    return weighted(total, 1)


def expm_by_vectors(x: Any) -> Any:
    return one_call(hermitian(x))


COINCIDING = [np.eye(3), np.zeros((3, 3)), np.diag([1.0, 1.0, 2.0]), np.diag([1.0, 1 + 1e-12, 2])]


@pytest.mark.parametrize("x", COINCIDING)
def test_second_derivatives_at_coinciding_values(x: np.ndarray) -> None:
    t = A(3, 3, seed=2)
    right = dd.hessian(expm_weighted)(x)
    size = np.abs(right).max()
    for found in (dd.hessian(expm_by_vectors)(x), dd.jacobian(dd.grad(expm_by_vectors))(x)):
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-9 * size)
    found = dd.hvp(expm_by_vectors)(x, t)
    np.testing.assert_allclose(found, np.tensordot(right, t, 2), rtol=0, atol=1e-8 * size)


def inverse_by_vectors(x: Any) -> Any:
    w, v = np.linalg.eigh(x)
    return weighted((v / w) @ v.T, 1)


def inverse_by_svd(x: Any) -> Any:
    u, s, vh = np.linalg.svd(x)
    return weighted((u / s) @ vh, 1)


def inverse(x: Any) -> Any:
    return weighted(np.linalg.inv(x), 1)


@pytest.mark.parametrize("gap", [0.0, 1e-8, 3e-7, 1e-5])
@pytest.mark.parametrize(
    ("f", "right", "values"),
    [
        (one_call, expm_weighted, [1.0, 1.0, 3.0]),
        (inverse_by_vectors, inverse, [0.1, 0.1, 2.0]),
        (inverse_by_svd, inverse, [1.0, 1.0, 3.0]),
    ],
)
def test_second_derivatives_at_nearly_equal_values_lose_no_digits(
    f: Loss, right: Loss, values: list[float], gap: float
) -> None:
    x = normal_matrix([values[0] * (1 + gap), *values[1:]], False)
    first, second = hermitian(A(3, 3, seed=2)), hermitian(A(3, 3, seed=3))

    def along(f: Loss) -> Loss:
        return lambda t: f(x + t[0] * first + t[1] * second)

    expected = dd.hessian(along(right))(np.zeros(2))
    found = dd.hessian(along(f))(np.zeros(2))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("x", COINCIDING)
def test_linearize_pushes_at_coinciding_values(x: np.ndarray) -> None:
    t = A(3, 3, seed=2)
    found = dd.linearize(expm_by_vectors, x)[1].jvp(t)
    assert np.isclose(found, dd.jvp(expm_weighted, (x,), (t,))[1], rtol=1e-10)


def test_the_hessian_of_the_trace_of_a_square() -> None:
    def trace(x: Any) -> Any:
        w, v = np.linalg.eigh(hermitian(x))
        return np.trace((v * w**2) @ v.T)

    found = dd.hessian(trace)(np.eye(2)).reshape(4, 4)
    right = np.array([[2, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 2]])
    np.testing.assert_allclose(found, right, atol=1e-10)


def exp_of_gram(x: Any) -> Any:
    u, s, _ = np.linalg.svd(x)
    return weighted((u * np.exp(s**2)) @ u.T, 1)


def expm_of_gram(x: Any) -> Any:
    return expm_weighted(x @ x.T)


def exp_of_general(x: Any) -> Any:
    w, v = np.linalg.eig(x)
    return weighted((v * np.exp(w)) @ np.linalg.inv(v), 1)


def expm_of_general(x: Any) -> Any:
    total = power = np.eye(len(x))
    for k in range(1, 40):
        power = power @ x / k
        total = total + power
    return weighted(total, 1)


PAIRS = [
    (expm_by_vectors, expm_weighted),
    (exp_of_gram, expm_of_gram),
    (exp_of_general, expm_of_general),
]


@pytest.mark.parametrize("gap", [1e-15, 1e-14, 1e-13, 1e-11, 1e-9, 1e-8])
@pytest.mark.parametrize(("f", "right"), PAIRS)
def test_nearly_equal_values_lose_no_digits(f: Loss, right: Loss, gap: float) -> None:
    x, t = normal_matrix([0.4, 0.4 + gap, 1.2, 1.5], False), A(4, 4, seed=2)
    gradient = dd.grad(right)(x)
    size = np.abs(gradient).max()
    np.testing.assert_allclose(dd.grad(f)(x), gradient, rtol=0, atol=1e-10 * size)
    assert abs(dd.jvp(f, (x,), (t,))[1] - np.sum(gradient * t)) <= 1e-10 * size


def test_single_vectors_of_nearly_equal_values_keep_their_derivatives() -> None:
    """The angle of the vectors of ((a, b), (b, -a)) is arctan2(b, a) / 2."""
    a, b = 3e-13, 4e-13

    def f(x: Any) -> Any:
        return np.linalg.eigh(hermitian(x))[1][0, 1] ** 2

    # cos(angle / 2)**2 = (1 + cos(angle)) / 2
    da, db = (0.5 * b**2 / np.hypot(a, b) ** 3, -0.5 * a * b / np.hypot(a, b) ** 3)
    gradient = dd.grad(f)(np.array([[1 + a, b], [b, 1 - a]]))
    np.testing.assert_allclose(gradient, 0.5 * np.array([[da, db], [db, -da]]), rtol=2e-3)


@pytest.mark.parametrize("step", [1, 4, 16])
def test_exact_eigenvalues_a_few_ulps_apart_are_distinct(step: int) -> None:
    """The vector of the largest value of a diagonal matrix turns by x[0, 2] / (w[2] - w[0])."""
    w = np.float32(2**24) * (1 + np.finfo(np.float32).eps * np.array([0, 1, 2], "f4") * step)

    def f(x: Any) -> Any:
        v = np.linalg.eigh(hermitian(x))[1]
        return v[0, 2] / v[2, 2]

    gradient = dd.grad(f)(np.diag(w))
    np.testing.assert_allclose(gradient[0, 2], 0.5 / (w[2] - w[0]), rtol=1e-6)


def test_float32_stays_float32() -> None:
    gradient = dd.grad(one_call)(np.eye(3, dtype=np.float32))
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, dd.grad(one_call)(np.eye(3)), rtol=1e-4, atol=1e-4)


DEPENDENT = np.triu(np.ones((4, 4))) - np.diag([0.0, 0.0, -1.0, -2.0])  # diag 1, 1, 2, 3


def _of_dependent_vectors(direction: np.ndarray) -> Callable[[Any, float], Any]:
    def f(s: Any, gap: float) -> Any:
        w, v = np.linalg.eig(DEPENDENT + np.diag([0.0, gap, 0.0, 0.0]) + s * direction)
        return (v @ np.diag(np.sin(w)) @ np.linalg.inv(v)).real.sum()

    return f


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-6, 1e-8])
def test_derivatives_of_nearly_dependent_vectors_are_right_or_nan(gap: float) -> None:
    direction = np.random.default_rng(0).standard_normal((4, 4))
    f = partial(_of_dependent_vectors(direction), gap=gap)
    with mp.workdps(60):
        start = mp.matrix(DEPENDENT.tolist()) + gap * mp.matrix(np.diag([0.0, 1.0, 0, 0]).tolist())

        def sine(s: Any) -> Any:
            e = mp.expm(mp.mpc(0, 1) * (start + s * mp.matrix(direction.tolist())))
            return mp.fsum(x.imag for x in e)

        step = mp.mpf(10) ** -20
        lower, middle, upper = (sine(s) for s in (-step, mp.mpf(0), step))
        first, second = (upper - lower) / (2 * step), (upper - 2 * middle + lower) / step**2
    slopes = (dd.grad(f), lambda s: dd.jvp(f, (s,), (1.0,))[1])
    for slope in slopes:
        found = slope(0.0)
        assert np.isnan(found) or found == pytest.approx(float(first), rel=1e-4)
        for nested in (dd.grad(slope), lambda s, g=slope: dd.jvp(g, (s,), (1.0,))[1]):
            found = nested(0.0)
            assert np.isnan(found) or found == pytest.approx(float(second), rel=1e-3)
    if gap >= 1e-2:
        assert np.isfinite(dd.grad(dd.grad(f))(0.0))
