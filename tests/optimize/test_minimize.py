"""`dualdiff.optimize.minimize`: SciPy's minimisers over containers, and what they are given."""

import pickle
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint

import dualdiff as dd
from dualdiff.errors import NoCovarianceError
from dualdiff.optimize import compiling, minimize, scalar
from dualdiff.optimize.choice import Choice

TARGET = {"a": 2.0, "b": np.array([1.0, -1.0, 0.5])}
START = {"a": 0.5, "b": np.array([0.1, 0.2, 0.3])}


def bowl(p: Any) -> Any:
    """A convex function with its minimum at TARGET."""
    a, b = p["a"] - TARGET["a"], p["b"] - TARGET["b"]
    return a**2 + np.sum(b**2) + 0.5 * (a + np.sum(b)) ** 2 + a**4


def assert_at_target(params: Any, tolerance: float = 1e-4) -> None:
    assert type(params["a"]) is float
    np.testing.assert_allclose(params["a"], TARGET["a"], atol=tolerance)
    np.testing.assert_allclose(params["b"], TARGET["b"], atol=tolerance)


GRADIENT = "gradient: exact, reverse mode"
SUPPLIED = {
    "Nelder-Mead": "gradient: none",
    "Powell": "gradient: none",
    "COBYLA": "gradient: none",
    "CG": GRADIENT,
    "BFGS": GRADIENT,
    "L-BFGS-B": GRADIENT,
    "TNC": GRADIENT,
    "SLSQP": GRADIENT,
    "dogleg": "Hessian: exact",
    "trust-exact": "Hessian: exact",
    "Newton-CG": "Hessian: exact",
    "trust-ncg": "Hessian: exact",
    "trust-krylov": "Hessian: exact",
    "trust-constr": "Hessian: exact",
}


@pytest.mark.parametrize("method", SUPPLIED)
def test_every_method_gets_the_derivatives_it_can_use(method: str) -> None:
    jac = None if "none" in SUPPLIED[method] else "exact"
    found = minimize(bowl, START, method=method, jac=jac, tol=1e-7)
    assert found.success
    assert_at_target(found.params, 1e-2 if method == "COBYLA" else 1e-4)
    assert SUPPLIED[method] in str(found.derivatives)
    assert found.derivatives.exact


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
def test_many_parameters_get_products_with_the_hessian(method: str) -> None:
    n = 40
    scale = np.linspace(1.0, 3.0, n)

    def loss(p: Any) -> Any:
        return np.sum(scale * np.cosh(p["x"] - 1.0)) + np.sum(p["x"]) ** 2 / n

    found = minimize(loss, {"x": np.zeros(n)}, method=method, tol=1e-8)
    assert "Hessian products: exact, forward over reverse mode" in str(found.derivatives)
    slope = scale * np.sinh(found.params["x"] - 1.0) + 2 * np.sum(found.params["x"]) / n
    np.testing.assert_allclose(slope, 0.0, atol=1e-5)


def slow_to_differentiate(p: Any) -> Any:
    total = 0.0
    for _ in range(200):
        total = total + 1e-3 * (p["a"] - 2.0) ** 2
    return total + (p["b"] - 1.0) ** 2


def test_a_quick_function_of_few_parameters_gets_differences_and_the_report_says_so() -> None:
    found = minimize(slow_to_differentiate, {"a": 0.0, "b": 0.0})
    assert "gradient: differences; an exact one takes" in str(found.derivatives)
    assert "jac='exact'" in str(found.derivatives)
    assert not found.derivatives.exact
    np.testing.assert_allclose(list(found.params.values()), [2.0, 1.0], atol=1e-5)
    exact = minimize(slow_to_differentiate, {"a": 0.0, "b": 0.0}, jac="exact")
    assert exact.derivatives.exact
    np.testing.assert_allclose(list(exact.params.values()), [2.0, 1.0], atol=1e-5)


def offset(p: Any, level: float) -> Any:
    """A bowl far above zero, so that rounding spoils differences near its minimum."""
    return level + (p["a"] - 2.0) ** 2 + (p["b"] - 1.0) ** 2


def test_a_fit_that_differences_cannot_end_goes_on_with_exact_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, calls = scalar._SCIPY.minimize, []

    def fails_at_first(**given: Any) -> Any:
        calls.append(given)
        found = real(**given)
        if len(calls) == 1:
            found.update(success=False, status=2, x=found.x + 0.1)
        return found

    monkeypatch.setattr(scalar._SCIPY, "minimize", fails_at_first)
    monkeypatch.setattr(compiling, "choose", lambda *_: Choice(False))
    found = minimize(offset, {"a": 0.3, "b": 0.1}, args=1.0, method="BFGS")
    assert "differences ended without success" in str(found.derivatives)
    assert len(calls) == 2
    assert found.nfev > calls[1]["jac"]
    np.testing.assert_allclose(list(found.params.values()), [2.0, 1.0], atol=1e-6)


def test_differences_that_are_wrong_at_the_start_are_not_taken() -> None:
    found = minimize(offset, {"a": 0.3, "b": 0.1}, args=1e12)
    assert "differences are inaccurate" in str(found.derivatives)
    assert found.derivatives.exact


def test_bounds_have_the_containers_of_the_parameters() -> None:
    forms: list[Any] = [
        {"b": (None, np.array([0.5, 5.0, 5.0]))},
        Bounds({"a": None, "b": -9.0}, {"a": None, "b": np.array([0.5, 5.0, 5.0])}),  # type: ignore[arg-type]
    ]
    for bounds in forms:
        found = minimize(bowl, START, bounds=bounds, method="L-BFGS-B", jac="exact")
        assert found.params["b"][0] == 0.5
        assert np.isnan(found.standard_errors["b"][0])
        assert np.all(np.isfinite(found.standard_errors["b"][1:]))


def test_a_result_may_be_an_array_of_one_number() -> None:
    def square(x: Any) -> Any:
        r = np.reshape(x, (-1, 1)) - np.ones((2, 1))
        return r.T @ r

    for method in ("BFGS", "trust-exact"):
        found = minimize(square, [0.0, 0.0], jac="exact", method=method)
        np.testing.assert_allclose(found.params, 1.0, atol=1e-6)
        np.testing.assert_allclose(found.covariance, np.eye(2) / 2)


@pytest.mark.parametrize(
    ("result", "kind"), [(lambda x: x, "shape"), (lambda x: None, "a NoneType")]
)
def test_a_result_that_is_not_one_number_is_named(result: Any, kind: str) -> None:
    with pytest.raises(TypeError, match=f"minimize needs .* returned {kind}.* least_squares"):
        minimize(result, [0.0, 0.0])


def test_bounds_in_scipys_own_form() -> None:
    found = minimize(lambda x: np.sum((x - 2) ** 2), [0.0, 0.0], bounds=[(None, 1.0), (0, None)])
    np.testing.assert_allclose(found.params, [1.0, 2.0], atol=1e-6)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"c": (0, 1)}, "key 'c', which the start does not have"),
        ({"a": 3.0}, r"bounds\['a'\] is 3.0"),
        ({"a": (0, 1, 2)}, "a bound is a pair"),
        ([(0, 1)], "must be a dict like the start"),
    ],
)
def test_bounds_of_another_form_raise(bounds: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        minimize(bowl, START, bounds=bounds)


def test_constraints_get_containers_and_exact_jacobians() -> None:
    def excess(p: Any) -> Any:
        return {"sum": p["a"] + np.sum(p["b"]) - 1.0}

    forms: list[tuple[str, Any]] = [
        ("SLSQP", {"type": "eq", "fun": excess}),
        ("SLSQP", [NonlinearConstraint(excess, 0.0, 0.0)]),
        ("trust-constr", NonlinearConstraint(excess, 0.0, 0.0)),
        ("trust-constr", LinearConstraint(np.ones((1, 4)), 1.0, 1.0)),
    ]
    values = []
    for method, constraint in forms:
        found = minimize(bowl, START, constraints=constraint, method=method, jac="exact", tol=1e-9)
        assert abs(found.params["a"] + np.sum(found.params["b"]) - 1.0) < 1e-6
        values.append(found.fun)
        if not isinstance(constraint, LinearConstraint):
            assert "Jacobian of constraint 0: exact" in str(found.derivatives)
    np.testing.assert_allclose(values, values[0], rtol=1e-5)


def test_a_constraint_with_a_jacobian_of_its_own_keeps_it() -> None:
    calls = []

    def slope(p: Any) -> Any:
        calls.append(p)
        return {"a": np.ones((1,)), "b": np.ones((1, 3))}

    constraint = {"type": "ineq", "fun": lambda p: p["a"] + np.sum(p["b"]) - 9.0, "jac": slope}
    found = minimize(bowl, START, constraints=constraint, jac="exact")
    assert calls
    assert abs(found.params["a"] + np.sum(found.params["b"]) - 9.0) < 1e-6


def test_complex_parameters_vary_in_both_parts() -> None:
    goal = np.array([1.0 + 2.0j, -0.5j])

    def loss(p: Any) -> Any:
        return np.sum(np.abs(p["z"] - goal) ** 2) + (p["r"] - np.real(p["z"][0])) ** 2

    for method in ("BFGS", "trust-exact", "Newton-CG"):
        start = {"z": np.zeros(2, complex) + 0.1j, "r": 0.0}
        found = minimize(loss, start, method=method, jac="exact", tol=1e-9)
        np.testing.assert_allclose(found.params["z"], goal, atol=1e-5)
        assert found.x.shape == (5,)
    assert found.labels == [
        "['r']", "['z'][0].real", "['z'][1].real", "['z'][0].imag", "['z'][1].imag",
    ]  # fmt: skip


def test_covariance_is_the_inverse_of_the_hessian() -> None:
    rng = np.random.default_rng(0)
    X, sigma = rng.normal(size=(50, 3)), 0.5
    y = X @ [1.0, 2.0, 3.0] + sigma * rng.normal(size=50)

    def loss(p: Any) -> Any:
        return np.sum((X[:, :2] @ p["w"] + X[:, 2] * p["c"] - y) ** 2) / (2 * sigma**2)

    found = minimize(loss, {"w": np.zeros(2), "c": 0.0}, jac="exact")
    order = [2, 0, 1]  # the leaves of a dict follow its sorted keys
    expected = sigma**2 * np.linalg.inv(X.T @ X)[np.ix_(order, order)]
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-8)
    np.testing.assert_allclose(found.standard_errors["c"], expected[0, 0] ** 0.5)
    assert type(found.standard_errors["c"]) is float


def test_a_saddle_has_no_covariance() -> None:
    found = minimize(lambda p: p["a"] ** 2 - p["b"] ** 2, {"a": 0.0, "b": 0.0}, jac="exact")
    with pytest.raises(NoCovarianceError, match="not positive definite"):
        _ = found.covariance


def test_parameters_without_curvature_are_named() -> None:
    found = minimize(lambda p: p["a"] ** 2 + 0 * p["b"][0], {"a": 1.0, "b": [1.0, 2.0]})
    with pytest.raises(NoCovarianceError, match=r"params\['b'\]\[0\], params\['b'\]\[1\] is 0"):
        _ = found.covariance


@dataclass
class Model:
    rate: float
    weights: np.ndarray
    name: None = None


def test_dataclasses_scalars_lists_integers_and_matrices_are_parameters() -> None:
    found = minimize(
        lambda m: (m.rate - 1) ** 2 + np.sum((m.weights - 2) ** 2),
        Model(0.0, np.zeros((2, 2), dtype=np.float32)),
    )
    assert isinstance(found.params, Model)
    assert found.params.weights.dtype == np.float32
    np.testing.assert_allclose(found.params.weights, 2.0, atol=1e-4)
    number = minimize(lambda x: (x - 3.0) ** 2, 1)
    assert type(number.params) is float
    assert abs(number.params - 3.0) < 1e-5
    listed = minimize(lambda x: np.sum((x - 3.0) ** 2), [1, 2])
    assert isinstance(listed.params, np.ndarray)
    matrix = minimize(lambda x: np.sum((x - 3.0) ** 2), np.ones((2, 3)), method="trust-ncg")
    assert matrix.params.shape == (2, 3)


def test_arguments_and_derivatives_of_the_users_own() -> None:
    def loss(p: Any, shift: float) -> Any:
        return np.sum((p["x"] - shift) ** 2)

    start = {"x": np.zeros(2)}
    forms: list[dict[str, Any]] = [
        {"jac": dd.grad(loss)},
        {"jac": "2-point"},
        {"jac": False},
        {"method": "trust-ncg", "jac": dd.grad(loss), "hessp": _product(loss)},
        {"method": "trust-exact", "jac": dd.grad(loss), "hess": dd.hessian(loss)},
    ]
    for form in forms:
        found = minimize(loss, start, args=3.0, **form)
        np.testing.assert_allclose(found.params["x"], 3.0, atol=1e-5)
        said = "differences" if form["jac"] in ("2-point", False) else "yours"
        assert said in str(found.derivatives)
    pair = minimize(dd.value_and_grad(loss), start, args=(3.0,), jac=True)
    np.testing.assert_allclose(pair.params["x"], 3.0, atol=1e-5)


def _product(loss: Any) -> Any:
    return lambda p, v, shift: dd.hvp(lambda q: loss(q, shift))(p, v)


def test_callbacks_get_containers() -> None:
    seen: list[Any] = []
    minimize(bowl, START, callback=lambda p: seen.append(p), jac="exact")
    assert set(seen[0]) == {"a", "b"}

    def stop(intermediate_result: Any) -> None:
        seen.append(intermediate_result.params)
        raise StopIteration

    found = minimize(bowl, START, callback=stop, jac="exact", method="BFGS")
    assert found.nit == 1
    assert set(seen[-1]) == {"a", "b"}


def test_a_function_without_derivative_says_how_to_go_on() -> None:
    with pytest.raises(dd.DualdiffError) as caught:
        minimize(lambda p: float(np.frexp(p["a"])[0]), {"a": 1.0}, jac="exact")
    assert any("jac='2-point'" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("start", [{}, {"a": "text"}, {"a": np.array(["x"])}])
def test_parameters_that_are_no_numbers_raise(start: Any) -> None:
    with pytest.raises(dd.DualdiffError, match="x0"):
        minimize(bowl, start)


def test_progress_counts_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    class Bar:
        def __init__(self, desc: str, unit: str) -> None:
            self.count, self.text, self.closed = 0, "", False
            made.append(self)

        def set_postfix_str(self, text: str, refresh: bool) -> None:
            self.text = text

        def update(self) -> None:
            self.count += 1

        def close(self) -> None:
            self.closed = True

    module: Any = ModuleType("tqdm")
    module.tqdm = Bar
    monkeypatch.setitem(sys.modules, "tqdm", module)
    found = minimize(bowl, START, progress=True)
    (bar,) = made
    assert bar.closed
    assert bar.count >= found.nfev
    assert bar.text == f"best {found.fun:.6g}"


def test_progress_without_tqdm_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        minimize(bowl, START, progress=True)


def test_results_pickle_as_scipys() -> None:
    found = minimize(bowl, START, jac="exact")
    again = pickle.loads(pickle.dumps(found))
    assert_at_target(again.params)
