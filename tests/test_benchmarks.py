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


def test_the_sine_without_views_differs_in_its_code_alone() -> None:
    from benchmarks.mutation import _sine_without_views
    from dualdiff.rules.numpy.ufuncs import sin

    assert "View" not in _sine_without_views().__code__.co_names
    sin.bind(0.0)  # the first call compiles it
    assert "View" in sin.bind.__code__.co_names
