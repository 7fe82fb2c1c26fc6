"""Compiled functions beside eager ones, jax.jit and CasADi: `python -m benchmarks.compiled`.

All contestants take turns in one process, on one thread; figures are the least processor times, in
microseconds, of the whole call, with NumPy arrays in and out (jax: device arrays, with
block_until_ready). jax gets its loops as `lax.scan`, which its users must write by hand; CasADi
unrolls the Python loop (SX).
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

import dualdiff as dd

RNG = np.random.default_rng(0)
STEP = 0.01


@dataclass
class Row:
    """A workload: an operator on `f(xp, x, *data)` at x, and what the peers run in place of f."""

    name: str
    f: Callable[..., Any]
    x: Any
    operator: str = "value_and_grad"
    jax: Callable[[Any, Any], Any] | None = None
    casadi: bool = False
    jaxable: bool = True
    data: tuple[Any, ...] = ()

    @property
    def arguments(self) -> tuple[Any, ...]:
        return (self.x, *self.data)


def chain(xp: Any, x: Any) -> Any:
    for _ in range(333):
        x = xp.sin(x) * 0.9 + 0.1 * x
    return xp.sum(x)


def chain_scan(jax: Any, x: Any) -> Any:
    jnp = jax.numpy

    def step(x: Any, _: None) -> Any:
        return jnp.sin(x) * 0.9 + 0.1 * x, None

    return jnp.sum(jax.lax.scan(step, x, None, length=333)[0])


def elements(xp: Any, x: Any) -> Any:
    total = 0.0
    for i in range(x.shape[0]):
        total = total + x[i] * x[i]
    return total


def elements_scan(jax: Any, x: Any) -> Any:
    return jax.lax.scan(lambda s, v: (s + v * v, None), 0.0, x)[0]


def _pendulum_step(xp: Any, angle: Any, speed: Any) -> tuple[Any, Any]:
    h = STEP

    def slope(a: Any, s: Any) -> Any:
        return s, -xp.sin(a) - 0.1 * s

    a1, s1 = slope(angle, speed)
    a2, s2 = slope(angle + 0.5 * h * a1, speed + 0.5 * h * s1)
    a3, s3 = slope(angle + 0.5 * h * a2, speed + 0.5 * h * s2)
    a4, s4 = slope(angle + h * a3, speed + h * s3)
    angle = angle + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
    return angle, speed + h / 6 * (s1 + 2 * s2 + 2 * s3 + s4)


def pendulum(xp: Any, p: Any) -> Any:
    angle, speed = p[0], p[1]
    for _ in range(1000):
        angle, speed = _pendulum_step(xp, angle, speed)
    return angle * angle + speed


def pendulum_scan(jax: Any, p: Any) -> Any:
    def step(c: Any, _: None) -> Any:
        return _pendulum_step(jax.numpy, *c), None

    angle, speed = jax.lax.scan(step, (p[0], p[1]), None, length=1000)[0]
    return angle * angle + speed


def _lorenz_step(stack: Callable[[list[Any]], Any], u: Any) -> Any:
    def slope(u: Any) -> Any:
        return stack(
            [10.0 * (u[1] - u[0]), u[0] * (28.0 - u[2]) - u[1], u[0] * u[1] - 8.0 / 3.0 * u[2]]
        )

    h = STEP
    k1 = slope(u)
    k2 = slope(u + 0.5 * h * k1)
    k3 = slope(u + 0.5 * h * k2)
    k4 = slope(u + h * k3)
    return u + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def lorenz(xp: Any, u: Any) -> Any:
    stack = dd.numpy.array if xp is np else lambda parts: xp.vertcat(*parts)
    for _ in range(100):
        u = _lorenz_step(stack, u)
    return u[0] * u[0] + u[1] * u[2]


def lorenz_scan(jax: Any, u: Any) -> Any:
    def step(u: Any, _: None) -> Any:
        return _lorenz_step(jax.numpy.stack, u), None

    u = jax.lax.scan(step, u, None, length=100)[0]
    return u[0] * u[0] + u[1] * u[2]


def rosenbrock_loop(xp: Any, x: Any) -> Any:
    total = 0.0
    for i in range(x.shape[0] - 1):
        total = total + 100.0 * (x[i + 1] - x[i] * x[i]) ** 2 + (1.0 - x[i]) ** 2
    return total


def rosenbrock_scan(jax: Any, x: Any) -> Any:
    def step(total: Any, pair: Any) -> Any:
        a, b = pair
        return total + 100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2, None

    return jax.lax.scan(step, 0.0, (x[:-1], x[1:]))[0]


def rosenbrock(xp: Any, x: Any) -> Any:
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


SMALL_X, SMALL_Y = RNG.normal(size=(20, 4)), RNG.random(20)


def logistic(xp: Any, w: Any) -> Any:
    return _logistic(xp, w, SMALL_X, SMALL_Y)


def _logistic(xp: Any, w: Any, X: Any, y: Any) -> Any:
    z = X @ w
    return xp.sum(xp.logaddexp(0.0, z) - y * z)


LARGE_X, LARGE_Y = RNG.normal(size=(10_000, 100)), RNG.random(10_000)


def large_logistic(xp: Any, w: Any) -> Any:
    return _logistic(xp, w, LARGE_X, LARGE_Y)


def residual(xp: Any, p: Any) -> Any:
    """The projection of a point by a camera, as in bundle adjustment."""
    angle2 = p[0] * p[0] + p[1] * p[1] + p[2] * p[2]
    angle = xp.sqrt(angle2)
    c, s = xp.cos(angle), xp.sin(angle)
    k0, k1, k2 = p[0] / angle, p[1] / angle, p[2] / angle
    d = (k0 * p[9] + k1 * p[10] + k2 * p[11]) * (1 - c)
    x = p[9] * c + (k1 * p[11] - k2 * p[10]) * s + k0 * d + p[3]
    y = p[10] * c + (k2 * p[9] - k0 * p[11]) * s + k1 * d + p[4]
    z = p[11] * c + (k0 * p[10] - k1 * p[9]) * s + k2 * d + p[5]
    u, v = -x / z, -y / z
    r = u * u + v * v
    f = p[6] * (1 + p[7] * r + p[8] * r * r)
    stack = dd.numpy.array if xp is np else getattr(xp, "stack", None)
    return stack([f * u - 0.3, f * v - 0.4]) if stack else xp.vertcat(f * u - 0.3, f * v - 0.4)


INPUTS = RNG.normal(size=(50, 8))


def _cell(xp: Any, W: Any, h: Any, c: Any, x: Any) -> tuple[Any, Any]:
    z = W @ xp.concatenate([x, h])
    n = h.shape[0]

    def sigmoid(v: Any) -> Any:
        return 1.0 / (1.0 + xp.exp(-v))

    c = sigmoid(z[:n]) * c + sigmoid(z[n : 2 * n]) * xp.tanh(z[2 * n : 3 * n])
    return sigmoid(z[3 * n :]) * xp.tanh(c), c


def lstm(xp: Any, W: Any) -> Any:
    h = c = xp.zeros(8)
    for x in INPUTS:
        h, c = _cell(xp, W, h, c, x)
    return xp.sum(h)


def lstm_scan(jax: Any, W: Any) -> Any:
    jnp = jax.numpy
    start = (jnp.zeros(8), jnp.zeros(8))

    def step(s: Any, x: Any) -> Any:
        return _cell(jnp, W, s[0], s[1], x), None

    return jnp.sum(jax.lax.scan(step, start, jnp.asarray(INPUTS))[0][0])


def waves(xp: Any, x: Any) -> Any:
    y = x
    for _ in range(4):
        y = xp.sin(y) * x + xp.tanh(y)
    return xp.sum(y)


def polynomial(xp: Any, x: Any) -> Any:
    y = x
    for k in range(10):
        y = y * x + (0.1 * k - 0.3)
    return xp.sum(y)


POINTS, MEANS = RNG.normal(size=(1000, 3)), RNG.normal(size=(8, 3))


def mixture(xp: Any, means: Any) -> Any:
    d = POINTS[:, None, :] - means[None, :, :]
    q = -0.5 * xp.sum(d * d, axis=2)
    top = xp.max(q, axis=1)
    return -xp.sum(xp.log(xp.sum(xp.exp(q - top[:, None]), axis=1)) + top)


DATA, TARGET = RNG.normal(size=(100, 50)), RNG.normal(size=(100, 1))
W2 = RNG.normal(size=(64, 1))


def network(xp: Any, W: Any) -> Any:
    h = xp.tanh(DATA @ W)
    return xp.mean((h @ W2 - TARGET) ** 2)


A100 = RNG.normal(size=(100, 100)) / 10
TALL = RNG.normal(size=(1000, 3))


def square_map(xp: Any, x: Any) -> Any:
    return xp.tanh(A100 @ xp.sin(x))


def tall_map(xp: Any, x: Any) -> Any:
    return xp.sin(TALL @ x)


def wide_map(xp: Any, x: Any) -> Any:
    return xp.tanh(TALL.T @ xp.sin(x) / 30)


def cholesky(xp: Any, a: Any) -> Any:
    n = a.shape[0]
    lower = dd.numpy.zeros((n, n))
    for j in range(n):
        lower[j, j] = np.sqrt(a[j, j] - np.sum(lower[j, :j] ** 2))
        for i in range(j + 1, n):
            lower[i, j] = (a[i, j] - np.sum(lower[i, :j] * lower[j, :j])) / lower[j, j]
    return np.sum(np.log(np.diag(lower)))


def heat(xp: Any, start: Any) -> Any:
    u = np.copy(start)
    for _ in range(200):
        u[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2.0 * u[1:-1] + u[:-2])
    return np.sum(u**2)


def programme(xp: Any, cost: Any) -> Any:
    """The cost of a soft path through a grid, cell by cell."""
    n, m = cost.shape
    best = dd.numpy.zeros((n, m))
    best[0, :] = np.cumsum(cost[0, :])
    for i in range(1, n):
        best[i, 0] = best[i - 1, 0] + cost[i, 0]
        for j in range(1, m):
            best[i, j] = cost[i, j] + np.logaddexp(best[i - 1, j], best[i, j - 1])
    return best[n - 1, m - 1]


def tridiagonal(xp: Any, x: Any) -> Any:
    """Broyden's tridiagonal function."""
    inner = (3.0 - 2.0 * x[1:-1]) * x[1:-1] - x[:-2] - 2.0 * x[2:] + 1.0
    first = (3.0 - 2.0 * x[:1]) * x[:1] - 2.0 * x[1:2] + 1.0
    last = (3.0 - 2.0 * x[-1:]) * x[-1:] - x[-2:-1] + 1.0
    stack = getattr(xp, "vertcat", None)
    return stack(first, inner, last) if stack else xp.concatenate([first, inner, last])


def rosenbrock_symbols(xp: Any, x: Any) -> Any:
    a, b = x[:-1], x[1:]
    return (xp.sum1 if hasattr(xp, "sum1") else xp.sum)(100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2)


SEEN = RNG.normal(size=(100, 2))
MOTION = np.array([[1.0, 0.1], [0.0, 1.0]])


def kalman(xp: Any, p: Any) -> Any:
    """The likelihood of a Kalman filter with a state of two numbers, both of them measured."""
    m, v, total = np.zeros(2), np.eye(2), 0.0
    for y in SEEN:
        m, v = MOTION @ m, MOTION @ v @ MOTION.T + p[0] * np.eye(2)
        s, r = v + p[1] * np.eye(2), y - m
        total = total + 0.5 * (r @ np.linalg.solve(s, r) + np.log(np.linalg.det(s)))
        gain = np.linalg.solve(s, v).T
        m, v = m + gain @ r, v - gain @ s @ gain.T
    return total


def bell(xp: Any, p: Any) -> Any:
    return dd.scipy.integrate.quad(lambda x: np.exp(-p[0] * x**2) * np.cos(p[1] * x), 0, np.inf)[0]


def orbit(xp: Any, p: Any) -> Any:
    """Kepler's equation."""
    return dd.scipy.optimize.brentq(lambda e: e - p[0] * np.sin(e) - p[1], 0.0, 6.0)


def circle(xp: Any, p: Any) -> Any:
    def equations(u: Any) -> Any:
        return dd.numpy.array([u[0] ** 2 + u[1] ** 2 - p[0], u[1] - p[1] * u[0] ** 2])

    return np.sum(dd.scipy.optimize.root(equations, np.array([0.5, 0.5])).x)


TIMES = np.linspace(0.0, 2.0, 12)


def decay(xp: Any, p: Any) -> Any:
    data = p[0] * np.exp(-TIMES) + p[1] * TIMES
    fit = dd.scipy.optimize.curve_fit(lambda t, a, b: a * np.exp(-b * t), TIMES, data, [1.0, 1.0])
    return fit[0][0] * fit[0][1]


_M = RNG.normal(size=(40, 40))
POSITIVE = _M @ _M.T + 40 * np.eye(40)
ROWS = [
    Row("x*x", lambda xp, x: x * x, np.float64(1.5), casadi=True),
    Row("logistic regression 20 x 4", logistic, RNG.random(4)),
    Row("scalar chain 1,000", chain, np.float64(0.5), jax=chain_scan, casadi=True),
    Row("x[i] loop, n = 8,000", elements, RNG.random(8000), jax=elements_scan, casadi=True),
    Row("pendulum RK4, 1,000 steps", pendulum, np.array([1.0, 0.2]), "value_and_grad",
        pendulum_scan, True),
    Row("Lorenz RK4 on 3-vectors, 100 steps", lorenz, np.array([1.0, 0.5, 20.0]),
        "value_and_grad", lorenz_scan, True),
    Row("Rosenbrock, Python scalars, n = 1,000", rosenbrock_loop, RNG.random(1000),
        jax=rosenbrock_scan, casadi=True),
    Row("Rosenbrock 1,000, gradient", rosenbrock, RNG.random(1000)),
    Row("Rosenbrock 1,000, hvp", rosenbrock, RNG.random(1000), "hvp"),
    Row("10-vector chain", chain, RNG.random(10), jax=chain_scan),
    Row("bundle adjustment, one Jacobian", residual, RNG.random(12) + 0.5, "jacobian",
        casadi=True),
    Row("LSTM, 50 cells of 8", lstm, 0.3 * RNG.normal(size=(32, 16)), jax=lstm_scan),
    Row("1e6 elements, sin and tanh", waves, RNG.random(1_000_000)),
    Row("1e6 elements, polynomial", polynomial, RNG.random(1_000_000)),
    Row("Gaussian mixture 1,000 x 8", mixture, MEANS),
    Row("network 50-64-1, 100 rows", network, 0.1 * RNG.normal(size=(50, 64))),
    Row("logistic regression 10,000 x 100", large_logistic, 0.1 * RNG.random(100)),
    Row("the same, data as arguments", _logistic, 0.1 * RNG.random(100),
        data=(LARGE_X, LARGE_Y)),
    Row("Jacobian 100 -> 100", square_map, RNG.random(100), "jacobian"),
    Row("Jacobian 3 -> 1,000", tall_map, RNG.random(3), "jacobian"),
    Row("Jacobian 1,000 -> 3", wide_map, RNG.random(1000), "jacobian"),
    Row("sparse Jacobian, tridiagonal, n = 10,000", tridiagonal, RNG.random(10_000),
        "sparse_jacobian", casadi=True, jaxable=False),
    Row("sparse Hessian, Rosenbrock 200", rosenbrock_symbols, RNG.random(200),
        "sparse_hessian", casadi=True, jaxable=False),
    Row("Cholesky 40 x 40 by elements", cholesky, POSITIVE, jaxable=False),
    Row("heat equation in place, 200 x 50", heat, RNG.random(50), jaxable=False),
    Row("dynamic programme 30 x 30", programme, RNG.random((30, 30)), jaxable=False),
    Row("Kalman filter, 100 steps, 2 x 2", kalman, np.array([0.1, 0.5]), jaxable=False),
    Row("integral to infinity by quad", bell, np.array([1.1, 0.7]), jaxable=False),
    Row("Kepler's equation by brentq", orbit, np.array([0.8, 0.7]), jaxable=False),
    Row("two equations by root", circle, np.array([0.8, 0.7]), jaxable=False),
    Row("curve_fit, 2 parameters", decay, np.array([0.8, 0.7]), jaxable=False),
]  # fmt: skip
DIRECTION = RNG.random(1000)


def eager(row: Row) -> Callable[..., Any]:
    """The operator of a row on its function."""
    f = functools.partial(row.f, np)
    if row.operator == "hvp":
        product = dd.hvp(f)
        return lambda x: product(x, DIRECTION)
    if row.operator.startswith("sparse_"):
        return getattr(dd, row.operator.removeprefix("sparse_"))(f, sparse=True)
    operator: Callable[..., Callable[..., Any]] = getattr(dd, row.operator)
    return operator(f)


def with_jax(row: Row) -> Callable[..., Any] | None:
    """jax.jit of the same derivative, on device arrays."""
    try:
        import jax
    except ImportError:
        return None
    if not row.jaxable:
        return None
    jax.config.update("jax_enable_x64", True)
    f = functools.partial(row.f, jax.numpy)
    if row.jax is not None:  # a form that jax compiles, with lax.scan for loops
        f = functools.partial(row.jax, jax)
    if row.operator == "hvp":
        d = jax.numpy.asarray(DIRECTION)
        g = jax.jit(lambda x: jax.jvp(jax.grad(f), (x,), (d,))[1])
    else:
        operator = {"jacobian": jax.jacobian}.get(row.operator, jax.value_and_grad)
        g = jax.jit(operator(f))
    arguments = list(map(jax.numpy.asarray, row.arguments))
    return lambda *_: jax.block_until_ready(g(*arguments))


def with_casadi(row: Row) -> Callable[[Any], Any] | None:
    """CasADi's function of the same derivative, on NumPy arrays."""
    try:
        import casadi
    except ImportError:
        return None
    if not row.casadi:
        return None
    size = int(np.size(row.x))
    x = casadi.SX.sym("x", size)
    y = (
        row.f(casadi, x if np.ndim(row.x) else x[0])
        if row.f is not chain
        else _casadi_chain(casadi, x[0])
    )
    if row.operator == "sparse_hessian":
        parts = [casadi.hessian(y, x)[0]]
    elif row.operator.endswith("jacobian"):
        parts = [casadi.jacobian(y, x)]
    else:
        parts = [y, casadi.gradient(y, x)]
    function = casadi.Function("f", [x], parts)
    return lambda v: function(v)


def _casadi_chain(casadi: Any, x: Any) -> Any:
    for _ in range(333):
        x = casadi.sin(x) * 0.9 + 0.1 * x
    return x


def sample(run: Callable[[], Any], budget: float) -> float:
    """Processor seconds of one call, from as many as fit into a budget."""
    start = time.process_time()
    run()
    once = time.process_time() - start
    count = max(1, int(budget / max(once, 1e-7)))
    start = time.process_time()
    for _ in range(count):
        run()
    return (time.process_time() - start) / count


def measure(row: Row, rounds: int) -> dict[str, float]:
    """Least times of the contestants' calls, and the seconds of first calls."""
    f = eager(row)
    start = time.process_time()
    want = f(*row.arguments)
    found = {"one eager call": time.process_time() - start}
    g = dd.compile(f)
    start = time.process_time()
    g(*row.arguments)
    found["first call"] = time.process_time() - start
    for _ in range(3):
        got = g(*row.arguments)
    while not all(r.program.is_settled for t in g.tables.values() for r in t.recordings):
        time.sleep(0.01)  # until code of its own has taken over
    np.testing.assert_allclose(_flat(got), _flat(want), rtol=1e-9, atol=1e-9)
    runs: dict[str, Any] = {"eager": f, "compiled": g}
    for name, make in (("jax.jit", with_jax), ("CasADi", with_casadi)):
        run = make(row)
        if run is not None:
            start = time.process_time()
            run(*row.arguments)
            found[f"first {name}"] = time.process_time() - start
            runs[name] = run
    for run in runs.values():
        run(*row.arguments)
    samples: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            samples[name].append(sample(functools.partial(run, *row.arguments), 0.02))
    return found | {name: min(s) for name, s in samples.items()}


def _flat(tree: Any) -> Any:
    leaves = tree if isinstance(tree, tuple) else (tree,)
    return np.concatenate([leaf.data if issparse(leaf) else np.ravel(leaf) for leaf in leaves])


def table(chosen: list[Row], rounds: int) -> Iterator[str]:
    """The lines of a table in Markdown."""
    names = ("eager", "compiled", "jax.jit", "CasADi")
    yield (
        "| workload | "
        + " | ".join(names)
        + " | eager / compiled | jax.jit / compiled | first call |"
    )
    yield "|---" * (len(names) + 4) + "|"
    for row in chosen:
        found = measure(row, rounds)
        shown = [f"{found[n] * 1e6:,.1f}" if n in found else "" for n in names]
        ratio = f"{found['eager'] / found['compiled']:,.1f}"
        other = f"{found['jax.jit'] / found['compiled']:,.1f}" if "jax.jit" in found else ""
        first = f"{found['first call']:.2f} s"
        yield f"| {row.name} | " + " | ".join([*shown, ratio, other, first]) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiled", description=__doc__)
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    chosen = [row for row in ROWS if options.only.lower() in row.name.lower()]
    for line in table(chosen, options.rounds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
