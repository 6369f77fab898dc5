"""Floor 6: the NumPy namespace for tracers."""

from . import operators as operators
