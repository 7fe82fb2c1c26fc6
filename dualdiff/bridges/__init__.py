"""Functions of dualdiff in PyTorch and JAX, and theirs here; nothing is imported before its use."""

from .foreign import from_jax, from_torch
from .into_jax import to_jax
from .into_torch import to_torch

__all__ = ["from_jax", "from_torch", "to_jax", "to_torch"]
