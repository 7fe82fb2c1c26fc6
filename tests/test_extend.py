"""`dualdiff.extend`: primitives and functions with rules of the user's own."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import scipy.sparse
import scipy.special

import dualdiff as dd
from dualdiff.array.dispatch import FUNCTIONS, find_function
from dualdiff.core.primitive import VJPS
from dualdiff.errors import CaptureError, MissingRuleError, RuleError, UnsupportedInputError
from dualdiff.extend import custom_jvp, custom_vjp, primitive

RNG = np.random.default_rng(0)
M = RNG.standard_normal((3, 3)) + 3 * np.eye(3)
V = RNG.standard_normal(3)
X = np.array([0.3, -1.2, 2.0])


@primitive
def solve(a: Any, b: Any) -> Any:
    """Compiled: SciPy would turn a traced array into a plain one."""
    return scipy.linalg.solve(a, b, overwrite_a=True, overwrite_b=True)


@solve.jvp("a")
def _(t: Any, ans: Any, a: Any) -> Any:
    return -solve(a, t @ ans)


@solve.jvp("b")
def _(t: Any, a: Any) -> Any:
    return solve(a, t)


@solve.vjp("a")
def _(g: Any, ans: Any, a: Any) -> Any:
    return -np.outer(solve(a.T, g), ans)


@solve.vjp("b")
def _(g: Any, a: Any) -> Any:
    return solve(a.T, g)


def square_loss(a: Any, b: Any) -> Any:
    return np.sum(solve(a, b) ** 2)


def test_a_compiled_primitive_is_right_in_both_modes_and_to_order_three() -> None:
    dd.check_grads(solve, (M, V), order=3)


def test_the_gradient_of_a_primitive_has_its_closed_form() -> None:
    inverse = np.linalg.inv(M)
    gradient = dd.grad(square_loss, 1)(M, V)
    np.testing.assert_allclose(gradient, 2 * inverse.T @ inverse @ V, rtol=1e-12)


def test_rules_are_looped_over_directions_where_a_batch_would_be_silently_wrong() -> None:
    times = primitive(lambda x: M @ x)
    times.jvp(lambda t: M @ t)
    times.vjp(lambda g: M.T @ g)
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(dd.jacobian(times, mode=mode)(V), M)


def test_batched_rules_get_all_directions_at_once() -> None:
    seen = []
    times = primitive(lambda x: M @ x)

    @times.vjp(batched=True)
    def _(g: Any) -> Any:
        seen.append(g.shape)
        return g @ M

    np.testing.assert_allclose(dd.jacobian(times, mode="reverse")(V), M)
    assert seen == [(3, 3)]


def test_a_rule_for_all_arguments_gets_zeros_for_constants_and_none_for_what_is_no_number() -> None:
    seen = []
    f = primitive(lambda x, y, n, unit="m": x * y**n)

    @f.jvp
    def _(tangents: Any, x: Any, y: Any, n: int) -> Any:
        seen.append(tangents)
        tx, ty, *_ = tangents
        return tx * y**n + ty * n * x * y ** (n - 1)

    @f.vjp
    def _(g: Any, x: Any, y: Any, n: int) -> Any:
        return g * y**n, g * n * x * y ** (n - 1), None, None

    dd.check_grads(f, (X, V, 3), argnums=(0, 1))
    seen.clear()
    dd.jvp(f, (X, V, 2), (np.ones(3),), argnums=(0,))
    tx, ty, tn, unit = seen[0]
    assert tx.tolist() == [1, 1, 1]
    assert ty.tolist() == [0, 0, 0]
    assert tn == 0.0
    assert unit is None


def test_a_missing_rule_is_named_with_argument_shape_line_and_what_to_write() -> None:
    f = primitive(lambda a, b: a * b, name="scaled")
    f.jvp("a")(lambda t, b: t * b)
    with pytest.raises(MissingRuleError) as error:
        dd.grad(lambda a: np.sum(f(a, X)))(X)  # the call
    text = str(error.value)
    assert "scaled: no reverse-mode rule for argument 0 (a, shape (3,) float64)" in text
    assert "test_extend.py" in text
    assert "# the call" in text
    assert "@scaled.vjp('a')" in text
    with pytest.raises(
        MissingRuleError, match=r"forward-mode rule for argument 1 \(b, .*@scaled.jvp"
    ):
        dd.jvp(lambda b: f(X, b), (X,), (X,))


def test_the_direction_that_has_a_rule_works_where_the_other_is_missing() -> None:
    f = primitive(lambda x: x**2)
    f.jvp(lambda t, x: 2 * x * t)
    np.testing.assert_allclose(dd.linearize(f, X)[1].jvp(V), 2 * X * V)


def test_functions_and_rules_may_change_what_they_are_given() -> None:
    @primitive
    def cube(x: Any) -> Any:
        x *= x * x
        return x

    @cube.vjp
    def _(g: Any, x: Any) -> Any:
        g *= 3
        x *= x
        g *= x
        return g

    @cube.jvp
    def _(t: Any, x: Any) -> Any:
        t *= 3 * x**2
        x[:] = np.nan
        return t

    point, seed = X.copy(), np.ones(3)
    _, pullback = dd.vjp(cube, point)
    for _ in range(2):
        np.testing.assert_allclose(pullback(seed)[0], 3 * X**2)
    np.testing.assert_allclose(dd.jvp(lambda x: cube(x) + x, (point,), (seed,))[1], 3 * X**2 + 1)
    np.testing.assert_array_equal(point, X)
    np.testing.assert_array_equal(seed, 1)


def test_a_rule_may_return_the_same_buffer_every_time() -> None:
    buffer = np.empty(3)
    f = primitive(lambda x: x**2)
    f.vjp(lambda g, x: np.multiply(2 * x, g, out=buffer))
    np.testing.assert_allclose(dd.jacobian(f, mode="reverse")(X), np.diag(2 * X))


def test_a_traced_value_that_is_no_argument_is_refused() -> None:
    def loss(c: Any) -> Any:
        f = primitive(lambda x: x * c)
        return np.sum(f(c))

    for f in (loss, lambda c: np.sum(dd.extend.elementwise(lambda x: x * c, 1)(c))):
        with pytest.raises(CaptureError, match="not one of its arguments"):
            dd.grad(f)(X)


def test_a_result_that_can_carry_no_derivative_is_refused() -> None:
    step = primitive(lambda x: 0 if x < 0 else x)
    step.vjp(lambda g: g)
    with pytest.raises(UnsupportedInputError, match=r"returned int.*0\.0 for 0"):
        dd.grad(step)(-1.0)
    halves = dd.extend.elementwise(lambda x: np.where(x > 0, 1, 0), 0, name="halves")
    with pytest.raises(UnsupportedInputError, match="halves returned shape"):
        dd.elementwise_grad(halves)(X)


def test_keyword_only_arguments_are_options_that_rules_may_name() -> None:
    @primitive
    def power(x: Any, *, n: int = 2) -> Any:
        return x**n

    power.vjp(lambda g, x, n: g * n * x ** (n - 1))
    power.jvp(lambda t, x, n: t * n * x ** (n - 1))
    dd.check_grads(power, (X,), n=3)
    np.testing.assert_allclose(dd.elementwise_grad(power)(X), 2 * X)
    with pytest.raises(UnsupportedInputError, match="pass it by position"):
        dd.grad(lambda n: power(2.0, n=n))(3.0)


def test_arguments_by_name_and_defaults_are_operands_in_their_places() -> None:
    @primitive
    def scaled(x: Any, c: Any = 2.0) -> Any:
        return c * x

    scaled.vjp("x")(lambda g, c: c * g)
    scaled.vjp("c")(lambda g, x: np.sum(g * x))
    np.testing.assert_allclose(dd.grad(lambda x: np.sum(scaled(x)))(X), 2)
    np.testing.assert_allclose(dd.grad(lambda c: np.sum(scaled(c=c, x=X)))(3.0), np.sum(X))


def test_lists_of_traced_scalars_are_stacked_and_other_containers_are_refused() -> None:
    f = primitive(lambda x: np.asarray(x) ** 2)
    f.vjp(lambda g, x: 2 * x * g)
    np.testing.assert_allclose(dd.grad(lambda x: np.sum(f([x[0], x[1]])))(X), [*2 * X[:2], 0])
    with pytest.raises(UnsupportedInputError, match=r"custom_jvp for containers"):
        dd.grad(lambda x: np.sum(f({"x": x})))(X)


def test_several_outputs_take_and_give_tuples() -> None:
    @primitive(outputs=2)
    def polar(x: Any, y: Any) -> Any:
        return np.hypot(x, y), np.arctan2(y, x)

    @polar.jvp
    def _(t: Any, ans: Any, x: Any, y: Any) -> Any:
        r = ans[0]
        return (x * t[0] + y * t[1]) / r, (x * t[1] - y * t[0]) / r**2

    @polar.vjp
    def _(g: Any, ans: Any, x: Any, y: Any) -> Any:
        r = ans[0]
        return g[0] * x / r - g[1] * y / r**2, g[0] * y / r + g[1] * x / r**2

    dd.check_grads(polar, (X, V))
    np.testing.assert_allclose(
        dd.grad(lambda x: np.sum(polar(x, V)[1]))(X), -V / (X**2 + V**2), rtol=1e-12
    )


def test_rules_of_a_wrong_shape_are_refused() -> None:
    f = primitive(lambda x: x**2, name="squares")
    f.vjp(lambda g, x: np.sum(2 * x * g))
    with pytest.raises(RuleError, match=r"vjp rule of squares gave shape \(\).*\(3,\)"):
        dd.grad(lambda x: np.sum(f(x)))(X)


@pytest.mark.parametrize(
    ("declare", "text"),
    [
        (lambda f: f.vjp("c"), "no argument 'c'"),
        (lambda f: f.vjp(2), "no argument 2"),
        (lambda f: f.vjp("a")(lambda g, c: g), "names 'c'"),
        (lambda f: [f.vjp("a")(lambda g: g), f.vjp(lambda g: (g, g))], "not both"),
    ],
)
def test_a_rule_that_cannot_be_right_is_refused_when_it_is_registered(
    declare: Any, text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        declare(primitive(lambda a, b: a * b))


def test_a_function_of_any_number_of_arguments_is_no_primitive() -> None:
    with pytest.raises(TypeError, match="custom_jvp"):
        primitive(lambda *xs: sum(xs))


def test_a_primitive_without_signature_names_its_operands_x_and_y() -> None:
    f = primitive(scipy.special.xlogy)
    f.vjp("x")(lambda g, y: g * np.log(y))
    f.vjp("y")(lambda g, x, y: g * x / y)
    dd.check_grads(f, (X, np.abs(V)), modes="reverse")


def test_empty_arrays_give_empty_jacobians_in_both_modes() -> None:
    f = primitive(lambda x: np.exp(x))
    f.jvp(lambda t, ans: ans * t)
    f.vjp(lambda g, ans: ans * g)
    for mode in ("forward", "reverse"):
        assert dd.jacobian(f, mode=mode)(np.zeros(0)).shape == (0, 0)


def test_float32_is_kept_and_complex_cotangents_are_projected() -> None:
    f = primitive(lambda x: x**2)
    f.jvp(lambda t, x: (2.0 + 0j) * x * np.asarray(t, float))
    f.vjp(lambda g, x: (2.0 + 0j) * x * np.asarray(g, float))
    x = X.astype(np.float32)
    for d in (dd.jvp(f, (x,), (x,))[1], dd.vjp(f, x)[1](x)[0]):
        assert d.dtype == np.float32
        np.testing.assert_allclose(d, 2 * x * x)


def test_complex_primitives_are_right_in_all_directions() -> None:
    z = X + 1j * V
    f = dd.extend.linear(lambda x: np.fft.fft(x), lambda g: np.fft.fft(g))
    dd.check_grads(f, (z,), holomorphic=True)


def test_rule_linear_bilinear_and_elementwise_are_looped_or_batched_right() -> None:
    apply = dd.extend.bilinear(
        lambda x, y: x @ y, lambda g, y: np.outer(g, y), lambda g, x: x.T @ g
    )
    dd.check_grads(apply, (M, V))
    shift = dd.extend.linear(lambda x, n: np.roll(x, n), lambda g, n: np.roll(g, -n))
    dd.check_grads(lambda x: shift(x, n=2), (V,))
    cumulate = dd.extend.linear(
        lambda x: np.cumsum(x, axis=-1), lambda g: np.cumsum(g[..., ::-1], -1)[..., ::-1],
        batched=True,
    )  # fmt: skip
    dd.check_grads(cumulate, (V,))
    hypot = dd.extend.elementwise(
        lambda x, y: np.hypot(x, y), lambda x, ans: x / ans, lambda y, ans: y / ans
    )
    dd.check_grads(hypot, (M, V))
    norm = dd.extend.rule(
        np.linalg.norm,
        jvp=lambda t, x, ans: np.sum(x * t) / ans,
        vjp=lambda g, x, ans: g * x / ans,
    )
    dd.check_grads(norm, (X,), order=3)


def test_elementwise_rules_hold_at_every_order_for_functions_without_a_rule() -> None:
    airy = dd.extend.elementwise(
        lambda x: scipy.special.airy(x)[0], lambda x: slope(x), name="airy"
    )
    slope = dd.extend.elementwise(
        lambda x: scipy.special.airy(x)[1], lambda x: x * airy(x), name="airy_slope"
    )
    dd.check_grads(airy, (X,), order=3)
    assert dd.grad(dd.grad(airy))(1.0) == pytest.approx(scipy.special.airy(1.0)[0])


def test_elementwise_functions_may_change_their_arguments() -> None:
    def double(x: Any) -> Any:
        x *= 2
        return x

    f = dd.extend.elementwise(double, 2)
    np.testing.assert_allclose(dd.grad(lambda x: np.sum(x * f(x)))(X), 4 * X)


def test_register_makes_a_ufunc_differentiable_and_refuses_what_does_not_dispatch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(FUNCTIONS, scipy.special.spence, find_function(scipy.special.spence))
    lambertw_like = dd.extend.elementwise(scipy.special.spence, lambda x: np.log(x) / (1 - x))
    dd.extend.register(scipy.special.spence, lambertw_like)
    dd.check_grads(lambda x: scipy.special.spence(x), (np.array([0.3, 1.7]),))
    with pytest.raises(TypeError, match="primitive"):
        dd.extend.register(scipy.linalg.solve, solve)


def test_declaring_and_calling_does_not_grow_the_table_of_formats() -> None:
    before = len(VJPS)
    for _ in range(3):
        f = custom_jvp(lambda x: x)
        f.defjvp(lambda primals, tangents: (primals[0], tangents[0]))
        g = primitive(lambda x: x)
        g.vjp(lambda g: g)
        dd.grad(lambda x: dd.checkpoint(np.sin)(f(g(x))))(1.0)  # noqa: B023
    assert len(VJPS) == before


def test_gradients_of_primitives_pickle() -> None:
    gradient = pickle.loads(pickle.dumps(dd.grad(square_loss, 1)))
    np.testing.assert_array_equal(gradient(M, V), dd.grad(square_loss, 1)(M, V))
    assert pickle.loads(pickle.dumps(solve)) is solve
    assert pickle.loads(pickle.dumps(dd.elementwise_grad(log1pexp))).f is log1pexp


def test_untraced_calls_are_the_function_itself() -> None:
    f = primitive(lambda x: x)
    assert f(X) is X
    assert custom_jvp(lambda x: x)(X) is X
    assert f("text") == "text"


@custom_jvp
def log1pexp(x: Any) -> Any:
    """The function of the tutorials: log(1 + exp(x))."""
    return np.log(1 + np.exp(x))


@log1pexp.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    return log1pexp(x), t * (1 - 1 / (1 + np.exp(x)))


def test_a_custom_jvp_gives_both_modes_and_every_order() -> None:
    dd.check_grads(log1pexp, (X,), order=3)
    with np.errstate(over="ignore"):
        assert dd.grad(log1pexp)(1000.0) == 1.0
        assert dd.derivative(log1pexp)(1000.0) == 1.0
    assert log1pexp.__doc__ is not None
    assert "tutorials" in log1pexp.__doc__


@custom_jvp
def affine(params: Any, x: Any, kind: str = "plain") -> Any:
    y = params["w"] @ x + params["b"][0]
    return {"y": y, "norm": np.sum(y**2), "kind": kind, "count": len(x)}


@affine.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (params, x, kind), (dp, dx, dkind) = primals, tangents
    assert dkind is None
    value = affine(params, x, kind)
    dy = dp["w"] @ x + params["w"] @ dx + dp["b"][0]
    return value, {"y": dy, "norm": 2 * np.sum(value["y"] * dy), "kind": None, "count": None}


def test_custom_jvp_takes_and_returns_containers_with_constants_in_them() -> None:
    params = {"w": RNG.standard_normal((2, 3)), "b": [0.7]}
    dd.check_grads(affine, (params, X), argnums=(0, 1))
    dd.check_grads(lambda p: affine(p, X, kind="named")["norm"], (params,))
    value, _ = dd.vjp(lambda p: affine(p, X, "named"), params)
    assert value["kind"] == "named"
    assert value["count"] == 3


def _sparse_row(x: Any) -> Any:
    return scipy.sparse.csr_array(np.atleast_2d(x))


@pytest.mark.parametrize("wrap", [pd.Index, np.ma.masked_array, _sparse_row])
def test_results_that_would_lose_their_derivative_are_refused(wrap: Any) -> None:
    f = custom_jvp(lambda x: wrap(x))
    f.defjvp(lambda p, t: (p[0], t[0]))
    g = primitive(lambda x: wrap(x))
    for function in (f, g, dd.checkpoint(lambda x: Thing(x))):
        with pytest.raises(UnsupportedInputError, match="return"):
            dd.vjp(function, X)


def test_a_custom_function_with_an_integer_result_alone_is_refused() -> None:
    f = custom_vjp(lambda x: np.round(x).astype(int))
    f.defvjp(lambda x: (np.round(x).astype(int), lambda g: (g,)))
    with pytest.raises(UnsupportedInputError, match=r"astype\(float\)"):
        dd.grad(lambda x: np.sum(f(x)))(X)


class Thing:
    """No container that dualdiff knows."""

    def __init__(self, x: Any) -> None:
        self.x = x


def test_integer_arrays_are_constants_whose_tangent_is_zero() -> None:
    f = custom_jvp(lambda x, y: x * y)
    f.defjvp(lambda p, t: (p[0] * p[1], t[0] * p[1] + p[0] * t[1]))
    for derivative in (dd.grad, lambda f: dd.jacobian(f, mode="forward")):
        found = derivative(lambda x: np.sum(f(x, np.arange(3))))(X)
        np.testing.assert_array_equal(found, np.arange(3))


def test_the_value_is_that_of_f_bit_for_bit() -> None:
    f = custom_jvp(lambda x: np.sum(x) / 3)
    f.defjvp(lambda primals, tangents: (np.mean(primals[0]), np.mean(tangents[0])))
    assert dd.value_and_grad(f)(X)[0] == np.sum(X) / 3
    assert dd.jvp(f, (X,), (X,))[0] == np.sum(X) / 3


@pytest.mark.parametrize("tangent", [lambda t: t + 1, lambda t: t**2, lambda t: t * np.max(t)])
def test_a_jvp_rule_that_is_not_linear_is_refused_in_reverse_mode(tangent: Any) -> None:
    f = custom_jvp(lambda x: x)
    f.defjvp(lambda primals, tangents: (primals[0], tangent(tangents[0])))
    with pytest.raises(RuleError, match="not linear in the tangents"):
        dd.grad(lambda x: np.sum(f(x)))(X)


def test_a_jvp_rule_with_a_short_cut_for_zero_tangents_is_transposed_right() -> None:
    f = custom_jvp(lambda x: x**2)
    f.defjvp(lambda p, t: (p[0] ** 2, 2 * p[0] * t[0] if np.any(t[0]) else 0 * p[0]))
    np.testing.assert_allclose(dd.grad(lambda x: np.sum(f(x)))(X), 2 * X)


@pytest.mark.parametrize(
    ("rule", "error", "text"),
    [
        (lambda p, t: t[0], RuleError, r"must return \(value, tangent\)"),
        (lambda p, t: (p[0], (t[0], t[0])), TypeError, "tangent that the jvp rule"),
        (lambda p, t: (p[0], np.sum(t[0])), RuleError, r"gave shape \(\)"),
    ],
)
def test_a_malformed_result_of_a_jvp_rule_is_refused(rule: Any, error: Any, text: str) -> None:
    f = custom_jvp(lambda x: x)
    f.defjvp(rule)
    with pytest.raises(error, match=text):
        dd.jvp(f, (X,), (X,))


def test_jvp_rules_are_called_per_direction_unless_batched() -> None:
    shapes: list[Any] = []

    def rule(primals: Any, tangents: Any) -> Any:
        shapes.append(tangents[0].shape)
        return M @ primals[0], tangents[0] @ M.T

    f = custom_jvp(lambda x: M @ x)
    f.defjvp(rule)
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(X), M)
    assert shapes == [(3,)] * 3
    shapes.clear()
    f.defjvp(batched=True)(rule)
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(X), M)
    assert shapes == [(3, 3)]


def test_custom_functions_without_a_rule_say_what_to_define() -> None:
    bare = custom_jvp(lambda x: x)
    for derivative in (dd.grad(bare), dd.derivative(bare)):
        with pytest.raises(MissingRuleError, match=r"defjvp"):
            derivative(1.0)


def test_custom_functions_refuse_traced_values_they_capture_from_the_same_derivative() -> None:
    def loss(c: Any) -> Any:
        f = custom_jvp(lambda x: x * c)
        f.defjvp(lambda primals, tangents: (primals[0] * c, tangents[0] * c))
        return f(c)

    with pytest.raises(CaptureError):
        dd.grad(loss)(2.0)
    with pytest.raises(CaptureError):
        dd.derivative(loss)(2.0)


def test_custom_functions_may_capture_values_of_an_outer_derivative() -> None:
    def inner(c: Any) -> Any:
        f = custom_jvp(lambda x: x**2 * c)
        f.defjvp(lambda primals, tangents: (primals[0] ** 2 * c, 2 * primals[0] * tangents[0] * c))
        return dd.grad(f)(3.0)

    for derivative in (dd.grad, dd.derivative):
        assert derivative(lambda c: inner(c) * c)(2.0) == pytest.approx(2 * 6 * 2.0)


def test_methods_can_be_custom_functions() -> None:
    class Model:
        scale = 3.0

        @custom_jvp
        def apply(self, x: Any) -> Any:
            return self.scale * x

        @apply.defjvp
        def apply_jvp(primals: Any, tangents: Any) -> Any:
            (self, x), (_, t) = primals, tangents
            return self.apply(x), self.scale * t

    assert dd.grad(Model().apply)(2.0) == 3.0


@custom_vjp
def rounded(x: Any) -> Any:
    return np.round(x)


@rounded.defvjp
def _(x: Any) -> Any:
    return rounded(x), lambda g: (g,)


def test_a_custom_vjp_gives_reverse_mode() -> None:
    np.testing.assert_array_equal(dd.grad(lambda x: np.sum(rounded(x) * V))(X), V)


@pytest.mark.parametrize(
    "forward",
    [
        dd.derivative(rounded),
        dd.jacobian(rounded, mode="forward"),
        lambda x: dd.hvp(lambda x: rounded(x) ** 2)(x, 1.0),
        lambda x: dd.linearize(rounded, x)[1].jvp(1.0),
    ],
)
def test_a_custom_vjp_alone_raises_in_forward_mode_and_says_what_to_define(forward: Any) -> None:
    with pytest.raises(
        MissingRuleError, match=r"rounded has no forward-mode rule.*@rounded.defjvp"
    ):
        forward(0.3)


def test_custom_vjp_rules_hold_for_outer_derivatives_too() -> None:
    """d/dx cos(y(x)) with y' = 1 by the rule is -sin(y), whose derivative is -cos(y)."""

    def gradient(x: Any) -> Any:
        return dd.grad(lambda x: np.cos(rounded(x)))(x)

    assert gradient(0.9) == pytest.approx(-np.sin(1.0))
    assert dd.grad(gradient)(0.9) == pytest.approx(-np.cos(1.0))
    assert dd.hessian(lambda x: np.cos(rounded(x)))(0.9) == pytest.approx(-np.cos(1.0))


def test_with_both_rules_each_mode_takes_its_own() -> None:
    f = custom_vjp(lambda x: x**2)
    f.defvjp(lambda x: (x**2, lambda g: (10 * g,)))
    f.defjvp(lambda primals, tangents: (primals[0] ** 2, 20 * tangents[0]))
    assert dd.grad(f)(1.0) == 10.0
    assert dd.derivative(f)(1.0) == 20.0
    assert dd.linearize(f, 1.0)[1].jvp(1.0) == 20.0


def test_a_compiled_pullback_is_looped_over_cotangents_or_batched() -> None:
    shapes: list[Any] = []

    @custom_vjp
    def times(a: Any, x: Any) -> Any:
        return a @ x

    def rule(a: Any, x: Any) -> Any:
        def pullback(g: Any) -> Any:
            shapes.append(g.shape)
            return None, scipy.linalg.blas.dgemv(1.0, a, g, trans=1) if g.ndim == 1 else g @ a

        return a @ x, pullback

    times.defvjp(rule)
    np.testing.assert_allclose(dd.jacobian(times, 1, mode="reverse")(M, V), M)
    assert shapes == [(3,)] * 3
    shapes.clear()
    times.defvjp(batched=True)(rule)
    np.testing.assert_allclose(dd.jacobian(times, 1, mode="reverse")(M, V), M)
    assert shapes == [(3, 3)]


def test_custom_vjp_takes_and_returns_containers_and_none_for_zero() -> None:
    @custom_vjp
    def f(p: Any, q: Any) -> Any:
        return [p["a"] * p["b"][0], np.sum(q)]

    @f.defvjp
    def _(p: Any, q: Any) -> Any:
        def pullback(g: Any) -> Any:
            return {"a": g[0] * p["b"][0], "b": (np.sum(g[0] * p["a"]),)}, None

        return f(p, q), pullback

    p = {"a": X, "b": (2.0,)}
    _, pullback = dd.vjp(f, p, V)
    for _ in range(2):
        gp, gq = pullback([V, 1.0])
        np.testing.assert_allclose(gp["a"], 2 * V)
        np.testing.assert_allclose(gp["b"][0], X @ V)
        np.testing.assert_array_equal(gq, 0)


@pytest.mark.parametrize(
    ("rule", "error", "text"),
    [
        (lambda x: x, RuleError, r"must return \(value, pullback\)"),
        (lambda x: (x, lambda g: g), RuleError, "must return a tuple of 1"),
        (lambda x: (x, lambda g: (g, g)), RuleError, "must return a tuple of 1"),
        (lambda x: (x, lambda g: ([g],)), TypeError, "what the pullback"),
        (lambda x: (x, lambda g: (np.sum(g),)), RuleError, r"gave shape \(\)"),
    ],
)
def test_a_malformed_result_of_a_vjp_rule_is_refused(rule: Any, error: Any, text: str) -> None:
    f = custom_vjp(lambda x: x)
    f.defvjp(rule)
    with pytest.raises(error, match=text):
        dd.grad(lambda x: np.sum(f(x)))(X)


def test_a_custom_vjp_evaluates_its_rule_once_per_recording_and_not_f() -> None:
    calls: list[str] = []
    f = custom_vjp(lambda x: calls.append("f"))

    @f.defvjp
    def _(x: Any) -> Any:
        calls.append("rule")
        return x**2, lambda g: (2 * x * g,)

    _, pullback = dd.vjp(f, 3.0)
    assert pullback(1.0) == pullback(1.0) == (6.0,)
    assert calls == ["rule"]


def test_a_pushforward_that_is_only_positively_homogeneous_cannot_be_transposed() -> None:
    @custom_jvp
    def double(x: Any) -> Any:
        return 2 * x

    @double.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        return double(*primals), 2 * np.abs(tangents[0])

    with pytest.raises(RuleError, match="not linear in the tangents"):
        dd.grad(lambda x: np.sum(double(x)))(X)
