"""Products of arrays."""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.array.guards import BUDGET
from dualdiff.errors import ChangedResidualError
from dualdiff.rules.numpy.common import NUMPY_2_5
from tests.rules.table import A, row, rule_tests, since

ROWS = [
    # every pair of ranks that matmul tells apart, and broadcasting on either side
    row(np.matmul, A(3), A(3, seed=1), _prims=("matmul",)),
    row(np.matmul, A(3), A(3, 2)),
    row(np.matmul, A(3), A(2, 3, 2)),
    row(np.matmul, A(2, 3), A(3)),
    row(np.matmul, A(2, 3), A(3, 4)),
    row(np.matmul, A(2, 3), A(2, 3, 2)),
    row(np.matmul, A(2, 2, 3), A(3)),
    row(np.matmul, A(2, 2, 3), A(3, 2)),
    row(np.matmul, A(2, 1, 2, 3), A(2, 3, 2)),
    row(np.matmul, A(2, 3), A(2, 1, 3, 2)),
    row(np.matmul, A(2, 1, 2, 3), A(1, 2, 3, 1)),
    row(np.linalg.matmul, A(2, 3), A(3, 2)),
    row(np.dot, A(3), A(3, seed=1), _prims=("dot",)),
    row(np.dot, A(2, 3), A(3)),
    row(np.dot, A(2), A(2, 3)),
    row(np.dot, A(2, 3), A(3, 2)),
    row(np.dot, A(2, 2, 3), A(3), _prims=("einsum",)),
    row(np.dot, A(3), A(2, 3, 2)),
    row(np.dot, A(2, 2, 3), A(2, 3, 2)),
    row(np.dot, 1.5, A(2, 2), _float32=False),  # NumPy makes float64 of a float
    row(np.dot, A(2), 1.5, _float32=False),
    row(np.inner, A(3), A(3, seed=1)),
    row(np.inner, A(2, 3), A(2, 2, 3)),
    row(np.inner, A(2, 3), 1.5, _float32=False),
    row(np.outer, A(2, 2), A(3)),
    row(np.linalg.outer, A(2), A(3)),
    row(np.vdot, A(2, 2), A(2, 2, seed=1)),
    row(np.vecdot, A(2, 3), A(3)),
    row(np.linalg.vecdot, A(3, 2), A(3, 1), axis=0),
    since("2.2", "matvec", lambda: row(np.matvec, A(2, 2, 3), A(3))),
    since("2.2", "vecmat", lambda: row(np.vecmat, A(2, 1, 3), A(2, 3, 2))),
    row(np.matmul, A(3, 2, 2), A(3, 4, 2), axes=[(2, 0), (0, 1), (-1, 0)]),
    since("2.2", "matvec", lambda: row(np.matvec, A(3, 2, 4), A(4, 2), axes=[(0, 2), 0, -1])),
    since("2.2", "vecmat", lambda: row(np.vecmat, A(3), A(2, 3), axes=[0, (1, 0), 0])),
    row(np.vecdot, A(3, 2), A(3, 1), axis=0, keepdims=True),
    row(np.vecdot, A(2, 3), A(3, 2), axes=[1, 0]),
    row(np.tensordot, A(2, 3), A(2, 3, 2), axes=2),
    row(np.tensordot, A(2), A(3), axes=0),
    row(np.tensordot, A(2, 3, 2), A(3, 4, 2), axes=([1, -1], [0, 2])),
    row(np.tensordot, A(2, 3), A(4, 2), axes=(0, 1)),
    row(np.linalg.tensordot, A(2, 3), A(3, 2), axes=1),
    row(np.kron, A(2), A(3)),
    row(np.kron, A(2, 2), A(3)),
    row(np.kron, A(1, 2), A(2, 2, 2)),
    row(np.cross, A(3), A(3, seed=1), _prims=("cross",)),
    row(np.cross, A(2, 1, 3), A(4, 3)),
    row(np.cross, A(2, 3), A(3)),
    row(np.cross, A(3, 2), A(2, 3), axisa=0, axisc=0),
    row(np.cross, A(3, 2), A(3, 2, seed=1), axis=0),
    row(np.linalg.cross, A(3, 2), A(3, 2, seed=1), axis=0),
    row(np.linalg.multi_dot, [A(2, 3), A(3, 2), A(2, 2)]),
    row(np.linalg.multi_dot, [A(2), A(2, 3), A(3, 2), A(2, seed=1)]),
    row(np.linalg.multi_dot, [A(1, 4), A(4, 2), A(2, 5), A(5, 1), A(1, 3)]),
    row(np.linalg.multi_dot, [A(2), A(2, 3), A(3, 4)]),
    row(lambda x, y: np.linalg.multi_dot([x, y]), A(2, 3), A(3), _id="multi_dot"),
]

TestRules = rule_tests(ROWS)


def test_jacobian_of_a_matrix_times_a_vector_is_the_matrix():
    for mode in ("forward", "reverse"):
        for f in (lambda x: A(3, 4) @ x, lambda x: np.dot(A(3, 4), x), lambda x: x @ A(3, 4).T):
            assert np.array_equal(dd.jacobian(f, mode=mode)(A(4)), A(3, 4))


def test_jacobian_of_a_long_chain_of_layers_is_the_product_of_the_matrices():
    layers = [A(5, 5, seed=i) for i in range(4)]

    def f(x):
        for w in layers:
            x = w @ x
        return x

    exact = np.linalg.multi_dot(layers[::-1])
    for mode in ("forward", "reverse"):
        assert np.allclose(dd.jacobian(f, mode=mode)(A(5)), exact, rtol=1e-12)


def test_matmul_of_a_box_with_itself():
    x = A(3, 3)
    assert np.allclose(dd.grad(lambda x: np.trace(x @ x))(x), 2 * x.T)
    assert np.allclose(dd.grad(lambda x: x @ x)(A(3)), 2 * A(3))


def test_in_place_matmul_rebinds():
    def f(x):
        y = x + 0
        y @= A(2, 2)
        return np.sum(y)

    assert np.allclose(dd.grad(f)(A(3, 2)), np.ones((3, 1)) * A(2, 2).sum(1))


def test_matmul_of_lists_of_traced_values():
    gradient = dd.grad(lambda x: A(2, 2) @ x @ [x[0], 2 * x[1]])(np.ones(2))
    a = A(2, 2)
    d = np.diag([1.0, 2.0])
    assert np.allclose(gradient, (a.T @ d + d @ a) @ np.ones(2))


@pytest.mark.parametrize("f", [np.matmul, np.dot, np.inner, np.vdot])
def test_wrong_shapes_raise_numpys_error(f):
    with pytest.raises(ValueError, match=r"mismatch|not aligned|size|same"):
        dd.grad(lambda x: np.sum(f(x, np.ones(4))))(np.ones(3))


@pytest.mark.parametrize("f", [np.matmul, np.dot])
@pytest.mark.parametrize(
    "shapes", [((0,), (0,)), ((2, 0), (0, 3)), ((0, 3), (3,)), ((2, 3), (3, 0))]
)
def test_empty_operands_have_empty_or_zero_derivatives(shapes, f):
    x, y = map(np.zeros, shapes)
    gx, gy = dd.grad(lambda x, y: np.sum(f(x, y)), (0, 1))(x, y)
    assert (gx.shape, gy.shape) == shapes
    assert not gx.any()
    assert not gy.any()


def test_out_is_filled_and_traced():
    def f(x):
        out = dd.numpy.zeros((2, 2))
        np.dot(x, x, out=out)
        return np.sum(out**2)

    assert np.allclose(dd.grad(f)(A(2, 2)), dd.grad(lambda x: np.sum((x @ x) ** 2))(A(2, 2)))


def test_cross_of_vectors_of_wrong_length_raises_numpys_error():
    with pytest.raises(ValueError, match="dimension"):
        dd.grad(lambda x: np.sum(np.cross(x, x)))(A(4))
    with pytest.raises(ValueError, match="3-dimensional"):
        dd.grad(lambda x: np.sum(np.linalg.cross(x, x)))(A(2))


def test_cross_product_of_a_vector_with_itself_has_derivative_zero():
    assert np.all(dd.jacobian(lambda x: np.cross(x, x))(A(3)) == 0)


@pytest.mark.parametrize("size", [3, 40, 800])
def test_matrix_changed_after_its_use_does_not_change_the_derivative_silently(size):
    w = A(size, size)

    def f(x):
        y = w @ x
        w[0] = 100.0
        return np.sum(y)

    before = w.copy()
    if size * size <= BUDGET:
        assert np.allclose(dd.grad(f)(np.ones(size)), before.sum(0))
    else:
        with pytest.raises(ChangedResidualError, match="changed in place"):
            dd.grad(f)(np.ones(size))


@pytest.mark.skipif(NUMPY_2_5, reason="NumPy 2.5 has no cross product of two components")
@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors")  # NumPy's own
@pytest.mark.parametrize(("m", "n"), [(2, 2), (2, 3), (3, 2)])
def test_cross_of_vectors_of_two_components_is_that_of_three_with_a_zero(m, n):
    x, y = A(4, m), A(n)

    def filled(z):
        return np.concatenate([z, np.zeros((*z.shape[:-1], 3 - z.shape[-1]))], axis=-1)

    def exact(x, y):
        ans = np.cross(filled(x), filled(y))
        return ans[..., 2] if m == n == 2 else ans

    for mode in ("forward", "reverse"):
        found = dd.jacobian(np.cross, (0, 1), mode=mode)(x, y)
        expected = dd.jacobian(exact, (0, 1), mode=mode)(x, y)
        for a, b in zip(found, expected, strict=True):
            assert np.allclose(a, b, rtol=1e-14)


@pytest.mark.parametrize("shapes", [[(2, 3)], [(2, 3), (3,), (3, 2)], [(2, 3), (2, 3), (3, 2)]])
def test_multi_dot_raises_numpys_error_for_wrong_shapes(shapes):
    arrays = [np.ones(s) for s in shapes]
    with pytest.raises((ValueError, np.linalg.LinAlgError)) as numpys:
        np.linalg.multi_dot(arrays)
    with pytest.raises(numpys.type):
        dd.grad(lambda x: np.sum(np.linalg.multi_dot([x, *arrays[1:]])))(arrays[0])


def test_matmul_with_wrong_axes_raises_numpys_error():
    with pytest.raises(ValueError, match="axes"):
        dd.grad(lambda x: np.sum(np.matmul(x, x, axes=[(0, 1)])))(A(2, 2))
