"""The rules of SciPy, one module per part of SciPy; each loads when it is first needed."""
