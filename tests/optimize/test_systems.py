"""`least_squares`, `curve_fit` and `root` of `dualdiff.optimize`, beside SciPy's own."""

from typing import Any

import numpy as np
import pytest
import scipy.optimize
from scipy.optimize import Bounds
from scipy.sparse import issparse

import dualdiff as dd
from dualdiff.errors import NoCovarianceError
from dualdiff.optimize import curve_fit, least_squares, root
from tests.versions import OLD_SCIPY

T = np.linspace(0.0, 4.0, 40)
NOISE = 0.02 * np.random.default_rng(1).normal(size=40)


def decay(t: Any, height: Any, rate: Any) -> Any:
    return height * np.exp(-rate * t)


Y = decay(T, 2.0, 0.5) + NOISE


def residuals(p: Any) -> Any:
    return decay(T, p["height"], p["rate"]) - Y


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares_agrees_with_scipys_curve_fit(method: Any) -> None:
    expected, covariance = scipy.optimize.curve_fit(decay, T, Y)
    for jac in (None, "exact", "2-point"):
        found = least_squares(residuals, {"height": 1.0, "rate": 1.0}, method=method, jac=jac)
        np.testing.assert_allclose([found.params["height"], found.params["rate"]], expected, 1e-5)
        np.testing.assert_allclose(found.covariance, covariance, rtol=1e-3)
        np.testing.assert_allclose(found.standard_errors["rate"], covariance[1, 1] ** 0.5, 1e-3)
    assert "Jacobian: differences; jac='2-point' was asked for" in str(found.derivatives)


def test_bounds_of_least_squares() -> None:
    start = {"height": 1.0, "rate": 0.1}
    forms: list[Any] = [
        {"rate": (None, 0.3)},
        ({"height": 0.0}, {"rate": 0.3}),
        Bounds({"height": 0.0, "rate": None}, {"height": np.inf, "rate": 0.3}),  # type: ignore[arg-type]
        (-np.inf, {"rate": 0.3}),
    ]
    for bounds in forms:
        found = least_squares(residuals, start, bounds=bounds)
        assert abs(found.params["rate"] - 0.3) < 1e-6


def test_residuals_may_be_containers_and_complex() -> None:
    def parts(p: Any) -> Any:
        z = p["z"]
        return {"one": z**2 - (3.0 + 4.0j), "two": np.stack([np.real(z) - 2.0, p["x"] - 1.0])}

    found = least_squares(parts, {"z": 1.5 + 0.5j, "x": 0.0}, jac="exact")
    np.testing.assert_allclose(found.params["z"], 2.0 + 1.0j, atol=1e-7)
    assert found.fun.shape == (4,)

    def of_real(p: Any) -> Any:
        return np.exp(1j * p["phase"]) - np.exp(1j * np.array([0.1, 0.2]))

    found = least_squares(of_real, {"phase": np.zeros(2)}, jac="exact")
    np.testing.assert_allclose(found.params["phase"], [0.1, 0.2], atol=1e-7)


def test_large_sparse_jacobians_are_sparse() -> None:
    n = 300

    def chain(p: Any) -> Any:
        x = p["x"]
        return {"steps": x[1:] - x[:-1] ** 2, "first": x[0] - 0.5}

    found = least_squares(chain, {"x": np.full(n, 0.4)})
    assert issparse(found.jac)
    assert "exact, sparse, 2 directions for 300 parameters" in str(found.derivatives)
    np.testing.assert_allclose(found.params["x"][:3], [0.5, 0.25, 0.0625], atol=1e-6)
    dense = least_squares(chain, {"x": np.full(n, 0.4)}, sparse=False)
    assert not issparse(dense.jac)
    small = least_squares(chain, {"x": np.full(5, 0.4)}, sparse=True)
    assert issparse(small.jac)


def test_fits_without_a_covariance_say_why() -> None:
    start = {"height": 1.0, "rate": 1.0}
    robust = least_squares(residuals, start, loss="soft_l1")
    with pytest.raises(NoCovarianceError, match="soft_l1"):
        _ = robust.covariance
    few = least_squares(lambda p: residuals(p)[:2], start)
    with pytest.raises(NoCovarianceError, match="no degrees of freedom"):
        _ = few.covariance


@pytest.mark.parametrize("jac", [None, "exact", "2-point"])
@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (0.0, [5.0, 3.0])])
def test_curve_fit_agrees_with_scipys(jac: Any, bounds: Any) -> None:
    expected, covariance = scipy.optimize.curve_fit(decay, T, Y, bounds=bounds)
    fit = curve_fit(decay, T, Y, bounds=bounds, jac=jac)
    popt, pcov = fit
    np.testing.assert_allclose(popt, expected, rtol=1e-5)
    np.testing.assert_allclose(pcov, covariance, rtol=1e-3)
    np.testing.assert_array_equal(fit.params, popt)
    np.testing.assert_allclose(fit.standard_errors, np.sqrt(np.diag(pcov)))
    named = curve_fit(decay, T, Y, p0={"height": 1.0, "rate": 1.0}, jac=jac)
    assert isinstance(named.params["rate"], float)
    np.testing.assert_allclose([named.params["height"], named.params["rate"]], expected, rtol=1e-5)


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy drops missing data together with sigma from 1.15 on")
def test_curve_fit_takes_sigma_missing_data_and_bounds_by_name() -> None:
    y = Y.copy()
    y[3] = np.nan
    sigma = np.linspace(0.01, 0.03, 40)
    options: dict[str, Any] = {"sigma": sigma, "absolute_sigma": True, "nan_policy": "omit"}
    expected, covariance = scipy.optimize.curve_fit(decay, T, y, **options)
    for jac in ("exact", None):
        fit = curve_fit(decay, T, y, p0={"height": 1.0, "rate": 1.0}, jac=jac, **options)
        np.testing.assert_allclose(fit.params["rate"], expected[1], rtol=1e-5)
        np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-3)
    held = curve_fit(decay, T, Y, p0={"height": 1.0, "rate": 0.1}, bounds={"rate": (0, 0.3)})
    assert abs(held.params["rate"] - 0.3) < 1e-6


def test_curve_fit_over_arrays_by_name() -> None:
    def peaks(t: Any, heights: Any, width: Any) -> Any:
        centres = np.array([1.0, 3.0])
        return np.sum(heights * np.exp(-(((t[:, None] - centres) / width) ** 2)), axis=1)

    y = peaks(T, np.array([1.0, 2.0]), 0.5)
    fit = curve_fit(peaks, T, y, p0={"heights": np.ones(2), "width": 1.0})
    np.testing.assert_allclose(fit.params["heights"], [1.0, 2.0], rtol=1e-6)


def test_curve_fit_takes_the_tuple_of_a_jacobian_by_several_arguments() -> None:
    fit = curve_fit(decay, T, Y, jac=dd.jacobian(decay, argnums=(1, 2)))
    assert "Jacobian: yours" in str(fit.derivatives)
    np.testing.assert_allclose(fit[0], scipy.optimize.curve_fit(decay, T, Y)[0], rtol=1e-5)


def test_curve_fit_without_a_number_of_parameters_raises() -> None:
    with pytest.raises(ValueError, match="pass p0"):
        curve_fit(lambda t, *p: t, T, Y)
    with pytest.raises(TypeError, match="dict"):
        curve_fit(decay, T, Y, p0=np.ones((2, 2)))


@pytest.mark.parametrize("method", ["hybr", "lm", "broyden1"])
def test_root_solves_over_containers(method: Any) -> None:
    def equations(p: Any, total: float) -> Any:
        return {"sum": p["x"] + np.sum(p["y"]) - total, "same": p["y"] ** 2 - p["x"] / 2}

    for jac in (None, "exact", False):
        if method == "broyden1" and jac == "exact":
            continue
        found = root(equations, {"x": 1.5, "y": np.ones(2)}, args=(4.0,), method=method, jac=jac)
        assert found.success
        np.testing.assert_allclose(found.params["x"], 2.0, atol=1e-4)
        np.testing.assert_allclose(found.params["y"], 1.0, atol=1e-4)
    with pytest.raises(NoCovarianceError):
        _ = found.covariance


def test_root_with_a_jacobian_of_the_users_own() -> None:
    def equations(x: Any) -> Any:
        return np.stack([x[0] + 0.5 * (x[0] - x[1]) ** 3 - 1.0, 0.5 * (x[1] - x[0]) ** 3 + x[1]])

    expected = [0.8411639, 0.1588361]  # SciPy's documentation of root
    own = root(equations, [0.0, 0.0], jac=dd.jacobian(equations))
    np.testing.assert_allclose(own.params, expected, rtol=1e-6)
    pair = root(lambda x: (equations(x), dd.jacobian(equations)(x)), [0.0, 0.0], jac=True)
    np.testing.assert_allclose(pair.params, expected, rtol=1e-6)
    differences = root(equations, [0.0, 0.0], jac="2-point")
    np.testing.assert_allclose(differences.params, expected, rtol=1e-6)
    assert "jac='2-point' was asked for" in str(differences.derivatives)


@pytest.mark.parametrize("solve", [least_squares, root])
def test_an_unknown_jac_raises(solve: Any) -> None:
    with pytest.raises(ValueError, match="jac is 'exakt'"):
        solve(lambda x: x, [1.0], jac="exakt")


def test_notebooks_show_parameters_and_errors() -> None:
    t = np.arange(6.0)
    fit = curve_fit(lambda t, a, b: a * t + b, t, 2 * t + [1, 1.1, 1, 0.9, 1, 1], [1.0, 1.0])
    assert "<td>[0]</td>" in fit._repr_html_()
    assert "standard error" in fit._repr_html_()
    found = least_squares(lambda p: p["a"] * t - t + 1e-3 * t**2, {"a": 0.5})
    assert "standard error" not in found._repr_html_()
    assert found.covariance.shape == (1, 1)
    assert "<td>[&#x27;a&#x27;]</td>" in found._repr_html_()
    assert "standard error" in found._repr_html_()
