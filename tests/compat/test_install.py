"""`dualdiff.compat.install` and what runs programs under it, in processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.programs import TOP, output_of, require, run

MODULES = [
    "autograd",
    "autograd.builtins",
    "autograd.core",
    "autograd.differential_operators",
    "autograd.extend",
    "autograd.misc",
    "autograd.misc.fixed_points",
    "autograd.misc.flatten",
    "autograd.misc.optimizers",
    "autograd.misc.tracers",
    "autograd.numpy",
    "autograd.numpy.fft",
    "autograd.numpy.linalg",
    "autograd.numpy.numpy_boxes",
    "autograd.numpy.numpy_jvps",
    "autograd.numpy.numpy_vjps",
    "autograd.numpy.numpy_vspaces",
    "autograd.numpy.numpy_wrapper",
    "autograd.numpy.random",
    "autograd.scipy",
    "autograd.scipy.integrate",
    "autograd.scipy.linalg",
    "autograd.scipy.signal",
    "autograd.scipy.special",
    "autograd.scipy.stats",
    "autograd.scipy.stats.beta",
    "autograd.scipy.stats.chi2",
    "autograd.scipy.stats.dirichlet",
    "autograd.scipy.stats.gamma",
    "autograd.scipy.stats.multivariate_normal",
    "autograd.scipy.stats.norm",
    "autograd.scipy.stats.poisson",
    "autograd.scipy.stats.t",
    "autograd.test_util",
    "autograd.tracer",
    "autograd.util",
    "autograd.wrap_util",
]

NAMES = {
    "autograd": "checkpoint deriv elementwise_grad grad grad_and_aux grad_named hessian "
    "hessian_tensor_product hessian_vector_product holomorphic_grad jacobian make_ggnvp make_hvp "
    "make_jvp make_vjp multigrad_dict primitive tensor_jacobian_product value_and_grad "
    "vector_jacobian_product",
    "autograd.builtins": "DictBox SequenceBox dict isinstance list tuple type",
    "autograd.core": "JVPNode SparseObject VJPNode VSpace backward_pass def_linear defjvp defvjp "
    "forward_pass make_jvp make_vjp primitive_jvps primitive_vjps vspace",
    "autograd.differential_operators": "grad make_jvp_reversemode make_hvp",
    "autograd.extend": "Box JVPNode SparseObject VJPNode VSpace def_linear defjvp defjvp_argnum "
    "defjvp_argnums defvjp defvjp_argnum defvjp_argnums notrace_primitive primitive "
    "register_notrace vspace",
    "autograd.misc": "const_graph flatten",
    "autograd.misc.fixed_points": "fixed_point",
    "autograd.misc.flatten": "flatten flatten_func",
    "autograd.misc.optimizers": "adam rmsprop sgd",
    "autograd.misc.tracers": "const_graph",
    "autograd.numpy": "array concatenate einsum exp linalg ndarray pi where",
    "autograd.numpy.numpy_boxes": "ArrayBox",
    "autograd.numpy.numpy_vjps": "unbroadcast unbroadcast_f",
    "autograd.numpy.numpy_vspaces": "ArrayVSpace ComplexArrayVSpace",
    "autograd.scipy.integrate": "odeint",
    "autograd.scipy.linalg": "solve_banded solve_sylvester solve_triangular sqrtm",
    "autograd.scipy.signal": "convolve",
    "autograd.scipy.special": "beta betainc betaln digamma erf erfc erfcinv erfinv expit gamma "
    "gammainc gammaincc gammaln gammasgn i0 i1 iv ive j0 j1 jn logit logsumexp multigammaln "
    "polygamma psi rgamma y0 y1 yn",
    "autograd.scipy.stats.norm": "cdf logcdf logpdf pdf sf logsf",
    "autograd.scipy.stats.t": "cdf logcdf logpdf pdf",
    "autograd.scipy.stats.multivariate_normal": "entropy logpdf pdf",
    "autograd.test_util": "check_equivalent check_grads combo_check scalar_close",
    "autograd.tracer": "Box Node getval isbox new_box primitive trace trace_stack",
    "autograd.util": "func quick_grad_check subvals",
    "autograd.wrap_util": "unary_to_nary",
}

INSTALLED = "import dualdiff.compat as c; c.install()\n"


def test_every_module_of_autograds_is_found() -> None:
    lines = [f"import {name}; assert sys.modules['{name}'] is {name}" for name in MODULES]
    code = "\n".join(["import sys", INSTALLED, *lines, "print(autograd.__name__)"])
    assert output_of("-c", code) == "dualdiff.compat.autograd\n"


def test_every_name_that_programs_import_is_there() -> None:
    lines = [f"from {m} import {', '.join(names.split())}" for m, names in NAMES.items()]
    assert output_of("-c", "\n".join([INSTALLED, *lines, "print('all')"])) == "all\n"


def test_the_packages_own_path_needs_no_install() -> None:
    code = """
from dualdiff.compat import autograd
import dualdiff.compat.autograd.numpy as np
import dualdiff.compat.autograd.scipy.stats.norm as norm
print(autograd.grad(np.tanh)(0.0), autograd.grad(norm.logpdf)(0.5), autograd.egrad)
"""
    assert output_of("-c", code).startswith("1.0 -0.5 <function elementwise_grad")


def test_a_module_that_is_not_there_is_an_import_error() -> None:
    done = run("-c", INSTALLED + "import autograd.nonsense")
    assert "ModuleNotFoundError: dualdiff.compat has no module autograd.nonsense" in done.stderr


def test_uninstall_gives_autograd_itself_back() -> None:
    require("autograd")
    code = """
import sys
import dualdiff as dd, dualdiff.compat
import numpy as np
names = []
def f(x):
    names.append((type(x).__module__, x.__class__.__name__, isinstance(x, np.ndarray)))
    return np.sum(x * x)
def show():
    dd.grad(f)(np.ones(2))
    print(*names.pop())
show()
dualdiff.compat.install()
dualdiff.compat.install()
import autograd.numpy
print(autograd.__name__)
show()
dualdiff.compat.uninstall()
dualdiff.compat.uninstall()
import autograd.numpy
print(autograd.__name__, autograd.__file__ != dualdiff.compat.autograd.__file__)
show()
"""
    assert output_of("-c", code).splitlines() == [
        "dualdiff.core.tape ndarray True",
        "dualdiff.compat.autograd",
        "autograd.numpy.numpy_boxes ArrayBox False",
        "autograd True",
        "dualdiff.core.tape ndarray True",
    ]


def test_autograd_itself_imported_before_is_an_error_that_says_so() -> None:
    require("autograd")
    done = run("-c", "import autograd\n" + INSTALLED)
    assert "RealAutogradError: autograd itself is imported already" in done.stderr
    assert "line 2" in done.stderr
    assert "python -m dualdiff.compat program.py" in done.stderr


def test_libraries_that_dispatch_on_the_class_see_autograds_array_box() -> None:
    code = (
        INSTALLED
        + """
import autograd, autograd.numpy as np, numpy
from autograd.numpy.numpy_boxes import ArrayBox
def f(x):
    for v in (x, x * 2, x[0], np.linalg.inv(x)):
        assert type(v).__module__.split(".")[0] == "autograd", type(v)
        assert v.__class__ is ArrayBox and type(v).__name__ == "ArrayBox"
        assert type(v) == ArrayBox
        assert isinstance(v, ArrayBox) and not isinstance(v, (numpy.ndarray, float))
        assert ArrayBox in v.__class__.__mro__
    assert not isinstance(numpy.zeros(2), ArrayBox)
    y = np.zeros(2)
    assert isinstance(y, numpy.ndarray) and not isinstance(y, ArrayBox)
    return np.sum(x ** 2)
for operator in (autograd.grad, autograd.hessian, autograd.jacobian, autograd.deriv):
    operator(f)(numpy.eye(2))
print("done")
"""
    )
    assert output_of("-c", code) == "done\n"


PROGRAM = """
import sys
import autograd.numpy as np
from autograd import grad
from helper import FACTOR

if __name__ == "__main__":
    print(sys.argv[1:], grad(lambda x: FACTOR * np.sin(x))(0.0), grad.__module__)
"""
EXPECTED = "['-v', '--m', 'x'] 3.0 dualdiff.compat.autograd.differential_operators\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a program and a module that it imports."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "helper.py").write_text("FACTOR = 3.0\n")
    return tmp_path


def test_a_program_runs_with_its_arguments_and_neighbours(folder: Path) -> None:
    arguments = ("-v", "--m", "x")
    path = folder / "program.py"
    assert output_of("-m", "dualdiff.compat", path, *arguments) == EXPECTED
    assert output_of("-m", "dualdiff.compat", "program.py", *arguments, cwd=folder) == EXPECTED


def test_a_module_runs_with_its_arguments(folder: Path) -> None:
    arguments = ("-m", "dualdiff.compat", "-m", "program", "-v", "--m", "x")
    assert output_of(*arguments, cwd=folder) == EXPECTED


def test_the_command_line_says_how_it_is_used() -> None:
    done = run("-m", "dualdiff.compat")
    assert done.returncode == 2
    assert "python -m dualdiff.compat (program.py | -m module) [arguments ...]" in done.stderr


def test_a_failing_programs_traceback_and_exit_status_are_its_own(folder: Path) -> None:
    (folder / "failing.py").write_text("import autograd\nraise ValueError('of its own')\n")
    done = run("-m", "dualdiff.compat", "failing.py", cwd=folder)
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: of its own\n")


def test_the_tests_of_a_package_run_under_the_pytest_plugin(folder: Path) -> None:
    (folder / "conftest.py").write_text("import autograd\nassert 'dualdiff' in autograd.__name__\n")
    (folder / "test_it.py").write_text(
        "import autograd.numpy as np\n"
        "from autograd import elementwise_grad as egrad\n"
        "from autograd.test_util import check_grads\n\n"
        "def test_tanh():\n"
        "    assert egrad(np.tanh)(np.zeros(2)).tolist() == [1.0, 1.0]\n"
        "    check_grads(np.tanh, modes=['fwd', 'rev'])(np.ones(2))\n"
    )
    plugin = ("-p", "dualdiff.compat.pytest_plugin", "-p", "no:cacheprovider")
    assert "1 passed" in output_of("-m", "pytest", *plugin, "-q", str(folder), cwd=folder)


def test_dualdiff_alone_does_not_import_the_compat_package() -> None:
    code = "import sys, dualdiff; print([m for m in sys.modules if 'compat' in m.split('.')])"
    assert output_of("-c", code, cwd=TOP) == "[]\n"
