"""Nested arguments: flattening, rebuilding, comparing and raveling."""

import functools
import timeit
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
import optree
import pytest

from dualdiff.trees import (
    Structure,
    check_same_structure,
    flatten,
    leaf_paths,
    ravel,
    tree_map,
    unflatten,
)

T = TypeVar("T")
Pair = namedtuple("Pair", "left right")


class Layer(NamedTuple):
    weight: Any
    bias: Any


@dataclass
class Params:
    weight: Any
    bias: Any = 0.0


@dataclass(frozen=True)
class Frozen:
    a: Any
    inner: Any
    kind: ClassVar[str] = "frozen"


@dataclass(frozen=True, slots=True)
class FrozenSlots:
    a: Any
    b: Any


@dataclass
class Checked:
    sigma: Any
    calls: ClassVar[int] = 0

    def __post_init__(self):
        Checked.calls += 1
        if not self.sigma > 0:
            raise ValueError("sigma must be positive")


@dataclass
class Derived:
    x: Any
    squared: Any = field(init=False)
    unset: Any = field(init=False)

    def __post_init__(self):
        self.squared = self.x**2

    @functools.cached_property
    def doubled(self):
        return 2 * self.x


@dataclass
class Remembers:
    x: Any

    def __post_init__(self):
        self.hidden = self.x**2


@dataclass
class Typed(Generic[T]):
    x: T


class Dispatched:
    """A stand-in for a traced array: NumPy reaches it through `__array_function__` alone."""

    def __init__(self, value):
        self.value = value
        self.dtype, self.shape, self.ndim, self.size = (
            value.dtype,
            value.shape,
            value.ndim,
            value.size,
        )

    def __array__(self, dtype=None, copy=None):
        raise TypeError("a traced array was converted")

    def __array_function__(self, func, types, args, kwargs):
        def strip(x):
            if isinstance(x, list | tuple):
                return type(x)(strip(y) for y in x)
            return x.value if isinstance(x, Dispatched) else x

        return Dispatched(func(*strip(args), **strip(kwargs)))

    def __getitem__(self, index):
        return Dispatched(np.asarray(self.value[index]))

    def astype(self, dtype):
        return Dispatched(self.value.astype(dtype))

    def reshape(self, shape):
        return Dispatched(self.value.reshape(shape))

    def item(self):
        return Dispatched(self.value.reshape(()))


TREES = [
    1.0,
    None,
    "text",
    (),
    [],
    {},
    {"a": (), "b": [None, {}]},
    (1.0,),
    [1.0, [2.0, (3.0, None)]],
    {"w": [1.0, 2.0], "b": None},
    OrderedDict([("z", 1.0), ("a", 2.0)]),
    defaultdict(list, {"z": 1.0, "a": [2.0]}),
    deque([1.0, 2.0], maxlen=4),
    Pair(1.0, Layer([2.0], None)),
    {3: 1.0, "a": 2.0, (1, 2): 3.0},
    Params(1.0),
    Params([1.0, Params(2.0, None)], {"p": Frozen(3.0, Pair(FrozenSlots(4.0, ()), 5.0))}),
    [{"deep": (Frozen(1.0, None),)}],
]


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_unflatten_inverts_flatten(tree):
    leaves, structure = flatten(tree)
    back = unflatten(structure, leaves)
    assert back == tree
    assert type(back) is type(tree)
    assert structure.num_leaves == len(leaves) == len(structure.paths)


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_equal_trees_have_equal_structures_and_hashes(tree):
    once = flatten(tree)[1]
    again = flatten(tree_map(lambda leaf: (leaf, leaf), tree))[1]
    same = flatten(tree_map(lambda leaf: 0.0, tree))[1]
    assert once == same
    assert hash(once) == hash(same)
    assert (once == again) == (once.num_leaves == 0)


def test_structures_of_all_these_trees_differ_except_those_of_bare_leaves():
    structures = {flatten(tree)[1] for tree in TREES}
    assert len(structures) == len(TREES) - 2


def test_structure_differs_from_other_objects():
    assert flatten(1.0)[1] != "*"


@pytest.mark.parametrize(
    "leaf",
    [np.ones(3), np.float32(1), 2, True, "text", {1.0}, 3 + 1j, Params, np.sin, range(3), None],
    ids=lambda leaf: type(leaf).__name__,
)
def test_anything_that_is_no_container_is_one_leaf(leaf):
    for _ in range(2):  # the second call takes the short way of a known type
        leaves, structure = flatten(leaf)
        assert leaves[0] is leaf
        assert len(leaves) == structure.num_leaves == 1
        assert structure.paths == ("",)
        assert structure.unflatten([leaf]) is leaf


def test_subclasses_of_builtin_containers_are_leaves():
    class Special(dict):
        pass

    tree = Special(a=1.0)
    assert flatten([tree])[0] == [tree]
    assert flatten(tree)[0] == [tree]


def test_none_is_kept_as_a_leaf():
    leaves, structure = flatten({"a": None, "b": [None, 1.0]})
    assert leaves == [None, None, 1.0]
    assert structure.unflatten([1, 2, 3]) == {"a": 1, "b": [2, 3]}


@pytest.mark.parametrize("kind", [dict, OrderedDict, functools.partial(defaultdict, list)])
def test_dict_comes_back_in_the_callers_order(kind):
    tree = kind([("b", 1.0), ("a", {"z": 2.0, "c": 3.0})])
    back = tree_map(lambda x: -x, tree)
    assert list(back) == ["b", "a"]
    assert list(back["a"]) == ["z", "c"]
    assert back == {"b": -1.0, "a": {"z": -2.0, "c": -3.0}}


def test_dict_order_survives_inside_a_dataclass():
    back = tree_map(lambda x: -x, Params({"b": 1.0, "a": 2.0}))
    assert list(back.weight.items()) == [("b", -1.0), ("a", -2.0)]


def test_dicts_match_by_key_whatever_their_order():
    one, other = {"b": 1.0, "a": 2.0}, {"a": 20.0, "b": 10.0}
    assert tree_map(lambda x, y: x + y, one, other) == {"b": 11.0, "a": 22.0}


def test_defaultdict_keeps_its_factory():
    back = tree_map(lambda x: x, defaultdict(list, a=1.0))
    assert back["new"] == []


def test_wrong_number_of_leaves_raises_value_error():
    for tree in (1.0, [1.0, 2.0]):
        structure = flatten(tree)[1]
        for leaves in ([], [1.0, 2.0, 3.0]):
            with pytest.raises(ValueError):
                structure.unflatten(leaves)


def test_rebuilt_containers_are_new():
    inner = [1.0]
    tree = Params(inner)
    back = tree_map(lambda x: x, tree)
    assert back is not tree
    assert back.weight is not inner


def test_frozen_dataclass_is_rebuilt():
    tree = Frozen(1.0, FrozenSlots(2.0, [3.0]))
    back = tree_map(lambda x: 10 * x, tree)
    assert back == Frozen(10.0, FrozenSlots(20.0, [30.0]))
    assert tree == Frozen(1.0, FrozenSlots(2.0, [3.0]))


def test_post_init_is_not_run_on_rebuilding():
    tree = Checked(1.0)
    calls = Checked.calls
    assert tree_map(lambda x: -x, tree).sigma == -1.0
    assert Checked.calls == calls


def test_non_init_field_is_a_leaf_and_an_unset_one_stays_unset():
    leaves, structure = flatten(Derived(3.0))
    assert leaves == [3.0, 9.0]
    back = structure.unflatten([1.0, 7.0])
    assert (back.x, back.squared, hasattr(back, "unset")) == (1.0, 7.0, False)


def test_cached_property_is_computed_afresh():
    tree = Derived(3.0)
    assert tree.doubled == 6.0
    assert tree_map(lambda x: 5.0, tree).doubled == 10.0


def test_attribute_that_is_no_field_is_refused_by_name():
    with pytest.raises(TypeError, match=r"dataclass Remembers has the attribute 'hidden'"):
        flatten([Remembers(1.0)])


def test_generic_dataclass_made_from_its_alias_is_a_container():
    assert tree_map(lambda x: 2 * x, Typed[float](1.0)) == Typed(2.0)


def test_dataclasses_of_different_classes_have_different_structures():
    @dataclass
    class Other:
        weight: Any
        bias: Any

    assert flatten(Params(1.0, 2.0))[1] != flatten(Other(1.0, 2.0))[1]


def test_no_dataclass_is_registered_in_optree():
    flatten([Params(1.0)])
    for namespace in ("", "dualdiff"):
        assert optree.register_pytree_node.get(Params, namespace=namespace) is None
    assert len(optree.tree_leaves([Params(1.0)])) == 1


def test_paths_read_as_python():
    tree = {"w": [Params(1.0, Pair(2.0, (3.0, None)))], 0: deque([4.0])}
    assert sorted(leaf_paths(tree)) == [
        "['w'][0].bias.left",
        "['w'][0].bias.right[0]",
        "['w'][0].bias.right[1]",
        "['w'][0].weight",
        "[0][0]",
    ]


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (1.0, "*"),
        (None, "*"),
        ((), "()"),
        ((1.0,), "(*,)"),
        ([1.0, (2.0, {})], "[*, (*, {})]"),
        ({"b": 1.0, "a": [2.0]}, "{'a': [*], 'b': *}"),
        (OrderedDict(b=1.0, a=2.0), "OrderedDict({'b': *, 'a': *})"),
        (defaultdict(list, a=1.0), "defaultdict({'a': *})"),
        (deque([1.0]), "deque(*)"),
        (Pair(1.0, Params([2.0])), "Pair(left=*, right=Params(weight=[*], bias=*))"),
    ],
    ids=repr,
)
def test_structure_prints_readably(tree, text):
    structure = flatten(tree)[1]
    assert str(structure) == text
    assert repr(structure) == text


def test_check_same_structure_returns_the_leaves():
    structure = flatten({"b": 1.0, "a": [Params(2.0)]})[1]
    got = {"a": [Params("x", "y")], "b": "z"}
    assert check_same_structure(structure, got, "tangent") == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("expected", "given", "difference"),
    [
        (1.0, [1.0], "at the top: expected a leaf, given [*]"),
        ([1.0], 1.0, "at the top: expected [*], given a leaf"),
        ([1.0], (1.0,), "at the top: expected [*], given (*,)"),
        ([], (), "at the top: expected [], given ()"),
        ({"a": [1.0]}, {"a": [1.0, 2.0]}, "at ['a']: expected [*], given [*, *]"),
        ({"a": 1.0}, {"b": 1.0}, "at the top: expected {'a': *}, given {'b': *}"),
        ([Params(1.0, [2.0])], [Params(1.0, 2.0)], "at [0].bias: expected [*], given a leaf"),
        (
            (Params(1.0),),
            (FrozenSlots(1.0, 2.0),),
            "at [0]: expected Params(weight=*, bias=*), given FrozenSlots(a=*, b=*)",
        ),
        (Pair([1.0], None), Pair([None], {}), "at .right: expected a leaf, given {}"),
    ],
    ids=str,
)
def test_mismatch_names_what_both_structures_and_the_first_path(expected, given, difference):
    structure = flatten(expected)[1]
    with pytest.raises(TypeError) as caught:
        check_same_structure(structure, given, "tangent of argument 0")
    assert str(caught.value) == (
        "tangent of argument 0 has the wrong structure (* is a leaf)\n"
        f"  expected: {structure}\n"
        f"  given:    {flatten(given)[1]}\n"
        f"  first difference {difference}"
    )


def test_tree_map_names_the_tree_that_differs():
    with pytest.raises(TypeError, match=r"tree 3 has the wrong structure[\s\S]*at \['a'\]"):
        tree_map(max, {"a": 1.0}, {"a": 1.0}, {"a": [1.0]})


def test_a_bare_leaf_does_not_go_through_optree():
    x = np.ones(3)
    bare = min(timeit.repeat(lambda: flatten(x), number=2000, repeat=5))
    through = min(timeit.repeat(lambda: flatten([x]), number=2000, repeat=5))
    assert bare < through / 2


def test_ravel_restores_shapes_dtypes_and_scalar_types():
    tree = {
        "w": np.arange(6.0, dtype=np.float32).reshape(2, 3),
        "python": 1.5,
        "numpy": np.float32(2.5),
        "zero_d": np.array(3.5),
        "empty": np.zeros((0, 2)),
        "none": None,
        "int": 4,
        "params": Params([5.5, None], ()),
    }
    flat, unravel = ravel(tree)
    assert flat.shape == (11,)
    assert flat.dtype == np.float64
    back = unravel(flat)
    assert list(back) == list(tree)
    assert (back["none"], back["params"]) == (None, Params([5.5, None], ()))
    for name in ("w", "python", "numpy", "zero_d", "empty"):
        assert type(back[name]) is type(tree[name])
        assert np.shape(back[name]) == np.shape(tree[name])
        assert np.array_equal(back[name], tree[name])
        assert np.asarray(back[name]).dtype == np.asarray(tree[name]).dtype
    assert type(back["int"]) is float
    assert back["int"] == 4.0


def test_ravel_follows_the_order_of_the_leaves():
    tree = {"b": np.array([[1.0, 2.0], [3.0, 4.0]]), "a": 5.0}
    assert ravel(tree)[0].tolist() == [5.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("tree", [2.5, np.float64(2.5), np.array([1.0, 2.0]), 1 + 2j])
def test_ravel_works_on_a_bare_leaf(tree):
    flat, unravel = ravel(tree)
    assert flat.ndim == 1
    assert type(unravel(flat)) is type(tree)
    assert np.array_equal(unravel(flat), tree)


@pytest.mark.parametrize("tree", [None, (), {}, [None, {"a": None}]])
def test_ravel_of_nothing_is_an_empty_float_array(tree):
    flat, unravel = ravel(tree)
    assert flat.shape == (0,)
    assert flat.dtype == np.float64
    assert unravel(flat) == tree


def test_ravel_keeps_float32():
    assert ravel([np.ones(2, np.float32), np.float32(1)])[0].dtype == np.float32


def test_ravel_of_real_and_complex_leaves_takes_the_real_part_back():
    flat, unravel = ravel([1.0, np.array([2.0 + 1j])])
    assert flat.dtype == np.complex128
    real, mixed = unravel(flat * 1j)
    assert (type(real), real) == (float, 0.0)
    assert mixed.tolist() == [-1 + 2j]


def test_unravel_refuses_complex_numbers_where_all_leaves_are_real():
    flat, unravel = ravel([1.0, np.ones(2)])
    with pytest.raises(TypeError, match="every raveled leaf was real"):
        unravel(flat + 1e-20j)


def test_unravel_takes_integers_where_leaves_are_floats():
    back = ravel(np.ones(3))[1](np.arange(3))
    assert back.dtype == np.float64


@pytest.mark.parametrize("flat", [np.ones(2), np.ones((3, 1)), [1.0, 2.0, 3.0], 1.0])
def test_unravel_refuses_another_shape(flat):
    with pytest.raises(ValueError, match=r"takes an array of shape \(3,\), not a \w+ of shape"):
        ravel(np.ones(3))[1](flat)


@pytest.mark.parametrize(
    ("leaf", "kind"),
    [
        (np.arange(3), "ndarray int64"),
        (np.array([True]), "ndarray bool"),
        (True, "bool"),
        ("text", "str"),
        (np.array(["text"]), "ndarray <U4"),
        (np.sin, "ufunc"),
    ],
)
def test_ravel_refuses_what_is_no_float_and_says_where(leaf, kind):
    with pytest.raises(TypeError) as caught:
        ravel({"w": [1.0, leaf]})
    assert str(caught.value).endswith(f"; the leaf at ['w'][1] is: {kind}")


def test_raveled_and_unraveled_arrays_share_no_memory_with_their_source():
    x = np.ones(3)
    flat, unravel = ravel(x)
    assert not np.shares_memory(flat, x)
    assert not np.shares_memory(unravel(flat), flat)


def test_ravel_leaves_traced_arrays_traced():
    tree = [Dispatched(np.ones((2, 2))), 2.0, Dispatched(np.array(3.0))]
    flat, unravel = ravel(tree)
    assert isinstance(flat, Dispatched)
    assert flat.value.tolist() == [1.0, 1.0, 1.0, 1.0, 2.0, 3.0]
    back = unravel(flat)
    assert all(isinstance(leaf, Dispatched) for leaf in back)
    assert [leaf.shape for leaf in back] == [(2, 2), (), ()]


def test_plain_leaves_can_be_unraveled_from_a_traced_array():
    unravel = ravel({"w": np.ones((1, 2), np.float32), "b": 1.0, "c": np.float64(2)})[1]
    back = unravel(Dispatched(np.array([1.0, 2.0, 3.0, 4.0])))
    assert all(isinstance(leaf, Dispatched) for leaf in back.values())
    assert back["w"].dtype == np.float32
    assert (back["b"].value, back["c"].value, back["w"].value.tolist()) == (1.0, 2.0, [[3.0, 4.0]])


def test_object_arrays_of_traced_scalars_are_not_cast():
    first, second = object(), object()
    unravel = ravel([1.0, np.ones(1)])[1]
    scalar, array = unravel(np.array([first, second]))
    assert scalar is first
    assert array.tolist() == [second]


def test_structure_is_shared_by_all_bare_leaves():
    structure = flatten(np.ones(2))[1]
    assert isinstance(structure, Structure)
    assert structure is flatten(1.0)[1]
