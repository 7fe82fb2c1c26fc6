"""autograd.numpy: `dualdiff.numpy` under autograd's name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
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

_JOINS = (
    "block", "column_stack", "concat", "concatenate", "dstack", "hstack", "stack", "vstack",
)  # fmt: skip
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


def _of_iterable(join: Callable[..., Any]) -> Callable[..., Any]:
    """A function that joins arrays, which may come from any iterable: a generator, a map."""

    @functools.wraps(join)
    def of_iterable(arrays: Any, *args: Any, **kwargs: Any) -> Any:
        return join(list(arrays) if isinstance(arrays, Iterator) else arrays, *args, **kwargs)

    return of_iterable


def __getattr__(name: str) -> Any:
    return getattr(_numpy, name)


for _name in [name for name in vars(_np) if not name.startswith("_") and name not in globals()]:
    # Not by __getattr__: programs copy the __dict__ of this module.
    _found = getattr(_numpy, _name)
    globals()[_name] = _of_iterable(_found) if _name in _JOINS else _found


def __dir__() -> list[str]:
    return __all__
