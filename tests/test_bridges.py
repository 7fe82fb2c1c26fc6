"""Bridges: functions of dualdiff in PyTorch and JAX, and theirs here, to second order."""

import sys
from typing import Any

import numpy as np
import pytest

import dualdiff as dd

X = np.array([0.5, 1.0, 1.5])


def plain(x: Any) -> Any:
    return np.sum(np.sin(x) * x**2)


def slope(x: Any) -> Any:
    return np.cos(x) * x**2 + 2 * x * np.sin(x)


def curvature(x: Any) -> Any:
    return np.diag(-np.sin(x) * x**2 + 4 * x * np.cos(x) + 2 * np.sin(x))


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.fixture(scope="module")
def jax() -> Any:
    module = pytest.importorskip("jax", reason="JAX is not installed")
    module.config.update("jax_enable_x64", True)
    return module


@pytest.mark.filterwarnings("ignore")  # of PyTorch's own
def test_a_function_in_torch_has_first_and_second_derivatives(torch: Any) -> None:
    f = dd.to_torch(plain)
    x = torch.tensor(X, requires_grad=True)
    f(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), slope(X))
    hessian = torch.autograd.functional.hessian(f, torch.tensor(X))
    np.testing.assert_allclose(hessian.numpy(), curvature(X), atol=1e-12)
    assert torch.autograd.gradcheck(f, (torch.tensor(X, requires_grad=True),))


@pytest.mark.filterwarnings("ignore")
def test_several_arguments_results_constants_and_rows_in_torch(torch: Any) -> None:
    f = dd.to_torch(lambda a, n, b: (a * b**n, a + b))
    a, b = (torch.tensor(v, requires_grad=True) for v in (X, X + 1))
    first, second = f(a, 2, b)
    (first.sum() + 3 * second.sum()).backward()
    np.testing.assert_allclose(a.grad.numpy(), (X + 1) ** 2 + 3)
    np.testing.assert_allclose(b.grad.numpy(), 2 * X * (X + 1) + 3)
    rows = torch.func.vmap(dd.to_torch(plain))(torch.tensor(np.stack([X, 2 * X])))
    np.testing.assert_allclose(rows.numpy(), [plain(X), plain(2 * X)])


@pytest.mark.filterwarnings("ignore")
def test_a_complex_parameter_in_torch_has_torchs_gradient(torch: Any) -> None:
    z = torch.tensor([1.0 + 2.0j, 0.5j], requires_grad=True)
    dd.to_torch(lambda z: np.sum(np.abs(z - 1j) ** 2))(z).backward()
    np.testing.assert_allclose(z.grad.numpy(), 2 * (z.detach().numpy() - 1j))


@pytest.mark.filterwarnings("ignore")
def test_a_function_of_torch_has_derivatives_here(torch: Any) -> None:
    f = dd.from_torch(lambda x: torch.sum(torch.sin(x) * x**2))
    np.testing.assert_allclose(f(X), plain(X))
    np.testing.assert_allclose(dd.grad(f)(X), slope(X))
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(X), slope(X))
    np.testing.assert_allclose(dd.hessian(f)(X), curvature(X), atol=1e-12)
    np.testing.assert_allclose(dd.hvp(f)(X, X), curvature(X) @ X)
    np.testing.assert_allclose(dd.grad(lambda x: f(2 * x) ** 2)(X), 4 * plain(2 * X) * slope(2 * X))


def test_a_function_in_jax_has_first_and_second_derivatives(jax: Any) -> None:
    f = dd.to_jax(plain)
    np.testing.assert_allclose(f(X), plain(X))
    np.testing.assert_allclose(jax.grad(f)(X), slope(X))
    np.testing.assert_allclose(jax.jit(jax.grad(f))(X), slope(X))
    np.testing.assert_allclose(jax.jacrev(jax.grad(f))(X), curvature(X), atol=1e-12)
    np.testing.assert_allclose(jax.vmap(f)(np.stack([X, 2 * X])), [plain(X), plain(2 * X)])


def test_a_function_of_jax_has_derivatives_here(jax: Any) -> None:
    f = dd.from_jax(lambda x: jax.numpy.sum(jax.numpy.sin(x) * x**2))
    np.testing.assert_allclose(dd.grad(f)(X), slope(X))
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(X), slope(X))
    np.testing.assert_allclose(dd.hessian(f)(X), curvature(X), atol=1e-12)


def pair(p: Any) -> Any:
    return {"sum": np.sum(p["a"] * p["b"] ** 2), "parts": [p["a"]]}


@pytest.mark.filterwarnings("ignore")
def test_containers_and_functional_transforms_in_torch(torch: Any) -> None:
    p = {"a": torch.tensor(X, requires_grad=True), "b": torch.tensor(2.0, dtype=torch.float64)}
    found = dd.to_torch(pair)(p)
    (found["sum"] + found["parts"][0].sum()).backward()
    np.testing.assert_allclose(p["a"].grad.numpy(), [5.0, 5.0, 5.0])
    slopes = torch.func.vmap(torch.func.grad(dd.to_torch(plain)))(torch.tensor([X, 2 * X]))
    np.testing.assert_allclose(slopes.numpy(), [slope(X), slope(2 * X)])
    here = dd.from_torch(lambda p: p["a"] * torch.sum(p["b"]))
    np.testing.assert_allclose(dd.grad(here)({"a": 2.0, "b": X})["b"], [2.0, 2.0, 2.0])


def test_containers_in_jax(jax: Any) -> None:
    p = {"a": jax.numpy.asarray(X), "b": jax.numpy.asarray(2.0)}
    found = jax.jit(jax.grad(lambda p: dd.to_jax(pair)(p)["sum"]))(p)
    np.testing.assert_allclose(found["b"], 4 * np.sum(X))
    here = dd.from_jax(lambda p: {"s": p["a"] * jax.numpy.sum(p["b"])})
    np.testing.assert_allclose(dd.grad(lambda p: here(p)["s"])({"a": 2.0, "b": X})["b"], [2.0] * 3)


def test_a_function_of_another_package_is_refused_with_the_bridge(torch: Any, jax: Any) -> None:
    with pytest.raises(dd.errors.ConversionError, match=r"g = dualdiff\.from_torch\(f\)"):
        dd.grad(lambda x: torch.sum(x))(X)
    with pytest.raises(dd.errors.ConversionError, match=r"g = dualdiff\.from_jax\(f\)"):
        dd.grad(lambda x: jax.numpy.sum(x))(X)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_without_the_package_the_error_names_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    from dualdiff.bridges import into_torch

    into_torch._apply.cache_clear()
    for bridge in (getattr(dd, f"to_{name}"), getattr(dd, f"from_{name}")):
        with pytest.raises(dd.errors.MissingPackageError, match=f"pip install {name}"):
            bridge(plain)
