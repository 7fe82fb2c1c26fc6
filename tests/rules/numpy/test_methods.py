"""Methods and attributes of ndarray on traced arrays."""

import copy
import inspect

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.array import box, conversion
from dualdiff.array.box import Box
from tests.rules.table import A, row, rule_tests

X = A(3, 4)
Z = A(2, 3, complex=True)


def method(name, x, *args, _complex=True, _id=None, **kwargs):
    """A row for ``x.name(*args, **kwargs)``."""
    return row(
        lambda x: getattr(x, name)(*args, **kwargs),
        x,
        _id=_id or f"{name}-{args}",
        _complex=_complex,
    )


def attribute(name, x, **options):
    """A row for ``x.name``."""
    return row(lambda x: getattr(x, name), x, _id=name, **options)


ROWS = [
    method("reshape", A(2, 3), 3, 2),
    method("reshape", A(2, 3), (3, -1), order="F"),
    method("ravel", A(2, 3), "F"),
    method("flatten", A(2, 3)),
    method("flatten", A(2, 3), order="F"),
    method("transpose", A(2, 3, 2)),
    method("transpose", A(2, 3, 2), 1, 0, 2),
    method("transpose", A(2, 3, 2), (2, 0, 1)),
    attribute("T", A(2, 3)),
    attribute("mT", A(2, 3, 2)),
    method("swapaxes", A(2, 3, 2), 0, 2),
    method("squeeze", A(1, 2, 1)),
    method("squeeze", A(1, 2, 1), axis=0),
    method("view", A(2, 3)),
    method("copy", A(2, 3)),
    method("copy", A(2, 3), order="F"),
    method("__copy__", A(2)),
    method("__deepcopy__", A(2), {}),
    method("astype", A(2), "complex128"),
    method("item", A(1, 1)),
    method("item", A(2, 3), 4),
    method("item", A(2, 3), (1, -1)),
    method("item", A(2, 3), 1, 0),
    method("tolist", A(2, 3)),
    method("tolist", A(2)),
    row(lambda x: list(x.flat), A(2, 3), _id="flat-iterated"),
    row(lambda x: x.flat[4] * x.flat[-1], A(2, 3), _id="flat-element"),
    row(lambda x: x.flat[::2], A(2, 3), _id="flat-slice"),
    row(lambda x: x.T.flat.copy(), A(2, 3), _id="flat-copy"),
    attribute("real", Z),
    row(lambda x: (x * (1 + 2j)).imag, A(2, 3), _id="imag"),
    attribute("real", A(2)),
    method("conj", Z),
    method("conjugate", Z),
    method("clip", A(2, 3), -0.6, 0.8, _complex=False),
    method("clip", A(2, 3), max=0.5, _complex=False),
    method("sum", A(2, 3), 0, keepdims=True),
    method("prod", A(2, 3), axis=1),
    method("mean", A(2, 3), (0, 1)),
    method("var", A(2, 3), 0, ddof=1),
    method("std", A(2, 3), axis=-1),
    method("max", A(2, 3), 1, _complex=False),
    method("min", A(2, 3), axis=0, _complex=False),
    method("cumsum", A(2, 3), 1),
    method("cumprod", A(2, 3), axis=0),
    method("trace", A(2, 3), offset=1),
    method("dot", A(2, 3), np.arange(3.0)),
    method("take", A(2, 3), [0, 2], axis=1),
    method("repeat", A(2, 3), 2, axis=0),
    method("diagonal", A(2, 3), 1),
    method("compress", A(2, 3), [True, False, True], axis=1),
    row(lambda x: x.dot(x[0]), A(2, 3), _id="dot-with-itself"),
]
TestRules = rule_tests(ROWS)

OF_VALUES = {
    "all": lambda x: x.all(),
    "any": lambda x: x.any(axis=1),
    "argmax": lambda x: x.argmax(1),
    "argmin": lambda x: x.argmin(axis=0),
    "argsort": lambda x: x.argsort(axis=0),
    "argpartition": lambda x: x.argpartition(2, axis=0),
    "nonzero": lambda x: x.nonzero(),
    "searchsorted": lambda x: np.sort(x[0]).searchsorted([0.0, 1.0], side="right"),
    "nbytes": lambda x: x.nbytes,
    "itemsize": lambda x: x.itemsize,
    "strides": lambda x: x.T.strides,
    "flags": lambda x: x.T.flags.f_contiguous,
    "round": lambda x: x.round(1),
    "device": lambda x: x.device,
    "size": lambda x: x.size,
    "dtype": lambda x: x.dtype,
    "base": lambda x: ((y := x * 1).base is None, y[1:].T.base is y),
}


@pytest.mark.parametrize("f", OF_VALUES.values(), ids=OF_VALUES.keys())
def test_methods_without_derivative_give_numpys_values(f):
    seen = []

    def traced(x):
        seen.append(f(x))
        return x

    dd.jvp(traced, (X,), (X,))
    dd.vjp(traced, X)
    for result in seen:
        np.testing.assert_equal(result, f(X))
    assert len(seen) == 2


def test_every_public_attribute_of_ndarray_is_there():
    names = [name for name in dir(np.ndarray) if name[0] != "_" and hasattr(np.eye(1), name)]
    names = [name for name in names if name != "tostring"]  # NumPy 2.3 has removed it
    missing = [name for name in names if not hasattr(Box, name)]
    assert not missing


def test_sort_and_partition_in_place_are_seen_by_views():
    def f(x):
        y = x.copy()
        first = y[0]
        assert y.sort(axis=0) is None
        z = x.T.copy()
        z.partition(1)
        return first * 1, z[:, 0] * 1

    (value, lowest), (tangent, dlowest) = dd.jvp(f, (X,), (X,))
    np.testing.assert_array_equal(value, X.min(0))
    np.testing.assert_array_equal(tangent, X.min(0))
    np.testing.assert_array_equal(lowest, X.min(0))
    np.testing.assert_array_equal(dlowest, X.min(0))


def test_the_real_part_can_be_assigned_and_writes_through():
    def f(x):
        z = x * (1 + 2j)
        z.real = x**2
        z.real[0] *= 3
        part = z.real
        part[1, 1] = 7.0
        return z

    value, tangent = dd.jvp(f, (X,), (np.ones((3, 4)),))
    np.testing.assert_array_equal(value, f(X))
    expected = 2 * X + 2j
    expected[0] = 6 * X[0] + 2j
    expected[1, 1] = 2j
    np.testing.assert_allclose(tangent, expected, rtol=1e-15)
    g = A(3, 4, complex=True)
    np.testing.assert_allclose(
        dd.grad(lambda x: np.sum((g * f(x)).real))(X), (g * expected).real, rtol=1e-14
    )


def test_copies_are_traced_and_independent():
    def f(x):
        kept = {"x": x * 1}
        deep, shallow, method = copy.deepcopy(kept), copy.copy(kept["x"]), kept["x"].copy()
        kept["x"][0] = 0.0
        return deep["x"] + shallow + method

    np.testing.assert_array_equal(dd.grad(lambda x: np.sum(f(x)))(X), np.full((3, 4), 3.0))


def test_scalars_copy_and_give_items_too():
    def f(x):
        return copy.deepcopy(x) * copy.copy(x) * x.item()

    assert dd.grad(f)(np.float64(2.0)) == 12.0


def test_item_of_an_array_of_several_elements_raises():
    with pytest.raises(ValueError, match="size 1"):
        dd.grad(lambda x: x.item())(X)
    with pytest.raises(IndexError):
        dd.grad(lambda x: x.item(12))(X)
    with pytest.raises(ValueError, match="incorrect number of indices"):
        dd.grad(lambda x: x.item(1, 1, 1))(X)


def test_tolist_gives_nested_lists_of_traced_scalars():
    def f(x):
        rows = x.tolist()
        assert type(rows) is list
        assert type(rows[0]) is list
        assert isinstance(rows[0][0], float)
        return rows[1][2] ** 2

    expected = np.zeros((3, 4))
    expected[1, 2] = 2 * X[1, 2]
    np.testing.assert_array_equal(dd.grad(f)(X), expected)


REFUSED = {
    "view": (lambda x: x.view(np.int64), "astype"),
    "complex view": (lambda x: x.view(complex), "astype"),
    "data": (lambda x: x.data, "value_of"),
    "ctypes": (lambda x: x.ctypes, "value_of"),
    "tobytes": (lambda x: x.tobytes(), "value_of"),
    "tofile": (lambda x: x.tofile("nowhere"), "value_of"),
    "dump": (lambda x: x.dump("nowhere"), "value_of"),
    "dumps": (lambda x: x.dumps(), "value_of"),
    "byteswap": (lambda x: x.byteswap(), "value_of"),
    "getfield": (lambda x: x.getfield(float), "value_of"),
    "setfield": (lambda x: x.setfield(1.0, float), "assign by index"),
    "setflags": (lambda x: x.setflags(write=True), "assignment"),
    "shape": (lambda x: setattr(x.T, "shape", (12,)), r"x\.reshape\(\(12,\)\)"),
}


@pytest.mark.parametrize(("use", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_lose_the_derivative_is_refused_with_a_way_out(use, text):
    def f(x):
        use(x)
        return x

    with pytest.raises(TypeError, match=text):
        dd.jvp(f, (X,), (X,))


def test_every_member_of_a_box_is_written_in_the_files_of_its_class() -> None:
    written = inspect.getsource(box) + inspect.getsource(conversion)
    names = [n for n in vars(np.ndarray) if n in vars(box.Box) or n in vars(conversion.Wrapper)]
    functions = [name for name in names if name not in ("__doc__", "__array_priority__")]
    assert len(functions) > 100
    assert not [name for name in functions if f"def {name}(" not in written]
