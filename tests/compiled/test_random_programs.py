"""The random programs of the suite, recorded at one point and replayed at others."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dualdiff as dd
from dualdiff.compiled.errors import Unrecordable
from dualdiff.compiled.graph import record
from dualdiff.compiled.machine import binding
from dualdiff.compiled.native import compile_graph
from dualdiff.compiled.signature import close, has_surprise
from dualdiff.compiled.source import Miss
from dualdiff.trees import flatten
from tests.core.test_mutation_programs import START, programs, traced
from tests.sparse.test_programs import POINTS, STEPS
from tests.transforms import test_complex_programs as complex_programs

BACKENDS = ["python", *(["llvm"] if binding() is not None else [])]
OPERATORS: list[Callable[..., Any]] = [
    lambda f: f,
    dd.value_and_grad,
    lambda f: lambda x: dd.jvp(f, (x,), (np.ones_like(x),)),
]


@pytest.fixture(autouse=True, scope="module")
def _no_cache() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALDIFF_CACHE", "")
        yield


def check(f: Callable[[Any], Any], points: list[Any], backend: str) -> None:
    """Each replay gives what an eager call gives, or stops at a guard."""
    for operator in OPERATORS:
        e = operator(f)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            leaves, structure = flatten(((points[0].copy(),), {}))
            try:
                graph = record(e, leaves, structure, [True])
            except Unrecordable:
                continue  # such a program stays eager
            replay = compile_graph(graph, backend=backend)
            for x in points:
                found, wanted = replay(x.copy()), flatten(e(x.copy()))[0]
                if type(found) is Miss or found is None or any(map(has_surprise, found)):
                    continue
                assert all(map(close, found, wanted))


def expression(choices: Any) -> Callable[[Any], Any]:
    """A sum of functions of NumPy, one applied to the other."""

    def f(x: Any) -> Any:
        arrays = [x]
        for first, second, where in choices:
            a = STEPS[first](arrays[where % len(arrays)])
            a = np.broadcast_to(np.reshape(a, (-1, a.shape[-1]))[:2, :3], (2, 3))
            arrays.append(a + np.tanh(STEPS[second](arrays[-1])[..., :1]) * a)
        return sum(np.sum(np.cos(a)) for a in arrays)

    return f


CHOICES = st.lists(
    st.tuples(*[st.integers(0, len(STEPS) - 1)] * 2, st.integers(0, 3)), min_size=1, max_size=4
)
STARTS = [START, START + 0.01, START * 1.3, START[::-1] - 0.2]


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=15)
@given(program=programs)
def test_programs_that_store(backend: str, program: Any) -> None:
    check(traced(program), STARTS, backend)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=15)
@given(choices=CHOICES)
def test_expressions(backend: str, choices: Any) -> None:
    check(expression(choices), [*POINTS, POINTS[0] * 1.01], backend)


@settings(max_examples=15)
@given(program=complex_programs.PROGRAMS, seed=st.integers(0, 2**32 - 1))
def test_complex_programs(program: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = complex_programs.N
    z = rng.uniform(0.3, 1.5, n) + 1j * rng.uniform(0.2, 1.2, n)
    constants = complex_programs._constants(program, z)

    def f(z: Any) -> Any:
        return np.sum(np.real(complex_programs._whole(program, constants, z)))

    check(f, [z, z * (1.01 + 0.01j)], "python")


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=500)
@given(program=programs, choices=CHOICES)
def test_hundreds_of_random_programs(backend: str, program: Any, choices: Any) -> None:
    check(traced(program), STARTS, backend)
    check(expression(choices), [*POINTS, POINTS[0] * 1.01], backend)
