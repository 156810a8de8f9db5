"""Sparse Jacobians: which results depend on which inputs, and which columns or rows one sweep can give together."""
