"""Sparsity patterns that show themselves: the places of nonzeros, in the colours of compression."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array

from .choose import compress

SHOWN = 40  # rows and columns up to which a notebook shows the pattern itself


class Pattern(csr_array):
    """A boolean `scipy.sparse.csr_array` with a `plot`."""

    is_hessian = False

    def plot(self, ax: Any = None) -> Any:
        """The nonzeros by matplotlib, in the colours by which a sparse derivative would share
        directions; returns the axes."""
        pattern = csr_array(self)
        found, plan = compress(pattern, "auto", self.is_hessian, None, None)
        columns, rows = (None if c is None else c.colors for c in (found.columns, found.rows))
        return draw(pattern, columns, rows, plan.directions, ax)

    def _repr_html_(self) -> str:
        m, n = self.shape
        text = f"pattern of shape ({m}, {n}) with {self.nnz} nonzeros ({self.nnz / (m * n):.2%})"
        if max(m, n) > SHOWN:
            return f"<p>{text}</p>"
        lines = ["".join("■" if v else "·" for v in row) for row in self.toarray()]
        return f"<p>{text}</p><pre>{html.escape(chr(10).join(lines))}</pre>"


def draw(
    pattern: Any, columns: ndarray | None, rows: ndarray | None, directions: int, ax: Any = None
) -> Any:
    """A pattern with the colours of its columns or rows (-1 for none), by matplotlib."""
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(5, 5))
    places = pattern.tocoo()
    i, j = places.coords
    color = np.full(places.nnz, -1)
    if columns is not None:
        color = columns[j]
    if rows is not None:
        color = np.where(color < 0, rows[i], color)
    m, n = pattern.shape
    size = np.clip(200.0 / max(m, n), 0.5, 12.0) ** 2
    ax.scatter(j, i, c=color % 20, cmap="tab20", vmin=0, vmax=19, s=size, marker="s", linewidths=0)
    ax.set(xlim=(-0.5, n - 0.5), ylim=(m - 0.5, -0.5), aspect="equal" if m == n else "auto")
    ax.set(xlabel="argument", ylabel="result")
    ax.locator_params(integer=True)
    ax.set_title(f"{pattern.nnz} nonzeros, {directions} directions")
    return ax
