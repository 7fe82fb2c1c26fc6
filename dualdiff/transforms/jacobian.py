"""Jacobians: one pass per chunk of directions, in the cheaper mode, and the plan behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ..array.box import is_box
from ..core.tangents import dense
from ..errors import MissingRuleError
from ..trees import flatten
from .blocks import Blocks, from_columns, from_rows
from .densities import Densities, densities
from .directions import (
    LARGE,
    Liveness,
    Span,
    any_complex,
    identity,
    one_pass,
    refuse_complex_result,
    shown,
    size_of,
    sizes_of,
)
from .holomorphic import require_complex, verify_holomorphic
from .inputs import Argnums, Inputs, Outputs
from .jvp_vjp import pushed
from .plan import LEAST_BUDGET, MODES, SPARSE_MODES, Plan, check_passes, choose, spans
from .real_parts import in_real_parts
from .record import Recording
from .rescue import Derivatives, limit_of
from .transform import Transform

SKEW = 16  # times more inputs than results, or results than inputs, decide the mode alone
KEPT = 16  # sizes of inputs of which something is remembered
if TYPE_CHECKING:  # which loads SciPy
    from ..sparse.prepared import PreparedJacobian

FEW = 64  # directions that go through without a recording, and without asking for their memory


def is_open(inputs: Inputs, n: int, m: int) -> bool:
    """Whether so many inputs and results do not tell alone which mode is cheaper."""
    sizes = n * m >= 2 * LARGE and n <= SKEW * m and m <= SKEW * n
    return sizes and not any(map(is_box, inputs.values))


class Known(NamedTuple):
    """What a call teaches of the next: the number of results, the bytes that a direction takes at
    its peak and for one array on average, those of all its arrays, or 0 before they were measured,
    and how much of the directions of each mode are arrays, or None before the second call."""

    results: int
    peak: int
    mean: int
    total: int
    densities: Densities | None = None

    @classmethod
    def of(cls, n: int, m: int) -> Known:
        """Of so many inputs and results, before anything was measured."""
        size = 8 * max(n, m, 1)
        return cls(m, size, size, 0)


class Jacobian(Transform):
    argnums: Argnums

    def __init__(self, f: Callable[..., Any], argnums: Argnums, **options: Any) -> None:
        super().__init__(f, argnums, **options)
        # What earlier calls have taught, by the sizes of the inputs.
        self.known: dict[tuple[int, ...], Known] = {}
        self.prepared: dict[Any, PreparedJacobian] = {}  # by the form of the arguments

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.options.get("sparse"):
            return self.sparse(args, kwargs)
        return super().__call__(*args, **kwargs)

    def limit(self, inputs: Inputs, found: Derivatives) -> Sequence[Any] | None:
        pulled = Jacobian(self.f, self.argnums, **{**self.options, "mode": "reverse"})
        return limit_of(inputs, lambda near: pulled.evaluate(near).leaves)

    def result(self, inputs: Inputs, found: Derivatives) -> Any:
        jacobian = found.structure.unflatten(found.leaves)
        return (jacobian, found.aux) if self.options.get("has_aux") else jacobian

    def evaluate(self, inputs: Inputs) -> Derivatives:
        tree, outputs, aux = self.blocks(inputs)
        leaves, structure = flatten(tree)
        return Derivatives(leaves, outputs, aux, structure=structure)

    def sparse(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The Jacobian as a sparse matrix; pattern and colours are kept for the next call."""
        from ..sparse.prepared import OtherSizeError

        key = Inputs(self.f, args, kwargs, self.argnums).form()
        if key in self.prepared:
            # The number of results may follow other arguments than those that the key knows.
            with suppress(OtherSizeError):
                return self.prepared[key](*args, **kwargs)
        forget(self.prepared)
        self.prepared[key] = self.prepare(args, kwargs)
        return self.prepared[key](*args, **kwargs)

    def prepare(self, args: Sequence[Any], kwargs: dict[str, Any]) -> PreparedJacobian:
        """Find and colour the pattern for arguments of this form."""
        from ..sparse.prepared import PreparedJacobian

        names = ("mode", "chunk", "budget", "progress", "has_aux")
        options = {"check": True, **{k: self.options[k] for k in names}}
        return PreparedJacobian(self.f, self.argnums, args, kwargs, None, options)

    def plan(self, n: int, known: Known) -> Plan:
        """The plan for so many inputs and what is known of the results."""
        options = self.options
        budget = options["budget"] or (max(LEAST_BUDGET, 2 * known.total) if known.total else None)
        return choose(
            n,
            known.results,
            options["mode"],
            options["chunk"],
            known.peak,
            budget,
            known.mean,
            known.densities,
        )

    def blocks(self, inputs: Inputs) -> tuple[Any, Outputs, Any]:
        """The Jacobian from one run of the function, and what else that returned."""
        key = tuple(sizes_of(inputs.values))
        n = sum(key)
        mode, chunk = self.options["mode"], self.options["chunk"]
        allowed = [MissingRuleError] if mode == "auto" else []  # then the other mode may do
        if self.options.get("holomorphic"):
            require_complex(inputs.values, "argument", "holomorphic=True")
        known = self.known.get(key)
        if known is None and mode != "reverse" and (n <= 1 or (mode == "forward" and n <= FEW)):
            known = Known.of(n, n)
        ask = self._asks(inputs, n, known)
        if known is not None and mode != "reverse" and not ask:
            plan = self.plan(n, known)
            few = n <= FEW and not any_complex(inputs.values)
            if plan.mode == "forward" and plan.passes <= 1 and few:
                with suppress(*allowed):
                    return self._at_once(inputs, n)
        recording = Recording(inputs, self.options.get("has_aux", False))
        m = size_of(recording.outputs.values)
        if known is None or known.results != m:
            known = Known.of(n, m)
        elif ask:
            known = known._replace(densities=densities(recording))
        live, directions = None, {"forward": n, "reverse": m}.get(mode, min(n, m))
        large = directions * 8 * max(n, m, 1) * recording.tape.size > LEAST_BUDGET
        # A pull needs to know only once how much it holds.
        unknown = not known.total or self.plan(n, known).mode == "forward"
        if chunk is None and large and unknown:
            live = Liveness(recording)
            known = Known(m, live.peak, live.mean, live.total, known.densities)
        plan = self.plan(n, known)
        if known is not self.known.get(key):
            forget(self.known)
            self.known[key] = known
        if self.options.get("holomorphic"):
            verify_holomorphic(inputs, recording.push)
        else:
            refuse_complex_result(inputs.values, recording.outputs.values)
        if plan.mode == "forward":
            with suppress(*allowed):
                return (
                    self._columns(inputs, recording, plan, live),
                    recording.outputs,
                    recording.aux,
                )
            plan = choose(n, m, "reverse", chunk, known.peak, self.options["budget"], known.mean)
            return self._rows(inputs, recording, plan), recording.outputs, recording.aux
        with suppress(*allowed):
            return self._rows(inputs, recording, plan), recording.outputs, recording.aux
        plan = choose(n, m, "forward", chunk, known.peak, self.options["budget"], known.mean)
        return self._columns(inputs, recording, plan, live), recording.outputs, recording.aux

    def _asks(self, inputs: Inputs, n: int, known: Known | None) -> bool:
        """Whether to measure the densities: not in a first call, which is over sooner, and not for
        few tangents, which need no recording."""
        mode = self.options["mode"]
        if mode == "reverse" or (mode == "forward" and n <= FEW):
            return False
        if known is None or known.densities is not None:
            return False
        return is_open(inputs, n, known.results)

    def _at_once(self, inputs: Inputs, n: int) -> tuple[Any, Outputs, Any]:
        """All tangents with the function itself, which records nothing."""
        has_aux = self.options.get("has_aux", False)
        seeds = list(map(dense, identity(inputs.values, 0, n)))
        found = pushed(inputs, seeds, (n,), has_aux, identity=True)
        outputs = found.outputs
        known = Known.of(n, size_of(outputs.values))
        self.known.setdefault(tuple(sizes_of(inputs.values)), known)
        tree = outputs.tree(from_columns([found.leaves], inputs, outputs.values))
        return tree, outputs, found.aux

    def _columns(
        self, inputs: Inputs, recording: Recording, plan: Plan, live: Liveness | None
    ) -> Any:
        outputs = recording.outputs

        def push(seeds: Sequence[Any], lead: Any, identity: bool) -> list[Any]:
            if live is None:
                return recording.push(seeds, lead, identity)
            return live.push(recording, seeds, lead, identity)

        holomorphic = self.options.get("holomorphic", False)
        if plan.passes <= 1:
            parts = one_pass(push, inputs.values, (0, plan.directions), holomorphic)
            return outputs.tree(from_columns([parts], inputs, outputs.values))
        blocks = Blocks(outputs.values, inputs.values)
        passes = []
        for span in self.spans(plan):
            parts = one_pass(push, inputs.values, span, holomorphic)
            if any(map(is_box, parts)):
                passes.append(parts)
            else:
                blocks.put_columns(span, parts)
            del parts  # before the next pass
        if not passes:
            return outputs.tree(blocks.finished(inputs))
        return outputs.tree(from_columns(passes, inputs, outputs.values))

    def _rows(self, inputs: Inputs, recording: Recording, plan: Plan) -> Any:
        outputs, results = recording.outputs, recording.outputs.values
        holomorphic = self.options.get("holomorphic", False)
        if plan.passes <= 1:
            parts = one_pass(recording.pull, results, (0, plan.directions), holomorphic)
            return outputs.tree(from_rows([parts], inputs, results))
        blocks = Blocks(results, inputs.values)
        passes = []
        for span in self.spans(plan):
            parts = one_pass(recording.pull, results, span, holomorphic)
            if any(map(is_box, parts)):
                passes.append(parts)
            else:
                blocks.put_rows(span, parts)
            del parts  # before the next pass
        if not passes:
            return outputs.tree(blocks.finished(inputs))
        return outputs.tree(from_rows(passes, inputs, results))

    def spans(self, plan: Plan) -> Iterator[Span]:
        """The directions of each pass."""
        return shown(spans(plan.directions, plan.passes), self.options.get("progress", False))


def forget(known: dict[Any, Any]) -> None:
    """Make room in what is kept by the sizes of the inputs, of which there may be any number."""
    if len(known) >= KEPT:
        known.clear()


def _check_mode(mode: str, sparse: bool) -> None:
    modes = SPARSE_MODES if sparse else MODES
    if mode not in modes:
        raise ValueError(f"mode must be one of {modes}, not {mode!r}")


def jacobian(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    mode: str = "auto",
    chunk: int | None = None,
    *,
    sparse: bool = False,
    budget: int | None = None,
    progress: bool = False,
    has_aux: bool = False,
    holomorphic: bool = False,
    as_real: bool = False,
) -> Callable[..., Any]:
    """The Jacobian of a function, all directions in one pass per chunk.

    Arguments: `f`; `argnums` as for `grad`; `mode`, "forward", "reverse", or "auto", which takes
    the cheaper one by the numbers of inputs and results (containers counted whole) and, where these
    are comparable, by how much of the directions f makes whole arrays of; `chunk`, the
    number of directions in one pass, or `budget`, the bytes that the directions of one pass may
    take (by default twice what the recording holds, at least 64 MB); `sparse`, for a
    `scipy.sparse.csr_array` of shape (size of all results, size of all arguments), whose pattern
    is found in the first call and kept (see `prepare_jacobian`; `mode` may then be "mixed");
    `progress`, for a bar by tqdm; `has_aux`, where f returns ``(result, aux)``.
    Returns: a function that gives an array of shape ``result.shape + argument.shape``; for
    containers, a container like the result with containers like the argument as its leaves; with
    `has_aux`, ``(Jacobian, aux)``.
    Complex numbers: in both modes, for a real argument and a complex result (R->C) the columns are
    df/dx; for a complex argument and a real result (C->R) the rows are du/dx - i du/dy. A complex
    result of a complex argument (C->C) raises unless `holomorphic` says that f is so: then it is
    df/dz, and one more tangent verifies the Cauchy-Riemann equations (HolomorphicError names the
    entry where they fail). `as_real` gives real arrays of shape ``(2, *result.shape, 2,
    *argument.shape)``, [[du/dx, du/dy], [dv/dx, dv/dy]], without the 2 of a side that is real; see
    also `wirtinger`.

    >>> import numpy as np, dualdiff as dd
    >>> dd.jacobian(lambda x: x[0] * x)(np.array([2.0, 3.0]))
    array([[4., 0.],
           [3., 2.]])
    >>> dd.jacobian(lambda x: x**2, sparse=True)(np.ones(1000)).nnz
    1000
    """
    _check_mode(mode, sparse)
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
    mode: str = "auto",
    chunk: int | None = None,
    sparse: bool = False,
    budget: int | None = None,
    **kwargs: Any,
) -> Plan:
    """What `jacobian` would do for these arguments, and why: from the second call on, since how
    much of the directions f makes whole arrays of is not asked for one call.

    Arguments: as for `jacobian`, and the arguments of f, which is run once.
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
    asked = Jacobian(f, argnums, mode=mode, chunk=chunk, budget=budget)
    live = Liveness(recording)
    n, m = size_of(inputs.values), size_of(recording.outputs.values)
    known = Known(m, live.peak, live.mean, live.total)
    if mode == "auto" and is_open(inputs, n, m):
        known = known._replace(densities=densities(recording))
    return asked.plan(n, known)
