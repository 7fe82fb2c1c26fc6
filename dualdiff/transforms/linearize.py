"""One recording, used in both directions."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import numpy as np
from numpy import ndarray

from ..core import trace as levels
from ..core.batch import dtype_of, is_inexact, shape_of
from ..core.types import Cotangent, Tangent, Value
from ..errors import UnsupportedInputError, user_line
from ..trees import flatten, ravel
from . import independence
from .beside import limit_beside
from .inputs import Argnums, Inputs, any_nan, likes, own_keywords, tangent_like
from .masks import uses_masks, zero_masks
from .record import Recording, agree, push_forward
from .rescue import Derivatives, continued, limit_of, rescue

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator


R = TypeVar("R")


def record(inputs: Inputs, has_aux: bool) -> Recording:
    """A recording for several uses; with masks if derivatives inside f give a NaN."""
    recording = Recording(inputs, has_aux)
    if not recording.outputs.reached:
        recording.outputs.require_numbers("a linearisation")
        independence.warn(inputs, range(len(inputs.values)))
    if recording.nested and not uses_masks() and any_nan(recording.outputs.values):
        with zero_masks():
            again = Recording(inputs, has_aux)
        return again if agree(again.outputs.values, recording.outputs.values) else recording
    return recording


class Linearization:
    """The derivative of a function at one point, for any number of pushes and pulls."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._careful: Recording | None = None

    def __repr__(self) -> str:
        recording = self._recording
        inputs = ", ".join(str(shape_of(v)) for v in recording.inputs.values if v is not None)
        outputs = ", ".join(str(shape_of(v)) for v in recording.outputs.values if v is not None)
        count = len(recording.tape.entries)
        return f"<linearization of shapes {inputs} to {outputs}, {count} operations>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"

    def _derived(
        self,
        derive: Callable[[Recording], list[Any]],
        limit: Callable[[Derivatives], Sequence[Any] | None],
    ) -> Sequence[Any]:
        """A pass of the recording, with NaNs replaced that stand for a zero or a limit."""

        def again() -> Derivatives:
            if self._careful is None:
                self._careful = Recording(self._recording.inputs)
            return Derivatives(derive(self._careful), self._careful.outputs)

        met, recording = levels.doubts(), self._recording
        found = Derivatives(derive(recording), recording.outputs, recording=recording)
        if any_nan(found.leaves) or levels.doubts() != met:
            near = partial(limit_beside, recording.inputs, lambda inputs: derive(Recording(inputs)))
            found = rescue(found, met, derive, again, limit, near)
        return found.leaves

    def jvp(self, *tangents: Any) -> Any:
        """The tangent of the result for one tangent per differentiated argument."""
        inputs, outputs = self._recording.inputs, self._recording.outputs
        seeds = inputs.tangents(tangents)

        def once() -> Derivatives:
            found, _ = push_forward(inputs, seeds, ())
            return Derivatives(found.payloads, found)

        ts = self._derived(
            lambda recording: recording.push(seeds), lambda found: continued(found, once)
        )
        return outputs.tree([tangent_like(t, v) for t, v in zip(ts, outputs.values, strict=True)])

    def vjp(self, cotangent: Cotangent) -> tuple[Any, ...]:
        """One cotangent per differentiated argument for a cotangent of the result."""
        inputs = self._recording.inputs
        seeds = self._recording.check_cotangents(cotangent)
        gs = self._derived(
            lambda recording: recording.pull(seeds),
            lambda _: limit_of(inputs, lambda near: Recording(near).pull(seeds)),
        )
        return tuple(inputs.trees(likes(gs, inputs.leaves, inputs.values)))

    def as_linear_operator(self) -> LinearOperator:
        """The Jacobian between raveled arguments and raveled results, for `scipy.sparse.linalg`.

        Between real and complex numbers it is linear only over the reals, and so is its adjoint,
        with the product Re(conj(g) J t): the adjoint of a complex result of a real argument is
        real. Complex vectors for real arguments, and complex cotangents for real results, raise an
        error.

        >>> import numpy as np, dualdiff as dd
        >>> _, L = dd.linearize(lambda x: x**2, np.array([1.0, 2.0]))
        >>> L.as_linear_operator() @ np.array([1.0, 1.0])
        array([2., 4.])
        """
        from .linear_operators import JacobianOperator

        recording = self._recording
        flat_in, unravel_in = ravel(tuple(recording.inputs.trees(recording.inputs.leaves)))
        flat_out, unravel_out = ravel(_floats(recording.outputs.tree(recording.outputs.values)))
        real_in, real_out = (_is_real(end.values) for end in (recording.inputs, recording.outputs))

        def vector(v: Value, flat: Any, is_real: ndarray) -> Any:
            v = np.asarray(v).ravel()
            if v.dtype.kind == "c":
                if np.any(v.imag[is_real]):
                    raise UnsupportedInputError(
                        f"a complex vector cannot stand for a change of real numbers, "
                        f"{user_line()}; apply the operator to its real and imaginary parts"
                    )
                v = v if flat.dtype.kind == "c" else v.real
            return v.astype(flat.dtype)

        def matvec(t: Tangent) -> Any:
            return ravel(_floats(self.jvp(*unravel_in(vector(t, flat_in, real_in)))))[0]

        def rmatvec(g: Cotangent) -> Any:
            # SciPy's adjoint conjugates; our transpose does not.
            g = np.conjugate(vector(g, flat_out, real_out))
            return np.conjugate(ravel(self.vjp(unravel_out(g)))[0])

        dtype = np.result_type(flat_in.dtype, flat_out.dtype)
        shape = (flat_out.size, flat_in.size)
        return JacobianOperator(shape, matvec, rmatvec, dtype)


def _floats(tree: Any) -> Any:
    """A tree with its integers and truth values as floats."""
    leaves, structure = flatten(tree)
    return structure.unflatten(
        [v if v is None or is_inexact(v) else np.asarray(v, float)[()] for v in leaves]
    )


def _is_real(values: Sequence[Value]) -> ndarray:
    """Which elements of all leaves are real."""
    parts = [np.full(prod(shape_of(v)), dtype_of(v).kind != "c") for v in values if v is not None]
    return np.concatenate(parts) if parts else np.zeros(0, bool)


@overload
def linearize(
    f: Callable[..., R],
    *primals: Any,
    argnums: Argnums | None = None,
    has_aux: Literal[False] = False,
    **kwargs: Any,
) -> tuple[R, Linearization]: ...


@overload
def linearize(
    f: Callable[..., Any],
    *primals: Any,
    argnums: Argnums | None = None,
    has_aux: bool,
    **kwargs: Any,
) -> Any: ...


def linearize(
    f: Callable[..., Any],
    *primals: Any,
    argnums: Argnums | None = None,
    has_aux: bool = False,
    **kwargs: Any,
) -> Any:
    """Evaluate a function and record its derivative, for use in both directions.

    Arguments: `f`; `primals`, its arguments, arrays, scalars or containers of them; `argnums`,
    which of them to differentiate (all by default); `has_aux`, where f returns ``(result, aux)``;
    `kwargs` for f.
    Returns: ``(value, L)``, or ``(value, L, aux)``: ``L.jvp(*tangents)`` is a tangent of the
    result, ``L.vjp(g)`` a tuple of cotangents, ``L.as_linear_operator()`` a SciPy LinearOperator.
    Complex numbers: ``L.jvp`` gives du + i dv for R->C, C->R and C->C, ``L.vjp`` its transpose with
    the pairing Re(g t), without conjugation; both are real for a real result or argument.

    >>> import numpy as np, dualdiff as dd
    >>> value, L = dd.linearize(lambda x: x[0] * x, np.array([2.0, 3.0]))
    >>> L.jvp(np.array([1.0, 0.0])), L.vjp(np.array([0.0, 1.0]))[0]
    (array([4., 3.]), array([3., 2.]))
    """
    kwargs, has_aux = own_keywords(f, kwargs, has_aux)
    return linearized(Inputs(f, primals, kwargs, argnums), has_aux)


def linearized(inputs: Inputs, has_aux: bool) -> Any:
    """`linearize` at `Inputs`."""
    recording = record(inputs, has_aux)
    value = recording.outputs.released()
    linear = Linearization(recording)
    return (value, linear, recording.aux) if has_aux else (value, linear)
