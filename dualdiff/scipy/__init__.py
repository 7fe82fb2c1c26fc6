"""SciPy on traced arrays; a part is imported at its first use, or when it meets a traced array."""

import importlib
from functools import partial
from typing import Any

from ..array.dispatch import register_lazily
from ..rules.scipy.lazily import declare_special, declare_stats
from ..rules.scipy.switch import diverts

# One name a line.
_PARTS = (
    "differentiate",
    "fft",
    "integrate",
    "interpolate",
    "linalg",
    "ndimage",
    "optimize",
    "signal",
    "sparse",
    "spatial",
    "special",
    "stats",
)
_DIVERTED = (
    "differentiate",
    "fft",
    "integrate",
    "interpolate",
    "linalg",
    "ndimage",
    "optimize",
    "signal",
    "sparse",
    "sparse.csgraph",
    "sparse.linalg",
    "spatial",
)
for _part in _PARTS:
    register_lazily(f"scipy.{_part}", f"dualdiff.rules.scipy.{_part}")
for _part in _DIVERTED:
    diverts(f"scipy.{_part}", partial(importlib.import_module, f"dualdiff.rules.scipy.{_part}"))
diverts("scipy.special", declare_special)
diverts("scipy.stats", declare_stats)


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_PARTS)
