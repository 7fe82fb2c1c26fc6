"""One direction: `jvp` in forward mode, `vjp` in reverse mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, overload

from ..core import trace as levels
from ..core.batch import Shape
from ..core.types import Tangent
from ..errors import user_line
from . import independence
from .beside import limit_beside
from .inputs import Argnums, Inputs, any_nan, own_keywords, tangent_like
from .linearize import Linearization, record
from .record import push_forward
from .rescue import Derivatives, continued, rescue

R = TypeVar("R")


def pushed(
    inputs: Inputs,
    tangents: Sequence[Tangent],
    batch: Shape = (),
    has_aux: bool = False,
    identity: bool = False,
) -> Derivatives:
    """`push_forward`, with NaNs replaced that stand for a zero or a limit."""

    def run(inputs: Inputs = inputs) -> Derivatives:
        outputs, aux = push_forward(inputs, tangents, batch, has_aux, identity)
        return Derivatives(outputs.payloads, outputs, aux)

    met = levels.doubts()
    found = run()
    if any_nan(found.leaves) or levels.doubts() != met:
        found = rescue(
            found,
            met,
            None,
            run,
            lambda found: None if batch else continued(found, run),
            lambda: None if batch else limit_beside(inputs, lambda near: run(near).leaves),
        )
    return found


@overload
def jvp(
    f: Callable[..., R],
    primals: Sequence[Any],
    tangents: Sequence[Tangent],
    *,
    argnums: Argnums | None = None,
    has_aux: Literal[False] = False,
    **kwargs: Any,
) -> tuple[R, Any]: ...


@overload
def jvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Tangent],
    *,
    argnums: Argnums | None = None,
    has_aux: bool,
    **kwargs: Any,
) -> Any: ...


def jvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Tangent],
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
    Raises: TypeError if a tangent has another shape or structure than its primal.
    Complex numbers: the differential of f in the direction of the tangent, du + i dv: complex for
    R->C, real for C->R, and for C->C right even if f is not holomorphic.

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
    kwargs, has_aux = own_keywords(f, kwargs, has_aux)
    return pushed_along(Inputs(f, primals, kwargs, argnums), tangents, has_aux)


def pushed_along(inputs: Inputs, tangents: Sequence[Tangent], has_aux: bool) -> Any:
    """`jvp` of `Inputs`."""
    found = pushed(inputs, inputs.tangents(tangents), (), has_aux)
    tangent = found.outputs.tree(list(map(tangent_like, found.leaves, found.outputs.values)))
    if not found.outputs.reached:
        found.outputs.require_numbers("jvp")
        independence.warn(inputs, range(len(inputs.values)))
    value = found.outputs.released()
    return (value, tangent, found.aux) if has_aux else (value, tangent)


@overload
def vjp(
    f: Callable[..., R],
    *primals: Any,
    argnums: Argnums | None = None,
    has_aux: Literal[False] = False,
    **kwargs: Any,
) -> tuple[R, Callable[[Any], tuple[Any, ...]]]: ...


@overload
def vjp(
    f: Callable[..., Any],
    *primals: Any,
    argnums: Argnums | None = None,
    has_aux: bool,
    **kwargs: Any,
) -> Any: ...


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
    cotangent with the shape of the value, returns a tuple with one cotangent per differentiated
    argument, and may be called again.
    Complex numbers: the pairing is Re(g t), without conjugation. C->R: the cotangent is
    ``g (du/dx - i du/dy)``; R->C: it is real, ``Re(g df/dx)``; C->C: ``g f'`` for a holomorphic f.

    >>> import numpy as np, dualdiff as dd
    >>> value, pullback = dd.vjp(np.sin, np.array([0.0, np.pi]))
    >>> pullback(np.array([1.0, 1.0]))
    (array([ 1., -1.]),)
    """
    kwargs, has_aux = own_keywords(f, kwargs, has_aux)
    recording = record(Inputs(f, primals, kwargs, argnums), has_aux)
    value = recording.outputs.released()
    pullback = Linearization(recording).vjp
    return (value, pullback, recording.aux) if has_aux else (value, pullback)
