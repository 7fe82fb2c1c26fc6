"""The report of a compiled function."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..errors import line_text

if TYPE_CHECKING:
    from .function import Compiled
    from .recordings import Recording


class Report:
    """How a compiled function answered its calls; prints as text, and as a table in notebooks."""

    def __init__(self, compiled: Compiled) -> None:
        self.name = getattr(compiled.f, "__name__", repr(compiled.f))
        self.rows: list[tuple[str, str]] = []
        for i, table in enumerate(compiled.tables.values()):
            self.rows.append((f"signature {i + 1}", f"{table.eager_calls} eager calls"))
            if table.reason:
                self.rows.append(("why eager", table.reason))
            self.rows.append(("misses", str(table.misses)))
            self.rows.append(("seconds", f"{table.record_seconds:.3f} to record and compile"))
            for where, count in sorted(table.guards.items(), key=lambda item: -item[1]):
                self.rows.append(("guard failed", f"{count} times {where}"))
            for recorded in table.recordings:
                self.rows += list(_rows_of(recorded))

    def __str__(self) -> str:
        width = max((len(a) for a, _ in self.rows), default=0)
        lines = [f"compiled {self.name}", *(f"  {a:<{width}}  {b}" for a, b in self.rows)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{escape(a)}</td><td>{escape(b)}</td></tr>" for a, b in self.rows)
        return f"<table><caption>compiled {escape(self.name)}</caption>{rows}</table>"


def _rows_of(recorded: Recording) -> list[tuple[str, str]]:
    rows = [
        ("recording", f"{recorded.size} operations, {recorded.replays} replays"),
        ("code", describe(recorded)),
    ]
    lines: dict[str, int] = {}
    for guard in recorded.guards.values():
        where = line_text(*guard.where)
        lines[where] = lines.get(where, 0) + 1
    rows += [("guards", f"{count} {where}") for where, count in lines.items()]
    if recorded.lifted:
        size = sum(x.nbytes for x in recorded.lifted) / 1e6
        count = len(recorded.lifted)
        rows.append(("inputs of its own", f"{count} captured arrays, {size:.1f} MB, not compared"))
    if recorded.callbacks:
        rows.append(("call-backs", str(recorded.callbacks)))
    return rows


def describe(recorded: Recording) -> str:
    """The backend of a recording in words."""
    return recorded.program.description
