"""Which arguments a user named static, by position or by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..core.source_info import name_of
from ..errors import ArgumentError

__all__ = ["StaticNames"]


class StaticNames:
    """Which arguments of a function are static.

    Args:
        f: The function.
        argnums: An int or several; negative ones count from the last parameter.
        argnames: A name or several.
        what: The transform that was told so, for errors.

    Attributes:
        numbers: Their positions.
        names: Their names.

    Raises:
        ArgumentError: Where they are no ints and names, or the function has no such parameter.
    """

    __slots__ = ("names", "numbers")

    def __init__(self, f: Callable[..., Any], argnums: Any, argnames: Any, what: str) -> None:
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        names = (argnames,) if isinstance(argnames, str) else tuple(argnames)
        self.numbers: set[int] = set()
        self.names: set[str] = set(names)
        if not numbers and not names:
            return
        for given, kind, which in ((numbers, int, "argnums"), (names, str, "argnames")):
            if not all(isinstance(g, kind) and not isinstance(g, bool) for g in given):
                raise ArgumentError(
                    f"{what}: static_{which} must be {kind.__name__}s, got {given!r}",
                    "Numbers go in static_argnums, names in static_argnames.",
                )
        try:
            parameters = list(inspect.signature(f).parameters.values())
        except (TypeError, ValueError):
            self.numbers = {n for n in numbers if n >= 0}
            return
        positional = [
            p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        open_ended = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        open_names = any(p.kind is p.VAR_KEYWORD for p in parameters)
        known = [p.name for p in parameters]
        called = f"{name_of(f)}()"
        for n in numbers:
            if not (-len(positional) <= n < len(positional) or (open_ended and n >= 0)):
                raise ArgumentError(
                    f"{what}: static_argnums has {n}, and {called} has {len(positional)} "
                    "positional parameters",
                    "Count from 0.",
                )
            n = n + len(positional) if n < 0 else n
            self.numbers.add(n)
            if n < len(positional):
                self.names.add(positional[n])
        for name in names:
            if name not in known and not open_names:
                raise ArgumentError(
                    f"{what}: static_argnames has {name!r}, and {called} has no such parameter",
                    f"Its parameters are: {', '.join(known) or 'none'}.",
                )
            if name in positional:
                self.numbers.add(positional.index(name))

    def among(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[int | str, Any]:
        """The static ones of a call's arguments, by position or name."""
        found: dict[int | str, Any] = {n: args[n] for n in sorted(self.numbers) if n < len(args)}
        found.update({name: kwargs[name] for name in kwargs if name in self.names})
        return found
