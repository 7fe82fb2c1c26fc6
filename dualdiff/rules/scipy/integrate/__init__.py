"""`scipy.integrate` on traced values: differential equations and integrals."""

from . import ode_class as ode_class  # methods of ode and complex_ode
from .boundary import solve_bvp
from .integrals import nquad, quad, quad_vec
from .ivp import solve_ivp
from .odes import odeint
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
    "quad",
    "quad_vec",
    "romb",
    "simpson",
    "solve_bvp",
    "solve_ivp",
    "trapezoid",
]
