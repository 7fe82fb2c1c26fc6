"""The patterns of Jacobians and Hessians."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..transforms.grad import grad
from ..transforms.inputs import Argnums, Inputs
from .detect import detect as found_in

if TYPE_CHECKING:
    from .detect.detection import Detected
    from .pattern import Pattern


def detect(
    f: Callable[..., Any], args: Sequence[Any], argnums: Argnums, kwargs: dict[str, Any]
) -> Detected:
    """The pattern of the Jacobian of one call."""
    return pattern_of(Inputs(f, args, kwargs, argnums))


def detect_hessian(
    f: Callable[..., Any], args: Sequence[Any], argnums: Argnums, kwargs: dict[str, Any]
) -> Detected:
    """The pattern of the Hessian of one call."""
    return hessian_pattern(Inputs(f, args, kwargs, argnums), argnums)


def pattern_of(inputs: Inputs) -> Detected:
    """The pattern of the Jacobian, from a run on copies of the arguments."""
    return found_in(inputs.on_copies())


def hessian_pattern(inputs: Inputs, argnums: Argnums) -> Detected:
    """The pattern of the Hessian, as the pattern of the gradient's Jacobian."""
    found = pattern_of(inputs.of(grad(inputs.f, argnums)))
    found.pattern = (found.pattern + found.pattern.T).tocsr()
    found.pattern.sort_indices()
    return found


def sparsity(f: Callable[..., Any], *args: Any, argnums: Argnums = 0, **kwargs: Any) -> Pattern:
    """Where the Jacobian of a function can be nonzero, found by running the function once.

    No entry is missing: an entry counts as nonzero unless it is known to be zero, and functions
    without a structure count as dense. The pattern holds for all arguments of these shapes
    unless the function branches on their values.
    Arguments: `f`; `args` and `kwargs`, its arguments; `argnums` as for `jacobian`.
    Returns: a boolean `scipy.sparse.csr_array` with one row per element of the results and one
    column per element of the differentiated arguments, with the leaves of containers in their
    order; its `plot` draws it.

    >>> import numpy as np, dualdiff as dd
    >>> dd.sparsity(lambda x: x[1:] * x[:-1], np.ones(4)).toarray().astype(int)
    array([[1, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 1]])
    """
    return _shown(detect(f, args, argnums, kwargs))


def hessian_sparsity(
    f: Callable[..., Any], *args: Any, argnums: Argnums = 0, **kwargs: Any
) -> Pattern:
    """Where the Hessian of a function with a scalar result can be nonzero.

    It is the pattern of the gradient, found by running f and its reverse pass once.
    Arguments: `f`; `args` and `kwargs`, its arguments; `argnums` as for `grad`.
    Returns: a symmetric boolean `scipy.sparse.csr_array`, with one row and one column per element
    of the differentiated arguments.

    >>> import numpy as np, dualdiff as dd
    >>> dd.hessian_sparsity(lambda x: np.sum(x[1:] * x[:-1] ** 2), np.ones(4)).toarray().astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 0],
           [0, 1, 1, 1],
           [0, 0, 1, 0]])
    """
    found = _shown(detect_hessian(f, args, argnums, kwargs))
    found.is_hessian = True
    return found


def _shown(found: Detected) -> Pattern:
    from .pattern import Pattern

    return Pattern(found.pattern)
