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
# Modules without a namespace of their own here.
_SUBMODULES = ("fftpack", "sparse.csgraph", "sparse.linalg")
# Their rules are imported when one of their functions meets a traced value.
_DECLARED = {"special": declare_special, "stats": declare_stats}
for _part in _PARTS:
    register_lazily(f"scipy.{_part}", f"dualdiff.rules.scipy.{_part}")
for _part in (*_PARTS, *_SUBMODULES):
    _rules = partial(importlib.import_module, f"dualdiff.rules.scipy.{_part}")
    diverts(f"scipy.{_part}", _DECLARED.get(_part, _rules))


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_PARTS)
