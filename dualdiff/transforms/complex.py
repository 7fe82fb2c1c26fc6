"""Derivatives of complex functions of complex arguments: holomorphic, Wirtinger, real blocks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..array.box import plain
from ..core.batch import dtype_of, shape_of
from ..errors import DualdiffError, UnsupportedInputError, user_line
from ..trees import flatten
from .grad import push_forward
from .inputs import Argnums, Inputs, Operator, split_aux


class HolomorphicError(DualdiffError, ValueError):
    """A function that was said to be holomorphic does not satisfy the Cauchy-Riemann equations."""


def _is_complex(x: Any) -> bool:
    return x is not None and dtype_of(x).kind == "c"


def require_complex(values: Sequence[Any], what: str, operator: str) -> None:
    """Raise where an argument or a result is real."""
    for v in values:
        if v is not None and not _is_complex(v):
            raise UnsupportedInputError(
                f"{operator} is for complex {what}s, but one has dtype {dtype_of(v)}, "
                f"{user_line()}; pass a complex {what} (z + 0j), or leave the option out."
            )


def verify_holomorphic(
    inputs: Inputs, apply: Callable[[Sequence[Any]], Sequence[Any]], has_aux: bool = False
) -> None:
    """Push one random direction, turned by i, and compare it with i times the derivative along it.

    Arguments: `inputs` of the function; `apply`, what the derivative that was computed gives for
    one tangent per leaf, as one array per leaf of the result.
    Raises: HolomorphicError, which names the entry where the Cauchy-Riemann equations fail most.
    """
    require_complex(inputs.values, "argument", "holomorphic=True")
    draw = np.random.default_rng(0).standard_normal
    along = [
        None if v is None else np.asarray(draw(shape_of(v)), dtype_of(v))[()] for v in inputs.values
    ]
    across = [None if t is None else (1j * t).astype(t.dtype) for t in along]
    outputs, _ = push_forward(inputs, across, (), has_aux)
    require_complex(outputs.values, "result", "holomorphic=True")
    paths = outputs.structure.paths
    for path, value, turned, t in zip(
        paths, outputs.values, outputs.payloads, apply(along), strict=True
    ):
        if value is None:
            continue
        turned = np.zeros(shape_of(value)) if turned is None else plain(turned)
        expected = 1j * plain(t)
        error = np.abs(turned - expected)
        scale = np.max(np.abs(expected), initial=0.0) + np.max(np.abs(turned), initial=0.0)
        tolerance = 1e3 * np.finfo(dtype_of(value)).eps * scale
        if not np.any(error > tolerance):
            continue
        worst = np.unravel_index(int(np.argmax(error)), np.shape(error))
        index = tuple(int(i) for i in worst)
        raise HolomorphicError(
            f"the function is not holomorphic, {user_line()}: at entry {index} of result{path} the "
            f"derivative in direction i t is {turned[worst]:.6g}, and i times that in direction t "
            f"is {expected[worst]:.6g}. Without holomorphic=True, dualdiff.wirtinger gives df/dz "
            f"and df/dz*, and jacobian(..., as_real=True) the real blocks."
        )


def parts(z: Any) -> Any:
    """Real and imaginary part along a new first axis; what is real or None stays as it is."""
    return np.stack([np.real(z), np.imag(z)]) if _is_complex(z) else z


class InRealParts:
    """A function of leaves in which each complex one is replaced by its two real parts.

    Arguments and results are flat: `arguments` are its leaves at the point of `inputs`, and the
    results are a list, whose `structure` is known once the function has run.
    """

    def __init__(self, inputs: Inputs, has_aux: bool = False) -> None:
        self.inputs, self.has_aux = inputs, has_aux
        self.complex = [_is_complex(v) for v in inputs.values]
        self.arguments = [parts(v) for v in inputs.values]
        self.structure: Any = None
        self.complex_results: list[bool] = []

    def __call__(self, *leaves: Any) -> Any:
        results, aux = self.split(*leaves)
        return (results, aux) if self.has_aux else results

    def split(self, *leaves: Any) -> tuple[list[Any], Any]:
        """The results in their real parts, and the auxiliary part, or None."""
        whole = [
            r[0] + 1j * r[1] if is_complex else r
            for r, is_complex in zip(leaves, self.complex, strict=True)
        ]
        out, aux = split_aux(self.inputs.call(whole), self.has_aux)
        results, self.structure = flatten(out)
        self.complex_results = [_is_complex(result) for result in results]
        return [parts(result) for result in results], aux


class AsReal(Operator):
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


class _Wirtinger(AsReal):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        inputs, real, rows, _ = self.blocks(args, kwargs)
        require_complex(inputs.values, "argument", "wirtinger")
        return tuple(
            real.structure.unflatten(
                None
                if row is None
                else inputs.result([_wirtinger(b, v, is_complex, sign) for b, v in pairs])
                for row, is_complex in zip(rows, real.complex_results, strict=True)
                for pairs in [list(zip(row or (), inputs.values, strict=False))]
            )
            for sign in (1, -1)
        )


def _wirtinger(block: Any, value: Any, is_complex: bool, sign: int) -> Any:
    """``(d/dx - sign i d/dy) f / 2`` from the real block of one result and one argument."""
    if block is None:
        return None
    axis = np.ndim(block) - len(shape_of(value)) - 1
    dx, dy = (np.take(block, k, axis=axis) for k in (0, 1))
    if is_complex:
        dx, dy = (d[0] + 1j * d[1] for d in (dx, dy))
    return (dx - sign * 1j * dy) / 2


def wirtinger(
    f: Callable[..., Any], argnums: Argnums = 0, mode: str = "auto"
) -> Callable[..., Any]:
    """Both Wirtinger derivatives of a function of a complex argument, df/dz and df/dz*.

    For f = u + iv of z = x + iy they are ``(df/dx - i df/dy) / 2`` and ``(df/dx + i df/dy) / 2``,
    so that ``df = df/dz dz + df/dz* dz*``. A holomorphic f has ``df/dz* = 0``.
    Arguments: `f`, with complex results or real ones; `argnums`, as for `grad`, of complex
    arguments; `mode`, as for `jacobian`.
    Returns: a function that gives a pair of arrays of shape ``result.shape + argument.shape``, or
    a pair of containers of them.
    Raises: TypeError for a real argument.
    Source: Kreutz-Delgado, "The complex gradient operator and the CR-calculus", arXiv:0906.4835.

    >>> import numpy as np, dualdiff as dd
    >>> z = 1.3 + 0.7j
    >>> dz, dzbar = dd.wirtinger(lambda z: z * np.conj(z))(z)
    >>> bool(np.isclose(dz, np.conj(z))), bool(np.isclose(dzbar, z))
    (True, True)
    """
    from .jacobian import jacobian

    derivative = functools.partial(_derivative, jacobian, {"mode": mode})
    return _Wirtinger(f, argnums, derivative=derivative, has_aux=False)


def _derivative(operator: Any, options: dict[str, Any], f: Any, argnums: Any) -> Any:
    return operator(f, argnums, **options)


def as_real(f: Callable[..., Any], argnums: Argnums, operator: Any, **options: Any) -> Operator:
    """`operator` of a function in real parts."""
    derivative = functools.partial(_derivative, operator, options)
    return AsReal(f, argnums, derivative=derivative, has_aux=options["has_aux"])
