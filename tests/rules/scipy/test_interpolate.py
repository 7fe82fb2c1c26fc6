"""`scipy.interpolate`: splines and polynomials by data, abscissas, coefficients, knots, points."""

import numpy as np
import pytest
import scipy.interpolate
from scipy.interpolate import BSpline, CubicSpline, interp1d

import dualdiff as dd
from dualdiff.rules.scipy.interpolate import knots
from tests.rules.table import A, row, rule_tests
from tests.versions import OLD_SCIPY, RNG_NAME

S = dd.scipy.interpolate
X = np.array([0.0, 0.3, 0.5, 1.1, 1.4, 2.0])
Q = np.array([0.13, 0.81, 0.37, 1.77])
Y = A(6)
KNOTS = np.array([0.0, 0.1, 0.2, 0.3, 0.7, 1.3, 1.7, 1.8, 1.9, 2.0])
SEED = {} if OLD_SCIPY else {RNG_NAME: 0}  # of `barycentric_interpolate`
REAL = {"_complex": False, "_float32": False}


def use(make, *args, _of=lambda s, q: s(q), _points=Q, **options):
    """A row: an interpolator made of traced arguments, at traced points."""
    name = options.pop("_id", getattr(make, "__name__", "make"))
    made = {k: v for k, v in options.items() if not k.startswith("_")}
    own = {**REAL, **{k: v for k, v in options.items() if k.startswith("_")}}

    def function(*leaves):
        return _of(make(*leaves[:-1], **made), leaves[-1])

    return row(function, *args, _points, _id=name, **own)


ROWS = [
    use(S.CubicSpline, X, Y),
    use(S.CubicSpline, X, A(2, 6, 2), axis=1, _points=A(2, 2, low=0.05, high=1.9)),
    *(
        use(S.CubicSpline, X, Y, bc_type=bc, _id=f"CubicSpline-{i}")
        for i, bc in enumerate(["natural", "clamped", ((1, 0.3), (2, -0.5))])
    ),
    use(lambda x, y: S.CubicSpline(x, np.append(y, y[:1]), bc_type="periodic"), X, Y[:5],
        _points=Q + 2.5, _id="CubicSpline-periodic"),
    use(S.CubicSpline, X, Y, _of=lambda s, q: s(q, 2), _id="CubicSpline-nu"),
    use(S.CubicSpline, X, Y, _of=lambda s, q: s.derivative()(q), _id="CubicSpline-derivative"),
    use(S.CubicSpline, X, Y, _of=lambda s, q: s.antiderivative(2)(q), _id="CubicSpline-anti"),
    use(S.CubicSpline, X, Y, _of=lambda s, q: s.integrate(q[0], q[3]), _id="CubicSpline-integral"),
    use(S.CubicSpline, X, Y, _of=lambda s, q: s.solve(0.3), _id="CubicSpline-solve"),
    use(S.PchipInterpolator, X, Y),
    use(S.Akima1DInterpolator, X, Y),
    use(S.Akima1DInterpolator, X, Y, method="makima", _id="makima"),
    use(S.CubicHermiteSpline, X, Y, A(6, seed=1)),
    use(S.PPoly, A(3, 5, 2), X),
    use(S.BPoly, A(3, 5), X),
    use(S.BPoly, A(3, 5), X, _of=lambda s, q: s(q, 1), _id="BPoly-nu"),
    use(S.BPoly, A(3, 5), X, _of=lambda s, q: s.antiderivative()(q), _id="BPoly-anti"),
    use(S.BPoly.from_derivatives, X[:3], A(3, 2), _points=Q[:3], _id="from_derivatives"),
    use(S.KroghInterpolator, X, Y),
    use(S.KroghInterpolator, X, Y, _of=lambda s, q: s.derivatives(q, 2), _id="Krogh-derivatives"),
    use(lambda x, y: S.BarycentricInterpolator(x, y, **{RNG_NAME: 0}), X, Y, _id="Barycentric"),
    use(lambda x, y: S.BarycentricInterpolator(x, y, **{RNG_NAME: 0}), X[:4], Y[:4],
        _of=lambda s, q: s.derivative(q), _points=Q[:2], _id="Barycentric-derivative"),
    use(lambda x, y: S.BarycentricInterpolator(x, y, **{RNG_NAME: 0}), X[:4], A(4, 2),
        _points=X[1:3], _id="Barycentric-at-points"),
    use(lambda x, y: S.BarycentricInterpolator(x, y, **{RNG_NAME: 0}), X[:4], Y[:4],
        _of=lambda s, q: s.derivatives(q, 3), _points=X[1:3], _id="Barycentric-all-derivatives"),
    row(S.krogh_interpolate, X[:4], Y[:4], Q[:2], **REAL),
    row(lambda x, y, q: S.barycentric_interpolate(x, y, q, **SEED), X[:4], Y[:4], Q[:2],
        _id="barycentric_interpolate", **REAL),
    row(S.pchip_interpolate, X[:4], Y[:4], Q[:2], **REAL),
    row(lambda s: S.approximate_taylor_polynomial(lambda p: np.exp(s * p), 0.0, 3, 1.0).coef,
        0.7, _id="approximate_taylor_polynomial", **REAL),
    *(
        use(S.interp1d, X, Y, kind=kind, _id=f"interp1d-{kind}")
        for kind in ("linear", "nearest", "nearest-up", "zero", "slinear", "quadratic", "cubic",
                     "previous", "next", 5)
    ),
    use(S.interp1d, X, A(6, 2), axis=0, fill_value="extrapolate", _points=Q * 1.4,
        _id="interp1d-extrapolate"),
    use(lambda x, y, f: S.interp1d(x, y, bounds_error=False, fill_value=(f, -f)), X, Y, 0.7,
        _points=Q * 1.4 - 0.3, _id="interp1d-fill"),
    use(lambda t, c: S.BSpline(t, c, 3), KNOTS, Y, _id="BSpline"),
    use(lambda t, c: S.BSpline(t, c, 3), KNOTS, Y, _of=lambda s, q: s(q, 1), _id="BSpline-nu"),
    use(lambda c: S.BSpline(KNOTS, c, 3, axis=1), A(2, 6), _id="BSpline-axis"),
    use(lambda c: S.BSpline(KNOTS, c, 3, "periodic"), Y, _points=Q + 1.5, _id="BSpline-periodic"),
    *(
        use(lambda c, e=extrapolate: S.BSpline(KNOTS, c, 3, e), Y, _points=np.array([0.4, 1.2]),
            # Old releases return Python's float.
            _of=lambda s, q: np.positive(s.integrate(q[0], q[1])),
            _id=f"BSpline-integral-{extrapolate}")
        for extrapolate in (True, False, "periodic")
    ),
    use(lambda t, c: S.BSpline(t, c, 3), KNOTS, Y, _of=lambda s, q: s.derivative(2)(q),
        _id="BSpline-derivative"),
    use(lambda t, c: S.BSpline(t, c, 3), KNOTS, Y, _of=lambda s, q: s.antiderivative()(q),
        _id="BSpline-anti"),
    *(
        use(lambda x, y, k=k: S.make_interp_spline(x, y, k), X, Y, _id=f"make_interp_spline-{k}")
        for k in ((0, 1, 3, 5) if OLD_SCIPY else range(6))
    ),
    use(lambda x, y, v: S.make_interp_spline(x, y, 3, bc_type=([(1, v)], [(2, 2 * v)])), X, Y, 0.7,
        _id="make_interp_spline-ends"),
    use(S.make_interp_spline, X, A(6, 2), bc_type="natural", _id="make_interp_spline-natural"),
    *(
        use(lambda x, y, k=k: S.make_interp_spline(x, np.append(y, y[:1]), k, bc_type="periodic"),
            X, Y[:5], _points=Q + 0.5, _id=f"make_interp_spline-periodic-{k}")
        for k in (2, 3)
    ),
    use(lambda x, y, w: S.make_lsq_spline(x, y, np.array([0, 0, 0, 0.9, 2.2, 2.2, 2.2]), 2, w),
             X + 0.05, Y, A(6, low=0.5, high=1.5), _id="make_lsq_spline"),
    use(lambda y, t: S.make_lsq_spline(X, y, np.concatenate([[0.0] * 3, t, [2.0] * 3]), 2), Y,
        np.array([0.9]), _id="make_lsq_spline-knots"),
]  # fmt: skip
TestRules = rule_tests(ROWS)


def test_values_outside_are_nan_with_derivative_zero():
    c = A(3, 5)
    outside = np.array([-0.5, 1.0, 2.5])
    poly = scipy.interpolate.PPoly(c, X, extrapolate=False)

    def total(c, q):
        values = scipy.interpolate.PPoly(c, X, extrapolate=False)(q)
        assert np.isnan(dd.value_of(values)).tolist() == [True, False, True]
        return np.nansum(values)

    by_c, by_q = dd.grad(total, (0, 1))(c, outside)
    assert np.count_nonzero(by_c) == 3
    np.testing.assert_allclose(by_q, [0.0, poly(1.0, 1), 0.0])


def test_objects_made_of_traced_data_are_scipys_with_scipys_attributes():
    def f(y):
        spline = CubicSpline(X, y)
        assert type(spline) is CubicSpline
        np.testing.assert_array_equal(dd.value_of(spline.c), CubicSpline(X, Y).c)
        assert np.array_equal(dd.value_of(spline(Q)), CubicSpline(X, Y)(Q))
        line = interp1d(X, y)
        assert np.array_equal(dd.value_of(line(Q)), interp1d(X, Y)(Q))
        return np.sum(spline.c[2]) + np.sum(line.y)

    slope = dd.grad(lambda y: np.sum(CubicSpline(X, y)(X[:-1], 1)) + np.sum(y))
    np.testing.assert_allclose(dd.grad(f)(Y), slope(Y))


def test_plain_objects_take_traced_points_and_captured_ones_count():
    spline = CubicSpline(X, Y)
    assert dd.grad(spline)(0.8) == pytest.approx(spline(0.8, 1))
    assert dd.grad(dd.grad(spline))(0.8) == pytest.approx(spline(0.8, 2))
    basis = BSpline(KNOTS, Y, 3)
    np.testing.assert_allclose(dd.elementwise_grad(basis)(Q), basis(Q, 1))

    def f(y):
        line = CubicSpline(X, y)
        return (lambda t: line(t) * line.derivative()(t))(0.8)

    h = 1e-6
    step = np.eye(6)[2] * h
    central = (f(Y + step) - f(Y - step)) / (2 * h)
    assert dd.grad(f)(Y)[2] == pytest.approx(central, rel=1e-7)


def test_derivatives_of_a_spline_by_its_points_are_scipys():
    spline = scipy.interpolate.make_interp_spline(X, Y, 5)
    points = np.array([-0.3, 0.0, 0.9, 2.0, 2.4])  # also beyond the data
    np.testing.assert_allclose(
        dd.elementwise_grad(spline)(points), spline(points, 1), rtol=1e-9, atol=1e-12
    )


def test_pieces_of_a_spline_have_its_values():
    t = np.sort(np.concatenate([KNOTS, [0.7, 0.7]]))  # a knot of multiplicity 3
    c = A(8, 2)
    points = np.linspace(0.3, 1.7, 41)
    np.testing.assert_allclose(knots.spline(t, c, 3, points), BSpline(t, c, 3)(points), atol=1e-13)


def test_descending_breaks_are_taken():
    c, breaks = A(3, 5), X[::-1].copy()
    value, slope = scipy.interpolate.PPoly(c, breaks)(Q), scipy.interpolate.PPoly(c, breaks)(Q, 1)
    found, pushed = dd.jvp(lambda q: scipy.interpolate.PPoly(c, breaks)(q), (Q,), (np.ones(4),))
    np.testing.assert_array_equal(found, value)
    np.testing.assert_allclose(pushed, slope)


def test_a_jacobian_by_all_data_is_the_matrix_of_the_interpolation():
    jacobian = dd.jacobian(lambda y: CubicSpline(X, y)(Q))(Y)
    np.testing.assert_allclose(jacobian @ Y, CubicSpline(X, Y)(Q))
    columns = [CubicSpline(X, unit)(Q) for unit in np.eye(6)]
    np.testing.assert_allclose(jacobian, np.stack(columns, 1), atol=1e-14)
