"""Functions of PyPI packages of more fields, tried for the first time as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from collection import case
from made import scaled, total

TIMES = np.linspace(0.0, 4.0, 9)


@case("spotpy", "hydrology", 0.4, -0.7)
def spotpy_kge(x: Any) -> Any:
    from spotpy import objectivefunctions as objective

    observed = 2.0 + np.sin(TIMES)
    simulated = scaled(x, 9)
    return (
        objective.kge(observed, simulated)
        + objective.nashsutcliffe(observed, simulated)
        + objective.agreementindex(observed, simulated)
        + objective.rrmse(observed, simulated)
        + objective.rsr(observed, simulated)
    )


@case("spotpy", "hydrology", 0.4, -0.7)
def spotpy_decomposed(x: Any) -> Any:
    from spotpy import objectivefunctions as objective

    return objective.decomposed_mse(2.0 + np.sin(TIMES), scaled(x, 9)) + objective.lognashsutcliffe(
        2.0 + np.sin(TIMES), scaled(x, 9)
    )


@case("pedon", "soil science", 0.02, 1.6)
def soil_genuchten(x: Any) -> Any:
    from pedon import Genuchten

    soil = Genuchten(k_s=10.0, theta_r=0.05, theta_s=0.4, alpha=x[0], n=x[1])
    h = np.array([1.0, 10.0, 100.0, 1000.0])
    return total(soil.theta(h), soil.k(h))


@case("pedon", "soil science", 40.0, 20.0)
def soil_cosby(x: Any) -> Any:
    from pedon.soil import SoilSample

    brooks = SoilSample(sand_p=x[0], clay_p=x[1]).cosby()
    return total(brooks.theta(np.array([10.0, 100.0])), brooks.k(np.array([10.0, 100.0])))


@case("earthkit-meteo", "meteorology", 290.0, 283.0)
def meteo_dewpoint(x: Any) -> Any:
    from earthkit.meteo.thermo import array as thermo

    return total(
        thermo.relative_humidity_from_dewpoint(x[0], x[1]),
        1e3 * thermo.specific_humidity_from_dewpoint(x[1], 1e5),
        thermo.lcl_temperature(x[0], x[1]),
        thermo.saturation_vapour_pressure(x[0]),
    )


@case("earthkit-meteo", "meteorology", 290.0, 288.0)
def meteo_ept(x: Any) -> Any:
    from earthkit.meteo.thermo import array as thermo

    return total(thermo.ept_from_dewpoint(x, np.array([285.0, 280.0]), np.array([9.5e4, 9e4])))


@case("meteocalc", "meteorology", 25.0, 60.0)
def meteocalc_heat(x: Any) -> Any:
    from meteocalc import Temp, dew_point, heat_index

    t = Temp(x[0], "c")
    return dew_point(t, x[1]).c + heat_index(temperature=Temp(95.0, "f"), humidity=x[1]).f


@case("typhon", "meteorology", 290.0, 9e4)
def typhon_atmosphere(x: Any) -> Any:
    from typhon.physics import atmosphere

    return total(
        atmosphere.relative_humidity2vmr(0.7, x[1], x[0]),
        1e3 * atmosphere.moist_lapse_rate(x[1], x[0]),
        atmosphere.density(x[1], x[0]),
        1e-3 * atmosphere.e_eq_mixed_mk(x[0]),
    )


@case("typhon", "meteorology", 300.0, 0.4)
def typhon_radiation(x: Any) -> Any:
    from typhon.physics import em

    return total(
        1e15 * em.planck(np.array([1e11, 2e11]), x[0]),
        np.abs(np.array(em.fresnel(1.0, 1.5, 100.0 * x[1]))),
    )


@case("aotools", "optics", 0.15, 20.0)
def ao_turbulence(x: Any) -> Any:
    from aotools.turbulence import atmos_conversions as conversions
    from aotools.turbulence.turb import phase_covariance

    return total(
        conversions.r0_to_seeing(x[0]),
        1e12 * conversions.r0_to_cn2(x[0]),
        1e-3 * phase_covariance(np.array([0.5, 1.0, 2.0]), x[0], x[1]),
    )


@case("aotools", "optics", 0.3, -0.2, 0.5)
def ao_zernike(x: Any) -> Any:
    from aotools.functions import zernike

    return total(zernike.phaseFromZernikes(x, 8) ** 2)


@case("hcipy", "optics", 0.3)
def telescope(a: Any) -> Any:
    import hcipy

    grid = hcipy.make_pupil_grid(16)
    modes = hcipy.make_zernike_basis(4, 1, grid)
    aperture = hcipy.make_circular_aperture(1)(grid)
    wavefront = hcipy.Wavefront(aperture * np.exp(1j * a * modes[3]))
    propagator = hcipy.FraunhoferPropagator(grid, hcipy.make_focal_grid(2, 3))
    return total(np.asarray(propagator(wavefront).intensity)[:10])


@case("laserbeamsize", "optics", 1e-3, 0.5)
def laser_beam(x: Any) -> Any:
    import laserbeamsize as lbs

    return total(
        1e3 * lbs.beam_radius(x[0], 1e-6, x[1]),
        lbs.curvature(x[0], 1e-6, x[1]),
        lbs.gouy_phase(x[0], 1e-6, x[1]),
        1e3 * lbs.divergence(x[0], 1e-6),
        lbs.magnification(x[0], 1e-6, x[1], 0.2),
    )


@case("laserbeamsize", "optics", 6.0, 4.0)
def laser_image(x: Any) -> Any:
    import laserbeamsize as lbs

    v, h = np.meshgrid(np.arange(24.0), np.arange(24.0), indexing="ij")
    image = 100 * np.exp(-2 * ((h - 12) / x[0]) ** 2 - 2 * ((v - 11) / x[1]) ** 2)
    return total(np.array(lbs.basic_beam_size(image)[:4]))


@case("choix", "ratings", 0.3, -0.2, 0.5)
def choix_likelihood(x: Any) -> Any:
    from choix import opt, utils

    data = [(0, 1), (1, 2), (0, 2), (2, 1), (2, 0)]
    return (
        utils.log_likelihood_pairwise(data, x)
        + opt.PairwiseFcts(data, 0.1).objective(x)
        + utils.log_likelihood_rankings([(0, 1, 2), (2, 0, 1)], x)
        + utils.probabilities([0, 2], x)[0]
    )


@case("choix", "ratings", 3.0, 2.0)
def choix_spectral(x: Any) -> Any:
    from choix import lsr_pairwise_dense

    wins = np.array([[0.0, x[0], 1.0], [x[1], 0.0, 2.0], [1.0, 3.0, 0.0]])
    return total(lsr_pairwise_dense(wins))


@case("gascompressibility", "petroleum engineering", 0.7, 2000.0)
def gas_z_factor(x: Any) -> Any:
    import gascompressibility as gc

    return gc.calc_z(sg=x[0], T=75, P=x[1])


@case("pyrestoolbox", "petroleum engineering", 2000.0, 180.0)
def gas_z_hall(x: Any) -> Any:
    from pyrestoolbox import gas

    return total(
        gas.gas_z(p=x[0], sg=0.75, degf=x[1], zmethod="HY", cmethod="PMC"),
        10 * gas.gas_ug(p=x[0], sg=0.75, degf=x[1], zmethod="HY", cmethod="PMC"),
    )


@case("pyrestoolbox", "petroleum engineering", 2500.0, 38.0)
def oil_bubble(x: Any) -> Any:
    from pyrestoolbox import oil

    return total(
        1e-3 * oil.oil_pbub(api=x[1], degf=175.0, rsb=1000.0, sg_g=0.75, pbmethod="STAN"),
        oil.oil_viso(p=x[0], api=x[1], degf=175.0, pb=3600.0, rs=600.0),
        oil.oil_sg(x[1]),
    )


@case("mhkit", "ocean waves", 0.1, 30.0)
def mhkit_wavenumber(x: Any) -> Any:
    from mhkit.wave import resource

    k = resource.wave_number(np.array([0.1, 0.2]) + x[0], x[1], to_pandas=False)
    return total(np.asarray(k))


@case("uncertainty-toolbox", "machine learning metrics", 0.4, -0.7)
def uncertainty_scores(x: Any) -> Any:
    from uncertainty_toolbox import metrics_scoring_rule as rule

    predicted, spread = scaled(x, 7), 0.3 + 0.1 * scaled(x, 7)
    y = 2.0 + np.cos(np.arange(7.0))
    return (
        rule.nll_gaussian(predicted, spread, y)
        + rule.crps_gaussian(predicted, spread, y)
        + rule.check_score(predicted, spread, y)
        + rule.interval_score(predicted, spread, y)
    )


@case("ncon", "tensors", 0.4, -0.7)
def ncon_network(x: Any) -> Any:
    from ncon import ncon

    a, b = scaled(x, 3, 4), np.cos(np.arange(20.0)).reshape(4, 5)
    return total(ncon([a, b, a.T], [[-1, 1], [1, -2], [-3, -4]]))


@case("motpy", "tracking", 0.5, 1.5)
def box_overlap(x: Any) -> Any:
    from motpy.metrics import angular_similarity, calculate_iou

    a = np.array([[x[0], 0.0, 2.0, x[1]], [0.2, 0.1, 1.0, 1.0]])
    b = np.array([[0.0, 0.2, 1.5, 2.0]])
    return total(calculate_iou(a, b), angular_similarity(a, b))


@case("utide", "oceanography", 735000.3, 10.0)
def tide_nodal(x: Any) -> Any:
    from utide.harmonics import FUV

    f, u, _v = FUV(np.array([x[0]]), x[0], np.array([47, 56]), 10.0 + x[1], [False] * 4)
    return total(f, u)


@case("orix", "crystallography", 0.3, -0.5, 0.8)
def orix_euler(x: Any) -> Any:
    from orix.quaternion import Quaternion
    from orix.vector import Vector3d

    q = Quaternion.from_euler(x)
    v = q * Vector3d([1.0, 2.0, 3.0])
    return total(v.data, q.to_euler(), q.to_matrix())


@case("orix", "crystallography", 0.4, 1.1)
def orix_angle(x: Any) -> Any:
    from orix.vector import Vector3d

    v = Vector3d.from_polar(azimuth=x[0], polar=x[1])
    w = Vector3d([0.3, 0.5, 0.7])
    return total(v.angle_with(w), v.cross(w).data, v.polar)


@case("colorir", "colour", 200.0, 120.0, 40.0)
def colorir_lab(x: Any) -> Any:
    import colorir

    colorir.config.REPR_STYLE = "traditional"
    colour = colorir.sRGB(x[0], x[1], x[2], max_rgb=255)
    return total(np.array([*colour.cielab(), *colour.hsv()][:3]))


@case("basic-colormath", "colour", 200.0, 120.0, 40.0)
def colormath_delta(x: Any) -> Any:
    from basic_colormath import get_delta_e, rgb_to_hsl, rgb_to_lab

    rgb = (x[0], x[1], x[2])
    return get_delta_e(rgb, (10.0, 100.0, 200.0)) + sum(rgb_to_lab(rgb)) + sum(rgb_to_hsl(rgb))


@case("basic-colormath", "colour", 200.0, 120.0, 40.0)
def colormath_arrays(x: Any) -> Any:
    from basic_colormath import get_deltas_e, rgbs_to_hsl

    rgbs = np.array([x, 0.5 * x])
    return total(
        get_deltas_e(rgbs, np.array([[10.0, 100.0, 200.0], [1.0, 2.0, 3.0]])), rgbs_to_hsl(rgbs)
    )


@case("beyond", "astrodynamics", 0.2, 0.8)
def beyond_forms(x: Any) -> Any:
    from beyond.orbits.forms import Form

    return Form.M2E(x[0], x[1])


@case("synphot", "astronomy", 5800.0)
def synphot_blackbody(t: Any) -> Any:
    from synphot import SourceSpectrum
    from synphot.models import BlackBodyNorm1D

    source = SourceSpectrum(BlackBodyNorm1D, temperature=t)
    return total(1e6 * source(np.array([4000.0, 5500.0, 7000.0])).value)


@case("pycwt", "wavelets", 0.4, -0.7)
def pycwt_transform(x: Any) -> Any:
    import pycwt

    w, _sj, _f, _coi, _fft, _ff = pycwt.cwt(scaled(x, 16), 0.25, dj=0.5, s0=0.5, J=3)
    return total(np.abs(w))


@case("pycwt", "wavelets", 0.4, -0.7)
def pycwt_mothers(x: Any) -> Any:
    from pycwt import DOG, Morlet, Paul

    return total(np.abs(Morlet(6).psi(x)), np.abs(Paul(4).psi_ft(1 + x)), np.real(DOG(2).psi_ft(x)))


@case("dipy", "medical imaging", 0.4, 0.7, 1.1)
def dipy_geometry(x: Any) -> Any:
    from dipy.core import geometry

    return total(
        geometry.euler_matrix(x[0], x[1], x[2]),
        np.array(geometry.cart2sphere(x[0], x[1], x[2])),
        geometry.circumradius(x, np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 1.0])),
        geometry.rodrigues_axis_rotation(x, 30.0),
    )


@case("medpy", "medical imaging", 0.4, -0.7)
def histogram_distance(x: Any) -> Any:
    from medpy.metric import histogram

    a, b = scaled(x, 6), 1.5 + 0.5 * np.cos(np.arange(6.0))
    a, b = a / a.sum(), b / b.sum()
    names = ["minowski", "chi_square", "kullback_leibler", "jensen_shannon", "fidelity_based"]
    return sum(getattr(histogram, name)(a, b) for name in [*names, "cosine", "correlate"])


@case("EoN", "epidemiology", 0.4, 0.6)
def eon_meanfield(x: Any) -> Any:
    import EoN

    _t, s, i, r = EoN.SIR_homogeneous_meanfield(0.9, 0.1, 0.0, 3.0, x[0], x[1], tmax=4, tcount=5)
    return total(s, i, r)


@case("scores", "meteorology", 0.4, -0.7)
def scores_kge(x: Any) -> Any:
    import xarray as xr
    from scores.continuous import kge, mse

    forecast = xr.DataArray(scaled(x, 7), dims="time")
    observed = xr.DataArray(2.0 + np.cos(np.arange(7.0)), dims="time")
    return total(kge(forecast, observed).values, mse(forecast, observed).values)


@case("penaltyblog", "sports", 2.1, 3.4, 3.6)
def implied_odds(x: Any) -> Any:
    from penaltyblog.implied import calculate_implied

    result = calculate_implied([x[0], x[1], x[2]], method="multiplicative")
    return total(np.array(result.probabilities))


@case("pvmismatch", "photovoltaics", 0.006, 0.9)
def pv_cell(x: Any) -> Any:
    from pvmismatch import pvcell

    cell = pvcell.PVcell(Rs=x[0], Ee=x[1])
    return total(cell.Icell.ravel()[150::40], cell.Voc, cell.Isc)


@case("pygsp", "graph signals", 0.4, -0.7)
def graph_filter(x: Any) -> Any:
    from pygsp import filters, graphs

    graph = graphs.Ring(8)
    graph.estimate_lmax()
    return total(filters.Heat(graph, scale=5).filter(scaled(x, 8), method="chebyshev"))


@case("airseafluxcode", "oceanography", 15.0, 8.0)
def air_sea_flux(x: Any) -> Any:
    from AirSeaFluxCode.hum_subs import VaporPressure

    return total(VaporPressure(np.array([x[0]]), np.array([1010.0]), "liquid", "Buck"), x[1])


@case("pycoare", "oceanography", 8.0, 15.0)
def coare_flux(x: Any) -> Any:
    from pycoare import coare_35

    flux = coare_35(
        u=np.array([x[0]]), t=np.array([x[1]]), ts=np.array([17.0]), rh=np.array([80.0])
    )
    return total(np.asarray(flux.fluxes.hsb), np.asarray(flux.fluxes.tau))


@case("thewalrus", "quantum", 0.4, -0.7)
def walrus_symplectic(x: Any) -> Any:
    from thewalrus.symplectic import beam_splitter, squeezing

    return total(squeezing(x[0], 0.3) @ squeezing(x[1], 0.1), beam_splitter(x[0], x[1]))


@case("sigpy", "medical imaging", 0.4, -0.7)
def sigpy_shrink(x: Any) -> Any:
    import sigpy

    image = scaled(x, 4, 4)
    return total(sigpy.soft_thresh(0.5, image), sigpy.resize(image, (6, 6)))


@case("spharpy", "acoustics", 0.4, 0.7)
def spherical_harmonics(x: Any) -> Any:
    from spharpy.special import spherical_bessel

    return total(spherical_bessel(2, 1 + x))


@case("mosqito", "acoustics", 0.4, 0.7)
def mosqito_level(x: Any) -> Any:
    from mosqito.utils import amp2db, freq2bark

    return total(amp2db(scaled(x, 5), ref=2e-5), freq2bark(100 * scaled(x, 5)))


@case("similaritymeasures", "geometry", 0.4, -0.7)
def curve_distance(x: Any) -> Any:
    import similaritymeasures as sm

    t = np.linspace(0.0, 1.0, 6)
    a = np.column_stack([t, scaled(x, 6)])
    b = np.column_stack([t, 1.0 + np.cos(3 * t)])
    return sm.frechet_dist(a, b) + sm.curve_length_measure(a, b) + sm.mse(a, b)


@case("similaritymeasures", "geometry", 0.4, -0.7)
def curve_area(x: Any) -> Any:
    import similaritymeasures as sm

    t = np.linspace(0.0, 1.0, 6)
    a = np.column_stack([t, scaled(x, 6)])
    b = np.column_stack([t, -1.0 + np.cos(3 * t)])
    return sm.area_between_two_curves(a, b) + sm.dtw(a, b)[0]


@case("circle-fit", "geometry", 0.4, -0.7)
def circle_taubin(x: Any) -> Any:
    import circle_fit

    t = np.arange(7.0)
    points = np.column_stack([np.cos(t) + x[0] * np.sin(t * t), np.sin(t) + 0.1 * x[1] * t])
    return total(np.array(circle_fit.taubinSVD(points)), np.array(circle_fit.hyperLSQ(points)))


@case("circle-fit", "geometry", 0.04, -0.07)
def circle_pratt(x: Any) -> Any:
    import circle_fit

    t = np.arange(7.0)
    points = np.column_stack([np.cos(t) + x[0] * np.sin(t * t), np.sin(t) + 0.1 * x[1] * t])
    return total(np.array(circle_fit.prattSVD(points)))


@case("lsq-ellipse", "geometry", 0.04, -0.07)
def ellipse_fit(x: Any) -> Any:
    from ellipse import LsqEllipse

    t = np.arange(9.0)
    points = np.column_stack(
        [2 * np.cos(t) + x[0] * np.sin(t * t), np.sin(t) + 0.1 * x[1] * t + 0.3 * np.cos(t)]
    )
    _center, width, height, phi = LsqEllipse().fit(points).as_parameters()
    return width + 2 * height + 3 * phi


@case("geodepy", "geodesy", -37.0, 144.5)
def geodepy_inverse(x: Any) -> Any:
    from geodepy.geodesy import vincdir, vincinv

    distance, azimuth, back = vincinv(x[0], x[1], -37.6, 143.9)
    return 1e-3 * distance + 1e-2 * azimuth + 1e-2 * back + sum(vincdir(x[0], x[1], 40.0, 5e4)[:2])


@case("geodepy", "geodesy", -37.0, 144.5)
def geodepy_grid(x: Any) -> Any:
    from geodepy.convert import geo2grid, llh2xyz, xyz2llh

    _h, _zone, east, north, scale, convergence = geo2grid(x[0], x[1])
    return (
        1e-6 * (east + north) + scale + convergence + sum(xyz2llh(*llh2xyz(x[0], x[1], 10.0))[:2])
    )


@case("pyentrp", "time series", 0.4, -0.7)
def pyentrp_granulate(x: Any) -> Any:
    from pyentrp import entropy

    series = scaled(x, 12)
    return total(
        entropy.util_granulate_time_series(series, 3),
        entropy.weighted_permutation_entropy(series, order=2),
    )


@case("ordpy", "time series", 0.4, -0.7)
def ordpy_entropy(x: Any) -> Any:
    import ordpy

    p = scaled(x, 6) / np.sum(scaled(x, 6))
    return ordpy.renyi_entropy(p, alpha=2, dx=3, probs=True) + ordpy.tsallis_entropy(
        p, q=2, dx=3, probs=True
    )


@case("EntropyHub", "time series", 0.4, -0.7)
def entropyhub_fuzzy(x: Any) -> Any:
    import EntropyHub

    return total(np.array(EntropyHub.FuzzEn(scaled(x, 14), m=1)[0]))


@case("EntropyHub", "time series", 0.4, -0.7)
def entropyhub_spectral(x: Any) -> Any:
    import EntropyHub

    return total(np.array(EntropyHub.SpecEn(scaled(x, 16))))


@case("MFDFA", "time series", 0.4, -0.7)
def mfdfa_fluctuations(x: Any) -> Any:
    from MFDFA import MFDFA

    _lag, fluctuations = MFDFA(scaled(x, 64), lag=np.array([5, 8, 12]), q=2.0, order=1)
    return total(fluctuations)


@case("hurst", "time series", 0.4, -0.7)
def hurst_exponent(x: Any) -> Any:
    from hurst import compute_Hc

    return compute_Hc(scaled(x, 120), kind="change", simplified=False)[0]


@case("fastdtw", "time series", 0.4, -0.7)
def fastdtw_distance(x: Any) -> Any:
    from fastdtw import dtw

    return dtw(scaled(x, 6), np.cos(np.arange(7.0)), dist=lambda a, b: abs(a - b) ** 2)[0]


@case("tsfel", "time series", 0.4, -0.7)
def tsfel_features(x: Any) -> Any:
    import tsfel

    series = scaled(x, 16)
    return sum(
        [
            tsfel.calc_centroid(series, 100),
            tsfel.auc(series, 100),
            tsfel.sum_abs_diff(series),
            tsfel.slope(series),
            tsfel.skewness(series),
            tsfel.rms(series),
            tsfel.spectral_centroid(series, 100),
        ]
    )


@case("polliwog", "geometry", 0.4, -0.7, 1.1)
def polliwog_plane(x: Any) -> Any:
    from polliwog import Plane

    plane = Plane(reference_point=np.array([0.5, 1.0, 0.0]), normal=x / np.linalg.norm(x))
    points = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, -1.0]])
    return total(plane.signed_distance(points), plane.project_point(points), plane.equation)


@case("geometer", "geometry", 0.4, -0.7)
def geometer_line(x: Any) -> Any:
    from geometer import Line, Point, dist

    a, b = Point(x[0], x[1]), Point(2.0, 1.0)
    return dist(a, Point(3.0, 3.0)) + dist(Point(0.0, 2.0), Line(a, b))


@case("squaternion", "quaternions", 0.4, -0.7, 1.1)
def squaternion_euler(x: Any) -> Any:
    from squaternion import Quaternion

    q = Quaternion.from_euler(x[0], x[1], x[2])
    return total(np.array((q * q).to_euler()), np.array(q.to_rot()), q.angle)


@case("clifford", "geometry", 0.4, 0.7, 1.1)
def clifford_rotor(x: Any) -> Any:
    from clifford.g3 import e1, e2, e3

    a = x[0] * e1 + x[1] * e2 + x[2] * e3
    b = a * (e1 + 2 * e2) * a
    return total(np.asarray(b.value))


@case("PyDynamic", "metrology", 0.4, 0.7)
def pydynamic_filter(x: Any) -> Any:
    from PyDynamic.uncertainty.propagate_filter import FIRuncFilter

    y, uy = FIRuncFilter(scaled(x, 10), 0.1, np.array([0.5, 0.3, 0.2]), 0.01 * np.eye(3))
    return total(y, uy)


@case("GTC", "metrology", 1.5, 0.1)
def gtc_uncertainty(x: Any) -> Any:
    from GTC import sin as gtc_sin
    from GTC import ureal

    a, b = ureal(x[0], x[1]), ureal(0.7, 0.2)
    y = gtc_sin(a * b) / b
    return y.x + y.u


@case("solarenergy", "photovoltaics", 0.4, 0.7)
def solar_projection(x: Any) -> Any:
    import solarenergy as se

    return total(
        se.cos_angle_sun_panels(0.1, x[0], 0.5, x[1]),
        se.pv_cell_temperature(20.0, 800.0 * x[0], 2.0),
        np.array(se.reflectance_transmittance(x[0], 1.0, 1.5)),
    )


@case("solarenergy", "photovoltaics", 0.6)
def solar_clearsky(altitude: Any) -> Any:
    import solarenergy as se

    return total(1e-2 * np.array(se.clearsky_bird(altitude)))


@case("geoana", "geophysics", 0.5, 1.5)
def geoana_dipole(x: Any) -> Any:
    from geoana.em.static import MagneticDipoleWholeSpace

    dipole = MagneticDipoleWholeSpace(location=np.r_[0.0, 0.0, 0.0], orientation="z")
    return total(1e7 * dipole.magnetic_flux_density(np.array([[x[0], x[1], 1.0]])))


@case("geoana", "geophysics", 0.5, 1.5)
def geoana_gravity(x: Any) -> Any:
    from geoana.gravity import PointMass

    mass = PointMass(mass=1e10, location=np.r_[0.0, 0.0, -2.0])
    return total(
        mass.gravitational_potential(np.array([[x[0], x[1], 1.0]])),
        mass.gravitational_field(np.array([[x[0], x[1], 1.0]])),
    )


@case("pygom", "epidemiology", 0.4, 0.6)
def pygom_beta(x: Any) -> Any:
    from pygom.utilR import dexp, dgamma

    return total(dexp(x, 1.5), dgamma(x, 2.0, 1.5))


@case("py-pde", "partial differential equations", 0.4, -0.7)
def pde_laplace(x: Any) -> Any:
    from pde import CartesianGrid, ScalarField

    field = ScalarField(CartesianGrid([[0, 8]], [8], periodic=True), scaled(x, 8))
    return total((field**2).data, field.average, field.integral)


@case("nodepy", "differential equations", 0.4, -0.7)
def nodepy_stability(x: Any) -> Any:
    from nodepy import runge_kutta_method as rk

    p, q = rk.loadRKM("RK44").__num__().stability_function(mode="float")
    return total(np.abs(np.polyval(p.coeffs, x[0] + 1j * x[1])), q(0.0))


@case("pyroomacoustics", "acoustics", 0.4, 0.7)
def room_steering(x: Any) -> Any:
    from pyroomacoustics.doa import cart2spher, spher2cart

    return total(
        np.array(spher2cart(x[0], x[1])), np.array(cart2spher(np.array([[x[0]], [x[1]], [0.5]])))
    )


@case("openfermion", "quantum", 0.4, 0.7)
def fermion_givens(x: Any) -> Any:
    from openfermion.linalg import givens_matrix_elements, givens_rotate

    g = givens_matrix_elements(x[0], x[1])
    matrix = scaled(x, 3, 3)
    givens_rotate(matrix, g, 0, 1)
    return total(g, matrix)


@case("diffpy.structure", "crystallography", 5.0, 85.0)
def lattice_distance(x: Any) -> Any:
    from diffpy.structure import Lattice

    lattice = Lattice(x[0], 6.0, 7.0, 90.0, x[1], 95.0)
    return lattice.dist([0.1, 0.2, 0.3], [0.5, 0.7, 0.2]) + lattice.volume + total(lattice.recbase)


@case("hplc-py", "chromatography", 4.0, 0.4)
def hplc_peak(x: Any) -> Any:
    from hplc.quant import Chromatogram

    t = np.linspace(0.0, 8.0, 17)
    chromatogram = Chromatogram.__new__(Chromatogram)
    return total(chromatogram._compute_skewnorm(t, 10.0, x[0], x[1], 0.5))


@case("teaspoon", "signals", 0.4, -0.7)
def teaspoon_entropy(x: Any) -> Any:
    from teaspoon.SP.tsa_tools import takens

    return total(takens(scaled(x, 12), n=3, tau=2))


@case("predictr", "reliability", 1.5, 2.0)
def predictr_beta(x: Any) -> Any:
    from predictr import Analysis

    prob = Analysis(df=[0.4, 1.0, x[0], 3.0, 3.0 + x[1]], show=False)
    prob.mle()
    return prob.beta
