"""Functions of PyPI packages that nobody wrote for differentiation.

Each case is a scalar function of one number or one vector, and the point of its derivative.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """A function of a package, and where it is differentiated."""

    package: str
    field: str
    f: Callable[[Any], Any]
    x: Any

    @property
    def name(self) -> str:
        return self.f.__name__.removeprefix("_")


CASES: list[Case] = []
Decorator = Callable[[Callable[[Any], Any]], Callable[[Any], Any]]


def case(package: str, field: str, *x: float) -> Decorator:
    """Register a function of a number, or of a vector."""

    def add(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        if f.__code__ not in [known.f.__code__ for known in CASES]:  # doctests import files again
            CASES.append(Case(package, field, f, x[0] if len(x) == 1 else np.array(x)))
        return f

    return add


# Thermodynamics and fluids.


@case("chemicals", "thermodynamics", 300.0)
def antoine(t: Any) -> Any:
    from chemicals import Antoine

    return Antoine(t, 10.0, 1400.0, -50.0)


@case("chemicals", "thermodynamics", 320.0)
def wagner(t: Any) -> Any:
    from chemicals.vapor_pressure import Wagner

    return Wagner(t, 508.1, 4692800.0, -7.46, 1.53, -2.1, -3.1)


@case("chemicals", "thermodynamics", 0.3)
def rachford_rice(z: Any) -> Any:
    from chemicals.rachford_rice import flash_inner_loop

    return flash_inner_loop([z, 0.2, 0.8 - z], [1.7, 0.8, 0.4])[0]


@case("chemicals", "thermodynamics", 350.0)
def lee_kesler(t: Any) -> Any:
    from chemicals.vapor_pressure import Lee_Kesler

    return Lee_Kesler(t, 556.4, 4.56e6, 0.193)


@case("fluids", "fluid mechanics", 1e5)
def friction_factor(re: Any) -> Any:
    from fluids import friction_factor as factor

    return factor(Re=re, eD=1e-4)


@case("fluids", "fluid mechanics", 11000.0)
def atmosphere(z: Any) -> Any:
    from fluids.atmosphere import ATMOSPHERE_1976

    return ATMOSPHERE_1976(z - 2000.0).rho


@case("fluids", "fluid mechanics", 0.02)
def orifice(d: Any) -> Any:
    from fluids.flow_meter import C_Reader_Harris_Gallagher

    return C_Reader_Harris_Gallagher(D=0.07366, Do=d, rho=1.1645, mu=1.864e-5, m=0.12)


@case("ht", "heat transfer", 1e5)
def nusselt(re: Any) -> Any:
    from ht.conv_internal import turbulent_Gnielinski

    return turbulent_Gnielinski(re, 1.2, 0.00185)


@case("ht", "heat transfer", 3.0)
def effectiveness(ntu: Any) -> Any:
    from ht.hx import effectiveness_from_NTU

    return effectiveness_from_NTU(ntu, 0.4, subtype="counterflow")


@case("ht", "heat transfer", 350.0)
def mean_temperature_difference(t: Any) -> Any:
    from ht import LMTD

    return LMTD(t, 320.0, 280.0, 300.0)


@case("thermo", "thermodynamics", 300.0, 1e6)
def peng_robinson(x: Any) -> Any:
    from thermo.eos import PR

    eos = PR(Tc=507.6, Pc=3025000.0, omega=0.2975, T=x[0], P=x[1])
    return eos.V_l * 1e4


@case("thermo", "thermodynamics", 330.0)
def nrtl(t: Any) -> Any:
    from thermo.nrtl import NRTL_gammas

    tau = 200.0 / t
    return NRTL_gammas([0.3, 0.7], [[0.0, tau], [0.5 * tau, 0.0]], [[0.0, 0.3], [0.3, 0.0]])[0]


@case("iapws", "thermodynamics", 350.0)
def saturation_pressure(t: Any) -> Any:
    from iapws.iapws97 import _PSat_T

    return _PSat_T(t)


@case("iapws", "thermodynamics", 300.0)
def water_region_1(t: Any) -> Any:
    from iapws.iapws97 import _Region1

    return _Region1(t, 3.0)["h"]


@case("pyXSteam", "thermodynamics", 300.0)
def steam_enthalpy(t: Any) -> Any:
    from pyXSteam.XSteam import XSteam

    return XSteam(XSteam.UNIT_SYSTEM_MKS).h_pt(10.0, t)


@functools.cache
def _psychrolib() -> Any:
    """The package in SI units; numba compiles it anew whenever they are set."""
    import psychrolib

    psychrolib.SetUnitSystem(psychrolib.SI)
    return psychrolib


@case("psychrolib", "building physics", 25.0)
def humidity_ratio(t: Any) -> Any:
    psychrolib = _psychrolib()
    return psychrolib.GetHumRatioFromRelHum(t, 0.5, 101325.0) * 1e3


@case("psychrolib", "building physics", 0.4)
def dew_point(rh: Any) -> Any:
    psychrolib = _psychrolib()
    return psychrolib.GetTDewPointFromRelHum(25.0, rh)


@case("ambiance", "meteorology", 9000.0)
def standard_atmosphere(h: Any) -> Any:
    from ambiance import Atmosphere

    return np.sum(Atmosphere(h).pressure) * 1e-4


@case("metpy", "meteorology", 20.0)
def saturation_vapor_pressure(t: Any) -> Any:
    from metpy.calc import saturation_vapor_pressure as pressure
    from metpy.units import units

    return pressure(units.Quantity(t, "degC")).magnitude


# Geodesy and astronomy.


@case("pymap3d", "geodesy", 0.7, -1.2, 100.0)
def geodetic_to_ecef(x: Any) -> Any:
    import pymap3d

    return sum(pymap3d.geodetic2ecef(x[0], x[1], x[2], deg=False)) * 1e-6


@case("pymap3d", "geodesy", 660.0, -4700.0, 4246.0)
def ecef_to_geodetic(x: Any) -> Any:
    import pymap3d

    lat, lon, alt = pymap3d.ecef2geodetic(x[0] * 1e3, x[1] * 1e3, x[2] * 1e3)
    return lat + 2 * lon + alt * 1e-4


@case("pymap3d", "geodesy", 0.3, 0.9)
def vincenty(x: Any) -> Any:
    from pymap3d.vincenty import vdist

    return np.sum(vdist(40.0, 10.0, 41.0 + x[0], 11.0 + x[1])[0]) * 1e-4


@case("geographiclib", "geodesy", 30.5)
def geodesic_inverse(lat: Any) -> Any:
    from geographiclib.geodesic import Geodesic

    return Geodesic.WGS84.Inverse(lat, 0.0, 29.9, 50.0)["s12"] * 1e-5


@case("geographiclib", "geodesy", 5.5)
def geodesic_direct(s: Any) -> Any:
    from geographiclib.geodesic import Geodesic

    return Geodesic.WGS84.Direct(40.6, -73.8, 51.0, s * 1e6)["lat2"]


@case("utm", "geodesy", 51.2, 7.5)
def utm_forward(x: Any) -> Any:
    import utm

    east, north, *_ = utm.from_latlon(x[0], x[1])
    return (east + 2 * north) * 1e-5


@case("utm", "geodesy", 395.0, 5673.0)
def utm_backward(x: Any) -> Any:
    import utm

    lat, lon = utm.to_latlon(x[0] * 1e3, x[1] * 1e3, 32, "U")
    return lat + 2 * lon


@case("haversine", "geodesy", 45.7, 4.8)
def great_circle(x: Any) -> Any:
    from haversine import haversine

    return haversine((x[0], x[1]), (48.8, 2.3))


@case("geopy", "geodesy", 45.7, 4.8)
def geopy_great_circle(x: Any) -> Any:
    from geopy.distance import great_circle as distance

    return distance((x[0], x[1]), (48.8, 2.3)).kilometers


@case("nvector", "geodesy", 0.7, 0.4)
def n_vector(x: Any) -> Any:
    import nvector

    return np.sum(nvector.lat_lon2n_E(x[0], x[1]) * np.array([[1.0], [2.0], [3.0]]))


@case("skyfield", "astronomy", 0.3)
def sidereal_time(t: Any) -> Any:
    from skyfield.api import load

    ts = load.timescale(builtin=True)
    return ts.ut1_jd(t).gmst


@case("skyfield", "astronomy", 0.4)
def kepler_orbit(e: Any) -> Any:
    from skyfield.keplerlib import true_anomaly_closed as anomaly

    return anomaly(e, 1.1)


@case("skyfield", "astronomy", 40.0, 10.0)
def wgs84_position(x: Any) -> Any:
    from skyfield.api import wgs84

    return np.sum(wgs84.latlon(x[0], x[1], 100.0).itrs_xyz.km * np.array([1.0, 2.0, 3.0])) * 1e-3


@case("sgp4", "astronomy", 0.2)
def satellite(e: Any) -> Any:
    from sgp4.ext import rv2coe
    from sgp4.propagation import getgravconst

    mu = getgravconst("wgs72")[1]
    return rv2coe([6524.8 * (1 + e), 6862.8, 6448.3], [4.9, 5.5, -1.97], mu)[1] * 1e-4


@case("PyAstronomy", "astronomy", 0.3)
def kepler_ellipse(e: Any) -> Any:
    from PyAstronomy.pyasl import KeplerEllipse

    orbit = KeplerEllipse(1.0, 1.0, e=e, Omega=30.0, i=40.0)
    return np.sum(orbit.xyzPos(0.3))


@case("PyAstronomy", "astronomy", 5500.0)
def planck(t: Any) -> Any:
    from PyAstronomy.pyasl import planck as radiance

    return radiance(t, lam=5e-7) * 1e-13


@case("astropy", "astronomy", 0.3)
def luminosity_distance(om: Any) -> Any:
    from astropy.cosmology import FlatLambdaCDM

    return FlatLambdaCDM(H0=70.0, Om0=om).inv_efunc(0.5)


@case("astropy", "astronomy", 1.2)
def astropy_gaussian(s: Any) -> Any:
    from astropy.modeling.models import Gaussian1D

    return np.sum(Gaussian1D.evaluate(np.linspace(-1, 1, 5), 1.0, 0.2, s))


@case("pvlib", "solar energy", 35.0)
def angle_of_incidence(tilt: Any) -> Any:
    from pvlib.irradiance import aoi_projection

    return aoi_projection(tilt, 180.0, 40.0, 200.0)


@case("pvlib", "solar energy", 40.0)
def airmass(z: Any) -> Any:
    from pvlib.atmosphere import get_relative_airmass

    return get_relative_airmass(z)


@case("pvlib", "solar energy", 6.0)
def single_diode(i: Any) -> Any:
    from pvlib.pvsystem import v_from_i

    return v_from_i(i, 7.0, 6e-7, 0.1, 20.0, 0.5)


# Optics and colour.


@case("prysm", "optics", 0.55)
def sellmeier(w: Any) -> Any:
    from prysm.refractive import sellmeier as index

    return index(w, [1.04, 0.23, 1.01], [0.006, 0.02, 103.5])


@case("tmm", "optics", 100.0, 300.0)
def thin_film(d: Any) -> Any:
    from tmm import coh_tmm

    layers = [np.inf, d[0], d[1], np.inf]
    return coh_tmm("s", [1.0, 2.2, 3.3 + 0.3j, 1.0], layers, 0.2, 600.0)["R"]


@case("tmm", "optics", 0.4)
def fresnel(th: Any) -> Any:
    from tmm import R_from_r, interface_r, snell

    return R_from_r(interface_r("p", 1.0, 1.5, th, snell(1.0, 1.5, th)))


@case("miepython", "optics", 1.5)
def mie(x: Any) -> Any:
    import miepython

    return miepython.efficiencies_mx(1.5 - 0.1j, x)[0]


@case("colour-science", "colour", 0.4, 0.2, 0.6)
def oklab(x: Any) -> Any:
    import colour

    return np.sum(colour.XYZ_to_Oklab(x) * np.array([1.0, 2.0, 3.0]))


@case("colour-science", "colour", 0.4, 0.2, 0.6)
def delta_e(x: Any) -> Any:
    import colour

    return colour.delta_E(colour.XYZ_to_Lab(x), np.array([50.0, 10.0, 20.0]))


# Robotics and control.


@case("transforms3d", "robotics", 0.1, 0.2, 0.3)
def euler_matrix(x: Any) -> Any:
    from transforms3d.euler import euler2mat

    return np.sum(euler2mat(x[0], x[1], x[2]) * np.arange(9.0).reshape(3, 3))


@case("transforms3d", "robotics", 0.9, 0.2, 0.3, 0.1)
def quaternion_matrix(q: Any) -> Any:
    from transforms3d.quaternions import quat2mat

    return np.sum(quat2mat(q) * np.arange(9.0).reshape(3, 3))


@case("pytransform3d", "robotics", 0.1, 0.2, 0.3)
def compact_axis_angle(x: Any) -> Any:
    from pytransform3d.rotations import matrix_from_compact_axis_angle

    return np.sum(matrix_from_compact_axis_angle(x) * np.arange(9.0).reshape(3, 3))


@case("modern_robotics", "robotics", 0.1, 0.2)
def forward_kinematics(q: Any) -> Any:
    from modern_robotics import FKinSpace

    home = np.eye(4)
    home[0, 3] = 2.0
    screws = np.array([[0, 0, 1.0, 0, 0, 0], [0, 0, 1.0, 0, -1, 0]]).T
    return np.sum(FKinSpace(home, screws, q)[:2, 3])


@case("modern_robotics", "robotics", 0.1, 0.2, 0.3)
def matrix_exponential(x: Any) -> Any:
    from modern_robotics import MatrixExp3, VecToso3

    return np.sum(MatrixExp3(VecToso3(x)) * np.arange(9.0).reshape(3, 3))


@case("pyquaternion", "robotics", 0.7)
def rotate(angle: Any) -> Any:
    from pyquaternion import Quaternion

    return Quaternion(axis=[0, 0, 1], angle=angle).rotate(np.array([1.0, 2.0, 3.0]))[0]


@case("spatialmath-python", "robotics", 0.3)
def rotation_x(t: Any) -> Any:
    from spatialmath.base import rotx

    return np.sum(rotx(t) * np.arange(9.0).reshape(3, 3))


@case("ahrs", "navigation", 0.1, 0.2, 9.7)
def tilt(a: Any) -> Any:
    from ahrs.common.orientation import acc2q

    return np.sum(acc2q(a) * np.array([1.0, 2.0, 3.0, 4.0]))


@case("filterpy", "estimation", 0.3)
def kalman_filter(q: Any) -> Any:
    from filterpy.kalman import KalmanFilter

    kf = KalmanFilter(dim_x=2, dim_z=1)
    kf.F = np.array([[1.0, 1.0], [0.0, 1.0]])
    kf.H = np.array([[1.0, 0.0]])
    kf.P = kf.P * 2.0
    kf.Q = np.eye(2) * q
    for z in (1.0, 2.1, 2.9):
        kf.predict()
        kf.update(z)
    return kf.x[0, 0]


@case("ikpy", "robotics", 0.2, 0.3)
def chain(q: Any) -> Any:
    from ikpy.chain import Chain
    from ikpy.link import OriginLink, URDFLink

    arm = Chain(
        links=[
            OriginLink(),
            URDFLink("a", np.array([0, 0, 1.0]), np.zeros(3), rotation=np.array([0, 1.0, 0])),
            URDFLink("b", np.array([0, 0, 1.0]), np.zeros(3), rotation=np.array([0, 1.0, 0])),
        ]
    )
    return np.sum(arm.forward_kinematics([0.0, q[0], q[1]])[:3, 3])


@case("control", "control", 0.5)
def frequency_response(zeta: Any) -> Any:
    import control

    system = control.TransferFunction([1.0], [1.0, 2 * zeta, 1.0])
    return np.abs(system(1.3j))


@case("control", "control", 0.5)
def step_gain(k: Any) -> Any:
    import control

    a, b = np.array([[0.0, 1.0], [-1.0, -k]]), np.array([[0.0], [1.0]])
    return np.sum(control.ctrb(a, b))


# Statistics, finance, economics.


@case("statsmodels", "statistics", 0.5, -0.2)
def logit_likelihood(b: Any) -> Any:
    from statsmodels.discrete.discrete_model import Logit

    rng = np.random.default_rng(0)
    exog = rng.normal(size=(20, 2))
    return Logit((rng.uniform(size=20) < 0.5).astype(float), exog).loglike(b)


@case("statsmodels", "statistics", 0.4)
def ar_process(phi: Any) -> Any:
    from statsmodels.tsa.arima_process import arma_acovf

    return np.sum(arma_acovf([1.0, -phi], [1.0], nobs=5))


@case("lmfit", "statistics", 1.2)
def lmfit_voigt(s: Any) -> Any:
    from lmfit.lineshapes import pvoigt

    return np.sum(pvoigt(np.linspace(-1, 1, 5), 1.0, 0.1, s, 0.3))


@case("lmfit", "statistics", 1.2)
def lmfit_skewed(s: Any) -> Any:
    from lmfit.lineshapes import exponential, gaussian, lognormal

    x = np.linspace(0.5, 2, 5)
    return np.sum(gaussian(x, 1.0, 0.1, s) + lognormal(x, 1.0, 0.1, s) + exponential(x, 1.0, s))


@case("properscoring", "statistics", 0.4, 1.2)
def crps(x: Any) -> Any:
    from properscoring import crps_gaussian

    return np.sum(crps_gaussian(np.array([0.1, 0.9]), x[0], x[1]))


@case("numpy-financial", "finance", 0.07)
def net_present_value(r: Any) -> Any:
    import numpy_financial as npf

    return npf.npv(r, [-100.0, 30.0, 40.0, 60.0])


@case("numpy-financial", "finance", 0.05)
def payment(r: Any) -> Any:
    import numpy_financial as npf

    return npf.pmt(r / 12, 120, 1000.0) + npf.fv(r, 10, -100.0, -50.0)


@case("py_vollib", "finance", 0.3)
def black_scholes(sigma: Any) -> Any:
    from py_vollib.ref_python.black_scholes import black_scholes as price

    return price("c", 100.0, 95.0, 0.5, 0.02, sigma)


@case("py_vollib", "finance", 0.3)
def black_scholes_delta(sigma: Any) -> Any:
    from py_vollib.ref_python.black_scholes.greeks.analytical import delta

    return delta("p", 100.0, 95.0, 0.5, 0.02, sigma)


@case("mibian", "finance", 20.0)
def mibian_call(v: Any) -> Any:
    import mibian

    return mibian.BS([100.0, 95.0, 2.0, 30.0], volatility=v).callPrice


@case("empyrical-reloaded", "finance", 0.01, -0.02, 0.03, 0.015, -0.005)
def sharpe(r: Any) -> Any:
    import empyrical

    return empyrical.sharpe_ratio(r)


@case("empyrical-reloaded", "finance", 0.01, -0.02, 0.03, 0.015, -0.005)
def drawdown(r: Any) -> Any:
    import empyrical

    return empyrical.max_drawdown(r)


@case("nelson-siegel-svensson", "finance", 0.03, -0.01, 0.02)
def nelson_siegel(b: Any) -> Any:
    from nelson_siegel_svensson import NelsonSiegelCurve

    return np.sum(NelsonSiegelCurve(b[0], b[1], b[2], 2.0)(np.array([1.0, 2.0, 5.0])))


@case("copulas", "statistics", 2.0)
def clayton(theta: Any) -> Any:
    from copulas.bivariate import Clayton

    copula = Clayton()
    copula.theta = theta
    return np.sum(copula.cumulative_distribution(np.array([[0.3, 0.4], [0.6, 0.7]])))


@case("emcee", "statistics", 0.1, 0.5, 0.2, 0.8, 0.4, 0.9, 0.3, 0.7)
def autocorrelation(x: Any) -> Any:
    from emcee.autocorr import function_1d

    return np.sum(function_1d(x)[1:4])


@case("nashpy", "economics", 0.3)
def game(p: Any) -> Any:
    import nashpy

    prisoners = nashpy.Game(np.array([[3.0, 0.0], [5.0, 1.0]]))
    return np.sum(prisoners[np.array([p, 1 - p]), np.array([0.4, 0.6])])


# Signals and images.


@case("mir_eval", "signals", 0.1, 0.5, 0.2, 0.8)
def melody(x: Any) -> Any:
    from mir_eval.melody import hz2cents

    return np.sum(hz2cents(x * 400.0)) * 1e-3


@case("pyloudnorm", "signals", *np.sin(np.arange(40) * 0.7))
def normalize_peak(x: Any) -> Any:
    import pyloudnorm

    return np.sum(pyloudnorm.normalize.peak(x * 0.1, -1.0) ** 2)


@case("spectrum", "signals", 1.0, 0.5, 0.2, 0.1)
def levinson(r: Any) -> Any:
    from spectrum import LEVINSON

    a, p, _ = LEVINSON(r)
    return np.sum(a) + p


@case("spectrum", "signals", *np.sin(np.arange(12) * 0.7))
def burg(x: Any) -> Any:
    from spectrum import arburg

    return np.sum(arburg(x, 2)[0].real)


@case("python_speech_features", "signals", 300.0)
def mel(f: Any) -> Any:
    from python_speech_features.base import hz2mel, mel2hz

    return hz2mel(f) + mel2hz(f)


@case("python_speech_features", "signals", *np.sin(np.arange(40) * 0.7))
def preemphasis(x: Any) -> Any:
    from python_speech_features.sigproc import preemphasis as emphasize

    return np.sum(emphasize(x) ** 2)


@case("padasip", "signals", 0.3)
def lms(mu: Any) -> Any:
    from padasip.filters import FilterLMS

    lms_filter = FilterLMS(n=2, mu=mu, w="zeros")
    for k in range(4):
        lms_filter.adapt(np.sin(k), np.array([np.cos(k), 1.0]))
    return np.sum(lms_filter.w)


@case("scikit-dsp-comm", "signals", 0.3)
def fir(f: Any) -> Any:
    from sk_dsp_comm.sigsys import rect, tri

    return np.sum(tri(np.linspace(-1, 1, 5), f + 1) * 1.0) + np.sum(
        rect(np.linspace(-1, 1, 5), f + 1)
    )


# Structures and mechanics.


@case("calfem-python", "structures", 0.01)
def bar(a: Any) -> Any:
    import calfem.core as cfc

    return np.sum(np.asarray(cfc.bar2e([0.0, 1.0], [0.0, 2.0], [2e5, a]))[0, :2])


@case("calfem-python", "structures", 2e-4)
def beam(i: Any) -> Any:
    import calfem.core as cfc

    return np.asarray(cfc.beam2e([0.0, 1.0], [0.0, 2.0], [2e5, 0.01, i]))[1, 1]


@case("calfem-python", "structures", 0.3)
def hooke(nu: Any) -> Any:
    import calfem.core as cfc

    return np.sum(np.asarray(cfc.hooke(1, 2.0, nu)))


@case("anastruct", "structures", 5e3)
def frame(ei: Any) -> Any:
    from anastruct import SystemElements

    ss = SystemElements(EA=15e3, EI=ei)
    ss.add_element(location=[[0, 0], [0, 3]])
    ss.add_element(location=[[0, 3], [4, 3]])
    ss.add_support_fixed(node_id=1)
    ss.add_support_hinged(node_id=3)
    ss.q_load(element_id=2, q=-10)
    ss.solve()
    return ss.get_node_results_system(2)["phi_z"] * 1e3


@case("PyNiteFEA", "structures", 30.0)
def pynite_member(load: Any) -> Any:
    from Pynite.FixedEndReactions import FER_PtLoad

    return np.sum(np.asarray(FER_PtLoad(load, 1.0, 4.0, "Fy")))


@case("scikit-fem", "structures", 0.3, 0.2)
def finite_elements(x: Any) -> Any:
    from skfem.helpers import det, inv

    a = np.array([[1.0, x[0]], [x[1], 2.0]])[:, :, None, None]
    return np.sum(det(a)) + np.sum(inv(a))


# Chemistry and physics.


@case("chempy", "chemistry", 300.0)
def arrhenius(t: Any) -> Any:
    from chempy.kinetics.arrhenius import arrhenius_equation

    return arrhenius_equation(1e10, 40e3, t) * 1e-3


@case("chempy", "chemistry", 0.1)
def debye_huckel(i: Any) -> Any:
    from chempy.electrolytes import davies_log_gamma

    return davies_log_gamma(i, 1, 0.51)


@case("ase", "chemistry", 0.1, 0.2, 0.9)
def lennard_jones(x: Any) -> Any:
    from ase.geometry import get_angles

    return np.sum(get_angles([x], [np.array([1.0, 0.2, 0.1])]))


@case("rmsd", "chemistry", 0.1, 0.2, 0.9, 1.0, 0.3, 0.5)
def rmsd_value(x: Any) -> Any:
    from rmsd import rmsd

    return rmsd(x.reshape(2, 3), np.arange(6.0).reshape(2, 3))


@case("rmsd", "chemistry", 0.1, 0.2, 0.9, 1.0, 0.3, 0.5, 0.4, 1.1, 0.7)
def kabsch(x: Any) -> Any:
    from rmsd import kabsch_rmsd

    return kabsch_rmsd(x.reshape(3, 3), np.array([[0, 0, 1.0], [1, 0, 0.5], [0.3, 2, 0]]))


@case("periodictable", "chemistry", 1.5)
def xray_f0(q: Any) -> Any:
    from periodictable.cromermann import fxrayatq

    return fxrayatq("Si", q)


@case("scikit-rf", "electronics", 50.0)
def reflection(z: Any) -> Any:
    from skrf.tlineFunctions import zl_2_Gamma0

    return np.sum(np.abs(zl_2_Gamma0(50.0, z + 10j)))


@case("scikit-rf", "electronics", 0.2, 0.4)
def s_to_z(x: Any) -> Any:
    from skrf.network import s2z

    s = np.array([[[x[0], x[1]], [x[1], 0.1]]], dtype=complex)
    return np.sum(np.abs(s2z(s)))


@case("pint", "physics", 3.0)
def unit_conversion(v: Any) -> Any:
    import pint

    ureg = pint.UnitRegistry()
    return (v * ureg.meter / (2.0 * ureg.second)).to("km/hour").magnitude


@case("windpowerlib", "wind energy", 80.0)
def wind_profile(h: Any) -> Any:
    from windpowerlib.wind_speed import logarithmic_profile

    return logarithmic_profile(5.0, 10.0, h, 0.15)


@case("pyet", "hydrology", 25.0)
def pyet_slope(t: Any) -> Any:
    from pyet.meteo_utils import calc_e0, calc_vpc

    return calc_e0(t) + calc_vpc(t)


@case("hydroeval", "hydrology", 1.0, 2.1, 2.9, 4.2)
def nash_sutcliffe(x: Any) -> Any:
    import hydroeval

    return np.sum(hydroeval.evaluator(hydroeval.nse, x, np.array([1.1, 2.0, 3.0, 4.0])))


@case("seawater", "oceanography", 35.0, 10.0)
def sea_water(x: Any) -> Any:
    import seawater

    return seawater.dens0(x[0], x[1])


# Geometry and tensors.


@case("geomdl", "geometry", 0.3)
def nurbs(v: Any) -> Any:
    from geomdl import BSpline

    curve = BSpline.Curve()
    curve.degree = 2
    curve.ctrlpts = [[0.0, 0.0], [1.0, v], [2.0, 0.5]]
    curve.knotvector = [0, 0, 0, 1, 1, 1]
    return curve.evaluate_single(0.4)[1]


@case("splines", "geometry", 0.3)
def catmull_rom(v: Any) -> Any:
    import splines

    return splines.CatmullRom([0.0, v, 2.0, 1.5]).evaluate(1.3)


@case("scikit-spatial", "geometry", 0.3, 0.2, 0.7)
def plane_distance(x: Any) -> Any:
    from skspatial.objects import Plane

    return Plane(point=[0, 0, 0.1], normal=[1, 2, 2]).distance_point(x)


@case("vg", "geometry", 0.3, 0.2, 0.7)
def vector_angle(x: Any) -> Any:
    import vg

    return vg.angle(x, np.array([1.0, 0.5, 0.2]))


@case("trimesh", "geometry", 0.3, 0.2, 0.7)
def triangle_area(x: Any) -> Any:
    from trimesh.triangles import area

    corners = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    return np.sum(area(np.stack([*corners, x])[None]))


@case("tensorly", "tensors", 0.3, 0.2, 0.7, 0.1)
def khatri_rao(x: Any) -> Any:
    from tensorly.tenalg import khatri_rao as product

    a = x.reshape(2, 2)
    return np.sum(product([a, np.arange(4.0).reshape(2, 2)]) ** 2)


@case("opt_einsum", "tensors", 0.3, 0.2, 0.7, 0.1)
def contraction(x: Any) -> Any:
    from opt_einsum import contract

    a = x.reshape(2, 2)
    return contract("ij,jk,ki->", a, np.arange(4.0).reshape(2, 2), a)


@case("pwlf", "approximation", 0.6)
def piecewise_linear(b: Any) -> Any:
    import pwlf

    x = np.linspace(0, 1, 10)
    model = pwlf.PiecewiseLinFit(x, np.sin(3 * x))
    return model.fit_with_breaks([0.0, b, 1.0])


@case("sdeint", "stochastic", 0.3)
def euler_maruyama(a: Any) -> Any:
    import sdeint

    f = lambda y, t: -a * y  # noqa: E731
    g = lambda y, t: np.diag([0.1])  # noqa: E731
    times = np.linspace(0, 1, 5)
    return np.sum(sdeint.itoEuler(f, g, np.array([1.0]), times, generator=np.random.default_rng(0)))


@case("suncalc", "astronomy", 11.0, 48.0)
def sun_altitude(x: Any) -> Any:
    import datetime

    from suncalc import get_position

    return get_position(datetime.datetime(2024, 6, 1, 9), x[0], x[1])["altitude"]


@case("pysolar", "astronomy", 48.0, 11.0)
def solar_altitude(x: Any) -> Any:
    import datetime

    from pysolar.solar import get_altitude

    return get_altitude(*x, datetime.datetime(2024, 6, 1, 9, tzinfo=datetime.UTC))


@case("astral", "astronomy", 48.0, 11.0)
def sun_elevation(x: Any) -> Any:
    import datetime

    from astral import Observer
    from astral.sun import elevation

    time = datetime.datetime(2024, 6, 1, 9, tzinfo=datetime.UTC)
    return elevation(Observer(x[0], x[1], 0.0), time)


@case("scikit-aero", "aeronautics", 5000.0)
def pressure_at_height(h: Any) -> Any:
    from skaero.atmosphere import coesa

    return coesa.table(h)[2]


@case("pysabr", "finance", 0.2, 0.4, -0.3)
def sabr_volatility(x: Any) -> Any:
    from pysabr.models.hagan_2002_lognormal_sabr import lognormal_vol

    return lognormal_vol(0.03, 0.025, 1.0, x[0], 0.5, x[2], x[1])


@case("zernike", "optics", 0.3, 0.1, 0.2)
def wavefront(c: Any) -> Any:
    from zernike import RZern

    polynomials, line = RZern(4), np.linspace(-1, 1, 6)
    polynomials.make_cart_grid(*np.meshgrid(line, line))
    coefficients = np.zeros(polynomials.nk)
    coefficients[1:4] = c
    return np.nansum(polynomials.eval_grid(coefficients) ** 2)


@case("heartpy", "signals", *(np.sin(0.7 * np.arange(50)) + 0.01 * np.arange(50)))
def lowpass(x: Any) -> Any:
    from heartpy.filtering import filter_signal

    filtered = filter_signal(x, cutoff=0.3, sample_rate=2.0, order=2, filtertype="lowpass")
    return np.sum(filtered**2)


@case("ruptures", "signals", *(0.1 * np.sin(np.arange(20.0))))
def segment_cost(x: Any) -> Any:
    from ruptures.costs import CostL2, CostRbf

    return CostL2().fit(x).error(0, 9) + CostRbf(gamma=1.0).fit(x).error(10, 20)


@case("antropy", "signals", *(np.sin(0.7 * np.arange(40)) + 0.01 * np.arange(40)))
def hjorth(x: Any) -> Any:
    import antropy

    mobility, complexity = antropy.hjorth_params(x)
    return mobility + complexity + antropy.spectral_entropy(x, sf=100.0, method="fft")


@case("quantecon", "economics", 0.95, 0.4)
def impulse_response(x: Any) -> Any:
    import quantecon

    matrices = [np.array(m) for m in ([[x[0], 0.1], [0.0, 0.5]], [[0.1], [x[1]]], [[1.0, 0.0]])]
    return np.sum(quantecon.LinearStateSpace(*matrices).impulse_response(j=4)[1])


@case("colormath", "colour", 0.4, 0.3, 0.6)
def lab_of_rgb(x: Any) -> Any:
    from colormath.color_conversions import convert_color
    from colormath.color_objects import LabColor, sRGBColor

    color: Any = convert_color(sRGBColor(*x), LabColor)
    return color.lab_l + color.lab_a * color.lab_b


@case("pygeodesy", "geodesy", 48.0, 11.0)
def pygeodesy_haversine(x: Any) -> Any:
    from pygeodesy.formy import haversine

    return haversine(x[0], x[1], 50.0, 8.0)
