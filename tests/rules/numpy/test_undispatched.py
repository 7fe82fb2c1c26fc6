"""Names that NumPy never hands over: in `dualdiff.numpy`, under `patch_numpy`, or with an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.coverage import NEVER
from tests.rules.record import shown
from tests.rules.rows import A

X = A(2, 3)
CALLS: dict[str, Callable[..., Any]] = {
    "array": lambda m, x: m.array([x[0], 2 * x[1]]),
    "asarray": lambda m, x: m.asarray(x),
    "asanyarray": lambda m, x: m.asanyarray([x[0], x[0] * x[1]]),
    "ascontiguousarray": lambda m, x: m.ascontiguousarray(x.T),
    "asfortranarray": lambda m, x: m.asfortranarray(x),
    "asarray_chkfinite": lambda m, x: m.asarray_chkfinite(x),
    "require": lambda m, x: m.require(x, requirements="C"),
    "full": lambda m, x: m.full((2, 2), x[0, 0]),
    "arange": lambda m, x: m.arange(x[0, 0], x[0, 0] + 2.5, 1.0),
    "r_": lambda m, x: m.r_[x[0], x[1]],
    "c_": lambda m, x: m.c_[x[0], x[1]],
    "fromiter": lambda m, x: m.fromiter((e * e for e in x[0]), float),
    "frompyfunc": lambda m, x: m.frompyfunc(lambda e: e * e, 1, 1)(x) * 1.0,
    "vectorize": lambda m, x: m.vectorize(lambda e: e * e)(x),
    "kaiser": lambda m, x: m.kaiser(4, x[0, 0] ** 2),
    "lib.stride_tricks.as_strided": lambda m, x: m.lib.stride_tricks.as_strided(
        x.copy(), (2, 2), (24, 8)
    ),
    "fromfunction": lambda m, x: m.fromfunction(lambda i: x[0, 0] * i, (3,)),
}
# Names made of functions that dispatch, or that give an object array of traced numbers,
# which counts as traced.
WORK_PLAIN = ("fromfunction", "full", "kaiser")


def test_every_name_that_numpy_never_hands_over_is_called_here() -> None:
    assert {f"np.{name}" for name in CALLS} == NEVER


@pytest.mark.parametrize("name", CALLS)
def test_under_patch_numpy_plain_numpy_does_what_dualdiff_numpy_does(
    name: str, request: pytest.FixtureRequest
) -> None:
    call = CALLS[name]
    value, tangent = dd.jvp(lambda x: call(dd.numpy, x), (X,), (X,))
    cotangent = dd.vjp(lambda x: call(dd.numpy, x), X)[1](np.ones_like(value))[0]
    np.testing.assert_array_equal(value, call(np, X).astype(float))
    assert np.any(tangent)
    with dd.patch_numpy():
        patched, own_tangent = dd.jvp(lambda x: call(np, x), (X,), (X,))
        own_cotangent = dd.vjp(lambda x: call(np, x), X)[1](np.ones_like(value))[0]
    np.testing.assert_array_equal(patched, value)
    np.testing.assert_array_equal(own_tangent, tangent)
    np.testing.assert_array_equal(own_cotangent, cotangent)
    shown(request, "patch", f"np.{name}")


@pytest.mark.parametrize("name", [name for name in CALLS if name not in WORK_PLAIN])
def test_plain_it_says_what_to_write(name: str) -> None:
    for take in (lambda f: dd.jvp(f, (X,), (X,)), lambda f: dd.vjp(f, X)):
        with pytest.raises(dd.DualdiffError, match="dualdiff"):
            take(lambda x: CALLS[name](np, x))


@pytest.mark.parametrize("name", WORK_PLAIN)
def test_some_give_the_same_plain(name: str) -> None:
    call = CALLS[name]
    tangent = dd.jvp(lambda x: call(dd.numpy, x), (X,), (X,))[1]
    np.testing.assert_array_equal(dd.jvp(lambda x: call(np, x), (X,), (X,))[1], tangent)
