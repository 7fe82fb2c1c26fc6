"""Assignment to traced arrays has NumPy's own meaning: each program runs on plain NumPy as well.

A program takes the argument and the module that makes arrays (`numpy` for the reference,
differentiated numerically, and `dualdiff.numpy`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numdifftools as nd
import numpy as np
import pytest

import dualdiff as dd

X = np.array([[0.5, -1.2, 0.8], [1.4, 0.3, -0.6]])
Program = Callable[[Any, Any], Any]
PROGRAMS: dict[str, Program] = {}


def program(f: Program) -> Program:
    PROGRAMS[f.__name__] = f
    return f


@program
def element_and_slice_stores(x: Any, d: Any) -> Any:
    a = d.zeros((3, 4))
    a[0, 0] = x[0, 0] ** 2
    a[1] = x[0, 1]
    a[2, 1:] = x[1]
    a[::-2, 0] = x[0, :2]
    a[..., -1] = x[0] * x[1]
    return a * a


@program
def newaxis_and_negative_steps(x: Any, d: Any) -> Any:
    a = d.zeros((2, 3))
    a[:, None, ::-1] = x[:, None, :] ** 2
    a[None, 0] += x[1]
    return a


@program
def integer_and_boolean_indices(x: Any, d: Any) -> Any:
    a = d.ones((2, 3))
    a[[1, 0], [2, 0]] = x[0, :2]
    a[a > 0.9] *= x[1, 1]
    a[np.array([True, False])] += x[0]
    a[:, np.array([0, 2])] = a[:, [2, 0]] * x[1, 0]
    a[1, [True, False, True]] = x[1, :2]
    return a


@program
def mixed_and_separated_indices(x: Any, d: Any) -> Any:
    a = d.zeros((2, 3, 4))
    a[0, :, [1, 3]] = x
    a[np.array([0, 1])[:, None], :, np.array([0, 2])] += x[0, :, None].T[:, None, :].repeat(2, 0)
    return a


@program
def repeated_fancy_indices_keep_the_last(x: Any, d: Any) -> Any:
    a = d.zeros(4)
    a[[1, 1, 2, 1]] = x.ravel()[:4]
    a[[0, 0]] += x[1, :2]
    return a**2


@program
def augmented_forms(x: Any, d: Any) -> Any:
    a = x * 1.0
    a += x
    a -= 0.5 * x[0]
    a *= x[1]
    a /= 2.0 + x**2
    a **= 2
    a[0] += 1.0
    a[0, 1] -= x[1, 1]
    a[:, 2] *= x[:, 0]
    return a


@program
def alias_is_changed_by_augmented_assignment_and_copy_is_not(x: Any, d: Any) -> Any:
    y = x * 2.0
    alias, copied = y, y.copy()
    y += 1.0
    y *= x
    return alias + copied


@program
def zero_dimensional_arrays_change_in_place_and_scalars_do_not(x: Any, d: Any) -> Any:
    a = d.array(2.0) * x[0, :1].reshape(())
    s = x[0, 1]
    t = s
    s += 5.0 * x[1, 0]
    return np.stack([a * 1.0, t * s])


@program
def views_of_views_write_through(x: Any, d: Any) -> Any:
    a = d.zeros((3, 4))
    row = a[0]
    row[1] = x[0, 0]
    a[0][2] = x[0, 1]
    a.T[3, 1] = x[0, 2]
    a.reshape(-1)[11] = x[1, 0]
    a.ravel()[8:10] = x[1, 1:]
    a[1:, 1:][::-1].T[0] += x[0, :2]
    a.swapaxes(0, 1)[1] *= x[1, 2]
    np.squeeze(a[None], 0)[2, 0] = x[1, 1] ** 2
    return a


@program
def a_store_into_the_base_is_seen_by_its_views(x: Any, d: Any) -> Any:
    a = d.zeros((2, 3))
    row, transposed, flat = a[1], a.T, a.reshape(6)
    a[1, 1] = x[0, 0]
    a[:, 2] = x[:, 1]
    copied = a[1].copy()
    a[1] *= x[1]
    return row * 2.0 + transposed[:, 0] + flat[3:] * copied


@program
def transposed_reshape_copies_as_in_numpy(x: Any, d: Any) -> Any:
    a = x * 1.0
    copied = a.T.reshape(-1)
    copied[0] = 100.0
    viewed = a.T.reshape(3, 2)
    viewed[0, 1] = x[0, 0] ** 2
    return a * copied[:3]


@program
def rows_of_a_loop_and_unpacking(x: Any, d: Any) -> Any:
    a = x * 1.0
    for row in a:
        row[0] = row[1] * row[2]
        row[1:] += 1.0
    first, second = a
    first[2] = second[0]
    return a


@program
def split_pieces_are_views(x: Any, d: Any) -> Any:
    a = d.zeros(6)
    left, right = np.split(a, 2)
    left[:] = x[0]
    right += x[1] ** 2
    return a


@program
def the_argument_itself_may_be_assigned(x: Any, d: Any) -> Any:
    x[0, 0] = x[1, 1] * 3.0
    x[1] = x[0]
    return x**2


@program
def numpy_functions_that_store(x: Any, d: Any) -> Any:
    a = d.zeros((2, 3))
    np.copyto(a, x)
    np.put(a, [0, 4], x[0, 1:])
    np.place(a, np.array([[0, 0, 1], [0, 1, 0]], bool), x[1, :1])
    np.putmask(a, np.array([[1, 0, 0], [0, 0, 0]], bool), x * x)
    np.put_along_axis(a, np.array([[1], [0]]), x[:, :1] * 2.0, 1)
    b = d.ones((3, 3))
    np.fill_diagonal(b, x[0])
    b[0].fill(x[1, 1])
    return np.concatenate([a, b])


@program
def ufuncs_with_out(x: Any, d: Any) -> Any:
    a, b = d.zeros((2, 3)), d.zeros((2, 3))
    np.add(x, 1.0, out=a)
    np.multiply(a, x, out=b)
    np.sin(b, out=b)
    np.clip(b, -0.5, 0.5, out=b)
    np.add(a[0], x[1], out=a[1])
    np.sum(x, axis=0, out=b[0])
    return a * b


@program
def add_at_counts_repeats(x: Any, d: Any) -> Any:
    a = d.zeros(3)
    np.add.at(a, [0, 0, 2], x[0])
    np.add.at(a, 1, x[1, 0])
    np.subtract.at(a, [2, 2], x[1, 1])
    return a


@program
def sort_and_partition_in_place(x: Any, d: Any) -> Any:
    a = x * 1.0
    a.sort(axis=1)
    b = x.ravel() ** 2
    b.sort()
    c = x.ravel() * 1.0
    c.partition(2)
    return np.concatenate([a.ravel() * x.ravel(), b, np.sort(c[:2])])


@program
def flat_assignment(x: Any, d: Any) -> Any:
    a = d.zeros((2, 3))
    a.flat[1] = x[0, 0]
    a.flat[3:] = x[1]
    a.T.flat[0] = x[0, 1]
    return a


@program
def a_recurrence_in_a_preallocated_array(x: Any, d: Any) -> Any:
    u = d.empty(8)
    u[0], u[1] = x[0, 0], x[0, 1]
    for i in range(2, 8):
        u[i] = np.tanh(u[i - 1] * x[1, 0]) + 0.5 * u[i - 2]
    return u


@program
def an_explicit_heat_step(x: Any, d: Any) -> Any:
    u = d.zeros(9)
    u[1:4] = x[0]
    for _ in range(4):
        u[1:-1] += 0.2 * x[1, 1] * (u[2:] - 2 * u[1:-1] + u[:-2])
    return u


@program
def a_function_that_changes_its_argument(x: Any, d: Any) -> Any:
    def normalise(v: Any) -> None:
        v /= np.sqrt(np.sum(v * v))

    a = x * 1.0
    normalise(a[0])
    normalise(a[:, 1])
    return a


@program
def an_integer_array_truncates(x: Any, d: Any) -> Any:
    counts = np.zeros(3, dtype=int)
    counts[:] = np.floor(np.abs(x[0])).astype(int)
    return x[1] * counts


def reference(f: Program) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.array(f(x.reshape(X.shape).copy(), np)).ravel()


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_that_assign_have_numpys_values_and_right_derivatives(name: str) -> None:
    f = PROGRAMS[name]
    x = X.copy()
    g = lambda x: f(x, dd.numpy)  # noqa: E731  # the traced program
    value, _ = dd.vjp(g, x)
    np.testing.assert_array_equal(np.ravel(value), reference(f)(X))
    np.testing.assert_array_equal(x, X)
    numeric = nd.Jacobian(reference(f))(X.ravel())
    for mode in ("forward", "reverse"):
        for chunk in (None, 1):
            jacobian = dd.jacobian(g, mode=mode, chunk=chunk)(x)
            got = jacobian.reshape(numeric.shape)
            np.testing.assert_allclose(got, numeric, rtol=1e-7, atol=1e-8, err_msg=mode)


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_derivatives_of_programs_that_assign_agree_in_every_pair_of_modes(name: str) -> None:
    f = PROGRAMS[name]
    loss = lambda x: np.sum(np.sin(f(x, dd.numpy)))  # noqa: E731  # the traced program
    hessian = dd.hessian(loss)(X)
    for inner in ("forward", "reverse"):
        for outer in ("forward", "reverse"):
            nested = dd.jacobian(dd.jacobian(loss, mode=inner), mode=outer)(X)
            np.testing.assert_allclose(nested, hessian, atol=1e-10, err_msg=f"{outer} {inner}")
    v = np.cos(np.arange(6.0)).reshape(2, 3)
    numeric = nd.Derivative(lambda t: np.ravel(dd.grad(loss)(X + t * v)))(0.0)
    np.testing.assert_allclose(np.tensordot(hessian, v, 2).ravel(), numeric, rtol=1e-6, atol=1e-7)


def test_real_and_imaginary_parts_are_views_that_write_through() -> None:
    def f(x: Any, d: Any) -> Any:
        z = d.zeros(3, dtype=complex)
        z.real = x[0]
        z.imag[1:] = x[1, 1:]
        z.real[0] *= x[1, 0]
        z[2] *= 1.0 + 2.0j
        return np.stack([z.real, z.imag]) + np.absolute(z) ** 2

    numeric = nd.Jacobian(reference(f))(X.ravel())
    for mode in ("forward", "reverse"):
        jacobian = dd.jacobian(lambda x: f(x, dd.numpy), mode=mode)(X)
        np.testing.assert_allclose(jacobian.reshape(numeric.shape), numeric, rtol=1e-7, atol=1e-8)


def test_read_only_views_refuse_stores_as_in_numpy() -> None:
    def diagonal(x: Any) -> Any:
        np.diagonal(x)[0] = 1.0
        return np.sum(x)

    def broadcast(x: Any) -> Any:
        np.broadcast_to(x, (2, 2, 3))[0] = 1.0
        return np.sum(x)

    for f in (diagonal, broadcast):
        with pytest.raises(ValueError, match="read-only"):
            dd.grad(f)(X)


def test_shapes_and_dtypes_that_numpy_refuses_are_refused() -> None:
    def wrong_shape(x: Any) -> Any:
        x[0] = x[:, 0]
        return np.sum(x)

    def out_of_range(x: Any) -> Any:
        x[5, 0] = 1.0
        return np.sum(x)

    def grows(x: Any) -> Any:
        row = x[0]
        row += x
        return np.sum(row)

    def complex_into_real(x: Any) -> Any:
        x += 1j
        return np.sum(x)

    with pytest.raises(ValueError, match="could not broadcast"):
        dd.grad(wrong_shape)(X)
    with pytest.raises(IndexError, match="out of bounds"):
        dd.grad(out_of_range)(X)
    with pytest.raises(ValueError, match="non-broadcastable output"):
        dd.grad(grows)(X)
    with pytest.raises(TypeError, match="in place"):
        dd.grad(complex_into_real)(X)


def test_a_scalar_does_not_support_item_assignment() -> None:
    def f(x: Any) -> Any:
        s = x[0, 0]
        s[()] = 1.0
        return s

    with pytest.raises(TypeError, match="does not support item assignment"):
        dd.grad(f)(X)


def test_float32_arrays_keep_their_dtype_when_stored_into() -> None:
    def f(x: Any) -> Any:
        a = dd.numpy.zeros(3, dtype=np.float32)
        a[:2] = x[:2]
        a[2] = 2.5
        a *= 2.0
        assert a.dtype == np.float32
        return np.sum(a * a)

    gradient = dd.grad(f)(np.ones(3))
    np.testing.assert_allclose(gradient, [8.0, 8.0, 0.0])
    assert gradient.dtype == np.float64


def test_second_derivatives_of_stores_into_a_zero_dimensional_array() -> None:
    def f(x: Any) -> Any:
        a = dd.numpy.zeros(())
        a[...] = x[0]
        c = a[...]
        c[...] = c * x[1]
        return a * x[0]

    # a = x0 x1, so f = x0^2 x1.
    np.testing.assert_allclose(dd.hessian(f)(np.array([2.0, 3.0])), [[6.0, 4.0], [4.0, 0.0]])


def test_a_copy_of_a_plain_array_takes_traced_values() -> None:
    unbox = np.arange(3.0)

    def f(x: Any) -> Any:
        a = dd.numpy.copy(unbox)
        a[1] = x[0, 0] ** 2
        return np.sum(a)

    assert dd.grad(f)(X)[0, 0] == 2 * X[0, 0]
    np.testing.assert_array_equal(unbox, np.arange(3.0))


def test_a_real_array_has_no_imaginary_part_to_set() -> None:
    def f(x: Any) -> Any:
        x.imag = 1.0
        return np.sum(x)

    with pytest.raises(TypeError, match="imaginary part"):
        dd.grad(f)(X)


def test_changing_the_flags_of_a_traced_array_leaves_the_callers_array_alone() -> None:
    def f(x: Any) -> Any:
        x.flags.writeable = False
        return np.sum(x)

    x = X.copy()
    dd.grad(f)(x)
    assert x.flags.writeable


def test_an_integer_array_truncates_what_is_stored_and_ends_the_derivative() -> None:
    def f(x: Any, d: Any) -> Any:
        counts = d.zeros(3, dtype=int)
        counts[0] = 2.7 * x[0]
        counts[1:] = x[1:] - 3.5
        return np.sum(counts * x)

    x = np.array([1.5, 2.25, -1.75])
    value, gradient = dd.value_and_grad(lambda x: f(x, dd.numpy))(x)
    assert value == f(x, np)
    np.testing.assert_array_equal(gradient, [4.0, -1.0, -5.0])


def test_integer_and_boolean_arrays_made_inside_f_index_plain_and_traced_arrays() -> None:
    def f(x: Any, d: Any) -> Any:
        order, mask = d.array([2, 0, 1]), d.zeros(3, dtype=bool)
        order[[0, 1]] = order[[1, 0]]
        mask[1] = x[1] > 0.0
        mask |= order == 1
        weights = np.arange(3.0)
        np.add.at(weights, order, 1.0)
        total = 0.0
        for i in range(order[1]):
            total = total + x[i] * weights[order][i]
        return total + np.sum(x[order] * np.take(weights, order)) + np.sum(x[~mask] ** 3)

    x = np.array([0.5, 1.5, 2.5])
    value, gradient = dd.value_and_grad(lambda x: f(x, dd.numpy))(x)
    assert value == f(x, np)
    np.testing.assert_allclose(gradient, nd.Gradient(lambda x: f(x, np))(x), rtol=1e-8)


def test_a_plain_target_takes_an_array_that_was_made_inside_f_and_is_not_traced() -> None:
    def f(x: Any) -> Any:
        made, target = dd.numpy.ones(3), np.zeros(3)
        target += made
        target[0] = made[1]
        target[1:] = made[1:]
        np.multiply(made, 2.0, out=target)
        np.copyto(target[:1], made[:1])
        np.add.at(target, [0, 0], made[:2])
        return np.sum(target * x)

    np.testing.assert_array_equal(dd.grad(f)(np.zeros(3)), [3.0, 2.0, 2.0])


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_resize_pads_with_zeros_and_truncates_as_numpys_does(mode: Any) -> None:
    def f(x: Any) -> Any:
        a = x * x
        a.resize((2, 3))
        a[1, 2] = a[0, 0] * a[0, 1]
        b = a * np.arange(1.0, 7.0).reshape(2, 3)
        b.resize(5)
        c = np.outer(x, x * x).T.copy(order="K")
        c.resize((2, 3))
        return np.concatenate([np.ravel(a), b, np.ravel(c)])

    x = np.array([0.5, 1.5])
    np.testing.assert_array_equal(dd.jvp(f, (x,), (x,))[0], f(x))
    np.testing.assert_allclose(dd.jacobian(f, mode=mode)(x), nd.Jacobian(f)(x), atol=1e-9)


def test_resize_is_refused_where_views_exist() -> None:
    def f(x: Any) -> Any:
        a = x * 2.0
        view = a[:2]
        with pytest.raises(ValueError, match="references or is referenced by another array"):
            a.resize(5)
        with pytest.raises(ValueError, match="does not own its data"):
            view.resize(1)
        del view
        a.resize(1)
        return a[0]

    np.testing.assert_array_equal(dd.grad(f)(np.ones(3)), [2.0, 0.0, 0.0])


ARGUMENTS = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.T,
    "part of the columns": lambda x: np.hstack([x, x])[:, :3],
    "every second column": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "rows reversed": lambda x: x[::-1],
    "all reversed": lambda x: x[::-1, ::-1],
}


@pytest.mark.parametrize("arrange", ARGUMENTS.values(), ids=ARGUMENTS.keys())
def test_a_reshape_of_an_assigned_argument_is_a_view_exactly_where_numpys_is(arrange: Any) -> None:
    def f(x: Any) -> Any:
        x[0, 0] = 5.0 * x[1, 1]
        flat = x.reshape(-1)
        flat[1] = 100.0 * flat[2]
        return np.sum(x * x * np.arange(9.0).reshape(3, 3))

    def fresh() -> Any:
        return arrange(np.linspace(0.5, 2.0, 9).reshape(3, 3).copy())

    value, gradient = dd.value_and_grad(f)(fresh())
    assert value == f(fresh())
    numeric = nd.Gradient(lambda v: _arranged(f, fresh(), v))(fresh().ravel())
    np.testing.assert_allclose(np.ravel(gradient), numeric, rtol=1e-7, atol=1e-7)


def _arranged(f: Any, like: Any, values: Any) -> Any:
    like[...] = values.reshape(like.shape)
    return f(like)


@pytest.mark.parametrize(
    "view",
    [lambda y: y[::-1], lambda y: y.reshape(-1), lambda y: y.T, lambda y: y[...], np.ravel],
    ids=["reversed", "reshape", "transpose", "ellipsis", "ravel"],
)
def test_a_chain_of_2000_views_neither_recurses_nor_takes_quadratic_time(view: Any) -> None:
    def f(x: Any) -> Any:
        y = x
        for _ in range(2000):
            y = view(y)
        total = np.sum(y)
        y[0] = 5.0 * y[1]  # seen by x
        return total + np.sum(x**2)

    start = time.perf_counter()
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(dd.grad(f)(x), [1.0, 1.0 + 2 * 50 + 4, 7.0])
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(x), [1.0, 105.0, 7.0])
    assert time.perf_counter() - start < 5  # 30 s when each view walked down the chain


@pytest.mark.parametrize("mode", ["forward", "reverse", "nested", "pattern"])
def test_a_store_leaves_the_class_of_an_array(mode: str) -> None:
    kinds = []

    def f(x):
        y = x * 2.0
        kinds.append((type(x), type(y)))
        x[0] = y[1]
        y[1:] += x[:-1]
        x.sort()
        kinds.append((type(x), type(y)))
        return np.sum(x * y)

    x = np.array([3.0, 1.0, 2.0])
    if mode == "forward":
        dd.jvp(f, (x,), (np.ones(3),))
    elif mode == "reverse":
        dd.grad(f)(x)
    elif mode == "nested":
        dd.hessian(f)(x)
    else:
        dd.sparsity(f, x)
    assert kinds[0::2] == kinds[1::2]


def test_a_store_through_a_reshaped_transpose_has_no_influence_at_second_order():
    def f(x):
        y = x.T * 1.0
        y.T.reshape(-1)[4] = 0.0
        return np.sum(np.cumsum(y, axis=1) ** 3)

    x = np.random.default_rng(0).normal(size=(3, 2))
    for hessian in (dd.hessian(f)(x), dd.jacobian(dd.grad(f), mode="forward")(x)):
        hessian = hessian.reshape(6, 6)
        np.testing.assert_array_equal(hessian[4], 0)
        np.testing.assert_allclose(hessian, hessian.T)


def test_a_store_through_a_reshaped_transpose_has_no_influence_where_a_nan_is_masked():
    def f(x):
        y = x.T * 1.0
        y.T.reshape(-1)[4] = 0.0
        root = np.where(x[0, 0] > 0, np.sqrt(x[0, 0]), 0.0)
        return np.sum(np.cumsum(y, axis=1) ** 3) + root

    x = np.random.default_rng(0).normal(size=(3, 2))
    x[0, 0] = 0.0
    assert dd.grad(f)(x)[2, 0] == 0
    np.testing.assert_allclose(dd.grad(f)(x), dd.jacobian(f, mode="forward")(x))


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_jacobians_without_directions_are_empty_after_stores_through_views(mode):
    def no_results(x):
        y = x * 1.0
        y.reshape(2, 2)[0] = 0.0
        return y[4:]

    def no_arguments(x):
        y = dd.numpy.zeros(4) + np.sum(x)
        y.reshape(2, 2)[0] = 1.0
        return y

    assert dd.jacobian(no_results, mode=mode)(np.ones(4)).shape == (0, 4)
    assert dd.jacobian(no_arguments, mode=mode)(np.ones(0)).shape == (4, 0)


def _stores_into_first(a, b):
    a[0] = 10.0 * b[1]
    return np.sum(a * b)


@pytest.mark.parametrize("operator", [dd.grad, dd.value_and_grad, dd.jacobian, dd.hessian])
@pytest.mark.parametrize("other", [lambda x: x, lambda x: x[::-1], lambda x: x[:]])
@pytest.mark.parametrize("argnums", [0, (0, 1)])
def test_arguments_that_share_memory_are_refused_where_one_is_stored_into(operator, other, argnums):
    x = np.array([1.0, 2.0, 3.0])
    with pytest.raises(dd.errors.UnsupportedInputError, match="argument 0 and argument 1 share"):
        operator(_stores_into_first, argnums)(x, other(x))
    operator(_stores_into_first, argnums)(x, x.copy())
    operator(lambda a, b: np.sum(a * b), argnums)(x, x)
    np.testing.assert_array_equal(x, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("argnums", [0, 1])
@pytest.mark.parametrize("other", [lambda x: x, lambda x: x[::-1]])
def test_a_constant_argument_that_shares_memory_is_refused_where_one_is_stored_into(argnums, other):
    def f(a, b):
        a[0] = 10.0
        return np.sum(a * b)

    for operator in (dd.grad, dd.jacobian, dd.hessian):
        x = np.array([1.0, 2.0, 3.0])
        with pytest.raises(dd.errors.UnsupportedInputError, match="share memory"):
            operator(f, argnums)(x, other(x))


def test_leaves_of_a_container_that_share_memory_are_refused_where_one_is_stored_into():
    x = np.array([1.0, 2.0, 3.0])
    with pytest.raises(dd.errors.UnsupportedInputError, match=r"argument 0\['a'\] and argument 0"):
        dd.grad(lambda p: _stores_into_first(p["a"], p["b"]))({"a": x, "b": x})
    with pytest.raises(dd.errors.UnsupportedInputError, match="share memory"):
        dd.jvp(_stores_into_first, (x, x), (x, x))


def test_the_shape_of_an_array_without_views_may_be_assigned() -> None:
    def f(x: Any) -> Any:
        y = np.sin(x)
        y.shape = (2, -1)
        return np.sum(y[1] ** 2 * np.arange(3.0))

    x = np.arange(6.0)
    np.testing.assert_allclose(dd.grad(f)(x), [0, 0, 0, 0, np.sin(8.0), 2 * np.sin(10.0)])
    np.testing.assert_allclose(dd.jvp(f, (x,), (np.ones(6),))[1], dd.grad(f)(x).sum())


def test_the_shape_of_an_array_that_has_views_is_refused() -> None:
    def f(x: Any) -> Any:
        y = np.sin(x)
        part = y[:3]
        y.shape = (2, 3)
        return np.sum(part)

    with pytest.raises(dd.errors.UnsupportedInputError, match=r"x = x.reshape\(\(2, 3\)\)"):
        dd.grad(f)(np.arange(6.0))
