"""One call for every differentiable name of NumPy: its parameters are called as in numpy_api.tsv.

`call_of` gives for each name a function of the arguments that have a derivative and values for
them, in the order of the function and under their names in the specification.
`test_every_argument` differentiates it by each argument alone.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

import dualdiff as dd
from tests.rules.rows import A

d = dd.numpy
Call = tuple[Callable[..., Any], dict[str, Any]]

X, Y, V, W = A(2, 3), A(2, 3, seed=1), A(4), A(3, seed=5)
T, S, P = A(2, 3, 4), A(3, 3), A(4, low=0.5, high=1.5)
MASK = np.array([[True, False, True], [True, True, False]])
ONE = {"a": X}
UNIT = {"low": 0.15, "high": 0.85}


def into(f: Callable[[Any], Any], x: Any) -> Any:
    """A copy of `x`, after `f` has written to it."""
    out = d.array(x)
    f(out)
    return out


_INITIAL = ("max", "min", "amax", "amin", "nanmax", "nanmin")
# Functions of one array, with what else they take.
_OF_ONE: dict[str, tuple[str, Any, tuple[Any, ...]]] = {
    **dict.fromkeys(("copy", "ravel", "median", "nanmedian", "nanmean", "mean", "ptp", "trace",
                     "cumsum", "nancumsum", "cumprod", "nancumprod", "sort", "sort_complex",
                     "squeeze", "atleast_1d", "atleast_2d", "atleast_3d"), ("a", X, ())),
    **dict.fromkeys(("transpose", "permute_dims", "diagonal"), ("a", T, ())),
    "moveaxis": ("a", T, (0, -1)), "rollaxis": ("a", T, (2,)), "swapaxes": ("a", T, (0, 2)),
    "reshape": ("a", X, ((3, 2),)), "resize": ("a", X, ((3, 4),)), "roll": ("a", X, (2,)),
    "repeat": ("a", X, (2,)), "take": ("a", X, ([0, 4],)), "expand_dims": ("a", X, (1,)),
    "partition": ("a", X, (1,)), "split": ("ary", X, (2,)), "array_split": ("ary", X, (2,)),
    "vsplit": ("ary", X, (2,)), "hsplit": ("ary", X, (3,)), "dsplit": ("ary", T, (2,)),
    "broadcast_to": ("array", X, ((2, 2, 3),)), "tile": ("A", X, (2,)), "delete": ("arr", X, (1,)),
    "diag": ("v", V, ()), "diagflat": ("v", V, ()), "tril": ("m", S, ()), "triu": ("m", S, ()),
    "flip": ("m", X, ()), "fliplr": ("m", X, ()), "flipud": ("m", X, ()), "rot90": ("m", X, ()),
    "real": ("val", X, ()), "imag": ("val", 1j * X, ()), "angle": ("z", X + 1j * Y, ()),
    "real_if_close": ("a", X, ()), "astype": ("x", X, (complex,)), "i0": ("x", X, ()),
    "sinc": ("x", X, ()), "vander": ("x", V, ()), "matrix_transpose": ("x", T, ()),
    "unstack": ("x", X, ()), "cumulative_sum": ("x", V, ()), "cumulative_prod": ("x", V, ()),
    "trim_zeros": ("filt", V, ()), "unique": ("ar", V, ()), "unique_values": ("x", V, ()),
    "unique_all": ("x", V, ()), "unique_counts": ("x", V, ()), "unique_inverse": ("x", V, ()),
     "setdiff1d": ("ar1", V, ([9.0],)),
    "poly": ("seq_of_zeros", V, ()), "roots": ("p", V, ()), "polyder": ("p", V, ()),
    "take_along_axis": ("arr", X, (np.array([[0, 2], [1, 0]]), -1)),
    **{f"linalg.{n}": ("a", S, ()) for n in ("det", "slogdet", "inv", "pinv", "qr", "eigvals")},
    **{f"linalg.{n}": ("a", S, (2,)) for n in ("matrix_power",)},
    **{f"linalg.{n}": ("x", S, ()) for n in ("cond", "norm", "matrix_norm", "vector_norm",
                                             "svdvals", "trace", "diagonal", "matrix_transpose")},
    **{f"fft.{n}": ("a", T, ()) for n in (
        "fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2", "fftn",
        "ifftn", "rfftn", "irfftn")},
    "fft.fftshift": ("x", X, ()), "fft.ifftshift": ("x", X, ()),
    **{f"emath.{n}": ("x", X, ()) for n in (
        "arccos", "arcsin", "arctanh", "log", "log10", "log2", "sqrt")},
    "lib.stride_tricks.as_strided": ("x", V, ((3, 2), (8, 8))),
    "lib.stride_tricks.sliding_window_view": ("x", V, (2,)),
    **dict.fromkeys(("asarray", "asanyarray", "asarray_chkfinite", "ascontiguousarray",
                     "asfortranarray", "require"), ("a", X, ())),
    "array": ("object", X, ()),
}  # fmt: skip


def _alike(names: str, value: Any) -> dict[str, Any]:
    return dict.fromkeys(names.split(), value)


# Functions of several arrays by position: their names in the specification, and the values.
_OF_MORE: dict[str, dict[str, Any]] = {
    **_alike("convolve correlate", {"a": V, "v": W}),
    **_alike("dot inner outer kron vdot cross tensordot", {"a": S, "b": A(3, 3, seed=1)}),
    "append": {"arr": X, "values": Y}, "setxor1d": {"ar1": V, "ar2": W},
    "union1d": {"ar1": V, "ar2": W}, "polyval": {"p": V, "x": W},
    **_alike("polyadd polysub polymul", {"a1": V, "a2": W}),
    "polydiv": {"u": V, "v": W}, "emath.logn": {"n": P, "x": V}, "emath.power": {"x": V, "p": W[0]},
    "linspace": {"start": X, "stop": W}, "geomspace": {"start": P, "stop": P + 1},
    "interp": {"x": A(4, low=-1.3, high=0.3), "xp": np.array([-1.4, -0.2, 0.4]), "fp": W}, "clip": {
        "a": X, "a_min": A(2, 3, low=-1.0, high=0.0), "a_max": A(3, low=0.1, high=1.0)},
    "corrcoef": {"x": X, "y": W}, "ediff1d": {"ary": V, "to_end": W, "to_begin": 0.3},
    "linalg.solve": {"a": S, "b": X.T}, "linalg.tensorsolve": {"a": S, "b": W},
    "linalg.lstsq": {"a": A(4, 2), "b": V},
    **{f"linalg.{n}": {"x1": X, "x2": Y} for n in ("cross", "vecdot")},
    "linalg.outer": {"x1": V, "x2": W}, "linalg.matmul": {"x1": X, "x2": S},
    "linalg.tensordot": {"x1": S, "x2": S + X[0]}, "vecdot": {"x1": X, "x2": Y},
    "matmul": {"x1": X, "x2": S}, "matvec": {"x1": X, "x2": W}, "vecmat": {"x1": W, "x2": S},
}  # fmt: skip


def _extremum(f: Any, numpys: Any) -> Call:
    """With an initial value that wins in one of the rows."""
    start = float(np.mean(numpys(X, axis=1)))
    return lambda a, initial: f(a, axis=1, initial=initial), {"a": X, "initial": start}


def _others() -> dict[str, Call]:
    """Names whose calls look like no other's."""
    index = np.array([[0, 2], [1, 0]])
    points = A(6, seed=9)
    sym, spd = (lambda a: a + a.T), (lambda a: a @ a.T + np.eye(3))
    nan = np.array([[np.nan, np.inf, 0.3], [-np.inf, 0.1, 0.2]])
    weights = {"weights": A(6)}
    return {
        **{f"np.{n}": _extremum(getattr(d, n), np.max if "max" in n else np.min) for n in _INITIAL},
        **{f"np.{n}": (lambda a, initial, n=n: getattr(d, n)(a, 1, initial=initial),
                       {"a": X, "initial": 0.4}) for n in ("sum", "prod", "nansum", "nanprod")},
        **{f"np.{n}": (lambda a, mean, n=n: getattr(d, n)(a, 1, mean=mean, keepdims=True),
                       {"a": X, "mean": A(2, 1)}) for n in ("var", "std", "nanvar", "nanstd")},
        **{f"np.{n}": (getattr(d, n), {"a": A(3, 5), "q": 33.0 if "per" in n else 0.33})
           for n in ("quantile", "percentile", "nanquantile", "nanpercentile")},
        **{f"np.{n}": (lambda x, y, n=n: getattr(d, n)([x, y]), {"0": X, "1": Y}) for n in (
            "concatenate", "concat", "stack", "hstack", "vstack", "dstack", "column_stack",
            "block")},
        "np.row_stack": (lambda x, y: d.vstack([x, y]), {"0": X, "1": Y}),
        "np.r_": (lambda x, y: d.r_[x, y], {"0": V, "1": W}),
        "np.c_": (lambda x, y: d.c_[x, y], {"0": V, "1": 2 * V}),
        "np.meshgrid": (d.meshgrid, {"0": V, "1": W}),
        "np.broadcast_arrays": (d.broadcast_arrays, {"0": X, "1": W}),
        "np.einsum": (lambda x, y: d.einsum("ij,kj", x, y), {"0": X, "1": Y}),
        "np.linalg.multi_dot": (lambda x, y: d.linalg.multi_dot([x, y, x]), {"0": X, "1": X.T}),
        "np.choose": (lambda x, y: d.choose([1, 0, 1], [x, y]), {"0": X, "1": Y}),
        "ndarray.choose": (lambda x, y: d.array([1, 0, 1]).choose([x, y]), {"0": X, "1": Y}),
        "np.select": (lambda x, y, default: d.select([MASK, X > 0], [x, y], default),
                      {"choicelist": X, "1": Y, "default": 0.7}),
        "np.where": (lambda x, y: d.where(MASK, x, y), {"x": X, "y": Y}),
        "np.piecewise": (lambda x: d.piecewise(x, [X < 0], [lambda v: v * v, np.sin]), {"x": X}),
        "np.compress": (lambda a: d.compress([True, False, True], a, 1), ONE),
        "np.extract": (lambda arr: d.extract(MASK, arr), {"arr": X}),
        "np.average": (lambda a, weights: d.average(a, 1, weights), {"a": X, "weights": W * W}),
        "np.bincount": (lambda weights: d.bincount([0, 2, 1, 2], weights), {"weights": V}),
        "np.cov": (lambda m, y, aweights: d.cov(m, y, aweights=aweights),
                   {"m": A(2, 4), "y": V, "aweights": P}),
        "np.diff": (lambda a, prepend, append: d.diff(a, 1, -1, prepend, append),
                    {"a": X, "prepend": 0.2, "append": A(2, 1)}),
        "np.gradient": (d.gradient, {"f": V, "varargs": np.array([0.1, 0.5, 1.3, 1.9])}),
        "np.trapezoid": (lambda y, x, dx: d.trapezoid(y, x) + d.trapezoid(y, dx=dx),
                         {"y": X, "x": W, "dx": 0.4}),
        "np.unwrap": (lambda p, period: d.unwrap(p, period=period), {"p": 4 * V, "period": 2.7}),
        "np.pad": (lambda array, constant_values, end_values: (
            d.pad(array, 1, constant_values=constant_values),
            d.pad(array, 1, "linear_ramp", end_values=end_values),
        ), {"array": V, "constant_values": 0.4, "end_values": 0.7}),
        "np.nan_to_num": (lambda x, nan_, posinf, neginf: d.nan_to_num(
            np.where(np.isfinite(nan), x, nan), nan=nan_, posinf=posinf, neginf=neginf
        ), {"x": X, "nan": 0.1, "posinf": 2.0, "neginf": -2.0}),
        "np.insert": (lambda arr, values: d.insert(arr, 1, values, 0), {"arr": X, "values": W}),
        "np.copyto": (lambda dst, src: into(lambda o: d.copyto(o, src, where=MASK), dst),
                      {"dst": X, "src": Y}),
        "np.place": (lambda arr, vals: into(lambda o: d.place(o, MASK, vals), arr),
                     {"arr": X, "vals": V}),
        "np.put": (lambda a, v: into(lambda o: d.put(o, [1, 4], v), a), {"a": X, "v": V[:2]}),
        "np.putmask": (lambda a, values: into(lambda o: d.putmask(o, MASK, values), a),
                       {"a": X, "values": Y}),
        "np.put_along_axis": (lambda arr, values: into(
            lambda o: d.put_along_axis(o, index, values, 1), arr), {"arr": X, "values": A(2, 2)}),
        "np.fill_diagonal": (lambda a, val: into(lambda o: d.fill_diagonal(o, val), a),
                             {"a": S, "val": W}),
        "np.full": (lambda fill_value: d.full((2, 3), fill_value), {"fill_value": 0.4}),
        "np.full_like": (lambda fill_value: d.full_like(X, fill_value), {"fill_value": 0.4}),
        "np.arange": (lambda start, step: d.arange(start, start + 3.5 * step, step),
                      {"start": 0.3, "step": 0.7}),
        "np.logspace": (lambda start, stop, base: d.logspace(start, stop, 4, base=base),
                        {"start": V, "stop": 1.2, "base": 2.3}),
        "np.kaiser": (lambda beta: d.kaiser(5, beta), {"beta": 2.3}),
        "np.histogram": (lambda weights, bins: d.histogram(points, bins, weights=weights,
                                                           density=True),
                         {**weights, "bins": np.array([-1.7, -0.3, 0.45, 1.8])}),
        "np.histogram2d": (lambda weights: d.histogram2d(points, points, 3, weights=weights),
                           weights),
        "np.histogramdd": (lambda weights: d.histogramdd(points[:, None], 3, weights=weights),
                           weights),
        "np.histogram_bin_edges": (lambda a, range: d.concatenate([
            d.histogram_bin_edges(a, 3), d.histogram_bin_edges(points, 3, range)
        ]), {"a": points, "range": np.array([-1.5, 2.5])}),
        "np.polyfit": (lambda x, y, w: d.polyfit(x, y, 2, w=w),
                       {"x": A(6, **UNIT), "y": A(6), "w": A(6, low=0.5, high=1.5)}),
        "np.polyint": (lambda p, k: d.polyint(p, 2, k), {"p": V, "k": V[:2]}),
        "np.apply_along_axis": (lambda arr: d.apply_along_axis(np.cumprod, 1, arr), {"arr": X}),
        "np.apply_over_axes": (lambda a: d.apply_over_axes(np.sum, a, [0]), ONE),
        "np.vectorize": (lambda x, y: d.vectorize(lambda a, b: a * b)(x, y), {"0": X, "1": W}),
        "np.frompyfunc": (lambda x, y: d.frompyfunc(lambda a, b: a * b, 2, 1)(x, y) * 1.0,
                          {"0": X, "1": W}),
        "np.fromiter": (lambda iter: d.fromiter((e * e for e in iter), float), {"iter": V}),
        "np.fromfunction": (lambda v: d.fromfunction(lambda i: v[0] * i, (3,)), {"0": V}),
        "np.intersect1d": (lambda ar1: d.intersect1d(ar1, ar1[1:]), {"ar1": V}),
        "np.ldexp": (lambda x1: d.ldexp(x1, 2), {"x1": X}),
        "np.ldexp.outer": (lambda A: d.ldexp.outer(A, np.array([1, 2])), {"A": X}),
        "np.linalg.cholesky": (lambda a: d.linalg.cholesky(spd(a)), {"a": S}),
        "np.linalg.eig": (lambda a: d.abs(d.linalg.eig(a)[1]), {"a": S}),
        "np.linalg.eigh": (lambda a: d.abs(d.linalg.eigh(sym(a))[1]), {"a": S}),
        "np.linalg.eigvalsh": (lambda a: d.linalg.eigvalsh(sym(a)), {"a": S}),
        "np.linalg.svd": (lambda a: d.abs(d.linalg.svd(a)[0]), {"a": S}),
        "np.linalg.tensorinv": (lambda a: d.linalg.tensorinv(a, 1), {"a": S}),
    }  # fmt: skip


_DOMAINS = {"arccosh": {"low": 1.2, "high": 2.0}, "acosh": {"low": 1.2, "high": 2.0}}


def _of_ufunc(name: str, arguments: list[str]) -> Call:
    """A ufunc, or a method of one, of numbers that all of them take."""
    head, _, method = name.removeprefix("np.").partition(".")
    ufunc = getattr(d, head)
    x, y = A(4, **_DOMAINS.get(head, UNIT)), A(4, seed=3, low=0.3, high=0.9)
    if method == "at":
        if arguments == ["a"]:
            return lambda a: into(lambda o: ufunc.at(o, [0, 2]), a), {"a": x}
        # One of the extrema is the element, the other one b; remainders are of larger numbers.
        y = np.array([0.9, 1.1]) * (0.4 if "mod" in head or head == "remainder" else 1) * x[[0, 2]]
        return lambda a, b: into(lambda o: ufunc.at(o, [0, 2], b), a), {"a": x, "b": y}
    if method == "outer":
        return ufunc.outer, {"A": x, "B": y[:3]}
    if method == "reduce":
        x = A(2, 1 if head in ("power", "arctan2") else 4, **UNIT)  # see test_ufunc_methods
        start = np.mean((np.min if "min" in head else np.max)(x, axis=1))
        return lambda array, initial: ufunc.reduce(array, 1, initial=initial), {
            "array": x, "initial": float(start)}  # fmt: skip
    if method == "reduceat":
        return lambda array: ufunc.reduceat(array, [0, 2]), {"array": x}
    if method:
        return getattr(ufunc, method), {"array": x}
    if head in ("copysign", "nextafter"):
        return lambda x1: ufunc(x1, y), {"x1": x}
    return ufunc, dict(zip(arguments, (x, y), strict=False))


def _of_array(name: str, arguments: list[str]) -> Call | None:
    """A method, attribute or operator of arrays."""
    last = name.removeprefix("ndarray.")
    x, y = A(3, 3, low=0.4, high=1.4), A(3, 3, seed=2, low=0.4, high=1.4)
    if arguments == ["self", "other"]:
        if last.startswith("__i"):
            apply = getattr(operator, last)
            return lambda x, y: apply(d.array(x), y), {"self": x, "other": y}
        return lambda x, y: getattr(d.array(x), last)(y), {"self": x, "other": y}
    special: dict[str, Call] = {
        "__iter__": (lambda x: list(d.array(x)), {"self": x}),
        "__deepcopy__": (lambda x: d.array(x).__deepcopy__({}), {"self": x}),
        "__getitem__": (lambda x: d.array(x)[1, ::2], {"self": x}),
        "__setitem__": (lambda x, v: into(lambda o: o.__setitem__(0, v), x),
                        {"self": x, "value": W}),
        "astype": (lambda x: d.array(x).astype(complex), {"self": x}),
        "clip": (lambda x, low, high: d.array(x).clip(low, high),
                 {"self": x, "min": W * 0 + 0.7, "max": W * 0 + 1.1}),
        "compress": (lambda x: d.array(x).compress([1, 0, 1], 0), {"self": x}),
        "dot": (lambda x, b: d.array(x).dot(b), {"self": x, "b": y}),
        "fill": (lambda v: into(lambda o: o.fill(v), x), {"value": 0.4}),
        "flat": (lambda x: d.array(x).flat[1:4], {"self": x}),
        "imag": (lambda x: (d.array(x) * 1j).imag, {"self": x}),
        "item": (lambda x: d.array(x).item(1), {"self": x}),
        "partition": (lambda x: into(lambda o: o.partition(1), x), {"self": x}),
        "put": (lambda x, v: into(lambda o: o.put([1, 4], v), x), {"self": x, "values": V[:2]}),
        "repeat": (lambda x: d.array(x).repeat(2), {"self": x}),
        "reshape": (lambda x: d.array(x).reshape(9), {"self": x}),
        "resize": (lambda x: into(lambda o: o.resize((2, 2), refcheck=False), x), {"self": x}),
        "sort": (lambda x: into(lambda o: o.sort(0), x), {"self": x}),
        "swapaxes": (lambda x: d.array(x).swapaxes(0, 1), {"self": x}),
        "take": (lambda x: d.array(x).take([0, 4]), {"self": x}),
        **{n: (lambda x, n=n: getattr(d.array(x), n), {"self": x}) for n in ("T", "mT", "real")},
    }  # fmt: skip
    if last in special:
        return special[last]
    return lambda x: getattr(d.array(x), last)(), {"self": x}


def call_of(name: str, arguments: list[str]) -> Call | None:
    """The call of a name and the values of its arguments, or None."""
    others = _others()
    if name in others:
        return others[name]
    if name.startswith("ndarray."):
        return _of_array(name, arguments)
    short = name.removeprefix("np.")
    function: Any = d
    for part in short.split("."):
        function = getattr(function, part, None)
    if short in _OF_ONE:
        argument, value, more = _OF_ONE[short]
        return lambda x: function(x, *more), {argument: value}
    if short in _OF_MORE:
        return function, _OF_MORE[short]
    return _of_ufunc(name, arguments)
