"""A survival regression by lifelines: accelerated failure times with a log-normal distribution."""

import warnings
from typing import Any

import numpy as np
from lifelines import LogNormalAFTFitter
from lifelines.datasets import load_rossi

ROSSI = load_rossi()


def run() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifelines' own, about pandas
        fitted = LogNormalAFTFitter().fit(ROSSI, "week", "arrest")
    return np.asarray(fitted.params_), np.asarray(fitted.standard_errors_)
