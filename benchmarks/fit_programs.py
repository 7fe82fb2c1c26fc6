"""Fits of fourteen kinds of program, each as a function of the module whose solvers it calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import fft
from scipy.integrate import solve_ivp
from scipy.linalg import cho_solve, cholesky
from scipy.spatial.transform import Rotation

Fit = Callable[[Any], Any]  # which takes the module whose functions it calls
RNG = np.random.default_rng(0)

HOURS = np.array([0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0])


def concentrations(logs: Any) -> Any:
    """Pharmacokinetics: a drug in the gut and in the blood, which lose it."""
    absorbed, lost, volume = np.exp(logs)

    def slope(_: Any, y: Any) -> Any:
        return np.stack([-absorbed * y[0], absorbed * y[0] - lost * y[1] / (1.0 + 0.1 * y[1])])

    found = solve_ivp(slope, (0.0, 12.0), [10.0, 0.0], t_eval=HOURS, rtol=1e-7, atol=1e-7)
    return np.log(found.y[1] / volume)


DRUG = concentrations(np.array([0.2, -1.0, 0.5]))

POINTS = np.linspace(0.0, 8.0, 60)
DISTANCE = np.abs(POINTS[:, None] - POINTS)
READINGS = np.sin(POINTS) + 0.1 * RNG.normal(size=60)


def evidence(logs: Any) -> Any:
    """Gaussian process: the negative log-likelihood of three hyperparameters."""
    height, length, noise = np.exp(logs)
    covariance = height**2 * np.exp(-0.5 * (DISTANCE / length) ** 2) + noise**2 * np.eye(60)
    factor = cholesky(covariance, lower=True)
    weights = cho_solve((factor, True), READINGS)
    return 0.5 * READINGS @ weights + np.sum(np.log(np.diag(factor)))


WALK = np.cumsum(np.cumsum(0.1 * RNG.normal(size=60))) + 0.5 * RNG.normal(size=60)


def innovations(logs: Any) -> Any:
    """Kalman filter: the negative log-likelihood of a drift and a noise."""
    drift, noise = np.exp(logs)
    move = np.array([[1.0, 1.0], [0.0, 1.0]])
    mean, covariance, total = np.zeros(2), 10.0 * np.eye(2), 0.0
    for y in WALK:
        mean, covariance = move @ mean, move @ covariance @ move.T + drift * np.eye(2)
        variance = covariance[0, 0] + noise
        miss, gain = y - mean[0], covariance[:, 0] / variance
        total = total + np.log(variance) + miss**2 / variance
        mean, covariance = mean + gain * miss, covariance - np.outer(gain, covariance[0])
    return 0.5 * total


def effort(pushes: Any) -> Any:
    """Model-predictive control: a pendulum is brought to rest by 20 pushes."""
    angle, speed, total = 1.0, 0.0, 0.0
    for push in pushes:
        speed = speed + 0.1 * (push - np.sin(angle))
        angle = angle + 0.1 * speed
        total = total + angle**2 + 0.1 * speed**2 + 0.01 * push**2
    return total


ENERGY = np.linspace(0.0, 10.0, 400)


def spectrum(p: Any) -> Any:
    """Spectroscopy: ten peaks with thirty parameters."""
    heights, centres, widths = p.reshape(3, 10)
    peaks = heights * np.exp(-0.5 * ((ENERGY[:, None] - centres) / widths) ** 2)
    return np.sum(peaks, axis=1)


PEAKS = np.concatenate([np.ones(10), np.arange(10.0) + 0.5, np.full(10, 0.3)])
MEASURED = spectrum(PEAKS * (1 + 0.05 * np.sin(np.arange(30.0))))


def temperatures(logs: Any) -> Any:
    """Inverse problem: the temperature in a rod whose conductivity is sought in 20 cells."""
    conductivity = np.exp(logs)
    stiffness = np.diag(conductivity[:-1] + conductivity[1:])
    stiffness = stiffness - np.diag(conductivity[1:-1], 1) - np.diag(conductivity[1:-1], -1)
    return np.linalg.solve(stiffness, np.full(19, 0.1))


WARMTH = temperatures(0.3 * np.sin(np.arange(20.0)))
SHOCKS = RNG.normal(size=(20000, 2))


def payoff(p: Any) -> Any:
    """Monte Carlo: the mean of a smooth payoff over simulated prices, against two quotes."""
    drift, volatility = p
    prices = np.exp(drift + volatility * SHOCKS[:, 0])
    quotes = np.mean(np.logaddexp(0.0, prices[:, None] - np.array([0.8, 1.2])), axis=0)
    return np.sum((quotes - np.array([0.9, 0.7])) ** 2)


TARGET = np.array([0.5, 0.3, 0.4])


def reach(angles: Any) -> Any:
    """Robotics: the miss of the hand of an arm with six joints."""
    turn, place = Rotation.identity(), np.zeros(3)
    for axis, angle in zip("zyzyzy", angles, strict=True):
        turn = turn * Rotation.from_euler(axis, angle)
        place = place + turn.apply(np.array([0.0, 0.0, 0.2]))
    return np.concatenate([10.0 * (place - TARGET), 0.01 * angles])


NODES, WEIGHTS = np.polynomial.legendre.leggauss(80)
NODES, WEIGHTS = 6.0 * (1.0 + NODES) / (1.0 - NODES), 12.0 * WEIGHTS / (1.0 - NODES) ** 2
STRIKES, MATURITIES = np.linspace(0.8, 1.2, 7), np.array([0.25, 0.5, 1.0])[:, None, None]


def prices(p: Any) -> Any:
    """Options: Heston's prices by Lewis's integral, five parameters."""
    start, mean, speed, wild, slant = p
    u = NODES - 0.5j
    b = speed - slant * wild * 1j * u
    d = np.sqrt(b**2 + wild**2 * (u**2 + 1j * u))
    g, decay = (b - d) / (b + d), np.exp(-d * MATURITIES)
    swing = (b - d) * MATURITIES - 2.0 * np.log((1.0 - g * decay) / (1.0 - g))
    now = (b - d) * (1.0 - decay) / (1.0 - g * decay)
    law = np.exp((speed * mean * swing + start * now) / wild**2)
    waves = np.exp(-1j * NODES * np.log(STRIKES)[:, None]) * law / (NODES**2 + 0.25)
    return np.ravel(1.0 - np.sqrt(STRIKES) / np.pi * np.sum(WEIGHTS * np.real(waves), axis=-1))


QUOTES = prices(np.array([0.05, 0.06, 2.0, 0.5, -0.65]))
HESTON = {"x0": [0.1, 0.1, 1.0, 0.3, -0.2], "x_scale": "jac"}
HESTON_BOUNDS = ([1e-3, 1e-3, 0.05, 0.01, -0.99], [1.0, 1.0, 20.0, 5.0, 0.99])

SPREAD = fft.rfft2(fft.ifftshift(np.exp(-0.2 * np.add.outer(*[np.arange(-8.0, 8.0) ** 2] * 2))))
PHOTOGRAPH = RNG.normal(size=(16, 16))


def blur(image: Any) -> Any:
    """Deblurring: the misfit of an image of 256 pixels, and its roughness."""
    image = image.reshape(16, 16)
    misfit = np.sum((fft.irfft2(fft.rfft2(image) * SPREAD, s=image.shape) - PHOTOGRAPH) ** 2)
    return misfit + 1e-2 * np.sum((np.roll(image, 1, 0) - image) ** 2)


RETURNS = RNG.normal(size=300)


def volatility(p: Any) -> Any:
    """GARCH(1, 1): the negative log-likelihood, by a loop."""
    floor, shock, memory = p
    variance, total = 1.0, 0.0
    for r in RETURNS:
        variance = floor + shock * r * r + memory * variance
        total = total + np.log(variance) + r * r / variance
    return total


AMOUNTS = np.array([1.0, 0.5, 0.2])
FORMULAS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 2, 1]])
LOG_CONSTANTS = np.array([0.0, 0.0, 0.0, 2.0, 3.0, 1.0])


def balances(logs: Any) -> Any:
    """Chemistry: three components in six species, whose amounts are known."""
    return FORMULAS.T @ np.exp(LOG_CONSTANTS + FORMULAS @ logs) - AMOUNTS


WAVES = np.linspace(420.0, 680.0, 40)
INDICES = [1.38, 2.1, 1.38, 2.1, 1.38, 2.1]


def glare(thicknesses: Any) -> Any:
    """Thin films: the mean reflectance of glass with six layers."""
    field, current = np.ones(40, complex), np.full(40, 1.52 + 0j)
    for index, thickness in zip(INDICES, thicknesses, strict=True):
        phase = 2.0 * np.pi * index * thickness / WAVES
        field, current = (
            np.cos(phase) * field + 1j * np.sin(phase) / index * current,
            1j * index * np.sin(phase) * field + np.cos(phase) * current,
        )
    return 100.0 * np.mean(np.abs((field - current) / (field + current)) ** 2)


EDGES = -np.cos(np.linspace(0.0, np.pi, 31))
MIDDLES = 0.5 * (EDGES[1:] + EDGES[:-1])
GAPS = 1.0 / (MIDDLES[:, None] - EDGES)
INDUCED = (GAPS[:, 1:] - GAPS[:, :-1]) / (4.0 * np.pi)


def circulation(twist: Any) -> Any:
    """The vortices of a wing with a twist by five cosines."""
    modes = np.cos(np.outer(2 * np.arange(5), np.arccos(MIDDLES)))
    return np.linalg.solve(np.eye(30) - 3.0 * INDUCED, np.sin(0.05 + twist @ modes))


def drag(twist: Any) -> Any:
    """Vortex lattice: the induced drag of a wing."""
    vortices = circulation(twist)
    return -1e3 * np.sum(vortices * (INDUCED @ vortices) * np.diff(EDGES))


def lifted(twist: Any) -> Any:
    """The lift of the wing, less the one that is wanted."""
    return np.sum(circulation(twist) * np.diff(EDGES)) - 0.1


BAND = [(1e-3, None), (0.0, 1.0), (0.0, 1.0)]
PROGRAMS: dict[str, Fit] = {
    "pharmacokinetics": lambda m: m.least_squares(lambda p: concentrations(p) - DRUG, np.zeros(3)),
    "Gaussian process": lambda m: m.minimize(evidence, np.zeros(3), method="L-BFGS-B"),
    "Kalman filter": lambda m: m.minimize(innovations, [-2.0, -2.0], method="L-BFGS-B"),
    "model-predictive control": lambda m: m.minimize(
        effort, np.zeros(20), method="SLSQP", bounds=[(-1.0, 1.0)] * 20
    ),
    "spectroscopy": lambda m: m.least_squares(lambda p: spectrum(p) - MEASURED, PEAKS),
    "inverse problem": lambda m: m.least_squares(
        lambda p: np.concatenate([temperatures(p) - WARMTH, 1e-3 * np.diff(p)]), np.zeros(20)
    ),
    "Monte Carlo": lambda m: m.minimize(payoff, [0.0, 0.2], method="BFGS"),
    "robotics": lambda m: m.least_squares(reach, np.full(6, 0.3)),
    "options": lambda m: m.least_squares(
        lambda p: 1e2 * (prices(p) - QUOTES), bounds=HESTON_BOUNDS, **HESTON
    ),
    "deblurring": lambda m: m.minimize(blur, PHOTOGRAPH.ravel(), method="L-BFGS-B"),
    "GARCH": lambda m: m.minimize(volatility, [0.2, 0.1, 0.7], method="L-BFGS-B", bounds=BAND),
    "chemistry": lambda m: m.root(balances, np.full(3, -1.0)),
    "thin films": lambda m: m.minimize(
        glare, np.full(6, 80.0), method="L-BFGS-B", bounds=[(8.0, 250.0)] * 6
    ),
    "vortex lattice": lambda m: m.minimize(
        drag, np.zeros(5), method="SLSQP", constraints={"type": "eq", "fun": lifted}
    ),
}
