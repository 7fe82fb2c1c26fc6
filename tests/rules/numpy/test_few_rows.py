"""Two to four rows times a large matrix: the same product whichever way it is computed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.rules.numpy import few_rows as _few_rows
from tests.rules.table import A

# Both sides of what is multiplied in one part, and a number of terms that leaves no wide part.
SHAPES = [(300, 220), (300, 1000), (1000, 300), (70, 4000), (3000, 101), (60_000, 2)]


@pytest.mark.parametrize("as_they_lie", [True, False])
@pytest.mark.parametrize("dtype", [float, np.float32, complex])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", SHAPES)
def test_few_rows_times_a_matrix_are_their_product(
    shape: tuple[int, int], order: Any, dtype: Any, as_they_lie: bool, monkeypatch: Any
) -> None:
    monkeypatch.setattr(_few_rows, "_multiplies_small_as_they_lie", lambda: as_they_lie)
    matrix = np.asarray(A(*shape, complex=dtype is complex), dtype, order=order)
    for m in (2, 3, 4):
        t = np.asarray(A(m, shape[0], seed=m, complex=dtype is complex), dtype)
        product = _few_rows.few_rows(t, matrix)
        assert product.dtype == dtype
        rtol = 1e-4 if dtype is np.float32 else 1e-12
        scale = np.abs(t) @ np.abs(matrix)
        assert np.all(np.abs(product - np.einsum("ij,jk->ik", t, matrix)) <= rtol * scale)


def test_the_kernels_that_run_decide_not_the_processor() -> None:
    """OPENBLAS_CORETYPE may choose kernels without AVX-512 where the processor has it."""
    code = "from dualdiff.rules.numpy.few_rows import blas_kernels; print(blas_kernels())"
    environment = {**os.environ, "OPENBLAS_CORETYPE": "Haswell"}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() in ("Haswell", "")  # a BLAS that is no OpenBLAS does not tell


@pytest.mark.parametrize(
    ("kernels", "small"), [("SkylakeX", True), ("Haswell", False), ("", False)]
)
def test_kernels_for_avx512_spare_small_products_the_rearrangement(
    kernels: str, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_few_rows, "blas_kernels", lambda: kernels)
    assert _few_rows._multiplies_small_as_they_lie() is small


def test_infinite_weights_spoil_no_row_but_their_own() -> None:
    matrix = A(300, 1000)
    matrix[0, 0] = np.inf
    t = np.array(A(3, 300))
    t[1, 0] = -1.0
    with np.errstate(invalid="ignore"):
        product = _few_rows.few_rows(t, matrix)
    assert np.array_equal(np.isfinite(product), np.broadcast_to(np.arange(1000) > 0, (3, 1000)))
    assert product[1, 0] == -np.inf


@pytest.mark.parametrize("m", [2, 3, 4])
def test_jacobian_with_few_results_has_the_rows_of_gradients(m: int) -> None:
    v, w = A(m, 200), A(200, 900) / 30

    def f(x: Any) -> Any:
        return v @ np.tanh(w @ x)

    x = A(900)
    rows = [dd.grad(lambda x, i=i: f(x)[i])(x) for i in range(m)]
    jacobian = dd.jacobian(f, mode="reverse")(x)
    np.testing.assert_allclose(jacobian, rows, rtol=1e-11, atol=1e-13)
    assert jacobian.base is None
