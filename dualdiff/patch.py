"""`patch_numpy`: plain `np.asarray`, `np.array` and `np.zeros` that accept traced arrays."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any

import numpy as np

from .rules.numpy.creation import CREATORS, contains_box

_NUMPY = os.path.dirname(np.__file__)
_LIBRARIES = (_NUMPY + os.sep, os.path.join(os.path.dirname(_NUMPY), "scipy") + os.sep)
_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
_lock = threading.Lock()
_depth = 0
_originals: dict[str, Any] = {}


def _for_callers_outside(original: Callable[..., Any], traced: Callable[..., Any]) -> Any:
    """`traced` for all callers but dualdiff itself, whose plain arrays must stay plain.

    NumPy and SciPy pass the arrays they make to compiled code. They get traced arrays only for
    traced values.
    """

    @functools.wraps(original)
    def create(*args: Any, **kwargs: Any) -> Any:
        file = sys._getframe(1).f_code.co_filename
        if file.startswith(_OWN) or (file.startswith(_LIBRARIES) and not contains_box(list(args))):
            return original(*args, **kwargs)
        return traced(*args, **kwargs)

    return create


def _place(path: str) -> tuple[Any, str]:
    """The module and the name of one of NumPy's functions: "lib.stride_tricks.as_strided"."""
    *modules, name = path.split(".")
    return functools.reduce(getattr, modules, np), name


class patch_numpy(ContextDecorator):  # used as a function and as a decorator
    """Let NumPy's own creation functions accept traced arrays, in a `with` block or a decorated
    function.

    Inside it, ``np.array([x[0], x[1]])``, ``np.asarray(x, dtype=float)`` and ``np.zeros(n)`` (to
    be assigned traced values) work in the program and in the libraries it calls, as long as they
    look the function up in the numpy module. Patches nest, also across threads; the end of the
    last one restores NumPy.

    >>> import numpy as np, dualdiff as dd
    >>> @dd.patch_numpy()
    ... def f(x):
    ...     out = np.zeros(2)
    ...     out[0], out[1] = x[0] * x[1], x[1] ** 2
    ...     return np.sum(out)
    >>> dd.grad(f)(np.array([2.0, 3.0]))
    array([3., 8.])
    """

    def __enter__(self) -> patch_numpy:
        global _depth
        with _lock:
            if _depth == 0:
                for path, traced in CREATORS.items():
                    home, name = _place(path)
                    original = _originals[path] = getattr(home, name)
                    patched = (
                        _for_callers_outside(original, traced) if callable(original) else traced
                    )
                    setattr(home, name, patched)
            _depth += 1
        return self

    def __exit__(self, *exc: object) -> None:
        global _depth
        with _lock:
            _depth -= 1
            if _depth == 0:
                for path, original in _originals.items():
                    setattr(*_place(path), original)
                _originals.clear()
