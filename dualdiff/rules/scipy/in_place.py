"""Functions of SciPy that ask first whether dualdiff computes the call.

`divert` exchanges the byte code of a function for that of a small function with the same
signature. So every reference to the function is diverted, also one that a program has imported
earlier, and those within SciPy. While no derivative is taken the new code calls the old one.
Signature, defaults, source, and pickling stay as they are.
"""

from __future__ import annotations

import functools
import inspect
import types
import warnings
from collections.abc import Callable
from typing import Any

from ...core.trace import LIVE

Hook = Callable[..., Any]
_ORIGINALS: dict[types.FunctionType, types.FunctionType] = {}
_SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_VARIADIC = inspect.CO_VARARGS, inspect.CO_VARKEYWORDS


def original_of(function: Any) -> Any:
    """The function that runs SciPy's own code, whether or not `function` is diverted."""
    try:
        return _ORIGINALS.get(function, function)
    except TypeError:  # not hashable
        return function


def divert(
    function: types.FunctionType, make_hook: Callable[[Any], Hook], always: bool = False
) -> None:
    """Let a function call a hook while a derivative is taken, or `always`.

    Arguments: `function`, written in Python; `make_hook`, which gets a function that runs the old
    code, and returns the hook. The hook gets the arguments as the old code would get them.
    """
    old = function.__code__
    if function in _ORIGINALS or old.co_flags & _SUSPENDED:
        return  # a generator computes nothing when it is called
    original = copy_of(function, old)
    hook = make_hook(original)
    _ORIGINALS[function] = original
    _assign(function, _diverting(old, hook, original, always))


def _assign(function: types.FunctionType, code: types.CodeType) -> None:
    """Give a function other code, also a generator the code of a plain function that calls it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Assigning a code object", DeprecationWarning)
        function.__code__ = code


def restore(function: types.FunctionType) -> None:
    """Undo `divert`."""
    original = _ORIGINALS.pop(function, None)
    if original is not None:
        _assign(function, original.__code__)


def copy_of(function: types.FunctionType, code: types.CodeType) -> types.FunctionType:
    """Another function object with the same names, defaults and closure."""
    new = types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    new.__kwdefaults__ = function.__kwdefaults__
    new.__dict__.update(function.__dict__)
    new.__qualname__, new.__module__ = function.__qualname__, function.__module__
    new.__doc__, new.__annotations__ = function.__doc__, function.__annotations__
    return new


def _yes() -> bool:
    return True


def _diverting(old: types.CodeType, hook: Hook, original: Any, always: bool) -> types.CodeType:
    """The byte code of `old`'s signature that asks the hook while a trace is open."""
    flags = tuple(bool(old.co_flags & flag) for flag in _VARIADIC)
    counts = old.co_argcount, old.co_kwonlyargcount
    code = _template(*counts, *flags, len(old.co_freevars))
    named = old.co_varnames[: sum(counts) + sum(flags)]
    keywords = old.co_varnames[counts[0] : sum(counts)]
    constants = {"live": _yes if always else LIVE.__len__, "hook": hook, "original": original}
    constants |= {f"k{i}": name for i, name in enumerate(keywords)}

    def constant(c: Any) -> Any:
        return tuple(map(constant, c)) if isinstance(c, tuple) else constants.get(c, c)

    return code.replace(
        co_posonlyargcount=old.co_posonlyargcount,
        co_varnames=named,
        co_freevars=old.co_freevars,
        co_consts=tuple(map(constant, code.co_consts)),
        co_name=old.co_name,
        co_qualname=old.co_qualname,
        co_filename=old.co_filename,
        co_firstlineno=old.co_firstlineno,
    )


@functools.cache
def _template(
    positional: int, keywords: int, variadic: bool, variadic_keywords: bool, free: int
) -> types.CodeType:
    """The code for signatures with these numbers of parameters, whose names do not matter.

    All on one line, the one of the ``def`` in tracebacks. As many free variables as the original
    code has are mentioned, since a function's closure keeps its length.
    """
    a = [f"a{i}" for i in range(positional)]
    k = [f"k{i}" for i in range(keywords)]
    star = ["*rest"] if variadic else []
    options = ["**options"] if variadic_keywords else []
    parameters = [*a, *(star or (["*"] if k else [])), *k, *options]
    call = ", ".join([*a, *star, *(f"{name}={name}" for name in k), *options])
    outer = ", ".join(f"f{i}" for i in range(free))
    mention = f"; ({outer},)" if free else ""
    source = (
        f"def outer({outer}):\n"
        f" def inner({', '.join(parameters)}): return ('hook' if 'live'() else 'original')({call})"
        f"{mention}\n"
        f" return inner\n"
    )
    space: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # strings that are called
        exec(compile(source, "<diverted>", "exec"), space)
    made: types.FunctionType = space["outer"](*[None] * free)
    return made.__code__


def complete(made: Any) -> Any:
    """A class whose objects only become objects of the class of `made` by their `__init__`."""
    kind: Any = type(made)
    return _complete(kind)


@functools.cache
def _complete(kind: Any) -> type:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        self.__class__ = kind

    return type(kind.__name__, (kind,), {"__init__": __init__})
