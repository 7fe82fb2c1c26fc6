"""Forward- and reverse-mode automatic differentiation for the NumPy and SciPy programs you have."""

from typing import Any as _Any

from . import extend, numpy, scipy
from ._memory import keep_released_memory
from .checking import check_grads
from .core.errors import DualdiffError
from .debug import debug_nans
from .numpy.patch import patch_numpy
from .operators.complex import wirtinger
from .operators.control import checkpoint, stop_gradient, value_of
from .operators.first_order import derivative, elementwise_grad, grad, jvp, value_and_grad, vjp
from .operators.jacobian import jacobian, plan
from .operators.linearize import linearize
from .operators.second_order import ggn_vp, hessian, hessian_operator, hvp
from .operators.sparsity import hessian_sparsity, sparsity

__version__ = "0.1.0"

keep_released_memory()

__all__ = [
    "DualdiffError",
    "check_grads",
    "checkpoint",
    "debug_nans",
    "derivative",
    "elementwise_grad",
    "extend",
    "ggn_vp",
    "grad",
    "hessian",
    "hessian_operator",
    "hessian_sparsity",
    "hvp",
    "jacobian",
    "jvp",
    "linearize",
    "numpy",
    "patch_numpy",
    "plan",
    "prepare_hessian",
    "prepare_jacobian",
    "scipy",
    "sparsity",
    "stop_gradient",
    "value_and_grad",
    "value_of",
    "vjp",
    "wirtinger",
]


def __getattr__(name: str) -> _Any:
    if name in ("prepare_hessian", "prepare_jacobian"):  # they load SciPy
        from .operators import prepared

        return getattr(prepared, name)
    raise AttributeError(f"module 'dualdiff' has no attribute {name!r}")
