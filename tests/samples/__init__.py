"""Sample arguments for every primitive; a test walks them (value, both modes, vmap, backends)."""

from collections.abc import Callable
from typing import Any, NamedTuple


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
