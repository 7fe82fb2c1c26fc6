"""Unmodified programs and packages give on dualdiff what they give on autograd."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.compat.programs import TOP, assert_same_output, output_of, require

EXAMPLES = sorted((TOP / "examples" / "from_autograd").glob("*.py"))
PACKAGES = {
    "manifold": "pymanopt",
    "censored": "autograd_gamma",
    "monte_carlo": "mici",
}


SLOW = {"neural_net", "fluid_simulation", "gaussian_process"}  # five seconds each and more


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.stem in SLOW else [], id=path.stem)
        for path in EXAMPLES
    ],
)
def test_a_tutorial_program_prints_on_dualdiff_what_it_prints_on_autograd(program: Path) -> None:
    # They print four to ten digits, and errors of about 1e-15 that depend on rounding.
    assert_same_output(program, rtol=1e-6, atol=1e-10)


def test_the_tutorials_taylor_series_has_derivatives_of_every_order() -> None:
    text = output_of("-m", "dualdiff.compat", TOP / "examples/from_autograd/taylor_sine.py")
    errors = [float(found) for found in re.findall(r"largest error (\S+)", text)]
    assert len(errors) == 5
    assert max(errors) < 1e-10


@pytest.mark.parametrize(("program", "package"), PACKAGES.items())
def test_real_work_with_a_package_built_on_autograd_agrees_to_1e_8(
    program: str, package: str
) -> None:
    require(package)
    assert_same_output(Path(__file__).parent / f"packages/{program}.py", rtol=1e-8, atol=1e-10)
