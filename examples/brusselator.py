"""Waves in a chemical reaction: a stiff system of 2,048 equations and its sparse Jacobian.

The Brusselator has two species that feed on each other while they diffuse over a square whose
opposite edges are joined. Diffusion on a fine grid makes it stiff: explicit methods need steps far
shorter than the time scale of the waves. Implicit methods solve linear systems with the Jacobian,
and SciPy by default estimates all its 2,048 columns by differences.

dualdiff finds the 12,288 entries that can differ from zero by running the program once. It colours
the columns such that columns of one colour share no row, and computes all entries from eight
directional derivatives. `solve_ivp(method="BDF")` takes the sparse matrix as it is.

Run: python examples/brusselator.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

import dualdiff as dd

SIDE = 32
DIFFUSION = 0.005
A, B = 3.4, 1.0
PERIOD = 1.5
TOLERANCES = {"rtol": 1e-4, "atol": 1e-6}


def laplacian(w):
    neighbours = np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1)
    return (neighbours - 4.0 * w) * SIDE**2


def brusselator(t, y):
    """The rates of change of both species, as a NumPy user writes them."""
    u, v = y.reshape(2, SIDE, SIDE)
    reaction = u**2 * v
    du = B + reaction - (A + 1.0) * u + DIFFUSION * laplacian(u)
    dv = A * u - reaction + DIFFUSION * laplacian(v)
    return np.concatenate([du.ravel(), dv.ravel()])


def start():
    x, y = np.meshgrid(np.arange(SIDE) / SIDE, np.arange(SIDE) / SIDE, indexing="ij")
    u = 22.0 * (y * (1.0 - y)) ** 1.5
    v = 27.0 * (x * (1.0 - x)) ** 1.5
    return np.concatenate([u.ravel(), v.ravel()])


def timed(run, times=1):
    before = time.perf_counter()
    for _ in range(times):
        result = run()
    return result, (time.perf_counter() - before) / times


def main(folder):
    y0 = start()
    jacobian, preparation = timed(lambda: dd.prepare_jacobian(brusselator, 0.0, y0, argnums=1))
    sparse, evaluation = timed(lambda: jacobian(0.0, y0), times=20)
    dense, dense_evaluation = timed(lambda: dd.jacobian(brusselator, argnums=1)(0.0, y0))
    assert np.allclose(sparse.toarray(), dense, rtol=1e-10, atol=1e-10)
    print(f"pattern: {sparse.shape[0]} x {sparse.shape[1]}, {sparse.nnz} nonzeros")
    print(jacobian.plan)
    print(f"preparation {preparation:.3f} s, evaluation {1e3 * evaluation:.2f} ms,")
    print(f"  against {1e3 * dense_evaluation:.0f} ms for the dense Jacobian")

    def integrate(jac):
        return solve_ivp(brusselator, (0.0, PERIOD), y0, method="BDF", jac=jac, **TOLERANCES)

    runs = {
        "sparse, dualdiff": timed(lambda: integrate(jacobian)),
        "dense, dualdiff": timed(lambda: integrate(dd.jacobian(brusselator, argnums=1))),
        "dense, differences": timed(lambda: integrate(None)),
    }
    reference = runs["sparse, dualdiff"][0]
    for name, (solution, seconds) in runs.items():
        difference = np.max(np.abs(solution.y[:, -1] - reference.y[:, -1]))
        print(
            f"BDF, {name:>18}: {seconds:6.2f} s, {solution.t.size} steps, {solution.nfev} "
            f"evaluations, differs by {difference:.1e}"
        )
        assert solution.success
        assert difference < 1e-2
    draw(jacobian, runs, folder / "brusselator.png")


def draw(jacobian, runs, path):
    figure, axes = plt.subplots(1, 4, figsize=(16, 4.2), layout="constrained")
    pattern, colors = jacobian.pattern.tocoo(), jacobian.colors
    corner = 96
    for ax, end in ((axes[0], pattern.shape[0]), (axes[1], corner)):
        inside = (pattern.row < end) & (pattern.col < end)
        ax.scatter(
            pattern.col[inside],
            pattern.row[inside],
            c=colors[pattern.col[inside]],
            s=1.0 if end > corner else 6.0,
            cmap="tab20",
            linewidths=0,
        )
        ax.set(xlim=(0, end), ylim=(end, 0), aspect="equal", xlabel="input", ylabel="result")
    axes[0].set_title(f"{pattern.nnz:,} nonzeros in {jacobian.plan.directions} colours")
    axes[1].set_title("upper left corner")
    final = runs["sparse, dualdiff"][0].y[: SIDE**2, -1].reshape(SIDE, SIDE)
    image = axes[2].imshow(final, cmap="viridis", origin="lower")
    figure.colorbar(image, ax=axes[2], shrink=0.8)
    axes[2].set_title(f"first species at t = {PERIOD:g}")
    seconds = [s for _, s in runs.values()]
    names = [name.replace(", ", "\n") for name in runs]
    bars = axes[3].barh(names, seconds, color=["C0", "C1", "C7"])
    axes[3].bar_label(bars, [f"{s:.2f} s" for s in seconds], padding=3)
    axes[3].invert_yaxis()
    axes[3].set(title="solve_ivp(method='BDF')", xlabel="seconds", xlim=(0, 1.25 * max(seconds)))
    figure.savefig(path, dpi=110)
    print(f"picture: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
