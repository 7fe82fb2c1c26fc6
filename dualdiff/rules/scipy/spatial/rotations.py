"""`scipy.spatial.transform` on traced values: SciPy's own Python code, with its compiled functions
replaced by those that SciPy has for other array libraries.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.spatial import transform

from ....array.box import is_box
from ....core.batch import shape_of
from ....core.types import Value
from ....transforms.implicit import lift
from ..arguments import by_scipy, mapped, plain
from ..bodies import agreed
from ..dispatch import counterpart, implements
from ..in_place import original_of
from ..linalg.banded import solve_banded
from ..objects import runs_methods
from ..rebinding import explained, rebound, replace


def _runs_other(compiled: Any, other: Any) -> None:
    """Declare that a compiled function does on traced values as the same function in Python."""
    name = f"scipy.spatial.transform.{other.__name__}"

    @functools.cache
    def find() -> Callable[..., Any]:
        return on_traced

    def on_traced(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = mapped(_doubled, args, kwargs)
        values, named = mapped(_owned, args, kwargs)
        value = by_scipy(compiled, *values, **named)
        run = _power if other.__name__ == "pow" else _run
        traced = run(rebound(other), name, args, kwargs)
        if run is _power:  # a rotation has two quaternions
            overlap = np.sum(np.reshape(plain(traced), np.shape(value)) * value, -1, keepdims=True)
            traced = _shaped(traced, value) * np.where(overlap < 0, -1.0, 1.0)
        return agreed(_shaped(traced, value), value, name)

    counterpart(compiled, other, find)


_run = explained


def _power(pow: Any, name: str, args: Any, kwargs: Any) -> Any:
    """Quaternions to a power, in two factors where SciPy takes a shorter way: at 0, 1 and -1 its
    result does not depend on the power."""
    quat, n = args
    start = np.asarray(plain(n))
    if not is_box(n) or start.size != 1 or start.item() not in (-1.0, 0.0, 1.0):
        return explained(pow, name, args, kwargs)
    half = start.item() - 0.5
    first, second = (explained(pow, name, (quat, k), {}) for k in (n - half, half))
    return explained(pow.__globals__["compose_quat"], name, (first, second), {})


def _owned(x: Value) -> Any:
    """A plain argument; arrays are copied, since compiled functions want them writeable."""
    x = plain(x)
    return x.copy() if isinstance(x, np.ndarray) else x


def _doubled(x: Value) -> Any:
    """An argument in double precision, which compiled functions want."""
    is_single = isinstance(x, np.ndarray) and x.dtype == np.float32
    return x.astype(float) if is_single else x


def _shaped(traced: Any, value: Any) -> Any:
    """Results with the axis of length 1 that compiled functions keep or leave out."""
    if value is None:
        return None
    if isinstance(value, tuple):
        return tuple(map(_shaped, traced, value))
    if hasattr(traced, "shape") and traced.shape != np.shape(value):
        return np.reshape(traced, np.shape(value))
    return traced


def _declare(module: str, cls: Any, sets: str, skip: str) -> None:
    home = importlib.import_module(f"scipy.spatial.transform.{module}")
    backend = getattr(home, "cython_backend", None)
    others = getattr(home, "xp_backend", None)
    if backend is None or others is None:
        return  # an older release has compiled classes
    for name, other in vars(others).items():
        if getattr(other, "__module__", "") != others.__name__:
            continue
        compiled = getattr(backend, name, None)
        if compiled is not None and not name.startswith("_"):
            _runs_other(compiled, other)

    def select_backend(xp: Any, cython_compatible: bool) -> Any:
        return backend if cython_compatible else others

    replace(original_of(home.select_backend), select_backend)
    replace(home.select_backend, select_backend)
    replace(backend, backend)
    replace(others, others)
    runs_methods(cls, sets=sets, skip=skip)


_CONSTANT = "identity random create_group __repr__ __len__ __getstate__ __setstate__ single shape"
_declare("_rotation", transform.Rotation, "__init__ __setitem__", _CONSTANT)
if hasattr(transform, "RigidTransform"):
    _declare("_rigid_transform", transform.RigidTransform, "__init__ __setitem__", _CONSTANT)
runs_methods(transform.Slerp)
runs_methods(transform.RotationSpline, skip="_solve_for_angular_rates")
_SPLINE = importlib.import_module("scipy.spatial.transform._rotation_spline")
_solve = original_of(transform.RotationSpline._solve_for_angular_rates)


@implements(transform.RotationSpline._solve_for_angular_rates)
def _solve_for_angular_rates(self: Any, dt: Value, angular_rates: Value, rotvecs: Value) -> Any:
    """The rates that SciPy finds by iteration, with the derivatives of the equations' solution."""
    first, last = angular_rates[0], angular_rates[-1]
    found, _ = by_scipy(_solve, self, plain(dt), plain(angular_rates).copy(), plain(rotvecs))
    to_dot = rebound(_SPLINE._angular_rate_to_rotvec_dot_matrix)(rotvecs)
    to_rate = rebound(_SPLINE._rotvec_dot_to_angular_rate_matrix)(rotvecs)
    product = rebound(_SPLINE._matrix_vector_product_of_stacks)
    bend = rebound(_SPLINE._angular_acceleration_nonlinear_term)
    matrix = rebound(_SPLINE._create_block_3_diagonal_matrix)(
        2 * to_rate[1:-1] / dt[1:-1, None, None],
        2 * to_dot[1:-1] / dt[1:-1, None, None],
        4 * (1 / dt[:-1] + 1 / dt[1:]),
    )
    right = 6 * (rotvecs[:-1] / dt[:-1, None] ** 2 + rotvecs[1:] / dt[1:, None] ** 2)
    ends = [2 / dt[0] * (to_rate[0] @ first), 2 / dt[-1] * (to_dot[-1] @ last)]
    row = np.arange(shape_of(right)[0])[:, None]
    right = right - (row == 0) * ends[0] - (row == row[-1]) * ends[1]

    def dots(rates: Value) -> Any:
        return product(to_dot, np.concatenate([rates, last[None]]))

    def residual(rates: Value) -> Any:
        b = right - bend(rotvecs[:-1], dots(rates)[:-1])
        return np.ravel(rates) - solve_banded((5, 5), matrix, np.ravel(b))

    rates = lift(residual, found[1:], name="the equations of a rotation spline")
    return np.concatenate([first[None], rates]), dots(rates)
