"""Sparse Jacobians and Hessians: equal to dense ones, verified, and clear about bad input."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import dualdiff as dd
from dualdiff.rules.structures import Elementwise
from tests.versions import RNG_NAME

RNG = np.random.default_rng(5)
X = RNG.uniform(0.5, 1.5, 12)
A = sp.csr_array(sp.random_array((9, 12), density=0.25, **{RNG_NAME: np.random.default_rng(1)}))


def chain(x: Any) -> Any:
    return np.concatenate([[x[0] ** 2 - x[1]], x[:-2] * x[1:-1] ** 2 - np.sin(x[2:])])


def stores(x: Any) -> Any:
    y = 3.0 * x
    y[1:] += x[:-1] ** 2
    y[-1] = x[0] * x[-1]
    return y


def arrow(x: Any) -> Any:
    return np.concatenate([np.sum(x**2, keepdims=True), x[1:] * x[0]])


def groups(x: Any) -> Any:
    shared, own = x[:2], x[2:].reshape(5, 2)
    return np.sum(own**2, axis=1) * shared[0] + shared[1]


def dense_matrix(f: Any, x: Any) -> np.ndarray:
    n = np.size(x)
    return dd.jacobian(f)(x).reshape(-1, n)


@pytest.mark.parametrize("f", [chain, stores, arrow, groups, lambda x: A @ np.exp(x)])
@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("chunk", [None, 1, 2])
def test_sparse_jacobian_equals_the_dense_one(f: Any, mode: str, chunk: int | None) -> None:
    found = dd.jacobian(f, mode=mode, chunk=chunk, sparse=True)(X)
    assert isinstance(found, sp.csr_array)
    np.testing.assert_allclose(found.toarray(), dense_matrix(f, X), atol=1e-13)


@pytest.mark.parametrize("chunk", [None, 1])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_random_sparse_compositions(seed: int, mode: str, chunk: int | None) -> None:
    rng = np.random.default_rng(seed)
    inner, outer, factor = (
        sp.csr_array(sp.random_array(shape, density=0.15, **{RNG_NAME: rng}))
        for shape in ((14, 12), (10, 14), (10, 12))
    )

    def f(x: Any) -> Any:
        return np.outer(outer @ np.sin(inner @ x), [1.0, 2.0]) * (factor @ x**2)[:, None]

    jacobian = dd.jacobian(f, mode=mode, chunk=chunk, sparse=True)
    for x in rng.normal(size=(2, 12)):
        np.testing.assert_allclose(jacobian(x).toarray(), dense_matrix(f, x), atol=1e-12)


def test_a_large_tridiagonal_jacobian_is_that_of_the_formula() -> None:
    x = np.linspace(0.0, 3.0, 100_000)

    def f(x: Any) -> Any:
        r = (3.0 - 2.0 * x) * x + 1.0
        r[1:] -= x[:-1]
        r[:-1] -= 2.0 * x[1:]
        return r

    prepared = dd.prepare_jacobian(f, x)
    assert (prepared.plan.directions, prepared.plan.passes) == (3, 3)  # each fills the cache
    diagonals = [np.full(x.size - 1, -1.0), 3.0 - 4.0 * x, np.full(x.size - 1, -2.0)]
    expected = sp.diags_array(diagonals, offsets=[-1, 0, 1], format="csr")
    assert abs(prepared(x) - expected).max() < 1e-13


@pytest.mark.parametrize("chunk", [None, 1])
@pytest.mark.parametrize("f", [arrow, groups])
def test_mixed_mode_equals_the_dense_jacobian(f: Any, chunk: int | None) -> None:
    prepared = dd.prepare_jacobian(f, X, mode="mixed", chunk=chunk)
    assert prepared.mode == "mixed"
    assert len(prepared.colors) == 2
    np.testing.assert_allclose(prepared(X + 1).toarray(), dense_matrix(f, X + 1), atol=1e-13)


def test_auto_takes_the_cheapest_of_forward_reverse_and_mixed() -> None:
    x = np.linspace(1.0, 2.0, 60)
    assert dd.prepare_jacobian(lambda x: x[1:] * x[:-1], x).mode == "forward"
    prepared = dd.prepare_jacobian(lambda x: np.sum(x.reshape(6, 10) ** 2, axis=1), x)
    assert (prepared.mode, prepared.plan.directions) == ("reverse", 1)
    prepared = dd.prepare_jacobian(arrow, x)
    assert (prepared.mode, prepared.plan.directions) == ("mixed", 3)
    assert "mixed" in repr(prepared)
    plan = dd.plan(arrow, x, sparse=True)
    assert {way.mode for way in plan.alternatives} <= {"forward", "reverse"}
    assert plan.directions == 3
    np.testing.assert_allclose(prepared(x).toarray(), dense_matrix(arrow, x))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),
        lambda x: np.sum(x[0] * x[1:] ** 2),
        lambda x: np.prod(x[:3]) + np.sum(np.exp(x[3:] * x[2:-1])),
        lambda x: np.sum(np.outer(x, x)),
        lambda x: np.sum(x),
    ],
)
@pytest.mark.parametrize("chunk", [None, 1])
def test_sparse_hessian_equals_the_dense_one_and_is_symmetric(f: Any, chunk: int | None) -> None:
    found = dd.hessian(f, chunk=chunk, sparse=True)(X)
    assert isinstance(found, sp.csr_array)
    np.testing.assert_allclose(found.toarray(), dd.hessian(f)(X), atol=1e-10)
    assert (found != found.T).nnz == 0


def test_a_prepared_object_is_evaluated_at_many_points() -> None:
    prepared = dd.prepare_jacobian(chain, X)
    assert prepared.pattern.dtype == bool
    assert prepared.colors.shape == X.shape
    for x in RNG.normal(size=(5, 12)):
        value, matrix = prepared.value_and_jacobian(x)
        np.testing.assert_array_equal(value, chain(x))
        np.testing.assert_allclose(matrix.toarray(), dense_matrix(chain, x), atol=1e-13)
    gradient, hessian = dd.prepare_hessian(lambda x: np.sum(x**4), X).gradient_and_hessian(X)
    np.testing.assert_allclose(gradient, 4 * X**3)
    np.testing.assert_allclose(hessian.toarray(), np.diag(12 * X**2))


def test_containers_are_counted_whole_in_the_order_of_their_leaves() -> None:
    def f(p: Any, scale: float) -> Any:
        return {"u": scale * p["a"] ** 2, "v": (p["b"] * p["a"][0], None)}

    p = {"b": 4.0, "a": np.array([1.0, 2.0]), "none": None}
    found = dd.prepare_jacobian(f, p, 3.0)(p, 3.0)
    np.testing.assert_array_equal(found.toarray(), [[6, 0, 0], [0, 12, 0], [4, 0, 1]])
    several = dd.jacobian(lambda x, y: x * y[0], argnums=(0, 1), sparse=True)
    expected = [[2, 0, 5, 0], [0, 2, 6, 0]]
    np.testing.assert_array_equal(
        several(np.array([5.0, 6.0]), np.array([2.0, 3.0])).toarray(), expected
    )


def test_float32_stays_float32_and_complex_results_have_complex_entries() -> None:
    assert dd.jacobian(stores, sparse=True)(X.astype(np.float32)).dtype == np.float32
    found = dd.jacobian(lambda x: np.exp(1j * x), sparse=True)(X)
    np.testing.assert_allclose(found.toarray(), np.diag(1j * np.exp(1j * X)))
    with pytest.raises(TypeError, match="mode='forward'"):
        dd.jacobian(lambda x: np.exp(1j * x), sparse=True, mode="reverse")(X)
    with pytest.raises(TypeError, match="real arguments"):
        dd.jacobian(lambda z: z**2, sparse=True)(X + 1j)


@pytest.mark.parametrize("chunk", [None, 1])
def test_scalars_constants_and_results_without_derivatives(chunk: int | None) -> None:
    def matrix(f: Any, x: Any) -> Any:
        return dd.jacobian(f, sparse=True, chunk=chunk)(x).toarray().tolist()

    assert matrix(lambda x: [x**2, 1.0], 3) == [[6.0], [0.0]]
    assert matrix(lambda x: x > 0, np.ones(2)) == [[0.0, 0.0], [0.0, 0.0]]
    assert matrix(lambda x: (x > 0, x[0]), np.ones(2)) == [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    assert matrix(lambda x: np.ones(1), np.ones(2)) == [[0.0, 0.0]]
    assert dd.hessian(lambda x: x**3, sparse=True, chunk=chunk)(2.0).toarray() == [[12.0]]


def branching(x: Any) -> Any:
    return x**2 if x[0] > 0 else x * x[::-1]


def test_a_pattern_local_to_a_branch_is_detected_again_elsewhere() -> None:
    prepared = dd.prepare_jacobian(branching, X)
    assert prepared.local
    assert "only near these arguments" in prepared.note
    assert prepared.pattern.nnz == 12
    for x in (X, -X, X, -X):
        np.testing.assert_allclose(prepared(x).toarray(), dense_matrix(branching, x))
    assert prepared.pattern.nnz == 24


def test_without_a_check_nothing_is_verified() -> None:
    prepared = dd.prepare_jacobian(branching, X, check=False)
    assert not np.allclose(prepared(-X).toarray(), dense_matrix(branching, -X))


@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
@pytest.mark.parametrize("chunk", [None, 1])
def test_a_given_pattern_with_a_missing_entry_names_the_row(mode: str, chunk: int | None) -> None:
    full = dense_matrix(chain, X) != 0
    options: Any = {"mode": mode, "chunk": chunk}
    given = dd.prepare_jacobian(chain, X, pattern=full, **options)
    np.testing.assert_allclose(given(X).toarray(), dense_matrix(chain, X))
    for row, column in zip(*np.nonzero(full), strict=True):
        lacking = full.copy()
        lacking[row, column] = False
        prepared = dd.prepare_jacobian(chain, X, pattern=sp.csr_array(lacking), **options)
        with pytest.raises(ValueError, match="lacks an entry in row") as caught:
            prepared(X)
        # In reverse mode the missing entry also falsifies another row of the same colour.
        if mode != "reverse":
            assert f"row {row}:" in str(caught.value)


def test_a_given_hessian_pattern_with_a_missing_entry_is_found() -> None:
    def f(x: Any) -> Any:
        return np.sum(x[1:] ** 2 * x[:-1])

    pattern = dd.hessian(f)(X) != 0
    pattern[3, 4] = pattern[4, 3] = False
    with pytest.raises(ValueError, match="lacks an entry in row 3"):
        dd.prepare_hessian(f, X, pattern=pattern)(X)


@pytest.mark.parametrize("pattern", ["all", np.ones(12), np.ones((2, 2, 2)), np.array([["a"]])])
def test_a_pattern_that_is_no_matrix_is_refused(pattern: Any) -> None:
    with pytest.raises(ValueError, match=r"a pattern is a matrix .* test_prepared\.py"):
        dd.prepare_jacobian(chain, X, pattern=pattern)


def test_a_pattern_may_be_a_list_of_lists_and_have_more_entries_than_the_jacobian() -> None:
    prepared = dd.prepare_jacobian(lambda x: x**2, X[:2], pattern=[[1, 1], [0, 1]])
    assert prepared(X[:2]).toarray().tolist() == np.diag(2 * X[:2]).tolist()
    assert prepared.pattern.nnz == 3


def test_complex_arguments_are_refused_when_preparing() -> None:
    with pytest.raises(TypeError, match="real arguments"):
        dd.prepare_jacobian(chain, X + 1j)


def test_a_pattern_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="12 inputs"):
        dd.prepare_jacobian(chain, X, pattern=np.eye(5))
    prepared = dd.prepare_jacobian(chain, X, pattern=np.ones((3, 12)))
    with pytest.raises(TypeError, match="11 values, but the pattern that was given has 3 rows"):
        prepared(X)


def test_a_dense_pattern_falls_back_to_every_direction_and_says_so() -> None:
    matrix = RNG.normal(size=(6, 12))
    prepared = dd.prepare_jacobian(lambda x: matrix @ x, X)
    assert "dense" in prepared.note
    assert "dense" in repr(prepared)
    assert (prepared.mode, prepared.plan.directions) == ("reverse", 6)
    np.testing.assert_allclose(prepared(X).toarray(), matrix)
    assert dd.prepare_jacobian(chain, X).note == ""


def test_a_result_whose_size_depends_on_x_is_refused() -> None:
    prepared = dd.prepare_jacobian(lambda x: x[dd.value_of(x) > 1.0] ** 2, X)
    with pytest.raises(TypeError, match="size of a result depends on the values"):
        prepared(X + 2.0)


def test_results_of_another_size_are_refused_whatever_verifies() -> None:
    for verify in ("probe", "exact"):
        prepared = dd.prepare_jacobian(np.unique, np.ones(3), verify=verify)
        with pytest.raises(dd.errors.UnsupportedInputError, match="returned 3 values, but"):
            prepared(np.arange(3.0))


def test_arguments_of_another_size_are_refused_by_a_prepared_object_only() -> None:
    with pytest.raises(TypeError, match="prepared for arguments of"):
        dd.prepare_jacobian(stores, X)(X[:-1])
    jacobian = dd.jacobian(stores, sparse=True)
    assert jacobian(X).shape == (12, 12)
    assert jacobian(X[:-1]).shape == (11, 11)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_empty_results_and_arguments_have_an_empty_matrix(mode) -> None:
    cases = [(lambda x: x[:0] ** 2, X), (lambda x: np.zeros(0), X), (np.sin, X[:0])]
    for f, x in [*cases, (lambda x: np.ones(3) * np.sum(x), X[:0])]:
        found = dd.jacobian(f, mode=mode, sparse=True)(x)
        assert found.shape == dd.jacobian(f, mode=mode)(x).shape
        assert found.nnz == 0
    assert dd.hessian(lambda x: np.sum(x**2), sparse=True)(X[:0]).shape == (0, 0)


def test_a_function_without_results_is_refused() -> None:
    for empty in (None, [], {}):
        with pytest.raises(TypeError, match="returned no values"):
            dd.jacobian(lambda x, empty=empty: empty, sparse=True)(X)


def test_an_infinite_entry_is_an_error_that_says_where() -> None:
    x = X.copy()
    x[4] = 0.0
    prepared = dd.prepare_jacobian(lambda x: np.sqrt(x) * 2.0, X)
    with pytest.raises(ArithmeticError, match="row 4, column 4"):
        prepared(x)
    loose = dd.prepare_jacobian(lambda x: np.sqrt(x) * 2.0, X, check=False)
    assert np.isinf(loose(x).toarray()).sum() == 1


@pytest.mark.parametrize("chunk", [None, 1])
def test_detection_and_each_evaluation_call_the_function_once(chunk: int | None) -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return x[1:] * x[:-1]

    prepared = dd.prepare_jacobian(f, X, chunk=chunk)
    assert len(calls) == 1
    prepared(X)
    prepared(X)
    assert len(calls) == 3


def test_a_sparse_jacobian_cannot_be_differentiated() -> None:
    with pytest.raises(TypeError, match="sparse=False"):
        dd.grad(lambda x: dd.jacobian(stores, sparse=True)(x).sum())(X)


def test_constants_may_change_between_calls() -> None:
    jacobian = dd.jacobian(lambda x, a: a @ x, sparse=True)
    first, second = np.eye(12), np.fliplr(np.eye(12))
    np.testing.assert_array_equal(jacobian(X, first).toarray(), first)
    np.testing.assert_array_equal(jacobian(X, second).toarray(), second)


def test_sparse_operators_pickle() -> None:
    again = pickle.loads(pickle.dumps(dd.jacobian(stores, sparse=True)))
    np.testing.assert_allclose(again(X).toarray(), dense_matrix(stores, X))
    prepared = pickle.loads(pickle.dumps(dd.prepare_jacobian(stores, X)))
    np.testing.assert_allclose(prepared(X).toarray(), dense_matrix(stores, X))


def test_unknown_modes_are_refused() -> None:
    with pytest.raises(ValueError, match="mode must be one of"):
        dd.prepare_jacobian(chain, X, mode="sideways")
    with pytest.raises(ValueError, match="mode must be one of"):
        dd.jacobian(chain, mode="mixed")
    assert dd.jacobian(arrow, mode="mixed", sparse=True)(X).shape == (12, 12)


def test_progress_needs_tqdm_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match="pip install tqdm"):
        dd.jacobian(chain, chunk=1, progress=True)(X)
    dd.jacobian(chain, progress=True)(X)  # one pass shows nothing


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sin(x) ** 2 + np.cos(x) ** 2,
        lambda x: np.sum(dd.scipy.special.softmax(x)),
        lambda x: np.sqrt(x**2) ** 2 / x**2,
        lambda x: 1e6 * (np.exp(x) * np.exp(-x)),
    ],
)
def test_derivatives_that_are_all_rounding_are_no_error(f: Any) -> None:
    x = np.array([0.3, -1.2, 0.7, 2.0])
    size = np.max(np.abs(f(x)))
    assert np.abs(dd.jacobian(f, sparse=True)(x)).max() <= 1e-14 * size
    hessian = dd.hessian(lambda x: np.sum(f(x) * np.array([1.0, 2.0, -1.0, 0.5])), sparse=True)(x)
    assert np.abs(hessian).max() <= 1e-12 * size


def test_derivatives_below_the_rounding_of_results_are_compared_all_the_same() -> None:
    x = np.array([1.0, 2.0, 3.0])
    given = dd.prepare_jacobian(lambda x: 1e16 + x + 0.01 * x[::-1], x, pattern=np.eye(3))
    with pytest.raises(ValueError, match="row 0"):
        given(x)
    branching = dd.prepare_jacobian(lambda x: 1e16 + (x if x[0] > 0 else x[::-1]), x)
    np.testing.assert_array_equal(branching(-x).toarray(), np.eye(3)[::-1])


def test_a_function_is_prepared_for_each_form_of_its_arguments() -> None:
    J = dd.jacobian(lambda x: x.sum(axis=0), sparse=True)
    assert [J(np.ones(shape)).shape for shape in ((2, 3), (3, 2), (2, 3))] == [
        (3, 6),
        (2, 6),
        (3, 6),
    ]
    J = dd.jacobian(lambda x, A: A @ x, sparse=True)
    assert [J(np.ones(4), A).shape for A in (np.eye(4), np.eye(4)[:2])] == [(4, 4), (2, 4)]
    assert J(np.ones(4), A=np.ones((1, 4))).shape == (1, 4)
    J = dd.jacobian(lambda x: x.T.ravel() * 2, sparse=True)
    assert [J(np.ones(shape)).nnz for shape in ((2, 3), (3, 2))] == [6, 6]
    H = dd.hessian(lambda x: np.sum(x.sum(axis=0) ** 2), sparse=True)
    assert [H(np.ones(shape)).nnz for shape in ((2, 3), (3, 2))] == [12, 18]


@pytest.mark.parametrize("f", [lambda x: np.sin(x) * 2, lambda x: (np.sin(x) * 2).astype(float)])
def test_half_precision_is_refused_by_name(f: Any) -> None:
    with pytest.raises(TypeError, match="float16"):
        dd.jacobian(f, sparse=True)(np.ones(4, np.float16))
    with pytest.raises(TypeError, match="float16"):
        dd.jacobian(lambda x: f(x).astype(np.float16), sparse=True)(np.ones(4))


def test_auto_takes_columns_where_a_result_is_complex() -> None:
    f = lambda x: np.sum(np.exp(1j * x))[None]  # noqa: E731
    x = np.array([0.3, 1.0, 2.0])
    J = dd.prepare_jacobian(f, x)
    np.testing.assert_allclose(J(x).toarray()[0], 1j * np.exp(1j * x))
    assert J.mode == "forward"


@dd.extend.custom_vjp
def squared(x: Any) -> Any:
    return x**2


@squared.defvjp
def squared_vjp(x: Any) -> Any:
    return x**2, lambda g: (2 * x * g,)


tripled = dd.extend.rule(lambda x: 3 * x, jvp=lambda t: 3 * t, vjp=None, structure=Elementwise())


def pulled_only(x: Any) -> Any:
    return squared(x)[2:] + x[:-2]


@pytest.mark.parametrize("chunk", [None, 1])
@pytest.mark.parametrize("mode", ["auto", "reverse"])
def test_functions_with_a_pullback_alone_are_pulled_and_verified(
    mode: str, chunk: int | None
) -> None:
    options: Any = {"mode": mode, "chunk": chunk}
    J = dd.prepare_jacobian(pulled_only, X, **options)
    for x in (X, -X):
        expected = np.eye(10, 12) + np.eye(10, 12, 2) * 2 * x
        np.testing.assert_allclose(J(x).toarray(), expected)
    assert J.mode == "reverse"
    lacking = np.ones((10, 12), bool)
    lacking[4, 6] = False
    J = dd.prepare_jacobian(pulled_only, X, pattern=lacking, **options)
    with pytest.raises(ValueError, match="lacks an entry in column 6:"):
        J(X)
    with pytest.raises(ArithmeticError, match=r"inf in row 1, column 3, "):
        dd.jacobian(lambda x: squared(x)[2:] * np.array([1.0, np.inf, 1.0]), sparse=True)(X[:5])


def test_functions_with_a_pushforward_alone_are_pushed() -> None:
    def f(x: Any) -> Any:
        return np.sum(tripled(x) ** 2, keepdims=True)

    J = dd.prepare_jacobian(f, X)
    np.testing.assert_allclose(J(X).toarray()[0], 18 * X)
    assert J.mode == "forward"
    with pytest.raises(NotImplementedError, match="reverse"):
        dd.prepare_jacobian(f, X, mode="reverse")(X)
    J = dd.prepare_jacobian(lambda x: arrow(tripled(x)), X)
    assert J.mode == "mixed"
    np.testing.assert_allclose(J(X).toarray(), 3 * dense_matrix(arrow, 3 * X))
    assert J.mode == "forward"


def test_the_mode_follows_the_branch() -> None:
    def f(x: Any) -> Any:
        return squared(x) if x[0] > 0 else 1.0 * tripled(x)

    J = dd.prepare_jacobian(f, X)
    for x, mode in ((X, "reverse"), (-X, "forward"), (X, "reverse")):
        np.testing.assert_allclose(
            J(x).toarray(), np.diag(2 * x if mode == "reverse" else 3 + 0 * x)
        )
        assert J.mode == mode


def test_hessians_of_functions_with_a_pullback_alone_are_pulled() -> None:
    H = dd.prepare_hessian(lambda x: np.sum(x[1:] * x[:-1] ** 3) + squared(x[0]), X)
    expected = dd.hessian(lambda x: np.sum(x[1:] * x[:-1] ** 3) + x[0] ** 2)
    for x in (X, -X):
        np.testing.assert_allclose(H(x).toarray(), expected(x))
    assert (H.mode, H.plan.mode, H.plan.directions) == ("reverse", "reverse", 3)


def test_a_function_that_goes_in_neither_mode_raises_the_error_of_the_first() -> None:
    def f(x: Any) -> Any:
        return squared(tripled(x))

    J = dd.prepare_jacobian(f, X)
    for _ in range(2):
        with pytest.raises(NotImplementedError, match="forward-mode rule"):
            J(X)
    assert J.mode == "forward"


@pytest.mark.parametrize("chunk", [None, 1])
@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_aux_comes_beside_the_sparse_jacobian(mode: str, chunk: int | None) -> None:
    def f(x: Any) -> Any:
        return chain(x), {"half": x / 2, "text": "seen"}

    options: Any = {"mode": mode, "chunk": chunk, "has_aux": True}
    J = dd.prepare_jacobian(f, X, **options)
    for matrix, aux in (dd.jacobian(f, sparse=True, **options)(X), J(X)):
        np.testing.assert_allclose(matrix.toarray(), dense_matrix(chain, X))
        np.testing.assert_array_equal(aux["half"], X / 2)
        assert type(aux["half"]) is np.ndarray
        assert aux["text"] == "seen"
    value, matrix, aux = J.value_and_jacobian(-X)
    np.testing.assert_array_equal(value, chain(-X))
    np.testing.assert_allclose(matrix.toarray(), dense_matrix(chain, -X))
    np.testing.assert_array_equal(aux["half"], -X / 2)
    with pytest.raises(TypeError, match=r"must return \(result, aux\)"):
        dd.jacobian(chain, sparse=True, **options)(X)


def test_aux_comes_beside_the_sparse_hessian() -> None:
    def f(x: Any) -> Any:
        return np.sum(x[1:] ** 2 * x[:-1]), x * 2

    expected = dd.hessian(lambda x: f(x)[0])(X)
    H = dd.prepare_hessian(f, X, has_aux=True)
    for matrix, aux in (dd.hessian(f, sparse=True, has_aux=True)(X), H(X)):
        np.testing.assert_allclose(matrix.toarray(), expected)
        np.testing.assert_array_equal(aux, 2 * X)
    gradient, matrix, aux = H.gradient_and_hessian(X)
    np.testing.assert_allclose(gradient, dd.grad(lambda x: f(x)[0])(X))
    np.testing.assert_allclose(matrix.toarray(), expected)
    np.testing.assert_array_equal(aux, 2 * X)


def test_aux_of_a_pattern_local_to_a_branch_is_of_the_last_point() -> None:
    J = dd.prepare_jacobian(lambda x: (branching(x), x + 1), X, has_aux=True)
    matrix, aux = J(-X)
    np.testing.assert_allclose(matrix.toarray(), dense_matrix(branching, -X))
    np.testing.assert_array_equal(aux, 1 - X)


def test_the_search_for_a_pattern_runs_on_copies_of_arrays_generators_and_iterators():
    def f(x, buffer, rng, steps):
        buffer += 1.0
        return x * buffer * rng.random(2) * next(steps)

    x = np.ones(2)
    rng, again = np.random.default_rng(0), np.random.default_rng(0)
    right = np.diag(again.random(2))
    arguments = (np.zeros(2), rng, iter([1.0, 2.0]))
    found = dd.jacobian(f, sparse=True)(x, *arguments).toarray()
    np.testing.assert_allclose(found, right)
    np.testing.assert_array_equal(arguments[0], [1, 1])


def test_a_hessian_whose_pattern_is_searched_again_leaves_the_callers_array():
    def f(x):
        x[0] = x[1] * 2.0
        return np.sum(x**2) + (x[2] * x[3] if x[2] > 0 else 0.0)

    prepared = dd.prepare_hessian(f, np.array([1.0, 2.0, -1.0, 4.0]))
    y = np.array([1.0, 2.0, 1.0, 4.0])
    assert prepared(y)[2, 3] == 1
    np.testing.assert_array_equal(y, [1, 2, 1, 4])


def test_a_sparse_jacobian_follows_a_number_of_results_that_another_argument_decides():
    jacobian = dd.jacobian(lambda x, k: np.concatenate([x] * k), sparse=True)
    assert jacobian(np.ones(3), 1).shape == (3, 3)
    assert jacobian(np.ones(3), 2).shape == (6, 3)
    assert jacobian(np.ones(3), 1).shape == (3, 3)


def one_entry_more(row: int, column: int, size: float) -> Any:
    """A diagonal, and where x[0] is positive one entry more."""

    def f(x: Any) -> Any:
        r = x**2
        if x[0] > 0:
            r[row] += size * x[column]
        return r

    return f


@pytest.mark.parametrize("size", [1e3, 3.0, 1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize(("row", "column"), [(173, 506), (506, 173), (1, 2999), (7, 8)])
def test_an_entry_of_another_branch_is_found_whatever_its_size(
    size: float, row: int, column: int
) -> None:
    n = 3000
    J = dd.prepare_jacobian(one_entry_more(row, column, size), -np.ones(n))
    found = J(np.ones(n))
    assert found[row, column] == size
    assert found[row, row] == 2.0
    assert found.nnz == n + 1


def test_a_small_entry_of_another_branch_is_found_in_float32() -> None:
    def f(x: Any) -> Any:
        r = x * np.float32(1)
        if x[0] > 0:
            r[1] += np.float32(0.003) * x[2]
        return r

    J = dd.prepare_jacobian(f, -np.ones(4, np.float32))
    np.testing.assert_allclose(J(np.ones(4, np.float32)).toarray()[1], [0, 1, 0.003, 0])


def test_an_entry_beside_a_large_one_is_found() -> None:
    def f(x: Any) -> Any:
        y = 1e7 * x[0] * np.ones(2)
        if x[0] > 0:
            y[0] = y[0] + x[1]
        return y

    J = dd.jacobian(f, sparse=True)
    J(np.array([-1.0, 1.0]))
    np.testing.assert_array_equal(J(np.ones(2)).toarray(), [[1e7, 1.0], [1e7, 0.0]])


def test_exact_verification_searches_at_every_point() -> None:
    f = one_entry_more(1, 2, 1e-14)
    J = dd.prepare_jacobian(f, -np.ones(5), verify="exact")
    assert J(np.ones(5))[1, 2] == 1e-14
    H = dd.prepare_hessian(lambda x: np.sum(f(x) ** 2), -np.ones(5), verify="exact")
    assert H(np.ones(5))[1, 2] != 0
    with pytest.raises(ValueError, match="verify must be"):
        dd.prepare_jacobian(f, np.ones(5), verify="no")  # type: ignore[call-overload, unused-ignore]


def test_rows_whose_derivatives_cancel_are_searched_once() -> None:
    searches = 0

    def f(x: Any) -> Any:
        nonlocal searches
        searches += type(dd.value_of(x)) is not type(x) and not hasattr(x, "batch")
        if x[0] > 1e9:
            return x
        return np.sin(x) ** 2 + np.cos(x) ** 2 + 1e-9 * x

    rng = np.random.default_rng(0)
    J = dd.prepare_jacobian(f, rng.normal(size=50))
    for _ in range(5):
        J(rng.normal(size=50))
    before = searches
    for _ in range(20):
        J(rng.normal(size=50))
    assert searches - before <= 30
