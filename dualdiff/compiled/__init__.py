"""Recorded programs, replayed as fast code."""

from .errors import CompileError, CompileWarning
from .function import Compiled, compile

__all__ = ["CompileError", "CompileWarning", "Compiled", "compile"]
