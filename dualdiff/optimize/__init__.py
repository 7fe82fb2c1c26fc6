"""SciPy's optimisers over containers, with exact derivatives handed over as each method needs them.

`minimize`, `least_squares`, `curve_fit` and `root` take SciPy's arguments and return its results;
the mathematics is SciPy's.
"""

from .curves import curve_fit
from .report import Derivatives
from .scalar import minimize
from .vector import least_squares, root

__all__ = ["Derivatives", "curve_fit", "least_squares", "minimize", "root"]
