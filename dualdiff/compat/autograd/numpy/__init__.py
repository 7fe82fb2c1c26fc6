"""autograd.numpy: `dualdiff.numpy` under autograd's name."""

from __future__ import annotations

from typing import Any

import numpy as _np

from .... import numpy as _numpy
from .._mirrors import mirrored
from . import (  # noqa: F401  # submodules
    numpy_boxes,
    numpy_jvps,
    numpy_vjps,
    numpy_vspaces,
    numpy_wrapper,
)
from .numpy_wrapper import metadata, wrap_namespace  # noqa: F401

fft = mirrored(__name__, "fft", _numpy.fft)
linalg = mirrored(__name__, "linalg", _numpy.linalg)
random = mirrored(__name__, "random", _np.random)

__all__ = sorted(
    {
        "fft", "linalg", "metadata", "numpy_boxes", "numpy_jvps", "numpy_vjps", "numpy_vspaces",
        "numpy_wrapper", "random", "wrap_namespace",
        *(name for name in dir(_np) if not name.startswith("_")),
    }
)  # fmt: skip


def __getattr__(name: str) -> Any:
    return getattr(_numpy, name)


def __dir__() -> list[str]:
    return __all__
