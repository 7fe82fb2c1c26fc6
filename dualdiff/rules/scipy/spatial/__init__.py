"""`scipy.spatial` on traced arrays."""

from . import distances, rotations  # noqa: F401
from .searches import (
    distance_matrix,
    geometric_slerp,
    minkowski_distance,
    minkowski_distance_p,
    procrustes,
)

__all__ = [
    "distance_matrix",
    "geometric_slerp",
    "minkowski_distance",
    "minkowski_distance_p",
    "procrustes",
]
