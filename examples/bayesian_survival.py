"""Bayesian survival analysis of censored lifetimes, Weibull and log-normal, by HMC.

A lifetime that was seen to end contributes `logpdf`, one that was still going on `logsf`. Both are
SciPy's distributions, differentiated in all parameters. The two models are compared by their
posterior predictive log-likelihood.

Run: python examples/bayesian_survival.py [FOLDER]
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
MODELS = ("weibull_min", "lognorm")


def log_posterior(name, times, ended):
    """Of the logarithms of shape and scale, with normal priors of standard deviation 2."""
    distribution = getattr(stats, name)
    seen, going_on = times[ended], times[~ended]

    def density(p):
        shape, scale = np.exp(p[0]), np.exp(p[1])
        likelihood = np.sum(distribution.logpdf(seen, shape, 0.0, scale)) + np.sum(
            distribution.logsf(going_on, shape, 0.0, scale)
        )
        return likelihood + np.sum(stats.norm.logpdf(p, 0.0, 2.0))

    return density


def sample(density, start, rng, count=200, warm_up=40, steps=5):
    """Hamiltonian Monte Carlo with the Hessian at the mode as the metric."""
    mode = minimize(
        lambda p: -density(p), start, jac=dd.grad(lambda p: -density(p)), method="BFGS"
    ).x
    metric = -dd.hessian(density)(mode)
    factor = np.linalg.cholesky(metric)
    gradient = dd.value_and_grad(density)
    p, (value, slope) = mode, gradient(mode)
    draws, accepted = [], 0
    for k in range(warm_up + count):
        momentum = factor @ rng.normal(size=2)
        step = 0.45 * rng.uniform(0.8, 1.2)
        q, v, s, m = p, value, slope, momentum
        for _ in range(steps):
            m = m + 0.5 * step * s
            q = q + step * np.linalg.solve(metric, m)
            v, s = gradient(q)
            m = m + 0.5 * step * s
        change = (
            v
            - value
            - 0.5 * (m @ np.linalg.solve(metric, m) - momentum @ np.linalg.solve(metric, momentum))
        )
        if np.log(rng.uniform()) < change:
            p, value, slope = q, v, s
            accepted += k >= warm_up
        if k >= warm_up:
            draws.append(p)
    return np.array(draws), accepted / count


def main(folder):
    rng = np.random.default_rng(7)
    lifetimes = scipy.stats.weibull_min.rvs(1.8, scale=10.0, size=120, random_state=rng)
    end_of_study = rng.uniform(4.0, 16.0, size=120)
    times, ended = np.minimum(lifetimes, end_of_study), lifetimes <= end_of_study
    print(f"{len(times)} lifetimes, {np.sum(~ended)} of them censored; true: Weibull, shape 1.8, "
          "scale 10")  # fmt: skip
    curves, at = {}, np.linspace(0.0, 25.0, 200)
    for name in MODELS:
        density = log_posterior(name, times, ended)
        draws, rate = sample(density, np.array([0.0, np.log(np.mean(times))]), rng)
        shape, scale = np.exp(draws).T
        distribution = getattr(scipy.stats, name)
        point = np.where(
            ended[:, None],
            distribution.logpdf(times[:, None], shape, 0, scale),
            distribution.logsf(times[:, None], shape, 0, scale),
        )
        predictive = np.sum(np.log(np.mean(np.exp(point), axis=1)))
        print(
            f"{name:12s} shape {shape.mean():.3f} +- {shape.std():.3f}, scale {scale.mean():.2f} "
            f"+- {scale.std():.2f}, accepted {rate:.0%}, log predictive likelihood {predictive:.2f}"
        )
        curves[name] = distribution.sf(at[:, None], shape, 0, scale)
    draw(folder, at, curves, times, ended)


def kaplan_meier(times, ended):
    """The nonparametric estimate of the survival function."""
    order = np.argsort(times)
    at_risk = np.arange(len(times), 0, -1)
    return times[order], np.cumprod(1 - ended[order] / at_risk)


def draw(folder, at, curves, times, ended):
    figure, axes = plt.subplots(figsize=(7, 4.4), layout="constrained")
    axes.step(*kaplan_meier(times, ended), where="post", color="0.4", label="Kaplan-Meier")
    for (name, curve), colour in zip(curves.items(), ("C0", "C1"), strict=True):
        low, middle, high = np.percentile(curve, [5, 50, 95], axis=1)
        axes.fill_between(at, low, high, color=colour, alpha=0.25, lw=0)
        axes.plot(at, middle, colour, label=f"{name}, median and 90 %")
    axes.plot(at, scipy.stats.weibull_min.sf(at, 1.8, 0, 10.0), "k--", lw=1, label="true")
    axes.set(xlabel="time", ylabel="surviving", ylim=(0, 1.02), xlim=(0, 25))
    axes.legend(frameon=False)
    path = folder / "bayesian_survival.png"
    figure.savefig(path, dpi=120)
    print(f"picture: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
