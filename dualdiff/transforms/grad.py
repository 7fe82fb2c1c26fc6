"""Gradients, and derivatives of functions of one number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, ParamSpec, TypeVar, overload

import numpy as np
from numpy import float64

from ..array.guards import Guards
from ..array.kinds import PLAIN, has_foreign, ones_like
from ..core.batch import dtype_of, shape_of
from ..core.types import Tangent, Value
from ..errors import UnsupportedInputError, user_line
from ..trees import LEAF
from . import independence
from .holomorphic import verify_holomorphic
from .inputs import Argnums, Inputs, Outputs, likes, tangent_like
from .jvp_vjp import pushed
from .record import Recording, guarded
from .rescue import Derivatives
from .transform import Transform

P = ParamSpec("P")
R = TypeVar("R")
_ONES: dict[type, Any] = {float: 1.0, float64: float64(1)}


class Reverse(Transform):
    """An operator that records the function and pulls cotangents of its result once."""

    def evaluate(self, inputs: Inputs) -> Derivatives:
        return guarded(inputs, self.recorded)

    def recorded(self, inputs: Inputs, guards: Guards) -> Derivatives:
        """What `evaluate` gives, with these guards of constant arrays."""
        recording = Recording(inputs, self.options["has_aux"], guards)
        return Derivatives(self.derive(recording), recording.outputs, recording.aux, recording)

    def derive(self, recording: Recording) -> Sequence[Any]:
        """The cotangents of the argument leaves."""
        return recording.pull(self.seeds(recording.outputs))

    def seeds(self, outputs: Outputs) -> list[Any]:
        """The cotangents of the results."""
        raise NotImplementedError

    def result(self, inputs: Inputs, found: Derivatives) -> Any:
        gradient = inputs.result(leaves_of(inputs, found))
        return (gradient, found.aux) if self.options["has_aux"] else gradient


def leaves_of(inputs: Inputs, found: Derivatives, results: list[Any] | None = None) -> list[Any]:
    """Derivatives in the form of the arguments; those without a path to the result are zero.

    A lazy one of an argument of NumPy's is computed, and the `results` of the function with it.
    """
    if type(None) in map(type, found.leaves):
        pairs = zip(found.leaves, inputs.values, strict=True)
        lost = [i for i, (g, value) in enumerate(pairs) if g is None and value is not None]
        if lost:
            independence.warn(inputs, lost)
    return likes(found.leaves, inputs.leaves, inputs.values, results)


def one_beside(value: Value) -> Any:
    """Ones of the shape and dtype of a value, as its library makes them."""
    if type(value) not in PLAIN and has_foreign(value):
        return ones_like(value)
    shape, dtype = shape_of(value), dtype_of(value)
    return np.ones(shape, dtype) if shape else dtype.type(1)


def _scalar_seed(outputs: Outputs, name: str) -> list[Any]:
    """The cotangent 1 of a scalar result."""
    values = outputs.values
    bare = outputs.structure is LEAF or outputs.structure.is_labelled
    value = values[0] if bare else None
    if not bare or value is None or shape_of(value) != () or dtype_of(value).kind not in "fciub":
        raise UnsupportedInputError(
            f"{name} needs a function with a scalar result, but it returned {outputs.what}, "
            f"{user_line()}. "
            f"Reduce it to one number (np.sum), return extra results with has_aux=True, or use "
            f"jacobian, vjp, or elementwise_grad."
        )
    return [one_beside(value)]


class Grad(Reverse):
    """The gradient of a function with a scalar result, and with `with_value` its value."""

    def seeds(self, outputs: Outputs) -> list[Any]:
        if outputs.structure is LEAF and type(outputs.values[0]) in _ONES:
            return [_ONES[type(outputs.values[0])]]
        name = "value_and_grad" if self.options["with_value"] else "grad"
        return _scalar_seed(outputs, name)

    def result(self, inputs: Inputs, found: Derivatives) -> Any:
        results = found.outputs.values if self.options["with_value"] else None
        leaves = leaves_of(inputs, found, results)
        if self.options.get("holomorphic"):
            self._verify(inputs, leaves)
        gradient = inputs.result(leaves)
        if not self.options["with_value"]:
            return (gradient, found.aux) if self.options["has_aux"] else gradient
        value = found.outputs.released()
        return (value, gradient, found.aux) if self.options["has_aux"] else (value, gradient)

    def _verify(self, inputs: Inputs, leaves: Sequence[Any]) -> None:
        def along(tangents: Sequence[Tangent]) -> list[Any]:
            pairs = zip(leaves, tangents, strict=True)
            return [sum(np.sum(g * t) for g, t in pairs if t is not None)]

        verify_holomorphic(inputs, along, self.options["has_aux"])


def grad(
    f: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[P, Any]:
    """The gradient of a function with a scalar result (reverse mode).

    Arguments: `f`; `argnums`, the position or name of the argument to differentiate, or a tuple of
    them; `has_aux`, if f returns ``(result, aux)``; `holomorphic`, to verify by one more
    tangent that f satisfies the Cauchy-Riemann equations.
    Returns: a function of the same arguments that gives the gradient, in the structure, shapes and
    dtypes of the argument (a tuple for a tuple of argnums), or ``(gradient, aux)``.
    Raises: TypeError for a result that is not a scalar and for arguments that are not
    floating-point; HolomorphicError if `holomorphic` is True and f is not holomorphic.
    Complex numbers: for f = u + iv of z = x + iy the gradient is du/dx - i du/dy, whatever v is.
    C->C: the complex derivative if f is holomorphic; C->R: the conjugate of the steepest ascent;
    R->C: the real gradient of u.
    Kinks: see docs/conventions.md.

    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return Grad(f, argnums, has_aux=has_aux, with_value=False, holomorphic=holomorphic)


@overload
def value_and_grad(
    f: Callable[P, R],
    argnums: Argnums = 0,
    has_aux: Literal[False] = False,
    holomorphic: bool = False,
) -> Callable[P, tuple[R, Any]]: ...


@overload
def value_and_grad(
    f: Callable[P, Any], argnums: Argnums = 0, *, has_aux: bool, holomorphic: bool = False
) -> Callable[P, Any]: ...


def value_and_grad(
    f: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[P, Any]:
    """The value and the gradient of a function with a scalar result, from one evaluation.

    Arguments and conventions as for `grad`.
    Returns: a function that gives ``(value, gradient)``, or ``(value, gradient, aux)``.

    >>> import numpy as np, dualdiff as dd
    >>> value, gradient = dd.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> float(value), gradient
    (5.0, array([2., 4.]))
    """
    return Grad(f, argnums, has_aux=has_aux, with_value=True, holomorphic=holomorphic)


class _ElementwiseGrad(Reverse):
    def seeds(self, outputs: Outputs) -> list[Any]:
        if all(v is None for v in outputs.values):
            raise UnsupportedInputError(
                f"elementwise_grad needs a function that returns numbers, but it returned "
                f"{outputs.what}, {user_line()}"
            )
        return [None if v is None else one_beside(v) for v in outputs.values]


def elementwise_grad(
    f: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[P, Any]:
    """The derivative of a function that acts on each element of an array, at every element.

    It is the gradient of ``np.sum(f(x))``: if f mixes elements, use `jacobian`.
    Arguments: `f`, `argnums` and `has_aux` as for `grad`.
    Returns: a function that gives an array of the argument's shape and dtype, or ``(array, aux)``.
    Raises: TypeError if f returns no number.

    >>> import numpy as np, dualdiff as dd
    >>> dd.elementwise_grad(np.sin)(np.array([0.0, np.pi]))
    array([ 1., -1.])
    """
    return _ElementwiseGrad(f, argnums, has_aux=has_aux)


class _Derivative(Transform):
    def derivatives(self, inputs: Inputs) -> Derivatives:
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
        return pushed(inputs, [one], (), self.options["has_aux"])

    def result(self, inputs: Inputs, found: Derivatives) -> Any:
        outputs = found.outputs
        leaves = [tangent_like(t, v) for t, v in zip(found.leaves, outputs.values, strict=True)]
        if type(inputs.leaves[0]) in (int, float):
            leaves = [float(t) if type(t) is float64 else t for t in leaves]
        if not outputs.reached:
            outputs.require_numbers("derivative")
            independence.warn(inputs, range(len(inputs.values)))
        tree = outputs.tree(leaves)
        return (tree, found.aux) if self.options["has_aux"] else tree


def derivative(
    f: Callable[P, Any], argnums: int | str = 0, has_aux: bool = False
) -> Callable[P, Any]:
    """The derivative of a function of one scalar, whose result may have any shape (forward mode).

    Arguments: `f`; `argnums`, the position or name of the scalar argument; `has_aux`, if f
    returns ``(result, aux)``.
    Returns: a function that gives an array (or container) of the result's shape, or
    ``(array, aux)``.
    Raises: TypeError if the argument is not a scalar.
    Complex numbers: the differential of f in the direction 1, which is f' for a holomorphic f.

    >>> import numpy as np, dualdiff as dd
    >>> dd.derivative(lambda t: np.stack([t, t**2, t**3]))(2.0)
    array([ 1.,  4., 12.])
    """
    return _Derivative(f, argnums, has_aux=has_aux)
