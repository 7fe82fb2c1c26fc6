"""The cost of derivatives of scipy.special and scipy.stats, of arrays and of one number.

Run: `python -m benchmarks.special`; writes docs/special_costs.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special, stats

import dualdiff as dd

from . import report
from .harness import least_times

PAGE = Path(__file__).parent.parent / "docs" / "special_costs.md"
SIZE = 100_000
Row = tuple[str, Callable[..., Any], tuple[Any, ...], tuple[int, ...], float]


def _arrays() -> list[Row]:
    """A name, a function, its arguments, those to differentiate by, and the most of the ratio."""
    rng = np.random.default_rng(0)
    u, x, z = rng.uniform(0.02, 0.98, SIZE), rng.uniform(0.1, 8, SIZE), rng.normal(size=SIZE)
    a = rng.uniform(0.5, 6, SIZE)
    closed: list[Row] = [
        *((n, getattr(special, n), (z,), (0,), 3.0) for n in ("erf", "ndtr", "log_ndtr", "expit")),
        *((n, getattr(special, n), (x,), (0,), 3.0) for n in ("gammaln", "psi", "j0", "i0e")),
        *((n, getattr(special, n), (u,), (0,), 3.0) for n in ("ndtri", "ellipk", "spence")),
        ("boxcox", special.boxcox, (x, 0.3), (0, 1), 3.0),
    ]
    orders: list[Row] = [
        ("gammainc in a, one a", special.gammainc, (2.5, x), (0,), 10.0),
        ("gammainc in a, each its own", special.gammainc, (a, x), (0,), 10.0),
        *(
            (f"{n} in the order, each its own", getattr(special, n), (a, x), (0,), 30.0)
            for n in ("jv", "yv", "iv", "kv")
        ),
        ("betainc in a, each its own", special.betainc, (a, a[::-1].copy(), u), (0,), 20.0),
        ("betainc in b, each its own", special.betainc, (a, a[::-1].copy(), u), (1,), 20.0),
    ]
    likelihoods: list[Row] = []
    for name, shapes, data in (
        ("norm", (), z), ("gamma", (2.5,), x), ("t", (4.5,), z), ("weibull_min", (1.5,), x),
        ("beta", (2.5, 3.5), u),
    ):  # fmt: skip
        for method in ("logpdf", "logsf"):
            at = (data, *shapes, -0.01, 1.2)
            function = getattr(getattr(stats, name), method)
            by = tuple(range(1, len(at)))
            likelihoods.append((f"{name}.{method} in all parameters", function, at, by, 3.0))
    return [*closed, *orders, *likelihoods]


Number = tuple[str, Callable[..., Any], tuple[float, ...], tuple[int, ...]]


def _waves() -> list[Number]:
    """Wave functions of an order, by their parameter and x; of two results the slope."""
    at: dict[str, tuple[float, ...]] = {
        "mathieu_a": (2, 1.5), "mathieu_b": (2, 1.5), "mathieu_cem": (2, 1.5, 30.0),
        "mathieu_sem": (2, 1.5, 30.0), "mathieu_modcem1": (2, 1.5, 0.7),
        "mathieu_modsem1": (2, 1.5, 0.7), "mathieu_modcem2": (2, 1.5, 0.7),
        "mathieu_modsem2": (2, 1.5, 0.7), "pro_cv": (1, 2, 1.5), "pro_ang1": (1, 2, 1.5, 0.4),
        "pro_rad1": (1, 2, 1.5, 1.4), "pro_rad2": (0, 2, 2.5, 1.7), "obl_cv": (1, 2, 1.5),
        "obl_ang1": (1, 2, 1.5, 0.4), "obl_rad1": (1, 2, 1.5, 0.4), "obl_rad2": (1, 2, 4.5, 3.4),
    }  # fmt: skip
    found: list[Number] = []
    for name, args in at.items():
        orders = 1 if name.startswith("mathieu") else 2
        f = getattr(special, name)
        whole = len(args) == orders + 1
        function = f if whole else lambda *at, f=f: f(*at)[1]
        found.append((name, function, args, tuple(range(orders, len(args)))))
    return found


def _numbers() -> list[Number]:
    functions = {
        "gammainc": (2.5, 1.3), "betainc": (2.5, 3.5, 0.3), "jv": (2.5, 0.3), "kv": (2.5, 1.3),
        "stdtr": (2.5, 0.3), "hyp1f1": (2.5, 1.3, 0.4), "hyp2f1": (0.5, 1.3, 2.4, 0.4),
        "hyperu": (0.5, 1.3, 2.4), "fdtri": (2.5, 3.5, 0.3), "chndtr": (2.0, 3.0, 1.0),
        "nctdtr": (3.0, 1.0, 0.5), "ncfdtr": (3.0, 4.0, 1.0, 0.5),
    }  # fmt: skip
    methods = {
        "norm.logpdf": (0.3, 2.5, 1.5), "norm.logsf": (0.3, 2.5, 1.5), "t.logsf": (1.3, 2.5),
        "t.ppf": (0.3, 2.5), "gamma.logsf": (1.3, 2.5), "gamma.ppf": (0.3, 2.5),
        "beta.logpdf": (0.3, 2.5, 3.5), "beta.logsf": (0.3, 2.5, 3.5), "beta.ppf": (0.3, 2.5, 3.5),
        "ncx2.logpdf": (1.3, 2.5, 1.5), "ncx2.cdf": (1.3, 2.5, 1.5),
    }  # fmt: skip
    found: list[Number] = [
        (name, getattr(special, name), at, tuple(range(len(at)))) for name, at in functions.items()
    ]
    for name, at in methods.items():
        distribution, method = name.split(".")
        found.append(
            (name, getattr(getattr(stats, distribution), method), at, tuple(range(len(at))))
        )
    return [*found, *_waves()]


def of_arrays() -> list[list[str]]:
    """Rows of the first table."""
    rows = []
    for name, f, at, by, most in _arrays():

        def total(*args: Any, f: Callable[..., Any] = f) -> Any:
            return np.sum(f(*args))

        gradient = dd.grad(total, argnums=by)
        plain, ours = least_times(
            lambda f=f, at=at: f(*at), lambda g=gradient, at=at: g(*at), rounds=12
        )  # fmt: skip
        ratio = ours / plain
        mark = "yes" if ratio <= most else "**no**"
        rows.append([f"`{name}`", f"{plain * 1e3:.2f} ms", f"{ratio:.1f}", f"{most:.0f}", mark])
    return rows


def of_numbers() -> list[list[str]]:
    """Rows of the second table."""
    rows = []
    for name, f, at, by in _numbers():
        one = [dd.grad(f, argnums=i) for i in by]
        all_of_them = dd.grad(f, argnums=by)
        plain, whole, *single = least_times(
            lambda f=f, at=at: f(*at),
            lambda g=all_of_them, at=at: g(*at),
            *(lambda g=g, at=at: g(*at) for g in one),
            rounds=150,
        )
        worst = max(single) - plain
        mark = "yes" if worst <= max(1e-3, plain) else "**no**"
        times = [f"{t * 1e3:.2f} ms" for t in (plain, worst, whole - plain)]
        rows.append([f"`{name}`", *times, mark])
    return rows


TEXT = """# Costs of special functions and distributions

<!-- Written by `python -m benchmarks.special`; do not edit. -->

Measured on {circumstances}

One thread, the least CPU time of several rounds. The gradient includes the evaluation of the
function. [Accuracy](accuracy.md) has the errors.

## {size:,} points

The gradient of the sum over that of SciPy's function. A parameter is one number, if it is not said
that each point has its own; loc and scale are parameters.

{arrays}

A derivative by hand of `psi`, `ellipk` or `j0` evaluates a second special function: 2.5, 2.5 and
2.2 times the function in all.

## One number

Time beyond that of SciPy's call: by the argument that takes most, and by all arguments at once.
The bound is 1.0 ms for one argument, or SciPy's own time where that is more.

{numbers}

Parameters of the noncentral distributions are series and quadratures of NumPy calls, some 100 of
them at 5 microseconds each; SciPy's compiled call takes 3 microseconds. Wave functions in their
parameter are eigenvectors of matrices of some 20 rows and their derivatives, a decomposition and
two solves, and sums of Bessel, Legendre or trigonometric functions; the row is that of the slope.
"""


def main() -> None:
    """Measure, print and write the page."""
    arrays = report.table(["function", "SciPy", "ratio", "at most", "met"], of_arrays())
    heads = ["function", "SciPy", "one argument", "all arguments", "met"]
    numbers = report.table(heads, of_numbers())
    text = TEXT.format(
        circumstances=report.circumstances(), size=SIZE, arrays=arrays, numbers=numbers
    )
    print(text)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
