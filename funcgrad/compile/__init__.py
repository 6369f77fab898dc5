"""`jit`, the passes that simplify a program, and the backend that writes NumPy."""
