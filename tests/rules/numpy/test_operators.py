"""Python's operators and built-in functions on traced arrays and scalars."""

from __future__ import annotations

import builtins
import math
import operator
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, Row, row, rule_tests

# The bounds keep the base of a power positive and quotients off the integers.
BINARY: list[tuple[Any, dict[str, float], dict[str, float], bool]] = [
    (operator.add, {}, {}, True),
    (operator.sub, {}, {}, True),
    (operator.mul, {}, {}, True),
    (operator.truediv, {}, {}, True),
    (operator.pow, {"low": 0.3, "high": 2.0}, {}, True),
    (operator.mod, {"low": 1.2, "high": 1.8}, {"low": -1.1, "high": -0.95}, False),
    (operator.floordiv, {"low": 1.2, "high": 1.8}, {"low": -1.1, "high": -0.95}, False),
    (divmod, {"low": 1.2, "high": 1.8}, {"low": -1.1, "high": -0.95}, False),
]


def _number(seed: int = 3, **bounds: float) -> float:
    return float(A(1, seed=seed, **bounds)[0])


def _reflected(op: Any, x: Any) -> Any:
    """As ``x op y`` with x plain: a row whose first operand is static."""

    def apply(y: Any) -> Any:
        return op(x, y)

    apply.__name__ = f"r{op.__name__}"
    return apply


def _binary_rows() -> list[Row]:
    rows = []
    for op, x, y, is_complex in BINARY:
        arrays = A(3, **x), A(2, 3, **y)
        numbers = _number(**x), _number(4, **y)
        rows += [
            row(op, *arrays, _complex=is_complex),
            row(op, arrays[0], numbers[1], _complex=is_complex),
            row(op, numbers[0], arrays[1], _complex=is_complex),
            row(op, *numbers, _complex=is_complex),
            row(op, *arrays, _argnums=0, _complex=is_complex, _id=f"{op.__name__}-constant"),
            row(_reflected(op, arrays[0]), arrays[1], _complex=is_complex),
            # NumPy makes float64 of an np.float64 operand, also beside float32.
            row(_reflected(op, np.float64(numbers[0])), arrays[1], _complex=is_complex),
        ]
    return rows


def _in_place(op: Any) -> Any:
    def apply(x: Any, y: Any) -> Any:
        z = dd.numpy.array(x) if np.ndim(x) else 1.0 * x
        alias = z
        z = op(z, y)
        return z * alias

    apply.__name__ = op.__name__
    return apply


ROWS = [
    *_binary_rows(),
    row(operator.neg, A(2, 3)),
    row(operator.pos, A(2, 3)),
    row(operator.abs, A(2, 3)),
    row(operator.neg, 0.7),
    row(operator.pos, 0.7),
    row(operator.abs, -0.7),
    row(operator.matmul, A(2, 3), A(3, 2)),
    row(_reflected(operator.matmul, A(2, 3)), A(3)),
    row(operator.pow, A(3), 2),
    row(operator.pow, A(3), -1.0, _argnums=0, _id="pow-constant"),
    row(operator.pow, 0.7, 3),
    row(operator.pow, 0.7, 0),
    row(operator.pow, A(3), np.array([1, 2, 3])),
    row(operator.pow, 2, A(3)),
    row(operator.mul, A(3), np.array([1, 2, 3])),
    row(lambda x: round(x * 1.3) * x, 0.7, _complex=False, _id="round-times"),
    row(lambda x: round(x, 15) * x, 0.7, _complex=False, _id="round-last-digits"),
    row(lambda x: np.round(x, 14) * x, A(3, low=1.0, high=2.0), _id="round-last-digits-of-array"),
    row(_in_place(operator.iadd), A(2, 3), A(3)),
    row(_in_place(operator.isub), A(2, 3), 0.7),
    row(_in_place(operator.imul), A(2, 3), A(2, 1)),
    row(_in_place(operator.itruediv), A(2, 3), A(3)),
    row(_in_place(operator.ipow), A(2, 3, low=0.3, high=2.0), 1.5),
    row(_in_place(operator.imod), A(3, low=1.2, high=1.8), 1.05, _complex=False),
    row(_in_place(operator.ifloordiv), A(3, low=1.2, high=1.8), 1.05, _complex=False),
    row(_in_place(operator.imatmul), A(3, 3), A(3, 3, seed=1)),
    row(_in_place(operator.iadd), 0.7, 1.5),
    row(_in_place(operator.imul), 0.7, 1.5),
]
# A complex operand cannot be added in place to a real array: NumPy refuses it as well.
for _r in ROWS:
    if _r.fn.__name__ in ("iadd", "isub", "imul", "itruediv", "ipow", "imatmul"):
        _r.complex = _r.complex and isinstance(_r.leaves[0], float)

TestRules = rule_tests(ROWS)


def test_in_place_on_an_array_is_seen_through_every_name() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        alias, view = y, y[1:]
        y += x
        y *= 3.0
        view -= 1.0
        assert alias is y
        return y

    value, tangent = dd.jvp(f, (np.array([1.0, 2.0]),), (np.ones(2),))
    np.testing.assert_array_equal(value, [6.0, 11.0])
    np.testing.assert_array_equal(tangent, [6.0, 6.0])


def test_in_place_on_a_scalar_makes_a_new_value() -> None:
    def f(x: Any) -> Any:
        y = x
        y += 1.0
        y *= x
        return y - x

    assert dd.value_and_grad(f)(3.0) == (9.0, 6.0)


@pytest.mark.parametrize("op", [operator.iadd, operator.imul, operator.isub, operator.itruediv])
def test_in_place_does_not_change_the_callers_array(op: Any) -> None:
    x = A(3)
    before = x.copy()
    dd.grad(lambda x: np.sum(op(x, 2.0)))(x)
    np.testing.assert_array_equal(x, before)


def test_in_place_that_would_enlarge_the_array_raises_as_numpy_does() -> None:
    with pytest.raises(ValueError, match="non-broadcastable"):
        dd.grad(lambda x: np.sum(operator.iadd(x, np.ones((2, 3)))))(A(3))


def test_in_place_complex_into_real_is_refused() -> None:
    with pytest.raises(TypeError, match=r"x = x \+ y"):
        dd.grad(lambda x: np.sum(operator.iadd(x, 1j)))(A(3))


@pytest.mark.parametrize("op", [operator.iadd, operator.imul, operator.imatmul])
def test_plain_array_cannot_take_a_traced_value_in_place(op: Any) -> None:
    with pytest.raises(TypeError, match=r"write `a = a \+ x`"):
        dd.grad(lambda x: np.sum(op(np.ones((3, 3)), x)))(A(3, 3))


def test_derivative_of_a_quotient_by_zero_is_infinite() -> None:
    with np.errstate(all="ignore"):
        for zero in (0.0, 0, np.zeros(2), np.float64(0.0)):
            np.testing.assert_array_equal(
                dd.grad(lambda x, z=zero: np.sum(x / z))(np.ones(2)), [np.inf, np.inf]
            )


PYTHON_VALUES = [
    (lambda x: x + 1, 2.5, 1.0),
    (lambda x: 1 - x, 2.5, -1.0),
    (lambda x: x**2, -2.5, -5.0),
    (lambda x: x**-1, 2.0, -0.25),
    (lambda x: 2**x, 3.0, 8 * math.log(2)),
    (lambda x: x**x, 2.0, 4 * (math.log(2) + 1)),
    (lambda x: x % 2, -2.5, 1.0),
    (lambda x: -7.0 % x, 2.0, 4.0),
    (lambda x: x // 2 * x, 5.5, 2.0),
    (lambda x: 7 // x * x, 2.0, 3.0),
    (lambda x: divmod(x, 2)[1] * x, 5.0, 6.0),
    (lambda x: divmod(7, x)[0] * x, 2.0, 3.0),
    (abs, -2.0, -1.0),
    (abs, 0.0, 0.0),
    (lambda x: round(x) * x, 2.6, 3.0),
    (lambda x: round(x, 1) * x, 2.66, 2.7),
    (lambda x: math.floor(x) * x, 2.6, 2.0),
    (lambda x: math.ceil(x) * x, 2.6, 3.0),
    (lambda x: math.trunc(x) * x, -2.6, -2.0),
    (lambda x: x * x if 1 < x < 3 else x, 2.0, 4.0),
    (lambda x: x * x if x != 2 else x, 2.0, 1.0),
    (lambda x: x * 2 if x else x, 0.0, 1.0),
    (lambda x: max(x, 1.0) * min(x, 1.0), 3.0, 1.0),
    (lambda x: sum([x, x, 1.0]), 3.0, 2.0),
    (lambda x: math.prod([x, x, x]), 3.0, 27.0),
    (lambda x: pow(x, 3), 2.0, 12.0),
    (lambda x: -x + +x * 3, 2.0, 2.0),
    (lambda x: (x + 2j) * (x - 2j), 3.0, 6.0),
]


@pytest.mark.parametrize(("f", "x", "expected"), PYTHON_VALUES)
def test_python_numbers(f: Any, x: float, expected: float) -> None:
    assert dd.grad(f)(x) == pytest.approx(expected, rel=1e-14)
    assert dd.jvp(f, (x,), (1.0,))[1] == pytest.approx(expected, rel=1e-14)
    unbox, traced = f(x), dd.jvp(f, (x,), (1.0,))[0]
    assert type(traced) is type(unbox)
    assert traced == unbox


@pytest.mark.parametrize("function", [round, math.floor, math.ceil, math.trunc])
@pytest.mark.parametrize("kind", [float, np.float64])
def test_rounding_gives_the_type_that_it_gives_on_the_value(function: Any, kind: type) -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append(function(x))
        return x * 1.0

    dd.grad(f)(kind(2.6))
    assert seen[0] == function(kind(2.6))
    assert type(seen[0]) is type(function(kind(2.6)))


def test_rounding_an_array_raises_as_numpy_does() -> None:
    for function in (round, math.floor, math.ceil, math.trunc):
        with pytest.raises(TypeError):
            function(A(3))
        with pytest.raises(TypeError):
            dd.grad(lambda x, f=function: f(x))(A(3))


def test_division_by_zero_raises_for_python_floats_and_warns_for_numpys() -> None:
    with pytest.raises(ZeroDivisionError):
        dd.grad(lambda x: x / 0.0)(1.0)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        dd.grad(lambda x: x / 0.0)(np.float64(1.0))


def test_comparisons_give_numpys_values() -> None:
    def f(x: Any) -> Any:
        for op in ("lt", "le", "gt", "ge", "eq", "ne"):
            compare = getattr(operator, op)
            for other in (1.0, np.ones(3), [1.0, 2.0, 3.0], x):
                result = compare(x, other)
                assert type(result) is np.ndarray
                unbox = dd.value_of(x)
                expected = compare(unbox, unbox if other is x else other)
                np.testing.assert_array_equal(result, expected)
        assert (np.ones(3) < x).dtype == bool
        return np.sum(x)

    dd.grad(f)(np.array([0.5, 1.0, 2.0]))


def test_truth_value_of_an_array_is_ambiguous_as_in_numpy() -> None:
    with pytest.raises(ValueError, match="ambiguous"):
        dd.grad(lambda x: x if x > 0 else -x)(A(3))


@pytest.mark.parametrize("symbol", ["and_", "or_", "xor", "lshift", "rshift"])
def test_bit_operators_are_refused(symbol: str) -> None:
    with pytest.raises(TypeError):
        dd.grad(lambda x: getattr(operator, symbol)(x, 1))(1.0)


def test_operands_of_other_types_are_refused_by_name() -> None:
    for other in ("text", None, {1: 2}):
        with pytest.raises(TypeError, match=type(other).__name__):
            dd.grad(lambda x, o=other: x * o)(1.0)


def test_lists_are_operands_where_numpy_takes_them() -> None:
    x = A(3)
    np.testing.assert_array_equal(dd.grad(lambda x: np.sum(x * [1, 2, 3]))(x), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(dd.grad(lambda x: np.sum([1, 2, 3] - x))(x), [-1.0, -1.0, -1.0])


def test_numpy_scalars_and_traced_scalars_mix() -> None:
    for y in (np.float64(2), np.float32(2), np.int64(2), np.array(2.0), True):
        assert dd.grad(lambda x, y=y: x * y + y * x)(3.0) == 4.0 if y is not True else 2.0


def test_builtin_max_and_sum_over_a_traced_array() -> None:
    x = np.array([1.0, 3.0, 2.0])
    np.testing.assert_array_equal(dd.grad(lambda x: builtins.max(x))(x), [0.0, 1.0, 0.0])
    np.testing.assert_array_equal(dd.grad(lambda x: builtins.sum(x * x))(x), 2 * x)
