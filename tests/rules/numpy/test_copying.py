"""Copies, arrays like another, and the functions that write into an array."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

X = A(3, 4)
MASK = X > 0


def stored(store):
    """A function that writes v into a fresh array of the values of x, wide enough for both."""

    def f(x, v):
        y = dd.numpy.array(x, dtype=np.result_type(x, v))
        assert store(y, v) is None
        return y

    return f


ROWS = [
    row(np.copy, A(2, 3), _prims=("copy",)),
    row(np.copy, A(2, 3), "F"),
    row(np.copy, 1.5, _float32=False),
    row(np.astype, A(2, 3), "complex128", _prims=("astype",), _float32=False),
    row(lambda x: x.astype(float), A(2), _id="astype-same", _complex=False, _float32=False),
    row(np.full_like, X, 1.5, _argnums=(0,)),
    row(lambda x: np.full_like(x, x[0, 0]), A(2, 3), _id="full_like"),
    row(lambda x: np.full_like(x, x[0], shape=(2, 3)), A(2, 3), _id="full_like-shape"),
    row(stored(lambda y, v: np.copyto(y, v)), A(3, 4), A(4), _id="copyto"),
    row(stored(lambda y, v: np.copyto(y, v, where=MASK)), A(3, 4), A(3, 1), _id="copyto-where"),
    row(stored(lambda y, v: np.copyto(y, v, where=False)), A(3, 4), A(4), _id="copyto-nowhere"),
    row(stored(lambda y, v: np.put(y, [0, -1, 5], v)), A(3, 4), A(3), _id="put"),
    row(stored(lambda y, v: np.put(y, [0, 1, 2, 0], v)), A(3, 4), A(2), _id="put-cycled"),
    row(stored(lambda y, v: np.put(y, [14, -3], v, "wrap")), A(3, 4), A(2), _id="put-wrap"),
    row(stored(lambda y, v: np.put(y, [14, -3], v, "clip")), A(3, 4), A(), _id="put-clip"),
    row(stored(lambda y, v: np.place(y, MASK, v)), A(3, 4), A(2), _id="place"),
    row(stored(lambda y, v: np.place(y, MASK, y[0, :2] * v)), A(3, 4), A(2), _id="place-product"),
    row(stored(lambda y, v: np.place(y, MASK, y.T[1])), A(3, 4), A(2), _id="place-itself"),
    row(stored(lambda y, v: np.putmask(y, MASK, v)), A(3, 4), A(3, 4, seed=1), _id="putmask"),
    row(stored(lambda y, v: np.putmask(y, MASK, v)), A(3, 4), A(5), _id="putmask-cycled"),
    row(
        stored(lambda y, v: np.put_along_axis(y, np.array([[0], [2], [1]]), v, 1)),
        A(3, 4),
        A(3, 1),
        _id="put_along_axis",
    ),
    row(
        stored(lambda y, v: np.put_along_axis(y, np.array([7, 2]), v, None)),
        A(3, 4),
        A(2),
        _id="put_along_axis-flat",
    ),
    row(stored(lambda y, v: np.fill_diagonal(y, v)), A(3, 4), A(3), _id="fill_diagonal"),
    row(
        stored(lambda y, v: np.fill_diagonal(y, v, wrap=True)),
        A(5, 2),
        A(),
        _id="fill_diagonal-wrap",
    ),
    row(stored(lambda y, v: np.fill_diagonal(y, v)), A(2, 2, 2), A(1), _id="fill_diagonal-cube"),
    row(stored(lambda y, v: y.put([0, 3], v)), A(3, 4), A(2), _id="method-put"),
    row(stored(lambda y, v: y.fill(v)), A(3, 4), A(), _id="method-fill"),
    row(stored(lambda y, v: y.flat.__setitem__(3, v)), A(3, 4), A(), _id="flat-element"),
    row(
        stored(lambda y, v: y.flat.__setitem__(slice(1, 8, 2), v)), A(3, 4), A(2), _id="flat-slice"
    ),
    row(stored(lambda y, v: y.flat.__setitem__([0, 7, 2], v)), A(3, 4), A(3), _id="flat-list"),
    row(stored(lambda y, v: setattr(y, "flat", v)), A(3, 4), A(5), _id="flat-whole"),
]
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize("like", [np.zeros_like, np.ones_like, np.empty_like])
def test_arrays_like_a_traced_one_take_traced_values(like):
    def f(x):
        y = like(x)
        y[...] = 0
        y[0] = x[1] ** 2
        return y

    value, tangent = dd.jvp(f, (X,), (np.ones((3, 4)),))
    np.testing.assert_array_equal(value, f(X))
    np.testing.assert_array_equal(tangent[0], 2 * X[1])
    np.testing.assert_array_equal(tangent[1:], 0)


def test_arrays_like_a_traced_one_take_numpys_other_arguments():
    def f(x):
        made = np.zeros_like(x, dtype=np.float32, shape=(2,))
        assert (made.shape, made.dtype) == ((2,), np.float32)
        mask = np.ones_like(x, dtype=bool)
        mask[0] = x[0] > 0.0
        np.testing.assert_array_equal(np.asarray(mask)[0], X[0] > 0.0)
        return x

    dd.jvp(f, (X,), (X,))


def test_a_copy_is_independent_of_its_original():
    def f(x):
        y = x.copy()
        y[0] = 0
        z = np.copy(y)
        z[1] = 0
        return x + y + z

    np.testing.assert_array_equal(
        dd.grad(lambda x: np.sum(f(x)))(X), np.repeat([[1.0], [2.0], [3.0]], 4, 1)
    )


@pytest.mark.parametrize(
    "store",
    [
        lambda y, v: np.copyto(y, v),
        lambda y, v: np.copyto(y, v[:, :1], where=MASK),
        lambda y, v: np.fill_diagonal(y, v[0, :3]),
        lambda y, v: np.put_along_axis(y, np.array([[0], [1], [2]]), v[:, :1], 1),
    ],
)
def test_a_plain_array_refuses_traced_values(store):
    def f(x):
        store(np.zeros((3, 4)), x)
        return x

    with pytest.raises(TypeError, match=r"dualdiff\.numpy\.zeros"):
        dd.jvp(f, (X,), (X,))


@pytest.mark.parametrize(
    "call",
    [
        lambda y: np.copyto(y, np.array([1j])),
        lambda y: np.copyto(y, np.ones(5)),
        lambda y: np.put(y, [12], 1.0),
        lambda y: np.put(y, [1], 1.0, mode="far"),
        lambda y: np.place(y, MASK, []),
        lambda y: np.place(y, MASK[0], [1.0]),
        lambda y: np.putmask(y, MASK[0], [1.0]),
        lambda y: np.fill_diagonal(y[0], 1.0),
        lambda y: np.put_along_axis(y, np.array([0]), 1.0, 0),
    ],
)
def test_wrong_arguments_raise_the_type_of_error_that_numpy_raises(call):
    with pytest.raises(Exception) as unbox:
        call(X.copy())

    def f(x):
        call(x.copy())
        return x

    with pytest.raises(unbox.type):
        dd.jvp(f, (X,), (X,))


def test_astype_to_integers_ends_the_derivative_and_keeps_numpys_casting_rules():
    np.testing.assert_array_equal(dd.grad(lambda x: np.sum(x.astype(int) * x))(X), X.astype(int))
    with pytest.raises(TypeError, match="same_kind"):
        dd.grad(lambda x: np.sum(x.astype(int, casting="same_kind")))(X)
    with pytest.raises(TypeError, match="safe"):
        dd.grad(lambda x: np.sum(x.astype(np.float32, casting="safe")))(X)


def test_astype_without_copy_is_the_array_itself():
    def f(x):
        y = x * 1
        y.astype(float, copy=False)[0] = 0
        y.astype(float)[1] = 0
        return y

    np.testing.assert_array_equal(dd.grad(lambda x: np.sum(f(x)))(X)[:, 0], [0, 1, 1])


def test_complex_to_real_warns_once_and_drops_the_imaginary_part():
    z = X + 1j
    with pytest.warns(np.exceptions.ComplexWarning) as caught:
        value, tangent = dd.jvp(lambda z: z.astype(float), (z,), (z,))
    assert len(caught) == 1
    np.testing.assert_array_equal(value, X)
    np.testing.assert_array_equal(tangent, X)


@pytest.mark.parametrize("name", ["zeros_like", "ones_like", "empty_like", "full_like"])
def test_dualdiff_numpy_makes_arrays_like_a_plain_one_that_take_traced_values(name):
    def f(x):
        made = getattr(dd.numpy, name)(np.zeros(2), *((x,) if name == "full_like" else ()))
        made[1] = x**2
        made[0] = 3.0
        return made

    np.testing.assert_array_equal(dd.jvp(f, (2.0,), (1.0,))[1], [0, 4])
    assert type(f(2.0)) is np.ndarray


def test_patch_numpy_makes_arrays_like_a_plain_one_take_traced_values():
    @dd.patch_numpy()
    def f(x):
        made = np.zeros_like(np.ones(2))
        made[1] = x**2
        return made + np.full_like(made, x)

    np.testing.assert_array_equal(dd.jvp(f, (2.0,), (1.0,))[1], [1, 5])
