"""autograd.misc.fixed_points: derivatives of the limit of an iteration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import defjvp, defvjp, make_jvp, make_vjp, vspace
from ..tracer import primitive

__all__ = ["fixed_point"]


@primitive
def fixed_point(
    f: Callable[[Any], Callable[[Any], Any]],
    a: Any,
    x0: Any,
    distance: Callable[[Any, Any], Any],
    tol: float,
) -> Any:
    """The limit of ``x = f(a)(x)``, differentiable in `a` by the implicit function theorem.

    Arguments: `f`, which gives the iteration for parameters a; `a`, an array or a container; `x0`,
    where to start; `distance` between iterates, and `tol`, below which they count as equal.
    Source: Christianson, Reverse accumulation and attractive fixed points, Optimization Methods and
    Software 3, 1994.

    >>> import numpy as np
    >>> from dualdiff.compat.autograd import grad
    >>> newton = lambda a: lambda x: 0.5 * (x + a / x)
    >>> distance = lambda x, y: np.abs(x - y)
    >>> print(grad(lambda a: fixed_point(newton, a, 1.0, distance, 1e-12))(4.0))
    0.25
    """
    step = f(a)
    x, before = step(x0), x0
    while distance(x, before) > tol:
        x, before = step(x), x
    return x


def _pullback(ans: Any, f: Any, a: Any, x0: Any, distance: Any, tol: Any) -> Any:
    """``w = g + J_x' w`` is a fixed point itself; the cotangent of a is ``J_a' w``."""
    vjp_x, _ = make_vjp(f(a), ans)
    vjp_a, _ = make_vjp(lambda a: f(a)(ans), a)

    def vjp(g: Any) -> Any:
        add = vspace(g).add
        w, before = add(g, vjp_x(g)), g
        while distance(w, before) > tol:
            w, before = add(g, vjp_x(w)), w
        return vjp_a(w)

    return vjp


def _pushforward(t: Any, ans: Any, f: Any, a: Any, x0: Any, distance: Any, tol: Any) -> Any:
    """``s = J_a t + J_x s`` for the tangent s of the limit."""
    jvp_x = make_jvp(f(a), ans)
    start = make_jvp(lambda a: f(a)(ans), a)(t)[1]
    add = vspace(start).add
    s, before = add(start, jvp_x(start)[1]), start
    while distance(s, before) > tol:
        s, before = add(start, jvp_x(s)[1]), s
    return s


defvjp(fixed_point, _pullback, None, argnums=(1, 2))
defjvp(fixed_point, _pushforward, None, argnums=(1, 2))
