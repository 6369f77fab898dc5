"""Names that load when first asked for: the one place that imports by a name in a table.

The stub beside a module (``__init__.pyi``, ``lax.pyi``) says which names it has and where they come
from, one line a name, for type checkers; the module takes its table from there, so that no name is
written twice.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .._publish import absent, publish
from ..errors import entry

__all__ = ["attach", "load"]


def load(name: str, package: str | None = None) -> ModuleType:
    """The module of that name, imported if it is not yet."""
    return importlib.import_module(name, package)


def attach(space: dict[str, Any]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a module whose names stand in the stub beside it.

    Args:
        space: The module's ``globals()``.

    Returns:
        The two functions. The first answers ``__all__`` too, and what it gives is published
        (`funcgrad._publish.publish`).
    """
    module, package = space["__name__"], space["__package__"]
    table = _table(space["__spec__"])

    @entry
    def getattr_(name: str) -> Any:
        if name == "__all__":
            return list(table)
        found = table.get(name)
        if found is None:
            raise absent(module, name, table)
        home, own = found
        value = load(f".{own}", package) if home == "." else getattr(load(home, package), own)
        space[name] = value
        return publish(space, name)

    def dir_() -> list[str]:
        return sorted({*space, *table})

    return getattr_, dir_


def _table(spec: Any) -> dict[str, tuple[str, str]]:
    """From each name to the module that it stands in and its name there; "." for modules.

    The stub has one name a line: ``from .home import name as name``; for another name of the same
    object ``from .home import own as _own`` and ``name = _own``.
    """
    stub = f"{spec.origin.rpartition('.')[0]}.pyi"
    found: dict[str, tuple[str, str]] = {}
    for line in spec.loader.get_data(stub).decode().splitlines():
        words = line.split()
        if words[:1] == ["from"]:
            _, home, _, own, _, name = words
            found[name] = home, own
        elif words[1:2] == ["="]:
            found[words[0]] = found[words[2]]
    return {name: where for name, where in found.items() if name[0] != "_"}
