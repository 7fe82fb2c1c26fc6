"""Native code gives what NumPy gives, in scalar programs to the last bit."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.compiled import machine
from tests.compiled.helpers import assert_same, calls_agree, replays

pytest.importorskip("llvmlite", reason="native code is the extra `compile`")
X = np.array([0.3, 0.7, 1.1])


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DUALDIFF_CACHE", str(tmp_path / "cache"))
    # Native code is what is tested, however long it takes on a busy machine.
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))
    return tmp_path / "cache"


def native(f: Callable[..., Any], *args: Any) -> Any:
    """The compiled function, after a check that it is native code."""
    g = dd.compile(f, *args, backend="llvm")
    (table,) = g.tables.values()
    assert table.reason == ""
    assert "native code" in table.recordings[0].program.description
    return g


def pendulum(p):
    angle, speed = p[0], p[1]
    for _ in range(60):
        force = -np.sin(angle) - 0.1 * speed
        speed = speed + 0.01 * force
        angle = angle + 0.01 * speed
    return angle * angle + speed


def lagged(x):  # a recurrence that reaches back two and three iterations
    a, b, c = x[0], x[1], x[2]
    for _ in range(80):
        a, b, c = b, c, 0.3 * a - 0.2 * b * c + np.cos(a)
    return a + 2 * b * c


def neighbours(x):  # affine addresses, forwards and backwards
    total = 0.0
    for i in range(1, len(x) - 1):
        total = total + (x[i + 1] - 2 * x[i] + x[i - 1]) ** 2 * x[len(x) - 1 - i]
    return total


def scattered(x):  # addresses from a table
    order = np.random.default_rng(0).permutation(len(x))
    total = 1.0
    for i, k in enumerate(order):
        total = total + x[i] * x[k] * 0.5
    return total


def stores(x):
    u = np.copy(x)
    for _ in range(20):
        u[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


def triangular(a):
    n = len(a)
    lower = dd.numpy.zeros((n, n))
    for j in range(n):
        lower[j, j] = np.sqrt(a[j, j] - np.sum(lower[j, :j] ** 2))
        for i in range(j + 1, n):
            lower[i, j] = (a[i, j] - np.sum(lower[i, :j] * lower[j, :j])) / lower[j, j]
    return np.sum(np.log(np.diag(lower)))


def chain(x):
    for _ in range(50):
        x = np.sin(x) * 0.9 + 0.1 * x
    return np.sum(x)


def points(shape: int | tuple[int, ...], count: int = 3) -> list[Any]:
    rng = np.random.default_rng(1)
    return [rng.uniform(0.2, 0.9, shape) for _ in range(count)]


SPD = [m @ m.T + 6 * np.eye(5) for m in points((5, 5))]
PROGRAMS = {
    "pendulum": (pendulum, points(2)),
    "lagged": (lagged, points(3)),
    "neighbours": (neighbours, points(40)),
    "scattered": (scattered, points(40)),
    "stores": (stores, points(12)),
    "triangular": (triangular, SPD),
    "chain": (chain, points(7)),
    "number": (chain, [np.float64(0.3), np.float64(0.7)]),
    "float": (lambda x: chain(x) + x**3 / 7.0 - 2.0**x, [0.3, 0.7]),
}
OPERATORS: dict[str, Callable[..., Any]] = {
    "value": lambda f: f,
    "value_and_grad": dd.value_and_grad,
    "jvp": lambda f: lambda x: dd.jvp(f, (x,), (np.ones_like(x) if np.ndim(x) else 1.0,)),
    "hessian": dd.hessian,
}


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_replay_natively(name: str, operator: str) -> None:
    f, where = PROGRAMS[name]
    if operator == "hessian" and (np.size(where[0]) > 12 or np.ndim(where[0]) == 2):
        where, f = [w.ravel()[:6] for w in where], pendulum
    e = OPERATORS[operator](f)
    g = native(e, where[0])
    for x in where * 2:
        assert_same(g(x), e(x), rtol=1e-13)
    assert replays(g) == 2 * len(where)


@pytest.mark.parametrize("name", ["pendulum", "lagged", "neighbours", "scattered", "number"])
def test_scalar_programs_replay_to_the_last_bit(name: str) -> None:
    f, where = PROGRAMS[name]
    e = dd.value_and_grad(f)
    g = native(e, where[0])
    for x in where * 2:
        for got, want in zip(g(x), e(x), strict=True):
            assert np.asarray(got).tobytes() == np.asarray(want).tobytes()


def test_loops_are_found_in_values_and_derivatives() -> None:
    g = native(dd.value_and_grad(pendulum), np.array([1.0, 0.2]))
    assert str(g.report()).count("a loop of") == 2


def test_guards_stop_a_loop_where_it_takes_another_course() -> None:
    def f(x):
        total = 0.0
        for v in x:
            total = total + (v * v if v > 0 else -v)
        return total

    e, rng = dd.grad(f), np.random.default_rng(0)
    g = native(e, np.ones(30))
    x = np.abs(rng.normal(size=30)) + 0.1
    calls_agree(g, e, [(x,), (x,), (x,), (x,), (-x,), (x,), (np.where(x > 1, x, -x),)])


def test_extrema_choices_and_comparisons() -> None:
    def f(x):
        a = np.maximum(x, 0.5) * np.minimum(x, 0.8) + np.where(x > 0.6, x, x**2)
        b = np.abs(x - 0.7) + np.sign(x - 0.4) * x + np.clip(x, 0.3, 0.75)
        return np.sum(a) * np.max(b) - np.min(a) + np.logaddexp(a[0], b[1])

    e, rng = dd.value_and_grad(f), np.random.default_rng(0)
    g = dd.compile(e)
    calls_agree(g, e, [(rng.random(4),) for _ in range(20)])


def test_matrices_and_sums_along_axes() -> None:
    w = np.random.default_rng(0).normal(size=(4, 3))

    def f(x):
        m = np.outer(x, x) + np.eye(3)
        y = np.tanh(w @ m)
        return np.sum(y.T @ y, axis=0) @ x + np.mean(m, axis=1)[0] + np.sum(y, axis=1)[2]

    e = dd.hessian(f)
    calls_agree(native(e, X), e, [(X + 0.1 * k,) for k in range(6)])


@pytest.mark.parametrize("shape", [(4, 5, 6), (2, 20, 9), (17, 3, 10), (4, 1, 6), (1, 4, 6)])
def test_sums_products_and_means_along_any_axes_are_numpys_to_the_last_bit(shape) -> None:
    axes = [a for k in (1, 2, 3) for a in itertools.permutations(range(3), k)]

    def f(x):
        y = 1.5 * x
        return [g(y, axis=a) for a in axes for g in (np.sum, np.prod, np.mean)]

    rng = np.random.default_rng(0)
    g = native(f, rng.normal(size=shape))
    for _ in range(5):
        x = rng.normal(size=shape)
        for got, want in zip(g(x), f(x), strict=True):
            np.testing.assert_array_equal(got, want)
    assert replays(g) >= 5


def test_division_by_zero_and_overflow_are_left_to_python() -> None:
    g = native(lambda x: 1.0 / (x - 1.0), 3.0)
    assert [g(2.0), g(2.0), g(3.0)] == [1.0, 1.0, 0.5]
    with pytest.raises(ZeroDivisionError):
        g(1.0)
    h = native(lambda x: x**-2.5, 2.0)
    for _ in range(4):
        assert h(4.0) == 1 / 32
    with pytest.raises(ZeroDivisionError):
        h(0.0)
    assert isinstance(h(-1.0), complex)


def test_hidden_infinities_of_numpy_numbers_are_kept() -> None:
    g = native(lambda x: 1.0 / (1.0 / x), np.float64(2.0))
    assert [g(np.float64(v)) for v in (2.0, 2.0, 4.0)] == [2.0, 2.0, 4.0]


def test_threads_have_memory_of_their_own() -> None:
    e = dd.value_and_grad(pendulum)
    g, wrong = native(e, np.array([1.0, 0.2])), []

    def work(k: int) -> None:
        x = np.array([0.1 * k + 0.2, 0.3])
        want = e(x)
        for _ in range(300):
            got = g(x)
            if got[0] != want[0] or not np.array_equal(got[1], want[1]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_machine_code_is_cached_and_damage_is_repaired(own_cache: Path, monkeypatch) -> None:
    e = dd.grad(pendulum)
    x = np.array([1.0, 0.2])
    native(e, x)
    (file,) = own_cache.iterdir()
    content = file.read_bytes()

    def refuse(*args: Any) -> bytes:
        raise AssertionError("the cache was not used")

    original = machine.compiled
    monkeypatch.setattr(machine, "compiled", refuse)
    assert_same(native(e, x)(x), e(x))
    monkeypatch.setattr(machine, "compiled", original)
    for damaged in (b"", content[:50], content[:-1] + b"x", b"garbage" * 99):
        file.write_bytes(damaged)
        calls_agree(native(e, x), e, [(x,)] * 4)
        assert file.read_bytes()[:64] == content[:64]


def test_a_cache_that_cannot_be_written_is_left_alone(monkeypatch, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    monkeypatch.setenv("DUALDIFF_CACHE", str(blocker / "below"))
    calls_agree(native(dd.grad(pendulum), np.ones(2)), dd.grad(pendulum), [(np.ones(2),)] * 4)


def test_two_processes_write_the_cache_at_once(own_cache: Path) -> None:
    code = (
        "import numpy as np, dualdiff as dd\n"
        "g = dd.compile(lambda x: np.sum(np.sin(x) * x), np.ones(5))\n"
        "print(all(abs(g(np.ones(5)) - 5 * np.sin(1)) < 1e-12 for _ in range(5)))"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [r.communicate()[0].strip() for r in runs] == ["True", "True"]
    assert len(list(own_cache.glob("*.o"))) == 1
