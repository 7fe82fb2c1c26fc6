"""The vector spaces of the tangents and cotangents of arrays and containers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from ...array.box import is_box
from ...core.batch import dtype_of, shape_of
from ...core.trace import CONVERTED
from ...rules.numpy.creation import array


def _randn(shape: tuple[int, ...]) -> Any:
    """From NumPy's global generator, which programs written for autograd seed."""
    return np.random.standard_normal(shape)  # noqa: NPY002


class Registry(dict[type, Any]):
    """Registered types of values; registered subclasses of NumPy's arrays count as arrays."""

    def __setitem__(self, kind: type, found: Any) -> None:
        super().__setitem__(kind, found)
        if issubclass(kind, np.ndarray) and kind is not np.ndarray:
            CONVERTED.add(kind)
            if kind.__array_ufunc__ is not np.ndarray.__array_ufunc__:
                _let_traced_ones_answer(kind)


def _let_traced_ones_answer(kind: Any) -> None:
    """Let `kind` leave ufuncs of traced arrays to the traced arrays.

    NumPy asks the left operand first. In ``a * x`` it asks only autograd's traced x, and subclasses
    that call ``super().__array_ufunc__`` would use NotImplemented as a result.
    """
    own = kind.__array_ufunc__
    if getattr(own, "leaves_traced", False):
        return

    @functools.wraps(own)
    def __array_ufunc__(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(map(is_box, inputs)) or any(map(is_box, kwargs.get("out", ()))):
            return NotImplemented
        return own(self, ufunc, method, *inputs, **kwargs)

    __array_ufunc__.leaves_traced = True  # type: ignore[attr-defined]
    kind.__array_ufunc__ = __array_ufunc__


class VSpace:
    """The space of a value's derivatives; subclasses are registered for types of values.

    A subclass defines `zeros`, `ones`, `randn`, `standard_basis` and `size`, and may change how
    elements combine by overriding `_add`, `_mut_add`, `_scalar_mul`, `_inner_prod`,
    `_covector`.
    """

    mappings: ClassVar[dict[type, Callable[[Any], Any]]] = Registry()
    iscomplex = False

    def __init__(self, value: Any) -> None:
        """Subclasses keep the parts of the value that they need."""

    def zeros(self) -> Any:
        """The zero element."""
        raise NotImplementedError(f"{type(self).__name__}.zeros")

    def ones(self) -> Any:
        """The sum of the standard basis."""
        raise NotImplementedError(f"{type(self).__name__}.ones")

    def standard_basis(self) -> Iterator[Any]:
        """The elements of the standard basis, one after the other."""
        raise NotImplementedError(f"{type(self).__name__}.standard_basis")

    def randn(self) -> Any:
        """An element with normally distributed components."""
        raise NotImplementedError(f"{type(self).__name__}.randn")

    def add(self, x_prev: Any, x_new: Any) -> Any:
        """The sum of two elements."""
        return self._add(x_prev, x_new)

    def mut_add(self, x_prev: Any, x_new: Any) -> Any:
        """The sum of two elements, which may overwrite the first; None counts as zero."""
        return self._mut_add(self.zeros() if x_prev is None else x_prev, x_new)

    def scalar_mul(self, x: Any, a: Any) -> Any:
        """An element times a number."""
        return self._scalar_mul(x, a)

    def inner_prod(self, x: Any, y: Any) -> Any:
        """The real inner product of two elements."""
        return self._inner_prod(x, y)

    def covector(self, x: Any) -> Any:
        """The cotangent whose pairing with a tangent is the inner product with x."""
        return self._covector(x)

    def _add(self, x: Any, y: Any) -> Any:
        return x + y

    def _mut_add(self, x: Any, y: Any) -> Any:
        x += y
        return x

    def _scalar_mul(self, x: Any, a: Any) -> Any:
        return x * a

    def _inner_prod(self, x: Any, y: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}._inner_prod")

    def _covector(self, x: Any) -> Any:
        return x

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}_{self.__dict__}"

    @classmethod
    def register(cls, value_type: type, vspace_maker: Callable[[Any], Any] | None = None) -> None:
        """Register the space of the values of a type: this class, or a function that makes it."""
        VSpace.mappings[value_type] = vspace_maker or cls


class ArrayVSpace(VSpace):
    """Real arrays of one shape and dtype."""

    def __init__(self, value: Any) -> None:
        self.shape = shape_of(value)
        self.dtype = dtype_of(value)

    @property
    def size(self) -> int:
        """The dimension over the reals."""
        return int(np.prod(self.shape))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def zeros(self) -> Any:
        return np.zeros(self.shape, self.dtype)

    def ones(self) -> Any:
        return np.ones(self.shape, self.dtype)

    def standard_basis(self) -> Iterator[Any]:
        for index in np.ndindex(*self.shape):
            unit = np.zeros(self.shape, self.dtype)
            unit[index] = 1
            yield unit

    def randn(self) -> Any:
        return np.asarray(_randn(self.shape)).astype(self.dtype)[()]

    def _mut_add(self, x: Any, y: Any) -> Any:
        if is_box(x) or is_box(y) or shape_of(x) == ():
            return x + y
        x += y
        return x

    def _inner_prod(self, x: Any, y: Any) -> Any:
        return np.dot(np.ravel(x), np.ravel(y))


class ComplexArrayVSpace(ArrayVSpace):
    """Complex arrays, a space over the reals of twice their size."""

    iscomplex = True

    @property
    def size(self) -> int:
        return 2 * super().size

    def ones(self) -> Any:
        return np.full(self.shape, 1 + 1j, self.dtype)

    def standard_basis(self) -> Iterator[Any]:
        for unit in super().standard_basis():
            yield unit
            yield 1j * unit

    def randn(self) -> Any:
        parts = _randn(self.shape), _randn(self.shape)
        return np.asarray(parts[0] + 1j * parts[1]).astype(self.dtype)[()]

    def _inner_prod(self, x: Any, y: Any) -> Any:
        return np.real(np.dot(np.conj(np.ravel(x)), np.ravel(y)))

    def _covector(self, x: Any) -> Any:
        return np.conj(x)


class ContainerVSpace(VSpace):
    """Containers; `shape` has the spaces of their parts."""

    shape: Any

    @property
    def size(self) -> int:
        """The dimension over the reals."""
        return sum(space.size for space in self._values(self.shape))

    def zeros(self) -> Any:
        return self._map(lambda space: space.zeros())

    def ones(self) -> Any:
        return self._map(lambda space: space.ones())

    def randn(self) -> Any:
        return self._map(lambda space: space.randn())

    def standard_basis(self) -> Iterator[Any]:
        zeros = self.zeros()
        for key, space in self._kv_pairs(self.shape):
            for unit in space.standard_basis():
                yield self._subval(zeros, key, unit)

    def _values(self, value: Any) -> Any:
        return value

    def _kv_pairs(self, value: Any) -> Any:
        return enumerate(value)

    def _subval(self, parts: Any, key: Any, part: Any) -> Any:
        raise NotImplementedError

    def _map(self, f: Callable[..., Any], *containers: Any) -> Any:
        raise NotImplementedError

    def _add(self, x: Any, y: Any) -> Any:
        return self._map(lambda space, a, b: space.add(a, b), x, y)

    def _mut_add(self, x: Any, y: Any) -> Any:
        return self._map(lambda space, a, b: space.mut_add(a, b), x, y)

    def _scalar_mul(self, x: Any, a: Any) -> Any:
        return self._map(lambda space, part: space.scalar_mul(part, a), x)

    def _inner_prod(self, x: Any, y: Any) -> Any:
        return sum(self._values(self._map(lambda space, a, b: space.inner_prod(a, b), x, y)))

    def _covector(self, x: Any) -> Any:
        return self._map(lambda space, part: space.covector(part), x)


class SequenceVSpace(ContainerVSpace):
    """Lists, tuples and named tuples."""

    seq_type: Any = tuple

    def __init__(self, value: Any) -> None:
        self.shape = self.seq_type([vspace(part) for part in value])

    def _subval(self, parts: Any, key: Any, part: Any) -> Any:
        return self.seq_type([part if i == key else p for i, p in enumerate(parts)])

    def _map(self, f: Callable[..., Any], *containers: Any) -> Any:
        return self.seq_type([f(*group) for group in zip(self.shape, *containers, strict=True)])


class ListVSpace(SequenceVSpace):
    """Lists."""

    seq_type = list


class TupleVSpace(SequenceVSpace):
    """Tuples."""


class NamedTupleVSpace(SequenceVSpace):
    """Named tuples of one class."""

    def __init__(self, value: Any) -> None:
        self.named = type(value)
        super().__init__(value)

    def seq_type(self, parts: Any) -> Any:
        return self.named(*parts)


class DictVSpace(ContainerVSpace):
    """Dictionaries."""

    def __init__(self, value: Any) -> None:
        self.shape = {key: vspace(part) for key, part in value.items()}

    def _values(self, value: Any) -> Any:
        return value.values()

    def _kv_pairs(self, value: Any) -> Any:
        return value.items()

    def _subval(self, parts: Any, key: Any, part: Any) -> Any:
        return {**parts, key: part}

    def _map(self, f: Callable[..., Any], *containers: Any) -> Any:
        return {key: f(space, *(c[key] for c in containers)) for key, space in self.shape.items()}


class SparseObject:
    """A cotangent that can add itself to a dense cotangent of the space `vs`."""

    def __init__(self, vs: Any, mut_add: Callable[[Any], Any]) -> None:
        self.vs = vs
        self.mut_add = mut_add


def dense(g: Any) -> Any:
    """A `SparseObject` as an array; other cotangents unchanged."""
    # The array takes traced values, which an outer derivative may bring.
    return g.mut_add(array(g.vs.zeros())) if isinstance(g, SparseObject) else g


def _array_space(value: Any) -> ArrayVSpace:
    return ComplexArrayVSpace(value) if dtype_of(value).kind == "c" else ArrayVSpace(value)


for _kind in (np.ndarray, float, complex):
    VSpace.register(_kind, _array_space)
ListVSpace.register(list)
TupleVSpace.register(tuple)
DictVSpace.register(dict)
VSpace.register(SparseObject, lambda g: g.vs)


def vspace(value: Any) -> Any:
    """The space of a value's derivatives: of a number, an array, a container or a traced array."""
    maker = VSpace.mappings.get(type(value))
    if maker is not None:
        return maker(value)
    if is_box(value) or isinstance(value, np.generic):
        return _array_space(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return NamedTupleVSpace(value)
    raise TypeError(
        f"values of type {type(value).__module__}.{type(value).__qualname__} have no vector space; "
        f"known are {', '.join(sorted(kind.__name__ for kind in VSpace.mappings))}; register one "
        f"with VSpace.register"
    )
