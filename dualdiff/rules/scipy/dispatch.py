"""Functions of SciPy on traced values, by SciPy's own names and by those of `dualdiff.scipy`.

Rules of a module of SciPy stand in ``rules/scipy/<module>.py``. `scipy/__init__.py` lists the
module, and ``scipy/<module>.py`` passes its names on. There are three ways to declare a function:

**A rule for a compiled leaf**: a primitive from `declare`, and a function that calls it. It gets
the arguments that it names, bound by SciPy's signature, and is called only where one is traced:

    @implements(linalg.expm, arrays="A")
    def expm(A):
        return expm_p(A)

`arrays` names arguments that become arrays or boxes first (None stays None). An argument that the
function does not name must have its default, otherwise an error says so; `overwrite_a` and other
arguments that change no value are dropped. A parameter ``**options`` takes all other arguments
that differ from their defaults. `calls` names functions of the program, which may read traced
values: while a derivative is taken the implementation is called for them, too. It then calls
SciPy by ``by_scipy(linalg_function, ...)`` and hands it ``as_plain_function(f)``.

**A body**: SciPy's own code, written in Python, runs on traced values (see `bodies`):

    butter = runs_body(signal.butter)

Write rules for the compiled functions within it. The value is SciPy's to the last bit.

**A method**: the function in the class, by any of the two ways. `self` is the first argument. The
implementation is called where an attribute of the object, or another argument, is traced:

    @implements(CubicSpline.__init__)
    def set_up(self, x, y, axis=0, bc_type="not-a-knot", extrapolate=None): ...

`implements` of a class decides which object a call of the class makes. The decorated function, the
public one of `dualdiff.scipy`, runs SciPy's code where no argument is traced. SciPy's own function
is diverted to it in place (see `in_place`) from the first derivative on; see `switch`.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ... import errors
from ...array.box import is_box
from ...array.made import is_made
from ...core.trace import LIVE
from ...errors import MissingRuleError, user_line
from .affine import affine
from .arguments import (
    CALLED,
    any_traced,
    is_user_function,
    mapped,
    may_capture,
    settled,
    signature_of,
)
from .in_place import complete, divert, original_of, restore
from .signatures import bound

ENTRIES: list[Entry] = []
COUNTERPARTS: dict[Any, Callable[..., Any]] = {}  # by SciPy's function or class
_is_on = False
_unplaced: list[Entry] = []  # those of compiled objects that wait for `_place`
_placed_alone = True
_EXEMPT = ("numpy", "dualdiff", "builtins")  # rules call SciPy's own functions


class Entry:
    """One function, method or class of SciPy's, and its implementation on traced values."""

    def __init__(
        self,
        target: Any,
        find: Callable[[], Callable[..., Any]],
        calls: Sequence[str] = (),
        of_subclasses: bool = False,
    ) -> None:
        self.target, self.find, self.calls = target, find, tuple(calls)
        self.of_subclasses = of_subclasses  # then the implementation gets the class first
        self.original = original_of(target)  # runs SciPy's code
        self.places: list[Any] = []  # where SciPy's object was replaced
        self.called: list[tuple[str, int]] | None = None  # the places of `calls`
        self.makes_instances = False
        self.earlier: Entry | None = None
        self.public: Callable[..., Any] | None = None  # the function of `dualdiff.scipy`
        self.module = ""  # where the implementation stands

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The implementation where a value is traced, SciPy's own code elsewhere."""
        if any_traced(args) or (kwargs and any_traced(kwargs.values())):
            name, place = self.output
            target = kwargs.get(name, args[place] if -1 < place < len(args) else None)
            args, kwargs = mapped(settled, args, kwargs)
            if any_traced(args) or any_traced(kwargs.values()):
                if is_box(target) or is_made(target):  # the implementation stores into it
                    if name in kwargs:
                        kwargs[name] = target
                    else:
                        args = (*args[:place], target, *args[place + 1 :])
                return self.answer(args, kwargs)
        elif self.calls and may_capture() and self.gets_function(args, kwargs):
            return self.answer(args, kwargs)
        return self.original(*args, **kwargs)

    def answer(self, args: Any, kwargs: Any) -> Any:
        """The result of the implementation; tests watch it."""
        for name, place in self.overwrites:
            if kwargs.get(name):
                kwargs = {**kwargs, name: False}
            elif -1 < place < len(args) and args[place]:
                args = (*args[:place], False, *args[place + 1 :])
        token = CALLED.set((args, kwargs))
        try:
            return self.find()(*args, **kwargs)
        finally:
            CALLED.reset(token)

    @functools.cached_property
    def overwrites(self) -> list[tuple[str, int]]:
        """The arguments, and their places, that let SciPy overwrite arrays: rules need these."""
        signature = signature_of(self.original)
        names = list(signature.parameters) if signature is not None else []
        return [(name, i) for i, name in enumerate(names) if name.startswith("overwrite")]

    @functools.cached_property
    def output(self) -> tuple[str, int]:
        """The argument that SciPy stores the result into, and its place, or -1."""
        signature = signature_of(self.original)
        names = list(signature.parameters) if signature is not None else []
        return next(((n, names.index(n)) for n in ("output", "out") if n in names), ("output", -1))

    def gets_function(self, args: Any, kwargs: Any) -> bool:
        """Whether a function of the program is among the arguments that SciPy calls."""
        if self.called is None:
            signature = signature_of(self.original)
            names = list(signature.parameters) if signature else []
            self.called = [(n, names.index(n) if n in names else -1) for n in self.calls]
        for name, i in self.called:
            f = args[i] if 0 <= i < len(args) else kwargs.get(name)
            if any(map(is_user_function, f)) if type(f) in (list, tuple) else is_user_function(f):
                return True
        return False

    def install(self) -> None:
        """Divert SciPy's object to `call`."""
        if isinstance(self.target, types.FunctionType):
            divert(self.target, self.hook)
        elif isinstance(self.target, type):
            self.make_instances()
        else:
            _unplaced.append(self)
            if _placed_alone:
                _place()

    def remove(self) -> None:
        """Undo `install`."""
        if isinstance(self.target, types.FunctionType):
            restore(self.target)
        elif isinstance(self.target, type):
            self.makes_instances = False
        else:
            for home, name in self.places:
                setattr(home, name, self.target)
            self.places.clear()

    def hook(self, original: Callable[..., Any]) -> Callable[..., Any]:
        self.original = original
        return self.call

    def make_instances(self) -> None:
        """Let a call of the class make an object of another class where a value is traced."""
        target, self.makes_instances = self.target, True
        own = vars(target).get("__new__")
        if own in self.places:
            return  # it stays: a class without it would refuse arguments
        if isinstance(own, staticmethod):
            function: Any = own.__func__
            divert(function, functools.partial(self.new, is_diverted=True))
        elif target.__new__ in (object.__new__, dict.__new__):
            inherited = target.__new__
            new = self.new(lambda cls, *args, **kwargs: inherited(cls), False)
            new.__signature__ = signature_of(target.__init__)  # that of a call of the class
            target.__new__ = new
        else:
            raise TypeError(f"{target} inherits a __new__, which cannot be diverted")
        self.places.append(vars(target)["__new__"])

    def new(self, original: Any, is_diverted: bool) -> Any:
        """``__new__`` of the class, or its hook."""
        names = original.__code__.co_varnames[1:]

        def __new__(cls: type, *args: Any, **kwargs: Any) -> Any:
            is_asked = LIVE and self.makes_instances and (self.of_subclasses or cls is self.target)
            if is_asked and any_traced((*args, *kwargs.values())):
                if self.of_subclasses:
                    return self.call(cls, *args, **kwargs)
                # Diverted functions pass all by position; __init__ may take keywords only.
                named = dict(zip(names, args, strict=False)) if is_diverted else {}
                made = self.call(*(() if named else args), **named, **kwargs)
                if isinstance(made, cls):  # complete, but Python calls __init__ next
                    made.__class__ = complete(made)
                return made
            return original(cls, *args, **kwargs)

        __new__.is_of_dualdiff = True  # type: ignore[attr-defined]
        return __new__


@contextmanager
def placed_together() -> Iterator[None]:
    """Within the block, compiled objects are replaced in one pass through all modules, last."""
    global _placed_alone
    outer, _placed_alone = _placed_alone, False
    try:
        yield
    finally:
        _placed_alone = outer
        if outer:
            _place()


def _place() -> None:
    """Replace compiled objects wherever a module has bound them, and in classes of SciPy's."""
    waiting = {id(entry.target): entry for entry in _unplaced}
    _unplaced.clear()
    if not waiting:
        return
    for name, module in list(sys.modules.items()):
        package, space = name.partition(".")[0], getattr(module, "__dict__", None)
        if package in _EXEMPT or type(space) is not dict:
            continue
        for key, value in list(space.items()):
            entry = waiting.get(id(value))
            if entry is not None:
                setattr(module, key, entry.call)
                entry.places.append((module, key))
            elif package == "scipy" and isinstance(value, type):
                _place_in_class(value, waiting)


def _place_in_class(cls: type, waiting: dict[int, Entry]) -> None:
    for key, value in list(vars(cls).items()):
        entry = waiting.get(id(value))
        if entry is not None and cls.__module__ == entry.target.__module__:
            setattr(cls, key, _as_method(entry.call))
            entry.places.append((cls, key))


def _as_method(call: Callable[..., Any]) -> Callable[..., Any]:
    def method(*args: Any, **kwargs: Any) -> Any:
        return call(*args, **kwargs)

    return method


def targets_of(original: Any) -> list[Any]:
    """A public function, and the one of the same name in the module that defines it."""
    name = getattr(original, "__name__", "")
    home = sys.modules.get(getattr(original, "__module__", None) or "")
    inner = getattr(home, name, None)
    if isinstance(original, types.FunctionType) and isinstance(inner, types.FunctionType):
        return list(dict.fromkeys((original, inner)))
    return [original]


def enter(entry: Entry) -> None:
    """Add an entry, in the place of an earlier one for the same object of SciPy's."""
    for earlier in [e for e in ENTRIES if e.target is entry.target]:
        entry.earlier = earlier
        _take_out(earlier)
    entry.original = original_of(entry.target)
    ENTRIES.append(entry)
    if entry.public is not None:
        COUNTERPARTS[entry.target] = entry.public
    if _is_on:
        entry.install()


def withdraw(entry: Entry) -> None:
    """Undo `enter`: the earlier entry counts again."""
    _take_out(entry)
    if entry.earlier is not None:
        enter(entry.earlier)


def _take_out(entry: Entry) -> None:
    ENTRIES.remove(entry)
    COUNTERPARTS.pop(entry.target, None)
    if _is_on:
        entry.remove()


def turn(on: bool) -> None:
    """Divert SciPy's functions, or restore them."""
    global _is_on
    if on != _is_on:
        _is_on = errors.takes_scipy = on
        with placed_together():
            for entry in ENTRIES:
                entry.install() if on else entry.remove()


def implements(
    original: Any, *, arrays: str = "", calls: str = "", affine_in: str = ""
) -> Callable[[Callable[..., Any]], Any]:
    """Declare the decorated function as the implementation of SciPy's on traced values.

    Arguments: `original`, a function, a method or a class of SciPy's; `arrays`, the names of
    arguments that become arrays first; `calls`, the names of arguments that SciPy calls;
    `affine_in`, the argument that the derivative by it does not depend on (see `affine`).
    Returns: a decorator; the decorated function is SciPy's own where nothing is traced.
    """

    def decorate(implementation: Callable[..., Any]) -> Any:
        @functools.cache
        def find() -> Callable[..., Any]:
            return bound(original, implementation, arrays.split())

        return counterpart(original, implementation, find, calls, affine_in)

    return decorate


def counterpart(
    original: Any,
    described: Any,
    find: Callable[[], Callable[..., Any]],
    calls: str = "",
    affine_in: str = "",
    unless: dict[str, Sequence[Any]] | None = None,
) -> Any:
    """Enter an implementation for a function of SciPy's; the public function that calls it."""
    if affine_in:
        general = find
        find = functools.cache(lambda: affine(original, affine_in, general(), unless or {}))
    entries = [Entry(target, find, calls.split()) for target in targets_of(original)]

    @functools.wraps(described)
    def public(*args: Any, **kwargs: Any) -> Any:
        return entries[0].call(*args, **kwargs)

    signature = signature_of(original)
    if signature is not None:
        public.__signature__ = signature  # type: ignore[attr-defined]
    for entry in entries:
        entry.public, entry.module = public, described.__module__
        enter(entry)
    return public


def always(original: Any, implementation: Callable[..., Any], kind: type[Entry]) -> Any:
    """Enter an implementation that a kind of entry may ask for plain arguments, too.

    It gets the arguments as the program passes them.
    """
    entry = kind(original, lambda: implementation, ("A",))

    @functools.wraps(implementation)
    def public(*args: Any, **kwargs: Any) -> Any:
        return entry.call(*args, **kwargs)

    public.__name__ = original.__name__
    entry.public, entry.module = public, implementation.__module__
    enter(entry)
    return public


def implements_lazily(target: Any, rules: str, name: str, kind: type[Entry] = Entry) -> None:
    """Declare that the module `rules` has the implementation, which is imported at first use."""

    @functools.cache
    def find() -> Callable[..., Any]:
        found = getattr(importlib.import_module(rules), name, None)
        return entries[0].original if found is None else found

    entries = [kind(t, find) for t in targets_of(target)]
    for entry in entries:
        enter(entry)


def missing(what: str, why: str) -> MissingRuleError:
    """The error for a function of SciPy's that has no derivative in some of its arguments."""
    return MissingRuleError(
        f"{what} has no derivative here, {user_line()}: {why}. Pass dualdiff.value_of(x) to count "
        f"x as constant."
    )
