"""Conversions, types, caches and methods of plain arrays in unchanged programs."""

import array
import functools
import gc
import sys
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy import float64 as real

import dualdiff as dd
from dualdiff.patching.code import Functions, rewritten

X = np.array([0.5, 1.2, -0.7])
A = np.arange(9.0).reshape(3, 3)


class Lattice:
    """A class that converts what it is given."""

    def __init__(self, a: Any) -> None:
        self.a = float(a)

    @property
    def volume(self) -> Any:
        return float(self.a) ** 3

    @staticmethod
    def double(a: Any) -> Any:
        return 2 * float(a)


def _collections(x: Any) -> Any:
    scale = 2.0 if isinstance(x[0], Iterable) else 1.0
    return scale * (3.0 if type(x) is np.ndarray else 1.0) * x[0]


def _types(x: Any) -> Any:
    return x * {float: 2.0, np.float64: 3.0}[type(x * np.float64(1.0))]


def _defaults(x: Any, convert: Any = np.float64) -> Any:
    return np.sum(convert(x) ** 2)


def _matrix(x: Any) -> Any:
    return A.T.dot(x).dot(np.ones(3)) + x.dot(A).dot(x) + A[0].dot(x) + np.dot(A, x)[0]


# The function, where, and its derivative there.
PROGRAMS: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
    "float": (lambda x: Lattice(x).volume + Lattice.double(x), 2.0, 14.0),
    "float of an array with one element": (lambda x: float(np.array([x])[0]) * 2, 2.0, 2.0),
    "float in map": (lambda x: sum(map(float, x)), X, np.ones(3)),
    "float in a list": (lambda x: sum([float(v) ** 2 for v in x]), X, 2 * X),
    "complex": (lambda x: complex(x).real + complex(2.0, x).imag * x, 2.0, 5.0),
    "np.float64": (lambda x: np.float64(x) ** 2, 2.0, 4.0),
    "np.float64 of an array": (lambda x: np.sum(np.float64(x) ** 2), X, 2 * X),
    "float64 under another name": (lambda x: real(x) ** 2, 2.0, 4.0),
    "a type as a default": (_defaults, X, 2 * X),
    "item": (lambda x: x[:1].item() ** 2 + x.item(1), X, [1.0, 1.0, 0.0]),
    "int": (lambda x: x * int(3.7 * x), 2.0, 7.0),
    "round": (lambda x: x * round(3.7 * x), 2.0, 7.0),
    "isinstance and type": (_collections, X, [3.0, 0.0, 0.0]),
    "a table of types": (_types, 2.0, 3.0),
    "hasattr": (
        lambda x: x * (2 if hasattr(x, "__len__") or hasattr(x, "__iter__") else 1),
        2.0,
        1,
    ),
    "dot": (_matrix, X, A.sum(1) + (A + A.T) @ X + 2 * A[0]),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_conversions_keep_derivatives(name: str) -> None:
    f, x, expected = PROGRAMS[name]
    with dd.patch():
        np.testing.assert_allclose(dd.grad(f)(x), expected)
        if np.ndim(x) == 0:
            np.testing.assert_allclose(dd.jvp(f, (x,), (1.0,))[1], expected)


def test_functions_have_their_own_code_back() -> None:
    code = Lattice.__init__.__code__
    with dd.patch():
        dd.grad(lambda x: Lattice(x).a)(2.0)
        assert Lattice.__init__.__code__ is not code
        assert type(Lattice(2).a) is float
    assert Lattice.__init__.__code__ is code
    with pytest.raises(TypeError, match="float"):
        dd.grad(lambda x: Lattice(x).a)(2.0)


def test_code_without_conversions_stays_and_values_of_builtins_do_too() -> None:
    def f(x: Any, dtype: Any = float) -> Any:
        return np.zeros(3, dtype=float).astype(dtype) + float(x), float, type

    copy = rewritten(f.__code__, globals())
    assert f.__code__ is not copy
    assert len(copy.co_code) == len(f.__code__.co_code)
    with dd.patch():
        assert dd.grad(lambda x: f(x)[0][0])(1.0) == 1.0
        result, *kinds = f(1.0)
    assert kinds == [float, type]
    assert result.tolist() == [1.0, 1.0, 1.0]
    assert rewritten(_plain.__code__, globals()) is _plain.__code__


def _plain(x: Any) -> Any:
    return x + 1


@functools.lru_cache
def stiffness(modulus: Any, length: float) -> Any:
    return 12 * modulus / length**3


class Beam:
    """A class with a method that has a cache."""

    @functools.lru_cache  # noqa: B019
    def stiffness(self, modulus: Any) -> Any:
        return 3 * modulus


@pytest.mark.parametrize("use", ["y = float(x)", "c = C(); c.float = float(x); y = c.float"])
def test_functions_with_more_names_than_a_byte_counts_are_rewritten(use: str) -> None:
    names = "".join(f"    if x is None: name_{i}()\n" for i in range(300))
    body = f"    {use}\n    return np.ones(1).dot(np.float64(y))[0] * complex(x).real\n"
    space: Any = {"__name__": "long", "np": np, "C": type("C", (), {})}
    exec(f"def f(x):\n{names}{body}", space)
    with dd.patch():
        assert dd.grad(space["f"])(2.0) == 4.0


def test_functions_with_a_cache_are_called_through_for_traced_values() -> None:
    with dd.patch():
        assert dd.grad(lambda e: stiffness(e, 2.0))(5.0) == 1.5
        assert dd.grad(lambda e: Beam().stiffness(e))(5.0) == 3.0
        assert stiffness(1.0, 1.0) == stiffness(1.0, 1.0) == 12.0
        assert stiffness.cache_info().hits == 1
    assert isinstance(stiffness, functools._lru_cache_wrapper)
    with pytest.raises(TypeError, match=r"functools.cache \(here: stiffness\)"):
        dd.grad(lambda e: stiffness(e, 2.0))(5.0)


def test_object_arrays_of_traced_numbers_take_functions() -> None:
    f = lambda x: np.sum(np.exp(np.array([x, 2 * x]))) + np.arctan(np.array([x]))[0]  # noqa: E731
    expected = np.exp(1.0) + 2 * np.exp(2.0) + 0.5
    assert dd.grad(f)(1.0) == pytest.approx(expected, rel=1e-14)
    with dd.patch():
        assert dd.grad(f)(1.0) == pytest.approx(expected, rel=1e-14)
    with pytest.raises((AttributeError, dd.errors.ConversionError), match="exp"):
        dd.grad(lambda x: x.exp())(1.0)


class Model:
    """A class with a state that was made before the derivative."""

    def __init__(self) -> None:
        self.P = np.eye(2)

    def step(self, q: Any) -> Any:
        self.P += q * np.ones((2, 2))
        return np.sum(self.P)


def test_a_plain_array_with_one_name_takes_traced_values_in_place() -> None:
    model = Model()
    other = Model()
    seen = other.P
    with dd.patch():
        assert dd.grad(model.step)(0.1) == 4.0
        with pytest.raises(TypeError, match="cannot be assigned"):
            dd.grad(other.step)(0.1)
    assert seen.tolist() == np.eye(2).tolist()


class Holder:
    """An object that converts to an array."""

    def __init__(self, x: Any) -> None:
        self.x = np.array(x, float)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.x


LISTS: dict[str, Callable[[Any], Any]] = {
    "mean": lambda x: np.mean([x[0], x[1] ** 2]) * np.std((x[0], x[1], 1.0)),
    "sum of arrays": lambda x: np.sum([x, x**2]) + np.max([x, x**2]),
    "mean of arrays": lambda x: np.sum(np.mean([x, x**2], axis=0) ** 2),
    "matrix": lambda x: np.linalg.det([[x[0], 1.0], [2.0, x[1]]]) * np.linalg.norm([x, x**2]),
    "solve": lambda x: np.sum(np.linalg.solve([[x[0], 1.0], [2.0, x[1]]], [1.0, x[2]])),
    "table": lambda x: np.interp(0.5, [0.0, x[0] + 1.0], [1.0, x[1]]),
}


@pytest.mark.parametrize("name", LISTS)
def test_functions_of_arrays_take_lists_of_traced_values(name: str) -> None:
    f = LISTS[name]
    expected = [(f(X + step) - f(X - step)) / 2e-5 for step in 1e-5 * np.eye(3)]
    with dd.patch():
        np.testing.assert_allclose(dd.grad(f)(X), expected, rtol=1e-6, atol=1e-8)


def test_objects_with_an_array_inside_keep_derivatives() -> None:
    with dd.patch():
        for f in (
            lambda x: np.sum(np.asarray(Holder(x)) * x),
            lambda x: np.sum(np.array(Holder(x), dtype=float) * x),
            lambda x: np.sum(x * Holder(x)),
        ):
            np.testing.assert_allclose(dd.grad(f)(X), 2 * X)


def test_a_module_that_the_function_itself_imports_is_rewritten_too(tmp_path: Any) -> None:
    (tmp_path / "imported_inside.py").write_text(
        "CALLS = []\ndef half(x):\n    CALLS.append(1)\n    return float(x) / 2\nhalf = [half][0]\n"
    )
    sys.path.insert(0, str(tmp_path))

    def f(x: Any) -> Any:
        from imported_inside import half  # type: ignore[import-not-found]

        return half(x) ** 2

    try:
        with dd.patch():
            assert dd.grad(f)(3.0) == 1.5
    finally:
        sys.path.remove(str(tmp_path))
        del sys.modules["imported_inside"]


def test_a_function_that_is_collected_meanwhile_hides_no_new_one(monkeypatch: Any) -> None:
    def made() -> Any:
        space: dict[str, Any] = {"__name__": "a_program"}
        exec("def f(x):\n    return float(x)", space)
        return space["f"]

    f, others, functions = made(), [made()], Functions()
    get_referrers = gc.get_referrers

    def collecting(*objects: Any) -> Any:
        others.clear()
        gc.collect()
        return get_referrers(*objects)

    with dd.patch():
        functions.add(others[0])
        assert len(functions.found) == 1
        monkeypatch.setattr(gc, "get_referrers", collecting)
        with pytest.raises(TypeError) as refused:
            f([])
        assert functions.learn(refused.value)
    assert len(functions.found) == 1


def test_plain_arrays_of_simple_subclasses_count_as_arrays() -> None:
    class Vector(np.ndarray):
        pass

    v = np.arange(3.0).view(Vector)
    with dd.patch():
        np.testing.assert_allclose(
            dd.grad(lambda x: np.sum(x * v) + v.dot(x))(X), 2 * v.view(np.ndarray)
        )


def test_operands_with_operators_of_their_own_get_traced_values() -> None:
    class Unit:
        __array_priority__ = 17.0

        def __rmul__(self, value: Any) -> Any:
            return ("metres", value)

    assert dd.grad(lambda x: (x * Unit())[1] ** 2)(3.0) == 6.0


class Shared(type):
    """Makes one object of each class without arguments."""

    made: ClassVar[dict[Any, Any]] = {}

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs:
            return type.__call__(cls, *args, **kwargs)
        return cls.made.setdefault(cls, type.__call__(cls, *args))


class Scale(metaclass=Shared):
    def __init__(self, factor: float = 3.0) -> None:
        self.factor = factor


def test_attributes_of_builtin_types_and_tables_of_them_are_their_own() -> None:
    def f(x: Any, *texts: str) -> Any:
        y = {float: lambda v: v, np.float64: lambda v: v}[type(x)](float(x))
        return y * Scale().factor * Scale(2.0).factor * float.fromhex(*texts)

    with dd.patch():
        assert dd.grad(f)(1.5, "0x1.8p0") == 9.0


def test_errors_name_the_compiled_function_that_takes_a_float() -> None:
    with dd.patch(), pytest.raises(dd.errors.ConversionError, match=r"array\.array was called on"):
        dd.grad(lambda x: array.array("d", (float(x),))[0])(1.5)


def test_code_that_a_program_compiles_anew_in_each_run_ends_in_a_clear_error() -> None:
    def f(x: Any) -> Any:
        names = {"x": x, "float": float}
        exec("y = float(x)", names)
        return names["y"]

    with dd.patch(), pytest.raises(dd.errors.ConversionError, match=r"float\(\) of a traced value"):
        dd.grad(f)(0.7)


def test_a_text_that_is_no_expression_of_python_is_explained() -> None:
    with dd.patch(), pytest.raises(dd.errors.ConversionError, match="complains of a traced value"):
        dd.grad(lambda x: eval(repr(x)))(0.7)


def _made_inside() -> Any:
    half = 0.5

    @dd.patch()
    def loss(x: Any) -> Any:
        return float(x[0]) ** 2 * half + np.float64(x[1])

    return loss


@pytest.mark.parametrize(
    "f", [_made_inside(), dd.patch()(lambda x: 0.5 * float(x[0]) * float(x[0]) + float(x[1]))]
)
def test_decorated_closures_and_lambdas_run_on_copies(f: Any) -> None:
    np.testing.assert_array_equal(dd.grad(f)(np.array([3.0, 2.0])), [3.0, 1.0])
    assert f(np.array([3.0, 2.0])) == 6.5


def test_a_decorated_function_runs_its_helpers_on_copies() -> None:
    @dd.patch()
    def f(x: Any) -> Any:
        helpers = {"square": lambda y: float(y) ** 2}  # nobody can find it before
        return helpers["square"](x[0])

    np.testing.assert_array_equal(dd.grad(f)(np.array([3.0, 2.0])), [6.0, 0.0])
