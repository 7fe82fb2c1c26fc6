"""Elliptic integrals, hypergeometric functions, zeta, error functions, integrals and the rest."""

import numpy as np

from tests.rules.scipy.special.tables import POSITIVE, SHAPE, UNIT, X, newer, of, real, special
from tests.rules.table import A, row, rule_tests

ONE = A(2, low=0.4, high=1.8)
AMPLITUDE, MODULUS = A(3, low=-2.0, high=4.0), A(2, 1, low=0.1, high=0.9)
TWO = A(2, low=0.5, high=1.3, seed=5)


def of_private(name, *constants):
    """A row of one of SciPy's private functions of its last argument."""
    function = getattr(special._ufuncs, name, None)
    return real(name if function is None else of(function, *constants), POSITIVE)


ROWS = [
    # Elliptic integrals and functions.
    *(real(n, UNIT) for n in ("ellipk", "ellipe", "ellipkm1")),
    *(real(n, A(3, low=-3.0, high=-0.1)) for n in ("ellipk", "ellipe")),
    *(real(n, AMPLITUDE, MODULUS) for n in ("ellipkinc", "ellipeinc", "ellipj")),
    real("agm", ONE, TWO),
    real("agm", 1.0, 20.0),
    row(special.elliprf, ONE, TWO, 2.3),
    row(special.elliprc, ONE, TWO),
    row(special.elliprd, ONE, TWO, 2.3),
    row(special.elliprg, ONE, TWO, 2.3),
    row(special.elliprj, ONE, TWO, 2.3, 0.8),
    # Hypergeometric functions.
    real("hyp0f1", SHAPE, A(3, low=-20.0, high=3.0)),
    real("hyp1f1", SHAPE, 1.7, A(3, low=-4.0, high=2.0)),
    real("hyp2f1", SHAPE, 1.7, 2.1, A(3, low=-0.8, high=0.55)),
    real("hyp2f1", SHAPE, 0.7, 2.1, A(3, low=0.65, high=0.93)),
    real("hyperu", np.array([0.4, 1.6]), 1.3, A(2, low=0.8, high=3.0)),
    newer(lambda: row(of(special.hyp1f1, 1.5, 2.5), X)),
    real("wright_bessel", ONE, TWO, 1.2),
    real("log_wright_bessel", ONE, TWO, 1.2),
    # Zeta functions.
    real("_zeta", A(3, low=1.3, high=4.0), SHAPE),
    newer(lambda: row(special._ufuncs._riemann_zeta, A(3, low=1.3, high=4.0))),
    real("_riemann_zeta", A(3, low=-2.7, high=0.6)),
    real("zetac", A(3, low=1.3, high=4.0)),
    of_private("_gen_harmonic", 5),
    of_private("_normalized_gen_harmonic", 2, 4, 9),
    # Error functions.
    *(row(getattr(special, n), X) for n in ("erf", "erfc", "erfi", "erfcx", "dawsn")),
    *(row(getattr(special, n), X) for n in ("ndtr", "log_ndtr")),
    real("erfcx", A(2, low=30.0, high=40.0)),
    real("dawsn", A(2, low=30.0, high=40.0)),
    row(special.wofz, A(2, complex=True)),
    *(real(n, UNIT) for n in ("erfinv", "erfcinv", "ndtri")),
    real("ndtri_exp", A(3, low=-3.0, high=-0.1)),
    real("nrdtrimn", UNIT, 1.3, 0.7),
    real("nrdtrisd", 0.4, A(2, low=0.6, high=0.9), 1.7),
    real("owens_t", X, SHAPE),
    real("voigt_profile", X, 1.2, SHAPE),
    real("fresnel", X),
    row(special.fresnel, A(2)),
    newer(lambda: real("modfresnelp", POSITIVE)),
    real("modfresnelm", POSITIVE),
    real("_skewnorm_cdf", X, 0.1, 1.2, 0.7),
    real("_skewnorm_ppf", UNIT, 0.1, 1.2, 0.7),
    # Integrals.
    row(special.exp1, POSITIVE),
    row(special.expi, POSITIVE),
    real(of(special.expn, np.array([[0], [1], [3]])), POSITIVE),
    real("_scaled_exp1", POSITIVE),
    real("spence", POSITIVE),
    real("spence", A(2, low=0.8, high=1.2)),
    real("sici", POSITIVE),
    real("shichi", POSITIVE),
    # Distributions.
    real("kolmogorov", A(3, low=0.4, high=1.6)),
    *(real(n, A(3, low=0.4, high=1.6)) for n in ("_kolmogc", "_kolmogp")),
    *(real(n, UNIT) for n in ("kolmogi", "_kolmogci")),
    real(of(special.smirnov, 5), A(3, low=0.1, high=0.7)),
    real(of(special.smirnovi, 5), UNIT),
    real("tklmbda", X, 0.4),
    real("tklmbda", A(2, low=-0.5, high=0.5), 1.6),
    real("_cosine_cdf", X),
    real("_cosine_invcdf", UNIT),
    real("_cauchy_ppf", UNIT, 0.3, 1.2),
    real("_cauchy_isf", UNIT, 0.3, 1.2),
    # Elementary functions.
    real("_log1mexp", A(3, low=-3.0, high=-0.1)),
    real("_log1pmx", POSITIVE),
    real("_factorial", POSITIVE),
    real("_lgam1p", POSITIVE),
    real("wrightomega", X),
    row(lambda x: special._ufuncs._lambertw(x, 0, 1e-8), A(3, low=0.2, high=2.0), _id="lambertw"),
    real("powm1", POSITIVE, SHAPE),
    real("boxcox", POSITIVE, SHAPE),
    real("boxcox", POSITIVE, 0.02),
    real("boxcox1p", POSITIVE, SHAPE),
    real("inv_boxcox", POSITIVE, SHAPE),
    real("inv_boxcox", POSITIVE, 0.02),
    real("inv_boxcox1p", POSITIVE, SHAPE),
    *(real(n, A(3, low=20.0, high=80.0)) for n in ("sindg", "cosdg", "tandg", "cotdg")),
    real("radian", A(2), A(2, seed=1), A(2, seed=2)),
    real("_sinpi", X),
    real("_cospi", X),
    real(special.pseudo_huber, A(2, 1, low=0.5, high=0.9), X),
]  # fmt: skip
TestRules = rule_tests(ROWS)
