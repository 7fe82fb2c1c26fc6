"""Grids, concatenation by indexing, and iteration: `meshgrid`, `r_`, `c_`, `ndenumerate`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...array.box import is_box, observe
from ...array.made import boxed
from ...core.batch import cast, shape_of
from ...errors import UnsupportedInputError, user_line
from .common import NUMPY_2_5, implements, laid_out_like, strip
from .creation import CREATORS, arange, contains_box, linspace
from .manipulation import as_operand


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: Any = "xy") -> Any:
    """``numpy.meshgrid``."""
    arrays = [as_operand(x) for x in xi]
    # NumPy checks the arguments and gives the shapes.
    shapes = [
        np.shape(g) for g in np.meshgrid(*map(observe, arrays), sparse=True, indexing=indexing)
    ]
    grids = [np.reshape(x, shape) for x, shape in zip(arrays, shapes, strict=True)]
    if not sparse:
        grids = [np.broadcast_to(g, np.broadcast_shapes(*shapes)) for g in grids]
    if sparse and not copy and not NUMPY_2_5:
        return grids  # NumPy's list
    return tuple(np.copy(g, "C") for g in grids) if copy else tuple(grids)


@implements(np.ix_)
def ix_(*args: Any) -> Any:
    """``numpy.ix_``: an open mesh, whose floats are traced; masks and integers are positions."""
    arrays = [as_operand(a) for a in args]
    # NumPy checks the arguments and says where masks are true.
    grids = np.ix_(*map(observe, arrays))
    return tuple(
        np.reshape(x, g.shape) if is_box(x) and g.dtype.kind in "fc" else g
        for x, g in zip(arrays, grids, strict=True)
    )


def _is_traced(key: Any) -> bool:
    parts = list(key) if type(key) is tuple else [key]
    slices = [part for part in parts if isinstance(part, slice)]
    return contains_box(parts) or contains_box([[s.start, s.stop, s.step] for s in slices])


def _seen(key: Any) -> Any:
    if isinstance(key, slice):
        return slice(observe(key.start), observe(key.stop), observe(key.step))
    return strip(key)


class _Concatenator:
    """``numpy.r_`` and ``numpy.c_`` for items that may be traced."""

    def __init__(self, by_numpy: Any) -> None:
        self.by_numpy = by_numpy

    def __getitem__(self, key: Any) -> Any:
        if not _is_traced(key):
            return self.by_numpy[key]
        items = [boxed(item) for item in (key if type(key) is tuple else [key])]
        # NumPy concatenates positions; the elements follow.
        values: list[Any] = []
        positions: list[Any] = []
        start = 0
        for item in items:
            if isinstance(item, str):
                positions.append(item)
                continue
            value = as_operand(self._range(item) if isinstance(item, slice) else item)
            size = int(np.size(observe(value)))
            place = np.arange(start, start + size).reshape(np.shape(value))
            positions.append(place if place.ndim else int(place))
            values.append(np.reshape(value, -1))
            start += size
        made = self.by_numpy[tuple(map(_seen, items))]
        ans = cast(np.concatenate(values), made.dtype)[self.by_numpy[tuple(positions)]]
        return laid_out_like(ans, made)

    def _range(self, item: slice) -> Any:
        """The numbers of a slice, by their distance or by an imaginary count."""
        start, step = item.start or 0, item.step or 1
        if not contains_box([start, item.stop, step]):
            return np.r_[item]
        if isinstance(step, complex):
            return linspace(start, item.stop, int(abs(step)))
        return arange(start, item.stop, step)


r_, c_ = _Concatenator(np.r_), _Concatenator(np.c_)


def ndenumerate(arr: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """``numpy.ndenumerate`` that gives traced elements."""
    arr = as_operand(arr)
    return ((place, arr[place]) for place in np.ndindex(shape_of(arr)))


def _elements(arrays: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """The elements of arrays side by side, in C order."""
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    spread = [np.broadcast_to(a, shape) for a in arrays]
    return (tuple(s[place] for s in spread) for place in np.ndindex(shape))


class _Broadcast:
    """``numpy.broadcast`` of traced arrays."""

    def __init__(self, *arrays: Any) -> None:
        self._arrays = arrays
        self._plain = np.broadcast(*map(observe, arrays))

    def __getattr__(self, name: str) -> Any:
        if name in ("iters", "index", "reset"):
            raise UnsupportedInputError(
                f"np.broadcast of traced arrays has no `{name}`, {user_line()}; write a loop over "
                f"the tuples of elements that it gives, or over np.ndindex(shape)"
            )
        return getattr(self._plain, name)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return _elements(self._arrays)


def broadcast(*arrays: Any) -> Any:
    """``numpy.broadcast``, which gives traced elements."""
    return _Broadcast(*map(as_operand, arrays)) if contains_box(arrays) else np.broadcast(*arrays)


def _holds_arrays(x: Any) -> bool:
    """Whether an array has arrays as its elements, as a table of polynomials has."""
    return type(x) is np.ndarray and x.dtype.hasobject and any(map(np.ndim, x.flat))


def nditer(op: Any, *args: Any, **kwargs: Any) -> Any:
    """``numpy.nditer`` for reading elements in C order; other uses need plain arrays."""
    operands = list(op) if type(op) in (list, tuple) else [op]
    if not contains_box(operands) or all(map(_holds_arrays, operands)):
        return np.nditer(op, *args, **kwargs)
    flags = set(args[0] if args else kwargs.get("flags") or ()) - {"refs_ok", "zerosize_ok"}
    others = len(args) > 1 or kwargs.keys() - {"order", "flags"}
    if flags or others or kwargs.get("order", "C") not in ("C", "K"):
        raise UnsupportedInputError(
            f"nditer of traced arrays reads elements in C order and takes no flags, {user_line()}; "
            f"write a loop over np.ndindex(x.shape)"
        )
    elements = _elements([as_operand(o) for o in operands])
    return elements if len(operands) > 1 else (element for (element,) in elements)


# Not `broadcast`: compiled modules ask for that type when they are imported (see patching/code.py).
CREATORS.update(r_=r_, c_=c_, ndenumerate=ndenumerate, nditer=nditer)
