"""`scipy.spatial`: distances, rotations, neighbours and hulls by points."""

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
from scipy.spatial import ConvexHull, KDTree, cKDTree, distance
from scipy.spatial.distance import cdist, pdist
from scipy.spatial.transform import Rotation, RotationSpline, Slerp

import dualdiff as dd
from dualdiff.errors import MissingRuleError
from tests.rules.table import A, Newer, row, rule_tests
from tests.versions import before

D = dd.scipy.spatial.distance
S = dd.scipy.spatial
REAL = {"_complex": False, "_float32": False}
P, Q = A(3, 3, low=0.2, high=1.5), A(2, 3, low=0.3, high=1.4)
POINTS, OTHERS = A(7, 3, low=-1.0, high=1.0), A(4, 3, seed=1, low=-0.9, high=0.8)
OCTAHEDRON = np.concatenate([np.eye(3), -np.eye(3)]) + 0.1 * A(6, 3)
PLANE = POINTS[:6, :2]
W = np.array([0.5, 1.0, 2.0])
V = A(3, 3)
INVERSE = np.array([[2.0, 0.1, 0.2], [0.1, 1.5, 0.3], [0.2, 0.3, 1.0]])
PAIRWISE = (
    "euclidean", "sqeuclidean", "minkowski", "cityblock", "chebyshev", "canberra", "braycurtis",
    "cosine", "correlation", "seuclidean", "mahalanobis", "jensenshannon",
)  # fmt: skip
WEIGHTED = PAIRWISE[:9]
SPREAD = {"seuclidean": W, "mahalanobis": INVERSE}


def of(f, *args, name):
    # SciPy's compiled rotations refuse arrays that are not writeable.
    takes_all = not name.startswith(("Rot", "Rigid", "Slerp"))
    return row(f, *args, _id=name, _layout=takes_all, **REAL)


def number(f):
    """A function that returns a NumPy scalar where SciPy's returns a float."""
    return lambda *args, **kwargs: np.multiply(1.0, f(*args, **kwargs))


def barycentric(mesh, x):
    transform = mesh.transform[mesh.find_simplex(x)]
    return transform[:2] @ (x - transform[2])


def turned(rotvec):
    return Rotation.from_rotvec(rotvec)


ROWS = [
    *(of(lambda a, b, m=m: D.cdist(a, b, m), P[:2] if m != "mahalanobis" else A(5, 3), Q,
         name=f"cdist-{m}") for m in PAIRWISE),
    *(of(lambda a, m=m: D.pdist(a, m), P if m != "mahalanobis" else A(5, 3), name=f"pdist-{m}")
      for m in PAIRWISE),
    *(of(lambda a, b, w, m=m: D.cdist(a, b, m, w=w), P[:1], Q, W, name=f"cdist-weighted-{m}")
      for m in ("minkowski", "cosine")),
    of(lambda a, b: D.cdist(a, b, "minkowski", p=3.5), P[:2], Q, name="cdist-p"),
    of(lambda a, b: D.cdist(a, b, lambda u, v: np.sum((u - v) ** 4)), P[:2], Q, name="cdist-f"),
    *(of(number(getattr(D, m)), P[0], Q[0], *([SPREAD[m]] if m in SPREAD else []), name=m)
      for m in PAIRWISE),
    *(of(lambda u, v, w, m=m: number(getattr(D, m))(u, v, w=w), P[0], Q[0], W, name=f"{m}-weighted")
      for m in WEIGHTED),
    of(lambda u, v, p: D.minkowski(u, v, p), P[0], Q[0], 2.5, name="minkowski-p"),
    of(lambda x: D.squareform(x), A(6), name="squareform"),
    of(number(lambda a, b: D.directed_hausdorff(a, b)[0]), P, Q, name="directed_hausdorff"),
    of(lambda a, b: S.distance_matrix(a, b, 3), P[:2], Q, name="distance_matrix"),
    of(lambda a, b: S.minkowski_distance(a, b, 3), P[:2], Q, name="minkowski_distance"),
    of(lambda a, b: S.minkowski_distance_p(a, b, 1), P[:2], Q, name="minkowski_distance_p"),
    of(lambda a, b, t: S.geometric_slerp(a / np.linalg.norm(a), b / np.linalg.norm(b), t),
       P[0], P[1], np.array([0.2, 0.7]), name="geometric_slerp"),
    of(lambda a, b: S.procrustes(a, b), POINTS[:4], OTHERS, name="procrustes"),
    of(lambda a, b: S.KDTree(a).query(b, k=2)[0], POINTS, OTHERS[:2], name="KDTree"),
    of(lambda a, b: S.KDTree(a).query(b, p=1)[0], POINTS, OTHERS[:2], name="KDTree-1"),
    of(lambda a, b: S.KDTree(a).sparse_distance_matrix(S.KDTree(b), 2.0).toarray(), POINTS[:3],
       OTHERS[:2], name="KDTree-sparse"),
    of(lambda a: S.KDTree(a).data[S.KDTree(a).query_ball_point(POINTS[0], 2.0)], POINTS,
       name="KDTree-ball"),
    of(lambda a, x: barycentric(S.Delaunay(a), x), PLANE, PLANE[:3].mean(axis=0), name="Delaunay"),
    of(lambda a: S.Voronoi(a).vertices[:2], PLANE, name="Voronoi"),
    of(number(lambda a: S.ConvexHull(a).volume), OCTAHEDRON, name="ConvexHull-volume"),
    of(number(lambda a: S.ConvexHull(a).area), OCTAHEDRON, name="ConvexHull-area"),
    of(lambda a: S.ConvexHull(a).points[::2] * S.ConvexHull(a).max_bound, POINTS[:5, :2],
       name="ConvexHull-points"),
    of(lambda a: S.ConvexHull(a).equations, POINTS[:5, :2], name="ConvexHull-equations"),
    of(lambda v, p: turned(v).apply(p), V, P, name="Rotation-apply"),
    of(lambda v, p: turned(v).apply(p, inverse=True), V[0], P[0], name="Rotation-inverse"),
    of(lambda v: turned(v).as_matrix(), V[0], name="Rotation-as_matrix"),
    of(lambda v: turned(v).as_quat(), V[:2], name="Rotation-as_quat"),
    of(lambda v: turned(v).as_euler("xyz"), V[0], name="Rotation-as_euler"),
    of(lambda q: Rotation.from_quat(q).as_rotvec(), np.array([0.1, 0.2, 0.3, 0.8]),
       name="Rotation-from_quat"),
    of(lambda v: Rotation.from_matrix(turned(v).as_matrix()).as_rotvec(), V[0] / 2,
       name="Rotation-from_matrix"),
    of(lambda e: Rotation.from_euler("zyx", e, degrees=True).as_matrix(), 30 * V[0],
       name="Rotation-from_euler"),
    of(lambda v: Rotation.from_mrp(v).as_mrp(), V[0] / 4, name="Rotation-from_mrp"),
    of(lambda v, w: (turned(v) * turned(w)).inv().as_rotvec(), V[0] / 2, V[1] / 3,
       name="Rotation-product"),
    of(lambda v, n: (turned(v) ** n).as_quat(), V[0] / 2, 1.7, name="Rotation-pow"),
    *(of(lambda v, n: (turned(v) ** n).as_matrix(), V[:2] / 2, n, name=f"Rotation-pow-{n}")
      for n in (0.0, 1.0, -1.0)),
    of(lambda v: turned(v).magnitude(), V[:2], name="Rotation-magnitude"),
    of(lambda v: turned(v)[1].as_quat(), V[:2], name="Rotation-getitem"),
    of(lambda v: turned(v).mean().as_rotvec(), V / 4, name="Rotation-mean"),
    of(lambda v, t: Slerp([0.0, 1.0, 2.0], turned(v))(t).as_rotvec(), V / 3,
       np.array([0.3, 1.2]), name="Slerp"),
    of(lambda v: RotationSpline([0.0, 1.0, 2.0], turned(v))(0.4).as_rotvec(), V / 3,
       name="RotationSpline"),
    of(lambda v, t: RotationSpline([0.0, 1.0, 2.0], turned(v))(t, 1), V / 3,
       np.array([0.3, 1.2]), name="RotationSpline-rates"),
]  # fmt: skip
ROTATIONS = before("1.17.0", "its rotations are compiled code, which refuses traced values")
if ROTATIONS:
    reason = ROTATIONS[0].kwargs["reason"]
    ROWS = [Newer(r.id, reason) if r.id.startswith(("Rot", "Slerp")) else r for r in ROWS]
elif hasattr(scipy.spatial.transform, "RigidTransform"):
    Rigid = scipy.spatial.transform.RigidTransform
    ROWS += [
        of(lambda t, v, p: Rigid.from_components(t, turned(v)).apply(p), V[0], V[1], P[0],
           name="RigidTransform"),
        of(lambda x: Rigid.from_exp_coords(x).as_exp_coords(), A(6) / 3,
           name="RigidTransform-exp"),
    ]  # fmt: skip
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize("metric", PAIRWISE)
def test_coincident_points_have_derivative_zero(metric):
    points = np.concatenate([P[:1], P])
    own = {"V": W} if metric == "seuclidean" else {}
    own = {"VI": INVERSE} if metric == "mahalanobis" else own
    gradient = dd.grad(lambda a: cdist(a, P[:1], metric, **own)[0, 0])(points)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-15)
    gradient = dd.grad(lambda a: pdist(a, metric, **own)[0])(points)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-15)


@pytest.mark.parametrize(
    ("metric", "options", "matrix"),
    [
        ("euclidean", {}, np.eye(3)),
        ("minkowski", {"p": 2}, np.eye(3)),
        ("seuclidean", {"V": W}, np.diag(1 / W)),
        ("mahalanobis", {"VI": INVERSE}, INVERSE),
    ],
)
def test_squares_of_distances_have_second_derivatives_at_coincident_points(metric, options, matrix):
    points = P.copy()
    points[1] = Q[0]
    weights = np.array([1.0, 2.0])

    def total(a):
        return np.sum(cdist(a, Q, metric, **options) ** 2 * weights)

    for outer in (dd.jvp, lambda f, xs, vs: (None, dd.grad(lambda x: np.sum(f(x) * vs[0]))(*xs))):
        curved = outer(dd.grad(total), (points,), (V,))[1]
        np.testing.assert_allclose(curved, 6.0 * V @ matrix, rtol=1e-9)


def test_a_kernel_of_distances_of_points_among_themselves():
    def energy(a):
        return np.sum(np.exp(-(cdist(a, a) ** 2)))

    def by_hand(a):
        return np.sum(np.exp(-np.sum((a[:, None] - a[None]) ** 2, axis=-1)))

    for f in (lambda g: dd.grad(g)(P), lambda g: dd.jvp(dd.grad(g), (P,), (V,))[1]):
        np.testing.assert_allclose(f(energy), f(by_hand), rtol=1e-10, atol=1e-13)


def test_metrics_of_truth_values_are_constant():
    assert np.all(dd.grad(lambda a: np.sum(cdist(a, Q, "hamming")) + np.sum(a))(P) == 1.0)
    assert np.array_equal(
        dd.value_of(cdist(P, Q, distance.cosine)), scipy.spatial.distance.cdist(P, Q, "cosine")
    ) or np.allclose(cdist(P, Q, distance.cosine), cdist(P, Q, "cosine"))


def skew(w):
    return np.array([[0.0, -w[2], w[1]], [w[2], 0.0, -w[0]], [-w[1], w[0], 0.0]])


@pytest.mark.skipif(bool(ROTATIONS), reason="SciPy before 1.17: compiled rotations")
def test_rotations_at_the_identity_are_right_to_second_order():
    weights = A(3, 3, seed=3)
    zero = np.zeros(3)

    def by_rotation(w):
        return np.sum(weights * turned(w).as_matrix())

    # exp(K) = 1 + K + K @ K / 2 + ...
    def by_series(w):
        k = sum(w[i] * skew(np.eye(3)[i]) for i in range(3))
        return np.sum(weights * (np.eye(3) + k + k @ k / 2))

    np.testing.assert_allclose(dd.grad(by_rotation)(zero), dd.grad(by_series)(zero), atol=1e-14)
    np.testing.assert_allclose(
        dd.hessian(by_rotation)(zero), dd.hessian(by_series)(zero), atol=1e-12
    )
    square = dd.hessian(lambda w: np.sum(turned(w).as_rotvec() ** 2))(zero)
    np.testing.assert_allclose(square, 2 * np.eye(3), atol=1e-12)
    start = dd.hessian(
        lambda w: np.sum(Slerp([0.0, 1.0], turned(np.stack([w, 2 * w])))(0.4).as_rotvec() ** 2)
    )(zero)
    np.testing.assert_allclose(start, 2 * 1.4**2 * np.eye(3), atol=1e-12)


@pytest.mark.skipif(bool(ROTATIONS), reason="SciPy before 1.17: compiled rotations")
def test_plain_rotations_and_trees_take_traced_points():
    rotation = turned(V[0])
    jacobian = dd.jacobian(rotation.apply)(P[0])
    np.testing.assert_allclose(jacobian, rotation.as_matrix(), atol=1e-15)
    tree = KDTree(POINTS)
    d, i = tree.query(OTHERS)
    gradient = dd.grad(lambda x: np.sum(tree.query(x)[0]))(OTHERS)
    np.testing.assert_allclose(gradient, (OTHERS - POINTS[i]) / d[:, None])


def test_the_box_of_a_tree_moves_with_its_points():
    def box(x):
        tree = KDTree(x)
        return tree.mins + 2 * tree.maxes

    expected = np.zeros((3, *POINTS.shape))
    for axis in range(3):
        expected[axis, np.argmin(POINTS[:, axis]), axis] = 1
        expected[axis, np.argmax(POINTS[:, axis]), axis] = 2
    np.testing.assert_array_equal(dd.jacobian(box)(POINTS), expected)


def test_neighbours_that_are_missing_stay_infinitely_far():
    def total(x):
        d, _ = KDTree(POINTS).query(x, k=2, distance_upper_bound=0.6)
        return np.sum(np.where(np.isfinite(d), d, 0.0))

    assert np.all(np.isfinite(dd.grad(total)(OTHERS)))


def test_the_volume_of_a_cube_follows_its_corners():
    corners = np.array([[x, y, z] for x in (0.0, 1) for y in (0.0, 1) for z in (0.0, 1)])
    sizes = np.array([2.0, 3.0, 5.0])
    gradient = dd.grad(lambda s: ConvexHull(corners * s).volume)(sizes)
    np.testing.assert_allclose(gradient, [15.0, 10.0, 6.0])
    gradient = dd.grad(lambda s: ConvexHull(corners * s).area)(sizes)
    np.testing.assert_allclose(gradient, [16.0, 14.0, 10.0])


def test_a_hull_that_grows_is_refused():
    def f(s):
        hull = ConvexHull(POINTS * s, incremental=True)
        hull.add_points(2 * POINTS)
        return hull.volume

    with pytest.raises(MissingRuleError, match="add_points has no derivative"):
        dd.grad(f)(1.0)


def test_a_compiled_tree_names_the_class_that_takes_traced_points() -> None:
    tree = cKDTree(POINTS)
    for function in (lambda x: cKDTree(x).n * x, lambda x: tree.query(x)[0]):
        with pytest.raises(dd.errors.ConversionError, match=r"use scipy\.spatial\.KDTree"):
            dd.jvp(function, (POINTS,), (POINTS,))


@pytest.mark.parametrize("name", ["equations", "paraboloid_scale", "paraboloid_shift"])
def test_the_paraboloid_of_a_triangulation_says_that_it_has_no_derivative(name):
    with pytest.raises(dd.errors.MissingRuleError, match="Qhull scales the paraboloid"):
        dd.grad(lambda a: np.sum(getattr(S.Delaunay(a), name)))(PLANE)
    dd.grad(lambda a: np.sum(a) * S.Delaunay(a).find_simplex(PLANE[:1] + 0.01)[0])(PLANE)
