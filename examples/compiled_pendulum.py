"""How long is the pendulum, and how much does it rub? Fitted with compiled derivatives.

A damped pendulum is filmed for ten seconds. Its model is a plain Python loop: Runge and Kutta's
method, 500 steps. The five unknowns (gravity over length, friction, drag, first angle and speed)
are fitted to noisy angles by L-BFGS-B. The gradient goes through all steps. `dd.compile` records it
once and replays it as machine code, so that the same fit takes a few milliseconds.

The compiled gradient is compared with the eager one, and the fit with the true values.

Run: python examples/compiled_pendulum.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import dualdiff as dd

STEPS, STEP, EVERY = 500, 0.02, 10
TRUE = np.array([9.0, 0.15, 0.05, 1.2, 0.0])
START = np.array([7.5, 0.05, 0.0, 1.0, 0.2])
NOISE = 0.03
NAMES = ("gravity / length", "friction", "drag", "angle", "speed")


def slope(p, angle, speed):
    """Angular speed and acceleration."""
    return speed, -p[0] * np.sin(angle) - p[1] * speed - p[2] * speed * np.abs(speed)


def swing(p):
    """The angle at the times of the film."""
    angle, speed, film = p[3], p[4], []
    for i in range(STEPS):
        if i % EVERY == 0:
            film.append(angle)
        a1, s1 = slope(p, angle, speed)
        a2, s2 = slope(p, angle + 0.5 * STEP * a1, speed + 0.5 * STEP * s1)
        a3, s3 = slope(p, angle + 0.5 * STEP * a2, speed + 0.5 * STEP * s2)
        a4, s4 = slope(p, angle + STEP * a3, speed + STEP * s3)
        angle = angle + STEP / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        speed = speed + STEP / 6 * (s1 + 2 * s2 + 2 * s3 + s4)
    return dd.numpy.array(film)


times = STEP * EVERY * np.arange(STEPS // EVERY)
angles = np.asarray(swing(TRUE)) + np.random.default_rng(0).normal(scale=NOISE, size=len(times))


def loss(p):
    """Half the sum of squared differences, in units of the noise."""
    return 0.5 * np.sum(((swing(p) - angles) / NOISE) ** 2)


def fit(value_and_gradient):
    """The fit, the losses on its way, and seconds per evaluation."""
    losses = []

    def watched(p):
        value, gradient = value_and_gradient(p)
        losses.append(float(value))
        return value, gradient

    start = time.perf_counter()
    found = minimize(watched, START, jac=True, method="L-BFGS-B", options={"maxiter": 60})
    return found, losses, (time.perf_counter() - start) / len(losses)


def main(folder):
    eager = dd.value_and_grad(loss)
    start = time.perf_counter()
    compiled = dd.compile(eager, START)
    first = time.perf_counter() - start
    for scale in (1.0, 1.01, 1.02, 1.03):
        for got, want in zip(compiled(scale * START), eager(scale * START), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12)

    found, losses, seconds = fit(compiled)
    _, slow_losses, slow = fit(eager)
    np.testing.assert_allclose(losses, slow_losses, rtol=1e-6)
    error = np.abs(found.x - TRUE)
    assert np.all(error < 0.1), error
    print(f"recorded and compiled in {first:.2f} s")
    print(f"an evaluation: eager {1e3 * slow:.1f} ms, compiled {1e6 * seconds:.0f} us")
    for name, value, true in zip(NAMES, found.x, TRUE, strict=True):
        print(f"{name:>17}: {value:7.4f}   true {true:7.4f}")
    print(compiled.report())

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    left.plot(times, angles, "o", ms=4, color="0.4", label="film")
    left.plot(times, swing(START), "--", color="tab:orange", label="start")
    left.plot(times, swing(found.x), color="tab:blue", label="fit")
    left.set(xlabel="time (s)", ylabel="angle (rad)", title="A pendulum with friction and drag")
    left.legend()
    for name, used, color in (
        ("eager", slow, "tab:red"),
        ("compiled", seconds, "tab:blue"),
    ):
        passed = np.maximum.accumulate(used * 1e3 * np.arange(1, len(losses) + 1))
        right.loglog(passed, np.minimum.accumulate(losses), ".-", color=color, label=name)
    right.set(xlabel="time of the fit (ms)", ylabel="loss", title="The same fit, twice")
    right.legend()
    figure.savefig(folder / "compiled_pendulum.png", dpi=120)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
