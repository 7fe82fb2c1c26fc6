"""The cases of all files; each file adds its own to one list."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from collection import CASES, Case

__all__ = ["CASES", "Case", "is_installed"]

for _file in (
    "second_collection",
    "third_collection",
    "fourth_collection",
    "fifth_collection",
    "sixth_collection",
):
    import_module(_file)


def is_installed(package: str) -> bool:
    """Whether this environment has a package of PyPI's."""
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
