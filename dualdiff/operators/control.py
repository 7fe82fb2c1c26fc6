"""What to differentiate and what to keep: `stop_gradient` and `checkpoint`."""

from __future__ import annotations

from typing import Any

from ..core.traces import value_of
from ..trees import tree_map


def stop_gradient(x: Any) -> Any:
    """`x` as a constant: its plain values, in the same containers.

    Arguments: `x`, a traced array or a container of them.
    Returns: the same with plain arrays (copies) and scalars.

    >>> import dualdiff as dd
    >>> dd.grad(lambda x: x * dd.stop_gradient(x))(3.0)
    3.0
    """
    return tree_map(value_of, x)
