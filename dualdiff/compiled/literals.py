"""Numbers as LLVM reads them."""

from __future__ import annotations

import struct


def literal(value: float) -> str:
    """A double, to the last bit."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', float(value)))[0]:016X}"
