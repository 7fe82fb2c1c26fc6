"""Features that libraries built on autograd need: array classes of their own, and primitives that
run others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numdifftools as nd
import numpy as onp
import pytest

import dualdiff.compat.autograd.numpy as np
from dualdiff.array.box import Box as CoreBox
from dualdiff.compat.autograd import (
    builtins,
    deriv,
    elementwise_grad,
    grad,
    hessian,
    jacobian,
    make_jvp,
    make_vjp,
    value_and_grad,
)
from dualdiff.compat.autograd.core import backward_pass, forward_pass, primitive_jvps
from dualdiff.compat.autograd.extend import Box, VSpace, defjvp, defvjp, primitive
from dualdiff.compat.autograd.numpy.numpy_boxes import ArrayBox
from dualdiff.compat.autograd.numpy.numpy_vspaces import ArrayVSpace
from dualdiff.core.trace import CONVERTED
from dualdiff.errors import CaptureError

X = onp.array([1.5, 0.7, 2.5])


class Tensor(onp.ndarray):
    """An array with a flag, which wraps the results of ufuncs, whatever they are."""

    def __array_ufunc__(self, ufunc: Any, method: Any, *inputs: Any, **kwargs: Any) -> Any:
        unbox = [x.view(onp.ndarray) if isinstance(x, Tensor) else x for x in inputs]
        result = super().__array_ufunc__(ufunc, method, *unbox, **kwargs)
        return onp.asarray(result).view(Tensor)


@pytest.fixture
def tensor() -> Iterator[Tensor]:
    """A `Tensor`, registered as libraries do it."""
    own = Tensor.__array_ufunc__
    Box.type_mappings[Tensor] = lambda value, trace, node: ArrayBox(value, trace, node)
    VSpace.mappings[Tensor] = lambda value: ArrayVSpace(value)
    yield onp.array([1.0, 2.0, 3.0]).view(Tensor)
    del Box.type_mappings[Tensor], VSpace.mappings[Tensor]
    CONVERTED.discard(Tensor)
    Tensor.__array_ufunc__ = own  # type: ignore[method-assign]


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "t * x": lambda t, x: t * x,
    "t - x": lambda t, x: t - x,
    "t / x": lambda t, x: t / x,
    "t ** x": lambda t, x: t**x,
    "t @ x": lambda t, x: t @ x,
    "t[0] * x": lambda t, x: t[0] * x,
    "x * t": lambda t, x: x * t,
    "numpy.multiply": lambda t, x: onp.multiply(t, x),
    "autograd.numpy.multiply": lambda t, x: np.multiply(t, x),
    "t > x": lambda t, x: np.where(t > x, x, x**2),
    "complex": lambda t, x: np.real(1j * t * x * (1 - 1j)),
}


@pytest.mark.parametrize("name", BINARY)
def test_a_registered_class_with_ufuncs_of_its_own_leaves_those_of_traced_arrays(
    name: str, tensor: Tensor
) -> None:
    def f(x: Any) -> Any:
        return np.sum(BINARY[name](tensor, x) ** 2)

    unbox = tensor.view(onp.ndarray)
    expected = nd.Gradient(lambda x: onp.sum(BINARY[name](unbox, x) ** 2))(X)
    onp.testing.assert_allclose(grad(f)(X), expected, atol=1e-8)
    onp.testing.assert_allclose(make_jvp(f)(X)(onp.ones(3))[1], expected.sum(), atol=1e-8)
    assert isinstance(BINARY[name](tensor, X), onp.ndarray)


def test_a_registered_class_is_an_argument_like_an_array(tensor: Tensor) -> None:
    def f(t: Any) -> Any:
        return np.sum(tensor * t**2)

    onp.testing.assert_allclose(grad(f)(tensor), 2 * onp.arange(1, 4.0) ** 2)
    onp.testing.assert_allclose(hessian(f)(tensor), onp.diag([2.0, 4.0, 6.0]))
    assert type(tensor * X) is Tensor
    assert type(onp.add(tensor, X)) is Tensor


@pytest.mark.parametrize(
    "operator",
    [grad, value_and_grad, elementwise_grad, lambda f: lambda x: make_vjp(f)(x)[1]],
)
@pytest.mark.parametrize("result", [NotImplemented, object(), "text"])
def test_a_result_that_is_no_number_is_refused_and_not_taken_for_a_constant(
    operator: Any, result: Any
) -> None:
    for given in (result, onp.array(result, dtype=object)):
        with pytest.raises(TypeError):
            operator(lambda x, given=given: given)(2.0)


@pytest.mark.parametrize("name", ["list", "tuple", "dict"])
def test_containers_of_builtins_are_classes_of_their_own_that_make_pythons(name: str) -> None:
    own, python = getattr(builtins, name), {"list": list, "tuple": tuple, "dict": dict}[name]
    given = {"a": 1.0} if python is dict else [1.0, 2.0]
    assert own is not python  # libraries register both
    assert issubclass(own, python)
    assert type(own(given)) is python
    assert own(given) == python(given)
    assert isinstance(python(given), own)
    assert not isinstance(2.0, own)
    assert own() == python()
    assert len({own, python}) == 2


def test_pythons_containers_made_by_builtins_carry_derivatives() -> None:
    def f(x: Any) -> Any:
        parts = builtins.dict(a=builtins.tuple([x, x**2]), b=builtins.list((x,)))
        assert isinstance(parts["b"], builtins.list)
        return np.sum(parts["a"][1] * parts["b"][0])

    onp.testing.assert_allclose(grad(f)(X), 3 * X**2)
    onp.testing.assert_allclose(jacobian(grad(f))(X), onp.diag(6 * X))


class Program:
    """Holds values where a primitive does not look for its arguments."""

    def __init__(self, held: Any, run: Callable[[Program], Any] | None = None) -> None:
        self.held = held
        self.run = run


@primitive
def sine(x: Any, program: Program) -> Any:
    """A primitive that may run itself on what its program holds."""
    return program.run(program) if program.run else onp.sin(x)


def _sine_vjp(ans: Any, x: Any, program: Program) -> Any:
    """By a shifted argument, made of what the program holds."""
    shifted = program.held + onp.pi / 2
    return lambda g: g * sine(shifted, Program(shifted))


defvjp(sine, _sine_vjp)


def again(program: Program) -> Any:
    return np.array(sine(program.held, Program(program.held)))


def held_once(x: Any) -> Any:
    return sine(x, Program(x))


def run_by_itself(x: Any) -> Any:
    """The outer primitive gives what the inner one, which it runs on the same value, gives."""
    return sine(x, Program(x, again))


@pytest.mark.parametrize("f", [held_once, run_by_itself])
def test_a_rule_that_uses_traced_values_it_holds_is_right_to_every_order(f: Any) -> None:
    x = 0.7
    expected = [onp.cos(x), -onp.sin(x), -onp.cos(x)]
    one = grad(f)
    two = grad(one)
    assert one(x) == pytest.approx(expected[0], rel=1e-14)
    assert two(x) == pytest.approx(expected[1], rel=1e-14)
    assert grad(two)(x) == pytest.approx(expected[2], rel=1e-14)
    assert jacobian(one)(x) == pytest.approx(expected[1], rel=1e-14)
    assert grad(lambda x: one(x) ** 2 * x)(x) == pytest.approx(
        2 * expected[0] * expected[1] * x + expected[0] ** 2, rel=1e-14
    )


def test_a_primitive_that_depends_on_a_traced_value_it_was_not_given_is_refused() -> None:
    def other_value(x: Any) -> Any:
        return sine(x, Program(x**2, again))

    def with_another(x: Any) -> Any:
        y = 2.0 * x
        return sine(x, Program(x, lambda program: again(program) * y))

    for f in (other_value, with_another):
        for operator in (grad, lambda f: grad(grad(f)), jacobian):
            with pytest.raises(CaptureError, match="sine used a traced value"):
                operator(f)(0.7)


def test_make_diagonal_puts_the_last_axis_on_diagonals() -> None:
    D = onp.arange(6.0).reshape(2, 3)
    made = np.make_diagonal(D, axis1=-1, axis2=-2)
    onp.testing.assert_array_equal(made, [onp.diag(row) for row in D])

    def f(x: Any) -> Any:
        return np.sum(np.make_diagonal(np.outer(x, x), offset=0, axis1=-1, axis2=-2) ** 3)

    onp.testing.assert_allclose(grad(f)(X), nd.Gradient(f)(X), atol=1e-7)
    onp.testing.assert_allclose(deriv(lambda t: f(t * X))(1.0), X @ grad(f)(X))
    holds_infinity = np.make_diagonal(onp.array([onp.inf, 1.0]), 0, -1, -2)
    onp.testing.assert_array_equal(holds_infinity, [[onp.inf, 0.0], [0.0, 1.0]])
    with pytest.raises(NotImplementedError, match="axis1=-1, axis2=-2 only"):
        np.make_diagonal(D)


def test_a_graph_of_nodes_has_operators_in_place() -> None:
    def f(x: Any) -> Any:
        total = 2.0 * x
        total += x**2
        total *= x
        return np.sum(total)

    start, end = forward_pass(f, (X,), {})
    onp.testing.assert_allclose(backward_pass(1.0, end, start), 4 * X + 3 * X**2)


def test_names_that_packages_import_from_where_they_are_used_are_there() -> None:
    from dualdiff.compat.autograd.builtins import SparseObject, vspace  # noqa: F401
    from dualdiff.compat.autograd.differential_operators import primitive as operators_primitive
    from dualdiff.compat.autograd.differential_operators import vspace as operators_vspace
    from dualdiff.compat.autograd.numpy import primitive as numpy_primitive

    assert operators_primitive is numpy_primitive is primitive
    assert operators_vspace(X).shape == (3,)


def test_packages_may_give_traced_arrays_methods_and_casts_rules() -> None:
    from dualdiff.compat.autograd.numpy.numpy_wrapper import _astype

    ArrayBox.of_a_package = lambda self: 3.0 * self
    ArrayBox.sum = None  # what traced arrays have is not replaced
    try:
        assert grad(lambda x: np.sum(x.of_a_package() * x))(2.0) == 12.0
        onp.testing.assert_array_equal(grad(lambda x: x.sum())(X), onp.ones(3))
    finally:
        del ArrayBox.of_a_package, ArrayBox.sum, CoreBox.of_a_package

    def f(x: Any) -> Any:
        return np.sum(_astype(x, complex) * 1j * _astype(x, float) * -1j)

    onp.testing.assert_allclose(elementwise_grad(lambda x: np.real(f(x)))(X), 2 * X)
    defjvp(_astype, lambda g, ans, A, dtype, *rest: _astype(g, dtype))
    try:
        tangent = make_jvp(lambda x: np.real(f(x)))(X)(onp.ones(3))[1]
    finally:
        del primitive_jvps[_astype]
    onp.testing.assert_allclose(tangent, 2 * X.sum())
