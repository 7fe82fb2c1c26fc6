"""The two modes of automatic differentiation on one small function, by hand and by dualdiff.

The function is f(x, y) = (x y + sin x) y, as a program of four steps:

    a = x * y
    b = sin(x)
    c = a + b
    d = c * y          the result

Forward mode computes with dual numbers: next to every value goes its *tangent*, the rate at which
the value changes when one chosen input moves. Tangents flow with the program, from the inputs on,
and one run gives the derivative with respect to one input (a column of the Jacobian).

Reverse mode runs the program once, remembers what it did, and then walks the steps backwards with
*cotangents*: the rate at which the result changes when this intermediate value moves. Where a
value is used twice (here x and y) its cotangents add up. One walk gives the derivative with respect
to all inputs (a row of the Jacobian), which is why training and fitting use it.

Run: python examples/dual_numbers.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import dualdiff as dd

STEPS = {"x": "input", "y": "input", "a": "x * y", "b": "sin(x)", "c": "a + b", "d": "c * y"}
X, Y = 2.0, 3.0


def program(inputs: dict, nudges: dict | None = None) -> dict:
    """Every value of the program. A nudge is added to the intermediate value it is named after."""
    nudges = nudges or dict.fromkeys(STEPS, 0.0)
    x = inputs["x"] + nudges["x"]
    y = inputs["y"] + nudges["y"]
    a = x * y + nudges["a"]
    b = np.sin(x) + nudges["b"]
    c = a + b + nudges["c"]
    d = c * y + nudges["d"]
    return {"x": x, "y": y, "a": a, "b": b, "c": c, "d": d}


@dataclass
class Dual:
    """A number and its tangent: v + t ε with ε² = 0."""

    value: float
    tangent: float

    def __add__(self, other: "Dual") -> "Dual":
        return Dual(self.value + other.value, self.tangent + other.tangent)

    def __mul__(self, other: "Dual") -> "Dual":
        # (v + tε)(w + sε) = vw + (ts' + vs)ε, the product rule, because ε² = 0.
        product_rule = self.tangent * other.value + self.value * other.tangent
        return Dual(self.value * other.value, product_rule)

    def sin(self) -> "Dual":
        return Dual(math.sin(self.value), math.cos(self.value) * self.tangent)


def forward_by_hand(x_tangent: float, y_tangent: float) -> dict[str, Dual]:
    """The program on dual numbers."""
    x, y = Dual(X, x_tangent), Dual(Y, y_tangent)
    a = x * y
    b = x.sin()
    c = a + b
    d = c * y
    return {"x": x, "y": y, "a": a, "b": b, "c": c, "d": d}


def reverse_by_hand(values: dict[str, float]) -> dict[str, float]:
    """The cotangent of every value: the steps in reverse order, each with the chain rule."""
    x, y, c = values["x"], values["y"], values["c"]
    bar = dict.fromkeys(STEPS, 0.0)
    bar["d"] = 1.0  # the seed: the result changes with itself at rate 1
    bar["c"] += bar["d"] * y  # d = c * y
    bar["y"] += bar["d"] * c
    bar["a"] += bar["c"]  # c = a + b
    bar["b"] += bar["c"]
    bar["x"] += bar["b"] * math.cos(x)  # b = sin(x)
    bar["x"] += bar["a"] * y  # a = x * y: the second use of x adds to the first
    bar["y"] += bar["a"] * x
    return bar


def forward_by_dualdiff(x_tangent: float, y_tangent: float) -> tuple[dict, dict]:
    """Values and tangents of every step, from one run of the program."""
    return dd.jvp(program, ({"x": X, "y": Y},), ({"x": x_tangent, "y": y_tangent},))


def reverse_by_dualdiff() -> dict:
    """The cotangent of a value is the derivative of the result with respect to a nudge of it."""
    zeros = dict.fromkeys(STEPS, 0.0)
    return dd.grad(lambda nudges: program({"x": X, "y": Y}, nudges)["d"])(zeros)


def draw(values: dict, tangents: dict, cotangents: dict, path: Path) -> None:
    """The computation as a graph: values in the boxes, tangents above, cotangents below."""
    places = {"x": (0, 1), "y": (0, -1), "b": (2, 1.7), "a": (2, 0), "c": (4, 0.8), "d": (6, -0.4)}
    arrows = ["xa", "xb", "ya", "ac", "bc", "cd", "yd"]
    forward, reverse = "tab:blue", "tab:red"
    figure, axes = plt.subplots(figsize=(11, 5.4), layout="constrained")
    for start, end in arrows:
        style = {"arrowstyle": "-|>", "color": "0.6", "shrinkA": 46, "shrinkB": 46}
        bend = "arc3,rad=0.25" if start + end == "yd" else "arc3"
        style["connectionstyle"] = bend
        axes.annotate("", places[end], places[start], arrowprops=style)
    for name, (h, v) in places.items():
        step = "" if STEPS[name] == "input" else f" = {STEPS[name]}"
        frame = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": "0.3"}
        text = f"{name}{step}\n{values[name]:.4f}"
        axes.text(h, v, text, ha="center", va="center", fontsize=12, bbox=frame)
        above, below = f"∂{name}/∂x = {tangents[name]:.4f}", f"∂d/∂{name} = {cotangents[name]:.4f}"
        axes.text(h, v + 0.42, above, ha="center", color=forward, fontsize=11)
        axes.text(h, v - 0.42, below, ha="center", va="top", color=reverse, fontsize=11)
    axes.set_title(
        "f(x, y) = (x y + sin x) y as a graph: both modes meet in ∂d/∂x", fontsize=13, loc="left"
    )
    legend = {
        "tangents (forward mode, along the arrows, seed ∂x/∂x = 1)": forward,
        "cotangents (reverse mode, against the arrows, seed ∂d/∂d = 1)": reverse,
    }
    for line, (text, colour) in enumerate(legend.items()):
        axes.text(-0.45, -2.3 - 0.3 * line, text, color=colour, fontsize=11)
    axes.set_xlim(-0.9, 6.9)
    axes.set_ylim(-2.8, 2.5)
    axes.axis("off")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(folder: Path) -> None:
    """Print both tables, check them, draw the graph."""
    by_hand = forward_by_hand(1.0, 0.0)
    values, tangents = forward_by_dualdiff(1.0, 0.0)
    print("Forward mode, top to bottom: how much each value moves when x does (seed: 1 for x)\n")
    print("step            value   tangent by hand   by dualdiff")
    for name, step in STEPS.items():
        dual = by_hand[name]
        print(f"{name} = {step:7s} {dual.value:9.4f} {dual.tangent:17.4f} {tangents[name]:13.4f}")
        assert math.isclose(values[name], dual.value, abs_tol=1e-14)
        assert math.isclose(tangents[name], dual.tangent, abs_tol=1e-14)

    bars = reverse_by_hand({name: dual.value for name, dual in by_hand.items()})
    cotangents = reverse_by_dualdiff()
    print("\nReverse mode, bottom to top: how much d moves when each value does (seed: 1 for d)\n")
    print("step            value   cotangent by hand   by dualdiff")
    for name, step in reversed(STEPS.items()):
        print(f"{name} = {step:7s} {values[name]:9.4f} {bars[name]:19.4f} {cotangents[name]:13.4f}")
        assert math.isclose(cotangents[name], bars[name], abs_tol=1e-14)

    derivative_x = tangents["d"]
    derivative_y = forward_by_dualdiff(0.0, 1.0)[1]["d"]
    print("\nBoth modes agree; forward mode needs a run per input, reverse mode one walk for all:")
    for name, forward in (("x", derivative_x), ("y", derivative_y)):
        print(f"  ∂f/∂{name}: forward {forward:.12f}, reverse {cotangents[name]:.12f}")
        assert math.isclose(forward, cotangents[name], rel_tol=1e-14)
    assert math.isclose(derivative_x, (Y + math.cos(X)) * Y, rel_tol=1e-14)
    assert math.isclose(derivative_y, 2 * X * Y + math.sin(X), rel_tol=1e-14)

    path = folder / "dual_numbers.png"
    draw(values, tangents, cotangents, path)
    print(f"picture: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
