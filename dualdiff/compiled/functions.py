"""Elementary functions without branches, which LLVM vectorises: sin, cos, exp, log, tanh, ...

Each is correct to about one unit in the last place over its range; outside of the range it raises
a flag, and the kernel takes the C library for that block. Arguments are reduced as usual (Muller,
Elementary Functions, 3rd ed. 2016, 11.2); the series are Taylor's, cut where they reach the last
bit. Products and sums are fused, which the accuracy of the reductions needs.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial

from .literals import SCALAR, Types, literal

QUICK = ("sech_squared",)  # the slope of tanh, which only kernels have
OWN = ("sin", "cos", "exp", "log", "tanh", "expm1", "log1p")
COSTLY = (*OWN, *QUICK, "logaddexp", "share")  # many times the time of an addition
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to an integer, in the lowest bits
# pi/2 and log 2 in parts of 53 bits; the parts of log 2 end early, so that multiples are exact.
_HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33)
_LN2 = (0.6931471803691238, 1.9082149292705877e-10)


class Text:
    """Instructions on doubles, or on vectors of them, with fresh names."""

    def __init__(self, types: Types = SCALAR) -> None:
        self.types, self.lines = types, list[str]()
        self.double, self.bits, self.number = types.double, types.bits, types.number

    def add(self, code: str) -> str:
        """Append an instruction, and return the name of its result."""
        name = f"%t{len(self.lines)}"
        self.lines.append(f"  {name} = {code}")
        return name

    def op(self, name: str, x: str, y: str) -> str:
        return self.add(f"{name} {self.double} {x}, {y}")

    def integer(self, name: str, x: str, y: int | str) -> str:
        """An operation on the bits of doubles and an integer."""
        other = self.types.integer(y) if isinstance(y, int) else y
        return self.add(f"{name} {self.bits} {x}, {other}")

    def call(self, name: str, *x: str) -> str:
        """A function of LLVM."""
        given = ", ".join(f"{self.double} {v}" for v in x)
        return self.add(f"call {self.double} @llvm.{name}.{self.types.suffix}({given})")

    def fma(self, x: str, y: str, z: str) -> str:
        return self.call("fma", x, y, z)

    def negative(self, x: str) -> str:
        return self.add(f"fneg {self.double} {x}")

    def compare(self, test: str, x: str, y: str) -> str:
        return self.add(f"fcmp {test} {self.double} {x}, {y}")

    def choose(self, condition: str, x: str, y: str) -> str:
        return self.add(
            f"select {self.types.truth} {condition}, {self.double} {x}, {self.double} {y}"
        )

    def absolute(self, x: str) -> str:
        return self.call("fabs", x)

    def bits_of(self, x: str) -> str:
        return self.add(f"bitcast {self.double} {x} to {self.bits}")

    def from_bits(self, x: str) -> str:
        return self.add(f"bitcast {self.bits} {x} to {self.double}")

    def series(self, x: str, coefficients: list[Fraction]) -> str:
        """A polynomial, the constant coefficient first."""
        total = self.number(float(coefficients[-1]))
        for c in reversed(coefficients[:-1]):
            total = self.fma(total, x, self.number(float(c)))
        return total

    def nearest(self, x: str, scale: float) -> tuple[str, str]:
        """The integer next to ``x * scale``, as a double and as an i64."""
        shifted = self.fma(x, self.number(scale), self.number(_ROUND))
        whole = self.op("fsub", shifted, self.number(_ROUND))
        return whole, self.bits_of(shifted)

    def power_of_two(self, exponent: str) -> str:
        """``2**n`` for an i64 from -1022 to 1023."""
        biased = self.integer("add", exponent, 1023)
        return self.from_bits(self.integer("shl", biased, 52))

    def signed(self, magnitude: str, x: str) -> str:
        return self.call("copysign", magnitude, x)


def _quadrant(t: Text, x: str, shift: int) -> str:
    """The sine of ``x + shift * pi / 2``."""
    whole, bits = t.nearest(x, 0.6366197723675814)
    minus = t.negative(whole)
    r = x
    for part in _HALF_PI:
        r = t.fma(minus, t.number(part), r)
    square = t.op("fmul", r, r)
    odd = [Fraction((-1) ** k, factorial(2 * k + 1)) for k in range(1, 9)]
    cube = t.op("fmul", square, r)
    sine = t.fma(t.series(square, odd), cube, r)
    even = [Fraction((-1) ** k, factorial(2 * k)) for k in range(2, 9)]
    half = t.op("fmul", square, t.number(0.5))
    head = t.op("fsub", t.number(1.0), half)
    lost = t.op("fsub", t.op("fsub", t.number(1.0), head), half)
    fourth = t.op("fmul", square, square)
    cosine = t.op("fadd", head, t.fma(t.series(square, even), fourth, lost))
    turned = t.integer("add", bits, shift)
    odd_bit = t.integer("and", turned, 1)
    is_odd = t.integer("icmp ne", odd_bit, 0)
    value = t.choose(is_odd, cosine, sine)
    second = t.integer("and", turned, 2)
    is_lower = t.integer("icmp ne", second, 0)
    return t.choose(is_lower, t.negative(value), value)


def _reduced(t: Text, x: str) -> tuple[str, str, str]:
    """``expm1`` of the rest of x beside a multiple of log 2, in two parts, and the multiple."""
    whole, bits = t.nearest(x, 1.4426950408889634)
    minus = t.negative(whole)
    high = t.fma(minus, t.number(_LN2[0]), x)
    low = t.op("fmul", whole, t.number(_LN2[1]))
    r = t.op("fsub", high, low)
    lost = t.op("fsub", t.op("fsub", high, r), low)
    square = t.op("fmul", r, r)
    rest = t.series(r, [Fraction(1, factorial(k)) for k in range(2, 15)])
    tail = t.fma(rest, square, t.fma(lost, r, lost))
    magic = int(literal(_ROUND), 16)
    exponent = t.integer("sub", bits, magic)
    return r, tail, exponent


def _clamped(t: Text, x: str, least: float, most: float) -> str:
    low = t.choose(t.compare("olt", x, t.number(least)), t.number(least), x)
    return t.choose(t.compare("ogt", low, t.number(most)), t.number(most), low)


def _exp(t: Text, x: str) -> str:
    r, tail, exponent = _reduced(t, _clamped(t, x, -800.0, 800.0))
    return _scaled(t, t.op("fadd", t.number(1.0), t.op("fadd", r, tail)), exponent)


def _scaled(t: Text, x: str, exponent: str) -> str:
    """``x * 2**exponent``, also where that is no normal number."""
    half = t.integer("ashr", exponent, 1)
    rest = t.integer("sub", exponent, half)
    return t.op("fmul", t.op("fmul", x, t.power_of_two(half)), t.power_of_two(rest))


def _expm1(t: Text, x: str) -> str:
    r, tail, exponent = _reduced(t, _clamped(t, x, -50.0, 709.0))
    scale, p = t.power_of_two(exponent), t.op("fadd", r, tail)
    return t.fma(scale, p, t.op("fsub", scale, t.number(1.0)))


def _log_of(t: Text, x: str) -> tuple[str, str]:
    """The logarithm of a normal number as a large and a small part."""
    bits = t.bits_of(x)
    # The mantissa from sqrt(1/2) to sqrt(2), and the exponent.
    moved = t.integer("sub", bits, 4604544271217802189)
    exponent = t.integer("ashr", moved, 52)
    shifted = t.integer("shl", exponent, 52)
    mantissa = t.integer("sub", bits, shifted)
    m = t.from_bits(mantissa)
    whole = t.add(f"sitofp {t.bits} {exponent} to {t.double}")
    f = t.op("fsub", m, t.number(1.0))
    s = t.op("fdiv", f, t.op("fadd", t.number(2.0), f))
    square = t.op("fmul", s, s)
    series = t.series(square, [Fraction(2, 2 * k + 1) for k in range(1, 12)])
    half = t.op("fmul", t.op("fmul", t.number(0.5), f), f)
    # log(1 + f) = f - (f**2/2 - s (f**2/2 + R)), where R is the series times s**2.
    inner = t.op("fmul", s, t.fma(series, square, half))
    low = t.fma(whole, t.number(_LN2[1]), inner)
    small = t.op("fsub", f, t.op("fsub", half, low))
    return t.op("fmul", whole, t.number(_LN2[0])), small


def _log(t: Text, x: str) -> str:
    return t.op("fadd", *_log_of(t, x))


def _log1p(t: Text, x: str) -> str:
    u = t.op("fadd", t.number(1.0), x)
    large, small = _log_of(t, u)
    rounding = t.op("fsub", x, t.op("fsub", u, t.number(1.0)))
    is_large = t.compare("oge", u, t.number(2.0))
    other = t.op("fsub", t.number(1.0), t.op("fsub", u, x))
    lost = t.op("fdiv", t.choose(is_large, other, rounding), u)
    return t.op("fadd", large, t.op("fadd", small, lost))


class _Falling:
    """For ``e = exp(-2 |x|)``: its parts ``value`` and a power of two, ``e - 1`` in two parts, and
    ``1 / (1 + e)`` with its rest.

    tanh and its slope begin in this way, so that LLVM computes it once for both.
    """

    def __init__(self, t: Text, x: str) -> None:
        y, least = t.op("fmul", t.absolute(x), t.number(-2.0)), t.number(-800.0)
        r, tail, self.exponent = _reduced(t, t.choose(t.compare("olt", y, least), least, y))
        one, two = t.number(1.0), t.number(2.0)
        p = t.op("fadd", r, tail)
        self.value = t.op("fadd", one, p)
        scale = _scaled(t, one, self.exponent)
        below = t.op("fsub", scale, one)
        self.high = t.fma(scale, p, below)
        rest = t.fma(scale, p, t.op("fsub", below, self.high))
        rest = t.op("fadd", rest, t.op("fsub", scale, t.op("fadd", below, one)))
        self.low = t.fma(scale, t.op("fadd", t.op("fsub", r, p), tail), rest)
        total = t.op("fadd", two, self.high)
        lost = t.op("fadd", t.op("fadd", t.op("fsub", two, total), self.high), self.low)
        self.inverse = t.op("fdiv", one, total)
        minus = t.negative(self.inverse)
        self.rest = t.fma(minus, lost, t.fma(minus, total, one))


def _tanh(t: Text, x: str) -> str:
    """``(1 - e) / (1 + e)``, where each part has its rest."""
    f = _Falling(t, x)
    first = t.op("fmul", t.negative(f.high), f.inverse)
    lost = t.op("fsub", t.fma(t.negative(f.high), f.inverse, t.negative(first)),
                t.op("fmul", f.low, f.inverse))  # fmt: skip
    return t.signed(t.op("fadd", first, t.fma(first, f.rest, lost)), x)


def _sech_squared(t: Text, x: str) -> str:
    """``4 e / (1 + e)**2``."""
    f = _Falling(t, x)
    inverse = t.fma(f.rest, f.inverse, f.inverse)
    double = t.op("fadd", inverse, inverse)
    return _scaled(t, t.op("fmul", f.value, t.op("fmul", double, double)), f.exponent)


_BODIES = {
    "sin": lambda t, x: _quadrant(t, x, 0),
    "cos": lambda t, x: _quadrant(t, x, 1),
    "exp": _exp,
    "log": _log,
    "tanh": _tanh,
    "sech_squared": _sech_squared,
    "expm1": _expm1,
    "log1p": _log1p,
}
# Where a function holds: the comparison with its argument, or its size, that says so.
_RANGES = {
    "sin": ("size", "olt", 3e5), "cos": ("size", "olt", 3e5), "exp": ("x", "ord", 0.0),
    "log": ("x", "oge", 2.2250738585072014e-308), "tanh": ("x", "ord", 0.0),
    "sech_squared": ("x", "ord", 0.0),
    "expm1": ("x", "olt", 709.0), "log1p": ("x", "ogt", -0.999),
}  # fmt: skip
_MOST = {"log": 1.7e308, "log1p": 1e300}


def definitions(names: set[str], types: Types = SCALAR) -> list[str]:
    """The text of some functions, ``@own.sin`` and so on, and of the tests of their ranges."""
    d, suffix = types.double, types.suffix
    lines = [
        f"declare {d} @llvm.fma.{suffix}({d}, {d}, {d})",
        f"declare {d} @llvm.fabs.{suffix}({d})",
        f"declare {d} @llvm.copysign.{suffix}({d}, {d})",
    ]
    for name in sorted(names):
        t = Text(types)
        result = _BODIES[name](t, "%x")
        head = f"define internal {d} @own.{name}({d} %x) #3 {{"
        lines += [head, *t.lines, f"  ret {d} {result}", "}"]
        t = Text(types)
        which, test, limit = _RANGES[name]
        holds = t.compare(test, t.absolute("%x") if which == "size" else "%x", t.number(limit))
        if name in _MOST:
            below = t.compare("olt", "%x", t.number(_MOST[name]))
            holds = t.add(f"and {types.truth} {holds}, {below}")
        outside = t.add(f"xor {types.truth} {holds}, {types.truths(True)}")
        head = f"define internal {types.truth} @outside.{name}({d} %x) #3 {{"
        lines += [head, *t.lines, f"  ret {types.truth} {outside}", "}"]
    return lines
