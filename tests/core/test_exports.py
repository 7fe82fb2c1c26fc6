"""The public surface, name by name, and what importing it costs."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.special
import scipy.stats

import dualdiff as dd

PUBLIC = {
    "DualdiffError",
    "check_grads",
    "checkpoint",
    "compile",
    "config",
    "debug_nans",
    "debug_paths",
    "derivative",
    "elementwise_grad",
    "errors",
    "explain",
    "extend",
    "from_jax",
    "from_torch",
    "ggn_vp",
    "grad",
    "hessian",
    "hessian_operator",
    "hessian_sparsity",
    "hvp",
    "implicit",
    "jacobian",
    "jvp",
    "linear_solve",
    "linearize",
    "map_reduce",
    "load_compiled",
    "numpy",
    "optimize",
    "patch",
    "patch_numpy",
    "plan",
    "prepare_hessian",
    "prepare_jacobian",
    "scipy",
    "sparsity",
    "stop_gradient",
    "symmetrize",
    "to_jax",
    "to_torch",
    "value_and_grad",
    "value_of",
    "vectorize",
    "vjp",
    "wirtinger",
}


def test_the_exported_names_are_those_of_the_design() -> None:
    assert set(dd.__all__) == PUBLIC
    assert all(hasattr(dd, name) for name in PUBLIC)


MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(dd.__path__, "dualdiff.")
    if not module.name.endswith("__main__")
)
# Called as a function of the same name, as autograd has it.
HIDDEN = {"dualdiff.compat.autograd.misc.flatten"}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_can_be_imported_under_another_name(name: str) -> None:
    if name.endswith("scipy.differentiate") and not find_spec("scipy.differentiate"):
        pytest.skip("this version of SciPy has no scipy.differentiate")
    if name == "dualdiff.sklearn":
        pytest.importorskip("sklearn")
    names: dict[str, object] = {}
    exec(f"import {name} as module", names)
    hidden = names["module"] is not importlib.import_module(name)
    assert hidden == (name in HIDDEN), f"a name of its package hides {name}"


def test_the_package_shows_its_public_names_only() -> None:
    assert set(dir(dd)) == PUBLIC | {"__version__"}
    assert dir(dd.extend) == sorted(dd.extend.__all__)


MIRRORS = {
    "numpy": np,
    "numpy.linalg": np.linalg,
    "numpy.fft": np.fft,
    "scipy.linalg": scipy.linalg,
    "scipy.special": scipy.special,
    "scipy.stats": scipy.stats,
}


@pytest.mark.parametrize("name", MIRRORS)
def test_a_mirror_shows_the_public_names_of_its_original(name: str) -> None:
    mirror: ModuleType = importlib.import_module(f"dualdiff.{name}")
    public = {n for n in dir(MIRRORS[name]) if not n.startswith("_")}
    assert set(dir(mirror)) == public
    assert all(hasattr(mirror, n) for n in public if hasattr(MIRRORS[name], n))


def test_sparse_arrays_with_traced_values_are_the_only_other_name_of_a_mirror() -> None:
    assert set(dir(dd.scipy.sparse)) - set(dir(scipy.sparse)) == {"SparseArray"}


@pytest.mark.parametrize("name", dir(dd.scipy))
def test_the_rules_of_each_part_of_scipy_load(name: str) -> None:
    if find_spec(f"scipy.{name}") is None:
        pytest.skip("not in this version of SciPy")
    importlib.import_module(f"dualdiff.rules.scipy.{name}")


def test_importing_dualdiff_loads_neither_scipy_nor_numdifftools() -> None:
    code = (
        "import sys, dualdiff; "
        "print([m for m in ('scipy', 'numdifftools', 'pandas', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
