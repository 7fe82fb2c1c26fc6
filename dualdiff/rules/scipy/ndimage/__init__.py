"""`scipy.ndimage` on traced arrays."""

from scipy import ndimage as _ndimage

from ..pieces import constants
from .correlation import convolve, convolve1d, correlate, correlate1d
from .filters import (
    FUNCTIONS,
    black_tophat,
    gaussian_filter,
    gaussian_filter1d,
    generic_filter,
    generic_filter1d,
    grey_closing,
    grey_dilation,
    grey_erosion,
    grey_opening,
    maximum_filter,
    maximum_filter1d,
    median_filter,
    minimum_filter,
    minimum_filter1d,
    morphological_gradient,
    morphological_laplace,
    percentile_filter,
    prewitt,
    rank_filter,
    sobel,
    uniform_filter,
    uniform_filter1d,
    white_tophat,
)
from .fourier import fourier_ellipsoid, fourier_gaussian, fourier_shift, fourier_uniform
from .measurements import (
    center_of_mass,
    distance_transform_edt,
    extrema,
    labeled_comprehension,
    maximum,
    mean,
    median,
    minimum,
    standard_deviation,
    sum,
    sum_labels,
    variance,
)
from .splines import (
    affine_transform,
    geometric_transform,
    map_coordinates,
    rotate,
    shift,
    spline_filter,
    spline_filter1d,
    zoom,
)

CONSTANTS = constants(
    _ndimage,
    """
    binary_closing binary_dilation binary_erosion binary_fill_holes binary_hit_or_miss
    binary_opening binary_propagation distance_transform_bf distance_transform_cdt
    label maximum_position minimum_position
    """,
    "input",
)
globals().update(FUNCTIONS | CONSTANTS)
__all__ = [
    "black_tophat", "center_of_mass", "convolve", "convolve1d", "correlate", "correlate1d",
    "distance_transform_edt", "extrema", "gaussian_filter", "gaussian_filter1d", "generic_filter",
    "generic_filter1d",
    "prewitt", "sobel", "fourier_ellipsoid", "fourier_gaussian", "fourier_shift", "fourier_uniform",
    "grey_closing", "grey_dilation", "grey_erosion", "grey_opening",
    "labeled_comprehension", "maximum", "maximum_filter", "maximum_filter1d", "mean", "median",
    "median_filter", "minimum", "minimum_filter", "minimum_filter1d", "morphological_gradient",
    "morphological_laplace", "percentile_filter", "rank_filter", "standard_deviation", "sum",
    "sum_labels", "uniform_filter", "uniform_filter1d", "variance", "white_tophat",
    "affine_transform", "geometric_transform", "map_coordinates", "rotate", "shift",
    "spline_filter", "spline_filter1d", "zoom", *FUNCTIONS,
    *CONSTANTS,
]  # fmt: skip
