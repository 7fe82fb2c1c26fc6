"""State that a program reaches in unusual ways is seen: the next call follows each change."""

from __future__ import annotations

import collections
import dataclasses
import functools
import sys
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd

X, Y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
TABLE = {"z": 1.0}


class Items(list):
    scale = 2.0


class Names(dict):
    scale = 2.0


class Unique(set):
    scale = 2.0


class Pair(tuple):
    scale = 2.0


class Number(float):
    scale = 2.0


class Plain:
    pass


class Slots:
    __slots__ = ("a", "b")


class Meta(type):
    scale = 1.0


class WithMeta(metaclass=Meta):
    pass


class Base:
    weight = 1.0


class Child(Base):
    pass


class Descriptor:
    def __get__(self, owner: Any, kind: Any) -> float:
        return TABLE["z"]


class Magic:
    described = Descriptor()

    def __getitem__(self, i: int) -> float:
        return TABLE["z"] * i

    def __mul__(self, other: Any) -> Any:
        return other * TABLE["z"]

    def __iter__(self) -> Any:
        return iter([TABLE["z"]])

    def __enter__(self) -> float:
        return TABLE["z"]

    def __exit__(self, *args: Any) -> None:
        pass

    @functools.cached_property
    def kept(self) -> float:
        return 2.0

    @property
    def read(self) -> float:
        return TABLE["z"] * self.kept


class Strict:
    def __init__(self) -> None:
        object.__setattr__(self, "held", {"a": 1.0})

    def __getattr__(self, name: str) -> float:
        return self.held[name]  # KeyError for others


@dataclasses.dataclass
class Settings:
    a: float = 1.0
    b: Any = dataclasses.field(default_factory=lambda: np.ones(2))


Point = collections.namedtuple("Point", "a b")
MODULE = types.ModuleType("module_of_the_program")
sys.modules["module_of_the_program"] = MODULE


def inside(magic: Magic) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        with magic as z:
            return np.sum(x) * z

    return f


def late() -> tuple[Callable[[Any], Any], Callable[[float], None]]:
    def f(x: Any) -> Any:
        return np.sum(x) if x[0] > 0 else np.sum(x) * h

    def set_h(v: float) -> None:
        nonlocal h
        h = v

    if sys is None:  # never: the variable has no value yet
        h = 0.0
    return f, set_h


def held(x: Any, attribute: str, value: float) -> Callable[[], None]:
    return lambda: setattr(x, attribute, value)


def cases() -> dict[str, tuple[Callable[[Any], Any], Callable[[], None]]]:
    items, names, unique = Items([1.0]), Names(a=1.0), Unique([1])
    pair, number, plain, slots = Pair((1.0,)), Number(2.0), Plain(), Slots()
    child, magic, strict, settings = Child(), Magic(), Strict(), Settings()
    point, referent = Point(1.0, [2.0]), Settings()
    reference = weakref.ref(referent)

    def table() -> None:
        TABLE["z"] += 1.0

    by_table: dict[str, Any] = {
        "a descriptor": lambda x: np.sum(x) * magic.described,
        "an element": lambda x: np.sum(x) * magic[2],
        "an operator": lambda x: magic * np.sum(x),
        "iteration": lambda x: np.sum(x) * sum(magic),
        "a context": inside(magic),
        "a property": lambda x: np.sum(x) * magic.read,
    }
    return {
        "a list's attribute": (lambda x: np.sum(x) * items.scale, held(items, "scale", 3.0)),
        "a dict's attribute": (lambda x: np.sum(x) * names.scale, held(names, "scale", 3.0)),
        "a set's attribute": (lambda x: np.sum(x) * unique.scale, held(unique, "scale", 3.0)),
        "a tuple's attribute": (lambda x: np.sum(x) * pair.scale, held(pair, "scale", 3.0)),
        "a number's attribute": (lambda x: np.sum(x) * number.scale, held(number, "scale", 3.0)),
        "a named tuple": (lambda x: np.sum(x) * point.b[0], lambda: point.b.insert(0, 3.0)),
        "a new class attribute": (
            lambda x: np.sum(x) * getattr(plain, "scale", 1.0), held(Plain, "scale", 3.0)),
        "a new slot": (lambda x: np.sum(x) * getattr(slots, "b", 1.0), held(slots, "b", 3.0)),
        "a metaclass": (lambda x: np.sum(x) * WithMeta.scale, held(Meta, "scale", 3.0)),
        "an override": (lambda x: np.sum(x) * child.weight, held(Child, "weight", 3.0)),
        "a new name in a module": (
            lambda x: np.sum(x) * getattr(MODULE, "scale", 1.0), held(MODULE, "scale", 3.0)),
        "strict attributes": (lambda x: np.sum(x) * strict.a, lambda: strict.held.update(a=3.0)),
        "a dataclass": (lambda x: np.sum(x * settings.b) * settings.a, held(settings, "a", 3.0)),
        "a weak reference": (lambda x: np.sum(x) * reference().a, held(referent, "a", 3.0)),
    } | {name: (f, table) for name, f in by_table.items()}  # fmt: skip


@pytest.mark.parametrize("name", cases())
def test_a_change_is_seen(name: str) -> None:
    f, change = cases()[name]
    for operator in (lambda f: f, dd.grad):
        e = operator(f)
        g = dd.compile(e)
        for k in range(8):
            if k == 5:
                change()
            np.testing.assert_allclose(g(X), e(X), rtol=1e-14)


def test_a_variable_that_gets_its_value_later_is_seen() -> None:
    f, set_h = late()
    g = dd.compile(f)
    for _ in range(4):
        assert g(X) == f(X)
    for v in (2.0, 2.0, 2.0, 2.0, 2.0, 7.0, 7.0):
        set_h(v)
        assert g(-X) == f(-X)


@pytest.mark.parametrize("kind", [tuple, list])
def test_one_array_in_two_places_is_seen(kind: type) -> None:
    """A program may ask whether two arguments are one, as kernels of Gaussian processes do."""

    def f(a: Any, b: Any) -> Any:
        return np.sum(a * b) + (5.0 if a is b else 0.0)

    def g(pair: Any) -> Any:
        return f(*pair)

    first, second = dd.compile(f), dd.compile(g)
    for a, b in [(X, Y)] * 5 + [(X, X)] * 5 + [(Y, Y), (X, Y), (Y, X)]:
        assert first(a, b) == f(a, b)
        assert second(kind([a, b])) == f(a, b)
    assert len(first.tables) == 2
    e = dd.value_and_grad(f)
    compiled = dd.compile(e)
    for a, b in [(X, X)] * 5 + [(X, Y)] * 5:
        assert compiled(a, b)[0] == e(a, b)[0]
