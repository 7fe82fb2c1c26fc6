"""Sparsity: patterns found by a trace, colourings, and evaluation with fewer directions."""
