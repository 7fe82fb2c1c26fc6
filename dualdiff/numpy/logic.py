"""Functions whose results have no derivative, and choosing between values: they see plain values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.boxes import plain
from ..core.dispatch import register
from ..core.shapes import Fit, Spec, unbroadcast
from ..kinds import rule
from ._common import implements, on_values

for _function in (
    np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj, np.isscalar, np.iscomplex, np.isreal,
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.argwhere,
    np.nonzero, np.flatnonzero, np.searchsorted, np.digitize, np.count_nonzero, np.all, np.any,
    np.allclose, np.isclose, np.array_equal, np.array_equiv, np.isposinf, np.isneginf, np.lexsort,
    np.around, np.round, np.fix, np.result_type, np.can_cast, np.common_type, np.min_scalar_type,
    np.may_share_memory, np.shares_memory, np.array2string, np.array_repr, np.array_str,
):  # fmt: skip
    register(_function, on_values(_function))


def _where_fit(spec: Spec, g: Any, ans_spec: Spec) -> Any:
    return unbroadcast(g, Fit(*spec, *ans_spec))


def _where_pull(
    g: Any, condition: Any, x_spec: Spec, y_spec: Spec, ans_spec: Spec, active: Any
) -> tuple[Any, Any]:
    cx = _where_fit(x_spec, np.where(condition, g, 0), ans_spec) if active[0] else None
    cy = _where_fit(y_spec, np.where(condition, 0, g), ans_spec) if active[1] else None
    return cx, cy


def _where_push(
    t: Any, condition: Any, x_spec: Spec, y_spec: Spec, ans_spec: Spec, lead: Any
) -> Any:
    from ..core.shapes import align

    tx, ty = (
        0 if part is None else align(part, spec.ndim, ans_spec.ndim, lead)
        for part, spec in zip(t, (x_spec, y_spec), strict=True)
    )
    ans = np.where(condition, tx, ty)
    return np.broadcast_to(ans, lead + ans_spec.shape)


where_p = rule(
    lambda x, y, condition: np.where(condition, x, y),
    push=_where_push,
    pull=_where_pull,
    name="where",
    structure="elementwise",
)


@implements(np.where)
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """``numpy.where``, differentiable in x and y."""
    condition = np.asarray(plain(condition))
    if x is None and y is None:
        return np.where(condition)
    return where_p(x, y, condition=condition)
