"""How much of each line is in a spectrum? Overlapping Voigt lines, with their errors.

Three lines overlap on a sloping background. Each is a Voigt profile, the broadening of a Gaussian
instrument and of a Lorentzian lifetime: `scipy.special.voigt_profile`.
`dualdiff.optimize.curve_fit` fits all of them over a dict of arrays, with the exact Jacobian, and
weighs each channel by its counting error. The areas of neighbours are correlated; the error of
their ratio follows from the covariance and from one more gradient.

Run: python examples/spectroscopy.py [FOLDER]
The picture goes to FOLDER, by default beside this file.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import voigt_profile

import dualdiff as dd
from dualdiff.optimize import curve_fit

TRUE = {
    "area": np.array([900.0, 500.0, 700.0]),
    "centre": np.array([654.2, 655.3, 658.0]),
    "lifetime": np.array([0.35, 0.25, 0.15]),
    "instrument": 0.45,
    "background": np.array([60.0, 4.0]),
}
START = {
    "area": np.full(3, 400.0),
    "centre": np.array([654.0, 655.6, 658.2]),
    "lifetime": np.full(3, 0.3),
    "instrument": 0.3,
    "background": np.array([50.0, 0.0]),
}


def lines(wavelength, area, centre, lifetime, instrument):
    """The lines, one in each row."""
    offset = wavelength - centre[:, None]
    return area[:, None] * voigt_profile(offset, instrument, lifetime[:, None])


def spectrum(wavelength, area, centre, lifetime, instrument, background):
    """Counts in each channel."""
    slope = background[0] + background[1] * (wavelength - 656.0)
    return slope + np.sum(lines(wavelength, area, centre, lifetime, instrument), axis=0)


def main(folder: Path) -> None:
    rng = np.random.default_rng(2)
    wavelength = np.linspace(650.0, 662.0, 241)
    counts = rng.poisson(spectrum(wavelength, **TRUE)).astype(float)
    sigma = np.sqrt(np.maximum(counts, 1.0))

    fit = curve_fit(spectrum, wavelength, counts, START, sigma=sigma, absolute_sigma=True)
    print(fit.derivatives)
    for name in ("area", "centre", "lifetime"):
        for k in range(3):
            value, error = fit.params[name][k], fit.standard_errors[name][k]
            print(f"{name:9s} {k + 1}: {value:8.3f} +- {error:.3f}   true {TRUE[name][k]:8.3f}")
    pulls = (fit.params["area"] - TRUE["area"]) / fit.standard_errors["area"]
    assert np.all(np.abs(pulls) < 4.0)

    # The ratio of the first two areas: its gradient and the covariance give its error.
    def ratio(p):
        return p["area"][0] / p["area"][1]

    vector, back = dd.trees.ravel(fit.params)
    slope = dd.grad(lambda v: ratio(back(v)))(vector)
    error = np.sqrt(slope @ fit.covariance @ slope)
    print(f"ratio of the first two areas {ratio(fit.params):.2f} +- {error:.2f}, true 1.80")

    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(8, 5.4), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    top.plot(wavelength, counts, ".", color="0.6", label="counts")
    top.plot(wavelength, spectrum(wavelength, **fit.params), "C3", lw=1.5, label="fit")
    shown = {k: v for k, v in fit.params.items() if k != "background"}
    for k, line in enumerate(lines(wavelength, **shown)):
        top.fill_between(wavelength, line, alpha=0.3, lw=0, color=f"C{k}", label=f"line {k + 1}")
    top.set(ylabel="counts", title="Three Voigt lines", ylim=(0, None))
    top.legend(fontsize=8)
    bottom.plot(wavelength, (counts - spectrum(wavelength, **fit.params)) / sigma, ".", ms=3)
    bottom.axhline(0.0, color="0.5", lw=0.8)
    bottom.set(xlabel="wavelength [nm]", ylabel="residual / error", ylim=(-4.5, 4.5))
    path = folder / "spectroscopy.png"
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
