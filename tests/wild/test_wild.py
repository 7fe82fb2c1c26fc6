"""Unchanged functions of PyPI packages, differentiated without `dd.patch` and with it.

``pytest -m slow tests/wild`` runs the packages that are installed (extra ``wild``);
``--record-wild`` writes the table of docs/unchanged.md from the run.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cases import CASES, is_installed

PAGE = Path(__file__).parents[2] / "docs" / "unchanged.md"
BEGIN, END = "<!-- wild: begin -->", "<!-- wild: end -->"
PACKAGES = list(dict.fromkeys(case.package for case in CASES))
# Their compiled code has no derivative, or a conversion is out of reach: they end in an error.
CLEAR = {
    "frame", "sharpe", "drawdown", "pygeodesy_haversine", "kriging", "vector_array",
    "latlon_distance", "kinematic_pose", "garch_likelihood", "sound_field", "gev_quantile",
    "openskill_match", "penman_monteith", "irt_loglik", "bezier_curve", "colorzero_hls",
    "kalman_predict", "pykalman_loglik", "pykalman_smooth", "emd2_1d", "diffusion", "beam_section",
    "aperture_sum", "propagation", "telescope", "gas_z_hall", "orix_euler", "orix_angle",
    "lattice_distance",
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """The outcomes of all cases by name, each package in a process of its own."""
    found: dict[str, Any] = {}
    yield found
    if request.config.getoption("--record-wild"):
        write(found)


def test_the_collection_is_large_and_mixed() -> None:
    assert len(CASES) >= 60
    assert len(PACKAGES) >= 30
    assert len({case.field for case in CASES}) >= 12
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
def test_functions_of_a_package_are_right_under_the_patch(
    package: str, outcomes: dict[str, Any]
) -> None:
    if not is_installed(package):
        pytest.skip(f"{package} is not installed: pip install dualdiff[wild]")
    command = [sys.executable, str(Path(__file__).with_name("run.py")), package]
    # A call without end is a failure. Numba compiles for a minute.
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr[-500:]
    results = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    outcomes.update({result["name"]: result for result in results})
    assert len(results) == sum(case.package == package for case in CASES)
    for result in results:
        for mode in ("plain", "patched"):
            assert not result[mode].startswith("wrong"), result
        clear = result["name"] in CLEAR and result["patched"].startswith("clear")
        assert result["patched"] == "right" or clear, result


def write(found: dict[str, Any]) -> None:
    """Write the table of the page."""
    rows = [found[case.name] for case in CASES if case.name in found]
    right = {m: sum(r[m] == "right" for r in rows) for m in ("plain", "patched")}
    costs = [r["cost"] for r in rows if "cost" in r]
    lines = [
        BEGIN,
        f"{len(rows)} functions of {len({r['package'] for r in rows})} packages: "
        f"{right['plain']} are right plain, {right['patched']} under `dd.patch()`. The gradient "
        f"costs {statistics.median(costs):.0f} times the function (median).",
        "",
        "| package | field | function | plain | under `dd.patch()` | gradient / function |",
        "|---|---|---|---|---|---|",
    ]
    for r in rows:
        cost = f"{r['cost']:.0f}" if "cost" in r else ""
        plain, patched = (_in_words(r[m]) for m in ("plain", "patched"))
        lines.append(
            f"| {r['package']} | {r['field']} | {r['name']} | {plain} | {patched} | {cost} |"
        )
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    PAGE.write_text(before + "\n".join([*lines, END]) + after, encoding="utf-8")


def _in_words(outcome: str) -> str:
    kind, _, text = outcome.partition(": ")
    return kind if kind == "right" else f"error: {text.split(' (shape')[0].split('.')[0][:60]}"
