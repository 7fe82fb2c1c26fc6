"""Names that differ between the versions of SciPy that the tests run with."""

import numpy as np
import scipy

OLD_SCIPY = np.lib.NumpyVersion(scipy.__version__) < "1.15.0"
RNG_NAME = "random_state" if OLD_SCIPY else "rng"
