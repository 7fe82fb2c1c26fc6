"""Derivatives of special functions against mpmath at 130 digits, over their domains."""

import warnings

import pytest

from tests.rules.scipy.special.sweep import FAMILIES, measured

FEW = 8  # points of each function; `python -m tests.rules.scipy.special.sweep` measures them all


@pytest.mark.parametrize("family", FAMILIES, ids=[f.name for f in FAMILIES])
def test_derivatives_keep_their_digits_over_the_domain(family):
    step = max(1, len(family.points) // FEW)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mpmath's and SciPy's own, near poles
        for found in measured(family, family.points[::step]):
            assert found.scaled <= family.bound, found
