"""Sparsity: patterns found by a trace, colourings, and evaluation with fewer directions.

SciPy's sparse arrays load at the first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .detection import Detected


def detect(inputs: Any) -> Detected:
    """The pattern of the Jacobian of one call, given as the `Inputs` of an operator."""
    from .detection import detect as run

    return run(inputs)
