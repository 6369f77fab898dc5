"""Random numbers that are drawn while a function is traced, and are constants then.

Who draws them cannot be seen, but that a generator has another state afterwards. Looked at are the
global generators of `numpy.random` and `random`, where these are loaded, and those that the
function's globals and cells reach. Another thread that draws meanwhile is taken for the function.
"""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ...core.record import open_frame
from ...core.source_info import name_of, place_of
from ...core.warning import warn

__all__ = ["Draws"]

_OBJECTS_MOST = 256
"""How many objects are looked at in search of generators."""
_ITEMS_MOST = 64
"""The longest container that is looked into."""
_LIBRARIES = frozenset({"numpy", "scipy", __name__.partition(".")[0]})


class Draws:
    """The states of random generators before a function is traced.

    Args:
        f: The function.
        what: The transform that traces it.
    """

    __slots__ = ("_before", "_f", "_what")

    def __init__(self, f: Any, what: str) -> None:
        self._f, self._what = f, what
        # What is traced inside of another trace is part of that.
        generators = {} if open_frame() is not None else dict(_generators(f))
        self._before = [(name, g, _state(g)) for name, g in generators.items()]

    def warn(self) -> bool:
        """Warn where a generator has another state now, and say whether."""
        drawn = [name for name, g, before in self._before if _state(g) != before]
        if drawn:
            warn(
                f"{self._what}: {place_of(self._f)} drew from {' and '.join(drawn)} while it was "
                "traced; the numbers are constants of its program, the same in every call. Draw "
                "with funcgrad.random and a key that is an argument, or draw before the call and "
                "pass the numbers. See docs/what-jit-freezes.md"
            )
        return bool(drawn)


def _generators(f: Any) -> Iterator[tuple[str, Any]]:
    """The random generators that ``f`` may draw from, by what they are called."""
    kinds: tuple[type, ...] = ()
    own: list[Any] = []
    numpys: Any = sys.modules.get("numpy.random")
    if numpys is not None:
        kinds += numpys.Generator, numpys.RandomState
        own.append(numpys.get_state.__self__)
        yield "numpy.random", own[-1]
    pythons: Any = sys.modules.get("random")
    if pythons is not None:
        kinds += (pythons.Random,)
        own.append(pythons.getstate.__self__)
        yield "random", own[-1]
    if kinds:
        for name, value in _reached(f):
            if isinstance(value, kinds) and not any(value is g for g in own):
                yield f"the generator {name}", value


def _reached(f: Any) -> Iterator[tuple[str, Any]]:
    """The nearest objects that a function's globals, cells and attributes reach, with names."""
    names: set[str] = set()
    pending: deque[tuple[str, Any]] = deque([(name_of(f), f)])
    seen: dict[int, Any] = {}
    while pending and len(seen) < _OBJECTS_MOST:
        name, value = pending.popleft()
        if id(value) in seen or isinstance(value, (str, int, float, complex, np.ndarray, type)):
            continue
        seen[id(value)] = value
        yield name, value
        if isinstance(value, FunctionType):
            names.update(_names(value.__code__))
        pending.extend(_inside(name, value, names))


def _inside(name: str, value: Any, names: set[str]) -> Iterator[tuple[str, Any]]:
    """What an object refers to; of a module what some function seen so far may ask for."""
    if isinstance(value, FunctionType):
        if value.__module__ and value.__module__.partition(".")[0] in _LIBRARIES:
            return
        space, code = value.__globals__, value.__code__
        yield from [(n, space[n]) for n in _names(code) if n in space]
        for n, cell in zip(code.co_freevars, value.__closure__ or (), strict=True):
            try:
                yield n, cell.cell_contents
            except ValueError:
                continue  # not set yet
        defaults = value.__defaults__ or ()
        start = code.co_argcount - len(defaults)
        yield from zip(code.co_varnames[start:], defaults, strict=False)
        yield from (value.__kwdefaults__ or {}).items()
    elif isinstance(value, MethodType):
        yield from ((name, value.__func__), (name, value.__self__))
    elif isinstance(value, functools.partial):
        yield from [(name, x) for x in (value.func, *value.args, *value.keywords.values())]
    elif isinstance(value, ModuleType):
        if value.__name__.partition(".")[0] not in _LIBRARIES:
            inside = vars(value)
            yield from [(".".join((name, n)), inside[n]) for n in names if n in inside]
    elif isinstance(value, (list, tuple, set, frozenset)):
        if len(value) <= _ITEMS_MOST:
            yield from [(name, x) for x in value]
    elif isinstance(value, dict):
        if len(value) <= _ITEMS_MOST:
            yield from [(name, x) for x in list(value.values())]
    else:
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict):
            yield from [(".".join((name, n)), x) for n, x in list(attributes.items())]


def _names(code: CodeType) -> Iterator[str]:
    """The names of globals and attributes in a function, in those that it makes too."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _state(generator: Any) -> Any:
    """What every draw changes, in a form that ``==`` compares."""
    if hasattr(generator, "bit_generator"):
        return _plain(generator.bit_generator.state)
    if hasattr(generator, "get_state"):
        return _plain(generator.get_state(legacy=False))
    try:
        return generator.getstate()
    except NotImplementedError:  # the operating system's, which has none
        return None


def _plain(state: Any) -> Any:
    if isinstance(state, dict):
        return {name: _plain(part) for name, part in state.items()}
    return state.tobytes() if isinstance(state, np.ndarray) else state
