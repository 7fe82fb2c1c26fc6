"""The cost of the gradient of one function, for everyday functions of NumPy and SciPy.

Run: `python -m benchmarks.functions [--quick] [--only NAME]`; writes docs/function_costs.md.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import dualdiff as dd

from . import report, scipy_leaves
from .harness import Workload

PAGE = Path(__file__).parent.parent / "docs" / "function_costs.md"
SIZE = 100_000
LIMIT = 6.0
LIMIT_OF_SCIPY = 4.0
ROUNDS = 15
Costs = dict[str, dict[str, float]]  # by the name of a function and of a contestant
Case = tuple[str, Callable[..., Any], tuple[np.ndarray, ...]]

UNIT = (
    "sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arctanh exp exp2 expm1 log log2 log10 "
    "log1p sqrt square reciprocal absolute negative positive cbrt conjugate real"
)
PAIRS = "add subtract multiply divide power maximum minimum arctan2 logaddexp hypot"
WHOLE = "sum mean var std prod max min cumsum cumprod sort diff ravel copy flip"
SQUARE = "diagonal trace transpose tril triu"


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def _vector(low: float = 0.1, high: float = 0.9) -> np.ndarray:
    return _rng().uniform(low, high, SIZE)


def _matrix(rows: int, columns: int) -> np.ndarray:
    return _rng().normal(size=(rows, columns))


def _positive(n: int) -> np.ndarray:
    A = _matrix(n, n)
    return A @ A.T / n + np.eye(n)


def _elementwise() -> list[Case]:
    x, y = _vector(), _vector()[::-1].copy()
    cases: list[Case] = [(name, getattr(np, name), (x,)) for name in UNIT.split()]
    cases.append(("arccosh", np.arccosh, (x + 1.0,)))
    cases.append(("imag", lambda z: np.imag(z), (x + 1j * y,)))
    cases += [(name, getattr(np, name), (x, y)) for name in PAIRS.split()]
    cases.append(("x + c", lambda x: x + y, (x,)))
    cases.append(("c / x", lambda x: y / x, (x,)))
    cases.append(("x**3", lambda x: x**3, (x,)))
    cases.append(("clip", lambda x: np.clip(x, 0.3, 0.6), (x,)))
    cases.append(("where", lambda x, y: np.where(x > 0.5, x, y), (x, y)))
    cases.append(("astype(float32)", lambda x: x.astype(np.float32), (x,)))
    return cases


def _rearranging() -> list[Case]:
    x, A = _vector(), _matrix(250, 400)
    half = np.split(x, 2)
    index = _rng().integers(0, SIZE, SIZE)
    mask = x > 0.5
    parts = functools.partial(np.split, indices_or_sections=10)
    return [
        ("reshape", lambda x: np.reshape(x, (250, 400)), (x,)),
        ("expand_dims", lambda x: np.expand_dims(x, 0), (x,)),
        ("moveaxis", lambda A: np.moveaxis(A, 0, 1), (A,)),
        ("broadcast_to", lambda x: np.broadcast_to(x, (10, 10_000)), (x[:10_000],)),
        ("concatenate", lambda x, y: np.concatenate([x, y]), tuple(half)),
        ("stack", lambda x, y: np.stack([x, y]), tuple(half)),
        ("column_stack", lambda x, y: np.column_stack([x, y]), tuple(half)),
        ("split", lambda x: parts(x)[3] * parts(x)[7], (x,)),
        ("tile", lambda x: np.tile(x, 10), (x[:10_000],)),
        ("repeat", lambda x: np.repeat(x, 10), (x[:10_000],)),
        ("roll", lambda x: np.roll(x, 7), (x,)),
        ("pad", lambda x: np.pad(x, 100), (x,)),
        ("take", lambda x: np.take(x, index), (x,)),
        ("x[slice]", lambda x: x[10:-10], (x,)),
        ("x[integers]", lambda x: x[index], (x,)),
        ("x[mask]", lambda x: x[mask], (x,)),
        ("diag", np.diag, (x[:300],)),
        ("sort, axis 0", lambda A: np.sort(A, axis=0), (A,)),
        ("max, axis 0", lambda A: np.max(A, axis=0), (A,)),
        ("cumsum, axis 0", lambda A: np.cumsum(A, axis=0), (A,)),
        ("sum, axis 0", lambda A: np.sum(A, axis=0), (A,)),
        ("var, axis 0", lambda A: np.var(A, axis=0), (A,)),
    ]


def _products() -> list[Case]:
    A, B, v = _matrix(316, 316), _matrix(316, 316), _matrix(316, 1)[:, 0]
    x, y = _vector(), _vector()[::-1].copy()
    return [
        ("dot of vectors", np.dot, (x, y)),
        ("inner", np.inner, (A, B)),
        ("outer", np.outer, (v, v[::-1].copy())),
        ("matrix @ vector", np.matmul, (A, v)),
        ("matmul", np.matmul, (A, B)),
        ("tensordot", lambda A, B: np.tensordot(A, B, axes=[[0], [1]]), (A, B)),
        ("einsum ij,jk", lambda A, B: np.einsum("ij,jk->ik", A, B), (A, B)),
        ("einsum ij,ij->i", lambda A, B: np.einsum("ij,ij->i", A, B), (A, B)),
    ]


def _linalg() -> list[Case]:
    A, B = _positive(316), _matrix(316, 316)
    small = np.stack([_positive(3)] * 11_000)
    return [
        ("linalg.norm", np.linalg.norm, (_vector(),)),
        ("linalg.inv", np.linalg.inv, (A,)),
        ("linalg.solve", np.linalg.solve, (A, B)),
        ("linalg.det", np.linalg.det, (A / 30,)),
        ("linalg.slogdet", lambda A: np.linalg.slogdet(A)[1], (A,)),
        ("linalg.cholesky", np.linalg.cholesky, (A,)),
        ("linalg.eigh", lambda A: np.linalg.eigh(A)[0], (A,)),
        ("linalg.svd", lambda A: np.linalg.svd(A)[1], (B,)),
        ("linalg.inv of 3 x 3", np.linalg.inv, (small,)),
        ("linalg.solve with 3 x 3", lambda A: np.linalg.solve(A, np.ones((3, 1))), (small,)),
    ]


def _transforms() -> list[Case]:
    x = _vector()
    half = np.fft.rfft(x)
    return [
        ("fft.fft", lambda x: np.real(np.fft.fft(x)), (x,)),
        ("fft.ifft", lambda x: np.real(np.fft.ifft(x)), (x,)),
        ("fft.rfft", lambda x: np.real(np.fft.rfft(x)), (x,)),
        ("fft.irfft", np.fft.irfft, (half,)),
    ]


def cases() -> list[Case]:
    """A name, a function and its differentiated arguments for each row of the table."""
    x, A = _vector(0.999, 1.001), _matrix(316, 316)
    whole: list[Case] = [(name, getattr(np, name), (x,)) for name in WHOLE.split()]
    square: list[Case] = [(name, getattr(np, name), (A,)) for name in SQUARE.split()]
    return [
        *_elementwise(),
        *whole,
        *square,
        *_rearranging(),
        *_products(),
        *_linalg(),
        *_transforms(),
    ]


def least_costs(workload: Workload, rounds: int) -> dict[str, float]:
    """The least processor time of each contestant in turn, which other programs hardly change."""
    workload.check()
    least = dict.fromkeys(workload.runs, float("inf"))
    for _ in range(rounds):
        for contestant, run in workload.runs.items():
            calls = max(1, int(5e-4 / _processor_time(run, 1)))
            least[contestant] = min(least[contestant], _processor_time(run, calls))
    return least


def _processor_time(run: Callable[[], Any], calls: int) -> float:
    start = time.thread_time()
    for _ in range(calls):
        run()
    return (time.thread_time() - start) / calls


def workload(
    name: str,
    f: Callable[..., Any],
    args: tuple[np.ndarray, ...],
    by_hand: dict[str, Callable[..., Any]],
) -> Workload:
    """The sum over a function's result, against its gradient by all arguments."""

    def total(*args: Any) -> Any:
        return np.sum(f(*args))

    gradient = dd.grad(total, argnums=tuple(range(len(args))))
    runs = {"function": lambda: total(*args), "dualdiff": lambda: gradient(*args)}
    if name in by_hand:
        runs["by hand"] = lambda: by_hand[name](*args)
    return Workload(name, runs)


# Why a gradient takes more than six times its function.
_READS = (
    "the function reads its elements once, at the speed of the cache; the gradient, an array of as "
    "many elements, is made, looked through for NaN and handed out as an array of its own"
)
_READS_TWO = f"{_READS}, and that for two operands"
_FACTORS = "the inverse that the gradient is takes three times the factorisation of the function"
REASONS: dict[str, str] = {
    **dict.fromkeys(
        (
            "sum", "mean", "max", "min", "max, axis 0", "sum, axis 0", "reshape", "ravel", "flip",
            "transpose", "expand_dims", "moveaxis", "real", "imag", "x[slice]", "split", "repeat",
            "broadcast_to", "linalg.norm", "clip", "absolute", "sort, axis 0",
        ),
        _READS,
    ),
    **dict.fromkeys(
        ("dot of vectors", "matrix @ vector", "einsum ij,ij->i", "divide", "concatenate",
         "column_stack", "add", "subtract", "multiply", "outer", "stack"),
        _READS_TWO,
    ),
    **dict.fromkeys(("linalg.det", "linalg.slogdet"), _FACTORS),
    **dict.fromkeys(
        ("diagonal", "trace"), "the function reads 316 elements; the gradient is a matrix of 99,856"
    ),
    **dict.fromkeys(
        ("maximum", "minimum"),
        f"{_READS_TWO}; each compares the operands, looks for ties and for NaN",
    ),
    "linalg.cholesky": (
        "n**3 / 3 operations against 4 n**3: two triangular solves with n right-hand sides and a "
        "product (Murray, arXiv:1602.07527)"
    ),
}  # fmt: skip

TEXT = """# Function costs

<!-- Written by `python -m benchmarks.functions`; do not edit. -->

Measured on {circumstances}

Each row: the sum over the result of one function, and its gradient with respect to all its
arguments, in plain NumPy; {size:,} elements (matrices 316 x 316, batches of 11,000 matrices 3 x 3),
one thread, the least processor time of {rounds} rounds. The gradient includes the evaluation of the
function.

{table}

{notes}

## SciPy

Compiled functions of SciPy in the same way, with 100,000 elements or 300 x 300. "By hand" is a
gradient in bare NumPy and SciPy, written for that one function, with the evaluation of the
function, divided by the function. It makes none of dualdiff's checks: of values against SciPy's
(functions whose own code runs on traced values are evaluated twice, but for those that are affine
in their argument), and for NaN. It was written for some rows only; where it stands below
{limit:.0f} and the row is marked, dualdiff is slower than it need be. \\* above {limit:.0f}.

{scipys}
"""


def scipys_table(results: Costs) -> str:
    """The table of SciPy's functions."""
    rows = []
    for name, costs in results.items():
        ratio = costs["dualdiff"] / costs["function"]
        times = [f"{costs[c] * 1e3:.2f} ms" for c in ("function", "dualdiff")]
        by_hand = costs["by hand"] / costs["function"] if "by hand" in costs else None
        mark = " *" if ratio > LIMIT_OF_SCIPY else ""
        rows.append(
            [f"`{name}`", *times, f"{ratio:.1f}{mark}", f"{by_hand:.1f}" if by_hand else ""]
        )
    return report.table(["function", "function", "gradient", "ratio", "by hand"], rows)


def page(results: Costs, of_scipy: Costs) -> str:
    """The text of docs/function_costs.md."""
    rows, notes = [], []
    for name, costs in results.items():
        ratio = costs["dualdiff"] / costs["function"]
        mark = ""
        if ratio > LIMIT:
            notes.append((REASONS.get(name, "**not explained**"), name))
            mark = " *"
        times = [f"{costs[c] * 1e6:.0f} µs" for c in ("function", "dualdiff")]
        rows.append([f"`{name}`", *times, f"{ratio:.1f}{mark}"])
    table = report.table(["function", "function", "gradient", "ratio"], rows)
    grouped: dict[str, list[str]] = {}
    for reason, name in notes:
        grouped.setdefault(reason, []).append(f"`{name}`")
    lines = [f"* {', '.join(named)}: {reason}." for reason, named in grouped.items()]
    above = f"\\* above {LIMIT:.0f}, and why:\n\n" + "\n".join(lines) if lines else ""
    text = TEXT.format(
        circumstances=report.circumstances(),
        size=SIZE,
        rounds=ROUNDS,
        table=table,
        notes=above,
        limit=LIMIT_OF_SCIPY,
        scipys=scipys_table(of_scipy),
    )
    return text.rstrip() + "\n"


def main() -> None:
    """Measure, print, and write the page after a whole run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.functions", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; docs stay as they are")
    parser.add_argument("--only", metavar="NAME", help="functions whose name contains NAME")
    options = parser.parse_args()
    measured = []
    for listed, by_hand in ((cases(), {}), (scipy_leaves.cases(), scipy_leaves.BY_HAND)):
        results: Costs = {}
        measured.append(results)
        for name, f, args in listed:
            if options.only is None or options.only in name:
                print(name, file=sys.stderr, flush=True)
                rounds = 3 if options.quick else ROUNDS
                results[name] = least_costs(workload(name, f, args, by_hand), rounds)
    text = page(*measured)
    print(text)
    if not options.quick and options.only is None:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
