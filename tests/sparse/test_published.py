"""Colours on matrices of the SuiteSparse collection, beside the numbers published for ColPack.

`data/published.npz` holds the patterns of three of them (T. A. Davis and Y. Hu, "The University of
Florida Sparse Matrix Collection", ACM TOMS 38, 2011; CC BY 4.0), row by row as steps from one
column to the next. They were read from the files that the package openmdao 3.45.1 carries. The
numbers of colours are those of A. H. Gebremedhin, D. Nguyen, M. M. A. Patwary and A. Pothen,
"ColPack: Software for graph coloring and related problems in scientific computing", ACM TOMS 40
(2013), tables 6 and 7: the best of its five orders.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import dualdiff as dd
from dualdiff.sparse.color.coloring import color_columns, color_rows

DATA = np.load(Path(__file__).parent / "data" / "published.npz")
COLPACK = {  # nonzeros, colours of the columns, colours of the rows
    "lp_cre_a": (18_168, 360, 14),
    "lp_maros_r7": (144_848, 70, 72),
    "e40r0100": (553_562, 70, 70),
}


def published(name: str) -> sp.csr_array:
    indices = np.cumsum(DATA[name + ".steps"], dtype=np.int64)
    ends = np.concatenate([[0], np.cumsum(DATA[name + ".full"], dtype=np.int64)])
    return sp.csr_array((np.ones(indices.size), indices, ends), tuple(DATA[name + ".shape"]))


@pytest.mark.parametrize("name", COLPACK)
def test_colors_are_within_a_tenth_of_those_of_colpack(name: str) -> None:
    nonzeros, in_columns, in_rows = COLPACK[name]
    pattern = published(name)
    assert pattern.nnz == nonzeros
    for turned, found, theirs in (
        (pattern, color_columns(pattern), in_columns),
        (sp.csr_array(pattern.T), color_rows(pattern), in_rows),
    ):
        assert found.count <= 1.1 * theirs
        row_of = np.repeat(np.arange(turned.shape[0]), np.diff(turned.indptr))
        assert np.unique(row_of * found.count + found.colors[turned.indices]).size == nonzeros


def test_the_jacobian_with_the_pattern_of_lp_maros_r7_takes_seventy_directions() -> None:
    matrix = published("lp_maros_r7")
    matrix.data = np.random.default_rng(0).normal(size=matrix.nnz)
    x = np.linspace(-1.0, 1.0, matrix.shape[1])
    jacobian = dd.prepare_jacobian(lambda x: matrix @ np.tanh(x), x)
    assert jacobian.plan.directions <= 72
    expected = matrix @ sp.diags_array(1.0 - np.tanh(x) ** 2)
    np.testing.assert_allclose((jacobian(x) - expected).data, 0.0, atol=1e-12)
