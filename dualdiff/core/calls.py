"""Calls of whole functions that a trace treats as one operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import is_box, unbox
from ..errors import CaptureError, UnsupportedInputError, user_line
from ..trees import Structure, flatten
from .batch import Shape, Spec, as_double, dtype_of, spec_of
from .primitive import Primitive, accumulate, checked, opcode
from .structure import DENSE
from .tangents import Diagonal
from .trace import CONVERTED, Trace, materialize, to_user, top_trace
from .types import Cotangent, Tangent, Value


def _vjp_entry(g: Cotangent, ct: list[Cotangent], entry: tuple[Any, ...], batch: Shape) -> None:
    _, _, slots, saved = entry
    for slot, c in zip(slots, saved[0].apply_vjp(saved, as_double(g), batch), strict=True):
        if slot and c is not None:
            accumulate(ct, slot, c)


def _jvp_entry(ts: list[Tangent], entry: tuple[Any, ...], batch: Shape) -> None:
    _, out, slots, saved = entry
    tangents = [as_double(ts[s]) if s else None for s in slots]
    if any(t is not None for t in tangents):
        ts[out] = saved[0].apply_jvp(saved, tangents, batch)


class _Owner:
    name = "a function with a rule of its own"


# One format for all: the table of formats must not grow with calls or users. Those of the second
# take structured tangents.
OPAQUE = opcode(_Owner, _vjp_entry, _jvp_entry)
ELEMENTWISE = opcode(_Owner, _vjp_entry, _jvp_entry, takes=Diagonal)


def _kind(x: Value) -> str:
    """The kind of dtype of a number or array, "" for anything else."""
    number = isinstance(x, (int, float, complex, np.generic))
    known = number or is_box(x) or type(x) is ndarray
    return dtype_of(x).kind if known else ""


def is_float(x: Value) -> bool:
    """Whether a leaf can have a derivative; a leaf that is no number or array is a constant."""
    return _kind(x) in ("f", "c")


def tangent_spec(x: Value) -> Spec | None:
    """The shape and dtype of a leaf's tangent, or None if it is no number or array."""
    if is_float(x):
        return spec_of(x)
    return Spec(spec_of(x).shape, np.dtype(float)) if _kind(x) in ("i", "u", "b") else None


def operand(x: Value) -> Any:
    """A leaf as an operand: content that no user holds, or a constant of any kind."""
    if type(x) in CONVERTED:
        return np.asarray(x)
    return materialize(x) if is_box(x) or (type(x) is ndarray and x.dtype.hasobject) else x


def zeros(spec: Spec, batch: Shape = ()) -> Any:
    """A zero tangent or cotangent."""
    return np.zeros(batch + spec.shape, spec.dtype)[()]


def handed(directions: Sequence[Any], specs: Sequence[Spec | None], batch: Shape) -> list[Any]:
    """Directions for a user's rule: copies, zeros for None, None without a spec."""
    return [
        None if spec is None else zeros(spec, batch) if d is None else to_user(d)
        for d, spec in zip(directions, specs, strict=True)
    ]


def conformed(
    owner: Any, results: Sequence[Any], specs: Sequence[Spec | None], batch: Shape, rule: str
) -> list[Any]:
    """The results of a user's rule, with their shapes checked and in the dtypes of the primals."""
    return [
        None
        if s is None
        else zeros(s, batch)
        if t is None
        else to_user(checked(owner, t, s, batch, rule))
        for t, s in zip(results, specs, strict=True)
    ]


def agree(new: Any, old: Any) -> bool:
    """Whether two results are the same up to rounding."""
    new, old = unbox(new), unbox(old)
    if np.shape(new) != np.shape(old):
        return False
    if np.all(new == old):
        return True
    tolerance = float(np.sqrt(np.finfo(dtype_of(old)).eps))
    with np.errstate(all="ignore"):
        size = float(np.max(np.abs(old), initial=0.0, where=np.isfinite(old)))
    return np.allclose(new, old, rtol=tolerance, atol=tolerance * size, equal_nan=True)


def refuse_captured(x: Value, name: str, level: int = 0) -> None:
    """Raise if a result depends on a traced value of `level` or above that is no argument."""
    if is_box(x) and x.owner.level >= level:
        raise CaptureError(
            f"{name} used a traced value that is not one of its arguments, {user_line()}: it is "
            f"differentiated as a whole, so the derivative with respect to that value would be "
            f"lost. Pass the value to {name} as an argument, or dualdiff.value_of(value) where it "
            f"is to count as constant."
        )


class SingleCall(Primitive):
    """A primitive that is made for one call: its residuals are its operands, those of them that
    are differentiated, and the form of the result."""

    has_formats = False
    opcode = OPAQUE

    def save(self, ans: Value, args: Sequence[Any], active: Sequence[Any], params: Any) -> Any:
        chosen = tuple(i for i, used in enumerate(active) if used)
        return self, tuple(args), chosen, spec_of(ans)


class OpaqueCall:
    """One call of a function of containers, standing for a primitive whose operands are the leaves.

    Subclasses define `run`, `save`, `jvp` and `vjp`; the saved tuple starts with the call
    itself.
    """

    opcode = OPAQUE
    structure = DENSE
    is_linear = False
    ignores = ()
    outputs: int
    result: Structure
    constants: list[Any]
    places: list[int]
    specs: list[Spec]

    def __init__(self, name: str, arguments: Structure) -> None:
        self.name = name
        self.arguments = arguments

    def apply(self, trace: Trace, operands: Sequence[Value]) -> Any:
        """The result of the call, whose floating-point leaves are boxes of the trace."""
        self.level = trace.level
        self.active = [is_box(x) and x.owner is trace for x in operands]
        return self.filled(trace.process(self, operands, {}))

    def filled(self, boxes: Any) -> Any:
        """The result with given parts, one per output, as its floating-point leaves."""
        leaves = list(self.constants)
        for i, box in zip(self.places, (boxes,) if self.outputs == 1 else boxes or (), strict=True):
            leaves[i] = box
        return self.result.unflatten(leaves)

    def evaluate(self, values: Sequence[Value], params: dict[str, Any]) -> Any:
        """The floating-point leaves of the result."""
        leaves, self.result = flatten(self.run(values, top_trace(values)))
        leaves = list(map(self.leaf, leaves))
        self.places = [i for i, leaf in enumerate(leaves) if is_float(leaf)]
        answers = [leaves[i] for i in self.places]
        self.specs = [spec_of(x) for x in answers]
        self.constants = [None if is_float(leaf) else leaf for leaf in leaves]
        self.outputs = len(answers)
        return self.packed(answers)

    def leaf(self, x: Value) -> Any:
        """A leaf of the result, after the check that it loses no derivative."""
        x = to_user(operand(x))
        refuse_captured(x, self.name, self.level)
        if not _kind(x) and x is not None and not isinstance(x, str):
            kind = f"{type(x).__module__}.{type(x).__qualname__}"
            raise UnsupportedInputError(
                f"{self.name} returned a value of type {kind}, {user_line()}: its derivative "
                f"would be lost; return NumPy arrays and numbers, in containers if you like."
            )
        return x

    def packed(self, leaves: Sequence[Any]) -> Any:
        """One element per output, as a primitive gives and takes them."""
        return leaves[0] if self.outputs == 1 else tuple(leaves)

    def unpacked(self, g: Cotangent) -> list[Any]:
        """A cotangent, or None, per output."""
        return [g] if self.outputs == 1 else list(g)

    def run(self, values: Sequence[Value], nested: Any) -> Any:
        """The result for argument leaves, of which `nested` is the highest trace, or None."""
        raise NotImplementedError

    def save(
        self, ans: Value, values: Sequence[Value], active: Sequence[Any], params: dict[str, Any]
    ) -> tuple[Any, ...]:
        """The call itself, and the residuals of `jvp` and `vjp`."""
        raise NotImplementedError

    def apply_jvp(
        self, saved: tuple[Any, ...], tangents: Sequence[Tangent], batch: Shape
    ) -> Tangent:
        """The tangents of the outputs."""
        raise NotImplementedError

    def apply_vjp(self, saved: tuple[Any, ...], g: Cotangent, batch: Shape) -> Sequence[Any]:
        """The cotangents of the argument leaves."""
        raise NotImplementedError


def over_batch(
    one: Callable[..., Sequence[Any]],
    directions: Sequence[Any],
    batch: Shape,
    batched: bool,
    specs: Sequence[Spec | None],
) -> Sequence[Any]:
    """``one(directions, batch)``, called once per direction where it is not `batched`.

    It returns one element per spec, and None for None.
    """
    if batched or not batch:
        return one(directions, batch)
    rows = [one([None if d is None else d[b] for d in directions], ()) for b in range(batch[0])]
    if not rows:
        return [None if spec is None else zeros(spec, batch) for spec in specs]
    columns = zip(*rows, strict=True)
    return [None if s is None else np.stack(c) for s, c in zip(specs, columns, strict=True)]
