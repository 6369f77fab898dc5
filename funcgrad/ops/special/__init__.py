"""SciPy's special functions as primitives, by family."""
