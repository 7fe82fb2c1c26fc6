"""Names for the roles of a value. Each is `Any`: a number, an array, or a box of any trace."""

from typing import Any

Value = Any  # a primal: an operand, a parameter that is an array, or a result
Tangent = Any  # of a primal: its dtype, and its shape behind the batch axis
Cotangent = Any  # likewise
Residuals = Any  # the values that a primitive keeps for its jvp and vjp
Slot = int  # the number that stands for a value on a tape; 0 stands for constants
