"""`scipy.spatial.distance` on traced points, weights and matrices.

Distances of coincident points have derivative 0; functions of them that are smooth there, such as
their squares, have the right second derivatives.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.spatial import distance

from ....array.box import is_box, unbox
from ....core.batch import shape_of
from ....core.types import Value
from ...numpy.creation import asarray, given
from ...numpy.statistics import root
from ..arguments import as_plain_function, by_scipy, plain
from ..bodies import agreed
from ..dispatch import implements
from ..formulas import known_result
from ..in_place import original_of
from ..pieces import constants
from . import squares

# Metrics of truth values are constant by pieces.
OF_TRUTH_VALUES = frozenset(
    (
        "dice", "hamming", "jaccard", "matching", "rogerstanimoto", "russellrao", "sokalsneath",
        "yule",
    )
)  # fmt: skip


# Formulas over the last axis.
def _weighted(x: Value, w: Value) -> Any:
    return x if w is None else x * w


def _euclidean(u: Value, v: Value, w: Value = None) -> Any:
    return _minkowski(u, v, 2, w)


def _sqeuclidean(u: Value, v: Value, w: Value = None) -> Any:
    return np.sum(_weighted((u - v) ** 2, w), axis=-1)


def _minkowski(u: Value, v: Value, p: Value = 2, w: Value = None) -> Any:
    d = u - v
    if w is not None:
        infinite = np.isinf(unbox(p))
        d = d * (np.asarray(unbox(w)) != 0) if infinite else d * w ** (1 / p)
    if is_box(p):
        return np.sum(np.abs(d) ** p, axis=-1) ** (1 / p)
    return np.linalg.norm(d, p, axis=-1)


def _cityblock(u: Value, v: Value, w: Value = None) -> Any:
    return np.sum(_weighted(np.abs(u - v), w), axis=-1)


def _chebyshev(u: Value, v: Value, w: Value = None) -> Any:
    d = np.abs(u - v)
    return np.max(d if w is None else d * (np.asarray(unbox(w)) > 0), axis=-1)


def _canberra(u: Value, v: Value, w: Value = None) -> Any:
    d, size = np.abs(u - v), np.abs(u) + np.abs(v)
    none = unbox(size) == 0
    ratio = np.where(none, 0.0, d / np.where(none, 1.0, size))
    return np.sum(_weighted(ratio, w), axis=-1)


def _braycurtis(u: Value, v: Value, w: Value = None) -> Any:
    return _cityblock(u, v, w) / np.sum(_weighted(np.abs(u + v), w), axis=-1)


def _cosine(u: Value, v: Value, w: Value = None) -> Any:
    inner = np.sum(_weighted(u * v, w), axis=-1)
    sizes = np.sum(_weighted(u * u, w), axis=-1) * np.sum(_weighted(v * v, w), axis=-1)
    return 1.0 - inner / np.sqrt(sizes)


def _correlation(u: Value, v: Value, w: Value = None, centered: bool = True) -> Any:
    if centered:
        share = 1 / shape_of(u)[-1] if w is None else w / np.sum(w)
        u, v = (x - np.sum(x * share, axis=-1, keepdims=True) for x in (u, v))
    return _cosine(u, v, w)


def _seuclidean(u: Value, v: Value, V: Value) -> Any:
    return np.linalg.norm((u - v) / np.sqrt(V), axis=-1)


def _mahalanobis(u: Value, v: Value, VI: Value) -> Any:
    d = u - v
    VI = np.atleast_2d(VI)
    return root(np.sum(np.matmul(d, VI) * d, axis=-1))


def _jensenshannon(u: Value, v: Value, base: Any = None) -> Any:
    u, v = (x / np.sum(x, axis=-1, keepdims=True) for x in (u, v))
    m = (u + v) / 2
    total: Any = 0.0
    for x in (u, v):
        none = unbox(x) == 0
        x = np.where(none, 1.0, x)
        terms = np.where(none, 0.0, x * np.log(x / np.where(none, 1.0, m)))
        total = total + np.sum(terms, axis=-1)
    return root(total / 2 if base is None else total / (2 * np.log(base)))


FORMULAS: dict[str, Callable[..., Any]] = {
    "euclidean": _euclidean,
    "sqeuclidean": _sqeuclidean,
    "minkowski": _minkowski,
    "cityblock": _cityblock,
    "chebyshev": _chebyshev,
    "canberra": _canberra,
    "braycurtis": _braycurtis,
    "cosine": _cosine,
    "correlation": _correlation,
    "seuclidean": _seuclidean,
    "mahalanobis": _mahalanobis,
    "jensenshannon": _jensenshannon,
}


def _traced(option: Value) -> Any:
    """An option as an array; names and flags stay."""
    return option if option is None or isinstance(option, (bool, str)) else asarray(option)


def _of_two_vectors(name: str) -> Any:
    original: Any = getattr(distance, name)
    scipys = original_of(original)

    def function(u: Value, v: Value, **options: Any) -> Any:
        value = by_scipy(scipys, plain(u), plain(v), **{k: plain(o) for k, o in options.items()})
        traced = {k: _traced(o) for k, o in options.items()}
        return agreed(FORMULAS[name](asarray(u), asarray(v), **traced), value, name)

    function.__name__ = name
    function.__doc__ = f"""``scipy.spatial.distance.{name}``, by both vectors and its options.

    Coincident vectors have derivative 0."""
    return implements(original)(function)


euclidean = _of_two_vectors("euclidean")
sqeuclidean = _of_two_vectors("sqeuclidean")
minkowski = _of_two_vectors("minkowski")
cityblock = _of_two_vectors("cityblock")
chebyshev = _of_two_vectors("chebyshev")
canberra = _of_two_vectors("canberra")
braycurtis = _of_two_vectors("braycurtis")
cosine = _of_two_vectors("cosine")
correlation = _of_two_vectors("correlation")
seuclidean = _of_two_vectors("seuclidean")
mahalanobis = _of_two_vectors("mahalanobis")


_js = original_of(distance.jensenshannon)


@implements(distance.jensenshannon, arrays="p q")
def jensenshannon(
    p: Value, q: Value, base: Any = None, *, axis: int = 0, keepdims: bool = False
) -> Any:
    """``scipy.spatial.distance.jensenshannon``, by both distributions, which need not be
    normalised; equal ones have derivative 0."""
    value = by_scipy(_js, plain(p), plain(q), base, axis=axis, keepdims=keepdims)
    out = _jensenshannon(np.moveaxis(p, axis, -1), np.moveaxis(q, axis, -1), base)
    return agreed(np.expand_dims(out, axis) if keepdims else out, value, "jensenshannon")


# All pairs.
_METRICS: dict[str, Any] = vars(distance)["_METRICS"]


def _metric_of(metric: Any) -> Any:
    """The canonical name of a metric, or a function of the program."""
    if callable(metric):
        name = getattr(metric, "__name__", "")
        return name if getattr(distance, name, None) is metric else metric
    name = str(metric).lower()
    infos = _METRICS.values()
    return next((info.canonical_name for info in infos if name in info.aka), name)


def _with_spread(options: dict[str, Any], metric: str, points: Value) -> dict[str, Any]:
    """Options with variances or an inverse covariance of the points, where a metric needs them."""
    if metric == "seuclidean" and options.get("V") is None:
        return {**options, "V": np.var(points, axis=0, ddof=1)}
    if metric == "mahalanobis" and options.get("VI") is None:
        covariance = np.atleast_2d(np.cov(np.transpose(points)))
        return {**options, "VI": np.transpose(np.linalg.inv(covariance))}
    return options


def _roots(all_squares: Value, of_coincident: Callable[[Any], Any]) -> Any:
    """Distances from their squares; pairs of coincident points go through the norm at 0."""
    none = unbox(all_squares) == 0
    if not none.any():
        return np.sqrt(all_squares)
    index = np.flatnonzero(none.ravel())
    norms = of_coincident(index)
    place = np.cumsum(none.ravel()) - 1
    roots = np.sqrt(np.where(none, 1.0, all_squares))
    return np.where(none, np.reshape(norms[np.maximum(place, 0)], none.shape), roots)


_cdist, _pdist = original_of(distance.cdist), original_of(distance.pdist)


def _planes(points: Value, axis: int) -> Any:
    """Points with a new axis, one plane of memory per coordinate: sums over these are fast."""
    return np.moveaxis(np.expand_dims(np.transpose(points).copy(), axis), 0, -1)


@implements(distance.cdist, arrays="XA XB", calls="metric")
def cdist(XA: Value, XB: Value, metric: Any = "euclidean", **options: Any) -> Any:
    """``scipy.spatial.distance.cdist``: distances between two sets of points.

    Coincident points have derivative 0 (all metrics), and functions of Euclidean distances that are
    smooth there have their second derivatives. Metrics of truth values are constant.

    >>> import numpy as np, dualdiff as dd
    >>> a, b = np.zeros((1, 2)), np.array([[3.0, 4.0]])
    >>> dd.grad(lambda a: dd.scipy.spatial.distance.cdist(a, b).sum())(a)
    array([[-0.6, -0.8]])
    """
    name = _metric_of(metric)
    given_options = {k: plain(o) for k, o in options.items()}
    if callable(name):
        scipys = as_plain_function(name)
        value = by_scipy(_cdist, plain(XA), plain(XB), scipys, **given_options)
        rows = [np.stack([asarray(name(a, b, **options)) for b in XB]) for a in XA]
        return agreed(np.stack(rows), value, "cdist")
    value = by_scipy(_cdist, plain(XA), plain(XB), metric, **given_options)
    if name in OF_TRUTH_VALUES:
        return value
    if name in ("euclidean", "sqeuclidean") and options.get("w") is None:
        XA, XB = XA * 1.0, XB * 1.0
        if name == "sqeuclidean" or np.all(value):
            primitive = squares.between_p if name == "sqeuclidean" else squares.roots_between_p
            return known_result(primitive, value, XA, XB)
        width, out = shape_of(XB)[0], squares.between_p(XA, XB)
        out = _roots(out, lambda i: np.linalg.norm(XA[i // width] - XB[i % width], axis=-1))
        return given(out, value)
    options = _with_spread(options, name, np.concatenate([XA, XB]))
    a, b = _planes(XA, 2), _planes(XB, 1)
    out = FORMULAS[name](a, b, **{k: _traced(o) for k, o in options.items()})
    return agreed(out, value, "cdist")


def _norms(points: Value, pairs: Any) -> Any:
    """The distances of some pairs, by their places among all."""
    i, j = (k[pairs] for k in np.triu_indices(shape_of(points)[0], 1))
    return np.linalg.norm(points[i] - points[j], axis=-1)


@implements(distance.pdist, arrays="X", calls="metric")
def pdist(X: Value, metric: Any = "euclidean", **options: Any) -> Any:
    """``scipy.spatial.distance.pdist``: distances of all pairs of points; see `cdist`."""
    name = _metric_of(metric)
    given_options = {k: plain(o) for k, o in options.items()}
    if callable(name):
        value = by_scipy(_pdist, plain(X), as_plain_function(name), **given_options)
        pairs = itertools.combinations(range(shape_of(X)[0]), 2)
        out = np.stack([asarray(name(X[a], X[b], **options)) for a, b in pairs])
        return agreed(out, value, "pdist")
    value = by_scipy(_pdist, plain(X), metric, **given_options)
    if name in OF_TRUTH_VALUES or not value.size:
        return value
    if name in ("euclidean", "sqeuclidean") and options.get("w") is None:
        X = X * 1.0
        if name == "sqeuclidean" or np.all(value):
            primitive = squares.within_p if name == "sqeuclidean" else squares.roots_within_p
            return known_result(primitive, value, X)
        return given(_roots(squares.within_p(X), lambda p: _norms(X, p)), value)
    options = _with_spread(options, name, X)
    i, j = np.triu_indices(shape_of(X)[0], 1)
    out = FORMULAS[name](X[i], X[j], **{k: _traced(o) for k, o in options.items()})
    return agreed(out, value, "pdist")


_squareform = original_of(distance.squareform)


@implements(distance.squareform, arrays="X")
def squareform(X: Value, force: str = "no", checks: bool = True) -> Any:
    """``scipy.spatial.distance.squareform``: condensed distances as a matrix, or back.

    Of a matrix, the entries above the diagonal count.
    """
    value = _squareform(plain(X), force, checks)
    if np.ndim(X) == 1:
        return given(squares.square(X, value.shape[0]), value)
    i, j = np.triu_indices(shape_of(X)[0], 1)
    return given(X[i, j], value)


_hausdorff = original_of(distance.directed_hausdorff)


@implements(distance.directed_hausdorff, arrays="u v")
def directed_hausdorff(u: Value, v: Value, **options: Any) -> Any:
    """``scipy.spatial.distance.directed_hausdorff``: the distance of the pair that SciPy finds."""
    value, i, j = by_scipy(_hausdorff, plain(u), plain(v), **options)
    return agreed(np.linalg.norm(u[i] - v[j]), value, "directed_hausdorff"), i, j


for _names, _array in (
    ("is_valid_dm", "D"),
    ("num_obs_dm", "d"),
    ("is_valid_y", "y"),
    ("num_obs_y", "Y"),
):
    constants(distance, _names, _array)
