"""Every bad input has an error of its own: what, where (the user's line), and what to write
instead."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.optimize
import scipy.signal
import scipy.stats

import dualdiff as dd

X = np.array([0.5, 1.5, 2.5])
HERE = "test_errors.py"


def _assign_element(x: Any) -> Any:
    unbox = np.zeros(3)
    unbox[0] = x[0]
    return np.sum(unbox)


def _assign_slice(x: Any) -> Any:
    unbox = np.zeros(3)
    unbox[:] = x
    return np.sum(unbox)


def _assign_flat_element(x: Any) -> Any:
    unbox = np.zeros(3)
    unbox.flat[1] = x[0]
    return np.sum(unbox)


def _shuffle(x: Any) -> Any:
    rows = np.outer(x, x)
    np.random.default_rng(0).shuffle(rows)
    return np.sum(rows)


def _add_in_place(x: Any) -> Any:
    unbox = np.zeros(3)
    unbox += x
    return np.sum(unbox)


def _add_to_element(x: Any) -> Any:
    unbox = np.zeros(3)
    unbox[1] += x[1]
    return np.sum(unbox)


def _out(x: Any) -> Any:
    unbox = np.zeros(3)
    np.add(x, 1.0, out=unbox)
    return np.sum(unbox)


def _solver(x: Any) -> Any:
    return scipy.optimize.minimize(lambda y: np.sum((y - x) ** 2), x).fun


@pytest.fixture
def _scipy_as_it_is() -> Iterator[None]:
    """SciPy's own functions take no traced values, as under DUALDIFF_SCIPY=0."""
    dd.config(scipy=False)
    yield
    dd.config(scipy=True)


CASES: list[tuple[str, Callable[[Any], Any], tuple[str, ...]]] = [
    (
        "float(loss)",
        lambda x: float(np.sum(x)),
        ("float() of a traced value", "Leave the float() out"),
    ),
    ("complex(x)", lambda x: complex(x[0]), ("complex() of a traced value", "x + 0j")),
    ("math.sin", lambda x: math.sin(x[0]), ("math.sin -> np.sin", "value_of")),
    (
        "math.isfinite",
        lambda x: x[0] if math.isfinite(x[0]) else 0.0,
        ("write NumPy's", "value_of"),
    ),
    ("range", lambda x: sum(x[0] for _ in range(x[0])), ("an index made of a traced value",)),
    (
        "asarray",
        lambda x: np.sum(np.asarray(x)),
        ("dualdiff.numpy.asarray", "dualdiff.patch", "value_of"),
    ),
    ("plain.dot", lambda x: np.sum(np.eye(3).dot(x)), ("write `A @ x` for `A.dot(x)`",)),
    ("element", _assign_element, ("a plain NumPy array cannot be assigned", "dualdiff.patch")),
    ("slice", _assign_slice, ("a plain NumPy array cannot be assigned", "dualdiff.patch")),
    ("flat element", _assign_flat_element, ("a plain NumPy array cannot be assigned",)),
    ("fill", lambda x: np.zeros(3).fill(x[0]), ("dualdiff.numpy.zeros",)),
    ("matrix", lambda x: x.view(np.matrix) * 2.0, ("cannot become a matrix", "write @")),
    ("shuffle", _shuffle, ("x[rng.permutation(len(x))]",)),
    ("+=", _add_in_place, ("cannot be assigned traced values", "a = a + x")),
    ("[1] +=", _add_to_element, ("a plain NumPy array cannot be assigned", "dualdiff.patch")),
    ("out=", _out, ("cannot be assigned traced values", "dualdiff.numpy.zeros")),
    ("unknown", lambda x: np.sum(np.bartlett(x)), ("value_of",)),
    ("solver", _solver, ("scipy.optimize", "docs/extending.md")),
    (
        "expm",
        lambda x: np.sum(scipy.linalg.expm(np.outer(x, x))),
        ("scipy.linalg.expm was called",),
    ),
    ("string", lambda x: np.sum(x * "a"), ("str", "pass a NumPy array")),
    ("None", lambda x: np.sum(x * None), ("NoneType", "pass a NumPy array")),
    ("masked operand", lambda x: np.sum(x * np.ma.array([1.0, 2, 3])), ("np.where",)),
]


@pytest.mark.parametrize(("f", "texts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
@pytest.mark.usefixtures("_scipy_as_it_is")
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_misuse_inside_the_function_says_what_where_and_what_instead(
    f: Callable[[Any], Any], texts: tuple[str, ...], mode: str
) -> None:
    with pytest.raises(dd.DualdiffError) as error:
        dd.jacobian(f, mode=mode)(X)
    for text in (*texts, HERE):
        assert text in str(error.value)


def test_a_traced_index_into_a_plain_array_says_what_to_write() -> None:
    with pytest.raises(IndexError) as error:
        dd.grad(lambda x: X[x[0]] * x[0])(X)
    assert "int(dualdiff.value_of(i))" in "".join(error.value.__notes__)


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        (np.arange(3), "pass floating-point values, for example x.astype(float)"),
        (np.array([True, False]), "dtype bool"),
        (np.int64(3), "x.astype(float)"),
        ("abc", "a value of type str cannot be differentiated"),
        ([1.0, "a"], "a value of type str"),
        (np.array([1.0, "a"], dtype=object), "dtype object"),
        (np.array(["a"]), "dtype <U1"),
        (pd.Index([1.0]), "pass x.to_numpy()"),
        (np.ma.array([1.0, 2.0]), "pass x.filled(value)"),
        (True, "a value of type bool"),
    ],
    ids=lambda p: type(p).__name__,
)
def test_arguments_without_derivatives_are_refused(argument: Any, text: str) -> None:
    for derivative in (dd.grad(np.sum), dd.jacobian(np.sum, mode="forward"), dd.hessian(np.sum)):
        with pytest.raises(TypeError) as error:
            derivative(argument)
        assert text in str(error.value)
        assert HERE in str(error.value)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (lambda x: x, "returned shape (3,)"),
        (lambda x: {"a": np.sum(x)}, "returned a container {'a': *}"),
        (lambda x: None, "returned None"),
        (lambda x: np.sum(x, keepdims=True), "returned shape (1,)"),
    ],
)
def test_grad_of_a_non_scalar_result_names_the_alternatives(result: Any, text: str) -> None:
    with pytest.raises(TypeError) as error:
        dd.grad(result)(X)
    assert text in str(error.value)
    assert "jacobian" in str(error.value)
    assert "has_aux=True" in str(error.value)


def test_wrong_tangents_and_argnums_are_refused_by_name() -> None:
    f = lambda x, y: np.sum(x * y)  # noqa: E731  # as users write it
    with pytest.raises(TypeError, match=r"tangent must have the shape \(3,\)"):
        dd.jvp(f, (X, X), (X, X[:2]))
    with pytest.raises(TypeError, match="1 tangents for 2"):
        dd.jvp(f, (X, X), (X,))
    with pytest.raises(TypeError, match=r"write jvp\(f, \(x,\), \(t,\)\)"):
        dd.jvp(f, X, X)
    with pytest.raises(TypeError, match="first difference at"):
        dd.jvp(lambda p: np.sum(p["w"]), ({"w": X},), ({"v": X},))
    with pytest.raises(TypeError, match="must be real"):
        dd.jvp(np.sum, (X,), (X * 1j,))
    with pytest.raises(ValueError, match="argnums is 2, but <lambda> was called with 2"):
        dd.grad(f, argnums=2)(X, X)
    with pytest.raises(ValueError, match="argnums names 'z'"):
        dd.grad(f, argnums="z")(X, X)
    with pytest.raises(ValueError, match="twice"):
        dd.grad(f, argnums=(0, 0))(X, X)
    with pytest.raises(TypeError, match=r"write grad\(f\)\(x\)"):
        dd.grad(3.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="has_aux=True the function must return"):
        dd.grad(np.sum, has_aux=True)(X)
    with pytest.raises(ValueError, match="mode must be one of"):
        dd.jacobian(np.sum, mode="backward")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, np.complex64])
def test_narrow_and_wide_floats_keep_their_dtype(dtype: Any) -> None:
    x = np.array([0.5, 1.5], dtype=dtype)
    gradient = dd.grad(lambda x: np.sum(np.sin(x) * x).real)(x)
    assert gradient.dtype == dtype
    np.testing.assert_allclose(
        gradient, np.cos(x) * x + np.sin(x), rtol=float(np.finfo(dtype).eps) * 8
    )
    assert dd.jvp(np.sin, (x,), (x,))[1].dtype == dtype


def test_debug_nans_names_the_operation_and_the_line_in_value_and_derivative() -> None:
    def value(x: Any) -> Any:
        y = x * 2.0
        return np.sum(np.log(y - 1.0))

    def slope(x: Any) -> Any:
        return np.sum(np.sqrt(x - 0.5))

    with dd.debug_nans():
        for derivative in (dd.grad, lambda f: dd.jacobian(f, mode="forward")):
            with pytest.raises(
                dd.DualdiffError, match=r"log gave .* at test_errors.py:\d+: `return np.sum\(np.log"
            ):
                derivative(value)(X)
        with pytest.raises(
            dd.DualdiffError, match=r"the pullback of sqrt gave .*np.sqrt\(x - 0.5\)"
        ):
            dd.grad(slope)(X)
        with pytest.raises(
            dd.DualdiffError, match=r"the pushforward of sqrt gave .*np.sqrt\(x - 0.5\)"
        ):
            dd.jacobian(slope, mode="forward")(X)
        assert dd.grad(np.sum)(X).tolist() == [1.0, 1.0, 1.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dd.grad(slope)(X)[0] == np.inf


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_derivatives_raise_no_floating_point_error_that_the_function_does_not(mode: str) -> None:
    def f(x: Any) -> Any:
        return np.sum(np.sqrt(x) * np.tanh(x)) + x[0] ** 1.5 + np.hypot(x[0], x[0]) + x[1] * 1e-100

    x = np.array([0.0, 1e-170, 3.0])
    with np.errstate(all="raise"):
        f(x)
        jacobian = dd.jacobian(f, mode=mode)(x)
    assert jacobian.shape == (3,)


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (lambda x: scipy.signal.lfilter(x, [1.0, -0.5], np.ones(4)), "scipy.signal.lfilter"),
        (lambda x: scipy.optimize.fsolve(lambda y: y - x, np.zeros(3)), "scipy.optimize.fsolve"),
        (lambda x: scipy.optimize.brentq(lambda y: y - x[0], 0, 5), "scipy.optimize.brentq"),
        (lambda x: scipy.integrate.quad(lambda t: t * x[0], 0, 1)[0], "scipy.integrate.quad"),
        (lambda x: scipy.stats.norm.logpdf(0.3, x[0], x[1]), "scipy.stats.logpdf"),
        (lambda x: scipy.interpolate.CubicSpline(np.arange(3.0), x), "interpolate.CubicSpline"),
        (lambda x: scipy.fft.fft(x), "scipy.fft.fft"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("_scipy_as_it_is")
def test_a_compiled_library_that_hides_our_error_does_not_hide_what_to_write(
    f: Any, what: str
) -> None:
    for derivative in (dd.jacobian(f), dd.jacobian(f, mode="forward")):
        with pytest.raises(TypeError, match=rf"{what} was called on .* at test_errors.*dualdiff"):
            derivative(X)


def test_an_error_of_the_program_after_a_refusal_that_it_caught_is_left_alone() -> None:
    def f(x: Any) -> Any:
        try:
            return float(x[0])
        except TypeError:
            pass
        raise ValueError("of the program")

    with pytest.raises(ValueError, match="of the program"):
        dd.grad(f)(X)


def test_a_complaint_of_traced_values_alone_says_so() -> None:
    calls = []

    def f(x: Any, y: Any = 1.0) -> Any:
        calls.append(type(x))
        if type(x) is not np.ndarray:
            raise TypeError("x must be an ndarray")
        x[0] = 7.0
        return np.sum(x * y)

    x = X.copy()
    with pytest.raises(dd.DualdiffError, match=r"complains of a traced value.*must be an ndarray"):
        dd.grad(f)(x)
    assert (x == X).all()
    with pytest.raises(TypeError, match=r"can't multiply|unsupported|ufunc"):
        dd.grad(lambda x: f(np.array(dd.value_of(x)), "text"))(X)


def test_a_refusal_that_the_program_catches_is_an_error_if_its_result_is_another() -> None:
    def f(x: Any, otherwise: Any = None) -> Any:
        try:
            return float(x) ** 2
        except TypeError:
            return x**2 if otherwise is None else otherwise

    assert dd.grad(f)(3.0) == 6.0
    assert dd.hessian(f)(3.0) == 2.0
    along = lambda x, *args: dd.jvp(f, (x, *args), (1.0,), argnums=0)[1]  # noqa: E731
    for derivative in (
        dd.grad(f), dd.jacobian(f), dd.hessian(f), dd.grad(dd.grad(f)), dd.grad(along),
        lambda x, *args: dd.hvp(f)(x, 1.0, *args),
    ):  # fmt: skip
        with pytest.raises(dd.DualdiffError, match=r"caught an error.*float"):
            derivative(3.0, 0.0)


def test_texts_take_traced_values() -> None:
    def f(x: Any) -> Any:
        assert "%.1f %d" % (x, x) == f"{x:.1f} {int(x)}" == "3.0 3"  # noqa: UP031
        return x**2

    assert dd.grad(f)(3.0) == 6.0


def test_matrices_are_refused_with_their_own_advice() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's own on numpy.matrix
        matrix = np.matrix(np.eye(3))
    with pytest.raises(TypeError, match=r"numpy\.matrix changes what"):
        dd.jacobian(lambda x: matrix @ x)(X)


@pytest.mark.parametrize("argnums", [1.0, (0, 1.0), (None,)])
def test_argnums_that_are_neither_positions_nor_names_are_refused(argnums: Any) -> None:
    with pytest.raises(TypeError, match=f"argnums takes positions .* {HERE}"):
        dd.grad(lambda x, y: np.sum(x * y), argnums)(X, X)


def _power(x: Any) -> Any:
    return np.sum(x**1.5)


@pytest.mark.parametrize("derivative", [dd.hessian, lambda f: dd.grad(lambda x: dd.grad(f)(x)[0])])
def test_debug_nans_names_the_line_of_f_in_second_derivatives_too(derivative: Any) -> None:
    with dd.debug_nans(), pytest.raises(FloatingPointError, match=r"`return np\.sum\(x\*\*1\.5\)`"):
        derivative(_power)(np.array([0.0, 1.0]))


def test_a_derivative_that_names_no_operand_is_refused_when_it_is_declared() -> None:
    with pytest.raises(ValueError, match=r"derivative of sin names 'q'.* operands are x, y, z, w"):
        dd.extend.elementwise(np.sin, lambda q: np.cos(q))
