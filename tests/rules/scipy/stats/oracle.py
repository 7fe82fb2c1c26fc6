"""Every distribution to 50 digits: the bodies of SciPy's private methods on mpmath's numbers.

A copy of a method has SciPy's byte code and mpmath's functions for NumPy's. Methods of the base
class work by floats, so definitions take their place: integrals, sums and roots.
"""

import builtins
import functools
import types

import mpmath as mp
import numpy as np
import scipy._lib
import scipy.stats
from scipy._lib import _util

from tests.rules.scipy.stats.functions import MODULES, NUMPY, SPECIAL, number

extra = getattr(scipy._lib, "array_api_extra", None)  # of newer releases
DIGITS = 130
INTEGRAL_DIGITS = 40
BASE = "scipy.stats._distn_infrastructure"
INFINITE = 1e300


def apply_where(condition, args, first, second=None, *, fill_value=None, xp=None):
    args = args if isinstance(args, (tuple, list)) else (args,)
    if condition:
        return first(*args)
    return second(*args) if second is not None else number(fill_value)


def _lazywhere(condition, args, f, fillvalue=None, f2=None):
    return apply_where(condition, args, f, f2, fill_value=fillvalue)


def _lazyselect(conditions, choices, args, default=0):
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        if condition:
            return choice(*args)
    return number(default)


REPLACED = {
    getattr(home, name): new
    for home, name, new in (
        (extra, "apply_where", apply_where),
        (_util, "_lazywhere", _lazywhere),
        (_util, "_lazyselect", _lazyselect),
    )
    if hasattr(home, name)
}


class Extra:
    """`scipy._lib.array_api_extra` for copies."""

    apply_where = staticmethod(apply_where)


def translated(value):
    """A global of SciPy's modules for copies."""
    if isinstance(value, types.ModuleType):
        return Extra if value is extra else MODULES.get(value, value)
    if isinstance(value, types.FunctionType) and value in REPLACED:
        return REPLACED[value]
    name = getattr(value, "__name__", "")
    for module, known in ((np, NUMPY), (scipy.special, SPECIAL)):
        if name in known and getattr(module, name, None) is value:
            return known[name]
    if isinstance(value, types.FunctionType) and value.__module__.startswith("scipy"):
        return copied(value)
    if isinstance(value, (scipy.stats.rv_continuous, scipy.stats.rv_discrete)):
        return Distribution(value)
    return value


class Globals(dict):
    """The globals of copies, translated when they are asked for."""

    def __init__(self, source):
        super().__init__({"__builtins__": builtins, "__name__": source["__name__"]})
        self.source = source

    def __missing__(self, name):
        found = self[name] = translated(self.source[name])
        return found


@functools.cache
def copied(function):
    cells = tuple(types.CellType(translated(c.cell_contents)) for c in function.__closure__ or ())
    new = types.FunctionType(
        function.__code__,
        Globals(function.__globals__),
        function.__name__,
        function.__defaults__,
        cells or None,
    )
    new.__kwdefaults__ = function.__kwdefaults__
    return new


class Distribution:
    """The standard form of a distribution of SciPy's (loc 0, scale 1) on mpmath's numbers."""

    def __init__(self, source):
        self.source = source
        self.discrete = isinstance(source, scipy.stats.rv_discrete)
        self.density = "_pmf" if self.discrete else "_pdf"

    def own(self, name):
        """A method that the class itself defines, or None."""
        for cls in type(self.source).__mro__:
            if name in vars(cls) and cls.__module__ != BASE:
                found = vars(cls)[name]
                if isinstance(found, types.FunctionType):
                    if "__class__" in found.__code__.co_freevars:
                        raise NotImplementedError(f"{name} calls its base class")
                    return types.MethodType(copied(found), self)
        return None

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = self.own(name)
        if found is None and f"base{name}" in Distribution.__dict__:
            return getattr(self, f"base{name}")
        return getattr(self.source, name) if found is None else found

    # The methods of the base class, by their definitions.
    def base_pdf(self, x, *shapes):
        return mp.exp(self._logpdf(x, *shapes))

    def base_logpdf(self, x, *shapes):
        return mp.log(self._pdf(x, *shapes))

    def base_logpmf(self, x, *shapes):
        return mp.log(self._pmf(x, *shapes))

    def base_pmf(self, x, *shapes):
        return mp.exp(self._logpmf(x, *shapes))

    def base_cdf(self, x, *shapes):
        if self.own("_sf") or self.own("_logsf"):
            return 1 - self._sf(x, *shapes)
        return self.mean_of(lambda t: 1, shapes, high=x)

    def base_sf(self, x, *shapes):
        if self.own("_logsf"):
            return mp.exp(self._logsf(x, *shapes))
        if self.own("_cdf"):
            return 1 - self._cdf(x, *shapes)
        return self.mean_of(lambda t: 1, shapes, low=x)

    def base_logcdf(self, x, *shapes):
        return mp.log(self._cdf(x, *shapes))

    def base_logsf(self, x, *shapes):
        return mp.log(self._sf(x, *shapes))

    def mean_of(self, g, shapes, low=None, high=None):
        """The integral, or sum, of g times the density between limits."""
        a, b = map(number, self._get_support(*shapes))
        low, high = a if low is None else low, b if high is None else high
        density = getattr(self, self.density)
        if self.discrete:
            return self._sum(lambda k: g(k) * density(k, *shapes), low, high)
        floats = [float(s) for s in shapes]
        inner = self.source.ppf([1e-12, 1e-4, 0.05, 0.3, 0.5, 0.7, 0.95, 0.9999], *floats)
        inner = [*inner, *self.source.isf([1e-8, 1e-12, 1e-20], *floats), *self.kinks(floats)]
        nodes = sorted({mp.mpf(float(p)) for p in inner if low < float(p) < high})
        with mp.workdps(INTEGRAL_DIGITS):
            return mp.quad(lambda t: g(t) * density(t, *shapes), [low, *nodes, high])

    def kinks(self, shapes):
        return {"crystalball": [-shapes[0]] if shapes else []}.get(self.source.name, [0.0])

    def _sum(self, term, low, high):
        if high < 5000 and low > -5000:
            return mp.fsum(term(mp.mpf(k)) for k in range(int(low), int(high) + 1))
        if low > -5000:
            return mp.nsum(lambda k: term(mp.mpf(k)), [int(low), mp.inf])
        return mp.nsum(lambda k: term(mp.mpf(k)), [-mp.inf, mp.inf])

    # The public methods.
    def at(self, method, x, shapes, loc, scale):
        z = (x - loc) / scale
        if method in ("pdf", "pmf"):
            return getattr(self, self.density)(z, *shapes) / (1 if self.discrete else scale)
        if method in ("logpdf", "logpmf"):
            kind = f"_{method}"
            return getattr(self, kind)(z, *shapes) - (0 if self.discrete else mp.log(scale))
        return getattr(self, f"_{method}")(z, *shapes)

    def quantile(self, method, q, shapes, loc, scale):
        one, start = ("_cdf", "ppf") if method == "ppf" else ("_sf", "isf")
        x = getattr(self.source, start)(float(q), *map(float, shapes))
        f = getattr(self, one)
        root = mp.findroot(
            lambda t: mp.log(f(t, *shapes)) - mp.log(q), mp.mpf(float(x)), tol=1e-80,
            verify=False, maxsteps=40,
        )  # fmt: skip
        return loc + scale * root

    def moment(self, n, shapes, loc, scale):
        """The n-th moment about zero."""
        return self.mean_of(lambda t: (loc + scale * t) ** n, shapes)

    def entropy(self, shapes, scale):
        def surprise(t):
            kind = "_logpmf" if self.discrete else "_logpdf"
            return -getattr(self, kind)(t, *shapes)

        return self.mean_of(surprise, shapes) + (0 if self.discrete else mp.log(scale))


def slope(f, x, order=1):
    """A derivative of a function of one number, by a difference."""
    x = number(x)
    h = (abs(x) if x else mp.mpf(1)) * mp.mpf(10) ** (-15 if order == 1 else -11)
    if order == 1:
        return (f(x + h) - f(x - h)) / (2 * h)
    return (f(x + h) - 2 * f(x) + f(x - h)) / h**2
