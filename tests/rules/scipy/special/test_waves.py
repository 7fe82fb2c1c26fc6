"""Mathieu, spheroidal and parabolic cylinder functions in their parameter and in x."""

import mpmath as mp
import numpy as np
import pytest
from scipy import special

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError
from tests.rules.scipy.special.tables import UNIT, newer, of, real
from tests.rules.table import A, rule_tests
from tests.versions import OLD_SCIPY

Q = A(2, low=0.5, high=3.0)
PAIR = A(2, low=0.2, high=0.8)
DEGREES = A(2, low=20.0, high=70.0)
ORDERS = np.array([[1], [4]])
PARTS = ("ang1", "rad1", "rad2")
RADIAL = ("cem1", "sem1", "sem2")
PROLATE_FAR, OBLATE_FAR = ((1, 2, 5.0, cv(1, 2, 5.0)) for cv in (special.pro_cv, special.obl_cv))
PROLATE, OBLATE = ((1, 2, 1.5, cv(1, 2, 1.5)) for cv in (special.pro_cv, special.obl_cv))


def double(function, *args, **options):
    """SciPy's loops in single precision do not end, or give NaN."""
    return real(function, *args, _float32=False, **options)


ROWS = [
    *(double(of(getattr(special, f"mathieu_{n}"), ORDERS), Q) for n in "ab"),
    *(double(of(getattr(special, f"mathieu_{n}em"), 3), Q, DEGREES) for n in "cs"),
    double(of(special.mathieu_modcem2, 2), 1.5, PAIR),
    *(double(of(getattr(special, f"mathieu_mod{n}"), 2), 1.5, PAIR) for n in RADIAL),
    *(double(of(getattr(special, f"{n}_cv"), 1, ORDERS), Q) for n in ("pro", "obl")),
    double(of(special.pro_ang1_cv, *PROLATE), UNIT),
    newer(lambda: double(of(special.pro_rad1_cv, *PROLATE), A(2, low=1.2, high=1.8))),
    newer(lambda: double(of(special.obl_rad1_cv, *OBLATE), UNIT)),
    double(of(special.obl_ang1_cv, *OBLATE), UNIT),
    newer(lambda: double(of(special.pro_rad1, 1, 2), 1.5, A(2, low=1.2, high=1.8))),
    newer(lambda: double(of(special.obl_rad1, 0, 1), 1.5, 0.6)),
    double(of(special.obl_rad1, 1, 2, 1.5), 0.6),
    double(of(special.pro_ang1, 0, 2), 1.5, PAIR),
    double(of(special.obl_ang1, 1, 2), 1.5, 0.4),
    newer(lambda: double(of(special.pro_rad2, 0, 2, 2.5), A(2, low=1.7, high=2.8))),
    newer(lambda: double(of(special.obl_rad2, 1, 2, 5.0), A(2, low=2.2, high=2.8))),
    newer(lambda: double(of(special.pro_rad2_cv, *PROLATE_FAR), A(2, low=2.2, high=2.8))),
    newer(lambda: double(of(special.obl_rad2_cv, *OBLATE_FAR), A(2, low=2.2, high=2.8))),
    # Second derivatives in c nest the quadrature.
    newer(lambda: double(of(special.pro_rad2, 0, 2), 2.5, 1.7, _order=1)),
    newer(lambda: double(of(special.obl_rad2, 0, 1), 2.5, 2.4, _order=1)),
    real("pbdv", np.array([[-1.3], [0.7]]), A(3, low=-1.5, high=2.5)),
    real(special.pbvv, A(2, low=0.3, high=2.5), PAIR),
]
TestRules = rule_tests(ROWS)


@pytest.mark.parametrize("q", [-2.0, 0.0, 300.0])
def test_mathieu_functions_keep_the_sign_of_scipys(q):
    step = 1e-4
    for function in (special.mathieu_cem, special.mathieu_sem):
        slope = dd.jvp(lambda x, f=function: f(4, q, x)[0], (35.0,), (1.0,))[1]
        by_q = dd.jvp(lambda q, f=function: f(4, q, 35.0)[0], (q,), (1.0,))[1]
        ends = (function(4, q + s, 35.0)[0] for s in (step, -step))
        assert slope == pytest.approx(function(4, q, 35.0)[1] * np.pi / 180)
        assert by_q == pytest.approx(float(np.subtract(*ends)) / (2 * step), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("v", "x"), [(0.7, 9.0), (-2.3, -2.5), (3.0, 0.0), (7.4, 1.01)])
def test_parabolic_cylinder_functions_in_their_order_are_exact(v, x):
    with mp.workdps(40):
        exact = mp.diff(lambda t: mp.pcfd(t, x), mp.mpf(v) + mp.mpf(10) ** -20)
    assert dd.grad(lambda v: special.pbdv(v, x)[0])(v) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("kind", ["pro", "obl"])
@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 writes beyond its memory in pro_rad2")
def test_functions_of_the_second_kind_follow_their_equation_in_c(kind):
    """Against SciPy's values along c, where they are right."""
    f = getattr(special, f"{kind}_rad2")
    for m, n, c, x in ((0, 1, 2.5, 2.1), (1, 2, 5.0, 2.5), (2, 2, 6.0, 3.0)):
        for k in (0, 1):

            def along(c, m=m, n=n, x=x, k=k):
                return f(m, n, c, x)[k]

            h = 1e-3
            sums = (along(c + j * h) - along(c - j * h) for j in (1, 2))
            exact = (8 * next(sums) - next(sums)) / (12 * h)
            assert dd.grad(along)(c) == pytest.approx(exact, rel=1e-8)
            assert dd.derivative(along)(c) == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize(
    ("at", "tolerance"),
    [((0, 1, 2.0, 1.01), 1e-8), ((0, 0, 9.0, 1.0001), 1e-8), ((0, 5, 20.0, 1.01), 2e-6)],
)
@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 writes beyond its memory in pro_rad2")
def test_prolate_functions_of_the_second_kind_in_c_near_1(at, tolerance):
    """Where c is large, SciPy's values have few digits."""
    m, n, c, x = at

    def along(c):
        return special.pro_rad2(m, n, c, x)[0]

    h = 1e-3
    exact = (8 * (along(c + h) - along(c - h)) - along(c + 2 * h) + along(c - 2 * h)) / (12 * h)
    assert dd.grad(along)(c) == pytest.approx(exact, rel=tolerance)


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 writes beyond its memory in pro_rad1")
@pytest.mark.parametrize("name", ["pro_rad1", "obl_ang1"])
def test_spheroidal_functions_whose_series_cancel_raise(name):
    x = 1.5 if "rad" in name else 0.3
    for derivative in (dd.grad, dd.derivative):
        with pytest.raises(UnsupportedInputError, match="fewer than six digits"):
            derivative(lambda c: getattr(special, name)(0, 1, c, x)[0])(60.0)


@pytest.mark.parametrize("function", [special.mathieu_modcem1, special.mathieu_modsem2])
def test_vectors_of_several_orders_are_numbers_side_by_side(function):
    """Their recurrences have other sizes, and other terms are the largest ones."""
    m, q = np.array([2, 7, 2, 1]), np.array([0.3, 40.0, 300.0, 0.01])
    for k in (0, 1):
        side_by_side = dd.jvp(lambda q, k=k: function(m, q, 0.4)[k], (q,), (np.ones(4),))[1]
        one = [
            dd.derivative(lambda q, i=i, k=k: function(i, q, 0.4)[k])(v)
            for i, v in zip(m, q, strict=True)
        ]
        np.testing.assert_allclose(side_by_side, one, rtol=1e-11)


def test_derivatives_of_no_numbers_in_a_parameter_are_empty():
    for function in (special.mathieu_cem, special.mathieu_modcem1):
        tangent = dd.jvp(lambda q, f=function: f(2, q, 0.4)[1], (np.zeros(0),), (np.zeros(0),))[1]
        assert tangent.shape == (0,)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: special.pro_rad2(1, 2, 1.5, x)[0], 1.4),
        (lambda c: special.pro_rad2(1, 2, c, 1.4)[0], 1.5),
        (lambda x: special.obl_rad2(0, 1, 1.5, x)[0], 0.5),
        (lambda x: special.obl_rad2_cv(0, 1, 1.5, special.obl_cv(0, 1, 1.5), x)[0], 0.5),
    ],
)
@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 writes beyond its memory in pro_rad2")
def test_values_of_the_second_kind_that_solve_no_equation_raise(f, x):
    for derivative in (dd.grad, dd.derivative):
        with pytest.raises(UnsupportedInputError, match="solve no spheroidal equation"):
            derivative(f)(x)


@pytest.mark.parametrize("name", [f"{k}_{part}_cv" for k in ("pro", "obl") for part in PARTS])
@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 writes beyond its memory")
def test_no_derivative_leaves_the_curve_of_characteristic_values(name):
    x = 0.5 if "ang" in name else 1.5
    f, at = getattr(special, name), [0, 1, 2.5, getattr(special, f"{name[:3]}_cv")(0, 1, 2.5), x]
    for i in (2, 3):
        with pytest.raises(UnsupportedInputError, match=rf"{name[:-3]}\(m, n, c, x\)"):
            dd.grad(lambda t, i=i: f(*at[:i], t, *at[i + 1 :])[0])(at[i])


@pytest.mark.parametrize("name", ["pro_cv", "obl_cv", "pro_ang1", "obl_rad1", "pro_cv_seq"])
def test_spheroidal_functions_at_negative_c_raise(name):
    """SciPy's characteristic value is that of c = 0 there, and so are its functions."""
    f, at = getattr(special, name), (0.5,) if "1" in name else ()

    def along(c):
        return np.sum(f(0, 1, c, *at))

    for derivative in (dd.grad, dd.derivative):
        with pytest.raises(UnsupportedInputError, match="negative c"):
            derivative(along)(-1.5)
    if at:
        with pytest.raises(UnsupportedInputError, match="negative c"):
            dd.grad(lambda x: f(0, 1, -1.5, x)[1])(0.3)


@pytest.mark.parametrize("at", [(1e10, 0.0), (np.inf, 0.0), (300, np.nan)])
def test_orders_of_mathieus_values_that_are_huge_raise(at):
    for f in (special.mathieu_a, special.mathieu_b):
        with pytest.raises(UnsupportedInputError, match="1000 rows"):
            dd.grad(lambda q, f=f: f(at[0], q))(at[1])


def test_mathieus_values_of_a_large_parameter_follow_their_expansion():
    """DLMF 28.8.1, by the slopes of its first terms."""
    q, s = 1e6, 3.0
    exact = -2 + s / q**0.5 + (s**3 + 3 * s) / 2**8 / q**1.5
    with np.errstate(all="ignore"):
        for f, m in ((special.mathieu_a, 1), (special.mathieu_b, 2)):
            assert dd.grad(lambda q, f=f, m=m: f(m, q))(q) == pytest.approx(exact, rel=1e-12)


def test_spheroidal_functions_of_another_value_raise():
    with pytest.raises(UnsupportedInputError, match="pro_cv"):
        dd.grad(lambda x: special.pro_ang1_cv(1, 2, 1.5, 6.0, x)[0])(0.4)


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 gives NaN there")
def test_limits_of_the_arguments():
    assert dd.grad(special.ellipk)(1.0) == np.inf
    assert dd.grad(special.ellipkm1)(0.0) == -np.inf
    assert dd.grad(special.fdtr, argnums=(0, 1, 2))(2.0, 3.0, np.inf) == (0, 0, 0)
    assert dd.grad(special.fdtrc, argnums=(0, 1, 2))(2.0, 3.0, np.inf) == (0, 0, 0)


@pytest.mark.parametrize("at", [(-1 + 2j, -3 + 1j, 0.4 - 0.2j), (0.3 - 2j, 1 + 0j, -2 + 0.5j)])
def test_carlsons_integrals_near_their_cut(at):
    for i in range(3):

        def f(t, i=i):
            return special.elliprd(*at[:i], t, *at[i + 1 :])

        with mp.workdps(30):
            exact = mp.diff(lambda t, i=i: mp.elliprd(*at[:i], t, *at[i + 1 :]), at[i])
        assert dd.grad(f, holomorphic=True)(at[i]) == pytest.approx(complex(exact), rel=1e-12)


@pytest.mark.parametrize(("m", "q"), [(30, 500.0), (7, 30.175), (3, 15.51)])
def test_mathieu_functions_that_are_of_another_order_raise(m, q):
    """SciPy's search for the characteristic value finds a neighbouring one there."""
    assert abs(special.mathieu_a(m, q) - special.mathieu_a(m, q * 0.98)) > 4
    both = (special.mathieu_cem, 35.0), (special.mathieu_modcem1, 0.5)
    programs = [(lambda x, f=f, k=k: f(m, q, x)[k], x) for f, x in both for k in (0, 1)]
    programs += [(lambda q, f=f, x=x: f(m, q, x)[0], q) for f, x in both]
    programs.append((lambda q: dd.scipy.special.mathieu_even_coef(m, q)[0], q))
    for program, at in programs:
        for derivative in (dd.grad, dd.derivative):
            with pytest.raises(UnsupportedInputError, match="of another order"):
                derivative(program)(at)


@pytest.mark.parametrize(("m", "q"), [(5, 1e-8), (2, 0.0)])
def test_modified_mathieu_functions_whose_value_stands_for_infinity_have_no_derivative(m, q):
    functions = special.mathieu_modcem2, special.mathieu_modsem2
    for f in functions if q == 0 else (*functions, special.mathieu_modcem1):
        for k in (0, 1):
            assert np.isnan(dd.grad(lambda x, f=f, k=k: f(m, q, x)[k])(0.5))
            assert np.isnan(dd.derivative(lambda q, f=f, k=k: f(m, q, 0.5)[k])(q))
