"""A NumPy function as a differentiable function of PyTorch tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .common import Pull, over_containers, package


@functools.cache
def _apply() -> Any:
    """The autograd function, made when PyTorch is imported."""
    torch = package("torch", "torch")

    def array(x: Any) -> Any:
        return x.detach().cpu().resolve_conj().numpy() if isinstance(x, torch.Tensor) else x

    def tensor(value: Any) -> Any:
        return torch.as_tensor(np.array(value))

    class Apply(torch.autograd.Function):  # type: ignore[name-defined]
        @staticmethod
        def forward(f: Any, *args: Any) -> Any:
            out = f(*map(array, args))
            return tuple(map(tensor, out)) if isinstance(out, tuple) else tensor(out)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            f, *args = inputs
            ctx.f, ctx.constants = f, [None if _is_tensor(a) else a for a in args]
            ctx.save_for_backward(*(a if _is_tensor(a) else None for a in args))

        @staticmethod
        def backward(ctx: Any, *gs: Any) -> Any:
            pairs = zip(ctx.saved_tensors, ctx.constants, strict=True)
            args = [c if t is None else t for t, c in pairs]
            wanted = [
                i
                for i, needed in enumerate(ctx.needs_input_grad[1:])
                if needed and (args[i].is_floating_point() or args[i].is_complex())
            ]
            # PyTorch's cotangents are conjugates of those here.
            g = [c.conj().resolve_conj() if c.is_complex() else c for c in gs]
            pulled = Apply.apply(Pull(ctx.f, wanted, len(args)), *args, *g)
            found: list[Any] = [None] * len(args)
            for i, c in zip(wanted, pulled, strict=True):
                found[i] = c.conj().resolve_conj() if c.is_complex() else c
            return None, *found

        @staticmethod
        def vmap(info: Any, in_dims: Any, f: Any, *args: Any) -> Any:
            rows = []
            for k in range(info.batch_size):
                row = [
                    a if d is None else a.select(d, k)
                    for a, d in zip(args, in_dims[1:], strict=True)
                ]
                rows.append(Apply.apply(f, *row))
            if isinstance(rows[0], tuple):
                return tuple(map(torch.stack, zip(*rows, strict=True))), (0,) * len(rows[0])
            return torch.stack(rows), 0

    def _is_tensor(x: Any) -> bool:
        return isinstance(x, torch.Tensor)

    return Apply.apply


def to_torch(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy arrays as a differentiable function of PyTorch tensors.

    Arguments: `f`, of arrays or containers of them, which returns an array or a container of
    arrays.
    Returns: a function of tensors (and constants) or their containers by position, whose
    derivatives are dualdiff's: in reverse mode, of any order, also by ``torch.func``, whose `vmap`
    takes one row after the other. It computes on the processor, in the dtypes of the tensors.
    Raises: MissingPackageError without PyTorch.
    Complex numbers: gradients follow PyTorch's convention, du/dx + i du/dy.

    >>> import numpy as np, dualdiff as dd
    >>> g = dd.to_torch(lambda x: np.sum(np.sin(x)))  # doctest: +SKIP
    """
    apply = _apply()

    return over_containers(f, lambda flat: functools.partial(apply, flat))
