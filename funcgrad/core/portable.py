"""How callables that are made from functions pickle: as plain functions do.

`pickle` writes a function as its module and name; where a decorated function is known under the
name of the function, that is all that is written. `cloudpickle`, by which joblib and others send
functions to other processes, writes functions of ``__main__`` by value, since these processes have
another ``__main__``; of callables of other classes it would write the name. So what is pickled here
are two plain functions, which every pickler treats as it treats functions: one that leads to the
callable where it is found by name, and one that holds what it was made of.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

__all__ = ["Portable", "by_name", "reduced", "restore"]


class Portable:
    """A callable made from a function.

    A class says with ``_parts`` what an instance is made of, from which ``_fill`` makes it; where
    instances have classes of their own, ``kind`` is the class that is common to them and
    ``empty()`` makes one.
    """

    @property
    def by_name(self) -> Carriers:
        """The functions by which it is pickled where a module knows it."""
        return by_name(self)

    def _parts(self) -> Any:
        raise NotImplementedError

    def _fill(self, parts: Any) -> None:
        raise NotImplementedError

    def __reduce_ex__(self, protocol: Any) -> str | tuple[Any, ...]:
        return reduced(self, protocol)

    def __setstate__(self, state: Any) -> None:
        restore(self, state)


class _Held:
    """What a carrier closes over; pickled by value it is its parts."""

    __slots__ = ("get", "value")

    def __init__(self, value: Any, get: Callable[[Any], Any] | None) -> None:
        self.value, self.get = value, get

    def __reduce__(self) -> tuple[Any, ...]:
        return _Held, (None if self.get is None else self.get(self.value), None)


class Carriers:
    """The two functions.

    Attributes:
        shell: Gives the callable where it is found by name; by value it gives None.
        contents: Gives the callable's parts, by value; where it is found by name, the callable.
    """

    __slots__ = ("contents", "shell")

    def __init__(self, owner: Any) -> None:
        self.shell = _carrier(owner, "shell", _Held(owner, None))
        self.contents = _carrier(owner, "contents", _Held(owner, lambda owner: owner._parts()))


def _carrier(owner: Any, name: str, held: _Held) -> FunctionType:
    def carrier() -> Any:
        return held.value

    carrier.__module__ = owner.__module__
    carrier.__qualname__ = f"{owner.__qualname__}.by_name.{name}"
    carrier.__name__ = name
    assert isinstance(carrier, FunctionType)
    return carrier


def by_name(owner: Any) -> Carriers:
    """The functions by which a callable is pickled where a module knows it; always the same."""
    known = vars(owner).get("_by_name")
    return vars(owner).setdefault("_by_name", Carriers(owner)) if known is None else known


def reduced(owner: Any, protocol: int) -> str | tuple[Any, ...]:
    """What ``__reduce_ex__`` gives: an empty callable first, for what it holds may hold it again.

    Before protocol 4 there are no names in objects, and those in modules are all there is.
    """
    cls = getattr(type(owner), "kind", type(owner))
    name, module = getattr(owner, "__qualname__", None), getattr(owner, "__module__", None)
    found: Any = sys.modules.get(module) if isinstance(module, str) else None
    if not isinstance(name, str) or found is None:
        return _shell, (cls, None), owner._parts()
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not owner:
        return _shell, (cls, None), owner._parts()
    if protocol < 4:
        return name
    carriers = by_name(owner)
    return _shell, (cls, carriers.shell), carriers.contents


def _shell(cls: Any, carrier: Callable[[], Any] | None) -> Any:
    found = None if carrier is None else carrier()
    if found is not None:
        return found
    make = getattr(cls, "empty", None)
    return object.__new__(cls) if make is None else make()


def restore(owner: Any, state: Any) -> None:
    """What ``__setstate__`` does: fill a callable that is new."""
    if "__wrapped__" not in vars(owner):
        owner._fill(state() if isinstance(state, FunctionType) else state)
