"""Sort the arguments of a user's function into operands and options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..array.box import is_box
from ..core.trace import materialize
from ..core.types import Value
from ..errors import UnsupportedInputError, user_line
from ..trees import flatten


def signature_of(fn: Callable[..., Any]) -> inspect.Signature | None:
    """The signature of a function; a compiled one may have none, and a ufunc has ``out``."""
    try:
        return None if isinstance(fn, np.ufunc) else inspect.signature(fn)
    except (TypeError, ValueError):
        return None


def sort_arguments(
    signature: inspect.Signature | None, args: Any, kwargs: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional arguments, defaults included, and keyword-only arguments."""
    if signature is None:
        return args, kwargs
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args, bound.kwargs


def refuse_traced(values: Iterable[Value], name: str, what: str, instead: str) -> None:
    """Raise for traced values that would lose their derivative."""
    for value in values:
        if any(is_box(leaf) and is_box(materialize(leaf)) for leaf in flatten(value)[0]):
            raise UnsupportedInputError(
                f"{name} was given a traced value in {what}, {user_line()}; {instead}."
            )
