"""Nearest neighbours and convex hulls of traced points: SciPy finds them, and their distances,
volumes, areas and planes are computed again from the points.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np
from scipy import linalg, spatial

from ....array.box import unbox
from ....array.conversion import COUNTERPARTS
from ....core.batch import shape_of
from ....core.types import Value
from ....errors import MissingRuleError, user_line
from ...numpy.creation import asarray, given
from ..arguments import by_scipy, plain
from ..bodies import agreed, runs_body
from ..dispatch import implements
from ..in_place import original_of
from ..pieces import constants
from ..rebinding import replace
from ..sparse.construct import coo_matrix
from ..sparse.formats import dok_matrix
from .meshes import keep_points

minkowski_distance = runs_body(spatial.minkowski_distance)
minkowski_distance_p = runs_body(spatial.minkowski_distance_p)
geometric_slerp = runs_body(spatial.geometric_slerp)
procrustes = runs_body(spatial.procrustes)


def _orthogonal_procrustes(A: Value, B: Value, check_finite: bool = True) -> Any:
    u, w, vt = np.linalg.svd(np.transpose(np.matmul(np.transpose(B), A)))
    return np.matmul(u, vt), np.sum(w)


replace(original_of(linalg.orthogonal_procrustes), _orthogonal_procrustes)
replace(linalg.orthogonal_procrustes, _orthogonal_procrustes)


_matrix = original_of(spatial.distance_matrix)


@implements(spatial.distance_matrix, arrays="x y")
def distance_matrix(x: Value, y: Value, p: Value = 2, threshold: int = 1000000) -> Any:
    """``scipy.spatial.distance_matrix``: p-norms of differences; coincident points have
    derivative 0."""
    value = by_scipy(_matrix, plain(x), plain(y), plain(p), threshold)
    return given(np.linalg.norm(x[:, None] - y[None], plain(p), axis=-1), value)


COUNTERPARTS["cKDTree"] = "scipy.spatial.KDTree"
_set_up_tree = original_of(spatial.KDTree.__init__)
_find_pairs = spatial.cKDTree.sparse_distance_matrix
_query = spatial.cKDTree.query  # what that of KDTree calls


class _TracedTree(spatial.KDTree):
    """A tree whose points are traced: SciPy searches among the plain ones."""

    @property
    def data(self) -> Any:
        return self.__dict__["traced_data"]

    @property
    def maxes(self) -> Any:
        return np.max(self.data, axis=0)

    @property
    def mins(self) -> Any:
        return np.min(self.data, axis=0)

    def as_constant(self) -> Any:
        """The tree of the plain points."""
        return spatial.KDTree(plain(self.data), self.leafsize)


@implements(spatial.KDTree.__init__)
def _init_tree(self: Any, data: Value, *args: Any, **kwargs: Any) -> None:
    """A tree of plain points, which keeps the traced ones for the distances of its queries."""
    by_scipy(_set_up_tree, self, plain(data), *args, **kwargs)
    if type(self) is spatial.KDTree:
        self.__class__ = _TracedTree
    self.traced_data = asarray(data)


@implements(spatial.KDTree.sparse_distance_matrix)
def _sparse_distances(
    self: Any, other: Any, max_distance: Any, p: float = 2.0, output_type: str = "dok_matrix"
) -> Any:
    """Distances of the pairs that SciPy finds."""
    if output_type not in ("coo_matrix", "dok_matrix"):
        raise MissingRuleError(
            f"KDTree.sparse_distance_matrix of traced points has no {output_type}, {user_line()}; "
            f"use output_type='coo_matrix'"
        )
    pairs = by_scipy(_find_pairs, self, other, plain(max_distance), p, "coo_matrix")
    norms = np.linalg.norm(self.data[pairs.row] - other.data[pairs.col], p, axis=-1)
    matrix = coo_matrix((given(norms, pairs.data), (pairs.row, pairs.col)), pairs.shape)
    return matrix if output_type == "coo_matrix" else dok_matrix(matrix)


constants(
    spatial.KDTree,
    "count_neighbors query_ball_point query_ball_tree query_pairs",
    "self other x r p eps workers return_sorted return_length output_type cumulative",
)


@implements(spatial.KDTree.query)
def _nearest(
    self: Any,
    x: Value,
    k: Any = 1,
    eps: Any = 0.0,
    p: Any = 2.0,
    distance_upper_bound: Any = np.inf,
    workers: int = 1,
) -> Any:
    """Distances to the neighbours that SciPy finds; those that are missing stay infinite."""
    x = asarray(x)
    d, i = by_scipy(_query, self, plain(x), k, eps, p, distance_upper_bound, workers)
    data = getattr(self, "traced_data", self.data)
    is_there = np.isfinite(d)
    points = x[..., None, :] if np.ndim(i) == np.ndim(x) else x
    nearest = data[np.where(is_there, i, 0)]
    norms = np.linalg.norm(points - nearest, p, axis=-1)
    return given(np.where(is_there, norms, np.inf), d), i


_set_up_hull: Any = spatial.ConvexHull.__init__


@implements(spatial.ConvexHull.__init__)
def _init_hull(
    self: Any, points: Value, incremental: bool = False, qhull_options: Any = None
) -> None:
    """The hull that SciPy finds, with traced points, volume, area and planes."""
    points = asarray(points)
    by_scipy(_set_up_hull, self, plain(points), incremental, qhull_options)
    n = shape_of(points)[1]
    corners = points[self.simplices]  # (facets, n, n)
    centre = np.mean(np.asarray(unbox(points))[self.vertices], axis=0)
    volumes = np.abs(np.linalg.det(corners - centre)) / factorial(n)
    edges = corners[:, 1:] - corners[:, :1]
    gram = np.linalg.det(np.matmul(edges, np.swapaxes(edges, 1, 2)))
    areas = np.sqrt(gram) / factorial(n - 1)
    self.volume = agreed(np.sum(volumes), self.volume, "the volume of a hull")
    self.area = agreed(np.sum(areas), self.area, "the area of a hull")
    # A normal solves ``edges y = 0`` and ``normal y = 1``, up to its length.
    normals = self.equations[:, :-1]
    matrix = np.concatenate([edges, np.broadcast_to(normals[:, None], (len(normals), 1, n))], 1)
    unit = np.broadcast_to(np.arange(n) == n - 1, (len(normals), n))[..., None] * 1.0
    y = np.linalg.solve(matrix, unit)[..., 0]
    y = y / np.linalg.norm(y, axis=-1, keepdims=True)
    offsets = -np.sum(y * corners[:, 0], axis=-1, keepdims=True)
    planes = np.concatenate([y, offsets], axis=-1)
    self.equations = agreed(planes, self.equations, "the planes of a hull", 1e-5)
    keep_points(self, points)
