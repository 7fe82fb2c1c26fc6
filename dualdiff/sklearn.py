"""scikit-learn: an estimator that takes a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from .errors import MissingPackageError, UnsupportedInputError, user_line
from .optimize import least_squares, minimize

try:
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingPackageError(
        "dualdiff.sklearn needs scikit-learn 1.6 or newer; run `pip install 'dualdiff[sklearn]'`"
    ) from error

__all__ = ["Minimizer"]


def linear(params: Any, X: ndarray) -> Any:
    """The model that `Minimizer` fits by default."""
    return X @ params["coef"] + params["intercept"]


class Minimizer(RegressorMixin, BaseEstimator):
    """An estimator of scikit-learn whose model and loss are functions of yours.

    It works in pipelines, searches and cross-validation. `dualdiff.optimize` fits it, with exact
    derivatives.
    Arguments: `loss`, None for the sum of squares of ``model(params, X) - y``, or a function
    ``loss(params, X, y)`` that gives a number; `model`, a function ``model(params, X)`` that gives
    the predictions, of shape (n_samples,), by default ``X @ params["coef"] +
    params["intercept"]``; `start`, the parameters to begin with, a number, an array or a container
    of them, or a function ``start(X, y)`` that gives them, by default zeros for the default model;
    `bounds`, `method` and `tol`, and a dict of more `options`, for `dualdiff.optimize.minimize`,
    or without a `loss` for `least_squares`, where `tol` is its `ftol`. X is an array of shape
    (n_samples, n_features), y one of shape (n_samples,), both in double precision.
    Returns: `fit` returns the estimator, with `params_`, the container of the fit, and `result_`,
    SciPy's result with `derivatives`, `covariance` and the rest; `predict` gives predictions of
    shape (n_samples,); `score` is R².
    Raises: MissingPackageError, an ImportError, from ``import dualdiff.sklearn`` without
    scikit-learn; UnsupportedInputError for a model of yours without a start, and for predictions
    of another shape; what `dualdiff.optimize` raises.

    >>> import numpy as np
    >>> from dualdiff.sklearn import Minimizer
    >>> def decay(p, X):
    ...     return p["height"] * np.exp(-p["rate"] * X[:, 0])
    >>> X = np.linspace(0.0, 4.0, 9)[:, None]
    >>> y = 2.0 * np.exp(-0.5 * X[:, 0])
    >>> fit = Minimizer(model=decay, start={"height": 1.0, "rate": 1.0}).fit(X, y)
    >>> fit.params_
    {'height': 2.0, 'rate': 0.5}
    >>> def absolute(p, X, y):
    ...     return np.sum(np.sqrt(1e-6 + (decay(p, X) - y) ** 2))
    >>> robust = Minimizer(absolute, decay, start={"height": 1.0, "rate": 1.0}).fit(X, y)
    >>> robust.score(X, y) > 0.999
    True
    """

    def __init__(
        self,
        loss: Callable[..., Any] | None = None,
        model: Callable[..., Any] | None = None,
        start: Any = None,
        *,
        bounds: Any = None,
        method: str | None = None,
        tol: float | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.loss, self.model, self.start = loss, model, start
        self.bounds, self.method, self.tol, self.options = bounds, method, tol, options

    def fit(self, X: Any, y: Any) -> Minimizer:
        """Fit the parameters to data X of shape (n_samples, n_features) and y of (n_samples,)."""
        X, y = validate_data(self, X, y, dtype=float, y_numeric=True)
        y = np.asarray(y, float)
        start = self._start(X, y)
        model = self.model or linear
        given: dict[str, Any] = {"bounds": self.bounds}
        if self.method is not None:
            given["method"] = self.method
        if self.loss is None:

            def residuals(params: Any) -> Any:
                return _checked(model(params, X), len(X)) - y

            more: dict[str, Any] = {} if self.tol is None else {"ftol": self.tol}
            found = least_squares(residuals, start, **given, **more, **(self.options or {}))
        else:
            given |= {"tol": self.tol, "options": self.options}
            found = minimize(self.loss, start, args=(X, y), **given)
        self.params_, self.result_ = found.params, found
        self.n_iter_ = int(found.get("nit", found.nfev))
        return self

    def predict(self, X: Any) -> ndarray:
        """The model's predictions for X of shape (n_samples, n_features), of shape (n_samples,)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=float)
        found: ndarray = np.asarray(_checked((self.model or linear)(self.params_, X), len(X)))
        return found

    def _start(self, X: ndarray, y: ndarray) -> Any:
        if callable(self.start):
            return self.start(X, y)
        if self.start is None:
            if self.model is not None:
                raise UnsupportedInputError(
                    f"a Minimizer with a model of yours needs `start`, {user_line()}: the "
                    f"parameters to begin with, or a function start(X, y) that gives them"
                )
            return {"coef": np.zeros(X.shape[1]), "intercept": 0.0}
        return self.start


def _checked(predicted: Any, count: int) -> Any:
    """The predictions, if there is one for each sample."""
    if np.shape(predicted) != (count,):
        raise UnsupportedInputError(
            f"the model gives predictions of shape {np.shape(predicted)} for {count} samples, "
            f"{user_line()}; it must give the shape ({count},)"
        )
    return predicted
