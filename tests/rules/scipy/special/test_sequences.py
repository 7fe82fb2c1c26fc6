"""Functions of all degrees up to one, parabolic cylinder functions, and ellipsoidal harmonics."""

import warnings

import mpmath as mp
import numpy as np
import pytest
from scipy import special

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from tests.rules.scipy.special.tables import OLD, newer, of, real
from tests.rules.table import A, rule_tests

S = dd.scipy.special
SIDE = A(2, low=6.0, high=7.0)
PAIR = A(2, low=0.2, high=0.8)


def double(function, *args, **options):
    return real(function, *args, _float32=False, **options)


def quiet(function, n, p):
    """SciPy's quadrature asks for more digits than there are, and warns."""

    def f(h2, k2, *s):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(h2, k2, n, p, *s)

    f.__name__ = function.__name__
    return f


ROWS = [
    *(double(of(getattr(special, n), 3), 0.7, _exact=False) for n in ("riccati_jn", "riccati_yn")),
    newer(lambda: double(of(special.pro_cv_seq, 1, 3), 0.7, _exact=False)),
    double(of(S.lqn, 2), 0.4, _exact=False),
    double(of(S.lqmn, 1, 2), 0.4, _exact=False),
    double(of(S.lmbda, 2.3), 1.3, _exact=False),
    double(of(S.pbdv_seq, 1.4), 0.6, _exact=False),
    double(of(S.pbvv_seq, 1.4), 0.6, _exact=False),
    double(lambda x: S.pbdn_seq(1, x), 0.6, _exact=False),
    *(double(of(getattr(S, f"mathieu_{n}_coef"), 3), 1.3, _exact=False) for n in ("even", "odd")),
    double(special.pbwa, A(2, low=-2.0, high=2.0), A(2)),
    double(special.besselpoly, PAIR, A(2, low=0.5, high=2.0), A(2, low=0.5, high=2.0, seed=3)),
    double(lambda h, k, s: S.ellip_harm(h, k, 3, 4, s), 5.0, 8.0, SIDE),
    double(quiet(S.ellip_harm_2, 2, 3), 5.0, 8.0, SIDE, _exact=False),
    double(quiet(S.ellip_normal, 2, 3), 5.0, 8.0, _exact=False),
]
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize(("v", "x"), [(1.3, 0.6), (2.0, 0.0), (0.7, -3.2), (1.2, 20.0)])
def test_growing_parabolic_cylinder_functions_in_their_order_are_exact(v, x):
    with mp.workdps(40):
        h = mp.mpf(10) ** -15
        ends = [mp.pcfv(-mp.mpf(v) - t - mp.mpf(1) / 2, x) for t in (h, -h)]
        exact = (ends[0] - ends[1]) / (2 * h)
    assert dd.grad(lambda v: special.pbvv(v, x)[0])(v) == pytest.approx(float(exact), rel=1e-12)


def test_series_of_parabolic_cylinder_functions_that_cancel_raise():
    with pytest.raises(UnsupportedInputError, match="pbvv"):
        dd.grad(lambda v: special.pbvv(v, 5.0)[0])(100.0)
    with pytest.raises(UnsupportedInputError, match="pbdv"):
        dd.grad(lambda v: special.pbdv(v, -5.0)[0])(100.0)


def test_a_sequence_that_scipy_computes_wrongly_raises():
    z = 0.6 + 0.2j
    assert special.pbdn_seq(0, z)[0][0] == pytest.approx(np.exp(-(abs(z) ** 2) / 4))  # not of z**2
    with pytest.raises(UnsupportedInputError, match="wrong for complex z"):
        dd.grad(lambda z: S.pbdn_seq(0, z)[0][0], holomorphic=True)(z)


@pytest.mark.parametrize("name", ["pbdv_seq", "pbvv_seq"])
def test_sequences_of_negative_orders_raise(name):
    with pytest.raises(UnsupportedInputError, match=name):
        dd.grad(lambda x: getattr(S, name)(-2.4, x)[0][0])(0.6)


DEGREES = [
    ("chebyt", lambda n, x: mp.chebyt(n, x)),
    ("chebyu", lambda n, x: mp.chebyu(n, x)),
    ("chebyc", lambda n, x: 2 * mp.chebyt(n, x / 2)),
    ("chebys", lambda n, x: mp.chebyu(n, x / 2)),
    ("sh_chebyt", lambda n, x: mp.chebyt(n, 2 * x - 1)),
    ("sh_chebyu", lambda n, x: mp.chebyu(n, 2 * x - 1)),
    ("legendre", mp.legendre),
    ("sh_legendre", lambda n, x: mp.legendre(n, 2 * x - 1)),
    ("laguerre", lambda n, x: mp.laguerre(n, 0, x)),
]
PARAMETERS = [
    ("genlaguerre", mp.laguerre, (1.3,)),
    ("gegenbauer", mp.gegenbauer, (0.8,)),
    ("jacobi", mp.jacobi, (0.8, 0.3)),
]


@pytest.mark.parametrize(
    ("name", "exact", "rest"), [*((*d, ()) for d in DEGREES), *PARAMETERS], ids=lambda d: str(d)[:9]
)
@pytest.mark.parametrize("n", [0.4, 2.0, 3.7])
def test_polynomials_in_their_degree_and_parameters_are_exact(name, exact, rest, n):
    at = (n, *rest, 0.6)
    found = dd.grad(getattr(special, f"eval_{name}"), argnums=tuple(range(len(at) - 1)))(*at)
    with mp.workdps(30):
        for i, slope in enumerate(found):
            along = [mp.mpf(a) for a in at]
            h = mp.mpf(10) ** -12

            def f(t, i=i, along=along):
                return exact(*along[:i], along[i] + t, *along[i + 1 :])

            wanted = (f(h) - f(-h)) / (2 * h)
            assert slope == pytest.approx(float(wanted), rel=1e-10, abs=1e-13)


NO_EXTEND = pytest.mark.skipif(OLD, reason="SciPy before 1.15: factorials have no `extend`")


@NO_EXTEND
@pytest.mark.parametrize("k", [2, 2.4, -1.7])
def test_multifactorials_of_real_numbers(k):
    def exact(n):
        return (
            mp.mpc(k) ** ((n - 1) / k) * mp.gamma(n / mp.mpf(k) + 1) / mp.gamma(1 / mp.mpf(k) + 1)
        )

    def ours(n):
        found = S.factorialk(n, k, extend="complex")
        return found.real + 2 * found.imag

    with mp.workdps(30):
        slope = mp.diff(exact, mp.mpf(3.3))
    assert dd.grad(ours)(3.3) == pytest.approx(float(slope.real + 2 * slope.imag), rel=1e-12)
    assert S.factorial2(dd.value_of(3.3), extend="complex") == special.factorial2(
        3.3, extend="complex"
    )


@NO_EXTEND
def test_multifactorials_of_integers_alone_raise_scipys_error():
    with pytest.raises(ValueError, match="extend='complex'"):
        dd.grad(S.factorial2)(3.3)
    with pytest.raises(ValueError, match="extend='complex'"):
        dd.grad(lambda n: S.factorialk(n, 3))(3.3)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: special.lmbda(1.5, x)[0],
        lambda x: special.mathieu_even_coef(2, x),
        lambda x: special.pro_cv_seq(1, 3, x),
    ],
)
def test_values_of_sequences_are_scipys_to_the_bit(f):
    np.testing.assert_array_equal(dd.jvp(f, (0.7,), (1.0,))[0], f(0.7))
