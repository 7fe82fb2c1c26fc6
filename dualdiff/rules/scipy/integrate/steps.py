"""Accepted steps of a solver of differential equations, taken again on traced values.

The step sizes stay as SciPy chose them: the derivative is that of the discrete solution, so reverse
mode is the discrete adjoint of the steps, and forward mode carries sensitivities along. A function
of the program runs in the forward pass only.

Sources: E. Hairer, S. P. Norsett and G. Wanner, "Solving Ordinary Differential Equations I" (1993),
sections II.4 to II.6; E. Hairer and G. Wanner, "... II" (1996), section IV.8.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.integrate import DOP853, RK23, RK45
from scipy.integrate import OdeSolution as Solution

from ....array.box import is_box, unbox
from ....core.batch import Shape, cast, dtype_of, shape_of
from ....core.muted import muted
from ....core.primitive import Primitive
from ....core.types import Cotangent, Residuals, Tangent, Value
from ....transforms.implicit import Equations, corrected, plain
from ....transforms.inputs import Inputs
from ....transforms.jacobian import jacobian
from ....transforms.jvp_vjp import pushed
from ....transforms.systems import DenseSystem, solved
from ...numpy.creation import asarray, given
from ...structures import Elementwise
from ..pieces import Underived

Slope = Callable[[Any, Any], Any]
AT_ONCE = 64  # unknowns of a right-hand side whose directions are pushed together


class Combination(Primitive):
    """The sum of arrays of one shape, each times a constant factor."""

    structure = Elementwise()

    def __init__(self) -> None:
        super().__init__(self._combined, "integrate.combination")

    def _combined(self, *arrays: Any, factors: Sequence[float]) -> Any:
        if any(map(is_box, arrays)):
            return self(*arrays, factors=factors)
        total = factors[0] * arrays[0]
        for factor, array in zip(factors[1:], arrays[1:], strict=True):
            total = total + factor * array
        return total

    def save(self, ans: Value, args: Sequence[Any], active: Sequence[bool], params: Any) -> Any:
        return params["factors"], tuple(dtype_of(a) for a in args), dtype_of(ans)

    def apply_jvp(self, saved: Residuals, tangents: Sequence[Tangent], batch: Shape) -> Tangent:
        factors, _, dtype = saved
        pairs = [(f, t) for f, t in zip(factors, tangents, strict=True) if t is not None]
        total = self._combined(*(t for _, t in pairs), factors=[f for f, _ in pairs])
        return cast(total, dtype)

    def apply_vjp(self, saved: Residuals, g: Cotangent, batch: Shape) -> Sequence[Any]:
        factors, dtypes, _ = saved
        return [cast(f * g, dtype) for f, dtype in zip(factors, dtypes, strict=True)]


combination = Combination()


def moved(y: Value, slopes: Sequence[Any], weights: Sequence[float], h: Value) -> Any:
    """``y + h * sum(weights * slopes)``."""
    pairs = [(w, k) for w, k in zip(weights, slopes, strict=False) if w]
    ks, ws = [k for _, k in pairs], [w for w, _ in pairs]
    if is_box(h):
        return y + h * combination(*ks, factors=ws)
    return combination(y, *ks, factors=[1.0, *(h * w for w in ws)])


@functools.cache
def tableau(method: Any) -> tuple[Any, Any, Any]:
    """The coefficients of an explicit method as Python floats: of stages, of the end, of times."""
    stages = len(method.B)
    rows = [row[:i].tolist() for i, row in enumerate(method.A[:stages])]
    return rows, method.B.tolist(), method.C[:stages].tolist()


class Step:
    """A step from time t by h, and the polynomial of the solution within."""

    t: Any
    h: Any
    end: Any

    def at(self, x: Value) -> Any:
        """The solution, of shape (n, m), at fractions x of the step, of shape (m,)."""
        raise NotImplementedError


class ExplicitStep(Step):
    """A step of an explicit method of Runge and Kutta."""

    def __init__(self, method: Any, slope: Slope, t: Value, y: Value, h: Value, first: Any) -> None:
        self.method, self.slope, self.t, self.y, self.h = method, slope, t, y, h
        rows, last, times = tableau(method)
        self.slopes = [first]
        for row, c in zip(rows[1:], times[1:], strict=True):
            self.slopes.append(slope(t + c * h, moved(y, self.slopes, row, h)))
        self.end = moved(y, self.slopes, last, h)
        self.end_slope: Any = None
        self.stacked: Any = None

    def last_slope(self) -> Any:
        """The slope at the end, with which the next step begins."""
        if self.end_slope is None:
            self.end_slope = self.slope(self.t + self.h, self.end)
        return self.end_slope

    def at(self, x: Value) -> Any:
        if self.stacked is None:
            slopes = [*self.slopes, self.last_slope()]
            if self.method is DOP853:
                more = zip(DOP853.A_EXTRA, DOP853.C_EXTRA, strict=True)
                for row, c in more:
                    y = moved(self.y, slopes, row[: len(slopes)].tolist(), self.h)
                    slopes.append(self.slope(self.t + float(c) * self.h, y))
            self.stacked = np.stack(slopes, axis=-1)
        weights = _weights_of_dop853(x) if self.method is DOP853 else self._weights(x)
        return self.y[:, None] + self.h * (self.stacked @ weights)

    def _weights(self, x: Value) -> Any:
        powers = self.method.P.shape[1]
        return self.method.P @ np.stack([x ** (i + 1) for i in range(powers)])


def _weights_of_dop853(x: Value) -> Any:
    """The weights of all slopes in the interpolant of degree 7, as SciPy's source nests it."""
    stages = len(DOP853.B)
    count = DOP853.D.shape[1]
    first, last = np.eye(count)[0], np.eye(count)[stages]
    ends = np.concatenate([DOP853.B, np.zeros(count - stages)])
    rows = [ends, first - ends, 2 * ends - last - first, *DOP853.D]
    total, product = 0.0, 1.0
    for i, row in enumerate(rows):
        product = product * (x if i % 2 == 0 else 1 - x)
        total = total + row[:, None] * product
    return total


ROOT = 6**0.5
RADAU_TIMES = ((4 - ROOT) / 10, (4 + ROOT) / 10, 1.0)
RADAU = np.array(
    [
        [(88 - 7 * ROOT) / 360, (296 - 169 * ROOT) / 1800, (-2 + 3 * ROOT) / 225],
        [(296 + 169 * ROOT) / 1800, (88 + 7 * ROOT) / 360, (-2 - 3 * ROOT) / 225],
        [(16 - ROOT) / 36, (16 + ROOT) / 36, 1 / 9],
    ]
)


class ImplicitStep(Step):
    """A step of Radau IIA of order 5, from the solution of its equations."""

    def __init__(self, slope: Slope, t: Value, y: Value, h: Value, guess: ndarray) -> None:
        """`guess` has the plain solution at the three times, of shape (3, n)."""
        self.slope, self.t, self.y, self.h = slope, t, y, h
        self.size = guess.shape[1]
        equations = Equations(self.residual, (guess.size,), "the equations of a step")
        with muted():
            z = guess.reshape(-1)
            system = DenseSystem(self.derivative(z), "the equations of a step")
            for _ in range(3):
                step = system.solve(plain(equations(z)), False)
                z = z - step
                if np.abs(step).max() <= 1e-13 * np.abs(z).max():
                    break
        z = corrected(equations, z, functools.partial(solved, system=system), True)
        self.parts = [z[i * self.size : (i + 1) * self.size] for i in range(3)]
        self.end = self.parts[-1]
        self.stacked: Any = None

    def residual(self, z: Value) -> Any:
        """The equations of collocation."""
        n = self.size
        parts = [z[i * n : (i + 1) * n] for i in range(3)]
        pairs = zip(RADAU_TIMES, parts, strict=True)
        slopes = [self.slope(self.t + c * self.h, y) for c, y in pairs]
        rows = zip(RADAU.tolist(), parts, strict=True)
        return np.concatenate([y - moved(self.y, slopes, row, self.h) for row, y in rows])

    def derivative(self, z: ndarray) -> ndarray:
        """The plain derivative of the equations."""
        n, t, h = self.size, float(unbox(self.t)), float(unbox(self.h))
        blocks = np.eye(3 * n)
        for j, c in enumerate(RADAU_TIMES):
            slopes = slope_jacobian(self.slope, t + c * h, z[j * n : (j + 1) * n])
            for i in range(3):
                blocks[i * n : (i + 1) * n, j * n : (j + 1) * n] -= h * RADAU[i, j] * slopes
        return blocks

    def at(self, x: Value) -> Any:
        if self.stacked is None:
            self.stacked = np.stack([self.y, *self.parts], axis=-1)
        nodes = (0.0, *RADAU_TIMES)
        weights = []
        for i, node in enumerate(nodes):
            others = [(x - c) / (node - c) for j, c in enumerate(nodes) if j != i]
            weights.append(others[0] * others[1] * others[2])
        return self.stacked @ np.stack(weights)


def slope_jacobian(slope: Slope, t: float, y: ndarray) -> ndarray:
    """The plain derivative of a right-hand side by the state."""
    if y.size > AT_ONCE:
        return np.asarray(plain(jacobian(lambda y: slope(t, y))(y)))
    inputs = Inputs(lambda y: slope(t, y), (y,), {}, None)
    rows = pushed(inputs, [np.eye(y.size)], y.shape, identity=True).leaves[0]
    return np.zeros((y.size, y.size)) if rows is None else np.asarray(plain(rows)).T


EXPLICIT = {"RK23": RK23, "RK45": RK45, "DOP853": DOP853}


class Trajectory:
    """The solution on a mesh of times, whose ends may be traced."""

    def __init__(
        self,
        method: Any,
        slope: Slope,
        mesh: ndarray,
        y0: Value,
        ends: tuple[Any, Any],
        plain_solution: Any = None,
    ) -> None:
        """`method` is a class of explicit methods, or None for Radau's, which needs the plain
        solution as a function of time."""
        self.mesh, self.y0 = mesh, y0
        self.steps: list[Any] = []
        count, y, first = len(mesh) - 1, y0, None
        for i in range(count):
            t = ends[0] if i == 0 else float(mesh[i])
            h = (ends[1] if i == count - 1 else float(mesh[i + 1])) - t
            if method is None:
                times = mesh[i] + np.array(RADAU_TIMES) * (mesh[i + 1] - mesh[i])
                step: Any = ImplicitStep(slope, t, y, h, plain_solution(times).T)
            else:
                first = slope(t, y) if first is None else first
                step = ExplicitStep(method, slope, t, y, h, first)
                first = None if i == count - 1 else step.last_slope()
            self.steps.append(step)
            y = step.end

    def at(self, t: Value) -> Any:
        """The solution of shape (n, m) at times of shape (m,), plain or traced."""
        times = np.asarray(unbox(t), float)
        sign = 1.0 if self.mesh[-1] >= self.mesh[0] else -1.0
        if not self.steps:
            return np.stack([self.y0] * len(times), axis=-1)
        index = np.searchsorted(sign * self.mesh, sign * times) - 1
        index = np.clip(index, 0, len(self.steps) - 1)
        order = np.argsort(index, kind="stable")
        parts = []
        for i in np.unique(index):
            chosen = order[index[order] == i]
            step = self.steps[i]
            parts.append(step.at((t[chosen] - step.t) / step.h))
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        if np.array_equal(order, np.arange(order.size)):
            return joined
        return joined[:, np.argsort(order)]


def at_times(at: Callable[[Value], Any], t: Value, value: Any) -> Any:
    """SciPy's value of a solution at a time or several, with the derivatives of `at`, which takes
    a vector of times."""
    found = at(np.reshape(t, (-1,)))
    return given(found if shape_of(t) else found[:, 0], value)


class TracedSolution(Solution):
    """SciPy's continuous solution on traced values, of itself or of the time."""

    def __init__(self, found: Any, make: Callable[[], Trajectory], is_traced: bool) -> None:
        self.__dict__.update(found.__dict__)
        self.plain, self.make, self.is_traced = found, functools.cache(make), is_traced
        if is_traced:
            parts: Any = found.interpolants
            refused: Any = Underived(parts, "interpolants of a solution", "call the solution")
            self.interpolants = refused

    def __call__(self, t: Value) -> Any:
        """The solution at a time, of shape (n,), or at several, of shape (n, m)."""
        t = asarray(t)
        value = self.plain(unbox(t))
        if not (self.is_traced or is_box(t)):
            return value
        return at_times(self.make().at, t, value)
