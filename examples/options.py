"""The smile of option prices: Heston's model, calibrated to a day's quotes, and its hedges.

In the model of Heston (Review of Financial Studies 6, 1993) the variance of a share is random too.
A price is a Fourier integral over a complex function of five parameters. `least_squares` gets the
exact Jacobian of all prices; SciPy's bounds keep the parameters sensible. Then come the
sensitivities that a trader hedges by, up to second order, as derivatives of the same program.

Run: python examples/options.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

import dualdiff as dd
from dualdiff.optimize import least_squares

SPOT, RATE = 100.0, 0.02
STRIKES = np.linspace(80.0, 120.0, 9)
MATURITIES = np.array([0.1, 0.25, 0.5, 1.0, 2.0])
# Gauss and Legendre's nodes on (0, 1), sent to (0, infinity).
SHARES, WEIGHTS = np.polynomial.legendre.leggauss(80)
NODES = 6.0 * (1.0 + SHARES) / (1.0 - SHARES)
WEIGHTS = 12.0 * WEIGHTS / (1.0 - SHARES) ** 2
TRUE = {"start": 0.05, "mean": 0.06, "speed": 2.0, "wild": 0.5, "slant": -0.65}
START = {"start": 0.1, "mean": 0.1, "speed": 1.0, "wild": 0.3, "slant": -0.2}
BOUNDS = {
    "start": (0.001, 1.0),
    "mean": (0.001, 1.0),
    "speed": (0.05, 20.0),
    "wild": (0.01, 5.0),
    "slant": (-0.99, 0.99),
}


def characteristic(u, maturity, p):
    """E[exp(iu log(S_T / F))], in the form without jumps of the logarithm (Albrecher et al.,
    Wilmott Magazine, January 2007)."""
    b = p["speed"] - p["slant"] * p["wild"] * 1j * u
    d = np.sqrt(b**2 + p["wild"] ** 2 * (u**2 + 1j * u))
    g = (b - d) / (b + d)
    decay = np.exp(-d * maturity)
    swing = (b - d) * maturity - 2.0 * np.log((1.0 - g * decay) / (1.0 - g))
    now = (b - d) * (1.0 - decay) / (1.0 - g * decay)
    return np.exp((p["speed"] * p["mean"] * swing + p["start"] * now) / p["wild"] ** 2)


def prices(p, spot=SPOT, strikes=STRIKES, maturities=MATURITIES):
    """Call prices of shape (maturities, strikes), by Lewis's integral (2001)."""
    t = maturities[:, None, None]
    forward = spot * np.exp(RATE * t[..., 0])
    x = np.log(forward / strikes)[..., None]
    values = np.exp(1j * NODES * x) * characteristic(NODES - 0.5j, t, p) / (NODES**2 + 0.25)
    integral = np.sum(WEIGHTS * np.real(values), axis=-1)
    discounted = np.exp(-RATE * t[..., 0])
    return discounted * (forward - np.sqrt(forward * strikes) / np.pi * integral)


def implied(price, strike, maturity):
    """The volatility with which the formula of Black and Scholes gives a price."""

    def excess(volatility):
        spread = volatility * np.sqrt(maturity)
        first = (np.log(SPOT / strike) + RATE * maturity) / spread + 0.5 * spread
        discounted = strike * np.exp(-RATE * maturity)
        return SPOT * norm.cdf(first) - discounted * norm.cdf(first - spread) - price

    return brentq(excess, 0.01, 3.0)


def main(folder: Path) -> None:
    rng = np.random.default_rng(3)
    spread = 0.02
    quotes = prices(TRUE) + spread * rng.normal(size=(MATURITIES.size, STRIKES.size))

    def residuals(p):
        return np.ravel(prices(p) - quotes) / spread

    fit = least_squares(residuals, START, bounds=BOUNDS, x_scale="jac")
    print(fit.derivatives)
    for name, true in TRUE.items():
        error = fit.standard_errors[name]
        print(f"{name:6s} {fit.params[name]:8.4f} +- {error:.4f}   true {true}")
        assert abs(fit.params[name] - true) < 4.0 * error

    half_year = MATURITIES[2:3]

    def price_at(spot, start):
        p = fit.params | {"start": start}
        return prices(p, spot, np.array([100.0]), half_year)[0, 0]

    point = SPOT, fit.params["start"]
    delta, vega = dd.grad(price_at, (0, 1))(*point)
    (gamma, vanna), _ = dd.hessian(price_at, (0, 1))(*point)
    print(f"half a year at the money: price {price_at(*point):.3f}, delta {delta:.4f}, "
          f"gamma {gamma:.5f}, by the variance {vega:.2f}, vanna {vanna:.3f}")  # fmt: skip

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
    fine = np.linspace(78.0, 122.0, 30)
    for k, maturity in enumerate(MATURITIES):
        curve = prices(fit.params, SPOT, fine, MATURITIES[k : k + 1])[0]
        smile = [implied(c, s, maturity) for c, s in zip(curve, fine, strict=True)]
        left.plot(fine, 100 * np.array(smile), color=f"C{k}", label=f"{maturity:g} years")
        for quote, strike in zip(quotes[k], STRIKES, strict=True):
            if quote > max(SPOT - strike * np.exp(-RATE * maturity), 0.0) + 5 * spread:
                left.plot(strike, 100 * implied(quote, strike, maturity), "o", ms=3, color=f"C{k}")
    left.set(xlabel="strike", ylabel="implied volatility [%]", title="Quotes and fitted smiles",
             ylim=(14, 42))  # fmt: skip
    left.legend(fontsize=8)
    spots = np.linspace(70.0, 135.0, 40)
    for k in (0, 2, 4):

        def one(spot, k=k):
            return prices(fit.params, spot, np.array([100.0]), MATURITIES[k : k + 1])[0, 0]

        gammas = [dd.derivative(dd.derivative(one))(s) for s in spots]
        right.plot(spots, gammas, color=f"C{k}", label=f"{MATURITIES[k]:g} years")
    right.set(xlabel="price of the share", ylabel="gamma of the call at 100", title="Curvature")
    right.legend(fontsize=8)
    path = folder / "options.png"
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
