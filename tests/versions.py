"""Names that differ between the versions of SciPy that the tests run with."""

import importlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import scipy

OLD_SCIPY = np.lib.NumpyVersion(scipy.__version__) < "1.15.0"
RNG_NAME = "random_state" if OLD_SCIPY else "rng"
SEED_NAME = "seed" if OLD_SCIPY else "rng"  # of `scipy.optimize`


def lacking(name: str) -> list[pytest.MarkDecorator]:
    """The marks of a test of a name below `scipy`: none, or a skip where this SciPy lacks it."""
    module, _, last = name.rpartition(".")
    try:
        if hasattr(importlib.import_module(f"scipy.{module}"), last):
            return []
    except ModuleNotFoundError:
        pass
    return [pytest.mark.skip(reason=f"SciPy {scipy.__version__} has no {name}")]


def before(version: str, reason: str) -> list[pytest.MarkDecorator]:
    """The marks of a test: a skip with SciPy before a version, and none from it on."""
    older = np.lib.NumpyVersion(scipy.__version__) < version
    return [pytest.mark.skip(reason=f"SciPy before {version}: {reason}")] if older else []


def marked(calls: Iterable[Any], marks: dict[str, list[pytest.MarkDecorator]]) -> list[Any]:
    """Cases whose first element is their name, with the marks of some of them."""
    return [pytest.param(*c, id=c[0], marks=marks.get(c[0], [])) for c in calls]
