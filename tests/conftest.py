"""Settings that hold for every test."""

import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings

# Examples in the documentation may draw; none may need a screen.
os.environ.setdefault("MPLBACKEND", "Agg")

# The same cases on every run, and no time limit: the machine that runs the tests is shared.
settings.register_profile("dualdiff", deadline=None, derandomize=True)
settings.load_profile("dualdiff")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--careful",
        action="store_true",
        help="let every pass carry masks of structural zeros, which must not change any derivative",
    )
    parser.addoption(
        "--diagonal",
        action="store_true",
        help="keep the smallest identities that Jacobians begin with as diagonals, which must not "
        "change any derivative",
    )
    parser.addoption(
        "--record-coverage",
        action="store_true",
        help="write what the tests show to tests/rules/coverage.json and docs/coverage.md",
    )
    parser.addoption(
        "--record-wild",
        action="store_true",
        help="write what tests/wild shows to docs/unchanged.md",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--record-coverage") and not hasattr(config, "workerinput"):
        from tests.rules.coverage import Recorder

        config.pluginmanager.register(Recorder())


@pytest.fixture(autouse=True)
def _careful_where_asked_for(request: pytest.FixtureRequest) -> Iterator[None]:
    if not request.config.getoption("--careful"):
        yield
        return
    from dualdiff.transforms.masks import zero_masks

    with zero_masks():
        yield


@pytest.fixture(autouse=True)
def _numpys_warnings_stay_as_they_are() -> Iterator[None]:
    before = np.geterr()
    yield
    after = np.geterr()
    np.seterr(**before)
    assert after == before


@pytest.fixture(autouse=True)
def _constant_results_are_meant() -> Iterator[None]:
    """Many tests differentiate constants; tests/transforms/test_independence.py turns it on."""
    import dualdiff

    before = dualdiff.config()["independence"]
    dualdiff.config(independence=False)
    yield
    dualdiff.config(independence=before)


@pytest.fixture(autouse=True)
def _diagonal_where_asked_for(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if request.config.getoption("--diagonal"):
        monkeypatch.setattr("dualdiff.transforms.directions.LARGE", 1)
        monkeypatch.setattr("dualdiff.core.tangents.LEAST_RANK", 1)
