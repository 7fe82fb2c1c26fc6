"""autograd.scipy: `dualdiff.scipy` under autograd's names."""

from .... import scipy as _scipy
from .._mirrors import mirrored
from . import signal

linalg = mirrored(__name__, "linalg", _scipy.linalg)
special = mirrored(__name__, "special", _scipy.special)

__all__ = ["linalg", "signal", "special"]
