"""Which objects may change without being other ones, and are no static values therefore.

A compiled program holds what a static argument was when it was traced, and is found again by
``==``. Where that is identity, as it is where a class does not say, an object whose attributes have
changed would be found to be the same.
"""

from __future__ import annotations

import functools
import sys
from enum import Enum
from types import (
    BuiltinMethodType,
    FunctionType,
    MemberDescriptorType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any, NamedTuple

import numpy as np

from ...tree.treedef import a

__all__ = ["Change", "change_of", "grows"]

_OWN = __name__.partition(".")[0]
_STATIC = (
    *(type, FunctionType, ModuleType, Enum),
    *(functools.partial, np.dtype, np.generic, np.ufunc),
)
_OBJECT = "Pass the object itself and call its method in the function"


class Change(NamedTuple):
    """Why an object is no static value.

    Attributes:
        got: The object and what of it may change, in the words behind "is".
        fix: What to write instead, without a full stop.
    """

    got: str
    fix: str


def change_of(value: Any) -> Change | None:
    """Why a hashable object is no static value by itself; None where it is one."""
    if isinstance(value, _STATIC):
        return None
    if isinstance(value, frozenset):
        return next(filter(None, map(change_of, value)), None)
    if _is_method(value):
        return _of_method(value.__self__)
    cls = type(value)
    if _is_random(value):
        return Change(
            f"{a(cls.__name__)} of random numbers, which changes with every draw",
            "Draw with funcgrad.random and a key, or draw before the call and pass the numbers",
        )
    if hasattr(cls, "__next__"):
        return Change(
            f"{a(cls.__name__)}, which gives something else each time",
            "Pass a list or an array",
        )
    if _is_exempt(value):
        return None
    names = _attributes(value) if cls.__eq__ is object.__eq__ else []
    if not names:
        return None
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return Change(
        f"{a(cls.__name__)}, whose attributes ({shown}) may change unseen",
        f"Make {cls.__name__} a dataclass, frozen or not, whose fields are traced",
    )


def grows(value: Any) -> bool | None:
    """Whether a static value may change when it gets attributes, which is to be seen at each call.

    Returns:
        False where it cannot, True where its ``__dict__`` tells, None where that does not tell.
    """
    if isinstance(value, frozenset):
        return None if any(grows(x) is not False for x in value) else False
    if _is_method(value):
        return False if grows(value.__self__) is False else None
    if type(value).__eq__ is not object.__eq__ or _is_exempt(value):
        return False
    slots = any("__slots__" in vars(cls) for cls in type(value).__mro__)
    return None if slots else hasattr(value, "__dict__")


def _is_method(value: Any) -> bool:
    return isinstance(value, (BuiltinMethodType, MethodWrapperType)) or (
        hasattr(value, "__func__") and hasattr(value, "__self__")
    )


def _is_exempt(value: Any) -> bool:
    """Whether an object is static though it has attributes and is compared by identity."""
    package = type(value).__module__.partition(".")[0]
    return (
        isinstance(value, _STATIC)
        or package == _OWN
        or hasattr(value, "__wrapped__")
        or (package == "numpy" and callable(value))
    )


def _of_method(owner: Any) -> Change | None:
    """Why a method of ``owner`` is no static value; methods are compared by their owner's id."""
    cls = type(owner)
    parameters = getattr(cls, "__dataclass_params__", None)
    if parameters is not None and not isinstance(owner, type):
        change = Change(f"{a(cls.__name__)}, whose fields may change unseen", _OBJECT)
        return None if parameters.frozen else _method(change)
    if cls.__hash__ is None:  # a list, a dict, an array
        return _method(Change(f"{a(cls.__name__)}, which may change unseen", _OBJECT))
    change = change_of(owner)
    return None if change is None else _method(change)


def _method(change: Change) -> Change:
    return Change(f"a method of {change.got}", change.fix)


def _is_random(value: Any) -> bool:
    random: Any = sys.modules.get("random")
    if random is not None and isinstance(value, random.Random):
        return True
    return any(base.__module__.startswith("numpy.random") for base in type(value).__mro__)


def _attributes(value: Any) -> list[str]:
    """The names of the attributes that an instance has of its own."""
    names: list[str] = [*getattr(value, "__dict__", ())]
    for cls in type(value).__mro__:
        if "__slots__" in vars(cls):
            slots = [n for n, x in vars(cls).items() if isinstance(x, MemberDescriptorType)]
            names += [name for name in slots if hasattr(value, name)]
    return names
