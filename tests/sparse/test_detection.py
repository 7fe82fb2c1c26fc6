"""Patterns of functions whose structure is known, and what is said beside the pattern."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp

import dualdiff as dd
from dualdiff.rules.structures import Gather
from dualdiff.sparse.sparsity import detect


def point(*shape):
    return np.random.default_rng(3).uniform(0.5, 1.5, shape)


def band(n, below, above):
    i, j = np.indices((n, n))
    return (j - i <= above) & (i - j <= below)


def found(f, *args, **kwargs):
    return dd.sparsity(f, *args, **kwargs).toarray()


def check(f, x, expected):
    """The pattern is what is expected, and covers the Jacobian at x."""
    pattern = found(f, x)
    np.testing.assert_array_equal(pattern, expected)
    jacobian = dd.jacobian(f)(x).reshape(pattern.shape)
    assert not np.any((jacobian != 0) & ~pattern)


def tridiagonal_by_slices(x):
    middle = x[:-2] - 2 * x[1:-1] ** 2 + np.exp(x[2:])
    return np.concatenate([x[:1] - x[1:2], middle, x[-2:-1] + x[-1:]])


def tridiagonal_by_roll(x):
    return np.roll(x, 1) - 2 * x * x + np.roll(x, -1)


def tridiagonal_by_loop(x):
    out = dd.numpy.zeros(len(x))
    for i in range(len(x)):
        out[i] = 2 * x[i] ** 2
        if i > 0:
            out[i] -= x[i - 1]
        if i < len(x) - 1:
            out[i] -= math.pi * x[i + 1]
    return out


def tridiagonal_in_place(x):
    out = 2 * x
    out[1:] -= x[:-1]
    out[:-1] -= np.sin(x[1:])
    return out


def tridiagonal_by_padding(x):
    padded = np.pad(x, 1, constant_values=3.5)
    return padded[:-2] * padded[1:-1] + padded[2:]


def tridiagonal_by_differences(x):
    return np.diff(np.diff(x, prepend=0.0, append=0.0)) + x


def tridiagonal_by_dense_matrix(x):
    n = len(x)
    return (np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)) @ np.tanh(x)


def tridiagonal_by_sparse_matrix(x):
    return sp.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(len(x),) * 2) @ x**2


@pytest.mark.parametrize(
    "f",
    [
        tridiagonal_by_slices,
        tridiagonal_by_loop,
        tridiagonal_in_place,
        tridiagonal_by_padding,
        tridiagonal_by_differences,
        tridiagonal_by_dense_matrix,
        tridiagonal_by_sparse_matrix,
    ],
)
def test_a_tridiagonal_jacobian_is_found_exactly(f):
    check(f, point(7), band(7, 1, 1))


def test_roll_is_periodic():
    expected = band(6, 1, 1)
    expected[0, -1] = expected[-1, 0] = True
    check(tridiagonal_by_roll, point(6), expected)


def laplacian(u):
    out = dd.numpy.zeros_like(u)
    out[1:-1, 1:-1] = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * u[1:-1, 1:-1]
    return out


def test_a_laplacian_by_slices_has_five_points():
    pattern = dd.sparsity(laplacian, point(5, 6))
    inner = np.zeros((5, 6), dtype=bool)
    inner[1:-1, 1:-1] = True
    np.testing.assert_array_equal(np.diff(pattern.indptr), 5 * inner.ravel())
    check(laplacian, point(5, 6), dd.jacobian(laplacian)(point(5, 6)).reshape(30, 30) != 0)


def brusselator(y):
    u, v = y[0], y[1]

    def spread(w):
        return np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1) - 4 * w

    uuv = u**2 * v
    return np.stack([1 + uuv - 4.4 * u + spread(u), 3.4 * u - uuv + spread(v)])


def test_the_brusselator_has_six_nonzeros_per_row():
    y = point(2, 6, 6)
    assert set(np.diff(dd.sparsity(brusselator, y).indptr)) == {6}
    check(brusselator, y, dd.jacobian(brusselator)(y).reshape(72, 72) != 0)


def test_an_arrow():
    n = 6
    expected = np.eye(n, dtype=bool)
    expected[0] = expected[:, 0] = True
    check(lambda x: np.concatenate([[np.sum(x)], x[0] * x[1:]]), point(n), expected)


BLOCKS = np.kron(np.eye(3, dtype=bool), np.ones((4, 4), dtype=bool))


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (np.linalg.inv, BLOCKS),
        (np.linalg.pinv, BLOCKS),
        (lambda a: np.linalg.solve(a, np.ones((3, 2, 2))), BLOCKS),
        (np.linalg.det, BLOCKS[::4]),
        (lambda a: np.linalg.slogdet(a)[1], BLOCKS[::4]),
        (lambda a: np.linalg.eigvalsh(a), BLOCKS[::2]),
        (lambda a: np.linalg.norm(a, axis=(1, 2)), BLOCKS[::4]),
    ],
)
def test_batched_linear_algebra_is_block_diagonal(f, expected):
    check(f, point(3, 2, 2) + 2 * np.eye(2), expected)


def test_solve_with_constant_matrices_separates_the_right_hand_sides():
    a = point(3, 2, 2) + np.eye(2)
    expected = np.kron(np.eye(3), np.kron(np.ones((2, 2)), np.eye(4))) != 0
    check(lambda b: np.linalg.solve(a, b), point(3, 2, 4), expected)


def test_running_functions_are_lower_triangular():
    lower = band(5, 5, 0)
    for f in (np.cumsum, np.cumprod, np.maximum.accumulate):
        np.testing.assert_array_equal(found(f, point(5)), lower)
    columns = np.kron(lower, np.eye(2, dtype=bool))
    check(lambda x: np.cumsum(x, axis=0), point(5, 2), columns)


@pytest.mark.parametrize("f", [np.sort, lambda x: np.sort(x, axis=1), dd.scipy.special.softmax])
def test_what_orders_or_normalises_is_dense_along_its_axis(f):
    whole = f is dd.scipy.special.softmax
    expected = np.ones((12, 12), dtype=bool) if whole else BLOCKS
    np.testing.assert_array_equal(found(f, point(3, 4)), expected)


def test_the_pattern_of_sort_holds_for_every_order():
    pattern = found(np.sort, np.array([1.0, 2.0, 3.0]))
    assert pattern.all()
    found_there = detect(np.sort, (np.array([1.0, 2.0, 3.0]),), 0, {})
    assert not found_there.local


def test_reductions_join_what_they_reduce():
    check(lambda x: np.sum(x, axis=0), point(2, 3), np.kron(np.ones((1, 2)), np.eye(3)) != 0)
    check(lambda x: np.mean(x, axis=1), point(2, 3), np.kron(np.eye(2), np.ones((1, 3))) != 0)
    check(lambda x: np.max(x), point(4), np.ones((1, 4), bool))
    check(lambda x: np.trace(x, offset=1), point(3, 3), np.eye(9, dtype=bool)[[1, 5]].any(0)[None])


def test_containers_are_counted_whole_in_the_order_of_jacobian():
    def f(p, c, q):
        return {"b": p["v"] * c, "a": [q[0] + p["u"], 3.0]}

    args = ({"v": point(2), "u": 1.0}, 2.0, (point(2),))
    pattern = found(f, *args, argnums=(0, 2))
    # Columns: u, v[0], v[1], q[0], q[1]; rows: a[0] (2), a[1], b (2).
    expected = [[1, 0, 0, 1, 0], [1, 0, 0, 0, 1], [0] * 5, [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]
    np.testing.assert_array_equal(pattern, np.array(expected, dtype=bool))


def test_complex_parts_stored_into_keep_what_the_other_part_depends_on():
    def f(x):
        z = x[:2] + 1j * x[2:4]
        z.real[0] = x[4]
        return np.real(z), np.imag(z)

    pattern = found(f, point(5))
    assert pattern[0, 4]
    assert pattern[2, 2]
    assert pattern[1].tolist() == pattern[3].tolist() == [False, True, False, True, False]


def test_views_write_through():
    def f(x):
        out = dd.numpy.zeros((2, 3))
        column = out[:, 1]
        column[...] = x
        transposed = out.T
        transposed[2, 0] = x[1] * x[0]
        return out

    expected = np.zeros((6, 2), dtype=bool)
    expected[1, 0] = expected[4, 1] = True
    expected[2] = True
    check(f, point(2), expected)


def test_a_store_does_not_reach_what_was_read_before():
    def f(x):
        y = x * 1.0
        before = y[:2]
        copy = y.copy()
        y[0] = x[2] * x[2]
        kept = before * 1.0
        y[1] = 0.0
        return np.concatenate([kept, copy, y])

    expected = np.zeros((8, 3), dtype=bool)
    for row, column in enumerate([2, 1, 0, 1, 2, 2]):
        expected[row, column] = True
    expected[6] = False
    expected[7, 2] = True
    check(f, point(3), expected)


def test_add_at_and_repeated_indices_add_up():
    def f(x):
        out = dd.numpy.zeros(3)
        np.add.at(out, [0, 0, 2], x)
        return out

    check(f, point(3), np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1]], dtype=bool))


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def chain_by_loop(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += np.sin(x[i] * x[i + 1])
    return total


@pytest.mark.parametrize("f", [rosenbrock, chain_by_loop])
def test_the_hessian_of_a_chain_is_tridiagonal(f):
    np.testing.assert_array_equal(dd.hessian_sparsity(f, point(6)).toarray(), band(6, 1, 1))


def test_linear_terms_leave_nothing_in_a_hessian():
    def f(x):
        return 3 * x[0] + np.sum(x[1:3] ** 3) + np.dot(x, np.arange(5.0)) + x[3] * x[4]

    expected = np.diag([0, 1, 1, 0, 0]).astype(bool)
    expected[3, 4] = expected[4, 3] = True
    np.testing.assert_array_equal(dd.hessian_sparsity(f, point(5)).toarray(), expected)


def test_the_hessian_over_several_arguments_is_counted_whole():
    def f(x, y):
        return np.sum(x * y**2)

    pattern = dd.hessian_sparsity(f, point(2), point(2), argnums=(0, 1)).toarray()
    eye, none = np.eye(2), np.zeros((2, 2))
    np.testing.assert_array_equal(pattern, np.block([[none, eye], [eye, eye]]) != 0)


def test_functions_without_a_structure_count_as_dense_and_are_named():
    @dd.extend.primitive
    def opaque(x):
        return x**2

    @opaque.jvp("x")
    def jvp(t, x):
        return 2 * x * t

    result = detect(lambda x: np.concatenate([opaque(x), x]), (point(3),), 0, {})
    assert result.dense_because == ["opaque"]
    np.testing.assert_array_equal(
        result.pattern.toarray(), np.vstack([np.ones((3, 3)), np.eye(3)]) != 0
    )
    assert detect(np.sin, (point(3),), 0, {}).dense_because == []


def test_a_structure_that_does_not_hold_counts_as_dense():
    lying = dd.extend.linear(
        lambda x: x[1:] - x[:-1], lambda g: g, name="lying", structure=Gather()
    )
    result = detect(lying, (point(3),), 0, {})
    assert result.pattern.toarray().all()
    assert result.dense_because == ["lying"]


def test_a_pattern_inside_a_derivative():
    def f(x):
        pattern = dd.sparsity(lambda y: y * x, x)
        return np.sum(x) * pattern.nnz

    np.testing.assert_array_equal(dd.grad(f)(point(3)), 3 * np.ones(3))


def test_a_dense_term_is_not_multiplied_out_before_the_result():
    n = 30_000
    x = point(n)

    def f(x):
        coupled = x * np.linalg.norm(x) + np.roll(x, 1)
        return np.sum(coupled.reshape(-1, 3), axis=1)[:5] + np.mean(coupled)

    assert dd.sparsity(f, x).nnz == 5 * n
    with pytest.raises(dd.DualdiffError, match=r"900,000,000 entries.*test_detection"):
        dd.sparsity(lambda x: np.roll(x * np.linalg.norm(x), 1), x)


def test_empty_arguments_and_results():
    assert dd.sparsity(lambda x: x, np.zeros(0)).shape == (0, 0)
    assert dd.sparsity(lambda x: x[:0], point(3)).shape == (0, 3)
    assert dd.sparsity(lambda x: 1.0, point(3)).nnz == 0


def test_the_pattern_is_canonical():
    pattern = dd.sparsity(lambda x: x[::-1] @ np.ones((3, 3)) + x, point(3))
    assert pattern.dtype == bool
    assert pattern.has_canonical_format
    assert isinstance(pattern, sp.csr_array)


def test_the_trace_ends_with_an_error_in_the_function():
    def f(x):
        raise ZeroDivisionError

    from dualdiff.array.box import WATCHERS

    with pytest.raises(ZeroDivisionError):
        dd.sparsity(f, point(2))
    assert not WATCHERS


def test_worker_threads_of_the_function_are_followed():
    def f(x):
        with ThreadPoolExecutor(3) as pool:
            parts = pool.map(lambda i: np.sin(x[i : i + 2]) * x[i], range(4))
            return np.concatenate(list(parts))

    check(f, point(5), dd.jacobian(f)(point(5)) != 0)


def test_searches_in_several_threads_do_not_meet():
    def search(n):
        result = detect(lambda x: x[x > 1] if n % 2 else np.diff(x), (point(n),), 0, {})
        return result.local, result.pattern.nnz

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(search, [*range(3, 23)] * 3))
    assert results == [search(n) for n in [*range(3, 23)] * 3]
