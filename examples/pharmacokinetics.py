"""How fast is a drug absorbed, and how sure is that? Two compartments, fitted to blood samples.

A tablet goes into the gut, from there into the blood, back and forth to the tissue, and out through
the kidneys, which saturate: no formula gives the concentration. `solve_ivp` computes it, and
`least_squares` fits five parameters to twelve noisy samples of one patient, with the exact
Jacobian: `dd.jacobian(residuals)`, of the program as it stands. The Jacobian at the fit gives the
standard errors, and the errors of a prediction for a second dose.

A derivative goes through the fit as well: how does each blood sample move the estimate of the
absorption rate? That is the derivative of `least_squares(...).x`, which dualdiff takes by the
equations that the fit solves. The samples that move it most are the ones to be taken with care.

Run: python examples/pharmacokinetics.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

import dualdiff as dd

DOSE = 100.0  # mg
NAMES = ["absorption", "to tissue", "from tissue", "elimination", "volume"]
UNITS = ["1/h", "1/h", "1/h", "mg/(l h)", "l"]
TRUE = np.array([1.2, 0.5, 0.25, 2.5, 20.0])
HALF = 1.5  # mg/l, at which the kidneys work with half of their power
TIMES = np.array([0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 16.0])
NOISE = 0.05  # relative error of a measurement
GUESS = np.log([0.5, 0.2, 0.2, 1.0, 30.0])


def concentrations(logs, times, doses=((0.0, DOSE),)):
    """The drug in the blood, in mg/l, at some times, for doses at given times."""
    ka, k12, k21, vmax, volume = np.exp(logs)

    def slope(t, y):
        gut, blood, tissue = y
        c = blood / volume
        out = volume * vmax * c / (HALF + c)
        return np.stack(
            [-ka * gut, ka * gut - k12 * blood + k21 * tissue - out, k12 * blood - k21 * tissue]
        )

    state, parts = np.array([0.0, 0.0, 0.0]), []
    ends = [*(t for t, _ in doses[1:]), times[-1]]
    for (start, dose), end in zip(doses, ends, strict=True):
        state = state + np.array([dose, 0.0, 0.0])
        last = end == ends[-1]
        inside = times[(times >= start) & ((times < end) | last)]
        at = inside if last else np.append(inside, end)
        found = solve_ivp(slope, (start, end), state, t_eval=at, rtol=1e-7, atol=1e-7)
        parts.append(found.y[1, : len(inside)] / volume)
        state = found.y[:, -1]
    return np.concatenate(parts)


def residuals(logs, samples):
    """The errors of the logarithms, in standard deviations."""
    return (np.log(concentrations(logs, TIMES)) - np.log(samples)) / NOISE


jacobian = dd.jacobian(residuals)


def fit(samples, start=GUESS):
    """SciPy's result, in which x holds the logarithms of the parameters with the least squares."""
    return least_squares(residuals, start, jac=jacobian, args=(samples,), xtol=1e-10, ftol=1e-10)


def main(folder: Path) -> None:
    rng = np.random.default_rng(4)
    samples = concentrations(np.log(TRUE), TIMES) * np.exp(NOISE * rng.normal(size=TIMES.size))

    found = fit(samples)
    rough = least_squares(residuals, GUESS, args=(samples,), xtol=1e-10, ftol=1e-10)
    wrong = np.abs(rough.jac - jacobian(rough.x, samples)).max() / np.abs(rough.jac).max()
    print(f"{found.njev} exact Jacobians led to the fit; {found.message}")
    print(f"SciPy's Jacobian by differences is off by {wrong:.0e} of its largest element")

    slopes = jacobian(found.x, samples)
    covariance = np.linalg.inv(slopes.T @ slopes)
    errors = np.sqrt(np.diag(covariance))
    print("\nparameter        true   estimate   standard error")
    for name, unit, true, log, error in zip(NAMES, UNITS, TRUE, found.x, errors, strict=True):
        value = np.exp(log)
        print(f"{name:12s} {true:8.2f} {value:10.2f} {value * error:12.2f} {unit}")

    # A second dose after the last sample: its prediction, with the error of the parameters.
    doses = ((0.0, DOSE), (TIMES[-1], DOSE))
    later = np.linspace(0.05, 28.0, 200)
    predicted = concentrations(found.x, later, doses)
    moves = dd.jacobian(lambda logs: concentrations(logs, later, doses))(found.x)
    band = np.sqrt(np.einsum("ti,ij,tj->t", moves, covariance, moves))

    # The derivative of the estimates by the samples, through the fit, which begins at its end.
    influence = dd.jacobian(lambda logs: fit(np.exp(logs), found.x).x)(np.log(samples))
    shift = 0.01
    moved = samples.copy()
    moved[2] *= np.exp(shift)
    check = (fit(moved, found.x).x - found.x)[0] / shift
    print(f"\nsample 3 moves absorption by {influence[0, 2]:.3f}, by a second fit {check:.3f}")

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    left.fill_between(later, predicted - 2 * band, predicted + 2 * band, alpha=0.25, lw=0)
    left.plot(later, predicted, label="fit and prediction, two standard errors")
    left.plot(later, concentrations(np.log(TRUE), later, doses), "--", lw=1, label="truth")
    left.plot(TIMES, samples, "o", ms=5, label="blood samples")
    left.axvline(TIMES[-1], color="0.6", lw=0.8)
    left.annotate("second dose", (TIMES[-1] + 0.2, 2.1), color="0.4")
    left.set(xlabel="hours", ylabel="mg/l", ylim=(0, 3.1), title="Concentration in the blood")
    left.legend(loc="upper left", fontsize=8)
    for row, name in enumerate(NAMES):
        right.plot(TIMES, influence[row], "o-", ms=4, label=name)
    right.axhline(0.0, color="0.6", lw=0.8)
    right.set(
        xlabel="hour of the sample",
        ylabel="change in %, for 1 % more in the sample",
        title="Influence of each sample on the estimates",
        ylim=(-2.2, 3.2),
    )
    right.legend(loc="upper center", ncols=3, fontsize=8)
    path = folder / "pharmacokinetics.png"
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
