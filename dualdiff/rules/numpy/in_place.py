"""``a += x`` of a plain array and a traced one, if only the name a refers to the array.

A plain array cannot hold traced values. If it has no other name, view or holder, an array that can
may replace it: the operator puts its result under the name. If another name would see the change,
the derivative would be silently wrong, so the error stays.
"""

from __future__ import annotations

import dis
import gc
import sys
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from ...array.box import Box, is_box, unbox
from ...array.conversion import STORES
from ...array.dispatch import UFUNC_METHODS
from ...array.views import Array
from ...core.batch import shape_of
from ...core.trace import AT_LAST, materialize
from ...trees import attributes
from .ufunc_calls import call_with_keywords

_KEY = (None, "__call__")
_installed = 0
# The arguments of BINARY_OP that stand for operators in place.
_IN_PLACE = range(13, 26)
_references: dict[Any, int] = {}
_lone: list[weakref.ref[Array]] = []
Make = Callable[[tuple[int, int]], Any]


class _Probe(Box):
    """Stands for a traced array while the references to a lone array are counted."""

    __slots__ = ()


def _is_in_place(depth: int) -> bool:
    """Whether the frame `depth` calls up is at ``a += x`` or the like."""
    frame = sys._getframe(depth + 1)
    code, i = frame.f_code.co_code, frame.f_lasti
    return dis.opname[code[i]] == "BINARY_OP" and code[i + 1] in _IN_PLACE


def _is_stored_next(depth: int) -> bool:
    """Whether the frame `depth` calls up is at ``a[i] += x`` or the like, which STORES may end."""
    if not STORES or not _is_in_place(depth + 1):
        return False
    frame = sys._getframe(depth + 1)
    code, i = frame.f_code.co_code, frame.f_lasti + 2
    while dis.opname[code[i]] in ("CACHE", "SWAP", "ROT_THREE"):
        i += 2
    return dis.opname[code[i]] == "STORE_SUBSCR"


def _references_to_base(a: np.ndarray) -> int:
    return sys.getrefcount(a.base)


def _shares_memory(a: np.ndarray) -> bool:
    """Whether another array may share the memory of a."""
    base: Any = a.base
    if base is None:
        return not a.flags.owndata
    owner = type(base) is np.ndarray and base.base is None and base.flags.owndata
    del base  # not to be counted
    return not owner or _references_to_base(a) > _references[None]


def _in_place(ufunc: Any, found: Any, inputs: Any, kwargs: dict[str, Any]) -> Any:
    """A ufunc called with keywords; ``a += x`` replaces a lone plain array by one that takes
    traced values."""
    out = kwargs.get("out", ())
    if len(out) == 1 and inputs[0] is out[0] and type(out[0]) is np.ndarray:
        count = sys.getrefcount(out[0])
        if type(inputs[1]) is _Probe:
            _references[ufunc] = count
            return out[0]
        if (
            count <= _references.get(ufunc, 0)
            and is_box(materialize(inputs[1]))
            and out[0].flags.writeable
            and not _shares_memory(out[0])
            and _is_in_place(3)
        ):
            lone = note_lone(Array(out[0], False))
            inputs, kwargs = (lone, *inputs[1:]), {**kwargs, "out": (lone,)}
        if type(out[0].base) is np.ndarray and _is_stored_next(3):
            # `a[i] += x`: the store that comes next finds the place (see `patching.lone`).
            ans = found(*inputs)
            if shape_of(ans) == out[0].shape:
                return ans
    return call_with_keywords(ufunc, found, inputs, kwargs)


def _add(make: Make, x: Any) -> None:
    a = make((1, 1))
    a += x


def _subtract(make: Make, x: Any) -> None:
    a = make((1, 1))
    a -= x


def _multiply(make: Make, x: Any) -> None:
    a = make((1, 1))
    a *= x


def _divide(make: Make, x: Any) -> None:
    a = make((1, 1))
    a /= x


def _floor_divide(make: Make, x: Any) -> None:
    a = make((1, 1))
    a //= x


def _remainder(make: Make, x: Any) -> None:
    a = make((1, 1))
    a %= x


def _power(make: Make, x: Any) -> None:
    a = make((1, 1))
    a **= x


def _matmul(make: Make, x: Any) -> None:
    a = make((1, 1))
    a @= x


def _count_references() -> None:
    """Count the references to an array at ``a += x`` if a is its only name."""
    probe = object.__new__(_Probe)
    probe.primal = np.ones((1, 1))
    for run in (_add, _subtract, _multiply, _divide, _floor_divide, _remainder, _power, _matmul):
        run(np.ones, probe)
    _references[None] = _references_to_base(np.ones(1).reshape(1, 1))


def note_lone(a: Array) -> Array:
    """Note an array that stands in the place of a plain one, under the name that it had."""
    _lone.append(weakref.ref(a))
    if not AT_LAST:
        AT_LAST.append(_give_plain_arrays_back)
    return a


def _give_plain_arrays_back() -> None:
    """After a derivative, objects that outlive it hold plain arrays again, as the program has them.

    Nothing else knows where an array is kept, so Python's collector of garbage is asked.
    """
    AT_LAST.clear()
    kept = [a for a in (reference() for reference in _lone) if a is not None]
    _lone.clear()
    for a in kept:
        plain = np.array(unbox(a))
        for holder in gc.get_referrers(a):
            if type(holder) is list and holder is not kept:
                holder[:] = [plain if e is a else e for e in holder]
            elif type(holder) is dict:
                holder.update({k: plain for k, v in holder.items() if v is a})
            elif type(holder) is not FrameType:
                for name in [name for name, held in attributes(holder) if held is a]:
                    object.__setattr__(holder, name, plain)


def install_in_place() -> None:
    """Let ``a += x`` and the like replace lone plain arrays."""
    global _installed
    _installed += 1
    if _installed == 1:
        UFUNC_METHODS[_KEY] = _in_place
        if not _references:
            _count_references()


def uninstall_in_place() -> None:
    """Let every ``a += x`` of a plain array and a traced one raise an error again."""
    global _installed
    _installed -= 1
    if _installed == 0:
        UFUNC_METHODS[_KEY] = call_with_keywords
