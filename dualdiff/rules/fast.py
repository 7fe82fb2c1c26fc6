"""The fast way onto a tape: for each primitive, functions made from the texts in `templates`.

`templates` explains the names in these texts; an example shows the functions of `multiply`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from textwrap import indent
from typing import Any

import numpy as np
from numpy import float64, ndarray

from ..array.box import is_box, shell
from ..array.guards import KEPT
from ..array.kinds import ARRAYS, FLOATS
from ..array.made import CLASSED, Made, plain_twin
from ..array.subclasses import is_of_a_class, operated
from ..array.views import View
from ..core.batch import (
    SILENT,
    Broadcast,
    Shape,
    Spec,
    align,
    as_double,
    broadcast_of,
    broadcast_tangent,
    error_state,
    in_precision,
    set_error_state,
    spec_of,
    unbroadcast,
)
from ..core.dual import Dual
from ..core.primitive import checked, opcode
from ..core.tangents import Diagonal, widened
from ..core.tape import Var, jvp_of_numbers, vjp_of_numbers
from ..core.trace import CONVERTED, Traced, as_numpy, has_own_operators, materialize, settle
from ..core.types import Tangent, Value
from . import templates
from .parts import Part, elementwise_part
from .templates import fill, function

SCALARS = frozenset(
    (float, int, bool, complex, float64, np.float32, np.complex128, np.complex64, np.int64)
)


def times_over(t: Tangent, d: Any, *residuals: Any) -> Any:
    """``t * d``, written over d if it is a new array."""
    alike = type(t) is ndarray and t.shape == d.shape and t.dtype is d.dtype
    if alike and d.base is None and not any(d is r for r in residuals):
        return np.multiply(t, d, out=d)
    return t * d


def times_constant(t: Tangent, constant: Any) -> Any:
    """``t * constant``, without arithmetic for 1, -1 and 0."""
    if constant == 1:
        return t
    if constant == -1:
        return -t
    if constant == 0 and type(t) in (ndarray, Diagonal):
        return np.zeros_like(t)
    return t * constant


def added(t: Tangent, u: Any) -> Any:
    """``t + u``, written over t, which is new."""
    arrays = type(t) is ndarray is type(u) and t.base is None
    if arrays and t.shape == u.shape and t.dtype is u.dtype:
        return np.add(t, u, out=t)
    return t + u


def aligned(t: Tangent, fit: Broadcast, batch: Shape) -> Any:
    """A tangent with its axes aligned with the axes of the result."""
    if type(t) is Diagonal:
        if t.shape[1:] == fit.ans_shape:
            return t
        t = t.release()
    return align(t, len(fit.shape), len(fit.ans_shape), batch)


def expanded(t: Tangent, fit: Broadcast, batch: Shape) -> Any:
    """An aligned tangent in the shape and dtype of the result."""
    return broadcast_tangent(t, fit._replace(shape=fit.ans_shape), batch)


def hides_array(x: Value) -> bool:
    """Whether an operand is an array behind more levels."""
    return issubclass(type(x), Traced) and type(shell(x)) is ndarray


def by_numpy(derivative: Callable[..., Any], *residuals: Any) -> Any:
    """A derivative of Python numbers where `math` raises: NumPy's infinities and NaNs."""
    state = error_state()
    try:
        set_error_state(SILENT)
        return derivative(*map(as_numpy, residuals))
    finally:
        set_error_state(state)


# The names in the templates.
_NAMES: dict[str, Any] = {
    "__name__": __name__,
    "__file__": __file__,
    "spec": functools.partial(tuple.__new__, Spec),  # Spec(...) at half the cost
    "OBJECT": np.dtype(object),
    "SCALARS": SCALARS,
    "times": float.__mul__,  # for float and float64: it neither warns nor raises
    "plus": float.__add__,
    "ARRAYS": ARRAYS,
    "FLOATS": FLOATS,
    "REALS": FLOATS | {int},
    "KEPT": KEPT,
    "LARGE": 1024,  # elements of an array that is written over: fresh memory is what costs
    "error_state": error_state,
    "set_error_state": set_error_state,
    "SILENT": SILENT,
}
for _name in (
    Dual, Var, View, added, aligned, as_double, as_numpy, broadcast_of, by_numpy, checked,
    expanded, float64, hides_array, in_precision, is_box, ndarray, settle, spec_of,
    times_constant, times_over, unbroadcast, widened,
):  # fmt: skip
    _NAMES[_name.__name__] = _name


# The forms of functions whose text is made at their first call.
def _bind_one(x: Any, **params: Any) -> Any:
    return become()(x, **params)  # type: ignore[name-defined]  # noqa: F821


def _bind_two(a: Any, b: Any, **params: Any) -> Any:
    return become()(a, b, **params)  # type: ignore[name-defined]  # noqa: F821


def _entry_rule(*entry: Any) -> None:
    become()(*entry)  # type: ignore[name-defined]  # noqa: F821


class Formats:
    """The texts and formats of one primitive; the kinds of primitives differ in few texts."""

    params, unless = "", ""
    constant = "({kind} in SCALARS or ({kind} is ndarray and {v}.dtype is not OBJECT))"
    special, settled, begin_vjp = "", "", ""
    call = "fn(x$params)"  # the primal of one operand

    def __init__(self, prim: Any, parts: Sequence[Part], free: Mapping[str, Any]) -> None:
        self.parts = dict(zip("xy", parts, strict=False))
        self.masks = ["x"] if len(parts) == 1 else ["x", "y", "xy"]
        self.free = {**free, "prim": prim}
        self.codes = {mask: self._format(prim, mask) for mask in self.masks}

    @property
    def sign(self) -> str:
        """The sign with which the contribution of y joins the contribution of x."""
        return "-" if self.parts["y"].jvp == "-{t}" else "+"

    @property
    def total(self) -> str:
        """The tangent of a result as the sum of both contributions."""
        return "added(t, u)" if self.parts["x"].fresh and self.sign == "+" else f"t {self.sign} u"

    def _format(self, prim: Any, mask: str) -> int:
        """Register the entries of a mask."""
        names = {**_NAMES, **self.free}
        vjp = function(_entry_rule, lambda: self.vjp(mask), names, prim.name)
        jvp = function(_entry_rule, lambda: self.jvp(mask), names, prim.name)
        return opcode(prim, vjp, jvp, slots=len(mask))

    def bind(self, fn: Callable[..., Any], otherwise: Callable[..., Any], **free: Any) -> Any:
        """The function that applies `fn`, the primal, or leaves operands to `otherwise`."""
        codes = {f"code_{mask}": code for mask, code in self.codes.items()}
        names = {**_NAMES, **self.free, **codes, "fn": fn, "otherwise": otherwise, **free}
        form = _bind_one if len(self.parts) == 1 else _bind_two
        return function(form, self.bind_text, names, self.free["prim"].name)

    def bind_text(self) -> str:
        """The text of `bind`."""
        return fill(
            templates.BIND_ONE if len(self.parts) == 1 else templates.BIND_TWO,
            params=self.params,
            unless=self.unless,
            special=self.special,
            settled=self.settled,
            call=self.call.replace("$params", self.params),
            constant_a=self.constant.format(kind="kind", v="a", other="b.primal"),
            constant_b=self.constant.format(kind="other", v="b", other="x"),
            result=templates.RESULT,
            aside=fill(templates.ASIDE, params=self.params),
            **{f"record_{mask}": self.record(mask) for mask in self.masks},
        )

    def record(self, mask: str) -> str:
        """The entry, or the tangent, of a result with so many traced operands."""
        return fill(
            templates.RECORD,
            keep=self.keep(mask),
            freeze=self.freeze(mask),
            code=f"code_{mask}",
            payloads=", ".join(f"{'ab'['xy'.index(v)]}.payload" for v in mask),
            kept=self.kept(mask),
            tangents="t, u" if len(mask) == 2 else "t",
            jvp=self.jvp_now(mask),
        )

    def names(self, mask: str) -> list[str]:
        """The residuals that the rules of some operands name, each once."""
        return list(dict.fromkeys(name for v in mask for name in self.parts[v].names))

    def vjp(self, mask: str) -> str:
        """The text of the vjp of a format."""
        body = "\n".join(
            f"{self.parts[v].first}\nc = {self.parts[v].vjp.format(t='g')}\n{self.end_vjp(v)}\n"
            f"old = ct[s{v}]\nct[s{v}] = c if old is None else old + c"
            for v in mask
        )
        slots = ", ".join(f"s{v}" for v in mask)
        body = f"{self.begin_vjp}\n{body}"
        return fill(templates.PULL, slots=slots, kept=self.kept(mask), body=body)

    def jvp(self, mask: str) -> str:
        """The text of the jvp of a format."""
        if len(mask) == 1:
            jvp = f"{self.jvp_part(mask, 't', later=True)}\n{self.end_jvp()}"
            return fill(templates.PUSH_ONE, slots=f"s{mask}", kept=self.kept(mask), jvp=jvp)
        x = self.jvp_part("x", "t", later=True)
        y = self.jvp_part("y", "u", self.sign, later=True)
        kept, end, alone = self.kept(mask), self.end_jvp(), self.sign.strip("+") + "u"
        whole = f"t = {alone} if t is None else {self.total}"
        return fill(templates.PUSH_TWO, kept=kept, jvp_x=x, jvp_y=y, whole=whole, end=end)

    def jvp_now(self, mask: str) -> str:
        """The tangent of a result as the operation happens, without floating-point errors."""
        body = [self.jvp_part(mask[0], "t")]
        if len(mask) == 2:
            body.append(self.jvp_part("y", "u", self.sign))
            body.append(f"t = {self.total}")
        return fill(templates.IN_SILENCE, body="\n".join([*body, self.end_jvp()]))

    def kept(self, mask: str) -> str:
        """The parts of an entry besides its slots."""
        raise NotImplementedError

    def keep(self, mask: str) -> str:
        """The text that makes these parts from the operands and the result."""
        raise NotImplementedError

    def freeze(self, mask: str) -> str:
        """The text that guards kept constant arrays against later changes."""
        constants = [v for v in self.parts if v not in mask and v in self.names(mask)]
        return "\n".join(f"if type({v}) is ndarray:\n    {v} = trace.keep({v})" for v in constants)

    def jvp_part(self, v: str, t: str, sign: str = "+", later: bool = False) -> str:
        """The statements that make the contribution of an operand, but for its sign, of its
        tangent; `later` in a pass of a tape."""
        raise NotImplementedError

    def end_jvp(self) -> str:
        """The checks of a tangent of the result."""
        return ""

    def end_vjp(self, v: str) -> str:
        """The last step on the cotangent of an operand."""
        raise NotImplementedError


class ElementwiseFormats(Formats):
    """Operands are broadcast and promoted: ``fx`` is None or says how x differs from the result.

    `own` are the derivatives of numbers in double precision, by `math`, or None.
    """

    def __init__(
        self, prim: Any, derivatives: Sequence[Any], silent: bool, own: Sequence[Any] = ()
    ) -> None:
        pairs = list(zip("xy", derivatives, strict=False))
        owns = dict(zip("xy", own, strict=False))
        self.has_own = bool(own)
        parts = [elementwise_part(v, d, silent, owns.get(v) is not None) for v, d in pairs]
        free = {f"d{v}": d for v, d in pairs if not isinstance(d, str)}
        super().__init__(prim, parts, free | {f"n{v}": d for v, d in owns.items()})
        if all(part.slope for part in parts):
            self.free["code_of_numbers"] = opcode(prim, vjp_of_numbers, jvp_of_numbers, slots=2)
        if derivatives == ("y", "x"):
            self.special = """
                if b is a and type(x) is not float64 and type(x) is not float:
                    return square(a)
            """

    def kept(self, mask: str) -> str:
        return ", ".join([*self.names(mask), *(f"f{v}" for v in mask)])

    def record(self, mask: str) -> str:
        general = super().record(mask)
        if "code_of_numbers" in self.free:
            parts = [self.parts[v] for v in mask]
            slots = [f"{'ab'['xy'.index(v)]}.payload" for v in mask]
            # Python's floats raise no warnings, and a constant float32 would narrow them.
            unlike = "is not float" if any(part.slope_first for part in parts) else "not in REALS"
            named = [v for v in self.names(mask) if v not in mask or unlike == "is not float"]
            first = [f"if type({v}) {unlike}: {v} = float({v})" for v in named]
            general = fill(
                templates.RECORD_NUMBERS,
                are=" and ".join(f"type({v}) in FLOATS" for v in mask),
                first="\n".join([*first, *(part.slope_first for part in parts)]),
                slots=", ".join([*slots, "0"][:2]),
                slopes=", ".join([*(str(part.slope) for part in parts), "0.0"][:2]),
                otherwise=general,
            )
        return f"form = type(ans)\n{general}"

    def keep(self, mask: str) -> str:
        # Numbers in double precision, or arrays of one shape and type.
        numbers = " and ".join(f"type({v}) in FLOATS" for v in mask)
        arrays = " is ".join(["ndarray is form", *(f"type({v})" for v in mask)])
        types = " is ".join(["ans.dtype", *(f"{v}.dtype" for v in mask)])
        alike = f"form in FLOATS and {numbers} or {arrays} and {types}"
        computed = {name for v in mask if self.parts[v].first for name in self.parts[v].names}
        promoted = [f"{v} = in_precision({v}, ans)" for v in self.parts if v in computed]
        promote = promoted if len(self.parts) == 2 else []
        if len(mask) == 2:
            both = indent(
                "\n".join(["fx, fy = broadcast_of(x, ans), broadcast_of(y, ans)", *promote]), "    "
            )
            lines = [f"fx = fy = None\nif not ({alike} and x.shape == y.shape):\n{both}"]
        else:
            if len(self.parts) == 2:
                other = "y" if mask == "x" else "x"
                alike += f" and (type({other}) is not ndarray or ans.shape == {mask}.shape)"
            lines = [f"f{mask} = None if {alike} else broadcast_of({mask}, ans)"]
            if promote:
                same = f"type({other}) is ndarray is form and {other}.dtype is ans.dtype"
                lines += [f"if f{mask} is not None or not (type({other}) in REALS or {same}):"]
                lines += [indent("\n".join(promote), "    ")]
        for name in ("x", "y", "ans"):
            if name in computed and (name in mask or name == "ans"):
                known = "not in FLOATS" if self.has_own else "is not float64"
                unlike = f"type({name}) is not ndarray and type({name}) {known}"
                lines.append(f"if {unlike}: {name} = as_numpy({name})")
            elif name in computed and self.has_own:
                lines.append(f"if type({name}) is int and form in FLOATS: {name} = float({name})")
        return "\n".join(lines)

    def jvp_part(self, v: str, t: str, sign: str = "+", later: bool = False) -> str:
        part, differs = self.parts[v], f"if f{v} is not None:\n    {t} = "
        begin = f"aligned({f'widened({t}, f{v}, batch)' if later else t}, f{v}, batch)"
        jvp = part.jvp.lstrip(sign)
        if jvp == "{t}":
            return f"{differs}expanded({begin}, f{v}, batch)"
        text = f"{part.first}\n{t} = {jvp.format(t=t)}"
        return f"{differs}{begin}\n{text}\n{differs}expanded({t}, f{v}, batch)"

    def end_vjp(self, v: str) -> str:
        return f"if f{v} is not None:\n    c = unbroadcast(c, f{v})"

    def jvp_now(self, mask: str) -> str:
        parts = [self.parts[v] for v in mask]
        loud = super().jvp_now(mask)
        if any(part.floats is None for part in parts):
            return loud
        same = "fx is None is fy" if len(mask) == 2 else f"f{mask} is None"
        numbers = [*"tu"[: len(mask)], *self.names(mask)]
        if len(mask) == 1 and parts[0].quiet:
            numbers = []
        are = [f"(type({v}) is float or type({v}) is float64)" for v in numbers]
        condition = " and ".join([same, *are])
        texts = [str(p.floats).format(t=t) for p, t in zip(parts, "tu", strict=False)]
        total = f"plus({texts[0]}, {texts[1]})" if len(mask) == 2 else texts[0]
        return f"if {condition}:\n    t = {total}\nelse:\n{indent(loud, '    ')}"


def elementwise_binder(
    prim: Any, derivatives: tuple[Any, ...], silent: bool, own: tuple[Any, ...]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What makes a `bind` of an elementwise primitive from a function that computes the same."""
    formats = ElementwiseFormats(prim, derivatives, silent, own)
    squares = ElementwiseFormats(prim, (lambda x: 2 * x,), False) if formats.special else None
    if len(derivatives) == 1:
        return lambda fn: formats.bind(fn, prim.general)
    return lambda fn: _with_references(prim.general, formats, squares, fn)


def _read(v: Value) -> Any:
    """An operand without references; lists, and arrays that the program made, as arrays."""
    if is_box(v):
        return v.read()
    if type(v) is Made:
        return plain_twin(v)
    return materialize(v) if type(v) in CONVERTED and type(v) not in CLASSED else v


def _with_references(
    general: Callable[..., Any],
    formats: ElementwiseFormats,
    squares: ElementwiseFormats | None,
    fn: Callable[..., Any],
) -> Callable[..., Any]:
    def otherwise(a: Value, b: Value) -> Any:
        """Read references and try once more; other operands take the general path."""
        x, y = _read(a), _read(b)
        if (x is a and y is b) or not (issubclass(type(x), Traced) or issubclass(type(y), Traced)):
            if type(b) is Diagonal or getattr(type(b), "__array_ufunc__", otherwise) is None:
                return NotImplemented  # b has operators of its own, as sparse arrays do
            if has_own_operators(b):
                return NotImplemented
            ufunc = formats.free["prim"].fn
            if type(ufunc) is np.ufunc and (is_of_a_class(a) or is_of_a_class(b)):
                return operated(ufunc, a, b)
            return general(a, b)
        return bind(x, y)

    square = {"square": squares.bind(lambda x: fn(x, x), general)} if squares else {}
    bind: Callable[..., Any] = formats.bind(fn, otherwise, **square)
    return bind


def source(formats: Formats) -> str:
    """The text of all functions of a primitive, for readers."""
    rules = [text(mask) for mask in formats.masks for text in (formats.vjp, formats.jvp)]
    return "\n\n".join([formats.bind_text(), *rules])
