"""Rows: a function, its arguments, and how they are differentiated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dualdiff.array.layout import copy_with_strides
from dualdiff.trees import flatten


def A(
    *shape: int,
    seed: int = 0,
    low: float | None = None,
    high: float | None = None,
    complex: bool = False,
) -> Any:
    """A fixed random array without ties or zeros.

    Its entries are of either sign, 0.4 to 1.6 in size, and square matrices have 2 added to their
    diagonal; with `low` and `high` they lie evenly between those.
    """
    rng = np.random.default_rng([seed, *shape])
    size = int(np.prod(shape))
    spread = (rng.permutation(size) + rng.uniform(0.2, 0.8, size)) / max(size, 1)
    if low is None and high is None:
        x = (0.4 + 1.2 * spread) * rng.choice([-1.0, 1.0], size)
        x = x.reshape(shape)
        if len(shape) > 1 and shape[-1] == shape[-2]:
            x += 2 * np.eye(shape[-1])
    else:
        low = -1.0 if low is None else low
        high = low + 1.0 if high is None else high
        x = (low + (high - low) * spread).reshape(shape)
    return x + 1j * A(*shape, seed=seed + 1000, low=0.2, high=0.9) if complex else x


def is_inexact(x: Any) -> bool:
    """Whether a leaf, plain or traced, has a derivative."""
    dtype = getattr(x, "dtype", None)
    return dtype.kind in "fcO" if dtype is not None else isinstance(x, float | complex)


def _differentiated_by_default(arg: Any) -> bool:
    leaves, _ = flatten(arg)
    arrays = any(isinstance(leaf, np.ndarray) for leaf in leaves)
    return bool(leaves) and all(map(is_inexact, leaves)) and (arrays or len(leaves) == 1)


def _shown(x: Any) -> str:
    if isinstance(x, np.ndarray):
        kind = "" if x.dtype == float else f"{x.dtype.kind}{x.dtype.itemsize}"
        return kind + str(x.shape).replace(" ", "")
    if isinstance(x, list | tuple) and any(isinstance(e, np.ndarray) for e in x):
        return "[" + ",".join(map(_shown, x)) + "]"
    if isinstance(x, float | complex) and not isinstance(x, np.generic):
        return type(x).__name__
    return str(x).replace(" ", "") if len(str(x)) < 24 else type(x).__name__


@dataclass
class Row:
    """A function, its arguments, and which checks hold for it; see `row`."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    argnums: tuple[int | str, ...]
    id: str
    complex: bool = True
    order: int = 2
    float32: bool = True
    exact: bool = True
    prims: tuple[str, ...] = ()
    layout: bool = True
    home: str = ""  # the file it stands in, where that matters
    leaves: list[Any] = field(init=False)
    structures: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.leaves, self.structures = [], []
        for p in self.argnums:
            leaves, structure = flatten(self.kwargs[p] if isinstance(p, str) else self.args[p])
            self.leaves += leaves
            self.structures.append(structure)

    def full(self, *leaves: Any) -> Any:
        """The result of the function as it is."""
        args, kwargs, start = list(self.args), dict(self.kwargs), 0
        for p, structure in zip(self.argnums, self.structures, strict=True):
            stop = start + structure.num_leaves
            tree = structure.unflatten(map(_own, leaves[start:stop]))
            if isinstance(p, str):
                kwargs[p] = tree
            else:
                args[p] = tree
            start = stop
        return self.fn(*args, **kwargs)

    def __call__(self, *leaves: Any) -> tuple[Any, ...]:
        """The inexact leaves of the result, for those of the arguments."""
        return tuple(leaf for leaf in flatten(self.full(*leaves))[0] if is_inexact(leaf))

    def one(self, i: int) -> Callable[[Any], tuple[Any, ...]]:
        """As a function of one leaf alone."""

        def function(x: Any) -> tuple[Any, ...]:
            return self(*self.leaves[:i], x, *self.leaves[i + 1 :])

        return function


def _own(x: Any) -> Any:
    return copy_with_strides(x)


@dataclass
class Newer:
    """A row that this version of NumPy cannot run."""

    id: str
    reason: str


def numpy_is(version: str) -> bool:
    """Whether NumPy is at least of a version, such as "2.1"."""
    return bool(np.lib.NumpyVersion(np.__version__) >= f"{version}.0")


def since(version: str, name: str, make: Callable[[], Row]) -> Row | Newer:
    """A row of a function or an argument that NumPy has from a version on, or a skipped row."""
    return make() if numpy_is(version) else Newer(name, f"NumPy has it from {version} on")


def row(
    fn: Callable[..., Any],
    *args: Any,
    _id: str | None = None,
    _argnums: int | str | Sequence[int | str] | None = None,
    _complex: bool = True,
    _order: int = 2,
    _float32: bool = True,
    _exact: bool = True,
    _prims: tuple[str, ...] = (),
    _layout: bool = True,
    **kwargs: Any,
) -> Row:
    """A call ``fn(*args, **kwargs)`` of plain NumPy that is to be differentiated.

    Arguments that are floats, inexact arrays or lists with such arrays are differentiated, or those
    of `_argnums` (positions and keyword names). `_complex`: also with complex data, all and mixed;
    `_order=1`: no second derivatives; `_float32`: also in single precision; `_exact=False`: the
    value may differ from NumPy's by rounding; `_prims`: primitives that the row must touch;
    `_layout=False`: the result is meant to depend on the memory layout of the arguments.
    """
    if _argnums is None:
        argnums: tuple[Any, ...] = tuple(
            i for i, a in enumerate(args) if _differentiated_by_default(a)
        )
    else:
        argnums = (_argnums,) if isinstance(_argnums, int | str) else tuple(_argnums)
    name = _id or getattr(fn, "__name__", str(fn)).strip("<>")
    shown = "x".join(map(_shown, args)) + "".join(f"-{k}={_shown(v)}" for k, v in kwargs.items())
    return Row(
        fn, args, kwargs, argnums, f"{name}-{shown}", _complex, _order, _float32, _exact, _prims,
        _layout,
    )  # fmt: skip


def directions(leaves: Iterable[Any], seed: int) -> tuple[Any, ...]:
    """Fixed random directions of the shapes and dtypes of `leaves`."""
    rng = np.random.default_rng(seed)
    out = []
    for leaf in leaves:
        v = rng.uniform(0.3, 1.0, np.shape(leaf)) * rng.choice([-1.0, 1.0], np.shape(leaf))
        if np.iscomplexobj(leaf):
            v = v + 1j * rng.uniform(-1.0, 1.0, np.shape(leaf))
        out.append(in_form_of(leaf, v))
    return tuple(out)


def in_form_of(leaf: Any, v: Any) -> Any:
    if type(leaf) in (float, complex):
        return type(leaf)(v)
    v = np.asarray(v, leaf.dtype)
    return v if type(leaf) is np.ndarray else v[()]


def units(leaves: Sequence[Any]) -> Iterable[tuple[Any, ...]]:
    """The directions of the identity over all leaves."""
    for i, leaf in enumerate(leaves):
        for k in range(np.size(leaf)):
            unit = np.zeros(np.size(leaf))
            unit[k] = 1.0
            zeros = [in_form_of(x, np.zeros(np.shape(x))) for x in leaves]
            zeros[i] = in_form_of(leaf, unit.reshape(np.shape(leaf)))
            yield tuple(zeros)


def moved(leaves: Iterable[Any], h: Any, vs: Iterable[Any]) -> list[Any]:
    """``x + h v``, Python scalars and NumPy scalars staying what they are."""
    return [x + h * v for x, v in zip(leaves, vs, strict=True)]


def flat(leaves: Any) -> Any:
    """All leaves in one vector."""
    leaves = leaves if isinstance(leaves, list | tuple) else [leaves]
    return np.concatenate([np.ravel(leaf) for leaf in leaves]) if leaves else np.zeros(0)


def pair(gs: Iterable[Any], ts: Iterable[Any]) -> float:
    """``Re sum(g t)``."""
    return float(sum(np.sum(g * t).real for g, t in zip(gs, ts, strict=True)))


def complex_variants(r: Row) -> list[tuple[str, Row]]:
    """The row on complex data, in all differentiated leaves and in each second one."""
    if any(map(np.iscomplexobj, r.leaves)):
        return []
    rng = np.random.default_rng(11)
    turned = [_with_imaginary_part(x, rng.uniform(0.2, 0.7, np.shape(x))) for x in r.leaves]
    choices = {"complex": [True] * len(turned)}
    if len(turned) > 1:
        choices["mixed"] = [i % 2 == 0 for i in range(len(turned))]
        choices["mixed, others"] = [i % 2 == 1 for i in range(len(turned))]
    out = []
    for name, chosen in choices.items():
        variant = replace(r, complex=False)
        variant.leaves = [
            c if use else x for c, x, use in zip(turned, r.leaves, chosen, strict=True)
        ]
        out.append((name, variant))
    return out


def _with_imaginary_part(x: Any, imag: Any) -> Any:
    return complex(x, float(imag)) if isinstance(x, float) else x + 1j * imag
