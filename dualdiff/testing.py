"""Derivatives checked against numerical ones and against the other mode: `check_grads`."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from math import e, prod
from typing import Any, Literal

import numpy as np
from numpy import ndarray

from .core.batch import dtype_of, shape_of
from .debug import debug_paths
from .errors import GradientError, IndependentResultWarning, MissingRuleError, PathError, user_line
from .transforms import independence
from .transforms.inputs import Argnums, Inputs
from .transforms.jvp_vjp import jvp, pushed, vjp
from .transforms.record import Recording
from .trees import flatten

CheckMode = Literal["forward", "reverse"]
MODES: tuple[CheckMode, ...] = ("forward", "reverse")
MAX_ORDER = 6  # which takes seconds for a small function
ENTRIES = 2000
DIRECTIONS = 8
CHUNK = 64
LINES = 10
COMPLEX_STEP = 1e-30
ROUGH_STEP = 2.0**-17
FIRST_STEPS, STEPS = [2.0**-n for n in range(4, 21, 2)], 13


class Coordinates:
    """The floating-point leaves of a tree as one real vector, with both parts of complex leaves."""

    def __init__(self, values: Sequence[Any], names: Sequence[str]) -> None:
        self.values = values
        kinds = ["" if v is None else dtype_of(v).kind for v in values]
        self.leaves = [
            (i, names[i], shape_of(values[i]), 1 + (kind == "c"))
            for i, kind in enumerate(kinds)
            if kind in ("f", "c")
        ]
        self.is_complex = [kind == "c" for kind in kinds if kind in ("f", "c")]
        eps = [float(np.finfo(dtype_of(values[i])).eps) for i, *_ in self.leaves]
        self.eps = max(eps, default=0.0)
        self.size = sum(prod(shape) * parts for _, _, shape, parts in self.leaves)

    def blocks(self) -> Iterator[tuple[slice, int, str, tuple[int, ...], int]]:
        """Per leaf: its coordinates, its position, name, shape and number of parts."""
        start = 0
        for i, name, shape, parts in self.leaves:
            stop = start + prod(shape) * parts
            yield slice(start, stop), i, name, shape, parts
            start = stop

    def ravel(self, leaves: Sequence[Any], batch: tuple[int, ...] = ()) -> ndarray:
        """Leaves (None for zero) as a vector, or as rows if they have a batch axis."""
        out = np.zeros((*batch, self.size))
        for block, i, _, _, parts in self.blocks():
            if leaves[i] is not None:
                flat = np.reshape(leaves[i], (*batch, -1))
                both = (np.real(flat), np.imag(flat))[:parts]
                out[..., block] = np.concatenate(both, axis=-1)
        return out

    def unravel(self, flat: ndarray, exact: bool = True) -> list[Any]:
        """Leaves from a vector, or from rows; in double precision unless `exact`."""
        out: list[Any] = [None] * len(self.values)
        for block, i, _, shape, parts in self.blocks():
            part, value = flat[..., block], self.values[i]
            if parts == 2:
                re, im = np.split(part, 2, axis=-1)
                part = re + 1j * im
            part = part.reshape(flat.shape[:-1] + shape)
            if exact:
                part = part.astype(dtype_of(value))
            bare = not part.ndim and type(value) is not ndarray
            out[i] = (
                (part.item() if type(value) in (float, complex) else part[()]) if bare else part
            )
        return out

    def conjugate(self, rows: ndarray) -> ndarray:
        """Imaginary parts negated: from vectors to cotangents, which pair as Re(g t), and back."""
        out = rows.copy()
        for block, _, _, shape, parts in self.blocks():
            if parts == 2:
                out[..., block.start + prod(shape) : block.stop] *= -1
        return out

    def times_i(self, rows: ndarray) -> ndarray:
        """Complex rows times the imaginary unit."""
        out = np.empty_like(rows)
        for block, *_ in self.blocks():
            re, im = np.split(rows[..., block], 2, axis=-1)
            out[..., block] = np.concatenate([-im, re], axis=-1)
        return out

    def label(self, k: int) -> tuple[str, str]:
        """Name and index of a coordinate."""
        for block, _, name, shape, parts in self.blocks():
            if k < block.stop:
                at, size = k - block.start, prod(shape)
                part = ("real", "imag")[at // size] if parts == 2 else ""
                index = tuple(int(j) for j in np.unravel_index(at % size, shape))
                return name, f"{index if shape else ''} {part}".strip()
        raise IndexError(k)


class Probe:
    """The directions that are compared: every coordinate, or a few random combinations."""

    def __init__(self, space: Coordinates, every: bool, scale: ndarray | float) -> None:
        self.space = space
        self.every = every or space.size <= DIRECTIONS
        draw = np.random.default_rng(0).standard_normal
        self.rows = np.eye(space.size) if self.every else draw((DIRECTIONS, space.size)) * scale

    def of(self, rows: ndarray) -> ndarray:
        """The probed entries of rows."""
        return rows if self.every else rows @ self.rows.T

    def label(self, k: int) -> tuple[str, str]:
        """The name of a row."""
        return self.space.label(k) if self.every else (f"random direction {k}", "")


class Problem:
    """A function at a point, its derivatives in both modes and by differences, all on vectors."""

    def __init__(
        self,
        f: Callable[..., Any],
        args: Any,
        kwargs: Any,
        argnums: Any,
        result: str,
        size: float,
    ) -> None:
        self.inputs = inputs = Inputs(f, args, kwargs, argnums)
        named = zip(inputs.positions, inputs.structures, strict=True)
        names = [f"argument {p!r}{path}" for p, structure in named for path in structure.paths]
        self.x = Coordinates(inputs.values, names)
        self.point = self.x.ravel(inputs.values)
        leaves, self.structure = flatten(inputs.call(self.x.unravel(self.point)))
        self.y = Coordinates(leaves, [result + path for path in self.structure.paths])
        self.value = self.y.ravel(leaves)
        # The rounding of f is relative to this, even if its derivative is almost zero.
        self.size = np.maximum(np.where(np.isfinite(self.value), np.abs(self.value), 0), size)

    def forward(self, rows: ndarray) -> ndarray:
        """Tangents of the result for tangents of the arguments."""
        batch = rows.shape[:-1]
        found = pushed(self.inputs, self.x.unravel(rows), batch)
        return self.y.ravel(found.leaves, batch)

    def reverse(self, rows: ndarray) -> ndarray:
        """Cotangents of the arguments for cotangents of the result."""
        batch = rows.shape[:-1]
        seeds = self.y.unravel(self.y.conjugate(rows))
        pulled = Recording(self.inputs).pull(seeds, batch)
        return self.x.conjugate(self.x.ravel(pulled, batch))

    def lost(self) -> str:
        """What to say of arguments at which f looks, but on which its result does not depend."""
        recording = Recording(self.inputs)
        recording.outputs.require_numbers("check_grads")
        seeds = [
            None if v is None else np.ones(shape_of(v), dtype_of(v))[()]
            for v in recording.outputs.values
        ]
        try:
            pulled = recording.pull(seeds)
        except MissingRuleError:
            return ""
        return independence.report(self.inputs, [i for i, g in enumerate(pulled) if g is None])

    def evaluate(self, point: ndarray) -> list[Any]:
        """The floating-point leaves of the result, at a point in double precision."""
        leaves, _ = flatten(self.inputs.call(self.x.unravel(point, exact=False)))
        return leaves

    def steps(self) -> ndarray:
        """The steps by which to move a coordinate: at most its size, then smaller and smaller.

        Powers of two, so that x + h is exact.
        """
        size = np.abs(self.point)
        small = np.where(size == 0, 1.0, np.maximum(size, 1e-3))
        return np.exp2(np.floor(np.log2(np.where(size < 1, small, np.log(e - 1 + size)))))

    def differences(self, row: ndarray, analytic: bool) -> tuple[ndarray, ndarray]:
        """The numerical derivative in the direction of a row, and an estimate of its error."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            exact = self.complex_step(row) if analytic else None
            return self.richardson(row) if exact is None else (exact, np.zeros_like(exact))

    def complex_step(self, row: ndarray) -> ndarray | None:
        """The derivative by a complex step, or None if f does not seem to be analytic."""
        if any(self.x.is_complex) or any(self.y.is_complex):
            return None

        def at(point: ndarray) -> ndarray:
            leaves = self.evaluate(point)
            return np.concatenate([np.ravel(leaves[i]) for i, *_ in self.y.leaves])

        step = ROUGH_STEP * row
        try:
            rough = (at(self.point + step) - at(self.point - step)) / (2 * ROUGH_STEP)
            exact = np.imag(at(self.point + 1j * COMPLEX_STEP * row)) / COMPLEX_STEP
            unmoved = at(self.point + 0j)
        except Exception:  # f need not accept complex numbers
            return None
        size = np.abs(self.value)
        if not exact.shape == rough.shape == unmoved.shape:  # f does otherwise on complex numbers
            return None
        near = np.abs(exact - rough) <= 1e-5 * (np.abs(exact) + np.abs(rough)) + 1e-7 * size
        same = np.abs(unmoved - self.value) <= 1e-8 * size
        return exact if np.all(near & same) else None

    def richardson(self, row: ndarray) -> tuple[ndarray, ndarray]:
        """The derivative by central differences extrapolated to step 0."""
        import numdifftools

        def along(s: ndarray) -> ndarray:
            try:
                return self.y.ravel(self.evaluate(self.point + s[0] * row))
            except Exception:  # outside the domain of f
                return np.full(self.y.size, np.nan)

        def defined(step: float) -> bool:
            both = [along(np.array([s])) for s in (step, -step)]
            return bool(np.all(np.isfinite(both) | ~np.isfinite(self.value)))

        first = next((s for s in FIRST_STEPS if defined(s)), FIRST_STEPS[-1])
        steps = numdifftools.MaxStepGenerator(base_step=first, step_ratio=2, num_steps=STEPS)
        derivative = numdifftools.Jacobian(along, step=steps, full_output=True)
        found = derivative(np.zeros(1))
        estimate, info = (found.estimate, found) if hasattr(found, "estimate") else found
        return np.reshape(estimate, -1), np.reshape(info.error_estimate, -1)


def _in_chunks(function: Callable[[ndarray], ndarray], rows: ndarray) -> ndarray:
    parts = [function(rows[i : i + CHUNK]) for i in range(0, len(rows), CHUNK)]
    return np.concatenate(parts)


class Comparison:
    """The derivatives of one problem side by side."""

    def __init__(self, problem: Problem, modes: Sequence[str], rtol: Any, atol: Any) -> None:
        self.problem, self.modes = problem, modes
        x, y = problem.x, problem.y
        every = x.size * y.size <= ENTRIES
        steps = problem.steps()
        self.tangents = Probe(x, every, steps)
        self.cotangents = Probe(y, every, 1.0)
        self.step = steps if self.tangents.every else np.ones(len(self.tangents.rows))
        self.eps = max(x.eps, y.eps, float(np.finfo(float).eps))
        self.rtol = 10 * self.eps**0.5 if rtol is None else rtol
        self.atol = atol
        self.apply = {"forward": problem.forward, "reverse": problem.reverse}
        self.probes = {"forward": self.tangents, "reverse": self.cotangents}
        self.rows = {m: _in_chunks(self.apply[m], self.probes[m].rows) for m in modes}
        self.derivatives = {}
        if "forward" in modes:
            self.derivatives["forward"] = self.cotangents.of(self.rows["forward"])
        if "reverse" in modes:
            self.derivatives["reverse"] = self.tangents.of(self.rows["reverse"]).T

    def numeric(self, analytic: bool) -> tuple[ndarray, ndarray]:
        """The numerical derivatives, per direction and probed entry, and their error estimates."""
        found, errors = [], []
        for step, row in zip(self.step, self.tangents.rows, strict=True):
            derivative, error = self.problem.differences(step * row, analytic)
            found.append(derivative / step)
            errors.append(error / step)
        error = np.stack(errors)
        every = self.cotangents.every
        error = error if every else error @ np.abs(self.cotangents.rows).T
        return self.cotangents.of(np.stack(found)), error

    def scales(self, tables: Sequence[ndarray]) -> tuple[ndarray, ndarray]:
        """The size of the derivatives in each leaf of the result, and their rounding errors."""
        scale = np.max([np.where(np.isfinite(t), np.abs(t), 0) for t in tables], axis=0)
        rounding = self.problem.size.copy()
        if self.cotangents.every:
            for block, *_ in self.problem.y.blocks():
                scale[:, block] = np.max(scale[:, block], axis=1, keepdims=True, initial=0)
                rounding[block] = np.max(rounding[block], initial=0)
        else:
            scale[:] = np.max(scale, axis=1, keepdims=True)
            rounding = np.abs(self.cotangents.rows) @ rounding
        return scale, 100 * self.eps * rounding / self.step[:, None]

    def report(self, analytic: bool = True) -> str:
        """The table of the entries that disagree, or an empty text."""
        numeric, estimate = self.numeric(analytic)
        ways = {**self.derivatives, "numeric": numeric}
        scale, rounding = self.scales(list(ways.values()))
        floor = rounding if self.atol is None else self.atol
        loose = floor + self.rtol * scale + np.minimum(10 * estimate, 1e-3 * scale)
        strict = floor + max(1e-3 * self.rtol, 1e3 * self.eps) * scale
        pairs = [(mode, "numeric", loose) for mode in self.modes]
        if len(self.modes) == 2:
            pairs.append(("forward", "reverse", strict))
        with np.errstate(all="ignore"):
            errors = np.stack([np.abs(ways[a] - ways[b]) for a, b, _ in pairs])
            tolerances = np.stack([tolerance for *_, tolerance in pairs])
            ratios = np.where(errors <= tolerances, 0, errors / tolerances)
        ratios = np.where(np.isnan(ratios), np.inf, ratios)
        pair, wrong = np.argmax(ratios, axis=0), np.argwhere(np.max(ratios, axis=0) > 0)
        if not len(wrong):
            return ""
        if analytic:  # f may look analytic without being so
            return self.report(analytic=False)
        wrong = wrong[np.argsort(-np.max(ratios, axis=0)[tuple(wrong.T)], kind="stable")]
        columns = (*MODES, "numeric")
        rows = [["argument", "entry", "of result", "entry", *columns, "error", "tolerance"]]
        for k, j in wrong[:LINES].tolist():
            at = (pair[k, j], k, j)
            labels = [*self.tangents.label(k), *self.cotangents.label(j)]
            values = [f"{ways[way][k, j]:.9g}" if way in ways else "-" for way in columns]
            rows.append([*labels, *values, f"{errors[at]:.2g}", f"{tolerances[at]:.2g}"])
        return _laid_out(f"{len(wrong)} of {scale.size} entries are wrong", rows, len(wrong))

    def batch_report(self) -> str:
        """The differences between several directions at once and one alone, or an empty text."""
        floor = 100 * self.eps * np.max(self.problem.size) / np.min(self.step)
        for mode in self.modes:
            rows, several = self.probes[mode].rows, self.rows[mode]
            weights = np.random.default_rng(1).standard_normal(len(rows))
            alone, expected = self.apply[mode](weights @ rows), weights @ several
            scale = np.abs(weights) @ np.abs(several)
            # As between the modes: an ill-conditioned operation rounds differently in a batch.
            tolerance = len(rows) * floor + max(1e-3 * self.rtol, 1e3 * self.eps) * np.max(scale)
            off = np.abs(alone - expected) > tolerance
            if np.any(off & np.isfinite(expected)):
                return (
                    f"{mode} mode gives another derivative for several directions at once than for "
                    f"one. A rule that takes batch axes must count axes from the right; one that "
                    f"does not must not be declared batched."
                )
        return ""

    def holomorphic_report(self) -> str:
        """The entries where the Cauchy-Riemann equations fail, or an empty text."""
        x, y = self.problem.x, self.problem.y
        if not all(x.is_complex) or not all(y.is_complex):
            raise TypeError("holomorphic=True is for complex arguments and complex results")
        mode = "forward" if "forward" in self.modes else "reverse"
        source, target = (x, y) if mode == "forward" else (y, x)
        apply, probe = self.apply[mode], self.probes[mode]
        along = target.times_i(self.rows[mode])
        across = _in_chunks(apply, source.times_i(probe.rows))
        error = np.abs(across - along)
        tolerance = self.rtol * np.max(np.abs(along), initial=0)
        wrong = np.argwhere(~(error <= tolerance))
        what = ("argument", "result") if mode == "forward" else ("result", "argument")
        rows = [[what[0], "entry", what[1], "entry", "d/d(iz)", "i d/dz"]]
        for k, j in wrong[:LINES].tolist():
            labels = [*probe.label(k), *target.label(j)]
            rows.append([*labels, f"{across[k, j]:.9g}", f"{along[k, j]:.9g}"])
        return _laid_out("not holomorphic", rows, len(wrong)) if len(wrong) else ""


def _laid_out(title: str, rows: list[list[str]], count: int) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    more = [f"and {count - LINES} more"] if count > LINES else []
    return "\n  ".join([f"{title}, the worst first:" if count > 1 else f"{title}:", *lines, *more])


def _derived(problem: Problem, f: Any, argnums: Any, mode: str) -> Callable[..., Any]:
    """The derivative of f in one fixed direction, as a function of the same arguments."""
    x, y = problem.x, problem.y
    if mode == "forward":
        direction = np.random.default_rng(2).standard_normal(x.size)
        tangents = problem.inputs.trees(x.unravel(direction))

        @functools.wraps(f)
        def tangent(*args: Any, **kwargs: Any) -> Any:
            return jvp(f, args, tangents, argnums=argnums, **kwargs)[1]

        return tangent
    seed = np.ones(1) if y.size == 1 else np.random.default_rng(2).standard_normal(y.size)
    cotangent = problem.structure.unflatten(y.unravel(seed))

    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        return vjp(f, *args, argnums=argnums, **kwargs)[1](cotangent)

    return gradient


def _report(
    f: Any, args: Any, kwargs: Any, argnums: Any, modes: Sequence[str], order: int, title: str,
    result: str, holomorphic: bool, tolerances: tuple[Any, Any], size: float = 0.0,
) -> str:  # fmt: skip
    problem = Problem(f, args, kwargs, argnums, result, size)
    if not problem.x.size:
        return ""
    lost = problem.lost() if order and result == "result" else ""
    comparison = Comparison(problem, modes, *tolerances) if problem.y.size else None
    text = comparison.report() or comparison.batch_report() if comparison else ""
    if text and lost:
        text = f"{text}\n  {lost}."
    elif lost:
        warnings.warn(f"{title}: {lost}.", IndependentResultWarning, stacklevel=3)
    if comparison and holomorphic and not text:
        text = comparison.holomorphic_report()
    if text:
        return f"{title}: {text}"
    if comparison and order > 1:
        size = float(np.max(problem.size) / np.min(comparison.step))
        for mode in modes:
            name = "tangent" if mode == "forward" else "gradient"
            with warnings.catch_warnings():  # which the first order has given
                warnings.simplefilter("ignore", IndependentResultWarning)
                text = _report(
                    _derived(problem, f, argnums, mode), args, kwargs, argnums, modes, order - 1,
                    f"{title} of the {mode}-mode derivative", name, False, tolerances, size,
                )  # fmt: skip
            if text:
                return text
    return ""


def _parting(f: Callable[..., Any], args: Any, argnums: Any, kwargs: Any) -> str:
    """Where f takes another path on traced values, as the cause of a wrong derivative."""
    try:
        with debug_paths():
            vjp(f, *args, argnums=argnums, **kwargs)
    except PathError as error:
        return f"\n  {error}"
    except Exception:
        return ""  # the table says enough
    return ""


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    modes: CheckMode | Sequence[CheckMode] = MODES,
    order: int = 2,
    rtol: float | None = None,
    atol: float | None = None,
    holomorphic: bool = False,
    argnums: Argnums | None = None,
    **kwargs: Any,
) -> None:
    """Check the derivatives of a function at one point, and raise if they are wrong.

    Each mode is compared with a numerical derivative (a complex step if f accepts complex numbers
    and is analytic, else central differences extrapolated by numdifftools) and with the other mode,
    and a batch of directions with single ones. Order 2 checks the derivative of f in a fixed
    direction in the same way, in each mode: for a scalar f, its gradient. Jacobians of up to 2,000
    entries are compared entry by entry, larger ones in 8 random directions from a fixed seed.

    Arguments: `f`; `args`, a tuple of its arguments, arrays, scalars or containers, real or complex
    (checked in all real directions); `modes`, "forward", "reverse" or both; `order`, up to 6, each
    of which takes some four times as long as the one before; `rtol`, the
    tolerance relative to the largest derivative in the same leaf of the result (by default
    10 sqrt(eps) of the coarsest dtype; the error estimate of the differences is added, and the
    modes must agree to a thousandth of it); `atol`, an absolute tolerance that is added (by default
    the effect of the value's rounding);
    `holomorphic`, to check the Cauchy-Riemann equations too; `argnums`, which arguments to
    differentiate (all by default); `kwargs` for f.
    Raises: GradientError (an AssertionError) with a table of the worst entries; it names arguments
    at which f looks although its result does not depend on them (without a wrong entry, an
    IndependentResultWarning does), and the line where f takes another branch because its values are
    traced. Errors of f and of missing rules pass unchanged. At a kink, a central difference gives
    the mean of both sides, which need not be the documented convention.

    >>> import numpy as np, dualdiff as dd
    >>> dd.check_grads(lambda x, y: np.sin(x) * y, (np.array([1.0, 2.0]), 3.0))
    """
    __tracebackhide__ = True  # pytest shows the line of the test instead
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    if not modes or any(mode not in MODES for mode in modes):
        raise ValueError(f"modes must be among {MODES}, not {modes}")
    if not 0 <= order <= MAX_ORDER:
        raise ValueError(
            f"order is {order}, {user_line()}; it is at most {MAX_ORDER}, since each order takes "
            f"some four times as long as the one before; for those above, check a derivative of f"
        )
    if not isinstance(args, (tuple, list)):
        raise TypeError("check_grads takes a tuple of arguments: write check_grads(f, (x,))")
    title = f"the derivative of {getattr(f, '__name__', getattr(f, 'name', f))}"
    text = _report(
        f, args, kwargs, argnums, modes, order, title, "result", holomorphic, (rtol, atol)
    )
    if text:
        raise GradientError(text + _parting(f, args, argnums, kwargs))
