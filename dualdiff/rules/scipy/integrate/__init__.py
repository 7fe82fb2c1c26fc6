"""`scipy.integrate` on traced values: differential equations and integrals."""

from scipy import integrate as _integrate

from ..pieces import refuses
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

refuses(_integrate, "OdeSolver", "use solve_ivp, with the class as its method", calls="fun")
refuses(_integrate, "qmc_quad", "use nquad, or the mean of the function over points", calls="func")
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
