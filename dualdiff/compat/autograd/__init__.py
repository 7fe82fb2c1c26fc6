"""autograd's package as dualdiff runs it: the same names over dualdiff's operators and rules.

``from dualdiff.compat import autograd`` in place of ``import autograd``, or
`dualdiff.compat.install` for packages that import autograd themselves. See docs/from_autograd.md.
"""

from . import numpy
from .builtins import dict, isinstance, list, tuple, type
from .core import primitive_jvps, primitive_vjps
from .differential_operators import (
    checkpoint,
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    grad_named,
    hessian,
    hessian_tensor_product,
    hessian_vector_product,
    holomorphic_grad,
    jacobian,
    make_ggnvp,
    make_hvp,
    make_jvp,
    make_vjp,
    multigrad_dict,
    tensor_jacobian_product,
    value_and_grad,
    vector_jacobian_product,
)
from .tracer import primitive

egrad = elementwise_grad
__version__ = "1.9.1"  # the version whose interface this is

__all__ = [
    "checkpoint",
    "deriv",
    "dict",
    "egrad",
    "elementwise_grad",
    "grad",
    "grad_and_aux",
    "grad_named",
    "hessian",
    "hessian_tensor_product",
    "hessian_vector_product",
    "holomorphic_grad",
    "isinstance",
    "jacobian",
    "list",
    "make_ggnvp",
    "make_hvp",
    "make_jvp",
    "make_vjp",
    "multigrad_dict",
    "numpy",
    "primitive",
    "primitive_jvps",
    "primitive_vjps",
    "tensor_jacobian_product",
    "tuple",
    "type",
    "value_and_grad",
    "vector_jacobian_product",
]
