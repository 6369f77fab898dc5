"""Floor 2: which of NumPy's functions the user's line called that asked a tracer for its value.

`numpy.array`, `numpy.float32` and whatever gets a list with tracers in it make an array of their
argument, and all that a tracer hears of is ``__array__``. The function is read off the user's line.
"""

from __future__ import annotations

import ast
import linecache
import sys
import types
from itertools import islice
from typing import Any

import numpy as np

from ..errors import LIBRARIES

__all__ = ["in_sparse", "numpys_function", "takes_tracers"]

_UNDER = (("numpy.linalg", np.linalg), ("numpy.fft", np.fft), ("numpy", np))


def numpys_function() -> str:
    """``"numpy.array"`` where the user's line is calling that, "" where it cannot be told."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(LIBRARIES):
        frame = frame.f_back
    function = None if frame is None else _called(frame)
    for module, namespace in _UNDER if function is not None else ():
        name = getattr(function, "__name__", "")
        if getattr(namespace, name, None) is function:
            return f"{module}.{name}"
    return ""


def _called(frame: types.FrameType) -> Any:
    """What the expression under way in ``frame`` calls, or None."""
    where = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), None)
    if where is None or None in where:
        return None
    first, last, begin, end = where
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)[first - 1 : last]  # type: ignore[operator]
    if not lines:
        return None
    text = [line.encode() for line in lines]
    text[-1] = text[-1][:end]
    text[0] = text[0][begin:]
    try:
        call = ast.parse(b"(" + b"".join(text) + b")", mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(call, ast.Call):
        return None
    names: list[str] = []
    node = call.func
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    found = frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    for name in reversed(names):
        if not isinstance(found, types.ModuleType):
            return None
        found = getattr(found, name, None)
    return found


def takes_tracers(name: str) -> bool:
    """Whether ``funcgrad.numpy`` has a counterpart of NumPy's function ``name``."""
    table = sys.modules.get("funcgrad.numpy.modules")  # on a higher floor
    return table is not None and name.split(".")[1] in table.MODULE_OF


def in_sparse() -> bool:
    """Whether code of `scipy.sparse` that the user's line called is running."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(LIBRARIES):
        if str(frame.f_globals.get("__name__", "")).startswith("scipy.sparse"):
            return True
        frame = frame.f_back
    return False
