"""One row per use of a NumPy or SciPy function drives every check that its rule must pass.

    ROWS = [row(np.sum, A(3, 4), axis=0), row(np.divide, A(3), A(2, 3))]
    TestRules = rule_tests(ROWS)

Functions are differentiated as functions of their inexact leaves, and the result is the tuple of
its inexact leaves, so that containers, static arguments and integer results need no care.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.core.primitive import OWNERS

from . import checks
from .record import dispatched, shown
from .rows import A, Newer, Row, complex_variants, row, since

__all__ = ["ALL_ROWS", "A", "Newer", "Row", "row", "rule_tests", "since", "touched"]

ALL_ROWS: list[Row] = []
DERIVATIVE = "test_jvp_is_the_derivative"


def _is_real(r: Row) -> bool:
    return not any(map(np.iscomplexobj, (*r.leaves, *r(*r.leaves))))


def _has_jacobian(r: Row) -> bool:
    """Not from complex to complex, where it is no matrix."""
    complex_in = any(map(np.iscomplexobj, r.leaves))
    return not (complex_in and any(map(np.iscomplexobj, r(*r.leaves))))


def _has_axes(r: Row) -> bool:
    return r.layout and any(np.ndim(x) for x in r.leaves)


CHECKS: tuple[tuple[str, Callable[..., None], Callable[[Row], bool]], ...] = (
    ("test_value_is_numpys", checks.check_primal, lambda r: True),
    ("test_vjp_is_the_adjoint_of_jvp", checks.check_adjoint, lambda r: True),
    ("test_layout_does_not_matter", checks.check_layouts, _has_axes),
    ("test_results_lie_in_memory_as_numpys", checks.check_strides, lambda r: True),
    ("test_lead_axes_equal_single_calls", checks.check_lead_axes, _has_jacobian),
    ("test_second_order_in_all_modes", checks.check_second_order, lambda r: r.order == 2),
    ("test_nested_jacobians", checks.check_hessian, lambda r: r.order == 2 and _is_real(r)),
    ("test_float32_is_kept", checks.check_float32, lambda r: r.float32),
    ("test_complex_data", checks.check_complex, lambda r: r.complex),
)


def _test(name: str, check: Callable[..., None], chosen: Sequence[Row]) -> Any:
    def test(self: Any, r: Row, request: pytest.FixtureRequest) -> None:
        recording = request.config.getoption("--record-coverage")
        with dispatched() if recording else nullcontext([]) as functions:
            check(r)
        shown(request, request.path.stem, r.id, name, functions)

    test.__doc__ = check.__doc__
    return pytest.mark.parametrize("r", chosen, ids=[r.id for r in chosen])(test)


def _test_by_argument(check: Callable[..., None], rows: Sequence[Row]) -> Any:
    def test(self: Any, r: Row, i: int, request: pytest.FixtureRequest) -> None:
        check(r, i)
        shown(request, request.path.stem, r.id, f"{DERIVATIVE} {i}", [])

    test.__doc__ = check.__doc__
    cases = [(r, i) for r in rows for i in range(len(r.leaves))]
    ids = [f"{r.id}-arg{i}" for r, i in cases]
    return pytest.mark.parametrize(("r", "i"), cases, ids=ids)(test)


def _skipped(waiting: Sequence[Newer]) -> Any:
    def test(self: Any, r: Newer) -> None:
        pytest.skip(r.reason)

    return pytest.mark.parametrize("r", waiting, ids=[r.id for r in waiting])(test)


def rule_tests(given: Sequence[Row | Newer]) -> type:
    """A class of tests, each parametrised with the rows that it holds for."""
    rows = [r for r in given if isinstance(r, Row)]
    waiting = [r for r in given if isinstance(r, Newer)]
    ALL_ROWS.extend(rows)
    tests: dict[str, Any] = {DERIVATIVE: _test_by_argument(checks.check_jvp, rows)}
    for name, check, holds in CHECKS:
        chosen = [r for r in rows if holds(r)]
        if chosen:
            tests[name] = _test(name, check, chosen)
    if waiting:
        tests["test_rows_for_newer_versions"] = _skipped(waiting)
    return type("TestRules", (), tests)


def touched(r: Row) -> set[str]:
    """The names of the primitives that the checks of a row record."""
    names = _recorded(r, r.leaves)
    if r.order == 2:
        gradient = dd.grad(checks.weighted(r), tuple(range(len(r.leaves))))
        names |= _recorded(gradient, r.leaves)
    if r.complex:
        names = names.union(*(_recorded(c, c.leaves) for _, c in complex_variants(r)))
    return names


def _recorded(f: Callable[..., Any], leaves: Sequence[Any]) -> set[str]:
    _, linear = dd.linearize(f, *leaves)
    owners = [OWNERS[entry[0]] for entry in linear._recording.tape.entries]
    return {p.name for p in owners if p is not None}
