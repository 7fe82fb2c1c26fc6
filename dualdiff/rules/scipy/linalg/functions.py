"""Functions of matrices: exponential, logarithm, powers, trigonometric functions.

The derivative of f at a in the direction e is the corner of f of the block matrix [[a, e], [0, a]]
(Mathias, SIAM J. Matrix Anal. Appl. 17, 1996; Higham, Functions of Matrices, 2008, section 3.2).
Its transpose is the same at the transpose of a.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg

from ....array.box import is_box
from ....core.batch import shape_of
from ....core.types import Cotangent, Tangent, Value
from ....errors import UnsupportedInputError, user_line
from ...numpy.linalg.matrices import transpose
from ..dispatch import implements, original_of
from ..formulas import formula, known_result
from ..leaves import leaf
from .equations import sylvester, sylvester_both
from .stacks import over_stack

Function = Callable[..., Any]


def _corner(function: Function, a: Value, e: Tangent) -> Any:
    """The derivative of a function of matrices at a in the direction e."""
    n = shape_of(a)[-1]
    zero = np.zeros(shape_of(a))
    above, below = np.concatenate([a, e], axis=-1), np.concatenate([zero, a], axis=-1)
    return function(np.concatenate([above, below], axis=-2))[..., :n, n:]


def _of_matrix(name: str, plainly: Function, slope: Function | None = None) -> Any:
    """A primitive for a function of matrices; `slope` gives its derivative of plain matrices."""

    def along(a: Value, e: Tangent) -> Any:
        if not is_box(a) and not is_box(e) and np.ndim(a) == 2:
            if not np.all(np.isfinite(e)):
                return e * np.nan  # SciPy refuses it
            if slope is not None:
                return slope(a, e)
        return _corner(primitive, a, e)

    primitive = leaf(
        plainly,
        jvp=lambda t, x: along(x, t),
        vjp=lambda g, x: along(transpose(x), g),
        name=name,
    )
    return primitive


expm_p = _of_matrix(
    "linalg.expm",
    linalg.expm,
    lambda a, e: linalg.expm_frechet(a, e, compute_expm=False, check_finite=False),
)
logm_p = _of_matrix("linalg.logm", lambda x: _stack_of(_principal_logarithm, x))


def _stack_of(function: Function, x: Any) -> Any:
    return over_stack(function, (x, 2))


def _principal_logarithm(x: Any) -> Any:
    logarithm = np.asarray(original_of(linalg.logm)(x))
    if np.iscomplexobj(logarithm) and not np.iscomplexobj(x) and not np.any(logarithm.imag):
        return logarithm.real
    return logarithm


@implements(linalg.expm, arrays="A")
def expm(A: Any) -> Any:
    """``scipy.linalg.expm``, the exponential of a square matrix.

    Arguments: `A`, of shape (..., n, n), real or complex. Returns: an array of the same shape.
    Raises: ValueError if A is not square.

    >>> import numpy as np, dualdiff as dd
    >>> dd.derivative(lambda t: dd.scipy.linalg.expm(t * np.diag([1.0, 2.0])))(0.0)
    array([[1., 0.],
           [0., 2.]])
    """
    return expm_p(A)


@formula(linalg.logm, arrays="A")
def logm(A: Value, disp: Any = None, value: Any = None) -> Any:
    """``scipy.linalg.logm``, the principal logarithm of a matrix that has no eigenvalues on the
    negative real axis or 0."""
    if disp is not None and not disp:
        raise _only_value("logm")
    return known_result(logm_p, value, A)


def _only_value(name: str) -> UnsupportedInputError:
    return UnsupportedInputError(
        f"scipy.linalg.{name} of traced values gives no estimate of its error, {user_line()}; "
        f"leave `disp` out"
    )


def _signm_jvp(t: Tangent, x: Value, ans: Value) -> Tangent:
    """With N = S A: N dS + dS N = dA - S dA S (Higham, Functions of Matrices, 2008, chapter 5)."""
    root = np.matmul(ans, x)
    return sylvester(root, root, t - np.matmul(ans, np.matmul(t, ans)))


def _signm_vjp(g: Cotangent, x: Value, ans: Value) -> Cotangent:
    root, sign = transpose(np.matmul(ans, x)), transpose(ans)
    h = sylvester(root, root, g)
    return h - np.matmul(sign, np.matmul(h, sign))


signm_p = leaf(
    lambda x: _stack_of(linalg.signm, x), jvp=_signm_jvp, vjp=_signm_vjp, name="linalg.signm"
)


@formula(linalg.signm, arrays="A")
def signm(A: Value, disp: Any = None, value: Any = None) -> Any:
    """``scipy.linalg.signm``, the matrix sign function."""
    if disp is not None and not disp:
        raise _only_value("signm")
    return known_result(signm_p, value, A)


sqrtm_p = leaf(
    linalg.sqrtm,
    jvp=lambda t, ans: sylvester_both(t, ans),
    vjp=lambda g, ans: sylvester_both(g, transpose(ans)),
    name="linalg.sqrtm",
)


@implements(linalg.sqrtm, arrays="A")
def sqrtm(A: Any) -> Any:
    """``scipy.linalg.sqrtm``, the principal square root of a matrix.

    Arguments: `A`, of shape (..., n, n), without eigenvalues on the negative real axis or 0.
    Returns: an array of the same shape.

    >>> import numpy as np, dualdiff as dd
    >>> dd.grad(lambda A: np.trace(dd.scipy.linalg.sqrtm(A)))(np.diag([4.0, 9.0]))
    array([[0.25      , 0.        ],
           [0.        , 0.16666667]])
    """
    return sqrtm_p(A)


@formula(linalg.fractional_matrix_power, arrays="A")
def fractional_matrix_power(A: Value, t: Any, value: Any) -> Any:
    """``scipy.linalg.fractional_matrix_power``, in the matrix and in the exponent.

    Arguments: `A`, of shape (n, n); `t`, a number. For a matrix with eigenvalues on the negative
    real axis or 0 there is a derivative for a constant whole exponent only.
    """
    if not is_box(t) and float(t).is_integer():
        return np.linalg.matrix_power(A, int(t))
    power = expm_p(t * logm_p(A))
    return power if np.iscomplexobj(value) else np.real(power)


def _like(matrix: Any, value: Any) -> Any:
    """Real where SciPy's result is."""
    return matrix if np.iscomplexobj(value) else np.real(matrix)


@formula(linalg.cosm, arrays="A")
def cosm(A: Value, value: Any) -> Any:
    """``scipy.linalg.cosm``, the cosine of a matrix."""
    return _like(0.5 * (expm_p(1j * A) + expm_p(-1j * A)), value)


@formula(linalg.sinm, arrays="A")
def sinm(A: Value, value: Any) -> Any:
    """``scipy.linalg.sinm``, the sine of a matrix."""
    return _like(-0.5j * (expm_p(1j * A) - expm_p(-1j * A)), value)


@formula(linalg.tanm, arrays="A")
def tanm(A: Value, value: Any) -> Any:
    """``scipy.linalg.tanm``, the tangent of a matrix."""
    plus, minus = expm_p(1j * A), expm_p(-1j * A)
    return _like(-1j * np.linalg.solve(plus + minus, plus - minus), value)


@formula(linalg.coshm, arrays="A")
def coshm(A: Value) -> Any:
    """``scipy.linalg.coshm``, the hyperbolic cosine of a matrix."""
    return 0.5 * (expm_p(A) + expm_p(-A))


@formula(linalg.sinhm, arrays="A")
def sinhm(A: Value) -> Any:
    """``scipy.linalg.sinhm``, the hyperbolic sine of a matrix."""
    return 0.5 * (expm_p(A) - expm_p(-A))


@formula(linalg.tanhm, arrays="A")
def tanhm(A: Value) -> Any:
    """``scipy.linalg.tanhm``, the hyperbolic tangent of a matrix."""
    plus, minus = expm_p(A), expm_p(-A)
    return np.linalg.solve(plus + minus, plus - minus)


@formula(linalg.funm, arrays="A", calls="func")
def funm(A: Value, func: Function, disp: Any = None, value: Any = None) -> Any:
    """``scipy.linalg.funm``: a function of a matrix with distinct eigenvalues.

    Arguments: `A`, of shape (n, n); `func`, of arrays of complex numbers, made of functions that
    have rules. It may read traced values.
    """
    if disp is not None and not disp:
        raise _only_value("funm")
    w, v = np.linalg.eig(A + 0j)
    return _like(np.matmul(v * func(w)[..., None, :], np.linalg.inv(v)), value)


@formula(linalg.expm_frechet, arrays="A E")
def expm_frechet(A: Value, E: Value, compute_expm: bool = True) -> Any:
    """``scipy.linalg.expm_frechet``: the derivative of `expm` at A in the direction E.

    Arguments: `A`, `E`, of shape (n, n); `compute_expm`, whether to return ``expm(A)`` too.
    """
    slope = _corner(expm_p, A, E)
    return (expm_p(A), slope) if compute_expm else slope


@formula(linalg.expm_cond, arrays="A")
def expm_cond(A: Value) -> Any:
    """``scipy.linalg.expm_cond``, the relative condition number of `expm` in the Frobenius norm."""

    def one(A: Value) -> Any:
        n = shape_of(A)[-1]
        units = np.eye(n * n).reshape(n * n, n, n)
        columns = [np.reshape(transpose(_corner(expm_p, A, e)), -1) for e in units.swapaxes(1, 2)]
        norm = np.linalg.norm(np.stack(columns, axis=-1), 2)
        return norm * np.linalg.norm(A) / np.linalg.norm(expm_p(A))

    return over_stack(one, (A, 2))
