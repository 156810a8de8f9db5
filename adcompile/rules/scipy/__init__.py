"""Tables of rules for SciPy's functions. Sources that call them import the package."""
