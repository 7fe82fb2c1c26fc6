"""Elementary functions without branches, which LLVM vectorises: sin, cos, exp, log, tanh, ...

Each is correct to about one unit in the last place over its range; outside of the range it raises
a flag, and the kernel takes the C library for that block. Arguments are reduced as usual (Muller,
Elementary Functions, 3rd ed. 2016, 11.2); the polynomials are Taylor's, economised until they just
reach the last bit. Products and sums are fused, which the accuracy of the reductions needs.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fractions import Fraction
from math import factorial

from .literals import SCALAR, Types

QUICK = ("sech_squared",)  # the slope of tanh, which only kernels have
OWN = ("sin", "cos", "exp", "log", "tanh", "expm1", "log1p")
COSTLY = (*OWN, *QUICK, "logaddexp", "share")  # many times the time of an addition
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to an integer, in the lowest bits
_BIAS = 1023  # of the exponents of doubles
_UNIT = 1 << 200  # of fractions as integers
# A parabola p near 1/d from 1 to 2, where 1 - d p(d) is Chebyshev's cubic, 1/99 at most.
_INVERSE = (70 / 33, -16 / 11, 32 / 99)
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

    def polynomial(self, x: str, coefficients: Sequence[Fraction | float]) -> str:
        """A polynomial by Horner's rule, the constant coefficient first."""
        total = self.number(float(coefficients[-1]))
        for c in reversed(coefficients[:-1]):
            total = self.fma(total, x, self.number(float(c)))
        return total

    def series(self, x: str, square: str, coefficients: Sequence[Fraction]) -> str:
        """The same, but its even and odd powers do not wait for each other."""
        even, odd = (self.polynomial(square, coefficients[k::2]) for k in (0, 1))
        return self.fma(odd, x, even)

    def nearest(self, x: str, scale: float, above: int = 0) -> tuple[str, str]:
        """The integer next to ``x * scale``, as a double, and as the lowest bits of an i64 to which
        `above` is added."""
        shift = self.number(_ROUND + above)
        shifted = self.fma(x, self.number(scale), shift)
        return self.op("fsub", shifted, shift), self.bits_of(shifted)

    def power_of_two(self, exponent: str) -> str:
        """A power of two whose biased exponent is in the lowest bits of an i64."""
        return self.from_bits(self.integer("shl", exponent, 52))

    def signed(self, magnitude: str, x: str) -> str:
        return self.call("copysign", magnitude, x)


@functools.cache
def _chebyshev(n: int) -> list[int]:
    """The coefficients of Chebyshev's polynomial."""
    if n < 2:
        return [1] if n == 0 else [0, 1]
    found = [0, *(2 * c for c in _chebyshev(n - 1))]
    for k, c in enumerate(_chebyshev(n - 2)):
        found[k] -= c
    return found


@functools.cache
def economised(
    taylor: tuple[Fraction, ...], radius: Fraction, count: int, step: int = 1
) -> tuple[Fraction, ...]:
    """A polynomial of ``x**step`` with fewer coefficients, as good as any from -radius to radius.

    Its highest power gives way to a multiple of Chebyshev's polynomial, one after the other
    (Lanczos, Applied Analysis, 1956, 7.8).
    """
    places = range(0, step * len(taylor), step)
    found = [round(c * radius**n * _UNIT) for n, c in zip(places, taylor, strict=True)]
    while len(found) > count:
        n, highest = places[len(found) - 1], found.pop()
        for k in range(len(found)):
            found[k] -= highest * _chebyshev(n)[places[k]] >> (n - 1)
    return tuple(Fraction(c, _UNIT) / radius**n for n, c in zip(places, found, strict=False))


def _exponential() -> tuple[Fraction, ...]:
    """The series of exp without its first two terms, for the rest beside a multiple of log 2."""
    taylor = tuple(Fraction(1, factorial(k)) for k in range(2, 18))
    return economised(taylor, Fraction(3466, 10_000), 11)


def _turned(first: int, count: int) -> tuple[Fraction, ...]:
    """The series of sin or cos without its first terms, for angles up to pi/4."""
    powers = range(first, first + 20, 2)
    taylor = tuple(Fraction((-1) ** (k // 2), factorial(k)) for k in powers)
    return economised(taylor, Fraction(7855, 10_000), count, 2)


def _logarithm() -> tuple[Fraction, ...]:
    """The series of ``log((1 + s) / (1 - s)) / s`` without its first term."""
    taylor = tuple(Fraction(2, 2 * k + 1) for k in range(1, 18))
    return economised(taylor, Fraction(1716, 10_000), 8, 2)


def _quadrant(t: Text, x: str, shift: int) -> str:
    """The sine of ``x + shift * pi / 2``."""
    whole, bits = t.nearest(x, 0.6366197723675814)
    minus = t.negative(whole)
    r = x
    for part in _HALF_PI:
        r = t.fma(minus, t.number(part), r)
    square = t.op("fmul", r, r)
    cube, fourth = t.op("fmul", square, r), t.op("fmul", square, square)
    sine = t.fma(t.series(square, fourth, _turned(3, 7)), cube, r)
    half = t.op("fmul", square, t.number(0.5))
    head = t.op("fsub", t.number(1.0), half)
    lost = t.op("fsub", t.op("fsub", t.number(1.0), head), half)
    cosine = t.op("fadd", head, t.fma(t.series(square, fourth, _turned(4, 6)), fourth, lost))
    turned = t.integer("add", bits, shift)
    odd_bit = t.integer("and", turned, 1)
    is_odd = t.integer("icmp ne", odd_bit, 0)
    value = t.choose(is_odd, cosine, sine)
    second = t.integer("and", turned, 2)
    is_lower = t.integer("icmp ne", second, 0)
    return t.choose(is_lower, t.negative(value), value)


def _reduced(t: Text, x: str, above: int = _BIAS) -> tuple[str, str, str, str]:
    """The rest r of x beside a multiple of log 2, what is lost of it, ``exp(r) - 1 - r``, and the
    multiple, to which `above` is added."""
    whole, exponent = t.nearest(x, 1.4426950408889634, above)
    minus, small = t.negative(whole), t.number(_LN2[1])
    high = t.fma(minus, t.number(_LN2[0]), x)
    r = t.fma(minus, small, high)
    lost = t.fma(minus, small, t.op("fsub", high, r))
    square = t.op("fmul", r, r)
    return r, lost, t.op("fmul", square, t.series(r, square, _exponential())), exponent


def _clamped(t: Text, x: str, least: float, most: float) -> str:
    low = t.choose(t.compare("olt", x, t.number(least)), t.number(least), x)
    return t.choose(t.compare("ogt", low, t.number(most)), t.number(most), low)


def _exp(t: Text, x: str) -> str:
    r, _, tail, exponent = _reduced(t, _clamped(t, x, -800.0, 800.0), 2 * _BIAS)
    value = t.op("fadd", t.number(1.0), t.op("fadd", r, tail))
    for power in _halves(t, exponent):
        value = t.op("fmul", value, power)
    return value


def _halves(t: Text, exponent: str) -> list[str]:
    """Two powers of two whose product has the exponent, and may be no normal number; the exponent
    has twice the bias."""
    following = t.integer("add", exponent, 1)
    return [t.power_of_two(t.integer("lshr", e, 1)) for e in (exponent, following)]


def _expm1(t: Text, x: str) -> str:
    r, lost, tail, exponent = _reduced(t, _clamped(t, x, -50.0, 709.0))
    scale = t.power_of_two(exponent)
    value, low = _parts(t, r, tail)
    return t.fma(scale, t.fma(lost, value, low), t.fma(scale, value, t.number(-1.0)))


def _parts(t: Text, r: str, tail: str) -> tuple[str, str]:
    """``1 + r + tail``, and what is lost of it."""
    one = t.number(1.0)
    value = t.op("fadd", one, t.op("fadd", r, tail))
    return value, t.op("fadd", t.op("fsub", r, t.op("fsub", value, one)), tail)


def _log_of(t: Text, x: str) -> tuple[str, str, str]:
    """The logarithm of a normal number as a large and a small part, and ``1 / x`` to one digit,
    which is exact at 1."""
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
    series = t.series(square, t.op("fmul", square, square), _logarithm())
    half = t.op("fmul", t.op("fmul", t.number(0.5), f), f)
    # log(1 + f) = f - (f**2/2 - s (f**2/2 + R)), where R is the series times s**2.
    inner = t.op("fmul", s, t.fma(series, square, half))
    low = t.fma(whole, t.number(_LN2[1]), inner)
    small = t.op("fsub", f, t.op("fsub", half, low))
    power = t.from_bits(t.add(f"sub {t.bits} {t.bits_of(t.number(1.0))}, {shifted}"))
    inverse = t.op("fmul", t.polynomial(f, (1.0, -1.0, 1.0, -1.0)), power)
    return t.op("fmul", whole, t.number(_LN2[0])), small, inverse


def _log(t: Text, x: str) -> str:
    large, small, _ = _log_of(t, x)
    return t.op("fadd", large, small)


def _log1p(t: Text, x: str) -> str:
    u = t.op("fadd", t.number(1.0), x)
    large, small, inverse = _log_of(t, u)
    rounding = t.op("fsub", x, t.op("fsub", u, t.number(1.0)))
    is_large = t.compare("oge", u, t.number(2.0))
    other = t.op("fsub", t.number(1.0), t.op("fsub", u, x))
    return t.op("fadd", large, t.fma(t.choose(is_large, other, rounding), inverse, small))


class _Falling:
    """For ``e = exp(-2 |x|)``: its value and two powers of two as factors, ``d = 1 + e`` with the
    rest that is lost, and about ``1 / d``.

    tanh and its slope begin in this way, so that LLVM computes it once for both.
    """

    def __init__(self, t: Text, x: str) -> None:
        y, least = t.op("fmul", t.absolute(x), t.number(-2.0)), t.number(-800.0)
        y = t.choose(t.compare("olt", y, least), least, y)
        r, _, tail, exponent = _reduced(t, y, 2 * _BIAS)
        one = t.number(1.0)
        self.value, low = _parts(t, r, tail)
        self.powers = _halves(t, exponent)
        scale = t.op("fmul", *self.powers)
        self.d = t.fma(scale, self.value, one)
        self.lost = t.fma(scale, low, t.fma(scale, self.value, t.op("fsub", one, self.d)))
        # A parabola, a step of third order and one of second order: less work than a division.
        z = t.polynomial(self.d, _INVERSE)
        minus = t.negative(self.d)
        rest = t.fma(minus, z, one)
        z = t.fma(z, t.fma(rest, rest, rest), z)
        self.inverse = t.fma(z, t.fma(minus, z, one), z)


def _tanh(t: Text, x: str) -> str:
    """``(2 - d) / d``: about that, and the remainder of the division."""
    f, one, two = _Falling(t, x), t.number(1.0), t.number(2.0)
    above = t.op("fsub", two, f.d)
    first = t.op("fmul", t.op("fsub", above, f.lost), f.inverse)
    rest = t.fma(t.negative(first), f.d, above)
    rest = t.fma(t.negative(f.lost), t.op("fadd", one, first), rest)
    return t.signed(t.fma(rest, f.inverse, first), x)


def _sech_squared(t: Text, x: str) -> str:
    """``4 e / d**2``."""
    f = _Falling(t, x)
    minus = t.negative(f.inverse)
    rest = t.fma(minus, f.lost, t.fma(minus, f.d, t.number(1.0)))
    inverse = t.fma(rest, f.inverse, f.inverse)
    double = t.op("fadd", inverse, inverse)
    value = t.op("fmul", f.value, t.op("fmul", double, double))
    for power in f.powers:
        value = t.op("fmul", value, power)
    return value


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
_KEEPS_ZERO = frozenset(("sin", "expm1", "log1p"))  # sums of theirs would lose the sign of a zero


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
        if name in _KEEPS_ZERO:
            result = t.choose(t.compare("oeq", "%x", t.number(0.0)), "%x", result)
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
