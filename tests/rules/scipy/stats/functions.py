"""NumPy's and SciPy's functions on single mpmath numbers, by the names that SciPy's code uses."""

import functools
import math

import mpmath as mp
import numpy as np
import scipy.special
from scipy.special import _ufuncs

from tests.rules.scipy.special import oracle

HALF = mp.mpf(1) / 2


def number(x):
    """A Python or NumPy number as one of mpmath's."""
    if isinstance(x, (mp.mpf, mp.mpc)):
        return x
    if isinstance(x, (bool, np.bool_)):
        return bool(x)
    if isinstance(x, (int, np.integer)):
        return mp.mpf(int(x))
    return mp.mpf(float(x)) if isinstance(x, (float, np.floating)) else x


def of_numbers(f):
    """`f` of mpmath's numbers, keywords dropped."""
    return lambda *args, **_: f(*map(number, args))


def no_change(x, *_, **__):
    return number(x)


class Names:
    """A module as SciPy's methods see it when they run on mpmath's numbers."""

    def __init__(self, known, module):
        self.known, self.module = known, module

    def __getattr__(self, name):
        if name in self.known:
            return self.known[name]
        found = getattr(self.module, name)
        if isinstance(found, (int, float, type)) or found is None:
            return found
        raise NotImplementedError(f"mpmath has no {self.module.__name__}.{name} here")


def loggamma(x):
    return mp.log(abs(mp.gamma(x))) if x < 0 else mp.loggamma(x).real


def betaln(a, b):
    return loggamma(a) + loggamma(b) - loggamma(a + b)


def log_ndtr(x):
    return mp.log(mp.ncdf(x))


def boxcox(x, power):
    return mp.expm1(power * mp.log(x)) / power if power else mp.log(x)


def inv_boxcox(y, power):
    return mp.exp(mp.log1p(power * y) / power) if power else mp.exp(y)


def xlogy(x, y):
    return x * mp.log(y) if x else mp.mpf(0)


def logsumexp(values, b=None, **_):
    factors = [1] * len(values) if b is None else b
    terms = (mp.exp(number(v)) * number(f) for v, f in zip(values, factors, strict=True))
    return mp.log(sum(terms))


def harmonic(n, a):
    return mp.zeta(a) - mp.zeta(a, n + 1)


def noncentral_chi2_pdf(x, df, nc):
    bessel = mp.besseli(df / 2 - 1, mp.sqrt(nc * x))
    return mp.exp(-(x + nc) / 2) * (x / nc) ** (df / 4 - HALF) * bessel / 2


def poisson_mixture(term, mean):
    """The sum of ``term(j)`` with Poisson weights."""
    low = max(0, int(mean - 14 * mp.sqrt(mean) - 30))
    high = int(mean + 25 * mp.sqrt(mean) + 120)
    weight = mp.exp(-mean + low * mp.log(mean) - loggamma(low + 1)) if mean else mp.mpf(1)
    total = mp.mpf(0)
    for j in range(low, high):
        total += weight * term(j)
        weight *= mean / (j + 1)
    return total


def noncentral_chi2_sf(x, df, nc):
    return poisson_mixture(lambda j: oracle.gammaincc(df / 2 + j, x / 2), nc / 2)


def noncentral_chi2_cdf(x, df, nc):
    return poisson_mixture(lambda j: oracle.gammainc(df / 2 + j, x / 2), nc / 2)


def noncentral_f_pdf(x, a, b, nc):
    def term(j):
        k = a / 2 + j
        z = a * x / (a * x + b)
        beta = mp.exp(k * mp.log(z) + b / 2 * mp.log1p(-z) - betaln(k, b / 2))
        return beta / x

    return poisson_mixture(term, nc / 2)


def noncentral_f_cdf(x, a, b, nc):
    z = a * x / (a * x + b)
    return poisson_mixture(lambda j: oracle.betainc(a / 2 + j, b / 2, z), nc / 2)


def noncentral_t_pdf(x, df, nc):
    """The integral over the chi variable."""
    constant = df / 2 * mp.log(df) - df / 2 * mp.log(2) - loggamma(df / 2) + mp.log(2)

    def integrand(y):
        chi = constant + df * mp.log(y) - df * y * y / 2
        return mp.exp(chi) * mp.npdf(x * y - nc)

    return mp.quad(integrand, [0, HALF, 1, 3 * HALF, 2, 4, mp.inf])


def noncentral_t_sf(x, df, nc):
    constant = df / 2 * mp.log(df) - df / 2 * mp.log(2) - loggamma(df / 2) + mp.log(2)

    def integrand(y):
        chi = constant + (df - 1) * mp.log(y) - df * y * y / 2
        return mp.exp(chi) * mp.ncdf(nc - x * y)

    return mp.quad(integrand, [0, HALF, 1, 3 * HALF, 2, 4, mp.inf])


def skewnorm_cdf(x, loc, scale, a):
    z = (x - loc) / scale
    # Owen's T keeps the digits of the whole line.
    owen = mp.quad(lambda t: mp.exp(-z * z * (1 + t * t) / 2) / (1 + t * t), [0, a]) / (2 * mp.pi)
    return mp.ncdf(z) - 2 * owen


def landau_pdf(x, loc, scale):
    z = (x - loc) / scale
    density = mp.quad(
        lambda t: mp.exp(-2 * t / mp.pi * mp.log(t) - z * t) * mp.sin(2 * t),
        [0, HALF, 1, 2, 4, 8, 16, 40],
    )
    return density / mp.pi / scale


def tukey_lambda_cdf(x, power):
    def quantile(p):
        return (p**power - (1 - p) ** power) / power if power else mp.log(p / (1 - p))

    start = scipy.special.tklmbda(float(x), float(power))
    return mp.findroot(lambda p: quantile(p) - x, mp.mpf(float(start)), verify=False)


NUMPY = {
    "log": mp.log, "exp": mp.exp, "sqrt": mp.sqrt, "sin": mp.sin, "cos": mp.cos, "tan": mp.tan,
    "arctan": mp.atan, "arcsin": mp.asin, "arccos": mp.acos, "arctan2": mp.atan2,
    "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "arcsinh": mp.asinh,
    "arccosh": mp.acosh, "arctanh": mp.atanh, "log1p": mp.log1p, "expm1": mp.expm1,
    "log10": mp.log10, "log2": lambda x: mp.log(x, 2), "abs": abs, "fabs": abs,
    "absolute": abs, "power": lambda a, b: a**b, "float_power": lambda a, b: a**b,
    "square": lambda a: a * a, "sign": mp.sign, "floor": mp.floor, "ceil": mp.ceil,
    "maximum": max, "minimum": min, "real": mp.re, "imag": mp.im, "cbrt": mp.cbrt,
    "clip": lambda x, a, b: min(max(x, a), b), "hypot": mp.hypot, "reciprocal": lambda x: 1 / x,
    "negative": lambda x: -x, "exp2": lambda x: mp.mpf(2) ** x, "isinf": mp.isinf,
    "logaddexp": lambda a, b: max(a, b) + mp.log1p(mp.exp(-abs(a - b))),
    "isfinite": mp.isfinite, "isnan": mp.isnan, "copysign": lambda a, b: abs(a) * (-1) ** (b < 0),
    "mod": lambda a, b: a - b * mp.floor(a / b), "prod": lambda x: x,
}  # fmt: skip
NUMPY = {name: of_numbers(f) for name, f in NUMPY.items()} | {
    "where": lambda condition, a, b: number(a) if condition else number(b),
    "asarray": no_change, "array": no_change, "broadcast_to": no_change, "any": bool, "all": bool,
    "errstate": np.errstate, "broadcast_arrays": lambda *args: tuple(map(number, args)),
    "full_like": lambda x, v, *_, **__: number(v), "zeros_like": lambda *_, **__: mp.mpf(0),
    "empty_like": lambda *_, **__: mp.mpf(0), "ones_like": lambda *_, **__: mp.mpf(1),
    "ones": lambda *_, **__: mp.mpf(1), "zeros": lambda *_, **__: mp.mpf(0),
    "full": lambda s, v, *_, **__: number(v), "logical_or": lambda a, b: a or b,
    "logical_and": lambda a, b: a and b, "logical_not": lambda a: not a, "arange": np.arange,
    "result_type": lambda *_: float, "finfo": np.finfo, "shape": lambda x: (),
    "ndim": lambda x: 0, "pi": mp.pi, "inf": mp.inf, "nan": mp.nan, "e": mp.e,
    "euler_gamma": mp.euler, "atleast_1d": lambda *a: a if len(a) > 1 else a[0],
    "polyval": lambda c, x: functools.reduce(lambda s, q: s * x + q, map(number, c), mp.mpf(0)),
    "nextafter": lambda a, b: number(a),
}  # fmt: skip
SPECIAL = {
    "gammaln": loggamma, "loggamma": mp.loggamma, "gamma": mp.gamma, "psi": mp.psi,
    "digamma": lambda x: mp.psi(0, x), "polygamma": lambda n, x: mp.psi(int(n), x),
    "beta": mp.beta, "betaln": betaln, "xlogy": xlogy, "log1p": mp.log1p, "expm1": mp.expm1,
    "xlog1py": lambda x, y: x * mp.log1p(y) if x else mp.mpf(0), "gammainc": oracle.gammainc,
    "gammaincc": oracle.gammaincc, "betainc": oracle.betainc,
    "betaincc": lambda a, b, x: mp.betainc(a, b, x, 1, regularized=True), "ndtr": mp.ncdf,
    "log_ndtr": log_ndtr, "erf": mp.erf, "erfc": mp.erfc, "erfcx": oracle.erfcx, "kv": mp.besselk,
    "kve": lambda v, x: mp.besselk(v, x) * mp.exp(x), "iv": mp.besseli,
    "ive": lambda v, x: mp.besseli(v, x) * mp.exp(-abs(x)),
    "i0e": lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), "i0": lambda x: mp.besseli(0, x),
    "i1e": lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), "k0": lambda x: mp.besselk(0, x),
    "i1": lambda x: mp.besseli(1, x), "k1": lambda x: mp.besselk(1, x),
    "k1e": lambda x: mp.besselk(1, x) * mp.exp(x), "k0e": lambda x: mp.besselk(0, x) * mp.exp(x),
    "zeta": lambda x, q=1: mp.zeta(x, q), "hyp2f1": mp.hyp2f1, "hyp1f1": mp.hyp1f1,
    "stdtr": oracle.stdtr, "expit": lambda x: 1 / (1 + mp.exp(-x)),
    "logit": lambda p: mp.log(p / (1 - p)), "log_expit": lambda x: -mp.log1p(mp.exp(-x)),
    "cosm1": lambda x: mp.cos(x) - 1, "boxcox": boxcox,
    "boxcox1p": lambda x, power: boxcox(1 + x, power), "inv_boxcox": inv_boxcox,
    "inv_boxcox1p": lambda y, power: inv_boxcox(y, power) - 1,
    "powm1": lambda x, y: mp.expm1(y * mp.log(x)), "binom": mp.binomial, "comb": mp.binomial,
    "poch": mp.rf, "chdtr": lambda v, x: oracle.gammainc(v / 2, x / 2),
    "chdtrc": lambda v, x: oracle.gammaincc(v / 2, x / 2),
    "fdtr": lambda a, b, x: oracle.betainc(a / 2, b / 2, a * x / (a * x + b)),
    "fdtrc": lambda a, b, x: oracle.betainc(b / 2, a / 2, b / (a * x + b)),
    "pdtr": lambda k, m: oracle.gammaincc(mp.floor(k) + 1, m),
    "pdtrc": lambda k, m: oracle.gammainc(mp.floor(k) + 1, m),
    "exprel": lambda x: mp.expm1(x) / x, "entr": lambda x: -xlogy(x, x), "exp1": mp.e1,
    "expi": mp.ei, "ellipk": mp.ellipk, "owens_t": oracle.owens_t, "tklmbda": tukey_lambda_cdf,
    "lambertw": lambda x, k=0: mp.lambertw(x, int(k)), "chndtr": noncentral_chi2_cdf,
    "ncfdtr": lambda a, b, nc, x: noncentral_f_cdf(x, a, b, nc),
    "nctdtr": lambda df, nc, x: 1 - noncentral_t_sf(x, df, nc), "kolmogorov": oracle.kolmogorov,
}  # fmt: skip
PRIVATE = {
    "_log1mexp": lambda x: mp.log(-mp.expm1(x)),
    "_igam_fac": lambda a, x: mp.exp(a * mp.log(x) - x - loggamma(a)),
    "_beta_pdf": lambda x, a, b: x ** (a - 1) * (1 - x) ** (b - 1) / mp.beta(a, b),
    "_skewnorm_cdf": skewnorm_cdf, "_gen_harmonic": harmonic, "_landau_pdf": landau_pdf,
    "_normalized_gen_harmonic": lambda j, k, n, a: (mp.zeta(a, j) - mp.zeta(a, k + 1))
    / harmonic(n, a),
    "_ncx2_pdf": noncentral_chi2_pdf, "_ncx2_sf": noncentral_chi2_sf,
    "_ncf_pdf": noncentral_f_pdf, "_ncf_sf": lambda x, a, b, nc: 1 - noncentral_f_cdf(x, a, b, nc),
    "_nct_pdf": noncentral_t_pdf, "_nct_sf": noncentral_t_sf,
    "_cosine_cdf": lambda x: (mp.pi + x + mp.sin(x)) / (2 * mp.pi),
    "_kolmogc": lambda x: 1 - oracle.kolmogorov(x),
    "_kolmogp": lambda x: mp.diff(oracle.kolmogorov, x),
    "_binom_pmf": lambda k, n, p: mp.binomial(n, k) * p**k * (1 - p) ** (n - k),
    "_binom_cdf": lambda k, n, p: oracle.betainc(n - k, k + 1, 1 - p),
    "_binom_sf": lambda k, n, p: oracle.betainc(k + 1, n - k, p),
    "_nbinom_pmf": lambda k, n, p: mp.binomial(n + k - 1, k) * p**n * (1 - p) ** k,
    "_nbinom_cdf": lambda k, n, p: oracle.betainc(n, k + 1, p),
    "_nbinom_sf": lambda k, n, p: oracle.betainc(k + 1, n, 1 - p),
}  # fmt: skip
SPECIAL = {name: of_numbers(f) for name, f in SPECIAL.items()} | {"logsumexp": logsumexp}
PRIVATE = SPECIAL | {name: of_numbers(f) for name, f in PRIVATE.items()}
MODULES = {
    np: Names(NUMPY, np),
    math: Names(NUMPY, math),
    scipy.special: Names(SPECIAL, scipy.special),
    _ufuncs: Names(PRIVATE, _ufuncs),
}
