"""Functions of SciPy by formulas of functions that have rules, with SciPy's own value."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...array.box import is_box
from ...core.primitive import Known
from ...core.types import Value
from ..declare import Rule
from ..numpy.kinks import step_taken
from ..numpy.linalg.splitting import is_splitting
from .arguments import as_plain_function, by_scipy, is_recorded, is_user_function, mapped, plain
from .bodies import agreed, within_body
from .dispatch import counterpart
from .in_place import original_of
from .signatures import bound


def known_result(prim: Rule, value: Any, *operands: Value, **params: Any) -> Any:
    """The result of a primitive where SciPy's plain one is known, and not computed again."""
    if step_taken.get() is not None or is_splitting() or is_recorded(value):
        return prim(*operands, **params)  # the value is for another point
    if any(map(is_box, operands)):
        return prim.general(*operands, known=Known(value), **params)
    return value


class Kept(NamedTuple):
    """A result that keeps its own value, since SciPy's is another of many right ones."""

    value: Any


def formula(
    original: Any,
    *,
    arrays: str = "",
    calls: str = "",
    close: float = 1e-5,
    trusted: bool = False,
    affine_in: str = "",
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a function of SciPy's by a formula for the same value: `implements`, with SciPy's
    value to the last bit.

    Arguments: `original`, `arrays`, `calls`, `affine_in` as for `implements`; `close`, how far the
    two values may be apart, infinity where a problem may be ill-conditioned; `trusted`, whether
    bodies of SciPy's take the formula's own value, since theirs are compared in the end. The
    formula may have a parameter `value`, which is SciPy's result for the plain arguments.
    Returns: a decorator.
    """

    def decorate(implementation: Callable[..., Any]) -> Any:
        @functools.cache
        def find() -> Callable[..., Any]:
            kinds = arrays.split(), calls.split()
            return _Formula(original, implementation, *kinds, close, trusted)

        return counterpart(original, implementation, find, calls, affine_in)

    return decorate


class _Formula:
    """A formula, and the function of SciPy's itself."""

    def __init__(
        self,
        original: Any,
        implementation: Callable[..., Any],
        arrays: Sequence[str],
        calls: Sequence[str],
        close: float,
        trusted: bool,
    ) -> None:
        self.original = original_of(original)
        self.bound = bound(original, implementation, arrays, ("value",))
        self.calls, self.close, self.trusted = calls, close, trusted
        self.name = f"{original.__module__}.{original.__qualname__}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.trusted and within_body():
            return self.bound(*args, **kwargs)
        values, named = mapped(self.as_plain, args, kwargs)
        if self.trusted and is_recorded((*values, *named.values())):
            return self.bound(*args, **kwargs)
        value = by_scipy(self.original, *values, **named)
        several = type(value) is list  # as of stacks of matrices
        found = self.bound(*args, _value=tuple(value) if several else value, **kwargs)
        if isinstance(found, Kept):
            return found.value
        if several and isinstance(found, tuple):
            found = list(found)
        return agreed(found, value, self.name, self.close)

    def as_plain(self, x: Value) -> Any:
        return as_plain_function(x) if self.calls and is_user_function(x) else plain(x)
