"""Derivatives on arrays of dask: equal to those on NumPy's, lazy, in the chunks of the argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special

import dualdiff as dd
from dualdiff.optimize.functions import Residuals
from dualdiff.optimize.parameters import Parameters

dask = pytest.importorskip("dask", reason="dask is not installed: pip install dualdiff[dask]")
da = pytest.importorskip("dask.array", reason="dask has no arrays: pip install dualdiff[dask]")

RNG = np.random.default_rng(0)
VECTOR = np.linspace(0.1, 1.0, 10)
MATRIX = RNG.normal(size=(6, 5))
WEIGHTS = RNG.normal(size=5)
SQUARE = MATRIX.T @ MATRIX + np.eye(5)
CHUNKS = {1: 3, 2: (2, 3)}


def lazy(x: np.ndarray, chunks: Any = None) -> Any:
    return da.from_array(x, chunks=CHUNKS[x.ndim] if chunks is None else chunks)


def refuse(*args: Any, **kwargs: Any) -> Any:
    raise AssertionError("a graph was computed")


def stores(x: Any) -> Any:
    y = np.zeros_like(x)
    y[1:] = x[:-1] ** 2
    y[0] = 2.0
    y[2:4] = y[2:4] * x[2:4]
    return np.sum(y**3)


def convolved(x: Any) -> Any:
    """A filter, a rectifier and a pooled square, by slices."""
    parts = [k * x[k : 4 + k, 2 - k : 5 - k] for k in range(3)]
    rectified = np.maximum(sum(parts), 0.0)
    return np.mean(rectified.reshape(2, 2, 3).max(axis=1) ** 2)


def scanned(x: Any) -> Any:
    """A sum that runs on from part to part."""
    total, state = 0.0, 0.0
    for i in range(0, 10, 5):
        running = np.cumsum(x[i : i + 5]) * 0.5 + state
        total, state = total + np.sum(np.sin(running) ** 2), running[-1]
    return total


# Each is a function of arrays of any library, and its arguments.
FUNCTIONS: dict[str, tuple[Callable[..., Any], ...]] = {
    "elementwise": (lambda x: np.sum(np.sin(x) ** 2 / (1 + x) - np.log1p(np.exp(-x))), VECTOR),
    "power": (lambda x, y: np.sum(np.abs(x) ** y), MATRIX, WEIGHTS),
    "extrema": (lambda x, y: np.sum(np.maximum(x, y) * np.minimum(x, 0.3)), MATRIX, WEIGHTS),
    "angles": (lambda x, y: np.sum(np.arctan2(x, y) + np.hypot(x, y)), MATRIX, WEIGHTS),
    "special": (lambda x: np.sum(scipy.special.gammaln(x) * scipy.special.erf(x)), VECTOR),
    "clip": (lambda x: np.sum(np.clip(x, -0.5, 0.5) ** 2), MATRIX),
    "sums": (lambda x: np.sum(np.mean(x, axis=0) ** 2) + np.sum(x, axis=1)[0], MATRIX),
    "moments": (lambda x: np.sum(x.var(axis=0) + x.std(axis=0, ddof=1)), MATRIX),
    "largest": (lambda x: np.sum(x.max(axis=0)) + x.min(axis=1)[2], MATRIX),
    "ties": (lambda x: np.max(np.round(x)), VECTOR),
    "products": (lambda x: np.prod(x[:5]), VECTOR),
    "running sums": (lambda x: np.sum(np.cumsum(x, axis=0) ** 2), MATRIX),
    "norms": (lambda x: np.linalg.norm(x) + np.sum(np.linalg.norm(x, axis=1)), MATRIX),
    "softmax": (lambda x: np.sum(np.log(np.sum(np.exp(x - x.max(1, keepdims=True)), 1))), MATRIX),
    "matmul": (lambda x, w: np.sum((x @ w) ** 2) + np.sum(x.T @ x), MATRIX, WEIGHTS),
    "einsum": (lambda x, y: np.sum(np.einsum("ij,kj->ik", x, y) ** 2), MATRIX, 2 * MATRIX),
    "tensordot": (lambda x, y: np.sum(np.tensordot(x, y, axes=([1], [1])) ** 2), MATRIX, MATRIX),
    "slices": (lambda x: np.sum(x[1:-1, ::2] ** 2 * x[2:, 1:2]) + x[-1, 0], MATRIX),
    "new axes": (lambda x: np.sum(x[:, None] * x[None, :4]), VECTOR),
    "index arrays": (
        lambda x: np.sum(x[[0, 3, 3]] ** 2) + np.sum(x[:, np.array([-1, 1, 1])]),
        MATRIX,
    ),
    "mask": (lambda x: np.sum(x[VECTOR > 0.5] ** 2), VECTOR),
    "mask of unknown size": (lambda x: np.sum(x[x > 0.5] ** 2), VECTOR),
    "rows of unknown number": (lambda x: np.sum(np.sin(x[x[:, 0] > 0])), MATRIX),
    "diagonal": (lambda x: np.sum(np.diagonal(x) ** 2) + np.trace(x), MATRIX),
    "joined": (lambda x, y: np.sum(np.concatenate([x, y[:, 0]]) ** 2), VECTOR, MATRIX),
    "stacked": (lambda x: np.sum(np.stack([x, x**2]) ** 2), VECTOR),
    "where": (lambda x: np.sum(np.where(x > 0.5, x**2, np.log(x))), VECTOR),
    "shapes": (lambda x: np.sum(x.reshape(30)[3:7] ** 2) + np.sum(x.ravel()[3:7]), MATRIX),
    "transposes": (lambda x: np.sum(np.moveaxis(x, 0, 1)[1:] ** 2 * x.T[:-1]), MATRIX),
    "broadcast": (lambda w: np.sum(np.broadcast_to(w, (6, 5)) ** 2 * MATRIX), WEIGHTS),
    "padding": (lambda x: np.sum(np.pad(x, 1) * np.pad(x, 1, mode="edge")), MATRIX),
    "solve": (lambda a: np.sum(np.linalg.solve(a, np.ones(5)) ** 2), SQUARE),
    "inverse": (lambda a: np.sum(np.linalg.inv(a) ** 2), SQUARE),
    "determinant": (lambda a: np.linalg.slogdet(a)[1], SQUARE),
    "cholesky": (lambda a: np.sum(np.log(np.diagonal(np.linalg.cholesky(a)))), SQUARE),
    "windows": (
        lambda x: np.sum(np.lib.stride_tricks.sliding_window_view(x, 3, axis=0).mean(-1) ** 2),
        MATRIX,
    ),
    "convolution by slices": (convolved, MATRIX),
    "scan by parts": (scanned, VECTOR),
    "eigenvalues": (lambda a: np.sum(np.log(np.linalg.eigh(a)[0]) ** 2), SQUARE),
    "stores": (stores, VECTOR),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_numpys_lazy_and_in_the_chunks_of_the_argument(name: str) -> None:
    f, *arrays = FUNCTIONS[name]
    which = tuple(range(len(arrays)))
    expected = dd.grad(f, which)(*arrays)
    arguments = [lazy(x) for x in arrays]
    with dask.config.set(scheduler=refuse):
        found = dd.grad(f, which)(*arguments)
    assert all(isinstance(g, da.Array) for g in found)
    assert [g.chunks for g in found] == [x.chunks for x in arguments]
    for g, e in zip(dask.compute(*found), expected, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-10, atol=1e-12)


def _by_rows(a: Any, b: Any) -> Any:
    """A function that mixes the elements of a block."""
    return np.cumsum(a * b, axis=1) if np.max(a) > -9 else a


# The same by the functions and methods of dask itself; the gradient by those of NumPy.
X = MATRIX
DASKS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Any]] = {
    "functions": (
        lambda x: da.sum(da.sin(x) ** 2 + da.exp(x), axis=0).mean(),
        lambda x: np.sum(np.sin(x) ** 2 + np.exp(x), axis=0).mean(),
        MATRIX,
    ),
    "where": (
        lambda x: da.sum(da.where(x > 0, x**2, da.maximum(x, -1))),
        lambda x: np.sum(np.where(x > 0, x**2, np.maximum(x, -1))),
        MATRIX,
    ),
    "products": (
        lambda x: da.tensordot(x, x, axes=([1], [1])).sum() + da.einsum("ij,ij", x, x),
        lambda x: np.tensordot(x, x, axes=([1], [1])).sum() + np.einsum("ij,ij", x, x),
        MATRIX,
    ),
    "joining": (
        lambda x: da.concatenate([x, da.stack([x[0], x[1]])]).var(),
        lambda x: np.concatenate([x, np.stack([x[0], x[1]])]).var(),
        MATRIX,
    ),
    "chunks": (
        lambda x: da.sum((x.rechunk((6, 5)) ** 3).persist()) + x.numblocks[0] * da.sum(x),
        lambda x: np.sum(x**3) + 3 * np.sum(x),
        MATRIX,
    ),
    "compute": (
        lambda x: np.sum((x**2).compute() ** 2),
        lambda x: np.sum(x**4),
        MATRIX,
    ),
    "functions on blocks": (
        lambda x: da.sum(da.map_blocks(_by_rows, x, 2 * x) * x.map_blocks(np.sin)),
        lambda x: np.sum(
            np.concatenate(
                [
                    np.concatenate([_by_rows(b, 2 * b) for b in np.split(r, [3], 1)], 1)
                    for r in np.split(x, [2, 4])
                ]
            )
            * np.sin(x)
        ),
        MATRIX,
    ),
    "cholesky": (
        lambda a: da.sum(da.linalg.cholesky(a, lower=True)) + da.linalg.cholesky(a)[0, 1],
        lambda a: np.sum(np.linalg.cholesky(a)) + np.linalg.cholesky(a)[1, 0],
        SQUARE,
    ),
    "decompositions": (
        lambda x: (
            da.sum(da.linalg.svd(x.rechunk((2, 5)))[1] ** 3)
            + da.sum(da.linalg.qr(x.rechunk((2, 5)))[1] ** 2 * np.arange(5))
        ),
        lambda x: (
            np.sum(np.linalg.svd(x, full_matrices=False)[1] ** 3)
            + np.sum(np.linalg.qr(x)[1] ** 2 * np.arange(5))
        ),
        MATRIX,
    ),
}


@pytest.mark.parametrize("name", DASKS)
def test_functions_and_methods_of_dask_take_traced_arrays(name: str) -> None:
    by_dask, by_numpy, array = DASKS[name]
    found = dd.grad(by_dask)(lazy(array))
    np.testing.assert_allclose(found.compute(), dd.grad(by_numpy)(array), rtol=1e-9, atol=1e-12)


CONSTANT = lazy(MATRIX)
CONSTANTS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "operators": (
        lambda w: np.sum((CONSTANT @ w - 1) ** 2) + np.sum(CONSTANT * w / (1 + w**2)),
        lambda w: np.sum((MATRIX @ w - 1) ** 2) + np.sum(MATRIX * w / (1 + w**2)),
    ),
    "methods of the constant": (
        lambda w: np.sum(CONSTANT.dot(w) ** 2),
        lambda w: np.sum((MATRIX @ w) ** 2),
    ),
    "functions of dask": (
        lambda w: da.sum(da.dot(CONSTANT, w)) + da.sum(da.add(CONSTANT, w) ** 2),
        lambda w: np.sum(np.dot(MATRIX, w)) + np.sum(np.add(MATRIX, w) ** 2),
    ),
    "an array made lazy": (
        lambda w: da.sum(da.from_array(w, chunks=2)[None] ** 2 * CONSTANT),
        lambda w: np.sum(w**2 * MATRIX),
    ),
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_gradients_of_numpys_arguments_with_lazy_constants_are_numpys(name: str) -> None:
    f, by_numpy = CONSTANTS[name]
    value, gradient = dd.value_and_grad(f)(WEIGHTS)
    assert type(gradient) is np.ndarray
    assert isinstance(value, float)
    assert value == pytest.approx(by_numpy(WEIGHTS))
    np.testing.assert_allclose(gradient, dd.grad(by_numpy)(WEIGHTS), rtol=1e-10)
    v = np.arange(5.0)
    np.testing.assert_allclose(dd.hvp(f)(WEIGHTS, v), dd.hvp(by_numpy)(WEIGHTS, v), rtol=1e-10)


def test_value_and_gradient_are_computed_once() -> None:
    runs = []

    def counted(block: np.ndarray) -> np.ndarray:
        runs.append(1)
        return block

    data = lazy(MATRIX).map_blocks(counted, dtype=float, meta=np.empty((0, 0)))
    with dask.config.set(scheduler="synchronous"):
        dd.value_and_grad(lambda w, v: np.sum((data @ w - v) ** 2), (0, 1))(WEIGHTS, 1.0)
    assert len(runs) == data.npartitions


def test_the_other_operators_give_lazy_derivatives() -> None:
    def f(x: Any) -> Any:
        y = np.zeros_like(x)
        y[:] = np.sin(x)
        return y * x

    def loss(x: Any) -> Any:
        return np.sum(f(x) ** 2)

    x, v = lazy(VECTOR), np.arange(10.0)
    with dask.config.set(scheduler=refuse):
        value, tangent = dd.jvp(f, (x,), (lazy(v),))
        _, pullback = dd.vjp(f, x)
        (cotangent,) = pullback(v)
        _, linear = dd.linearize(f, x)
        pushed, product = linear.jvp(v), dd.hvp(loss)(x, lazy(v))
        derivatives = dd.elementwise_grad(f)(x)
        lazies = [value, tangent, cotangent, pushed, product, derivatives]
    assert all(isinstance(t, da.Array) and t.chunks == x.chunks for t in lazies)
    slope = np.cos(VECTOR) * VECTOR + np.sin(VECTOR)
    second = dd.hvp(loss)(VECTOR, v)
    expected = [np.sin(VECTOR) * VECTOR, slope * v, slope * v, slope * v, second, slope]
    for found, e in zip(dask.compute(*lazies), expected, strict=True):
        np.testing.assert_allclose(found, e, rtol=1e-10)


def test_jacobians_of_few_results_or_few_inputs() -> None:
    def few_results(x: Any) -> Any:
        return np.stack([np.sum(x**2), np.sum(np.sin(x) * x)])

    def few_inputs(w: Any) -> Any:
        return np.exp(CONSTANT @ w)

    x = lazy(VECTOR)
    rows = dd.jacobian(few_results)(x)
    assert isinstance(rows, da.Array)
    np.testing.assert_allclose(rows.compute(), dd.jacobian(few_results)(VECTOR), rtol=1e-10)
    columns = dd.jacobian(few_inputs)(WEIGHTS)
    plain = dd.jacobian(lambda w: np.exp(MATRIX @ w))(WEIGHTS)
    np.testing.assert_allclose(columns, plain, rtol=1e-10)
    hessian = dd.hessian(lambda w: np.sum(few_inputs(w)))(WEIGHTS)
    expected = dd.hessian(lambda w: np.sum(np.exp(MATRIX @ w)))(WEIGHTS)
    np.testing.assert_allclose(hessian, expected, rtol=1e-10)


def test_second_derivatives_run_by_blocks_in_every_nesting() -> None:
    def f(x: Any) -> Any:
        y = np.zeros_like(x)
        y[1:-1] = np.abs(x[1:-1]) ** 1.3
        return np.sum(np.arctan2(x, 1.5) * y + scipy.special.expit(x))

    x, v = lazy(VECTOR), lazy(np.ones(10))

    def directional(x: Any) -> Any:
        return np.sum(dd.grad(f)(x) * v)

    def pushed(x: Any) -> Any:
        return dd.jvp(f, (x,), (v,))[1]

    expected = dd.hvp(f)(VECTOR, np.ones(10))
    columns = dd.jacobian(dd.grad(f), mode="forward")
    products = dd.grad(directional), dd.grad(pushed), lambda x: dd.hvp(f)(x, v)
    for product in (*products, lambda x: columns(x) @ v):
        np.testing.assert_allclose(product(x).compute(), expected, rtol=1e-9)


def test_a_store_after_the_use_of_a_constant_does_not_reach_the_gradient() -> None:
    constant = lazy(VECTOR)

    def f(x: Any) -> Any:
        y = np.sum(x * constant)
        constant[:] = 0.0
        return y

    np.testing.assert_array_equal(dd.grad(f)(lazy(np.ones(10))).compute(), VECTOR)


def test_a_rule_that_looks_at_elements_names_itself_dask_and_the_way_out() -> None:
    with (
        dask.config.set(scheduler=refuse),
        pytest.raises(dd.errors.MissingRuleError, match=r"sort .*dask.*compute\(\)"),
    ):
        dd.grad(lambda x: np.sum(np.sort(x) * VECTOR))(lazy(VECTOR))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda f, x: dd.check_grads(f, (x,)), "dualdiff's check_grads"),
        (lambda f, x: dd.explain(f, x), "dualdiff's explain"),
        (lambda f, x: dd.grad(lambda x: f(dd.scipy.linalg.schur(x)[0]))(x), "rule of schur"),
    ],
)
def test_errors_name_the_function_that_the_program_called(call: Any, name: str) -> None:
    with pytest.raises(dd.errors.MissingRuleError, match=f"{name} .*dask"):
        call(lambda x: np.sum(x**2), lazy(SQUARE))


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (
            lambda x: np.sum(np.linalg.svd(x, full_matrices=False)[1]),
            r"svd cannot .* chunks, at .*x\.rechunk",
        ),
        (lambda x: np.sum(np.abs(np.fft.fft(x))), r"fft cannot .* chunks, at .*x\.rechunk"),
        (
            lambda x: np.sum(np.reshape(x, (5, 6)) ** 3),
            r"reshape cannot .* chunks, at .*x\.rechunk",
        ),
    ],
)
def test_chunks_that_an_operation_cannot_take_are_named(f: Any, message: str) -> None:
    with pytest.raises(dd.errors.UnsupportedInputError, match=f"(?s){message}"):
        dd.grad(f)(lazy(MATRIX))


def test_constants_in_other_chunks_leave_those_of_the_argument() -> None:
    x, other = lazy(MATRIX), lazy(np.sin(MATRIX), chunks=(4, 5))
    found = dd.grad(lambda x: np.sum(x * other + (x @ other.T)[0, 0]))(x)
    assert found.chunks == x.chunks
    expected = dd.grad(lambda x: np.sum(x * np.sin(MATRIX) + (x @ np.sin(MATRIX).T)[0, 0]))(MATRIX)
    np.testing.assert_allclose(found.compute(), expected)


def test_functions_of_dask_without_a_rule_are_refused_by_name() -> None:
    with pytest.raises(dd.errors.MissingRuleError, match=r"dask\.array\.topk"):
        dd.grad(lambda x: da.sum(da.topk(x, 3)))(lazy(VECTOR))


def test_a_store_of_a_traced_value_into_a_plain_lazy_array_is_refused() -> None:
    def f(x: Any) -> Any:
        y = da.zeros(10, chunks=3)
        y[0] = x[0]
        return da.sum(y)

    with pytest.raises(TypeError, match="zeros_like"):
        dd.grad(f)(lazy(VECTOR))


def test_unknown_sizes_of_arguments_are_kept() -> None:
    x = lazy(VECTOR)[lazy(VECTOR) > 0.35]
    found = dd.grad(lambda x: np.sum(x**2))(x)
    np.testing.assert_allclose(found.compute(), 2 * VECTOR[VECTOR > 0.35])
    with pytest.raises(dd.errors.UnsupportedInputError, match="compute_chunk_sizes"):
        dd.jacobian(lambda x: x**2)(x)


def test_an_array_of_xarray_keeps_its_lazy_data() -> None:
    xarray = pytest.importorskip("xarray", reason="xarray is not installed: pip install xarray")

    def loss(t: Any) -> Any:
        anomaly = (t - t.mean("time")) * np.cos(t.lat)
        return (anomaly.coarsen(time=2).mean() ** 2).mean("time").sum()

    coords = {"time": np.arange(6), "lat": np.linspace(-1, 1, 5)}
    plain = xarray.DataArray(MATRIX, dims=("time", "lat"), coords=coords)
    found = dd.grad(loss)(plain.chunk({"time": 3}))
    assert isinstance(found.data, da.Array)
    np.testing.assert_allclose(found.compute(), dd.grad(loss)(plain), rtol=1e-10)


def test_a_fit_refuses_a_lazy_start() -> None:
    with pytest.raises(dd.errors.UnsupportedInputError, match=r"x0\['w'\] .*dask.*compute"):
        dd.optimize.minimize(lambda p: np.sum(p["w"] ** 2), {"w": lazy(VECTOR)})


def test_fits_choose_between_derivatives_by_the_time_of_computed_values() -> None:
    computed = []

    def noted(block: Any) -> Any:
        computed.append(block.shape)
        return block

    data = lazy(MATRIX).map_blocks(noted, dtype=float, meta=np.empty((0, 0)))

    def residuals(p: Any) -> Any:
        return data @ p["w"] + p["b"] - 1.0

    start = {"w": np.zeros(5), "b": 0.0}
    problem = Residuals(residuals, Parameters(start), ())
    problem.value(Parameters(start).start)
    assert computed
    fit = dd.optimize.least_squares(residuals, start)
    plain = dd.optimize.least_squares(lambda p: MATRIX @ p["w"] + p["b"] - 1.0, start)
    np.testing.assert_allclose(fit.params["w"], plain.params["w"], atol=1e-6)
