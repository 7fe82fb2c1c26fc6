"""autograd.numpy.numpy_boxes: the class of traced arrays."""

from __future__ import annotations

from ..builtins import SequenceBox
from ..tracer import Box

__all__ = ["ArrayBox", "Box", "SequenceBox"]


class ArrayBox(Box):
    """The class of traced arrays and numbers, for `isinstance`: dualdiff's own are its instances.

    They have the methods and attributes of NumPy's arrays.
    """
