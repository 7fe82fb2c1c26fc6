"""Benchmarks of dualdiff against plain NumPy, autograd and torch: `python -m benchmarks`.

One thread for linear algebra; it must be said before NumPy is imported for the first time.
"""

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
