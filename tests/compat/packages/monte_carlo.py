"""Hamiltonian Monte Carlo by mici, free and on a manifold: the chains it draws."""

import autograd.numpy as np
import mici
import numpy as onp

onp.set_printoptions(precision=15)


def neg_log_dens(q):
    x, y, z = q[0], q[1], q[2]
    ring = (np.sqrt(x**2 + y**2) - 1.0) ** 2 / 0.02
    return ring + 5 * z**2 + 0.1 * np.sum(q**4)


def constr(q):
    return np.array([q[0] ** 2 + q[1] ** 2 + q[2] ** 2 - 1.0])


def positions(state):
    return {"q": state.pos}


free = mici.systems.EuclideanMetricSystem(neg_log_dens, backend="autograd")
bound = mici.systems.DenseConstrainedEuclideanMetricSystem(
    neg_log_dens=neg_log_dens, constr=constr, backend="autograd"
)
leapfrog = mici.integrators.LeapfrogIntegrator(free, step_size=0.05)
constrained = mici.integrators.ConstrainedLeapfrogIntegrator(bound, step_size=0.05)
for system, integrator, start in (
    (free, leapfrog, [1.0, 0.0, 0.1]),
    (bound, constrained, [1.0, 0.0, 0.0]),
):
    sampler = mici.samplers.StaticMetropolisHMC(
        system, integrator, onp.random.default_rng(1), n_step=10
    )
    _, traces, _ = sampler.sample_chains(
        0, 12, [onp.array(start)], trace_funcs=[positions], display_progress=False
    )[:3]
    print("chain", onp.array(traces["q"])[0, ::3])
