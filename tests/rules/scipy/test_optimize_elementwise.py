"""`scipy.optimize.elementwise`: roots and minima for each element, against closed forms."""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.errors import MissingRuleError, SolverError, UnsupportedInputError
from tests.rules.checks import check_close, check_nestings, difference

elementwise = pytest.importorskip("scipy.optimize.elementwise")
P = np.array([0.7, 1.2])


def roots(p):
    ends = np.zeros(2), np.full(2, 3.0)
    return elementwise.find_root(lambda x, a: x**3 - a, ends, args=(p,)).x


def root_of_a_closure(p):
    return elementwise.find_root(lambda x: x**3 - p[0] * x - p[1], (0.0, 5.0)).x


def minima(p):
    start = np.full(2, -1.0), np.full(2, 0.5), np.full(2, 3.0)
    found = elementwise.find_minimum(lambda x, a: (x - a) ** 2 + 0.1 * x**4, start, args=(p,))
    return np.stack([found.x, found.f_x])


def root_in_a_bracket(p):
    found = elementwise.bracket_root(lambda x, a: x**3 - a, 0.0, 1.0, args=(p,))
    root = elementwise.find_root(lambda x, a: x**3 - a, found.bracket, args=(p,))
    return np.stack([root.x, found.f_bracket[0] ** 2])


def minimum_in_a_bracket(p):
    found = elementwise.bracket_minimum(lambda x, a: (x - a) ** 2, 0.3, args=(p,))
    minimum = elementwise.find_minimum(
        lambda x, a: (x - a) ** 2 * (1 + 0.1 * x), found.bracket, args=(p,)
    )
    return np.stack([minimum.x, found.f_bracket[0]])


def test_the_derivative_of_a_root_is_that_of_its_closed_form():
    expected = np.diag(P ** (-2 / 3) / 3)
    for mode in ("forward", "reverse"):
        check_close(dd.jacobian(roots, mode=mode)(P), expected, 1e-10, mode)


@pytest.mark.parametrize(
    "f", [roots, root_of_a_closure, minima, root_in_a_bracket, minimum_in_a_bracket]
)
def test_derivatives_of_both_orders_are_those_of_differences(f):
    tangent = np.array([0.8, -0.5])
    value, found = dd.jvp(f, (P,), (tangent,))
    np.testing.assert_array_equal(value, f(P))
    check_close(np.ravel(found), difference(f, [P], [tangent]), 1e-5, "tangent")
    check_nestings(f, (P,), 1e-4)


def test_the_last_bracket_of_a_search_is_not_constant():
    def f(p):
        return elementwise.find_root(lambda x: x**3 - p, (0.0, 3.0)).bracket[0]

    with pytest.raises(UnsupportedInputError, match="bracket"):
        dd.grad(f)(1.3)


def test_an_element_without_a_root_is_an_error():
    with pytest.raises(SolverError):
        dd.grad(lambda p: elementwise.find_root(lambda x: x**2 + p, (-1.0, 2.0)).x)(1.0)


def test_a_bracket_that_starts_at_a_traced_number_is_refused():
    with pytest.raises(MissingRuleError, match="bracket_root"):
        dd.grad(lambda p: elementwise.bracket_root(lambda x: x - 2, p).bracket[0])(1.0)
