"""Rules of your own, for functions that dualdiff cannot see into, or should not.

`elementwise`, `linear`, `bilinear`, `rule` and `primitive` take functions of arrays; `custom_jvp`
and `custom_vjp` take functions of containers too; `register` gives a rule to a function that
dispatches as NumPy's do. Functions and rules receive copies, which they may change. A rule takes
one direction and is called once per direction, unless it is declared `batched`: then tangents and
cotangents may carry a batch axis, in front of the axes of their primal.
"""

from ..rules import structures
from .functions import custom_jvp, custom_vjp
from .primitives import bilinear, elementwise, linear, primitive, register, rule

__all__ = [
    "bilinear",
    "custom_jvp",
    "custom_vjp",
    "elementwise",
    "linear",
    "primitive",
    "register",
    "rule",
    "structures",
]


def __dir__() -> list[str]:
    return __all__
