"""One row per use of a NumPy or SciPy function drives every check that its derivative rule must pass.

    ROWS = [row(np.sum, A(3, 4), axis=0), row(np.divide, A(3), A(2, 3))]
    TestRules = rule_tests(ROWS)

Functions are differentiated as functions of their inexact leaves, and the result is the tuple of
its inexact leaves, so that containers, static arguments and integer results need no care.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numdifftools as nd
import numpy as np
import pytest

import dualdiff as dd
from dualdiff.core.primitive import OWNERS
from dualdiff.trees import flatten

ALL_ROWS: list[Row] = []

# Steps small enough to stay inside the domain (0.016 at most), Richardson extrapolation for the rest.
STEPS = nd.MinStepGenerator(base_step=0.0005, num_steps=6, step_ratio=2)
DIFFERENCES = 1e-7  # what extrapolated differences reach on every row, with a margin of ten
COMPLEX_STEP = 1e-11  # no cancellation: rounding of the function itself
SAME = 1e-10  # two exact ways to one number
FLOAT32 = 2e-3  # against the derivative in double precision; a gross error check


def A(  # noqa: N802  # short, since every row says it
    *shape: int,
    seed: int = 0,
    low: float | None = None,
    high: float | None = None,
    complex: bool = False,
) -> Any:
    """A fixed random array without ties or zeros.

    Its entries are at least ``0.4`` and at most ``1.6`` in size, of either sign, and square matrices have
    2 added to their diagonal; with `low` and `high` they lie evenly between those.
    """
    rng = np.random.default_rng([seed, *shape])
    size = int(np.prod(shape))
    spread = (rng.permutation(size) + rng.uniform(0.2, 0.8, size)) / max(size, 1)
    if low is None and high is None:
        x = (0.4 + 1.2 * spread) * rng.choice([-1.0, 1.0], size)
        x = x.reshape(shape)
        if len(shape) > 1 and shape[-1] == shape[-2]:
            x += 2 * np.eye(shape[-1])
    else:
        low = -1.0 if low is None else low
        high = low + 1.0 if high is None else high
        x = (low + (high - low) * spread).reshape(shape)
    return x + 1j * A(*shape, seed=seed + 1000, low=0.2, high=0.9) if complex else x


def is_inexact(x: Any) -> bool:
    """Whether a leaf, plain or traced, has a derivative."""
    dtype = getattr(x, "dtype", None)
    return dtype.kind in "fcO" if dtype is not None else isinstance(x, float | complex)


def _differentiated_by_default(arg: Any) -> bool:
    leaves, _ = flatten(arg)
    arrays = any(isinstance(leaf, np.ndarray) for leaf in leaves)
    return bool(leaves) and all(map(is_inexact, leaves)) and (arrays or len(leaves) == 1)


def _shown(x: Any) -> str:
    if isinstance(x, np.ndarray):
        kind = "" if x.dtype == float else f"{x.dtype.kind}{x.dtype.itemsize}"
        return kind + str(x.shape).replace(" ", "")
    if isinstance(x, list | tuple) and any(isinstance(e, np.ndarray) for e in x):
        return "[" + ",".join(map(_shown, x)) + "]"
    if isinstance(x, float | complex) and not isinstance(x, np.generic):
        return type(x).__name__
    return str(x).replace(" ", "") if len(str(x)) < 24 else type(x).__name__


@dataclass
class Row:
    """A function, its arguments, and which checks hold for it; see `row`."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    argnums: tuple[int | str, ...]
    id: str
    complex: bool = True
    order: int = 2
    float32: bool = True
    exact: bool = True
    prims: tuple[str, ...] = ()
    leaves: list[Any] = field(init=False)
    structures: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.leaves, self.structures = [], []
        for p in self.argnums:
            leaves, structure = flatten(self.kwargs[p] if isinstance(p, str) else self.args[p])
            self.leaves += leaves
            self.structures.append(structure)

    def full(self, *leaves: Any) -> Any:
        """The result of the function as it is."""
        args, kwargs, start = list(self.args), dict(self.kwargs), 0
        for p, structure in zip(self.argnums, self.structures, strict=True):
            stop = start + structure.num_leaves
            tree = structure.unflatten(map(_own, leaves[start:stop]))
            if isinstance(p, str):
                kwargs[p] = tree
            else:
                args[p] = tree
            start = stop
        return self.fn(*args, **kwargs)

    def __call__(self, *leaves: Any) -> tuple[Any, ...]:
        """The inexact leaves of the result, for those of the arguments."""
        return tuple(leaf for leaf in flatten(self.full(*leaves))[0] if is_inexact(leaf))

    def one(self, i: int) -> Callable[[Any], tuple[Any, ...]]:
        """As a function of one leaf alone."""

        def function(x: Any) -> tuple[Any, ...]:
            return self(*self.leaves[:i], x, *self.leaves[i + 1 :])

        return function

    def touched(self) -> set[str]:
        """The names of the primitives that the checks of this row record."""
        names = _recorded(self, self.leaves)
        if self.order == 2:
            gradient = dd.grad(weighted(self), tuple(range(len(self.leaves))))
            names |= _recorded(gradient, self.leaves)
        if self.complex:
            names = names.union(*(_recorded(c, c.leaves) for _, c in complex_variants(self)))
        return names


def _recorded(f: Callable[..., Any], leaves: Sequence[Any]) -> set[str]:
    _, linear = dd.linearize(f, *leaves)
    owners = [OWNERS[entry[0]] for entry in linear._recording.tape.entries]
    return {p.name for p in owners if p is not None}


def _own(x: Any) -> Any:
    return x.copy() if type(x) is np.ndarray else x


def row(
    fn: Callable[..., Any],
    *args: Any,
    _id: str | None = None,
    _argnums: int | str | Sequence[int | str] | None = None,
    _complex: bool = True,
    _order: int = 2,
    _float32: bool = True,
    _exact: bool = True,
    _prims: tuple[str, ...] = (),
    **kwargs: Any,
) -> Row:
    """A call ``fn(*args, **kwargs)`` of plain NumPy that is to be differentiated.

    Arguments that are floats, inexact arrays or lists with such arrays are differentiated, or those of
    `_argnums` (positions and keyword names). `_complex`: also with complex data, all and mixed; `_order=1`: no
    second derivatives; `_float32`: also in single precision; `_exact=False`: the value may differ from NumPy's by
    rounding; `_prims`: names of primitives that the row must touch.
    """
    if _argnums is None:
        argnums: tuple[Any, ...] = tuple(
            i for i, a in enumerate(args) if _differentiated_by_default(a)
        )
    else:
        argnums = (_argnums,) if isinstance(_argnums, int | str) else tuple(_argnums)
    name = _id or getattr(fn, "__name__", str(fn)).strip("<>")
    shown = "x".join(map(_shown, args)) + "".join(f"-{k}={_shown(v)}" for k, v in kwargs.items())
    return Row(
        fn, args, kwargs, argnums, f"{name}-{shown}", _complex, _order, _float32, _exact, _prims
    )


# ------------------------------------------------------------------ vectors of leaves


def directions(leaves: Iterable[Any], seed: int) -> tuple[Any, ...]:
    """Fixed random directions of the shapes and dtypes of `leaves`."""
    rng = np.random.default_rng(seed)
    out = []
    for leaf in leaves:
        v = rng.uniform(0.3, 1.0, np.shape(leaf)) * rng.choice([-1.0, 1.0], np.shape(leaf))
        if np.iscomplexobj(leaf):
            v = v + 1j * rng.uniform(-1.0, 1.0, np.shape(leaf))
        out.append(_in_form_of(leaf, v))
    return tuple(out)


def _in_form_of(leaf: Any, v: Any) -> Any:
    if type(leaf) in (float, complex):
        return type(leaf)(v)
    v = np.asarray(v, leaf.dtype)
    return v if type(leaf) is np.ndarray else v[()]


def _units(leaves: Sequence[Any]) -> Iterable[tuple[Any, ...]]:
    """The directions of the identity over all leaves."""
    for i, leaf in enumerate(leaves):
        for k in range(np.size(leaf)):
            unit = np.zeros(np.size(leaf))
            unit[k] = 1.0
            zeros = [_in_form_of(x, np.zeros(np.shape(x))) for x in leaves]
            zeros[i] = _in_form_of(leaf, unit.reshape(np.shape(leaf)))
            yield tuple(zeros)


def moved(leaves: Iterable[Any], h: Any, vs: Iterable[Any]) -> list[Any]:
    """``x + h v``, Python scalars and NumPy scalars staying what they are."""
    return [x + h * v for x, v in zip(leaves, vs, strict=True)]


def flat(leaves: Any) -> Any:
    """All leaves in one vector."""
    leaves = leaves if isinstance(leaves, list | tuple) else [leaves]
    return np.concatenate([np.ravel(leaf) for leaf in leaves]) if leaves else np.zeros(0)


def pair(gs: Iterable[Any], ts: Iterable[Any]) -> float:
    """``Re sum(g t)``."""
    return float(sum(np.sum(g * t).real for g, t in zip(gs, ts, strict=True)))


def weighted(f: Callable[..., Any]) -> Callable[..., Any]:
    """A scalar function of the same leaves, quadratic in the results of `f`."""

    def scalar(*leaves: Any) -> Any:
        results = f(*leaves)
        weights = directions([dd.value_of(r) for r in results], seed=5)
        return sum(np.sum(w * r * (r + 2)) for w, r in zip(weights, results, strict=True))

    return scalar


# ------------------------------------------------------------------ references and comparison


def difference(f: Callable[..., Any], leaves: Sequence[Any], vs: Sequence[Any]) -> Any:
    """The derivative of ``f(x + h v)`` by h at 0, by extrapolated two-sided differences."""

    def restricted(h: Any) -> Any:
        y = flat(f(*moved(leaves, float(h), vs)))
        return np.concatenate([y.real, y.imag]) if np.iscomplexobj(y) else y

    value = flat(f(*moved(leaves, 0.0, vs)))
    if not value.size:
        return value
    with np.errstate(all="ignore"):
        d = np.ravel(nd.Derivative(restricted, step=STEPS, order=4)(0.0))
    return d[: value.size] + 1j * d[value.size :] if np.iscomplexobj(value) else d


def complex_step(f: Callable[..., Any], leaves: Sequence[Any], vs: Sequence[Any]) -> Any | None:
    """The derivative to full precision, or None for what does not take complex data."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return flat(f(*moved(leaves, 1e-30j, vs))).imag / 1e-30
        except Exception:  # whatever a real-only function of a library raises
            return None


def check_close(actual: Any, expected: Any, tolerance: float, what: str) -> None:
    """Compare vectors with respect to the largest entry, or 1."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, not {expected.shape}"
    if not actual.size:
        return
    error = np.abs(actual - expected)
    bound = tolerance * max(1.0, float(np.max(np.abs(expected))))
    assert np.all(error <= bound), (
        f"{what}: largest error {np.nanmax(error):.3g} above {bound:.3g}\n"
        f"  dualdiff:  {actual}\n  reference: {expected}"
    )


def check_against_numbers(
    f: Callable[..., Any], leaves: Sequence[Any], vs: Sequence[Any], tangent: Any, what: str
) -> None:
    """A tangent against differences, and against the complex step where f is analytic there."""
    expected = difference(f, leaves, vs)
    check_close(tangent, expected, DIFFERENCES, f"{what} against differences")
    if not np.iscomplexobj(expected) and not any(map(np.iscomplexobj, leaves)):
        exact = complex_step(f, leaves, vs)
        if exact is not None and np.allclose(exact, expected, rtol=1e-6, atol=1e-6):
            check_close(tangent, exact, COMPLEX_STEP, f"{what} against the complex step")


# ------------------------------------------------------------------ the checks


def check_primal(r: Row) -> None:
    """Value, type and dtype of every leaf are NumPy's, in both modes."""
    expected, structure = flatten(r.full(*r.leaves))
    vs = directions(r.leaves, seed=1)
    for mode, value in (
        ("forward", dd.jvp(r.full, tuple(r.leaves), vs)[0]),
        ("reverse", dd.vjp(r.full, *r.leaves)[0]),
    ):
        leaves, own_structure = flatten(value)
        assert own_structure == structure, f"{mode}: the structure of the result"
        for a, e in zip(leaves, expected, strict=True):
            assert type(a) is type(e), f"{mode}: {type(a).__name__}, not {type(e).__name__}"
            if e is None or isinstance(e, str):
                assert a == e, mode
                continue
            assert np.asarray(a).dtype == np.asarray(e).dtype, f"{mode}: dtype"
            assert np.shape(a) == np.shape(e), f"{mode}: shape"
            if r.exact:
                equal = np.array_equal(a, e, equal_nan=np.asarray(e).dtype.kind in "fc")
                assert equal, f"{mode}: the value differs from NumPy's\n{a!r}\n{e!r}"
            else:
                check_close(a, e, 1e-13, f"{mode}: value")


def check_jvp(r: Row, i: int) -> None:
    """The tangent in a random direction of one argument is its derivative, also along the tape."""
    f, x = r.one(i), r.leaves[i]
    vs = directions([x], seed=2 + i)
    tangent = flat(dd.jvp(f, (x,), vs)[1])
    check_against_numbers(f, [x], vs, tangent, "jvp")
    pushed = flat(dd.linearize(f, x)[1].jvp(*vs))
    check_close(pushed, tangent, SAME, "linearize().jvp against jvp")


def check_adjoint(r: Row) -> None:
    """``Re sum(g Jt) == Re sum(J'g t)``, with all arguments together and one by one."""
    leaves = tuple(r.leaves)
    ts = directions(leaves, seed=3)
    value, pullback = dd.vjp(r, *leaves)
    gs = directions(value, seed=4)
    cotangents = pullback(gs)
    for c, x in zip(cotangents, leaves, strict=True):
        assert np.shape(c) == np.shape(x), "a cotangent has another shape than its primal"
        assert np.asarray(c).dtype == np.asarray(x).dtype, "a cotangent has another dtype"
    pushed = dd.jvp(r, leaves, ts)[1]
    check_close(pair(cotangents, ts), pair(gs, pushed), SAME, "adjoint, all arguments")
    total = np.zeros_like(flat(pushed))
    for i, (x, t) in enumerate(zip(leaves, ts, strict=True)):
        alone = dd.jvp(r.one(i), (x,), (t,))[1]
        total = total + flat(alone)
        (c,) = dd.vjp(r.one(i), x)[1](gs)
        check_close(pair([c], [t]), pair(gs, alone), SAME, f"adjoint, argument {i} alone")
        check_close(flat(c), flat(cotangents[i]), SAME, f"vjp of argument {i} alone")
    check_close(total, flat(pushed), SAME, "jvp of all arguments against the sum of each")


def _matrix(jacobian: Any, leaves: Sequence[Any]) -> Any:
    """Blocks ``[result][argument]`` as one matrix."""
    rows = []
    for blocks in jacobian:
        shapes = [
            (int(np.prod(b.shape[: b.ndim - np.ndim(x)])), np.size(x))
            for b, x in zip(blocks, leaves, strict=True)
        ]
        parts = [np.reshape(b, shape) for b, shape in zip(blocks, shapes, strict=True)]
        rows.append(np.concatenate(parts, axis=1))
    return np.concatenate(rows) if rows else np.zeros((0, flat(leaves).size))


def _columns(r: Row, leaves: tuple[Any, ...]) -> list[Any]:
    """The Jacobian's columns from single calls; du/dx - i du/dy for a complex argument."""
    columns = []
    for unit in _units(leaves):
        column = flat(dd.jvp(r, leaves, unit)[1])
        if any(map(np.iscomplexobj, leaves)):
            turned = tuple(1j * u if np.iscomplexobj(u) else 0 * u for u in unit)
            column = column - 1j * flat(dd.jvp(r, leaves, turned)[1])
        columns.append(column)
    return columns


def check_lead_axes(r: Row) -> None:
    """Jacobians in one pass and in chunks, in both modes, equal stacked single calls."""
    leaves = tuple(r.leaves)
    argnums = tuple(range(len(leaves)))
    value, pullback = dd.vjp(r, *leaves)
    columns = _columns(r, leaves)
    rows = [flat(pullback(unit)) for unit in _units(value)]
    expected = np.stack(columns, 1) if columns else np.zeros((flat(value).size, 0))
    if rows:
        check_close(np.stack(rows), expected, SAME, "stacked pullbacks against stacked jvps")
    n = max(1, (len(columns) + 1) // 2)
    for what, options in (
        ("forward, one pass", {"mode": "forward"}),
        ("reverse, one pass", {"mode": "reverse"}),
        ("forward along the tape, two passes", {"mode": "forward", "chunk": n}),
        ("reverse, one row per pass", {"mode": "reverse", "chunk": 1}),
    ):
        jacobian = dd.jacobian(r, argnums, **options)(*leaves)
        check_close(_matrix(jacobian, leaves), expected, SAME, f"jacobian {what}, against single calls")


def check_second_order(r: Row) -> None:
    """The Hessian in four pairs of modes agrees with itself and with differences of the gradient."""
    leaves = tuple(r.leaves)
    argnums = tuple(range(len(leaves)))
    h = weighted(r)
    vs = directions(leaves, seed=6)
    us = directions(leaves, seed=7)
    gradient = dd.grad(h, argnums)

    def slope(*xs: Any) -> Any:
        return dd.jvp(h, xs, us)[1]

    def along(*xs: Any) -> Any:
        return sum(np.sum(g * u) for g, u in zip(gradient(*xs), us, strict=True))

    def real(x: Any) -> float:
        return float(np.real(x))

    curved = dd.jvp(gradient, leaves, vs)[1]
    check_close(flat(curved), difference(gradient, leaves, vs), DIFFERENCES, "forward over reverse")
    expected = pair(curved, us)
    second = {
        "forward over forward": real(dd.jvp(slope, leaves, vs)[1]),
        "reverse over forward": pair(dd.grad(slope, argnums)(*leaves), vs),
        "reverse over reverse": pair(dd.grad(along, argnums)(*leaves), vs),
        "forward along the tape of the gradient": pair(
            dd.linearize(gradient, *leaves)[1].jvp(*vs), us
        ),
    }
    for pair_of_modes, number in second.items():
        check_close(number, expected, 1e-9, pair_of_modes)


def check_hessian(r: Row) -> None:
    """Nested Jacobians, one pass each, give one Hessian in all four pairs of modes."""
    leaves = tuple(r.leaves)
    argnums = tuple(range(len(leaves)))

    def scalar(*xs: Any) -> Any:
        return (weighted(r)(*xs),)

    expected = None
    for inner in ("forward", "reverse"):
        for outer in ("forward", "reverse"):
            first = dd.jacobian(scalar, argnums, mode=inner)
            second = dd.jacobian(lambda *xs: first(*xs)[0], argnums, mode=outer)  # noqa: B023
            matrix = _matrix(second(*leaves), leaves)
            expected = matrix if expected is None else expected
            check_close(matrix, expected, 1e-9, f"Hessian, {outer} over {inner} jacobian")


def check_float32(r: Row) -> None:
    """Values, tangents and cotangents stay float32 where NumPy's value does, and are right."""
    single = tuple(
        x.astype(np.complex64 if x.dtype.kind == "c" else np.float32)
        if isinstance(x, np.ndarray | np.generic)
        else x
        for x in r.leaves
    )
    plain = r(*single)
    ts = directions(single, seed=8)
    value, pushed = dd.jvp(r, single, ts)
    recorded, pullback = dd.vjp(r, *single)
    gs = directions(value, seed=9)
    for p, v, w, t in zip(plain, value, recorded, pushed, strict=True):
        dtype = np.asarray(p).dtype
        for what, x in (("value, forward", v), ("value, reverse", w), ("tangent", t)):
            assert np.asarray(x).dtype == dtype, f"{what}: {np.asarray(x).dtype}, not {dtype}"
    cotangents = pullback(gs)
    for c, x in zip(cotangents, single, strict=True):
        assert np.asarray(c).dtype == np.asarray(x).dtype, "cotangent: not the dtype of its primal"
    doubled = [np.asarray(t, np.result_type(t, float)) for t in ts]
    doubled = [_in_form_of(x, t) for x, t in zip(r.leaves, doubled, strict=True)]
    check_close(flat(pushed), flat(dd.jvp(r, tuple(r.leaves), tuple(doubled))[1]), FLOAT32, "tangent")
    check_close(pair(cotangents, ts), pair(gs, pushed), FLOAT32, "adjoint")


def complex_variants(r: Row) -> list[tuple[str, Row]]:
    """The row on complex data, in all differentiated leaves and in each second one."""
    if any(map(np.iscomplexobj, r.leaves)):
        return []
    rng = np.random.default_rng(11)
    turned = [_in_form_of_complex(x, rng.uniform(0.2, 0.7, np.shape(x))) for x in r.leaves]
    choices = {"complex": [True] * len(turned)}
    if len(turned) > 1:
        choices["mixed"] = [i % 2 == 0 for i in range(len(turned))]
        choices["mixed, others"] = [i % 2 == 1 for i in range(len(turned))]
    out = []
    for name, chosen in choices.items():
        variant = replace(r, complex=False)
        variant.leaves = [
            c if use else x for c, x, use in zip(turned, r.leaves, chosen, strict=True)
        ]
        out.append((name, variant))
    return out


def _in_form_of_complex(x: Any, imag: Any) -> Any:
    return complex(x, float(imag)) if isinstance(x, float) else x + 1j * imag


def check_complex(r: Row) -> None:
    """On complex data: value, tangent in complex directions, adjoint, tape and second order."""
    for name, c in complex_variants(r) or [("complex", r)]:
        try:
            check_primal(c)
            vs = directions(c.leaves, seed=12)
            tangent = flat(dd.jvp(c, tuple(c.leaves), vs)[1])
            expected = difference(c, c.leaves, vs)
            check_close(tangent, expected, DIFFERENCES, "jvp against differences")
            pushed = flat(dd.linearize(c, *c.leaves)[1].jvp(*vs))
            check_close(pushed, tangent, SAME, "linearize().jvp against jvp")
            check_adjoint(c)
            if r.order == 2:
                check_second_order(c)
        except AssertionError as error:
            error.add_note(f"with {name} data")
            raise


@cache
def _parts() -> tuple[tuple[str, Callable[[Row], None], Callable[[Row], bool]], ...]:
    return (
        ("test_value_is_numpys", check_primal, lambda r: True),
        ("test_vjp_is_the_adjoint_of_jvp", check_adjoint, lambda r: True),
        ("test_lead_axes_equal_single_calls", check_lead_axes, _can_have_jacobian),
        ("test_second_order_agrees_in_all_modes", check_second_order, lambda r: r.order == 2),
        ("test_nested_jacobians_agree", check_hessian, lambda r: r.order == 2 and _is_real(r)),
        ("test_float32_is_kept", check_float32, lambda r: r.float32),
        ("test_complex_data", check_complex, lambda r: r.complex),
    )


def _is_real(r: Row) -> bool:
    return not any(map(np.iscomplexobj, r.leaves)) and not any(map(np.iscomplexobj, r(*r.leaves)))


def _can_have_jacobian(r: Row) -> bool:
    """Not from complex to complex, where it is no matrix."""
    complex_in = any(map(np.iscomplexobj, r.leaves))
    return not (complex_in and any(map(np.iscomplexobj, r(*r.leaves))))


def _parametrised(name: str, check: Callable[..., None], cases: list[Any], ids: list[str]) -> Any:
    names = "r,i" if cases and isinstance(cases[0], tuple) else "r"

    def single(self: Any, r: Row) -> None:
        check(r)

    def indexed(self: Any, r: Row, i: int) -> None:
        check(r, i)

    test = indexed if names == "r,i" else single
    test.__name__, test.__doc__ = name, check.__doc__
    return pytest.mark.parametrize(names, cases, ids=ids)(test)


def rule_tests(rows: Sequence[Row]) -> type:
    """A class of tests, each parametrised with the rows that it holds for."""
    ALL_ROWS.extend(rows)
    tests: dict[str, Any] = {}
    for name, check, holds in _parts():
        chosen = [r for r in rows if holds(r)]
        if chosen:
            tests[name] = _parametrised(name, check, chosen, [r.id for r in chosen])
    cases = [(r, i) for r in rows for i in range(len(r.leaves))]
    tests["test_jvp_is_the_derivative"] = _parametrised(
        "test_jvp_is_the_derivative", check_jvp, cases, [f"{r.id}-arg{i}" for r, i in cases]
    )
    return type("TestRules", (), tests)
