"""`scipy.ndimage`: filters, morphology and measurements, by SciPy's own names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.ndimage as nd

import dualdiff as dd
from tests.rules.checks import check_nestings
from tests.rules.table import A
from tests.versions import OLD_SCIPY, lacking, marked

# Old releases warn of any matrix of one axis.
pytestmark = [pytest.mark.filterwarnings("ignore:The behavior of affine_transform")] * OLD_SCIPY

Function = Callable[..., Any]
IMAGE = A(5, 6, low=-1.0, high=2.0)
LINE = A(9, seed=1)
WEIGHTS = A(3, 2, seed=2)
LABELS = np.repeat([[0, 1, 1, 2, 2, 3]], 5, axis=0)
MODES = ("reflect", "constant", "nearest", "mirror", "wrap", "grid-mirror", "grid-wrap")
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])


def second(x: Any, axis: int, output: Any, mode: str, cval: float) -> Any:
    return nd.correlate1d(x, [1.0, -2.0, 1.0], axis, output, mode, cval, 0)


def squares(line: Any, output: Any) -> None:
    output[...] = line[:-2] ** 2 + line[1:-1] * line[2:]


CALLS: list[tuple[str, Function, tuple[Any, ...]]] = [
    *(
        (f"correlate1d-{m}", lambda x, w, m=m: nd.correlate1d(x, w, 0, mode=m), (IMAGE, LINE[:4]))
        for m in MODES
    ),
    *(
        (f"correlate-{m}", lambda x, w, m=m: nd.correlate(x, w, mode=m, cval=0.7), (IMAGE, WEIGHTS))
        for m in MODES
    ),
    ("correlate1d-origin", lambda x: nd.correlate1d(x, [1.0, 2, 3, 4], origin=-1), (LINE,)),
    ("correlate-fixed", lambda x: nd.correlate(x, WEIGHTS, origin=(1, -1)), (IMAGE,)),
    ("correlate-short", lambda x: nd.correlate1d(x, LINE, mode="wrap"), (LINE[:4],)),
    ("convolve1d", lambda x, w: nd.convolve1d(x, w, origin=1), (LINE, LINE[:4])),
    ("convolve", lambda x, w: nd.convolve(x, w, mode="mirror", origin=(0, -1)), (IMAGE, WEIGHTS)),
    ("gaussian_filter1d", lambda x, s: nd.gaussian_filter1d(x, s), (LINE, 1.2)),
    ("gaussian_filter1d-order", lambda x, s: nd.gaussian_filter1d(x, s, order=2), (LINE, 1.2)),
    ("gaussian_filter", lambda x, s: nd.gaussian_filter(x, s), (IMAGE, 0.8)),
    ("gaussian_filter-axes", lambda x, s: nd.gaussian_filter(x, s, (0, 1)), (IMAGE, LINE[:2] ** 2)),
    ("gaussian_laplace", lambda x, s: nd.gaussian_laplace(x, s), (IMAGE, 0.8)),
    ("gaussian_gradient_magnitude", lambda x: nd.gaussian_gradient_magnitude(x, 0.8), (IMAGE,)),
    ("prewitt", lambda x: nd.prewitt(x, 0), (IMAGE,)),
    ("sobel", lambda x: nd.sobel(x, mode="wrap"), (IMAGE,)),
    ("laplace", lambda x: nd.laplace(x), (IMAGE,)),
    ("generic_laplace", lambda x: nd.generic_laplace(x, second), (IMAGE,)),
    ("uniform_filter1d", lambda x: nd.uniform_filter1d(x, 4, origin=1), (LINE,)),
    ("uniform_filter", lambda x: nd.uniform_filter(x, (3, 2), mode="mirror"), (IMAGE,)),
    ("minimum_filter", lambda x: nd.minimum_filter(x, 3), (IMAGE,)),
    ("maximum_filter", lambda x: nd.maximum_filter(x, footprint=CROSS, mode="wrap"), (IMAGE,)),
    ("minimum_filter1d", lambda x: nd.minimum_filter1d(x, 3, 0), (IMAGE,)),
    ("maximum_filter1d", lambda x: nd.maximum_filter1d(x, 4, origin=1), (LINE,)),
    ("median_filter", lambda x: nd.median_filter(x, (3, 2), mode="constant", cval=0.3), (IMAGE,)),
    ("rank_filter", lambda x: nd.rank_filter(x, -2, 3), (IMAGE,)),
    ("percentile_filter", lambda x: nd.percentile_filter(x, 30, 3), (IMAGE,)),
    ("grey_erosion", lambda x, s: nd.grey_erosion(x, structure=s), (IMAGE, WEIGHTS)),
    ("grey_dilation", lambda x, s: nd.grey_dilation(x, structure=s), (IMAGE, WEIGHTS)),
    ("grey_dilation-size", lambda x: nd.grey_dilation(x, (2, 3)), (IMAGE,)),
    ("grey_opening", lambda x: nd.grey_opening(x, footprint=CROSS), (IMAGE,)),
    ("grey_closing", lambda x: nd.grey_closing(x, 3), (IMAGE,)),
    ("white_tophat", lambda x: nd.white_tophat(x, 2), (IMAGE,)),
    ("black_tophat", lambda x: nd.black_tophat(x, 2), (IMAGE,)),
    ("morphological_gradient", lambda x: nd.morphological_gradient(x, 3), (IMAGE,)),
    ("morphological_laplace", lambda x: nd.morphological_laplace(x, 3), (IMAGE,)),
    ("generic_filter", lambda x: nd.generic_filter(x, lambda w: np.sum(w**2), 2), (IMAGE,)),
    ("generic_filter1d", lambda x: nd.generic_filter1d(x, squares, 3, 0, mode="wrap"), (IMAGE,)),
    ("vectorized_filter", lambda x: nd.vectorized_filter(x, np.mean, size=(2, 3)), (IMAGE,)),
    ("fourier_gaussian", lambda x, s: nd.fourier_gaussian(x, s), (IMAGE, LINE[:2])),
    ("fourier_gaussian-half", lambda x: nd.fourier_gaussian(x, 0.7, n=10), (IMAGE,)),
    ("fourier_uniform", lambda x, s: nd.fourier_uniform(x, s), (IMAGE, 1.7)),
    ("fourier_shift", lambda x, s: np.abs(nd.fourier_shift(x, s) + 1.0), (IMAGE, LINE[:2])),
    ("fourier_ellipsoid", lambda x, s: nd.fourier_ellipsoid(x, s), (IMAGE, 1.7)),
    ("fourier_ellipsoid-3", lambda x: nd.fourier_ellipsoid(x, 2.0), (A(3, 3, 2),)),
    ("sum_labels", lambda x: nd.sum_labels(x, LABELS, [1, 3]), (IMAGE,)),
    ("mean", lambda x: nd.mean(x, LABELS, 2), (IMAGE,)),
    ("variance", lambda x: nd.variance(x, LABELS, [1, 2, 3]), (IMAGE,)),
    ("standard_deviation", lambda x: nd.standard_deviation(x, LABELS), (IMAGE,)),
    ("minimum", lambda x: nd.minimum(x, LABELS, [1, 2]), (IMAGE,)),
    ("maximum", lambda x: nd.maximum(x), (IMAGE,)),
    ("median", lambda x: nd.median(x, LABELS, [1, 2]), (IMAGE,)),
    ("center_of_mass", lambda x: np.stack(nd.center_of_mass(x)), (IMAGE,)),
    ("center_of_mass-parts", lambda x: np.stack(nd.center_of_mass(x, LABELS, [1, 2])[1]), (IMAGE,)),
    (
        "labeled_comprehension",
        lambda x: nd.labeled_comprehension(x, LABELS, [1, 2], lambda p: np.sum(p**3), float, 0.0),
        (IMAGE,),
    ),
]


MARKED = marked(CALLS, {"vectorized_filter": lacking("ndimage.vectorized_filter")})


@pytest.mark.parametrize(("name", "call", "args"), MARKED)
def test_derivatives_by_scipys_own_names(name: str, call: Function, args: tuple[Any, ...]) -> None:
    dd.check_grads(call, args, order=1)
    value, _ = dd.jvp(call, args, args)
    np.testing.assert_array_equal(value, call(*args))  # to the last bit


BEYOND: dict[str, Function] = {
    "correlate": lambda x, c: nd.correlate(x, WEIGHTS, mode="constant", cval=c),
    "gaussian_filter": lambda x, c: nd.gaussian_filter(x, 0.8, mode="grid-constant", cval=c),
    "sobel": lambda x, c: nd.sobel(x, 0, mode="constant", cval=c),
    "uniform_filter": lambda x, c: nd.uniform_filter(x, 3, mode="constant", cval=c),
    "maximum_filter": lambda x, c: nd.maximum_filter(x, 3, mode="constant", cval=4 * c),
    "minimum_filter1d": lambda x, c: nd.minimum_filter1d(x, 3, 0, mode="constant", cval=c),
    "percentile_filter": lambda x, c: nd.percentile_filter(x, 40, 3, mode="constant", cval=c),
    "grey_erosion": lambda x, c: nd.grey_erosion(x, 3, mode="constant", cval=-4 * c),
    "grey_dilation": lambda x, c: nd.grey_dilation(x, structure=WEIGHTS, mode="constant", cval=c),
    "generic_filter": lambda x, c: nd.generic_filter(x, np.sum, 2, mode="constant", cval=c),
    "shift": lambda x, c: nd.shift(x, (1.3, 0.0), cval=c),
    "map_coordinates": lambda x, c: nd.map_coordinates(
        x, IMAGE[:2] * 4, mode="grid-constant", cval=c
    ),
    "rotate": lambda x, c: nd.rotate(x, 25.0, cval=c),
    "affine_transform": lambda x, c: nd.affine_transform(x, [0.8, 1.3], 0.2, cval=c),
}


@pytest.mark.parametrize("name", BEYOND)
def test_the_constant_beyond_the_edges_has_a_derivative(name: str) -> None:
    call = BEYOND[name]
    dd.check_grads(call, (IMAGE, 0.4), order=1)
    value, tangent = dd.jvp(lambda c: call(IMAGE, c), (0.4,), (1.0,))
    np.testing.assert_array_equal(value, call(IMAGE, 0.4))
    assert np.any(tangent != 0)


@pytest.mark.parametrize(("name", "call", "args"), MARKED)
def test_second_derivatives_agree_in_all_nestings(
    name: str, call: Function, args: tuple[Any, ...]
) -> None:
    check_nestings(call, args)


@pytest.mark.parametrize("mode", MODES)
def test_the_transpose_of_fixed_weights_holds_in_every_mode(mode: str) -> None:
    def filtered(x: Any) -> Any:
        return nd.gaussian_filter1d(x, 1.5, mode=mode)

    matrix = nd.gaussian_filter1d(np.eye(7), 1.5, axis=0, mode=mode)
    np.testing.assert_allclose(dd.jacobian(filtered, mode="reverse")(LINE[:7]), matrix, atol=1e-15)


def test_complex_images_have_complex_derivatives() -> None:
    x = A(6, complex=True)
    found = dd.jacobian(lambda x: nd.correlate1d(x, [1.0, 2.0, -1.0]), holomorphic=True)(x)
    matrix = nd.correlate1d(np.eye(6), [1.0, 2.0, -1.0], axis=0)
    np.testing.assert_allclose(found, matrix, atol=1e-15)


def test_an_output_of_another_dtype_keeps_it() -> None:
    value, tangent = dd.jvp(lambda x: nd.sobel(x, output=np.float32), (IMAGE,), (IMAGE,))
    assert value.dtype == tangent.dtype == np.float32


def test_bad_arguments_raise_as_in_scipy() -> None:
    for call, error, match in (
        (lambda x: nd.correlate1d(x, [1.0, 2.0], origin=2), ValueError, "Invalid origin"),
        (lambda x: nd.correlate1d(x, [1.0, 2.0], mode="none"), RuntimeError, "not supported"),
        (lambda x: nd.correlate(x, [1.0, 2.0]), RuntimeError, "must match"),
        (lambda x: nd.minimum_filter(x), RuntimeError, "no footprint"),
    ):
        with pytest.raises(error, match=match):
            dd.grad(lambda x: np.sum(call(x)))(IMAGE)  # noqa: B023
