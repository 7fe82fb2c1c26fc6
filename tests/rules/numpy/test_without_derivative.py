"""Names of NumPy whose results have no derivative, or a zero one: traced arrays pass through them.

Each is called with its floating-point arguments traced, in both modes, and must give what NumPy
gives; what it gives is a constant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.array.box import is_box
from dualdiff.trees import flatten, tree_map
from tests.rules.record import shown

X = np.array([[0.5, -1.5, 2.25], [2.0, 0.25, -0.75]])
V = np.array([0.5, -1.5, 2.25, 0.5])
S = np.sort(V)
SQUARE = np.array([[1.5, 0.2], [-0.4, 2.5]])
NAN = np.array([np.nan, 1.0, -2.0])
K = np.array([3, 1, 2])
B = np.array([1, 0, 1], dtype=np.uint8)

CALLS: dict[str, tuple[Any, ...]] = {
    "all": (X, 1), "allclose": (X, X + 1e-12), "any": (X,), "argmax": (X, 1), "argmin": (X,),
    "argpartition": (V, 2), "argsort": (X,), "argwhere": (X,), "array2string": (X,),
    "array_equal": (X, X), "array_equiv": (X, X[:1]), "array_repr": (X,), "array_str": (X,),
    "bitwise_and": (K, 3), "bitwise_count": (K,), "bitwise_invert": (K,),
    "bitwise_left_shift": (K, 1), "bitwise_not": (K,), "bitwise_or": (K, 4),
    "bitwise_right_shift": (K, 1), "bitwise_xor": (K, 2), "can_cast": (X, np.float32),
    "broadcast_shapes": ((2, 1), (3,)), "common_type": (X,), "count_nonzero": (X,),
    "diag_indices_from": (SQUARE,), "digitize": (X, S), "einsum_path": ("ij,j", X, X[0]),
    "equal": (X, X[0]), "flatnonzero": (X,), "gcd": (K, 6), "greater": (X, 0.3),
    "greater_equal": (X, X[0]), "invert": (K,), "isclose": (X, X[0]), "iscomplex": (X,),
    "iscomplexobj": (X,), "isfinite": (NAN,), "isfortran": (X,), "isin": (X, V), "isinf": (NAN,),
    "isnan": (NAN,), "isnat": (np.array(["NaT"], "M8[D]"),), "isneginf": (NAN,),
    "isposinf": (NAN,), "isreal": (X,), "isrealobj": (X,), "isscalar": (X,), "iterable": (X,),
    "lcm": (K, 6), "left_shift": (K, 1), "less": (X, 0.3), "less_equal": (X, X[0]),
    "lexsort": ((V, -V),), "logical_and": (X, X[0]), "logical_not": (X,), "logical_or": (X, 0.0),
    "logical_xor": (X, 0.0), "may_share_memory": (X, V), "min_scalar_type": (X,),
    "nanargmax": (NAN,), "nanargmin": (NAN,), "ndim": (X,), "nonzero": (X,), "not_equal": (X, 0.5),
    "packbits": (B,), "ravel_multi_index": ((K, K), (4, 4)), "result_type": (X, np.float32),
    "right_shift": (K, 1), "searchsorted": (S, V), "shape": (X,), "shares_memory": (X, V),
    "signbit": (X,), "size": (X,), "tril_indices_from": (SQUARE,),
    "triu_indices_from": (SQUARE,), "unpackbits": (B,), "unravel_index": (K, (2, 2)),
    "around": (X, 1), "ceil": (X,), "fix": (X,), "floor": (X,), "floor_divide": (X, 0.4),
    "heaviside": (X, 0.5), "rint": (X,), "round": (X, 1), "sign": (X,), "spacing": (X,),
    "trunc": (X,), "zeros_like": (X,), "ones_like": (X,), "ix_": (K, K),
    "linalg.matrix_rank": (SQUARE,),
}  # fmt: skip
CREATE: dict[str, tuple[Any, ...]] = {
    "bartlett": (5,), "blackman": (5,), "diag_indices": (3,), "empty": ((2, 0),), "eye": (3, 2),
    "hamming": (4,), "hanning": (4,), "identity": (2,), "indices": ((2, 3),),
    "mask_indices": (3, np.triu), "ones": (2,), "tri": (3,), "tril_indices": (3,),
    "triu_indices": (3,), "zeros": ((2, 3),), "fft.fftfreq": (5,), "fft.rfftfreq": (6,),
    "empty_like": (np.ones((0, 2)),),
}  # fmt: skip
METHODS: dict[str, tuple[Any, ...]] = {
    "all": (), "any": (), "argmax": (), "argmin": (), "argsort": (), "argpartition": (1,),
    "nonzero": (), "searchsorted": (0.3,), "__len__": (), "__bool__": (),
    "__lt__": (0.3,), "__le__": (0.3,), "__gt__": (0.3,), "__ge__": (0.3,), "__eq__": (0.5,),
    "__ne__": (0.5,), "__contains__": (0.5,), "__str__": (), "__format__": ("",),
    "__floordiv__": (0.4,), "__rfloordiv__": (3.0,), "__divmod__": (0.4,), "round": (1,),
}  # fmt: skip


def materialize(name: str, home: Any = np) -> Any:
    for part in name.split("."):
        home = getattr(home, part)
    return home


def same(found: Any, expected: Any) -> None:
    """The same values, types and structure; nothing traced."""
    leaves, structure = flatten(found)
    wanted, wanted_structure = flatten(expected)
    assert structure == wanted_structure
    for a, e in zip(leaves, wanted, strict=True):
        assert not is_box(a)
        if isinstance(e, np.ndarray | np.generic):
            assert np.asarray(a).dtype == e.dtype
            np.testing.assert_array_equal(a, e)
        else:
            assert a == e


def in_both_modes(call: Callable[..., Any], args: tuple[Any, ...], seen: list[Any]) -> None:
    """Run a call with its floating-point arrays traced, forward and in reverse."""

    def traced(scale: Any) -> Any:
        def box(a: Any) -> Any:
            return a * scale if isinstance(a, np.ndarray) and a.dtype == float else a

        seen.append(dd.value_of(tree_map(plain_of, call(*(tree_map(box, a) for a in args)))))
        return 1.0 * scale

    assert dd.derivative(traced)(1.0) == 1.0
    assert dd.grad(traced)(1.0) == 1.0


def plain_of(x: Any) -> Any:
    """The plain value of a constant, which may be a traced array with derivative zero."""
    return dd.value_of(x)


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", CALLS)
def test_numpys_result_comes_through(name: str, request: pytest.FixtureRequest) -> None:
    call, args = materialize(name), CALLS[name]
    seen: list[Any] = []
    in_both_modes(call, args, seen)
    for found in seen:
        same(found, call(*args))
    shown(request, "value", f"np.{name}")


@pytest.mark.parametrize("name", METHODS)
def test_methods_give_numpys_result(name: str, request: pytest.FixtureRequest) -> None:
    x = V[:1] if name == "__bool__" else V
    call = lambda x: getattr(x, name)(*METHODS[name])  # noqa: E731
    seen: list[Any] = []
    in_both_modes(call, (x,), seen)
    for found in seen:
        same(found, call(x))
    shown(request, "value", f"ndarray.{name}")


@pytest.mark.parametrize("name", CREATE)
def test_creation_functions_stand_in_dualdiff_numpy(
    name: str, request: pytest.FixtureRequest
) -> None:
    made, expected = materialize(name, dd.numpy)(*CREATE[name]), materialize(name)(*CREATE[name])
    same(made, expected)

    def f(x: Any) -> Any:
        inside = materialize(name, dd.numpy)(*CREATE[name])
        same(tree_map(plain_of, inside), expected)
        return x * 1.0

    assert dd.grad(f)(2.0) == 1.0
    shown(request, "value", f"np.{name}")


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
def test_steps_have_derivative_zero() -> None:
    for name in ("around", "ceil", "fix", "floor", "rint", "round", "sign", "spacing", "trunc"):
        gradient = dd.grad(lambda x, name=name: np.sum(getattr(np, name)(x)) + np.sum(x))(2 * X)
        np.testing.assert_array_equal(gradient, np.ones_like(X))


def test_index_helpers_stand_in_dualdiff_numpy() -> None:
    d = dd.numpy
    assert d.s_[1:2, ...] == np.s_[1:2, ...]
    assert d.index_exp[0] == np.index_exp[0]
    np.testing.assert_array_equal(d.mgrid[0:2, 0:3], np.mgrid[0:2, 0:3])
    np.testing.assert_array_equal(d.ogrid[0:2], np.ogrid[0:2])
    assert list(d.ndindex(2, 1)) == [(0, 0), (1, 0)]


BITS = (
    "bitwise_and bitwise_or bitwise_xor left_shift right_shift gcd lcm logical_and logical_or "
    "logical_xor equal not_equal less less_equal greater greater_equal floor_divide heaviside"
)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "reduce": (), "accumulate": (), "reduceat": ([0, 2],), "outer": (K,), "at": ([0, 0], 1),
}  # fmt: skip


@pytest.mark.parametrize("method", ARGUMENTS)
@pytest.mark.parametrize("ufunc", BITS.split())
def test_methods_of_ufuncs_without_derivative_do_what_numpys_do(
    ufunc: str, method: str, request: pytest.FixtureRequest
) -> None:
    apply = getattr(getattr(np, ufunc), method)

    def outcome(k: Any) -> Any:
        try:
            result = apply(k, *ARGUMENTS[method])
        except TypeError:  # NumPy has no such loop
            return "TypeError"
        return k if method == "at" else result

    seen: list[Any] = []
    in_both_modes(lambda: outcome(dd.numpy.array(K)), (), seen)
    for found in seen:
        same(found, outcome(K.copy()))
    shown(request, "value", f"np.{ufunc}.{method}")


def test_operators_on_integers_and_attributes_of_memory_are_numpys() -> None:
    def f(x: Any) -> Any:
        k = dd.numpy.array(K)
        same(tree_map(plain_of, [k & 1, 1 & k, k | 4, 4 | k, k ^ 2, 2 ^ k, ~k, k << 1, 1 << k]),
             [K & 1, 1 & K, K | 4, 4 | K, K ^ 2, 2 ^ K, ~K, K << 1, 1 << K])  # fmt: skip
        same(tree_map(plain_of, [k >> 1, 8 >> k, x // 0.4]), [K >> 1, 8 >> K, X // 0.4])
        k &= 3
        k |= 4
        k ^= 1
        k <<= 2
        k >>= 1
        y = x.copy()
        y //= 0.4
        same(dd.value_of(k), (((K & 3) | 4) ^ 1) << 1)
        same(dd.value_of(y), X // 0.4)
        for name in ("dtype", "itemsize", "nbytes", "ndim", "shape", "size", "strides", "device"):
            assert getattr(x, name) == getattr(X, name)
        assert x.flags.c_contiguous
        assert repr(x) == f"traced {X!r}"
        with pytest.raises(dd.DualdiffError, match="key of a dict"):
            hash(x[0, 0])
        assert int(k[0]) == int(dd.value_of(k)[0])
        return np.sum(x)

    np.testing.assert_array_equal(dd.grad(f)(X), np.ones_like(X))


@pytest.mark.parametrize("convert", [float, complex])
def test_a_traced_number_does_not_become_one_of_pythons(convert: Callable[[Any], Any]) -> None:
    for take in (dd.grad, dd.derivative):
        with pytest.raises(dd.DualdiffError, match="would lose its derivative"):
            take(lambda x: x * convert(x))(2.0)
