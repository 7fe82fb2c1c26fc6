"""The page docs/coverage_scipy.md says what a test run has shown."""

from tests.rules.scipy import coverage

RUN = "run `python -m tests.rules.scipy.coverage`"


def test_the_page_is_what_has_been_shown() -> None:
    assert list(coverage.recorded()) == [n.name for n in coverage.names()], RUN
    assert coverage.PAGE.read_text(encoding="utf-8") == coverage.page(), RUN


def test_linear_algebra_has_been_shown_in_both_modes() -> None:
    missing = [
        n.name
        for n in coverage.names()
        if n.name.startswith("scipy.linalg.")
        and n.tier in "12"
        and not {"forward", "reverse"} <= set(coverage.recorded()[n.name])
    ]
    assert not missing


def test_calls_are_watched_from_outside_and_by_levels() -> None:
    import numpy as np
    import scipy.linalg

    import dualdiff as dd

    with coverage.watched() as found:
        dd.grad(lambda x: np.sum(scipy.linalg.signm(x * np.eye(2) + 1j)))
        dd.hessian(lambda x: scipy.linalg.norm(scipy.linalg.expm(x * np.eye(2))))(1.0)
    names = {n for key in found for n in coverage.names_by_key().get(key, ())}
    assert {"scipy.linalg.norm", "scipy.linalg.expm"} <= names
    assert "order 2" in set().union(*found.values())
