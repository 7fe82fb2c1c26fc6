"""The slide of fastest descent, as a cubic spline: its knots are the unknowns.

The slide goes from (0, 0) to (1, 1), depths downward. At the depth s**2 it has the abscissa X(s), a
`scipy.interpolate.CubicSpline` through free values. The descent time is an integral over the spline
and its derivative; `dualdiff` differentiates SciPy's own spline by the values that it goes through.
The exact solution is a cycloid.

Run: python examples/spline_design.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq, minimize

import dualdiff as dd

GRAVITY = 9.81
KNOTS = np.linspace(0.0, 1.0, 7)
NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2


def slide(inner):
    """The abscissa as a spline of s, from the values at the inner knots; it starts vertically."""
    values = np.concatenate([np.zeros(1), inner, np.ones(1)])
    return CubicSpline(KNOTS, values, bc_type=((1, 0.0), "not-a-knot"))


def descent_time(inner):
    """The time of a frictionless descent."""
    slope = slide(inner)(NODES, 1)
    speed = np.sqrt(2 * GRAVITY) * NODES
    return np.sum(WEIGHTS * np.sqrt(slope**2 + 4 * NODES**2) / speed)


def cycloid():
    """Radius, last angle and descent time of the cycloid through (1, 1)."""
    angle = brentq(lambda a: (a - np.sin(a)) - (1 - np.cos(a)), 1.0, 4.0)
    radius = 1 / (1 - np.cos(angle))
    return radius, angle, angle * np.sqrt(radius / GRAVITY)


def plot(path, start, best, gradient):
    """The slides, and how the time of the first one depends on its knots."""
    radius, last, _ = cycloid()
    angles, s = np.linspace(0.0, last, 200), np.linspace(0.0, 1.0, 200)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    left.plot(radius * (angles - np.sin(angles)), radius * (1 - np.cos(angles)), "k", lw=4,
              alpha=0.25, label="cycloid")  # fmt: skip
    for inner, name in ((start, "start"), (best, "best spline")):
        (line,) = left.plot(slide(inner)(s), s**2, label=f"{name}: {descent_time(inner):.4f} s")
        left.plot(inner, KNOTS[1:-1] ** 2, "o", color=line.get_color())
    left.invert_yaxis()
    left.set(xlabel="abscissa [m]", ylabel="depth [m]", title="Slides")
    left.legend()
    right.bar(KNOTS[1:-1] ** 2, 1e3 * gradient, width=0.04)
    right.set(xlabel="depth of the knot [m]", ylabel="ms per m",
              title="Gradient of the time of the first slide")  # fmt: skip
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    start = KNOTS[1:-1] ** 2  # a straight line
    found = minimize(descent_time, start, jac=dd.grad(descent_time), hess=dd.hessian(descent_time),
                     method="trust-exact", options={"gtol": 1e-8})  # fmt: skip
    exact = cycloid()[2]
    print(f"straight line {descent_time(start):.5f} s, spline {found.fun:.5f} s after {found.nit}")
    print(f"iterations, cycloid {exact:.5f} s")
    assert found.success
    assert exact - 1e-9 < found.fun < exact * (1 + 2e-4)
    assert np.max(np.abs(dd.grad(descent_time)(found.x))) < 1e-7
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    plot(folder / "spline_design.png", start, found.x, dd.grad(descent_time)(start))


if __name__ == "__main__":
    main()
