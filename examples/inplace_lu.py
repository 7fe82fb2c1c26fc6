"""An LU factorisation that overwrites its matrix, differentiated as it stands.

Textbooks write Gaussian elimination in place: rows are swapped, `A[k + 1:, k:] -= ...`, and the
solution replaces the right-hand side. The program below does so (Golub and Van Loan, Matrix
Computations, 4th edition, section 3.4). dualdiff differentiates its steps, pivoting included, and
the caller's matrix stays as it was.

The reference is `numpy.linalg.solve`, whose derivative dualdiff takes from a formula in closed
form: another way to the same numbers, which agree in both modes and for second derivatives.

Run: python examples/inplace_lu.py
"""

import functools
import time
from collections.abc import Callable

import numpy as np

import dualdiff as dd

SIZE = 40
WEIGHTS = np.cos(np.arange(SIZE))
BOTH = (0, 1)  # the derivatives are by A and b: overwritten arrays must be traced


def factorise(A):
    """Overwrite `A` with its factors L (below the diagonal, unit) and U; returns the row order."""
    n = len(A)
    order = np.arange(n)
    for k in range(n - 1):
        pivot = k + np.argmax(np.abs(A[k:, k]))
        if pivot != k:
            A[[k, pivot]] = A[[pivot, k]]
            order[[k, pivot]] = order[[pivot, k]]
        A[k + 1 :, k] /= A[k, k]
        A[k + 1 :, k + 1 :] -= np.outer(A[k + 1 :, k], A[k, k + 1 :])
    return order


def substitute(LU, x):
    """Overwrite `x` with the solution of L U y = x."""
    for k in range(1, len(x)):
        x[k] -= LU[k, :k] @ x[:k]
    for k in reversed(range(len(x))):
        x[k] -= LU[k, k + 1 :] @ x[k + 1 :]
        x[k] /= LU[k, k]


def solve(A, b):
    """The solution of A x = b by the two programs above."""
    order = factorise(A)  # this `A` is traced: the caller's array does not change
    x = b[order]
    substitute(A, x)
    return x


def loss(solver, A, b):
    """A scalar of the solution."""
    x = solver(A, b)
    return WEIGHTS @ x + np.sum(x**2)


def derivatives(solver: Callable, A: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    """First derivatives in both modes, and a product with the Hessian."""
    f = functools.partial(loss, solver)
    directions = np.sin(np.arange(A.size)).reshape(A.shape), np.cos(np.arange(len(b)))
    wrt_A, wrt_b = dd.grad(f, BOTH)(A, b)
    forward_A, forward_b = dd.jacobian(f, BOTH, mode="forward")(A, b)
    curved_A, curved_b = dd.hvp(f, BOTH)(A, b, directions)
    return {
        "reverse mode, by A": wrt_A,
        "reverse mode, by b": wrt_b,
        "forward mode, by A": forward_A,
        "forward mode, by b": forward_b,
        "forward mode, one direction": dd.jvp(f, (A, b), directions)[1],
        "Hessian times vector, A": curved_A,
        "Hessian times vector, b": curved_b,
    }


def median_times(calls: dict[str, Callable], rounds: int = 15) -> dict[str, float]:
    """Median seconds per call; the calls take turns, so that a busy moment hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(t)) for name, t in times.items()}


def print_costs(A: np.ndarray, b: np.ndarray) -> None:
    """The cost of the gradients."""
    in_place = dd.grad(functools.partial(loss, solve), BOTH)
    closed = dd.grad(functools.partial(loss, np.linalg.solve), BOTH)
    times = median_times(
        {
            "in place, value": lambda: loss(solve, A.copy(), b),
            "in place, gradient": lambda: in_place(A, b),
            "numpy.linalg.solve, gradient": lambda: closed(A, b),
        }
    )
    print(f"\n{'cost, n = ' + str(SIZE):30s}      time")
    for name, seconds in times.items():
        print(f"{name:30s} {seconds * 1e3:6.2f} ms")
    own, gradient, formula = times.values()
    print(f"The gradient through {SIZE} eliminations takes {gradient / own:.1f} times the value,")
    print(f"and {gradient / formula:.0f} times the gradient of numpy.linalg.solve.")


def main() -> None:
    """Compare the derivatives of both solvers, then their costs."""
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(SIZE, SIZE)), rng.normal(size=SIZE)
    before = A.copy(), b.copy()

    swaps = np.count_nonzero(factorise(A.copy()) != np.arange(SIZE))
    print(f"{SIZE} equations, {swaps} rows moved by pivoting")
    assert swaps > 0, "the example is to show pivoting"
    ours, reference = derivatives(solve, A, b), derivatives(np.linalg.solve, A, b)
    for name, expected in reference.items():
        difference = np.max(np.abs(ours[name] - expected)) / np.max(np.abs(expected))
        print(f"{name:28s} largest relative difference to numpy.linalg.solve {difference:.0e}")
        assert difference < 1e-10, f"{name} is wrong"
    assert np.array_equal(A, before[0]), "the caller's matrix has changed"
    assert np.array_equal(b, before[1]), "the caller's right-hand side has changed"
    print_costs(A, b)


if __name__ == "__main__":
    main()
