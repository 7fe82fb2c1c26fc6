"""Functions of PyPI packages of more fields, as their documentation calls them."""

from __future__ import annotations

from typing import Any

import numpy as np
from collection import case
from made import scaled, total


@case("lmoments3", "hydrology", 12.3, 45.1, 30.2, 22.8, 18.9, 60.4, 33.3, 27.1, 41.7, 15.2)
def lmom_ratios(x: Any) -> Any:
    import lmoments3 as lm

    return total(lm.lmom_ratios(x, nmom=5))


@case("lmoments3", "hydrology", 12.3, 45.1, 30.2, 22.8, 18.9, 60.4, 33.3, 27.1, 41.7, 15.2)
def gev_quantile(x: Any) -> Any:
    from lmoments3 import distr

    paras = distr.gev.lmom_fit(x)
    return total(distr.gev(**paras).ppf(0.99))


@case("lmoments3", "hydrology", 12.3, 45.1, 30.2, 22.8, 18.9, 60.4, 33.3, 27.1)
def gumbel_fit(x: Any) -> Any:
    from lmoments3 import distr

    x = list(x)
    p = distr.gum.lmom_fit(x)
    return total(p["loc"], p["scale"])


@case("scikit-bio", "ecology", 5.0, 3.0, 8.0, 1.0)
def skbio_shannon(x: Any) -> Any:
    from skbio.diversity.alpha import shannon

    return total(shannon(x))


@case("scikit-bio", "ecology", 5.0, 3.0, 8.0, 1.0)
def skbio_clr(x: Any) -> Any:
    from skbio.stats.composition import closure, clr

    return total(clr(closure(x)))


@case("scikit-bio", "ecology", 0.5, 0.3, 0.2, 0.1, 0.6, 0.3)
def skbio_ilr(x: Any) -> Any:
    from skbio.stats.composition import ilr, perturb

    x = x.reshape((2, 3))
    return total(ilr(perturb(x, np.array([0.2, 0.3, 0.5]))))


@case("zepid", "epidemiology", 40.0, 60.0, 25.0, 75.0)
def zepid_rr(x: Any) -> Any:
    from zepid.calc import risk_ratio

    r = risk_ratio(x[0], x[1], x[2], x[3])
    return total(r.point_estimate, r.lower_bound, r.upper_bound, r.standard_error)


@case("zepid", "epidemiology", 40.0, 60.0, 25.0, 75.0)
def zepid_odds(x: Any) -> Any:
    from zepid.calc import odds_ratio

    x = list(x)
    return total(list(odds_ratio(*x))[:3])


@case("synergy", "pharmacology", 1.0, 0.1, 1.5, 2.0)
def synergy_hill(p: Any) -> Any:
    from synergy.single import Hill

    m = Hill(E0=p[0], Emax=p[1], h=p[2], C=p[3])
    return total(m.E(np.array([0.1, 1.0, 10.0])))


@case("synergy", "pharmacology", 1.0, 0.3, 0.4, 0.1)
def synergy_musyc(p: Any) -> Any:
    from synergy.combination import MuSyC

    m = MuSyC(
        E0=p[0],
        E1=p[1],
        E2=p[2],
        E3=p[3],
        h1=1.0,
        h2=1.2,
        C1=1.0,
        C2=2.0,
        alpha12=1.5,
        alpha21=0.8,
        gamma12=1.0,
        gamma21=1.0,
    )
    return total(m.E(np.array([0.5, 1.0]), np.array([1.0, 0.3])))


@case("xraydb", "X-ray physics", 0.4)
def xraydb_f0(q: Any) -> Any:
    import xraydb

    return total(xraydb.f0("Fe", q))


@case("xraydb", "X-ray physics", 9500.0)
def xraydb_mu(e: Any) -> Any:
    import xraydb

    return total(xraydb.mu_elam("Cu", e))


@case("xraydb", "X-ray physics", 5.2)
def xraydb_material(d: Any) -> Any:
    import xraydb

    delta, beta, _atlen = xraydb.xray_delta_beta("SiO2", d, 10000.0)
    return total(delta * 1e6, beta * 1e8)


@case("nmrglue", "NMR", 10.0, 30.0)
def nmr_phase(p: Any) -> Any:
    import nmrglue as ng

    data = np.exp(1j * np.linspace(0, 3, 16)) * np.linspace(1, 0.2, 16)
    return total(ng.proc_base.ps(data, p0=p[0], p1=p[1]).real)


@case("nmrglue", "NMR", 0.05)
def nmr_apodize(lb: Any) -> Any:
    import nmrglue as ng

    data = np.exp(1j * np.linspace(0, 30, 64))
    out = ng.proc_base.fft(ng.proc_base.em(data, lb=lb))
    return total(np.abs(out))


@case("nmrglue", "NMR", 1.1, 0.3)
def nmr_baseline(x: Any) -> Any:
    x = scaled(x, 16)
    import nmrglue as ng

    return total(ng.proc_bl.base(x, [0, 5, 10, 15]))


@case("nmrsim", "NMR", 100.0, 140.0, 7.0)
def nmr_spinsystem(p: Any) -> Any:
    from nmrsim.qm import qm_spinsystem

    return total(
        [
            v
            for pair in qm_spinsystem(
                [p[0], p[1]], [[0.0, p[2]], [p[2], 0.0]], cache=False, sparse=False
            )
            for v in pair
        ]
    )


@case("nmrsim", "NMR", 7.0, 2.5)
def nmr_multiplet(j: Any) -> Any:
    from nmrsim import Multiplet

    m = Multiplet(v=500.0, I=2.0, J=[(j[0], 2), (j[1], 1)])
    return total([v for pair in m.peaklist() for v in pair])


@case("nmrsim", "NMR", 165.0, 135.0, 1.5, 0.5, 0.5)
def nmr_dnmr(p: Any) -> Any:
    from nmrsim.dnmr import dnmr_two_singlets

    _x, y = dnmr_two_singlets(p[0], p[1], p[2], p[3], p[4], 0.5, limits=(200, 100), points=50)
    return total(y)


@case("pyfar", "acoustics", 0.5, -0.2, 0.1, 0.3, 0.0, 0.1, -0.4, 0.2)
def pyfar_spectrum(x: Any) -> Any:
    import pyfar as pf

    s = pf.Signal(x, 44100)
    return total(np.abs(s.freq).ravel())


@case("pylorentz", "particle physics", 5.0, 1.0, 0.5, 2.0)
def lorentz_boost(p: Any) -> Any:
    from pylorentz import Momentum4

    m = Momentum4(p[0], p[1], p[2], p[3])
    b = m.boost_particle(Momentum4(3.0, 0.2, 0.1, 0.5))
    return total(b.m, b.eta, b.phi, b.p_t, b.e)


@case("ckmutil", "particle physics", 0.2248, 0.00362, 0.04221, 1.27)
def ckm(x: Any) -> Any:
    from ckmutil.ckm import ckm_tree

    return total(np.abs(ckm_tree(x[0], x[1], x[2], x[3])).ravel())


@case("ckmutil", "particle physics", 0.59, 0.15, 0.79, 4.0)
def pmns_phases(x: Any) -> Any:
    from ckmutil.ckm import ckm_standard
    from ckmutil.phases import mixing_phases

    u = ckm_standard(x[0], x[1], x[2], x[3])
    return total(np.real(u[0, 2]), np.imag(u[1, 1]), mixing_phases(u)["t13"])


@case("freegs", "plasma physics", 1.0, 0.2)
def freegs_greens(x: Any) -> Any:
    from freegs.gradshafranov import Greens, GreensBr

    return total(Greens(1.5, 0.1, x[0], x[1]) * 1e7, GreensBr(1.5, 0.1, x[0], x[1]) * 1e7)


@case("freegs", "plasma physics", 1.2, 0.3, 20000.0)
def freegs_coil(x: Any) -> Any:
    from freegs.coil import Coil

    c = Coil(x[0], x[1], current=x[2])
    return total(c.psi(0.8, 0.1), c.Bz(0.8, 0.1), c.Br(0.8, 0.1))


@case("spyndex", "remote sensing", 0.4, 0.5, 0.1, 0.08)
def spectral_index(b: Any) -> Any:
    import spyndex

    b = b.reshape((2, 2))
    out = spyndex.computeIndex(
        index=["NDVI", "SAVI", "EVI"],
        params={"N": b[0], "R": b[1], "B": 0.05, "L": 0.5, "g": 2.5, "C1": 6.0, "C2": 7.5},
    )
    return total(np.array(out))


@case("spyndex", "remote sensing", 0.4)
def spectral_index_number(n: Any) -> Any:
    import spyndex

    return total(spyndex.indices.NDVI.compute(N=n, R=0.1))


@case(
    "spectral",
    "remote sensing",
    0.01,
    0.029835,
    0.060248,
    0.10124,
    0.15281,
    0.214959,
    0.287686,
    0.370992,
    0.464876,
    0.569339,
    0.68438,
    0.81,
)
def spectral_ndvi(img: Any) -> Any:
    import spectral

    img = img.reshape((2, 2, 3))
    return total(spectral.ndvi(img, 0, 2))


@case("spectral", "remote sensing", 1.1, 0.3)
def spectral_angles(img: Any) -> Any:
    img = scaled(img, 3, 4, 3)
    import spectral

    return total(spectral.spectral_angles(img, np.array([[0.2, 0.5, 0.9], [0.9, 0.4, 0.1]])))


@case("spectral", "remote sensing", 1.1, 0.3)
def spectral_pc(img: Any) -> Any:
    img = scaled(img, 3, 4, 3)
    import spectral

    pc = spectral.principal_components(img)
    return total(pc.eigenvalues)


@case("glicko2", "ratings", 1500.0, 200.0)
def glicko_player(x: Any) -> Any:
    from glicko2 import Player

    x = list(x)
    p = Player(rating=x[0], rd=x[1])
    p.update_player([1400, 1550, 1700], [30, 100, 300], [1, 0, 0])
    return total(p.rating, p.rd)


@case("trueskill", "ratings", 25.0, 8.333, 30.0, 6.0)
def trueskill_match(x: Any) -> Any:
    from trueskill import Rating, quality_1vs1, rate_1vs1

    a, b = Rating(x[0], x[1]), Rating(x[2], x[3])
    q = quality_1vs1(a, b)
    a2, b2 = rate_1vs1(a, b)
    return total(q, a2.mu, a2.sigma, b2.mu, b2.sigma)


@case("openskill", "ratings", 25.0, 8.333, 30.0, 6.0)
def openskill_match(x: Any) -> Any:
    from openskill.models import PlackettLuce

    model = PlackettLuce()
    p1 = model.rating(mu=x[0], sigma=x[1])
    p2 = model.rating(mu=x[2], sigma=x[3])
    [[a], [b]] = model.rate([[p1], [p2]])
    return total(a.mu, a.sigma, b.mu, b.sigma, *model.predict_win([[p1], [p2]]))


@case("elote", "ratings", 400.0)
def elo_match(r: Any) -> Any:
    from elote import EloCompetitor

    a, b = EloCompetitor(initial_rating=r), EloCompetitor(initial_rating=500)
    a.beat(b)
    return total(a.rating, b.rating, a.expected_score(b))


@case("pyliferisk", "actuarial science", 0.03)
def life_annuity(i: Any) -> Any:
    from pyliferisk import Actuarial, annuity
    from pyliferisk.mortalitytables import GKM95

    tariff = Actuarial(nt=GKM95, i=i)
    return total(annuity(tariff, 50, 10, 0))


@case("pyliferisk", "actuarial science", 0.03)
def life_insurance(i: Any) -> Any:
    import pyliferisk as pl
    from pyliferisk.mortalitytables import GKM95

    pl.MortalityTable(nt=GKM95)
    a = pl.Actuarial(nt=GKM95, i=i)
    return total(pl.Ax(a, 50), pl.aax(a, 50), pl.Axn(a, 50, 20))


@case("pypower", "power systems", 1.25)
def power_flow(load: Any) -> Any:
    from pypower.api import case9, ppoption, runpf

    ppc = case9()
    ppc["gen"], ppc["areas"] = np.array(ppc["gen"], float), np.array(ppc["areas"], float)
    ppc["bus"][8, 2] = 100.0 * load
    r, _ok = runpf(ppc, ppoption(VERBOSE=0, OUT_ALL=0))
    return total(r["branch"][0, 13], r["gen"][0, 1], r["bus"][8, 7])


@case("pypower", "power systems", 1.02)
def power_admittance(v: Any) -> Any:
    from pypower.api import case9, ext2int, makeYbus

    p = ext2int(case9())
    p["branch"][0, 3] = 0.0576 * v
    y, _yf, _yt = makeYbus(p["baseMVA"], p["bus"], p["branch"])
    return total(np.abs(y.toarray()).ravel())


@case("proptools-rocket", "rocketry", 5000000.0, 1.2)
def rocket_thrust(x: Any) -> Any:
    from proptools import nozzle

    pe = 1e5
    return total(
        nozzle.thrust_coef(x[0], pe, x[1], p_a=1e4, er=nozzle.er_from_p(x[0], pe, x[1])),
        nozzle.c_star(x[1], 20.18e-3, 3000.0),
    )


@case("raschii", "ocean waves", 0.2, 1.5, 2.0)
def stokes_wave(p: Any) -> Any:
    from raschii import get_wave_model

    WaveModel, _ = get_wave_model("Stokes")
    w = WaveModel(height=p[0], depth=p[1], length=p[2], N=5)
    return total(
        np.concatenate(
            [np.ravel(v) for v in [w.surface_elevation(0.2), *w.velocity(0.2, 1.0), w.c]]
        )
    )


@case("raschii", "ocean waves", 0.2)
def fenton_wave(h: Any) -> Any:
    from raschii import FentonWave

    w = FentonWave(height=h, depth=1.5, length=2.0, N=5)
    return total(np.concatenate([np.ravel(w.surface_elevation(0.3)), np.ravel(w.c)]))


@case("wavespectra", "ocean waves", 2.0, 10.0, 3.3)
def jonswap(p: Any) -> Any:
    from wavespectra.construct.frequency import jonswap as js

    f = np.arange(0.03, 0.4, 0.01)
    ds = js(freq=f, fp=1 / p[1], gamma=p[2], hs=p[0])
    return total(np.asarray(ds.values) if hasattr(ds, "values") else ds)


@case("pcse", "plant growth", 12.0, 24.0, 15000000.0, 15.0, 2.0)
def penman_monteith(x: Any) -> Any:
    import datetime

    from pcse.util import penman_monteith as pm

    return total(pm(datetime.date(2000, 6, 1), 52.0, 10.0, x[0], x[1], x[2], x[3], x[4]))


@case("catsim", "psychometrics", 0.5)
def irt_loglik(theta: Any) -> Any:
    from catsim import irt

    items = np.array([[1.0, 0.2, 0.1, 1.0], [1.3, -0.4, 0.2, 1.0], [0.8, 0.9, 0.0, 1.0]])
    return total(irt.log_likelihood(theta, [True, False, True], items))


@case("factor-analyzer", "psychometrics", 1.1, 0.3)
def factor_bartlett(x: Any) -> Any:
    x = scaled(x, 10, 4)
    from factor_analyzer.factor_analyzer import calculate_bartlett_sphericity, calculate_kmo

    chi, p = calculate_bartlett_sphericity(x)
    return total(chi, p, calculate_kmo(x)[1])


@case("biopython", "biology", 50.0, 1.5)
def melting(x: Any) -> Any:
    from Bio.SeqUtils import MeltingTemp as mt

    return total(mt.Tm_NN("CGTTCCAAAGATGTGGGCATGAGCTTAC", Na=x[0], Mg=x[1]))


@case("biopython", "biology", 1.0, 2.0, 0.5, 0.3, 1.0, 2.0, 2.0, 0.1, 1.0, 1.5, 1.5, 0.2)
def superimpose(x: Any) -> Any:
    from Bio.SVDSuperimposer import SVDSuperimposer

    x = x.reshape((4, 3))
    s = SVDSuperimposer()
    s.set(np.array([[1.1, 2.0, 0.3], [0.1, 1.2, 2.0], [2.2, 0.1, 0.7], [1.3, 1.9, 0.2]]), x)
    s.run()
    return total(s.get_rms())


@case("biopython", "biology", 1.0, 2.0, 0.5, 0.3, 1.0, 2.0, 2.0, 0.1, 1.0, 1.5, 1.5, 0.2)
def dihedral(x: Any) -> Any:
    from Bio.PDB.vectors import Vector, calc_angle, calc_dihedral

    x = x.reshape((4, 3))
    v = [Vector(*row) for row in x]
    return total(calc_dihedral(*v), calc_angle(*v[:3]))


@case("phylo-treetime", "phylogenetics", 0.3)
def gtr_prob(t: Any) -> Any:
    from treetime import GTR

    g = GTR.standard("HKY85", kappa=2.0, pi=np.array([0.2, 0.3, 0.3, 0.2]))
    return total(g.expQt(t))


@case("phylo-treetime", "phylogenetics", 2.0)
def gtr_kappa(k: Any) -> Any:
    from treetime import GTR

    g = GTR.standard("K80", kappa=k)
    return total(g.Q)


@case("compas", "geometry", 0.0, 0.0, 0.0, 1.0, 0.2, 0.1, 0.9, 1.1, 0.3, 0.1, 0.8, 0.2)
def compas_polygon(pts: Any) -> Any:
    from compas.geometry import area_polygon, centroid_points, normal_polygon

    pts = pts.reshape((4, 3)).tolist()
    return total(area_polygon(pts), *centroid_points(pts), *normal_polygon(pts))


@case("compas", "geometry", 0.7)
def compas_rotation(a: Any) -> Any:
    from compas.geometry import Point, Rotation

    r = Rotation.from_axis_and_angle([0.3, 1.0, 0.2], a)
    p = Point(1.0, 2.0, 3.0).transformed(r)
    return total(p.x, p.y, p.z)


@case("compas", "geometry", 1.0, 0.5, 0.2)
def compas_distance(x: Any) -> Any:
    from compas.geometry import Plane, Point, Vector, distance_point_plane

    pl = Plane(Point(0, 0, 0.1), Vector(0.2, 0.3, 1.0))
    return total(distance_point_plane(x, pl))


@case("euclid3", "geometry", 1.0, 2.0, 3.0, 0.6)
def euclid_rotate(x: Any) -> Any:
    from euclid3 import Quaternion, Vector3

    q = Quaternion.new_rotate_axis(x[3], Vector3(0.0, 1.0, 0.3).normalized())
    v = q * Vector3(x[0], x[1], x[2])
    return total(v.x, v.y, v.z, v.magnitude())


@case("svgpathtools", "geometry", 0.0, 0.0, 1.0, 2.0, 3.0, 2.0, 4.0, 0.5)
def svg_bezier(x: Any) -> Any:
    from svgpathtools import CubicBezier

    b = CubicBezier(x[0] + 1j * x[1], x[2] + 1j * x[3], x[4] + 1j * x[5], x[6] + 1j * x[7])
    p = b.point(0.3)
    return total(p.real, p.imag, b.curvature(0.4), b.length())


@case("bezier", "geometry", 0.0, 0.5, 1.0, 0.0, 1.0, 0.2)
def bezier_curve(n: Any) -> Any:
    import bezier

    n = n.reshape((2, 3))
    c = bezier.Curve(n, degree=2)
    return total(*c.evaluate(0.3).ravel(), c.length)


@case("Geometry3D", "geometry", 0.5)
def geometry_angle(z: Any) -> Any:
    from Geometry3D import Point, Vector, angle, distance

    return total(
        distance(Point(1.0, 2.0, z), Point(0.0, 0.3, 1.0)),
        angle(Vector(1.0, 0.2, z), Vector(0.0, 1.0, 1.0)),
    )


@case("hsluv", "colour", 0.2, 0.5, 0.7)
def rgb_hsluv(c: Any) -> Any:
    from hsluv import rgb_to_hsluv

    c = list(c)
    return total(*rgb_to_hsluv(c))


@case("colorzero", "colour", 0.3)
def colorzero_hls(h: Any) -> Any:
    from colorzero import Color

    c = Color.from_rgb(h, 0.5, 0.7)
    return total(c.hls.l, c.lab.a, c.yuv.y)


@case("pystra", "reliability", 2.5)
def pystra_normal(m: Any) -> Any:
    from pystra import Normal

    d = Normal("R", m, 0.5)
    return total(d.pdf(2.2), d.cdf(2.2))


@case("pystra", "reliability", 500.0)
def pystra_form(m: Any) -> Any:
    import pystra as ra

    ls = ra.LimitState(
        lambda r, X1, X2, X3: r - X2 * (1000 * X3) ** (-1) - (X1 * (200 * X3) ** (-1)) ** 2
    )
    sm = ra.StochasticModel()
    sm.addVariable(ra.Lognormal("X1", m, 100))
    sm.addVariable(ra.Normal("X2", 2000, 400))
    sm.addVariable(ra.Uniform("X3", 5, 0.5))
    sm.addVariable(ra.Constant("r", 1))
    f = ra.Form(stochastic_model=sm, limit_state=ls)
    f.run()
    return total(f.getBeta())


@case("raytracing", "optics", 50.0, 30.0)
def raytrace(f: Any) -> Any:
    from raytracing import ImagingPath, Lens, Space

    p = ImagingPath()
    p.append(Space(d=100.0))
    p.append(Lens(f=f[0]))
    p.append(Space(d=40.0))
    p.append(Lens(f=f[1]))
    m = p.transferMatrix()
    return total(m.A, m.B, m.C, m.D)


@case("raytracing", "optics", 50.0)
def raytrace_beam(f: Any) -> Any:
    from raytracing import GaussianBeam, Lens, Space

    b = GaussianBeam(w=0.5, wavelength=0.0006328)
    out = Space(d=10.0) * b
    out = Lens(f=f) * out
    return total(out.w, out.R)


@case("ofiber", "optics", 2e-06)
def fiber_glass(lam: Any) -> Any:
    import ofiber

    g = ofiber.glass(1)
    return total(ofiber.n(g, lam), ofiber.n_group(g, lam), ofiber.d2n(g, lam) * 1e-10)


@case("ofiber", "optics", 2.2)
def fiber_mode(v: Any) -> Any:
    import ofiber

    return total(ofiber.LP_mode_value(v, 0, 1))


@case("pypolar", "optics", 0.3, 0.8)
def polar_jones(a: Any) -> Any:
    import pypolar.jones as jones

    f = (
        jones.op_linear_polarizer(a[0])
        @ jones.op_retarder(a[1], np.pi / 3)
        @ jones.field_linear(0.2)
    )
    return total(jones.intensity(f), jones.ellipse_azimuth(f))


@case("pypolar", "optics", 0.9)
def polar_fresnel(th: Any) -> Any:
    import pypolar.fresnel as fr

    return total(fr.R_par(1.5, th), fr.R_per(1.5, th), fr.R_unpolarized(1.5 - 0.1j, th))


@case("pypolar", "optics", 0.3, 0.8)
def polar_mueller(a: Any) -> Any:
    import pypolar.mueller as mu

    s = mu.op_linear_polarizer(a[0]) @ mu.op_retarder(a[1], 0.7) @ mu.stokes_linear(0.1)
    return total(s)


@case("iadpython", "optics", 0.9, 2.0)
def adding_doubling(x: Any) -> Any:
    import iadpython

    s = iadpython.Sample(a=x[0], b=x[1], g=0.5, n=1.4, quad_pts=4)
    return total(list(s.rt())[:2])
