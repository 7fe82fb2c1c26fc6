"""Logistic regression on the breast-cancer data: plain NumPy, fitted with exact derivatives.

The loss below is an ordinary NumPy function. dualdiff derives from it

* the gradient, for SciPy's L-BFGS-B,
* Hessian-vector products, for SciPy's trust-ncg, a Newton method that never forms the Hessian,
* the Hessian itself, whose inverse gives the standard errors of the coefficients.

Gradient and products are checked against numdifftools, the fit against scikit-learn's own, and the
cost of the gradient is compared with that of finite differences.

Data: 569 tumours, 30 measurements each, malignant or benign (Street, Wolberg and Mangasarian,
1993), as shipped with scikit-learn.

Run: python examples/logistic_regression.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numdifftools
import numpy as np
from scipy.optimize import approx_fprime, minimize
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

import dualdiff as dd

C = 1.0  # scikit-learn's inverse strength of the penalty

DATA = load_breast_cancer()
FEATURES = (DATA.data - DATA.data.mean(axis=0)) / DATA.data.std(axis=0)
SIGNS = np.where(DATA.target == 1, 1.0, -1.0)  # benign: +1, malignant: -1


def loss(parameters):
    """The negative log-likelihood of 30 penalised weights and an intercept."""
    weights, intercept = parameters[:-1], parameters[-1]
    margins = SIGNS * (FEATURES @ weights + intercept)
    return C * np.sum(np.logaddexp(0.0, -margins)) + 0.5 * np.sum(weights**2)


class Counted:
    """The derivatives as SciPy calls them, with the best loss known after each call."""

    def __init__(self) -> None:
        self.best: list[float] = []
        self._value_and_gradient = dd.value_and_grad(loss)
        self._hessian_vector = dd.hvp(loss)

    def value_and_gradient(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss and its gradient, from one evaluation."""
        value, gradient = self._value_and_gradient(parameters)
        self.best.append(min([float(value), *self.best[-1:]]))
        return value, gradient

    def hessian_vector(self, parameters: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """The Hessian times a vector, without the Hessian."""
        self.best.append(self.best[-1])
        return self._hessian_vector(parameters, vector)


def fit(method: str) -> tuple[np.ndarray, list[float]]:
    """The fitted parameters, and the best loss after each derivative evaluation."""
    counted = Counted()
    options = {"maxiter": 1000, "gtol": 1e-8}
    if method == "L-BFGS-B":
        extra = {"options": options | {"ftol": 1e-15}}
    else:
        extra = {"options": options, "hessp": counted.hessian_vector}
    start = np.zeros(FEATURES.shape[1] + 1)
    result = minimize(counted.value_and_gradient, start, jac=True, method=method, **extra)
    gradient = np.max(np.abs(dd.grad(loss)(result.x)))
    print(
        f"{method:9s} loss {result.fun:.10f}, largest gradient {gradient:.0e}, "
        f"{result.nit} iterations, {len(counted.best)} derivative evaluations"
    )
    return result.x, counted.best


def fit_scikit_learn() -> np.ndarray:
    """The same model by scikit-learn; its tolerance is tightened, for its default stops early."""
    model = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10, max_iter=1000)
    model.fit(FEATURES, DATA.target)
    return np.append(model.coef_[0], model.intercept_)


def check_derivatives(parameters: np.ndarray) -> None:
    """Gradient and Hessian-vector product against numdifftools, which extrapolates differences."""
    gradient, direction = dd.grad(loss), np.cos(np.arange(len(parameters)))
    slope = numdifftools.Gradient(lambda p: gradient(p) @ direction)  # of the gradient: H v
    pairs = {
        "gradient": (gradient(parameters), numdifftools.Gradient(loss)(parameters)),
        "Hessian times vector": (dd.hvp(loss)(parameters, direction), slope(parameters)),
    }
    for name, (ours, theirs) in pairs.items():
        difference = np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs))
        print(f"{name} against numdifftools: largest relative difference {difference:.0e}")
        assert difference < 1e-8, f"{name} is wrong"


def median_times(calls: dict[str, Callable], rounds: int = 51) -> dict[str, float]:
    """Median seconds per call; the calls take turns, so that a busy moment hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(t)) for name, t in times.items()}


def print_costs(parameters: np.ndarray) -> None:
    """The cost of derivatives, in evaluations of the loss."""
    gradient, product = dd.value_and_grad(loss), dd.hvp(loss)
    direction = np.ones_like(parameters)
    times = median_times(
        {
            "loss": lambda: loss(parameters),
            "loss and gradient, dualdiff": lambda: gradient(parameters),
            "gradient, finite differences": lambda: approx_fprime(parameters, loss),
            "Hessian times vector, dualdiff": lambda: product(parameters, direction),
        }
    )
    print("\ncost                               time   in evaluations of the loss")
    for name, seconds in times.items():
        print(f"{name:30s} {seconds * 1e6:5.0f} µs {seconds / times['loss']:9.1f}")
    ours, differences = times["loss and gradient, dualdiff"], times["gradient, finite differences"]
    print(f"dualdiff's gradient is {differences / ours:.1f} times faster than finite differences.")
    assert ours < differences, "the gradient costs more than finite differences"


def draw(
    histories: dict[str, list[float]],
    fitted: np.ndarray,
    errors: np.ndarray,
    reference: np.ndarray,
    path: Path,
) -> None:
    """How fast both methods converge, and the coefficients with their standard errors."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 7), layout="constrained")
    optimum = min(min(best) for best in histories.values())
    for method, marker in (("L-BFGS-B", "o"), ("trust-ncg", "s")):
        gap = np.array(histories[method]) - optimum
        gap = gap[gap > 1e-11]  # below that the loss itself is rounded
        progress = np.flatnonzero(np.diff(gap, prepend=np.inf))
        left.semilogy(
            np.arange(1, len(gap) + 1),
            gap,
            marker + "-",
            drawstyle="steps-post",
            markevery=progress,
            markersize=5,
            label=method,
        )
    left.set_xlabel("derivative evaluations (gradients and Hessian-vector products)")
    left.set_ylabel("loss − optimum")
    left.set_title("Convergence, starting at zero (markers: the loss went down)")
    left.grid(alpha=0.3)
    left.legend()

    order = np.argsort(fitted[:-1])
    rows = np.arange(len(order))
    right.errorbar(
        fitted[order], rows, xerr=errors[order], fmt="o", ms=4, capsize=2, label="dualdiff ± 1 s.e."
    )
    right.plot(reference[order], rows, "x", color="tab:red", ms=7, label="scikit-learn")
    right.axvline(0, color="0.7", linewidth=1, zorder=0)
    right.set_yticks(rows, [DATA.feature_names[i] for i in order], fontsize=9)
    right.set_ylim(-1, len(order))
    right.set_xlabel("coefficient of the standardised feature (log odds of benign)")
    right.set_title("Coefficients")
    right.grid(axis="x", alpha=0.3)
    right.legend(loc="lower right")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(folder: Path) -> None:
    """Check the derivatives, fit twice, compare with scikit-learn, measure, draw."""
    somewhere = np.random.default_rng(0).normal(size=FEATURES.shape[1] + 1)
    for parameters in (np.zeros_like(somewhere), somewhere):
        check_derivatives(parameters)
    print()

    reference = fit_scikit_learn()
    fits, histories = {}, {}
    for method in ("L-BFGS-B", "trust-ncg"):
        fits[method], histories[method] = fit(method)
        difference = float(np.max(np.abs(fits[method] - reference)))
        print(f"          largest difference to scikit-learn's coefficients {difference:.0e}")
        assert difference < 1e-4, f"{method} finds another fit than scikit-learn"
    fitted = fits["trust-ncg"]
    accuracy = np.mean(SIGNS * (FEATURES @ fitted[:-1] + fitted[-1]) > 0)
    print(f"correctly classified: {accuracy:.1%} of the {len(SIGNS)} tumours fitted")
    print_costs(fitted)

    # The inverse Hessian at the optimum is the covariance in the Laplace approximation.
    covariance = np.linalg.inv(dd.hessian(loss)(fitted))
    path = folder / "logistic_regression.png"
    draw(histories, fitted, np.sqrt(np.diag(covariance)), reference, path)
    print(f"\npicture: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
