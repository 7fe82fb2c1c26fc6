"""A result that could hide traced values is refused, where its derivative would be zero."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
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
