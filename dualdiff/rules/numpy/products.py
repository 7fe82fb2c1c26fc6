"""Products of arrays: `matmul` and `dot` of vectors and matrices, and Einstein sums by other names.

No transpose conjugates: the pairing of tangents and cotangents is Re(g t).
"""

from __future__ import annotations

import operator
import string
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.lib.array_utils import normalize_axis_tuple

from ...array.box import unbox
from ...array.dispatch import find_function, no_rule, register
from ...core.batch import Shape, Spec, align, dtype_of, shape_of
from ...core.tangents import column_times_row
from ...core.types import Cotangent, Tangent, Value
from ..declare import Bilinear, bilinear
from ..structures import Cross, MatMul
from .common import NUMPY_2_5, implements, into, ndim_of, target_of
from .einsum import einsum_p
from .linalg.matrices import conjugate, flat, fold, transpose
from .manipulation import as_operand


def _each_times(g: Cotangent, v: Any, shape: Shape, batch: Shape) -> Any:
    """The vector v times each element of g, which is of the given shape."""
    if shape == batch and batch:
        return column_times_row(g, v)
    return g[..., None] * v if shape else g * v


def _jvp_x(t: Tangent, y: Value, x_spec: Any, batch: Shape) -> Any:
    if y.ndim == 2:
        return _rows(t, y)
    if y.ndim == 1:
        return np.matmul(t, y)
    if x_spec.ndim == 1:
        return np.matmul(align(t[..., None, :], 2, y.ndim, batch), y)[..., 0, :]
    return np.matmul(align(t, x_spec.ndim, max(x_spec.ndim, y.ndim), batch), y)


def _by_rows(t: Tangent, matrix: Any) -> Any:
    """``t @ matrix``."""
    if t.ndim == 1:  # the cotangent of a sum has no strides; `matmul` leaves BLAS for such vectors
        return np.dot(t, matrix)
    return np.matmul(t, matrix)


def _rows(t: Tangent, y: Value) -> Any:
    """``t @ y`` for a matrix y: one product of matrices, whatever the dimensions of t."""
    if y.shape[0] == 1 == t.shape[-1]:  # twice as fast as BLAS
        return t * y[0]
    if t.ndim <= 2:
        return _by_rows(t, y)
    return np.matmul(flat(t), y).reshape((*t.shape[:-1], y.shape[-1]))


def _jvp_y(t: Tangent, x: Value, y_spec: Spec, batch: Shape) -> Any:
    if y_spec.ndim == 1 and x.ndim <= 2:
        return _by_rows(t, x.T)
    if y_spec.ndim == 1:
        return np.matmul(t, flat(x).T).reshape(batch + x.shape[:-1])
    if x.ndim == 1:
        return np.matmul(x, t)
    return np.matmul(x, align(t, y_spec.ndim, max(x.ndim, y_spec.ndim), batch))


def _vjp_x(g: Cotangent, y: Value, x_spec: Spec, batch: Shape) -> Any:
    if y.ndim == 2:
        return _rows(g, y.T)
    if y.ndim == 1:
        return _each_times(g, y, batch + x_spec.shape[:-1], batch)
    if x_spec.ndim == 1:
        return fold(np.matmul(y, g[..., None])[..., 0], x_spec, y.ndim - 1)
    return fold(np.matmul(g, transpose(y)), x_spec, max(x_spec.ndim, y.ndim))


def _vjp_y(g: Cotangent, x: Value, y_spec: Spec, batch: Shape) -> Any:
    if x.ndim == 2 and y_spec.ndim == 1:
        return _by_rows(g, x)
    if x.ndim == 1:
        return _each_times(g, x, batch, batch) if y_spec.ndim == 1 else x[:, None] * g[..., None, :]
    if y_spec.ndim > 2:
        c = np.matmul(transpose(x), g)
        return fold(c, y_spec, max(x.ndim, y_spec.ndim))
    if x.ndim > 2:
        x = flat(x)
        g = g.reshape(batch + x.shape[:1] + y_spec.shape[1:])
    return _by_rows(g, x) if y_spec.ndim == 1 else np.matmul(x.T, g)


def _product(fn: Callable[..., Any], name: str) -> Bilinear:
    jvps = (_jvp_x, _jvp_y)
    return bilinear(fn, _vjp_x, _vjp_y, jvps=jvps, name=name, structure=MatMul())


matmul_p = _product(np.matmul, "matmul")
dot_p = _product(np.dot, "dot")  # for operands of one or two dimensions


@implements(np.matmul, np.linalg.matmul)
def matmul(x1: Any, x2: Any, /) -> Any:
    """``numpy.matmul``."""
    return matmul_p.bind(x1, x2)


@implements(operator.matmul)
def matmul_operator(x: Value, y: Value) -> Any:
    """The operator ``@``, whose other operand may be a sparse array or an operator of SciPy."""
    for operand in (x, y):
        kind = type(operand)
        if kind is not ndarray and kind.__module__.startswith("scipy."):
            found = find_function(kind.__matmul__)
            if found is None:
                raise no_rule(f"{kind.__module__}.{kind.__name__}.__matmul__", (x, y))
            return found(x, y)
    return matmul_p.bind(x, y)


@implements(np.dot)
def dot(a: Value, b: Value, out: Any = None) -> Any:
    """``numpy.dot``."""
    ndims = len(shape_of(a)), len(shape_of(b))
    if out is not None:
        return _exactly(out, dot(a, b))
    if min(ndims) > 0 and max(ndims) <= 2:
        return dot_p(a, b)
    if min(ndims) == 0:
        subscripts = "...,..."
    else:
        x, y = _letters(*ndims)
        contracted = y[-2:-1] or y
        subscripts = f"{x},{y.replace(contracted, x[-1])}"
        subscripts += "->" + x[:-1] + y.replace(contracted, "")
    return einsum_p(a, b, function=np.dot, subscripts=subscripts)


def _exactly(out: Any, ans: Value) -> Any:
    """The result in an array that has its dtype, in C order, as `numpy.dot` wants it."""
    array = unbox(target_of(out))
    if array.dtype != dtype_of(ans) or not array.flags.c_contiguous:
        raise ValueError(
            f"output array is not acceptable: it must be in C order and of {dtype_of(ans)!r}"
        )
    return into(out, ans)


def _letters(*ndims: int) -> list[str]:
    """Distinct labels for all axes of some operands."""
    letters = iter(string.ascii_letters)
    return ["".join(next(letters) for _ in range(n)) for n in ndims]


@implements(np.inner)
def inner(a: Value, b: Value, /) -> Any:
    """``numpy.inner``."""
    x, y = _letters(ndim_of(a), ndim_of(b))
    subscripts = f"{x},{y[:-1]}{x[-1]}->{x[:-1]}{y[:-1]}" if x and y else "...,..."
    return einsum_p(a, b, function=np.inner, subscripts=subscripts)


@implements(np.outer)
def outer(a: Value, b: Value, out: Any = None) -> Any:
    """``numpy.outer``."""
    x, y = (v if ndim_of(v) == 1 else np.ravel(v) for v in (a, b))
    ans = einsum_p(as_operand(x), as_operand(y), function=np.outer, subscripts="i,j->ij")
    return into(out, ans, broadcast=True)


@implements(np.linalg.outer)
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    """``numpy.linalg.outer``, which takes vectors only."""
    return einsum_p(x1, x2, function=np.linalg.outer, subscripts="i,j->ij")


@implements(np.tensordot)
def tensordot(a: Value, b: Value, axes: Any = 2) -> Any:
    """``numpy.tensordot``."""
    x, y = _letters(ndim_of(a), ndim_of(b))
    if ndim_of(axes) == 0 and not isinstance(axes, (list, tuple)):
        axes = (tuple(range(-axes, 0)), tuple(range(axes)))
    axes_a, axes_b = (normalize_axis_tuple(ax, len(z)) for ax, z in zip(axes, (x, y), strict=True))
    renamed = dict(zip((y[j] for j in axes_b), (x[i] for i in axes_a), strict=True))
    free = "".join(u for u in x if u not in renamed.values()) + "".join(
        u for u in y if u not in renamed
    )
    subscripts = f"{x},{''.join(renamed.get(u, u) for u in y)}->{free}"
    function = partial(np.tensordot, axes=(axes_a, axes_b))
    return einsum_p(a, b, function=function, subscripts=subscripts)


@implements(np.linalg.tensordot)
def linalg_tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """``numpy.linalg.tensordot``."""
    return tensordot(x1, x2, axes)


def _conjugated_first(function: Any) -> Callable[[Any, Any], Any]:
    """A product that conjugates its first operand, without doing so."""
    return lambda x, y: function(conjugate(x), y)


@implements(np.vdot)
def vdot(a: Value, b: Value, /) -> Any:
    """``numpy.vdot``."""
    return dot_p(conjugate(np.ravel(a)), np.ravel(b))


def _last(x: Value, axis: int) -> Any:
    return x if axis == -1 else np.moveaxis(x, axis, -1)


@implements(np.vecdot)
def vecdot(x1: Any, x2: Any, /) -> Any:
    """``numpy.vecdot``."""
    function = _conjugated_first(np.vecdot)
    return einsum_p(conjugate(x1), x2, function=function, subscripts="...i,...i->...")


@implements(np.linalg.vecdot)
def linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """``numpy.linalg.vecdot``."""
    return vecdot(_last(x1, axis), _last(x2, axis))


if hasattr(np, "matvec"):  # NumPy 2.2

    def matvec(x1: Any, x2: Any, /) -> Any:
        """``numpy.matvec``."""
        return einsum_p(x1, x2, function=np.matvec, subscripts="...ij,...j->...i")

    def vecmat(x1: Any, x2: Any, /) -> Any:
        """``numpy.vecmat``."""
        function = _conjugated_first(np.vecmat)
        subscripts = "...i,...ij->...j"
        return einsum_p(conjugate(x1), x2, function=function, subscripts=subscripts)

    register(np.matvec, matvec)
    register(np.vecmat, vecmat)


@implements(np.kron)
def kron(a: Value, b: Value) -> Any:
    """``numpy.kron``."""
    ndim = max(ndim_of(a), ndim_of(b))
    shape_a, shape_b = ((1,) * (ndim - ndim_of(z)) + shape_of(z) for z in (a, b))
    a = np.reshape(a, [n for m in shape_a for n in (m, 1)])
    b = np.reshape(b, [n for m in shape_b for n in (1, m)])
    return np.reshape(a * b, [m * n for m, n in zip(shape_a, shape_b, strict=True)])


# The sign of the permutation (i, j, k), 0 where two are equal.
_LEVI_CIVITA = np.array(
    [[[(i - j) * (j - k) * (k - i) // 2 for k in range(3)] for j in range(3)] for i in range(3)],
    dtype=np.int8,
)


def _cross_jvp_x(t: Tangent, y: Value, x_spec: Spec, batch: Shape) -> Any:
    return np.cross(align(t, x_spec.ndim, max(x_spec.ndim, y.ndim), batch), y)


def _cross_jvp_y(t: Tangent, x: Value, y_spec: Spec, batch: Shape) -> Any:
    return np.cross(x, align(t, y_spec.ndim, max(x.ndim, y_spec.ndim), batch))


# For vectors of three components; others go by the signs.
cross_p = bilinear(
    lambda x, y: np.cross(x, y),
    lambda g, y, x_spec: fold(np.cross(y, g), x_spec, max(x_spec.ndim, y.ndim)),
    lambda g, x, y_spec: fold(np.cross(g, x), y_spec, max(x.ndim, y_spec.ndim)),
    jvps=(_cross_jvp_x, _cross_jvp_y),
    name="cross",
    structure=Cross(),
)


@implements(np.cross)
def cross(
    a: Value, b: Value, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """``numpy.cross``."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _last(as_operand(a), axisa), _last(as_operand(b), axisb)
    if NUMPY_2_5 and not a.shape[-1] == b.shape[-1] == 3:
        np.cross(np.ones(a.shape[-1]), np.ones(b.shape[-1]))  # NumPy raises
    signs = _LEVI_CIVITA[: a.shape[-1], : b.shape[-1]]
    if a.shape[-1] == b.shape[-1] == 2:
        return einsum_p(a, b, signs[..., 2], function=_cross, subscripts="...i,...j,ij->...")
    if a.shape[-1] == b.shape[-1] == 3:
        ans = cross_p(a, b)
    else:
        ans = einsum_p(a, b, signs, function=_cross, subscripts="...i,...j,ijk->...k")
    return ans if axisc == -1 else np.moveaxis(ans, -1, axisc)


def _cross(a: Value, b: Value, signs: Any) -> Any:
    return np.cross(a, b)


@implements(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """``numpy.linalg.cross``, for vectors of three components."""
    for x in (x1, x2):
        if shape_of(x)[axis] != 3:
            raise ValueError(
                f"both input arrays must be (arrays of) 3-dimensional vectors, "
                f"but they are {shape_of(x1)[axis]} and {shape_of(x2)[axis]} dimensional instead."
            )
    return cross(x1, x2, axis=axis)


def _chain(matrices: Sequence[Any]) -> Any:
    """Their product in the cheapest order: Cormen et al., Introduction to Algorithms, 15.2."""
    sizes = [m.shape[0] for m in matrices] + [matrices[-1].shape[1]]
    n = len(matrices)
    cost = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i][j], split[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )

    def product(i: int, j: int) -> Any:
        k = split[i][j]
        return matrices[i] if i == j else dot_p(product(i, k), product(k + 1, j))

    return product(0, n - 1)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Any], *, out: Any = None) -> Any:
    """``numpy.linalg.multi_dot``."""
    arrays = [as_operand(a) for a in arrays]
    ndims = [ndim_of(a) for a in arrays]
    if len(arrays) == 2:
        return dot(arrays[0], arrays[1], out)
    if len(arrays) < 2 or {*ndims[1:-1]} != {2} or not {ndims[0], ndims[-1]} <= {1, 2}:
        return np.linalg.multi_dot(list(map(unbox, arrays)))  # raises NumPy's error
    first, last = arrays[0], arrays[-1]
    arrays[0] = first if ndims[0] == 2 else np.reshape(first, (1, -1))
    arrays[-1] = last if ndims[-1] == 2 else np.reshape(last, (-1, 1))
    ans = _chain(arrays)
    if ndims[0] == ndims[-1] == 1:
        ans = ans[0, 0]
    elif ndims[0] != ndims[-1]:
        ans = np.ravel(ans)
    return ans if out is None else _exactly(out, ans)
