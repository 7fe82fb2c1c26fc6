"""Parameters that change what a function computes: `out`, `dtype`, `signature`, `initial`, ..."""

import warnings

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.rules.numpy.common import NUMPY_2_5
from tests.rules.rows import numpy_is
from tests.rules.table import A, row, rule_tests, since

d = dd.numpy
X, Z = A(2, 3), A(2, 3, complex=True)
ONE = {"_float32": False}  # the dtype is that of the call, whatever the data
REAL = {"_complex": False, **ONE}
MASK = np.array([[True], [False]])


def stored(function, shape, dtype=float, **options):
    """The function with its result in an array of its own."""

    def f(*args):
        out = d.zeros(shape, dtype)
        function(*args, out=out, **options)
        return out

    f.__name__ = f"{function.__name__}:out"
    return f


def quiet(function):
    """The function without NumPy's warning that it drops imaginary parts."""

    def f(*args, **kwargs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            return function(*args, **kwargs)

    f.__name__ = function.__name__
    return f


def _put(x, *args, **kwargs):
    out = d.array(x)
    out.put(*args, **kwargs)
    return out


def ranged(x, h):
    if np.iscomplexobj(x) or np.iscomplexobj(h):
        raise TypeError("there are no complex ranges")
    return d.r_[x[0] : x[0] + 3.5 * h : h, x]


SQUARE = A(3, 3)
ROWS = [
    *(
        row(quiet(f), x, axis=0, dtype=dtype, **ONE, _complex=x is Z)
        for f in (np.var, np.std, np.nanvar, np.nanstd)
        for x in (X, Z)
        for dtype in (float, complex)
    ),
    *(
        row(stored(f, (3,), complex, axis=0), X, **REAL)
        for f in (np.sum, np.prod, np.mean, np.var, np.std, np.nanmean, np.max, np.median)
    ),
    *(row(stored(f, (2, 3), complex, axis=1), X, **REAL) for f in (np.cumsum, np.cumprod)),
    row(stored(np.ptp, (2,), axis=1), X, **REAL),
    row(stored(np.quantile, (2,), axis=1, q=0.3), X, **REAL),
    row(stored(np.trace, (), complex), SQUARE, **REAL),
    row(stored(np.subtract.reduce, (3,), complex), X, _id="subtract.reduce:out", **REAL),
    row(stored(np.divide.accumulate, (2, 3)), X, _id="divide.accumulate:out", **REAL),
    row(stored(np.multiply.reduceat, (2, 3), indices=[0, 1]), X, _id="multiply.reduceat", **REAL),
    row(np.add.reduceat, X, indices=[0, 1], axis=0, dtype=complex, _id="add.reduceat", **ONE),
    row(stored(np.clip, (2, 3), a_min=-0.5, a_max=0.6), X, **REAL),
    row(stored(np.clip, (2, 3), a_min=-0.5, a_max=0.6, where=X > 0), X, **REAL),
    row(np.clip, X, -0.5, None, dtype=complex, **REAL),
    row(np.clip, X, None, 0.5, casting="no", **REAL),
    row(np.clip, X, -0.5, 0.5, signature="ddd->d", **REAL),
    row(np.sin, X, signature="d->d", **REAL),
    row(np.multiply, X, A(3), signature=(None, None, complex), **ONE),
    row(np.matmul, X, A(3, 2), signature="DD->D", **ONE),
    row(np.vecdot, X, A(3), dtype=complex, **ONE),
    row(quiet(np.einsum), "ij,jk", Z, A(3, 2, complex=True), dtype=float, casting="unsafe",
        _argnums=(1, 2), **ONE),
    row(np.einsum, "ij,jk", X, A(3, 2), dtype=complex, _argnums=(1, 2), **ONE),
    row(stored(lambda x, y, out: np.einsum("ij,jk", x, y, out=out), (2, 2)), X, A(3, 2), **REAL),
    row(stored(np.dot, (2, 2)), X, A(3, 2), **REAL),
    row(stored(np.fft.ifft, (2, 3), complex), X, **ONE),
    row(stored(np.fft.rfftn, (2, 2), complex), X, **REAL),
    row(np.cov, A(3, 4), dtype=complex, **ONE),
    row(np.corrcoef, A(3, 4), dtype=np.complex128, **REAL),
    row(np.quantile, A(2, 5), 0.4, weights=A(2, 5, low=0.5), axis=1, method="inverted_cdf", **REAL),
    since("2.1", "cumulative_sum", lambda: row(np.cumulative_sum, X, axis=0, include_initial=True)),
    row(lambda low, high: X.clip(low, high), A(3, low=-1.0, high=0.0), 0.7, _id="clip", **REAL),
    row(lambda x, v: _put(x, indices=[1, 4], values=v), X, A(2), _id="put", **REAL),
    row(stored(lambda z, out: z.conjugate(out), (2, 3), complex), Z, **ONE),
    row(np.repeat, A(), 3, axis=0),
    row(lambda x, v: _put(x, [0, 0], v), A(), A(2), _id="put", **REAL),
    row(np.sum, X, axis=0, initial=None),
    row(np.prod, X, axis=0, initial=None),
    row(ranged, A(3, low=0.2, high=0.5), 0.8, _id="r_", **REAL),
    row(lambda x: d.r_[x[0] : x[1] : 3j], A(2), _id="r_", **REAL),
    row(lambda x: d.ascontiguousarray(x[0]), A(2), _id="ascontiguousarray"),
    since("2.4", "array", lambda: row(lambda x: d.array(x, ndmax=3, ndmin=3), X, _id="array")),
    row(lambda x: d.full((2, 3), x, None, "F"), A(3), _id="full"),
    row(lambda x: d.vectorize(np.vdot, signature="(n),(n)->()")(x, x[0]), X, _id="vectorize",
        **ONE, _complex=False),
    row(lambda x: d.vectorize(lambda v: (v[0], v * v), signature="(n)->(),(n)")(x), X,
        _id="vectorize"),
    row(lambda x: d.vectorize(lambda v, k=1: k * np.sum(v), signature="(n)->()", excluded={"k"})(
        x, k=3.0), X, _id="vectorize"),
    row(lambda x: d.vectorize(lambda v: v * v, otypes=[complex])(x), A(3), _id="vectorize", **ONE),
    row(lambda x, v: d.nan_to_num(np.where(MASK, np.nan, x), True, v), X, 0.3, _id="nan_to_num",
        **REAL),
]  # fmt: skip
TestRules = rule_tests(ROWS)

SINGLE = X.astype(np.float32)
VALUES = {
    "sum": lambda m, x, out: m.sum(x, axis=1, out=out((2,))),
    "prod": lambda m, x, out: m.prod(x, 0, None, out((3,))),
    "mean": lambda m, x, out: m.mean(x, axis=1, out=out((2,))),
    "var": lambda m, x, out: m.var(x, axis=1, out=out((2,))),
    "nanstd": lambda m, x, out: m.nanstd(x, axis=1, out=out((2,))),
    "median": lambda m, x, out: m.median(x, 0, out((3,))),
    "nanmedian": lambda m, x, out: m.nanmedian(x, 0, out((3,))),
    "quantile": lambda m, x, out: m.quantile(x, 0.3, 0, out((3,))),
    "ptp": lambda m, x, out: m.ptp(x, 0, out((3,))),
    "cumsum": lambda m, x, out: m.cumsum(x, axis=0, out=out((2, 3))),
    "nancumprod": lambda m, x, out: m.nancumprod(x, axis=0, out=out((2, 3))),
    "add.reduceat": lambda m, x, out: m.add.reduceat(x, [0, 1], 0, None, out((2, 3))),
    "divide.reduce": lambda m, x, out: m.divide.reduce(x, axis=1, out=out((2,))),
    "einsum": lambda m, x, out: m.einsum("ij->j", x, out=out((3,))),
    "trace": lambda m, x, out: m.trace(x, out=out(())),
    "fft": lambda m, x, out: m.fft.fft(x, out=out((2, 3), complex)),
    "outer": lambda m, x, out: m.outer(x[0], x[1], out=out((3, 3))),
}


@pytest.mark.parametrize("data", [X, SINGLE], ids=["double", "single"])
@pytest.mark.parametrize("target", [np.float32, np.float64])
@pytest.mark.parametrize("name", VALUES)
def test_values_in_an_array_of_another_precision_are_numpys(name, target, data):
    call = VALUES[name]

    def numpys(shape, dtype=float):
        return np.zeros(shape, np.result_type(target, np.complex64) if dtype is complex else target)

    def ours(shape, dtype=float):
        return d.array(numpys(shape, dtype))

    try:
        expected = call(np, data, numpys)
    except TypeError:  # NumPy does not cast so far
        with pytest.raises(TypeError):
            dd.jvp(lambda x: call(d, x, ours), (data,), (data,))
        return
    for value in (
        dd.jvp(lambda x: call(d, x, ours), (data,), (data,))[0],
        dd.vjp(lambda x: call(d, x, ours), data)[0],
    ):
        assert value.dtype == expected.dtype
        np.testing.assert_array_equal(value, expected)


REFUSED = [
    lambda m, x: m.sum(x, axis=0, out=d.zeros((2, 3))),
    lambda m, x: m.prod(x, out=d.zeros(1)),
    lambda m, x: m.concatenate([x, x], out=d.zeros((4, 3), int)),
    lambda m, x: m.clip(x, 0, 1, out=d.zeros((2, 3), int)),
    lambda m, x: m.dot(x, x.T, out=d.zeros((2, 2), np.float32)),
    lambda m, x: m.std(x, 0, out=d.zeros(3, int)),
    lambda m, x: m.mean(x[0, 0], axis=0),
    lambda m, x: m.median(x[0, 0], axis=0),
    lambda m, x: m.matmul(x + 1j, x.T, out=d.zeros((2, 2))),
    lambda m, x: m.linalg.matrix_power(x, 1),
    lambda m, x: m.average(x[:, :0], axis=1),
    lambda m, x: m.sum(m.zeros(0) * x[0, 0], initial=None),
    lambda m, x: m.float_power.reduce(x, dtype=np.float32),
]
if not NUMPY_2_5:  # which casts the elements to those of the buffer
    REFUSED.append(lambda m, x: m.take(x.astype(np.float32), [0], 0, out=d.zeros((1, 3))))


@pytest.mark.parametrize("call", REFUSED, ids=range(len(REFUSED)))
def test_what_numpy_refuses_is_refused(call):
    with pytest.raises(Exception) as numpys:  # whatever NumPy raises
        call(np, X)
    kind = next(t for t in numpys.type.__mro__ if t.__module__ == "builtins")
    for m in (np, d):
        with pytest.raises(kind):
            dd.jvp(lambda x, m=m: call(m, x), (X,), (X,))


def test_reductions_refuse_an_array_that_drops_imaginary_parts_on_the_way():
    for f in (np.prod, np.max, np.cumprod, np.multiply.reduce):
        with pytest.raises(TypeError, match="too small"):
            dd.jvp(lambda z, f=f: f(z, axis=0, out=d.zeros(np.shape(f(Z, axis=0)))), (Z,), (Z,))


def test_no_spread_at_all_has_a_second_derivative():
    x = np.array([[1.0, 2.0]])  # one observation of each variable
    square = lambda x: np.sum(np.std(x, axis=0) ** 2)  # noqa: E731
    np.testing.assert_array_equal(dd.jvp(dd.grad(square), (x,), (x,))[1], 0)
    assert dd.jvp(lambda y: dd.jvp(square, (y,), (x,))[1], (x,), (x,))[1] == 0


def test_a_number_becomes_an_array_without_axes():
    for make in (d.array, d.asarray, d.asanyarray, d.require):
        for options in ({}, {"dtype": np.float32}):
            value = dd.vjp(lambda x, make=make, o=options: make(x, **o), np.float64(2.0))[0]
            assert type(value) is np.ndarray
            assert value.shape == ()
    assert dd.vjp(d.asfortranarray, 2.0)[0].shape == (1,)


def test_elements_of_a_broadcast_array_come_in_numpys_order():
    for x in (np.broadcast_to(A(1, 3), (2, 3)), np.broadcast_to(A(3, 1, 2), (3, 4, 2)).T):
        value = dd.jvp(lambda x: np.ravel(x, order="K"), (x,), (np.array(x),))[0]
        np.testing.assert_array_equal(value, np.ravel(x, order="K"))


@pytest.mark.skipif(not numpy_is("2.4"), reason="NumPy has ndmax from 2.4 on")
def test_ndmax_cannot_make_objects_of_traced_values():
    with pytest.raises(dd.DualdiffError, match="ndmax"):
        dd.grad(lambda x: np.sum(d.array([x, x], ndmax=1)))(A(2))
