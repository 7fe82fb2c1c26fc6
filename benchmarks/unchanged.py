"""Small plain programs of 10 to 50 operations: the gradient under `dd.patch` beside the function.

Run: python -m benchmarks.unchanged
The contestants take turns, in thread time; it prints median ratios to the function in its turn.
"NumPy's names" is the gradient of the program with NumPy's functions in the place of those of
`math`, without the patch; "autograd" is autograd's gradient of that program; "by hand" is the least
tape that Python can have, for programs of numbers alone (benchmarks/least_tape.py).

A second table has the time that a replaced name adds in a thread that takes no derivative, beside
a wrapper by hand which only asks whether one is open; and the time that it adds while another
thread takes one, beside a wrapper by hand which asks whether it is this context's and whether an
argument is no plain number or list of numbers, since a pool of threads may be handed traced values.
"""

from __future__ import annotations

import builtins
import importlib.util
import math
import statistics
import threading
import time
import timeit
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import numpy as np

import dualdiff as dd

from . import least_tape

TURNS, CALLS = 60, 20
Program = Callable[[Any], Any]


def antoine(t: Any) -> Any:
    """A vapour pressure and its latent heat."""
    p = math.exp(10.2 - 1730.6 / (t - 39.7))
    return p * (1.0 + 2e-3 * (t - 373.0)) + math.log(p) * 8.314 * t / math.sqrt(1.0 + t / 647.0)


def great_circle(lat: Any) -> Any:
    """The distance of two places on a sphere."""
    a, b, dl = float(lat) * 0.01745, 0.852, 0.35
    h = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(dl / 2) ** 2
    return 2 * 6371.0 * math.atan2(math.sqrt(h), math.sqrt(1 - h))


def black_scholes(sigma: Any) -> Any:
    """A price with a logistic approximation of the normal distribution."""
    s = sigma * math.sqrt(0.5)
    d = (math.log(100.0 / 95.0) + 0.02 * 0.5) / s + s / 2
    n1, n2 = 1 / (1 + math.exp(-1.702 * d)), 1 / (1 + math.exp(-1.702 * (d - s)))
    return 100.0 * n1 - 95.0 * math.exp(-0.01) * n2


def friction(re: Any) -> Any:
    """Colebrook's equation by six steps of substitution."""
    f = 0.02
    for _ in range(6):
        f = (-2.0 * math.log(1e-4 / 3.7 + 2.51 / (re * math.sqrt(f))) / 2.302585) ** -2
    return f


def kepler(e: Any) -> Any:
    """Kepler's equation by five steps of Newton's method."""
    u = 1.1
    for _ in range(5):
        u = u - (u - e * math.sin(u) - 1.1) / (1 - e * math.cos(u))
    return u


def horner(x: Any) -> Any:
    """A polynomial of degree 20."""
    y = 0.0
    for k in range(20):
        y = y * x + 1.0 / (k + 1)
    return y


def filled(x: Any) -> Any:
    """An array that is filled element by element."""
    out = np.zeros(8)
    for i in range(8):
        out[i] = math.sin(float(x) * i)
    return np.sum(out)


def rotation(angles: Any) -> Any:
    """The product of two rotations, on a vector."""
    c, s, d, t = math.cos(angles[0]), math.sin(angles[0]), math.cos(angles[1]), math.sin(angles[1])
    a = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    b = np.array([[1.0, 0.0, 0.0], [0.0, d, -t], [0.0, t, d]])
    return np.sum(a @ b @ np.arange(3.0))


def kalman(q: Any) -> Any:
    """Three steps of a filter with one state."""
    x, p = 0.0, 1.0
    for z in (1.0, 2.1, 2.9):
        p = p + q
        k = p / (p + 0.5)
        x, p = x + k * (z - x), (1 - k) * p
    return x


def gaussians(w: Any) -> Any:
    """A sum of peaks on ten points."""
    t = np.linspace(0.0, 1.0, 10)
    y = w[0] * np.exp(-(((t - w[1]) / w[2]) ** 2)) + w[3]
    return np.sum((y - np.sin(t)) ** 2)


def pendulum(k: Any) -> Any:
    """Five steps of a pendulum."""
    angle, speed = 0.5, 0.0
    for _ in range(5):
        speed = speed - 0.1 * k * math.sin(angle)
        angle = angle + 0.1 * speed
    return angle**2 + speed**2


# The program and where it is differentiated.
PROGRAMS: list[tuple[Program, Any]] = [
    (antoine, 350.0),
    (great_circle, 47.0),
    (black_scholes, 0.3),
    (friction, 1e5),
    (kepler, 0.3),
    (horner, 0.7),
    (filled, 0.4),
    (rotation, np.array([0.3, 0.5])),
    (kalman, 0.3),
    (gaussians, np.array([1.0, 0.4, 0.3, 0.1])),
    (pendulum, 9.0),
]
# Replaced names, and arguments.
NAMES = [
    ("math.sin", "0.3"),
    ("math.atan2", "0.3, 0.4"),
    ("np.zeros", "3"),
    ("np.zeros", "3, dtype=float"),
    ("np.array", "[1.0, 2.0]"),
    ("np.asarray", "[1.0, 2.0]"),
]


def turn(f: Callable[[Any], Any], x: Any) -> float:
    """Seconds of thread time of some calls."""
    start = time.thread_time()
    for _ in range(CALLS):
        f(x)
    return time.thread_time() - start


def with_names(program: Program, **names: Any) -> Program:
    """The program with other modules under its names."""
    names["float"] = lambda x: x
    return types.FunctionType(program.__code__, vars(builtins) | names)


def gradients(program: Program, x: Any) -> dict[str, Callable[[Any], Any]]:
    """The contestants."""
    found = {
        "under the patch": dd.grad(program),
        "NumPy's names": dd.grad(with_names(program, math=np, np=dd.numpy)),
    }
    if importlib.util.find_spec("autograd") is not None and program is not filled:
        import autograd

        space = types.SimpleNamespace(**vars(autograd.numpy))
        space.atan2 = space.arctan2
        found["autograd"] = autograd.grad(with_names(program, math=space, np=space))
    if isinstance(x, float) and program is not filled:
        found["by hand"] = least_tape.grad(with_names(program, math=least_tape.MATH))
    return found


def measure(program: Program, x: Any) -> tuple[float, dict[str, float]]:
    """The least time of a call of the function, and the ratios of the contestants."""
    contestants = gradients(program, x)
    functions: list[float] = []
    ratios: dict[str, list[float]] = {name: [] for name in contestants}
    with dd.patch():
        expected = contestants["under the patch"](x)
    for _ in range(TURNS):
        own = turn(program, x)
        for name, gradient in contestants.items():
            with dd.patch() if name == "under the patch" else nullcontext():
                np.testing.assert_allclose(gradient(x), expected, rtol=1e-9)
                ratios[name].append(turn(gradient, x) / own)
        functions.append(own / CALLS)
    return min(functions), {name: statistics.median(found) for name, found in ratios.items()}


def least_time(function: Callable[..., Any], arguments: str) -> float:
    """Microseconds of a call."""
    timer = timeit.Timer(f"f({arguments})", globals={"f": function}, timer=time.thread_time)
    return min(timer.repeat(30, 10_000)) / 10_000 * 1e6


_opened: ContextVar[tuple[int, ...]] = ContextVar("opened", default=())
_NUMBERS = frozenset((float, int, complex, bool, str, type, type(None)))


def by_hand(function: Callable[..., Any], is_open: set[int]) -> Any:
    """The least wrapper that could do the work, and does not bind in classes."""

    def call(plain: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if is_open:
            assert is_open.isdisjoint(_opened.get())
            for x in (*args, *kwargs.values()) if kwargs else args:
                kind = type(x)
                assert kind in _NUMBERS or (kind is list and _NUMBERS.issuperset(map(type, x)))
        return plain(*args, **kwargs) if kwargs else plain(*args)

    return types.MethodType(call, function)


@contextmanager
def another_derivative() -> Iterator[None]:
    """Another thread takes a derivative."""
    begun, done = threading.Event(), threading.Event()

    def f(x: Any) -> Any:
        begun.set()
        done.wait()
        return x * 1.0

    thread = threading.Thread(target=lambda: dd.grad(f)(1.0))
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


def measure_name(path: str, arguments: str) -> tuple[float, ...]:
    """The time of the original, and what a wrapper and the patch add, alone and beside another."""
    module, _, name = path.partition(".")
    space = {"math": math, "np": np}[module]
    original = getattr(space, name)
    own = least_time(original, arguments)
    wrapped = least_time(by_hand(original, set()), arguments)
    asking = least_time(by_hand(original, {1}), arguments)
    with dd.patch():
        patched = least_time(getattr(space, name), arguments)
        with another_derivative():
            beside = least_time(getattr(space, name), arguments)
    return own, wrapped - own, patched - own, asking - own, beside - own


def print_programs() -> None:
    """The first table."""
    columns = ["under the patch", "NumPy's names", "autograd", "by hand"]
    print(f"| program | function, µs | {' | '.join(columns)} |\n|---|{'---|' * 5}")
    rows = []
    for program, x in PROGRAMS:
        own, ratios = measure(program, x)
        rows.append(ratios)
        cells = [f"{ratios[c]:.1f}" if c in ratios else "-" for c in columns]
        print(f"| {program.__name__} | {own * 1e6:.1f} | {' | '.join(cells)} |")
    medians = [statistics.median([r[c] for r in rows if c in r] or [math.nan]) for c in columns]
    print(f"| median | | {' | '.join(f'{m:.1f}' for m in medians)} |")


def print_names() -> None:
    """The second table."""
    print("\n| call | original, µs | by hand adds | patch adds | beside another, by hand | patch |")
    print("|---|---|---|---|---|---|")
    for path, arguments in NAMES:
        cells = (f"{t:.2f}" for t in measure_name(path, arguments))
        print(f"| `{path}({arguments})` | {' | '.join(cells)} |")


if __name__ == "__main__":
    print_programs()
    print_names()
