"""Colourings: which columns or rows of a sparse matrix share a direction."""
