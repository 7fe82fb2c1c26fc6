"""Programs that assign to arrays: what a store costs, and what the programs that do not assign pay.

Beside the usual contestants a workload may have others, which give the same derivative under
another circumstance: a shorter loop, no live views, no guard.
"""

from __future__ import annotations

import functools
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import dualdiff as dd
from dualdiff.array.guards import Guards

from .chains import OPERATIONS, chain_sum
from .harness import Run, Workload
from .peers import compare

SHORT, LONG, COMPARED = 2000, 16000, 1000
SHORT_LOOP, SMALL_ARRAY = f"n = {SHORT:,}", "array of 50,000"
MODES = ("grad", "jvp")
PEERS = ("autograd", "torch")  # both refuse stores into what the derivative needs


def stores(xp: Any, x: Any) -> Any:
    """A preallocated array is filled: a read, a product and a store per element."""
    y = dd.numpy.zeros(len(x))
    for i in range(len(x)):
        y[i] = 2.0 * x[i]
    return xp.sum(y * y)


def reads(xp: Any, x: Any) -> Any:
    """An array that was stored into is summed: a read, a product and a sum per element."""
    y = dd.numpy.zeros(len(x))
    y[:] = x
    total = 0.0
    for i in range(len(x)):
        total = total + 2.0 * y[i]
    return total * total


def reads_and_stores(xp: Any, x: Any) -> Any:
    """A recurrence: two reads, a product, a sum and a store per element."""
    y = dd.numpy.zeros(len(x))
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = 0.5 * y[i - 1] + x[i]
    return xp.sum(y * y)


def nonlinear_recurrence(xp: Any, p: Any, n: int) -> Any:
    """A recurrence of second order in a preallocated array; six operations and a store each."""
    u = dd.numpy.empty(n)
    u[0], u[1] = p[0], p[1]
    for i in range(2, n):
        u[i] = xp.sin(u[i - 1] * p[2]) + p[3] * u[i - 2]
    return xp.sum(u)


def slice_stores(xp: Any, x: Any, rows: int) -> Any:
    """Rows of ten elements are stored into an array of many more."""
    y = dd.numpy.zeros((rows, x.shape[1]))
    for i in range(len(x)):
        y[i] = x[i]
    return xp.sum(y[: len(x)] ** 2)


def stores_beside_views(xp: Any, x: Any, views: int) -> Any:
    """Scalar stores into an array while views of its rows are alive."""
    a = dd.numpy.zeros((1000, 4))
    a[0, 0] = x[0]
    alive = [a[i] for i in range(views)]
    for i in range(LONG):
        a[i % 1000, 1] = x[i % 10]
    return xp.sum(a * a) + 0.0 * len(alive)


def heat_steps(xp: Any, conductivity: Any, steps: int) -> Any:
    """Explicit steps of the heat equation, in place."""
    u = dd.numpy.zeros(len(conductivity))
    u[0] = 1.0
    for _ in range(steps):
        u[1:-1] += 0.2 * conductivity[1:-1] * (u[2:] - 2.0 * u[1:-1] + u[:-2])
    return xp.sum(u * u)


def lu_solve(xp: Any, A: Any, b: Any) -> Any:
    """The sum of squares of the solution of A x = b, by elimination with pivots in place."""
    n = len(b)
    A, x = A.copy(), dd.numpy.copy(b)
    for k in range(n):
        pivot = k + int(np.argmax(np.abs(A[k:, k])))
        if pivot != k:
            A[[k, pivot]] = A[[pivot, k]]
            x[[k, pivot]] = x[[pivot, k]]
        A[k + 1 :, k] /= A[k, k]
        A[k + 1 :, k + 1 :] -= xp.outer(A[k + 1 :, k], A[k, k + 1 :])
    for k in range(1, n):
        x[k] -= A[k, :k] @ x[:k]
    for k in reversed(range(n)):
        x[k] = (x[k] - A[k, k + 1 :] @ x[k + 1 :]) / A[k, k]
    return xp.sum(x * x)


def numpy_solve(xp: Any, A: Any, b: Any) -> Any:
    """The same by NumPy's own function."""
    x = xp.linalg.solve(A, b)
    return xp.sum(x * x)


def cholesky(xp: Any, A: Any) -> Any:
    """The logarithm of the determinant, by Cholesky's loops over elements."""
    n = len(A)
    L = dd.numpy.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            rest = A[i, j] - L[i, :j] @ L[j, :j]
            L[i, j] = xp.sqrt(rest) if i == j else rest / L[j, j]
    return 2.0 * xp.sum(xp.log(xp.diagonal(L)))


def numpy_logdet(xp: Any, A: Any) -> Any:
    """The same by NumPy's own factorisation, of the lower triangle."""
    symmetric = xp.tril(A) + xp.tril(A, -1).T
    return 2.0 * xp.sum(xp.log(xp.diagonal(xp.linalg.cholesky(symmetric))))


def soft_alignment(xp: Any, a: Any, b: Any) -> Any:
    """The soft cost of aligning two series (Cuturi and Blondel, ICML 2017): a table of scalars."""
    m, n = len(a), len(b)
    table = dd.numpy.full((m + 1, n + 1), np.inf)
    table[0, 0] = 0.0
    for i in range(m):
        for j in range(n):
            best = xp.logaddexp(-table[i, j], xp.logaddexp(-table[i, j + 1], -table[i + 1, j]))
            table[i + 1, j + 1] = (a[i] - b[j]) ** 2 - best
    return table[m, n]


def hidden_markov(xp: Any, transitions: Any, evidence: Any) -> Any:
    """The log-likelihood of a hidden Markov model: the forward table, filled by rows."""
    table = dd.numpy.zeros(evidence.shape)
    table[0] = evidence[0]
    for t in range(1, len(evidence)):
        table[t] = xp.logaddexp.reduce(table[t - 1][:, None] + transitions, axis=0) + evidence[t]
    return xp.logaddexp.reduce(table[-1])


def product(xp: Any, x: Any, c: Any) -> Any:
    """The sum of a product, whose derivative by one factor needs the other."""
    return xp.sum(x * c)


def peak_kilobytes(run: Run) -> float:
    """The most that a run holds at any time, in arrays and Python objects."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1] / 1e3
    finally:
        tracemalloc.stop()


def array_kilobytes(f: Callable[..., Any], x: np.ndarray) -> float:
    """The memory of the arrays after a recording, without the tape's own entries."""
    sizes: list[float] = []

    def program(x: Any) -> Any:
        ans = f(np, x)
        traces = tracemalloc.take_snapshot().traces
        sizes.append(sum(t.size for t in traces if t.domain == np.lib.tracemalloc_domain) / 1e3)
        return ans

    peak_kilobytes(lambda: dd.grad(program)(x))
    return sizes[0]


def _runs(
    operator: str, f: Callable[..., Any], x: np.ndarray, *constants: Any, direction: Any = None
) -> dict[str, Run]:
    """The function and dualdiff's derivative by `x`; for "jvp" in a direction, by default ones."""
    if operator == "jvp" and direction is None:
        direction = np.ones_like(x)

    def program(xp: Any, x: Any) -> Any:
        return f(xp, x, *constants)

    return compare(operator, program, x, direction=direction, without=PEERS)


def _of_length(operator: str, f: Callable[..., Any], x: np.ndarray) -> dict[str, Run]:
    """The runs of a loop, with results that do not depend on its length."""
    direction = None if operator == "grad" else np.where(np.arange(len(x)) < COMPARED, 1.0, 0.0)
    runs = _runs(operator, f, x, direction=direction)
    derivative = runs["dualdiff"]
    runs["dualdiff"] = lambda: np.ravel(derivative())[:COMPARED]
    return runs


def _loops(rng: np.random.Generator) -> Iterator[Workload]:
    x = rng.normal(size=LONG)
    x[SHORT:] = 0.0  # the sum over all elements is the same for both lengths
    for name, f in (
        ("scalar stores", stores),
        ("scalar reads", reads),
        ("reads and stores", reads_and_stores),
    ):
        for operator in MODES:
            runs = _of_length(operator, f, x)
            runs[SHORT_LOOP] = _of_length(operator, f, x[:SHORT])["dualdiff"]
            yield Workload(f"{LONG:,} {name}, {operator}", runs)


def _stores(rng: np.random.Generator) -> Iterator[Workload]:
    rows, few, many = rng.normal(size=(5000, 10)), 5000, 100_000
    for operator in MODES:
        runs = _runs(operator, slice_stores, rows, many)
        runs[SMALL_ARRAY] = _runs(operator, slice_stores, rows, few)["dualdiff"]
        yield Workload(f"5,000 row stores, array of {many * 10:,}, {operator}", runs)
    x = rng.normal(size=10)
    for operator in MODES:
        runs = _runs(operator, stores_beside_views, x, 1000)
        runs["no view"] = _runs(operator, stores_beside_views, x, 0)["dualdiff"]
        yield Workload(f"{LONG:,} stores, 1,000 live row views, {operator}", runs)


def _programs(rng: np.random.Generator) -> Iterator[Workload]:
    A = rng.normal(size=(80, 80))
    small, b = A[:40, :40], rng.normal(size=40)
    positive = A @ A.T + 80.0 * np.eye(80)
    series = rng.normal(size=30), rng.normal(size=30)
    states = rng.normal(size=(8, 8)), rng.normal(size=(200, 8))
    p = np.array([0.1, 0.2, 1.3, 0.4])
    programs: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
        ("recurrence of 2,000 elements", nonlinear_recurrence, (p, 2000)),
        ("500 heat steps, 200 cells", heat_steps, (np.linspace(0.5, 1.5, 200), 500)),
        ("LU with pivots in place, 40 x 40", lu_solve, (small, b)),
        ("Cholesky by loops, 80 x 80", cholesky, (positive,)),
        ("soft alignment, table of 30 x 30", soft_alignment, series),
        ("hidden Markov model, table of 200 x 8", hidden_markov, states),
    ]
    others = {
        lu_solve: ("numpy.linalg.solve", numpy_solve),
        cholesky: ("numpy.linalg.cholesky", numpy_logdet),
    }
    for name, f, args in programs:
        for operator in MODES:
            runs = _runs(operator, f, *args)
            if f in others:
                other, g = others[f]
                runs[other] = _runs(operator, g, *args)["dualdiff"]
            yield Workload(f"{name}, {operator}", runs)
        memory: dict[str, Run] = {
            contestant: functools.partial(peak_kilobytes, run)
            for contestant, run in _runs("grad", f, *args).items()
        }
        if f is cholesky:
            memory["slice reads"] = lambda: 80**3 / 3 * 8 / 1e3
            memory["arrays alone"] = functools.partial(array_kilobytes, f, *args)
        yield Workload(f"{name}, peak memory", memory, unit="kB")


def _as_it_is(guards: Guards, a: np.ndarray) -> np.ndarray:
    return a


def _unguarded(run: Run) -> Run:
    """The run without the copies and fingerprints of plain arrays."""

    def unguarded() -> Any:
        keep = Guards.keep
        Guards.keep = _as_it_is  # type: ignore[method-assign]
        try:
            return run()
        finally:
            Guards.keep = keep  # type: ignore[method-assign]

    return unguarded


def _guards(rng: np.random.Generator) -> Iterator[Workload]:
    for n in (1000, 10_000, 100_000, 1_000_000):
        x, c = rng.normal(size=n), rng.normal(size=n)
        runs = _runs("grad", product, x, c)
        runs["no guard"] = _unguarded(runs["dualdiff"])
        both = dd.grad(functools.partial(product, np), argnums=(0, 1))
        runs["factor traced"] = functools.partial(lambda both, x, c: both(x, c)[0], both, x, c)
        yield Workload(f"x * c, c a plain array of {n:,}, grad", runs)


def _never_assigning() -> Iterator[Workload]:
    x = np.linspace(0.1, 1.0, 10)
    for operator in MODES:
        runs = _runs(operator, chain_sum, x)
        runs["no assignment"] = _unguarded(runs["dualdiff"])
        yield Workload(f"10-vector chain that never assigns, {operator}", runs, OPERATIONS)


def workloads() -> Iterator[Workload]:
    """Loops of stores and reads, whole programs, and the price for those who do not assign."""
    rng = np.random.default_rng(0)
    yield from _loops(rng)
    yield from _stores(rng)
    yield from _programs(rng)
    yield from _guards(rng)
    yield from _never_assigning()
