"""Triangulations and Voronoi diagrams of traced points: SciPy finds which points belong together,
and the transforms of simplices and the corners of regions are computed again from the points."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import spatial

from ....core.batch import shape_of
from ....core.types import Value
from ....errors import MissingRuleError, user_line
from ...numpy.creation import asarray, given
from ..arguments import by_scipy, plain
from ..dispatch import implements
from ..pieces import Underived, constants, refuses

_triangulate: Any = spatial.Delaunay.__init__
_divide: Any = spatial.Voronoi.__init__


_LIFTED = "Qhull scales the paraboloid of the points; take the planes of ConvexHull"


def keep_points(self: Any, points: Value) -> None:
    """Give an object of Qhull's its traced points."""
    self._points = np.copy(points, order="C")
    self.min_bound, self.max_bound = np.min(points, axis=0), np.max(points, axis=0)


@implements(spatial.Delaunay.__init__)
def _init_delaunay(
    self: Any,
    points: Value,
    furthest_site: bool = False,
    incremental: bool = False,
    qhull_options: Any = None,
) -> None:
    """The triangulation that SciPy finds, with traced points and transforms."""
    points = asarray(points)
    by_scipy(_triangulate, self, plain(points), furthest_site, incremental, qhull_options)
    value = self.transform
    corners = points[self.simplices]  # (simplices, n + 1, n)
    n = shape_of(points)[1]
    is_flat = np.isnan(value).any(axis=(1, 2))[:, None, None]
    matrix = np.swapaxes(corners[:, :-1] - corners[:, -1:], 1, 2)
    inverse = np.linalg.inv(np.where(is_flat, np.eye(n), matrix))
    made = np.concatenate([inverse, corners[:, -1:]], axis=1)
    self._transform = given(np.where(is_flat, np.nan, made), value)
    for name in ("equations", "paraboloid_scale", "paraboloid_shift"):
        setattr(self, name, Underived(getattr(self, name), f"Delaunay.{name}", _LIFTED))
    keep_points(self, points)


@implements(spatial.Voronoi.__init__)
def _init_voronoi(
    self: Any,
    points: Value,
    furthest_site: bool = False,
    incremental: bool = False,
    qhull_options: Any = None,
) -> None:
    """The diagram that SciPy finds, with traced points and vertices."""
    points = asarray(points)
    by_scipy(_divide, self, plain(points), furthest_site, incremental, qhull_options)
    n, near = shape_of(points)[1], [list[int]() for _ in self.vertices]
    for point, region in enumerate(self.point_region):
        for vertex in self.regions[region] if region >= 0 else ():
            if vertex >= 0:
                near[vertex].append(point)
    if any(len(group) != n + 1 for group in near):
        raise MissingRuleError(
            f"Voronoi has no derivative here, {user_line()}: a vertex has more than {n + 1} "
            f"nearest points, and moves in another way for each of them. Pass "
            f"dualdiff.value_of(points) to count them as constant."
        )
    if near:
        # A vertex c has the same distance from its points: (p_i - p_0) c = (|p_i|^2 - |p_0|^2) / 2.
        corners = points[np.array(near)]
        edges, middle = corners[:, 1:] - corners[:, :1], (corners[:, 1:] + corners[:, :1]) / 2
        right = np.sum(edges * middle, axis=-1)[..., None]
        self.vertices = given(np.linalg.solve(edges, right)[..., 0], self.vertices)
    keep_points(self, points)


def _add_points(self: Any, points: Value, restart: bool = False) -> None:
    """A mesh that grows has no derivative, since SciPy computes all of it anew."""
    raise MissingRuleError(
        f"{type(self).__name__}.add_points has no derivative, {user_line()}; make a new "
        f"{type(self).__name__} of all the points"
    )


refuses(
    spatial,
    "SphericalVoronoi HalfspaceIntersection",
    "compute the corners from the planes or points",
)
for _mesh in (spatial.ConvexHull, spatial.Delaunay, spatial.Voronoi):
    implements(_mesh.add_points)(_add_points)
constants(spatial.Delaunay, "find_simplex", "self xi tol")
