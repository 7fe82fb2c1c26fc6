"""Linear programs, and problems whose solutions are constant by pieces: `linprog`, `milp`,
`linear_sum_assignment`, `isotonic_regression`; and the functions `rosen`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from scipy import optimize, sparse

from ....core.batch import shape_of
from ....core.types import Value
from ....errors import SolverError, user_line
from ....transforms.checkpoint import value_of
from ....transforms.implicit import lift
from ....transforms.systems import singular
from ...numpy.creation import asarray
from ..bodies import runs_body
from ..dispatch import implements
from ..solving import Result, by_scipy, like, refused
from .problem import live_bounds, spread

ACTIVE = "the constraints that hold the solution"
CLOSE = 1e-7  # relative distance below which a constraint counts as met
INDEPENDENT = 1e-9

rosen = runs_body(optimize.rosen)
rosen_der = runs_body(optimize.rosen_der)
rosen_hess = runs_body(optimize.rosen_hess)
rosen_hess_prod = runs_body(optimize.rosen_hess_prod)


class Rows(NamedTuple):
    """Equations ``matrix[rows] @ x = right[rows]`` that may hold a solution, in order of weight."""

    matrix: Any
    right: Any
    rows: ndarray
    weight: float


def _matrix(a: Any) -> Any:
    return a if sparse.issparse(a) else asarray(a)


def _met(matrix: Any, right: Any, x: ndarray, weight: float) -> Rows:
    """The inequalities that x meets exactly."""
    b = np.asarray(value_of(right), float)
    slack = np.abs(b - np.asarray(value_of(matrix) @ x))
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero(np.isfinite(b) & (slack <= CLOSE * (1 + np.abs(b))))
    return Rows(matrix, right, rows, weight)


def _vertex(x: ndarray, parts: list[Rows], multipliers: list[Any]) -> Any:
    """x with the derivatives of the vertex where independent equations meet.

    Those with the largest multipliers come first, since they hold the solution.
    """
    plain, owners, sizes = [], [], []
    for k, (part, multiplier) in enumerate(zip(parts, multipliers, strict=True)):
        matrix = value_of(part.matrix)
        matrix = matrix.toarray() if hasattr(matrix, "toarray") else matrix
        for row in part.rows:
            plain.append(np.asarray(matrix[row], float))
            owners.append((k, row))
            sizes.append(part.weight + (0.0 if multiplier is None else abs(multiplier[row])))
    chosen: list[int] = []
    basis = np.zeros((0, x.size))
    for i in np.argsort(-np.array(sizes), kind="stable"):
        rest = plain[i] - basis.T @ (basis @ plain[i])
        rest = rest - basis.T @ (basis @ rest)
        size = np.linalg.norm(rest)
        if size > INDEPENDENT * np.linalg.norm(plain[i]):
            basis = np.vstack([basis, rest / size])
            chosen.append(int(i))
        if len(chosen) == x.size:
            break
    if len(chosen) < x.size:
        raise singular(ACTIVE, "is singular, so that the solution is no vertex,")
    picked = [
        (
            part.matrix,
            part.right,
            np.array([owners[i][1] for i in chosen if owners[i][0] == k], int),
        )
        for k, part in enumerate(parts)
    ]

    def residual(z: Value) -> Any:
        return np.concatenate(
            [(matrix @ z)[rows] - right[rows] for matrix, right, rows in picked if rows.size]
        )

    return lift(residual, x, name=ACTIVE)


def _bound_rows(bounds: Any, x: ndarray, multipliers: Any) -> tuple[list[Rows], list[Any]]:
    """The bounds that x meets, and their multipliers."""
    live = live_bounds(bounds, x.size)
    if live is None:
        return [], []
    eye = np.eye(x.size)
    return [_met(eye, end, x, 0.0) for end in live], list(multipliers)


def _check(found: Any, name: str) -> None:
    if found.x is None:
        raise SolverError(f"{name} found no solution, {user_line()}: {found.message}")


def _fixed(integrality: Any, x: ndarray) -> list[Rows]:
    """The integers of a solution, which do not move."""
    if integrality is None:
        return []
    rows = np.flatnonzero(np.broadcast_to(integrality, x.shape) != 0)
    return [Rows(np.eye(x.size), np.round(x), rows, np.inf)] if rows.size else []


@implements(optimize.linprog)
def linprog(
    c: Any,
    A_ub: Any = None,
    b_ub: Any = None,
    A_eq: Any = None,
    b_eq: Any = None,
    bounds: Any = (0, None),
    integrality: Any = None,
    **options: Any,
) -> Any:
    """``scipy.optimize.linprog``: the least ``c @ x`` under linear constraints.

    Arguments: as SciPy's; all but the options may be traced.
    Returns: SciPy's result, with `x`, `fun`, `slack` and `con` traced. x is a vertex: it moves with
    the constraints that hold it, and not with `c`. To read multipliers is an error.
    Raises: SolverError without a solution; SingularError (a LinAlgError) where the solution is no
    vertex, so that others are as good.
    Convention: at a degenerate vertex, where more constraints meet than there are unknowns, those
    with the largest multipliers hold it.

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda b: dd.scipy.optimize.linprog([-1.0, -2.0], [[1.0, 1.0]], b).x
    >>> dd.jacobian(f)(np.array([3.0])).tolist()
    [[0.0], [1.0]]
    """
    found = by_scipy(
        optimize.linprog, *(value_of(v) for v in (c, A_ub, b_ub, A_eq, b_eq, bounds)),
        integrality=integrality, **options,
    )  # fmt: skip
    _check(found, "linprog")
    x = np.asarray(found.x, float)
    parts, multipliers = _fixed(integrality, x), []
    multipliers += [None] * len(parts)
    if A_eq is not None:
        right = np.reshape(asarray(b_eq), (-1,))
        parts.append(Rows(_matrix(A_eq), right, np.arange(shape_of(right)[0]), np.inf))
        multipliers.append(None)
    if A_ub is not None:
        parts.append(_met(_matrix(A_ub), np.reshape(asarray(b_ub), (-1,)), x, 0.0))
        multipliers.append(_marginals(found, "ineqlin"))
    ends = _bound_rows(
        _pairs(bounds, x.size), x, [_marginals(found, k) for k in ("lower", "upper")]
    )
    parts, multipliers = parts + ends[0], multipliers + ends[1]
    z = _vertex(x, parts, multipliers)
    costs, fun, slack, con = asarray(c), found.fun, found.get("slack"), found.get("con")
    found["x"] = z
    later: dict[str, Any] = {"fun": lambda: like(np.reshape(costs, (-1,)) @ z, fun)}
    if A_ub is not None:
        later["slack"] = lambda: like(np.reshape(asarray(b_ub), (-1,)) - _matrix(A_ub) @ z, slack)
    if A_eq is not None:
        later["con"] = lambda: like(np.reshape(asarray(b_eq), (-1,)) - _matrix(A_eq) @ z, con)
    names = ("ineqlin", "eqlin", "lower", "upper")
    return Result(found, {**later, **{name: refused("linprog", name) for name in names}})


def _marginals(found: Any, name: str) -> Any:
    """The multipliers of constraints, or None for programs with integers."""
    part = found.get(name)
    marginals = None if part is None else part.get("marginals")
    return None if marginals is None or not np.isfinite(marginals).all() else marginals


def _pairs(bounds: Any, size: int) -> Any:
    """Bounds of `linprog` as one pair per unknown; None for no bounds means at least 0."""
    if bounds is None:
        return [(0.0, None)] * size
    bounds = list(bounds) if shape_of(bounds) else bounds
    if len(bounds) == 2 and not any(isinstance(b, (list, tuple, ndarray)) for b in bounds):
        return [tuple(bounds)] * size
    pairs = [tuple(pair) for pair in bounds]
    return pairs * size if len(pairs) == 1 else pairs


@implements(optimize.milp)
def milp(
    c: Any,
    integrality: Any = None,
    bounds: Any = None,
    constraints: Any = None,
    options: Any = None,
) -> Any:
    """``scipy.optimize.milp``: the least ``c @ x`` with some elements of x integers.

    Integers are constant by pieces; the others move as in `linprog`.

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda c: dd.scipy.optimize.milp(c, integrality=1, bounds=(0, 2)).fun
    >>> dd.grad(f)(np.array([-1.0, 3.0])).tolist()
    [2.0, 0.0]
    """
    listed = [
        k if isinstance(k, optimize.LinearConstraint) else optimize.LinearConstraint(*k)
        for k in _separate(constraints)
    ]
    plain = [
        optimize.LinearConstraint(value_of(k.A), value_of(asarray(k.lb)), value_of(asarray(k.ub)))
        for k in listed
    ]
    limits = optimize.Bounds(0, np.inf) if bounds is None else bounds
    limits = limits if isinstance(limits, optimize.Bounds) else optimize.Bounds(*limits)
    ends = [value_of(asarray(end)) for end in (limits.lb, limits.ub)]
    found = by_scipy(
        optimize.milp,
        value_of(c),
        integrality=integrality,
        bounds=optimize.Bounds(*ends),
        constraints=plain or None,
        options=options,
    )
    _check(found, "milp")
    x = np.asarray(found.x, float)
    parts = _fixed(integrality, x)
    for k in listed:
        matrix = _matrix(k.A)
        rows = shape_of(matrix)[0]
        parts += [_met(matrix, spread(asarray(end), rows), x, 0.0) for end in (k.lb, k.ub)]
    parts += _bound_rows(limits, x, ())[0]
    z = _vertex(x, parts, [None] * len(parts))
    found["x"], fun = z, found.fun
    return Result(found, {"fun": lambda: like(np.reshape(asarray(c), (-1,)) @ z, fun)})


def _separate(constraints: Any) -> Any:
    """The constraints of `milp`, which takes one alone, too, also as a tuple of its arguments."""
    if constraints is None:
        return []
    if isinstance(constraints, optimize.LinearConstraint):
        return [constraints]
    first = constraints[0] if len(constraints) else None
    alone = sparse.issparse(first) or not isinstance(
        first, (optimize.LinearConstraint, tuple, type(None))
    )
    return [constraints] if alone else constraints


@implements(optimize.linear_sum_assignment)
def linear_sum_assignment(cost_matrix: Any, maximize: bool = False) -> Any:
    """``scipy.optimize.linear_sum_assignment``: rows and columns, which are integers and constant.

    The cost, ``cost_matrix[rows, columns].sum()``, has a derivative.

    >>> import numpy as np, dualdiff as dd
    >>> def cost(c):
    ...     rows, columns = dd.scipy.optimize.linear_sum_assignment(c)
    ...     return c[rows, columns].sum()
    >>> dd.grad(cost)(np.array([[4.0, 1.0], [2.0, 5.0]])).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    return optimize.linear_sum_assignment(np.array(value_of(asarray(cost_matrix))), maximize)


@implements(optimize.isotonic_regression)
def isotonic_regression(y: Any, weights: Any = None, increasing: bool = True) -> Any:
    """``scipy.optimize.isotonic_regression``: the monotone vector nearest to y.

    It is constant on blocks, whose weighted means have derivatives.

    >>> import numpy as np, dualdiff as dd
    >>> f = lambda y: dd.scipy.optimize.isotonic_regression(y).x
    >>> dd.jacobian(f)(np.array([1.0, 3.0, 2.0])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.5, 0.5]]
    """
    y = asarray(y)
    w = np.ones(shape_of(y)) if weights is None else asarray(weights)
    found = by_scipy(
        optimize.isotonic_regression, np.array(value_of(y)), weights=value_of(weights),
        increasing=increasing,
    )  # fmt: skip
    lengths = np.diff(found.blocks)
    member = np.repeat(np.eye(len(lengths)), lengths, axis=1)
    sums = member @ w
    means = (member @ (w * y)) / sums
    found["x"], found["weights"] = like(member.T @ means, found.x), like(sums, found.weights)
    return found
