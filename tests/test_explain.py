"""`dualdiff.explain`: the table, the bars and the graph of what a derivative does."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.explaining import graph


def model(p: Any, steps: int = 5) -> Any:
    x = p["start"]
    for _ in range(steps):
        x = x + 0.1 * np.sin(p["rate"] * x)
    return np.sum(x**2)


START = {"start": np.ones(100), "rate": 2.0}


def line_of(found: Any, text: str) -> Any:
    (line,) = [line for line in found.lines if text in line.source]
    return line


def test_operations_are_counted_by_line() -> None:
    found = dd.explain(model, START)
    step = line_of(found, "np.sin")
    assert dict(step.names) == {"multiply": 10, "sin": 5, "add": 5}
    assert dict(line_of(found, "np.sum").names) == {"power": 1, "sum": 1}
    assert found.count == 22
    assert step.forward > 0
    assert step.backward > 0
    assert found.function < found.derivative


def test_the_memory_is_that_of_the_residuals() -> None:
    n = 100_000
    found = dd.explain(lambda x: np.sum(np.exp(np.sin(x))), np.linspace(0, 1, n))
    # sin keeps its operand, which is the argument; exp keeps its result.
    assert 8 * n <= found.bytes < 8 * n + 4000
    (largest, *_) = found.residuals
    assert (largest.name, largest.shape, largest.dtype) == ("exp", (n,), "float64")


def test_the_text_says_what_costs_what() -> None:
    found = dd.explain(model, START)
    text = str(found)
    assert "model: 22 operations recorded" in text
    assert "Jacobian: reverse mode, 1 direction;" in text
    assert "x = x + 0.1 * np.sin" in text
    assert "Largest residuals: " in text
    html = found._repr_html_()
    assert html.count("<tr>") == 1 + len(found.rows())
    assert "&lt;" not in html.partition("<table>")[0]


def test_many_lines_are_folded() -> None:
    found = dd.explain(model, START)
    found.limit = 1
    assert found.rows()[-1][0] == "1 more lines"
    assert len(found.rows()) == 2


def test_nans_that_masks_resolve_are_named() -> None:
    def safe_log(x: Any) -> Any:
        return np.sum(np.where(x > 0, np.sqrt(x) * x, 0.0))

    found = dd.explain(safe_log, np.array([0.0, 1.0]))
    assert "in the pullback of sqrt at test_explain.py" in str(found)
    assert "a second pass, with masks of structural zeros, resolved it" in str(found)


def test_nans_that_limits_resolve_and_nans_that_stay_are_named() -> None:
    def of_eigenvalues(x: Any) -> Any:
        w, v = np.linalg.eigh(x * np.eye(2) + 0.5 * x * np.ones((2, 2)) * 0.0)
        return np.sum((v * np.exp(w)) @ v.T)

    assert "a limit of nearby points, resolved it" in str(dd.explain(of_eigenvalues, 2.0))
    undefined = dd.explain(
        lambda x: np.sum(np.linalg.eigvals(x) ** 2), np.array([[1.0, 1.0], [0.0, 1.0]])
    )
    assert "so did the pass that tells zeros from NaNs" in str(undefined)


def test_call_backs_and_inner_derivatives_are_named() -> None:
    @dd.checkpoint
    def step(x: Any) -> Any:
        return np.sin(x) * x

    found = dd.explain(lambda x: np.sum(step(step(x))) + dd.grad(np.sin)(x[0]), np.ones(3))
    assert len(found.call_backs) == 2
    assert "Call-backs, whose own operations do not show" in str(found)


def test_stores_containers_and_keywords() -> None:
    def fill(p: Any, scale: float) -> Any:
        out = dd.numpy.zeros(3)
        for i in range(3):
            out[i] = scale * p[i]
        return {"out": out, "none": None}

    found = dd.explain(fill, [1.0, 2.0, 3.0], scale=2.0)
    assert line_of(found, "out[i]").names["store"] == 3
    assert found.plan.inputs == found.plan.outputs == 3


def test_a_traced_argument_raises() -> None:
    with pytest.raises(dd.DualdiffError, match="explain takes plain arguments"):
        dd.grad(lambda x: dd.explain(np.sin, x).count * x)(1.0)


def test_bars_by_line() -> None:
    axes = dd.explain(model, START).plot()
    assert len(axes.get_yticklabels()) == 2
    assert axes.get_title() == "model"


def test_the_graph_has_a_node_for_each_line(tmp_path: Path, monkeypatch: Any) -> None:
    found = dd.explain(model, START).graph()
    assert found.dot.startswith("digraph")
    assert found.dot.count("shape=oval") == 3  # two arguments and a result
    assert "argument 0['rate']" in found.dot
    assert "line0 -> line1" in found.dot or "line1 -> line0" in found.dot
    found.save(tmp_path / "graph.dot")
    assert (tmp_path / "graph.dot").read_text() == found.dot == str(found)
    monkeypatch.setattr(graph.shutil, "which", lambda name: None)
    assert graph.Graph(found.dot).svg is None
    assert graph.Graph(found.dot)._repr_html_().startswith("<pre>")


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_graphviz_draws_the_graph(tmp_path: Path) -> None:
    found = dd.explain(model, START).graph()
    assert found.svg is not None
    assert found.svg.startswith("<svg")
    found.save(tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text().startswith("<svg")


def test_several_results_of_one_operation_are_connected() -> None:
    def decomposed(x: Any) -> Any:
        q, r = np.linalg.qr(x)
        total = np.sum(q) * np.sum(r)
        return total

    found = dd.explain(decomposed, np.array([[2.0, 1.0], [1.0, 3.0]])).graph()
    assert "line0 -> line1" in found.dot or "line1 -> line0" in found.dot
