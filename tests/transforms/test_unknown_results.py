"""A result that could hide traced values is refused, where its derivative would be zero."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import dualdiff as dd


class Holder:
    def __init__(self, x: Any) -> None:
        self.x = x


class OwnDict(OrderedDict[str, Any]):
    pass


OPERATORS: dict[str, Callable[..., Any]] = {
    "jacobian": lambda f, x: dd.jacobian(f)(x),
    "sparse jacobian": lambda f, x: dd.jacobian(f, sparse=True)(x),
    "jvp": lambda f, x: dd.jvp(f, (x,), (x,)),
    "vjp": dd.vjp,
    "linearize": dd.linearize,
    "grad": lambda f, x: dd.grad(f)(x),
    "hessian": lambda f, x: dd.hessian(f)(x),
    "sparsity": dd.sparsity,
    "plan": dd.plan,
}


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (Holder, "Holder"),
        (lambda x: (2.0 * a for a in x), "generator"),
        (lambda x: map(np.sin, x), "map"),
        (lambda x: [x, lambda: x], "function"),
        (lambda x: OwnDict(a=x), "OwnDict"),
        (lambda x: dd.scipy.sparse.diags_array(x), "SparseArray"),
        (lambda x: scipy.sparse.eye_array(3), "dia_array"),
    ],
)
def test_a_result_of_an_unknown_type_is_refused(operator: Any, f: Any, kind: str) -> None:
    with pytest.raises(TypeError, match=rf"type \S*{kind}.* test_unknown_results.*has_aux=True"):
        operator(f, np.ones(3))


def test_beside_the_result_anything_may_stand() -> None:
    def f(x: Any) -> Any:
        return np.sum(x**2), Holder(3)

    gradient, aux = dd.grad(f, has_aux=True)(np.ones(2))
    assert gradient.tolist() == [2.0, 2.0]
    assert aux.x == 3
    _, linear = dd.linearize(f, np.ones(2), has_aux=True)[:2]
    assert linear.jvp(np.ones(2)) == 4.0


def test_texts_none_and_constants_may_stand_in_a_result() -> None:
    def f(x: Any) -> Any:
        return {"x": 2.0 * x, "name": "two", "none": None, "count": 3, "ok": True}

    value, tangent = dd.jvp(f, (np.ones(2),), (np.ones(2),))
    assert (value["name"], value["none"], value["count"]) == ("two", None, 3)
    assert tangent["x"].tolist() == [2.0, 2.0]
    assert (tangent["name"], tangent["none"], tangent["count"]) == (None, None, 0.0)
    assert dd.jacobian(f)(np.ones(2))["name"] is None


@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (lambda x: np.ma.array([1.0, 2.0], mask=[0, 1]) * x[0], "MaskedArray"),
        (lambda x: np.array(["a", "b"]), "dtype <U1"),
        (lambda x: pd.Index([x[0], x[1]]), "Index"),
    ],
)
def test_arrays_that_are_no_plain_arrays_of_numbers_are_refused(f: Any, kind: str) -> None:
    for derivative in (dd.jacobian(f), dd.jacobian(f, mode="forward")):
        with pytest.raises(TypeError, match=f"returned .*{kind}.*has_aux=True"):
            derivative(np.ones(3))


@pytest.mark.parametrize(
    ("f", "what"),
    [(lambda x: None, "None"), (lambda x: "text", "a str"), (lambda x: {}, "a container {}")],
)
def test_a_result_without_a_number_has_no_gradient(f: Any, what: str) -> None:
    for derivative in (dd.grad(f), dd.value_and_grad(f), dd.elementwise_grad(f)):
        with pytest.raises(TypeError, match=f"returned {what}, at test_unknown"):
            derivative(np.ones(3))
