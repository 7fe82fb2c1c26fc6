"""`scipy.integrate` on traced arrays: its whole namespace, with a rule for `odeint`.

`trapezoid`, `simpson` and their relatives make plain arrays of their arguments: use np.trapezoid
instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import integrate

from ...array.box import is_box
from ...core.batch import Shape, shape_of, spec_of
from ...core.calls import OpaqueCall, operand, over_lead
from ...core.trace import top_trace
from ...errors import UnsupportedInputError, user_line
from ...transforms.jvp_vjp import jvp, vjp
from ...trees import flatten

__all__ = ["odeint"]


def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    args: Any = (),
    **options: Any,
) -> Any:
    """``scipy.integrate.odeint``: the solution of ``dy/dt = func(y, t, *args)`` at some times.

    Arguments: `func`, made of functions that have rules; `y0`, of shape (n,) or a number; `t`, of
    shape (m,), increasing or decreasing; `args`, numbers, arrays or containers of them; `options`,
    SciPy's (rtol, atol, tfirst, hmax, mxstep, ...), which hold for the equations of the derivatives
    too.
    Returns: an array of shape (m, n), differentiable in y0, t and args; other values that func uses
    must not be traced.
    Source: sensitivity equations in forward mode; in reverse mode the adjoint equation, restarted
    from the solution at each time (Hindmarsh and Serban, CVODES 2.5, 2006, section 2.6 and 2.7).

    >>> import numpy as np, dualdiff as dd
    >>> decay = lambda y, t, k: -k * y
    >>> end = lambda k: dd.scipy.integrate.odeint(decay, 1.0, np.array([0.0, 1.0]), (k,))[-1, 0]
    >>> round(float(dd.grad(end)(0.5)), 5)  # -exp(-0.5)
    -0.60653
    """
    if not isinstance(args, tuple):
        args = (args,)
    leaves, structure = flatten((y0, t, args))
    operands = [operand(leaf) for leaf in leaves]
    trace = top_trace(operands)
    if trace is None:
        return integrate.odeint(func, *structure.unflatten(operands), **options)
    if options.get("full_output") or options.get("Dfun") is not None:
        raise UnsupportedInputError(
            f"odeint of traced values takes neither full_output nor Dfun, {user_line()}"
        )
    return _Solution(func, structure, options).apply(trace, operands)


class _Solution(OpaqueCall):
    """One call of `odeint`, whose operands are the leaves of y0, t and args."""

    def __init__(self, func: Callable[..., Any], arguments: Any, options: dict[str, Any]) -> None:
        super().__init__("scipy.integrate.odeint", arguments)
        self.func = func
        self.options = options

    def run(self, values: Sequence[Any], nested: Any) -> Any:
        return odeint(self.func, *self.arguments.unflatten(values), **self.options)

    def save(self, ans: Any, values: Any, active: Any, params: Any) -> tuple[Any, ...]:
        return self, ans, tuple(values), tuple(map(bool, active))

    def slope(self, y: Any, t: Any, *args: Any) -> Any:
        """The right-hand side, as a vector."""
        out = self.func(t, y, *args) if self.options.get("tfirst") else self.func(y, t, *args)
        return np.reshape(out if is_box(out) else _stacked(out), shape_of(y))

    def solve(self, slope: Callable[..., Any], start: Any, times: Any, args: Any) -> Any:
        """The solution of another equation, with the same options."""
        options = {k: v for k, v in self.options.items() if k != "tfirst"}
        return odeint(slope, start, times, (args,), **options)

    def in_active(self, used: Sequence[int], args: Any, t: Any) -> Callable[..., Any]:
        """The slope as a function of y and of the argument leaves that are `used`."""

        def slope(y: Any, *leaves: Any) -> Any:
            full = list(args)
            for i, leaf in zip(used, leaves, strict=True):
                full[i] = leaf
            return self.slope(y, t, *self.arguments.unflatten([y, t, *full])[2])

        return slope

    def push(self, saved: tuple[Any, ...], tangents: Sequence[Any], lead: Shape) -> Any:
        _, ans, (y0, t, *args), _ = saved
        y0 = np.ravel(y0)
        n = shape_of(y0)[0]
        slopes = [self.in_active((), args, t[i])(ans[i]) for i in range(shape_of(t)[0])]

        def one(ts: Sequence[Any], lead: Shape) -> list[Any]:
            ty0, tt, *targs = ts
            used = [i for i, ta in enumerate(targs) if ta is not None]
            v0 = np.zeros(n) if ty0 is None else np.ravel(ty0)
            if tt is not None:
                v0 = v0 - slopes[0] * tt[0]

            def both(z: Any, s: Any, given: Any) -> Any:
                args, directions = given
                primals = (z[:n], *(args[i] for i in used))
                out = jvp(self.in_active(used, args, s), primals, (z[n:], *directions))
                return np.concatenate(out)

            given = args, [targs[i] for i in used]
            tangent = self.solve(both, np.concatenate([y0, v0]), t, given)[:, n:]
            if tt is not None:
                tangent = tangent + np.stack(slopes) * tt[:, None]
            return [tangent]

        return over_lead(one, tangents, lead, False, self.specs)[0]

    def pull(self, saved: tuple[Any, ...], g: Any, lead: Shape) -> Sequence[Any]:
        _, ans, values, active = saved
        y0, t, *args = values
        used = [i for i, on in enumerate(active[2:]) if on]
        n, sizes = shape_of(ans)[1], [shape_of(args[i]) for i in used]
        ends = n + np.cumsum([0, *(int(np.prod(size)) for size in sizes)])

        def back(z: Any, s: Any, args: Any) -> Any:
            value, pullback = vjp(self.in_active(used, args, s), z[:n], *(args[i] for i in used))
            cotangents = pullback(z[n : 2 * n])
            return np.concatenate([value, *(-np.ravel(c) for c in cotangents)])

        def one(gs: Sequence[Any], lead: Shape) -> list[Any]:
            (g,) = gs
            a, q = g[-1], np.zeros(ends[-1] - n)
            gt = []
            for i in range(shape_of(t)[0] - 1, 0, -1):
                if active[1]:
                    gt.append(np.sum(g[i] * self.in_active((), args, t[i])(ans[i])))
                start = np.concatenate([ans[i], a, q])
                z = self.solve(back, start, np.stack([t[i], t[i - 1]]), args)[-1]
                a, q = z[n : 2 * n] + g[i - 1], z[2 * n :]
            if active[1]:
                gt.append(-np.sum((a - g[0]) * self.in_active((), args, t[0])(ans[0])))
            out: list[Any] = [np.reshape(a, shape_of(y0)), np.stack(gt[::-1]) if gt else None]
            out += [None] * len(args)
            for i, size, start, end in zip(used, sizes, ends[:-1] - n, ends[1:] - n, strict=True):
                out[2 + i] = np.reshape(q[start:end], size)
            return out

        specs = [spec_of(v) if used else None for v, used in zip(values, active, strict=True)]
        return over_lead(one, [g], lead, False, specs)


def _stacked(out: Any) -> Any:
    return np.stack(out) if isinstance(out, (list, tuple)) and any(map(is_box, out)) else out
