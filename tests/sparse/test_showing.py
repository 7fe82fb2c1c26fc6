"""Plans, patterns and linearisations show themselves: plots and notebook views."""

import numpy as np
import pytest

import dualdiff as dd


def chain(x):
    return x[1:] * x[:-1]


def test_a_pattern_is_a_sparse_array_that_draws_itself_in_its_colours() -> None:
    pattern = dd.sparsity(chain, np.ones(6))
    assert pattern.toarray().sum() == 10
    axes = pattern.plot()
    (points,) = axes.collections
    assert len(points.get_offsets()) == 10
    assert len(set(points.get_array().tolist())) == 2  # a bidiagonal matrix needs two colours
    assert "2 directions" in axes.get_title()
    assert pattern._repr_html_().count("■") == 10
    assert "<pre>" not in dd.sparsity(chain, np.ones(100))._repr_html_()


def test_the_pattern_of_a_hessian_is_drawn_in_the_colours_of_a_symmetric_one() -> None:
    pattern = dd.hessian_sparsity(lambda x: np.sum(chain(x) ** 2), np.ones(9))
    assert "3 directions" in pattern.plot().get_title()


@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
def test_a_prepared_derivative_draws_its_pattern(mode) -> None:
    prepared = dd.prepare_jacobian(chain, np.ones(6), mode=mode)
    assert f"{prepared.plan.directions} directions" in prepared.plot().get_title()
    assert "sparse derivative of shape (5, 6)" in prepared._repr_html_()


def test_a_plan_draws_the_costs_of_its_alternatives() -> None:
    plan = dd.plan(np.sin, np.ones(5))
    axes = plan.plot()
    assert len(axes.patches) == 1 + len(plan.alternatives)
    html = plan._repr_html_()
    assert html.count("<tr>") == 2 + len(plan.alternatives)
    assert plan.mode in html


def test_a_linearisation_says_what_it_maps() -> None:
    _, linear = dd.linearize(lambda x, y: x[0] * y, np.ones(3), np.ones((2, 2)))
    assert repr(linear).startswith("<linearization of shapes (3,), (2, 2) to (2, 2), ")
    assert "linearization" in linear._repr_html_()
