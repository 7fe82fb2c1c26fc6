"""Both derivatives of a function of a complex argument: df/dz and df/dz*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec

import numpy as np

from ..core.batch import shape_of
from ..core.types import Value
from .holomorphic import require_complex
from .inputs import Argnums
from .jacobian import jacobian
from .plan import Mode
from .real_parts import AsReal, in_real_parts

P = ParamSpec("P")


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


def _wirtinger(block: Any, value: Value, is_complex: bool, sign: int) -> Any:
    """``(d/dx - sign i d/dy) f / 2`` from the real block of one result and one argument."""
    if block is None:
        return None
    axis = np.ndim(block) - len(shape_of(value)) - 1
    dx, dy = (np.take(block, k, axis=axis) for k in (0, 1))
    if is_complex:
        dx, dy = (d[0] + 1j * d[1] for d in (dx, dy))
    return (dx - sign * 1j * dy) / 2


def wirtinger(
    f: Callable[P, Any], argnums: Argnums = 0, mode: Mode = "auto"
) -> Callable[P, tuple[Any, Any]]:
    """Both Wirtinger derivatives of a function of a complex argument, df/dz and df/dz*.

    For f = u + iv of z = x + iy they are ``(df/dx - i df/dy) / 2`` and ``(df/dx + i df/dy) / 2``,
    with ``df = df/dz dz + df/dz* dz*``. A holomorphic f has ``df/dz* = 0``.
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
    return in_real_parts(f, argnums, jacobian, _Wirtinger, mode=mode, has_aux=False)
