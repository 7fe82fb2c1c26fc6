"""The checks of every derivative rule: references, comparison, and one check per claim."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numdifftools as nd
import numpy as np

import dualdiff as dd
from dualdiff.array.layout import copy_with_strides
from dualdiff.trees import flatten

from .rows import Row, complex_variants, directions, flat, in_form_of, moved, pair, units

# Steps of at most 0.016 stay inside the domain; Richardson extrapolation does the rest.
STEPS = nd.MinStepGenerator(base_step=0.0005, num_steps=6, step_ratio=2)
DIFFERENCES = 1e-7  # what extrapolated differences reach on every row, with a margin of ten
COMPLEX_STEP = 1e-11  # no cancellation: rounding of the function itself
SAME = 1e-10  # two exact ways to one number
FLOAT32 = 2e-3  # against the derivative in double precision; a gross error check


def weighted(f: Callable[..., Any]) -> Callable[..., Any]:
    """A scalar function of the same leaves, quadratic in the results of `f`."""

    def scalar(*leaves: Any) -> Any:
        results = f(*leaves)
        weights = directions([dd.value_of(r) for r in results], seed=5)
        return sum(np.sum(w * r * (r + 2)) for w, r in zip(weights, results, strict=True))

    return scalar


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


def _relaid(x: Any) -> Any:
    """An array in Fortran order with gaps, read-only; anything else as it is."""
    if type(x) is not np.ndarray or not x.ndim:
        return x
    wide = np.full((*x.shape[:-1], 2 * x.shape[-1]), np.nan, x.dtype, order="F")
    wide[..., ::2] = x
    made = wide[..., ::2]
    made.flags.writeable = False
    return made


def check_layouts(r: Row) -> None:
    """Derivatives do not depend on memory layout, gaps and writability of the arguments."""
    vs = directions(r.leaves, seed=1)
    relaid = tuple(map(_relaid, r.leaves))
    value, tangent = dd.jvp(r, tuple(r.leaves), vs)
    other, other_tangent = dd.jvp(r, relaid, tuple(map(_relaid, vs)))
    check_close(flat(other), flat(value), SAME, "value in another layout")
    check_close(flat(other_tangent), flat(tangent), SAME, "tangent in another layout")
    gs = directions(value, seed=4)
    expected = dd.vjp(r, *r.leaves)[1](gs)
    found = dd.vjp(r, *relaid)[1](tuple(map(_relaid, gs)))
    check_close(flat(found), flat(expected), SAME, "cotangents in another layout")


def _middle_first(x: Any) -> Any:
    """An array of three axes or more with the last but one the slowest in memory."""
    return np.ascontiguousarray(x.swapaxes(0, -2)).swapaxes(0, -2) if x.ndim > 2 else x


def _reversed(x: Any) -> Any:
    """An array whose elements stand in memory from the last to the first."""
    back = (slice(None, None, -1),) * x.ndim
    return x[back].copy()[back]


def _strides(result: Any) -> list[Any]:
    """The strides of each array in a result, but of axes of length 1."""
    return [
        [s for n, s in zip(leaf.shape, leaf.strides, strict=True) if n > 1]
        if hasattr(leaf, "strides") and leaf.size > 1
        else []
        for leaf in flatten(result)[0]
    ]


def check_strides(r: Row) -> None:
    """Results lie in memory as NumPy's, on which it depends whether a later ravel is a view."""
    layouts: Any = (lambda x: x, np.asfortranarray, _relaid, _reversed, _middle_first)
    for layout in layouts if r.layout else layouts[:1]:
        leaves = [
            copy_with_strides(layout(x)) if type(x) is np.ndarray and x.ndim else x
            for x in r.leaves
        ]
        try:
            expected = _strides(r.full(*leaves))
        except ValueError:
            assert layout is not layouts[0]
            continue  # NumPy or SciPy itself does not take arrays in this layout
        found: list[Any] = []

        def observed(*xs: Any, found: list[Any] = found) -> Any:
            ans = r.full(*xs)
            if not found:  # a second run is one on plain values
                found += _strides(ans)
            return ans

        dd.jvp(observed, tuple(leaves), directions(leaves, seed=1))
        assert found == expected


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
            (int(np.prod(np.shape(b)[: np.ndim(b) - np.ndim(x)])), np.size(x))
            for b, x in zip(blocks, leaves, strict=True)
        ]
        parts = [np.reshape(b, shape) for b, shape in zip(blocks, shapes, strict=True)]
        rows.append(np.concatenate(parts, axis=1))
    return np.concatenate(rows) if rows else np.zeros((0, flat(leaves).size))


def _stacked(linear: Callable[..., Any], leaves: Sequence[Any]) -> list[Any]:
    """A linear map applied to each unit, and where leaves are complex ``d - i d_i`` of 1 and i."""
    images = []
    for unit in units(leaves):
        image = flat(linear(*unit))
        if any(map(np.iscomplexobj, leaves)):
            turned = (1j * u if np.iscomplexobj(u) else 0 * u for u in unit)
            image = image - 1j * flat(linear(*turned))
        images.append(image)
    return images


def _by_single_calls(r: Row, leaves: Sequence[Any]) -> Any:
    """The Jacobian by single calls of the mode that needs fewer, checked by one of the other."""
    value, pullback = dd.vjp(r, *leaves)
    m, n = flat(value).size, flat(leaves).size
    real = not any(map(np.iscomplexobj, (*leaves, *value)))
    rows = columns = None
    if m < n or not real:
        rows = np.stack(_stacked(lambda *gs: pullback(gs), value)) if m else np.zeros((0, n))
    if rows is None or not real:
        pushed = _stacked(lambda *ts: dd.jvp(r, leaves, ts)[1], leaves)
        columns = np.stack(pushed, 1) if n else np.zeros((m, 0))
    expected = columns if rows is None else rows
    if not real:
        check_close(rows, columns, SAME, "stacked pullbacks against stacked jvps")
        return expected
    ts, gs = directions(leaves, seed=3), directions(value, seed=4)
    pushed = flat(dd.jvp(r, leaves, ts)[1])
    check_close(pushed, expected @ flat(ts), SAME, "one jvp against single calls")
    check_close(flat(pullback(gs)), flat(gs) @ expected, SAME, "one pullback against single calls")
    return expected


def check_lead_axes(r: Row) -> None:
    """Jacobians in one pass and in chunks, in both modes, equal stacked single calls."""
    leaves = tuple(r.leaves)
    argnums = tuple(range(len(leaves)))
    expected = _by_single_calls(r, leaves)
    m, n = expected.shape
    for what, options in (
        ("forward, one pass", {"mode": "forward"}),
        ("reverse, one pass", {"mode": "reverse"}),
        ("forward along the tape, two passes", {"mode": "forward", "chunk": max(1, (n + 1) // 2)}),
        ("reverse, one row in the last pass", {"mode": "reverse", "chunk": max(1, m - 1)}),
    ):
        jacobian = dd.jacobian(r, argnums, **options)(*leaves)
        check_close(
            _matrix(jacobian, leaves), expected, SAME, f"jacobian {what}, against single calls"
        )


def check_second_order(r: Row) -> None:
    """The Hessian in four pairs of modes agrees with itself and with the gradient's differences."""
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


def check_nestings(call: Callable[..., Any], args: Sequence[Any], tolerance: float = 1e-6) -> None:
    """Along one line through the arguments, three nestings give the slope's differences."""
    vs = [np.cos(1.0 + np.arange(np.size(x))).reshape(np.shape(x))[()] for x in args]

    def along(h: Any) -> Any:
        leaves = flatten(call(*(x + h * v for x, v in zip(args, vs, strict=True))))[0]
        squares = (np.real(y) ** 2 + np.imag(y) ** 2 for y in map(np.ravel, leaves))
        return sum(np.sum(y * np.cos(1.0 + np.arange(y.size))) for y in squares)

    def pushed(h: Any) -> Any:
        return dd.jvp(along, (h,), (1.0,))[1]

    slope, h = dd.grad(along), 1e-3
    check_close(pushed(0.0), slope(0.0), tolerance, "forward against reverse")
    wide, narrow = ((slope(d) - slope(-d)) / (2 * d) for d in (h, h / 2))
    for nesting, bend in (
        ("forward over reverse", dd.jvp(slope, (0.0,), (1.0,))[1]),
        ("reverse over reverse", dd.grad(slope)(0.0)),
        ("reverse over forward", dd.grad(pushed)(0.0)),
    ):
        check_close(bend, (4 * narrow - wide) / 3, tolerance, nesting)


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
    unbox = r(*single)
    ts = directions(single, seed=8)
    value, pushed = dd.jvp(r, single, ts)
    recorded, pullback = dd.vjp(r, *single)
    gs = directions(value, seed=9)
    for p, v, w, t in zip(unbox, value, recorded, pushed, strict=True):
        dtype = np.asarray(p).dtype
        for what, x in (("value, forward", v), ("value, reverse", w), ("tangent", t)):
            assert np.asarray(x).dtype == dtype, f"{what}: {np.asarray(x).dtype}, not {dtype}"
    cotangents = pullback(gs)
    for c, x in zip(cotangents, single, strict=True):
        assert np.asarray(c).dtype == np.asarray(x).dtype, "cotangent: not the dtype of its primal"
    doubled = [np.asarray(t, np.result_type(t, float)) for t in ts]
    doubled = [in_form_of(x, t) for x, t in zip(r.leaves, doubled, strict=True)]
    check_close(
        flat(pushed), flat(dd.jvp(r, tuple(r.leaves), tuple(doubled))[1]), FLOAT32, "tangent"
    )
    check_close(pair(cotangents, ts), pair(gs, pushed), FLOAT32, "adjoint")


def check_complex(r: Row) -> None:
    """On complex data: value, tangents in complex directions, adjoint, tape, batches, order 2."""
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
            _check_complex_lead_axes(c)
            if r.order == 2:
                check_second_order(c)
        except AssertionError as error:
            error.add_note(f"with {name} data")
            raise


def _check_complex_lead_axes(r: Row) -> None:
    """Two directions in one pass: complex tangents along real parameters, and real parts pulled."""
    leaves = tuple(r.leaves)
    vs, us = directions(leaves, seed=13), directions(leaves, seed=14)

    def plane(s: Any) -> Any:
        return r(*(x + s[0] * v + s[1] * u for x, v, u in zip(leaves, vs, us, strict=True)))

    columns = [flat(dd.jvp(r, leaves, d)[1]) for d in (vs, us)]
    pushed = dd.jacobian(plane, mode="forward")(np.zeros(2))
    found = np.concatenate([np.reshape(j, (-1, 2)) for j in pushed])
    check_close(found, np.stack(columns, 1), SAME, "two complex tangents in one pass")

    def parts(*xs: Any) -> Any:
        return tuple(np.real(y) for y in r(*xs)) + tuple(np.imag(y) for y in r(*xs))

    value, pullback = dd.vjp(parts, *leaves)
    rows = _stacked(lambda *gs: pullback(gs), value)
    argnums = tuple(range(len(leaves)))
    matrix = _matrix(dd.jacobian(parts, argnums, mode="reverse")(*leaves), leaves)
    if rows:
        check_close(matrix, np.stack(rows), SAME, "complex cotangents in one pass")
