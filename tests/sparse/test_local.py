"""A pattern is said to be local where the program looks at traced values or compares them."""

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.sparse.sparsity import detect, detect_hessian
from tests.sparse.test_detection import check, point, tridiagonal_by_loop


def newton_steps(x):
    while np.max(np.abs(x)) > 1.0:
        x = x / 2
    return x


def factor_if_possible(x):
    try:
        return np.linalg.cholesky(np.diag(x - 0.6))
    except np.linalg.LinAlgError:
        return x


@pytest.mark.parametrize(
    "f",
    [
        newton_steps,
        factor_if_possible,
        lambda x: {dd.value_of(x[0]): x[1], dd.value_of(x[2]): x[2]}[dd.value_of(x[0])],
        lambda x: max(x[0], x[1]),
        lambda x: sorted([x[0], x[1]])[0],
        lambda x: x[x > 1],
        lambda x: x[np.argmax(x)],
        lambda x: x[np.argsort(x)],
        lambda x: x[int(dd.value_of(x[0]))],
        lambda x: x * (x[0] if x[0] > 1 else x[1]),
        lambda x: x if np.all(x > 0) else x[::-1],
        lambda x: x if (x > 0).all() else x[::-1],
        lambda x: x[: np.count_nonzero(x > 1)],
        lambda x: np.compress(x > 1, x),
        lambda x: x[np.nonzero(x > 1)],
        lambda x: x[1] if x[0] else x[2],
        lambda x: x[round(x[0])],
        lambda x: x[x[0] // 1 == 1],
        lambda x: x * np.ones(3)[x > 1].sum(),
        lambda x: (np.eye(3) * (x > 1)) @ x,
        lambda x: np.where(x > 1, np.eye(3), 0) @ x,
        lambda x: (x[:, None] > x) @ x,
        lambda x: x @ (x[:, None] > x),
        lambda x: np.matmul(x[:, None] > x, x),
        *(
            (lambda x: np.matvec(x[:, None] > x, x), lambda x: np.vecmat(x, x[:, None] > x))
            if hasattr(np, "matvec")  # from NumPy 2.2 on
            else ()
        ),
        lambda x: np.vecdot(x > 1, x),
        lambda x: x[: (x > 1).sum()],
        lambda x: x[: int(np.sum(x > 1))],
        lambda x: x[: sum(x > 1)],
        lambda x: x[0] if (x > 1)[1] else x[1],
        lambda x: x[~(x > 1) & (x > 0)],
        lambda x: np.piecewise(x, [x > 1], [np.sin, np.cos]),
        lambda x: np.extract(x > 1, x),
        lambda x: x[: np.sign(x - 1).astype(int)[0]],
        lambda x: x[np.isnan(x)],
        lambda x: np.sin(x, out=x * 2, where=x > 1),
        lambda x: np.repeat(x, x > 1),
    ],
)
def test_what_depends_on_values_is_said_to_be_local(f):
    assert detect(f, (point(3),), 0, {}).local


@pytest.mark.parametrize(
    "f",
    [
        tridiagonal_by_loop,
        lambda x: np.maximum(x, 0) + np.clip(x, 0, 1) + np.abs(x),
        lambda x: np.max(x) + np.median(x) + np.linalg.norm(x),
        lambda x: x[: x.size // 2].reshape(-1) * len(x) + x.ndim,
    ],
)
def test_what_depends_on_shapes_or_has_kinks_is_not_local(f):
    assert not detect(f, (point(4),), 0, {}).local


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.where(x > 1, x, 2 * x[::-1]) + x * (x > 1) + (x < 2) * x,
        lambda x: np.where((x > 1) & ~(x > 2) | (x == 3), x, 0),
        lambda x: np.select([x > 1, x < 0], [x**2, x**3]),
        lambda x: np.sum(x, where=x > 1, keepdims=True),
    ],
)
def test_comparisons_may_be_local_since_their_truth_values_are_plain_arrays(f):
    assert detect(f, (point(4),), 0, {}).local


def test_comparisons_give_plain_truth_values():
    def f(x):
        mask = x > 1
        mask[0] = True
        mask &= x < 5
        other = ~mask | (x == 0)
        assert mask.dtype == bool
        assert isinstance(mask, np.ndarray)
        assert (mask.sum() + np.count_nonzero(other)) == mask.size
        assert mask.any()
        assert float((x > 1).mean()) <= 1
        assert np.asarray(mask).tolist() == mask.tolist()
        assert (mask.astype(int) + mask).max() == 2
        weights = np.zeros(3)
        weights[mask] = 1.5
        weights[:] = weights * other + (x > 1) * 2.0
        return np.where(mask, x, 0) * weights + x * mask.reshape(-1) - (-x) * other[..., None][:, 0]

    check(f, point(3), np.eye(3, dtype=bool))
    pattern = dd.hessian_sparsity(lambda x: np.sum(f(x) ** 2), point(3))
    np.testing.assert_array_equal(pattern.toarray(), np.eye(3, dtype=bool))


def test_a_hessian_of_choices_may_be_local_since_truth_values_are_plain_arrays():
    def f(x):
        return np.sum(np.where(x > 1, x**2, x * x[::-1])) + np.sum((x < 0.7) * x**3)

    assert detect_hessian(f, (point(4),), 0, {}).local
    assert detect_hessian(lambda x: np.sum(x[x > 0.7] ** 2), (point(4),), 0, {}).local


def test_branches_inside_the_gradient_are_not_the_programs():
    assert not detect_hessian(lambda x: np.sum(np.sort(x) ** 2), (point(4),), 0, {}).local
    assert not detect_hessian(lambda x: np.prod(x) + np.std(x), (point(4),), 0, {}).local
