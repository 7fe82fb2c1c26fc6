"""The state that a program reads besides its arguments: closures, globals, defaults, attributes.

A recording holds for this state alone. So it is searched once, and compared before each replay:
numbers and texts by value, arrays element by element, other objects by identity and by their
attributes. The search ends at modules of Python, NumPy, SciPy and dualdiff.
"""

from __future__ import annotations

import collections
import functools
import os
import random
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from numbers import Number
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import is_box
from ..transforms.transform import Transform
from .code import (
    asks_for_memory,
    asks_for_type,
    compares_identity,
    finds_by_name,
    globals_used,
    has_handlers,
    names_used,
    reaches,
    sets_state,
    texts_used,
)
from .comparisons import (
    COPIED,
    elements,
    equal_arrays,
    is_empty,
    keeps,
    memcmp,
    numbers,
    same_items,
    same_set,
)
from .errors import Unrecordable
from .nodes import same
from .state import CACHE, CONSTANT, HEAP, hash_of, hides_state, is_library, state_of

MOST = 5000  # objects that are searched
_VALUES = (str, bytes, type(None), float, int, complex, bool, np.generic, range, slice, np.dtype)
_PLAIN = frozenset((str, bytes, type(None), float, int, complex, bool, range, slice, np.float64))
_MISSING: Any = type("Missing", (), {})()
ROOT: Any = type("Root", (), {})()  # holds the function, and the objects among its arguments
# Methods that compute nothing.
_UNUSED = frozenset(
    ("__repr__", "__str__", "__format__", "__del__", "__reduce__", "__reduce_ex__", "__getstate__",
     "__setstate__", "__sizeof__", "__dir__", "__init_subclass__", "__class_getitem__")
)  # fmt: skip
_BOUND = (types.BuiltinFunctionType, types.MethodWrapperType)  # they belong to objects
_METHODS = (types.FunctionType, property, staticmethod, classmethod)
_GENERATORS = (
    np.random.Generator, np.random.RandomState, np.random.BitGenerator, random.Random,
)  # fmt: skip
_SETTERS = frozenset(("errstate", "seterr"))
_FILTERS = frozenset(("simplefilter", "filterwarnings"))


def _in_site_packages(f: types.FunctionType) -> bool:
    file = f.__code__.co_filename
    return "site-packages" in file or "dist-packages" in file


class Captures:
    """What some functions and objects refer to, as it was when they were searched."""

    def __init__(self, roots: Iterable[Any]) -> None:
        self.tests: list[str] = []
        self.names: dict[str, Any] = {
            "missing": _MISSING, "same": same, "same_items": same_items, "same_set": same_set,
            "equal": equal_arrays, "type": type, "len": len, "is_empty": is_empty,
            "tuple": tuple, "memcmp": memcmp, "keeps": keeps,
        }  # fmt: skip
        self.seen: dict[int, Any] = {}
        self.holders: dict[int, list[Any]] = {}  # objects that hold an object; None: not known
        self.within: Any = ROOT  # the object whose parts are searched
        # The tests of large arrays: the place of each, its part without a copy, the copy's names.
        self.copies: dict[int, tuple[int, str, list[str]]] = {}
        self.released: list[ndarray] = []  # arrays whose contents are not compared
        self.generators: list[Any] = []
        self.containers: list[Any] = []
        self.modules: dict[int, types.ModuleType] = {}
        self.used: set[str] = set()  # names in the code of all functions
        self.has_handlers = False  # whether the program may catch exceptions
        self.finds_by_name = False  # whether it computes names of attributes
        self.compares_identity = False
        self.what: list[str] = []
        self.found: list[tuple[str, Any]] = []
        for root in roots:
            self._search(root, "", "the function")
        self._look_into_modules()
        self._refuse_raised_errors()
        if self.has_handlers:  # of the error that a store into an array for reading raises
            for x in self.seen.values():
                if isinstance(x, ndarray):
                    is_writeable = f"{self._name(x)}.flags.writeable is {x.flags.writeable}"
                    self._test(is_writeable, "whether an array is writeable")
        # Numbers count by value, as another object may take the place of an equal one.
        self.numbers = frozenset(numbers(self.names.values()) if self.compares_identity else ())
        self._states = list(map(state_of, self.generators))
        self.unchanged: Callable[[], bool] = self._compiled()

    def release(self, arrays: Iterable[ndarray]) -> None:
        """Compare no contents of these arrays from now on, which are inputs of the recordings."""
        for x in arrays:
            if id(x) not in self.copies:
                continue  # an earlier recording has done so
            self.released.append(x)
            place, layout, names = self.copies.pop(id(x))
            self.tests[place] = layout
            self.names.update(dict.fromkeys(names))
        self.unchanged = self._compiled()

    def marks(self) -> list[tuple[str, str]]:
        """What was found, in words, each with a hash of its content that holds in any process."""
        return [(what, hash_of(x)) for what, x in self.found]

    def may_hold(self, leaves: Iterable[Any]) -> bool:
        """Whether the program may notice that an argument is of its own state."""
        return self.compares_identity and any(
            id(x) in self.seen or (isinstance(x, Number) and x in self.numbers) for x in leaves
        )

    def drew(self) -> bool:
        """Whether a captured generator of random numbers has moved since the search."""
        return any(state_of(g) != s for g, s in zip(self.generators, self._states, strict=True))

    def changed(self) -> str:
        """In words, the first thing that has changed."""
        for test, what in zip(self.tests, self.what, strict=True):
            if not eval(test, self.names):
                return what
        return "nothing"

    def _compiled(self) -> Any:
        if not self.tests:
            return lambda: True
        body = "".join(f"    if not ({test}): return False\n" for test in self.tests)
        exec(f"def unchanged():\n{body}    return True\n", self.names)
        made = self.names["unchanged"]

        def unchanged() -> bool:
            try:
                return bool(made())
            except Exception:  # an attribute or an element that is gone has changed as well
                return False

        return unchanged if len(self.tests) > 0 else made

    def _name(self, x: Any) -> str:
        name = f"n{len(self.names)}"
        self.names[name] = x
        return name

    def _test(self, text: str, what: str) -> None:
        self.tests.append(text)
        self.what.append(what)
        if len(self.tests) > MOST:
            raise Unrecordable(f"the function refers to more than {MOST} objects")

    def _bind(self, x: Any, text: str, what: str) -> None:
        """Guard the object that the text `text` finds now."""
        if not text:
            return self._search(x, text, what)
        if is_box(x):
            raise Unrecordable(f"{what} is a traced value")
        if isinstance(x, _VALUES):
            name = self._name(x)
            self._test(f"{text} is {name} or same({text}, {name})", what)
            self.found.append((what, x))
            return self._search(x, text, what)
        if type(x) is tuple and all(isinstance(e, _VALUES) for e in x):
            name = self._name(x)
            self._test(f"{text} is {name} or same({text}, {name})", what)
            self.found.append((what, x))
            return None
        self._test(f"{text} is {self._name(x)}", what)
        return self._search(x, text, what)

    def _search(self, x: Any, text: str, what: str) -> None:
        if isinstance(x, np.ufunc) and all(kind.strip("O") == "->" for kind in x.types):
            raise Unrecordable(f"{what} is made by np.frompyfunc, and may change unseen")
        if type(x) in _PLAIN or isinstance(x, np.ufunc):
            return
        self.holders.setdefault(id(x), []).append(self.within)
        if id(x) in self.seen:
            return
        if type(x).__module__.startswith("dualdiff.rules."):  # it fills itself when first used
            return
        outer, self.within = self.within, x
        if isinstance(x, _VALUES):
            self._own_parts(x, what)
        else:
            self.seen[id(x)] = x
            if len(self.seen) > MOST:
                raise Unrecordable(f"the function refers to more than {MOST} objects")
            if is_box(x):
                raise Unrecordable(f"{what} is a traced value")
            self._parts(x, what)
        self.within = outer

    def _parts(self, x: Any, what: str) -> None:
        """Search an object by its kind."""
        if isinstance(x, ndarray):
            self._array(x, what)
        elif isinstance(x, _GENERATORS):
            self.generators.append(x)
        elif isinstance(x, Iterator) and not isinstance(x, (types.FunctionType, type)):
            raise Unrecordable(f"{what} is an iterator, which each call would move on")
        elif isinstance(x, types.FunctionType):
            self._function(x, what)
        elif isinstance(x, types.MethodType):
            self._search(x.__self__, "", f"{what}.__self__")
            self._search(x.__func__, "", what)
        elif isinstance(x, _BOUND):
            self._search(x.__self__, "", f"{what}.__self__")
        elif isinstance(x, functools.partial):
            for part in (x.func, x.args, x.keywords):
                self._search(part, "", what)
        elif isinstance(x, (tuple, list)):
            self._sequence(x, what)
            self._own_parts(x, what)
        elif isinstance(x, dict):
            self._dict(x, what)
            self._own_parts(x, what)
        elif isinstance(x, (set, frozenset)):
            name, held = self._name(x), self._name(frozenset(x))
            self.found.append((what, frozenset(x)))
            self._test(f"same_set({name}, {held})", what)
            self._own_parts(x, what)
        elif isinstance(x, type):
            self._class(x, what)
        elif getattr(type(x), "is_compiled", False):
            self._search(x.f, "", what)
        elif isinstance(x, Transform):  # what it remembers of earlier calls changes no result
            for option in (x.f, x.argnums, x.options):
                self._search(option, "", what)
        elif isinstance(x, types.ModuleType):
            if not is_library(x.__name__):
                self.modules[id(x)] = x
        else:
            self._object(x, what)

    def _own_parts(self, x: Any, what: str) -> None:
        """The attributes of a value or a container of a class of the program."""
        if not is_library(type(x).__module__):
            self.seen[id(x)] = x
            self._object(x, what)

    def _array(self, x: ndarray, what: str) -> None:
        if type(x) not in (ndarray, np.memmap) or x.dtype.hasobject:
            raise Unrecordable(f"{what} is an array of objects or of a class of its own")
        name = self._name(x)
        form = f"{name}.shape == {self._name(x.shape)} and {name}.dtype is {self._name(x.dtype)}"
        if x.nbytes <= COPIED:
            self._test(f"{form} and {name}.tobytes() == {self._name(x.tobytes())}", what)
        else:
            copy = x.copy(order="K")
            names = [self._name(copy)]
            layout = f"{form} and {name}.strides == {self._name(x.strides)}"
            if x.flags.forc and memcmp is not None:
                own, other = self._name(elements(x)), self._name(elements(copy))
                names.append(other)
                test = f"memcmp({own}, {other}, {x.nbytes}) == 0"
            else:
                test = f"equal({name}, {names[0]})"
            self.copies[id(x)] = len(self.tests), layout, names
            self._test(f"{layout} and {test}", what)
        self.found.append((what, x))

    def _sequence(self, x: Any, what: str) -> None:
        name = self._name(x)
        if len(x) > MOST:
            raise Unrecordable(f"{what} has {len(x)} elements; make it an array")
        if type(x) is not tuple:
            self.containers.append(x)
            self._test(f"len({name}) == {len(x)}", what)
        if all(type(e) in (float, int, str, bool) for e in x):
            self._test(f"same_items({name}, {self._name(tuple(x))})", what)
            self.found.append((what, tuple(x)))
            return
        for i, e in enumerate(x):
            self._bind(e, f"{name}[{i}]", f"{what}[{i}]")

    def _keys(self, x: dict[Any, Any], what: str) -> None:
        name = self._name(x)
        self._test(f"tuple({name}) == {self._name(tuple(x))}" if x else f"not {name}", what)

    def _dict(self, x: Any, what: str) -> None:
        name = self._name(x)
        self.containers.append(x)
        self._keys(x, f"the keys of {what}")
        if isinstance(x, collections.defaultdict):
            self._bind(x.default_factory, f"{name}.default_factory", f"the default of {what}")
        for key, value in list(x.items()):
            self._bind(value, f"{name}.get({self._name(key)}, missing)", f"{what}[{key!r}]")

    def _function(self, f: types.FunctionType, what: str) -> None:
        if is_library(f.__module__) or _in_site_packages(f):
            self._cells(f, what)
            return
        name = self._name(f)
        self.found.append((what, f.__code__))
        self._test(f"{name}.__code__ is {self._name(f.__code__)}", what)
        for part in ("__defaults__", "__kwdefaults__"):
            held = self._name(getattr(f, part))
            self._test(f"{name}.{part} is {held}", f"a default of {what}")
        self._search(f.__defaults__, "", f"the defaults of {what}")
        self._search(f.__kwdefaults__, "", f"the defaults of {what}")
        self._cells(f, what)
        scope, used = f.__globals__, names_used(f.__code__)
        self._code(f, what)
        self.used.update(used, texts_used(f.__code__))
        space = self._name(scope)
        self._keys(vars(f), f"the attributes of {what}")
        reached = frozenset(globals_used(f.__code__))  # the others are attributes of something
        absent = reached - scope.keys()
        if absent:  # builtins, which a global of the same name would hide
            names = " and ".join(sorted(absent))
            self._test(f"{space}.keys().isdisjoint({self._name(absent)})", f"the globals {names}")
        if "environ" in used or "getenv" in used:
            self._environment(what)
        for key, value in list(vars(f).items()):
            if key != "__wrapped__":
                attribute = f"{self._name(vars(f))}.get({key!r}, missing)"
                self._bind(value, attribute, f"the attribute {key!r} of {what}")
        for key in used:
            imported, is_global = sys.modules.get(key), key in reached and key in scope
            if imported is not None and not is_global and not is_library(key):
                self._search(imported, "", key)
            if is_global:
                value = scope[key]
                self._bind(value, f"{space}.get({key!r}, missing)", f"the global {key!r}")
        wrapped = getattr(f, "__wrapped__", None)
        if wrapped is not None:
            self._search(wrapped, "", what)

    def _code(self, f: types.FunctionType, what: str) -> None:
        """Refuse code that does what no recording sees, and note what else matters of it."""
        cells = zip(f.__code__.co_freevars, f.__closure__ or (), strict=True)
        own = {name: cell.cell_contents for name, cell in cells if not is_empty(cell)}
        code, scope = f.__code__, collections.ChainMap(own, f.__globals__)
        reached = reaches(code, scope)
        if reached:
            raise Unrecordable(f"{what} calls {reached}")
        if asks_for_type(code, scope):
            raise Unrecordable(f"{what} asks for the type of a value; write isinstance")
        if sets_state(code):
            raise Unrecordable(f"{what} sets the state of random numbers or of errors")
        if asks_for_memory(code):
            raise Unrecordable(f"{what} asks which memory an array has, or whether it is writeable")
        self.has_handlers |= has_handlers(code)
        self.finds_by_name |= finds_by_name(code)
        self.compares_identity |= compares_identity(code)

    def _environment(self, what: str) -> None:
        now = getattr(os.environ, "_data", None)
        if now is None:
            raise Unrecordable(f"{what} reads environment variables")
        self.found.append(("the environment", repr(sorted(now.items()))))
        self._test(f"{self._name(now)} == {self._name(dict(now))}", "the environment")

    def _cells(self, f: types.FunctionType, what: str) -> None:
        for variable, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            of = f"the variable {variable!r} of {what}"
            if is_empty(cell):
                self._test(f"is_empty({self._name(cell)})", of)
                continue
            value = cell.cell_contents
            self._bind(value, f"{self._name(cell)}.cell_contents", of)

    def _refuse_raised_errors(self) -> None:
        """Refuse a program that has exceptions in place of floating-point warnings."""
        texts = self.used.union(x for _, x in self.found if type(x) is str)
        raises = _SETTERS & self.used and not texts.isdisjoint(("raise", "call"))
        if raises or (_FILTERS & self.used and "error" in texts):
            raise Unrecordable("the function turns floating-point warnings into exceptions")

    def _look_into_modules(self) -> None:
        """Guard what has a name that the functions use in modules of the user."""
        self.within = None
        seen: set[tuple[int, str]] = set()
        looked: set[int] = set()
        spaces: list[tuple[str, str, dict[str, Any]]] = []
        size = (-1, -1)
        while size != (len(self.modules), len(self.used)):
            size = len(self.modules), len(self.used)
            for module in list(self.modules.values()):
                space = self._name(vars(module))
                if id(module) not in looked:
                    looked.add(id(module))
                    spaces.append((module.__name__, space, vars(module)))
                keys = self.used & vars(module).keys()
                if self.finds_by_name:
                    keys = {key for key in vars(module) if not key.startswith("__")}
                for key in sorted(keys):
                    if (id(module), key) not in seen:
                        seen.add((id(module), key))
                        what = f"{module.__name__}.{key}"
                        self._bind(vars(module)[key], f"{space}.get({key!r}, missing)", what)
        for name, space, content in spaces:  # what a program asks for and does not find
            absent = self._name(frozenset(self.used - content.keys()))
            self._test(f"{space}.keys().isdisjoint({absent})", f"the names in {name}")

    def _class(self, cls: type, what: str) -> None:
        if is_library(cls.__module__):
            return
        self._search(type(cls), "", type(cls).__name__)  # a metaclass of the program
        for base in cls.__mro__:
            if is_library(base.__module__) or base is object:
                continue
            name = self._name(base)
            count = len(vars(base))
            self._test(f"len({name}.__dict__) == {count}", f"the attributes of {base.__name__}")
            for key, value in list(vars(base).items()):
                is_method = isinstance(value, _METHODS) and key not in _UNUSED
                if is_method or not key.startswith("__"):
                    of = f"{base.__name__}.{key}"
                    self._bind(value, f"{name}.__dict__.get({key!r}, missing)", of)

    def _object(self, x: Any, what: str) -> None:
        if type(x) is CACHE:
            self._test(f"keeps({self._name(x)}, {self._name([0, 0])})", f"the cache of {what}")
        if isinstance(x, (property, staticmethod, classmethod)):
            for member in ("fget", "__func__"):
                inner = getattr(x, member, None)
                if isinstance(inner, types.FunctionType):
                    self._search(inner, "", what)
        if type(x) is functools.cached_property:  # its lock is no state
            return self._search(x.func, "", what)
        if hides_state(type(x)):
            raise Unrecordable(f"{what} is a {type(x).__name__}, which may change unseen")
        if getattr(type(x), "__flags__", 0) & HEAP and not isinstance(x, type):
            name = self._name(x)
            self._test(f"type({name}) is {self._name(type(x))}", f"the class of {what}")
        held = getattr(x, "__dict__", None)
        slots = any("__slots__" in vars(base) for base in type(x).__mro__)
        if held is None and not slots and not isinstance(x, CONSTANT):
            plain = type(x).__init__ is object.__init__ and type(x) is object
            if not plain and not isinstance(x, (property, staticmethod, classmethod)):
                raise Unrecordable(f"{what} is a {type(x).__name__}, which may change unseen")
        if isinstance(held, dict):
            name = self._name(held)
            self._test(f"len({name}) == {len(held)}", f"the attributes of {what}")
            for key, value in list(held.items()):
                of = f"{type(x).__name__}.{key}"
                self._bind(value, f"{name}.get({key!r}, missing)", of)
        for base in type(x).__mro__:
            slots = base.__dict__.get("__slots__", ())
            for key in (slots,) if isinstance(slots, str) else slots:
                if not key.startswith("__"):
                    self._slot(x, key)
        return self._search(type(x), "", type(x).__name__)

    def _slot(self, x: Any, key: str) -> None:
        name, what = self._name(x), f"{type(x).__name__}.{key}"
        if hasattr(x, key):
            self._bind(getattr(x, key), f"{name}.{key}", what)
        else:
            self._test(f"not hasattr({name}, {key!r})", what)
