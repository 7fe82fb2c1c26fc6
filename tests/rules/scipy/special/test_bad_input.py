"""Orders that are integers, arrays that do not broadcast, parameters of the wrong sign."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import special, stats

import dualdiff as dd
from dualdiff.errors import DualdiffError, UnsupportedInputError
from tests.versions import before

ONE = np.ones


@pytest.mark.parametrize(
    "f",
    [
        lambda n: special.kn(n, 1.3),
        lambda n: special.yn(n, 1.3),
        lambda n: special.expn(n, 1.3),
        lambda n: special.polygamma(n, 1.3),
        lambda n: special.spherical_jn(n, 1.3),
        lambda n: special.spherical_kn(n, 1.3, True),
        lambda n: special.eval_hermite(n, 1.3),
        lambda n: special.bdtr(n, 5, 0.3),
        lambda n: special.lpmv(n, 2.0, 0.3),
        lambda n: special.mathieu_cem(n, 2.0, 0.3)[0],
        lambda n: special.lqn(n, 0.3)[0][1],
        lambda n: special.mathieu_even_coef(n, 1.3)[0],
        lambda n: special.multigammaln(2.5, n),
        lambda n: special.pro_cv_seq(0, n, 1.3)[0],
    ],
)
def test_an_order_that_is_an_integer_raises(f):
    with pytest.raises(DualdiffError, match="derivative"):
        dd.grad(f)(2.0)
    assert np.isfinite(f(2))


def test_the_error_of_a_spherical_order_says_what_to_write():
    with pytest.raises(UnsupportedInputError, match=r"order n \+ 1/2"):
        dd.grad(lambda n: special.spherical_yn(n, 1.3))(2.0)
    slope = dd.grad(lambda x: special.spherical_jn(2, x))(1.3)
    assert slope == pytest.approx(special.spherical_jn(2, 1.3, derivative=True), rel=1e-13)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.sum(special.gammainc(a * ONE(3), ONE(4))),
        lambda a: np.sum(stats.norm.logpdf(ONE(3), a * ONE(4))),
        lambda a: np.sum(stats.beta.cdf(0.3, a * ONE(3), ONE(2))),
    ],
)
def test_arrays_that_do_not_broadcast_raise_as_in_scipy(f):
    for call in (f, dd.grad(f)):
        with pytest.raises(ValueError, match="broadcast"):
            call(1.0)


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda a: special.gammainc(a, 1.0), -1.0),
        (lambda a: special.betainc(a, 1.0, 0.3), -1.0),
        (lambda x: special.kv(1.3, x), -1.3),
        (lambda x: special.betainc(0.4, 0.4, x), -1.7),
        (lambda x: special.betaincc(0.4, 0.4, x), 2.0),
        (lambda x: special.fdtr(0.4, 0.4, x), -1.7),
        (lambda p: special.bdtr(2, 5, p), 2.0),
        (lambda p: special.nbdtrc(2, 5, p), 2.0),
        (lambda m: special.ellipkinc(0.4, m), 10.0),
        (lambda m: special.ellipeinc(0.4, m), 10.0),
        (special.exp1, -1.7),
        (lambda x: special.expn(2, x), -1.7),
        (special.ellipk, 1.5),
        (special.psi, -2.0),
        pytest.param(special.gammasgn, -2.0, marks=before("1.15.0", "0 there")),
        (lambda x: special.gammainc(-1.0, x), 1.0),
        (lambda x: special.boxcox1p(x, 0.5), -1.5),
        (lambda x: special.elliprc(x, 0.0), 1.0),
        (lambda x: special.elliprj(x, 2.0, 3.0, 0.0), 1.0),
        (lambda x: special.radian(x, 1.0, 2.0), np.nan),
        (special.ndtri, 1.5),
        (lambda s: stats.norm.logpdf(0.3, 0, s), -1.0),
        (lambda df: stats.t.logsf(0.3, df), -1.0),
        (stats.norm.ppf, 1.5),
        (lambda p: stats.binom.logpmf(2, 5, p), 1.5),
    ],
)
def test_beyond_the_domain_value_and_derivative_are_nan(f, at):
    with np.errstate(all="ignore"):
        value, slope = dd.jvp(f, (at,), (1.0,))
    assert np.isnan(value)
    assert np.isnan(slope)


UFUNCS = [n for n in special.__all__ if isinstance(getattr(special, n), np.ufunc)]
SECOND = ("chndtr", "hyp1f1", "ellipj", "airy", "kn", "boxcox1p", "betainc", "stdtr")


@pytest.mark.parametrize("name", UFUNCS)
@pytest.mark.filterwarnings("ignore:floating point number truncated:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_derivative_is_a_number_beside_a_value_that_is_nan(name):
    function = getattr(special, name)
    for i, j in np.ndindex(function.nin, function.nin):
        at = [0.4] * function.nin
        at[i] = np.nan

        def along(t, at=at, j=j):
            return function(*at[:j], t, *at[j + 1 :])

        try:
            values, slopes = dd.jvp(along, (at[j],), (1.0,))
        except (DualdiffError, TypeError):
            continue  # of integers
        assert np.all(np.isnan(slopes) | ~np.isnan(values))
        if name in SECOND:
            bend = dd.jvp(lambda t: dd.jvp(along, (t,), (1.0,))[1], (at[j],), (1.0,))[1]
            assert np.all(np.isnan(bend) | ~np.isnan(values))


def test_a_nan_does_not_touch_its_neighbours():
    x = np.array([0.4, np.nan, 1.3, -1.0])
    for f in (lambda x: special.gammainc(1.5, x), lambda x: special.chndtr(x, 2.0, 3.0)):
        slope = dd.elementwise_grad(f)(x)
        np.testing.assert_array_equal(np.isnan(slope), np.isnan(f(x)))
        for k in (0, 2):
            assert slope[k] == pytest.approx(dd.grad(f)(x[k]), rel=1e-13)


def test_wrong_calls_of_distributions_say_which_parameters_there_are():
    for f in (stats.gamma.pdf, lambda x: stats.gamma.pdf(x, 1, 0, 1, 2)):
        with pytest.raises(TypeError, match="takes the parameters a, loc, scale"):
            dd.grad(f)(0.5)
    with pytest.raises(ValueError, match="integer"):
        dd.grad(lambda a: stats.gamma.moment(1.5, a))(2.0)
    with pytest.raises(ValueError, match="positive"):
        dd.grad(
            lambda c: stats.multivariate_normal.pdf(ONE(2), cov=np.array([[1.0, c], [c, 1.0]]))
        )(2.0)


def test_copies_of_scipys_code_need_no_other_package():
    """A program that has not loaded scipy.stats, which brings replacements along."""
    program = (
        "import sys, dualdiff, scipy.special as s\n"
        "print(dualdiff.grad(lambda x: s.spherical_jn(2, x))(1.3))\n"
        "assert 'scipy.stats' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert float(done.stdout) == pytest.approx(special.spherical_jn(2, 1.3, derivative=True))
