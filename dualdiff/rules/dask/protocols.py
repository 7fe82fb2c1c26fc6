"""NumPy's functions on arrays of dask while a derivative is taken.

Rules are written with functions and keywords of NumPy that `dask.array` lacks, such as `size`,
`ufunc.reduce` and ``concatenate(dtype=...)``; here they are. Where dask would warn and compute the
array to let NumPy go on, a rule raises an error instead.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...core.primitive import Primitive
from ...core.types import Value
from ...errors import MissingRuleError, user_line

NoValue = np._NoValue
# By ufunc: dask's reduction, and the element that changes no result of it.
_REDUCTIONS: dict[Any, tuple[str, Any]] = {
    np.add: ("sum", 0),
    np.multiply: ("prod", 1),
    np.maximum: ("max", -np.inf),
    np.minimum: ("min", np.inf),
    np.logical_and: ("all", True),
    np.logical_or: ("any", False),
}


def _dask() -> Any:
    return sys.modules["dask.array"]


def reduce(
    ufunc: Any,
    array: Value,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NoValue,
    where: Any = True,
) -> Any:
    """``ufunc.reduce`` of an array of dask, which has no such method."""
    if ufunc is np.hypot and out is None and where is True:
        squares = np.square(np.absolute(array))
        first = {} if initial is NoValue or initial is None else {"initial": initial**2}
        return np.sqrt(reduce(np.add, squares, axis, None, None, keepdims, **first))
    if ufunc not in _REDUCTIONS or out is not None:
        return NotImplemented
    name, neutral = _REDUCTIONS[ufunc]
    if where is not True:
        array = np.where(where, array, neutral)
    if array.ndim:
        options = {} if dtype is None else {"dtype": dtype}
        made = getattr(_dask(), name)(array, axis=axis, keepdims=bool(keepdims), **options)
    else:
        made = array
    return made if initial is NoValue or initial is None else ufunc(made, initial)


def _reduction(ufunc: Any, takes_dtype: bool) -> Callable[..., Any]:
    """``numpy.sum`` and the like by the method of their ufunc."""

    def of_numbers(
        a: Value,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = NoValue,
        where: Any = True,
    ) -> Any:
        return reduce(ufunc, a, axis, dtype, out, keepdims is True, initial, where)

    def of_order(a: Value, axis: Any = None, out: Any = None, *options: Any, **named: Any) -> Any:
        return of_numbers(a, axis, None, out, *options, **named)

    return of_numbers if takes_dtype else of_order


def _moment(name: str) -> Callable[..., Any]:
    def moment(
        a: Value,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: Any = 0,
        keepdims: Any = False,
        **options: Any,
    ) -> Any:
        _refuse_options(name, {k: v for k, v in options.items() if v is not NoValue})
        function = getattr(_dask(), name)
        return function(a, axis, dtype, keepdims is True, ddof=ddof, out=out)

    return moment


def _refuse_options(name: str, options: dict[str, Any]) -> None:
    if any(v is not True for v in options.values()):
        raise missing(name, f"the option {' or '.join(options)} of numpy.{name}")


def _size(a: Value, axis: Any = None) -> Any:
    return a.size if axis is None else a.shape[axis]


def _copy(a: Value, order: Any = "K", subok: bool = False) -> Any:
    return a.copy()


def _count_nonzero(a: Value, axis: Any = None, *, keepdims: Any = False) -> Any:
    return _dask().sum(a != 0, axis=axis, keepdims=keepdims)


def _joined(name: str) -> Callable[..., Any]:
    def join(
        arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = None
    ) -> Any:
        made = getattr(_dask(), name)(arrays, axis)
        return made if dtype is None else made.astype(dtype)

    return join


def _matrix_transpose(x: Value, /) -> Any:
    return _dask().swapaxes(x, -1, -2)


def _elementwise(function: Any) -> Callable[..., Any]:
    def apply(x: Value, **options: Any) -> Any:
        return _dask().core.elemwise(partial(function, **options), x)

    return apply


def _by_matrices(name: str, signature: str, outputs: int = 1, **options: Any) -> Callable[..., Any]:
    """A function of `numpy.linalg`, applied to each matrix of a stack as a whole.

    dask's own way of doing it for one matrix in square blocks is taken where there is one.
    """
    function = getattr(np.linalg, name)

    def apply(*given_arrays: Value, **given: Any) -> Any:
        if isinstance(given_arrays[-1], str):  # which triangle eigh reads
            given_arrays, given["UPLO"] = given_arrays[:-1], given_arrays[-1]
        arrays = list(map(_dask().asarray, given_arrays))
        given = {**options, **{k: v for k, v in given.items() if v is not None}}
        a, dtype = arrays[0], np.result_type(*(x.dtype for x in arrays))
        own = getattr(_dask().linalg, name, None)
        in_blocks = a.ndim == 2 and max(a.numblocks) > 1 and len(set(sum(a.chunks, ()))) == 1
        if own is not None and name in ("inv", "solve") and in_blocks:
            return own(*arrays)
        columns = signature
        if len(arrays) == 2 and arrays[1].ndim == 1:
            columns = "(i,i),(i)->(i)"
        dtypes = dtype if outputs == 1 else (dtype,) * outputs
        whole = []
        for x, part in zip(arrays, columns.split("->")[0].split("),("), strict=True):
            whole.append(x.rechunk(dict.fromkeys(range(-len(part.split(",")), 0), -1)))
        return _dask().apply_gufunc(
            partial(function, **given), columns, *whole, output_dtypes=dtypes
        )

    return apply


def _svd(
    a: Value, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """``numpy.linalg.svd`` of a matrix in blocks of whole rows or columns, by dask's algorithm."""
    if (full_matrices and compute_uv) or hermitian or a.ndim != 2:
        raise missing("svd", "the full matrices of numpy.linalg.svd (pass full_matrices=False)")
    u, s, v = _dask().linalg.svd(a)
    return np.linalg._linalg.SVDResult(u, s, v) if compute_uv else s


def _qr(a: Value, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "r"):
        raise missing("qr", f"the mode {mode!r} of numpy.linalg.qr")
    q, r = _dask().linalg.qr(a)
    return r if mode == "r" else np.linalg._linalg.QRResult(q, r)


_MATRIX = "(i,i)->(i,i)"
_LINALG: dict[Any, Callable[..., Any]] = {
    np.linalg.inv: _by_matrices("inv", _MATRIX),
    np.linalg.cholesky: _by_matrices("cholesky", _MATRIX),
    np.linalg.solve: _by_matrices("solve", "(i,i),(i,j)->(i,j)"),
    np.linalg.det: _by_matrices("det", "(i,i)->()"),
    np.linalg.slogdet: _by_matrices("slogdet", "(i,i)->(),()", 2),
    np.linalg.eigh: _by_matrices("eigh", "(i,i)->(i),(i,i)", 2),
    np.linalg.eigvalsh: _by_matrices("eigvalsh", "(i,i)->(i)"),
    np.linalg.svd: _svd,
    np.linalg.qr: _qr,
}
# By function of NumPy: the same for arrays of dask.
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.size: _size,
    np.copy: _copy,
    np.concatenate: _joined("concatenate"),
    np.stack: _joined("stack"),
    np.matrix_transpose: _matrix_transpose,
    np.count_nonzero: _count_nonzero,
    np.iscomplexobj: lambda x: x.dtype.kind == "c",
    np.nan_to_num: _elementwise(np.nan_to_num),
    np.sum: _reduction(np.add, True),
    np.prod: _reduction(np.multiply, True),
    np.max: _reduction(np.maximum, False),
    np.min: _reduction(np.minimum, False),
    np.amax: _reduction(np.maximum, False),
    np.amin: _reduction(np.minimum, False),
}
FUNCTIONS |= _LINALG
FUNCTIONS |= {getattr(np, name): _moment(name) for name in ("var", "std", "nanvar", "nanstd")}


# Modules of dualdiff that speak for the program, not for a rule.
_OF_PROGRAM = (
    "dualdiff.array.conversion",
    "dualdiff.array.kinds",
    "dualdiff.transforms.map_reduce",
)


def _name_of(frame: Any, module: str) -> str | None:
    """What a frame of dualdiff is called in an error, if it has a name that the program knows."""
    owner, name = frame.f_locals.get("self"), frame.f_code.co_name
    if isinstance(owner, Primitive):
        return owner.name
    if module == "dualdiff.rules.scipy.dispatch":
        return getattr(getattr(owner, "original", None), "__name__", None)
    if module.startswith("dualdiff.rules"):
        return str(name)
    return None if name.startswith(("_", "<")) else f"dualdiff's {name}"


def _rule() -> str | None:
    """The name of the rule that calls NumPy or dask; None if the program does."""
    frame: Any = sys._getframe(1)
    name, of_rule = None, False
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module.startswith("dualdiff.") and not module.startswith("dualdiff.rules.dask"):
            if name is None and module in _OF_PROGRAM:
                return None
            is_rule = module.startswith("dualdiff.rules")
            if is_rule or not of_rule:
                of_rule = is_rule
                name = _name_of(frame, module) or name or "dualdiff"
        elif name is not None:
            return name
        elif not module.startswith(("dask", "numpy", "dualdiff.rules.dask")):
            return None
        frame = frame.f_back
    return name


def _is_known(function: Any) -> bool:
    """Whether `dask.array` has a function of NumPy's."""
    home: Any = _dask()
    for part in (getattr(function, "__module__", None) or "numpy").split(".")[1:]:
        home = getattr(home, part, None)
    return hasattr(home, function.__name__)


def missing(rule: str, what: str) -> MissingRuleError:
    """The error for a rule that needs of an array of dask what only arrays of NumPy have."""
    subject = rule if rule.startswith("dualdiff") else f"the rule of {rule}"
    return MissingRuleError(
        f"{subject} is made for arrays of NumPy: it needs {what}, which arrays of dask do "
        f"not have, {user_line()}. Write it with other functions, compute the array first "
        f"(x.compute() is differentiable), or use dualdiff.map_reduce for a loss that is a sum "
        f"over parts of the data."
    )


def answers_functions(original: Any) -> Callable[..., Any]:
    """The hook of `Array.__array_function__`."""

    def hook(self: Any, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        rule = _rule()
        if rule is None:
            return original(self, func, types, args, kwargs)
        found = FUNCTIONS.get(func)
        if found is not None and all(t is type(self) or issubclass(t, np.ndarray) for t in types):
            return found(*args, **kwargs)
        if not _is_known(func):
            raise missing(rule, f"numpy.{func.__name__}")
        return original(self, func, types, args, kwargs)

    return hook


def answers_ufuncs(original: Any) -> Callable[..., Any]:
    """The hook of `Array.__array_ufunc__`."""

    def hook(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        rule = None if method == "__call__" else _rule()
        if method == "reduce" and rule is not None:
            made = reduce(ufunc, *inputs, **kwargs)
            if made is not NotImplemented:
                return made
        made = original(self, ufunc, method, *inputs, **kwargs)
        if made is NotImplemented and rule is not None:
            raise missing(rule, f"numpy.{ufunc.__name__}.{method}")
        return made

    return hook


def keeps_lazy(original: Any) -> Callable[..., Any]:
    """The hook of a method that would compute an array: no rule looks at elements."""

    def hook(*args: Any, **kwargs: Any) -> Any:
        rule = _rule()
        if rule is not None:
            raise missing(rule, "to look at elements")
        return original(*args, **kwargs)

    return hook
