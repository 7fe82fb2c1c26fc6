"""autograd's other modules: misc, tracer, util, wrap_util, test_util, builtins, scipy.signal."""

from __future__ import annotations

import collections
import itertools
from typing import Any

import numdifftools
import numpy as onp
import pytest

import dualdiff.compat.autograd.numpy as np
import dualdiff.numpy as dnp
from dualdiff.compat.autograd import builtins, core, grad, make_jvp, make_vjp, test_util, util
from dualdiff.compat.autograd.extend import defjvp, defvjp, primitive
from dualdiff.compat.autograd.misc import const_graph, flatten
from dualdiff.compat.autograd.misc.fixed_points import fixed_point
from dualdiff.compat.autograd.misc.flatten import flatten_func
from dualdiff.compat.autograd.misc.optimizers import adam, rmsprop, sgd
from dualdiff.compat.autograd.misc.tracers import full_graph
from dualdiff.compat.autograd.scipy.signal import convolve
from dualdiff.compat.autograd.tracer import (
    Node,
    getval,
    isbox,
    new_box,
    notrace_primitive,
    trace,
    trace_stack,
)
from dualdiff.compat.autograd.wrap_util import get_name, unary_to_nary
from dualdiff.errors import ClosedTraceError, GradientError

X = onp.array([0.5, -1.0, 2.0])


@primitive
def halved(x: Any) -> Any:
    """Its rules forget a factor of 2."""
    return x**2


defvjp(halved, lambda ans, x: lambda g: g * x)
defjvp(halved, lambda g, ans, x: g * x)


class TestFlatten:
    """misc.flatten"""

    def test_a_vector_and_the_way_back(self) -> None:
        tree = {"b": 1.0, "a": onp.array([[2.0, 3.0]]), "c": (4.0, [5.0])}
        vector, unflatten = flatten(tree)
        onp.testing.assert_array_equal(vector, [2, 3, 1, 4, 5])
        again = unflatten(10 * vector)
        assert again["b"] == 10
        assert again["a"].shape == (1, 2)
        assert type(again["c"]) is tuple
        assert again["c"] == (40, [50])

    def test_it_carries_derivatives_both_ways(self) -> None:
        _, unflatten = flatten({"w": onp.ones((2, 2)), "b": 1.0})
        g = grad(lambda v: np.sum(unflatten(v)["w"] ** 2) + 3 * unflatten(v)["b"])(onp.arange(5.0))
        onp.testing.assert_array_equal(g, [3, 2, 4, 6, 8])
        g = grad(lambda x: np.sum(flatten([x, (2 * x, 1.0)])[0]))(X)
        onp.testing.assert_array_equal(g, onp.full(3, 3.0))

    def test_complex_and_empty(self) -> None:
        vector, unflatten = flatten([1j, 2.0])
        assert vector.dtype == complex
        assert unflatten(vector) == [1j, 2.0]
        assert flatten(())[0].shape == (0,)
        assert flatten(3.0)[0].shape == (1,)

    def test_flatten_func_gives_a_function_of_vectors(self) -> None:
        def f(params: Any, factor: Any) -> Any:
            return [factor * params[1], params[0]]

        flat, unflatten, example = flatten_func(f, (1.0, X))
        onp.testing.assert_array_equal(flat(example, 2.0), [*(2 * X), 1.0])
        assert unflatten(example)[0] == 1.0


class TestOptimizers:
    """misc.optimizers"""

    START = {"w": onp.array([1.0, -2.0]), "b": [3.0]}

    @staticmethod
    def gradient(params: Any, i: int) -> Any:
        return {"w": 2 * params["w"] + i, "b": [params["b"][0] ** 2 / 10]}

    @staticmethod
    def flat_gradient(x: Any, i: int) -> Any:
        return onp.array([x[0] ** 2 / 10, 2 * x[1] + i, 2 * x[2] + i])

    def run(self, optimizer: Any, step: Any) -> None:
        """Compare with a loop over the vector (b, w), whose step updates its state."""
        x, state = onp.array([3.0, 1.0, -2.0]), collections.defaultdict(float)
        for i in range(4):
            x = x - step(self.flat_gradient(x, i), i + 1, state)
        found = optimizer(self.gradient, self.START, num_iters=4, step_size=0.05)
        onp.testing.assert_allclose([*found["b"], *found["w"]], x, rtol=1e-13)

    def test_sgd_steps_with_momentum(self) -> None:
        def step(g: Any, t: int, state: Any) -> Any:
            state["v"] = 0.9 * state["v"] + 0.1 * g
            return 0.05 * state["v"]

        self.run(sgd, step)

    def test_rmsprop_divides_by_a_root_mean_square_that_starts_at_one(self) -> None:
        def step(g: Any, t: int, state: Any) -> Any:
            state["s"] = 0.9 * (state["s"] if t > 1 else 1.0) + 0.1 * g**2
            return 0.05 * g / (onp.sqrt(state["s"]) + 1e-8)

        self.run(rmsprop, step)

    def test_adam_is_algorithm_1_of_its_paper(self) -> None:
        def step(g: Any, t: int, state: Any) -> Any:
            state["m"] = 0.9 * state["m"] + 0.1 * g
            state["v"] = 0.999 * state["v"] + 0.001 * g**2
            m, v = state["m"] / (1 - 0.9**t), state["v"] / (1 - 0.999**t)
            return 0.05 * m / (onp.sqrt(v) + 1e-8)

        self.run(adam, step)

    @pytest.mark.parametrize("optimizer", [sgd, rmsprop, adam])
    def test_the_callback_sees_parameters_step_and_gradient(self, optimizer: Any) -> None:
        seen: list[Any] = []
        optimizer(self.gradient, self.START, lambda *args: seen.append(args), 2)
        assert [i for _, i, _ in seen] == [0, 1]
        params, _, g = seen[0]
        onp.testing.assert_array_equal(params["w"], self.START["w"])
        onp.testing.assert_array_equal(g["w"], 2 * self.START["w"])


class TestFixedPoint:
    """misc.fixed_points"""

    @staticmethod
    def root(a: Any) -> Any:
        return fixed_point(
            lambda a: lambda x: 0.5 * (x + a / x), a, 1.0, lambda x, y: np.abs(x - y), 1e-13
        )

    def test_the_square_root_has_its_derivative_in_both_modes(self) -> None:
        assert grad(self.root)(2.0) == pytest.approx(0.5 * 2**-0.5, rel=1e-12)
        value, tangent = make_jvp(self.root)(2.0)(1.0)
        assert value == pytest.approx(2**0.5, rel=1e-14)
        assert tangent == pytest.approx(0.5 * 2**-0.5, rel=1e-12)

    def test_second_derivatives(self) -> None:
        assert grad(grad(self.root))(2.0) == pytest.approx(-0.25 * 2**-1.5, rel=1e-10)

    def test_parameters_and_iterates_may_be_arrays(self) -> None:
        a = onp.array([[0.3, 0.1], [-0.2, 0.4]])
        b = onp.array([1.0, -2.0])

        def solved(a: Any) -> Any:
            x = fixed_point(
                lambda a: lambda x: a @ x + b, a, b, lambda x, y: np.max(np.abs(x - y)), 1e-14
            )
            return np.sum(x**2)

        x = onp.linalg.solve(onp.eye(2) - a, b)
        w = onp.linalg.solve((onp.eye(2) - a).T, 2 * x)
        onp.testing.assert_allclose(grad(solved)(a), onp.outer(w, x), rtol=1e-11)


class Operations(Node):
    """Keeps names of functions, as a user of the tracer would."""

    __slots__ = ("name", "parents")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        self.name, self.parents = fun.__name__, list(parents)

    def initialize_root(self, name: str = "root") -> None:
        self.name, self.parents = name, []


class TestTracer:
    """tracer, and the passes of core"""

    def test_a_users_nodes_see_the_operations(self) -> None:
        value, end = trace(Operations.new_root("x"), lambda x: np.sin(x) * x + 1.0, 3.0)
        assert value == onp.sin(3.0) * 3.0 + 1.0
        assert [node.name for node in util.toposort(end)] == ["add", "multiply", "sin", "x"]
        assert trace(Operations.new_root(), lambda x: 5.0, 3.0) == (5.0, None)

    def test_users_primitives_are_nodes_too(self) -> None:
        _, end = trace(Operations.new_root(), lambda x: halved(x) + np.sum(x), X)
        assert {node.name for node in util.toposort(end)} == {"root", "halved", "sum", "add"}

    def test_boxes_of_a_trace_end_with_it(self) -> None:
        with trace_stack.new_trace() as opened:
            box = new_box(X, opened, Operations.new_root())
            assert isbox(box)
            assert box._trace is opened
            assert box._node.name == "root"
            assert box._value is not None
            onp.testing.assert_array_equal(getval(box * 2), 2 * X)
        with pytest.raises(ClosedTraceError):
            np.sin(box)
        with pytest.raises(TypeError, match="can't differentiate w"), trace_stack.new_trace() as t:
            new_box(3, t, None)

    def test_what_the_tracer_does_not_record_is_refused(self) -> None:
        def assigns(x: Any) -> Any:
            y = dnp.zeros(3)
            y[0] = x
            return np.sum(y)

        with pytest.raises(TypeError, match=r"autograd\.tracer\.trace does not record"):
            trace(Operations.new_root(), assigns, 3.0)

    def test_forward_and_backward_pass(self) -> None:
        start, end = core.forward_pass(lambda x, y: np.sum(np.sin(x) * y) + x[0], (X, 2.0), {})
        assert end is not None
        g = core.backward_pass(3.0, end, start)
        onp.testing.assert_allclose(g, 3 * (2 * onp.cos(X) + [1, 0, 0]), rtol=1e-15)

    def test_const_graph_runs_the_function_once(self) -> None:
        calls = []

        def f(a: Any, x: Any) -> Any:
            calls.append(1)
            return a * np.sin(x) if x > 0 else x

        again = const_graph(f, 2.0)
        assert again(1.0) == 2 * onp.sin(1.0)
        assert again(-1.0) == 2 * onp.sin(-1.0)
        assert calls == [1]
        assert const_graph(lambda x: 7.0)(1.0) == 7.0

    def test_full_graph_keeps_the_recipe(self) -> None:
        end = full_graph(lambda x: np.sin(x) * 2, 3.0)
        assert end.value == 2 * onp.sin(3.0)
        fun, args, kwargs, parents = end.recipe
        assert fun(*args, **kwargs) == end.value
        assert parents[0][1].value == onp.sin(3.0)

    def test_notrace_primitive_has_values(self) -> None:
        assert grad(lambda x: notrace_primitive(lambda v: float(v))(x) * x)(3.0) == 3.0


class TestUtil:
    """util and wrap_util"""

    def test_subvals_replaces_elements(self) -> None:
        assert util.subvals([1, 2, 3], [(0, 7), (-1, 8)]) == (7, 2, 8)
        assert util.subval((1, 2, 3), 1, 9) == (1, 9, 3)
        assert util.func(onp.sin) is onp.sin

    def test_quick_grad_check_finds_a_wrong_rule(self, capsys: Any) -> None:
        util.quick_grad_check(lambda x, a: np.sum(x**a), X, (2,))
        assert "Checking gradient of" in capsys.readouterr().out
        with pytest.raises(AssertionError, match="3 of 3 entries are wrong"):
            util.quick_grad_check(lambda x: np.sum(halved(x)), X, verbose=False)
        with pytest.raises(ValueError, match="needs a scalar result"):
            util.quick_grad_check(np.sin, X)

    def test_unary_to_nary_chooses_the_argument(self) -> None:
        @unary_to_nary
        def doubled(fun: Any, x: Any, factor: float = 2.0) -> Any:
            return fun(tuple(factor * v for v in x) if type(x) is tuple else factor * x)

        def f(x: Any, y: Any, z: Any = 0.0) -> Any:
            return x + 10 * y + z

        assert doubled(f)(1.0, 1.0) == 12.0
        assert doubled(f, 1, 3.0)(1.0, 1.0, z=5.0) == 36.0
        assert doubled(f, (0, 1), factor=4.0)(1.0, 1.0) == 44.0
        assert doubled(f, 1).__name__ == "doubled_of_f_wrt_argnum_1"
        assert get_name(f) == "f"


class TestChecks:
    """test_util"""

    def test_check_grads_passes_for_right_rules_and_finds_wrong_ones(self) -> None:
        test_util.check_grads(lambda x, y: np.sin(x) * y, (0, 1), order=2)(X, X**2)
        test_util.check_grads(np.tanh, modes=["rev"], order=3)(0.3)
        for mode in ("fwd", "rev"):
            with pytest.raises(GradientError, match="entries are wrong"):
                test_util.check_grads(halved, modes=[mode])(X)
        with pytest.raises(AssertionError, match="modes must be among"):
            test_util.check_grads(np.sin, modes=["backward"])(X)

    def test_checks_in_one_direction(self) -> None:
        for check in (test_util.check_vjp, test_util.check_jvp):
            check(np.sin, X)
            with pytest.raises(AssertionError):
                check(halved, X)

    def test_combo_check_takes_every_combination(self) -> None:
        seen = []

        def f(x: Any, y: Any, axis: Any = None) -> Any:
            seen.append((np.shape(x), y if type(y) is float else 0, axis))
            return np.sum(x * 2.0, axis=axis)

        test_util.combo_check(f, (0,), order=1)([X, X[:2]], [1.0, 2.0], axis=[None, 0])
        wanted = itertools.product([(3,), (2,)], [1.0, 2.0], [None, 0])
        assert set(seen) >= set(wanted)

    def test_comparisons(self) -> None:
        assert test_util.scalar_close(1.0, 1.0 + 1e-8)
        assert not test_util.scalar_close(1.0, 1.1)
        test_util.check_equivalent([X, 1.0], [X + 1e-12, 1.0])
        with pytest.raises(AssertionError, match="Value mismatch"):
            test_util.check_equivalent(X, X + 0.1)
        with pytest.raises(AssertionError, match="VSpace mismatch"):
            test_util.check_equivalent(X, X[:2])


def test_builtins_see_traced_values_as_what_they_stand_for() -> None:
    seen = []

    def f(d: Any, x: Any) -> Any:
        made = builtins.list([d["a"], x])
        seen.extend(
            [
                builtins.type(x) is onp.ndarray,
                builtins.isinstance(x, onp.ndarray),
                isinstance(d, builtins.DictBox),
                isinstance(made, builtins.SequenceBox),
                builtins.isinstance(builtins.dict(d), dict),
                builtins.isinstance(builtins.tuple(made), tuple),
            ]
        )
        return np.sum(made[0] * made[1])

    first, second = grad(f, (0, 1))({"a": 2.0}, X)
    assert seen == [True] * 6
    assert first == {"a": X.sum()}
    onp.testing.assert_array_equal(second, [2, 2, 2])
    assert not isinstance([X], builtins.SequenceBox)
    assert not isinstance({"a": X}, builtins.DictBox)


def convolved_by_loops(a: Any, b: Any, mode: str) -> Any:
    """The definition, of two arrays of two axes."""
    shape = [n + m - 1 for n, m in zip(a.shape, b.shape, strict=True)]
    full = onp.zeros(shape)
    for i, j, k, l in itertools.product(*map(range, (*a.shape, *b.shape))):  # noqa: E741
        full[i + k, j + l] += a[i, j] * b[k, l]
    if mode == "full":
        return full
    least = [min(n, m) for n, m in zip(a.shape, b.shape, strict=True)]
    return full[tuple(slice(n - 1, len_ - n + 1) for n, len_ in zip(least, shape, strict=True))]


@pytest.mark.parametrize("mode", ["full", "valid"])
@pytest.mark.parametrize("shapes", [((5, 4), (3, 2)), ((2, 2), (4, 3)), ((3, 3), (3, 3))])
def test_convolve_is_the_sum_of_its_definition(shapes: Any, mode: str) -> None:
    rng = onp.random.default_rng(0)
    a, b = (rng.normal(size=shape) for shape in shapes)
    onp.testing.assert_allclose(
        convolve(a, b, mode=mode), convolved_by_loops(a, b, mode), rtol=1e-13, atol=1e-14
    )
    g = rng.normal(size=convolve(a, b, mode=mode).shape)
    for f, x in (
        (lambda a: convolve(a, b, mode=mode), a),
        (lambda b: convolve(a, b, mode=mode), b),
    ):
        pulled = make_vjp(f)(x)[0](g)
        numeric = numdifftools.Gradient(lambda v, f=f, x=x: onp.sum(g * f(v.reshape(x.shape))))(
            x.ravel()
        )
        onp.testing.assert_allclose(pulled, numeric.reshape(x.shape), rtol=1e-9, atol=1e-10)


def test_convolve_over_some_axes_contracts_others_and_keeps_the_rest() -> None:
    rng = onp.random.default_rng(1)
    images, filters = rng.normal(size=(2, 3, 6, 5)), rng.normal(size=(3, 4, 2, 3))
    found = convolve(images, filters, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid")
    assert found.shape == (2, 4, 5, 3)
    for n, m in itertools.product(range(2), range(4)):
        expected = sum(convolved_by_loops(images[n, c], filters[c, m], "valid") for c in range(3))
        onp.testing.assert_allclose(found[n, m], expected, rtol=1e-12, atol=1e-14)


def test_convolve_says_what_is_wrong() -> None:
    for args, options, match in (
        ((X, X), {"mode": "other"}, "'full', 'same' and 'valid', not 'other'"),
        ((X, onp.ones((2, 2))), {}, "needs `axes`"),
        ((onp.ones((5, 2)), onp.ones((2, 5))), {"mode": "valid"}, "the larger along all convolved"),
        ((X, X), {"dot_axes": ([0], [])}, "as many dot_axes of one array"),
    ):
        with pytest.raises(ValueError, match=match):
            convolve(*args, **options)


def test_cholesky_has_a_symmetric_gradient_and_eigh_one_in_its_triangle() -> None:
    x = onp.array([[2.0, 0.5], [0.5, 1.0]])
    inverse = onp.linalg.inv(x)
    log_det = grad(lambda x: 2 * np.sum(np.log(np.diag(np.linalg.cholesky(x)))))
    onp.testing.assert_allclose(log_det(x), inverse, rtol=1e-14)
    by_values = grad(lambda x: np.sum(np.log(np.linalg.eigh(x)[0])))
    onp.testing.assert_allclose(by_values(x), onp.tril(inverse * [[1, 1], [2, 1]]), rtol=1e-14)
