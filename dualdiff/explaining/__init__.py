"""What a derivative does: operations by line of the program, time, memory, and how they connect."""

from .explanation import Explanation
from .run import explain

__all__ = ["Explanation", "explain"]
