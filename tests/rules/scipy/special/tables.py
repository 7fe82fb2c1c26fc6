"""How rows of special functions are written: real functions, with parameters held constant."""

import scipy
import scipy.special as special
from scipy.special import _ufuncs

from tests.rules.table import A, Newer, row

# Until 1.14 SciPy is wrong here: complex hyp1f1 and modfresnelp, five digits of ncfdtr, and
# pro_rad1 and pro_rad1_cv write past their memory.
OLD = tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 14)
X = A(3)
POSITIVE = A(3, low=0.3, high=2.5)
UNIT = A(3, low=0.1, high=0.9)
SHAPE = A(2, 1, low=0.6, high=2.2, seed=3)


def newer(make):
    """A row of a function that older releases of SciPy compute wrongly."""
    return Newer("a function", "this release of SciPy computes it wrongly") if OLD else make()


def of(function, *constants):
    """The function of its last arguments, with the first ones held constant."""

    def f(*x):
        return function(*constants, *x)

    f.__name__ = function.__name__
    return f


def real(function, *args, **options):
    """A row of a function of real numbers; a name stands for one of SciPy's functions."""
    if isinstance(function, str):
        name = function
        function = getattr(special, name, None) or getattr(_ufuncs, name, None)
        if function is None:
            return Newer(name, "this version of SciPy does not have it")
    return row(function, *args, _complex=False, **options)
