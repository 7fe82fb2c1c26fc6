"""The base class of the operators: run the function, derive, return the result."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..core import trace as levels
from .beside import limit_beside
from .inputs import Argnums, Inputs, any_nan
from .record import Recording
from .rescue import Derivatives, limit_of, rescue


class Transform:
    """A function made from another; it has the same name, docstring and signature, and pickles too.

    A call goes straight through `evaluate`, which runs the function and derives, and `result`,
    which gives the derivatives their form. If a derivative holds a NaN, the recording repeats the
    pass `derive`; if eigenvalues coincide, `limit` gives the derivatives.
    """

    derive: Callable[[Recording], Sequence[Any]] | None = None

    def __init__(self, f: Callable[..., Any], argnums: Argnums | None, **options: Any) -> None:
        if not callable(f):
            raise TypeError(
                f"{type(self).__name__.lower().lstrip('_')} takes a function, not a "
                f"{type(f).__name__}; write grad(f)(x), not grad(f(x))"
            )
        functools.update_wrapper(self, f, updated=())  # attributes of f would hide methods here
        self.f = f
        self.argnums = argnums
        self.options = options

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self.f, self.argnums, self.options)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        inputs = Inputs(self.f, args, kwargs, self.argnums)
        return self.result(inputs, self.derivatives(inputs))

    def derivatives(self, inputs: Inputs) -> Derivatives:
        """The derivatives at one point, without the NaNs that stand for a zero or a limit."""
        met = levels.doubts()
        found = self.evaluate(inputs)
        if any_nan(found.leaves) or levels.doubts() != met:
            run = functools.partial(self.evaluate, inputs)
            limit = functools.partial(self.limit, inputs)
            near = functools.partial(self.near, inputs)
            found = rescue(found, met, self.derive, run, limit, near)
        return found

    def evaluate(self, inputs: Inputs) -> Derivatives:
        """Run the function and derive."""
        raise NotImplementedError

    def limit(self, inputs: Inputs, found: Derivatives) -> Sequence[Any] | None:
        """The leaves as limits along directions in which coinciding values split, or None."""
        return limit_of(inputs, lambda near: self.evaluate(near).leaves)

    def near(self, inputs: Inputs) -> Sequence[Any] | None:
        """The leaves as limits beside roots of 0, or None."""
        return limit_beside(inputs, lambda near: self.evaluate(near).leaves)

    def result(self, inputs: Inputs, found: Derivatives) -> Any:
        """The derivatives in the form that the operator promises."""
        raise NotImplementedError


def _rebuild(cls: Any, f: Any, argnums: Any, options: dict[str, Any]) -> Any:
    return cls(f, argnums, **options)
