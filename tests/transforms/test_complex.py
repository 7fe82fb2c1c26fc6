"""Complex derivatives: the three cases, holomorphic functions, Wirtinger pairs, real blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import dualdiff as dd

Z = 1.3 + 0.7j
V = np.array([1.3 + 0.7j, -0.4 + 0.2j])
A = np.array([[1 + 1j, 2], [0.5j, 1 - 2j], [0.3, -1j]])
BOTH = ["forward", "reverse"]


def _parts(f: Callable[[Any], Any], z: Any) -> np.ndarray:
    """[[du/dx, du/dy], [dv/dx, dv/dy]] by central differences, with the axes of `as_real`."""
    h = 1e-6
    columns = []
    for turn in (1, 1j):
        column = []
        for k in range(np.size(z)):
            e = np.zeros(np.size(z), complex)
            e[k] = h * turn
            d = (f(z + e.reshape(np.shape(z))) - f(z - e.reshape(np.shape(z)))) / (2 * h)
            column.append(np.stack([np.real(d), np.imag(d)]))
        columns.append(np.stack(column, -1).reshape(2, *np.shape(d), *np.shape(z)))
    return np.stack(columns, axis=1 + np.ndim(d))


# name: (function of one complex number, its gradient du/dx - i du/dy in closed form)
WORKED: dict[str, tuple[Callable[[Any], Any], complex]] = {
    "Re z^2": (lambda z: np.real(z**2), 2 * Z),
    "|z|^2": (lambda z: np.abs(z) ** 2, 2 * Z.conjugate()),
    "Im z": (lambda z: np.imag(z), -1j),
    "conj": (lambda z: np.conj(z), 1.0),
    "(2+3i) z": (lambda z: (2 + 3j) * z, 2 + 3j),
    "|z|": (lambda z: np.abs(z), Z.conjugate() / abs(Z)),
    "angle": (lambda z: np.angle(z), (-0.7 - 1.3j) / abs(Z) ** 2),
}


@pytest.mark.parametrize(("f", "gradient"), WORKED.values(), ids=WORKED.keys())
def test_the_gradient_is_du_dx_minus_i_du_dy(f: Any, gradient: complex) -> None:
    assert dd.grad(f)(Z) == pytest.approx(gradient, rel=1e-14)


@pytest.mark.parametrize("mode", BOTH)
def test_a_real_result_of_complex_arguments_has_rows_du_dx_minus_i_du_dy(mode: str) -> None:
    def f(z: Any) -> Any:
        return np.abs(A @ z) ** 2

    blocks = _parts(f, V)[0]
    jacobian = dd.jacobian(f, mode=mode)(V)
    np.testing.assert_allclose(jacobian, blocks[:, 0] - 1j * blocks[:, 1], rtol=1e-8)


@pytest.mark.parametrize("mode", BOTH)
def test_a_complex_result_of_real_arguments_has_columns_df_dx(mode: str) -> None:
    x = np.array([0.3, -0.8])
    jacobian = dd.jacobian(lambda x: np.exp(A @ x), mode=mode)(x)
    np.testing.assert_allclose(jacobian, np.exp(A @ x)[:, None] * A, rtol=1e-13)


@pytest.mark.parametrize("mode", BOTH)
def test_the_jacobian_of_a_holomorphic_function_is_df_dz(mode: str) -> None:
    jacobian = dd.jacobian(lambda z: np.sin(A @ z), mode=mode, holomorphic=True)(V)
    np.testing.assert_allclose(jacobian, np.cos(A @ V)[:, None] * A, rtol=1e-13)


@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (np.exp, mpmath.exp),
        (np.sqrt, mpmath.sqrt),
        (np.arctan, mpmath.atan),
        (np.tanh, mpmath.tanh),
        (lambda z: np.log(z) ** 2 / z, lambda z: mpmath.log(z) ** 2 / z),
        (lambda z: z ** (0.3 + 2j), lambda z: z ** mpmath.mpc(0.3, 2)),
    ],
)
def test_holomorphic_derivatives_to_fifty_digits(f: Any, exact: Any) -> None:
    with mpmath.workdps(50):
        expected = complex(mpmath.diff(exact, mpmath.mpc(Z)))
    assert dd.grad(f, holomorphic=True)(Z) == pytest.approx(expected, rel=1e-14)
    assert dd.jvp(f, (Z,), (1j,))[1] == pytest.approx(1j * expected, rel=1e-14)
    assert dd.derivative(f)(Z) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("mode", BOTH)
def test_a_false_claim_to_be_holomorphic_names_the_entry(mode: str) -> None:
    def f(z: Any) -> Any:
        return {"good": z**2, "bad": np.stack([z[0], z[1] * np.conj(z[0])])}

    with pytest.raises(ValueError, match=r"not holomorphic.*entry \(1,\) of result\['bad'\]"):
        dd.jacobian(f, mode=mode, holomorphic=True)(V)
    with pytest.raises(ValueError, match="wirtinger"):
        dd.grad(lambda z: np.sum(z * np.conj(z)), holomorphic=True)(V)
    with pytest.raises(TypeError, match="for complex results, but one has dtype float64"):
        dd.grad(lambda z: np.sum(np.abs(z)), holomorphic=True)(V)
    with pytest.raises(TypeError, match="for complex arguments, but one has dtype float64"):
        dd.jacobian(lambda x: x + 0j, holomorphic=True)(np.ones(2))


@pytest.mark.parametrize("mode", ["auto", *BOTH])
def test_a_complex_jacobian_without_a_choice_raises_and_names_the_choices(mode: str) -> None:
    with pytest.raises(TypeError, match=r"holomorphic=True.*wirtinger.*as_real=True"):
        dd.jacobian(np.conj, mode=mode)(V)
    with pytest.raises(TypeError, match=r"holomorphic=True.*wirtinger.*as_real=True"):
        dd.hessian(lambda z: np.sum(np.abs(z) ** 2))(V)


@pytest.mark.parametrize("mode", BOTH)
def test_real_blocks_are_the_partial_derivatives_of_the_parts(mode: str) -> None:
    def f(z: Any) -> Any:
        return np.conj(z) * z[0] + np.abs(z)

    blocks = dd.jacobian(f, mode=mode, as_real=True)(V)
    assert blocks.dtype == float
    np.testing.assert_allclose(blocks, _parts(f, V), rtol=1e-8, atol=1e-9)
    of_real = dd.jacobian(lambda z: np.abs(z), mode=mode, as_real=True)(V)
    np.testing.assert_allclose(of_real, _parts(lambda z: np.abs(z), V)[0], atol=1e-9)
    from_real = dd.jacobian(lambda x: x * (1 + 2j), mode=mode, as_real=True)(np.ones(2))
    np.testing.assert_allclose(from_real, np.stack([np.eye(2), 2 * np.eye(2)]))


@pytest.mark.parametrize("mode", BOTH)
def test_wirtinger_derivatives_in_closed_form(mode: str) -> None:
    dz, dzbar = dd.wirtinger(lambda z: z**2 * np.conj(z), mode=mode)(Z)
    assert dz == pytest.approx(2 * abs(Z) ** 2)
    assert dzbar == pytest.approx(Z**2)
    dz, dzbar = dd.wirtinger(lambda z: np.sin(A @ z), mode=mode)(V)
    np.testing.assert_allclose(dz, np.cos(A @ V)[:, None] * A, rtol=1e-13)
    np.testing.assert_allclose(dzbar, 0, atol=1e-14)
    dz, dzbar = dd.wirtinger(lambda z: np.abs(z), mode=mode)(Z)
    assert dz == pytest.approx(np.conj(Z) / (2 * abs(Z)))
    assert dzbar == pytest.approx(Z / (2 * abs(Z)))
    with pytest.raises(TypeError, match="wirtinger is for complex arguments"):
        dd.wirtinger(np.exp)(1.0)


def test_wirtinger_and_real_blocks_take_and_give_containers() -> None:
    def f(p: Any) -> Any:
        return {"s": p["a"] * np.conj(p["b"]), "t": (np.abs(p["a"]),)}

    p = {"a": V, "b": 2 * V, "none": None}
    dz, dzbar = dd.wirtinger(f)(p)
    np.testing.assert_allclose(dz["s"]["a"], np.diag(np.conj(2 * V)))
    np.testing.assert_allclose(dzbar["s"]["b"], np.diag(V))
    assert dz["s"]["none"] is None
    blocks = dd.jacobian(f, as_real=True)(p)
    assert blocks["s"]["a"].shape == (2, 2, 2, 2)
    assert blocks["t"][0]["a"].shape == (2, 2, 2)


def test_the_hessian_of_a_real_loss_in_real_parts_is_symmetric_and_right() -> None:
    def loss(z: Any) -> Any:
        return np.sum(np.abs(A @ z) ** 2) + np.real(z[0] ** 3)

    blocks = dd.hessian(loss, as_real=True)(V).reshape(4, 4)
    # Entries that are zero are so up to rounding.
    np.testing.assert_allclose(blocks, blocks.T, rtol=1e-13, atol=1e-14)
    h = 1e-5
    for k, step in enumerate([h, 0, 1j * h, 0]):
        e = np.array([step, 0])
        column = (dd.grad(loss)(V + e) - dd.grad(loss)(V - e)) / (2 * h)
        if step:
            parts = np.concatenate([column.real, -column.imag])
            np.testing.assert_allclose(blocks[:, k], parts, rtol=1e-7, atol=1e-8)
    direction = np.array([0.3 - 0.2j, 1.0 + 0.4j])
    product = dd.hvp(loss)(V, direction)
    along = np.concatenate([direction.real, direction.imag])
    expected = blocks @ along
    np.testing.assert_allclose(np.concatenate([product.real, -product.imag]), expected)


def test_the_hessian_of_a_holomorphic_function_is_its_second_derivative() -> None:
    hessian = dd.hessian(lambda z: np.sum(z**3) + z[0] * z[1], holomorphic=True)(V)
    np.testing.assert_allclose(hessian, np.diag(6 * V) + np.eye(2)[::-1], rtol=1e-13)
    with pytest.raises(ValueError, match="not holomorphic"):
        dd.hessian(lambda z: np.sum(z * np.conj(z)), holomorphic=True)(V)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_derivatives_keep_their_precision(dtype: Any) -> None:
    z = V.astype(dtype)
    assert dd.grad(lambda z: np.sum(np.abs(z)))(z).dtype == dtype
    assert dd.jacobian(np.exp, holomorphic=True)(z).dtype == dtype
    assert dd.wirtinger(np.conj)(z)[1].dtype == dtype
    assert dd.jacobian(np.conj, as_real=True)(z).dtype == z.real.dtype


def test_a_real_function_with_complex_numbers_inside_has_a_real_gradient() -> None:
    x = np.linspace(0.2, 1.0, 6)
    spectrum = dd.grad(lambda x: np.sum(np.abs(np.fft.fft(x * (1 + 2j))) ** 2))(x)
    assert spectrum.dtype == float
    np.testing.assert_allclose(spectrum, 2 * 6 * 5 * x, rtol=1e-13)


def test_options_that_exclude_each_other_raise() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        dd.jacobian(np.exp, holomorphic=True, as_real=True)
    with pytest.raises(ValueError, match="exclude each other"):
        dd.hessian(np.sum, holomorphic=True, sparse=True)


def test_aux_comes_beside_real_blocks() -> None:
    def f(z: Any) -> Any:
        return z**2, {"seen": z}

    z = np.array([1.0 + 2.0j, -0.5 + 0.3j])
    blocks, aux = dd.jacobian(f, as_real=True, has_aux=True)(z)
    np.testing.assert_array_equal(blocks, dd.jacobian(lambda z: z**2, as_real=True)(z))
    np.testing.assert_array_equal(aux["seen"], z)
    assert type(aux["seen"]) is np.ndarray

    def loss(z: Any) -> Any:
        return np.sum(np.abs(z) ** 2), z + 1

    second, aux = dd.hessian(loss, as_real=True, has_aux=True)(z)
    np.testing.assert_allclose(second.reshape(4, 4), 2 * np.eye(4), atol=1e-12)
    np.testing.assert_array_equal(aux, z + 1)
