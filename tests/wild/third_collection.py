"""Functions of more PyPI packages, written as a stranger writes them and not tuned."""

from __future__ import annotations

from typing import Any

import numpy as np
from collection import case


@case("thermofeel", "biometeorology", 303.0, 290.0, 3.0)
def feels_apparent(x: Any) -> Any:
    import thermofeel

    rh = thermofeel.calculate_relative_humidity_percent(x[0], x[1])
    return thermofeel.calculate_apparent_temperature(x[0], rh, x[2])


@case("thermofeel", "biometeorology", 303.0)
def feels_heat_index(t: Any) -> Any:
    import thermofeel

    return thermofeel.calculate_heat_index_adjusted(np.array([t, 305.0]), 292.0).sum()


@case("thermofeel", "biometeorology", 303.0)
def feels_utci(t: Any) -> Any:
    import thermofeel

    return thermofeel.calculate_utci(
        np.array([t]), np.array([3.0]), np.array([t + 5.0]), td_k=np.array([290.0])
    )[0]


@case("pythermalcomfort", "building physics", 26.0)
def comfort_vote(t: Any) -> Any:
    from pythermalcomfort.models import pmv_ppd_iso

    found = pmv_ppd_iso(tdb=t, tr=25.0, vr=0.1, rh=50, met=1.4, clo=0.5, round_output=False)
    return found.pmv


@case("pythermalcomfort", "building physics", 26.0)
def comfort_utci(t: Any) -> Any:
    from pythermalcomfort.models import utci

    return utci(tdb=t, tr=27.0, v=1.0, rh=50, round_output=False).utci


@case("pythermalcomfort", "building physics", 26.0)
def comfort_gagge(t: Any) -> Any:
    from pythermalcomfort.models import two_nodes_gagge

    return two_nodes_gagge(tdb=t, tr=25.0, v=0.2, rh=50, met=1.2, clo=0.5, round_output=False).set


@case("HydroErr", "hydrology", 3.0, 4.0, 6.0, 5.0, 2.5)
def kling_gupta(x: Any) -> Any:
    import HydroErr

    return HydroErr.kge_2012(x, np.array([3.2, 4.4, 5.5, 5.1, 2.0]))


@case("HydroErr", "hydrology", 3.0, 4.0, 6.0, 5.0, 2.5)
def nash_sutcliffe_of_runoff(x: Any) -> Any:
    import HydroErr

    return HydroErr.nse(x, np.array([3.2, 4.4, 5.5, 5.1, 2.0]))


@case("pastas", "hydrogeology", 200.0, 1.2, 30.0)
def response_gamma(p: Any) -> Any:
    import pastas

    return np.sum(pastas.Gamma().step(p)[:50])


@case("pastas", "hydrogeology", 200.0, 1.2, 0.5)
def response_hantush(p: Any) -> Any:
    import pastas

    return np.sum(pastas.FourParam().step([p[0], p[1], 30.0, p[2]])[:50])


@case("fatpack", "fatigue", 100.0, -50.0, 80.0, -120.0, 60.0, -30.0, 90.0)
def fatigue_damage(x: Any) -> Any:
    import fatpack

    ranges = fatpack.find_rainflow_ranges(np.tile(x, 2), k=1024)
    return fatpack.LinearEnduranceCurve(90.0).get_endurance(ranges).sum() * 1e-6


@case("rainflow", "fatigue", 100.0, -50.0, 80.0, -120.0, 60.0, -30.0, 90.0)
def rainflow_cycles(x: Any) -> Any:
    import rainflow

    return sum(n * r**3 for r, _mean, n, _i, _j in rainflow.extract_cycles(list(x)))


@case("galpy", "galactic dynamics", 1.1)
def galaxy_potential(a: Any) -> Any:
    from galpy.potential import MiyamotoNagaiPotential

    return MiyamotoNagaiPotential(a=a, b=0.1, amp=1.0)(1.2, 0.3)


@case("galpy", "galactic dynamics", 1.1)
def galaxy_circular_velocity(r: Any) -> Any:
    from galpy.potential import NFWPotential, vcirc

    return vcirc(NFWPotential(a=2.0, normalize=1.0), r)


@case("colossus", "cosmology", 5.0)
def halo_density(c: Any) -> Any:
    from colossus.cosmology import cosmology
    from colossus.halo.profile_nfw import NFWProfile

    cosmology.setCosmology("planck18")
    profile = NFWProfile(M=1e12, c=c, z=0.0, mdef="vir")
    return profile.density(np.array([10.0, 100.0])).sum() * 1e-5


@case("colossus", "cosmology", 0.5)
def hubble_rate(z: Any) -> Any:
    from colossus.cosmology import cosmology

    return cosmology.setCosmology("planck18").Hz(z)


@case("dust-extinction", "astronomy", 3.1)
def extinction_fitzpatrick(rv: Any) -> Any:
    from dust_extinction.parameter_averages import F99

    return np.sum(F99.evaluate(np.array([1.5, 2.5, 4.5]), rv))


@case("dust-extinction", "astronomy", 3.1)
def extinction_cardelli(rv: Any) -> Any:
    from dust_extinction.parameter_averages import CCM89

    return np.sum(CCM89(Rv=rv)(np.array([1.5, 2.5, 4.5])))


@case("ppigrf", "geomagnetism", 60.0)
def igrf_field(lat: Any) -> Any:
    import datetime

    import ppigrf

    east, north, up = ppigrf.igrf(5.3, lat, 0.0, datetime.datetime(2021, 3, 28))
    return (east + 2 * north + up).ravel()[0]


@case("pygeomag", "geomagnetism", 47.6)
def declination(lat: Any) -> Any:
    from pygeomag import GeoMag

    return GeoMag().calculate(glat=lat, glon=-122.3, alt=0.0, time=2025.25).d


@case("navpy", "navigation", 47.0, 8.0, 500.0)
def navigation_ecef(x: Any) -> Any:
    import navpy

    return np.sum(navpy.lla2ecef(x[0], x[1], x[2]) * np.array([1.0, 2.0, 3.0])) * 1e-6


@case("navpy", "navigation", 0.1, 0.2, 0.3)
def navigation_attitude(x: Any) -> Any:
    import navpy

    q0, qvec = navpy.angle2quat(x[0], x[1], x[2])
    return np.sum(navpy.quat2dcm(q0, qvec) * np.arange(9.0).reshape(3, 3))


@case("navpy", "navigation", 0.1, 0.2)
def navigation_ned(x: Any) -> Any:
    import navpy

    ned = navpy.lla2ned(47.0 + x[0], 8.0 + x[1], 500.0, 47.0, 8.0, 400.0)
    return ned[0] * 1e-3 + ned[1] * 2e-3


@case("LatLon23", "geodesy", 47.0)
def latlon_distance(lat: Any) -> Any:
    from LatLon23 import LatLon

    return LatLon(lat, 8.0).distance(LatLon(46.2, 6.1), ellipse="sphere")


@case("electromagneticpython", "optics", 0.25)
def multilayer_reflection(d: Any) -> Any:
    import EMpy

    layers = EMpy.utils.Multilayer(
        [
            EMpy.utils.Layer(EMpy.materials.IsotropicMaterial(), np.inf),
            EMpy.utils.Layer(
                EMpy.materials.IsotropicMaterial(
                    "glass", n0=EMpy.materials.RefractiveIndex(n0_const=1.6)
                ),
                d * 1e-6,
            ),
            EMpy.utils.Layer(EMpy.materials.IsotropicMaterial(), np.inf),
        ]
    )
    return (
        EMpy.transfer_matrix.IsotropicTransferMatrix(layers, 0.2).solve(np.array([1.55e-6])).Rs[0]
    )


@case("LightPipes", "optics", 0.002)
def light_intensity(w: Any) -> Any:
    import LightPipes as lp

    field = lp.GaussBeam(lp.Begin(0.01, 633e-9, 16), w)
    return np.sum(lp.Intensity(lp.Forvard(field, 1.0)) ** 2)


@case("kinpy", "robotics", 0.3, 0.4, 0.5)
def kinematic_pose(x: Any) -> Any:
    import kinpy

    t = kinpy.Transform([x[0], x[1], 0.1], np.array([1.0, 2.0, 3.0]))
    return np.sum((t * kinpy.Transform(pos=np.array([x[2], 0.0, 1.0]))).pos)


@case("linearmodels", "econometrics", 1.0, 2.0, 2.5, 4.2, 5.1, 5.9)
def least_squares_slope(y: Any) -> Any:
    from linearmodels.iv import IV2SLS

    exog = np.column_stack([np.ones(6), np.arange(6.0)])
    return IV2SLS(y, exog, None, None).fit(cov_type="unadjusted").params.iloc[1]


@case("arch", "econometrics", 0.1, 0.05, 0.9)
def garch_likelihood(p: Any) -> Any:
    from arch import arch_model

    data = np.sin(np.arange(30.0) * 1.7) + 0.1
    model = arch_model(data, mean="Zero", rescale=False)
    sigma2 = np.zeros(30)
    backcast = model.volatility.backcast(data)
    bounds = model.volatility.variance_bounds(data)
    sigma2 = model.volatility.compute_variance(p, data, sigma2, backcast, bounds)
    return model.distribution.loglikelihood(np.array([]), data, sigma2)


@case("pymannkendall", "statistics", 1.0, 2.0, 1.5, 3.0, 2.8, 4.0, 3.9, 5.5)
def trend_slope(x: Any) -> Any:
    import pymannkendall

    return pymannkendall.sens_slope(x).slope


@case("dcor", "statistics", 1.0, 2.0, 1.5, 3.0, 2.8)
def distance_correlation(x: Any) -> Any:
    import dcor

    return dcor.distance_correlation(x, np.array([0.5, 2.2, 1.4, 2.5, 3.1]))


@case("blackscholes", "finance", 0.2)
def call_price(sigma: Any) -> Any:
    from blackscholes import BlackScholesCall

    return BlackScholesCall(S=55.0, K=50.0, T=1.0, r=0.0025, sigma=sigma).price()


@case("ta", "finance", 10.0, 11.0, 10.5, 12.0, 11.5, 13.0, 12.5, 12.0)
def relative_strength(x: Any) -> Any:
    import pandas as pd
    import ta

    return ta.momentum.roc(pd.Series(x), window=3).iloc[-1]


@case("ta", "finance", 10.0, 11.0, 10.5, 12.0, 11.5, 13.0, 12.5, 12.0)
def bollinger_band(x: Any) -> Any:
    import pandas as pd
    import ta

    return ta.volatility.BollingerBands(pd.Series(x), window=4).bollinger_hband().iloc[-1]


@case("EMD-signal", "signals", 2.0)
def mode_decomposition(a: Any) -> Any:
    from PyEMD import EMD

    t = np.linspace(0.0, 1.0, 60)
    return np.sum(EMD()(np.sin(20 * t) * a + t**2)[0] ** 2)


@case("SALib", "statistics", 0.3)
def sobol_index(a: Any) -> Any:
    from SALib.test_functions import Sobol_G

    return Sobol_G.evaluate(np.array([[0.2, 0.6, 0.9]]), np.array([a, 1.0, 4.5]))[0]


@case("SALib", "statistics", 0.3)
def ishigami(x: Any) -> Any:
    from SALib.test_functions import Ishigami

    return Ishigami.evaluate(np.array([[x, 0.6, 0.9], [0.1, x, x]])).sum()


@case("pyextremes", "statistics", 10.0)
def return_period(x: Any) -> Any:
    import pandas as pd
    from pyextremes import get_extremes

    index = pd.date_range("2000", periods=1500, freq="D")
    series = pd.Series(np.sin(np.arange(1500.0)) * x, index=index)
    return get_extremes(series, "BM", block_size="365D").sum()


@case("colorspacious", "colour", 0.2, 0.5, 0.7)
def colour_appearance(x: Any) -> Any:
    from colorspacious import cspace_convert

    return np.sum(cspace_convert(x, "sRGB1", "CAM02-UCS") * np.array([1.0, 2.0, 3.0]))


@case("colorspacious", "colour", 0.2, 0.5, 0.7)
def colour_lab(x: Any) -> Any:
    from colorspacious import cspace_convert

    return np.sum(cspace_convert(x, "sRGB1", "CIELCh") * np.array([1.0, 2.0, 0.1]))


@case("pycba", "structural engineering", 20.0)
def beam_moment(w: Any) -> Any:
    import pycba as cba

    beam = cba.BeamAnalysis([7.5, 7.0], 3e5, [-1, 0, -1, 0, -1, 0])
    beam.add_udl(1, w)
    beam.analyze()
    return beam.beam_results.results.M.max()


@case("felupe", "structural engineering", 1.2, 0.1, 0.0, 0.9)
def neo_hooke_energy(x: Any) -> Any:
    import felupe

    f = np.zeros((3, 3, 1, 1))
    f[:2, :2, 0, 0] = x.reshape(2, 2)
    f[2, 2] = 1.0
    stress = felupe.NeoHooke(mu=1.0, bulk=2.0).gradient([f, None])[0]
    return np.sum(stress[..., 0, 0] * np.arange(9.0).reshape(3, 3))


@case("felupe", "structural engineering", 1.2)
def mesh_volume(a: Any) -> Any:
    import felupe

    mesh = felupe.Cube(b=(a, 1.0, 1.0), n=3)
    return np.sum(felupe.RegionHexahedron(mesh).dV)


@case("impedance", "electrochemistry", 2.0)
def warburg(a: Any) -> Any:
    from impedance.models.circuits.elements import Wo

    return np.abs(Wo([a, 3.0], np.array([0.1, 1.0, 10.0]))).sum()


@case("pyteomics", "chemistry", 6.3)
def peptide_charge(ph: Any) -> Any:
    from pyteomics import electrochem

    return electrochem.charge("PEPTIDEK", ph)


@case("sfs", "acoustics", 0.5, 0.3, 0.1)
def sound_field(x: Any) -> Any:
    import sfs

    grid = sfs.util.xyz_grid([1.0, 1.5], [1.0, 2.0], 0.0, spacing=0.5)
    return np.real(sfs.fd.source.point(2000.0, x, grid)).sum()


@case("sfs", "acoustics", 0.5)
def sound_directions(azimuth: Any) -> Any:
    import sfs

    return np.sum(sfs.util.sph2cart(azimuth, 1.0, 2.0))
