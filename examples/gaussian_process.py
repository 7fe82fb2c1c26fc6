"""How smooth is a noisy record, and what comes next? A Gaussian process learns its kernel.

Monthly readings have a trend, a season and noise. The kernel has four parameters, and the marginal
likelihood chooses them (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006,
sections 2.2 and 5.4.1): a Cholesky factorisation by `scipy.linalg`, distances by `scipy.spatial`,
no line written for differentiation. `dualdiff.optimize.minimize` gets the exact gradient, and the
exact Hessian gives the errors of the parameters.

Run: python examples/gaussian_process.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import cho_solve, cholesky
from scipy.spatial.distance import cdist

from dualdiff.optimize import minimize

DRIFT = 8.0  # years in which the season may change
SHAPE = 1.3  # of the season: large for a sine
# Logarithms: amplitudes in ppm, lengths in years.
START = {
    "trend": np.log([10.0, 5.0]),
    "season": np.log(2.0),
    "noise": np.log(1.0),
    "level": 0.0,
}


def kernel(a, b, p):
    """The covariances of readings at the times a and b: a smooth trend and a drifting season."""
    distance = cdist(a[:, None], b[:, None])
    (height, length), swing = np.exp(p["trend"]), np.exp(p["season"])
    trend = height**2 * np.exp(-0.5 * (distance / length) ** 2)
    phase = np.sin(np.pi * distance) / SHAPE
    return trend + swing**2 * np.exp(-0.5 * (distance / DRIFT) ** 2 - 2.0 * phase**2)


def loss(p, t, y):
    """The negative logarithm of the marginal likelihood."""
    covariance = kernel(t, t, p) + np.exp(2.0 * p["noise"]) * np.eye(len(t))
    factor = cholesky(covariance, lower=True)
    weights = cho_solve((factor, True), y - p["level"])
    return 0.5 * (y - p["level"]) @ weights + np.sum(np.log(np.diag(factor)))


def predict(p, t, y, later):
    """Mean and standard deviation of the noiseless record at later times."""
    factor = cholesky(kernel(t, t, p) + np.exp(2.0 * p["noise"]) * np.eye(len(t)), lower=True)
    across = kernel(later, t, p)
    mean = p["level"] + across @ cho_solve((factor, True), y - p["level"])
    left = np.diag(kernel(later, later, p)) - np.sum(
        across * cho_solve((factor, True), across.T).T, axis=1
    )
    return mean, np.sqrt(np.maximum(left, 0.0))


def record(t):
    """The noiseless truth, about its mean."""
    return (
        1.6 * (t - 5.0)
        + 0.06 * (t - 5.0) ** 2
        + 2.8 * np.sin(2 * np.pi * t + 0.3 * np.sin(0.5 * t))
    )


def main(folder: Path) -> None:
    rng = np.random.default_rng(1)
    t = np.arange(0.0, 8.0, 1 / 12)
    y = record(t) + 0.4 * rng.normal(size=t.size)

    found = minimize(loss, START, args=(t, y), method="L-BFGS-B")
    print(found.derivatives)
    errors = found.standard_errors
    noise = np.exp(found.params["noise"])
    print(f"log likelihood {-loss(START, t, y):.1f} at the start, {-found.fun:.1f} at the end")
    print(f"noise {noise:.3f} +- {noise * errors['noise']:.3f} ppm, true 0.400")
    length = np.exp(found.params["trend"][1])
    print(f"the trend bends within {length:.1f} +- {length * errors['trend'][1]:.1f} years")
    assert found.success
    assert abs(noise - 0.4) < 4.0 * noise * errors["noise"]

    later = np.linspace(0.0, 11.0, 331)
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for p, name, colour in ((START, "before", "0.6"), (found.params, "after learning", "C0")):
        mean, spread = predict(p, t, y, later)
        axes.fill_between(
            later, mean - 2 * spread, mean + 2 * spread, alpha=0.3, color=colour, lw=0
        )
        axes.plot(later, mean, color=colour, lw=1.2, label=name)
    axes.plot(later, record(later), "k--", lw=0.9, label="truth")
    axes.plot(t, y, ".", ms=3, color="C3", label="readings")
    axes.set(xlabel="year", ylabel="ppm about the mean", title="A record and its continuation")
    axes.legend(fontsize=8)
    path = folder / "gaussian_process.png"
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
