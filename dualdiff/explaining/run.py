"""`explain`: record a function once, watch its reverse pass, and say what both did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..array.box import is_box
from ..errors import UnsupportedInputError, user_line
from ..transforms.directions import size_of
from ..transforms.inputs import Argnums, Inputs, any_nan
from ..transforms.jvp_vjp import vjp
from ..transforms.measure import measure
from ..transforms.plan import choose
from ..transforms.record import Recording
from .explanation import Explanation, LineCost
from .recording import Line, Observed, Operation, fastest, observe

LARGEST = 3  # residuals that are named
OBSERVED, QUICK = 4, 0.1  # runs of a derivative that takes less than so many seconds


def explain(f: Callable[..., Any], *args: Any, argnums: Argnums = 0, **kwargs: Any) -> Explanation:
    """What the derivative of a function does: where its time and its memory go.

    The function runs a few times, and is recorded once with the line of each operation. Watched
    operations take longer than others, so compare the lines among each other; the times of the
    function and of its derivative are measured without watching.
    Arguments: `f`, with any number of results; `args` and `kwargs`, its arguments; `argnums` as for
    `grad`.
    Returns: an `Explanation`, which prints as a table: for each line of the program the operations,
    their number, the time forward and backward and the bytes that they keep; then the largest
    residuals, call-backs, and where NaNs arose. ``.plot()`` draws bars by line, ``.graph()`` the
    recorded graph folded by line; notebooks show the table.
    Raises: as `grad` does, for arguments without derivative and functions without rule.

    >>> import numpy as np, dualdiff as dd
    >>> def loss(x):
    ...     y = np.sin(x) * x
    ...     return np.sum(y)
    >>> found = dd.explain(loss, np.ones(1000))
    >>> found.count, found.plan.mode
    (3, 'reverse')
    >>> [line.operations for line in sorted(found.lines, key=lambda line: line.line[1])]
    ['sin, multiply', 'sum']
    """
    inputs = Inputs(f, args, kwargs, argnums)
    if any(map(is_box, inputs.values)):
        raise UnsupportedInputError(
            f"explain takes plain arguments, {user_line()}; call it outside of other derivatives"
        )
    function = fastest(lambda: f(*args, **kwargs))
    outputs = Recording(inputs.on_copies()).outputs
    cotangent = outputs.tree([None if v is None else np.ones_like(v) for v in outputs.values])

    def derive() -> Any:
        _, pullback = vjp(f, *args, argnums=argnums, **kwargs)
        return pullback(cotangent)

    derivative = fastest(derive)
    runs = (observe(inputs.on_copies()) for _ in range(OBSERVED if derivative < QUICK else 1))
    watched = min(runs, key=lambda run: run.seconds)
    n, m = size_of(inputs.values), size_of(outputs.values)
    plan = choose(n, m, "auto", None, None, measure(watched.recording, "auto"))
    operations = watched.operations
    residuals = sorted((o for o in operations if o.dtype), key=lambda o: -o.bytes)[:LARGEST]
    return Explanation(
        name=getattr(f, "__name__", type(f).__name__),
        lines=_by_line(operations),
        residuals=residuals,
        call_backs=[o for o in operations if o.calls_back],
        notes=_notes(watched, derive),
        plan=plan,
        function=function,
        derivative=derivative,
        observed=watched,
    )


def _by_line(operations: list[Operation]) -> list[LineCost]:
    """The costs of each line, the slowest first."""
    found: dict[Line, LineCost] = {}
    for o in operations:
        line = found.setdefault(o.line, LineCost(o.line))
        line.names[o.name] += 1
        line.forward += o.forward
        line.backward += o.backward
        line.bytes += o.bytes
    return sorted(found.values(), key=lambda line: -(line.forward + line.backward))


def _notes(watched: Observed, derive: Callable[[], Any]) -> list[str]:
    """Where NaNs arose, and how an operator resolves them."""
    notes = []
    broken = [o for o in watched.operations if o.broke]
    if broken:
        places = dict.fromkeys(f"{o.name} at {LineCost(o.line).place}" for o in broken)
        notes.append(f"A cotangent became infinite or NaN in the pullback of {', '.join(places)}.")
    if any_nan(watched.gradient):
        leaves = [leaf for leaf in derive() if leaf is not None]
        left = any_nan(map(np.asarray, leaves)) if _are_arrays(leaves) else True
        way = "a limit of nearby points" if watched.degenerate else "masks of structural zeros"
        notes.append(
            "The plain pass gave a NaN, and so did the pass that tells zeros from NaNs."
            if left
            else f"The plain pass gave a NaN; a second pass, with {way}, resolved it."
        )
    return notes


def _are_arrays(leaves: list[Any]) -> bool:
    return all(isinstance(leaf, (np.ndarray, np.generic, float, complex)) for leaf in leaves)
