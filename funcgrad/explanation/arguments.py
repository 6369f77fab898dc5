"""What the leaves of a call's arguments are called: ``params['w']``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .. import tree
from ..compile.calls.signature import parameter_names

__all__ = ["label_arguments"]


def label_arguments(
    f: Callable[..., Any], treedef: tree.TreeDef
) -> tuple[list[str], list[int | str]]:
    """The name of each leaf, and the argument that it belongs to: its number or keyword.

    Args:
        f: The function.
        treedef: The structure of ``(args, kwargs)``.
    """
    names = parameter_names(f)
    variadic = _variadic(f)
    labels: list[str] = []
    positions: list[int | str] = []
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
        labels.append(f"{name}{tree.path_string(tuple(path))}")
    return labels, positions


def _variadic(f: Callable[..., Any]) -> str:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return ""
    return next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "")
