"""`check_grads`: what it accepts, what it finds, and how it says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.errors import ConversionError, GradientError, MissingRuleError

RNG = np.random.default_rng(0)
X = np.array([0.3, -1.2, 2.0])
Y = RNG.standard_normal((2, 3))
Z = X + 1j * np.array([0.7, 0.1, -0.4])


def with_rules(f: Any, slope: Any, vjp_slope: Any = None) -> Any:
    """An elementwise function with the derivatives that are given for each mode."""
    made = dd.extend.primitive(f)
    made.jvp(lambda t, x: slope(x) * t)
    made.vjp(lambda g, x: (vjp_slope or slope)(x) * g)
    return made


def error_of(f: Any, *args: Any, **options: Any) -> str:
    with pytest.raises(GradientError) as error:
        dd.check_grads(f, args, **options)
    return str(error.value)


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (np.sin, (0.7,)),
        (np.sin, (np.array(0.7),)),
        (lambda x, y: y @ x, (X, Y)),
        (lambda p: {"a": p["w"][0] * p["w"][1], "n": [np.sum(p["b"] ** 2), None, 3, "text"]},
         ({"w": [X, 2.0], "b": Y, "none": None},)),
        (lambda x: np.abs(x) * np.maximum(x, 0.1), (X,)),
        (lambda x: np.log(x) + np.sqrt(x), (np.array([1e-5, 1e-2, 1.0, 1e6]),)),
        (lambda x: np.sin(x) * np.abs(x), (np.array([1e-4, 1.0, 1e6]),)),
        (lambda x: np.exp(1j * x), (X,)),
        (lambda z: np.abs(z) ** 2 * z, (Z,)),
        (lambda z, x: np.real(z) * x + np.angle(z), (Z, X)),
        (lambda x: x.astype(np.float32) ** 2, (X.astype(np.float32),)),
        (lambda x: x[:0], (X,)),
        (lambda x: np.ones(2), (X,)),
        (lambda x: 1e8 + x**2, (X,)),
        (lambda x: np.sin(x) ** 2 + np.cos(x) ** 2, (X,)),
    ],
)  # fmt: skip
def test_right_derivatives_pass(f: Any, args: Any) -> None:
    assert dd.check_grads(f, args) is None


def test_functions_that_do_not_accept_complex_numbers_pass() -> None:
    def f(x: Any) -> Any:
        assert x.dtype == float
        return x**3

    dd.check_grads(f, (X,))


def test_options_of_f_and_argnums_by_name_are_passed_on() -> None:
    def f(x: Any, n: int, scale: Any = 1.0) -> Any:
        return scale * x**n

    dd.check_grads(f, (X, 3), argnums=("x", "scale"), scale=2.0)


def test_a_wrong_rule_is_found_in_the_mode_that_has_it() -> None:
    right, wrong = (lambda x: 3 * x**2), (lambda x: 3 * x**2 + 1e-5)
    text = error_of(with_rules(lambda x: x**3, wrong, right), X)
    assert text.startswith("the derivative of <lambda>: 3 of 9 entries are wrong, the worst first:")
    error_of(with_rules(lambda x: x**3, right, wrong), X)
    error_of(with_rules(lambda x: x**3, wrong), X)
    dd.check_grads(with_rules(lambda x: x**3, wrong, right), (X,), modes="reverse", order=1)


def test_modes_that_differ_less_than_the_differences_can_see_are_found() -> None:
    text = error_of(with_rules(np.cosh, np.sinh, lambda x: np.sinh(x) * (1 + 1e-8)), X)
    assert "3 of 9 entries are wrong" in text


def test_a_wrong_second_derivative_under_a_right_first_one_is_found() -> None:
    f = with_rules(lambda x: x**3, lambda x: 3 * dd.stop_gradient(x) ** 2)
    dd.check_grads(f, (X,), order=1)
    assert "of the forward-mode derivative" in error_of(f, X)
    assert "of the reverse-mode derivative" in error_of(f, X, modes="reverse")


def test_the_table_names_argument_entry_result_values_error_and_tolerance() -> None:
    @dd.extend.custom_jvp
    def f(p: Any) -> Any:
        return {"a": np.sum(p["w"][1] ** 2), "b": p["w"][0]}

    @f.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        (p,), (t,) = primals, tangents
        slope = 2 * p["w"][1] + np.array([[0.0, 0.0, 1.0], [0.0, 3.0, 0.0]])
        return f(p), {"a": np.sum(slope * t["w"][1]), "b": t["w"][0]}

    text = error_of(f, {"w": [1.0, np.ones((2, 3))]})
    head, names, *rows = text.splitlines()
    assert "2 of 14 entries are wrong" in head
    assert names.split("  ")[1:2] == ["argument"]
    cells = [[cell.strip() for cell in row.split("  ") if cell.strip()] for row in rows]
    path = "argument 0['w'][1]"
    assert cells[0][:6] == [path, "(1, 1)", "result['a']", "5", "5", "2"]
    assert cells[1][:6] == [path, "(0, 2)", "result['a']", "3", "3", "2"]
    assert float(cells[0][6]) == pytest.approx(3.0)
    assert float(cells[0][7]) < 1e-5


def test_at_most_ten_lines_are_shown() -> None:
    text = error_of(with_rules(lambda x: x**2, lambda x: x), RNG.standard_normal(40))
    assert len(text.splitlines()) == 13
    assert text.splitlines()[-1].strip() == "and 30 more"


def test_one_wrong_entry_of_a_large_gradient_is_found_by_random_directions() -> None:
    def slope(x: Any) -> Any:
        wrong = np.zeros(len(x))
        wrong[1234] = 0.01
        return 2 * x + wrong

    x = RNG.standard_normal(3000)
    dd.check_grads(lambda x: np.sum(x**2), (x,))
    text = error_of(lambda x: np.sum(with_rules(np.square, slope)(x)), x)
    assert "random direction" in text


def test_a_large_result_of_few_arguments_is_checked() -> None:
    dd.check_grads(lambda x: np.outer(np.sin(x), np.arange(1.0, 1000.0)), (X,))
    wrong = with_rules(lambda x: x**2, lambda x: 2.1 * x)
    assert "argument 0  (0,)" in error_of(lambda x: np.outer(wrong(x), np.ones(1000)), X)


def test_a_rule_that_is_wrong_for_several_directions_alone_is_found() -> None:
    matrix = np.arange(9.0).reshape(3, 3)
    f = dd.extend.linear(lambda x: matrix @ x, lambda g: matrix.T @ g, batched=True)
    error_of(f, X)
    scaled = dd.extend.primitive(lambda x: np.sum(x))
    scaled.vjp(batched=True)(lambda g: np.multiply.outer(g, np.ones(3)) * (1 if np.ndim(g) else 2))
    text = error_of(scaled, X, modes="reverse")
    assert "another derivative for several directions at once than for one" in text


def test_holomorphic_functions_pass_the_cauchy_riemann_test_and_others_fail_it() -> None:
    dd.check_grads(lambda z: np.exp(z) * z**2, (Z,), holomorphic=True)
    dd.check_grads(lambda z: z * np.conjugate(z), (Z,))
    for modes in ("forward", "reverse"):
        text = error_of(lambda z: z * np.conjugate(z), Z, holomorphic=True, modes=modes)
        assert "not holomorphic" in text
    with pytest.raises(TypeError, match="complex arguments and complex results"):
        dd.check_grads(np.abs, (Z,), holomorphic=True)


def test_a_conjugated_derivative_is_found() -> None:
    f = dd.extend.elementwise(lambda z: z**2, lambda x: 2 * np.conjugate(x))
    text = error_of(f, Z)
    assert "real" in text
    assert "imag" in text


def test_complex_numbers_alone_do_not_make_a_function_analytic() -> None:
    """A complex step sees 0 for the absolute value, which must not count as the reference."""
    assert "entries are wrong" in error_of(with_rules(np.abs, np.zeros_like), X)


def test_nan_and_infinite_derivatives_do_not_pass() -> None:
    assert "nan" in error_of(with_rules(lambda x: x**2, lambda x: 2 * x * np.nan), X)
    assert "inf" in error_of(with_rules(lambda x: x**2, lambda x: x * np.inf), X)


def test_an_infinite_entry_does_not_excuse_the_others() -> None:
    @dd.extend.primitive
    def f(x: Any) -> Any:
        return np.array([np.inf, x**2])

    f.jvp(lambda t, x: np.array([0.0, 3 * x * t]))
    f.vjp(lambda g, x: 3 * x * g[1])
    assert "(1,)" in error_of(f, 2.0)


def test_points_near_the_edge_of_the_domain_are_checked_with_smaller_steps() -> None:
    def f(x: Any) -> Any:
        if not 0 < x < 1:
            raise ValueError("outside")
        return np.abs(x) * np.arcsin(x)

    dd.check_grads(f, (0.9999,))
    dd.check_grads(f, (0.01,))


def test_tolerances_can_be_set() -> None:
    f = with_rules(lambda x: x**2, lambda x: 2.001 * x)
    error_of(f, X)
    dd.check_grads(f, (X,), rtol=1e-2)
    dd.check_grads(f, (X,), atol=1e-2)


def test_float32_is_checked_against_differences_in_double_precision() -> None:
    x = X.astype(np.float32)
    dd.check_grads(lambda x: np.sum(np.sin(x) / x), (x,))
    error_of(with_rules(np.square, lambda x: x * 2.1), x)


def test_errors_of_f_and_of_missing_rules_come_through() -> None:
    f = dd.extend.custom_vjp(np.sin)
    f.defvjp(lambda x: (np.sin(x), lambda g: (g * np.cos(x),)))
    with pytest.raises(MissingRuleError):
        dd.check_grads(f, (X,))
    dd.check_grads(f, (X,), modes="reverse")
    with pytest.raises(ConversionError):
        dd.check_grads(lambda x: float(x), (1.0,))
    with pytest.raises(ZeroDivisionError):
        dd.check_grads(lambda x: x / 0 if isinstance(x, float) else x, (1.0,))


def test_no_warning_of_the_differences_escapes() -> None:
    dd.check_grads(lambda x: np.sqrt(x) * np.abs(x), (np.array([0.01]),))


def test_bad_calls_are_refused() -> None:
    with pytest.raises(TypeError, match=r"check_grads\(f, \(x,\)\)"):
        dd.check_grads(np.sin, X)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"order is 9, at test_checking.*it is at most 6"):
        dd.check_grads(np.sin, (1.0,), order=9)
    with pytest.raises(TypeError, match="returned None, so check_grads has nothing"):
        dd.check_grads(lambda x: None, (X,))
    with pytest.raises(ValueError, match="modes must be among"):
        dd.check_grads(np.sin, (X,), modes="backward")


def test_ill_conditioned_functions_pass() -> None:
    hilbert = 1.0 / (np.arange(1, 6)[:, None] + np.arange(5))
    dd.check_grads(lambda x: np.linalg.inv(hilbert * x[0]), (np.array([0.7, 1.3]),))
