"""A plain array saved for the backward pass and changed afterwards never gives a wrong gradient."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import dualdiff as dd
from dualdiff.array import guards
from dualdiff.array.guards import BUDGET

SMALL, LARGE = 5, BUDGET + 1000
SIZES = (SMALL, 600, 20_000, LARGE)


@pytest.fixture(autouse=True)
def nothing_stays_locked() -> Iterator[None]:
    yield
    assert not guards._locked


def _ones(n: int) -> np.ndarray:
    return np.linspace(1.0, 2.0, n)


def _known_to_stay(c: np.ndarray) -> np.ndarray:
    """An array that has come through two derivatives unchanged."""
    for _ in range(2):
        dd.grad(lambda x: np.sum(x * c))(np.ones(c.shape))
    return c


USES: dict[str, Callable[[Any, np.ndarray], Any]] = {
    "x * c": lambda x, c: x * c,
    "c * x": lambda x, c: c * x,
    "x / c": lambda x, c: x / c,
    "c / x": lambda x, c: c / x,
    "np.power(x, c)": lambda x, c: np.power(x, c),
    "np.hypot(x, c)": lambda x, c: np.hypot(x, c),  # whose second derivative needs c
    "c @ x": lambda x, c: c @ x,
    "np.where": lambda x, c: np.where(c > 1.5, x, 0.0) * c,
}
CHANGES: dict[str, Callable[[np.ndarray], Any]] = {
    "all": lambda c: c.fill(100.0),
    "one element": lambda c: c.__setitem__(17, c[17] + 1e-3),
    "swap": lambda c: c.__setitem__([3, 4000], c[[4000, 3]]),
}


@pytest.mark.parametrize("name", USES)
def test_a_small_constant_changed_after_use_gives_the_right_gradient(name: str) -> None:
    use = USES[name]

    def f(x: Any, change: bool) -> Any:
        c = _ones(SMALL)
        y = use(x, c)
        if change:
            c[:] = 100.0
        return np.sum(y)

    x = _ones(SMALL) + 0.5
    np.testing.assert_array_equal(dd.grad(f)(x, True), dd.grad(f)(x, False))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "name", ["x * c", "c * x", "x / c", "np.power(x, c)", "np.hypot(x, c)", "c @ x"]
)
def test_a_large_constant_changed_after_use_gives_the_right_gradient(
    name: str, change: str
) -> None:
    use = USES[name]

    def f(x: Any, changes: bool) -> Any:
        c = _ones(LARGE)
        y = use(x, c)
        if changes:
            CHANGES[change](c)
        return np.sum(y)

    x = _ones(LARGE) + 0.5
    np.testing.assert_array_equal(dd.grad(f)(x, True), dd.grad(f)(x, False))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "name", ["x * c", "c * x", "x / c", "np.power(x, c)", "np.hypot(x, c)", "c @ x"]
)
def test_a_large_constant_of_a_lasting_tape_raises_with_the_line_of_its_use(
    name: str, change: str
) -> None:
    use = USES[name]

    def f(x: Any, changes: bool) -> Any:
        c = _ones(LARGE)
        y = use(x, c)
        if changes:
            CHANGES[change](c)
        return np.sum(y)

    x = _ones(LARGE) + 0.5
    _, pullback = dd.vjp(f, x, changes=False)
    assert pullback(1.0)[0].shape == x.shape
    _, pullback = dd.vjp(f, x, changes=True)
    with pytest.raises(
        dd.DualdiffError, match=r"changed in place after it was used at test_guards"
    ):
        pullback(1.0)


@pytest.mark.parametrize("name", ["c / x"])
def test_a_large_constant_that_is_not_a_residual_may_change(name: str) -> None:
    runs = []

    def f(x: Any, change: bool) -> Any:
        runs.append(change)
        c = _ones(LARGE)
        y = USES[name](x, c)
        if change:
            c[:] = 100.0
        return np.sum(y)

    x = _ones(LARGE) + 0.5
    np.testing.assert_array_equal(dd.grad(f)(x, True), dd.grad(f)(x, False))
    assert runs == [True, False]


def test_constants_that_no_derivative_needs_may_change() -> None:
    def f(x: Any) -> Any:
        buffer, total = np.zeros(LARGE), 0.0
        for k in range(3):
            buffer[:] = k
            total = total + np.sum(x + buffer) - np.sum(buffer - x)
        return total

    np.testing.assert_array_equal(dd.grad(f)(np.ones(LARGE)), np.full(LARGE, 6.0))


def test_a_mask_changed_after_use_does_not_change_the_gradient() -> None:
    def f(x: Any) -> Any:
        mask = np.array([True, False, True])
        y = np.where(mask, x, 0.0)
        mask[:] = False
        index = np.array([0, 2])
        z = x[index]
        index[:] = 1
        return np.sum(y) + np.sum(z)

    np.testing.assert_array_equal(dd.grad(f)(np.ones(3)), [2.0, 0.0, 2.0])


def test_changing_the_argument_after_vjp_does_not_change_the_pullback() -> None:
    x = _ones(LARGE)
    _, pullback = dd.vjp(lambda x: x * x, x)
    expected = 2 * x
    x[:] = 0.0
    np.testing.assert_array_equal(pullback(np.ones(LARGE))[0], expected)


def test_a_change_shows_in_an_array_with_nan_too() -> None:
    def f(x: Any) -> Any:
        c = _ones(LARGE)
        c[0] = np.nan
        y = x * c
        c[1] = 7.0
        return y[2]

    with pytest.raises(dd.DualdiffError, match="changed in place"):
        dd.vjp(f, np.ones(LARGE))[1](1.0)


def test_a_scaled_constant_shows_with_nan_in_every_row_and_column() -> None:
    values = np.random.default_rng(0).normal(size=LARGE)
    values[np.random.default_rng(1).random(values.size) < 0.1] = np.nan

    def f(x: Any) -> Any:
        c = values.copy()
        y = x * c
        c *= 2
        return np.nansum(y)

    with pytest.raises(dd.DualdiffError, match="changed in place"):
        dd.vjp(f, np.ones(values.size))[1](1.0)


def test_an_inverted_red_black_mask_shows() -> None:
    def f(x: Any) -> Any:
        mask = (np.indices((1024, 1024)).sum(0) % 2).astype(float)
        y = x * mask
        mask[:] = 1 - mask
        return np.sum(y)

    with pytest.raises(dd.DualdiffError, match="changed in place"):
        dd.vjp(f, np.ones((1024, 1024)))[1](1.0)


# A work buffer that outlives the calls, under every name by which it can be written to. The
# derivative of sum_k sum(x * b_k) is the sum of the b_k = k + ramp, whatever is written where.

WRITERS: dict[str, Callable[[np.ndarray, Any], Any]] = {
    "itself": lambda b, v: b.__setitem__(slice(None), v),
    "copyto": lambda b, v: np.copyto(b, v),
    "out=": lambda b, v: np.add(v, 0.0, out=b),
    "a new view": lambda b, v: b.reshape(2, -1).__setitem__(slice(None), v.reshape(2, -1)),
}


def _reuses(buffer: np.ndarray, used: np.ndarray, write: Callable[..., Any]) -> Callable[..., Any]:
    def f(x: Any, times: int) -> Any:
        total = 0.0
        for k in range(times):
            write(buffer, k + np.arange(float(buffer.size)))
            total = total + np.sum(x * used)
        return total

    return f


def _expected(n: int, times: int) -> np.ndarray:
    return times * np.arange(float(n)) + sum(range(times))


@pytest.mark.parametrize("n", [6, 600, 20_000, LARGE + LARGE % 2])
@pytest.mark.parametrize("name", WRITERS)
def test_a_reused_buffer_gives_the_right_gradient_in_every_call(name: str, n: int) -> None:
    buffer = np.zeros(n)
    f = _reuses(buffer, buffer, WRITERS[name])
    for times in (1, 1, 1, 3, 1, 2, 3):  # known not to change after its use, then changed
        np.testing.assert_array_equal(dd.grad(f)(np.ones(n), times), _expected(n, times))
        assert buffer.flags.writeable


@pytest.mark.parametrize("n", [6, 600, 20_000, LARGE + LARGE % 2])
@pytest.mark.parametrize("used", ["base", "view", "other view"])
def test_a_buffer_written_through_a_view_made_before_its_use(used: str, n: int) -> None:
    base = np.zeros(n)
    view = base[:]
    source = {"base": base, "view": view, "other view": base.reshape(2, -1).reshape(-1)}[used]
    f = _reuses(view, source, WRITERS["itself"])
    for times in (3, 1, 2, 3):
        np.testing.assert_array_equal(dd.grad(f)(np.ones(n), times), _expected(n, times))


def test_one_element_written_through_a_view_made_before_the_use_is_seen() -> None:
    def f(x: Any) -> Any:
        c = np.ones(LARGE)
        view = c[1:]
        y = x * c
        view[4321] = 7.0
        return np.sum(y)

    for _ in range(4):
        np.testing.assert_array_equal(dd.grad(f)(np.ones(LARGE)), np.ones(LARGE))


def test_a_view_that_is_new_since_the_last_call_is_not_trusted() -> None:
    c = _known_to_stay(np.ones(LARGE))
    views = []

    def f(x: Any) -> Any:
        c[4321] = 1.0
        y = x * c
        for view in views:
            view[4320] = 7.0
        return np.sum(y)

    dd.grad(f)(np.ones(LARGE))
    views.append(c[1:])
    np.testing.assert_array_equal(dd.grad(f)(np.ones(LARGE)), np.ones(LARGE))


@pytest.mark.parametrize("transform", ["grad", "jacobian", "elementwise_grad", "hessian", "hvp"])
def test_every_operator_of_one_call_takes_reused_buffers(transform: str) -> None:
    n = 600
    buffer = np.zeros(n)

    def f(x: Any) -> Any:
        total: Any = 0.0
        for k in range(3):
            buffer[:] = k + np.arange(n)
            total = total + x[: n // 100] ** 2 * np.sum(x[6:] * buffer[6:])
        return total if transform in ("jacobian", "elementwise_grad") else np.sum(total)

    def g(x: Any) -> Any:
        total: Any = 0.0
        for k in range(3):
            total = total + x[: n // 100] ** 2 * np.sum(x[6:] * (k + np.arange(n))[6:])
        return total if transform in ("jacobian", "elementwise_grad") else np.sum(total)

    x = np.linspace(0.5, 1.0, n)
    args = (x, x[::-1]) if transform == "hvp" else (x,)
    operator = getattr(dd, transform)
    expected = operator(g)(*args)
    for _ in range(3):
        np.testing.assert_allclose(operator(f)(*args), expected, rtol=1e-12)


# A function whose second run would differ does not run a second time.


def _persistent_writer(first: Callable[..., Any]) -> Callable[..., Any]:
    c = _known_to_stay(np.ones(LARGE))

    def f(x: Any, *args: Any) -> Any:
        y = first(x, *args)
        total = np.sum(y * c)
        c[:] = 2.0
        return total + np.sum(y * c)

    return f


def test_a_function_that_consumes_an_iterator_is_not_run_again() -> None:
    f = _persistent_writer(lambda x, it: x * next(it))
    with pytest.raises(dd.DualdiffError, match=r"written to at test_guards.*c\[:\] = 2.*iterator"):
        dd.grad(f)(np.ones(LARGE), iter([1.0, 2.0]))


def test_a_function_that_changes_its_argument_first_is_not_run_again() -> None:
    def add(x: Any, buffer: np.ndarray) -> Any:
        buffer += 1.0
        return x * buffer

    f = _persistent_writer(add)
    with pytest.raises(dd.DualdiffError, match="same a second time"):
        dd.grad(f)(np.ones(LARGE), np.ones(LARGE))


def test_a_function_that_draws_random_numbers_is_not_run_again() -> None:
    rng = np.random.default_rng(0)

    def f(x: Any) -> Any:
        c = rng.normal(size=LARGE)
        y = x * c
        c[:] = rng.normal(size=LARGE)
        return np.sum(y)

    with pytest.raises(dd.DualdiffError, match="same a second time"):
        dd.grad(f)(np.ones(LARGE))


def test_a_function_that_was_run_again_starts_with_copies() -> None:
    runs = []

    def f(x: Any) -> Any:
        runs.append(1)
        c = np.ones(LARGE)
        y = x * c
        c[:] = 2.0
        return np.sum(y)

    for _ in range(3):
        np.testing.assert_array_equal(dd.grad(f)(np.ones(LARGE)), np.ones(LARGE))
    assert len(runs) == 4


def test_a_function_that_raises_itself_is_not_run_again() -> None:
    c = _known_to_stay(np.ones(LARGE))
    runs = []

    def f(x: Any) -> Any:
        runs.append(1)
        y = x * c
        raise ValueError(f"no {len(y)}")

    with pytest.raises(ValueError, match="no "):
        dd.grad(f)(np.ones(LARGE))
    assert len(runs) == 1
    assert c.flags.writeable


# Locks


def test_a_constant_is_locked_for_the_call_alone() -> None:
    c, seen = _known_to_stay(np.ones(LARGE)), []

    def f(x: Any) -> Any:
        y = x * c
        seen.append(c.flags.writeable)
        return np.sum(y)

    dd.grad(f)(np.ones(LARGE))
    assert seen == [False]
    assert c.flags.writeable
    c[0] = 2.0
    assert dd.grad(f)(np.ones(LARGE))[0] == 2.0


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit, SystemExit])
def test_locks_end_with_an_exception_of_any_kind(error: type[BaseException]) -> None:
    c = _known_to_stay(np.ones((1000, 600)))
    view = c.T

    def f(x: Any) -> Any:
        _ = np.sum(x.T * view) + np.sum(x * c)
        assert not c.flags.writeable
        assert not view.flags.writeable
        raise error

    with pytest.raises(error):
        dd.grad(f)(np.ones((1000, 600)))
    assert c.flags.writeable
    assert view.flags.writeable


def test_locks_end_with_an_exception_in_the_backward_pass() -> None:
    c = _known_to_stay(np.ones(LARGE))

    @dd.extend.custom_vjp
    def g(x: Any) -> Any:
        return x

    def interrupted(ct: Any) -> Any:
        assert not c.flags.writeable
        raise KeyboardInterrupt

    g.defvjp(lambda x: (x, interrupted))
    with pytest.raises(KeyboardInterrupt):
        dd.grad(lambda x: np.sum(g(x) * c))(np.ones(LARGE))
    assert c.flags.writeable


def test_an_array_locked_by_the_user_stays_locked() -> None:
    c = np.ones(LARGE)
    c.flags.writeable = False
    for _ in range(4):
        np.testing.assert_array_equal(dd.grad(lambda x: np.sum(x * c))(np.ones(LARGE)), c)
        assert not c.flags.writeable


def test_a_read_only_view_of_a_buffer_is_seen_to_change() -> None:
    buffer = np.zeros(LARGE)
    shown = buffer.view()
    shown.flags.writeable = False
    f = _reuses(buffer, shown, WRITERS["itself"])
    for times in (1, 1, 3, 2):
        np.testing.assert_array_equal(dd.grad(f)(np.ones(LARGE), times), _expected(LARGE, times))
    assert not shown.flags.writeable


def test_a_read_only_argument_is_differentiated() -> None:
    x = np.ones(LARGE)
    x.flags.writeable = False
    np.testing.assert_array_equal(dd.grad(lambda x: np.sum(x * x))(x), 2 * x)
    assert not x.flags.writeable


@pytest.mark.parametrize("n", SIZES)
def test_an_argument_changed_through_another_name_gives_the_right_gradient(n: int) -> None:
    x = np.ones(n)

    def f(a: Any) -> Any:
        y = a * a
        x[:] = 0.0
        return np.sum(y)

    np.testing.assert_array_equal(dd.grad(f)(x), np.full(n, 2.0))
    np.testing.assert_array_equal(x, 0.0)


def test_a_memmap_that_changes_is_seen(tmp_path: Any) -> None:
    c = np.memmap(tmp_path / "c", dtype=float, mode="w+", shape=LARGE)
    f = _reuses(np.asarray(c), c, WRITERS["itself"])
    for times in (1, 1, 3, 2):
        np.testing.assert_array_equal(dd.grad(f)(np.ones(LARGE), times), _expected(LARGE, times))


def test_memory_that_no_array_owns_is_seen_to_change() -> None:
    memory = bytearray(8 * LARGE)
    c, other = np.frombuffer(memory), np.frombuffer(memory)
    f = _reuses(other, c, WRITERS["itself"])
    for times in (1, 1, 3, 2):
        np.testing.assert_array_equal(dd.grad(f)(np.ones(LARGE), times), _expected(LARGE, times))


def test_nested_derivatives_lock_and_unlock_in_turn() -> None:
    c = _known_to_stay(np.ones(LARGE))

    def f(x: Any) -> Any:
        inner = dd.grad(lambda s: np.sum(np.sin(s * c)))(x)
        return inner * np.sum(c * x)

    # inner = n cos(x), so f = n**2 x cos(x)
    for _ in range(3):
        expected = LARGE**2 * (np.cos(1.0) - np.sin(1.0))
        assert np.isclose(dd.grad(f)(1.0), expected)
        assert c.flags.writeable


def test_a_write_inside_a_nested_derivative_is_right() -> None:
    c = _known_to_stay(np.ones(LARGE))

    def f(x: Any) -> Any:
        c[:] = 1.0
        y = np.sum(x * c)

        def inner(s: Any) -> Any:
            z = np.sum(s * c)
            c[:] = 2.0
            return z + np.sum(s * s * c)

        return y * dd.grad(inner)(np.sum(x) / LARGE)

    # inner' = n + 4 n s, f = sum(x) (n + 4 sum(x)), f' = n + 8 sum(x)
    for _ in range(3):
        np.testing.assert_allclose(dd.grad(f)(np.ones(LARGE)), 9.0 * LARGE)
        assert c.flags.writeable


def test_threads_that_lock_the_same_array_unlock_it_with_the_last() -> None:
    c = _known_to_stay(np.ones(LARGE))
    both, one_left = threading.Barrier(2), threading.Event()
    seen: dict[str, Any] = {}

    def f(x: Any, name: str) -> Any:
        y = x * c
        both.wait()
        if name == "last":
            one_left.wait()
            seen["while the last runs"] = c.flags.writeable
        return np.sum(y)

    def first() -> None:
        seen["first"] = dd.grad(f)(np.ones(LARGE), "first")
        one_left.set()

    def last() -> None:
        seen["last"] = dd.grad(f)(np.ones(LARGE), "last")

    threads = [threading.Thread(target=t) for t in (first, last)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert seen["while the last runs"] is False
    assert c.flags.writeable
    np.testing.assert_array_equal(seen["first"], c)
    np.testing.assert_array_equal(seen["last"], c)


def test_guards_raise_no_floating_point_error() -> None:
    c = np.full(LARGE, 1e308)
    with np.errstate(all="raise"):
        for _ in range(4):
            gradient = dd.grad(lambda x: (x * c)[0])(np.ones(LARGE))
            np.testing.assert_array_equal(gradient[:2], [1e308, 0.0])


def test_a_constant_that_changes_between_calls_is_taken_as_it_is() -> None:
    c = np.ones(LARGE)
    for k in range(5):
        c[:] = k
        np.testing.assert_array_equal(dd.grad(lambda x: np.sum(x * c))(np.ones(LARGE)), c)


def test_what_is_known_of_an_array_ends_with_it() -> None:
    before = len(guards._known)
    c = _known_to_stay(np.ones(LARGE))
    assert len(guards._known) == before + 1
    del c
    assert len(guards._known) == before


# Residuals that hold arrays inside objects


@pytest.mark.parametrize("n", [2, 700])
@pytest.mark.parametrize("format", ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"])
def test_a_sparse_matrix_that_changes_after_its_use_is_right(format: str, n: int) -> None:
    def matrix(k: int) -> Any:
        values = np.arange(1.0, n + 1.0) + k
        return sparse.diags_array([values, values[1:] * 2], offsets=[0, 1]).asformat(format)

    def f(u: Any, reuse: bool) -> Any:
        A = matrix(0)
        for k in range(3):
            if not reuse:
                A = matrix(k)
            elif k and format in ("lil", "dok"):
                for i, j in zip(*matrix(k).nonzero(), strict=True):
                    A[i, j] += 1.0 if i == j else 2.0
            elif k:
                A.data[...] = matrix(k).data
            u = A @ u / n
        return np.sum(u)

    u = np.ones(n)
    for transform in (dd.grad, dd.jacobian):
        np.testing.assert_allclose(transform(f)(u, True), transform(f)(u, False))
    np.testing.assert_allclose(
        dd.vjp(f, u, reuse=True)[1](1.0)[0], dd.vjp(f, u, reuse=False)[1](1.0)[0]
    )


def test_samples_and_edges_of_a_histogram_may_change_after_it() -> None:
    samples, edges = np.array([0.5, 1.5, 1.6, 2.5]), np.array([0.0, 1.0, 2.0, 3.0])
    _, linear = dd.linearize(lambda w: np.histogram(samples, edges, weights=w)[0], np.ones(4))
    _, linear2 = dd.linearize(
        lambda w: np.histogram2d(samples, samples, [edges, edges], weights=w)[0].sum(0), np.ones(4)
    )
    samples[:], edges[:] = 0.1, [0.0, 5.0, 6.0, 7.0]
    t = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_array_equal(linear.jvp(t), [1.0, 5.0, 4.0])
    np.testing.assert_array_equal(linear2.jvp(t), [1.0, 5.0, 4.0])
