"""Maximum likelihood with exact gradients and Hessians: generalised gamma, Student-t regression.

The likelihoods are SciPy's own distributions, differentiated in every parameter. scipy.optimize
gets the gradient and the Hessian; the inverse of the Hessian gives standard errors.

Run: python examples/maximum_likelihood.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import scipy.stats
from scipy.optimize import minimize

import dualdiff as dd

stats = dd.scipy.stats


def fit(loss, start):
    """The minimum of a negative log-likelihood, and standard errors of its parameters."""
    found = minimize(
        loss, start, jac=dd.grad(loss), hess=dd.hessian(loss), method="trust-exact",
        options={"gtol": 1e-8},
    )  # fmt: skip
    return found, np.sqrt(np.diag(np.linalg.inv(dd.hessian(loss)(found.x))))


def generalised_gamma(data):
    """Logarithms of both shapes and the scale, so that any real numbers are allowed."""

    def loss(p):
        return -np.sum(stats.gengamma.logpdf(data, np.exp(p[0]), np.exp(p[1]), 0.0, np.exp(p[2])))

    found, errors = fit(loss, np.array([0.0, 0.0, np.log(np.mean(data))]))
    return np.exp(found.x), np.exp(found.x) * errors, found.fun


def student_regression(x, y):
    """A line through points with outliers: slope, intercept, scale and degrees of freedom."""

    def loss(p):
        line = p[0] * x + p[1]
        return -np.sum(stats.t.logpdf(y, np.exp(p[3]), line, np.exp(p[2])))

    slope, intercept = np.polyfit(x, y, 1)
    found, errors = fit(loss, np.array([slope, intercept, 0.0, 1.0]))
    scale = np.array([1.0, 1.0, *np.exp(found.x[2:])])
    return np.array([*found.x[:2], *np.exp(found.x[2:])]), scale * errors


def main(folder):
    rng = np.random.default_rng(3)
    lifetimes = scipy.stats.gengamma.rvs(2.0, 1.5, scale=3.0, size=500, random_state=rng)
    shapes, errors, loss = generalised_gamma(lifetimes)
    print("generalised gamma     a        c        scale")
    print("  true           2.0000   1.5000   3.0000")
    print("  estimate    ", " ".join(f"{v:8.4f}" for v in shapes))
    print("  std. error  ", " ".join(f"{v:8.4f}" for v in errors))
    theirs = scipy.stats.gengamma.fit(lifetimes, 1.0, 1.0, floc=0)
    print("  SciPy's fit ", " ".join(f"{theirs[k]:8.4f}" for k in (0, 1, 3)))
    their_loss = -np.sum(scipy.stats.gengamma.logpdf(lifetimes, *theirs))
    print(f"  negative log-likelihood {loss:.6f}, SciPy's {their_loss:.6f}")

    x = np.sort(rng.uniform(0, 10, 80))
    y = 1.5 * x + 2.0 + 0.5 * rng.standard_t(2.0, size=80)
    line, line_errors = student_regression(x, y)
    print("\nStudent-t regression  slope   intercept  scale   degrees of freedom")
    print("  true           1.5000   2.0000   0.5000   2.0000")
    print("  estimate    ", " ".join(f"{v:8.4f}" for v in line))
    print("  std. error  ", " ".join(f"{v:8.4f}" for v in line_errors))
    least = np.polyfit(x, y, 1)
    print("  least squares", " ".join(f"{v:7.4f}" for v in least))

    draw(folder, lifetimes, shapes, x, y, line, least)


def draw(folder, lifetimes, shapes, x, y, line, least):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    at = np.linspace(0.01, lifetimes.max(), 300)
    left.hist(lifetimes, 40, density=True, color="0.8", label="data")
    fitted = scipy.stats.gengamma.pdf(at, shapes[0], shapes[1], 0, shapes[2])
    left.plot(at, fitted, "C0", label="fitted")
    left.plot(at, scipy.stats.gengamma.pdf(at, 2.0, 1.5, 0, 3.0), "k--", lw=1, label="true")
    left.set(xlabel="lifetime", ylabel="density", title="Generalised gamma")
    left.legend(frameon=False)
    right.plot(x, y, "o", color="0.5", ms=4)
    right.plot(x, line[0] * x + line[1], "C0", label="Student-t likelihood")
    right.plot(x, least[0] * x + least[1], "C3", label="least squares")
    right.plot(x, 1.5 * x + 2.0, "k--", lw=1, label="true")
    right.set(xlabel="x", ylabel="y", title="Regression with outliers")
    right.legend(frameon=False)
    path = folder / "maximum_likelihood.png"
    figure.savefig(path, dpi=120)
    print(f"picture: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
