"""Every module of the benchmarks imports, and its workloads can be made."""

import importlib
import pkgutil

import pytest

import benchmarks

MODULES = [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name != "__main__"]


@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_makes_its_workloads(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    for workload in getattr(module, "workloads", list)():
        assert "dualdiff" in workload.runs or workload.unit != "s"
