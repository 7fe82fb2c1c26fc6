"""Every module of the benchmarks imports, and its workloads can be made."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator

import pytest

import benchmarks

MODULES = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name != "__main__"]


@pytest.fixture(autouse=True)
def without_autograd() -> Iterator[None]:
    """Leave no autograd behind, which `dualdiff.compat` refuses to replace."""
    before = set(sys.modules)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "autograd"]:
        if name not in before:
            del sys.modules[name]


@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_makes_its_workloads(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    for workload in getattr(module, "workloads", list)():
        assert "dualdiff" in workload.runs or workload.unit != "s"
