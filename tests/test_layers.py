"""The package keeps its shape: imports go down the layers, and files stay short."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "dualdiff"
FILES = sorted(PACKAGE.rglob("*.py"))

# The layers that each layer may import besides itself. A new file or folder at the top of the
# package needs a line here. `core` and `array` are one layer in two folders, and no import of files
# is circular. "" is dualdiff/__init__.py: a layer that is not above it takes names where they live.
FOUNDATION = ["errors", "core", "array", "trees"]
ALLOWED: dict[str, list[str]] = {
    "errors": [],
    "labelled": ["errors"],
    "core": ["errors", "array", "trees"],
    "array": ["errors", "core"],
    "trees": ["errors", "labelled", "core", "array"],
    "debug": FOUNDATION,
    "rules": [*FOUNDATION, "transforms"],
    "transforms": [*FOUNDATION, "debug", "rules", "sparse"],
    "sparse": [*FOUNDATION, "rules", "transforms"],
    "extend": [*FOUNDATION, "rules", "transforms"],
    "compiled": [*FOUNDATION, "rules", "transforms", "sparse"],
    "numpy": ["rules"],
    "scipy": ["rules", "array"],
    "patching": [*FOUNDATION, "rules", "transforms"],
    "optimize": [*FOUNDATION, "rules", "transforms", "sparse", "compiled"],
    "sklearn": ["errors", "optimize"],
    "bridges": [*FOUNDATION, "transforms", "extend"],
    "explaining": [*FOUNDATION, "transforms"],
    "settings": ["rules", "transforms"],
    "testing": [*FOUNDATION, "debug", "rules", "transforms", "sparse", "extend"],
}
ABOVE_ALL = ["", "__main__", "commands", "compat"]


def layer_of(module: str) -> str:
    """'dualdiff.numpy.linalg' -> 'numpy'; 'dualdiff' and names defined in it -> ''."""
    name = module.partition(".")[2].partition(".")[0]
    exists = (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
    return name if exists else ""


def nodes_of(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"):
            yield node
            yield from nodes_of(node)


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of every import in a file, those inside functions included."""
    package = ["dualdiff", *path.relative_to(PACKAGE).parts[:-1]]
    for node in nodes_of(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                parts = package[: len(package) - level + 1] if level else []
                base = ".".join([*parts, *([module] if module else [])])
                if base == "dualdiff":
                    yield from ((node.lineno, f"dualdiff.{alias.name}") for alias in names)
                else:
                    yield node.lineno, base
            case ast.Call(func=func, args=[ast.Constant(value=str(module)), *_]):
                called = getattr(func, "id", getattr(func, "attr", ""))
                if called in ("import_module", "__import__"):
                    yield node.lineno, module


def file_id(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_imports_go_down_the_layers(path: Path) -> None:
    top = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    layer = "" if top == "__init__" else top
    if layer in ABOVE_ALL:
        return
    assert layer in ALLOWED, f"{path.name}: give '{layer}' a place among the layers in {__file__}"
    upward = [
        f"line {line}: {module}"
        for line, module in imported_modules(path)
        if module.split(".")[0] == "dualdiff" and layer_of(module) not in [layer, *ALLOWED[layer]]
    ]
    assert not upward, f"{layer} may import only {ALLOWED[layer]}: {upward}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=file_id)
def test_core_knows_numpy_and_the_standard_library_only(path: Path) -> None:
    known = {"dualdiff", "numpy", *sys.stdlib_module_names}
    strangers = [m for _, m in imported_modules(path) if m.split(".")[0] not in known]
    assert not strangers


def lines_in(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def lines_of_code_in(path: Path) -> int:
    """Lines that are neither blank, nor comments, nor docstrings, which may be as long as
    needed."""
    source = path.read_text(encoding="utf-8")
    prose: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            prose.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(1 for n, text in lines if n not in prose and text.strip() and text.strip()[0] != "#")


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(("dualdiff", *parts)).removesuffix(".__init__")


def imported_names(path: Path) -> Iterator[str]:
    """Every module that a file imports, and every name that it imports from one."""
    package = ["dualdiff", *path.relative_to(PACKAGE).parts[:-1]]
    for node in nodes_of(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            parts = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def test_no_file_imports_itself_by_way_of_others() -> None:
    files = {module_of(path): path for path in FILES}
    imports = {
        name: {m for m in imported_names(path) if m in files and m not in (name, "dualdiff")}
        # A package imports its modules, and they it, as `from . import a, b`.
        - {name.rpartition(".")[0]}
        for name, path in files.items()
    }
    while free := [name for name, below in imports.items() if not below & imports.keys()]:
        for name in free:
            del imports[name]
    assert not {name: below & imports.keys() for name, below in imports.items()}


def test_no_file_of_the_package_is_longer_than_500_lines() -> None:
    too_long = {file_id(path): lines_in(path) for path in FILES if lines_in(path) > 500}
    assert not too_long
