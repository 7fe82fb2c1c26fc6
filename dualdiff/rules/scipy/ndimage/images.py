"""Images of integers in `scipy.ndimage`, whose filters give integers again, and empty ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ....array.box import is_box
from ....core.batch import shape_of
from ..arguments import as_plain_function, by_scipy, is_user_function, plain
from ..dispatch import implements
from ..in_place import original_of


def _is_whole(dtype: Any) -> bool:
    return np.dtype(dtype).kind in "biu"


def of_image(original: Any, *, arrays: str = "input", calls: str = "", affine_in: str = "") -> Any:
    """`implements` for a function of an image, which SciPy's result has the dtype of.

    A result of integers is cut off, so it is constant by pieces in all that is traced: it is
    SciPy's own. Where `output` asks for another dtype, SciPy computes with the numbers as floats.
    """

    def decorate(implementation: Callable[..., Any]) -> Any:
        @functools.wraps(implementation)
        def of_numbers(input: Any, *args: Any, output: Any = None, **kwargs: Any) -> Any:
            is_empty = 0 in shape_of(input)
            if not is_empty and (is_box(input) or not _is_whole(input.dtype)):
                return implementation(input, *args, output=output, **kwargs)
            dtype = getattr(output, "dtype", output)
            if is_empty or dtype is None or _is_whole(dtype):
                return by_scipy(
                    original_of(original), plain(input), *map(_plain, args), output=plain(output),
                    **{name: _plain(v) for name, v in kwargs.items()},
                )  # fmt: skip
            return implementation(input.astype(float), *args, output=output, **kwargs)

        return implements(original, arrays=arrays, calls=calls, affine_in=affine_in)(of_numbers)

    return decorate


def _plain(x: Any) -> Any:
    return as_plain_function(x) if is_user_function(x) else plain(x)
