"""Functions of PyTorch and JAX as primitives here, with their own derivatives of every order."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..extend import custom_vjp
from .common import Function, over_containers, package


def _wrapped(f: Function, on_arrays: Function, vjp_of: Function, jvp_of: Function) -> Function:
    """A foreign function of arrays; its derivatives are foreign functions again."""

    @custom_vjp
    def call(*args: Any) -> Any:
        return on_arrays(f, args)

    @functools.cache
    def derived(make: Function, count: int) -> Function:
        return _wrapped(make(f, count), on_arrays, vjp_of, jvp_of)

    @call.defvjp
    def rule(*args: Any) -> Any:
        def pullback(g: Any) -> Any:
            gs = g if isinstance(g, tuple) else (g,)
            return tuple(derived(vjp_of, len(args))(*args, *gs))

        return call(*args), pullback

    @call.defjvp
    def forward(primals: Any, tangents: Any) -> Any:
        return call(*primals), derived(jvp_of, len(primals))(*primals, *tangents)

    return call


def _pulled_by(vjp: Function) -> Function:
    """What makes the foreign pullback of a function of `count` arguments, by their `vjp`."""

    def make(f: Function, count: int) -> Function:
        def pulled(*arguments: Any) -> Any:
            args, gs = arguments[:count], arguments[count:]
            value, pull = vjp(f, *args)
            return pull(tuple(gs) if isinstance(value, tuple) else gs[0])

        return pulled

    return make


def _pushed_by(jvp: Function) -> Function:
    """What makes the foreign pushforward of a function of `count` arguments, by their `jvp`."""

    def make(f: Function, count: int) -> Function:
        def pushed(*arguments: Any) -> Any:
            return jvp(f, arguments[:count], arguments[count:])[1]

        return pushed

    return make


def from_torch(f: Function) -> Function:
    """A function of PyTorch tensors as a differentiable function of NumPy arrays.

    Arguments: `f`, of floating-point tensors, or containers of them, by position, which returns a
    tensor or a container of tensors.
    Returns: a function of arrays or containers, with PyTorch's derivatives in both modes, of every
    order that PyTorch has.
    Raises: MissingPackageError without PyTorch.
    Complex numbers: for real tensors only.

    >>> import numpy as np, dualdiff as dd
    >>> def loss(x):
    ...     import torch
    ...     return torch.sum(torch.sin(x))
    >>> dd.grad(dd.from_torch(loss))(np.zeros(2))  # doctest: +SKIP
    array([1., 1.])
    """
    torch = package("torch", "torch")

    def on_arrays(f: Function, args: Any) -> Any:
        tensors = [torch.as_tensor(np.array(a, copy=True)) for a in args]
        return _to_numpy(f(*tensors))

    def _to_numpy(out: Any) -> Any:
        if isinstance(out, (tuple, list)):
            return tuple(map(_to_numpy, out))
        return out.detach().numpy()[()]

    make = _pulled_by(torch.func.vjp), _pushed_by(torch.func.jvp)
    return over_containers(f, lambda flat: _wrapped(flat, on_arrays, *make))


def from_jax(f: Function) -> Function:
    """A function of JAX arrays as a differentiable function of NumPy arrays.

    Arguments: `f`, of floating-point arrays, or containers of them, by position, which returns an
    array or a container of arrays.
    Returns: a function of arrays or containers, with JAX's derivatives in both modes and of every
    order. JAX computes in single precision unless ``jax_enable_x64`` is set.
    Raises: MissingPackageError without JAX.
    Complex numbers: for real arrays only.

    >>> import numpy as np, dualdiff as dd
    >>> def loss(x):
    ...     import jax.numpy as jnp
    ...     return jnp.sum(jnp.sin(x))
    >>> dd.grad(dd.from_jax(loss))(np.zeros(2))  # doctest: +SKIP
    array([1., 1.])
    """
    jax = package("jax", "jax")

    def on_arrays(f: Function, args: Any) -> Any:
        arrays = [jax.numpy.asarray(a) for a in args]
        out = f(*arrays)
        if isinstance(out, (tuple, list)):
            return tuple(np.asarray(o)[()] for o in out)
        return np.asarray(out)[()]

    make = _pulled_by(jax.vjp), _pushed_by(jax.jvp)
    return over_containers(f, lambda flat: _wrapped(flat, on_arrays, *make))
