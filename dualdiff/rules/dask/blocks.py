"""Functions that run on each block of lazy arrays, and their derivatives, which do so too.

A formula of an elementwise primitive may decide by values, such as "where x is 0"; a lazy array has
none to look at. So the formula becomes one task for each block, where its operands are arrays of
NumPy's. The same holds for functions of the program that `map_blocks` applies. Derivatives are
taken by dualdiff within the block, to any order.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...array.box import is_box
from ...array.kinds import has_foreign, is_lazy
from ...core.batch import Shape, broadcast_of, cast, shape_of, spec_of, unbroadcast
from ...core.calls import SingleCall
from ...core.primitive import PRIMITIVES
from ...core.types import Cotangent, Residuals, Tangent, Value
from ...errors import MissingRuleError, user_line
from ..declare import Elementwise
from ..structures import Dense

PRIMAL = -1
# One derivative: its direction, the operand (of a pull), and the operands that are differentiated.
Step = tuple[str, int, tuple[int, ...]]


class Formula:
    """The primal of a primitive, or its derivative in one operand, which pickles by name.

    `names` are those of its operands (None for operands by position), `statics` its other
    arguments.
    """

    is_elementwise = True

    def __init__(self, primitive: Any, which: int, names: Any, statics: dict[str, Any]) -> None:
        self.primitive, self.which, self.names, self.statics = primitive, which, names, statics
        self.__name__ = f"{primitive.name}{'' if which == PRIMAL else '_slope'}"

    @property
    def function(self) -> Any:
        """The function of NumPy's arrays."""
        return self.primitive.fn if self.which == PRIMAL else self.primitive.factors[self.which]

    def __reduce__(self) -> Any:
        rest = (self.which, self.names, self.statics)
        if self.primitive not in PRIMITIVES:  # of a user
            return Formula, (self.primitive, *rest)
        function = getattr(self.function, "formula", self.function)
        home = getattr(function, "__module__", None) or ""
        home = home if home.startswith("dualdiff.") else "dualdiff"
        return _restored, (home, self.primitive.name, *rest)

    def __dask_tokenize__(self) -> Any:
        return self.primitive.name, id(self.primitive), self.which, self.names, self.statics

    def __call__(self, *operands: Value) -> Any:
        if self.names is None:
            return self.function(*operands, **self.statics)
        return self.function.value(dict(zip(self.names, operands, strict=True)) | self.statics)


def _restored(module: str, name: str, which: int, names: Any, statics: dict[str, Any]) -> Formula:
    """A formula in another process, which may not have loaded its primitive."""
    for home in (module, "dualdiff.rules.scipy.special"):
        importlib.import_module(home)
        for primitive in PRIMITIVES:
            if primitive.name == name:
                return Formula(primitive, which, names, statics)
    raise LookupError(f"no primitive {name!r} in {module}")


class OnBlocks:
    """A function of arrays that runs on each block of lazy ones, differentiated step by step.

    The operands of a push are followed by their tangents, those of a pull by a cotangent. All that
    are differentiated are traced at the same time, since a formula may depend on which are.
    """

    def __init__(self, function: Any, steps: tuple[Step, ...] = (), **options: Any) -> None:
        self.function, self.steps, self.options = function, steps, options
        self.is_elementwise = getattr(function, "is_elementwise", False)
        self.__name__ = getattr(function, "__name__", "function").strip("<>")

    def __dask_tokenize__(self) -> Any:
        from dask.base import normalize_token

        return normalize_token(self.function), self.steps

    def __call__(self, *operands: Value) -> Any:
        if any(map(is_box, operands)):
            return ByBlocks(self)(*operands)
        if any(map(is_lazy, operands)):
            return self.lazily(*operands)
        return self.on_numpys(self.steps)(*operands)

    def lazily(self, *operands: Value) -> Any:
        """One task for each block."""
        from dask.array.core import elemwise, map_blocks

        if self.is_elementwise:
            return elemwise(self, *operands)
        options = self.options
        if self.steps and self.steps[-1][0] == "pull":  # a cotangent of one operand
            like = operands[self.steps[-1][1]]
            options = {"dtype": like.dtype, "chunks": like.chunks, "meta": like._meta}
        return map_blocks(self, *operands, **options)

    def on_numpys(self, steps: tuple[Step, ...]) -> Callable[..., Any]:
        """The function of NumPy's arrays."""
        if not steps:
            function: Callable[..., Any] = self.function
            return function
        *before, (kind, which, active) = steps
        return _Derived(self.on_numpys(tuple(before)), kind, which, active, self.is_elementwise)

    def then(self, *step: Any) -> OnBlocks:
        """The function with one more derivative."""
        return OnBlocks(self.function, (*self.steps, step), **self.options)


class _Derived:
    """A derivative of a function of NumPy's arrays."""

    def __init__(
        self, function: Any, kind: str, which: int, active: tuple[int, ...], broadcasts: bool
    ) -> None:
        self.function, self.kind, self.which = function, kind, which
        self.active, self.broadcasts = active, broadcasts

    def __call__(self, *operands: Value) -> Any:
        from ...transforms.jvp_vjp import jvp, vjp

        count = len(operands) - (len(self.active) if self.kind == "push" else 1)
        primals, directions = list(operands[:count]), operands[count:]
        if self.broadcasts and self.kind == "pull":  # so that a cotangent is one of each element
            shape = np.broadcast_shapes(*map(np.shape, operands))
            primals = [np.broadcast_to(p, shape) if i in self.active else p
                       for i, p in enumerate(primals)]  # fmt: skip

        for i in self.active:
            primals[i] = np.asarray(primals[i])
        with np.errstate(all="ignore"):
            if self.kind == "push":
                tangents = [np.asarray(t) for t in directions]
                return jvp(self.function, primals, tangents, argnums=self.active)[1]
            value, pullback = vjp(self.function, *primals, argnums=self.active)
            (g,) = directions
            g = np.broadcast_to(np.asarray(g), np.shape(value))
            return pullback(g)[self.active.index(self.which)]


class ByBlocks(SingleCall):
    """One call of a function by blocks on traced operands."""

    structure = Dense()

    def __init__(self, function: OnBlocks) -> None:
        super().__init__(function, function.__name__)

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        _, args, chosen, spec = saved
        known = tuple(i for i in chosen if tangents[i] is not None)
        pushed = self.fn.then("push", PRIMAL, known)(*args, *(tangents[i] for i in known))  # type: ignore[attr-defined]
        return cast(pushed, spec.dtype)

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        _, args, chosen, _ = saved
        out: list[Any] = [None] * len(args)
        for i in chosen:
            pulled = self.fn.then("pull", i, chosen)(*args, g)  # type: ignore[attr-defined]
            fit = broadcast_of(args[i], pulled)
            if fit is not None and shape_of(args[i]) != shape_of(pulled):
                pulled = unbroadcast(pulled, fit)
            out[i] = cast(pulled, spec_of(args[i]).dtype)
        return out


def factor_by_blocks(primitive: Elementwise, i: int, kept: dict[str, Any]) -> Any:
    """The derivative of an elementwise primitive in one operand, from residuals some of which are
    lazy."""
    arrays = {k: v for k, v in kept.items() if is_box(v) or has_foreign(v) or np.ndim(v)}
    statics = {k: v for k, v in kept.items() if k not in arrays}
    return OnBlocks(Formula(primitive, i, tuple(arrays), statics))(*arrays.values())


def primal_by_blocks(primitive: Elementwise, values: Sequence[Value], params: Any) -> Any:
    """The primal of an elementwise primitive whose code is made for NumPy."""
    return OnBlocks(Formula(primitive, PRIMAL, None, dict(params)))(*values)


def map_blocks(func: Any, *args: Value, **options: Any) -> Any:
    """``dask.array.map_blocks`` on traced arrays whose blocks belong together one by one."""
    if options.get("drop_axis") is not None or options.get("new_axis") is not None:
        raise MissingRuleError(
            f"map_blocks of traced arrays neither drops nor adds axes, {user_line()}; keep them "
            f"with length 1, and reshape the result"
        )
    form = {k: options.pop(k) for k in ("dtype", "chunks") if options.get(k) is not None}
    return OnBlocks(partial(func, **options) if options else func, **form)(*args)
