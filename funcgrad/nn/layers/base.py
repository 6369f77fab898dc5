"""What all layers share: how they are made, how they print, how a sequence calls them."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from types import FunctionType
from typing import Any, Self, TypeVar

import numpy as np
from typing_extensions import dataclass_transform

from ..._publish import _publish_methods
from ...api.leaves import type_of
from ...errors import ArgumentError, DtypeError, ShapeError, entry
from ..checks import Array, as_array

__all__ = ["Function", "Layer", "check_last", "count", "layer", "parameter_dtype", "static"]

C = TypeVar("C")

_HOME = "funcgrad.nn"


def static(*, default: Any = dataclasses.MISSING) -> Any:
    """A field that belongs to the structure of a layer, and is neither traced nor trained."""
    return dataclasses.field(default=default, metadata={"static": True})


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(static,))
def layer(cls: type[C]) -> type[C]:
    """A class of layers: a frozen dataclass that is compared by identity, known under `nn`."""
    for name, method in list(vars(cls).items()):
        if isinstance(method, classmethod):
            found = entry(method.__func__)
            found.__module__ = _HOME
            setattr(cls, name, classmethod(found))
    _publish_methods(cls, _HOME)
    made = dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
    made.__module__ = _HOME
    return made


class Layer:
    """A dataclass of parameters that is called on what goes through it.

    Layers are made by the class method ``init``, whose first argument is a key, and are never
    changed: a gradient with respect to a layer is a layer of gradients, and an optimizer gives a
    new one. `dataclasses.replace` exchanges a parameter.
    """

    @property
    def stateful(self) -> bool:
        """Whether a call takes a state and returns a new one."""
        return False

    def initial_state(self) -> Any:
        """What the layer remembers before the first call: None for most."""
        return None

    def apply(self, x: Array, state: Any, training: bool | None, key: Any) -> tuple[Array, Any]:
        """The call as a sequence makes it: the result and the new state."""
        return self(x), state  # type: ignore[operator]

    def __repr__(self) -> str:
        fields: Any = dataclasses.fields(self)  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join([self._shown(f) for f in fields])})"

    def _shown(self, field: Any) -> str:
        value = getattr(self, field.name)
        if isinstance(value, FunctionType):
            return f"{field.name}={value.__name__}"
        array = hasattr(value, "dtype") and hasattr(value, "shape")
        return f"{field.name}={type_of(value) if array else repr(value)}"


@layer
class Function(Layer):
    """A function without parameters as a layer; `Sequential` makes one of every function in it.

    Attributes:
        function: The function, part of the structure.

    >>> Function(np.tanh)(0.0)
    np.float64(0.0)
    """

    function: Callable[..., Any] = static()

    def __call__(self, x: Array) -> Array:
        return self.function(x)

    @classmethod
    def init(cls, key: Any, function: Callable[..., Any]) -> Self:
        """The layer; the key is not read."""
        if not callable(function):
            raise ArgumentError(
                f"nn.Function: expected a function, got {type_of(function)}",
                "Write nn.Function(nn.relu).",
            )
        return cls(function)


def count(called: str, name: str, value: Any) -> int:
    """A number of features or the like as an integer of at least 1."""
    try:
        found = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        found = 0
    if found < 1:
        raise ArgumentError(
            f"nn.{called}: {name} is an integer >= 1, got {type_of(value) if found else value!r}",
            f"The key comes first: nn.{called}.init(key, ...).",
        )
    return found


def parameter_dtype(called: str, dtype: Any) -> np.dtype[Any]:
    """The dtype of parameters, real or complex."""
    found = np.dtype(dtype)
    if found.kind not in "fc":
        raise DtypeError(
            f"nn.{called}: parameters have a floating or complex dtype, got {found}",
            "Leave dtype out, or give numpy.float32.",
        )
    return found


def check_last(called: str, x: Array, parameter: Array, rank: int, inputs: int = 0) -> Array:
    """``x`` as an array whose last axis is axis ``inputs`` of a parameter of that rank."""
    shape = np.shape(parameter)
    if len(shape) != rank:
        raise ShapeError(
            f"nn.{called}: its parameter has shape {shape}, where {rank} axes are meant",
            f"Layers are made by nn.{called}.init(key, ...).",
        )
    x = as_array(f"nn.{called}", x)
    if not x.shape or x.shape[-1] != shape[inputs]:
        raise ShapeError(
            f"nn.{called}: got x of shape {x.shape}, and takes {shape[inputs]} features",
            f"Give x of shape (..., {shape[inputs]}).",
        )
    return x
