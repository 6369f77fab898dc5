"""funcgrad's containers, known to JAX: dataclasses and the classes given to `tree.register`."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError
from ..tree.containers import KINDS, DataclassKind, Kind, RegisteredKind
from ..tree.treedef import TreeDef
from . import require

require.jax("register_pytree")

import jax  # noqa: E402

__all__ = ["register_known", "register_pytree", "register_structure"]

_REGISTERED: set[type] = set()


def register_pytree(cls: type) -> type:
    """Make a dataclass, or a class given to `funcgrad.tree.register`, a pytree of JAX's too.

    `to_jax` does it for the classes that funcgrad has met and for those in results; a class that
    `jax.jit` is to take before funcgrad has seen it is registered by hand, also as a decorator.

    Args:
        cls: The class.

    Returns:
        ``cls``.

    Raises:
        ArgumentError: funcgrad takes it for a leaf.
    """
    kind = KINDS[cls]
    if kind is None:
        raise ArgumentError(
            f"register_pytree: {cls.__qualname__} is no container",
            "Make it a dataclass, or call tree.register for it first.",
        )
    _register(cls, kind)
    return cls


def register_known() -> None:
    """Register the classes that funcgrad has met."""
    for cls, kind in KINDS.copy().items():
        if kind is not None:
            _register(cls, kind)


def register_structure(treedef: TreeDef) -> None:
    """Register the classes in the structure of a result."""
    waiting = [treedef]
    while waiting:
        node = waiting.pop()
        if node.kind is not None:
            _register(node.kind.cls, node.kind)
        waiting.extend(node.children)


def _register(cls: type, kind: Kind) -> None:
    if cls in _REGISTERED or not isinstance(kind, DataclassKind | RegisteredKind):
        return
    _REGISTERED.add(cls)

    def flatten(x: Any) -> tuple[Any, Any]:
        children, shape = kind.split(x)
        return tuple(children), shape

    def unflatten(shape: Any, children: Any) -> Any:
        return shape.join(list(children))

    try:
        jax.tree_util.register_pytree_node(cls, flatten, unflatten)
    except ValueError as error:
        if "Duplicate" not in str(error):
            raise  # else the user has registered it
