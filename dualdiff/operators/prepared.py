"""Sparse Jacobians and Hessians: prepared once, evaluated with few directions, verified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array, issparse

from ..core.boxes import is_box
from ..core.errors import MissingRuleError, UnsupportedInputError, user_line
from ..core.shapes import dtype_of
from ..sparsity.compression import Picking, canonical, seeds
from ._calls import Argnums, Inputs, Outputs
from .compressing import PatternError, compress, saves_nothing
from .directions import any_complex, joined, shown, size_of, sizes_of, split
from .first_order import _Grad, push_forward
from .linearize import Recording
from .passes import one_pass, within_budget
from .plans import LEAST_BUDGET, SPARSE_MODES, check_passes, spans
from .sparsity import detect, detect_hessian
from .verifying import Probe, rounding_of

KEPT = 2**26  # bytes of seeds that a prepared object keeps
_OTHER = {"forward": "reverse", "reverse": "forward", "mixed": "reverse"}


class Prepared:
    """A sparse derivative, ready to be evaluated at many points; made by `prepare_jacobian`.

    `pattern` is its boolean CSR array; `mode` "forward", "reverse" or "mixed"; `colors` the colour
    of each column or of each row, or for "mixed" a pair of both (-1: takes no part); `plan` the
    directions of an evaluation and why they were chosen; `note` what is to be said of the pattern,
    or "".
    """

    symmetric = False

    def __init__(
        self,
        f: Callable[..., Any],
        argnums: Argnums,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        pattern: Any,
        options: dict[str, Any],
    ) -> None:
        if options["mode"] not in SPARSE_MODES:
            raise ValueError(f"mode must be one of {SPARSE_MODES}, not {options['mode']!r}")
        check_passes(options["chunk"], options["budget"])
        self.f, self.argnums, self.options = f, argnums, options
        inputs = Inputs(f, args, kwargs, argnums)
        self._sizes = sizes_of(inputs.values)
        self._check_inputs(inputs)
        if not sum(self._sizes):
            raise UnsupportedInputError(
                f"there is nothing to differentiate: the arguments have no elements, {user_line()}"
            )
        self.given = pattern is not None
        self.local = False
        self._why: list[str] = []
        self._adopt(self._checked(pattern) if self.given else self._detected(args, kwargs))

    def __repr__(self) -> str:
        m, n = self.pattern.shape
        note = f"; {self.note}" if self.note else ""
        return (
            f"<sparse derivative of shape ({m}, {n}) with {self.pattern.nnz} nonzeros, {self.mode} "
            f"mode with {self.plan.directions} directions{note}>"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> csr_array:
        return self._evaluate(args, kwargs)[1]

    def _detected(self, args: Sequence[Any], kwargs: dict[str, Any]) -> csr_array:
        found = (detect_hessian if self.symmetric else detect)(self.f, args, self.argnums, kwargs)
        self.local |= found.local
        self._why = list(found.dense_because)
        return canonical(found.pattern)

    def _checked(self, pattern: Any) -> csr_array:
        """A pattern that the user gave."""
        if not issparse(pattern):
            pattern = np.asarray(pattern)
        if pattern.ndim != 2 or not (issparse(pattern) or pattern.dtype.kind in "biuf"):
            raise PatternError(
                f"a pattern is a matrix of numbers or truth values, sparse or dense, not an array "
                f"of shape {pattern.shape} and dtype {pattern.dtype}, {user_line()}"
            )
        out = canonical(pattern)
        n = sum(self._sizes)
        if out.shape[1] != n or (self.symmetric and out.shape[0] != n):
            raise PatternError(
                f"the pattern has the shape {out.shape}, but there are {n} inputs, {user_line()}; "
                f"it needs a row for each element of the results and a column for each element of "
                f"the differentiated arguments"
            )
        return canonical(out + out.T) if self.symmetric else out

    def _adopt(self, pattern: csr_array) -> None:
        """Colour a pattern and decide on the directions."""
        m, n = pattern.shape
        if not m:
            raise UnsupportedInputError(
                f"the derivative is empty: the function returned no values, {user_line()}; return "
                f"the array that is to be differentiated"
            )
        options = self.options
        self.pattern = pattern
        self._compression, self.plan = compress(
            pattern, options["mode"], self.symmetric, options["chunk"], options["budget"]
        )
        self.mode = self.plan.mode
        columns, rows = self._compression.columns, self._compression.rows
        labels = [c.colors for c in (rows, columns) if c is not None]
        self.colors: Any = labels[0] if len(labels) == 1 else tuple(labels)
        self.note = self._remarks()
        rng = np.random.default_rng(0)
        self._probe, self._co_probe = 0.5 + rng.random((1, n)), 0.5 + rng.random((1, m))
        self._kept: dict[tuple[bool, int], ndarray] = {}
        self._seeds: ndarray | None = None
        if self.mode == "forward" and self.plan.passes <= 1:
            assert columns is not None
            parts = [seeds(columns, 0, columns.count)] + [self._probe] * options["check"]
            self._seeds = np.concatenate(parts)
            self._seeds.flags.writeable = False

    def _remarks(self) -> str:
        remarks = []
        if saves_nothing(self.plan):
            because = f" because of {', '.join(dict.fromkeys(self._why))}" if self._why else ""
            remarks.append(f"the pattern is as good as dense{because}: no directions are saved")
        if self.local:
            remarks.append("f looked at values of its arguments, so the pattern may be local")
        return "; ".join(remarks)

    def _function(self) -> Callable[..., Any]:
        """The function whose Jacobian this is."""
        return self.f

    def _evaluate(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Outputs, csr_array]:
        """The results and the derivative at one point."""
        inputs = Inputs(self._function(), args, kwargs, self.argnums)
        self._check_inputs(inputs)
        outputs, matrix, probe = self._compressed(inputs)
        wrong = self._wrong_lines(matrix, probe)
        if wrong.size and not self.given:
            # Another branch, or other constants: what was known of the pattern stays in it.
            found = self._detected(args, kwargs)
            self._adopt(canonical(self.pattern + found))
            outputs, matrix, probe = self._compressed(inputs)
            # The pattern is that of this very point: what still differs may be rounding.
            wrong = self._wrong_lines(matrix, probe, self._rounding(inputs, outputs, args, kwargs))
        if wrong.size:
            assert probe is not None
            raise self._pattern_error(probe.lines, wrong)
        return outputs, matrix

    def _pattern_error(self, lines: str, wrong: ndarray) -> PatternError:
        which = f"{lines} {wrong[0]}" + (
            f" (and {wrong.size - 1} others)" if wrong[1:].size else ""
        )
        if self.given:
            return PatternError(
                f"the pattern that was given lacks an entry in {which}: a directional derivative "
                f"of the function does not agree with the sparse matrix there, {user_line()}; add "
                f"the entry, or leave out `pattern` to have it detected"
            )
        return PatternError(
            f"a directional derivative does not agree with the sparse matrix in {which}, "
            f"{user_line()}. Either the function does not give the same result each time it is "
            f"called, or its rounding errors are large (check=False leaves the comparison out), "
            f"or a rule claims a structure that it does not have"
        )

    def _check_inputs(self, inputs: Inputs) -> None:
        if any(map(is_box, inputs.values)):
            raise UnsupportedInputError(
                f"a sparse derivative cannot be differentiated itself, {user_line()}; use "
                f"sparse=False there"
            )
        if any_complex(inputs.values):
            raise UnsupportedInputError(
                f"sparse derivatives are for real arguments, not complex ones, {user_line()}; "
                f"differentiate with respect to real and imaginary parts"
            )
        _refuse_half_precision(inputs.values)
        sizes = sizes_of(inputs.values)
        if sizes != self._sizes:
            raise UnsupportedInputError(
                f"prepared for arguments of {self._sizes} elements, but called with {sizes}, "
                f"{user_line()}; prepare again for other sizes"
            )

    def _check_outputs(self, outputs: Outputs) -> None:
        _refuse_half_precision(outputs.values)
        m, prepared = size_of(outputs.values), self.pattern.shape[0]
        if m != prepared and self.given:
            raise UnsupportedInputError(
                f"the function returned {m} values, but the pattern that was given has {prepared} "
                f"rows, {user_line()}; it needs one row for each element of the results"
            )
        if m != prepared:
            raise UnsupportedInputError(
                f"the function returned {m} values, but the sparse derivative has {prepared} rows, "
                f"{user_line()}; where the size of a result depends on the values of the arguments "
                f"there is no one matrix"
            )
        if any(map(is_box, outputs.values)):
            raise UnsupportedInputError(
                f"a sparse derivative cannot be differentiated itself, {user_line()}"
            )
        if self._compression.rows is not None and any_complex(outputs.values):
            raise UnsupportedInputError(
                f"the sparse Jacobian of a complex result is computed by columns, {user_line()}; "
                f"pass mode='forward'"
            )

    def _compressed(self, inputs: Inputs) -> tuple[Outputs, csr_array, Probe | None]:
        """The results, the derivative, and its product with the probe, or None."""
        try:
            return self._in_mode(inputs)
        except MissingRuleError:
            if self.options["mode"] != "auto":
                raise
            was, self.options = self.options, {**self.options, "mode": _OTHER[self.mode]}
            self._adopt(self.pattern)
            try:
                return self._in_mode(inputs)
            except MissingRuleError:
                self.options = was
                self._adopt(self.pattern)
            raise  # of the mode that was chosen first

    def _in_mode(self, inputs: Inputs) -> tuple[Outputs, csr_array, Probe | None]:
        checked = self.options["check"]
        if self._seeds is not None:
            lead = (len(self._seeds),)
            tangents = split(self._seeds, inputs.values)
            outputs, _ = push_forward(inputs, tangents, lead, identity=True)
            self._check_outputs(outputs)
            pushed = joined(outputs.payloads, outputs.values, *lead)
            matrix = self._compression.matrix(pushed, None)
            return outputs, matrix, Probe(self._probe[0], pushed[-1]) if checked else None
        recording = Recording(inputs)
        outputs = recording.outputs
        if self.options["mode"] == "auto" and any_complex(outputs.values):
            self.options = {**self.options, "mode": "forward"}  # rows would be d - i d_i
            self._adopt(self.pattern)
        self._check_outputs(outputs)
        columns, rows = self._compression.columns, self._compression.rows
        matrix = self._compression.of_entries(
            None if columns is None else self._passes(recording, columns, self.mode != "reverse"),
            None if rows is None else self._passes(recording, rows, forward=False),
        )
        return outputs, matrix, self._probed(recording) if checked else None

    def _probed(self, recording: Recording) -> Probe:
        """A tangent, which tells the rows apart, or a cotangent where f can only be pulled."""
        ends = recording.inputs.values, recording.outputs.values
        try:
            return Probe(self._probe[0], one_pass(recording.push, self._probe, *ends)[0])
        except MissingRuleError:
            if self.mode != "reverse":
                raise
        pulled = one_pass(recording.pull, self._co_probe, *ends[::-1])
        return Probe(self._co_probe[0], pulled[0], pulled=True)

    def _passes(self, recording: Recording, colors: Any, forward: bool) -> ndarray:
        """The nonzeros that tangents, or cotangents, give, in passes."""
        ends = (recording.inputs.values, recording.outputs.values)
        sources, targets = ends if forward else ends[::-1]
        apply, chunk = within_budget(recording, forward, self.plan.chunk, self.options)
        passes = -(-colors.count // chunk)
        places, width = self._compression.places_of(not forward), size_of(targets)
        budget = self.options["budget"] or LEAST_BUDGET
        together = 8 * colors.count * width <= budget
        picking = None if together else Picking(places, width)
        parts: list[ndarray] = []
        for start, stop in shown(spans(colors.count, passes), self.options["progress"]):
            chosen = self._kept.get((forward, start))
            if chosen is None:
                chosen = seeds(colors, start, stop)
                if sum(s.nbytes for s in self._kept.values()) + chosen.nbytes <= min(KEPT, budget):
                    self._kept[forward, start] = chosen
            part = one_pass(apply, chosen, sources, targets)
            if picking is None:
                parts.append(part)
            else:
                picking.add(part, start)
        if picking is not None and picking.values is not None:
            return picking.values
        return (parts[0] if len(parts) == 1 else np.concatenate(parts)).reshape(-1).take(places)

    def _wrong_lines(
        self, matrix: csr_array, probe: Probe | None, rounding: ndarray | float = 0.0
    ) -> ndarray:
        """Where the matrix does not map the probe's direction as the function does."""
        return np.zeros(0, np.intp) if probe is None else probe.wrong_lines(matrix, rounding)

    def _rounding(
        self, inputs: Inputs, outputs: Outputs, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> ndarray:
        """The derivatives that rounding may leave where the function has none."""
        return rounding_of(joined(outputs.values, outputs.values, 1)[0], inputs)


def _refuse_half_precision(values: Sequence[Any]) -> None:
    if any(v is not None and dtype_of(v) == np.float16 for v in values):
        raise UnsupportedInputError(
            f"SciPy's sparse arrays hold no float16, {user_line()}; pass float32 values, or use "
            f"sparse=False"
        )


class PreparedJacobian(Prepared):
    """The sparse Jacobian of a function; see `prepare_jacobian`."""

    def value_and_jacobian(self, *args: Any, **kwargs: Any) -> tuple[Any, csr_array]:
        """The results of the function, as it gives them, and its sparse Jacobian."""
        outputs, matrix = self._evaluate(args, kwargs)
        return outputs.released(), matrix


class PreparedHessian(Prepared):
    """The sparse Hessian of a function; see `prepare_hessian`."""

    symmetric = True

    def _function(self) -> Callable[..., Any]:
        return _Grad(self.f, self.argnums, has_aux=False, with_value=False)

    def _rounding(
        self, inputs: Inputs, outputs: Outputs, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> ndarray:
        of_gradient = super()._rounding(inputs, outputs, args, kwargs)
        return of_gradient + rounding_of(np.asarray(self.f(*args, **kwargs)), inputs, order=2)

    def gradient_and_hessian(self, *args: Any, **kwargs: Any) -> tuple[Any, csr_array]:
        """The gradient, in the form of the arguments, and the sparse Hessian."""
        outputs, matrix = self._evaluate(args, kwargs)
        return outputs.released(), matrix


def prepare_jacobian(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    pattern: Any = None,
    mode: str = "auto",
    check: bool = True,
    chunk: int | None = None,
    budget: int | None = None,
    progress: bool = False,
    **kwargs: Any,
) -> PreparedJacobian:
    """Find the pattern of a Jacobian and colour it, so that it can be evaluated at many points.

    Each evaluation is verified: one more directional derivative must agree with the matrix. Where
    it does not, the pattern is detected again (it was local to a branch), or, if it was given, the
    error names a row that lacks an entry (a column where f can only be pulled, as with
    `extend.custom_vjp`).
    Arguments: `f`; `args` and `kwargs`, its arguments, of the sizes that will be used; `argnums` as
    for `jacobian`; `pattern`, a sparse array whose stored nonzeros are those of the Jacobian, to be
    used instead of a detected one; `mode`, "forward" (colours of columns), "reverse" (of rows),
    "mixed" (both), or "auto", the cheapest that f has rules for; `check=False` leaves the
    verification out; `chunk`, `budget` and `progress` as for `jacobian`.
    Returns: an object that is called like f and gives a `scipy.sparse.csr_array` of shape (size of
    all results, size of all differentiated arguments), containers counted whole in the order of
    their leaves; see `Prepared` for its attributes.
    Raises: when called, ValueError for a pattern that lacks entries, ArithmeticError for a NaN or
    infinity in the matrix (not with check=False), TypeError for arguments or results of other
    sizes, for complex arguments, and for a function without results.

    >>> import numpy as np, dualdiff as dd
    >>> J = dd.prepare_jacobian(lambda x: x[1:] * x[:-1] ** 2, np.ones(1000))
    >>> J.mode, J.plan.directions
    ('forward', 2)
    >>> J(np.arange(1000.0))[[1]].toarray()[0, :4]
    array([0., 4., 1., 0.])
    """
    options = {
        "mode": mode, "check": check, "chunk": chunk, "budget": budget, "progress": progress,
    }  # fmt: skip
    return PreparedJacobian(f, argnums, args, kwargs, pattern, options)


def prepare_hessian(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    pattern: Any = None,
    check: bool = True,
    chunk: int | None = None,
    budget: int | None = None,
    progress: bool = False,
    **kwargs: Any,
) -> PreparedHessian:
    """Find the pattern of a Hessian and colour it, so that it can be evaluated at many points.

    The colours are those of a star colouring, which uses the symmetry; the directions are pushed
    over the gradient, or pulled through it where f has no forward rules. Arguments, verification
    and errors as for `prepare_jacobian`; f must have a scalar result.
    Returns: an object that is called like f and gives a symmetric `scipy.sparse.csr_array`.

    >>> import numpy as np, dualdiff as dd
    >>> H = dd.prepare_hessian(lambda x: np.sum(x[1:] * x[:-1] ** 2), np.ones(1000))
    >>> H.plan.directions
    3
    >>> H(np.arange(1000.0))[[1]].toarray()[0, :4]
    array([0., 4., 2., 0.])
    """
    options = {
        "mode": "auto", "check": check, "chunk": chunk, "budget": budget, "progress": progress,
    }  # fmt: skip
    return PreparedHessian(f, argnums, args, kwargs, pattern, options)
