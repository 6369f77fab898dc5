"""Which arguments a derivative is taken with respect to, by number, name or keyword."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..errors import ArgumentError
from .leaves import describe

__all__ = ["Choice"]


class Choice:
    """The chosen arguments of a function.

    Args:
        f: The function.
        argnums: An int, a tuple of ints, or None.
        argnames: A name, a tuple of names, or None.
        what: The transform, for errors.

    Raises:
        ArgumentError: Where they are not ints and names.
    """

    __slots__ = ("_f", "_names", "_parameters", "_what", "names", "numbers")

    def __init__(self, f: Callable[..., Any], argnums: Any, argnames: Any, what: str) -> None:
        if argnums is None and argnames is None:
            argnums = 0
        if isinstance(argnums, list):
            argnums = tuple(argnums)
        self._f, self._what = f, what
        self._parameters: list[str] | None = None
        self.numbers, self.names = argnums, argnames
        numbers = argnums if isinstance(argnums, tuple) else (argnums,)
        if argnums is not None and not all(type(n) is int for n in numbers):
            raise ArgumentError(
                f"{what}: argnums must be an int or a tuple of ints, got {argnums!r}",
                f"Write argnames={argnums!r}."
                if isinstance(argnums, str)
                else "Write argnums=0 or argnums=(0, 1); arguments are counted from 0.",
            )
        names = argnames if isinstance(argnames, tuple) else (argnames,)
        if argnames is not None and not all(type(n) is str for n in names):
            raise ArgumentError(
                f"{what}: argnames must be a str or a tuple of str, got {argnames!r}",
                "Write argnames='x' or argnames=('x', 'y'); argnums chooses by number.",
            )

    def find(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[int | str]:
        """Where the chosen arguments stand in a call: positions in ``args``, keys of ``kwargs``.

        Raises:
            ArgumentError: Where the call does not have one of them, or has it twice.
        """
        numbers = self.numbers
        if type(numbers) is int and self.names is None and 0 <= numbers < len(args):
            return [numbers]
        found: list[int | str] = []
        if numbers is not None:
            for n in numbers if isinstance(numbers, tuple) else (numbers,):
                found.append(self._by_number(n, args, kwargs))
        if self.names is not None:
            for name in self.names if isinstance(self.names, tuple) else (self.names,):
                found.append(self._by_name(name, args, kwargs))
        if len(set(found)) < len(found):
            raise ArgumentError(
                f"{self._what}: an argument of {describe(self._f)} is chosen twice: "
                f"argnums={self.numbers!r}, argnames={self.names!r}",
                "Name each argument once.",
            )
        return found

    def arrange(self, results: list[Any]) -> Any:
        """One result an argument, in the shape in which they were asked for.

        An int or a name gives the result itself, a tuple of ints a tuple, a tuple of names a dict;
        numbers and names together give a pair of both.
        """
        numbers, names = self.numbers, self.names
        if names is None:
            return tuple(results) if isinstance(numbers, tuple) else results[0]
        count = 0 if numbers is None else len(numbers) if isinstance(numbers, tuple) else 1
        named = results[count:]
        by_name = dict(zip(names, named, strict=True)) if isinstance(names, tuple) else named[0]
        if numbers is None:
            return by_name
        return (tuple(results[:count]) if isinstance(numbers, tuple) else results[0]), by_name

    def label(self, position: int | str) -> str:
        """``argument 0``, ``argument 'w'``: how errors name an argument."""
        return f"argument {position!r}" + f" of {describe(self._f)}"

    def _parameter_names(self) -> list[str]:
        if self._parameters is None:
            try:
                signature = inspect.signature(self._f)
            except (TypeError, ValueError):
                self._parameters = []
            else:
                positional = (
                    inspect.Parameter.POSITIONAL_ONLY,
                    inspect.Parameter.POSITIONAL_OR_KEYWORD,
                )
                self._parameters = [
                    p.name for p in signature.parameters.values() if p.kind in positional
                ]
        return self._parameters

    def _by_number(self, n: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | str:
        count = len(args)
        if 0 <= n < count:
            return n
        names = self._parameter_names()
        total = max(len(names), count)
        if -total <= n < 0:
            n += total
            if n < count:
                return n
        if 0 <= n < len(names) and names[n] in kwargs:
            return names[n]
        given = f"{count or 'no'} positional argument{'s' * (count != 1)}"
        keywords = ", ".join(map(repr, kwargs))
        raise ArgumentError(
            f"{self._what}: argnums has {n}, and {describe(self._f)} was called with {given}"
            + (f" and the keyword{'s' * (len(kwargs) != 1)} {keywords}" if kwargs else ""),
            f"Choose a keyword with argnames, as in argnames={next(iter(kwargs))!r}."
            if kwargs
            else "Arguments are counted from 0.",
        )

    def _by_name(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | str:
        if name in kwargs:
            return name
        names = self._parameter_names()
        if name in names and names.index(name) < len(args):
            return names.index(name)
        known = ", ".join(dict.fromkeys([*names, *kwargs])) or "none"
        raise ArgumentError(
            f"{self._what}: {describe(self._f)} was called without the argument {name!r}",
            f"Its arguments are: {known}.",
        )


def replace(
    args: tuple[Any, ...], kwargs: dict[str, Any], positions: list[int | str], values: list[Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The call's arguments with other values at the chosen places."""
    new_args, new_kwargs = list(args), kwargs
    for position, value in zip(positions, values, strict=True):
        if isinstance(position, int):
            new_args[position] = value
        else:
            new_kwargs = {**new_kwargs, position: value}
    return new_args, new_kwargs


def pick(args: tuple[Any, ...], kwargs: dict[str, Any], position: int | str) -> Any:
    """The argument at a place that `Choice.find` gave."""
    return args[position] if isinstance(position, int) else kwargs[position]
