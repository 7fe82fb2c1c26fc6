"""Large arrays that a program refers to are inputs of its recordings: each change is followed."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import dualdiff as dd
from tests.compiled.helpers import assert_same, calls_agree, is_eager, recordings, replays

RNG = np.random.default_rng(5)
DATA, LABELS = RNG.normal(size=(300, 80)), RNG.normal(size=300)
POINTS = [(RNG.normal(size=80),) for _ in range(6)]


def residuals(w: Any) -> Any:
    return DATA @ w - LABELS


def through_a_global(w: Any) -> Any:
    return np.sum(residuals(w) ** 2)


def loss(w: Any, data: Any, scale: float = 1.0) -> Any:
    return scale * np.sum(np.tanh(data @ w))


class Model:
    def __init__(self, data: Any) -> None:
        self.data, self.scale, self.itself = data, 2.0, self

    def loss(self, w: Any) -> Any:
        return self.scale * np.sum(np.tanh(self.itself.predicted(w)))

    def predicted(self, w: Any) -> Any:
        return self.data @ w


@dataclasses.dataclass(frozen=True)
class Frozen:
    data: Any

    def __call__(self, w: Any) -> Any:
        return np.sum(np.tanh(self.data @ w))


class Named(NamedTuple):
    data: Any


class Slots:
    __slots__ = ("data",)

    def __init__(self, data: Any) -> None:
        self.data = data


def in_a_closure(data: Any) -> Any:
    def inner(w: Any, depth: int = 1) -> Any:
        return inner(w, depth - 1) if depth else np.sum(np.tanh(data @ w))

    return inner


def as_a_default(data: Any) -> Any:
    def f(w: Any, held: Any = data, *, also: Any = data) -> Any:
        return np.sum(np.tanh(held @ w)) + np.sum((also @ w) ** 2)

    return f


def as_an_attribute(data: Any) -> Any:
    def f(w: Any) -> Any:
        return np.sum(np.tanh(f.data @ w))

    f.data = data
    return f


def decorated(data: Any) -> Any:
    def logged(f: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(f)
        def inner(w: Any) -> Any:
            return 2.0 * f(w)

        return inner

    return logged(in_a_closure(data))


def in_containers(data: Any) -> Any:
    held = {"all": [(data, 1.0)]}

    def f(w: Any) -> Any:
        return sum(scale * np.sum(np.tanh(part @ w)) for part, scale in held["all"])

    return f


def with_a_derivative_inside(data: Any) -> Any:
    slope = dd.grad(in_a_closure(data))
    return lambda w: np.sum(slope(w) ** 2)


LIFTED = {
    "closure": in_a_closure, "default": as_a_default, "attribute": as_an_attribute,
    "decorated": decorated, "containers": in_containers, "derivative": with_a_derivative_inside,
    "partial": lambda data: functools.partial(loss, data=data, scale=3.0),
    "method": lambda data: Model(data).loss, "frozen": Frozen,
    "lambda of an object": lambda data: (lambda m: lambda w: m.loss(w))(Model(data)),
}  # fmt: skip
COMPARED = {
    "namedtuple": lambda data: (lambda held: lambda w: np.sum(np.tanh(held.data @ w)))(Named(data)),
    "slots": lambda data: (lambda held: lambda w: np.sum(np.tanh(held.data @ w)))(Slots(data)),
    "class": lambda data: (lambda held: lambda w: np.sum(np.tanh(held.data @ w)))(
        type("Held", (), {"data": data})
    ),
}  # fmt: skip


def lifted(g: Any) -> list[Any]:
    """The captured arrays that are inputs of the recordings."""
    return [x for recorded in recordings(g) for x in recorded.lifted]


@pytest.mark.parametrize("name", LIFTED)
def test_a_large_array_is_an_input_and_its_changes_in_place_are_followed(name: str) -> None:
    data = DATA.copy()
    f = dd.value_and_grad(LIFTED[name](data))
    g = dd.compile(f)
    calls_agree(g, f, POINTS)
    assert lifted(g)
    assert all(x is data for x in lifted(g))
    count = replays(g)
    for k in range(4):
        data[k] += 1.0
        calls_agree(g, f, POINTS[:1])
    assert replays(g) == count + 4


@pytest.mark.parametrize("name", COMPARED)
def test_an_array_that_is_reached_otherwise_is_compared(name: str) -> None:
    data = DATA.copy()
    f = dd.value_and_grad(COMPARED[name](data))
    g = dd.compile(f)
    for k in range(4):
        calls_agree(g, f, POINTS)
        data[k] += 1.0
    assert is_eager(g) or not lifted(g)


def test_globals_of_a_called_function_are_followed_and_may_be_bound_anew() -> None:
    global DATA
    f = dd.value_and_grad(through_a_global)
    g = dd.compile(f)
    calls_agree(g, f, POINTS)
    assert [x is DATA for x in lifted(g)] == [True]
    first = DATA
    try:
        DATA = DATA + 1.0
        calls_agree(g, f, POINTS)
        DATA = DATA[:200]
        with pytest.raises(ValueError):
            g(*POINTS[0])
    finally:
        DATA = first
    calls_agree(g, f, POINTS)


def test_a_method_of_the_class_takes_its_object_as_an_argument() -> None:
    class Fit(Model):
        value = dd.compile(Model.loss)

    fit = Fit(DATA.copy())
    for k, (w,) in enumerate(POINTS):
        fit.data[k] = 0.5
        assert_same(fit.value(w), fit.loss(w))
    assert lifted(fit.value.func)


def test_a_decision_on_the_data_is_a_guard() -> None:
    data = DATA.copy()

    def f(w: Any) -> Any:
        product = data @ w
        return np.sum(np.tanh(product)) if data[0, 0] > 0 else np.sum(product**2)

    g = dd.compile(dd.value_and_grad(f))
    for sign in (1.0, -1.0, 1.0, -1.0, 1.0):
        data[0, 0] = sign
        calls_agree(g, dd.value_and_grad(f), POINTS)
    assert len(recordings(g)) == len(lifted(g)) == 2


def test_work_on_the_data_alone_is_done_once_and_the_data_are_compared() -> None:
    data = DATA.copy()

    def f(w: Any) -> Any:
        return w @ (data.T @ data) @ w

    g = dd.compile(f)
    calls_agree(g, f, POINTS)
    assert not lifted(g)
    data[0] += 1.0
    calls_agree(g, f, POINTS)


def test_a_program_that_writes_its_data_runs_eagerly() -> None:
    data = DATA.copy()

    def f(w: Any) -> Any:
        data[0] = data[0] + 1.0
        return np.sum(data @ w)

    g = dd.compile(f)
    twin = data.copy()
    for (w,) in POINTS:
        twin[0] += 1.0
        np.testing.assert_allclose(g(w), np.sum(twin @ w))
    assert is_eager(g)


def test_a_course_that_writes_the_data_is_found_after_another_that_does_not() -> None:
    data = DATA.copy()

    def f(w: Any) -> Any:
        if w[0] > 100.0:
            data[1] = data[1] + 1.0
        return np.sum(np.tanh(data @ w))

    g = dd.compile(f)
    calls_agree(g, f, POINTS)
    assert lifted(g)
    far = POINTS[0][0].copy()
    far[0] = 101.0
    twin = data.copy()
    for _ in range(4):
        twin[1] += 1.0
        np.testing.assert_allclose(g(far), np.sum(np.tanh(twin @ far)))
        np.testing.assert_array_equal(data, twin)
        np.testing.assert_allclose(g(*POINTS[1]), f(*POINTS[1]))


def test_a_program_that_hands_the_data_out_gives_the_same_numbers() -> None:
    data = DATA.copy()

    def f(w: Any) -> Any:
        return data @ w, data, data[0]

    g = dd.compile(f)
    for k in range(6):
        data[0, 0] = k
        assert_same(g(*POINTS[k]), f(*POINTS[k]))


def test_the_data_may_be_an_argument_as_well() -> None:
    data = DATA.copy()

    def f(w: Any, other: Any) -> Any:
        return np.sum(np.tanh(data @ w)) + np.sum(np.tanh(other @ w) ** 2)

    g = dd.compile(dd.value_and_grad(f))
    for (w,) in POINTS:
        for other in (data, data.copy(), data + 1.0):
            assert_same(g(w, other), dd.value_and_grad(f)(w, other))


def test_views_of_one_array_stay_views() -> None:
    data = DATA.copy()
    left, turned = data[:290], data.T

    def f(w: Any) -> Any:
        return np.sum(np.tanh(left @ w)) + np.sum(turned[:, 0] * w) + np.sum((data @ w) ** 2)

    g = dd.compile(dd.value_and_grad(f))
    for k in range(6):
        data[k] += 1.0
        assert_same(g(*POINTS[k]), dd.value_and_grad(f)(*POINTS[k]))
    assert len(lifted(g)) == 3


def test_a_program_that_asks_for_identity_sees_its_own_objects() -> None:
    data = DATA.copy()
    held = [data]

    def f(w: Any) -> Any:
        return np.sum(held[0] @ w) if held[0] is data else np.sum(w)

    g = dd.compile(f)
    calls_agree(g, f, POINTS)
    assert is_eager(g) or not lifted(g)


def test_scratch_globals_and_variables_of_helpers_are_shared() -> None:
    data, kept = DATA.copy(), 0.0

    def helper() -> Any:
        return kept * 2.0

    def f(w: Any) -> Any:
        nonlocal kept
        kept = np.sum(np.tanh(data @ w))
        out = helper()
        kept = 0.0
        return out

    g = dd.compile(dd.value_and_grad(f))
    calls_agree(g, dd.value_and_grad(f), POINTS)


def test_a_call_to_a_library_that_takes_plain_arrays_alone_is_right() -> None:
    data = DATA.copy()

    def f(w: Any) -> Any:
        return np.sum(np.asarray(memoryview(data)) @ w)

    g = dd.compile(dd.value_and_grad(f))
    for k in range(6):
        data[k] += 1.0
        assert_same(g(*POINTS[k]), dd.value_and_grad(f)(*POINTS[k]))


def test_not_finite_data_are_followed() -> None:
    data = DATA.copy()
    f = dd.value_and_grad(in_a_closure(data))
    g = dd.compile(f)
    calls_agree(g, f, POINTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for value in (np.nan, np.inf, -0.0, 1.0):
            data[3, 4] = value
            assert_same(g(*POINTS[0]), f(*POINTS[0]))


def test_a_saved_function_has_its_data(tmp_path: Any) -> None:
    data = DATA.copy()
    f = dd.value_and_grad(in_a_closure(data))
    g = dd.compile(f)
    calls_agree(g, f, POINTS)
    data[0] += 1.0
    wants = [f(*point) for point in POINTS]
    g.save(tmp_path / "f")
    with_f, alone = dd.load_compiled(tmp_path / "f", f), dd.load_compiled(tmp_path / "f")
    for h in (with_f, alone):
        for point, want in zip(POINTS, wants, strict=True):
            assert_same(h(*point), want)
    data[1] += 1.0
    calls_agree(with_f, f, POINTS)
    assert [x is data for x in lifted(with_f)] == [True]
    assert_same(alone(*POINTS[0]), wants[0])


def test_lanes_read_the_data() -> None:
    table = RNG.normal(size=30_000)

    def f(x: Any) -> Any:
        return np.sin(x[0]) * table[7] + x[1] * table[-1]

    g = dd.vectorize(dd.grad(f))
    points = RNG.normal(size=(40, 2))
    for _ in range(3):
        np.testing.assert_allclose(g(points), [dd.grad(f)(x) for x in points], rtol=1e-14)
        table += 1.0


def test_memory_that_is_not_filled_yet_is_no_state_of_the_program() -> None:
    def f(x: Any) -> Any:
        first, second = np.empty_like(x), dd.numpy.empty(x.shape)
        first[:] = x * 2.0
        second[...] = np.sin(x)
        return np.sum(first * second)

    g = dd.compile(dd.value_and_grad(f))
    for _ in range(5):
        junk = RNG.normal(size=(8, 30_000))  # its memory is used again
        x = junk[0].copy()
        del junk
        assert_same(g(x), dd.value_and_grad(f)(x))
    assert replays(g)
