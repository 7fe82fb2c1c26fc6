"""Names of NumPy that no other file has a row for: creation, storing methods, methods of ufuncs."""

import copy
import inspect
import operator
import warnings

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

d = dd.numpy
LOOSE = {"_complex": False, "_float32": False}
UNIT = {"low": 0.2, "high": 0.8}
UNARY = (
    "absolute arccos arcsin arctan arctanh cbrt conjugate cos cosh deg2rad degrees exp exp2 expm1 "
    "fabs log log10 log1p log2 negative positive rad2deg radians reciprocal sin sinh sqrt square "
    "tan tanh arcsinh arccosh"
)
BINARY = (
    "add arctan2 copysign divide float_power fmax fmin fmod hypot logaddexp logaddexp2 maximum "
    "minimum multiply nextafter power remainder subtract"
)
ONCE = ("arccos", "arcsin", "arccosh", "arctanh", "log", "log2", "log10")  # twice leaves the domain


def at(name):
    """A row for ``ufunc.at``, with a repeated index where the ufunc can be applied twice."""
    ufunc, index = getattr(np, name), [0, 2] if name in ONCE else [0, 2, 0]
    low = 1.2 if name == "arccosh" else 0.2
    y = () if ufunc.nin == 1 else (A(len(index), seed=1, low=1.1, high=1.4),)

    def f(x, *y):
        out = d.array(x)
        ufunc.at(out, index, *y)
        return out

    return row(f, A(3, low=low, high=low + 0.3), *y, _id=f"{name}.at", **LOOSE)


def outer(name):
    """A row for ``ufunc.outer``."""
    y = A(2, seed=1, low=1.1, high=1.4)
    return row(getattr(np, name).outer, A(3, **UNIT), y, _id=f"{name}.outer", **LOOSE)


def stored(name, *args, **options):
    """A row for a method that stores into a copy of the array."""

    def f(x, *traced):
        x = x.copy()
        getattr(x, name)(*(traced + args if traced else args))
        return x

    return f


def ranged(a, h):
    if np.iscomplexobj(a) or np.iscomplexobj(h):
        raise TypeError("there are no complex ranges")
    return d.arange(a, a + 3.9 * h, h)


def squares(x):
    return np.stack(list(d.frompyfunc(lambda e: e * e, 1, 1)(x)))


def got(x):
    return x[1, ::2]


def iterated(x):
    first, second = x
    return first * second


def row_stack(x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.vstack([x, y])


def set_item(x, y):
    x = d.array(x)
    x[0], x[1:, 1] = y, x[0, 0] * y[1:]
    return x


def put(x, v):
    x = d.array(x)
    x.put([1, 4], v)
    return x


def filled(x, v):
    x = d.array(x)
    x.fill(v)
    return x


ROWS = [
    *(at(name) for name in (*UNARY.split(), *BINARY.split())),
    *(outer(name) for name in BINARY.split()),
    row(np.ldexp.outer, A(3), np.array([1, -2]), _id="ldexp.outer", **LOOSE),
    *(
        row(getattr(np, f).reduceat, A(5, **UNIT), [0, 2, 1], _id=f"{f}.reduceat", **LOOSE)
        for f in ("copysign", "fmin", "logaddexp2", "nextafter")
    ),
    row(np.nextafter.accumulate, A(4), _id="nextafter.accumulate", **LOOSE),
    row(lambda x, y: d.array([[x, 1.0], [2.0, y]]), A(), A(seed=1), _id="array"),
    row(lambda x: d.asarray([x[0], x[1] * x[0]]), A(2), _id="asarray"),
    row(lambda x: d.asanyarray(x), A(2), _id="asanyarray"),
    row(lambda x: d.asarray_chkfinite(x), A(2), _id="asarray_chkfinite"),
    row(lambda x: d.ascontiguousarray(x.T), A(2, 3), _id="ascontiguousarray"),
    row(lambda x: d.asfortranarray(x), A(2, 3), _id="asfortranarray"),
    row(lambda x: d.require(x, requirements=["C"]), A(2, 3), _id="require"),
    row(lambda x: d.full((2, 3), x), A(), _id="full"),
    row(ranged, 0.3, 0.4, _id="arange", **LOOSE),
    row(lambda x: d.fromiter((e * x[0] for e in x), float), A(3), _id="fromiter", **LOOSE),
    row(squares, A(3), _id="frompyfunc", **LOOSE),
    row(row_stack, A(2), A(2, seed=1)),
    row(got, A(3, 4), _id="ndarray.__getitem__"),
    row(iterated, A(2, 3), _id="ndarray.__iter__"),
    row(set_item, A(3, 3), A(3, seed=1), _id="ndarray.__setitem__", _complex=False),
    row(lambda x: copy.deepcopy(x) * x, A(3), _id="ndarray.__deepcopy__"),
    row(lambda x, y: d.array([1, 0]).choose([x, y]), A(2), A(2, seed=1), _id="ndarray.choose"),
    row(filled, A(2), A(seed=1), _id="ndarray.fill", _complex=False),
    row(put, A(2, 3), A(2, seed=1), _id="ndarray.put", _complex=False),
    row(stored("sort", 0), A(3, 2), _id="ndarray.sort", _complex=False),
    row(stored("partition", 1), A(4), _id="ndarray.partition", _complex=False),
    row(stored("resize", (2, 3)), A(4), _id="ndarray.resize"),
    row(operator.itemgetter(0), A(3), _id="ndarray.__getitem__-0"),
]  # fmt: skip
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize("home", ["linalg", "fft"])
def test_helpers_do_not_stand_under_names_of_numpy(home):
    module, ours = getattr(np, home), getattr(dd.numpy, home)
    names = [n for n in module.__all__ if inspect.isroutine(getattr(module, n))]
    assert len(names) > 15
    for name in names:
        own, given = (inspect.signature(getattr(m, name)) for m in (ours, module))
        assert list(own.parameters) == list(given.parameters), name


def test_the_diagonals_of_a_stack_of_matrices_have_an_offset():
    x = np.arange(18.0).reshape(2, 3, 3)
    value, tangent = dd.jvp(lambda x: dd.numpy.linalg.diagonal(x, offset=1), (x,), (-x,))
    np.testing.assert_array_equal(value, np.linalg.diagonal(x, offset=1))
    np.testing.assert_array_equal(tangent, -value)
