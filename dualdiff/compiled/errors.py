"""The errors and warnings of compilation."""

from __future__ import annotations

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
