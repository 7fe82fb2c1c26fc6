"""The rules of dask: its functions on traced arrays, and shapes that keep their chunks."""

from ..scipy.switch import diverts


def _declare() -> None:
    from .functions import declare

    declare()


diverts("dask.array", _declare)
