"""`scipy.signal`: functions whose own code runs on traced values, and filters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.signal as sg
from scipy.signal import windows as sw

import dualdiff as dd
from dualdiff.errors import MissingRuleError
from tests.rules.checks import check_nestings
from tests.rules.table import A
from tests.versions import OLD_SCIPY, before, lacking, marked

H = np.array([1.05, 0.65, 0.35])
V = np.array([1.2, 0.9, 0.5])
K = np.array([1.0, 0.9, 0.1, 0.05])
X, Y = A(40, low=-1.0, high=1.0), A(40, seed=1, low=-1.0, high=1.0)
IMAGE = A(5, 6, seed=2, low=-1.0, high=1.0)
BIG = A(26, 28, seed=3, low=-1.0, high=1.0)
STATES = np.array([[-1.1, 0.2], [0.1, -0.8]])
PORTS = np.ones((2, 1)), np.ones((1, 2)), np.zeros((1, 1))
SECTION = np.array([0.2, 0.3, 0.1, 0.4, 0.1])  # without the leading 1 of the denominator
SYMMETRIC = np.array([0.1, 0.3, 1.0, 0.3, 0.1])
FREQUENCIES = np.array([0.5, 1.0, 2.0])
WINDOW = np.hanning(10)[1:-1]
TIMES = np.linspace(0.0, 1.0, 5)

Function = Callable[..., Any]


def section(c: Any) -> Any:
    return np.concatenate([c[:3], np.ones(1), c[3:]])[None]


def sized(z: Any) -> Any:
    """A complex spectrum as real numbers."""
    return np.stack([np.real(z), np.imag(z)])


def short_time(window: Any) -> Any:
    return sg.ShortTimeFFT(window, 3, 1.0, mfft=9, scale_to="psd", phase_shift=1)


def both(parts: Any) -> Any:
    """All arrays of a result in one."""
    return np.concatenate([np.ravel(p) for p in parts])


def matrices(system: Any) -> Any:
    return both([system.A, system.B, system.C, system.D])


def beyond_the_ends(mode: str, x: Any, h: Any, cval: float) -> Any:
    return sg.upfirdn(h, x, 2, 3, mode=mode, cval=cval)


# Each call is differentiated by all its arguments.
CALLS: list[tuple[str, Function, tuple[Any, ...]]] = [
    ("abcd_normalize", lambda a: sg.abcd_normalize(a, *PORTS)[0], (STATES,)),
    ("bessel", lambda w: sg.bessel(3, w)[1], (0.4,)),
    ("bilinear", lambda b, a: both(sg.bilinear(b, a, fs=2.0)), (H, V)),
    ("bilinear_zpk", lambda z, p, k: sized(sg.bilinear_zpk(z, p, k, 2.0)[1]), (-H, -V, 0.4)),
    ("bode", lambda b, a: sg.bode((b, a), w=FREQUENCIES)[1], (H, V)),
    ("butter", lambda w: sg.butter(3, w)[1], (0.4,)),
    ("butter-band", lambda w: sg.butter(2, w, "band", output="sos"), (np.array([0.2, 0.6]),)),
    ("cheby1", lambda r, w: sg.cheby1(3, r, w)[1], (1.7, 0.4)),
    ("cheby2", lambda r, w: sg.cheby2(3, r, w)[1], (30.7, 0.4)),
    ("chirp", lambda t, f, g: sg.chirp(t, f, 10.0, g), (V, 2.0, 1.7)),
    ("coherence", lambda x, y: sg.coherence(x, y, nperseg=16)[1], (X, Y)),
    (
        "cont2discrete",
        lambda a, t: sg.cont2discrete((a, *PORTS), t)[0],
        (STATES, 0.4),
    ),
    ("csd", lambda x, y: sized(sg.csd(x, y, nperseg=16)[1]), (X, Y)),
    ("cspline1d", lambda x: sg.cspline1d(x), (X,)),
    ("czt", lambda x: sized(sg.czt(x)), (X[:9],)),
    ("CZT", lambda x: sized(sg.CZT(9)(x)), (X[:9],)),
    ("dbode", lambda b, a: sg.dbode((b, a, 0.1), w=FREQUENCIES)[1], (H, V)),
    ("decimate", lambda x: sg.decimate(x, 2), (X,)),
    ("deconvolve", lambda x, d: sg.deconvolve(x, d)[0], (X[:8], H)),
    ("dlsim", lambda a, u: sg.dlsim((a, *PORTS, 0.1), u)[1], (0.3 * STATES, V)),
    ("dstep", lambda a: sg.dstep((a, *PORTS, 0.1), n=4)[1][0], (0.3 * STATES,)),
    ("ellip", lambda r, w: sg.ellip(3, r, 30.0, w)[1], (1.7, 0.4)),
    ("envelope", lambda x: sg.envelope(x), (X,)),
    ("filtfilt", lambda b, a, x: sg.filtfilt(b, a, x), (H, np.array([1.5, -0.3, 0.1]), X)),
    ("firwin", lambda w: sg.firwin(9, w), (0.4,)),
    ("firwin2", lambda g: sg.firwin2(9, [0.0, 0.4, 0.6, 1.0], g), (K,)),
    ("freqs", lambda b, a: sized(sg.freqs(b, a, FREQUENCIES)[1]), (H, V)),
    ("freqz", lambda b, a: sized(sg.freqz(b, a, 8)[1]), (H, V)),
    ("freqz_sos", lambda c: sized(sg.freqz_sos(section(c), 8)[1]), (SECTION,)),
    ("freqz_zpk", lambda z, p, k: sized(sg.freqz_zpk(z, p, k, 8)[1]), (H, 0.3 * V, 0.4)),
    ("gausspulse", lambda t, f: sg.gausspulse(t, f, 0.5), (V, 2.0)),
    ("group_delay", lambda b, a: sg.group_delay((b, a), FREQUENCIES)[1], (H, V)),
    ("hilbert", lambda x: sized(sg.hilbert(x)), (X,)),
    ("hilbert2", lambda x: sized(sg.hilbert2(x)), (IMAGE,)),
    ("iircomb", lambda q: sg.iircomb(0.25, q)[0], (10.4,)),
    ("iirdesign", lambda w: sg.iirdesign(w, 0.6, 1.0, 40.0)[1], (0.3,)),
    ("iirnotch", lambda w, q: sg.iirnotch(w, q)[1], (0.4, 10.7)),
    ("impulse", lambda b, a: sg.impulse((b, a), T=TIMES)[1], (H, V)),
    ("istft", lambda z: sg.istft(np.reshape(z, (9, 5)), nperseg=16)[1], (A(45),)),
    ("lfilter", lambda b, a, x: sg.lfilter(b, a, x), (H, np.array([1.5, -0.3]), X)),
    ("lfilter-axis", lambda b, x: sg.lfilter(b, [1.0, 0.2], x, axis=0), (H, IMAGE)),
    ("lfilter-short", lambda b, x: sg.lfilter(b, [2.0, 0.2, 0.1], x), (H, X[:2])),
    (
        "lfilter-state",
        lambda b, a, x, z: np.concatenate(sg.lfilter(b, a, x, zi=z)),
        (H, np.array([1.5, -0.3]), X[:9], V[:2]),
    ),
    ("lfilter_zi", lambda b, a: sg.lfilter_zi(b, a), (H, np.array([1.3, -0.2, 0.1]))),
    ("lfiltic", lambda b, a, y: sg.lfiltic(b, a, y), (H, V, H)),
    ("lombscargle", lambda x, w: sg.lombscargle(np.arange(40.0), x, w), (X, np.array([1.0, 2.0]))),
    ("lp2bp", lambda b, a, w, d: both(sg.lp2bp(b, a, w, d)), (H, V, 0.4, 0.7)),
    ("lp2bs_zpk", lambda z, p, k: sized(sg.lp2bs_zpk(z, p, k, 1.0, 0.7)[1]), (-H, -V, 0.4)),
    ("lsim", lambda b, a, u: sg.lsim((b, a), u, TIMES)[1], (H, V, A(5))),
    (
        "minimum_phase",
        lambda h: sg.minimum_phase(np.concatenate([h, h[1::-1]]), n_fft=64),
        (SYMMETRIC[:3],),
    ),
    ("periodogram", lambda x: sg.periodogram(x)[1], (X,)),
    (
        "place_poles",
        lambda a, p: sg.place_poles(a, PORTS[0] * H[:2, None], p).gain_matrix,
        (STATES, -V[:2]),
    ),
    ("residue", lambda b, a: sized(sg.residue(b[1:], a)[0]), (H, np.array([1.0, 5.0, 6.0]))),
    ("residuez", lambda b, a: sized(sg.residuez(b[1:], a)[0]), (H, np.array([1.0, 5.0, 6.0]))),
    ("residue-double", lambda b: sized(sg.residue(b, [1.0, 5.0, 7.0, 3.0])[0]), (H,)),
    ("unique_roots", lambda p: sg.unique_roots(p, 0.1)[0], (np.array([1.0, 3.0, 1.01, 2.0]),)),
    ("firwin_2d", lambda f: sg.firwin_2d((3, 4), ("hamming", "hann"), fc=f), (0.3,)),
    ("cspline2d", lambda x: sg.cspline2d(x), (BIG,)),
    ("qspline2d", lambda x: sg.qspline2d(x, precision=1e-3), (BIG,)),
    ("spline_filter", lambda x: sg.spline_filter(x, 0.05), (BIG,)),
    ("symiirorder1", lambda x, c, z: sg.symiirorder1(x, c, z, 1e-5), (BIG, 1.1, 0.3)),
    ("symiirorder2", lambda x, r, w: sg.symiirorder2(x, r, w), (BIG[:2], 0.2, 0.4)),
    ("sepfir2d", lambda x, h, g: sg.sepfir2d(x, h, g), (IMAGE, H, SYMMETRIC)),
    ("resample", lambda x: sg.resample(x, 30), (X,)),
    ("resample_poly", lambda x: sg.resample_poly(x, 3, 2), (X,)),
    ("sawtooth", lambda t, w: sg.sawtooth(t, w), (V, 0.6)),
    ("sosfilt", lambda c, x: sg.sosfilt(section(c), x), (SECTION, X)),
    (
        "sosfilt-state",
        lambda c, x, z: np.concatenate([np.ravel(p) for p in sg.sosfilt(section(c), x, zi=z)]),
        (SECTION, X[:9], A(1, 2)),
    ),
    ("sosfilt_zi", lambda c: sg.sosfilt_zi(section(c)), (SECTION,)),
    ("sosfiltfilt", lambda c, x: sg.sosfiltfilt(section(c), x), (SECTION, X)),
    ("spectrogram", lambda x: sg.spectrogram(x, nperseg=16)[2], (X,)),
    (
        "spectrogram of columns",
        lambda x: sg.spectrogram(np.stack([x, x**2]).T, 3.0, nperseg=9, nfft=11, axis=0)[2],
        (X,),
    ),
    (
        "spectrogram, two-sided",
        lambda x: sg.spectrogram(x, nperseg=16, return_onesided=False, scaling="spectrum")[2],
        (X,),
    ),
    ("ss2tf", lambda a: sg.ss2tf(a, *PORTS)[1], (STATES,)),
    ("ShortTimeFFT", lambda x: sized(sg.ShortTimeFFT(np.ones(8), 4, 1.0).stft(x)), (X[:20],)),
    (
        "ShortTimeFFT-window",
        lambda w, x: sized(short_time(w).stft_detrend(x, "linear", padding="odd", axis=0)),
        (WINDOW, A(20, 2)),
    ),
    (
        "ShortTimeFFT-istft",
        lambda x: short_time(WINDOW).istft(short_time(WINDOW).stft(x), k1=17),
        (A(2, 20),),
    ),
    (
        "ShortTimeFFT-istft-of-many-segments",
        lambda x: sg.ShortTimeFFT(np.ones(4), 1, 1.0).istft(np.reshape(x, (3, 8))),
        (A(24),),
    ),
    (
        "StateSpace-product",
        lambda a, k: matrices(sg.StateSpace(a, *PORTS) * k[0] * sg.StateSpace(-a, *PORTS)),
        (STATES, V),
    ),
    (
        "StateSpace-sum",
        lambda a, k: matrices(k[0] - sg.StateSpace(a, *PORTS) / k[1] + sg.StateSpace(a, *PORTS)),
        (STATES, V),
    ),
    ("ZoomFFT", lambda f, x: sized(sg.ZoomFFT(9, f, fs=2.0)(x)), (np.array([0.1, 0.4]), X[:9])),
    ("step", lambda b, a: sg.step((b, a), T=TIMES)[1], (H, V)),
    ("stft", lambda x: sized(sg.stft(x, nperseg=16)[2]), (X,)),
    ("tf2sos", lambda b, a: sg.tf2sos(b, a), (H, np.array([1.0, -0.9, 0.16]))),
    ("tf2ss", lambda b, a: both(sg.tf2ss(b, a)), (H, V)),
    ("tf2zpk", lambda b, a: sg.tf2zpk(b, a)[2] * np.abs(sg.tf2zpk(b, a)[1]), (H, V)),
    ("upfirdn", lambda h, x: sg.upfirdn(h, x, 2, 3), (H, X)),
    ("upfirdn-axis", lambda h, x: sg.upfirdn(h, x, 3, 1, axis=0), (H, IMAGE)),
    *(
        (f"upfirdn-{mode}", partial(beyond_the_ends, mode), (X[:9], H, 0.7))
        for mode in (
            "constant",
            "wrap",
            "edge",
            "smooth",
            "symmetric",
            "reflect",
            "antisymmetric",
            "antireflect",
            "line",
        )
    ),
    ("upfirdn-by-cval", lambda c: sg.upfirdn(H, X[:9], 2, 3, cval=c), (0.0,)),
    ("resample_poly-line", lambda x: sg.resample_poly(x, 3, 2, padtype="line"), (X[:9],)),
    ("lsim-of-zeros", lambda b, a, u: sg.lsim((b, a), u, TIMES)[1], (H, V, np.zeros(5))),
    (
        "lsim-of-zeros-from-a-state",
        lambda a, u, x: both(sg.lsim((a, *PORTS), u, TIMES, x, False)[1:]),
        (STATES, np.zeros(5), V[:2]),
    ),
    ("welch", lambda x: sg.welch(x, nperseg=16)[1], (X,)),
    ("wiener", lambda x: sg.wiener(x, 3), (IMAGE,)),
    ("zoom_fft", lambda x: sized(sg.zoom_fft(x, [0.1, 0.4])), (X[:9],)),
    ("zpk2sos", lambda p: sg.zpk2sos(np.array([0.5, -0.5]), p, 0.7), (np.array([0.3, -0.2]),)),
    ("zpk2ss", lambda z, p, k: both(sg.zpk2ss(z, p, k)), (-H[:2], -V, 0.4)),
    ("zpk2tf", lambda z, p, k: sg.zpk2tf(z, p, k)[1], (-H, -V, 0.4)),
    ("convolve2d", lambda x, h: sg.convolve2d(x, h), (IMAGE, A(2, 3))),
    ("convolve2d-same", lambda x, h: sg.convolve2d(x, h, "same", "symm"), (IMAGE, A(2, 3))),
    ("convolve2d-valid", lambda x, h: sg.convolve2d(x, h, "valid"), (A(2, 3), IMAGE)),
    ("correlate2d", lambda x, h: sg.correlate2d(x, h, "same", "wrap"), (IMAGE, A(2, 3))),
    ("correlate2d-fill", lambda x, h: sg.correlate2d(x, h, fillvalue=2.0), (IMAGE, A(3, 2))),
    ("fftconvolve", lambda x, h: sg.fftconvolve(x, h, "same", axes=1), (IMAGE, A(5, 3))),
    ("medfilt", lambda x: sg.medfilt(x, 5), (X,)),
    ("medfilt2d", lambda x: sg.medfilt2d(x, 3), (IMAGE,)),
    ("order_filter", lambda x: sg.order_filter(x, np.ones((3, 3)), 2), (IMAGE,)),
    ("find_peaks", lambda x: sg.find_peaks(x, prominence=0.1)[1]["prominences"], (X,)),
    ("peak_widths", lambda x: np.stack(sg.peak_widths(x, sg.find_peaks(x)[0])), (X,)),
    ("cspline1d_eval", lambda c, t: sg.cspline1d_eval(c, t), (X[:9], 3 * V)),
    ("czt_points", lambda w: sized(sg.czt_points(5, w=w, a=1.1)), (0.8,)),
    ("detrend", lambda x: sg.detrend(x, 0), (IMAGE,)),
    ("dfreqresp", lambda b, a: sized(sg.dfreqresp((b, a, 1.0), FREQUENCIES)[1]), (H, V)),
    ("dimpulse", lambda b, a: sg.dimpulse((b, a, 1.0), n=5)[1][0], (H, V)),
    ("firls", lambda d: sg.firls(5, [0.0, 0.3, 0.5, 1.0], d), (K,)),
    ("freqresp", lambda b, a: sized(sg.freqresp((b, a), FREQUENCIES)[1]), (H, V)),
    ("freqs_zpk", lambda z, p, k: sized(sg.freqs_zpk(z, p, k, FREQUENCIES)[1]), (-H, -V, 0.4)),
    ("gammatone", lambda f: sg.gammatone(f, "iir", fs=16.0)[1], (3.4,)),
    ("gauss_spline", lambda x: sg.gauss_spline(x, 3), (V,)),
    ("iirfilter", lambda w: sg.iirfilter(2, w, btype="low")[0], (0.4,)),
    ("iirpeak", lambda w, q: sg.iirpeak(w, q)[1], (0.4, 20.0)),
    ("invres", lambda r, p: sg.invres(r, p, [])[0], (H, -V)),
    ("invresz", lambda r, p: sg.invresz(r, p, [])[0], (H, V / 2)),
    ("lp2bp_zpk", lambda z, p, w: sized(sg.lp2bp_zpk(z, p, 0.7, w, 0.3)[1]), (-H[:1], -V, 1.3)),
    ("lp2bs", lambda b, a, w: both(sg.lp2bs(b, a, w, 0.3)), (H, V, 1.3)),
    ("lp2hp", lambda b, a, w: sg.lp2hp(b, a, w)[0], (H, V, 1.3)),
    ("lp2hp_zpk", lambda z, p, w: sg.lp2hp_zpk(z, p, 0.7, w)[1], (-H[:1], -V, 1.3)),
    ("lp2lp", lambda b, a, w: both(sg.lp2lp(b, a, w)), (H, V, 1.3)),
    ("lp2lp_zpk", lambda z, p, w: sg.lp2lp_zpk(z, p, 0.7, w)[1], (-H[:1], -V, 1.3)),
    ("normalize", lambda b, a: sg.normalize(b, a)[0], (H, V)),
    ("peak_prominences", lambda x: sg.peak_prominences(x, sg.find_peaks(X)[0])[0], (X,)),
    ("qspline1d", lambda x: sg.qspline1d(x), (X[:9],)),
    ("qspline1d_eval", lambda c, t: sg.qspline1d_eval(c, t), (X[:9], 2.9 * V)),
    ("savgol_coeffs", lambda d: sg.savgol_coeffs(5, 2, deriv=1, delta=d), (0.7,)),
    ("savgol_filter", lambda x: sg.savgol_filter(x, 5, 2), (X,)),
    ("sos2tf", lambda c: sg.sos2tf(section(c))[1], (SECTION,)),
    ("sos2zpk", lambda c: sized(sg.sos2zpk(section(c))[1]), (SECTION,)),
    ("sweep_poly", lambda t: sg.sweep_poly(t, np.poly1d([0.5, 1.0])), (V,)),
    ("vectorstrength", lambda t: np.stack(sg.vectorstrength(t, 2.0)), (V,)),
    ("dpss", lambda w: sw.dpss(9, w) ** 2, (2.3,)),
    ("general_hamming", lambda a: sw.general_hamming(9, a), (0.6,)),
    ("chebwin", lambda a: sw.chebwin(9, a), (100.4,)),
    ("exponential", lambda t: sw.exponential(9, tau=t), (1.4,)),
    ("gaussian", lambda s: sw.gaussian(9, s), (1.4,)),
    ("general_cosine", lambda a: sw.general_cosine(9, a), (H,)),
    ("general_gaussian", lambda p, s: sw.general_gaussian(9, p, s), (1.4, 2.7)),
    ("kaiser", lambda b: sw.kaiser(9, b), (3.4,)),
    ("kaiser_bessel_derived", lambda b: sw.kaiser_bessel_derived(8, b), (3.4,)),
    ("get_window", lambda b: sg.get_window(("kaiser", b), 9), (3.4,)),
    ("taylor", lambda s: sw.taylor(9, sll=s), (30.4,)),
    ("tukey", lambda a: sw.tukey(9, a), (0.54,)),
]


COMPILED = before("1.15.0", "compiled code, which refuses traced values")
MARKS = {name: lacking(f"signal.{name}") for name in ("envelope", "freqz_sos", "firwin_2d")}
MARKS |= dict.fromkeys(
    ("cspline2d", "qspline2d", "spline_filter", "symiirorder1", "symiirorder2"), COMPILED
)
MARKS["ShortTimeFFT-istft"] = before("1.14.0", "it fails where mfft exceeds the window")
MARKS["zpk2tf"] = before("1.15.0", "it looks at the zeros, which the denominator does not need")
MARKED = marked(CALLS, MARKS)


@pytest.mark.parametrize(("name", "call", "args"), MARKED)
def test_derivatives_by_scipys_own_names(name: str, call: Function, args: tuple[Any, ...]) -> None:
    dd.check_grads(call, args, order=1, rtol=1e-5)
    value, _ = dd.jvp(call, args, args)
    np.testing.assert_array_equal(value, call(*args))  # to the last bit


@pytest.mark.parametrize(("name", "call", "args"), MARKED)
def test_second_derivatives_agree_in_all_nestings(
    name: str, call: Function, args: tuple[Any, ...]
) -> None:
    check_nestings(call, args)


def test_a_filter_of_complex_data_has_complex_derivatives() -> None:
    x = A(8, complex=True)
    found = dd.jacobian(lambda x: sg.lfilter(H, [1.0, 0.3], x), holomorphic=True)(x)
    np.testing.assert_allclose(found, sg.lfilter(H, [1.0, 0.3], np.eye(8), axis=0), atol=1e-14)


@pytest.mark.skipif(OLD_SCIPY, reason="SciPy before 1.15 has it in compiled code")
def test_symiirorder2_without_a_pole_has_no_derivative_by_it():
    x = np.sin(np.arange(12.0))
    with pytest.raises(MissingRuleError, match="symiirorder2 has no derivative here"):
        dd.grad(lambda r: np.sum(sg.symiirorder2(x, r, 0.7)))(0.0)
    assert np.all(np.isfinite(dd.grad(lambda x: np.sum(sg.symiirorder2(x, 0.0, 0.7)))(x)))
