"""``pytest -p dualdiff.compat.pytest_plugin``: tests of a package written for autograd, on
dualdiff."""

from __future__ import annotations

import pytest

from . import install, uninstall


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Install before any conftest.py imports autograd."""
    install()


def pytest_unconfigure() -> None:
    """Leave the process as it was."""
    uninstall()
