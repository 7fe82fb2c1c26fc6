"""Logistic regression on an array of dask that need not fit into memory.

The loss is an ordinary function of NumPy. Its data are arrays of dask, in chunks of rows: a
gradient is one graph of tasks, in which each chunk is read, used forward and backward, and
forgotten. The coefficients are a NumPy array, so the gradient is computed at once and SciPy's
L-BFGS-B takes it as it is. The optimum is compared with that of the same loss on NumPy's arrays.

The picture shows the layers of the graph of a gradient with respect to lazy coefficients: those of
the loss itself, and those that the derivative adds.

Run: python examples/dask_logistic.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import dask
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import dualdiff as dd

ROWS, COLUMNS, CHUNK = 40_000, 8, 10_000
TRUE = np.linspace(-1.0, 1.0, COLUMNS)


def loss(w, x, y):
    """The mean logistic loss with a small penalty, for labels of -1 and 1."""
    return np.mean(np.logaddexp(0.0, -y * (x @ w))) + 1e-3 * np.sum(w**2)


def samples():
    """Features and labels, made chunk by chunk."""
    rng = da.random.default_rng(0)
    x = rng.normal(size=(ROWS, COLUMNS), chunks=(CHUNK, COLUMNS))
    noise = rng.logistic(size=ROWS, chunks=CHUNK)
    return dask.persist(x, da.where(x @ TRUE + noise > 0, 1.0, -1.0))


def draw(value, gradient, path):
    """The layers of the graphs of a value and its gradient, from the data down to the results."""
    layers, below = gradient.dask.layers, gradient.dask.dependencies
    depths = {}
    for name in gradient.dask._toposort_layers():
        depths[name] = 1 + max((depths[n] for n in below[name]), default=-1)
    rows = {}
    for name, depth in depths.items():
        rows.setdefault(depth, []).append(name)
    places = {
        name: (i - (len(names) - 1) / 2, -depth)
        for depth, names in rows.items()
        for i, name in enumerate(names)
    }
    figure, axes = plt.subplots(figsize=(7, 9))
    for name in layers:
        for n in below[name]:
            axes.annotate(
                "", places[name], places[n], arrowprops={"arrowstyle": "->", "color": "0.6"}
            )
    for name, place in places.items():
        of_loss = name in value.dask.layers
        style = {"boxstyle": "round", "fc": "#cfe2f3" if of_loss else "#f9d9b8", "ec": "0.4"}
        label = name.rsplit("-", 1)[0]
        axes.text(*place, label, ha="center", va="center", fontsize=8, bbox=style)
    wide = max(len(names) for names in rows.values()) / 2 + 0.3
    axes.set(xlim=(-wide, wide), ylim=(-len(rows) + 0.3, 0.7))
    axes.set_title("blue: the loss; orange: what its gradient adds")
    axes.axis("off")
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)


def main(folder):
    x, y = samples()
    objective = dd.value_and_grad(loss)
    fit = minimize(objective, np.zeros(COLUMNS), (x, y), jac=True, method="L-BFGS-B")
    plain = minimize(
        objective, np.zeros(COLUMNS), (x.compute(), y.compute()), jac=True, method="L-BFGS-B"
    )
    print(f"{ROWS} x {COLUMNS} numbers in {x.npartitions} chunks, {fit.nfev} gradients")
    print("coefficients by dask: ", np.round(fit.x, 3))
    print("coefficients by NumPy:", np.round(plain.x, 3))
    assert np.allclose(fit.x, plain.x, atol=1e-4)

    w = da.from_array(fit.x, chunks=-1)
    value, gradient = dd.value_and_grad(loss)(w, x, y)
    print(
        f"layers of the loss: {len(value.dask.layers)}, with its gradient: "
        f"{len(gradient.dask.layers)}"
    )
    draw(value, gradient, folder / "dask_logistic.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
