"""Structures that users pass: windows, structures of their own, and what both say of zeros."""

from typing import Any

import numpy as np
import pytest
import scipy.ndimage

import dualdiff as dd
from dualdiff import extend
from dualdiff.core.structure import Pattern, Use
from dualdiff.extend import structures
from dualdiff.sparse.sparsity import detect


def average(x: Any) -> Any:
    """A moving average of three along the last axis, with zeros beyond the ends."""
    zeros = np.zeros((*x.shape[:-1], 1))
    padded = np.concatenate([zeros, x, zeros], axis=-1)
    return (padded[..., :-2] + padded[..., 1:-1] + padded[..., 2:]) / 3


moving_average = extend.linear(
    average, average, batched=True, structure=structures.Window(-1, radius=1)
)


def band(n: int, radius: int) -> np.ndarray:
    return abs(np.subtract.outer(np.arange(n), np.arange(n))) <= radius


def test_a_moving_average_has_a_banded_pattern():
    found = detect(moving_average, [np.ones(7)], (0,), {})
    assert not found.dense_because
    assert np.array_equal(found.pattern.toarray(), band(7, 1))


def test_a_sparse_jacobian_of_a_moving_average_is_right_and_takes_three_directions():
    x = np.linspace(0.5, 2.0, 40)
    prepared = dd.prepare_jacobian(lambda x: moving_average(x**2), x)
    assert prepared.plan.directions == 3
    expected = band(40, 1) / 3 * 2 * x
    np.testing.assert_allclose(prepared(x).toarray(), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("axes", "radius"), [(0, 1), (1, 2), ((0, 1), 1), ((0, -1), (1, 2)), (-1, 0)]
)
def test_windows_cover_what_a_filter_reads(axes: Any, radius: Any):
    sizes = np.ones(2, int)
    sizes[list(np.atleast_1d(axes))] = 2 * np.asarray(radius) + 1

    def filtered(x: Any) -> Any:
        return scipy.ndimage.uniform_filter(x, sizes, mode="constant")

    own = extend.linear(filtered, filtered, structure=structures.Window(axes, radius))
    pattern = dd.sparsity(own, np.ones((4, 5))).toarray()
    columns = [np.ravel(filtered(unit.reshape(4, 5))) for unit in np.eye(20)]
    assert np.array_equal(pattern, np.stack(columns, axis=1) > 1e-12)


def test_a_window_of_a_result_of_another_shape_counts_as_dense():
    own = extend.linear(
        lambda x: x[1:] + x[:-1],
        lambda g: np.append(g, 0) + np.append(0, g),
        name="pairs",
        structure=structures.Window(0, 1),
    )
    found = detect(own, [np.ones(3)], (0,), {})
    assert found.dense_because == ["pairs"]
    assert found.pattern.toarray().all()


class Halves(structures.Structure):
    """An element of the result depends on the elements k and n/2 + k."""

    def pattern(self, use: Use) -> Any:
        p = use.only
        return [p.relabeled(p.labels.reshape(2, -1)).over_axes([0])]


def test_a_structure_of_a_user_is_asked():
    folded = extend.linear(
        lambda x: x[: len(x) // 2] - x[len(x) // 2 :],
        lambda g: np.append(g, -g),
        structure=Halves(),
    )
    found = detect(folded, [np.ones(6)], (0,), {})
    assert not found.dense_because
    assert np.array_equal(found.pattern.toarray(), np.tile(np.eye(3, dtype=bool), 2))


def test_an_elementwise_primitive_takes_a_structure():
    class Nothing(structures.Elementwise):
        def pattern(self, use: Use) -> Any:
            return [p.nothing(use.shape) for p in use.traced]

    step = extend.elementwise(np.floor, lambda x: 0.0 * x, name="step", structure=Nothing())
    assert dd.sparsity(lambda x: step(x) + x[:1], np.ones(3)).nnz == 3


@pytest.mark.parametrize("declare", [extend.primitive, extend.rule])
def test_a_structure_that_is_a_word_is_refused(declare: Any):
    with pytest.raises(TypeError, match=r"structure='gather' is no structure.*Gather\(\)"):
        declare(np.copy, structure="gather")


def test_a_window_keeps_structural_zeros():
    x, t = np.arange(5.0), np.ones(5)

    def f(x: Any) -> Any:
        return np.sqrt(moving_average(np.where(x > 1.5, x, 0.0)))

    with np.errstate(divide="ignore", invalid="ignore"):
        y, tangent = dd.jvp(f, (x,), (t,))
    np.testing.assert_allclose(tangent[0], 0)
    np.testing.assert_allclose(tangent[1:], [1 / 3, 2 / 3, 1, 2 / 3] / (2 * y[1:]), rtol=1e-14)


RNG = np.random.default_rng(0)


@pytest.mark.parametrize("axis", [0, 1, None])
def test_masks_are_patterns_of_one_input(axis: Any):
    """A mask of a sum is where random numbers that are zero outside a mask have a sum."""
    mask = RNG.random((4, 5)) < 0.3
    use = Use(
        np.sum, [mask], [Pattern(mask.astype(int))], {"axis": axis}, (np.sum(mask, axis).shape,)
    )
    (found,) = structures.Reduction().pattern(use)
    assert np.array_equal(found.labels, np.any(mask, axis))


def test_unions_of_a_mask():
    m = Pattern(np.array([0, 1, 0, 0, 1]))
    assert m.over_groups(np.array([0, 1, 1, 3, 5])).labels.tolist() == [0, 0, 1, 1]
    assert m.scattered(np.array([0, 2, 1, 2, 0]), 4).labels.tolist() == [1, 0, 1, 0]
    assert m.running(0).labels.tolist() == [0, 1, 1, 1, 1]
    assert m.union(Pattern(np.array([[1], [0]])), (2, 5)).labels.tolist() == [
        [1] * 5,
        [0, 1, 0, 0, 1],
    ]
