"""How functions that users call are put into public modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, TypeVar

from .errors import ROOT, UnknownAttributeError, entry

__all__ = ["absent", "entries", "publish", "publish_all"]


C = TypeVar("C")

_TOP = (["api"], ["control"], ["compile"], ["core"])
"""Folders whose functions users find in the package itself."""

_PUBLISHED: dict[Callable[..., Any], Callable[..., Any]] = {}
"""For functions of this package those that users call in their place."""


def publish(namespace: dict[str, Any], name: str) -> Any:
    """Make what a public module has under a name an `entry`, and known under that module's name.

    Functions are replaced where users find them; what funcgrad itself calls stays as it is. Of an
    object, such as a distribution, the public methods of its class become entries.

    Args:
        namespace: The module's globals; changed in place.
        name: A name among them.

    Returns:
        What the module has under that name from now on.
    """
    value = namespace[name]
    if isinstance(value, FunctionType):
        home = value.__module__.split(".")
        if home[0] == ROOT and not getattr(value, "__entry__", False):
            found = _PUBLISHED.get(value)
            if found is None:
                found: Any = value if hasattr(value, "__entry__") else entry(value)
                _PUBLISHED[value] = found
                found.__entry__ = True
                found.__module__ = ROOT if home[1:2] in _TOP else namespace["__name__"]
                found.__qualname__ = name
                # What stands for a function of NumPy's or SciPy's goes on saying which.
                found.__wrapped__ = getattr(value, "__wrapped__", value)
            namespace[name] = found
    elif type(value).__module__.startswith(ROOT) and not hasattr(value, "__mro__"):
        for cls in type(value).__mro__:
            if cls.__module__.startswith(ROOT):
                _publish_methods(cls, namespace["__name__"])
    return namespace[name]


def entries(cls: type[C]) -> type[C]:
    """A class whose public methods users call, with each of them an `entry`."""
    _publish_methods(cls, cls.__module__.rpartition(".")[0])
    return cls


def publish_all(namespace: dict[str, Any]) -> None:
    """`publish` what a module has of the names in its ``__all__``; other names say what is near."""
    for name in namespace["__all__"]:
        if name in namespace:
            publish(namespace, name)
    module = namespace["__name__"]

    def __getattr__(name: str) -> Any:  # noqa: N807
        raise absent(module, name, namespace["__all__"])

    namespace["__getattr__"] = entry(namespace.get("__getattr__", __getattr__))


def absent(module: str, name: str, names: Iterable[str]) -> AttributeError:
    """The error for a name that a public module does not have."""
    what = f"module {module!r} has no attribute {name!r}"
    if name.startswith("__"):  # asked for by Python itself
        return AttributeError(what)
    from ._keywords import instead

    return UnknownAttributeError(what, instead(module, name, [*names]))


def _publish_methods(cls: type, module: str) -> None:
    for name, method in list(vars(cls).items()):
        public = name == "__call__" or not name.startswith("_")
        if public and isinstance(method, FunctionType) and not hasattr(method, "__entry__"):
            found = entry(method)
            found.__module__ = module
            setattr(cls, name, found)
