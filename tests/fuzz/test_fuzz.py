"""A few of the random programs of `make fuzz`."""

from __future__ import annotations

import pytest

from tests.fuzz.programs import check


@pytest.mark.filterwarnings("ignore")  # of programs outside their domain
@pytest.mark.parametrize("first", range(0, 80, 8))
def test_random_programs_have_the_derivatives_of_differences(first: int) -> None:
    found = [check(seed) for seed in range(first, first + 8)]
    assert found.count("checked") >= 4


@pytest.mark.slow  # thousands of programs
@pytest.mark.filterwarnings("ignore")
def test_thousands_of_random_programs() -> None:
    for seed in range(10_000, 13_000):
        check(seed)
