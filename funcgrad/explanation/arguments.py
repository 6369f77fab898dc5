"""What the leaves of a call's arguments are called: ``params['w']``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from .. import tree
from ..compile.calls.signature import parameter_names

__all__ = ["Labels", "label_arguments"]


class Labels(NamedTuple):
    """What the arguments of a call are called.

    Attributes:
        leaves: The name of each leaf.
        positions: For each leaf the argument that it belongs to: its number or keyword.
        arguments: The name of each argument, by its number or keyword.
    """

    leaves: list[str]
    positions: list[int | str]
    arguments: dict[int | str, str]


def label_arguments(f: Callable[..., Any], treedef: tree.TreeDef) -> Labels:
    """What the arguments of ``f`` are called.

    Args:
        f: The function.
        treedef: The structure of ``(args, kwargs)``.
    """
    names = parameter_names(f)
    variadic = _variadic(f)
    labels: list[str] = []
    positions: list[int | str] = []
    arguments: dict[int | str, str] = {}
    for of_keyword, argument, *path in treedef.paths():
        position = argument.key
        positions.append(position)
        if of_keyword.key:
            name = str(position)
        elif position < len(names):
            name = names[position]
        elif variadic:
            name = f"{variadic}[{position - len(names)}]"
        else:
            name = f"x{position}"
        arguments[position] = name
        labels.append(f"{name}{tree.path_string(tuple(path))}")
    return Labels(labels, positions, arguments)


def _variadic(f: Callable[..., Any]) -> str:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return ""
    return next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "")
