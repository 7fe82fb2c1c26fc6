"""The commands of ``python -m dualdiff``: check, explain and info; run is in `__main__`."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import platform
import runpy
import shutil
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from . import __version__
from .errors import DualdiffError, GradientError, line_text, user_frame_of
from .explaining import explain
from .patching import patch
from .testing import MODES, CheckMode, check_grads

WRONG, MISUSED = 1, 2  # exit codes: a derivative is wrong, the command or the program is
EXTRAS = [
    "pandas",
    "tqdm",
    "matplotlib",
    "llvmlite",
    "scikit-learn",
    "autograd",
    "jax",
    "torch",
    "xarray",
    "dask",
    "distributed",
    "numba",
    "threadpoolctl",
]


class UsageError(Exception):
    """A mistake in the command, in words for its user."""


def _namespace(place: str) -> dict[str, Any]:
    """The names that a file or a module defines, its ``__main__`` part left out."""
    if place.endswith(".py"):
        if not os.path.isfile(place):
            raise UsageError(f"there is no file {place!r} in {os.getcwd()}")
        sys.path.insert(0, os.path.dirname(os.path.abspath(place)))
        return runpy.run_path(place, run_name="<dualdiff>")
    sys.path.insert(0, os.getcwd())
    try:
        return vars(importlib.import_module(place))
    except ModuleNotFoundError as error:
        if error.name is None or not place.startswith(error.name):
            raise
        raise UsageError(f"there is no module {place!r}; a file is named with its .py") from None


def _function(target: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The function that ``program.py:name`` names, and the names of its program."""
    place, colon, name = target.rpartition(":")
    if not (colon and place and name):
        raise UsageError(f"{target!r} names no function; write program.py:function")
    names = _namespace(place)
    found: Any = None
    for k, part in enumerate(name.split(".")):
        found = names.get(part) if k == 0 else getattr(found, part, None)
        if found is None:
            functions = [n for n, v in names.items() if inspect.isfunction(v) and n[0] != "_"]
            listed = ", ".join(functions) or "none"
            raise UsageError(f"{place} defines no {name!r}; its functions are: {listed}")
    if not callable(found):
        raise UsageError(f"{name} in {place} is no function, but of type {type(found).__name__}")
    return found, names


def _arguments(f: Callable[..., Any], names: dict[str, Any], at: str | None) -> tuple[Any, ...]:
    """The arguments of a call: those of `at`, or the program's variables of the same names."""
    if at is not None:
        try:
            found = eval(f"({at.strip().removesuffix(',')},)", {"np": np, "numpy": np, **names})
        except Exception as error:
            raise UsageError(f"--at {at!r}: {type(error).__name__}: {error}") from None
        return tuple(found)
    arguments, missing = [], []
    for p in inspect.signature(f).parameters.values():
        if p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            continue
        if p.default is not p.empty:
            break
        if p.name in names and not callable(names[p.name]):
            arguments.append(names[p.name])
        else:
            missing.append(p.name)
    if missing:
        raise UsageError(
            f"no arguments for {', '.join(missing)}: the program has no variables of these names. "
            f"Give them in order, for example --at 'np.ones(3), 2.0'"
        )
    return tuple(arguments) or _defaults(f)


def _defaults(f: Callable[..., Any]) -> tuple[Any, ...]:
    """The first defaults of a function that needs no arguments, up to one that is an option."""
    found = []
    for p in inspect.signature(f).parameters.values():
        is_positional = p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        if not is_positional or p.default is None or isinstance(p.default, (str, bool)):
            break
        found.append(p.default)
    if not found:
        name = getattr(f, "__name__", "the function")
        raise UsageError(f"{name} has no arguments by which a derivative can be taken")
    return tuple(found)


def _argnums(text: str | None) -> Any:
    if text is None:
        return None
    parts = [int(p) if p.lstrip("-").isdigit() else p for p in text.split(",")]
    return parts[0] if len(parts) == 1 else tuple(parts)


def _told(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning in the words of the command line, whose own lines say nothing to a user."""
    print(f"warning: {message}", file=sys.stderr)


def check(given: argparse.Namespace) -> int:
    """Compare the derivatives of a function with numerical ones."""
    f, names = _function(given.function)
    arguments = _arguments(f, names, given.at)
    modes: tuple[CheckMode, ...] = MODES if given.mode == "both" else (given.mode,)
    argnums = _argnums(given.argnums)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _told
            check_grads(
                f, arguments, modes=modes, order=given.order, rtol=given.rtol, atol=given.atol,
                argnums=argnums,
            )  # fmt: skip
    except GradientError as error:
        print(error)
        return WRONG
    orders = "order 1" if given.order == 1 else f"order 1 to {given.order}"
    print(f"{given.function}: derivatives of {orders} agree, {' and '.join(modes)} mode.")
    return 0


def explained(given: argparse.Namespace) -> int:
    """Say what the derivative of a function does, by line of the program."""
    f, names = _function(given.function)
    argnums = _argnums(given.argnums)
    found = explain(f, *_arguments(f, names, given.at), argnums=0 if argnums is None else argnums)
    found.limit = given.lines
    print(found)
    if given.graph:
        found.graph().save(given.graph)
    if given.plot:
        found.plot().figure.savefig(given.plot, bbox_inches="tight")
    return 0


def _version_of(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _blas() -> str:
    config: Any = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    text = f"{blas.get('name')} {blas.get('version')}"
    if importlib.util.find_spec("threadpoolctl") is not None:
        threadpoolctl = importlib.import_module("threadpoolctl")
        pools = [p for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"]
        kernels = [f"{p['architecture']}, {p['num_threads']} threads" for p in pools]
        text += f" ({'; '.join(dict.fromkeys(kernels))})"
    return text


def information() -> dict[str, str]:
    """What a report of a fault needs: versions, the machine, the extras."""
    config: Any = np.show_config(mode="dicts")
    simd = config.get("SIMD Extensions", {})
    found = {
        "dualdiff": __version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "machine": f"{platform.platform()}, {os.cpu_count()} processors",
        "NumPy": np.__version__,
        "SciPy": _version_of("scipy"),
        "optree": _version_of("optree"),
        "numdifftools": _version_of("numdifftools"),
        "BLAS": _blas(),
        "SIMD": ", ".join(simd.get("found", simd.get("baseline", []))),
    }
    found |= {f"{name} (extra)": _version_of(name) for name in EXTRAS}
    found["graphviz (extra)"] = shutil.which("dot") or "not installed"
    return found


def info(given: argparse.Namespace) -> int:
    """Print what a report of a fault needs."""
    for name, text in information().items():
        print(f"{name:22s} {text}")
    return 0


def guarded(command: Callable[[argparse.Namespace], int], given: argparse.Namespace) -> int:
    """Run a command; a mistake of the user's is one line, or a few, and no traceback."""
    try:
        with patch():
            return command(given)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
    except DualdiffError as error:
        print(f"error: {error}", file=sys.stderr)
    except Exception as error:
        if getattr(given, "traceback", False):
            raise
        file, line = user_frame_of(error)
        where = f", {line_text(file, line)}" if line else ""
        print(f"error: {type(error).__name__}: {error}{where}", file=sys.stderr)
        print("(--traceback shows where it came from)", file=sys.stderr)
    return MISUSED
