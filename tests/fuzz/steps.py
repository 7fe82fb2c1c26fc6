"""The steps of random programs.

A step gets a `Context` and arrays and returns an array, or changes one in place. All choices come
from the seed and from shapes, never from values, so that a program does the same on plain and on
traced arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg as scipy_linalg
from scipy import ndimage, sparse, special

import dualdiff as dd


class Context(NamedTuple):
    """The namespace that makes arrays (`numpy` or `dualdiff.numpy`), and the random choices."""

    xp: Any
    rng: np.random.Generator

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def axis(self, a: Any) -> int:
        return int(self.rng.integers(-a.ndim, a.ndim))

    def mask(self, shape: tuple[int, ...]) -> np.ndarray:
        return self.rng.random(shape) < 0.6

    def constant(self, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers of any real dtype."""
        dtype = self.pick(float, float, np.float32, int)
        values = self.rng.uniform(0.5, 1.5, shape)
        return np.asarray(np.rint(2 * values) if dtype is int else values, dtype)

    def index(self, a: Any) -> Any:
        n = len(a)
        return self.pick(
            int(self.rng.integers(n)), slice(None, None, -1), slice(0, max(1, n - 1)), Ellipsis,
            slice(None, None, 2), self.rng.integers(0, n, 3), [0, n - 1], self.mask((n,)) | True,
            (Ellipsis, -1), (Ellipsis, slice(None, None, -1)), (None, Ellipsis),
        )  # fmt: skip


Step = Callable[..., Any]
STEPS: list[Step] = []


def step(f: Step) -> Step:
    STEPS.append(f)
    return f


def flat(a: Any) -> Any:
    return a.reshape(-1)


def square_of(a: Any) -> Any:
    """A well-conditioned matrix made from an array."""
    n = min(3, max(1, int(a.size**0.5)))
    m = flat(a)[: n * n].reshape(n, n)
    return np.tanh(m) + 4 * np.eye(n)


UNARY = [
    np.sin, np.cos, np.tanh, np.arctan, np.arcsinh, np.negative, np.square, np.expm1, np.sinc,
    lambda a: np.exp(0.3 * np.tanh(a)), lambda a: np.sqrt(1 + a * a), lambda a: np.log1p(a * a),
    lambda a: np.cbrt(2 + np.sin(a)), lambda a: 1 / (2 + np.cos(a)), lambda a: a**3,
    lambda a: (1.5 + np.tanh(a)) ** 0.7, lambda a: 2.0 ** np.tanh(a), np.deg2rad, np.abs,
    lambda a: np.arcsin(0.9 * np.tanh(a)), lambda a: np.reciprocal(2 + np.tanh(a)), np.positive,
]  # fmt: skip
BINARY = [
    np.add, np.subtract, np.multiply, np.hypot, np.logaddexp, np.maximum, np.minimum, np.fmax,
    lambda a, b: np.arctan2(a, 2 + np.tanh(b)), lambda a, b: a / (2 + np.tanh(b)),
    lambda a, b: np.power(2 + np.tanh(a), np.tanh(b)), lambda a, b: np.logaddexp2(a, b),
    lambda a, b: np.copysign(a, b), lambda a, b: np.where(a > b, a, 2 * b),
]  # fmt: skip


@step
def unary(c: Context, a: Any, b: Any) -> Any:
    return c.pick(*UNARY)(a)


@step
def binary(c: Context, a: Any, b: Any) -> Any:
    if a.shape != b.shape:
        b = flat(b)[0] if c.rng.random() < 0.5 else c.constant(a.shape)
    return c.pick(*BINARY)(a, b)


@step
def ufunc_out(c: Context, a: Any, b: Any) -> Any:
    out = c.xp.zeros(a.shape)
    ufunc = c.pick(np.sin, np.tanh, np.exp, np.square)
    arg = np.tanh(a)
    if c.rng.random() < 0.5:
        ufunc(arg, out=out)
    else:
        ufunc(arg, out=out, where=c.mask(a.shape))
    return out


@step
def in_place(c: Context, a: Any, b: Any) -> Any:
    a = a.copy() if c.rng.random() < 0.5 else a
    by = flat(b)[0] if a.shape != b.shape else b
    kind = c.rng.integers(5)
    if kind == 0:
        a += np.sin(by)
    elif kind == 1:
        a *= 1 + 0.1 * np.cos(by)
    elif kind == 2:
        a -= by
    elif kind == 3:
        a /= 2 + np.tanh(by)
    else:
        np.multiply(a, 0.5 + 0 * by, out=a)
    return a


@step
def store(c: Context, a: Any, b: Any) -> Any:
    where = c.index(a)
    value = np.tanh(flat(b)[int(c.rng.integers(b.size))])
    if c.rng.random() < 0.5:
        a[where] = value
    else:
        a[where] += 0.3 * value
    return a


@step
def store_rows(c: Context, a: Any, b: Any) -> Any:
    view = c.pick(lambda: a.T, lambda: a.reshape(-1), lambda: a[::-1], lambda: a.ravel())()
    view[int(c.rng.integers(len(view)))] *= 0.7
    return view * 1.0


@step
def view(c: Context, a: Any, b: Any) -> Any:
    return c.pick(
        lambda: a.T, lambda: a.reshape(-1), lambda: a[::-1], lambda: a.swapaxes(0, -1),
        lambda: a[None], lambda: a.ravel(), lambda: np.moveaxis(a, 0, -1), lambda: a[..., ::2],
        lambda: np.flip(a), lambda: np.rot90(a) if a.ndim > 1 else a[1:], lambda: a[..., :1],
        lambda: np.broadcast_to(a, (2, *a.shape)) if a.size < 20 else a,
        lambda: np.lib.stride_tricks.sliding_window_view(flat(a), min(2, a.size)),
    )()  # fmt: skip


@step
def get(c: Context, a: Any, b: Any) -> Any:
    got = a[c.index(a)]
    return got if np.ndim(got) else np.reshape(got, (1,))


@step
def reduce(c: Context, a: Any, b: Any) -> Any:
    axis = c.axis(a)
    where = c.mask(a.shape)
    ans = c.pick(
        lambda: np.sum(a, axis=axis), lambda: np.mean(a, axis=axis, keepdims=True),
        lambda: np.var(a, axis=axis), lambda: np.std(a * np.arange(1, a.size + 1).reshape(a.shape)),
        lambda: np.prod(np.tanh(a), axis=axis), lambda: np.max(a, axis=axis),
        lambda: np.min(a, axis=axis), lambda: np.ptp(a), lambda: np.sum(a, where=where),
        lambda: np.mean(a, axis=axis, where=where | (np.arange(a.shape[-1]) == 0)),
        lambda: np.add.reduce(a, axis=axis, initial=0.5), lambda: np.hypot.reduce(a, axis=axis),
        lambda: np.logaddexp.reduce(a, axis=axis), lambda: np.linalg.norm(a),
        lambda: np.median(a, axis=axis), lambda: np.quantile(a, [0.3, 0.8], axis=axis),
        lambda: np.percentile(a, 35, axis=axis, method=c.pick("linear", "median_unbiased")),
        lambda: np.average(a, weights=1 + c.constant(a.shape)), lambda: np.nansum(a, axis=axis),
        lambda: a.sum(axis), lambda: a.max(), lambda: np.trapezoid(a, axis=axis),
        lambda: np.multiply.reduce(np.cos(a), axis=axis), lambda: np.nanmax(a, axis=axis),
    )()  # fmt: skip
    return ans if np.ndim(ans) else np.reshape(ans, (1,))


@step
def scan(c: Context, a: Any, b: Any) -> Any:
    axis = c.axis(a)
    n = a.shape[axis]
    return c.pick(
        lambda: np.cumsum(a, axis=axis), lambda: np.cumprod(np.tanh(a), axis=axis),
        lambda: np.add.accumulate(a, axis=axis), lambda: np.maximum.accumulate(a, axis=axis),
        lambda: np.multiply.accumulate(np.cos(a), axis=axis), lambda: np.sort(a, axis=axis),
        lambda: np.partition(a, n // 2, axis=axis), lambda: np.diff(a, axis=axis, prepend=0.0),
        lambda: np.take_along_axis(a, np.argsort(a, axis=axis), axis=axis),
        lambda: np.gradient(a, axis=axis) if n > 1 else a, lambda: np.roll(a, 1, axis=axis),
        lambda: np.add.reduceat(a, [0, n - 1], axis=axis), lambda: np.repeat(a, 2, axis=axis),
        lambda: np.logaddexp.accumulate(a, axis=axis), lambda: np.flip(a, axis=axis),
        lambda: np.take(a, [0, n - 1, 0], axis=axis), lambda: np.delete(a, 0, axis=axis)
        if n > 1 else a, lambda: np.insert(a, 0, 0.5, axis=axis), lambda: np.unwrap(a, axis=axis),
        lambda: np.pad(a, 1, mode=c.pick("edge", "wrap")),
        lambda: np.compress([True] * n, a, axis=axis), lambda: np.clip(a, -0.8, 0.9),
    )()  # fmt: skip


@step
def lines(c: Context, a: Any, b: Any) -> Any:
    u, v = flat(a), flat(b)
    knots = [-1.0, 0.2, 1.5]
    return c.pick(
        lambda: np.convolve(u, v, c.pick("full", "same", "valid")),
        lambda: np.outer(u, v)[:3, :3],
        lambda: np.correlate(u, v[:2], "full"),
        lambda: np.interp(u, knots, [0.5, 1, -1]),
        lambda: np.polyval(v[:3], u),
        lambda: np.real(np.fft.ifft(np.fft.fft(u) * 2)),
        lambda: np.abs(np.fft.rfft(u)) + 0,
        lambda: np.kron(u[:2], v[:2]),
        lambda: np.vander(u[:3], 3),
        lambda: np.histogram(np.linspace(0, 1, len(u)), 3, weights=u)[0],
        lambda: np.bincount(np.arange(len(u)) % 3, u),
        lambda: np.real(np.exp(1j * u) * (v[0] + 2j)),
        lambda: np.apply_along_axis(lambda r: r * r[0], -1, a),
        lambda: np.cross(np.append(u, [1.0, 2.0])[:3], np.append(v, [0.5, 2.0])[:3]),
    )()


@step
def linear_algebra(c: Context, a: Any, b: Any) -> Any:
    m = square_of(a)
    n = len(m)
    r = np.resize(flat(b), n) if b.size < n else flat(b)[:n]
    s = m @ m.T
    ans = c.pick(
        lambda: np.linalg.solve(m, r), lambda: np.linalg.inv(m), lambda: np.linalg.det(m) / 50,
        lambda: np.linalg.cholesky(s), lambda: np.linalg.qr(m)[1], lambda: np.linalg.slogdet(m)[1],
        lambda: np.linalg.svd(m * np.arange(1, n + 1), compute_uv=False), lambda: m @ r,
        lambda: np.linalg.eigvalsh(s * np.outer(np.arange(1, n + 1), np.arange(1, n + 1))),
        lambda: np.einsum("ij,j,i->i", m, r, r), lambda: np.tensordot(m, m, 1), lambda: np.trace(m),
        lambda: np.linalg.lstsq(m, r, None)[0], lambda: np.linalg.pinv(m), lambda: np.dot(m, m)[0],
        lambda: np.linalg.matrix_power(m, 2), lambda: np.linalg.multi_dot([m, m, r]),
        lambda: np.linalg.norm(m, c.pick(None, 1, np.inf, "nuc")), lambda: np.inner(m, r),
        lambda: (lambda w, v: (v * np.exp(0.1 * w)) @ v.T)(*np.linalg.eigh(0.5 * (s + s.T))),
    )()  # fmt: skip
    return ans if np.ndim(ans) else np.reshape(ans, (1,))


@step
def join(c: Context, a: Any, b: Any) -> Any:
    u, v = flat(a), flat(b)
    k = min(len(u), len(v))
    return c.pick(
        lambda: np.concatenate([u, v]), lambda: np.stack([u[:k], v[:k]], axis=c.pick(0, 1)),
        lambda: np.hstack([u[0], v]), lambda: np.append(a, v[0]), lambda: np.vstack([u[:k], v[:k]]),
        lambda: c.xp.array([u[0], 2 * v[0], 0.5]), lambda: c.xp.array([[u[0], 1], [v[0], u[-1]]]),
        lambda: np.where(c.mask(a.shape), a, v[0]), lambda: np.choose([0, 1, 0], [u[0], v[0]]),
        lambda: np.select([a > 0.3, a < -0.3], [a**2, -a], v[0]), lambda: np.tile(u[:2], 2),
        lambda: np.split(np.concatenate([u, u]), 2)[1], lambda: np.block([[u[:1], v[:1]]]),
        lambda: np.piecewise(u, [u > 0.2], [lambda t: t * t, lambda t: 2 * t]),
        lambda: np.meshgrid(u[:2], v[:2])[0], lambda: np.column_stack([u[:k], v[:k]]),
    )()  # fmt: skip


@step
def scatter(c: Context, a: Any, b: Any) -> Any:
    out = c.xp.zeros(a.size)
    u = flat(a)
    at = c.rng.integers(0, a.size, a.size)
    kind = c.rng.integers(7)
    if kind == 0:
        np.add.at(out, at, u)
    elif kind == 1:
        out[...] = 1.0
        np.multiply.at(out, at, np.cos(u))
    elif kind == 2:
        np.put(out, at[:2], flat(b)[0])
    elif kind == 3:
        np.copyto(out, u, where=c.mask(u.shape))
    elif kind == 4:
        np.putmask(out, c.mask(u.shape), u)
    elif kind == 5:
        out.flat[: len(u)] = u
    else:
        np.subtract.at(out, at[:3], flat(b)[0])
    return out


@step
def loop(c: Context, a: Any, b: Any) -> Any:
    u = flat(a)
    out = c.xp.zeros(len(u))
    out[0] = u[0]
    for i in range(1, min(len(u), 6)):
        out[i] = 0.5 * out[i - 1] + np.sin(u[i]) * (1.0 if u[i] > 0 else 0.5)
    return out


@step
def threads(c: Context, a: Any, b: Any) -> Any:
    out = c.xp.zeros((3, a.size))
    u = flat(a)

    def work(i: int) -> None:
        out[i] = np.sin(u * (i + 1))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    return out


@step
def nested(c: Context, a: Any, b: Any) -> Any:
    """A derivative in closed form on plain arrays, by an operator on traced ones."""
    s = flat(b)[0]

    def each(x: Any) -> Any:
        return np.sin(x * s) + x**2

    operator = c.pick(
        lambda: dd.grad(lambda x: np.sum(each(x)))(a),
        lambda: dd.vjp(lambda x: np.sum(each(x)), a)[1](1.0)[0],
        lambda: dd.elementwise_grad(each)(a),
        lambda: dd.jvp(each, (a,), (np.ones(a.shape),))[1],
        lambda: np.einsum("ii->i", dd.jacobian(each)(flat(a))).reshape(a.shape),
    )
    # An operator chooses the memory layout of its result.
    return c.xp.ascontiguousarray(np.cos(a * s) * s + 2 * a if c.xp is np else operator())


@step
def complex_values(c: Context, a: Any, b: Any) -> Any:
    z = a + 1j * (b if a.shape == b.shape else np.cos(a))
    w = c.xp.array(z)
    w.real[...] = c.pick(w.imag * 2, w.real, np.real(w[::-1]))
    return c.pick(
        lambda: np.real(np.exp(0.3j * z)), lambda: np.real(z * np.conj(z[..., ::-1])),
        lambda: np.imag(np.sqrt(z + 4)), lambda: np.abs(z) ** 2, lambda: np.angle(z + 3),
        lambda: np.real(np.fft.fft(z, axis=c.axis(a))), lambda: np.imag(np.vdot(z, z * 1j)) + a,
        lambda: np.real(np.tanh(0.2 * z)), lambda: np.abs(z / (z + 5j)), lambda: w.real + w.imag,
        lambda: np.real(np.log(z + 3)), lambda: np.imag(np.power(z + 3, 0.5)),
        lambda: np.real(np.linalg.solve(square_of(a) + 0.5j, np.ones(len(square_of(a))))),
        lambda: np.fft.irfft(np.fft.rfft(flat(a)) * 2j, a.size), lambda: np.imag(np.sum(z * z)) + a,
    )()  # fmt: skip


@step
def methods(c: Context, a: Any, b: Any) -> Any:
    """Methods of ufuncs, and their keywords."""
    axis, u, v = c.axis(a), flat(a)[:3], flat(b)[:3]
    mask = c.mask(a.shape)
    out = c.xp.ones(a.shape)
    return c.pick(
        lambda: np.multiply.outer(u, v), lambda: np.hypot.outer(u, v),
        lambda: np.maximum.outer(u, v),
        lambda: np.maximum.reduce(a, axis=axis, initial=-0.4, where=mask),
        lambda: np.add.reduce(a, axis=axis, where=mask, keepdims=True),
        lambda: np.multiply.reduce(np.cos(a), axis=axis, where=mask),
        lambda: np.minimum.accumulate(a, axis=axis), lambda: np.subtract.accumulate(a, axis=axis),
        lambda: np.multiply.reduceat(np.cos(flat(a)), [0, a.size // 2, 0]),
        lambda: np.add(a, 1.5, out=out, where=mask),
        lambda: np.divide(a, 2 + a * a, where=mask, out=out),
        lambda: np.power(np.abs(a) + 0.5, c.constant(a.shape)),
        lambda: np.float_power(2 + np.cos(a), 1.3), lambda: np.linalg.vecdot(a, a * 2),
        lambda: np.logaddexp.reduce(a, axis=axis, where=mask, initial=0.1),
        lambda: np.matmul(square_of(a), square_of(b)) if a.size == b.size else a,
        lambda: np.add(a, a, order="F"), lambda: np.sqrt(2 + np.sin(a), where=mask, out=out),
    )()  # fmt: skip


@step
def containers(c: Context, a: Any, b: Any) -> Any:
    """A gradient by a dict of lists, in closed form on plain arrays."""
    s = flat(b)[0]

    def loss(d: Any) -> Any:
        return np.sum(np.sin(d["u"][0]) * d["u"][1]) * d["s"]

    if c.xp is np:
        return np.ascontiguousarray(np.cos(a) * (2 * a) * s + 2 * np.sum(np.sin(a)) * a)
    got = dd.grad(loss)({"u": [a, 2 * a], "s": s})
    return c.xp.ascontiguousarray(got["u"][0] + 2 * np.sum(np.sin(a)) * a)


@step
def own_rules(c: Context, a: Any, b: Any) -> Any:
    """Rules of users, sparse constants, and operators that stand for a solution."""
    n = min(a.size, 4)
    matrix = sparse.csr_array(np.triu(np.round(c.rng.random((n, n)), 1)))
    u = flat(a)[:n]

    def twice(x: Any) -> Any:
        return own_square(x) if c.xp is not np else x * x

    return c.pick(
        lambda: twice(a), lambda: matrix @ u, lambda: matrix.T @ np.outer(u, u),
        lambda: own_sine(a) if c.xp is not np else np.sin(a), lambda: u @ matrix,
        lambda: special.expit(a), lambda: special.logsumexp(a, axis=c.axis(a)),
        lambda: special.erf(a), lambda: scipy_linalg.expm(0.1 * square_of(a)),
        lambda: ndimage.gaussian_filter1d(flat(a), 1.0),
    )()  # fmt: skip


own_sine = dd.extend.elementwise(np.sin, lambda x: np.cos(x), name="own_sine")


@dd.extend.custom_jvp
def own_square(x: Any) -> Any:
    return x * x


@own_square.defjvp
def own_square_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    return x * x, 2 * x * t


@step
def checkpointed(c: Context, a: Any, b: Any) -> Any:
    f = lambda x, y: np.sin(x) * np.sum(y)  # noqa: E731
    return f(a, b) if c.xp is np else dd.checkpoint(f)(a, b)


@step
def casts(c: Context, a: Any, b: Any) -> Any:
    return c.pick(
        lambda: a * c.constant(a.shape), lambda: np.real(a.astype(complex) * (1 + 2j)),
        lambda: a + np.floor(a), lambda: c.xp.asarray(a, float), lambda: np.nan_to_num(a),
        lambda: np.modf(a)[0], lambda: a.astype(float, copy=False), lambda: c.xp.array(a),
        lambda: np.add(a, 1, dtype=float), lambda: a.clip(-1.0, 1.0), lambda: np.round(a) * a,
    )()  # fmt: skip
