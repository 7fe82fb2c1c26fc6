"""``python -m dualdiff``: run a program under `dualdiff.patch`, check and explain derivatives."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from collections.abc import Sequence

from . import __version__
from .commands import check, explained, guarded, info
from .patching import patch
from .testing import MAX_ORDER

COMMANDS = ("run", "check", "explain", "info")
ALONE = ("-h", "--help", "--version")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dualdiff",
        description="Derivatives of NumPy programs from the command line.",
        epilog="`python -m dualdiff program.py ...` is short for `python -m dualdiff run ...`. "
        "Exit codes: 0, all is well; 1, a derivative is wrong; 2, the command or the program is.",
    )
    parser.add_argument("--version", action="version", version=f"dualdiff {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run a program under dualdiff.patch()")
    run.set_defaults(parser=run)
    run.usage = "python -m dualdiff [run] (program.py | -m module) [arguments ...]"
    run.add_argument("-m", dest="module", action="store_true", help="run a module by its name")
    run.add_argument("program", help="a file, or the name of a module")
    run.add_argument("arguments", nargs=argparse.REMAINDER, help="the arguments of the program")

    one = argparse.ArgumentParser(add_help=False)
    one.add_argument("function", help="program.py:function, or module:function")
    one.add_argument(
        "--at",
        metavar="ARGUMENTS",
        help="its arguments as Python, with np and the names of the program; by default the "
        "program's variables with the names of its parameters",
    )
    one.add_argument("--argnums", help="which arguments to differentiate: 0, or 0,2, or a name")
    one.add_argument("--traceback", action="store_true", help="show the traceback of an error")

    checking = commands.add_parser(
        "check", parents=[one], help="compare derivatives with numerical ones"
    )
    checking.add_argument("--mode", choices=("both", "forward", "reverse"), default="both")
    orders = range(1, MAX_ORDER + 1)
    checking.add_argument(
        "--order", type=int, default=2, choices=orders, metavar="N",
        help=f"up to which order (2), at most {MAX_ORDER}",
    )  # fmt: skip
    checking.add_argument("--rtol", type=float, help="relative tolerance")
    checking.add_argument("--atol", type=float, help="absolute tolerance")
    checking.set_defaults(run=check, parser=checking)

    explaining = commands.add_parser(
        "explain", parents=[one], help="say what a derivative does, by line of the program"
    )
    explaining.add_argument("--lines", type=int, default=12, help="lines of the table (12)")
    explaining.add_argument("--plot", metavar="FILE", help="write bars by line, such as bars.png")
    explaining.add_argument("--graph", metavar="FILE", help="write the graph, .svg or .dot")
    explaining.set_defaults(run=explained, parser=explaining)

    telling = commands.add_parser("info", help="versions, for reports of faults")
    telling.set_defaults(run=info, parser=telling)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] not in (*COMMANDS, *ALONE):
        words.insert(0, "run")
    given, unknown = _parser().parse_known_args(words)
    if unknown:
        hint = "; --at gives a function its arguments" if hasattr(given, "at") else ""
        given.parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if given.command != "run":
        return guarded(given.run, given)
    _run(given.program, given.arguments, given.module)
    return 0


def _run(program: str, arguments: list[str], is_module: bool) -> None:
    """Run a program with its arguments, as Python would, under `patch`."""
    if not is_module and not os.path.exists(program):
        known = ", ".join(COMMANDS)
        _parser().error(f"there is no file {program!r}, nor a command ({known})")
    sys.argv = [program, *arguments]
    with patch():
        if is_module:
            sys.path.insert(0, os.getcwd())
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, os.path.dirname(os.path.abspath(program)))
            runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    sys.exit(main())
