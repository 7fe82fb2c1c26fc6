"""First derivatives: `jvp`, `vjp`, `grad` and their relatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import float64

from ..core.batch import Shape, dtype_of, shape_of
from ..core.dual import ForwardTrace, zero_tangent
from ..core.tangents import Diagonal, dense
from ..debug import new_forward_trace
from ..errors import UnsupportedInputError, user_line
from .identity import IdentityTrace
from .inputs import Argnums, Inputs, Operator, Outputs, like, split_aux
from .limits import agree, limit_of, or_limit
from .linearize import Linearization, Recording, _tangent_like, record
from .masks import AliveTrace, has_nan, is_careful


def push_forward(
    inputs: Inputs,
    tangents: Sequence[Any],
    lead: Shape,
    has_aux: bool = False,
    identity: bool = False,
) -> tuple[Outputs, Any]:
    """Run a function on dual numbers; the payloads of the outputs are their tangents.

    `identity` says that zeros in the tangents are the operator's own.
    """

    def once() -> tuple[Outputs, Any]:
        return _push_once(inputs, tangents, lead, has_aux, identity)

    def continued(found: tuple[Outputs, Any]) -> tuple[Outputs, Any] | None:
        """With vectors that continue along the tangent, unless the result depends on them."""
        if lead:
            return None
        other = once()
        same = map(agree, found[0].values, other[0].values)
        return other if all(same) and not any(map(has_nan, other[0].payloads)) else None

    return or_limit(once, lambda done: done[0].payloads, continued)


def _push_once(
    inputs: Inputs, tangents: Sequence[Any], lead: Shape, has_aux: bool, identity: bool
) -> tuple[Outputs, Any]:
    alive = AliveTrace() if is_careful() else None
    diagonal = alive is None and Diagonal in map(type, tangents)
    trace = new_forward_trace(lead, IdentityTrace if diagonal else ForwardTrace)
    try:
        boxes: list[Any] = []
        for v, t in zip(inputs.values, tangents, strict=True):
            if v is None:
                boxes.append(None)
                continue
            seed = zero_tangent(v, lead) if t is None else t
            if type(trace) is not IdentityTrace:
                seed = dense(seed)
            if alive is not None:
                seed = alive.seed(seed, identity or t is None)
            boxes.append(trace.box(v, seed))
        out, aux = split_aux(inputs.call(boxes), has_aux)
        outputs = Outputs(out, trace)
        if alive is not None:
            outputs.payloads = [alive.released(t) for t in outputs.payloads]
        return outputs, Outputs(aux, trace, is_aux=True).released() if has_aux else None
    finally:
        trace.close()
        if alive is not None:
            alive.close()


def jvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    argnums: Argnums | None = None,
    has_aux: bool = False,
    **kwargs: Any,
) -> Any:
    """Evaluate a function and push a tangent through it (forward mode).

    Arguments: `f`; `primals`, a tuple of its arguments; `tangents`, a tuple with one tangent per
    differentiated argument, of its shape and structure; `argnums`, which arguments those are (all
    by default); `has_aux`, where f returns ``(result, aux)``; `kwargs` for f.
    Returns: ``(value, tangent)``, or ``(value, tangent, aux)``.
    Raises: TypeError where a tangent has another shape or structure than its primal.
    Complex numbers: the differential of f in the direction of the tangent, du + i dv: complex for
    R->C, real for C->R, and for C->C right also where f is not holomorphic.

    >>> import numpy as np, dualdiff as dd
    >>> value, tangent = dd.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    >>> float(value), float(tangent)
    (6.0, 3.0)
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError(
            f"jvp takes a tuple of arguments and a tuple of tangents, {user_line()}; "
            f"write jvp(f, (x,), (t,))"
        )
    inputs = Inputs(f, primals, kwargs, argnums)
    outputs, aux = push_forward(inputs, inputs.tangents(tangents), (), has_aux)
    pairs = zip(outputs.payloads, outputs.values, strict=True)
    tangent = outputs.tree([_tangent_like(t, v) for t, v in pairs])
    value = outputs.released()
    return (value, tangent, aux) if has_aux else (value, tangent)


def vjp(
    f: Callable[..., Any],
    *primals: Any,
    argnums: Argnums | None = None,
    has_aux: bool = False,
    **kwargs: Any,
) -> Any:
    """Evaluate a function and return the pullback of its cotangents (reverse mode).

    Arguments: `f`; `primals`, its arguments; `argnums`, which of them to differentiate (all by
    default); `has_aux`, where f returns ``(result, aux)``; `kwargs` for f.
    Returns: ``(value, pullback)``, or ``(value, pullback, aux)``; ``pullback(g)`` takes a
    cotangent of the shape of the value, gives a tuple with one cotangent per differentiated
    argument, and may be called again.
    Complex numbers: the pairing is Re(g t), without conjugation. C->R: the cotangent is
    ``g (du/dx - i du/dy)``; R->C: it is real, ``Re(g df/dx)``; C->C: ``g f'`` for a holomorphic f.

    >>> import numpy as np, dualdiff as dd
    >>> value, pullback = dd.vjp(np.sin, np.array([0.0, np.pi]))
    >>> pullback(np.array([1.0, 1.0]))
    (array([ 1., -1.]),)
    """
    recording = record(Inputs(f, primals, kwargs, argnums), has_aux)
    value = recording.outputs.released()
    pullback = Linearization(recording).vjp
    return (value, pullback, recording.aux) if has_aux else (value, pullback)


def _scalar_seed(outputs: Outputs, name: str) -> list[Any]:
    """The cotangent 1 of a scalar result."""
    values = outputs.values
    bare = outputs.structure.is_leaf
    value = values[0] if bare else None
    if not bare or value is None or shape_of(value) != () or dtype_of(value).kind not in "fciub":
        raise UnsupportedInputError(
            f"{name} needs a function with a scalar result, but it returned {outputs.what}, "
            f"{user_line()}. "
            f"Reduce it to one number (np.sum), return extra results with has_aux=True, or use "
            f"jacobian, vjp, or elementwise_grad."
        )
    return [1.0 if type(value) is float else dtype_of(value).type(1)]


class _Grad(Operator):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value, gradient, aux = self.evaluate(args, kwargs)
        has_aux, with_value = self.options["has_aux"], self.options["with_value"]
        if with_value:
            return (value, gradient, aux) if has_aux else (value, gradient)
        return (gradient, aux) if has_aux else gradient

    def evaluate(self, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
        inputs = Inputs(self.f, args, kwargs, self.argnums)

        def limit(found: tuple[Recording, list[Any]]) -> tuple[Recording, list[Any]] | None:
            gs = limit_of(inputs, lambda near: self._pulled(near)[1])
            return None if gs is None else (found[0], gs)

        recording, gs = or_limit(lambda: self._pulled(inputs), lambda done: done[1], limit)
        leaves = [like(*t) for t in zip(gs, inputs.leaves, inputs.values, strict=True)]
        if self.options.get("holomorphic"):
            self._verify(inputs, leaves)
        value = recording.outputs.released() if self.options["with_value"] else None
        return value, inputs.result(leaves), recording.aux

    def _verify(self, inputs: Inputs, leaves: Sequence[Any]) -> None:
        from .complex import verify_holomorphic

        def along(tangents: Sequence[Any]) -> list[Any]:
            pairs = zip(leaves, tangents, strict=True)
            return [sum(np.sum(g * t) for g, t in pairs if t is not None)]

        verify_holomorphic(inputs, along, self.options["has_aux"])

    def _pulled(self, inputs: Inputs) -> tuple[Recording, list[Any]]:
        recording = Recording(inputs, self.options["has_aux"], outlives=False)
        name = "value_and_grad" if self.options["with_value"] else "grad"
        return recording, recording.pull(_scalar_seed(recording.outputs, name))


def grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The gradient of a function with a scalar result (reverse mode).

    Arguments: `f`; `argnums`, the position or name of the argument to differentiate, or a tuple of
    them; `has_aux`, where f returns ``(result, aux)``; `holomorphic`, to verify by one more
    tangent that f satisfies the Cauchy-Riemann equations.
    Returns: a function of the same arguments that gives the gradient, in the structure, shapes and
    dtypes of the argument (a tuple for a tuple of argnums), or ``(gradient, aux)``.
    Raises: TypeError for a result that is not a scalar and for arguments that are not
    floating-point; HolomorphicError where f was said to be holomorphic and is not.
    Complex numbers: for f = u + iv of z = x + iy the gradient is du/dx - i du/dy, and v is left
    out. C->C: the complex derivative where f is holomorphic; C->R: the conjugate of the steepest
    ascent; R->C: the real gradient of u.
    Kinks: see docs/conventions.md.

    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return _Grad(f, argnums, has_aux=has_aux, with_value=False, holomorphic=holomorphic)


def value_and_grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """The value and the gradient of a function with a scalar result, from one evaluation.

    Arguments and conventions as for `grad`.
    Returns: a function that gives ``(value, gradient)``, or ``(value, gradient, aux)``.

    >>> import numpy as np, dualdiff as dd
    >>> value, gradient = dd.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> float(value), gradient
    (5.0, array([2., 4.]))
    """
    return _Grad(f, argnums, has_aux=has_aux, with_value=True, holomorphic=holomorphic)


class _ElementwiseGrad(Operator):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        inputs = Inputs(self.f, args, kwargs, self.argnums)

        def pulled(inputs: Inputs) -> tuple[Recording, list[Any]]:
            recording = Recording(inputs, self.options["has_aux"])
            if all(v is None for v in recording.outputs.values):
                raise UnsupportedInputError(
                    f"elementwise_grad needs a function that returns numbers, but it returned "
                    f"{recording.outputs.what}, {user_line()}"
                )
            ones = [
                None if v is None else np.ones(shape_of(v), dtype_of(v))[()]
                for v in recording.outputs.values
            ]
            return recording, recording.pull(ones)

        def limit(found: tuple[Recording, list[Any]]) -> tuple[Recording, list[Any]] | None:
            gs = limit_of(inputs, lambda near: pulled(near)[1])
            return None if gs is None else (found[0], gs)

        recording, gs = or_limit(lambda: pulled(inputs), lambda done: done[1], limit)
        leaves = [like(*t) for t in zip(gs, inputs.leaves, inputs.values, strict=True)]
        gradient = inputs.result(leaves)
        return (gradient, recording.aux) if self.options["has_aux"] else gradient


def elementwise_grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The derivative of a function that acts on each element of an array, at every element.

    It is the gradient of ``np.sum(f(x))``: where f mixes elements, use `jacobian`.
    Arguments: `f`, `argnums` and `has_aux` as for `grad`.
    Returns: a function that gives an array of the argument's shape and dtype, or ``(array, aux)``.
    Raises: TypeError where f returns no number.

    >>> import numpy as np, dualdiff as dd
    >>> dd.elementwise_grad(np.sin)(np.array([0.0, np.pi]))
    array([ 1., -1.])
    """
    return _ElementwiseGrad(f, argnums, has_aux=has_aux)


class _Derivative(Operator):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        inputs = Inputs(self.f, args, kwargs, self.argnums)
        values = inputs.values
        if len(values) != 1 or values[0] is None or shape_of(values[0]) != ():
            what = "a container"
            if len(values) == 1:
                what = "None" if values[0] is None else f"shape {shape_of(values[0])}"
            raise UnsupportedInputError(
                f"derivative is for one scalar argument, but got {what}, {user_line()}; "
                f"use grad, jacobian or elementwise_grad"
            )
        one = 1.0 if type(values[0]) is float else dtype_of(values[0]).type(1)
        outputs, aux = push_forward(inputs, [one], (), self.options["has_aux"])
        pairs = zip(outputs.payloads, outputs.values, strict=True)
        leaves = [_tangent_like(t, v) for t, v in pairs]
        if type(inputs.leaves[0]) in (int, float):
            leaves = [float(t) if type(t) is float64 else t for t in leaves]
        found = outputs.tree(leaves)
        return (found, aux) if self.options["has_aux"] else found


def derivative(
    f: Callable[..., Any], argnums: int | str = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The derivative of a function of one scalar, whose result may have any shape (forward mode).

    Arguments: `f`; `argnums`, the position or name of the scalar argument; `has_aux`, where f
    returns ``(result, aux)``.
    Returns: a function that gives an array (or container) of the result's shape, or
    ``(array, aux)``.
    Raises: TypeError where the argument is not a scalar.
    Complex numbers: the differential of f in the direction 1, which is f' for a holomorphic f.

    >>> import numpy as np, dualdiff as dd
    >>> dd.derivative(lambda t: np.stack([t, t**2, t**3]))(2.0)
    array([ 1.,  4., 12.])
    """
    return _Derivative(f, argnums, has_aux=has_aux)
