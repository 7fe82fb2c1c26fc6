"""What is inside the plate? Its conductivity, recovered from a few thermometers.

A square plate is heated at its four edges in turn, and 25 thermometers on it are read at intervals.
The solver is the explicit scheme as a NumPy user writes it: each step overwrites the temperatures,
`u[1:-1, 1:-1] += ...`, sets the edges, and stores readings into an array. dualdiff differentiates
it unchanged; only the arrays that it fills come from `dd.numpy.zeros`.

The unknown is the conductivity of each of 144 cells. L-BFGS-B fits it to noisy readings, with a
penalty on roughness. The gradient is checked against numdifftools, and its cost compared with the
145 simulations that finite differences would need.

Run: python examples/heat_equation.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numdifftools
import numpy as np
from scipy.optimize import OptimizeResult, minimize

import dualdiff as dd

CELLS = 12  # along each side, without the edges
STEPS = 90  # for each of the four edges
EVERY = 9  # steps from one reading to the next
SPACING = 1.0 / (CELLS + 1)
TIME_STEP = 0.08 * SPACING**2  # stable while no conductivity exceeds 3
NOISE = 0.01  # standard deviation of a reading; the hot edge has temperature 1
ROUGHNESS = 30.0  # weight of the penalty

EDGES = [np.s_[0, :], np.s_[:, -1], np.s_[-1, :], np.s_[:, 0]]
SENSORS = tuple(np.meshgrid([2, 4, 6, 9, 11], [2, 4, 6, 9, 11], indexing="ij"))
TIMES = TIME_STEP * np.arange(EVERY, 4 * STEPS + 1, EVERY)


def simulate(log_conductivity):
    """The readings of all thermometers, one row for each time."""
    k = np.pad(np.exp(log_conductivity), 1, mode="edge")
    # Between two cells heat passes one after the other: the harmonic mean.
    down = 2 * k[1:, 1:-1] * k[:-1, 1:-1] / (k[1:, 1:-1] + k[:-1, 1:-1])
    right = 2 * k[1:-1, 1:] * k[1:-1, :-1] / (k[1:-1, 1:] + k[1:-1, :-1])
    ratio = TIME_STEP / SPACING**2

    u = dd.numpy.zeros(k.shape)
    readings = dd.numpy.zeros((len(TIMES), *SENSORS[0].shape))
    step = 0
    for hot in EDGES:
        for edge in EDGES:
            u[edge] = 0.0
        u[hot] = 1.0
        for _ in range(STEPS):
            flow_down = down * (u[:-1, 1:-1] - u[1:, 1:-1])
            flow_right = right * (u[1:-1, :-1] - u[1:-1, 1:])
            u[1:-1, 1:-1] += ratio * (flow_down[:-1] - flow_down[1:])
            u[1:-1, 1:-1] += ratio * (flow_right[:, :-1] - flow_right[:, 1:])
            step += 1
            if step % EVERY == 0:
                readings[step // EVERY - 1] = u[SENSORS]
    return readings


def misfit(log_conductivity, data):
    """Half the squared errors of the readings in units of the noise, and the penalty."""
    m = log_conductivity.reshape(CELLS, CELLS)
    errors = (simulate(m) - data) / NOISE
    roughness = np.sum(np.diff(m, axis=0) ** 2) + np.sum(np.diff(m, axis=1) ** 2)
    return 0.5 * np.sum(errors**2) + 0.5 * ROUGHNESS * roughness


def true_field() -> np.ndarray:
    """The logarithm of the true conductivity: an insulating and a conducting spot."""
    y, x = np.meshgrid(*2 * [np.arange(1, CELLS + 1) * SPACING], indexing="ij")
    insulating = np.exp(-((x - 0.3) ** 2 + (y - 0.35) ** 2) / 0.03)
    conducting = np.exp(-((x - 0.68) ** 2 + (y - 0.65) ** 2) / 0.04)
    return conducting - 1.2 * insulating


def error_of(m: np.ndarray) -> float:
    """The root mean square error of a logarithm of the conductivity."""
    return float(np.sqrt(np.mean((m.ravel() - true_field().ravel()) ** 2)))


def check_gradient(m: np.ndarray, data: np.ndarray) -> None:
    """Some entries of the gradient against numdifftools, which extrapolates differences."""
    gradient = dd.grad(misfit)(m, data)
    for i in np.linspace(0, m.size - 1, 5).astype(int):

        def along(step: float, i: int = i) -> float:
            moved = m.copy()
            moved[i] += step
            return misfit(moved, data)

        expected = float(numdifftools.Derivative(along)(0.0))
        difference = abs(gradient[i] - expected) / np.max(np.abs(gradient))
        print(f"gradient, cell {i:3d}: {gradient[i]:12.6f}, numdifftools {expected:12.6f}")
        assert difference < 1e-7, "the gradient is wrong"


def fit(data: np.ndarray) -> tuple[np.ndarray, list[float], list[float]]:
    """The fitted field; the objective and the error of the field after each iteration."""
    start = np.zeros(CELLS**2)
    objective, error = [float(misfit(start, data))], [error_of(start)]

    def note(intermediate_result: OptimizeResult) -> None:
        objective.append(float(intermediate_result.fun))
        error.append(error_of(intermediate_result.x))

    result = minimize(
        dd.value_and_grad(misfit),
        start,
        args=(data,),
        jac=True,
        method="L-BFGS-B",
        bounds=[(np.log(0.1), np.log(3.0))] * len(start),
        callback=note,
        options={"maxiter": 300, "gtol": 1e-2, "ftol": 1e-7},
    )
    print(f"L-BFGS-B: {result.nit} iterations, {result.nfev} gradients")
    assert result.success, result.message
    return result.x.reshape(CELLS, CELLS), objective, error


def print_costs(m: np.ndarray, data: np.ndarray) -> None:
    """The cost of the gradient, in simulations."""
    gradient = dd.value_and_grad(misfit)
    times: list[tuple[float, float]] = []
    for _ in range(5):
        start = time.perf_counter()
        misfit(m, data)
        middle = time.perf_counter()
        gradient(m, data)
        times.append((middle - start, time.perf_counter() - middle))
    one, both = np.median(times, axis=0)
    print(
        f"a simulation takes {one * 1e3:.1f} ms, with gradient {both * 1e3:.0f} ms: "
        f"{both / one:.0f} simulations, not {m.size + 1}"
    )
    assert both < (m.size + 1) * one, "the gradient costs more than finite differences"


def draw(
    fitted: np.ndarray,
    data: np.ndarray,
    objective: list[float],
    error: list[float],
    path: Path,
) -> None:
    """Both fields, some readings, and the convergence."""
    figure, axes = plt.subplots(2, 2, figsize=(11, 9), layout="constrained")
    fields = {"True conductivity": true_field(), "Recovered from the readings": fitted}
    extent = (0.5 * SPACING, 1 - 0.5 * SPACING, 1 - 0.5 * SPACING, 0.5 * SPACING)
    largest = float(np.exp(true_field()).max())
    for axis, (title, field) in zip(axes[0], fields.items(), strict=True):
        image = axis.imshow(np.exp(field), extent=extent, vmin=0, vmax=largest, cmap="viridis")
        y, x = (s * SPACING for s in SENSORS)
        axis.plot(x.ravel(), y.ravel(), "o", mfc="none", mec="white", ms=6)
        axis.set_title(title)
        axis.set_xlabel("x")
        axis.set_ylabel("y")
    figure.colorbar(image, ax=axes[0], label="conductivity (circles: thermometers)")

    model, flat = simulate(fitted), simulate(np.zeros_like(fitted))
    readings = axes[1, 0]
    for n, (row, column) in enumerate([(0, 2), (1, 1), (3, 3)]):
        name = f"({SENSORS[1][row, column] * SPACING:.2f}, {SENSORS[0][row, column] * SPACING:.2f})"
        readings.plot(TIMES, data[:, row, column], ".", color=f"C{n}")
        readings.plot(TIMES, model[:, row, column], color=f"C{n}", label=f"at {name}")
        readings.plot(TIMES, flat[:, row, column], ":", color=f"C{n}", linewidth=1)
    for n, side in enumerate(("top", "right", "bottom", "left")):
        begin = n * STEPS * TIME_STEP
        readings.axvline(begin, color="0.8", linewidth=1, zorder=0)
        readings.text(begin, 1.01, f" {side}", transform=readings.get_xaxis_transform())
    readings.set_xlabel("time (above: which edge is hot)")
    readings.set_ylabel("temperature")
    readings.set_title("Readings (dots), fit (lines), uniform plate (dotted)", pad=22)
    readings.legend(title="thermometer")

    convergence = axes[1, 1]
    (left,) = convergence.semilogy(objective, "o-", ms=3, color="C0", label="objective (left)")
    convergence.set_xlabel("iterations")
    convergence.set_ylabel("objective: misfit and penalty")
    other = convergence.twinx()
    (right,) = other.plot(error, "s-", ms=3, color="C1", label="error of the field (right)")
    other.set_ylabel("root mean square error of log conductivity")
    other.set_ylim(0, None)
    convergence.set_title("Convergence of L-BFGS-B", pad=22)
    convergence.legend(handles=[left, right])
    convergence.grid(alpha=0.3)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(folder: Path) -> None:
    """Make data, check the gradient, fit, compare with the truth, draw."""
    truth = true_field()
    exact = simulate(truth)
    data = exact + NOISE * np.random.default_rng(0).normal(size=exact.shape)
    print(f"{data.size} readings of {SENSORS[0].size} thermometers, {truth.size} unknowns")
    check_gradient(np.full(truth.size, 0.1), data)

    print_costs(truth.ravel(), data)
    solution, objective, error = fit(data)
    residual = float(np.sqrt(np.mean((simulate(solution) - data) ** 2))) / NOISE
    correlation = float(np.corrcoef(solution.ravel(), truth.ravel())[0, 1])
    print(f"the readings are fitted to {residual:.2f} times their noise")
    print(f"error of the field: {error[-1] / error[0]:.2f} of that of a uniform plate")
    print(f"correlation with the true field: {correlation:.3f}")
    assert 0.85 < residual < 1.1, "the readings are not fitted to their noise"
    assert error[-1] < 0.3 * error[0], "the field is not recovered"
    assert correlation > 0.95, "the field is not recovered"

    path = folder / "heat_equation.png"
    draw(solution, data, objective, error, path)
    print(f"\npicture: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
