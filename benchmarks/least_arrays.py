"""The least wrapper of arrays in Python: NumPy's protocols, a list as tape, rules by hand.

It knows no dtypes, no levels, no second derivatives, no stores and no errors, and runs programs of
a few universal functions, sums and indices alone.

Run: python -m benchmarks.least_arrays
It prints the cost of gradients of functions of arrays of the collection in `tests/wild` (those that
are installed), in times of the function, beside dualdiff's.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

import dualdiff as dd

# Functions of the collection that work on arrays and that this wrapper can run.
NAMES = (
    "astropy_gaussian", "nelson_siegel", "clayton", "finite_elements", "relative_strength",
    "sound_directions", "planck",
)  # fmt: skip
Pull = Callable[[Any], Any]
_TAPE: list[tuple[tuple[int, Pull], ...]] = []  # for each result its operands, with their pulls
_SLOPES: dict[Any, Callable[[Any, Any], Any]] = {
    np.negative: lambda x, y: -1.0,
    np.exp: lambda x, y: y,
    np.log: lambda x, y: 1.0 / x,
    np.log10: lambda x, y: 0.4342944819032518 / x,
    np.sqrt: lambda x, y: 0.5 / y,
    np.square: lambda x, y: 2 * x,
    np.sin: lambda x, y: np.cos(x),
    np.cos: lambda x, y: -np.sin(x),
    np.tan: lambda x, y: 1.0 + y * y,
    np.tanh: lambda x, y: 1.0 - y * y,
    np.arcsin: lambda x, y: 1.0 / np.sqrt(1.0 - x * x),
    np.arccos: lambda x, y: -1.0 / np.sqrt(1.0 - x * x),
    np.arctan: lambda x, y: 1.0 / (1.0 + x * x),
    np.absolute: lambda x, y: np.sign(x),
    np.deg2rad: lambda x, y: np.pi / 180,
    np.radians: lambda x, y: np.pi / 180,
    np.rad2deg: lambda x, y: 180 / np.pi,
    np.degrees: lambda x, y: 180 / np.pi,
}
_PAIRS: dict[Any, tuple[Callable[..., Any], Callable[..., Any]]] = {
    np.add: (lambda x, y, z: 1.0, lambda x, y, z: 1.0),
    np.subtract: (lambda x, y, z: 1.0, lambda x, y, z: -1.0),
    np.multiply: (lambda x, y, z: y, lambda x, y, z: x),
    np.true_divide: (lambda x, y, z: 1.0 / y, lambda x, y, z: -z / y),
    np.power: (lambda x, y, z: y * x ** (y - 1), lambda x, y, z: z * np.log(x)),
    np.arctan2: (lambda x, y, z: y / (x * x + y * y), lambda x, y, z: -x / (x * x + y * y)),
    np.hypot: (lambda x, y, z: x / z, lambda x, y, z: y / z),
}


class Array(NDArrayOperatorsMixin):
    """An array with its place on the tape."""

    __slots__ = ("place", "value")

    def __init__(self, value: Any, *pulls: tuple[int, Pull]) -> None:
        self.value, self.place = value, len(_TAPE)
        _TAPE.append(pulls)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            return NotImplemented
        values = [x.value if type(x) is Array else x for x in inputs]
        ans = ufunc(*values)
        if len(inputs) == 1:
            if ufunc not in _SLOPES:
                return ans
            slope = _SLOPES[ufunc](values[0], ans)
            return Array(ans, (self.place, lambda g: g * slope))
        if ufunc not in _PAIRS:
            return ans
        pulls = []
        for x, value, slope in zip(inputs, values, _PAIRS[ufunc], strict=True):
            if type(x) is Array:
                d, shape = slope(*values, ans), np.shape(value)
                pulls.append((x.place, lambda g, d=d, shape=shape: _fitted(g * d, shape)))
        return Array(ans, *pulls)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.sum and len(args) == 1 and not kwargs:
            shape = np.shape(self.value)
            return Array(np.sum(self.value), (self.place, lambda g: np.full(shape, g)))
        if func is np.mean and len(args) == 1 and not kwargs:
            shape, n = np.shape(self.value), np.size(self.value)
            return Array(np.mean(self.value), (self.place, lambda g: np.full(shape, g / n)))
        if func in (np.shape, np.ndim, np.size):
            return func(self.value)
        return NotImplemented

    def __getitem__(self, index: Any) -> Array:
        shape = np.shape(self.value)

        def pull(g: Any) -> Any:
            out = np.zeros(shape)
            out[index] = g
            return out

        return Array(self.value[index], (self.place, pull))

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self.value)))

    shape = property(lambda self: np.shape(self.value))
    ndim = property(lambda self: np.ndim(self.value))
    size = property(lambda self: np.size(self.value))
    dtype = property(lambda self: np.dtype(float))

    def sum(self) -> Any:
        return np.sum(self)

    def mean(self) -> Any:
        return np.mean(self)

    def __bool__(self) -> bool:
        return bool(self.value)


def _fitted(g: Any, shape: tuple[int, ...]) -> Any:
    """A cotangent summed over the axes along which its operand was broadcast."""
    if np.shape(g) == shape:
        return g
    while np.ndim(g) > len(shape):
        g = np.sum(g, axis=0)
    for axis, n in enumerate(shape):
        if n == 1 != np.shape(g)[axis]:
            g = np.sum(g, axis=axis, keepdims=True)
    return g


def grad(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The gradient of a function whose operations this module knows."""

    def derivative(x: Any) -> Any:
        _TAPE.clear()
        result = f(Array(x))
        slots: list[Any] = [None] * len(_TAPE)
        slots[result.place] = 1.0
        for place in range(result.place, 0, -1):
            g = slots[place]
            if g is not None:
                for target, pull in _TAPE[place]:
                    c = pull(g)
                    slots[target] = c if slots[target] is None else slots[target] + c
        return slots[0]

    return derivative


def _seconds(f: Callable[[Any], Any], x: Any) -> float:
    start, calls = time.thread_time(), 0
    while calls < 3 or time.thread_time() - start < 0.002:
        f(x)
        calls += 1
    return (time.thread_time() - start) / calls


def _ratios(f: Callable[[Any], Any], x: Any) -> tuple[float, float, float]:
    """The least time of a function, and median ratios of both gradients in turns."""
    own, hand, ours = [], [], []
    for _ in range(25):
        own.append(_seconds(f, x))
        hand.append(_seconds(grad(f), x) / own[-1])
        with dd.patch():
            ours.append(_seconds(dd.grad(f), x) / own[-1])
    return min(own), statistics.median(hand), statistics.median(ours)


def _main() -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "wild"))
    from cases import CASES, is_installed

    warnings.simplefilter("ignore")
    print("| function | µs | by hand | dualdiff |\n|---|---|---|---|")
    rows = []
    for case in CASES:
        if case.name not in NAMES or not is_installed(case.package):
            continue
        np.testing.assert_allclose(grad(case.f)(case.x), dd.grad(case.f)(case.x), rtol=1e-6)
        rows.append(_ratios(case.f, case.x))
        own, hand, ours = rows[-1]
        print(f"| {case.name} | {own * 1e6:.1f} | {hand:.1f} | {ours:.1f} |", flush=True)
    _, hand, ours = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"| median of {len(rows)} | | {hand:.1f} | {ours:.1f} |")


if __name__ == "__main__":
    _main()
