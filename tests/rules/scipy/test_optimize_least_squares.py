"""`scipy.optimize`: least squares, against differences of tight solutions."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

import dualdiff as dd
from dualdiff.errors import SingularError, UnsupportedInputError

optimize = dd.scipy.optimize
T = np.linspace(0.0, 2.0, 8)
Y = np.exp(-1.3 * T) + 0.02 * np.sin(9.0 * np.arange(8))
TIGHT = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}


def decay(t, a, b):
    return a * np.exp(-b * t)


def residuals(x, y):
    return decay(T, x[0], x[1]) - y


def fit(y, **options):
    return scipy.optimize.least_squares(residuals, [1.0, 1.0], args=(y,), **TIGHT, **options).x


def differences(f, x, h=1e-3):
    """The Jacobian by central differences of fourth order."""
    columns = []
    for e in h * np.eye(np.size(x)):
        step = e.reshape(np.shape(x))
        near, far = f(x + step) - f(x - step), f(x + 2 * step) - f(x - 2 * step)
        columns.append((8 * near - far) / (12 * h))
    return np.stack(columns, axis=-1)


def check(f, reference, first=1e-6, second=1e-4, h=1e-2):
    expected = differences(reference, Y)
    for mode in ("forward", "reverse"):
        found = dd.jacobian(f, mode=mode)(Y)
        np.testing.assert_allclose(found, expected, rtol=first, atol=first)
    v = np.cos(np.arange(Y.size))

    def loss(y):
        return np.sum(f(y) * np.array([1.0, -2.0]))

    def along(s):
        return reference(Y + s * v) @ [1.0, -2.0]

    near, far = along(h) + along(-h), along(2 * h) + along(-2 * h)
    expected = (16 * near - far - 30 * along(0.0)) / (12 * h**2)
    for curvature in (
        dd.jvp(dd.grad(loss), (Y,), (v,))[1] @ v,
        dd.grad(lambda y: np.sum(dd.grad(loss)(y) * v))(Y) @ v,
        dd.grad(lambda y: dd.jvp(loss, (y,), (v,))[1])(Y) @ v,
    ):
        np.testing.assert_allclose(curvature, expected, rtol=second, atol=second)


FITS = {
    "trf": lambda y: optimize.least_squares(residuals, [1.0, 1.0], args=(y,)).x,
    "dogbox": lambda y: (
        optimize.least_squares(lambda x: residuals(x, y), [1.0, 1.0], method="dogbox").x
    ),
    "lm": lambda y: optimize.least_squares(residuals, [1.0, 1.0], method="lm", kwargs={"y": y}).x,
    "jac": lambda y: (
        optimize.least_squares(residuals, [1.0, 1.0], dd.jacobian(residuals), args=(y,)).x
    ),
    "leastsq": lambda y: optimize.leastsq(residuals, [1.0, 1.0], (y,))[0],
    "curve_fit": lambda y: optimize.curve_fit(decay, T, y)[0],
    "curve_fit within bounds": lambda y: optimize.curve_fit(decay, T, y, bounds=(0, 5))[0],
    "curve_fit of a closure": lambda y: optimize.curve_fit(
        lambda t, a, b: decay(t, a, b) - y, T, np.zeros(8)
    )[0],
}


@pytest.mark.parametrize("name", FITS)
def test_fits(name):
    check(FITS[name], fit)


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_robust_losses(loss):
    options = {"loss": loss, "f_scale": 0.05}
    check(
        lambda y: optimize.least_squares(residuals, [1.0, 1.0], args=(y,), **options).x,
        lambda y: fit(y, **options),
        first=1e-5,
        second=1e-2,
        h=1e-3,
    )


def test_the_scale_of_a_loss_may_be_traced():
    def f(s, fit=optimize.least_squares, **options):
        return fit(residuals, [1.0, 1.0], args=(Y,), loss="cauchy", f_scale=s, **options).x

    expected = differences(
        lambda s: f(s[()], scipy.optimize.least_squares, **TIGHT), np.array(0.05)
    )[..., 0]
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(dd.jacobian(f, mode=mode)(0.05), expected, rtol=1e-3)


def test_active_bounds():
    def f(y, solve=optimize.least_squares, **options):
        return solve(residuals, [0.5, 1.0], args=(y,), bounds=([0, 0], [0.8, 5]), **options).x

    check(f, lambda y: f(y, scipy.optimize.least_squares, **TIGHT), first=1e-5, second=1e-2)


def test_cost_residuals_jacobian_and_gradient_of_a_result():
    def result(y):
        return optimize.least_squares(residuals, [1.0, 1.0], args=(y,))

    cost = differences(lambda y: 0.5 * np.sum(residuals(fit(y), y) ** 2), Y)
    np.testing.assert_allclose(dd.grad(lambda y: result(y).cost)(Y), cost, rtol=1e-6, atol=1e-8)
    left = differences(lambda y: residuals(fit(y), y), Y)
    np.testing.assert_allclose(dd.jacobian(lambda y: result(y).fun)(Y), left, rtol=1e-6, atol=1e-7)
    slopes = differences(lambda y: dd.jacobian(residuals)(fit(y), y).ravel(), Y)
    found = dd.jacobian(lambda y: result(y).jac.reshape(-1))(Y)
    np.testing.assert_allclose(found, slopes, rtol=1e-6, atol=1e-7)
    assert np.abs(dd.jacobian(lambda y: result(y).grad)(Y)).max() < 1e-12
    robust = {"loss": "cauchy"}
    with pytest.raises(UnsupportedInputError, match="'jac'"):
        dd.grad(
            lambda y: np.sum(optimize.least_squares(residuals, [1.0, 1.0], args=(y,), **robust).jac)
        )(Y)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("sigma", [None, "vector", "matrix"])
def test_parameters_and_covariance_of_curve_fit(sigma, absolute):
    spread = {None: None, "vector": 0.1 + 0.05 * T, "matrix": 0.01 * np.eye(8) + 0.002}[sigma]

    def f(y, solve=optimize.curve_fit, **options):
        p, c = solve(decay, T, y, sigma=spread, absolute_sigma=absolute, **options)
        return np.concatenate([p, np.reshape(c, -1)])

    def exact(y):
        return f(y, scipy.optimize.curve_fit, jac=slopes, **TIGHT)

    def slopes(t, a, b):
        return np.stack([np.exp(-b * t), -a * t * np.exp(-b * t)], axis=1)

    expected = differences(exact, Y)
    for mode in ("forward", "reverse"):
        found = dd.jacobian(f, mode=mode)(Y)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_curve_fit_by_positions_and_weights():
    def f(t, s, solve=optimize.curve_fit):
        return solve(decay, t, Y, sigma=s)[0]

    s = 0.1 + 0.05 * T
    for argnum, at in ((0, T), (1, s)):

        def of_one(x, solve=optimize.curve_fit):
            return f(*((x, s) if argnum == 0 else (T, x)), solve)  # noqa: B023

        expected = differences(lambda x: of_one(x, scipy.optimize.curve_fit), at)
        for mode in ("forward", "reverse"):
            found = dd.jacobian(of_one, mode=mode)(at)
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_leastsq_gives_the_covariance_too():
    def f(y):
        return optimize.leastsq(residuals, [1.0, 1.0], (y,), full_output=True)[1]

    def exact(y):
        slopes = dd.jacobian(residuals)(fit(y), y)
        return np.linalg.inv(slopes.T @ slopes).ravel()

    found = dd.jacobian(lambda y: f(y).reshape(-1))(Y)
    np.testing.assert_allclose(found, differences(exact, Y), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "info",
    [
        lambda y: optimize.leastsq(residuals, [1.0, 1.0], (y,), full_output=True)[2],
        lambda y: optimize.curve_fit(decay, T, y, [1.0, 1.0], full_output=True)[2],
    ],
)
def test_what_minpack_tells_has_derivatives_or_says_so(info):
    found = dd.jacobian(lambda y: info(y)["fvec"])(Y)
    expected = differences(lambda y: residuals(fit(y), y), Y)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    for name in ("fjac", "qtf"):
        with pytest.raises(UnsupportedInputError, match=f"'{name}' in the result"):
            dd.jacobian(lambda y, name=name: info(y)[name])(Y)


def test_the_solution_without_bounds_says_that_it_has_no_derivative():
    with pytest.raises(UnsupportedInputError, match="unbounded_sol"):
        dd.jacobian(lambda b: optimize.lsq_linear(A, b).unbounded_sol[0])(np.ones(8))


A = np.random.default_rng(1).normal(size=(8, 3))


@pytest.mark.parametrize("sparse", [False, True])
def test_linear_least_squares_within_bounds(sparse):
    matrix = scipy.sparse.csr_array(A) if sparse else A

    def f(y, solve=optimize.lsq_linear):
        return solve(matrix, y, (-0.05, 0.2), tol=1e-14).x

    expected = differences(lambda y: f(y, scipy.optimize.lsq_linear), Y, 1e-4)
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(dd.jacobian(f, mode=mode)(Y), expected, atol=1e-6)
    cost = differences(
        lambda y: scipy.optimize.lsq_linear(A, y, (-0.05, 0.2), tol=1e-14).cost, Y, 1e-4
    )
    found = dd.grad(lambda y: optimize.lsq_linear(matrix, y, (-0.05, 0.2), tol=1e-14).cost)(Y)
    np.testing.assert_allclose(found, cost, atol=1e-6)


def test_nonnegative_least_squares_by_matrix_and_right_hand_side():
    def f(a, y, solve=optimize.nnls):
        x, norm = solve(a, y)
        return np.concatenate([x, np.stack([norm])])

    by_matrix = differences(lambda a: f(a, Y, scipy.optimize.nnls), A, 1e-4)
    by_right = differences(lambda y: f(A, y, scipy.optimize.nnls), Y, 1e-4)
    for mode in ("forward", "reverse"):
        a, b = dd.jacobian(f, (0, 1), mode=mode)(A, Y)
        np.testing.assert_allclose(a.reshape(4, -1), by_matrix, atol=1e-6)
        np.testing.assert_allclose(b, by_right, atol=1e-6)


def test_parameters_that_data_do_not_determine_are_refused():
    def f(y):
        return optimize.least_squares(lambda x: (x[0] + x[1]) * T - y, [1.0, 1.0]).x

    with pytest.raises(SingularError, match=r"at test_optimize_least_squares\.py"):
        dd.jacobian(f)(Y)
