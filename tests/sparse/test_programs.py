"""No entry of a pattern is missing: random programs against their Jacobians at several points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import dualdiff as dd
from dualdiff.sparse.sparsity import detect
from tests.core.test_mutation_programs import _index, _views, programs

RNG = np.random.default_rng(12)
POINTS = [RNG.uniform(0.2, 1.4, (2, 3)) * RNG.choice([-1, 1], (2, 3)) for _ in range(3)]
MATRIX = np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0], [0.0, 1.0, 0.5]])
SPARSE = sp.csr_array(MATRIX)

# Functions of one array of any shape with at least one axis of length 3 at the end.
STEPS: list[Callable[[Any], Any]] = [
    np.sin,
    lambda a: a * a,
    lambda a: np.where(np.arange(3) > 0, a, 2 * a[..., ::-1]),
    lambda a: np.roll(a, 1, -1),
    lambda a: a[..., [2, 0, 0]],
    lambda a: np.cumsum(a, -1),
    lambda a: np.cumprod(a, 0),
    lambda a: np.sort(a, -1),
    lambda a: a @ MATRIX,
    lambda a: np.einsum("...i,ji->...j", a, MATRIX),
    lambda a: np.reshape(SPARSE @ np.reshape(a, (-1, 3)).T, (3, -1)).T.reshape(a.shape),
    lambda a: np.concatenate([a[..., 1:], a[..., :1] ** 2], -1),
    lambda a: np.pad(a, [(0, 0)] * (a.ndim - 1) + [(1, 1)], constant_values=2.0)[..., :3],
    lambda a: a - np.mean(a, -1, keepdims=True),
    lambda a: np.maximum(a, a[..., ::-1]),
    lambda a: np.repeat(a, 2, -1)[..., 1:4],
    lambda a: np.broadcast_to(a[..., :1], a.shape) * 1.0,
    lambda a: (np.tril(np.ones((3, 3))) @ a[..., None])[..., 0],
    lambda a: np.diff(a, append=a[..., :1], axis=-1),
    lambda a: np.reshape(np.transpose(a), -1).reshape(a.shape),
    lambda a: np.linalg.solve(MATRIX + 3 * np.eye(3), a[..., None])[..., 0],
    lambda a: np.clip(a, -0.5, a[..., :1] + 1),
    lambda a: np.max(a, 0) + 0 * a,
    lambda a: dd.scipy.special.softmax(a, -1),
    lambda a: np.stack([a[..., 0] * a[..., 1], a[..., 2], a[..., 0]], -1),
    lambda a: np.take_along_axis(a, np.argsort(a, -1), -1),
    lambda a: np.real(np.exp(1j * a)),
    lambda a: np.where(a > 0, a, 2 * a[..., ::-1]),
    lambda a: np.select([a > 0.5, a < 0], [a**2, a[..., ::-1]]),
    lambda a: np.minimum(a, 0.3) * np.floor(a),
    lambda a: np.median(a, -1, keepdims=True) + np.quantile(a, 0.3, axis=0) * a,
    lambda a: np.apply_along_axis(np.convolve, -1, a, np.array([1.0, 0.0, 2.0]), "same"),
    lambda a: np.add.reduceat(a, [0, 1, 1], axis=-1),
    lambda a: np.interp(a, [-1.0, 0.0, 1.0], [1.0, 2.0, 0.0]),
    lambda a: np.gradient(a, axis=-1),
    lambda a: np.maximum.accumulate(a, -1),
    lambda a: np.real(np.fft.fft(a)),
    lambda a: np.prod(a, -1, keepdims=True) * a[..., ::-1],
    lambda a: a @ sparse_of(a).T,
    lambda a: stored(a),
    lambda a: branched(a),
]


def sparse_of(a: Any) -> Any:
    """A sparse matrix with traced values."""
    data, places = np.reshape(a, -1)[:3], ([0, 1, 2], [1, 0, 2])
    return dd.scipy.sparse.coo_array((data, places), shape=(3, 3))


def stored(a: Any) -> Any:
    """Stores by slices, indices and masks, into views and in place."""
    b = a * 1.0
    b[..., 1:] *= 2
    b[..., [0, 0]] = a[..., 1:]
    view = b[..., ::-1]
    view[..., 0] += b[..., 0]
    np.put_along_axis(b, np.array(1).reshape((1,) * a.ndim), 0.5, -1)
    b[np.arange(b.size).reshape(b.shape) % 4 == 1] = 0.25
    out = dd.numpy.zeros(3)
    np.add.at(out, [0, 2, 2], np.reshape(a, -1)[:3])
    return b + out


def branched(a: Any) -> Any:
    """Another way for other values."""
    return a[..., ::-1] * a if np.reshape(a, -1)[0] > 0.5 else a + np.roll(a, 1)


def numeric(f: Callable[[Any], Any], x: Any) -> Any:
    """Where the Jacobian at x is not zero, by central differences at two distances."""
    columns = []
    for k in range(x.size):
        step = np.zeros(x.size)
        step[k] = 1e-4
        h = step.reshape(x.shape)
        slopes = [np.ravel(f(x + s * h) - f(x - s * h)) / (2e-4 * s) for s in (1.0, 0.37)]
        columns.append((np.abs(slopes[0]) > 1e-6) & (np.abs(slopes[1]) > 1e-6))
    return np.stack(columns, -1)


def check_expression(choices: Any) -> None:
    """Compare the pattern of an expression with differences, and with Jacobians elsewhere."""

    def f(x):
        arrays = [x]
        for first, second, where in choices:
            a = STEPS[first](arrays[where % len(arrays)])
            a = np.reshape(a, (-1, a.shape[-1]))[:2, :3]
            a = np.broadcast_to(a, (2, 3))
            arrays.append(a + np.tanh(STEPS[second](arrays[-1])[..., :1]) * a)
        return np.concatenate([np.ravel(a) for a in arrays])

    x = POINTS[0]
    result = detect(f, (x,), 0, {})
    pattern = result.pattern.toarray()
    assert not result.dense_because
    assert not np.any(numeric(f, x) & ~pattern)
    for y in POINTS[:1] if result.local else POINTS:
        entries = dd.jacobian(f)(y).reshape(-1, y.size) != 0
        assert not np.any(entries & ~pattern)


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(*[st.integers(0, len(STEPS) - 1)] * 2, st.integers(0, 3)), min_size=1, max_size=6
    )
)
def test_random_expressions_are_covered_at_several_points(choices):
    check_expression(choices)


def arrays_left(program: Any) -> Callable[[Any], Any]:
    """All elements of all arrays that a random program of stores and views leaves."""

    def f(x: Any) -> Any:
        arrays = [x * 1.0, dd.numpy.zeros((2, 3)), dd.numpy.zeros((4,))]
        for op, i, j, k in program:
            a, b = arrays[i % len(arrays)], arrays[j % len(arrays)]
            if op == 0:
                view = _views(a, k)
                if view.ndim and view.size:
                    arrays.append(view)
            elif op == 1:
                a[_index(a, k)] = np.sin(b.reshape(-1)[k % b.size]) + 0.5
            elif op == 2:
                a[_index(a, k)] += b.reshape(-1)[(k + 1) % b.size] * 0.7
            elif op == 3:
                a[_index(a, k)] = 1.0
            elif op == 4 and a.shape == b.shape:
                arrays.append(a * b + 0.1 * a)
            elif op == 5:
                a *= 0.9 + 0.1 * b.reshape(-1)[k % b.size]
            elif op == 6 and a.shape == b.shape:
                a += b
            elif op == 7:
                arrays.append(a.copy())
            elif op == 8:
                for row in a:
                    if row.ndim:
                        row[k % len(row)] = row[0] * 0.5 + 1.0
            elif op == 9:
                a[_index(a, k)] **= 2
        return np.concatenate([np.ravel(a) for a in arrays])

    return f


def check_stores(program: Any) -> None:
    """Compare the pattern of a program of stores and views with its Jacobians."""
    f = arrays_left(program)
    pattern = dd.sparsity(f, POINTS[0]).toarray()
    for y in POINTS:
        entries = dd.jacobian(f, mode="forward")(y).reshape(-1, y.size) != 0
        assert not np.any(entries & ~pattern)


@settings(max_examples=150)
@given(programs)
def test_random_programs_of_stores_and_views_are_found_exactly_or_covered(program):
    check_stores(program)


@settings(max_examples=60)
@given(programs)
def test_hessians_of_random_programs_are_covered(program):
    left = arrays_left(program)

    def f(x):
        return np.sum(np.cos(left(x)))

    pattern = dd.hessian_sparsity(f, POINTS[0]).toarray()
    assert np.array_equal(pattern, pattern.T)
    for y in POINTS[:2]:
        entries = dd.hessian(f)(y).reshape(y.size, y.size) != 0
        assert not np.any(entries & ~pattern)
