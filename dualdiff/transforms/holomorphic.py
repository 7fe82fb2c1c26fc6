"""The check that a function is holomorphic, for ``holomorphic=True``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..array.box import unbox
from ..core.batch import dtype_of, is_complex, shape_of
from ..core.types import Value
from ..errors import HolomorphicError, UnsupportedInputError, user_line
from .inputs import Inputs
from .record import push_forward


def require_complex(values: Sequence[Value], what: str, operator: str) -> None:
    """Raise if an argument or a result is real."""
    for v in values:
        if v is not None and not is_complex(v):
            raise UnsupportedInputError(
                f"{operator} is for complex {what}s, but one has dtype {dtype_of(v)}, "
                f"{user_line()}; pass a complex {what} (z + 0j), or leave the option out."
            )


def verify_holomorphic(
    inputs: Inputs, apply: Callable[[Sequence[Any]], Sequence[Any]], has_aux: bool = False
) -> None:
    """Push i times a random direction, and compare with i times the derivative along it.

    Arguments: `inputs` of the function; `apply`, the computed derivative as a function of one
    tangent per leaf, which returns one array per leaf of the result.
    Raises: HolomorphicError, which names the entry with the largest violation.
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
        turned = np.zeros(shape_of(value)) if turned is None else unbox(turned)
        expected = 1j * unbox(t)
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
