"""SciPy's own Python code on traced values: copies of its functions in another namespace.

A copy has the byte code of SciPy's function and other globals: for `numpy` the functions of
`dualdiff.numpy`, for `scipy.special` the rules of this package, and for functions, classes and
instances of SciPy copies of the same kind, made on demand. SciPy itself does not change. `replace`
registers a replacement for a function that cannot run like this: compiled code, and helpers that
make plain arrays.
"""

from __future__ import annotations

import builtins
import cmath
import functools
import importlib
import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ...array.box import is_box, unbox
from ...array.dispatch import find_function
from ...core.types import Value
from ...errors import DualdiffError, MissingRuleError, UnsupportedInputError, user_line
from ..numpy import creation, functional, index_tricks, stores
from ..numpy.namespace import mirror
from .arguments import any_traced
from .dispatch import COUNTERPARTS
from .in_place import original_of

REPLACED: dict[Any, Any] = {}
REBUILT_MODULES: set[str] = set()
_functions: dict[Any, Any] = {}
_classes: dict[type, type] = {}
_instances: dict[int, tuple[Any, Any]] = {}
_spaces: dict[int, tuple[Any, Globals]] = {}


def replace(original: Any, replacement: Any) -> None:
    """Register the replacement of an object of SciPy, NumPy or the standard library in copies."""
    REPLACED[original] = replacement


class Space:
    """A module as its copies see it."""

    def __init__(self, module: Any, *sources: Any) -> None:
        self.__dict__.update(_module=module, _sources=sources)

    def __getattr__(self, name: str) -> Any:
        for source in self._sources:
            if hasattr(source, name) and not name.startswith("_"):
                found = getattr(source, name)
                break
        else:
            found = translated(getattr(self._module, name))
        self.__dict__[name] = found
        return found


class Special(Space):
    """`scipy.special` as copies see it: universal functions that take traced values in lists."""

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if not isinstance(found, np.ufunc):
            return found

        @functools.wraps(found)
        def of_lists(*args: Any, **options: Any) -> Any:
            return found(*(creation.array(a) if type(a) is list else a for a in args), **options)

        self.__dict__[name] = of_lists
        return of_lists


# NumPy's functions that make arrays do not dispatch.
_CREATION: dict[str, Any] = {
    name: getattr(home, name)
    for home, names in (
        (
            creation,
            "arange array asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray "
            "empty eye full geomspace identity linspace logspace ones require tri zeros",
        ),
        (functional, "fromiter frompyfunc kaiser vectorize"),
        (index_tricks, "broadcast c_ ndenumerate nditer r_"),
        (stores, "copy empty_like full_like ones_like zeros_like"),
    )
    for name in names.split()
}


class _Float64Type(type):
    """`numpy.float64` for copies: traced values pass through it."""

    def __instancecheck__(cls, x: Value) -> bool:
        return isinstance(x, np.float64)

    def __call__(cls, x: Value = 0.0) -> Any:
        return x * 1.0 if is_box(x) else np.float64(x)


class _Float64(np.float64, metaclass=_Float64Type):
    """Stands for `numpy.float64`, also where a dtype is asked for."""


_CREATION["float64"] = _Float64
_CREATION["iterable"] = np.iterable  # of lists of arrays of several shapes, too


class NumPy(Space):
    """NumPy as copies see it: functions that take traced values, also in lists."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            return getattr(self._module, name)
        own = _CREATION.get(name) if self._module is np else None
        found = mirror(self._module, name) if own is None else own
        if isinstance(found, types.ModuleType):
            found = NumPy(found)
        self.__dict__[name] = found
        return found


NUMPY = NumPy(np)
replace(np, NUMPY)
replace(np.linalg, NUMPY.linalg)
for _name in ("c_", "r_"):
    replace(getattr(np, _name), getattr(NUMPY, _name))


class Globals(dict[str, Any]):
    """The globals of copies: those of a module of SciPy's, translated when they are asked for."""

    def __init__(self, source: dict[str, Any]) -> None:
        super().__init__()
        self.source = source
        self["__builtins__"] = {**vars(builtins), **BUILTINS}
        for name in ("__name__", "__file__", "__package__", "__spec__"):
            if name in source:
                self[name] = source[name]

    def __missing__(self, name: str) -> Any:
        found = self[name] = translated(self.source[name])
        return found


class _FloatType(type):
    """`float` for copies: traced numbers count as such, and pass through it."""

    def __instancecheck__(cls, x: Value) -> bool:
        return isinstance(x, float) or (is_box(x) and np.ndim(x) == 0)

    def __call__(cls, x: Value = 0.0) -> Any:
        return np.reshape(x, ()) * 1.0 if is_box(x) else float(x)


class _Float(np.float64, metaclass=_FloatType):
    """Stands for `float`, also where a dtype is asked for."""


class _TypeOfType(type):
    """`type` for copies: a traced number has the type of its value."""

    def __instancecheck__(cls, x: Value) -> bool:
        return isinstance(x, type)

    def __call__(cls, *args: Any) -> Any:
        return type(unbox(args[0])) if len(args) == 1 and is_box(args[0]) else type(*args)


class _Type(metaclass=_TypeOfType):
    """Stands for `type`."""


BUILTINS: dict[str, Any] = {"float": _Float, "type": _Type}


class _Math:
    """`math` or `cmath`, whose functions make way for NumPy's where a value is traced."""

    OTHERS = {
        "pow": np.power, "lgamma": special.gammaln, "gamma": special.gamma, "phase": np.angle
    }  # fmt: skip

    def __init__(self, module: types.ModuleType) -> None:
        self.module, self.zero = module, 0.0 if module is math else 0j

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.module, name)
        other: Any = self.OTHERS.get(name, getattr(np, name, None) or getattr(special, name, None))
        if not callable(found) or other is None:
            return found

        def either(*args: Value) -> Any:
            if not any(map(is_box, args)):
                return found(*args)
            return other(*(a + self.zero for a in args))  # cmath has complex roots of -1

        return either


replace(math, _Math(math))
replace(cmath, _Math(cmath))


def translated(value: Value) -> Any:
    """The replacement of a global object in copies."""
    try:
        if value in REPLACED:
            return REPLACED[value]
        if value in COUNTERPARTS and not isinstance(value, type):
            return COUNTERPARTS[value]
    except TypeError:  # not hashable, an array or a table
        return _translated_container(value) if _holds_functions(value) else value
    if isinstance(value, types.ModuleType):
        name = value.__name__
        if name == "scipy.special":
            return Special(value, importlib.import_module("dualdiff.rules.scipy.special"))
        if name.startswith("numpy"):
            return NumPy(value)
        return Space(value) if name.startswith("scipy") else value
    if isinstance(value, types.FunctionType):
        return _translated_function(value)
    if type(value) is np.vectorize:
        return functional.vectorize(
            translated(value.pyfunc),
            otypes=value.otypes,
            excluded=value.excluded,
            cache=value.cache,
            signature=value.signature,
        )
    if isinstance(value, types.BuiltinFunctionType):
        return _of_numpy(value)
    if type(value).__name__ == "_ArrayFunctionDispatcher":
        return _of_numpy(value)
    if isinstance(value, type):
        return rebuilt(value)
    if isinstance(value, types.MethodType):
        own = _of_numpy(value)  # as a patch has it for a builtin function
        return _contained(value) if own is value else own
    if type(value).__module__ in REBUILT_MODULES:
        return instance_of(value)
    return _translated_container(value) if _holds_functions(value) else value


def _holds_functions(value: Any) -> bool:
    """Whether functions stand in a table, such as that of the kinds of filters."""
    if isinstance(value, types.FunctionType):
        return True
    if type(value) in (list, tuple):
        return any(map(_holds_functions, value))
    return type(value) is dict and any(map(_holds_functions, value.values()))


def _translated_container(value: Any) -> Any:
    if type(value) in (list, tuple):
        return type(value)(map(_translated_container, value))
    if type(value) is dict:
        return {k: _translated_container(v) for k, v in value.items()}
    return translated(value) if isinstance(value, types.FunctionType) else value


def _translated_function(function: types.FunctionType) -> Any:
    home = str(function.__module__)
    if getattr(special, str(function.__name__), None) is function:
        rules = importlib.import_module("dualdiff.rules.scipy.special")
        return vars(rules).get(str(function.__name__)) or rebound(function)
    if home.startswith("numpy"):
        return _of_numpy(function)
    return rebound(function) if home.startswith("scipy") else function


def _of_numpy(function: Any) -> Any:
    name = getattr(function, "__name__", "")
    return getattr(NUMPY, name) if getattr(np, name, None) is function else function


def rebound(function: Any) -> Any:
    """The copy of a function of SciPy's."""
    if function in REPLACED:
        return REPLACED[function]
    if function in _functions:
        return _functions[function]
    key = id(function.__globals__)
    if key not in _spaces:
        _spaces[key] = function.__globals__, Globals(function.__globals__)
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    copy = types.FunctionType(
        original_of(function).__code__,
        _spaces[key][1],
        function.__name__,
        function.__defaults__,
        cells or None,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    copy.__dict__.update(function.__dict__)  # a decorated function has its signature there
    _functions[function] = copy
    for new, old in zip(cells, function.__closure__ or (), strict=True):
        try:
            new.cell_contents = translated(old.cell_contents)
        except ValueError:  # an empty cell
            continue
    return copy


def rebuilt(cls: type) -> type:
    """The copy of a class that is defined in one of `REBUILT_MODULES`, or derives from one."""
    if cls in _classes:
        return _classes[cls]
    bases = tuple(rebuilt(b) for b in cls.__bases__)
    exempt = issubclass(cls, (BaseException, tuple))
    if exempt or (cls.__module__ not in REBUILT_MODULES and bases == cls.__bases__):
        return cls
    waiting: list[Any] = []
    skipped = ("__dict__", "__weakref__", "__init_subclass__")
    names = {
        k: _attribute(a, waiting)
        for k, a in vars(cls).items()
        if k not in skipped and not hasattr(getattr(a, "__func__", a), "is_of_dualdiff")
    }
    new = types.new_class(cls.__name__, bases, {}, lambda space: space.update(names))
    for cell in waiting:  # the cells by which `super()` finds its class
        cell.cell_contents = new
    _classes[cls] = new
    return new


def _attribute(a: Value, waiting: list[Any]) -> Any:
    if isinstance(a, types.FunctionType):
        return _method(a, waiting)
    if isinstance(a, property):
        parts = (a.fget, a.fset, a.fdel)
        return property(*(_attribute(f, waiting) if f else None for f in parts))
    if isinstance(a, (staticmethod, classmethod)):
        return type(a)(_attribute(a.__func__, waiting))
    if isinstance(a, functools.cached_property):
        new: Any = functools.cached_property(_attribute(a.func, waiting))
        new.attrname = a.attrname
        return new
    return _contained(a)


def _contained(value: Value) -> Any:
    """An attribute, instances of copied classes within it copied too."""
    if type(value) in (list, tuple):
        return type(value)(map(_contained, value))
    if type(value) is dict:
        return {k: _contained(v) for k, v in value.items()}
    if isinstance(value, types.MethodType) and type(value.__self__).__module__ in REBUILT_MODULES:
        return types.MethodType(rebound(value.__func__), instance_of(value.__self__))
    return instance_of(value) if type(value).__module__ in REBUILT_MODULES else value


def _method(a: Value, waiting: list[Any]) -> Any:
    copy = rebound(a) if str(a.__module__).startswith("scipy") else a
    free = copy.__code__.co_freevars
    if "__class__" not in free or a in REPLACED:
        return copy
    cells = [
        types.CellType() if n == "__class__" else types.CellType(c.cell_contents)
        for n, c in zip(free, copy.__closure__, strict=True)
    ]
    waiting.append(cells[free.index("__class__")])
    own = types.FunctionType(
        copy.__code__, copy.__globals__, copy.__name__, copy.__defaults__, tuple(cells)
    )
    own.__kwdefaults__ = a.__kwdefaults__
    return own


AFTER: list[Callable[[Any, Any], None]] = []  # called with a copied instance and its original


def instance_of(source: Any) -> Any:
    """The copy of an instance of one of SciPy's classes, its methods rebound."""
    if id(source) in _instances:
        return _instances[id(source)][0]
    new: Any = object.__new__(rebuilt(type(source)))
    _instances[id(source)] = new, source
    for name, value in vars(source).items():
        if isinstance(value, types.MethodType) and value.__self__ is source:
            function = value.__func__
            own = getattr(function, "__globals__", None) is not None
            new.__dict__[name] = types.MethodType(rebound(function) if own else function, new)
        else:
            new.__dict__[name] = _contained(value)
    for finish in AFTER:
        finish(new, source)
    return new


def passing_instance_of(source: Any) -> Any:
    """`instance_of` for an object that a program has made: the copy is not kept."""
    known = set(_instances)
    new = instance_of(source)
    for key in set(_instances) - known:
        del _instances[key]
    return new


def on_traced(function: Any, name: str) -> Callable[..., Any]:
    """SciPy's function for plain arguments, its copy for traced ones."""

    @functools.wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        if not any_traced((*args, *kwargs.values())):
            return function(*args, **kwargs)
        found = find_function(function)
        if found is not None:
            return found(*args, **kwargs)
        return explained(rebound(function), name, args, kwargs)

    return either


def class_on_traced(cls: type, name: str) -> Callable[..., Any]:
    """SciPy's class for plain arguments, its copy for traced ones."""

    @functools.wraps(cls, updated=())
    def either(*args: Any, **kwargs: Any) -> Any:
        if not any_traced((*args, *kwargs.values())):
            return cls(*args, **kwargs)
        return explained(rebuilt(cls), name, args, kwargs)

    return either


def explained(function: Any, name: str, args: Any, kwargs: Any) -> Any:
    """Call a copy; where it meets compiled code, say which function has no derivative."""
    try:
        return function(*args, **kwargs)
    except UnsupportedInputError:  # it says why
        raise
    except (TypeError, AttributeError, NotImplementedError) as error:
        raise MissingRuleError(
            f"{name} has no derivative here, {user_line()}: SciPy computes it by code that does "
            f"not take traced values{_inner(error)}. Pass dualdiff.value_of(x) to count x as "
            f"constant."
        ) from error


def _inner(error: Exception) -> str:
    """An error inside a copy, unless it is dualdiff's own, whose advice is for other cases."""
    return "" if isinstance(error, DualdiffError) else f" ({error})"


def deep_plain(x: Value) -> Any:
    """Plain values behind boxes, also in lists and tuples."""
    return type(x)(map(deep_plain, x)) if type(x) in (list, tuple) else unbox(x)
