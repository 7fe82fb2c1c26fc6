"""pandas and xarray: their containers hold traced arrays while a derivative is taken.

Both are Python code over NumPy, which keeps what it is given if that looks like an ndarray, as a
traced array does. Three things stand in the way, and are dealt with here from the first derivative
on: NumPy's functions that make arrays (their modules get those of `dualdiff.patch`, under their
own name ``np``), conversions to numbers, and pandas' compiled code, whose place rules take.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from ..array.box import is_box, observe
from ..array.made import boxed, contains_box
from ..core.types import Value
from ..errors import UnsupportedInputError, user_line
from ..rules.numpy.creation import from_nested
from ..rules.scipy.in_place import divert
from ..rules.scipy.switch import diverts
from . import creation, kernels

Function = Callable[..., Any]
# The reductions of groups and windows; each leaves NaN out, as pandas does.
_REDUCTIONS: dict[str, Function] = {
    "sum": np.nansum,
    "mean": np.nanmean,
    "prod": np.nanprod,
    "min": np.nanmin,
    "max": np.nanmax,
    "median": np.nanmedian,
    "var": np.nanvar,
    "std": np.nanstd,
}


def _refuse(what: str, x: Value) -> NoReturn:
    raise UnsupportedInputError(
        f"{what} of traced values is compiled code of pandas, {user_line()}; write it with NumPy's "
        f"functions on x.to_numpy(), or pass dualdiff.value_of(x) to count x as constant."
    )


def _own_numpy() -> ModuleType:
    """A module with NumPy's names, among them the functions that make arrays for traced values."""
    own = ModuleType("numpy")
    vars(own).update(vars(np))
    for space, name, new in creation.replacements():
        if space is vars(np):
            vars(own)[name] = new
    return own


def _rename(package: str, compiled: ModuleType | None = None) -> None:
    """Let the modules of a package ask for arrays that take traced values.

    `compiled` is a module of the package whose functions `kernels.COMPILED` replaces.
    """
    own = _own_numpy()
    modules = {id(np): own}
    new = {
        id(original): replacement
        for name, replacement in vars(own).items()
        if (original := getattr(np, name, None)) is not replacement
    }
    if compiled is not None:
        modules[id(compiled)] = ModuleType(compiled.__name__)
        vars(modules[id(compiled)]).update(vars(compiled))
        for name, make in kernels.COMPILED.items():
            original = getattr(compiled, name)
            new[id(original)] = vars(modules[id(compiled)])[name] = make(original)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if name.partition(".")[0] == package and file.endswith(".py"):
            space = vars(module)
            for bound, value in list(space.items()):
                if id(value) in modules:
                    space[bound] = modules[id(value)]
                elif id(value) in new:
                    space[bound] = new[id(value)]


def _take(original: Function) -> Function:
    def take(arr: Any, indexer: Any, axis: int = 0, *rest: Any, **options: Any) -> Any:
        """Elements by position, and a filling where the position is -1."""
        if not contains_box(arr):
            return original(arr, indexer, axis, *rest, **options)
        given = inspect.signature(original).bind(arr, indexer, axis, *rest, **options).arguments
        fill = given.get("fill_value", np.nan)
        fill = fill if isinstance(fill, (int, float)) and fill is not None else np.nan
        at = np.asarray(indexer)
        found = np.take(boxed(arr), at, axis)
        missing = at < 0
        if not given.get("allow_fill", True) or not missing.any():
            return found
        shape = [1] * np.ndim(arr)
        shape[axis] = -1
        return np.where(missing.reshape(shape), fill, found)

    return take


def _diff(original: Function) -> Function:
    def diff(arr: Any, n: int, axis: int = 0) -> Any:
        """Differences with the n-th element before."""
        if not contains_box(arr):
            return original(arr, n, axis)
        x, size = boxed(arr), np.shape(arr)[axis]
        before = np.arange(size) - int(n)
        inside = (before >= 0) & (before < size)
        shape = [1] * np.ndim(x)
        shape[axis] = -1
        earlier = np.take(x, np.where(inside, before, 0), axis)
        return np.where(inside.reshape(shape), x - earlier, np.nan)

    return diff


def _grouped(original: Function) -> Function:
    def grouped(self: Any, **options: Any) -> Any:
        """A reduction of each group along an axis."""
        values, axis = options["values"], options["axis"]
        if not contains_box(values):
            return original(self, **options)
        if self.kind != "aggregate" or self.how not in _REDUCTIONS:
            _refuse(f"groupby(...).{self.how}()", values)
        ids = options["comp_ids"]
        ddof = {"ddof": options.get("ddof", 1)} if self.how in ("var", "std") else {}
        parts = []
        for group in range(options["ngroups"]):
            members = np.take(boxed(values), np.flatnonzero(ids == group), axis)
            parts.append(_REDUCTIONS[self.how](members, axis=axis, **ddof))
        return np.stack(parts, axis=axis)

    return grouped


def _degrees(function: Any) -> int:
    """The degrees of freedom that a variance of windows subtracts."""
    known = getattr(function, "keywords", None) or inspect.getclosurevars(function).nonlocals
    known = known if "ddof" in known else known["window_func"].keywords
    return int(known["ddof"])


def _windows(original: Function) -> Function:
    def apply(self: Any, func: Any, name: str, *rest: Any, **options: Any) -> Any:
        """A reduction of each window."""

        def on_values(values: Any, start: Any, end: Any, min_periods: int, *more: Any) -> Any:
            if not contains_box(values):
                return func(values, start, end, min_periods, *more)
            if hasattr(self, "_com"):
                if name != "mean":
                    _refuse(f"ewm(...).{name}()", values)
                return kernels.exponential_mean(func, values, start, end, min_periods, *more)
            if name not in _REDUCTIONS:
                _refuse(f"a window's {name}()", values)
            ddof = {"ddof": _degrees(func)} if name in ("var", "std") else {}
            parts = []
            for first, last in zip(start, end, strict=True):
                members = values[first:last]
                few = np.sum(~np.isnan(members)) < max(min_periods, 1 + ddof.get("ddof", 0))
                parts.append(np.nan if few else _REDUCTIONS[name](members, **ddof))
            return np.stack(parts)

        return original(self, on_values, name, *rest, **options)

    return apply


def _window_values(original: Function) -> Function:
    def values_of(self: Any, values: Any) -> Any:
        if not contains_box(values):
            return original(self, values)
        return boxed(values)

    return values_of


def _sanitized(original: Function) -> Function:
    def sanitize(*args: Any, **kwargs: Any) -> Any:
        """What a column is made of: traced numbers in a list become one array."""
        found = original(*args, **kwargs)
        if type(found) is not np.ndarray or not found.dtype.hasobject or not contains_box(found):
            return found
        numbers = all(is_box(e) or isinstance(e, (float, int)) for e in found.flat)
        return from_nested(found) if numbers else found

    return sanitize


def _as_block(original: Function) -> Function:
    """Boxes in the place of arrays whose memory must not be read."""
    return lambda values: original(boxed(values))


def _number(original: Function) -> Function:
    return lambda obj, shape: obj if is_box(obj) else original(obj, shape)


def _keys(original: Function) -> Function:
    """The order of keys, which has no derivative."""

    def join(left: Any, right: Any, *rest: Any, **options: Any) -> Any:
        plain = [[observe(boxed(key)) for key in keys] for keys in (left, right)]
        return original(*plain, *rest, **options)

    return join


def _never(original: Function) -> Function:
    """Leave reductions to NumPy; bottleneck would read memory."""
    return lambda dtype, name: False


def _numeric(original: Function) -> Function:
    return lambda x: boxed(x) if contains_box(x) else original(x)


def _python(original: Function) -> Function:
    """Evaluate texts by Python, not by numexpr, which would read memory."""
    return lambda engine: "python" if engine in (None, "numexpr") else original(engine)


def _apart(original: Function) -> Function:
    """Leave large arrays of traced values to NumPy as well."""

    def can_use(op: Any, op_str: Any, left: Any, right: Any, *rest: Any) -> bool:
        traced = contains_box(left) or contains_box(right)
        return not traced and bool(original(op, op_str, left, right, *rest))

    return can_use


# The compiled helpers of pandas, or what calls them, and what takes their place.
_PANDAS: dict[str, Callable[[Function], Function]] = {
    "core.array_algos.take:take_nd": _take,
    "core.algorithms:diff": _diff,
    "core.groupby.ops:WrappedCythonOp.cython_operation": _grouped,
    "core.window.rolling:RollingAndExpandingMixin._apply": _windows,
    "core.window.rolling:BaseWindow._apply": _windows,
    "core.window.rolling:BaseWindow._prep_values": _window_values,
    "core.construction:sanitize_array": _sanitized,
    "core.internals.blocks:maybe_coerce_values": _as_block,
    "core.ops.array_ops:maybe_prepare_scalar_for_op": _number,
    "core.reshape.merge:get_join_indexers": _keys,
    "core.nanops:_bn_ok_dtype": _never,
    "core.nanops:_ensure_numeric": _numeric,
    "core.nanops:nanskew": kernels.moments(kernels.skew),
    "core.nanops:nankurt": kernels.moments(kernels.kurt),
    "core.computation.eval:_check_engine": _python,
    "core.computation.expressions:_can_use_numexpr": _apart,
    "core.internals.blocks:Block.pad_or_backfill": kernels.fill_along,
}


def _divert_pandas() -> None:
    _rename("pandas", sys.modules["pandas._libs.algos"])
    for place, make in _PANDAS.items():
        module, _, path = place.partition(":")
        found: Any = sys.modules.get(f"pandas.{module}")
        for name in path.split("."):
            found = getattr(found, name, None)
        if inspect.isfunction(found):
            divert(found, make)


def install() -> None:
    """Wait for pandas and xarray to be loaded, and for a derivative."""
    diverts("pandas", _divert_pandas)
    diverts("xarray", lambda: _rename("xarray"))
