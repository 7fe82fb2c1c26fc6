"""Functions of complex leaves, as functions of their real and imaginary parts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..array.layout import copy_with_strides
from ..array.views import localize
from ..core.types import Value
from ..trees import flatten
from .functions import split_aux
from .holomorphic import is_complex
from .inputs import Argnums, Inputs
from .transform import Transform


def parts(z: Value) -> Any:
    """Real and imaginary part along a new first axis; real values and None are unchanged."""
    return np.stack([np.real(z), np.imag(z)]) if is_complex(z) else z


def _joined(r: Any, value: Value) -> Any:
    """A complex array from its two parts, in the memory layout of `value`."""
    z = r[0] + 1j * r[1]
    if type(value) is not np.ndarray or value.flags.c_contiguous:
        return z
    made = localize(copy_with_strides(value, writable=True))
    made[...] = z
    return made


class InRealParts:
    """A function of leaves in which each complex one is replaced by its two real parts.

    Arguments and results are flat: `arguments` are its leaves at the point of `inputs`, and the
    results are a list, whose `structure` is known after the function has run.
    """

    def __init__(self, inputs: Inputs, has_aux: bool = False) -> None:
        self.inputs, self.has_aux = inputs, has_aux
        self.complex = [is_complex(v) for v in inputs.values]
        self.arguments = [parts(v) for v in inputs.values]
        self.structure: Any = None
        self.complex_results: list[bool] = []

    def __call__(self, *leaves: Any) -> Any:
        results, aux = self.split(*leaves)
        return (results, aux) if self.has_aux else results

    def split(self, *leaves: Any) -> tuple[list[Any], Any]:
        """The results in their real parts, and the auxiliary part, or None."""
        whole = [
            _joined(r, value) if was_complex else r
            for r, value, was_complex in zip(leaves, self.inputs.values, self.complex, strict=True)
        ]
        out, aux = split_aux(self.inputs.call(whole), self.has_aux)
        results, self.structure = flatten(out)
        self.complex_results = [is_complex(result) for result in results]
        return [parts(result) for result in results], aux


class AsReal(Transform):
    """An operator applied to the real parts of arguments and results."""

    def blocks(
        self, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[Inputs, InRealParts, list[Any], Any]:
        """One real array per leaf of the result and leaf of the argument; the auxiliary part."""
        inputs = Inputs(self.f, args, kwargs, self.argnums)
        real = InRealParts(inputs, self.options["has_aux"])
        derivative = self.options["derivative"]
        rows = derivative(real, tuple(range(len(real.arguments))))(*real.arguments)
        rows, aux = rows if real.has_aux else (rows, None)
        return inputs, real, [None if row is None else list(row) for row in rows], aux

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        inputs, real, rows, aux = self.blocks(args, kwargs)
        found = real.structure.unflatten([r if r is None else inputs.result(r) for r in rows])
        return (found, aux) if real.has_aux else found


def _derivative(operator: Any, options: dict[str, Any], f: Any, argnums: Any) -> Any:
    return operator(f, argnums, **options)


def in_real_parts(
    f: Callable[..., Any],
    argnums: Argnums,
    operator: Any,
    kind: type[AsReal] = AsReal,
    **options: Any,
) -> AsReal:
    """`operator` of a function in real parts."""
    derivative = functools.partial(_derivative, operator, options)
    return kind(f, argnums, derivative=derivative, has_aux=options["has_aux"])
