"""autograd.wrap_util: operators on functions of one argument, made to take any of several."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .tracer import check_traceable
from .util import subvals

__all__ = ["get_name", "unary_to_nary"]


def get_name(f: Any) -> str:
    """The name of a function, if it has one."""
    return str(getattr(f, "__name__", "[unknown name]"))


def unary_to_nary(unary_operator: Callable[..., Any]) -> Callable[..., Any]:
    """Make of an operator ``op(fun, x)`` on functions of one argument one that takes `argnum`.

    Arguments: `unary_operator`, called as ``op(unary_fun, x, *nary_op_args, **nary_op_kwargs)``.
    Returns: ``nary_operator(fun, argnum=0, *nary_op_args, **nary_op_kwargs)``, which gives a
    function of fun's arguments. `argnum` is a position, or a tuple or list of positions, for which
    x is the tuple of these arguments.

    >>> import numpy as np, dualdiff.compat.autograd.core as core
    >>> @unary_to_nary
    ... def slope(fun, x):
    ...     vjp, ans = core.make_vjp(fun, x)
    ...     return vjp(1.0)
    >>> print(slope(lambda x, y: x * y, 1)(2.0, 3.0))
    2.0
    """

    @functools.wraps(unary_operator)
    def nary_operator(
        fun: Callable[..., Any], argnum: Any = 0, *nary_op_args: Any, **nary_op_kwargs: Any
    ) -> Callable[..., Any]:
        if not callable(fun):
            name = get_name(unary_operator)
            raise TypeError(
                f"{name} takes a function, not a {type(fun).__name__}; write {name}(f)(x), not "
                f"{name}(f(x))"
            )
        several = isinstance(argnum, (tuple, list))

        def nary_f(*args: Any, **kwargs: Any) -> Any:
            if several:
                x: Any = tuple(args[i] for i in argnum)
                check_traceable(x)
                if len(args) == len(x) == 2 and tuple(argnum) == (0, 1) and not kwargs:
                    return unary_operator(lambda x: fun(*x), x, *nary_op_args, **nary_op_kwargs)

                def unary_f(x: Any) -> Any:
                    return fun(*subvals(args, zip(argnum, x, strict=True)), **kwargs)

                return unary_operator(unary_f, x, *nary_op_args, **nary_op_kwargs)
            check_traceable(args[argnum])
            if len(args) == 1 and not kwargs and argnum == 0:
                return unary_operator(fun, args[0], *nary_op_args, **nary_op_kwargs)

            def unary_in_one(x: Any) -> Any:
                return fun(*subvals(args, [(argnum, x)]), **kwargs)

            return unary_operator(unary_in_one, args[argnum], *nary_op_args, **nary_op_kwargs)

        return _named(nary_f, fun, get_name(unary_operator), argnum)

    return nary_operator


def _named(nary_f: Any, fun: Any, operator: str, argnum: Any) -> Any:
    name, which = get_name(fun), tuple(argnum) if isinstance(argnum, list) else argnum
    nary_f.__name__ = f"{operator}_of_{name}_wrt_argnum_{which}"
    nary_f.__doc__ = (
        f"The {operator} of {name} with respect to argument number {which}.\n\n"
        f"It takes the arguments of {name}.\n"
    )
    nary_f.__wrapped__ = fun  # its signature
    return nary_f
