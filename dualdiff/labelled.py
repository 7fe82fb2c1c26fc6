"""Containers of pandas and xarray as trees: their values are leaves, their labels are constant.

`trees` registers a class when it first meets an instance, so neither package is imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import optree

from .errors import UnsupportedInputError, user_line

NAMESPACE = "dualdiff"
_NAMES = {
    "pandas": ("Series", "DataFrame"),
    "xarray": ("DataArray", "Dataset"),
}
PACKAGES = tuple(_NAMES)
KINDS: set[type] = set()  # the classes that are registered


class _Labels:
    """A container without its values; equal to another with the same labels."""

    __slots__ = ("equal", "rebuild", "shape", "template")

    def __init__(
        self,
        template: Any,
        rebuild: Callable[[Sequence[Any]], Any],
        equal: Callable[[Any, Any], bool],
        shape: tuple[int, ...],
    ) -> None:
        self.template, self.rebuild, self.equal, self.shape = template, rebuild, equal, shape

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Labels) or type(other.template) is not type(self.template):
            return NotImplemented
        return self.shape == other.shape and bool(self.equal(self.template, other.template))

    def __hash__(self) -> int:
        return hash((type(self.template), self.shape))


def _unflatten(labels: Any, leaves: Iterable[Any]) -> Any:
    """The container of these leaves; the leaves themselves if their shapes are others.

    A Jacobian has the axes of the result in front, and no labels for them.
    """
    leaves = list(leaves)
    shapes = [np.shape(leaf) if hasattr(leaf, "shape") else None for leaf in leaves]
    if len(leaves) == 1:
        return labels.rebuild(leaves) if shapes[0] == labels.shape else leaves[0]
    return labels.rebuild(leaves)


def _series(series: Any) -> tuple[list[Any], _Labels, tuple[str, ...]]:
    kind, index, name = type(series), series.index, series.name
    labels = _Labels(
        index.to_series().rename(name),
        lambda leaves: kind(leaves[0], index=index, name=name),
        lambda a, b: a.index.equals(b.index) and a.name == b.name,
        series.shape,
    )
    return [series.to_numpy()], labels, ("values",)


def _frame(frame: Any) -> tuple[list[Any], _Labels, tuple[str, ...]]:
    others = [str(name) for name, dtype in frame.dtypes.items() if dtype.kind not in "fc"]
    if others:
        raise UnsupportedInputError(
            f"a DataFrame that is differentiated has columns of floating-point numbers alone, but "
            f"{', '.join(others[:5])} has another dtype, {user_line()}; pass frame[[...]] with the "
            f"columns of numbers, and the others separately."
        )
    kind, index, columns = type(frame), frame.index, frame.columns
    labels = _Labels(
        kind(index=index, columns=columns),
        lambda leaves: kind(leaves[0], index=index, columns=columns),
        lambda a, b: a.index.equals(b.index) and a.columns.equals(b.columns),
        frame.shape,
    )
    return [frame.to_numpy()], labels, ("values",)


def _array(array: Any) -> tuple[list[Any], _Labels, tuple[str, ...]]:
    template = array.copy(data=np.zeros(array.shape))
    labels = _Labels(
        template,
        lambda leaves: template.copy(data=leaves[0]),
        lambda a, b: a.identical(b),
        array.shape,
    )
    return [array.data], labels, ("values",)


def _dataset(data: Any) -> tuple[list[Any], _Labels, tuple[str, ...]]:
    names = tuple(data.data_vars)
    template = data.copy(data={name: np.zeros(data[name].shape) for name in names})

    def rebuild(leaves: Sequence[Any]) -> Any:
        new = dict(zip(names, leaves, strict=True))
        fits = all(np.shape(leaf) == template[name].shape for name, leaf in new.items())
        return template.copy(data=new) if fits else new

    labels = _Labels(template, rebuild, lambda a, b: a.identical(b), ())
    return [data[name].data for name in names], labels, tuple(map(str, names))


_FLATTEN: dict[str, Callable[[Any], tuple[list[Any], _Labels, tuple[str, ...]]]] = {
    "Series": _series,
    "DataFrame": _frame,
    "DataArray": _array,
    "Dataset": _dataset,
}


def register(kind: type) -> bool:
    """Let instances of a class of pandas or xarray be trees; whether it is such a class."""
    package = kind.__module__.partition(".")[0]
    name = kind.__name__
    if name not in _NAMES.get(package, ()):
        return False
    if getattr(sys.modules.get(package), name, None) is not kind:
        return False
    optree.register_pytree_node(
        kind,
        _FLATTEN[name],
        _unflatten,
        path_entry_type=optree.GetItemEntry if name == "Dataset" else optree.GetAttrEntry,
        namespace=NAMESPACE,
    )
    KINDS.add(kind)
    return True
