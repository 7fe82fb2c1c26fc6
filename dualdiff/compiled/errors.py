"""The errors and warnings of compilation."""

from __future__ import annotations

import traceback

from ..errors import DualdiffError


class CompileError(DualdiffError, RuntimeError):
    """A compiled program cannot be saved, loaded or prepared."""


class CompileWarning(UserWarning):
    """A compiled function runs eagerly from now on; the message says why."""


class Unrecordable(Exception):
    """The program does something that a recording cannot express."""


class Uncertain(Exception):
    """No recording is made of this point; others may do."""


class Looked(BaseException):
    """A rule looked at a recorded number; no `except Exception` of a program may catch it."""


def text_of(error: Exception) -> str:
    """Why a recording failed: SciPy's function that it went through, or the error."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__", "")
        if module.startswith("scipy."):
            parts = [part for part in module.split(".") if not part.startswith("_")]
            name = ".".join([*parts, frame.f_code.co_qualname])
            return f"{name} computes with plain numbers, not with recorded ones"
    return f"{type(error).__name__} while it was recorded: {error}"
