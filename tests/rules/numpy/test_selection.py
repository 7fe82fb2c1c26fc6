"""Picking elements, diagonals and triangles, clipping."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests, since

INDEX = np.array([[0, 2, 1], [2, 2, 0]])
WHICH = np.array([[0, 1, 2], [2, 1, 0]])
MASKS = [np.array([[True, False, True]]), np.array([[True, True, False], [False, False, False]])]

ROWS = [
    row(np.take, A(5), [0, -1, 0], _prims=("getitem",)),
    row(np.take, A(2, 3), INDEX),
    row(np.take, A(2, 3), INDEX, axis=1),
    row(np.take, A(2, 3), 1, axis=-1),
    row(np.take, A(2, 3), 4),
    row(np.take, A(2, 3), [7, -4], mode="wrap"),
    row(np.take, A(2, 3), [7, -4], 0, mode="clip"),
    row(np.take, A(2, 3), [], axis=1),
    row(np.take_along_axis, A(2, 3), INDEX, axis=1),
    row(np.take_along_axis, A(2, 3), np.array([[0], [1]]), -1),
    row(np.take_along_axis, A(2, 3), np.array([5, 0, 0]), axis=None),
    row(np.take_along_axis, A(2, 1, 2), np.ones((1, 3, 2), int) - 1, axis=1),
    row(np.choose, WHICH, [A(2, 3), A(3), A(2, 1)], _prims=("choose",)),
    row(np.choose, WHICH + 1, [A(2, 3), A(3)], mode="wrap"),
    row(np.choose, WHICH - 1, [A(2, 3), A(1)], mode="clip"),
    row(lambda x: np.choose(WHICH, x), A(3, 2, 3), _id="choose-from-array"),
    row(lambda x, y: np.choose(WHICH, [x, 1, y]), A(2, 3), A(), _id="choose-scalars"),
    row(np.select, MASKS, [A(2, 3), A(3)], _prims=("select",)),
    row(lambda x: np.select(MASKS, [x, x[:, :1] ** 2], x[0]), A(2, 3), _id="select-default"),
    row(
        lambda x: np.select([x > 0, x < -1], [x**2, np.sin(x)], 1.0),
        A(5),
        _complex=False,
        _id="select-by-value",
    ),
    row(
        lambda x: np.piecewise(x, [x < 0], [np.square, np.sin]),
        A(5),
        _complex=False,
        _id="piecewise",
    ),
    row(
        lambda x: np.piecewise(x, [x < -1, x > 1], [np.square, 3.0, lambda v: v[::-1]]),
        A(6),
        _complex=False,
        _id="piecewise-constants",
    ),
    row(
        lambda x: np.piecewise(x, x > 0, [lambda v, a: a * v], 2.0),
        A(4),
        _complex=False,
        _id="piecewise-args",
    ),
    row(np.compress, [True, False, True], A(3, 2), axis=0),
    row(np.compress, [0, 1, 1], A(2, 2)),
    row(np.extract, INDEX > 1, A(2, 3)),
    row(np.diagonal, A(3, 4), _prims=("diagonal",)),
    row(np.diagonal, A(3, 4), offset=-1),
    row(np.diagonal, A(3, 2), 5),
    row(np.diagonal, A(2, 3, 2), 1, axis1=0, axis2=1),
    row(np.diagonal, A(2, 3, 2), 0, -1, 0),
    row(np.linalg.diagonal, A(2, 3, 3), offset=1),
    row(np.diag, A(3), _prims=("diag",)),
    row(np.diag, A(2), k=-2),
    row(np.diag, A(3, 4), 1),
    row(np.diagflat, A(2, 2), k=1),
    row(np.trace, A(3, 4), _prims=("trace",)),
    row(np.trace, A(3, 4), offset=-1),
    row(np.trace, A(2, 3, 2), 1, 1, -1),
    row(np.trace, A(2, 2), dtype=np.complex128, _float32=False),
    row(np.linalg.trace, A(2, 3, 3), offset=-1),
    row(np.tril, A(3, 4), _prims=("tril",)),
    row(np.tril, A(2, 3, 3), k=-1),
    row(np.tril, A(3)),
    row(np.triu, A(4, 3), 1, _prims=("triu",)),
    row(np.triu, A(2)),
    row(np.clip, A(3, 4), -0.7, 0.8, _argnums=(0,), _complex=False, _prims=("clip",)),
    row(np.clip, A(3, 4), A(4, low=-1, high=-0.5), A(3, 1, low=0.5, high=1), _complex=False),
    row(np.clip, A(3, 4), 0.2, _complex=False, a_max=None),
    row(np.clip, A(3, 4), None, A(4, low=-0.2, high=0.2), _complex=False),
    row(np.clip, A(4), 0.9, -0.8, _complex=False, _float32=False),
    since(
        "2.1",
        "clip-min",
        lambda: row(
            lambda x, y: np.clip(x, min=y),
            A(3),
            0.5,
            _complex=False,
            _float32=False,
            _id="clip-min",
        ),
    ),
    since(
        "2.1",
        "clip-max",
        lambda: row(
            lambda x, y: np.clip(x, max=y), A(2, 3), A(2, 1), _complex=False, _id="clip-max"
        ),
    ),
    since("2.1", "clip", lambda: row(lambda x: np.clip(x, None, None), A(2), _id="clip-nothing")),
    row(
        lambda y: np.clip(np.arange(4), y, 2.5),
        1.5,
        _complex=False,
        _float32=False,
        _id="clip-integers",
    ),
]
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize("bounds", [(1.0, 2.0), (1.0, None), (None, 2.0)])
def test_clip_has_slope_1_on_its_edges(bounds):
    edges = np.array([b for b in bounds if b is not None])
    np.testing.assert_array_equal(
        dd.elementwise_grad(lambda x: np.clip(x, *bounds))(edges), np.ones(edges.size)
    )


def test_the_derivatives_of_clip_share_one_unit_wherever_it_is():
    x, low, high = np.array([-2.0, 0.0, 3.0, 1.0, 5.0]), -1.0, np.array([1.0, 1.0, 1.0, -3.0, -3.0])
    value = np.clip(x, low, high)
    gx, glow, ghigh = dd.vjp(np.clip, x, np.full(5, low), high)[1](np.ones(5))
    np.testing.assert_array_equal(gx + glow + ghigh, np.ones(5))
    np.testing.assert_array_equal(gx == 1, value == x)
    np.testing.assert_array_equal(glow == 1, [True, False, False, False, False])


def test_clip_of_nan_passes_the_derivative_on():
    assert dd.grad(lambda x: np.clip(x, 0.0, 1.0))(np.nan) == 1.0


def test_clip_keeps_float32_beside_python_numbers():
    x = np.array([-1, 0.5, 2], np.float32)
    for bounds in ((0.0, 1.0), (0, None), (None, 1)):
        value, tangent = dd.jvp(lambda x: np.clip(x, *bounds), (x,), (x,))  # noqa: B023
        assert value.dtype == tangent.dtype == np.float32
        np.testing.assert_array_equal(value, np.clip(x, *bounds))


def test_clip_writes_into_out_and_into_itself():
    def f(x):
        y = x * 1
        np.clip(y, 0, 1, out=y)
        return y

    value, tangent = dd.jvp(f, (np.array([-1.0, 0.5]),), (np.ones(2),))
    np.testing.assert_array_equal(value, [0, 0.5])
    np.testing.assert_array_equal(tangent, [0, 1])


def test_clip_refuses_a_bound_given_twice_and_keywords_it_does_not_know():
    for call, text in (
        (lambda x: np.clip(x, 0, 1, min=2), "forbidden"),
        (lambda x: np.clip(x, 0, 1, where=np.array([False])), "without out="),
        (lambda x: np.clip(x, 0, 1, wher=True), "wher"),
    ):
        with pytest.raises((ValueError, TypeError), match=text):
            dd.jvp(call, (np.ones(1),), (np.ones(1),))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.choose([1, 0], [1 / np.sqrt(x), x]),
        lambda x: np.select([x > 0], [1 / np.sqrt(x)], x),
    ],
    ids=["choose", "select"],
)
def test_what_is_not_chosen_takes_no_part_in_a_tangent(f):
    x = np.array([0.0, 4.0])
    with np.errstate(divide="ignore"):
        tangent = dd.jvp(f, (x,), (np.ones(2),))[1]
    np.testing.assert_array_equal(tangent, [1, -1 / 16])


def test_repeated_positions_add_up_in_the_gradient_of_take():
    np.testing.assert_array_equal(
        dd.grad(lambda x: np.sum(np.take(x, [1, 1, 2])))(np.ones(4)), [0, 2, 1, 0]
    )


def test_later_changes_of_masks_and_indices_do_not_reach_the_derivative():
    def f(x):
        index, mask, which = np.array([0, 1]), np.array([True, False]), np.array([0, 1])
        y = np.take(x, index) + np.where(mask, x, 3 * x) + np.choose(which, [x, 5 * x])
        y = y + np.select([mask], [x], 7 * x) + np.repeat(x, which)[0]
        index[:], mask[:], which[:] = 1, True, 1
        return y

    np.testing.assert_array_equal(dd.grad(lambda x: np.sum(f(x)))(np.ones(2)), [4, 18])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.take(x, [9]),
        lambda x: np.take(x, np.array([0.5])),
        lambda x: np.take(x, 0, axis=3),
        lambda x: np.take(x, 0, mode="far"),
        lambda x: np.take_along_axis(x, np.array([0]), 0),
        lambda x: np.take_along_axis(x, np.array([[0.5]]), 0),
        lambda x: np.choose([0, 3], [x[0], x[1]]),
        lambda x: np.select([x > 0], [x, x]),
        lambda x: np.select([x], [x]),
        lambda x: np.piecewise(x, [x > 0], [1, 2, 3]),
        lambda x: np.compress([[True]], x),
        lambda x: np.diagonal(x[0]),
        lambda x: np.diagonal(x, axis1=0, axis2=0),
        lambda x: np.diag(x[None]),
        lambda x: np.trace(x[0]),
    ],
)
def test_wrong_arguments_raise_the_type_of_error_that_numpy_raises(call):
    x = A(2, 2)
    with pytest.raises(Exception) as unbox:
        call(x)
    with pytest.raises(unbox.type):
        dd.jvp(call, (x,), (x,))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.take(x, [0, 0], axis=0),
        lambda x: x.take([0, 0], axis=-1),
        lambda x: np.compress([True, True][:1], x, axis=0),
    ],
)
def test_an_array_without_axes_counts_as_a_vector(f) -> None:
    x = np.array(2.0)
    value, grad = dd.value_and_grad(lambda x: np.sum(f(x)))(x)
    assert value == np.sum(f(x))
    assert grad == np.size(f(x))


def test_flat_writes_to_an_array_without_axes() -> None:
    def f(x):
        y = dd.numpy.array(x)
        y.flat[0] = 3.0 * y.flat[0]
        return y * 1.0

    assert dd.grad(f)(2.0) == 3.0
