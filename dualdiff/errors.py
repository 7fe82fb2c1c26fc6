"""Errors that name the cause, the line of the user's program, and what to write instead."""

from __future__ import annotations

import dis
import functools
import html
import linecache
import os
import sys
import threading
import warnings
from types import FrameType
from typing import Any

import numpy as np

__all__ = [
    "CaptureError",
    "ChangedPrivateNameError",
    "ChangedResidualError",
    "CheckpointError",
    "ClosedTraceError",
    "ConversionError",
    "DualdiffError",
    "GradientError",
    "HolomorphicError",
    "IndependentResultWarning",
    "KeptValueError",
    "MissingMethodError",
    "MissingPackageError",
    "MissingRuleError",
    "NoCovarianceError",
    "NonFiniteDerivativeError",
    "NonFiniteError",
    "NotRepeatedError",
    "NotSplitError",
    "OtherSizeError",
    "PathError",
    "PatternError",
    "RepeatedRunWarning",
    "RuleError",
    "SchedulerError",
    "SingularError",
    "SolverError",
    "UnsupportedInputError",
]

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_NUMPY = os.path.dirname(os.path.abspath(np.__file__))
# The folders of installed packages; an environment may build on another one.
_INSTALLED = tuple(
    {os.path.dirname(_NUMPY) + os.sep}
    | {p + os.sep for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages")}
)
_LIBRARIES = (
    _PACKAGE + os.sep,
    _NUMPY + os.sep,
    *(os.path.join(os.path.dirname(_NUMPY), name) + os.sep for name in ("scipy", "pandas")),
    *(os.path.join(os.path.dirname(os.__file__), name) for name in ("contextlib", "functools")),
    *(os.path.join(os.path.dirname(os.__file__), name) for name in ("collections", "statistics")),
    "<frozen",
    "<__array_function__",
)


class DualdiffError(Exception):
    """Base class of every error that dualdiff raises on its own account."""


class RuleError(DualdiffError, ValueError):
    """A rule gave a tangent or cotangent of the wrong shape."""


class MissingRuleError(DualdiffError, NotImplementedError):
    """A function was called on a traced array and dualdiff has no derivative for it."""


class _Last(threading.local):
    """The latest refusal of a thread, and the line where NumPy has made an array of objects."""

    text: str | None = None
    objects: str | None = None


class ConversionError(DualdiffError, TypeError):
    """A traced array was asked to become a plain number or a plain array.

    `last` keeps the latest text of a thread: compiled libraries replace the error by their own.
    """

    last = _Last()

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.last.text = text


class ClosedTraceError(DualdiffError, RuntimeError):
    """A traced array was used after its derivative was taken."""


class UnsupportedInputError(DualdiffError, TypeError):
    """An argument cannot be differentiated or combined with a traced array."""


class SchedulerError(DualdiffError, RuntimeError):
    """The scheduler or the workers that compute a lazy derivative do not answer."""


class NonFiniteError(DualdiffError, FloatingPointError):
    """Under `debug_nans`, an operation made a NaN or an infinity of finite input."""


class PathError(DualdiffError, RuntimeError):
    """Under `debug_paths`, a program took another branch, or gave another value, when traced."""


class ChangedResidualError(DualdiffError, RuntimeError):
    """A plain array was changed in place between its use and the backward pass."""


class NotRepeatedError(ChangedResidualError):
    """A function that changes an array after its use did not repeat itself on copies."""


class OtherSizeError(UnsupportedInputError):
    """The number of results is not the number that a sparse derivative was prepared for."""


class NonFiniteDerivativeError(DualdiffError, ArithmeticError):
    """A sparse derivative holds a NaN or an infinity."""


class PatternError(DualdiffError, ValueError):
    """A sparse derivative does not agree with its pattern."""


class IndependentResultWarning(UserWarning):
    """A function looked at an argument on which its result does not depend."""


warns_of_independence = True  # see `settings.config`


def warn_of_rounding(digits: Any = None) -> None:
    """Warn of a traced value that is rounded to some decimals, which ends its derivative."""
    if warns_of_independence and isinstance(digits, (int, np.integer)) and digits > 0:
        file, line = user_frame()
        warnings.warn_explicit(
            f"a traced value is rounded to {digits} decimals, {line_text(file, line)}: a step has "
            f"the derivative 0, however small it is. Leave the rounding out where the derivative "
            f"counts. dualdiff.config(independence=False) turns this warning off.",
            IndependentResultWarning,
            file,
            line,
        )


class RepeatedRunWarning(UserWarning):
    """A function gave other results in a second run, which its derivative needs."""


class CheckpointError(DualdiffError, RuntimeError):
    """A checkpointed function gave another result in its second run."""


class SingularError(DualdiffError, np.linalg.LinAlgError):
    """The equations that define a result do not determine its derivative."""


class SolverError(DualdiffError, RuntimeError):
    """A solver returned a point that does not solve its equations."""


class MissingPackageError(DualdiffError, ImportError):
    """An optional package is not installed."""


class HolomorphicError(DualdiffError, ValueError):
    """A function under ``holomorphic=True`` violates the Cauchy-Riemann equations."""


class NotSplitError(DualdiffError, ArithmeticError):
    """No vectors of the same dtype continue along this direction."""


class ChangedPrivateNameError(DualdiffError):
    """A private method of SciPy's does not give the value of the public one."""


class MissingMethodError(DualdiffError, AttributeError):
    """A sparse array with traced values lacks a method that SciPy's has."""


class GradientError(DualdiffError, AssertionError):
    """A derivative differs from the numerical derivative, or between the modes."""

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


class CaptureError(DualdiffError, ValueError):
    """A function with a rule of its own used a traced value that is not its argument."""


class KeptValueError(DualdiffError, RuntimeError):
    """A value that was computed during the iterations of a solver was used after them."""


class NoCovarianceError(DualdiffError, ValueError):
    """A fit has no covariance: the curvature at its end is not that of a minimum."""


@functools.lru_cache(maxsize=4096)
def is_library(filename: str) -> bool:
    return filename.startswith(_LIBRARIES)


_CYTHON = (".pyx", ".pxd", ".pxi", "<stringsource>")  # files of compiled code


def user_frame() -> tuple[str, int]:
    """File and line number of the innermost frame outside dualdiff and all installed packages.

    Without such a frame, of the innermost one outside dualdiff, NumPy and SciPy.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and is_library(frame.f_code.co_filename):
        frame = frame.f_back
    found: FrameType | None = frame
    while found is not None:
        name = found.f_code.co_filename
        if not (is_library(name) or name.startswith(_INSTALLED)):
            return name, found.f_lineno
        found = found.f_back
    return frame.f_code.co_filename, frame.f_lineno


def is_of_package(frame: FrameType) -> bool:
    """Whether a frame runs code of an installed package other than NumPy, SciPy and dualdiff."""
    name = frame.f_code.co_filename
    return name.startswith(_INSTALLED) and not is_library(name)


def user_frame_of(error: BaseException) -> tuple[str, int]:
    """File and line number of the innermost Python frame outside the libraries that an error
    passed."""
    trace, found = error.__traceback__, ("<unknown>", 0)
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not is_library(file) and not file.endswith(_CYTHON):
            found = file, trace.tb_lineno
        trace = trace.tb_next
    return found


def line_text(filename: str, line: int) -> str:
    """A line of the user's program, as error messages show it."""
    if filename.startswith("<frozen"):  # no program: `python -m dualdiff` made the call
        return "on the command line"
    source = linecache.getline(filename, line).strip()
    where = f"{os.path.basename(filename)}:{line}"
    return f"at {where}: `{source}`" if source else f"at {where}"


def library_function() -> str | None:
    """The SciPy function that the user called, if this code runs inside one, or None."""
    frame, found = sys._getframe(1), None
    while frame.f_back is not None and is_library(frame.f_code.co_filename):
        module = frame.f_globals.get("__name__", "")
        if module.startswith("scipy."):
            name, held = frame.f_code.co_name, frame.f_locals
            wrapped = held.get("f", held.get("method"))
            if name in ("wrapper", "__ua_function__") and callable(wrapped):
                # SciPy's loops over stacks of matrices, and its backends of scipy.fft
                module, name = wrapped.__module__, wrapped.__name__
            elif name == "__init__":
                name = type(held.get("self")).__name__
            found = ".".join([*(p for p in module.split(".") if not p.startswith("_")), name])
        frame = frame.f_back
    return found


def library_function_of(error: BaseException) -> str | None:
    """The function of a library that raised an error, called by the program, or None."""
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        module = frame.f_globals.get("__name__", "")
        if is_library(frame.f_code.co_filename) and not module.startswith("dualdiff"):
            public = [p for p in module.split(".") if not p.startswith("_")]
            return ".".join([*public, frame.f_code.co_name])
        trace = trace.tb_next
    return None


def in_library(error: BaseException) -> bool:
    """Whether an error came from a library, or out of SciPy's compiled code."""
    trace, last = error.__traceback__, ""
    while trace is not None:
        last = trace.tb_frame.f_code.co_filename
        if trace.tb_frame.f_globals.get("__name__", "").startswith("scipy."):
            return True  # its callbacks may go on after an error
        trace = trace.tb_next
    return is_library(last)


def user_line() -> str:
    """The user's line as text for an error message: ``at model.py:12: `y = np.asarray(x)` ``.

    It also has the line of an installed package that the user's line calls.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and is_library(frame.f_code.co_filename):
        frame = frame.f_back
    file, line = user_frame()
    text = line_text(file, line)
    if not is_of_package(frame) or frame.f_code.co_filename == file:
        return text
    return f"{text} (inside it, {line_text(frame.f_code.co_filename, frame.f_lineno)})"


def is_storing(depth: int) -> bool:
    """Whether the frame `depth` calls up is at ``array[index] = value``."""
    frame = sys._getframe(depth + 1)
    # Python 3.12 has an instruction of its own for `array[a:b] = value`.
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] in ("STORE_SUBSCR", "STORE_SLICE")


def is_formatting(depth: int) -> bool:
    """Whether the frame `depth` calls up is at ``text % values``, which asks for plain numbers."""
    frame = sys._getframe(depth + 1)
    if dis.opname[frame.f_code.co_code[frame.f_lasti]] != "BINARY_OP":
        return False
    steps = dis.get_instructions(frame.f_code)
    return any(step.offset == frame.f_lasti and step.argrepr == "%" for step in steps)


def calls_method(name: str, depth: int) -> bool:
    """Whether the frame `depth` calls up is at a call ``x.name(...)``, as far as its source
    shows."""
    frame = sys._getframe(depth + 1)
    code = frame.f_code
    if name not in code.co_names:
        return False
    line, last, start, end = list(code.co_positions())[frame.f_lasti // 2]
    if line is None or line != last:
        return False
    return f".{name}(".encode() in linecache.getline(code.co_filename, line).encode()[start:end]


patches = 0  # how many calls of `dualdiff.patch` are on


def or_patch(text: str) -> str:
    """A part of an error message that advises to use `dualdiff.patch`, unless it is on."""
    return "" if patches else text


takes_scipy = False  # whether SciPy's functions with rules take traced values by their own names


def instead_of_library() -> str:
    """Advice for a function of SciPy's that read a traced value."""
    on = "" if takes_scipy else "Turn SciPy's rules on with dualdiff.config(scipy=True), or "
    declare = "declare its derivative with dualdiff.extend.custom_jvp or custom_vjp"
    return f"{on}{declare if on else declare.capitalize()} (see docs/extending.md)"


def plain_target_error(target: str, where: str | None = None) -> ConversionError:
    """The error for a store of traced values into a plain array."""
    return ConversionError(
        f"{target} cannot be assigned traced values, {where or user_line()}. Make the array with "
        f"dualdiff.numpy.zeros (or empty, array)"
        f"{or_patch(' or run inside `with dualdiff.patch():`')}; for `a += x` on a plain a, write "
        f"`a = a + x`; for an array with named fields keep an array for each field. "
        f"dualdiff.value_of(x) gives the plain value, as a constant."
    )


def objects_error(name: str, where: str) -> ConversionError:
    """The error for a function of NumPy's that was called on an object array of traced values."""
    return ConversionError(
        f"numpy's {name} met an object array: a list or np.array([...]) of traced scalars, "
        f"{where}. NumPy makes it without asking dualdiff; make the array with "
        f"dualdiff.numpy.array([...]) or np.stack([...])"
        f"{or_patch(', or run inside `with dualdiff.patch():`')}."
    )


def describe(x: Any) -> str:
    """Shape and dtype of an operand, for an error message."""
    shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    if shape is None or dtype is None:
        return type(x).__name__
    return f"shape {shape} {dtype}"


def __dir__() -> list[str]:
    return __all__
