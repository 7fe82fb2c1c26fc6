"""`scipy.linalg`: systems, factorisations, eigenvalues, functions of matrices, equations."""

import mpmath
import numpy as np
import pytest
import scipy.fft
import scipy.linalg
import scipy.signal

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from tests.rules.table import A, row, rule_tests
from tests.versions import OLD_SCIPY

L = dd.scipy.linalg
POSITIVE = 3.0 * np.eye(3) + 0.3 * A(3, 3)
C, V = A(3, 3, complex=True), A(3, seed=1)
STACK = A(2, 3, 3)
HAS_STACKS = tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 16)


def symmetric(function, **options):
    """A function of a symmetric matrix, made of any one."""

    def of_symmetric(c, *args):
        return function(
            np.matmul(c, np.swapaxes(np.conj(c), -1, -2)) + np.eye(c.shape[-1]), *args, **options
        )

    return of_symmetric


def real(function, *args, **options):
    return row(function, *args, _complex=False, **options)


BAND = np.array([[0.0, 0.3, -0.4, 0.5], [3.0, 4.0, 5.0, 6.0]])
BAND_LOWER = np.array([[3.0, 4.0, 5.0, 6.0], [0.3, -0.4, 0.5, 0.0]])
SYSTEMS = [
    row(L.solve, A(3, 3), V),
    real(L.solve, A(3, 3), A(3, 2), transposed=True),  # SciPy takes no complex matrix
    *(
        real(symmetric(L.solve, assume_a=kind, lower=low), A(3, 3), V, _id=f"solve-{kind}-{low}")
        for kind in ("sym", "her", "pos")
        for low in (False, True)
    ),
    row(lambda a, b: L.solve(a @ a.T, b, assume_a="sym"), C, V, _id="solve-complex-symmetric"),
    row(L.inv, A(3, 3)),
    row(L.det, A(3, 3)),
    row(L.pinv, A(4, 3)),
    row(L.pinv, A(2, 4)),
    real(lambda x, y: L.pinv(np.outer(x, y)), A(4), A(3), _id="pinv-singular", _order=1),
    real(symmetric(L.pinvh), A(3, 3), _id="pinvh"),
    real(L.lstsq, A(5, 3), A(5)),
    real(L.lstsq, A(5, 3), A(5, 2)),
    real(L.lstsq, A(2, 4), A(2)),
    *(
        row(L.solve_triangular, A(3, 3), b, trans, lower, _id="solve_triangular")
        for b in (A(3, seed=1), A(3, 2, seed=1))
        for trans in (0, 1, 2)
        for lower in (False, True)
    ),
    row(L.solve_triangular, A(3, 3), A(3, seed=1), "T", True, True, _id="solve_triangular-unit"),
    *(
        row(L.solve_banded, (lower, upper), ab, b, _id="solve_banded", _argnums=(1, 2))
        for lower, upper in ((1, 1), (2, 1), (0, 2), (5, 0))
        for b in (A(4, seed=1), A(4, 2, seed=1))
        for ab in [
            3.0 * (np.arange(lower + upper + 1) == upper)[:, None] + 0.5 * A(lower + upper + 1, 4)
        ]
    ),
    real(L.solveh_banded, BAND, A(4)),
    real(L.solveh_banded, BAND_LOWER, A(4, 2), lower=True),
    real(L.cholesky_banded, BAND),
    real(L.cholesky_banded, BAND_LOWER, lower=True),
    *(
        row(lambda c, b, low=low: L.cho_solve((c, low), b), A(3, 3), b, _id=f"cho_solve-{low}")
        for b in (V, A(3, 2))
        for low in (False, True)
    ),
    row(lambda c, b: L.cho_solve_banded((c, False), b), BAND, A(4), _id="cho_solve_banded"),
    row(lambda c, b: L.cho_solve_banded((c, 1), b), BAND_LOWER, A(4), _id="cho_solve_banded-low"),
    *(
        row(
            lambda lu, b, trans=trans: L.lu_solve((lu, np.array([1, 2, 2])), b, trans),
            A(3, 3), b, _id=f"lu_solve-{trans}",
        )
        for b in (V, A(3, 2))
        for trans in (0, 1, 2)
    ),
    row(L.solve_toeplitz, np.array([3.0, 0.4, -0.6]), V, _exact=False),
    row(
        lambda c, r, b: L.solve_toeplitz((c, r), b),
        np.array([3.0, 0.4, -0.6]), np.array([3.0, 0.7, 0.2]), A(3, 2),
        _id="solve_toeplitz-pair", _exact=False,
    ),
    row(
        lambda c, r, x: L.matmul_toeplitz((c, r), x),
        A(3), A(3, seed=1), A(3, 2), _id="matmul_toeplitz",
    ),
    row(L.solve_circulant, np.array([3.0, 0.4, -0.6]), V),
    # SciPy returns Python's numbers for some.
    *(
        row(lambda a, o=order: L.norm(a, o) + np.float64(0), a, _id=f"norm-{np.ndim(a)}-{order}")
        for a, order in (
            *((A(3, 3), order) for order in (None, 1, 2, "nuc", np.inf)), (A(4), None), (A(4), 3)
        )
    ),
]  # fmt: skip

FACTORS = [
    row(symmetric(L.cholesky), A(3, 3), _id="cholesky"),
    row(symmetric(L.cholesky, lower=True), A(3, 3), _id="cholesky-lower"),
    real(lambda c: L.cho_factor(c @ c.T + np.eye(3))[0], A(3, 3), _id="cho_factor"),
    real(lambda c: L.cho_factor(c @ c.T + np.eye(3), True)[0], A(3, 3), _id="cho_factor-lower"),
    *(row(L.lu, A(*shape), _id=f"lu-{shape}") for shape in ((3, 3), (4, 2), (2, 4))),
    row(L.lu, A(3, 3, seed=3), permute_l=True),
    row(L.lu, A(3, 3, seed=3), p_indices=True),
    row(lambda a: L.lu_factor(a)[0], A(3, 3, seed=2), _id="lu_factor"),
    *(
        row(lambda a, lower=lower, h=h: L.ldl(a + (np.conj(a.T) if h else a.T), lower, h)[:2],
            A(3, 3, seed=s), _id=f"ldl-{lower}-{h}-{s}")
        for lower in (True, False)
        for h in (True, False)
        for s in (0, 4)
    ),
    real(
        lambda x: L.ldl(x * np.array([[0.0, 1, 2], [1, 0, 3], [2, 3, 4]]))[:2],
        np.ones((3, 3)), _id="ldl-pairs", _float32=False,
    ),
    *(row(L.qr, A(*shape), mode=mode, _id=f"qr-{shape}-{mode}")
      for shape, mode in (
          ((3, 3), "full"), ((4, 2), "economic"), ((4, 2), "r"), ((2, 4), "full"), ((3, 3), "r"),
      )),
    row(L.qr, A(3, 3), pivoting=True),
    real(L.qr, A(4, 3), mode="raw", pivoting=True),
    *(row(L.rq, A(*shape), mode=mode, _id=f"rq-{shape}-{mode}")
      for shape, mode in (((3, 3), "full"), ((2, 4), "economic"), ((4, 2), "full"), ((3, 3), "r"))),
    real(L.qr_multiply, A(4, 3), A(2, 4)),
    real(L.qr_multiply, A(4, 3), A(3, 2), mode="left", pivoting=True),
    real(L.svd, A(3, 3)),
    real(L.svd, A(4, 2), full_matrices=False),
    row(L.svd, A(4, 2), compute_uv=False),
    row(L.svdvals, A(4, 3)),
    row(L.polar, A(4, 3)),
    row(L.polar, A(2, 4), side="left"),
    row(L.polar, A(2, 4)),
    # SciPy before 1.15 does not conjugate complex data.
    row(L.orthogonal_procrustes, A(4, 3), A(4, 3, seed=1), _complex=not OLD_SCIPY),
    real(L.orth, A(4, 2)),
    real(lambda a: (lambda n: n @ n.T)(L.null_space(a)), A(2, 4), _id="null_space"),
    row(L.subspace_angles, A(5, 2), A(5, 3, seed=1)),
    row(L.subspace_angles, A(5, 2), A(5, 2) + 0.1 * A(5, 2, seed=1)),
]  # fmt: skip

EIGENVALUES = [
    # The sign of a vector may jump.
    real(lambda c: [np.abs(x) for x in symmetric(L.eigh)(c)], A(3, 3), _id="eigh"),
    real(symmetric(L.eigh, subset_by_index=[1, 2]), A(3, 3), _id="eigh-part"),
    real(symmetric(L.eigh, lower=False, subset_by_value=[1.5, 30.0]), A(3, 3), _id="eigh-values"),
    *(
        real(
            lambda a, b, kind=kind: L.eigh(a + a.T, b @ b.T + np.eye(3), type=kind),
            A(3, 3), A(3, 3, seed=1), _id=f"eigh-{kind}",
        )
        for kind in (1, 2, 3)
    ),
    real(symmetric(L.eigvalsh), A(3, 3), _id="eigvalsh"),
    real(
        lambda a, b: L.eigvalsh(a + a.T, b @ b.T + np.eye(3)),
        A(3, 3), A(3, 3, seed=1), _id="eigvalsh-pencil",
    ),
    row(L.eigvals, A(3, 3), _exact=False),
    row(L.eigvals, A(3, 3), A(3, 3, seed=1), _exact=False),
    row(lambda a: [np.abs(x) for x in L.eig(a)], A(3, 3), _id="eig", _float32=False),
    row(
        lambda a, b: [np.abs(x) for x in L.eig(a, b, left=True)],
        A(3, 3), A(3, 3, seed=1), _id="eig-pencil", _float32=False,
    ),
    real(L.eigvals_banded, BAND),
    real(L.eig_banded, BAND_LOWER, lower=True),
    real(L.eig_banded, BAND, select="i", select_range=(1, 2)),
    real(lambda d, e: [np.abs(x) for x in L.eigh_tridiagonal(d, e)], A(4), A(3), _id="eigh_tri"),
    real(L.eigvalsh_tridiagonal, A(4), A(3), select="i", select_range=(0, 1)),
]  # fmt: skip

SPECIAL = [
    row(L.block_diag, A(2, 3), A(2, seed=1), A(seed=2)),
    row(L.toeplitz, A(3)),
    row(L.toeplitz, A(3), A(4)),
    row(L.hankel, A(3)),
    row(L.hankel, A(3), A(2)),
    row(L.circulant, A(4)),
    row(L.companion, A(4)),
    row(L.fiedler_companion, A(5)),
    *(
        row(L.convolution_matrix, A(3), n, mode)
        for n in (2, 5)
        for mode in ("full", "same", "valid")
    ),
    row(L.leslie, A(3), A(2)),
    row(L.fiedler, A(4)),
    row(L.khatri_rao, A(2, 3), A(4, 3)),
    row(L.diagsvd, A(2), 3, 2),
]  # fmt: skip

FUNCTIONS = [
    row(L.expm, 0.3 * A(3, 3)),
    row(L.sqrtm, POSITIVE, _complex=False),
    # SciPy before 1.15 gives long double numbers, of which numdifftools takes no differences.
    row(
        lambda a: L.sqrtm(a).astype(complex),
        A(2, 2, complex=True),
        _float32=False,
        _id="sqrtm-complex",
    ),
    real(L.logm, POSITIVE, _float32=False),
    row(L.logm, A(2, 2, complex=True), _float32=False),
    real(L.signm, A(3, 3) - 2 * np.eye(3), _float32=False),
    real(L.fractional_matrix_power, POSITIVE, 0.3, _float32=False),
    row(L.fractional_matrix_power, POSITIVE, 3, _float32=False, _complex=False),
    *(
        real(getattr(L, name), 0.4 * A(3, 3), _id=name, _float32=False)
        for name in ("cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm")
    ),
    real(lambda a: L.funm(a, lambda w: w**2 + 1 / w), POSITIVE, _id="funm", _float32=False),
    row(L.expm_frechet, 0.3 * A(3, 3), A(3, 3, seed=1), _float32=False),
    real(L.expm_cond, 0.3 * A(2, 2), _float32=False),
]

Q3 = np.eye(3) + 0.2 * A(3, 3, seed=3)
EQUATIONS = [
    row(L.solve_sylvester, A(3, 3), A(2, 2, seed=1), A(3, 2, seed=2)),
    # SciPy gives a wrong value for a real matrix beside a complex one.
    real(L.solve_continuous_lyapunov, A(3, 3), A(3, 3, seed=2)),
    row(L.solve_continuous_lyapunov, C, A(3, 3, seed=2, complex=True)),
    row(L.solve_discrete_lyapunov, 0.3 * A(3, 3), A(3, 3, seed=2)),
    *(
        real(
            lambda a, b, q, r, f=f: f(a, b, q @ q.T, r @ r.T + np.eye(2)),
            A(3, 3), A(3, 2), Q3, A(2, 2), _id=name, _float32=False,
        )
        for name, f in (("care", L.solve_continuous_are), ("dare", L.solve_discrete_are))
    ),
    *(
        real(
            lambda e, s, f=f: f(A(3, 3), A(3, 2), Q3 @ Q3.T, 2 * np.eye(2), e, s),
            np.eye(3) + 0.1 * A(3, 3), 0.1 * A(3, 2), _id=f"{name}-e", _float32=False,
        )
        for name, f in (("care", L.solve_continuous_are), ("dare", L.solve_discrete_are))
    ),
]  # fmt: skip
# Two real eigenvalues and a pair; four real ones. Signs of vectors may change with the precision.
TURNING = np.array(
    [[1.0, 2.0, 0.3, 0.1], [-1.5, 0.7, 0.2, 0.6], [0.4, 0.1, 4.0, 0.5], [0.3, 0.0, 0.2, 6.0]]
)
SMALL = TURNING[:3, :3]  # also with two complex eigenvalues
STEADY = np.diag([1.0, 2.5, 4.5, 7.0]) + 0.3 * A(4, 4)
B4 = np.eye(4) + 0.1 * A(4, 4, seed=3)


def sizes(results):
    return [np.abs(x) for x in results]


SCHUR = [
    real(L.schur, TURNING, _float32=False),
    real(L.schur, STEADY, _float32=False),
    real(L.schur, STEADY, sort="lhp", _float32=False),
    real(lambda a: sizes(L.schur(a, "complex")), SMALL, _id="schur-complex"),
    row(lambda a: sizes(L.schur(a)), A(3, 3, complex=True), _id="schur-data", _float32=False),
    real(lambda t: sizes(L.rsf2csf(np.triu(t), np.eye(3))), STEADY[:3, :3], _id="rsf2csf"),
    real(lambda a: sizes(L.rsf2csf(*L.schur(a))), SMALL, _id="rsf2csf-pair", _float32=False),
    real(L.qz, STEADY, B4, _float32=False),
    real(L.qz, TURNING, B4, _float32=False),
    real(lambda *ab: sizes(L.qz(*ab, "complex")), SMALL, B4[:3, :3], _id="qz-complex",
         _float32=False),
    real(L.ordqz, STEADY, B4, _float32=False),
    row(L.hessenberg, A(4, 4), calc_q=True),
    row(L.hessenberg, A(4, 4)),
    row(lambda a: L.matrix_balance(a)[0], A(3, 3) * np.array([1.0, 9.0, 1]), _id="matrix_balance"),
    real(
        lambda s: L.cdf2rdf(np.array([1 + 2j, 1 - 2j]) * s, np.array([[1, 1], [1j, -1j]]) * s)[0],
        A(), _id="cdf2rdf",
    ),
]  # fmt: skip
TALL, SLIM = A(2, 4, 3), A(2, 4, 2, seed=1)
STACKS = [
    real(function, *args, _id=f"stack-{name}", _float32=False, _order=1)
    for name, function, *args in [
        ("qr", lambda a: L.qr(a, mode="economic"), TALL),
        ("qr-r", lambda a: L.qr(a, mode="r"), TALL),
        ("qr-pivoted", lambda a: L.qr(a, mode="economic", pivoting=True)[:2], TALL),
        ("qr_multiply", L.qr_multiply, TALL, A(2, 2, 4)),
        ("svd", lambda a: L.svd(a, full_matrices=False), TALL),
        ("lstsq", lambda a, b: L.lstsq(a, b)[:2], TALL, SLIM),
        ("lstsq-vector", lambda a, b: L.lstsq(a, b)[:2], TALL, A(4, seed=1)),
        ("eigh", symmetric(lambda a: [np.abs(x) for x in L.eigh(a)]), STACK),
        ("solve_banded", lambda a, b: L.solve_banded((1, 1), a + 3.0, b), STACK, A(2, 3, 2)),
    ]
    if HAS_STACKS
]
ROWS = [*STACKS, *SCHUR, *SYSTEMS, *FACTORS, *EIGENVALUES, *SPECIAL, *FUNCTIONS, *EQUATIONS]
TestRules = rule_tests(ROWS)


def test_the_derivative_of_expm_is_scipys():
    a, e = 0.5 * A(4, 4), A(4, 4, seed=1)
    tangent = dd.jvp(L.expm, (a,), (e,))[1]
    np.testing.assert_allclose(tangent, scipy.linalg.expm_frechet(a, e)[1], rtol=1e-12)


def test_the_triangle_that_is_not_read_has_derivative_zero():
    gradient = dd.grad(lambda a: np.sum(L.solve_triangular(a, np.ones(3), lower=True)))(A(3, 3))
    assert not np.any(np.triu(gradient, 1))
    assert np.all(gradient[np.tril_indices(3)] != 0)


def test_the_rest_of_the_namespace_is_scipys():
    np.testing.assert_array_equal(L.hilbert(3), scipy.linalg.hilbert(3))
    with pytest.raises(ValueError, match="square"):
        dd.grad(lambda a: np.sum(L.expm(a)))(A(2, 3))


def test_a_sylvester_equation_of_real_and_complex_matrices_is_solved():
    a, b, q = A(3, 3, complex=True), A(2, 2, seed=1), A(3, 2, seed=2)
    b[0, 1] *= -5.0  # complex eigenvalues
    x = L.solve_sylvester(a, b, q)
    np.testing.assert_allclose(a @ x + x @ b, q, atol=1e-13)


def test_functions_of_the_program_within_funm_may_read_traced_values():
    a = np.diag([1.0, 2.0]) + 0.1 * A(2, 2)

    def f(k):
        return np.trace(L.funm(a, lambda w: w**k))

    w = np.linalg.eigvals(a)
    assert dd.grad(f)(1.5) == pytest.approx(np.sum(w**1.5 * np.log(w)))


def test_left_vectors_of_a_pencil_alone_raise():
    with pytest.raises(UnsupportedInputError, match="pass right=True"):
        dd.jvp(lambda a: L.eig(a, A(3, 3), left=True, right=False), (A(3, 3),), (A(3, 3),))


def test_homogeneous_eigenvalues_raise():
    with pytest.raises(UnsupportedInputError, match="homogeneous"):
        dd.grad(lambda a: np.real(L.eigvals(a, homogeneous_eigvals=True)).sum())(A(3, 3))


def test_a_pencil_with_infinite_eigenvalues_says_what_to_write():
    b = np.diag([1.0, 2.0, 0.0])
    with pytest.raises(UnsupportedInputError, match="take 1 / eigvals"):
        dd.grad(lambda a: np.real(L.eigvals(a, b)[0]))(A(3, 3))


EQUAL = {
    "eigh": lambda x: (lambda w, v: (v * np.exp(w)) @ v.T)(*scipy.linalg.eigh(x)),
    "eigh-pencil": lambda x: (
        lambda w, v: np.linalg.inv(v).T @ np.diag(np.exp(w)) @ np.linalg.inv(v)
    )(*scipy.linalg.eigh(x, np.eye(3))),
    "svd": lambda x: (lambda u, s, vh: (u * np.exp(s)) @ vh)(*scipy.linalg.svd(x)),
    "eig": lambda x: (lambda w, v: np.real(v * np.exp(w) @ np.linalg.inv(v)))(*scipy.linalg.eig(x)),
    "schur": lambda x: (lambda t, z: z @ scipy.linalg.expm(t) @ z.T)(*scipy.linalg.schur(x)),
    "qz": lambda x: (lambda t, s, q, z: z @ scipy.linalg.expm(np.linalg.inv(s) @ t) @ z.T)(
        *scipy.linalg.qz(x, np.eye(3))
    ),
    "rsf2csf": lambda x: (lambda t, z: np.real(z @ scipy.linalg.expm(t) @ np.conj(z).T))(
        *scipy.linalg.rsf2csf(*scipy.linalg.schur(x))
    ),
}


@pytest.mark.parametrize("gap", [0.0, 1e-9, pytest.param(1e-6, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", EQUAL)
def test_functions_of_a_matrix_with_nearly_equal_eigenvalues_are_those_of_its_exponential(
    name, gap
):
    q = np.linalg.qr(A(3, 3))[0]
    x = (q * np.array([1.0, 1.0 + gap, 3.0])) @ q.T
    first, second = (t + t.T for t in (A(3, 3, seed=2), A(3, 3, seed=3)))

    def along(f):
        matrix = 0.5 * (x + x.T)
        return lambda t: np.sum(A(3, 3, seed=4) * f(matrix + t[0] * first + t[1] * second))

    f, right = along(EQUAL[name]), along(scipy.linalg.expm)
    zero = np.zeros(2)
    np.testing.assert_allclose(dd.grad(f)(zero), dd.grad(right)(zero), rtol=1e-9)
    np.testing.assert_allclose(
        dd.jacobian(f, mode="forward")(zero), dd.grad(right)(zero), rtol=1e-9
    )
    np.testing.assert_allclose(dd.hessian(f)(zero), dd.hessian(right)(zero), rtol=1e-6)


def ordered_vectors(matrix, values):
    """Schur vectors of an mpmath matrix: those that QR makes of eigenvectors in this order."""
    found, vectors = mpmath.eig(matrix)
    columns = mpmath.matrix(len(values))
    for j, value in enumerate(values):
        columns[:, j] = vectors[:, min(range(len(values)), key=lambda k: abs(found[k] - value))]
    q = mpmath.qr(columns)[0]
    for j in range(len(values)):
        largest = max(q[:, j], key=abs)
        q[:, j] = q[:, j] * abs(largest) / largest
    return q


@pytest.mark.parametrize("gap", [1e-4, 1e-7])
@pytest.mark.parametrize("name", ["schur", "schur-complex", "qz"])
def test_schur_vectors_of_nearly_equal_eigenvalues_are_those_of_mpmath(name, gap):
    vectors, change, weights = A(3, 3) + 2 * np.eye(3), A(3, 3, seed=1), A(3, 3, seed=2)
    pencil = B4[:3, :3] if name == "qz" else np.eye(3)
    a = pencil @ vectors @ np.diag([1.0, 1.0 + gap, 3.0]) @ np.linalg.inv(vectors)

    def f(t):
        if name == "qz":
            z = scipy.linalg.qz(a + t * change, pencil)[3]
        else:
            z = scipy.linalg.schur(a + t * change, "complex" if "-" in name else "real")[1]
        largest = z[np.abs(z).argmax(axis=0), np.arange(3)]
        return np.sum(weights * np.real(z * np.abs(largest) / largest))

    with mpmath.workdps(60):
        inverse = mpmath.matrix(pencil) ** -1
        direction = inverse * mpmath.matrix(change)
        middle = inverse * mpmath.matrix(a)
        form = scipy.linalg.schur(np.linalg.solve(pencil, a))[0]
        if name == "qz":
            t, s = scipy.linalg.qz(a, pencil)[:2]
            form = np.diag(np.diagonal(t) / np.diagonal(s))
        exact = mpmath.eig(middle)[0]
        values = [min(exact, key=lambda w: abs(w - x)) for x in np.diagonal(form)]
        step = mpmath.mpf(10) ** -25

        def at(k):
            z = ordered_vectors(middle + k * step * direction, values)
            return sum(weights[i, j] * mpmath.re(z[i, j]) for i in range(3) for j in range(3))

        first = float((at(1) - at(-1)) / (2 * step))
        second = float((at(1) - 2 * at(0) + at(-1)) / step**2)
    tolerance = 1e-14 / gap  # that of the eigenvalues themselves, which rounding moves
    assert dd.grad(f)(0.0) == pytest.approx(first, rel=tolerance)
    assert dd.jvp(f, (0.0,), (1.0,))[1] == pytest.approx(first, rel=tolerance)
    assert dd.grad(dd.grad(f))(0.0) == pytest.approx(second, rel=10 * tolerance)


@pytest.mark.parametrize("gap", [1e-6, 1e-4, 1e-3])
def test_second_derivatives_of_schur_beside_dependent_vectors_are_right_or_nan(gap):
    x = np.triu(np.ones((4, 4)), 1) + np.diag([1.0, 1.0 + gap, 2.0, 3.0])
    change, weights = A(4, 4), A(4, 4, seed=1)

    def square(s):
        t, z = scipy.linalg.schur(x + s * change)
        return np.sum(weights * (z @ t @ t @ z.T))

    second = dd.grad(dd.grad(square))(0.0)
    assert np.isnan(second) or second == pytest.approx(
        2 * np.sum(weights * (change @ change)), rel=1e-5
    )
    first = np.sum(weights * (x @ change + change @ x))
    assert dd.grad(square)(0.0) == pytest.approx(first, rel=1e-8)


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize(
    ("function", "operands"),
    [
        (lambda a, b: L.solve(a, b, overwrite_a=True, overwrite_b=True), (A(3, 3), A(3, 2))),
        (lambda a, b: L.solve(a, b, False, True, True), (POSITIVE, A(3))),
        (lambda a: L.inv(a, True), (A(3, 3),)),
        (lambda a: L.lu_factor(a, overwrite_a=True)[0], (A(3, 3),)),
        (lambda a: L.qr(a, overwrite_a=True)[1], (A(3, 3),)),
        (lambda a: L.svd(a, overwrite_a=True)[1], (A(3, 3),)),
        (lambda a: L.eigh(a @ a.T, overwrite_a=True)[0], (A(3, 3),)),
        (lambda x: scipy.signal.detrend(x, overwrite_data=True), (A(5),)),
        (lambda x: scipy.fft.dct(x, overwrite_x=True), (A(5),)),
    ],
    ids=["solve", "solve-position", "inv", "lu", "qr", "svd", "eigh", "detrend", "dct"],
)
def test_permission_to_overwrite_operands_changes_neither_values_nor_derivatives(
    function, operands, order
):
    operands = tuple(np.asarray(x, order=order) for x in operands)
    copies = [x.copy() for x in operands]
    everywhere = tuple(range(len(operands)))
    value = function(*(x.copy(order="K") for x in operands))
    slopes = dd.grad(lambda *x: np.sum(np.cos(function(*x))), argnums=everywhere)(*operands)
    change, found = 1e-6 * A(*operands[-1].shape, seed=3), 0.0
    for sign in (-1, 1):
        moved = [*(x.copy(order="K") for x in operands[:-1]), operands[-1] + sign * change]
        found += sign * np.sum(np.cos(function(*moved)))
    assert np.sum(slopes[-1] * change) == pytest.approx(found / 2, rel=1e-5)
    assert np.array_equal(dd.jvp(function, operands, operands)[0], value)
    assert all(np.array_equal(x, y) for x, y in zip(operands, copies, strict=True))


def test_matrices_of_empty_vectors_have_empty_derivatives() -> None:
    for function in (scipy.linalg.toeplitz, scipy.linalg.hankel, scipy.linalg.circulant):
        for mode in ("forward", "reverse"):
            assert dd.jacobian(function, mode=mode)(np.zeros(0)).shape == (0, 0, 0)
