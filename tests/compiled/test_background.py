"""Long programs are interpreted at first, and code of their own takes over with the same bits."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.compiled import scalar
from dualdiff.compiled.assembly import Assembly
from dualdiff.compiled.instructions import DONE, NOT_FINITE
from dualdiff.compiled.interpreter import interpreter, rows_of
from dualdiff.compiled.machine import Code, address_of, object_code
from dualdiff.compiled.tape import ARITY, CODE, NAMES, Tape
from tests.compiled.helpers import assert_same

pytest.importorskip("llvmlite", reason="native code is the extra `compile`")
X = np.array([1.0, 0.2])
# For a program of its own: every tape counts as long.
LONG = (
    "import numpy as np, dualdiff as dd\nfrom dualdiff.compiled import scalar\nscalar.AT_ONCE = 0\n"
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DUALDIFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))
    monkeypatch.setattr(scalar, "AT_ONCE", 0)  # every tape counts as long
    return tmp_path / "cache"


def swing(p):
    a, s = p[0], p[1]
    for _ in range(50):
        s = s - 0.01 * np.sin(a) * np.exp(-s) / (1.0 + a * a)
        a = a + 0.01 * s
    return a * s


SWING = inspect.getsource(swing)


def program(g: Any) -> Any:
    (table,) = g.tables.values()
    assert table.reason == ""
    return table.recordings[0].program


def settled(g: Any) -> None:
    worker = program(g)._worker
    assert worker is not None
    worker.join()
    assert program(g).is_settled


def test_own_code_takes_over_with_the_same_bits() -> None:
    e = dd.value_and_grad(swing)
    g = dd.compile(e, X)
    quick = program(g).routine
    assert "interpreted at first" in str(g.report())
    points = [X * (1 + 0.01 * k) for k in range(20)]
    before = [program(g)(p) for p in points]
    g(X), g(X), g(X)  # the checked replays, and one more, through which the short way is made
    settled(g)
    assert program(g).routine is not quick
    assert "interpreted" not in str(g.report())
    for p, old in zip(points, before, strict=True):
        value, gradient = g(p)
        assert value == old[0]
        assert gradient.tobytes() == old[1].tobytes()
        assert_same((value, gradient), e(p))


def test_a_program_that_is_replayed_no_more_gets_no_code_of_its_own() -> None:
    g = dd.compile(dd.value_and_grad(swing), X)
    assert not program(g).is_settled
    assert program(g)._worker is None


def test_a_saved_program_has_code_of_its_own(tmp_path: Path) -> None:
    e = dd.value_and_grad(swing)
    g = dd.compile(e, X)
    g.save(tmp_path / "swing")
    assert program(g).is_settled
    loaded = dd.load_compiled(tmp_path / "swing")
    assert program(loaded).is_settled
    assert_same(loaded(X * 1.1), e(X * 1.1))


def test_threads_replay_while_the_code_changes() -> None:
    e = dd.value_and_grad(swing)
    g, wrong = dd.compile(e, X), []
    points = [X * (1 + 0.01 * k) for k in range(40)]
    wanted = [e(p) for p in points]

    def work() -> None:
        for _ in range(20):
            for p, want in zip(points, wanted, strict=True):
                got = g(p)
                if abs(got[0] - want[0]) > 1e-14 or np.abs(got[1] - want[1]).max() > 1e-13:
                    wrong.append(p)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    settled(g)
    assert not wrong


def test_reordered_sums_wait_for_the_code_that_stays() -> None:
    g = dd.compile(dd.value_and_grad(swing), X, fastmath=True)
    assert program(g).is_settled


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LONG + SWING + code], capture_output=True, text=True
    )


def test_the_interpreter_may_end_meanwhile() -> None:
    out = run("g = dd.compile(dd.grad(swing), np.ones(2))\nfor _ in range(3): g(np.ones(2))\n")
    assert out.returncode == 0
    assert out.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_can_compile_and_replay() -> None:
    code = """
import os, sys, warnings
warnings.simplefilter("ignore")  # Python warns of forks beside threads
g = dd.compile(dd.grad(swing), np.ones(2))
for _ in range(3): g(np.ones(2))
child = os.fork()
if not child:
    same = np.allclose(g(np.ones(2)), dd.grad(swing)(np.ones(2)), rtol=1e-13)
    h = dd.compile(dd.grad(lambda x: np.sum(np.sin(x) * x)), np.ones(3))
    os._exit(0 if same and np.allclose(h(np.ones(3)), np.sin(1) + np.cos(1)) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(code).returncode == 0


def test_every_operation_is_interpreted_to_the_last_bit() -> None:
    tape = Tape()
    x = tape.new_inputs(3).tolist()
    computed = [n for n in NAMES if n not in ("guard", "same", "nonzero", "finite")]
    slots = [tape.scalar(name, *x[: ARITY[CODE[name]]]) for name in computed]
    assembly = Assembly(tape.finish([np.array([slot]) for slot in slots]))
    own = Code(object_code(assembly.text, assembly.effort))
    table = np.ascontiguousarray(assembly.layout.table)
    for point in ([0.3, 0.7, 1.1], [0.9, -0.4, 0.0], [1.0, 3.0, 2.0]):
        memory = np.zeros(assembly.size)
        memory[: assembly.tape.first] = [*point, *assembly.tape.values]
        own.run(address_of(memory), address_of(table))
        for name, slot, at in zip(computed, slots, assembly.outputs, strict=True):
            finished = tape.finish([np.array([slot])])
            rows, size, (place,) = rows_of(finished)
            found = np.zeros(size)
            found[: finished.first] = [*point, *finished.values]
            ended = interpreter().run(address_of(found), address_of(rows))
            assert ended == (DONE if np.isfinite(memory[at]) else NOT_FINITE), name
            assert ended == NOT_FINITE or found[place] == memory[at], name


@pytest.mark.parametrize(
    ("name", "fails", "holds"),
    [
        ("guard", (1.0, 2.0), (1.0, 1.0)),
        ("same", (0.0, -0.0), (-0.0, -0.0)),
        ("nonzero", (0.0, 1.0), (0.1, 1.0)),
        ("finite", (np.inf, 1.0), (1e300, 1.0)),
    ],
)
def test_an_interpreted_test_ends_the_replay_at_its_place(
    name: str, fails: tuple[float, float], holds: tuple[float, float]
) -> None:
    tape = Tape()
    x, y = tape.new_inputs(2).tolist()
    total = tape.scalar("sub", x, x)
    tape.tests[tape.scalar(name, x, y) - tape.inputs] = 7
    finished = tape.finish([np.array([total])])
    rows, size, _ = rows_of(finished)
    memory = np.zeros(size)
    memory[: finished.first] = [*fails, *finished.values]
    failed = interpreter().run(address_of(memory), address_of(rows))
    assert finished.tests[failed] == 7
    memory[:2] = holds
    assert interpreter().run(address_of(memory), address_of(rows)) == DONE


def test_an_interpreted_infinity_is_no_result() -> None:
    tape = Tape()
    x, y = tape.new_inputs(2).tolist()
    finished = tape.finish([np.array([tape.scalar("div", x, y)])])
    rows, size, _ = rows_of(finished)
    memory = np.zeros(size)
    memory[: finished.first] = [1.0, 0.0, *finished.values]
    assert interpreter().run(address_of(memory), address_of(rows)) == NOT_FINITE


def test_a_program_with_too_much_code_stays_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scalar, "MOST_STRAIGHT", 10)
    e = dd.value_and_grad(lambda p: np.sin(p[0]) * np.exp(p[1]) / (p[0] + np.cos(p[1])) ** 3)
    g = dd.compile(e, X)
    g(X), g(X)
    settled(g)
    assert str(g.report()).count("interpreted") == 1
    for p in (X, X * 1.1, X * 0.9):
        assert_same(g(p), e(p))
