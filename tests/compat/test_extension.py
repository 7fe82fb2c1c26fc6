"""Primitives, rules and vector spaces declared as for autograd."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as onp
import pytest

import dualdiff as dd
import dualdiff.compat.autograd.numpy as np
from dualdiff.array.dispatch import FUNCTIONS
from dualdiff.compat.autograd import elementwise_grad, grad, hessian, jacobian, make_jvp
from dualdiff.compat.autograd.core import VJPNode, primitive_jvps, primitive_vjps
from dualdiff.compat.autograd.extend import (
    Box,
    JVPNode,
    SparseObject,
    VSpace,
    def_linear,
    defjvp,
    defjvp_argnum,
    defjvp_argnums,
    defvjp,
    defvjp_argnum,
    defvjp_argnums,
    notrace_primitive,
    primitive,
    register_notrace,
    vspace,
)
from dualdiff.compat.autograd.numpy.numpy_boxes import ArrayBox
from dualdiff.compat.autograd.numpy.numpy_jvps import broadcast
from dualdiff.compat.autograd.numpy.numpy_vjps import (
    match_complex,
    repeat_to_match_shape,
    replace_zero,
    unbroadcast,
    unbroadcast_f,
    untake,
)
from dualdiff.compat.autograd.numpy.numpy_vspaces import ArrayVSpace, ComplexArrayVSpace
from dualdiff.compat.autograd.numpy.numpy_wrapper import metadata
from dualdiff.compat.autograd.tracer import getval, isbox
from dualdiff.errors import MissingRuleError, UnsupportedInputError

X = onp.array([0.3, -1.2, 2.0])
Y = onp.array([1.5, 0.7, -0.4])


def as_plain(x: Any) -> Any:
    """The argument of compiled code: it fails for a traced value."""
    assert not isbox(x)
    return onp.asarray(x, dtype=float)


@primitive
def product(x: Any, y: Any, power: int = 1) -> Any:
    """x * y ** power, as compiled code."""
    return as_plain(x) * as_plain(y) ** power


defvjp(
    product,
    lambda ans, x, y, power=1: lambda g: g * y**power,
    lambda ans, x, y, power=1: lambda g: g * x * power * y ** (power - 1),
)
defjvp(
    product,
    lambda g, ans, x, y, power=1: g * y**power,
    lambda g, ans, x, y, power=1: g * x * power * y ** (power - 1),
)


def test_rules_are_used_in_both_modes_with_keywords() -> None:
    assert grad(product, 1)(2.0, 3.0, power=3) == 2.0 * 3 * 3.0**2
    value, tangent = make_jvp(lambda y: product(2.0, y, power=3))(3.0)(1.0)
    assert (value, tangent) == (54.0, 54.0)


def test_a_primitive_is_right_to_order_three_in_every_nesting_of_modes() -> None:
    dd.check_grads(functools.partial(product, power=3), (X, Y), order=3)


def test_a_primitive_gets_plain_values_and_gives_plain_ones() -> None:
    assert product(2.0, 3.0) == 6.0
    assert product.__name__ == "product"
    assert product.__doc__ == "x * y ** power, as compiled code."
    assert repr(product) == "<primitive product>"
    assert pickle.loads(pickle.dumps(product)) is product


def test_an_entry_none_is_a_zero_derivative() -> None:
    @primitive
    def scaled(x: Any, y: Any) -> Any:
        return x * 2 + (y > 0)

    defvjp(scaled, lambda ans, x, y: lambda g: 2 * g, None)
    defjvp(scaled, lambda g, ans, x, y: 2 * g, None)
    for by in (grad(lambda x, y: np.sum(scaled(x, y)), (0, 1)), _forward_gradients(scaled)):
        onp.testing.assert_array_equal(by(X, Y), (2 * onp.ones(3), onp.zeros(3)))


def _forward_gradients(f: Callable[..., Any]) -> Callable[..., Any]:
    """The derivatives in both arguments of a function of each element."""
    one = onp.ones(3)
    return lambda x, y: (
        make_jvp(f, 0)(x, y)(one)[1],
        make_jvp(f, 1)(x, y)(one)[1],
    )


def test_argnums_names_the_arguments_that_rules_are_for() -> None:
    @primitive
    def scaled(name: str, x: Any, y: Any) -> Any:
        return as_plain(x) * as_plain(y)

    defvjp(
        scaled,
        lambda ans, name, x, y: lambda g: g * y,
        lambda ans, name, x, y: lambda g: g * x,
        argnums=(1, 2),
    )
    defjvp(scaled, lambda g, ans, name, x, y: g * x, argnums=[2])
    assert grad(scaled, (1, 2))("a", 2.0, 3.0) == (3.0, 2.0)
    assert make_jvp(scaled, 2)("a", 2.0, 3.0)(1.0)[1] == 2.0
    with pytest.raises(MissingRuleError, match=r"JVP of scaled wrt argnums \(1,\) not defined"):
        make_jvp(scaled, 1)("a", 2.0, 3.0)(1.0)


def test_same_makes_the_primitive_its_own_pushforward() -> None:
    @primitive
    def twice(x: Any) -> Any:
        return 2 * as_plain(x)

    defjvp(twice, "same")
    assert make_jvp(lambda x: twice(x) ** 2)(3.0)(1.0)[1] == 24.0


def test_def_linear_pushes_each_argument_through_the_primitive() -> None:
    @primitive
    def times(x: Any, y: Any) -> Any:
        return as_plain(x) * as_plain(y)

    def_linear(times)
    assert make_jvp(lambda x: times(x, x))(3.0)(1.0)[1] == 6.0
    assert make_jvp(times, 1)(3.0, 5.0)(2.0)[1] == 6.0


def test_rules_by_argument_number_are_right_in_both_modes() -> None:
    @primitive
    def total(*xs: Any) -> Any:
        return sum(as_plain(x) * (i + 1) for i, x in enumerate(xs))

    defvjp_argnum(total, lambda argnum, ans, args, kwargs: lambda g: g * (argnum + 1))
    defjvp_argnum(total, lambda argnum, g, ans, args, kwargs: g * (argnum + 1))
    assert grad(lambda x: total(x, 5.0, x * x))(3.0) == 1.0 + 3 * 2 * 3.0
    assert make_jvp(lambda x: total(x, 5.0, x * x))(3.0)(1.0)[1] == 19.0


def test_rules_for_all_arguments_at_once_are_right_in_both_modes() -> None:
    @primitive
    def times(x: Any, y: Any) -> Any:
        return as_plain(x) * as_plain(y)

    def pullback(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Any:
        return lambda g: tuple(g * args[1 - i] for i in argnums)

    def pushforward(argnums: Any, gs: Any, ans: Any, args: Any, kwargs: Any) -> Any:
        return sum(g * args[1 - i] for i, g in zip(argnums, gs, strict=True))

    defvjp_argnums(times, pullback)
    defjvp_argnums(times, pushforward)
    dd.check_grads(times, (X, Y), order=2)
    assert grad(times, 1)(3.0, 5.0) == 3.0


def test_a_missing_rule_names_the_primitive_and_the_argument() -> None:
    @primitive
    def mystery(x: Any, y: Any) -> Any:
        return x * y

    with pytest.raises(MissingRuleError, match=r"VJP of mystery wrt argnums \(0,\) not defined"):
        grad(mystery)(1.0, 2.0)
    with pytest.raises(NotImplementedError, match=r"declare it with defjvp\(mystery, \.\.\.\)"):
        make_jvp(mystery)(1.0, 2.0)(1.0)
    defvjp(mystery, lambda ans, x, y: lambda g: g * y)
    assert grad(mystery)(1.0, 2.0) == 2.0
    with pytest.raises(MissingRuleError, match=r"VJP of mystery wrt argnums \(1,\) not defined"):
        grad(mystery, 1)(1.0, 2.0)
    with pytest.raises(MissingRuleError, match=r"JVP of mystery"):
        make_jvp(mystery)(1.0, 2.0)(1.0)


def test_jacobians_and_hessians_use_reverse_mode_where_there_is_no_forward_rule() -> None:
    @primitive
    def cube(x: Any) -> Any:
        return as_plain(x) ** 3

    defvjp(cube, lambda ans, x: lambda g: g * 3 * x**2)
    onp.testing.assert_allclose(jacobian(cube)(X), onp.diag(3 * X**2), rtol=1e-15)
    onp.testing.assert_allclose(
        hessian(lambda x: np.sum(cube(x)))(X), onp.diag(6 * X), rtol=1e-15, atol=1e-15
    )


def test_rules_of_whole_arrays_are_looped_over_the_directions_of_a_jacobian() -> None:
    @primitive
    def reversed_sum(x: Any) -> Any:
        return onp.cumsum(as_plain(x)[::-1])

    shapes = []

    def pullback(ans: Any, x: Any) -> Any:
        def vjp(g: Any) -> Any:
            shapes.append(np.shape(g))
            return np.cumsum(g[::-1])

        return vjp

    defvjp(reversed_sum, pullback)
    expected = [[0, 0, 1], [0, 1, 1], [1, 1, 1]]
    onp.testing.assert_array_equal(jacobian(reversed_sum)(X), expected)
    assert set(shapes) == {(3,)}


def test_a_rule_for_a_container_gives_a_container() -> None:
    @primitive
    def inner(parts: dict[str, Any], factors: tuple[Any, Any]) -> Any:
        return as_plain(parts["a"]) * factors[0] + as_plain(parts["b"]) * factors[1]

    defvjp(
        inner,
        lambda ans, parts, factors: lambda g: {"a": g * factors[0], "b": g * factors[1]},
        lambda ans, parts, factors: lambda g: (g * parts["a"], g * parts["b"]),
    )
    found = grad(inner, (0, 1))({"a": 2.0, "b": 3.0}, (5.0, 7.0))
    assert found == ({"a": 5.0, "b": 7.0}, (2.0, 3.0))
    assert grad(lambda x: inner({"a": x, "b": x * x}, (5.0, x)))(2.0) == 5.0 + 12.0


def test_a_primitive_may_return_a_container() -> None:
    @primitive
    def parts(x: Any) -> Any:
        return [as_plain(x) ** 2, "name", (as_plain(x) ** 3,)]

    defvjp(parts, lambda ans, x: lambda g: g[0] * 2 * x + g[2][0] * 3 * x**2)

    def f(x: Any) -> Any:
        square, name, (cube,) = parts(x)
        assert name == "name"
        return square + 10 * cube

    assert grad(f)(2.0) == 4.0 + 10 * 12.0
    assert grad(lambda x: parts(x)[2][0])(2.0) == 12.0


def test_a_rule_that_returns_the_wrong_shape_is_refused() -> None:
    @primitive
    def double(x: Any) -> Any:
        return 2 * as_plain(x)

    defvjp(double, lambda ans, x: lambda g: onp.ones(5))
    with pytest.raises(
        ValueError, match=r"VJP of double returned shape \(5,\), where shape \(3,\)"
    ):
        grad(lambda x: np.sum(double(x)))(X)


def test_a_traced_keyword_argument_is_refused() -> None:
    with pytest.raises(UnsupportedInputError, match="as the keyword argument 'power'"):
        grad(lambda p: product(2.0, 3.0, power=p))(2.0)


def test_a_wrapped_special_function_of_mpmath_is_differentiated() -> None:
    @primitive
    def airy(x: Any) -> Any:
        return onp.vectorize(lambda v: float(mpmath.airyai(v)))(as_plain(x))

    @primitive
    def airy_prime(x: Any) -> Any:
        return onp.vectorize(lambda v: float(mpmath.airyai(v, derivative=1)))(as_plain(x))

    defvjp(airy, lambda ans, x: lambda g: g * airy_prime(x))
    defvjp(airy_prime, lambda ans, x: lambda g: g * x * airy(x))
    third = elementwise_grad(elementwise_grad(elementwise_grad(airy)))(X)
    expected = [float(mpmath.airyai(v, derivative=3)) for v in X]
    onp.testing.assert_allclose(third, expected, rtol=1e-13)


def test_rules_for_a_function_of_numpy_take_the_place_of_its_own() -> None:
    taken = onp.hypot
    before = FUNCTIONS.get(taken)
    calls = []

    def pullback(ans: Any, x: Any, y: Any) -> Any:
        calls.append("x")
        return unbroadcast_f(x, lambda g: 100 * g * x / ans)

    try:
        defvjp(np.hypot, pullback, argnums=(0,))
        assert grad(lambda x: onp.hypot(x, 4.0))(3.0) == 60.0
        assert calls
        assert make_jvp(lambda x: onp.hypot(x, 4.0))(3.0)(1.0)[1] == pytest.approx(0.6, rel=1e-15)
    finally:
        primitive_vjps.pop(FUNCTIONS.pop(taken))
        if before is not None:
            FUNCTIONS[taken] = before
    assert grad(lambda x: onp.hypot(x, 4.0))(3.0) == pytest.approx(0.6, rel=1e-15)


def test_rules_for_a_plain_function_are_not_used_and_it_is_said() -> None:
    def square(x: Any) -> Any:
        return x * x

    with pytest.warns(UserWarning, match="square is not a primitive"):
        defvjp(square, lambda ans, x: lambda g: 7.0 * g)
    assert grad(square)(3.0) == 6.0


def test_the_tables_have_rules_of_the_user_and_of_dualdiff() -> None:
    vjp = primitive_vjps[product]((0, 1), 6.0, (2.0, 3.0), {})
    assert tuple(vjp(1.0)) == (3.0, 2.0)
    assert tuple(primitive_vjps[np.multiply]((1,), 6.0, (2.0, 3.0), {})(1.0)) == (2.0,)
    assert primitive_jvps[np.multiply]((1,), (5.0,), 6.0, (2.0, 3.0), {}) == 10.0


def test_a_notrace_primitive_sees_plain_values_and_is_constant() -> None:
    @notrace_primitive
    def count(x: Any) -> Any:
        assert not isbox(x)
        return onp.sum(x > 0) * 1.0

    assert grad(lambda x: count(x) * x)(3.0) == 1.0


def test_register_notrace_makes_a_primitive_constant_in_one_mode() -> None:
    @primitive
    def half_even(x: Any) -> Any:
        return onp.round(as_plain(x))

    register_notrace(VJPNode, half_even)
    assert grad(lambda x: x * half_even(x))(2.2) == 2.0
    with pytest.raises(MissingRuleError, match="JVP of half_even"):
        make_jvp(half_even)(2.2)(1.0)
    register_notrace(JVPNode, half_even)
    assert make_jvp(lambda x: x * half_even(x))(2.2)(1.0)[1] == 2.0


def test_a_sparse_cotangent_is_added_where_it_belongs() -> None:
    @primitive
    def pick(x: Any, i: int) -> Any:
        return as_plain(x)[i]

    def pullback(ans: Any, x: Any, i: int) -> Any:
        space = vspace(x)

        def vjp(g: Any) -> Any:
            def mut_add(total: Any) -> Any:
                onp.add.at(total, i, g)
                return total

            return SparseObject(space, mut_add)

        return vjp

    defvjp(pick, pullback)
    onp.testing.assert_array_equal(
        grad(lambda x: pick(x, 1) * 2 + pick(x, 1) * x[2])(X), [0.0, 4.0, -1.2]
    )


def test_traced_values_are_boxes_and_nothing_else_is() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append((isinstance(x, Box), isinstance(x, ArrayBox), isbox(x)))
        assert issubclass(type(x), ArrayBox)
        assert type(x) == ArrayBox  # noqa: E721  # as libraries ask
        onp.testing.assert_array_equal(getval(x), X)
        return np.sum(x * getval(x))

    onp.testing.assert_array_equal(grad(f)(X), X)
    assert seen == [(True, True, True)]
    assert not isinstance(X, Box)
    assert not isbox(2.0)
    assert getval(2.0) == 2.0


def test_spaces_have_a_basis_and_products() -> None:
    for value, size in ((X, 3), (2.0, 1), (X + 1j, 6), ([1.0, (X, {"a": 2j})], 6)):
        space = vspace(value)
        assert space.size == size
        basis = list(space.standard_basis())
        assert len(basis) == size
        x = space.randn()
        assert vspace(x) == space
        norm = float(space.inner_prod(x, x))
        assert norm == pytest.approx(sum(float(space.inner_prod(x, e)) ** 2 for e in basis))
        doubled = space.add(x, x)
        assert float(space.inner_prod(doubled, x)) == pytest.approx(2 * norm)
        assert float(space.inner_prod(space.scalar_mul(x, 3.0), x)) == pytest.approx(3 * norm)
        assert float(space.inner_prod(space.zeros(), x)) == 0
        summed = functools.reduce(space.add, basis)
        assert float(space.inner_prod(summed, x)) == pytest.approx(
            float(space.inner_prod(space.ones(), x))
        )


def test_spaces_say_what_they_are_of() -> None:
    assert type(vspace(X)) is ArrayVSpace
    assert type(vspace(1j)) is ComplexArrayVSpace
    assert vspace(X) != vspace(onp.ones(2))
    assert vspace(X).shape == (3,)
    assert vspace(onp.float32(2)).dtype == onp.float32
    with pytest.raises(TypeError, match=r"values of type builtins\.str have no vector space"):
        vspace("text")


def test_a_space_can_be_registered_for_a_type() -> None:
    class Angle:
        pass

    class AngleSpace(VSpace):
        size = 1

    AngleSpace.register(Angle)
    try:
        assert isinstance(vspace(Angle()), AngleSpace)
    finally:
        del VSpace.mappings[Angle]


def test_what_rules_are_written_with_is_right() -> None:
    g = onp.arange(24.0).reshape(2, 3, 4)
    column = onp.ones((3, 1))
    assert metadata(column) == ((3, 1), 2, onp.dtype(float), False)
    expected = g.sum(axis=(0, 2))[:, None]
    onp.testing.assert_array_equal(unbroadcast(g, metadata(column)), expected)
    onp.testing.assert_array_equal(unbroadcast_f(column, lambda g: 2 * g)(g), 2 * expected)
    onp.testing.assert_array_equal(unbroadcast(g + 1j, metadata(column)), expected)
    repeated, count = repeat_to_match_shape(onp.arange(2.0), (2, 3, 4), float, (1, -1), False)
    assert (repeated.shape, count) == ((2, 3, 4), 12)
    onp.testing.assert_array_equal(repeated[:, 1, 2], [0, 1])
    onp.testing.assert_array_equal(replace_zero(onp.array([0.0, 2.0]), 7.0), [7.0, 2.0])
    assert match_complex(1j, 2.0) == 2 + 0j
    assert match_complex(1.0, 2 + 3j) == 2.0
    assert broadcast(2.0, X + 1j).dtype == complex
    added = untake(onp.array([1.0, 2.0]), [0, 0], vspace(X)).mut_add(onp.zeros(3))
    onp.testing.assert_array_equal(added, [3.0, 0.0, 0.0])


def test_methods_of_primitives_from_before_autograd_1_2():
    @primitive
    def product(x, y):
        return x * y

    product.defvjp(lambda g, ans, vs, gvs, x, y: g * y)
    product.defvjp(lambda g, ans, vs, gvs, x, y: g * x, argnum=1)
    assert [grad(product, i)(3.0, 2.0) for i in (0, 1)] == [2.0, 3.0]

    @primitive
    def scaled(x, y, z):
        return x * y

    scaled.defvjps(lambda argnum, g, ans, vs, gvs, x, y, z: g * (y, x)[argnum], [0, 1])
    scaled.defvjp_is_zero(argnums=(2,))
    assert [grad(scaled, i)(3.0, 2.0, 5.0) for i in (0, 1, 2)] == [2.0, 3.0, 0.0]

    @primitive
    def square(x):
        return x**2

    square.defgrad(lambda ans, x: lambda g: 2 * x * g)
    assert grad(square)(3.0) == 6.0

    @primitive
    def power(x, y):
        return x**y

    power.defgrads(lambda argnum, ans, x, y: lambda g: g * (y * x ** (y - 1)), [0])
    power.defgrad_is_zero((1,))
    assert grad(power)(3.0, 2.0) == 6.0


def test_checks_say_which_derivative_of_which_function_is_wrong():
    from dualdiff.compat.autograd.test_util import check_grads, check_jvp, check_vjp

    @primitive
    def off(x):
        return x**2

    defvjp(off, lambda ans, x: lambda g: 3 * g * x)
    defjvp(off, lambda g, ans, x: 3 * g * x)
    for check, kind in (
        (lambda: check_vjp(off, 2.0), "VJP"),
        (lambda: check_jvp(off, 2.0), "JVP"),
        (lambda: check_grads(off, modes=["rev"])(2.0), "VJP"),
        (lambda: check_grads(off, modes=["fwd"])(2.0), "JVP"),
    ):
        with pytest.raises(AssertionError, match=rf"\({kind}\) check of off failed"):
            check()


def test_convolve_has_the_mode_same():
    from dualdiff.compat.autograd.scipy.signal import convolve
    from dualdiff.compat.autograd.test_util import check_grads

    a, b = np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0])
    assert list(convolve(a, b, mode="same")) == list(np.convolve(a, b, mode="same"))
    check_grads(lambda a, b: convolve(a, b, mode="same"), modes=["rev"])(a, b)


def test_checks_allow_for_the_steps_of_a_solver():
    from dualdiff.compat.autograd.scipy.integrate import odeint

    from dualdiff.compat.autograd.test_util import check_grads

    def prey(y, t, k):
        return np.array([k * y[0] - y[0] * y[1], y[0] * y[1] - y[1]])

    check_grads(odeint, 1, modes=["rev"], order=1)(
        prey, np.array([1.0, 0.5]), np.linspace(0.0, 3.0, 8), (0.7,)
    )


@pytest.mark.filterwarnings("ignore:`row_stack`")
@pytest.mark.skipif(not hasattr(np, "row_stack"), reason="this NumPy has no row_stack")
def test_row_stack_is_vstack():
    gradient = grad(lambda x: np.sum(np.row_stack((x, 2 * x)) ** 2))(np.array([1.0, 2.0]))
    assert list(gradient) == [10.0, 20.0]


def test_ties_of_partition_share_the_derivative():
    x = np.array([2.0, 1.0, 1.0, 3.0])
    for k in (0, 1):
        assert list(grad(lambda x, k=k: np.partition(x, k)[k])(x)) == [0.0, 0.5, 0.5, 0.0]


@pytest.mark.parametrize("dtype", [int, float, list])
def test_a_primitive_may_take_a_type_of_python(dtype):
    @primitive
    def chosen(condition, x, dtype):
        return np.where(condition, x, dtype is list)

    defvjp(chosen, None, lambda ans, c, x, dtype: lambda g: np.where(c, g, 0.0), None)
    defjvp(chosen, None, lambda g, ans, c, x, dtype: np.where(c, g, 0.0), None)
    x = np.array([1.0, -2.0, 3.0])
    assert list(grad(lambda x: np.sum(chosen(x > 0, x, dtype)))(x)) == [1.0, 0.0, 1.0]
    assert list(make_jvp(lambda x: chosen(x > 0, x, dtype))(x)(x)[1]) == [1.0, 0.0, 3.0]
