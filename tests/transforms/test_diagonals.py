"""Identities kept as diagonals: the same derivatives, and zeros that stay zero."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff import extend
from dualdiff.core.tangents import Diagonal
from dualdiff.rules.structures import MatMul, Reduction, Structure
from dualdiff.transforms import directions

N = 70  # its square is large enough for a diagonal
RNG = np.random.default_rng(0)
X = RNG.normal(size=N)
A = RNG.normal(size=(N, N)) / N
WIDE = RNG.normal(size=(3, N))
COUNT = np.arange(1.0, N + 1)
MODES = ("forward", "reverse")


@pytest.fixture(autouse=True)
def _as_large_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small examples take diagonals in every way that a Jacobian is computed."""
    monkeypatch.setattr("dualdiff.core.tangents.LEAST_RANK", 1)


def stored(x: Any) -> Any:
    y = np.sin(x)
    y[3:9] = y[2] * x[3:9]
    y *= x
    return y


def in_place(x: Any) -> Any:
    x *= COUNT
    x[0] = x[1] ** 2
    return x - np.cos(x)


def shared(x: Any) -> Any:
    y = np.exp(x)
    return y[::-1] * y + np.sum(y[:5] * x[:5])


def stencil(x: Any) -> Any:
    return (3.0 - 2.0 * x[1:-1]) * x[1:-1] - x[:-2] - 2.0 * x[2:] ** 2 + 1.0


def second_differences(x: Any) -> Any:
    y = np.sin(x)
    inner = y[1:-1][1:] - 2.0 * y[1:-1][:-1] + y[3:]
    return np.concatenate([y[:2], inner, y[-1:]]) * x[0] + y[5:5].sum() + x[-3:-1] @ y[:2]


def loop(x: Any) -> Any:
    y = np.exp(x)
    total = y[0]
    for i in range(1, 5):
        total = total * 0.5 + y[i] * y[-i] + x[np.int8(i)]
    return total * x


def grid(x: Any) -> Any:
    u = np.sin(x).reshape(7, -1)
    return u[1:-1, 2:] * u[2:, 1:-1] - u[:-2, :-2] + u[:, None, 1:-1][1:-1, 0]


def boundary_values(x: Any) -> Any:
    inner = x[:-2] - 2.0 * x[1:-1] + x[2:] + 0.1 * x[1:-1] ** 3
    return np.concatenate([[x[0] - 1.0], inner * np.roll(x, 3)[1:-1], x[-1:] + x[:1]])


def kinks(x: Any) -> Any:
    y = np.where(x > 0.1, np.sin(x), x**2) + np.where(x < 0, 1.0, x * np.sum(x))
    y = y + np.select([x > 1.0, x > 0.0], [x**3, 2.0 * x], x[0] * x) + np.clip(x, -0.4, 0.4)
    return np.choose((x > 0).astype(int), [y, np.sum(y) * y]) + np.where(COUNT > 5, x[3], x)


def stores(x: Any) -> Any:
    y = np.zeros_like(x)
    y[1:-1] = x[2:] - x[:-2] * y[1:-1]
    y[:3] += x[:3] ** 2
    x[4:9] = y[4:9]
    return x[1:] * y[:-1]


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "elementwise": lambda x: np.exp(-x * x) + 3.0 * x - x / COUNT,
    "trigonometric": lambda x: N - np.sum(np.cos(x)) + COUNT * (1.0 - np.cos(x)) - np.sin(x),
    "almost linear": lambda x: np.concatenate([(x + np.sum(x))[:-1], np.prod(1 + 0.01 * x)[None]]),
    "integral": lambda x: x + np.cumsum(COUNT * (x + 1.0) ** 3) / N,
    "running sums": lambda x: np.cumsum(x**2) - np.cumsum(np.sin(x)[::-1])[::-1],
    "sum of sums": lambda x: np.cumsum(np.cumsum(x * COUNT)) + np.cumsum(x.reshape(7, -1), 0)[3, 4],
    "stencil": stencil,
    "second differences": second_differences,
    "loop": loop,
    "grid": grid,
    "stores": stores,
    "boundary values": boundary_values,
    "kinks": kinks,
    "zeros of kinks": lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), 0.0)) * x,
    "rolled": lambda x: np.roll(np.sin(x), -1) * x - np.roll(x[1:], 5).sum() * np.roll(x, N),
    "dot products": lambda x: x * (x @ x) + np.dot(COUNT, x) * np.vdot(x, COUNT) + np.inner(x, x),
    "joined": lambda x: np.concatenate([np.append(x[3:9], 1.0), np.hstack([x, x * x[0]]), X[:2]]),
    "stacked": lambda x: np.stack([x, x**2, np.ones(N)], axis=1).reshape(-1)[5:] * 2.0,
    "softmax": lambda x: np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x)), keepdims=True),
    "normal": lambda x: x / np.sqrt(np.sum(x * x)) + np.mean(x) * COUNT - np.min(x),
    "sums of parts": lambda x: (x[1:] * np.sum(x[:9]) + np.sum(x.reshape(7, -1) ** 2)) @ A[1:],
    "masked sums": lambda x: x * np.sum(x, where=COUNT > 9) * np.mean(x, where=COUNT < 30),
    "products of all": lambda x: np.prod(1 + 0.1 * x) * x + np.logaddexp.reduce(x) + np.ptp(x),
    "strided": lambda x: x[::2] * np.cos(x)[1::2] + x[::-1][: N // 2] - x[[1, 2, 2]].sum(),
    "differences": lambda x: np.diff(x**3) + np.diff(np.exp(x), 2).sum() * x[1:],
    "ends": lambda x: np.concatenate([x[:1], (x[1:] - x[:-1]) * x[1:], x[-1:] ** 2]),
    "product last": lambda x: A @ np.tanh(x),
    "product first": lambda x: np.tanh(A @ x),
    "row vector": lambda x: (x**2) @ A - x @ A.T,
    "few rows": lambda x: np.sin(WIDE @ (x * x)),
    "matrix": lambda x: np.sqrt(np.outer(x, COUNT) ** 2 + 1.0) @ WIDE.T,
    "column": lambda x: (x[:, None] * WIDE.T).reshape(-1),
    "both sides": lambda x: x * (A @ x),
    "extrema": lambda x: np.maximum(x, 0.3) + np.max(x) * np.abs(x) - np.linalg.norm(x),
    "clip": lambda x: np.clip(x, -0.5, 0.5) + np.where(x > 0, x**2, np.floor(x) + 2.0 * x),
    "statistics": lambda x: (x - np.mean(x)) / np.std(x),
    "dot": lambda x: x * np.dot(x, COUNT) + np.dot(x, x),
    "constant": lambda x: np.floor(x) + 0.0 * x,
    "stored": stored,
    "in place": in_place,
    "shared": shared,
    "itself": lambda x: x,
    "own matrix": lambda x: np.tanh((x[:, None] * A) @ X),
    "spread": lambda x: np.broadcast_to(np.sin(x), (2, N)) * WIDE[:2],
    "sorted": lambda x: np.sort(np.exp(x)) * x,
}


def by_directions(f: Callable[[Any], Any], x: Any) -> np.ndarray:
    """The Jacobian column by column, each from a tangent without zeros kept apart."""
    columns = [dd.jvp(f, (x.copy(),), (e.reshape(x.shape),))[1] for e in np.eye(x.size)]
    ans = np.stack(columns, axis=-1)
    return ans.reshape(ans.shape[:-1] + x.shape)


@pytest.mark.parametrize("chunk", [None, 64, 9])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_jacobians_are_those_of_single_directions(name: str, mode: Any, chunk: Any) -> None:
    f = PROGRAMS[name]
    jacobian = dd.jacobian(f, mode=mode, chunk=chunk)
    for _ in range(2):  # the second call knows the sizes, and takes another way
        np.testing.assert_allclose(jacobian(X.copy()), by_directions(f, X), atol=1e-13)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["elementwise", "trigonometric", "product last", "statistics"])
def test_arguments_in_containers(name: str, mode: Any) -> None:
    def f(p: Any) -> Any:
        y = PROGRAMS[name](p["a"] * p["b"].reshape(-1))
        return {"first": y, "second": np.sin(p["b"]) * p["c"], "third": p["c"] * np.sum(y)}

    p = {"a": X, "b": COUNT.reshape(2, -1) / N, "c": 0.5}
    got = dd.jacobian(f, mode=mode)(p)
    for key in p:
        for part in ("first", "second", "third"):

            def g(v: Any, key: str = key, part: str = part) -> Any:
                return f(p | {key: v})[part]

            wanted = by_directions(g, np.asarray(p[key]))
            np.testing.assert_allclose(got[part][key], wanted, atol=1e-13)


@pytest.mark.parametrize("mode", MODES)
def test_derivatives_of_derivatives(mode: Any) -> None:
    def f(x: Any) -> Any:
        return np.sum(np.sin(x) ** 3 * x) + np.prod(1.0 + 0.01 * x)

    by_column = by_directions(dd.grad(f), X)
    np.testing.assert_allclose(dd.jacobian(dd.grad(f), mode=mode)(X), by_column, atol=1e-13)
    np.testing.assert_allclose(dd.hessian(f)(X), by_column, atol=1e-13)

    def outer(s: Any) -> Any:
        return np.sum(dd.jacobian(lambda x: np.sin(s * x) * x + A @ x**2, mode=mode)(s * X))

    step = 1e-6
    numeric = (outer(0.7 + step) - outer(0.7 - step)) / (2 * step)
    np.testing.assert_allclose(dd.grad(outer)(0.7), numeric, rtol=1e-8)
    np.testing.assert_allclose(dd.jvp(outer, (0.7,), (1.0,))[1], numeric, rtol=1e-8)


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(np.sin(x) * np.sum(x * x)),
        lambda x: np.sum(np.tanh(A[:9, :9] @ np.tanh(x)) ** 2) * np.max(x),
        lambda x: np.sum(np.concatenate([x[:2], x**2, np.cumsum(x)]) ** 2) * np.mean(x),
        lambda x: np.sum(np.where(x > 0, x**3, np.sum(x) * x)),
    ],
)
def test_third_derivatives(f: Any, inner: Any, outer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Diagonals meet traced cotangents of outer levels."""
    monkeypatch.setattr(directions, "LARGE", 1)
    x, step = X[:9].copy(), 1e-5
    third = dd.jacobian(dd.jacobian(dd.grad(f), mode=inner), mode=outer)
    steps = step * np.eye(9)
    columns = [(dd.hessian(f)(x + e) - dd.hessian(f)(x - e)) / (2 * step) for e in steps]
    for _ in range(2):
        np.testing.assert_allclose(third(x), np.stack(columns, axis=-1), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("mode", MODES)
def test_complex_numbers(mode: Any) -> None:
    z = X + 1j * COUNT / N

    def f(z: Any) -> Any:
        return np.exp(z) * z + A @ (z * z)

    expected = np.diag(np.exp(z) * (z + 1.0)) + A * (2.0 * z)
    np.testing.assert_allclose(dd.jacobian(f, mode=mode, holomorphic=True)(z), expected, rtol=1e-12)
    got = dd.jacobian(lambda x: np.abs(x * (1.0 + 2.0j)) + np.real(x * 1j), mode=mode)(X)
    np.testing.assert_allclose(got, np.diag(np.sqrt(5.0) * np.sign(X)), atol=1e-13)
    got = dd.jacobian(lambda x: np.exp(1j * x), mode=mode)(X)
    np.testing.assert_allclose(got, np.diag(1j * np.exp(1j * X)), atol=1e-13)


@pytest.mark.parametrize("mode", MODES)
def test_dtypes_are_kept(mode: Any) -> None:
    x = X.astype(np.float32)
    got = dd.jacobian(lambda x: 2.0 * np.sin(x) + A.astype(np.float32) @ x, mode=mode)(x)
    assert got.dtype == np.float32
    wide = dd.jacobian(lambda x: x.astype(float) * COUNT, mode=mode)(x)
    np.testing.assert_allclose(wide, np.diag(COUNT), rtol=1e-7)


@pytest.mark.parametrize("mode", MODES)
def test_zeros_beside_the_diagonal_stay_zero_without_a_second_pass(
    mode: Any,
) -> None:
    x = np.abs(X)
    x[3] = 0.0
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return np.sqrt(x) * COUNT

    jacobian = dd.jacobian(f, mode=mode)
    jacobian(COUNT)  # the first call of forward mode records, to learn the number of results
    calls.clear()
    expected = np.zeros((N, N))
    with np.errstate(divide="ignore"):
        np.fill_diagonal(expected, 0.5 * COUNT / np.sqrt(x))
    np.testing.assert_allclose(jacobian(x), expected)
    assert len(calls) == 1


@pytest.mark.parametrize("mode", MODES)
def test_debug_nans_and_vector_valued_rules_see_arrays(mode: Any) -> None:
    seen: list[type] = []
    scaled = extend.primitive(lambda x: 3.0 * x, name="scaled")

    @scaled.jvp(batched=True)
    def jvp(t: Any) -> Any:
        seen.append(type(t))
        return 3.0 * t

    @scaled.vjp(batched=True)
    def vjp(g: Any) -> Any:
        seen.append(type(g))
        return 3.0 * g

    got = dd.jacobian(lambda x: np.sin(scaled(np.sin(x))), mode=mode)(X)
    slope = 3.0 * np.cos(X) * np.cos(3.0 * np.sin(X))
    np.testing.assert_allclose(got, np.diag(slope), atol=1e-13)
    assert set(seen) == {np.ndarray}
    with dd.debug_nans():
        got = dd.jacobian(lambda x: np.sin(3.0 * np.sin(x)), mode=mode)(X)
    np.testing.assert_allclose(got, np.diag(slope), atol=1e-13)


@pytest.mark.parametrize("mode", ["auto", *MODES])
def test_products_by_other_rules_see_arrays(mode: Any) -> None:
    product = extend.bilinear(
        lambda x, y: x @ y, lambda g, y: np.outer(g, y), lambda g, x: x.T @ g, structure=MatMul()
    )
    jacobian = dd.jacobian(lambda x: product(A, x * 1.0), mode=mode)
    for _ in range(2):
        np.testing.assert_allclose(jacobian(X), A, rtol=1e-14)


@pytest.mark.parametrize("structure", [Reduction(), MatMul()], ids=repr)
def test_a_number_with_a_jvp_alone_goes_forward_at_every_call(structure: Structure) -> None:
    own = extend.primitive(lambda x: np.sum(x), name="own", structure=structure)
    own.jvp("x")(lambda t: np.sum(t))
    for total in (own, extend.rule(np.sum, jvp=lambda t: np.sum(t), structure=structure)):
        jacobian = dd.jacobian(lambda x, total=total: total(x * COUNT), mode="forward")
        for _ in range(2):
            np.testing.assert_array_equal(jacobian(X), COUNT)


def test_elementwise_functions_cost_one_direction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No operation but the last copy may work on all directions."""
    largest = [0]
    multiply = Diagonal.__mul__

    def watched(self: Diagonal, other: Any) -> Any:
        ans = multiply(self, other)
        largest[0] = max(largest[0], ans.size if type(ans) is not Diagonal else ans.shape[1])
        return ans

    monkeypatch.setattr(Diagonal, "__mul__", watched)
    monkeypatch.setattr(Diagonal, "__rmul__", watched)
    for mode in MODES:
        jacobian = dd.jacobian(PROGRAMS["elementwise"], mode=mode)
        jacobian(X)
        jacobian(X)
    assert largest == [N]


@pytest.mark.parametrize("mode", MODES)
def test_recorded_functions_make_arrays_only_where_they_must(
    mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    release = Diagonal.release

    def counted(self: Diagonal) -> np.ndarray:
        made.append(self.rows)
        return release(self)

    monkeypatch.setattr(Diagonal, "release", counted)
    monkeypatch.setattr(directions, "LARGE", 1)
    for name, chunk, expected in [
        ("elementwise", None, [N]),
        ("elementwise", 64, [35, 35]),
        ("product first", 64, []),
        ("product last", 64, []),
    ]:
        made.clear()
        dd.jacobian(PROGRAMS[name], mode=mode, chunk=chunk)(X)
        assert made == expected


@pytest.mark.parametrize(("first", "rows"), [(0, 6), (2, 9), (-2, 3), (-2, 9), (7, 3), (-7, 3)])
def test_a_diagonal_stands_for_its_array(first: int, rows: int) -> None:
    elements = np.arange(1.0, 7.0).reshape(2, 3)
    d = Diagonal(elements, first, rows)
    full = np.zeros((rows, 6))
    for k in range(6):
        if 0 <= first + k < rows:
            full[first + k, k] = elements.flat[k]
    full = full.reshape(rows, 2, 3)
    other = RNG.normal(size=full.shape)
    row, column = np.array([1.0, 2.0, -1.0]), np.array([[2.0], [3.0]])
    pairs: list[tuple[Any, Any]] = [
        (d, full),
        (-d, -full),
        (d * row, full * row),
        (column * d, column * full),
        (d * 2.0, full * 2.0),
        (d * np.ones((4, 1, 2, 3)), full * np.ones((4, 1, 2, 3))),
        (d + d, full + full),
        (d + Diagonal(elements, first + 1, rows), None),
        (d + other, full + other),
        (other + d, other + full),
        (d + other[:, :1], full + other[:, :1]),
        (other[0] + d, other[0] + full),
        (d + 1.0, full + 1.0),
        (d.sum((1, 2)), full.sum((1, 2))),
        (d.sum(1), full.sum(1)),
        (np.sum(d, axis=(1, 2)), full.sum((1, 2))),  # type: ignore[call-overload]
        (d.astype(np.float32), full.astype(np.float32)),
        (d.real, full),
    ]
    for got, wanted in pairs:
        got = got.release() if type(got) is Diagonal else got
        if wanted is None:
            wanted = full + Diagonal(elements, first + 1, rows).release()
        assert type(got) is np.ndarray
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted)
    flat = Diagonal(elements.reshape(-1), first, rows)
    matrix = RNG.normal(size=(6, 4))
    product = flat.times_matrix(matrix)
    np.testing.assert_allclose(product, full.reshape(rows, 6) @ matrix, rtol=1e-14)
    np.testing.assert_allclose(d.times_matrix(matrix[:3]), full @ matrix[:3], rtol=1e-14)
    gaps = np.zeros((rows, 2, 7))
    gaps[:, :, 1:4] += d
    np.testing.assert_array_equal(gaps[:, :, 1:4], full)


def sum_of_parts(first: int, rows: int, bands: int, ranks: int) -> tuple[Any, np.ndarray]:
    """Some diagonals and products, and the array that they stand for."""
    elements = np.array([0.5, np.pi, -2.0, 4.0, 1.0, 2.0])
    parts: list[Any] = [Diagonal(elements + k, first + 2 * k, rows) for k in range(bands)]
    columns, rows_ = np.arange(3.0 * rows).reshape(3, rows) - 4.0, RNG.normal(size=(3, 6))
    rows_ = [np.broadcast_to(1.0, 6), *rows_[1:]]
    parts += [Diagonal.outer(c, r) for c, r in zip(columns[:ranks], rows_[:ranks], strict=True)]
    full = np.zeros((rows, 6))
    for k, place in itertools.product(range(6), range(bands)):
        if 0 <= first + 2 * place + k < rows:
            full[first + 2 * place + k, k] += elements[k] + place
    for c, r in zip(columns[:ranks], rows_[:ranks], strict=True):
        full += c[:, None] * r
    return functools.reduce(operator.add, parts), full


@pytest.mark.parametrize(("bands", "ranks"), [(1, 0), (3, 0), (0, 1), (2, 1), (1, 2), (0, 3)])
@pytest.mark.parametrize(("first", "rows"), [(0, 6), (2, 9), (-2, 3), (-2, 9), (7, 3), (-9, 3)])
def test_sums_of_diagonals_and_products_stand_for_their_array(
    first: int, rows: int, bands: int, ranks: int
) -> None:
    d, full = sum_of_parts(first, rows, bands, ranks)
    assert type(d) is Diagonal
    np.testing.assert_allclose(d.release(), full, rtol=1e-14, atol=1e-14)
    again = d * 2.0 + d.each(np.copy) if ranks < 3 else d * 3.0
    assert len(again.bands) == bands
    matrix, wide = RNG.normal(size=(6, 4)), RNG.normal(size=(rows, 9))
    whole = slice(None)
    target, wanted = wide.copy(), wide[:, 2:8] + full
    target[:, 2:8] += d
    pairs: list[tuple[Any, Any]] = [
        (again, 3.0 * full),
        (-d * 2.0, -2.0 * full),
        (d.sum((1,)), full.sum(1)),
        (d.times_matrix(matrix), full @ matrix),
        (target[:, 2:8], wanted),
        (wide[:, :6] + d, wide[:, :6] + full),
        (wide[:, :6] * d, wide[:, :6] * full),
        (np.subtract(d, wide[:, :6]), full - wide[:, :6]),
        (np.add.reduce(d, axis=0), full.sum(0)),
        (np.negative(d), -full),
        (np.conjugate(d), full),
        (d[whole, 1:4], full[:, 1:4]),
        (d[whole, -3:], full[:, -3:]),
        (d[whole, 4:2], full[:, 4:2]),
        (d[whole, ::2], full[:, ::2]),
        (d[whole, ::-1], full[:, ::-1]),
        (d[whole, 2], full[:, 2]),
        (d[whole, -1], full[:, -1]),
        (d + wide[0, 0], full + wide[0, 0]),
        (d + wide[:, :1], full + wide[:, :1]),
        (wide[:2, None, :6] + d, wide[:2, None, :6] + full),
        (wide[:, :1, None] * d, wide[:, :1, None] * full),
        (d.real, full),
        (d.astype(np.float32), full.astype(np.float32)),
        (d[whole, None, 2:], full[:, None, 2:]),
        (d[whole, [5, 0, 0, -2]], full[:, [5, 0, 0, -2]]),
        (d[whole, np.array([[1, 5]])], full[:, np.array([[1, 5]])]),
        (d[1:, 2:], full[1:, 2:]),
        (d.reshape((rows, 2, 3)), full.reshape(rows, 2, 3)),
        (d.reshape((-1,)), full.reshape(-1)),
        (d.reshape((rows, 2, 3), "F"), full.reshape((rows, 2, 3), order="F")),
        (np.cumsum(d, axis=-1), np.cumsum(full, axis=-1)),
        (d.cumsum(-1, back=True), np.cumsum(full[:, ::-1], axis=-1)[:, ::-1]),
        (np.cumsum(d, axis=0), np.cumsum(full, axis=0)),
        (d.reshape((rows, 2, 3)).cumsum(-2), full.reshape(rows, 2, 3).cumsum(-2)),
        (d.reshape((rows, 2, 3)).sum((2,)), full.reshape(rows, 2, 3).sum(2)),
        (d.reshape((rows, 2, 3)).sum((1,)), full.reshape(rows, 2, 3).sum(1)),
        (d.reshape((rows, 2, 3)).sum((1, 2)), full.sum(1)),
        (d.reshape((rows, 2, 3)).sum((-1,)), full.reshape(rows, 2, 3).sum(-1)),
        (d.sum((0,)), full.sum(0)),
        (d.sum(), full.sum()),
        (d.where(full[0] > 0.5), np.where(full[0] > 0.5, full, 0.0)),
        (d.where(full > 0.5), np.where(full > 0.5, full, 0.0)),
        (d.placed(2, 9), np.pad(full, ((0, 0), (2, 1)))),
        (np.asarray(d), full),
        (np.where(full > 0, d, 1.0), np.where(full > 0, full, 1.0)),
        (np.concatenate([d, d]), np.concatenate([full, full])),
        (d.zeros(), 0.0 * full),
    ]
    at = wide.copy()
    np.add.at(at, (whole, [5, 0, 0, 7, 1, 5]), d)
    added = wide.copy()
    np.add.at(added, (whole, [5, 0, 0, 7, 1, 5]), full)
    gaps = np.zeros((rows, 2, 5))
    gaps[:, :, 1:4] += d.reshape((rows, 2, 3))
    pairs += [(at, added), (gaps[:, :, 1:4], full.reshape(rows, 2, 3))]
    for got, expected in pairs:
        got = got.release() if type(got) is Diagonal else got
        assert got.dtype == expected.dtype
        atol = 1e-5 if expected.dtype == np.float32 else 1e-13  # terms up to 40 cancel
        np.testing.assert_allclose(got, expected, rtol=1e-13, atol=atol)


def test_masks_keep_exact_zeros_beside_infinite_cotangents() -> None:
    d = Diagonal.outer(np.array([np.inf, 1.0]), np.array([2.0, 3.0]))
    got = d.where(np.array([True, False]))
    np.testing.assert_array_equal(np.asarray(got), [[np.inf, 0.0], [2.0, 0.0]])


def test_products_of_complex_numbers() -> None:
    d: Any = Diagonal.outer(np.array([1.0j, 2.0]), np.array([1.0, 1.0 + 1.0j, 3.0]))
    full = np.array([[1.0j, 1.0j - 1.0, 3.0j], [2.0, 2.0 + 2.0j, 6.0]])
    np.testing.assert_array_equal(d.release(), full)
    np.testing.assert_array_equal(d.real, full.real)
    d = d + Diagonal(np.ones(3, np.float32), 0, 2)
    assert d.dtype == complex
    np.testing.assert_array_equal(d.release(), full + np.eye(2, 3))


def test_many_products_become_an_array() -> None:
    total: Any = Diagonal.outer(np.ones(4), np.ones(3))
    for k in range(1, 7):
        total = total + Diagonal.outer(np.full(4, 1.0 + k), np.ones(3))
    assert type(total) is np.ndarray
    np.testing.assert_array_equal(total, np.full((4, 3), 28.0))


def test_many_diagonals_become_an_array() -> None:
    d: Any = Diagonal(np.ones(40), 0, 40)
    total, full = d, d.release()
    for k in range(1, 30):
        band = Diagonal(np.full(40, 1.0 + k), k, 40)
        total, full = total + band, full + band.release()
    assert type(total) is np.ndarray
    np.testing.assert_array_equal(total, full)


def test_diagonals_of_two_dtypes_add_up_in_the_wider_one() -> None:
    d = Diagonal(np.ones(3, np.float32), 0, 3) + Diagonal(np.full(3, 0.1j), 1, 3)
    np.testing.assert_array_equal(d.release(), np.eye(3) + np.diag([0.1j, 0.1j], -1))


@pytest.mark.parametrize("mode", MODES)
def test_stencils_make_one_array(mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices and their sums work on a few diagonals, not on all directions."""
    made: list[int] = []
    release = Diagonal.release

    def counted(self: Diagonal) -> np.ndarray:
        array = release(self)
        made.append(array.size)
        return array

    monkeypatch.setattr(Diagonal, "release", counted)
    # Pulls add diagonals to the cotangent of x; of the boundary values, numbers of a list are left.
    for f, largest in ((stencil, N * (N - 2) * (mode == "forward")), (boundary_values, N)):
        jacobian = dd.jacobian(f, mode=mode)
        jacobian(X)
        made.clear()
        jacobian(X)
        assert max(made, default=0) <= largest


def test_only_large_identities_are_diagonals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directions, "LARGE", 4096)  # whatever --diagonal says
    small, large = (directions.identity([np.ones(n)], 0, n)[0] for n in (3, N))
    assert type(small) is np.ndarray
    assert type(large) is Diagonal
    np.testing.assert_array_equal(large.release(), np.eye(N))
