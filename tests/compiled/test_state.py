"""State that a program reaches in unusual ways is seen: the next call follows each change."""

from __future__ import annotations

import collections
import ctypes
import dataclasses
import functools
import importlib
import sys
import types
import weakref
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.compiled.errors import CompileError
from tests.compiled.helpers import replays

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


def through(method: Callable[..., Any], *args: Any) -> Callable[[Any], Any]:
    return lambda x: np.sum(x) * method(*args)


def held(x: Any, attribute: str, value: float) -> Callable[[], None]:
    return lambda: setattr(x, attribute, value)


def cases() -> dict[str, tuple[Callable[[Any], Any], Callable[[], None]]]:
    items, names, unique = Items([1.0]), Names(a=1.0), Unique([1])
    pair, number, plain, slots = Pair((1.0,)), Number(2.0), Plain(), Slots()
    child, magic, strict, settings = Child(), Magic(), Strict(), Settings()
    point, referent = Point(1.0, [2.0]), Settings()
    reference = weakref.ref(referent)
    numbers, array = [1.0, 2.0], np.ones(2)

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
        "a list behind its method": (
            through(numbers.__getitem__, 1), lambda: numbers.insert(0, 3.0)),
        "an array behind its method": (through(array.sum, 0), lambda: array.fill(3.0)),
        "a list behind an operator": (through(numbers.__len__), lambda: numbers.append(3.0)),
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


@dataclasses.dataclass
class Spring:
    k: float
    x: Any
    rate: ClassVar[float] = 3.0

    def energy(self) -> Any:
        return self.k * np.sum(self.x) * self.rate * TABLE["z"] * self.extra()

    def extra(self) -> float:
        return MODULE.factor


class Weights(NamedTuple):
    a: float
    b: Any

    def value(self) -> Any:
        return self.a * TABLE["z"] * np.sum(self.b)


def energy(p: Any) -> Any:
    return p.energy()


def total(p: Any) -> Any:
    return sum(w.value() for w in p[0]["w"])


ARGUMENTS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[], None]]] = {
    "a table": (energy, lambda x: Spring(2.0, x), lambda: TABLE.update(z=TABLE["z"] + 1.0)),
    "a class attribute": (energy, lambda x: Spring(2.0, x), lambda: setattr(Spring, "rate", 4.0)),
    "a method": (
        energy, lambda x: Spring(2.0, x), lambda: setattr(Spring, "extra", lambda self: 7.0)),
    "a module": (energy, lambda x: Spring(2.0, x), lambda: setattr(MODULE, "factor", 9.0)),
    "deep inside": (
        total, lambda x: [{"w": [Weights(1.0, x)]}], lambda: TABLE.update(z=TABLE["z"] + 1.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
def test_what_the_methods_of_arguments_refer_to_is_seen(name: str, monkeypatch) -> None:
    """Dataclasses and named tuples are containers, and have methods."""
    monkeypatch.setattr(MODULE, "factor", 1.5, raising=False)
    monkeypatch.setattr(Spring, "rate", 3.0)
    monkeypatch.setattr(Spring, "extra", Spring.extra)
    monkeypatch.setitem(TABLE, "z", 1.0)
    f, make, change = ARGUMENTS[name]
    g = dd.compile(f)
    for k in range(8):
        if k == 5:
            assert replays(g)
            before = f(make(X))
            change()
            assert f(make(X)) != before
        assert g(make(X)) == f(make(X))


def test_methods_of_arguments_are_compared_with_those_that_were_saved(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(MODULE, "factor", 1.5, raising=False)
    g = dd.compile(energy)
    for _ in range(4):
        g(Spring(2.0, X))
    g.save(tmp_path / "g")
    assert dd.load_compiled(tmp_path / "g", energy)(Spring(2.0, Y)) == energy(Spring(2.0, Y))
    assert dd.load_compiled(tmp_path / "g")(Spring(2.0, Y)) == energy(Spring(2.0, Y))
    monkeypatch.setattr(MODULE, "factor", 2.5)
    with pytest.raises(CompileError, match="factor"):
        dd.load_compiled(tmp_path / "g", energy)


def test_the_class_of_an_object_is_seen() -> None:
    class One:
        def scaled(self, x: Any) -> Any:
            return x

    class Other:
        def scaled(self, x: Any) -> Any:
            return x * 5

    held: Any = One()
    g = dd.compile(lambda x: held.scaled(x))
    assert [g(2.0) for _ in range(5)] == [2.0] * 5
    held.__class__ = Other
    assert g(2.0) == 10.0


def test_the_factory_of_a_dict_is_seen() -> None:
    table: Any = collections.defaultdict(lambda: 2.0)
    g = dd.compile(lambda x: x * table.default_factory())
    assert [g(2.0) for _ in range(5)] == [4.0] * 5
    table.default_factory = lambda: 5.0
    assert g(2.0) == 10.0


def by_computed_name() -> Callable[[Any], Any]:
    parts = ["fac", "tor"]
    return lambda x: x * getattr(MODULE, "".join(parts))


def by_list_of_modules(x: Any) -> Any:
    return x * sys.modules[MODULE.__name__].factor


def by_import(x: Any) -> Any:
    return x * importlib.import_module(MODULE.__name__).factor


def by_frame(x: Any) -> Any:
    return x * sys._getframe(0).f_globals["MODULE"].factor


@pytest.mark.parametrize("f", [by_computed_name(), by_list_of_modules, by_import, by_frame])
def test_modules_that_are_reached_in_roundabout_ways_are_seen(f, monkeypatch) -> None:
    monkeypatch.setattr(MODULE, "factor", 1.5, raising=False)
    monkeypatch.setitem(sys.modules, MODULE.__name__, MODULE)
    g = dd.compile(f)
    assert [g(2.0) for _ in range(5)] == [3.0] * 5
    monkeypatch.setattr(MODULE, "factor", 2.5)
    assert g(2.0) == 5.0


def numbers_of_c() -> tuple[Any, Callable[[], None]]:
    x = (ctypes.c_double * 2)(1.0, 2.0)
    return x, lambda: x.__setitem__(1, 5.0)


def queue() -> tuple[Any, Callable[[], None]]:
    class Queue(collections.deque[float]):
        pass

    x = Queue([1.0, 2.0])
    return x, lambda: x.__setitem__(1, 5.0)


def universal_function() -> tuple[Any, Callable[[], None]]:
    held = [2.0]

    class Function:
        apply = np.frompyfunc(lambda v: v * held[0], 1, 1)

        def __getitem__(self, index: int) -> Any:
            return float(self.apply(index))

    return Function(), lambda: held.__setitem__(0, 5.0)


@pytest.mark.parametrize("make", [numbers_of_c, queue, universal_function])
def test_state_of_compiled_classes_keeps_a_function_eager(make) -> None:
    held, change = make()
    g = dd.compile(lambda x: x * held[1])
    assert [g(2.0) for _ in range(5)] == [4.0] * 5
    change()
    assert g(2.0) == 10.0
    assert "may change unseen" in str(g.report())


@pytest.mark.parametrize("size", [None, 2])
def test_results_that_a_cache_forgets_are_seen(size: int | None) -> None:
    held = [2.0]

    @functools.lru_cache(size)
    def factor(k: int) -> float:
        return held[0] * k

    g = dd.compile(lambda x: x * factor(1))
    assert [g(2.0) for _ in range(5)] == [4.0] * 5
    held[0] = 5.0
    assert [g(2.0) for _ in range(5)] == [4.0] * 5  # from the cache
    if size is None:
        factor.cache_clear()
    else:
        factor(2), factor(3)
    assert [g(2.0) for _ in range(5)] == [10.0] * 5


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


HALF, WEIGHTS, SLOPE = 1.5, np.ones(3), np.float64(2.5)


def _default(x: Any, c: float = HALF) -> Any:
    return x * 2 if x is c else x * 3


@pytest.mark.parametrize(
    ("f", "special", "others"),
    [
        (lambda x: x * 2 if x is HALF else x * 3, HALF, [2.0, 3.0, 4.0, 5.0]),
        (lambda x: x * 2 if x is SLOPE else x * 3, SLOPE, [*map(np.float64, range(4))]),
        (lambda x: np.sum(x) if x is WEIGHTS else x[0] * 7, WEIGHTS, [*np.ones((5, 3))]),
        (_default, HALF, [2.0, 3.0, 4.0, 5.0]),
        (lambda x: x * 2 if any(x is c for c in (HALF, SLOPE)) else -x, HALF, [2.0, 3.0, 4.0]),
    ],
    ids=["float", "float64", "array", "default", "tuple"],
)
def test_an_argument_that_is_of_the_state_is_seen(f: Any, special: Any, others: list[Any]) -> None:
    g = dd.compile(f)
    for x in [*others, special, *others, special, special]:
        assert g(x) == f(x)
    assert replays(g) >= len(others)


def test_an_equal_number_in_the_place_of_another_is_seen(monkeypatch) -> None:
    def f(x):
        return x * 2 if x is HALF else x * 3

    g = dd.compile(f)
    for x in (2.0, 3.0, 4.0, 5.0, 6.0):
        assert g(x) == f(x)
    monkeypatch.setitem(globals(), "HALF", 3.0 / 2.0 + 0.0 * len(sys.argv))
    for x in (2.0, HALF, 3.0, HALF):
        assert g(x) == f(x)
