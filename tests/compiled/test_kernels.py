"""Fused kernels on large arrays, and the elementary functions in them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import factorial
from typing import Any

import mpmath
import numpy as np
import pytest

import dualdiff as dd
from dualdiff.compiled import kernels
from dualdiff.compiled.functions import OWN, economised
from dualdiff.compiled.kernels import Kernel
from dualdiff.compiled.signature import has_surprise
from tests.compiled.helpers import assert_same, calls_agree, replays

pytest.importorskip("llvmlite", reason="native code is the extra `compile`")
N = 50_000  # more than become scalar code


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DUALDIFF_CACHE", str(tmp_path))
    # Native code is what is tested, however long it takes on a busy machine.
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))


def fused(f: Callable[..., Any], *args: Any) -> Any:
    """The compiled function, after a check that it has kernels, and past its checks."""
    g = dd.compile(f, *args)
    (table,) = g.tables.values()
    assert table.reason == ""
    assert "fused kernels" in table.recordings[0].program.description
    for _ in range(2):
        g(*args)
    return g


def waves(x):
    y = x
    for _ in range(3):
        y = np.sin(y) * x + np.tanh(y) - 0.1 * np.exp(-y)
    return np.sum(y)


def masked(x):
    y = np.where((x > 0.5) & ~(x > 0.8), np.log(x + 1.0), x**2 / 3.0)
    return np.sum(np.maximum(y, 0.2) + np.logaddexp(y, x) + np.abs(x - 0.3))


@pytest.mark.parametrize("f", [waves, masked])
def test_programs_on_large_arrays(f: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 0.9, N)
    for e in (f, dd.value_and_grad(f), lambda x: dd.jvp(f, (x,), (np.cos(x),))):
        g = fused(e, x)
        calls_agree(g, e, [(rng.uniform(0.1, 0.9, N),) for _ in range(3)])
        assert replays(g) == 5


def test_layouts_and_matrices() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 0.9, (200, 300))
    e = dd.value_and_grad(lambda x: np.sum(np.sin(x) * np.cos(x) * 2.0 + x.T[0, 0]))
    for a in (x, x.T, x[::2], np.asfortranarray(x)):
        g = fused(e, a)
        for _ in range(2):
            assert_same(g(a + 0.1), e(a + 0.1))


POINTS: dict[str, list[Any]] = {
    "sin": [(-10, 10), (-3e5, 3e5), (-1e-3, 1e-3)],
    "exp": [(-700, 700), (-1, 1), (-745, -708)],
    "log": [(0.5, 2), (1e-300, 1e300), (0.999, 1.001)],
    "tanh": [(-3, 3), (-20, 20), (-1e-3, 1e-3), (0.15, 0.2), (-1e-15, 1e-15), (18, 20)],
    "expm1": [(-1, 1), (-40, 700), (-1e-6, 1e-6), (0.3, 0.5)],
    "log1p": [(-0.9, 3), (-1e-6, 1e-6), (0, 1e20)],
}


@pytest.mark.parametrize("name", OWN)
def test_elementary_functions_are_right_to_one_and_a_half_units(name: str) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(a, b, N) for a, b in POINTS.get(name, POINTS["sin"])])
    if name in ("sin", "cos"):
        x[:500] = np.arange(500) * np.pi / 2
    y = fused(getattr(np, name), x)(x)
    with mpmath.workprec(120):
        for i in [*range(500), *range(500, len(x), 101)]:
            exact = getattr(mpmath, name)(mpmath.mpf(float(x[i])))
            unit = max(np.spacing(abs(float(exact))), 5e-324)
            assert abs(mpmath.mpf(float(y[i])) - exact) <= 1.5 * unit, x[i]


def test_fewer_coefficients_are_nearly_as_good_as_any() -> None:
    taylor = tuple(Fraction(1, factorial(k)) for k in range(24))
    found = economised(taylor, Fraction(1, 2), 9)
    errors = []
    for x in [Fraction(k, 100) for k in range(-50, 51)]:
        exact = sum(c * x**k for k, c in enumerate(taylor))
        errors.append(abs(float(sum(c * x**k for k, c in enumerate(found)) - exact)))
    first = 0.5**9 / factorial(9)  # the first term that is left out, at the ends
    assert max(errors) == pytest.approx(first / 2**8, rel=0.1)


@pytest.mark.parametrize("name", OWN)
def test_arguments_outside_of_a_range_are_left_to_the_c_library(name: str) -> None:
    odd = [0.0, -0.0, 5e-324, -1e-310, 1e-300, 30.0, -30.0, 708.0, -744.0, -746.0, -1e300]
    odd += [1e22, -1e6, 1e300, 1.7e308, 4e5, -0.9999, -0.5, 1e-17]
    x = np.full(N, 0.7)
    x[:: N // len(odd)][: len(odd)] = odd
    if name in ("log", "log1p"):
        x = np.abs(x) + (x == 0) if name == "log" else np.where(x <= -1, 0.3, x)
    elif name in ("exp", "expm1"):
        x = np.minimum(x, 709.0)
    g = fused(getattr(np, name), np.full(N, 0.7))
    np.testing.assert_array_max_ulp(g(x), getattr(np, name)(x), 3)


@pytest.mark.parametrize("name", sorted({*OWN} - {"log"}))
def test_functions_keep_the_sign_of_a_zero(name: str) -> None:
    f = getattr(np, name)
    x = np.tile([0.0, -0.0, 0.3, -0.3], N // 4)
    assert np.array_equal(np.signbit(fused(f, np.full(N, 0.7))(x)), np.signbit(f(x)))


def test_nans_and_infinities_are_eager() -> None:
    f = dd.compile(np.log, np.full(N, 0.5))
    x = np.full(N, 0.5)
    for _ in range(3):
        f(x)
    x[7], x[9] = 0.0, -1.0
    with pytest.warns(RuntimeWarning, match="encountered in log"):
        got = f(x)
    assert got[7] == -np.inf
    assert np.isnan(got[9])


@pytest.mark.parametrize("width", range(2, 10))
def test_reductions_along_short_rows_keep_numpys_order(width: int) -> None:
    x = np.random.default_rng(0).normal(size=(400, 30, width)) * 10.0 ** np.arange(width)
    x[3, 4, 1] = x[3, 4].max()  # a tie
    x[5] = -0.0

    def f(x):
        return np.sum(x, axis=-1), np.max(x, axis=2), x.min(axis=-1), np.add.reduce(x, axis=2)

    g = dd.compile(f, x, backend="python")
    for _ in range(3):
        for got, want in zip(g(x), f(x), strict=True):
            np.testing.assert_array_equal(got, want)
            np.testing.assert_array_equal(np.signbit(got), np.signbit(want))
    assert replays(g) == 3


AXES = [None, 0, -1, 1, (0, 2), (-2, -1), (0, 1, 2), ()]


@pytest.mark.parametrize("axis", AXES, ids=str)
def test_reductions_are_numpys_to_the_last_bit(axis: Any) -> None:
    rng = np.random.default_rng(0)

    def f(x):
        first = [np.mean(x, axis=axis), np.sum(x, axis=axis), np.max(x, axis=axis)]
        second = [np.prod(x[0], keepdims=True), np.min(x, axis=axis, keepdims=True), np.mean(x)]
        return first + second + [np.mean(x, axis, keepdims=True), np.sum(x), np.mean(x > 0)]

    g = dd.compile(f, backend="python")
    for _ in range(5):
        x = rng.normal(size=(7, 33, 5)) * 10.0 ** rng.integers(-3, 4, (7, 33, 5))
        for got, want in zip(g(x), f(x), strict=True):
            assert type(got) is type(want)
            np.testing.assert_array_equal(got, want, strict=True)
    assert replays(g) == 4


def test_huge_numbers_are_no_infinities() -> None:
    rng = np.random.default_rng(0)
    for x in (rng.random((40, 30)), rng.random((40, 30)).T, rng.random((40, 30))[::2, ::3]):
        for y in (x * 1e300, (x * 1e30).astype(np.float32), x * 1e300j, x):
            assert not has_surprise(y)
            for odd in (np.inf, -np.inf, np.nan):
                z = y.copy(order="K")
                z[3, 4] = odd
                assert has_surprise(z)
    assert not has_surprise(np.zeros(0))
    assert not has_surprise(np.arange(3))


def test_a_kernel_makes_no_arrays_but_its_results() -> None:
    import tracemalloc

    x = np.random.default_rng(0).random(1_000_000)
    g = fused(dd.value_and_grad(waves), x)
    g(x)
    tracemalloc.start()
    g(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.1 * x.nbytes  # the gradient


@pytest.mark.parametrize("n", [20_001, 20_480, 30_007, 100_003])
def test_sums_of_all_elements_keep_numpys_order(n: int) -> None:
    rng = np.random.default_rng(n)

    def f(x):
        y = x * x + 1.0
        return np.sum(y), (y * x).sum(), np.sum(x * 3.0, axis=0), np.sum(-x, keepdims=True), y

    g = dd.compile(f)
    for _ in range(4):
        x = rng.normal(size=n) * 10.0 ** rng.integers(-3, 4, n)
        for got, want in zip(g(x), f(x), strict=True):
            assert type(got) is type(want)
            # Before 2.3, NumPy added up pieces of 8,192 elements.
            rtol = 0.0 if np.lib.NumpyVersion(np.__version__) >= "2.3.0" else 1e-15
            np.testing.assert_allclose(got, want, rtol=rtol, atol=0.0)
    assert replays(g) == 3
    assert "fused kernels" in str(g.report())


SUMS = [
    ((3000, 8), -1), ((3000, 8), 0), ((300, 9, 10), 2), ((300, 9, 10), (1, 2)), ((70, 300), 1),
    ((20, 200, 6), 1), ((20, 200, 6), (0, 1)), ((300, 1, 70), 0), ((2, 12_000), 0),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "axis"), SUMS, ids=str)
def test_sums_along_axes_belong_to_kernels_and_keep_numpys_order(shape: Any, axis: Any) -> None:
    rng = np.random.default_rng(0)

    def f(x, y):
        z = x * y - 1.0
        return z.sum(axis=axis), np.sum(z * x, axis, keepdims=True), np.sum(z > 0.5, axis=axis)

    g = dd.compile(f)
    for _ in range(4):
        x = rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4, shape)
        y = rng.normal(size=(*shape[:-1], 1))
        for got, want in zip(g(x, y), f(x, y), strict=True):
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)
    assert replays(g) == 3
    names = g.tables.popitem()[1].recordings[0].program.names.values()
    assert any(x.way for x in names if isinstance(x, Kernel))


def test_arrays_that_broadcast_belong_to_kernels() -> None:
    rng = np.random.default_rng(0)
    places = rng.integers(0, 300, (100, 250))

    def f(x, y, w, s):
        z = np.where(x > y, x * y, w) + np.broadcast_to(s, (250, 300)) * x
        gathered = np.tanh(w[places]) * w[:100, None] * 2.0
        return np.sum(np.max(np.reshape(z, (-1, 6)), axis=1)) + np.sum(z * y) + np.sum(gathered)

    args = (rng.normal(size=(250, 1)), rng.normal(size=(1, 300)), rng.normal(size=300), 0.7)
    for e in (f, dd.value_and_grad(f, argnums=(0, 1, 2, 3))):
        g = fused(e, *args)
        calls_agree(g, e, [tuple(a + 0.1 * k for a in args) for k in range(3)])
        assert replays(g) == 5


def test_rows_keep_the_sign_of_a_greatest_zero() -> None:
    rng = np.random.default_rng(0)
    x = np.where(rng.random((4000, 7)) < 0.5, 0.0, -0.0)
    g = fused(lambda x: (np.max(x * 2.0, axis=1), np.min(x * 3.0, axis=-1)), x + 1.0)
    for got, want in zip(g(x), (np.max(x, axis=1), np.min(x, axis=1)), strict=True):
        np.testing.assert_array_equal(np.signbit(got), np.signbit(want))


def test_a_kernel_takes_no_more_operations_than_a_function_of_c_has_arguments_for(
    monkeypatch,
) -> None:
    monkeypatch.setattr(kernels, "MOST", 8)

    def f(xs):
        y = xs[0]
        for x in xs[1:]:
            y = 0.9 * y + x
        return np.sum(y)

    xs = list(np.random.default_rng(0).random((20, N)))
    g = fused(f, xs)
    for _ in range(2):
        xs = [1.01 * x for x in xs]
        assert_same(g(xs), f(xs))
    assert replays(g) == 4


@pytest.mark.parametrize(("low", "high"), [(-3, 3), (-20, 20), (-700, 700)])
def test_the_slope_of_tanh_is_right_to_four_units(low: float, high: float) -> None:
    x = np.random.default_rng(0).uniform(low / 2, high / 2, N)
    y = fused(lambda x: dd.vjp(np.tanh, x)[1](np.ones(N))[0], x)(x)
    with mpmath.workprec(120):
        for a, b in zip(x[::101], y[::101], strict=True):
            exact = mpmath.sech(mpmath.mpf(float(a))) ** 2
            assert abs(mpmath.mpf(float(b)) - exact) <= 4 * max(np.spacing(float(exact)), 5e-324)


def test_arrays_of_thousands_of_elements_are_kernels() -> None:
    """Scalar code took eight times as long as NumPy, with the C library for each element."""
    x = np.random.default_rng(0).normal(size=6400)
    for f in (lambda x: np.sum(np.tanh(x)), lambda x: np.sum(x * x)):
        g = dd.compile(dd.value_and_grad(f))
        for _ in range(4):
            assert_same(g(x), dd.value_and_grad(f)(x))
        assert g(x)[0] == pytest.approx(f(x), rel=1e-15)
        assert "fused" in str(g.report())


def test_loops_over_the_elements_of_large_arrays_are_scalar_code() -> None:
    x = np.random.default_rng(0).normal(size=2500)
    g = dd.compile(lambda x: sum(x[i] * x[i + 1] for i in range(2400)) + np.sum(np.exp(x)))
    for _ in range(3):
        g(x)
    assert "native" in str(g.report())


def test_shares_of_equal_and_of_infinite_operands() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=N) * 30, rng.normal(size=N)

    def slopes(x, y):
        x_bar, y_bar = dd.vjp(np.logaddexp, x, y)[1](np.ones(N))
        return x_bar, y_bar

    g = fused(slopes, x, y)
    x[:6] = [0.5, 800.0, -800.0, np.inf, -np.inf, 3.0]
    y[:6] = [0.5, 0.0, 0.0, 1.0, -np.inf, -np.inf]
    for got, want in zip(g(x, y), slopes(x, y), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-14)
    assert replays(g) == 3


def test_logaddexp_is_part_of_a_kernel_with_equal_infinities() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=N) * 8, rng.normal(size=N) * 8
    g = fused(lambda x, y: np.logaddexp(x, y) * 2.0, x, y)
    np.testing.assert_allclose(g(x, y), np.logaddexp(x, y) * 2.0, rtol=1e-14, atol=1e-14)
    h = fused(lambda x: np.where(np.logaddexp(x, -np.inf) < 0, 1.0, 2.0) * x[1], x)
    x[3:5] = -np.inf
    np.testing.assert_array_equal(h(x), np.where(np.logaddexp(x, -np.inf) < 0, 1.0, 2.0) * x[1])
