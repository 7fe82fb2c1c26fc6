"""A coating that takes the glare off glass: thicknesses of thin films, by transfer matrices.

Light passes layers of two materials. Each layer is a complex 2 x 2 matrix, their product gives the
reflectance (Macleod, Thin-Film Optical Filters, 2010, section 2.5); all wavelengths and angles go
at once. The gradient of the mean reflectance goes through complex matrix products as through
anything else, `L-BFGS-B` keeps the layers from vanishing, and the Hessian at the optimum says how
exactly each layer has to be made.

Run: python examples/thin_films.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import dualdiff as dd
from dualdiff.optimize import minimize

LOW, HIGH, GLASS = 1.38, 2.1, 1.52  # magnesium fluoride, zirconia, crown glass
INDICES = [LOW, HIGH, LOW, HIGH, LOW, HIGH]  # from the air inwards
VISIBLE = np.linspace(420.0, 680.0, 40)
ANGLES = np.radians([0.0, 30.0])


def reflectance(thicknesses, wavelengths, angles):
    """The reflected share of unpolarised light, of shape (angles, wavelengths)."""
    sines = np.sin(angles)[:, None]
    total = 0.0
    for polarisation in ("s", "p"):

        def admittance(index, which=polarisation):
            cosine = np.sqrt(1.0 - (sines / index) ** 2)
            return index * cosine if which == "s" else index / cosine

        shape = (angles.size, wavelengths.size)
        field = np.ones(shape, complex)
        current = np.broadcast_to(admittance(GLASS), shape) + 0j
        for index, thickness in zip(INDICES[::-1], thicknesses[::-1], strict=True):
            cosine = np.sqrt(1.0 - (sines / index) ** 2)
            phase = 2.0 * np.pi * index * thickness * cosine / wavelengths
            y = admittance(index)
            field, current = (
                np.cos(phase) * field + 1j * np.sin(phase) / y * current,
                1j * y * np.sin(phase) * field + np.cos(phase) * current,
            )
        outside = admittance(1.0)
        amplitude = (outside * field - current) / (outside * field + current)
        total = total + 0.5 * np.abs(amplitude) ** 2
    return total


def loss(thicknesses):
    """The mean reflectance in per cent."""
    return 100.0 * np.mean(reflectance(thicknesses, VISIBLE, ANGLES))


def main(folder: Path) -> None:
    rng = np.random.default_rng(0)
    quarter = 540.0 / (4.0 * np.array(INDICES))
    starts = [quarter * rng.uniform(0.5, 1.5, quarter.size) for _ in range(6)]
    bounds = [(8.0, 250.0)] * quarter.size
    fits = [minimize(loss, s, method="L-BFGS-B", bounds=bounds, jac="exact") for s in starts]
    best = min(fits, key=lambda fit: fit.fun)
    print(best.derivatives)
    bare = 100.0 * np.mean(reflectance(np.zeros(quarter.size), VISIBLE, ANGLES))
    print(
        f"bare glass reflects {bare:.2f} %, a mirror of quarter-wave layers {loss(quarter):.1f} %,"
    )
    print(f"the best of {len(fits)} fits {best.fun:.3f} %")
    assert best.fun < 0.5

    # An error that raises the loss by a tenth of it, layer by layer: half the curvature times its
    # square.
    curvature = np.diag(dd.hessian(loss)(best.x))
    tolerance = np.sqrt(2.0 * 0.1 * best.fun / curvature)
    for index, thickness, error in zip(INDICES, best.x, tolerance, strict=True):
        print(f"n = {index}: {thickness:6.1f} nm, to be kept within {error:.1f} nm")

    wavelengths = np.linspace(380.0, 760.0, 300)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for layers, name in ((0 * quarter, "bare glass"), (best.x, "coated")):
        for angle, style in zip(ANGLES, ("-", "--"), strict=True):
            curve = 100 * reflectance(layers, wavelengths, np.array([angle]))[0]
            label = f"{name}, {np.degrees(angle):.0f}°"
            left.plot(
                wavelengths, curve, style, color="0.5" if name != "coated" else "C0", label=label
            )
    left.axvspan(VISIBLE[0], VISIBLE[-1], color="0.92", zorder=0)
    left.set(xlabel="wavelength [nm]", ylabel="reflectance [%]", ylim=(0, 6.8), title="Glare")
    left.legend(fontsize=8, loc="upper right", ncols=2)
    edges = np.concatenate([[0.0], np.cumsum(best.x)])
    colours = ["C0" if index == LOW else "C1" for index in INDICES]
    right.bar(edges[:-1], INDICES, best.x, align="edge", color=colours, edgecolor="k", lw=0.5)
    right.bar(edges[-1], GLASS, 80.0, align="edge", color="0.8", edgecolor="k", lw=0.5)
    right.text(edges[-1] + 40.0, 0.6, "glass", ha="center")
    right.set(xlabel="depth below the air [nm]", ylabel="refractive index", title="The layers")
    path = folder / "thin_films.png"
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
