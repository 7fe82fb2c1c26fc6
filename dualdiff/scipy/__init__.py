"""SciPy on traced arrays; a part is imported when asked for or when it meets a traced array."""

import importlib
from typing import Any

from ..core.dispatch import register_lazily

PARTS = ("integrate", "linalg", "signal", "sparse", "special", "stats")
for _part in PARTS:
    register_lazily(f"scipy.{_part}", f"{__name__}.{_part}")


def __getattr__(name: str) -> Any:
    if name in PARTS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *PARTS})
