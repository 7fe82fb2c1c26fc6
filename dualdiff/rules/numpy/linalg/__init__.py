"""The rules of `numpy.linalg`."""

from . import decompositions, eigen, norms, solve, svd

__all__ = ["decompositions", "eigen", "norms", "solve", "svd"]
