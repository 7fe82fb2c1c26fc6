"""A robot draws a figure: the joints of its arm follow splines, found by one optimisation.

The hand of an arm with seven joints shall draw an eight on a table and point downwards. Seven
joints are more than that needs; of all ways, the one with the least movement is taken. Each joint's
angle is a periodic `scipy.interpolate.CubicSpline` in time; the kinematics is a chain of
`scipy.spatial.transform.Rotation`s, for all moments at once. `least_squares` gets the exact
Jacobian through both.

Run: python examples/robot_arm.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

import dualdiff as dd
from dualdiff.optimize import least_squares

AXES = "zyzyzyz"
LINKS = np.array([0.4, 0.0, 0.5, 0.0, 0.45, 0.0, 0.15])  # metres, each along its own z
KNOTS, TIMES = np.linspace(0.0, 1.0, 13), np.linspace(0.0, 1.0, 36, endpoint=False)
TARGET = np.stack(
    [
        0.55 + 0.12 * np.sin(4 * np.pi * TIMES),
        0.3 * np.sin(2 * np.pi * TIMES),
        np.full(TIMES.size, 0.2),
    ],
    axis=1,
)
UP = np.array([0.0, 0.0, 1.0])


def joints(angles):
    """The places of all joints, of shape (8, moments, 3), and the orientation of the hand."""
    turn = Rotation.from_euler(AXES[0], angles[:, :1])
    place = np.zeros((len(angles), 3))
    places = [place]
    for k in range(7):
        if k:
            turn = turn * Rotation.from_euler(AXES[k], angles[:, k : k + 1])
        place = place + turn.apply(LINKS[k] * UP)
        places.append(place)
    return np.stack(places), turn


def course(values, order=0):
    """The angles at all moments, or a derivative by time, from the values at the knots."""
    closed = np.concatenate([values, values[:1]])
    return CubicSpline(KNOTS, closed, bc_type="periodic")(TIMES, order)


def residuals(values):
    """Misses in place and direction, and the speeds of the joints."""
    places, turn = joints(course(values))
    return {
        "place": 1000.0 * (places[-1] - TARGET),
        "direction": 100.0 * (turn.apply(UP) + UP),
        "speed": 0.01 * course(values, 1),
    }


def main(folder: Path) -> None:
    start = np.tile([0.0, 0.6, 0.1, 1.2, 0.0, 1.3, 0.0], (KNOTS.size - 1, 1))
    found = least_squares(residuals, start, jac="exact", max_nfev=30)
    print(found.derivatives)
    angles = course(found.params)
    places, turn = joints(angles)
    miss = np.max(np.linalg.norm(places[-1] - TARGET, axis=1))
    tilt = np.max(np.degrees(np.arccos(np.clip(-turn.as_matrix()[:, 2, 2], -1.0, 1.0))))
    print(
        f"the hand misses by at most {1e3 * miss:.2f} mm, and tilts by at most {tilt:.2f} degrees"
    )
    assert miss < 0.003
    assert tilt < 1.0

    # How far is the arm from a posture in which some movement gets impossible? The least singular
    # value of the derivative of the hand's place by the angles says so.
    reach = [
        np.linalg.svd(dd.jacobian(lambda a: joints(a[None])[0][-1, 0])(a), compute_uv=False)[-1]
        for a in angles[::3]
    ]
    print(f"least singular value of the kinematics {min(reach):.3f} to {max(reach):.3f} m")

    figure = plt.figure(figsize=(10, 4.4), layout="constrained")
    left = figure.add_subplot(1, 2, 1, projection="3d")
    for k in range(0, TIMES.size, 6):
        left.plot(*places[:, k].T, "-o", ms=2.5, color=plt.cm.viridis(k / TIMES.size))
    left.plot(*places[-1].T, "k", lw=1.2)
    left.plot(*TARGET.T, "C3.", ms=3)
    left.set(xlabel="x [m]", ylabel="y [m]", zlabel="z [m]", title="Six moments")
    left.set_aspect("equal")
    left.view_init(24, -50)
    right = figure.add_subplot(1, 2, 2)
    for k in range(7):
        right.plot(TIMES, np.degrees(angles[:, k]), label=f"joint {k + 1}")
    right.set(xlabel="time [s]", ylabel="angle [°]", title="The joints", ylim=(None, 190))
    right.legend(fontsize=8, ncols=4, loc="upper center")
    path = folder / "robot_arm.png"
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
