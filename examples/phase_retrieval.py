"""A signal from the magnitudes of its Fourier transforms alone: phase retrieval.

A detector measures intensities, and loses the phases. Eight masks, each of which turns every
sample by 0, 90, 180 or 270 degrees, make the problem solvable: the magnitudes of eight
transforms determine a complex signal up to one global phase, as in coded diffraction imaging
(Candes, Li and Soltanolkotabi, "Phase retrieval from coded diffraction patterns", ACHA 39, 2015).

The loss is real and its parameter complex. dualdiff gives du/dx - i du/dy, the conjugate of the
steepest ascent. SciPy's L-BFGS wants real vectors: a complex array viewed as floats is one.

Run: python examples/phase_retrieval.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import dualdiff as dd

SAMPLES = 128
MASKS = 8


def true_signal():
    """A complex pulse: a bell with a chirp, and a faint echo."""
    t = np.linspace(-1.0, 1.0, SAMPLES)
    pulse = np.exp(-20 * (t + 0.2) ** 2) * np.exp(1j * (12 * t + 25 * t**2))
    return pulse + 0.4 * np.exp(-60 * (t - 0.45) ** 2) * np.exp(-20j * t)


def measured(z, masks):
    """The squared magnitudes of the spectra of the masked signal."""
    return np.abs(np.fft.fft(masks * z, norm="ortho")) ** 2


def loss(z, masks, data):
    """The misfit of the intensities."""
    return np.sum((measured(z, masks) - data) ** 2) / data.size


def spectral_start(masks, data):
    """The leading eigenvector of the measurements, by 50 power iterations."""
    z = np.random.default_rng(1).normal(size=SAMPLES) + 0j
    for _ in range(50):
        spectra = np.fft.fft(masks * z, norm="ortho")
        z = np.sum(np.conj(masks) * np.fft.ifft(data * spectra, norm="ortho"), axis=0)
        z /= np.linalg.norm(z)
    return z * np.sqrt(np.sum(data) / MASKS)


def aligned(z, truth):
    """The signal with the global phase that the measurements cannot know."""
    return z * np.exp(1j * np.angle(np.vdot(z, truth)))


def retrieve(masks, data, truth):
    """Minimise the loss; returns the signal and its relative error after each iteration."""
    value_and_gradient = dd.value_and_grad(loss)

    def objective(flat):
        value, gradient = value_and_gradient(flat.view(complex), masks, data)
        return value, np.conj(gradient).view(float)

    errors = []

    def record(flat):
        z = aligned(flat.view(complex), truth)
        errors.append(np.linalg.norm(z - truth) / np.linalg.norm(truth))

    start = spectral_start(masks, data)
    record(start.view(float))
    options = {"maxiter": 1000, "maxfun": 5000, "ftol": 1e-30, "gtol": 1e-14}
    fit = minimize(
        objective,
        start.view(float),
        jac=True,
        method="L-BFGS-B",
        callback=record,
        options=options,
    )
    return aligned(fit.x.view(complex), truth), np.array(errors)


def draw(z, truth, errors, path):
    """The signal, its phase, and the convergence."""
    figure, (size, phase, convergence) = plt.subplots(1, 3, figsize=(13, 3.8), layout="tight")
    t = np.arange(SAMPLES)
    strong = np.abs(truth) > 0.05
    size.plot(t, np.abs(truth), color="0.6", lw=4, label="truth")
    size.plot(t, np.abs(z), color="C0", lw=1.2, label="recovered")
    size.set(title="Magnitude", xlabel="sample")
    size.legend()
    phase.plot(t[strong], np.angle(truth[strong]), "o", color="0.6", ms=7, label="truth")
    phase.plot(t[strong], np.angle(z[strong]), ".", color="C1", ms=5, label="recovered")
    phase.set(title="Phase, where the signal is not dark", xlabel="sample", ylabel="radians")
    phase.legend()
    convergence.semilogy(errors)
    convergence.set(title="Relative error of the signal", xlabel="iterations of L-BFGS")
    convergence.grid(alpha=0.3)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(folder):
    """Measure, check the gradient, recover, draw."""
    truth = true_signal()
    rng = np.random.default_rng(0)
    masks = 1j ** rng.integers(0, 4, size=(MASKS, SAMPLES))
    data = measured(truth, masks)
    print(f"{data.size} intensities, {SAMPLES} complex unknowns")

    z = truth + 0.1 * rng.normal(size=SAMPLES)
    dd.check_grads(loss, (z, masks, data), argnums=0, order=1)
    step = 1e-6 * np.conj(dd.grad(loss)(z, masks, data))
    assert loss(z - step, masks, data) < loss(z, masks, data), "not a direction of descent"
    print("the gradient agrees with numerical differences, and -conj(gradient) descends")

    z, errors = retrieve(masks, data, truth)
    print(f"relative error: {errors[0]:.2g} at the start, {errors[-1]:.1g} at the end")
    print(f"after {len(errors) - 1} iterations")
    assert errors[-1] < 1e-6, "the signal is not recovered"

    path = folder / "phase_retrieval.png"
    draw(z, truth, errors, path)
    print(f"\npicture: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
