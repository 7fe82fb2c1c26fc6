"""Derivatives at limits: zeros of quotients, tails, branch points, scales that are not analytic."""

import mpmath as mp
import numpy as np
import pytest
from scipy import special

import dualdiff as dd
from tests.rules.scipy.special import oracle
from tests.rules.scipy.special.tables import of, real
from tests.rules.table import A, row, rule_tests
from tests.versions import OLD_SCIPY, before


def diric_of_4(x):
    return dd.scipy.special.diric(x, 4)


COMPLEX = A(3, complex=True)
ROWS = [
    *(row(of(getattr(special, name), 1.5), COMPLEX) for name in ("ive", "jve", "yve")),
    row(special.airye, COMPLEX),
    real(diric_of_4, A(3)),
]
TestRules = rule_tests(ROWS)


def nth(f, x, n):
    """The n-th derivative at x, in forward mode."""
    for _ in range(n):
        f = dd.derivative(f)
    return f(x)


def both_modes(f, i, at):
    """The derivative in argument i, by both modes."""

    def along(t):
        return f(*at[:i], t, *at[i + 1 :])

    return dd.grad(along)(at[i]), dd.jvp(along, (at[i],), (1.0,))[1]


def principal_rj(x, y, z, p):
    return mp.re(mp.elliprj(x, y, z, p))


SCALED = {
    "ive": lambda z: special.ive(1.5, z),
    "jve": lambda z: special.jve(1.5, z),
    "yve": lambda z: special.yve(1.5, z),
    **{f"airye[{k}]": lambda z, k=k: special.airye(z)[k] for k in range(4)},
}


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize("z", [1.3 - 0.7j, -1.3 + 0.4j])
def test_scaled_functions_of_complex_numbers_have_the_derivative_of_their_scale(name, z):
    f, h = SCALED[name], 1e-5
    for direction in (1 + 0j, 1j, 0.3 + 0.8j):
        exact = (f(z + h * direction) - f(z - h * direction)) / (2 * h)
        assert dd.jvp(f, (z,), (direction,))[1] == pytest.approx(exact, rel=1e-8)
        (pulled,) = dd.vjp(f, z)[1](1 + 0.5j)
        assert np.real(pulled * direction) == pytest.approx(np.real((1 + 0.5j) * exact), rel=1e-7)

        def along(t, direction=direction):
            return f(z + t * direction)

        wide = 1e-3
        bend = (along(wide) - 2 * along(0.0) + along(-wide)) / wide**2
        found = dd.jvp(lambda t: dd.jvp(along, (t,), (1.0,))[1], (0.0,), (1.0,))[1]
        assert found == pytest.approx(bend, rel=1e-4)


@pytest.mark.parametrize(
    ("f", "x", "exact"),
    [
        (lambda x: special.airy(x)[0], 1000.0, 0.0),
        (lambda x: np.imag(special.kelvin(x)[0]), 0.0, 0.0),
        (lambda x: np.real(special.kelvin(x)[0]), 1e-300, 0.0),
    ],
)
def test_an_infinite_output_that_nothing_uses_makes_no_nan(f, x, exact):
    assert dd.grad(f)(x) == dd.jvp(f, (x,), (1.0,))[1] == exact


@pytest.mark.parametrize(
    ("f", "x", "exact"),
    [
        (lambda x: np.real(special.lambertw(x)), 0.0, [1.0, -2.0, 9.0]),
        (lambda x: special.sici(x)[0], 0.0, [1.0, 0.0, -1 / 3]),
        (lambda x: special.shichi(x)[0], 0.0, [1.0, 0.0, 1 / 3]),
        (lambda x: special.struve(0.0, x), 0.0, [2 / np.pi, 0.0, -4 / (3 * np.pi)]),
        (lambda x: special.modstruve(0.0, x), 0.0, [2 / np.pi, 0.0, 4 / (3 * np.pi)]),
        (lambda x: special.wright_bessel(0.5, 1.5, x), 0.0, special.rgamma([2.0, 2.5, 3.0])),
    ],
)
def test_derivatives_at_zero_are_those_of_the_power_series(f, x, exact):
    found = [nth(f, x, n) for n in (1, 2, 3)]
    assert found == pytest.approx(list(exact), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("turns", [0, 1, -2])
def test_diric_has_derivatives_at_and_near_its_poles(n, turns):
    f, x = (lambda t: dd.scipy.special.diric(t, n)), 2 * np.pi * turns
    sign = -1 if turns % 2 and n % 2 == 0 else 1
    assert dd.grad(f)(x) == pytest.approx(0.0, abs=1e-10)
    assert nth(f, x, 2) == pytest.approx(sign * (1 - n * n) / 12, rel=1e-12)
    near = 1e-5
    assert nth(f, near, 1) == pytest.approx((1 - n * n) / 12 * near, rel=1e-6)


@pytest.mark.parametrize(
    ("f", "reference", "at"),
    [
        (special.agm, mp.agm, (1e10, 1e-300)),
        (special.agm, mp.agm, (1e-20, 100.0)),
        (special.cotdg, lambda x: mp.cot(x * mp.pi / 180), (1e-10,)),
        (special.binom, mp.binomial, (-2.5, -0.5)),
        (special.elliprc, mp.elliprc, (1e-10, -1.0)),
        (special.elliprd, mp.elliprd, (1e-10, 0.5, 1e-10)),
        (special.elliprd, mp.elliprd, (100.0, 1e-10, 3.0)),
        (special.elliprj, mp.elliprj, (1e-10, 0.5, 2.0, 1e-5)),
        (special.elliprj, principal_rj, (0.1, 0.5, 2.0, -0.7)),
        (special.elliprj, principal_rj, (2.0, 0.5, 0.1, -20.0)),
        (special.ellipkinc, mp.ellipf, (2.0, 1 - 1e-9)),
        (special.modstruve, mp.struvel, (-1.5, 20.0)),
        (special.modstruve, mp.struvel, (-0.3, 7.0)),
        (special.voigt_profile, oracle.voigt, (50.0, 0.1, 1e-8)),
    ],
    ids=lambda x: getattr(x, "__name__", str(x)),  # no addresses: workers compare them
)
def test_arguments_far_apart_and_principal_values_keep_their_digits(f, reference, at):
    with mp.workdps(60):
        for i in range(len(at)):
            exact = float(oracle.slope(reference, at, i))
            assert both_modes(f, i, at) == pytest.approx((exact, exact), rel=2e-12)


@pytest.mark.parametrize(
    ("f", "equation", "at", "start"),
    [
        (  # by u = 1 - t, whose derivatives have the other sign
            special.betainccinv,
            lambda a, b, p, u: p - mp.betainc(b, a, 0, u, regularized=True),
            (2.5, 2.5, 1e-100),
            special.betaincinv(2.5, 2.5, 1e-100),
        ),
        (
            special.betaincinv,
            lambda a, b, p, t: mp.betainc(a, b, 0, t, regularized=True) - p,
            (2.5, 0.3, 0.999),
            special.betaincinv(2.5, 0.3, 0.999),
        ),
        (  # k = 1 of n = 6
            lambda p: special.bdtri(1, 6, p),
            lambda p, u: p - mp.betainc(5, 2, 0, u, regularized=True),
            (1e-60,),
            special.betaincinv(5, 2, 1e-60),
        ),
        pytest.param(
            special.ncfdtridfd,
            lambda m, p, c, x, t: oracle.ncfdtr(m, t, c, x) - p,
            (3.0, 0.3, 1.0, 0.7),
            special.ncfdtridfd(3.0, 0.3, 1.0, 0.7),
            marks=before("1.15.0", "its value has four digits"),
        ),
    ],
    ids=["betainccinv", "betaincinv", "bdtri", "ncfdtridfd"],
)
def test_inverses_are_exact_where_the_value_has_few_digits(f, equation, at, start):
    with mp.workdps(130):
        start = mp.mpf(float(start))
        ends = (start, start * (1 + mp.mpf(10) ** -12))
        solution = mp.findroot(lambda t: equation(*at, t), ends, solver="secant", verify=False)
        whole = (*map(mp.mpf, at), solution)
        by_solution = abs(oracle.slope(equation, whole, len(at)))  # rises in t, falls in u
        for i in range(len(at)):
            exact = float(-oracle.slope(equation, whole, i) / by_solution)
            assert both_modes(f, i, at) == pytest.approx((exact, exact), rel=1e-9)


@pytest.mark.parametrize("u", [5.0, 20.0, -12.0])
def test_elliptic_functions_at_m_equal_to_1_are_those_of_the_series(u):
    """DLMF 22.10.7 to 22.10.9."""
    rest = (np.sinh(u) * np.cosh(u) - u) / 4
    exact = (-rest / np.cosh(u) ** 2, rest * np.tanh(u) / np.cosh(u))
    for k, slope in enumerate(exact):
        found = both_modes(lambda u, m, k=k: special.ellipj(u, m)[k], 1, (u, 1.0))
        assert found == pytest.approx((slope, slope), rel=1e-9)


@pytest.mark.parametrize("at", [(0.001, 0.3, 100.0), (0.5, 5.0, 400.0), (2.5, 1.0, 1e6)])
@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 has no log_wright_bessel")
def test_wrights_function_far_out_sums_the_terms_around_the_largest(at):
    """Its logarithm, whose derivatives are differences of SciPy's values."""
    for i in range(2):
        h = 1e-5 * at[i]
        ends = [special.log_wright_bessel(*at[:i], at[i] + s, *at[i + 1 :]) for s in (h, -h)]
        exact = float(np.subtract(*ends)) / (2 * h)
        found = both_modes(special.log_wright_bessel, i, at)
        assert found == pytest.approx((exact, exact), rel=1e-6)
        if at[2] < 500:
            value = special.wright_bessel(*at)
            assert both_modes(special.wright_bessel, i, at)[0] == pytest.approx(value * found[0])


@pytest.mark.parametrize("f", [special.pbdv, special.pbvv])
def test_second_derivatives_in_the_order_of_parabolic_cylinder_functions(f):
    def value(v):
        return f(v, 0.5)[0]

    h = 1e-3
    exact = (value(1.3 + h) - 2 * value(1.3) + value(1.3 - h)) / h**2
    assert dd.grad(dd.grad(value))(1.3) == pytest.approx(exact, rel=1e-5)
    assert dd.grad(dd.derivative(value))(1.3) == pytest.approx(exact, rel=1e-5)


FAR = [
    ("betainc", oracle.betainc, (0.7, 1e10, 8e-11), 0),  # 1 - x keeps six digits of x
    ("betainc", oracle.betainc, (0.7, 1e10, 3e-10), 1),
    ("betainc", oracle.betainc, (0.7, 1e15, 3e-15), 0),
    ("jv", mp.besselj, (3.0, 60.0), 0),
    ("yv", mp.bessely, (40.0, 1000.0), 0),
    ("jv", mp.besselj, (0.5, 1e6), 0),  # no integral has so many nodes
    ("smirnov", oracle.smirnov, (5, 1e-9), 1),
    ("tklmbda", oracle.tklmbda, (0.7, 1e-8), 1),
]


@pytest.mark.parametrize(("name", "reference", "at", "i"), FAR)
def test_parameters_far_from_1_keep_their_digits(name, reference, at, i):
    with mp.workdps(80):
        exact = float(oracle.slope(reference, at, i))
    assert both_modes(getattr(special, name), i, at) == pytest.approx((exact, exact), rel=1e-12)


@pytest.mark.parametrize(("u", "m"), [(20.0, 1.0), (20.0, 1 - 1e-12), (3.0, 0.95), (5.0, 1.0)])
def test_second_derivatives_of_jacobis_functions_hold_beside_m_of_1(u, m):
    for k, kind in enumerate(("sn", "cn", "dn")):
        with mp.workdps(80):
            exact = float(
                oracle.slope(lambda m, kind=kind: mp.re(mp.ellipfun(kind, u, m=m)), (m,), 0, 2)
            )
        assert nth(lambda m, k=k: special.ellipj(u, m)[k], m, 2) == pytest.approx(exact, rel=1e-12)


def test_jacobis_functions_have_no_derivative_in_m_where_they_are_0_to_rounding():
    slopes = dd.jvp(lambda m: special.ellipj(400.0, m), (1.0,), (1.0,))[1]
    assert np.all(np.isnan(slopes))


def test_the_second_derivative_of_erfcx_does_not_cancel():
    with mp.workdps(80):
        exact = float(oracle.slope(oracle.erfcx, (24.0,), 0, 2))
    assert nth(special.erfcx, 24.0, 2) == pytest.approx(exact, rel=1e-12)


def test_the_distribution_of_kolmogorov_is_level_left_of_0():
    assert dd.elementwise_grad(special.kolmogorov)(np.array([-1.3, 0.0])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("f", "x"), [(special.boxcox, 0.0), (special.boxcox1p, -1.0)])
def test_box_cox_transformations_of_0_by_their_exponent(f, x):
    slope = dd.grad(f, argnums=1)
    with np.errstate(all="ignore"):
        assert slope(x, 2.0) == pytest.approx(1 / 4, rel=1e-14)
        assert dd.grad(lambda y: slope(x, y))(2.0) == pytest.approx(-1 / 4, rel=1e-14)


def of_order_0(z):
    return special.lpmv(0, 3, z)


def associated_of_order_0(z):
    return special.assoc_legendre_p(3, 0, z)[0]


@pytest.mark.parametrize("f", [of_order_0] if OLD_SCIPY else [of_order_0, associated_of_order_0])
def test_legendre_functions_of_order_0_do_not_cancel_beside_1(f):
    x = 1 - 1e-9
    assert dd.grad(f)(1.0) == pytest.approx(6, rel=1e-14)
    assert nth(f, x, 2) == pytest.approx(15 * x, rel=1e-12)
    if f is associated_of_order_0:
        normed = dd.grad(lambda z: special.assoc_legendre_p(3, 0, z, norm=True)[0])(1.0)
        assert normed == pytest.approx(6 * 3.5**0.5, rel=1e-14)


def test_legendre_functions_of_order_0_and_any_degree_do_not_cancel_beside_1():
    x = 1 - 1e-9
    with mp.workdps(40):
        exact = float(mp.diff(lambda z: mp.legenp(2.5, 0, z), mp.mpf(x), 2))
    assert nth(lambda z: special.lpmv(0, 2.5, z), x, 2) == pytest.approx(exact, rel=1e-12)


def test_legendre_functions_of_several_orders_and_of_negative_ones():
    m, x = np.array([0, 1, -2, 0]), np.array([0.3, 0.4, 0.5, -0.6])
    bends = dd.elementwise_grad(dd.elementwise_grad(lambda x: special.lpmv(m, 3, x)))(x)
    slope = (7.5 * 0.4**2 - 1.5) * 0.4 - 15 * 0.4 * (1 - 0.4**2)  # times 1 / sqrt(1 - x**2)
    rest = 1 - 0.4**2
    second = (22.5 * 0.4**2 - 1.5 - 15 + 45 * 0.4**2) / rest**0.5 + slope * 0.4 / rest**1.5
    expected = [15 * 0.3, second, -0.75 * 0.5, -15 * 0.6]
    np.testing.assert_allclose(bends, expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["eval_legendre", "eval_chebyt", "eval_chebyu"])
def test_polynomials_of_high_whole_degree_given_as_floats_have_the_derivatives_of_integers(name):
    f, x = getattr(special, name), 0.3
    for order in (1, 2):
        found, expected = (nth(lambda x, n=n: f(n, x), x, order) for n in (200.0, 200))
        assert np.isfinite(expected)
        assert found == pytest.approx(expected, rel=1e-12)
