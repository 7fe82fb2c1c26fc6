"""Modules that are imported while a patch is on: their functions are looked at at once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..rules.scipy.switch import Finder
from .code import is_exempt
from .jitted import Originals


class Imports(Finder):
    """Looks at modules when they are complete.

    `originals` gives a context with all names as they are without a patch, in which numba runs.
    """

    def __init__(self, look: Callable[[ModuleType], None], originals: Originals) -> None:
        super().__init__({"numba"})
        self.look, self.originals = look, originals

    def install(self) -> None:
        """Begin to look at modules."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def uninstall(self) -> None:
        """Leave imports alone."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def wants(self, name: str) -> bool:
        """Whether a module may run on traced values, or is one of numba's."""
        return super().wants(name) or not is_exempt(name)

    def execute(self, loader: Any, module: Any) -> None:
        """Execute a module by its own loader."""
        if super().wants(module.__name__):
            with self.originals():
                loader.exec_module(module)
            return
        loader.exec_module(module)
        if self in sys.meta_path:
            self.look(module)
