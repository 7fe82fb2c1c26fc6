"""The replacement of a function of NumPy takes all parameters of that function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import dualdiff as dd
from dualdiff.array.dispatch import FUNCTIONS
from tests.rules.rows import numpy_is

pytestmark = pytest.mark.skipif(
    not numpy_is("2.4"), reason="NumPy 2.4 has the parameters that the package has"
)

HOMES: dict[str, Any] = {
    "np": np,
    "np.linalg": np.linalg,
    "np.fft": np.fft,
    "np.emath": np.emath,
    "np.lib.stride_tricks": np.lib.stride_tricks,
}
ANY = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


def _own(home: str, name: str) -> Any:
    found = dd.numpy
    for part in (*home.split(".")[1:], name):
        found = getattr(found, part)
    return found


def _pairs() -> Iterator[tuple[str, Any, Any]]:
    """NumPy's functions with what they do on traced arrays, and with what dualdiff.numpy offers."""
    for home, module in HOMES.items():
        for name in dir(module):
            numpys = getattr(module, name)
            is_class = isinstance(numpys, type) and name != "vectorize"
            if name.startswith("_") or is_class or isinstance(numpys, np.ufunc):
                continue
            if not callable(numpys):
                continue
            try:
                inspect.signature(numpys)
            except ValueError:  # fromstring, nested_iters: compiled, without a signature
                continue
            for what, ours in (("rule", FUNCTIONS.get(numpys)), ("mirror", _own(home, name))):
                if ours is not None and ours is not numpys:
                    yield f"{home}.{name}-{what}", numpys, ours


PAIRS = list(_pairs())


def _passes_everything_on(ours: Any) -> bool:
    kinds = [p.kind for p in inspect.signature(ours).parameters.values()]
    return set(ANY) <= set(kinds) and len(kinds) == 2


@pytest.mark.parametrize(("numpys", "ours"), [p[1:] for p in PAIRS], ids=[p[0] for p in PAIRS])
def test_no_parameter_of_numpys_is_missing(numpys: Callable[..., Any], ours: Any) -> None:
    if _passes_everything_on(ours) or numpys is np.where:  # whose choices are positional
        return
    wanted, given = (inspect.signature(f).parameters for f in (numpys, ours))
    # Ours may have what an older NumPy had not.
    assert [name for name in given if name in wanted] == list(wanted)
    for name in wanted:
        assert given[name].kind == wanted[name].kind, f"{name}: {given[name].kind}"
        default = wanted[name].default
        if default is not np._NoValue:  # for which ours may have what NumPy puts in its place
            assert given[name].default == default, f"{name}: {given[name].default}"


def test_enough_functions_are_compared() -> None:
    assert len(PAIRS) > 400
