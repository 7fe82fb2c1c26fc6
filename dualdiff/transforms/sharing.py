"""Arguments that share memory: a function that stores into one of them changes the others.

In a derivative each argument is a variable of its own, so such a program has another meaning there.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from ..errors import UnsupportedInputError, user_line
from ..trees import flatten

if TYPE_CHECKING:
    from .inputs import Inputs


INNER: list[Any] = []  # traced arguments of inner derivatives into which the function has stored


def was_stored_inside(box: Any) -> bool:
    """Whether an inner derivative has stored into its copy of a traced argument."""
    return any(leaf is box for leaf in INNER)


def refuse_shared(inputs: Inputs, stored: int) -> None:
    """Raise if the leaf of this number, into which the function has stored, shares memory."""
    leaf = inputs.leaves[stored]
    if type(leaf) is not ndarray:
        INNER.append(leaf)  # a derivative inside another, which knows the arrays
        return
    INNER.clear()
    names = list(_named_arrays(inputs))
    own = next(n for n, (_, _, number) in enumerate(names) if number == stored)
    for n, (name, array, _) in enumerate(names):
        if n != own and np.may_share_memory(leaf, array) and np.shares_memory(leaf, array):
            raise _refusal(names[own][0], name)


def _refusal(first: str, second: str) -> UnsupportedInputError:
    return UnsupportedInputError(
        f"{first} and {second} share memory, and the function stores into one of them, "
        f"{user_line()}: in NumPy the store changes both, in a derivative they are separate "
        f"variables. Pass a copy of one (x.copy()), or let the function copy."
    )


class Watch:
    """Constant arguments that share memory with a differentiated one, as they are before a call."""

    def __init__(self, inputs: Inputs) -> None:
        self.before = [
            (p, array, array.tobytes())
            for p, array in chain(enumerate(inputs.args), inputs.kwargs.items())
            if type(array) is ndarray and p not in inputs.positions
            if any(type(x) is ndarray and np.may_share_memory(x, array) for x in inputs.leaves)
        ]

    def refuse(self, inputs: Inputs) -> None:
        """Raise if the function has stored into one of them."""
        for p, array, content in self.before:
            if array.tobytes() != content:
                raise _refusal(f"argument {inputs.positions[0]!r}", f"argument {p!r}")


def _named_arrays(inputs: Inputs) -> Iterator[tuple[str, Any, int]]:
    """All arrays among the arguments: name, array, and number among the traced leaves or -1."""
    number = 0
    for p, structure in zip(inputs.positions, inputs.structures, strict=True):
        for path in structure.paths:
            leaf = inputs.leaves[number]
            if type(leaf) is ndarray:
                yield f"argument {p!r}{path}", leaf, number
            number += 1
    rest: dict[Any, Any] = {**dict(enumerate(inputs.args)), **inputs.kwargs}
    for p, tree in rest.items():
        if p in inputs.positions:
            continue
        try:
            leaves, structure = flatten(tree)
        except TypeError:
            continue
        for leaf, path in zip(leaves, structure.paths, strict=True):
            if type(leaf) is ndarray:
                yield f"argument {p!r}{path}", leaf, -1
