"""The smallest program of each cause that stood between a program and NumPy's dispatch.

Each runs unchanged under `dd.patch`, in both modes against central differences. Without it, it is
right as well, or ends in an error that says to run it under the patch.
"""

import functools
from collections.abc import Callable
from math import exp, sqrt
from typing import Any

import numpy as np
import numpy.random
import pytest
from numpy import array, zeros
from scipy import (
    fft,
    integrate,
    interpolate,
    linalg,
    optimize,
    signal,
    sparse,
    spatial,
    special,
    stats,
)
from scipy.stats import norm

import dualdiff as dd

X = np.array([0.5, 1.2, -0.7])
SPD = np.array([[2.0, 0.3], [0.3, 1.0]])
SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def slope_of(f: Callable[[Any], Any], x: Any, h: float = 1e-6) -> Any:
    """Central differences at a number or a vector."""
    if np.ndim(x) == 0:
        return (f(x + h) - f(x - h)) / (2 * h)
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(len(x))])


def agrees(f: Callable[[Any], Any], x: Any, expected: Any) -> None:
    """Both modes have the expected derivative."""
    np.testing.assert_allclose(dd.grad(f)(x), expected, rtol=1e-6, atol=1e-8)
    directions = np.eye(len(x)) if np.ndim(x) else [1.0]
    pushed = [dd.jvp(f, (x,), (direction,))[1] for direction in directions]
    np.testing.assert_allclose(np.squeeze(pushed), expected, rtol=1e-6, atol=1e-8)


def _lower_triangle(a: Any) -> Any:
    k = np.tril(a * np.ones((2, 2)) + 2 * np.eye(2))
    return np.linalg.cholesky(k)[1, 0] + np.linalg.eigvalsh(k)[0] + np.linalg.eigh(k)[0][1] ** 2


def _drawn_noise(x: Any) -> Any:
    return (
        np.sum(x * np.random.RandomState(0).rand(3)) + numpy.random.default_rng(1).random() * x[0]
    )


def _compiled_on_constants(x: Any) -> Any:
    hull = spatial.ConvexHull(np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])).volume
    return np.sum(linalg.expm(np.eye(3)) @ x) + x[0] * hull


def _math_by_name(t: Any) -> Any:
    return exp(-t) * sqrt(t)


def _numpy_by_name(x: Any) -> Any:
    d = array(x, dtype=float)
    out = zeros(3)
    out[:] = d**2
    return np.sum(out)


def _scipy_by_name(m: Any) -> Any:
    return np.sum(norm.cdf(np.linspace(-1, 1, 5), m, 1.1))


def _list_of_numbers(x: Any) -> Any:
    return np.sum(np.exp(np.array([x, 2 * x])))


def _dot_of_plain(x: Any) -> Any:
    made = np.eye(3)
    return np.sum(np.arange(9.0).reshape(3, 3).dot(x) ** 2) + made.dot(x).dot(made.dot(x))


class Model:
    """An object with a plain array that was made before the derivative."""

    def __init__(self) -> None:
        self.p = np.eye(2)

    def step(self, q: Any) -> Any:
        self.p += q * np.ones((2, 2))
        return self


def _plain_in_place(q: Any) -> Any:
    return np.sum(Model().step(q).p ** 2)


def _type_is_checked(x: Any) -> Any:
    if type(x) is not np.ndarray:
        raise TypeError("x must be an ndarray")
    return np.sum(x**2)


def _type_chooses(x: Any) -> Any:
    return (10.0 if type(x) is np.ndarray else 1.0) * np.sum(x**2)


def _has_len(m: Any) -> Any:
    return (len(m) if hasattr(m, "__len__") else 1) * m**2


def _zone(lon: Any) -> Any:
    return np.radians(lon - 6 * (int((lon + 180) / 6) + 1)) + lon * round(lon)


class Lattice:
    """A class that wants a float."""

    def __init__(self, a: Any) -> None:
        self.a = float(a)


def _float(a: Any) -> Any:
    return Lattice(a).a ** 3 + complex(a, 1.0).real + np.float64(a)


class Point(np.ndarray):
    """A class derived from ndarray."""

    def __new__(cls, x: Any) -> Any:
        return np.asarray(x).view(cls)


def _subclass(x: Any) -> Any:
    p = Point(x)
    assert isinstance(p * 2, Point)
    return np.sum(p**2)


@functools.lru_cache
def _stiffness(ei: Any, length: Any) -> Any:
    return 12 * ei / length**3


def _key_of_cache(ei: Any) -> Any:
    return _stiffness(ei, 2.0) + _stiffness(3.0, ei)


def _as_float(a: Any, dtype: Any = np.float64) -> Any:
    return dtype(a)


def _converter(x: Any) -> Any:
    return np.sum(_as_float(x) ** 2)


class Indexed:
    """A builtin function as an attribute of a class does not become a method."""

    __getitem__ = np.array


def _unbound(x: Any) -> Any:
    return np.sum(Indexed()[x[0], 2.0, x[2]] ** 2)


def _odeint_of_a_list(a: Any) -> Any:
    return np.sum(integrate.odeint(lambda y, t: -y, a, [0.0, 1.0]))


class Holder:
    """An object that gives its array when it is asked."""

    def __init__(self, x: Any) -> None:
        self.x = np.array(x, float)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.x


def _holder(x: Any) -> Any:
    return np.sum(np.asarray(Holder(x)) ** 2)


class _Angle:
    """A class of the program that knows how to become a number."""

    def __init__(self, degrees: Any) -> None:
        self.degrees = degrees

    def __float__(self) -> float:
        return float(self.degrees * 0.0174532925)


def _own_number(x: Any) -> Any:
    return float(_Angle(x[0])) * sqrt(_Angle(x[1])) + exp(_Angle(x[2]))


def _checked(x: Any, kind: Any = float) -> Any:
    return kind(x)


class _Channel:
    limit = float


def _called_by_a_variable(x: Any) -> Any:
    kinds = [np.float64, complex]
    total = sum([_Channel().limit(v) ** 2 for v in x])
    for kind in kinds:
        total = total + abs(kind(x[0])) * _checked(x[1])
    return total


def _unwrapped(x: Any) -> Any:
    """As programs for arrays with units do."""
    x = x.value if hasattr(x, "value") else x
    return np.sum(x**2)


def _nested_lists(x: Any) -> Any:
    rows = np.concatenate(((x[:2],), ([x[2], 1.0],)), axis=0)
    columns = np.column_stack([[x[0], x[1]], [2.0, x[2]]])
    chosen = np.select([[True, False]], [[x[0], x[1]]], 0.5)
    signs = np.sign([x[0], x[2]]) * x[:2]
    return (
        np.sum(rows @ columns)
        + np.linalg.eigvals([[x[0], 1.0], [x[1], 2.0]])[0]
        + np.sum(np.broadcast_to([x[0], x[1]], (2, 2)) * chosen + signs)
    )


def _broadcast(x: Any) -> Any:
    both = np.broadcast(x, x[:1])
    out = np.empty(both.shape)
    out[:] = [a * b for a, b in both]
    return np.sum(out)


def _table_of_polynomials(x: Any) -> Any:
    table = np.empty((1, 2), dtype=object)
    table[0, 0], table[0, 1] = np.array([x[0], 1.0]), np.array([x[1], x[2]])
    return sum(np.polyval(cell.item(), 2.0) for cell in np.nditer(table, flags=["refs_ok"]))


def _entries(x: Any) -> Any:
    table = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0]])
    table[:, 1] = table[:, 1] * x
    places = (table[:, 0], np.arange(3))
    return np.sum((sparse.csr_matrix((table[:, 1], places), (3, 3)) @ x) ** 2)


def _result_as_target(q: Any) -> Any:
    m = SPD / 2.0
    m[0:1, 0:1] += q
    return np.linalg.slogdet(m)[1]


def _running_extremes(x: Any) -> Any:
    return np.sum(np.fmax.accumulate(x) + np.maximum.accumulate(x) * x + np.fmin.accumulate(-x))


# Whether each is right without the patch as well, where, and the program.
PROGRAMS: list[tuple[bool, Any, Callable[[Any], Any]]] = [
    (True, 0.5, _lower_triangle),
    (True, X, _drawn_noise),
    (True, X, _compiled_on_constants),
    (False, 2.0, _math_by_name),
    (False, X, _numpy_by_name),
    (True, 0.1, _scipy_by_name),
    (True, 1.0, _list_of_numbers),
    (False, X, _dot_of_plain),
    (False, 0.1, _plain_in_place),
    (False, X, _type_is_checked),
    (True, 1.5, _has_len),
    (True, 7.7, _zone),
    (False, 3.0, _float),
    (False, X, _subclass),
    (False, 5.0, _key_of_cache),
    (False, X, _holder),
    (True, X, _converter),
    (True, X, _unbound),
    (True, np.ones(2), _odeint_of_a_list),
    (False, 0.4, _result_as_target),
    (True, X, _running_extremes),
    (False, X, _own_number),
    (False, X, _called_by_a_variable),
    (True, X, _unwrapped),
    (False, X, _nested_lists),
    (False, X, _broadcast),
    (True, X, _table_of_polynomials),
    (False, X, _entries),
]


@pytest.mark.parametrize(
    ("plain", "x", "f"), PROGRAMS, ids=lambda value: getattr(value, "__name__", "")
)
def test_the_unchanged_program_is_right_under_the_patch(
    plain: bool, x: Any, f: Callable[[Any], Any]
) -> None:
    expected = slope_of(f, x)
    with dd.patch():
        agrees(f, x, expected)
    if plain:
        agrees(f, x, expected)
    else:
        with pytest.raises(dd.DualdiffError) as refused:
            dd.grad(f)(x)
        assert "test_border.py" in str(refused.value)


def test_the_branch_of_another_type_is_right_patched_and_found_plain() -> None:
    with dd.patch():
        agrees(_type_chooses, X, 20 * X)
    with pytest.raises(dd.errors.PathError, match="test_border"), dd.debug_paths():
        dd.grad(_type_chooses)(X)


# SciPy's functions by their own names, of a number and of arrays made of it.
BY_NAME: dict[str, Callable[[Any], Any]] = {
    "norm.cdf": stats.norm.cdf,
    "gamma.pdf": lambda x: stats.gamma.pdf(x, 2.0, scale=x),
    "t.logpdf": lambda x: stats.t.logpdf(x, 5.0),
    "norm.ppf": stats.norm.ppf,
    "expon, truncated": lambda x: stats.expon.logpdf(1.0, scale=x) - stats.expon.logsf(2.0, 0, x),
    "lognorm, weibull, cauchy": lambda x: (
        stats.lognorm.logpdf(x, 0.5) + stats.weibull_min.cdf(x, 1.5) + stats.cauchy.sf(x)
    ),
    "binom": lambda x: stats.binom.logpmf(3, 5, x),
    "logistic": stats.logistic.logcdf,
    "solve of lists": lambda x: linalg.solve([[x, 1.0], [0.2, 2.0]], [1.0, x]).sum(),
    "det of lists": lambda x: linalg.det([[x, 1.0], [0.2, x]]),
    "multigammaln": lambda x: special.multigammaln(x + 3.0, 2),
    "polygamma": lambda x: special.polygamma(1, x),
    "comb": lambda x: special.comb(x + 4.0, 2.0),
    "betainc": lambda x: special.betainc(x, 2.0, 0.3) + special.betainc(1.5, x, 0.3),
    "gammainc": lambda x: special.gammainc(x, 1.2),
    "jv and kv by order": lambda x: special.jv(x, 2.0) + special.kv(x, 1.5),
    "interp1d": lambda x: interpolate.interp1d([0.0, 1.0, 2.0], [0.0, x, 1.0])(x),
    "lfilter": lambda x: signal.lfilter([1.0, x], [1.0, 0.5], np.arange(4.0) * x)[-1],
    "freqz": lambda x: np.sum(np.abs(signal.freqz([1.0, x], [1.0, 0.5], 4)[1])),
    "cho_solve": lambda x: np.sum(
        linalg.cho_solve((np.linalg.cholesky(np.eye(2) * x), True), np.ones(2))
    ),
    "cho_factor": lambda x: np.sum(linalg.cho_solve(linalg.cho_factor(SPD * x), np.ones(2))),
    "cholesky": lambda x: np.sum(linalg.cholesky(SPD * x, lower=True)),
    "fft": lambda x: np.sum(np.abs(fft.fft(np.arange(4.0) ** 2 * x + x**2))),
    "solve_ivp with an event": lambda x: integrate.solve_ivp(
        lambda t, y: [y[1], -9.81],
        (0.0, 5.0),
        [x, 2.0],
        events=_ground,
        rtol=1e-10,
        atol=1e-10,
    ).t_events[0][0],
    "odeint over a closure": lambda x: integrate.odeint(
        lambda y, t: -x * y, 1.0, [0.0, 1.0], rtol=1e-11, atol=1e-11
    )[-1, 0],
    "brentq": lambda x: optimize.brentq(lambda t: t**3 - x, 0.0, 2.0),
    "fsolve": lambda x: optimize.fsolve(lambda t: t**3 - x, 1.0, xtol=1e-13)[0],
    "root": lambda x: optimize.root(lambda t: t**3 - x, [1.0], tol=1e-13).x[0],
    "minimize": lambda x: optimize.minimize(lambda t: np.sum((t - x) ** 2), [0.0], tol=1e-13).x[0],
    "newton": lambda x: optimize.newton(lambda t: t**3 - x, 1.0),
    "fixed_quad": lambda x: integrate.fixed_quad(lambda t: np.exp(-x * t), 0.0, 1.0)[0],
    "CubicSpline": lambda x: interpolate.CubicSpline(np.arange(4.0), np.arange(4.0) ** 2 * x)(x),
    "BSpline": lambda x: interpolate.BSpline(np.arange(6.0), np.ones(3) * x, 2)(2.3),
    "RectBivariateSpline": lambda x: interpolate.RectBivariateSpline(
        np.arange(4.0), np.arange(4.0), np.arange(16.0).reshape(4, 4) ** 2
    ).ev(x, 1.0 + x),
    "cdist": lambda x: np.sum(spatial.distance.cdist(SQUARE * x, SQUARE + 0.3)),
}


def _ground(t: Any, y: Any) -> Any:
    return y[0]


_ground.terminal = True


@pytest.mark.parametrize("name", BY_NAME)
def test_functions_of_scipy_by_their_own_names_need_no_patch(name: str) -> None:
    f = BY_NAME[name]
    expected = slope_of(f, 0.4, 1e-5)
    for found in (dd.grad(f)(0.4), dd.jvp(f, (0.4,), (1.0,))[1]):
        np.testing.assert_allclose(np.squeeze(found), np.squeeze(expected), rtol=1e-5)


def test_geometry_of_traced_points_is_right_or_says_why_it_has_no_derivative() -> None:
    with dd.patch(), pytest.raises(dd.DualdiffError, match="Voronoi"):
        dd.grad(lambda x: spatial.Voronoi(SQUARE * x).points.sum())(1.0)
    with dd.patch():
        for make in (spatial.ConvexHull, spatial.Delaunay):
            agrees(lambda x, make=make: make(SQUARE * x).points.sum(), 1.0, 4.0)


def _all_in_one(x: Any) -> Any:
    """Results that are tuples, one object for each element."""
    both = np.vectorize(lambda v, w: (v * w, v + w), excluded=[1], otypes=[np.ndarray])
    return np.sum(np.array(both(x, 2.0).tolist()) ** 2)


def test_vectorized_functions_whose_results_are_objects_keep_derivatives() -> None:
    expected = slope_of(_all_in_one, X)
    with dd.patch():
        agrees(_all_in_one, X, expected)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: np.array([(x[0], x[1])], dtype=[("a", float), ("b", float)])["a"], "fields"),
        (lambda x: np.ma.masked_array(x, [0, 1, 0]).sum(), "masked array.*np.where"),
        (lambda x: np.ma.masked_invalid(x).sum(), "MaskedArray.*np.where"),
        (lambda x: np.sum(np.ndarray((3,), buffer=x)), r"buffer.*\.view\(cls\)"),
    ],
)
def test_arrays_that_cannot_be_traced_say_what_to_write(
    f: Callable[[Any], Any], message: str
) -> None:
    with dd.patch(), pytest.raises(dd.DualdiffError, match=f"(?s){message}") as refused:
        dd.grad(f)(X)
    assert "test_border.py" in str(refused.value)


def test_an_error_that_a_library_makes_of_a_refusal_is_explained_once() -> None:
    def f(x: Any) -> Any:
        try:
            return np.sum(np.linalg.svd(np.asarray(x, dtype=float)[None])[1])
        except TypeError as error:
            raise RuntimeError("no solution") from error

    with pytest.raises(dd.DualdiffError, match="dtype=float") as refused:
        dd.grad(f)(X)
    seen: list[BaseException] = []
    cause: BaseException | None = refused.value
    while cause is not None:
        assert not any(cause is one for one in seen)
        seen.append(cause)
        cause = cause.__cause__

    def plain_target(x: Any) -> Any:
        p = np.zeros(2)
        p += [x[0], x[1]]
        return np.sum(p)

    with pytest.raises(dd.DualdiffError, match=r"a = a \+ x"):
        dd.grad(plain_target)(X)
