"""`scipy.interpolate`: FITPACK's splines, surfaces, grids, scattered data, radial functions."""

import numpy as np
import pytest
import scipy.interpolate
from scipy.interpolate import (
    CloughTocher2DInterpolator,
    LinearNDInterpolator,
    NdBSpline,
    NearestNDInterpolator,
    RBFInterpolator,
    RectBivariateSpline,
    RegularGridInterpolator,
    UnivariateSpline,
    griddata,
)

import dualdiff as dd
from dualdiff.errors import MissingRuleError
from tests.rules.table import A, row, rule_tests
from tests.versions import OLD_SCIPY

S = dd.scipy.interpolate
REAL = {"_complex": False, "_float32": False}
GX = np.array([0.0, 0.3, 0.5, 1.1, 1.6, 2.0, 2.3])
GY = np.array([0.0, 0.4, 0.9, 1.3, 1.7, 2.2])
Z = A(7, 6)
Q = A(3, 2, low=0.2, high=1.9)
KNOTS = np.array([0.0, 0.1, 0.2, 0.3, 0.7, 1.3, 1.7, 1.8, 1.9, 2.0])
C = np.concatenate([A(6), np.zeros(4)])
P = np.array([0.37, 0.81, 1.23])
X = np.array([0.0, 0.12, 0.3, 0.41, 0.55, 0.66, 0.8, 0.93, 1.0])
Y = np.sin(5 * X) + 0.1 * A(9)
W = A(9, low=0.5, high=1.5)
R = np.array([0.13, 0.47, 0.86])
SQUARE = (np.array([0.0, 0, 0, 0, 1, 1, 1, 1]),) * 2
SITES = np.concatenate([np.array([[0.0, 0], [1, 0.1], [0.1, 1], [1.1, 1.2]]), A(6, 2, low=0.2)])
HEIGHTS = np.sin(3 * SITES[:, 0]) + SITES[:, 1] ** 2
INNER = A(3, 2, seed=4, low=0.35, high=0.7)


def of(f, *args, name, **options):
    return row(f, *args, _id=name, **{**REAL, **options})


def grid(method, **options):
    return lambda x, y, z, q: RegularGridInterpolator((x, y), z, method, **options)(q)


ROWS = [
    *(of(grid(m), GX, GY, Z, Q, name=f"RegularGridInterpolator-{m}")
      for m in ("linear", "nearest", "slinear", "cubic_legacy", "pchip")),
    of(lambda z, q: RegularGridInterpolator((GX, GY), z)(q), A(7, 6, 2), A(2, 2, 2, low=0.1),
       name="RegularGridInterpolator-axes"),
    of(lambda z, q: RegularGridInterpolator((-GX, GY), z)(q * np.array([-1.0, 1.0])), Z, Q,
       name="RegularGridInterpolator-descending"),
    of(lambda x, z, q: S.interpn((x, GY), z, q), GX, Z, Q, name="interpn"),
    of(lambda c, q: NdBSpline(SQUARE, c, 3)(q), A(4, 4), Q / 2, name="NdBSpline"),
    of(lambda c, q: NdBSpline(SQUARE, c, 3)(q, nu=(1, 0)), A(4, 4, 2), Q[:1] / 2,
       name="NdBSpline-nu"),
    *(of(lambda t, c, x, e=ext: S.splev(x, (t, c, 3), ext=e), KNOTS, C, P * 1.8 - 0.4,
         name=f"splev-{ext}") for ext in (0, 1, 3)),
    of(lambda t, c, x: S.splev(x, (t, c, 3), 2), KNOTS, C, P, name="splev-der"),
    of(lambda c, x: S.splev(x, (KNOTS, [c, 2 * c], 3)), C, P, name="splev-curve"),
    of(lambda t, c, a, b: np.multiply(1.0, S.splint(a, b, (t, c, 3))), KNOTS, C, 0.4, 1.6,
       name="splint"),
    of(lambda t, c: S.splder((t, c, 3), 2)[:2], KNOTS, C, name="splder"),
    of(lambda t, c: S.splantider((t, c, 3))[:2], KNOTS, C, name="splantider"),
    of(lambda t, c, x: S.spalde(x, (t, c, 3)), KNOTS, C, 0.8, name="spalde"),
    of(lambda c: S.sproot((KNOTS, np.concatenate([c, np.zeros(4)]), 3)),
       np.array([-1.0, 0.5, 1.0, -0.6, 0.4, 1.0]), name="sproot"),
    *(of(lambda x, y, q, k=k: S.splev(q, S.splrep(x, y, k=k)), X, Y, R, name=f"splrep-{k}")
      for k in (1, 2, 3)),
    of(lambda x, y, w: S.splrep(x, y, w, t=[0.45], xb=-0.1, xe=1.1)[1], X, Y, W,
       name="splrep-knots"),
    of(lambda y, t: S.splrep(X, y, t=t)[1], Y, np.array([0.47]), name="splrep-t"),
    of(lambda y: S.splrep(X, np.append(y, y[:1]), per=1)[1], Y[:8], name="splrep-periodic"),
    of(lambda x, y, q: S.splev(q, S.splprep([x, y], s=0)[0]), X, Y, R, name="splprep"),
    of(lambda y, u, q: S.splev(q, S.splprep([X, y], u=u, k=2, s=0)[0]), Y, X, R,
       name="splprep-parameter"),
    of(lambda t, c, x: S.insert(x, (t, c, 3), 2)[1][:8], KNOTS, C, 0.8, name="insert"),
    of(lambda c, x: S.insert(x, (KNOTS, [c, 2 * c], 3))[1][1][:7], C, 0.8, name="insert-curve"),
    of(lambda x, y, z, t, q: S.LSQBivariateSpline(x, y, z, t, [], kx=1, ky=1)(q, 0.7), SITES[:, 0],
       SITES[:, 1], HEIGHTS, np.array([0.6]), R, name="LSQBivariateSpline"),
    of(lambda z, w, q: S.SmoothBivariateSpline(SITES[:, 0], SITES[:, 1], z, w, kx=1, ky=2)(q, 0.7),
       HEIGHTS, A(10, low=0.5), R, name="SmoothBivariateSpline"),
    of(lambda x, y, w, q: S.UnivariateSpline(x, y, w, s=0)(q), X, Y, W, R,
       name="UnivariateSpline"),
    of(lambda x, y, q: S.InterpolatedUnivariateSpline(x, y, k=2)(q), X, Y, R,
       name="InterpolatedUnivariateSpline"),
    of(lambda y, w, q: S.LSQUnivariateSpline(X, y, [0.5], w)(q), Y, W, R,
       name="LSQUnivariateSpline"),
    of(lambda y, b: np.multiply(1.0, S.UnivariateSpline(X, y, s=0).integral(0.1, b)), Y, 0.7,
       name="UnivariateSpline-integral"),
    of(lambda y, q: S.UnivariateSpline(X, y, s=0).derivative()(q), Y, R,
       name="UnivariateSpline-derivative"),
    of(lambda y, q: S.UnivariateSpline(X, y, s=0).antiderivative()(q), Y, R,
       name="UnivariateSpline-antiderivative"),
    of(lambda y: S.UnivariateSpline(X, y, s=0).derivatives(0.4), Y,
       name="UnivariateSpline-derivatives"),
    of(lambda y: S.UnivariateSpline(X, y, s=0).roots(), Y, name="UnivariateSpline-roots"),
    of(lambda x, y, z, u, v: S.RectBivariateSpline(x, y, z)(u, v), GX, GY, Z,
       np.array([0.4, 1.3]), np.array([0.6, 1.9]), name="RectBivariateSpline"),
    of(lambda z, u, v: S.RectBivariateSpline(GX, GY, z, kx=1, ky=2).ev(u, v), Z, Q[:, 0], Q[:, 1],
       name="RectBivariateSpline-ev"),
    of(lambda z, u, v: S.RectBivariateSpline(GX, GY, z)(u, v, dx=1, grid=False), Z, Q[:, 0],
       Q[:, 1], name="RectBivariateSpline-dx"),
    of(lambda z, u: S.RectBivariateSpline(GX, GY, z).partial_derivative(1, 1)(u, 0.7, grid=False),
       Z, Q[:, 0], name="RectBivariateSpline-partial"),
    of(lambda z, a: np.multiply(1.0, S.RectBivariateSpline(GX, GY, z).integral(a, 1, 0.2, 2)),
       Z, 0.1, name="RectBivariateSpline-integral"),
    of(lambda x, y, c: S.bisplev(x, y, [*SQUARE, c, 3, 3]), np.array([0.3, 0.6]),
       np.array([0.2, 0.7]), A(16), name="bisplev"),
    of(lambda p, v, q: LinearNDInterpolator(p, v)(q), SITES, HEIGHTS, INNER,
       name="LinearNDInterpolator"),
    of(lambda v, q: LinearNDInterpolator(SITES, v, rescale=True)(q[:, 0], q[:, 1]), A(10, 2),
       INNER, name="LinearNDInterpolator-rescale"),
    of(lambda v: NearestNDInterpolator(SITES, v)(INNER), HEIGHTS, name="NearestNDInterpolator"),
    of(lambda v, q: CloughTocher2DInterpolator(SITES, v, tol=1e-13, maxiter=10000)(q), HEIGHTS,
       INNER, name="CloughTocher2DInterpolator"),
    of(lambda p, v, q: S.griddata(p, v, (q[:, 0], q[:, 1])), SITES, HEIGHTS, INNER,
       name="griddata-linear"),
    of(lambda v: S.griddata(SITES, v, INNER, "nearest"), HEIGHTS, name="griddata-nearest"),
    *(of(lambda x, v, q, m=m: S.griddata(x, v, q, m), X[:6], HEIGHTS[:6], R[:2],
         name=f"griddata-line-{m}") for m in ("linear", "cubic")),
    *(of(lambda p, v, q, m=m: RBFInterpolator(p, v, kernel=m)(q), SITES[:7], HEIGHTS[:7],
         INNER[:2], name=f"RBFInterpolator-{m}") for m in ("thin_plate_spline", "cubic")),
    *(of(lambda p, v, q, e, m=m: RBFInterpolator(p, v, kernel=m, epsilon=e)(q), SITES[:7],
         HEIGHTS[:7], INNER[:2], 1.5, name=f"RBFInterpolator-{m}")
      for m in ("multiquadric", "inverse_quadratic")),
    of(lambda e: RBFInterpolator(SITES, HEIGHTS, kernel="gaussian", epsilon=e)(INNER[:2]),
       np.array(1.5), name="RBFInterpolator-epsilon-array"),
    of(lambda v, s: RBFInterpolator(SITES, v, smoothing=s)(INNER), HEIGHTS, 0.1,
       name="RBFInterpolator-smoothing"),
    of(lambda v, q: RBFInterpolator(SITES, v, neighbors=6)(q), A(10, 2), INNER,
       name="RBFInterpolator-neighbors"),
    of(lambda x, d, q: S.Rbf(x, d)(q), X[1:6], Y[1:6], R, name="Rbf"),
]  # fmt: skip
TestRules = rule_tests(ROWS)


def derivatives_agree(f, x, seed=0, size=1e-6, tolerance=1e-6):
    v = A(*x.shape, seed=seed)
    central = (f(x + size * v) - f(x - size * v)) / (2 * size)
    np.testing.assert_allclose(dd.jvp(f, (x,), (v,))[1], central, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("method", "k"), [("cubic", 3), ("quintic", 5)])
def test_splines_on_a_grid_have_derivatives_of_exact_splines(method, k):
    # SciPy finds their coefficients by iteration, to 1e-5.
    q = np.array([[0.4, 0.6], [1.3, 1.9]])
    lines = [scipy.interpolate.make_interp_spline(g, np.eye(len(g)), k) for g in (GX, GY)]

    def exact(z, q):
        return np.einsum("ri,ij,rj->r", lines[0](q[:, 0]), z, lines[1](q[:, 1]))

    found = dd.jacobian(lambda z: RegularGridInterpolator((GX, GY), z, method)(q))(Z)
    np.testing.assert_allclose(found, dd.jacobian(exact)(Z, q), atol=1e-12)
    gradient = dd.grad(lambda q: np.sum(RegularGridInterpolator((GX, GY), Z, method)(q)))(q)
    np.testing.assert_allclose(gradient, dd.grad(lambda q: np.sum(exact(Z, q)))(q), rtol=1e-9)


def test_points_outside_a_grid_extrapolate_or_have_the_fill_value():
    q = np.array([[-0.3, 0.6], [1.3, 2.6], [0.4, 0.6]])
    extrapolated = RegularGridInterpolator((GX, GY), Z, bounds_error=False, fill_value=None)
    derivatives_agree(extrapolated, q)
    filled = RegularGridInterpolator((GX, GY), Z, bounds_error=False, fill_value=7.0)
    gradient = dd.grad(lambda q: np.sum(filled(q)))(q)
    assert not np.any(gradient[:2])
    assert np.all(gradient[2])


def test_a_smoothing_spline_solves_its_own_equations_on_the_trace():
    x = np.linspace(0, 1, 30)
    y = np.sin(5 * x) + 0.05 * A(30)
    for make in (
        lambda y: UnivariateSpline(x, y, s=0.05)(R),
        lambda y: scipy.interpolate.splev(R, scipy.interpolate.splrep(x, y, s=0.05)),
        lambda y: np.stack(S.splev(R, S.splprep([y, x], u=x, s=0.05)[0]))[0],
    ):
        jacobian = dd.jacobian(make)(y)
        # The residual stays s, so a change of the data by a multiple of a cubic changes the spline
        # by the same: it is orthogonal to the jumps and to the residual.
        for p in range(4):
            np.testing.assert_allclose(jacobian @ x**p, R**p, atol=1e-8)
        # FITPACK meets s to a thousandth only, so its differences are no reference.
        curved = dd.jvp(dd.jacobian(make), (y,), (x**2,))[1]
        assert np.all(np.abs(curved) < 1e-6)


def test_surfaces_that_choose_knots_by_the_data_say_so():
    x, y = A(60, low=0.0), A(60, seed=1, low=0.0)
    z = np.sin(8 * x) * y
    with pytest.raises(MissingRuleError, match="LSQBivariateSpline"):
        dd.grad(lambda z: S.SmoothBivariateSpline(x, y, z, s=0.2).ev(0.5, 0.5))(z)


def test_scattered_points_outside_the_hull_have_the_fill_value():
    q = np.array([[0.5, 0.5], [3.0, 3.0]])
    for cls in (LinearNDInterpolator, CloughTocher2DInterpolator):
        plain = cls(SITES, HEIGHTS, fill_value=0.0)
        gradient = dd.grad(lambda q, f=plain: np.sum(f(q)))(q)
        assert np.all(gradient[0])
        assert not np.any(gradient[1])


def test_cubic_griddata_is_linear_in_the_values():
    f = lambda v: griddata(SITES, v, INNER, "cubic")  # noqa: E731
    jacobian = dd.jacobian(f)(HEIGHTS)
    np.testing.assert_allclose(jacobian @ HEIGHTS, f(HEIGHTS), rtol=1e-4)
    derivatives_agree(CloughTocher2DInterpolator(SITES, HEIGHTS, tol=1e-12), INNER)


@pytest.mark.parametrize(
    "of_data",
    [
        lambda v: LinearNDInterpolator(SITES, v).values[:, 0],
        lambda v: NearestNDInterpolator(SITES, v).values,
        lambda v: CloughTocher2DInterpolator(SITES, v).values[:, 0],
        lambda v: RBFInterpolator(SITES, v).d[:, 0],
        lambda v: RBFInterpolator(v[:, None], HEIGHTS).y[:, 0],
    ],
)
def test_attributes_of_interpolants_show_the_traced_data(of_data):
    np.testing.assert_array_equal(dd.jacobian(of_data)(HEIGHTS), np.eye(len(HEIGHTS)))
    np.testing.assert_array_equal(dd.vjp(of_data, HEIGHTS)[0], HEIGHTS)


@pytest.mark.parametrize(
    "of_data",
    [
        lambda v: RBFInterpolator(SITES, v)._coeffs,
        lambda v: RBFInterpolator(v[:, None] ** 2, HEIGHTS, kernel="cubic")._coeffs,
        lambda v: RBFInterpolator(v[:, None] ** 2, HEIGHTS)._shift,
        lambda v: RBFInterpolator(v[:, None] ** 2, HEIGHTS)._scale,
        lambda v: CloughTocher2DInterpolator(SITES, np.stack([v, v**2], -1), tol=1e-12).grad,
        lambda v: CloughTocher2DInterpolator(SITES, v, tol=1e-12, rescale=True).grad,
        lambda v: LinearNDInterpolator(moved(v), HEIGHTS).points,
        lambda v: LinearNDInterpolator(moved(v), HEIGHTS).tri.transform,
        lambda v: LinearNDInterpolator(moved(v), HEIGHTS, rescale=True).points,
        lambda v: LinearNDInterpolator(moved(v), HEIGHTS, rescale=True).offset,
        lambda v: NearestNDInterpolator(moved(v), HEIGHTS, rescale=True).scale,
        lambda v: NearestNDInterpolator(moved(v), HEIGHTS).tree.query(INNER)[0],
    ],
)
def test_what_interpolants_compute_on_their_way_has_derivatives(of_data):
    dd.check_grads(of_data, (HEIGHTS,), order=1, rtol=1e-4)


def moved(v):
    return SITES + 0.01 * np.stack([v, v**2], axis=-1)


def test_a_radial_function_that_vanishes_at_a_point_has_derivatives_there():
    f = RBFInterpolator(X[:, None], np.sin(X))
    slope = dd.grad(lambda x: f(np.reshape(x, (1, 1)))[0])
    h = 1e-6
    around = f(np.array([[X[0] + h], [X[0] - h]]))
    assert slope(X[0]) == pytest.approx((around[0] - around[1]) / (2 * h), rel=1e-3)


def test_plain_surfaces_take_traced_points():
    surface = RectBivariateSpline(GX, GY, Z)
    for f in (
        lambda q: surface(q[:, 0], q[:, 1], grid=False),
        RBFInterpolator(SITES, HEIGHTS),
        lambda q: NdBSpline(SQUARE, A(4, 4), 3)(q),
    ):
        derivatives_agree(f, INNER)


def test_a_spline_of_plain_data_takes_traced_points():
    spline = UnivariateSpline(X, Y, s=0)
    assert type(spline) is scipy.interpolate.InterpolatedUnivariateSpline
    np.testing.assert_allclose(dd.elementwise_grad(spline)(R), spline(R, 1))


def rows_of_more():
    knots = (np.array([0.0, 1.0]), np.array([0.0, 0.5, 1.0]))
    yield of(lambda x, y, w, m, q: S.make_smoothing_spline(x, y, w, m)(q), X, Y, W, 0.5, R,
             name="make_smoothing_spline")  # fmt: skip
    if not OLD_SCIPY:  # which smooths one column
        yield of(lambda y: S.make_smoothing_spline(X, y, lam=0.1)(R), A(9, 2),
                 name="make_smoothing_spline-columns")  # fmt: skip
    yield of(lambda x, y: S.lagrange(x, y).coef, X[:4], Y[:4], name="lagrange", _exact=False)
    yield of(lambda a: S.pade(a, 2)[1].coef, A(5, low=0.5, high=1.0), name="pade")
    yield of(
        lambda c, q: S.NdPPoly(c, knots)(q),
        A(3, 2, 1, 2),
        np.array([[0.2, 0.3], [0.6, 0.8]]),
        name="NdPPoly",
    )
    yield of(lambda c: S.NdPPoly(c, knots).integrate([(0.1, 0.9), (0.2, 0.8)]), A(3, 2, 1, 2),
             name="NdPPoly-integral")  # fmt: skip
    if hasattr(scipy.interpolate, "FloaterHormannInterpolator"):
        yield of(lambda x, y, q: S.FloaterHormannInterpolator(x, y)(q), X[:5], Y[:5], R[:2],
                 name="FloaterHormannInterpolator")  # fmt: skip
        yield of(lambda x, y, q: S.FloaterHormannInterpolator(x, y, d=2)(q), X[:4], A(4, 2), X[:2],
                 name="FloaterHormannInterpolator-at-points")  # fmt: skip


TestMore = rule_tests(list(rows_of_more()))


def test_a_smoothing_spline_by_cross_validation_raises():
    with pytest.raises(dd.errors.MissingRuleError, match="pass lam"):
        dd.grad(lambda y: S.make_smoothing_spline(X, y)(0.5))(Y)
