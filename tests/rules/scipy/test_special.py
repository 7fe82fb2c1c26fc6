"""Special functions."""

import mpmath
import numpy as np
import pytest
import scipy.special as special

import dualdiff as dd
from dualdiff.core.errors import ConversionError, MissingRuleError, UnsupportedInputError
from dualdiff.scipy.special import log_softmax, logsumexp, polygamma, softmax
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
    row(of(special.hyp1f1, 1.5, 2.5), X),
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


def derivative(function, x):
    return float(dd.derivative(function)(x))
