"""Optimisation on manifolds by pymanopt, and the derivatives it takes."""

import autograd.numpy as anp
import numpy as np
import pymanopt
from pymanopt.manifolds import (
    Euclidean,
    FixedRankEmbedded,
    Product,
    Sphere,
    Stiefel,
    SymmetricPositiveDefinite,
)
from pymanopt.optimizers import ConjugateGradient, SteepestDescent, TrustRegions

rng = np.random.default_rng(0)
np.set_printoptions(precision=15, suppress=False)

matrix = rng.normal(size=(8, 8))
matrix = matrix + matrix.T
sphere = Sphere(8)


@pymanopt.function.autograd(sphere)
def rayleigh(x):
    return -x @ matrix @ x


start = rng.normal(size=8)
start /= np.linalg.norm(start)
problem = pymanopt.Problem(sphere, rayleigh)
along = sphere.projection(start, np.arange(8.0))
print("gradient", problem.riemannian_gradient(start))
print("hessian", problem.riemannian_hessian(start, along))
result = TrustRegions(verbosity=0).run(problem, initial_point=start)
print("largest eigenvalue", -result.cost, np.linalg.eigvalsh(matrix)[-1])

data = rng.normal(size=(40, 6)) @ np.diag([3.0, 2.0, 1.0, 0.5, 0.4, 0.3])
stiefel = Stiefel(6, 2)


@pymanopt.function.autograd(stiefel)
def components(w):
    return anp.linalg.norm(data - data @ w @ w.T) ** 2


frame = np.linalg.qr(rng.normal(size=(6, 2)))[0]
problem = pymanopt.Problem(stiefel, components)
print("components", TrustRegions(verbosity=0).run(problem, initial_point=frame).cost)

positive = SymmetricPositiveDefinite(3)
samples = [np.cov(rng.normal(size=(3, 20))) for _ in range(4)]


@pymanopt.function.autograd(positive)
def divergence(s):
    return sum(anp.trace(anp.linalg.solve(s, m)) for m in samples) + 4 * anp.linalg.slogdet(s)[1]


problem = pymanopt.Problem(positive, divergence)
steps = SteepestDescent(verbosity=0, max_iterations=10)
print("divergence", steps.run(problem, initial_point=np.eye(3)).cost)

both = Product([Sphere(4), Euclidean(3, 2)])
factor = rng.normal(size=(4, 3))


@pymanopt.function.autograd(both)
def coupled(x, y):
    return anp.sum((x @ factor @ y) ** 2) + anp.sum(y**2) - anp.sum(x * y[0, 0])


point = [start[:4] / np.linalg.norm(start[:4]), np.ones((3, 2))]
problem = pymanopt.Problem(both, coupled)
descent = ConjugateGradient(verbosity=0, max_iterations=8)
print("coupled", descent.run(problem, initial_point=point).cost)

low_rank = FixedRankEmbedded(5, 4, 2)
target = rng.normal(size=(5, 4))


@pymanopt.function.autograd(low_rank)
def misfit(u, s, vt):
    return anp.linalg.norm(u @ anp.diag(s) @ vt - target) ** 2


np.random.seed(1)
problem = pymanopt.Problem(low_rank, misfit)
print("misfit", descent.run(problem, initial_point=low_rank.random_point()).cost)
