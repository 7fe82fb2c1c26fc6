"""SciPy's own functions on traced values: how they are diverted, and that they stay as they are."""

import inspect
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import traceback

import numpy as np
import pytest
import scipy.cluster.vq
import scipy.integrate
import scipy.linalg
import scipy.signal
import scipy.sparse
import scipy.special
import scipy.stats
from scipy.linalg import expm, solve_triangular
from scipy.stats import gamma, norm

import dualdiff as dd
from dualdiff.errors import MissingRuleError, UnsupportedInputError
from dualdiff.rules.scipy import dispatch, in_place
from dualdiff.rules.scipy.arguments import as_plain_function, by_scipy, holds_traced, plain
from dualdiff.rules.scipy.bodies import DifferentValueError, agreed, runs_body
from dualdiff.rules.scipy.dispatch import implements
from dualdiff.rules.scipy.signatures import bound
from tests.rules.table import A

MATRIX = np.diag([1.0, 2.0])


def trace_of_exponential(s):
    return np.trace(expm(s * MATRIX))


def slope_of_exponential(s):
    return np.exp(s) + 2 * np.exp(2 * s)


def run(program, **variables):
    """Run a program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )


def test_compiled_functions_imported_before_dualdiff_take_traced_values():
    program = """
        from scipy.optimize import linear_sum_assignment
        from scipy.signal import sepfir2d
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components, dijkstra
        import numpy as np, dualdiff as dd
        table = {"shortest": dijkstra}
        own = dijkstra
        graph, ones = np.array([[0, 1.0, 4], [0, 0, 2], [0, 0, 0]]), np.ones(3)
        assert dd.grad(lambda x: np.sum(dijkstra(csr_array(graph * x))[0]))(1.0) == 4.0
        assert dd.grad(lambda x: np.sum((graph * x)[linear_sum_assignment(-graph * x)]))(1.0) == 4
        assert dd.grad(lambda x: np.sum(sepfir2d(np.eye(5) * x, ones, ones)))(1.0) == 45
        assert dd.grad(lambda x: x * connected_components(csr_array(graph * x))[0])(1.0) == 1.0
        try:
            dd.grad(lambda x: np.sum(table["shortest"](csr_array(graph * x))[0]))(1.0)
        except dd.errors.UnsupportedInputError as error:
            assert "call it by its module" in str(error)
        else:
            raise AssertionError
        dd.config(scipy=False)
        assert dijkstra is own is table["shortest"]
    """
    done = run(program)
    assert done.returncode == 0, done.stderr


def test_names_imported_before_dualdiff_take_traced_values():
    program = """
        from scipy.linalg import expm
        import numpy as np, dualdiff as dd
        f = lambda s: np.trace(expm(s * np.diag([1.0, 2.0])))
        assert abs(dd.grad(f)(0.3) - np.exp(0.3) - 2 * np.exp(0.6)) < 1e-12
    """
    done = run(program)
    assert done.returncode == 0, done.stderr


def test_names_imported_within_the_function_take_traced_values():
    program = """
        import sys, numpy as np, dualdiff as dd
        assert not any(name.startswith("scipy") for name in sys.modules)
        dd.grad(lambda x: x * x)(1.0)
        assert not any(name.startswith("scipy") for name in sys.modules)
        def f(s):
            from scipy.linalg import expm
            import scipy.stats
            return np.trace(expm(s * np.diag([1.0, 2.0]))) + scipy.stats.norm.logpdf(s)
        assert abs(dd.grad(f)(0.3) - np.exp(0.3) - 2 * np.exp(0.6) + 0.3) < 1e-12
        import scipy.linalg
        assert type(scipy.linalg.__spec__.loader).__name__ == "SourceFileLoader"
    """
    done = run(program)
    assert done.returncode == 0, done.stderr


def test_scipy_is_untouched_before_the_first_derivative():
    program = """
        import scipy.linalg
        code = scipy.linalg.expm.__code__
        import numpy, sys
        finders = list(sys.meta_path)
        import dualdiff as dd, dualdiff.scipy.linalg
        assert scipy.linalg.expm.__code__ is code and sys.meta_path == finders
        dd.grad(lambda x: x * x)(1.0)
        assert scipy.linalg.expm.__code__ is not code
        dd.config(scipy=False)
        assert scipy.linalg.expm.__code__ is code
        assert [f.packages for f in sys.meta_path if f not in finders] == [{"dask", "sparse"}]
    """
    done = run(program)
    assert done.returncode == 0, done.stderr


def test_both_modes_and_nested_derivatives():
    for derivative in (dd.grad, dd.derivative):
        assert derivative(trace_of_exponential)(0.3) == pytest.approx(slope_of_exponential(0.3))
    curvature = np.exp(0.3) + 4 * np.exp(0.6)
    for outer in (dd.grad, dd.derivative):
        for inner in (dd.grad, dd.derivative):
            assert outer(inner(trace_of_exponential))(0.3) == pytest.approx(curvature)


def test_methods_of_distributions_take_traced_values():
    x = 0.7
    functions = [
        lambda m: norm.logpdf(x, m, 2.0),
        lambda m: norm(m, 2.0).logpdf(x),
        lambda m: norm(loc=m, scale=2.0).logpdf(x),
        lambda m: norm(0.0, 2.0).logpdf(x - m),
        lambda m: scipy.stats.multivariate_normal.logpdf(np.array([x, 0.0]), [m, 0.0], 4.0),
        lambda m: scipy.stats.multivariate_normal([0.0, 0.0], 4.0).logpdf(np.array([x - m, 0.0])),
    ]
    for f in functions:
        assert dd.grad(f)(0.2) == pytest.approx((x - 0.2) / 4)
    assert dd.grad(lambda a: gamma.logpdf(x, a))(1.5) == pytest.approx(
        np.log(x) - scipy.special.digamma(1.5)
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda t: scipy.stats.zscore(A(4) * t**np.arange(4))[1],
        lambda t: np.sum(scipy.stats.gaussian_kde(A(4) * t)(np.array([1.5, 2.0]))),
        lambda t: np.sum(scipy.stats.gaussian_kde(A(4))(np.array([0.5, 0.2]) * t)),
        lambda t: scipy.stats.wishart.logpdf(np.eye(2) * 2.0, 3, np.eye(2) * t),
        lambda t: scipy.special.logsumexp(A(4) * t),
        lambda t: np.sum(scipy.special.softmax(A(4) * t) ** 2),
        lambda t: scipy.special.multigammaln(t + 3.0, 2),
        lambda t: np.sum(scipy.signal.fftconvolve(A(4) * t, A(3)) ** 2),
        lambda t: scipy.sparse.csr_array((t * A(3), ([0, 1, 1], [0, 0, 1]))).sum(),
        lambda t: np.sum(scipy.linalg.block_diag(t, A(2, 2) * t)),
        lambda t: scipy.integrate.odeint(lambda y, s, k: -k * y, 1.0, np.linspace(0, 1, 3), (t,))[
            -1, 0
        ],
    ],
)  # fmt: skip
def test_other_functions_by_scipys_names(call):
    h = 1e-5
    central = (call(1.2 + h) - call(1.2 - h)) / (2 * h)
    assert dd.grad(call)(1.2) == pytest.approx(central, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("logsumexp", lambda f, x: f(x)),
        ("softmax", lambda f, x: f(x)[0]),
        ("log_softmax", lambda f, x: f(x)[0]),
        ("multigammaln", lambda f, x: f(x[0] + 3.0, 2)),
        ("polygamma", lambda f, x: f(1, x)[0]),
        ("zeta", lambda f, x: f(x + 1.0, 2.0)[0]),
        ("factorial", lambda f, x: f(x)[0]),
    ],
)
def test_functions_of_scipy_special_have_the_derivatives_of_their_counterparts(name, call):
    x = A(3, low=1.2, high=2.0)
    own, counterpart = getattr(scipy.special, name), getattr(dd.scipy.special, name)
    for derivative in (dd.grad, dd.hessian, lambda f: dd.jacobian(f, mode="forward")):
        expected = derivative(lambda x: call(counterpart, x))(x)
        assert np.array_equal(derivative(lambda x: call(own, x))(x), expected)


def test_scipys_own_calls_are_diverted():
    # solve_triangular is called by SciPy's code with the traced matrix
    def f(s):
        return np.sum(diverted_inner(s * MATRIX))

    assert dd.grad(f)(2.0) == pytest.approx(-(1 + 0.5) / 4)


def diverted_inner(a):
    return scipy.linalg.solve_triangular(a, np.ones(2))


def test_plain_calls_give_scipys_result_within_a_derivative():
    a = A(4, 4)
    expected = expm(a).tobytes()
    inside = []

    def f(x):
        inside.append(expm(a).tobytes())
        return x * x

    dd.grad(f)(1.0)
    assert inside == [expected]


def test_signature_source_and_pickling_stay():
    dd.grad(trace_of_exponential)(0.3)
    assert expm in in_place._ORIGINALS
    assert list(inspect.signature(expm).parameters) == ["A"]
    assert inspect.getsource(expm).startswith("def expm(A")
    assert pickle.loads(pickle.dumps(expm)) is expm
    assert pickle.loads(pickle.dumps(norm)).logpdf(0.3) == norm.logpdf(0.3)
    for function in in_place._ORIGINALS:
        own = in_place._ORIGINALS[function]
        assert str(inspect.signature(function)) == str(inspect.signature(own))
        assert function.__code__.co_filename == own.__code__.co_filename


def test_the_signature_of_a_class_stays():
    dd.grad(trace_of_exponential)(0.3)
    assert "shape" in inspect.signature(scipy.sparse.csr_array).parameters


def test_errors_of_plain_calls_are_scipys():
    dd.grad(trace_of_exponential)(0.3)
    with pytest.raises(TypeError, match=r"expm\(\) missing 1 required positional argument: 'A'"):
        expm()
    with pytest.raises(TypeError, match="unexpected keyword argument 'B'"):
        expm(B=MATRIX)
    with pytest.raises(scipy.linalg.LinAlgError) as caught:
        solve_triangular(np.zeros((2, 2)), np.ones(2))
    files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert not any(f"{os.sep}dualdiff{os.sep}rules" in file for file in files)


def test_an_argument_without_a_rule_raises_and_names_it():
    @implements_nothing
    def f(a, kind="plain"): ...

    with pytest.raises(UnsupportedInputError, match=r"does not take kind='other', at test_disp"):
        f(1.0, kind="other")


def implements_nothing(original):
    return bound(original, lambda a: a)


def test_arguments_are_bound_by_scipys_signature():
    def original(a, /, b, c=3, *rest, d=4, check_finite=True, **others): ...

    def implementation(a, b, *rest, d, **options):
        return a, b, rest, d, options

    call = bound(original, implementation)
    assert call(1, 2) == (1, 2, (), 4, {})
    assert call(1, 2, 5, 6, d=7, check_finite=False) == (1, 2, (6,), 7, {"c": 5})


def test_functions_of_a_thread_without_derivative_run_scipys_code():
    results = []

    def f(s):
        worker = threading.Thread(target=lambda: results.append(expm(MATRIX)))
        worker.start()
        worker.join()
        return trace_of_exponential(s)

    threads = [
        threading.Thread(target=lambda: results.append(dd.grad(f)(0.3) * np.ones(1)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    plain_results = [r for r in results if np.ndim(r) == 2]
    assert len(results) == 8
    assert all(np.array_equal(r, expm(MATRIX)) for r in plain_results)
    assert all(r == pytest.approx(slope_of_exponential(0.3)) for r in results if np.ndim(r) == 1)


def test_config_switches_scipys_names_off_and_on():
    assert dd.config()["scipy"]
    try:
        assert not dd.config(scipy=False)["scipy"]
        with pytest.raises(TypeError, match=r"scipy\.linalg\.expm was called on a traced array"):
            dd.grad(trace_of_exponential)(0.3)
        slope = dd.grad(lambda s: np.trace(dd.scipy.linalg.expm(s * MATRIX)))(0.3)
        assert slope == pytest.approx(slope_of_exponential(0.3))
    finally:
        dd.config(scipy=True)
    assert dd.grad(trace_of_exponential)(0.3) == pytest.approx(slope_of_exponential(0.3))


def test_an_environment_variable_switches_them_off():
    program = """
        import numpy as np, dualdiff as dd
        from scipy.linalg import expm
        assert not dd.config()["scipy"]
        try:
            dd.grad(lambda s: np.trace(expm(s * np.eye(2))))(0.3)
        except TypeError:
            print("raised")
    """
    done = run(program, DUALDIFF_SCIPY="0")
    assert done.stdout == "raised\n", done.stderr


def test_an_object_of_scipys_holds_its_attributes():
    system = scipy.signal.lti([1.0], [1.0, 2.0])
    assert not holds_traced(system)

    def f(x):
        system.note = x * A(3)
        assert holds_traced(system)
        assert holds_traced({"a": [system]})
        copied = plain(system)
        assert type(copied) is type(system)
        assert type(copied.note) is np.ndarray
        return x

    dd.grad(f)(1.0)


def integral(f, a, b, args=()):
    """Stands for a solver of SciPy's, which calls a function of the program."""
    total = float(np.asarray(f(a, *args))) + float(np.asarray(f(b, *args)))
    return (b - a) / 2 * total


def test_functions_of_the_program_that_capture_traced_values_are_found():
    implementations = []

    @implements(integral, calls="f")
    def traced_integral(f, a, b, args=()):
        implementations.append(f)
        value = by_scipy(integral, as_plain_function(f), plain(a), plain(b), plain(args))
        return 0 * value + (b - a) / 2 * (f(a, *args) + f(b, *args))

    def f(k):
        assert integral(np.sin, 0.0, 0.0) == 0.0  # a function of NumPy's is one, too
        return integral(lambda x: k * x**2, 0.0, 2.0)

    try:
        assert integral(lambda x: x, 0.0, 2.0) == 2.0
        assert dd.grad(f)(3.0) == 4.0
        assert len(implementations) == 2
        assert traced_integral(lambda x: x, 0.0, 2.0) == 2.0
        assert len(implementations) == 2
    finally:
        dispatch.withdraw(dispatch.ENTRIES[-1])


def test_a_body_has_scipys_value_and_the_derivative_of_its_code():
    before = len(dispatch.ENTRIES)
    leslie = runs_body(scipy.linalg.leslie)
    try:
        f, s = A(3, low=1.0, high=2.0), A(2, low=0.1, high=0.9)
        tangent = dd.jvp(leslie, (f, s), (np.ones(3), np.zeros(2)))
        assert np.array_equal(tangent[0], scipy.linalg.leslie(f, s))
        assert np.array_equal(tangent[1][0], np.ones(3))
        assert not np.any(tangent[1][1:])
        assert np.array_equal(dd.grad(lambda s: np.sum(leslie(f, s) ** 2))(s), 2 * s)
    finally:
        while len(dispatch.ENTRIES) > before:
            dispatch.withdraw(dispatch.ENTRIES[-1])


def test_a_body_that_finds_another_value_raises():
    def f(x):
        return agreed((x, [x + 1.0]), (1.0, [3.0]), "scipy.linalg.norm")[0]

    with pytest.raises(DifferentValueError, match=r"norm .* differ by 1"):
        dd.grad(f)(1.0)


def test_functions_without_a_rule_still_raise():
    with pytest.raises(MissingRuleError, match="no derivative rule"):
        dd.grad(lambda m: norm.rvs(m))(1.2)
    with pytest.raises(TypeError, match="was called on a traced array"):
        dd.grad(lambda x: np.sum(scipy.cluster.vq.whiten(x * MATRIX)))(1.2)
