"""`scipy.sparse`: formats, iterative solvers, eigenpairs, operators and graphs by their entries."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.csgraph as cg
import scipy.sparse.linalg as sl

import dualdiff as dd
from tests.rules.table import A, row, rule_tests
from tests.versions import OLD_SCIPY

REAL = {"_complex": False, "_float32": False, "_layout": False, "_exact": False}
M = 3.0 * np.eye(4) + 0.3 * A(4, 4)
B = A(4)
TALL, LONG = A(6, 4), A(6, seed=1)
WEIGHTS = M**2 + 0.1 + A(4, 4, low=0.0, high=0.5)
PLACES = (np.array([0, 1, 2, 3]), np.array([1, 0, 3, 2]))
START = np.ones(4)


def dense(x):
    return x.toarray() if hasattr(x, "toarray") else x


def of(f, *args, name):
    return row(lambda *xs: dense(f(*xs)), *args, _id=name, **REAL)


def operator(m):
    return sl.LinearOperator((4, 4), matvec=lambda x: m @ x, rmatvec=lambda x: m.T @ x, dtype=float)


NORMED = sp.csr_matrix if OLD_SCIPY else sp.csr_array
EXACTLY = {"rtol": 1e-14, "atol": 0.0}
ROWS = [
    *(of(lambda m, x, n=n: getattr(sp, n)(m) @ x, M, B, name=n)
      for n in ("bsr_array", "dia_array", "lil_array", "dok_array", "dok_matrix")),
    of(lambda x: sp.bsr_array((x, [0, 1], [0, 1, 2]), shape=(4, 4)), A(2, 2, 2), name="bsr-data"),
    of(lambda x: sp.dia_array((x, [0, 1, -1]), shape=(4, 4)), A(3, 4), name="dia-data"),
    of(lambda x: sp.spdiags(x, np.array([0, 1]), 4, 4), A(2, 4), name="spdiags"),
    of(lambda d: sp.find(sp.coo_array((d, PLACES), shape=(4, 4)))[2], B, name="find"),
    of(lambda d: sp.kronsum(sp.diags_array(d[:2]), sp.diags_array(d[2:])), B, name="kronsum"),
    of(lambda m, b: sl.cg(m @ m.T, b, rtol=1e-14)[0], M, B, name="cg"),
    of(lambda m, b: sl.minres(m + m.T, b, rtol=1e-14)[0], M, B, name="minres"),
    *(of(lambda m, b, n=n: getattr(sl, n)(sp.csr_array(m), b, **EXACTLY)[0], M, B, name=n)
      for n in ("bicg", "bicgstab", "cgs", "gmres", "lgmres", "gcrotmk", "qmr", "tfqmr")),
    of(lambda m, b: sl.gmres(operator(m), b, rtol=1e-14)[0], M, B, name="gmres-operator"),
    of(lambda m, b: sl.gmres(sp.csr_array(m), b, M=operator(np.diag(1 / np.diag(m))), **EXACTLY)[0],
       M, B, name="gmres-preconditioned-by-an-operator"),
    of(lambda m, b: sl.bicgstab(sp.csr_array(m), b, M=sp.diags(1 / np.diag(m)), **EXACTLY)[0],
       M, B, name="bicgstab-preconditioned-by-a-matrix"),
    of(lambda m, x: sp.csr_array(m) / (1 + x**2), M, M.T, name="quotient"),
    of(lambda d: sp.csr_matrix((d, PLACES), shape=(4, 4)).getH(), B, name="getH"),
    of(lambda d: sp.csr_array((d, [3, 1, 0, 2], [0, 2, 3, 4, 4])).sorted_indices(), B,
       name="sorted_indices"),
    of(lambda m, b: sl.lsqr(sp.csr_array(m), b, atol=1e-15, btol=1e-15)[0], TALL, LONG,
       name="lsqr"),
    of(lambda m, b, d: sl.lsqr(m, b, d, atol=1e-15, btol=1e-15)[0], TALL, LONG, 0.3,
       name="lsqr-damp"),
    of(lambda m, b: sl.lsmr(m, b, atol=1e-15, btol=1e-15)[0], TALL, LONG, name="lsmr"),
    of(lambda m: sl.eigsh(sp.csr_array(m + m.T), k=2, v0=START)[0], M, name="eigsh"),
    of(lambda m: sl.eigsh(m + m.T, k=2, v0=START)[1] ** 2, M, name="eigsh-vectors"),
    of(lambda m, d: sl.eigsh(m + m.T, k=2, M=np.diag(d), v0=START)[0], M, np.abs(B),
       name="eigsh-general"),
    of(lambda m: np.real(sl.eigs(m, k=1, v0=START)[0]), M, name="eigs"),
    of(lambda m: sl.svds(sp.csr_array(m), k=2, v0=START)[1], M, name="svds"),
    of(lambda m: sl.svds(m, k=2, v0=START)[0] ** 2, M, name="svds-vectors"),
    of(lambda m, b: sl.splu(sp.csc_array(m)).solve(b), M, B, name="splu"),
    of(lambda b: sl.spilu(sp.csc_array(M)).solve(b), B, name="spilu"),
    of(lambda m, b: sl.factorized(sp.csc_array(m))(b), M, B, name="factorized"),
    of(lambda m, b: sl.spsolve_triangular(sp.csr_array(np.tril(m)), b), M, B,
       name="spsolve_triangular"),
    of(lambda m, b: sl.expm_multiply(m / 3, b), M, B, name="expm_multiply"),
    of(lambda m, b, t: sl.expm_multiply(sp.csr_array(m / 3), b, 0.0, t, 3), M, B, 1.1,
       name="expm_multiply-times"),
    of(lambda m: sl.expm(sp.csc_array(m / 3)), M, name="expm"),
    of(lambda m: sl.inv(sp.csc_array(m)), M, name="inv"),
    *(of(lambda m, o=o: sl.norm(NORMED(m), o), M, name=f"norm-{o}")
      for o in ("fro", 1, np.inf)),
    of(lambda m, x: operator(m) @ x + operator(m).rmatvec(x), M, B, name="LinearOperator"),
    of(lambda m, x: (2 * sl.aslinearoperator(m) + sl.aslinearoperator(sp.csr_array(m))) @ x, M, B,
       name="aslinearoperator"),
    *(of(lambda w, n=n: getattr(cg, n)(w), WEIGHTS, name=n)
      for n in ("shortest_path", "dijkstra", "bellman_ford", "floyd_warshall", "johnson")),
    of(lambda w: cg.dijkstra(sp.csr_array(w), directed=False, indices=[1]), WEIGHTS,
       name="dijkstra-undirected"),
    of(lambda w: cg.minimum_spanning_tree(w), WEIGHTS, name="minimum_spanning_tree"),
    of(lambda w: cg.laplacian(w, normed=True), WEIGHTS, name="laplacian"),
    of(lambda w: cg.laplacian(sp.csr_array(w)), WEIGHTS, name="laplacian-sparse"),
    of(lambda w: cg.csgraph_to_dense(sp.csr_array(w)), WEIGHTS, name="csgraph_to_dense"),
    of(lambda w: cg.csgraph_from_dense(w), WEIGHTS, name="csgraph_from_dense"),
]  # fmt: skip
dd.grad(lambda x: x * x)(1.0)  # compiled functions are replaced at the first derivative
TestRules = rule_tests(ROWS)


def laplace(n):
    lines = [2.0 * np.ones(n), -np.ones(n - 1), -np.ones(n - 1)]
    return sp.diags_array(lines, offsets=[0, 1, -1], format="csr")


@pytest.mark.parametrize("solver", [sl.cg, sl.gmres, sl.bicgstab])
def test_a_loose_tolerance_does_not_show_in_derivatives(solver):
    n = 50
    b = A(n)

    def total(s):
        x, info = solver(laplace(n) + s * sp.eye_array(n, format="csr"), b, rtol=1e-3)
        assert info == 0
        return np.sum(x)

    inverse = np.linalg.inv(laplace(n).toarray() + 0.7 * np.eye(n))
    exact = -np.sum(inverse @ inverse @ b)
    assert dd.grad(total)(0.7) == pytest.approx(exact, rel=1e-9)
    assert dd.derivative(total)(0.7) == pytest.approx(exact, rel=1e-9)


def test_operators_read_values_that_their_functions_capture():
    def total(s):
        made = sl.LinearOperator((4, 4), matvec=lambda x: M @ M.T @ x * s, dtype=float)
        return np.sum(sl.cg(made, B, rtol=1e-12)[0])

    exact = -np.sum(np.linalg.solve(M @ M.T, B)) / 4.0
    assert dd.grad(total)(2.0) == pytest.approx(exact, rel=1e-9)


def test_factors_of_a_plain_matrix_take_traced_right_hand_sides():
    solve = lambda b: sl.splu(sp.csc_array(M)).solve(b)  # noqa: E731
    np.testing.assert_allclose(dd.jacobian(solve)(B), np.linalg.inv(M), rtol=1e-12)


def test_lengths_of_paths_that_do_not_exist_stay_infinite():
    weights = np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]])

    def length(s):
        d = cg.shortest_path(weights * s)
        assert np.isinf(dd.value_of(d)[2, 0])
        return d[0, 2]

    assert dd.grad(length)(1.5) == 5.0


def test_spilu_of_a_traced_matrix_raises():
    with pytest.raises(dd.errors.MissingRuleError, match="which entries it drops"):
        dd.grad(lambda s: np.sum(sl.spilu(sp.csc_array(s * M)).solve(B)))(1.0)


def test_plain_arrays_take_traced_ones_on_the_right():
    plain = sp.csr_array(M)
    for f in (
        lambda a: plain + a,
        lambda a: plain - a,
        lambda a: plain @ a,
        lambda a: plain * a,
        lambda a: plain.multiply(a),
        lambda a: plain.tocoo().dot(a),
        lambda a: sp.csr_matrix(M) * a,
    ):
        total = lambda s, f=f: f(s * sp.csr_array(M)).toarray().sum()  # noqa: E731
        central = (total(2.0 + 1e-6) - total(2.0 - 1e-6)) / 2e-6
        assert dd.grad(total)(2.0) == pytest.approx(central, rel=1e-7)


def test_zeros_of_a_dense_graph_are_no_edges():
    graph = np.array([[0, 1.2, 0, 2.5], [0, 0, 0.7, 3.0], [0, 0, 0, 0.9], [0.3, 0, 0, 0]])
    for f in (
        cg.shortest_path,
        cg.dijkstra,
        cg.johnson,
        lambda w: cg.minimum_spanning_tree(w).toarray(),
        lambda w: cg.csgraph_to_dense(w, null_value=9.0),
    ):
        value, slope = dd.jvp(lambda s, f=f: f(sp.csr_array(graph * s) * s), (2.0,), (1.0,))
        plain = f(sp.csr_array(graph * 4.0))
        np.testing.assert_array_equal(value, plain)
        # Lengths are proportional to the square of the factor.
        np.testing.assert_allclose(slope, np.where(plain == 9.0, 0.0, plain), rtol=1e-12)


def test_arrays_of_lists_and_of_keys_take_traced_factors():
    for kind in (sp.lil_array, sp.dok_array):
        plain = kind(M)
        for f in (lambda s: plain * s, lambda s: s * plain, lambda s: plain / s):  # noqa: B023
            total = lambda s, f=f: (f(s) @ B).sum()  # noqa: E731
            central = (total(2.0 + 1e-6) - total(2.0 - 1e-6)) / 2e-6
            assert dd.grad(total)(2.0) == pytest.approx(central, rel=1e-7)


def test_the_extremes_of_a_sparse_array_count_zeros():
    data, places = np.array([-2.0, -3.0, 2.0]), ([0, 1, 1], [0, 0, 0])
    array = lambda d: sp.coo_array((d, places), shape=(2, 2))  # noqa: E731
    assert dd.grad(lambda d: array(d).max())(data).tolist() == [0.0, 0.0, 0.0]
    assert dd.grad(lambda d: array(d).min())(data).tolist() == [1.0, 0.0, 0.0]
