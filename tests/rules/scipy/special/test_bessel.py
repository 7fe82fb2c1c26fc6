"""Bessel functions in argument and order, their relatives, and orthogonal polynomials."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.scipy.special.tables import POSITIVE, SHAPE, UNIT, X, of, real, special
from tests.rules.table import A, row, rule_tests

ORDERS = np.array([[-1.3], [0.7]])
LARGE = A(2, 1, low=8.0, high=25.0)
BIG = A(2, low=31.0, high=33.0)

ROWS = [
    *(real(n, ORDERS, POSITIVE) for n in ("jv", "yv", "iv", "kv", "ive", "kve", "jve", "yve")),
    *(real(n, A(1, 2, low=0.4, high=3.2), LARGE) for n in ("jv", "yv", "ive")),
    *(
        real(n, A(2, low=0.4, high=2.2), A(2, low=0.5, high=8.0))
        for n in ("hankel1", "hankel2", "hankel1e", "hankel2e")
    ),
    *(row(of(getattr(special, n), 1.5), POSITIVE) for n in ("jv", "yv", "iv", "kv", "hankel1e")),
    *(real(n, POSITIVE) for n in ("j0", "j1", "y0", "y1", "i0", "i1", "k0", "k1")),
    *(real(n, POSITIVE) for n in ("i0e", "i1e", "k0e", "k1e")),
    *(real(n, A(2, low=70.0, high=80.0)) for n in ("i0e", "i1e", "k0e", "k1e")),
    real("i1e", X),
    real(of(special.ive, 2), X),
    real(of(special.ive, 2), A(2, low=-90.0, high=-80.0)),
    real(of(special.kve, 0.5), A(2, low=70.0, high=80.0)),
    real(of(special.yn, 2), POSITIVE),
    real(of(special.kn, 2), POSITIVE),
    real("airy", X),
    row(special.airy, A(2, low=0.4, high=1.5)),
    real("airye", POSITIVE),
    real("airye", BIG),
    *(
        real(of(getattr(special._ufuncs, f"_spherical_{n}"), k), POSITIVE)
        for n in ("jn", "yn", "in", "kn", "jn_d", "yn_d", "in_d", "kn_d")
        for k in (0, 2)
    ),
    *(real(n, POSITIVE) for n in ("ber", "bei", "ker", "kei", "berp", "beip", "kerp", "keip")),
    real("kelvin", POSITIVE),
    real("struve", SHAPE, POSITIVE),
    real("struve", SHAPE, A(2, low=7.0, high=12.0)),
    real("modstruve", SHAPE, POSITIVE),
    *(real(n, POSITIVE) for n in ("itj0y0", "iti0k0", "it2j0y0", "it2i0k0")),
    *(real(n, POSITIVE) for n in ("itstruve0", "itmodstruve0", "it2struve0")),
    real(lambda x: special.besselpoly(x, 1.5, 2.5), POSITIVE, _id="besselpoly"),
    real(of(special.pbwa, 1.3), POSITIVE),
    *(
        real(of(getattr(special, f"eval_{n}"), k), UNIT)
        for n in (
            "chebyt", "chebyu", "chebyc", "chebys", "sh_chebyt", "sh_chebyu", "legendre",
            "sh_legendre", "hermite", "hermitenorm", "laguerre",
        )
        for k in (0, 3)
    ),
    real(of(special.eval_genlaguerre, np.array([[0], [3]])), A(3, low=0.4, high=1.8), UNIT),
    real(of(special.eval_gegenbauer, np.array([[0], [3]])), A(3, low=0.4, high=1.8), UNIT),
    real(of(special.eval_jacobi, np.array([[0], [3]])), A(3, low=0.4, high=1.8), 1.2, UNIT),
    real(of(special.eval_sh_jacobi, np.array([[0], [3]])), A(3, low=2.4, high=2.8), 1.2, UNIT),
    real(of(special.lpmv, 1, 2.5), UNIT),
]  # fmt: skip
TestRules = rule_tests(ROWS)


def test_integrals_of_airy_functions_have_their_integrands_as_derivatives():
    """SciPy's values are good to eight digits only, too few for differences."""
    slopes = dd.jvp(special.itairy, (1.2,), (1.0,))[1]
    right, left = special.airy(1.2), special.airy(-1.2)
    assert slopes == pytest.approx((right[0], right[2], left[0], left[2]), rel=1e-14)
    second = dd.jvp(lambda x: dd.jvp(special.itairy, (x,), (1.0,))[1], (1.2,), (1.0,))[1]
    assert second == pytest.approx((right[1], right[3], -left[1], -left[3]), rel=1e-14)
    pulled = dd.grad(lambda x: special.itairy(x)[3])(1.2)
    assert pulled == pytest.approx(left[2], rel=1e-14)
