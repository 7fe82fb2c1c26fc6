"""Errors of a function that runs on traced arguments: their causes, and second runs."""

from __future__ import annotations

import copy
import re
import traceback
import weakref
from collections.abc import Callable, Sequence
from ctypes import ArgumentError
from typing import Any

import numpy as np

from .. import errors
from ..array.box import is_box, unbox
from ..core.trace import STORED, materialize
from ..core.types import Value
from ..debug import same
from ..errors import (
    ConversionError,
    DualdiffError,
    in_library,
    instead_of_library,
    is_library,
    is_of_package,
    library_function_of,
    line_text,
    objects_error,
    or_patch,
    plain_target_error,
    user_frame_of,
    user_line,
)
from ..trees import flatten
from .functions import code_of
from .masks import zero_masks

# Called with each function before it runs on traced arguments.
PREPARE: list[Callable[[Any], None]] = []
# Called with a refused conversion; whether a second run may do better (see `patching`).
LEARN: list[Callable[[BaseException], bool]] = []
_ATTEMPTS = 100  # a program may compile its code anew in each of them, and nothing is learned


def may_try_again(boxes: Sequence[Any], error: BaseException, attempts: int) -> bool:
    """Whether another run may do what the function was refused in the `attempts` before."""
    if not LEARN or not isinstance(error, ConversionError) or attempts >= _ATTEMPTS:
        return False
    stored = any(is_box(b) and b.owner is STORED for b in boxes)
    found = [learn(error.__cause__ or error) for learn in LEARN]
    return any(found) and not stored


def _holds_boxes(v: Value) -> bool:
    return is_box(v) or (type(v) is np.ndarray and v.dtype.hasobject)


def _leaves(out: Any) -> list[Any]:
    return [unbox(materialize(v)) if _holds_boxes(v) else v for v in flatten(out)[0]]


def _is_nan(x: Value) -> bool:
    dtype = getattr(x, "dtype", None)
    if isinstance(x, (float, complex)):
        return x != x
    return dtype is not None and dtype.kind in "fc" and bool(np.isnan(x).any())


def returns_nan(out: Any) -> bool:
    """Whether a NaN is among the values of a result."""
    return any(map(_is_nan, _leaves(out)))


def leak_of(out: Any, plain: Any, run: Callable[[], Any]) -> ConversionError | None:
    """The error for a NaN that the function does not return on plain values, or None.

    Compiled code has read it in the memory of an array that holds traced values. It may also be a
    structural zero of a derivative within the function: masks remove it in another run.
    """
    leaves, expected = _leaves(out), _leaves(plain)
    if len(leaves) != len(expected):
        return None
    if not any(_is_nan(v) and not _is_nan(p) for v, p in zip(leaves, expected, strict=True)):
        return None
    with zero_masks():
        if not returns_nan(run()):
            return None
    return _read_in_memory("NaN, which it does not on plain values")


def _read_in_memory(what: str) -> ConversionError:
    return ConversionError(
        f"compiled code has read an array that holds traced values: the function returned {what}, "
        f"{user_line()}. Look for compiled libraries that it calls, and pass "
        f"dualdiff.value_of(x) to them where x is to count as constant."
    )


# The codes of functions whose results have agreed with those on plain values, beside arrays of
# objects and beside arrays that hold traced values. The comparison runs a function once more, which
# a program may see: so it is made until it agrees.
_agreed: dict[bool, weakref.WeakSet[Any]] = {True: weakref.WeakSet(), False: weakref.WeakSet()}


def swallowed(
    out: Any, f: Any, run: Callable[[], Any], refusal: str | None, objects: str | None
) -> ConversionError | None:
    """The error for a result that differs from the plain one, after a refusal that was caught, or
    where NumPy has made an array of objects at a line, or compiled code may have read memory."""
    code, agreed = code_of(f), _agreed[objects is not None]
    if refusal is None and code in agreed:
        return None
    try:
        plain = run()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # also of a test; the program expects the refusal
        return error if isinstance(error, ConversionError) else None
    leaves, expected = _leaves(out), _leaves(plain)
    if len(leaves) == len(expected) and all(map(same, leaves, expected)):
        if refusal is None:
            agreed.add(code)
        return None
    if refusal is None:
        if not all(map(same, expected, _leaves(run()))):
            return None  # it draws random numbers
        if objects is None:
            return _read_in_memory("another value than on plain values")
        return ConversionError(
            f"the function returned another value than on plain values. NumPy made an array of "
            f"objects of traced numbers {objects}: it has no real and imaginary parts, and its "
            f"dtype is another. Make the array with np.stack([...]) or dualdiff.numpy.array([...])"
            f"{or_patch(', or run inside `with dualdiff.patch():`')}."
        )
    return ConversionError(
        f"the function caught an error, and returned another value than on plain values: {refusal}"
    )


def of_traced_alone(error: BaseException) -> DualdiffError:
    """The error for a complaint that the function does not make of plain values.

    It looks at the type of a value, or hands it to compiled code.
    """
    return refusal_behind(error) or ConversionError(
        f"{library_function_of(error) or 'the program'} complains of a traced value, and not of "
        f"the plain one, {line_text(*user_frame_of(error))}: {type(error).__name__}: "
        f"{str(error)[:200]}. It asks for the type of the value, or hands it to compiled code"
        f"{or_patch(': run it inside `with dualdiff.patch():`')}. Declare its derivative with "
        f"dualdiff.extend (see docs/extending.md), or pass dualdiff.value_of(x) to count x as "
        f"constant."
    )


# How compiled code complains of an argument that is no array.
_COMPILED = re.compile(
    r"\b(Var|Dual|View|Dependent|MadeTraced)\b|No matching signature found|"
    r"incompatible function arguments|Expected a \d-dim C contiguous|Can't update read-only array"
)


# How NumPy complains of objects to be stored.
_OBJECT_OUTPUT = re.compile(r"Cannot cast ufunc '\w+' output from dtype\('O'\)")
# How NumPy's functions complain of an object array.
_OBJECTS = re.compile(
    r"Cannot cast ufunc '(\w+)' input(?: \d+)? from dtype\('O'\)|Cannot cast array data from "
    r"dtype\('O'\)|ufunc '(\w+)' not supported for the input types|"
    r"'(?:Var|Dual|View|Array|Dependent|float)' object has no attribute '(\w+)'|"
    r"loop of ufunc does not support argument \d+ of type (?:Var|Dual|View|Array)|"
    r"array type object is unsupported in linalg"
)


def refusal_behind(error: BaseException) -> DualdiffError | None:
    """An error of dualdiff's that a program or a library has turned into its own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, DualdiffError):
            again = copy.copy(cause)  # the cause of an error must not have it as a cause
            again.__cause__ = error
            return again
        cause = cause.__cause__ or cause.__context__
    return None


def may_come_of_types(error: BaseException) -> bool:
    """Whether an error may be one that the function does not have on plain values."""
    if isinstance(error, DualdiffError):
        return False
    of_types = (TypeError, AttributeError, KeyError, ArgumentError, SyntaxError)
    if isinstance(error, of_types) or refusal_behind(error):
        return True
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    outside = [frame for frame in frames if not is_library(frame.f_code.co_filename)]
    # Libraries check their values in more ways than programs do.
    of_package = bool(outside) and is_of_package(outside[-1])
    is_own = not frames or frames[-1].f_globals.get("__name__", "").startswith("dualdiff.")
    # dualdiff hands on NumPy's complaints to a program: only a ValueError may be its own word.
    checked = type(error) is IndexError or (
        type(error) is ValueError and (of_package or not is_own)
    )
    return checked and (of_package or errors.patches > 0)


def explain(error: BaseException) -> DualdiffError | None:
    """dualdiff's error behind one of NumPy's, or a clearer error for NumPy's complaint of a box."""
    if isinstance(error, DualdiffError):
        return None
    if isinstance(error, (TypeError, ValueError)) or type(error).__module__ == "pandas.errors":
        behind = refusal_behind(error)
        if behind is not None:
            return behind
    if ConversionError.last.text is not None and in_library(error):
        return ConversionError(ConversionError.last.text)
    text, where = str(error), line_text(*user_frame_of(error))
    is_store = text == "Error setting single item of array."  # `plain.flat[i] = x`
    if is_store or _OBJECT_OUTPUT.search(text):  # `plain += [x, y]`
        return plain_target_error("a plain NumPy array", where)
    if text == "object __array__ method not producing an array":
        return ConversionError(
            f"a container that holds traced values cannot become a plain NumPy array, "
            f"{where}; write x.to_numpy() or x.values for a Series, a "
            f"DataFrame or a DataArray{or_patch(', or run inside `with dualdiff.patch():`')}."
        )
    if text.startswith("Iterator operand"):
        return ConversionError(
            f"np.nditer takes no traced arrays, {where}; write dualdiff.numpy.nditer, or a "
            f"loop over np.ndindex(x.shape){or_patch(', or run inside `with dualdiff.patch():`')}."
        )
    if "has no callable" in text and "method" in text:
        name = text.rsplit("callable ", 1)[1].split(" ")[0]
        return ConversionError(
            f"numpy.{name} was called on an object array of traced scalars, {where}. Make "
            f"the array with dualdiff.numpy.array([...]) or np.stack([...])"
            f"{or_patch(', or run inside `with dualdiff.patch():`')}."
        )
    if isinstance(error, (TypeError, AttributeError)) and (met := _OBJECTS.search(text)):
        name = next((g for g in met.groups() if g), "a function")
        if isinstance(error, AttributeError) and not isinstance(getattr(np, name, 0), np.ufunc):
            return None  # of the program itself
        return objects_error(name, where)
    if isinstance(error, (TypeError, ValueError)) and _COMPILED.search(text):
        if str(library_function_of(error)).startswith("numpy.ma."):
            return ConversionError(
                f"a masked array cannot hold traced values, {where}; pass the array, and keep the "
                f"mask beside it (np.where(mask, 0.0, x), x[~mask])."
            )
        if text.startswith("a bytes-like object is required"):
            return ConversionError(
                f"compiled code reads the memory of an array, and a traced array has none, "
                f"{where} ({text}). {instead_of_library()}, or pass dualdiff.value_of(x); for a "
                f"buffer, np.ndarray.__new__(cls, shape, buffer=x), write "
                f"np.reshape(x, shape).view(cls)."
            )
        for word, bridge in (("Tensor", "from_torch"), ("JAX", "from_jax")):
            if word in text:
                return ConversionError(
                    f"a function of {word}{'s' if word == 'Tensor' else ' arrays'} was called on a "
                    f"traced array, {where} ({text[:80].strip()}). Make it a function of NumPy's "
                    f"arrays first: g = dualdiff.{bridge}(f)."
                )
        return ConversionError(
            f"{library_function_of(error) or 'compiled code'} was called on a traced array, "
            f"{line_text(*user_frame_of(error))}, and its compiled code takes plain arrays "
            f"({text[:80].strip()}). {instead_of_library()}, or pass dualdiff.value_of(x). "
            f"For factors of splu, call dualdiff.scipy.sparse.linalg.splu in its place."
        )
    return None
