"""The public surface, name by name, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import dualdiff as dd

PUBLIC = {
    "DualdiffError", "check_grads", "checkpoint", "debug_nans", "derivative",
    "elementwise_grad", "extend", "ggn_vp", "grad", "hessian", "hessian_operator",
    "hessian_sparsity", "hvp", "jacobian", "jvp", "linearize", "numpy", "patch_numpy", "plan",
    "prepare_hessian", "prepare_jacobian", "scipy", "sparsity", "stop_gradient", "value_and_grad",
    "value_of", "vjp", "wirtinger",
}  # fmt: skip


def test_the_exported_names_are_those_of_the_design() -> None:
    assert set(dd.__all__) == PUBLIC
    assert all(hasattr(dd, name) for name in PUBLIC)


def test_importing_dualdiff_loads_neither_scipy_nor_numdifftools() -> None:
    code = (
        "import sys, dualdiff; "
        "print([m for m in ('scipy', 'numdifftools', 'pandas', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
