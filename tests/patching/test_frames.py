"""pandas and xarray: their containers hold traced arrays, and are arguments and results."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dualdiff as dd
from dualdiff.errors import UnsupportedInputError

X = np.array([0.3, 0.5, 0.7])
LABELS = pd.Index(["a", "b", "c"])
TABLE = {"g": ["p", "q", "p"], "k": [1.0, 2.0, 3.0]}


def _column(x: Any) -> Any:
    frame = pd.DataFrame(TABLE)
    frame["c"] = x * frame["k"]
    return (frame["c"] ** 2).sum()


def _filled_in(x: Any) -> Any:
    frame = pd.DataFrame(dd.numpy.zeros((3, 2)), columns=["u", "v"])
    frame.loc[1, "u"] = x[0] ** 2
    return frame["u"].sum()


def _rows(x: Any) -> Any:
    return sum(row["k"] * row["v"] ** 2 for _, row in pd.DataFrame({**TABLE, "v": x}).iterrows())


def _frame(x: Any) -> Any:
    return pd.DataFrame({"a": x, "b": x**2})


def _five(x: Any) -> Any:
    return np.concatenate([x**2, np.sin(x[:2]), x[2:]])


def _gaps(x: Any) -> Any:
    """Columns of six numbers, of which some are missing."""
    frame = pd.DataFrame({"a": _five(x), "c": _five(x) ** 2 * np.cos(np.arange(6.0))})
    frame["a"] = frame["a"].where(np.arange(6) != 3)
    frame["c"] = frame["c"].where(np.arange(6) != 0)
    return frame


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "arithmetic": lambda x: (2 * pd.Series(x) ** 2 - pd.Series([1.0, 2.0, 3.0]) / x).sum(),
    "traced number": lambda x: (x[0] * pd.Series(TABLE["k"]) ** x[1]).sum(),
    "deviation": lambda x: pd.Series(x).std() + pd.Series(x).var(ddof=0),
    "extremes": lambda x: pd.Series(x).max() * pd.Series(x).min() * pd.Series(x).median(),
    "running": lambda x: pd.Series(x).cumsum().iloc[1] * pd.Series(x).cumprod().iloc[2],
    "ufunc": lambda x: np.sum(np.exp(pd.Series(x))) + np.mean(pd.Series(x) ** 2),
    "to_numpy": lambda x: np.sum(pd.Series(x).to_numpy() ** 2 * pd.Series(x).values),
    "labels": lambda x: pd.Series(x, LABELS)["b"] * pd.Series(x, LABELS).loc[["a", "c"]].sum(),
    "alignment": lambda x: (pd.Series(x, LABELS) * pd.Series(TABLE["k"], LABELS[::-1])).sum(),
    "missing labels": lambda x: pd.Series(x, LABELS).reindex(["c", "z", "a"]).prod(),
    "mask": lambda x: (pd.Series(x)[pd.Series(x) > 0.4] ** 2).sum(),
    "neighbours": lambda x: (pd.Series(x).diff() ** 2 + pd.Series(x).shift(1)).sum(),
    "list": lambda x: pd.Series([x[0], 1.0, x[1] ** 2]).prod(),
    "elements": lambda x: pd.Series(x).apply(lambda v: v**2).sum() + sum(pd.Series(x)),
    "groups": lambda x: (pd.DataFrame({**TABLE, "v": x}).groupby("g")["v"].mean() ** 2).sum(),
    "windows": lambda x: (pd.Series(x).rolling(2).mean() * pd.Series(x).expanding().std()).sum(),
    "column": _column,
    "store": _filled_in,
    "rows": _rows,
    "frame": lambda x: np.sum(_frame(x).to_numpy() ** 2) + _frame(x).std().sum(),
    "frame of an array": lambda x: pd.DataFrame(np.outer(x, x), columns=LABELS)["b"].sum(),
    "row of a frame": lambda x: _frame(x).loc[1].prod() * _frame(x).T[2].sum(),
    "row by row": lambda x: _frame(x).apply(lambda row: row["a"] * row["b"], axis=1).sum(),
    "product": lambda x: (pd.DataFrame(np.arange(9.0).reshape(3, 3)).dot(x) ** 2).sum(),
    "covariance": lambda x: _frame(x).cov().iloc[0, 1],
    "correlation": lambda x: _frame(x).corr().iloc[0, 1] * _gaps(x).corr().loc["a", "c"],
    "covariance of the rows that both have": lambda x: _gaps(x).cov().loc["a", "c"],
    "moments": lambda x: pd.Series(_five(x)).skew() + pd.Series(_five(x)).kurt(),
    "moments of columns": lambda x: (_gaps(x).skew() + _gaps(x).kurt()).sum(),
    "missing values": lambda x: (_gaps(x).ffill() ** 2 - _gaps(x).bfill(limit=1)).sum().sum(),
    "ranks": lambda x: (pd.Series(x).rank() * pd.Series(x) ** 2).sum(),
    "weighted mean": lambda x: (pd.Series(_five(x)).ewm(span=3).mean() ** 2).sum(),
    "recursive mean": lambda x: (_gaps(x).ewm(alpha=0.7, adjust=False).mean() ** 2).sum().sum(),
    "weighted mean of rare values": lambda x: (
        (_gaps(x).ewm(com=2, ignore_na=True, min_periods=2).mean() ** 2).sum().sum()
    ),
    "merge": lambda x: (
        pd.DataFrame({"k": [3.0, 1.0, 2.0], "v": x})
        .merge(pd.DataFrame(TABLE), on="k")
        .eval("k * v ** 2")
        .sum()
    ),
}


def differences(f: Callable[[Any], Any]) -> Any:
    """Central differences, whose error is far below the tolerance for these programs."""
    steps = 1e-5 * np.eye(3)
    return [(float(f(X + step)) - float(f(X - step))) / 2e-5 for step in steps]


@pytest.mark.parametrize("name", PROGRAMS)
def test_frames_hold_traced_arrays(name: str) -> None:
    f = PROGRAMS[name]
    np.testing.assert_allclose(dd.grad(f)(X), differences(f), rtol=1e-6, atol=1e-8)


def test_frames_hold_traced_arrays_under_the_patch() -> None:
    def f(x: Any) -> Any:
        return sum(program(x) for program in PROGRAMS.values())

    with dd.patch():
        np.testing.assert_allclose(dd.grad(f)(X), differences(f), rtol=1e-6)


def test_compiled_code_of_pandas_says_what_to_write() -> None:
    for f in (
        lambda x: pd.Series(x).ewm(alpha=0.5).var().sum(),
        lambda x: pd.DataFrame({**TABLE, "v": x}).groupby("g")["v"].cumsum().sum(),
        lambda x: pd.Series(x).rolling(2).kurt().sum(),
    ):
        with pytest.raises(dd.DualdiffError, match=r"to_numpy\(\)"):
            dd.grad(f)(X)
    with pytest.raises(dd.DualdiffError, match=r"to_numpy\(\)"):
        dd.grad(lambda x: np.sum(np.array(pd.Series(x))))(X)


def test_series_and_frames_are_arguments_and_results_in_their_form() -> None:
    series = pd.Series(X, LABELS, name="v")
    gradient = dd.grad(lambda s: s["a"] * s["b"])(series)
    pd.testing.assert_series_equal(gradient, pd.Series([0.5, 0.3, 0.0], LABELS, name="v"))
    value, (moved,) = dd.vjp(lambda t: t["s"] ** 2, {"s": series})[0], (series * 2,)
    pd.testing.assert_series_equal(value, series**2)
    tangent = dd.jvp(lambda s: s**2, (series,), (series,))[1]
    pd.testing.assert_series_equal(tangent, series * moved)
    frame = pd.DataFrame({"u": [0.1, 0.2], "w": [0.3, 0.4]}, index=["p", "q"])
    gradient = dd.grad(lambda d: (d["u"] * d["w"]).sum())(frame)
    pd.testing.assert_frame_equal(gradient, frame[["w", "u"]].set_axis(["u", "w"], axis=1))
    np.testing.assert_allclose(dd.jacobian(lambda s: s**2)(series), np.diag(2 * X))
    dd.check_grads(lambda s: s.cumsum(), (series,))


def test_columns_that_are_no_numbers_are_named() -> None:
    frame = pd.DataFrame({"u": [0.1, 0.2], "name": ["p", "q"]})
    with pytest.raises(UnsupportedInputError, match=r"name has another dtype.*frame\[\["):
        dd.grad(lambda d: d["u"].sum())(frame)


def _data(values: Any) -> Any:
    import xarray

    return xarray.DataArray(values, dims="t", coords={"t": [0.0, 1.0, 2.0]})


def _dataset(x: Any) -> Any:
    import xarray

    return xarray.Dataset({"a": ("t", x), "b": ("t", x**2)})


def _stored(x: Any) -> Any:
    data = _data(dd.numpy.zeros(3))
    data[1] = x[0] ** 2
    return data.sum()


XARRAY: dict[str, Callable[[Any], Any]] = {
    "arithmetic": lambda x: (2 * _data(x) ** 2 + x * _data([1.0, 2.0, 3.0])).sum(),
    "reductions": lambda x: _data(x).mean() * _data(x).std() * _data(x).max(),
    "values": lambda x: np.sum(_data(x).values ** 2 * _data(x).to_numpy()),
    "selection": lambda x: _data(x).sel(t=1.0) * (_data(x).isel(t=slice(0, 2)) ** 2).sum(),
    "where": lambda x: _data(x).where(_data(x) > 0.4).sum() * _data(x).clip(0.4, 0.6).sum(),
    "neighbours": lambda x: (_data(x).diff("t") ** 2).sum() + _data(x).shift(t=1)[1],
    "running": lambda x: _data(x).cumsum()[1] * _data(x).integrate("t"),
    "groups": lambda x: (_data(x).groupby(_data(x) > 0.4).sum() ** 2).sum(),
    "dataset": lambda x: _dataset(x).mean()["b"] * _dataset(x)["a"].sum(),
    "ufunc": lambda x: np.sum(np.exp(_data(x))),
    "store": _stored,
}


@pytest.mark.parametrize("name", XARRAY)
def test_data_arrays_hold_traced_arrays(name: str) -> None:
    pytest.importorskip("xarray", reason="one of the packages of the test extra")
    f = XARRAY[name]
    expected = differences(f)
    np.testing.assert_allclose(dd.grad(f)(X), expected, rtol=1e-6, atol=1e-8)
    with dd.patch():
        np.testing.assert_allclose(dd.grad(f)(X), expected, rtol=1e-6, atol=1e-8)


def test_data_arrays_are_arguments_and_results_in_their_form() -> None:
    xarray = pytest.importorskip("xarray", reason="one of the packages of the test extra")
    data = _data(X)
    value, gradient = dd.value_and_grad(lambda a: (a.sel(t=slice(0, 1)) ** 2).sum())(data)
    assert float(value) == pytest.approx(0.34)
    xarray.testing.assert_identical(gradient, _data([0.6, 1.0, 0.0]))
    whole = _dataset(X)
    gradient = dd.grad(lambda d: (d["a"] * d["b"]).sum())(whole)
    xarray.testing.assert_identical(gradient, whole.assign(a=whole["b"], b=whole["a"]))
    dd.check_grads(lambda a: np.sin(a), (data,))
