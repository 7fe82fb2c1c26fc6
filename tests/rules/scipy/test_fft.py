"""`scipy.fft`: Fourier, cosine, sine and Hankel transforms."""

import itertools

import numpy as np
import pytest
import scipy.fft

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

F = scipy.fft  # by SciPy's own names
Z = A(5, 4, complex=True)
ROWS = [
    *(
        row(f, x, n, axis, norm)
        for f, x in ((F.fft, Z), (F.ifft, Z), (F.hfft, Z), (F.irfft, Z), (F.fft, A(5, 4)))
        for n, axis, norm in ((None, -1, None), (6, 0, "ortho"), (3, 1, "forward"))
    ),
    *(
        row(f, A(5, 4), n, axis, norm, _complex=False)
        for f in (F.rfft, F.ihfft)
        for n, axis, norm in ((None, -1, None), (6, 0, "ortho"), (3, 1, "forward"))
    ),
    *(
        row(f, Z, s, axes, norm)
        for f in (F.fftn, F.ifftn, F.irfftn, F.hfftn)
        for s, axes, norm in ((None, None, None), ((3, 6), (1, 0), "ortho"))
    ),
    *(
        row(f, A(5, 4), s, axes, norm, _complex=False)
        for f in (F.rfftn, F.ihfftn)
        for s, axes, norm in ((None, None, None), ((3, 6), (1, 0), "ortho"))
    ),
    *(row(f, A(2, 4, 3, complex=True)) for f in (F.fft2, F.ifft2, F.irfft2, F.hfft2)),
    *(row(f, A(2, 4, 3), _complex=False) for f in (F.rfft2, F.ihfft2)),
    *(
        row(f, A(5, 4), type, n, axis, norm)
        for f in (F.dct, F.idct, F.dst, F.idst)
        for type in (1, 2, 3, 4)
        for n, axis, norm in ((None, -1, None), (6, 0, "ortho"), (3, 1, "forward"))
    ),
    *(row(f, A(4, 3), 2, (5, 2), (0, 1), "ortho") for f in (F.dctn, F.idctn, F.dstn, F.idstn)),
    row(F.dctn, A(2, 4, 3), 3, axes=(0, 2), _float32=False),
    row(F.fht, A(8), 0.3, 0.4, 0.1, 0.2, _complex=False, _float32=False),
    row(F.ifht, A(8), 0.3, 0.4, 0.1, 0.2, _complex=False, _float32=False),
    row(F.fht, A(8), 0.3, 0.4, _complex=False, _float32=False),
    row(F.fftshift, A(4, 3)),
    row(F.ifftshift, A(4, 3)),
]
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize("name", ["dct", "idct", "dst", "idst"])
def test_transposes_hold_for_every_type_norm_and_weight(name: str) -> None:
    function = getattr(F, name)
    eye = np.eye(5)
    for type, norm, orthogonalize in itertools.product(
        (1, 2, 3, 4), (None, "ortho", "forward"), (None, False, True)
    ):
        options = {"type": type, "norm": norm, "orthogonalize": orthogonalize}
        matrix = function(eye, axis=0, **options)
        found = dd.jacobian(lambda x: function(x, **options), mode="reverse")(A(5))  # noqa: B023
        np.testing.assert_allclose(found, matrix, atol=1e-14)


def test_a_convolution_by_plain_scipy_is_differentiated() -> None:
    x, y = A(6), A(6, seed=1)

    def circular(x: np.ndarray) -> np.ndarray:
        return F.irfft(F.rfft(x) * F.rfft(y), 6)

    rolled = np.stack([np.roll(y, k) for k in range(6)], axis=1)
    np.testing.assert_allclose(dd.jacobian(circular)(x), rolled, atol=1e-14)


def test_a_backend_of_the_programs_is_still_asked() -> None:
    class Backend:
        __ua_domain__ = "numpy.scipy.fft"
        called = False

        @classmethod
        def __ua_function__(cls, method, args, kwargs):  # type: ignore[no-untyped-def]
            cls.called = True
            return NotImplemented

    with scipy.fft.set_backend(Backend):
        assert dd.grad(lambda x: np.sum(F.dct(x)))(A(4)).shape == (4,)
    assert Backend.called


def test_bad_arguments_raise_as_in_scipy() -> None:
    for call, error, match in (
        (lambda x: F.fft(x, 0), ValueError, "invalid number of data points"),
        (lambda x: F.fft(x, norm="none"), ValueError, "invalid norm"),
        (lambda x: F.rfft(x * 1j), TypeError, "real sequence"),
        (lambda x: F.dct(x, 5), ValueError, "types 1, 2, 3 and 4"),
        (lambda x: F.fftn(x, (2, 2), axes=(0,)), ValueError, "same length"),
    ):
        with pytest.raises(error, match=match):
            dd.grad(lambda x: np.sum(np.real(call(x))))(A(4))  # noqa: B023
