"""When is a market nervous? A GARCH model of daily returns, by maximum likelihood.

The variance of tomorrow is a constant plus a share of today's squared return plus a share of
today's variance: a recursive filter, `scipy.signal.lfilter`. The returns have the tails of
Student's t. `dualdiff.optimize.minimize` gets the exact gradient through the filter, and the exact
Hessian gives the standard errors, also of the long-run volatility, a function of the parameters.

Run: python examples/garch.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats
from scipy.signal import lfilter

import dualdiff as dd
from dualdiff.optimize import minimize

DAYS = 2000
TRUE = {"omega": 0.04, "alpha": 0.09, "beta": 0.88, "tail": 7.0}
NAMES = list(TRUE)


def natural(p):
    """The parameters from unbounded numbers: omega > 0, alpha + beta < 1, tail > 2."""
    weights = np.exp(np.stack([p["a"], p["b"], 0.0 * p["a"]]))
    alpha, beta, _ = weights / np.sum(weights)
    return {"omega": np.exp(p["w"]), "alpha": alpha, "beta": beta, "tail": 2.0 + np.exp(p["n"])}


def variances(q, returns):
    """The variance of each day, in the light of the days before."""
    first = np.var(returns)
    drive = np.concatenate([[first], q["omega"] + q["alpha"] * returns[:-1] ** 2])
    return lfilter([1.0], np.stack([1.0, -q["beta"]]), drive)


def loss(p, returns):
    """The negative log-likelihood."""
    q = natural(p)
    scale = np.sqrt(variances(q, returns) * (q["tail"] - 2.0) / q["tail"])
    return -np.sum(stats.t.logpdf(returns / scale, q["tail"]) - np.log(scale))


def simulated(rng):
    """Returns in per cent, and their true volatility."""
    shocks = rng.standard_t(TRUE["tail"], DAYS) * np.sqrt((TRUE["tail"] - 2) / TRUE["tail"])
    variance, returns = np.empty(DAYS), np.empty(DAYS)
    variance[0] = TRUE["omega"] / (1 - TRUE["alpha"] - TRUE["beta"])
    for k in range(DAYS):
        returns[k] = np.sqrt(variance[k]) * shocks[k]
        if k + 1 < DAYS:
            variance[k + 1] = (
                TRUE["omega"] + TRUE["alpha"] * returns[k] ** 2 + TRUE["beta"] * variance[k]
            )
    return returns, np.sqrt(variance)


def main(folder: Path) -> None:
    returns, volatility = simulated(np.random.default_rng(5))
    start = {"w": -2.0, "a": 0.0, "b": 2.0, "n": 1.0}
    found = minimize(loss, start, args=(returns,), tol=1e-4)
    print(found.derivatives)

    # The errors of natural parameters: the covariance goes through their Jacobian.
    vector, back = dd.trees.ravel(found.params)

    def readable(v):
        q = natural(back(v))
        longest = np.sqrt(q["omega"] / (1.0 - q["alpha"] - q["beta"]))
        return np.stack([*(q[name] for name in NAMES), longest])

    slope = dd.jacobian(readable)(vector)
    errors = np.sqrt(np.diag(slope @ found.covariance @ slope.T))
    truth = [*TRUE.values(), np.sqrt(TRUE["omega"] / (1 - TRUE["alpha"] - TRUE["beta"]))]
    for name, value, error, true in zip(
        [*NAMES, "long-run volatility"], readable(vector), errors, truth, strict=True
    ):
        print(f"{name:20s} {value:7.3f} +- {error:.3f}   true {true:.3f}")
        assert abs(value - true) < 4.0 * error

    estimate = np.sqrt(variances(natural(found.params), returns))
    days = np.arange(DAYS)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8, 5), sharex=True, layout="constrained")
    top.plot(days, returns, lw=0.5, color="0.4")
    top.set(ylabel="return [%]", title="Simulated daily returns")
    bottom.plot(days, volatility, "k", lw=1.0, label="true volatility")
    bottom.plot(days, estimate, "C1", lw=1.0, label="estimated")
    bottom.set(xlabel="day", ylabel="volatility [%]", xlim=(0, DAYS), ylim=(0, None))
    bottom.legend(fontsize=8)
    path = folder / "garch.png"
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
