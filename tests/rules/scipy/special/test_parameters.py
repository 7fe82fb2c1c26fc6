"""Functions in their parameters: incomplete gamma and beta, Student's t, noncentral families."""

import mpmath as mp
import numpy as np
import pytest
import scipy.special as special
from scipy import stats

import dualdiff as dd
from tests.rules.scipy.special import oracle
from tests.rules.scipy.special.tables import POSITIVE, SHAPE, UNIT, newer, real
from tests.rules.table import A, rule_tests

DF = A(2, 1, low=2.5, high=6.0, seed=4)
F = A(3, low=0.4, high=1.8)
ONE = A(2, low=0.4, high=1.8)

ROWS = [
    real("gammainc", SHAPE, POSITIVE),
    real("gammaincc", SHAPE, POSITIVE),
    real("gammaincc", A(2, low=40.0, high=60.0), A(2, low=45.0, high=55.0, seed=2)),
    real("gammaincinv", SHAPE, UNIT),
    real("gammainccinv", SHAPE, UNIT),
    real("_igam_fac", SHAPE, POSITIVE),
    real("chdtr", DF, POSITIVE),
    real("chdtrc", DF, POSITIVE),
    real("chdtri", DF, UNIT),
    real("chdtriv", UNIT, POSITIVE, _exact=False),
    real("gdtr", SHAPE, 1.5, POSITIVE),
    real("gdtrc", SHAPE, 1.5, POSITIVE),
    real("gdtrix", 1.3, 1.5, UNIT),
    real("gdtria", UNIT, 1.5, 1.2),
    real("gdtrib", 1.3, UNIT, 1.2),
    real("pdtr", 3, POSITIVE),
    real("pdtrc", 3, POSITIVE),
    real("pdtri", 3, UNIT),
    real("pdtrik", A(2, low=0.6, high=0.9), A(2, low=0.3, high=1.5)),
    real("betainc", SHAPE, 1.7, UNIT),
    real("betaincc", SHAPE, 1.7, UNIT),
    real("betainc", A(2, low=40.0, high=60.0), A(2, low=40.0, high=60.0, seed=2), 0.48),
    real("betaincinv", SHAPE, 1.7, UNIT),
    real("betainccinv", SHAPE, 1.7, UNIT),
    real("_beta_pdf", UNIT, SHAPE, 1.7),
    real("_beta_ppf", UNIT, SHAPE, 1.7),
    real("btdtria", UNIT, 1.7, 0.4),
    real("btdtrib", 1.7, UNIT, 0.4),
    real("fdtr", DF, 3.5, F),
    real("fdtrc", DF, 3.5, F),
    real("fdtri", DF, 3.5, UNIT),
    real("fdtridfd", 3.5, A(2, low=0.5, high=0.7), 1.4),
    # In single precision SciPy's loops take n as a float, which it deprecates.
    real("bdtr", 3, 10, UNIT, _float32=False),
    real("bdtrc", 3, 10, UNIT, _float32=False),
    real("bdtri", 3, 10, UNIT, _float32=False),
    real("bdtrik", UNIT, 10.0, 0.4),
    real("bdtrin", 3.0, UNIT, 0.4),
    real("nbdtr", 3, 4, UNIT),
    real("nbdtrc", 3, 4, UNIT),
    real("nbdtri", 3, 4, UNIT),
    real("nbdtrik", UNIT, 4.0, 0.4),
    real("nbdtrin", 3.0, A(2, low=0.3, high=0.6), 0.4),
    real("_binom_cdf", 3, 10, UNIT),
    real("_binom_sf", 3, 10, UNIT),
    real("_binom_pmf", 3, 10, UNIT),
    real("_nbinom_cdf", 3, SHAPE, UNIT),
    real("_nbinom_sf", 3, SHAPE, UNIT),
    real("_nbinom_pmf", 3, SHAPE, UNIT),
    real("_nbinom_mean", SHAPE, UNIT),
    real("_nbinom_variance", SHAPE, UNIT),
    real("_nbinom_skewness", SHAPE, UNIT),
    real("_nbinom_kurtosis_excess", SHAPE, UNIT),
    real("stdtr", DF, A(3)),
    real("stdtrit", DF, UNIT),
    real("stdtridf", A(2, low=0.6, high=0.7), 0.5),
    real("chndtr", ONE, 3.5, 1.3),
    real("_ncx2_pdf", ONE, 3.5, 1.3),
    real("_ncx2_sf", ONE, 3.5, 1.3),
    real("chndtrix", A(2, low=0.3, high=0.7), 3.5, 1.3),
    real("chndtridf", ONE, 0.3, 1.3),
    real("chndtrinc", A(2, low=3.0, high=4.0), 3.5, 0.2),
    newer(lambda: real("ncfdtr", 3.5, 5.2, 1.3, ONE)),
    real("_ncf_sf", ONE, 3.5, 5.2, 1.3),
    real("_ncf_pdf", ONE, 3.5, 5.2, 1.3),
    newer(lambda: real("ncfdtri", 3.5, 5.2, 1.3, A(2, low=0.3, high=0.7))),
    real("nctdtr", 3.5, 0.7, ONE),
    real("_nct_sf", ONE, 3.5, 0.7),
    real("_nct_pdf", ONE, 3.5, 0.7),
    real("nctdtrit", 3.5, 0.7, A(2, low=0.3, high=0.7)),
    real("nctdtridf", 0.6, 0.7, 1.2),
    real("nctdtrinc", 3.5, 0.6, 1.2),
]  # fmt: skip
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize(
    ("inverse", "which", "args"),
    [
        (special.ncfdtridfn, 0, (3.5, 5.2, 1.3, 1.4)),
        (special.ncfdtridfd, 1, (3.5, 5.2, 1.3, 1.4)),
        (special.ncfdtrinc, 2, (3.5, 5.2, 1.3, 1.4)),
    ],
)
def test_inverse_of_the_noncentral_f_distribution_undoes_it(inverse, which, args):
    """SciPy's search stops too early to compare with differences of its values."""

    def there_and_back(*args):
        return inverse(*args[:which], special.ncfdtr(*args), *args[which + 1 :])

    found = dd.grad(there_and_back, argnums=(0, 1, 2, 3))(*args)
    np.testing.assert_allclose(found, np.eye(4)[which], atol=1e-3)


def test_where_there_is_no_solution_the_derivative_is_nan():
    assert special.chndtrinc(1.8, 3.5, 0.9) <= 1e-300
    assert np.isnan(dd.grad(special.chndtrinc)(1.8, 3.5, 0.9))


def test_scores_of_one_number_each_are_those_of_arrays():
    x = np.array([1e-9, 0.2, 0.6, 0.88, 1 - 1e-9])
    for a, b in ((2.5, 3.5), (0.3, 0.7), (300.0, 40.0)):
        for argnums in (0, 1):
            density = dd.jacobian(lambda a, b: stats.beta.logpdf(x, a, b), argnums=argnums)
            by_arrays = [dd.grad(stats.beta.logpdf, argnums=argnums + 1)(t, a, b) for t in x]
            assert density(a, b) == pytest.approx(by_arrays, rel=1e-13)


@pytest.mark.parametrize("t", [-1e150, -1e20, -1e4, -300.0, -12.0, -2.0, 0.3])
@pytest.mark.parametrize("v", [1e-6, 1e-3, 0.01, 0.3, 2.5])
def test_students_distribution_in_small_degrees_of_freedom(v, t):
    """The density has a peak of width ``sqrt(v)`` and long tails beside it."""
    with mp.workdps(60):
        exact = mp.diff(lambda v: oracle.stdtr(v, mp.mpf(t)), mp.mpf(v))
    slope = dd.grad(lambda v: special.stdtr(v, t))(v)
    assert slope == pytest.approx(float(exact), rel=2e-9 if abs(t) > 1e100 else 1e-11, abs=1e-300)
