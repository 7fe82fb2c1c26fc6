"""autograd.differential_operators: derivatives of functions, with autograd's signatures.

Operators take ``(fun, argnum=0)`` and return functions of fun's arguments; `argnum` is a position,
or a tuple of positions, which gives a tuple of derivatives. Numbers are NumPy's (np.float64), where
dualdiff gives Python's. If a user's primitive has no forward-mode rule, they use reverse mode, as
autograd always does.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...array.box import is_box
from ...core.batch import dtype_of, shape_of
from ...errors import MissingRuleError, UnsupportedInputError, user_line
from ...transforms import checkpoint as control
from ...transforms.grad import Reverse
from ...transforms.hessian import hessian as _hessian
from ...transforms.inputs import Inputs, Outputs, like
from ...transforms.jacobian import jacobian as _jacobian
from ...transforms.jvp_vjp import jvp
from ...transforms.linearize import Linearization
from ...transforms.record import Recording
from ...trees import flatten
from .core import as_numpy, defvjp_argnum, fitted, recorded, refuse_objects, vspace  # noqa: F401  # packages import them from here
from .core import make_jvp as _make_jvp
from .core import make_vjp as _make_vjp
from .tracer import primitive  # noqa: F401
from .util import subvals
from .wrap_util import unary_to_nary

__all__ = [
    "checkpoint",
    "deriv",
    "elementwise_grad",
    "grad",
    "grad_and_aux",
    "grad_named",
    "hessian",
    "hessian_tensor_product",
    "hessian_vector_product",
    "holomorphic_grad",
    "jacobian",
    "make_ggnvp",
    "make_hvp",
    "make_jvp",
    "make_jvp_reversemode",
    "make_vjp",
    "multigrad_dict",
    "tensor_jacobian_product",
    "value_and_grad",
    "vector_jacobian_product",
]

make_vjp = unary_to_nary(_make_vjp)
make_jvp = unary_to_nary(_make_jvp)


def _ones(value: Any) -> Any:
    if value is None:
        return None
    shape, dtype = shape_of(value), dtype_of(value)
    return np.ones(shape, dtype) if shape else dtype.type(1)


class _Pulled(Reverse):
    """Cotangents of ones for a checked result."""

    def derive(self, recording: Recording) -> Sequence[Any]:
        refuse_objects(recording)
        self.options["check"](recording)
        return super().derive(recording)

    def seeds(self, outputs: Outputs) -> list[Any]:
        return [_ones(v) for v in outputs.values]


def _pulled(
    fun: Callable[[Any], Any],
    x: Any,
    check: Callable[[Recording], None],
    has_aux: bool = False,
) -> tuple[Recording, Any]:
    """A recording at x, and the cotangent of x for cotangents of ones."""
    inputs = Inputs(fun, (x,), {}, 0)
    found = _Pulled(fun, 0, has_aux=has_aux, check=check).derivatives(inputs)
    leaves = [like(*t) for t in zip(found.leaves, inputs.leaves, inputs.values, strict=True)]
    assert found.recording is not None
    return found.recording, as_numpy(inputs.result(leaves))


def _refuse_unless_scalar(recording: Recording) -> None:
    outputs = recording.outputs
    bare = outputs.structure.is_leaf or outputs.structure.is_labelled
    value = outputs.values[0] if bare and len(outputs.values) == 1 else None
    if value is None:
        what = "a container or None"
    else:
        shape, is_complex = shape_of(value), dtype_of(value).kind == "c"
        if not is_complex and (shape == () or math.prod(shape) == 1):
            return
        what = f"shape {shape}" + ", complex" * is_complex
    raise UnsupportedInputError(
        f"grad needs a function with a real result of one element, but it returned {what}, "
        f"{user_line()}; use jacobian, elementwise_grad or holomorphic_grad"
    )


def _refuse_complex(recording: Recording) -> None:
    if any(v is not None and dtype_of(v).kind == "c" for v in recording.outputs.values):
        raise UnsupportedInputError(
            f"elementwise_grad needs a function with a real result, {user_line()}"
        )


def _accept(recording: Recording) -> None:
    """Accept any result."""


@unary_to_nary
def grad(fun: Callable[[Any], Any], x: Any) -> Any:
    """The gradient of a function whose result has one element, of any number of axes.

    Complex numbers: for f = u + iv of z = x + iy, u real, the gradient is du/dx - i du/dy.
    Raises: TypeError for a result that is complex or has more elements.

    >>> print(grad(lambda x: x**2)(3.0))
    6.0
    """
    return _pulled(fun, x, _refuse_unless_scalar)[1]


@unary_to_nary
def value_and_grad(fun: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """The value and the gradient, from one evaluation; see `grad`."""
    recording, gradient = _pulled(fun, x, _refuse_unless_scalar)
    return as_numpy(recording.outputs.released()), gradient


@unary_to_nary
def grad_and_aux(fun: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """The gradient of the first of a function's two results, and the second one."""
    recording, gradient = _pulled(fun, x, _refuse_unless_scalar, has_aux=True)
    return gradient, as_numpy(recording.aux)


@unary_to_nary
def elementwise_grad(fun: Callable[[Any], Any], x: Any) -> Any:
    """The sums of the columns of the Jacobian: the derivative at each element, where fun acts on
    each."""
    return _pulled(fun, x, _refuse_complex)[1]


@unary_to_nary
def holomorphic_grad(fun: Callable[[Any], Any], x: Any) -> Any:
    """The complex derivative of a holomorphic function of one element.

    As in autograd the function is not checked; `dualdiff.grad(holomorphic=True)` checks it.
    """
    if not any(dtype_of(leaf).kind == "c" for leaf in flatten(x)[0]):
        warnings.warn("the input of holomorphic_grad is not complex", stacklevel=3)
    return _pulled(fun, x, _accept)[1]


@unary_to_nary
def deriv(fun: Callable[[Any], Any], x: Any) -> Any:
    """The derivative in the direction of ones (forward mode), for functions of one number."""
    one = [_ones(leaf) for leaf in flatten(x)[0]]
    return as_numpy(jvp(fun, (x,), (flatten(x)[1].unflatten(one),))[1])


def _either_mode(operator: Callable[..., Any], fun: Callable[..., Any], x: Any) -> Any:
    """The result of an operator in the mode it chooses, or in reverse mode if a rule is missing."""
    try:
        return as_numpy(operator(fun)(x))
    except MissingRuleError:
        return as_numpy(_jacobian(fun, mode="reverse")(x))


@unary_to_nary
def jacobian(fun: Callable[[Any], Any], x: Any) -> Any:
    """The Jacobian, an array of shape ``ans.shape + x.shape``; see `dualdiff.jacobian`.

    The sizes decide the mode. Complex results raise an error: use `dualdiff.jacobian`, whose
    options say which derivative is meant.
    """
    return _either_mode(_jacobian, fun, x)


@unary_to_nary
def hessian(fun: Callable[[Any], Any], x: Any) -> Any:
    """The Hessian, of shape ``ans.shape + x.shape + x.shape``; see `dualdiff.hessian`."""

    def scalar(x: Any) -> Any:
        ans = fun(x)
        if shape_of(ans) != ():
            raise _NotScalar
        return ans

    try:
        return as_numpy(_hessian(scalar)(x))
    except _NotScalar:
        return jacobian(jacobian(fun))(x)
    except MissingRuleError:
        return as_numpy(_jacobian(grad(fun), mode="reverse")(x))


class _NotScalar(Exception):
    """A function with several results has no single Hessian."""


@unary_to_nary
def make_hvp(fun: Callable[[Any], Any], x: Any) -> tuple[Callable[[Any], Any], Any]:
    """The gradient at a point, recorded once for many Hessian-vector products.

    Returns: ``(hvp, gradient)``, in this order; ``hvp(v)`` gives the Hessian times v.
    """
    return _make_vjp(grad(fun), x)


def _products(fun: Callable[..., Any], argnum: int, args: Any, kwargs: Any) -> Any:
    """The Hessian of a function times the last of some arguments."""
    *primals, vector = args
    gradient = grad(fun, argnum)
    v = fitted(vector, primals[argnum])

    def of_one(x: Any) -> Any:
        return gradient(*subvals(primals, [(argnum, x)]), **kwargs)

    try:
        return as_numpy(jvp(of_one, (primals[argnum],), (v,))[1])
    except MissingRuleError:
        return _make_vjp(of_one, primals[argnum])[0](v)


def hessian_tensor_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The product of the Hessian with a tensor, without the Hessian.

    Returns: a function ``(*args, tensor, **kwargs)``; the tensor is like the argument.
    """

    def hessian_tensor_product(*args: Any, **kwargs: Any) -> Any:
        return _products(fun, argnum, args, kwargs)

    return hessian_tensor_product


hessian_vector_product = hessian_tensor_product


def tensor_jacobian_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    """The product of a tensor with the Jacobian, contracted over the leading axes of the result.

    Returns: a function ``(*args, tensor, **kwargs)``, whose result has the axes of fun's result
    that the tensor lacks, and those of the argument.
    """

    def tensor_jacobian_product(*args: Any, **kwargs: Any) -> Any:
        *primals, tensor = args

        def contracted(*args: Any, **kwargs: Any) -> Any:
            return np.tensordot(tensor, fun(*args, **kwargs), np.ndim(tensor))

        return jacobian(contracted, argnum)(*primals, **kwargs)

    return tensor_jacobian_product


vector_jacobian_product = tensor_jacobian_product


@unary_to_nary
def make_jvp_reversemode(fun: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    """The pushforward at a point, from one recording: ``v -> J v``.

    Where a primitive has no forward-mode rule, the pullback is differentiated in its cotangent.
    """
    recording = recorded(Inputs(fun, (x,), {}, None))
    linear = Linearization(recording)
    value = recording.outputs.released()

    def jvp(v: Any) -> Any:
        v = fitted(v, x)
        try:
            return as_numpy(linear.jvp(v))
        except MissingRuleError:
            transposed, _ = _make_vjp(lambda g: linear.vjp(g)[0], np.zeros_like(value))
            return transposed(v)

    return jvp


def _half_square(y: Any) -> Any:
    return 0.5 * np.sum(y**2, axis=-1)


def make_ggnvp(
    f: Callable[..., Any], g: Callable[..., Any] = _half_square, f_argnum: int = 0
) -> Callable[..., Any]:
    """Products with the generalised Gauss-Newton matrix J' H J of ``g(f(x))``.

    Arguments: `f`, the model; `g`, a scalar function of its result; `f_argnum`, the argument.
    Returns: a function of f's arguments that gives the function ``v -> J' H J v``.
    """

    @unary_to_nary
    def at_point(f: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
        vjp, f_x = _make_vjp(f, x)
        jvp = make_jvp_reversemode(f)(x)
        hvp, _ = _make_vjp(grad(g), f_x)
        return lambda v: vjp(hvp(jvp(v)))

    return at_point(f, f_argnum)


def grad_named(fun: Callable[..., Any], argname: str) -> Callable[..., Any]:
    """The gradient in the argument with a given name."""
    return grad(fun, list(inspect.signature(fun).parameters).index(argname))


def multigrad_dict(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The gradients in all arguments at once, as a dictionary by name.

    Arguments that are not floating-point (integers, strings, None) are constants and have no entry.
    """
    signature = inspect.signature(fun)

    def gradients(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        active = {name: v for name, v in bound.arguments.items() if _is_differentiable(v)}

        def of_named(named: dict[str, Any]) -> Any:
            call = inspect.BoundArguments(signature, OrderedDict(bound.arguments))
            call.arguments.update(named)
            return fun(*call.args, **call.kwargs)

        return grad(of_named)(active)

    return gradients


def _is_differentiable(value: Any) -> bool:
    leaves = flatten(value)[0]
    kinds = [np.asarray(leaf).dtype.kind if not is_box(leaf) else "f" for leaf in leaves]
    return bool(kinds) and all(kind in "fc" for kind in kinds)


def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is evaluated again in the backward pass, to save memory."""
    return control.checkpoint(fun)
