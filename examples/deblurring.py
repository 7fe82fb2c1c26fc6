"""A shaken photograph made sharp: 16,384 unknown pixels, and a gradient for all of them at once.

The picture was convolved with the streak of a shaken hand, and got noise. A sharp picture that
explains it, with few edges, minimises a sum of squares plus a smooth total variation (Rudin, Osher
and Fatemi, Physica D 60, 1992). Reverse mode goes through `scipy.fft` and costs a few evaluations,
whatever the number of pixels.

Run: python examples/deblurring.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy import fft, ndimage
from sklearn.datasets import load_sample_image

from dualdiff.optimize import minimize

SIDE = 128
GRID = np.stack(np.meshgrid(*[np.arange(SIDE) - SIDE // 2] * 2, indexing="ij"))
STREAK = (7.0, 0.6)  # pixels, radians
WEIGHT = 3e-4


def streak(length, angle):
    """The trace of a shaken point of light: a thin line, which sums to 1."""
    down, right = np.sin(angle), np.cos(angle)
    along = GRID[1] * right + GRID[0] * down
    across = GRID[0] * right - GRID[1] * down
    inside = 1.0 / (1.0 + np.exp(4.0 * (np.sqrt(along**2 + 1e-6) - 0.5 * length)))
    trace = inside * np.exp(-0.5 * (across / 0.7) ** 2)
    return trace / np.sum(trace)


def blurred(image, length, angle):
    """The image convolved with the streak; it repeats at its borders."""
    transfer = fft.rfft2(fft.ifftshift(streak(length, angle)))
    return fft.irfft2(fft.rfft2(image) * transfer, s=image.shape)


def loss(image, photograph, length, angle):
    """The misfit and the total variation."""
    misfit = np.sum((blurred(image, length, angle) - photograph) ** 2)
    steps = (np.roll(image, -1, 0) - image) ** 2 + (np.roll(image, -1, 1) - image) ** 2
    return misfit + WEIGHT * np.sum(np.sqrt(steps + 1e-4))


def main(folder: Path) -> None:
    rng = np.random.default_rng(0)
    sharp = load_sample_image("china.jpg").mean(axis=2)[40:424:3, 150:534:3] / 255.0
    edge = np.minimum(np.arange(SIDE), np.arange(SIDE)[::-1])
    fade = np.clip(edge / 10.0, 0.0, 1.0)
    sharp = 0.5 + (sharp - 0.5) * np.outer(fade, fade)  # so that it may repeat
    photograph = blurred(sharp, *STREAK) + 0.005 * rng.normal(size=sharp.shape)

    options = {"maxiter": 60, "maxcor": 20}
    found = minimize(loss, photograph, (photograph, *STREAK), "L-BFGS-B", options=options)
    print(found.derivatives)

    def quality(image):
        return -10.0 * np.log10(np.mean((image - sharp) ** 2))

    sharpened = photograph - ndimage.gaussian_laplace(photograph, 1.0)
    print(f"signal to noise: photograph {quality(photograph):.1f} dB, by a Laplace filter "
          f"{quality(sharpened):.1f} dB, restored {quality(found.params):.1f} dB")  # fmt: skip
    assert quality(found.params) > quality(photograph) + 3.0

    figure, axes = plt.subplots(1, 4, figsize=(11, 3.2), layout="constrained")
    shown = (photograph, found.params, sharp, streak(*STREAK)[48:80, 48:80])
    titles = ("photograph", "restored", "truth", "streak, enlarged")
    for axis, picture, title in zip(axes, shown, titles, strict=True):
        limits = {} if "streak" in title else {"vmin": 0.0, "vmax": 1.0}
        axis.imshow(picture, cmap="gray", **limits)
        axis.set_title(title)
        axis.axis("off")
    path = folder / "deblurring.png"
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
