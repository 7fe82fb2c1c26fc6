"""Small matrices are machine code: factorisations, systems, determinants, triangles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from tests.compiled.helpers import calls_are_near, recordings

pytest.importorskip("llvmlite", reason="native code is the extra `compile`")
sp = dd.scipy.linalg
N = 4
RNG = np.random.default_rng(3)
POINTS = [RNG.normal(size=N * N) for _ in range(12)]


def square(x: Any) -> Any:
    return x.reshape(N, N)


def positive(x: Any) -> Any:
    return square(x) @ square(x).T + np.eye(N)


def factor(x: Any) -> Any:
    return sp.cholesky(positive(x), lower=True)


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "solve": lambda x: np.sum(np.linalg.solve(square(x), x[:N]) ** 2),
    "solve for a matrix": lambda x: np.sum(np.linalg.solve(square(x), square(x).T + 1.0) ** 2),
    "solve of a stack": lambda x: np.sum(
        np.linalg.solve(np.stack([square(x), positive(x)]), square(x)[:, :2]) ** 2
    ),
    "inv": lambda x: np.sum(np.linalg.inv(square(x)) ** 2),
    "det": lambda x: np.linalg.det(x[:9].reshape(3, 3)) * np.linalg.det(x[:4].reshape(2, 2)),
    "slogdet": lambda x: np.prod(np.stack(np.linalg.slogdet(square(x)))),
    "cholesky": lambda x: np.sum(np.linalg.cholesky(positive(x)) ** 3),
    "upper cholesky": lambda x: np.sum(np.linalg.cholesky(positive(x), upper=True) ** 3),
    "norm": lambda x: np.linalg.norm(x) + np.linalg.norm(square(x)),
    "trace": lambda x: np.trace(square(x) @ square(x)) + np.trace(square(x), offset=1),
    "triangles": lambda x: np.sum(np.cos(np.triu(square(x), 1)) + np.sin(np.tril(square(x), -1))),
    "diagonals": lambda x: np.sum(np.cos(np.diag(x[:N]) + np.diagflat(x[: N - 1], 1))),
    "zeros around": lambda x: np.sum(np.cos(np.pad(square(x), 1))),
    "mirrored": lambda x: np.sum(np.pad(square(x), (1, 2), mode="reflect") ** 3),
    "scipy's cholesky": lambda x: np.sum(factor(x) ** 3),
    "solve_triangular": lambda x: np.sum(sp.solve_triangular(factor(x), x[:N], lower=True) ** 2),
    "transposed": lambda x: np.sum(
        sp.solve_triangular(factor(x), square(x), lower=True, trans="T") ** 2
    ),
    "cho_solve": lambda x: np.sum(sp.cho_solve(sp.cho_factor(positive(x)), x[:N]) ** 2),
    "lower cho_solve": lambda x: np.sum(
        sp.cho_solve(sp.cho_factor(positive(x), lower=True), square(x)) ** 2
    ),
}
OPERATORS: list[Any] = [dd.value_and_grad, dd.jacobian, dd.hessian, lambda f: f]

# The derivative of a determinant has a rule of its own; a tuple is not stacked by machine code.
BY_NUMPY = [("norm", dd.hessian), ("slogdet", OPERATORS[-1])]


def programs(g: Any) -> list[str]:
    return [r.program.description for r in recordings(g)]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("operator", OPERATORS)
def test_replays_agree_where_rows_are_exchanged(name: str, operator: Any, monkeypatch) -> None:
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))
    e = operator(PROGRAMS[name])
    g = dd.compile(e, backend="llvm")
    calls_are_near(g, e, [(x,) for x in POINTS], rtol=1e-9)
    if (name, operator) not in BY_NUMPY and name != "det":
        assert all("native code" in text for text in programs(g))
    (table,) = g.tables.values()
    assert table.misses == 0


@pytest.mark.parametrize("function", [np.linalg.inv, np.linalg.cholesky])
def test_singular_matrices_raise_numpys_error(function: Callable[..., Any]) -> None:
    g = dd.compile(lambda x: np.sum(function(np.stack([x, x[::-1]]))))
    for x in ([2.0, 1.0], [3.0, 1.0], [4.0, 1.0], [5.0, 1.0]):
        g(np.array(x))
    with pytest.raises(np.linalg.LinAlgError):
        g(np.zeros(2))
    assert np.isfinite(g(np.array([6.0, 1.0])))


def test_a_singular_determinant_is_zero() -> None:
    e = dd.value_and_grad(lambda x: np.linalg.det(np.stack([x, x[::-1]])))
    points = [np.array(p) for p in ([2.0, 1.0], [3.0, 1.0], [4.0, 1.0], [1.0, 1.0], [0.0, 0.0])]
    calls_are_near(dd.compile(e), e, [(x,) for x in points])


def test_a_vanishing_norm_goes_the_eager_way() -> None:
    e = dd.value_and_grad(np.linalg.norm)
    points = [np.array(p) for p in ([2.0, 1.0], [3.0, 1.0], [4.0, 1.0], [0.0, 0.0], [1.0, 0.0])]
    calls_are_near(dd.compile(e), e, [(x,) for x in points])


def test_a_kalman_filter_is_two_loops() -> None:
    seen = RNG.normal(size=(40, 2))
    f, eye = np.array([[1.0, 0.1], [0.0, 1.0]]), np.eye(2)

    def loss(p: Any) -> Any:
        m, v, total = np.zeros(2), np.eye(2), 0.0
        for y in seen:
            m, v = f @ m, f @ v @ f.T + p[0] * eye
            s = v + p[1] * eye
            r = y - m
            low = np.linalg.cholesky(s)
            z = np.linalg.solve(low, r)
            total = total + 0.5 * z @ z + np.sum(np.log(np.diag(low)))
            gain = np.linalg.solve(s, v).T
            m, v = m + gain @ r, v - gain @ s @ gain.T
        return total

    e = dd.value_and_grad(loss)
    g = dd.compile(e)
    calls_are_near(g, e, [(np.array([0.1 + 0.01 * k, 0.5]),) for k in range(6)], rtol=1e-10)
    (text,) = programs(g)
    assert text.count("x 38") == 2


def test_values_that_scipy_computes_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """`lstsq`, SciPy's `solve`, `inv` and `det` were eager: NumPy's value met a recorded one."""
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))  # on a busy machine
    fs = [
        lambda x: np.sum(np.linalg.lstsq(square(x), x[:N], rcond=None)[0] ** 2),
        lambda x: np.sum(sp.solve(square(x), x[:N]) ** 2),
        lambda x: np.sum(sp.inv(square(x)) ** 2),
        lambda x: sp.det(square(x)),
    ]
    for f in fs:
        e = dd.value_and_grad(f)
        g = dd.compile(e)
        calls_are_near(g, e, [(x,) for x in POINTS], rtol=1e-8)
        assert programs(g)
