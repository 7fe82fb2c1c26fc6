"""Names that differ between the versions of SciPy that the tests run with."""

import numpy as np
import scipy

RNG_NAME = "rng" if np.lib.NumpyVersion(scipy.__version__) >= "1.15.0" else "random_state"
