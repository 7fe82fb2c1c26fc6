"""The documentation site: Sphinx, MyST and the theme furo. `make docs` builds it."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
# Sphinx runs this file from anywhere: the package and the module beside it are found from here on.
sys.path[:0] = [str(HERE.parent), str(HERE)]

import gallery_pages  # noqa: E402

import dualdiff  # noqa: E402

project = "dualdiff"
author = "the dualdiff developers"
copyright = author
version = release = dualdiff.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"dualdiff {release}"
html_static_path: list[str] = []
exclude_patterns = ["_build"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
default_role = "code"  # docstrings write `x` for code
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
add_module_names = False
nitpicky = False

SECTIONS = (
    "Arguments|Returns|Raises|Complex numbers|Kinks|Convention|Conventions|Source|Sources|Options"
)
HEAD = re.compile(rf"^({SECTIONS}): ")


def _escaped(line: str) -> str:
    """A line of a docstring whose stars, bars and underscores outside of code mean themselves."""
    parts = re.split(r"(``.*?``|`[^`]*`)", line)
    for k in range(0, len(parts), 2):
        parts[k] = re.sub(r"([*|\\])|(?<=\w)(_)(?=\W|$)", r"\\\1\2", parts[k])
    return "".join(parts)


def _spread(app, what, name, obj, options, lines) -> None:
    """Let "Arguments:", "Returns:" and the like begin paragraphs of their own."""
    spread: list[str] = []
    in_example = False
    for line in lines:
        in_example = line.startswith(">>>") or (in_example and bool(line.strip()))
        if in_example:
            spread.append(line)
            continue
        found = HEAD.match(line)
        if found:
            spread += ["", f"**{found[1]}:** {_escaped(line[found.end() :])}"]
        else:
            spread.append(_escaped(line))
    lines[:] = spread


def _examples_before(app) -> None:
    gallery_pages.write(HERE.parent / "examples", HERE / "gallery")


def setup(app) -> None:
    app.connect("autodoc-process-docstring", _spread)
    app.connect("builder-inited", _examples_before)
