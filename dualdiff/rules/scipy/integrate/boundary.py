"""`solve_bvp` on traced values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate, interpolate

from ....array.box import is_box
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import SolverError, UnsupportedInputError, user_line
from ....transforms.checkpoint import value_of
from ....transforms.implicit import root_near
from ...numpy.creation import asarray, given
from ..dispatch import implements
from ..pieces import Underived
from ..solving import by_scipy, is_constant, plain_callable

Function = Callable[..., Any]


def _spline(plain: Any, y: Value, slopes: Value) -> Any:
    """The cubic spline of a solution, by values and slopes (n, m) at the nodes."""
    h = np.diff(plain.x)
    first, last = slopes[:, :-1], slopes[:, 1:]
    mean = (y[:, 1:] - y[:, :-1]) / h
    bend = (first + last - 2 * mean) / h
    rows = [bend / h, (mean - first) / h - bend, first, y[:, :-1]]
    c = given(np.stack(rows, axis=1), np.moveaxis(plain.c, 2, 0))
    poly: Any = interpolate.PPoly
    return poly(c, plain.x, extrapolate=True, axis=1)


@implements(integrate.solve_bvp, calls="fun bc")
def solve_bvp(
    fun: Function,
    bc: Function,
    x: Any,
    y: Any,
    p: Any = None,
    S: Any = None,
    fun_jac: Any = None,
    bc_jac: Any = None,
    **options: Any,
) -> Any:
    """``scipy.integrate.solve_bvp``: a boundary value problem, perhaps with unknown parameters.

    Arguments: as SciPy's; `fun` and `bc` may read traced values; the mesh and the guesses count as
    constant.
    Returns: SciPy's result, with `y`, `yp`, `p` and `sol` traced.
    Raises: SolverError where SciPy fails; UnsupportedInputError for a singular term `S`.
    Convention: the derivatives are those of SciPy's collocation equations on its last mesh.

    >>> import numpy as np, dualdiff as dd
    >>> def middle(a):
    ...     fun = lambda x, y: np.stack([y[1], -a * np.ones_like(x)])
    ...     bc = lambda left, right: np.stack([left[0], right[0]])
    ...     mesh = np.linspace(0, 1, 3)
    ...     return dd.scipy.integrate.solve_bvp(fun, bc, mesh, np.zeros((2, 3))).y[0, 1]
    >>> round(float(dd.grad(middle)(2.0)), 6)  # of a / 8
    0.125
    """
    if S is not None:
        raise UnsupportedInputError(
            f"solve_bvp of traced values takes no singular term S, {user_line()}; write it into "
            f"the right-hand side."
        )
    x0, y0 = np.array(value_of(asarray(x)), float), np.array(value_of(asarray(y)), float)
    start = None if p is None else np.array(value_of(asarray(p)), float)
    found = by_scipy(
        integrate.solve_bvp,
        plain_callable(fun),
        plain_callable(bc),
        x0,
        y0,
        start,
        fun_jac=plain_callable(fun_jac),
        bc_jac=plain_callable(bc_jac),
        **options,
    )
    if is_constant():
        return found
    mesh, (n, m), h = found.x, found.y.shape, np.diff(found.x)
    extra = () if p is None else (found.p,)

    def parts(z: Value) -> tuple[Any, tuple[Any, ...]]:
        return np.reshape(z[: n * m], (n, m)), (z[n * m :],) if extra else ()

    def residual(z: Value) -> Any:
        values, unknown = parts(z)
        slopes = asarray(fun(mesh, values, *unknown))
        middle = (values[:, 1:] + values[:, :-1]) / 2 - h / 8 * (slopes[:, 1:] - slopes[:, :-1])
        between = asarray(fun(mesh[:-1] + h / 2, middle, *unknown))
        steps = h / 6 * (slopes[:, :-1] + slopes[:, 1:] + 4 * between)
        inner = values[:, 1:] - values[:, :-1] - steps
        ends = asarray(bc(values[:, 0], values[:, -1], *unknown))
        return np.concatenate([np.reshape(inner.T, (-1,)), np.reshape(ends, (-1,))])

    flat = np.concatenate([found.y.reshape(-1), *extra])
    if not found.success:
        raise SolverError(f"solve_bvp failed, {user_line()}: {found.message}")
    z = root_near(residual, flat, name="the collocation equations")
    if not is_box(z):
        return found
    values, unknown = parts(z)
    slopes = asarray(fun(mesh, values, *unknown))
    found["sol"] = _spline(found.sol, values, slopes)
    found["rms_residuals"] = Underived(
        found.rms_residuals, "rms_residuals of solve_bvp", "it is an estimate of the error"
    )
    found["y"], found["yp"] = given(values, found.y), given(slopes, found.yp)
    if extra:
        found["p"] = given(unknown[0], found.p)
    assert shape_of(found["y"]) == (n, m)
    return found
