"""autograd.numpy: `dualdiff.numpy` under autograd's name.

As in autograd, arrays of plain values are plain; `dualdiff.numpy` makes arrays that take traced
values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as _np

from .... import numpy as _numpy
from ....array.views import Array
from ....rules.declare import linear
from ....rules.numpy.creation import CREATORS
from ....rules.numpy.linalg.decompositions import cholesky_p
from ....rules.numpy.linalg.matrices import hermitian
from .._mirrors import mirrored
from . import numpy_boxes, numpy_jvps, numpy_vjps, numpy_vspaces, numpy_wrapper  # noqa: F401  # submodules
from .numpy_wrapper import (  # noqa: F401
    make_diagonal,
    metadata,
    notrace_primitive,
    primitive,
    wrap_intdtype,
    wrap_namespace,
)

_JOINS = (
    "block", "column_stack", "concat", "concatenate", "dstack", "hstack", "stack", "vstack",
)  # fmt: skip
fft = mirrored(__name__, "fft", _numpy.fft)
linalg = mirrored(__name__, "linalg", _numpy.linalg)
random = mirrored(__name__, "random", _np.random)

__all__ = sorted(
    {
        "fft", "linalg", "make_diagonal", "metadata", "notrace_primitive", "numpy_boxes",
        "numpy_jvps", "numpy_vjps", "numpy_vspaces", "numpy_wrapper", "primitive", "random",
        "wrap_intdtype", "wrap_namespace",
        *(name for name in dir(_np) if not name.startswith("_")),
    }
)  # fmt: skip


_symmetric_p = linear(lambda x: x, hermitian, jvp=hermitian, name="compat.symmetric")


def _cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """``numpy.linalg.cholesky`` with a symmetric cotangent, as autograd has it."""
    return cholesky_p(_symmetric_p(a), upper=bool(upper))


linalg.cholesky = _cholesky  # type: ignore[attr-defined]


def where(condition: Any, *branches: Any, **named: Any) -> Any:
    """``numpy.where``, whose branches may be named ``x`` and ``y`` in autograd."""
    branches += tuple(named.pop(name) for name in ("x", "y") if name in named)
    return _np.where(condition, *branches, **named)


def _of_iterable(join: Callable[..., Any]) -> Callable[..., Any]:
    """A function that joins arrays, which may come from any iterable: a generator, a map."""

    @functools.wraps(join)
    def of_iterable(arrays: Any, *args: Any, **kwargs: Any) -> Any:
        return join(list(arrays) if isinstance(arrays, Iterator) else arrays, *args, **kwargs)

    return of_iterable


def _plain_of_plain(create: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes arrays, NumPy's own ones of plain arguments.

    Programs written for autograd ask whether ``type(x) is np.ndarray``, and cannot assign to them.
    """

    @functools.wraps(create)
    def created(*args: Any, **kwargs: Any) -> Any:
        made = create(*args, **kwargs)
        return made.primal if type(made) is Array and type(made.primal) is _np.ndarray else made

    return created


def _as_in_autograd(name: str) -> Any:
    found = getattr(_numpy, name)
    if name in _JOINS:
        return _of_iterable(found)
    return _plain_of_plain(found) if name in CREATORS and callable(found) else found


def __getattr__(name: str) -> Any:
    return getattr(_numpy, name)


for _name in [name for name in vars(_np) if not name.startswith("_") and name not in globals()]:
    # Not by __getattr__: programs copy the __dict__ of this module.
    globals()[_name] = _as_in_autograd(_name)


def __dir__() -> list[str]:
    return __all__
