"""Floor 6: the NumPy namespace for tracers."""

import importlib as _importlib

for _name in (
    *("operators", "create", "index", "inquire", "join", "like", "matrix", "reduce", "scan"),
    *("shape", "statistics", "methods"),
):
    _importlib.import_module("." + _name, __name__)
