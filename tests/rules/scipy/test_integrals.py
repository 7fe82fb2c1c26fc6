"""`scipy.integrate`: integrals of functions and samples, against closed forms and differences."""

import numpy as np
import pytest
import scipy.integrate
from scipy.integrate import dblquad, nquad, quad, quad_vec, tplquad

import dualdiff as dd
from dualdiff.errors import KeptValueError, UnsupportedInputError
from dualdiff.transforms.masks import zero_masks
from tests.rules.table import A, row, rule_tests

I = scipy.integrate  # noqa: E741
X = np.linspace(0.0, 1.0, 9) ** 1.5
PLAIN = {"_complex": False, "_float32": False}


def at_eight_nodes(y, steps):
    return I.simpson(y, x=np.cumsum(steps))


ROWS = [
    row(I.trapezoid, A(9), A(9, seed=1), **PLAIN),
    row(I.trapezoid, A(3, 4), dx=0.5, axis=0, **PLAIN),
    row(I.cumulative_trapezoid, A(9), X, initial=0, **PLAIN),
    row(I.simpson, A(9), x=X, **PLAIN),
    row(I.simpson, A(3, 8), dx=0.5, **PLAIN),
    row(at_eight_nodes, A(8), A(8, low=0.5, high=1.0, seed=1), **PLAIN),
    row(I.cumulative_simpson, A(9), x=X, **PLAIN),
    row(I.romb, A(9), 0.1, _argnums=0, **PLAIN),
    row(lambda p: I.fixed_quad(lambda x: p[0] * x**2, p[1], p[2])[0], A(3), _exact=False, **PLAIN),
]
TestRules = rule_tests(ROWS)


def smooth(x, p):
    return np.exp(-p * x) * np.cos(2 * p * x)


class Density:
    def __init__(self, p):
        self.p = {"rate": [p]}

    def at(self, x):
        return smooth(x, self.p["rate"][0])


def by_parts(p, end=1.5):
    """The integral of `smooth` from 0 to end."""
    z = p * (1 - 2j)
    return ((1 - np.exp(-z * end)) / z).real


# The function, the point, and the function in closed form.
CASES = {
    "closure": (lambda p: quad(lambda x: smooth(x, p), 0, 1.5)[0], 0.8, by_parts),
    "args": (lambda p: quad(smooth, 0, 1.5, args=(p,))[0], 0.8, by_parts),
    "attribute": (lambda p: quad(Density(p).at, 0, 1.5)[0], 0.8, by_parts),
    "limit": (lambda p: quad(smooth, 0, 2 * p, (0.8,))[0], 0.7, lambda p: by_parts(0.8, 2 * p)),
    "both limits": (lambda p: quad(np.exp, -p, p)[0], 0.7, lambda p: 2 * np.sinh(p)),
    "limit and function": (
        lambda p: quad(lambda x: p * x**2, p, 2 * p)[0],
        0.7,
        lambda p: 7 * p**4 / 3,
    ),
    "infinite": (lambda p: quad(lambda x: np.exp(-p * x), 0, np.inf)[0], 2.0, lambda p: 1 / p),
    "infinite on both sides": (
        lambda p: quad(lambda x: np.exp(-p * x * x), -np.inf, np.inf)[0],
        2.0,
        lambda p: (np.pi / p) ** 0.5,
    ),
    "infinite below": (lambda p: quad(lambda x: np.exp(p * x), -np.inf, p)[0], 0.9,
                       lambda p: np.exp(p * p) / p),
    "a singular end": (lambda p: quad(lambda x: x**p, 0, 1)[0], -0.3, lambda p: 1 / (1 + p)),
    "a logarithm": (
        lambda p: quad(lambda x: np.log(x) * x**p, 0, 1)[0], 0.5, lambda p: -((1 + p) ** -2)
    ),
    "points": (
        lambda p: quad(lambda x: np.abs(x - 1) ** p, 0, 3, points=[1.0])[0],
        0.5,
        lambda p: (1 + 2 ** (p + 1)) / (p + 1),
    ),
    "weight": (
        lambda p: quad(lambda x: np.exp(-p * x), 0, 5, weight="cos", wvar=3.0)[0],
        0.5,
        lambda p: ((1 - np.exp(-5 * p) * np.cos(15)) * p + 3 * np.exp(-5 * p) * np.sin(15))
        / (p * p + 9),
    ),
    "weight and limit": (
        lambda p: quad(lambda x: x, 0, p, weight="sin", wvar=2.0)[0],
        0.8,
        lambda p: np.sin(2 * p) / 4 - p * np.cos(2 * p) / 2,
    ),
    "branches": (
        lambda p: quad(lambda x: p * x if x < 1 else p * p * x, 0, 3)[0],
        0.5,
        lambda p: p / 2 + 4 * p * p,
    ),
    "a branch by all elements": (
        lambda p: quad(lambda x: p * x if np.any(x < 1) else p * p * x, 0, 3)[0],
        0.5,
        lambda p: p / 2 + 4 * p * p,
    ),
    "an easy value, and derivatives that need more intervals": (
        lambda p: quad(lambda x: 1 + (p - 0.5) * np.sin(50 * x) ** 2, 0, 3)[0],
        0.5,
        lambda p: 3 + (p - 0.5) * (1.5 - np.sin(300) / 200),
    ),
    "no arrays": (lambda p: quad(lambda x: p * float(x) ** 2, 0, 1)[0], 0.5, lambda p: p / 3),
    "double": (
        lambda p: dblquad(lambda y, x: p * x * y**2, 0, p, lambda x: x, lambda x: 2 * x * p)[0],
        0.8,
        lambda p: p / 3 * (8 * p**3 - 1) * p**5 / 5,
    ),
    "several": (
        lambda p: nquad(lambda x, y: p * x * np.exp(p * y), [[0, p], [0, 1]])[0],
        0.8,
        lambda p: p * p / 2 * (np.exp(p) - 1),
    ),
    "a constant box": (
        lambda p: tplquad(lambda z, y, x: p * x * z + 0 * y, 0, 1, 0, 1, 0, 2)[0],
        0.8,
        lambda p: p,
    ),
    "a triangle": (
        lambda p: dblquad(lambda y, x, q: q * x * y, 0, 1, lambda x: 0, lambda x: x, (p,))[0],
        0.8,
        lambda p: p / 8,
    ),
    "an integral in an integral": (
        lambda p: quad(lambda x: quad(lambda y: p * x * y, 0, x)[0], 0, p)[0],
        0.8,
        lambda p: p**5 / 8,
    ),
    "vector": (
        lambda p: np.sum(quad_vec(lambda x: np.stack([p * x, np.exp(p * x)]), 0, p)[0]),
        0.8,
        lambda p: p**3 / 2 + (np.exp(p * p) - 1) / p,
    ),
    "complex": (
        lambda p: np.imag(quad(lambda x: np.exp(1j * p * x), 0, 2, complex_func=True)[0]),
        0.8,
        lambda p: (1 - np.cos(2 * p)) / p,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_integrals(name):
    f, at, exact = CASES[name]
    h = 1e-3
    far, near = exact(at + 2 * h) - exact(at - 2 * h), exact(at + h) - exact(at - h)
    first = (8 * near - far) / (12 * h)
    far, near = exact(at + 2 * h) + exact(at - 2 * h), exact(at + h) + exact(at - h)
    second = (16 * near - far - 30 * exact(at)) / (12 * h**2)
    assert f(at) == pytest.approx(exact(at), rel=1e-8)
    for inner in (dd.grad, dd.derivative):
        assert inner(f)(at) == pytest.approx(first, rel=1e-8)
        for outer in (dd.grad, dd.derivative):
            assert outer(inner(f))(at) == pytest.approx(second, rel=1e-5, abs=1e-7)


def test_second_derivatives_take_masks_of_structural_zeros():
    exact = quad(lambda x: x * x * np.exp(0.8 * x), 0, 1)[0]
    with zero_masks():
        for inner in (dd.grad, dd.derivative):
            for outer in (dd.grad, dd.derivative):
                second = outer(inner(lambda p: quad(lambda x: np.exp(p * x), 0, 1)[0]))
                assert second(0.8) == pytest.approx(exact, rel=1e-8)


def test_gradients_by_many_parameters_in_three_nestings():
    p = np.array([0.7, 2.0, 0.3])

    def f(p):
        return quad(lambda x: np.exp(-p[0] * x) * np.cos(p[1] * x) + p[2] * x, 0, p[2])[0]

    step = 1e-4
    gradient = [(f(p + e) - f(p - e)) / (2 * step) for e in step * np.eye(3)]
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(dd.jacobian(f, mode=mode)(p), gradient, atol=1e-8)
    hessian = [(dd.grad(f)(p + e) - dd.grad(f)(p - e)) / (2 * step) for e in step * np.eye(3)]
    for nested in (
        dd.jacobian(dd.grad(f), mode="forward"),
        dd.jacobian(dd.grad(f), mode="reverse"),
        dd.jacobian(dd.jacobian(f, mode="forward"), mode="reverse"),
    ):
        np.testing.assert_allclose(nested(p), hessian, atol=1e-7)


def test_the_integral_of_a_derivative_has_an_error_control_of_its_own():
    assert dd.grad(lambda a: quad(lambda x: x**a, 0, 1)[0])(0.05) == pytest.approx(
        -1 / 1.05**2, rel=1e-13
    )


def test_jacobians_of_vectors():
    def f(p):
        return quad_vec(lambda x: np.exp(-p * x), 0, np.inf)[0]

    p = np.array([1.0, 2.0, 3.0])
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(dd.jacobian(f, mode=mode)(p), np.diag(-(p**-2)), atol=1e-9)
    hessian = dd.hessian(lambda p: np.sum(f(p)))(p)
    np.testing.assert_allclose(hessian, np.diag(2 / p**3), atol=1e-8)


def test_full_output_and_constant_integrals():
    def f(p):
        value, error, info = quad(lambda x: p * x, 0, 1, full_output=True)
        assert info["neval"] == 21
        assert quad(np.sin, 0, 1)[0] == scipy.integrate.quad(np.sin, 0, 1)[0]
        return value + error

    assert dd.grad(f)(2.0) == pytest.approx(0.5)


def test_a_kept_value_is_refused():
    def f(p):
        kept = {}

        def function(x):
            if "p" not in kept:
                kept["p"] = np.exp(p)
            return kept["p"] * x

        return quad(function, 0, 1)[0] + kept["p"]

    with pytest.raises(KeptValueError):
        dd.grad(f)(1.0)


def test_limits_with_algebraic_weights_are_refused():
    def f(p):
        return quad(lambda x: x, 0, p, weight="alg", wvar=(0.5, 0.5))[0]

    with pytest.raises(UnsupportedInputError, match=r"weight='alg'.*test_integrals\.py"):
        dd.grad(f)(1.0)


def test_the_backward_pass_runs_no_function_of_the_user():
    calls = []

    def counted(x, p):
        calls.append(1)
        return p * x

    _, pullback = dd.vjp(lambda p: quad(counted, 0, 1, (p,))[0], 2.0)
    count = len(calls)
    pullback(1.0)
    assert len(calls) == count


@pytest.mark.skipif(not hasattr(scipy.integrate, "tanhsinh"), reason="SciPy before 1.15")
def test_integrals_and_sums_by_scipys_own_code():
    def by_args(k):
        return scipy.integrate.tanhsinh(lambda x, k: np.exp(-k * x), 0, np.inf, args=(k,)).integral

    def by_limits(k):
        return scipy.integrate.tanhsinh(lambda x: k * x**2, -k, 2 * k).integral

    def over_a_square(k):
        def f(x, k):
            return k * np.sum(x**2, axis=-1)

        return scipy.integrate.cubature(f, np.stack([0 * k, k]), [1.0, 4.0], args=(k,)).estimate

    def series(k):
        return scipy.integrate.nsum(lambda n: k**n, 1, 9).sum

    n = np.arange(1, 10)
    for f, expected in (
        (by_args, -1 / 1.3**2),
        (by_limits, 12 * 1.3**3),
        # k (4 - k) / 3 + k (64 - k^3) / 3
        (over_a_square, (4 - 2 * 1.3 + 64 - 4 * 1.3**3) / 3),
        (series, np.sum(n * 1.3 ** (n - 1))),
    ):
        for derivative in (dd.grad(f), dd.derivative(f)):
            assert derivative(1.3) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("end", [1.0, np.inf])
def test_patterns_of_integrals_are_those_of_their_functions(end):
    def integrals(x):
        return dd.numpy.stack([quad(lambda t, p=p: np.exp(-p * t), 0, end)[0] for p in x])

    def total(x):
        return np.sum(integrals(x) * integrals(x)[::-1])

    x = np.array([0.5, 0.8, 1.3, 2.0])
    slopes = dd.jacobian(integrals, sparse=True)(x)
    assert slopes.nnz == 4
    np.testing.assert_allclose(slopes.toarray(), dd.jacobian(integrals)(x), rtol=1e-7, atol=1e-12)
    curved = dd.hessian(total, sparse=True)(x)
    np.testing.assert_allclose(curved.toarray(), dd.hessian(total)(x), rtol=1e-6, atol=1e-9)
