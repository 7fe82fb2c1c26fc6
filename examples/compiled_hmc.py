"""Hamiltonian Monte Carlo in plain NumPy: eight schools, sampled with a compiled gradient.

Eight schools tried a coaching programme (Rubin 1981; Gelman et al., Bayesian Data Analysis, 5.5).
Each reports an effect and its standard error. The model is hierarchical: the true effects vary
around a common mean by an unknown amount. The sampler is a page of NumPy. It calls the gradient of
the log density 16 times for each draw, and `dd.compile` makes that call a matter of microseconds.

The means are compared with a long quadrature over the one parameter that makes the others normal.

Run: python examples/compiled_hmc.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import dualdiff as dd

EFFECT = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERROR = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
SPREAD = 10.0  # scale of the half-Cauchy prior of the spread between schools
MEAN = 20.0  # standard deviation of the normal prior of the common mean
LEAPS, STEP = 16, 0.25
WARM, DRAWS = 500, 8000


def log_density(q):
    """The log density of mean, log spread and eight standardised effects, up to a constant."""
    mean, log_spread, z = q[0], q[1], q[2:]
    spread = np.exp(log_spread)
    effects = MEAN * mean + spread * z
    likelihood = -0.5 * np.sum(((EFFECT - effects) / ERROR) ** 2)
    prior = -0.5 * mean**2 - 0.5 * np.sum(z**2) - np.log1p((spread / SPREAD) ** 2) + log_spread
    return likelihood + prior


def sample(density, draws, seed):
    """Draws by Hamiltonian Monte Carlo, and the share of accepted ones."""
    rng = np.random.default_rng(seed)
    q = np.zeros(10)
    value, slope = density(q)
    kept, accepted = np.empty((draws, 10)), 0
    for i in range(draws):
        p = rng.normal(size=10)
        step = STEP * rng.uniform(0.7, 1.3)
        new, new_value, new_slope = q, value, slope
        energy = value - 0.5 * p @ p
        p = p + 0.5 * step * new_slope
        for leap in range(LEAPS):
            new = new + step * p
            new_value, new_slope = density(new)
            p = p + (step if leap < LEAPS - 1 else 0.5 * step) * new_slope
        if np.log(rng.random()) < new_value - 0.5 * p @ p - energy:
            q, value, slope, accepted = new, new_value, new_slope, accepted + 1
        kept[i] = q
    return kept, accepted / draws


def exact_mean():
    """The posterior mean of the common mean, by quadrature over the spread."""
    log_spread = np.linspace(-8.0, 6.0, 4001)
    spread = np.exp(log_spread)[:, None]
    variance = ERROR**2 + spread**2
    precision = 1 / MEAN**2 + np.sum(1 / variance, axis=1)
    mean = np.sum(EFFECT / variance, axis=1) / precision
    log_weight = (
        0.5 * mean**2 * precision
        - 0.5 * np.log(precision)
        - 0.5 * np.sum(np.log(variance) + EFFECT**2 / variance, axis=1)
        - np.log1p((spread[:, 0] / SPREAD) ** 2)
        + log_spread
    )
    weight = np.exp(log_weight - log_weight.max())
    return np.sum(weight * mean) / np.sum(weight)


def main(folder):
    eager = dd.value_and_grad(log_density)
    compiled = dd.compile(eager, np.zeros(10))
    sample(compiled, WARM, seed=1)

    start = time.perf_counter()
    draws, accepted = sample(compiled, DRAWS, seed=2)
    speed = DRAWS / (time.perf_counter() - start)
    start = time.perf_counter()
    few, _ = sample(eager, 200, seed=2)
    slow = 200 / (time.perf_counter() - start)
    np.testing.assert_allclose(draws[:20], few[:20], rtol=1e-6, atol=1e-8)

    common, spread = MEAN * draws[WARM:, 0], np.exp(draws[WARM:, 1])
    expected = exact_mean()
    print(f"draws per second: eager {slow:,.0f}, compiled {speed:,.0f}; accepted {accepted:.0%}")
    print(f"mean effect {common.mean():.2f}, by quadrature {expected:.2f}")
    assert abs(common.mean() - expected) < 0.6

    figure, axes = plt.subplots(2, 2, figsize=(11, 6), layout="constrained")
    axes[0, 0].plot(common, lw=0.3, color="tab:blue")
    axes[0, 0].set(title=f"mean effect: {speed:,.0f} draws per second", xlabel="draw")
    axes[0, 1].hist(common, bins=60, density=True, color="tab:blue", alpha=0.7)
    axes[0, 1].axvline(expected, color="k", ls="--", label="mean by quadrature")
    axes[0, 1].set(title="mean effect")
    axes[0, 1].legend()
    axes[1, 0].plot(spread, lw=0.3, color="tab:orange")
    axes[1, 0].set(title="spread between schools", xlabel="draw")
    effects = common[:, None] + spread[:, None] * draws[WARM:, 2:]
    axes[1, 1].errorbar(
        np.arange(8), EFFECT, yerr=ERROR, fmt="o", color="0.5", capsize=3, label="reported"
    )
    axes[1, 1].errorbar(
        np.arange(8) + 0.2, effects.mean(0), yerr=effects.std(0), fmt="s", color="tab:blue",
        capsize=3, label="posterior",
    )  # fmt: skip
    axes[1, 1].set(title="effects of eight schools", xticks=np.arange(8), xticklabels=[*"ABCDEFGH"])
    axes[1, 1].legend(loc="lower right", ncols=2)
    figure.savefig(folder / "compiled_hmc.png", dpi=120)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
