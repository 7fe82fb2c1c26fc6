"""Run the cases of some packages, in a process of their own; print a JSON object for each.

``python tests/wild/run.py tmm fluids`` prints what differentiation gives for these packages.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import numdifftools as nd
import numpy as np
from cases import CASES, Case

import dualdiff as dd


def reference(case: Case) -> Any:
    """The derivative by Richardson extrapolation of central differences."""
    step = nd.MaxStepGenerator(base_step=1e-3, num_steps=8, step_ratio=2, scale=1)
    size = np.maximum(np.abs(case.x), 1e-2)
    scaled = lambda u: float(np.real(dd.value_of(case.f(_like(u * size, case.x)))))  # noqa: E731
    return np.squeeze(nd.Gradient(scaled, step=step)(np.ravel(case.x / size)) / np.ravel(size))


def _like(u: Any, x: Any) -> Any:
    return float(np.squeeze(u)) if np.ndim(x) == 0 else np.asarray(u)


def attempt(case: Case, expected: Any) -> str:
    """The outcome of a gradient and of a forward pass: right, wrong, clear or unclear."""
    along = np.cos(1.0 + np.arange(np.size(case.x))).reshape(np.shape(case.x))
    try:
        backward = np.squeeze(dd.grad(case.f)(case.x))
        forward = dd.jvp(case.f, (case.x,), (_like(along, case.x),))[1]
    except dd.DualdiffError as error:
        return f"clear: {error}"
    except Exception as error:
        return f"unclear: {type(error).__name__}: {error}"
    bound = 1e-5 * (np.max(np.abs(expected)) + 1e-12)
    if not np.max(np.abs(backward - expected)) <= bound:
        return f"wrong: {backward} for {expected}"
    if not abs(np.squeeze(np.real(forward)) - np.sum(along * expected)) <= bound * np.size(along):
        return f"wrong: forward {forward} for {np.sum(along * expected)}"
    return "right"


def seconds(call: Callable[[], Any]) -> float:
    """The least processor time of some calls: the machine may do other work."""
    times: list[float] = []
    while len(times) < 3 or (len(times) < 60 and sum(times) < 0.6):
        start = time.thread_time()
        call()
        times.append(time.thread_time() - start)
    return min(times)


def run(case: Case) -> dict[str, Any]:
    """All that is known of one case."""
    made: dict[str, Any] = {"name": case.name, "package": case.package, "field": case.field}
    try:
        expected = reference(case)
    except Exception as error:
        return {**made, "plain": f"no value: {type(error).__name__}: {error}", "patched": ""}
    made["plain"] = attempt(case, expected)
    with dd.patch():
        made["patched"] = attempt(case, expected)
        if made["patched"] == "right":
            calls = [lambda: dd.grad(case.f)(case.x), lambda: case.f(case.x)]
            turns = [[seconds(call) for call in calls] for _ in range(2)]
            gradient, function = map(min, zip(*turns, strict=True))
            made["cost"] = gradient / function
    return made


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for one in CASES:
        if one.package in sys.argv[1:] or one.name in sys.argv[1:]:
            print(json.dumps(run(one)), flush=True)
