"""`scipy.integrate` on traced values: differential equations."""

from .ivp import solve_ivp
from .odes import odeint

__all__ = ["odeint", "solve_ivp"]
