"""`patch`: unchanged programs, with the libraries they call, are differentiated."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from .. import errors
from ..array.box import is_box
from ..array.conversion import STORES
from ..array.made import HOLDERS
from ..core.trace import is_tracing
from ..rules.numpy.in_place import install_in_place, uninstall_in_place
from ..transforms.refusals import LEARN, PREPARE, explain, may_try_again
from ..trees import flatten
from . import creation, frames, lone, samples, scalar_math
from .code import Functions, install_names
from .imports import Imports
from .jitted import Jitted
from .names import Names

_lock = threading.RLock()
_names: Names | None = None
_functions = Functions()


def _made_names() -> Names:
    install_names()
    made = (*creation.replacements(), *scalar_math.replacements(), *samples.replacements())
    names = Names([*made], _functions.add)
    _functions.table = names.forth
    return names


def _replace(names: Names) -> None:
    names.replace()
    _functions.replace()
    PREPARE[:] = [_functions.prepare]
    LEARN[:] = [_learn]
    install_in_place()
    STORES[:] = [lone.store]
    lone.count_references()
    _jitted.install()
    _imports.install()


def _learn(error: BaseException) -> bool:
    """After an error: look for modules and functions that were imported meanwhile."""
    with _lock:
        before = _functions.count
        if _names is not None:
            _names.replace()
            _jitted.install()
        _functions.learn(error)
        return _functions.count > before


def _restore(names: Names) -> None:
    if PREPARE:
        uninstall_in_place()
    PREPARE.clear()
    LEARN.clear()
    STORES.clear()
    _imports.uninstall()
    _jitted.uninstall()
    _functions.restore()
    names.restore()


def _restored(names: Names) -> None:
    """Restore, also if an interrupt comes in between."""
    try:
        _restore(names)
    except BaseException:
        _restore(names)
        raise


@contextmanager
def _originals() -> Iterator[None]:
    """The program as it is without a patch, for a while."""
    with _lock:
        names = _names if PREPARE else None
        if names is not None:
            _restored(names)
        try:
            yield
        finally:
            if names is not None:
                _replace(names)


def _look_at(module: ModuleType) -> None:
    if _names is not None:
        _names.replace_in(module)


def _own(value: Any) -> Any:
    """What a value replaces, or the value itself."""
    new, old = _names.back.get(id(value), (None, None)) if _names is not None else (None, None)
    return old if new is value else value


_jitted = Jitted(_originals, _own)
_imports = Imports(_look_at, _originals)


def _on_copies(func: Any, args: Any, kwargs: Any) -> Any:
    """Call a decorated function; the functions that an error passes run on copies once more."""
    if not is_tracing():
        return func(*args, **kwargs)
    for prepare in PREPARE:
        prepare(func)
    boxes = [leaf for leaf in flatten((args, kwargs))[0] if is_box(leaf)]
    attempts = 0
    while True:
        try:
            return func(*args, **kwargs)
        except Exception as error:
            if not may_try_again(boxes, explain(error) or error, attempts):
                raise
        attempts += 1


class patch:  # used as a function and as a decorator
    """Let an unchanged program be differentiated, in a `with` block or a decorated function.

    Inside it, these work on traced values in the program and in the libraries that it calls:
    NumPy's functions that make arrays (``np.array([x[0], x[1]])``, ``np.asarray(x, dtype=float)``,
    ``np.zeros(n)`` to be assigned traced values), and the functions of `math` and `cmath`, also
    under names that a module has imported (``from math import sqrt``). Where no derivative is
    taken, each gives exactly its own result. Patches nest, also across threads; the end of the
    last one restores all names. ``python -m dualdiff program.py`` runs a whole program like this.

    >>> import math, numpy as np, dualdiff as dd
    >>> @dd.patch()
    ... def f(x):
    ...     out = np.zeros(2)
    ...     out[0], out[1] = x[0] * x[1], math.exp(x[1])
    ...     return np.sum(out)
    >>> dd.grad(f)(np.array([2.0, 0.0]))
    array([0., 3.])
    """

    _is_used = False

    def __call__(self, func: Any) -> Any:
        self._is_used = True

        @functools.wraps(func)
        def call(*args: Any, **kwargs: Any) -> Any:
            with patch():
                return _on_copies(func, args, kwargs)

        return call

    def __del__(self) -> None:
        if not self._is_used:
            text = "dualdiff.patch() alone does nothing: write `with dualdiff.patch():`"
            warnings.warn(text, stacklevel=2)

    def __enter__(self) -> patch:
        global _names
        self._is_used = True
        with _lock:
            if errors.patches == 0:
                if _names is None:
                    _names = _made_names()
                try:
                    _replace(_names)
                except BaseException:
                    _restored(_names)
                    raise
            errors.patches += 1
        return self

    def __exit__(self, *exc: object) -> None:
        with _lock:
            errors.patches -= 1
            if errors.patches == 0 and _names is not None:
                _restored(_names)
            if errors.patches == 0 and not is_tracing():
                HOLDERS.clear()  # no derivative can read memory of arrays made here


frames.install()
patch_numpy = patch  # the name before `math` was part of it
