"""Sparse arrays with traced values behave as SciPy's; their patterns are found; errors help."""

import numdifftools as nd
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

import dualdiff as dd
from dualdiff.errors import ConversionError, DualdiffError
from dualdiff.rules.scipy.sparse import layout, products
from dualdiff.scipy import sparse as sp
from tests.rules.scipy.test_sparse_arrays import (
    COLUMNS_OF,
    CSC,
    CSR,
    NNZ,
    OTHER,
    OTHER_NNZ,
    ROWS_OF,
    SQUARE,
    D,
    E,
    S,
    coo,
    csc,
    csr,
    repeated_times,
    solve,
    square,
    sum_of_two,
    times,
    times_transposed,
)
from tests.rules.table import A
from tests.versions import OLD_SCIPY, before


def test_what_is_not_traced_is_scipys_own():
    for kind in ("csr_array", "csc_array", "coo_array", "csr_matrix", "csc_matrix", "coo_matrix"):
        assert type(getattr(sp, kind)(CSR)) is getattr(scipy.sparse, kind)
    assert type(csr(D)) is scipy.sparse.csr_array
    assert type(sp.diags_array(D)) is type(scipy.sparse.diags_array(D))
    assert sp.eye_array is scipy.sparse.eye_array or sp.eye_array(2).nnz == 2
    assert sp.hstack([CSR, OTHER]).nnz == NNZ + OTHER_NNZ
    assert np.array_equal(
        sp.linalg.spsolve(SQUARE, A(4)), scipy.sparse.linalg.spsolve(SQUARE, A(4))
    )


def test_attributes_are_those_of_scipy():
    def f(d):
        a, b = csr(d), coo(d)
        assert (a.shape, a.nnz, a.ndim, a.format, a.dtype) == ((4, 3), NNZ, 2, "csr", float)
        assert np.array_equal(a.indices, CSR.indices)
        assert np.array_equal(a.indptr, CSR.indptr)
        assert np.array_equal(b.row, ROWS_OF[::-1])
        assert (a.T.format, a.T.shape, a.tocsc().format, b.tocsr().format) == (
            "csc", (3, 4), "csc", "csr",
        )  # fmt: skip
        assert a.data is d
        assert sp.issparse(a)
        assert "traced" in repr(a)
        assert type(dd.value_of(a.data)) is np.ndarray
        return a.data

    assert np.array_equal(dd.jacobian(f)(D), np.eye(NNZ))


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 gives other formats")
def test_formats_of_results_are_those_of_scipy():
    def f(d):
        a, b, c = csr(d), csc(d), coo(d)
        unbox = (CSR, CSC, CSR.tocoo())
        for x, p in zip((a, b, c), unbox, strict=True):
            assert (x + x).format == (p + p).format
            assert (x @ x.T).format == (p @ p.T).format
            assert x.multiply(OTHER).format == p.multiply(OTHER).format
            assert (2.0 * x).format == (2.0 * p).format
            assert x.T.format == p.T.format
        return a.sum()

    assert np.array_equal(dd.grad(f)(D), np.ones(NNZ))


@pytest.mark.parametrize("constant", [dd.value_of, dd.stop_gradient])
@pytest.mark.parametrize("make", [csr, csc, coo])
def test_as_a_constant_it_is_scipys_own_array(constant, make):
    def f(d):
        a = constant(make(d))
        assert scipy.sparse.issparse(a)
        assert np.array_equal(a.toarray(), make(dd.value_of(d)).toarray())
        return a @ np.ones(3) * d[0]

    ones = np.ones((4, 1))
    expected = make(D).toarray() @ np.ones((3, 1)) * (np.arange(NNZ) == 0) * ones
    assert np.allclose(dd.jacobian(f)(D), expected)


def test_in_place_operators_make_a_new_array():
    def f(d):
        a = b = csr(d)
        a *= 2.0
        a += csr(d)
        a -= 0.5 * b
        a /= 2.0
        return a @ np.arange(3.0) + b @ np.ones(3)

    weights = 1.25 * COLUMNS_OF + 1.0
    assert np.allclose(dd.jacobian(f)(D), (np.arange(4)[:, None] == ROWS_OF) * weights)


def test_after_its_derivative_has_ended_it_is_refused():
    kept = []

    def f(d):
        kept.append(csr(d))
        return d.sum()

    dd.grad(f)(D)
    with pytest.raises(RuntimeError, match="after its derivative was taken"):
        kept[0] @ np.ones(3)


def test_rules_and_checkpoints_do_not_lose_what_it_holds():
    alone = dd.checkpoint(lambda a: (a @ np.ones(3)).sum())
    assert np.array_equal(dd.grad(lambda d: alone(csr(d)))(D), np.ones(NNZ))
    inside = dd.checkpoint(lambda d: (csr(d) @ np.ones(3)).sum())
    assert np.array_equal(dd.grad(inside)(D), np.ones(NNZ))
    beside = dd.checkpoint(lambda a, x: (a @ x).sum())
    with pytest.raises(DualdiffError, match="not one of its arguments"):
        dd.grad(lambda d: beside(csr(d), d[:3]))(D)


def test_stores_into_the_data_change_the_array():
    def f(d):
        a = csr(d * 1.0)
        a.data[0] = 2.0
        a.data *= 3.0
        return a @ np.ones(3)

    expected = np.zeros((4, NNZ))
    expected[ROWS_OF, np.arange(NNZ)] = 3.0
    expected[:, 0] = 0.0
    assert np.array_equal(dd.jacobian(f)(D), expected)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_an_entry_that_is_zero_keeps_its_derivative(mode):
    zero = np.zeros((2, 2))
    for f in (
        lambda d: sp.csr_array(d) @ np.array([2.0, 3.0]),
        lambda d: (sp.csr_array(d) + sp.csr_array(d)) @ np.array([1.0, 1.5]),
        lambda d: (sp.csc_array(d) @ sp.eye_array(2, format="csr")) @ np.array([2.0, 3.0]),
    ):
        found = dd.jacobian(f, mode=mode)(zero)
        assert np.array_equal(found.reshape(2, 4), [[2, 3, 0, 0], [0, 0, 2, 3]])


def test_a_constant_sparse_array_before_or_behind_a_traced_one():
    def f(d):
        a = csr(d)
        total = (OTHER.T @ a).sum() + (a @ CSR.T).sum() + (OTHER + a).sum() + (a - OTHER).sum()
        return total + (np.ones(4) @ a).sum() + (3.0 * a).sum() + (np.float64(2.0) * a).sum()

    ones = np.ones((4, 3))
    weights = OTHER.sum(axis=1)[:, None] + CSR.sum(axis=0)[None, :] + 8.0 * ones
    assert np.allclose(dd.grad(f)(D), weights[ROWS_OF, COLUMNS_OF])


def test_matrices_multiply_by_star():
    def f(d):
        a = sp.csr_matrix((d, CSR.indices, CSR.indptr), shape=CSR.shape)
        assert a.sum(axis=1).shape == (4, 1)
        assert a.sum(axis=0).shape == (1, 3)
        assert (a.T * a).shape == (3, 3)
        assert ((a.T * a) ** 2).shape == (3, 3)
        return a * np.arange(3.0) + (2 * a) * np.arange(3.0) + (a / 2) * np.ones(3)

    weights = (3.0 * np.arange(3.0) + 0.5)[COLUMNS_OF]
    expected = (np.arange(4)[:, None] == ROWS_OF) * weights
    assert np.allclose(dd.jacobian(f)(D), expected)


SMALL = np.array([[2.0, 1.0], [3.0, 4.0]])
JOINED = {
    "kron": lambda x, m: sp.kron(x, m),
    "kronsum": lambda x, m: sp.kronsum(m, x),
    "vstack": lambda x, m: sp.vstack([m, x]),
    "block_diag": lambda x, m: sp.block_diag([m, x]),
    "bmat": lambda x, m: sp.bmat([[m, x], [x, m]]),
    "block_array": lambda x, m: sp.block_array([[m, x], [x, m]]),
    "tril": lambda x, m: sp.kron(sp.tril(x), m),
}
BESIDE = {"dense": lambda x: x, "matrix": scipy.sparse.csr_matrix, "array": scipy.sparse.csr_array}


# SciPy 1.18 says of some that a matrix, of dense arguments, will become an array.
@pytest.mark.filterwarnings("ignore:.*sparse array interface:DeprecationWarning")
@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("name", JOINED)
def test_the_star_of_joined_arrays_is_that_of_scipys_class(name, beside):
    def f(x):
        joined = JOINED[name](x, BESIDE[beside](SMALL))
        return (joined.tocsr() * np.arange(1.0, joined.shape[1] + 1)).sum()

    if (name, beside) in {("vstack", "dense"), ("bmat", "dense"), ("block_array", "dense")}:
        pytest.skip("SciPy joins sparse arrays only")
    value, slope = dd.jvp(f, (SMALL,), (SMALL.T,))
    assert value == f(SMALL)
    assert slope == pytest.approx(f(SMALL + SMALL.T / 2) - f(SMALL - SMALL.T / 2))


def test_a_list_of_traced_numbers_is_data():
    def f(x):
        a = sp.csr_array(([x[0], x[1] * x[0], 1.0], ([0, 1, 1], [0, 0, 1])), shape=(2, 2))
        return a @ [1.0, 2.0]

    assert dd.jacobian(f)(np.array([3.0, 4.0])).tolist() == [[1.0, 0.0], [4.0, 3.0]]


def test_the_sum_of_a_list_of_sparse_arrays():
    found = dd.grad(lambda d: sum([csr(d), csr(2 * d)]).sum())(D)
    assert np.array_equal(found, np.full(NNZ, 3.0))


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda d: np.asarray(csr(d)), "dualdiff.scipy.sparse"),
        (lambda d: csr(d) == csr(d), "compare their .data"),
        (lambda d: csr(d).argmax(), ".toarray"),
        pytest.param(
            lambda d: csr(d)[0],
            r"A\[\[i\]\]",
            marks=before("1.15.0", "it has no arrays of one axis, and refuses it itself"),
        ),
        (lambda d: csr(d).argmax(), "no 'argmax'"),
        (lambda d: csr(d).sum(out=np.zeros(())), "no out"),
        (lambda d: csr(d) @ np.ones((3, 2, 2)), "one or two dimensions"),
        (lambda d: sp.coo_array(d), "takes a matrix"),
        (lambda d: sp.linalg.spsolve(np.eye(4), d[:4]), "needs a sparse array"),
        (lambda d: sp.linalg.splu(square(S * d[0])).solve(OTHER), "sparse right-hand sides"),
    ],
)
def test_what_has_no_meaning_is_an_error_that_says_what_to_write(f, says):
    with pytest.raises(DualdiffError, match=says) as caught:
        dd.grad(lambda d: f(d).sum())(D)
    assert "test_sparse_behaviour.py" in str(caught.value)


def test_scipys_own_names_take_arrays_with_traced_values():
    def f(d):
        a = scipy.sparse.csc_array(csr(d))
        square = scipy.sparse.csr_array((d[:3], ([0, 1, 2], [0, 1, 2])))
        return a.sum() + scipy.sparse.linalg.spsolve(square, np.ones(3)).sum()

    expected = np.ones(NNZ)
    expected[:3] -= 1 / D[:3] ** 2
    assert np.allclose(dd.grad(f)(D), expected)


@pytest.mark.parametrize("kind", ["csr_array", "csc_matrix", "coo_array"])
def test_scipys_own_constructors_take_traced_values(kind):
    parts = CSC if kind[:3] == "csc" else CSR
    places = (ROWS_OF, COLUMNS_OF) if kind[:3] == "coo" else (parts.indices, parts.indptr)
    arg = (lambda d: (d, places)) if kind[:3] == "coo" else (lambda d: (d, *places))

    def total(home, d):
        return (getattr(home, kind)(arg(d), (4, 3)) @ A(3)).sum()

    assert np.array_equal(
        dd.grad(lambda d: total(scipy.sparse, d))(D), dd.grad(lambda d: total(sp, d))(D)
    )


@pytest.mark.parametrize("operator", [dd.grad, dd.jacobian, dd.derivative])
def test_factors_of_scipys_own_name_the_counterpart(operator):
    lu = scipy.sparse.linalg.splu(SQUARE)
    with pytest.raises(ConversionError, match=r"dualdiff\.scipy\.sparse\.linalg\.splu"):
        operator(lambda b: lu.solve(b * np.ones(4)).sum())(2.0)


def test_shapes_that_do_not_fit_are_errors_as_in_scipy():
    for f in (
        lambda d: csr(d) @ np.ones(4),
        lambda d: csr(d) @ csr(d),
        lambda d: csr(d) + csr(d).T,
        lambda d: sp.csr_array((d[1:], CSR.indices, CSR.indptr), shape=CSR.shape),
        lambda d: sp.linalg.spsolve(csr(d), d),
        lambda d: sp.linalg.splu(square(S * d[0])).solve(np.ones(3)),
        lambda d: csr(d).sum(axis=3),
        lambda d: setattr(csr(d), "data", d[1:]),
        lambda d: bool(csr(d)),
    ):
        with pytest.raises(ValueError, match=r"shape|exist|square|number|data|axis|ambiguous|size"):
            dd.grad(lambda d, f=f: f(d).sum())(D)
    with pytest.raises(TypeError, match="ambiguous"):
        dd.grad(lambda d: len(csr(d)))(D)
    with pytest.raises(NotImplementedError, match="dense"):
        dd.grad(lambda d: (csr(d) + 1.0).sum())(D)


def test_a_singular_matrix_is_an_error():
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        dd.grad(lambda d: sp.linalg.spsolve(square(0.0 * d), np.ones(4)).sum())(S)


def test_a_matrix_is_factorised_once_for_values_and_all_derivatives(monkeypatch):
    calls = []
    unbox = scipy.sparse.linalg.splu

    def counted(*args, **kwargs):
        calls.append(1)
        return unbox(*args, **kwargs)

    monkeypatch.setattr(scipy.sparse.linalg, "splu", counted)
    for mode in ("forward", "reverse"):
        calls.clear()
        dd.jacobian(solve, argnums=(0, 1), mode=mode)(S, A(4))
        assert len(calls) == 1
    calls.clear()
    dd.hessian(lambda d: np.sum(solve(d, A(4)) ** 2))(S)
    assert len(calls) == 1


def test_the_jacobian_by_the_values_is_sparse_and_never_dense():
    n = 20_000
    band = scipy.sparse.diags_array(
        [1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n), format="csr"
    )
    x = np.linspace(1.0, 2.0, n)

    def f(d):
        return sp.csr_array((d, band.indices, band.indptr), shape=(n, n)) @ x

    prepared = dd.prepare_jacobian(f, band.data)
    assert prepared.pattern.shape == (n, band.nnz)
    assert prepared.pattern.nnz == band.nnz
    assert (prepared.mode, prepared.plan.directions) == ("reverse", 1)
    matrix = prepared(band.data)
    assert np.array_equal(matrix.data, x[band.indices])
    assert np.array_equal(matrix.indptr, band.indptr)
    hessian = dd.prepare_hessian(lambda d: np.sum(f(d) ** 2), band.data)
    assert hessian.pattern.nnz == 9 * (n - 2) + 8


def test_patterns_of_products_are_found_exactly():
    def check(f, *args):
        found = dd.sparsity(f, *args, argnums=tuple(range(len(args)))).toarray()
        blocks = dd.jacobian(f, argnums=tuple(range(len(args))))(*args)
        full = np.hstack([b.reshape(found.shape[0], -1) for b in blocks]) != 0
        assert np.array_equal(found, full)

    check(times, D, A(3))
    check(times, D, A(3, 2))
    check(times_transposed, D, A(4, 2))
    check(repeated_times, D, A(3))
    check(sum_of_two, D, E)
    check(product_pattern, D)
    zeros = np.array([1.0, 0.0, 2.0])
    assert dd.sparsity(lambda d: csr(d) @ zeros, D).nnz == np.sum(COLUMNS_OF != 1)
    wide = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    expected = sum(np.sum(k != COLUMNS_OF) for k in (0, 1))
    assert dd.sparsity(lambda d: csr(d) @ wide, D).nnz == expected


def product_pattern(d):
    return (csr(d).T @ OTHER).toarray()


def test_a_structure_of_entries_is_kept_by_a_sparse_finite_element_assembly():
    """Stiffness of a chain of springs: d force / d stiffness, against the formula."""
    n = 6
    left, right = np.arange(n), np.arange(1, n + 1)
    u = np.linspace(0.0, 1.0, n + 1) ** 2

    def force(k):
        data = np.concatenate([k, k, -k, -k])
        places = (np.concatenate([left, right, left, right]),
                  np.concatenate([left, right, right, left]))  # fmt: skip
        return sp.coo_array((data, places), shape=(n + 1, n + 1)).tocsr() @ u

    stretch = np.diff(u)
    expected = np.zeros((n + 1, n))
    expected[left, left], expected[right, left] = -stretch, stretch
    k = np.linspace(1.0, 2.0, n)
    assert np.allclose(dd.jacobian(force)(k), expected)
    found = dd.jacobian(force, sparse=True)(k)
    assert np.allclose(found.toarray(), expected)
    assert found.nnz == 2 * n


@pytest.mark.filterwarnings("ignore:invalid value")  # of the function itself: inf - inf
@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_structural_zeros_stay_zero_beside_infinities(mode, bad):
    x = np.array([1.0, bad, 2.0])
    found = dd.jacobian(lambda d: csr(d) @ x, mode=mode)(D)
    expected = np.where(np.arange(4)[:, None] == ROWS_OF, x[COLUMNS_OF], 0.0)
    assert np.array_equal(found, expected, equal_nan=True)
    d = D.copy()
    d[1] = bad
    dense = np.zeros((4, 3))
    dense[ROWS_OF, COLUMNS_OF] = d
    found = dd.jacobian(lambda v: csr(d + 0.0 * dd.value_of(v)[0]) @ v, mode=mode)(A(3))
    assert np.array_equal(found, dense, equal_nan=True)
    found = dd.jacobian(lambda d, v: csr(d) @ v, argnums=(0, 1), mode=mode)(d, A(3))[1]
    assert np.array_equal(found, dense, equal_nan=True)


def test_many_directions_at_once_are_products_of_single_ones():
    x, d = A(3, 2), A(5, NNZ)
    together = products._times(d, x, layout.Layout.of(CSR))
    single = [csr(row) @ x for row in d]
    assert np.allclose(together, single)
    stacked = A(5, 3, 2)
    together = products._times(d, stacked, layout.Layout.of(CSR))
    assert np.allclose(together, [csr(a) @ b for a, b in zip(d, stacked, strict=True)])
    both = products.times(d[:, None], stacked, layout.Layout.of(CSR))
    assert both.shape == (5, 5, 4, 2)
    assert np.allclose(both[3, 1], csr(d[3]) @ stacked[1])


def test_operators_with_a_traced_left_operand_are_those_of_the_sparse_array():
    data, dense = np.array([1.0, 2.0, 3.0]), np.ones((2, 2))

    def f(s, x):
        a = sp.csr_array((data * s, np.array([0, 1, 0]), np.array([0, 2, 3])), shape=(2, 2))
        return np.sum((s * a).toarray() ** 2) + np.sum((x + a) ** 2) + np.sum((x - a) ** 3)

    dd.check_grads(f, (0.7, dense))


def test_numpys_functions_call_the_methods_of_sparse_arrays_with_traced_values() -> None:
    places, w = ([0, 1, 1], [1, 0, 1]), np.array([[1.0, 2.0], [3.0, 4.0]])

    def f(d):
        a = sp.csr_array((d * (1.0 + 2.0j), places), shape=(2, 2))
        b = sp.csr_matrix((np.abs(d), places), shape=(2, 2))
        total = np.zeros((2, 2)) + np.real((np.conj(a) @ a).toarray())
        total = dd.numpy.asarray(total + np.sqrt(b) - np.abs(-b) + np.multiply(2.0, b / 4.0))
        return np.sum(total * w)

    x = np.array([0.5, 1.5, 2.0])
    dense = nd.Gradient(lambda d: float(np.real(f(d))))(x)
    np.testing.assert_allclose(dd.grad(f)(x), dense, rtol=1e-7)
    with pytest.raises(dd.DualdiffError, match=r"numpy\.exp takes no sparse array"):
        dd.grad(lambda d: np.exp(sp.csr_array((d, places), shape=(2, 2))).sum())(x)
