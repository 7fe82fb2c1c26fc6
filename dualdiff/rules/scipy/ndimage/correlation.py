"""Correlations of `scipy.ndimage`, by which its linear filters are written.

An array that is continued beyond its edges (P x) is correlated with weights. Cotangents are spread
by the weights over the continued array, and its parts beyond the edges are added to the elements
that they repeat (the transpose of P).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from ....array.box import is_box, unbox
from ....core.batch import dtype_of, shape_of
from ....core.trace import settle
from ....core.types import Cotangent, Tangent, Value
from ....errors import user_line
from ...numpy.creation import given
from ...numpy.padding import pad
from ..leaves import leaf
from .images import of_image

_ndimage: Any = ndimage  # SciPy's stubs do not know all modes

# The names of modes in `numpy.pad`.
PADDED = {
    "reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge",
    "wrap": "wrap", "grid-wrap": "wrap", "constant": "constant", "grid-constant": "constant",
}  # fmt: skip


class Edges(NamedTuple):
    """How a filter continues an array along each axis, and where its weights lie."""

    modes: tuple[str, ...]
    origins: tuple[int, ...]
    cval: Value

    def widths(self, sizes: Sequence[int]) -> list[tuple[int, int]]:
        """The numbers of elements before and behind the array that weights of some shape meet."""
        before = [n // 2 + o for n, o in zip(sizes, self.origins, strict=True)]
        return [(b, n - 1 - b) for n, b in zip(sizes, before, strict=True)]

    def linear(self) -> Edges:
        """The same with zeros for the constant beyond the edges."""
        return self._replace(cval=0.0)


def extended(x: Value, sizes: Sequence[int], edges: Edges) -> Any:
    """The array, continued as far as weights of a shape reach."""
    add: Any = np.pad if type(x) is np.ndarray and not is_box(edges.cval) else pad
    for axis, (width, mode) in enumerate(zip(edges.widths(sizes), edges.modes, strict=True)):
        if width != (0, 0):
            widths = [(0, 0)] * np.ndim(x)
            widths[axis] = width
            name = PADDED[mode]
            options = {"constant_values": edges.cval} if name == "constant" else {}
            x = add(x, widths, name, **options)
    return x


def _correlated(x: Value, w: Value, edges: Edges) -> Any:
    if is_box(x) or is_box(w):
        return correlate_p(x, w, edges=edges)
    w = np.conj(w)  # SciPy conjugates complex weights
    long = [i for i, n in enumerate(w.shape) if n > 1]
    if len(long) == 1:
        i = long[0]
        args = i, None, edges.modes[i], edges.cval, edges.origins[i]
        return _ndimage.correlate1d(x, w.ravel(), *args)
    mode = edges.modes[long[0]] if long else "reflect"  # SciPy takes one for all axes
    return _ndimage.correlate(x, w, None, mode, edges.cval, edges.origins)


def _spread(g: Value, w: Value, edges: Edges) -> Any:
    """The transpose of the correlation with real or complex weights."""
    if is_box(g) or is_box(w):
        return spread_p(g, w, edges=edges)
    sizes = w.shape
    flipped = np.ascontiguousarray(np.flip(w))
    back = _as_correlation(flipped, w, edges)
    if back is not None:
        return _correlated(g, flipped, back)
    spread = np.pad(g, [(0, n - 1) for n in sizes])
    origins = tuple((n - 1) // 2 for n in sizes)
    zeros = Edges(("constant",) * w.ndim, origins, 0.0)
    spread = _correlated(spread, flipped, zeros)
    for axis, (width, mode) in enumerate(zip(edges.widths(sizes), edges.modes, strict=True)):
        spread = _folded(spread, axis, width, PADDED[mode])
    return spread


def _as_correlation(flipped: Any, w: Any, edges: Edges) -> Edges | None:
    """The edges with which the transpose is a correlation with the flipped weights, or None.

    Continued by zeros or around, an array stays in the same place of its continuation for all
    weights; reflected, for those that are symmetric along an axis.
    """
    names = {PADDED[m] for m, n in zip(edges.modes, w.shape, strict=True) if n > 1}
    if not names <= {"constant", "wrap"} and not (
        names == {"symmetric"} and w.size == max(w.shape) and np.array_equal(flipped, w)
    ):
        return None
    origins = tuple(-o - (n % 2 == 0) for o, n in zip(edges.origins, w.shape, strict=True))
    if "symmetric" in names and origins != edges.origins:
        return None
    return Edges(edges.modes, origins, 0.0)


def _folded(h: Any, axis: int, width: tuple[int, int], mode: str) -> Any:
    """The transpose of a continuation along an axis; it writes into the array."""
    before, behind = width
    if width == (0, 0):
        return h
    size = h.shape[axis] - before - behind
    h = np.moveaxis(h, axis, 0)
    out = h[before : before + size]
    if mode != "constant":
        places = np.pad(np.arange(size), width, mode)  # type: ignore[call-overload]
        for i in (*range(before), *range(before + size, before + size + behind)):
            out[places[i]] += h[i]
    return np.moveaxis(out, 0, axis)


def _overlaps(g: Value, x: Value, sizes: Sequence[int], edges: Edges) -> Any:
    """The sums of products of g with the windows of x: the cotangent of the weights."""
    x = extended(x, sizes, edges)
    shape = shape_of(g)
    windows = (
        tuple(slice(i, i + n) for i, n in zip(place, shape, strict=True))
        for place in np.ndindex(*sizes)
    )
    axes = list(range(len(shape)))
    sums = [np.einsum(g, axes, x[window], axes, []) for window in windows]
    return np.reshape(np.stack(sums), tuple(sizes))


def _jvp(ts: Any, x: Value, y: Value, edges: Edges) -> Tangent:
    tx, tw = ts
    out: Any = 0.0
    if tx is not None:
        out = out + _correlated(tx, y, edges.linear())
    return out if tw is None else out + _correlated(x, tw, edges)


def _vjp(g: Cotangent, x: Value, y: Value, edges: Edges) -> Cotangent:
    return _spread(g, y, edges), _overlaps(g, x, shape_of(y), edges)


correlate_p = leaf(_correlated, jvp=_jvp, vjp=_vjp, name="ndimage.correlate")


def _spread_jvp(ts: Any, x: Value, y: Value, edges: Edges) -> Tangent:
    tg, tw = ts
    parts = [] if tg is None else [_spread(tg, y, edges)]
    return sum(parts if tw is None else [*parts, _spread(x, tw, edges)])


def _spread_vjp(g: Cotangent, x: Value, y: Value, edges: Edges) -> Cotangent:
    linear = edges.linear()
    return _correlated(g, y, linear), _overlaps(x, g, shape_of(y), linear)


spread_p = leaf(_spread, jvp=_spread_jvp, vjp=_spread_vjp, name="ndimage.spread")


def _correlated_fixed(x: Value, weights: Any, edges: Edges) -> Any:
    return fixed_p(x, weights=weights, edges=edges) if is_box(x) else _correlated(x, weights, edges)


def _spread_fixed(g: Value, weights: Any, edges: Edges) -> Any:
    return (
        fixed_spread_p(g, weights=weights, edges=edges) if is_box(g) else _spread(g, weights, edges)
    )


# Plain weights need no cotangent.
fixed_p = leaf(
    _correlated_fixed,
    jvp=lambda t, weights, edges: _correlated_fixed(t, weights, edges.linear()),
    vjp=_spread_fixed,
    name="ndimage.correlate_fixed",
)
fixed_spread_p = leaf(
    _spread_fixed,
    jvp=_spread_fixed,
    vjp=lambda g, weights, edges: _correlated_fixed(g, weights, edges.linear()),
    name="ndimage.spread_fixed",
)


def sequence(value: Any, count: int) -> list[Any]:
    """One value for each of `count` axes, as SciPy's functions take it."""
    if is_box(value):
        return [value[i] for i in range(count)] if np.ndim(value) else [value] * count
    if isinstance(value, str) or np.ndim(value) == 0:
        return [value] * count
    listed = list(value)
    if len(listed) != count:
        raise RuntimeError(f"sequence argument must have length equal to input rank, {user_line()}")
    return listed


def edges_of(ndim: int, axes: Sequence[int], modes: Any, origins: Any, cval: Any) -> Edges:
    """How an array is continued by a filter over some of its axes."""
    all_modes, all_origins = ["reflect"] * ndim, [0] * ndim
    parts = sequence(modes, len(axes)), sequence(origins, len(axes))
    for axis, mode, origin in zip(axes, *parts, strict=True):
        all_modes[axis], all_origins[axis] = mode, int(origin)
    unknown = [m for m in all_modes if m not in PADDED]
    if unknown:
        raise RuntimeError(f"boundary mode {unknown[0]!r} not supported, {user_line()}")
    return Edges(tuple(all_modes), tuple(all_origins), cval)


def turned(origins: Any, shape: Sequence[int]) -> list[int]:
    """The origins of a window that is turned around, as those of convolutions are."""
    listed = sequence(origins, len(shape))
    return [-int(o) - (n % 2 == 0) for o, n in zip(listed, shape, strict=True)]


def finished(ans: Value, x: Value, output: Any) -> Any:
    """The result in SciPy's dtype, stored into `output` where that is an array."""
    if output is None:
        dtype = dtype_of(x)
        kept = dtype if dtype.kind in "fc" else np.dtype(float)
        return ans if dtype_of(ans) == kept or dtype_of(ans).kind == "c" else ans.astype(kept)
    if isinstance(output, (str, type, np.dtype)):
        return ans.astype(output)
    output[...] = ans
    return output


def filtered(
    x: Value, w: Value, output: Any, modes: Any, cval: Any, origins: Any, axes: Sequence[int]
) -> Any:
    """The correlation over some axes; the weights have an axis for each of these, or for all."""
    ndim = np.ndim(x)
    if np.ndim(w) != ndim:
        if np.ndim(w) != len(axes):
            raise RuntimeError(
                f"weights.ndim ({np.ndim(w)}) must match len(axes) ({len(axes)}), {user_line()}"
            )
        shape = [1] * ndim
        for axis, n in zip(axes, shape_of(w), strict=True):
            shape[axis] = n
        w = np.reshape(w, shape)
    edges = edges_of(ndim, axes, modes, origins, cval)
    for axis, n in enumerate(shape_of(w)):
        if not -(n // 2) <= edges.origins[axis] <= (n - 1) // 2 or n < 1:
            raise ValueError(
                f"Invalid origin; origin must satisfy -(weights.shape[k] // 2) <= origin[k] <= "
                f"(weights.shape[k]-1) // 2, {user_line()}"
            )
    x = x if dtype_of(x).kind in "fc" else x.astype(float)
    w = settle(w) if is_box(w) else np.asarray(w)
    if not is_box(w) and w.dtype.kind not in "fc":
        w = w.astype(float)
    return finished(_with_edges(x, w, edges), x, output)


def _with_edges(x: Value, w: Value, edges: Edges) -> Any:
    """The correlation, which is linear in the constant beyond the edges."""
    cval = edges.cval
    if is_box(cval):
        value = _correlated(unbox(x), unbox(w), edges._replace(cval=unbox(cval)))
        beyond = _with_edges(np.zeros(shape_of(x)), w, edges._replace(cval=1.0))
        return given(_with_edges(x, w, edges.linear()) + cval * beyond, value)
    return correlate_p(x, w, edges=edges) if is_box(w) else _correlated_fixed(x, w, edges)


def axes_of(x: Value, axes: Any) -> tuple[int, ...]:
    """The axes that a filter runs over, not negative."""
    ndim = np.ndim(x)
    if axes is None:
        return tuple(range(ndim))
    return tuple(int(i) % ndim for i in np.atleast_1d(axes))


@of_image(ndimage.correlate1d, arrays="input weights")
def correlate1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Any:
    """``scipy.ndimage.correlate1d``: the correlation with weights along one axis.

    Arguments: `input`, real or complex, and `weights`, of shape (n,): both are differentiable;
    and so is `cval`; `axis`, `mode`, `origin`; `output`, a dtype or an array that takes traced
    values.
    Returns: an array of the shape of `input`. Raises: as SciPy does.

    >>> import numpy as np, dualdiff as dd
    >>> from scipy.ndimage import correlate1d
    >>> x = np.array([1.0, 2.0, 4.0])
    >>> dd.jacobian(lambda x: correlate1d(x, [-1.0, 0.0, 1.0]))(x)
    array([[-1.,  1.,  0.],
           [-1.,  0.,  1.],
           [ 0., -1.,  1.]])
    """
    return filtered(input, weights, output, mode, cval, origin, axes_of(input, axis))


@of_image(ndimage.convolve1d, arrays="input weights")
def convolve1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Any:
    """``scipy.ndimage.convolve1d``: see `correlate1d`."""
    other, origins = np.conj(np.flip(weights)), turned(origin, shape_of(weights))
    return filtered(input, other, output, mode, cval, origins, axes_of(input, axis))


@of_image(ndimage.correlate, arrays="input weights")
def correlate(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    """``scipy.ndimage.correlate``: the correlation with weights; see `correlate1d`."""
    return filtered(input, weights, output, mode, cval, origin, axes_of(input, axes))


@of_image(ndimage.convolve, arrays="input weights")
def convolve(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    """``scipy.ndimage.convolve``: the convolution with weights; see `correlate1d`."""
    chosen = axes_of(input, axes)
    other, origins = np.conj(np.flip(weights)), turned(origin, shape_of(weights)[-len(chosen) :])
    return filtered(input, other, output, mode, cval, origins, chosen)
