"""Functions of `scipy.signal` whose code leaves a step out at one value of an argument.

Where ``a[0]`` is 1, SciPy does not divide by it, and the derivative by it would be lost. The steps
that are left out change no value, so they are taken here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import signal

from ....array.box import unbox
from ....core.types import Value
from ...numpy.creation import asarray, given
from ..arguments import holds_traced
from ..bodies import Body
from ..dispatch import implements, missing

__all__ = ["chirp", "lfilter_zi", "lfiltic", "lp2hp", "lsim"]


_lfilter_zi, _lfiltic, _chirp = map(Body, (signal.lfilter_zi, signal.lfiltic, signal.chirp))
_lp2hp, _lp2lp, _lsim = map(Body, (signal.lp2hp, signal.lp2lp, signal.lsim))


def _normalized(b: Value, a: Value) -> tuple[Value, Value]:
    """The coefficients, divided by ``a[0]`` where that is 1."""
    return (b / a[0], a / a[0]) if np.size(a) and unbox(a)[0] == 1 else (b, a)


@implements(signal.lfilter_zi, arrays="b a")
def lfilter_zi(b: Any, a: Any) -> Any:
    """``scipy.signal.lfilter_zi``, differentiable in both coefficients."""
    return _lfilter_zi(*_normalized(b, a))


@implements(signal.lfiltic, arrays="b a")
def lfiltic(b: Any, a: Any, y: Any, x: Any = None) -> Any:
    """``scipy.signal.lfiltic``, differentiable in the coefficients and in `y` and `x`."""
    return _lfiltic(*_normalized(b, a), y, x)


@implements(signal.lp2hp)
def lp2hp(b: Any, a: Any, wo: Any = 1.0) -> Any:
    """``scipy.signal.lp2hp``, differentiable in the coefficients and in `wo`."""
    if holds_traced(wo) and np.all(unbox(wo) == 1):
        return _lp2lp(*_lp2hp(b, a), wo)
    return _lp2hp(b, a, wo)


@implements(signal.chirp)
def chirp(
    t: Any, f0: Any, t1: Any, f1: Any, method: Any = "linear", phi: Any = 0, **options: Any
) -> Any:
    """``scipy.signal.chirp``, differentiable in `t`, `f0`, `t1`, `f1` and `phi`."""
    curved = method not in ("linear", "lin", "li", "quadratic", "quad", "q")
    if curved and holds_traced((f0, f1)) and unbox(f0) == unbox(f1):
        raise missing(
            f"scipy.signal.chirp with method={method!r}",
            "SciPy computes equal frequencies f0 and f1 by a formula of their own",
        )
    return _chirp(t, f0, t1, f1, method, phi, **options)


@implements(signal.lsim)
def lsim(system: Any, U: Any, T: Any, X0: Any = None, interp: Any = True) -> Any:
    """``scipy.signal.lsim``, differentiable in the system, `U`, `T` and `X0`."""
    if not holds_traced(U) or np.any(unbox(asarray(U))):
        return _lsim(system, U, T, X0, interp)
    # For an input of zeros SciPy leaves it out; the response to an input is linear in it.
    times, *free = _lsim(system, np.zeros(np.shape(U)), T, X0, interp)
    with_ones, ones = (
        _lsim(system, u, T, None, interp)[1:] for u in (asarray(U) + 1.0, np.ones(np.shape(U)))
    )
    parts = zip(free, with_ones, ones, strict=True)
    return times, *(given(f + (a - b), np.asarray(unbox(f))) for f, a, b in parts)
