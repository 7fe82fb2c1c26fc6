"""`scipy.ndimage`: spline coefficients, and images at traced coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage as nd

import dualdiff as dd
from tests.rules.checks import check_nestings
from tests.rules.table import A
from tests.versions import OLD_SCIPY

# Old releases warn of any matrix of one axis.
pytestmark = [pytest.mark.filterwarnings("ignore:The behavior of affine_transform")] * OLD_SCIPY

IMAGE = A(6, 5, low=-1.0, high=2.0)
PLACES = np.array([[1.3, 2.7, 0.2, 4.6, -3.3, 9.1], [0.4, 3.1, 2.2, 1.7, 7.2, -4.8]])
MODES = (
    "constant", "nearest", "mirror", "reflect", "wrap", "grid-mirror", "grid-wrap", "grid-constant",
)  # fmt: skip
TURN = np.array([[0.9, 0.2], [-0.3, 0.8]])
CALLS = [
    ("spline_filter1d", lambda x: nd.spline_filter1d(x, 3, 0), (IMAGE,)),
    ("spline_filter", lambda x: nd.spline_filter(x, 2), (IMAGE,)),
    ("affine_transform", lambda x, m, o: nd.affine_transform(x, m, o), (IMAGE, TURN, A(2))),
    ("affine_transform-lines", lambda x, m: nd.affine_transform(x, m, 0.37), (IMAGE, TURN[0])),
    (
        "affine_transform-all",
        lambda m: nd.affine_transform(IMAGE, m, mode="reflect", order=2),
        (np.concatenate([TURN, [[0.43], [0.71]]], axis=1),),
    ),
    ("shift", lambda x, s: nd.shift(x, s, mode="nearest"), (IMAGE, np.array([0.6, -1.3]))),
    ("shift-number", lambda x, s: nd.shift(x, s, order=1, cval=0.4), (IMAGE, 0.7)),
    ("zoom", lambda x: nd.zoom(x, (2, 1.5)), (IMAGE,)),
    ("zoom-grid", lambda x: nd.zoom(x, 2, mode="grid-wrap", grid_mode=True), (IMAGE,)),
    ("rotate", lambda x, a: nd.rotate(x, a), (IMAGE, 31.0)),
    ("rotate-planes", lambda x, a: nd.rotate(x, a, (0, 2), False), (A(4, 2, 5), 31.0)),
    (
        "geometric_transform",
        lambda x, k: nd.geometric_transform(x, lambda p: (p[0] * k, p[1] - 0.3)),
        (IMAGE, 0.83),
    ),
]


@pytest.mark.parametrize(("name", "call", "args"), CALLS, ids=[c[0] for c in CALLS])
def test_derivatives_by_scipys_own_names(name: str, call: Any, args: tuple[Any, ...]) -> None:
    dd.check_grads(call, args, order=1)
    value, _ = dd.jvp(call, args, args)
    np.testing.assert_array_equal(value, call(*args))  # to the last bit


@pytest.mark.parametrize(("name", "call", "args"), CALLS, ids=[c[0] for c in CALLS])
def test_second_derivatives_agree_in_all_nestings(
    name: str, call: Any, args: tuple[Any, ...]
) -> None:
    check_nestings(call, args)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("mode", MODES)
def test_images_at_coordinates_in_every_mode_and_order(mode: str, order: int) -> None:
    def at(x: Any, places: Any) -> Any:
        return nd.map_coordinates(x, places, order=order, mode=mode, cval=0.3)

    dd.check_grads(at, (IMAGE, PLACES), order=1)


def test_order_0_is_constant_in_the_coordinates() -> None:
    image, places = dd.grad(
        lambda x, p: np.sum(nd.map_coordinates(x, p, order=0) ** 2), argnums=(0, 1)
    )(IMAGE, PLACES[:, :4])
    assert np.count_nonzero(image) == 4
    assert not places.any()


def test_second_derivatives_by_coordinates_are_those_of_the_spline() -> None:
    dd.check_grads(
        lambda x, p: np.sum(nd.map_coordinates(x, p) ** 2), (IMAGE, PLACES[:, :4]), order=2
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", [2, 3])
def test_the_matrix_of_coefficients_is_transposed(mode: str, order: int) -> None:
    matrix = nd.spline_filter1d(np.eye(70), order, 0, mode=mode)
    found = dd.jacobian(lambda x: nd.spline_filter1d(x, order, mode=mode), mode="reverse")(A(70))
    np.testing.assert_allclose(found, matrix, atol=1e-13)


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 counts it in another way")
def test_a_place_on_the_border_is_inside_where_it_is_for_scipy() -> None:
    image = np.arange(42.0).reshape(6, 7) ** 1.5
    matrix = np.array([[1.0, 0.1], [0.2, 0.9]])
    dd.check_grads(lambda x: nd.affine_transform(x, matrix, [0.3, 0.2]), (image,), order=1)
