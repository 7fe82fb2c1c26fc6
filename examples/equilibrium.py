"""What does a tax do to a market? An equilibrium inside a model, and its sensitivities.

Five goods are sold for prices at which supply equals demand. The demand for a good falls with its
price and rises with the prices of its substitutes; the supply rises with what the sellers get,
which is the price less a tax. The prices solve five equations, which `root` solves. The welfare of
the country is a function of these prices: the surplus of consumers and producers, and the tax.

dualdiff differentiates the program as it stands, with the root inside: by the taxes, and by every
parameter. So the incidence of a tax (who pays it?) is a Jacobian, and `minimize` finds the taxes
that raise a given revenue at the least loss of welfare, with exact gradients through the
equilibrium. At the end it asks one more question, a derivative of the optimum itself: how do the
best taxes change with the revenue that is needed?

Run: python examples/equilibrium.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize, root

import dualdiff as dd

GOODS = ["bread", "rice", "tea", "coffee", "salt"]
DEMAND = np.array([10.0, 8.0, 5.0, 6.0, 2.0])  # at a price of 1
OWN = np.array([0.9, 1.1, 1.4, 1.3, 0.2])  # elasticities of demand
SUPPLY = np.array([0.8, 0.6, 1.0, 1.2, 2.0])  # elasticities of supply
CROSS = np.zeros((5, 5))  # substitutes: elasticities of demand by other prices
CROSS[0, 1] = CROSS[1, 0] = 0.4
CROSS[2, 3] = CROSS[3, 2] = 0.6


def demanded(prices):
    return DEMAND * np.exp((CROSS - np.diag(OWN)) @ np.log(prices))


def supplied(net):
    return DEMAND * net**SUPPLY


def equilibrium(taxes):
    """The prices at which supply equals demand, for taxes as shares of the price."""

    def excess(logs):
        prices = np.exp(logs)
        return np.log(demanded(prices)) - np.log(supplied(prices * (1 - taxes)))

    return np.exp(root(excess, np.zeros(5)).x)


def revenue(taxes):
    prices = equilibrium(taxes)
    return np.sum(taxes * prices * demanded(prices))


def loss(taxes):
    """The welfare lost beyond the revenue: surplus of consumers and of producers."""
    prices = equilibrium(taxes)
    ways = np.linspace(0.0, 1.0, 21)
    weights = np.array([1.0, *([4.0, 2.0] * 9), 4.0, 1.0]) / 60  # Simpson's rule along the change
    consumers = producers = 0.0
    for s, w in zip(ways, weights, strict=True):
        at = 1 + s * (prices - 1)
        consumers = consumers + w * np.sum(demanded(at) * (prices - 1))
        net = 1 + s * (prices * (1 - taxes) - 1)
        producers = producers + w * np.sum(supplied(net) * (1 - prices * (1 - taxes)))
    return consumers + producers - revenue(taxes)


def best(needed):
    """The taxes that raise the revenue that is needed at the least loss."""
    enough = {"type": "eq", "fun": lambda t: revenue(t) - needed, "jac": dd.jacobian(revenue)}
    start = np.full(5, 0.1)
    found = minimize(
        loss, start, jac=dd.grad(loss), constraints=enough, method="SLSQP", options={"ftol": 1e-12}
    )
    return found.x


def main(folder: Path) -> None:
    taxes = np.full(5, 0.1)
    prices = equilibrium(taxes)
    incidence = dd.jacobian(equilibrium)(taxes)
    print("prices with a tax of 10 % on each good")
    for name, price in zip(GOODS, prices, strict=True):
        print(f"  {name:7s} {price:.4f}")
    step = 1e-5 * np.eye(5)
    rough = np.stack([(equilibrium(taxes + e) - equilibrium(taxes - e)) / 2e-5 for e in step], 1)
    gap = np.abs(incidence - rough).max()
    print(f"incidence: exact and by ten more equilibria differ by {gap:.1e}")

    begin = time.perf_counter()
    dd.grad(loss)(taxes)
    gradient = time.perf_counter() - begin
    begin = time.perf_counter()
    loss(taxes)
    print(f"a gradient of the loss costs {gradient / (time.perf_counter() - begin):.0f} losses")

    needed = np.linspace(1.0, 8.0, 8)
    chosen = np.stack([best(r) for r in needed])
    flat = [loss(np.full(5, s)) for s in np.linspace(0.03, 0.3, 12)]
    flat_revenue = [revenue(np.full(5, s)) for s in np.linspace(0.03, 0.3, 12)]

    # How do the best taxes move with the revenue? The derivative of the minimum.
    slopes = dd.jacobian(best)(4.0)
    check = (best(4.01) - best(3.99)) / 0.02
    print("\nbest taxes for a revenue of 4, and their change with it (and by two more optima)")
    for name, t, slope, other in zip(GOODS, best(4.0), slopes, check, strict=True):
        print(f"  {name:7s} {t:.4f} {slope:+.5f} ({other:+.5f})")

    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    image = axes[0].imshow(incidence, cmap="PuOr", vmin=-1.2, vmax=1.2)
    axes[0].set_xticks(range(5), GOODS, rotation=40)
    axes[0].set_yticks(range(5), GOODS)
    axes[0].set(title="Change of a price (row) by a tax (column)")
    for i in range(5):
        for j in range(5):
            color = "white" if incidence[i, j] > 0.8 else "black"
            text = f"{incidence[i, j]:.2f}"
            axes[0].text(j, i, text, ha="center", va="center", fontsize=8, color=color)
    figure.colorbar(image, ax=axes[0], shrink=0.8)
    for good, name in enumerate(GOODS):
        (line,) = axes[1].plot(needed, chosen[:, good], "o-", ms=3, label=name)
        ends = np.array([3.0, 5.0])
        at = best(4.0)[good] + slopes[good] * (ends - 4.0)
        axes[1].plot(ends, at, color=line.get_color(), lw=4, alpha=0.3)
    axes[1].set(xlabel="revenue", ylabel="share of price", title="The best taxes, and their slopes")
    axes[1].legend(fontsize=8)
    axes[2].plot(flat_revenue, flat, label="one tax for all goods")
    axes[2].plot(needed, [loss(t) for t in chosen], "o-", ms=3, label="the best taxes")
    axes[2].set(xlabel="revenue", ylabel="welfare lost", title="The price of a revenue")
    axes[2].legend(fontsize=8)
    path = folder / "equilibrium.png"
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
