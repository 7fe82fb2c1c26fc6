"""Every function over its domain: tails, zeros, poles, ends and branch points, against mpmath.

``python -m tests.rules.scipy.special.sweep`` writes docs/accuracy.md from all points; the tests run
the first few of each function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import scipy.special as special

import dualdiff as dd
from tests.rules.scipy.special import oracle

TINY, HUGE = mp.mpf(10) ** -290, mp.mpf(10) ** 290


@dataclass
class Family:
    """A function, its reference, the points and the arguments to differentiate by."""

    name: str
    function: Callable[..., Any]
    reference: Callable[..., Any]
    points: Sequence[tuple[float, ...]]
    arguments: tuple[int, ...]
    bound: float
    tier: int = 2
    digits: int = oracle.DIGITS  # of mpmath, which takes its time for some functions


def logs(low: float, high: float, n: int) -> list[float]:
    return [float(x) for x in 10.0 ** np.linspace(low, high, n)]


def both(points: Sequence[float]) -> list[float]:
    return [*(-x for x in reversed(points)), *points]


def pairs(xs: Sequence[float], *others: Sequence[float]) -> list[tuple[float, ...]]:
    out: list[tuple[float, ...]] = [(x,) for x in xs]
    for ys in others:
        out = [(*p, y) for p in out for y in ys]
    return out


FAMILIES: list[Family] = []


def family(
    name: str,
    reference: Callable[..., Any],
    points: Sequence[Any],
    arguments: tuple[int, ...] = (0,),
    *,
    function: Callable[..., Any] | None = None,
    bound: float = 1e-12,
    tier: int = 2,
    digits: int = oracle.DIGITS,
) -> None:
    """Add a function of ``scipy.special`` to the sweep."""
    found = function or getattr(dd.scipy.special, name.split()[0])
    tuples = [p if isinstance(p, tuple) else (p,) for p in points]
    FAMILIES.append(Family(name, found, reference, tuples, arguments, bound, tier, digits))


ENDS = [1e-300, 1e-100, 1e-10, 1e-3, 0.1, 0.5, 0.9, 1 - 1e-6, 1 - 1e-12]
LINE = both([*logs(-10, 1, 9), 25.0])
HALF = [*logs(-10, 2, 13), 300.0]

# Error functions.
family("erf", mp.erf, LINE, tier=1)
family("erfc", mp.erfc, LINE, tier=1)
family("erfinv", lambda y: oracle.root(lambda t: mp.erf(t) - y, special.erfinv(float(y))),
       both(ENDS[2:]), tier=1)  # fmt: skip
family("ndtr", mp.ncdf, LINE, tier=1)
family("log_ndtr", oracle.log_ndtr, [-1e8, -1e5, -40.0, *both(logs(-10, 1, 6)), 30.0, 37.0],
       tier=1)  # fmt: skip
family("ndtri", lambda p: oracle.root(
    lambda t: mp.log(mp.ncdf(t)) - mp.log(p), special.ndtri(float(p))), ENDS, tier=1)  # fmt: skip
family("erfcx", oracle.erfcx, [-25.0, -5.0, -1.0, 0.0, 1e-5, 0.5, 3.0, 20.0, 25.9, 26.1, 1e2, 1e4,
                               1e7], digits=60)  # fmt: skip
family("dawsn", oracle.dawsn, [*logs(-10, 0, 5), 3.0, 10.0, 11.9, 12.1, 50.0, 100.0])
family("erfi", mp.erfi, both(logs(-10, 1.2, 6)))
family("owens_t", oracle.owens_t, [(0.5, 0.7), (2.0, 3.0), (5.0, 0.1), (1e-8, 1.0), (8.0, 0.5)],
       (0, 1), digits=80)  # fmt: skip
family("voigt_profile", oracle.voigt, [(0.3, 1.0, 0.5), (5.0, 1.0, 0.1), (50.0, 1.0, 2.0)],
       (0, 1, 2), tier=3)  # fmt: skip
family("voigt_profile (far out)", oracle.voigt, [(50.0, 0.1, 1e-8), (1e3, 1.0, 0.5)], (0, 1, 2),
       tier=3, digits=800)  # fmt: skip

# Gamma functions.
GAMMA = [*logs(-8, 2, 9), -0.5, -1.5, -3.3, -10.2]
family("gamma", mp.gamma, GAMMA, tier=1)
family("gammaln", lambda x: mp.log(abs(mp.gamma(x))), [*GAMMA, 1e6, 1e12], tier=1)
family("digamma", lambda x: mp.psi(0, x), [*GAMMA, 1e6, 1e12], tier=1)
family("rgamma", mp.rgamma, [*GAMMA, 0.0, -1.0, -5.0, -1 + 1e-9])
family("beta", mp.beta, [(0.1, 0.2), (2.0, 3.0), (1e-5, 3.0), (1e3, 2.0), (1e6, 0.5)], (0, 1),
       tier=1)  # fmt: skip
family("betaln", oracle.log_beta,
       [(0.1, 0.2), (2.0, 3.0), (1e-5, 3.0), (1e4, 3.0), (1e6, 0.5), (1e15, 1e-3), (1e8, 1e12)],
       (0, 1), tier=1)  # fmt: skip
family("poch", mp.rf, [(0.5, 2.0), (3.0, 1e-5), (1e6, 3.0), (1e10, 0.5), (-2.0, 3.0), (-5.0, 2.0)],
       (0,))  # fmt: skip
family("binom", mp.binomial, [(5.5, 2.2), (100.0, 3.0), (1e6, 2.5), (1e10, 3.0), (2.0, 3.0)],
       (0, 1))  # fmt: skip
family("gammainc", oracle.gammainc, pairs([1e-5, 0.3, 2.5, 30.0, 1e3], [1e-3, 0.4, 3.0, 40.0]),
       (0, 1), tier=1)  # fmt: skip
family("gammaincc", oracle.gammaincc, pairs([1e-5, 0.3, 2.5, 30.0, 1e3], [1e-3, 0.4, 3.0, 40.0]),
       (0, 1), tier=1)  # fmt: skip
family("betainc", oracle.betainc,
       [(0.3, 0.7, 1e-8), (0.3, 0.7, 0.4), (2.0, 3.0, 0.1), (2.0, 3.0, 0.99), (30.0, 0.5, 0.9),
        (200.0, 150.0, 0.5), (1e-3, 20.0, 0.3), (50.0, 2000.0, 0.02), (1e-3, 2000.0, 0.01),
        (0.7, 1e10, 8e-11), (0.7, 1e10, 3e-10)],
       (0, 1, 2), bound=1e-10, tier=1)  # fmt: skip
T = [(0.3, -0.5), (1.0, -3.0), (4.5, 2.0), (4.5, -50.0), (100.0, -1.0), (1e6, -2.0),
     (1e-3, -12.0), (0.1, -300.0)]  # fmt: skip
family("stdtr", oracle.stdtr, T, (0, 1))
family("fdtrc", lambda a, b, x: oracle.betainc(b / 2, a / 2, b / (a * x + b)),
       [(2.0, 3.0, 0.1), (5.0, 0.3, 1e5), (29.0, 1.0, 1e12), (10.0, 10.0, 50.0)],
       (0, 1, 2))  # fmt: skip

# Elementary functions.
family("expit", lambda x: 1 / (1 + mp.exp(-x)), [-700.0, -40.0, *LINE, 40.0], tier=1)
family("expm1", mp.expm1, [-40.0, *LINE], tier=1)
family("boxcox", oracle.boxcox,
       [(2.0, 0.5), (2.0, 1e-3), (2.0, 1e-8), (2.0, 1e-15), (1.0001, 0.3), (1e5, -2.0), (3.0, 0.0)],
       (0, 1))  # fmt: skip
family("inv_boxcox", oracle.inv_boxcox,
       [(2.0, 0.5), (2.0, 1e-3), (2.0, 1e-8), (2.0, 1e-15), (0.1, 1e-5), (-0.5, 0.7), (50.0, 3.0)],
       (0, 1))  # fmt: skip
family("pseudo_huber", oracle.pseudo_huber, [(1.0, 2.0), (1.0, 1e-5), (1e6, 1.0), (1e-3, 1.0)],
       (0, 1))  # fmt: skip
family("lambertw", lambda x: mp.lambertw(x).real,
       [-0.36, -0.1, -1e-10, 1e-10, 0.5, 20.0, 1e10, 1e100, 1e300],
       function=lambda x: np.real(dd.scipy.special.lambertw(x)))  # fmt: skip
family("diric (n = 7)", lambda x: mp.sin(7 * x / 2) / (7 * mp.sin(x / 2)),
       [-2.0, 1e-8, 1e-3, 0.3, 3.0, 30.0], function=lambda x: dd.scipy.special.diric(x, 7),
       tier=3)  # fmt: skip
family("cotdg", lambda x: mp.cot(x * mp.pi / 180), [-100.0, 1e-10, 0.3, 45.0, 91.0], tier=3)
family("wrightomega", lambda z: mp.lambertw(mp.exp(z)).real, [-700.0, -50.0, -1.0, 0.0, 1.0, 50.0])

# Elliptic integrals.
M = [-1e10, -1e3, -5.0, -0.31, -0.29, -1e-5, 1e-20, 1e-10, 0.1, 0.31, 0.9, 0.999, 1 - 1e-12]
family("ellipk", mp.ellipk, M)
family("ellipe", mp.ellipe, M)
family(
    "ellipkm1",
    lambda p: mp.pi / 2 / mp.agm(1, mp.sqrt(p)),
    [1e-300, 1e-100, 1e-10, 1e-3, 0.5, 0.9, 0.9999],
)
PHI_M = pairs([1e-6, 0.7, 1.4, 2.0, 10.0], [-50.0, 1e-9, 0.3, 0.99])
family("ellipkinc", mp.ellipf, PHI_M, (0, 1))
family("ellipeinc", mp.ellipe, PHI_M, (0, 1))
family("elliprc", mp.elliprc, [(0.1, 0.5), (1e-10, 2.0), (100.0, 1e-10), (2.0, -1.0)], (0, 1),
       tier=3)  # fmt: skip
family("elliprd", mp.elliprd,
       [(0.1, 0.5, 2.0), (1e-3, 1.0, 100.0), (1e-10, 0.5, 1e-10), (1e10, 3.0, 1e-5)], (0, 1, 2),
       tier=3)  # fmt: skip
family("elliprj", lambda *at: mp.re(mp.elliprj(*at)),
       [(0.1, 0.5, 2.0, 3.0), (1e-3, 1.0, 100.0, 0.5), (1e-10, 2.0, 0.5, 1e-5),
        (0.1, 0.5, 2.0, -0.7)], (0, 1, 2, 3), tier=3, digits=60)  # fmt: skip
family("elliprg", mp.elliprg, [(0.1, 0.5, 2.0), (1e-3, 1.0, 100.0)], (0, 1, 2), tier=3)
family("agm", mp.agm, [(1.0, 2.0), (1.0, 1.0), (1e-10, 1.0), (3.0, 1e8), (1e-300, 1e10)], (0, 1))
for _k, _name in enumerate(("sn", "cn", "dn")):
    family(f"ellipj ({_name})", lambda u, m, kind=_name: mp.re(mp.ellipfun(kind, u, m=m)),
           [*pairs([-2.0, 0.3, 3.0, 20.0], [1e-5, 0.3, 0.9, 1 - 1e-9]), (20.0, 1.0)],
           (0, 1), digits=60,
           function=lambda u, m, k=_k: special.ellipj(u, m)[k])  # fmt: skip

# Bessel functions.
ORDERS = pairs([1e-3, 0.7, 2.5, 40.0], [1e-3, 0.4, 3.0, 30.0])
for _name, _reference in (("jv", mp.besselj), ("yv", mp.bessely), ("iv", mp.besseli),
                          ("kv", mp.besselk)):  # fmt: skip
    family(_name, _reference, ORDERS, (0, 1), tier=1 if _name in ("jv", "iv") else 2, digits=50)
SCALED = [*logs(-8, 0, 3), 5.0, 59.0, 61.0, 600.0, 1e6]
family("i0e", lambda x: mp.besseli(0, x) * mp.exp(-x), SCALED)
family("i1e", lambda x: mp.besseli(1, x) * mp.exp(-x), SCALED)
family("k0e", lambda x: mp.besselk(0, x) * mp.exp(x), SCALED, digits=50)
family("k1e", lambda x: mp.besselk(1, x) * mp.exp(x), SCALED, digits=50)
AIRY = [-100.0, -5.0, -1.0, 0.0, 1e-5, 1.0, 10.0, 50.0]
family("airy (Ai)", mp.airyai, AIRY, function=lambda x: special.airy(x)[0])
family("airy (Bi)", mp.airybi, AIRY, function=lambda x: special.airy(x)[2])
family("airye (Ai)", lambda x: mp.airyai(x) * mp.exp(2 * x ** mp.mpf(1.5) / 3),
       [1e-5, 0.3, 4.0, 29.0, 31.0, 1e3, 1e5], function=lambda x: special.airye(x)[0])  # fmt: skip
family("struve", mp.struveh, [*pairs([0.0, 0.5, 2.3], [0.01, 1.0, 5.0, 20.0]), (5.85, 6.12),
                             (20.0, 15.0), (30.0, 35.0)], (0, 1), tier=3)  # fmt: skip
family(
    "modstruve",
    mp.struvel,
    pairs([-1.5, -0.3, 0.0, 0.5, 2.3], [0.01, 1.0, 5.0, 20.0]),
    (0, 1),
    tier=3,
)

KELVIN = [1e-3, 0.5, 3.0, 8.5, 10.1, 30.0]
for _name, _reference in (("ber", mp.ber), ("bei", mp.bei), ("ker", mp.ker), ("kei", mp.kei)):
    family(_name, lambda x, f=_reference: f(0, x), KELVIN, tier=3)
family("hankel1 (real)", mp.besselj, pairs([0.3, 2.5, 40.0], [0.4, 3.0, 30.0]), (0, 1),
       function=lambda v, x: np.real(special.hankel1(v, x)), digits=50)  # fmt: skip
family("pbdv (D)", mp.pcfd, pairs([-1.3, 0.0, 2.5, 7.4], [-4.0, -0.5, 0.5, 3.0]), (0, 1), tier=3,
       function=lambda v, x: special.pbdv(v, x)[0], digits=50)  # fmt: skip
family("wright_bessel", oracle.wright_bessel,
       pairs([1e-3, 0.3, 2.5], [0.3, 5.0], [0.0, 0.3, 30.0, 100.0]), (0, 1, 2), tier=3,
       digits=60)  # fmt: skip

# Zeta, hypergeometric functions, integrals.
family("zeta", mp.zeta, [(1 + 1e-6, 1.0), (1.01, 0.3), (1.5, 1e-3), (2.5, 1.3), (30.0, 2.0),
                         (200.0, 1.5)], (0, 1))  # fmt: skip
family("hyp0f1", mp.hyp0f1, [(0.5, 0.3), (2.5, -4.0), (3.0, 50.0), (10.0, -100.0), (0.3, 1e-8)],
       (0, 1))  # fmt: skip
family("hyp1f1", mp.hyp1f1, [(0.5, 1.7, 0.3), (2.5, 1.7, -4.0), (0.5, 3.7, 30.0), (3.0, 0.7, -1.0)],
       (0, 1, 2), bound=1e-10)  # fmt: skip
family("hyp2f1", mp.hyp2f1, [(0.5, 1.7, 2.1, 0.3), (0.5, 1.7, 2.3, -4.0), (0.5, 0.7, 2.3, 0.9),
                             (1.5, 0.7, 2.4, 0.999)], (0, 1, 2, 3), bound=1e-10)  # fmt: skip
family("hyperu", mp.hyperu, [(0.5, 1.7, 0.3), (2.5, 0.7, 4.0), (0.1, 3.7, 10.0)], (0, 1, 2),
       bound=1e-10, tier=3)  # fmt: skip
family("exp1", mp.e1, HALF[:12], tier=1)
family("spence", lambda z: mp.polylog(2, 1 - z).real, [1e-10, 0.3, 0.999, 1.0, 1 + 1e-8, 1.9, 50.0])
family("sici (Si)", mp.si, [*logs(-10, 0, 4), 3.0, 100.0], function=lambda x: special.sici(x)[0])
family("exprel", lambda x: mp.expm1(x) / x, [-50.0, -1.0, -1e-3, 1e-9, 0.3, 1.1, 30.0])
family("kolmogorov", oracle.kolmogorov, [0.15, 0.3, 0.6, 0.99, 1.01, 2.0, 5.0], tier=3)
family("spherical_jn (n = 3)", lambda x: oracle.spherical_jn(3, x), [1e-3, 0.5, 3.0, 20.0, 1e3],
       function=lambda x: special._ufuncs._spherical_jn(3, x))  # fmt: skip


@dataclass
class Point:
    """One derivative of the sweep."""

    point: tuple[float, ...]
    argument: int
    error: float  # relative
    scaled: float  # the same, divided by the condition number where that is larger than 1


def measured(f: Family, points: Sequence[Any] | None = None, order: int = 1) -> Iterator[Point]:
    """Errors at points where function and derivative are ordinary numbers."""
    with mp.workdps(f.digits), np.errstate(all="ignore"):
        for p in f.points if points is None else points:
            for i in f.arguments:
                exact = oracle.slope(f.reference, p, i, order)
                if not mp.isfinite(exact) or not TINY < abs(exact) < HUGE:
                    continue
                other = oracle.slope(f.reference, p, i, 3 - order)
                if order == 2 and abs(exact * p[i]) < 1e-20 * abs(other):
                    continue  # the derivative is zero there
                change = other if order == 1 else 0

                def along(t: Any, p: Any = p, i: int = i) -> Any:
                    return f.function(*[t if j == i else a for j, a in enumerate(p)])

                slope: Callable[..., Any] = along
                for _ in range(order):
                    slope = dd.derivative(slope)
                found = float(np.real(slope(p[i])))
                error = float(abs(found - exact) / abs(exact)) if np.isfinite(found) else math.inf
                condition = max(1.0, float(abs(mp.mpf(p[i]) * change / exact)))
                yield Point(p, i, error, error / condition)


HEAD = """# Accuracy of the derivatives of special functions

Written by `python -m tests.rules.scipy.special.sweep`; do not edit. Every function is compared
with mpmath at 50 to 130 digits, over its domain: small, moderate and large arguments, tails, the
neighbourhood of zeros, poles, ends and branch points. A step of the reference is relative to
the argument. Errors are relative. Where a derivative is ill-conditioned (a change of the
argument in its last digit changes it by more than that), the last column divides the error by
the condition number.

| function | tier | by | points | worst error | at | over its condition |
|---|---:|---|---:|---:|---|---:|
"""

TAIL = """
## Conventions and limits

* Where SciPy's own value is wrong, the derivative is that of the true function: `beta`,
  `betaln` and `binom` at large arguments, `hyperu` (off by up to 1e-6), `kl_div(1, 1 + 1e-6)`,
  `hyp1f1(20, .7, -.1)` in its parameters, the upper tail of `ncf` at nc = 0 (-0.8 for 0.2) and the
  logarithm of the lower one (that of the upper one is NaN above the median). In `z`, `hyp1f1` and
  `hyp2f1` multiply SciPy's neighbouring values and share their errors; so do the Bessel functions
  in `x` far out (`j0(1e6)`: 7e-11). Other values that are wrong: `modfresnelp` and `modfresnelm`
  left of 0 (the imaginary parts of the first results, off by 2), `itstruve0` beyond x of 30 (0.001
  for 3.1 at 40),
  `itairy` between 4 and 9 (six digits), `it2i0k0` at large x, `ellipj` beside m = 1 (2e-9 at
  (20, 1 - 1e-12)), Kelvin functions around x of 10 (5e-10), `tklmbda` of small shapes (1e-16 over
  the shape), `airy` of complex numbers left of 0 whose imaginary part is -0.0 (another branch),
  `hankel2e` of complex numbers of 1e6 (12 digits, of which a derivative in z keeps 6), `riccati_yn`
  of negative x (that of 0).
* Where SciPy's value is NaN, the derivative is NaN, as that of quantiles of `kappa4` at k = 0 for
  negative h. A traced order or degree that only integers make sense for is an error. Where an
  inverse is an end of SciPy's search (a probability of 0 or 1 by a parameter), the derivative is
  NaN or that of the curve through this end.
* At random points of 125 functions (15 to 200 of each, as many as mpmath finds in some seconds), in
  every argument, in both modes, first, second and mixed derivatives: no error over 1e-10 of the
  condition number, and over 1e-11 in second derivatives of `hyp2f1` alone.
* `betainc` in its parameters holds 1e-13, also where they are 1e10 apart. `beta` with a negative
  parameter shares the error of SciPy's value (1e-10 at (-0.5, 1e6)).
* Orthogonal polynomials have the absolute error of rounding next to zeros of their derivatives:
  `eval_jacobi(2, 0, 0, 1e-8)` in x loses 5e-9 of 3e-8. So does the mixed derivative of sn at
  m = 1, a difference of numbers that grow like exp(u): 3e-10 at u = 10.
* Hankel functions hold their digits as complex numbers; the smaller one of the real and the
  imaginary part has the rounding of the larger one (`hankel1e` and `hankel2e` near 0).
* `hyp1f1`, `hyp2f1` and `hyperu` have derivatives in their parameters for real arguments, x < 1
  for `hyp2f1` and x > 0 for `hyperu`; an error is raised where their series cancel more than
  eight digits.
* Orders of Bessel functions are differentiated for real x > 0; for complex arguments an error
  is raised, and for J and Y where x + v is above 1e4 and x below v**2. Orders of `struve` lose
  some digits beyond 50 (7e-10 at (60, 50)); where the series cancels more than eight, an error is
  raised.
* Noncentrality parameters above 2e8 raise an error.
* Scaled Bessel functions at large x follow the asymptotic series for 4 v**2 < x; for larger
  orders they lose about x / v**2 times the rounding.
* Inverses are implicit: their error is that of SciPy's value. Where SciPy finds no solution the
  derivative is NaN. Near 1, inverses of beta functions go by the distance from 1, and where
  SciPy's search ends early (noncentral inverses, of which those of F are good to five digits only,
  and `bdtrik` and its kin) Newton's method finds the exact solution first.
* Spheroidal functions of the second kind have derivatives in `x` and `c` where their Wronskian with
  those of the first kind is right to 1e-6: `pro_rad2` for m = 0 and where c x is large, `obl_rad2`
  where x and c x are large. SciPy's values elsewhere solve no equation (`obl_rad2(0, 1, 1.5, 0.5)`
  has the Wronskian 0), and an error is raised. In c they hold the digits of SciPy's values, which
  fall with c to 1e-8 at 20.
* No derivatives: spheroidal functions that take `cv` in `c` and `cv` (beside the curve of
  characteristic values they solve no equation),
  `pbdn_seq` in complex z (SciPy has `|z|**2` for `z**2`).
  They raise an error that names the function. Parameters that are integers raise as well, and
  `pbdv`, `pbvv` and `besselpoly` in parameters where their series cancel more than eight digits.
  So do spheroidal functions at negative `c`, where SciPy's values mix `c` and 0, and those of the
  first kind in `c` where it is so large (above some 25) that their series cancels to six digits.
* Characteristic values of Mathieu functions have the derivative of the true function where SciPy's
  are those of another order (`mathieu_a(1, 1e6)`: 2e6 for -2e6; `mathieu_a(3, 15.51)`: 32.5 for
  16.6, and at some q from there on in most orders). SciPy's Mathieu functions are of another
  order there as well, and raise an error; those that it cannot form (infinite, or 1e300) have the
  derivative NaN. Orders and parameters whose matrix has more than 1000 rows raise an error.
* Modified Mathieu functions, spheroidal functions, `ellip_harm`, `pbwa`: the derivative is that of
  the true function, where SciPy's value has fewer digits too (`mathieu_modcem1(7, 0.01, x)`: three,
  `pbvv` beyond x of 6: five). `pbwa` loses up to eight digits of W where it decays, as its value.
* `levy_stable` has the derivatives of the true density and distribution function, 1e-13, by
  integrals that take 5 to 10 ms for one number. SciPy's values have errors of up to 1e-4 there,
  larger ones at alpha below 1.1 and small x. In alpha at alpha = 1 there is no derivative.
  Its `sf`, `logpdf`, `logcdf` and quantiles at alpha = 1 follow SciPy's values, which do not move
  the location by the scale, as `pdf` and `cdf` do.
* `studentized_range` has its derivatives by double integrals, 1e-11 of 1; `kstwo` by the exact
  matrix up to 4,000 observations, beyond them by an asymptotic formula, 1e-8. Logarithms of its
  probabilities share the errors of SciPy's values, up to 1e-6 from 140 observations on.
* Quantiles of discrete distributions are steps: their derivative is 0, and 1 in `loc`.
* Tests by ranks or counts (`mannwhitneyu`, `wilcoxon`, `kruskal`, `spearmanr`, `kendalltau`,
  `anderson_ksamp`, `fisher_exact` and their like) are steps: their derivative is 0. So is
  that of the p-value of `goodness_of_fit`; its statistic moves with the data and the fit.
* `multivariate_t.cdf`, `multivariate_normal.cdf` and the p-values of `dunnett` have the derivatives
  of the true function by exact quadrature, 1e-11, where SciPy's values go by random points and
  have three to five digits (`multivariate_t.cdf` below one degree of freedom two: 0.105 for 0.1005
  in three dimensions). Of up to five t variables and six normal ones; more t variables raise an
  error, as do their singular matrices, and more normal variables go by random points. Derivatives
  in many degrees of freedom lose digits as their root, 1e-11 at 1e9.
* Quantiles of 0 and 1 are the ends of the support: they move with it, and their slope in q is 1
  over the density there. At the median of `dgamma` and `dweibull`, where the density is
  0 or has no derivative, the derivative of the quantile in the shape is NaN.
* Distributions of scipy.stats run SciPy's formulas on traced values, and formulas of their own at
  a value of a shape where SciPy takes a constant (h or k = 0 of `kappa4`, c = 0 of `genextreme`
  and `genpareto`, c = 0 or 1 of `triang` and `trapezoid`, kappa = 0 of `vonmises`, b = 0 of
  `rice`). Below a skewness of 1.6e-5, where SciPy takes the normal distribution for `pearson3`,
  derivatives are those of the true distribution, and from there to 0.2 those of an integral of the
  density: both orders in the skewness hold 1e-12.
* Means and entropies by quadrature hold about 1e-9, where a density grows like x**-0.9 at an end
  1e-7, across a jump of a density (`rv_histogram.expect`) 1e-5. The derivative is NaN where the
  function oscillates in a heavy tail (the sine of a Cauchy variable: SciPy's value has few digits,
  too), where the integral diverges, though SciPy's quadrature gives a number
  there, and where more than 1e-6 of it lies closer to an end than numbers do (the entropy of
  `rdist` below c = 0.9). Their values are
  those of SciPy's quadrature.
* Densities and distribution functions of all distributions are compared with SciPy's own code on
  numbers of 130 digits (`tests/rules/scipy/stats/test_scan.py`). Where SciPy takes 1 minus a
  probability close to 1, its value loses digits in that tail and the derivative shares them:
  `alpha`, `betabinom`, `betanbinom`, `bradford`, `crystalball`, `foldcauchy`, `foldnorm`,
  `genexpon`, `skellam`, `truncnorm`, `truncweibull_min`, `wrapcauchy`
  beyond probabilities of 1e-10 (relative errors from 1e-8 to 1e-5 there; those of discrete ones
  grow to 1 at 1e-14). Where such a value is 0 or 1 to rounding, the derivative is 0 or
  NaN.
* Second derivatives of logarithms that SciPy takes of a mass (`skellam.logpmf`) are infinite below
  masses of 1e-154, of which the square underflows.
* Where a derivative at an end of the support is infinite, it may be a large number, that of a point
  1e-60 beside the end. Where it comes to its limit as slowly as a logarithm, it is NaN
  (`weibull_min.pdf(0, c)` in c from 1 to 1.1).
* Beyond 1e30 units of scale, the derivative of a density, a probability or its logarithm is NaN
  where the slope in x is below 1e-250, since products of such numbers underflow.
* `boxcox_normmax`, `yeojohnson_normmax` and `ppcc_max`: the value is SciPy's, which holds eight
  digits; the derivative is that of the exact optimum.

## Cost

[Costs of special functions and distributions](special_costs.md) has the gradients of arrays and of
one number, against SciPy's functions.
"""


def shown(x: float) -> str:
    return "0" if x == 0 else "exact" if x < 1e-17 else f"{x:.1e}"


def document() -> str:
    """docs/accuracy.md."""
    lines = [HEAD]
    for f in FAMILIES:
        found = list(measured(f))
        for i in f.arguments:
            mine = [q for q in found if q.argument == i]
            if not mine:
                continue
            worst = max(mine, key=lambda q: q.error)
            at = ", ".join(f"{v:.4g}" for v in worst.point)
            scaled = max(q.scaled for q in mine)
            lines.append(
                f"| `{f.name}` | {f.tier} | argument {i} | {len(mine)} | {shown(worst.error)} | "
                f"({at}) | {shown(scaled)} |\n"
            )
    lines.append(
        "\n## Second derivatives, tier 1\n\n| function | worst error | at |\n|---|---:|---|\n"
    )
    for f in FAMILIES:
        if f.tier == 1 and len(f.arguments) == 1:
            found = list(measured(f, order=2))
            worst = max(found, key=lambda q: q.error)
            lines.append(f"| `{f.name}` | {shown(worst.error)} | {worst.point[0]:.4g} |\n")
    return "".join([*lines, TAIL])


if __name__ == "__main__":
    from pathlib import Path

    Path("docs/accuracy.md").write_text(document(), encoding="utf-8")
