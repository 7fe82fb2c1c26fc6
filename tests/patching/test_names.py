"""`dd.patch`: names are replaced by identity, and have their own objects back afterwards."""

import cmath
import math
import subprocess
import sys
import threading
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import numdifftools as nd
import numpy as np
import pytest

import dualdiff as dd


def module_of(source: str, name: str = "a_library") -> ModuleType:
    """A loaded module with names of its own."""
    module = ModuleType(name)
    sys.modules[name] = module
    exec(source, vars(module))
    return module


@pytest.fixture
def library() -> Any:
    module = module_of(
        "import math, numpy as np\n"
        "from math import exp, sqrt as root\n"
        "from numpy import array, zeros as made\n"
        "class Vector:\n"
        "    __getitem__ = array\n"
        "    ones = np.ones\n"
        "def decay(t): return exp(-t) * root(t)\n"
        "def squares(x):\n"
        "    out = made(3)\n"
        "    out[:] = array(x, dtype=float) ** 2\n"
        "    return np.sum(out)\n"
    )
    yield module
    del sys.modules["a_library"]


def test_names_that_a_module_has_imported_take_traced_values(library: Any) -> None:
    with dd.patch():
        slope = dd.grad(library.decay)(2.0)
        gradient = dd.grad(library.squares)(np.arange(3.0))
    expected = math.exp(-2.0) * (0.5 / math.sqrt(2.0) - math.sqrt(2.0))
    assert slope == pytest.approx(expected, rel=1e-14)
    np.testing.assert_array_equal(gradient, [0.0, 2.0, 4.0])


def test_every_name_has_its_own_object_back(library: Any) -> None:
    originals = {**vars(library)}
    with dd.patch():
        assert library.root is not originals["root"]
    assert {**vars(library)} == originals
    assert library.array is np.array
    assert library.Vector.__getitem__ is np.array
    assert math.sqrt is library.root


def test_names_are_restored_after_errors_and_interrupts(library: Any) -> None:
    original = math.sqrt
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), dd.patch(), dd.patch():
            raise error
        assert math.sqrt is library.root is original


def test_a_builtin_function_as_an_attribute_of_a_class_does_not_bind(library: Any) -> None:
    with dd.patch():
        np.testing.assert_array_equal(library.Vector()[1, 2, 3], [1, 2, 3])

        class Later:
            __getitem__ = np.array
            root = math.sqrt

        assert Later().root(4.0) == 2.0
        gradient = dd.grad(lambda x: np.sum(library.Vector()[x[0], x[1]] ** 2))(np.ones(2))
    np.testing.assert_array_equal(Later()[1, 2], [1, 2])
    np.testing.assert_array_equal(gradient, [2.0, 2.0])


def test_a_module_that_is_imported_meanwhile_is_whole_afterwards() -> None:
    with dd.patch():
        later = module_of(
            "from math import sin\nfrom numpy import full\nclass A: make = full", "imported_later"
        )
        assert dd.grad(later.sin)(0.0) == 1.0
    assert later.sin is math.sin
    assert later.full is np.full
    with dd.patch():
        assert dd.grad(later.sin)(0.0) == 1.0
    assert later.sin is math.sin
    del sys.modules["imported_later"]


def test_outside_a_derivative_replaced_names_give_their_own_results() -> None:
    calls = [
        lambda: np.zeros((2, 3), dtype=np.float32),
        lambda: np.array([1, 2], ndmin=2),
        lambda: np.asarray([1.0]),
        lambda: np.linspace(0, 1, 3),
        lambda: math.hypot(3.0, 4.0),
        lambda: math.fsum(iter([0.1] * 10)),
        lambda: cmath.sqrt(-1.0),
        lambda: math.prod([2, 3], start=4),
    ]
    plain = [call() for call in calls]
    with dd.patch():
        patched = [call() for call in calls]
    for one, other in zip(plain, patched, strict=True):
        assert type(one) is type(other)
        np.testing.assert_array_equal(one, other)


def test_another_thread_sees_the_original_functions() -> None:
    entered, leave = threading.Event(), threading.Event()

    def f(x: Any) -> Any:
        entered.set()
        leave.wait()
        return math.exp(x)

    def run() -> None:
        with dd.patch():
            found.append(dd.grad(f)(0.0))

    found: list[Any] = []
    thread = threading.Thread(target=run)
    thread.start()
    entered.wait()
    try:
        assert type(math.exp(1.0)) is float
        assert type(math.sqrt(np.float64(4.0))) is float
        with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
            math.sqrt(-1.0)
    finally:
        leave.set()
        thread.join()
    assert found == [1.0]


OF_ONE_NUMBER = """
sqrt exp exp2 cbrt expm1 log log2 log10 log1p sin cos tan sinh cosh tanh asinh atan degrees radians
erf erfc gamma lgamma fabs
"""
SCALARS: dict[str, Any] = {
    **{name: (lambda x, name=name: getattr(math, name)(x)) for name in OF_ONE_NUMBER.split()},
    "asin": lambda x: math.asin(x / 2),
    "acos": lambda x: math.acos(x / 2),
    "atanh": lambda x: math.atanh(x / 2),
    "acosh": lambda x: math.acosh(x + 1),
    "log with a base": lambda x: math.log(x, 3.0) + math.log(5.0, x),
    "pow": lambda x: math.pow(x, 2.5) + math.pow(2.5, x),
    "atan2": lambda x: math.atan2(x, 2.0) + math.atan2(2.0, x),
    "hypot": lambda x: math.hypot(x, 2.0) + math.hypot(x, 1.0, 2 * x),
    "dist": lambda x: math.dist([x, 1.0], [0.5, x * x]),
    "prod": lambda x: math.prod([x, 2.0, x], start=3.0),
    "fsum": lambda x: math.fsum(k * x for k in range(4)),
    "fmod": lambda x: math.fmod(7.0 * x, 2.0) + math.fmod(7.0, x),
    "remainder": lambda x: math.remainder(7.0 * x, 2.0) + math.remainder(7.0, x),
    "copysign": lambda x: math.copysign(x, -1.0),
    "ldexp": lambda x: math.ldexp(x, 3),
    "frexp": lambda x: math.frexp(x)[0] * 2.0 ** math.frexp(x)[1] + math.frexp(x)[0],
    "modf": lambda x: math.modf(7 * x)[0] + x * math.modf(7 * x)[1],
    "floor": lambda x: x * (math.floor(7 * x) + math.ceil(x) + math.trunc(9 * x)),
    "isclose": lambda x: x if math.isclose(x, 1.3, abs_tol=0.5) and math.isfinite(x) else 2 * x,
    "cmath.sqrt": lambda x: cmath.sqrt(-x).imag + cmath.sqrt(1j * x).real,
    "cmath.log": lambda x: cmath.log(-x).real + cmath.log(1j * x, 2.0).real,
    "cmath.polar": lambda x: cmath.polar(x + 2j)[0] * cmath.polar(x + 2j)[1],
    "cmath.phase": lambda x: cmath.phase(x + 1j) + cmath.phase(2.0 + x * 1j),
    "cmath.rect": lambda x: cmath.rect(x, 2 * x).real + cmath.rect(2.0, x).imag,
    "cmath.exp": lambda x: cmath.exp(1j * x).real + cmath.exp(x).real,
}


@pytest.mark.parametrize("name", SCALARS)
def test_functions_of_math_and_cmath_have_derivatives(name: str) -> None:
    f = SCALARS[name]
    x = 1.3
    with dd.patch():
        value, slope = dd.value_and_grad(f)(x)
        forward = dd.jvp(f, (x,), (1.0,))[1]
    assert value == pytest.approx(f(x), rel=1e-14)
    assert slope == pytest.approx(
        float(nd.Derivative(f, step=1e-3, order=4)(x)), rel=1e-7, abs=1e-8
    )
    assert forward == pytest.approx(slope, rel=1e-12)


def test_functions_of_math_give_their_own_digits_and_types_on_traced_numbers() -> None:
    def f(x: float) -> tuple[Any, ...]:
        return math.sin(x), math.log(x), math.atan2(x, 2.0), math.hypot(x, 3.0), math.pow(x, 1.7)

    with dd.patch():
        for traced in (dd.vjp(f, 0.3)[0], dd.jvp(f, (0.3,), (1.0,))[0]):
            for value, plain in zip(traced, f(0.3), strict=True):
                assert type(value) is float
                assert value == plain
        # A second derivative goes the general way.
        twice = dd.grad(dd.grad(lambda x: math.atan2(x, 2.0) + math.log(x)))(0.3)
    assert math.isclose(twice, -4 * 0.3 / (0.09 + 4) ** 2 - 1 / 0.09, rel_tol=1e-12)


def test_functions_of_math_raise_their_own_errors_on_traced_numbers() -> None:
    with dd.patch():
        for f, error in [
            (lambda x: math.sqrt(-x), ValueError),
            (lambda x: math.log(x - x), ValueError),
            (lambda x: math.exp(1e4 * x), OverflowError),
            (lambda x: math.sin(np.array([x, x])), TypeError),
        ]:
            with pytest.raises(error):
                dd.grad(f)(1.0)


def test_errors_under_the_patch_do_not_advise_to_switch_it_on() -> None:
    plain = np.zeros(2)

    def store(x: Any) -> Any:
        plain[0] = x
        return np.sum(plain)

    with pytest.raises(TypeError, match=r"dualdiff\.patch"):
        dd.grad(store)(1.0)
    with dd.patch(), pytest.raises(TypeError) as info:
        dd.grad(store)(1.0)
    assert "patch" not in str(info.value).replace("test_patching", "")


def test_python_m_dualdiff_runs_a_program_under_the_patch(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("from math import exp\nf = lambda x: exp(2 * x)\n")
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, dualdiff as dd\n"
        "from helper import f\n"
        "from math import sqrt\n"
        "if __name__ == '__main__':\n"
        "    print(dd.grad(f)(0.0), dd.grad(lambda x: sqrt(x))(4.0), sys.argv[1:])\n"
    )
    command = [sys.executable, "-m", "dualdiff", str(program), "--option", "1"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "2.0 0.25 ['--option', '1']\n"


def test_functions_that_a_closure_or_a_default_holds_are_replaced(library: Any) -> None:
    exec(
        "def made_with(root): return lambda t: root(t)\n"
        "closed = made_with(math.sqrt)\n"
        "def default(t, root=math.sqrt, *, exp=math.exp): return root(t) + exp(t)\n",
        vars(library),
    )
    defaults = library.default.__defaults__
    with dd.patch():
        assert dd.grad(library.closed)(4.0) == 0.25
        assert dd.grad(library.default)(4.0) == pytest.approx(0.25 + math.exp(4.0))
    assert library.default.__defaults__ == defaults == (math.sqrt,)
    assert library.closed.__closure__[0].cell_contents is math.sqrt


def test_names_of_a_namespace_that_is_no_module_are_replaced() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("from math import exp\ndef f(t): return exp(float(t))", space)
    with dd.patch():
        assert dd.grad(space["f"])(0.0) == 1.0
    assert space["exp"] is math.exp


def test_a_call_of_patch_alone_says_that_it_does_nothing() -> None:
    with pytest.warns(UserWarning, match="write `with dualdiff.patch"):
        dd.patch()


_JITTED = """
import math
from math import sin
import numba
import numpy as np

@numba.njit("f8(f8)")
def eager(x):
    return math.sqrt(x) * sin(x) + np.zeros(2).sum()

@numba.njit
def inner(x):
    return math.sqrt(x) * float(x)

@numba.njit
def filled(x):
    out = np.zeros(3)
    for i in range(3):
        out[i] = inner(x + i)
    return np.sum(out)

@numba.vectorize
def branches(x, y):
    return math.sin(x) * y if x > 0 else y
"""
_JITTED_PROGRAM = """
import numpy as np
import dualdiff as dd

def f(x):
    import jitted_library as lib
    constants = lib.eager(1.0) + lib.filled(1.0) + lib.branches(1.0, 2.0)
    return constants * lib.eager(x) + lib.filled(x) + np.sum(lib.branches(x * np.ones(2), x))

with dd.patch():
    slope, pushed = dd.grad(f)(1.5), dd.jvp(f, (1.5,), (1.0,))[1]
assert "method" not in str(vars(__import__("jitted_library"))["sin"])
expected = (f(1.5 + 1e-6) - f(1.5 - 1e-6)) / 2e-6
np.testing.assert_allclose([slope, pushed], expected, rtol=1e-7)
"""


def test_functions_of_numba_run_in_python_on_traced_values_and_compile_as_ever(
    tmp_path: Path,
) -> None:
    pytest.importorskip("numba")
    (tmp_path / "jitted_library.py").write_text(_JITTED)
    (tmp_path / "program.py").write_text(_JITTED_PROGRAM)
    command = [sys.executable, "-W", "ignore", str(tmp_path / "program.py")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr[-2000:]


_COMPILED = """
import numba
import numpy as np
import dualdiff as dd

@numba.experimental.jitclass([("side", numba.float64)])
class Square:
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2

@numba.stencil
def mean(a):
    return 0.5 * (a[-1] + a[1])

def bound_in_a_function(x):
    from math import exp
    from numpy import zeros

    @numba.njit
    def scaled(b):
        out = zeros(2)
        out[0] = exp(b)
        return np.sum(out)

    return scaled(0.5) * scaled(x)

def keeps(x):
    return Square(x).area()

def lists(x):
    numbers = numba.typed.List()
    numbers.append(x)
    return numbers[0]

def slides(x):
    return mean(x * np.ones(3)).sum()

def constants(x):
    return x * (Square(2.0).area() + mean(np.ones(3)).sum())

with dd.patch():
    np.testing.assert_allclose(dd.grad(bound_in_a_function)(0.5), np.exp(1.0), rtol=1e-12)
    assert dd.grad(constants)(1.5) == 5.0
    for f in (keeps, lists, slides):
        try:
            dd.grad(f)(1.5)
        except dd.DualdiffError as error:
            assert "works on compiled memory" in str(error), error
        else:
            raise AssertionError(f)
"""


def test_compiled_classes_lists_and_stencils_of_numba_refuse_traced_values_by_a_clear_error(
    tmp_path: Path,
) -> None:
    pytest.importorskip("numba")
    (tmp_path / "program.py").write_text(_COMPILED)
    command = [sys.executable, "-W", "ignore", str(tmp_path / "program.py")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr[-2000:]


_LATE = """
from math import sqrt

class Scale:
    def __init__(self, x):
        if type(x) != float:
            raise TypeError("not a float")
        self.x = float(x)

def scaled(x):
    return sqrt(Scale(x).x) * (10.0 if type(x) is float else 1.0)
"""


def test_a_module_that_is_imported_meanwhile_takes_the_branch_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "late_library.py").write_text(_LATE)
    monkeypatch.syspath_prepend(str(tmp_path))
    runs = []

    def f(x: Any) -> Any:
        import late_library

        runs.append(x)
        return late_library.scaled(x)

    try:
        with dd.patch():
            assert dd.grad(f)(4.0) == 2.5
        module = sys.modules["late_library"]
        assert len(runs) == 1
        assert module.sqrt is math.sqrt
        assert type(module.__spec__.loader) is SourceFileLoader
        with pytest.raises(TypeError, match="not a float"):
            module.scaled(np.float64(4.0))
    finally:
        sys.modules.pop("late_library", None)


def test_errors_of_compiled_code_name_the_line_of_python_that_calls_it() -> None:
    error = "TypeError(\"a bytes-like object is required, not 'Var'\")"
    space: dict[str, Any] = {}
    exec(compile(f"def compiled(x): raise {error}", "<stringsource>", "exec"), space)
    compiled = space["compiled"]  # its frame looks as those of Cython do
    with dd.patch(), pytest.raises(dd.errors.ConversionError, match=r"at test_names.py:\d+: `"):
        dd.grad(lambda x: compiled(x))(1.0)
