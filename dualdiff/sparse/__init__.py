"""Sparse derivatives: patterns, colourings, and evaluation in few directions."""
