"""Elementary functions without branches, which LLVM vectorises: sin, cos, exp, log, tanh, ...

Each is correct to about one unit in the last place over its range; outside of the range it raises
a flag, and the kernel takes the C library for that block. Arguments are reduced as usual (Muller,
Elementary Functions, 3rd ed. 2016, 11.2); the series are Taylor's, cut where they reach the last
bit. Products and sums are fused, which the accuracy of the reductions needs.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial

from .literals import literal

OWN = ("sin", "cos", "exp", "log", "tanh", "expm1", "log1p")
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to an integer, in the lowest bits
# pi/2 and log 2 in parts of 53 bits; the parts of log 2 end early, so that multiples are exact.
_HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33)
_LN2 = (0.6931471803691238, 1.9082149292705877e-10)


class Text:
    """Instructions on doubles, with fresh names."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, code: str) -> str:
        """Append an instruction, and return the name of its result."""
        name = f"%t{len(self.lines)}"
        self.lines.append(f"  {name} = {code}")
        return name

    def op(self, name: str, x: str, y: str) -> str:
        return self.add(f"{name} double {x}, {y}")

    def fma(self, x: str, y: str, z: str) -> str:
        return self.add(f"call double @llvm.fma.f64(double {x}, double {y}, double {z})")

    def compare(self, test: str, x: str, y: str) -> str:
        return self.add(f"fcmp {test} double {x}, {y}")

    def choose(self, condition: str, x: str, y: str) -> str:
        return self.add(f"select i1 {condition}, double {x}, double {y}")

    def absolute(self, x: str) -> str:
        return self.add(f"call double @llvm.fabs.f64(double {x})")

    def series(self, x: str, coefficients: list[Fraction]) -> str:
        """A polynomial, the constant coefficient first."""
        total = literal(float(coefficients[-1]))
        for c in reversed(coefficients[:-1]):
            total = self.fma(total, x, literal(float(c)))
        return total

    def nearest(self, x: str, scale: float) -> tuple[str, str]:
        """The integer next to ``x * scale``, as a double and as an i64."""
        shifted = self.fma(x, literal(scale), literal(_ROUND))
        whole = self.op("fsub", shifted, literal(_ROUND))
        return whole, self.add(f"bitcast double {shifted} to i64")

    def power_of_two(self, exponent: str) -> str:
        """``2**n`` for an i64 from -1022 to 1023."""
        biased = self.add(f"add i64 {exponent}, 1023")
        bits = self.add(f"shl i64 {biased}, 52")
        return self.add(f"bitcast i64 {bits} to double")

    def signed(self, magnitude: str, x: str) -> str:
        return self.add(f"call double @llvm.copysign.f64(double {magnitude}, double {x})")


def _quadrant(t: Text, x: str, shift: int) -> str:
    """The sine of ``x + shift * pi / 2``."""
    whole, bits = t.nearest(x, 0.6366197723675814)
    minus = t.add(f"fneg double {whole}")
    r = x
    for part in _HALF_PI:
        r = t.fma(minus, literal(part), r)
    square = t.op("fmul", r, r)
    odd = [Fraction((-1) ** k, factorial(2 * k + 1)) for k in range(1, 9)]
    cube = t.op("fmul", square, r)
    sine = t.fma(t.series(square, odd), cube, r)
    even = [Fraction((-1) ** k, factorial(2 * k)) for k in range(2, 9)]
    half = t.op("fmul", square, literal(0.5))
    head = t.op("fsub", literal(1.0), half)
    lost = t.op("fsub", t.op("fsub", literal(1.0), head), half)
    fourth = t.op("fmul", square, square)
    cosine = t.op("fadd", head, t.fma(t.series(square, even), fourth, lost))
    turned = t.add(f"add i64 {bits}, {shift}")
    odd_bit = t.add(f"and i64 {turned}, 1")
    is_odd = t.add(f"icmp ne i64 {odd_bit}, 0")
    value = t.choose(is_odd, cosine, sine)
    second = t.add(f"and i64 {turned}, 2")
    is_lower = t.add(f"icmp ne i64 {second}, 0")
    return t.choose(is_lower, t.add(f"fneg double {value}"), value)


def _reduced(t: Text, x: str) -> tuple[str, str]:
    """``expm1`` of the rest of x beside a multiple of log 2, and the multiple."""
    whole, bits = t.nearest(x, 1.4426950408889634)
    minus = t.add(f"fneg double {whole}")
    high = t.fma(minus, literal(_LN2[0]), x)
    low = t.op("fmul", whole, literal(_LN2[1]))
    r = t.op("fsub", high, low)
    lost = t.op("fsub", t.op("fsub", high, r), low)
    square = t.op("fmul", r, r)
    rest = t.series(r, [Fraction(1, factorial(k)) for k in range(2, 15)])
    tail = t.fma(rest, square, t.fma(lost, r, lost))
    magic = int(literal(_ROUND), 16)
    exponent = t.add(f"sub i64 {bits}, {magic}")
    return t.op("fadd", r, tail), exponent


def _clamped(t: Text, x: str, least: float, most: float) -> str:
    low = t.choose(t.compare("olt", x, literal(least)), literal(least), x)
    return t.choose(t.compare("ogt", low, literal(most)), literal(most), low)


def _exp(t: Text, x: str) -> str:
    p, exponent = _reduced(t, _clamped(t, x, -800.0, 800.0))
    half = t.add(f"ashr i64 {exponent}, 1")
    rest = t.add(f"sub i64 {exponent}, {half}")
    value = t.op("fadd", literal(1.0), p)
    scaled = t.op("fmul", value, t.power_of_two(half))
    return t.op("fmul", scaled, t.power_of_two(rest))


def _expm1(t: Text, x: str) -> str:
    p, exponent = _reduced(t, _clamped(t, x, -50.0, 709.0))
    scale = t.power_of_two(exponent)
    return t.fma(scale, p, t.op("fsub", scale, literal(1.0)))


def _log_of(t: Text, x: str) -> tuple[str, str]:
    """The logarithm of a normal number as a large and a small part."""
    bits = t.add(f"bitcast double {x} to i64")
    # The mantissa from sqrt(1/2) to sqrt(2), and the exponent.
    moved = t.add(f"sub i64 {bits}, 4604544271217802189")
    exponent = t.add(f"ashr i64 {moved}, 52")
    shifted = t.add(f"shl i64 {exponent}, 52")
    mantissa = t.add(f"sub i64 {bits}, {shifted}")
    m = t.add(f"bitcast i64 {mantissa} to double")
    whole = t.add(f"sitofp i64 {exponent} to double")
    f = t.op("fsub", m, literal(1.0))
    s = t.op("fdiv", f, t.op("fadd", literal(2.0), f))
    square = t.op("fmul", s, s)
    series = t.series(square, [Fraction(2, 2 * k + 1) for k in range(1, 12)])
    half = t.op("fmul", t.op("fmul", literal(0.5), f), f)
    # log(1 + f) = f - (f**2/2 - s (f**2/2 + R)), where R is the series times s**2.
    inner = t.op("fmul", s, t.fma(series, square, half))
    low = t.fma(whole, literal(_LN2[1]), inner)
    small = t.op("fsub", f, t.op("fsub", half, low))
    return t.op("fmul", whole, literal(_LN2[0])), small


def _log(t: Text, x: str) -> str:
    return t.op("fadd", *_log_of(t, x))


def _log1p(t: Text, x: str) -> str:
    u = t.op("fadd", literal(1.0), x)
    large, small = _log_of(t, u)
    rounding = t.op("fsub", x, t.op("fsub", u, literal(1.0)))
    is_large = t.compare("oge", u, literal(2.0))
    other = t.op("fsub", literal(1.0), t.op("fsub", u, x))
    lost = t.op("fdiv", t.choose(is_large, other, rounding), u)
    return t.op("fadd", large, t.op("fadd", small, lost))


def _fraction(depth: int) -> tuple[list[Fraction], list[Fraction]]:
    """``tanh(x) / x`` as a quotient of polynomials of the square of x.

    It is Lambert's continued fraction 1/(1 + x**2/(3 + x**2/(5 + ...))) (DLMF 4.39.1), cut off.
    """
    top, bottom = [Fraction(1)], [Fraction(2 * depth + 1)]
    for k in range(depth - 1, -1, -1):  # (2k + 1) + square * top / bottom
        odd = Fraction(2 * k + 1)
        width = max(len(bottom), len(top) + 1)
        moved = [Fraction(0), *top]
        total = [
            (odd * bottom[i] if i < len(bottom) else 0) + (moved[i] if i < len(moved) else 0)
            for i in range(width)
        ]
        top, bottom = bottom, [Fraction(c) for c in total]
    return [c / bottom[0] for c in top], [c / bottom[0] for c in bottom]


def _tanh(t: Text, x: str) -> str:
    size = t.absolute(x)
    top, bottom = _fraction(8)
    change = [a - b for a, b in zip(top, bottom, strict=False)]
    change += [-b for b in bottom[len(top) :]]
    square = t.op("fmul", size, size)
    cube = t.op("fmul", square, t.series(square, change[1:]))
    small = t.fma(t.op("fdiv", cube, t.series(square, bottom)), size, size)
    e = _expm1(t, t.op("fmul", _clamped(t, size, 0.0, 25.0), literal(2.0)))
    rest = t.op("fdiv", literal(2.0), t.op("fadd", e, literal(2.0)))
    large = t.op("fsub", literal(1.0), rest)
    return t.signed(t.choose(t.compare("olt", size, literal(0.625)), small, large), x)


_BODIES = {
    "sin": lambda t, x: _quadrant(t, x, 0),
    "cos": lambda t, x: _quadrant(t, x, 1),
    "exp": _exp,
    "log": _log,
    "tanh": _tanh,
    "expm1": _expm1,
    "log1p": _log1p,
}
# Where a function holds: the comparison with its argument, or its size, that says so.
_RANGES = {
    "sin": ("size", "olt", 3e5), "cos": ("size", "olt", 3e5), "exp": ("x", "ord", 0.0),
    "log": ("x", "oge", 2.2250738585072014e-308), "tanh": ("x", "ord", 0.0),
    "expm1": ("x", "olt", 709.0), "log1p": ("x", "ogt", -0.999),
}  # fmt: skip
_MOST = {"log": 1.7e308, "log1p": 1e300}


def definitions(names: set[str]) -> list[str]:
    """The text of some functions, ``@own.sin`` and so on, and of the tests of their ranges."""
    lines = [
        "declare double @llvm.fma.f64(double, double, double)",
        "declare double @llvm.fabs.f64(double)",
        "declare double @llvm.copysign.f64(double, double)",
    ]
    for name in sorted(names):
        t = Text()
        result = _BODIES[name](t, "%x")
        head = f"define internal double @own.{name}(double %x) #3 {{"
        lines += [head, *t.lines, f"  ret double {result}", "}"]
        t = Text()
        which, test, limit = _RANGES[name]
        holds = t.compare(test, t.absolute("%x") if which == "size" else "%x", literal(limit))
        if name in _MOST:
            below = t.compare("olt", "%x", literal(_MOST[name]))
            holds = t.add(f"and i1 {holds}, {below}")
        outside = t.add(f"xor i1 {holds}, true")
        head = f"define internal i1 @outside.{name}(double %x) #3 {{"
        lines += [head, *t.lines, f"  ret i1 {outside}", "}"]
    return lines
