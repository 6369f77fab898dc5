"""Layers and functions one after another."""

from __future__ import annotations

from typing import Any, Self

from ... import random
from ...api.leaves import type_of
from ...errors import ArgumentError, StructureError
from ..checks import Array
from .base import Function, Layer, layer

__all__ = ["Sequential"]


@layer
class Sequential(Layer):
    """Layers and functions one after another.

    What some of them need is given to all: ``training`` and ``key`` for dropout and batch
    normalisation, and a state where a layer has one, which comes back with the result.

    Attributes:
        layers: The layers; functions are `Function` layers.

    >>> import numpy as np
    >>> from funcgrad import nn
    >>> first, second = random.split(random.key(0))
    >>> parts = (nn.Linear, 4, 8), nn.relu, (nn.Dropout, 0.5), (nn.Linear, 8, 2)
    >>> model = nn.Sequential.init(first, *parts)
    >>> model(np.ones((3, 4)), training=True, key=second).shape
    (3, 2)
    """

    layers: tuple[Layer, ...]

    @classmethod
    def init(cls, key: Array, *parts: Any) -> Self:
        """The sequence, with new parameters where classes are given.

        Args:
            key: A key; each part gets one of its own.
            *parts: Layers, as they are; functions of an array; or tuples of a class of layers and
                the arguments of its ``init`` behind the key, in a dict at the end those by name:
                ``(nn.Conv, 3, 16, (3, 3), {"strides": 2})``.

        Raises:
            ArgumentError: A part is none of these.
        """
        made = [_layer(part, random.fold_in(key, i), i) for i, part in enumerate(parts)]
        return cls(tuple(made))

    @property
    def stateful(self) -> bool:
        return any(each.stateful for each in self.layers)

    def initial_state(self) -> Any:
        """What the layers remember before the first call, in a tuple; None where none does."""
        return tuple([e.initial_state() for e in self.layers]) if self.stateful else None

    def __call__(
        self, x: Array, state: Any = None, *, training: bool | None = None, key: Array = None
    ) -> Any:
        """The result of the last layer.

        Args:
            x: What the first layer takes.
            state: From `initial_state`, or the call before; None where no layer has one.
            training: For layers that differ in training, which raise where it is left out.
            key: A key, a new one for each step, of which each layer gets one of its own.

        Returns:
            The result; ``(result, new_state)`` where a layer has a state. Of recurrent layers the
            outputs go on.

        Raises:
            StructureError: The state is not one of this sequence.
            ArgumentError: A layer needs to know ``training``.
        """
        y, new = self.apply(x, state, training, key)
        return (y, new) if self.stateful else y

    def apply(self, x: Array, state: Any, training: bool | None, key: Any) -> tuple[Array, Any]:
        states: Any = state if self.stateful else (None,) * len(self.layers)
        if not self._fits(states) or (state is not None and not self.stateful):
            raise StructureError(
                f"nn.Sequential: the state is {type_of(state)}, and not one of its layers",
                "Begin with model.initial_state(), and go on with the state that a call returns: "
                "y, state = model(x, state, training=True)."
                if self.stateful
                else "It has no layer with a state: leave it out.",
            )
        new: list[Any] = []
        for i, (each, old) in enumerate(zip(self.layers, states)):
            own = None if key is None else random.fold_in(key, i)
            x, after = each.apply(x, old, training, own)
            new.append(after)
        return x, tuple(new) if self.stateful else None

    def _fits(self, states: Any) -> bool:
        """Whether there is a state for each layer that has one, and for no other."""
        if type(states) is not tuple or len(states) != len(self.layers):
            return False
        return all((old is not None) == e.stateful for e, old in zip(self.layers, states))


def _layer(part: Any, key: Array, i: int) -> Layer:
    if isinstance(part, Layer):
        return part
    if isinstance(part, tuple) and part and hasattr(part[0], "init"):
        make, *args = part
        named: dict[str, Any] = args.pop() if args and isinstance(args[-1], dict) else {}
        return make.init(key, *args, **named)
    if callable(part) and not isinstance(part, type):
        return Function(part)
    raise ArgumentError(
        f"nn.Sequential: part {i} is {type_of(part)}",
        "Give layers, functions, or tuples of a class and its arguments: (nn.Linear, 4, 8).",
    )
