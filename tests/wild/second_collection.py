"""More functions of PyPI packages, of other fields than those of `collection`."""

from __future__ import annotations

from typing import Any

import numpy as np
from collection import case


@case("magpylib", "magnetism", 0.011, 0.022, 0.033)
def magnet_cuboid(x: Any) -> Any:
    import magpylib as mp

    m = mp.magnet.Cuboid(dimension=(0.01, 0.02, 0.03), polarization=(0.1, 0.2, 0.3))
    return np.sum(m.getB(x) * np.array([1.0, 2.0, 3.0]))


@case("magpylib", "magnetism", 0.02)
def magnet_dimension(d: Any) -> Any:
    import magpylib as mp

    m = mp.magnet.Cuboid(dimension=(0.01, d, 0.03), polarization=(0.1, 0.2, 0.3))
    return m.getB((0.05, 0.04, 0.03))[0]


@case("magpylib", "magnetism", 0.02)
def current_loop(d: Any) -> Any:
    import magpylib as mp

    m = mp.current.Circle(current=100.0, diameter=d)
    return m.getH((0.05, 0.04, 0.03))[2]


@case("magpylib", "magnetism", 0.5)
def dipole_turned(a: Any) -> Any:
    import magpylib as mp

    m = mp.misc.Dipole(moment=(1.0, 2.0, 3.0), position=(0.1, 0.2, 0.3))
    m.rotate_from_angax(a, "z", degrees=False)
    return m.getB((0.5, 0.4, 0.3))[0] * 1e3


@case("lamberthub", "astrodynamics", 76.0 * 60)
def lambert_gauss(t: Any) -> Any:
    from lamberthub import gauss1809

    v1, _v2 = gauss1809(
        3.986004418e5, np.array([15945.34, 0, 0.0]), np.array([12214.83899, 10249.46731, 0.0]), t
    )
    return v1[0]


@case("lamberthub", "astrodynamics", 76.0 * 60)
def lambert_izzo(t: Any) -> Any:
    from lamberthub import izzo2015

    v1, _v2 = izzo2015(
        3.986004418e5, np.array([15945.34, 0, 0.0]), np.array([12214.83899, 10249.46731, 0.0]), t
    )
    return v1[0]


@case("rowan", "quaternions", 0.3, 0.4, 0.5)
def quaternion_turned(x: Any) -> Any:
    import rowan

    q = rowan.from_euler(x[0], x[1], x[2])
    return np.sum(rowan.rotate(q, [1.0, 2.0, 3.0]) * np.array([1, 2, 3]))


@case("rowan", "quaternions", 0.3, 0.4, 0.5, 0.7)
def quaternion_log(x: Any) -> Any:
    import rowan

    q = rowan.normalize(x)
    return np.sum(rowan.log(rowan.power(q, 0.3)) * np.array([1, 2, 3.0, 4.0]))


@case("rowan", "quaternions", 0.3, 0.4, 0.5)
def quaternion_back(x: Any) -> Any:
    import rowan

    q = rowan.from_axis_angle(x, 0.7)
    return np.sum(rowan.to_euler(q) * np.array([1, 2, 3])) + np.sum(rowan.to_matrix(q)[0])


@case("pyrr", "computer graphics", 0.3, 0.4, 0.5)
def look_at(x: Any) -> Any:
    import pyrr

    v = pyrr.matrix44.create_look_at(x, [0.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    p = pyrr.matrix44.create_perspective_projection_matrix(60.0, 1.3, 0.1, 10.0)
    return np.sum(pyrr.matrix44.multiply(v, p) * np.arange(16.0).reshape(4, 4))


@case("pyrr", "computer graphics", 0.3, 0.4, 0.5)
def pyrr_quaternion(x: Any) -> Any:
    import pyrr

    q = pyrr.quaternion.create_from_eulers(x)
    m = pyrr.matrix33.create_from_quaternion(q)
    return np.sum(m @ np.array([1.0, 2.0, 3.0]))


@case("pyrr", "computer graphics", 0.3, 0.4, 0.5)
def pyrr_object(x: Any) -> Any:
    import pyrr

    v = pyrr.Vector3(x)
    w = pyrr.Vector3([1.0, 2.0, 3.0])
    return (v ^ w).length + (v | w)


@case("pymeeus", "astronomy", 30.3)
def sun_longitude(d: Any) -> Any:
    from pymeeus.Epoch import Epoch
    from pymeeus.Sun import Sun

    lon, _lat, r = Sun.apparent_geocentric_position(Epoch(2451545.0 + d))
    return float(lon) + float(r)


@case("pymeeus", "astronomy", 30.3)
def moon_distance(d: Any) -> Any:
    from pymeeus.Epoch import Epoch
    from pymeeus.Moon import Moon

    _lon, _lat, delta, _par = Moon.geocentric_ecliptical_pos(Epoch(2451545.0 + d))
    return delta


@case("pymeeus", "astronomy", 20.3)
def star_altitude(h: Any) -> Any:
    from pymeeus.Angle import Angle
    from pymeeus.Coordinates import equatorial2horizontal

    az, el = equatorial2horizontal(Angle(h), Angle(12.0), Angle(45.0))
    return el.rad() + float(az)


@case("pymeeus", "astronomy", 1.23)
def meeus_interpolation(x: Any) -> Any:
    from pymeeus.Interpolation import Interpolation

    i = Interpolation([0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 5.0, 7.0])
    return i(x) + i.derivative(x)


@case("vector", "particle physics", 0.3, 0.4, 0.5)
def vector_boost(x: Any) -> Any:
    import vector

    a = vector.obj(px=x[0], py=x[1], pz=x[2], E=10.0)
    b = a.boost_p4(vector.obj(px=1.0, py=2.0, pz=0.0, E=9.0))
    return b.pt + b.eta + b.mass


@case("vector", "particle physics", 0.3, 0.4, 0.5)
def vector_array(x: Any) -> Any:
    import vector

    a = vector.array({"x": x, "y": x * 2, "z": x + 1})
    return np.sum(a.rotateX(0.3).theta * np.array([1.0, 2.0, 3.0]))


@case("coloraide", "colour", 0.3, 0.5, 0.2)
def coloraide_oklch(x: Any) -> Any:
    from coloraide import Color

    c = Color("srgb", [x[0], x[1], x[2]]).convert("oklch")
    return c["lightness"] + 2 * c["chroma"] + c["hue"] / 100


@case("coloraide", "colour", 0.3, 0.5, 0.2)
def coloraide_difference(x: Any) -> Any:
    from coloraide import Color

    return Color("srgb", [x[0], x[1], x[2]]).delta_e(Color("srgb", [0.2, 0.4, 0.6]), method="2000")


@case("coloraide", "colour", 0.3)
def coloraide_mix(t: Any) -> Any:
    from coloraide import Color

    return Color("red").mix("blue", t, space="oklab").luminance()


@case("lenstronomy", "gravitational lensing", 1.3, 2.1)
def lens_sie(x: Any) -> Any:
    from lenstronomy.LensModel.lens_model import LensModel

    m = LensModel(["SIE", "SHEAR"])
    fx, fy = m.ray_shooting(
        x[0],
        x[1],
        [
            {"theta_E": 1.2, "e1": 0.1, "e2": -0.2, "center_x": 0.0, "center_y": 0.0},
            {"gamma1": 0.03, "gamma2": -0.01},
        ],
    )
    return fx + 2 * fy


@case("lenstronomy", "gravitational lensing", 1.2)
def lens_epl(t: Any) -> Any:
    from lenstronomy.LensModel.lens_model import LensModel

    m = LensModel(["EPL"])
    xs = np.array([1.0, 2.0])
    ys = np.array([0.5, -1.0])
    k = m.magnification(
        xs,
        ys,
        [{"theta_E": t, "gamma": 1.9, "e1": 0.1, "e2": -0.2, "center_x": 0.0, "center_y": 0.0}],
    )
    return np.sum(k)


@case("lenstronomy", "gravitational lensing", 1.2)
def lens_nfw(r: Any) -> Any:
    from lenstronomy.LensModel.lens_model import LensModel

    m = LensModel(["NFW"])
    return m.potential(0.5, 0.7, [{"Rs": r, "alpha_Rs": 1.0, "center_x": 0.0, "center_y": 0.0}])


@case("lenstronomy", "gravitational lensing", 1.2, 0.8)
def sersic_light(x: Any) -> Any:
    from lenstronomy.LightModel.light_model import LightModel

    m = LightModel(["SERSIC_ELLIPSE"])
    return np.sum(
        m.surface_brightness(
            np.array([0.5, 1.0]),
            np.array([0.2, 0.1]),
            [
                {
                    "amp": x[1],
                    "R_sersic": x[0],
                    "n_sersic": 2.3,
                    "e1": 0.1,
                    "e2": 0.05,
                    "center_x": 0,
                    "center_y": 0,
                }
            ],
        )
    )


@case("orbit-predictor", "astrodynamics", 0.7)
def true_anomaly(m: Any) -> Any:
    from orbit_predictor.angles import M_to_ta

    return M_to_ta(m, 0.3)


@case("orbit-predictor", "astrodynamics", 7000.0, 100.0, 300.0)
def ecef_llh(r: Any) -> Any:
    from orbit_predictor.coordinate_systems import ecef_to_llh

    a = ecef_to_llh((r[0], r[1], r[2]))
    return a[0] + a[1] + a[2]


@case("scikit-kinematics", "kinematics", 0.1, 0.2, 0.3)
def skin_quaternion(x: Any) -> Any:
    from skinematics import quat

    q = quat.unit_q(x)
    m = quat.convert(q, to="rotmat")
    return np.sum(m * np.arange(9.0).reshape(3, 3)) + np.sum(quat.q_mult(q, [0.0, 0.1, 0.0]))


@case("scikit-kinematics", "kinematics", 20.0)
def skin_rotation(a: Any) -> Any:
    from skinematics import rotmat

    return (
        np.sum(
            rotmat.R("x", a)
            @ rotmat.stm("y", 2 * a, [1, 2, 3])[:3, :3]
            * np.arange(9.0).reshape(3, 3)
        )
        + rotmat.dh(a, 1.0, 2.0, 30.0)[0, 1]
    )


@case("visual-kinematics", "robotics", 0.1, 0.2, 0.3)
def serial_robot(x: Any) -> Any:
    from visual_kinematics.RobotSerial import RobotSerial

    r = RobotSerial(np.array([[0.3, 0.0, 0.1, 0.2], [0.0, 0.4, 0.1, 0.0], [0.1, 0.3, 0.2, 0.1]]))
    e = r.forward(x)
    return np.sum(e.t_3_1) + e.euler_3[0]


@case("wellpathpy", "drilling", 10.0, 20.0, 35.0)
def well_path(x: Any) -> Any:
    import wellpathpy as wp

    d = wp.deviation(md=np.array([0.0, 100.0, 200.0]), inc=x, azi=np.array([10.0, 20.0, 30.0]))
    p = d.minimum_curvature()
    return p.depth[-1] + 2 * p.northing[-1] + p.easting[-1]


@case("gstools", "geostatistics", 1.3)
def variogram(size: Any) -> Any:
    import gstools as gs

    m = gs.Exponential(dim=2, var=2.0, len_scale=size)
    return m.variogram(0.7) + m.covariance(1.2) + m.spectrum(0.5)


@case("gstools", "geostatistics", 0.3, 0.7, 0.2)
def kriging(v: Any) -> Any:
    import gstools as gs

    m = gs.Gaussian(dim=1, var=0.5, len_scale=2.0)
    k = gs.krige.Ordinary(m, [0.3, 1.9, 3.2], v)
    f, _e = k([1.0, 2.5])
    return f[0] + 2 * f[1]


@case("gstools", "geostatistics", 1.3)
def matern(size: Any) -> Any:
    import gstools as gs

    m = gs.Matern(dim=3, var=2.0, len_scale=size, nu=1.4)
    return np.sum(m.variogram(np.array([0.7, 1.4])))


@case("pygmm", "seismology", 6.5)
def ground_motion(m: Any) -> Any:
    import pygmm

    s = pygmm.Scenario(
        mag=m,
        dist_jb=20.0,
        dist_rup=21.0,
        dist_x=20.0,
        v_s30=500.0,
        mechanism="SS",
        depth_tor=2.0,
        dip=90.0,
        region="california",
    )
    g = pygmm.BooreStewartSeyhanAtkinson2014(s)
    return np.log(g.pga) + g.ln_stds[3]


@case("pygmm", "seismology", 500.0)
def ground_motion_site(v: Any) -> Any:
    import pygmm

    s = pygmm.Scenario(
        mag=6.5,
        dist_jb=20.0,
        dist_rup=21.0,
        dist_x=20.0,
        v_s30=v,
        mechanism="SS",
        depth_tor=2.0,
        dip=90.0,
        region="california",
    )
    g = pygmm.ChiouYoungs2014(s)
    return np.log(g.pga)


@case("eqsig", "seismology", 0.05)
def response_spectrum(xi: Any) -> Any:
    from eqsig import sdof

    a = np.sin(np.arange(50) * 0.3)
    return np.sum(sdof.pseudo_response_spectra(a, 0.02, np.array([0.3, 0.7]), xi)[0]) * 100


@case("eqsig", "seismology", 0.9)
def arias(k: Any) -> Any:
    import eqsig

    a = eqsig.AccSignal(np.sin(np.arange(50) * 0.3) * k, 0.02)
    return eqsig.im.calc_arias_intensity(a)[-1]


@case("anaflow", "hydrogeology", 1e-4)
def theis(t: Any) -> Any:
    from anaflow import theis as f

    return (
        f(10.0, np.array([1.0, 5.0]), 1e-4, t, -1e-4)[0]
        if 0
        else np.sum(
            f(time=[10.0, 20.0], rad=[1.0, 5.0], storage=1e-3, transmissivity=t, rate=-1e-4)
        )
    )


@case("refet", "hydrology", 25.0)
def reference_et(t: Any) -> Any:
    import refet

    return np.sum(
        refet.Daily(
            tmin=10.0, tmax=t, ea=1.2, rs=20.0, uz=3.0, zw=2.0, elev=300.0, lat=45.0, doy=182
        ).etr()
    )


@case("electricpy", "electrical engineering", 10.0)
def phasor(a: Any) -> Any:
    from electricpy.phasors import phasor as p

    z = p(3.0, a)
    return z.real + 2 * z.imag


@case("itur", "radio", 22.0)
def gas_attenuation(f: Any) -> Any:
    import itur

    return itur.models.itu676.gamma0_exact(f, 1013.0, 7.5, 288.0).value


@case("itur", "radio", 22.0)
def rain_attenuation(f: Any) -> Any:
    import itur

    return itur.models.itu838.rain_specific_attenuation(30.0, f, 45.0, 0.0).value


@case("pyfeng", "finance", 0.3)
def bsm_price(s: Any) -> Any:
    import pyfeng as pf

    return pf.Bsm(s, intr=0.03).price(np.array([90.0, 100.0]), 100.0, 1.2)[1]


@case("pyfeng", "finance", 0.3)
def sabr(s: Any) -> Any:
    import pyfeng as pf

    return pf.SabrHagan2002(s, vov=0.4, rho=-0.2, beta=0.5).price(np.array([1.9, 2.1]), 2.0, 1.2)[1]


@case("plasmapy", "plasma physics", 1e4)
def debye(t: Any) -> Any:
    import astropy.units as u
    from plasmapy.formulary import Debye_length

    return Debye_length(t * u.K, 1e19 * u.m**-3).value * 1e6


@case("plasmapy", "plasma physics", 0.3)
def plasma_dispersion(x: Any) -> Any:
    from plasmapy.dispersion.dispersion_functions import plasma_dispersion_func

    return np.real(plasma_dispersion_func(x + 0.2j))


@case("radioactivedecay", "nuclear physics", 10.0)
def decay(n: Any) -> Any:
    import radioactivedecay as rd

    i = rd.Inventory({"Mo-99": n}, "Bq").decay(20.0, "h")
    return i.activities()["Tc-99m"]


@case("pydmd", "dynamics", 0.7)
def dmd(a: Any) -> Any:
    from pydmd import DMD

    t = np.arange(8)
    X = np.stack([a**t, 0.5**t + a**t, 2 * 0.5**t - a**t])
    d = DMD(svd_rank=2).fit(X)
    return np.real(np.sum(d.eigs))


@case("pybaselines", "chemometrics", 1.3)
def modpoly(size: Any) -> Any:
    from pybaselines import Baseline

    t = np.linspace(0, 1, 40)
    y = t + size * np.exp(-(((t - 0.5) / 0.05) ** 2))
    return np.sum(Baseline(t).modpoly(y, 2, max_iter=3, tol=0)[0])


@case("simdkalman", "control", 0.3)
def simd_filter(q: Any) -> Any:
    import simdkalman

    k = simdkalman.KalmanFilter(
        state_transition=[[1, 1], [0, 1]],
        process_noise=np.array([[1.0, 0.0], [0.0, 0.5]]) * q,
        observation_model=np.array([[1, 0]]),
        observation_noise=1.0,
    )
    r = k.compute(
        np.array([[1.0, 2.1, 2.9, 4.2]]),
        2,
        initial_value=[0, 0],
        initial_covariance=np.eye(2),
        smoothed=True,
    )
    return np.sum(r.smoothed.states.mean) + np.sum(r.predicted.observations.mean)


@case("vmdpy", "signal processing", 1.3)
def vmd(a: Any) -> Any:
    from vmdpy import VMD

    t = np.arange(40) / 40
    f = a * np.cos(2 * np.pi * 3 * t) + np.cos(2 * np.pi * 9 * t)
    u, _, _w = VMD(f, 200.0, 0.0, 2, 0, 1, 1e-4)
    return np.sum(u[0] ** 2)


@case("scikit-image", "images", 0.7)
def image_gamma(g: Any) -> Any:
    from skimage import exposure

    im = np.linspace(0.1, 1, 36).reshape(6, 6)
    return np.sum(exposure.adjust_gamma(im, g) ** 2)


@case("scikit-image", "images", 1.1)
def ssim(a: Any) -> Any:
    from skimage.metrics import structural_similarity

    im = np.sin(np.arange(100.0)).reshape(10, 10)
    return structural_similarity(im, im * a + 0.1, data_range=2.0)


@case("scikit-image", "images", 1.1)
def smoothed_edges(s: Any) -> Any:
    from skimage.filters import gaussian, sobel

    im = np.sin(np.arange(100.0)).reshape(10, 10)
    return np.sum(sobel(gaussian(im, 1.0) * s) ** 2)


@case("scikit-image", "images", 1.1)
def image_colours(s: Any) -> Any:
    from skimage import color

    im = np.linspace(0.1, 0.8, 12).reshape(2, 2, 3)
    return np.sum(color.rgb2lab(im * s))


@case("pingouin", "statistics", 0.4)
def t_test(d: Any) -> Any:
    import pingouin as pg

    x = np.array([1.0, 2.0, 3.0, 2.5])
    y = np.array([2.0, 1.5, 3.5, 4.0]) + d
    return pg.compute_effsize(x, y, eftype="hedges")


@case("pygasflow", "gas dynamics", 2.3)
def mach_ratios(m: Any) -> Any:
    from pygasflow.solvers import isentropic_solver

    r = isentropic_solver("m", m)
    return r[1] + r[3] if isinstance(r, (list, tuple)) else 0.0


@case("pygasflow", "gas dynamics", 0.4)
def mach_from_pressure(p: Any) -> Any:
    from pygasflow.solvers import isentropic_solver

    return isentropic_solver("pressure", p)[0]


@case("pmutt", "thermochemistry", 500.0)
def nasa(t: Any) -> Any:
    from pmutt.empirical.nasa import Nasa

    a = np.array([4.2, -2.0e-3, 6.5e-6, -5.5e-9, 1.8e-12, -3.0e4, -0.8])
    return Nasa(name="H2O", a_low=a, a_high=a, T_low=200.0, T_mid=1000.0, T_high=3500.0).get_HoRT(
        T=t
    )


@case("pyabel", "imaging", 3.0)
def abel(s: Any) -> Any:
    import abel

    r = np.arange(-10, 11.0)
    im = np.exp(-(r[:, None] ** 2 + r**2) / s**2)
    return np.sum(
        abel.Transform(im, direction="inverse", method="three_point").transform
        * np.exp(-(r**2) / 9)
    )


@case("boule", "geodesy", 45.0)
def normal_gravity(latitude: Any) -> Any:
    import boule

    return np.sum(boule.WGS84.normal_gravity((10.0, latitude, 100.0))) * 1e-3


@case("boule", "geodesy", 45.0)
def geodetic_spherical(latitude: Any) -> Any:
    import boule

    a = boule.WGS84.geodetic_to_spherical((10.0, latitude, 100.0))
    return a[1] + a[2] * 1e-5


@case("s2sphere", "geodesy", 45.0)
def s2_distance(latitude: Any) -> Any:
    import s2sphere

    a = s2sphere.LatLng.from_degrees(latitude, 10.0)
    b = s2sphere.LatLng.from_degrees(40.0, 11.0)
    return a.get_distance(b).degrees


@case("chaosmagpy", "geomagnetism", 1.2, -0.3, 0.4, 0.1, 0.2, 0.05, 0.02, 0.3)
def magnetic_field(c: Any) -> Any:
    from chaosmagpy.model_utils import synth_values

    return sum(np.sum(b) for b in synth_values(c, 6500.0, 30.0, 40.0))


@case("komm", "communications", 0.3)
def raised_cosine(a: Any) -> Any:
    import komm

    return np.sum(komm.RaisedCosinePulse(a).waveform(np.array([0.1, 0.4, 1.3])))


@case("dit", "information theory", 0.3)
def mutual_information(p: Any) -> Any:
    import dit

    d = dit.Distribution(["00", "01", "11"], [p, 0.5 - p, 0.5])
    return dit.shannon.mutual_information(d, [0], [1])


@case("sewar", "images", 1.1)
def image_error(a: Any) -> Any:
    from sewar.full_ref import mse

    im = np.abs(np.sin(np.arange(256.0)).reshape(16, 16)) * 200
    return mse(im, im * a)


@case("sewar", "images", 1.1)
def image_quality(a: Any) -> Any:
    from sewar.full_ref import uqi

    im = np.abs(np.sin(np.arange(256.0)).reshape(16, 16)) * 200
    return uqi(im, im * a + 1)


@case("crystals", "crystallography", 5.4)
def lattice(a: Any) -> Any:
    from crystals import Lattice

    lattice = Lattice.from_parameters(a, 4.0, 5.0, 80.0, 85.0, 90.0)
    return lattice.volume + np.sum(np.array(lattice.reciprocal_vectors))


@case("cirq-core", "quantum", 0.4)
def circuit(t: Any) -> Any:
    import cirq

    return abs(cirq.unitary(cirq.rx(t))[0, 1]) ** 2 + np.real(
        cirq.unitary(cirq.ZPowGate(exponent=t))[1, 1]
    )


@case("discretize", "geophysics", 1.3)
def mesh_volumes(h: Any) -> Any:
    import discretize

    m = discretize.TensorMesh([np.array([1.0, 2.0]) * h, np.array([1.0, 1.0])])
    return np.sum(m.cell_volumes**2)


@case("discretize", "geophysics", 1.3)
def mesh_divergence(h: Any) -> Any:
    import discretize

    m = discretize.TensorMesh([np.array([1.0, 2.0]) * h, np.array([1.0, 1.0])])
    return np.sum((m.face_divergence @ np.arange(float(m.n_faces))) ** 2)


@case("groundhog", "geotechnics", 35.0)
def bearing_capacity(phi: Any) -> Any:
    from groundhog.shallowfoundations.capacity import (
        ngamma_frictionangle_vesic,
        nq_frictionangle_sand,
    )

    return nq_frictionangle_sand(phi)["Nq [-]"] + ngamma_frictionangle_vesic(phi)["Ngamma [-]"]


@case("groundhog", "geotechnics", 100.0)
def footing(s: Any) -> Any:
    from groundhog.shallowfoundations.capacity import verticalcapacity_undrained_api

    return verticalcapacity_undrained_api(effective_length=5.0, effective_width=4.0, su_base=s)[
        "qu [kPa]"
    ]


@case("neurokit2", "physiology", 1.2)
def neuro_filtered(a: Any) -> Any:
    import neurokit2 as nk

    t = np.arange(200) / 50.0
    return np.sum(
        nk.signal_filter(
            a * np.sin(t) + t,
            sampling_rate=50,
            lowcut=None,
            highcut=5.0,
            method="butterworth",
            order=2,
        )
        ** 2
    )
