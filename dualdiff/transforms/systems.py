"""Linear systems with constant coefficients, factorised once, as one linear primitive."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
from numpy import ndarray

from ..array.box import is_box
from ..core.types import Cotangent, Value
from ..errors import SingularError, user_line
from ..rules.declare import linear

lu_solve: Any = scipy.linalg.lu_solve  # its stubs do not know variable transposition
LEAST_CONDITION = 1e-15  # reciprocal condition below which a scaled matrix counts as singular


def singular(name: str, reason: str = "is singular") -> SingularError:
    """The error for a matrix of a system."""
    return SingularError(
        f"the matrix of derivatives of {name} {reason} at the solution, {user_line()}: the "
        f"solution has no derivative there, or more than one. Solutions that coincide, flat "
        f"minima and equations that depend on each other have such a matrix."
    )


class System:
    """A square matrix, given by the solutions of its systems of equations."""

    def solve(self, rows: ndarray, transposed: bool) -> ndarray:
        """The solutions for right-hand sides of shape ``(..., n)``."""
        raise NotImplementedError


class DenseSystem(System):
    """A dense matrix, by its LU factors, or by Cholesky's where it is positive definite."""

    def __init__(self, matrix: ndarray, name: str, positive: bool = False) -> None:
        self.positive = positive
        self.factors: Any
        if not np.all(np.isfinite(matrix)):
            raise singular(name, "is not finite")
        if positive:
            try:
                self.factors = scipy.linalg.cho_factor(matrix, check_finite=False)
            except np.linalg.LinAlgError as error:
                raise singular(name, "is not positive definite") from error
            return
        # Equations and unknowns have units of their own: the condition is that of the scaled
        # matrix.
        rows = np.max(np.abs(matrix), axis=1, initial=0.0)
        if not rows.all():
            raise singular(name)
        scaled = matrix / rows[:, None]
        columns = np.max(np.abs(scaled), axis=0, initial=0.0)
        if not columns.all():
            raise singular(name)
        scaled = scaled / columns
        self.rows, self.columns = rows, columns
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", scipy.linalg.LinAlgWarning)
            self.factors = scipy.linalg.lu_factor(scaled, check_finite=False)
        condition: Any = scipy.linalg.get_lapack_funcs("gecon", (scaled,))
        size = np.max(np.sum(np.abs(scaled), axis=0), initial=0.0)
        if scaled.size and condition(self.factors[0], size)[0] < LEAST_CONDITION:
            raise singular(name)

    def solve(self, rows: ndarray, transposed: bool) -> ndarray:
        columns = rows.reshape(-1, rows.shape[-1]).T
        if self.positive:
            ans = scipy.linalg.cho_solve(self.factors, columns, check_finite=False)
        else:
            before, after = (self.columns, self.rows) if transposed else (self.rows, self.columns)
            scaled = columns / before[:, None]
            ans = lu_solve(self.factors, scaled, int(transposed), check_finite=False)
            ans = ans / after[:, None]
        return np.ascontiguousarray(ans.T).reshape(rows.shape)


class DiagonalSystem(System):
    """A diagonal matrix: equations with one unknown each."""

    def __init__(self, diagonal: ndarray, name: str) -> None:
        if not np.all(np.isfinite(diagonal)):
            raise singular(name, "is not finite")
        if not diagonal.all():
            raise singular(name)
        self.diagonal = diagonal

    def solve(self, rows: ndarray, transposed: bool) -> ndarray:
        return rows / self.diagonal


class SparseSystem(System):
    """A sparse matrix, by SuperLU."""

    def __init__(self, matrix: Any, name: str) -> None:
        from scipy.sparse.linalg import splu

        if not np.all(np.isfinite(matrix.data)):
            raise singular(name, "is not finite")
        try:
            double = matrix.astype(np.result_type(matrix.dtype, float))
            self.factors: Any = splu(double.tocsc())
        except RuntimeError as error:
            raise singular(name) from error

    def solve(self, rows: ndarray, transposed: bool) -> ndarray:
        columns = np.asfortranarray(rows.reshape(-1, rows.shape[-1]).T)
        ans = self.factors.solve(columns, "T" if transposed else "N")
        return np.ascontiguousarray(ans.T).reshape(rows.shape)


class OperatorSystem(System):
    """A linear map, by a solver for one right-hand side that takes the map or its transpose."""

    def __init__(
        self, operator: Any, solve: Callable[[Any, ndarray], Any], symmetric: bool
    ) -> None:
        self.maps = (operator, operator if symmetric else operator.T)
        self.solver = solve

    def solve(self, rows: ndarray, transposed: bool) -> ndarray:
        flat = rows.reshape(-1, rows.shape[-1])
        ans = [self.solver(self.maps[transposed], row) for row in flat]
        return np.reshape(ans, rows.shape)


def _solved(x: Value, system: System, transposed: bool) -> Any:
    if is_box(x):
        return solved_p(x, system=system, transposed=transposed)
    return system.solve(x, transposed)


def _transpose(g: Cotangent, system: System, transposed: bool) -> Cotangent:
    return _solved(g, system, not transposed)


solved_p = linear(_solved, _transpose, name="implicit.solve")


def solved(x: Value, system: System) -> Any:
    """The solution of a system for right-hand sides of shape ``(..., n)``, plain or traced."""
    return _solved(x, system, False)
