"""A NumPy function as a differentiable function of JAX arrays, by a call-back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .common import Pull, is_differentiable, over_containers, package


def to_jax(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy arrays as a differentiable function of JAX arrays.

    Arguments: `f`, of arrays or containers of them by position, which returns an array or a
    container of arrays. It runs once on ones of the shapes of its arguments, to find the shapes of
    its results.
    Returns: a function of JAX arrays, whose derivatives are dualdiff's: in reverse mode, of any
    order (JAX's `hessian` and `jvp` ask for forward mode: write ``jacrev(jacrev(g))``); under
    ``jax.jit`` it calls back, and under ``jax.vmap`` one row after the other.
    Raises: MissingPackageError without JAX.
    Complex numbers: gradients are du/dx - i du/dy in both packages.

    >>> import numpy as np, dualdiff as dd
    >>> g = dd.to_jax(lambda x: np.sum(np.sin(x)))  # doctest: +SKIP
    """
    jax = package("jax", "jax")
    return over_containers(f, functools.partial(_of_arrays, jax))


def _of_arrays(jax: Any, f: Callable[..., Any]) -> Callable[..., Any]:
    """The bridge for arrays."""

    def shape_of(*args: Any) -> Any:
        ones = [np.ones(np.shape(a), a.dtype)[()] for a in map(jax.numpy.asarray, args)]
        out = f(*ones)
        return jax.tree.map(lambda v: jax.ShapeDtypeStruct(np.shape(v), _dtype(v)), out)

    def _dtype(v: Any) -> Any:
        return jax.dtypes.canonicalize_dtype(np.asarray(v).dtype)

    def host(*args: Any) -> Any:
        out = f(*(np.asarray(a)[()] for a in args))
        return jax.tree.map(lambda v: np.asarray(v, _dtype(v)), out)

    @jax.custom_vjp
    def call(*args: Any) -> Any:
        return jax.pure_callback(host, shape_of(*args), *args, vmap_method="sequential")

    def forward(*args: Any) -> Any:
        return call(*args), args

    def backward(args: Any, g: Any) -> Any:
        wanted = [i for i, a in enumerate(args) if is_differentiable(a.dtype)]
        gs = g if isinstance(g, tuple) else (g,)
        pulled = _of_arrays(jax, Pull(f, wanted, len(args)))(*args, *gs)
        found: list[Any] = [
            np.zeros(np.shape(a), jax.dtypes.float0) if i not in wanted else None
            for i, a in enumerate(args)
        ]
        for i, c in zip(wanted, pulled, strict=True):
            found[i] = c
        return tuple(found)

    call.defvjp(forward, backward)

    def function(*args: Any) -> Any:
        return call(*map(jax.numpy.asarray, args))

    return function
