"""Every primitive has a row in a table of rules, and every ufunc of NumPy is known."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np

from dualdiff.array.dispatch import FUNCTIONS
from tests.rules.table import ALL_ROWS, Row, touched

# Primitives that no row can reach, each with its reason.
WITHOUT_ROW: dict[str, str] = {
    f"special.{name}": "SciPy's values are too rough for differences; see tests/rules/scipy/special"
    for name in ("itairy", "ncfdtridfn", "ncfdtridfd", "ncfdtrinc")
} | {
    "special.lost": "only where no derivative is known; see stats/test_limits.py",
    **{
        f"stats.{name}": "only at the centre of dgamma; see stats/test_formulas.py"
        for name in ("unknown", "unknown_mixed")
    },
    "special.jump": "only at poles; see tests/rules/scipy/special/test_gamma.py",
    **{
        f"special.{name}": "only at ends; see tests/rules/scipy/special/test_ends.py"
        for name in (
            "betainc_end_0",
            "betainc_end_1",
            "fdtr_end_0",
            "fdtr_end_1",
            "gammainc_end",
            "steep",
        )
    },
    "corner": "only at kinks, without numbers; see tests/transforms/test_beside_roots.py",
    **dict.fromkeys(("window", "readonly_window"), "only under a patch; see tests/patching"),
    **{
        f"ndimage.{name}": "checked by check_grads; see test_ndimage.py, test_ndimage_splines.py"
        for name in (
            "correlate",
            "correlate_fixed",
            "interpolated",
            "interpolated_at",
            "interpolated_fixed",
            "scattered",
            "scattered_fixed",
            "spline_filter1d",
            "spread",
            "spread_fixed",
        )
    },
    **{
        f"dask.{name}": "only on arrays of dask; see tests/arrays/test_dask.py"
        for name in ("rechunk", "persist", "compute", "from_array")
    },
    **{
        f"stats.{name}.{function}": "too slow for rows; see test_stable.py, test_ranges.py"
        for name in ("levy_stable", "studentized_range")
        for function in ("cdf", "pdf")
    },
    **{
        f"stats.kstwo.{function}": "SciPy's values are differences; see test_kolmogorov.py"
        for function in ("cdf", "pdf", "ppf", "isf")
    },
    "stats.multivariate_t.cdf_slopes": "SciPy has its values, by random points; see test_t_cdf.py",
    "signal.squared": "checked by check_grads; see test_signal_bodies.py",
    "signal.segments": "checked by check_grads; see test_signal_bodies.py",
    "signal.summed_segments": "checked by check_grads; see test_signal_bodies.py",
    "compat.symmetric": "only for autograd's programs; see tests/compat/test_modules.py",
    "signal.fixed_filter": "checked by check_grads; see test_signal_bodies.py",
    "signal.lfilter": "checked by check_grads; see test_signal_bodies.py",
}

IMPORT_ALL = """
import importlib, pkgutil, dualdiff
from dualdiff.core.primitive import PRIMITIVES
for module in pkgutil.walk_packages(dualdiff.__path__, "dualdiff."):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ImportError:
            # The package of one is not installed, old releases have not what the other is for.
            if module.name.rpartition(".")[2] not in ("sklearn", "differentiate"):
                raise
print(*[primitive.name for primitive in PRIMITIVES], sep="\\n")
"""


@cache
def primitives() -> tuple[str, ...]:
    """The names of all primitives that the package declares, and no test."""
    out = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=True
    )
    return tuple(out.stdout.split())


@cache
def rows() -> tuple[Row, ...]:
    """The rows of all test files below this folder."""
    ALL_ROWS.clear()
    for path in sorted(Path(__file__).parent.rglob("test_*.py")):
        if path != Path(__file__):
            name = "rows_of_" + "_".join(path.with_suffix("").parts[-2:])
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec is not None
            assert spec.loader is not None
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return tuple(ALL_ROWS)


@cache
def recorded() -> dict[str, set[str]]:
    """The names of the primitives that each row records, by the row's name."""
    return {r.id: touched(r) for r in rows()}


def test_names_of_primitives_are_unique() -> None:
    names = Counter(primitives())
    assert not [name for name, count in names.items() if count > 1]


def test_every_primitive_is_touched_by_a_row() -> None:
    missing = set(primitives()).difference(WITHOUT_ROW, *recorded().values())
    assert not missing, f"no row in tests/rules touches {sorted(missing)}"


def test_no_reason_is_given_for_a_primitive_that_has_a_row() -> None:
    assert not set(WITHOUT_ROW) & set().union(*recorded().values())
    assert set(WITHOUT_ROW) <= set(primitives())


def test_rows_touch_the_primitives_that_they_name() -> None:
    for r in rows():
        assert set(r.prims) <= recorded()[r.id], f"{r.id} touches {sorted(recorded()[r.id])}"


def test_every_ufunc_of_numpy_is_registered() -> None:
    ufuncs = {f for f in vars(np).values() if isinstance(f, np.ufunc)}
    assert not [f.__name__ for f in ufuncs if f not in FUNCTIONS]


def test_every_registered_function_can_be_called() -> None:
    assert all(callable(rule) for rule in FUNCTIONS.values())
