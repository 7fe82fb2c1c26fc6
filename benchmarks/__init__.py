"""Benchmarks of dualdiff against plain NumPy, autograd and torch: `python -m benchmarks`.

One thread for linear algebra, and the kernels that each library chooses for the processor; both
must be said before NumPy is imported for the first time.
"""

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

os.environ.pop("OPENBLAS_CORETYPE", None)  # which would bind NumPy alone
