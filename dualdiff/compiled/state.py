"""Objects as state: which ones change unseen, and what tells whether one has changed."""

from __future__ import annotations

import collections
import datetime
import decimal
import functools
import hashlib
import operator
import random
import re
import sys
import types
from typing import Any

import numpy as np
from numpy import ndarray

_LIBRARIES = frozenset(
    {*sys.stdlib_module_names, "numpy", "scipy", "dualdiff", "optree", "llvmlite"}
)
CACHE = type(functools.lru_cache(len))
# Objects without attributes that never change.
CONSTANT = (
    types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.GetSetDescriptorType, types.MemberDescriptorType, types.MethodWrapperType,
    types.ClassMethodDescriptorType, types.GenericAlias, types.UnionType, types.EllipsisType,
    types.NotImplementedType, np.ufunc, re.Pattern, decimal.Decimal, datetime.date,
    datetime.timedelta, datetime.tzinfo, operator.itemgetter, operator.attrgetter,
    operator.methodcaller, types.CodeType, type(np.sum), type(np.dot),
    type(vars(collections.namedtuple("Pair", "a"))["a"]),
)  # fmt: skip
# Types of C whose instances have no state but their attributes, or state that is searched.
_OPEN = (
    type, str, bytes, int, float, complex, tuple, list, dict, set, frozenset,
    collections.OrderedDict, collections.defaultdict, types.SimpleNamespace, BaseException,
    types.ModuleType, np.generic, property, staticmethod, classmethod, functools.partial,
    CACHE, *CONSTANT,
)  # fmt: skip
HEAP, _IMMUTABLE = 1 << 9, 1 << 8  # flags of types: made at run time, and never changed


def is_library(module: str | None) -> bool:
    """Whether a module belongs to Python, NumPy, SciPy or dualdiff."""
    return (module or "").partition(".")[0] in _LIBRARIES


def hides_state(cls: type) -> bool:
    """Whether instances of a class hold state of C, which no search finds."""
    for base in cls.__mro__:
        made = base.__flags__ & HEAP and not base.__flags__ & _IMMUTABLE
        if not made and not issubclass(base, _OPEN) and base is not object:
            return True
    return False


def state_of(generator: Any) -> str:
    state = getattr(generator, "bit_generator", generator)
    if isinstance(generator, np.random.RandomState):
        return repr(generator.get_state())
    if isinstance(generator, random.Random):
        return repr(generator.getstate())
    return repr(state.state)


def hash_of(x: Any) -> str:
    """A hash of a value, an array, a set or a code."""
    if isinstance(x, ndarray):
        content = x.tobytes() + repr((x.shape, x.dtype)).encode()
    elif isinstance(x, types.CodeType):
        constants = [hash_of(c) for c in x.co_consts]
        content = x.co_code + repr((x.co_names, x.co_varnames, constants)).encode()
    elif isinstance(x, (set, frozenset)):
        content = repr(sorted(map(repr, x))).encode()
    else:
        content = repr((type(x).__name__, x)).encode()
    return hashlib.sha256(content).hexdigest()
