"""Distributions of `scipy.stats`."""

import mpmath
import numpy as np
import pytest
import scipy.stats

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from tests.rules.table import A, row, rule_tests
from tests.versions import OLD_SCIPY

S = dd.scipy.stats
X = A(5, low=0.2, high=0.9)
FUNCTIONS = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
SHAPES = {"norm": (), "t": (3.5,), "gamma": (1.7,), "beta": (1.7, 2.2), "chi2": (3.3,)}
# The parameters with which the distribution functions have no derivative are given as constants.


def with_constants(name, function, shapes):
    def f(x, loc, scale):
        return getattr(getattr(S, name), function)(x, *shapes, loc=loc, scale=scale)

    return f


def real(function, *args, **options):
    # SciPy takes some densities from compiled code, with another rounding.
    return row(function, *args, _complex=False, _exact=False, **options)


ROWS = [
    *(
        real(with_constants(n, f, p), X, 0.05, 1.3, _id=f"{n}-{f}")
        for n, p in SHAPES.items()
        for f in FUNCTIONS
    ),
    *(
        real(getattr(getattr(S, n), f), X, *p, _id=f"{n}-{f}-shapes")
        for n, p in SHAPES.items()
        for f in ("pdf", "logpdf")
        if p
    ),
    real(S.norm.ppf, X, 0.3, 1.2, _id="norm-ppf"),
    real(S.norm.isf, X, 0.3, 1.2, _id="norm-isf"),
    *(
        real(
            lambda mu, f=f: getattr(S.poisson, f)(np.arange(5), mu),
            A(3, 1, low=0.5, high=2.0),
            _id=f"poisson-{f}",
        )
        for f in ("pmf", "logpmf", "cdf", "sf")
    ),
    real(
        lambda x, m, c: S.multivariate_normal.logpdf(x, m, c @ c.T),
        A(4, 3),
        A(3, seed=1),
        np.eye(3) + 0.3 * A(3, 3, seed=2),
        _id="multivariate_normal-logpdf",
    ),
    real(S.multivariate_normal.pdf, A(3), A(3, seed=1), 0.7, _id="multivariate_normal-pdf"),
    real(
        S.multivariate_normal.pdf,
        A(3),
        A(3, seed=1),
        A(3, low=0.5, high=2.0),
        _id="multivariate_normal-diagonal",
    ),
    real(
        lambda c: S.multivariate_normal.entropy(None, c @ c.T),
        np.eye(3) + 0.3 * A(3, 3, seed=2),
        _id="multivariate_normal-entropy",
    ),
    real(
        lambda a: S.dirichlet.logpdf(np.array([0.2, 0.3, 0.5]), a),
        A(3, low=0.5, high=3.0),
        _id="dirichlet-alpha",
    ),
    real(
        lambda x: S.dirichlet.pdf(x, np.array([1.2, 2.0, 3.0])),
        np.array([[0.2, 0.1], [0.3, 0.6]]),
        _id="dirichlet-x",
    ),
]
ROWS.append(
    real(
        lambda x, c: S.multivariate_normal.cdf(x, cov=c @ c.T),
        A(2),
        np.eye(2) + 0.3 * A(2, 2, seed=2),
        _id="multivariate_normal-cdf",
    )
)
ROWS += [
    *(
        real(getattr(S.truncnorm, f), X, -0.5, 1.2, _id=f"truncnorm-{f}")
        for f in ("pdf", "cdf", "sf", "logcdf", "logsf", "ppf", "isf")
    ),
    real(S.semicircular.cdf, X, _id="semicircular-cdf"),
]
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_values_are_scipys_inside_and_outside_the_support(name, function):
    x = np.array([-3.0, -0.01, 0.0, 0.3, 1.0, 1.7, 40.0, np.nan])
    for shapes in (SHAPES[name], tuple(-s for s in SHAPES[name])):
        for options in ({}, {"loc": 0.1, "scale": 1.3}):
            ours, _ = dd.jvp(
                lambda x: getattr(getattr(S, name), function)(x, *shapes, **options),  # noqa: B023
                (x,),
                (np.ones(8),),
            )
            with np.errstate(all="ignore"):
                expected = getattr(getattr(scipy.stats, name), function)(x, *shapes, **options)
            # The logarithm of the cdf loses digits near 1; newer releases avoid it.
            is_rough = OLD_SCIPY and function == "logcdf" and name in ("gamma", "chi2")
            atol = 1e-15 if is_rough else 1e-300
            np.testing.assert_allclose(ours, expected, rtol=3e-10, atol=atol)


def test_outside_the_support_the_derivative_is_zero():
    x = np.array([-3.0, 0.3, 1.7])
    for function in FUNCTIONS:
        slope = dd.elementwise_grad(lambda x: getattr(S.beta, function)(x, 1.7, 2.2))(x)  # noqa: B023
        assert slope[0] == slope[2] == 0, function
        assert slope[1] != 0
        assert np.isfinite(slope[1])


def test_the_tails_of_the_normal_distribution_do_not_underflow():
    with mpmath.workdps(60):
        exact = mpmath.diff(lambda x: mpmath.log(mpmath.ncdf(x)), -40)
    assert dd.grad(S.norm.logcdf)(-40.0) == pytest.approx(float(exact), rel=1e-12)
    assert dd.grad(S.norm.logsf)(40.0) == pytest.approx(-float(exact), rel=1e-12)


def test_a_scale_that_is_not_positive_gives_nan_as_in_scipy():
    assert np.isnan(dd.jvp(lambda s: S.norm.logpdf(1.0, 0.0, s), (-2.0,), (1.0,))[0])


def test_frozen_distributions_take_traced_parameters():
    assert dd.grad(lambda m: S.norm(m, 2.0).logpdf(1.0))(0.0) == pytest.approx(0.25)
    mean = dd.grad(lambda m: S.multivariate_normal(m, 2.0).logpdf(np.ones(2)))(np.zeros(2))
    np.testing.assert_allclose(mean, [0.5, 0.5])
    assert S.norm(1.0, 2.0).mean() == 1.0


def test_a_singular_covariance_of_constant_rank_has_the_derivative_of_its_rank():
    b, q = np.eye(3) + 0.3 * A(3, 3, seed=2), A(3)
    projector = np.diag([1.0, 1.0, 0.0])

    def f(b):
        cov = b @ projector @ b.T
        return S.multivariate_normal.logpdf(b @ projector @ q, None, cov, True)

    dd.check_grads(f, (b,), order=1)
    value = dd.jvp(f, (b,), (b,))[0]
    given = b @ projector @ q, None, b @ projector @ b.T, True
    assert value == pytest.approx(scipy.stats.multivariate_normal.logpdf(*given))
    outside = dd.jvp(lambda x: S.multivariate_normal.logpdf(x, *given[1:]), (given[0] + 1,), (q,))
    assert outside[0] == -np.inf
    with pytest.raises(np.linalg.LinAlgError):
        dd.grad(lambda x: S.multivariate_normal.logpdf(x, None, given[2]))(q)


def test_what_has_no_derivative_says_so():
    with pytest.raises(UnsupportedInputError, match="function of integers"):
        dd.grad(lambda k: S.poisson.pmf(k, 2.0))(2.0)
    with pytest.raises(TypeError, match="takes the parameters a, loc, scale"):
        dd.grad(lambda x: S.gamma.pdf(x))(2.0)


def test_on_the_edge_of_the_support_the_derivative_is_that_of_the_formula_inside():
    assert dd.grad(lambda x: S.gamma.pdf(x, 2.0))(0.0) == 1
    assert dd.grad(lambda x: S.chi2.pdf(x, 4.0))(0.0) == 0.25
    assert dd.grad(lambda x: S.beta.pdf(x, 2.0, 3.0))(0.0) == 12
    assert dd.grad(lambda x: S.beta.pdf(x, 2.0, 2.0))(1.0) == -6
    assert dd.grad(lambda m: S.poisson.pmf(0, m))(0.0) == -1
    assert dd.grad(lambda m: S.poisson.pmf(1, m))(0.0) == 1
    assert dd.grad(dd.grad(lambda x: S.gamma.cdf(x, 2.0)))(0.0) == 1


def test_bad_parameters_have_nan_as_derivative():
    assert np.isnan(dd.grad(lambda a: S.gamma.logpdf(3.0, a))(-1.0))
    assert np.isnan(dd.grad(lambda a: S.gamma.mean(a))(-1.0))
    slopes = dd.jacobian(lambda a: S.gamma.logpdf(np.array([-1.0, 2.0]), a))(1.5)
    assert slopes[0] == 0
    assert np.isfinite(slopes[1])


def test_shapes_of_the_multivariate_normal_are_scipys():
    normal, x = S.multivariate_normal, np.array([1.0, 2.0])
    for args in ((x, 0.5, 4.0), (x[None], np.zeros(2), 4.0), (x[None, None], None, np.eye(2)),
                 (x[:1], np.zeros(1), 4.0), (x, np.zeros(2), np.eye(2))):  # fmt: skip
        for name in ("pdf", "logpdf"):
            ours = dd.jvp(lambda x: getattr(normal, name)(x, *args[1:]), args[:1], args[:1])[0]  # noqa: B023
            theirs = getattr(scipy.stats.multivariate_normal, name)(*args)
            assert np.shape(ours) == np.shape(theirs)
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    column = np.array([[0.25], [0.75]])
    assert np.shape(dd.jvp(lambda a: S.dirichlet.logpdf(column, a), (x,), (x,))[0]) == ()


def test_the_normal_cdf_of_two_variables():
    dd.check_grads(
        lambda x, c: S.multivariate_normal.cdf(x, np.zeros(2), c + c.T),
        (np.array([0.3, -0.2]), np.array([[1.0, 0.2], [0.1, 0.8]])),
    )


def test_untraced_calls_and_all_other_methods_are_scipys():
    assert S.norm.pdf(0.3) == scipy.stats.norm.pdf(0.3)
    assert S.gamma.mean(2.0) == 2.0
    assert S.ks_2samp is not None
    assert "rvs" in dir(S.norm)
    assert "logpdf" in dir(S.dirichlet)


def test_a_bandwidth_that_is_set_later_has_its_derivative():
    data, at = A(9, low=-1.0, high=1.0), np.array([0.1, 0.4])

    def f(width):
        estimate = scipy.stats.gaussian_kde(data)
        estimate.set_bandwidth(width)
        return estimate.evaluate(at)

    value, slope = dd.jvp(f, (0.3,), (1.0,))
    np.testing.assert_allclose(value, f(0.3), rtol=1e-13)
    np.testing.assert_allclose(slope, (f(0.3 + 1e-5) - f(0.3 - 1e-5)) / 2e-5, rtol=1e-7)


def test_variances_of_wishart_in_the_degrees_and_points_of_a_frozen_matrix_t():
    scale = np.array([[1.0, 0.2], [0.2, 2.0]])
    slope = dd.jvp(lambda df: scipy.stats.wishart.var(df, scale), (5.0,), (1.0,))[1]
    np.testing.assert_allclose(slope, scipy.stats.wishart.var(5.0, scale) / 5, rtol=1e-13)
    if hasattr(scipy.stats, "matrix_t"):
        frozen = scipy.stats.matrix_t(np.zeros((2, 2)), scale, scale, 4.4)
        dd.check_grads(frozen.logpdf, (A(2, 2),))
