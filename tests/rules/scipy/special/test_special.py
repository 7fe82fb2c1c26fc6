"""Special functions."""

import mpmath
import numpy as np
import pytest
import scipy.special as special

import dualdiff as dd
from dualdiff.errors import MissingRuleError, UnsupportedInputError
from dualdiff.rules.scipy.special import log_softmax, logsumexp, polygamma, softmax
from tests.rules.scipy.special.tables import newer
from tests.rules.table import A, row, rule_tests

X = A(3)
POSITIVE = A(3, low=0.3, high=2.5)
UNIT = A(3, low=0.1, high=0.9)


def of(function, *constants):
    """The function of its last argument, with its parameters held constant."""

    def f(x):
        return function(*constants, x)

    f.__name__ = function.__name__
    return f


def real(function, *args, **kwargs):
    return row(function, *args, _complex=False, **kwargs)


ROWS = [
    row(special.erf, X),
    row(special.erf, 0.7),
    row(special.erfc, X),
    row(special.erfi, X),
    row(special.erfcx, X),
    row(special.dawsn, X),
    real(special.erfinv, UNIT),
    real(special.erfcinv, UNIT),
    row(special.ndtr, X),
    row(special.log_ndtr, X),
    real(special.ndtri, UNIT),
    real(special.gammasgn, POSITIVE),
    real(special.round, A(3, low=0.6, high=1.4)),
    real(special.expit, X),
    real(special.logit, UNIT),
    real(special.log_expit, X),
    real(special.gamma, X),
    real(special.gamma, POSITIVE),
    real(special.gammaln, POSITIVE),
    real(special.loggamma, POSITIVE),
    real(special.psi, POSITIVE),
    real(of(polygamma, 0), POSITIVE),
    real(of(polygamma, 2), POSITIVE),
    real(of(polygamma, np.array([[1], [3]])), POSITIVE),
    real(special.beta, POSITIVE, A(2, 1, low=0.5, high=1.5)),
    real(special.betaln, POSITIVE, A(2, 1, low=0.5, high=1.5)),
    real(of(special.gammainc, 1.5), POSITIVE),
    real(of(special.gammaincc, 1.5), POSITIVE),
    real(of(special.betainc, 1.5, 2.5), UNIT),
    row(special.expm1, X),
    row(special.log1p, POSITIVE),
    real(special.exp2, X),
    real(special.exp10, X),
    real(special.cbrt, POSITIVE),
    real(special.cosm1, X),
    real(special.exprel, X),
    newer(lambda: row(of(special.hyp1f1, 1.5, 2.5), X)),
    row(special.exp1, POSITIVE),
    row(special.expi, POSITIVE),
    row(special.xlogy, X, POSITIVE),
    row(special.xlogy, X, 1.7),
    row(special.xlog1py, X, POSITIVE),
    real(special.entr, POSITIVE),
    real(special.rel_entr, POSITIVE, A(2, 1, low=0.5, high=1.5)),
    real(special.kl_div, POSITIVE, A(2, 1, low=0.5, high=1.5)),
    real(special.huber, A(2, 1, low=0.5, high=0.9), X),
    real(special.pseudo_huber, A(2, 1, low=0.5, high=0.9), X),
    real(special.j0, POSITIVE),
    real(special.j1, POSITIVE),
    row(of(special.jv, 1.5), POSITIVE),
    real(special.y0, POSITIVE),
    real(special.y1, POSITIVE),
    row(of(special.yv, 1.5), POSITIVE),
    real(special.i0, X),
    real(special.i1, X),
    row(of(special.iv, 1.5), POSITIVE),
    real(special.k0, POSITIVE),
    real(special.k1, POSITIVE),
    row(of(special.kv, 1.5), POSITIVE),
    real(special.i0e, X),
    real(special.i1e, X),
    row(logsumexp, A(2, 3), _prims=("special.logsumexp",)),
    row(logsumexp, A(2, 3), axis=1),
    row(logsumexp, A(2, 3, 2), axis=(0, -1), keepdims=True),
    row(logsumexp, A(2, 3), axis=0, b=A(3, low=0.5, high=1.5), _argnums=(0, "b")),
    row(logsumexp, A(3), b=np.array([[1.0, 2.0, 0.5], [0.3, -0.1, 1.0]]), _argnums=(0, "b")),
    real(
        logsumexp, A(2, 3), axis=1, b=np.array([[1.0, 2.0, 0.5], [0.3, -5.0, 0.2]]),
        return_sign=True, _argnums=(0, "b"),
    ),
    real(logsumexp, A(3), return_sign=True, keepdims=True),
    row(softmax, A(2, 3), _prims=("special.softmax",)),
    row(softmax, A(2, 3), axis=0),
    row(log_softmax, A(2, 3), _prims=("special.log_softmax",)),
    row(log_softmax, A(2, 3), axis=-1),
]  # fmt: skip

TestRules = rule_tests(ROWS)


def slope(function, x):
    return float(dd.derivative(function)(x))


def test_expit_keeps_its_small_derivatives_on_both_sides():
    for x in (-40.0, 40.0, 700.0):
        exact = mpmath.exp(-abs(x)) / (1 + mpmath.exp(-abs(x))) ** 2
        assert slope(special.expit, x) == pytest.approx(float(exact), rel=1e-13)


def test_log_ndtr_derivative_is_accurate_in_both_tails():
    for x in (-1e5, -30.0, -1.0, 5.0, 30.0):
        with mpmath.workdps(40):
            exact = mpmath.npdf(x) / (mpmath.erfc(-x / mpmath.sqrt(2)) / 2)
        assert slope(special.log_ndtr, x) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_polygamma_derivative_is_the_next_polygamma(n):
    exact = float(mpmath.polygamma(n + 1, 0.7))
    assert slope(of(polygamma, n), 0.7) == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize(
    ("function", "exact"),
    [
        (special.exprel, 1 / 2),
        (special.j1, 1 / 2),
        (special.i1, 1 / 2),
        (special.i1e, 1 / 2),
        (special.i0, 0.0),
        (special.i0e, 0.0),
        (special.erfi, 2 / np.sqrt(np.pi)),
    ],
)
def test_derivative_at_zero(function, exact):
    assert slope(function, 0.0) == pytest.approx(exact, rel=1e-14)


def test_exprel_derivative_is_accurate_near_zero_and_far_out():
    for x in (1e-9, -1e-3, 0.3, -50.0, 30.0):
        with mpmath.workdps(50):
            z = mpmath.mpf(x)
            exact = float((mpmath.exp(z) * (z - 1) + 1) / z**2)
        assert slope(special.exprel, x) == pytest.approx(exact, rel=1e-12)


def test_xlogy_and_relatives_are_finite_where_both_are_zero():
    assert dd.grad(special.xlogy, 1)(0.0, 0.0) == 0
    assert dd.grad(special.xlog1py, 1)(0.0, -1.0) == 0
    assert dd.grad(special.rel_entr, 1)(0.0, 0.0) == 0
    assert dd.grad(special.kl_div, 1)(0.0, 0.0) == 1


def test_xlogy_keeps_its_mixed_second_derivative_at_zero():
    assert dd.grad(dd.grad(special.xlogy, 1), 0)(0.0, 2.0) == 0.5


def test_logsumexp_shares_the_derivative_where_the_maximum_is_infinite():
    inf = np.inf
    assert dd.grad(logsumexp)(np.array([-inf, -inf])).tolist() == [0.5, 0.5]
    assert dd.grad(logsumexp)(np.array([inf, 0.0, inf])).tolist() == [0.5, 0.0, 0.5]
    assert dd.grad(logsumexp)(np.array([-inf, 0.0])).tolist() == [0.0, 1.0]


def test_logsumexp_is_differentiable_in_factors_that_are_zero():
    a, b = np.array([0.0, 1.0]), np.array([0.0, 2.0])
    gradient = dd.grad(lambda b: logsumexp(a, b=b))(b)
    assert np.allclose(gradient, np.exp(a) / (2 * np.e))


def test_functions_take_lists_of_traced_values():
    gradient = dd.grad(lambda x: logsumexp([x[0], 2 * x[1]]))(np.zeros(2))
    assert np.allclose(gradient, [0.5, 1.0])
    erf_of_list = dd.grad(lambda x: dd.scipy.special.erf([x, x])[0])
    assert np.allclose(erf_of_list(0.5), slope(special.erf, 0.5))


def test_untraced_arguments_get_scipys_result():
    x = A(2, 3)
    assert np.array_equal(logsumexp(x, axis=0), special.logsumexp(x, axis=0))
    assert np.array_equal(softmax(x, axis=0), special.softmax(x, axis=0))
    assert np.array_equal(log_softmax(x), special.log_softmax(x))
    assert np.array_equal(polygamma(1, POSITIVE), special.polygamma(1, POSITIVE))
    assert dd.scipy.special.comb(5, 2) == 10


def test_scipys_own_logsumexp_has_the_same_gradient():
    assert np.array_equal(dd.grad(special.logsumexp)(X), dd.grad(logsumexp)(X))


def test_integer_orders_are_constants():
    for function, args in (
        (polygamma, (1.0, 2.0)),
        (special.yn, (2.0, 1.5)),
        (special.expn, (2.0, 1.5)),
    ):
        with pytest.raises(UnsupportedInputError, match=r"argument 0 of scipy\.special\.\w+ is an"):
            dd.grad(function)(*args)


def test_orders_and_parameters_of_complex_arguments_raise():
    with pytest.raises(UnsupportedInputError, match="real arguments only"):
        dd.jvp(lambda v: special.jv(v, 1 + 2j), (1.5,), (1.0,))


def test_function_without_a_rule_is_named():
    with pytest.raises(MissingRuleError, match=r"_lanczos\w+ has no derivative rule"):
        dd.grad(special._ufuncs._lanczos_sum_expg_scaled)(0.5)


def test_digamma_of_complex_numbers_has_all_derivatives():
    for z in (1.0 + 2j, -3.3 + 0.1j, 30.0 - 5j):
        slope = dd.grad(special.digamma)
        assert slope(z) == pytest.approx(complex(mpmath.polygamma(1, z)), rel=1e-13)
        assert dd.grad(slope)(z) == pytest.approx(complex(mpmath.polygamma(2, z)), rel=1e-13)


def test_complex_gamma_is_holomorphic():
    z = 1.5 + 0.7j
    exact = complex(mpmath.gamma(z) * mpmath.digamma(z))
    assert dd.grad(special.gamma)(z) == pytest.approx(exact, rel=1e-13)
    assert dd.grad(special.loggamma)(z) == pytest.approx(complex(mpmath.digamma(z)), rel=1e-13)


def test_logsumexp_with_sign_raises_for_complex_numbers():
    with pytest.raises(UnsupportedInputError, match="return_sign"):
        dd.vjp(lambda x: logsumexp(x, return_sign=True), A(3, complex=True))


@pytest.mark.parametrize("function", [special.erf, special.erfc, special.ndtr])
def test_error_functions_are_flat_at_infinity_in_all_orders(function):
    for x in (np.inf, -np.inf, 1.7e308, np.float64(1e200)):
        assert dd.grad(function)(x) == 0
        assert dd.grad(dd.grad(function))(x) == 0


def test_infinite_arguments_have_the_limits_of_the_derivatives():
    assert dd.grad(special.psi)(np.inf) == 0
    assert dd.grad(dd.grad(special.gammaln))(np.inf) == 0
    assert dd.grad(special.rgamma)(np.inf) == 0
    assert dd.grad(special.exprel)(-np.inf) == 0
    assert dd.grad(special.exprel)(np.inf) == np.inf


def test_bessel_functions_are_smooth_at_the_smallest_numbers():
    for x in (5e-324, 1e-310, 1e-200, 1e-30, 0.0):
        assert dd.grad(special.i1)(x) == pytest.approx(0.5, rel=1e-14)
        assert dd.grad(special.i1e)(x) == pytest.approx(0.5, rel=1e-14)
    assert dd.grad(dd.grad(special.i1e))(1e-30) == pytest.approx(-1, rel=1e-12)


def test_gamma_functions_keep_their_digits_beside_poles():
    x = -1 + 1e-10
    with mpmath.workdps(40):
        exact = float(mpmath.digamma(mpmath.mpf(x)))
    assert dd.grad(special.gammaln)(x) == pytest.approx(exact, rel=1e-13)
    assert dd.grad(special.gamma)(x) == pytest.approx(exact * special.gamma(x), rel=1e-12)


def test_elliptic_integrals_far_left_keep_the_sign_of_the_second_derivative():
    m = -1e100
    with mpmath.workdps(120):
        exact = mpmath.diff(mpmath.ellipk, m, 2, h=abs(mpmath.mpf(m)) * mpmath.mpf(10) ** -30)
    assert dd.grad(dd.grad(special.ellipk))(m) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("x", [-30.0, 5.0, 8.5, 30.0, 37.0])
def test_higher_derivatives_of_the_logarithm_of_a_probability_near_1(x):
    with mpmath.workdps(50):
        first = mpmath.npdf(x) / mpmath.ncdf(x)
        exact = [float(first), float(-first * (x + first))]
    slope = dd.grad(special.log_ndtr)
    assert [slope(x), dd.grad(slope)(x)] == pytest.approx(exact, rel=1e-11, abs=0)
