"""autograd.util: small helpers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import user_line
from ...testing import check_grads

__all__ = ["func", "quick_grad_check", "subval", "subvals", "toposort"]


def subvals(x: Sequence[Any], ivs: Iterable[tuple[int, Any]]) -> tuple[Any, ...]:
    """The elements of a sequence as a tuple, those at some positions replaced.

    >>> subvals((1, 2, 3), [(0, 7), (2, 8)])
    (7, 2, 8)
    """
    out = list(x)
    for i, v in ivs:
        out[i] = v
    return tuple(out)


def subval(x: Sequence[Any], i: int, v: Any) -> tuple[Any, ...]:
    """The elements of a sequence as a tuple, with element i replaced."""
    return subvals(x, [(i, v)])


def func(f: Any) -> Any:
    """The function itself; autograd has it for Python 2's unbound methods."""
    return f


def toposort(end_node: Any, parents: Callable[[Any], Iterable[Any]] | None = None) -> Iterable[Any]:
    """The nodes that lead to an end node, each before all of its parents.

    Arguments: `end_node`; `parents`, which gives the parents of a node (its attribute of that name
    by default).
    """
    parents_of: Any = parents or (lambda node: node.parents)
    waiting: dict[Any, int] = {}
    stack = [end_node]
    while stack:
        node = stack.pop()
        waiting[node] = waiting.get(node, 0) + 1
        if waiting[node] == 1:
            stack.extend(parents_of(node))
    ready = [end_node]
    while ready:
        node = ready.pop()
        yield node
        for parent in parents_of(node):
            waiting[parent] -= 1
            if not waiting[parent]:
                ready.append(parent)


def quick_grad_check(
    fun: Callable[..., Any],
    arg0: Any,
    extra_args: Sequence[Any] = (),
    kwargs: dict[str, Any] | None = None,
    verbose: bool = True,
    eps: float = 1e-4,
    rtol: float = 1e-4,
    atol: float = 1e-6,
    rs: Any = None,
) -> None:
    """Check the gradient of a scalar function in its first argument against a numerical one.

    Arguments: `fun`; `arg0`, the argument; `extra_args` and `kwargs`, which stay constant;
    `verbose`, whether to print that it checks; `rtol` and `atol`, tolerances. `eps` and `rs` are
    accepted as in autograd, and ignored: numdifftools checks all directions.
    Raises: AssertionError with a table of the wrong entries; ValueError where the value is not a
    number.
    """
    value = fun(arg0, *extra_args, **(kwargs or {}))
    if np.shape(value) != ():
        raise ValueError(f"quick_grad_check needs a scalar result, not {value!r}, {user_line()}")
    if verbose:
        print(f"Checking gradient of {fun} at {arg0}")
    check_grads(
        lambda x: fun(x, *extra_args, **(kwargs or {})),
        (arg0,),
        modes="reverse",
        order=1,
        rtol=rtol,
        atol=atol,
    )
