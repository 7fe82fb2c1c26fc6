"""Random programs, their references by differences, and the derivatives that are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np

import dualdiff as dd
from dualdiff.transforms.masks import zero_masks
from tests.core import test_mutation_programs as assignment
from tests.fuzz.steps import STEPS, Context
from tests.sparse import test_programs as patterns
from tests.transforms import test_complex_programs as complex_numbers

LOWERED = {
    "dualdiff.array.guards.COPIED": 0,
    "dualdiff.array.guards.QUICK": 1,
    "dualdiff.rules.numpy.reductions.SMALL": 1,
    "dualdiff.core.tangents.LEAST_RANK": 1,
    "dualdiff.transforms.directions.LARGE": 1,
    "dualdiff.transforms.record.LARGE": 0,
    "dualdiff.core.batch.COMPACTED": 1,
    "dualdiff.transforms.plan.COMPARED": 1,
}
LARGEST = 40  # elements of an array of a program


class Undefined(Exception):
    """A program for which differences give no reliable derivative."""


class Program:
    """A program of a few random steps; `names` are its steps."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.seed = seed
        self.steps = [STEPS[i] for i in rng.integers(0, len(STEPS), int(rng.integers(1, 7)))]
        self.x = rng.uniform(0.2, 1.3, (2, 3)) * rng.choice([-1, 1], (2, 3))
        self.layout = int(rng.integers(5))
        self.names = [s.__name__ for s in self.steps]

    def argument(self, values: np.ndarray) -> np.ndarray:
        """The argument in one of several memory layouts."""
        if self.layout == 1:
            return np.asfortranarray(values)
        if self.layout == 2:
            return values[::-1].copy()[::-1]
        if self.layout == 3:
            return np.repeat(values, 2, axis=1)[:, ::2]
        if self.layout == 4:
            return np.stack([values, values])[1]
        return values.copy()

    def __call__(self, x: Any, xp: Any) -> Any:
        c = Context(xp, np.random.default_rng(self.seed + 1))
        arrays = [x, x * 1.0]
        for do in self.steps:
            a = arrays[int(c.rng.integers(len(arrays)))]
            b = arrays[int(c.rng.integers(len(arrays)))]
            made = do(c, a, b)
            made = made if made.ndim else np.reshape(made, (1,))
            if made.size == 0 or made.size > LARGEST:
                made = np.reshape(made, -1)[:LARGEST] if made.size else a * 2.0
            arrays.append(made)
        parts = [np.reshape(np.sin(0.3 * a), -1)[:8] for a in arrays]
        return np.concatenate(parts)

    def traced(self, x: Any) -> Any:
        return self(x, dd.numpy)

    def plain(self, values: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(self(self.argument(values), np))


def reference(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """The Jacobian by differences of two step sizes that agree, as a matrix."""

    def central(h: float, e: np.ndarray) -> np.ndarray:
        return (8 * (f(x + h * e) - f(x - h * e)) - f(x + 2 * h * e) + f(x - 2 * h * e)) / (12 * h)

    columns = []
    for e in np.eye(x.size).reshape(x.size, *x.shape):
        first, second = central(1e-3, e), central(4e-4, e)
        one_sided = (f(x + 1e-5 * e) - f(x)) / 1e-5
        bound = 1e-7 * (1 + np.abs(first).max(initial=0))
        if not np.all(np.abs(first - second) <= bound) or not np.all(
            np.abs(one_sided - second) <= 1e-2 * (1 + np.abs(second))
        ):
            raise Undefined
        columns.append(second)
    return np.stack(columns, axis=-1)


@contextmanager
def lowered() -> Iterator[None]:
    """Thresholds at which every special path is taken."""
    with ExitStack() as stack:
        for name, value in LOWERED.items():
            stack.enter_context(mock.patch(name, value))
        yield


def _check_stores(rng: np.random.Generator) -> None:
    stores: Any = rng.integers(0, [10, 7, 7, 24], (int(rng.integers(1, 10)), 4)).tolist()
    assignment.check(stores)
    assignment.check_second_order(stores)
    patterns.check_stores(stores)


def _check_complex(rng: np.random.Generator) -> None:
    names = [*complex_numbers.UNARY, *complex_numbers.BINARY]
    steps = rng.integers(0, [len(names), 7, 7], (int(rng.integers(1, 8)), 3)).tolist()
    complex_numbers.check_program([(names[k], i, j) for k, i, j in steps], int(rng.integers(2**32)))


def _check_pattern(rng: np.random.Generator) -> None:
    count = len(patterns.STEPS)
    patterns.check_expression(
        rng.integers(0, [count, count, 4], (int(rng.integers(1, 7)), 3)).tolist()
    )


# By the remainder of the seed.
SPECIAL: dict[int, Callable[[np.random.Generator], None]] = {
    3: _check_stores,
    5: _check_complex,
    10: _check_pattern,
}


def check(seed: int) -> str:
    """Compare the derivatives of one program; its kind: "checked" or "undefined".

    Three in fourteen are programs of stores and views, of complex numbers, and of sparse patterns,
    whose references are exact.
    """
    if seed % 14 in SPECIAL:
        SPECIAL[seed % 14](np.random.default_rng(seed))
        return "checked"
    p = Program(seed)
    try:
        value = p.plain(p.x)
    except ValueError:  # NumPy refuses it, such as a store into a read-only view
        return "undefined"
    if not np.isfinite(value).all():
        return "undefined"
    try:
        right = reference(p.plain, p.x)
    except Undefined:
        return "undefined"
    with ExitStack() as stack:
        if seed % 3 == 0:
            stack.enter_context(lowered())
        if seed % 4 == 1:
            stack.enter_context(zero_masks())
        _compare(p, value, right)
    return "checked"


def _compare(p: Program, value: np.ndarray, right: np.ndarray) -> None:
    f = p.traced
    x, n, m = p.argument(p.x), p.x.size, right.shape[0]
    before = x.copy()
    rng = np.random.default_rng(p.seed + 2)
    t, g = rng.normal(size=p.x.shape), rng.normal(size=m)
    size = 1 + np.abs(right).max(initial=0)

    def same(found: Any, expected: Any, what: str, tolerance: float = 1e-6) -> None:
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * size, err_msg=what)

    got, tangent = dd.jvp(f, (x,), (t,))
    np.testing.assert_allclose(got, value, rtol=1e-9, atol=1e-12, err_msg="value, forward")
    same(tangent, right @ t.reshape(-1), "jvp")
    got, pull = dd.vjp(f, x)
    np.testing.assert_allclose(got, value, rtol=1e-9, atol=1e-12, err_msg="value, reverse")
    same(np.ravel(pull(g)[0]), g @ right, "vjp")
    same(np.ravel(pull(g)[0]), g @ right, "vjp, again")
    J = dd.jacobian(f, mode="reverse")(x).reshape(m, n)
    same(J, right, "jacobian, reverse")
    mode, chunk = [("forward", None), ("forward", 2), ("reverse", 3), ("auto", None)][p.seed % 4]
    found = dd.jacobian(f, mode=mode, chunk=chunk)(x).reshape(m, n)
    same(found, J, f"jacobian, {mode}, chunk {chunk}", 1e-9)
    linear = dd.linearize(f, x)[1]
    same(linear.jvp(t), J @ t.reshape(-1), "linearize, jvp", 1e-9)
    same(np.ravel(linear.vjp(g)[0]), g @ J, "linearize, vjp", 1e-9)
    loss = lambda x: np.sum(g * f(x) ** 2)  # noqa: E731
    gradient = 2 * (g * value) @ right
    same(np.ravel(dd.grad(loss)(x)), gradient, "grad")
    np.testing.assert_array_equal(x, before, err_msg="the argument was changed")
    _compare_second(p, loss, x, t)
    if "threads" not in p.names and p.seed % 5 == 0:
        _compare_sparse(p, x, J, size)


def _compare_second(p: Program, loss: Callable[[Any], Any], x: np.ndarray, t: np.ndarray) -> None:
    h = 1e-4
    ahead, back = (np.ravel(dd.grad(loss)(p.argument(p.x + s * h * t))) for s in (1, -1))
    further, behind = (np.ravel(dd.grad(loss)(p.argument(p.x + s * h * t))) for s in (2, -2))
    numeric = (8 * (ahead - back) - (further - behind)) / (12 * h)
    rough = (ahead - back) / (2 * h)
    size = 1 + np.abs(numeric).max()
    if np.abs(numeric - rough).max() > 1e-4 * size:
        return  # a kink near x
    products = {
        "forward over reverse": lambda: dd.hvp(loss)(x, t),
        "reverse over reverse": lambda: dd.vjp(dd.grad(loss), x)[1](t)[0],
        "reverse over forward": lambda: dd.grad(lambda x: dd.jvp(loss, (x,), (t,))[1])(x),
        "hessian": lambda: np.tensordot(dd.hessian(loss)(x), t, 2),
    }
    for name, product in products.items():
        np.testing.assert_allclose(
            np.ravel(product()), numeric, rtol=0, atol=1e-4 * size, err_msg=name
        )


def _compare_sparse(p: Program, x: np.ndarray, J: np.ndarray, size: float) -> None:
    """A sparse Jacobian that was prepared at another point."""
    rng = np.random.default_rng(p.seed + 3)
    other = p.argument(rng.uniform(0.2, 1.3, p.x.shape) * rng.choice([-1, 1], p.x.shape))
    with np.errstate(all="ignore"):
        if not np.isfinite(p.plain(other)).all():
            return
        prepared = dd.prepare_jacobian(p.traced, other)
    found = prepared(x).toarray()
    np.testing.assert_allclose(found, J, rtol=0, atol=1e-9 * size, err_msg="sparse, prepared")
