"""Settings that hold for every test."""

import os

from hypothesis import settings

# Examples in the documentation may draw; none may need a screen.
os.environ.setdefault("MPLBACKEND", "Agg")

# The same cases on every run, and no time limit: the machine that runs the tests is shared.
settings.register_profile("dualdiff", deadline=None, derandomize=True)
settings.load_profile("dualdiff")
