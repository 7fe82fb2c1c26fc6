"""Helpers of the compat package's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numdifftools as nd
import numpy as np

import dualdiff as dd

X = np.array([1.5, 2.5, 0.5])


def assert_right(f: Callable[[Any], Any]) -> None:
    """The gradient in both modes against numdifftools on plain arrays, and the value."""
    expected = nd.Gradient(f)(X)
    value, gradient = dd.value_and_grad(f)(X)
    np.testing.assert_allclose(value, f(X), rtol=1e-14)
    np.testing.assert_allclose(gradient, expected, atol=1e-8)
    np.testing.assert_allclose(dd.jacobian(f, mode="forward")(X), expected, atol=1e-8)
