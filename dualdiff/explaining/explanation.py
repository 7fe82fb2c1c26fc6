"""The table, the notebook view, the bars and the graph of what a derivative does."""

from __future__ import annotations

import html
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ..errors import line_text
from ..transforms.plan import Plan, amount
from .graph import Graph, draw
from .recording import Line, Observed, Operation, shortened


def duration(seconds: float) -> str:
    """A time as text."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@dataclass
class LineCost:
    """The operations of one line of the program."""

    line: Line
    names: Counter[str] = field(default_factory=Counter)
    forward: float = 0.0
    backward: float = 0.0
    bytes: int = 0

    @property
    def count(self) -> int:
        """The number of operations."""
        return self.names.total()

    @property
    def place(self) -> str:
        """File and number of the line."""
        return f"{os.path.basename(self.line[0])}:{self.line[1]}"

    @property
    def source(self) -> str:
        """The text of the line, or ""."""
        return line_text(*self.line).partition("`")[2].rstrip("`")

    @property
    def operations(self) -> str:
        """The operations and their numbers as text."""
        parts = [f"{name} {n}" if n > 1 else name for name, n in self.names.most_common(4)]
        return ", ".join(parts) + (", ..." if len(self.names) > 4 else "")


@dataclass
class Explanation:
    """What the derivative of a function does at one point; prints as a table.

    `lines` has a `LineCost` for each line of the program, the most expensive first; `residuals` are
    the operations that keep the most memory; `call_backs` those with a rule that runs a program of
    its own; `notes` says where NaNs arose and how they were resolved; `plan` is the plan of a
    Jacobian; `function` and `derivative` are seconds, without and with the derivative.
    """

    name: str
    lines: list[LineCost]
    residuals: list[Operation]
    call_backs: list[Operation]
    notes: list[str]
    plan: Plan
    function: float
    derivative: float
    observed: Observed = field(repr=False)
    limit: int = 12

    @property
    def bytes(self) -> int:
        """The memory that the recording keeps, besides the arguments."""
        return sum(line.bytes for line in self.lines)

    @property
    def count(self) -> int:
        """The number of recorded operations."""
        return sum(line.count for line in self.lines)

    @property
    def summary(self) -> list[str]:
        """The sentences before the table."""
        ratio = self.derivative / self.function if self.function else float("inf")
        return [
            f"{self.name}: {_number(self.count, 'operation')} recorded, {amount(self.bytes)} kept.",
            f"The function takes {duration(self.function)}, with its derivative in reverse mode "
            f"{duration(self.derivative)}: {ratio:.3g} times as long.",
            f"Jacobian: {self.plan.mode} mode, {_number(self.plan.directions, 'direction')}; "
            f"{self.plan.reason}.",
        ]

    @property
    def remarks(self) -> list[str]:
        """The sentences after the table."""
        found = []
        kept = [
            f"{r.name} at {os.path.basename(r.line[0])}:{r.line[1]} keeps {r.dtype} {r.shape}, "
            f"{amount(r.bytes)}"
            for r in self.residuals
        ]
        if kept:
            found.append("Largest residuals: " + "; ".join(kept) + ".")
        if self.call_backs:
            calls = Counter(
                f"{c.name} at {os.path.basename(c.line[0])}:{c.line[1]}" for c in self.call_backs
            )
            listed = ", ".join(f"{name} ({n})" if n > 1 else name for name, n in calls.items())
            found.append(f"Call-backs, whose own operations do not show: {listed}.")
        return found + self.notes

    HEADERS = ("line", "operations", "count", "forward", "backward", "kept", "program")

    def rows(self) -> list[tuple[str, ...]]:
        """The table as texts."""
        rows: list[tuple[str, ...]] = [
            (
                line.place,
                line.operations,
                str(line.count),
                duration(line.forward),
                duration(line.backward),
                amount(line.bytes),
                line.source,
            )
            for line in self.lines[: self.limit]
        ]
        if len(self.lines) > self.limit:
            rest = self.lines[self.limit :]
            rows.append(
                (
                    f"{len(rest)} more lines",
                    "",
                    str(sum(line.count for line in rest)),
                    duration(sum(line.forward for line in rest)),
                    duration(sum(line.backward for line in rest)),
                    amount(sum(line.bytes for line in rest)),
                    "",
                )
            )
        return rows

    def __str__(self) -> str:
        table = [self.HEADERS, *self.rows()]
        widths = [max(len(row[k]) for row in table) for k in range(len(self.HEADERS) - 1)]
        lines = []
        for row in table:
            cells = [
                text.rjust(width) if 2 <= k <= 5 else text.ljust(width)
                for k, (text, width) in enumerate(zip(row, widths, strict=False))
            ]
            lines.append("  ".join([*cells, row[-1]]).rstrip())
        return "\n".join([*self.summary, "", *lines, "", *self.remarks]).rstrip()

    def _repr_html_(self) -> str:
        def cells(row: tuple[str, ...], tag: str) -> str:
            return "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in row)

        body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in self.rows())
        head = f"<tr>{cells(self.HEADERS, 'th')}</tr>"
        before = "".join(f"<p>{html.escape(text)}</p>" for text in self.summary)
        after = "".join(f"<p>{html.escape(text)}</p>" for text in self.remarks)
        return f"{before}<table><thead>{head}</thead><tbody>{body}</tbody></table>{after}"

    def plot(self, ax: Any = None) -> Any:
        """Bars of the time and the memory of each line, by matplotlib; returns the axes."""
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(figsize=(8, 0.8 + 0.4 * min(len(self.lines), self.limit)))
        shown = self.lines[: self.limit][::-1]
        names = [f"{line.place}  {shortened(line.source, 50)}" for line in shown]
        forward = [line.forward * 1e3 for line in shown]
        ax.barh(names, forward, label="forward", color="C0")
        backward = [line.backward * 1e3 for line in shown]
        ax.barh(names, backward, left=forward, label="backward", color="C1")
        for i, line in enumerate(shown):
            end = forward[i] + backward[i]
            ax.text(end, i, f" {amount(line.bytes)}", va="center", size="small")
        ax.set(xlabel="milliseconds (and memory kept)", title=self.name)
        ax.margins(x=0.15)
        ax.legend(frameon=False)
        return ax

    def graph(self) -> Graph:
        """The recorded graph, folded by line, as SVG by graphviz's `dot` or as its text."""
        return draw(self.lines, self.observed)
