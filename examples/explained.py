"""Where the time and the memory of a gradient go, line by line.

The evidence of a Gaussian process with periodic and smooth parts is differentiated by its four
hyperparameters. `dualdiff.explain` records the program once: bars show the time of each line in
both directions and the memory that it keeps, and a graph shows which line reads what another one
made. A second panel shows the sparsity pattern of a chain of springs, whose Hessian needs three
directions, one for each colour.

Run: python explained.py [folder for the pictures]
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import cho_solve, cholesky

import dualdiff as dd

TIMES = np.linspace(0.0, 12.0, 300)
READINGS = np.sin(2.0 * np.pi * TIMES) + 0.1 * TIMES
DISTANCES = np.abs(TIMES[:, None] - TIMES)


def evidence(logs):
    """The negative log-likelihood of height, length, season and noise."""
    height, length, season, noise = np.exp(logs)
    smooth = height**2 * np.exp(-0.5 * (DISTANCES / length) ** 2)
    periodic = season**2 * np.exp(-2.0 * np.sin(np.pi * DISTANCES) ** 2)
    covariance = smooth + periodic + noise**2 * np.eye(TIMES.size)
    factor = cholesky(covariance, lower=True)
    weights = cho_solve((factor, True), READINGS)
    return 0.5 * READINGS @ weights + np.sum(np.log(np.diag(factor)))


def energy(places):
    """Springs between neighbours."""
    return np.sum((np.diff(places) - 1.0) ** 4)


def main(folder: Path) -> None:
    start = np.log([1.0, 3.0, 1.0, 0.1])
    found = dd.explain(evidence, start)
    print(found)

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(13, 4), layout="constrained", width_ratios=(2, 1)
    )
    found.plot(left)
    pattern = dd.hessian_sparsity(energy, np.arange(12.0))
    pattern.plot(right)
    path = folder / "explained.png"
    figure.savefig(path, dpi=120)
    print(f"\nwrote {path}")

    graph = found.graph()
    if graph.svg is not None:  # where graphviz is installed
        path = folder / "explained_graph.svg"
        graph.save(path)
        print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
