"""Private functions of SciPy by which scipy.stats computes quantiles and moments."""

import mpmath as mp
import pytest
from scipy.special import _ufuncs

import dualdiff as dd
import dualdiff.rules.scipy.special  # private names do not load their rules
from tests.rules.scipy.special.tables import UNIT, real
from tests.rules.table import A, rule_tests

DF, C = A(2, low=9.0, high=12.0), A(2, low=0.4, high=1.5, seed=1)

ROWS = [
    real("_invgauss_ppf", UNIT, A(3, low=0.5, high=2.0), 1.3),
    real("_invgauss_isf", UNIT, A(3, low=0.5, high=2.0), 1.3),
    real("_nct_mean", DF, C),
    real("_nct_variance", DF, C),
    real("_nct_skewness", DF, C),
    real("_nct_kurtosis_excess", DF, C),
    real("_ncf_mean", 3.5, DF, C),
    real("_ncf_variance", 3.5, DF, C),
    real("_ncf_skewness", 3.5, DF, C),
    real("_ncf_kurtosis_excess", 3.5, DF, C),
    real("_ncx2_isf", A(2, low=0.3, high=0.7), 3.5, 1.3),
    real("_nct_isf", A(2, low=0.3, high=0.7), 3.5, 0.7),
    real("_ncf_isf", A(2, low=0.3, high=0.7), 3.5, 5.2, 1.3),
    real("_skewnorm_isf", UNIT, 0.2, 1.3, 1.7),
    real("_smirnovc", 5, A(3, low=0.25, high=0.38)),
    real("_smirnovp", 5, A(3, low=0.25, high=0.38)),
    real("_smirnovci", 5, A(3, low=0.5, high=0.8)),
    real("_landau_cdf", A(3), 0.0, 1.0, _order=1, _argnums=(0,)),
    real("_landau_sf", A(3), 0.0, 1.0, _order=1, _argnums=(0,)),
    real("_landau_ppf", UNIT, 0.0, 1.0, _order=1, _argnums=(0,)),
    real("_landau_isf", UNIT, 0.0, 1.0, _order=1, _argnums=(0,)),
]
TestRules = rule_tests(ROWS)


def _nct_tail(t, v, c):
    """The upper tail by the density of log(chi**2 / v)."""

    def integrand(s):
        normal = mp.erfc((t * mp.exp(s / 2) - c) / mp.sqrt(2)) / 2
        return mp.exp(v / 2 * (s - mp.exp(s))) * normal

    ends = [-8000, -2000, -400, -100, -25, -12, -8, -5, -4, -3, -2, -1, 0, 1, 2, 4, 6, 9]
    return (v / 2) ** (v / 2) / mp.gamma(v / 2) * mp.quad(integrand, ends)


@pytest.mark.skipif(
    not hasattr(_ufuncs, "_nct_sf"), reason="releases before 1.14 have no such function"
)
@pytest.mark.parametrize(
    "at", [(0.5, 14.0, 0.24), (24.0, 14.0, 0.24), (660.0, 14.0, 0.24), (20.0, 0.1, 3.0)]
)
def test_noncentral_t_in_its_tails_and_in_few_degrees_of_freedom(at):
    for i in range(3):
        slope = dd.grad(lambda x, i=i: _ufuncs._nct_sf(*at[:i], x, *at[i + 1 :]))(at[i])
        with mp.workdps(25):
            numbers = list(map(mp.mpf, at))
            h = numbers[i] * mp.mpf(10) ** -8
            ends = (_nct_tail(*numbers[:i], numbers[i] + s, *numbers[i + 1 :]) for s in (h, -h))
            exact = float(mp.fdot([(1, next(ends)), (-1, next(ends))]) / (2 * h))
        assert slope == pytest.approx(exact, rel=1e-11)
