"""Sparse Jacobians and Hessians: prepared once, evaluated with few directions, verified."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array

from ..core import trace as levels
from ..core.batch import dtype_of
from ..errors import MissingRuleError, OtherSizeError, UnsupportedInputError, user_line
from ..transforms.beside import limit_beside
from ..transforms.directions import any_complex, joined, size_of, sizes_of, split
from ..transforms.functions import without_aux
from ..transforms.grad import Grad
from ..transforms.inputs import Argnums, Inputs, Outputs, any_nan, own_keywords
from ..transforms.plan import SPARSE_MODES, SparseMode, check_passes
from ..transforms.record import Recording, agree, push_forward, warn_unless_near
from ..transforms.rescue import Derivatives, rescue
from .choose import PatternError, compress, given_pattern, saves_nothing
from .compression import canonical, seeds
from .evaluate import Passes, one_pass
from .pattern import draw
from .recorded import is_derived, is_recorded, recorded
from .sparsity import hessian_pattern, pattern_of
from .verify import Probe, probe_of, rounding_of


class Evaluation(NamedTuple):
    """A sparse derivative at one point, with the other results of the call."""

    outputs: Outputs
    matrix: csr_array
    probe: Probe | None
    aux: Any


class Prepared:
    """A sparse derivative, ready to be evaluated at many points; made by `prepare_jacobian`.

    `pattern` is its boolean CSR array; `mode` is "forward", "reverse" or "mixed"; `colors` has the
    colour of each column or of each row, or for "mixed" a pair of both (-1 for none); `plan` has
    the directions of an evaluation and the reason for them; `note` is a remark on the pattern, or
    "".
    """

    symmetric = False

    def __init__(
        self,
        inputs: Inputs,
        argnums: Argnums,
        pattern: Any,
        options: dict[str, Any],
    ) -> None:
        options.setdefault("verify", "probe")
        if options["verify"] not in ("probe", "exact"):
            raise ValueError(f"verify must be 'probe' or 'exact', not {options['verify']!r}")
        if options["mode"] not in SPARSE_MODES:
            raise ValueError(f"mode must be one of {SPARSE_MODES}, not {options['mode']!r}")
        check_passes(options["chunk"], options["budget"])
        self.f, self.argnums, self.options = inputs.f, argnums, options
        self._may_turn = options["mode"] == "auto"  # in the other mode
        self._sizes = sizes_of(inputs.values)
        self._check_inputs(inputs)
        self.given, self.local = pattern is not None, False
        self._usual: ndarray | None = None  # errors of lines with a complete pattern
        self._why: list[str] = []
        self._searched: Sequence[Any] | None = None  # results of the search for the pattern
        given = given_pattern(pattern, sum(self._sizes), self.symmetric) if self.given else None
        self._adopt(self._detected(inputs) if given is None else given)

    def __repr__(self) -> str:
        m, n = self.pattern.shape
        note = f"; {self.note}" if self.note else ""
        return (
            f"<sparse derivative of shape ({m}, {n}) with {self.pattern.nnz} nonzeros, {self.mode} "
            f"mode with {self.plan.directions} directions{note}>"
        )

    def plot(self, ax: Any = None) -> Any:
        """The pattern in the colours of its compression, by matplotlib; returns the axes."""
        found = self._compression
        columns, rows = (None if c is None else c.colors for c in (found.columns, found.rows))
        return draw(self.pattern, columns, rows, self.plan.directions, ax)

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>{self.plan._repr_html_()}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.at(Inputs(self.f, args, kwargs, self.argnums))

    def at(self, inputs: Inputs, first: bool = False) -> Any:
        """The derivative for arguments taken apart already, and the auxiliary part with `has_aux`.
        The `first` call warns of other results than in the search for the pattern."""
        searched, found = self._searched, self._evaluate(inputs)
        if first and searched is not None:
            warn_unless_near(found.outputs.values, searched, "after the search for the pattern")
        return (found.matrix, found.aux) if self.options["has_aux"] else found.matrix

    def _with_results(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The results of the function, the derivative, and the auxiliary part with `has_aux`."""
        found = self._evaluate(Inputs(self.f, args, kwargs, self.argnums))
        pair = found.outputs.released(), found.matrix
        return (*pair, found.aux) if self.options["has_aux"] else pair

    def _detected(self, inputs: Inputs) -> csr_array:
        alone = inputs.of(self._result_alone())
        found = hessian_pattern(alone, self.argnums) if self.symmetric else pattern_of(alone)
        self.local |= found.local
        self._why, self._searched = list(found.dense_because), found.values
        if all(v is None for v in found.values):
            raise UnsupportedInputError(
                f"the derivative is empty: the function returned no values, {user_line()}; return "
                f"the array that is to be differentiated"
            )
        return canonical(found.pattern)

    def _adopt(self, pattern: csr_array) -> None:
        """Colour a pattern and choose the directions."""
        m, n = pattern.shape
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
        self._probe = probe_of(n, None if columns is None else columns.colors)
        self._co_probe = probe_of(m, None if rows is None else rows.colors)
        self._passes = Passes(self._compression, self.plan, options)
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
            remarks.append(f"the pattern is almost dense{because}: sparsity saves no directions")
        if self.local:
            remarks.append("f looked at values, so the pattern may hold only near these arguments")
        return "; ".join(remarks)

    def _function(self) -> Callable[..., Any]:
        """The function whose Jacobian this is."""
        return self.f

    def _result_alone(self) -> Callable[..., Any]:
        """The user's function without an auxiliary part."""
        return without_aux(self.f) if self.options["has_aux"] else self.f

    def _evaluate(self, inputs: Inputs) -> Evaluation:
        """The results and the derivative at one point, where other threads may find entries too."""
        own = object.__new__(type(self))
        own.__dict__.update(self.__dict__)
        if any(map(is_recorded, inputs.values)):
            return recorded(own, inputs.of(self._function()))
        try:
            return own._found(inputs)
        finally:
            if own._compression is not self._compression or own._usual is not self._usual:
                self.__dict__.update(own.__dict__)

    def _found(self, inputs: Inputs) -> Evaluation:
        inputs = inputs.of(self._function())
        self._check_inputs(inputs)
        if self.options["verify"] == "exact" and not self.given:
            self._extend(inputs)
        found = self._compressed(inputs)
        wrong = self._wrong_lines(found)
        if not wrong.size and not self.given:
            found = self._sharpened(inputs, found)
        elif wrong.size and not self.given:
            # Another branch, or other constants: the known entries stay in the pattern.
            first = found.outputs
            self._extend(inputs)
            found = self._compressed(inputs)
            if not agree(found.outputs.values, first.values):
                raise PatternError(
                    f"the function gave other results when it ran again, {user_line()}: its "
                    f"pattern here is not known, and it changes its arguments or depends on more "
                    f"than them; prepare it with `pattern`, which needs no second run"
                )
            # The pattern is of this very point: remaining differences may be rounding.
            rounding = self._rounding(inputs, found.outputs)
            wrong = self._wrong_lines(found, rounding)
        if wrong.size:
            assert found.probe is not None
            raise self._pattern_error(found.probe.lines, wrong)
        return found

    def _extend(self, inputs: Inputs) -> bool:
        """Search for the pattern here; whether there are entries that the known one lacks."""
        self._check_rows((found := self._detected(inputs)).shape[0])
        pattern = canonical(self.pattern + found)
        if pattern.nnz == self.pattern.nnz:
            return False
        self._adopt(pattern)
        self._usual = None
        return True

    def _sharpened(self, inputs: Inputs, found: Evaluation) -> Evaluation:
        """The derivative after a search for entries that the probe hardly shows.

        A small entry that the pattern lacks looks like rounding. The pattern is searched anew where
        a line disagrees by more than rounding; without new entries, the line may have that error.
        """
        if found.probe is None or not self.local:
            return found
        doubtful, error = found.probe.doubtful_lines(found.matrix, self._usual)
        if not doubtful.size:
            return found
        if self._extend(inputs):
            again = self._compressed(inputs)
            if not agree(again.outputs.values, found.outputs.values):
                return found
            found = again
            if found.probe is None:
                return found
            doubtful, error = found.probe.doubtful_lines(found.matrix, None)
        usual = np.zeros(error.shape) if self._usual is None else self._usual.copy()
        usual[doubtful] = np.maximum(usual[doubtful], 16 * error[doubtful])
        self._usual = usual
        return found

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
        if is_derived(inputs.values):
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

    def _check_rows(self, m: int) -> None:
        rows = self.pattern.shape[0]
        if m != rows:
            what = "pattern that was given" if self.given else "sparse derivative"
            raise OtherSizeError(
                f"the function returned {m} values, but the {what} has {rows} rows, {user_line()}; "
                f"where the size of a result depends on the values there is no one matrix"
            )

    def _check_outputs(self, outputs: Outputs) -> None:
        _refuse_half_precision(outputs.values)
        self._check_rows(size_of(outputs.values))
        if is_derived(outputs.values):
            own = "a sparse derivative cannot be differentiated itself"
            raise UnsupportedInputError(f"{own}, {user_line()}")
        if self._compression.rows is not None and any_complex(outputs.values):
            raise UnsupportedInputError(
                f"the sparse Jacobian of a complex result is computed by columns, {user_line()}; "
                f"pass mode='forward'"
            )

    def _compressed(self, inputs: Inputs) -> Evaluation:
        """The results, the derivative, and its product with the probe, or None."""
        try:
            return self._rescued(inputs)
        except MissingRuleError:
            if not self._may_turn:
                raise
            was = self.options
            for mode in [m for m in ("forward", "reverse") if m != self.mode]:
                self.options = {**was, "mode": mode}
                self._adopt(self.pattern)
                with suppress(MissingRuleError):
                    return self._rescued(inputs)
            self.options = was
            self._adopt(self.pattern)
            raise  # of the first choice of mode

    def _rescued(self, inputs: Inputs) -> Evaluation:
        """The derivative, without the NaNs that stand for a zero."""

        def run(inputs: Inputs = inputs) -> Derivatives:
            found = self._in_mode(inputs)
            probe = [] if found.probe is None else [found.probe.image]
            return Derivatives([found.matrix.data, *probe], found.outputs, aux=found)

        met = levels.doubts()
        found = run()
        if any_nan(found.leaves) or levels.doubts() != met:
            near = partial(limit_beside, inputs, lambda near: run(near).leaves)
            found = rescue(found, met, None, run, lambda _: None, near)
        evaluation: Evaluation = found.aux
        evaluation.matrix.data = found.leaves[0]
        if evaluation.probe is not None:
            evaluation = evaluation._replace(probe=evaluation.probe._replace(image=found.leaves[1]))
        return evaluation

    def _in_mode(self, inputs: Inputs) -> Evaluation:
        checked, has_aux = self.options["check"], self.options["has_aux"]
        if self._seeds is not None:
            batch = (len(self._seeds),)
            tangents = split(self._seeds, inputs.values)
            outputs, aux = push_forward(inputs, tangents, batch, has_aux, identity=True)
            self._check_outputs(outputs)
            pushed = joined(outputs.payloads, outputs.values, *batch)
            matrix = self._compression.matrix(pushed, None)
            probe = Probe(self._probe[0], pushed[-1]) if checked else None
            return Evaluation(outputs, matrix, probe, aux)
        recording = Recording(inputs, has_aux)
        outputs = recording.outputs
        if self.options["mode"] == "auto" and any_complex(outputs.values):
            self.options = {**self.options, "mode": "forward"}  # rows would be d - i d_i
            self._adopt(self.pattern)
        self._check_outputs(outputs)
        columns, rows = self._compression.columns, self._compression.rows
        passes, mode = self._passes, self.mode
        matrix = self._compression.of_entries(
            None if columns is None else passes.nonzeros(recording, columns, mode != "reverse"),
            None if rows is None else passes.nonzeros(recording, rows, forward=False),
        )
        probe = self._probed(recording) if checked else None
        return Evaluation(outputs, matrix, probe, recording.aux)

    def _probed(self, recording: Recording) -> Probe:
        """A tangent, which checks each row, or a cotangent if f can only be pulled."""
        ends = recording.inputs.values, recording.outputs.values
        try:
            return Probe(self._probe[0], one_pass(recording.push, self._probe, *ends)[0])
        except MissingRuleError:
            if self.mode != "reverse":
                raise
        pulled = one_pass(recording.pull, self._co_probe, *ends[::-1])
        return Probe(self._co_probe[0], pulled[0], pulled=True)

    def _wrong_lines(self, found: Evaluation, rounding: ndarray | float = 0.0) -> ndarray:
        """The rows (or columns) in which the matrix and the function disagree for the probe."""
        if found.probe is None:
            return np.zeros(0, np.intp)
        return found.probe.wrong_lines(found.matrix, rounding)

    def _rounding(self, inputs: Inputs, outputs: Outputs) -> ndarray:
        """The size of derivatives that are only rounding."""
        return rounding_of(joined(outputs.values, outputs.values, 1)[0], inputs)


def _refuse_half_precision(values: Sequence[Any]) -> None:
    if any(v is not None and dtype_of(v) == np.float16 for v in values):
        raise UnsupportedInputError(
            f"SciPy's sparse arrays hold no float16, {user_line()}; pass float32 values, or use "
            f"sparse=False"
        )


class PreparedJacobian(Prepared):
    """The sparse Jacobian of a function; see `prepare_jacobian`."""

    def value_and_jacobian(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The results of the function, in their own form, and its sparse Jacobian."""
        return self._with_results(args, kwargs)


class PreparedHessian(Prepared):
    """The sparse Hessian of a function; see `prepare_hessian`."""

    symmetric = True

    def _function(self) -> Callable[..., Any]:
        return Grad(self.f, self.argnums, has_aux=self.options["has_aux"], with_value=False)

    def _rounding(self, inputs: Inputs, outputs: Outputs) -> ndarray:
        of_gradient = super()._rounding(inputs, outputs)
        alone = inputs.of(self._result_alone()).on_copies()
        value = np.asarray(alone.call(alone.values))
        return of_gradient + rounding_of(value, inputs, order=2)

    def gradient_and_hessian(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The gradient, in the form of the arguments, and the sparse Hessian."""
        return self._with_results(args, kwargs)


def prepare_jacobian(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    pattern: Any = None,
    mode: SparseMode = "auto",
    check: bool = True,
    verify: Literal["probe", "exact"] = "probe",
    chunk: int | None = None,
    budget: int | None = None,
    progress: bool = False,
    has_aux: bool = False,
    **kwargs: Any,
) -> PreparedJacobian:
    """Find the pattern of a Jacobian and colour it, so that it can be evaluated at many points.

    Each evaluation is verified: one more directional derivative must agree with the matrix. If it
    does not, a pattern that dualdiff found is found again (it was local to a branch); for a pattern
    from the user, the error names a row that lacks an entry (a column if f can only be pulled, as
    with `extend.custom_vjp`).
    Arguments: `f`; `args` and `kwargs`, its arguments, with the sizes of later calls; `argnums` as
    for `jacobian`; `pattern`, a sparse array whose stored nonzeros include the Jacobian's, which
    replaces the search; `mode`, "forward" (colours of columns), "reverse" (of rows), "mixed"
    (both), or "auto", the cheapest that f has rules for; `check=False` omits the verification;
    `verify="exact"` searches for the pattern at every point instead of trusting the direction;
    `chunk`, `budget`, `progress` and `has_aux` as for `jacobian`.
    Returns: an object that is called like f and gives a `scipy.sparse.csr_array` of shape (size of
    all results, size of all differentiated arguments), with the leaves of containers in their
    order; see `Prepared` for its attributes.
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
    kwargs, has_aux = own_keywords(f, kwargs, has_aux)
    options = {
        "mode": mode, "check": check, "chunk": chunk, "budget": budget, "progress": progress,
        "has_aux": has_aux, "verify": verify,
    }  # fmt: skip
    return PreparedJacobian(Inputs(f, args, kwargs, argnums), argnums, pattern, options)


def prepare_hessian(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    pattern: Any = None,
    check: bool = True,
    verify: Literal["probe", "exact"] = "probe",
    chunk: int | None = None,
    budget: int | None = None,
    progress: bool = False,
    has_aux: bool = False,
    **kwargs: Any,
) -> PreparedHessian:
    """Find the pattern of a Hessian and colour it, so that it can be evaluated at many points.

    The colours are a star colouring, which uses the symmetry. The directions are pushed through the
    gradient, or pulled through it if f has no forward rules. Arguments, verification and errors as
    for `prepare_jacobian`; f must have a scalar result.
    Returns: an object that is called like f and gives a symmetric `scipy.sparse.csr_array`.

    >>> import numpy as np, dualdiff as dd
    >>> H = dd.prepare_hessian(lambda x: np.sum(x[1:] * x[:-1] ** 2), np.ones(1000))
    >>> H.plan.directions
    3
    >>> H(np.arange(1000.0))[[1]].toarray()[0, :4]
    array([0., 4., 2., 0.])
    """
    kwargs, has_aux = own_keywords(f, kwargs, has_aux)
    options = {
        "mode": "auto", "check": check, "chunk": chunk, "budget": budget, "progress": progress,
        "has_aux": has_aux, "verify": verify,
    }  # fmt: skip
    return PreparedHessian(Inputs(f, args, kwargs, argnums), argnums, pattern, options)
