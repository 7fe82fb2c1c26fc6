"""The exceptions that pass through a program's own functions, whether or not it catches them.

A recorded value may raise where a plain one does not, as in a conversion that it refuses. A program
that catches the error goes on along a course that no eager call takes. So a program with handlers
is watched in its eager call and while it is recorded, and both must meet the same exceptions.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import Looked
from .state import is_library

Caught = set[tuple[str, types.CodeType, int]]


@contextmanager
def exceptions(watch: bool) -> Iterator[Caught | None]:
    """A set that receives each exception with the code and the line that it passes through."""
    if not watch:
        yield None
        return
    found: Caught = set()
    own: dict[types.CodeType, bool] = {}

    def inside(frame: Any, event: str, arg: Any) -> Any:
        if event == "exception" and not issubclass(arg[0], (Looked, StopIteration, GeneratorExit)):
            found.add((arg[0].__qualname__, frame.f_code, frame.f_lineno))
        return inside

    def entering(frame: Any, event: str, arg: Any) -> Any:
        code = frame.f_code
        if code not in own:
            own[code] = not is_library(frame.f_globals.get("__name__"))
        if not own[code]:
            return None
        frame.f_trace_lines = False
        return inside

    previous = sys.gettrace()
    sys.settrace(entering)
    try:
        yield found
    finally:
        sys.settrace(previous)
