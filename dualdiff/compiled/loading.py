"""Compiled functions from files, with or without the functions themselves."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from .captures import Captures
from .errors import CompileError
from .function import Compiled, Table
from .signature import classes_of
from .storage import read


class Unavailable:
    """Stands for a function that was not given when its recordings were loaded."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise CompileError(
            f"no saved recording of {self.__name__} holds for these arguments: they have other "
            f"shapes, dtypes or static values, lead to another course of the program, or to a "
            f"result that is not finite. Load it together with the function: "
            f"load_compiled(path, {self.__name__})"
        )


class Loaded(Compiled):
    """A compiled function without the function itself."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        super().__init__(Unavailable(name), verify=False, **options)

    def _missed(self, table: Table, leaves: Any, structure: Any, args: Any, kwargs: Any) -> Any:
        return self.f(*args, **kwargs)


def load_compiled(path: str | os.PathLike[str], f: Callable[..., Any] | None = None, /) -> Compiled:
    """A compiled function from a file that ``g.save(path)`` wrote, ready without a recording.

    Arguments: the path; `f`, the function that was compiled, if it is at hand. With it, calls for
    which no recording holds run `f` and record anew, and the first replays are compared with it.
    Returns: a compiled function.
    Raises: CompileError if the file is damaged or of another version, or if `f`, or state that it
    refers to, differs from what was saved. Without `f`, also the calls for which no recording
    holds raise it.

    The file holds machine code and pickled objects: load only files that you trust. State such as
    global variables is as it was when the file was written, if `f` is not given.

    >>> import numpy as np, dualdiff as dd, tempfile, os
    >>> g = dd.compile(dd.grad(lambda x: np.sum(x**2)), np.ones(2))
    >>> path = os.path.join(tempfile.mkdtemp(), "gradient")
    >>> g.save(path)
    >>> dd.load_compiled(path)(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    name, options, tables = read(path)
    made = Loaded(name, options) if f is None else Compiled(f, verify=False, **options)
    for key, marks, recordings in tables:
        captures = Captures([] if f is None else [f, *classes_of(key[0])])
        if f is not None:
            _compare(captures.marks(), marks, name)
        table = made.tables[key] = Table(captures)
        table.recordings, table.recorded = recordings, len(recordings)
        for recorded in recordings:
            if f is not None and recorded.lifted:
                assert table.lifting is not None
                recorded.lifted = tuple(table.lifting.arrays)
                captures.release(recorded.lifted)
            recorded.checks = 0 if f is None else recorded.checks
    return made


def _compare(found: list[tuple[str, str]], saved: list[tuple[str, str]], name: str) -> None:
    """Raise an error that names the first thing that differs."""
    if found == saved:
        return
    both = {what for what, _ in set(found) ^ set(saved)}
    raise CompileError(
        f"{name} is not the function that was saved: {min(both, default='its state')} differs. "
        f"Compile it anew"
    )
