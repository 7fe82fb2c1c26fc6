"""Passes of directions: their seeds, their memory, and the push that lets go of what is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import is_box, plain
from ..core.batch import dtype_of, is_inexact, quiet, shape_of
from ..core.primitive import PULLS, PUSHES, TAKERS, accumulate
from ..core.tangents import Diagonal
from ..core.trace import resolve
from ..errors import DualdiffError, MissingRuleError, UnsupportedInputError, user_line
from .identity import push_diagonals
from .inputs import release
from .linearize import Recording
from .masks import run_pass

Span = tuple[int, int]
LARGE = 4096  # elements of directions that are worth being kept as a diagonal
AT_ONCE = 2  # so many times more where the function runs with them: each operation takes longer


class MissingPackageError(DualdiffError, ImportError):
    """An optional package that was asked for is not installed."""


def sizes_of(values: Sequence[Any]) -> list[int]:
    """The number of elements of each leaf."""
    return [0 if v is None else prod(shape_of(v)) for v in values]


def size_of(values: Sequence[Any]) -> int:
    """The number of elements of all leaves."""
    return sum(sizes_of(values))


def any_complex(values: Sequence[Any]) -> bool:
    """Whether a leaf is complex."""
    return any(v is not None and dtype_of(v).kind == "c" for v in values)


def _diagonal_of(array: ndarray, first: int, size: int) -> ndarray:
    """Where row ``first + k`` of a contiguous array meets its flat element k of `size`."""
    rows = len(array)
    start, stop = max(0, -first), min(size, rows - first)
    flat = array.reshape(-1)[(first + start) * size + start :: size + 1]
    return flat[: max(0, stop - start)]


def identity(values: Sequence[Any], start: int, stop: int, times: int = 1) -> list[Any]:
    """Rows `start` to `stop` of the identity over all leaves, split into one array per leaf.

    Ones of at least `times` LARGE elements are left as a `Diagonal`.
    """
    seeds: list[Any] = []
    offset, rows = 0, stop - start
    for v in values:
        if v is None:
            seeds.append(None)
            continue
        shape, dtype = shape_of(v), dtype_of(v)
        size = prod(shape)
        if rows * size >= times * LARGE and shape:
            seeds.append(Diagonal(np.ones(shape, dtype), offset - start, rows))
        else:
            seed = np.zeros((rows, *shape), dtype)
            _diagonal_of(seed, offset - start, size)[...] = 1
            seeds.append(seed)
        offset += size
    return seeds


def split(matrix: ndarray, values: Sequence[Any]) -> list[Any]:
    """Directions over all leaves, one per row, as one array per leaf with a lead axis."""
    seeds: list[Any] = []
    start = 0
    for v, size in zip(values, sizes_of(values), strict=True):
        if v is None:
            seeds.append(None)
            continue
        part = matrix[:, start : start + size].astype(dtype_of(v), copy=False)
        seeds.append(part.reshape((len(matrix), *shape_of(v))))
        start += size
    return seeds


def joined(parts: Sequence[Any], values: Sequence[Any], count: int) -> ndarray:
    """What `split` takes apart, put together: zero where a part is None."""
    flat = [
        np.zeros((count, size), dtype_of(v) if is_inexact(v) else float)
        if p is None
        else np.reshape(p, (count, size))
        for p, v, size in zip(parts, values, sizes_of(values), strict=True)
        if v is not None
    ]
    return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)


def own(x: Any) -> Any:
    """An array or box that shares no memory with anything else."""
    if is_box(x):
        return release(resolve(x))
    return x if x.base is None and x.flags.owndata else np.array(x)


def one_pass(
    apply: Callable[..., list[Any]], values: Sequence[Any], span: Span, holomorphic: bool = False
) -> list[Any]:
    """Push or pull rows of the identity; for complex leaves also i times them, as ``d - i d_i``.

    That is du/dx - i du/dy of a complex argument, and du/dx + i dv/dx of a complex result. Where
    the function is `holomorphic`, the identity alone says all.
    """
    lead = (span[1] - span[0],)
    seeds = identity(values, *span)
    parts = apply(seeds, lead, identity=True)
    if holomorphic or not any_complex(values):
        return parts
    turned = [1j * s if s is not None and s.dtype.kind == "c" else None for s in seeds]
    others = apply(turned, lead, identity=True)
    return [
        p if o is None else (0 if p is None else p) - 1j * o
        for p, o in zip(parts, others, strict=True)
    ]


def refuse_complex_result(inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """The two modes agree on a complex-to-complex matrix only for holomorphic functions."""
    if any_complex(inputs) and any_complex(outputs):
        raise UnsupportedInputError(
            f"the Jacobian of a complex result with respect to a complex argument is one matrix "
            f"only where the function is holomorphic, {user_line()}. Say holomorphic=True if it is "
            f"(which is verified); else take the pair df/dz, df/dz* from dualdiff.wirtinger, or "
            f"the real blocks with as_real=True."
        )


def shown(spans: Iterable[Span], progress: bool) -> Iterator[Span]:
    """The spans, with a bar on the screen that counts directions where there are several."""
    spans = list(spans)
    if not progress or len(spans) < 2:
        yield from spans
        return
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise MissingPackageError(
            "progress=True shows a bar by tqdm, which is not installed; run `pip install tqdm` "
            "(or install dualdiff[progress]), or leave progress=False"
        ) from error
    with tqdm(total=spans[-1][1], desc="derivative", unit="directions") as bar:
        for span in spans:
            yield span
            bar.update(span[1] - span[0])


class _Meter(list[Any]):
    """Tangents by slot, which takes down their sizes and which entry reads them last."""

    def __init__(self, size: int) -> None:
        super().__init__([None] * size)
        self.entry = -1
        self.born: dict[Any, tuple[int, int]] = {}
        self.read: dict[Any, int] = {}

    def __getitem__(self, slot: Any) -> Any:
        self.read[slot] = self.entry
        return super().__getitem__(slot)

    def __setitem__(self, slot: Any, t: Any) -> None:
        parts = t if isinstance(t, (tuple, list)) else (t,)
        size = sum(getattr(plain(p), "nbytes", 8) for p in parts if p is not None)
        self.born[slot] = self.entry, size
        super().__setitem__(slot, t)


class _Alive(list[Any]):
    """Cotangents by slot, which takes down how many bytes are held, and were made."""

    def __init__(self, size: int) -> None:
        super().__init__([None] * size)
        self.held = self.peak = self.total = self.largest = self.made = 0

    def __setitem__(self, slot: Any, c: Any) -> None:
        size, old = _bytes_of(c), _bytes_of(self[slot])
        self.held += size - old
        self.peak, self.largest = max(self.peak, self.held), max(self.largest, size)
        if size and not old:
            self.total, self.made = self.total + size, self.made + 1
        super().__setitem__(slot, c)


def _bytes_of(c: Any) -> int:
    if isinstance(c, (tuple, list)):
        return sum(map(_bytes_of, c))
    return 0 if c is None else int(getattr(plain(getattr(c, "array", c)), "nbytes", 8))


def _ones(v: Any) -> Any:
    """One direction of a leaf."""
    return None if v is None else np.ones((1, *shape_of(v)), dtype_of(v))


def pull_through(recording: Recording, ct: list[Any], seed: Callable[[Any], Any]) -> None:
    """Pull the seeds of all results at once, by cotangents that take down what is done to them."""
    outputs = recording.outputs
    for slot, v in zip(outputs.payloads, outputs.values, strict=True):
        if slot and (g := seed(v)) is not None:
            accumulate(ct, slot, g)
    with quiet():
        for entry in reversed(recording.tape.entries):
            g = ct[entry[1]]
            if g is not None:
                if type(g) in TAKERS and entry[0] not in TAKERS[type(g)]:
                    g = ct[entry[1]] = g.release()
                ct[entry[1]] = None
                PULLS[entry[0]](g, ct, entry, (1,))


class Liveness:
    """How long each tangent of a recording is needed, by pushing one direction through it.

    `peak` are the bytes of the tangents that are alive together, per direction, which are also
    those of the cotangents of a pull; `total` those of all tangents together, `mean` those of one.
    A recording that has no rules for tangents is pulled instead.
    """

    def __init__(self, recording: Recording) -> None:
        try:
            self._push_one(recording)
        except MissingRuleError:
            with suppress(MissingRuleError):
                return self._pull_one(recording)
            raise

    def _pull_one(self, recording: Recording) -> None:
        tape = recording.tape
        ct = _Alive(tape.size)
        pull_through(recording, ct, _ones)
        self.peak, self.total = ct.peak + 2 * ct.largest, ct.total
        self.mean = ct.total // ct.made if ct.made else 8
        self.dead: list[list[int]] = [[] for _ in tape.entries]

    def _push_one(self, recording: Recording) -> None:
        tape = recording.tape
        meter = _Meter(tape.size)
        for slot, t in recording.seeds(list(map(_ones, recording.inputs.values))):
            meter[slot] = t
        with quiet():
            for k, entry in enumerate(tape.entries):
                meter.entry = k
                PUSHES[entry[0]](meter, entry, (1,))
        kept = {p for p in recording.outputs.payloads if p}
        changes = np.zeros(len(tape.entries) + 2)
        self.dead = [[] for _ in tape.entries]
        for slot, (born, size) in meter.born.items():
            changes[born + 1] += size
            last = int(meter.read.get(slot, born))
            if slot not in kept and last >= 0:
                self.dead[last].append(slot)
                changes[last + 2] -= size
        self.total = sum(size for _, size in meter.born.values())
        # An operation may hold two intermediate results of its own.
        largest = max((size for _, size in meter.born.values()), default=0)
        self.peak = int(np.cumsum(changes).max()) + 2 * largest
        self.mean = self.total // len(meter.born) if meter.born else 8

    def push(
        self,
        recording: Recording,
        tangents: Sequence[Any],
        lead: tuple[int],
        identity: bool = False,
    ) -> list[Any]:
        """As `Recording.push`, letting go of every tangent that is not needed any more."""
        outputs = [p or 0 for p in recording.outputs.payloads]

        def apply(seeds: Any, lead: Any) -> list[Any]:
            return push_diagonals(recording.tape, seeds, outputs, lead, self.dead)

        return run_pass(apply, recording.seeds(tangents), lead, identity)
