"""Second derivatives: products forward over reverse mode, whole Hessians reverse over reverse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from ..array.kinds import is_foreign
from ..core.types import Value
from ..errors import user_line
from ..trees import flatten, ravel
from .grad import Grad, grad
from .inputs import Argnums, Inputs, likes
from .jacobian import Jacobian, forget
from .jvp_vjp import pushed_along
from .linearize import linearized
from .real_parts import InRealParts
from .transform import Transform

if TYPE_CHECKING:
    from ..sparse.prepared import PreparedHessian


P = ParamSpec("P")


class _Hessian(Transform):
    argnums: Argnums

    def __init__(self, f: Callable[..., Any], argnums: Argnums, **options: Any) -> None:
        super().__init__(f, argnums, **options)
        self.prepared: dict[Any, PreparedHessian] = {}  # by the form of the arguments
        # Kept, since it learns from its calls. Pulled, not pushed: operations that only the value
        # of f needs take no time, and no array of all directions outlives its use.
        holomorphic = options["holomorphic"]
        self.dense = Jacobian(
            grad(f, argnums, has_aux=options["has_aux"], holomorphic=holomorphic),
            argnums,
            has_aux=options["has_aux"],
            mode="reverse",
            holomorphic=holomorphic,
            chunk=options["chunk"],
            budget=options["budget"],
            progress=options["progress"],
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.options["sparse"]:
            return self.dense(*args, **kwargs)
        inputs = Inputs(self.f, args, kwargs, self.argnums)
        key = inputs.form()
        if key not in self.prepared:
            names = ("chunk", "budget", "progress", "has_aux")
            options = {"mode": "auto", "check": True, **{k: self.options[k] for k in names}}
            from ..sparse.prepared import PreparedHessian

            made = PreparedHessian(inputs, self.argnums, None, options)
            forget(self.prepared)
            self.prepared[key] = made
            return made.at(inputs, first=True)
        return self.prepared[key].at(inputs)


class _RealHessian(Transform):
    """The Hessian of the real part of a result with respect to the real parts of the argument."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        inputs = Inputs(self.f, args, kwargs, self.argnums)
        real = InRealParts(inputs, self.options["has_aux"])

        def real_part(*leaves: Any) -> Any:
            (result,), aux = real.split(*leaves)
            return result[0] if real.complex_results[0] else result, aux

        of_parts = hessian(real_part, tuple(range(len(real.arguments))), has_aux=True)
        rows, aux = of_parts(*real.arguments)
        found = inputs.result([r if r is None else inputs.result(r) for r in rows])
        return (found, aux) if self.options["has_aux"] else found


def hessian(
    f: Callable[P, Any],
    argnums: Argnums = 0,
    chunk: int | None = None,
    *,
    sparse: bool = False,
    budget: int | None = None,
    progress: bool = False,
    has_aux: bool = False,
    holomorphic: bool = False,
    as_real: bool = False,
) -> Callable[P, Any]:
    """The Hessian of a function with a scalar result: all rows pulled at once through its gradient.

    Arguments: `f`; `argnums` as for `grad`; `chunk`, the number of rows in one pass; `sparse`,
    `budget`, `progress` and `has_aux` as for `jacobian` (see `prepare_hessian`).
    Returns: a function that gives an array of shape ``x.shape + x.shape``, or nested containers of
    arrays; with `sparse`, a `scipy.sparse.csr_array`; with `has_aux`, ``(Hessian, aux)``.
    Complex numbers: the gradient of a complex argument is a complex function of it, so C->R and
    C->C raise an error, unless `holomorphic` says that f is holomorphic (f'', verified), or
    `as_real` asks for the Hessian of u in x and y, of shape ``(2, *z.shape, 2, *z.shape)``. R->C:
    the Hessian of u.

    >>> import numpy as np, dualdiff as dd
    >>> dd.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    if sum((sparse, holomorphic, as_real)) > 1:
        raise ValueError("sparse, holomorphic and as_real exclude each other; choose one")
    if as_real:
        return _RealHessian(f, argnums, has_aux=has_aux)
    options = {"chunk": chunk, "sparse": sparse, "budget": budget, "progress": progress}
    return _Hessian(f, argnums, holomorphic=holomorphic, has_aux=has_aux, **options)


def _split_vector(args: Sequence[Any], kwargs: Any, argnums: Any, name: str) -> Any:
    """The arguments of f, and the vector that follows them."""
    chosen = (argnums,) if isinstance(argnums, (int, str, np.integer)) else argnums
    by_name = any(isinstance(n, str) and n in kwargs for n in chosen)
    if len(args) < (1 if by_name else 2):
        raise TypeError(
            f"call it as {name}(f)(x, v), {user_line()}: the vector comes last, by position, after "
            f"the arguments of f"
        )
    *primals, vector = args
    return primals, vector


class _Hvp(Transform):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        primals, vector = _split_vector(args, kwargs, self.argnums, "hvp")
        has_aux = self.options["has_aux"]
        gradient = Grad(self.f, self.argnums, has_aux=has_aux, with_value=False)
        inputs = Inputs(gradient, primals, kwargs, self.argnums)
        single = isinstance(self.argnums, (int, str, np.integer))
        tangents = (vector,) if single else tuple(vector)
        _, product, *aux = pushed_along(inputs, tangents, has_aux)
        product = _of_arguments(product, inputs)
        return (product, *aux) if has_aux else product


def _of_arguments(product: Any, inputs: Inputs) -> Any:
    """A product whose parts belong to the libraries of the arguments."""
    leaves, structure = flatten(product)
    if not any(map(is_foreign, leaves)):
        return product
    return structure.unflatten(likes(leaves, inputs.leaves, inputs.values))


def hvp(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Hessian-vector products of a function with a scalar result (forward over reverse mode).

    Arguments: `f`; `argnums` and `has_aux` as for `grad`.
    Returns: a function ``(*args, v)`` that gives H v, or ``(H v, aux)``, where v is like the
    differentiated argument (a tuple for a tuple of argnums); it costs a few evaluations of f.
    Complex numbers: the differential of the gradient du/dx - i du/dy in the direction v, for C->R
    and C->C; R->C: the differential of the gradient of u.

    >>> import numpy as np, dualdiff as dd
    >>> dd.hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    return _Hvp(f, argnums, has_aux=has_aux)


class _HessianOperator(Transform):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        has_aux = self.options["has_aux"]
        gradient = grad(self.f, self.argnums, has_aux)  # type: ignore[arg-type]
        _, linear, *aux = linearized(Inputs(gradient, args, kwargs, self.argnums), has_aux)
        operator = linear.as_linear_operator()
        return (operator, *aux) if has_aux else operator


def hessian_operator(
    f: Callable[P, Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[P, Any]:
    """The Hessian at a point as a SciPy LinearOperator on the raveled argument.

    The gradient is recorded once; each product pushes one tangent through the recording.
    Arguments: `f`, `argnums`, `has_aux` as for `grad`.
    Returns: a function of the same arguments that gives a `scipy.sparse.linalg.LinearOperator`, or
    ``(operator, aux)``.

    >>> import numpy as np, dualdiff as dd
    >>> dd.hessian_operator(lambda x: np.sum(x**3))(np.array([1.0, 2.0])) @ np.ones(2)
    array([ 6., 12.])
    """
    return _HessianOperator(f, argnums, has_aux=has_aux)


def _half_square(y: Value) -> Any:
    return 0.5 * np.sum(ravel(y)[0] ** 2)


class _GgnVp(Transform):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        primals, vector = _split_vector(args, kwargs, self.argnums, "ggn_vp")
        single = isinstance(self.argnums, (int, str, np.integer))
        tangents = (vector,) if single else tuple(vector)
        has_aux = self.options["has_aux"]
        inputs = Inputs(self.f, primals, kwargs, self.argnums)
        value, linear, *aux = linearized(inputs, has_aux)
        pushed = linear.jvp(*tangents)
        loss = self.options["loss"] or _half_square
        out = linear.vjp(hvp(loss)(value, pushed))
        product = out[0] if single else out
        return (product, *aux) if has_aux else product


def ggn_vp(
    f: Callable[..., Any],
    loss: Callable[..., Any] | None = None,
    argnums: Argnums = 0,
    has_aux: bool = False,
) -> Callable[..., Any]:
    """Products with the generalised Gauss-Newton matrix J' H J of ``loss(f(x))``.

    J is the Jacobian of f and H the Hessian of the loss at f(x) (Schraudolph, Neural Computation
    14, 2002).
    Arguments: `f`, the model; `loss`, a scalar function of its result, half the sum of squares by
    default; `argnums` and `has_aux` as for `grad`.
    Returns: a function ``(*args, v)`` that gives J' H J v in the form of v, or ``(J' H J v, aux)``.

    >>> import numpy as np, dualdiff as dd
    >>> dd.ggn_vp(lambda x: x**2)(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 4., 16.])
    """
    return _GgnVp(f, argnums, loss=loss, has_aux=has_aux)
