"""Patterns of products: zeros of a constant operand are structural, other zeros are not."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import signal

import dualdiff as dd
from dualdiff.rules.structures import Convolution, Correlation
from dualdiff.sparse.sparsity import detect
from tests.sparse.test_detection import BLOCKS, check, found, point
from tests.versions import RNG_NAME


def test_zeros_of_a_constant_operand_are_left_out_of_products():
    a = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]])
    nonzero = a != 0
    check(lambda x: a @ x, point(3), nonzero)
    check(lambda x: x @ a, point(2), nonzero.T)
    check(lambda x: np.dot(a, x), point(3, 2), np.kron(nonzero, np.eye(2)) != 0)
    check(lambda x: np.einsum("ij,kj->ki", a, x), point(2, 3), np.kron(np.eye(2), nonzero) != 0)
    check(lambda x: np.tensordot(x, a, (0, 1)), point(3), nonzero)
    check(lambda x: np.stack([a, a]) @ x, point(2, 3, 1), np.kron(np.eye(2), nonzero) != 0)


def test_a_cross_product_leaves_out_its_own_component():
    others = ~np.eye(3, dtype=bool)
    check(lambda x: np.cross(x, point(3)), point(3), others)
    both = found(lambda p: np.cross(p[0], p[1]), (point(2, 3), point(3)))
    expected = np.hstack([np.kron(np.eye(2), others), np.kron(np.ones((2, 1)), others)])
    np.testing.assert_array_equal(both, expected != 0)


def test_products_of_traced_operands_join_rows_and_columns():
    def product(p):
        return p["x"] @ p["y"]

    pattern = found(product, {"x": point(2, 3), "y": point(3, 2)})
    rows = np.kron(np.kron(np.eye(2), np.ones((2, 1))), np.ones((1, 3)))
    columns = np.kron(np.ones((2, 1)), np.kron(np.ones((1, 3)), np.eye(2)))
    np.testing.assert_array_equal(pattern, np.hstack([rows, columns]) != 0)


def test_a_zero_that_is_no_constant_of_a_linear_map_is_no_structural_zero():
    def f(x):
        return x[:2] * x[2:]

    np.testing.assert_array_equal(found(f, np.zeros(4)), np.hstack([np.eye(2), np.eye(2)]) != 0)
    assert found(lambda x: 0 * x, point(2)).any()


def convolution(function, mode):
    return dd.extend.bilinear(
        lambda x, y: function(x, y, mode),
        lambda g, y: g,
        lambda g, x: g,
        name="convolution",
        structure=Correlation() if function is np.correlate else Convolution(),
    )


@pytest.mark.parametrize("function", [np.convolve, np.correlate])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(
    ("n", "m"), [(7, 3), (3, 7), (6, 2), (2, 6), (5, 4), (4, 5), (4, 1), (3, 3), (4, 4), (3, 5)]
)
def test_a_convolution_is_a_band(function, mode, n, m):
    kernel = np.where(np.arange(m) % 3 == 1, 0.0, point(m))
    f = convolution(function, mode)
    columns = np.stack([function(e, kernel, mode) for e in np.eye(n)], axis=-1)
    np.testing.assert_array_equal(found(lambda x: f(x, kernel), point(n)), columns != 0)
    signal = np.where(np.arange(n) % 3 == 1, 0.0, point(n))
    others = np.stack([function(signal, e, mode) for e in np.eye(m)], axis=-1)
    np.testing.assert_array_equal(found(lambda y: f(signal, y), point(m)), others != 0)
    both = found(lambda p: f(p[0], p[1]), (point(n), point(m)))
    rows = np.stack([function(e, np.ones(m), mode) for e in np.eye(n)], axis=-1)
    others = np.stack([function(np.ones(n), e, mode) for e in np.eye(m)], axis=-1)
    np.testing.assert_array_equal(both, np.hstack([rows, others]) != 0)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_a_convolution_of_images(mode):
    kernel = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
    f = convolution(signal.convolve2d, mode)
    units = np.eye(20).reshape(20, 4, 5)
    columns = np.stack([signal.convolve2d(e, kernel, mode).ravel() for e in units], axis=-1)
    np.testing.assert_array_equal(found(lambda x: f(x, kernel), point(4, 5)), columns != 0)


def test_sparse_matrices_multiply_vectors_and_matrices():
    a = sp.random_array((5, 4), density=0.4, **{RNG_NAME: np.random.default_rng(1)})
    nonzero = a.toarray() != 0
    check(lambda x: a @ x, point(4), nonzero)
    check(lambda x: a @ x, point(4, 3), np.kron(nonzero, np.eye(3)) != 0)
    check(lambda x: x @ a, point(2, 5), np.kron(np.eye(2), nonzero.T) != 0)


def test_a_quadratic_form_has_the_pattern_of_its_matrix():
    a = sp.diags_array([1.0, 2.0, 3.0, 4.0]) + sp.coo_array(([1.0], ([0], [3])), (4, 4))
    expected = np.eye(4, dtype=bool)
    expected[0, 3] = expected[3, 0] = True
    for matrix in (a.tocsr(), a.toarray()):

        def f(x, matrix=matrix):
            return np.dot(x, matrix @ x)

        np.testing.assert_array_equal(dd.hessian_sparsity(f, point(4)).toarray(), expected)


def test_a_fourier_transform_is_dense_along_its_axis():
    np.testing.assert_array_equal(found(lambda x: np.fft.fft(x).real, point(3, 4)), BLOCKS)
    half = np.kron(np.eye(3), np.ones((3, 4))) != 0
    np.testing.assert_array_equal(found(lambda x: np.abs(np.fft.rfft(x)), point(3, 4)), half)
    filtered = found(lambda x: np.fft.irfft(np.fft.rfft(x, axis=0), axis=0), point(4, 3))
    np.testing.assert_array_equal(filtered, np.kron(np.ones((4, 4)), np.eye(3)) != 0)


def test_weights_go_to_their_bins():
    expected = np.zeros((4, 3), dtype=bool)
    expected[[0, 3, 3], [0, 1, 2]] = True
    check(lambda w: np.bincount([0, 3, 3], w), point(3), expected)
    counts = found(lambda w: np.histogram([0.1, 0.9, 5.0], 2, (0.0, 1.0), weights=w)[0], point(3))
    np.testing.assert_array_equal(counts, np.eye(2, 3, dtype=bool))


def test_interpolation_depends_on_the_values_at_two_knots():
    knots, at = np.arange(5.0), np.array([0.5, 3.2])
    expected = np.zeros((2, 5), dtype=bool)
    expected[0, :2] = expected[1, 3:] = True
    check(lambda fp: np.interp(at, knots, fp), point(5), expected)
    assert not detect(lambda fp: np.interp(at, knots, fp), (point(5),), 0, {}).local
    check(lambda x: np.interp(x, knots, knots**2), point(3), np.eye(3, dtype=bool))
    assert detect(lambda x: np.interp(x, knots, knots**2), (point(3),), 0, {}).local


@pytest.mark.parametrize("method", ["direct", "fft"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_scipys_convolution_in_two_dimensions_is_found_exactly(mode, method):
    kernel = np.array([[1.0, 0.0], [2.0, 3.0]])

    def f(x):
        return dd.scipy.signal.convolve(x, kernel, mode, method)

    result = detect(f, (point(4, 3),), 0, {})
    assert not result.dense_because
    exact = dd.jacobian(lambda x: dd.scipy.signal.convolve(x, kernel, mode, "direct"))(point(4, 3))
    np.testing.assert_array_equal(result.pattern.toarray(), exact.reshape(-1, 12) != 0)
    matrix = dd.jacobian(f, sparse=True)(point(4, 3))
    np.testing.assert_allclose(matrix.toarray(), exact.reshape(-1, 12), atol=1e-14)


def test_triangular_systems_separate_the_right_hand_sides():
    a = np.tril(point(3, 3)) + np.eye(3)
    result = detect(
        lambda b: dd.scipy.linalg.solve_triangular(a, b, lower=True), (point(3, 4),), 0, {}
    )
    assert not result.dense_because
    np.testing.assert_array_equal(result.pattern.toarray(), np.kron(np.ones((3, 3)), np.eye(4)))
