"""The gallery: each example runs while the site is built, and its page shows what it made."""

import ast
import os
import subprocess
import sys
from pathlib import Path

SECONDS = 600  # an example that takes longer has failed


def run(example: Path, folder: Path) -> str:
    """The output of an example, whose pictures go to a folder."""
    kept = folder / f"{example.stem}.txt"
    if kept.exists() and kept.stat().st_mtime > example.stat().st_mtime:
        return kept.read_text(encoding="utf-8")
    environment = {
        **os.environ,
        "MPLBACKEND": "Agg",
        "PYTHONPATH": str(example.parents[1]),
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, str(example), str(folder)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=SECONDS,
    )
    if done.returncode:
        raise RuntimeError(f"{example.name} failed:\n{done.stdout}\n{done.stderr}")
    text = done.stdout.replace(str(folder), "FOLDER")
    kept.write_text(text, encoding="utf-8")
    return text


def page(example: Path, folder: Path) -> tuple[str, str]:
    """The title of an example's page, and its text."""
    source = example.read_text(encoding="utf-8")
    doc = ast.get_docstring(ast.parse(source)) or example.stem
    title, _, rest = doc.partition("\n\n")
    title = " ".join(title.split()).rstrip(".")
    story = rest.split("\nRun: ")[0].rstrip()
    output = run(example, folder)
    found = folder.glob(f"{example.stem}*")
    pictures = sorted(p.name for p in found if p.suffix in (".png", ".svg"))
    shown = "\n\n".join(f"```{{image}} {name}\n:alt: {title}\n```" for name in pictures)
    text = (
        f"# {title}\n\n{story}\n\n{shown}\n\n"
        f"## What it prints\n\n```text\n{output.rstrip()}\n```\n\n"
        f"## The program\n\n`examples/{example.name}`\n\n"
        f"```{{literalinclude}} ../../examples/{example.name}\n:language: python\n```\n"
    )
    return title, text


def write(examples: Path, folder: Path) -> None:
    """Write the pages of all examples and their index."""
    folder.mkdir(exist_ok=True)
    cards, names = [], []
    for example in sorted(examples.glob("*.py")):
        title, text = page(example, folder)
        target = folder / f"{example.stem}.md"
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
        names.append(example.stem)
        picture = folder / f"{example.stem}.png"
        image = f"[![{title}]({picture.name})]({target.name})" if picture.exists() else ""
        cards.append(f"## [{title}]({target.name})\n\n{image}\n")
    hidden = "\n".join(names)
    index = (
        "# Gallery\n\nPrograms with their pictures, made while this site was built.\n\n"
        f"```{{toctree}}\n:hidden:\n\n{hidden}\n```\n\n" + "\n".join(cards)
    )
    (folder / "index.md").write_text(index, encoding="utf-8")
