"""The check of a sparse derivative by one random direction, row by row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array

from ..core.batch import quiet
from ..errors import NonFiniteDerivativeError, user_line
from ..transforms.inputs import Inputs

LOST = 64  # units in the last place
SHARP = 512  # units in the last place of a row that agrees but for rounding


def probe_of(size: int, colors: ndarray | None) -> ndarray:
    """A row of positive random numbers, far apart within each colour.

    Two columns of one colour differ by at least half the inverse of the number of its columns, so
    that an entry in one of them does not look like an entry in the other.
    """
    rng = np.random.default_rng(0)
    values = rng.random(size)
    if colors is None or not size:
        return 0.5 + values[None]
    group = colors + 1  # -1 stands for none
    order = np.lexsort((values, group))
    counts = np.bincount(group)
    rank = np.empty(size)
    rank[order] = np.arange(size) - (np.cumsum(counts) - counts)[group[order]]
    return 0.5 + ((rank + 0.25 + 0.5 * rng.random(size)) / counts[group])[None]


class Probe(NamedTuple):
    """The function's derivative in one direction: a tangent, or a cotangent if `pulled`."""

    direction: ndarray
    image: ndarray
    pulled: bool = False

    @property
    def lines(self) -> str:
        """The lines that are compared: rows of the matrix, or columns."""
        return "column" if self.pulled else "row"

    def wrong_lines(self, matrix: csr_array, rounding: ndarray | float = 0.0) -> ndarray:
        """The rows, or columns, in which the matrix and the function disagree for the direction.

        Arguments: `matrix`; `rounding`, the allowed differences in each row.
        """
        if not self.pulled:
            return self._wrong_rows(matrix, rounding)
        rounding = np.broadcast_to(rounding, self.direction.shape)
        return self._wrong_rows(csr_array(matrix.T), float(self.direction @ rounding))

    def doubtful_lines(self, matrix: csr_array, usual: ndarray | None) -> tuple[ndarray, ndarray]:
        """The lines that disagree by more than rounding, and their errors relative to their size.

        Arguments: `matrix`; `usual`, the relative error that each line has had with a pattern that
        was right.
        """
        with quiet():
            error, size = self.compared(matrix if not self.pulled else csr_array(matrix.T))
            error = np.where(size > 0, error / np.where(size > 0, size, 1), 0)
        return np.flatnonzero(error > sharp_limit(matrix, usual)), error

    def compared(self, lines: Any) -> tuple[Any, Any]:
        """The differences of the lines from the image, and the sizes of the terms."""
        direction = self.direction.astype(lines.dtype, copy=False)
        error = np.abs(lines @ direction - self.image)
        return error, np.maximum(abs(lines) @ direction, np.abs(self.image))

    def _wrong_rows(self, matrix: csr_array, rounding: ndarray | float) -> ndarray:
        image, direction = self.image, self.direction.astype(matrix.dtype, copy=False)
        product = matrix @ direction
        with quiet():
            product -= image
        error, limit = np.abs(product), np.abs(image)
        tolerance = np.finfo(matrix.dtype).eps ** 0.4
        limit *= tolerance
        agrees = error <= limit
        if agrees.all():
            return np.zeros(0, np.intp)
        rows = np.flatnonzero(~agrees)
        part = matrix[rows]
        if not (np.isfinite(part.data).all() and np.isfinite(image).all()):
            raise self._non_finite(matrix)
        size = abs(part) @ direction
        # The entries of a row may cancel: then its own size is no measure.
        floor = 16 * np.finfo(matrix.dtype).eps * np.abs(image).max()
        floor = floor + np.broadcast_to(rounding, image.shape)[rows]
        return rows[~(error[rows] <= tolerance * size + floor)]

    def _non_finite(self, matrix: csr_array) -> NonFiniteDerivativeError:
        bad = np.flatnonzero(~np.isfinite(matrix.data))
        if bad.size:
            place = np.searchsorted(matrix.indptr, bad[0], side="right") - 1, matrix.indices[bad[0]]
            row, column = place[::-1] if self.pulled else place
            where = f"{matrix.data[bad[0]]} in row {row}, column {column}"
        else:
            line = np.argmin(np.isfinite(self.image))
            where = f"a directional derivative is not finite in {self.lines} {line}"
        return NonFiniteDerivativeError(
            f"the sparse derivative is not finite: {where}, {user_line()}; move the arguments away "
            f"from the singular point, or pass check=False to get the matrix as it is"
        )


def sharp_limit(matrix: Any, usual: ndarray | None) -> ndarray | float:
    """The relative errors of lines that agree but for rounding, or have their `usual` errors."""
    limit = SHARP * float(np.finfo(matrix.dtype).eps)
    return limit if usual is None else np.maximum(limit, usual)


def rounding_of(results: ndarray, inputs: Inputs, order: int = 1) -> ndarray:
    """The derivatives that are lost in the rounding of results.

    They change a result by a few units in its last place if an argument changes by its largest
    element. Derivatives that cancel, as in ``sin(x)**2 + cos(x)**2``, leave only these.
    Arguments: `results`, values of the function; `inputs`, its arguments; the `order` of the
    derivatives.
    """
    sizes = [np.abs(v).max() for v in inputs.values if v is not None and np.size(v)]
    least = min((float(s) for s in sizes if s > 0), default=np.inf)
    return np.asarray(LOST * np.finfo(results.dtype).eps * np.abs(results) / least**order)
