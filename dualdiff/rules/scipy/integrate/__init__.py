"""`scipy.integrate` on traced values: differential equations and integrals."""

from . import ode_class, stepping  # noqa: F401  # methods of classes
from .boundary import solve_bvp
from .integrals import nquad, quad, quad_vec
from .ivp import solve_ivp
from .odes import odeint
from .sampled import qmc_quad
from .sums import (
    cumulative_simpson,
    cumulative_trapezoid,
    fixed_quad,
    romb,
    simpson,
    trapezoid,
)

__all__ = [
    "cumulative_simpson",
    "cumulative_trapezoid",
    "fixed_quad",
    "nquad",
    "odeint",
    "qmc_quad",
    "quad",
    "quad_vec",
    "romb",
    "simpson",
    "solve_bvp",
    "solve_ivp",
    "trapezoid",
]
