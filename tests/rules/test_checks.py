"""The checks of the table find the mistakes that they are there to find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dualdiff.array.box import unbox
from dualdiff.errors import DualdiffError
from dualdiff.rules.declare import elementwise, linear, rule
from tests.rules import checks
from tests.rules.rows import A, row


def _cube(x: Any) -> Any:
    return np.multiply(x, np.multiply(x, x))


SLIGHTLY_WRONG = elementwise(_cube, lambda x: 3.000001 * x * x)
WRONG_PULL = rule(_cube, jvp=lambda t, x: 3 * x * x * t, vjp=lambda g, x: 2 * x * x * g)
WRONG_PUSH = rule(_cube, jvp=lambda t, x: 2 * x * x * t, vjp=lambda g, x: 3 * x * x * g)
FIRST_ORDER_ONLY = elementwise(_cube, lambda x: 3 * unbox(x) * unbox(x))
DOUBLE_PRECISION = elementwise(
    _cube, lambda x: np.float64(3) * x * x if unbox(x).dtype == "f8" else 3.1 * x * x
)
CONJUGATING = rule(
    _cube, jvp=lambda t, x: 3 * x * x * t, vjp=lambda g, x: np.conjugate(3 * x * x) * g
)
COUNTS_FROM_THE_LEFT = linear(
    lambda x: np.sum(x, axis=0),
    lambda g, x_spec: np.broadcast_to(g, g.shape[:-1] + x_spec.shape),
    jvp=lambda t: np.sum(t, axis=0),
)
OTHER_VALUE = elementwise(lambda x: np.multiply(x, 1 + 1e-15), 1)


@pytest.mark.parametrize(
    ("primitive", "check"),
    [
        (SLIGHTLY_WRONG, lambda r: checks.check_jvp(r, 0)),
        (WRONG_PUSH, lambda r: checks.check_jvp(r, 0)),
        (WRONG_PULL, checks.check_adjoint),
        (WRONG_PULL, checks.check_second_order),
        (FIRST_ORDER_ONLY, checks.check_second_order),
        (DOUBLE_PRECISION, checks.check_float32),
        (CONJUGATING, checks.check_complex),
        (COUNTS_FROM_THE_LEFT, checks.check_lead_axes),
    ],
)
def test_faulty_rule_is_found(primitive: Any, check: Any) -> None:
    with pytest.raises((AssertionError, DualdiffError)):
        check(row(primitive, A(3, 2)))


def test_sound_rule_passes_every_check() -> None:
    r = row(elementwise(_cube, lambda x: 3 * x * x), A(3, 2))
    checks.check_jvp(r, 0)
    for check in (
        checks.check_primal,
        checks.check_adjoint,
        checks.check_lead_axes,
        checks.check_second_order,
        checks.check_hessian,
        checks.check_float32,
        checks.check_complex,
    ):
        check(r)


def test_value_that_differs_in_the_last_digit_is_found() -> None:
    def f(x: Any) -> Any:
        return OTHER_VALUE(x) if type(x) is not np.ndarray else x * 1.0

    with pytest.raises(AssertionError, match="differs from NumPy's"):
        checks.check_primal(row(f, A(3)))


def test_random_arrays_have_no_ties_and_stay_in_their_bounds() -> None:
    x, y = A(4, 5), A(4, 5, low=0.1, high=0.9)
    assert len(np.unique(x)) == len(np.unique(y)) == 20
    assert np.all(np.abs(x) >= 0.4)
    assert np.all(np.abs(x) <= 1.6)
    assert np.all((y >= 0.1) & (y <= 0.9))
    assert np.linalg.cond(A(4, 4)) < 50
    np.testing.assert_array_equal(x, A(4, 5))
    assert not np.array_equal(x, A(4, 5, seed=1))
