"""Runs of a program that no tape records, such as the iterations of a solver."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from ..array.views import UNRECORDED, View
from ..errors import KeptValueError, line_text, user_frame
from .batch import Shape
from .primitive import opcode
from .structure import DENSE
from .tape import Tape, open_tapes
from .types import Cotangent, Tangent


class _Unrecorded:
    """The tangent of a value that was not recorded: whatever reads it raises an error."""

    def __init__(self, frame: tuple[str, int]) -> None:
        self.__dict__["frame"] = frame

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise KeptValueError(
            f"a derivative is needed of a value that a function computed while a solver iterated, "
            f"{line_text(*self.__dict__['frame'])}, and that the program kept and used again: it "
            f"was not recorded. Compute it before the solver runs, or anew in every call of the "
            f"function."
        )

    __array__ = __getattr__ = __getitem__ = __neg__ = __bool__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __truediv__ = __rtruediv__ = __matmul__ = __rmatmul__ = _refuse
    __array_ufunc__ = __array_function__ = _refuse


class _Owner:
    name = "what a solver computed on its way"
    structure = DENSE


def _vjp(g: Cotangent, ct: list[Cotangent], entry: tuple[Any, ...], batch: Shape) -> None:
    entry[3]._refuse()


def _jvp(ts: list[Tangent], entry: tuple[Any, ...], batch: Shape) -> None:
    ts[entry[1]] = entry[3]


_POISON = opcode(_Owner, _vjp, _jvp)


def _mute(tape: Tape, refusal: _Unrecorded | None) -> Callable[[], None]:
    """Let a tape forget what follows; returns the function that ends this."""
    saved = tape.next, tape.append
    slot = tape.next()
    tape.append((_POISON, slot, (), refusal))
    tape.next, tape.append = (lambda: slot), (lambda entry: None)

    def unmute() -> None:
        tape.next, tape.append = saved

    return unmute


@contextmanager
def muted() -> Iterator[None]:
    """Record nothing on the tapes that are open here.

    Traced values that are computed meanwhile have a slot that refuses cotangents and tangents: one
    that a program keeps, in a cache for example, raises an error when its derivative is needed.
    """
    tapes = open_tapes()
    refusal = _Unrecorded(user_frame()) if tapes else None
    ends = [_mute(tape, refusal) for tape in tapes]
    read: list[weakref.ref[View]] = []
    UNRECORDED.append(read)
    try:
        yield
    finally:
        UNRECORDED[:] = [other for other in UNRECORDED if other is not read]
        for reference in read:
            view = reference()
            if view is not None:
                view.forget()
        for end in reversed(ends):
            end()
