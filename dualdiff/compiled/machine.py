"""Machine code from LLVM's assembly text, through llvmlite, with a cache on disk."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ..core.types import Value
from .errors import CompileError

VERSION = 4  # of the text that is generated, and of the passes
# Characters of a text up to which LLVM's passes pay, and up to which its better code is made.
SHORT, LONGEST = 100_000, 4_000_000
QUICK, PLAIN, PASSES = 0, 1, 2  # LLVM's least effort, its better code, and its passes before that
_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # a child must not begin while LLVM works in another thread
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


@functools.cache
def binding() -> Any:
    """llvmlite's binding, initialised, or None if llvmlite is not installed."""
    try:
        import llvmlite.binding as llvm
    except ImportError:
        return None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@functools.cache
def processor() -> tuple[str, str]:
    """The name and the features of this processor."""
    llvm = binding()
    if llvm is None:
        raise CompileError("native code needs llvmlite: pip install dualdiff[compile]")
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def cache_folder() -> Path | None:
    """Where machine code is kept; None if ``DUALDIFF_CACHE`` is empty."""
    named = os.environ.get("DUALDIFF_CACHE")
    if named is not None:
        return Path(named) if named else None
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(root) / "dualdiff"


def object_code(text: str, effort: int) -> bytes:
    """Machine code for a text, from the cache or new."""
    path = _path_of(text, effort)
    found = _read(path)
    if found is None:
        found = compiled(text, effort)
        _write(path, found)
    return found


def _path_of(text: str, effort: int) -> Path | None:
    """The file of the cache for a text."""
    folder = cache_folder()
    if folder is None:
        return None
    name, features = processor()
    versions = f"{VERSION} {effort} {binding().llvm_version_info} {name} {features}"
    key = hashlib.sha256(f"{versions}\n{text}".encode()).hexdigest()
    return folder / f"{key}.o"


def _read(path: Path | None) -> bytes | None:
    """The content of a file of the cache; None if it is missing or damaged."""
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except OSError:
        return None
    mark, code = content[:32], content[32:]
    return code if hashlib.sha256(code).digest() == mark else None


def _write(path: Path | None, code: bytes) -> None:
    """Keep machine code; a cache that cannot be written to is left alone."""
    if path is None:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(code).digest() + code)
        os.replace(temporary, path)  # at once, for other processes


def _target_machine(effort: int) -> Any:
    llvm = binding()
    name, features = processor()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=name, features=features, opt=effort, jit=True
    )


def compiled(text: str, effort: int) -> bytes:
    """New machine code for a text; all efforts give the same results to the last bit."""
    with _lock:  # also while what LLVM has made is freed: a fork must not come in between
        return _compiled(text, effort)


def _compiled(text: str, effort: int) -> bytes:
    llvm = binding()
    module = llvm.parse_assembly(text)
    module.verify()
    machine = _target_machine(effort)
    if effort == PASSES:
        options = llvm.create_pipeline_tuning_options(speed_level=2)
        options.loop_vectorization, options.slp_vectorization = True, False
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))


class Code:
    """Loaded machine code: `run(arena, table)` returns a number."""

    def __init__(self, code: bytes) -> None:
        llvm = binding()
        with _lock:
            self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target_machine(0))
            self.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self.engine.finalize_object()
            address = self.engine.get_function_address("run")
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
        self.run: Any = kind(address)
        self.code = code


@functools.cache
def data_offset() -> int:
    """Where an array object holds the address of its elements: behind what all objects have, as
    the interface of NumPy's C library says."""
    offset, x = object.__basicsize__, np.zeros(1)
    if ctypes.c_void_p.from_address(id(x) + offset).value != x.ctypes.data:
        raise CompileError("NumPy's arrays do not begin with the address of their elements")
    return offset


def address_of(x: Value) -> int:
    """Where the elements of an array lie."""
    return int(x.ctypes.data)
