"""Traced arrays of classes that a program derives from ndarray."""

from typing import Any

import numpy as np
import pytest

import dualdiff as dd

X = np.arange(1.0, 4.0)


class Point(np.ndarray):
    """A class with methods and attributes of its own."""

    def __new__(cls, x: Any) -> Any:
        return np.asarray(x).view(cls)

    def norm(self) -> Any:
        return np.sqrt(np.sum(self**2))

    @property
    def first(self) -> Any:
        return self[0]


class Named(np.ndarray):
    """A class whose attribute goes along with results."""

    def __new__(cls, x: Any, name: Any = None) -> Any:
        new = np.asarray(x).view(cls)
        new.name = name
        return new

    def __array_finalize__(self, source: Any) -> None:
        self.name = getattr(source, "name", None)


class Quantity(np.ndarray):
    """A class that has a say in every ufunc."""

    def __new__(cls, x: Any, unit: Any) -> Any:
        new = np.asarray(x, dtype=float).view(cls)
        new.unit = unit
        return new

    def __array_finalize__(self, source: Any) -> None:
        self.unit = getattr(source, "unit", None)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [x.view(np.ndarray) if isinstance(x, Quantity) else x for x in inputs]
        ans = super().__array_ufunc__(ufunc, method, *plain, **kwargs)
        return Quantity(ans, self.unit) if np.ndim(ans) else ans


def _point(x: Any) -> Any:
    p = Point(x)
    assert all(isinstance(q, Point) for q in (p, p * 2, p[1:], p.reshape(3, 1), np.sin(p)))
    q = Point(x * 1.0)
    q[0] = q[1] * q.first
    return p.norm() ** 2 + np.sum(Point(x) ** 2) + np.dot(q, q)


def _named(x: Any) -> Any:
    doubled = Named(x, "length") * 2
    assert doubled.name == "length"
    assert type(doubled) is Named
    return np.sum(doubled**2)


def _quantity(x: Any) -> Any:
    area = (Quantity(x, "m") * 2) ** 2
    assert area.unit == "m"
    return np.sum(area)


def test_subclasses_keep_their_class_and_the_derivative() -> None:
    with dd.patch():
        expected = 4 * X + 2 * np.array([X[0] * X[1] ** 2, X[1] * (1 + X[0] ** 2), X[2]])
        for f, gradient in [(_point, expected), (_named, 8 * X), (_quantity, 8 * X)]:
            np.testing.assert_allclose(dd.grad(f)(X), gradient)
            np.testing.assert_allclose(dd.jacobian(f, mode="forward")(X), gradient)


def test_classes_with_another_meaning_are_refused() -> None:
    with dd.patch(), pytest.raises(TypeError, match="cannot become a matrix"):
        dd.grad(lambda x: np.sum(x.reshape(3, 1).view(np.matrix)))(X)


class Length(np.ndarray):
    """A class with units, which converts in its ufuncs and calls `__array_finalize__` itself."""

    def __new__(cls, x: Any, unit: float) -> Any:
        return np.asanyarray(x, dtype=float).view(cls)._of(unit, None)

    def _of(self, unit: float, source: Any) -> Any:
        self.unit = unit
        self.__array_finalize__(source)
        return self

    def __array_finalize__(self, source: Any) -> None:
        super().__array_finalize__(source)
        if not hasattr(self, "unit"):
            self.unit = getattr(source, "unit", 1.0)

    @property
    def value(self) -> Any:
        plain = self.view(np.ndarray)
        return plain if plain.shape else plain[()]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [getattr(x, "value", x) * getattr(x, "unit", 1.0) for x in inputs]
        ans = super().__array_ufunc__(ufunc, method, *plain, **kwargs)
        return ans if ufunc is np.less else np.asanyarray(ans).view(Length)._of(1.0, self)


def test_classes_with_units_convert_in_operators_and_keep_numbers_in_the_class() -> None:
    def f(t: Any) -> Any:
        near, far = Length(t, 1.0), Length(2.0 * t, 1e3)
        assert near < far
        assert isinstance(near + far, Length)
        assert isinstance(np.array(far, subok=True), Length)
        way = Length([t, 3.0 * t], 1e3)
        total = way.sum() + np.prod(way) + (way * way).max()
        return (near + far).value + np.sqrt(far).value + total.value - abs(-near).value

    expected = (f(2.0 + 1e-6) - f(2.0 - 1e-6)) / 2e-6
    with dd.patch():
        assert np.isclose(dd.grad(f)(2.0), expected)
        assert np.isclose(dd.jvp(f, (2.0,), (1.0,))[1], expected)


class Components(np.ndarray):
    """Arrays of different shapes, as elements of one array of objects."""

    def __new__(cls, *parts: Any) -> Any:
        made = np.ndarray.__new__(cls, len(parts), dtype=object)
        for i, part in enumerate(parts):
            made[i] = part
        return made


def test_an_array_of_arrays_beside_a_traced_one_is_a_clear_error() -> None:
    parts = Components(np.ones((2, 3)), np.ones(3), 1.0)
    with dd.patch(), pytest.raises(dd.DualdiffError, match="an object array of arrays cannot be"):
        dd.grad(lambda x: np.sum(parts - x))(np.ones(3))


def _named_beside(x: Any) -> Any:
    names = Named(np.array([1.0, 2.0, 3.0]), "length")
    results = [
        names * x,
        x * names,
        np.add(x, names),
        names[1:] / x[0],
        x - 2.0 * names,
        -names * x,
    ]
    assert all(type(r) is Named and r.name == "length" for r in results)
    return sum(np.sum(np.exp(0.1 * r)) for r in results)


def _quantity_beside(x: Any) -> Any:
    side = Quantity([1.0, 2.0, 3.0], "m")
    results = [side * x, x * side, np.multiply(x, side), side / x[1], x[0] + side]
    assert all(type(r) is Quantity and r.unit == "m" for r in results)
    return sum(np.sum(np.exp(0.1 * r)) for r in results)


@pytest.mark.parametrize("f", [_named_beside, _quantity_beside])
def test_a_constant_of_a_class_beside_a_traced_array_gives_the_class(f: Any) -> None:
    step = 1e-5 * np.eye(3)
    expected = [(f(X + e) - f(X - e)) / 2e-5 for e in step]
    with dd.patch():
        np.testing.assert_allclose(dd.grad(f)(X), expected, rtol=1e-8)
        np.testing.assert_allclose(dd.jacobian(f, mode="forward")(X), expected, rtol=1e-8)
        curvature = dd.hessian(f)(X)
        gradient = dd.grad(f)
        expected = [(gradient(X + e) - gradient(X - e)) / 2e-5 for e in step]
    np.testing.assert_allclose(curvature, expected, rtol=1e-6)


def test_without_the_patch_a_constant_with_units_is_an_error_that_names_the_patch() -> None:
    with pytest.raises(dd.DualdiffError, match=r"run inside `with dualdiff.patch\(\):`"):
        dd.grad(lambda x: np.sum(Quantity([1.0, 2.0, 3.0], "m") * x))(X)
