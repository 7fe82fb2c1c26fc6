"""The tables from a NumPy or SciPy function to its implementation on traced arrays."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ..core.types import Value
from ..errors import MissingRuleError, describe, user_line

# By function; by operators of the module `operator`; and by methods of `numpy.ndarray`.
FUNCTIONS: dict[Any, Callable[..., Any]] = {}
UFUNC_METHODS: dict[tuple[Any, str], Callable[..., Any]] = {}
_LAZY: dict[str, str] = {}


def register(function: Any, implementation: Callable[..., Any]) -> None:
    """Say what a function, an operator or a method does when an argument is traced."""
    FUNCTIONS[function] = implementation


def register_lazily(module: str, rules: str) -> None:
    """Import the module `rules` when a function of `module` first meets a traced array."""
    _LAZY[module] = rules


def _load_rules(function: Any) -> bool:
    """Import the lazily registered rules that may know `function`; whether any were imported."""
    name = getattr(function, "__name__", "")
    home = getattr(function, "__module__", None) or ""
    for module, rules in list(_LAZY.items()):
        loaded = sys.modules.get(module)
        if home.startswith(module) or (loaded and getattr(loaded, name, None) is function):
            importlib.import_module(rules)
            _LAZY.pop(module, None)  # not before: another thread may ask while it is imported
            return True
    return False


def find_function(function: Any) -> Callable[..., Any] | None:
    """The implementation of `function` on traced arrays, or None."""
    found = FUNCTIONS.get(function)
    if found is None and _LAZY and _load_rules(function):
        return find_function(function)
    return found


def no_rule(what: str, args: Sequence[Any]) -> MissingRuleError:
    """The error for a function that dualdiff does not know."""
    traced = [
        f"argument {i} ({describe(a)})"
        for i, a in enumerate(args)
        if getattr(type(a), "is_box", False)
    ]
    return MissingRuleError(
        f"{what} has no derivative rule for {', '.join(traced) or 'a traced argument'}, "
        f"{user_line()}. Add one with dualdiff.extend (see docs/extending.md), write it with "
        f"functions that have one, or pass dualdiff.value_of(x) to count x as constant."
    )


def _untraced(x: Value) -> Any:
    """Plain arrays in place of arrays that take traced values but hold none, also in lists."""
    if type(x) in (list, tuple):
        return type(x)(map(_untraced, x))
    return x.read() if getattr(type(x), "is_box", False) and hasattr(x, "read") else x


def _has_box(x: Value) -> bool:
    nested = type(x) in (list, tuple)
    return any(map(_has_box, x)) if nested else getattr(type(x), "is_box", False)


def without_rule(what: str, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """NumPy's own result if no value is traced; else the error."""
    args, kwargs = _untraced(tuple(args)), {k: _untraced(v) for k, v in kwargs.items()}
    given = [*args, *kwargs.values()]
    if _has_box(given):
        raise no_rule(what, given)
    return func(*args, **kwargs)


def dispatch_function(func: Any, args: Any, kwargs: Any) -> Any:
    """Answer `__array_function__`."""
    found = find_function(func)
    if found is None:
        what = f"{getattr(func, '__module__', None) or 'numpy'}.{getattr(func, '__name__', func)}"
        return without_rule(what, func, args, kwargs)
    return found(*args, **kwargs)


def _ufunc_name(ufunc: Any) -> str:
    name = ufunc.__name__
    for home in ("numpy", "scipy.special"):
        if getattr(sys.modules.get(home), name, None) is ufunc:
            return f"{home}.{name}"
    return str(name)


def dispatch_ufunc(ufunc: Any, method: str, inputs: Any, kwargs: Any) -> Any:
    """Answer `__array_ufunc__`; a call with keywords has an entry of its own, ``(None,
    "__call__")``."""
    if method != "__call__":
        found = UFUNC_METHODS.get((ufunc, method))
        if found is None:
            what = f"{_ufunc_name(ufunc)}.{method}"
            return without_rule(what, getattr(ufunc, method), inputs, kwargs)
        return found(*inputs, **kwargs)
    found = find_function(ufunc)
    if found is None:
        return without_rule(_ufunc_name(ufunc), ufunc, inputs, kwargs)
    if kwargs:
        return UFUNC_METHODS[None, "__call__"](ufunc, found, inputs, kwargs)
    return found(*inputs)
