"""Sample arguments for every primitive; a test walks them (value, both modes, vmap, backends)."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple

import funcgrad.control
import funcgrad.ops
from funcgrad import tree, vjp
from funcgrad.api.leaves import is_inexact
from funcgrad.core.primitive import REGISTRY, Primitive


class Sample(NamedTuple):
    """A use of a primitive.

    Attributes:
        primitive: Its name in the registry.
        function: A function whose trace contains it; called plainly it gives NumPy's answer.
        args: Arguments away from kinks; floating arrays are differentiated.
    """

    primitive: str
    function: Callable[..., Any]
    args: tuple[Any, ...]


def every_sample() -> list[Sample]:
    """The ``SAMPLES`` of every module here."""
    modules = [
        importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)
    ]
    return [sample for module in modules for sample in getattr(module, "SAMPLES", ())]


def every_primitive() -> dict[str, type[Primitive]]:
    """The primitives of every room, loaded or not, by name."""
    for package in (funcgrad.ops, funcgrad.control):
        for room in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(room.name)
    return {n: p for n, p in REGISTRY.items() if p.__module__.startswith("funcgrad.")}


def pulled(f, args):
    """The cotangents of a sample's arguments; None where it has none."""
    places = [i for i, arg in enumerate(args) if any(map(is_inexact, tree.leaves(arg)))]

    def derivative(*args):
        def g(*point):
            given = list(args)
            for i, p in zip(places, point, strict=True):
                given[i] = p
            return f(*given)

        out, pullback = vjp(g, *[args[i] for i in places])
        return pullback(out)

    return derivative if places else None
