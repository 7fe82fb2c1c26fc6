"""Derivatives as linear operators of SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from ..core.types import Value


class JacobianOperator(LinearOperator):
    """A `scipy.sparse.linalg.LinearOperator` that `np.dot` takes too.

    SciPy's trust-region minimisers call ``np.dot(hessian, p)``.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        product: Callable[..., Any],
        adjoint: Callable[..., Any],
        dtype: Any,
    ) -> None:
        super().__init__(dtype, shape)  # type: ignore[call-arg]
        self._product, self._adjoint_product = product, adjoint

    def _matvec(self, x: Value) -> Any:
        return self._product(x)

    def _rmatvec(self, x: Value) -> Any:
        return self._adjoint_product(x)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.dot and len(args) == 2 and args[0] is self:
            return self @ args[1]
        return function._implementation(*args, **kwargs)
