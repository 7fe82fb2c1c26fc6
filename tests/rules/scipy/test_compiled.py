"""No compiled function of SciPy ends the process when it is handed traced values."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from scipy.linalg import blas, lapack

import dualdiff as dd
from tests.rules.table import A

PROGRAM = """
    import faulthandler, importlib, importlib.util, pkgutil, sys, types, warnings
    from importlib.machinery import ExtensionFileLoader
    import numpy as np, scipy, scipy.linalg
    import dualdiff as dd

    faulthandler.enable()
    warnings.simplefilter("ignore")
    # They end the process for plain arrays of wrong shapes, too.
    UNCHECKED = (
        "scipy.linalg._decomp_interpolative", "scipy.linalg._interpolative",
        "scipy.linalg._fblas", "scipy.linalg._flapack", "scipy.stats._stats", "scipy._lib",
    )
    called = 0

    def is_compiled(f):
        kinds = types.FunctionType, type, np.ufunc
        return callable(f) and not isinstance(f, kinds) and not isinstance(f, types.ModuleType)

    functions = []
    for found in pkgutil.walk_packages(scipy.__path__, "scipy.", onerror=lambda name: None):
        if ".tests" in found.name or found.name.startswith(UNCHECKED):
            continue
        spec = importlib.util.find_spec(found.name)
        if spec is not None and isinstance(spec.loader, ExtensionFileLoader):
            try:
                module = importlib.import_module(found.name)
            except ImportError:
                continue
            for name, value in sorted(vars(module).items()):
                if not name.startswith("__") and is_compiled(value):
                    functions.append((f"{found.name}.{name}", value))

    def call_all(x):
        global called
        if type(x) is np.ndarray:
            return np.sum(x)  # a program that catches a refusal runs on plain values, too
        m = np.stack([x, x, x]) + np.eye(3)
        for name, function in functions:
            for args in ((x,), (m,), (x, x), (m, x), (m, m)):
                print(name, len(args), file=sys.stderr, flush=True)
                called += 1
                try:
                    function(*args)
                except Exception:
                    continue
        return np.sum(x)

    x = np.array([1.0, 2.0, 3.0])
    dd.grad(call_all)(x)
    dd.jvp(call_all, (x,), (x,))
    print(called)
"""


def test_compiled_functions_refuse_traced_arrays_and_do_not_crash() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 5_000


@pytest.mark.parametrize(
    "function",
    [
        lambda a: blas.dgemm(1.0, a, a),
        lambda a: blas.dnrm2(a[0]),
        lapack.dpotrf,
        lapack.dgetrf,
        lambda a: lapack.dgesv(a, np.ones(3)),
        lapack.dgeev,
    ],
)
def test_blas_and_lapack_refuse_traced_arrays(function) -> None:
    for derivative in (dd.jacobian(function), dd.jacobian(function, mode="forward")):
        with pytest.raises(TypeError, match="traced array"):
            derivative(A(3, 3))
