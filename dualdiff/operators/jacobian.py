"""Jacobians: one pass per chunk of directions, in the cheaper mode, and the plan behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

import numpy as np

from ..core.boxes import is_box
from ..core.errors import UnsupportedInputError, user_line
from ..core.shapes import dtype_of, shape_of
from ..core.traces import resolve
from ..trees import flatten
from ._alive import again_if_nan
from ._calls import Argnums, Inputs, Operator, release
from .first_order import push_forward
from .linearize import Recording

MODES = ("auto", "forward", "reverse")
BUDGET = 2**28


@dataclass(frozen=True)
class Plan:
    """How a Jacobian would be computed, and why; prints well.

    `mode` is "forward" or "reverse", `inputs` and `outputs` the sizes of all differentiated leaves
    and all results, `directions` the number of tangents or cotangents, in `passes` of at most
    `chunk`.
    """

    mode: str
    inputs: int
    outputs: int
    directions: int
    chunk: int
    passes: int
    reason: str

    def __str__(self) -> str:
        passes = "one pass" if self.passes == 1 else f"{self.passes} passes of {self.chunk}"
        return (
            f"Jacobian of {self.outputs} results with respect to {self.inputs} inputs: {self.mode} "
            f"mode, {self.directions} directions in {passes}.\n"
            f"Reason: {self.reason}."
        )


def _size(values: Sequence[Any]) -> int:
    return sum(prod(shape_of(v)) for v in values if v is not None)


def _choose(n: int, m: int, mode: str, chunk: int | None) -> Plan:
    """The mode by the number of directions; forward on a tie, since its pass is the cheaper one."""
    if mode == "auto":
        mode = "forward" if n <= m else "reverse"
        sign = "<=" if n <= m else ">"
        what = "tangent per input" if n <= m else "cotangent per result"
        reason = f"{n} inputs {sign} {m} results, and {mode} mode takes one {what}"
    else:
        reason = f"mode={mode!r} was asked for"
    directions = n if mode == "forward" else m
    if chunk is None:
        chunk = max(1, BUDGET // (8 * max(n, m, 1)))
        if directions > chunk:
            reason += f"; the directions of one pass are kept within {BUDGET >> 20} MB"
    elif chunk < 1:
        raise ValueError(f"chunk must be a positive number of directions, not {chunk}")
    passes = ceil(directions / chunk)
    if passes > 1:
        chunk = ceil(directions / passes)
    return Plan(mode, n, m, directions, max(1, min(chunk, directions)), passes, reason)


def _identity(values: Sequence[Any], start: int, stop: int) -> list[Any]:
    """Rows `start` to `stop` of the identity over all leaves, split into one array per leaf."""
    seeds: list[Any] = []
    offset = 0
    for v in values:
        if v is None:
            seeds.append(None)
            continue
        shape, size = shape_of(v), prod(shape_of(v))
        seed = np.zeros((stop - start, size), dtype_of(v))
        first, last = max(start, offset), min(stop, offset + size)
        rows = np.arange(first, last)
        seed[rows - start, rows - offset] = 1
        seeds.append(seed.reshape((stop - start, *shape)))
        offset += size
    return seeds


def _chunks(plan: Plan) -> Iterator[tuple[int, int]]:
    for start in range(0, plan.directions, plan.chunk):
        yield start, min(start + plan.chunk, plan.directions)


def _any_complex(values: Sequence[Any]) -> bool:
    return any(v is not None and dtype_of(v).kind == "c" for v in values)


def _pass(apply: Callable[..., list[Any]], values: Sequence[Any], span: tuple[int, int]) -> Any:
    """Push or pull rows of the identity; for complex leaves also i times them, as ``d - i d_i``.

    That is du/dx - i du/dy of a complex argument, and du/dx + i dv/dx of a complex result.
    """
    lead = (span[1] - span[0],)
    seeds = _identity(values, *span)
    parts = apply(seeds, lead, identity=True)
    if not _any_complex(values):
        return parts
    turned = [1j * s if s is not None and s.dtype.kind == "c" else None for s in seeds]
    others = apply(turned, lead, identity=True)
    return [
        p if o is None else (0 if p is None else p) - 1j * o
        for p, o in zip(parts, others, strict=True)
    ]


def _block(part: Any, result: Any, value: Any) -> Any:
    """Rows or columns of one result and one argument, real where both are."""
    if not _any_complex((result, value)):
        part = np.real(part)
    return _own(np.reshape(part, shape_of(result) + shape_of(value)))


def _refuse_complex_result(inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """The two modes agree on a complex-to-complex matrix only for holomorphic functions."""
    if _any_complex(inputs) and _any_complex(outputs):
        raise UnsupportedInputError(
            f"the Jacobian of a complex result with respect to a complex argument is one matrix "
            f"only where the function is holomorphic, {user_line()}. Use jvp or vjp for single "
            f"directions, or differentiate the real and imaginary parts of the argument separately."
        )


def _own(x: Any) -> Any:
    if is_box(x):
        return release(resolve(x))
    return x if x.base is None and x.flags.owndata else np.array(x)


class _Jacobian(Operator):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return again_if_nan(lambda: self.evaluate(args, kwargs), lambda tree: flatten(tree)[0])

    def evaluate(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The Jacobian from one run of the function."""
        inputs = Inputs(self.f, args, kwargs, self.argnums)
        mode, chunk = self.options["mode"], self.options["chunk"]
        n = _size(inputs.values)
        recording: Recording | None = None
        if mode == "auto" and n == 1:
            plan = _choose(n, n, "forward", chunk)
        elif mode == "forward":
            plan = _choose(n, n, mode, chunk)
        else:
            recording = Recording(inputs)
            plan = _choose(n, _size(recording.outputs.values), mode, chunk)
        if plan.mode == "forward":
            return self._columns(inputs, recording, plan)
        assert recording is not None
        return self._rows(inputs, recording, plan)

    def _columns(self, inputs: Inputs, recording: Recording | None, plan: Plan) -> Any:
        values = inputs.values
        if recording is None and plan.passes <= 1 and not _any_complex(values):
            lead = (plan.directions,)
            outputs, _ = push_forward(
                inputs, _identity(values, 0, plan.directions), lead, identity=True
            )
            passes = [outputs.payloads]
        else:
            recording = recording or Recording(inputs)
            outputs = recording.outputs
            passes = [_pass(recording.push, values, span) for span in _chunks(plan)]
        _refuse_complex_result(values, outputs.values)
        blocks: list[Any] = []
        for j, result in enumerate(outputs.values):
            if result is None:
                blocks.append(None)
                continue
            columns = [p[j] for p in passes]
            blocks.append(inputs.result(_split_columns(columns, result, values)))
        return outputs.tree(blocks)

    def _rows(self, inputs: Inputs, recording: Recording, plan: Plan) -> Any:
        results = recording.outputs.values
        _refuse_complex_result(inputs.values, results)
        passes = [_pass(recording.pull, results, span) for span in _chunks(plan)]
        sizes = [0 if v is None else prod(shape_of(v)) for v in results]
        blocks: list[Any] = []
        for j, result in enumerate(results):
            if result is None:
                blocks.append(None)
                continue
            start = sum(sizes[:j])
            leaves = [
                None
                if v is None
                else _row_block([p[i] for p in passes], start, sizes[j], result, v)
                for i, v in enumerate(inputs.values)
            ]
            blocks.append(inputs.result(leaves))
        return recording.outputs.tree(blocks)


def _joined(parts: list[Any]) -> Any:
    """The passes of one leaf along the direction axis, or None where nothing depends on it."""
    known = [p for p in parts if p is not None]
    if not known:
        return None
    return known[0] if len(known) == 1 else np.concatenate(known)


def _row_block(parts: list[Any], start: int, size: int, result: Any, value: Any) -> Any:
    """d result / d value from cotangents of value stacked over all results."""
    shape = shape_of(result) + shape_of(value)
    rows = _joined(parts)
    if rows is None or not size:
        return np.zeros(shape, np.result_type(dtype_of(result), dtype_of(value)))
    return _block(rows[start : start + size], result, value)


def _split_columns(parts: list[Any], result: Any, values: Sequence[Any]) -> list[Any]:
    """d result / d value for each value, from tangents of result stacked over all inputs."""
    columns = _joined(parts)
    out: list[Any] = []
    start = 0
    for v in values:
        if v is None:
            out.append(None)
            continue
        stop = start + prod(shape_of(v))
        shape = shape_of(result) + shape_of(v)
        if columns is None:
            out.append(np.zeros(shape, np.result_type(dtype_of(result), dtype_of(v))))
        else:
            out.append(_block(np.moveaxis(columns[start:stop], 0, -1), result, v))
        start = stop
    return out


def jacobian(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    mode: str = "auto",
    chunk: int | None = None,
) -> Callable[..., Any]:
    """The Jacobian of a function, all directions in one pass per chunk.

    Arguments: `f`; `argnums` as for `grad`; `mode`, "forward", "reverse", or "auto", which takes
    forward mode for at most as many inputs as results (containers counted whole); `chunk`, the
    number of directions in one pass (by default what a memory budget of 256 MB allows).
    Returns: a function that gives an array of shape ``result.shape + argument.shape``; for
    containers, a container like the result with containers like the argument as its leaves.
    Complex numbers: for a real argument and a complex result the columns are df/dx; for a complex
    argument and a real result the rows are du/dx - i du/dy in both modes; complex to complex
    raises.

    >>> import numpy as np, dualdiff as dd
    >>> dd.jacobian(lambda x: x[0] * x)(np.array([2.0, 3.0]))
    array([[4., 0.],
           [3., 2.]])
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {MODES}, not {mode!r}")
    return _Jacobian(f, argnums, mode=mode, chunk=chunk)


def plan(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    mode: str = "auto",
    chunk: int | None = None,
    **kwargs: Any,
) -> Plan:
    """What `jacobian` would do for these arguments, and why.

    Arguments: as for `jacobian`, and the arguments of f.
    Returns: a `Plan`, which prints well.

    >>> import numpy as np, dualdiff as dd
    >>> print(dd.plan(np.sum, np.ones(5)))
    Jacobian of 1 results with respect to 5 inputs: reverse mode, 1 directions in one pass.
    Reason: 5 inputs > 1 results, and reverse mode takes one cotangent per result.
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {MODES}, not {mode!r}")
    recording = Recording(Inputs(f, args, kwargs, argnums))
    return _choose(_size(recording.inputs.values), _size(recording.outputs.values), mode, chunk)
