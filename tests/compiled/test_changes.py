"""Changes that a replay must not miss: of containers that are arguments, and of what names mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from tests.compiled.helpers import assert_same, calls_agree, is_eager, replays
from tests.versions import OLD_SCIPY

X = np.array([0.3, 0.7, 1.1])


def adds_a_key(p):
    p["n"] = p.get("n", 0) + 1
    return p["x"] * p["n"]


def replaces_an_element(p):
    p[1] = p[1] * 2.0
    return p[0] * p[1]


def appends(p):
    p.append(1.0)
    return p[0] * len(p)


@pytest.mark.parametrize(
    ("f", "make"),
    [
        (adds_a_key, lambda: {"x": X}),
        (replaces_an_element, lambda: [X, 1.0]),
        (appends, lambda: [X]),
    ],
)
def test_containers_that_the_function_changes_keep_it_eager(f, make) -> None:
    g = dd.compile(f)
    for _ in range(5):
        mine, other = make(), make()
        assert_same(g(mine), f(other))
        assert_same(mine, other)
    assert is_eager(g)


def clips(x):
    np.maximum(x, 0.0, out=x)
    return x.sum()


def scales(x):
    x *= np.where(x > 0, 1.0, 2.0)
    return x.sum()


def sorts(x):
    x.sort()
    return x[0] * 2


def scales_a_view(x):
    y = x[1:]
    y *= np.where(y > 0, 1.0, 2.0)
    return y.sum()


@pytest.mark.parametrize("f", [clips, scales, sorts, scales_a_view])
def test_an_argument_that_the_first_call_left_alone_by_chance_is_changed_later(f) -> None:
    g = dd.compile(f)
    for values in ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], [1.0, 2.0, 5.0], [-1.0, 2.0, -3.0]) * 2:
        mine, other = np.array(values), np.array(values)
        assert_same(g(mine), f(other))
        assert_same(mine, other)
    assert is_eager(g)


def test_state_that_a_call_left_as_it_was_holds_no_recorded_values() -> None:
    state: dict[str, Any] = {"last": X}

    def f(x):
        state["last"] = x
        return x * 2

    g = dd.compile(f)
    for x in (X, X, X + 1, X + 1, X):
        assert_same(g(x), x * 2)
        assert state["last"] is x
    assert is_eager(g)


def test_an_argument_that_is_an_array_of_the_program_is_noticed() -> None:
    marker = np.ones(3)

    def f(x):
        return np.sum(x) * (2.0 if x is marker else 3.0)

    g = dd.compile(f)
    for _ in range(5):
        assert g(np.ones(3)) == 9.0
    assert g(marker) == 6.0
    assert g(np.ones(3)) == 9.0


def test_an_attribute_that_the_function_gives_itself_is_state() -> None:
    def f(x):
        f.calls = getattr(f, "calls", 0) + 1
        return x * f.calls

    g = dd.compile(f)
    assert [g(1.0) for _ in range(5)] == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_exchanged_defaults_of_keywords_are_seen() -> None:
    def inner(x, *, t=1.0):
        return x + t

    g = dd.compile(lambda x: inner(x))
    assert [g(1.0) for _ in range(4)] == [2.0] * 4
    inner.__kwdefaults__ = {"t": 9.0}
    assert g(1.0) == 10.0


def test_a_global_that_hides_a_builtin_is_seen() -> None:
    space: dict[str, object] = {}
    exec("def f(x): return max(x, 0.5)", space)
    g = dd.compile(space["f"])
    assert [g(2.0) for _ in range(4)] == [2.0] * 4
    space["max"] = min
    assert g(2.0) == 0.5


@pytest.mark.skipif(
    OLD_SCIPY, reason="SciPy before 1.15: its splines are compiled code, which takes plain numbers"
)
def test_scipys_functions_are_recorded_or_called_back_or_named_in_the_report(
    capfd: Any, monkeypatch: Any
) -> None:
    # Replays are what is tested, however long they take on a busy machine.
    monkeypatch.setattr("dualdiff.compiled.function.WORTH", float("inf"))
    from scipy import integrate, interpolate, optimize
    from scipy.spatial.distance import cdist

    knots = np.arange(4.0)

    def spline(p):
        return np.sum(interpolate.CubicSpline(knots, p)(p[0]) * p)

    def distances(p):
        return np.sum(cdist(p[:, None], knots[:, None]) ** 2)

    def root(p):
        return optimize.brentq(lambda x: x**3 - p[0] * x - 5.0, 1.0, 4.0) * p[1]

    points = [(np.array([a, 0.7, 1.1, 0.4]),) for a in (0.3, 0.5, 1.3, 2.2, 0.4)]
    for f in (spline, distances, root):
        for e in (f, dd.grad(f)):
            g = dd.compile(e)
            calls_agree(g, e, points)
            assert replays(g)

    def solved(p):
        return np.sum(integrate.solve_ivp(lambda t, x: -p[0] * x, (0.0, 1.0), [p[1]]).y)

    g = dd.compile(dd.grad(solved))
    calls_agree(g, dd.grad(solved), points)
    assert "solve_ivp" in str(g.report())
    assert capfd.readouterr().err == ""


def copies_if_it_must(x):
    if not x.flags.writeable:
        x = x.copy()
    x *= 2.0
    return x.sum()


def asks_by_text(x):
    return x.sum() * (2.0 if x.flags["WRITEABLE"] else 1.0)


def locks(x):
    x.setflags(write=False)
    return x.sum()


@pytest.mark.parametrize("f", [copies_if_it_must, asks_by_text, locks])
def test_whether_an_argument_is_writeable_is_seen(f) -> None:
    g = dd.compile(f)
    for is_writeable in (False, False, False, False, True, True):
        mine, other = X.copy(), X.copy()
        mine.flags.writeable = other.flags.writeable = is_writeable
        assert_same(g(mine), f(other))
        assert_same((mine, mine.flags.writeable), (other, other.flags.writeable))
    assert is_eager(g)


def test_whether_an_array_of_the_program_is_writeable_is_seen() -> None:
    held = np.ones(3)

    def f(x):
        try:
            held[0] = 5.0
        except ValueError:
            return x.sum()
        return x.prod()

    held.flags.writeable = False
    g = dd.compile(f)
    assert_same([g(X) for _ in range(5)], [X.sum()] * 5)
    held.flags.writeable = True
    assert_same(g(X), X.prod())
    assert held[0] == 5.0


def test_shapes_and_layouts_are_no_reason_to_stay_eager() -> None:
    g = dd.compile(lambda x: x.sum() if x.flags.c_contiguous else x.prod())
    for x in (X, X, X, X, X[::-1], X[::-1], X):
        assert_same(g(x), x.sum() if x.flags.c_contiguous else x.prod())
    assert replays(g)


# NumPy's global generator is the state that the next tests are about, hence its old functions.
def seeds(x):
    np.random.seed(0)  # noqa: NPY002
    return x * np.random.rand()  # noqa: NPY002


def silences(x):
    np.seterr(divide="ignore")
    return x * 2.0


@pytest.mark.parametrize("f", [seeds, silences])
def test_state_of_numpy_that_the_function_sets_is_set_at_each_call(f) -> None:
    def after(call: Any) -> Any:
        np.random.seed(1)  # noqa: NPY002
        np.seterr(divide="warn")
        call(1.0)
        return np.random.get_state()[1].tolist(), np.geterr()  # noqa: NPY002

    with np.errstate():
        f(1.0)  # leaves the state that the first calls find
        g = dd.compile(f)
        assert_same([g(1.0) for _ in range(5)], [f(1.0)] * 5)
        assert after(g) == after(f)
    assert is_eager(g)


def test_overlapping_arguments_are_seen() -> None:
    def f(x, y):
        return (x * y).sum() if np.shares_memory(x, y) else x.sum()

    g, held = dd.compile(f), np.arange(1.0, 7.0)
    for x, y in [(held[:3], held[3:])] * 5 + [(held[:3], held[1:4])] * 2:
        assert_same(g(x, y), f(x, y))


@pytest.mark.parametrize("backend", ["python", None])
def test_results_lie_in_memory_as_those_of_eager_calls(backend: str | None) -> None:
    def f(x):
        return x * 2.0, np.sin(x).T, x.sum(axis=0), x > 0.5, x[0]

    g = dd.compile(f, backend=backend)
    x = np.random.default_rng(0).normal(size=(4, 3, 2))
    for y in (x[:, :, 0], np.asfortranarray(x[0]), x.T, x.transpose(2, 0, 1)):
        for _ in range(5):
            assert [a.copy("K").strides for a in g(y)] == [a.copy("K").strides for a in f(y)]
            assert_same(g(y), f(y))
