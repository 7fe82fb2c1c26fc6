"""SciPy's signatures: the arguments of a call, for implementations that name some of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import UnsupportedInputError, user_line
from .arguments import as_array, holds_traced, signature_of
from .in_place import original_of

# Arguments that change no value.
SILENT = frozenset(
    (
        "check_finite", "overwrite_a", "overwrite_ab", "overwrite_b", "overwrite_c", "overwrite_v",
        "overwrite_qr", "overwrite_qru", "overwrite_qruv",
        "overwrite_x", "overwrite_data", "workers", "lapack_driver", "disp", "plan",
    )
)  # fmt: skip


class _Default:
    """A default in the text of a signature."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"_defaults[{self.name!r}]"


def bound(
    original: Any,
    implementation: Callable[..., Any],
    arrays: Sequence[str] = (),
    more: Sequence[str] = (),
) -> Callable[..., Any]:
    """A function with SciPy's signature that hands an implementation the arguments it names.

    For each name of `more` that the implementation has it takes a keyword argument with an
    underscore in front.
    """
    signature = signature_of(original)
    if signature is None:
        return implementation
    own = inspect.signature(implementation).parameters
    kinds = {p.kind for p in own.values()}
    by_position = inspect.Parameter.VAR_POSITIONAL in kinds
    parameters, call, others = [], [], []
    for name, p in signature.parameters.items():
        default = p.default if p.default is p.empty else _Default(name)
        parameters.append(p.replace(default=default, annotation=p.empty))
        value = f"_array({name})" if name in arrays else name
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            call.append(("*" if p.kind is p.VAR_POSITIONAL else "**") + name)
        elif name in own:
            first = by_position or own[name].kind is p.POSITIONAL_ONLY
            first = first and p.kind is not p.KEYWORD_ONLY
            call.append(value if first else f"{name}={value}")
        elif name not in SILENT:
            others.append(f"{name!r}: {name}")
    parameters += _unsigned(original, signature)
    parameters += [_keyword("_" + name) for name in more]
    call += [f"{name}=_{name}" for name in more if name in own]
    parameters.sort(key=lambda p: p.kind)
    header = inspect.Signature(parameters)
    lines = [f"def bind{header}:"]
    if inspect.Parameter.VAR_KEYWORD in kinds:
        call.append(f"**_others({{{', '.join(others)}}}, _defaults)")
    elif others:
        lines.append(f" _check({{{', '.join(others)}}}, _defaults)")
    lines.append(f" return _implementation({', '.join(call)})")
    space: dict[str, Any] = {
        "_implementation": implementation, "_array": as_array, "_check": _checker(original),
        "_others": _others,
        "_defaults": {name: p.default for name, p in signature.parameters.items()},
    }  # fmt: skip
    exec(compile("\n".join(lines), __file__ + "<bound>", "exec"), space)  # no frame of users
    made: Callable[..., Any] = space["bind"]
    return made


def _unsigned(original: Any, signature: inspect.Signature) -> list[inspect.Parameter]:
    """Parameters of SciPy's own use, which the signature of a decorated function hides."""
    code = getattr(original_of(original), "__code__", None)
    if code is None:
        return []
    names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return [_keyword(name) for name in names if name not in signature.parameters]


def _keyword(name: str) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)


def _differs(value: Any, default: Any) -> bool:
    if value is default:
        return False
    return holds_traced(value) or type(value) is np.ndarray or bool(np.any(value != default))


def _others(given: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    return {name: v for name, v in given.items() if _differs(v, defaults[name])}


def _checker(original: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def check(given: dict[str, Any], defaults: dict[str, Any]) -> None:
        for name, value in given.items():
            if _differs(value, defaults[name]):
                what = f"{original.__module__}.{original.__qualname__}"
                raise UnsupportedInputError(
                    f"{what} of traced values does not take {name}={value!r}, {user_line()}; "
                    f"leave it out, or pass dualdiff.value_of(x) to count x as constant."
                )

    return check
