"""Where were the cameras? Bundle adjustment with 30 cameras and 1,000 points.

Each of the cameras around a scene saw some of its points, with noise in every image. The unknowns
are all cameras (a rotation vector, a shift and a focal length each) and all points, 3,210 numbers.
The points must appear where the cameras saw them, which makes 16,000 residuals. Each residual
depends on one camera and one point, and not on the shift across, so the Jacobian has nine nonzeros
in a row.

dualdiff finds the nonzeros by running the program once, colours the columns of cameras and points
with nine colours, and computes the Jacobian from nine directional derivatives.
`scipy.optimize.least_squares` solves the linear problems by LSMR, which takes the sparse matrix as
it is.

Run: python examples/bundle_adjustment.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import least_squares

import dualdiff as dd

CAMERAS, POINTS, SEEN = 30, 1000, 8
NOISE = 0.5  # pixels
PER_CAMERA = 7


def rotate(points, turns):
    """Rodrigues' formula: each point turned by the length of its vector about its direction."""
    angle = np.linalg.norm(turns, axis=1, keepdims=True)
    axis = turns / angle
    along = np.sum(axis * points, axis=1, keepdims=True)
    cosine, sine = np.cos(angle), np.sin(angle)
    return cosine * points + sine * np.cross(axis, points) + (1.0 - cosine) * along * axis


def project(parameters, camera, point):
    """Where each camera sees its point: one row for each pair."""
    cameras = parameters[: CAMERAS * PER_CAMERA].reshape(CAMERAS, PER_CAMERA)[camera]
    points = parameters[CAMERAS * PER_CAMERA :].reshape(POINTS, 3)[point]
    seen = rotate(points, cameras[:, :3]) + cameras[:, 3:6]
    return cameras[:, 6:] * seen[:, :2] / seen[:, 2:]


def residuals(parameters, camera, point, images):
    return np.ravel(project(parameters, camera, point) - images)


def scene(rng):
    """The true parameters, and which camera saw which point."""
    points = rng.normal(size=(POINTS, 3))
    turns = np.stack([0.1 * rng.normal(size=CAMERAS), np.linspace(-1.0, 1.0, CAMERAS)], axis=1)
    turns = np.column_stack([turns, 0.1 * rng.normal(size=CAMERAS)])
    shifts = np.column_stack([rng.normal(size=(CAMERAS, 2)), np.full(CAMERAS, 12.0)])
    focal = 800.0 + 50.0 * rng.normal(size=(CAMERAS, 1))
    cameras = np.hstack([turns, shifts, focal])
    point = np.repeat(np.arange(POINTS), SEEN)
    camera = np.concatenate(
        [np.sort(rng.choice(CAMERAS, SEEN, replace=False)) for _ in range(POINTS)]
    )
    return np.concatenate([cameras.ravel(), points.ravel()]), camera, point


def error(parameters, camera, point, images):
    """The root of the mean square distance on the images, in pixels."""
    return np.sqrt(np.mean(residuals(parameters, camera, point, images) ** 2))


def main(folder):
    rng = np.random.default_rng(0)
    truth, camera, point = scene(rng)
    images = project(truth, camera, point)
    images = images + NOISE * rng.normal(size=images.shape)
    scale = np.concatenate(
        [np.tile([0.02] * 3 + [0.1] * 3 + [10.0], CAMERAS), np.full(3 * POINTS, 0.1)]
    )
    guess = truth + scale * rng.normal(size=truth.size)
    data = (camera, point, images)

    before = time.perf_counter()
    jacobian = dd.prepare_jacobian(residuals, guess, *data)
    preparation = time.perf_counter() - before
    before = time.perf_counter()
    matrix = jacobian(guess, *data)
    evaluation = time.perf_counter() - before
    print(f"pattern: {matrix.shape[0]} x {matrix.shape[1]}, {matrix.nnz} nonzeros")
    print(jacobian.plan)
    print(f"preparation {preparation:.2f} s, evaluation {1e3 * evaluation:.0f} ms")
    assert matrix.nnz == 2 * len(camera) * (PER_CAMERA - 1 + 3)

    direction = rng.normal(size=guess.size)
    step = 1e-6
    ahead, behind = (residuals(guess + s * direction, *data) for s in (step, -step))
    difference = (ahead - behind) / (2.0 * step)
    mismatch = np.linalg.norm(matrix @ direction - difference) / np.linalg.norm(difference)
    print(f"against central differences in a random direction: {mismatch:.1e}")
    assert mismatch < 1e-6

    before = time.perf_counter()
    fit = least_squares(
        residuals, guess, jac=jacobian, args=data, tr_solver="lsmr", x_scale="jac", max_nfev=50
    )
    seconds = time.perf_counter() - before
    print(f"least_squares: {fit.nfev} evaluations, {fit.njev} Jacobians, {seconds:.1f} s")
    print(f"error: {error(guess, *data):.1f} pixels before, {error(fit.x, *data):.3f} after;")
    print(f"  noise on the images {NOISE} pixels")
    assert error(fit.x, *data) < NOISE
    draw(jacobian, guess, fit.x, data, folder / "bundle_adjustment.png")


def draw(jacobian, guess, found, data, path):
    figure, axes = plt.subplots(1, 3, figsize=(14, 4.6), layout="constrained")
    pattern, colors = jacobian.pattern.tocoo(), jacobian.colors
    rows, cameras = 60, CAMERAS * PER_CAMERA
    some = pattern.row < rows
    style = {"cmap": "tab10", "vmin": 0, "vmax": 9, "linewidths": 0}
    axes[0].scatter(pattern.col, pattern.row, c=colors[pattern.col], s=0.05, **style)
    axes[0].set(
        xlim=(0, pattern.shape[1]),
        ylim=(pattern.shape[0], 0),
        title=f"{pattern.nnz:,} nonzeros in {jacobian.plan.directions} colours",
    )
    axes[1].scatter(pattern.col[some], pattern.row[some], c=colors[pattern.col[some]], s=9, **style)
    axes[1].axvline(cameras - 0.5, color="0.7", lw=0.8)
    axes[1].set(xlim=(-2, cameras + 24), ylim=(rows, -1), title="first rows: cameras | points")
    for ax in axes[:2]:
        ax.set(xlabel="parameter", ylabel="residual")
    for parameters, name in ((guess, "first guess"), (found, "fitted")):
        distances = np.abs(residuals(parameters, *data))
        bins = np.geomspace(1e-3, 1e3, 60)
        axes[2].hist(distances, bins=bins, histtype="step", label=name)
    axes[2].axvline(NOISE, color="0.5", ls=":", label="noise")
    axes[2].set(xscale="log", xlabel="residual in pixels", ylabel="number", title="residuals")
    axes[2].legend()
    figure.savefig(path, dpi=110)
    print(f"picture: {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
