"""Derivatives at ends of domains: arguments and shapes that are 0, or equal, or next to 0."""

import mpmath as mp
import numpy as np
import pytest
from scipy import special

import dualdiff as dd
from tests.rules.scipy.special import oracle
from tests.versions import OLD_SCIPY

INF = np.inf


def slopes(f, i, at):
    """The first and second derivative in argument i, in both modes."""

    def along(t):
        return f(*at[:i], t, *at[i + 1 :])

    forward = dd.derivative(along)(at[i]), dd.derivative(dd.derivative(along))(at[i])
    backward = dd.grad(along)(at[i]), dd.grad(dd.grad(along))(at[i])
    np.testing.assert_allclose(backward, forward, rtol=1e-12)
    return forward


ENDS = [
    ("fdtr", (1.0, 1.0, 0.0), 0, 0.0, 0.0),
    ("fdtr", (1.0, 1.0, 0.0), 2, INF, -INF),
    ("fdtr", (2.0, 1.0, 0.0), 0, 0.0, 0.0),
    ("fdtr", (2.0, 1.0, 0.0), 2, 1.0, -3.0),  # 1 - (1 + 2 x)**-0.5
    ("fdtr", (3.0, 1.0, 0.0), 1, 0.0, 0.0),
    ("fdtr", (3.0, 1.0, 0.0), 2, 0.0, INF),
    ("fdtrc", (4.0, 1.0, 0.0), 2, 0.0, -12.0),
    ("gdtr", (0.0, 0.5, 2.0), 2, 0.0, 0.0),
    ("gdtr", (0.0, 2.0, 2.0), 0, 0.0, 4.0),
    ("gdtr", (1.0, 0.5, 0.0), 0, 0.0, 0.0),
    ("gdtr", (1.0, 0.0, 2.0), 2, 0.0, 0.0),
    ("betainc", (0.0, 1.0, 0.5), 0, np.log(0.5), np.log(0.5) ** 2),
    ("betainc", (0.0, 1.0, 0.5), 2, 0.0, 0.0),
    ("betainc", (1.0, 0.0, 0.5), 1, -np.log(0.5), -(np.log(0.5) ** 2)),
    ("betaincc", (0.0, 1.0, 0.5), 1, 0.0, 0.0),
    ("betainc", (0.3, 0.3, 0.0), 2, INF, -INF),
    ("betainc", (0.3, 0.3, 1.0), 2, INF, INF),
    ("voigt_profile", (0.5, 0.0, 1.0), 0, -0.8 / np.pi * 0.8, -0.256 / np.pi),
    ("voigt_profile", (0.5, 0.0, 1.0), 1, 0.0, -0.256 / np.pi),
    ("voigt_profile", (0.5, 0.0, 1.0), 2, -0.48 / np.pi, 0.256 / np.pi),
    ("voigt_profile", (2.0, 0.0, 0.0), 2, 0.25 / np.pi, 0.0),
    ("voigt_profile", (np.inf, 0.0, 1.0), 1, 0.0, 0.0),
    ("elliprg", (0.0, 0.0, 2.0), 2, 0.25 / 2**0.5, -0.125 / 8**0.5),
    ("elliprg", (0.0, 0.0, 2.0), 0, INF, -INF),
    ("elliprg", (0.0, 1.0, 2.0), 0, special.elliprf(0.0, 1.0, 2.0) / 4, -INF),
    ("elliprf", (0.0, 1.0, 2.0), 0, -INF, INF),
    ("elliprd", (0.0, 1.0, 2.0), 0, -INF, INF),
    ("elliprd", (1.0, 2.0, 0.0), 0, -INF, INF),  # the value is infinite
    ("elliprj", (0.0, 1.0, 2.0, 3.0), 0, -INF, INF),
    ("elliprj", (0.0, 1.0, 2.0, -3.0), 0, INF, -INF),
    ("elliprc", (0.0, 1.0), 0, -INF, INF),
    ("elliprc", (0.0, -1.0), 1, 0.0, 0.0),
]


@pytest.mark.parametrize(("name", "at", "i", "first", "second"), ENDS)
def test_derivatives_at_an_end_are_the_limit(name, at, i, first, second):
    if np.isnan(getattr(special, name)(*at)):
        assert OLD_SCIPY  # such as betainc at a shape of 0
        pytest.skip("this SciPy has no value there")
    with np.errstate(all="ignore"):
        found = slopes(getattr(special, name), i, at)
    np.testing.assert_allclose(found, (first, second), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("f", "at", "shape"),
    [(special.betainc, (1.5, 0.0), 0.5), (special.betainc, (1.5, 0.0), 1.0),
     (special.gammainc, (0.0,), 0.5), (special.gammainc, (0.0,), 1.0)],
)  # fmt: skip
def test_mixed_derivatives_at_an_end_do_not_depend_on_their_order(f, at, shape):
    last = len(at)
    with np.errstate(all="ignore"):
        by_shape_first = dd.grad(dd.grad(f, argnums=0), argnums=last)(shape, *at)
        by_shape_last = dd.grad(dd.grad(f, argnums=last), argnums=0)(shape, *at)
    assert by_shape_first == by_shape_last == -INF


@pytest.mark.parametrize("at", [(1e-8, 0.3, 0.5), (1e-12, 30.0, 0.25), (1e-5, 2.5, 0.75)])
def test_second_derivatives_of_the_incomplete_beta_function_hold_for_small_shapes(at):
    a, b, x = at
    with mp.workdps(100):
        exact = [float(oracle.slope(oracle.betainc, at, i, 2)) for i in range(2)]
    assert [slopes(special.betainc, i, at)[1] for i in range(2)] == pytest.approx(exact, rel=1e-10)
    other = [slopes(special.betaincc, i, (b, a, 1 - x))[1] for i in (1, 0)]
    assert other == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("at", [(0.0, 1.5), (0.0, 3.0), (1e-10, 2.0), (1e-5, 20.0), (1e-8, 0.01)])
def test_derivatives_of_the_incomplete_gamma_function_hold_for_small_shapes(at):
    with mp.workdps(250):
        near = max(at[0], 1e-60), at[1]
        exact = [float(oracle.slope(oracle.gammainc, near, 0, order)) for order in (1, 2)]
    assert slopes(special.gammainc, 0, at) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("at", [(1.0, 1.0, 1.0, -3.0), (2.0, 2.0, 3.0, -0.5), (3.0, 2.0, 3.0, -2)])
def test_principal_values_of_equal_arguments_have_second_derivatives(at):
    with mp.workdps(60):
        for i in range(4):
            exact = oracle.slope(lambda *at: mp.re(mp.elliprj(*at)), at, i, 2)
            assert slopes(special.elliprj, i, at)[1] == pytest.approx(float(exact), rel=1e-11)


def convolution(x, s, g):
    def integrand(t):
        return mp.exp(-t * t / 2) * g / ((x - s * t) ** 2 + g * g)

    return mp.quad(integrand, range(-12, 13, 4)) / mp.sqrt(2 * mp.pi) / mp.pi


@pytest.mark.parametrize("at", [(0.5, 9e-3, 0.5), (1.0, 1.5e-3, 1.0), (1.0, 1.3e-3, 1.0)])
def test_voigt_profiles_of_a_small_sigma_keep_their_digits(at):
    with mp.workdps(40):
        for i in range(3):

            def along(t, i=i):
                return convolution(*(t if k == i else mp.mpf(a) for k, a in enumerate(at)))

            exact = [float(mp.diff(along, at[i], n, h=mp.mpf(10) ** -9 * at[i])) for n in (1, 2)]
            assert slopes(special.voigt_profile, i, at) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize(("m", "n"), [(0, 0), (1, 1), (1, 2), (2, 2), (3, 6)])
def test_oblate_radial_functions_have_a_derivative_in_c_at_0(m, n):
    """They are regular there: the function and the mixed derivative by a polynomial in x."""
    for k in (0, 1):

        def by_c(x, k=k):
            return dd.derivative(lambda c: special.obl_rad1(m, n, c, x)[k])(2.5)

        x = np.array([-2.0, -1.0, 1.0, 2.0]) * 1e-2
        values = np.array([by_c(abs(t)) * (-1.0) ** ((n - m + k) * (t < 0)) for t in x])
        assert by_c(0.0) == pytest.approx(np.dot([-1, 4, 4, -1], values) / 6, abs=1e-6)
        mixed = np.dot([1, -8, 8, -1], values) / 12e-2
        assert dd.derivative(by_c)(0.0) == pytest.approx(mixed, abs=1e-6)
        assert dd.grad(lambda c, k=k: special.obl_rad1(m, n, c, 0.0)[k])(2.5) == by_c(0.0)


WHOLE = [
    (special.hyp1f1, mp.hyp1f1, 0, (0.0, 1.5, 100.0)),
    (special.hyp1f1, mp.hyp1f1, 0, (-2.0, 1.5, 30.0)),
    (special.hyp1f1, mp.hyp1f1, 0, (-20.0, 0.5, -30.0)),
    (special.hyp2f1, mp.hyp2f1, 0, (-2.0, 1.3, 2.5, 0.3)),
    (special.hyp2f1, mp.hyp2f1, 1, (0.7, 0.0, 2.5, -5.0)),
    (special.eval_laguerre, lambda n, x: mp.laguerre(n, 0, x), 0, (3.0, 40.0)),
    (special.eval_legendre, lambda n, x: mp.legenp(n, 0, x), 0, (10.0, 0.3)),
]


@pytest.mark.parametrize(("f", "reference", "i", "at"), WHOLE)
def test_series_that_end_have_derivatives_that_do_not(f, reference, i, at):
    """In a parameter that is 0 or a negative integer, of numbers and of arrays."""
    with mp.workdps(60):
        exact = float(mp.re(oracle.slope(lambda *at: mp.re(reference(*at)), at, i)))

    def along(t):
        return f(*at[:i], t, *at[i + 1 :])

    assert dd.grad(along)(at[i]) == pytest.approx(exact, rel=1e-11)
    pair = dd.elementwise_grad(along)(np.array([at[i], at[i]]))
    assert pair == pytest.approx([exact, exact], rel=1e-11)


HARMONICS = [name for name in ("sph_harm_y", "sph_legendre_p") if hasattr(special, name)]


@pytest.mark.parametrize("theta", [-1.0, -0.3, 4.0, 7.0, -4.0])
@pytest.mark.parametrize("name", HARMONICS)
def test_spherical_harmonics_beyond_0_and_pi_follow_scipys_values(name, theta):
    """SciPy's functions are even in the polar angle there: |sin| stands for the sine."""
    rest = (0.3,) if name == "sph_harm_y" else ()
    for n, m in ((3, 0), (3, 1), (2, 2), (3, -1)):

        def along(t, n=n, m=m):
            return np.real(np.ravel(getattr(special, name)(n, m, t, *rest))[0])

        h = 1e-3
        ends = [along(theta + k * h) for k in (-2, -1, 1, 2)]
        exact = np.dot([1, -8, 8, -1], ends) / (12 * h)
        bend = (np.dot([-1, 16, 16, -1], ends) - 30 * along(theta)) / (12 * h * h)
        assert slopes(along, 0, (theta,)) == pytest.approx((exact, bend), abs=1e-6)


def test_integrals_of_bessel_and_struve_functions_at_0():
    assert slopes(special.it2struve0, 0, (0.0,)) == pytest.approx((-2 / np.pi, 0.0))
    assert slopes(special.it2struve0, 0, (1e-100,))[1] == pytest.approx(4e-100 / (9 * np.pi))
    for order, slope in ((0.0, 0.0), (0.5, INF), (1.0, 0.25), (2.5, 0.0)):
        assert dd.grad(special.besselpoly)(0.0, 2.0, order) == slope


@pytest.mark.parametrize("z", [1.0, -1.0])
def test_legendre_functions_of_whole_degree_have_their_limit_at_1(z):
    near = z * (1 - 1e-9)
    for m in (1, 2, 3, 4, -1, -2):
        for n in (2, 3, 5):
            functions = [lambda z, m=m, n=n: special.lpmv(m, n, z)]
            if hasattr(special, "assoc_legendre_p"):
                functions += [
                    lambda z, m=m, n=n, norm=norm: special.assoc_legendre_p(n, m, z, norm=norm)[0]
                    for norm in (False, True)
                ]
            for f in functions:
                with np.errstate(all="ignore"):
                    found, beside = (dd.grad(f)(t) for t in (z, near))
                    assert dd.derivative(f)(z) == found
                if abs(m) == 1:
                    assert found == np.sign(beside) * INF
                else:
                    assert found == pytest.approx(
                        beside, rel=1e-7, abs=1.0 if abs(m) == 3 else 1e-4
                    )


def test_sequences_whose_values_stand_for_infinity_have_no_derivative():
    """SciPy takes a negative x for 0 in riccati_yn."""
    for z, name in ((-0.3, "riccati_yn"), (1.0, "lqn")):
        slopes = dd.jacobian(lambda z, name=name: getattr(dd.scipy.special, name)(2, z)[0])(z)
        assert np.isnan(slopes[1:]).all()
