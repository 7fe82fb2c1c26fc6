"""The rules of dask: its functions on traced arrays, and shapes that keep their chunks."""

from ..scipy.switch import diverts


def _declare_dask() -> None:
    from .functions import declare

    declare()


def _declare_sparse() -> None:
    from .constants import declare

    declare()


def install() -> None:
    """Wait for dask and sparse to be loaded, and for a derivative."""
    diverts("dask.array", _declare_dask)
    diverts("sparse", _declare_sparse)
