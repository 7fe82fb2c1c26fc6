"""Changing the shape and the order of axes and elements."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests, since

ZEROS = np.array([0.0, 0.0, 1.0, 0.0, 1.0, 0.0])

ROWS = [
    row(np.reshape, A(2, 3), (3, 2), _prims=("reshape",)),
    row(np.reshape, A(2, 3), -1),
    row(np.reshape, A(2, 3), (3, -1), order="F"),
    row(
        lambda x: np.reshape(x.T, (2, 3), order="A"), A(2, 3), _id="reshape-order-a", _layout=False
    ),
    since("2.1", "reshape-copy", lambda: row(np.reshape, A(2, 3), (6,), copy=True)),
    row(np.reshape, A(0, 3), (3, 0, 2)),
    row(np.reshape, A(1), ()),
    row(np.reshape, 1.5, (1, 1), _float32=False),
    row(np.ravel, A(2, 3)),
    row(np.ravel, A(2, 3), "F"),
    row(
        lambda x: np.ravel(x.swapaxes(0, 1), order="K"),
        A(2, 3, 2),
        _id="ravel-order-k",
        _layout=False,
    ),
    row(lambda x: np.ravel(x[:, ::2], "A"), A(2, 4), _id="ravel-order-a"),
    row(np.transpose, A(2, 3), _prims=("transpose",)),
    row(np.transpose, A(2, 3, 2), (1, 0, -1)),
    row(np.transpose, A(3)),
    row(np.permute_dims, A(2, 3, 2), axes=[2, 0, 1]),
    row(np.matrix_transpose, A(2, 3, 2)),
    row(np.linalg.matrix_transpose, A(2, 3)),
    row(np.swapaxes, A(2, 3, 2), 0, -1),
    row(np.moveaxis, A(2, 3, 4), 0, -1),
    row(np.moveaxis, A(2, 3, 4), [0, 1], [-1, -2]),
    row(np.moveaxis, A(2, 3, 4), (2, 0), (0, 1)),
    row(np.rollaxis, A(2, 3, 4), 2),
    row(np.rollaxis, A(2, 3, 4), 0, start=-1),
    row(np.rollaxis, A(2, 3, 4), -2, 3),
    row(np.expand_dims, A(2, 3), 1),
    row(np.expand_dims, A(2, 3), axis=(0, -1)),
    row(np.squeeze, A(1, 2, 1, 3)),
    row(np.squeeze, A(1, 2, 1), axis=-1),
    row(np.squeeze, A(1, 1)),
    row(np.broadcast_to, A(3), (2, 3), _prims=("broadcast_to",)),
    row(np.broadcast_to, A(2, 1), shape=(2, 2, 3)),
    row(np.broadcast_to, A(1), 4),
    row(np.broadcast_to, A(1), (0,)),
    row(np.broadcast_arrays, A(3), A(2, 1)),
    row(np.broadcast_arrays, A(3), 1.5, A(3, seed=1), _float32=False),
    row(np.atleast_1d, A()),
    row(np.atleast_1d, A(), A(2)),
    row(np.atleast_2d, A(3)),
    row(np.atleast_2d, A(2, 2), A()),
    row(np.atleast_3d, A(3)),
    row(np.atleast_3d, A(2, 3), A(1, 2, 2), A()),
    row(np.flip, A(2, 3)),
    row(np.flip, A(2, 3, 2), axis=(0, -1)),
    row(np.fliplr, A(2, 3)),
    row(np.flipud, A(2, 3)),
    row(np.rot90, A(2, 3)),
    row(np.rot90, A(2, 3), k=2),
    row(np.rot90, A(2, 3, 2), k=-1, axes=(1, 2)),
    row(np.rot90, A(2, 3), 4),
    row(np.roll, A(2, 3), 1, _prims=("roll",)),
    row(np.roll, A(2, 3), -2, axis=1),
    row(np.roll, A(2, 3), (1, 2), axis=(0, -1)),
    row(np.roll, A(2, 3), (1, 1), 0),
    row(np.tile, A(2), 3, _prims=("tile",)),
    row(np.tile, A(2, 3), (2, 1, 2)),
    row(np.tile, A(2, 3), 2),
    row(np.tile, A(2), (2, 0)),
    row(np.tile, A(), 2),
    row(np.repeat, A(2, 3), 2, _prims=("repeat",)),
    row(np.repeat, A(2, 3), 2, axis=-1),
    row(np.repeat, A(2, 3), [1, 0, 2], axis=1),
    row(np.repeat, A(2, 3), [2], axis=0),
    row(np.repeat, A(2), 0),
    row(np.resize, A(2, 2), (3, 3)),
    row(np.resize, A(2, 2), 3),
    row(lambda x: np.trim_zeros(x * ZEROS), A(6), _id="trim_zeros"),
    row(lambda x: np.trim_zeros(x * ZEROS, trim="b"), A(6), _id="trim_zeros-back"),
    row(lambda x: np.trim_zeros(x * 0, "f"), A(3), _id="trim_zeros-nothing-left"),
]
TestRules = rule_tests(ROWS)

VIEWS = {
    "reshape": lambda y: y.reshape(4, 3),
    "ravel": np.ravel,
    "transpose": lambda y: y.T,
    "swapaxes": lambda y: np.swapaxes(y, 0, 1),
    "moveaxis": lambda y: np.moveaxis(y, 0, -1),
    "expand_dims": lambda y: np.expand_dims(y, 1),
    "squeeze": lambda y: np.squeeze(y[:, None]),
    "flip": lambda y: np.flip(y, 1),
    "rot90": np.rot90,
    "split": lambda y: np.split(y, 2, 1)[1],
    "unstack": lambda y: np.moveaxis(y, 1, 0)[2],
    "chain": lambda y: y.T[::-1].reshape(2, 2, 3)[:, 1],
    "fortran reshape": lambda y: y.T.reshape((2, 6), order="F"),
    "copy of a transpose": lambda y: y.T.reshape(-1),
    "flatten": lambda y: y.flatten(),
    "repeat": lambda y: np.repeat(y, 1, 0),
    "roll": lambda y: np.roll(y, 0),
}
MATRIX = A(3, 4)


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_assignment_reaches_the_base_exactly_where_numpy_makes_a_view(view, layout):
    def f(x):
        y = x.copy(layout)
        part = view(y)
        part[0] = part[1] * x[0, 0]
        y[1] *= 2
        return y * 1, part * 1

    value, tangent = dd.jvp(f, (MATRIX,), (np.ones((3, 4)),))
    for actual, expected in zip(value, f(MATRIX), strict=True):
        np.testing.assert_array_equal(actual, expected)
    step = 1e-6
    for t, up, down in zip(tangent, f(MATRIX + step), f(MATRIX - step), strict=True):
        np.testing.assert_allclose(t, (up - down) / (2 * step), atol=1e-8)
    forward, reverse = (dd.jacobian(f, mode=mode)(MATRIX) for mode in ("forward", "reverse"))
    for a, b in zip(forward, reverse, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)
    np.testing.assert_allclose(
        dd.hessian(lambda x: np.sum(f(x)[0] ** 3))(MATRIX),
        dd.jacobian(dd.grad(lambda x: np.sum(f(x)[0] ** 3)), mode="reverse")(MATRIX),
        atol=1e-12,
    )


def test_a_tangent_in_another_layout_than_its_primal_takes_stores_through_a_reshape():
    def f(x):
        y = x * 1
        y.T.reshape(-1)[1] = x[0, 0] ** 2
        return y

    x, t = np.asfortranarray(MATRIX), np.ascontiguousarray(A(3, 4, seed=1))
    expected = t.copy()
    expected[1, 0] = 2 * x[0, 0] * t[0, 0]
    np.testing.assert_array_equal(dd.jvp(f, (x,), (t,))[1], expected)
    np.testing.assert_array_equal(dd.linearize(f, x)[1].jvp(t), expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: np.broadcast_to(x, (2, 3, 4)),
        np.diagonal,
        lambda x: np.broadcast_arrays(x, x[:1])[1],
    ],
    ids=["broadcast_to", "diagonal", "broadcast_arrays"],
)
def test_read_only_views_refuse_assignment_as_in_numpy(make):
    def f(x):
        make(x)[0] = 1.0
        return x

    with pytest.raises(ValueError, match="assignment destination is read-only"):
        dd.jvp(f, (MATRIX,), (MATRIX,))


def test_a_read_only_view_sees_later_stores_into_its_base():
    def f(x):
        y = x.copy()
        wide, d = np.broadcast_to(y[0], (2, 4)), np.diagonal(y)
        y[0] = x[1] ** 2
        return wide * 1, d * 1

    (wide, d), (dwide, dd_) = dd.jvp(f, (MATRIX,), (np.ones((3, 4)),))
    np.testing.assert_array_equal(wide, np.broadcast_to(MATRIX[1] ** 2, (2, 4)))
    np.testing.assert_array_equal(dwide, np.broadcast_to(2 * MATRIX[1], (2, 4)))
    np.testing.assert_array_equal(d[0], MATRIX[1, 0] ** 2)
    np.testing.assert_array_equal(dd_, [2 * MATRIX[1, 0], 1.0, 1.0])


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: np.reshape(x, (5, 5)), "cannot reshape"),
        (lambda x: np.reshape(x, (4, 3), order="Q"), "order"),
        (lambda x: np.reshape(x.T, -1, copy=False), "copy"),
        (lambda x: np.transpose(x, (0,)), "axes"),
        (lambda x: np.transpose(x, (0, 0)), "repeated axis"),
        (lambda x: np.squeeze(x, 0), "cannot select an axis"),
        (lambda x: np.moveaxis(x, [0, 1], 0), "same number"),
        (lambda x: np.expand_dims(x, 5), "out of bounds"),
        (lambda x: np.matrix_transpose(x[0]), "at least 2-dimensional"),
        (lambda x: np.fliplr(x[0]), ">= 2-d"),
        (lambda x: np.rot90(x, axes=(0, 0)), "Axes must be different"),
        (lambda x: np.broadcast_to(x, (2, 2)), "could not be broadcast"),
        (lambda x: np.repeat(x, [1, 2], 1), "broadcast"),
        (lambda x: np.tile(x, (-1, 1)), "negative"),
    ],
)
def test_wrong_arguments_raise_what_numpy_raises(call, error):
    with pytest.raises(Exception, match=error) as unbox:
        call(MATRIX)
    with pytest.raises(unbox.type, match=error):
        dd.grad(lambda x: np.sum(call(x)))(MATRIX)


def test_fractional_repeats_are_refused():
    with pytest.raises(TypeError):
        dd.grad(lambda x: np.sum(np.repeat(x, 2.5)))(MATRIX)


STEPS = (
    lambda y, i: y.T,
    lambda y, i: y.reshape(-1),
    lambda y, i: np.ravel(y, "CFAK"[i % 4]),
    lambda y, i: np.swapaxes(y, i % y.ndim, 0),
    lambda y, i: np.expand_dims(y, i % (y.ndim + 1)),
    lambda y, i: np.flip(y, i % y.ndim),
    lambda y, i: y[::-1],
    lambda y, i: y[..., 1:],
    lambda y, i: np.moveaxis(y, 0, i % y.ndim),
    lambda y, i: y.reshape(y.shape[::-1], order="FCA"[i % 3]),
    lambda y, i: np.rot90(np.atleast_2d(y), i),
    lambda y, i: np.diagonal(np.atleast_2d(y)).copy(),
    lambda y, i: np.array_split(y, 2, axis=i % y.ndim)[0],
    lambda y, i: np.concatenate([y, y], i % y.ndim),
    lambda y, i: y.flatten("CFAK"[i % 4]),
    lambda y, i: np.squeeze(np.copy(y, "K"))[None],
    lambda y, i: np.roll(y.real, i),
)
STORES = (
    lambda y, v: y.__setitem__(0, np.ravel(v)[0]),
    lambda y, v: y.__setitem__(Ellipsis, y * 3),
    lambda y, v: np.multiply(y, 2, out=y),
    lambda y, v: np.put(y, [0, y.size - 1], np.ravel(v)[:1]),
    lambda y, v: y.flat.__setitem__(slice(None), np.ravel(v) * 1),
    lambda y, v: y.__setitem__(np.arange(len(y)) % 2 == 0, np.ravel(v)[-1]),
    lambda y, v: None,
)


def linear_program(seed):
    """A random program of views, copies and stores, whose result is a linear function of x."""
    plan = np.random.default_rng(seed).integers(0, 1000, size=(8, 6))

    def f(x):
        arrays = [x, x.copy("K"), x * 2]
        for step, source, i, store, target, value in plan.tolist():
            y = arrays[source % len(arrays)]
            new = STEPS[step % len(STEPS)](y, i)
            arrays.append(new if 0 < np.size(new) < 50 and np.ndim(new) < 5 else y)
            y, v = arrays[target % len(arrays)], arrays[value % len(arrays)]
            STORES[store % len(STORES)](y, v)
        return np.concatenate([np.ravel(y) for y in arrays])

    return f


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_of_views_copies_and_stores_do_what_numpy_does(seed):
    f, rng = linear_program(seed), np.random.default_rng([seed, 1])
    x, t = rng.integers(-9, 9, size=(2, 3, 4)).astype(float)
    if seed % 3:
        x, t = np.asfortranarray(x), np.array(t, order="CF"[seed % 2])
    expected = f(np.array(t, order="F" if seed % 3 else "C"))
    value, tangent = dd.jvp(f, (x,), (t,))
    np.testing.assert_array_equal(value, f(x.copy("K")))
    np.testing.assert_array_equal(tangent, expected)
    np.testing.assert_array_equal(dd.linearize(f, x)[1].jvp(t), expected)
    recorded, pullback = dd.vjp(f, x)
    np.testing.assert_array_equal(recorded, value)
    g = rng.integers(-9, 9, size=value.shape).astype(float)
    assert np.sum(pullback(g)[0] * t) == np.sum(g * expected)
    for mode in ("forward", "reverse"):
        hessian = dd.jacobian(dd.grad(lambda x: np.sum(g * f(x) ** 2)), mode=mode)(x)
        np.testing.assert_array_equal(np.tensordot(hessian, t), 2 * pullback(g * expected)[0])
