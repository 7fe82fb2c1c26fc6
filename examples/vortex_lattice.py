"""The twist that lets a wing fly with the least drag, by a vortex lattice.

Horseshoe vortices along the quarter chord carry the lift; their strengths solve a linear system in
which no air goes through the wing (Katz and Plotkin, Low-Speed Aerodynamics, 2001, chapter 12). The
twist of the sections is free; the induced drag shall be least while the lift stays. `SLSQP` gets
exact gradients of both through `numpy.linalg.solve`. Theory knows the answer: an elliptic loading
(Prandtl, 1918), whatever the plan of the wing.

Run: python examples/vortex_lattice.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from dualdiff.optimize import minimize

SPAN, ROOT, TIP, SWEEP = 12.0, 1.6, 0.7, np.radians(20.0)
PANELS, LIFT = 40, 0.5
STEPS = np.linspace(0.0, np.pi, 2 * PANELS + 1)
EDGES, MIDDLES = 0.5 * SPAN * -np.cos(STEPS[::2]), 0.5 * SPAN * -np.cos(STEPS[1::2])
WIDTHS = np.diff(EDGES)
AREA = 0.5 * SPAN * (ROOT + TIP)


def chord(y):
    """The depth of the wing at a station."""
    return ROOT + (TIP - ROOT) * np.abs(y) / (0.5 * SPAN)


def quarter(y):
    """The place of the quarter chord, downstream."""
    return 0.25 * ROOT + np.tan(SWEEP) * np.abs(y)


def induced(points):
    """The downwash of all horseshoes of unit strength, one column each, at points (x, y)."""
    a = np.stack([quarter(EDGES[:-1]), EDGES[:-1]])
    b = np.stack([quarter(EDGES[1:]), EDGES[1:]])
    r1, r2 = points[:, :, None] - a[:, None], points[:, :, None] - b[:, None]
    n1, n2, along = np.hypot(*r1), np.hypot(*r2), (b - a)[:, None]
    across = r1[0] * r2[1] - r1[1] * r2[0]
    bound = np.sum(along * (r1 / n1 - r2 / n2), axis=0) / across
    wake = (1.0 + r2[0] / n2) / r2[1] - (1.0 + r1[0] / n1) / r1[1]
    return (bound + wake) / (4.0 * np.pi)


CONTROL = np.stack([quarter(MIDDLES) + 0.5 * chord(MIDDLES), MIDDLES])
NORMAL = induced(CONTROL)
# Far behind the wing, where drag is computed, there are two straight vortices for each panel.
GAPS = MIDDLES[:, None] - EDGES
FAR = (1.0 / GAPS[:, 1:] - 1.0 / GAPS[:, :-1]) / (2.0 * np.pi)


def strengths(p):
    """The circulations, for an angle of attack and a twist by cosines, at unit speed."""
    angle = np.arccos(np.abs(MIDDLES) / (0.5 * SPAN) * 0.999)
    modes = np.cos(np.outer(np.arange(1, p["twist"].size + 1) * 2, angle))
    return np.linalg.solve(NORMAL, -np.sin(p["attack"] + p["twist"] @ modes))


def lift(p):
    """The coefficient of lift."""
    return 2.0 * np.sum(strengths(p) * WIDTHS) / AREA


def drag(p):
    """The coefficient of induced drag in units of 1e-4, in the Trefftz plane."""
    circulation = strengths(p)
    return 1e4 * -np.sum(circulation * (FAR @ circulation) * WIDTHS) / AREA


def main(folder: Path) -> None:
    start = {"attack": np.radians(5.0), "twist": np.zeros(6)}
    start["attack"] *= LIFT / lift(start)
    found = minimize(
        drag,
        start,
        method="SLSQP",
        constraints={"type": "eq", "fun": lambda p: lift(p) - LIFT},
        options={"ftol": 1e-10},
    )
    print(found.derivatives)
    ideal = 1e4 * LIFT**2 / (np.pi * SPAN**2 / AREA)
    print(f"induced drag [1e-4]: without twist {drag(start):.2f}, with {found.fun:.2f}, "
          f"ideal {ideal:.2f}")  # fmt: skip
    assert found.success
    assert abs(found.fun / ideal - 1.0) < 0.02
    assert abs(lift(found.params) - LIFT) < 1e-8

    y = MIDDLES / (0.5 * SPAN)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.plot(y, strengths(start), "C1", label="without twist")
    left.plot(y, strengths(found.params), "C0", label="with the best twist")
    left.plot(y, 2 * LIFT * AREA / (np.pi * SPAN) * np.sqrt(1 - y**2), "k--", lw=1, label="ellipse")
    left.set(xlabel="station / half span", ylabel="circulation", title="Loading", ylim=(0, None))
    left.legend(fontsize=8)
    x = np.concatenate([quarter(EDGES) - 0.25 * chord(EDGES),
                        (quarter(EDGES) + 0.75 * chord(EDGES))[::-1]])  # fmt: skip
    right.fill(np.concatenate([EDGES, EDGES[::-1]]), -x, color="0.88", ec="0.5")
    angles = np.degrees(np.arcsin(-NORMAL @ strengths(found.params)))
    right.set(xlabel="station [m]", ylabel="downstream [m]", title="Plan and best incidence")
    right.set_yticks([-4, -2, 0])
    other = right.twinx()
    other.plot(MIDDLES, angles, "C0")
    other.set_ylabel("incidence [°]", color="C0")
    path = folder / "vortex_lattice.png"
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
