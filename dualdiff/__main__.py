"""``python -m dualdiff``: run a program or module under `dualdiff.patch`."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from collections.abc import Sequence

from .patching import patch


def main(argv: Sequence[str] | None = None) -> None:
    """Run a program with its arguments, as Python would, under `patch`."""
    parser = argparse.ArgumentParser(
        prog="python -m dualdiff",
        usage="python -m dualdiff (program.py | -m module) [arguments ...]",
        description="Run a program under dualdiff.patch().",
    )
    parser.add_argument("-m", dest="module", action="store_true", help="run a module by its name")
    parser.add_argument("program", help="a file, or the name of a module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the arguments of the program")
    given = parser.parse_args(argv)
    sys.argv = [given.program, *given.arguments]
    with patch():
        if given.module:
            sys.path.insert(0, os.getcwd())
            runpy.run_module(given.program, run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, os.path.dirname(os.path.abspath(given.program)))
            runpy.run_path(given.program, run_name="__main__")


if __name__ == "__main__":
    main()
