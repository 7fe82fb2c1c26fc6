"""One recording, used in both directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from ..array.box import plain
from ..core.batch import Shape, cast, dtype_of, is_inexact, shape_of
from ..debug import new_tape
from ..errors import UnsupportedInputError, user_line
from ..trees import check_same_structure, flatten, ravel
from .inputs import Argnums, Inputs, Outputs, direction, like, release, same_strides, split_aux
from .limits import limit_of, or_limit
from .masks import again_if_nan, careful, has_nan, run_pass

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator


class Recording:
    """A function recorded once at one point: values, and the tape that leads to them."""

    __slots__ = ("aux", "inputs", "outlives", "outputs", "slots", "tape")

    def __init__(self, inputs: Inputs, has_aux: bool = False, outlives: bool = True) -> None:
        self.inputs = inputs
        self.outlives = outlives  # whether it may be pulled more than once
        if outlives:  # the caller may change the arrays later
            inputs.values = [same_strides(v) if type(v) is ndarray else v for v in inputs.values]
        self.tape = tape = new_tape()
        try:
            boxes, self.slots = [], []
            for value in inputs.values:
                slot = 0 if value is None else tape.next()
                boxes.append(None if value is None else tape.box(value, slot))
                self.slots.append(slot)
            out, aux = split_aux(inputs.call(boxes), has_aux)
            self.outputs = Outputs(out, tape)
            self.aux = Outputs(aux, tape, is_aux=True).released() if has_aux else None
        finally:
            tape.close()

    def pull(
        self, cotangents: Sequence[Any], lead: Shape = (), identity: bool = False
    ) -> list[Any]:
        """Cotangents of the input leaves, or None, for cotangents of the output leaves.

        `identity` says that zeros in the seeds are the operator's own.
        """
        seeds = [
            (slot, g)
            for slot, g in zip(self.outputs.payloads, cotangents, strict=True)
            if slot and g is not None
        ]
        if not seeds:
            return [None] * len(self.slots)
        return run_pass(self._pull, seeds, lead, identity)

    def _pull(self, seeds: Any, lead: Shape) -> list[Any]:
        return self.tape.pull(seeds, self.slots, lead, not self.outlives)

    def push(self, tangents: Sequence[Any], lead: Shape = (), identity: bool = False) -> list[Any]:
        """Tangents of the output leaves, or None, for tangents of the input leaves."""
        return run_pass(self._push, self.seeds(tangents), lead, identity)

    def seeds(self, tangents: Sequence[Any]) -> list[tuple[int, Any]]:
        """Slots and tangents of the input leaves that have any."""
        pairs = zip(self.slots, tangents, strict=True)
        return [(slot, t) for slot, t in pairs if slot and t is not None]

    def _push(self, seeds: Any, lead: Shape) -> list[Any]:
        outputs = [p or 0 for p in self.outputs.payloads]
        return self.tape.push(seeds, outputs, lead)

    def agrees(self, other: Recording) -> bool:
        """Whether another recording has the same results, as far as they are numbers: the function
        may depend on more than its arguments."""
        pairs = zip(self.outputs.values, other.outputs.values, strict=True)
        values = ((plain(a), plain(b)) for a, b in pairs if a is not None)
        return all(bool(np.all((a == b) | np.isnan(b))) for a, b in values)

    def check_cotangents(self, tree: Any) -> list[Any]:
        """The user's cotangents as leaves, checked against the results."""
        leaves = check_same_structure(self.outputs.structure, tree, "cotangent of the result")
        return [
            direction(g, v, (), "cotangent") if p else None
            for g, v, p in zip(leaves, self.outputs.values, self.outputs.payloads, strict=True)
        ]


def record(inputs: Inputs, has_aux: bool) -> Recording:
    """A recording to be used more than once."""
    return again_if_nan(lambda: Recording(inputs, has_aux), lambda r: r.outputs.values)


class Linearization:
    """The derivative of a function at one point, to be pushed or pulled as often as asked."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._careful: Recording | None = None

    def _applied(self, use: Callable[[Recording], list[Any]]) -> list[Any]:
        """A pass that minds structural zeros, those of derivatives inside the function too."""
        found = again_if_nan(lambda: use(self._recording), list)
        if not any(map(has_nan, found)):
            return found
        with careful():
            if self._careful is None:
                self._careful = Recording(self._recording.inputs)
            return use(self._careful) if self._careful.agrees(self._recording) else found

    def jvp(self, *tangents: Any) -> Any:
        """The tangent of the result for one tangent per differentiated argument."""
        recording = self._recording
        seeds = recording.inputs.tangents(tangents)
        ts = self._applied(lambda recording: recording.push(seeds))
        values = recording.outputs.values
        out = [_tangent_like(t, v) for t, v in zip(ts, values, strict=True)]
        return recording.outputs.tree(out)

    def vjp(self, cotangent: Any) -> tuple[Any, ...]:
        """One cotangent per differentiated argument for a cotangent of the result."""
        recording = self._recording
        seeds = recording.check_cotangents(cotangent)
        inputs = recording.inputs

        def near(inputs: Inputs) -> list[Any]:
            return Recording(inputs).pull(seeds)

        gs = or_limit(
            lambda: self._applied(lambda recording: recording.pull(seeds)),
            list,
            lambda _: limit_of(inputs, near),
        )
        leaves = [like(*t) for t in zip(gs, inputs.leaves, inputs.values, strict=True)]
        return tuple(inputs.trees(leaves))

    def as_linear_operator(self) -> LinearOperator:
        """The Jacobian between raveled arguments and raveled results, for `scipy.sparse.linalg`.

        Between real and complex numbers it is linear over the reals alone, and so is its adjoint,
        with Re(conj(g) J t) as the product: the adjoint of a complex result of a real argument is
        real. A vector that is not real where an argument is, and a cotangent that is not real where
        a result is, are refused.

        >>> import numpy as np, dualdiff as dd
        >>> _, L = dd.linearize(lambda x: x**2, np.array([1.0, 2.0]))
        >>> L.as_linear_operator() @ np.array([1.0, 1.0])
        array([2., 4.])
        """
        from scipy.sparse.linalg import LinearOperator

        recording = self._recording
        flat_in, unravel_in = ravel(tuple(recording.inputs.trees(recording.inputs.leaves)))
        flat_out, unravel_out = ravel(_floats(recording.outputs.tree(recording.outputs.values)))
        real_in, real_out = (_is_real(end.values) for end in (recording.inputs, recording.outputs))

        def vector(v: Any, flat: Any, is_real: ndarray) -> Any:
            v = np.asarray(v).ravel()
            if v.dtype.kind == "c":
                if np.any(v.imag[is_real]):
                    raise UnsupportedInputError(
                        f"a complex vector cannot stand for a change of real numbers, "
                        f"{user_line()}; apply the operator to its real and imaginary parts"
                    )
                v = v if flat.dtype.kind == "c" else v.real
            return v.astype(flat.dtype)

        def matvec(t: Any) -> Any:
            return ravel(_floats(self.jvp(*unravel_in(vector(t, flat_in, real_in)))))[0]

        def rmatvec(g: Any) -> Any:
            # SciPy's adjoint conjugates; our transpose does not.
            g = np.conjugate(vector(g, flat_out, real_out))
            return np.conjugate(ravel(self.vjp(unravel_out(g)))[0])

        dtype = np.result_type(flat_in.dtype, flat_out.dtype)
        shape = (flat_out.size, flat_in.size)
        return LinearOperator(dtype=dtype, shape=shape, matvec=matvec, rmatvec=rmatvec)


def _floats(tree: Any) -> Any:
    """A tree whose integers and truth values, which do not change, count as floats."""
    leaves, structure = flatten(tree)
    return structure.unflatten(
        [v if v is None or is_inexact(v) else np.asarray(v, float)[()] for v in leaves]
    )


def _is_real(values: Sequence[Any]) -> ndarray:
    """Which elements of all leaves are real."""
    parts = [np.full(prod(shape_of(v)), dtype_of(v).kind != "c") for v in values if v is not None]
    return np.concatenate(parts) if parts else np.zeros(0, bool)


def _tangent_like(t: Any, value: Any) -> Any:
    """The tangent of a result, zero where it does not depend on the arguments."""
    if value is None:
        return None
    if t is None:
        return np.zeros(shape_of(value), dtype_of(value))[()]
    return release(t if type(t) is float else cast(t, dtype_of(value)))


def linearize(
    f: Callable[..., Any],
    *primals: Any,
    argnums: Argnums | None = None,
    has_aux: bool = False,
    **kwargs: Any,
) -> Any:
    """Evaluate a function and record its derivative, to be used in both directions.

    Arguments: `f`; `primals`, its arguments, arrays, scalars or containers of them; `argnums`,
    which of them to differentiate (all by default); `has_aux`, where f returns ``(result, aux)``;
    `kwargs` for f.
    Returns: ``(value, L)``, or ``(value, L, aux)``: ``L.jvp(*tangents)`` is a tangent of the
    result, ``L.vjp(g)`` a tuple of cotangents, ``L.as_linear_operator()`` a SciPy LinearOperator.
    Complex numbers: ``L.jvp`` gives du + i dv for R->C, C->R and C->C, ``L.vjp`` its transpose with
    the pairing Re(g t), without conjugation; what belongs to a real argument or result is real.

    >>> import numpy as np, dualdiff as dd
    >>> value, L = dd.linearize(lambda x: x[0] * x, np.array([2.0, 3.0]))
    >>> L.jvp(np.array([1.0, 0.0])), L.vjp(np.array([0.0, 1.0]))[0]
    (array([4., 3.]), array([3., 2.]))
    """
    recording = record(Inputs(f, primals, kwargs, argnums), has_aux)
    value = recording.outputs.released()
    linear = Linearization(recording)
    return (value, linear, recording.aux) if has_aux else (value, linear)
