"""Products with constant sparse matrices."""

import contextlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse

import dualdiff as dd
from dualdiff.errors import ConversionError, DualdiffError, MissingRuleError, UnsupportedInputError
from tests.rules.table import A, row, rule_tests

DENSE = np.where(A(3, 4, seed=1) > 0.5, A(3, 4), 0.0)
SPARSE = scipy.sparse.csr_array(DENSE)


def from_left(x, kind="csr_array"):
    return getattr(scipy.sparse, kind)(DENSE) @ x


def from_right(x, kind="csr_array"):
    return x @ getattr(scipy.sparse, kind)(DENSE)


def complex_from_left(x):
    y = ((1 + 2j) * SPARSE) @ x
    return y.real, y.imag


def complex_from_right(x):
    y = x @ ((1 + 2j) * SPARSE)
    return y.real, y.imag


def dot(x):
    return SPARSE.dot(x)


ROWS = [
    row(from_left, A(4), _prims=("sparse_matmul_constant",)),
    row(from_left, A(4, 2)),
    row(from_left, A(4, 1)),
    row(from_left, A(4), kind="csc_array"),
    row(from_left, A(4, 2), kind="coo_array"),
    row(from_left, A(4), kind="dia_array"),
    row(from_left, A(4), kind="lil_array"),
    row(from_left, A(4), kind="dok_array"),
    row(from_left, A(4, 2), kind="csr_matrix"),
    row(from_left, A(4), kind="bsr_matrix"),
    row(complex_from_left, A(4)),
    row(from_right, A(3)),
    row(from_right, A(2, 3)),
    row(from_right, A(3), kind="coo_matrix"),
    row(from_right, A(2, 3), kind="csc_matrix"),
    row(complex_from_right, A(2, 3)),
    row(dot, A(4)),
    row(dot, A(4, 2)),
]

TestRules = rule_tests(ROWS)


def test_gradient_is_the_transpose_times_the_cotangent():
    g = np.array([1.0, -2.0, 3.0])
    assert np.allclose(dd.vjp(lambda x: SPARSE @ x, A(4))[1](g)[0], DENSE.T @ g)


def test_jacobian_of_a_sparse_product_is_the_matrix():
    for mode in ("forward", "reverse"):
        jacobian = dd.jacobian(lambda x: SPARSE @ x, mode=mode)(A(4))
        assert np.array_equal(jacobian, DENSE)


MATRIX = scipy.sparse.csr_matrix(DENSE)
OPERATIONS = {
    "array @ x": (lambda x: SPARSE @ x, lambda x: DENSE @ x),
    "array.dot(x)": (lambda x: SPARSE.dot(x), lambda x: DENSE @ x),
    "matrix * x": (lambda x: MATRIX * x, lambda x: DENSE @ x),
    "x * matrix": (lambda x: x[:3] * MATRIX, lambda x: x[:3] @ DENSE),
    "array * x": (lambda x: SPARSE * x, lambda x: DENSE * x),
    "x * array": (lambda x: x * SPARSE, lambda x: DENSE * x),
    "matrix.multiply(x)": (lambda x: MATRIX.multiply(x), lambda x: DENSE * x),
    "array + x": (lambda x: SPARSE + np.outer(x[:3], x), lambda x: DENSE + np.outer(x[:3], x)),
    "x + array": (lambda x: np.outer(x[:3], x) + SPARSE, lambda x: DENSE + np.outer(x[:3], x)),
    "array - x": (lambda x: SPARSE - np.outer(x[:3], x), lambda x: DENSE - np.outer(x[:3], x)),
    "x - array": (lambda x: np.outer(x[:3], x) - SPARSE, lambda x: np.outer(x[:3], x) - DENSE),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("patched", [False, True])
def test_operators_of_a_constant_sparse_array_are_those_of_the_dense_one(name, patched):
    f, dense = OPERATIONS[name]

    def loss(x):
        y = f(x)
        return np.sum(np.sin(y.toarray() if hasattr(y, "toarray") else y))

    with dd.patch() if patched else contextlib.nullcontext():
        gradient = dd.grad(loss)(A(4))
    assert np.allclose(gradient, dd.grad(lambda x: np.sum(np.sin(dense(x))))(A(4)))


def test_what_numpy_cannot_compute_with_a_sparse_array_raises():
    with pytest.raises(DualdiffError, match=r"traced array[\s\S]*at test_sparse\.py"):
        dd.grad(lambda x: np.dot(SPARSE, x).sum())(A(4))


def test_a_sparse_array_times_a_traced_number_has_traced_values():
    x = A(4, low=1.0, high=2.0)
    gradient = dd.grad(lambda x: (SPARSE * x[0] - SPARSE / x[1] + x[2] * SPARSE).sum())(x)
    assert np.allclose(gradient, DENSE.sum() * np.array([1, 1 / x[1] ** 2, 1, 0]))


def test_without_scipys_own_names_the_advice_is_to_turn_them_on():
    dd.config(scipy=False)
    try:
        with pytest.raises(ConversionError, match=r"dualdiff\.config\(scipy=True\)"):
            dd.grad(lambda x: (SPARSE * x).sum())(A(4))
    finally:
        dd.config(scipy=True)


def test_product_with_three_dimensions_raises_with_both_shapes():
    with pytest.raises(UnsupportedInputError, match=r"shape \(3, 4\) .* shape \(2, 4, 1\)"):
        dd.grad(lambda x: (x @ SPARSE).sum())(A(2, 4, 1))


def test_linear_operator_raises_a_missing_rule():
    operator = scipy.sparse.linalg.aslinearoperator(SPARSE)
    with pytest.raises(MissingRuleError, match="LinearOperator"):
        dd.grad(lambda x: (x @ operator).sum())(A(3))


def test_importing_dualdiff_does_not_import_scipy():
    code = "import sys, dualdiff; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
