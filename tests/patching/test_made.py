"""Arrays that a program makes under `dd.patch`: real ndarrays, which take traced values."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.linalg

import dualdiff as dd
from tests.versions import OLD_SCIPY

X = np.array([0.5, 1.2, -0.7])


def _views(x: Any) -> Any:
    a = np.zeros((2, 3))
    row, column, turned, some = a[1], a[:, 0], a.T, a[::-1, ::2]
    a[0] = 1.0
    row[0] = x[0] ** 2
    column[0] += x[1]
    turned[2] = x[2] * turned[2] + x[0]
    some[0, 1] *= x[1]
    return np.sum(a**2) + np.sum(row * x) + np.sum(column) ** 2 + np.sum(turned**3) + np.sum(some)


def _fortran(x: Any) -> Any:
    a = np.array([[1.0, 2, 3], [4, 5, 6]], order="F")
    flat, right = a.ravel(order="K"), a[:, 1:]
    right[0] = x[:2]
    flat[0] = x[0] * x[1]
    return np.sum(a @ x) + np.sum(flat**2) + np.sum(np.sin(right))


def _rows(x: Any) -> Any:
    a = np.zeros((4, 3))
    rows = [a[i] for i in range(4)]
    for i, row in enumerate(rows):
        row[:] = x * i
        row[0] -= x[1]
    return np.sum(a**2) + np.diagonal(a).sum() + sum(row.sum() for row in rows)


def _derived(x: Any) -> Any:
    b = np.ones(3) * 2
    b[1] = x[1]
    a = np.full(3, 2.0) + np.zeros(3)
    a += x
    a *= a
    a.flat[0] = x[0]
    matrix = np.zeros((3, 3))
    np.fill_diagonal(matrix, x[0])
    return b.sum() * np.sum(a) + matrix.sum()


def _functions(x: Any) -> Any:
    identity, line, square = np.eye(3), np.linspace(0.0, 1.0, 3), np.zeros((3, 3))
    line[1:] = x[1:]
    square[np.arange(3), np.arange(3)] = x
    square[square > 0.6] = x[0]
    filled, like = np.empty(3), np.zeros_like(line)
    filled.fill(x[1])
    like[...] = line * 2
    np.copyto(filled, x * x)
    np.put(like, [0, 1], x[:2])
    return np.sum(identity.dot(x) ** 2) + line @ square @ line + filled.sum() ** 2 + like @ like


def _reads(x: Any) -> Any:
    a = np.zeros(3)
    for i in range(3):
        a[i] = x[i] ** 2
    b = a.copy()
    b[0] = 3
    c = np.copy(a)
    c *= 2
    turned = a.reshape(3, 1)
    turned[1] = x[0]
    parts = [np.concatenate([a, b]), np.stack([a, x]) ** 2, np.where(a > 0, a, b), np.outer(a, x)]
    parts += [2**a, abs(a), -a, divmod(a, 2.0)[1], a[1:], a.T, np.array([a[0], a[1]])]
    numbers = sum([*a]) + np.sum(b * c) + a.max() + np.dot(a, a) + a @ a + np.linalg.norm(a)
    return numbers + len(a) + sum(np.sum(p) for p in parts) + a.mean() * a.std() + a.item(0)


def _complex(x: Any) -> Any:
    a = np.zeros(3, complex)
    a[0] = x[0] + 1j * x[1]
    real = a.real
    a.imag[1] = x[2]
    a.real[2] = x[1]
    return np.sum(np.abs(a) ** 2) + real.sum()


def _integers(x: Any) -> Any:
    n, mask, s = np.zeros(3, int), np.zeros(3, bool), np.ones(3) * 2
    n[0] = 3.7
    n[1] = 5.5 * x[0]
    mask[:] = x > 0
    s[mask] = x[mask]
    return np.sum(s * x) + n.sum() * x[1]


PROGRAMS = [_views, _fortran, _rows, _derived, _functions, _reads, _complex, _integers]


def gradient_of(f: Callable[[Any], Any], h: float = 1e-6) -> Any:
    """Central differences."""
    return np.array([(f(X + h * e) - f(X - h * e)) / (2 * h) for e in np.eye(3)])


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_arrays_made_inside_alias_as_in_numpy(f: Callable[[Any], Any]) -> None:
    expected = gradient_of(f)
    with dd.patch():
        np.testing.assert_allclose(dd.grad(f)(X), expected, atol=1e-7)
        np.testing.assert_allclose(dd.jacobian(f, mode="forward")(X), expected, atol=1e-7)
        np.testing.assert_allclose(dd.hessian(f)(X), gradient_of(dd.grad(f)), atol=1e-6)


def inside(check: Callable[[Any], Any]) -> None:
    """Run a check on an array made inside a derivative."""

    def f(x: float) -> float:
        check(x)
        return x

    with dd.patch():
        dd.grad(f)(1.0)


def test_a_constant_made_inside_is_an_ndarray_with_memory() -> None:
    def check(x: Any) -> None:
        a = np.linspace(0.0, 1.0, 5)
        assert issubclass(type(a), np.ndarray)
        assert memoryview(a).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
        assert type(np.arange(3)) is np.ndarray
        assert pickle.loads(pickle.dumps(a)).tolist() == a.tolist()
        assert type(pickle.loads(pickle.dumps(a))) is np.ndarray
        assert copy.deepcopy(a).tolist() == a.tolist()

    inside(check)


def test_memory_that_nobody_may_read_any_more_is_filled_with_nan() -> None:
    def check(x: Any) -> None:
        a = np.zeros(3)
        part = a[1:]
        a[0] = x
        assert np.isnan(memoryview(a)).all()
        assert np.isnan(memoryview(part)).all()
        assert dd.value_of(a).tolist() == [1.0, 0.0, 0.0]
        assert str(part) == "[0. 0.]"

    inside(check)


def test_a_view_of_another_dtype_raises_once_the_array_is_traced() -> None:
    def check(x: Any) -> None:
        a = np.zeros(3)
        bits = a.view(np.int64)
        a[0] = x
        with pytest.raises(TypeError, match="holds traced values"):
            bits.tolist()

    inside(check)


def test_an_array_that_outlives_its_derivative_is_plain_in_the_next() -> None:
    kept = []

    def make(x: Any) -> Any:
        kept.append(np.zeros(2))
        return x * np.sum(kept[0])

    def store(x: Any) -> Any:
        kept[0][0] = x
        return np.sum(kept[0])

    with dd.patch():
        dd.grad(make)(1.0)
        with pytest.raises(TypeError, match="made outside this derivative"):
            dd.grad(store)(1.0)
    kept[0][0] = 5.0
    assert kept[0].sum() == 5.0


def test_a_read_only_view_refuses_traced_values() -> None:
    def check(x: Any) -> None:
        diagonal = np.diagonal(np.zeros((2, 2)))
        with pytest.raises(ValueError, match="read-only"):
            diagonal[0] = x

    inside(check)


def test_vectorized_functions_made_before_the_patch_take_traced_values() -> None:
    step = np.vectorize(lambda x: x**2 if x > 1 else 2 * x)
    with dd.patch():
        gradient = dd.grad(lambda x: np.sum(step(x)))(np.array([0.5, 3.0]))
    np.testing.assert_array_equal(gradient, [2.0, 6.0])


def run(mode: str) -> dict[str, str]:
    """The results of all calls of compiled code, made in a process of their own."""
    command = [sys.executable, str(Path(__file__).with_name("compiled_calls.py")), mode]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-300:] + ran.stderr[-300:]
    lines = [line.partition(": ") for line in ran.stdout.splitlines()]
    return {name: result for name, colon, result in lines if colon}


def test_compiled_code_takes_the_constants_that_a_program_makes() -> None:
    assert {name: r for name, r in run("constants").items() if r != "right"} == {}


# They run a solver on its own arrays, which the traced values reach.
UNCLEAR = {"sparse.eigsh", "optimize.least_squares"}
if OLD_SCIPY:  # which asks for a flag of the array by its letter
    UNCLEAR.add("cluster.linkage")


def test_compiled_code_on_traced_values_is_right_or_says_why_not() -> None:
    results = run("traced")
    assert len(results) > 80
    bad = {name: r for name, r in results.items() if not r.startswith(("right", "clear"))}
    assert not {name for name in bad if "." in name} - UNCLEAR, bad


def test_a_choice_by_memory_that_compiled_code_has_read_is_an_error() -> None:
    def chooses(x: Any) -> Any:
        a = np.zeros(1)
        a[0] = x
        return (2.0 if memoryview(a)[0] > 1.0 else 1.0) * x

    with dd.patch(), pytest.raises(TypeError, match="another value than on plain values"):
        dd.grad(chooses)(2.0)


def test_a_nan_that_compiled_code_has_read_is_an_error() -> None:
    def leaks(x: Any) -> Any:
        a = np.zeros(3)
        a[0] = x
        return float.fromhex(memoryview(a)[0].hex()) * x

    with dd.patch(), pytest.raises(TypeError, match="NaN, which it does not on plain values"):
        dd.grad(leaks)(2.0)
    with dd.patch():
        assert np.isnan(dd.value_and_grad(lambda x: np.zeros(2)[0] + x * np.nan)(1.0)[0])


class _Point(NamedTuple):
    a: Any
    b: Any


class _Row(list[Any]):
    pass


def _added(v: Any) -> Any:
    made = np.ones(2)
    made += v
    made[:1] *= v[1:]
    return np.sum(made**2)


def _put(v: Any) -> Any:
    made = np.ones(2)
    made[:] = v
    return np.sum(made**2)


SEQUENCES = {
    "array": lambda v: np.sum(np.array(v) ** 2),
    "of floats": lambda v: np.sum(np.asarray(v, dtype=float) ** 2),
    "nested": lambda v: np.sum(np.array([v, v]) ** 2),
    "in place": _added,
    "put": _put,
    "mean": lambda v: np.mean(v),
    "operand": lambda v: np.sum(v[0] * np.ones(2) * v),
    "interp": lambda v: np.interp(1.2, [1.0, 2.0], v),
}


@pytest.mark.parametrize("make", [list, tuple, _Row, lambda v: _Point(*v)])
@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences_of_traced_numbers_are_arrays_of_whatever_class_they_are(
    name: str, make: Any
) -> None:
    def f(x: Any) -> Any:
        return SEQUENCES[name](make([x[0], 3 * x[0] * x[1]]))

    with dd.patch():
        dd.check_grads(f, (np.array([1.2, 0.7]),), order=1)


@pytest.mark.parametrize("order", ["K", "A", "C", "F", None])
def test_array_takes_each_order_of_a_traced_array(order: Any) -> None:
    x = np.arange(6.0).reshape(2, 3)
    with dd.patch():
        gradient = dd.grad(lambda x: np.sum(np.array(x * x, order=order, copy=None, ndmin=3)))(x)
    np.testing.assert_allclose(gradient, 2 * x)


def test_a_list_of_numbers_of_several_dtypes_is_added_in_the_dtype_of_numpys_array() -> None:
    single, double = np.array([0.1, 0.7], np.float32), np.array([1.1, 2.2])

    def total(x: Any) -> Any:
        return np.sum([x[0], x[1], double[0], double[1]])

    def others(x: Any) -> Any:
        mixed = [double[0], x[0], x[1]]
        return np.stack([np.sort(mixed), np.partition(mixed, 1), np.gradient(mixed)]) @ mixed

    with dd.patch():
        value, gradient = dd.value_and_grad(total)(single)
        values, _ = dd.jvp(others, (single,), (single,))
    assert value == total(single) == dd.numpy.sum(dd.numpy.array([*single, *double]))
    assert gradient.dtype == np.float32
    np.testing.assert_array_equal(values, others(single))


_ONE = np.array([1.0, 2.0, 3.0])
# Results of NumPy's that are numbers, of arrays that the program makes.
_NUMBERS: dict[str, Any] = {
    "sum": np.sum,
    "a.sum()": lambda a: a.sum(),
    "mean": np.mean,
    "a.max()": lambda a: a.max(),
    "std": np.std,
    "median": np.median,
    "any": lambda a: np.any(a > 1),
    "a @ a": lambda a: a @ a,
    "2.0 * array(2.0)": lambda a: 2.0 * np.array(2.0),
    "sin": lambda a: np.sin(np.asarray(2.0)),
    "reduce": np.maximum.reduce,
    "diff": lambda a: np.diff(a).sum(),
    "vecdot": lambda a: np.linalg.vecdot(a, a),
}


@pytest.mark.parametrize("name", _NUMBERS)
def test_numbers_of_made_arrays_are_numpys_numbers_and_no_arrays(name: str) -> None:
    found: list[Any] = []

    def f(x: Any) -> Any:
        number = _NUMBERS[name](np.array([1.0, 2.0, 3.0]))
        before, changed = number, number
        changed += True  # a number does not change in place
        found.append((number, type(number), np.isscalar(number), before))
        return x

    with dd.patch():
        dd.grad(f)(1.0)
    expected = _NUMBERS[name](_ONE)
    assert found[0] == (expected, type(expected), True, expected)


@pytest.mark.parametrize("operator", [dd.grad, dd.hessian, lambda f: dd.grad(dd.grad(f))])
def test_compiled_code_that_reads_traced_memory_is_found_at_each_order(operator: Any) -> None:
    def f(x: Any) -> Any:
        a = np.ones(3)
        a[1] = x**2
        return scipy.linalg.blas.ddot(a, np.ones(3))

    with dd.patch(), pytest.raises(dd.DualdiffError, match="compiled code has read"):
        operator(f)(2.0)
