"""Rules: how a primitive is declared, and the primitives of NumPy and SciPy."""
