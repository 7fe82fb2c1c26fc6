"""Initial velocities of a fluid that carry smoke into a given shape.

The solver follows Stam, Real-Time Fluid Dynamics for Games, 2003: Gauss-Seidel sweeps make the
velocities free of divergence, and interpolation carries all fields along backwards.
"""

import autograd.numpy as np
from autograd import value_and_grad
from scipy.optimize import minimize

N, STEPS = 16, 10


def project(vx, vy):
    """Remove the divergence of a velocity field."""
    p = np.zeros(vx.shape)
    h = 1.0 / N
    div = (
        -0.5
        * h
        * (
            np.roll(vx, -1, axis=0)
            - np.roll(vx, 1, axis=0)
            + np.roll(vy, -1, axis=1)
            - np.roll(vy, 1, axis=1)
        )
    )
    for _ in range(10):
        p = (
            div
            + np.roll(p, 1, axis=0)
            + np.roll(p, -1, axis=0)
            + np.roll(p, 1, axis=1)
            + np.roll(p, -1, axis=1)
        ) / 4.0
    vx = vx - 0.5 * (np.roll(p, -1, axis=0) - np.roll(p, 1, axis=0)) / h
    vy = vy - 0.5 * (np.roll(p, -1, axis=1) - np.roll(p, 1, axis=1)) / h
    return vx, vy


def advect(f, vx, vy):
    """Move a field along velocities, by linear interpolation at where it came from."""
    rows, cols = f.shape
    ys, xs = np.meshgrid(np.arange(cols), np.arange(rows))
    center_xs, center_ys = (xs - vx).ravel(), (ys - vy).ravel()
    left, top = np.floor(center_xs).astype(int), np.floor(center_ys).astype(int)
    right_weight, bottom_weight = center_xs - left, center_ys - top
    left, right = np.mod(left, rows), np.mod(left + 1, rows)
    top, bottom = np.mod(top, cols), np.mod(top + 1, cols)
    flat = (1 - right_weight) * (
        (1 - bottom_weight) * f[left, top] + bottom_weight * f[left, bottom]
    )
    flat = flat + right_weight * (
        (1 - bottom_weight) * f[right, top] + bottom_weight * f[right, bottom]
    )
    return np.reshape(flat, (rows, cols))


def simulate(vx, vy, smoke):
    for _ in range(STEPS):
        vx, vy = project(advect(vx, vx, vy), advect(vy, vx, vy))
        smoke = advect(smoke, vx, vy)
    return smoke


grid = np.linspace(-1, 1, N)
start = np.exp(-8 * (grid[:, None] ** 2 + grid[None, :] ** 2))
target = np.exp(-8 * ((grid[:, None] - 0.4) ** 2 + 2 * (grid[None, :] + 0.2) ** 2))


def objective(params):
    """The squared distance of the carried smoke from the target."""
    vx, vy = np.reshape(params, (2, N, N))
    return np.mean((target - simulate(vx, vy, start)) ** 2)


result = minimize(
    value_and_grad(objective), np.zeros(2 * N * N), jac=True, method="CG", options={"maxiter": 10}
)
print(
    f"squared error: {objective(np.zeros(2 * N * N)):.6f} at rest, {result.fun:.6f} with velocities"
)
