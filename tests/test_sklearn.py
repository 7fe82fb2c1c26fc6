"""`dualdiff.sklearn`: an estimator that takes a loss."""

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from dualdiff.errors import UnsupportedInputError

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from dualdiff.sklearn import Minimizer

RNG = np.random.default_rng(0)
X = np.linspace(0.0, 4.0, 40)[:, None]
Y = 2.0 * np.exp(-0.5 * X[:, 0]) + 0.01 * RNG.normal(size=40)
START = {"height": 1.0, "rate": 1.0}


def decay(p: Any, X: Any) -> Any:
    return p["height"] * np.exp(-p["rate"] * X[:, 0])


def plane(p: Any, X: Any) -> Any:
    return X @ p[1:] + p[0]


def zeros(X: Any, y: Any) -> Any:
    return np.zeros(X.shape[1] + 1)


def robust(p: Any, X: Any, y: Any) -> Any:
    return np.mean(np.sqrt(1e-4 + (plane(p, X) - y) ** 2))


ESTIMATORS = {"default": Minimizer(), "robust": Minimizer(robust, plane, zeros)}
# Ids without the addresses of functions, which differ between the workers of pytest-xdist.
CHECKS = [
    pytest.param(estimator, check, id=f"{name}-{check.func.__name__}-{i}")
    for name, given in ESTIMATORS.items()
    for i, (estimator, check) in enumerate(estimator_checks_generator(given))
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learns_checks_pass(estimator: Any, check: Any) -> None:
    check(estimator)


def test_a_fit_has_parameters_errors_and_a_report() -> None:
    fit = Minimizer(model=decay, start=START).fit(X, Y)
    assert fit.params_["height"] == pytest.approx(2.0, abs=0.02)
    assert fit.result_.standard_errors["rate"] < 0.01
    assert "Jacobian" in str(fit.result_.derivatives)
    assert fit.score(X, Y) > 0.99
    again = pickle.loads(pickle.dumps(fit))
    np.testing.assert_array_equal(again.predict(X), fit.predict(X))


def test_bounds_methods_and_options_are_passed_on() -> None:
    bounds = {"rate": (0.6, 2.0)}
    assert Minimizer(model=decay, start=START, bounds=bounds).fit(X, Y).params_["rate"] < 0.601

    def loss(p: Any, X: Any, y: Any) -> Any:
        return np.mean((decay(p, X) - y) ** 2)

    fit = Minimizer(loss, decay, START, method="BFGS", tol=1e-9, options={"maxiter": 3}).fit(X, Y)
    assert fit.n_iter_ == 3


def test_it_works_in_pipelines_and_searches() -> None:
    def ridge(weight: float) -> Any:
        def loss(p: Any, X: Any, y: Any) -> Any:
            return np.mean((plane(p, X) - y) ** 2) + weight * np.sum(p[1:] ** 2)

        return loss

    data = RNG.normal(size=(60, 3)) * [1.0, 10.0, 0.1]
    target = data @ [1.0, 0.2, 3.0] + 5.0
    losses = [ridge(w) for w in (1e-6, 10.0)]
    pipeline = make_pipeline(StandardScaler(), Minimizer(losses[1], plane, zeros))
    search = GridSearchCV(pipeline, {"minimizer__loss": losses}, cv=3).fit(data, target)
    assert search.best_params_["minimizer__loss"] is losses[0]
    assert search.best_score_ > 0.999
    assert clone(pipeline[-1]).loss is losses[1]


def test_mistakes_are_named() -> None:
    with pytest.raises(UnsupportedInputError, match=r"needs `start`, at test_sklearn\.py"):
        Minimizer(model=decay).fit(X, Y)
    with pytest.raises(UnsupportedInputError, match=r"shape \(40, 1\) for 40 samples, at test_sk"):
        Minimizer(model=lambda p, X: p * X, start=1.0).fit(X, Y)


def test_scikit_learn_is_imported_at_its_first_use_and_an_error_says_what_to_install() -> None:
    code = """
import sys, dualdiff as dd, dualdiff.optimize
assert "sklearn" not in sys.modules
sys.modules["sklearn"] = None
try:
    dd.sklearn
except dd.errors.MissingPackageError as error:
    assert "dualdiff[sklearn]" in str(error)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
