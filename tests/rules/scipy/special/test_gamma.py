"""Scaled Bessel functions, elliptic integrals, the gamma family, Box-Cox transformations."""

import mpmath
import numpy as np
import pytest
import scipy.special as special

import dualdiff as dd
from tests.rules.scipy.special import oracle
from tests.rules.table import A, row, rule_tests

POSITIVE = A(3, low=0.3, high=2.5)
UNIT = A(3, low=0.1, high=0.9)
REAL = {"_complex": False}


def of(function, *constants):
    """The function of its last argument, with its parameters held constant."""

    def f(x):
        return function(*constants, x)

    f.__name__ = function.__name__
    return f


def multigammaln(a):
    return dd.scipy.special.multigammaln(a, 3)


ROWS = [
    row(special.rgamma, POSITIVE, **REAL),
    row(special.digamma, A(2, low=0.5, high=2.0, complex=True), _float32=False),
    row(special.rgamma, np.array([-2.0, 0.0, -1.5]), **REAL, _order=1),  # poles of Gamma: a limit
    row(special.poch, POSITIVE, UNIT, **REAL),
    row(special.binom, A(3, low=3.2, high=5.0), UNIT, **REAL),
    row(of(special.ive, 1.5), POSITIVE, **REAL),
    row(of(special.ive, 2), A(3), **REAL),
    row(of(special.kve, 0.5), POSITIVE, **REAL),
    row(of(special.jve, 1.5), POSITIVE, **REAL),
    row(of(special.yn, 2), POSITIVE, **REAL),
    row(special.k0e, POSITIVE, **REAL),
    row(special.k1e, POSITIVE, **REAL),
    row(special.ellipk, UNIT, **REAL),
    row(special.ellipe, UNIT, **REAL),
    row(special.spence, POSITIVE, **REAL),
    row(special.boxcox, POSITIVE, UNIT, **REAL),
    row(special.inv_boxcox, POSITIVE, UNIT, **REAL),
    row(multigammaln, A(2, low=1.5, high=3.0), **REAL, _exact=False),
]  # fmt: skip
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize(
    ("f", "exact", "x"),
    [
        (special.rgamma, mpmath.rgamma, -3.0),
        (special.rgamma, mpmath.rgamma, 2.3),
        (special.ellipk, mpmath.ellipk, 0.0),
        (special.ellipe, mpmath.ellipe, 0.0),
        (special.ellipk, mpmath.ellipk, 0.7),
        (special.spence, lambda z: mpmath.polylog(2, 1 - z), 1.0),
        (lambda y: special.boxcox(2.5, y), lambda y: (mpmath.mpf(2.5) ** y - 1) / y, 0.4),
        (lambda x: special.kve(1, x), lambda x: mpmath.besselk(1, x) * mpmath.exp(x), 1.3),
    ],
)
def test_derivatives_to_fifty_digits(f, exact, x):
    with mpmath.workdps(50):
        expected = complex(mpmath.diff(exact, x)).real
    assert dd.grad(f)(x) == pytest.approx(expected, rel=1e-12)


def test_box_cox_with_parameter_zero_is_the_logarithm():
    value, gradient = dd.value_and_grad(special.boxcox, argnums=(0, 1))(2.5, 0.0)
    assert value == pytest.approx(np.log(2.5))
    assert gradient == pytest.approx((0.4, np.log(2.5) ** 2 / 2))
    gradient = dd.grad(special.inv_boxcox, argnums=(0, 1))(0.8, 0.0)
    assert gradient == pytest.approx((np.exp(0.8), -np.exp(0.8) * 0.32))


def test_the_sign_of_gamma_is_constant():
    assert dd.grad(lambda x: special.gammasgn(x) * x)(-1.5) == 1.0


BETAS = [(-1.5, 0.5), (-3.0, 2.0), (-2.0 + 1e-7, 2.0), (-0.5, -0.5), (-2.3, -0.4)]


@pytest.mark.parametrize("at", BETAS)
def test_beta_at_its_zeros_and_beside_negative_integers(at):
    def along(a):
        return special.beta(a, at[1])

    with mpmath.workdps(60):
        for order, slope in ((1, dd.grad(along)), (2, dd.derivative(dd.derivative(along)))):
            step = mpmath.mpf(10) ** -15
            expected = mpmath.diff(
                lambda a: mpmath.beta(a, at[1]), mpmath.mpf(at[0]), order, h=step
            )
            assert slope(at[0]) == pytest.approx(float(expected), rel=1e-9)


RATIOS = {"beta": mpmath.beta, "poch": mpmath.rf, "binom": mpmath.binomial}
BESIDE_POLES = [
    ("beta", (2.1, -4.1)),
    ("beta", (-2 + 1e-7, 1.0)),
    ("beta", (-2.0001, 0.9)),
    ("beta", (1.2, -1.2)),
    ("poch", (-2 + 1e-7, 1.0)),
    ("poch", (-3 + 1e-7, 2.2)),
    ("poch", (-2.8, 0.9)),
    ("binom", (-2 + 1e-7, 1.3)),
    ("binom", (-3.2, -1.0)),
    ("binom", (-5.9999, -0.9999)),
    ("binom", (200.0, 201.0)),
    ("binom", (1e5, -2.5)),
    ("binom", (5.5, 100.3)),
]


@pytest.mark.parametrize(("name", "at"), BESIDE_POLES)
def test_ratios_of_gamma_functions_beside_poles_keep_their_digits(name, at):
    for i in range(2):

        def along(t, i=i):
            return getattr(special, name)(*at[:i], t, *at[i + 1 :])

        found = dd.grad(along)(at[i]), dd.derivative(dd.derivative(along))(at[i])
        with mpmath.workdps(120):
            exact = [float(oracle.slope(RATIOS[name], at, i, order)) for order in (1, 2)]
        size = 1 / abs(sum(at) - round(sum(at)) or 1)  # how much the rounding of a sum counts
        assert found == pytest.approx(exact, rel=1e-12 + 1e-15 * size)


def test_rising_factorials_of_negative_integers():
    """In the second argument they jump between 0 and the values at integers."""
    assert dd.grad(special.poch)(-2.0, -0.2) == pytest.approx(-4.409961036838269, rel=1e-12)
    assert dd.grad(special.poch)(0.0, 0.0) == 0.0
    for at in (-3.0, 2.0), (-3.0, 3.0), (0.0, 0.0), (-3.0, -2.0):
        assert np.isnan(dd.grad(special.poch, argnums=1)(*at))
    assert dd.grad(special.poch, argnums=1)(-3.0, 2.5) == 0.0
