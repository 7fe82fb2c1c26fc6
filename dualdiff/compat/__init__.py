"""Programs written for autograd, on dualdiff: `install`, or `from dualdiff.compat import autograd`.

See docs/from_autograd.md. The command line is ``python -m dualdiff.compat program.py args...`` or
``python -m dualdiff.compat -m module args...``, and ``pytest -p dualdiff.compat.pytest_plugin``.
"""

from ._install import RealAutogradError, install, uninstall

__all__ = ["RealAutogradError", "autograd", "install", "uninstall"]


def __getattr__(name: str) -> object:
    if name == "autograd":
        import importlib

        return importlib.import_module(f"{__name__}.autograd")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
