"""Joining arrays, splitting them, adding and removing elements."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests, since

CONSTANT = np.arange(6.0).reshape(2, 3)

ROWS = [
    row(np.concatenate, [A(2, 3), A(1, 3)], _prims=("concatenate",)),
    row(np.concatenate, [A(2, 1), A(2, 3), A(2, 2)], axis=-1),
    row(np.concatenate, [A(2, 2), A(3)], axis=None),
    row(np.concatenate, [A(2, 0), A(2, 2)], 1),
    row(np.concatenate, [A(2), A(3)], dtype=np.complex128, _float32=False),
    row(lambda x: np.concatenate([CONSTANT, x, CONSTANT]), A(2, 3), _id="concatenate-constants"),
    row(lambda x: np.concatenate([x, [x[0], 2.0]]), A(2), _id="concatenate-list"),
    row(np.concat, (A(2), A(1))),
    row(np.stack, [A(2, 3), A(2, 3, seed=1)]),
    row(np.stack, [A(2, 3), A(2, 3, seed=1)], axis=-1),
    row(np.stack, [A(), A(seed=1)]),
    row(lambda x: np.stack(x, 1), A(2, 3), _id="stack-rows-of-an-array"),
    row(np.vstack, [A(3), A(2, 3)]),
    row(np.hstack, [A(3), A(2)]),
    row(np.hstack, [A(2, 3), A(2, 1)]),
    row(np.hstack, [A(), A(2)]),
    row(np.dstack, [A(3), A(3, seed=1)]),
    row(np.dstack, [A(2, 3), A(2, 3, 2)]),
    row(np.column_stack, [A(3), A(3, 2)]),
    row(lambda x, y: np.block([[x, y], [y, x]]), A(2, 2), A(2, 2, seed=1), _id="block-matrix"),
    row(lambda x, y: np.block([x, y, 1.0]), A(2), A(3), _id="block-row"),
    row(lambda x, y: np.block([[[x], [y]]]), A(2, 1, 2), A(2, 1, 2, seed=1), _id="block-deep"),
    row(np.block, A(2, 2)),
    row(np.append, A(2, 2), A(3)),
    row(np.append, A(2, 2), A(1, 2), axis=0),
    row(np.append, A(2), 1.5, _float32=False),
    row(np.insert, A(3), 1, 1.5, _complex=False),
    row(np.insert, A(3), [0, 2, 2], A(3, seed=1), _complex=False),
    row(np.insert, A(2, 3), 1, A(2), axis=1, _complex=False),
    row(np.insert, A(2, 3), [1], A(2, 1), axis=1, _complex=False),
    row(np.insert, A(2, 3), slice(0, 2), A(2, 3, seed=1), axis=0, _complex=False),
    row(np.insert, A(2, 3), -1, A(2), axis=-1, _complex=False),
    since(
        "2.1",
        "insert-mask",
        lambda: row(np.insert, A(2, 3), np.array([True, False, True]), 1.5, axis=1, _complex=False),
    ),
    # Complex values in a real array: NumPy warns or raises.
    row(lambda x, y: np.insert(x + 0j, 1, y, axis=1), A(2, 3), A(2), _id="insert-into-complex"),
    row(lambda x: np.insert(x, 0, 7.0), A(2, 2), _id="insert-constant"),
    row(np.delete, A(4), 1),
    row(np.delete, A(2, 3), [0, -1], axis=1),
    row(np.delete, A(2, 3), slice(None, None, 2), 1),
    row(np.delete, A(3), np.array([True, False, True])),
    row(np.delete, A(2, 2), 3),
    row(np.split, A(4, 2), 2),
    row(np.split, A(2, 5), [1, 3], axis=1),
    row(np.split, A(3), [2, 1, 7]),
    row(np.array_split, A(5, 2), 3),
    row(np.array_split, A(2, 5), 2, axis=-1),
    row(np.hsplit, A(2, 4), 2),
    row(np.hsplit, A(4), [1]),
    row(np.vsplit, A(4, 2), 2),
    row(np.dsplit, A(2, 2, 4), [3]),
]
if hasattr(np, "unstack"):
    ROWS += [row(np.unstack, A(2, 3)), row(np.unstack, A(2, 3), axis=-1)]
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.concatenate([]) + x,
        lambda x: np.concatenate([x, 1.0]),
        lambda x: np.concatenate([x, x[0]]),
        lambda x: np.concatenate([x, x], axis=2),
        lambda x: np.stack([x, x[:1]]),
        lambda x: np.split(x, 2, 1),
        lambda x: np.vsplit(x[0], 2),
        lambda x: np.dsplit(x, 2),
        lambda x: np.hsplit(x[0, 0], 2),
        lambda x: np.insert(x, 9, 1.0, axis=0),
        lambda x: np.delete(x, 9, 0),
        lambda x: np.delete(x, 0, 5),
        lambda x: np.block([x, [x]]),
    ],
)
def test_wrong_arguments_raise_the_type_of_error_that_numpy_raises(call):
    with pytest.raises(Exception) as unbox:
        call(CONSTANT)
    with pytest.raises(unbox.type):
        dd.jvp(call, (CONSTANT,), (CONSTANT,))


def test_joining_into_integers_ends_the_derivative():
    def f(x):
        return np.concatenate([x, x], dtype=int, casting="unsafe") * 1.0

    value, tangent = dd.jvp(f, (CONSTANT,), (CONSTANT,))
    np.testing.assert_array_equal(value, f(CONSTANT))
    np.testing.assert_array_equal(tangent, np.zeros((4, 3)))


def test_out_takes_the_result_of_concatenate_and_stack():
    def f(x):
        out = dd.numpy.empty((2, 3, 2))
        np.stack([x, x**2], axis=-1, out=out)
        return out

    value, tangent = dd.jvp(f, (CONSTANT,), (np.ones((2, 3)),))
    np.testing.assert_array_equal(value, np.stack([CONSTANT, CONSTANT**2], axis=-1))
    np.testing.assert_array_equal(tangent[..., 1], 2 * CONSTANT)


def test_parts_of_a_split_write_through():
    def f(x):
        y = x.copy()
        a, b = np.array_split(y, 2, axis=1)
        b[...] = a[:, :1] ** 2
        return y

    np.testing.assert_array_equal(
        dd.jvp(f, (CONSTANT,), (np.ones((2, 3)),))[1], [[1, 1, 0], [1, 1, 6]]
    )


def test_inserting_into_integers_truncates_and_ends_the_derivative():
    def f(x):
        return np.insert(np.arange(3), 1, x) * 1.0

    value, tangent = dd.jvp(f, (np.array([2.7]),), (np.ones(1),))
    np.testing.assert_array_equal(value, [0, 2, 1, 2])
    np.testing.assert_array_equal(tangent, np.zeros(4))
