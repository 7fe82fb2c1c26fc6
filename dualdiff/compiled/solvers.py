"""SciPy's solvers in a recording: each is one node, which calls SciPy at every replay.

A function that the program gives to a solver may read recorded values from anywhere. It is recorded
on values that stand for its arguments. The recorded values that it reads from outside become
operands of the node, so nothing has to search its closures.
"""

from __future__ import annotations

import copy
import functools
import inspect
import types
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import is_box
from ..core.trace import STORED
from ..rules.scipy import arguments
from ..transforms.transform import Transform
from .comparisons import equal_arrays, is_empty
from .errors import Looked, Unrecordable
from .graph import Graph, Span
from .nodes import Hole, Solve, filled, with_holes
from .recorder import SOLVED, Recorder
from .signature import described, has_surprise, is_dynamic, is_object
from .source import Miss, SourceProgram, compile_source
from .values import KINDS, Recorded

COURSES = 8  # most recordings of one function
_NUMBERS = (np.generic, float, complex, int)
Change = Callable[[Any], Any]


class _Missed(Exception):
    """A function is called in a way for which it has no recording."""


class _Hidden:
    """Stands for an object in a solver's result that is neither a number nor a text."""

    def __init__(self, kind: type, solver: str) -> None:
        self.kind, self.solver = kind.__name__, solver

    def __eq__(self, other: object) -> bool:
        return type(other) is _Hidden and other.kind == self.kind

    def __hash__(self) -> int:
        return hash(self.kind)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Unrecordable(f"scipy's {self.solver} gives a recorded program no {self.kind}")


def _walk(x: Any, change: Change) -> Any:
    """Containers of SciPy's arguments and results with other leaves."""
    if isinstance(x, dict):
        new = copy.copy(x)
        for key, value in x.items():
            dict.__setitem__(new, key, _walk(value, change))
        return new
    if isinstance(x, (tuple, list)):
        parts = [_walk(part, change) for part in x]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    return change(x)


class _Course:
    """One recorded run of a function for arguments of one signature."""

    def __init__(self, key: Any, span: Span, out: Any) -> None:
        self.key, self.outer = key, span.outer
        self.graph: Graph | None = Graph(span, span.inputs, out)
        self.graph.constants = self.graph.constants.copy()  # the recorder is rolled back
        self.structure, self.samples = self.graph.structure, self.graph.samples
        self.places: list[int] = []  # of what it reads among the operands of the node
        self.program: SourceProgram

    def repeats(self, other: _Course) -> bool:
        """Whether two runs do the same."""
        if self.graph is None or other.graph is None:  # one is from a file
            return False
        same_call = self.key == other.key and self.outer == other.outer
        return same_call and self.graph.repeats(other.graph)

    def prepare(self) -> None:
        """Write its code, on NumPy's functions: the steps of SciPy depend on the last bits."""
        assert self.graph is not None
        self.program = compile_source(self.graph)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"graph": None, "samples": None}


class _Function:
    """A function of the program that a solver calls; it has a recording for each course."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.courses: list[_Course] = []
        self.signature: inspect.Signature | None = None
        with suppress(TypeError, ValueError):
            self.signature = inspect.signature(function)

    def repeats(self, other: _Function) -> bool:
        """Whether two recordings of it do the same."""
        pairs = zip(self.courses, other.courses, strict=False)
        same_count = len(self.courses) == len(other.courses)
        return same_count and all(a.repeats(b) for a, b in pairs)

    def sampler(self, function: Callable[..., Any], recorder: Recorder) -> Callable[..., Any]:
        """The function for SciPy while the program is recorded."""

        def sampled(*args: Any) -> Any:
            if any(map(is_object, args)):
                raise Unrecordable("a solver calls a function with objects")
            nodes, constants = len(recorder.operations), len(recorder.constants)
            given = [recorder.input(x) if is_dynamic(x) else x for x in args]
            out = function(*given)
            if any(is_box(x) and x.owner is STORED for x in given):
                raise Unrecordable("a function changes the point at which a solver calls it")
            own = [x.payload for x in given if type(x) in KINDS]
            course = _Course(tuple(map(described, args)), Span(recorder, nodes, own, out), out)
            recorder.bury(nodes, constants)
            if not any(course.repeats(other) for other in self.courses):
                self.courses.append(course)
            if len(self.courses) > COURSES:
                raise Unrecordable("a function that a solver calls takes another course each time")
            return course.structure.unflatten(map(_copied, course.samples))

        return self.like(sampled)

    def bound(self, outer: Sequence[Any], missed: list[_Missed]) -> Callable[..., Any]:
        """The function for SciPy at a replay, with the values that it reads from outside."""
        known = [(c, [outer[i] for i in c.places]) for c in self.courses]

        def replayed(*args: Any) -> Any:
            key = tuple(map(described, args))
            for course, values in known:
                if course.key == key:
                    found = course.program(*values, *filter(is_dynamic, args))
                    if type(found) is Miss:
                        continue
                    if any(map(has_surprise, found)):
                        raise ArithmeticError("a NaN or an infinity in a solver's steps")
                    return course.structure.unflatten(map(_copied, found))
            missed.append(_Missed())
            raise missed[0]

        return self.like(replayed)

    def like(self, call: Any) -> Any:
        """A function with the signature of this one, for which SciPy asks."""
        if self.signature is not None:
            call.__signature__ = self.signature
        return call


def _copied(x: Any) -> Any:
    return x.copy(order="K") if type(x) is ndarray else x


def _state_of(roots: Sequence[Any]) -> list[Any]:
    """What functions may change: variables, elements of containers, attributes, copies of arrays.

    They may hold recorded values, so the search for all captured state does not do.
    """
    found: list[Any] = []
    seen: set[int] = set()
    todo = list(roots)
    while todo:
        x = todo.pop()
        if id(x) in seen or is_box(x) or type(x) in KINDS:
            continue
        seen.add(id(x))
        if isinstance(x, types.FunctionType):
            parts = [c.cell_contents for c in x.__closure__ or () if not is_empty(c)]
            parts += [*(x.__defaults__ or ()), *vars(x).values()]
        elif isinstance(x, types.MethodType):
            parts = [x.__self__, x.__func__]
        elif isinstance(x, functools.partial):
            parts = [x.func, *x.args, *x.keywords.values()]
        elif isinstance(x, (list, tuple, set, frozenset)):
            parts = list(x)
        elif isinstance(x, dict):
            parts = [*x, *x.values()]
        elif isinstance(x, Transform):  # what it remembers of earlier calls changes no result
            parts = [x.f]
        elif type(x) is ndarray:
            parts = [x.copy(order="K")]
            seen.add(id(parts[0]))
        elif hasattr(x, "__dict__") and not isinstance(x, (type, types.ModuleType)):
            parts = list(vars(x).values())
        else:
            continue
        found += [x, *parts]
        todo += parts
    return found


def _is_same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) is ndarray and equal_arrays(a, b))


class _Solver:
    """A solver of SciPy's with the form of its result."""

    def __init__(self, solver: Any, functions: list[_Function], form: Any, count: int) -> None:
        self.solver, self.functions, self.form, self.count = solver, functions, form, count

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Solver) or self.solver is not other.solver:
            return False
        same = self.form == other.form and len(self.functions) == len(other.functions)
        return same and all(map(_Function.repeats, self.functions, other.functions))

    def __hash__(self) -> int:
        return hash(self.solver)

    def __repr__(self) -> str:
        return str(getattr(self.solver, "__name__", self.solver))

    def __call__(self, args: Any, kwargs: Any, outer: Sequence[Any]) -> tuple[Any, ...]:
        """The numbers in its result; Nones if the recording does not hold."""
        missed: list[_Missed] = []

        def bind(x: Any) -> Any:
            return x.bound(outer, missed) if type(x) is _Function else _copied(x)

        numbers: list[Any] = []
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                found = arguments.by_scipy(self.solver, *_walk(args, bind), **_walk(kwargs, bind))
        except Exception:  # a miss ends the solver, at times by an error of SciPy's in its place
            if not missed:
                raise
        if not missed and caught:
            raise RuntimeWarning("the solver warns")  # the eager call does it properly
        if missed or _emptied(found, numbers, repr(self)) != self.form:
            return (None,) * self.count
        return tuple(numbers)


def _emptied(found: Any, numbers: list[Any], solver: str) -> Any:
    """A solver's result with places for its numbers, which are appended to `numbers`."""

    def change(x: Any) -> Any:
        if isinstance(x, _NUMBERS) or (type(x) is ndarray and not x.dtype.hasobject):
            numbers.append(x)
            return Hole(len(numbers) - 1)
        return x if isinstance(x, (str, type(None))) else _Hidden(type(x), solver)

    return _walk(found, change)


def solved(recorder: Recorder, solver: Any, args: Any, kwargs: Any) -> Any:
    """SciPy's result as one node, in plain values; None if it reads nothing that is recorded.

    Raises: Unrecordable where the function of the program looks at numbers, or where objects hold
    recorded numbers.
    """
    functions: list[_Function] = []
    live: dict[int, Any] = {}

    def take(x: Any) -> Any:
        if not callable(x) or isinstance(x, type) or type(x) in KINDS:
            if type(x) not in KINDS and arguments.is_recorded(x):
                raise Unrecordable(f"a {type(x).__name__} holds recorded numbers")
            return x
        functions.append(_Function(x))
        live[id(functions[-1])] = x
        return functions[-1]

    leaves: list[Any] = []
    template = with_holes((_walk(args, take), _walk(kwargs, take)), leaves)

    def sample(x: Any) -> Any:
        return x.sampler(live[id(x)], recorder) if type(x) is _Function else _copied(x)

    given, named = _walk(filled(template, [x.raw for x in leaves]), sample)
    nodes, constants = len(recorder.operations), len(recorder.constants)
    before = _state_of(list(live.values()))
    recorder.depth += 1
    try:
        found = arguments.by_scipy(solver, *given, **named)
    except Looked:
        if not recorder.holds_steps:
            raise  # a careful recording calls back what looks at numbers
        raise Unrecordable("a function that a solver calls looks at numbers") from None
    finally:
        recorder.depth -= 1
        recorder.bury(nodes, constants)
    after = _state_of(list(live.values()))
    if len(before) != len(after) or not all(map(_is_same, before, after)):
        raise Unrecordable("a function that a solver calls changes state of its own")
    outer = sorted({r for f in functions for c in f.courses for r in c.outer})
    if not outer and not leaves:
        return None
    for course in (c for f in functions for c in f.courses):
        course.places = [outer.index(r) for r in course.outer]
        course.prepare()
    numbers: list[Any] = []
    form = _emptied(found, numbers, getattr(solver, "__name__", ""))
    holes = [Hole(len(leaves) + i) for i in range(len(outer))]
    call = Solve(_Solver(solver, functions, form, len(numbers)), (*template, holes), {})
    node = recorder.append(call, (*map(recorder.ref, leaves), *outer), tuple(numbers))
    parts = [x.primal if type(x) is Recorded else x for x in recorder.wrap(tuple(numbers), node)]
    return _walk(form, lambda x: parts[x.place] if type(x) is Hole else x)


SOLVED.append(solved)
