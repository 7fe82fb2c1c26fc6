"""Modules of autograd that are parts of dualdiff or NumPy under another name."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Mirror(ModuleType):
    """A module with the names of another object, which may be a distribution of scipy.stats."""

    def __init__(self, name: str, source: Any) -> None:
        super().__init__(name, f"{name.partition('.compat.')[2]}: names of {source!r}.")
        self._source = source
        self.__spec__ = ModuleSpec(name, None)
        self.__all__ = [found for found in dir(source) if not found.startswith("_")]
        # Not by __getattr__ alone: programs copy the __dict__ of a module.
        self.__dict__.update({found: getattr(source, found) for found in self.__all__})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self._source, name)

    def __dir__(self) -> list[str]:
        return self.__all__


def mirrored(package: str, name: str, source: Any) -> Mirror:
    """The module ``package.name`` with the names of `source`, ready to be imported."""
    made = Mirror(f"{package}.{name}", source)
    sys.modules[made.__name__] = made
    return made
