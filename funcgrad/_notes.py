"""Floor 0: notes on errors of Python's and NumPy's own that a transformed function raised.

NumPy checks keywords before it asks a tracer, and a list is Python's: neither error can be ours. A
note says what to write. Read where an error leaves a transform, and never loaded before.
"""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any

import numpy as np

__all__ = ["note_on"]

_KEYWORD = re.compile(
    r"(\w+)\(\) got an unexpected keyword argument '(\w+)'(?:\. Did you mean '\w+'\?)?$"
)
_LIST = re.compile(
    r"'list' object has no attribute '(\w+)'|unsupported operand type\(s\) for .*'list'|"
    r"bad operand type for .*'list'|can't multiply sequence by non-int of type|"
    r"can only concatenate list|'[<>]=?' not supported between instances of .*'list'"
)
_AT = re.compile(r"'numpy\.\w+' object has no attribute 'at'")
_JAX = re.compile(
    r"unsupported operand type\(s\) for .*'\w*Tracer' and 'jaxlib.*'|"
    r"unsupported operand type\(s\) for .*'jaxlib.*' and '\w*Tracer'|"
    r"of type <class 'funcgrad.*Tracer'> is not a valid JAX type"
)
_OF_UFUNCS = ("axis", "axes", "casting", "dtype", "keepdims", "order", "out", "signature", "where")


def note_on(error: BaseException) -> str | None:
    """What to write, where ``error`` is one that newcomers meet; None elsewhere."""
    if type(error) is TypeError or type(error) is AttributeError:
        text, frame = str(error), _last(error.__traceback__)
        misspelt = _KEYWORD.match(text)
        if misspelt and frame is not None:
            return _keyword(misspelt[1], misspelt[2], frame.f_globals)
        if _AT.match(text):
            return "A plain array has no at: funcgrad.numpy.at(x)[i].set(y) takes both."
        if _JAX.search(text):
            return (
                "JAX's arrays and functions know nothing of funcgrad's traced values: write "
                "NumPy's functions, numpy.asarray(x) for an array, and "
                "funcgrad.bridge.from_jax(f) for a function."
            )
        if _LIST.search(text) and frame is not None and _holds_traced_list(frame.f_locals):
            return (
                "A list is a pytree here: its numbers are traced one by one. Pass numpy.array(x) "
                "where an array is meant, or make one of the list with funcgrad.numpy.array(x)."
            )
    return None


def _last(tb: TracebackType | None) -> Any:
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    return None if tb is None else tb.tb_frame


def _keyword(name: str, keyword: str, names: dict[str, Any]) -> str | None:
    """The nearest keyword of NumPy's function ``name``, and all that it takes."""
    import difflib
    import inspect

    for label, namespace in (("numpy", np), ("numpy.linalg", np.linalg), ("numpy.fft", np.fft)):
        function = getattr(namespace, name, None)
        if not callable(function) or names.get(name, function) is not function:
            continue
        try:
            taken = [p for p in inspect.signature(function).parameters if p != "args"]
        except ValueError:
            continue
        if isinstance(function, np.ufunc):
            taken = [*_OF_UFUNCS]
        near = difflib.get_close_matches(keyword, taken, n=1, cutoff=0.6)
        write = f"Write {near[0]}=. " if near else ""
        return f"{write}{label}.{name} takes {', '.join(taken)}."
    return None


def _holds_traced_list(variables: dict[str, Any]) -> bool:
    """Whether a list with a tracer in it is among the variables of a frame, or in a dict there."""
    found = [*variables.values()]
    found += [x for value in found if type(value) is dict for x in value.values()]
    return any(
        type(value) is list and any(hasattr(type(x), "frame") for x in value) for value in found
    )
