"""The recorded graph, folded by line of the program, in the language of graphviz."""

from __future__ import annotations

import html
import os
import shutil
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

from ..core.tape import slots_of
from .recording import Line, Observed, shortened

if TYPE_CHECKING:
    from .explanation import LineCost


class Graph:
    """A graph as text in graphviz's language, and as a picture where `dot` is installed.

    `dot` is the text; `svg` is the picture, or None; a notebook shows the one it has.
    """

    def __init__(self, dot: str) -> None:
        self.dot = dot
        self._svg: str | None = None

    @property
    def svg(self) -> str | None:
        """The picture as SVG, or None without graphviz."""
        program = shutil.which("dot")
        if self._svg is None and program is not None:
            done = subprocess.run(
                [program, "-Tsvg"], input=self.dot, capture_output=True, text=True, check=True
            )
            self._svg = done.stdout[done.stdout.index("<svg") :]
        return self._svg

    def __str__(self) -> str:
        return self.dot

    def _repr_html_(self) -> str:
        return self.svg or f"<pre>{html.escape(self.dot)}</pre>"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the SVG, or the text if the name ends in ``.dot`` or graphviz is missing."""
        is_text = os.fspath(path).endswith(".dot")
        text = self.dot if is_text else self.svg or self.dot
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def draw(lines: list[LineCost], observed: Observed) -> Graph:
    """One node for each line, and an edge where a line reads what another one made."""
    names = {line.line: f"line{i}" for i, line in enumerate(lines)}
    made: dict[int, str] = {}
    nodes = []
    inputs = observed.recording.inputs
    arguments = [
        f"argument {position}{path}"
        for position, structure in zip(inputs.positions, inputs.structures, strict=True)
        for path in structure.paths
    ]
    for i, (slot, name) in enumerate(zip(observed.recording.slots, arguments, strict=True)):
        if slot:
            made[slot] = f"argument{i}"
            nodes.append(f"  argument{i} [label={_quoted(name)}, shape=oval];")
    for line in sorted(lines, key=_by_place):
        label = f"{line.place}\n{shortened(line.source, 60)}\n{line.operations}"
        nodes.append(f"  {names[line.line]} [label={_quoted(label)}];")
    edges: Counter[tuple[str, str]] = Counter()
    for entry in observed.tape.entries:
        note = observed.tape.notes.get(entry[1])
        operands = [slot for slot in slots_of(entry) if slot]
        if note is None:  # one of several results of an operation
            made[entry[1]] = made.get(operands[0], "") if operands else ""
            continue
        here = made[entry[1]] = names[note.line]
        for slot in operands:
            if made.get(slot) and made[slot] != here:
                edges[made[slot], here] += 1
    outputs = [slot for slot in observed.recording.outputs.payloads if slot]
    nodes += [f'  result{i} [label="result {i}", shape=oval];' for i in range(len(outputs))]
    edges.update((made[slot], f"result{i}") for i, slot in enumerate(outputs) if slot in made)
    arrows = [
        f"  {a} -> {b}" + (f' [label="{n}"];' if n > 1 else ";") for (a, b), n in edges.items()
    ]
    font = 'fontname="monospace", fontsize=10'
    style = f"  node [shape=box, {font}];\n  edge [{font}];\n  rankdir=TB;"
    return Graph("\n".join(["digraph derivative {", style, *nodes, *arrows, "}"]))


def _by_place(line: LineCost) -> Line:
    return line.line
