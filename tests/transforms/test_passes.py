"""Which mode a dense Jacobian takes, in how many passes, with how much memory."""

from __future__ import annotations

import sys
import tracemalloc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.transforms.inputs import Inputs
from dualdiff.transforms.linearize import Recording
from dualdiff.transforms.measure import measure
from dualdiff.transforms.plan import COTANGENT, TANGENT, choose, spans

WEIGHTS = np.linspace(0.5, 2.0, 10)


def tall(x: Any) -> Any:
    return np.sin(np.outer(WEIGHTS, x)).ravel() * x[0]


@pytest.mark.parametrize(
    ("n", "m", "mode"),
    [(1, 5, "forward"), (5, 1, "reverse"), (7, 7, "forward"), (3, 1000, "forward"),
     (1000, 3, "reverse"), (100, 99, "forward"), (200, 100, "reverse")],
)  # fmt: skip
def test_auto_compares_directions_weighted_by_their_costs(n: int, m: int, mode: str) -> None:
    plan = choose(n, m, "auto")
    assert plan.mode == mode
    costs = {"forward": n * TANGENT, "reverse": m * COTANGENT}
    assert plan.cost == min(costs.values())
    (other,) = plan.alternatives
    assert other.cost == max(costs.values())


def test_containers_count_whole() -> None:
    def f(p: Any) -> Any:
        return [p["a"] * p["b"], p["b"]]

    plan = dd.plan(f, {"a": np.ones((2, 3)), "b": 1.0})
    assert (plan.inputs, plan.outputs, plan.mode) == (7, 7, "forward")


def test_a_plan_tells_the_choice_the_memory_and_the_other_way() -> None:
    plan = dd.plan(tall, np.ones(40))
    text = str(plan)
    assert "forward mode, 40 directions in one pass" in text
    assert "40 inputs <= 400 results" in text
    assert "Instead: reverse, 400 directions" in text
    # The outer product, its sine and the result are alive together, but not all at all times.
    assert 40 * 400 * 8 <= plan.memory <= 40 * 400 * 8 * 5
    assert "was asked for" in str(dd.plan(tall, np.ones(40), mode="reverse"))


def test_passes_are_balanced_and_within_the_budget() -> None:
    plan = choose(1000, 1000, "forward", budget=8000 * 300)
    assert plan.passes == 4
    sizes = [stop - start for start, stop in spans(plan.directions, plan.passes)]
    assert sum(sizes) == 1000
    assert max(sizes) - min(sizes) <= 1
    assert plan.memory <= 8000 * 300
    assert choose(10, 10, "forward", chunk=3).passes == 4
    with pytest.raises(ValueError, match="chunk must be a positive"):
        choose(10, 10, "forward", chunk=0)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("options", [{"chunk": 7}, {"budget": 10**5}, {"budget": 10**7}])
def test_several_passes_give_the_same_jacobian(mode: str, options: dict[str, int]) -> None:
    x = np.linspace(1.0, 2.0, 80)
    whole = dd.jacobian(tall, mode=mode, chunk=10**6)(x)
    jacobian = dd.jacobian(tall, mode=mode, **options)
    for _ in range(2):  # the second call knows more than the first
        np.testing.assert_allclose(jacobian(x), whole, atol=1e-14)


def test_several_passes_over_containers_with_numbers_and_none() -> None:
    def f(p: Any) -> Any:
        return {"u": p["a"] * p["b"], "v": (np.sum(p["a"]), None, 3.0)}

    p = {"a": np.arange(5.0), "b": 4.0, "none": None}
    for mode in ("forward", "reverse"):
        whole, parts = dd.jacobian(f, mode=mode)(p), dd.jacobian(f, mode=mode, chunk=2)(p)
        for path in (("u", "a"), ("u", "b")):
            a, b = whole, parts
            for key in path:
                a, b = a[key], b[key]
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(parts["v"][0]["a"], np.ones(5))
        assert parts["v"][1] is None
        np.testing.assert_array_equal(parts["v"][2]["a"], np.zeros(5))


@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
def test_a_large_jacobian_holds_the_budget_and_its_result(mode: str) -> None:
    x = np.linspace(1.0, 2.0, 1000)

    def f(x: Any) -> Any:
        y = np.outer(WEIGHTS, x)
        return (np.sin(y) * np.cos(y) + y).ravel()

    budget = 20 * 2**20
    if mode == "reverse":
        f_small = lambda x: f(x)[:2000]  # noqa: E731  # its 10,000 directions would take too long
        f_used, m = f_small, 2000
    else:
        f_used, m = f, 10_000
    tracemalloc.start()
    try:
        result = dd.jacobian(f_used, mode=mode, budget=budget)(x)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.shape == (m, 1000)
    assert peak - result.nbytes <= budget


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_memory_is_that_of_the_directions_that_are_alive_together(mode: str) -> None:
    x = np.ones(1000)

    def f(x: Any) -> Any:
        for _ in range(50):
            x = np.sin(x)
        return x

    cost = getattr(measure(Recording(Inputs(f, (x,), {}, 0)), mode), mode)
    assert cost.total == 51 * 8000
    assert cost.peak == 4 * 8000  # each sine, its argument, and two intermediate results
    assert cost.mean == 8000


def test_a_progress_bar_counts_the_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []

    class Bar:
        def __init__(self, total: int, **options: Any) -> None:
            shown.append(total)

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *args: Any) -> None:
            shown.append("closed")

        def update(self, n: int) -> None:
            shown.append(n)

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=Bar))
    x = np.ones(10)
    for jacobian in (
        dd.jacobian(tall, chunk=4, progress=True),
        dd.hessian(lambda x: np.sum(x**3), chunk=4, progress=True),
    ):
        shown.clear()
        jacobian(x)
        assert shown == [10, 3, 3, 4, "closed"]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("chunk", [None, 3, 70])
def test_products_of_matrices_with_seeds_of_any_shape(mode: str, chunk: int | None) -> None:
    """Diagonal ones have a path of their own."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 70, 70)) / 8
    x = rng.normal(size=70)

    def f(x: Any) -> Any:
        return np.tanh(second @ np.sin(first @ np.tanh(x)))

    inner = np.cos(first @ np.tanh(x))[:, None] * first * (1.0 - np.tanh(x) ** 2)
    expected = (1.0 - f(x) ** 2)[:, None] * (second @ inner)
    found = dd.jacobian(f, mode=mode, chunk=chunk)(x)
    np.testing.assert_allclose(found, expected, atol=1e-13)

    def loss(x: Any) -> Any:
        return np.sum(np.cos(first @ x))

    hessian = dd.hessian(loss, chunk=chunk)(x)
    np.testing.assert_allclose(hessian, -(first.T * np.cos(first @ x)) @ first, atol=1e-13)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_jacobian_with_few_results_has_the_rows_of_gradients(m: int) -> None:
    rng = np.random.default_rng(0)
    v, w = rng.normal(size=(m, 200)), rng.normal(size=(200, 900)) / 30

    def f(x: Any) -> Any:
        return v @ np.tanh(w @ x)

    x = rng.normal(size=900)
    rows = [dd.grad(lambda x, i=i: f(x)[i])(x) for i in range(m)]
    jacobian = dd.jacobian(f, mode="reverse")(x)
    np.testing.assert_allclose(jacobian, rows, rtol=1e-11, atol=1e-13)
    assert jacobian.base is None


def test_a_square_seed_that_is_not_diagonal_is_multiplied_as_a_matrix() -> None:
    rng = np.random.default_rng(0)
    matrix, permuted = rng.normal(size=(70, 70)), np.eye(70)
    permuted[[5, 9]] = permuted[[9, 5]]
    _, linear = dd.linearize(lambda x: matrix @ x, np.ones(70))
    for seeds in (permuted, np.eye(70), np.diag(rng.normal(size=70)), rng.normal(size=(70, 70))):
        pushed = linear._recording.push([seeds], (70,))[0]
        np.testing.assert_allclose(pushed, seeds @ matrix.T, atol=1e-13)
        pulled = linear._recording.pull([seeds], (70,))[0]
        np.testing.assert_allclose(pulled, seeds @ matrix, atol=1e-13)
