"""Long programs begin on quick code, and better code takes over with the same bits."""

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
from tests.compiled.helpers import assert_same

pytest.importorskip("llvmlite", reason="native code is the extra `compile`")
X = np.array([1.0, 0.2])
# For a program of its own: every text counts as long.
LONG = "import numpy as np, dualdiff as dd\nfrom dualdiff.compiled import scalar\nscalar.LONG = 1\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DUALDIFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))
    monkeypatch.setattr(scalar, "LONG", 1)  # every text counts as long
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
    assert program(g).better is None


def test_better_code_takes_over_with_the_same_bits(own_cache: Path) -> None:
    e = dd.value_and_grad(swing)
    g = dd.compile(e, X)
    quick = program(g).run
    assert "least effort" in str(g.report())
    assert not list(own_cache.glob("*"))
    points = [X * (1 + 0.01 * k) for k in range(20)]
    before = [program(g)(p) for p in points]
    g(X), g(X), g(X)  # the checked replays, and one more, through which the short way is made
    settled(g)
    assert program(g).run is not quick
    assert "least effort" not in str(g.report())
    for p, old in zip(points, before, strict=True):
        value, gradient = g(p)
        assert value == old[0]
        assert gradient.tobytes() == old[1].tobytes()
        assert_same((value, gradient), e(p))
    assert len(list(own_cache.iterdir())) == 1  # the better code alone is kept


def test_code_from_the_cache_is_the_better_one(own_cache: Path) -> None:
    e = dd.value_and_grad(swing)
    first = dd.compile(e, X)
    first(X), first(X)
    settled(first)
    assert program(dd.compile(e, X)).better is None


def test_a_program_that_is_replayed_no_more_gets_no_better_code() -> None:
    g = dd.compile(dd.value_and_grad(swing), X)
    assert program(g).better is not None
    assert program(g)._worker is None


def test_a_saved_program_has_the_better_code(tmp_path: Path) -> None:
    e = dd.value_and_grad(swing)
    g = dd.compile(e, X)
    g.save(tmp_path / "swing")
    assert program(g).better is None
    loaded = dd.load_compiled(tmp_path / "swing")
    assert program(loaded).better is None
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
    assert program(g).better is None


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
