"""autograd's other modules where they meet: several rules, nodes, spaces or containers at once."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Sequence
from typing import Any

import mpmath
import numdifftools
import numpy as onp
import pytest

import dualdiff.compat.autograd.numpy as np
from dualdiff.compat.autograd import core, deriv, grad, hessian, jacobian, make_jvp, test_util
from dualdiff.compat.autograd.extend import defjvp, defvjp, primitive
from dualdiff.compat.autograd.misc.fixed_points import fixed_point
from dualdiff.compat.autograd.misc.flatten import flatten, flatten_func
from dualdiff.compat.autograd.misc.optimizers import adam, rmsprop, sgd
from dualdiff.compat.autograd.misc.tracers import const_graph
from dualdiff.compat.autograd.scipy.signal import convolve
from dualdiff.compat.autograd.tracer import (
    Node,
    find_top_boxed_args,
    getval,
    new_box,
    trace,
    trace_stack,
)
from dualdiff.compat.autograd.util import toposort
from dualdiff.compat.autograd.wrap_util import unary_to_nary
from dualdiff.errors import GradientError

X = onp.array([0.5, -1.0, 2.0])
Point = collections.namedtuple("Point", "x y")


def close(found: Any, expected: Any, rtol: float = 1e-13) -> None:
    onp.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-14)


@pytest.mark.parametrize(
    ("tree", "vector"),
    [
        (Point(onp.eye(2), 3.0), [1, 0, 0, 1, 3]),
        (collections.OrderedDict([("b", 1.0), ("a", 2.0)]), [1, 2]),
        ({"b": 1.0, "a": {"d": [2.0], "c": 3.0}}, [3, 2, 1]),
        (onp.asfortranarray([[1.0, 2.0], [3.0, 4.0]]), [1, 2, 3, 4]),
        ([], []),
    ],
)
def test_flatten_goes_through_containers_in_their_order_and_back(tree: Any, vector: Any) -> None:
    flat, unflatten = flatten(tree)
    onp.testing.assert_array_equal(flat, vector)
    back = unflatten(2 * flat)
    assert type(back) is type(tree)
    onp.testing.assert_array_equal(flatten(back)[0], 2 * flat)


def test_a_function_of_a_flat_vector_has_the_flat_gradient() -> None:
    def f(p: Any, k: float) -> Any:
        return {"out": k * np.sum(np.sin(p["w"])) * p["z"][0]}

    example = {"w": onp.array([[0.3, 0.7]]), "z": (2.0, 5.0)}
    flat_f, unflatten, at = flatten_func(f, example)
    expected = [*(3 * 2 * onp.cos(at[:2])), 3 * onp.sum(onp.sin(at[:2])), 0.0]
    close(jacobian(flat_f)(at, 3.0)[0], expected)
    assert unflatten(at)["z"] == (2.0, 5.0)


def gap(x: Any, y: Any) -> Any:
    return np.max(np.abs(x - y))


def cube_root(a: Any) -> Any:
    """The limit of Newton's iteration for x**3 = a."""
    return fixed_point(
        lambda a: lambda x: (2 * x + a / x**2) / 3, a, onp.ones(np.shape(a)), gap, 1e-14
    )


@pytest.mark.parametrize("outer", [grad, deriv, jacobian], ids=lambda o: o.__name__)
@pytest.mark.parametrize("inner", [grad, deriv], ids=lambda o: o.__name__)
def test_a_fixed_point_has_second_derivatives_in_mixed_modes(inner: Any, outer: Any) -> None:
    close(outer(inner(cube_root))(2.0), -2 / 9 * 2.0 ** (-5 / 3), rtol=1e-10)


def test_fixed_points_of_arrays_have_jacobians_and_hessians() -> None:
    a = onp.array([2.0, 3.0])
    close(jacobian(cube_root)(a), onp.diag(a ** (-2 / 3) / 3), rtol=1e-11)
    second = hessian(lambda a: np.sum(cube_root(a)))(a)
    close(second, onp.diag(-2 / 9 * a ** (-5 / 3)), rtol=1e-9)


def test_a_fixed_point_may_have_containers_as_parameters_and_as_iterates() -> None:
    def kepler(p: Any) -> Any:
        return fixed_point(
            lambda p: lambda s: (p["m"] + p["e"][0] * s[1], np.sin(s[0])),
            p,
            (0.0, 0.0),
            lambda s, t: np.abs(s[0] - t[0]) + np.abs(s[1] - t[1]),
            1e-15,
        )[0]

    anomaly = float(mpmath.findroot(lambda E: E - 0.3 * mpmath.sin(E) - 0.7, 1.0))
    slope = 1 / (1 - 0.3 * onp.cos(anomaly))
    found = grad(kepler)({"m": 0.7, "e": [0.3]})
    close([found["m"], found["e"][0]], [slope, onp.sin(anomaly) * slope], rtol=1e-12)
    pushed = make_jvp(kepler)({"m": 0.7, "e": [0.3]})({"m": 1.0, "e": [0.0]})
    close(pushed, (anomaly, slope), rtol=1e-12)


def test_a_fixed_point_does_not_depend_on_its_start() -> None:
    def root(x0: Any) -> Any:
        return fixed_point(lambda a: lambda x: 0.5 * (x + a / x), 2.0, x0, gap, 1e-14)

    assert grad(root)(1.0) == deriv(root)(1.0) == 0.0


def sgd_step(g: float, t: int, s: dict[str, float]) -> float:
    s["v"] = 0.6 * s.get("v", 0.0) + 0.4 * g
    return s["v"]


def rmsprop_step(g: float, t: int, s: dict[str, float]) -> float:
    s["r"] = 0.7 * s.get("r", 1.0) + 0.3 * g * g
    return g / (s["r"] ** 0.5 + 1e-3)


def adam_step(g: float, t: int, s: dict[str, float]) -> float:
    s["m"] = 0.8 * s.get("m", 0.0) + 0.2 * g
    s["v"] = 0.95 * s.get("v", 0.0) + 0.05 * g * g
    return s["m"] / (1 - 0.8**t) / ((s["v"] / (1 - 0.95**t)) ** 0.5 + 1e-3)


@pytest.mark.parametrize(
    ("optimizer", "options", "step"),
    [
        (sgd, (0.6,), sgd_step),
        (rmsprop, (0.7, 1e-3), rmsprop_step),
        (adam, (0.8, 0.95, 1e-3), adam_step),
    ],
    ids=["sgd", "rmsprop", "adam"],
)
def test_optimizers_step_as_a_loop_does_with_any_options(
    optimizer: Any, options: Any, step: Any
) -> None:
    """The reference is a loop over one parameter, in Python's numbers."""
    x, trail = 3.0, []
    state: dict[str, float] = {}
    for i in range(6):
        trail.append(x)
        x -= 0.05 * step((i + 1) * x**2, i + 1, state)
    seen: list[Any] = []
    start = {"x": (onp.array([[3.0]]),)}
    found = optimizer(
        lambda p, i: {"x": ((i + 1) * p["x"][0] ** 2,)},
        start,
        lambda p, i, g: seen.append((i, p["x"][0][0, 0], g["x"][0][0, 0])),
        6,
        0.05,
        *options,
    )
    close(found["x"][0], [[x]])
    close(seen, [(i, v, (i + 1) * v**2) for i, v in enumerate(trail)])
    assert start == {"x": (onp.array([[3.0]]),)}


class Recorded(Node):
    """Keeps all that a node is made with."""

    __slots__ = ("argnums", "args", "fun", "kwargs", "parents", "value")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        self.value, self.fun, self.args, self.kwargs = value, fun, args, kwargs
        self.argnums, self.parents = parent_argnums, parents

    def initialize_root(self, value: Any) -> None:
        self.value, self.parents = value, ()


def program(x: Any) -> Any:
    y = np.tanh(np.reshape(x, (3, 1)) @ x[None, :])
    sign, logdet = np.linalg.slogdet(y + 3 * onp.eye(3))
    return np.sum(y, axis=0)[1:].mean() + logdet * sign + np.max(x) / x[0]


def test_nodes_are_made_with_plain_values_and_a_call_that_can_be_repeated() -> None:
    value, end = trace(Recorded.new_root(X), program, X)
    assert value == program(X)
    nodes = [node for node in toposort(end) if node.parents]
    assert len(nodes) > 10
    for node in nodes:
        assert not any(map(core.isbox, node.args))
        onp.testing.assert_equal(node.fun(*node.args, **node.kwargs), node.value)
        assert len(node.argnums) == len(node.parents)
        for i, parent in zip(node.argnums, node.parents, strict=True):
            onp.testing.assert_equal(node.args[i], parent.value)


def test_reverse_mode_can_be_written_with_a_users_nodes() -> None:
    root = Recorded.new_root(X)
    _, end = trace(root, lambda x: np.sum(np.sin(x) * x) * x[1], X)
    grads: dict[Any, Any] = {end: 1.0}
    for node in toposort(end):
        if node.parents:
            rule = core.primitive_vjps[node.fun](node.argnums, node.value, node.args, node.kwargs)
            for parent, g in zip(node.parents, rule(grads[node]), strict=True):
                grads[parent] = grads.get(parent, 0.0) + g
    expected = (onp.cos(X) * X + onp.sin(X)) * X[1]
    expected[1] += onp.sum(onp.sin(X) * X)
    close(grads[root], expected)


def test_traces_nest_in_each_other_and_in_operators() -> None:
    with trace_stack.new_trace() as outer:
        x = new_box(3.0, outer, Recorded.new_root(3.0))
        with trace_stack.new_trace() as inner:
            y = new_box(x, inner, Recorded.new_root(x))
            product = y * x
            found, top, kind = find_top_boxed_args((1.0, x, product))
            assert [i for i, _ in found] == [2]
            assert top is inner
            assert kind is Recorded
            assert getval(product) == 9.0
    assert find_top_boxed_args((1.0, X)) == ([], -1, None)
    slope = grad(lambda x: trace(core.VJPNode.new_root(), lambda y: x * y**2, x)[0])
    assert slope(3.0) == 27.0


def test_passes_choose_the_argument_and_are_differentiated() -> None:
    def f(x: Any, y: Any, scale: float = 1.0) -> Any:
        z = x * y
        return scale * (z + np.sin(z))

    start, end = core.forward_pass(f, (2.0, 3.0), {"scale": 5.0}, argnum=1)
    assert end is not None
    expected = 5.0 * 2.0 * (1 + onp.cos(6.0))
    for start_node in (start, None):
        close(core.backward_pass(1.0, end, start_node), expected)

    def slope(y: Any) -> Any:
        return core.backward_pass(1.0, core.forward_pass(f, (2.0, y), {}, 1)[1])

    close(grad(slope)(3.0), -4.0 * onp.sin(6.0))


def test_a_constant_graph_repeats_on_other_values_and_shapes_and_is_differentiated() -> None:
    again = const_graph(program)
    for x in (X, 2 * X, X[::-1]):
        close(again(x), program(x), rtol=1e-15)
    close(grad(again)(X), grad(program)(X))
    total = const_graph(lambda c, x, power: c * np.sum(x**power), 2.0, power=3)
    assert total(X) == 2 * onp.sum(X**3)
    assert total(onp.ones(5)) == 10.0
    slope = const_graph(grad(lambda x: x**3 if x > 0 else x))
    assert [slope(2.0), slope(-4.0)] == [12.0, 48.0]


def test_toposort_gives_a_node_before_its_parents_and_once() -> None:
    edges = {"f": "ed", "e": "dcc", "d": "ba", "c": "a", "b": "a", "a": ""}
    order = list(toposort("f", lambda node: edges[node]))
    assert sorted(order) == sorted(edges)
    for node, parents in edges.items():
        assert all(order.index(node) < order.index(parent) for parent in parents)


def test_an_operator_of_ones_own_gets_the_chosen_argument_and_its_options() -> None:
    @unary_to_nary
    def difference(fun: Any, x: Any, step: float = 1e-3, *, sides: int = 2) -> Any:
        """A difference quotient."""
        x, shift = onp.asarray(x), onp.array([step, 0.0]) if type(x) is tuple else step
        return (fun(x + shift) - fun(x - shift * (sides - 1))) / (sides * step)

    def f(x: Any, y: Any, *, k: float = 0.0) -> Any:
        return 10 * x + y**2 + k

    assert difference.__doc__ == "A difference quotient."
    assert difference(f, -1)(1.0, 3.0) == pytest.approx(6.0)
    assert difference(f, 1, 0.5, sides=1)(1.0, 3.0, k=7.0) == pytest.approx(6.5)
    assert difference(f, [1, 0], 0.5, sides=1)(1.0, 3.0) == pytest.approx(6.5)
    with pytest.raises(TypeError, match="difference takes a function, not a float"):
        difference(3.0)


@primitive
def wrong_slope(x: Any) -> Any:
    """Its rules are right, and the derivative that they are written with is not."""
    return onp.asarray(x) ** 3


@primitive
def slope_of_wrong(x: Any) -> Any:
    return 3.0 * onp.asarray(x) ** 2


defvjp(wrong_slope, lambda ans, x: lambda g: g * slope_of_wrong(x))
defjvp(wrong_slope, lambda g, ans, x: g * slope_of_wrong(x))
defvjp(slope_of_wrong, lambda ans, x: lambda g: g * 5.0 * x)
defjvp(slope_of_wrong, lambda g, ans, x: g * 5.0 * x)


def test_check_grads_finds_a_wrong_second_derivative_at_order_two_only() -> None:
    for mode in ("fwd", "rev"):
        test_util.check_grads(wrong_slope, modes=[mode], order=1)(X)
        with pytest.raises(GradientError):
            test_util.check_grads(wrong_slope, modes=[mode], order=2)(X)


def test_checks_take_containers_and_complex_numbers() -> None:
    def f(p: Any) -> Any:
        return [p["a"] * p["z"], (np.abs(p["z"]) ** 2,)]

    point = {"a": X, "z": 1.0 + 2.0j}
    for check in (test_util.check_vjp, test_util.check_jvp):
        check(f, point)
        check(lambda z: z**2 * np.conj(z), onp.array([1 + 2j, 3j]))
    test_util.check_grads(lambda p: p["a"] * p["b"][0])({"a": X, "b": [2.0]})
    tangent = test_util.make_numerical_jvp(f, point)(point)
    onp.testing.assert_allclose(tangent[1][0], 2 * 5.0, rtol=1e-8)


def test_combo_check_fails_where_one_combination_is_wrong() -> None:
    def f(x: Any, y: Any, kind: str = "right") -> Any:
        return (slope_of_wrong(x) if kind == "wrong" else x**2) * y

    test_util.combo_check(f, [0, 1])([X, 2.0], [3.0], kind=["right"])
    test_util.combo_check(f, [1])([X, 2.0], [3.0], kind=["right", "wrong"])
    with pytest.raises(AssertionError, match="entries are wrong"):
        test_util.combo_check(f, [0], order=1)([X, 2.0], [3.0], kind=["right", "wrong"])


def by_loops(
    a: Any, b: Any, axes: Sequence[Sequence[int]], dots: Sequence[Sequence[int]], mode: str
) -> Any:
    """The definition: each pair of elements is added where its indices say."""
    kept = [
        [i for i in range(x.ndim) if i not in (*c, *d)]
        for x, c, d in zip((a, b), axes, dots, strict=True)
    ]
    sizes = [(a.shape[i], b.shape[j]) for i, j in zip(*axes, strict=True)]
    outer = [a.shape[i] for i in kept[0]] + [b.shape[j] for j in kept[1]]
    out = onp.zeros([*outer, *(n + m - 1 for n, m in sizes)], onp.result_type(a, b))
    for i, j in itertools.product(onp.ndindex(a.shape), onp.ndindex(b.shape)):
        if all(i[p] == j[q] for p, q in zip(*dots, strict=True)):
            at = [i[p] for p in kept[0]] + [j[q] for q in kept[1]]
            out[(*at, *(i[p] + j[q] for p, q in zip(*axes, strict=True)))] += a[i] * b[j]
    if mode == "full":
        return out
    inside: tuple[Any, ...] = (..., *(slice(min(pair) - 1, max(pair)) for pair in sizes))
    return out[inside]


CONVOLUTIONS = [
    ((3, 2), (2, 2), ([0], [0]), ([], [])),
    ((3, 2, 2), (2, 2, 2), ([0], [1]), ([1], [0])),
    ((2, 4, 3), (2, 2, 2), ([2, 1], [1, 0]), ([0], [2])),
    ((2, 2, 1), (3, 3, 2), ([2, 0], [1, 0]), ([1], [2])),
    ((2, 2), (3, 3), ([0], [1]), ([], [])),
    ((2, 2), (2, 3), ([], []), ([0], [0])),
]


@pytest.mark.parametrize("mode", ["full", "valid"])
@pytest.mark.parametrize(("shape_a", "shape_b", "axes", "dots"), CONVOLUTIONS)
def test_convolution_of_chosen_axes_and_its_gradients_are_right(
    shape_a: Any, shape_b: Any, axes: Any, dots: Any, mode: str
) -> None:
    rng = onp.random.default_rng(0)
    a, b = rng.standard_normal(shape_a), rng.standard_normal(shape_b)
    expected = by_loops(a, b, axes, dots, mode)
    close(convolve(a, b, axes, dots, mode), expected, rtol=1e-12)
    close(convolve(a + 1j, 1j * b, axes, dots, mode), by_loops(a + 1j, 1j * b, axes, dots, mode))
    negative = [[i - x.ndim for i in part] for x, part in zip((a, b), axes, strict=True)]
    close(convolve(a, b, negative, dots, mode), expected, rtol=1e-12)

    g = rng.standard_normal(expected.shape)

    def loss(a: Any, b: Any) -> Any:
        return np.sum(g * convolve(a, b, axes, dots, mode))

    numeric = numdifftools.Gradient(
        lambda v: onp.sum(g * by_loops(v.reshape(shape_a), b, axes, dots, mode))
    )
    close(grad(loss, 0)(a, b).ravel(), numeric(a.ravel()), rtol=1e-9)
    numeric = numdifftools.Gradient(
        lambda v: onp.sum(g * by_loops(a, v.reshape(shape_b), axes, dots, mode))
    )
    close(grad(loss, 1)(a, b).ravel(), numeric(b.ravel()), rtol=1e-9)
    close(make_jvp(convolve, 1)(a, b, axes, dots, mode)(b)[1], expected, rtol=1e-12)
