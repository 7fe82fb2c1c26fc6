"""SciPy's functions to 130 digits, by mpmath, and their derivatives by differences there."""

import mpmath as mp

DIGITS = 130


def slope(f, args, i, order=1):
    """The derivative of `f` in argument `i`; the step is relative to the argument."""
    x = mp.mpf(args[i])
    h = (abs(x) if x else mp.mpf(10) ** -8) * mp.mpf(10) ** (-26 if order == 1 else -18)

    def at(t):
        return f(*[t if j == i else mp.mpf(a) for j, a in enumerate(args)])

    if order == 1:
        return (at(x + h) - at(x - h)) / (2 * h)
    return (at(x + h) - 2 * at(x) + at(x - h)) / h**2


def root(equation, start):
    """The solution of an equation near SciPy's value."""
    return mp.findroot(equation, mp.mpf(float(start)), tol=1e-200, maxsteps=60, verify=False)


def log_beta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def erfcx(x):
    if x < 1e4:
        return mp.exp(x * x) * mp.erfc(x)
    nodes = [0, 1 / x, 10 / x, 100 / x]
    return mp.quad(lambda t: mp.exp(-t * t - 2 * x * t), nodes) * 2 / mp.sqrt(mp.pi)


def dawsn(x):
    return mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x)


def log_ndtr(x):
    if abs(x) < 1e6:
        return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)
    tail = 1 - 1 / x**2 + 3 / x**4 - 15 / x**6
    return -x * x / 2 - mp.log(-x) - mp.log(2 * mp.pi) / 2 + mp.log(tail)


def boxcox(x, power):
    return mp.expm1(power * mp.log(x)) / power if power else mp.log(x)


def inv_boxcox(y, power):
    return mp.exp(mp.log1p(power * y) / power) if power else mp.exp(y)


def pseudo_huber(d, r):
    return d * d * (mp.sqrt(1 + (r / d) ** 2) - 1)


def gammainc(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def gammaincc(a, x):
    return mp.gammainc(a, x, mp.inf, regularized=True)


def betainc(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def stdtr(v, t):
    tail = betainc(v / 2, mp.mpf(1) / 2, v / (v + t * t)) / 2
    return tail if t < 0 else 1 - tail


def kolmogorov(y):
    return 2 * mp.nsum(lambda k: (-1) ** (int(k) - 1) * mp.exp(-2 * k * k * y * y), [1, 60])


def owens_t(h, a):
    def integrand(x):
        return mp.exp(-h * h * (1 + x * x) / 2) / (1 + x * x)

    return mp.quad(integrand, [0, a]) / (2 * mp.pi)


def voigt(x, s, g):
    z = (x + mp.mpc(0, 1) * g) / (s * mp.sqrt(2))
    w = mp.exp(-z * z) * mp.erfc(-mp.mpc(0, 1) * z)
    return mp.re(w) / (s * mp.sqrt(2 * mp.pi))


def spherical_jn(n, x):
    return mp.sqrt(mp.pi / (2 * x)) * mp.besselj(n + mp.mpf(1) / 2, x)


def ncfdtr(m, n, c, x):
    """The Poisson mixture of central F distributions."""
    share = m * x / (m * x + n)
    weight, total, j = mp.exp(-c / 2), mp.mpf(0), 0
    while j < 200:
        total += weight * betainc(m / 2 + j, n / 2, share)
        j += 1
        weight *= c / (2 * j)
    return total


def wright_bessel(a, b, x):
    """The series (DLMF 10.46.1)."""
    total, k = mp.rgamma(b), 0
    term = total
    while k < 5 or abs(term) > abs(total) * mp.eps:
        k += 1
        term = x**k / mp.factorial(k) * mp.rgamma(a * k + b)
        total += term
    return total


def smirnov(n, d):
    """Birnbaum and Tingey's sum (1951)."""
    n = int(n)
    terms = [
        mp.binomial(n, j) * (d + mp.mpf(j) / n) ** (j - 1) * (1 - d - mp.mpf(j) / n) ** (n - j)
        for j in range(n)
        if d + mp.mpf(j) / n < 1
    ]
    return d * mp.fsum(terms)


def tklmbda(x, shape):
    """The inverse of its quantile function."""
    return mp.findroot(lambda p: (p**shape - (1 - p) ** shape) / shape - x, mp.mpf(0.6))
