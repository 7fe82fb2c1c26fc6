"""dualdiff and its peers behind one face: the same program, the same operators.

A program is written once, as ``f(xp, x, *constants)``, where `xp` is NumPy for dualdiff and the
peer's own namespace for a peer. A peer that is not installed does not take part.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import optree

import dualdiff as dd

from .harness import Run

Operator = Callable[..., Callable[..., Any]]


@dataclass
class Peer:
    """A library: its NumPy, how it takes arrays, and its operators ``op(f)(x, *constants)``."""

    name: str
    xp: Any
    convert: Callable[[Any], Any]
    operators: dict[str, Operator]


def _same(x: Any) -> Any:
    return x


def _dualdiff() -> Peer:
    operators: dict[str, Operator] = {
        "grad": dd.grad,
        "jvp": lambda f: lambda x, t: dd.jvp(f, (x,), (t,))[1],
        "hvp": dd.hvp,
        "hessian": dd.hessian,
        "forward jacobian": functools.partial(dd.jacobian, mode="forward"),
        "reverse jacobian": functools.partial(dd.jacobian, mode="reverse"),
    }
    return Peer("dualdiff", np, _same, operators)


def _autograd() -> Peer:
    import autograd
    import autograd.numpy as anp

    # It has no Jacobian in forward mode.
    operators: dict[str, Operator] = {
        "grad": autograd.grad,
        "jvp": lambda f: lambda x, t: autograd.make_jvp(f)(x)(t)[1],
        "hvp": autograd.hessian_vector_product,
        "hessian": autograd.hessian,
        "reverse jacobian": autograd.jacobian,
    }
    return Peer("autograd", anp, _same, operators)


def _torch() -> Peer:
    import torch

    torch.set_num_threads(1)

    def tensor(x: Any) -> Any:
        return torch.tensor(x, dtype=torch.float64)

    def grad(f: Callable[..., Any]) -> Callable[..., Any]:
        def gradient(x: Any, *constants: Any) -> Any:
            leaves, structure = optree.tree_flatten(x)
            traced = [leaf.detach().requires_grad_() for leaf in leaves]
            value = f(optree.tree_unflatten(structure, traced), *constants)
            return optree.tree_unflatten(structure, torch.autograd.grad(value, traced))

        return gradient

    func = torch.func

    def hvp(f: Callable[..., Any]) -> Callable[..., Any]:
        def product(x: Any, *rest: Any) -> Any:
            *constants, v = rest
            return func.jvp(lambda x: func.grad(f)(x, *constants), (x,), (v,))[1]

        return product

    operators: dict[str, Operator] = {
        "grad": grad,
        "jvp": lambda f: lambda x, t: func.jvp(f, (x,), (t,))[1],
        "hvp": hvp,
        "hessian": func.hessian,
        "forward jacobian": func.jacfwd,
        "reverse jacobian": func.jacrev,
    }
    names = ("cos", "cumsum", "exp", "log", "mean", "prod", "sin", "sqrt", "sum", "tanh")
    xp = SimpleNamespace(
        array=torch.stack,
        concatenate=torch.cat,
        max=torch.amax,
        logaddexp=lambda constant, x: torch.logaddexp(tensor(constant), x),
        **{name: getattr(torch, name) for name in names},
    )
    return Peer("torch", xp, tensor, operators)


@functools.cache
def peers() -> tuple[Peer, ...]:
    """dualdiff and the peers that are installed."""
    found = [_dualdiff()]
    for load in (_autograd, _torch):
        try:
            found.append(load())
        except ImportError:
            continue
    return tuple(found)


def compare(
    operator: str,
    f: Callable[..., Any],
    x: Any,
    *constants: Any,
    direction: Any = None,
    without: tuple[str, ...] = (),
) -> dict[str, Run]:
    """The runs of a workload: the function, and its derivative by everybody who has the operator.

    Arguments: `f(xp, x, *constants)`; `direction`, the tangent or vector of "jvp" and "hvp";
    `without`, peers that cannot run the program.
    """
    runs: dict[str, Run] = {"function": functools.partial(f, np, x, *constants)}
    rest = constants if direction is None else (*constants, direction)
    for peer in peers():
        if operator in peer.operators and peer.name not in without:
            derivative = peer.operators[operator](functools.partial(f, peer.xp))
            arguments = optree.tree_map(peer.convert, (x, *rest))
            runs[peer.name] = functools.partial(derivative, *arguments)
    return runs
