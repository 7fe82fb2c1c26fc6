"""Types and numbers as LLVM reads them."""

from __future__ import annotations

import struct


def literal(value: float) -> str:
    """A double, to the last bit."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', float(value)))[0]:016X}"


class Types:
    """The types of a value, of its bits and of a truth value; or of vectors with some lanes."""

    def __init__(self, lanes: int = 1) -> None:
        self.lanes = lanes
        self.double, self.bits, self.truth = (
            name if lanes == 1 else f"<{lanes} x {name}>" for name in ("double", "i64", "i1")
        )
        self.suffix = "f64" if lanes == 1 else f"v{lanes}f64"  # of the names of intrinsics

    def number(self, value: float) -> str:
        """A double, the same in all lanes."""
        return self._spread("double", literal(value))

    def integer(self, value: int) -> str:
        """An integer, the same in all lanes."""
        return self._spread("i64", str(value))

    def truths(self, value: bool) -> str:
        """A truth value, the same in all lanes."""
        return self._spread("i1", str(value).lower())

    def _spread(self, kind: str, text: str) -> str:
        return text if self.lanes == 1 else f"<{', '.join([f'{kind} {text}'] * self.lanes)}>"


SCALAR = Types()
