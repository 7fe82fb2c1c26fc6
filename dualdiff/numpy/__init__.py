"""NumPy on traced arrays; importing it registers the rules."""

from ..core import indexing  # noqa: F401  # attaches indexing to boxes
from . import logic, manipulation, methods, operators, reductions, ufuncs  # noqa: F401  # rules
