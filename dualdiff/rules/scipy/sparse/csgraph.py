"""`scipy.sparse.csgraph` on traced weights: SciPy searches plain weights, and lengths are summed
again along the paths and trees that it finds, which count as constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse.csgraph import _validation

from ....core.batch import shape_of
from ....core.types import Value
from ....errors import UnsupportedInputError, user_line
from ...numpy.creation import given
from ..bodies import agreed
from ..dispatch import counterpart, implements
from ..in_place import original_of
from .arrays import is_sparse
from .construct import csr_array
from .solvers import by_scipy, dense, plain


def _declared(original: Any, implementation: Any) -> Any:
    """Declare a function, which may be compiled, by one with its own arguments."""
    implementation.__name__ = original.__name__
    return counterpart(original, implementation, lambda: implementation)


def _graph(csgraph: Any) -> Any:
    """A new plain graph.

    A traced matrix that became sparse has all elements as entries; zeros among them are no edges.
    """
    graph = plain(csgraph).copy()
    if is_sparse(csgraph) and csgraph.nnz == np.prod(csgraph.shape):
        graph.eliminate_zeros()
    return graph


def _lengths(weights: Value, found: Any, before: Any, directed: bool) -> Any:
    """Distances as sums of the weights along paths, given by the node before each node."""
    plain_weights = np.asarray(plain(weights))
    found, before = np.asarray(found), np.atleast_2d(before)
    n = before.shape[1]
    row, node = np.nonzero(before >= 0)
    path = row * n + node
    tails, heads, paths = [], [], []
    while len(node):
        previous = before[row, node]
        tails.append(previous)
        heads.append(node)
        paths.append(path)
        keep = before[row, previous] >= 0
        row, node, path = row[keep], previous[keep], path[keep]
    if not tails:
        return found
    i, j, place = map(np.concatenate, (tails, heads, paths))
    if not directed:
        i, j = _shorter(plain_weights, i, j)
    order = np.argsort(place, kind="stable")
    lengths = weights[i[order], j[order]]
    sums = np.concatenate([np.zeros(1), np.cumsum(lengths)])
    ends = np.searchsorted(place[order], np.arange(before.size + 1))
    total = np.reshape(sums[ends[1:]] - sums[ends[:-1]], found.shape)
    is_path = (before >= 0).reshape(found.shape)
    return given(np.where(is_path, total, found), found)


def _shorter(weights: Any, i: Any, j: Any) -> tuple[Any, Any]:
    """Edges between nodes, turned to the direction that is shorter."""
    forward, back = weights[i, j], weights[j, i]
    swap = (forward == 0) | ((back != 0) & (back < forward))
    return np.where(swap, j, i), np.where(swap, i, j)


def _shortest(name: str) -> Any:
    original: Any = getattr(csgraph, name)

    names = ["directed", "return_predecessors", "unweighted"]
    names = ["method", *names] if name == "shortest_path" else names
    if name in ("dijkstra", "bellman_ford", "johnson"):
        names = ["directed", "indices", "return_predecessors", "unweighted"]

    def traced(csgraph: Any, *args: Any, **kwargs: Any) -> Any:
        options = {**dict(zip(names, args, strict=False)), **kwargs}
        wants = options.pop("return_predecessors", False)
        options.pop("overwrite", None)
        found = by_scipy(original, _graph(csgraph), return_predecessors=True, **options)
        if not options.get("unweighted", False):
            lengths = _lengths(
                dense(csgraph), found[0], found[1], bool(options.get("directed", True))
            )
            found = (lengths, *found[1:])
        return found if wants or options.get("min_only") else found[0]

    traced.__doc__ = f"""``scipy.sparse.csgraph.{name}``: lengths of shortest paths, by the weights.

    Where two paths are equally short, the derivative is that of the one that SciPy finds."""
    return _declared(original, traced)


shortest_path, dijkstra = _shortest("shortest_path"), _shortest("dijkstra")
bellman_ford, johnson = _shortest("bellman_ford"), _shortest("johnson")
floyd_warshall = _shortest("floyd_warshall")
_tree: Any = csgraph.minimum_spanning_tree


def _spanning(csgraph: Any, overwrite: bool = False) -> Any:
    """``scipy.sparse.csgraph.minimum_spanning_tree``, by the weights; the tree is constant."""
    found = by_scipy(_tree, _graph(csgraph)).tocoo()
    weights = dense(csgraph)[found.row, found.col]
    return csr_array((weights, (found.row, found.col)), shape=found.shape)


minimum_spanning_tree = _declared(_tree, _spanning)


def _tree_of_edges(name: str) -> Any:
    original: Any = getattr(csgraph, name)

    def traced(csgraph: Any, start: Any, directed: bool = True) -> Any:
        found = by_scipy(original, _graph(csgraph), start, directed).tocoo()
        weights, places = dense(csgraph), (found.row, found.col)
        edges = places if directed else _shorter(np.asarray(plain(weights)), *places)
        return csr_array((given(weights[edges], found.data), places), shape=found.shape)

    traced.__doc__ = f"""``scipy.sparse.csgraph.{name}``, by the weights; the tree is constant."""
    return _declared(original, traced)


breadth_first_tree = _tree_of_edges("breadth_first_tree")
depth_first_tree = _tree_of_edges("depth_first_tree")
reconstruct_path = _tree_of_edges("reconstruct_path")
_matrix: Any = csgraph.construct_dist_matrix


def _distances(
    graph: Any, predecessors: Any, directed: bool = True, null_value: float = np.inf
) -> Any:
    """``scipy.sparse.csgraph.construct_dist_matrix``, by the weights."""
    found = by_scipy(_matrix, _graph(graph), predecessors, directed, null_value)
    return _lengths(dense(graph), found, predecessors, directed)


construct_dist_matrix = _declared(_matrix, _distances)
_to_dense: Any = csgraph.csgraph_to_dense


def _as_dense(csgraph: Any, null_value: float = 0) -> Any:
    """``scipy.sparse.csgraph.csgraph_to_dense``, by the weights."""
    graph = _graph(csgraph)
    found = by_scipy(_to_dense, graph, null_value)
    places = graph.tocoo()
    is_edge = np.zeros(found.shape, bool)
    is_edge[places.row, places.col] = True
    return given(np.where(is_edge, csgraph.toarray(), null_value), found)


csgraph_to_dense = _declared(_to_dense, _as_dense)
_from_dense: Any = csgraph.csgraph_from_dense


def _as_sparse(graph: Any, *args: Any, **kwargs: Any) -> Any:
    """``scipy.sparse.csgraph.csgraph_from_dense``, by the weights."""
    found = by_scipy(_from_dense, plain(graph), *args, **kwargs).tocoo()
    weights = dense(graph)[found.row, found.col]
    return csr_array((weights, (found.row, found.col)), shape=found.shape)


csgraph_from_dense = _declared(_from_dense, _as_sparse)


_laplacian = original_of(csgraph.laplacian)


@implements(csgraph.laplacian)
def laplacian(
    csgraph: Any,
    normed: bool = False,
    return_diag: bool = False,
    use_out_degree: bool = False,
    symmetrized: bool = False,
    **options: Any,
) -> Any:
    """``scipy.sparse.csgraph.laplacian`` of a graph with traced weights."""
    weights = dense(csgraph)
    if symmetrized:
        weights = weights + np.conj(np.transpose(weights))
    n = shape_of(weights)[0]
    weights = weights * (1 - np.eye(n))
    degrees = np.sum(weights, axis=1 if use_out_degree else 0)
    diagonal = degrees
    if normed:
        alone = np.asarray(plain(degrees)) == 0
        diagonal = np.where(alone, 1.0, np.sqrt(np.where(alone, 1.0, degrees)))
        made = -weights / diagonal[:, None] / diagonal[None, :] + np.diag(np.where(alone, 0.0, 1.0))
    else:
        made = np.diag(degrees) - weights
    names = {"normed": normed, "use_out_degree": use_out_degree, "symmetrized": symmetrized}
    value = by_scipy(_laplacian, plain(csgraph), return_diag=True, **names)
    whole = agreed(made, np.asarray(dense(value[0])), "laplacian")
    if is_sparse(csgraph):
        pattern = sparse.coo_array(value[0])
        places = pattern.row, pattern.col
        whole = csr_array((whole[places], places), shape=(n, n))
    return (whole, agreed(diagonal, value[1], "laplacian")) if return_diag else whole


if hasattr(csgraph, "yen"):
    _yen: Any = csgraph.yen

    def _paths(csgraph: Any, source: int, sink: int, K: int, *args: Any, **kwargs: Any) -> Any:
        """``scipy.sparse.csgraph.yen``: lengths of the K shortest paths, by the weights."""
        options = dict(zip(("directed", "return_predecessors", "unweighted"), args, strict=False))
        options |= kwargs
        wants = options.pop("return_predecessors", False)
        found, before = by_scipy(
            _yen, _graph(csgraph), source, sink, K, return_predecessors=True, **options
        )
        if not options.get("unweighted"):
            lengths = [
                _lengths(dense(csgraph), np.zeros(len(row)), row,
                         options.get("directed", True))[sink]
                for row in before
            ]  # fmt: skip
            found = given(np.stack(lengths), found) if lengths else found
        return (found, before) if wants else found

    yen = _declared(_yen, _paths)


def _of_integers(original: Any) -> Any:
    """Declare a function whose results are integers: it takes the weights as constant."""

    def on_plain(csgraph: Any, *args: Any, **kwargs: Any) -> Any:
        return by_scipy(original, _graph(csgraph), *args, **kwargs)

    return _declared(original, on_plain)


for _name in (
    "breadth_first_order", "connected_components", "depth_first_order", "structural_rank",
    "maximum_bipartite_matching", "min_weight_full_bipartite_matching", "reverse_cuthill_mckee",
):  # fmt: skip
    _of_integers(getattr(csgraph, _name))


def _refused(csgraph: Any, *args: Any, **kwargs: Any) -> Any:
    """For SciPy's check of a graph, which only compiled functions without a rule ask for."""
    raise UnsupportedInputError(
        f"a compiled function of scipy.sparse.csgraph was called on traced weights, {user_line()}. "
        f"If a table or a default argument keeps it from before the first derivative, call it by "
        f"its module, as csgraph.dijkstra(graph); otherwise it has no derivative, and "
        f"dualdiff.value_of(graph) counts the weights as constant."
    )


_declared(_validation.validate_graph, _refused)
