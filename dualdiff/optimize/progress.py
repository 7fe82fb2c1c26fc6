"""A bar that counts evaluations, by tqdm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np

from ..transforms.directions import progress_bar


class Progress:
    """A progress bar that shows the best value so far."""

    def __init__(self, name: str) -> None:
        self.best = float("inf")
        self.bar = progress_bar()(desc=name, unit=" evaluations")

    def step(self, value: Any) -> None:
        """One more evaluation, with its value if it has one that can be shown."""
        if isinstance(value, (float, np.floating)):
            self.best = min(self.best, float(value))
            self.bar.set_postfix_str(f"best {self.best:.6g}", refresh=False)
        self.bar.update()


def bar_of(wanted: bool, name: str) -> AbstractContextManager[Progress | None]:
    """A bar that is closed at the end, or None if it is not wanted."""
    return _open(name) if wanted else nullcontext()


@contextmanager
def _open(name: str) -> Iterator[Progress]:
    progress = Progress(name)
    try:
        yield progress
    finally:
        progress.bar.close()
