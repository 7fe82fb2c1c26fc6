"""Fourier transforms: every function, norm, length and kind of data."""

from typing import Any

import mpmath
import numpy as np
import pytest

import dualdiff as dd
from tests.rules.rows import numpy_is
from tests.rules.table import A, Row, row, rule_tests


def real_row(*args: Any, **kwargs: Any) -> Row:
    """A row for a function that refuses complex data."""
    return row(*args, _complex=False, **kwargs)


ONE_D = [np.fft.fft, np.fft.ifft, np.fft.irfft, np.fft.hfft]
REAL = [np.fft.rfft, np.fft.ihfft]
NORMS = ["backward", "ortho", "forward"]
ROWS = [
    *(row(f, A(n)) for f in ONE_D for n in (4, 5)),
    *(real_row(f, A(n)) for f in REAL for n in (4, 5)),
    *(row(f, A(n, complex=True)) for f in ONE_D for n in (4, 5)),
    *(row(f, A(6), n=n) for f in ONE_D for n in (1, 4, 9)),
    *(real_row(f, A(6), n=n) for f in REAL for n in (1, 4, 9)),
    *(row(f, A(6, complex=True), n=n) for f in ONE_D for n in (1, 5, 9)),
    *(row(f, A(3, 4), axis=0, norm=norm) for f in ONE_D for norm in NORMS),
    *(real_row(f, A(3, 4), axis=0, norm=norm) for f in REAL for norm in NORMS),
    *(row(f, A(2, 3, complex=True), 4, 0, norm) for f in ONE_D for norm in NORMS),
    row(np.fft.fft, A(2, 3, 2), axis=1, _prims=("fft",)),
    row(np.fft.ifft, A(2, 3, 2), axis=-2, _prims=("ifft",)),
    real_row(np.fft.rfft, A(2, 5, 2), n=4, axis=1, _prims=("rfft",)),
    row(np.fft.irfft, A(2, 3, 2, complex=True), n=5, axis=1, _prims=("irfft",)),
    row(np.fft.fft2, A(3, 4)),
    row(np.fft.fft2, A(3, 4), s=(2, 5)),
    row(np.fft.ifft2, A(2, 3, complex=True), axes=(1, 0), norm="ortho"),
    real_row(np.fft.rfft2, A(3, 4)),
    real_row(np.fft.rfft2, A(3, 4), s=(4, 3), axes=(1, 0)),
    row(np.fft.irfft2, A(3, 3, complex=True)),
    row(np.fft.irfft2, A(3, 3, complex=True), s=(3, 5), norm="forward"),
    row(np.fft.fftn, A(2, 3, 2)),
    row(np.fft.fftn, A(2, 3, 2), s=(3, 2), axes=(0, -1)),
    row(np.fft.fftn, A(2, 3), s=(-1, 2), axes=(0, 1)),
    row(np.fft.ifftn, A(2, 2, 3, complex=True), axes=(0, 2), norm="forward"),
    row(np.fft.ifftn, A(3, complex=True)),
    real_row(np.fft.rfftn, A(2, 3, 4), _exact=numpy_is("2.1")),
    real_row(np.fft.rfftn, A(2, 3, 4), axes=(0, 1), norm="ortho"),
    row(np.fft.irfftn, A(2, 2, 3, complex=True)),
    row(np.fft.irfftn, A(2, 3, complex=True), s=(3, 4), axes=(0, 1), norm="backward"),
    row(np.fft.irfftn, A(2, 3)),
    row(np.fft.fftshift, A(4, 3)),
    row(np.fft.fftshift, A(5)),
    row(np.fft.ifftshift, A(3, 5), axes=1),
    row(np.fft.ifftshift, A(3, 5), axes=(0, 1)),
]
TestRules = rule_tests(ROWS)


def test_the_jacobian_of_fft_is_the_matrix_of_roots_of_unity() -> None:
    n = 5
    with mpmath.workdps(50):
        exact = [
            [complex(mpmath.expjpi(mpmath.mpf(-2 * j * k) / n)) for k in range(n)] for j in range(n)
        ]
    x = np.linspace(0.1, 0.9, n)
    for mode in ("forward", "reverse"):
        jacobian = dd.jacobian(np.fft.fft, mode=mode)(x)
        np.testing.assert_allclose(jacobian, exact, rtol=1e-14, atol=1e-15)


def test_the_energy_of_a_spectrum_has_the_gradient_of_the_signals_energy() -> None:
    x = np.linspace(-1.0, 2.0, 12)
    gradient = dd.grad(lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2))(x)
    assert gradient.dtype == float
    np.testing.assert_allclose(gradient, 2 * 12 * x, rtol=1e-13)


@pytest.mark.parametrize("n", [6, 7])
def test_what_irfft_ignores_has_derivative_zero(n: int) -> None:
    half = np.arange(1.0, n // 2 + 2) * (1 + 0.5j)
    gradient = dd.grad(lambda h: np.sum(np.fft.irfft(h, n) * np.arange(n)))(half)
    assert gradient[0].imag == 0.0
    assert (gradient[-1].imag == 0.0) == (n % 2 == 0)


def test_single_precision_spectra_stay_single() -> None:
    x = np.linspace(0, 1, 6, dtype=np.float32)
    value, tangent = dd.jvp(np.fft.fft, (x,), (x,))
    assert value.dtype == tangent.dtype == np.complex64
    gradient = dd.grad(lambda x: np.sum(np.abs(np.fft.rfft(x))))(x)
    assert gradient.dtype == np.float32


def test_a_transform_into_a_given_array_is_traced() -> None:
    def f(x: Any) -> Any:
        out = dd.numpy.zeros(4, dtype=complex)
        result = np.fft.fft(x, out=out)
        assert result is out
        return np.abs(out[1])

    x = np.array([1.0, 2.0, 0.5, -1.0])
    unbox = dd.grad(lambda x: np.abs(np.fft.fft(x)[1]))(x)
    np.testing.assert_allclose(dd.grad(f)(x), unbox)


def test_wrong_arguments_raise_as_numpys() -> None:
    for call, text in (
        (lambda x: np.fft.fft(x, norm="unitary"), "Invalid norm value unitary"),
        (lambda x: np.fft.fft(x, n=0), "Invalid number of FFT data points"),
        (lambda x: np.fft.fftn(x, s=(2, 2), axes=(0,)), "different lengths"),
    ):
        with pytest.raises(ValueError, match=text):
            dd.jvp(call, (np.ones(3),), (np.ones(3),))
    with pytest.raises(TypeError, match="real data"):
        dd.jvp(np.fft.rfft, (np.ones(3) + 0j,), (np.ones(3) + 0j,))


def test_a_list_of_traced_values_is_transformed_by_dualdiff_numpy() -> None:
    gradient = dd.grad(lambda x: np.real(dd.numpy.fft.fft([x[0], 2 * x[1]])[1]))(np.ones(2))
    np.testing.assert_allclose(gradient, [1.0, -2.0])
