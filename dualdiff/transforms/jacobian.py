"""Jacobians: one pass per chunk of directions, in the cheaper mode, and the plan behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec

from ..array.box import is_box
from ..array.guards import Guards
from ..array.kinds import PLAIN, has_foreign
from ..core import trace as levels
from ..core.tangents import dense
from ..errors import MissingRuleError
from ..trees import LEAF, LEAF_TYPES, flatten
from . import independence
from .beside import limit_beside
from .blocks import Blocks, from_columns, from_rows
from .directions import (
    Span,
    any_complex,
    identity,
    one_pass,
    refuse_complex_result,
    shown,
    size_of,
    sizes_of,
)
from .foreign import foreign_blocks
from .holomorphic import require_complex, verify_holomorphic
from .inputs import Argnums, Inputs, Outputs, any_nan
from .jvp_vjp import pushed
from .measure import measure
from .plan import (
    LEAST_BUDGET,
    MODES,
    SPARSE_MODES,
    Costs,
    Plan,
    SparseMode,
    check_passes,
    choose,
    comparable,
    spans,
)
from .real_parts import in_real_parts
from .record import Recording, guarded
from .rescue import Derivatives, limit_of
from .transform import Transform

if TYPE_CHECKING:  # it loads SciPy
    from ..sparse.prepared import PreparedJacobian

KEPT = 16  # sizes of inputs with remembered statistics
FEW = 64  # directions that need neither a recording nor a memory check


P = ParamSpec("P")


class Known(NamedTuple):
    """Statistics remembered between calls: the number of results, and the costs of the modes once
    they are measured."""

    results: int
    costs: Costs | None = None


class Jacobian(Transform):
    argnums: Argnums

    def __init__(self, f: Callable[..., Any], argnums: Argnums, **options: Any) -> None:
        super().__init__(f, argnums, **options)
        # Statistics of earlier calls, by the sizes of the inputs.
        self.known: dict[tuple[int, ...], Known] = {}
        self.prepared: dict[Any, PreparedJacobian] = {}  # by the form of the arguments

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        inputs = Inputs(self.f, args, kwargs, self.argnums)
        if self.options.get("sparse"):
            return self.sparse(inputs)
        return self.result(inputs, self.derivatives(inputs))

    def limit(self, inputs: Inputs, found: Derivatives) -> Sequence[Any] | None:
        pulled = Jacobian(self.f, self.argnums, **{**self.options, "mode": "reverse"})
        return limit_of(inputs, lambda near: pulled.evaluate(near).leaves)

    def near(self, inputs: Inputs) -> Sequence[Any] | None:
        # Tangents of ``x - x`` are exactly 0; cotangents only cancel.
        pushed = Jacobian(self.f, self.argnums, **{**self.options, "mode": "forward"})
        with suppress(MissingRuleError):
            met = levels.doubts()
            found = pushed.evaluate(inputs.at(inputs.values))
            if not (any_nan(found.leaves) or levels.doubts() != met):
                return found.leaves
            return limit_beside(inputs, lambda near: pushed.evaluate(near).leaves)
        return super().near(inputs)

    def result(self, inputs: Inputs, found: Derivatives) -> Any:
        if not found.outputs.reached:
            found.outputs.require_numbers("jacobian")
            independence.warn(inputs, range(len(inputs.values)))
        whole = found.structure is LEAF
        jacobian = found.leaves[0] if whole else found.structure.unflatten(found.leaves)
        return (jacobian, found.aux) if self.options.get("has_aux") else jacobian

    def evaluate(self, inputs: Inputs) -> Derivatives:
        tree, outputs, aux, recording = guarded(inputs, self.blocks)
        leaves, structure = ([tree], LEAF) if type(tree) in LEAF_TYPES else flatten(tree)
        return Derivatives(leaves, outputs, aux, recording, structure)

    def derive(self, recording: Recording) -> Sequence[Any]:
        """The leaves of the Jacobian of a recording that `evaluate` has made."""
        key = tuple(sizes_of(recording.inputs.values))
        return flatten(self.of_recording(recording, sum(key), self.known[key]))[0]

    def sparse(self, inputs: Inputs) -> Any:
        """The Jacobian as a sparse matrix; pattern and colours are kept for the next call."""
        from ..sparse.prepared import OtherSizeError

        key = inputs.form()
        if key in self.prepared:
            # The number of results may depend on arguments that are not in the key.
            with suppress(OtherSizeError):
                return self.prepared[key].at(inputs)
        forget(self.prepared)
        self.prepared[key] = self.prepare(inputs)
        return self.prepared[key].at(inputs, first=True)

    def prepare(self, inputs: Inputs) -> PreparedJacobian:
        """Find and colour the pattern for arguments of this form."""
        from ..sparse.prepared import PreparedJacobian

        names = ("mode", "chunk", "budget", "progress", "has_aux")
        options = {"check": True, **{k: self.options[k] for k in names}}
        return PreparedJacobian(inputs, self.argnums, None, options)

    def plan(self, n: int, known: Known, mode: str | None = None) -> Plan:
        """The plan for n inputs and the statistics of earlier calls."""
        chunk, budget = self.options["chunk"], self.options["budget"]
        mode = mode or self.options["mode"]
        return choose(n, known.results, mode, chunk, budget, known.costs)

    def blocks(self, inputs: Inputs, guards: Guards) -> tuple[Any, Outputs, Any, Recording | None]:
        """The Jacobian from one run of the function, its results, the auxiliary part, and the
        recording if there is one."""
        mode, holomorphic = self.options["mode"], self.options.get("holomorphic")
        key = tuple(sizes_of(inputs.values))
        n = sum(key)
        if holomorphic:
            require_complex(inputs.values, "argument", "holomorphic=True")
        known = self.known.get(key)
        if not is_any_foreign(inputs.values) and self.needs_no_recording(inputs, n, known):
            with suppress(*self.allowed):
                return *self.with_function(inputs, n), None
        recording = Recording(inputs, self.options.get("has_aux", False), guards, lasting=True)
        if is_any_foreign((*inputs.values, *recording.outputs.values)):
            tree = foreign_blocks(recording, mode)
            return tree, recording.outputs, recording.aux, None
        known = self.learned(recording, n, known)
        if key not in self.known:
            forget(self.known)
        self.known[key] = known
        if holomorphic:
            verify_holomorphic(inputs, recording.push)
        else:
            refuse_complex_result(inputs.values, recording.outputs.values)
        tree = self.of_recording(recording, n, known)
        return tree, recording.outputs, recording.aux, recording

    @property
    def allowed(self) -> list[type[Exception]]:
        """Errors after which the other mode may have a rule."""
        return [MissingRuleError] if self.options["mode"] == "auto" else []

    def of_recording(self, recording: Recording, n: int, known: Known) -> Any:
        """The Jacobian of a recorded function of n inputs, in the mode that has rules."""
        plan = self.plan(n, known)
        with suppress(*self.allowed):
            return self.passes(recording, plan)
        plan = self.plan(n, known, "reverse" if plan.mode == "forward" else "forward")
        return self.passes(recording, plan)

    def is_open(self, inputs: Inputs, n: int, known: Known) -> bool:
        """Whether to measure the costs, which decide the mode. Not in a first call, which is faster
        without it, and not inside another derivative, which would record the measurement."""
        is_choice = self.options["mode"] == "auto" and comparable(n, known.results)
        return is_choice and known.costs is None and not any(map(is_box, inputs.values))

    def learned(self, recording: Recording, n: int, known: Known | None) -> Known:
        """The statistics after the function has run, with the costs if they matter."""
        m, mode = size_of(recording.outputs.values), self.options["mode"]
        if known is None or known.results != m:
            known = Known(m)
        elif self.is_open(recording.inputs, n, known):
            return Known(m, measure(recording, mode))
        directions = {"forward": n, "reverse": m}.get(mode, min(n, m))
        is_large = directions * 8 * max(n, m, 1) * recording.tape.size > LEAST_BUDGET
        if is_large and known.costs is None and self.options["chunk"] is None:
            return Known(m, measure(recording, mode))
        return known

    def needs_no_recording(self, inputs: Inputs, n: int, known: Known | None) -> bool:
        """Whether the function itself should run with all tangents at once. This is faster for few
        tangents; large ones stay diagonal only in a recording."""
        mode = self.options["mode"]
        if mode == "reverse" or n > FEW or any_complex(inputs.values):
            return False
        if known is None:
            known = Known(n)
            if mode == "auto" and n > 1:
                return False
        elif self.is_open(inputs, n, known):
            return False
        plan = self.plan(n, known)
        return plan.mode == "forward" and plan.passes <= 1

    def with_function(self, inputs: Inputs, n: int) -> tuple[Any, Outputs, Any]:
        """All tangents from one run of the function, without a recording."""
        seeds = list(map(dense, identity(inputs.values, 0, n)))
        found = pushed(inputs, seeds, (n,), self.options.get("has_aux", False), identity=True)
        outputs = found.outputs
        self.known.setdefault(tuple(sizes_of(inputs.values)), Known(size_of(outputs.values)))
        tree = outputs.tree(from_columns([found.leaves], inputs, outputs.values))
        return tree, outputs, found.aux

    def passes(self, recording: Recording, plan: Plan) -> Any:
        """The Jacobian by as many passes as planned."""
        inputs, outputs = recording.inputs, recording.outputs
        forward = plan.mode == "forward"
        apply, values = (
            (recording.push, inputs.values) if forward else (recording.pull, outputs.values)
        )
        blocks = Blocks(outputs.values, inputs.values)
        put, join = (blocks.put_columns, from_columns) if forward else (blocks.put_rows, from_rows)
        kept = []
        passes: Iterable[Span] = [(0, plan.directions)]
        if plan.passes > 1:
            progress = self.options.get("progress", False)
            passes = shown(spans(plan.directions, plan.passes), progress)
        for span in passes:
            parts = one_pass(apply, values, span, self.options.get("holomorphic", False))
            if plan.passes <= 1 or any(map(is_box, parts)):
                kept.append(parts)
            else:
                put(span, parts)
            del parts  # before the next pass
        found = join(kept, inputs, outputs.values) if kept else blocks.finished(inputs)
        return outputs.tree(found)


def is_any_foreign(values: Sequence[Any]) -> bool:
    """Whether an array of another library than NumPy is among some values or behind their boxes."""
    return not PLAIN.issuperset(map(type, values)) and any(map(has_foreign, values))


def forget(known: dict[Any, Any]) -> None:
    """Drop the oldest statistics, since inputs may have any number of sizes."""
    if len(known) >= KEPT:
        known.clear()


def _check_mode(mode: str, sparse: bool) -> None:
    modes = SPARSE_MODES if sparse else MODES
    if mode not in modes:
        raise ValueError(f"mode must be one of {modes}, not {mode!r}")


def jacobian(
    f: Callable[P, Any],
    argnums: Argnums = 0,
    mode: SparseMode = "auto",
    chunk: int | None = None,
    *,
    sparse: bool = False,
    budget: int | None = None,
    progress: bool = False,
    has_aux: bool = False,
    holomorphic: bool = False,
    as_real: bool = False,
) -> Callable[P, Any]:
    """The Jacobian of a function, all directions in one pass per chunk.

    Arguments: `f`; `argnums` as for `grad`; `mode`, "forward", "reverse", or "auto", which takes
    the cheaper mode: by the numbers of all inputs and results and, if these are comparable, by the
    share of the directions that f turns into whole arrays; `chunk`, the number of directions in one
    pass, or `budget`, the bytes that the directions of one pass may take (by default twice the size
    of the recording, at least 64 MB); `sparse`, for a `scipy.sparse.csr_array` of shape (size of
    all results, size of all arguments), whose pattern the first call finds and keeps (see
    `prepare_jacobian`; `mode` may then be "mixed"); `progress`, for a bar by tqdm; `has_aux`, if f
    returns ``(result, aux)``.
    Returns: a function that gives an array of shape ``result.shape + argument.shape``; for
    containers, a container like the result with containers like the argument as its leaves; with
    `has_aux`, ``(Jacobian, aux)``.
    Complex numbers: in both modes, for a real argument and a complex result (R->C) the columns are
    df/dx; for a complex argument and a real result (C->R) the rows are du/dx - i du/dy. A complex
    result of a complex argument (C->C) raises an error unless `holomorphic` says that f is
    holomorphic: then it is df/dz, and one more tangent verifies the Cauchy-Riemann equations
    (HolomorphicError names the entry where they fail). `as_real` gives real arrays of shape ``(2,
    *result.shape, 2, *argument.shape)``, [[du/dx, du/dy], [dv/dx, dv/dy]], without the 2 of a real
    side; see also `wirtinger`.

    >>> import numpy as np, dualdiff as dd
    >>> dd.jacobian(lambda x: x[0] * x)(np.array([2.0, 3.0]))
    array([[4., 0.],
           [3., 2.]])
    >>> dd.jacobian(lambda x: x**2, sparse=True)(np.ones(1000)).nnz
    1000
    """
    _check_mode(mode, sparse)
    if (chunk, budget) != (None, None):
        check_passes(chunk, budget)
    options: dict[str, Any] = {
        "mode": mode,
        "chunk": chunk,
        "sparse": sparse,
        "budget": budget,
        "progress": progress,
    }
    if sum((sparse, holomorphic, as_real)) > 1:
        raise ValueError("sparse, holomorphic and as_real exclude each other; choose one")
    if as_real:
        return in_real_parts(f, argnums, jacobian, has_aux=has_aux, **options)
    return Jacobian(f, argnums, holomorphic=holomorphic, has_aux=has_aux, **options)


def plan(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    mode: SparseMode = "auto",
    chunk: int | None = None,
    sparse: bool = False,
    budget: int | None = None,
    **kwargs: Any,
) -> Plan:
    """The way in which `jacobian` would compute, and the reasons, from its second call on: the
    first call does not measure the share of whole arrays.

    Arguments: as for `jacobian`, and the arguments of f, which runs once.
    Returns: a `Plan`, which prints well.

    >>> import numpy as np, dualdiff as dd
    >>> plan = dd.plan(np.sum, np.ones(5))
    >>> plan.mode, plan.directions, plan.reason
    ('reverse', 1, '5 inputs > 1 results, and reverse mode takes one cotangent per result')
    """
    _check_mode(mode, sparse)
    check_passes(chunk, budget)
    if sparse:
        options: Any = {"mode": mode, "chunk": chunk, "budget": budget}
        from ..sparse.prepared import prepare_jacobian

        return prepare_jacobian(f, *args, argnums=argnums, **options, **kwargs).plan
    inputs = Inputs(f, args, kwargs, argnums)
    recording = Recording(inputs)
    n, m = size_of(inputs.values), size_of(recording.outputs.values)
    costs = None if any(map(is_box, inputs.values)) else measure(recording, mode)
    return choose(n, m, mode, chunk, budget, costs)
