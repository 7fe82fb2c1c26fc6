"""The user's functions on vectors: value, gradient, Jacobian, Hessian and its products."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from functools import cached_property
from numbers import Number
from typing import Any

import numpy as np
from numpy import ndarray

from ..array.box import is_box
from ..errors import DualdiffError, UnsupportedInputError, user_line
from ..transforms.grad import value_and_grad
from ..transforms.hessian import hessian
from ..transforms.jacobian import jacobian
from ..transforms.linearize import linearize
from ..trees import flatten
from .compiling import Derivative, program_of
from .parameters import DOUBLE, Parameters, real_vector
from .progress import Progress

FEW = 200  # parameters below which a dense Jacobian is solved quickly in any case
SPARSE = 0.05  # the share of nonzeros up to which sparse solvers win
SAVED = 0.25  # the share of directions that colours must leave
DENSE = 24  # parameters up to which a whole Hessian takes less time than its products


def advised(error: DualdiffError) -> DualdiffError:
    """An error of a derivative, with the way out."""
    error.add_note("jac='2-point' takes SciPy's differences instead of dualdiff's derivative.")
    return error


def _as_scalar(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The program of a function, whose result may be an array of one number, as in SciPy."""
    program = program_of(fun)

    @functools.wraps(program)
    def scalar(*args: Any) -> Any:
        found = program(*args)
        is_array = np.ndim(found) > 0 and np.size(found) == 1 and hasattr(found, "reshape")
        return found.reshape(()) if is_array else found

    return scalar


class Objective:
    """A scalar function of a container as functions of a vector."""

    def __init__(
        self,
        fun: Callable[..., Any],
        parameters: Parameters,
        args: Sequence[Any],
        progress: Progress | None = None,
    ) -> None:
        self.fun, self.parameters, self.args, self.progress = fun, parameters, args, progress
        self._kept: tuple[ndarray, tuple[float, ndarray]] | None = None
        self._linear: tuple[ndarray, Callable[[Any], Any]] | None = None

    @cached_property
    def derivative(self) -> Derivative:
        """The value and the gradient, on containers."""
        return Derivative(self.fun, "gradient", lambda: value_and_grad(_as_scalar(self.fun)))

    @cached_property
    def second_derivative(self) -> Derivative:
        """The Hessian, on containers."""
        as_real = self.parameters.is_complex
        return Derivative(
            self.fun, "Hessian", lambda: hessian(_as_scalar(self.fun), as_real=as_real)
        )

    @property
    def direct(self) -> Callable[..., Any]:
        """The user's function where SciPy can take it as it is, or `value`."""
        is_bare = self.parameters.is_plain and not self.progress and not self.args
        return self.fun if is_bare else self.value

    def value(self, x: ndarray) -> Any:
        """The function."""
        found = self.fun(self.parameters.tree(x), *self.args)
        if self.progress is not None:
            self.progress.step(found)
        return found

    def value_and_gradient(self, x: ndarray) -> tuple[float, ndarray]:
        """The function and its gradient; the last ones are kept."""
        if self._kept is not None and np.array_equal(self._kept[0], x):
            return self._kept[1]
        parameters = self.parameters
        try:
            value, gradient = self.derivative(parameters.tree(x), *self.args)
        except DualdiffError as error:
            self._require_scalar(x)
            raise advised(error) from None
        found = float(np.real(value)), parameters.gradient(gradient)
        self._kept = x.copy(), found
        if self.progress is not None:
            self.progress.step(found[0])
        return found

    def _require_scalar(self, x: ndarray) -> None:
        found = self.fun(self.parameters.tree(x), *self.args)
        if np.size(found) != 1 or not isinstance(found, (ndarray, np.generic, Number)):
            what = f"shape {np.shape(found)}" if np.ndim(found) else f"a {type(found).__name__}"
            raise UnsupportedInputError(
                f"minimize needs a function whose result is one number, but it returned {what}, "
                f"{user_line()}; reduce an array with np.sum, or fit residuals with least_squares"
            ) from None

    def gradient(self, x: ndarray) -> ndarray:
        """The gradient alone."""
        return self.value_and_gradient(x)[1]

    def forget(self) -> None:
        """Drop the last value and gradient."""
        self._kept = None

    def hessian(self, x: ndarray) -> ndarray:
        """The Hessian as a matrix."""
        parameters = self.parameters
        found = self.second_derivative(parameters.tree(x), *self.args)
        return np.asarray(parameters.columns(found))

    def product(self, x: ndarray, v: ndarray) -> ndarray:
        """The Hessian times a vector; the gradient is recorded once for each x."""
        parameters = self.parameters
        if self._linear is None or not np.array_equal(self._linear[0], x):

            def gradient(tree: Any) -> Any:
                return self.derivative(tree, *self.args)[1]

            _, linear = linearize(gradient, parameters.tree(x))
            self._linear = x.copy(), linear.jvp
        return parameters.gradient(self._linear[1](parameters.tree(np.asarray(v, float).copy())))


class Residuals:
    """A function of a container with any number of results, as functions of a vector."""

    def __init__(
        self,
        fun: Callable[..., Any],
        parameters: Parameters,
        args: Sequence[Any],
        kwargs: dict[str, Any] | None = None,
        progress: Progress | None = None,
        shows: bool = True,
        derive: Callable[[], Derivative] | None = None,
    ) -> None:
        self.fun, self.parameters, self.args, self.progress = fun, parameters, args, progress
        self.kwargs, self.shows, self.note = kwargs or {}, shows, ""
        self._sparse: Callable[..., Any] | None = None
        self._derive = derive

    @cached_property
    def derivative(self) -> Derivative:
        """The Jacobian, on containers."""
        if self._derive is not None:
            return self._derive()
        as_real = self.parameters.is_complex
        return Derivative(
            self.fun, "Jacobian", lambda: jacobian(program_of(self.fun), as_real=as_real)
        )

    def value(self, x: ndarray) -> ndarray:
        """All results as a real vector."""
        found = real_vector(self.fun(self.parameters.tree(x), *self.args, **self.kwargs))
        if self.progress is not None:
            self.progress.step(0.5 * float(found @ found) if self.shows else None)
        return found

    @property
    def direct(self) -> Callable[[ndarray], ndarray]:
        """`value`, with nothing around the user's function that it does not need."""
        if not self.parameters.is_plain or self.progress or self.kwargs:
            return self.value
        fun, args = self.fun, self.args

        def value(x: ndarray) -> ndarray:
            found = fun(x, *args)
            is_vector = type(found) is ndarray and found.ndim == 1 and found.dtype is DOUBLE
            return found if is_vector else real_vector(found)

        return value

    def jacobian(self, x: ndarray) -> Any:
        """The Jacobian as a matrix, sparse after `try_sparse` found that it pays."""
        tree = self.parameters.tree(x)
        try:
            if self._sparse is not None:
                return self._sparse(tree, *self.args, **self.kwargs)
            found = self.derivative(tree, *self.args, **self.kwargs)
        except DualdiffError as error:
            raise advised(error) from None
        if self.parameters.is_plain and type(found) is ndarray and found.ndim == 2:
            return found if found.dtype.kind == "f" else _in_parts(found)
        if not self.parameters.is_complex and any(
            np.iscomplexobj(leaf) for leaf in flatten(found)[0]
        ):
            return self.parameters.columns(_tree_in_parts(found))
        return self.parameters.columns(found)

    @property
    def is_sparse(self) -> bool:
        """Whether `jacobian` gives a sparse matrix."""
        return self._sparse is not None

    def try_sparse(self, x: ndarray, wanted: bool | None) -> None:
        """Prepare a sparse Jacobian if it is wanted, or if None says to see whether it pays."""
        if wanted is False or (wanted is None and self.parameters.size < FEW):
            return
        if self.parameters.is_complex:
            if wanted:
                raise UnsupportedInputError(
                    f"sparse Jacobians are for real parameters, {user_line()}; leave out `sparse`"
                )
            return
        from ..sparse.prepared import prepare_jacobian

        tree = self.parameters.tree(x)
        try:
            prepared = prepare_jacobian(self.fun, tree, *self.args, **self.kwargs)
            is_complex = np.iscomplexobj(prepared(tree, *self.args, **self.kwargs).data)
        except DualdiffError:
            if wanted:
                raise
            return  # a dense Jacobian needs less: no pattern, and one run of the function
        m, n = prepared.pattern.shape
        share, directions = prepared.pattern.nnz / (m * n), prepared.plan.directions
        pays = wanted or (share <= SPARSE and directions <= n * SAVED)
        if pays and not is_complex:
            self._sparse = prepared
            self.note = f"{directions} directions for {n} parameters, {share:.2g} nonzero"


def _in_parts(block: ndarray) -> ndarray:
    """The rows of real parts, then those of imaginary parts."""
    return np.concatenate([block.real, block.imag])


def _tree_in_parts(tree: Any) -> Any:
    """A Jacobian of real parameters whose complex results become two real ones."""
    if is_box(tree) or isinstance(tree, (ndarray, np.generic)):
        return np.stack([np.real(tree), np.imag(tree)]) if np.iscomplexobj(tree) else tree
    leaves, structure = flatten(tree)
    return structure.unflatten([leaf if leaf is None else _tree_in_parts(leaf) for leaf in leaves])
