"""Names of SciPy's that few programs use: both modes, and second derivatives in three nestings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numdifftools as nd
import numpy as np
import pytest
import scipy
from scipy import (
    fft,
    integrate,
    interpolate,
    linalg,
    ndimage,
    optimize,
    signal,
    sparse,
    spatial,
)
from scipy.sparse import csgraph
from scipy.sparse import linalg as sparse_linalg
from scipy.stats.qmc import Halton

import dualdiff as dd
from dualdiff.errors import DualdiffError, MissingRuleError
from tests.rules.checks import check_close, check_nestings, difference
from tests.rules.rows import A, flat
from tests.versions import before, lacking

X, P, PAIR = A(6), np.array([0.6, 0.8, 0.3]), np.array([0.5, 0.7])
SYSTEM = np.array([1.0, 0.5, 1.0, 0.8, 0.9])
TALL = A(5, 3)
ROWS_OF_3, COLUMNS_OF_3 = [0, 1, 2, 0, 1, 2], [0, 1, 2, 1, 2, 0]
GRAPH = np.array([[0, 1.0, 4, 0], [0, 0, 2, 7], [0, 0, 0, 3], [1.5, 0, 0, 0]])
LENGTHS = A(4, 4, low=1.0, high=2.0)
Z = np.linspace(-1.0, 1.0, 30)
T = np.linspace(0.0, 1.0, 12)
ANGLES = tuple(np.ravel(x) for x in np.meshgrid(np.linspace(0.5, 2.5, 6), np.linspace(0.5, 5, 6)))
KNOTS = np.array([0.5] * 4 + [1.1] + [2.5] * 4)


def compressed(x: Any) -> Any:
    return sparse.csr_array((x, (ROWS_OF_3, COLUMNS_OF_3)), shape=(3, 3))


def tridiagonal(x: Any) -> Any:
    return sparse.diags_array([x**2 + 3, 0.3 * x[1:], 0.3 * x[1:]], offsets=[0, 1, -1]).tocsr()


def orbit(t: Any, y: Any, p: Any) -> Any:
    return p[1] * np.array([y[1], -np.sin(y[0]) * p[0]])


def turn(x: Any) -> Any:
    return linalg.expm(x - x.T)


def boundary(p: Any) -> Any:
    x = np.linspace(0.0, 1.0, 8)
    found = integrate.solve_bvp(
        lambda x, y: np.vstack((y[1], -p[0] * np.exp(y[0]))),
        lambda a, b: np.array([a[0] - p[1], b[0] - p[2]]),
        x,
        np.zeros((2, 8)),
        tol=1e-8,
    )
    return found.sol(np.array([0.3, 0.6]))


def stepped(name: str, p: Any) -> Any:
    method = integrate.RK45 if name == "DenseOutput" else getattr(integrate, name)
    solver = method(lambda t, y: orbit(t, y, p), 0.0, np.array([0.5, 0.2]), 1.0, rtol=1e-7)
    while solver.t < 0.5:
        solver.step()
    inner = solver.dense_output()
    return inner(0.5)


def root_by(solver: Callable[..., Any], **options: Any) -> Callable[[Any], Any]:
    return lambda p: solver(lambda x: 0.3 * np.cos(x * p) + p - x, np.zeros(2), **options)


def state_space(x: Any) -> tuple[Any, ...]:
    return x[:2, :2], x[:2, 2:3], x[2:3, :2], x[2:3, 2:3]


CASES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "fft.fftshift": (lambda x: fft.fftshift(x) ** 2 * np.arange(6), X),
    "fft.ifftshift": (lambda x: fft.ifftshift(x) ** 2 * np.arange(6), X),
    "linalg.qr_delete": (lambda x: linalg.qr_delete(*linalg.qr(x), 1, which="col")[1], TALL),
    "linalg.qr_insert": (
        lambda x: linalg.qr_insert(*linalg.qr(x, mode="economic"), x[:, 0] ** 2, 1, "col"), TALL,
    ),
    "linalg.qr_update": (lambda x: linalg.qr_update(*linalg.qr(x), x[:, 0], x[0])[1], TALL),
    "signal.ZoomFFT": (lambda x: signal.ZoomFFT(6, [0.1, 0.6], m=5)(x * x), X),
    "signal.sosfreqz": (
        lambda x: signal.sosfreqz(np.array([[x[0], x[1], 0.2, 1.0, x[2], 0.1]]), worN=4)[1],
        PAIR.repeat(2)[:3],
    ),
    "signal.StateSpace": (lambda x: signal.StateSpace(*state_space(x)).to_tf().num, A(3, 3)),
    "signal.ss2zpk": (lambda x: signal.ss2zpk(*state_space(x))[1], A(3, 3)),
    "signal.TransferFunction": (
        lambda x: signal.TransferFunction(x[:2], x[2:]).freqresp(np.array([0.1, 0.5]))[1],
        SYSTEM,
    ),
    "signal.ZerosPolesGain": (
        lambda x: signal.ZerosPolesGain(x[:1], x[1:3], x[3]).bode(np.array([0.1, 0.5]))[1],
        np.array([-0.5, -1.0, -2.0, 3.0]),
    ),
    "signal.lti": (lambda x: signal.lti(x[:2], x[2:]).step(T=T[:5])[1], SYSTEM),
    "signal.dlti": (lambda x: signal.dlti(x[:2], x[2:]).impulse(n=5)[1][0], SYSTEM),
    "signal.closest_STFT_dual_window": (
        lambda x: signal.closest_STFT_dual_window(x, 2)[0], A(8, low=1.0, high=2.0),
    ),
    "linalg.cossin": (
        lambda x: np.concatenate([
            np.abs(np.concatenate(part))  # LAPACK's signs jump
            for part in linalg.cossin(turn(x), 2, 2)
        ]),
        A(4, 4),
    ),
    "integrate.dblquad": (
        lambda p: integrate.dblquad(
            lambda y, x: p[0] * np.sin(x * y * p[1]), 0, p[2], lambda x: 0, lambda x: x + p[1]
        )[0],
        P,
    ),
    "integrate.tplquad": (
        lambda p: integrate.tplquad(lambda z, y, x: x * y + z * p, 0, p, 0, 1.0, 0, 0.5)[0],
        0.7,
    ),
    "integrate.nsum": (
        lambda p: integrate.nsum(
            lambda k, a: np.exp(-a * k) / (k**2 + p[1]), 1, np.inf, args=(p[0],)
        ).sum,
        PAIR,
    ),
    "integrate.OdeSolution": (
        lambda p: integrate.solve_ivp(
            orbit, (0.0, 1.0), p[:2], args=(p,), rtol=1e-9, atol=1e-9, dense_output=True
        ).sol(np.array([0.2, 0.5])),
        P,
    ),
    "integrate.solve_bvp": (boundary, np.array([1.0, 0.1, -0.2])),
    "optimize.approx_fprime": (
        lambda x: optimize.approx_fprime(x, lambda y: np.sum(np.sin(y)) * y[0], 1e-6), PAIR,
    ),
    "optimize.fixed_point": (
        lambda p: optimize.fixed_point(lambda x, a: np.cos(x * a), np.ones(2) / 2, args=(p,)),
        PAIR,
    ),
    "optimize.shgo": (
        lambda p: optimize.shgo(
            lambda x, a: np.sum((x - a) ** 2) + x[0] * x[1], [(-2, 2)] * 2, args=(p,)
        ).x,
        PAIR,
    ),
    "optimize.anderson": (root_by(optimize.anderson, f_tol=1e-9), PAIR),
    "optimize.broyden1": (root_by(optimize.broyden1, f_tol=1e-9), PAIR),
    "optimize.broyden2": (root_by(optimize.broyden2, f_tol=1e-9), PAIR),
    "optimize.diagbroyden": (root_by(optimize.diagbroyden, f_tol=1e-9), PAIR),
    "optimize.excitingmixing": (root_by(optimize.excitingmixing, alpha=0.5, f_tol=1e-9), PAIR),
    "optimize.linearmixing": (root_by(optimize.linearmixing, alpha=0.5, f_tol=1e-9), PAIR),
    "optimize.newton_krylov": (root_by(optimize.newton_krylov, f_tol=1e-9), PAIR),
    "optimize.fminbound": (
        lambda p: optimize.fminbound(
            lambda x, a: (x - a) ** 4 + (x - a * a) ** 2, 0, 2, args=(p,), xtol=1e-10
        ),
        0.7,
    ),
    "interpolate.approximate_taylor_polynomial": (
        lambda x: interpolate.approximate_taylor_polynomial(lambda t: np.sin(x * t), 0.1, 3, 0.5)(
            0.2
        ),
        0.7,
    ),
    "interpolate.make_splrep": (
        lambda x: interpolate.make_splrep(T, np.cos(T * x[0]) * x[1], s=0)(np.array([0.2, 0.5])),
        PAIR,
    ),
    "interpolate.make_splprep": (
        lambda x: interpolate.make_splprep([np.cos(4 * T * x[0]), np.sin(4 * T) * x[1]], s=0)[0](
            np.array([0.2, 0.5])
        ),
        PAIR,
    ),
    "interpolate.bisplrep": (
        lambda x: interpolate.bisplev(
            0.7, 1.1, interpolate.bisplrep(*ANGLES, x, task=-1, tx=KNOTS, ty=2 * KNOTS)
        ),
        np.sin(ANGLES[0]) * np.cos(ANGLES[1]),
    ),
    "integrate.qmc_quad": (
        lambda x: np.stack(
            [
                integrate.qmc_quad(
                    lambda t: np.exp(-x[0] * t[0] * t[1]),
                    np.array([1.0, x[1]]),
                    [0.0, 1.5],
                    n_points=16,
                    qrng=Halton(2, seed=1),
                    log=log,
                ).integral.real
                for log in (False, True)
            ]
        ),
        PAIR,
    ),
    "sparse.linalg.spilu": (
        lambda x: sparse_linalg.gmres(
            tridiagonal(x),
            x**2,
            rtol=1e-13,
            M=sparse_linalg.LinearOperator(
                (20, 20), sparse_linalg.spilu(tridiagonal(x).tocsc(), drop_tol=0.1).solve
            ),
        )[0],
        A(20, seed=1),
    ),
    "ndimage.distance_transform_edt": (
        lambda s: ndimage.distance_transform_edt(A(5, 6) > 0, sampling=s), PAIR,
    ),
    "ndimage.geometric_transform": (
        lambda p: ndimage.geometric_transform(
            A(5, 6),
            lambda place, a, b: (a * place[0] + p[1], place[1] + b * place[0]),
            order=3,
            extra_arguments=(p[0],),
            extra_keywords={"b": 0.3 * p[1]},
        ),
        PAIR,
    ),
    "interpolate.NearestNDInterpolator": (
        lambda x: interpolate.NearestNDInterpolator(A(6, 2), x**2)(0.4, 0.5), X,
    ),
    "ndimage.sum": (lambda x: ndimage.sum(x * x, [0, 1, 1, 2, 2, 2], [0, 1, 2]), X),
    "ndimage.extrema": (lambda x: np.stack(ndimage.extrema(x**2)[:2]), X),
    "ndimage.generic_gradient_magnitude": (
        lambda x: ndimage.generic_gradient_magnitude(x, ndimage.sobel), A(3, 4),
    ),
    "special.diric": (lambda x: scipy.special.diric(x, 5), X),
    "sparse.coo_matrix": (
        lambda x: sparse.coo_matrix((x * x, (ROWS_OF_3, COLUMNS_OF_3)), shape=(3, 3)) @ X[:3], X,
    ),
    "sparse.csc_matrix": (
        lambda x: sparse.csc_matrix((x * x, (ROWS_OF_3, COLUMNS_OF_3)), shape=(3, 3)) @ X[:3], X,
    ),
    "sparse.csr_matrix": (
        lambda x: sparse.csr_matrix((x * x, (ROWS_OF_3, COLUMNS_OF_3)), shape=(3, 3)) @ X[:3], X,
    ),
    "sparse.bsr_matrix": (
        lambda x: sparse.bsr_matrix((x.reshape(2, 3, 1) ** 2, [0, 1], [0, 1, 2])) @ X[:2], X,
    ),
    "sparse.dia_matrix": (
        lambda x: sparse.dia_matrix((x.reshape(2, 3) ** 2, [0, 1]), shape=(3, 3)) @ X[:3], X,
    ),
    "sparse.lil_matrix": (lambda x: sparse.lil_matrix(x.reshape(2, 3) ** 2) @ X[:3], X),
    "sparse.csr_array": (
        lambda x: sum(
            getattr(compressed(x**2), f"to{kind}")() @ X[:3]
            for kind in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
        ),
        X,
    ),
    "sparse.hstack": (lambda x: sparse.hstack([compressed(x * x), compressed(x)]) @ X, X),
    "sparse.bmat": (
        lambda x: sparse.bmat([[compressed(x * x), None], [None, compressed(x)]]) @ X, X,
    ),
    "sparse.kronsum": (
        lambda x: sparse.kronsum(compressed(x * x), compressed(x)) @ np.arange(9.0), X,
    ),
    "sparse.permute_dims": (
        lambda x: sparse.permute_dims(sparse.coo_array(x.reshape(2, 3) ** 2)) @ X[:2], X,
    ),
    "sparse.swapaxes": (
        lambda x: sparse.swapaxes(sparse.coo_array(x.reshape(2, 3) ** 2), 0, 1) @ X[:2], X,
    ),
    "sparse.linalg.SuperLU": (
        lambda x: sparse_linalg.splu(
            sparse.csc_array(compressed(x**2) + 5 * sparse.eye_array(3))
        ).solve(x[:3]),
        X,
    ),
    "sparse.linalg.funm_multiply_krylov": (
        lambda x: sparse_linalg.funm_multiply_krylov(linalg.expm, tridiagonal(x), x**2, t=0.3), X,
    ),
    "sparse.linalg.lobpcg": (
        lambda x: sparse_linalg.lobpcg(tridiagonal(x), A(20, 2), tol=1e-10, maxiter=200)[0],
        A(20, seed=1),
    ),
    "sparse.linalg.matrix_power": (
        lambda x: sparse_linalg.matrix_power(compressed(x), 3) @ X[:3], X,
    ),
    "sparse.linalg.onenormest": (lambda x: sparse_linalg.onenormest(compressed(x**2)), X),
    "sparse.csgraph.yen": (
        lambda x: csgraph.yen(sparse.csr_array(GRAPH * x), 0, 3, 2) ** 2, LENGTHS,
    ),
    "sparse.csgraph.breadth_first_tree": (
        lambda x: csgraph.breadth_first_tree(GRAPH * x, 0).toarray() ** 2, LENGTHS,
    ),
    "sparse.csgraph.depth_first_tree": (
        lambda x: csgraph.depth_first_tree(sparse.csr_array(GRAPH * x), 0, False).toarray() ** 2,
        LENGTHS,
    ),
    "sparse.csgraph.reconstruct_path": (
        lambda x: csgraph.reconstruct_path(
            GRAPH * x, csgraph.shortest_path(GRAPH, indices=0, return_predecessors=True)[1]
        ).toarray()
        ** 2,
        LENGTHS,
    ),
    "sparse.csgraph.construct_dist_matrix": (
        lambda x: csgraph.construct_dist_matrix(
            GRAPH * x, csgraph.shortest_path(GRAPH, return_predecessors=True)[1]
        )
        ** 2,
        LENGTHS,
    ),
    "differentiate.derivative": (
        lambda x: scipy.differentiate.derivative(lambda t: np.sin(t) * x[0] ** 2, x[1]).df, PAIR,
    ),
    "differentiate.hessian": (
        lambda x: scipy.differentiate.hessian(lambda t: np.sin(t[0]) * np.cos(t[1]), x).ddf, PAIR,
    ),
    "differentiate.jacobian": (
        lambda x: scipy.differentiate.jacobian(
            lambda t: np.stack([np.sin(t[0]), t[0] * t[1]]), x
        ).df,
        PAIR,
    ),
}  # fmt: skip
for _name in ("RK23", "RK45", "DOP853", "DenseOutput"):
    CASES[f"integrate.{_name}"] = (lambda p, name=_name: stepped(name, p), PAIR)
# By attribute, as they are called: compiled functions are replaced in their modules.
for _name in ("bellman_ford", "floyd_warshall", "johnson"):
    CASES[f"sparse.csgraph.{_name}"] = (
        lambda x, name=_name: getattr(csgraph, name)(sparse.csr_array(GRAPH * x)) ** 2,
        LENGTHS,
    )


if np.lib.NumpyVersion(scipy.__version__) >= "1.18.0":  # whose own call ends in a crash
    del CASES["interpolate.bisplrep"]
SLOW = {"integrate.tplquad"}  # 9261 calls of the integrand, at the least


def marks(name: str) -> list[pytest.MarkDecorator]:
    return [*lacking(name), *([pytest.mark.slow] if name in SLOW else [])]


@pytest.mark.parametrize("name", [pytest.param(n, marks=marks(n)) for n in CASES])
def test_derivatives_of_both_orders_are_those_of_differences(name: str) -> None:
    """Along one direction: by a forward pass, a gradient, and the three nestings of these."""
    call, x = CASES[name]
    value, tangent = dd.jvp(call, (x,), (np.cos(1.0 + x),))
    check_close(flat(value), flat(call(x)), 1e-14, "value")
    check_close(flat(tangent), difference(call, [x], [np.cos(1.0 + x)]), 1e-5, "tangent")
    check_nestings(call, (x,), 1e-5)


REFUSED = {
    "cossin": lambda p: linalg.cossin(p * np.eye(4), 1, 2),
    "AAA": lambda p: interpolate.AAA(T, np.exp(p * T)),
    "bisplrep": lambda p: interpolate.bisplrep(*ANGLES, p * np.sin(9 * ANGLES[0]), s=1)[2],
    "make_splrep": lambda p: interpolate.make_splrep(
        T, p * T, s=1.0, t=np.array([0.0] * 4 + [1.0] * 4)
    ),
    "LSQSphereBivariateSpline": lambda p: interpolate.LSQSphereBivariateSpline(
        *ANGLES, p * ANGLES[0], [1.0], [2.0]
    ),
    "RectSphereBivariateSpline": lambda p: interpolate.RectSphereBivariateSpline(
        T + 1, T + 1, p * np.outer(T, T)
    ),
    "SmoothSphereBivariateSpline": lambda p: interpolate.SmoothSphereBivariateSpline(
        *ANGLES, p * ANGLES[0]
    ),
    "OdeSolver": lambda p: integrate.BDF(lambda t, y: -p * y, 0.0, [1.0], 1.0),
    "qmc_quad": lambda p: integrate.qmc_quad(lambda x: x[0], 1, p, n_points=8),
    "expand_dims": lambda p: sparse.expand_dims(sparse.coo_array(p * np.eye(2))),
    "spilu": lambda p: sparse_linalg.spilu(sparse.csc_array(p * np.eye(2))).L,
    "HalfspaceIntersection": lambda p: spatial.HalfspaceIntersection(
        p * np.array([[-1.0, 0, 0], [0, -1, 0], [1, 1, -1]]), np.array([0.3, 0.3])
    ),
    "SphericalVoronoi": lambda p: spatial.SphericalVoronoi(p * np.eye(3)),
    "cKDTree": lambda p: spatial.cKDTree(p * np.eye(3)),
    "ddot": lambda p: linalg.blas.ddot(p * T, T),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_function_without_a_rule_is_named_in_an_error(name):
    homes = (linalg, linalg.blas, signal, interpolate, integrate, sparse, sparse_linalg, spatial)
    if not any(hasattr(home, name) for home in homes):
        pytest.skip(f"SciPy {scipy.__version__} has no {name}")
    for take in (dd.grad, lambda f: lambda p: dd.jvp(f, (p,), (1.0,))):
        with pytest.raises(DualdiffError, match=name):
            take(REFUSED[name])(1.0)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: linalg.cossin(turn(x), 1, 2, True, compute_u=False, compute_vh=False)[1],
        pytest.param(
            lambda x: linalg.cossin(np.stack([turn(x), turn(2 * x)]), 2, 2)[1],
            marks=before("1.17.0", "it takes no stacks"),
        ),
        lambda x: linalg.cossin(turn(x), 3, 1, separate=True, compute_u=False, compute_vh=False)[1],
        lambda x: np.abs(linalg.cossin(turn(x), 2, 2, swap_sign=True)[0]),
        lambda x: np.abs(
            linalg.cossin(linalg.expm(1j * (x + x.T) + x - x.T), 2, 2, compute_u=False)[2]
        ),
    ],
)
def test_cosines_and_sines_of_a_unitary_matrix(f):
    x = A(4, 4)
    value, tangent = dd.jvp(f, (x,), (np.cos(x),))
    check_close(flat(value), flat(f(x)), 1e-12, "value")
    check_close(flat(tangent), difference(f, [x], [np.cos(x)]), 1e-5, "tangent")
    check_nestings(f, (x,), 1e-5)


@pytest.mark.skipif(bool(lacking("interpolate.make_splrep")), reason="an older SciPy")
def test_smoothing_splines_and_curves_move_with_their_data():
    def f(x):
        y = np.stack([np.cos(4 * T * x[0]), np.sin(4 * T) * x[1]])
        curve, u = interpolate.make_splprep(y, s=1e-4)
        spline = interpolate.make_splrep(T, y[0], s=0.01, w=1 + T * x[1])
        return np.concatenate([curve(0.3), u, spline(T + 0.02)])

    for direction in np.eye(2):
        value, tangent = dd.jvp(f, (PAIR,), (direction,))
        check_close(value, f(PAIR), 1e-14, "value")
        check_close(tangent, difference(f, [PAIR], [direction]), 1e-5, "tangent")


CONSTANT = {
    "bandwidth": lambda x: linalg.bandwidth(x)[0],
    "issymmetric": lambda x: linalg.issymmetric(x + x.T),
    "label": lambda x: ndimage.label(x)[1],
    "maximum_position": lambda x: ndimage.maximum_position(x)[0] + 1,
    "distance_transform_edt": lambda x: np.sum(ndimage.distance_transform_edt(x)),
    "binary_erosion": lambda x: np.sum(ndimage.binary_dilation(x)),
    "square": lambda x: np.sum(signal.square(x)),
    "choose_conv_method": lambda x: len(signal.choose_conv_method(x, x)),
    "isspmatrix_csr": lambda x: sparse.isspmatrix_csr(sparse.csr_matrix(x)),
    "num_obs_dm": lambda x: spatial.distance.num_obs_dm(spatial.distance.cdist(x, x)),
    "query_pairs": lambda x: len(spatial.KDTree(x).query_pairs(9.0)),
    "find_simplex": lambda x: spatial.Delaunay(x[:, :2]).find_simplex(x[:, :2])[0] + 2,
}


@pytest.mark.parametrize("name", CONSTANT)
def test_functions_that_are_constant_by_pieces_have_derivative_zero(name):
    function, x = CONSTANT[name], np.abs(A(4, 4)) + 0.1
    factor = function(x)
    np.testing.assert_allclose(
        dd.grad(lambda x: np.sum(x) * function(x))(x), factor * np.ones((4, 4))
    )
    assert dd.jvp(lambda x: np.sum(x) * function(x), (x,), (np.ones((4, 4)),))[1] == 16 * factor


def test_arguments_in_which_a_function_is_not_constant_are_refused():
    with pytest.raises(MissingRuleError, match="sampling"):
        dd.grad(lambda s: np.sum(ndimage.distance_transform_bf(np.eye(3), sampling=s)))(2.0)


def tridiagonal_of(x):
    return sparse.diags([x**2 + 3, 0.3 * x[1:], 0.2 * x[1:]], [0, 1, -1], format="csc")


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.log(np.abs(sparse_linalg.splu(tridiagonal_of(x)).U.diagonal())),
        lambda x: sparse_linalg.splu(tridiagonal_of(x)).L.toarray(),
        lambda x: sparse_linalg.spsolve(
            tridiagonal_of(x), sparse.csc_matrix(np.eye(4)[:, :2])
        ).toarray(),
        lambda x: sparse_linalg.spsolve(tridiagonal_of(x), sparse.csc_matrix(np.eye(4)[:, :1])),
        lambda x: sparse.find(tridiagonal_of(x))[2],
        lambda x: x[tridiagonal_of(x).nonzero()[1]],
        lambda x: (x if sparse.issparse(tridiagonal_of(x)) else 0 * x) ** 2,
    ],
    ids=["U", "L", "sparse-right", "sparse-column", "find", "nonzero", "issparse"],
)
def test_parts_of_sparse_matrices_have_scipys_values_and_derivatives(f):
    x, t = A(4), A(4, seed=1)
    weights = A(*np.shape(f(x)), seed=2)
    value, tangent = dd.jvp(f, (x,), (t,))
    np.testing.assert_array_equal(value, f(x))
    change = np.sum(weights * (f(x + 1e-6 * t) - f(x - 1e-6 * t))) / 2e-6
    assert np.sum(weights * tangent) == pytest.approx(change, rel=1e-6)
    assert np.sum(dd.grad(lambda x: np.sum(weights * f(x)))(x) * t) == pytest.approx(
        change, rel=1e-6
    )


AROUND = {
    "args-array": (
        lambda p: optimize.fsolve(lambda x, q: x**2 - q, [1.0, 1.0], args=p, full_output=True)[0],
        PAIR,
    ),
    "ode-parameters": (
        lambda p: (
            integrate.ode(lambda t, y, a: -a * y)
            .set_f_params(p[0])
            .set_integrator("dopri5", rtol=1e-10)
            .set_initial_value([1.0])
            .integrate(1.0)
        ),
        PAIR,
    ),
    "nquad-ranges": (
        lambda p: integrate.nquad(
            lambda x, y, c: c * x * y, [lambda y, c: [0, y * c], [0, 1]], args=(p[0],)
        )[0],
        PAIR,
    ),
    "design_matrix": (
        lambda p: interpolate.BSpline.design_matrix(p, np.r_[[0.0] * 4, [1.0] * 4], 3).toarray(),
        PAIR,
    ),
}


@pytest.mark.parametrize("name", AROUND)
def test_arguments_by_less_used_ways(name):
    f, p = AROUND[name]
    slopes = dd.jacobian(f)(p)
    t = np.array([0.3, -0.7])
    change = (np.asarray(f(p + 1e-5 * t)) - np.asarray(f(p - 1e-5 * t))) / 2e-5
    np.testing.assert_allclose(slopes @ t, change, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(dd.jvp(f, (p,), (t,))[1], change, rtol=1e-5, atol=1e-8)


SINGLE = {
    "quotient": lambda x: (tridiagonal_of(x) / 3).toarray(),
    "kronsum": lambda x: sparse.kronsum(tridiagonal_of(x), tridiagonal_of(x)).toarray(),
    "max": lambda x: tridiagonal_of(x).max(),
    "bicgstab": lambda x: sparse_linalg.bicgstab(tridiagonal_of(x), x, rtol=1e-6)[0],
    "rotation": lambda x: spatial.transform.Rotation.from_quat(x).as_matrix(),
    "fftshift": lambda x: fft.fftshift([x[0], x[1] ** 2, x[2]]),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=before("1.17.0", "rotations are compiled") if n == "rotation" else [])
        for n in SINGLE
    ],
)
def test_single_precision_gives_scipys_dtype_and_nearly_the_same_gradient(name):
    f, x = SINGLE[name], A(4)
    weights = A(*np.shape(f(x)), seed=2)
    exact = dd.grad(lambda x: np.sum(weights * f(x)))(x)
    single = x.astype(np.float32)
    assert dd.jvp(f, (single,), (single,))[0].dtype == np.asarray(f(single)).dtype
    found = dd.grad(lambda x: np.sum(weights * f(x)))(single)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: ndimage.gaussian_filter(x, 1.0),
        lambda x: ndimage.uniform_filter(x, 3),
        lambda x: ndimage.maximum_filter(x, 3),
        lambda x: signal.lfilter([1.0], [1.0, 0.5], x),
        lambda x: interpolate.CubicSpline(T, T**2)(x),
        lambda x: spatial.distance.cdist(x, np.ones((2, 3))),
    ],
    ids=["gaussian", "uniform", "maximum", "lfilter", "CubicSpline", "cdist"],
)
def test_empty_arrays_have_empty_gradients(f):
    x = np.zeros((0, 3))
    assert dd.grad(lambda x: np.sum(f(x)))(x).shape == x.shape
    assert dd.jvp(f, (x,), (x,))[0].shape == f(x).shape


def test_a_number_is_a_system_of_one_equation():
    value, slope = dd.value_and_grad(lambda a: linalg.solve(a, 3.0)[0])(2.0)
    assert (value, slope) == (1.5, -0.75)


@pytest.mark.filterwarnings("ignore:Diagonal number")
def test_lu_factor_where_the_last_pivot_is_zero_has_the_derivative_of_both_factors() -> None:
    a = np.array([[4.0, 2.0, 2.0], [2.0, 4.0, 1.0], [2.0, -0.5, 1.0]])  # as a generator's rows
    packed = lambda x: np.ravel(linalg.lu_factor(x)[0])  # noqa: E731
    assert packed(a)[-1] == 0
    expected = nd.Jacobian(lambda x: packed(x.reshape(3, 3)))(a.ravel())
    for mode in ("forward", "reverse"):
        made = dd.jacobian(packed, mode=mode)(a).reshape(9, 9)
        np.testing.assert_allclose(made, expected, rtol=1e-8, atol=1e-8)
    total = lambda x: np.sum(np.sin(packed(x)))  # noqa: E731
    curvature = nd.Hessian(lambda x: total(x.reshape(3, 3)))(a.ravel())
    made = dd.hessian(total)(a).reshape(9, 9)
    np.testing.assert_allclose(made, curvature, rtol=1e-5, atol=1e-5)
