"""Traced values stored into SciPy's sparse arrays, as assembly loops do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spl

import dualdiff as dd

KINDS = ("lil_matrix", "lil_array", "dok_matrix", "dok_array")
P = np.array([0.3, 0.7, 1.1])
B = np.arange(4.0)
BLOCK = np.array([[1.0, -1.0], [-1.0, 1.0]])


def by_numbers(K: Any, e: int, k: Any) -> None:
    K[e, e] += k
    K[e, e + 1] -= k
    K[e + 1, e] -= k
    K[-(5 - e), e + 1] += k  # the row e + 1 of six


def by_places(K: Any, e: int, k: Any) -> None:
    K[np.ix_([e, e + 1], [e, e + 1])] += k * BLOCK


def by_slices(K: Any, e: int, k: Any) -> None:
    K[e : e + 2, e : e + 2] = K[e : e + 2, e : e + 2] + k * BLOCK


def bar(kind: str, add: Callable[..., None]) -> Callable[[Any], Any]:
    """The displacement of a bar under its weight, clamped at the left end."""

    def f(p: Any) -> Any:
        K = getattr(sp, kind)((6, 6))
        for e in range(5):
            add(K, e, 1 + p[0] * e + p[1] ** 2)
        K = K.tocsr()
        K[0, :] = 0.0
        K[:, 0] = 0.0
        K[0, 0] = p[2]
        u = spl.spsolve(K.tocsc(), np.full(6, 0.2))
        return np.sum(u**2) + K[1, 1] + K.diagonal().sum()

    return f


# SciPy warns of stores into a CSR array that make entries, which is what many programs do.
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("add", [by_numbers, by_places, by_slices])
@pytest.mark.parametrize("kind", KINDS)
def test_an_assembly_loop_has_its_derivatives(kind: str, add: Callable[..., None]) -> None:
    dd.check_grads(bar(kind, add), (P,), order=2 if (kind, add) == ("lil_matrix", by_places) else 1)


def chain(a: Any, kind: Any = sp.lil_matrix) -> Any:
    K = kind((4, 4))
    for i in range(4):
        K[i, i] = 3 + a * i
    for i in range(3):
        K[i, i + 1], K[i + 1, i] = -1.0, -a
    return K


def after(store: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """The sum of a matrix that is stored into."""

    def f(a: Any) -> Any:
        K = sp.lil_matrix((4, 4))
        store(K, a)
        return K.sum() + 2 * K[1, 1]

    return f


USES: dict[str, Callable[[Any], Any]] = {
    "spsolve": lambda a: spl.spsolve(chain(a).tocsr(), B).sum(),
    "eigs": lambda a: spl.eigs(chain(a), k=1, v0=np.ones(4))[0].real.sum(),
    "cg": lambda a: spl.cg(chain(a) + chain(a).T, B, rtol=1e-13)[0].sum(),
    "norm": lambda a: spl.norm(chain(a)),
    "csr_matrix": lambda a: sp.csr_matrix(chain(a)).sum(),
    "csc_array": lambda a: sp.csc_array(chain(a)).toarray()[1, 0],
    "block_diag": lambda a: sp.block_diag([chain(a), chain(a)]).sum(),
    "hstack": lambda a: sp.hstack([chain(a), sp.eye(4)]).sum(),
    "tril": lambda a: sp.tril(chain(a)).sum(),
    "products": lambda a: (chain(a) @ chain(a)).sum() + (2 * chain(a) * 3 / 2).sum(),
    "by vectors": lambda a: (chain(a) @ B + B @ chain(a) + chain(a).dot(B)).sum(),
    "differences": lambda a: (sp.eye(4).tolil() - chain(a)).sum() - (-chain(a)).sum(),
    "elements": lambda a: chain(a).multiply(chain(a)).sum() + chain(a).power(2).sum(),
    "rows": lambda a: chain(a)[[0, 2]].sum() + chain(a).getrow(1).sum() + chain(a).T[0, 1],
    "sums": lambda a: chain(a).trace() + chain(a).mean(axis=0).sum() + chain(a).diagonal(1).sum(),
    "iteration": lambda a: sum(row.sum() for row in chain(a)),
    "copy": lambda a: chain(a).copy().astype(float).sum(),
    "setdiag": after(lambda K, a: (K.__setitem__((0, 1), a), K.setdiag(a * np.ones(3), -1))),
    "a row": after(lambda K, a: K.__setitem__((1, slice(None)), a * B)),
    "a list": after(lambda K, a: K.__setitem__((1, slice(0, 2)), [a, 2 * a])),
    "a matrix": after(lambda K, a: K.__setitem__((slice(None), slice(None)), chain(a))),
    "twice": after(lambda K, a: (K.__setitem__((1, 1), a), K.__setitem__((1, 1), 4 * a))),
    "over": after(lambda K, a: (K.__setitem__((1, 1), a), K.__setitem__((1, 1), 4.0))),
}


@pytest.mark.parametrize("name", USES)
def test_an_array_that_was_stored_into_is_used_as_any_other(name: str) -> None:
    dd.check_grads(USES[name], (1.3,), order=1)
    value, _ = dd.jvp(USES[name], (1.3,), (1.0,))
    np.testing.assert_allclose(value, USES[name](1.3), rtol=1e-14)


def test_a_method_that_traced_values_lack_raises() -> None:
    with pytest.raises(dd.errors.MissingMethodError, match="values"):
        dd.grad(lambda a: sum(chain(a, sp.dok_matrix).values()))(1.3)


def test_a_plain_compressed_array_takes_no_traced_value() -> None:
    def f(a: Any) -> Any:
        K = sp.eye(3).tocsr()
        K[0, 0] = a
        return K.sum()

    with pytest.raises(dd.errors.UnsupportedInputError, match="fill a lil_matrix"):
        dd.grad(f)(1.3)


def test_plain_stores_leave_scipys_array_plain() -> None:
    def f(a: Any) -> Any:
        K = chain(2.0)
        assert type(K.tocsr()) is sp.csr_matrix
        return a * K.sum()

    assert dd.grad(f)(1.3) == chain(2.0).sum()
