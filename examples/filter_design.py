"""A digital filter from its frequency response, by the gradient of a real loss through complex
numbers.

Four second-order sections in a row make an eighth-order recursive low-pass filter. Their response
at a frequency w is a rational function of exp(i w): complex. The loss is real: in decibels, the
response should be 0 in the pass band, at most -40 in the stop band and nowhere above 0, and the
group delay (the derivative of the phase with respect to frequency, a derivative inside the loss)
should be even in the pass band. The parameters are real, so the gradient is real, exactly.

The parameters are the radius and angle of each pair of poles, which keeps the poles inside the unit
circle.

Run: python examples/filter_design.py [FOLDER]
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

SECTIONS = 4
PASS = np.linspace(0.0, 0.3 * np.pi, 80)  # radians per sample
BETWEEN = np.linspace(0.3 * np.pi, 0.42 * np.pi, 30)
STOP = np.linspace(0.42 * np.pi, np.pi, 120)
DEPTH = -40.0  # decibels
EVENNESS = 5.0  # weight of the group delay


def start():
    """Poles and zeros spread over the bands, as a dictionary of arrays."""
    return {
        "pole_radius": np.full(SECTIONS, 0.3),
        "pole_angle": np.linspace(0.05, 0.3, SECTIONS) * np.pi,
        "zero_radius": np.full(SECTIONS, 0.9),
        "zero_angle": np.linspace(0.5, 0.95, SECTIONS) * np.pi,
        "gain": np.array(-2.0),
    }


def response(p, w):
    """The complex response of the filter at the frequencies w."""
    z = np.exp(-1j * w)[:, None]
    radius = 0.98 / (1 + np.exp(-p["pole_radius"]))
    zeros = 1 - 2 * p["zero_radius"] * np.cos(p["zero_angle"]) * z + p["zero_radius"] ** 2 * z**2
    poles = 1 - 2 * radius * np.cos(p["pole_angle"]) * z + radius**2 * z**2
    return np.exp(p["gain"]) * np.prod(zeros / poles, axis=1)


def decibels(h):
    """The size of a response."""
    return 10 * np.log10(np.abs(h) ** 2 + 1e-12)


def group_delay(p, w):
    """``-d arg h / dw``, the derivative of the phase: forward mode along the frequencies."""
    h, dh = dd.jvp(lambda w: response(p, w), (w,), (np.ones_like(w),))
    return -np.imag(dh / h)


def loss(p):
    """The distance of the filter from its specification."""
    ripple = decibels(response(p, PASS))
    leak = np.maximum(decibels(response(p, STOP)) - DEPTH, 0)
    bump = np.maximum(decibels(response(p, BETWEEN)), 0)
    uneven = EVENNESS * np.var(group_delay(p, PASS))
    return np.mean(ripple**2) + np.mean(leak**2) / 4 + np.mean(bump**2) + uneven


def design():
    """The best filter that L-BFGS finds, and the loss after each iteration."""
    flat, unravel = dd.trees.ravel(start())
    objective = dd.value_and_grad(lambda q: loss(unravel(q)))
    losses = [loss(start())]
    fit = minimize(
        objective,
        flat,
        jac=True,
        method="L-BFGS-B",
        callback=lambda q: losses.append(loss(unravel(q))),
        options={"maxiter": 400, "maxfun": 1500},
    )
    return unravel(fit.x), losses


def draw(p, losses, path):
    """Response, group delay, poles and zeros, convergence."""
    figure, axes = plt.subplots(2, 2, figsize=(11, 7.5), layout="tight")
    size, plane, delay, convergence = axes.flat
    w = np.linspace(0, np.pi, 500)
    for q, label, style in ((start(), "start", "--"), (p, "designed", "-")):
        size.plot(w / np.pi, decibels(response(q, w)), style, label=label)
        delay.plot(PASS / np.pi, group_delay(q, PASS), style, label=label)
    size.axvspan(0, PASS[-1] / np.pi, color="C2", alpha=0.15, label="pass band")
    size.axvspan(STOP[0] / np.pi, 1, color="C3", alpha=0.12, label="stop band")
    size.axhline(DEPTH, color="0.5", lw=0.8)
    size.set(title="Response", xlabel="frequency / pi", ylabel="decibels", ylim=(-80, 10))
    size.legend(fontsize=8)
    delay.set(title="Group delay in the pass band", xlabel="frequency / pi", ylabel="samples")
    delay.legend()
    radius = 0.98 / (1 + np.exp(-p["pole_radius"]))
    for sign in (1, -1):
        poles = radius * np.exp(sign * 1j * p["pole_angle"])
        zeros = p["zero_radius"] * np.exp(sign * 1j * p["zero_angle"])
        plane.plot(poles.real, poles.imag, "x", color="C0")
        plane.plot(zeros.real, zeros.imag, "o", color="C1", mfc="none")
    circle = np.exp(1j * np.linspace(0, 2 * np.pi, 200))
    plane.plot(circle.real, circle.imag, color="0.7", lw=0.8)
    plane.set(title="Poles (x) and zeros (o)", aspect="equal")
    convergence.semilogy(losses)
    convergence.set(title="Loss", xlabel="iterations of L-BFGS")
    convergence.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(folder):
    """Check the gradient, design, report, draw."""
    dd.check_grads(loss, (start(),), order=1)
    gradient = dd.grad(loss)(start())
    assert all(g.dtype == float for g in gradient.values()), "a real loss has a real gradient"
    print("the gradient is real and agrees with numerical differences")

    p, losses = design()
    ripple = np.ptp(decibels(response(p, PASS)))
    leak = np.max(decibels(response(p, STOP)))
    print(f"loss {losses[0]:.1f} -> {losses[-1]:.3g} in {len(losses) - 1} iterations")
    print(f"pass band: ripple {ripple:.2f} dB; stop band: at most {leak:.1f} dB")
    spread = [float(np.std(group_delay(q, PASS))) for q in (start(), p)]
    print(f"group delay: standard deviation {spread[0]:.2f} -> {spread[1]:.2f} samples")
    assert losses[-1] < 0.05 * losses[0], "no filter was found"
    assert leak < -25, "the stop band leaks"

    path = folder / "filter_design.png"
    draw(p, losses, path)
    print(f"\npicture: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
