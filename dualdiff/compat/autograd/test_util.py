"""autograd.test_util: numerical checks of derivatives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import testing as checking
from ...trees import flatten
from .core import make_jvp, make_vjp, vspace
from .wrap_util import unary_to_nary

__all__ = [
    "check_equivalent",
    "check_grads",
    "check_jvp",
    "check_vjp",
    "combo_check",
    "make_numerical_jvp",
    "scalar_close",
]

TOL = 1e-6
RTOL = 1e-6
EPS = 1e-6
_MODES: dict[str, checking.CheckMode] = {"fwd": "forward", "rev": "reverse"}


def scalar_close(a: Any, b: Any) -> bool:
    """Whether two numbers agree to 1e-6, absolutely or relatively."""
    return bool(abs(a - b) < TOL or abs(a - b) / abs(a + b) < RTOL)


def check_equivalent(x: Any, y: Any) -> None:
    """Raise an AssertionError where two values differ in kind, or by more than `scalar_close`."""
    x_vs, y_vs = vspace(x), vspace(y)
    assert x_vs == y_vs, f"VSpace mismatch:\nx: {x_vs}\ny: {y_vs}"
    v = x_vs.randn()
    assert scalar_close(x_vs.inner_prod(x, v), x_vs.inner_prod(y, v)), (
        f"Value mismatch:\nx: {x}\ny: {y}"
    )


def make_numerical_jvp(f: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    """The pushforward by a central difference."""
    space, out_space = vspace(x), vspace(f(x))

    def jvp(v: Any) -> Any:
        step = space.scalar_mul(v, EPS / 2)
        plus = f(space.add(x, step))
        minus = f(space.add(x, space.scalar_mul(step, -1)))
        return out_space.scalar_mul(out_space.add(plus, out_space.scalar_mul(minus, -1)), 1 / EPS)

    return jvp


def check_vjp(f: Callable[[Any], Any], x: Any) -> None:
    """Check the pullback against central differences in one random direction."""
    vjp, y = make_vjp(f, x)
    space, out_space = vspace(x), vspace(y)
    t, g = space.randn(), out_space.randn()
    analytic = space.inner_prod(t, space.covector(vjp(out_space.covector(g))))
    numeric = out_space.inner_prod(g, make_numerical_jvp(f, x)(t))
    assert scalar_close(analytic, numeric), (
        f"Derivative (VJP) check of {_name(f)} failed with arg {x}:\n"
        f"analytic: {analytic}\nnumeric:  {numeric}"
    )


def check_jvp(f: Callable[[Any], Any], x: Any) -> None:
    """Check the pushforward against central differences in one random direction."""
    t = vspace(x).randn()
    try:
        check_equivalent(make_jvp(f, x)(t)[1], make_numerical_jvp(f, x)(t))
    except AssertionError as error:
        raise AssertionError(
            f"Derivative (JVP) check of {_name(f)} failed with arg {x}:\n{error}"
        ) from None


def _name(f: Any) -> str:
    return str(getattr(f, "__name__", f))


@unary_to_nary
def check_grads(
    f: Callable[[Any], Any], x: Any, modes: Sequence[str] = ("fwd", "rev"), order: int = 2
) -> None:
    """Check the derivatives of a function in one of its arguments; see `dualdiff.check_grads`.

    Called as ``check_grads(f, argnum, modes=["fwd", "rev"], order=2)(*args)``. Derivatives may
    differ from differences as in `scalar_close`, which solvers of differential equations need.
    Raises: AssertionError with a table of the wrong entries.
    """
    if not modes or any(mode not in _MODES for mode in modes):
        raise AssertionError(f"modes must be among {tuple(_MODES)}, not {modes}")
    try:
        _check(f, x, [_MODES[mode] for mode in modes], order)
    except checking.GradientError as error:
        kind = "JVP" if "rev" not in modes or ("fwd" in modes and _fails(f, x)) else "VJP"
        text = f"Derivative ({kind}) check of {_name(f)} failed with arg {x}:\n{error}"
        raise checking.GradientError(text) from None


def _check(
    f: Callable[[Any], Any], x: Any, modes: Sequence[checking.CheckMode], order: int
) -> None:
    coarse = any(np.dtype(getattr(leaf, "dtype", float)).char in "efF" for leaf in flatten(x)[0])
    checking.check_grads(f, (x,), modes, order, rtol=None if coarse else 2 * RTOL, atol=TOL)


def _fails(f: Callable[[Any], Any], x: Any) -> bool:
    """Whether forward mode alone fails in the first order."""
    try:
        _check(f, x, ["forward"], 1)
    except checking.GradientError:
        return True
    return False


def combo_check(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., None]:
    """Check derivatives for every combination of arguments.

    Arguments: `fun` and what `check_grads` takes. Returns: a function that takes a list of values
    for each argument and keyword of fun.
    """

    def check(*args_lists: Any, **kwargs_lists: Any) -> None:
        names = list(kwargs_lists)
        for chosen in itertools.product(*args_lists):
            for options in itertools.product(*kwargs_lists.values()):
                given = dict(zip(names, options, strict=True))
                check_grads(fun, *args, **kwargs)(*chosen, **given)

    return check
