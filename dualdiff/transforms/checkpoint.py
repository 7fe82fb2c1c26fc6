"""Constants and memory: `value_of`, `stop_gradient` and `checkpoint`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from ..array.box import is_box
from ..core import trace as traces
from ..core.batch import Shape
from ..core.calls import OpaqueCall, agree, operand, zeros
from ..core.tape import Tape
from ..core.trace import is_stored, to_user, top_trace
from ..core.types import Cotangent, Tangent, Value
from ..errors import CheckpointError, UnsupportedInputError, user_line
from ..trees import flatten, tree_map
from .inputs import Inputs
from .record import Recording, push_forward
from .transform import Transform

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def _constant(x: Value) -> Any:
    # Objects that hold traced values say how they look as a constant.
    as_constant = getattr(type(x), "as_constant", None)
    return traces.value_of(x) if as_constant is None else as_constant(x)


def value_of(x: T) -> T:
    """The plain value of a traced array at every level, to be used as a constant.

    Arguments: `x`, a traced array of any shape, a sparse array with traced values, a container or
    object array of them, or anything else.
    Returns: a plain array (a copy), NumPy scalar or SciPy array, or a container of them; an
    untraced value is returned unchanged.

    >>> import dualdiff as dd
    >>> dd.grad(lambda x: x * dd.value_of(x))(3.0)
    3.0
    """
    return _constant(x) if is_box(x) else tree_map(_constant, x)


def stop_gradient(x: T) -> T:
    """`x` as a constant: its plain values, in the same containers.

    Arguments: `x`, a traced array or a container of them.
    Returns: the same with plain arrays (copies) and scalars.

    >>> import dualdiff as dd
    >>> dd.grad(lambda x: x * dd.stop_gradient(x))(3.0)
    3.0
    """
    return value_of(x)


class _Checkpoint(Transform):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten((args, kwargs))
        operands = [operand(x) for x in leaves]
        trace = top_trace(operands)
        if not isinstance(trace, Tape):
            return self.f(*args, **kwargs)
        return _CheckpointCall(self, structure).apply(trace, operands)


class _CheckpointCall(OpaqueCall):
    def __init__(self, function: _Checkpoint, arguments: Any) -> None:
        super().__init__(getattr(function.f, "__name__", str(function.f)), arguments)
        self.function = function

    def inputs(self, values: Sequence[Value]) -> Inputs:
        """The function as one of its active leaves alone."""

        def of_active(*boxes: Any) -> Any:
            supply = iter(boxes)
            pairs = zip(values, self.active, strict=True)
            leaves = [next(supply) if used else own_constant(v) for v, used in pairs]
            args, kwargs = self.arguments.unflatten(leaves)
            out = self.function.f(*args, **kwargs)
            if any(map(is_stored, boxes)):
                raise UnsupportedInputError(
                    f"{self.name} assigned to one of its arguments, {user_line()}: under "
                    f"dualdiff.checkpoint the caller would not see it. Let it assign to a copy, "
                    f"x.copy(), and return what it has changed."
                )
            return out

        active = [v for v, used in zip(values, self.active, strict=True) if used]
        return Inputs(of_active, active, {}, None)

    def run(self, values: Sequence[Value], nested: Any) -> Any:
        if isinstance(nested, Tape):
            args, kwargs = self.arguments.unflatten([own_constant(v) for v in values])
            return self.function(*args, **kwargs)
        # The tape is dropped at once: a traced value that f stores elsewhere than in its result
        # then raises an error when it is used, and does not count as a constant.
        outputs = Recording(self.inputs(values)).outputs
        return outputs.tree(outputs.values)

    def save(self, ans: Value, values: Any, active: Any, params: Any) -> tuple[Any, ...]:
        return self, tuple(values), self.unpacked(ans)

    def apply_jvp(
        self, saved: tuple[Any, ...], tangents: Sequence[Tangent], batch: Shape
    ) -> Tangent:
        _, values, _ = saved
        chosen = [t for t, used in zip(tangents, self.active, strict=True) if used]
        outputs, _ = push_forward(self.inputs(values), chosen, batch)
        ts = [outputs.payloads[i] for i in self.places]
        pairs = zip(ts, self.specs, strict=True)
        return self.packed([zeros(spec, batch) if t is None else t for t, spec in pairs])

    def apply_vjp(self, saved: tuple[Any, ...], g: Cotangent, batch: Shape) -> Sequence[Any]:
        _, values, answers = saved
        recording = Recording(self.inputs(values))
        again = [recording.outputs.values[i] for i in self.places]
        if not all(map(agree, again, answers)):
            raise CheckpointError(
                f"{self.name} gave another result when it was run again for its derivative, "
                f"{user_line()}. Under dualdiff.checkpoint a function must depend on its arguments "
                f"alone: draw random numbers outside and pass them in, and change no global state."
            )
        seeds: list[Any] = [None] * len(recording.outputs.values)
        for i, c in zip(self.places, self.unpacked(g), strict=True):
            seeds[i] = c
        pulled = iter(recording.pull(seeds, batch))
        return [next(pulled) if used else None for used in self.active]


def own_constant(x: Value) -> Any:
    """An operand for f; large plain arrays are not copied."""
    return x if type(x) is np.ndarray else to_user(x)


def checkpoint(f: F) -> F:
    """`f`, recorded by its arguments alone: the backward pass runs it again.

    It saves memory at the cost of one more evaluation of f. Forward mode runs f unchanged.
    Arguments: `f`, a function of arrays, scalars and containers, by position or by keyword, that
    depends on no other traced values and gives the same result each time.
    Returns: a function with the signature of f and the same derivatives, of any order.
    Raises: ValueError if f uses a traced value that is not an argument; TypeError if it assigns to
    an argument; RuntimeError in the backward pass if the second run differs.

    >>> import numpy as np, dualdiff as dd
    >>> step = dd.checkpoint(lambda x, rate: x - rate * np.sin(x))
    >>> dd.grad(lambda x: step(step(x, 0.5), 0.5))(0.0)
    0.25
    """
    return _Checkpoint(f, None)  # type: ignore[return-value]
