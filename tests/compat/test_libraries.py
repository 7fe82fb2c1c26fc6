"""What libraries built on autograd rely on: array classes of their own, and primitives that run
others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numdifftools as nd
import numpy as onp
import pytest

import dualdiff.compat.autograd.numpy as np
from dualdiff.compat.autograd import (
    builtins,
    elementwise_grad,
    grad,
    hessian,
    jacobian,
    make_jvp,
    make_vjp,
    value_and_grad,
)
from dualdiff.compat.autograd.extend import Box, VSpace
from dualdiff.compat.autograd.numpy.numpy_boxes import ArrayBox
from dualdiff.compat.autograd.numpy.numpy_vspaces import ArrayVSpace
from dualdiff.core.traces import CONVERTED

X = onp.array([1.5, 0.7, 2.5])


class Tensor(onp.ndarray):
    """An array with a flag, which wraps the results of ufuncs, whatever they are."""

    def __array_ufunc__(self, ufunc: Any, method: Any, *inputs: Any, **kwargs: Any) -> Any:
        plain = [x.view(onp.ndarray) if isinstance(x, Tensor) else x for x in inputs]
        result = super().__array_ufunc__(ufunc, method, *plain, **kwargs)
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

    plain = tensor.view(onp.ndarray)
    expected = nd.Gradient(lambda x: onp.sum(BINARY[name](plain, x) ** 2))(X)
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
