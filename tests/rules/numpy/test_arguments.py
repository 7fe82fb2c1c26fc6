"""Arguments that are differentiated beside the first one: `initial`, `q`, `period`, weights, ..."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

NAN = np.array([[0.3, np.nan, -1.2], [np.nan, 0.4, 0.9]])
X = np.array([-1.0, -0.4, 0.1, 0.6, 1.1, 1.5])
WIDE = {"low": 0.6, "high": 1.4}


def with_nan(function, **kwargs):
    """A function of the elements of an array of which some are NaN."""

    def f(x, *more, **traced):
        mirrored = getattr(dd.numpy, function.__name__)
        return mirrored(np.where(np.isnan(NAN), np.nan, x), *more, **traced, **kwargs)

    f.__name__ = f"{function.__name__}_argument"
    return f


def named(function, *names, **kwargs):
    """The function with its last operands passed by keyword, so that they are differentiated.

    NumPy does not ask all of its arguments whether they are traced: `dualdiff.numpy` does.
    """
    owner = getattr(function, "__self__", None)
    mirrored = function
    if isinstance(owner, np.ufunc):
        mirrored = getattr(getattr(dd.numpy, owner.__name__), function.__name__)
    elif hasattr(np, function.__name__):
        mirrored = getattr(dd.numpy, function.__name__)

    def f(*args):
        unbox, traced = args[: -len(names)], args[-len(names) :]
        return mirrored(*unbox, **dict(zip(names, traced, strict=True)), **kwargs)

    prefix = f"{owner.__name__}." if isinstance(owner, np.ufunc) else ""
    f.__name__ = f"{prefix}{function.__name__}:{'+'.join(names)}"
    return f


REDUCED = "add multiply maximum minimum fmax fmin hypot logaddexp logaddexp2"
ORDERED = "subtract divide power float_power arctan2 copysign fmod remainder nextafter"
REAL = {"_complex": False}
# NumPy 2.4.6 errs in these (see test_ufunc_methods), so that the value is not taken from it.
ROUNDED = ("power", "arctan2")
ROWS = [
    *(row(named(f, "initial"), A(2, 3), 0.35, **REAL) for f in (np.sum, np.prod)),
    *(
        row(named(f, "initial", axis=1), A(2, 3), v, **REAL)
        for f in (np.max, np.min, np.amax, np.amin)
        for v in (0.05, 3.0, -3.0)
    ),
    *(row(with_nan(f), A(2, 3), **REAL) for f in (np.nansum, np.nanprod, np.nanmax, np.nanmin)),
    *(
        row(named(with_nan(f), "initial"), A(2, 3), v, **REAL,
            _id=f"{f.__name__}-initial")
        for f, v in ((np.nansum, 0.3), (np.nanprod, 0.3), (np.nanmax, 5.0), (np.nanmin, -5.0))
    ),
    *(
        row(named(f, "mean", axis=-1), A(2, 3), A(2, 1, seed=3), _id=f"{f.__name__}-mean")
        for f in (np.var, np.std)
    ),
    *(
        row(named(with_nan(f), "mean", axis=-1), A(2, 3), A(2, 1, seed=3), **REAL,
            _id=f"{f.__name__}-mean")
        for f in (np.nanvar, np.nanstd)
    ),
    row(np.quantile, A(6), 0.33, **REAL, _id="quantile-q"),
    row(np.quantile, A(2, 5), np.array([0.1, 0.62]), axis=1, **REAL, _id="quantile-q"),
    row(np.percentile, A(6), 33.3, **REAL, _id="percentile-q"),
    row(with_nan(np.nanquantile), A(2, 3), 0.3, **REAL, _id="nanquantile-q"),
    row(with_nan(np.nanpercentile), A(2, 3), 41.0, **REAL, _id="nanpercentile-q"),
    row(named(np.nan_to_num, "nan", "posinf", "neginf"), np.array([1.0, np.nan, np.inf, -np.inf]),
        0.5, 2.0, -3.0, _argnums=(1, 2, 3), **REAL),
    row(np.corrcoef, A(2, 4), A(4, seed=2), _id="corrcoef-y"),
    row(np.cov, A(2, 4), A(4, seed=2), _id="cov-y"),
    row(named(np.pad, "constant_values", mode="constant", pad_width=2), A(3), 0.4, **REAL),
    row(named(np.pad, "end_values", mode="linear_ramp", pad_width=2), A(3), 0.4, **REAL),
    row(named(np.polyfit, "w"), X, A(6), 2, A(6, **WIDE), **REAL, _float32=False),
    row(np.select, [X > 0.5, X > 0], [A(6), A(6, seed=2)], 0.7, _id="select-default"),
    row(named(np.unwrap, "period"), np.array([0.1, 3.3, 6.9, 7.0]), 3.1, **REAL),
    row(named(np.logspace, "base"), 0.2, 1.1, 4, 2.5, **REAL),
    row(named(np.histogram_bin_edges, "range", bins=3), X, (-1.5, 2.5), _argnums=1, **REAL),
    row(np.average, A(2, 3), axis=1, weights=np.array([0.2, 0.5, 0.9]), _id="average"),
    row(named(np.average, "weights", axis=1), A(2, 3), A(3, **WIDE)),
    *(
        row(named(getattr(np, f).reduce, "initial"), A(3, 2, **WIDE), 0.85, **REAL,
            _exact=f not in ROUNDED)
        for f in f"{REDUCED} {ORDERED}".split()
    ),
]  # fmt: skip
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum])
def test_an_initial_value_that_wins_takes_the_derivative(ufunc):
    start = 9.0 if ufunc is np.maximum else -9.0
    gradient = dd.grad(lambda x, i: ufunc.reduce(x, initial=i), argnums=(0, 1))(X, start)
    np.testing.assert_array_equal(gradient[0], 0)
    assert gradient[1] == 1.0
