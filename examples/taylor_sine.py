"""The sine by its Taylor series in a while loop, differentiated six times.

The loop stops when the last term is negligible. The number of rounds depends on the values, and
dualdiff differentiates the rounds that ran. Each derivative is the derivative of the previous one,
by nesting.
The result is the exact derivative of the truncated series. The k-th derivative of a term x^n / n!
is x^(n-k) / (n-k)!, which is larger: each order loses some of the accuracy the loop stopped at.

Run: python examples/taylor_sine.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import math
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import dualdiff as dd

ORDERS = 6
ACCURACY = 1e-10


def taylor_sine(x):
    """The sine of a float or an array, summed until no term matters any more."""
    total = term = x
    n = 1
    while np.any(np.abs(term) > 1e-15):
        term = -term * x * x / ((n + 1) * (n + 2))
        total = total + term
        n += 2
    return total


def derivatives(f: Callable, operator: Callable) -> list[Callable]:
    """f and its first six derivatives, each made from the one before by the operator."""
    functions = [f]
    for _ in range(ORDERS):
        functions.append(operator(functions[-1]))
    return functions


def true_derivative(x: np.ndarray, order: int) -> np.ndarray:
    """Each differentiation moves the sine by a quarter of its period."""
    return np.sin(x + order * math.pi / 2)


def draw(x: np.ndarray, curves: list[np.ndarray], path: Path) -> None:
    """Every order against the true derivative, and its error."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.9, ORDERS + 1))
    for order, (curve, colour) in enumerate(zip(curves, colours, strict=True)):
        truth = true_derivative(x, order)
        shift = -2.5 * order
        left.plot(x, truth + shift, color="0.8", linewidth=5, solid_capstyle="round")
        left.plot(x, curve + shift, color=colour, linewidth=1.5)
        left.axhline(shift, color="0.9", linewidth=0.5, zorder=0)
        # Rounding errors jump from point to point: draw the largest of each twenty neighbours.
        error = np.abs(curve - truth)[:-1].reshape(-1, 20).max(axis=1)
        centres = x[:-1].reshape(-1, 20).mean(axis=1)
        right.semilogy(centres, error, "o-", markersize=3, color=colour, label=f"order {order}")
    ticks = np.pi * np.arange(-2, 3)
    for axes in (left, right):
        axes.set_xticks(ticks, ["−2π", "−π", "0", "π", "2π"])
        axes.set_xlabel("x (radians)")
    left.set_yticks(-2.5 * np.arange(ORDERS + 1), ["f", *(f"f{_raised(k)}" for k in range(1, 7))])
    left.set_title("Derivatives of the loop (colour) on the true ones (grey)")
    right.set_ylabel("absolute error (largest of 20 neighbouring points)")
    right.set_ylim(1e-16, 1e-11)
    right.axhline(np.finfo(float).eps, color="0.5", linestyle=":", linewidth=1)
    right.text(-2 * np.pi, 0.65 * np.finfo(float).eps, "machine precision", color="0.4")
    right.legend(ncols=2, fontsize="small", loc="upper center")
    right.set_title("Error of each derivative of the truncated series")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _raised(order: int) -> str:
    return "′" * order if order <= 3 else f"⁽{'⁰¹²³⁴⁵⁶'[order]}⁾"


def main(folder: Path) -> None:
    """Differentiate, compare with the truth, print, draw."""
    x = np.linspace(-2 * math.pi, 2 * math.pi, 801)
    curves = [f(x) for f in derivatives(taylor_sine, dd.elementwise_grad)]
    # Forward mode at one point, as a second opinion.
    point = 1.25
    at_point = [f(point) for f in derivatives(taylor_sine, dd.derivative)]

    print("order   largest error on [-2π, 2π]   at x = 1.25        true value")
    for order, (curve, value) in enumerate(zip(curves, at_point, strict=True)):
        truth = true_derivative(np.array(point), order)
        error = np.max(np.abs(curve - true_derivative(x, order)))
        print(f"{order:5d}   {error:26.1e}   {value:16.12f}   {truth:16.12f}")
        assert error < ACCURACY, f"order {order} is wrong by {error} in reverse mode"
        assert abs(value - truth) < ACCURACY, f"order {order} is wrong in forward mode"

    path = folder / "taylor_sine.png"
    draw(x, curves, path)
    print(f"picture: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
