"""A traced array, which behaves as `numpy.ndarray` does."""
