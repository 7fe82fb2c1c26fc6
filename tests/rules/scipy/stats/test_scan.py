"""Densities and distribution functions against SciPy's own code on mpmath's numbers."""

import warnings

import mpmath as mp
import numpy as np
import pytest
import scipy.stats

import dualdiff as dd
from dualdiff.errors import MissingRuleError
from tests.rules.scipy.stats import oracle
from tests.rules.scipy.stats.scan import MIDDLE, SECONDS, TAILS, TooSlow, at_most, cases, densities

SAMPLE = {
    "norm": (), "gamma": (1.7,), "expon": (), "t": (3.5,), "weibull_min": (1.8,),
    "lognorm": (0.95,), "genextreme": (-0.1,), "johnsonsu": (2.5, 2.2), "beta": (2.3, 0.6),
    "binom": (5.0, 0.4), "poisson": (3.2,),
}  # fmt: skip
# SciPy's value loses these digits in a tail, and the derivative with it.
FROM_MIDDLE = {"genextreme", "lognorm", "johnsonsu", "beta"}
NO_REFERENCE = (
    TooSlow, NotImplementedError, TypeError, AttributeError, ValueError, ZeroDivisionError,
)  # fmt: skip
SLOW = {"genhyperbolic", "gausshyper", "kstwo", "ksone", "levy_stable", "studentized_range"}


def error(item):
    """The relative error of a derivative over what its condition allows; 0 if not comparable."""
    i, at = item.argument, item.at
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            slope = dd.jvp(lambda t: item.function(*at[:i], t, *at[i + 1 :]), (at[i],), (1.0,))[1]
        except (MissingRuleError, dd.errors.UnsupportedInputError):
            return 0.0  # an error is right: compiled code, integers
        try:
            with at_most(SECONDS), mp.workdps(oracle.DIGITS):

                def along(t):
                    return item.exact(
                        *(t if j == i else oracle.number(a) for j, a in enumerate(at))
                    )

                exact = oracle.slope(along, at[i])
                change = oracle.slope(along, at[i], 2)
                value = along(oracle.number(at[i]))
        except (
            TooSlow,
            NotImplementedError,
            TypeError,
            AttributeError,
            ValueError,
            ZeroDivisionError,
        ):
            return 0.0  # mpmath lacks a function, or takes too long
        plain = item.plain(*at)
        if not np.isclose(float(mp.re(value)), plain, rtol=1e-8, atol=0):
            return 0.0  # SciPy's value is not right to eight digits
        allowed = abs(exact) + abs(at[i] * change) + abs(value) * mp.mpf(10) ** -3
        return float(abs(float(slope) - exact) / allowed) if allowed else float(abs(slope))


@pytest.mark.parametrize("name", SAMPLE)
def test_derivatives_agree_with_fifty_digits(name):
    tails = MIDDLE if name in FROM_MIDDLE else TAILS
    for item in list(densities(name, SAMPLE[name], tails))[::5]:
        assert error(item) < 1e-11, item


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shapes"), [c for c in cases() if c[0] not in SLOW], ids=str)
def test_every_distribution_agrees_with_fifty_digits(name, shapes):
    for item in densities(name, shapes):
        assert error(item) < 1e-9, item


def test_the_oracle_knows_closed_forms():
    with mp.workdps(30):
        d = oracle.Distribution(scipy.stats.gamma)
        assert mp.almosteq(d.at("cdf", mp.mpf(2), [mp.mpf(1)], 0, 1), 1 - mp.exp(-2))
        assert mp.almosteq(d.at("logpdf", mp.mpf(2), [mp.mpf(1)], 0, 1), -2)
