"""Forward- and reverse-mode automatic differentiation for the NumPy and SciPy programs you have."""

from typing import Any as _Any

from . import errors, extend, numpy, scipy
from .bridges import from_jax, from_torch, to_jax, to_torch
from .core.memory import keep_released_memory
from .debug import debug_nans, debug_paths
from .errors import DualdiffError
from .explaining import explain
from .patching import patch, patch_numpy
from .rules import dask as _dask
from .rules.numpy.linalg.matrices import symmetrize
from .settings import config
from .sparse.sparsity import hessian_sparsity, sparsity
from .testing import check_grads
from .transforms.checkpoint import checkpoint, stop_gradient, value_of
from .transforms.grad import derivative, elementwise_grad, grad, value_and_grad
from .transforms.hessian import ggn_vp, hessian, hessian_operator, hvp
from .transforms.jacobian import jacobian, plan
from .transforms.jvp_vjp import jvp, vjp
from .transforms.linearize import linearize
from .transforms.map_reduce import map_reduce
from .transforms.wirtinger import wirtinger

__version__ = "0.2.0"

keep_released_memory()
_dask.install()

__all__ = [
    "DualdiffError",
    "check_grads",
    "checkpoint",
    "compile",
    "config",
    "debug_nans",
    "debug_paths",
    "derivative",
    "elementwise_grad",
    "errors",
    "explain",
    "extend",
    "from_jax",
    "from_torch",
    "ggn_vp",
    "grad",
    "hessian",
    "hessian_operator",
    "hessian_sparsity",
    "hvp",
    "implicit",
    "jacobian",
    "jvp",
    "linear_solve",
    "linearize",
    "load_compiled",
    "map_reduce",
    "numpy",
    "optimize",
    "patch",
    "patch_numpy",
    "plan",
    "prepare_hessian",
    "prepare_jacobian",
    "scipy",
    "sparsity",
    "stop_gradient",
    "symmetrize",
    "to_jax",
    "to_torch",
    "value_and_grad",
    "value_of",
    "vectorize",
    "vjp",
    "wirtinger",
]


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> _Any:
    if name in ("optimize", "sklearn"):  # they load scipy.optimize and scikit-learn
        import importlib

        return importlib.import_module(f".{name}", __name__)
    if name in ("prepare_hessian", "prepare_jacobian"):  # they load SciPy
        from .sparse import prepared

        return getattr(prepared, name)
    if name in ("implicit", "linear_solve"):
        from .transforms import implicit, linear_solve

        return getattr({"implicit": implicit, "linear_solve": linear_solve}[name], name)
    if name in ("compile", "load_compiled", "vectorize"):
        from . import compiled

        return getattr(compiled, name)
    raise AttributeError(f"module 'dualdiff' has no attribute {name!r}")
