"""Principal components by pymanopt: trust regions on the Stiefel manifold, with Hessians."""

from typing import Any

import autograd.numpy as np
import numpy as onp
import pymanopt
from pymanopt.manifolds import Stiefel
from pymanopt.optimizers import TrustRegions


def run() -> Any:
    rs = onp.random.RandomState(0)
    data = rs.randn(50, 6) * np.array([3.0, 2.5, 1.0, 0.5, 0.4, 0.3])
    start = onp.linalg.qr(rs.randn(6, 2))[0]
    manifold = Stiefel(6, 2)

    @pymanopt.function.autograd(manifold)
    def cost(w: Any) -> Any:
        return np.linalg.norm(data - data @ w @ w.T) ** 2

    problem = pymanopt.Problem(manifold, cost)
    result = TrustRegions(verbosity=0).run(problem, initial_point=start)
    along = manifold.projection(start, onp.ones((6, 2)))
    hessian = problem.riemannian_hessian(start, along)
    return result.cost, problem.riemannian_gradient(start), hessian
