"""The programs in packages/ import autograd, and run in processes of their own."""

from collections.abc import Iterator

import pytest

import dualdiff.compat

collect_ignore = ["packages"]


@pytest.fixture
def installed() -> Iterator[None]:
    """`install` for one test."""
    dualdiff.compat.install()
    yield
    dualdiff.compat.uninstall()
