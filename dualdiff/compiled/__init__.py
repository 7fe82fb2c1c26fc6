"""Recorded programs, replayed as fast code."""

from .errors import CompileError, CompileWarning
from .function import Compiled, compile
from .lanes import vectorize
from .loading import load_compiled

__all__ = ["CompileError", "CompileWarning", "Compiled", "compile", "load_compiled", "vectorize"]
