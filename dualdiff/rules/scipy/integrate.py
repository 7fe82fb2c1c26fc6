"""`scipy.integrate` on traced arrays: its whole namespace, with a rule for `odeint`.

`trapezoid`, `simpson` and their relatives make plain arrays of their arguments: use np.trapezoid
instead.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np
from scipy import integrate

from ...array.box import is_box, unbox
from ...core.batch import Shape, shape_of, spec_of
from ...core.calls import OpaqueCall, operand, over_batch
from ...core.dual import ForwardTrace
from ...core.trace import materialize, top_trace
from ...core.types import Cotangent, Tangent, Value
from ...errors import UnsupportedInputError, user_line
from ...transforms.inputs import Inputs
from ...transforms.jvp_vjp import pushed, vjp
from ...trees import flatten
from .dispatch import implements

__all__ = ["odeint"]

AT_ONCE = 600  # equations of a solution and its sensitivities that are integrated together
TIGHTER = 0.1  # tolerances of sensitivities, beside those of the solution


@implements(integrate.odeint)
def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Tangent,
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
    Raises: UnsupportedInputError where LSODA gives up, after more steps than mxstep were tried.
    Source: sensitivity equations, integrated with the solution for all directions at once; where
    they are many, the adjoint equation along the stored solution (Hindmarsh and Serban, CVODES 2.5,
    2006, section 2.6 and 2.7).

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
    return _Solution(func, structure, options, None).apply(trace, operands)


def _integrated(
    func: Callable[..., Any],
    y0: Any,
    t: Tangent,
    args: tuple[Any, ...],
    options: dict[str, Any],
    jacobian: Callable[..., Any] | None = None,
) -> Any:
    """SciPy's solution of plain values, with more steps where LSODA gives up.

    Raises: UnsupportedInputError where it gives up nevertheless; half a solution has no derivative.
    """
    options = dict(options)
    steps = options.pop("mxstep", 0) or 500
    message = ""
    for more in (1, 10, 100, 1000):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", integrate.ODEintWarning)
            y, info = integrate.odeint(
                func, y0, t, args, Dfun=jacobian, full_output=True, mxstep=steps * more, **options
            )
        message = info["message"]
        if message == "Integration successful.":
            return y
        if not message.startswith("Excess work"):
            break
    raise UnsupportedInputError(
        f"odeint gave up, {user_line()}: {message} A solution that is not finished has no "
        f"derivative; pass other tolerances or a larger mxstep, or scale the equations."
    )


def _solved(
    func: Callable[..., Any], y0: Any, t: Tangent, args: Any, options: dict[str, Any], jacobian: Any
) -> Any:
    """`odeint` of plain or traced values; `jacobian` helps the solver where they are plain."""
    leaves, structure = flatten((y0, t, args))
    operands = [operand(leaf) for leaf in leaves]
    trace = top_trace(operands)
    if trace is None:
        y0, t, args = structure.unflatten(operands)
        return _integrated(func, y0, t, args, options, jacobian)
    return _Solution(func, structure, options, jacobian).apply(trace, operands)


class _Solution(OpaqueCall):
    """One call of `odeint`, whose operands are the leaves of y0, t and args."""

    def __init__(
        self, func: Callable[..., Any], arguments: Any, options: dict[str, Any], jacobian: Any
    ) -> None:
        super().__init__("scipy.integrate.odeint", arguments)
        self.func = func
        self.options = options
        self.jacobian = jacobian
        self.recorded = False

    def apply(self, trace: Any, operands: Sequence[Value]) -> Any:
        """The solution; one that is recorded keeps its sensitivities."""
        self.recorded = not isinstance(trace, ForwardTrace)
        return super().apply(trace, operands)

    def run(self, values: Sequence[Value], nested: Any) -> Any:
        y0, t, args = self.arguments.unflatten(values)
        return _solved(self.func, y0, t, args, self.options, self.jacobian)

    def save(self, ans: Value, values: Any, active: Any, params: Any) -> tuple[Any, ...]:
        active = tuple(map(bool, active))
        kept: Any = None
        if self.recorded:
            n = shape_of(ans)[1]
            sizes = [prod(shape_of(v)) if on else 0 for v, on in zip(values, active, strict=True)]
            count = sizes[0] + active[1] + sum(sizes[2:])
            if n * (1 + count) <= AT_ONCE or any(map(is_box, (*values, ans))):
                kept = self.identity(ans, values, active)
            else:
                kept = _Interpolant(self, values)
        return self, ans, tuple(values), active, kept

    def slope(self, y: Value, t: Tangent, *args: Any) -> Any:
        """The right-hand side, as a vector."""
        out = self.func(t, y, *args) if self.options.get("tfirst") else self.func(y, t, *args)
        out = out if is_box(out) else _stacked(out)
        out = out if is_box(out) else np.asarray(out)
        return out if shape_of(out) == shape_of(y) else np.reshape(out, shape_of(y))

    def in_active(self, used: Sequence[int], args: Any, t: Tangent) -> Callable[..., Any]:
        """The slope as a function of y and of the argument leaves that are `used`."""

        def slope(y: Value, *leaves: Any) -> Any:
            full = list(args)
            for i, leaf in zip(used, leaves, strict=True):
                full[i] = leaf
            return self.slope(y, t, *self.arguments.unflatten([y, t, *full])[2])

        return slope

    def along(self, used: Sequence[int], args: Any, t: Tangent, primals: Any, tangents: Any) -> Any:
        """The slope and its tangents along several directions at once."""
        function = self.in_active(used, args, t)
        batch = shape_of(tangents[0])[:1]
        trace = ForwardTrace(batch)
        try:
            boxes = [trace.box(x, d) for x, d in zip(primals, tangents, strict=True)]
            out = materialize(function(*boxes))
            if not (is_box(out) and out.owner is trace):
                return out, np.zeros(batch + shape_of(out))
            value, tangent = out.value, out.payload
        finally:
            trace.close()
        if not is_box(tangent) and np.isnan(tangent).any():  # perhaps of a branch not taken
            found = pushed(Inputs(function, tuple(primals), {}, None), list(tangents), batch)
            (tangent,) = found.leaves
        return value, tangent

    def sensitivities(
        self, ans: Value, values: Any, tangents: Sequence[Tangent], batch: Shape
    ) -> Any:
        """The tangents of the solution along directions of y0 and args, integrated at once.

        Returns: an array of shape ``batch + (len(t), n)``. Tolerances hold for each sensitivity
        times the size of what it is a sensitivity to.
        """
        y0, t, *args = values
        y0 = np.ravel(y0)
        (n,), (count,) = shape_of(y0), batch
        used = [i for i, ta in enumerate(tangents[2:]) if ta is not None]
        start = np.zeros((count, n)) if tangents[0] is None else np.reshape(tangents[0], (count, n))

        def both(z: Value, s: Any, given: Any) -> Any:
            args, directions = given
            rows = np.reshape(z, (1 + count, n))
            rows = rows if is_box(rows) else rows.copy()  # func may keep or change it
            primals = rows[0], *(args[i] for i in used)
            value, slope = self.along(used, args, s, primals, (rows[1:], *directions))
            return np.concatenate([value, np.reshape(slope, -1)])

        def jacobian(z: Value, s: Any, given: Any) -> Any:
            # Without the second derivatives beside the diagonal: the corrector does without.
            y = np.reshape(z, (1 + count, n))[0].copy()
            _, rows = self.along((), given[0], s, (y,), (np.eye(n),))
            return np.kron(np.eye(1 + count), rows.T)

        options = {k: v for k, v in self.options.items() if k != "tfirst"}
        for name in ("rtol", "atol"):
            own = options.get(name)
            own = np.broadcast_to(1.49012e-8 if own is None else own, n)
            options[name] = np.concatenate([own, np.tile(TIGHTER * own, count)])
        z0 = np.concatenate([y0, np.reshape(start, -1)])
        given = args, [tangents[2 + i] for i in used]
        z = _solved(both, z0, t, (given,), options, jacobian)
        return np.moveaxis(np.reshape(z, (shape_of(t)[0], 1 + count, n))[:, 1:], 1, 0)

    def along_directions(
        self, ans: Value, values: Any, tangents: Sequence[Tangent], batch: Shape
    ) -> Any:
        """`sensitivities`, to t as well, of directions of any size, in parts that are not large."""
        _, t, *args = values
        n, (count,) = shape_of(ans)[1], batch
        sizes = np.zeros(count)
        for v, d in zip(values, tangents, strict=True):
            if d is not None:
                relative = np.abs(unbox(d)) / np.maximum(1.0, np.abs(unbox(v)))
                sizes = np.maximum(
                    sizes, np.max(np.reshape(relative, (count, -1)), axis=1, initial=0)
                )
        sizes = np.where(sizes == 0, 1.0, sizes)

        def scaled(d: Any) -> Any:
            return d / np.reshape(sizes, (count,) + (1,) * (len(shape_of(d)) - 1))

        tangents = [None if d is None else scaled(d) for d in tangents]
        tt = tangents[1]
        if tt is not None:
            slopes = [self.in_active((), args, t[i])(ans[i]) for i in range(shape_of(t)[0])]
            start = -slopes[0] * tt[:, :1]
            if tangents[0] is not None:
                start = start + np.reshape(tangents[0], (count, n))
            tangents = [start, None, *tangents[2:]]
        width = max(1, AT_ONCE // n - 1)
        parts = []
        for i in range(0, count, width):
            part = [None if d is None else d[i : i + width] for d in tangents]
            length = min(width, count - i)
            parts.append(self.sensitivities(ans, values, part, (length,)))
        out = np.concatenate(parts) if len(parts) != 1 else parts[0]
        if tt is not None:
            out = out + np.stack(slopes) * tt[:, :, None]
        return out * sizes[:, None, None]

    def identity(self, ans: Value, values: Any, active: Sequence[bool]) -> Any:
        """The sensitivities to each element of y0 and args, and to the first time."""
        shapes = [shape_of(v) if on else None for v, on in zip(values, active, strict=True)]
        sizes = [0 if s is None else prod(s) for s in shapes]
        sizes[1] = int(active[1])  # other times than the first move their own row alone
        count, tangents, first = sum(sizes), [], 0
        for i, (shape, size) in enumerate(zip(shapes, sizes, strict=True)):
            rows = np.eye(count, size, -first)
            if i == 1 and size:
                rows = np.matmul(rows, np.eye(1, prod(shape or ())))
            tangents.append(None if shape is None else np.reshape(rows, (count, *shape)))
            first += size
        return self.along_directions(ans, values, tangents, (count,))

    def apply_jvp(
        self, saved: tuple[Any, ...], tangents: Sequence[Tangent], batch: Shape
    ) -> Tangent:
        _, ans, values, _, _ = saved
        rows = [None if d is None else d if batch else np.asarray(d)[None] if not is_box(d)
                else np.reshape(d, (1, *shape_of(d))) for d in tangents]  # fmt: skip
        if batch == (0,):
            return np.zeros((0, *shape_of(ans)))
        out = self.along_directions(ans, values, rows, batch or (1,))
        return out if batch else out[0]

    def apply_vjp(self, saved: tuple[Any, ...], g: Cotangent, batch: Shape) -> Sequence[Any]:
        _, ans, values, active, kept = saved
        specs = [spec_of(v) if used else None for v, used in zip(values, active, strict=True)]
        if isinstance(kept, _Interpolant):
            return over_batch(
                partial(kept.apply_vjp, ans, values, active), [g], batch, False, specs
            )
        along = np.tensordot(g, kept, axes=((-2, -1), (-2, -1)))  # by each element
        out: list[Any] = []
        first = 0
        for i, spec in enumerate(specs):
            if spec is None:
                out.append(None)
            elif i == 1:
                out.append(self.by_times(ans, values, g, along[..., first]))
                first += 1
            else:
                size = prod(spec.shape)
                out.append(np.reshape(along[..., first : first + size], batch + spec.shape))
                first += size
        return out

    def by_times(self, ans: Value, values: Any, g: Cotangent, first: Any) -> Any:
        """The cotangent of t, whose first element moves everything."""
        _, t, *args = values
        slopes = np.stack([self.in_active((), args, s)(y) for s, y in zip(t, ans, strict=True)])
        rows = np.sum(g * slopes, axis=-1)
        # `first` has what the first time does to its own row as well.
        return np.concatenate([first[..., None], rows[..., 1:]], axis=-1)


class _Interpolant:
    """The solution as a function of time, for the adjoint equation of large systems.

    The state is never integrated backwards, which is unstable where the equation is dissipative.
    """

    def __init__(self, call: _Solution, values: Sequence[Value]) -> None:
        y0, t, *args = values
        self.call, self.times = call, t
        options = {k: v for k, v in call.options.items() if k in ("rtol", "atol")}
        rtol, atol = (
            TIGHTER * np.asarray(1.49012e-8 if options.get(k) is None else options[k])
            for k in ("rtol", "atol")
        )
        self.solution: Any = integrate.solve_ivp(
            lambda s, y: call.in_active((), args, s)(y),
            (float(t[0]), float(t[-1])),
            np.ravel(y0),
            "LSODA",
            dense_output=True,
            rtol=float(np.min(rtol)),
            atol=atol,
        )
        if not self.solution.success:
            raise UnsupportedInputError(f"odeint gave up, {user_line()}: {self.solution.message}")

    def apply_vjp(
        self, ans: Value, values: Any, active: Any, gs: Sequence[Cotangent], batch: Shape
    ) -> list[Any]:
        """The cotangents by the adjoint equation, from the last time to the first."""
        call, (g,), (y0, t, *args), solution = self.call, gs, values, self.solution
        used = [i for i, on in enumerate(active[2:]) if on]
        n, sizes = shape_of(ans)[1], [shape_of(args[i]) for i in used]
        ends = n + np.cumsum([0, *(prod(size) for size in sizes)])

        def back(z: Value, s: Any) -> Any:
            y = solution.sol(float(s))
            _, pullback = vjp(call.in_active(used, args, s), y, *(args[i] for i in used))
            return np.concatenate([-np.ravel(c) for c in pullback(z[:n])])

        options = {k: v for k, v in call.options.items() if k in ("rtol", "atol", "mxstep")}
        for name in ("rtol", "atol"):
            if options.get(name) is not None:
                options[name] = np.min(options[name])
        a, q, gt = g[-1], np.zeros(ends[-1] - n), []
        for i in range(shape_of(t)[0] - 1, 0, -1):
            gt.append(np.sum(g[i] * call.in_active((), args, t[i])(ans[i])) if active[1] else 0.0)
            start, span = np.concatenate([a, q]), np.stack([t[i], t[i - 1]])
            z = _integrated(back, start, span, (), options)[-1]
            a, q = z[:n] + g[i - 1], z[n:]
        gt.append(
            -np.sum((a - g[0]) * call.in_active((), args, t[0])(ans[0])) if active[1] else 0.0
        )
        out: list[Any] = [np.reshape(a, shape_of(y0)) if active[0] else None]
        out += [np.stack(gt[::-1]) if active[1] else None, *[None] * len(args)]
        for i, size, start, end in zip(used, sizes, ends[:-1] - n, ends[1:] - n, strict=True):
            out[2 + i] = np.reshape(q[start:end], size)
        return out


def _stacked(out: Any) -> Any:
    return np.stack(out) if isinstance(out, (list, tuple)) and any(map(is_box, out)) else out
