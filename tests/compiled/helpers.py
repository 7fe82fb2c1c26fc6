"""Comparisons of compiled and eager calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from dualdiff.trees import flatten


class Programs(dict[str, tuple[Callable[..., Any], list[Any]]]):
    """Programs by their names, each with the points at which it is called."""

    def at(self, points: list[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A decorator that adds a program."""

        def keep(f: Callable[..., Any]) -> Callable[..., Any]:
            self[f.__name__] = f, points
            return f

        return keep


def numbers(got: Any, want: Any) -> Iterator[tuple[Any, Any]]:
    """Pairs of the numbers and arrays in two results of one form; types and texts are compared."""
    (a, form), (b, other) = flatten(got), flatten(want)
    assert form == other
    for x, y in zip(a, b, strict=True):
        assert type(x) is type(y)
        if isinstance(y, (str, type(None))):
            assert x == y
        else:
            yield x, y


def assert_same(got: Any, want: Any, rtol: float = 1e-12) -> None:
    """The same containers, types and shapes, and numbers that agree up to rounding."""
    for x, y in numbers(got, want):
        assert np.shape(x) == np.shape(y)
        single = np.asarray(y).dtype.itemsize <= 4 or np.asarray(y).dtype == np.complex64
        np.testing.assert_allclose(x, y, rtol=1e-5 if single else rtol, atol=1e-13)


def assert_equal(got: Any, want: Any) -> None:
    """The same containers, types, shapes and numbers, with the signs of zeros."""
    for x, y in ((np.asarray(x), np.asarray(y)) for x, y in numbers(got, want)):
        assert x.dtype == y.dtype
        np.testing.assert_array_equal(x, y, strict=True)
        real = y.dtype.kind == "f"
        assert not real or np.array_equal(np.signbit(x)[x == 0], np.signbit(y)[x == 0])


def calls_agree(g: Any, f: Callable[..., Any], points: Iterable[tuple[Any, ...]]) -> None:
    """The compiled function gives at each point what the function gives."""
    for point in points:
        assert_same(g(*point), f(*point))


def calls_are_near(
    g: Any, f: Callable[..., Any], points: Iterable[tuple[Any, ...]], rtol: float = 1e-12
) -> None:
    """The same with errors beside the largest number of each leaf."""
    for point in points:
        (got, form), (want, other) = flatten(g(*point)), flatten(f(*point))
        assert form == other
        for a, b in zip(got, want, strict=True):
            assert type(a) is type(b)
            np.testing.assert_allclose(a, b, rtol=0, atol=rtol * max(np.max(np.abs(b)), 1e-3))


def recordings(g: Any) -> list[Any]:
    """The recordings of the one signature, which does not run eagerly."""
    (table,) = g.tables.values()
    assert table.reason == ""
    return list(table.recordings)


def replays(g: Any) -> int:
    """How many calls were replayed, the checked ones included."""
    return sum(r.replays for table in g.tables.values() for r in table.recordings)


def is_eager(g: Any) -> bool:
    """Whether all signatures run eagerly."""
    return all(table.reason for table in g.tables.values())
