"""autograd.builtins: containers, which need no replacement here.

Python's own lists, tuples and dictionaries hold traced values; `list`, `tuple` and `dict` make
them. `type` and `isinstance` look at the plain value of a traced one.
"""

from __future__ import annotations

import builtins
from typing import Any

from ._primitives import holds_box
from ._spaces import (  # noqa: F401
    ContainerVSpace,
    DictVSpace,
    ListVSpace,
    NamedTupleVSpace,
    SequenceVSpace,
    SparseObject,
    TupleVSpace,
    VSpace,
    vspace,
)
from .core import defjvp, defjvp_argnum, defvjp, defvjp_argnum  # noqa: F401  # as in autograd
from .tracer import Box, getval, isbox, notrace_primitive, primitive  # noqa: F401

__all__ = [
    "ContainerVSpace",
    "DictBox",
    "DictVSpace",
    "ListVSpace",
    "NamedTupleVSpace",
    "SequenceBox",
    "SequenceVSpace",
    "TupleVSpace",
    "dict",
    "isinstance",
    "list",
    "tuple",
    "type",
]


class _MakesPythons(builtins.type):
    """Makes a class stand for the Python container from which it derives.

    As in autograd it is a class of its own: libraries keep an entry for it and one for Python's.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls.__mro__[1](*args, **kwargs)

    def __instancecheck__(cls, x: Any) -> bool:
        return builtins.isinstance(x, cls.__mro__[1])


class dict(builtins.dict[Any, Any], metaclass=_MakesPythons):
    """Makes Python's dictionaries."""


class list(builtins.list[Any], metaclass=_MakesPythons):
    """Makes Python's lists."""


class tuple(builtins.tuple[Any, ...], metaclass=_MakesPythons):
    """Makes Python's tuples."""


def isinstance(x: Any, class_or_tuple: Any) -> bool:
    """Whether a value, or the plain value of a traced one, is an instance of a class."""
    if builtins.isinstance(x, class_or_tuple):
        return True
    return isbox(x) and builtins.isinstance(getval(x), class_or_tuple)


def type(x: Any) -> Any:
    """The type of a value, or of its plain value if it is traced."""
    return builtins.type(getval(x) if isbox(x) else x)


class _HoldsTraced(builtins.type):
    """Makes a class stand for the containers of some types that hold traced values."""

    kinds: Any

    def __instancecheck__(cls, x: Any) -> bool:
        return builtins.isinstance(x, cls.kinds) and holds_box(x)


class SequenceBox(metaclass=_HoldsTraced):
    """The class of lists and tuples with traced values, for `isinstance`."""

    kinds = (builtins.list, builtins.tuple)


class DictBox(metaclass=_HoldsTraced):
    """The class of dictionaries with traced values, for `isinstance`."""

    kinds = (builtins.dict,)
