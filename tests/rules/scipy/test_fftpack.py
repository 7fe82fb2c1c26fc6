"""`scipy.fftpack`, the older names of `scipy.fft`."""

from typing import Any

import numdifftools as nd
import numpy as np
import pytest
from scipy import fftpack

import dualdiff as dd

X = np.array([0.3, -1.2, 0.8, 2.0, -0.4, 1.1])
CALLS: dict[str, Any] = {
    "fft": lambda x: fftpack.fft(x, 8),
    "ifft": lambda x: fftpack.ifft(x * (1 + 2j), axis=0, overwrite_x=True),
    "fft2": lambda x: fftpack.fft2(x.reshape(2, 3)),
    "ifftn": lambda x: fftpack.ifftn(x.reshape(2, 3), shape=(2, 4)),
    "ifft2": lambda x: fftpack.ifft2(x.reshape(1, 2, 3), axes=(0, 2)),
    "fftn": lambda x: fftpack.fftn(x.reshape(1, 2, 3)),
    **{
        f"{name} {kind} {norm}": (
            lambda x, name=name, kind=kind, norm=norm: getattr(fftpack, name)(x, kind, norm=norm)
        )
        for name in ("dct", "idct", "dst", "idst")
        for kind in (1, 2, 3, 4)
        for norm in (None, "ortho")
    },
}


@pytest.mark.parametrize("name", CALLS)
def test_transforms_have_derivatives_by_their_older_names(name: str) -> None:
    call = CALLS[name]

    def f(x: Any) -> Any:
        y = call(x)
        weights = np.cos(np.arange(np.size(y)).reshape(np.shape(y)))
        return np.sum(weights * (np.real(y) ** 2 + np.imag(y)))

    np.testing.assert_array_equal(dd.value_of(dd.jvp(call, (X,), (X,))[0]), call(X))
    np.testing.assert_allclose(dd.grad(f)(X), nd.Gradient(f)(X), rtol=1e-7, atol=1e-9)


def test_the_packed_transform_says_that_it_has_no_rule() -> None:
    with pytest.raises(dd.DualdiffError, match=r"fftpack\.rfft"):
        dd.grad(lambda x: np.sum(fftpack.rfft(x)))(X)
