"""Every argument that the specification names has its derivative: one call per name."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.trees import flatten
from tests.rules.checks import check_close, difference
from tests.rules.coverage import Name, names
from tests.rules.every_argument import call_of
from tests.rules.rows import directions, flat, is_inexact

LISTED = [n for n in names() if n.kind == "diff"]
# The specification's names of operands that are a sequence, a function or a key.
SEQUENCES = "arys arrays tup args key xi operands choices iter object closure func pyfunc function"
# Second operands of ufuncs that move their result nowhere, although the specification names them.
FLAT = [
    (f"np.{ufunc}.{method}", argument)
    for ufunc in ("copysign", "nextafter")
    for method, argument in (("at", "b"), ("outer", "B"), ("reduce", "array"))
]


def _arguments(n: Name) -> list[str]:
    return n.arguments.replace("[", "").replace("]", "").split(",")


def _is_there(n: Name) -> bool:
    """Whether this NumPy has a name of the specification."""
    try:
        functools.reduce(getattr, n.name.split(".")[1:], np)
    except AttributeError:
        return not n.name.startswith("np.")
    return True


LATER = pytest.mark.skip(reason=f"NumPy {np.__version__} does not have it")


@pytest.mark.parametrize(
    "n", [pytest.param(n, id=n.name, marks=[LATER] * (not _is_there(n))) for n in LISTED]
)
def test_every_argument_alone_has_its_derivative(n: Name) -> None:
    arguments = _arguments(n)
    function, values = call_of(n.name, arguments)
    missing = [a for a in arguments if a not in values and a.split()[0] not in SEQUENCES.split()]
    assert not missing, f"{n.name} is not differentiated by {missing}"
    leaves = list(values.values())
    for i, (argument, x) in enumerate(values.items()):

        def f(v: Any, i: int = i) -> tuple[Any, ...]:
            made = function(*leaves[:i], v, *leaves[i + 1 :])
            return tuple(y for y in flatten(made)[0] if is_inexact(y))

        (t,) = directions([x], seed=i)
        expected = difference(f, [x], [t])
        value, tangents = dd.jvp(f, (x,), (t,))
        check_close(flat(tangents), expected, 1e-6, f"{argument}, forward")
        gs = directions(value, seed=9)
        (cotangent,) = dd.vjp(f, x)[1](gs)
        pulled = np.sum(np.multiply(cotangent, t)).real
        check_close(pulled, np.sum(flat(gs) * expected).real, 1e-6, f"{argument}, reverse")
        assert np.any(expected != 0) or (n.name, argument) in FLAT, f"nothing depends on {argument}"
