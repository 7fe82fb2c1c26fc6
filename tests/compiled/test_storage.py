"""Compiled functions that are saved, and loaded elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.compiled import CompileError, machine
from dualdiff.compiled.machine import binding
from tests.compiled.helpers import assert_same, calls_agree, replays

BACKENDS = ["python", *(["llvm"] if binding() is not None else [])]
X = np.array([0.3, 0.7, 1.1])
WEIGHTS = np.ones(3)


def loss(x):
    y = np.where(x > 0.5, np.sin(x), x**2)
    return np.sum(WEIGHTS * y) if x[0] > 0 else np.sum(x)


def large(x):
    return np.sum(np.tanh(x) * np.exp(-x) + np.sort(x))


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch) -> None:
    monkeypatch.setenv("DUALDIFF_CACHE", "")
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("operator", [lambda f: f, dd.value_and_grad, dd.hessian])
def test_loaded_functions_replay_without_the_function(operator, backend, tmp_path: Path) -> None:
    e = operator(loss)
    g = dd.compile(e, X, backend=backend)
    g(-X)  # another course
    g.save(tmp_path / "g")
    h = dd.load_compiled(tmp_path / "g")
    calls_agree(h, e, [(X,), (X * 2,), (-X,), (X[::1] + 0.1,)])
    assert replays(h) == 4
    assert "native code" in str(h.report()) or backend == "python"


@pytest.mark.parametrize("backend", BACKENDS)
def test_large_arrays_and_containers(backend, tmp_path: Path) -> None:
    e, x = dd.value_and_grad(lambda p: large(p["a"]) * p["b"][0]), np.linspace(0.1, 0.9, 30_000)
    g = dd.compile(e, {"a": x, "b": [2.0]}, backend=backend)
    g.save(tmp_path / "g")
    h = dd.load_compiled(tmp_path / "g")
    p = {"a": x[::1] * 0.7, "b": [0.5]}
    for _ in range(3):
        assert_same(h(p), e(p))


def test_calls_that_no_recording_answers_raise_and_leave_the_rest_alone(tmp_path: Path) -> None:
    dd.compile(dd.grad(loss), X).save(tmp_path / "g")
    h = dd.load_compiled(tmp_path / "g")
    for wrong in (-X, np.ones(4), X.astype(np.float32), np.full(3, np.nan)):
        for _ in range(20):
            with pytest.raises(CompileError, match="no saved recording"):
                h(wrong)
        assert_same(h(X), dd.grad(loss)(X))


def test_with_the_function_other_calls_record_anew(tmp_path: Path) -> None:
    e = dd.grad(loss)
    dd.compile(e, X).save(tmp_path / "g")
    h = dd.load_compiled(tmp_path / "g", e)
    calls_agree(h, e, [(X,), (-X,), (X.astype(np.float32),)] * 4)
    assert replays(h) == 10


def test_another_function_or_other_state_is_refused(tmp_path: Path, monkeypatch) -> None:
    dd.compile(dd.grad(loss), X).save(tmp_path / "g")
    with pytest.raises(CompileError, match="not the function that was saved"):
        dd.load_compiled(tmp_path / "g", dd.grad(large))
    monkeypatch.setitem(globals(), "WEIGHTS", 2 * np.ones(3))
    with pytest.raises(CompileError, match="the global 'WEIGHTS' differs"):
        dd.load_compiled(tmp_path / "g", dd.grad(loss))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    dd.compile(loss, X).save(tmp_path / "g")
    content = (tmp_path / "g").read_bytes()
    for damaged in (b"", content[:40], content[:-1] + b"x", b"garbage" * 99):
        (tmp_path / "g").write_bytes(damaged)
        with pytest.raises(CompileError, match="damaged"):
            dd.load_compiled(tmp_path / "g")


def test_what_cannot_be_saved_says_why(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="call it first"):
        dd.compile(loss).save(tmp_path / "g")
    rng = np.random.default_rng(0)
    with pytest.raises(CompileError, match="random"):
        dd.compile(lambda x: x + rng.random(), 1.0).save(tmp_path / "g")


def test_machine_code_of_another_processor_is_made_anew(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("llvmlite", reason="native code is the extra `compile`")
    g = dd.compile(dd.grad(loss), X)
    own = machine.processor()
    monkeypatch.setattr("dualdiff.compiled.scalar.processor", lambda: ("other", ""))
    g.save(tmp_path / "g")
    monkeypatch.setattr("dualdiff.compiled.scalar.processor", lambda: own)
    assert_same(dd.load_compiled(tmp_path / "g")(X), dd.grad(loss)(X))


def test_another_process_loads_it(tmp_path: Path) -> None:
    dd.compile(dd.value_and_grad(loss), X).save(tmp_path / "g")
    code = (
        "import sys, numpy as np, dualdiff as dd\n"
        "print(dd.load_compiled(sys.argv[1])(np.array([0.3, 0.7, 1.1]))[1].tolist())"
    )
    out = subprocess.run([sys.executable, "-c", code, str(tmp_path / "g")],
                         capture_output=True, text=True, check=True)  # fmt: skip
    assert out.stdout.strip() == str(dd.grad(loss)(X).tolist())
