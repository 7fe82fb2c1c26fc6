"""numpy.pad in every mode."""

import numpy as np
import pytest

import dualdiff as dd
from tests.rules.table import A, row, rule_tests

WIDE = ((3, 2), (5, 1))  # several rounds of reflection
SIDES = ((0, 3), (2, 0))
BY_VALUE = {"_complex": False}

ROWS = [
    row(np.pad, A(2, 3), 1, _prims=("pad",)),
    row(np.pad, A(2, 3), SIDES, constant_values=((1.0, 2.0), (3.0, 4.0)), _argnums=(0,)),
    row(np.pad, A(0, 2), (1, 2)),
    row(np.pad, A(2), 0),
    row(
        lambda x, c: np.pad(x, 1, constant_values=c),
        A(2, 2),
        1.5,
        _argnums=(0,),
        _float32=False,
        _id="pad-constant",
    ),
    row(lambda x: np.pad(x, (1, 2), constant_values=(x[0], 3.0)), A(3), _id="pad-traced-constants"),
    row(lambda x: np.pad(x, 1, "linear_ramp", end_values=x[0, 0]), A(2, 2), _id="pad-traced-ends"),
    *(
        row(np.pad, A(2, 3), SIDES, mode)
        for mode in ("edge", "wrap", "reflect", "symmetric", "mean")
    ),
    *(row(np.pad, A(2, 3), WIDE, mode) for mode in ("edge", "wrap", "reflect", "symmetric")),
    row(np.pad, A(1, 3), 2, "reflect"),
    row(np.pad, A(2, 3), WIDE, "reflect", reflect_type="odd"),
    row(np.pad, A(2, 3), SIDES, "symmetric", reflect_type="odd"),
    row(np.pad, A(1, 3), 2, "reflect", reflect_type="odd"),
    row(np.pad, A(2, 3), 2, "linear_ramp"),
    row(np.pad, A(2, 3), SIDES, "linear_ramp", end_values=(1.0, -2.0)),
    row(np.pad, A(4), (2, 1), "mean", stat_length=(2, 3)),
    row(np.pad, A(2, 3), SIDES, "maximum", **BY_VALUE),
    row(np.pad, A(4), 1, "minimum", stat_length=2, **BY_VALUE),
    row(np.pad, A(2, 3), 1, "median", **BY_VALUE),
]
TestRules = rule_tests(ROWS)


def test_a_dict_names_the_axes_to_pad_counted_from_either_end():
    x = A(2, 3)
    value, tangent = dd.jvp(lambda x: np.pad(x, {-1: (1, 2)}), (x,), (x,))
    expected = np.pad(x, ((0, 0), (1, 2)))
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(tangent, expected)


def test_mode_empty_has_the_shape_and_the_inner_part():
    value, tangent = dd.jvp(lambda x: np.pad(x, 1, "empty"), (A(2),), (A(2),))
    assert value.shape == tangent.shape == (4,)
    np.testing.assert_array_equal(value[1:-1], A(2))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.pad(x, 1.5),
        lambda x: np.pad(x, -1),
        lambda x: np.pad(x, ((1, 2, 3),)),
        lambda x: np.pad(x, 1, "sideways"),
        lambda x: np.pad(x, 1, "edge", constant_values=1),
        lambda x: np.pad(x[:0], 1, "edge"),
        lambda x: np.pad(x, 1, "maximum", stat_length=0),
    ],
)
def test_wrong_arguments_raise_the_type_of_error_that_numpy_raises(call):
    with pytest.raises(Exception) as unbox:
        call(A(2, 2))
    with pytest.raises(unbox.type):
        dd.jvp(call, (A(2, 2),), (A(2, 2),))


def test_a_function_as_mode_is_refused_with_a_way_out():
    with pytest.raises(TypeError, match="pad with zeros and assign"):
        dd.jvp(lambda x: np.pad(x, 1, lambda *args: None), (A(2),), (A(2),))
