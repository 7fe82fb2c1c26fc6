"""Functions of PyPI packages of still more fields, as their documentation calls them."""

from __future__ import annotations

from typing import Any

import numpy as np
from collection import case
from made import scaled, total

COSINES = (
    1.0,
    0.540302,
    -0.416147,
    -0.989992,
    -0.653644,
    0.283662,
    0.96017,
    0.753902,
    -0.1455,
    -0.91113,
    -0.839072,
    0.004426,
)


@case("arlpy", "acoustics", 15.0, 35.0, 8.1)
def sound_speed(x: Any) -> Any:
    from arlpy import uwa

    return total(
        uwa.soundspeed(temperature=x[0], salinity=x[1], depth=100.0),
        uwa.absorption(50000.0, 1000.0, temperature=x[0], pH=x[2]),
    )


@case("arlpy", "acoustics", 0.7)
def array_steering(theta: Any) -> Any:
    from arlpy import bf

    return total(
        np.abs(bf.steering_plane_wave(np.array([0.0, 1.0, 2.0]), 3.0, np.array([theta]))).ravel()
    )


@case("pyargus", "antennas", 60.0, 0.5)
def doa_bartlett(x: Any) -> Any:
    from pyargus import directionEstimation as de

    a = np.exp(1j * 2 * np.pi * x[1] * np.arange(4) * np.cos(np.deg2rad(x[0])))
    r = np.outer(a, a.conj()) + 0.1 * np.eye(4)
    sv = de.gen_ula_scanning_vectors(np.arange(4) * 0.5, np.arange(0, 180, 30))
    return total(np.abs(de.DOA_Bartlett(r, sv)))


@case("pyargus", "antennas", 60.0, 0.5)
def doa_capon(x: Any) -> Any:
    from pyargus import directionEstimation as de

    a = np.exp(1j * 2 * np.pi * x[1] * np.arange(4) * np.cos(np.deg2rad(x[0])))
    r = np.outer(a, a.conj()) + 0.1 * np.eye(4)
    sv = de.gen_ula_scanning_vectors(np.arange(4) * 0.5, np.arange(0, 180, 30))
    return total(np.abs(de.DOA_Capon(r, sv)))


@case("bruges", "geophysics", 2800.0, 1400.0, 2.3)
def avo(x: Any) -> Any:
    from bruges.reflection import shuey, zoeppritz_rpp

    th = np.array([0.0, 10.0, 20.0])
    return total(
        np.concatenate(
            [
                np.real(zoeppritz_rpp(x[0], x[1], x[2], 3000.0, 1500.0, 2.4, th)),
                np.real(shuey(x[0], x[1], x[2], 3000.0, 1500.0, 2.4, th)),
            ]
        )
    )


@case("bruges", "geophysics", 25.0)
def ricker(f: Any) -> Any:
    import bruges

    w, _t = (
        bruges.filters.ricker(0.064, 0.004, f)
        if not hasattr(bruges.filters.ricker(0.064, 0.004, 25.0), "amplitude")
        else (bruges.filters.ricker(0.064, 0.004, f).amplitude, 0)
    )
    return total(w)


@case("bruges", "geophysics", 2800.0, 1400.0)
def avseth(x: Any) -> Any:
    from bruges.rockphysics import avseth_fluidsub

    return total(*avseth_fluidsub(x[0], x[1], 2300.0, 0.2, 1000.0, 800.0, 37e9, 2.2e9, 1.2e9))


@case("rockphypy", "rock physics", 0.2, 10.0)
def hertz_mindlin(x: Any) -> Any:
    from rockphypy import GM

    return total(*GM.softsand(36.6, 45.0, x[0], 0.4, 9.0, x[1], 0.5))


@case("rockphypy", "rock physics", 0.2)
def gassmann(phi: Any) -> Any:
    from rockphypy import Fluid

    k, _g = Fluid.Gassmann(10.0, 8.0, 37.0, 2.25, phi)
    return total(k)


@case("pyrolite", "geochemistry", 50.0, 15.0, 10.0, 8.0)
def geochem_ilr(x: Any) -> Any:
    from pyrolite.comp.codata import ILR, close

    return total(ILR(close(x.reshape(1, -1))))


@case("phasepy", "thermodynamics", 0.3, 350.0)
def vle_eos(x: Any) -> Any:
    from phasepy import component, prsveos

    water = component(
        name="water",
        Tc=647.13,
        Pc=220.55,
        Zc=0.229,
        Vc=55.948,
        w=0.344861,
        ksv=[0.87292043, -0.06844994],
    )
    eos = prsveos(water)
    return total(eos.psat(x[1])[0], eos.density(x[1], 1.0, "V") * 1e3)


@case("phasepy", "thermodynamics", 350.0)
def antoine_psat(t: Any) -> Any:
    from phasepy import component

    water = component(name="water", Ant=[11.64785144, 3797.41566067, -46.77830444])
    return total(water.psat(t))


@case("pyromat", "thermodynamics", 500.0)
def pyromat_ig(t: Any) -> Any:
    import pyromat as pm

    n2 = pm.get("ig.N2")
    return total(n2.h(T=t), n2.s(T=t, p=2.0), n2.cp(T=t))


@case("pyromat", "thermodynamics", 400.0, 5.0)
def pyromat_mp(x: Any) -> Any:
    import pyromat as pm

    w = pm.get("mp.C2H2F4")
    return total(w.d(T=x[0], p=x[1]), w.h(T=x[0], p=x[1]))


@case("pyportfolioopt", "finance", 1.1, 0.3)
def portfolio(p: Any) -> Any:
    p = scaled(p, 12, 3)
    import pandas as pd
    from pypfopt import expected_returns, risk_models

    df = pd.DataFrame(p, columns=list("abc"))
    mu = expected_returns.mean_historical_return(df)
    s = risk_models.sample_cov(df, fix_method="spectral")
    return total(np.concatenate([mu.to_numpy(), s.to_numpy().ravel()]))


@case("pyportfolioopt", "finance", 0.1, 0.12, 0.07)
def portfolio_bl(q: Any) -> Any:
    import pandas as pd
    from pypfopt.black_litterman import BlackLittermanModel

    cov = pd.DataFrame(np.diag([0.04, 0.09, 0.02]) + 0.01, index=list("abc"), columns=list("abc"))
    bl = BlackLittermanModel(cov, pi=np.array([0.05, 0.06, 0.04]), Q=q, P=np.eye(3))
    return total(bl.bl_returns().to_numpy())


@case(
    "ffn",
    "finance",
    102.0,
    100.311264,
    98.970635,
    99.306603,
    100.578997,
    102.181797,
    103.782478,
    105.060279,
    105.553397,
    104.81044,
    102.931891,
    101.064101,
)
def ffn_stats(p: Any) -> Any:
    import ffn
    import pandas as pd

    s = pd.Series(p, index=pd.date_range("2020-01-01", periods=len(p)))
    r = ffn.to_returns(s)
    return total(
        ffn.calc_max_drawdown(s),
        ffn.calc_total_return(s),
        ffn.calc_sharpe(r.dropna(), nperiods=252),
        ffn.calc_cagr(s),
    )


@case("ffn", "finance", 1.1, 0.3)
def ffn_risk(p: Any) -> Any:
    p = scaled(p, 12, 3)
    import ffn
    import pandas as pd

    df = pd.DataFrame(p, columns=list("abc"), index=pd.date_range("2020-01-01", periods=len(p)))
    return total(ffn.calc_inv_vol_weights(ffn.to_returns(df)).to_numpy())


@case("specparam", "neuroscience", 1.0, 1.2, 10.0, 0.5, 2.0)
def aperiodic(p: Any) -> Any:
    from specparam.sim import sim_power_spectrum

    _f, s = sim_power_spectrum(
        [2, 40], {"fixed": [p[0], p[1]]}, {"gaussian": [p[2], p[3], p[4]]}, 0.0
    )
    return total(s[::10])


@case("bctpy", "neuroscience", 0.3, 0.8, 0.5, 0.9, 0.4, 0.7)
def brain_clustering(x: Any) -> Any:
    import bct

    w = np.zeros((4, 4))
    w[np.triu_indices(4, 1)] = x
    return total(bct.clustering_coef_wu(w + w.T))


@case("bctpy", "neuroscience", 1.1, 0.3)
def brain_path(w: Any) -> Any:
    w = scaled(w, 5, 5)
    w = (w + w.T) * (1.0 - np.eye(5))
    import bct

    d, _ = bct.distance_wei(1 / (w + np.eye(5)) * (1 - np.eye(5)))
    return total(d)


@case("bctpy", "neuroscience", 1.1, 0.3)
def brain_centrality(w: Any) -> Any:
    w = scaled(w, 5, 5)
    w = (w + w.T) * (1.0 - np.eye(5))
    import bct

    return total(np.abs(bct.eigenvector_centrality_und(w)))


@case("stonesoup", "tracking", 0.5)
def kalman_predict(q: Any) -> Any:
    from datetime import datetime, timedelta

    from stonesoup.models.measurement.linear import LinearGaussian
    from stonesoup.models.transition.linear import (
        CombinedLinearGaussianTransitionModel,
        ConstantVelocity,
    )
    from stonesoup.predictor.kalman import KalmanPredictor
    from stonesoup.types.detection import Detection
    from stonesoup.types.hypothesis import SingleHypothesis
    from stonesoup.types.state import GaussianState
    from stonesoup.updater.kalman import KalmanUpdater

    start = datetime(2020, 1, 1)
    tm = CombinedLinearGaussianTransitionModel([ConstantVelocity(q), ConstantVelocity(0.3)])
    mm = LinearGaussian(ndim_state=4, mapping=(0, 2), noise_covar=np.array([[1.0, 0], [0, 1.5]]))
    pr, up = KalmanPredictor(tm), KalmanUpdater(mm)
    prior = GaussianState([[0], [1], [0], [1]], np.diag([1.5, 0.5, 1.5, 0.5]), timestamp=start)
    p = pr.predict(prior, timestamp=start + timedelta(seconds=1))
    post = up.update(
        SingleHypothesis(p, Detection(np.array([[1.2], [0.7]]), timestamp=p.timestamp))
    )
    return total(*np.ravel(post.state_vector), *np.ravel(post.covar))


@case("pykalman", "estimation", 0.9, 0.3)
def pykalman_loglik(p: Any) -> Any:
    from pykalman import KalmanFilter

    kf = KalmanFilter(
        transition_matrices=[[p[0], 0.1], [0.0, 0.8]], observation_matrices=[[1.0, p[1]]]
    )
    return total(kf.loglikelihood(np.array([[1.0], [0.5], [0.7], [0.2]])))


@case("pykalman", "estimation", 1.0, 0.5, 0.7, 0.2)
def pykalman_smooth(y: Any) -> Any:
    from pykalman import KalmanFilter

    kf = KalmanFilter(transition_matrices=[[1, 1], [0, 1]], observation_matrices=[[0.1, 0.5]])
    return total(kf.smooth(y)[0])


@case("POT", "optimal transport", 0.2, 0.5, 0.3)
def sinkhorn(a: Any) -> Any:
    import ot

    m = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.5], [2.0, 1.2, 0.0]])
    return total(ot.sinkhorn(a / a.sum(), np.array([0.3, 0.3, 0.4]), m, 0.5))


@case("POT", "optimal transport", 0.1, 0.2, 0.5, 0.9, 1.0, 0.3)
def wasserstein_cost(x: Any) -> Any:
    import ot

    x = x.reshape((3, 2))
    y = np.array([[0.0, 0.1], [0.7, 1.0], [1.2, 0.1]])
    m = ot.dist(x, y)
    return total(ot.sinkhorn2(ot.unif(3), ot.unif(3), m, 0.3))


@case("POT", "optimal transport", 0.1, 0.5, 0.9)
def wasserstein_1d(x: Any) -> Any:
    import ot

    return total(ot.wasserstein_1d(x, np.array([0.0, 0.4, 1.1]), p=2))


@case("POT", "optimal transport", 0.1, 0.5, 0.9)
def emd2_1d(x: Any) -> Any:
    import ot

    return total(ot.emd2_1d(x, np.array([0.0, 0.4, 1.1])))


@case(
    "pylops",
    "inverse problems",
    *COSINES,
)
def pylops_derivative(x: Any) -> Any:
    import pylops

    d = pylops.FirstDerivative(12, dtype="float64")
    return total(d @ x)


@case(
    "pylops",
    "inverse problems",
    *COSINES,
)
def pylops_inverse(y: Any) -> Any:
    import pylops

    op = pylops.MatrixMult(np.diag(np.arange(1.0, 13.0)) + 0.1)
    return total(op / y)


@case("nfft", "signals", 0.1, -0.3, 0.25, 0.4)
def nonuniform_fft(x: Any) -> Any:
    from nfft import ndft

    f = np.arange(8.0) + 0.5
    return total(np.real(ndft(x, f)))


@case("nfft", "signals", 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5)
def nonuniform_fft_values(f: Any) -> Any:
    from nfft import nfft

    return total(np.real(nfft(np.array([0.1, -0.3, 0.25, 0.4]), f)))


@case("chaospy", "statistics", 0.5, 1.3)
def chaospy_density(x: Any) -> Any:
    import chaospy

    d = chaospy.J(chaospy.Normal(0, 1), chaospy.Uniform(0, 2))
    return total(d.pdf(x), *np.ravel(d.fwd(x)))


@case(
    "findiff",
    "approximation",
    *COSINES,
)
def findiff_second(x: Any) -> Any:
    from findiff import FinDiff

    return total(FinDiff(0, 0.1, 2)(x))


@case("findiff", "approximation", 1.1, 0.3)
def findiff_laplace(x: Any) -> Any:
    x = scaled(x, 4, 5)
    from findiff import Gradient

    return total(Gradient(h=[0.1, 0.2])(x))


@case("fipy", "partial differential equations", 1.3)
def diffusion(d: Any) -> Any:
    from fipy import CellVariable, DiffusionTerm, Grid1D, TransientTerm

    mesh = Grid1D(nx=8, dx=1.0)
    phi = CellVariable(mesh=mesh, value=0.0)
    phi.constrain(1.0, mesh.facesLeft)
    eq = TransientTerm() == DiffusionTerm(coeff=d)
    for _ in range(3):
        eq.solve(var=phi, dt=0.5)
    return total(phi.value)


@case("sectionproperties", "structures", 20.0)
def beam_section(b: Any) -> Any:
    from sectionproperties.analysis import Section
    from sectionproperties.pre.library import rectangular_section

    g = rectangular_section(d=50.0, b=b)
    g.create_mesh(mesh_sizes=[100.0])
    s = Section(g)
    s.calculate_geometric_properties()
    return total(s.get_ic()[0])


@case("FLife", "fatigue", 1.1, 0.3)
def spectral_fatigue(psd: Any) -> Any:
    psd = scaled(psd, 40)
    import FLife

    sd = FLife.SpectralData(input={"PSD": psd, "f": np.linspace(1.0, 100.0, 40)})
    return total(FLife.Dirlik(sd).get_life(C=1e12, k=4.0) * 1e-6)


@case("endaq-calc", "vibrations", 1.1, 0.3)
def endaq_shock(x: Any) -> Any:
    x = scaled(x, 64)
    import pandas as pd
    from endaq.calc import shock

    df = pd.DataFrame({"a": x}, index=np.arange(64) / 200.0)
    return total(shock.shock_spectrum(df, freqs=np.array([5.0, 20.0]), damp=0.05).to_numpy())


@case("ladybug-core", "building physics", 25.0, 50.0)
def psychro(x: Any) -> Any:
    from ladybug.psychrometrics import (
        dew_point_from_db_rh,
        humid_ratio_from_db_rh,
        wet_bulb_from_db_rh,
    )

    return total(
        dew_point_from_db_rh(x[0], x[1]),
        humid_ratio_from_db_rh(x[0], x[1]),
        wet_bulb_from_db_rh(x[0], x[1]),
    )


@case("ladybug-core", "building physics", 40.0)
def sunpath(lat: Any) -> Any:
    from ladybug.sunpath import Sunpath

    s = Sunpath(latitude=lat, longitude=-70.0, time_zone=-5)
    sun = s.calculate_sun(month=6, day=21, hour=10.0)
    return total(sun.altitude, sun.azimuth)


@case("ladybug-comfort", "building physics", 25.0, 26.0, 0.2, 50.0)
def comfort_pmv(x: Any) -> Any:
    from ladybug_comfort.pmv import fanger_pmv, predicted_mean_vote

    return total(
        fanger_pmv(x[0], x[1], x[2], x[3], 1.2, 0.7)[0],
        predicted_mean_vote(x[0], x[1], x[2], x[3], 1.2, 0.7)["set"],
    )


@case("ladybug-comfort", "building physics", 25.0, 30.0, 1.5, 50.0)
def ladybug_comfort_comfort_utci(x: Any) -> Any:
    from ladybug_comfort.utci import universal_thermal_climate_index

    return total(universal_thermal_climate_index(x[0], x[1], x[2], x[3]))


@case("pybotics", "robotics", 0.087266, 0.174533, 0.261799, 0.349066, 0.436332, 0.523599)
def robot_fk(q: Any) -> Any:
    from pybotics.predefined_models import ur10
    from pybotics.robot import Robot

    r = Robot.from_parameters(ur10())
    return total(r.fk(q)[:3].ravel() * 1e-2)


@case("pybotics", "robotics", 0.087266, 0.174533, 0.261799, 0.349066, 0.436332, 0.523599)
def robot_jacobian(q: Any) -> Any:
    from pybotics.predefined_models import puma560
    from pybotics.robot import Robot

    r = Robot.from_parameters(puma560())
    return total(r.jacobian_world(q).ravel())


@case("allantools", "clocks", 1.1, 0.3)
def allan(x: Any) -> Any:
    x = scaled(x, 64)
    import allantools

    _t, ad, _ade, _n = allantools.oadev(x, rate=1.0, data_type="phase", taus=[1, 2, 4])
    return total(ad)


@case("allantools", "clocks", 1.1, 0.3)
def allan_mdev(x: Any) -> Any:
    x = scaled(x, 64)
    import allantools

    return total(allantools.mdev(x, rate=1.0, data_type="freq", taus=[1, 2, 4])[1])


@case("photutils", "astronomy", 4.2)
def aperture_sum(r: Any) -> Any:
    from photutils.aperture import CircularAperture, aperture_photometry

    img = np.cos(np.arange(400.0).reshape(20, 20) * 0.05) + 2
    return total(aperture_photometry(img, CircularAperture((10.0, 9.5), r=r))["aperture_sum"][0])


@case("photutils", "astronomy", 1.1, 0.3)
def centroid(img: Any) -> Any:
    img = scaled(img, 5, 5)
    from photutils.centroids import centroid_com

    return total(centroid_com(img))


@case("bilby", "gravitational waves", 30.0, 0.8)
def chirp_mass(x: Any) -> Any:
    from bilby.gw.conversion import (
        chirp_mass_and_mass_ratio_to_total_mass,
        component_masses_to_chirp_mass,
    )

    return total(
        chirp_mass_and_mass_ratio_to_total_mass(x[0], x[1]),
        component_masses_to_chirp_mass(x[0], 20.0),
    )


@case("bilby", "gravitational waves", 0.4)
def bilby_prior(x: Any) -> Any:
    from bilby.core.prior import Gaussian, PowerLaw, Sine

    return total(
        Gaussian(0.0, 1.0).prob(x),
        PowerLaw(2.0, 0.1, 3.0).rescale(x),
        Sine().rescale(x),
        Gaussian(0, 2).ln_prob(x),
    )


@case("bilby", "gravitational waves", 2.0, 1.0)
def bilby_likelihood(p: Any) -> Any:
    from bilby.core.likelihood import GaussianLikelihood

    x = np.linspace(0, 1, 5)
    y = 2 * x + 1.1
    like = GaussianLikelihood(x, y, lambda x, m, c: m * x + c, sigma=0.3)
    try:
        return like.log_likelihood({"m": p[0], "c": p[1]})
    except TypeError:
        like.parameters.update(m=p[0], c=p[1])
        return like.log_likelihood()


@case("simple-pid", "control", 1.0, 0.1, 0.05)
def pid_loop(k: Any) -> Any:
    from simple_pid import PID

    pid = PID(k[0], k[1], k[2], setpoint=1.0, sample_time=None)
    x, out = 0.0, []
    for _ in range(5):
        u = pid(x, dt=0.1)
        x = x + 0.1 * (u - x)
        out.append(x)
    return total(out)


@case("toqito", "quantum", 0.4)
def quantum_state(p: Any) -> Any:
    from toqito.state_props import purity, von_neumann_entropy
    from toqito.states import werner

    rho = werner(2, p)
    return total(von_neumann_entropy(rho), purity(rho))


@case("persim", "topology", 0.0, 1.0, 0.2, 0.9, 0.1, 2.0)
def persistence_entropy(d: Any) -> Any:
    from persim import persistent_entropy as pe

    d = d.reshape((3, 2))
    return total(np.ravel(pe.persistent_entropy([d])))


@case("persim", "topology", 0.0, 1.0, 0.2, 0.9, 0.1, 2.0)
def persistence_wasserstein(d: Any) -> Any:
    from persim import wasserstein

    d = d.reshape((3, 2))
    return total(wasserstein(d, np.array([[0.0, 1.2], [0.3, 0.8]])))


@case("py-pol", "optics", 0.3, 0.5)
def polarizer(a: Any) -> Any:
    from py_pol.jones_matrix import Jones_matrix
    from py_pol.jones_vector import Jones_vector

    e = Jones_vector("E").linear_light(azimuth=a[0])
    m = Jones_matrix("M").diattenuator_linear(p1=1.0, p2=0.2, azimuth=a[1])
    return total((m * e).parameters.intensity())


@case("diffractio", "optics", 10.0, 30.0)
def diffraction(x: Any) -> Any:
    from diffractio.scalar_sources_X import Scalar_source_X

    xs = np.linspace(-50.0, 50.0, 64)
    u = Scalar_source_X(x=xs, wavelength=0.6328)
    u.gauss_beam(A=1.0, x0=0.0, w0=x[0], z0=0.0)
    out = u.RS(z=1000.0 * x[1], new_field=True)
    return total(np.abs(out.u[::8]) ** 2)


@case("poppy", "optics", 1.1)
def poppy_zernike(r: Any) -> Any:
    from poppy import zernike

    return total(
        np.nan_to_num(
            zernike.zernike(2, 0, rho=np.array([0.1, 0.4 * r]), theta=np.array([0.3, 0.7]))
        )
    )


@case("composipy", "composites", 129500.0, 9370.0)
def laminate(e: Any) -> Any:
    from composipy import LaminateProperty, OrthotropicMaterial

    ply = OrthotropicMaterial(e[0], e[1], 0.38, 5240.0, 0.2)
    lam = LaminateProperty([-45, 45, 90, 0, 0, 90, 45, -45], ply)
    return total(np.concatenate([lam.A.ravel() * 1e-5, lam.D.ravel() * 1e-4]))


@case("permetrics", "statistics", 3.0, -0.5, 2.0, 7.0)
def metrics_regression(y: Any) -> Any:
    from permetrics.regression import RegressionMetric

    e = RegressionMetric(np.array([2.5, 0.1, 2.0, 8.0]), y)
    return total(e.RMSE(), e.KGE(), e.NSE(), e.WI())


@case("Dans-Diffraction", "crystallography", 5.4)
def unit_cell(a: Any) -> Any:
    import Dans_Diffraction as dif

    xtl = dif.Crystal()
    xtl.Cell.latt([a, 5.0, 6.0, 90, 95, 90])
    return total(
        xtl.Cell.volume(),
        *np.ravel(xtl.Cell.calculateQ([1, 1, 0])),
        *np.ravel(xtl.Cell.tth([1, 0, 2], 8.0)),
    )


@case("uncertainties", "metrology", 1.3)
def propagation(x: Any) -> Any:
    from uncertainties import ufloat, umath

    y = umath.sin(ufloat(x, 0.1)) * ufloat(2.0, 0.2)
    return total(y.nominal_value, y.std_dev)


@case("pycop", "statistics", 0.3, 0.7, 2.0)
def copula_pdf(x: Any) -> Any:
    from pycop import archimedean, gaussian

    c = archimedean(family="clayton")
    return total(
        c.get_pdf(x[0], x[1], [x[2]]),
        c.get_cdf(x[0], x[1], [x[2]]),
        gaussian().get_pdf(x[0], x[1], [0.4]),
    )


@case("peakutils", "signals", 1.1, 0.3)
def peak_baseline(y: Any) -> Any:
    y = scaled(y, 40)
    import peakutils

    return total(peakutils.baseline(y, 2))


@case("peakutils", "signals", 2.0, 4.0, 1.0)
def peak_gaussian(p: Any) -> Any:
    import peakutils

    x = np.linspace(0, 10, 40)
    return total(peakutils.centroid(x, peakutils.gaussian(x, p[0], p[1], p[2])))


@case("rampy", "spectroscopy", 1.0, 5.0, 1.5)
def raman(p: Any) -> Any:
    import rampy as rp

    x = np.linspace(0, 10, 20)
    return total(rp.gaussian(x, p[0], p[1], p[2]) + rp.pseudovoigt(x, p[0], p[1], p[2], 0.4))


@case("rampy", "spectroscopy", 1.1, 0.3)
def raman_smooth(y: Any) -> Any:
    y = scaled(y, 40)
    import rampy as rp

    return total(rp.smooth(np.linspace(0, 10, 40), y, method="whittaker", Lambda=10))
