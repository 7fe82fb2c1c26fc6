"""Private functions of SciPy by which scipy.stats computes quantiles and moments."""

import dualdiff.rules.scipy.special  # noqa: F401  # private names do not load their rules
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
