"""Recordings in files, with their guards and code."""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import pickle
import sys
import types
from pathlib import Path
from typing import Any

from ..core.primitive import JVPS, PRIMITIVES, VJPS, Primitive
from .errors import CompileError

_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)
_MARK = b"dualdiff compiled 1\n"  # of the form of the file


class _Pickler(pickle.Pickler):
    """Writes primitives, their functions and their rules by the primitives' names."""

    def __init__(self, target: io.BytesIO) -> None:
        super().__init__(target, pickle.HIGHEST_PROTOCOL)
        self.known: dict[Any, tuple[str, str, str]] = {}
        for p in PRIMITIVES:
            for part, x in _parts(p).items():
                self.known.setdefault(x, (part, getattr(p.fn, "__module__", ""), p.name))

    def persistent_id(self, x: Any) -> Any:
        return self.known.get(x) if isinstance(x, (Primitive, *_FUNCTIONS)) else None


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: tuple[str, str, str]) -> Any:
        part, module, name = pid
        if module.startswith("dualdiff."):
            importlib.import_module(module)
        for p in PRIMITIVES:
            if p.name == name:
                return _parts(p)[part]
        raise CompileError(f"this version of dualdiff has no primitive {name!r}")


def _parts(p: Primitive) -> dict[str, Any]:
    return {"": p, "fn": p.fn, "vjp": VJPS[p.opcode], "jvp": JVPS[p.opcode]}


def write(path: str | os.PathLike[str], name: str, *parts: Any) -> None:
    """Write the parts of the compiled function `name` to a file."""
    target = io.BytesIO()
    try:
        _Pickler(target).dump((_versions(), name, *parts))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise CompileError(f"{name} cannot be saved: {error}") from error
    content = target.getvalue()
    Path(path).write_bytes(_MARK + hashlib.sha256(content).digest() + content)


def read(path: str | os.PathLike[str]) -> Any:
    """The name of a compiled function and its parts, from a file."""
    content = Path(path).read_bytes()
    mark, rest = content[: len(_MARK)], content[len(_MARK) :]
    if mark != _MARK or hashlib.sha256(rest[32:]).digest() != rest[:32]:
        raise CompileError(f"{path} is no file of a compiled function, or is damaged")
    try:
        versions, *parts = _Unpickler(io.BytesIO(rest[32:])).load()
    except (pickle.UnpicklingError, ImportError, AttributeError) as error:
        raise CompileError(f"{path} cannot be loaded here: {error}") from error
    if versions != _versions():
        raise CompileError(f"{path} was written by {versions}, this is {_versions()}")
    return parts


def _versions() -> str:
    return f"dualdiff {sys.modules['dualdiff'].__version__}, Python {sys.version_info[:2]}"
