"""`scipy.fftpack`, the older names of `scipy.fft`: complex, cosine and sine transforms.

The inverses of its cosine and sine transforms are those of `scipy.fft` without a scale: the
transform of the transposed type. `rfft`, which mixes real and imaginary parts in one vector, and
the pseudo-differential operators have no rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import scipy.fft
import scipy.fftpack

from .dispatch import implements

_INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}  # the type of the transposed transform


def _complex_along_one(new: Callable[..., Any], old: Any) -> None:
    def transform(x: Any, n: Any = None, axis: int = -1, overwrite_x: bool = False) -> Any:
        return new(x, n, axis)

    implements(old)(transform)


def _complex_along_several(new: Callable[..., Any], old: Any, default: Any) -> None:
    def transform(x: Any, shape: Any = None, axes: Any = default, overwrite_x: bool = False) -> Any:
        return new(x, shape, axes)

    implements(old)(transform)


def _real(new: Callable[..., Any], old: Any, types: dict[int, int] | None = None) -> None:
    def transform(
        x: Any,
        type: int = 2,
        n: Any = None,
        axis: int = -1,
        norm: Any = None,
        overwrite_x: bool = False,
    ) -> Any:
        return new(x, type if types is None else types[type], n, axis, norm)

    implements(old)(transform)


_fft: Any = scipy.fft
_old: Any = scipy.fftpack
for _name in ("fft", "ifft"):
    _complex_along_one(getattr(_fft, _name), getattr(_old, _name))
    _complex_along_several(getattr(_fft, f"{_name}n"), getattr(_old, f"{_name}n"), None)
    _complex_along_several(getattr(_fft, f"{_name}2"), getattr(_old, f"{_name}2"), (-2, -1))
for _name in ("dct", "dst"):
    _real(getattr(_fft, _name), getattr(_old, _name))
    _real(getattr(_fft, _name), getattr(_old, f"i{_name}"), _INVERSE)
